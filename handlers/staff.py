"""员工: who works here, where and in whose stead; a second admin sees every change."""

import re

from sqlalchemy.ext.asyncio import AsyncSession

from bot.cards import staff as draw
from bot.chat.message import Card
from bot.chat.reply import Reply, say
from bot.router import Router, Turn
from crm import people, staff
from crm.binding import PLATFORM_WORDS
from crm.kernel import rulebook
from crm.kernel.errors import UserError
from crm.kernel.rulebook import Body
from crm.models import Staff
from crm.people import ADMIN_ROLES, Action, StaffExists
from handlers.changes import put_forward
from handlers.roles import ROLE_OF, regrant
from handlers.said import day_in, end_of, in_private
from handlers.staff_files import BY_SYSTEM, plan_of

router = Router()

ID = re.compile(r"[A-Za-z0-9][\w.@-]{0,63}")
NOBODY = frozenset({"无", "没有", "取消", "空"})
ADD = frozenset({"新增", "添加", "增加"})
DISABLE = frozenset({"停用", "禁用", "离职"})
ENABLE = frozenset({"启用", "恢复", "复职"})
DEPUTY = frozenset({"代理", "代理人"})
NO_DEPUTY = frozenset({"取消代理", "结束代理", "收回代理"})
BRANCH = frozenset({"调动", "营业部", "调到"})
ROLES = frozenset({"角色"})
HISTORY = frozenset({"历史", "版本"})
LOGINS = {"钉钉": "dingtalk", "企微": "wecom", "企业微信": "wecom"}


class HowToAdd(UserError):
    say = "请写全：/员工 新增 工号 姓名 营业部 角色，例如：/员工 新增 zhangwei 张伟 杭州 客户经理"


class HowToChange(UserError):
    say = "没有看懂「{words}」，可以：停用、启用、代理、调动，例如：/员工 代理 王强 李敏"


class WhoStandsIn(UserError):
    say = "请写明由谁代理，例如：/员工 代理 王强 李敏；结束代理发：/员工 代理 王强 无"


class WhichBranch(UserError):
    say = "请写明调到哪个营业部，例如：/员工 调动 王强 上海"


class AdminsBySecurity(UserError):
    say = "管理员角色由安全管理员授予：先不写角色新增员工，再发「/角色 姓名 +系统管理员」"


class NotKnownThen(UserError):
    say = "{name} 的资料最早记录于 {first}，更早的没有"


@router.command("admin:员工", action=Action.SEE_STAFF)
async def members(turn: Turn, session: AsyncSession) -> Reply:
    """/员工; /员工 王强; /员工 王强 2026-11-01; /员工 停用 王强"""
    words = in_private(turn)
    if not words:
        return say(await _page(session, 0))
    if words[0] in ADD:
        return await _add(turn, session, words[1:])
    verb, rest = _split(words)
    found = await staff.find(session, rest[0] if rest else "")
    if verb in ROLES and rest[1:]:
        return await regrant(turn, session, found, rest[1:])
    if verb and verb not in ROLES:
        return await _change(turn, session, found, verb, rest[1:])
    if rest[1:]:
        return await _past(turn, session, found, rest[1])
    return say(await _member(turn, session, found))


def _split(words: list[str]) -> tuple[str, list[str]]:
    """The verb, in front of the person or behind, and what is left."""
    known = DISABLE | ENABLE | DEPUTY | NO_DEPUTY | BRANCH | ROLES | HISTORY
    for place in (0, 1):
        if place < len(words) and words[place] in known:
            return words[place], [*words[:place], *words[place + 1 :]]
    return "", words


@router.click("staff_page", action=Action.SEE_STAFF)
async def page(turn: Turn, session: AsyncSession) -> Reply:
    return Reply(update=await _page(session, int(turn.args[0])))


async def _page(session: AsyncSession, first: int) -> Card:
    rows = await staff.listing(session)
    return draw.staff_list(rows, first, await people.branch_names(session))


async def _member(turn: Turn, session: AsyncSession, found: Staff) -> Card:
    document = await rulebook.current(session, staff.KIND, found.id)
    file = staff.file_of(found)
    if document is not None and document.body != file:
        document = None  # changed elsewhere since, e.g. by an import
    how_to = f"{draw.HOW_TO}\n" if turn.person.may(Action.STAFF) else ""
    return draw.staff_card(
        found.id,
        file,
        await people.branch_names(session),
        await _names(session, file, document),
        await staff.owned(session, found.id),
        document=document,
        footer=f"{how_to}改动记录：/员工 {found.name} 历史",
    )


async def _names(
    session: AsyncSession, file: Body, document: rulebook.Document | None
) -> dict[str, str]:
    by = (document.asked_by, document.confirmed_by) if document else ()
    return await people.names(session, filter(None, (file["deputy"], *by)))


async def _past(turn: Turn, session: AsyncSession, found: Staff, words: str) -> Reply:
    """As the file was on a day. Raises HowToChange or NotKnownThen."""
    if words in HISTORY:
        return say(await _history(turn, session, found))
    day = day_in(words, turn.at)
    if day is None:
        raise HowToChange(words=words)
    document = await rulebook.as_of(session, staff.KIND, end_of(day), found.id)
    if document is None:
        return say(await _unchanged_since(turn, session, found, day.isoformat()))
    branches = await people.branch_names(session)
    names = await _names(session, document.body, document)
    card = draw.staff_card(
        found.id, document.body, branches, names, None, document=document, footer=f"{day} 时的资料"
    )
    return say(card)


async def _unchanged_since(turn: Turn, session: AsyncSession, found: Staff, day: str) -> Card:
    first = await rulebook.version(session, staff.KIND, 1, found.id)
    begun = found.created_at if first is None else first.in_force_from
    created = begun.date().isoformat()
    if first is not None or day < created:
        raise NotKnownThen(name=found.name, first=created)
    return await _member(turn, session, found)


async def _history(turn: Turn, session: AsyncSession, found: Staff) -> Card:
    documents = await rulebook.versions(session, staff.KIND, found.id)
    rows = []
    for place, document in enumerate(documents):
        older = documents[place + 1].body if place + 1 < len(documents) else None
        lines = await staff.lines(session, older, document.body)
        what = "；".join(f"{line.what} {line.before or '—'} → {line.after}" for line in lines)
        rows.append((document, what if older is not None else "最初记录"))
    by = {each for document, _ in rows for each in (document.asked_by, document.confirmed_by)}
    names = await people.names(session, by)
    return draw.history_card(f"{found.name} · 改动记录", rows, names, turn.at)


async def _add(turn: Turn, session: AsyncSession, words: list[str]) -> Reply:
    """Raises HowToAdd, NoSuchBranch, NoSuchRole, AdminsBySecurity, StaffExists, LoginTaken."""
    turn.person.must(Action.STAFF)
    named = [word for word in words if "=" in word]
    plain = [word for word in words if "=" not in word]
    if len(plain) < 2 or not ID.fullmatch(plain[0]):
        raise HowToAdd
    staff_id, name, *more = plain
    if await session.get(Staff, staff_id) is not None:
        raise StaffExists(words=staff_id)
    branch, roles = None, set()
    for word in more:
        if word in ROLE_OF:
            roles.add(ROLE_OF[word])
        else:
            branch = await staff.branch_of(session, word)
    if roles & ADMIN_ROLES:
        raise AdminsBySecurity
    after: Body = {
        "name": name,
        "branch": branch,
        "roles": sorted(role.value for role in roles),
        "deputy": None,
        "active": True,
        "logins": _logins(named, staff_id),
    }
    plan = await plan_of(session, staff_id, None, after, f"新增员工 {name}", BY_SYSTEM)
    return await put_forward(turn, session, plan)


def _logins(named: list[str], staff_id: str) -> dict[str, str]:
    """The accounts as told; where none is, the id is the account on every platform."""
    told = {}
    for word in named:
        platform, _, user = word.partition("=")
        if platform not in LOGINS or not user:
            raise HowToAdd
        told[LOGINS[platform]] = user
    return told or dict.fromkeys(PLATFORM_WORDS, staff_id)


async def _change(
    turn: Turn, session: AsyncSession, found: Staff, verb: str, rest: list[str]
) -> Reply:
    """One thing about a person. Raises WhoStandsIn, WhichBranch, NothingChanges, and what
    ``check`` does."""
    if verb in HISTORY:
        return say(await _history(turn, session, found))
    turn.person.must(Action.STAFF)
    before = staff.file_of(found)
    warning = ""
    if verb in DISABLE:
        after, title, warning = {**before, "active": False}, "停用", await _leaves(session, found)
    elif verb in ENABLE:
        after, title = {**before, "active": True}, "启用"
        warning = "停用时交出的客户不会自动移回，需要时用 /交接"
    elif verb in NO_DEPUTY:
        after, title, warning = {**before, "deputy": None}, "代理人", _back_himself(found)
    elif verb in DEPUTY:
        if not rest:
            raise WhoStandsIn
        heir = None if rest[0] in NOBODY else await staff.find(session, rest[0])
        warning = _stands_in(found, heir) if heir else _back_himself(found)
        after, title = {**before, "deputy": heir.id if heir else None}, "代理人"
        rest = rest[1:]
    else:
        if not rest:
            raise WhichBranch
        branch = await staff.branch_of(session, rest[0])
        after, title, rest = {**before, "branch": branch}, "调动", rest[1:]
    plan = await plan_of(
        session,
        found.id,
        before,
        after,
        f"{title} {found.name}",
        BY_SYSTEM,
        warning=warning,
        reason=" ".join(rest),
    )
    return await put_forward(turn, session, plan)


def _stands_in(found: Staff, heir: Staff) -> str:
    return f"{found.name} 的预警、到期提醒和超时审批由 {heir.name} 接手，直到结束代理"


def _back_himself(found: Staff) -> str:
    return f"{found.name} 的预警和提醒又发给本人"


async def _leaves(session: AsyncSession, found: Staff) -> str:
    has = await staff.owned(session, found.id)
    if not has.clients and not has.tasks:
        return "生效后立即不能登录"
    return (
        f"生效后立即不能登录；名下 {has.clients} 位客户、{has.tasks} 条待办交给营业部负责人，"
        "要交给别人请先 /交接"
    )
