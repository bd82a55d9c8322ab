"""What is loaded behind the start: whoever needs it sooner waits."""

import asyncio
from typing import Generic, TypeVar

T = TypeVar("T")


class Later(Generic[T]):
    """``here`` is None until it came; call it to wait."""

    def __init__(self) -> None:
        self.here: T | None = None
        self._came = asyncio.Event()

    def put(self, thing: T) -> None:
        self.here = thing
        self._came.set()

    def take_back(self) -> None:
        """Whoever needs it from now on waits for the next."""
        self.here = None
        self._came.clear()

    async def __call__(self) -> T:
        while self.here is None:
            await self._came.wait()
        return self.here
