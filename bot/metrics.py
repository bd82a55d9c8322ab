"""Figures for Prometheus, and the tally of calls against monthly quotas."""

from collections import Counter as Tally
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

REGISTRY = CollectorRegistry()

HEARD = Counter("qidesk_heard", "Messages and clicks stored", ["platform"], registry=REGISTRY)
ANSWER_SECONDS = Histogram(
    "qidesk_answer_seconds",
    "From the inbox commit to the answer's commit",
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
    registry=REGISTRY,
)
BROKEN = Counter("qidesk_broken", "Messages that met a bug of ours", registry=REGISTRY)
SENT = Counter(
    "qidesk_sent", "Tries to send by outcome", ["platform", "outcome"], registry=REGISTRY
)
OUTBOX = Gauge(
    "qidesk_outbox",
    "Items not delivered, by state",
    ["state"],
    registry=REGISTRY,
)
FAILED = Gauge("qidesk_failed", "Messages kept because a bug met them", registry=REGISTRY)
PART_OK = Gauge("qidesk_part_ok", "Whether a part is well", ["part"], registry=REGISTRY)
ALARMS = Counter("qidesk_alarms", "Troubles told to the admins", ["part"], registry=REGISTRY)
CALLS = Counter(
    "qidesk_platform_calls", "Calls by quota pool", ["platform", "pool"], registry=REGISTRY
)

_tally: Tally[tuple[str, str]] = Tally()
_calls = cache(CALLS.labels)  # looked up for every frame


def tally(platform: str, pool: str) -> None:
    """One call against a monthly quota pool; ``take_tally`` writes them down in batches."""
    _calls(platform, pool).inc()
    _tally[platform, pool] += 1


def take_tally() -> dict[tuple[str, str], int]:
    """What was counted since the last time."""
    taken = dict(_tally)
    _tally.clear()
    return taken


def give_back(taken: dict[tuple[str, str], int]) -> None:
    """What ``take_tally`` gave could not be written down: it counts to the next time."""
    _tally.update(taken)


def page() -> bytes:
    return generate_latest(REGISTRY)
