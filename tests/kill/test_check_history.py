"""A history is judged by a script that needs only Python: it must see each thing go wrong."""

import json
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.kill import check_history
from tests.kill.check_history import AGAIN, check

Lines = list[dict[str, Any]]

GENESIS = "00" * 32
LI, GROUP, BOTS = "dingtalk/limin/private", "dingtalk/fengjun/g-risk", "wecom/fengjun/g-risk"
UNDO = ("interaction.undo", "interaction:5")


def audit_row(seq: int, previous: str, action: str, thing: str) -> dict[str, Any]:
    fields = ["2026-11-23T14:35:00.000000+00:00", "limin", action, thing, "1F", "ab"]
    told = json.dumps([str(seq), *fields]).encode()
    names = ("at", "actor", "action", "object", "trace", "digest")
    link = sha256(bytes.fromhex(previous) + told).hexdigest()
    return {"what": "audit", "seq": seq, "hash": link, **dict(zip(names, fields, strict=True))}


def sound() -> Lines:
    """A talk that was logged and undone, and an alarm in two groups."""
    first = audit_row(1, GENESIS, "interaction.log", "interaction:5")
    second = audit_row(2, first["hash"], *UNDO)

    def item(on: str, text: str, **more: object) -> dict[str, Any]:
        plain = {"reply_to": "", "answers": [], "card": "", "has_key": False, "alarm": False}
        return {"what": "item", "on": on, "text": text, **plain, **more}

    def alarm(on: str, card: str, *, to_bot: bool) -> dict[str, Any]:
        platform, _, group = on.split("/")
        told = {"card": card, "update": False, "to_bot": to_bot, "alerts": [1]}
        return {"what": "alarm", "on": on, "place": f"{platform}/{group}", **told}

    def event(what: str, level: int, by: str = "system") -> dict[str, Any]:
        return {"what": "alert_event", "alert": 1, "event": what, "level": level, "by": by}

    must_tell = ["dingtalk/g-risk", "wecom/g-risk"]
    alert = {"what": "alert", "id": 1, "claimed_by": "fengjun", "open": False}
    line = {"what": "line", "on": LI, "id": "m1", "kind": "log", "like": "m1"}
    stands: Lines = [
        {"what": "rest", "showings": 2, "calm": True, "actions": [UNDO[0]]},
        {**line, "to_bot": False, "may_be_lost": False},
        item(LI, "已撤销", answers=["m1"], reply_to="m1", card="qd1", has_key=True),
        item(GROUP, "【追保】", card="qd2", has_key=True),
        item(BOTS, "【追保】", alarm=True),
        {"what": "heard", "id": "m1", "state": "done"},
        {"what": "outbox", "key": "qd1", "state": "sent"},
        {
            "what": "record",
            "kind": "log",
            "thing": UNDO[1],
            "source": "dingtalk:m1",
            "ended": True,
        },
        {"what": "press", "action": UNDO[0], "thing": UNDO[1]},
        {**alert, "must_tell": must_tell},
        event("raised", 3),
        event("claimed", 3, "fengjun"),
        event("resolved", 1),
        alarm(GROUP, "qd2", to_bot=False),
        alarm(BOTS, "qd3", to_bot=True),
        first,
        second,
        {"what": "audit_head", "seq": 2, "hash": second["hash"]},
    ]
    return [
        {"what": "said", "on": LI, "id": "m1"},
        {"what": "ready", "seconds": 1.0, "machine_busy": False},
        *({**one, "stands": True} for one in stands),
    ]


def change(what: str, number: int = 0, **facts: object) -> Callable[[Lines], None]:
    def spoil(lines: Lines) -> None:
        [*found] = (line for line in lines if line["what"] == what)
        found[number].update(facts)

    return spoil


def drop(what: str, number: int = 0) -> Callable[[Lines], None]:
    def spoil(lines: Lines) -> None:
        [*found] = (line for line in lines if line["what"] == what)
        lines.remove(found[number])

    return spoil


def repeat(what: str, number: int = 0, **facts: object) -> Callable[[Lines], None]:
    def spoil(lines: Lines) -> None:
        [*found] = (line for line in lines if line["what"] == what)
        lines.append({**found[number], **facts})

    return spoil


SPOILT = [
    ("it_was_ready_soon", change("ready", seconds=5.1)),
    ("nothing_taken_was_lost", drop("heard")),
    ("nothing_taken_was_lost", drop("line")),
    ("nothing_taken_was_lost", change("heard", state="failed")),
    ("each_line_was_answered_once", drop("item")),
    ("each_line_was_answered_once", repeat("item", has_key=False)),  # without the mark
    ("each_line_was_answered_once", repeat("item", text=f"{AGAIN} 已撤销")),  # one thing twice
    ("each_record_was_made_once", drop("record")),
    ("each_record_was_made_once", repeat("record")),
    ("each_record_was_made_once", repeat("record", source="dingtalk:m2")),
    ("each_press_counted_once", drop("press")),
    ("each_press_counted_once", change("record", ended=False)),
    ("each_press_counted_once", repeat("audit", 1)),
    ("each_alarm_was_delivered_and_shown_once", drop("item", 1)),
    ("each_alarm_was_delivered_and_shown_once", repeat("item", 1)),
    ("each_alarm_was_delivered_and_shown_once", drop("item", 2)),
    ("each_alarm_was_delivered_and_shown_once", repeat("item", 2)),
    ("each_alarm_was_delivered_and_shown_once", drop("alarm", 1)),
    ("each_alert_has_one_story", repeat("alert_event", 0)),
    ("each_alert_has_one_story", repeat("alert_event", 1)),
    ("each_alert_has_one_story", change("alert", claimed_by="chenxi")),
    ("each_alert_has_one_story", change("alert", open=True)),
    ("nothing_was_given_up", change("outbox", state="dead")),
    ("the_audit_chain_holds", change("audit", actor="sunfang")),
    ("the_audit_chain_holds", drop("audit", 1)),
    ("the_audit_chain_holds", drop("audit_head")),
]


def test_a_sound_history_is_well() -> None:
    assert check(sound()) == []


@pytest.mark.parametrize(("rule", "spoil"), SPOILT)
def test_what_went_wrong_is_named(rule: str, spoil: Callable[[Lines], None]) -> None:
    lines = sound()
    spoil(lines)
    assert rule in {found.partition(":")[0] for found in check(lines)}


def test_each_rule_has_something_that_breaks_it() -> None:
    assert {rule.__name__ for rule in check_history.RULES} == {rule for rule, _ in SPOILT}


def test_a_repeated_alarm_with_the_mark_is_allowed() -> None:
    lines = sound()
    repeat("item", 2, text=f"{AGAIN}【追保】")(lines)
    assert check(lines) == []


def test_only_the_last_rest_counts() -> None:
    earlier = sound()
    change("outbox", state="waiting")(earlier)
    assert check([*earlier, *sound()]) == []


def test_a_run_that_never_came_to_rest_is_not_well() -> None:
    assert check(sound()[:2]) == ["it never came to rest"]


def test_as_a_script_it_says_so_by_its_status(tmp_path: Path) -> None:
    def status(lines: Lines) -> tuple[int, str]:
        file = tmp_path / "history.jsonl"
        file.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
        command = [sys.executable, "-I", check_history.__file__, str(file)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        return done.returncode, done.stdout

    assert status(sound()) == (0, "all is well\n")
    lines = sound()
    drop("record")(lines)
    code, told = status(lines)
    assert code == 1
    assert told.startswith("each_record_was_made_once: ")
