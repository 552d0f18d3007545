"""The folder tree is the architecture: who may import whom, and who alone may do what."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted((ROOT / "webapp").rglob("*.py"))
EVERYTHING = [*MODULES, ROOT / "wsgi.py", *sorted((ROOT / "migrations").rglob("*.py"))]
TESTS = sorted((ROOT / "tests").rglob("*.py"))
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))

BASE = {"domain", "models", "db"}
DOOR = {
    *("services", "queries", "domain", "ports", "output", "files"),
    *("clock", "config", "version"),
    *("doors", "housekeeping"),
}
MAY_IMPORT = {  # room or module at the top: what of ours it may know
    # These know nothing of ours.
    "domain": set(),
    "clock": {"domain"},  # the names of zones
    "sources": set(),
    "config": {"sources"},
    "logs": set(),
    "gate": set(),  # around the database while the process forks
    "engines": {"gate"},  # what one database does differently from another
    "db": {"gate", "engines"},
    "output": set(),  # files by logical offset
    "agents": set(),
    "files": {"domain"},  # on disk
    "vault": {"domain"},  # seals secrets
    # The core.
    "models": {"db", "domain"},
    "services": BASE,
    "queries": BASE,
    "courier": {"domain", "clock"},  # carries notices out of the house
    "broker": {"agents", "domain"},  # asks Composio for its tools
    "prober": {"agents", "domain", "ports", "clock"},  # asks providers whether they are there
    "ports": {"courier", "config", "output", "files", "vault"},
    "schema": {"services", "db", "clock", "sources"},  # brings a database up to date
    "runtime": {"services", "queries", "agents", "domain", "ports", "output", "db", "version"}
    | {"clock", "config", "sources", "housekeeping", "files", "vault", "courier"},
    # Removes what was deleted and what is old.
    "housekeeping": {"services", "queries", "ports", "config", "clock", "files"},
    # One archive of everything, and back.
    "backup": {"domain", "sources"},
    # Finds what disagrees, and mends it.
    "doctor": {"services", "queries", "domain", "config", "vault"},
    # What pages and JSON do alike.
    "doors": {
        "services",
        "queries",
        "domain",
        "ports",
        "courier",
        "files",
        "db",
        "config",
        "clock",
    },
    "web": DOOR | {"sources", "doctor"},  # where the documentation lies; what it finds
    "api": DOOR,
}
SEES_ALL = {"", "cli"}
"""``webapp/__init__.py`` wires the rooms; the command line stands before all of them."""

HEAVY = {
    *("pydantic_ai", "mcp", "openai", "anthropic", "composio", "playwright"),
    *("genai_prices", "boto3", "botocore", "fastmcp", "google"),
    *("celery", "redis", "procrastinate", "psycopg", "numpy", "pandas"),
    *("pytest", "hypothesis", "tests", "benchmarks"),
}
WRITES_TASKS = re.compile(r"\s*(UPDATE|INSERT INTO)\s+tasks\b", re.IGNORECASE)
STOPWATCHES = {"monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns"}
CALENDARS = {"time", "time_ns", "localtime", "gmtime", "ctime", "now", "utcnow", "today"}


def read(path: Path) -> ast.Module:
    """A module as a tree."""
    return ast.parse(path.read_text("utf-8"), str(path))


def named(path: Path) -> str:
    """A path as people say it."""
    return path.relative_to(ROOT).as_posix()


def room(path: Path) -> str:
    """The room a module of ours lies in, or its own name if it lies at the top."""
    parts = path.relative_to(ROOT / "webapp").with_suffix("").parts
    return "" if parts == ("__init__",) else parts[0]


def imports(tree: ast.Module) -> Iterator[str]:
    """Every module that is imported, at the top or late, by its full name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            if node.module == "webapp":
                yield from (f"webapp.{alias.name}" for alias in node.names)
            else:
                yield node.module


def ours(tree: ast.Module) -> Iterator[str]:
    """Every room of ours that is imported."""
    for name in imports(tree):
        if name.startswith("webapp."):
            part = name.split(".")[1]
            yield "version" if part == "__version__" else part


def libraries(path: Path) -> set[str]:
    """The top name of everything that is imported."""
    return {name.split(".")[0] for name in imports(read(path))}


def dotted(node: ast.AST) -> str:
    """``a.b.c`` of an attribute look-up; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{before}.{node.attr}" if (before := dotted(node.value)) else ""
    return ""


def from_import(path: Path, module: str) -> set[str]:
    """What a module takes by name from another."""
    found = (node for node in ast.walk(read(path)) if isinstance(node, ast.ImportFrom))
    return {alias.name for node in found if node.module == module for alias in node.names}


def uses(path: Path) -> set[str]:
    """Every dotted name in a module."""
    return {name for node in ast.walk(read(path)) if (name := dotted(node))}


def test_every_room_is_known_and_the_rules_have_no_circle() -> None:
    rooms = {room(path) for path in MODULES} - SEES_ALL
    assert rooms == set(MAY_IMPORT)

    left = dict(MAY_IMPORT)
    while left:
        free = {name for name, needed in left.items() if not needed & set(left)}
        assert free, f"these depend on each other: {sorted(left)}"
        left = {name: needed for name, needed in left.items() if name not in free}


def test_imports_point_one_way() -> None:
    wrong = {
        named(path): found
        for path in MODULES
        if room(path) not in SEES_ALL
        and (found := set(ours(read(path))) - MAY_IMPORT[room(path)] - {room(path)})
    }

    assert not wrong


def test_the_rules_of_lineup_know_no_library_but_croniter_which_nobody_else_knows() -> None:
    plain = {*sys.stdlib_module_names, "croniter", "webapp"}
    for path in MODULES:
        foreign = libraries(path)
        if room(path) == "domain":
            assert foreign <= plain, named(path)
        else:
            assert "croniter" not in foreign, named(path)


def test_agents_and_the_core_know_no_web_and_agents_no_database() -> None:
    web = {"flask", "apiflask", "werkzeug", "flask_babel", "flask_wtf", "flask_sqlalchemy"}
    for path in MODULES:
        if room(path) in {"agents", "domain", "models", "services", "queries"}:
            assert not libraries(path) & web, named(path)
        if room(path) == "agents":
            assert "sqlalchemy" not in libraries(path), named(path)


def test_nothing_heavy_is_imported_but_a_driver_where_its_database_is_used() -> None:
    late = {ROOT / "webapp" / "agents" / name for name in ("llm", "browser")}  # import them late
    others = [path for path in MODULES if path.parent not in late]
    found = {named(path): heavy for path in others if (heavy := libraries(path) & HEAVY)}

    assert found == {"webapp/engines/postgresql.py": {"psycopg"}}


def test_only_the_command_line_and_two_agents_ask_a_server() -> None:
    asking = [p for p in MODULES if "httpx" in libraries(p) and room(p) != "cli"]
    agents = ROOT / "webapp" / "agents"
    assert {p.parent for p in asking} == {agents / "http", agents / "llm"}


def test_only_services_queries_and_the_command_line_have_a_session() -> None:
    others = [p for p in MODULES if room(p) not in {"services", "queries", "cli", "db"}]

    assert not [named(path) for path in others if "db.session" in uses(path)]


def test_only_moves_writes_the_status_of_a_task() -> None:
    copies = {"webapp/services/activity.py", "webapp/services/counts.py"}  # a session's, of it
    writers = {"webapp/services/moves.py", *copies}
    for path in [*MODULES, ROOT / "wsgi.py"]:
        if named(path) not in writers:
            assert not list(_writes_of_status(read(path))), named(path)


def _writes_of_status(tree: ast.Module) -> Iterator[int]:
    """The lines that write something called status to an object, a row or a table."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            if node.attr == "status" and dotted(node) != "self.status":
                yield node.lineno
        elif isinstance(node, ast.Call) and dotted(node.func) == "setattr":
            if any(isinstance(a, ast.Constant) and a.value == "status" for a in node.args):
                yield node.lineno
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr == "values" and "status" in _keys(node):
                yield node.lineno
        elif isinstance(node, ast.Constant) and WRITES_TASKS.match(str(node.value)):
            yield node.lineno


def _keys(call: ast.Call) -> set[object]:
    """The names that a call is given, as keywords or in a dictionary that is written out."""
    dictionaries = [node for node in ast.walk(call) if isinstance(node, ast.Dict)]
    written = {k.value for d in dictionaries for k in d.keys if isinstance(k, ast.Constant)}
    return written | {keyword.arg for keyword in call.keywords}


def test_only_the_clock_reads_the_clock() -> None:
    owners = ("time", "datetime", "datetime.datetime", "date", "datetime.date")
    calendar = {f"{owner}.{name}" for owner in owners for name in CALENDARS}
    stopwatch = {f"time.{name}" for name in STOPWATCHES}
    for path in [*MODULES, ROOT / "wsgi.py"]:
        if named(path) == "webapp/clock.py":
            continue
        knows_no_clock = path.is_relative_to(ROOT / "webapp") and room(path) in {"agents", "output"}
        forbidden = calendar if knows_no_clock else calendar | stopwatch
        assert not uses(path) & forbidden, named(path)
        assert not from_import(path, "time") & (CALENDARS | STOPWATCHES), named(path)


def test_only_the_settings_read_the_environment() -> None:
    may = {"webapp/sources.py", "wsgi.py"}
    for path in [*MODULES, ROOT / "wsgi.py"]:
        if named(path) not in may:
            assert not uses(path) & {"os.environ", "os.environb", "os.getenv"}, named(path)
            assert not from_import(path, "os") & {"environ", "environb", "getenv"}, named(path)


def test_every_module_says_what_it_is_for() -> None:
    assert not [
        named(path) for path in [*EVERYTHING, *TESTS] if not (ast.get_docstring(read(path)) or "")
    ]


def test_no_file_is_longer_than_can_be_overlooked() -> None:
    files = [*EVERYTHING, *TESTS, *TEMPLATES]
    lengths = {named(path): len(path.read_text("utf-8").splitlines()) for path in files}

    assert not {name: length for name, length in lengths.items() if length > 300}


def test_no_template_trusts_what_was_written_or_needs_more_than_the_strict_policy() -> None:
    forbidden = (
        r"\|\s*safe\b|\{%-?\s*autoescape",
        r"\sstyle\s*=|<style\b",
        r"<script\b(?![^>]*\bsrc=)",
        r"\s(hx-)?on[:a-z]+\s*=",
    )
    for path in TEMPLATES:
        for pattern in forbidden:
            found = re.search(pattern, path.read_text("utf-8"), re.IGNORECASE)
            assert found is None, f"{named(path)}: {found}"
