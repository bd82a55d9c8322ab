"""Named places where a test kills the process, to prove that a crash there loses nothing."""

import os
import signal

CRASH_AT = os.environ.get("QIDESK_CRASH_AT", "")

NAMES = (
    "inbox.before_commit",
    "inbox.after_commit",
    "stream.before_ack",
    "stream.after_ack",
    "callback.before_ack",
    "callback.after_ack",
    "desk.before_commit",
    "desk.after_commit",
    "click.before_answer",
    "outbox.before_send",
    "outbox.after_send",
    "outbox.after_mark",
)
OF_THE_WATCH = ("watch.before_commit", "watch.after_commit")  # when the market moves, not a person


def here(name: str) -> None:
    """Die as by ``kill -9`` when this place is the chosen one; costs one comparison otherwise."""
    if CRASH_AT and name == CRASH_AT:
        os.kill(os.getpid(), signal.SIGKILL)
