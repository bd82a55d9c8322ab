"""Kills, faults, races and bad deliveries in the large dose: ``make soak``.

One round is 60 random kills on each database, each crash point five times, each call of the brief
scenarios and some of the long ones failing once, 5,000 deliveries and 500 races. Rounds go on, each
with the next seed, until the minutes are over or something is wrong; then the histories are kept.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

SUITES = ("tests/kill", "tests/faults")


def main() -> int:
    options = _options()
    end = time.monotonic() + options.minutes * 60
    for seed in range(options.seed, sys.maxsize):
        kept = options.keep / str(seed)
        shutil.rmtree(kept, ignore_errors=True)
        kept.parent.mkdir(parents=True, exist_ok=True)
        _say(f"== seed {seed}")
        environ = {**os.environ, "QIDESK_SOAK": "1", "QIDESK_SEED": str(seed)}
        suites = options.suites or SUITES
        command = [sys.executable, "-m", "pytest", "-qx", *suites, f"--basetemp={kept}"]
        if subprocess.run(command, env=environ, check=False).returncode:
            _say(f"Wrong with seed {seed}. The histories:")
            for history in sorted(kept.rglob("history.jsonl")):
                _say(f"  {sys.executable} tests/kill/check_history.py {history}")
            return 1
        shutil.rmtree(kept)
        if time.monotonic() > end:
            break
    return 0


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - for whoever waits


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.kill", description=__doc__)
    parser.add_argument(
        "suites", nargs="*", help="files or folders; all of them when none is named"
    )
    parser.add_argument(
        "--minutes", type=float, default=0, help="at least one round whatever it is"
    )
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--keep", type=Path, default=Path(".soak"), help="where histories are")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
