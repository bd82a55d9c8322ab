"""The trading calendar in force: the shipped one, or what an admin loaded."""

import csv
from datetime import date
from pathlib import Path

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from crm.kernel import audit
from crm.kernel.calendar import Calendar
from crm.kernel.errors import UserError
from crm.models import CalendarDay

KINDS = ("closed", "no_night")


class CalendarFileWrong(UserError):
    say = "{file} 第 {line} 行：{why}"


async def load(session: AsyncSession) -> Calendar:
    rows = await session.execute(select(CalendarDay.day, CalendarDay.kind, CalendarDay.holiday))
    found = rows.all()
    return Calendar.of_rows(found) if found else Calendar.shipped()


async def announced_until(session: AsyncSession) -> date:
    """The last day that the exchanges have announced; what an admin loaded counts as announced."""
    loaded = await session.scalar(select(func.max(CalendarDay.day)))
    return date(loaded.year, 12, 31) if loaded else Calendar.shipped_until()


def read_file(path: Path) -> list[tuple[date, str, str]]:
    """``date,kind,holiday`` rows of a csv file. Raises CalendarFileWrong."""
    rows: list[tuple[date, str, str]] = []
    seen: set[date] = set()
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        if not {"date", "kind"} <= set(reader.fieldnames or ()):
            raise CalendarFileWrong(file=path.name, line=1, why="表头应有 date,kind,holiday")
        for row in reader:
            try:
                day = date.fromisoformat((row["date"] or "").strip())
            except ValueError:
                raise _wrong(path, reader.line_num, "日期应写成 2027-01-01") from None
            kind = (row["kind"] or "").strip()
            if kind not in KINDS:
                raise _wrong(path, reader.line_num, "kind 应为 closed 或 no_night")
            if day.weekday() > 4:
                raise _wrong(path, reader.line_num, "周末本来就休市，不用写")
            if day in seen:
                raise _wrong(path, reader.line_num, "这一天写了两次")
            seen.add(day)
            rows.append((day, kind, (row.get("holiday") or "").strip()))
    if not rows:
        raise _wrong(path, 1, "没有任何日子")
    return rows


def _wrong(path: Path, line: int, why: str) -> CalendarFileWrong:
    return CalendarFileWrong(file=path.name, line=line, why=why)


async def replace(session: AsyncSession, rows: list[tuple[date, str, str]], *, by: str) -> Calendar:
    """Put a new calendar in force."""
    await session.execute(delete(CalendarDay))
    await session.execute(
        insert(CalendarDay),
        [{"day": day, "kind": kind, "holiday": holiday} for day, kind, holiday in rows],
    )
    audit.note(session, by, "calendar.load", "calendar", days=len(rows))
    return Calendar.of_rows(rows)
