"""An invented broker: its branches, its people and its clients, the same for the same seed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random
from typing import Any, Literal

from bot.sandbox import names, numbers
from bot.sandbox.names import Name
from bot.sandbox.numbers import seeded
from bot.sandbox.world import BRANCHES, PEOPLE, Branch, Person

FIRST_ACCOUNT = 80010001
FOUNDED = date(2026, 11, 23)  # ages and expiries are laid out around this day
USUAL_DRAWS = 8  # of a name; then a large broker has run out of the usual ones
Tier = Literal["A", "B", "C"]
Status = Literal["active", "dormant"]
RiskLevel = Literal["C1", "C2", "C3", "C4", "C5"]
TIERS: tuple[Tier, ...] = ("A", "B", "C")
RISK_LEVELS: tuple[RiskLevel, ...] = ("C1", "C2", "C3", "C4", "C5")


@dataclass(frozen=True, slots=True)
class Permission:
    """交易权限. ``until`` None: without an end."""

    kind: Literal["商品", "原油", "股指", "期权"]
    until: date | None = None


@dataclass(frozen=True, slots=True)
class FundAccount:
    account: str
    currency: Literal["CNY", "USD"] = "CNY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """``account`` is the first of ``accounts``; ``owner`` a person's id, empty for nobody's."""

    account: str
    accounts: tuple[FundAccount, ...]
    name: Name
    is_company: bool
    owner: str
    branch: str
    tier: Tier
    status: Status
    risk: RiskLevel
    mobile: str
    id_number: str  # companies: 统一社会信用代码
    id_expires: date | None  # None: 长期
    bank_card: str
    address: str
    birthday: date | None
    opened: date
    assessed: date  # 适当性问卷
    permissions: tuple[Permission, ...]

    def row(self) -> dict[str, str | None]:
        """The shape of ``GET /sandbox/clients``, numbers in the clear."""
        return {
            "account": self.account,
            "name": self.name.text,
            "pinyin": self.name.pinyin,
            "initials": self.name.initials,
            "owner": self.owner or None,
            "branch": self.branch,
            "tier": self.tier,
            "status": self.status,
            "mobile": self.mobile,
            "id_number": self.id_number,
            "bank_card": self.bank_card,
            "risk": self.risk,
        }


@dataclass(frozen=True, slots=True)
class Broker:
    seed: int
    branches: tuple[Branch, ...]
    people: tuple[Person, ...]
    clients: tuple[Client, ...]

    def rows(self, limit: int | None = None) -> list[dict[str, str | None]]:
        return [client.row() for client in self.clients[:limit]]


OWNERS: Mapping[tuple[str, str], int] = {  # owner and branch, by share
    ("wangqiang", "HZ"): 29,
    ("limin", "HZ"): 27,
    ("zhaolei", "SH"): 29,
    ("", "HZ"): 8,
    ("", "SH"): 7,
}
STREETS: Mapping[str, tuple[str, ...]] = {
    "HZ": (
        "杭州市西湖区文二路",
        "杭州市滨江区江南大道",
        "杭州市拱墅区湖墅南路",
        "绍兴市越城区解放路",
    ),
    "SH": (
        "上海市浦东新区世纪大道",
        "上海市徐汇区漕溪北路",
        "上海市静安区共和新路",
        "苏州市工业园区星湖街",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Guest:
    """A client that tours and tests know; what is not named is invented."""

    surname: str
    given: str
    owner: str = "wangqiang"
    tier: Tier | None = None
    status: Status | None = None


GUESTS: Mapping[int, _Guest] = {  # by place, from account 80010001
    22: _Guest(surname="张", given="三", tier="A", status="active"),
    30: _Guest(surname="查", given="英芳", status="active"),
    41: _Guest(surname="单", given="晓军", status="active"),
    52: _Guest(surname="曾", given="国伟", status="active"),
    63: _Guest(surname="解", given="文静", status="active"),
    74: _Guest(surname="仇", given="海涛", status="active"),
    85: _Guest(surname="区", given="嘉敏", status="active"),
    91: _Guest(surname="盖", given="立新", owner="limin"),
    97: _Guest(surname="乐", given="思远", owner="zhaolei"),
    103: _Guest(surname="朴", given="春花", owner="zhaolei"),
    # Two of one name within one manager's clients, and two with different managers.
    112: _Guest(surname="陈", given="静", status="active"),
    139: _Guest(surname="陈", given="静", status="active"),
    121: _Guest(surname="刘", given="洋", status="active"),
    147: _Guest(surname="刘", given="洋", owner="limin", status="active"),
    770: _Guest(surname="张", given="思远", tier="B", status="active"),
    1289: _Guest(surname="赵", given="胜", tier="C", status="dormant"),
}


GUEST_NAMES = frozenset(guest.surname + guest.given for guest in GUESTS.values())


def invent(seed: int = 7, clients: int = 2000) -> Broker:
    """The broker of this seed. A larger one begins with the clients of a smaller one."""
    random = seeded(seed, "clients")
    taken: set[str] = set()
    invented = []
    for place in range(clients):
        client = _client(random, place, taken)
        if place in GUESTS:
            client = _as_guest(client, GUESTS[place])
        invented.append(client)
    return Broker(seed, BRANCHES, PEOPLE, tuple(invented))


def _client(random: Random, place: int, taken: set[str]) -> Client:
    account = str(FIRST_ACCOUNT + place)
    is_company = random.random() < 0.04
    female = random.random() < 0.42
    owner, branch = random.choices(list(OWNERS), list(OWNERS.values()))[0]
    birthday = FOUNDED - timedelta(days=random.randrange(22 * 365, 74 * 365))
    opened = FOUNDED - timedelta(days=random.randrange(20, 4000))
    risk = random.choices(RISK_LEVELS, (2, 8, 30, 40, 20))[0]
    id_number = numbers.citizen_id(random, birthday, female=female)
    return Client(
        account=account,
        accounts=_accounts(random, account),
        name=_fresh_name(random, taken, is_company=is_company, female=female),
        is_company=is_company,
        owner=owner,
        branch=branch,
        tier=random.choices(TIERS, (1, 3, 6))[0],
        status="dormant" if random.random() < (0.12 if owner else 0.5) else "active",
        risk=risk,
        mobile=numbers.mobile(random),
        id_number=numbers.credit_code(random) if is_company else id_number,
        id_expires=_id_expires(random, birthday),
        bank_card=numbers.bank_card(random),
        address=f"{random.choice(STREETS[branch])}{random.randrange(1, 900)}号",
        birthday=None if is_company else birthday,
        opened=opened,
        assessed=max(opened, FOUNDED - timedelta(days=random.randrange(1, 735))),
        permissions=_permissions(random, risk),
    )


def _fresh_name(random: Random, taken: set[str], *, is_company: bool, female: bool) -> Name:
    """A name that no guest has and, but for the odd namesake, no other client."""
    draws = 0
    while True:
        draws += 1
        rare = draws > USUAL_DRAWS
        if is_company:
            name = names.company(random, rare=rare)
        else:
            name = names.person(random, female=female, rare=rare)
        if name.initials.startswith("zs") or name.text in GUEST_NAMES:
            continue  # the tour's «zs» finds the three that it shows
        if name.text not in taken or random.random() < 0.02:
            taken.add(name.text)
            return name


def _accounts(random: Random, account: str) -> tuple[FundAccount, ...]:
    """Now and then a second one, in dollars or a further one in yuan."""
    first = FundAccount(account)
    draw = random.random()
    if draw < 0.01:
        return first, FundAccount(f"88{account[2:]}", "USD")
    if draw < 0.02:
        further = "82" if account.startswith("81") else "81"
        return first, FundAccount(f"{further}{account[2:]}")
    return (first,)


def _id_expires(random: Random, birthday: date) -> date | None:
    """Cards of people past 46 do not end."""
    draw = random.randrange(-10, 20 * 365)
    return None if (FOUNDED - birthday).days > 46 * 365 else FOUNDED + timedelta(days=draw)


def _permissions(random: Random, risk: str) -> tuple[Permission, ...]:
    granted = [Permission("商品")]
    if risk >= "C3" and random.random() < 0.3:
        granted.append(Permission("原油"))
    if risk >= "C4" and random.random() < 0.2:
        granted.append(Permission("股指"))
    if risk >= "C4" and random.random() < 0.4:
        granted.append(Permission("期权", FOUNDED + timedelta(days=random.randrange(5, 700))))
    return tuple(granted)


def _as_guest(client: Client, guest: _Guest) -> Client:
    branch = next(person.branch for person in PEOPLE if person.id == guest.owner)
    female = guest.given[-1] in names.FEMALE + "花"
    birthday = client.birthday or date(1985, 6, 1)
    known = replace(
        client,
        name=names.read(guest.surname + guest.given, guest.surname),
        is_company=False,
        owner=guest.owner,
        branch=branch,
        birthday=birthday,
        id_number=numbers.citizen_id(seeded(client.account), birthday, female=female),
        tier=guest.tier or client.tier,
        status=guest.status or client.status,
        address=f"{STREETS[branch][0]}{client.account[-2:]}号",
    )
    return replace(known, **ZHANG_SAN) if known.name.text == "张三" else known


ZHANG_SAN: Mapping[str, Any] = {  # of the tour
    "accounts": (FundAccount("80010023"),),
    "risk": "C5",
    "mobile": "13800006688",
    "birthday": date(1979, 12, 18),
    "id_number": "330199197912181234",
    "id_expires": date(2031, 5, 18),
    "opened": date(2019, 3, 12),
    "assessed": date(2025, 6, 20),
    "permissions": (Permission("商品"), Permission("原油"), Permission("期权", date(2027, 3, 31))),
}
