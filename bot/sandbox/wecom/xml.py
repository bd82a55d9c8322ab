"""XML as WeCom writes it: strings in CDATA, numbers bare, lists as repeated siblings."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from typing import Any

ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
BYTES = 256 << 10


class NotXml(ValueError):
    """What was answered cannot be read."""


def write(fields: Mapping[str, Any]) -> str:
    return f"<xml>{elements(fields)}</xml>"


def elements(fields: Mapping[str, Any]) -> str:
    return "".join(element(name, value) for name, value in fields.items())


def element(name: str, value: object) -> str:
    match value:
        case list() | tuple():
            return "".join(element(name, one) for one in value)
        case dict():
            return f"<{name}>{elements(value)}</{name}>"
        case int() | float():
            return f"<{name}>{value}</{name}>"
        case _:
            return f"<{name}><![CDATA[{cdata(str(value))}]]></{name}>"


def cdata(text: str) -> str:
    """Text that can stand in CDATA, whatever a person typed."""
    return ILLEGAL.sub("", text).replace("]]>", "]]]]><![CDATA[>")


def read(text: str) -> ET.Element:
    """The root of an answer. Raises NotXml, for a document type declaration too."""
    if len(text) > BYTES or "<!DOCTYPE" in text:
        raise NotXml("too large, or with a document type")
    try:
        return ET.fromstring(text)  # noqa: S314 - no document type, so no entities
    except ET.ParseError as error:
        raise NotXml(str(error)) from error


def word(root: ET.Element, path: str) -> str:
    return (root.findtext(path) or "").strip()
