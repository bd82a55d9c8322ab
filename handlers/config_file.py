"""The configuration as a file: what it says, and where it is wrong."""

import io
import re
import tomllib
import zipfile
from collections.abc import Mapping
from typing import Any

from bot.cards import text
from crm.kernel.errors import UserError
from handlers.rulekinds import KINDS, NotAValue, Place, RuleKind

LARGEST = 256 * 1024  # bytes
TOO_LARGE = "文件太大"
ARCHIVE = b"PK"
AT = re.compile(r"at line (\d+), column (\d+)")
HEADING = re.compile(r"\s*\[\s*[\"']?([\w-]+)[\"']?\s*\]")


class NotAConfig(UserError):
    say = "这份配置不能用：{why}。改好后再发一次即可"


def text_of(raw: bytes) -> str:
    """Raises NotAConfig."""
    try:
        return _unpacked(raw).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotAConfig(why="不是 UTF-8 文本") from None


def _unpacked(raw: bytes) -> bytes:
    """The file itself, also out of the archive that a platform's file types force on an export."""
    if len(raw) > LARGEST:
        raise NotAConfig(why=TOO_LARGE)
    if not raw.startswith(ARCHIVE):
        return raw
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            [only] = archive.infolist()
            if only.file_size > LARGEST:
                raise NotAConfig(why=TOO_LARGE)
            return archive.read(only)
    except (zipfile.BadZipFile, ValueError, RuntimeError, NotImplementedError):
        raise NotAConfig(why="压缩包要能打开，里面只放一份配置文件") from None


def read(content: str) -> dict[str, dict[str, Any]]:
    """The tables of a file by kind. Raises NotAConfig with the line and column."""
    try:
        found = tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        raise NotAConfig(why=_misspelled(content, str(error))) from None
    for name, body in found.items():
        kind = KINDS.get(name)
        if kind is None or not isinstance(body, dict):
            raise NotAConfig(why=f"{_spot(content, name)}不认识 [{name[:20]}]")
        known = {place.key for place in kind.places}
        for key, value in body.items():
            where = _spot(content, name, key)
            if key not in known:
                raise NotAConfig(why=f"{where}[{name}] 里不认识 {key[:20]}")
            if not isinstance(value, str | int):
                raise NotAConfig(why=f"{where}[{name}] 的 {key} 应是文字或整数")
    if not found:
        raise NotAConfig(why="里面没有任何内容")
    return {name: _spelled(KINDS[name], body, content) for name, body in found.items()}


def _misspelled(content: str, error: str) -> str:
    """What the parser stumbled over, in words."""
    lines = content.splitlines()
    at = AT.search(error)
    line, column = (int(at[1]), int(at[2])) if at else (len(lines), len(lines[-1]) + 1)
    there = text.cut(lines[line - 1], 30) if line <= len(lines) else ""
    return f"第 {line} 行第 {column} 列不合 TOML 格式：{there}（文字和百分比要加引号）"


def _spot(content: str, table: str, key: str = "") -> str:
    """Where a table or a key of it stands, in words; "" where it is spelled in another way."""
    within = ""
    for number, line in enumerate(content.splitlines(), start=1):
        if heading := HEADING.match(line):
            within = heading[1]
        found = heading if within == table and not key else None
        if key and within == table:
            found = re.match(rf"\s*[\"']?(?={re.escape(key)}[\"']?\s*=)", line)
        elif not key and not within:  # a value outside of any table
            found = re.match(rf"\s*(?={re.escape(table)}\s*=)", line)
        if found:
            return f"第 {number} 行第 {line.index(key or table) + 1} 列："
    return ""


def _spelled(kind: RuleKind, body: Mapping[str, Any], content: str) -> dict[str, Any]:
    """Values as they are kept, so that 1.050 is no change from 1.05. Raises NotAConfig."""
    found = {}
    for place in kind.places:
        if place.key in body:
            try:
                found[place.key] = _value(kind, place, body[place.key])
            except NotAValue as error:
                where = _spot(content, kind.kind, place.key)
                raise NotAConfig(why=f"{where}{error.text}") from None
    return found


def _value(kind: RuleKind, place: Place, value: Any) -> Any:
    """Raises NotAValue."""
    usual = kind.shipped[place.key]
    if isinstance(value, str) != isinstance(usual, str) or isinstance(value, bool):
        raise NotAValue(
            words=value, what=place.word, example=f'"{usual}"' if isinstance(usual, str) else usual
        )
    return place.read(value) if isinstance(value, str) else value
