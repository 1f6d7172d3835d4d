"""Reads of the catalog. All go through the gate; what a principal may not know does not exist for it."""

from __future__ import annotations

import contextlib
import difflib
import uuid
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
from django.db import connection
from django.db.models import Count, F, Q

from catalog import backends, credentials
from catalog.access import gate
from catalog.access.principals import Principal
from catalog.connectors.base import Connector
from catalog.domain.diff import Change, diff
from catalog.domain.documents import document_from_json
from catalog.domain.names import CaseRule, InvalidName, QualifiedName, lookup_key
from catalog.models import (
    Annotation,
    Catalog,
    CatalogState,
    Database,
    Dataset,
    DatasetState,
    DatasetVersion,
    DefinitionDocument,
    FormerName,
    Redirect,
    SyncHold,
    SyncUnit,
)


class NoSuchCatalog(LookupError):
    """There is no catalog of this name."""


class NoSuchDatabase(LookupError):
    """There is no such database, or the principal may know none of its datasets."""


class NoSuchVersion(LookupError):
    """The dataset has no such version."""


class AmbiguousName(LookupError):
    """Several datasets differ in letter case only; the message lists them."""


class NoSuchDataset(LookupError):
    """There is no such dataset, or the principal may not know that there is. Says what is near."""

    def __init__(self, asked: str, *, renamed_to: str | None = None, near: Sequence[str] = ()) -> None:
        hint = f"; it was renamed to '{renamed_to}'" if renamed_to else ""
        if near and not renamed_to:
            hint = f"; nearest: {', '.join(repr(name) for name in near)}"
        super().__init__(f"no dataset is named '{asked}'{hint}")
        self.asked = asked
        self.renamed_to = renamed_to
        self.near = near


SHOWN = (DatasetState.LIVE, DatasetState.MISSING)


def case_rule(platform: str) -> CaseRule:
    """Return whether a platform's names fold case; sensitive where its connector is not installed."""
    try:
        return backends.connector_spec(platform).case_rule
    except backends.UnknownPlatform:
        return CaseRule.SENSITIVE


def open_connector(catalog: Catalog) -> Connector:
    """
    Return the connector of a catalog with its secrets resolved; the caller closes it.

    :raises UnknownPlatform, InvalidOptions, NotInstalled: with what to do.
    """
    options = {**catalog.options, **credentials.unseal(bytes(catalog.secrets))}
    spec = backends.connector_spec(catalog.platform)
    return backends.make_connector(catalog.platform, credentials.resolve_options(options, spec))


# Catalogs


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
    state: str
    sync_every_seconds: int | None
    drop_limit_ratio: float
    created_at: datetime
    synced_at: datetime | None
    next_sync_at: datetime | None
    last_error: str
    datasets: int = 0


def _catalog_view(catalog: Catalog, datasets: int, *, with_options: bool) -> CatalogView:
    spec_secrets: list[str] = []
    with contextlib.suppress(backends.UnknownPlatform):  # shown all the same; syncing it says what is missing
        spec_secrets = [option.name for option in backends.connector_spec(catalog.platform).options if option.secret]
    return CatalogView(
        uuid=catalog.uuid,
        name=catalog.name,
        platform=catalog.platform,
        environment=catalog.environment,
        description=catalog.description,
        options=catalog.options if with_options else {},
        secret_options=[name for name in spec_secrets if name not in catalog.options and catalog.secrets],
        namespaces=catalog.namespaces,
        state=catalog.state,
        sync_every_seconds=catalog.sync_every_seconds,
        drop_limit_ratio=catalog.drop_limit_ratio,
        created_at=catalog.created_at,
        synced_at=catalog.synced_at,
        next_sync_at=catalog.next_sync_at,
        last_error=catalog.last_error if with_options else "",
        datasets=datasets,
    )


def _may_know_catalog(principal: Principal, datasets: int) -> bool:
    # A catalog is known through its datasets; an empty one to operators only.
    return principal.is_operator or datasets > 0


def list_catalogs(*, principal: Principal) -> Sequence[CatalogView]:
    """Return the catalogs of which the principal may know a dataset, by name; all of them for operators."""
    counts = dict(
        Dataset.objects.filter(gate.condition(principal, gate.DISCOVER), state__in=SHOWN)
        .values_list("catalog_id")
        .annotate(n=Count("id"))
    )
    rows = Catalog.objects.exclude(state=CatalogState.REMOVED).order_by("name")
    return [
        _catalog_view(row, counts.get(row.pk, 0), with_options=principal.is_operator)
        for row in rows
        if _may_know_catalog(principal, counts.get(row.pk, 0))
    ]


def get_catalog(*, name: str, principal: Principal) -> CatalogView:
    """Return a catalog. :raises NoSuchCatalog: if there is none, or the principal may know nothing in it."""
    row = Catalog.objects.filter(name=name).exclude(state=CatalogState.REMOVED).first()
    if row is not None:
        known = Dataset.objects.filter(gate.condition(principal, gate.DISCOVER), catalog=row, state__in=SHOWN)
        datasets = known.count()
        if _may_know_catalog(principal, datasets):
            return _catalog_view(row, datasets, with_options=principal.is_operator)
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
    view = get_catalog(name=catalog, principal=principal)
    rows = Database.objects.filter(catalog__uuid=view.uuid, name__gt=after)
    if not principal.is_operator:
        visible = Dataset.objects.filter(gate.condition(principal, gate.DISCOVER), state__in=SHOWN)
        rows = rows.filter(pk__in=visible.values("database_id"))
    chosen = list(rows.order_by("name")[:limit])
    counts = dict(
        Dataset.objects.filter(gate.condition(principal, gate.DISCOVER), database__in=chosen, state__in=SHOWN)
        .values_list("database_id")
        .annotate(n=Count("id"))
    )
    return [DatabaseView(row.name, row.comment, counts.get(row.pk, 0), row.missing_since) for row in chosen]


def get_database(*, catalog: str, database: str, principal: Principal) -> DatabaseView:
    """Return a database. :raises NoSuchDatabase: if there is none, or the principal may know nothing in it."""
    view = get_catalog(name=catalog, principal=principal)
    row = Database.objects.filter(catalog__uuid=view.uuid, name=database).first()
    if row is not None:
        count = Dataset.objects.filter(gate.condition(principal, gate.DISCOVER), database=row, state__in=SHOWN).count()
        if count or principal.is_operator:
            return DatabaseView(row.name, row.comment, count, row.missing_since)
    raise NoSuchDatabase(f"catalog '{catalog}' has no database '{database}'")


# Datasets


@dataclass(frozen=True, slots=True)
class DatasetSummary:
    """What a list says of a dataset; the same for whoever may discover it."""

    uuid: uuid.UUID
    qualified_name: str
    name: str
    catalog: str
    platform: str
    kind: str
    state: str
    description: str
    owners: Sequence[str]
    tags: Sequence[str]
    definition_changed_at: datetime | None
    data_changed_at: datetime | None
    rows: int | None
    columns: int | None


def _datetime(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _summary(body: Mapping[str, Any], *, whole: bool) -> DatasetSummary:
    description = body["description"]
    data = body["data"] if whole else {}
    return DatasetSummary(
        uuid=uuid.UUID(body["uuid"]),
        qualified_name=body["qualified_name"],
        name=body["name"],
        catalog=body["catalog"],
        platform=body["platform"],
        kind=body["kind"],
        state=body["state"],
        description=description["text"] if description else "",
        owners=body["owners"],
        tags=body["tags"] if whole else (),
        definition_changed_at=_datetime(body["definition_changed_at"]) if whole else None,
        data_changed_at=_datetime(data.get("changed_at")),
        rows=data.get("rows"),
        columns=len([column for column in body["columns"] if column["depth"] == 0]) if whole else None,
    )


def list_datasets(
    *,
    principal: Principal,
    catalog: str | None = None,
    database: str | None = None,
    state: str | None = None,
    after: str = "",
    limit: int,
) -> Sequence[DatasetSummary]:
    """Return datasets in order of their qualified names behind one; live and missing ones unless a state is asked for."""
    condition = gate.condition(principal, gate.DISCOVER) & Q(holds_name=True, qualified_name__gt=after)
    condition &= Q(state=state) if state else Q(state__in=SHOWN)
    if catalog is not None:
        condition &= Q(catalog__name=catalog)
    if database is not None:
        condition &= Q(database__name=database)
    rows = Dataset.objects.filter(condition).order_by("qualified_name").values_list("body", "access_class_id")[:limit]
    return [_summary(orjson.loads(body), whole=gate.may(principal, gate.READ, class_id)) for body, class_id in rows]


def list_recently_changed(*, principal: Principal, limit: int) -> Sequence[DatasetSummary]:
    """Return the readable datasets whose definition changed last, those that only appeared left out."""
    rows = Dataset.objects.filter(gate.condition(principal, gate.READ), state__in=SHOWN, schema_version__gt=1).order_by(
        "-definition_changed_at"
    )
    return [_summary(orjson.loads(body), whole=True) for body in rows.values_list("body", flat=True)[:limit]]


def summaries_by_uuid(*, principal: Principal, uuids: Sequence[uuid.UUID]) -> dict[uuid.UUID, DatasetSummary]:
    """Return the summaries of those datasets of a list that are shown and that the principal may know."""
    rows = Dataset.objects.filter(
        gate.condition(principal, gate.DISCOVER), uuid__in=list(uuids), state__in=SHOWN
    ).values_list("uuid", "body", "access_class_id")
    return {
        key: _summary(orjson.loads(body), whole=gate.may(principal, gate.READ, class_id))
        for key, body, class_id in rows
    }


@dataclass(frozen=True, slots=True)
class StoredDataset:
    """A dataset's stored answer. ``body`` is whole for readers, reduced for those who may only discover it."""

    uuid: uuid.UUID
    version: int
    access_class_id: int
    qualified_name: str
    body: bytes
    is_whole: bool
    as_of: datetime
    """When the source was last seen to say so."""
    stale_reason: str

    @property
    def etag(self) -> str:
        """A validator that changes with every change of the dataset and with what may be seen of it."""
        return f'"{self.uuid.hex}-{self.version}{"" if self.is_whole else "d"}"'


_REDUCED = ("uuid", "qualified_name", "name", "catalog", "platform", "kind", "state", "description", "owners")


def reduced(body: bytes) -> bytes:
    """Return the part of a body that those see who may only discover the dataset."""
    whole = orjson.loads(body)
    return orjson.dumps({name: whole[name] for name in _REDUCED} | {"restricted": True})


_STORED = ("uuid", "version", "access_class_id", "qualified_name", "body", "state", "id", "seen_at", "stale_reason")
_SELECT_STORED = f"SELECT {', '.join(_STORED)} FROM catalog_dataset WHERE "


@dataclass(frozen=True, slots=True)
class _Row:
    """The columns of a dataset that serving it needs."""

    uuid: uuid.UUID
    version: int
    access_class_id: int
    qualified_name: str
    body: bytes
    state: str
    pk: int
    seen_at: datetime
    stale_reason: str


def _fetch(condition: str, *values: Any) -> list[_Row]:
    """
    Return rows by a condition in SQL, without the ORM: building its query costs ten times what the database needs for this one.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SELECT_STORED + condition, [_parameter(value) for value in values])
        return [_row(values) for values in cursor.fetchall()]


def _parameter(value: Any) -> Any:
    return value.hex if isinstance(value, uuid.UUID) and connection.vendor != "postgresql" else value


def _row(values: Sequence[Any]) -> _Row:
    key, version, class_id, qualified_name, body, state, pk, seen_at, stale_reason = values
    if not isinstance(key, uuid.UUID):
        key = uuid.UUID(hex=key)
    if not isinstance(seen_at, datetime):
        seen_at = datetime.fromisoformat(seen_at).replace(tzinfo=UTC)
    return _Row(key, version, class_id, qualified_name, bytes(body), state, pk, seen_at, stale_reason)


def _stored(row: _Row, principal: Principal) -> StoredDataset:
    whole = gate.may(principal, gate.READ, row.access_class_id)
    return StoredDataset(
        uuid=row.uuid,
        version=row.version,
        access_class_id=row.access_class_id,
        qualified_name=row.qualified_name,
        body=row.body if whole else reduced(row.body),
        is_whole=whole,
        as_of=row.seen_at,
        stale_reason="missing at its source" if row.state == DatasetState.MISSING else row.stale_reason,
    )


def get_dataset(*, dataset_uuid: uuid.UUID, principal: Principal) -> StoredDataset:
    """
    Return a dataset by its id; an absorbed one by its survivor.

    :raises NoSuchDataset: if there is none, or the principal may not know that there is.
    """
    rows = _fetch("uuid = %s", dataset_uuid)
    for _ in range(8):  # a survivor may itself have been absorbed later
        if not rows or rows[0].state != DatasetState.ABSORBED:
            break
        rows = _fetch(
            "id = (SELECT survivor_id FROM catalog_redirect WHERE absorbed_id = %s AND undone_at IS NULL)", rows[0].pk
        )
    if not rows or not gate.may(principal, gate.DISCOVER, rows[0].access_class_id):
        raise NoSuchDataset(str(dataset_uuid))
    return _stored(rows[0], principal)


def get_dataset_by_name(*, name: str, principal: Principal) -> StoredDataset:
    """
    Return a dataset by its printed qualified name: the exact one, else the one that differs in letter case where the source folds.

    :raises InvalidName: if the text is no name.
    :raises AmbiguousName: if several differ in letter case only.
    :raises NoSuchDataset: with a rename or near names that the principal may know.
    """
    printed = str(QualifiedName.parse(name))
    rows = _known(_fetch("qualified_name = %s AND holds_name AND state <> 'absorbed'", printed), principal)
    if not rows:
        folded = _fetch(
            "lookup_key = %s AND holds_name AND state IN ('live', 'missing') ORDER BY qualified_name LIMIT 20",
            lookup_key(printed, CaseRule.FOLDS),
        )
        rows = _known(folded, principal)
        if len(rows) > 1:
            raise AmbiguousName(
                f"'{printed}' may mean {' or '.join(repr(row.qualified_name) for row in rows[:3])}; write it exactly"
            )
    if not rows:
        raise _not_found(printed, principal)
    return _stored(rows[0], principal)


def _known(rows: Sequence[_Row], principal: Principal) -> Sequence[_Row]:
    return [row for row in rows if gate.may(principal, gate.DISCOVER, row.access_class_id)]


def _not_found(printed: str, principal: Principal) -> NoSuchDataset:
    known = gate.condition(principal, gate.DISCOVER, "dataset__access_class")
    former = (
        FormerName.objects.filter(known, qualified_name=printed)
        .order_by("-ended_at")
        .values_list("dataset__qualified_name", flat=True)
        .first()
    )
    return NoSuchDataset(printed, renamed_to=former, near=_near_names(printed, principal))


def _near_names(printed: str, principal: Principal) -> Sequence[str]:
    try:
        parent = "/".join(printed.split("/")[:-1])
    except InvalidName:
        return ()
    names = Dataset.objects.filter(
        gate.condition(principal, gate.DISCOVER), qualified_name__startswith=f"{parent}/", state__in=SHOWN
    ).values_list("qualified_name", flat=True)
    return difflib.get_close_matches(printed, list(names[:5_000]), n=3, cutoff=0.75)


def former_name_ended_at(name: str) -> datetime | None:
    """Return when a dataset last stopped being known by a name."""
    return (
        FormerName.objects.filter(qualified_name=name).order_by("-ended_at").values_list("ended_at", flat=True).first()
    )


# Versions and history


@dataclass(frozen=True, slots=True)
class VersionView:
    """One definition that a dataset had: its number, since when, why, and how it differs from the one before."""

    number: int
    recorded_at: datetime
    cause: Mapping[str, Any]
    changes: Sequence[Mapping[str, Any]]


def _dataset_for_details(dataset_uuid: uuid.UUID, principal: Principal, what: str) -> StoredDataset:
    stored = get_dataset(dataset_uuid=dataset_uuid, principal=principal)
    gate.require(principal, gate.READ, stored.access_class_id, what=what)
    return stored


def list_versions(
    *, dataset_uuid: uuid.UUID, principal: Principal, before: int | None = None, limit: int
) -> Sequence[VersionView]:
    """Return versions, newest first. :raises NoSuchDataset, Denied: as the gate says."""
    stored = _dataset_for_details(dataset_uuid, principal, "reading versions")
    rows = DatasetVersion.objects.filter(dataset__uuid=stored.uuid)
    if before is not None:
        rows = rows.filter(number__lt=before)
    return [
        VersionView(row.number, row.recorded_at, row.cause, orjson.loads(zlib.decompress(row.diff)))
        for row in rows.order_by("-number")[:limit]
    ]


def get_version_document(*, dataset_uuid: uuid.UUID, number: int, principal: Principal) -> Mapping[str, Any]:
    """Return the definition of one version as JSON values. :raises NoSuchVersion: if there is none of this number."""
    stored = _dataset_for_details(dataset_uuid, principal, "reading versions")
    digest = (
        DatasetVersion.objects.filter(dataset__uuid=stored.uuid, number=number).values_list("digest", flat=True).first()
    )
    body = DefinitionDocument.objects.filter(digest=digest).values_list("body", flat=True).first() if digest else None
    if body is None:
        raise NoSuchVersion(f"'{stored.qualified_name}' has no version {number}")
    document: dict[str, Any] = orjson.loads(zlib.decompress(body))
    return document


def diff_versions(*, dataset_uuid: uuid.UUID, first: int, last: int | None, principal: Principal) -> Sequence[Change]:
    """Return what changed from one version to another, the newest if ``last`` is None. :raises NoSuchVersion: for an unknown one."""
    if last is None:
        newest = list_versions(dataset_uuid=dataset_uuid, principal=principal, limit=1)
        last = newest[0].number if newest else 0
    before, after = (
        document_from_json(get_version_document(dataset_uuid=dataset_uuid, number=number, principal=principal))
        for number in (first, last)
    )
    return diff(before, after)


def list_columns(*, dataset_uuid: uuid.UUID, principal: Principal, find: str = "") -> Sequence[Mapping[str, Any]]:
    """Return a dataset's columns in reading order, those whose path or description holds a text if one is given."""
    stored = _dataset_for_details(dataset_uuid, principal, "reading columns")
    return matching_columns(orjson.loads(stored.body)["columns"], find)


def matching_columns(columns: Sequence[Mapping[str, Any]], find: str) -> Sequence[Mapping[str, Any]]:
    """Return those of a body's columns whose path or description holds a text; all of them for an empty one."""
    if not find:
        return columns
    wanted = find.casefold()
    return [
        column
        for column in columns
        if wanted in column["path"].casefold()
        or (column["description"] and wanted in column["description"]["text"].casefold())
    ]


def readable_among(*, principal: Principal, uuids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Return those of some datasets whose details the principal may read."""
    rows = Dataset.objects.filter(gate.condition(principal, gate.READ), uuid__in=list(uuids))
    return set(rows.values_list("uuid", flat=True))


@dataclass(frozen=True, slots=True)
class ClaimView:
    """A claim about a dataset or one of its columns, current or ended."""

    uuid: uuid.UUID
    aspect: str
    key: str
    value: Any
    column: str | None
    said_by: str
    author: str
    said_at: datetime
    ended_at: datetime | None
    ended_by: str
    status: str
    confidence: float | None


def list_claims(
    *,
    dataset_uuid: uuid.UUID,
    principal: Principal,
    aspect: str | None = None,
    include_ended: bool = True,
    limit: int = 200,
) -> Sequence[ClaimView]:
    """Return what was said about a dataset, newest first. :raises NoSuchDataset, Denied: as the gate says."""
    stored = _dataset_for_details(dataset_uuid, principal, "reading the history of metadata")
    condition = Q(dataset__uuid=stored.uuid)
    if aspect:
        condition &= Q(aspect=aspect)
    if not include_ended:
        condition &= Q(ended_at__isnull=True)
    rows = Annotation.objects.filter(condition).order_by("-said_at", "-pk").annotate(path=F("column__path"))[:limit]
    return [
        ClaimView(
            row.uuid,
            row.aspect,
            row.key,
            row.value,
            row.path,
            row.said_by,
            row.author,
            row.said_at,
            row.ended_at,
            row.ended_by,
            row.status,
            row.confidence,
        )
        for row in rows
    ]


def list_redirects(*, dataset_uuid: uuid.UUID, principal: Principal) -> Sequence[tuple[uuid.UUID, str, datetime]]:
    """Return id, name and time of the datasets that were merged into one and not undone."""
    stored = _dataset_for_details(dataset_uuid, principal, "reading merges")
    rows = Redirect.objects.filter(survivor__uuid=stored.uuid, undone_at__isnull=True)
    return list(rows.values_list("absorbed__uuid", "absorbed__qualified_name", "created_at"))


def list_tags(*, principal: Principal, prefix: str = "", limit: int = 50) -> Sequence[tuple[str, int]]:
    """Return tags that begin with a prefix and how many readable datasets carry each, most used first."""
    rows = (
        Annotation.objects.filter(
            gate.condition(principal, gate.READ, "dataset__access_class"),
            aspect="tag",
            ended_at__isnull=True,
            status="accepted",
            key__startswith=prefix,
            dataset__state__in=SHOWN,
        )
        .values_list("key")
        .annotate(n=Count("dataset_id", distinct=True))
        .order_by("-n", "key")
    )
    return list(rows[:limit])


# Sync


@dataclass(frozen=True, slots=True)
class UnitView:
    """One database's part of a sync run."""

    database: str
    state: str
    counts: Mapping[str, int]
    failures: Sequence[Mapping[str, str]] = field(default_factory=list)


def list_sync_units(*, run_uuid: uuid.UUID, principal: Principal) -> Sequence[UnitView]:
    """Return the units of a sync run, by database. :raises Denied: unless the principal is an operator."""
    gate.require_operator(principal, what="reading the units of a sync")
    return [
        UnitView(row.database, row.state, row.counts, row.failures)
        for row in SyncUnit.objects.filter(run_uuid=run_uuid).order_by("database")
    ]


@dataclass(frozen=True, slots=True)
class HoldView:
    """A sync that asks before it drops."""

    run_uuid: uuid.UUID
    uuid: uuid.UUID
    catalog: str
    asked_at: datetime
    vanished: int
    known: int
    by_database: Mapping[str, int]
    state: str


def list_holds(*, principal: Principal) -> Sequence[HoldView]:
    """Return the holds that wait for a decision, oldest first; none for those who are not operators."""
    if not principal.is_operator:
        return []
    rows = SyncHold.objects.select_related("catalog").filter(state="waiting").order_by("asked_at")
    return [
        HoldView(
            row.run_uuid, row.uuid, row.catalog.name, row.asked_at, row.vanished, row.known, row.by_database, row.state
        )
        for row in rows
    ]
