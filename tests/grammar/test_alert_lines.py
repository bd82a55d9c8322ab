"""追保 and 为什么: commands where they stand apart, ordinary talk where they do not."""

import pytest

from tests.grammar.conftest import Understand


@pytest.mark.parametrize("line", ["追保", "追保 今日", "追保 今天", "/追保"])
def test_a_list_of_calls_is_asked_for(understand: Understand, line: str) -> None:
    found = understand(line)
    assert (found.verb, found.write, found.clients) == ("calls", False, ())


@pytest.mark.parametrize("line", ["追保 张三", "/为什么 张三", "为什么 张三"])
def test_a_client_is_named(understand: Understand, line: str) -> None:
    found = understand(line)
    assert found.verb in ("calls", "admin:为什么")
    assert [hit.name for hit in found.clients] == ["张三"]
    assert not found.write


def test_an_alert_is_named_by_its_number(understand: Understand) -> None:
    assert (understand("为什么 9").verb, understand("为什么 9").query) == ("admin:为什么", "9")


@pytest.mark.parametrize(
    "line", ["为什么今天跌了", "为什么 今天跌这么多", "追保了吗", "追保线是多少", "为什么"]
)
def test_ordinary_talk_is_none_of_them(understand: Understand, line: str) -> None:
    assert understand(line).verb not in ("calls", "admin:为什么")
