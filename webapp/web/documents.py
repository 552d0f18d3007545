"""The documentation as pages: the same Markdown files that a checkout shows, made HTML once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from webapp.sources import HOME
from webapp.web.markdown import TAGS

DIRECTORY = HOME / "docs"
FIRST = ("getting-started", "tasks", "shell-protocol", "api", "cli", "operating")
"""In the order in which somebody new reads them; what is not listed comes after."""

LABELS = {"api": "API", "cli": "Command line"}

_parser = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table"])
_ATTRIBUTES = {"a": {"href", "title"}, "img": {"src", "alt"}, "h2": {"id"}, "h3": {"id"}}
_NOT_IN_AN_ID = re.compile(r"[^\w\- ]+")


@dataclass(frozen=True)
class Heading:
    """A section that can be linked to."""

    level: int
    id: str
    text: str


@dataclass(frozen=True)
class Document:
    """A page of the documentation. ``title`` and ``summary`` are its first heading and sentence."""

    name: str
    title: str
    summary: str
    html: Markup
    headings: tuple[Heading, ...]

    @property
    def label(self) -> str:
        """What the page is called where there is little room."""
        return LABELS.get(self.name, self.name.replace("-", " ").capitalize())


@dataclass(frozen=True)
class Addresses:
    """Where pages and pictures of the documentation are found, by name."""

    page: Callable[[str], str]
    picture: Callable[[str], str]


@cache
def names() -> tuple[str, ...]:
    """All pages, in reading order."""
    there = {path.stem for path in DIRECTORY.glob("*.md")}
    return (*(name for name in FIRST if name in there), *sorted(there.difference(FIRST)))


@cache
def pictures() -> frozenset[str]:
    """The file names of all pictures."""
    return frozenset(path.name for path in DIRECTORY.glob("*.png"))


def read(name: str, addresses: Addresses) -> Document:
    """The page of that name, which must be one of ``names``."""
    text = (DIRECTORY / f"{name}.md").read_text("utf-8")
    tokens = _parser.parse(text)
    headings = tuple(_name_headings(tokens))
    for token in tokens:
        for child in token.children or ():
            _lead(child, addresses)
    html = nh3.clean(
        str(_parser.renderer.render(tokens, _parser.options, {})),
        tags=TAGS | {"img"},
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https"},
    )
    title = next(plain(tokens[at + 1]) for at, one in enumerate(tokens) if one.tag == "h1")
    return Document(name, title, _summary(tokens), Markup(html), headings)


def heading_id(text: str) -> str:
    """The anchor of a heading, as code hosts make it: words in lower case, joined by hyphens."""
    return _NOT_IN_AN_ID.sub("", text.lower()).strip().replace(" ", "-")


def plain(inline: Token) -> str:
    """The words of a heading or a paragraph without their markup."""
    return "".join(
        child.content if child.type in ("text", "code_inline") else " "
        for child in inline.children or ()
        if child.type in ("text", "code_inline", "softbreak")
    )


def _name_headings(tokens: list[Token]) -> Iterable[Heading]:
    for at, token in enumerate(tokens):
        if token.type == "heading_open" and token.tag in ("h2", "h3"):
            text = plain(tokens[at + 1])
            token.attrSet("id", heading_id(text))
            yield Heading(int(token.tag[1]), heading_id(text), text)


def _summary(tokens: list[Token]) -> str:
    paragraphs = (
        plain(tokens[at + 1]) for at, one in enumerate(tokens) if one.type == "paragraph_open"
    )
    first = next(paragraphs, "")
    return first.partition(". ")[0].rstrip(".") + "." if first else ""


def _lead(token: Token, addresses: Addresses) -> None:
    """Have links and pictures lead to where this server has them."""
    if token.type == "link_open":
        target = str(token.attrGet("href"))
        path, hash_, anchor = target.partition("#")
        if path.endswith(".md") and "/" not in path:
            token.attrSet("href", addresses.page(Path(path).stem) + hash_ + anchor)
    elif token.type == "image":
        token.attrSet("src", addresses.picture(str(token.attrGet("src"))))
