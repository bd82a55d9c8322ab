"""Rounds, medians and a table of ratios."""

from collections.abc import Callable, Mapping
from statistics import median

ROUNDS = 3


def interleaved(runs: Mapping[str, Callable[[], float]], rounds: int = ROUNDS) -> dict[str, float]:
    """The median of each run's figure; the runs take turns, so that a slow moment hits all."""
    figures: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            figures[name].append(run())
    return {name: median(found) for name, found in figures.items()}


def show(title: str, figures: Mapping[str, float], *, floor: str, unit: str) -> None:
    """Each figure and how many times the floor it is."""
    print(f"\n{title}")  # noqa: T201  a benchmark prints
    for name, figure in figures.items():
        ratio = figure / figures[floor]
        print(f"  {name:<44}{figure:>10.1f} {unit:<4}{ratio:>8.2f} ×")  # noqa: T201
