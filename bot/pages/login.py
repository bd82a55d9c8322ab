"""Signing in by the chat program: there, back with a code, and never by somebody else's link."""

import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

LASTS: Final = timedelta(minutes=5)  # as long as a platform's code
FORM = re.compile(r"([0-9]{1,12})\.([0-9a-f]{48})\.([a-z]{1,20})")


class Login(Protocol):
    """A platform's own login."""

    @property
    def code_name(self) -> str:
        """What the platform calls the code in the address by which the browser comes back."""
        ...

    def address(self, back_to: str, state: str) -> str:
        """Where to send the browser; it comes back to ``back_to`` with a code and ``state``."""
        ...

    async def user(self, code: str) -> str:
        """The member behind a code, which is good once; "" for an outsider. Raises OutsideError,
        REFUSED for a code that is good no more."""
        ...


@dataclass(frozen=True, slots=True)
class Attempt:
    """A login under way: its cookie binds the way back to the browser that went there."""

    until: int
    state: str
    page: str

    @classmethod
    def begin(cls, page: str, now: datetime) -> "Attempt":
        return cls(int((now + LASTS).timestamp()), secrets.token_hex(24), page)

    @property
    def cookie(self) -> str:
        return f"{self.until}.{self.state}.{self.page}"


def came_back(cookie: str, state: str, now: datetime) -> Attempt | None:
    """The attempt that this browser began and that ends here; None for any other."""
    found = FORM.fullmatch(cookie)
    if found is None:
        return None
    attempt = Attempt(int(found[1]), found[2], found[3])
    if not hmac.compare_digest(attempt.state.encode(), state.encode(errors="replace")):
        return None
    return attempt if now.timestamp() < attempt.until else None


CLIENTS: Final = {"wxwork": "wecom", "dingtalk": "dingtalk"}


def platform_of(agent: str, logins: Mapping[str, Login]) -> str:
    """The chat program that shows the page, by its User-Agent; else the only one there is; ""
    when the person must choose."""
    for word, platform in CLIENTS.items():
        if word in agent.lower() and platform in logins:
            return platform
    return next(iter(logins)) if len(logins) == 1 else ""
