"""GET /metrics: what Prometheus scrapes. Read from the database as it is asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from apiflask import APIBlueprint, APIFlask
from flask import Flask, Response, current_app, g, request, request_finished, request_started
from flask.typing import ResponseReturnValue
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from webapp import __version__, clock
from webapp.api.bodies import answers
from webapp.domain.schedules.fates import FATES
from webapp.domain.spending import KINDS, OVERALL
from webapp.domain.task_state import Status
from webapp.doors import health, models
from webapp.queries import conversations, metrics, tasks
from webapp.queries.board import freeze

bp = APIBlueprint("api_metrics", __name__, tag="Health and status")

KEY = "lineup_metrics"
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
QUANTILES = (0.5, 0.9, 0.99, 1.0)


class Requests:
    """Counts this process's answers, and how long each took."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._count = Counter(
            "lineup_http_requests", "Answers given by this process.", ["method", "status"],
            registry=registry,
        )  # fmt: skip
        self._took = Histogram(
            "lineup_http_request_seconds", "Until the answer began.", buckets=BUCKETS,
            registry=registry,
        )  # fmt: skip

    def began(self, _sender: Flask, **_more: Any) -> None:
        """A request came in."""
        g.began_at = clock.monotonic()

    def ended(self, _sender: Flask, response: Response, **_more: Any) -> None:
        """It was answered."""
        method = request.method if request.method in METHODS else "other"
        self._count.labels(method, f"{response.status_code // 100}xx").inc()
        if (began_at := g.get("began_at")) is not None:
            self._took.observe(clock.monotonic() - began_at)


class State(Collector):
    """What the database and this process's runner say at the moment of a scrape."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fates = metrics.Fates()

    def describe(self) -> list[Metric]:
        """Nothing: to be registered, it need not be asked."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Every figure; needs the application's context."""
        yield _gauge("lineup_info", "The version that runs.", {(__version__,): 1}, "version")
        yield from _of_tasks()
        yield from _of_health()
        yield from _of_schedules()
        yield from _of_models()
        yield self._of_fates()

    def _of_fates(self) -> Metric:
        with self._lock:
            self._fates = metrics.more_fates(self._fates, clock.now())
            counts = self._fates.counts
        told = CounterMetricFamily(
            "lineup_occurrences",
            "Due times by their fate, in all processes, since this one was asked first.",
            labels=["fate"],
        )
        for fate in FATES:
            told.add_metric([fate], counts.get(fate, 0))
        return told


def init_app(app: APIFlask) -> None:
    """Count the requests of this application, and have its own registry."""
    registry = CollectorRegistry(auto_describe=False)
    requests = Requests(registry)
    registry.register(State())
    app.extensions[KEY] = (registry, requests)
    # signals, for the guard answers before other handlers are asked
    request_started.connect(requests.began, app)
    request_finished.connect(requests.ended, app)


@bp.get("/metrics")
@bp.doc(responses=answers(None, kind="text/plain"))
def show() -> ResponseReturnValue:
    """Say in figures how Lineup is doing, as Prometheus reads them."""
    registry, _ = current_app.extensions[KEY]
    encode, media_type = choose_encoder(request.headers.get("Accept", ""))
    return Response(encode(registry), content_type=media_type)


def _of_tasks() -> Iterator[Metric]:
    counts = tasks.counts()
    yield _gauge(
        "lineup_tasks",
        "Tasks that are stored, by status.",
        {(status.value,): counts[status] for status in Status},
        "status",
    )
    open_ones = (Status.PENDING, Status.RUNNING, Status.PAUSED)
    yield _gauge(
        "lineup_lane_tasks",
        "Tasks of each lane that are not final, by status.",
        {
            (lane.name, status.value): lane._mapping[status]
            for lane in metrics.lanes()
            for status in open_ones
        },
        *("lane", "status"),
    )


def _of_health() -> Iterator[Metric]:
    found = health.look(clock.now())
    plain = {
        "lineup_oldest_waiting_seconds": (
            "How long the task has waited that has waited longest; 0 if none waits.",
            found.oldest_waiting_s or 0,
        ),
        "lineup_up": ("Whether what is submitted will be run.", int(found.runs_tasks)),
        "lineup_runners": ("Processes that run tasks and show that they live.", len(found.runners)),
        "lineup_frozen": ("Whether nothing new begins.", int(freeze() is not None)),
    }
    for name, (about, value) in plain.items():
        yield _gauge(name, about, {(): value})
    yield _gauge(
        "lineup_lane_worker_up",
        "Whether this process's worker of the lane is alive.",
        {(name,): int(alive) for name, alive in found.own.lanes.items()},
        "lane",
    )
    if found.tick_age_s is not None:
        about = "Since this process's scheduler last looked round."
        yield _gauge("lineup_tick_age_seconds", about, {(): found.tick_age_s})


def _of_schedules() -> Iterator[Metric]:
    by_switch = metrics.schedules()
    yield _gauge(
        "lineup_schedules",
        "Schedules, by whether they are enabled.",
        {("true",): by_switch.get(True, 0), ("false",): by_switch.get(False, 0)},
        "enabled",
    )
    due = metrics.oldest_due()
    overdue = max(0.0, (clock.now() - due).total_seconds()) if due is not None else 0.0
    about = "By how much the schedule that is due first is overdue; 0 if none is."
    yield _gauge("lineup_overdue_seconds", about, {(): overdue})
    lags = metrics.lags()
    about = f"How late the newest fires were, among the last {metrics.RECENT} due times."
    yield _gauge(
        "lineup_fire_lag_seconds",
        about,
        {(f"{q:g}",): lags[max(0, round(q * len(lags)) - 1)] for q in QUANTILES if lags},
        "quantile",
    )


def _of_models() -> Iterator[Metric]:
    today = models.allowance()
    used = conversations.spent(today.day, [OVERALL]).get(OVERALL, {})
    yield _gauge(
        "lineup_models_used_today",
        "Requests to models, tokens and USD on this day of the server's zone.",
        {(kind,): float(used.get(kind, 0)) for kind in KINDS},
        "kind",
    )
    limits: dict[tuple[str, ...], float] = {
        (kind,): float(limit) for kind in KINDS if (limit := getattr(today, kind))
    }
    yield _gauge("lineup_models_limit_today", "What may be used of it.", limits, "kind")


def _gauge(name: str, about: str, values: dict[tuple[str, ...], float], *labels: str) -> Metric:
    told = GaugeMetricFamily(name, about, labels=labels)
    for label, value in values.items():
        told.add_metric(label, value)
    return told
