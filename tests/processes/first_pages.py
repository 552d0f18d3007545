"""Start Lineup, log in and open pages: ``python tests/processes/first_pages.py DATA PATH…``.

Writes as JSON the status that each path was answered with, and every library that was imported.
Nothing of the tests is imported here, so that it is Lineup who did.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from flask.testing import FlaskClient

from webapp import clock, create_app, runtime
from webapp.config import Settings
from webapp.schema import prepare
from webapp.services import people
from webapp.services.profiles import llm, mcp


def store() -> None:
    """A profile of a provider with a library of its own, and a server: there is much to show."""
    profile = {"profile_name": "claude", "provider": "anthropic", "model": "claude-sonnet-4-5"}
    server = {
        "display_name": "Files",
        "mcp_server_name": "files",
        "mcp_server_params": {"command": "true"},
    }
    llm.create(profile, by="tests", now=clock.now())
    mcp.create(server, by="tests", now=clock.now())


def enter(client: FlaskClient, secret: str) -> None:
    """Log in with a link."""
    path = f"/login/link/{secret}"
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get(path).text)
    assert found is not None
    client.post(path, data={"csrf_token": found[1]})


def main(data: str, *paths: str) -> None:
    app = create_app(Settings(data=Path(data)))
    prepare(app)
    runtime.start(app)
    with app.app_context():
        store()
        owner = people.ensure_owner(clock.now())
        link = people.new_login_link(None, clock.now())
        token = people.create_token(owner, "tests", "admin", by="tests", now=clock.now())
    browser, script = app.test_client(), app.test_client()
    enter(browser, link)
    bearer = {"Authorization": f"Bearer {token}"}
    by_token = ("/api", "/metrics")
    statuses = {
        path: script.get(path, headers=bearer).status_code
        if path.startswith(by_token)
        else browser.get(path).status_code
        for path in paths
    }
    runtime.stop(app)
    libraries = sorted({name.split(".")[0] for name in sys.modules})
    sys.stdout.write(json.dumps({"statuses": statuses, "libraries": libraries}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
