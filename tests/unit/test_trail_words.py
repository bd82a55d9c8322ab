"""Everything that the trail can hold reads as Chinese."""

import re
from pathlib import Path

import pytest

from bot.cards.trail import ACTIONS

ROOT = Path(__file__).parents[2]
NOTED = re.compile(r'(?:audit\.)?_?note\(\s*[^()"]*(?:"cli",\s*)?"([a-z]+\.[a-z_]+)"')


def noted() -> set[str]:
    sources = (
        path
        for part in ("bot", "crm", "handlers", "risk", "approvals")
        for path in (ROOT / part).rglob("*.py")
        if "sandbox" not in path.parts
    )
    return {
        action for path in sources for action in NOTED.findall(path.read_text(encoding="utf-8"))
    }


def test_there_are_actions_to_look_at() -> None:
    assert len(noted()) > 30


@pytest.mark.parametrize("action", sorted(noted()))
def test_every_action_has_a_word(action: str) -> None:
    assert action in ACTIONS
