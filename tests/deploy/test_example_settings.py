"""The example configuration knows every key, and what it calls a default is one."""

import re
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from bot.settings import Settings, load

EXAMPLE = Path(__file__).parents[2] / "deploy" / "qidesk.example.toml"
PLACEHOLDER = re.compile(r"<([^<>]*)>")
OFF = re.compile(r"^#(?=[\[\"a-z])", re.MULTILINE)
EXAMPLES_NOT_DEFAULTS = {"security.head_file", "sources.*.kind"}


def example() -> str:
    return EXAMPLE.read_text(encoding="utf-8")


def filled(text: str) -> str:
    return PLACEHOLDER.sub(lambda found: found.group(1), text)


def switched_on(text: str) -> str:
    """With every line that is offered behind a bare #."""
    return OFF.sub("", text)


def section_of(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """The model that a field holds, and whether under names of one's own."""
    if get_origin(annotation) is dict:
        return section_of(get_args(annotation)[1])[0], True
    if get_origin(annotation) in (Union, UnionType):
        return next((one for one in map(section_of, get_args(annotation)) if one[0]), (None, False))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    return None, False


def known(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, object]]:
    """Every key with its default; a name of one's own is a star."""
    for name, field in model.model_fields.items():
        inner, named = section_of(field.annotation)
        key = f"{path}{name}{'.*' if named or get_origin(field.annotation) is dict else ''}"
        if inner is None:
            yield key, field.default
        else:
            yield from known(inner, f"{key}.")


def written(tree: dict[str, Any], stars: frozenset[str], path: str = "") -> dict[str, object]:
    """The leaves of a file, names of one's own as stars."""
    found: dict[str, object] = {}
    for name, value in tree.items():
        key = path + ("*" if f"{path}*" in stars else name)
        if isinstance(value, dict):
            found |= written(value, stars, f"{key}.")
        else:
            found[key] = value
    return found


def stars_of(keys: Iterator[tuple[str, object]]) -> frozenset[str]:
    return frozenset(key[: at + 1] for key, _ in keys for at, c in enumerate(key) if c == "*")


def offered() -> dict[str, object]:
    tree = tomllib.loads(switched_on(filled(example())))
    return written(tree, stars_of(known(Settings)))


def test_it_holds_every_key_that_the_settings_know_and_no_other() -> None:
    assert set(offered()) == {key for key, _ in known(Settings)}


def test_it_loads_once_its_placeholders_are_filled(tmp_path: Path) -> None:
    config = tmp_path / "qidesk.toml"
    config.write_text(filled(example()), encoding="utf-8")
    settings = load(config, {})
    assert settings.dingtalk is not None
    assert settings.wecom is not None
    assert settings.sandbox is None
    assert not settings.sources


def test_it_loads_with_everything_that_it_offers_switched_on(tmp_path: Path) -> None:
    config = tmp_path / "qidesk.toml"
    config.write_text(switched_on(filled(example())), encoding="utf-8")
    assert load(config, {}).sources["counter"].kind == "push"


def test_what_is_offered_behind_a_bare_sign_is_the_default() -> None:
    set_already = written(tomllib.loads(filled(example())), stars_of(known(Settings)))
    defaults = {
        key: default
        for key, default in known(Settings)
        if default is not PydanticUndefined and not isinstance(default, dict)
    }
    shown = {
        key: value
        for key, value in offered().items()
        if key in defaults and key not in set_already and key not in EXAMPLES_NOT_DEFAULTS
    }
    assert len(shown) > 30
    told = {key: str(value) for key, value in shown.items()}
    assert told == {key: str(defaults[key]) for key in shown}


def test_every_key_and_section_has_a_line_that_explains_it() -> None:
    lines = example().splitlines()
    unexplained = [
        line
        for before, line in pairwise(lines)
        if re.match(r"#?[\"a-z<][^=]* = ", line) and not before.startswith("# ")
    ]
    assert unexplained == []


@pytest.mark.parametrize("platform", ["dingtalk", "wecom"])
def test_one_platform_can_be_left_out(platform: str, tmp_path: Path) -> None:
    tree = tomllib.loads(filled(example()))
    del tree[platform]
    text = "".join(
        part
        for part in re.split(r"(?m)^(?=\[)", filled(example()))
        if not part.startswith((f"[{platform}]", f"[{platform}."))
    )
    assert tomllib.loads(text) == tree
    config = tmp_path / "qidesk.toml"
    config.write_text(text, encoding="utf-8")
    assert getattr(load(config, {}), platform) is None
