"""What pages and JSON do alike with files of flows: read, checked as a whole, stored or not."""

from __future__ import annotations

import functools
import pwd
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from webapp import clock
from webapp.domain import crontab, parameters, secrets
from webapp.domain.bundles import MAX_FLOWS, MAX_TEXT, Bundle, Entry, Problem
from webapp.domain.errors import Invalid, Refused
from webapp.domain.lanes import MAX_LANES
from webapp.domain.policies import LANE_NAME, MAIN_LANE, MAX_NAME, cut
from webapp.doors import flow_files, flows, schedules
from webapp.doors.due import settle
from webapp.doors.intake import check_text, unsealed
from webapp.ports import ports
from webapp.queries import flows as stored
from webapp.services import imports as verbs
from webapp.services import schedules as rules
from webapp.services.flows import NAME_TAKEN
from webapp.services.imports import Existing, Item, Outcome

Kind = Literal["yaml", "crontab"]
_YAML = re.compile(r"^(lineup|flows|---)\b", re.MULTILINE)
SYSTEM_USERS = {
    *("root", "www-data", "nobody", "daemon", "postgres", "mysql", "apache", "nginx", "ubuntu"),
    *("admin", "deploy", "git", "backup", "app"),
}
"""Names that stand in the user column of many machines, of this one or not."""


BUILT_IN = {"cd", "[", "test", "if", "for", "while", "exec", "export", ".", "(", "{", "umask"}


@dataclass(frozen=True)
class Choice:
    """How a file is taken in."""

    kind: Kind | None = None
    """What it is; found out if left out."""
    existing: Existing = "refuse"
    timezone: str | None = None
    """The zone of rules that say none; the machine's if left out."""
    lane: str | None = None
    """The lane of all flows, whatever the file says; None: the file's, of a crontab one each."""


@dataclass
class Report:
    """What was done, or would be; with problems nothing is."""

    kind: Kind
    outcome: Outcome
    notes: list[Problem] = field(default_factory=list)
    """What of the file is not taken over, by line."""

    @property
    def problems(self) -> list[Problem]:
        """Why nothing is done."""
        return self.outcome.problems


def bring_in(text: Any, choice: Choice, *, dry_run: bool, by: str) -> Report:
    """Store the flows and schedules of a file, switched off, or say why none is; all or nothing."""
    bundle, kind = _read(text, choice)
    if choice.timezone is not None:
        try:
            zone = schedules.CHECKS["timezone"](choice.timezone)
        except ValueError as error:
            raise Invalid.field("timezone", str(error)) from None
    else:
        zone = clock.machine_zone()
    _give_lanes(bundle, choice, kind)
    problems = list(bundle.problems)
    items = [
        item
        for entry in bundle.entries
        if (item := _item(entry, zone, choice.existing, problems)) is not None
    ]
    _refuse_twice(bundle.entries, problems)
    if choice.existing == "refuse":
        fine = {item.line for item in items}
        _refuse_taken([one for one in bundle.entries if one.line not in fine], problems)
    now = clock.now()
    if choice.existing == "replace" and not dry_run and not problems:
        settle(now)  # what is due by now is due by the rules as they were
    outcome = verbs.bring_in(
        items,
        existing=choice.existing,
        min_interval_s=ports().settings.min_interval,
        dry_run=dry_run or bool(problems),
        by=by,
        now=now,
    )
    named = {entry.line: entry for entry in bundle.entries}
    outcome.problems = sorted(
        [*problems, *(_placed(problem, named) for problem in outcome.problems)],
        key=lambda problem: problem.line,
    )
    if not bundle.entries and not outcome.problems:
        outcome.problems.append(Problem(1, "there is no flow in it"))
    if not dry_run and not outcome.problems:
        for lane in outcome.lanes:
            ports().wake.lane(lane)
        ports().wake.schedules()
    return Report(kind, outcome, bundle.notes)


def _read(text: Any, choice: Choice) -> tuple[Bundle, Kind]:
    try:
        text = check_text(text, MAX_TEXT)
    except ValueError as error:
        raise Invalid.field("text", str(error)) from None
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    kind: Kind = choice.kind or ("yaml" if _YAML.search(text) else "crontab")
    if kind == "yaml":
        return flow_files.read(text), kind
    bundle = crontab.read(text, is_user_column=_is_user_column, home=str(Path.home()))
    if len(bundle.entries) > MAX_FLOWS:
        raise Invalid.field("text", f"has more than {MAX_FLOWS:,} rules")
    return bundle, kind


def _is_user_column(word: str, command: str) -> bool:
    """Whether this is the name of somebody, and what follows is what they are to run."""
    runs = command.startswith("/") or command in BUILT_IN or shutil.which(command) is not None
    return runs and _is_user(word)


@functools.lru_cache(maxsize=1_000)
def _is_user(word: str) -> bool:
    """Whether this is the name of somebody, and not of a program."""
    try:
        known = word in SYSTEM_USERS or bool(pwd.getpwnam(word))
    except (KeyError, ValueError):
        return False
    return known and shutil.which(word) is None


def _give_lanes(bundle: Bundle, choice: Choice, kind: Kind) -> None:
    """cron runs its jobs side by side: each has a lane of its own, unless one is named."""
    if choice.lane is not None:
        if not LANE_NAME.fullmatch(choice.lane):
            raise Invalid.field("lane", "must be the name of a lane, such as main")
        for entry in bundle.entries:
            entry.flow["lane"] = choice.lane
    elif kind == "crontab":
        if len(bundle.entries) > MAX_LANES:
            many = f"{len(bundle.entries):,} jobs cannot have a lane each; name one for all of them"
            raise Invalid.field("lane", many)
        taken: set[str] = {MAIN_LANE}
        for entry in bundle.entries:
            entry.flow["lane"] = _lane_of(str(entry.flow["name"]), taken)


def _lane_of(name: str, taken: set[str]) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40].strip("-") or "job"
    tried, number = plain, 2
    while tried in taken:
        tried, number = f"{plain}-{number}", number + 1
    taken.add(tried)
    return tried


def _item(entry: Entry, zone: str, existing: Existing, problems: list[Problem]) -> Item | None:
    """A flow and its schedule, checked; None, and the reasons among the problems, if it is not."""
    before = len(problems)
    notes = list(entry.notes)
    draft = terms = None
    try:
        draft = flows.draft(_without_masks(unsealed(entry.flow), existing, notes))
    except Refused as refusal:
        problems += _blamed(entry, refusal, "")
    if entry.schedule is not None:
        try:
            # the database would say so, too, but is not given what has another problem
            declared, wrong = parameters.declared(entry.flow.get("parameters", []))
            rules.check_runs_alone(_called(entry.flow), [] if wrong else declared)
        except Refused as refusal:
            problems += _blamed(entry, refusal, "")
        try:
            terms = replace(schedules.terms(entry.schedule, zone=zone), is_enabled=False)
        except Refused as refusal:
            problems += _blamed(entry, refusal, "schedule.")
    if draft is None or len(problems) > before:
        return None
    return Item(entry.line, draft, terms, tuple(notes))


def _without_masks(flow: Mapping[str, Any], existing: Existing, notes: list[str]) -> dict[str, Any]:
    """A flow without what stands for secrets; one that is replaced keeps its own."""
    fields = dict(flow)
    own = fields.get("agent_settings")
    if isinstance(own, Mapping):
        fields = {**fields, **own}
        del fields["agent_settings"]
    if existing == "replace" and (name := _called(flow)):
        fields = _kept(stored.settings_of(name, fields.get("agent")), fields)
    found: list[str] = []
    cleared = {key: _cleared(value, key, found) for key, value in fields.items()}
    if found:
        notes.append(f"Secrets are not in a file; set them again: {', '.join(found)}.")
    return cleared


def _kept(earlier: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    together = secrets.merged(earlier, fields)
    return {name: value for name, value in together.items() if name in fields}


def _cleared(value: Any, path: str, found: list[str]) -> Any:
    if secrets.is_mask(value):
        found.append(path)
        return None
    if isinstance(value, Mapping) and not secrets.is_sealed(value):
        inner = {name: _cleared(part, f"{path}.{name}", found) for name, part in value.items()}
        return {name: part for name, part in inner.items() if part is not None}
    return value


def _refuse_twice(entries: Sequence[Entry], problems: list[Problem]) -> None:
    lines: dict[str, int] = {}
    for entry in entries:
        name = _called(entry.flow)
        first = lines.setdefault(name, entry.line)
        if name and first != entry.line:
            reason = f"line {first} has the same name, “{cut(name, MAX_NAME)}”"
            problems.append(Problem(entry.line, reason, "name"))


def _refuse_taken(entries: Iterable[Entry], problems: list[Problem]) -> None:
    """What the database says of the others is said of these, too, which it is not given."""
    named = {_called(entry.flow): entry for entry in entries}
    taken = (named[name] for name in stored.taken(named))
    problems += [Problem(entry.line_of("name"), NAME_TAKEN, "name") for entry in taken]


def _called(flow: Mapping[str, Any]) -> str:
    """The name a flow is to have; nothing if it cannot have it, nor a database be asked for it."""
    name = flow.get("name")
    return name.strip() if isinstance(name, str) and name.isprintable() else ""


def _blamed(entry: Entry, refusal: Refused, prefix: str) -> list[Problem]:
    if not refusal.fields:
        return [Problem(entry.line, str(refusal))]
    return [
        Problem(entry.line_of(f"{prefix}{name}"), reason, f"{prefix}{name}")
        for name, reason in refusal.fields.items()
    ]


def _placed(problem: Problem, entries: Mapping[int, Entry]) -> Problem:
    """A problem that the database found, at the line of its field."""
    if problem.field is None or problem.line not in entries:
        return problem
    of_schedule = problem.field in schedules.CHECKS and problem.field != "description"
    name = f"schedule.{problem.field}" if of_schedule else problem.field
    return Problem(entries[problem.line].line_of(name), problem.reason, name)
