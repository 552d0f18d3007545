"""What is said of tasks that talk to models: why they wait, and why they could not be run."""

from __future__ import annotations

from webapp.domain.messages.marking import N_

MODELS = {
    "llm_connection_failed": N_("The LLM profile “%(profile)s” cannot be used: %(said)s"),
    "llm_profile_none": N_("There is no default LLM profile any more."),
    "llm_profile_gone": N_("There is no LLM profile “%(profile)s” any more."),
    "llm_profile_inactive": N_("The LLM profile “%(profile)s” is not active."),
    "run_budget_requests": N_("The run's budget of %(limit)s requests is used up."),
    "run_budget_tokens": N_("The run's budget of %(limit)s tokens is used up: %(used)s."),
    "run_budget_cost": N_("The run's budget of %(limit)s USD is used up: %(used)s USD."),
    "told_run_budget_requests": N_("The run has used %(part)s %% of its %(limit)s requests."),
    "told_run_budget_tokens": N_("The run has used %(part)s %% of its %(limit)s tokens."),
    "told_run_budget_cost": N_("The run has used %(part)s %% of its %(limit)s USD."),
    "llm_no_price": N_("There is a limit of money, and nobody knows what %(model)s costs."),
    "waits_for_session": N_("Another task of its session talks to a model; it is next."),
    "day_budget_requests": N_("The day's budget of %(limit)s requests to models is used up."),
    "day_budget_tokens": N_("The day's budget of %(limit)s tokens is used up: %(used)s."),
    "day_budget_cost": N_("The day's budget of %(limit)s USD for models is used up: %(used)s USD."),
    "flow_budget_requests": N_(
        "The flow “%(flow)s” has used up its budget of %(limit)s requests for today."
    ),
    "flow_budget_tokens": N_(
        "The flow “%(flow)s” has used up its budget of %(limit)s tokens for today: %(used)s."
    ),
    "flow_budget_cost": N_(
        "The flow “%(flow)s” has used up its budget of %(limit)s USD for today: %(used)s USD."
    ),
}
