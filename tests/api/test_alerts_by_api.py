"""Alerts for machines: episodes with what became of them and who was told."""

from datetime import timedelta
from decimal import Decimal
from urllib.parse import quote

import pytest

from crm.kernel.clock import SHANGHAI
from risk.levels import Level
from risk.models import Alert, AlertEvent, AlertKind, AlertNotice, AlertState
from tests.api.conftest import Api, Json


async def raise_alert(api: Api, account: str) -> None:
    at = api.clock.now()
    async with api.behind.store.writing() as session:
        alert = Alert(
            kind=AlertKind.MARGIN,
            open_key=f"margin:{account}",
            account=account,
            name="张三",
            branch="HZ",
            state=AlertState.FIRING,
            level=Level.CALL,
            peak=Level.CALL,
            rule_version="1",
            opened_at=at,
            raised_at=at,
            changed_at=at,
            risk=Decimal("1.08"),
            equity=Decimal(100_000),
            advice={},
            below=Level.NORMAL,
        )
        session.add(alert)
        await session.flush()
        event = AlertEvent(
            alert_id=alert.id,
            at=at,
            what="raised",
            by="system",
            level=Level.CALL,
            risk=Decimal("1.08"),
            rule_version="1",
            note="与张三通话",
            facts={},
        )
        notice = AlertNotice(
            alert_id=alert.id,
            out_id=1,
            at=at,
            why="raised",
            platform="dingtalk",
            place="group",
            receiver="g-risk",
        )
        session.add_all([event, notice])


async def alerts(api: Api, query: str = "") -> list[Json]:
    answer = await api.get(f"alerts{query}")
    assert answer.status == 200, await answer.text()
    found: list[Json] = (await answer.json())["alerts"]
    return found


class TestGivenAlerts:
    async def test_each_comes_with_its_events_and_deliveries(self, api: Api) -> None:
        await raise_alert(api, "1")
        [found] = await alerts(api)
        assert (found["account"], found["level"], found["risk"]) == ("1", "追保", "1.080000")
        assert [each["what"] for each in found["events"]] == ["raised"]
        [told] = found["deliveries"]
        assert (told["receiver"], told["state"]) == ("g-risk", "archived")

    async def test_names_and_notes_stay_here(self, api: Api) -> None:
        await raise_alert(api, "1")
        assert "张三" not in str(await alerts(api))

    async def test_they_can_be_asked_for_by_account_and_since(self, api: Api) -> None:
        await raise_alert(api, "1")
        api.clock.advance(timedelta(minutes=5))
        await raise_alert(api, "2")
        now = api.clock.now().isoformat()
        assert [each["account"] for each in await alerts(api, "?account=1")] == ["1"]
        for since in (now, quote(now), now.replace("+00:00", "Z")):
            assert [each["account"] for each in await alerts(api, f"?since={since}")] == ["2"]

    async def test_since_may_be_a_day_in_shanghai_or_lie_at_the_ends_of_all_calendars(
        self, api: Api
    ) -> None:
        await raise_alert(api, "1")
        today = f"{api.clock.now().astimezone(SHANGHAI):%Y-%m-%d}"
        for since in (today, "0001-01-01T00:00:00%2B23:59", ""):
            assert len(await alerts(api, f"?since={since}")) == 1, since
        for since in ("2999-01-01", "9999-12-31T23:59:59-23:59"):
            assert await alerts(api, f"?since={since}") == [], since

    @pytest.mark.parametrize("since", ["yesterday", "0", "2026-13-01T00:00:00Z"])
    async def test_a_since_that_is_no_moment_is_422(self, api: Api, since: str) -> None:
        assert (await api.get(f"alerts?since={since}")).status == 422
