"""An account becomes a person's by a one-time code, on both databases."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from bot import leaving
from bot.models import Conversation, LiveCard
from crm import binding, people
from crm.binding import NoLogin, TakenLogin, Tried
from crm.kernel import audit
from crm.kernel.audit import AuditRow
from crm.kernel.clock import StoppedClock
from crm.kernel.errors import UnknownPerson
from crm.models import BindCode, BindTry
from crm.people import NoSuchStaff
from tests.fakes.broker import Broker

WRONG = "AAAAAAA2"


async def issue(broker: Broker, who: str = "wangqiang") -> str:
    async with broker.store.writing() as session:
        _, code = await binding.issue(session, broker[who])
        return code


async def say(broker: Broker, code: str, user: str = "wx-1", platform: str = "wecom") -> Tried:
    async with broker.store.writing() as session:
        return await binding.redeem(session, binding.code_in(code), platform, user)


async def who_is(broker: Broker, user: str, platform: str = "wecom") -> str:
    async with broker.store.reading() as session:
        return (await people.by_login(session, platform, user)).id


async def show(broker: Broker, card: str, chat: str, *, place: str = "private") -> None:
    """A card of wangqiang's, and a conversation, on WeCom."""
    async with broker.store.writing() as session:
        session.add(
            LiveCard(
                id=card,
                subject="",
                receiver="wangqiang",
                drawn_for="wangqiang",
                platform="wecom",
                place=place,
                chat=chat,
                version=1,
                content="{}",
                at=broker.store.clock.now(),
            )
        )
        session.add(Conversation(platform="wecom", chat=chat, staff="wangqiang", text_action=""))


async def cards(broker: Broker) -> set[str]:
    async with broker.store.reading() as session:
        return set(await session.scalars(select(LiveCard.id)))


async def test_a_code_makes_an_unknown_account_the_persons(broker: Broker) -> None:
    code = await issue(broker)
    with pytest.raises(UnknownPerson):
        await who_is(broker, "wx-1")
    assert await say(broker, code) is Tried.BOUND
    assert await who_is(broker, "wx-1") == "wangqiang"
    async with broker.store.reading() as session:
        found = await people.logins(session, "wangqiang")
    assert found == [("dingtalk", "wangqiang"), ("wecom", "wx-1")]


async def test_a_code_may_be_typed_small_full_width_or_in_halves(broker: Broker) -> None:
    code = await issue(broker)
    wide = "".join(chr(ord(sign) + 0xFEE0) for sign in code.lower())
    assert await say(broker, f"{wide[:4]}-{wide[4:]} ") is Tried.BOUND


async def test_a_code_has_no_signs_that_look_alike(broker: Broker) -> None:
    codes = [await issue(broker) for _ in range(20)]
    assert all(len(code) == 8 and not set(code) & set("01IO") for code in codes)
    assert not any(code.isalpha() for code in codes)
    assert len(set(codes)) == 20


async def test_a_code_is_good_once(broker: Broker) -> None:
    code = await issue(broker)
    assert await say(broker, code) is Tried.BOUND
    assert await say(broker, code, "wx-2") is Tried.WRONG
    with pytest.raises(UnknownPerson):
        await who_is(broker, "wx-2")


async def test_a_code_is_good_for_ten_minutes(broker: Broker, clock: StoppedClock) -> None:
    code = await issue(broker)
    clock.advance(timedelta(minutes=10) - timedelta(seconds=1))
    other = await issue(broker, "limin")
    assert await say(broker, code) is Tried.BOUND
    clock.advance(timedelta(minutes=10))
    assert await say(broker, other, "wx-2") is Tried.WRONG


async def test_a_new_code_voids_the_last(broker: Broker) -> None:
    old, new = await issue(broker), await issue(broker)
    assert await say(broker, old) is Tried.WRONG
    assert await say(broker, new) is Tried.BOUND


async def test_the_code_of_somebody_who_left_binds_nobody(broker: Broker) -> None:
    code = await issue(broker)
    async with broker.store.writing() as session:
        await leaving.leave(session, "wangqiang", by="hejing")
    assert await say(broker, code) is Tried.WRONG


async def test_a_code_is_not_in_the_table(broker: Broker) -> None:
    code = await issue(broker)
    async with broker.store.reading() as session:
        row = (await session.scalars(select(BindCode))).one()
    assert code.encode() not in row.digest
    assert row.user is None


async def test_five_wrong_codes_lock_the_sender_for_ten_minutes(
    broker: Broker, clock: StoppedClock
) -> None:
    good = await issue(broker)
    tried = [await say(broker, WRONG) for _ in range(5)]
    assert tried == [Tried.WRONG] * 4 + [Tried.LOCKED]
    assert await say(broker, good) is Tried.LOCKED
    assert await say(broker, good, "wx-other") is Tried.BOUND
    clock.advance(timedelta(minutes=10))
    assert await say(broker, await issue(broker, "limin")) is Tried.BOUND


async def test_wrong_codes_are_forgotten_after_ten_quiet_minutes(
    broker: Broker, clock: StoppedClock
) -> None:
    for _ in range(3):
        assert [await say(broker, WRONG) for _ in range(4)] == [Tried.WRONG] * 4
        clock.advance(timedelta(minutes=10))
    assert await say(broker, WRONG, "wx-9") is Tried.WRONG
    async with broker.store.reading() as session:
        assert [row.user for row in await session.scalars(select(BindTry))] == ["wx-9"]


async def test_a_second_account_on_the_same_platform_is_refused_and_the_code_stays_good(
    broker: Broker,
) -> None:
    code = await issue(broker)
    assert await say(broker, code, "dd-2", "dingtalk") is Tried.HAS_ANOTHER
    assert await say(broker, code) is Tried.BOUND


async def test_the_account_of_somebody_who_left_stays_his(broker: Broker) -> None:
    async with broker.store.writing() as session:
        await leaving.leave(session, "limin", by="hejing")
    code = await issue(broker)
    with pytest.raises(UnknownPerson):
        await say(broker, code, "limin", "dingtalk")


async def test_an_unbound_account_is_a_strangers_at_once_and_its_cards_end(
    broker: Broker,
) -> None:
    await say(broker, await issue(broker))
    await show(broker, "private", "wx-1")
    await show(broker, "group", "g-hz", place="group")
    async with broker.store.writing() as session:
        gone = await leaving.unbind(session, "wangqiang", "wecom", by="wangqiang")
        assert gone == ["wx-1"]
        with pytest.raises(UnknownPerson):
            await people.by_login(session, "wecom", "wx-1")
    assert await cards(broker) == {"group"}
    async with broker.store.reading() as session:
        assert list(await session.scalars(select(Conversation.chat))) == ["g-hz"]
    assert await who_is(broker, "wangqiang", "dingtalk") == "wangqiang"
    with pytest.raises(NoLogin):
        async with broker.store.writing() as session:
            await leaving.unbind(session, "wangqiang", "wecom", by="wangqiang")


async def test_an_admins_word_replaces_the_account_but_takes_nobody_elses(broker: Broker) -> None:
    await say(broker, await issue(broker))
    await show(broker, "old", "wx-1")
    async with broker.store.writing() as session:
        await leaving.bind(session, "wangqiang", "wecom", "wx-new", by="cli")
    assert await who_is(broker, "wx-new") == "wangqiang"
    with pytest.raises(UnknownPerson):
        await who_is(broker, "wx-1")
    assert await cards(broker) == set()
    for staff, error in (("limin", TakenLogin), ("nobody", NoSuchStaff)):
        with pytest.raises(error):
            async with broker.store.writing() as session:
                await leaving.bind(session, staff, "wecom", "wx-new", by="cli")


async def test_every_step_is_on_record(broker: Broker, head: audit.Head) -> None:
    code = await issue(broker)
    for _ in range(5):
        await say(broker, WRONG, "wx-8")
    await say(broker, code)
    async with broker.store.writing() as session:
        await leaving.unbind(session, "wangqiang", "wecom", by="wangqiang")
    async with broker.store.reading() as session:
        rows = await session.scalars(
            select(AuditRow).where(AuditRow.action.like("login.%")).order_by(AuditRow.seq)
        )
        assert [(row.actor, row.action, row.object) for row in rows] == [
            ("wangqiang", "login.code", "staff:wangqiang"),
            ("wecom", "login.locked", "login"),
            ("wangqiang", "login.bind", "staff:wangqiang"),
            ("wangqiang", "login.unbind", "staff:wangqiang"),
        ]
        assert (await audit.verify(session, head)).broken_at is None
