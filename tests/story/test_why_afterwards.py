"""为什么 when the alert is over and the service was started anew: the ledger has it all."""

from pathlib import Path

import aiohttp

from bot.commands import trial
from tests.story.room import Room, open_room

DOWN, BACK = {"shock": {"rb": -0.05}}, {"shock": {"rb": 1 / 0.95 - 1}}
ZHANG = "80010023"


async def test_the_whole_story_is_told_by_name_account_and_number(tmp_path: Path) -> None:
    async with open_room(tmp_path / "room", {}) as room:
        await room.post("/sandbox/market", DOWN)
        await room.newest("chenxi", "【强平】杭州", "g-risk")
        await room.ask("chenxi", f"认领 {ZHANG}")
        await room.ask("chenxi", "转交 张三 冯军")
        await room.post("/sandbox/market", BACK)
        await room.service.book.changed(room.service.book.version + 1)
        await room.advance("2m")
        await room.until(
            "fengjun",
            lambda items: [i for i in items if ZHANG in i["text"] and "已解除" in i["text"]],
        )
        options = room.options
    async with trial.together(options, {}) as service, aiohttp.ClientSession() as http:
        room = Room(options.url, http, service, options)
        for line in ("为什么 张三", f"/为什么 {ZHANG}"):
            told = await room.ask("chenxi", line)
            assert told["card"]["status"] == "已解除"
            for step in (
                "触发 强平",
                "陈曦 认领",
                "陈曦 转交 → 冯军",
                "解除",
                "钉钉 群 已送达平台",
                "王强 已送达平台",
            ):
                assert step in told["text"]
            number = told["card"]["title"].rpartition(" ")[2]
            assert f"张三 {ZHANG}" in (await room.ask("chenxi", f"为什么 {number}"))["text"]
        nothing = await room.ask("chenxi", "为什么 80010031")
        assert "没有预警记录" in nothing["text"]
        assert "这位客户" not in nothing["text"]
