"""How a sealed secret looks where it is stored, and how it is shown: by its ending alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

MASK = "•••"
SEALED, ENDING = "$sealed", "ending"
SHOWN = 4
LONG_ENOUGH = 12
"""A secret shorter than this is not even shown by its ending."""
DEEPEST = 4
"""How far inside a setting a secret may lie."""
MASKED_WHOLE = ("env",)
"""Settings that are not sealed, but whose values are for nobody's eyes all the same."""


def sealed(token: str, text: str) -> dict[str, str]:
    """What is stored instead of ``text``, which ``token`` opens to."""
    return {SEALED: token, ENDING: ending(text)}


def ending(text: str) -> str:
    """By how much of a secret a person may recognise it."""
    return text[-SHOWN:] if len(text) >= LONG_ENOUGH else ""


def is_sealed(value: Any) -> bool:
    """Whether this stands where a secret was."""
    return isinstance(value, Mapping) and SEALED in value


def holds_sealed(value: Any) -> bool:
    """Whether a sealed secret stands anywhere in this that one would be opened."""
    found: list[Any] = []
    each(value, lambda one: found.append(one) if is_sealed(one) else None)
    return bool(found)


def is_mask(value: Any) -> bool:
    """Whether this is what people are shown instead of a secret."""
    return isinstance(value, str) and value.startswith(MASK)


def shown(value: Mapping[str, Any]) -> str:
    """A sealed secret as it may be shown."""
    return f"{MASK}{value.get(ENDING) or ''}"


def each(value: Any, change: Callable[[Any], Any], *, deep: int = DEEPEST) -> Any:
    """``value`` with ``change`` made to every text and every sealed secret in it."""
    if isinstance(value, str) or is_sealed(value):
        return change(value)
    if deep and isinstance(value, Mapping):
        return {name: each(inner, change, deep=deep - 1) for name, inner in value.items()}
    if deep and isinstance(value, list):
        return [each(inner, change, deep=deep - 1) for inner in value]
    return value


def within(
    value: Any, path: Sequence[str], change: Callable[[Any, str], Any], *, place: str = ""
) -> Any:
    """``value`` with ``change`` made to every text and every sealed secret at the end of ``path``.

    ``*`` in a path stands for any name. ``change`` is told the place, as ``servers.files.env``.
    """
    if not path:
        return each(value, lambda one: change(one, place))
    if not isinstance(value, Mapping):
        return value
    first, *rest = path
    return {
        name: within(inner, rest, change, place=f"{place}.{name}" if place else str(name))
        if first in ("*", name)
        else inner
        for name, inner in value.items()
    }


def masked(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as they may be shown: secrets by their ending, variables by their names."""

    def mask(one: Any) -> Any:
        return shown(one) if is_sealed(one) else one

    found = {name: each(value, mask) for name, value in settings.items()}
    for name in MASKED_WHOLE:
        if isinstance(found.get(name), Mapping):
            found[name] = dict.fromkeys(found[name], MASK)
    return found


def merged(earlier: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Earlier settings with the changes; a mask that comes back leaves what it stood for.

    A setting that is not among the changes stays. One that is counts as a whole: a name that is
    left out of it is gone.
    """
    kept = {name: _unmasked(value, earlier.get(name)) for name, value in changes.items()}
    return {**earlier, **kept}


def _unmasked(value: Any, earlier: Any, deep: int = DEEPEST) -> Any:
    if is_mask(value):
        stood_for = shown(earlier) if is_sealed(earlier) else MASK
        return earlier if earlier is not None and value in (MASK, stood_for) else value
    if deep and isinstance(value, Mapping) and isinstance(earlier, Mapping):
        return {
            name: _unmasked(inner, earlier.get(name), deep - 1) for name, inner in value.items()
        }
    return value
