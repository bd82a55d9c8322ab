"""A sandbox on a throwaway disk."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.server import SandboxSettings
from tests.sandbox import wecom_room
from tests.sandbox.room import QUICK, OpenRoom, Room, running
from tests.sandbox.wecom_room import OpenWeCom, WeComRoom, desk_listening


@pytest.fixture
async def open_room(tmp_path: Path) -> AsyncIterator[OpenRoom]:
    """Opens a sandbox with the given switches of DingTalk, and settings under ``sandbox``."""
    async with AsyncExitStack() as stack:

        async def open_one(sandbox: dict[str, Any] | None = None, **switches: Any) -> Room:
            settings = SandboxSettings(
                data_dir=tmp_path, dingtalk=replace(QUICK, **switches), **(sandbox or {})
            )
            return await stack.enter_async_context(running(settings))

        yield open_one


@pytest.fixture
async def room(open_room: OpenRoom) -> Room:
    return await open_room()


@pytest.fixture
async def open_wecom(tmp_path: Path) -> AsyncIterator[OpenWeCom]:
    """Opens a sandbox with the given switches of WeCom, and a desk that it calls back."""
    async with AsyncExitStack() as stack:

        async def open_one(**switches: Any) -> WeComRoom:
            desk = await stack.enter_async_context(desk_listening())
            settings = replace(wecom_room.QUICK, **({"callback_url": desk.url} | switches))
            sandbox = SandboxSettings(data_dir=tmp_path, wecom=settings)
            room = await stack.enter_async_context(running(sandbox))
            return WeComRoom(room, settings, desk)

        yield open_one


@pytest.fixture
async def wecom(open_wecom: OpenWeCom) -> WeComRoom:
    return await open_wecom()
