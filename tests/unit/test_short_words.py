"""What cards say shortly: products in a column, moments in a list, words of a person."""

from datetime import datetime

import pytest

from bot.cards import text
from bot.cards.goods import short_name
from bot.chat.message import Audience
from crm.kernel.clock import SHANGHAI

NOW = datetime(2026, 11, 23, 14, 35, tzinfo=SHANGHAI)  # a Monday


@pytest.mark.parametrize(
    ("product", "shown"),
    [
        ("rb", "螺纹"),
        ("hc", "热卷"),
        ("TA", "PTA"),
        ("ta", "PTA"),
        ("IF", "沪深300"),
        ("m", "豆粕"),
        ("m_o", "豆粕期权"),
        ("cu_o", "铜期权"),
        ("ec", "集运欧线"),
        ("xx", "xx"),
    ],
)
def test_a_product_goes_by_what_traders_call_it(product: str, shown: str) -> None:
    assert short_name(product) == shown


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        (datetime(2026, 11, 23, 20, 48, tzinfo=SHANGHAI), "今天 20:48"),
        (datetime(2026, 11, 24, 9, 0, tzinfo=SHANGHAI), "明天 09:00"),
        (datetime(2026, 11, 27, 9, 0, tzinfo=SHANGHAI), "11-27 周五 09:00"),
        (datetime(2026, 11, 20, 9, 0, tzinfo=SHANGHAI), "11-20 周五 09:00"),
        (datetime(2027, 1, 4, 9, 0, tzinfo=SHANGHAI), "2027-01-04 09:00"),
    ],
)
def test_a_moment_in_a_list_is_told_by_its_distance(at: datetime, shown: str) -> None:
    assert text.soon(at, NOW) == shown


SAID = "张三新号13812345678"


def test_ones_own_words_come_back_whole_in_private_alone() -> None:
    assert text.echo(SAID, 40, Audience.PRIVATE) == SAID
    assert text.quote(SAID, 40, Audience.PRIVATE) == SAID
    assert text.echo(SAID, 40, Audience.RISK_GROUP) == "张三新号138****5678"
    assert text.quote(SAID, 40, Audience.RISK_GROUP) == "张三新号138****5678"
    assert text.quote(SAID, 40, Audience.GROUP) == ""
