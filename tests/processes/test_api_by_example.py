"""The examples of docs/ do what they say: they are run, in order, against a real server."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.processes.server import ROOT, Home, Server

BLOCK = re.compile(r"^```(sh|json)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DONE = "this example is over"


def examples(page: str = "api.md") -> list[tuple[str, Any]]:
    """Every block of shell with the answer shown after it, if one is."""
    blocks = BLOCK.findall((ROOT / "docs" / page).read_text("utf-8"))
    found = []
    for at, (kind, block) in enumerate(blocks):
        shown = at + 1 < len(blocks) and blocks[at + 1][0] == "json"
        if kind == "sh":
            found.append((block, json.loads(blocks[at + 1][1]) if shown else None))
    return found


class Shell:
    """One shell in which a reader tries everything, one block after the other."""

    def __init__(self, server: Server, directory: Path) -> None:
        self._server = server
        (directory / "lineup").write_text(
            f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m webapp.cli "$@"\n'
        )
        (directory / "lineup").chmod(0o755)
        path = f"{directory}:{os.environ['PATH']}"
        self._bash = subprocess.Popen(
            ["bash", "-euo", "pipefail"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env={**server.environment, "PATH": path},
            text=True,
        )

    def run(self, block: str) -> str:
        """What the block prints; fails if one of its commands does."""
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        block = block.replace("http://127.0.0.1:7420", self._server.url)
        self._bash.stdin.write(f"{block}\necho; echo '{DONE}'\n")
        self._bash.stdin.flush()
        said = ""
        for line in self._bash.stdout:
            if line.strip() == DONE:
                return said
            said += line
        pytest.fail(f"{block}\nended with {self._bash.wait()} and said:\n{said}")

    def close(self) -> None:
        """End it."""
        self._bash.kill()
        self._bash.communicate()


@pytest.fixture
def shell(home: Home, tmp_path: Path) -> Iterator[Shell]:
    """A shell beside a server of its own."""
    directory = tmp_path / "reader"
    directory.mkdir()
    with home.server(durability="normal") as server:
        made = Shell(server, directory)
        yield made
        made.close()


def answers(said: str) -> list[Any]:
    """Every JSON object in what was printed."""
    starts = re.finditer(r"^\{|(?<=\})\{", said, re.MULTILINE)
    return [json.JSONDecoder().raw_decode(said, start.start())[0] for start in starts]


def has_shape(answer: Any, shown: Any) -> bool:
    """Whether everything that is shown is there, whatever its value."""
    if isinstance(shown, dict):
        return isinstance(answer, dict) and all(
            name in answer and has_shape(answer[name], value) for name, value in shown.items()
        )
    if isinstance(shown, list) and shown:
        return isinstance(answer, list) and bool(answer) and has_shape(answer[0], shown[0])
    return True


def test_every_example_works_and_answers_in_the_shape_that_is_shown(
    shell: Shell, home: Home
) -> None:
    for block, shown in examples():
        said = shell.run(block)
        if "/api/tasks/submit" in block and shown and shown["success"]:
            [task_id] = [one["task_id"] for one in answers(said)]
            home.becomes(task_id, "running")
        if shown is not None:
            assert any(has_shape(one, shown) for one in answers(said)), f"{block}\n{said}"


def test_every_example_of_schedules_works_and_answers_in_the_shape_that_is_shown(
    shell: Shell,
) -> None:
    shell.run(examples()[0][0])
    for block, shown in examples("schedules.md"):
        said = shell.run(block)
        if shown is not None:
            assert any(has_shape(one, shown) for one in answers(said)), f"{block}\n{said}"


def test_every_example_of_flows_works(shell: Shell, home: Home) -> None:
    shell.run(examples()[0][0])
    for block, _ in examples("flows.md"):
        said = shell.run(block)
        for answer in answers(said):
            if "workspace_dir" in answer:
                home.becomes(answer["task_id"], "completed")
