"""Which of the dates in a line is a future action of ours."""

from dataclasses import replace

from bot.grammar import clauses, intent
from bot.grammar.clauses import clause
from bot.grammar.groups import Group


def meant(text: str, groups: list[Group], *, promised: bool) -> list[Group]:
    """The groups that are left when past, called off and other people's dates are dropped."""
    return _Weighing(text, groups, promised=promised).meant()


class _Weighing:
    def __init__(self, text: str, groups: list[Group], *, promised: bool) -> None:
        self.text = text
        self.groups = groups
        self.promised = promised

    def meant(self) -> list[Group]:
        kept = [group for group in self.groups if self._counts(group)]
        moved = [g for g in kept if intent.moved_to(self.text[: g.start])]
        if moved:
            kept = [group for group in kept if group.start >= moved[0].start]
        corrected = intent.corrected_at(self.text)
        kept = [group for group in kept if group.start >= corrected] or kept
        if self.promised:
            return self._of_task(kept)
        return kept

    def _of_task(self, kept: list[Group]) -> list[Group]:
        """Days beat bare hours; a date that only describes a thing counts when it is alone."""
        dated = [g for g in kept if g.days] or kept
        acting = [g for g in dated if not intent.describes(self.text[g.end :])]
        if acting:
            return acting
        return [replace(group, doubted=True) for group in dated[:1]]

    def _counts(self, group: Group) -> bool:
        if group.state == "past":
            return False
        before, after = self._beside(group)
        if intent.moved_to(self.text[: group.start]):
            return True
        if intent.called_off(before, after) or intent.moved_away(after):
            return False
        if self.promised:
            return True
        if intent.wondered(after):
            return False
        ahead = bool(group.days) and group.days[0].ahead
        if (not ahead and intent.done(after)) or intent.describes(after):
            return False
        if intent.conditional(before) or intent.asked_about(before):
            return False
        return self._acts(group, before, after)

    def _beside(self, group: Group) -> tuple[str, str]:
        """The rest of the clause, up to the neighbouring groups."""
        before, after = clause(self.text, group.start, group.end)
        for other in self._neighbours():
            if group.start - len(before) < other.end <= group.start:
                before = self.text[other.end : group.start]
            if group.end <= other.start < group.end + len(after):
                after = intent.without_next_subject(self.text[group.end : other.start])
        return self._nearest(before, after)

    def _neighbours(self) -> list[Group]:
        """The groups that begin another saying; 上周的 in 每周一把上周的账单发他 begins none."""
        return [
            g for g in self.groups if g.state != "past" or not intent.describes(self.text[g.end :])
        ]

    def _nearest(self, before: str, after: str) -> tuple[str, str]:
        """Where blanks stand for commas, only the words next to the date."""
        rest, blank, near = before.rpartition(" ")
        if blank and not near and not intent.goes_on(rest) and intent.ours("", after):
            before = ""
        elif blank and not intent.goes_on(rest) and intent.ours(near, after):
            before = near
        near = after.partition(" ")[0]
        if near and intent.ours(before, near):
            after = near
        return before, after

    def _acts(self, group: Group, before: str, after: str) -> bool:
        if intent.told_of_today(self.text[group.start : group.end], after):
            return False
        if group.state == "never" or intent.ours(before, after):
            return True
        following = clauses.following(self.text, group.end)
        if following is not None and intent.counts_back(following):
            group.doubted = True
            return intent.ours("", following)
        if following is not None and intent.reminds(following):
            return True
        if following is not None and intent.answered(before + after, following):
            return not self._dated_next(group)
        if not intent.bare(before + after):
            return False
        return self._neighbour_acts(group)

    def _dated_next(self, group: Group) -> bool:
        """他周五打款,我下周一核对: what we do in the next clause has a day of its own."""
        _, end = clauses.bounds(self.text, group.start, group.end)
        stop = clauses.bounds(self.text, end + 1, end + 1)[1] if end < len(self.text) else end
        return any(
            (other.days or not group.days)
            and other.state in {"day", "ask"}
            and end < other.start < stop
            for other in self.groups
        )

    def _neighbour_acts(self, group: Group) -> bool:
        """A clause that is only a date takes its action from the next clause or the one before;
        without any it is still no accident, so it is asked."""
        after = clauses.following(self.text, group.end)
        if after is not None:
            if intent.called_off("", after):
                return False
            if intent.ours("", after) and not intent.done(after):
                return True
        before = clauses.preceding(self.text, group.start)
        acted = before is not None and intent.ours("", before) and not intent.done(before)
        group.doubted = not acted
        return acted or bool(group.days)
