"""Their XML: read without document types or entities, written so that nothing breaks out of it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from xml.parsers import expat  # defused below: a document type or an entity ends the parse

DEEPEST: Final = 16
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")

# The envelope as WeCom writes it; anything else goes to the parser.
_TAG = (
    rb"(?:<ToUserName><!\[CDATA\[[^\]<>]*\]\]></ToUserName>\s*"
    rb"|<AgentID>(?:<!\[CDATA\[[^\]<>]*\]\]>|[0-9]*)</AgentID>\s*)*"
)
ENVELOPE = re.compile(
    rb"\s*<xml>\s*"
    + _TAG
    + rb"<Encrypt><!\[CDATA\[([A-Za-z0-9+/=]+)\]\]></Encrypt>\s*"
    + _TAG
    + rb"</xml>\s*"
)


class Malformed(ValueError):
    """No XML, or XML that we refuse to read. Quotes nothing of it."""


@dataclass(slots=True)
class Element:
    """One element: its text and its children by name, in order."""

    text: str = ""
    children: dict[str, list["Element"]] = field(default_factory=dict)

    def get(self, *path: str) -> str:
        """The text at the end of a path of names, "" when there is none."""
        found = next(iter(self.every(*path)), None)
        return found.text.strip() if found else ""

    def every(self, *path: str) -> Iterator["Element"]:
        if not path:
            yield self
            return
        for child in self.children.get(path[0], ()):
            yield from child.every(*path[1:])


def read_envelope(body: bytes) -> str:
    """What stands in ``Encrypt``. Raises Malformed."""
    found = ENVELOPE.fullmatch(body)
    if found is not None:
        return found[1].decode()
    encrypted = read_xml(body).get("Encrypt")
    if not encrypted:
        raise Malformed
    return encrypted


def read_xml(body: bytes) -> Element:
    """The root element. Raises Malformed."""
    top = Element()
    stack = [top]

    def begin(name: str, _attributes: object) -> None:
        if len(stack) > DEEPEST:
            raise Malformed
        element = Element()
        stack[-1].children.setdefault(name, []).append(element)
        stack.append(element)

    def end(_name: str) -> None:
        stack.pop()

    def text(data: str) -> None:
        stack[-1].text += data

    def refuse(*_: object) -> None:
        raise Malformed

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = begin
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, ValueError, LookupError):  # LookupError: an unknown encoding
        raise Malformed from None
    return next(iter(next(iter(top.children.values()))))


def write_xml(fields: Mapping[str, Any]) -> str:
    """``<xml>`` around the fields: strings in CDATA, numbers bare, a list as repeated siblings."""
    return f"<xml>{_inside(fields)}</xml>"


def _inside(fields: Mapping[str, Any]) -> str:
    return "".join(_element(name, value) for name, value in fields.items())


def _element(name: str, value: object) -> str:
    match value:
        case Mapping():
            return f"<{name}>{_inside(value)}</{name}>"
        case bool():
            return f"<{name}>{int(value)}</{name}>"
        case int():
            return f"<{name}>{value}</{name}>"
        case str():
            return f"<{name}>{_cdata(value)}</{name}>"
        case Sequence():
            return "".join(_element(name, one) for one in value)
        case _:
            raise TypeError(type(value).__name__)


def _cdata(text: str) -> str:
    safe = UNPRINTABLE.sub("", text).replace("]]>", "]]]]><![CDATA[>")
    return f"<![CDATA[{safe}]]>"
