"""What an open page is told: everything of its person, folded while it does not listen."""

import asyncio

from bot.sandbox.feed import Feed, News, Watcher


def screen(chat: str, seq: int, *people: str) -> News:
    return News("screen", "dingtalk", frozenset(people or ("sunfang",)), {"chat": chat, "seq": seq})


async def told(watcher: Watcher) -> list[dict[str, object]]:
    async with asyncio.timeout(1):
        return [one.data for one in await watcher.take() or ()]


class TestGivenAPageThatIsSlow:
    async def test_when_an_old_item_changes_in_a_burst_then_the_news_reaches_back_to_it(
        self,
    ) -> None:
        feed = Feed()
        with feed.watch("dingtalk", "sunfang") as watcher:
            for seq in (90, 3, 91, 0):  # 0: something was read
                feed.tell(screen("g-hz", seq))
            feed.tell(screen("private", 0))
            assert await told(watcher) == [
                {"chat": "g-hz", "seq": 3},
                {"chat": "private", "seq": 0},
            ]

    async def test_when_very_much_happens_then_nothing_is_lost(self) -> None:
        feed = Feed()
        with feed.watch("dingtalk", "sunfang") as watcher:
            feed.tell(screen("g-hz", 7))
            for n in range(5000):
                feed.tell(News("wire", "dingtalk", None, {"n": n}))
            assert await told(watcher) == [{"chat": "g-hz", "seq": 7}, {"n": 4999}]

    async def test_when_it_has_listened_then_only_later_news_come(self) -> None:
        feed = Feed()
        with feed.watch("dingtalk", "sunfang") as watcher:
            feed.tell(screen("g-hz", 3))
            await told(watcher)
            feed.tell(screen("g-hz", 9))
            assert await told(watcher) == [{"chat": "g-hz", "seq": 9}]


class TestGivenNewsOfOthers:
    async def test_when_another_person_or_platform_is_meant_then_it_is_not_told(self) -> None:
        feed = Feed()
        with feed.watch("dingtalk", "sunfang") as watcher:
            feed.tell(screen("private", 1, "limin"))
            feed.tell(News("connected", "wecom", None, {"connected": True}))
            feed.tell(screen("private", 2, "sunfang", "limin"))
            assert await told(watcher) == [{"chat": "private", "seq": 2}]

    async def test_when_the_sandbox_closes_then_the_page_hears_of_it(self) -> None:
        feed = Feed()
        with feed.watch("dingtalk", "sunfang") as watcher:
            feed.tell(screen("private", 1))
            feed.close()
            assert await watcher.take() is None
        assert not feed.watched
