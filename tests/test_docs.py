"""The documentation and the program say the same: every name in one exists in the other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TypeGuard

import click
import pytest
from apiflask import APIFlask

from webapp.agents.http.settings import HttpSettings
from webapp.agents.llm.settings import LlmSettings
from webapp.agents.shell.settings import ShellSettings
from webapp.api.tasks import SubmitBody
from webapp.cli import main
from webapp.cli.ending import MEANINGS
from webapp.config import Settings
from webapp.domain.providers import PROVIDERS
from webapp.runtime.catalogue import BUILT_IN
from webapp.sources import FOR_TASKS, PREFIX
from webapp.web.documents import heading_id

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]

VARIABLE = re.compile(r"\bLINEUP_[A-Z_]+\b\*?")
LINK = re.compile(r"\]\(([^)#\s]*)#?([^)\s]*)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
SPAN = re.compile(r"```.*?```|`[^`]+`", re.DOTALL)
ADDRESS = re.compile(
    r"(?:\b(GET|POST|PUT|DELETE) |https?://127\.0\.0\.1(?::\d+)?|(?<=[\s`\"'(]))"
    r"(/[a-z][^\s`\"')|\\]*)"
)
CALL = re.compile(r"(?<![\w/.:-])lineup ((?:[a-z][a-z-]* ?)+)([^`\n]*)")
OPTION = re.compile(r"(?<![\w-])(--?[a-z][a-z-]*)")
LONGEST = 250
COMMAND = re.compile(
    r"(?<![\w/.:-])(?:\.venv/bin/)?lineup ((?:[a-z][a-z-]+)(?:[ |\\]+[a-z][a-z-]+)*)"
)
SYSTEM = (
    "/bin/",
    "/dev/",
    "/etc/",
    "/home/",
    "/opt/",
    "/proc/",
    "/srv/",
    "/tmp/",
    "/usr/",
    "/var/",
)


@cache
def text(page: Path) -> str:
    """A page's text."""
    return page.read_text("utf-8")


def code(page: Path) -> Iterator[str]:
    """What a page sets as code."""
    yield from SPAN.findall(text(page))


def table(page: Path, heading: str) -> list[list[str]]:
    """The rows of the table whose first heading is this, cell by cell."""
    lines = text(page).splitlines()
    [start] = [at for at, line in enumerate(lines) if line.startswith(f"| {heading} |")]
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return rows


def settings() -> set[str]:
    """Every setting by its name in the environment."""
    return {f"{PREFIX}{name.upper()}" for name in [*Settings.model_fields, "config"]}


def given_to_tasks() -> set[str]:
    """Every variable that the program names as one for commands."""
    sources = "\n".join(path.read_text("utf-8") for path in (ROOT / "webapp").rglob("*.py"))
    return set(re.findall(rf"\b{FOR_TASKS}[A-Z_]*[A-Z]\b", sources))


def commands(group: click.Group, *before: str) -> Iterator[str]:
    """Every command by its words."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, *before, name)
        else:
            yield " ".join((*before, name))


def named_commands(page: Path) -> Iterator[str]:
    """Every command a page names; ``a|b`` are two."""
    for span in code(page):
        for found in COMMAND.findall(span):
            *words, last = found.replace("\\", "").split()
            yield from (" ".join((*words, name)) for name in last.split("|"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_variable_that_is_named_exists(page: Path) -> None:
    known = settings() | given_to_tasks()

    named = set(VARIABLE.findall(text(page)))

    assert not {n for n in named if not n.endswith("*")} - known
    for prefix in (n.rstrip("*") for n in named if n.endswith("*")):
        assert any(name.startswith(prefix) for name in known), prefix


def test_every_setting_is_in_the_readme_with_its_default() -> None:
    rows = {name.strip("`"): default for name, default, _ in table(README, "setting")}
    assert set(rows) == settings()

    for name, field in Settings.model_fields.items():
        shown = rows[f"{PREFIX}{name.upper()}"]
        default = field.get_default()
        if isinstance(default, bool):
            assert shown == f"`{str(default).lower()}`", name
        elif isinstance(default, int | float):
            assert shown == f"`{default:g}`", name
        elif default and isinstance(default, str):
            assert shown == f"`{default}`", name


def test_every_agent_and_every_setting_of_keeping_has_its_line() -> None:
    tasks, operating = (text(ROOT / "docs" / f"{name}.md") for name in ("tasks", "operating"))
    built_in = tasks.partition("## Agents")[2].partition("are built in")[0]
    assert set(re.findall(r"`(\w+)`", built_in)) == set(BUILT_IN)

    keeping = {name for name in settings() if name.startswith(f"{PREFIX}KEEP_")}
    assert keeping <= set(VARIABLE.findall(operating))


def test_every_command_is_in_the_readme_and_every_one_that_is_named_exists() -> None:
    exist = set(commands(main))
    for page in PAGES:
        for name in named_commands(page):
            assert any(f"{name} ".startswith(f"{known} ") for known in exist), (
                f"{page.name}: {name}"
            )

    shown = "\n".join(row[0] for row in table(README, "command")).replace("\\", "")
    for command in exist:
        *group, name = command.split()
        assert re.search(rf"lineup {' '.join(group)}\s?[\w|-]*\b{name}\b", shown), command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_address_that_is_named_is_answered(app: APIFlask, page: Path) -> None:
    addresses = app.url_map.bind("127.0.0.1")
    for span in code(page):
        for method, path in ADDRESS.findall(span):
            if path.startswith(SYSTEM):
                continue
            plain = re.sub(r"[<{][^>}]*[>}]", "x", path.partition("?")[0]).rstrip(".,;")
            methods = [method] if method else ["GET", "POST", "DELETE"]
            assert any(addresses.test(plain, method=m) for m in methods), f"{method} {path}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_place_that_is_there(page: Path) -> None:
    for target, anchor in LINK.findall(text(page)):
        if "://" in target:
            continue
        found = (page.parent / target).resolve() if target else page
        assert found.exists(), target
        if anchor:
            assert anchor in map(heading_id, HEADING.findall(text(found))), f"{target}#{anchor}"


def test_every_page_is_short_and_the_readme_leads_to_it() -> None:
    for page in PAGES[1:]:
        assert len(text(page).splitlines()) <= LONGEST, page.name
        assert f"](docs/{page.name})" in text(README), page.name


def options(command: click.Command) -> set[str]:
    """How a command's options are written."""
    written = {"--help", "-h"}
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            written.update(parameter.opts, parameter.secondary_opts)
    return written


def command_of(words: list[str]) -> click.Command:
    """The command that these words begin with."""
    found: click.Command = main
    for word in words:
        inner = found.get_command(click.Context(found), word) if _is_group(found) else None
        if inner is None:
            break
        found = inner
    return found


def _is_group(command: click.Command) -> TypeGuard[click.Group]:
    return isinstance(command, click.Group)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_option_that_is_named_is_the_commands_own(page: Path) -> None:
    every = {one for name in commands(main) for one in options(command_of(name.split()))}
    for span in code(page):
        for words, rest in CALL.findall(span):
            given = re.split(r" -- |\s#|&&|[;|]", f" {rest} ")[0]
            unknown = set(OPTION.findall(given)) - options(command_of(words.split()))
            assert not unknown, f"lineup {words}{rest}: {unknown}"
        if re.fullmatch(r"`--[a-z-]+`", span) and page.name != "README.md":
            assert span.strip("`") in every, span


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_that_is_named_exists(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))

    for span in code(page):
        named = set(re.findall(r"(?<![\w-])make ([a-z]+)", span))
        assert not named - targets


def test_every_field_of_a_submission_is_explained_and_the_reverse() -> None:
    fields = table(ROOT / "docs/tasks.md", "field")
    named = {n for row in fields for n in re.findall(r"`(\w+)`", row[0])}

    assert named == {*SubmitBody.model_fields, *ShellSettings.__dataclass_fields__}


def test_every_setting_of_the_http_agent_is_explained_and_the_reverse() -> None:
    rows = table(ROOT / "docs/http.md", "setting")
    named = [n for row in rows for n in re.findall(r"`(\w+)`", row[0])]

    assert sorted(named) == sorted(HttpSettings.__dataclass_fields__)


def test_every_setting_of_the_llm_agent_is_explained_and_the_reverse() -> None:
    rows = table(ROOT / "docs/llm.md", "setting")
    named = [n for row in rows for n in re.findall(r"`(\w+)`", row[0])]

    assert sorted(named) == sorted(LlmSettings.__dataclass_fields__)


def test_every_provider_is_explained_and_the_reverse() -> None:
    rows = table(ROOT / "docs/llm.md", "provider")
    named = [n for row in rows for n in re.findall(r"`(\w+)`", row[0])]

    assert sorted(named) == sorted(PROVIDERS)


def test_every_exit_status_is_explained_as_the_help_does() -> None:
    explained = {int(status): meaning for status, meaning in table(ROOT / "docs/cli.md", "status")}

    assert {code: meaning.replace("`", "") for code, meaning in explained.items()} == MEANINGS


def test_the_map_shows_every_room_and_none_that_is_not_there() -> None:
    named = {n for row in table(README, "room") for n in re.findall(r"`([\w/.]+)`", row[0])}
    rooms = {f"webapp/{path.parent.name}/" for path in (ROOT / "webapp").glob("*/__init__.py")}

    assert rooms <= named
    assert not {name for name in named if not (ROOT / name).exists()}


def test_every_variable_that_a_command_is_given_is_explained_and_the_reverse() -> None:
    explained = set(
        re.findall(rf"\b{FOR_TASKS}[A-Z_]*[A-Z]\b", text(ROOT / "docs/shell-protocol.md"))
    )

    assert given_to_tasks() - {f"{FOR_TASKS}SUPERVISOR"} == explained
