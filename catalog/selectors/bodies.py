"""Bodies of live datasets, many at a time: for what looks at all of them, and for what follows changes."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from django.db.models import Q

from catalog.access import gate
from catalog.access.principals import Principal
from catalog.models import Dataset, DatasetState

PAGE = 500


@dataclass(frozen=True, slots=True)
class Bodies:
    """Some datasets with their bodies as stored. Each is taken apart as it is come to: a page at once costs three times as much, most of it the collector's."""

    stored: Sequence[tuple[uuid.UUID, bytes | memoryview]]

    def __len__(self) -> int:
        return len(self.stored)

    def __iter__(self) -> Iterator[tuple[uuid.UUID, dict[str, Any]]]:
        return ((key, orjson.loads(body)) for key, body in self.stored)

    @property
    def keys(self) -> list[uuid.UUID]:
        """The ids of the datasets, in the order of the bodies."""
        return [key for key, _ in self.stored]


def iterate_bodies(*, after: int = 0, principal: Principal | None = None, limit: int = PAGE) -> tuple[Bodies, int]:
    """
    Return a page of live datasets behind a place with their bodies, and the place of the next page; none behind the last.

    With a principal, those that it may read; without one all, for Cairn's own workers.
    """
    condition = Q(pk__gt=after, state=DatasetState.LIVE, holds_name=True)
    if principal is not None:
        condition &= gate.condition(principal, gate.READ)
    rows = list(Dataset.objects.filter(condition).order_by("pk").values_list("pk", "uuid", "body")[:limit])
    return Bodies([(key, body) for _, key, body in rows]), rows[-1][0] if rows else after


def iterate_live(*, after: int = 0, limit: int = PAGE) -> tuple[list[uuid.UUID], int]:
    """Return a page of the ids that :func:`iterate_bodies` goes through, and the place of the next; for Cairn's own workers."""
    live = Dataset.objects.filter(pk__gt=after, state=DatasetState.LIVE, holds_name=True)
    rows = list(live.order_by("pk").values_list("pk", "uuid")[:limit])
    return [key for _, key in rows], rows[-1][0] if rows else after


def bodies_of(uuids: Sequence[uuid.UUID]) -> Bodies:
    """Return those of some datasets that are live, with their bodies; for Cairn's own workers."""
    rows = Dataset.objects.filter(uuid__in=list(uuids), state=DatasetState.LIVE, holds_name=True)
    return Bodies(list(rows.values_list("uuid", "body")))


def count_live(*, principal: Principal | None = None) -> int:
    """Return how many datasets :func:`iterate_bodies` gives in all."""
    condition = Q(state=DatasetState.LIVE, holds_name=True)
    if principal is not None:
        condition &= gate.condition(principal, gate.READ)
    return Dataset.objects.filter(condition).count()
