"""The company on WeCom: its app, its robots, their secrets and limits."""

import hashlib
import uuid
from dataclasses import dataclass, field
from typing import Literal

from bot.sandbox.world import GROUPS

CORP_ID = "wwqidesksandbox01"


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """A self-built app. ``token`` and ``encoding_aes_key`` protect its callbacks."""

    name: str
    agent_id: int
    secret: str
    token: str
    encoding_aes_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AiBot:
    """A robot on a long connection (智能机器人). ``called`` is what people write after the @."""

    name: str
    bot_id: str
    secret: str
    called: str = "期台"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRobot:
    """A webhook robot of one group (消息推送); ``key`` is its whole secret."""

    group: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """Generous unless told otherwise: a sandbox is for work, limits are for tests."""

    api_minute: int = 1_000_000_000  # per API; beyond it a minute of refusals
    at_once: int = 1_000_000  # calls that run at the same time
    app_day: int = 1_000_000_000  # person-times of message/send
    member_minute: int = 1_000_000  # per member; what is beyond is dropped in silence
    member_hour: int = 1_000_000
    chat_minute: int = 1_000_000  # per member of an app's group chat; dropped in silence
    robot_minute: int = 1_000_000  # per webhook key
    bot_minute: int = 1_000_000  # per conversation of an aibot
    bot_hour: int = 1_000_000
    uploads_minute: int = 1_000_000  # of an aibot
    subscribes_minute: int = 1_000_000

    @classmethod
    def standard(cls) -> "Quotas":
        """What WeCom documents; ``app_day`` is 200 for each account of this company."""
        return cls(
            api_minute=10_000,
            at_once=500,
            app_day=200 * 17,
            member_minute=30,
            member_hour=1000,
            chat_minute=200,
            robot_minute=20,
            bot_minute=30,
            bot_hour=1000,
            uploads_minute=30,
            subscribes_minute=30,
        )


DESK = Agent(
    name="qidesk",
    agent_id=1000007,
    secret="qidesk-wecom-sandbox-secret",  # noqa: S106 - of an invented app
    token="qideskSandboxToken",  # noqa: S106 - of an invented app
    encoding_aes_key="qideskSandboxEncodingAESKey0123456789abcdeU",
)
BOT = AiBot(name="qidesk", bot_id="aibqidesksandbox", secret="qidesk-aibot-sandbox-secret")  # noqa: S106
WITNESS = AiBot(name="witness", bot_id="aibwitness", secret="witness-aibot-sandbox-secret")  # noqa: S106
ROBOTS = tuple(
    GroupRobot(group=group.id, key=str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{group.id}.sandbox")))
    for group in GROUPS
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WeComSettings:
    """Every switch of the simulated WeCom. What is marked real passes by the wall clock; all else,
    tokens, codes and limits included, ages with the sandbox's clock."""

    corp_id: str = CORP_ID
    desk: Agent = DESK
    others: tuple[Agent, ...] = ()
    bot: AiBot = BOT
    other_bots: tuple[AiBot, ...] = (WITNESS,)
    robots: tuple[GroupRobot, ...] = ROBOTS
    quotas: Quotas = field(default_factory=Quotas)
    callback_url: str = ""  # "" : nobody is called back until an address is given
    message_retries: int | None = None  # None: until acknowledged; WeCom itself stops after 3
    event_retries: int = 3
    same_ciphertext: bool = False  # retries repeat a request to the byte (unsure)
    redeliver_seconds: float = 2.0  # real: between a failed delivery and the next
    answer_seconds: float = 5.0  # real: for a callback, and for an aibot's welcome and update
    reorder_seconds: float = 0.3  # real: a held message waits so long for the next to overtake
    hang_seconds: float = 60.0  # real
    receive_files: bool = False  # an app hears of a plain file, as msgtype ``file``
    trusted_ips: frozenset[str] | None = None  # None trusts everybody
    trusted_domain: str = ""  # host[:port] of pages that may ask who somebody is; "" is any
    refuse_long: bool = False  # 45002 for a long text, which is cut otherwise
    used_code: int = 41079  # answers a spent response_code: the real number is unknown
    passive_spends: bool = False  # whether a passive answer uses up the click's code (unsure)
    needs_activation: bool = True  # an aibot speaks first only where somebody has spoken to it
    not_activated: int = 846607  # answers a push before that: the real number is unknown
    kick: Literal["close", "abort", "zombie"] = "close"  # what becomes of the older connection
    pong_seconds: float = 90.0  # real: an aibot's silence that ends its connection
    raw_newlines: bool = False  # frames hold bare line breaks inside their strings
    latency_seconds: float = 0.0  # real: median of what an answer takes, log-normal

    @property
    def agents(self) -> tuple[Agent, ...]:
        return (self.desk, *self.others)

    @property
    def bots(self) -> tuple[AiBot, ...]:
        return (self.bot, *self.other_bots)

    def agent(self, name: str) -> Agent | None:
        return next((agent for agent in self.agents if agent.name == name), None)

    def agent_of_secret(self, secret: str) -> Agent | None:
        return next((agent for agent in self.agents if agent.secret == secret), None)

    def bot_of_id(self, bot_id: object) -> AiBot | None:
        return next((bot for bot in self.bots if bot.bot_id == bot_id), None)


def open_id(person: str) -> str:
    """What an outsider or another company sees instead of a user id."""
    return "wo" + hashlib.sha256(person.encode()).hexdigest()[:30]
