"""What the clock does."""

from collections.abc import Mapping
from datetime import time

from bot.app.platforms import risk_chats
from bot.app.service import Service
from bot.chat.ports import Sender
from bot.jobs.approvals_due import chase
from bot.jobs.archive import archive
from bot.jobs.keep_history import keep_history
from bot.jobs.nudge import remind
from bot.jobs.people_left import roll_call
from bot.jobs.tell_alerts import Teller
from bot.jobs.watch_margin import MarginWatch
from bot.pages import sessions
from crm import calendars
from crm.binding import PLATFORM_WORDS
from crm.changes import count_of
from risk.sources.sim import SimSource

ARCHIVED_A_NIGHT = 100_000  # rows of each table
TOO_MANY_LEFT = (
    "一夜之间太多，没有停用任何人。请核对应用的可见范围；确实离职的用 qidesk staff disable 停用"
)


def watch_margins(service: Service, senders: Mapping[str, Sender]) -> MarginWatch:
    settings, desk = service.settings, service.desk
    teller = Teller(desk, senders, risk_chats(settings), settings.risk.on_duty)
    watch = MarginWatch(service.store, service.book, lambda: desk.calendar, teller, service.lease)
    if service.sources:
        service.scheduler.every(1, watch.follow_rules, name="follow_rules")
        service.scheduler.every(1, watch.look, name="watch_margin")
    return watch


def schedule(service: Service) -> None:
    store, desk, book = service.store, service.desk, service.book

    async def reminders() -> None:
        await remind(store, desk)

    async def approvals_due() -> None:
        await chase(store, desk)

    async def histories() -> None:
        for source in service.sources.values():
            if isinstance(source, SimSource):
                await keep_history(store, book, desk.calendar, source)

    known = 0

    async def changes() -> None:
        nonlocal known
        async with store.reading() as session:
            count = await count_of(session, "calendar")
            if count != known:
                desk.calendar, known = await calendars.load(session), count

    async def old_rows() -> None:
        kept = service.settings.store
        await archive(
            store,
            kept.archive_dir,
            inbox_days=kept.inbox_days,
            ledger_days=kept.ledger_days,
            audit_days=kept.audit_days,
            most_rows=ARCHIVED_A_NIGHT,
        )

    async def what_is_over() -> None:
        if service.settings.wecom is not None:
            await service.notes.sweep()
        async with store.writing() as session:
            await sessions.sweep(session)

    service.scheduler.every(3600, what_is_over, name="what_is_over", awaited=False)
    service.scheduler.on_trading_days(time(3, 30), old_rows, name="archive")
    service.scheduler.every(1, reminders, name="remind")
    service.scheduler.every(2, approvals_due, name="approvals_due")
    service.scheduler.every(20, histories, name="keep_history", awaited=False)
    service.scheduler.every(1, changes, name="changes")


def call_the_roll(service: Service) -> None:
    async def call() -> None:
        for platform, directory in service.directories.items():
            gone = await roll_call(service.store, platform, directory)
            if gone:
                title = f"{PLATFORM_WORDS[platform]}通讯录查不到 {gone} 人"
                await service.alarm(platform, title, TOO_MANY_LEFT)

    service.scheduler.on_trading_days(time(6, 30), call, name="roll_call", awaited=False)
