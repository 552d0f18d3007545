"""Help: what can be done here, by hand, by keyboard and by script; and the documentation."""

from __future__ import annotations

from functools import cache

from flask import Blueprint, Response, render_template, request, send_from_directory, url_for
from flask.typing import ResponseReturnValue

from webapp.domain.errors import NotFound
from webapp.web import documents
from webapp.web.documents import Addresses, Document

bp = Blueprint("help", __name__, url_prefix="/help")

PICTURES_KEPT_S = 3600


@bp.get("")
def show() -> ResponseReturnValue:
    """The first page: what there is to read, the vocabulary and the keyboard."""
    return render_template("help/show.html", active="help", pages=pages())


@bp.get("/<name>")
def page(name: str) -> ResponseReturnValue:
    """One page of the documentation."""
    found = next((each for each in pages() if each.name == name), None)
    if found is None:
        raise NotFound
    return render_template("help/page.html", active="help", page=found, pages=pages())


@bp.get("/pictures/<name>")
def picture(name: str) -> Response:
    """A picture of the documentation."""
    if name not in documents.pictures():
        raise NotFound
    return send_from_directory(documents.DIRECTORY, name, max_age=PICTURES_KEPT_S)


def pages() -> tuple[Document, ...]:
    """All pages of the documentation, as every page of the help lists them."""
    return _read(request.script_root)


@cache
def _read(prefix: str) -> tuple[Document, ...]:  # noqa: ARG001 - every address begins with it
    """Every page, read once: the files belong to the program and change with it."""
    addresses = Addresses(
        page=lambda name: url_for("help.page", name=name),
        picture=lambda name: url_for("help.picture", name=name),
    )
    return tuple(documents.read(name, addresses) for name in documents.names())
