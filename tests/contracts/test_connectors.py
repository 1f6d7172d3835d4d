"""The connector contract, a subclass an adapter, each on a real source."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import socket
import sqlite3
import threading
import time
import uuid
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import psycopg
import pytest

from catalog.connectors.base import (
    Conflict,
    ConnectorError,
    Context,
    DatasetRef,
    InvalidOptions,
    LoadFailure,
    NoSuchTable,
    Refused,
    SourceBusy,
    SourceUnavailable,
    WritesTables,
    collect,
)
from catalog.connectors.duckdb import DuckDBConnector
from catalog.connectors.hive import HiveConnector
from catalog.connectors.iceberg import IcebergConnector, by_rest
from catalog.connectors.memory import MemoryConnector
from catalog.connectors.postgresql import PostgreSQLConnector
from catalog.connectors.sqlite import SQLiteConnector
from catalog.domain.documents import Column, DatasetDocument, definition_bytes
from catalog.domain.names import join_namespace
from catalog.domain.operations import AddColumn, CreateTable, DropColumn, DropTable, RenameColumn, RenameTable
from catalog.domain.partitions import Key, parse_partition_filter
from catalog.domain.types import parse_type
from deploy.demo.hive import PARQUET, HiveFile
from tests.conftest import HIVE_DATABASE_URL, HIVE_POSTGRES_URI, HIVE_URI, ICEBERG_REST_URI, POSTGRES_URL
from tests.contracts.connector import ODD_NAMES, ConnectorContract, Facts
from tests.contracts.row_samples import CUSTOMERS as CUSTOMER_ROWS
from tests.contracts.row_samples import MANY, MOMENTS, SamplesRowsContract


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


CUSTOMERS = DatasetDocument(
    "table",
    (
        Column("id", parse_type("long"), "long"),
        Column("email", parse_type("string"), "string", nullable=False, comment="Lower-cased."),
        Column("name", parse_type("string"), "string"),
    ),
    comment="Who buys.",
    primary_key=("id",),
)


class TestMemory(SamplesRowsContract, ConnectorContract):
    facts = Facts("shop", has_source_ids=True, has_column_ids=True)

    @pytest.fixture
    def filled(self, connector):
        connector.put_rows(
            "shop", "customers", [dict(zip(("id", "email", "name"), r, strict=True)) for r in CUSTOMER_ROWS]
        )
        many = (Column("n", parse_type("long"), "long"), Column("at", parse_type("timestamp"), "timestamp"))
        connector.apply(self.context(), CreateTable("shop", "many", DatasetDocument("table", many)))
        connector.put_rows("shop", "many", [{"n": n, "at": str(at)} for n, at in enumerate(MOMENTS)])
        return connector

    @pytest.fixture(params=["process", "file"])
    def connector(self, request, tmp_path):
        options = {"path": str(tmp_path / "tables.json")} if request.param == "file" else {"space": uuid.uuid4().hex}
        made = MemoryConnector(**options)
        ctx = Context.within(5)
        made.apply(ctx, CreateTable("shop", "customers", CUSTOMERS))
        for name in ["orders", *ODD_NAMES]:
            made.apply(ctx, CreateTable("shop", name, replace(CUSTOMERS, columns=CUSTOMERS.columns[:1])))
        return made

    @pytest.fixture
    def change(self, connector):
        column = Column("added", parse_type("int"), "int")
        return lambda: connector.apply(Context.within(5), AddColumn("shop", "customers", column))

    def test_it_writes(self, connector):
        assert isinstance(connector, WritesTables)

    def test_an_operation_happens_wholly_or_is_refused(self, connector):
        ctx = Context.within(5)
        with pytest.raises(Conflict):
            connector.apply(ctx, CreateTable("shop", "orders", CUSTOMERS))
        with pytest.raises(Conflict):
            connector.apply(ctx, RenameTable("shop", "orders", "customers"))
        with pytest.raises(NoSuchTable):
            connector.apply(ctx, DropTable("shop", "gone"))
        with pytest.raises(NoSuchTable):
            connector.apply(ctx, DropColumn("shop", "orders", "gone"))
        assert self.load(connector, "customers").columns[1].name == "email"

    def test_a_renamed_column_keeps_its_id(self, connector):
        before = self.load(connector, "customers").columns[1].source_column_id
        connector.apply(Context.within(5), RenameColumn("shop", "customers", "email", "mail"))
        column = self.load(connector, "customers").columns[1]
        assert (column.name, column.source_column_id) == ("mail", before)


class TestSQLite(SamplesRowsContract, ConnectorContract):
    facts = Facts("main", has_comments=False)

    @pytest.fixture(params=["", "WITHOUT ROWID"])
    def filled(self, request, path, connector):
        self.is_random = not request.param
        with sqlite3.connect(path) as connection:
            connection.executemany("INSERT INTO customers VALUES (?, ?, ?)", CUSTOMER_ROWS)
            connection.execute(f"CREATE TABLE many (n INTEGER PRIMARY KEY, at TIMESTAMP) {request.param}")
            connection.executemany("INSERT INTO many VALUES (?, ?)", [(n, str(at)) for n, at in enumerate(MOMENTS)])
        connection.close()
        return connector

    def test_mixed_values_of_a_column_are_texts_and_bytes_too(self, path, connector):
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE mixed (v)")
            values = [(1,), ("a",), (b"\xff\x00",), (None,), (2.5,), (2**62,)]
            connection.executemany("INSERT INTO mixed VALUES (?)", values)
            connection.execute("CREATE VIEW over AS SELECT v FROM mixed")
            connection.execute(
                "CREATE VIEW endless AS WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) c FROM t"
            )
        connection.close()
        assert self.drawn(connector, "mixed").rows.column("v").to_pylist()[:2] == ["1", "a"]
        assert self.drawn(connector, "over", limit=3).method == "first"
        with pytest.raises(SourceUnavailable, match="not read in time"):
            connector.sample(Context.within(0.3), DatasetRef("main", "endless"), limit=3)

    @pytest.fixture
    def path(self, tmp_path):
        path = tmp_path / "shop ü.sqlite3"
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT NOT NULL, name TEXT)")
            for name in ["orders", *ODD_NAMES]:
                connection.execute(f"CREATE TABLE {quoted(name)} (id INTEGER)")
        connection.close()
        return path

    @pytest.fixture
    def connector(self, path):
        return SQLiteConnector(path=str(path))

    @pytest.fixture
    def change(self, path):
        def add():
            with sqlite3.connect(path) as connection:
                connection.execute("ALTER TABLE customers ADD COLUMN added INTEGER")
            connection.close()

        return add

    def test_a_view_of_a_table_that_is_gone_is_a_failure_beside_good_neighbours(self, path, connector):
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE VIEW broken AS SELECT * FROM gone")
        connection.close()
        refs = [DatasetRef("main", "broken"), DatasetRef("main", "orders")]
        broken, orders = connector.load(self.context(), refs)
        assert "gone" in broken.reason
        assert orders.document.columns

    def test_foreign_keys_and_defaults_are_read(self, path, connector):
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE lines (id INTEGER, c INTEGER DEFAULT 7 REFERENCES customers (id))")
        connection.close()
        document = self.load(connector, "lines")
        assert document.foreign_keys[0].table == "customers"
        assert document.columns[1].default == "7"

    def test_text_that_is_not_utf_8_hides_nothing_else(self, path, connector):
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE bad (a INTEGER DEFAULT (CAST(x'ff' AS TEXT)))")
        connection.close()
        assert {"bad", "orders"} <= {ref.name for ref in self.refs(connector)}

    def test_a_file_that_is_no_database_is_refused(self, tmp_path):
        path = tmp_path / "notes.txt"
        path.write_text("not a database" * 100)
        with pytest.raises(Refused, match="not a readable SQLite database"):
            SQLiteConnector(path=str(path)).check(self.context())

    def test_a_missing_file_is_said_to_be_missing_and_not_made(self, tmp_path):
        path = tmp_path / "gone.sqlite3"
        with pytest.raises(InvalidOptions, match="there is no file"):
            SQLiteConnector(path=str(path)).check(self.context())
        assert not path.exists()

    def test_unknown_options_are_named(self):
        with pytest.raises(InvalidOptions, match="no option 'pth'; its options are path"):
            SQLiteConnector(pth="x")


class TestDuckDB(SamplesRowsContract, ConnectorContract):
    facts = Facts("main")

    @pytest.fixture
    def filled(self, path, connector):
        with duckdb.connect(str(path)) as connection:
            connection.executemany("INSERT INTO customers VALUES (?, ?, ?)", CUSTOMER_ROWS)
            connection.execute(
                f"CREATE TABLE many AS SELECT n, TIMESTAMP '2026-01-01' + to_minutes(n) AS at FROM range({MANY}) t(n)"
            )
        return connector

    def test_a_view_that_reads_other_files_is_not_followed(self, path, connector, tmp_path):
        (tmp_path / "secret.csv").write_text("a\nhidden-value\n")
        with duckdb.connect(str(path)) as connection:
            connection.execute(f"CREATE VIEW outside AS SELECT * FROM read_csv('{tmp_path}/secret.csv')")
            connection.execute(
                "CREATE VIEW endless AS SELECT count(*) c FROM range(100000000000) t(n) WHERE hash(n) = 7"
            )
        with pytest.raises(ConnectorError) as refused:
            self.drawn(connector, "outside")
        assert "hidden-value" not in str(refused.value)
        with pytest.raises(SourceUnavailable, match="not read in time"):
            connector.sample(Context.within(0.5), DatasetRef("main", "endless"), limit=3)

    def test_a_row_that_cannot_be_made_tells_nothing_of_it(self, path, connector):
        with duckdb.connect(str(path)) as connection:
            connection.execute("CREATE TABLE t AS SELECT 'hidden-value' AS v")
            connection.execute("CREATE VIEW broken AS SELECT v::INTEGER AS v FROM t")
        with pytest.raises(ConnectorError) as refused:
            self.drawn(connector, "broken")
        assert "hidden-value" not in str(refused.value)

    @pytest.fixture
    def path(self, tmp_path):
        path = tmp_path / "shop.duckdb"
        with duckdb.connect(str(path)) as connection:
            connection.execute("CREATE TABLE customers (id BIGINT PRIMARY KEY, email VARCHAR NOT NULL, name VARCHAR)")
            connection.execute("COMMENT ON TABLE customers IS 'Who buys.'")
            connection.execute("COMMENT ON COLUMN customers.email IS 'Lower-cased.'")
            for name in ["orders", *ODD_NAMES]:
                connection.execute(f"CREATE TABLE {quoted(name)} (id BIGINT)")
        return path

    @pytest.fixture
    def connector(self, path):
        return DuckDBConnector(path=str(path))

    @pytest.fixture
    def change(self, path):
        def add():
            with duckdb.connect(str(path)) as connection:
                connection.execute("ALTER TABLE customers ADD COLUMN added INTEGER")

        return add

    def test_a_file_of_many_schemas_is_opened_once_for_a_listing(self, path, connector, monkeypatch):
        with duckdb.connect(str(path)) as writer:
            for number in range(5):
                writer.execute(f"CREATE SCHEMA s{number}; CREATE TABLE s{number}.t (id BIGINT, happened TIMESTAMP)")
        opened = []
        connect = duckdb.connect
        monkeypatch.setattr(duckdb, "connect", lambda *a, **k: opened.append(a) or connect(*a, **k))
        databases = collect(lambda page: connector.list_databases(self.context(), page))
        assert [ref.name for ref in databases] == ["main", "s0", "s1", "s2", "s3", "s4"]
        for ref in databases[1:]:
            (table,) = collect(lambda page, name=ref.name: connector.list_datasets(self.context(), name, page))
            (loaded,) = connector.load(self.context(), [table])
            assert [column.name for column in loaded.document.columns] == ["id", "happened"]
            assert loaded.ref.digest == table.digest
        assert len(opened) == 1

    def test_a_file_open_elsewhere_is_busy_and_says_so(self, path, connector):
        import subprocess
        import sys

        holder = subprocess.Popen(
            [
                sys.executable,
                "-c",
                f"import duckdb,sys; c=duckdb.connect({str(path)!r}); print('open', flush=True); sys.stdin.read()",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        try:
            assert holder.stdout.readline() == b"open\n"
            with pytest.raises(SourceBusy, match="open in another process"):
                connector.check(self.context())
        finally:
            holder.communicate()
        connector.check(self.context())

    def test_the_file_is_let_go_after_each_call(self, path, connector):
        connector.check(self.context())
        with duckdb.connect(str(path)) as connection:
            connection.execute("CREATE TABLE written_after (id INTEGER)")

    def test_nested_types_and_views_are_read(self, path, connector):
        with duckdb.connect(str(path)) as connection:
            connection.execute("CREATE TABLE nested (d STRUCT(a INTEGER, b VARCHAR[])[])")
            connection.execute("CREATE VIEW v AS SELECT id, email FROM customers")
        assert str(self.load(connector, "nested").columns[0].type) == "list<struct<a:int,b:list<string>>>"
        view = self.load(connector, "v")
        assert view.kind == "view"
        assert "customers" in view.view_text

    def test_a_file_that_is_no_database_is_refused(self, tmp_path):
        path = tmp_path / "notes.txt"
        path.write_text("not a database" * 1000)
        with pytest.raises(Refused):
            DuckDBConnector(path=str(path)).check(self.context())


SHOP = f"shop_{os.getpid()}"
"""A database of this process: others use the same server meanwhile."""


class IcebergContract(SamplesRowsContract, ConnectorContract):
    """What every kind of Iceberg catalog gives. A slash in a name would be a folder of the warehouse."""

    facts = Facts(
        SHOP,
        odd_names=("with space", "éclair 🎬", "x" * 63),
        has_source_ids=True,
        has_column_ids=True,
    )

    @pytest.fixture
    def filled(self, catalog, connector):
        import pyarrow as pa

        customers = catalog.load_table((SHOP, "customers"))
        columns = [pa.array(values) for values in zip(*CUSTOMER_ROWS, strict=True)]
        customers.append(pa.Table.from_arrays(columns, schema=customers.schema().as_arrow()))
        rows = pa.table({"n": pa.array(range(MANY), pa.int64()), "at": pa.array(MOMENTS, pa.timestamp("us"))})
        with contextlib.suppress(Exception):
            catalog.drop_table((SHOP, "many"))
        many = catalog.create_table((SHOP, "many"), rows.schema)
        for part in range(6):
            many.append(rows.slice(part * 1_000, 1_000))
        yield connector
        catalog.drop_table((SHOP, "many"))

    def prepare(self, catalog, **namespace):
        from pyiceberg.schema import Schema
        from pyiceberg.types import LongType, NestedField, StringType

        catalog.create_namespace(SHOP, namespace)
        schema = Schema(
            NestedField(1, "id", LongType(), required=True),
            NestedField(2, "email", StringType(), required=True, doc="Lower-cased."),
            NestedField(3, "name", StringType(), required=False),
            identifier_field_ids=[1],
        )
        catalog.create_table((SHOP, "customers"), schema, properties={"comment": "Who buys."})
        for name in ("orders", *self.facts.odd_names):
            catalog.create_table((SHOP, name), Schema(NestedField(1, "id", LongType(), required=False)))
        return catalog

    @pytest.fixture
    def catalog(self, tmp_path):
        """Return PyIceberg's own catalog, the outside hand."""
        raise NotImplementedError

    @pytest.fixture
    def change(self, catalog):
        from pyiceberg.types import IntegerType

        def add():
            with catalog.load_table((SHOP, "customers")).update_schema() as update:
                update.add_column("added", IntegerType())

        return add

    def test_snapshots_and_partitions_are_read(self, catalog, connector):
        import pyarrow as pa

        rows = pa.table({"day": pa.array([1, 2], pa.int32()), "n": pa.array([1, 2], pa.int64())})
        table = catalog.create_table((SHOP, "daily"), rows.schema)
        with table.update_spec() as spec:
            spec.add_identity("day")
        table.append(rows)
        (answer,) = connector.load(self.context(), [DatasetRef(SHOP, "daily")])
        first = table.current_snapshot().snapshot_id
        table.manage_snapshots().create_tag(first, "gold").commit()
        table.append(rows)
        history = connector.history(self.context(), DatasetRef(SHOP, "daily"))
        catalog.drop_table((SHOP, "daily"))
        newer, older = history.snapshots
        assert (newer.rows, newer.added_rows, newer.operation, newer.refs) == (4, 2, "append", ["main"])
        assert (older.rows, older.refs, newer.parent_id) == (2, ["gold"], older.id)
        assert [(ref.name, ref.kind, ref.snapshot_id) for ref in history.refs] == [
            ("gold", "tag", str(first)),
            ("main", "branch", newer.id),
        ]
        assert [(layout.columns, layout.is_current) for layout in history.specs] == [([], False), (["day"], True)]
        assert [layout.is_current for layout in history.sort_orders] == [True]
        with pytest.raises(NoSuchTable):
            connector.history(self.context(), DatasetRef(SHOP, "gone"))
        assert answer.document.partitioning == ("day",)
        assert (answer.document.data.rows, answer.document.data.files) == (2, 2)
        assert answer.document.data.snapshot_id

    def test_data_written_makes_no_new_definition(self, catalog, connector):
        import pyarrow as pa

        before = definition_bytes(self.load(connector, "orders"))
        catalog.load_table((SHOP, "orders")).append(pa.table({"id": pa.array([1], pa.int64())}))
        assert definition_bytes(self.load(connector, "orders")) == before


class TestIcebergInSQL(IcebergContract):
    @pytest.fixture
    def catalog(self, tmp_path):
        from pyiceberg.catalog.sql import SqlCatalog

        catalog = SqlCatalog("default", uri=f"sqlite:///{tmp_path}/lake.db", warehouse=f"file://{tmp_path}/lake")
        yield self.prepare(catalog)
        catalog.engine.dispose()

    @pytest.fixture
    def connector(self, catalog, tmp_path):
        made = IcebergConnector(uri=f"sqlite:///{tmp_path}/lake.db", warehouse=f"file://{tmp_path}/lake")
        yield made
        made.close()

    def test_nested_namespaces_are_read(self, catalog, connector):
        catalog.create_namespace("a")
        catalog.create_namespace(("a", "b"))
        assert "a.b" in [ref.name for ref in connector.list_databases(self.context()).items]

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "{",
            "null",
            "[]",
            "{}",
            '{"format-version": 9}',
            "\x1f\x8b not gzip",
            '{"a":' * 5_000 + "1" + "}" * 5_000,
            "x" * 3_000_000,
        ],
    )
    def test_a_metadata_file_that_is_corrupt_fails_alone(self, catalog, connector, tmp_path, text):
        for path in (tmp_path / "lake").rglob("*.metadata.json"):
            if "/orders/" in str(path):
                path.write_text(text, encoding="latin-1")
        orders, customers = connector.load(self.context(), [DatasetRef(SHOP, "orders"), DatasetRef(SHOP, "customers")])
        assert isinstance(orders, LoadFailure)
        assert not orders.gone
        assert len(orders.reason) < 500
        assert customers.document.columns

    def test_a_metadata_file_that_is_gone_fails_alone(self, catalog, connector, tmp_path):
        for path in (tmp_path / "lake").rglob("*.metadata.json"):
            if "/orders/" in str(path):
                path.unlink()
        orders, customers = connector.load(self.context(), [DatasetRef(SHOP, "orders"), DatasetRef(SHOP, "customers")])
        assert "metadata file" in orders.reason
        assert not orders.gone
        assert customers.document.columns

    def test_a_database_without_a_catalog_is_refused(self, tmp_path):
        path = tmp_path / "plain.db"
        sqlite3.connect(path).close()
        path.touch()
        with pytest.raises(Refused, match="holds no Iceberg catalog"):
            IcebergConnector(uri=f"sqlite:///{path}").check(self.context())


@pytest.mark.server("iceberg-rest")
class TestIcebergByREST(IcebergContract):
    @pytest.fixture
    def catalog(self):
        from pyiceberg.catalog.rest import RestCatalog

        catalog = RestCatalog("hand", uri=ICEBERG_REST_URI)
        yield self.prepare(catalog, comment="What is sold.")
        for identifier in catalog.list_views(SHOP):
            catalog.drop_view(identifier)
        for identifier in catalog.list_tables(SHOP):
            catalog.drop_table(identifier)
        catalog.drop_namespace(SHOP)
        catalog.close()

    @pytest.fixture
    def connector(self, catalog):
        made = IcebergConnector(uri=ICEBERG_REST_URI)
        yield made
        made.close()

    def test_nested_namespaces_and_their_comments_are_read(self, catalog, connector):
        catalog.create_namespace((SHOP, "b"))
        refs = {ref.name: ref for ref in connector.list_databases(self.context()).items}
        assert refs[SHOP].comment == "What is sold."
        nested = join_namespace((SHOP, "b"))
        assert nested in refs
        assert collect(lambda page: connector.list_datasets(self.context(), nested, page)) == []
        catalog.drop_namespace((SHOP, "b"))

    @pytest.mark.parametrize(
        ("damage", "words"), [("gone", "fails at this table"), ("corrupt", "did not answer within")]
    )
    def test_a_table_that_the_catalog_fails_at_fails_alone(self, catalog, connector, monkeypatch, damage, words):
        monkeypatch.setattr(by_rest, "TABLE_SECONDS", 2)  # the reference catalog tries for a minute and a half
        for path in Path(urlsplit(catalog.load_table((SHOP, "orders")).metadata_location).path).parent.glob("*.json"):
            path.unlink() if damage == "gone" else path.write_text("{")
        orders, customers = connector.load(self.context(), [DatasetRef(SHOP, "orders"), DatasetRef(SHOP, "customers")])
        assert words in orders.reason
        assert not orders.gone
        assert customers.document.columns

    def test_views_are_read(self, catalog, connector):
        from pyiceberg.schema import Schema
        from pyiceberg.types import LongType, NestedField
        from pyiceberg.view.metadata import SQLViewRepresentation, ViewRepresentation, ViewVersion

        version = ViewVersion(
            schema_id=0,
            representations=[
                ViewRepresentation(SQLViewRepresentation(type="sql", sql="SELECT id FROM orders", dialect="spark"))
            ],
            default_namespace=[SHOP],
        )
        catalog.create_view(
            (SHOP, "v"), Schema(NestedField(1, "id", LongType())), version, properties={"comment": "Ids."}
        )
        assert "v" in {ref.name for ref in self.refs(connector)}
        view = self.load(connector, "v")
        assert (view.kind, view.view_text, view.comment) == ("view", "SELECT id FROM orders", "Ids.")
        assert [column.name for column in view.columns] == ["id"]


@pytest.mark.server("hive")
class TestIcebergInHive(IcebergContract):
    # A metastore takes only names of letters, digits and underscores.
    facts = replace(IcebergContract.facts, odd_names=("under_score", "x" * 63))

    @pytest.fixture
    def catalog(self, tmp_path):
        from pyiceberg.catalog.hive import HiveCatalog

        catalog = HiveCatalog("hand", uri=HIVE_URI, warehouse=f"file://{tmp_path}/lake")
        yield self.prepare(catalog, location=f"file://{tmp_path}/lake/{SHOP}")
        hand = ThriftHand(HIVE_URI)
        hand.client.drop_database(SHOP, False, True)
        hand.transport.close()

    @pytest.fixture
    def connector(self, catalog):
        made = IcebergConnector(uri=HIVE_URI)
        yield made
        made.close()

    def test_tables_of_other_formats_are_left_to_the_hive_connector(self, catalog, connector):
        hand = ThriftHand(HIVE_URI)
        hand.create_table(SHOP, "plain", HIVE_COLUMNS, location="file:/warehouse/plain")
        hand.transport.close()
        assert "plain" not in {ref.name for ref in self.refs(connector)}
        (answer,) = connector.load(self.context(), [DatasetRef(SHOP, "plain")])
        assert answer.gone


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (401, Refused, "refused the token"),
        (403, Refused, "forbids"),
        (500, SourceUnavailable, "option 'uri'"),
        (404, ConnectorError, "could not be used"),
    ],
)
def test_what_a_rest_catalog_refuses_is_said_without_its_words(status, kind, words):
    with served(f"HTTP/1.1 {status} X\r\nContent-Length: 9\r\nConnection: close\r\n\r\n<secret/>".encode()) as port:
        with pytest.raises(kind, match=words) as refusal:
            IcebergConnector(uri=f"http://127.0.0.1:{port}", token="t").check(Context.within(5))
        assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 302 X\r\nLocation: http://localhost:1/v1/config\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        b'HTTP/1.1 200 X\r\nContent-Length: 54\r\nConnection: close\r\n\r\n{"defaults":{},"overrides":{"uri":"http://localhost"}}',
    ],
    ids=["redirect", "override"],
)
def test_a_rest_catalog_leads_to_no_other_host(answer):
    with served(answer) as port, pytest.raises(Refused, match="another host"):
        IcebergConnector(uri=f"http://127.0.0.1:{port}").check(Context.within(5))


def test_a_rest_catalog_that_hangs_is_given_up_at_the_deadline():
    with socket.create_server(("127.0.0.1", 0)) as server:
        began = time.monotonic()
        with pytest.raises(SourceUnavailable, match="did not answer in time"):
            IcebergConnector(uri=f"http://127.0.0.1:{server.getsockname()[1]}").check(Context.within(0.5))
        assert time.monotonic() - began < 3


@contextlib.contextmanager
def served(answer: bytes):
    """Answer every connection with the same bytes; yields the port."""
    server = socket.create_server(("127.0.0.1", 0))

    def run():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                connection.recv(10_000)
                connection.sendall(answer)
                connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()


@pytest.mark.server("postgresql")
class TestPostgreSQL(SamplesRowsContract, ConnectorContract):
    facts = Facts("shop", has_source_ids=True, has_column_ids=True)
    total_is_exact = False  # of a large one: the planner's estimate

    @pytest.fixture(params=["plain", "partitioned"])
    def filled(self, request, run, options, connector):
        with psycopg.connect(**options, autocommit=True) as connection, connection.cursor() as cursor:
            cursor.executemany("INSERT INTO shop.customers VALUES (%s, %s, %s)", CUSTOMER_ROWS)
        by = " PARTITION BY RANGE (n)" if request.param == "partitioned" else ""
        run(f"CREATE TABLE shop.many (n bigint, at timestamp, filler text DEFAULT repeat('x', 200)){by}")
        if by:
            run(
                "CREATE TABLE shop.many_1 PARTITION OF shop.many FOR VALUES FROM (0) TO (2000)",
                "CREATE TABLE shop.many_2 PARTITION OF shop.many FOR VALUES FROM (2000) TO (9000)",
            )
        run(
            f"INSERT INTO shop.many SELECT n, timestamp '2026-01-01' + n * interval '1 minute' FROM generate_series(0, {MANY - 1}) n",
            "ANALYZE shop.many",
        )
        return connector

    def test_all_types_are_read_and_infinity_is_no_time(self, run, connector):
        run(
            "CREATE TABLE shop.types (a numeric, b timestamptz, c date, d jsonb, e uuid, f bytea, g int[], h interval, i inet, j boolean)",
            "INSERT INTO shop.types VALUES ('NaN', 'infinity', '-infinity', '{}', gen_random_uuid(), 'x', '{1,2}', '1 day', '::1', true),"
            " (1.5, '4000-01-01 BC', '2026-01-01', null, null, null, null, null, null, null)",
        )
        rows = self.drawn(connector, "types").rows.to_pylist()
        assert (rows[0]["a"], rows[0]["b"], rows[0]["c"], rows[0]["j"]) == ("NaN", None, None, True)
        assert (rows[0]["f"], rows[0]["g"], rows[1]["a"], rows[1]["c"]) == (True, "{1,2}", "1.5", "2026-01-01")

    def test_a_view_whose_rows_cannot_be_made_tells_nothing_of_them(self, run, connector):
        run(
            "CREATE TABLE shop.t AS SELECT 'hidden-value' AS v",
            "CREATE VIEW shop.broken AS SELECT v::int AS v FROM shop.t",
            "CREATE FUNCTION shop.w() RETURNS int LANGUAGE sql AS $$ INSERT INTO shop.orders VALUES (1) RETURNING 1 $$",
            "CREATE VIEW shop.writes AS SELECT shop.w()",
        )
        for name in ("broken", "writes"):
            with pytest.raises(ConnectorError) as refused:
                self.drawn(connector, name)
            assert "hidden-value" not in str(refused.value)
        assert self.drawn(connector, "orders").rows.num_rows == 0

    def test_rows_that_may_not_be_read_are_refused(self, run, options):
        role = f"nobody_{uuid.uuid4().hex[:8]}"
        run(f"CREATE ROLE {role} LOGIN", f"GRANT USAGE ON SCHEMA shop TO {role}")
        other = PostgreSQLConnector(**(options | {"user": role}))
        try:
            with pytest.raises(Refused, match=r"may not read 'shop\.customers'"):
                self.drawn(other, "customers")
        finally:
            other.close()
            run(f"DROP OWNED BY {role}", f"DROP ROLE {role}")

    @pytest.fixture
    def options(self):
        from urllib.parse import urlsplit

        name = f"contract_{uuid.uuid4().hex[:10]}"
        parts = urlsplit(POSTGRES_URL)
        with psycopg.connect(POSTGRES_URL, autocommit=True) as server:
            server.execute(f"CREATE DATABASE {name}")
        options = {
            "host": parts.hostname,
            "port": str(parts.port),
            "dbname": name,
            "user": parts.username,
            "password": parts.password or "",
        }
        with psycopg.connect(**options, autocommit=True) as connection:
            connection.execute("CREATE SCHEMA shop")
            connection.execute("CREATE TABLE shop.customers (id bigint PRIMARY KEY, email text NOT NULL, name text)")
            connection.execute("COMMENT ON TABLE shop.customers IS 'Who buys.'")
            connection.execute("COMMENT ON COLUMN shop.customers.email IS 'Lower-cased.'")
            for odd in ["orders", *ODD_NAMES]:
                connection.execute(f"CREATE TABLE shop.{quoted(odd)} (id bigint)")
        yield options
        with psycopg.connect(POSTGRES_URL, autocommit=True) as server:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")

    @pytest.fixture
    def connector(self, options):
        made = PostgreSQLConnector(**options)
        yield made
        made.close()

    @pytest.fixture
    def run(self, options):
        def run(*statements):
            with psycopg.connect(**options, autocommit=True) as connection:
                for statement in statements:
                    connection.execute(statement)

        return run

    @pytest.fixture
    def change(self, run):
        return lambda: run("ALTER TABLE shop.customers ADD COLUMN added integer")

    def test_partitions_are_their_table_s_data(self, run, connector):
        run(
            "CREATE TABLE shop.events (day date, n int) PARTITION BY RANGE (day)",
            "CREATE TABLE shop.events_2026 PARTITION OF shop.events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
        )
        names = {ref.name for ref in self.refs(connector)}
        assert "events" in names
        assert "events_2026" not in names
        assert self.load(connector, "events").partitioning == ("RANGE (day)",)

    @pytest.mark.parametrize(
        "statement",
        [
            "COMMENT ON TABLE shop.customers IS 'Other.'",
            "COMMENT ON COLUMN shop.customers.name IS 'Other.'",
            "ALTER TABLE shop.customers ALTER COLUMN name SET DEFAULT 'x'",
            "ALTER TABLE shop.customers ALTER COLUMN name SET NOT NULL",
            "ALTER TABLE shop.customers ADD FOREIGN KEY (id) REFERENCES shop.target (id)",
            "ALTER TABLE shop.customers DROP CONSTRAINT customers_pkey",
        ],
    )
    def test_the_digest_sees_what_the_document_says(self, run, connector, statement):
        run("CREATE TABLE shop.target (id bigint PRIMARY KEY)")
        before = {ref.name: ref.digest for ref in self.refs(connector)}
        run(statement)
        assert {ref.name: ref.digest for ref in self.refs(connector)}["customers"] != before["customers"]

    def test_views_enums_domains_and_keys_are_read(self, run, connector):
        run(
            "CREATE TYPE shop.mood AS ENUM ('good', 'bad')",
            "CREATE DOMAIN shop.cents AS bigint CHECK (value >= 0)",
            "CREATE TABLE shop.t (m shop.mood, c shop.cents, o bigint REFERENCES shop.customers (id))",
            "CREATE VIEW shop.v AS SELECT email FROM shop.customers",
        )
        table = self.load(connector, "t")
        assert [(str(c.type), c.fidelity.value) for c in table.columns[:2]] == [
            ("string", "widened"),
            ("long", "widened"),
        ]
        assert table.foreign_keys[0].table == "customers"
        view = self.load(connector, "v")
        assert view.kind == "view"
        assert "SELECT" in view.view_text

    def test_a_wrong_password_or_database_is_refused_and_not_shown(self, options):
        with pytest.raises(Refused, match="no such database or user") as caught:
            PostgreSQLConnector(**{**options, "dbname": "gone", "password": "hunter2"}).check(self.context())
        assert "hunter2" not in str(caught.value)

    def test_a_dead_host_is_said_to_be_silent(self, options):
        with pytest.raises(SourceUnavailable, match="does not answer"):
            PostgreSQLConnector(**{**options, "port": "1"}).check(self.context())

    def test_it_cannot_write_by_mistake(self, connector):
        with connector._open(self.context()) as connection, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("CREATE TABLE shop.oops (id int)")


HIVE_COLUMNS = [("id", "bigint", ""), ("email", "string", "Lower-cased."), ("name", "varchar(100)", "")]


class HiveContract(SamplesRowsContract, ConnectorContract):
    """What every way to a metastore gives; it knows neither keys nor what may be null."""

    facts = Facts(
        SHOP,
        odd_names=("under_score", "x" * 63),
        has_source_ids=True,
        has_primary_keys=False,
        has_nullability=False,
    )

    @pytest.fixture
    def hive(self):
        """Return a hand that changes the metastore as an engine would."""
        raise NotImplementedError

    @pytest.fixture
    def change(self, hive):
        return lambda: hive.add_column(SHOP, "customers", "added", "int")

    def prepare(self, hive):
        hive.create_database(SHOP, "What is sold.", "file:/warehouse/shop")
        hive.create_table(
            SHOP, "customers", HIVE_COLUMNS, comment="Who buys.", location="file:/warehouse/shop/customers"
        )
        for name in ("orders", *self.facts.odd_names):
            hive.create_table(SHOP, name, HIVE_COLUMNS[:1], location=f"file:/warehouse/shop/{name}")
        return hive

    @pytest.fixture
    def filled(self, hive, connector, tmp_path):
        import pyarrow as pa
        from pyarrow import parquet

        def fill(name, columns, tables):
            for number, table in enumerate(tables):
                path = tmp_path / "rows" / name / f"part-{number}.parquet"
                path.parent.mkdir(parents=True, exist_ok=True)
                parquet.write_table(table, path, row_group_size=400)
            hive.create_table(SHOP, name, columns, location=f"file:{tmp_path}/rows/{name}")

        hive.drop_table(SHOP, "customers")
        names = [name for name, _, _ in HIVE_COLUMNS]
        columns = [pa.array([row[at] for row in CUSTOMER_ROWS]) for at in range(len(names))]
        fill("customers", HIVE_COLUMNS, [pa.table(columns, names=names)])
        (tmp_path / "rows" / "customers" / "_SUCCESS").write_text("no rows")
        many = pa.table({"n": pa.array(range(MANY), pa.int64()), "at": pa.array(MOMENTS, pa.timestamp("us"))})
        fill(
            "many",
            [("n", "bigint", ""), ("at", "timestamp", "")],
            [many.slice(start, 1_000) for start in range(0, MANY, 1_000)],
        )
        yield connector
        hive.drop_table(SHOP, "many")

    def test_partition_keys_formats_and_nested_types_are_read(self, hive, connector):
        hive.create_table(
            SHOP,
            "plays",
            [
                ("device", "struct<os:struct<name:string>,ids:array<bigint>>", "What it ran on."),
                ("n", "decimal(10,2)", ""),
            ],
            partition_keys=[("day", "date", "In UTC.")],
            location="file:/warehouse/shop/plays",
            parameters={"numRows": "12", "totalSize": "3400", "team": "playback"},
        )
        document = self.load(connector, "plays")
        assert [column.name for column in document.columns] == ["device", "n", "day"]
        assert str(document.columns[0].type) == "struct<os:struct<name:string>,ids:list<long>>"
        assert document.columns[2].comment == "In UTC."
        assert document.partitioning == ("day",)
        assert document.format == "parquet"
        assert document.location == "file:/warehouse/shop/plays"
        assert document.properties["team"] == "playback"
        assert "numRows" not in document.properties
        assert document.storage["serializer"].endswith("ParquetHiveSerDe")
        (answer,) = connector.load(Context.within(10), [DatasetRef(SHOP, "plays")])
        assert answer.parameters.keys() >= {"team", "numRows"}
        assert answer.created_at is not None
        hive.drop_table(SHOP, "plays")

    def partitions(self, connector, table, text=""):
        keys = [Key("day", "date"), Key("country", "string")]
        wanted = parse_partition_filter(text, keys) if text else None
        ref = DatasetRef(SHOP, table)
        ctx = Context.within(10, page_size=3)
        names = collect(lambda page: connector.partition_names(ctx, ref, wanted, page))
        return connector.partitions(ctx, ref, names)

    def test_partitions_are_listed_in_pages_and_by_filters(self, hive, connector):
        keys = [("day", "date", ""), ("country", "string", "")]
        hive.create_table(SHOP, "daily", HIVE_COLUMNS[:1], partition_keys=keys, location="file:/warehouse/shop/daily")
        for day, country in itertools.product(("2026-11-01", "2026-11-02"), ("de", "a b:c", "se", "Å")):
            hive.add_partition(
                SHOP,
                "daily",
                ["day", "country"],
                (day, country),
                location=f"file:/warehouse/shop/daily/{day}",
                parameters={"numRows": "5"},
            )
        found = self.partitions(connector, "daily")
        assert [partition.name for partition in found] == sorted(partition.name for partition in found)
        assert len(found) == 8
        assert {partition.values for partition in found} >= {("2026-11-01", "a b:c"), ("2026-11-02", "Å")}
        assert found[0].properties["numRows"] == "5"
        assert found[0].location == "file:/warehouse/shop/daily/2026-11-01"
        assert found[0].created_at is not None
        assert found[0].storage["serializer"].endswith("ParquetHiveSerDe")
        some = self.partitions(connector, "daily", "day > '2026-11-01' and country in ('se', 'Å', 'x')")
        assert {partition.values for partition in some} == {("2026-11-02", "se"), ("2026-11-02", "Å")}
        for text, count in (
            ("day = '2026-11-01'", 4),
            ("country = 'se'", 2),
            ("country in ('se', 'de')", 4),
            ("day = '2026-11-01' and country in ('se', 'de')", 2),
            ("day = '2026-11-01' and country = 'a b:c'", 1),
            ("day = '2026-11-01' and country = 's_'", 0),
            ("country = 'nowhere'", 0),
        ):
            assert len(self.partitions(connector, "daily", text)) == count, text
        assert len(self.partitions(connector, "daily", "not (country = 'se')")) == 6
        hive.drop_table(SHOP, "daily")

    def test_a_table_without_partitions_has_none_and_one_that_is_gone_is_said_to_be(self, connector):
        assert self.partitions(connector, "orders") == []
        for text in ("", "day = '2026-11-01'"):
            with pytest.raises(NoSuchTable):
                self.partitions(connector, "gone", text)

    def test_views_are_read(self, hive, connector):
        hive.create_table(SHOP, "v", HIVE_COLUMNS, view_text="SELECT id FROM customers")
        view = self.load(connector, "v")
        assert (view.kind, view.view_text, view.location) == ("view", "SELECT id FROM customers", None)
        hive.drop_table(SHOP, "v")

    def test_a_schema_that_only_spark_can_read_is_read(self, hive, connector):
        schema = {
            "type": "struct",
            "fields": [
                {"name": "Id", "type": "long", "nullable": False, "metadata": {"comment": "Of the account."}},
                {"name": "at", "type": "timestamp", "nullable": True, "metadata": {}},
                {"name": "d", "type": {"type": "struct", "fields": [{"name": "a", "type": "integer"}]}, "metadata": {}},
            ],
        }
        text = json.dumps(schema)
        hive.create_table(
            SHOP,
            "delta",
            [("col", "array<string>", "from deserializer")],
            location="file:/warehouse/shop/delta",
            parameters={
                "spark.sql.sources.provider": "delta",
                "spark.sql.sources.schema.numParts": "2",
                "spark.sql.sources.schema.part.0": text[:40],
                "spark.sql.sources.schema.part.1": text[40:],
            },
        )
        document = self.load(connector, "delta")
        assert [(c.name, str(c.type), c.nullable) for c in document.columns] == [
            ("Id", "long", False),
            ("at", "timestamp", True),
            ("d", "struct<a:int>", True),
        ]
        assert document.columns[0].comment == "Of the account."
        assert not any(name.startswith("spark.sql.sources.schema") for name in document.properties)
        hive.drop_table(SHOP, "delta")

    def test_a_schema_of_sparks_that_no_store_could_keep_is_passed_over(self, hive, connector):
        text = r'{"type": "struct", "fields": [{"name": "a", "type": "long", "metadata": {"comment": "\ud800"}}]}'
        parameters = {"spark.sql.sources.provider": "delta", "spark.sql.sources.schema": text}
        hive.create_table(SHOP, "half", [("col", "array<string>", "")], parameters=parameters)
        assert [column.name for column in self.load(connector, "half").columns] == ["col"]
        hive.drop_table(SHOP, "half")

    def test_the_log_names_what_was_touched_and_nothing_else(self, hive, connector, change):
        first = connector.changes(self.context(), None)
        assert first.touched is None
        assert SHOP not in connector.changes(self.context(), first.token).touched
        change()
        then = connector.changes(self.context(), first.token)
        assert then.touched[SHOP] == {"customers"}
        assert int(then.token) > int(first.token)

    def test_a_token_from_elsewhere_means_that_everything_is_looked_at(self, connector):
        last = int(connector.changes(self.context(), None).token)
        assert connector.changes(self.context(), str(last + 5)).touched is None
        assert connector.changes(self.context(), "x").touched is None


class TestHiveInSQLite(HiveContract):
    @pytest.fixture
    def path(self, tmp_path):
        return tmp_path / "meta store.db"

    @pytest.fixture
    def hive(self, path):
        hive = self.prepare(HiveFile(path, created=1_790_000_000))
        yield hive
        hive.close()

    @pytest.fixture
    def connector(self, path, hive, tmp_path):
        made = HiveConnector(database_url=f"sqlite:///{path}", rows_below=f"{tmp_path}/rows, file:/warehouse")
        yield made
        made.close()

    def test_a_log_that_was_trimmed_means_that_everything_is_looked_at(self, path, connector, hive, change):
        first = connector.changes(self.context(), None)
        change()
        change_again = HiveFile(path, created=1_790_000_000)
        change_again.add_column(SHOP, "orders", "more", "int")
        change_again.close()
        with sqlite3.connect(path) as connection:
            connection.execute('DELETE FROM "NOTIFICATION_LOG" WHERE "EVENT_ID" = ?', [int(first.token) + 1])
        connection.close()
        assert connector.changes(self.context(), first.token).touched is None

    def test_a_file_that_is_no_metastore_is_refused(self, tmp_path):
        path = tmp_path / "other.db"
        sqlite3.connect(path).execute("CREATE TABLE t (a)").connection.close()
        with pytest.raises(Refused, match="holds no Hive metastore"):
            HiveConnector(database_url=f"sqlite:///{path}").check(self.context())
        path.write_text("no database at all" * 100)
        with pytest.raises(Refused, match="not a SQLite database"):
            HiveConnector(database_url=f"sqlite:///{path}").check(self.context())

    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"uri": "thrift://a", "database_url": "sqlite:///b"},
            {"uri": "http://a:1"},
            {"uri": "thrift://a:99999"},
            {"database_url": "mysql://a/b"},
            {"database_url": "sqlite:////not/there"},
            {"database_url": "postgresql://a:b:c/d"},
        ],
    )
    def test_options_that_cannot_work_are_refused_before_anything_is_asked(self, options):
        with pytest.raises(InvalidOptions):
            HiveConnector(**options)


class ThriftHand:
    """Changes a real metastore through Thrift, as engines do."""

    def __init__(self, uri):
        from hive_metastore import ThriftHiveMetastore
        from thrift.protocol import TBinaryProtocol
        from thrift.transport import TSocket, TTransport

        parts = urlsplit(uri)
        self.transport = TTransport.TBufferedTransport(TSocket.TSocket(parts.hostname, parts.port))
        self.transport.open()
        self.client = ThriftHiveMetastore.Client(TBinaryProtocol.TBinaryProtocol(self.transport))

    def create_database(self, name, comment, location):
        from hive_metastore import ttypes

        if name in self.client.get_all_databases():
            self.client.drop_database(name, False, True)
        self.client.create_database(ttypes.Database(name=name, description=comment, parameters={}))

    def create_table(
        self, database, name, columns, *, partition_keys=(), location=None, comment="", parameters=None, view_text=None
    ):
        from hive_metastore import ttypes

        def fields(stated):
            return [ttypes.FieldSchema(name=n, type=t, comment=c) for n, t, c in stated]

        reads, writes, serializer = (None, None, None) if view_text else PARQUET
        storage = ttypes.StorageDescriptor(
            cols=fields(columns),
            location=None if view_text else location,
            inputFormat=reads,
            outputFormat=writes,
            numBuckets=-1,
            bucketCols=[],
            sortCols=[],
            parameters={},
            serdeInfo=ttypes.SerDeInfo(
                name=name, serializationLib=serializer, parameters={"serialization.format": "1"}
            ),
        )
        stated = {**({"comment": comment} if comment else {}), **(parameters or {}), "EXTERNAL": "TRUE"}
        table = ttypes.Table(
            tableName=name,
            dbName=database,
            owner="hive",
            createTime=int(time.time()),
            sd=storage,
            partitionKeys=fields(partition_keys),
            parameters=stated,
            tableType="VIRTUAL_VIEW" if view_text else "EXTERNAL_TABLE",
            viewOriginalText=view_text,
            viewExpandedText=view_text,
        )
        self.client.create_table(table)

    def add_partition(self, database, table, keys, values, *, location, parameters):
        from hive_metastore import ttypes

        storage = self.client.get_table(database, table).sd
        storage.location = location
        self.client.add_partition(
            ttypes.Partition(
                values=list(values),
                dbName=database,
                tableName=table,
                createTime=int(time.time()),
                sd=storage,
                parameters=dict(parameters),
            )
        )

    def add_column(self, database, table, column, kind):
        from hive_metastore import ttypes

        found = self.client.get_table(database, table)
        found.sd.cols.append(ttypes.FieldSchema(name=column, type=kind, comment=""))
        self.client.alter_table(database, table, found)

    def drop_table(self, database, table):
        self.client.drop_table(database, table, False)


class RealHiveContract(HiveContract):
    uri: str

    @pytest.fixture
    def hive(self):
        hand = self.prepare(ThriftHand(self.uri))
        yield hand
        hand.client.drop_database(SHOP, False, True)
        hand.transport.close()

    @pytest.fixture
    def connector(self, hive, tmp_path):
        made = HiveConnector(uri=self.uri, rows_below=f"file://{tmp_path}/rows, file:/warehouse")
        yield made
        made.close()

    def test_a_connection_that_broke_is_opened_again(self, connector):
        connector.check(self.context())
        connector._metastore._socket.handle.close()
        with contextlib.suppress(SourceUnavailable):
            connector.check(self.context())
        assert connector.check(self.context()).databases >= 1


class ThriftContract(RealHiveContract):
    @pytest.mark.parametrize("refused", ["get_current_notificationEventId", "get_next_notification"])
    def test_a_metastore_that_does_not_tell_its_events_is_read_whole(self, connector, change, monkeypatch, refused):
        from hive_metastore import ThriftHiveMetastore
        from thrift.Thrift import TApplicationException

        first = connector.changes(self.context(), None)

        def refuse(*_arguments):
            raise TApplicationException(TApplicationException.INTERNAL_ERROR, "not authorized")

        monkeypatch.setattr(ThriftHiveMetastore.Client, refused, refuse)
        change()
        told = connector.changes(self.context(), first.token)
        assert told is None or told.touched is None
        assert connector.check(self.context()).databases >= 1


@pytest.mark.server("hive")
class TestHiveThriftOnDerby(ThriftContract):
    uri = HIVE_URI

    def test_a_table_of_10_000_columns_and_40_levels_is_read(self, hive, connector):
        kind = "int"
        for level in range(40):
            kind = f"struct<level{level}:{kind}>"
        columns = [(f"c{number}", "bigint", "") for number in range(9_999)]
        hive.create_table(SHOP, "wide", [*columns, ("deep", kind, "")], location="file:/warehouse/shop/wide")
        (wide,) = connector.load(self.context(), [DatasetRef(SHOP, "wide")])
        assert len(wide.document.columns) == 10_000
        assert str(wide.document.columns[-1].type).count("struct<") == 40


@pytest.mark.server("hive")
class TestHiveThriftOnPostgreSQL(ThriftContract):
    uri = HIVE_POSTGRES_URI


@pytest.mark.server("hive")
class TestHiveInPostgreSQL(RealHiveContract):
    uri = HIVE_POSTGRES_URI

    @pytest.fixture
    def connector(self, hive, tmp_path):
        made = HiveConnector(database_url=HIVE_DATABASE_URL, rows_below=f"file://{tmp_path}/rows, file:/warehouse")
        yield made
        made.close()

    def test_a_connection_that_broke_is_opened_again(self, connector):
        connector.check(self.context())
        connector._metastore.close()
        assert connector.check(self.context()).version.endswith("3.1.0")


def test_what_is_no_metastore_is_said_not_to_be_one():
    with (
        served(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port,
        pytest.raises(ConnectorError, match=f"thrift://127.0.0.1:{port}"),
    ):
        HiveConnector(uri=f"thrift://127.0.0.1:{port}").check(Context.within(3))


def test_a_metastore_that_hangs_is_given_up_at_the_deadline():
    with socket.create_server(("127.0.0.1", 0)) as server:
        began = time.monotonic()
        with pytest.raises(SourceUnavailable, match="did not answer in time"):
            HiveConnector(uri=f"thrift://127.0.0.1:{server.getsockname()[1]}").check(Context.within(0.5))
        assert time.monotonic() - began < 3
