"""Writes a Hive metastore's tables into a SQLite file, in the layout of Hive 3.1: what a metastore without a server looks like."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PARQUET = (
    "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
)

# The tables that are read, with the names, types and keys of hive-schema-3.1.0; IDs are counted by SQLite.
LAYOUT = """
CREATE TABLE "VERSION" ("VER_ID" INTEGER PRIMARY KEY, "SCHEMA_VERSION" TEXT NOT NULL, "VERSION_COMMENT" TEXT);
INSERT INTO "VERSION" VALUES (1, '3.1.0', 'Hive release version 3.1.0');
CREATE TABLE "DBS" ("DB_ID" INTEGER PRIMARY KEY, "DESC" TEXT, "DB_LOCATION_URI" TEXT NOT NULL, "NAME" TEXT UNIQUE,
  "OWNER_NAME" TEXT, "OWNER_TYPE" TEXT);
CREATE TABLE "DATABASE_PARAMS" ("DB_ID" BIGINT NOT NULL, "PARAM_KEY" TEXT NOT NULL, "PARAM_VALUE" TEXT, PRIMARY KEY ("DB_ID", "PARAM_KEY"));
CREATE TABLE "CDS" ("CD_ID" INTEGER PRIMARY KEY);
CREATE TABLE "COLUMNS_V2" ("CD_ID" BIGINT NOT NULL, "COMMENT" TEXT, "COLUMN_NAME" TEXT NOT NULL, "TYPE_NAME" TEXT,
  "INTEGER_IDX" INTEGER NOT NULL, PRIMARY KEY ("CD_ID", "COLUMN_NAME"));
CREATE TABLE "SERDES" ("SERDE_ID" INTEGER PRIMARY KEY, "NAME" TEXT, "SLIB" TEXT);
CREATE TABLE "SERDE_PARAMS" ("SERDE_ID" BIGINT NOT NULL, "PARAM_KEY" TEXT NOT NULL, "PARAM_VALUE" TEXT, PRIMARY KEY ("SERDE_ID", "PARAM_KEY"));
CREATE TABLE "SDS" ("SD_ID" INTEGER PRIMARY KEY, "CD_ID" BIGINT, "INPUT_FORMAT" TEXT, "IS_COMPRESSED" TEXT NOT NULL DEFAULT 'N',
  "LOCATION" TEXT, "NUM_BUCKETS" INTEGER NOT NULL DEFAULT -1, "OUTPUT_FORMAT" TEXT, "SERDE_ID" BIGINT,
  "IS_STOREDASSUBDIRECTORIES" TEXT NOT NULL DEFAULT 'N');
CREATE TABLE "TBLS" ("TBL_ID" INTEGER PRIMARY KEY AUTOINCREMENT, "CREATE_TIME" INTEGER NOT NULL, "DB_ID" BIGINT,
  "LAST_ACCESS_TIME" INTEGER NOT NULL DEFAULT 0, "OWNER" TEXT, "OWNER_TYPE" TEXT, "RETENTION" INTEGER NOT NULL DEFAULT 0, "SD_ID" BIGINT,
  "TBL_NAME" TEXT, "TBL_TYPE" TEXT, "VIEW_EXPANDED_TEXT" TEXT, "VIEW_ORIGINAL_TEXT" TEXT, UNIQUE ("TBL_NAME", "DB_ID"));
CREATE TABLE "TABLE_PARAMS" ("TBL_ID" BIGINT NOT NULL, "PARAM_KEY" TEXT NOT NULL, "PARAM_VALUE" TEXT, PRIMARY KEY ("TBL_ID", "PARAM_KEY"));
CREATE TABLE "PARTITION_KEYS" ("TBL_ID" BIGINT NOT NULL, "PKEY_COMMENT" TEXT, "PKEY_NAME" TEXT NOT NULL, "PKEY_TYPE" TEXT NOT NULL,
  "INTEGER_IDX" INTEGER NOT NULL, PRIMARY KEY ("TBL_ID", "PKEY_NAME"));
CREATE TABLE "PARTITIONS" ("PART_ID" INTEGER PRIMARY KEY, "CREATE_TIME" INTEGER NOT NULL, "LAST_ACCESS_TIME" INTEGER NOT NULL DEFAULT 0,
  "PART_NAME" TEXT, "SD_ID" BIGINT, "TBL_ID" BIGINT, UNIQUE ("PART_NAME", "TBL_ID"));
CREATE TABLE "PARTITION_KEY_VALS" ("PART_ID" BIGINT NOT NULL, "PART_KEY_VAL" TEXT, "INTEGER_IDX" INTEGER NOT NULL, PRIMARY KEY ("PART_ID", "INTEGER_IDX"));
CREATE TABLE "PARTITION_PARAMS" ("PART_ID" BIGINT NOT NULL, "PARAM_KEY" TEXT NOT NULL, "PARAM_VALUE" TEXT, PRIMARY KEY ("PART_ID", "PARAM_KEY"));
CREATE TABLE "NOTIFICATION_SEQUENCE" ("NNI_ID" BIGINT NOT NULL PRIMARY KEY, "NEXT_EVENT_ID" BIGINT NOT NULL);
INSERT INTO "NOTIFICATION_SEQUENCE" VALUES (1, 1);
CREATE TABLE "NOTIFICATION_LOG" ("NL_ID" INTEGER PRIMARY KEY, "EVENT_ID" BIGINT NOT NULL UNIQUE, "EVENT_TIME" INTEGER NOT NULL,
  "EVENT_TYPE" TEXT NOT NULL, "DB_NAME" TEXT, "TBL_NAME" TEXT, "MESSAGE" TEXT);
"""

Fields = Sequence[tuple[str, str, str]]
"""Name, Hive type and comment of columns or partition keys."""


class HiveFile:
    """A metastore in a file. Each change is one transaction with its event, as a metastore makes it."""

    def __init__(self, path: Path, *, created: int) -> None:
        """Open or make the file; ``created`` is the time, in seconds, that new tables say they were made at."""
        is_new = not path.exists()
        self._connection = sqlite3.connect(path)
        self._created = created
        if is_new:
            self._connection.executescript(LAYOUT)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _insert(self, table: str, **values: object) -> int:
        names = ", ".join(f'"{name}"' for name in values)
        marks = ", ".join("?" * len(values))
        cursor = self._connection.execute(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', list(values.values()))
        return int(cursor.lastrowid or 0)

    def _find(self, what: str, database: str, table: str) -> tuple[Any, ...]:
        """Return columns of a table's row ``t`` and of its storage's ``s``."""
        found: tuple[Any, ...] = self._connection.execute(
            f'SELECT {what} FROM "TBLS" t JOIN "DBS" d ON d."DB_ID" = t."DB_ID" JOIN "SDS" s ON s."SD_ID" = t."SD_ID"'
            ' WHERE d."NAME" = ? AND t."TBL_NAME" = ?',
            [database, table],
        ).fetchone()
        return found

    def _tell(self, kind: str, database: str, table: str | None = None) -> None:
        (number,) = self._connection.execute('SELECT "NEXT_EVENT_ID" FROM "NOTIFICATION_SEQUENCE"').fetchone()
        self._connection.execute('UPDATE "NOTIFICATION_SEQUENCE" SET "NEXT_EVENT_ID" = ?', [number + 1])
        self._insert(
            "NOTIFICATION_LOG",
            EVENT_ID=number,
            EVENT_TIME=self._created,
            EVENT_TYPE=kind,
            DB_NAME=database,
            TBL_NAME=table,
            MESSAGE="{}",
        )

    def create_database(self, name: str, comment: str, location: str) -> None:
        """Make a database."""
        with self._connection:
            self._insert("DBS", DESC=comment, DB_LOCATION_URI=location, NAME=name, OWNER_NAME="hive", OWNER_TYPE="USER")
            self._tell("CREATE_DATABASE", name)

    def create_table(
        self,
        database: str,
        name: str,
        columns: Fields,
        *,
        partition_keys: Fields = (),
        location: str = "",
        comment: str = "",
        owner: str = "hive",
        parameters: Mapping[str, str] | None = None,
        view_text: str | None = None,
    ) -> None:
        """Make an external table of Parquet files, or with ``view_text`` a view."""
        with self._connection:
            (key,) = self._connection.execute('SELECT "DB_ID" FROM "DBS" WHERE "NAME" = ?', [database]).fetchone()
            columns_key = self._insert("CDS", CD_ID=None)
            for index, (column, kind, said) in enumerate(columns):
                self._insert(
                    "COLUMNS_V2", CD_ID=columns_key, COMMENT=said, COLUMN_NAME=column, TYPE_NAME=kind, INTEGER_IDX=index
                )
            reads, writes, serializer = ("", "", "") if view_text else PARQUET
            serializer_key = self._insert("SERDES", NAME=name, SLIB=serializer)
            if not view_text:
                self._insert("SERDE_PARAMS", SERDE_ID=serializer_key, PARAM_KEY="serialization.format", PARAM_VALUE="1")
            storage = self._insert(
                "SDS",
                CD_ID=columns_key,
                INPUT_FORMAT=reads,
                OUTPUT_FORMAT=writes,
                LOCATION=location,
                SERDE_ID=serializer_key,
            )
            table = self._insert(
                "TBLS",
                CREATE_TIME=self._created,
                DB_ID=key,
                OWNER=owner,
                OWNER_TYPE="USER",
                SD_ID=storage,
                TBL_NAME=name,
                TBL_TYPE="VIRTUAL_VIEW" if view_text else "EXTERNAL_TABLE",
                VIEW_EXPANDED_TEXT=view_text,
                VIEW_ORIGINAL_TEXT=view_text,
            )
            stated = {"comment": comment} if comment else {}
            for parameter, value in {**stated, **(parameters or {})}.items():
                self._insert("TABLE_PARAMS", TBL_ID=table, PARAM_KEY=parameter, PARAM_VALUE=value)
            for index, (column, kind, said) in enumerate(partition_keys):
                self._insert(
                    "PARTITION_KEYS",
                    TBL_ID=table,
                    PKEY_COMMENT=said,
                    PKEY_NAME=column,
                    PKEY_TYPE=kind,
                    INTEGER_IDX=index,
                )
            self._tell("CREATE_TABLE", database, name)

    def add_partition(
        self,
        database: str,
        table: str,
        keys: Sequence[str],
        values: Sequence[str],
        *,
        location: str,
        parameters: Mapping[str, str] | None = None,
        created: int | None = None,
    ) -> None:
        """Name a folder as a partition of a table, made at a time in seconds, or else when the tables were."""
        with self._connection:
            key, columns_key, reads, writes, serializer = self._find(
                't."TBL_ID", s."CD_ID", s."INPUT_FORMAT", s."OUTPUT_FORMAT", s."SERDE_ID"', database, table
            )
            storage = self._insert(
                "SDS",
                CD_ID=columns_key,
                INPUT_FORMAT=reads,
                OUTPUT_FORMAT=writes,
                LOCATION=location,
                SERDE_ID=serializer,
            )
            name = "/".join(f"{part}={_escaped(value)}" for part, value in zip(keys, values, strict=True))
            at = self._created if created is None else created
            partition = self._insert("PARTITIONS", CREATE_TIME=at, PART_NAME=name, SD_ID=storage, TBL_ID=key)
            for index, value in enumerate(values):
                self._insert("PARTITION_KEY_VALS", PART_ID=partition, PART_KEY_VAL=value, INTEGER_IDX=index)
            for parameter, value in (parameters or {}).items():
                self._insert("PARTITION_PARAMS", PART_ID=partition, PARAM_KEY=parameter, PARAM_VALUE=value)
            self._tell("ADD_PARTITION", database, table)

    def add_column(self, database: str, table: str, column: str, kind: str, comment: str = "") -> None:
        """Add a column at the end of a table."""
        with self._connection:
            columns_key, count = self._find(
                's."CD_ID", (SELECT count(*) FROM "COLUMNS_V2" c WHERE c."CD_ID" = s."CD_ID")', database, table
            )
            self._insert(
                "COLUMNS_V2", CD_ID=columns_key, COMMENT=comment, COLUMN_NAME=column, TYPE_NAME=kind, INTEGER_IDX=count
            )
            self._tell("ALTER_TABLE", database, table)

    def rename_table(self, database: str, table: str, new_name: str) -> None:
        """Give a table another name; it keeps its TBL_ID."""
        with self._connection:
            self._connection.execute(
                'UPDATE "TBLS" SET "TBL_NAME" = ? WHERE "TBL_NAME" = ? AND "DB_ID" = (SELECT "DB_ID" FROM "DBS" WHERE "NAME" = ?)',
                [new_name, table, database],
            )
            self._tell("ALTER_TABLE", database, table)

    def drop_table(self, database: str, table: str) -> None:
        """Drop a table; its files stay, as those of external tables do."""
        with self._connection:
            (key,) = self._find('t."TBL_ID"', database, table)
            for part in ("TABLE_PARAMS", "PARTITION_KEYS", "TBLS"):
                self._connection.execute(f'DELETE FROM "{part}" WHERE "TBL_ID" = ?', [key])
            self._tell("DROP_TABLE", database, table)


def _escaped(value: str) -> str:
    """Return a value as it stands in a partition's name: Hive escapes what would be a path's own, as ``%3A``."""
    return "".join(f"%{ord(char):02X}" if char in _ESCAPED or ord(char) < 32 else char for char in value)


_ESCAPED = frozenset("\"#%'*/:=?\\{[]^\x7f")
