"""The service's own pages for machines: alive, ready, figures; and the sandbox's control."""

import hmac
import shutil
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import orjson
from aiohttp import web

from bot import metrics
from bot.chat.ports import Health
from bot.store.health import store_health
from crm.kernel.database import Database
from crm.kernel.errors import UserError

LOW_DISK = 200 * 1024 * 1024  # bytes
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Hearing(Protocol):
    """What the pages ask of whatever hears: the front of the service, then all of it."""

    @property
    def database(self) -> Database: ...

    def health(self) -> dict[str, Health]: ...


class Running(Hearing, Protocol):
    """What the pages ask of the service."""

    leads: bool  # else it stands by

    @property
    def control_secret(self) -> str:
        """Empty without a sandbox: then nobody moves the clock."""
        ...

    async def count_what_is_left(self) -> None: ...

    async def move_clock(self, offset: timedelta) -> None: ...

    async def stage(self, scene: dict[str, object]) -> dict[str, object]:
        """Raises UserError or ValueError for a scene that cannot be set."""
        ...


Heard = Callable[[], Hearing | None]
"""What hears, None while it is being built."""

Current = Callable[[], Running | None]
"""The service, None while it is being built."""


def service_routes(hearing: Heard, current: Current) -> list[web.RouteDef]:
    """``/healthz`` says the process lives, ``/readyz`` whether people are heard, ``/control/…`` is
    for the sandbox alone."""

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readyz(_: web.Request) -> web.Response:
        front = hearing()
        if front is None:
            return _json({"ready": False, "parts": {}}, 503)
        parts = await parts_of(front)
        ready = is_ready(parts)
        told = _told(parts, front.database.clock.now())
        return _json({"ready": ready, "parts": told}, 200 if ready else 503)

    async def show_metrics(_: web.Request) -> web.Response:
        service = current()
        if service is not None:
            parts = await parts_of(service)
            metrics.LEADS.set(service.leads)
            for name, part in parts.items():
                metrics.PART_OK.labels(name).set(part.ok)
            if parts["store"].ok:  # else what was counted last is shown, and that it is away
                await service.count_what_is_left()
        return web.Response(body=metrics.page(), headers={"Content-Type": METRICS_TYPE})

    async def move_clock(request: web.Request) -> web.Response:
        service = _controlled(current(), request)
        try:
            body = await request.json(loads=orjson.loads)
            offset = timedelta(seconds=float(body["offset_seconds"]))
        except (ValueError, TypeError, LookupError, OverflowError):
            return _json({"error": "时间的内容不对"}, 400)
        await service.move_clock(offset)
        return _json({"ok": True})

    async def stage(request: web.Request) -> web.Response:
        service = _controlled(current(), request)
        try:
            return _json(await service.stage(await request.json(loads=orjson.loads)))
        except UserError as error:
            return _json({"error": error.text}, 400)
        except ValueError:
            return _json({"error": "场景的内容不对"}, 400)

    return [
        web.get("/healthz", healthz),
        web.get("/readyz", readyz),
        web.get("/metrics", show_metrics),
        web.post("/control/clock", move_clock),
        web.post("/control/scene", stage),
    ]


def _controlled(service: Running | None, request: web.Request) -> Running:
    """Raises HTTPServiceUnavailable while it is being built, HTTPForbidden for whoever does not
    know the sandbox's secret."""
    if service is None:
        raise web.HTTPServiceUnavailable
    given = request.headers.get("Authorization", "")
    secret = service.control_secret
    if not secret or not hmac.compare_digest(given, f"Bearer {secret}"):
        raise web.HTTPForbidden
    return service


def _told(parts: dict[str, Health], now: datetime) -> dict[str, object]:
    return {
        name: {
            "ok": part.ok,
            "detail": part.detail,
            "age_seconds": max((now - part.since).total_seconds(), 0.0) if part.since else None,
        }
        for name, part in parts.items()
    }


async def parts_of(front: Hearing, *, inside: bool = False) -> dict[str, Health]:
    """Everything that ``/readyz`` and 健康 look at."""
    database = front.database
    kept = await store_health(database, inside=inside)
    return {"store": kept, "disk": disk_health(database), **front.health()}


def is_ready(parts: Mapping[str, Health]) -> bool:
    """Whether people are heard: a source that is silent takes nobody's desk away."""
    return all(part.ok for name, part in parts.items() if not name.startswith("source."))


def disk_health(database: Database) -> Health:
    path = database.file or Path.cwd()
    try:
        free = shutil.disk_usage(path.parent).free
    except OSError as error:
        return Health(ok=False, detail=f"磁盘读不出来（{error.strerror}）")
    if free < LOW_DISK:
        return Health(ok=False, detail=f"磁盘只剩 {free // 1024 // 1024} MB，请清理或扩容")
    return Health(ok=True, detail=f"磁盘剩余 {free // 1024**3} GB")


def _json(body: object, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json")
