"""What is said of LLM profiles and MCP servers."""

from __future__ import annotations

from webapp.domain.messages.marking import N_

PROFILES = {
    "no_such_profile": N_("There is no LLM profile “%(name)s”."),
    "no_default_profile": N_("There is no default LLM profile."),
    "no_such_mcp_profile": N_("There is no such MCP server."),
    "no_such_provider": N_("There is no provider “%(name)s”."),
    "name_is_taken": N_("The name “%(name)s” is taken already."),
    "too_many_profiles": N_("There are %(limit)s already; delete one first."),
    "default_stays": N_(
        "“%(name)s” is the default LLM profile: make another one the default before it is "
        "switched off."
    ),
    "default_not_deleted": N_(
        "“%(name)s” is the default LLM profile: make another one the default before it is deleted."
    ),
    "inactive_not_default": N_("“%(name)s” is not active, and cannot be the default LLM profile."),
    "profile_created": N_("The LLM profile “%(name)s” is there; test it."),
    "profile_changed": N_("The LLM profile “%(name)s” is changed."),
    "profile_deleted": N_("The LLM profile “%(name)s” is deleted, and its key with it."),
    "profile_is_default": N_("“%(name)s” is the default LLM profile."),
    "llm_answers": N_("%(model)s answered."),
    "llm_test_busy": N_("Other tests are still under way. Try again in a moment."),
    "llm_test_silent": N_("There was no answer within %(seconds)s s."),
    "models_not_listed": N_("The models cannot be listed: %(reason)s"),
    "models_of_nobody": N_("Nobody is asked: this model is built in."),
    "models_need_profile": N_(
        "No LLM profile of this provider is active, by means of which it could be asked."
    ),
    "mcp_answers": N_("It has started, and has %(count)s tools."),
    "mcp_silent": N_("It was not ready within %(seconds)s s."),
    "mcp_failed": N_("It does not start: %(why)s"),
    "mcp_created": N_("The MCP server “%(name)s” is there; test it."),
    "mcp_changed": N_("The MCP server “%(name)s” is changed."),
    "mcp_deleted": N_("The MCP server “%(name)s” is deleted."),
}
