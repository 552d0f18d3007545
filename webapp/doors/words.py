"""A cron expression in words, English or Chinese; true for every expression that is accepted.

cron-descriptor words the intervals it is right about. It is not where a step does not divide its
field (``*/7`` is not every 7 minutes), where two fields name days, for ``15,L``, and in Chinese
it calls days and months by English names: those are our own words.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Protocol

from flask import has_request_context, request

from webapp.domain.cron import Run, fields
from webapp.domain.messages import sentence
from webapp.doors.meaning import Meaning, meaning
from webapp.doors.words_chinese import Chinese
from webapp.doors.words_english import English


class Tongue(Protocol):
    """What a language can say."""

    LOCALE: str
    NOTES: Mapping[str, str]
    """Notes of runs that are worded otherwise than in English."""

    def say(self, meaning: Meaning) -> str:
        """The whole sentence."""
        ...


TONGUES: dict[str, Tongue] = {"en": English(), "zh": Chinese()}


def language() -> str:
    """The reader's language among those that expressions are worded in."""
    if not has_request_context():
        return "en"
    return request.accept_languages.best_match(list(TONGUES)) or "en"


@lru_cache(maxsize=4_096)
def words(expression: str, language: str = "en") -> str:
    """An expression as a sentence without full stop; raises BadExpression if it is none."""
    tongue = TONGUES.get(language[:2].lower(), TONGUES["en"])
    return tongue.say(meaning(fields.read(expression), tongue.LOCALE))


def note(run: Run, language: str) -> str | None:
    """What a clock change did to a run, as a sentence; None if nothing."""
    if run.note is None:
        return None
    tongue = TONGUES.get(language[:2].lower(), TONGUES["en"])
    translated = tongue.NOTES.get(run.note)
    return sentence(run.note, run.params) if translated is None else translated % dict(run.params)
