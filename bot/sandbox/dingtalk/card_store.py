"""Cards on disk: their data, who sees what, and the renderings that people may still have open."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from bot.sandbox.dingtalk.templates import Template, templates
from bot.sandbox.disk import Disk

RENDERINGS_KEPT = 50
SCHEMA = """
CREATE TABLE IF NOT EXISTS dingtalk_card (
  track TEXT PRIMARY KEY, client_id TEXT NOT NULL, template TEXT NOT NULL,
  streams INTEGER NOT NULL, union_ids INTEGER NOT NULL, spaces TEXT NOT NULL,
  toasts TEXT NOT NULL, n INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS dingtalk_rendering (
  track TEXT, n INTEGER, public TEXT NOT NULL, private TEXT NOT NULL, PRIMARY KEY (track, n)
);
"""


@dataclass(frozen=True, slots=True)
class Data:
    """Public values and, by person, private ones."""

    public: dict[str, str]
    private: dict[str, dict[str, str]] = field(default_factory=dict)

    def of(self, viewer: str, template: Template) -> dict[str, str]:
        """Private wins, but only where the template marks the variable so."""
        own = self.private.get(viewer, {})
        return self.public | {key: own[key] for key in own if key in template.private}


@dataclass(frozen=True, slots=True)
class StoredCard:
    """``streams``: clicks are pushed over Stream, else they go nowhere. ``n`` counts renderings."""

    track: str
    client_id: str
    template: Template
    streams: bool
    union_ids: bool
    spaces: frozenset[str]
    data: Data
    toasts: Mapping[str, str] = field(default_factory=dict)
    n: int = 0


class CardStore:
    def __init__(self, disk: Disk) -> None:
        disk.define(SCHEMA)
        self._disk = disk

    def find(self, track: str) -> StoredCard | None:
        row = self._disk.row(
            "SELECT * FROM dingtalk_card JOIN dingtalk_rendering USING (track, n) WHERE track = ?",
            track,
        )
        if row is None:
            return None
        return StoredCard(
            track=track,
            client_id=row["client_id"],
            template=templates()[row["template"]],
            streams=bool(row["streams"]),
            union_ids=bool(row["union_ids"]),
            spaces=frozenset(json.loads(row["spaces"])),
            data=Data(json.loads(row["public"]), json.loads(row["private"])),
            toasts=json.loads(row["toasts"]),
            n=row["n"],
        )

    def add(self, card: StoredCard) -> None:
        self._disk.run(
            "INSERT INTO dingtalk_card VALUES (?, ?, ?, ?, ?, ?, '{}', ?)",
            card.track,
            card.client_id,
            card.template.id,
            card.streams,
            card.union_ids,
            json.dumps(sorted(card.spaces)),
            card.n,
        )
        self._keep_rendering(card)

    def allow_spaces(self, card: StoredCard, spaces: frozenset[str]) -> None:
        self._disk.run(
            "UPDATE dingtalk_card SET spaces = ? WHERE track = ?",
            json.dumps(sorted(card.spaces | spaces)),
            card.track,
        )

    def write(self, card: StoredCard, data: Data) -> None:
        """A new rendering; passing words to people are over."""
        fresh = replace(card, data=data, n=card.n + 1)
        self._disk.run(
            "UPDATE dingtalk_card SET n = ?, toasts = '{}' WHERE track = ?", fresh.n, card.track
        )
        self._keep_rendering(fresh)

    def toast(self, track: str, person: str, text: str) -> None:
        """A passing word to one person, until the card changes."""
        self._disk.run(
            "UPDATE dingtalk_card SET toasts = json_set(toasts, '$.' || ?, ?) WHERE track = ?",
            json.dumps(person),
            text,
            track,
        )

    def renderings(self, track: str) -> list[Data]:
        """The newest first."""
        return [
            Data(json.loads(row["public"]), json.loads(row["private"]))
            for row in self._disk.rows(
                "SELECT * FROM dingtalk_rendering WHERE track = ? ORDER BY n DESC", track
            )
        ]

    def _keep_rendering(self, card: StoredCard) -> None:
        self._disk.run(
            "INSERT INTO dingtalk_rendering VALUES (?, ?, ?, ?)",
            card.track,
            card.n,
            json.dumps(card.data.public, ensure_ascii=False),
            json.dumps(card.data.private, ensure_ascii=False),
        )
        self._disk.run(
            "DELETE FROM dingtalk_rendering WHERE track = ? AND n <= ?",
            card.track,
            card.n - RENDERINGS_KEPT,
        )
