"""What a robot sends, as a person sees it: message kinds and their parameters to screen items."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from bot.sandbox.dingtalk.calls import Problem
from bot.sandbox.media import Media

FORBIDDEN = ("博彩", "裸聊", "刷单返利")  # a small sample of content moderation
IMAGE = re.compile(r"!\[((?:\\.|[^\]\\])*)\]\(([^)\s]+)\)")
LINK = re.compile(r"(?<!!)\[((?:\\.|[^\]\\])*)\]\(([^)\s]+)\)")


@dataclass(frozen=True, slots=True)
class Shown:
    """A kind of the sandbox's screens and the rest of the item."""

    kind: str
    body: dict[str, Any] = field(default_factory=dict)


def of_robot(key: str, given: Mapping[str, Any], media: Media) -> Shown:
    """From ``msgKey`` and the parsed ``msgParam``. Raises Problem."""
    params = {name: str(value) for name, value in given.items()}
    refuse_unsafe(*params.values())
    match key:
        case "sampleText":
            return Shown("text", {"text": need(params, "content")})
        case "sampleMarkdown":
            return markdown(need(params, "title"), need(params, "text"), media)
        case "sampleImageMsg":
            return Shown("image", {"text": "", "url": local(need(params, "photoURL"), media)})
        case "sampleLink":
            return link(params, params.get("messageUrl", ""))
        case "sampleFile":
            return file(need(params, "mediaId"), need(params, "fileName"), media)
        case "sampleAudio":
            return file(need(params, "mediaId"), "语音", media)
        case "sampleVideo":
            return file(need(params, "videoMediaId"), "视频.mp4", media)
        case _ if found := re.fullmatch(r"sampleActionCard([2-6]?)", key):
            return action_card(params, buttons_of(params, found[1]))
        case _:
            raise Problem("invalidParameter.msgKey.invalid", f"msgKey {key} is unknown")


def of_hook(body: Mapping[str, Any], media: Media) -> Shown | None:
    """From a webhook's body; None for ``empty``. Raises Problem with an errcode."""
    kind = body.get("msgtype")
    if kind == "empty":
        return None
    part = body.get(str(kind))
    if not isinstance(part, dict):
        raise Problem(400105, "unsupported msgtype")
    try:
        return of_hook_part(str(kind), part, media)
    except Problem as problem:
        if isinstance(problem.code, int):
            raise
        raise Problem(430102 if "notAllowed" in problem.code else 40035, problem.message) from None


def of_hook_part(kind: str, part: Mapping[str, Any], media: Media) -> Shown:
    words = {name: str(value) for name, value in part.items()}
    refuse_unsafe(*words.values())
    match kind:
        case "text":
            return Shown("text", {"text": need(words, "content")})
        case "markdown":
            return markdown(need(words, "title"), need(words, "text"), media)
        case "link":
            return link(words, words.get("messageUrl", ""))
        case "actionCard":
            rows = rows_of(part, "btns")
            buttons = [(row.get("title", ""), row.get("actionURL", "")) for row in rows]
            return action_card(words, buttons or buttons_of(words, ""))
        case "feedCard":
            rows = rows_of(part, "links")
            links = [link_to(need(row, "title"), need(row, "messageURL")) for row in rows]
            text = "\n".join(row["title"] for row in rows)
            return Shown("markdown", {"text": text, "links": links})
        case _:
            raise Problem(400105, "unsupported msgtype")


def markdown(title: str, text: str, media: Media) -> Shown:
    """A markdown message that is built around a picture counts as an image with a caption."""
    links = [link_to(plain(label), target) for label, target in LINK.findall(text)]
    body: dict[str, Any] = {"title": title, "text": text, "links": links}
    picture = IMAGE.search(text)
    if picture is None:
        return Shown("markdown", body)
    caption = IMAGE.sub("", text).strip() or plain(picture[1])
    return Shown("image", body | {"text": caption, "url": local(picture[2], media)})


def link(params: Mapping[str, str], target: str) -> Shown:
    text = f"**{params.get('title', '')}**\n\n{params.get('text', '')}"
    links = [link_to("查看", target)]
    return Shown("markdown", {"title": params.get("title", ""), "text": text, "links": links})


def action_card(params: Mapping[str, str], buttons: list[tuple[str, str]]) -> Shown:
    links = [link_to(label, target) for label, target in buttons if label]
    return Shown(
        "markdown",
        {"title": need(params, "title"), "text": need(params, "text"), "links": links},
    )


def buttons_of(params: Mapping[str, str], form: str) -> list[tuple[str, str]]:
    """Label and address of each button of ``sampleActionCard`` + ``form``. Raises Problem."""
    if form == "":
        names = [("singleTitle", "singleURL")]
    elif form == "6":
        names = [(f"buttonTitle{n}", f"buttonUrl{n}") for n in (1, 2)]
    else:
        names = [(f"actionTitle{n}", f"actionURL{n}") for n in range(1, int(form) + 1)]
    return [(need(params, title), need(params, url)) for title, url in names]


def file(id_: str, name: str, media: Media) -> Shown:
    medium = media.find(id_)
    if medium is None:
        raise Problem("resource.not.found", "mediaId is unknown")
    return Shown("file", {"text": name, "url": medium.url, "name": name, "size": medium.size})


def rows_of(part: Mapping[str, Any], name: str) -> list[dict[str, str]]:
    """A list of objects in a message, all as strings."""
    given = part.get(name)
    rows = given if isinstance(given, list) else []
    return [
        {key: str(value) for key, value in row.items()} for row in rows if isinstance(row, dict)
    ]


def link_to(label: str, target: str) -> dict[str, str]:
    """``dtmd`` makes the person's client say something; anything else is an address."""
    parts = urlsplit(target)
    if parts.scheme == "dtmd" and parts.path.endswith("sendMessage"):
        return {"label": label, "say": parse_qs(parts.query).get("content", [""])[0]}
    if parts.scheme == "dingtalk" and parts.path.endswith("link"):
        return {"label": label, "url": unquote(parse_qs(parts.query).get("url", [""])[0])}
    return {"label": label, "url": target}


def local(target: str, media: Media) -> str:
    """A media id as the page can load it. Raises Problem for an unknown one."""
    if target.startswith(("http://", "https://")):
        return target
    medium = media.find(target)
    if medium is None:
        raise Problem("resource.not.found", "mediaId is unknown")
    return medium.url


def plain(label: str) -> str:
    return re.sub(r"\\(.)", r"\1", label)


def need(params: Mapping[str, str], name: str) -> str:
    if not params.get(name):
        raise Problem("invalidParameter.msgParam.invalid", f"{name} is missing")
    return params[name]


def refuse_unsafe(*texts: str, code: str = "contain.notAllowed.text") -> None:
    """Raises Problem when content moderation would."""
    for word in FORBIDDEN:
        if any(word in text for text in texts):
            raise Problem(code, "内容包含敏感信息")
