"""Whatever fuzzing has found to be interesting, or once broke a parser, is read by every parser."""

from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"


def test_every_parser_has_a_corpus_and_every_corpus_a_parser() -> None:
    assert {path.name for path in CORPUS.iterdir()} == TARGETS.keys()


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_a_parser_reads_or_refuses_all_of_its_corpus(name: str) -> None:
    found = sorted(CORPUS.joinpath(name).iterdir())
    assert found
    for path in found:
        TARGETS[name](path.read_bytes())
