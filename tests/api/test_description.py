"""The description fits what is served, and the page needs nobody else."""

import json
import re
from typing import Any

from pydantic import TypeAdapter

from bot.api import models, openapi
from tests.api.conftest import Api, Json


def check(model: type[Any], told: Json) -> None:
    TypeAdapter(model).validate_json(json.dumps(told))


class TestGivenTheDescription:
    async def test_it_is_openapi_3_1_with_every_reference_in_place(self, api: Api) -> None:
        answer = await api.get("openapi.json", headers={})
        told = await answer.json()
        assert (answer.status, told["openapi"]) == (200, "3.1.0")
        known = {f"#/components/schemas/{name}" for name in told["components"]["schemas"]}
        assert set(re.findall(r'"(#/components/[^"]+)"', await answer.text())) <= known

    async def test_every_address_that_is_served_is_described(self, api: Api) -> None:
        resources = api.http.app.router.resources() if api.http.app else ()
        served = {
            f"/api{route.resource.canonical.removeprefix('/api')}"
            for resource in resources
            for route in resource
            if route.resource
        }
        described = set(openapi.document()["paths"])
        assert described | {"/api/docs", "/api/v1/openapi.json"} == served

    async def test_the_examples_are_taken_and_answered_as_described(self, api: Api) -> None:
        check(models.Snapshot, openapi.SNAPSHOT_EXAMPLE)
        check(models.SnapshotTaken, await api.push(openapi.SNAPSHOT_EXAMPLE))
        answer = await api.post("push/ticks", openapi.TICKS_EXAMPLE)
        check(models.TicksTaken, await answer.json())
        check(models.AccountRisk, await api.risk())
        answer = await api.post("risk/what-if", openapi.WHAT_IF_EXAMPLE)
        check(models.WhatIfAnswer, await answer.json())
        check(models.Alerts, await (await api.get("alerts")).json())
        check(models.ProblemBody, await (await api.get("accounts/1/risk")).json())


class TestGivenThePage:
    async def test_it_is_chinese_and_asks_no_other_host(self, api: Api) -> None:
        answer = await api.http.get("/api/docs")
        text = await answer.text()
        assert answer.status == 200
        assert "推送快照" in text
        assert not re.findall(r"(?:src|href|url)\s*[=(]\s*[\"']?(?:https?:)?//", text)
        assert "<script" not in text

    async def test_every_link_leads_somewhere(self, api: Api) -> None:
        text = await (await api.http.get("/api/docs")).text()
        wanted = set(re.findall(r'href="#([^"]+)"', text))
        assert wanted <= set(re.findall(r'id="([^"]+)"', text))
