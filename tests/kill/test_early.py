"""Whoever acts as soon as the service is ready, before everything is loaded, is served as later."""

import asyncio

import aiohttp

from tests.kill.processes import Stage

SCENE = {"name": "approval", "count": 1, "approvers": ["sunfang"]}


async def test_scenes_the_clock_pages_and_the_api_wait_for_what_is_still_being_loaded(
    stage: Stage,
) -> None:
    service = f"http://{stage.host}:{stage.port + 1}"
    await stage.open_service()
    async with asyncio.timeout(30), aiohttp.ClientSession() as http:

        async def asked(method: str, url: str, body: object = None) -> int:
            async with http.request(method, url, json=body, allow_redirects=False) as answer:
                return answer.status

        async with asyncio.TaskGroup() as asking:
            told = [
                asking.create_task(asked("POST", f"{stage.url}/sandbox/scene", SCENE)),
                asking.create_task(asked("POST", f"{stage.url}/sandbox/clock", {"advance": "1m"})),
                asking.create_task(asked("GET", f"{service}/pages/todo")),
                asking.create_task(asked("GET", f"{service}/api/v1/alerts")),
            ]
    # nobody is signed in, nor has a token
    assert [each.result() for each in told] == [200, 200, 302, 401]
