"""A real server tells a real receiver of a flow that fails, whatever happens to it in between."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.processes.archives import lineup, members
from tests.processes.server import Home
from tests.receiver import Receiver, receiver
from tests.waiting import until

__all__ = ["receiver"]

SECRET = "sesame-open-sesame"


def test_a_notice_outlives_its_server_and_its_secret_is_in_no_file_log_or_backup(
    home: Home, receiver: Receiver, tmp_path: Path
) -> None:
    first = home.server().start()
    channel = {"name": "phone", "url": receiver.address(f"hook/{SECRET}")}
    assert first.http.post("/api/notifications/channels", json=channel).status_code == 201
    flow = {"name": "invoices", "agent": "shell", "task_description": "echo no paper; exit 3"}
    flow_id = first.http.post("/api/flows", json=flow).json()["flow_id"]

    first.http.post(f"/api/flows/{flow_id}/run", json={})
    until(lambda: home.query("SELECT * FROM deliveries"), home.logs, patience_s=60)
    first.kill()
    in_hand = "UPDATE deliveries SET next_try_at = '2000-01-01 00:00:00' WHERE state = 'pending'"
    with closing(sqlite3.connect(home.data / "lineup.db", isolation_level=None)) as database:
        database.execute(in_hand)  # as if what the dead server had taken were free again

    with home.server():
        told = "SELECT * FROM deliveries WHERE state = 'sent'"
        until(lambda: home.query(told), home.logs, patience_s=60)
        assert lineup(home.data, "backup", tmp_path / "b.tar.gz").exit_code == 0

    assert receiver.titles == ["invoices failed"] * len(receiver.titles)
    assert receiver.paths[0] == f"/hook/{SECRET}"
    assert "no paper" in receiver.taken[0]["message"]
    assert SECRET not in home.logs()
    saved = members(tmp_path / "b.tar.gz")
    kept = {file: file.read_bytes() for file in home.data.rglob("*") if file.is_file()}
    assert not [name for name, data in {**saved, **kept}.items() if SECRET.encode() in data]
