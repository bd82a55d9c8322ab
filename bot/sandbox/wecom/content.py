"""What an app or robot sends, as a person sees it: message types to screen items."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.media import Medium
from bot.sandbox.wecom.calls import Problem, as_object, as_objects

TEXT_BYTES = 2048
ROBOT_MARKDOWN_BYTES = 4096
STREAM_BYTES = 20_480
TITLE_BYTES, DESCRIPTION_BYTES, URL_BYTES = 128, 512, 2048
ARTICLES = 8
ANCHOR = re.compile(r'<a\s+href="([^"]*)"[^>]*>(.*?)</a>', re.DOTALL)
TAG = re.compile(r"</?(?:div|font)[^>]*>")
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)\s]+)\)")

Find = Callable[[object], Medium]
"""A medium by its media_id. Raises Problem."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A kind of the sandbox's screens and the rest of the item."""

    kind: str
    body: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the body of one message. ``refuse_long``: 45002 for what is cut otherwise."""

    find: Find
    refuse_long: bool = False
    markdown_bytes: int = TEXT_BYTES

    def read(self, kind: str, given: Mapping[str, Any]) -> Shown:
        """From ``msgtype`` and the whole body. Raises Problem."""
        part = as_object(given.get(kind))
        match kind:
            case "text":
                return text(self._cut(need(part, "content", kind, 44004), TEXT_BYTES))
            case "markdown" | "markdown_v2":
                return markdown(self._cut(need(part, "content", kind), self.markdown_bytes))
            case "image":
                medium = self.find(need(part, "media_id", kind))
                return Shown("image", {"text": "", "url": medium.url})
            case "voice" | "file" | "video":
                return file(self.find(need(part, "media_id", kind)))
            case "textcard":
                return text_card(part)
            case "news" | "mpnews":
                return news(part, kind)
            case "miniprogram_notice":
                return notice(part)
            case _:
                raise Problem(40008)

    def _cut(self, words: str, limit: int) -> str:
        if self.refuse_long and len(words.encode()) > limit:
            raise Problem(45002)
        return cut(words, limit)


def cut(words: str, limit: int) -> str:
    """The longest head of at most ``limit`` bytes that ends on a whole character."""
    return words.encode()[:limit].decode(errors="ignore")


def text(words: str) -> Shown:
    links = [{"label": label, "url": url} for url, label in ANCHOR.findall(words)]
    body: dict[str, Any] = {"text": ANCHOR.sub(r"\2", words)}
    return Shown("text", body | ({"links": links} if links else {}))


def markdown(words: str) -> Shown:
    """Colours are drawn, their tags are not read."""
    links = [{"label": label, "url": url} for label, url in LINK.findall(words)]
    return Shown("markdown", {"text": TAG.sub("", words), "links": links})


def file(medium: Medium) -> Shown:
    body = {"text": medium.name, "url": medium.url, "name": medium.name, "size": medium.size}
    return Shown("file", body)


def text_card(part: Mapping[str, Any]) -> Shown:
    title = cut(need(part, "title", "textcard"), TITLE_BYTES)
    description = cut(need(part, "description", "textcard"), DESCRIPTION_BYTES)
    url = need(part, "url", "textcard")
    if len(url.encode()) > URL_BYTES or "://" not in url:
        raise Problem(40035, "textcard.url is invalid")
    plain = TAG.sub("\n", description.replace("<br>", "\n")).strip()
    label = str(part.get("btntxt") or "详情")[:4]
    body = {"title": title, "text": f"**{title}**\n\n{plain}"}
    return Shown("markdown", body | {"links": [{"label": label, "url": url}]})


def news(part: Mapping[str, Any], kind: str) -> Shown:
    articles = as_objects(part.get("articles"))
    if not articles:
        raise Problem(40058, f"missing field {kind}.articles")
    if len(articles) > ARTICLES:
        raise Problem(45008)
    links, lines = [], []
    for one in articles:
        title = cut(need(one, "title", f"{kind}.articles"), TITLE_BYTES)
        description = cut(str(one.get("description") or one.get("digest") or ""), DESCRIPTION_BYTES)
        if kind == "mpnews":
            need(one, "content", "mpnews.articles")
            need(one, "thumb_media_id", "mpnews.articles")
        url = str(one.get("url") or one.get("content_source_url") or "")
        lines.append(f"**{title}**\n\n{description}".strip())
        links += [{"label": title, "url": url}] if url else []
    first = str(articles[0]["title"])
    return Shown("markdown", {"title": first, "text": "\n\n".join(lines), "links": links})


def notice(part: Mapping[str, Any]) -> Shown:
    """A mini program's notice."""
    need(part, "appid", "miniprogram_notice")
    title = need(part, "title", "miniprogram_notice")
    rows = as_objects(part.get("content_item"))
    if len(rows) > 10:
        raise Problem(40035, "content_item is too long")
    lines = [f"**{title}**", str(part.get("description") or "")]
    lines += [f"{row.get('key', '')}：{row.get('value', '')}" for row in rows]
    return Shown("markdown", {"title": title, "text": "\n\n".join(filter(None, lines))})


def need(part: Mapping[str, Any], name: str, where: str, code: int = 40058) -> str:
    value = part.get(name)
    if not isinstance(value, str) or not value:
        raise Problem(code, f"missing field {where}.{name}" if code == 40058 else "")
    return value
