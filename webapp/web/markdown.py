"""What agents write as Markdown, shown as HTML that can do no harm."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

TAGS = {
    "a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr",
    "li", "ol", "p", "pre", "s", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
LIMIT = 200_000
"""Characters of a text that are shown; the page says so if there are more."""

_parser = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(
    ["table", "strikethrough"]
)


@dataclass(frozen=True)
class Siblings:
    """What lies beside a document: where the page of a file is, and where an image."""

    directory: str
    page: Callable[[str], str]
    image: Callable[[str], str]

    def find(self, address: str) -> str | None:
        """The path of a sibling that an address means; None for any other address."""
        parts = urlsplit(address)
        if parts.scheme or parts.netloc or not parts.path or parts.path.startswith("/"):
            return None
        path = posixpath.normpath(posixpath.join(self.directory, unquote(parts.path)))
        return None if path.startswith("..") else path


def render(text: str, siblings: Siblings | None = None) -> Markup:
    """HTML of the text; only harmless tags survive, and no address but the web's and mail.

    Images are shown only if they are siblings: another's server need not know who reads this.
    """
    tokens = _parser.parse(text[:LIMIT])
    tags, attributes = TAGS, {"a": {"href", "title"}}
    if siblings is not None:
        tags, attributes = TAGS | {"img"}, {**attributes, "img": {"src", "alt", "title"}}
        for token in _all(tokens):
            _place(token, siblings)
    html = _parser.renderer.render(tokens, _parser.options, {})
    return Markup(
        nh3.clean(html, tags=tags, attributes=attributes, url_schemes={"http", "https", "mailto"})
    )


def render_result(text: str) -> Markup:
    """A result as HTML: JSON with its lines as they are, anything else as Markdown."""
    if text[:1] in ("{", "["):
        with suppress(ValueError, RecursionError):
            json.loads(text)
            whole = Markup("<pre><code>{}</code></pre>")  # the beginning of JSON is only text
            return (whole if len(text) <= LIMIT else Markup("<pre>{}</pre>")).format(text[:LIMIT])
    return render(text)


def _all(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _all(token.children or [])


def _place(token: Token, siblings: Siblings) -> None:
    if token.type == "image":
        path = siblings.find(str(token.attrs.get("src", "")))
        token.attrs["src"] = siblings.image(path) if path is not None else ""
    elif token.type == "link_open":
        path = siblings.find(str(token.attrs.get("href", "")))
        if path is not None:
            token.attrs["href"] = siblings.page(path)
