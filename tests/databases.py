"""Throwaway databases of both kinds, migrated once and as new for each test."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from bot.store import schema
from crm.kernel.clock import SystemClock
from crm.kernel.db import open_store
from crm.kernel.vault import Vault

BINARIES = Path("/usr/lib/postgresql")
SCRIPT = """
set -e
"$0/initdb" -D data --no-sync -A trust -U qidesk -E UTF8 --locale=C.UTF-8
echo "host all all samenet trust" >> data/pg_hba.conf
"$0/pg_ctl" -D data -w -l log -o "$2 -k $1" start
touch ready
read _ || true  # until the one who started us closes his end, or is gone
"$0/pg_ctl" -D data -m immediate stop
cd / && rm -rf "$1"
"""
MISSING = "PostgreSQL is not installed here; as root: apt-get install -y postgresql"
TEMPLATE = "migrated"
START_SECONDS = 60
SETTINGS = "-c fsync=off -c full_page_writes=off -c autovacuum=off -c max_connections=60"


@dataclass(frozen=True, slots=True)
class Server:
    """A PostgreSQL of our own, reached by its socket in ``home``."""

    home: Path

    def url(self, database: str) -> str:
        return f"postgresql+asyncpg://qidesk@/{database}?host={self.home}"

    async def run(self, statement: str, database: str = "postgres") -> None:
        """Something that is done to a database from outside."""
        connection = await asyncpg.connect(host=str(self.home), user="qidesk", database=database)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def keep(self, database: str) -> None:
        """Remember what is in a database now. Bringing that back is quicker than a copy."""
        await self.run(KEEP, database)

    async def bring_back(self, database: str) -> str:
        """The address of the database, again as it was when it was kept."""
        await self.run(BRING_BACK, database)
        return self.url(database)


KEEP = """
CREATE SCHEMA kept;
DO $$
DECLARE name text;
BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('CREATE TABLE kept.%I AS TABLE public.%I', name, name);
    END LOOP;
END $$;
CREATE TABLE kept.sequence_numbers AS SELECT sequencename, last_value FROM pg_sequences
    WHERE schemaname = 'public';
"""
BRING_BACK = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid();
SET session_replication_role = replica;
DO $$
DECLARE name text;
BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('DELETE FROM public.%I', name);
        EXECUTE format('INSERT INTO public.%I SELECT * FROM kept.%I', name, name);
    END LOOP;
    PERFORM setval(format('public.%I', sequencename), coalesce(last_value, 1),
        last_value IS NOT NULL) FROM kept.sequence_numbers;
END $$;
"""


def binaries() -> Path:
    """Of the newest PostgreSQL that is installed."""
    found = [path.parent for path in BINARIES.glob("*/bin/initdb")]
    if not found:
        raise FileNotFoundError(MISSING)
    return max(found, key=lambda path: int(path.parent.name))


@contextmanager
def postgres_server(address: str = "") -> Iterator[Server]:
    """Gone with this process, however that ends; with an ``address`` it is reached there too, by
    everybody of its net. Its files are in a directory of their own:
    sockets want short paths, and PostgreSQL, which does not run as root, cannot enter pytest's."""
    tools = binaries()
    home = Path(tempfile.mkdtemp(prefix="qidesk-pg-"))
    user = _unprivileged()
    if user is not None:
        shutil.chown(home, user)

    def start(*command: str) -> subprocess.Popen[bytes]:
        with (home / "setup.log").open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=home,
                user=user,
                extra_groups=[] if user else None,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    settings = f"{SETTINGS} -c listen_addresses={address}"
    server = start("sh", "-c", SCRIPT, str(tools), str(home), settings)
    try:
        _wait_for(home / "ready", server)
        yield Server(home)
    finally:
        server.communicate(timeout=START_SECONDS)


def _wait_for(mark: Path, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_SECONDS
    while not mark.exists():
        if server.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"PostgreSQL did not start, see {mark.parent}")
        time.sleep(0.02)


def _unprivileged() -> str | None:
    """Whom root becomes for PostgreSQL; None for anybody else, who stays as he is."""
    if os.geteuid() != 0:
        return None
    names = {line.partition(":")[0] for line in Path("/etc/passwd").read_text().splitlines()}
    return "postgres" if "postgres" in names else "nobody"


async def migrate(url: str, keys: Path) -> None:
    """Bring an empty database to this program's version."""
    store = open_store(url, Vault(keys), SystemClock())
    try:
        await schema.upgrade(store)
    finally:
        await store.close()
