"""Asks providers and servers of tools whether they are there; libraries of models come late."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from webapp import clock
from webapp.agents.hiding import secrets_of
from webapp.agents.llm import failures, models, prices
from webapp.domain import messages
from webapp.domain.errors import Refused
from webapp.domain.messages import sentence
from webapp.ports import Tested

T = TypeVar("T")

ANSWER_S = 10.0
"""How long a provider may take, in all; importing its library does not count."""
REMEMBERED_S = 60.0
SLACK_S = 0.5
"""After its time a question ends by itself; a thread that does not is left behind."""
AT_ONCE = 2
MOST_REMEMBERED = 200
ENDING_S = 5.0
"""How long a server of tools may take to end, beyond what it may take to start."""
MATTERS = (
    *("provider", "model", "base_url", "api_key", "provider_config"),
    *("temperature", "max_tokens", "top_p", "frequency_penalty", "seed"),
)
"""What of a profile makes it another one to ask."""


class _Silent(Exception):
    """What was asked did not answer in time."""


class Prober:
    """Tests connections: one at a time of each profile, and at most two at once."""

    def __init__(
        self, *, environment: Mapping[str, str] | None = None, patience_s: float = ANSWER_S
    ) -> None:
        """``environment``: what servers of tools inherit besides their own variables."""
        self._environment, self._patience_s = environment or {}, patience_s
        self._places = threading.BoundedSemaphore(AT_ONCE)
        self._own: dict[str, threading.Lock] = {}
        self._succeeded: dict[str, tuple[float, Tested]] = {}
        self._lock = threading.Lock()
        messages.learn(failures.MESSAGES)

    def llm(self, profile: Mapping[str, Any], *, remembered: bool = False) -> Tested:
        """Ask a model a tiny question; ``remembered``: a success of the last minute will do."""
        known = _fingerprint(profile)
        if remembered and (before := self._remembered(known)) is not None:
            return before
        if (extra := models.lacks(profile["provider"])) is not None:
            return Tested(False, sentence("llm_extra_missing", {"extra": extra}), 0)
        from webapp.agents.llm import asking

        asking.ready(profile["provider"])
        with self._turn(str(profile.get("profile_name"))) as left_s:
            if left_s <= 0:
                return Tested(False, sentence("llm_test_busy", {}), 0)
            if remembered and (before := self._remembered(known)) is not None:
                return before
            tested = self._asked(profile, left_s)
        if tested.ok:
            self._remember(known, tested)
        return tested

    def models(self, profile: Mapping[str, Any]) -> tuple[str, ...]:
        """The models its provider has; raises Refused in words where it cannot be asked."""
        from webapp.agents.llm import asking

        try:
            if (extra := models.lacks(profile["provider"])) is not None:
                raise failures.Unusable("llm_extra_missing", extra=extra)
            asking.ready(profile["provider"])
            return _within(
                self._patience_s, lambda: asking.names(profile, self._patience_s), "list-models"
            )
        except Exception as error:  # noqa: BLE001 - a library of a provider may raise anything
            raise Refused("models_not_listed", reason=self._words(error, profile)) from None

    def mcp(self, params: Mapping[str, Any], *, startup_timeout_s: float) -> Tested:
        """Start or reach a server, ask for its tools, and end it."""
        from webapp.agents.llm.servers import CannotStart, probe

        began = clock.monotonic()

        def asked() -> list[dict[str, Any]]:
            with TemporaryDirectory(prefix="lineup-mcp-", ignore_cleanup_errors=True) as directory:
                return probe(
                    params,
                    startup_timeout_s=startup_timeout_s,
                    directory=directory,
                    environment=self._environment,
                )

        try:
            tools = _within(startup_timeout_s + ENDING_S, asked, "test-mcp")
        except _Silent:
            said = sentence("mcp_silent", {"seconds": f"{startup_timeout_s:g}"})
            return Tested(False, said, _since(began))
        except CannotStart as error:
            return Tested(False, sentence("mcp_failed", {"why": str(error)}), _since(began))
        except Exception as error:  # noqa: BLE001 - a server may do anything
            code, told = failures.explained(error, secrets_of(params))
            return Tested(False, sentence(code, told), _since(began))
        said = sentence("mcp_answers", {"count": len(tools)})
        return Tested(True, said, _since(began), tuple(tools))

    def lacks(self, provider: str) -> str | None:
        """What has to be installed before a provider can be asked; None if all is there."""
        return models.lacks(provider)

    def has_price(self, profile: Mapping[str, Any]) -> bool:
        """Whether it can be said what a run of the profile costs."""
        return prices.known(profile)

    def _asked(self, profile: Mapping[str, Any], left_s: float) -> Tested:
        from webapp.agents.llm import asking

        began = clock.monotonic()
        try:
            name = _within(left_s + SLACK_S, lambda: asking.ask(profile, left_s), "test-llm")
        except Exception as error:  # noqa: BLE001 - the same
            return Tested(False, self._words(error, profile), _since(began))
        return Tested(True, sentence("llm_answers", {"model": name}), _since(began))

    def _words(self, error: Exception, profile: Mapping[str, Any]) -> str:
        if isinstance(error, _Silent | TimeoutError):
            return sentence("llm_test_silent", {"seconds": f"{self._patience_s:g}"})
        code, params = failures.explained(error, [str(profile.get("api_key") or "")])
        return sentence(code, params)

    @contextmanager
    def _turn(self, name: str) -> Iterator[float]:
        """Wait for those before; gives the seconds that are left, which may be none."""
        with self._lock:
            own = self._own.setdefault(name, threading.Lock())
        until = clock.monotonic() + self._patience_s
        mine = own.acquire(timeout=self._patience_s)
        placed = mine and self._places.acquire(timeout=max(0.0, until - clock.monotonic()))
        try:
            yield until - clock.monotonic() if placed else 0.0
        finally:
            if placed:
                self._places.release()
            if mine:
                own.release()

    def _remembered(self, known: str) -> Tested | None:
        at, tested = self._succeeded.get(known, (0.0, None))
        return tested if tested is not None and clock.monotonic() - at < REMEMBERED_S else None

    def _remember(self, known: str, tested: Tested) -> None:
        with self._lock:
            if len(self._succeeded) >= MOST_REMEMBERED:
                self._succeeded.clear()
            self._succeeded[known] = clock.monotonic(), tested


def _within(seconds: float, work: Callable[[], T], name: str) -> T:
    """What ``work`` returns or raises; raises _Silent if it takes longer. It may go on then."""
    done: list[T] = []
    failed: list[Exception] = []

    def run() -> None:
        try:
            done.append(work())
        except Exception as error:  # noqa: BLE001 - raised again where it is waited for
            failed.append(error)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not done:
        raise _Silent
    return done[0]


def _fingerprint(profile: Mapping[str, Any]) -> str:
    """The same for two profiles that would be answered alike; it does not tell the key."""
    told = json.dumps([profile.get(name) for name in MATTERS], sort_keys=True, default=str)
    return hashlib.sha256(told.encode()).hexdigest()


def _since(began: float) -> int:
    return round((clock.monotonic() - began) * 1000)
