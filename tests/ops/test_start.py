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
LOAD = """
import json, sys
import bot.api.addresses, bot.app.serve, bot.web
print(json.dumps(list(sys.modules)))
"""


def test_the_service_loads_nothing_that_only_a_later_question_needs() -> None:
    done = subprocess.run([sys.executable, "-c", LOAD], cwd=ROOT, check=True, capture_output=True)
    loaded = set(json.loads(done.stdout))
    assert [name for name in LATER if name in loaded] == []
