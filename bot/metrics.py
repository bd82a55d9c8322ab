"""Figures for Prometheus, and the tally of calls against monthly quotas."""

from collections import Counter as Tally

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
LEADS = Gauge("qidesk_leads", "Whether this process serves people", registry=REGISTRY)
PART_OK = Gauge("qidesk_part_ok", "Whether a part is well", ["part"], registry=REGISTRY)
ALARMS = Counter("qidesk_alarms", "Troubles told to the admins", ["part"], registry=REGISTRY)
CALLS = Counter(
    "qidesk_platform_calls", "Calls by quota pool", ["platform", "pool"], registry=REGISTRY
)

_tally: Tally[tuple[str, str]] = Tally()
_shown: Tally[tuple[str, str]] = Tally()  # how much of it is in CALLS


def tally(platform: str, pool: str) -> None:
    """One call against a monthly quota pool, as cheaply as can be: it is done for every frame."""
    _tally[platform, pool] += 1


def _show_tally() -> None:
    for (platform, pool), count in _tally.items():
        CALLS.labels(platform, pool).inc(count - _shown[platform, pool])
        _shown[platform, pool] = count


def take_tally() -> dict[tuple[str, str], int]:
    """What was counted since the last time, to be written down."""
    _show_tally()
    taken = dict(_tally)
    _tally.clear()
    _shown.clear()
    return taken


def give_back(taken: dict[tuple[str, str], int]) -> None:
    """What ``take_tally`` gave could not be written down: it counts to the next time."""
    _tally.update(taken)
    _shown.update(taken)


def page() -> bytes:
    _show_tally()
    return generate_latest(REGISTRY)
