"""A sandbox as a process of its own: prints its address, serves until it is killed.

With a second argument it has a WeCom that calls back there.
"""

import asyncio
import sys
from pathlib import Path

from aiohttp import web

from bot.sandbox.server import SandboxSettings, make_app
from bot.sandbox.wecom.company import WeComSettings


async def main(data_dir: str, callback_url: str = "") -> None:
    wecom = WeComSettings(callback_url=callback_url) if callback_url else None
    runner = web.AppRunner(make_app(SandboxSettings(data_dir=Path(data_dir), wecom=wecom)))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    sys.stdout.write(f"http://{host}:{port}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


asyncio.run(main(*sys.argv[1:]))
