"""How names stand in addresses where they could be mistaken for something else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from flask import Flask
from werkzeug.routing import BaseConverter, IntegerConverter, Rule

DOTS = (".", "..")
"""Sessions may be called so, but browsers and proxies take such a part of a path for a step."""


class SessionConverter(BaseConverter):
    """A session id: as it is, or behind a ``~`` where a path must not show it."""

    def to_python(self, value: str) -> str:
        """The session's id."""
        return value[1:] if value.startswith("~") and value[1:] in DOTS else value

    def to_url(self, value: str) -> str:
        """How an address has it."""
        return f"~{value}" if value in DOTS else quote(value, safe="")


class NumberConverter(IntegerConverter):
    """A whole number; one that is larger than databases can look for stands for none: 0."""

    def to_python(self, value: str) -> int:
        """The number."""
        number = int(super().to_python(value))
        return number if number < 2**63 else 0


class UnhurriedRule(Rule):
    """A route whose address builder is compiled when an address is first built.

    To compile those of all routes takes longer than everything else that makes an application,
    and most processes build few addresses, or none.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compiled: list[Callable[..., tuple[str, str]]] = []

        def build(rule: UnhurriedRule, **values: Any) -> tuple[str, str]:
            if not compiled:
                compiled.append(super()._compile_builder(append_unknown))
            return compiled[0](rule, **values)

        return build


def init_app(app: Flask) -> None:
    """Teach the routes; before any of them is made."""
    app.url_rule_class = UnhurriedRule
    app.url_map.converters["session"] = SessionConverter
    app.url_map.converters["int"] = NumberConverter
