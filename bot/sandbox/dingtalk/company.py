"""The company on DingTalk: its apps, robots, limits, and the ids DingTalk gives to people."""

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Literal

from bot.sandbox.world import GROUPS

CORP_ID = "dingqidesksandbox01"

SCOPES = frozenset(
    {
        "qyapi_base",
        "Contact.User.Read",
        "qyapi_robot_sendmsg",
        "Card.Instance.Write",
        "qyapi_get_member",
        "qyapi_get_member_by_mobile",
        "qyapi_get_department_list",
        "qyapi_get_department_member",
        "Premium.Ding.Write",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """``published`` False: people's user ids are missing from what the robot hears."""

    name: str
    client_id: str
    client_secret: str
    robot_code: str
    scopes: frozenset[str] = SCOPES
    published: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomRobot:
    """A webhook robot of one group, secured by signature and, if given, by keywords."""

    group: str
    access_token: str
    secret: str
    keywords: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """Generous unless told otherwise: a sandbox is for work, limits are for tests."""

    api_month: int = 1_000_000_000
    stream_month: int = 1_000_000_000
    qps: int = 1_000_000  # per app and API
    token_minute: int = 1_000_000
    robot_minute: int = 1_000_000  # per custom robot, then ten minutes of silence
    connections: int = 50
    ding_sms: int = 1_000_000  # what was bought of each
    ding_calls: int = 1_000_000

    @classmethod
    def standard(cls) -> "Quotas":
        """The standard edition since November 2025 (official doc)."""
        return cls(
            api_month=5_000,
            stream_month=3_000,
            qps=20,
            token_minute=60,
            robot_minute=20,
            ding_sms=0,
            ding_calls=0,
        )


DESK = App(
    name="qidesk",
    client_id="dingqidesksandboxkey",
    client_secret="qidesk-sandbox-secret",  # noqa: S106 - of an invented app
    robot_code="dingqidesksandboxkey",
)
WITNESS = App(
    name="witness",
    client_id="dingwitnesssandboxkey",
    client_secret="witness-sandbox-secret",  # noqa: S106 - of an invented app
    robot_code="dingwitnesssandboxkey",
)
ROBOTS = tuple(
    CustomRobot(group=group.id, access_token=f"robot-{group.id}", secret=f"SEC-{group.id}")
    for group in GROUPS
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DingTalkSettings:
    """Every switch of the simulated DingTalk. Seconds here are real time: moving the sandbox's
    clock ages tokens and hooks but never cuts a connection."""

    desk: App = DESK
    others: tuple[App, ...] = (WITNESS,)
    robots: tuple[CustomRobot, ...] = ROBOTS
    quotas: Quotas = field(default_factory=Quotas)
    redeliver_seconds: float = 2.0  # a bot message without acknowledgement comes again
    event_retries: tuple[float, ...] = (10.0, 30.0)
    answer_seconds: float = 2.0  # for a card callback
    disconnect_hold_seconds: float = 10.0
    life_seconds: float = 6 * 3600.0
    ping_seconds: float = 30.0
    pong_seconds: float = 10.0
    hang_seconds: float = 60.0
    zombie_seconds: float = 0.0  # a dead socket keeps being chosen so long
    reorder_seconds: float = 0.3  # a held message waits so long for the next one to overtake
    update_delay_seconds: float = 0.0  # upper end of a random delay of each card update
    buffer_bytes: int = 1 << 20  # a consumer that is further behind is cut off
    choose: Literal["random", "sticky", "newest"] = "random"
    swallow_pings: bool = False  # a half-open link
    card_reuse: Literal["error", "silent"] = "error"
    repeat_share: float = 0.0  # of acknowledged pushes that come once more unasked
    latency_seconds: float = 0.0  # median of what an answer takes, log-normal (unsure)
    redirect_urls: tuple[str, ...] = ()  # where a login may lead back to; () is anywhere
    stringly: bool = False  # contacts answer booleans and lists as strings

    @property
    def apps(self) -> tuple[App, ...]:
        return (self.desk, *self.others)

    def app(self, name: str) -> App | None:
        """By name; "" is the desk's own."""
        return next((app for app in self.apps if app.name == (name or self.desk.name)), None)

    def app_of_client(self, client_id: object) -> App | None:
        return next((app for app in self.apps if app.client_id == client_id), None)


def digest(*parts: str) -> str:
    return base64.b64encode(hashlib.sha1("|".join(parts).encode()).digest()[:15]).decode()  # noqa: S324


def union_id(person: str) -> str:
    return "u" + digest("union", person)


def dingtalk_id(who: str) -> str:
    """The encrypted id of a person or a robot."""
    return f"$:LWCP_v1:${digest('dingtalk', who)}"


def private_conversation(app: App, person: str) -> str:
    return f"cid{digest('private', app.client_id, person)}=="
