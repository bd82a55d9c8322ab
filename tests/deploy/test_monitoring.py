"""Alarms and dashboard speak of figures that we expose, and every alarm says what to do."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from aiohttp import web

from bot import metrics
from bot.web import Running, service_routes
from crm.kernel.clock import SystemClock
from crm.kernel.db import Store, open_store
from crm.kernel.vault import Vault
from tests.deploy.desk import Desk

HOUSE = Path(__file__).parents[2]
RULES = HOUSE / "deploy" / "prometheus" / "rules.yaml"
DASHBOARD = HOUSE / "deploy" / "grafana" / "qidesk.json"
RUNBOOK = HOUSE / "docs" / "runbook.md"
ALARMS = Path(__file__).parent / "data" / "alarms.yaml"
SAMPLES = {
    "counter": ("_total", "_created"),
    "gauge": ("",),
    "histogram": ("_bucket", "_count", "_sum", "_created"),
}
PARTS = {"store": 1.0, "disk": 1.0, "dingtalk": 1.0, "source.counter": 0.0}
needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed here"
)


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)


def alarms() -> list[dict[str, Any]]:
    tree = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    return [rule for group in tree["groups"] for rule in group["rules"]]


def dashboard_expressions() -> list[str]:
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    found = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    return found + [each["expr"] for each in board["annotations"]["list"]]


def exposed() -> set[str]:
    """Every name that a scrape may show."""
    return {
        family.name + suffix
        for family in metrics.REGISTRY.collect()
        for suffix in SAMPLES[family.type]
    }


@pytest.mark.parametrize("expression", [rule["expr"] for rule in alarms()])
def test_an_alarm_is_about_what_we_expose(expression: str) -> None:
    named = set(re.findall(r"\bqidesk_\w+", expression))
    assert named <= exposed()
    assert named or expression.startswith("up{")


@pytest.mark.parametrize("expression", dashboard_expressions())
def test_the_dashboard_shows_what_we_expose(expression: str) -> None:
    named = set(re.findall(r"\bqidesk_\w+", expression))
    assert named
    assert named <= exposed()


def test_every_figure_of_ours_is_on_the_dashboard() -> None:
    shown = " ".join(dashboard_expressions())
    assert [f.name for f in metrics.REGISTRY.collect() if f.name not in shown] == []


def test_no_two_panels_lie_on_one_another() -> None:
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        cells = {
            (at["x"] + right, at["y"] + down) for right in range(at["w"]) for down in range(at["h"])
        }
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells


def test_the_runbook_says_of_every_alarm_what_to_do() -> None:
    told = re.findall(r"(?m)^### (Qidesk\w+)", RUNBOOK.read_text(encoding="utf-8"))
    assert told == [rule["alert"] for rule in alarms()]


@needs_promtool
def test_prometheus_reads_the_alarms() -> None:
    told = promtool("check", "rules", "--lint-fatal", str(RULES))
    assert told.returncode == 0, told.stdout + told.stderr


@needs_promtool
def test_prometheus_reads_what_the_dashboard_asks(tmp_path: Path) -> None:
    rules = [
        {"record": f"dashboard:{number}", "expr": expression}
        for number, expression in enumerate(dashboard_expressions())
    ]
    file = tmp_path / "dashboard.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    told = promtool("check", "rules", str(file))
    assert told.returncode == 0, told.stdout + told.stderr


@needs_promtool
def test_alarms_are_raised_when_they_should_be_and_not_otherwise() -> None:
    told = promtool("test", "rules", str(ALARMS))
    assert told.returncode == 0, told.stdout + told.stderr


@needs_promtool
def test_the_scrape_is_configured_as_the_alarms_expect(tmp_path: Path) -> None:
    scrape = yaml.safe_load((RULES.parent / "scrape.yaml").read_text(encoding="utf-8"))
    assert [each["job_name"] for each in scrape["scrape_configs"]] == ["qidesk"]
    shutil.copy(RULES, tmp_path / "rules.yaml")
    shutil.copy(RULES.parent / "scrape.yaml", tmp_path / "prometheus.yml")
    told = promtool("check", "config", str(tmp_path / "prometheus.yml"))
    assert told.returncode == 0, told.stdout + told.stderr


async def scrape(service: Running) -> tuple[int, dict[str, float]]:
    """The status, and each sample that was shown."""
    app = web.Application()
    app.add_routes(service_routes(lambda: service, lambda: service))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        url = f"http://127.0.0.1:{port}/metrics"
        async with aiohttp.ClientSession() as http, http.get(url) as answer:
            lines = [each for each in (await answer.text()).splitlines() if each[0] != "#"]
            return answer.status, {n: float(v) for n, v in (each.rsplit(" ", 1) for each in lines)}
    finally:
        await runner.cleanup()


async def test_every_part_of_the_service_can_raise_an_alarm(store: Store) -> None:
    status, shown = await scrape(Desk(store))
    parts = {name: shown[f'qidesk_part_ok{{part="{name}"}}'] for name in PARTS}
    assert (status, parts) == (200, PARTS)


async def test_figures_are_shown_while_the_database_is_away(tmp_path: Path, vault: Vault) -> None:
    store = open_store("postgresql+asyncpg://qidesk@127.0.0.1:1/none", vault, SystemClock())
    try:
        status, shown = await scrape(Desk(store))
    finally:
        await store.close()
    assert status == 200
    assert shown['qidesk_part_ok{part="store"}'] == 0
    assert "qidesk_failed" in shown
