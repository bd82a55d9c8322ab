"""What the adapter must be told, and the limits that the platform sets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

PLATFORM: Final = "dingtalk"
API_POOL: Final = "api"  # the two monthly quotas of a company
PUSH_POOL: Final = "push"  # everything that comes to us, and what goes out by webhooks
CARD_TEMPLATE: Final = "desk"  # the key of our one generic card in ``templates``

TEXT_CHARS: Final = 3_000  # of markdown in one message (seen: rendering breaks past 3,500)
TEXT_BYTES: Final = 15_000  # of msgParam (official doc)
FILE_BYTES: Final = 20 * 1024 * 1024  # of an upload (official doc)
FETCH_BYTES: Final = 30 * 1024 * 1024  # of what a person may send us; ours


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomRobot:
    """A group's own webhook robot (自定义机器人); ``secret`` signs when 加签 is on."""

    access_token: str = field(repr=False)
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DingTalkSettings:
    """``robot_code`` equals ``client_id`` for an internal app; ``templates`` maps our card's name
    to the id that the card builder gave it; without ``corp_id`` any one company is accepted."""

    client_id: str
    client_secret: str = field(repr=False)
    robot_code: str = ""
    corp_id: str = ""
    api_base: str = "https://api.dingtalk.com"
    oapi_base: str = "https://oapi.dingtalk.com"
    authorize_base: str = "https://login.dingtalk.com"
    public_url: str = ""  # of our own pages; without it cards lead to none
    templates: Mapping[str, str] = field(default_factory=dict)
    proxy: str = field(default="", repr=False)  # may hold a password
    connections: int = 2
    custom_robots: Mapping[str, CustomRobot] = field(default_factory=dict)

    @property
    def robot(self) -> str:
        return self.robot_code or self.client_id

    @property
    def template(self) -> str:
        """The id of the generic card, "" when the admin has not made one."""
        return self.templates.get(CARD_TEMPLATE, "")
