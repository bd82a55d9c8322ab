"""Cards that lead to a page of ours, and the way back to it from a platform's login."""

from dataclasses import replace
from typing import TypeVar

from bot.chat.message import Card, Part

PartT = TypeVar("PartT", bound=Part)


def linked(part: PartT, public_url: str) -> PartT:
    """A card that leads to a page of ours says where that is; without an address it leads
    nowhere. ``public_url`` has no slash at its end."""
    if isinstance(part, Card) and part.link.startswith("/"):
        return replace(part, link=f"{public_url}{part.link}" if public_url else "")
    return part


def way_back(public_url: str, platform: str) -> str:
    """Where a platform's login sends the browser; it is registered there."""
    return f"{public_url}/pages/back/{platform}"
