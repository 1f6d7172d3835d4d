"""Iceberg's tables in a Hive metastore, which keeps where their metadata file is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from catalog.connectors.base import Context, DatabaseRef, DatasetRef, InvalidOptions, Loaded, LoadFailure
from catalog.connectors.hive.by_thrift import ThriftMetastore
from catalog.connectors.hive.tables import HiveTable
from catalog.connectors.iceberg.documents import table_document

TABLES_A_CALL = 500


class HiveIcebergCatalog:
    """The tables of a metastore that say of themselves that they are Iceberg's."""

    def __init__(self, uri: str) -> None:
        parts = urlsplit(uri)
        try:
            host, port = parts.hostname, parts.port or 9083
        except ValueError:
            host, port = None, 0
        if not host:
            raise InvalidOptions("the option 'uri' must be written thrift://HOST:PORT")
        self._metastore = ThriftMetastore(host, port)

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
            try:
                table = StaticTable.from_metadata(location)
                document = table_document(table)
            except FileNotFoundError:
                return LoadFailure(ref, "its metadata file is gone")
            except (ValueError, KeyError, OSError, RecursionError) as error:
                return LoadFailure(ref, f"its metadata file could not be read ({type(error).__name__})")
            return Loaded(replace(ref, source_id=str(table.metadata.table_uuid), digest=location), document)
        return LoadFailure(ref, f"there is no Iceberg table '{ref.name}' in '{ref.database}'", gone=True)

    def close(self) -> None:
        """Close the connection."""
        self._metastore.close()
