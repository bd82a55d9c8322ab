"""Short answers and questions that belong to no single subject."""

from collections.abc import Sequence

from bot.chat.message import Button, Card, Style, Tone

NEVER_MIND = "never_mind"


def sentence(title: str, text: str = "", *, footer: str = "") -> Card:
    return Card(title=title, text=text, footer=footer)


def choose(
    title: str, options: Sequence[tuple[str, str]], *, text: str = "", draft: str = ""
) -> Card:
    """A question with (action, label) answers, tapped or answered by number. The first is
    emphasised where it is a plain yes, never among several that may be meant."""
    yes_or_no = len(options) == 2 and options[1][0] == NEVER_MIND
    return Card(
        title=title,
        text=text,
        buttons=tuple(
            Button(action, label, Style.PRIMARY if yes_or_no and n == 0 else Style.PLAIN)
            for n, (action, label) in enumerate(options)
        ),
        footer="点按钮或回复序号，10 分钟内有效",
        draft=draft,
    )


def done(title: str, text: str = "") -> Card:
    return Card(title=title, text=text, tone=Tone.GREY)
