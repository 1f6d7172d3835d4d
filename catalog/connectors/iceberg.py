"""Iceberg warehouses through PyIceberg's SQL catalog."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from catalog.connectors.base import (
    ConnectorSpec,
    Context,
    DatabaseRef,
    DatasetRef,
    Health,
    InvalidOptions,
    Loaded,
    LoadFailure,
    NoSuchDatabase,
    NotInstalled,
    Option,
    Page,
    PageToken,
    Refused,
    SourceUnavailable,
    check_options,
    text_option,
)
from catalog.domain import types
from catalog.domain.documents import Column, DataFacts, DatasetDocument
from catalog.domain.names import join_namespace, split_namespace
from catalog.domain.types import Fidelity

if TYPE_CHECKING:
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.table import Table
    from pyiceberg.types import IcebergType


class IcebergConnector:
    """An Iceberg catalog kept in a SQL database. A table's source id is its table-uuid, a column's its field id."""

    spec: ClassVar[ConnectorSpec] = ConnectorSpec(
        platform="iceberg",
        title="Iceberg",
        icon="iceberg",
        options=(
            Option(
                "uri",
                "Catalog database",
                "SQLAlchemy address of the SQL catalog.",
                required=True,
                secret=True,
                placeholder="sqlite:////data/lake.db",
            ),
            Option("warehouse", "Warehouse", "Where tables are kept.", placeholder="file:///data/lake"),
            Option(
                "catalog_name",
                "Catalog name",
                "The name under which the SQL catalog keeps its tables.",
                default="default",
            ),
        ),
    )

    def __init__(self, **options: Any) -> None:
        check_options(options, self.spec)
        self._uri = text_option(options, "uri", self.spec)
        self._warehouse = str(options.get("warehouse") or "")
        self._name = str(options.get("catalog_name") or "default")
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

    def check(self, ctx: Context) -> Health:
        """Reach the catalog's database and count namespaces."""
        import pyiceberg

        count = len(self.list_databases(ctx).items)
        return Health(version=f"Iceberg SQL catalog, PyIceberg {pyiceberg.__version__}", databases=count)

    def _rows(self, catalog: SqlCatalog, statement: str, **values: Any) -> list[Any]:
        from sqlalchemy import text

        with catalog.engine.connect() as connection:
            return list(connection.execute(text(statement), {"name": self._name, **values}))

    def list_databases(self, ctx: Context, page: PageToken | None = None) -> Page[DatabaseRef]:
        """Return namespaces of every depth in name order, all on one page."""
        with self._open(ctx) as catalog:
            rows = self._rows(
                catalog,
                "SELECT namespace, property_key, property_value FROM iceberg_namespace_properties"
                " WHERE catalog_name = :name",
            )
            names = self._rows(
                catalog, "SELECT DISTINCT table_namespace FROM iceberg_tables WHERE catalog_name = :name"
            )
        properties: dict[str, dict[str, str]] = {name: {} for (name,) in names}
        for namespace, key, value in rows:
            properties.setdefault(namespace, {})[key] = value
        refs = []
        for namespace in sorted(properties):
            kept = {key: value for key, value in properties[namespace].items() if key != "exists"}
            refs.append(DatabaseRef(_database(namespace), kept.get("comment", ""), kept))
        return Page(refs)

    def list_datasets(self, ctx: Context, database: str, page: PageToken | None = None) -> Page[DatasetRef]:
        """Return tables in name order; the digest is the metadata location, which every commit changes."""
        with self._open(ctx) as catalog:
            rows = self._rows(
                catalog,
                "SELECT table_name, metadata_location FROM iceberg_tables WHERE catalog_name = :name"
                " AND table_namespace = :namespace AND table_name > :after ORDER BY table_name LIMIT :limit",
                namespace=_namespace(database),
                after=page or "",
                limit=ctx.page_size + 1,
            )
        if not rows and page is None and database not in {ref.name for ref in self.list_databases(ctx).items}:
            raise NoSuchDatabase(f"the Iceberg catalog has no namespace '{database}'")
        refs = [DatasetRef(database, name, digest=location) for name, location in rows[: ctx.page_size]]
        return Page(refs, refs[-1].name if len(rows) > len(refs) else None)

    def load(self, ctx: Context, refs: Sequence[DatasetRef]) -> Iterator[Loaded | LoadFailure]:
        """Return documents, one metadata file each."""
        with self._open(ctx) as catalog:
            from pyiceberg.exceptions import NoSuchTableError

            for ref in refs:
                ctx.check()
                try:
                    table = catalog.load_table((*split_namespace(ref.database), ref.name))
                    yield Loaded(
                        replace(ref, source_id=str(table.metadata.table_uuid), digest=table.metadata_location),
                        _document(table),
                    )
                except NoSuchTableError:
                    yield LoadFailure(ref, f"there is no table '{ref.name}' in '{ref.database}'", gone=True)
                except FileNotFoundError:
                    yield LoadFailure(ref, "its metadata file is gone")
                except (ValueError, KeyError, OSError) as error:
                    yield LoadFailure(ref, f"its metadata file could not be read ({type(error).__name__})")

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


def _type(iceberg_type: IcebergType) -> types.Type:
    from pyiceberg import types as iceberg

    if isinstance(iceberg_type, iceberg.StructType):
        return types.StructType(
            tuple(
                types.Field(field.name, _type(field.field_type), not field.required, field.field_id, field.doc or "")
                for field in iceberg_type.fields
            )
        )
    if isinstance(iceberg_type, iceberg.ListType):
        return types.ListType(_type(iceberg_type.element_type))
    if isinstance(iceberg_type, iceberg.MapType):
        return types.MapType(_type(iceberg_type.key_type), _type(iceberg_type.value_type))
    if isinstance(iceberg_type, iceberg.DecimalType):
        return types.Decimal(iceberg_type.precision, iceberg_type.scale)
    if isinstance(iceberg_type, iceberg.FixedType):
        return types.Fixed(len(iceberg_type))
    name = str(iceberg_type)
    return types.Primitive(name) if name in types.PRIMITIVES else types.UNKNOWN


def _document(table: Table) -> DatasetDocument:
    schema = table.schema()
    columns = []
    for field in schema.fields:
        mapped = _type(field.field_type)
        fidelity = Fidelity.OPAQUE if mapped == types.UNKNOWN and str(field.field_type) != "unknown" else Fidelity.EXACT
        default = None if field.initial_default is None else str(field.initial_default)
        columns.append(
            Column(
                field.name,
                mapped,
                str(field.field_type),
                fidelity,
                not field.required,
                field.doc or "",
                default,
                field.field_id,
            )
        )

    def name(field_id: int) -> str:
        return schema.find_column_name(field_id) or f"field {field_id}"

    partitioning = tuple(_transform(str(part.transform), name(part.source_id)) for part in table.spec().fields)
    order = tuple(
        f"{_transform(str(part.transform), name(part.source_id))} {part.direction.name.lower()}"
        for part in table.sort_order().fields
    )
    properties = dict(table.properties)
    snapshot = table.current_snapshot()
    summary = snapshot.summary.additional_properties if snapshot and snapshot.summary else {}
    return DatasetDocument(
        kind="table",
        columns=tuple(columns),
        comment=properties.pop("comment", ""),
        primary_key=tuple(name(key) for key in schema.identifier_field_ids),
        partitioning=partitioning,
        sort_order=order,
        location=table.location(),
        format=f"iceberg {table.metadata.format_version}, {properties.get('write.format.default', 'parquet')}",
        properties=properties,
        data=DataFacts(
            rows=_number(summary.get("total-records")),
            size_bytes=_number(summary.get("total-files-size")),
            files=_number(summary.get("total-data-files")),
            snapshot_id=str(snapshot.snapshot_id) if snapshot else None,
            changed_at=datetime.fromtimestamp(snapshot.timestamp_ms / 1_000, UTC) if snapshot else None,
        ),
    )


def _transform(transform: str, column: str) -> str:
    if transform == "identity":
        return column
    name, bracket, rest = transform.partition("[")
    return f"{name}({column}, {rest.rstrip(']')})" if bracket else f"{name}({column})"


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None
