"""Which names, peers and proxies the guard answers to."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from tests.web.conftest import error

Serve = Callable[..., APIFlask]


def health(app: APIFlask, host: str, **environ: str) -> int:
    """The status of /health when asked for under this name."""
    client = app.test_client()
    return client.get("/health", headers={"Host": host}, environ_base=environ).status_code


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:7420",
        "localhost.evil.example",
        "127.0.0.1.evil.example:7420",
        "192.168.1.7:7420",
        "localhost:port",
        "evil@localhost",
        "localhost/evil",
        "[::1",
        "",
    ],
)
def test_a_rebound_name_is_refused(anonymous: FlaskClient, host: str) -> None:
    response = anonymous.get("/api/status", headers={"Host": host})
    assert response.status_code == 400
    assert error(response) == "host_unknown"


def test_the_name_is_checked_before_the_token(api: FlaskClient) -> None:
    assert api.get("/api/status", headers={"Host": "evil.example"}).status_code == 400
    assert api.get("/api/status").status_code == 200


def test_a_page_says_which_name_is_unknown(anonymous: FlaskClient) -> None:
    response = anonymous.get("/login", headers={"Host": "evil.example"})
    assert response.status_code == 400
    assert "evil.example" in response.text


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:7420", "127.0.0.1:7420", "127.1.2.3", "[::1]:7420"]
)
def test_loopback_names_are_known(app: APIFlask, host: str) -> None:
    assert health(app, host) == 200


def test_a_tunnel_with_another_port_gets_through(app: APIFlask) -> None:
    assert health(app, "localhost:8000") == 200


def test_allowed_hosts_are_known(serve: Serve) -> None:
    app = serve(allowed_hosts="box.lan, other.lan:8443")
    assert health(app, "box.lan:7420") == 200
    assert health(app, "BOX.lan") == 200
    assert health(app, "other.lan:8443") == 200
    assert health(app, "other.lan:7420") == 400
    assert health(app, "third.lan") == 400


def test_the_public_url_is_known(serve: Serve) -> None:
    app = serve(public_url="https://lineup.example")
    assert health(app, "lineup.example") == 200
    assert health(app, "evil.example") == 400


def test_addresses_are_known_only_to_a_server_that_listens_everywhere(serve: Serve) -> None:
    everywhere = serve(host="0.0.0.0")
    assert health(everywhere, "192.168.1.7:7420") == 200
    assert health(everywhere, "evil.example:7420") == 400
    here = serve(host="192.168.1.7")
    assert health(here, "192.168.1.7:7420") == 200
    assert health(here, "192.168.1.8:7420") == 400


@pytest.mark.parametrize(
    "header",
    ["Forwarded", "X-Forwarded-For", "X-Forwarded-Anything", "X-Real-IP", "Via"],
)
def test_without_login_a_proxy_is_refused(serve: Serve, header: str) -> None:
    app = serve(auth="off", trusted_proxies="127.0.0.1")
    response = app.test_client().get("/api/status", headers={header: "127.0.0.1"})
    assert response.status_code == 403
    assert error(response) == "not_local"


@pytest.mark.parametrize("peer", ["192.168.1.7", "10.0.0.1", "fe80::1", "::ffff:10.0.0.1", ""])
def test_without_login_another_machine_is_refused(serve: Serve, peer: str) -> None:
    assert health(serve(auth="off"), "localhost", REMOTE_ADDR=peer) == 403


@pytest.mark.parametrize("host", ["evil.example", "box.lan", "192.168.1.7", ""])
def test_without_login_another_name_is_refused(serve: Serve, host: str) -> None:
    app = serve(auth="off", allowed_hosts="box.lan", public_url="https://box.lan")
    assert health(app, host) == 403


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_without_login_this_machine_may_do_everything(serve: Serve, peer: str) -> None:
    client = serve(auth="off").test_client()
    environ = {"REMOTE_ADDR": peer}
    assert client.get("/api/status", environ_base=environ).status_code == 200
    # Refused because nothing runs, not by the guard.
    assert error(client.post("/api/tasks/stop", environ_base=environ)) == "no_active_task"


def test_forwarding_headers_of_a_stranger_are_not_believed(serve: Serve) -> None:
    app = serve(public_url="https://lineup.example", trusted_proxies="10.0.0.0/8")
    client = app.test_client()
    headers = {"Host": "evil.example", "X-Forwarded-Host": "lineup.example"}
    untrusted = client.get("/health", headers=headers, environ_base={"REMOTE_ADDR": "11.0.0.1"})
    assert untrusted.status_code == 400
    trusted = client.get("/health", headers=headers, environ_base={"REMOTE_ADDR": "10.2.3.4"})
    assert trusted.status_code == 200


def test_a_trusted_proxy_tells_the_scheme(serve: Serve) -> None:
    app = serve(allowed_hosts="lineup.example", trusted_proxies="10.0.0.1")

    headers = {
        "Host": "lineup.example",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-For": "9.9.9.9, 1.2.3.4",
        "Origin": "https://lineup.example",
        "Authorization": "Bearer nonsense",
    }
    client = app.test_client()
    # The origin is ours only if the scheme was believed: then the token is what is wrong.
    told = client.post("/api/tasks/stop", headers=headers, environ_base={"REMOTE_ADDR": "10.0.0.1"})
    assert told.status_code == 401
    untold = client.post(
        "/api/tasks/stop", headers=headers, environ_base={"REMOTE_ADDR": "10.0.0.2"}
    )
    assert untold.status_code == 403
