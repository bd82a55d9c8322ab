"""Puts the far side together: platforms, market, invented broker, page, and the settings file that
the service reads."""

import asyncio
import os
import secrets
import tomllib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import tomli_w
from aiohttp import web

from bot.platforms.wecom.settings import LIMITS as WECOM_LIMITS
from bot.sandbox import scenes
from bot.sandbox.broker import Broker, invent
from bot.sandbox.clock import SandboxClock
from bot.sandbox.counter import counter_routes
from bot.sandbox.dingtalk.company import DESK, App, DingTalkSettings
from bot.sandbox.market import Market
from bot.sandbox.numbers import seeded
from bot.sandbox.refused import Refused
from bot.sandbox.server import SandboxSettings, add_routes
from bot.sandbox.wecom.company import WeComSettings
from bot.sandbox.world import PEOPLE
from crm.kernel.calendar import Calendar

TEMPLATE = "qidesk-desk.schema"
CONFIG = "qidesk.toml"
CONTROL_SECONDS = 180  # as long as a scene of many applications takes
LOOK_SECONDS = 0.05  # between two looks whether the service is built


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """``service_port`` is where the service answers: the same port in a demo."""

    host: str
    port: int
    data_dir: Path
    seed: int
    clients: int
    market: bool
    service_port: int
    wecom: bool = False  # whether the far side has a WeCom and the service is told of it

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def service_url(self) -> str:
        return f"http://{self.host}:{self.service_port}"

    @property
    def config(self) -> Path:
        return self.data_dir / CONFIG

    @property
    def far_dir(self) -> Path:
        return self.data_dir / "sandbox"


PACES = (
    "member_minute",
    "member_hour",
    "bot_minute",
    "bot_hour",
    "robot_minute",
    "chat_minute",
    "chat_day",
)


def desk_app(environ: Mapping[str, str] = os.environ) -> App:
    """The service's app; ``QIDESK_DINGTALK__*`` holds for both sides."""
    client_id = environ.get("QIDESK_DINGTALK__CLIENT_ID", DESK.client_id)
    return replace(
        DESK,
        client_id=client_id,
        client_secret=environ.get("QIDESK_DINGTALK__CLIENT_SECRET", DESK.client_secret),
        robot_code=environ.get("QIDESK_DINGTALK__ROBOT_CODE", client_id),
    )


def wecom_settings(options: Options, environ: Mapping[str, str] = os.environ) -> WeComSettings:
    """WeCom's side of the secrets; ``QIDESK_WECOM__*`` holds for both."""

    def given(name: str, default: str) -> str:
        return environ.get(f"QIDESK_WECOM__{name}", default)

    base = WeComSettings()
    desk, bot = base.desk, base.bot
    return replace(
        base,
        corp_id=given("CORP_ID", base.corp_id),
        desk=replace(
            desk,
            agent_id=int(given("AGENT_ID", str(desk.agent_id))),
            secret=given("SECRET", desk.secret),
            token=given("TOKEN", desk.token),
            encoding_aes_key=given("ENCODING_AES_KEY", desk.encoding_aes_key),
        ),
        bot=replace(
            bot,
            bot_id=given("AIBOT__BOT_ID", bot.bot_id),
            secret=given("AIBOT__SECRET", bot.secret),
        ),
        callback_url=f"http://{options.host}:{options.service_port}/wecom/callback",
    )


def wecom_section(options: Options) -> dict[str, Any]:
    """What the service needs to know of this WeCom."""
    settings = wecom_settings(options)
    desk, bot = settings.desk, settings.bot
    base = f"{options.url}/sim/wecom"
    return {
        "corp_id": settings.corp_id,
        "agent_id": str(desk.agent_id),
        "secret": desk.secret,
        "token": desk.token,
        "encoding_aes_key": desk.encoding_aes_key,
        "api_base": base,
        "authorize_base": base,
        "aibot": {
            "bot_id": bot.bot_id,
            "secret": bot.secret,
            "ws_url": base.replace("http", "ws", 1) + "/aibot",
            "name": "期台",
        },
        "robots": {robot.group: robot.key for robot in settings.robots},
        "risk_groups": ["g-risk"],
        **dict.fromkeys(PACES, 1_000_000),
    }


def write_config(options: Options) -> str:
    """``DIR/qidesk.toml`` for the service beside this far side; gives the control secret. What a
    person added to other sections stays."""
    kept = _read(options.config)
    secret = str(kept.get("sandbox", {}).get("secret") or secrets.token_urlsafe(24))
    app = desk_app()
    base = f"{options.url}/sim/dingtalk"
    generous = {"amount": 100_000.0, "seconds": 1.0}
    names = [f"dingtalk:{name}" for name in ("app", "private", "group", "robot", "hook")]
    written: dict[str, Any] = {
        "store": kept.get("store") or {"url": f"sqlite+aiosqlite:///{options.data_dir}/qidesk.db"},
        "web": {
            "host": options.host,
            "port": options.service_port,
            "public_url": options.service_url,
        },
        "dingtalk": {
            "client_id": app.client_id,
            "client_secret": app.client_secret,
            "robot_code": app.robot_code,
            "api_base": base,
            "oapi_base": base,
            "authorize_base": base,
            "templates": {"desk": TEMPLATE},
            "risk_groups": ["g-risk"],
        },
        "risk": kept.get("risk") or {"on_duty": [each.id for each in PEOPLE if each.on_duty]},
        "security": kept.get("security") or {"key_file": str(options.data_dir / "qidesk.keys")},
        "sources": {"sim": {"kind": "sim", "url": options.url}},
        "outbox": {"limits": dict.fromkeys((*names, *WECOM_LIMITS), generous)},
        "sandbox": {
            "url": options.url,
            "secret": secret,
            "clock_file": str(options.far_dir / "clock.json"),
            "seed": options.seed,
            "clients": options.clients,
        },
    }
    if options.wecom:
        written["wecom"] = wecom_section(options)
    options.data_dir.mkdir(parents=True, exist_ok=True)
    draft = options.config.with_suffix(".new")
    draft.write_text(tomli_w.dumps({**kept, **written}), encoding="utf-8")
    draft.chmod(0o600)
    draft.replace(options.config)
    return secret


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}


class FarSide:
    """The rooms that the sandbox's HTTP shows and does not own."""

    def __init__(self, broker: Broker, market: Market, service: "Control | None" = None) -> None:
        self._broker = broker
        self._market = market
        self._service = service
        self._names = {person.name for person in PEOPLE}
        self._names |= {client.name.text for client in broker.clients}

    async def market(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._market.apply(body)

    async def quotes(self) -> Mapping[str, Any]:
        return self._market.quotes()

    async def clients(self, limit: int) -> Sequence[Mapping[str, Any]]:
        return self._broker.rows(limit)

    async def scene(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Raises Refused for a scene that there is not."""
        random = seeded("applicants", secrets.token_hex(8))  # never the same person twice
        if body.get("name") == scenes.APPLICANT:
            return scenes.applicant(random, self._names)
        if body.get("name") != scenes.APPROVAL:
            return scenes.play(self._market, body)
        wanted = scenes.approval(random, self._names, body)
        staged = await self._service.ask("scene", wanted) if self._service else None
        if staged is None:
            raise Refused("期台没有连接，没有摆出申请", status=503)
        return staged


class Control:
    """The service's endpoint for clock and scenes."""

    def __init__(self, options: Options, secret: str) -> None:
        self._base = f"http://{options.host}:{options.service_port}/control"
        self._headers = {"Authorization": f"Bearer {secret}"}

    async def ask(self, what: str, body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """None when there is no service; one that is still being built is waited for. Raises
        Refused with what it says against it."""
        try:
            async with asyncio.timeout(CONTROL_SECONDS), aiohttp.ClientSession() as http:
                while (told := await self._once(http, what, body)) is None:  # noqa: ASYNC110 - it tells nobody when it is
                    await asyncio.sleep(LOOK_SECONDS)
                return told
        except aiohttp.ClientConnectionError:
            return None
        except TimeoutError:
            raise Refused("期台没有在时限内做完", status=504) from None

    async def _once(
        self, http: aiohttp.ClientSession, what: str, body: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        """None while it is being built."""
        url = f"{self._base}/{what}"
        async with http.post(url, json=body, headers=self._headers) as answer:
            match answer.status:
                case 200:
                    told: Mapping[str, Any] = await answer.json()
                    return told
                case 400:
                    raise Refused(str((await answer.json()).get("error", "期台没有接受")))
                case 503:
                    return None
                case _:
                    raise Refused("期台没有接受", status=502)


@asynccontextmanager
async def far_side(app: web.Application, options: Options, secret: str) -> AsyncIterator[Market]:
    """Everything mounted on ``app``; the market walks while the block runs, unless told not to."""
    options.far_dir.mkdir(parents=True, exist_ok=True)
    clock = SandboxClock(options.far_dir / "clock.json")
    broker = invent(options.seed, options.clients)
    market = Market(broker, clock, Calendar.shipped(), options.far_dir / "market.json")
    market.paused = market.paused or not options.market
    control = Control(options, secret)

    async def tell_service(offset_seconds: float) -> None:
        clock.offset = ground.clock.offset
        # without a service nobody is told: it reads the file at its start
        await control.ask("clock", {"offset_seconds": offset_seconds})

    settings = SandboxSettings(
        data_dir=options.far_dir,
        public_url=options.url,
        seed=options.seed,
        dingtalk=DingTalkSettings(desk=desk_app()),
        wecom=wecom_settings(options) if options.wecom else None,
        far=FarSide(broker, market, control),
        on_clock=tell_service,
    )
    ground = add_routes(app, settings)
    app.add_routes(counter_routes(market))
    yield market
