"""Crontabs: what each line becomes, and what is said of what cannot be taken over."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.api.test_import import flows, send

CRONTAB = """\
# m h dom mon dow command
SHELL=/bin/bash
MAILTO=me@example.org
PATH = "/opt/bin:/usr/bin:/bin"

# Nightly backup
# to the other disk
0 2 * * * make backup
CRON_TZ=Asia/Tokyo
*/15 9-17 * * mon-fri	echo "  kept as it is"
#0 5 * * * not any more
@daily make backup
"""


def take(api: FlaskClient, text: str, **fields: Any) -> dict[str, Any]:
    """Import a crontab."""
    return send(api, text, format="crontab", **fields)


@pytest.mark.any_database
@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("# only\n@reboot make ready", 2, "machine starts"),
        ("17 * * * * root cd / && run-parts /etc/cron.hourly", 1, "user column"),
        ("0 5 * * * nobody /usr/bin/true", 1, "user column"),
        ("* * * * * * /usr/bin/true", 1, "sixth column"),
        ("*/5 * * * *", 1, "no rule with a command"),
        ("hello", 1, "no rule"),
        ("0 25 * * * true", 1, "25"),
        ("0 0 31 2 * true", 1, "never"),
        ("@sometimes true", 1, "@sometimes"),
        ("SHELL=/bin/no-such-shell\n1 1 1 1 * true", 2, "not an existing file"),
        ("SHELL=/usr/bin/env\n1 1 1 1 * cat%hello", 2, "%"),
        ("HOME=/no/such/place\n1 1 1 1 * true", 2, "not an existing directory"),
        ("CRON_TZ=Mars/Base\n1 1 1 1 * true", 2, "no time zone"),
        ("LINEUP_PORT=1\n1 1 1 1 * true", 2, "LINEUP_"),
        ("# nothing", 1, "no flow"),
    ],
)
def test_a_line_that_cannot_be_taken_over_is_named(
    api: FlaskClient, text: str, line: int, said: str
) -> None:
    answer = take(api, text)

    assert answer["success"] is False
    assert answer["problems"][0]["line"] == line
    assert said in answer["problems"][0]["reason"]
    assert flows(api) == {}


def test_each_line_becomes_a_flow_with_a_schedule(api: FlaskClient) -> None:
    answer = take(api, CRONTAB, timezone="Europe/Berlin")

    assert answer["success"] is True, answer["problems"]
    found = flows(api)
    backup, quarterly, daily = (found[flow["name"]] for flow in answer["flows"])
    assert backup["name"] == "Nightly backup"
    assert backup["description"] == "Nightly backup\nto the other disk"
    assert quarterly["task_description"] == 'echo "  kept as it is"'
    assert daily["name"] == "make backup"
    assert backup["agent_settings"]["shell"] == "/bin/bash"
    assert list(backup["agent_settings"]["env"]) == ["PATH"]
    rules = {row["flow_name"]: row for row in api.get("/api/schedule").get_json()}
    assert rules["Nightly backup"]["cron_expression"] == "0 2 * * *"
    assert rules["Nightly backup"]["timezone"] == "Europe/Berlin"
    assert rules[quarterly["name"]]["timezone"] == "Asia/Tokyo"
    assert not any(row["is_enabled"] for row in rules.values())
    said = {note["line"]: note["reason"] for note in answer["notes"]}
    assert "MAILTO is not taken over" in said[3]
    assert "commented out" in said[11]


TEMPLATE = """\
# Edit this file to introduce tasks to be run by cron.
#
# For example, you can run a backup of all your user accounts
# at 5 a.m every week with:
# 0 5 * * 1 tar -zcf /var/backups/home.tgz /home/
#{space}
# For more information see the manual pages of crontab(5) and cron(8)
#{space}
{columns}
"""


@pytest.mark.any_database
@pytest.mark.parametrize(
    "columns",
    ["# m h  dom mon dow   command", "#min\thour\tday\tmonth\tweekday\tcommand", "#"],
)
def test_what_a_template_explains_is_said_of_no_job(api: FlaskClient, columns: str) -> None:
    text = TEMPLATE.format(space=" ", columns=columns) + "0 2 * * * make backup\n"

    [flow] = take(api, text)["flows"]

    assert (flow["name"], flow["lane"]) == ("make backup", "make-backup")
    assert flows(api)["make backup"]["description"] is None


@pytest.mark.any_database
def test_a_comment_in_a_frame_of_signs_is_the_name_of_its_job(api: FlaskClient) -> None:
    text = "########\n# Backup\n########\n0 2 * * * make backup\n"

    [flow] = take(api, text, dry_run=True)["flows"]

    assert flow["name"] == "Backup"


@pytest.mark.any_database
def test_a_command_with_input_is_called_what_its_line_says(api: FlaskClient) -> None:
    [flow] = take(api, "0 2 * * * echo %a%b\n", dry_run=True)["flows"]

    assert flow["name"] == "echo %a%b"


def test_imported_jobs_ride_side_by_side_unless_they_are_given_one_lane(
    api: FlaskClient,
) -> None:
    jobs = "".join(f"{minute} 3 * * * sleep {minute}\n" for minute in range(20))

    each = take(api, jobs, dry_run=True)
    together = take(api, jobs, dry_run=True, lane="nightly")

    assert len({flow["lane"] for flow in each["flows"]}) == 20
    assert each["lanes"] == [flow["lane"] for flow in each["flows"]]
    assert "main" not in each["lanes"]
    assert {flow["lane"] for flow in together["flows"]} == {"nightly"}
    assert take(api, jobs, lane="main")["lanes"] == []


def test_percent_signs_mean_what_they_mean_to_cron(
    api: FlaskClient, live: None, becomes: Any
) -> None:
    text = "0 2 * * * cat; date +\\%Y >/dev/null%first%se'cond $HOME\n"
    [flow] = take(api, text)["flows"]
    assert "standard input" in flow["notes"][0]

    run = api.post(f"/api/flows/{flow['flow_id']}/run", json={}).get_json()
    becomes(run["task_id"], "completed")

    output = api.get(f"/api/tasks/{run['task_id']}/output").get_json()["data"]
    assert output == "first\nse'cond $HOME\n"


@pytest.mark.any_database
def test_what_is_no_yaml_is_taken_for_a_crontab(api: FlaskClient) -> None:
    assert send(api, "0 1 * * * true\r\n", dry_run=True)["format"] == "crontab"
    assert send(api, "# mine\nlineup: 1\nflows: []", dry_run=True)["format"] == "yaml"


@pytest.mark.any_database
def test_more_jobs_than_there_may_be_lanes_need_one_that_is_named(api: FlaskClient) -> None:
    jobs = "".join(f"{number % 60} 3 * * * true\n" for number in range(101))

    assert "lane" in take(api, jobs)["fields"]
    assert take(api, jobs, lane="main", dry_run=True)["success"] is True


@pytest.mark.any_database
def test_a_program_that_is_called_like_a_user_is_a_program(api: FlaskClient) -> None:
    assert (
        take(api, "0 1 * * * sync -f /\n0 2 * * * root-backup /\n0 3 * * * root -x\n")["success"]
        is True
    )


def test_commands_that_are_alike_are_numbered(api: FlaskClient) -> None:
    answer = take(api, "0 1 * * * true\n0 2 * * * true\n")

    assert [flow["name"] for flow in answer["flows"]] == ["true", "true (2)"]


@pytest.mark.any_database
def test_a_crontab_without_end_is_not_read_to_its_end(api: FlaskClient) -> None:
    rules = "* * * * * true\n" * 30_000
    assert "more than 1,000 rules" in take(api, rules, lane="main")["fields"]["text"]

    told = take(api, "hello\n" * 80_000)["problems"]
    assert len(told) == 1_000
