"""PyIceberg's SQL catalog: two tables of a database. Listings are read by SQL, metadata files by PyIceberg."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.connectors.base import (
    Context,
    DatabaseRef,
    DatasetRef,
    InvalidOptions,
    Loaded,
    LoadFailure,
    NotInstalled,
    Refused,
    SourceUnavailable,
)
from catalog.connectors.iceberg.loading import Answer, load_table, tell_of
from catalog.domain.names import join_namespace, split_namespace

if TYPE_CHECKING:
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.table import Table


class SQLCatalog:
    """A catalog in a database that SQLAlchemy reaches."""

    def __init__(self, uri: str, name: str, warehouse: str) -> None:
        self._uri, self._name, self._warehouse = uri, name, warehouse
        self._catalog: SqlCatalog | None = None

    @contextmanager
    def _open(self, ctx: Context) -> Iterator[SqlCatalog]:
        try:
            from pyiceberg.catalog.sql import SqlCatalog
            from sqlalchemy.exc import ArgumentError, SQLAlchemyError
        except ImportError as error:
            raise NotInstalled(
                "Iceberg support is not installed: pip install 'pyiceberg[sql-sqlite]' pyarrow"
            ) from error
        ctx.check()
        if self._uri.startswith("sqlite:///") and not Path(self._uri.removeprefix("sqlite:///")).is_file():
            raise InvalidOptions("the SQLite file of the Iceberg catalog does not exist; check the option 'uri'")
        try:
            if self._catalog is None:
                properties = {"uri": self._uri, "init_catalog_tables": "false"}
                if self._warehouse:
                    properties["warehouse"] = self._warehouse
                self._catalog = SqlCatalog(self._name, **properties)
            yield self._catalog
        except ArgumentError as error:
            raise InvalidOptions("the option 'uri' is not an address that SQLAlchemy can read") from error
        except SQLAlchemyError as error:
            text = str(error.__cause__ or error)
            if "no such table" in text or "does not exist" in text:
                raise Refused("the database holds no Iceberg catalog (no table iceberg_tables)") from error
            raise SourceUnavailable("the database of the Iceberg catalog does not answer") from error

    def _rows(self, ctx: Context, statement: str, **values: Any) -> list[Any]:
        from sqlalchemy import text

        with self._open(ctx) as catalog, catalog.engine.connect() as connection:
            return list(connection.execute(text(statement), {"name": self._name, **values}))

    def version(self, ctx: Context) -> str:
        """Return PyIceberg's version; the catalog has none."""
        import pyiceberg

        return f"Iceberg SQL catalog, PyIceberg {pyiceberg.__version__}"

    def namespaces(self, ctx: Context) -> Sequence[DatabaseRef]:
        """Return namespaces that have properties or tables."""
        rows = self._rows(
            ctx,
            "SELECT namespace, property_key, property_value FROM iceberg_namespace_properties WHERE catalog_name = :name",
        )
        names = self._rows(ctx, "SELECT DISTINCT table_namespace FROM iceberg_tables WHERE catalog_name = :name")
        properties: dict[str, dict[str, str]] = {name: {} for (name,) in names}
        for namespace, key, value in rows:
            properties.setdefault(namespace, {})[key] = value
        refs = []
        for namespace, found in properties.items():
            kept = {key: value for key, value in found.items() if key != "exists"}
            refs.append(DatabaseRef(_database(namespace), kept.get("comment", ""), kept))
        return refs

    def datasets(self, ctx: Context, database: str) -> Sequence[DatasetRef] | None:
        """Return tables; the digest is the metadata location, which every commit changes."""
        rows = self._rows(
            ctx,
            "SELECT table_name, metadata_location FROM iceberg_tables WHERE catalog_name = :name"
            " AND table_namespace = :namespace",
            namespace=_namespace(database),
        )
        if not rows and database not in {ref.name for ref in self.namespaces(ctx)}:
            return None
        return [DatasetRef(database, name, digest=location) for name, location in rows]

    def load(self, ctx: Context, ref: DatasetRef) -> Loaded | LoadFailure:
        """Return a table's document."""
        with self._open(ctx) as catalog:
            identifier = (*split_namespace(ref.database), ref.name)
            return load_table(ref, lambda: catalog.load_table(identifier), digest=True)

    def about(self, ctx: Context, ref: DatasetRef, tell: Callable[[Table], Answer]) -> Answer:
        """Return what a table tells."""
        with self._open(ctx) as catalog:
            return tell_of(ref, lambda: catalog.load_table((*split_namespace(ref.database), ref.name)), tell)

    def close(self) -> None:
        """Close the connections to the catalog's database."""
        if self._catalog is not None:
            self._catalog.engine.dispose()
            self._catalog = None


def _database(namespace: str) -> str:
    # PyIceberg's SQL catalog joins levels by dots without escaping; so a dot there is always a new level.
    return join_namespace(tuple(namespace.split(".")))


def _namespace(database: str) -> str:
    return ".".join(split_namespace(database))
