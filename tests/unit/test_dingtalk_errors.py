"""Their codes become outcomes; nothing of an answer but its code is repeated."""

import logging

import orjson
import pytest

from bot.platforms.dingtalk.errors import ScopeMissing, read_answer
from crm.kernel.errors import Outcome, OutsideError


def refusal(body: object, status: int = 400, *, effect: bool = True) -> OutsideError:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    with pytest.raises(OutsideError) as caught:
        read_answer("/v1.0/x", status, raw, effect=effect)
    return caught.value


def api(code: str, **more: object) -> dict[str, object]:
    return {"code": code, "requestid": "R", "message": "您的企业 13800001111", **more}


@pytest.mark.parametrize(
    ("status", "body", "outcome", "wait"),
    [
        (403, api("Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"), Outcome.RETRY, 1),
        (403, api("Forbidden.AccessDenied.QpmLimitForAppkeyAndApi"), Outcome.RETRY, 60),
        (403, api("Forbidden.AccessDenied.ApiCountLimitForOrg"), Outcome.REFUSED, None),
        (400, api("InvalidAuthentication"), Outcome.RETRY, 1),
        (400, api("param.openSpaceIdInvalid"), Outcome.REFUSED, None),
        (500, api("system.busy"), Outcome.RETRY, 1),
        (502, api("whatever"), Outcome.RETRY, None),
        (429, api("whatever"), Outcome.RETRY, None),
        (401, api("authFailed"), Outcome.RETRY, 60),
        (200, {"errcode": 90018, "errmsg": "x"}, Outcome.RETRY, 1),
        (200, {"errcode": 88, "errmsg": "x", "sub_code": "90018"}, Outcome.RETRY, 1),
        (200, {"errcode": 90020, "errmsg": "x"}, Outcome.REFUSED, None),
        (200, {"errcode": 410100, "errmsg": "x"}, Outcome.RETRY, 600),
        (200, {"errcode": -1, "errmsg": "x"}, Outcome.RETRY, 1),
        (200, {"errcode": 310000, "errmsg": "sign not match"}, Outcome.REFUSED, None),
        (200, {"status": 1111, "wait": 5, "source": "x5"}, Outcome.RETRY, 300),
        (200, {"success": False}, Outcome.REFUSED, None),
        (403, b"<html>blocked</html>", Outcome.RETRY, None),
        (200, b'{"processQue', Outcome.UNKNOWN, None),
        (200, b"", Outcome.UNKNOWN, None),
        (200, b"[]", Outcome.UNKNOWN, None),
        (503, b"oops", Outcome.RETRY, None),
    ],
)
def test_a_refusal_says_whether_waiting_helps(
    status: int, body: object, outcome: Outcome, wait: float | None
) -> None:
    error = refusal(body, status)
    assert (error.outcome, error.wait_seconds) == (outcome, wait)


def test_half_an_answer_to_a_question_may_simply_be_asked_again() -> None:
    assert refusal(b'{"a', 200, effect=False).outcome is Outcome.RETRY


@pytest.mark.parametrize(
    "body",
    [{"errcode": 0, "errmsg": "ok"}, {"success": True, "result": {}}, {"processQueryKey": "k"}],
)
def test_success_is_passed_on(body: dict[str, object]) -> None:
    assert read_answer("/x", 200, orjson.dumps(body), effect=True) == body


def test_a_missing_permission_is_named_for_the_admin(caplog: pytest.LogCaptureFixture) -> None:
    detail = {"requiredScopes": ["Card.Instance.Write"]}
    with caplog.at_level(logging.ERROR):
        error = refusal(api("Forbidden.X", accessdenieddetail=detail), 403)
    assert isinstance(error, ScopeMissing)
    assert error.scopes == ("Card.Instance.Write",)
    assert "Card.Instance.Write" in caplog.text


@pytest.mark.parametrize("code", ["张三 13800001111", "a b", "x" * 200])
def test_neither_message_nor_an_odd_code_is_repeated(code: str) -> None:
    error = refusal(api(code))
    assert "13800001111" not in str(error)
    assert error.code == "unreadable"
