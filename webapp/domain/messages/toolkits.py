"""What is said of Composio and its toolkits."""

from __future__ import annotations

from webapp.domain.messages.marking import N_

TOOLKITS = {
    "no_such_toolkit": N_("There is no toolkit “%(name)s”; ask Composio which there are."),
    "composio_failed": N_("Composio says: %(said)s"),
    "composio_no_key": N_("There is no key for Composio yet."),
    "composio_key_valid": N_("Composio takes the key; it is kept, encrypted."),
    "composio_ready": N_("Composio takes the key."),
    "toolkit_enabled": N_("Tasks are given the tools of “%(name)s” from now on."),
    "toolkit_to_connect": N_("“%(name)s” is on; connect an account, so that tasks can use it."),
    "toolkit_disabled": N_("“%(name)s” is off."),
    "toolkit_connected": N_("“%(name)s” is connected."),
    "toolkit_not_connected": N_("“%(name)s” is not connected yet."),
    "toolkits_synchronised": N_("Composio has %(count)s toolkits."),
    "tools_chosen": N_("The tools of “%(name)s” are chosen."),
}
