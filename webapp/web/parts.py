"""Parts of a task's output as lines of HTML: the end, what came since, what was before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from markupsafe import Markup

from webapp import clock
from webapp.output import Chunk, OutputStore
from webapp.web import ansi
from webapp.web.ansi import Pen

PART = 96 * 1024
"""Bytes of output in one part: a few thousand lines of log at most."""
LINES = 1000
BEHIND = 8 * PART
"""A reader who follows and has fallen further behind is brought to the end at once."""
COUNTED = 1024 * 1024
MATCHES = 100
SEARCH_S = 2.0
"""How long a search goes on before it says how far it came."""


@dataclass(frozen=True)
class Line:
    """A line as it is shown; ``number`` is None where lines before it were dropped."""

    number: int | None
    html: Markup
    marked: bool


@dataclass(frozen=True)
class Part:
    """Lines from byte ``start`` on. The next part begins at ``next``, in line ``next_line``.

    The last line is ``unfinished`` while no line end has come: it is part of the next part too.
    ``end`` is how far this part reaches, ``dropped`` how many bytes before it were not kept.
    """

    attempt: int
    start: int
    next: int
    end: int
    size: int
    lines: list[Line]
    first_line: int | None
    next_line: int | None
    pen: Pen
    unfinished: bool
    dropped: int
    skipped: int = 0
    hit: int | None = None
    """Which of the lines was looked for."""


@dataclass(frozen=True)
class Match:
    """A line that contains what was searched."""

    offset: int
    number: int | None
    text: str


@dataclass(frozen=True)
class Found:
    """Lines that contain what was searched: the first ones if there are ``more``.

    ``searched``: how many bytes, if they were too many to search in all of them.
    """

    matches: list[Match]
    more: bool = False
    searched: int | None = None


@dataclass(frozen=True)
class Reader:
    """The output of one attempt."""

    store: OutputStore
    task_id: str
    attempt: int

    @property
    def size(self) -> int:
        """How many bytes there are by now."""
        return self.store.read(self.task_id, self.attempt, 0, 1).size

    def tail(self) -> Part:
        """The last part."""
        chunk = self.store.tail(self.task_id, self.attempt, LINES, PART)
        return self._part(chunk, self.line_at(chunk.offset), Pen())

    def last_lines(self, count: int) -> list[Markup]:
        """The last few lines that are meant for people: no marked ones, nothing empty."""
        chunk = self.store.tail(self.task_id, self.attempt, count * 4, 16 * 1024)
        lines, _ = _lines(chunk.data, 0, Pen())
        return [line.html for line in lines if not line.marked and line.html.strip()][-count:]

    def since(self, offset: int, line: int | None, pen: Pen, *, follow: bool) -> Part:
        """What came from ``offset`` on, or the end where a follower is far behind it."""
        chunk = self.store.read(self.task_id, self.attempt, offset, PART)
        if follow and chunk.size - offset > BEHIND:
            part = self.tail()
            return replace(part, skipped=part.start - offset)
        return self._part(chunk, None if chunk.gap else line, pen)

    def before(self, offset: int) -> Part:
        """What comes right before ``offset``, which is the beginning of a line."""
        start = max(0, offset - PART)
        chunk = self.store.read(self.task_id, self.attempt, start, offset - start)
        data = chunk.data[: max(0, offset - chunk.offset)]
        cut = data.find(b"\n") + 1 if chunk.offset else 0
        cut = max(cut, _start_of(data, LINES))
        begin = chunk.offset + cut
        kept = Chunk(begin, offset, data[cut:], chunk.size, chunk.gap if cut == 0 else None)
        return self._part(kept, self.line_at(begin), Pen())

    def around(self, offset: int) -> Part:
        """A part that begins a little before the line at ``offset``."""
        start = max(0, offset - PART // 4)
        chunk = self.store.read(self.task_id, self.attempt, start, PART)
        cut = chunk.data.find(b"\n") + 1 if start else 0
        begin = chunk.offset + cut
        kept = Chunk(begin, chunk.next_offset, chunk.data[cut:], chunk.size, chunk.gap)
        part = self._part(kept, self.line_at(begin), Pen())
        return replace(part, hit=kept.data[: max(0, offset - begin)].count(b"\n"))

    def line_at(self, offset: int) -> int | None:
        """The number of the line that begins at ``offset``, or None if lines before are gone."""
        count, at = 1, 0
        while at < offset:
            wanted = min(COUNTED, offset - at)
            chunk = self.store.read(self.task_id, self.attempt, at, wanted)
            if chunk.gap:
                return None
            if not chunk.data:
                break
            count += chunk.data[: offset - at].count(b"\n")
            at = chunk.next_offset
        return count

    def search(self, text: str, *, patience_s: float = SEARCH_S) -> Found:
        """The first lines that contain ``text``, in any case, as far as patience goes."""
        wanted, give_up = text.casefold(), clock.monotonic() + patience_s
        found: list[Match] = []
        for offset, number, data in self._blocks():
            if offset and clock.monotonic() > give_up:
                return Found(found, more=False, searched=offset)
            if ansi.holds(data.decode("utf-8", "replace"), wanted):
                found += _matches(offset, number, data, wanted, MATCHES + 1 - len(found))
            if len(found) > MATCHES:
                return Found(found[:MATCHES], more=True)
        return Found(found)

    def _blocks(self) -> Iterator[tuple[int, int | None, bytes]]:
        """Whole lines, many at once, with offset and number; an endless one comes in pieces."""
        offset, rest = 0, b""
        number: int | None = 1
        while True:
            chunk = self.store.read(self.task_id, self.attempt, offset + len(rest), COUNTED)
            if chunk.gap:
                if rest:
                    yield offset, number, rest
                offset, number, rest = chunk.offset, None, b""
            if not chunk.data:
                break
            data = rest + chunk.data
            end = data.rfind(b"\n") + 1 or (len(data) if len(data) > COUNTED else 0)
            if end:
                yield offset, number, data[:end]
            offset, rest = offset + end, data[end:]
            number = None if number is None else number + data.count(b"\n", 0, end)
        if rest:
            yield offset, number, rest

    def _part(self, chunk: Chunk, line: int | None, pen: Pen) -> Part:
        data = chunk.data
        last = data.rfind(b"\n") + 1
        whole = last if last or len(data) < PART else len(data)
        lines, after = _lines(data[:whole], line, pen)
        unfinished = data[whole:]
        next_line = None if line is None else line + data[:whole].count(b"\n")
        if unfinished:
            lines += _lines(unfinished, next_line, after)[0]
        return Part(
            attempt=self.attempt,
            start=chunk.offset,
            next=chunk.offset + whole,
            end=chunk.offset + len(data),
            size=chunk.size,
            lines=lines,
            first_line=line,
            next_line=next_line,
            pen=after,
            unfinished=bool(unfinished),
            dropped=chunk.gap[1] - chunk.gap[0] if chunk.gap else 0,
        )


def _lines(data: bytes, number: int | None, pen: Pen) -> tuple[list[Line], Pen]:
    if not data:
        return [], pen
    lines = []
    texts = data.decode("utf-8", "replace").split("\n")
    if texts[-1] == "":
        texts.pop()
    for index, text in enumerate(texts):
        html, pen = ansi.render(ansi.last_writing(text), pen)
        at = None if number is None else number + index
        lines.append(Line(at, html, text.startswith("::lineup ")))
    return lines, pen


def _matches(
    offset: int, number: int | None, data: bytes, wanted: str, limit: int
) -> Iterator[Match]:
    """The first so many lines of ``data`` that contain what is wanted."""
    for index, line in enumerate(data.split(b"\n")):
        text = ansi.plain(line.decode("utf-8", "replace"))
        if wanted in text.casefold():
            yield Match(offset, None if number is None else number + index, text[:500])
            limit -= 1
            if not limit:
                return
        offset += len(line) + 1


def _start_of(data: bytes, lines: int) -> int:
    """Where the last ``lines`` whole lines of ``data`` begin."""
    at = len(data) - data.endswith(b"\n")
    for _ in range(lines):
        at = data.rfind(b"\n", 0, at)
        if at < 0:
            return 0
    return at + 1
