"""Iceberg catalogs: in a SQL database, behind Iceberg's REST protocol, or in a Hive metastore; all through PyIceberg."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol
from urllib.parse import urlsplit

from catalog.connectors.base import (
    ConnectorError,
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
    RowSample,
    SourceUnavailable,
    TableHistory,
    check_options,
    page_of_names,
    text_option,
)
from catalog.connectors.iceberg.documents import table_history
from catalog.connectors.iceberg.loading import Answer
from catalog.connectors.iceberg.sampling import sample_table

if TYPE_CHECKING:
    from pyiceberg.table import Table


class IcebergCatalog(Protocol):
    """One way to a catalog of Iceberg tables."""

    def version(self, ctx: Context) -> str:
        """Return what answered."""

    def namespaces(self, ctx: Context) -> Sequence[DatabaseRef]:
        """Return namespaces of every depth."""

    def datasets(self, ctx: Context, database: str) -> Sequence[DatasetRef] | None:
        """Return tables and views, None if there is no such namespace."""

    def load(self, ctx: Context, ref: DatasetRef) -> Loaded | LoadFailure:
        """Return a document, or why there is none."""

    def about(self, ctx: Context, ref: DatasetRef, tell: Callable[[Table], Answer]) -> Answer:
        """Return what a table tells. :raises NoSuchTable: if there is no such table."""

    def close(self) -> None:
        """Let go of the source."""


class IcebergConnector:
    """An Iceberg catalog. A table's source id is its table-uuid, a column's its field id."""

    spec: ClassVar[ConnectorSpec] = ConnectorSpec(
        platform="iceberg",
        title="Iceberg",
        icon="iceberg",
        options=(
            Option(
                "uri",
                "Catalog",
                "http(s):// of a REST catalog, thrift:// of a Hive metastore, or SQLAlchemy's address of a SQL catalog.",
                required=True,
                secret=True,
                placeholder="https://catalog.example.com",
            ),
            Option(
                "warehouse",
                "Warehouse",
                "Where tables are kept, or what the REST catalog calls it.",
                placeholder="lake",
            ),
            Option(
                "catalog_name",
                "Catalog name",
                "The name under which a SQL catalog keeps its tables.",
                default="default",
            ),
            Option("token", "Token", "Bearer token of a REST catalog.", secret=True),
            Option("credential", "Credential", "CLIENT_ID:SECRET for OAuth2 of a REST catalog.", secret=True),
        ),
        list_refs=100_000,
        keeps_open=True,
    )

    def __init__(self, **options: Any) -> None:
        check_options(options, self.spec)
        given = {name: str(value).strip() for name, value in options.items() if value not in (None, "")}
        self._catalog = _catalog_at(text_option(options, "uri", self.spec), given)

    def check(self, ctx: Context) -> Health:
        """Reach the catalog and count namespaces."""
        return Health(self._catalog.version(ctx), len(self._catalog.namespaces(ctx)))

    def list_databases(self, ctx: Context, page: PageToken | None = None) -> Page[DatabaseRef]:
        """Return namespaces of every depth in name order, all on one page."""
        return Page(sorted(self._catalog.namespaces(ctx), key=lambda ref: ref.name))

    def list_datasets(self, ctx: Context, database: str, page: PageToken | None = None) -> Page[DatasetRef]:
        """Return tables and views in name order; the digest is the metadata location, where the catalog lists it."""
        refs = self._catalog.datasets(ctx, database)
        if refs is None:
            raise NoSuchDatabase(f"the Iceberg catalog has no namespace '{database}'")
        by_name = {ref.name: ref for ref in refs}
        shown = page_of_names(by_name, ctx, page)
        return Page([by_name[name] for name in shown.items], shown.next)

    def load(self, ctx: Context, refs: Sequence[DatasetRef]) -> Iterator[Loaded | LoadFailure]:
        """Return documents, one metadata file each."""
        for ref in refs:
            ctx.check()
            try:
                answer = self._catalog.load(ctx, ref)
            except (InvalidOptions, NotInstalled, SourceUnavailable):
                raise
            except ConnectorError as error:  # of this table alone
                answer = LoadFailure(ref, str(error))
            yield answer

    def history(self, ctx: Context, ref: DatasetRef) -> TableHistory:
        """Return what a table's metadata file keeps of earlier states."""
        return self._catalog.about(ctx, ref, table_history)

    def sample(self, ctx: Context, ref: DatasetRef, *, limit: int, newest_of: Sequence[str] = ()) -> RowSample:
        """Return all rows if they are few, else those of files drawn at random."""
        return self._catalog.about(ctx, ref, lambda table: sample_table(table, ctx, limit=limit, newest_of=newest_of))

    def close(self) -> None:
        """Close the connections to the catalog."""
        self._catalog.close()


def _catalog_at(uri: str, given: dict[str, str]) -> IcebergCatalog:
    match urlsplit(uri).scheme:
        case "http" | "https":
            from catalog.connectors.iceberg.by_rest import RESTCatalog

            return RESTCatalog(
                uri, {name: given[name] for name in ("warehouse", "token", "credential") if name in given}
            )
        case "thrift":
            from catalog.connectors.iceberg.by_hive import HiveIcebergCatalog

            return HiveIcebergCatalog(uri)
        case _:
            from catalog.connectors.iceberg.by_sql import SQLCatalog

            return SQLCatalog(uri, given.get("catalog_name", "default"), given.get("warehouse", ""))
