"""An installation to operate on: settings, a store on each database, people and ledgers."""

import csv
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from uuid import uuid4

import pytest

from bot.app.database import clock_of
from bot.app.stores import store_of
from bot.settings import Security, Settings, StoreSettings
from crm import people
from crm.kernel.db import Store
from crm.kernel.vault import Vault
from crm.models import Branch, Role
from tests.databases import Server

HEADINGS = (
    "资金账号",
    "客户姓名",
    "身份证号",
    "手机号",
    "银行卡号",
    "营业部",
    "客户经理",
    "标签",
    "备注",
)
MOBILE = "13800138000"
ID_NUMBER = "110101199003079972"
BANK_CARD = "6222021234567890128"
ROW = (
    "80010001",
    "张三丰",
    ID_NUMBER,
    MOBILE,
    "",
    "杭州营业部",
    "王强",
    "螺纹",
    "老客户",
)
STAFF = (
    ("wangqiang", "王强", "HZ", Role.MANAGER),
    ("limin", "李敏", "HZ", Role.MANAGER),
    ("sunfang", "孙芳", "HZ", Role.HEAD),
    ("zhaolei", "赵磊", "SH", Role.MANAGER),
    ("hejing", "何静", None, Role.SYSTEM_ADMIN),
)

Sheet = Callable[[Sequence[Sequence[object]]], Path]


def settings_at(url: str, folder: Path) -> Settings:
    return Settings(
        store=StoreSettings(url=url, archive_dir=folder / "archive"),
        security=Security(key_file=folder / "qidesk.keys"),
    )


@pytest.fixture
def settings(database_url: str, tmp_path: Path, vault: Vault) -> Settings:
    """An installation that is up to date and empty, on each database in turn."""
    return settings_at(database_url, tmp_path)


@pytest.fixture
async def desk(settings: Settings) -> AsyncIterator[Store]:
    """The same store as a running service has it, with people in it."""
    store = store_of(settings, clock_of(settings))
    async with store.writing() as session:
        session.add_all(
            [Branch(code="HZ", name="杭州营业部"), Branch(code="SH", name="上海营业部")]
        )
        await session.flush()
        for staff_id, name, branch, role in STAFF:
            await people.add(
                session,
                by="test",
                staff_id=staff_id,
                name=name,
                branch=branch,
                roles=frozenset({role}),
                logins={"dingtalk": staff_id},
            )
    yield store
    await store.close()


@pytest.fixture
async def empty_url(
    request: pytest.FixtureRequest, database_url: str, tmp_path: Path
) -> AsyncIterator[str]:
    """A database of the same kind without a table."""
    if database_url.startswith("sqlite"):
        yield f"sqlite+aiosqlite:///{tmp_path}/elsewhere/restored.db"
        return
    server: Server = request.getfixturevalue("postgres")
    name = f"e{uuid4().hex}"
    await server.run(f"CREATE DATABASE {name}")
    yield server.url(name)
    await server.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def sheet(tmp_path: Path) -> Sheet:
    """Rows under the headings of a ledger, as a csv file."""

    def _write(rows: Sequence[Sequence[object]]) -> Path:
        path = tmp_path / "台账.csv"
        with path.open("w", encoding="gb18030", newline="") as file:
            csv.writer(file).writerows([HEADINGS, *rows])
        return path

    return _write
