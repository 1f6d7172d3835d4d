"""Iceberg's tables in a Hive metastore, which keeps where their metadata file is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from catalog.connectors.base import Context, DatabaseRef, DatasetRef, Loaded, LoadFailure, NoSuchTable
from catalog.connectors.hive.by_thrift import ThriftMetastore
from catalog.connectors.hive.tables import HiveTable
from catalog.connectors.iceberg.loading import Answer, load_table, tell_of

if TYPE_CHECKING:
    from pyiceberg.table import Table

TABLES_A_CALL = 500


class HiveIcebergCatalog:
    """The tables of a metastore that say of themselves that they are Iceberg's."""

    def __init__(self, uri: str) -> None:
        self._metastore = ThriftMetastore(uri)

    def version(self, ctx: Context) -> str:
        """Return the version that the metastore gives of itself."""
        return f"Iceberg in {self._metastore.version(ctx)}"

    def namespaces(self, ctx: Context) -> Sequence[DatabaseRef]:
        """Return the metastore's databases."""
        return self._metastore.databases(ctx)

    def datasets(self, ctx: Context, database: str) -> Sequence[DatasetRef] | None:
        """Return Iceberg's tables; the digest is the metadata location, which every commit changes."""
        names = self._metastore.table_names(ctx, database)
        if names is None:
            return None
        return [DatasetRef(database, name, digest=location) for name, location in self._locations(ctx, database, names)]

    def _locations(self, ctx: Context, database: str, names: Sequence[str]) -> Iterable[tuple[str, str]]:
        for start in range(0, len(names), TABLES_A_CALL):
            for table in self._metastore.tables(ctx, database, names[start : start + TABLES_A_CALL]):
                if not isinstance(table, HiveTable):
                    continue
                location = table.parameters.get("metadata_location")
                if location and table.parameters.get("table_type", "").lower() == "iceberg":
                    yield table.name, location

    def load(self, ctx: Context, ref: DatasetRef) -> Loaded | LoadFailure:
        """Return the document that a table's metadata file says, at the place that the metastore keeps now."""
        from pyiceberg.table import StaticTable

        for _, location in self._locations(ctx, ref.database, [ref.name]):
            return load_table(ref, partial(StaticTable.from_metadata, location), digest=True)
        return LoadFailure(ref, f"there is no Iceberg table '{ref.name}' in '{ref.database}'", gone=True)

    def about(self, ctx: Context, ref: DatasetRef, tell: Callable[[Table], Answer]) -> Answer:
        """Return what a table tells."""
        from pyiceberg.table import StaticTable

        for _, location in self._locations(ctx, ref.database, [ref.name]):
            return tell_of(ref, partial(StaticTable.from_metadata, location), tell)
        raise NoSuchTable(f"there is no Iceberg table '{ref.name}' in '{ref.database}'")

    def close(self) -> None:
        """Close the connection."""
        self._metastore.close()
