"""Short answers and questions that belong to no single subject."""

from collections.abc import Sequence

from bot.chat.message import Button, Card, Style, Tone


def sentence(title: str, text: str = "", *, footer: str = "") -> Card:
    return Card(title=title, text=text, footer=footer)


def choose(
    title: str, options: Sequence[tuple[str, str]], *, text: str = "", draft: str = ""
) -> Card:
    """A question with (action, label) answers, tapped or answered by number."""
    return Card(
        title=title,
        text=text,
        buttons=tuple(
            Button(action, label, Style.PRIMARY if n == 0 else Style.PLAIN)
            for n, (action, label) in enumerate(options)
        ),
        footer="点按钮或回复序号，10 分钟内有效",
        draft=draft,
    )


def done(title: str, text: str = "") -> Card:
    return Card(title=title, text=text, tone=Tone.GREY)
