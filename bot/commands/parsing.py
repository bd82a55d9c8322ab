"""``qidesk parse``: lines in, how they are understood out, nothing executed."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import func, select

from bot.app.database import clock_of
from bot.app.stores import store_of
from bot.chat.message import Place
from bot.grammar.index import Index
from bot.grammar.record import calendar_of, moment, parse_record
from bot.settings import Settings
from crm.kernel.calendar import Calendar
from crm.kernel.errors import CommandLineWrong, SettingsError
from crm.models import Client, FundAccount

Record = Mapping[str, object]
_EMPTY = frozenset({"", "~", "null"})


def read_clients(path: Path) -> Index:
    """A YAML list of ``{account, name, mobile, manager}``."""
    rows = _yaml(path, yaml.BaseLoader)  # an account keeps its leading zeros
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise SettingsError(f"{path}：应为客户的列表，每项有 account、name、mobile、manager")
    for number, row in enumerate(rows, start=1):
        if not {"account", "name"} <= set(row):
            raise SettingsError(f"{path} 第 {number} 项：缺 account 或 name")
        if not all(isinstance(value, str) for value in row.values()):
            raise SettingsError(f"{path} 第 {number} 项：每一栏只能是一个值")
    return Index({key: value for key, value in row.items() if value not in _EMPTY} for row in rows)


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
    found = _yaml(path, yaml.BaseLoader)  # dates are read here, so that a wrong one is named
    if not isinstance(found, dict) or not set(found) <= {"closed", "no_night"}:
        raise SettingsError(f"{path}：应为 closed 和 no_night 两个日期列表")
    return calendar_of(
        _dates(found.get("closed") or [], path), _dates(found.get("no_night") or [], path)
    )


def _dates(words: Any, path: Path) -> list[date]:
    if not isinstance(words, list):
        raise SettingsError(f"{path}：closed 和 no_night 应为日期的列表")
    try:
        return [date.fromisoformat(word := str(each)) for each in words]
    except ValueError:
        raise SettingsError(f"{path}：{word} 不是日期，应写成 2027-01-01") from None


def _yaml(path: Path, loader: type[yaml.BaseLoader]) -> Any:
    try:
        return yaml.load(path.read_text(encoding="utf-8-sig"), loader)  # noqa: S506  plain strings
    except UnicodeDecodeError:
        raise SettingsError(f"{path}：应存为 UTF-8") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" 第 {mark.line + 1} 行第 {mark.column + 1} 列" if mark else ""
        raise SettingsError(f"{path}{place}：不是有效的 YAML") from None


def records(line: str | None, file: Path | None, at: str | None) -> Iterator[Record]:
    """One record for a line, or those of a file; ``at`` fills in a missing moment."""
    now = at or datetime.now(UTC).isoformat()
    if file is None:
        try:
            yield _checked({"text": line or ""}, now, "--at")
        except SettingsError as error:
            raise CommandLineWrong(str(error)) from None
        return
    with file.open("rb") as lines:
        for number, said in enumerate(lines, start=1):
            if said.strip():
                place = f"{file} 第 {number} 行"
                yield _checked(_json(said, place), now, place)


def _json(said: bytes, place: str) -> Record:
    try:
        record = json.loads(said.decode("utf-8-sig"))
    except ValueError as error:
        why = "应存为 UTF-8" if isinstance(error, UnicodeDecodeError) else "不是有效的 JSON"
        raise SettingsError(f"{place}：{why}") from None
    if not isinstance(record, dict) or not isinstance(record.get("text"), str):
        raise SettingsError(f"{place}：应为带 text 的对象")
    return record


def _checked(record: Record, now: str, place: str) -> Record:
    """``record`` with its moment. Raises SettingsError for one that cannot be understood."""
    at = record.get("at") or now
    try:
        moment(at)
    except ValueError:
        raise SettingsError(
            f"{place}：时刻 {at} 读不懂，应写成 2026-11-23T10:00:00+08:00"
        ) from None
    if record.get("where") not in (None, *Place):
        raise SettingsError(f"{place}：where 应为 private 或 group")
    return {**record, "at": at}


def understand(record: Record, clients: Index, calendar: Calendar) -> dict[str, object]:
    return parse_record(record, clients, calendar)


def as_json(found: Mapping[str, object]) -> str:
    return json.dumps(found, ensure_ascii=False)


def as_text(found: Mapping[str, object]) -> str:
    """One fact a line, the empty ones left out."""
    return "\n".join(f"{key:10} {value}" for key, value in found.items() if value)
