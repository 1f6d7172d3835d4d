"""What looking into datasets needs to know of them, whoever may know it: this is for Cairn's own workers, not for doors."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from django.conf import settings

from catalog import backends, credentials
from catalog.models import Annotation, Catalog, CatalogState, Dataset, DatasetState

PAGE = 500


@dataclass(frozen=True, slots=True)
class LookedInto:
    """
    A dataset as it is looked into. ``columns`` are those of its body; ``is_here`` is False for one that is gone.

    ``data`` is what its source said of its rows, which is another value once they change.
    """

    catalog_uuid: uuid.UUID
    uuid: uuid.UUID
    database: str
    name: str
    is_here: bool
    columns: Sequence[Mapping[str, Any]] = ()
    data: Mapping[str, Any] = field(default_factory=dict)


def list_looked_into(uuids: Sequence[uuid.UUID]) -> list[LookedInto]:
    """Return some datasets with their columns."""
    found = []
    wanted = list(dict.fromkeys(uuids))
    for start in range(0, len(wanted), PAGE):
        rows = Dataset.objects.filter(uuid__in=wanted[start : start + PAGE])
        for key, catalog, database, name, holds, state, body, data in rows.values_list(
            "uuid", "catalog__uuid", "database__name", "name", "holds_name", "state", "body", "data"
        ):
            is_here = holds and state == DatasetState.LIVE
            columns = orjson.loads(bytes(body))["columns"] if is_here else ()
            found.append(LookedInto(catalog, key, database or "", name, is_here, columns, data))
    return found


def has_other_data(dataset: LookedInto) -> bool:
    """Return whether the rows of a dataset changed since it was read."""
    return Dataset.objects.filter(uuid=dataset.uuid).values_list("data", flat=True).first() != dataset.data


def catalogs_of_datasets(uuids: Sequence[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
    """Return the catalogs of those of some datasets that are live, by the datasets' ids."""
    found: dict[uuid.UUID, uuid.UUID] = {}
    wanted = list(dict.fromkeys(uuids))
    for start in range(0, len(wanted), PAGE):
        rows = Dataset.objects.filter(uuid__in=wanted[start : start + PAGE], state=DatasetState.LIVE)
        found |= dict(rows.values_list("uuid", "catalog__uuid"))
    return found


def having_findings(uuids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Return those of some datasets of which something was inferred that nobody has decided about."""
    rows = Annotation.objects.filter(
        dataset__uuid__in=list(uuids), aspect="finding", ended_at__isnull=True, status="suggested"
    )
    return set(rows.values_list("dataset__uuid", flat=True))


@dataclass(frozen=True, slots=True)
class RowSource:
    """A catalog whose rows may be read or not. ``connector`` is where its class is; None where it cannot sample."""

    uuid: uuid.UUID
    name: str
    allows_sampling: bool
    connector: str | None
    catalog: Catalog = field(repr=False)

    @property
    def reads_rows(self) -> bool:
        """Whether rows are read."""
        return self.allows_sampling and self.connector is not None

    def options(self) -> dict[str, object]:
        """Return the connector's options with their secrets. :raises InvalidOptions: if one of them is not there."""
        spec = backends.connector_spec(self.catalog.platform)
        given = {**self.catalog.options, **credentials.unseal(bytes(self.catalog.secrets))}
        return credentials.resolve_options(given, spec)


def list_row_sources(uuids: Sequence[uuid.UUID] | None = None) -> list[RowSource]:
    """Return active catalogs, or those of some that are."""
    rows = Catalog.objects.filter(state=CatalogState.ACTIVE)
    if uuids is not None:
        rows = rows.filter(uuid__in=list(uuids))
    return [
        RowSource(
            row.uuid,
            row.name,
            row.allows_sampling,
            settings.CONNECTORS[row.platform] if backends.samples_rows(row.platform) else None,
            row,
        )
        for row in rows
    ]
