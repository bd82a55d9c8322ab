"""A service as its pages and systemd see it: a store, one adapter and a source that is silent."""

from dataclasses import dataclass, field

from bot.chat.ports import Health
from bot.outbox.backlog import count_what_is_left
from crm.kernel.database import Database
from crm.kernel.db import Store


@dataclass
class Desk:
    store: Store
    adapter: Health = field(default_factory=lambda: Health(ok=True, detail=""))
    control_secret: str = ""
    leads: bool = True

    @property
    def database(self) -> Database:
        return self.store.database

    def health(self) -> dict[str, Health]:
        silent = Health(ok=False, detail="没有数据")
        return {"dingtalk": self.adapter, "source.counter": silent}

    async def count_what_is_left(self) -> None:
        await count_what_is_left(self.store)

    async def move_clock(self, offset: object) -> None:
        raise NotImplementedError

    async def stage(self, scene: object) -> dict[str, object]:
        raise NotImplementedError
