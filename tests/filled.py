"""Stores of the invented broker, filled once and copied: filling takes longer than most tests."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from bot.commands.invented import make_invented_store
from bot.sandbox.launch import Options, write_config
from bot.settings import load
from tests.databases import Server

DATABASE = "filled"


@dataclass(frozen=True, slots=True)
class Filled:
    """A data directory; ``server`` has the store where that is not a file in it."""

    home: Path
    server: Server | None = None

    async def copy(self, home: Path) -> str:
        """The same in a directory of its own; the address of the store unless it is a file."""
        shutil.copytree(self.home, home, dirs_exist_ok=True)
        if self.server is None:
            return ""
        name = f"room{uuid4().hex}"
        await self.server.run(f"CREATE DATABASE {name} TEMPLATE {DATABASE}")
        return self.server.url(name)


async def fill(home: Path, clients: int, server: Server | None = None) -> Filled:
    """The clock that lies in ``home`` already is the one that it goes by."""
    options = Options(
        host="127.0.0.1",
        port=1,
        service_port=2,
        data_dir=home,
        seed=7,
        clients=clients,
        market=False,
    )
    environ = {}
    if server is not None:
        await server.run(f"CREATE DATABASE {DATABASE}")
        environ["QIDESK_STORE__URL"] = server.url(DATABASE)
    write_config(options)
    await make_invented_store(load(options.config, environ))
    options.config.unlink()
    return Filled(home, server)
