"""Coverage-guided fuzzing, one target after another: ``make fuzz``.

Each starts from its folder of the corpus. What finds new ways through the code is kept in a scratch
folder; ``--keep`` merges the least of it that covers the same into the corpus.
"""

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
LONGEST_INPUT = 1 << 16  # bytes
PACKAGES = ["bot.platforms", "bot.chat", "bot.grammar", "crm.imports", "risk.sources"]


def main() -> int:
    options = _options()
    if options.one:
        return _fuzz(options.one, options.rest)
    for name in options.targets or sorted(path.name for path in CORPUS.iterdir()):
        found = options.scratch / name
        found.mkdir(parents=True, exist_ok=True)
        if _run(
            name, [f"-max_total_time={options.seconds}", str(found), str(CORPUS / name)], options
        ):
            return 1
        if options.keep and _keep(name, found, options):
            return 1
    return 0


def _keep(name: str, found: Path, options: argparse.Namespace) -> int:
    least = options.scratch / f"{name}.least"
    least.mkdir(exist_ok=True)
    how = ["-merge=1", "-use_counters=0"]  # for each branch, not for each number of times
    failed = _run(name, [*how, str(least), str(CORPUS / name), str(found)], options)
    for path in least.iterdir():
        if path.stat().st_size <= options.most_bytes:
            path.replace(CORPUS / name / path.name)
    return failed


def _run(name: str, arguments: list[str], options: argparse.Namespace) -> int:
    """In a process of its own: libFuzzer ends the one that it runs in."""
    artifacts = f"-artifact_prefix={options.scratch}/{name}-"
    limits = [f"-max_len={LONGEST_INPUT}", "-timeout=10", "-rss_limit_mb=3000", "-verbosity=1"]
    command = [sys.executable, "-m", "tests.fuzz", "--one", name, *arguments, artifacts, *limits]
    print(f"== {name}", flush=True)  # noqa: T201 - for whoever waits
    return subprocess.run(command, check=False).returncode


def _fuzz(name: str, arguments: list[str]) -> int:
    import atheris

    with atheris.instrument_imports(include=PACKAGES):
        from tests.fuzz.targets import TARGETS

    itself = f"{sys.executable} -m tests.fuzz --one {name}"  # a merge runs it again, by a shell
    atheris.Setup([itself, *arguments], TARGETS[name])
    atheris.Fuzz()
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", help="all of them when none is named")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--keep", action="store_true", help="what is new goes into the corpus")
    parser.add_argument("--most-bytes", type=int, default=2000, help="of a file that is kept")
    parser.add_argument("--scratch", type=Path, default=Path(".fuzz"))
    parser.add_argument("--one", help=argparse.SUPPRESS)
    found, rest = parser.parse_known_args()
    found.rest = [*found.targets, *rest] if found.one else rest
    return found


if __name__ == "__main__":
    sys.exit(main())
