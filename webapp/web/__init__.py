"""The pages: blueprints for people, the guard before all doors, and how refusals look."""

from __future__ import annotations

from flask import Flask

from webapp.config import Settings


def init_app(app: Flask, settings: Settings) -> None:
    """Put the guard before every door and open those for people."""
    from webapp.web import (
        account,
        ahead,
        api_page,
        attention,
        composer,
        composio,
        filters,
        flows,
        freeze,
        guard,
        health,
        imports,
        lanes,
        llm_fields,
        llm_profiles,
        mcp_servers,
        model_facts,
        notices,
        now,
        refusals,
        reports,
        schedule_edit,  # noqa: F401  its views stand in the blueprint of schedules
        schedules,
        sessions,
        steps,
        tasks,
        workspace_files,
    )
    from webapp.web import help as help_pages

    guard.init_app(app, settings)
    refusals.init_app(app)
    filters.init_app(app)
    ahead.init_app(app)
    for words in (steps, model_facts, llm_fields):
        words.init_app(app)
    app.jinja_env.globals.update(
        attached=composer.attached,
        upload_limits=composer.upload_limits,
        offline_address=composer.offline_address,
        may_try_offline=composer.may_try_offline,
    )
    for room in (now, tasks, schedules, flows, sessions, workspace_files, reports, account):
        app.register_blueprint(room.bp)
    for room in (freeze, health, imports, lanes, notices, attention, help_pages, api_page):
        app.register_blueprint(room.bp)
    for room in (llm_profiles, mcp_servers, composio):
        app.register_blueprint(room.bp)
