"""The toolkits of Composio that a run is given, as the database says now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from webapp.agents.protocol import Toolkit
from webapp.domain.toolkits import ACTIVE, NOT_NEEDED
from webapp.queries import toolkits

if TYPE_CHECKING:
    from webapp.runtime.console import RunConsole
    from webapp.runtime.context import Context


def of_run(context: Context, settings: Mapping[str, Any], console: RunConsole) -> Sequence[Toolkit]:
    """Those that are enabled and that the task wants; raises a Refused secret."""
    rows = _wanted(context.call(toolkits.enabled), settings.get("toolkits"), console)
    if not rows:
        return ()
    key = context.call(toolkits.key)
    if key is None:
        console.say("llm_toolkit_no_key")
        return ()
    opened = context.agents.opened({"key": key.sealed})["key"]
    return [
        Toolkit(
            slug=row.slug,
            name=row.name,
            url=context.settings.composio_url,
            key=opened,
            tools=row.tools,
            needs_account=row.connection_status != NOT_NEEDED,
            account=row.connection_id if row.connection_status == ACTIVE else None,
        )
        for row in rows
    ]


def _wanted(
    found: Sequence[Any], wanted: Sequence[str] | None, console: RunConsole
) -> Sequence[Any]:
    """What a task names and is not there is told."""
    if wanted is None:
        return found
    there = {row.slug: row for row in found}
    for slug in wanted:
        if slug not in there:
            console.say("llm_toolkit_unknown", toolkit=slug)
    return [there[slug] for slug in wanted if slug in there]
