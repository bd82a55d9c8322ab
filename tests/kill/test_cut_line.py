"""The line to PostgreSQL is cut and nobody is told."""

import asyncio
import sys

import pytest

from tests.databases import postgres_server
from tests.kill.nets import possible, two_machines

GIVEN_UP_SECONDS = 20.0  # 9 by the settings; the kernel alone would take a quarter of an hour


@pytest.mark.skipif(not possible(), reason="network namespaces are for root")
async def test_a_statement_under_way_when_the_line_is_cut_fails_within_seconds() -> None:
    with two_machines() as net, postgres_server(net.near):
        process = await asyncio.create_subprocess_exec(
            *net.inside,
            *(
                sys.executable,
                "-m",
                "tests.kill.asking",
                f"postgresql://qidesk@{net.near}/postgres",
            ),
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        try:
            assert await process.stdout.readline() == b"up\n"
            net.cut()
            async with asyncio.timeout(GIVEN_UP_SECONDS):
                said = {await process.stdout.readline() for _ in range(2)}
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
    assert said == {b"asking failed\n", b"waiting failed\n"}
