"""绑定: the same person on DingTalk and WeCom, where the two know him by different ids."""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot import leaving
from bot.cards import notice
from bot.chat.message import Audience, Button, Card, Fact, Style, Tone
from bot.chat.reply import Reply, say
from bot.router import Router, Turn
from crm import binding, people
from crm.binding import PLATFORM_WORDS, code_in
from crm.kernel.errors import UserError
from crm.models import BindCode
from crm.people import Person
from handlers.clients import PrivateOnly

LIST = frozenset({"列出", "列表", "查看"})
UNBIND = "解除"
PLATFORMS = {"钉钉": "dingtalk", "企业微信": "wecom", "企微": "wecom", "微信": "wecom"}


class WhichPlatform(UserError):
    say = "请写明解除哪一边，例如：绑定 解除 企微"


class SpeakingFromIt(UserError):
    say = "不能解除正在使用的{platform}账号，请到另一边操作"


class AlreadyBound(UserError):
    say = "这个账号已经是 {name} 的，不能再用绑定码；「绑定 列出」看您的账号"


def make_router(platforms: Collection[str]) -> Router:
    """``platforms`` are those that this service speaks."""
    router = Router()

    @router.command("bind")
    async def bind(turn: Turn, session: AsyncSession) -> Reply:
        """绑定 gives a code; 绑定 列出; 绑定 解除 企微. Raises PrivateOnly, WhichPlatform,
        SpeakingFromIt, NoLogin or AlreadyBound."""
        if turn.audience is not Audience.PRIVATE:
            raise PrivateOnly
        words = turn.said.query or ""
        if words in LIST:
            return say(await _list(turn, session))
        if words.startswith(UNBIND):
            platform = PLATFORMS.get(words.removeprefix(UNBIND).strip())
            if platform is None:
                raise WhichPlatform
            return say(await _unbind(turn, session, platform))
        if words:
            return await _just_bound(turn, session, code_in(words))
        return say(await _code(turn, session))

    @router.click("unbind")
    async def unbind(turn: Turn, session: AsyncSession) -> Reply:
        return Reply(update=await _unbind(turn, session, turn.args[0]))

    @router.view("bind")
    async def draw(
        session: AsyncSession, _person: Person, number: int, _audience: Audience, _at: datetime
    ) -> Card:
        """The card of a code, once it was used."""
        row = await session.get(BindCode, number)
        if row is None or row.platform is None:
            return notice.done("绑定码已失效", "再发「绑定」取一个新的")
        word = PLATFORM_WORDS[row.platform]
        return Card(title=f"已绑定{word}账号", status="已绑定", tone=Tone.GREEN)

    async def _code(turn: Turn, session: AsyncSession) -> Card:
        """A code for the platform where the person is not known; else the list of all."""
        missing = _missing(await people.logins(session, turn.person.id))
        if not missing:
            return await _list(turn, session)
        number, code = await binding.issue(session, turn.person)
        there = "或".join(PLATFORM_WORDS[platform] for platform in missing)
        return Card(
            title=f"绑定{there}账号",
            text=f"10 分钟内，在{there}里私聊期台，发这一句：\n绑定 {code}",
            footer="只能用一次，不要告诉别人 · 再发「绑定」换新的",
            subject=f"bind:{number}",
        )

    async def _list(turn: Turn, session: AsyncSession) -> Card:
        mine = await people.logins(session, turn.person.id)
        here, missing = turn.ask.chat.platform, _missing(mine)
        return Card(
            title=f"{turn.person.name} 的账号",
            facts=(
                *(Fact(PLATFORM_WORDS[p], user + "（正在使用）" * (p == here)) for p, user in mine),
                *(Fact(PLATFORM_WORDS[p], "未绑定") for p in missing),
            ),
            buttons=_ends(platform for platform, _ in mine if platform != here),
            footer="发「绑定」取绑定码" if missing else "",
        )

    def _missing(mine: Iterable[tuple[str, str]]) -> list[str]:
        known = {platform for platform, _ in mine}
        return [p for p in PLATFORM_WORDS if p in platforms and p not in known]

    return router


def _ends(platforms: Iterable[str]) -> tuple[Button, ...]:
    return tuple(
        Button(
            f"unbind:{platform}",
            f"解除{PLATFORM_WORDS[platform]}",
            Style.DANGER,
            confirm=f"解除后，这个{PLATFORM_WORDS[platform]}账号不能再使用期台",
        )
        for platform in platforms
    )


async def _unbind(turn: Turn, session: AsyncSession, platform: str) -> Card:
    word = PLATFORM_WORDS[platform]
    if platform == turn.ask.chat.platform:
        raise SpeakingFromIt(platform=word)
    users = await leaving.unbind(session, turn.person.id, platform, by=turn.person.id)
    return notice.done(
        f"已解除{word}账号 {'、'.join(users)}", "它不能再使用期台；再发「绑定」可重新绑定"
    )


async def _just_bound(turn: Turn, session: AsyncSession, code: str) -> Reply:
    """The desk let this account in by the code that it says."""
    here = turn.ask.chat.platform
    used = await binding.used_by(session, code, here, turn.ask.user)
    if used is None:
        raise AlreadyBound(name=turn.person.name)
    others = [p for p, _ in await people.logins(session, turn.person.id) if p != here]
    known = "、".join(PLATFORM_WORDS[platform] for platform in others)
    welcome = Card(
        title=f"已绑定，{turn.person.name}您好",
        status="已绑定",
        tone=Tone.GREEN,
        text=f"和{known}是同一个人：客户、记录、待办都在这里\n发「帮助」看能说什么",
    )
    told = Card(
        title=f"{turn.person.name} 的{PLATFORM_WORDS[here]}账号已绑定",
        facts=(Fact(PLATFORM_WORDS[here], turn.ask.user),),
        text="不是您本人操作的，请马上解除",
        buttons=_ends([here]),
    )
    return Reply(parts=(welcome,), elsewhere=told, refresh=(f"bind:{used.id}",))
