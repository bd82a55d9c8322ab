"""Their codes in our words: one table (reference 9.2), and the reading of an answer that is not
the hoped-for one.

Success is ``errcode`` 0 and nothing else; HTTP is 200 either way. Nothing of an answer but its
code, and our own address where WeCom does not trust it, reaches an error or the log: the words of
their messages change, and may quote ours.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import orjson

from crm.kernel.errors import Outcome, OutsideError

Answer = dict[str, Any]  # their JSON; it stays inside this package


def advice(error: OutsideError) -> str:
    """What an admin should do about it; "" when it is nothing for admins."""
    found = ADVICE.get(error.code, "")
    address = error.address if isinstance(error, AddressNotTrusted) else ""
    return found.replace("出口 IP", f"出口 IP {address}") if address else found


class Verdict(NamedTuple):
    outcome: Outcome
    wait_seconds: float | None = None


class AddressNotTrusted(OutsideError):
    """Our egress address is not among the application's 企业可信IP; ``address`` is what to add."""

    def __init__(self, where: str, code: str, address: str) -> None:
        super().__init__(where, code, Outcome.RETRY, wait_seconds=300)
        self.address = address


def _soon(seconds: float) -> Verdict:
    return Verdict(Outcome.RETRY, seconds)


NOT_TRUSTED: Final = "60020"
STALE_TOKEN: Final = frozenset({"40001", "40014", "42001"})
SHOWN_BEFORE: Final = "42014"  # a card of this name exists
TOO_OFTEN: Final = "45009"
NOBODY: Final = frozenset({"40003", "46004", "60111"})  # no such person in this company
NOT_OURS: Final = frozenset({"86001", "86003", "86008"})  # no group of this application
UNREACHABLE: Final = frozenset(  # this channel cannot, another may
    {*NOBODY, *NOT_OURS, "invaliduser", "unlicenseduser", "81013", "48002", "50002", "50003"}
    | {NOT_TRUSTED, "93000", "86201"}
)
BAD_CODE: Final = frozenset({"40029", "41008", "50001"})
BAD_BOT: Final = "853000"
NOT_SUBSCRIBED: Final = "846609"
ANSWER_LOST: Final = "answer lost"  # ours: a frame of this id was never answered
LATE_ANSWER: Final = frozenset({"846605", "846608", ANSWER_LOST})  # it can no longer be answered
BAD_CARD: Final = frozenset(  # the card was not taken; words still may be
    {"40008", "40033", "40035", "40058", "40063", "42045", "45002", "45007"}
)
BAD_MEDIA: Final = frozenset({"40004", "40005", "40006", "40007", "40009", "44001", "45001"})

TABLE: Final = {
    "-1": _soon(1),
    "6000": _soon(1),
    "45033": _soon(2),
    # A block of a minute, an hour or a day, and nothing says which: the growing wait finds its end.
    TOO_OFTEN: Verdict(Outcome.RETRY),
    NOT_SUBSCRIBED: _soon(2),
    # Wrong settings: nothing is lost while the admin mends them.
    **dict.fromkeys(["40013", "41002", "41004", "50003", "48002", BAD_BOT], _soon(60)),
    **dict.fromkeys(["40056", "41011", "301002", NOT_TRUSTED], _soon(60)),
    **dict.fromkeys(STALE_TOKEN, _soon(1)),
}

_ONE_APP = "AgentId 与 Secret 不是同一个应用的：请核对 [wecom] agent_id 和 secret"
ADVICE: Final[Mapping[str, str]] = {  # what only an admin can mend, and how
    "40001": "企业微信不认这个 secret：请核对后台应用详情页的 Secret",
    "40013": "企业微信不认这个 corp_id：请核对后台「我的企业」→「企业ID」",
    **dict.fromkeys(["40056", "41011", "301002"], _ONE_APP),
    "48002": "应用没有这个接口的权限：请在后台应用详情页开通",
    "48005": "企业微信已停用这个接口：请升级期台",
    "50003": "应用已停用：请在后台启用",
    NOT_TRUSTED: "出口 IP 不在应用的「企业可信IP」里：请在后台应用详情页添加",
}

CODE = re.compile(r"-?[0-9]{1,9}")
ADDRESS = re.compile(r"from ip: ([0-9a-fA-F.:]{3,45})")


def judge(code: str) -> Verdict:
    return TABLE.get(code, Verdict(Outcome.REFUSED))


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
    check(where, answer)
    if status >= 500:
        raise OutsideError(where, f"http{status}", Outcome.RETRY)
    return answer


def check(where: str, answer: Answer) -> None:
    """Raises OutsideError unless the answer says that all is well."""
    code = str(answer.get("errcode", 0))
    if code == "0":
        return
    code = code if CODE.fullmatch(code) else "unreadable"
    if code == NOT_TRUSTED:
        found = ADDRESS.search(str(answer.get("errmsg", "")))
        raise AddressNotTrusted(where, code, found[1] if found else "")
    verdict = judge(code)
    raise OutsideError(where, code, verdict.outcome, wait_seconds=verdict.wait_seconds)


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
