"""Three kinds of trouble: the person can mend it, the outside failed us, or it is our bug.

The class is for code, ``say`` is for people, ``str()`` is for the log. They never mix.
"""

from enum import StrEnum
from typing import ClassVar


class UserError(Exception):
    """The person in the chat can put this right. ``text`` is what they read."""

    say: ClassVar[str] = "这个操作没有成功，请稍后再试"

    def __init__(self, **facts: object) -> None:
        super().__init__(f"{type(self).__name__}({', '.join(facts)})")  # keys only
        self.facts = facts

    @property
    def text(self) -> str:
        return self.say.format(**self.facts)


class NotAllowed(UserError):
    say = "您没有「{action}」的权限，需要时请联系管理员"


class UnknownPerson(UserError):
    say = "您还没有开通期台，请联系系统管理员为您建档"


class Outcome(StrEnum):
    """What we know of a call to the outside that did not succeed."""

    RETRY = "retry"  # nothing happened there; waiting helps
    REFUSED = "refused"  # nothing happened there; waiting does not help
    UNKNOWN = "unknown"  # it may have happened there


class OutsideError(Exception):
    """A platform, counter or file failed us. ``code`` is the outside's own word for it."""

    def __init__(
        self, where: str, code: str, outcome: Outcome, *, wait_seconds: float | None = None
    ) -> None:
        super().__init__(f"{where}: {code} ({outcome})")
        self.where = where
        self.code = code
        self.outcome = outcome
        self.wait_seconds = wait_seconds


class SettingsError(Exception):
    """What the operator gave is wrong; ``str()`` is one Chinese sentence."""


class CommandLineWrong(SettingsError):
    """Not what he has on the disk but what he typed."""
