"""A bar on stderr for work that takes long."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Said = Callable[[int], None]
"""Told how many more are done with."""


@contextmanager
def progress(title: str, total: int, *, quiet: bool) -> Iterator[Said]:
    if quiet:
        yield lambda _count: None
        return
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=total)
        yield lambda count: bar.advance(task, count)
