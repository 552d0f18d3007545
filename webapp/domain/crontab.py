"""Crontab lines as flows with schedules: what cron would do with each, or why that cannot be.

The format is that of a user's crontab, as ``crontab -l`` prints it: five columns and a command.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from webapp.domain.bundles import MAX_FLOWS, Bundle, Entry, Problem

NAME = 80
"""Characters of a comment or command by which a flow is known."""
INPUT = "LINEUP_INPUT"
STDIN_SHELLS = ("sh", "bash", "dash", "ash", "ksh", "zsh")
"""Shells in which a here-document is written as in sh."""
_SETTING = re.compile(r"""\s*(["']?)([A-Za-z_][A-Za-z0-9_]*)\1\s*=\s*(.*?)\s*""")
_MACRO = re.compile(r"\s*(@\S+)\s+(\S.*)")
_FIELDS = re.compile(r"\s*((?:\S+\s+){4}\S+)\s+(\S.*)")
_FIELD = re.compile(r"[0-9*@][0-9A-Za-z*,/#~-]*")
_COLUMNS = re.compile(r"m(?:in(?:ute)?s?)?\s+h(?:r|our)?s?(?:\s+\S+){3,}", re.IGNORECASE)
"""A comment that names the columns, as Debian's template ends with it: of no rule in particular."""
_PERCENT = re.compile(r"(?<!\\)%")


@dataclass
class _Reader:
    """Goes through the lines with what the lines before have set."""

    is_user_column: Callable[[str, str], bool]
    home: str
    found: Bundle = field(default_factory=Bundle)
    env: dict[str, str] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    number: int = 0

    def read(self, line: str) -> None:
        """Take in one line."""
        self.number += 1
        text = line.strip()
        if not text or text == "#":
            self.comments = []
        elif text.startswith("#"):
            self._comment(text.lstrip("#").strip())
        elif setting := _SETTING.fullmatch(line):
            self._set(setting[2], _unquoted(setting[3]))
            self.comments = []
        elif entry := (_MACRO if text.startswith("@") else _FIELDS).fullmatch(text):
            self._entry(" ".join(entry[1].split()), entry[2])
            self.comments = []
        else:
            self._refuse("is no comment, no NAME=value, and no rule with a command")

    def _comment(self, text: str) -> None:
        rule = _FIELDS.fullmatch(text)
        if rule and all(_FIELD.fullmatch(part) for part in rule[1].split()):
            self._note("This rule is commented out, and is left out.")
        elif _COLUMNS.fullmatch(text):
            self.comments = []
        elif text:
            self.comments.append(text)

    def _set(self, name: str, value: str) -> None:
        if name == "MAILTO" or name == "MAILFROM":
            if value:
                self._note(f"{name} is not taken over: output is kept with each run.")
        elif name in ("LOGNAME", "USER"):
            self._note(f"{name} is not taken over: everything runs as the server's user.")
        else:
            self.env[name] = value
            if name == "TZ":
                self._note("TZ is given to the commands; as with cron, it moves no rule.")

    def _entry(self, rule: str, command: str) -> None:
        if rule == "@reboot":
            self._refuse("@reboot is no time: nothing here runs when a machine starts")
            return
        first = command.split(maxsplit=1)[0]
        if _FIELD.fullmatch(first) and not first.isalnum():
            self._refuse(f"has a sixth column ({first}); a crontab has five, and no seconds")
            return
        words = command.split()
        if len(words) > 1 and self.is_user_column(first, words[1]):
            self._refuse(
                f"“{first}” looks like the user column of a system crontab: take that column "
                "out; everything runs as the server's user"
            )
            return
        shell = self.env.get("SHELL", "/bin/sh")
        notes: list[str] = []
        done = _with_input(command, shell, notes)
        if done is None:
            self._refuse(f"% gives a command its input, which is not known of {shell}")
            return
        self._add(rule, done, shell, notes, written=command)

    def _add(self, rule: str, command: str, shell: str, notes: list[str], *, written: str) -> None:
        others = ("SHELL", "CRON_TZ")
        env = {name: value for name, value in self.env.items() if name not in others}
        flow = {
            "name": self._name(written),
            "description": "\n".join(self.comments) or None,
            "agent": "shell",
            "task_description": command,
            "shell": shell,
            "working_dir": env.get("HOME", self.home),
            "env": env or None,
        }
        schedule: dict[str, object] = {"cron_expression": rule}
        if "CRON_TZ" in self.env:
            schedule["timezone"] = self.env["CRON_TZ"]
        self.found.entries.append(Entry(self.number, flow, schedule, notes))

    def _name(self, command: str) -> str:
        """The first words of its comment, or of the command as written; each once in the file."""
        said = " ".join((self.comments[0] if self.comments else command).split())
        said = "".join(char if char.isprintable() else " " for char in said)
        name = said if len(said) <= NAME else f"{said[: NAME - 1].rstrip()}…"
        tried, number = name, 2
        while tried in self.names:
            tried, number = f"{name} ({number})", number + 1
        self.names.add(tried)
        return tried

    def _refuse(self, reason: str) -> None:
        self.found.problems.append(Problem(self.number, reason))

    def _note(self, text: str) -> None:
        self.found.notes.append(Problem(self.number, text))


def read(text: str, *, is_user_column: Callable[[str, str], bool], home: str) -> Bundle:
    """What a crontab says; ``is_user_column`` tells a user's name, by what follows it.

    ``home`` is where cron would start the commands. What comes behind too many rules, or too many
    problems, is not read: nothing of such a file is taken in.
    """
    reader = _Reader(is_user_column, home)
    for line in text.splitlines():
        reader.read(line)
        if len(reader.found.entries) > MAX_FLOWS or len(reader.found.problems) >= MAX_FLOWS:
            break
    return reader.found


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value


def _with_input(command: str, shell: str, notes: list[str]) -> str | None:
    """A command whose % is what cron makes of it: the first begins its input, others end lines."""
    before, *lines = (part.replace("\\%", "%") for part in _PERCENT.split(command))
    if not lines:
        return before
    if shell.rpartition("/")[2] not in STDIN_SHELLS:
        return None
    notes.append("What follows % is its standard input; here that is a here-document.")
    if lines[-1] == "":
        lines.pop()
    end = INPUT
    while end in lines:
        end += "_"
    return "\n".join([f"{{ {before.strip()}", f"}} <<'{end}'", *lines, end])
