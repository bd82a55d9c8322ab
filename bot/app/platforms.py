"""The chat platforms of the settings, as their adapters want them."""

from bot.platforms.dingtalk.settings import CustomRobot, DingTalkSettings
from bot.platforms.wecom.settings import AiBotSettings, WeComSettings
from bot.settings import DingTalk, Settings, WeCom


def dingtalk_of(settings: DingTalk, public_url: str = "") -> DingTalkSettings:
    """The section as the adapter wants it."""
    return DingTalkSettings(
        client_id=settings.client_id,
        client_secret=settings.client_secret.get_secret_value(),
        robot_code=settings.robot_code,
        corp_id=settings.corp_id,
        api_base=settings.api_base,
        oapi_base=settings.oapi_base,
        authorize_base=settings.authorize_base,
        public_url=public_url.rstrip("/"),
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
