"""What a start may cost: nothing is loaded that only some later question needs."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LATER = (
    "PIL",  # the first picture
    "alembic",  # tables change
    "bot.api.models",  # the first question to the API
    "bot.api.openapi",
    "bot.sandbox",  # on the far side alone
    "mako",
    "matplotlib",  # in the painter's process alone
    "numpy",  # the first accounts
    "openpyxl",  # an import
    "pypinyin",  # the first name
    "python_calamine",
    "rich",
    "wechatpy",
)
BEHIND = (  # the front: what hears
    "approvals",
    "apscheduler",
    "asyncpg",
    "bot.cards",
    "bot.desk",
    "bot.grammar",
    "bot.models",
    "crm.models",
    "handlers",
    "risk",
    "sqlalchemy",
)
LOAD = """
import json, sys
import bot.cli, {modules}
print(json.dumps(list(sys.modules)))
"""


def loaded(*modules: str) -> set[str]:
    code = LOAD.format(modules=", ".join(modules))
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)
    return set(json.loads(done.stdout))


def test_the_service_loads_nothing_that_only_a_later_question_needs() -> None:
    found = loaded("bot.commands.run", "bot.app.serve")
    assert [name for name in LATER if name in found] == []


def test_what_hears_knows_neither_tables_nor_words_nor_cards() -> None:
    found = loaded("bot.commands.run")
    assert [name for name in (*LATER, *BEHIND) if name in found] == []
