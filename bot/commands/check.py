"""``qidesk check``: each part of an installation, whether it is well, and what to do."""

import asyncio
import shutil
import stat
from calendar import monthrange
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Literal

import aiohttp
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.app.database import clock_of, open_vault
from bot.app.platforms import dingtalk_of, wecom_of
from bot.app.stores import store_of
from bot.commands import gateway
from bot.commands.tables import versions
from bot.models import Meter
from bot.platforms.dingtalk.api import Api, http_session
from bot.platforms.dingtalk.probe import probe
from bot.platforms.dingtalk.settings import API_POOL, PLATFORM, PUSH_POOL
from bot.platforms.wecom.api import Api as WeComApi
from bot.platforms.wecom.api import http_session as wecom_session
from bot.platforms.wecom.probe import probe as probe_wecom
from bot.settings import Settings, SourceSettings
from crm import calendars, people
from crm.kernel import audit
from crm.kernel.audit import AuditRow
from crm.kernel.clock import SHANGHAI, Clock, SystemClock
from crm.kernel.database import sqlite_path
from crm.kernel.db import Store
from crm.kernel.vault import CannotOpen, KeyFileWrong
from crm.models import Client, Role
from crm.people import ADMIN_ROLES, ROLE_WORDS
from crm.staff import FEWEST

Level = Literal["ok", "warning", "wrong"]

STORE_SECONDS = 15
CALL_SECONDS = 5
PROBE_SECONDS = 60
LATE = timedelta(seconds=1)
LITTLE_DISK = 200 << 20  # bytes
SOME_DISK = 2 << 30
SERVED_SOURCES = frozenset({"sim", "push"})
STANDARD_QUOTA = {API_POOL: 5000, PUSH_POOL: 3000}  # DingTalk's standard edition (official doc)
POOL_WORDS = {API_POOL: "接口调用", PUSH_POOL: "消息推送"}


Found = tuple[Level, str]


@dataclass(frozen=True, slots=True)
class Finding:
    part: str
    level: Level
    text: str


async def check(settings: Settings, file: Path | None = None) -> list[Finding]:
    """Every part in turn; a part that fails does not keep the others from being looked at.
    ``file`` is what the settings were read from."""
    found = [_file(file), *_keys(settings)]
    found += [finding async for finding in _store(settings)]
    found += [finding async for finding in _outside(settings)]
    if settings.dingtalk is None and settings.wecom is None:
        text = "没有配置任何平台，请填写 [dingtalk] 或 [wecom]，见 docs/dingtalk.md、docs/wecom.md"
        found.append(Finding("平台", "wrong", text))
    return [*found, *_disks(settings)]


def _file(path: Path | None) -> Finding:
    """A group may read it: the service's own."""
    if path is not None and (mode := stat.S_IMODE(path.stat().st_mode)) & 0o007:
        text = f"配置文件 {path} 的权限是 {mode:04o}，谁都能读到凭证，请运行 chmod 600 {path}"
        return Finding("配置", "warning", text)
    return Finding("配置", "ok", "配置文件有效")


def _keys(settings: Settings) -> list[Finding]:
    path = settings.security.key_file
    try:
        vault = open_vault(settings)
    except KeyFileWrong as error:
        return [Finding("密钥", "wrong", str(error))]
    except OSError as error:
        return [Finding("密钥", "wrong", f"密钥文件 {path} 读不出来（{error.strerror}）")]
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        text = f"密钥文件 {path} 的权限是 {mode:04o}，别的账户也能读，请运行 chmod 600 {path}"
        return [Finding("密钥", "wrong", text)]
    text = f"密钥文件 {path}，指纹 {vault.fingerprint}，第 {vault.current.id} 把在用；请确认已另存"
    return [Finding("密钥", "ok", text)]


async def _store(settings: Settings) -> AsyncIterator[Finding]:
    """What can be known of the store, up to where it is not this program's."""
    try:
        async with asyncio.timeout(STORE_SECONDS):
            has, wants = await versions(settings)
    except (OSError, SQLAlchemyError, TimeoutError) as error:
        name = type(getattr(error, "orig", None) or error).__name__
        yield Finding("数据库", "wrong", f"连不上数据库（{name}），请检查 [store] url 和数据库服务")
        return
    if has != wants:
        is_now = f"是 {has}" if has else "为空"
        text = f"数据库版本{is_now}，程序需要 {wants}，请运行 qidesk db upgrade"
        yield Finding("数据库", "wrong", text)
        return
    kind = "SQLite" if sqlite_path(settings.store.url) else "PostgreSQL"
    yield Finding("数据库", "ok", f"{kind}，版本 {has}")
    async with _opened(settings) as store:
        if store is None:
            return
        async with asyncio.timeout(STORE_SECONDS), store.reading() as session:
            yield await _audit(session, settings)
            yield await _calendar(session, settings, store.clock)
            yield await _admins(session)
            yield await _clients(session)
            if settings.dingtalk is not None:
                for finding in await _quota(session, settings, store.clock):
                    yield finding


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Store | None]:
    """None without a key file, which has been said already."""
    try:
        store = store_of(settings, clock_of(settings))
    except (KeyFileWrong, OSError):
        yield None
        return
    try:
        yield store
    finally:
        await store.close()


async def _audit(session: AsyncSession, settings: Settings) -> Finding:
    """The end of the chain; ``qidesk audit verify`` walks all of it."""
    head = audit.Head(settings.head_file).read()
    try:
        newest = await session.scalar(select(AuditRow).order_by(AuditRow.seq.desc()).limit(1))
    except CannotOpen:
        text = "密钥文件打不开库里的数据：它不是这个库的密钥文件，请放回原来的"
        return Finding("审计", "wrong", text)
    if newest is None and head is None:
        return Finding("审计", "ok", "还没有审计记录")
    if head is None:
        text = f"链头文件 {settings.head_file} 不存在：最新的记录被截断时将无法发现"
        return Finding("审计", "warning", text)
    named = await session.get(AuditRow, head[0])
    moved = await session.get(audit.AuditTip, audit.ARCHIVED)
    archived = moved is not None and head[0] <= moved.seq
    if not archived and (named is None or named.hash != head[1]):
        text = "链头与数据库不符，审计可能被改动或截断，请运行 qidesk audit verify"
        return Finding("审计", "wrong", text)
    return Finding("审计", "ok", f"链头第 {head[0]} 行在库中")


async def _calendar(session: AsyncSession, settings: Settings, clock: Clock) -> Finding:
    until = await calendars.announced_until(session)
    left = (until - clock.now().astimezone(SHANGHAI).date()).days
    load = "交易所公布后请导入：qidesk import calendar 文件"
    if left < 0:
        return Finding("日历", "wrong", f"交易日历已于 {until} 到期，{load}")
    if left <= settings.calendar.warn_days:
        return Finding("日历", "warning", f"交易日历只确定到 {until}，还有 {left} 天，{load}")
    return Finding("日历", "ok", f"交易日历确定到 {until}")


async def _admins(session: AsyncSession) -> Finding:
    """Each change wants two of a role."""
    held = {role: len(await people.with_role(session, role)) for role in sorted(ADMIN_ROLES)}
    if not held[Role.SYSTEM_ADMIN]:
        text = (
            "还没有系统管理员，请用 qidesk staff add 工号 姓名 --role 角色 依次添加安全、审计、"
            "系统管理员，见 README"
        )
        return Finding("管理员", "warning", text)
    lone = [ROLE_WORDS[role] for role, count in held.items() if count < FEWEST]
    if lone:
        text = f"{'、'.join(lone)}不足两位，更改没有第二人可以确认；请由安全管理员用 /角色 增加"
        return Finding("管理员", "warning", text)
    return Finding("管理员", "ok", "系统、安全、审计管理员各有两位以上")


async def _clients(session: AsyncSession) -> Finding:
    if await session.scalar(select(Client.id).limit(1)) is None:
        return Finding("客户", "warning", "还没有客户，请运行 qidesk import clients 客户表")
    return Finding("客户", "ok", "已有客户")


async def _quota(session: AsyncSession, settings: Settings, clock: Clock) -> list[Finding]:
    """The month's use so far and what it comes to by its end."""
    now = clock.now().astimezone(SHANGHAI)
    rows = await session.execute(
        select(Meter.pool, Meter.count).where(
            Meter.platform == PLATFORM, Meter.month == f"{now:%Y-%m}"
        )
    )
    used = dict(rows.all())
    quotas = {**STANDARD_QUOTA, **settings.outbox.month_quota}
    return [
        _forecast(POOL_WORDS.get(pool, pool), used.get(pool, 0), quota, now)
        for pool, quota in quotas.items()
    ]


def _forecast(what: str, used: int, quota: int, now: datetime) -> Finding:
    begin = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    days = max((now - begin) / timedelta(days=1), 1.0)
    coming = round(used * monthrange(now.year, now.month)[1] / days)
    text = f"本月{what}已用 {used:,} 次，照此月底约 {coming:,} 次，额度 {quota:,} 次"
    if used >= quota:
        return Finding("额度", "wrong", f"{text}：额度已用完，请升级到专业版或购买增量包")
    if coming > quota:
        return Finding("额度", "warning", f"{text}：将不够用，请升级到专业版或购买增量包")
    return Finding("额度", "ok", text)


async def _outside(settings: Settings) -> AsyncIterator[Finding]:
    timeout = aiohttp.ClientTimeout(total=CALL_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        yield await _clock(settings, http)
        if not settings.sources:
            yield Finding("数据源", "warning", "没有配置数据源，没有资金和风险数据")
        for name, source in settings.sources.items():
            yield await _source(name, source, http)
        if settings.wecom is not None:
            url = settings.web.public_url
            for level, text in await gateway.probe(url, http, SystemClock().now()):
                yield Finding("公网地址", level, text)
    for finding in (*await _dingtalk(settings), *await _wecom(settings)):
        yield finding


async def _clock(settings: Settings, http: aiohttp.ClientSession) -> Finding:
    """Real time on both sides: callbacks are judged by it, also in the sandbox."""
    platform = settings.dingtalk or settings.wecom
    if platform is None:
        return Finding("时钟", "ok", "没有平台可以对时")
    clock = SystemClock()
    try:
        begin = clock.now()
        async with http.head(platform.api_base, proxy=platform.proxy or None) as answer:
            there = parsedate_to_datetime(answer.headers["Date"]).astimezone(UTC)
        end = clock.now()
    except (aiohttp.ClientError, TimeoutError, KeyError, ValueError):
        return Finding("时钟", "warning", "连不上平台，无法对时")
    off = _distance(there, begin, end)
    if off > LATE:
        text = f"本机时钟与平台相差约 {off.total_seconds():.0f} 秒，请开启 NTP 对时"
        return Finding("时钟", "warning", text)
    return Finding("时钟", "ok", "与平台相差不到 1 秒")


def _distance(there: datetime, begin: datetime, end: datetime) -> timedelta:
    """How far apart the clocks are at least: the header has whole seconds, cut off, and was
    written somewhere between ``begin`` and ``end``."""
    if there > end:
        return there - end
    return max(begin - (there + timedelta(seconds=1)), timedelta(0))


async def _source(name: str, source: SourceSettings, http: aiohttp.ClientSession) -> Finding:
    part = f"数据源 {name}"
    if source.kind not in SERVED_SOURCES:
        return Finding(part, "wrong", f"类型 {source.kind} 本版本还没有接通，服务不会启动")
    if source.kind == "push":
        return Finding(part, "ok", "等待推送：/api/v1/push/snapshot，用 data:push 令牌")
    try:
        async with http.head(source.url):
            return Finding(part, "ok", f"{source.url} 有应答")
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        text = f"{source.url} 没有应答（{type(error).__name__}）"
        return Finding(part, "warning", text)


async def _dingtalk(settings: Settings) -> list[Finding]:
    if settings.dingtalk is None:
        return []
    told = dingtalk_of(settings.dingtalk, settings.web.public_url)

    async def ask() -> list[Found]:
        async with http_session(told) as http:
            return await probe(told, Api(told, http, SystemClock()))

    return await _in_time("钉钉", ask())


async def _wecom(settings: Settings) -> list[Finding]:
    if settings.wecom is None:
        return []
    told = wecom_of(settings.wecom)

    async def ask() -> list[Found]:
        async with wecom_session(told) as http:
            return await probe_wecom(told, WeComApi(told, http, SystemClock()))

    return await _in_time("企业微信", ask())


async def _in_time(platform: str, asked: Awaitable[list[Found]]) -> list[Finding]:
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            found = await asked
    except TimeoutError:
        text = f"{platform} {PROBE_SECONDS} 秒没有应答，请检查出网和代理"
        return [Finding(platform, "wrong", text)]
    return [Finding(platform, level, text) for level, text in found]


def _disks(settings: Settings) -> list[Finding]:
    """The store's disk where it is here, and the archive's."""
    path = sqlite_path(settings.store.url)
    places = {"数据": path.parent if path else None, "归档": settings.store.archive_dir}
    return [_disk(name, place) for name, place in places.items() if place is not None]


def _disk(name: str, place: Path) -> Finding:
    while not place.exists() and place != place.parent:
        place = place.parent
    free = shutil.disk_usage(place).free
    text = f"{name}所在磁盘 {place} 剩余 {free / (1 << 30):.1f} GB"
    if free < LITTLE_DISK:
        return Finding("磁盘", "wrong", f"{text}，请马上清理或扩容")
    if free < SOME_DISK:
        return Finding("磁盘", "warning", f"{text}，请尽快清理或扩容")
    return Finding("磁盘", "ok", text)
