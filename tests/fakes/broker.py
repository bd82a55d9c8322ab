"""A small broker: everyone of each role, two branches, and a handful of clients."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from crm import clients, people
from crm.clients import NewClient
from crm.kernel.clock import SHANGHAI
from crm.kernel.db import Store
from crm.models import Branch, ClientStatus, PersonalKind, Role
from crm.people import Person

MONDAY_TEN = datetime(2026, 11, 23, 10, 0, tzinfo=SHANGHAI)  # a trading day
STAFF: Mapping[str, tuple[str, str | None, Role]] = {
    "wangqiang": ("王强", "HZ", Role.MANAGER),
    "limin": ("李敏", "HZ", Role.MANAGER),
    "zhaolei": ("赵磊", "SH", Role.MANAGER),
    "sunfang": ("孙芳", "HZ", Role.HEAD),
    "qianwei": ("钱伟", "SH", Role.HEAD),
    "zhouting": ("周婷", None, Role.SUITABILITY),
    "wuhao": ("吴昊", None, Role.COMPLIANCE),
    "zhengli": ("郑丽", None, Role.OPENING_DESK),
    "fengjun": ("冯军", None, Role.RISK),
    "chenxi": ("陈曦", None, Role.RISK_HEAD),
    "hejing": ("何静", None, Role.SYSTEM_ADMIN),
    "gaoyuan": ("高远", None, Role.SECURITY_ADMIN),
    "linlan": ("林岚", None, Role.AUDIT_ADMIN),
}
BRANCHES = {"HZ": "杭州营业部", "SH": "上海营业部"}
MOBILE = "13800138000"
ID_NUMBER = "110101199003079972"
BANK_CARD = "6228481234568903"


@dataclass(frozen=True)
class Broker:
    """Who is who; clients by name."""

    store: Store
    people: Mapping[str, Person]
    clients: Mapping[str, int]

    def __getitem__(self, staff_id: str) -> Person:
        return self.people[staff_id]

    async def add(self, *new: NewClient) -> Sequence[int]:
        async with self.store.writing() as session:
            return await clients.add_many(session, new, by="cli")


def client(name: str, account: str, owner: str | None, **more: object) -> NewClient:
    """A client of the owner's branch, in Hangzhou when nobody owns it."""
    branch = STAFF[owner][1] if owner else "HZ"
    given: dict[str, object] = {"branch": branch, **more}
    return NewClient(name=name, accounts=[(account, "CNY")], owner=owner, **given)  # type: ignore[arg-type]


CLIENTS = (
    client(
        "张三",
        "80010023",
        "wangqiang",
        personal={
            PersonalKind.MOBILE: [MOBILE],
            PersonalKind.ID_NUMBER: [ID_NUMBER],
            PersonalKind.BANK_CARD: [BANK_CARD],
        },
    ),
    client("单晓明", "80010024", "wangqiang"),
    client("张思远", "80010025", "limin", personal={PersonalKind.MOBILE: ["13912346688"]}),
    client("赵胜", "80010026", "zhaolei", status=ClientStatus.DORMANT),
    client("钱多多", "80010027", None),
    client("周无主", "80010028", None, branch="SH"),
)


async def hire(session: AsyncSession) -> None:
    """Everyone, reachable on DingTalk by his own id."""
    session.add_all(Branch(code=code, name=name) for code, name in BRANCHES.items())
    await session.flush()
    for staff_id, (name, branch, role) in STAFF.items():
        await people.add(
            session,
            by="cli",
            staff_id=staff_id,
            name=name,
            branch=branch,
            roles=frozenset({role}),
            logins={"dingtalk": staff_id},
        )


async def open_broker(store: Store) -> Broker:
    async with store.writing() as session:
        await hire(session)
        ids = await clients.add_many(session, CLIENTS, by="cli")
    async with store.reading() as session:
        everyone = {staff_id: await people.get(session, staff_id) for staff_id in STAFF}
    names = (each.name for each in CLIENTS)
    return Broker(store, everyone, dict(zip(names, ids, strict=True)))
