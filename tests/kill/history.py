"""What happened in a run, line by line, for ``check_history.py``."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


class History:
    """JSON lines, each written when it happened; kept in ``path`` too, where there is one."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._lines: list[str] = []

    def note(self, what: str, **facts: object) -> None:
        self._add([{"what": what, "when": f"{datetime.now(UTC):%H:%M:%S.%f}", **facts}])

    def note_rest(self, stands: Iterable[dict[str, Any]]) -> None:
        """What stands when nothing is under way; the first of it is the line ``rest``."""
        self._add([{**one, "stands": True} for one in stands])

    def _add(self, lines: Iterable[dict[str, Any]]) -> None:
        told = [json.dumps(line, ensure_ascii=False) for line in lines]
        self._lines += told
        if self.path is not None:
            with self.path.open("a", encoding="utf-8") as file:
                file.writelines(f"{line}\n" for line in told)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return map(json.loads, self._lines)

    def __str__(self) -> str:
        return str(self.path or "")
