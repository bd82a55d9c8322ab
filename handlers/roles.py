"""角色: who holds which; granted and withdrawn by two security admins."""

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncSession

from bot.cards import notice
from bot.cards import staff as draw
from bot.chat.message import Card
from bot.chat.reply import Reply, say
from bot.router import Router, Turn
from crm import people, staff
from crm.kernel.errors import UserError
from crm.models import Role, Staff
from crm.people import ROLE_WORDS, Action
from handlers.changes import put_forward
from handlers.said import in_private
from handlers.staff_files import BY_SECURITY, plan_of

router = Router()

GIVE = frozenset({"授予", "增加", "+", "＋"})
TAKE = frozenset({"收回", "取消", "撤销", "-", "−"})
ROLE_OF: Mapping[str, Role] = {
    **{word: role for role, word in ROLE_WORDS.items()},
    **{word.removesuffix("岗").removesuffix("管理员"): r for r, word in ROLE_WORDS.items()},
    "负责人": Role.HEAD,
    "开户": Role.OPENING_DESK,
    "风控岗": Role.RISK,
    **{role.value: role for role in Role},
}
HOW_TO = "授予发「/角色 王强 +风控」，收回发「/角色 王强 -风控」"


class NoSuchRole(UserError):
    say = "没有角色「{words}」，可以是：{known}"


class HowToGrant(UserError):
    say = "请写明是授予还是收回，例如：/角色 王强 +风控，或：/角色 收回 王强 风控"


@router.command("admin:角色", action=Action.SEE_STAFF)
async def roles(turn: Turn, session: AsyncSession) -> Reply:
    """/角色; /角色 风控; /角色 王强 +风控; /角色 收回 王强 风控"""
    words = in_private(turn)
    if not words:
        return say(await _all_roles(session))
    if len(words) == 1 and words[0] in ROLE_OF:
        role = ROLE_OF[words[0]]
        held = await people.with_role(session, role)
        return say(draw.role_card(role, [person.name for person in held]))
    if words[0] in GIVE | TAKE and len(words) > 1:
        words = [words[1], words[0], *words[2:]]
    found = await staff.find(session, words[0])
    if not words[1:]:
        his = staff.role_words(staff.roles_of(staff.file_of(found)))
        return say(notice.sentence(f"{found.name} · {his}", HOW_TO))
    return await regrant(turn, session, found, words[1:])


async def _all_roles(session: AsyncSession) -> Card:
    held: dict[Role, list[str]] = {role: [] for role in Role}
    for row in await staff.listing(session):
        for each in row.roles if row.disabled_at is None else ():
            held[each.role].append(row.name)
    return draw.roles_card(held)


async def regrant(turn: Turn, session: AsyncSession, found: Staff, words: list[str]) -> Reply:
    """+风控, -风控, =风控, 授予 风控, in any number. Raises HowToGrant, NoSuchRole, and what
    ``check`` does."""
    turn.person.must(Action.ROLES)
    before = staff.file_of(found)
    wanted, reason = _wanted(staff.roles_of(before), words)
    after = {**before, "roles": sorted(role.value for role in wanted)}
    plan = await plan_of(
        session, found.id, before, after, f"角色 {found.name}", BY_SECURITY, reason=reason
    )
    return await put_forward(turn, session, plan)


def _wanted(held: frozenset[Role], words: list[str]) -> tuple[frozenset[Role], str]:
    """The roles after ``words``; what is no role behind them is the reason."""
    wanted, sign = set(held), ""
    for place, word in enumerate(words):
        if word in GIVE or word in TAKE:
            sign = "+" if word in GIVE else "-"
            continue
        if word[0] in "+＋-−=":
            sign = {"+": "+", "＋": "+", "=": "="}.get(word[0], "-")
            word = word[1:]  # noqa: PLW2901  the sign is read
        role = ROLE_OF.get(word)
        if role is None:
            if place and wanted != held:
                return frozenset(wanted), " ".join(words[place:])
            raise NoSuchRole(words=word, known="、".join(ROLE_WORDS.values()))
        match sign:
            case "+":
                wanted.add(role)
            case "-":
                wanted.discard(role)
            case "=":
                wanted = {role}
            case _:
                raise HowToGrant
    return frozenset(wanted), ""
