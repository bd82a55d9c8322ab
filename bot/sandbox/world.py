"""Who lives in the invented broker: its people, branches and groups, the same on every platform."""

from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Branch:
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Person:
    """``id`` is the user id on every platform; ``role`` one of crm's Role, but for the stranger's;
    ``branch`` is "" at headquarters."""

    id: str
    name: str
    role: str
    branch: str = ""
    on_duty: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """``has_robots`` False: no app's robot was added, it neither hears nor speaks there."""

    id: str
    name: str
    members: tuple[str, ...]
    has_robots: bool = True


BRANCHES = (Branch("HZ", "杭州营业部"), Branch("SH", "上海营业部"))

ROLES = MappingProxyType(
    {
        "manager": "客户经理",
        "head": "营业部负责人",
        "suitability": "适当性",
        "compliance": "合规",
        "opening_desk": "开户岗",
        "risk": "风控",
        "system_admin": "系统管理员",
        "security_admin": "安全管理员",
        "audit_admin": "审计管理员",
        "stranger": "路人",
    }
)

PEOPLE = (
    Person("wangqiang", "王强", "manager", "HZ"),
    Person("limin", "李敏", "manager", "HZ"),
    Person("zhaolei", "赵磊", "manager", "SH"),
    Person("sunfang", "孙芳", "head", "HZ"),
    Person("qianwei", "钱伟", "head", "SH"),
    Person("zhouting", "周婷", "suitability"),
    Person("wuhao", "吴昊", "compliance"),
    Person("zhengli", "郑丽", "opening_desk"),
    Person("fengjun", "冯军", "risk"),
    Person("chenxi", "陈曦", "risk", on_duty=True),
    Person("hejing", "何静", "system_admin"),
    Person("tangyu", "唐宇", "system_admin"),
    Person("gaoyuan", "高远", "security_admin"),
    Person("shenlu", "沈露", "security_admin"),
    Person("linlan", "林岚", "audit_admin"),
    Person("peijun", "裴俊", "audit_admin"),
)
STRANGER = Person("stranger", "路人", "stranger")  # on the platforms, unknown to qidesk
OUTSIDER = Person("outsider", "外公司的人", "stranger")  # with an account on the platforms

GROUPS = (
    Group("g-risk", "风控值班群", ("fengjun", "chenxi", "sunfang", "qianwei")),
    Group("g-hz", "杭州营业部", ("wangqiang", "limin", "sunfang", "stranger")),
)


@dataclass(frozen=True)
class World:
    people: tuple[Person, ...] = (*PEOPLE, STRANGER)
    groups: tuple[Group, ...] = GROUPS
    branches: tuple[Branch, ...] = BRANCHES

    def person(self, id_: str) -> Person | None:
        return next((person for person in self.people if person.id == id_), None)

    def group(self, id_: str) -> Group | None:
        return next((group for group in self.groups if group.id == id_), None)

    def robots_group(self, id_: str) -> Group | None:
        """The group of this id if robots belong to it."""
        found = self.group(id_)
        return found if found and found.has_robots else None

    def groups_of(self, person: str) -> tuple[Group, ...]:
        return tuple(group for group in self.groups if person in group.members)
