"""当时所见: the card that each approver decided by, for whoever follows the case and for audit."""

from hashlib import sha256

import pytest
from sqlalchemy import LargeBinary, select, type_coerce

from approvals.models import ApplicationEvent, Deed
from crm.kernel.audit import AuditRow
from tests.story.room import Item, Room, fact, labels
from tests.story.test_approvals import (
    ID_NUMBER,
    application_of,
    card_of,
    fill_in,
    press,
    say_on_wecom,
    scene,
    tells,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")
WECOM = True


async def looks(room: Room, application: int) -> list[str]:
    """Who looked at what somebody saw, as the trail has it."""
    async with room.service.store.reading() as session:
        rows = await session.scalars(
            select(AuditRow.actor)
            .where(
                AuditRow.object == f"application:{application}",
                AuditRow.action == "application.seen",
            )
            .order_by(AuditRow.seq)
        )
        return list(rows)


async def decided(room: Room, name: str, mobile: str) -> tuple[int, dict[str, Item]]:
    """All the way to a client; each approver's card just before he agreed."""
    await fill_in(room, "wangqiang", name, ID_NUMBER, mobile)
    await room.ask("wangqiang", "提交")
    seen = {}
    for person in ("sunfang", "zhouting", "wuhao", "zhengli"):
        seen[person] = await room.newest(person, f"待审批 · 开户 · {name}")
        await room.click(person, seen[person], "同意")
        await room.now_showing(person, seen[person])
    return (await application_of(room, name)).id, seen


class TestGivenADecision:
    async def test_when_it_was_made_then_the_card_is_kept_sealed_with_it(self, room: Room) -> None:
        application = await scene(room, "sunfang")
        await press(room, "dingtalk", "sunfang", card_of(application, "sunfang"), "退回补件")
        await room.newest("sunfang", f"退回补件 {application['client']}")
        await room.ask("sunfang", "身份证正面不清晰")
        async with room.service.store.reading() as session:
            event = await session.scalar(
                select(ApplicationEvent).where(
                    ApplicationEvent.application_id == application["id"],
                    ApplicationEvent.deed == Deed.RETURNED,
                )
            )
            raw = await session.scalar(
                select(type_coerce(ApplicationEvent.__table__.c.shown, LargeBinary)).where(
                    ApplicationEvent.application_id == application["id"],
                    ApplicationEvent.deed == Deed.RETURNED,
                )
            )
        assert event is not None
        assert event.shown is not None
        assert raw is not None
        assert sha256(event.shown.encode()).hexdigest() == event.seen
        assert application["client"] in event.shown
        assert application["client"].encode() not in raw

    async def test_when_the_applicant_looks_then_he_sees_what_was_decided_by_with_masks(
        self, room: Room
    ) -> None:
        application, seen = await decided(room, "范思哲", "13912340001")
        track = await room.ask("wangqiang", "进度 范思哲")
        assert labels(track)[0] == "当时所见"
        await room.click("wangqiang", track, "当时所见")
        listed = await room.newest("wangqiang", "当时所见 · 开户 · 范思哲")
        assert [row[1] for row in listed["card"]["rows"]] == ["孙芳", "周婷", "郑丽"]
        assert "吴昊" not in listed["text"]
        shown = await room.ask("wangqiang", "3")
        assert shown["card"]["status"] == "郑丽 同意"
        assert labels(shown) == []
        assert ID_NUMBER in seen["zhengli"]["text"]
        assert ID_NUMBER not in shown["text"]
        assert fact(shown, "证件号码") == "1101**********9972"
        assert "🟢" in shown["text"]
        assert await looks(room, application) == ["wangqiang"]

    async def test_when_said_in_words_then_it_is_shown_on_the_other_platform_too(
        self, room: Room
    ) -> None:
        await say_on_wecom(room, "sunfang", "进度 范思哲 当时所见")
        await tells(room, "wecom", "sunfang", "当时所见 · 开户 · 范思哲")
        await say_on_wecom(room, "sunfang", "1")
        item = await tells(room, "wecom", "sunfang", "这次查看已留痕")
        assert "孙芳 同意" in item["text"]

    async def test_when_an_audit_admin_looks_then_confidential_steps_are_there_too(
        self, room: Room
    ) -> None:
        trail = await room.ask("linlan", "/审计 吴昊")
        button = next(each for each in labels(trail) if "当时所见" in each)
        await room.click("linlan", trail, button)
        listed = await room.newest("linlan", "当时所见 · 开户 · 范思哲")
        assert [row[1] for row in listed["card"]["rows"]] == ["孙芳", "周婷", "吴昊", "郑丽"]
        item = await room.ask("linlan", "3")
        assert item["card"]["status"] == "吴昊 同意"
        item = await room.ask("linlan", "/审计 郑丽")
        await room.ask("linlan", str(1 + labels(item).index(button)))
        item = await room.ask("linlan", "4")
        assert item["card"]["status"] == "郑丽 同意"
        assert ID_NUMBER not in item["text"]
        assert "13912340001" not in item["text"]
        item = await room.ask("linlan", "/审计 范思哲")
        assert "查看当时所见" in item["text"]
        assert "application." not in item["text"]

    async def test_when_somebody_else_asks_then_it_is_not_there(self, room: Room) -> None:
        item = await room.ask("limin", "进度 范思哲 当时所见")
        assert "没有您能看的" in item["text"]
        item = await room.ask("wangqiang", "进度 范思哲 当时所见", "g-hz")
        assert "私聊" in item["text"]

    async def test_when_the_client_is_none_yet_then_the_trail_finds_his_application(
        self, room: Room
    ) -> None:
        application = await scene(room, "sunfang")
        name = application["client"]
        await room.ask("sunfang", f"驳回 {name} 重复申请")
        item = await room.ask("linlan", f"/审计 {name}")
        assert "申请驳回" in item["text"]
        await room.click("linlan", item, f"申请 {application['id']} 当时所见")
        item = await room.newest_text("linlan", "孙芳 驳回")
        assert name in item["card"]["title"]
