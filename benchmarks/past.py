"""A made-up past: tasks of a year in many sessions, with attempts and log, as rows for tables."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from webapp.services.activity import Entry

LANES = {"main": 0.9, "crawl": 0.1}
AGENTS = {"shell": 0.7, "http": 0.15, "llm": 0.12, "browser": 0.03}
ENDS = {"completed": 0.88, "failed": 0.09, "stopped": 0.0295, "waits": 0.0005}
FLOWS = [f"{what}-{n}" for what in ("backup", "invoices", "crawl", "report") for n in range(10)]
PROFILES = ("fast", "careful", "local")
PER_SESSION = 45
OPEN_SESSIONS = 60
SUBJECTS = (
    *("the customer database", "invoices of March", "prices at the competition", "old log files"),
    *("the weekly report", "photos from the archive", "the search index", "newsletter addresses"),
    *(
        "客户数据库",
        "三月份的发票",
        "竞争对手的价格",
        "旧日志文件",
        "每周报告",
        "档案照片",
        "搜索索引",
    ),
)
VERBS = (
    *("Run the nightly backup of", "Check", "Fetch and compare", "Compress", "Summarise"),
    *("Send a reminder about", "Translate", "Count duplicates in"),
    *("备份并检查", "下载", "整理", "翻译", "生成报告:", "统计重复项:"),
)
RARE = ("quetzalcoatl", "Zeppelinträger", "熊猫保护区", "ÄPFEL")
"""Words that few descriptions hold: about one in 50,000."""
STEPS = ("reading", "comparing", "uploading", "cleaning up", "正在下载", "正在整理", "waiting")

Row = tuple[object, ...]


@dataclass
class Session:
    """What the sessions' table keeps of one."""

    session_id: str
    created_at: datetime
    last_activity: datetime
    tasks: int = 0
    entries: int = 0
    newest: str = ""
    status: str = ""
    title: str = ""
    last: Entry | None = None


@dataclass
class Past:
    """Makes tasks one after the other; what the counters must say is kept beside them."""

    count: int
    end: datetime
    workspaces: str
    span: timedelta = timedelta(days=365)
    chance: random.Random = field(default_factory=lambda: random.Random(7420))
    sessions: dict[str, Session] = field(default_factory=dict)
    lanes: dict[str, Counter[str]] = field(default_factory=lambda: {n: Counter() for n in LANES})
    _open: list[Session] = field(default_factory=list)

    def tasks(self) -> Iterator[tuple[Row, Row | None, list[Row], Session | None]]:
        """Task, attempt, entries of the log, and the session if this task opens it."""
        begin = self.end - self.span
        for number in range(self.count):
            at = begin + self.span * ((number + self.chance.random()) / self.count)
            yield self._task(number, at)

    def _task(self, number: int, at: datetime) -> tuple[Row, Row | None, list[Row], Session | None]:
        chance = self.chance
        session, fresh = self._session(at)
        agent, lane = _pick(chance, AGENTS), _pick(chance, LANES)
        end = _pick(chance, ENDS)
        task_id = str(_uuid7(at, chance))
        started = None if end == "waits" or chance.random() < 0.002 else at + _seconds(chance, 3)
        ended = None if end == "waits" else (started or at) + _seconds(chance, 20)
        if ended and ended > self.end:
            started, ended = min(started or at, self.end), self.end
        status = "pending" if end == "waits" else end if started else "stopped"
        entries = self._log(session, task_id, agent, status, (at, started, ended))
        error = f"exit status {chance.randint(1, 99)}" if status == "failed" else None
        text = entries[0].text if entries else self._description(agent)
        session.title = session.title or text[:300]
        task = (
            task_id, session.session_id, text, status,
            chance.choice(PROFILES) if agent == "llm" else None,
            f"{self.workspaces}/{session.session_id}", "thinking",
            f"done: {chance.randint(1, 9999)}" if status == "completed" else None, error,
            _at(at), _at(ended or started or at), _at(started), _at(ended), 5,
            chance.choice(FLOWS) if chance.random() < 0.3 else None, agent, "{}", lane,
            chance.choice((0, 0, 0, 0, 10, -10)), 1 if started else 0, 0,
            _at(self.end + timedelta(days=30)) if end == "waits" else None, "owner", 0,
        )  # fmt: skip
        attempt = None
        if started:
            attempt = (
                task_id, 1, "generated", _at(started), _at(ended), status, error,
                0 if status == "completed" else 1,
            )  # fmt: skip
        first = session.entries
        rows = [_entry(session.session_id, first + n, e, (started or at, ended or at), n)
                for n, e in enumerate(entries)]  # fmt: skip
        self._keep(session, task_id, (status, lane), entries, ended or at)
        return task, attempt, rows, session if fresh else None

    def _session(self, at: datetime) -> tuple[Session, bool]:
        chance = self.chance
        if len(self._open) == OPEN_SESSIONS and chance.random() > 1 / PER_SESSION:
            return chance.choice(self._open), False
        made = Session(str(_uuid7(at, chance)), at, at)
        self.sessions[made.session_id] = made
        if len(self._open) < OPEN_SESSIONS:
            self._open.append(made)
        else:  # the first few stay open for ever: some sessions are very long
            self._open[chance.randrange(3, OPEN_SESSIONS)] = made
        return made, True

    def _description(self, agent: str) -> str:
        chance = self.chance
        text = f"{chance.choice(VERBS)} {chance.choice(SUBJECTS)} no. {chance.randint(1, 99999)}"
        if chance.random() < 0.0001:
            text += f" {chance.choice(RARE)}"
        if agent == "shell":
            text = f"# {text}\ncd /srv/data && ./run.sh --number {chance.randint(1, 999)}"
        if chance.random() < 0.05:
            text += "\n" + "\n".join(
                f"echo step {n}: {chance.choice(STEPS)} >> job.log" for n in range(20)
            )
        return text

    def _log(
        self, session: Session, task_id: str, agent: str, status: str, times: tuple[object, ...]
    ) -> list[Entry]:
        if status == "pending":
            return []
        attempt = 1 if times[1] else 0
        steps = self.chance.randint(0, 6) if attempt else 0
        said = {"completed": "Completed.", "failed": "Failed: exit status 1", "stopped": "Stopped."}
        code = {"completed": "completed", "stopped": "stopped"}.get(status)
        working = [
            Entry(task_id, attempt, agent, "working", None, {},
                  f"step {n + 1} of {steps}: {self.chance.choice(STEPS)}")
            for n in range(steps)
        ]  # fmt: skip
        return [
            Entry(task_id, attempt, "user", "request", None, {}, self._description(agent)),
            *working,
            Entry(task_id, attempt, agent, "done", code, {}, said[status]),
        ]

    def _keep(
        self,
        session: Session,
        task_id: str,
        kept: tuple[str, str],
        entries: list[Entry],
        at: datetime,
    ) -> None:
        status, lane = kept
        session.tasks += 1
        session.entries += len(entries)
        session.newest, session.status = task_id, status
        session.last = entries[-1] if entries else session.last
        session.last_activity = max(session.last_activity, at)
        self.lanes[lane][status] += 1


def session_row(session: Session) -> Row:
    """The counters of a session, in the order in which they are updated; its id comes last."""
    last = f"{session.last.task_id}:{session.last.digest}" if session.last else None
    return (
        _at(session.last_activity), session.tasks, session.entries, last, session.newest,
        session.status, session.title, session.session_id,
    )  # fmt: skip


def new_session_row(session: Session, workspaces: str) -> Row:
    """A session before anything was counted."""
    at = _at(session.created_at)
    return session.session_id, f"{workspaces}/{session.session_id}", at, at, 0, 0


def _entry(
    session_id: str, index: int, entry: Entry, times: tuple[datetime, datetime], number: int
) -> Row:
    begin, end = times
    at = end if entry.status == "done" else min(end, begin + timedelta(seconds=number))
    return (
        session_id, index, entry.task_id, entry.attempt, entry.name, entry.status, entry.text,
        entry.code, json.dumps({}) if entry.code else None, _at(at),
    )  # fmt: skip


def _pick(chance: random.Random, shares: dict[str, float]) -> str:
    at = chance.random()
    for name, share in shares.items():
        at -= share
        if at < 0:
            return name
    return next(iter(shares))


def _seconds(chance: random.Random, median: float) -> timedelta:
    return timedelta(seconds=min(7200.0, median * chance.lognormvariate(0, 1.3)))


def _at(at: datetime | None) -> str | None:
    return at.strftime("%Y-%m-%d %H:%M:%S.%f") if at is not None else None


def _uuid7(at: datetime, chance: random.Random) -> UUID:
    number = int(at.timestamp() * 1000) << 80 | chance.getrandbits(80)
    number = number & ~(0xF << 76) | 7 << 76
    return UUID(int=number & ~(0x3 << 62) | 2 << 62)
