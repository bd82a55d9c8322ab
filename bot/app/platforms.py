"""The chat platforms of the settings: what sends, what hears, and how much they take."""

from collections.abc import Mapping
from contextlib import AsyncExitStack

from bot import metrics
from bot.app.service import Service
from bot.chat.ports import Blobs
from bot.jobs.alarm import alarm
from bot.jobs.people_left import Directory, people_left
from bot.lease import Lease
from bot.limits import Limit
from bot.platforms.dingtalk.client import DingTalk as DingTalkClient
from bot.platforms.dingtalk.client import open_dingtalk
from bot.platforms.dingtalk.settings import CustomRobot, DingTalkSettings
from bot.platforms.dingtalk.stream import Stream
from bot.platforms.wecom.client import WeCom as WeComClient
from bot.platforms.wecom.client import open_wecom
from bot.platforms.wecom.reception import Reception
from bot.platforms.wecom.settings import LIMITS as WECOM_LIMITS
from bot.platforms.wecom.settings import AiBotSettings, WeComSettings
from bot.platforms.wecom.stored import StoredNotes
from bot.settings import DingTalk, Settings, WeCom
from crm.kernel.clock import SystemClock
from crm.kernel.db import Store

LIMITS: Mapping[str, Limit] = {
    # The platforms' own rates (reference: DingTalk 9.2); [outbox.limits] overrides by name.
    "dingtalk:app": Limit(1, 1 / 19),  # a full bucket and its refill stay within 20 a second
    "dingtalk:private": Limit(20, 60),
    "dingtalk:group": Limit(20, 60),
    "dingtalk:robot": Limit(20, 60),
    **{name: Limit(*limit) for name, limit in WECOM_LIMITS.items()},
}


async def dingtalk_client(
    stack: AsyncExitStack, settings: Settings, clock: SystemClock, blobs: Blobs
) -> DingTalkClient | None:
    if settings.dingtalk is None:
        return None
    opened = open_dingtalk(dingtalk_of(settings.dingtalk), clock, blobs, metrics.tally)
    return await stack.enter_async_context(opened)


async def wecom_client(
    stack: AsyncExitStack,
    settings: Settings,
    store: Store,
    clock: SystemClock,
    blobs: Blobs,
    lease: Lease,
) -> WeComClient | None:
    """The bot's connection is held by whoever leads."""
    if settings.wecom is None:
        return None
    told, notes = wecom_of(settings.wecom, settings.web.public_url), StoredNotes(store)
    opened = open_wecom(told, clock, blobs, notes, metrics.tally, lease=lease.held)
    return await stack.enter_async_context(opened)


def reception(service: Service, wecom: WeComClient) -> Reception:
    async def people_changed(users: tuple[str, ...]) -> None:
        await people_left(service.store, "wecom", wecom.contacts, users)

    async def on_alarm(title: str, text: str) -> None:
        await alarm(service.store, service.desk, "wecom", title, text)

    return Reception(
        wecom,
        service.desk.hear,
        service.desk.hear_click,
        on_answered=service.desk.answered,
        on_people_changed=people_changed,
        on_alarm=on_alarm,
    )


def stream_of(service: Service, settings: DingTalkSettings, directory: Directory) -> Stream:
    async def people_changed(users: tuple[str, ...]) -> None:
        await people_left(service.store, "dingtalk", directory, users)

    return Stream(
        settings,
        service.clock,
        service.desk.hear_all,
        service.desk.hear_click,
        on_answered=service.desk.answered,
        on_people_changed=people_changed,
        tally=metrics.tally,
    )


def dingtalk_of(settings: DingTalk) -> DingTalkSettings:
    """The section as the adapter wants it."""
    return DingTalkSettings(
        client_id=settings.client_id,
        client_secret=settings.client_secret.get_secret_value(),
        robot_code=settings.robot_code,
        corp_id=settings.corp_id,
        api_base=settings.api_base,
        oapi_base=settings.oapi_base,
        templates=settings.templates,
        proxy=settings.proxy,
        connections=settings.connections,
        custom_robots={
            name: CustomRobot(
                access_token=robot.access_token.get_secret_value(),
                secret=robot.secret.get_secret_value(),
            )
            for name, robot in settings.robots.items()
        },
    )


def wecom_of(settings: WeCom, public_url: str = "") -> WeComSettings:
    """The section as the adapter wants it."""
    bot = settings.aibot
    return WeComSettings(
        corp_id=settings.corp_id,
        agent_id=settings.agent_id,
        secret=settings.secret.get_secret_value(),
        token=settings.token.get_secret_value(),
        encoding_aes_key=settings.encoding_aes_key.get_secret_value(),
        api_base=settings.api_base,
        proxy=settings.proxy,
        authorize_base=settings.authorize_base,
        card_url=settings.card_url,
        public_url=public_url.rstrip("/"),
        member_minute=settings.member_minute,
        member_hour=settings.member_hour,
        bot_minute=settings.bot_minute,
        bot_hour=settings.bot_hour,
        robot_minute=settings.robot_minute,
        chat_minute=settings.chat_minute,
        chat_day=settings.chat_day,
        clickable=settings.clickable,
        robots={name: key.get_secret_value() for name, key in settings.robots.items()},
        app_chats=frozenset(settings.app_chats),
        aibot=AiBotSettings(
            bot_id=bot.bot_id,
            secret=bot.secret.get_secret_value(),
            ws_url=bot.ws_url,
            name=bot.name,
        )
        if bot
        else None,
    )


def risk_chats(settings: Settings) -> frozenset[tuple[str, str]]:
    sections = {"dingtalk": settings.dingtalk, "wecom": settings.wecom}
    return frozenset(
        (platform, chat)
        for platform, section in sections.items()
        for chat in (section.risk_groups if section else ())
    )


def limits_of(settings: Settings) -> dict[str, Limit]:
    return {name: Limit(s.amount, s.seconds) for name, s in settings.outbox.limits.items()}
