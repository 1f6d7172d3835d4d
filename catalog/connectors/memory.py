"""A source in memory, or in one JSON file: the reference adapter of the port, which can also write."""

from __future__ import annotations

import fcntl
import random
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import orjson

from catalog.connectors.base import (
    SAMPLE_SEED,
    Conflict,
    ConnectorError,
    ConnectorSpec,
    Context,
    DatabaseRef,
    DatasetRef,
    Health,
    Loaded,
    LoadFailure,
    NoSuchDatabase,
    NoSuchTable,
    Option,
    Page,
    PageToken,
    RowSample,
    SampleMethod,
    check_options,
    page_of_names,
)
from catalog.connectors.rows import arrow_table
from catalog.domain.documents import content_digest, definition_bytes, document_from_json
from catalog.domain.operations import (
    AlreadyThere,
    CreateTable,
    ImpossibleOperation,
    Operation,
    RenameTable,
    predict,
)

Tables = dict[str, dict[str, Any]]
Databases = dict[str, Tables]

_spaces: dict[str, dict[str, Any]] = {}
_lock = threading.RLock()


def _empty() -> dict[str, Any]:
    return {"next_id": 1, "databases": {}}


class MemoryConnector:
    """Tables in this process under a space's name; with ``path`` in a file that survives it, replaced whole at each write."""

    spec: ClassVar[ConnectorSpec] = ConnectorSpec(
        platform="memory",
        title="Memory",
        icon="relational",
        options=(
            Option(
                "space", "Space", "Connectors with one space share their tables within a process.", default="default"
            ),
            Option("path", "File", "Keep the tables in this JSON file instead.", placeholder="/data/tables.json"),
        ),
    )

    def __init__(self, **options: Any) -> None:
        check_options(options, self.spec)
        self._space = str(options.get("space") or "default")
        self._path = Path(options["path"]) if options.get("path") else None

    def _state(self) -> dict[str, Any]:
        if self._path is None:
            return _spaces.setdefault(self._space, _empty())
        try:
            state: dict[str, Any] = orjson.loads(self._path.read_bytes())
        except FileNotFoundError:
            return _empty()
        except orjson.JSONDecodeError as error:
            raise ConnectorError(f"{self._path} does not hold tables of the memory connector") from error
        return state

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Any]]:
        with _lock:
            if self._path is None:
                yield self._state()
                return
            with self._path.with_suffix(".lock").open("a") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                state = self._state()
                yield state
                partial = self._path.with_suffix(".partial")
                partial.write_bytes(orjson.dumps(state))
                partial.replace(self._path)

    def check(self, ctx: Context) -> Health:
        """Return the number of databases."""
        return Health(version="memory", databases=len(self._state()["databases"]))

    def list_databases(self, ctx: Context, page: PageToken | None = None) -> Page[DatabaseRef]:
        """Return databases in name order."""
        shown = page_of_names(self._state()["databases"], ctx, page)
        return Page([DatabaseRef(name) for name in shown.items], shown.next)

    def list_datasets(self, ctx: Context, database: str, page: PageToken | None = None) -> Page[DatasetRef]:
        """Return tables in name order. :raises NoSuchDatabase: if there is none of this name."""
        ctx.check()
        tables = self._tables(self._state(), database)
        shown = page_of_names(tables, ctx, page)
        refs = [DatasetRef(database, name, tables[name]["id"], tables[name]["digest"]) for name in shown.items]
        return Page(refs, shown.next)

    def load(self, ctx: Context, refs: Sequence[DatasetRef]) -> Iterator[Loaded | LoadFailure]:
        """Return documents in the order of the references."""
        databases: Databases = self._state()["databases"]
        for ref in refs:
            ctx.check()
            table = databases.get(ref.database, {}).get(ref.name)
            if table is None:
                yield LoadFailure(ref, f"there is no table '{ref.name}' in '{ref.database}'", gone=True)
                continue
            found = replace(ref, source_id=table["id"], digest=table["digest"])
            yield Loaded(found, document_from_json(table["definition"]))

    def sample(self, ctx: Context, ref: DatasetRef, *, limit: int, newest_of: Sequence[str] = ()) -> RowSample:
        """Return rows that :meth:`put_rows` put, drawn at random if there are more than wanted."""
        ctx.check()
        table = self._tables(self._state(), ref.database).get(ref.name)
        if table is None:
            raise NoSuchTable(f"there is no table '{ref.name}' in '{ref.database}'")
        names = [column["name"] for column in table["definition"]["columns"]]
        rows = [[row.get(name) for name in names] for row in table.get("rows", ())]
        newest = {
            name: max((value for row in table.get("rows", ()) if (value := row.get(name)) is not None), default=None)
            for name in newest_of
            if name in names
        }
        few = len(rows) <= limit
        drawn = rows if few else random.Random(SAMPLE_SEED).sample(rows, limit)
        method = SampleMethod.ALL if few else SampleMethod.RESERVOIR
        return RowSample(arrow_table(names, drawn), method, len(rows), newest=newest)

    def put_rows(self, database: str, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Put rows into a table in place of those that it had. :raises NoSuchTable: if there is none."""
        with self._changing() as state:
            tables = self._tables(state, database)
            if table not in tables:
                raise NoSuchTable(f"there is no table '{table}' in '{database}'")
            tables[table]["rows"] = [dict(row) for row in rows]

    def close(self) -> None:
        """Do nothing; nothing is open."""

    def apply(self, ctx: Context, operation: Operation) -> None:
        """Carry out one operation. :raises NoSuchDatabase, NoSuchTable, Conflict: as the port says."""
        with self._changing() as state:
            self._apply(state, operation)

    def _apply(self, state: dict[str, Any], operation: Operation) -> None:
        if isinstance(operation, CreateTable):
            state["databases"].setdefault(operation.database, {})
        tables = self._tables(state, operation.database)
        table = tables.get(operation.table)
        try:
            after = predict(document_from_json(table["definition"]) if table else None, operation)
        except AlreadyThere as error:
            raise Conflict(str(error)) from error
        except ImpossibleOperation as error:
            raise NoSuchTable(str(error)) from error
        if table is None:
            table = tables[operation.table] = {"id": f"t{_next(state)}"}
        if isinstance(operation, RenameTable):
            if operation.new_name in tables:
                raise Conflict(f"table '{operation.database}/{operation.new_name}' exists already")
            tables[operation.new_name] = tables.pop(operation.table)
        if after is None:
            del tables[operation.table]
            return
        columns = [
            replace(column, source_column_id=column.source_column_id or _next(state)) for column in after.columns
        ]
        table["definition"] = replace(after, columns=tuple(columns)).definition_json()
        self._seal(table)

    @staticmethod
    def _seal(table: dict[str, Any]) -> None:
        table["digest"] = content_digest(definition_bytes(document_from_json(table["definition"]))).hex()

    @staticmethod
    def _tables(state: dict[str, Any], database: str) -> Tables:
        if database not in state["databases"]:
            raise NoSuchDatabase(f"there is no database '{database}'")
        tables: Tables = state["databases"][database]
        return tables


def _next(state: dict[str, Any]) -> int:
    state["next_id"] += 1
    return int(state["next_id"])
