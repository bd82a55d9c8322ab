"""A client index in memory: what the store answers, for ``qidesk parse`` and for tests."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from bot.grammar.who import Hit, Query
from crm import names
from crm.names import How, Key, Probe

MOST_HITS = 20


class Index:
    """Built from rows ``{account, name, mobile, manager}``; answers for one person at a time."""

    def __init__(self, rows: Iterable[Mapping[str, object]]) -> None:
        self._rows = [
            {key: str(value) for key, value in row.items() if value not in {None, ""}}
            for row in rows
        ]
        self._managers = {row["manager"] for row in self._rows if "manager" in row}
        self._keys: dict[Key, list[int]] = defaultdict(list)
        for number, row in enumerate(self._rows):
            mobiles = [row["mobile"]] if row.get("mobile") else []
            for key in names.search_keys(row["name"], accounts=[row["account"]], mobiles=mobiles):
                self._keys[key].append(number)

    def fetch(self, queries: Sequence[Query], *, person: str = "") -> dict[Query, tuple[Hit, ...]]:
        """The clients of each query, one's own first."""
        return {query: self._hits(query, person) for query in queries}

    def client(self, words: str, *, person: str = "") -> Hit | None:
        """The one client of this account or name."""
        for number, row in enumerate(self._rows):
            if words in {row["account"], row["name"]}:
                return self._hit(number, person, "exact")
        return None

    def _hits(self, query: Query, person: str) -> tuple[Hit, ...]:
        probes = query.probes()
        hits: dict[int, Hit] = {}
        for how in names.TIERS:
            if hits and how in {"sound", "typo"}:
                break
            for probe in probes:
                if probe.how == how:
                    self._collect(probe, person, hits)
            if any(hit.own for hit in hits.values()):
                break
        return tuple(sorted(hits.values(), key=lambda hit: (not hit.own, hit.rank)))[:MOST_HITS]

    def _collect(self, probe: Probe, person: str, hits: dict[int, Hit]) -> None:
        for number in self._filed(probe):
            hit = self._hit(number, person, probe.how)
            if hit.own or probe.kind in names.OPEN_KINDS:
                hits.setdefault(number, hit)

    def _filed(self, probe: Probe) -> Iterator[int]:
        """Rows under one of the keys that a probe looks for, and under all that must come too."""
        for key in probe.sought():
            for number in self._keys.get(Key(probe.kind, key), ()):
                if all(number in self._keys.get(Key(probe.kind, o), ()) for o in probe.also):
                    yield number

    def _hit(self, number: int, person: str, how: How) -> Hit:
        """Who manages nobody here oversees everybody."""
        row = self._rows[number]
        own = person not in self._managers or row.get("manager") == person
        return Hit(number, row["account"], row["name"], own, how, rank=number)
