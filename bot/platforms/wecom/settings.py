"""What the adapter must be told, and the limits that the platform sets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

PLATFORM: Final = "wecom"

TEXT_BYTES: Final = 2048  # of a text or of the application's markdown (official doc)
ROBOT_MARKDOWN_BYTES: Final = 4096  # of a group robot's markdown (official doc)
BOT_MARKDOWN_BYTES: Final = 20_480  # of the aibot's markdown (official doc)
CALLBACK_BYTES: Final = 1 << 20  # of a callback's body; ours
FETCH_BYTES: Final = 30 << 20  # of what a person may send us; ours
FILE_BYTES: Final = 20 << 20  # of a file sent (official doc)
PICTURE_BYTES: Final = 2 << 20  # of a group robot's picture (official doc); others take 10 MB

LIMITS: Final[Mapping[str, tuple[float, float]]] = {
    # bucket -> (amount, seconds), a little below the platform's own: one call too many is dropped
    # in silence or costs a minute (reference: WeCom 9.1).
    "wecom:app": (150, 1),
    "wecom:update": (100, 1),
    "wecom:member_minute": (25, 60),
    "wecom:member_hour": (900, 3600),
    "wecom:appchat": (150, 60),
    "wecom:robot": (18, 60),
    "wecom:bot_minute": (25, 60),
    "wecom:bot_hour": (900, 3600),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AiBotSettings:
    """A bot (智能机器人) on a long connection. ``name`` is what people mention: it is cut off what
    they say; without a name that is one word behind an @."""

    bot_id: str
    secret: str = field(repr=False)
    ws_url: str = "wss://openws.work.weixin.qq.com"
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeComSettings:
    """``robots`` are the keys of group robots by the name under which a group is addressed;
    ``app_chats`` the groups that the application made itself. A card without buttons must lead
    somewhere when it is touched (official doc): to its own link, else to ``card_url``. What goes
    to one member beyond ``member_minute`` and ``member_hour`` is held back: WeCom, whose own limits
    are 30 and 1,000, would drop it in silence."""

    corp_id: str
    agent_id: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    encoding_aes_key: str = field(repr=False)
    api_base: str = "https://qyapi.weixin.qq.com"
    authorize_base: str = "https://open.weixin.qq.com"
    proxy: str = field(default="", repr=False)  # may hold a password
    card_url: str = "https://work.weixin.qq.com/"
    public_url: str = ""  # of our own pages; without it cards lead to none
    member_minute: int = 29
    member_hour: int = 990
    bot_minute: int = 29  # in one conversation; of 30
    bot_hour: int = 990  # of 1,000
    robot_minute: int = 19  # into one group; of 20
    chat_minute: int = 190  # to each member of the application's own group; of 200,
    chat_day: int = 9_500  # of 10,000
    clickable: bool = True  # False without a callback: then no card with buttons can be sent
    robots: Mapping[str, str] = field(default_factory=dict, repr=False)
    app_chats: frozenset[str] = frozenset()
    aibot: AiBotSettings | None = None

    @property
    def agent(self) -> int:
        """The application's number. Raises ValueError when it is none."""
        return int(self.agent_id)
