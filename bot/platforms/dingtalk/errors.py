"""Their codes in our words: one table, and the reading of an answer that is not the hoped-for one.

The HTTP status never decides alone: a throttled call and a missing permission are both 403.
Nothing of an answer but its code reaches an error or the log: their messages may quote ours.
"""

import logging
import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import orjson

from crm.kernel.errors import Outcome, OutsideError

log = logging.getLogger(__name__)

Answer = dict[str, Any]  # their JSON; it stays inside this package


class Verdict(NamedTuple):
    outcome: Outcome
    wait_seconds: float | None = None


class ScopeMissing(OutsideError):
    """The app lacks a permission point; ``scopes`` is what the admin must tick."""

    def __init__(self, where: str, code: str, scopes: Sequence[str]) -> None:
        super().__init__(where, code, Outcome.REFUSED)
        self.scopes = tuple(scopes)


def _soon(seconds: float) -> Verdict:
    return Verdict(Outcome.RETRY, seconds)


QUOTA: Final = "Forbidden.AccessDenied."
STALE_TOKEN: Final = frozenset(
    {"InvalidAuthentication", "invalidParameter.token.invalid", "40001", "40014", "42001", "88"}
)
NO_TEMPLATE: Final = frozenset({"param.templateNotExist", "param.templateUnpublished"})
MODERATED: Final = frozenset(
    {
        "param.contentUnsafe",
        "contain.unsafe.url",
        "contain.notAllowed.text",
        "contain.notAllowed.picture",
        "contain.notAllowed.content",
        *("430101", "430102", "430103", "430104"),
    }
)
HOOK_OVER: Final = frozenset(  # the API may still take it
    {"session.expired", "session.notExisted", "300001", "400101", "410100"}
)

TABLE: Final = {
    f"{QUOTA}QpsLimitForAppkeyAndApi": _soon(1),
    f"{QUOTA}QpsLimitForApi": _soon(1),
    f"{QUOTA}QpmLimitForAppkeyAndApi": _soon(60),
    "90018": _soon(1),
    "90002": _soon(1),
    "410100": _soon(600),  # a custom robot's own penalty is ten minutes
    "send.too.fast": _soon(5),
    "send.byToken.tooFast": _soon(5),
    "too.many.people": _soon(60),
    "too.many.group": _soon(60),
    "toomuch.msg": _soon(60),
    "1111": _soon(300),  # the address is blocked for five minutes
    "system.busy": _soon(1),
    "system.error": _soon(2),
    "systemError": _soon(2),
    "-1": _soon(1),
    "authFailed": _soon(60),  # wrong credentials: nothing is lost while the admin mends them
    "invalidClientIdOrSecret": _soon(60),
    "40089": _soon(60),
    **dict.fromkeys(STALE_TOKEN, _soon(1)),
    # Over the month's quota: waiting does not help, another channel may.
    f"{QUOTA}ApiCountLimitForOrg": Verdict(Outcome.REFUSED),
    "90020": Verdict(Outcome.REFUSED),
}

CODE = re.compile(r"[A-Za-z0-9._-]{1,80}")


def judge(code: str, status: int) -> Verdict:
    """What a refusal means: the table, else a server's fault may pass and ours will not."""
    known = TABLE.get(code)
    if known is not None:
        return known
    return Verdict(Outcome.RETRY if status >= 500 or status == 429 else Outcome.REFUSED)


def read_answer(where: str, status: int, body: bytes, *, effect: bool) -> Answer:
    """The answer's object. Raises OutsideError for a refusal or what is no answer.

    ``effect`` says that the call may have shown something: then an answer cut short leaves the
    outcome UNKNOWN.
    """
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise _no_json(where, status, body, effect=effect) from None
    if not isinstance(answer, dict):
        raise OutsideError(where, "shape", _lost(effect=effect))
    code = _code(answer, status)
    if code:
        raise _refusal(where, code, status, answer)
    return answer


def unanswered(where: str, why: str, *, effect: bool) -> OutsideError:
    """The call went out and no answer came."""
    return OutsideError(where, why, _lost(effect=effect))


def _lost(*, effect: bool) -> Outcome:
    return Outcome.UNKNOWN if effect else Outcome.RETRY


def _no_json(where: str, status: int, body: bytes, *, effect: bool) -> OutsideError:
    if body.lstrip()[:1] == b"<":  # a gateway's page: the call did not get through
        return OutsideError(where, "html", Outcome.RETRY)
    if status >= 500:
        return OutsideError(where, f"http{status}", Outcome.RETRY)
    return unanswered(where, "half answer", effect=effect)


def _code(answer: Answer, status: int) -> str:
    """Their word for what went wrong, "" for success."""
    if "errcode" in answer:
        number = str(answer["errcode"])
        sub = str(answer.get("sub_code") or "")
        return "" if number == "0" else (sub if number == "88" and sub in TABLE else number)
    if answer.get("status") == 1111:
        return "1111"
    if status < 400 and answer.get("success") is not False:
        return ""
    return str(answer.get("code") or f"http{status}")


def _refusal(where: str, code: str, status: int, answer: Answer) -> OutsideError:
    code = code if CODE.fullmatch(code) else "unreadable"
    scopes = _scopes(answer)
    if scopes:
        log.error("%s needs the permission points %s", where, ", ".join(scopes))
        return ScopeMissing(where, code, scopes)
    verdict = judge(code, status)
    return OutsideError(where, code, verdict.outcome, wait_seconds=verdict.wait_seconds)


def _scopes(answer: Answer) -> list[str]:
    detail = answer.get("accessdenieddetail")
    named = detail.get("requiredScopes") if isinstance(detail, dict) else None
    return [str(scope) for scope in named if CODE.fullmatch(str(scope))] if named else []
