"""What a page may ask of the doctor: the checks that are quick, and no repair."""

from __future__ import annotations

from datetime import datetime

from flask import Flask

from webapp.config import Settings
from webapp.doctor import Finding, Look, examine, machine, rows, secrets
from webapp.queries.runs import ActiveRun

ALL = (*machine.BEFORE, *secrets.BEFORE, *machine.CHECKS, *rows.CHECKS, *secrets.CHECKS)
CHECKS = [each for each in ALL if each.quick]


def findings(app: Flask, settings: Settings, now: datetime) -> list[Finding]:
    """What disagrees now."""
    return list(examine(Look(app, settings, now, _not_asked, _not_asked), CHECKS, repair=False))


def _not_asked(_run: ActiveRun) -> bool:
    raise NotImplementedError("whether a run lives is no quick check")
