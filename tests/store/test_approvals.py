"""Applications in the store: one winner, a whole history, a pinned flow, nothing in the clear."""

import asyncio
import io
import json
from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from approvals import cases, chasing, decisions, drafts, history, seating, versions
from approvals.cases import Moved
from approvals.checks import Light
from approvals.decisions import AlreadyWithdrawn, DecidedAlready, NotInOrder, Place
from approvals.documents import Field, Paper
from approvals.drafts import NoPlaceFor, NotComplete
from approvals.flow import (
    AwaitsCosigner,
    NotFitting,
    NotYourTurn,
    OldVersion,
    OwnApplication,
    State,
    Verdict,
)
from approvals.history import Seen
from approvals.models import Application, ApplicationEvent, Deed, Seat, SeatKind, Stage
from bot import leaving
from bot.cards import application as draw
from bot.sandbox import numbers
from bot.store import schema
from crm import blobs, people
from crm.clients import personal_values
from crm.kernel import audit
from crm.kernel.audit import AuditRow
from crm.kernel.calendar import Calendar
from crm.kernel.clock import StoppedClock
from crm.kernel.errors import NotAllowed, UserError
from crm.models import Client, ClientKind, ClientStatus, PersonalKind, Staff, Task
from crm.people import Person
from tests.fakes.broker import ID_NUMBER as TAKEN
from tests.fakes.broker import MOBILE as SHARED
from tests.fakes.broker import Broker

CALENDAR = Calendar.shipped()
RANDOM = numbers.seeded("approvals")
ASKED = ("zhouting", "fengjun")  # who asks, and whom, for a 加签
APPROVERS = ("sunfang", "zhouting", "wuhao", "zhengli")


def photographs() -> list[bytes]:
    found = []
    for _ in Paper:
        file = io.BytesIO()
        Image.effect_noise((1011, 638), 16).save(file, "JPEG", quality=50)
        found.append(file.getvalue())
    return found


PHOTOGRAPHS = photographs()


async def fill_in(
    session: AsyncSession, person: Person, name: str = "范思哲", **given_: str
) -> Application:
    """A complete draft."""
    row = await drafts.start(session, person, name, company=False)
    values = {
        Field.ID_NUMBER: numbers.citizen_id(RANDOM, date(1990, 3, 7), female=False),
        Field.ID_EXPIRES: "长期",
        Field.MOBILE: numbers.mobile(RANDOM),
        Field.BANK_CARD: numbers.bank_card(RANDOM),
    }
    values |= {Field(field): value for field, value in given_.items()}
    for field, value in values.items():
        await drafts.fill(session, person, row.id, field, value)
    for paper, content in zip(
        (Paper.ID_FRONT, Paper.ID_BACK, Paper.CARD_PHOTO), PHOTOGRAPHS, strict=False
    ):
        blob = await blobs.put(session, content)
        await drafts.attach(session, person, row.id, blob=blob, name="x.jpg", paper=paper)
    return row


async def submitted(
    broker: Broker, by: str = "wangqiang", name: str = "范思哲", **given_: str
) -> Moved:
    async with broker.store.writing() as session:
        row = await fill_in(session, broker[by], name, **given_)
        return await drafts.submit(session, broker[by], row.id, CALENDAR)


async def decide(
    broker: Broker,
    who: str,
    moved: Moved,
    verdict: Verdict = Verdict.APPROVE,
    comment: str = "",
    version: int | None = None,
) -> Moved:
    stage = moved.next or moved.stays
    assert stage is not None
    seen = moved.row.version if version is None else version
    place = Place(stage=stage.id, version=seen, seen=Seen(digest="d" * 64, card="qd1", version=3))
    async with broker.store.writing() as session:
        return await decisions.decide(session, broker[who], place, verdict, comment, CALENDAR)


async def at_step(broker: Broker, key: str, **given_: str) -> Moved:
    moved = await submitted(broker, **given_)
    for who in APPROVERS:
        if moved.row.step == key:
            break
        moved = await decide(broker, who, moved)
    return moved


async def events(broker: Broker, application: int) -> list[ApplicationEvent]:
    async with broker.store.reading() as session:
        return await history.of(session, application)


async def seats(broker: Broker, moved: Moved) -> dict[str, SeatKind]:
    stage = moved.next or moved.stays
    assert stage is not None
    async with broker.store.reading() as session:
        rows = await cases.seats_at(session, [stage.id])
    return {row.staff: row.kind for row in rows if row.state == "waiting"}


async def chase(broker: Broker) -> list[chasing.Chased]:
    async with broker.store.writing() as session:
        filled = await chasing.free_seats(session, CALENDAR)
        return [*filled, *await chasing.chase(session, CALENDAR)]


async def test_an_approved_application_is_a_client_with_his_numbers_and_a_visit(
    broker: Broker,
) -> None:
    moved = await at_step(broker, "opening_desk", mobile="13712340009")
    moved = await decide(broker, "zhengli", moved)
    assert moved.row.state is State.APPROVED
    async with broker.store.reading() as session:
        client = await session.get_one(Client, moved.row.client_id)
        tasks = list(await session.scalars(select(Task).where(Task.client_id == client.id)))
        mobiles = await personal_values(session, client.id, PersonalKind.MOBILE)
        birthday = await personal_values(session, client.id, PersonalKind.BIRTHDAY)
    assert (client.name, client.owner, client.branch) == ("范思哲", "wangqiang", "HZ")
    assert client.status is ClientStatus.ACTIVE
    assert (list(mobiles), list(birthday)) == (["13712340009"], ["1990-03-07"])
    assert [task.staff for task in tasks] == ["wangqiang"]


async def test_of_two_who_decide_at_once_one_wins_and_the_other_hears_who(broker: Broker) -> None:
    moved = await submitted(broker)
    assert moved.next is not None
    async with broker.store.writing() as session:
        stage = await cases.stage_of(session, moved.next.id)
        await seating.seat(session, stage, [broker["qianwei"]], SeatKind.DEPUTY)
    outcomes: dict[str, Moved | UserError] = {}

    async def press(who: str, verdict: Verdict) -> None:
        try:
            outcomes[who] = await decide(broker, who, moved, verdict, "原因")
        except UserError as error:
            outcomes[who] = error

    async with asyncio.TaskGroup() as both:
        both.create_task(press("sunfang", Verdict.APPROVE))
        both.create_task(press("qianwei", Verdict.REJECT))
    won = [who for who, outcome in outcomes.items() if isinstance(outcome, Moved)]
    assert len(won) == 1
    [lost] = [outcome for outcome in outcomes.values() if isinstance(outcome, UserError)]
    assert isinstance(lost, DecidedAlready)
    assert broker[won[0]].name in lost.text
    assert "11-23 10:00" in lost.text
    told = [event.deed for event in await events(broker, moved.row.id)]
    assert len([deed for deed in told if deed in (Deed.APPROVED, Deed.REJECTED)]) == 1


async def test_what_an_approver_saw_is_kept_with_his_word(broker: Broker) -> None:
    moved = await submitted(broker)
    await decide(broker, "sunfang", moved)
    last = (await events(broker, moved.row.id))[-1]
    assert (last.deed, last.actor, last.step) == (Deed.APPROVED, "sunfang", "branch")
    assert (last.seen, last.card, last.card_version) == ("d" * 64, "qd1", 3)


async def test_the_card_that_was_decided_by_is_sealed_in_the_same_row(broker: Broker) -> None:
    moved = await submitted(broker)
    assert moved.next is not None
    seen = Seen(digest="d" * 64, card="qd1", version=3, content='{"title": "范思哲"}')
    place = Place(stage=moved.next.id, version=moved.row.version, seen=seen)
    async with broker.store.writing() as session:
        await decisions.decide(session, broker["sunfang"], place, Verdict.APPROVE, "", CALENDAR)
    assert (await events(broker, moved.row.id))[-1].shown == seen.content
    async with broker.store.reading() as session:
        raw = await session.scalar(
            text("SELECT shown FROM application_event WHERE shown IS NOT NULL")
        )
    assert "范思哲".encode() not in bytes(raw)


async def test_what_was_decided_before_cards_were_kept_stays_empty(broker: Broker) -> None:
    moved = await submitted(broker)
    await decide(broker, "sunfang", moved)
    before = [(e.number, e.deed, e.seen) for e in await events(broker, moved.row.id)]
    await schema.downgrade(broker.store, "0013")
    await schema.upgrade(broker.store)
    after = await events(broker, moved.row.id)
    assert [(e.number, e.deed, e.seen) for e in after] == before
    assert {e.shown for e in after} == {None}


async def test_the_history_is_numbered_without_gaps_and_is_in_the_audit_trail(
    broker: Broker,
) -> None:
    moved = await at_step(broker, "opening_desk")
    await decide(broker, "zhengli", moved)
    found = await events(broker, moved.row.id)
    assert [event.number for event in found] == list(range(1, len(found) + 1))
    assert [e.deed for e in found if e.deed not in (Deed.FILLED, Deed.ATTACHED)] == [
        Deed.STARTED,
        Deed.SUBMITTED,
        *[Deed.APPROVED] * 4,
        Deed.OPENED,
    ]
    async with broker.store.reading() as session:
        noted = await session.scalars(
            select(audit.AuditRow.action).where(
                audit.AuditRow.object == f"application:{moved.row.id}"
            )
        )
        actions = list(noted)
    assert actions == [f"application.{event.deed.value}" for event in found]


async def test_who_has_no_seat_or_applied_himself_decides_nothing(broker: Broker) -> None:
    moved = await submitted(broker)
    for who, error in (("qianwei", NotYourTurn), ("wangqiang", OwnApplication)):
        with pytest.raises(error):
            await decide(broker, who, moved)
    with pytest.raises(OldVersion):
        await decide(broker, "sunfang", moved, version=moved.row.version - 1)


async def test_a_heads_own_application_goes_to_the_head_of_another_branch(broker: Broker) -> None:
    moved = await submitted(broker, by="sunfang")
    assert await seats(broker, moved) == {"qianwei": SeatKind.ESCALATED}
    with pytest.raises(OwnApplication):
        await decide(broker, "sunfang", moved)
    await decide(broker, "qianwei", moved)


async def test_who_may_not_open_accounts_begins_nothing(broker: Broker) -> None:
    async with broker.store.writing() as session:
        with pytest.raises(NotAllowed):
            await drafts.start(session, broker["fengjun"], "范思哲", company=False)


async def test_a_running_case_keeps_the_flow_it_began_with(broker: Broker) -> None:
    moved = await submitted(broker)
    async with broker.store.writing() as session:
        changed = versions.shipped("account_opening").replace("营业部复核", "营业部初审")
        newer = await versions.put(session, "account_opening", changed, source="gaoyuan")
        fresh = await drafts.start(session, broker["limin"], "秦叔宝", company=False)
    assert (moved.row.flow_version, newer.version, fresh.flow_version) == (1, 2, 2)
    async with broker.store.reading() as session:
        old = await cases.dossier(session, moved.row.id)
        assert old.flow.steps[0].title == "营业部复核"
        # what somebody here changed is not overwritten by the shipped file
        assert (await versions.in_force(session)).version == 2


async def test_numbers_and_words_lie_sealed(broker: Broker) -> None:
    moved = await at_step(broker, "compliance", mobile="13712340007")
    await decide(broker, "wuhao", moved, Verdict.REJECT, "名单筛查命中")
    async with broker.store.reading() as session:
        for table, column in (("application_field", "value"), ("application_event", "comment")):
            for (value,) in await session.execute(text(f"SELECT {column} FROM {table}")):
                assert b"13712340007" not in bytes(value)
                assert "命中".encode() not in bytes(value)


async def test_why_compliance_refused_is_read_by_compliance_alone(broker: Broker) -> None:
    moved = await at_step(broker, "compliance")
    await decide(broker, "wuhao", moved, Verdict.REJECT, "名单筛查命中")
    async with broker.store.reading() as session:
        found = await cases.dossier(session, moved.row.id)
    [refusal] = [event for event in found.events if event.deed is Deed.REJECTED]
    readers = {who for who in broker.people if found.may_read(refusal, broker[who])}
    assert readers == {"wuhao"}


async def test_a_number_that_a_client_or_another_application_has_is_red(broker: Broker) -> None:
    running = await submitted(broker, by="limin", name="秦叔宝")
    async with broker.store.writing() as session:
        number = (await cases.values_of(session, running.row.id))[Field.ID_NUMBER]
        for identity, why in ((TAKEN, "已是客户：杭州营业部 王强"), (number, "在办")):
            row = await fill_in(session, broker["zhaolei"], id_number=identity)
            found = await cases.dossier(session, row.id)
            [check] = [check for check in found.checks if check.what == "证件号码"]
            assert check.light is Light.RED
            assert why in check.why
            with pytest.raises(NotComplete):
                await drafts.submit(session, broker["zhaolei"], row.id, CALENDAR)


async def test_an_identity_card_that_ran_out_meanwhile_is_not_agreed_to(
    broker: Broker, clock: StoppedClock
) -> None:
    moved = await submitted(broker, id_expires="2026-11-25")
    clock.advance(timedelta(days=3))
    with pytest.raises(NotInOrder):
        await decide(broker, "sunfang", moved)
    moved = await decide(broker, "sunfang", moved, Verdict.RETURN, "换证后再来")
    assert moved.row.state is State.RETURNED


async def test_a_company_is_opened_by_its_code_and_account(broker: Broker) -> None:
    code = numbers.credit_code(RANDOM)
    async with broker.store.writing() as session:
        row = await drafts.start(session, broker["wangqiang"], "杭州某某有限公司", company=True)
        values = {Field.CREDIT_CODE: code, Field.MOBILE: numbers.mobile(RANDOM)}
        for field, value in {**values, Field.BANK_ACCOUNT: "1202020409900012345"}.items():
            await drafts.fill(session, broker["wangqiang"], row.id, field, value)
        with pytest.raises(NoPlaceFor):
            await drafts.fill(session, broker["wangqiang"], row.id, Field.ID_NUMBER, TAKEN)
        for content in PHOTOGRAPHS[:4]:  # each as the first that is missing
            blob = await blobs.put(session, content)
            await drafts.attach(
                session, broker["wangqiang"], row.id, blob=blob, name="x.jpg", paper=None
            )
        moved = await drafts.submit(session, broker["wangqiang"], row.id, CALENDAR)
    for who in APPROVERS:
        moved = await decide(broker, who, moved)
    async with broker.store.reading() as session:
        client = await session.get_one(Client, moved.row.client_id)
        [kept] = await personal_values(session, client.id, PersonalKind.ID_NUMBER)
    assert (client.kind, kept) == (ClientKind.COMPANY, code)


async def test_a_mobile_that_another_client_has_is_a_doubt_only(broker: Broker) -> None:
    moved = await submitted(broker, mobile=SHARED)
    async with broker.store.reading() as session:
        found = await cases.dossier(session, moved.row.id)
    assert {c.what: c.light for c in found.checks}["手机号"] is Light.AMBER


async def test_somebody_who_became_a_client_meanwhile_is_not_opened_twice(broker: Broker) -> None:
    """Two drafts of one person, both complete before either ran."""
    number = numbers.citizen_id(RANDOM, date(1988, 8, 8), female=True)
    first = await at_step(broker, "opening_desk", id_number=number)
    async with broker.store.writing() as session:
        second = await fill_in(session, broker["limin"], "范思哲", id_number=number)
        with pytest.raises(NotComplete):
            await drafts.submit(session, broker["limin"], second.id, CALENDAR)
    await decide(broker, "zhengli", first)
    async with broker.store.writing() as session:
        with pytest.raises(NotComplete):
            await drafts.submit(session, broker["limin"], second.id, CALENDAR)


async def test_a_client_who_had_left_gets_his_file_back(broker: Broker) -> None:
    async with broker.store.writing() as session:
        await session.execute(
            update(Client)
            .where(Client.id == broker.clients["张三"])
            .values(status=ClientStatus.CLOSED, owner="limin", keep_until=date(2046, 1, 1))
        )
    moved = await at_step(broker, "opening_desk", id_number=TAKEN, name="张三")
    moved = await decide(broker, "zhengli", moved)
    async with broker.store.reading() as session:
        client = await session.get_one(Client, moved.row.client_id)
        count = await session.scalar(
            select(func.count()).select_from(Client).where(Client.name == "张三")
        )
    assert client.id == broker.clients["张三"]
    assert (client.status, client.owner, client.keep_until, count) == (
        ClientStatus.ACTIVE,
        "wangqiang",
        None,
        1,
    )


async def test_a_step_is_not_handed_to_who_is_needed_later(broker: Broker) -> None:
    moved = await at_step(broker, "suitability")
    async with broker.store.reading() as session:
        row = await cases.get(session, moved.row.id)
        hand = await seating.may_be_asked(session, row, "zhouting", cosign=False)
        cosign = await seating.may_be_asked(session, row, "zhouting", cosign=True)
    assert hand == []
    assert {each.id for each in cosign} == {"qianwei", "fengjun", "chenxi"}
    assert moved.next is not None
    place = Place(stage=moved.next.id, version=moved.row.version, seen=Seen())
    async with broker.store.writing() as session:
        with pytest.raises(NotFitting):
            await decisions.cosign(session, broker["zhouting"], place, "wuhao")


async def test_withdrawn_the_approver_hears_that(broker: Broker) -> None:
    moved = await submitted(broker)
    async with broker.store.writing() as session:
        ended = await drafts.withdraw(session, broker["wangqiang"], moved.row.id)
    assert ended.row.state is State.WITHDRAWN
    assert await seats(broker, moved) == {}
    with pytest.raises(AlreadyWithdrawn):
        await decide(broker, "sunfang", moved)


async def stands_in(broker: Broker, deputy: str, absent: str) -> None:
    async with broker.store.writing() as session:
        await session.execute(update(Staff).where(Staff.id == absent).values(deputy=deputy))


class TestGivenSomebodyStandsIn:
    async def test_when_a_step_begins_then_both_may_decide_and_it_is_known_for_whom(
        self, broker: Broker
    ) -> None:
        await stands_in(broker, "fengjun", "zhouting")
        moved = await at_step(broker, "suitability")
        assert sorted(moved.news) == ["fengjun", "zhouting"]
        assert await seats(broker, moved) == {
            "zhouting": SeatKind.ROLE,
            "fengjun": SeatKind.DEPUTY,
        }
        await decide(broker, "fengjun", moved)
        told = [e for e in await events(broker, moved.row.id) if e.deed is Deed.APPROVED]
        assert [(e.actor, e.whom) for e in told] == [("sunfang", ""), ("fengjun", "zhouting")]
        async with broker.store.reading() as session:
            noted = await session.scalars(
                select(AuditRow)
                .where(AuditRow.action == "application.approved")
                .order_by(AuditRow.seq)
            )
            assert [json.loads(row.detail)["whom"] for row in noted] == ["", "zhouting"]

    async def test_when_the_absent_one_decides_then_it_is_his_own_word(
        self, broker: Broker
    ) -> None:
        await stands_in(broker, "fengjun", "zhouting")
        moved = await at_step(broker, "suitability")
        await decide(broker, "zhouting", moved)
        told = (await events(broker, moved.row.id))[-1]
        assert (told.actor, told.whom) == ("zhouting", "")

    async def test_when_the_deputy_applied_or_decided_before_then_he_is_not_asked(
        self, broker: Broker
    ) -> None:
        await stands_in(broker, "wangqiang", "sunfang")
        await stands_in(broker, "sunfang", "zhouting")
        moved = await submitted(broker)
        assert list(moved.news) == ["sunfang"]
        moved = await decide(broker, "sunfang", moved)
        assert list(moved.news) == ["zhouting"]

    async def test_when_it_is_handed_to_the_absent_one_then_the_deputy_has_it_too(
        self, broker: Broker
    ) -> None:
        await stands_in(broker, "fengjun", "qianwei")
        moved = await submitted(broker)
        assert moved.next is not None
        place = Place(stage=moved.next.id, version=moved.row.version, seen=Seen())
        async with broker.store.writing() as session:
            handed = await decisions.hand(session, broker["sunfang"], place, "qianwei")
        assert sorted(handed.news) == ["fengjun", "qianwei"]


async def ask_to_cosign(broker: Broker, moved: Moved, who: str, to: str) -> Moved:
    stage = moved.next or moved.stays
    assert stage is not None
    async with broker.store.writing() as session:
        row = await cases.get(session, moved.row.id)
        place = Place(stage=stage.id, version=row.version, seen=Seen())
        return await decisions.cosign(session, broker[who], place, to)


class TestGivenACosignerWhoIsAway:
    async def test_when_he_is_asked_then_either_of_the_two_signs_for_both(
        self, broker: Broker
    ) -> None:
        await stands_in(broker, "chenxi", "fengjun")
        moved = await at_step(broker, "suitability")
        for signs, whom in (("chenxi", "fengjun"), ("fengjun", "")):
            asked = await ask_to_cosign(broker, moved, "zhouting", "fengjun")
            assert sorted(asked.news) == ["chenxi", "fengjun"]
            assert await seats(broker, asked) == {
                "zhouting": SeatKind.ROLE,
                "fengjun": SeatKind.COSIGNER,
                "chenxi": SeatKind.COSIGNS_FOR,
            }
            with pytest.raises(AwaitsCosigner):
                await decide(broker, "zhouting", asked)
            signed = await decide(broker, signs, asked)
            assert list(signed.news) == ["zhouting"]
            assert await seats(broker, signed) == {"zhouting": SeatKind.ROLE}
            last = (await events(broker, moved.row.id))[-1]
            assert (last.deed, last.actor, last.whom) == (Deed.COSIGNED, signs, whom)
            other = "fengjun" if signs == "chenxi" else "chenxi"
            with pytest.raises(NotYourTurn):
                await decide(broker, other, signed)
            moved = await decide(broker, "zhouting", signed, Verdict.RETURN, "再来")
            async with broker.store.writing() as session:
                moved = await drafts.submit(session, broker["wangqiang"], moved.row.id, CALENDAR)
            moved = await decide(broker, "sunfang", moved)

    async def test_when_he_goes_away_after_he_was_asked_then_his_deputy_is_asked_too(
        self, broker: Broker
    ) -> None:
        asked = await ask_to_cosign(broker, await at_step(broker, "suitability"), *ASKED)
        await stands_in(broker, "chenxi", "fengjun")
        async with broker.store.writing() as session:
            [(stage, news)] = await seating.stand_in(session, "fengjun")
        assert (stage.id, news) == (asked.stays.id if asked.stays else 0, ["chenxi"])
        async with broker.store.writing() as session:
            row = await cases.get(session, asked.row.id)
        await decide(broker, "chenxi", Moved(row=row, stays=asked.stays))
        last = (await events(broker, asked.row.id))[-1]
        assert (last.deed, last.actor, last.whom) == (Deed.COSIGNED, "chenxi", "fengjun")

    async def test_when_he_is_back_then_his_deputy_is_not_asked_any_more(
        self, broker: Broker
    ) -> None:
        await stands_in(broker, "chenxi", "fengjun")
        asked = await ask_to_cosign(broker, await at_step(broker, "suitability"), *ASKED)
        async with broker.store.writing() as session:
            await session.execute(update(Staff).where(Staff.id == "fengjun").values(deputy=None))
            assert [each.id for each in await seating.stand_down(session, "chenxi")] == [
                asked.stays.id if asked.stays else 0
            ]
        assert set(await seats(broker, asked)) == {"zhouting", "fengjun"}

    @pytest.mark.parametrize("deputy", ["zhouting", "sunfang", "wangqiang"])
    async def test_when_his_deputy_decides_or_decided_or_applied_then_he_is_not_asked(
        self, broker: Broker, deputy: str
    ) -> None:
        await stands_in(broker, deputy, "fengjun")
        asked = await ask_to_cosign(broker, await at_step(broker, "suitability"), *ASKED)
        assert await seats(broker, asked) == {
            "zhouting": SeatKind.ROLE,
            "fengjun": SeatKind.COSIGNER,
        }

    async def test_when_his_deputy_signed_then_he_decides_for_nobody_at_that_step(
        self, broker: Broker
    ) -> None:
        await stands_in(broker, "chenxi", "fengjun")
        asked = await ask_to_cosign(broker, await at_step(broker, "suitability"), *ASKED)
        signed = await decide(broker, "chenxi", asked)
        await stands_in(broker, "chenxi", "zhouting")
        async with broker.store.writing() as session:
            assert await seating.stand_in(session, "zhouting") == []
        assert await seats(broker, signed) == {"zhouting": SeatKind.ROLE}

    async def test_when_he_stands_in_for_two_who_are_asked_then_he_signs_for_one(
        self, broker: Broker
    ) -> None:
        for absent in ("fengjun", "qianwei"):
            await stands_in(broker, "chenxi", absent)
        asked = await at_step(broker, "suitability")
        for absent in ("fengjun", "qianwei"):
            asked = await ask_to_cosign(broker, asked, "zhouting", absent)
        signed = await decide(broker, "chenxi", asked)
        assert await seats(broker, signed) == {
            "zhouting": SeatKind.ROLE,
            "qianwei": SeatKind.COSIGNER,
        }

    async def test_when_the_program_of_before_comes_back_then_the_cosigner_alone_is_asked(
        self, broker: Broker
    ) -> None:
        await stands_in(broker, "chenxi", "fengjun")
        asked = await ask_to_cosign(broker, await at_step(broker, "suitability"), *ASKED)
        await schema.downgrade(broker.store, "0016")
        assert set(await seats(broker, asked)) == {"zhouting", "fengjun"}
        async with broker.store.reading() as session:
            kinds = set(await session.scalars(text("SELECT kind FROM application_seat")))
        assert kinds == {"role", "cosigner"}

    async def test_when_the_cosigner_takes_the_application_over_then_nobody_signs_for_him(
        self, broker: Broker
    ) -> None:
        await stands_in(broker, "chenxi", "fengjun")
        asked = await ask_to_cosign(broker, await at_step(broker, "suitability"), *ASKED)
        async with broker.store.writing() as session:
            row = await cases.get(session, asked.row.id)
            await seating.give_up(session, row, "fengjun")
        assert await seats(broker, asked) == {"zhouting": SeatKind.ROLE}

    async def test_when_the_cosigner_leaves_the_firm_then_who_asked_him_hears_why_it_is_his_again(
        self, broker: Broker
    ) -> None:
        await stands_in(broker, "chenxi", "fengjun")
        asked = await ask_to_cosign(broker, await at_step(broker, "suitability"), *ASKED)
        async with broker.store.writing() as session:
            await leaving.leave(session, "fengjun", by="hejing")
        [freed] = await chase(broker)
        assert (list(freed.reminded), freed.left) == (["zhouting"], True)
        assert await chase(broker) == []
        assert await seats(broker, asked) == {"zhouting": SeatKind.ROLE}
        async with broker.store.reading() as session:
            found = await cases.dossier(session, asked.row.id)
        assert freed.stage is not None
        card = draw.reminder(found, freed.stage, broker["zhouting"], freed.stage.began_at)
        assert card.facts[0].value == "加签人 冯军 已离职，不再等待其意见"
        assert (await decide(broker, "zhouting", freed_of(freed))).ended is not None

    async def test_when_one_of_two_cosigners_leaves_the_firm_then_the_other_is_waited_for(
        self, broker: Broker
    ) -> None:
        asked = await ask_to_cosign(broker, await at_step(broker, "suitability"), *ASKED)
        asked = await ask_to_cosign(broker, asked, "zhouting", "chenxi")
        async with broker.store.writing() as session:
            await leaving.leave(session, "fengjun", by="hejing")
        [freed] = await chase(broker)
        assert (list(freed.reminded), freed.left) == ([], True)
        with pytest.raises(AwaitsCosigner):
            await decide(broker, "zhouting", freed_of(freed))
        signed = await decide(broker, "chenxi", freed_of(freed))
        assert list(signed.news) == ["zhouting"]

    async def test_when_who_asked_leaves_the_firm_then_another_decides_once_the_cosigner_has(
        self, broker: Broker
    ) -> None:
        asked = await ask_to_cosign(broker, await at_step(broker, "suitability"), *ASKED)
        async with broker.store.writing() as session:
            await hire(session, "zhouting2", broker["zhouting"])
            await leaving.leave(session, "zhouting", by="hejing")
        [freed] = await chase(broker)
        assert list(freed.seated) == ["zhouting2"]
        assert await seats(broker, asked) == {
            "fengjun": SeatKind.COSIGNER,
            "zhouting2": SeatKind.ROLE,
        }
        signed = await decide(broker, "fengjun", freed_of(freed))
        assert list(signed.news) == ["zhouting2"]

    async def test_when_who_asked_leaves_and_nobody_else_may_decide_then_that_is_said(
        self, broker: Broker
    ) -> None:
        asked = await ask_to_cosign(broker, await at_step(broker, "suitability"), *ASKED)
        async with broker.store.writing() as session:
            await leaving.leave(session, "zhouting", by="hejing")
        [empty] = await chase(broker)
        assert empty.empty
        assert await chase(broker) == []
        assert await seats(broker, asked) == {"fengjun": SeatKind.COSIGNER}
        async with broker.store.writing() as session:
            await hire(session, "zhouting2", broker["zhouting"])
            await seating.look_again(session)
        [filled] = await chase(broker)
        assert list(filled.seated) == ["zhouting2"]


def freed_of(freed: chasing.Chased) -> Moved:
    return Moved(row=freed.row, next=freed.stage)


async def forgone(broker: Broker, moved: Moved) -> dict[str, list[tuple[str, bool]]]:
    async with broker.store.reading() as session:
        found = await cases.dossier(session, moved.row.id)
    return {
        who: [(each.step.key, each.alone) for each in lost] for who, lost in found.forgone.items()
    }


class TestGivenADeputyWhoHoldsALaterStep:
    async def test_when_he_is_waited_for_then_it_is_known_what_his_word_costs(
        self, broker: Broker
    ) -> None:
        await stands_in(broker, "zhouting", "sunfang")
        moved = await submitted(broker)
        assert await forgone(broker, moved) == {"zhouting": [("suitability", True)]}
        async with broker.store.writing() as session:
            await hire(session, "zhouting2", broker["zhouting"])
        assert await forgone(broker, moved) == {"zhouting": [("suitability", False)]}

    async def test_when_his_own_step_comes_then_it_costs_nothing(self, broker: Broker) -> None:
        await stands_in(broker, "zhouting", "sunfang")
        moved = await decide(broker, "sunfang", await submitted(broker))
        assert await seats(broker, moved) == {"zhouting": SeatKind.ROLE}
        assert await forgone(broker, moved) == {}

    async def test_when_it_is_returned_then_what_he_decided_before_is_not_told_as_lost(
        self, broker: Broker
    ) -> None:
        await stands_in(broker, "zhouting", "sunfang")
        moved = await decide(broker, "sunfang", await submitted(broker))
        moved = await decide(broker, "zhouting", moved, Verdict.RETURN, "再来")
        async with broker.store.writing() as session:
            moved = await drafts.submit(session, broker["wangqiang"], moved.row.id, CALENDAR)
        assert await seats(broker, moved) == {"sunfang": SeatKind.ROLE}
        assert await forgone(broker, moved) == {}

    async def test_when_he_signed_for_somebody_then_it_is_said_why_nobody_decides_his_step(
        self, broker: Broker
    ) -> None:
        await stands_in(broker, "zhouting", "sunfang")
        moved = await decide(broker, "zhouting", await submitted(broker))
        [empty] = await chase(broker)
        assert empty.empty
        assert [(e.actor, e.whom, e.step) for e in empty.barred] == [
            ("zhouting", "sunfang", "branch")
        ]
        assert await chase(broker) == []
        async with broker.store.writing() as session:
            await hire(session, "zhouting2", broker["zhouting"])
            await seating.look_again(session)
        [filled] = await chase(broker)
        assert list(filled.seated) == ["zhouting2"]
        assert await seats(broker, moved) == {"zhouting2": SeatKind.ROLE}


async def hire(session: AsyncSession, staff_id: str, like: Person) -> None:
    """Somebody with the same roles."""
    await people.add(
        session,
        by="hejing",
        staff_id=staff_id,
        name=f"{like.name}二",
        branch=None,
        roles=like.roles,
        logins={},
    )


class TestGivenAStepThatWaits:
    async def test_when_it_is_late_then_reminder_deputy_and_head_come_once_each(
        self, broker: Broker, clock: StoppedClock
    ) -> None:
        moved = await at_step(broker, "suitability")
        await stands_in(broker, "fengjun", "zhouting")
        assert await chase(broker) == []
        clock.advance(timedelta(minutes=15))
        [reminded] = await chase(broker)
        assert (reminded.level, list(reminded.reminded)) == (chasing.REMIND, ["zhouting"])
        assert await chase(broker) == []
        clock.advance(timedelta(minutes=15))
        [late] = await chase(broker)
        assert (list(late.seated), list(late.told)) == (["fengjun"], [])
        clock.advance(timedelta(minutes=30))
        [later] = await chase(broker)
        assert list(later.told) == ["sunfang"]
        clock.advance(timedelta(days=3))
        assert await chase(broker) == []
        await decide(broker, "fengjun", Moved(row=later.row, next=moved.next))

    async def test_when_the_clock_jumps_then_only_the_highest_is_done(
        self, broker: Broker, clock: StoppedClock
    ) -> None:
        moved = await submitted(broker)
        clock.advance(timedelta(days=1))
        [late] = await chase(broker)
        assert (late.level, list(late.seated)) == (chasing.HEAD, ["qianwei"])
        assert await seats(broker, moved) == {
            "sunfang": SeatKind.ROLE,
            "qianwei": SeatKind.ESCALATED,
        }

    async def test_when_everybody_who_sat_there_left_then_others_sit_there(
        self, broker: Broker
    ) -> None:
        moved = await submitted(broker)
        async with broker.store.writing() as session:
            await leaving.leave(session, "sunfang", by="hejing")
        [filled] = await chase(broker)
        assert list(filled.seated) == ["qianwei"]
        await decide(broker, "qianwei", Moved(row=filled.row, next=moved.next))

    async def test_when_nobody_at_all_may_decide_then_it_is_said_again_and_again_until_somebody_may(
        self, broker: Broker, clock: StoppedClock
    ) -> None:
        moved = await at_step(broker, "suitability")
        async with broker.store.writing() as session:
            await leaving.leave(session, "zhouting", by="hejing")
        [empty] = await chase(broker)
        assert empty.empty
        assert await chase(broker) == []
        clock.advance(timedelta(minutes=31))
        async with broker.store.writing() as session:
            await hire(session, "zhouting2", broker["zhouting"])
        [filled] = await chase(broker)
        assert list(filled.seated) == ["zhouting2"]
        assert moved.row.id == filled.row.id

    async def test_when_the_manager_leaves_then_his_head_goes_on_with_it_and_does_not_decide(
        self, broker: Broker
    ) -> None:
        moved = await submitted(broker)
        async with broker.store.writing() as session:
            await leaving.leave(session, "wangqiang", by="hejing")
        [filled] = await chase(broker)
        assert list(filled.seated) == ["qianwei"]
        assert filled.row.owner == "sunfang"
        with pytest.raises(OwnApplication):
            await decide(broker, "sunfang", Moved(row=filled.row, next=moved.next))


async def test_a_draft_that_nobody_touches_lapses_after_a_month(
    broker: Broker, clock: StoppedClock
) -> None:
    async with broker.store.writing() as session:
        row = await fill_in(session, broker["wangqiang"])
    running = await submitted(broker, by="limin", name="秦叔宝")
    clock.advance(timedelta(days=29, hours=23))
    async with broker.store.writing() as session:
        assert await chasing.lapse(session) == []
    clock.advance(timedelta(hours=1))
    async with broker.store.writing() as session:
        assert [each.id for each in await chasing.lapse(session)] == [row.id]
        assert await chasing.lapse(session) == []
    assert running.row.state is State.RUNNING


ACTS = st.lists(
    st.tuples(
        st.sampled_from((*APPROVERS, "qianwei", "wangqiang", "fengjun")),
        st.sampled_from(("approve", "approve", "approve", "reject", "return", "hand", "cosign")),
        st.sampled_from(("sunfang", "qianwei", "zhouting", "fengjun", "wuhao")),
    ),
    min_size=1,
    max_size=14,
)


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(acts=ACTS)
async def test_whatever_people_do_the_rows_agree_with_the_history(
    broker: Broker, acts: Sequence[tuple[str, str, str]]
) -> None:
    moved = await submitted(broker)
    application = moved.row.id
    before = len(await events(broker, application))
    done = 0
    for who, what, to in acts:
        done += await _act(broker, application, who, what, to)
    found = await events(broker, application)
    assert [event.number for event in found] == list(range(1, len(found) + 1))
    assert len(found) >= before + done
    async with broker.store.writing() as session:
        row = await cases.get(session, application)
        stages = list(
            await session.scalars(
                select(Stage).where(Stage.application_id == application).order_by(Stage.id)
            )
        )
        open_ = [stage for stage in stages if stage.ended_at is None]
        waiting = await session.scalar(
            select(func.count())
            .select_from(Seat)
            .join(Stage, Stage.id == Seat.stage_id)
            .where(Stage.application_id == application, Seat.state == "waiting")
        )
        assert len(open_) == (row.state is State.RUNNING)
        assert (row.step == open_[0].step) if open_ else row.step == ""
        assert bool(waiting) == bool(open_)
        verdicts = [e for e in found if e.deed in (Deed.APPROVED, Deed.REJECTED, Deed.RETURNED)]
        assert len(verdicts) == len(stages) - len(open_)
        by_person: dict[str, set[str]] = {}
        for event in found:
            if event.deed in cases.VERDICTS:
                by_person.setdefault(event.actor, set()).add(event.step)
        assert all(len(steps) == 1 for steps in by_person.values())
        assert "wangqiang" not in by_person
        if row.state in (State.RUNNING, State.RETURNED):  # room for the next example
            await drafts.withdraw(session, broker["wangqiang"], application)


async def _act(broker: Broker, application: int, who: str, what: str, to: str) -> int:
    """1 when it was done, 0 when it was refused."""
    try:
        async with broker.store.writing() as session:
            row = await cases.get(session, application)
            stage = await cases.open_stage(session, application)
            if stage is None:
                if row.state is State.RETURNED:
                    await drafts.submit(session, broker["wangqiang"], application, CALENDAR)
                    return 1
                return 0
            place = Place(stage=stage.id, version=row.version, seen=Seen())
            if what in ("hand", "cosign"):
                act = decisions.hand if what == "hand" else decisions.cosign
                await act(session, broker[who], place, to)
            else:
                verdict = Verdict(what)
                await decisions.decide(session, broker[who], place, verdict, "原因", CALENDAR)
    except UserError:
        return 0
    return 1
