"""Receiving events: kept as they came before they are answered, each once; what they show is worked out behind."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson
from django.db import transaction

from catalog import bulk
from catalog.access.principals import Caller
from catalog.journal import clock, failpoints
from catalog.journal.services import Entry, publish
from lineage.domain.events import Event, InvalidEvent, Problem, parse_event
from lineage.models import EventKey, LineageEvent

MAX_EVENTS = 1_000
"""Events of one batch."""
MAX_EVENT_BYTES = 5_000_000

BEFORE_COMMIT = failpoints.declare("lineage.received", "events written, not committed")


@dataclass(frozen=True, slots=True)
class Received:
    """What became of one event: taken now, taken before, or refused for its problems."""

    is_new: bool
    problems: Sequence[Problem] = ()

    @property
    def is_taken(self) -> bool:
        """Whether it is kept."""
        return not self.problems


def receive_events(*, caller: Caller, bodies: Sequence[object]) -> list[Received]:
    """
    Keep events, in one transaction, and say of each whether it was taken; what is broken costs itself alone.

    One that was taken before is not taken again: producers that hear no answer send it once more.
    """
    told: list[bytes | InvalidEvent] = []
    kept: dict[bytes, tuple[Event, bytes]] = {}
    for body in bodies:
        try:
            event, text = parse_event(body), _text(body)
        except InvalidEvent as error:
            told.append(error)
            continue
        digest = hashlib.blake2b(text, digest_size=16).digest()
        told.append(digest)
        kept.setdefault(digest, (event, text))
    known = _store(kept, caller) if kept else set()
    outcomes = []
    for one in told:
        if isinstance(one, InvalidEvent):
            outcomes.append(Received(False, one.problems))
        else:
            outcomes.append(Received(one not in known))
            known.add(one)  # the same once more in this batch
    return outcomes


def _text(body: object) -> bytes:
    """Return an event in the one spelling it is kept and known by. :raises InvalidEvent: if it is nested too deeply or too long."""
    try:
        text = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        raise InvalidEvent([Problem("/", "the event is nested more than 250 levels deep")]) from None
    if len(text) > MAX_EVENT_BYTES:
        problem = Problem("/", f"the event has {len(text):,} bytes; at most {MAX_EVENT_BYTES:,} are kept")
        raise InvalidEvent([problem])
    return text


def _store(kept: Mapping[bytes, tuple[Event, bytes]], caller: Caller) -> set[bytes]:
    """Write the events that are new, and return the digests of those that were there."""
    now = clock.now()
    with transaction.atomic():
        before = {bytes(d) for d in EventKey.objects.filter(digest__in=list(kept)).values_list("digest", flat=True)}
        new = {digest: found for digest, found in kept.items() if digest not in before}
        if not new:
            return before
        bulk.insert(EventKey, ("digest", "received_at"), [(digest, now) for digest in new])
        bulk.insert(LineageEvent, _KEPT, [_row(event, text, caller, now) for event, text in new.values()])
        publish([Entry("event", "received", "lineage", None, payload={"events": len(new)})])
        failpoints.reach(BEFORE_COMMIT)
    return before


_KEPT = ("received_at", "event_at", "kind", "state", "job", "run_uuid", "principal", "body", "error")


def _row(event: Event, text: bytes, caller: Caller, now: object) -> tuple[object, ...]:
    kind = "run" if event.run else "job" if event.job else "dataset"
    job = f"{event.job.namespace} {event.job.name}" if event.job else ""
    return (
        now,
        event.at,
        kind,
        str(event.state or ""),
        job,
        event.run,
        caller.principal.handle,
        zlib.compress(text, 1),
        "",
    )
