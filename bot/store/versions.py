"""The versions of the tables that this program knows: its migrations are numbered, so their names
tell them."""

from functools import cache
from importlib import resources

FOLDER = resources.files("bot") / "migrations"


@cache
def _versions() -> tuple[str, ...]:
    """Every one, oldest first."""
    names = (file.name for file in (FOLDER / "versions").iterdir())
    return tuple(sorted(name.partition("_")[0] for name in names if name[0].isdigit()))


def newest() -> str:
    """The version that this program wants."""
    return _versions()[-1]


def knows(version: str) -> bool:
    """Whether this program can bring a store of that version up to date."""
    return version in _versions()


def is_before(version: str, other: str) -> bool:
    """Whether both are known and the one came earlier."""
    return knows(version) and knows(other) and version < other
