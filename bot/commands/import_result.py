"""What became of an imported file, for people and for programs."""

from collections.abc import Sequence
from dataclasses import dataclass

from crm.imports.rejects import Reject

MOST_SHOWN = 20  # rejects on the screen; the file has all


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """``why`` is set when there was nothing to read in the file."""

    rows: int = 0
    taken: int = 0
    updated: int = 0
    unchanged: int = 0
    rejects: Sequence[Reject] = ()
    headings_not_recognised: Sequence[str] = ()
    notices: Sequence[str] = ()
    dry_run: bool = False
    why: str = ""

    @property
    def rejected(self) -> int:
        return len({(one.sheet, one.row) for one in self.rejects})

    @property
    def exit_code(self) -> int:
        """0 all in, 3 some rejected, 2 nothing read."""
        if self.why:
            return 2
        return 3 if self.rejects else 0

    def as_json(self) -> dict[str, object]:
        return {
            "rows": self.rows,
            "taken": self.taken,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "rejected": self.rejected,
            "rejects": [_as_json(one) for one in self.rejects],
            "headings_not_recognised": list(self.headings_not_recognised),
            "notices": list(self.notices),
            "dry_run": self.dry_run,
        }

    def as_text(self) -> str:
        head = "试运行，没有写入：" if self.dry_run else ""
        counts = (
            f"{head}共 {self.rows} 行，新增 {self.taken}，更新 {self.updated}，"
            f"未变 {self.unchanged}，不合格 {self.rejected}"
        )
        shown = [_line(one) for one in self.rejects[:MOST_SHOWN]]
        if len(self.rejects) > MOST_SHOWN:
            shown.append(f"……还有 {len(self.rejects) - MOST_SHOWN} 处不合格")
        unknown = "、".join(self.headings_not_recognised)
        headings = [f"没有认出的列：{unknown}"] if unknown else []
        return "\n".join([counts, *headings, *self.notices, *shown])


def _as_json(one: Reject) -> dict[str, object]:
    sheet = {"sheet": one.sheet} if one.sheet else {}
    return {
        **sheet,
        "row": one.row,
        "column": one.column,
        "value_masked": one.value_masked,
        "why": one.reason,
    }


def _line(one: Reject) -> str:
    return f"{f'{one.sheet} ' if one.sheet else ''}第 {one.row} 行：{one.reason}"
