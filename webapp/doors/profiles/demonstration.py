"""The profile that needs no key: one click makes it, where somebody wants to try a model."""

from __future__ import annotations

from itertools import count

from webapp.domain.providers import OFFLINE, PROVIDERS
from webapp.doors.profiles import llm
from webapp.queries import profiles


def there(*, by: str) -> str:
    """The name of an active offline profile, which is made if there is none."""
    if rows := profiles.llm_active_of(OFFLINE):
        return str(rows[0].profile_name)
    taken = {row.profile_name for row in profiles.llm_all()}
    names = (OFFLINE if number == 1 else f"{OFFLINE}-{number}" for number in count(1))
    free = next(name for name in names if name not in taken)
    model = PROVIDERS[OFFLINE].default_model
    return llm.create({"profile_name": free, "provider": OFFLINE, "model": model}, by=by)
