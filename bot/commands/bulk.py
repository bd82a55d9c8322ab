"""Bulk work from the command line, on the store of a service that may be running."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date
from hashlib import sha256
from itertools import islice
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot import leaving
from bot.app.database import clock_of
from bot.app.stores import check_version, store_of
from bot.commands.import_result import Result
from bot.commands.progress import Said, progress
from bot.settings import Settings
from crm import calendars, changes, people
from crm.binding import PLATFORM_WORDS
from crm.imports import apply, roster
from crm.imports.clients import read_clients
from crm.imports.records import ClientRow, ClientSheet, Manager
from crm.imports.rejects import write as write_rejects
from crm.kernel import audit
from crm.kernel.calendar import Calendar
from crm.kernel.clock import SHANGHAI
from crm.kernel.db import Store, now
from crm.kernel.errors import SettingsError, UserError
from crm.models import ImportBatch, Login, Role, Staff, StaffRole

BY = "cli"
BATCH = 500
PAUSE_SECONDS = 0.15  # longer than SQLite's longest poll (0.1 s): the service gets its turn
BRANCH_TAIL = "营业部"
OWNERS = frozenset({Role.MANAGER, Role.HEAD})


async def clients(
    settings: Settings,
    path: Path,
    *,
    dry_run: bool = False,
    rejects: Path | None = None,
    quiet: bool = False,
) -> Result:
    """A broker's client ledger. With ``dry_run`` nothing is written but the rejects."""
    async with opened(settings) as store:
        try:
            sheet = await _read_clients(store, path)
        except UserError as error:
            return Result(why=error.text)
        except FileNotFoundError:
            return Result(why=f"找不到文件 {path}")
        if not sheet.row_count:
            return Result(
                why="文件里没有客户数据，只有标题、合计或空行",
                headings_not_recognised=sheet.headings_not_recognised,
            )
        with progress("导入客户", len(sheet.rows), quiet=quiet) as said:
            done = await _take(store, sheet.rows, said, dry_run=dry_run)
        result = _result(sheet, done, dry_run=dry_run)
        if not dry_run:
            await _remember(store, path, result)
    if rejects is not None:
        lines = [(path.name, one) for one in result.rejects]
        await asyncio.to_thread(write_rejects, rejects, lines)
    return result


def _result(sheet: ClientSheet, done: Sequence[apply.Applied], *, dry_run: bool) -> Result:
    conflicts = [one for part in done for one in part.rejects]
    return Result(
        rows=sheet.row_count,
        taken=sum(part.taken for part in done),
        updated=sum(part.updated for part in done),
        unchanged=sum(part.unchanged for part in done) + sheet.repeated,
        rejects=sorted([*sheet.rejects, *conflicts], key=lambda one: (one.sheet or "", one.row)),
        headings_not_recognised=sheet.headings_not_recognised,
        notices=[*sheet.notices, *_not_kept(sheet.rows)],
        dry_run=dry_run,
    )


def _not_kept(rows: Sequence[ClientRow]) -> list[str]:
    """What was read and has no place in the tables yet is said, not swallowed."""
    codes = any(row.trading_codes for row in rows)
    return ["本版本的客户档案没有交易编码一项，文件里的交易编码没有写入"] if codes else []


async def _read_clients(store: Store, path: Path) -> ClientSheet:
    """Raises UserError for a file that is no ledger."""
    async with store.reading() as session:
        managers = await _managers(session)
        branches = await people.branch_names(session)
    today = store.clock.now().astimezone(SHANGHAI).date()
    return await asyncio.to_thread(
        read_clients, path, today=today, known_managers=managers, branches=branch_words(branches)
    )


def branch_words(branches: Mapping[str, str]) -> dict[str, str]:
    """What a branch may be called → its code; with or without 营业部, but its own name first."""
    words: dict[str, str] = {}
    for code, name in branches.items():
        if short := name.removesuffix(BRANCH_TAIL):
            words |= {short: code, f"{short}{BRANCH_TAIL}": code}
    return words | {word: code for code, name in branches.items() for word in (name, code)}


async def _managers(session: AsyncSession) -> list[Manager]:
    """Those who may look after clients, the staff number being the id."""
    rows = await session.execute(
        select(Staff.id, Staff.name, Staff.disabled_at)
        .join(StaffRole, StaffRole.staff == Staff.id)
        .where(StaffRole.role.in_(OWNERS))
        .distinct()
        .order_by(Staff.id)
    )
    return [Manager(id=i, name=name, active=gone is None) for i, name, gone in rows]


async def _take(
    store: Store, rows: Sequence[ClientRow], said: Said, *, dry_run: bool
) -> list[apply.Applied]:
    """A transaction for each batch; one in which nothing is new does not write at all."""
    done: list[apply.Applied] = []
    waiting = iter(rows)
    while batch := list(islice(waiting, BATCH)):
        async with store.reading() as session:
            looked = await apply.look(session, batch)
        if dry_run or not (looked.taken or looked.updated):
            done.append(looked)
        else:
            async with store.writing() as session:
                done.append(await apply.apply(session, batch, by=BY))
                await changes.announce(session, "clients")
            await asyncio.sleep(PAUSE_SECONDS if store.is_sqlite else 0)
        said(len(batch))
    return done


async def _remember(store: Store, path: Path, result: Result) -> None:
    content = await asyncio.to_thread(path.read_bytes)
    digest = sha256(content).hexdigest()
    async with store.writing() as session:
        taken = result.taken + result.updated
        session.add(
            ImportBatch(
                kind="clients", digest=digest, rows=result.rows, taken=taken, at=now(session)
            )
        )
        counts = {
            name: getattr(result, name)
            for name in ("rows", "taken", "updated", "unchanged", "rejected")
        }
        audit.note(session, BY, "import.clients", f"file:{digest[:16]}", **counts)


async def staff(settings: Settings, path: Path) -> Result:
    """Staff and branches, in one transaction."""
    async with opened(settings) as store:
        try:
            read = await asyncio.to_thread(roster.read, path)
        except UserError as error:
            return Result(why=error.text)
        except FileNotFoundError:
            return Result(why=f"找不到文件 {path}")
        rows = len(read.rows) + len(read.rejects)
        if not rows:
            return Result(why="文件里没有员工")
        async with store.writing() as session:
            done = await roster.apply(session, read.rows, by=BY)
            for platform, user in done.replaced:
                await leaving.close_screens(session, platform, [user])
            if done.taken or done.updated:
                await changes.announce(session, "staff")
    return Result(
        rows=rows,
        taken=done.taken,
        updated=done.updated,
        unchanged=done.unchanged,
        rejects=sorted([*read.rejects, *done.rejects], key=lambda one: one.row),
        headings_not_recognised=read.headings_not_recognised,
        notices=done.notices,
    )


async def calendar(settings: Settings, path: Path) -> str:
    """Puts a calendar in force from its first day on; what was before that day stays."""
    async with opened(settings) as store:
        try:
            rows = await asyncio.to_thread(calendars.read_file, path)
        except UnicodeDecodeError as error:
            raise SettingsError(f"{path.name} 不是 UTF-8 编码，请另存为 UTF-8 的 csv") from error
        first = min(day for day, _, _ in rows)
        async with store.writing() as session:
            kept = _before(first, await calendars.load(session))
            found = await calendars.replace(session, kept + rows, by=BY)
            await changes.announce(session, "calendar")
    return f"已导入交易日历 {len(rows)} 天，从 {first} 起生效，到 {found.last} 为止"


def _before(first: date, known: Calendar) -> list[tuple[date, str, str]]:
    closed = [(day, "closed", name) for day, name in known.holidays.items() if day < first]
    return closed + [(day, "no_night", "") for day in known.no_night if day < first]


async def first_admin(
    settings: Settings, staff_id: str, name: str, role: str, logins: Mapping[str, str]
) -> str:
    """An admin of a new installation. Raises SettingsError, AdminExists or StaffExists."""
    wanted = roster.ROLES.get(role)
    if wanted is None:
        known = "、".join(f"{one.value}（{word}）" for one, word in people.ROLE_WORDS.items())
        raise SettingsError(f"没有角色「{role}」；可选：{known}")
    async with opened(settings) as store, store.writing() as session:
        for platform, user in logins.items():
            taken = await session.get(Login, (platform, user))
            if taken is not None:
                raise SettingsError(f"这个账号已经属于员工 {taken.staff}")
        await people.bootstrap(session, staff_id=staff_id, name=name, role=wanted, logins=logins)
        await changes.announce(session, "staff")
    note = "" if logins else "；还没有平台账号，请用 --dingtalk 或 --wecom 写明，否则无法使用"
    return f"已添加{people.ROLE_WORDS[wanted]} {name}（{staff_id}）{note}"


async def disable(settings: Settings, staff_id: str) -> str:
    """Access ends with the commit. Raises NoSuchStaff."""
    async with opened(settings) as store, store.writing() as session:
        left = await leaving.leave(session, staff_id, by=BY)
    head = f"{left.person.name} {'早已停用' if left.again else '已停用'}"
    if not left.clients and not left.tasks:
        return f"{head}，名下没有客户"
    to = f"转给 {left.to.name}" if left.to else "待分配：所在营业部没有其他负责人"
    tasks = f"，{left.tasks} 条待办随同" if left.tasks else ""
    return f"{head}，{left.clients} 位客户{to}{tasks}"


async def bind(settings: Settings, staff_id: str, logins: Mapping[str, str]) -> str:
    """Give somebody an account on each platform. Raises NoSuchStaff or TakenLogin."""
    async with opened(settings) as store, store.writing() as session:
        for platform, user in logins.items():
            await leaving.bind(session, staff_id, platform, user, by=BY)
        person = await people.get(session, staff_id)
    words = "，".join(f"{PLATFORM_WORDS[platform]} {user}" for platform, user in logins.items())
    return f"{person.name}（{staff_id}）已绑定{words}"


async def unbind(settings: Settings, staff_id: str, platforms: Sequence[str]) -> str:
    """Access by these accounts ends with the commit. Raises NoSuchStaff or NoLogin."""
    async with opened(settings) as store, store.writing() as session:
        person = await people.get(session, staff_id)
        gone = {
            platform: await leaving.unbind(session, staff_id, platform, by=BY)
            for platform in platforms
        }
    words = "，".join(f"{PLATFORM_WORDS[p]} {'、'.join(users)}" for p, users in gone.items())
    return f"{person.name}（{staff_id}）已解除{words}"


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Store]:
    """The store of this program's version. Raises KeyFileWrong or SettingsError."""
    store = store_of(settings, clock_of(settings))
    try:
        await check_version(store)
        yield store
    finally:
        await store.close()
