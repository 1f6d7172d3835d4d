"""Datasets: lists, and one by id or name as stored bytes."""

from __future__ import annotations

import difflib
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import orjson
from django.db import connection
from django.db.models import Model, Q, QuerySet

from catalog.access import gate
from catalog.access.principals import Principal
from catalog.domain.names import CaseRule, InvalidName, QualifiedName, lookup_key
from catalog.models import (
    Catalog,
    Database,
    Dataset,
    DatasetState,
    FormerName,
)
from catalog.selectors.connecting import case_rule
from catalog.selectors.errors import AmbiguousName, NoSuchDataset

SHOWN = (DatasetState.LIVE, DatasetState.MISSING)


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
    condition = gate.condition(principal, gate.DISCOVER) & Q(holds_name=True)
    condition &= Q(state=state) if state else Q(state__in=SHOWN)
    if catalog is not None and database is not None:
        # Within a database the order of names is kept by an index of its own.
        within = Database.objects.filter(catalog__name=catalog, name=database).first()
        behind = QualifiedName.parse(after).segments[-1] if after else ""
        rows = Dataset.objects.filter(condition, database=within, name__gt=behind).order_by("name")
    else:
        if catalog is not None:
            condition &= Q(catalog__name=catalog)
        if database is not None:
            condition &= Q(database__name=database)
        rows = Dataset.objects.filter(condition, qualified_name__gt=after).order_by("qualified_name")
    found = rows.values_list("body", "access_class_id")[:limit]
    return [_summary(orjson.loads(body), whole=gate.may(principal, gate.READ, class_id)) for body, class_id in found]


def list_recently_changed(*, principal: Principal, limit: int, catalog: str | None = None) -> Sequence[DatasetSummary]:
    """Return the readable datasets, of one catalog or all, whose definition changed last; those that only appeared are left out."""
    rows = Dataset.objects.filter(gate.condition(principal, gate.READ), state__in=SHOWN, schema_version__gt=1).order_by(
        "-definition_changed_at"
    )
    if catalog is not None:
        rows = rows.filter(catalog=Catalog.objects.filter(name=catalog).first())
    return [_summary(orjson.loads(body), whole=True) for body in rows.values_list("body", flat=True)[:limit]]


@dataclass(frozen=True, slots=True)
class SummarizedDataset:
    """A dataset as a list shows it, and the names by which it is found: those of its columns and tags for readers only."""

    summary: DatasetSummary
    columns: Sequence[str]
    tags: Sequence[str]


def summarized_by_uuid(*, principal: Principal, uuids: Sequence[uuid.UUID]) -> dict[uuid.UUID, SummarizedDataset]:
    """Return those datasets of a list that are shown and that the principal may know."""
    rows = Dataset.objects.filter(
        gate.condition(principal, gate.DISCOVER), uuid__in=list(uuids), state__in=SHOWN
    ).values_list("uuid", "body", "access_class_id")
    found = {}
    for key, stored, class_id in rows:
        body, whole = orjson.loads(stored), gate.may(principal, gate.READ, class_id)
        columns = body["columns"] if whole else ()
        found[key] = SummarizedDataset(
            _summary(body, whole=whole),
            [column["path"] for column in columns],
            [*body["tags"], *(tag for column in columns for tag in column["tags"])] if whole else (),
        )
    return found


@dataclass(frozen=True, slots=True)
class DatasetName:
    """A dataset as a graph or a reference shows it, in whatever state it is."""

    uuid: uuid.UUID
    name: str
    qualified_name: str
    platform: str
    kind: str
    state: str


def names_by_uuid(
    *, principal: Principal, uuids: Sequence[uuid.UUID], role: str = gate.DISCOVER
) -> dict[uuid.UUID, DatasetName]:
    """Return the names of those of some datasets on which the principal has a role; a thousand are asked for at once."""
    found: dict[uuid.UUID, DatasetName] = {}
    wanted = list(dict.fromkeys(uuids))
    for start in range(0, len(wanted), 1_000):
        rows = Dataset.objects.filter(gate.condition(principal, role), uuid__in=wanted[start : start + 1_000])
        fields = ("uuid", "name", "qualified_name", "catalog__platform", "kind", "state")
        found |= {row[0]: DatasetName(*row) for row in rows.values_list(*fields)}
    return found


Row = TypeVar("Row", bound=Model)
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Listed(Generic[Item]):
    """
    A part of a list, newest first.

    ``next`` is the number before which the list goes on, None after its end. A part that is short, or empty, need not be the
    last: so much was looked at, of which the asker may know this.
    """

    items: Sequence[Item]
    next: int | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """How many of each kind there are among those that were looked at, most first."""

    counts: Sequence[tuple[str, int]]
    is_whole: bool
    """False if there are more than were looked at: each count is one at least."""

    @classmethod
    def of(cls, kinds: Iterable[str], *, is_whole: bool) -> Tally:
        """Return how often each kind is among some."""
        return cls(sorted(Counter(kinds).items(), key=lambda pair: (-pair[1], pair[0])), is_whole)

    @property
    def total(self) -> int:
        """How many there are in all."""
        return sum(count for _, count in self.counts)


def list_newest(
    rows: QuerySet[Row],
    known: Callable[[Sequence[Row]], Iterable[tuple[Row, Item]]],
    *,
    before: int | None,
    limit: int,
    page: int = 500,
    most: int = 10_000,
) -> Listed[Item]:
    """
    Return what ``known`` leaves of another table's rows, newest first, behind one by its number.

    For lists of what hangs on datasets: which of them the asker may know is asked of as many as are wanted, which is all for
    whoever may know everything, then of a ``page`` at a time; about ``most`` rows are looked at for an answer.
    """
    found: list[tuple[Row, Item]] = []
    looked_at, size = 0, min(limit + 1, page)
    while looked_at < most:
        behind = rows if before is None else rows.filter(pk__lt=before)
        part = list(behind.order_by("-pk")[:size])
        found += known(part)
        if len(found) > limit:
            return Listed([item for _, item in found[:limit]], found[limit - 1][0].pk)
        if len(part) < size:
            return Listed([item for _, item in found])
        before, looked_at, size = part[-1].pk, looked_at + size, page
    return Listed([item for _, item in found], before)


@dataclass(frozen=True, slots=True)
class StoredDataset:
    """A dataset's stored answer. ``body`` is whole for readers, reduced for those who may only discover it."""

    uuid: uuid.UUID
    version: int
    access_class_id: int
    qualified_name: str
    state: str
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
        state=row.state,
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


def dataset_for_details(dataset_uuid: uuid.UUID, principal: Principal, what: str) -> StoredDataset:
    """Return a dataset whose details may be read. :raises Denied: if the principal may only discover it, saying for what."""
    stored = get_dataset(dataset_uuid=dataset_uuid, principal=principal)
    require_details(stored, principal, what)
    return stored


def dataset_for(dataset_uuid: uuid.UUID, principal: Principal, role: str, doing: str) -> StoredDataset:
    """Return a dataset on which the principal has a role. :raises Denied: if it may only discover it, saying what for."""
    stored = get_dataset(dataset_uuid=dataset_uuid, principal=principal)
    gate.require(principal, role, stored.access_class_id, what=f"{doing} '{stored.qualified_name}'")
    return stored


def require_details(stored: StoredDataset, principal: Principal, what: str) -> None:
    """:raises Denied: unless a dataset's details may be read, saying for what."""
    gate.require(principal, gate.READ, stored.access_class_id, what=what)


def get_dataset_by_name(*, name: str, principal: Principal, any_case: bool = False) -> StoredDataset:
    """
    Return a dataset by its printed qualified name: the exact one, else the one that differs in letter case only, where the
    source folds or ``any_case`` says that the asker does.

    :raises InvalidName: if the text is no name.
    :raises AmbiguousName: if several differ in letter case only.
    :raises NoSuchDataset: with a rename or near names that the principal may know.
    """
    stored = find_dataset_by_name(name=name, principal=principal, any_case=any_case)
    if stored is None:
        raise _not_found(str(QualifiedName.parse(name)), principal)
    return stored


def find_dataset_by_name(*, name: str, principal: Principal, any_case: bool = False) -> StoredDataset | None:
    """Return what :func:`get_dataset_by_name` does, but None for what is not there: to look for names near it takes long."""
    printed = str(QualifiedName.parse(name))
    rows = _known(_fetch("qualified_name = %s AND holds_name AND state <> 'absorbed'", printed), principal)
    if not rows:
        folded = _fetch(
            "lookup_key = %s AND holds_name AND state IN ('live', 'missing') ORDER BY qualified_name LIMIT 20",
            lookup_key(printed),
        )
        rows = [row for row in _known(folded, principal) if any_case or _folds(row)]
        if len(rows) > 1:
            raise AmbiguousName(
                f"'{printed}' may mean {' or '.join(repr(row.qualified_name) for row in rows[:3])}; write it exactly"
            )
    return _stored(rows[0], principal) if rows else None


def _folds(row: _Row) -> bool:
    return case_rule(orjson.loads(row.body)["platform"]) is CaseRule.FOLDS


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


def readable_among(*, principal: Principal, uuids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Return those of some datasets whose details the principal may read."""
    rows = Dataset.objects.filter(gate.condition(principal, gate.READ), uuid__in=list(uuids))
    return set(rows.values_list("uuid", flat=True))
