"""The steps of a conversation with a model as lines of a transcript: calls folded, figures said."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from flask import Flask
from flask_babel import gettext
from markupsafe import Markup

from webapp.domain.policies import cut
from webapp.domain.spending import KINDS, said
from webapp.queries.pages import Said
from webapp.web import markdown

CALL = "llm_call"
ANSWERS = ("llm_result", "llm_tool_failed")
STEPS = (CALL, *ANSWERS, "llm_thought", "llm_turn", "llm_asked_tools", "browser_picture")
"""Entries of a log that are shown as steps of a conversation."""
TROUBLES = (
    *(
        "llm_answer_cut",
        "llm_retry",
        *(f"told_run_budget_{kind}" for kind in KINDS),
    ),
    *("llm_server_failed", "llm_server_lost", "llm_server_unknown", "browser_no_picture"),
)
"""Entries about what did not go as it should, although it goes on."""
SHOWN = 8_000
"""Characters of a turn that a page shows; the API has all of it."""
HINT = 100
"""Characters of a call's arguments that its line shows."""


def init_app(app: Flask) -> None:
    """Teach the templates to show steps."""
    app.jinja_env.globals.update(STEPS=STEPS, TROUBLES=TROUBLES)
    app.jinja_env.filters.update(
        arguments=arguments, pretty=pretty, prose=prose, figures=figures, dollars=dollars
    )


def folded(lines: Sequence[Said]) -> list[Said]:
    """The lines with each tool's answer at its call, where both are among them.

    The call stays where it was, so that nothing moves while somebody reads.
    """
    answers: dict[tuple[Any, ...], Said] = {}
    calls = {_name(line) for line in lines if line.code == CALL}
    for line in lines:
        if line.code in ANSWERS and (name := _name(line)) in calls:
            answers.setdefault(name, line)
    inside = {id(line) for line in answers.values()}
    return [
        replace(line, answer=answers.get(_name(line))) if line.code == CALL else line
        for line in lines
        if id(line) not in inside
    ]


def arguments(text: Any) -> str:
    """The arguments of a call in a few words: values alone where there are few of them."""
    given = _json(text)
    if isinstance(given, Mapping):
        parts = [f"{name}: {_short(value)}" for name, value in given.items()]
        text = ", ".join(parts) if len(parts) > 1 else "".join(map(_short, given.values()))
    one_line = " ".join(str(text or "").split())
    return one_line if len(one_line) <= HINT else one_line[: HINT - 1].rstrip() + "…"


def pretty(text: Any) -> str:
    """What a tool was given or gave back: JSON with its lines, anything else as it is."""
    given = _json(text)
    if isinstance(given, dict | list):
        return json.dumps(given, indent=2, ensure_ascii=False)
    return str(text or "")


@functools.lru_cache(maxsize=1024)
def prose(text: str) -> Markup:
    """What a model says, as the HTML of its Markdown that can do no harm.

    A page that is open asks for the same turns again and again: they are rendered once.
    """
    return markdown.render(cut(text, SHOWN))


def figures(params: Mapping[str, Any] | None) -> list[str]:
    """What a turn took: tokens, and what they cost where that is known."""
    given, found = params or {}, []
    if (count := _number(given.get("input_tokens"))) is not None:
        found.append(gettext("%(n)s in", n=f"{count:,.0f}"))
    if (count := _number(given.get("output_tokens"))) is not None:
        found.append(gettext("%(n)s out", n=f"{count:,.0f}"))
    if cost := _number(given.get("cost")):
        found.append(dollars(cost))
    return found


def dollars(amount: float) -> str:
    """An amount of USD, short."""
    return f"${said('cost', amount)}" if amount else "$0"


def _name(line: Said) -> tuple[Any, ...]:
    params = line.params or {}
    return line.task_id, line.attempt, str(params.get("step")), str(params.get("call"))


def _json(text: Any) -> Any:
    """What a text is as JSON; None where it is none, as when the log kept only its beginning."""
    if isinstance(text, str) and text[:1] in ("{", "["):
        with suppress(ValueError, RecursionError):
            return json.loads(text)
    return None


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _number(value: Any) -> float | None:
    """A number; anything else was stored by somebody else."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
