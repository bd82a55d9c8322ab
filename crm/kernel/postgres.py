"""The way into PostgreSQL of whatever stays connected; not loaded on SQLite."""

import socket
from typing import Any, Final

import asyncpg

# What the server is told: a client whose machine is cut off is forgotten within seconds, and what
# it held with it, for others wait for that.
SETTINGS: Final = {
    "jit": "off",  # it compiles 0.3 s for a 1 ms query
    "tcp_keepalives_idle": "2",
    "tcp_keepalives_interval": "1",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "5000",
    "idle_in_transaction_session_timeout": "60000",
}
# And what this side does when the server's machine is cut off, else a statement under way is sent
# again after ever longer pauses: measured 53 s, 27 of them after the line was back. Linux has all.
OPTIONS: Final = {
    "TCP_KEEPIDLE": 2,  # seconds
    "TCP_KEEPINTVL": 1,  # seconds
    "TCP_KEEPCNT": 3,
    "TCP_USER_TIMEOUT": 5000,  # milliseconds
}


class Connection(asyncpg.Connection):  # type: ignore[misc]  # the driver has no types
    """Fails within seconds where nothing comes back any more."""

    def __init__(self, protocol: Any, transport: Any, *rest: Any) -> None:
        super().__init__(protocol, transport, *rest)
        _give_up_soon(transport.get_extra_info("socket"))


ARGUMENTS: Final = {"connection_class": Connection, "server_settings": SETTINGS}


async def connect(dsn: str, **options: Any) -> Any:
    """``options`` as for ``asyncpg.connect``."""
    return await asyncpg.connect(dsn, **ARGUMENTS, **options)


def _give_up_soon(line: socket.socket | None) -> None:
    if line is None or line.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in OPTIONS.items():
        if (option := getattr(socket, name, None)) is not None:
            line.setsockopt(socket.IPPROTO_TCP, option, value)
