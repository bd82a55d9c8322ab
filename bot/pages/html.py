"""How the pages look: one small frame, no script, nothing from another host."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none';"
    " form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
STYLE: Final = """
:root{color-scheme:light dark;--line:#e3e6ea;--soft:#6b7280;--late:#b45309}
@media(prefers-color-scheme:dark){:root{--line:#2b3138;--soft:#9aa4b0;--late:#f59e0b}}
body{margin:0 auto;max-width:44rem;padding:1rem;font:16px/1.6 system-ui,sans-serif}
h1{font-size:1.25rem;margin:.25rem 0 .75rem}p,footer{color:var(--soft)}
ol{list-style:none;margin:0;padding:0}li{border-top:1px solid var(--line);padding:.6rem 0}
b{font-weight:600}.late{color:var(--late)}.when{display:block;color:var(--soft);font-size:.875rem}
.when.late{color:var(--late)}a{color:inherit}
footer{border-top:1px solid var(--line);font-size:.875rem}
button{font:inherit;background:none;border:0;padding:0;text-decoration:underline;color:inherit}
"""


def page(title: str, body: Iterable[str], *, foot: str = "") -> str:
    """``body`` and ``foot`` are markup; the title is text."""
    footer = f"<footer>{foot}</footer>" if foot else ""
    return (
        '<!DOCTYPE html><html lang="zh-CN"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style>"
        f"<body><h1>{escape(title)}</h1>{''.join(body)}{footer}</body></html>"
    )


def sentence(title: str, text: str, *more: str) -> str:
    """A page that says one thing; ``more`` is markup."""
    return page(title, [f"<p>{escape(text)}</p>", *more])


def rows(lines: Sequence[str]) -> str:
    return f"<ol>{''.join(f'<li>{line}</li>' for line in lines)}</ol>"


def link(address: str, words: str) -> str:
    return f'<p><a href="{escape(address)}">{escape(words)}</a></p>'
