"""A button as a line of text, for chats where it cannot be pressed.

``按 approve:17 #K3F9.4`` presses the button ``approve:17`` of version 4 of the card ``K3F9``;
inputs follow as ``name=value``. A platform without live buttons shows the line, or sends it by
itself when a link is tapped; whoever reads the conversation takes it for the click it stands for.
"""

import re
from urllib.parse import quote, unquote

from bot.chat.message import Click

LINE = re.compile(r"按\s+(?P<key>\S+)\s+#(?P<card>\S+)\.(?P<version>\d{1,9})(?:\s+(?P<rest>.*))?")
INPUT = re.compile(r"(?:^|\s)([A-Za-z_]\w*)=", re.ASCII)
UNSAFE = re.compile(r"[\s%]")


def button_line(card_id: str, version: int, key: str) -> str:
    """What a person sends to press ``key`` on this version of the card."""
    return f"按 {_word(key)} #{_word(card_id)}.{version}"


def read_button_line(text: str) -> Click | None:
    """The click that a line stands for; None when it is ordinary talk."""
    if not text.startswith("按"):
        return None
    line = LINE.fullmatch(text.strip())
    if line is None:
        return None
    return Click(
        card=unquote(line["card"]),
        version=int(line["version"]),
        action=unquote(line["key"]),
        inputs=_inputs(line["rest"] or ""),
    )


def _inputs(rest: str) -> dict[str, str]:
    _, *named = INPUT.split(rest)
    return {name: value.strip() for name, value in zip(named[::2], named[1::2], strict=True)}


def _word(text: str) -> str:
    """``text`` as one word without blanks; nothing else of it changes."""
    return UNSAFE.sub(lambda found: quote(found[0], safe=""), text)
