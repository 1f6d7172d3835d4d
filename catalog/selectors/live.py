"""What sources say at this moment, for doors that promise just that; what the catalog knows beside it is left as it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from catalog.access import gate
from catalog.access.principals import Principal, renewed
from catalog.access.services import classes_of
from catalog.connectors.base import (
    ConnectorError,
    Context,
    DatabaseRef,
    DatasetRef,
    Loaded,
    LoadFailure,
    collect,
)
from catalog.connectors.base import NoSuchDatabase as NotAtSource
from catalog.domain.names import QualifiedName, is_chosen, lookup_key
from catalog.domain.partitions import Key
from catalog.models import Catalog, CatalogState, Dataset, DatasetState
from catalog.selectors.catalogs import known_catalog
from catalog.selectors.connecting import LIVE_SECONDS, ask, place_of
from catalog.selectors.datasets import find_dataset_by_name, require_details
from catalog.selectors.errors import AmbiguousName, NoSuchDatabase, NoSuchDataset
from catalog.selectors.partitions import PartitionedTable, partition_keys


@dataclass(frozen=True, slots=True)
class LiveDataset:
    """A dataset as its source has it now. ``body`` is what the catalog has stored, None for one that no sync has seen yet."""

    name: QualifiedName
    platform: str
    loaded: Loaded
    body: Mapping[str, Any] | None


def get_live_dataset(*, name: QualifiedName, principal: Principal) -> LiveDataset:
    """
    Return a dataset as its source has it now.

    :raises NoSuchDataset, AmbiguousName: if the source has none of this name, or the principal may not know that it has.
    :raises Denied: if the principal may only discover it.
    :raises ConnectorError: if the source does not answer, or the dataset cannot be read.
    """
    catalog, ref, body = _find(name, principal)
    ctx = Context.within(LIVE_SECONDS)
    answer = ask(catalog, lambda connector: next(iter(connector.load(ctx, [ref]))))
    found = QualifiedName.of(catalog.name, ref.database, ref.name)
    if isinstance(answer, LoadFailure):
        if answer.gone:
            raise NoSuchDataset(str(found))
        raise ConnectorError(f"'{found}' could not be read: {answer.reason}")
    return LiveDataset(found, catalog.platform, answer, body)


def find_partitioned_table(*, name: QualifiedName, principal: Principal) -> PartitionedTable:
    """Return a table and the keys of its partitions, asked of the source only for one that no sync has seen yet."""
    catalog, ref, body = _find(name, principal)
    found = str(QualifiedName.of(catalog.name, ref.database, ref.name))
    if body is not None and body["state"] != DatasetState.TOMBSTONED:
        return PartitionedTable(catalog, ref, found, partition_keys(body))
    document = get_live_dataset(name=name, principal=principal).loaded.document
    types = {column.name: str(column.type) for column in document.columns}
    return PartitionedTable(catalog, ref, found, [Key(key, types.get(key, "string")) for key in document.partitioning])


def _find(name: QualifiedName, principal: Principal) -> tuple[Catalog, DatasetRef, Mapping[str, Any] | None]:
    """Return the catalog, the name at the source, and the stored body of a dataset that a principal may read."""
    if len(name.segments) != 3:
        raise NoSuchDataset(str(name))
    what = f"reading '{name}'"
    stored = find_dataset_by_name(name=str(name), principal=principal, any_case=True)
    if stored is not None:
        require_details(stored, principal, what)
        body = orjson.loads(stored.body)
        return *place_of(body), body
    catalog = Catalog.objects.filter(name__iexact=name.catalog).exclude(state=CatalogState.REMOVED).first()
    if catalog is None:
        raise NoSuchDataset(str(name))
    _, database, table = name.segments
    (class_id,) = classes_of([str(QualifiedName.of(catalog.name, database, table))])
    principal = renewed(principal)
    if not gate.may(principal, gate.DISCOVER, class_id) or not is_chosen(database, catalog.database_patterns):
        raise NoSuchDataset(str(name))
    gate.require(principal, gate.READ, class_id, what=what)
    return catalog, DatasetRef(database, table), None


@dataclass(frozen=True, slots=True)
class LiveDatabase:
    """A database as its source has it now, and the names of those of its datasets that the principal may know."""

    catalog: str
    platform: str
    ref: DatabaseRef
    datasets: Sequence[str]


def list_live_databases(*, catalog: str, principal: Principal) -> Sequence[str]:
    """Return the names of a catalog's databases in order. :raises NoSuchCatalog, ConnectorError: as ever."""
    row = known_catalog(catalog, principal)
    names = [ref.name for ref in _databases(row)]
    return [name for name in names if _may_know_database(row, name, principal)]


def get_live_database(*, catalog: str, database: str, principal: Principal, with_datasets: bool) -> LiveDatabase:
    """
    Return a database, with the names of its datasets if they are wanted.

    :raises NoSuchCatalog, NoSuchDatabase, AmbiguousName: if there is none, or the principal may know nothing in it.
    """
    row = known_catalog(catalog, principal)
    refs = {ref.name: ref for ref in _databases(row)}
    name = _pick(database, refs)
    if name is None or not _may_know_database(row, name, principal):
        raise NoSuchDatabase(f"catalog '{catalog}' has no database '{database}'")
    ctx = Context.within(LIVE_SECONDS, page_size=100_000)
    names: Sequence[str] = ()
    if with_datasets:
        try:
            found = ask(row, lambda source: collect(lambda page: source.list_datasets(ctx, name, page)))
        except NotAtSource as error:
            raise NoSuchDatabase(f"catalog '{catalog}' has no database '{database}'") from error
        names = _knowable(row, name, [ref.name for ref in found], principal)
    return LiveDatabase(row.name, row.platform, refs[name], names)


def _databases(catalog: Catalog) -> Sequence[DatabaseRef]:
    ctx = Context.within(LIVE_SECONDS)
    refs = ask(catalog, lambda connector: collect(lambda page: connector.list_databases(ctx, page)))
    return [ref for ref in refs if is_chosen(ref.name, catalog.database_patterns)]


def _pick(asked: str, names: Iterable[str]) -> str | None:
    """Return the name that is meant: the exact one, else the one that differs in letter case only."""
    alike = [name for name in names if lookup_key(name) == lookup_key(asked)]
    if asked in alike:
        return asked
    if len(alike) > 1:
        raise AmbiguousName(f"'{asked}' may mean {' or '.join(repr(name) for name in alike[:3])}; write it exactly")
    return alike[0] if alike else None


def _may_know_database(catalog: Catalog, database: str, principal: Principal) -> bool:
    """Return whether a principal may know a dataset of a database, or could if one came into an empty one."""
    if principal.classes is None:
        return True
    stored = Dataset.objects.filter(catalog=catalog, database__name=database, holds_name=True)
    if stored.filter(gate.condition(principal, gate.DISCOVER)).exists():
        return True
    return not stored.exists() and bool(_knowable(catalog, database, ["any"], principal))


def _knowable(catalog: Catalog, database: str, names: Sequence[str], principal: Principal) -> Sequence[str]:
    """Return those of a database's names that a principal may know, by the classes that are stored or would be."""
    if principal.classes is None:
        return names
    rows = Dataset.objects.filter(catalog=catalog, database__name=database, holds_name=True)
    classes = dict(rows.values_list("name", "access_class_id"))
    new = [name for name in names if name not in classes]
    if new:
        printed = [str(QualifiedName.of(catalog.name, database, name)) for name in new]
        classes |= dict(zip(new, classes_of(printed), strict=True))
        principal = renewed(principal)
    return [name for name in names if gate.may(principal, gate.DISCOVER, classes[name])]
