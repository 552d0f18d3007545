"""Pages and fragments over a million tasks; a very long output; fifty dashboards that poll."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from benchmarks.figures import Figure, at_most, median, quantile, spread
from benchmarks.generate import generate
from benchmarks.lineup import Client, Home, Server, home
from benchmarks.tabs import watch
from webapp.output import OutputStore

PAGE_MS, FRAGMENT_MS, TEXT_MS, OUTPUT_MS = 100.0, 20.0, 50.0, 200.0
DEEP = 1.5
TABS = 50
CORE = 100 / 3
LINES = 1_000_000
PRINTS = "i=0; while [ $i -lt 600 ]; do i=$((i+1)); echo line $i; sleep 1; done"


Times = dict[str, list[float]]


@dataclass(frozen=True)
class Asked:
    """What is asked for, and how long it may take."""

    name: str
    path: str
    limit: float


def measure(*, quick: bool) -> list[Figure]:
    """Fill a new database, then ask a server that runs on it."""
    with home() as base:
        generate(base.data, tasks=20_000 if quick else 1_000_000)
        return figures(base, rounds=10 if quick else 60, seconds=10 if quick else 30)


def figures(base: Home, *, rounds: int, seconds: float) -> list[Figure]:
    """In every round each is asked for once, one after the other, over one kept connection."""
    with base.reader() as reader:
        [(newest, done, session)] = reader.execute(
            "SELECT seq, task_id, session_id FROM tasks WHERE status = 'completed'"
            " ORDER BY seq DESC LIMIT 1"
        ).fetchall()
        [(small,)] = reader.execute(
            "SELECT session_id FROM sessions WHERE task_count BETWEEN 5 AND 20 LIMIT 1"
        ).fetchall()
    print_lines(base.data / "output", done)
    with base.serve() as server:
        client = server.log_in()
        asked = [*_pages(newest, done, session), *_texts(small), *_fragments(newest)]
        times, walls = _ask(server, client, asked, rounds)
        found = [_figure(one, times[one.name], walls[one.name]) for one in asked]
        for kind in ("all tasks", "completed ones"):
            first, deep = (times[f"Tasks, {kind}, page {n}"] for n in ("1", "20,000"))
            detail = f"{median(deep):.1f} ms beside {median(first):.1f} ms"
            name = f"page 20,000 of {kind}, of page 1"
            found.append(at_most(name, median(deep) / median(first), DEEP, "x", detail))
        return found + _tabs(base, server, client, seconds)


def print_lines(outputs: Path, task_id: str, count: int = LINES) -> None:
    """Have a task's first attempt print that many lines."""
    writer = OutputStore(outputs).writer(task_id, 1)
    for start in range(0, count, 10_000):
        lines = (f"{n:07d} checked, uploaded and forgotten\n" for n in range(start, start + 10_000))
        writer.append("".join(lines).encode())
    writer.close()


def _pages(newest: int, done: str, session: str) -> list[Asked]:
    return [
        Asked("Now", "/", PAGE_MS),
        Asked("Tasks, all tasks, page 1", "/tasks", PAGE_MS),
        Asked("Tasks, all tasks, page 20,000", f"/tasks?before={max(60, newest % 50)}", PAGE_MS),
        Asked("Tasks, completed ones, page 1", "/tasks?status=completed", PAGE_MS),
        Asked("Tasks, completed ones, page 20,000", "/tasks?status=completed&before=90", PAGE_MS),
        Asked("Tasks of an agent", "/tasks?agent=browser", PAGE_MS),
        Asked("Tasks of a session", f"/tasks?session_id={session}", PAGE_MS),
        Asked("a task", f"/tasks/{done}", PAGE_MS),
        Asked("sessions", "/sessions", PAGE_MS),
        Asked("a long session", f"/sessions/{session}", PAGE_MS),
        Asked("health", "/settings/health", PAGE_MS),
        Asked("output of a million lines", f"/tasks/{done}/output", OUTPUT_MS),
    ]


def _texts(small: str) -> list[Asked]:
    here = "/api/tasks?limit=50&q="
    return [
        Asked("text in 30 %", f"{here}backup", TEXT_MS),
        Asked("text in 0.003 %", f"{here}quetzalcoatl", TEXT_MS),
        Asked("text in none", f"{here}nothing%20like%20this", TEXT_MS),
        Asked("Chinese text of two characters, rare", f"{here}{quote('熊猫')}", TEXT_MS),
        Asked("text in 30 % and a small session", f"{here}backup&session_id={small}", TEXT_MS),
        Asked("text in 30 % and a rare status", f"{here}backup&status=pending", TEXT_MS),
        Asked("rare text and a common status", f"{here}quetzalcoatl&status=completed", TEXT_MS),
        Asked("text and filters that exclude each other",
              f"{here}backup&agent=shell&llm_profile_name=fast", TEXT_MS),
    ]  # fmt: skip


def _fragments(newest: int) -> list[Asked]:
    window = f"top={newest}&bottom={newest - 49}"
    return [
        Asked("strip", "/strip", FRAGMENT_MS),
        Asked("middle of Now", "/now/riding", FRAGMENT_MS),
        Asked("beside it", "/now/aside", FRAGMENT_MS),
        Asked("rows of Tasks", f"/tasks/rows?{window}&first=1", FRAGMENT_MS),
        Asked("rows of Tasks, text", f"/tasks/rows?{window}&first=1&q=backup", FRAGMENT_MS),
    ]


def _ask(server: Server, client: Client, asked: list[Asked], rounds: int) -> tuple[Times, Times]:
    """Milliseconds of the server's processor, and until the answer was there."""
    times: Times = defaultdict(list)
    walls: Times = defaultdict(list)
    plain = client.headers
    for turn in range(rounds + 3):
        for one in asked:
            fragment = {"HX-Request": "true"} if one.limit == FRAGMENT_MS else {}
            client.headers = {**plain, **fragment}
            began, before = time.perf_counter(), server.processor_s()
            client.get(one.path)
            took = time.perf_counter() - began
            if turn >= 3:  # the first ones compile templates and statements
                times[one.name].append((server.processor_s() - before) * 1000)
                walls[one.name].append(took * 1000)
    client.headers = plain
    return times, walls


def _figure(asked: Asked, times: list[float], walls: list[float]) -> Figure:
    detail = f"all: {spread(times, 1)} ms; answered after {spread(walls, 1)} ms"
    return at_most(f"{asked.name}, p95", quantile(times, 0.95), asked.limit, "ms", detail)


def _tabs(base: Home, server: Server, client: Client, seconds: float) -> list[Figure]:
    """Fifty open Now pages: while a task is silent, and while it prints a line each second."""
    token = base.token()
    found = []
    for name, command in (("silent", "sleep 600"), ("printing", PRINTS)):
        body = {"agent": "shell", "task_description": command, "when_busy": "queue"}
        task = server.client(token).post("/api/tasks/submit", {**body, "priority": 1000})
        time.sleep(1)
        before, began = server.processor_s(), time.monotonic()
        answers = asyncio.run(watch(server.port, client.headers, TABS, seconds))
        share = (server.processor_s() - before) / (time.monotonic() - began) * 100
        detail = ", ".join(f"{count / seconds:.0f}/s {status}" for status, count in answers.items())
        found.append(at_most(f"{TABS} tabs, a {name} task", share, CORE, "% core", detail))
        server.client(token).post(f"/api/tasks/{task['task_id']}/stop", {})
        time.sleep(1)
    return found
