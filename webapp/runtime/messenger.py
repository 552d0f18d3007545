"""Takes waiting notices to the courier: a thread for each channel, so that none waits for another.

A channel whose service is silent keeps its own notices, and nothing else: not the ticker, not the
other channels. What is not taken is tried again later, by any process.
"""

from __future__ import annotations

import threading
from typing import cast

import structlog

from webapp.courier import Kind, Sent
from webapp.domain.errors import Refused
from webapp.domain.messages import sentence
from webapp.domain.notices import BUDGET, FAILED, MISSED, PAUSED, RECOVERED
from webapp.ports import KEY, Ports
from webapp.queries import notices
from webapp.runtime.context import Context
from webapp.services.notices import deliveries
from webapp.services.notices.deliveries import Item, Parcel

log = structlog.get_logger(__name__)

KINDS: dict[str, Kind] = {
    FAILED: "failure",
    RECOVERED: "success",
    MISSED: "warning",
    PAUSED: "warning",
    BUDGET: "warning",
}
PARTING_S = 2.0
"""So long the end of the process waits for a notice that is being sent."""


class Messenger:
    """Looks what waits, and has it sent."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._ports = cast(Ports, context.app.extensions[KEY])
        self._ending = threading.Event()
        self._at_work: dict[int, threading.Thread] = {}
        self._lock = threading.Lock()

    def round(self) -> None:
        """Begin to send what is due through channels that nothing is being sent through."""
        context = self._context
        try:
            for channel_id in context.call(notices.due_channels, context.now()):
                self._begin(channel_id)
        except Exception:
            log.exception("notices were not looked for")

    def stop(self) -> None:
        """Begin nothing more; what is being sent has a moment left to be written down."""
        self._ending.set()
        until = self._context.monotonic() + PARTING_S
        for thread in list(self._at_work.values()):
            thread.join(max(0.0, until - self._context.monotonic()))

    def _begin(self, channel_id: int) -> None:
        with self._lock:
            if channel_id in self._at_work or self._ending.is_set():
                return
            thread = threading.Thread(
                target=self._work, args=(channel_id,), name=f"notices-{channel_id}", daemon=True
            )
            self._at_work[channel_id] = thread
            thread.start()

    def _work(self, channel_id: int) -> None:
        try:
            while not self._ending.is_set() and self.deliver(channel_id):
                pass
        except Exception:
            log.exception("notices stay where they are", channel=channel_id)
        finally:
            with self._lock:
                self._at_work.pop(channel_id, None)

    def deliver(self, channel_id: int) -> bool:
        """Send what waits for a channel as one message; false if there is nothing more to do."""
        context = self._context
        self._ports.courier.ready()
        parcel = context.call(deliveries.take, channel_id, context.now())
        if parcel is None:
            return False
        sent = self._send(parcel)
        if sent.ok:
            context.call(deliveries.arrived, parcel, context.now())
            return True
        given_up = context.call(deliveries.came_back, parcel, sent.said, context.now())
        log.warning("notice not taken", channel=parcel.name, said=sent.said, given_up=given_up)
        return False

    def _send(self, parcel: Parcel) -> Sent:
        try:
            address = self._ports.vault.open(parcel.sealed)
        except Refused as refusal:
            return Sent(False, str(refusal), 0)
        first, several = parcel.items[0], len(parcel.items) > 1
        title = (
            sentence("title_several", {"count": len(parcel.items)}) if several else _title(first)
        )
        text = "\n\n".join(f"{sentence(i.code, i.params)}\n{self._link(i)}" for i in parcel.items)
        return self._ports.courier.send(
            address, title, text, "warning" if several else KINDS[first.event]
        )

    def _link(self, item: Item) -> str:
        base, routes = self._context.settings.base_url, self._context.app.url_map.bind("")
        if item.event in (FAILED, RECOVERED) and item.task_id is not None:
            return base + routes.build("tasks.show", {"task_id": item.task_id})
        if item.flow_id is None:
            return base + routes.build("llm_profiles.index")
        page = "flows.show" if item.event == BUDGET else "schedules.show"
        return base + routes.build(page, {"flow_id": item.flow_id})


def _title(item: Item) -> str:
    if item.flow_id is None:
        return sentence(f"title_{item.event}_day", {})
    return sentence(f"title_{item.event}", {"flow": item.params.get("flow", "")})
