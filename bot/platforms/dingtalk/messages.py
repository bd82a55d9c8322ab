"""The robot's messages, each in both dialects: by API (msgKey, msgParam) and by webhook."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol
from urllib.parse import quote

SAY: Final = "dtmd://dingtalkclient/sendMessage?content="
ACTIONS: Final = 5  # sampleActionCard2 … 5 (official doc)
TITLE_CHARS: Final = 64
AGAIN: Final = "(重发)"

Json = Mapping[str, Any]


class Message(Protocol):
    """One thing that the robot says."""

    def api(self) -> tuple[str, Mapping[str, str]]:
        """msgKey and msgParam."""
        ...

    def webhook(self) -> Json | None:
        """The body for a webhook; None for a kind that only the API can send."""
        ...

    def again(self) -> "Message":
        """Marked as one that may have been shown before."""
        ...


@dataclass(frozen=True, slots=True)
class Said:
    """Plain text."""

    text: str

    def api(self) -> tuple[str, Mapping[str, str]]:
        return "sampleText", {"content": self.text}

    def webhook(self) -> Json:
        return {"msgtype": "text", "text": {"content": self.text}}

    def again(self) -> "Said":
        return Said(f"{AGAIN} {self.text}")


@dataclass(frozen=True, slots=True)
class Written:
    """Markdown; ``title`` is what the chat list shows."""

    title: str
    text: str

    def api(self) -> tuple[str, Mapping[str, str]]:
        return "sampleMarkdown", _head(self.title, self.text)

    def webhook(self) -> Json:
        return {"msgtype": "markdown", "markdown": _head(self.title, self.text)}

    def again(self) -> "Written":
        return Written(f"{AGAIN} {self.title}", f"{AGAIN}\n\n{self.text}")


@dataclass(frozen=True, slots=True)
class Action:
    """A link; tapped, the person's own client sends ``says`` into this chat (seen in 8)."""

    label: str
    says: str

    @property
    def url(self) -> str:
        return SAY + quote(self.says, safe="")


@dataclass(frozen=True, slots=True)
class Choices:
    """Markdown with one to five links below it."""

    title: str
    text: str
    actions: tuple[Action, ...]

    def api(self) -> tuple[str, Mapping[str, str]]:
        if len(self.actions) == 1:
            return "sampleActionCard", self._single()
        numbered: dict[str, str] = {}
        for number, action in enumerate(self.actions, 1):
            numbered[f"actionTitle{number}"] = action.label
            numbered[f"actionURL{number}"] = action.url
        head = _head(self.title, self.text)
        return f"sampleActionCard{len(self.actions)}", {**head, **numbered}

    def webhook(self) -> Json:
        if len(self.actions) == 1:
            return {"msgtype": "actionCard", "actionCard": self._single()}
        buttons = [{"title": one.label, "actionURL": one.url} for one in self.actions]
        card = {**_head(self.title, self.text), "btnOrientation": "0", "btns": buttons}
        return {"msgtype": "actionCard", "actionCard": card}

    def again(self) -> "Choices":
        title, text = f"{AGAIN} {self.title}", f"{AGAIN}\n\n{self.text}"
        return replace(self, title=title, text=text)

    def _single(self) -> dict[str, str]:
        [action] = self.actions
        link = {"singleTitle": action.label, "singleURL": action.url}
        return {**_head(self.title, self.text), **link}


@dataclass(frozen=True, slots=True)
class Attached:
    """A file that was uploaded before; words beside it carry the mark of a repetition."""

    media_id: str
    name: str

    def api(self) -> tuple[str, Mapping[str, str]]:
        suffix = self.name.rpartition(".")[2].lower()
        return "sampleFile", {
            "mediaId": self.media_id,
            "fileName": self.name,
            "fileType": suffix,
        }

    def webhook(self) -> None:
        return None

    def again(self) -> "Attached":
        return self


def _head(title: str, text: str) -> dict[str, str]:
    """The title is one line in the chat list and in the notification."""
    return {"title": " ".join(title.split())[:TITLE_CHARS] or "期台", "text": text}
