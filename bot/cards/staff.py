"""Members of staff and roles as cards."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from bot.cards import text
from bot.cards.admin import lines_table
from bot.chat.message import Button, Card, Fact, Table, Tone
from crm.kernel.rulebook import Body, Document
from crm.models import Role, Staff
from crm.people import ACTION_WORDS, GRANTS, ROLE_WORDS, Action, Person, Scope
from crm.proposals import Line
from crm.staff import Owned, login_words, role_words, roles_of

PAGE = 15
SCOPE_WORDS: Mapping[Scope, str] = {
    Scope.UNOWNED: "无归属客户",
    Scope.OWN: "本人",
    Scope.BRANCH: "本营业部",
    Scope.ALL: "全部",
}
HOW_TO = (
    "新增：/员工 新增 工号 姓名 营业部 角色\n停用、启用：/员工 停用 王强\n"
    "休假有人代理：/员工 代理 王强 李敏；结束：/员工 代理 王强 无\n调动：/员工 调动 王强 上海"
)


def staff_list(
    rows: Sequence[Staff], first: int, branches: Mapping[str, str], *, title: str = "员工"
) -> Card:
    shown = rows[first : first + PAGE]
    part = "" if len(shown) == len(rows) else f" · 第 {first + 1}–{first + len(shown)} 位"
    return Card(
        title=f"{title} {len(rows)} 人{part}",
        table=Table(
            ("工号", "姓名", "营业部", "角色"),
            tuple(
                (
                    row.id,
                    row.name + ("" if row.disabled_at is None else "（停用）"),
                    branches.get(row.branch or "", text.NOTHING),
                    role_words(held.role for held in row.roles),
                )
                for row in shown
            ),
        ),
        buttons=_pages(len(rows), first),
        footer="看一个人发「/员工 姓名」",
    )


def _pages(count: int, first: int) -> tuple[Button, ...]:
    after, before = first + PAGE, max(0, first - PAGE)
    return (
        *((Button(f"staff_page:{after}", "下一页"),) if after < count else ()),
        *((Button(f"staff_page:{before}", "上一页"),) if first else ()),
    )


def staff_card(
    staff_id: str,
    file: Body,
    branches: Mapping[str, str],
    names: Mapping[str, str],
    owned: Owned | None,
    *,
    document: Document | None = None,
    footer: str = "",
) -> Card:
    """A person now, or as a past version of the file had it."""
    active = file["active"]
    facts = [
        Fact("工号", staff_id),
        Fact("营业部", branches.get(file["branch"] or "", "无")),
        Fact("角色", role_words(roles_of(file))),
        Fact("代理人", f"{names[deputy]}，正在代理" if (deputy := file["deputy"]) else "无"),
        Fact("登录账号", login_words(file)),
    ]
    if owned is not None:
        facts.append(Fact("名下", f"{owned.clients} 位客户、{owned.tasks} 条待办"))
    if document is not None:
        facts.append(Fact("版本", version_words(document, names)))
    return Card(
        title=f"{file['name']} · {'在职' if active else '停用'}",
        tone=Tone.BLUE if active else Tone.GREY,
        facts=tuple(facts),
        footer=footer,
    )


def changed_card(lines: Sequence[Line], effect: str) -> Card:
    """Tells a person what was changed about him."""
    table = lines_table(lines, ("项目", "原来", "现在"))
    return Card(title="您在期台的资料有变", text=effect, table=table)


def version_words(document: Document, names: Mapping[str, str]) -> str:
    """3 · 11-23 14:35 · 何静 提出，唐宇 确认"""
    when = text.moment(document.in_force_from)
    if document.asked_by == "system":
        return f"{document.version} · {when} · 原有"
    by = names.get(document.asked_by, document.asked_by)
    also = names.get(document.confirmed_by, document.confirmed_by)
    return f"{document.version} · {when} · {by} 提出，{also} 确认"


def history_card(
    title: str, rows: Sequence[tuple[Document, str]], names: Mapping[str, str], now: datetime
) -> Card:
    """Versions with what each changed, the newest first."""
    if not rows:
        return Card(title=title, text="没有改动", footer=f"截至 {text.moment(now)}")
    table = Table(
        ("版本", "改了什么"),
        tuple((version_words(document, names), changed) for document, changed in rows),
    )
    return Card(title=title, table=table, footer=f"截至 {text.moment(now)}")


def roles_card(holders: Mapping[Role, Sequence[str]]) -> Card:
    return Card(
        title="角色",
        table=Table(
            ("角色", "人数", "是谁"),
            tuple(
                (ROLE_WORDS[role], str(len(names)), text.cut("、".join(names), 40) or text.NOTHING)
                for role, names in holders.items()
            ),
        ),
        footer="看一个角色发「/角色 风控」；授予发「/角色 王强 +风控」，收回用 −",
    )


def effect_words(before: frozenset[Role], after: frozenset[Role]) -> str:
    """What a change of roles allows and no longer does."""
    old, new = (Person(id="", name="", branch=None, roles=roles) for roles in (before, after))
    more = [each for each in Action if new.scope(each) > old.scope(each)]
    less = [each for each in Action if new.scope(each) < old.scope(each)]
    gone = [each for each in less if not new.may(each)]
    parts = (
        ("将能", _reach(more, new)),
        ("缩小到", _reach([each for each in less if each not in gone], new)),
        ("不再能", "、".join(ACTION_WORDS[each] for each in gone)),
    )
    return "\n".join(f"{word}：{what}" for word, what in parts if what)


def _reach(actions: Sequence[Action], person: Person) -> str:
    return "、".join(
        f"{ACTION_WORDS[each]}（{SCOPE_WORDS[person.scope(each)]}）" for each in actions
    )


def role_card(role: Role, names: Sequence[str]) -> Card:
    """Who holds it and what it may do."""
    return Card(
        title=f"{ROLE_WORDS[role]} · {len(names)} 人",
        text="、".join(names) or "没有人",
        table=Table(
            ("可以", "范围"),
            tuple(
                (ACTION_WORDS[action], SCOPE_WORDS[scope]) for action, scope in GRANTS[role].items()
            ),
        ),
    )
