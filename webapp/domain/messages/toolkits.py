"""What is said of Composio and its toolkits."""

from __future__ import annotations

from webapp.domain.messages.marking import N_

TOOLKITS = {
    "no_such_toolkit": N_("There is no toolkit “%(name)s”; ask Composio which there are."),
}
