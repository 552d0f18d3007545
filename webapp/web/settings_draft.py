"""A form of settings as it stands: what was typed, what is ticked, and what is wrong where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from webapp.domain.errors import Refused
from webapp.web.forms import as_sentence


@dataclass
class Draft:
    """Texts by the names of their fields, and what is ticked; never a secret that is stored."""

    typed: dict[str, str] = field(default_factory=dict)
    ticked: set[str] = field(default_factory=set)
    problems: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        return self.typed.get(name, "")

    def take(self, refusal: Refused) -> None:
        """Say it beside its fields; what is not about one is raised."""
        if not refusal.fields:
            raise refusal
        self.problems |= {name: as_sentence(reason) for name, reason in refusal.fields.items()}

    def text(self, name: str) -> str | None:
        """What was typed; None if that says nothing."""
        return self[name].strip() or None

    def number(self, name: str) -> Any:
        """A number; what is none stays as it was typed, and nothing is None."""
        text = self.text(name)
        for read in (int, float):
            try:
                return None if text is None else read(text)
            except ValueError:
                continue
        return text


def texts(form: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    """What was typed into these fields, its lines as we store them."""
    return {name: form.get(name, "").replace("\r\n", "\n").strip() for name in names}


def written(value: Any) -> str:
    """A stored value as a field takes it."""
    if isinstance(value, float):
        return f"{value:.12g}"
    return "" if value is None else str(value)
