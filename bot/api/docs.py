"""The documentation page: drawn from ``openapi.json``, no script, nothing from another host."""

from collections.abc import Iterator
from functools import cache
from html import escape
from typing import Any, Final

import orjson

from bot.api.openapi import document

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none';"
    " frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
KINDS: Final = frozenset({"$ref", "anyOf", "type", "enum", "const"})  # else it is anything
STYLE: Final = """
:root{color-scheme:light dark;--line:#e3e6ea;--soft:#6b7280;--back:#f6f7f9}
@media(prefers-color-scheme:dark){:root{--line:#2b3138;--soft:#9aa4b0;--back:#1b1f24}}
body{margin:0 auto;max-width:60rem;padding:1rem;font:16px/1.6 system-ui,sans-serif}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin:2rem 0 .25rem;border-top:1px solid var(--line);
padding-top:1.25rem}code,pre{font:14px/1.5 ui-monospace,monospace}b.m{color:#2563eb}
pre{background:var(--back);padding:.75rem;overflow:auto;border-radius:6px}
table{border-collapse:collapse;width:100%;font-size:.9rem}td,th{border-top:1px solid var(--line);
padding:.3rem .5rem;text-align:left;vertical-align:top}p.soft,.soft{color:var(--soft)}
summary{cursor:pointer}
"""


@cache
def page() -> str:
    told = document()
    info = told["info"]
    body = "".join(
        _operation(path, method, each)
        for path, methods in told["paths"].items()
        for method, each in methods.items()
    )
    models = "".join(
        _model(name, each) for name, each in sorted(told["components"]["schemas"].items())
    )
    return (
        '<!DOCTYPE html><html lang="zh-CN"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(info['title'])}</title><style>{STYLE}</style>"
        f"<h1>{escape(info['title'])}</h1><p>{escape(info['description'])}</p>"
        "<p>每个请求带上 <code>Authorization: Bearer 令牌</code>，令牌由 "
        "<code>qidesk token create --scopes data:push,risk:read</code> 生成。"
        '机器可读的描述：<a href="/api/v1/openapi.json">openapi.json</a></p>'
        f"{body}<h2>数据结构</h2>{models}</html>"
    )


def _operation(path: str, method: str, told: dict[str, Any]) -> str:
    said = "".join(f"<p>{escape(part)}</p>" for part in told["description"].split("\n\n"))
    return (
        f'<h2>{escape(told["summary"])}</h2><p><b class="m">{method.upper()}</b> '
        f"<code>{escape(path)}</code></p>{said}{''.join(_asked(told))}{_answers(told)}"
    )


def _asked(told: dict[str, Any]) -> Iterator[str]:
    for each in told["parameters"]:
        yield f"<p><code>{escape(each['name'])}</code> {escape(each['description'])}</p>"
    if "requestBody" in told:
        example = told["requestBody"]["content"]["application/json"]["example"]
        yield f"<pre>{escape(_json(example))}</pre>"


def _answers(told: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td>{status}<td>{escape(each['description'])}<td>{_links(each)}"
        for status, each in told["responses"].items()
    )
    return f"<table>{rows}</table>"


def _links(told: dict[str, Any]) -> str:
    return "".join(_named(each["schema"]) for each in told["content"].values())


def _model(name: str, told: dict[str, Any]) -> str:
    needed = set(told.get("required", ()))
    rows = "".join(
        f"<tr><td><code>{escape(key)}</code><td>{_named(each)}"
        f"<td>{'必填' if key in needed else ''}<td>{escape(each.get('description', ''))}"
        for key, each in told.get("properties", {}).items()
    )
    said = escape(told.get("description", ""))
    return (
        f'<details id="{escape(name)}"><summary><code>{escape(name)}</code> '
        f'<span class="soft">{said}</span></summary><table>{rows}</table></details>'
    )


def _named(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = escape(schema["$ref"].rsplit("/", 1)[-1])
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in schema:
        return " 或 ".join(_named(each) for each in schema["anyOf"] if KINDS & each.keys())
    if schema.get("type") == "array":
        return f"{_named(schema['items'])} 的列表"
    if "enum" in schema:
        return escape("、".join(str(each) for each in schema["enum"]))
    return escape(str(schema.get("const", schema.get("type", ""))))


def _json(example: object) -> str:
    return orjson.dumps(example, option=orjson.OPT_INDENT_2).decode()
