"""Catalogs and databases, with counts of what the asker may know."""

from __future__ import annotations

import difflib
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, QuerySet

from catalog import credentials
from catalog.access import gate
from catalog.access.principals import Principal
from catalog.domain.names import ELSEWHERE
from catalog.models import (
    Catalog,
    CatalogState,
    Database,
    Dataset,
)
from catalog.selectors.datasets import SHOWN
from catalog.selectors.errors import NoSuchCatalog, NoSuchDatabase


@dataclass(frozen=True, slots=True)
class CatalogView:
    """A catalog as people and programs see it. ``datasets`` counts those the principal may know."""

    uuid: uuid.UUID
    name: str
    platform: str
    environment: str
    description: str
    options: Mapping[str, Any]
    secret_options: Sequence[str]
    namespaces: Sequence[str]
    database_patterns: Sequence[str]
    allows_sampling: bool
    state: str
    sync_every_seconds: int | None
    drop_limit_ratio: float
    created_at: datetime
    synced_at: datetime | None
    next_sync_at: datetime | None
    last_error: str
    datasets: int = 0


def _catalog_view(catalog: Catalog, datasets: int, *, with_options: bool) -> CatalogView:
    return CatalogView(
        uuid=catalog.uuid,
        name=catalog.name,
        platform=catalog.platform,
        environment=catalog.environment,
        description=catalog.description,
        options=catalog.options if with_options else {},
        secret_options=credentials.sealed_names(bytes(catalog.secrets)) if with_options else [],
        namespaces=catalog.namespaces,
        database_patterns=catalog.database_patterns,
        allows_sampling=catalog.allows_sampling,
        state=catalog.state,
        sync_every_seconds=catalog.sync_every_seconds,
        drop_limit_ratio=catalog.drop_limit_ratio,
        created_at=catalog.created_at,
        synced_at=catalog.synced_at,
        next_sync_at=catalog.next_sync_at,
        last_error=catalog.last_error if with_options else "",
        datasets=datasets,
    )


VERY_MANY = 20_000
"""From so many datasets on, counting them for every page would cost more than the page."""
COUNTED_SECONDS = 5.0
_MAX_KEPT = 200


class _Counts:
    """How many datasets of each catalog there are, kept for a moment where they are very many; the same for all who reach the same."""

    def __init__(self) -> None:
        self.kept: dict[frozenset[int] | None, tuple[float, Mapping[int, int]]] = {}

    def of(self, principal: Principal) -> Mapping[int, int]:
        reached = gate.classes_for(principal, gate.DISCOVER)
        kept = self.kept.get(reached)
        if kept is not None and time.monotonic() - kept[0] < COUNTED_SECONDS:
            return kept[1]
        counts = dict(_known_datasets(principal).values_list("catalog_id").annotate(n=Count("id")))
        if sum(counts.values()) >= VERY_MANY:
            if len(self.kept) >= _MAX_KEPT:
                self.kept = {}
            self.kept[reached] = (time.monotonic(), counts)
        return counts


_counts = _Counts()


def _may_know_catalog(principal: Principal, datasets: int) -> bool:
    # A catalog is known through its datasets; an empty one to operators only.
    return principal.is_operator or datasets > 0


def list_catalogs(*, principal: Principal) -> Sequence[CatalogView]:
    """
    Return the catalogs of which the principal may know a dataset, by name; all of them for operators.

    What is known from elsewhere only is no catalog of anybody's. Where datasets are very many, they are counted every few seconds.
    """
    counts = _counts.of(principal)
    rows = Catalog.objects.exclude(state=CatalogState.REMOVED).exclude(name=ELSEWHERE).order_by("name")
    return [
        _catalog_view(row, counts.get(row.pk, 0), with_options=principal.is_operator)
        for row in rows
        if _may_know_catalog(principal, counts.get(row.pk, 0))
    ]


def get_catalog(*, name: str, principal: Principal) -> CatalogView:
    """Return a catalog. :raises NoSuchCatalog: if there is none, or the principal may know nothing in it."""
    row = known_catalog(name, principal)
    return _catalog_view(row, _known_datasets(principal, catalog=row).count(), with_options=principal.is_operator)


def _known_datasets(principal: Principal, **where: Any) -> QuerySet[Dataset]:
    return Dataset.objects.filter(gate.condition(principal, gate.DISCOVER), state__in=SHOWN, **where)


def known_catalog(name: str, principal: Principal) -> Catalog:
    """Return the row of a catalog. :raises NoSuchCatalog: if there is none, or the principal may know nothing in it."""
    row = Catalog.objects.filter(name=name).exclude(state=CatalogState.REMOVED).first()
    if row is not None and (
        principal.is_operator or row.name == ELSEWHERE or _known_datasets(principal, catalog=row).exists()
    ):
        return row
    names = [view.name for view in list_catalogs(principal=principal)]
    near = difflib.get_close_matches(name, names, n=1)
    raise NoSuchCatalog(f"there is no catalog '{name}'" + (f"; did you mean '{near[0]}'?" if near else ""))


@dataclass(frozen=True, slots=True)
class DatabaseView:
    """A database and how many datasets the principal may know in it."""

    name: str
    comment: str
    datasets: int
    missing_since: datetime | None


def list_databases(*, catalog: str, principal: Principal, after: str = "", limit: int) -> Sequence[DatabaseView]:
    """Return databases of a catalog in name order behind a name. :raises NoSuchCatalog: as :func:`get_catalog`."""
    known = known_catalog(catalog, principal)
    rows = Database.objects.filter(catalog=known, name__gt=after)
    if not principal.is_operator:
        rows = rows.filter(pk__in=_known_datasets(principal, catalog=known).values("database_id"))
    chosen = list(rows.order_by("name")[:limit])
    counts = dict(
        _known_datasets(principal, catalog=known, database__in=chosen)
        .values_list("database_id")
        .annotate(n=Count("id"))
    )
    return [DatabaseView(row.name, row.comment, counts.get(row.pk, 0), row.missing_since) for row in chosen]


def get_database(*, catalog: str, database: str, principal: Principal) -> DatabaseView:
    """Return a database. :raises NoSuchDatabase: if there is none, or the principal may know nothing in it."""
    known = known_catalog(catalog, principal)
    row = Database.objects.filter(catalog=known, name=database).first()
    if row is not None:
        count = _known_datasets(principal, catalog=known, database=row).count()
        if count or principal.is_operator:
            return DatabaseView(row.name, row.comment, count, row.missing_since)
    raise NoSuchDatabase(f"catalog '{catalog}' has no database '{database}'")
