"""Names of time zones: which there are, and what somebody may have meant."""

from __future__ import annotations

import difflib
import functools
import zoneinfo

_NOT_MEANT = ("posix/", "right/", "posixrules", "localtime", "Factory")
_NEAR = 3


def resolve(name: str) -> str:
    """The IANA name as it is written; raises ValueError that names near ones."""
    wanted = name.strip().replace(" ", "_").casefold()
    known = _known()
    if wanted in known:
        return known[wanted]
    near = [known[one] for one in _near(wanted, known)]
    hint = f": do you mean {' or '.join(near)}?" if near else ", as in Europe/Berlin"
    raise ValueError(f"{name[:64]!r} is no time zone{hint}")


@functools.cache
def _known() -> dict[str, str]:
    names = (name for name in zoneinfo.available_timezones() if not name.startswith(_NOT_MEANT))
    return {name.casefold(): name for name in names}


@functools.cache
def _cities() -> dict[str, list[str]]:
    """Names by what stands behind their last stroke: people say Berlin, and mean Europe/Berlin."""
    cities: dict[str, list[str]] = {}
    for name in sorted(_known()):
        cities.setdefault(name.rpartition("/")[2], []).append(name)
    return cities


def _near(wanted: str, known: dict[str, str]) -> list[str]:
    wanted = wanted[:64]
    last = wanted.rpartition("/")[2]
    found = list(_cities().get(last, ()))
    found += difflib.get_close_matches(wanted, known, n=_NEAR, cutoff=0.75)
    for city in difflib.get_close_matches(last, _cities(), n=_NEAR, cutoff=0.75):
        found += _cities()[city]
    return list(dict.fromkeys(found))[:_NEAR]
