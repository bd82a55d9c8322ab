"""Judges the history of a run: ``python tests/kill/check_history.py FILE``; needs Python alone.

A history is a file of JSON lines: first what happened, as people ``said`` and ``clicked`` and
processes were ``killed`` and ``ready``. The line ``rest`` begins what stood when nothing was under
way any more: each ``line`` of a person and ``item`` of the bot on the platforms' screens, and what
the store held. A later ``rest`` takes the place of an earlier one.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

READY_SECONDS = 5.0
AGAIN = "(重发)"  # the mark of what is said once more because its first saying was in doubt
CHAINED = ("seq", "at", "actor", "action", "object", "trace", "digest")

Line = dict[str, Any]


class History:
    """Lines by what they tell: ``history["said"]``."""

    def __init__(self, lines: Iterable[Line]) -> None:
        happened: list[Line] = []
        stood: list[Line] = []
        for line in lines:
            if line["what"] == "rest":
                stood = []
            (stood if line.get("stands") else happened).append(line)
        self._by_what: dict[str, list[Line]] = {}
        for line in happened + stood:
            self._by_what.setdefault(line["what"], []).append(line)

    def __getitem__(self, what: str) -> list[Line]:
        return self._by_what.get(what, [])

    def heard_lines(self) -> list[Line]:
        inbox = {row["id"] for row in self["heard"]}
        return [line for line in self["line"] if line["id"] in inbox]


def it_was_ready_soon(history: History) -> Iterator[str]:
    """In the time that it had the processor; a machine with too much to do proves nothing."""
    slow = [one for one in history["ready"] if one["seconds"] > READY_SECONDS]
    yield from (f"{ready}" for ready in slow if not ready["machine_busy"])


def nothing_taken_was_lost(history: History) -> Iterator[str]:
    """Seen, heard, served. What WeCom tells its bot while that is away ``may_be_lost``."""
    seen = {line["id"] for line in history["line"]}
    inbox = {row["id"]: row["state"] for row in history["heard"]}
    surely = [line for line in history["line"] if not line["may_be_lost"]]
    yield from (f"on no screen: {said}" for said in history["said"] if said["id"] not in seen)
    yield from (f"never heard: {line}" for line in surely if line["id"] not in inbox)
    yield from (f"heard, and {state}: {key}" for key, state in inbox.items() if state != "done")


def each_line_was_answered_once(history: History) -> Iterator[str]:
    """``like`` is the same for lines that no screen tells apart. A second showing has the mark, and
    is of something that has no ``key`` by which the platform knows it again."""
    showings, unanswered = history["rest"][0]["showings"], Counter[str]()
    bots = {line["on"] for line in history["line"] if line["to_bot"]}
    shown: dict[tuple[str, str], list[Line]] = {}
    for item in history["item"]:
        for like in item["answers"]:
            shown.setdefault((item["on"], like), []).append(item)
    alike = Counter((line["on"], line["like"]) for line in history.heard_lines())
    for (seat, like), lines in alike.items():
        answers = shown.get((seat, like), [])
        marked = sum(item["text"].startswith(AGAIN) for item in answers)
        if not answers and seat in bots:
            unanswered[seat] += 1
        elif not lines <= len(answers) <= showings * lines:
            yield f"{len(answers)} answers to {lines} lines: {seat} {like}"
        elif len(answers) - marked > lines:
            yield f"shown again without the mark: {seat} {like}"
        elif marked and showings == 1:
            yield f"marked for no reason: {seat} {like}"
        elif sum(item["has_key"] for item in answers) > lines:
            yield f"one thing shown twice: {seat} {like}"
    for seat, number in unanswered.items():  # pushed later, and then it answers nothing
        pushed = [one for one in history["item"] if one["on"] == seat and not one["reply_to"]]
        if number > sum(AGAIN in one["text"] for one in pushed):
            yield f"{number} lines without an answer: {seat}"


def each_record_was_made_once(history: History) -> Iterator[str]:
    """A line that logs a talk or a task is one record; no record comes from nowhere."""
    made = Counter((row["kind"], row["source"]) for row in history["record"] if row["source"])
    wanted = {
        (line["kind"], f"{line['on'].partition('/')[0]}:{line['id']}")
        for line in history.heard_lines()
        if line["kind"] in ("log", "task")
    }
    yield from (f"recorded {times} times: {one}" for one, times in made.items() if times > 1)
    yield from (f"lost: {one}" for one in wanted - made.keys())
    yield from (f"nobody said it: {one}" for one in made.keys() - wanted)


def each_press_counted_once(history: History) -> Iterator[str]:
    """Whoever pressed a button until it was gone left one line in the trail, and has his will."""
    wanted = {(press["action"], press["thing"]) for press in history["press"]}
    actions = history["rest"][0]["actions"]
    own = [one for one in history["audit"] if one["action"] in actions and one["actor"] != "system"]
    done = Counter((row["action"], row["object"]) for row in own)
    yield from (f"done {times} times: {one}" for one, times in done.items() if times > 1)
    yield from (f"pressed in vain: {one}" for one in wanted - done.keys())
    yield from (f"nobody pressed: {one}" for one in done.keys() - wanted)
    ended = {row["thing"] for row in history["record"] if row["ended"]}
    wrong = ended ^ {thing for action, thing in wanted if action != "view.ask"}
    yield from (f"not as it was pressed: {thing}" for thing in wrong)


def each_alarm_was_delivered_and_shown_once(history: History) -> Iterator[str]:
    """A card once; where an alarm is words, in a group of WeCom, again only with the mark."""
    for alert in history["alert"]:
        told = {alarm["place"] for alarm in history["alarm"] if alert["id"] in alarm["alerts"]}
        yield from (f"{alert} never told in {one}" for one in alert["must_tell"] if one not in told)
    shown = Counter((item["on"], item["card"]) for item in history["item"])
    fresh = [alarm for alarm in history["alarm"] if not alarm["update"]]
    for alarm in (one for one in fresh if one["card"] and not one["to_bot"]):
        if (times := shown[alarm["on"], alarm["card"]]) != 1:
            yield f"shown {times} times: {alarm}"
    put_out = Counter(alarm["on"] for alarm in fresh if alarm["to_bot"])
    words = [(item["on"], AGAIN in item["text"]) for item in history["item"] if item["alarm"]]
    seen, unmarked = Counter(on for on, _ in words), Counter(on for on, again in words if not again)
    for seat in {*put_out, *seen}:
        if not unmarked[seat] <= put_out[seat] <= seen[seat]:
            yield f"{seat}: {put_out[seat]} put out, {seen[seat]} shown, {unmarked[seat]} unmarked"


def each_alert_has_one_story(history: History) -> Iterator[str]:
    """It begins once, is claimed once, ends once, and no level is told twice in a row."""
    for alert in history["alert"]:
        steps = [one for one in history["alert_event"] if one["alert"] == alert["id"]]
        counted = Counter(one["event"] for one in steps)
        levels = [one["level"] for one in steps if one["event"] in ("raised", "rose", "fell")]
        claims = {one["by"] for one in steps if one["event"] == "claimed"}
        if counted["raised"] > 1 or any(one == two for one, two in pairwise(levels)):
            yield f"told twice, {levels}: {alert}"
        if counted["claimed"] > 1 or claims != {alert["claimed_by"]} - {""}:
            yield f"claimed by {claims}: {alert}"
        if counted["resolved"] + counted["inhibited"] != (not alert["open"]):
            yield f"ended more or less than once: {alert}"
        if alert["open"] and history["rest"][0]["calm"]:
            yield f"still open: {alert}"


def nothing_was_given_up(history: History) -> Iterator[str]:
    left = [row for row in history["outbox"] if row["state"] not in ("sent", "superseded")]
    yield from (f"never sent: {row}" for row in left)


def the_audit_chain_holds(history: History) -> Iterator[str]:
    """Each row's hash covers the row before it; the head, kept elsewhere, names one of them."""
    number, previous = 0, "00" * 32
    for row in history["audit"]:
        fields = [str(row[name]) for name in CHAINED]
        told = bytes.fromhex(previous) + json.dumps(fields).encode()
        number, expected = number + 1, sha256(told).hexdigest()
        if (row["seq"], row["hash"]) != (number, expected):
            yield f"row {number} does not follow from the one before it: {row}"
        previous = row["hash"]
    rows = {(row["seq"], row["hash"]) for row in history["audit"]}
    heads = {(head["seq"], head["hash"]) for head in history["audit_head"]}
    if rows and (not heads or heads - rows):
        yield f"cut off before its head: {heads}"


RULES = (
    it_was_ready_soon,
    nothing_taken_was_lost,
    each_line_was_answered_once,
    each_record_was_made_once,
    each_press_counted_once,
    each_alarm_was_delivered_and_shown_once,
    each_alert_has_one_story,
    nothing_was_given_up,
    the_audit_chain_holds,
)


def check(lines: Iterable[Line]) -> list[str]:
    """What is wrong, in sentences; empty when all is well."""
    if not (history := History(lines))["rest"]:
        return ["it never came to rest"]
    return [f"{rule.__name__}: {wrong}" for rule in RULES for wrong in rule(history)]


if __name__ == "__main__":
    told = Path(sys.argv[1]).read_text(encoding="utf-8").split("\n")
    found = check(json.loads(line) for line in told if line)
    print("\n".join(found) or "all is well")  # noqa: T201 - for whoever asks
    sys.exit(bool(found))
