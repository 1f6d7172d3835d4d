"""Definitions as they are stored, and what projections of other apps read of datasets: versions, texts of views, columns, which tables a name means. Not behind the gate: no person asks."""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath
from typing import Any

import orjson

from catalog.domain.names import InvalidName, QualifiedName, lookup_key
from catalog.models import Catalog, ColumnRow, Dataset, DatasetState, DatasetVersion, DefinitionDocument

PAGE = 500


def load_definitions(digests: Sequence[bytes]) -> dict[bytes, dict[str, Any]]:
    """Return definitions as JSON values by their digests."""
    wanted = list(dict.fromkeys(digests))
    found: dict[bytes, dict[str, Any]] = {}
    for start in range(0, len(wanted), PAGE):
        rows = DefinitionDocument.objects.filter(digest__in=wanted[start : start + PAGE]).values_list("digest", "body")
        found |= {bytes(digest): orjson.loads(zlib.decompress(body)) for digest, body in rows}
    return found


@dataclass(frozen=True, slots=True)
class ViewText:
    """
    A view's definition. ``text`` is None for one that is gone, or no view any more; ``since`` is when it came to be so.

    ``context`` is what names in the text are read in.
    """

    uuid: uuid.UUID
    qualified_name: str
    platform: str
    text: str | None
    schema_version: int
    since: datetime
    context: NameContext


@dataclass(frozen=True, slots=True)
class NameContext:
    """Where a statement stands: its catalog, its database, and what statements call that catalog."""

    catalog: str
    database: str
    called: tuple[str, ...] = ()

    def meanings(self, parts: Sequence[str]) -> list[str]:
        """Return the printed names that a table's name in a statement may mean, likeliest first."""
        own = {self.catalog.casefold(), *(name.casefold() for name in self.called)}
        named: list[tuple[str, ...]] = []
        if len(parts) == 1:
            named = [(self.catalog, self.database, parts[0]), (self.catalog, "public", parts[0])]
        elif len(parts) == 2:
            named = [(self.catalog, parts[0], parts[1])]
        elif parts:
            if parts[0].casefold() in own:
                named.append((self.catalog, ".".join(parts[1:-1]), parts[-1]))
            named.append((parts[0], ".".join(parts[1:-1]), parts[-1]))
            named.append((self.catalog, ".".join(parts[:-1]), parts[-1]))
        printed = []
        for name in named:
            try:
                printed.append(str(QualifiedName(tuple(part for part in name if part))))
            except InvalidName:
                continue
        return printed


def _context(catalog: str, platform: str, options: Mapping[str, Any], database: str | None) -> NameContext:
    called = [options[name] for name in ("database",) if isinstance(options.get(name), str)]
    if isinstance(options.get("path"), str):
        called.append(PurePath(options["path"]).stem)
    if platform in ("hive", "iceberg"):
        called.append("spark_catalog")
    return NameContext(catalog, database or "", tuple(called))


def list_view_texts(uuids: Sequence[uuid.UUID]) -> list[ViewText]:
    """Return the definitions of those of some datasets that are views, or were."""
    found: list[ViewText] = []
    wanted = list(dict.fromkeys(uuids))
    for start in range(0, len(wanted), PAGE):
        rows = list(
            Dataset.objects.filter(uuid__in=wanted[start : start + PAGE])
            .select_related("catalog", "database")
            .defer("body", "data")
        )
        bodies = load_definitions(
            [bytes(row.definition_digest) for row in rows if row.kind == "view" and row.definition_digest]
        )
        for row in rows:
            definition = bodies.get(bytes(row.definition_digest)) if row.definition_digest else None
            text = definition.get("view_text") if definition is not None and row.state == DatasetState.LIVE else None
            catalog: Catalog = row.catalog
            found.append(
                ViewText(
                    uuid=row.uuid,
                    qualified_name=row.qualified_name,
                    platform=catalog.platform,
                    text=text,
                    schema_version=row.schema_version,
                    since=(row.definition_changed_at or row.created_at) if text else (row.missing_since or row.seen_at),
                    context=_context(
                        catalog.name, catalog.platform, catalog.options, row.database.name if row.database else None
                    ),
                )
            )
    return found


@dataclass(frozen=True, slots=True)
class DefinedDataset:
    """
    A dataset and the versions of its definition behind one: number, when it was recorded, digest.

    ``is_here`` is False for one that is gone, or that another has the name of by now.
    """

    uuid: uuid.UUID
    qualified_name: str
    name: str
    is_here: bool
    versions: Sequence[tuple[int, datetime, bytes]]


def list_defined(after: Mapping[uuid.UUID, int]) -> list[DefinedDataset]:
    """Return datasets with their versions behind a number each, in order of the numbers."""
    found: list[DefinedDataset] = []
    wanted = list(after)
    for start in range(0, len(wanted), PAGE):
        page = wanted[start : start + PAGE]
        versions: dict[uuid.UUID, list[tuple[int, datetime, bytes]]] = {}
        rows = DatasetVersion.objects.filter(dataset__uuid__in=page, number__gt=min(after[key] for key in page))
        for key, number, recorded_at, digest in rows.order_by("number").values_list(
            "dataset__uuid", "number", "recorded_at", "digest"
        ):
            if number > after[key]:
                versions.setdefault(key, []).append((number, recorded_at, bytes(digest)))
        datasets = Dataset.objects.filter(uuid__in=page).exclude(state=DatasetState.OBSERVED)
        for key, qualified_name, name, holds_name, state in datasets.values_list(
            "uuid", "qualified_name", "name", "holds_name", "state"
        ):
            is_here = holds_name and state in (DatasetState.LIVE, DatasetState.MISSING)
            found.append(DefinedDataset(key, qualified_name, name, is_here, versions.get(key, ())))
    return found


def load_version_documents(wanted: Sequence[tuple[uuid.UUID, int]]) -> dict[tuple[uuid.UUID, int], dict[str, Any]]:
    """Return the definitions that versions of datasets have, as JSON values."""
    found: dict[tuple[uuid.UUID, int], dict[str, Any]] = {}
    for start in range(0, len(wanted), PAGE):
        page = set(wanted[start : start + PAGE])
        rows = DatasetVersion.objects.filter(
            dataset__uuid__in={key for key, _ in page}, number__in={number for _, number in page}
        ).values_list("dataset__uuid", "number", "digest")
        digests = {(key, number): bytes(digest) for key, number, digest in rows if (key, number) in page}
        bodies = load_definitions(list(digests.values()))
        found |= {at: bodies[digest] for at, digest in digests.items() if digest in bodies}
    return found


def iterate_datasets(*, after: int = 0) -> tuple[list[uuid.UUID], int]:
    """Return one page of the ids of all datasets behind a place, and the place of the next; no ids behind the last."""
    rows = list(Dataset.objects.filter(pk__gt=after).order_by("pk").values_list("pk", "uuid")[:PAGE])
    return [key for _, key in rows], rows[-1][0] if rows else after


def iterate_views(*, after: int = 0) -> tuple[list[uuid.UUID], int]:
    """Return one page of the ids of all views behind a place, and the place of the next; no ids behind the last."""
    rows = list(Dataset.objects.filter(pk__gt=after, kind="view").order_by("pk").values_list("pk", "uuid")[:PAGE])
    return [key for _, key in rows], rows[-1][0] if rows else after


def find_tables(names: Sequence[str]) -> dict[str, uuid.UUID]:
    """Return the ids of the datasets that some printed names mean: the exact one, else the only one that differs in letter case."""
    wanted = list(dict.fromkeys(names))
    by_name: dict[str, uuid.UUID] = {}
    by_key: dict[str, list[uuid.UUID]] = {}
    keys = sorted({lookup_key(name) for name in wanted})
    for start in range(0, len(keys), PAGE):
        rows = Dataset.objects.filter(lookup_key__in=keys[start : start + PAGE], holds_name=True)
        for key, name in rows.exclude(state=DatasetState.TOMBSTONED).values_list("uuid", "qualified_name"):
            by_name[name] = key
            by_key.setdefault(lookup_key(name), []).append(key)
    found: dict[str, uuid.UUID] = {}
    for name in wanted:
        alike = by_key.get(lookup_key(name), ())
        if name in by_name:
            found[name] = by_name[name]
        elif len(alike) == 1:
            found[name] = alike[0]
    return found


def columns_of(uuids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[str]]:
    """Return the names of the top-level columns of datasets, in order; none for those that have none."""
    found: dict[uuid.UUID, list[str]] = {}
    wanted = list(dict.fromkeys(uuids))
    for start in range(0, len(wanted), PAGE):
        rows = ColumnRow.objects.filter(
            dataset__uuid__in=wanted[start : start + PAGE], depth=0, dropped_at__isnull=True
        ).order_by("dataset_id", "ordinal")
        for key, name in rows.values_list("dataset__uuid", "name"):
            found.setdefault(key, []).append(name)
    return found
