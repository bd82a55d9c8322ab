"""``qidesk parse``: lines in, how they are understood out, nothing executed."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import func, select

from bot.app import clock_of, store_of
from bot.grammar.index import Index
from bot.grammar.record import calendar_of, parse_record
from bot.settings import Settings
from crm.kernel.calendar import Calendar
from crm.kernel.errors import SettingsError
from crm.models import Client, FundAccount

Record = Mapping[str, object]


def read_clients(path: Path) -> Index:
    """A YAML list of ``{account, name, mobile, manager}``."""
    rows = _yaml(path)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise SettingsError(f"{path}：应为客户的列表，每项有 account、name、mobile、manager")
    for number, row in enumerate(rows, start=1):
        if not {"account", "name"} <= set(row):
            raise SettingsError(f"{path} 第 {number} 项：缺 account 或 name")
    return Index(rows)


async def stored_clients(settings: Settings) -> Index:
    """The clients of the store, without their mobiles: those are not opened for a look."""
    store = store_of(settings, clock_of(settings))
    try:
        async with store.reading() as session:
            account = func.min(FundAccount.account)
            rows = await session.execute(
                select(account, Client.name, Client.owner)
                .join(FundAccount, FundAccount.client_id == Client.id)
                .group_by(Client.id)
            )
            return Index(
                {"account": found, "name": name, "manager": owner or ""}
                for found, name, owner in rows
            )
    finally:
        await store.close()


def read_calendar(path: Path | None) -> Calendar:
    """A YAML ``{closed: [dates], no_night: [dates]}``; the shipped one without a file."""
    if path is None:
        return Calendar.shipped()
    found = _yaml(path)
    if not isinstance(found, dict) or not set(found) <= {"closed", "no_night"}:
        raise SettingsError(f"{path}：应为 closed 和 no_night 两个日期列表")
    try:
        return calendar_of(found.get("closed") or (), found.get("no_night") or ())
    except (TypeError, ValueError) as error:
        raise SettingsError(f"{path}：日期应写成 2027-01-01（{error}）") from None


def _yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" 第 {mark.line + 1} 行第 {mark.column + 1} 列" if mark else ""
        raise SettingsError(f"{path}{place}：不是有效的 YAML") from None


def records(line: str | None, file: Path | None, at: str | None) -> Iterator[Record]:
    """One record for a line, or those of a file; ``at`` fills in a missing moment."""
    moment = at or datetime.now(UTC).isoformat()
    if file is None:
        yield {"id": None, "text": line or "", "at": moment}
        return
    with file.open(encoding="utf-8") as lines:
        for number, text in enumerate(lines, start=1):
            if not text.strip():
                continue
            try:
                record = json.loads(text)
            except ValueError as error:
                raise SettingsError(f"{file} 第 {number} 行：不是有效的 JSON（{error}）") from None
            if not isinstance(record, dict) or "text" not in record:
                raise SettingsError(f"{file} 第 {number} 行：应为带 text 的对象")
            yield {"at": moment, **record}


def understand(record: Record, clients: Index, calendar: Calendar) -> dict[str, object]:
    try:
        return parse_record(record, clients, calendar)
    except (ValueError, TypeError) as error:
        raise SettingsError(f"记录 {record.get('id')}：{error}") from None


def as_json(found: Mapping[str, object]) -> str:
    return json.dumps(found, ensure_ascii=False)


def as_text(found: Mapping[str, object]) -> str:
    """One fact a line, the empty ones left out."""
    return "\n".join(f"{key:10} {value}" for key, value in found.items() if value)
