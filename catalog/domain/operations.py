"""Operations that change a definition at its source: what they say, what they would lead to, whether they were reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from catalog.domain.documents import Column, DatasetDocument, document_from_json


class ImpossibleOperation(ValueError):
    """An operation that makes no sense on a definition, such as renaming a column that is not there."""


class AlreadyThere(ImpossibleOperation):
    """What the operation would make is there already."""


@dataclass(frozen=True, slots=True)
class CreateTable:
    """Make a table that must not exist."""

    database: str
    table: str
    document: DatasetDocument


@dataclass(frozen=True, slots=True)
class AddColumn:
    """Add a column at the end."""

    database: str
    table: str
    column: Column


@dataclass(frozen=True, slots=True)
class RenameColumn:
    """Give a column another name."""

    database: str
    table: str
    column: str
    new_name: str


@dataclass(frozen=True, slots=True)
class DropColumn:
    """Remove a column."""

    database: str
    table: str
    column: str


@dataclass(frozen=True, slots=True)
class RenameTable:
    """Give a table another name in the same database."""

    database: str
    table: str
    new_name: str


@dataclass(frozen=True, slots=True)
class DropTable:
    """Remove a table."""

    database: str
    table: str


Operation = CreateTable | AddColumn | RenameColumn | DropColumn | RenameTable | DropTable

_BY_NAME: dict[str, type[Any]] = {
    "create_table": CreateTable,
    "add_column": AddColumn,
    "rename_column": RenameColumn,
    "drop_column": DropColumn,
    "rename_table": RenameTable,
    "drop_table": DropTable,
}
_NAMES = {kind: name for name, kind in _BY_NAME.items()}


def operation_name(operation: Operation) -> str:
    """Return the name an operation has in intents and audit, such as ``rename_column``."""
    return _NAMES[type(operation)]


def operation_json(operation: Operation) -> dict[str, Any]:
    """Return an operation as plain JSON values."""
    value: dict[str, Any] = {"name": operation_name(operation)}
    for part in fields(operation):
        item = getattr(operation, part.name)
        if isinstance(item, DatasetDocument):
            item = item.definition_json()
        elif isinstance(item, Column):
            item = DatasetDocument(kind="table", columns=(item,)).definition_json()["columns"][0]
        value[part.name] = item
    return value


def operation_from_json(value: Mapping[str, Any]) -> Operation:
    """Return the operation that :func:`operation_json` wrote."""
    arguments = {name: item for name, item in value.items() if name != "name"}
    if "document" in arguments:
        arguments["document"] = document_from_json(arguments["document"])
    if "column" in arguments and isinstance(arguments["column"], Mapping):
        empty = DatasetDocument(kind="table", columns=()).definition_json()
        arguments["column"] = document_from_json({**empty, "columns": [arguments["column"]]}).columns[0]
    operation: Operation = _BY_NAME[value["name"]](**arguments)
    return operation


def predict(document: DatasetDocument | None, operation: Operation) -> DatasetDocument | None:
    """
    Return the definition that an operation leads to; None where no table is left.

    :raises AlreadyThere: if the table or column to be made exists.
    :raises ImpossibleOperation: if the table or column to be changed does not.
    """
    if isinstance(operation, CreateTable):
        if document is not None:
            raise AlreadyThere(f"table '{operation.database}/{operation.table}' exists already")
        return operation.document
    if document is None:
        raise ImpossibleOperation(f"there is no table '{operation.table}' in '{operation.database}'")
    names = [column.name for column in document.columns]
    match operation:
        case DropTable():
            return None
        case RenameTable():
            return document
        case AddColumn(column=column):
            _absent(column.name, names)
            return replace(document, columns=(*document.columns, column))
        case RenameColumn(column=old, new_name=new_name):
            _present(old, names)
            _absent(new_name, names)
            renamed = (replace(c, name=new_name) if c.name == old else c for c in document.columns)
            return replace(document, columns=tuple(renamed))
        case DropColumn(column=old):
            _present(old, names)
            return replace(document, columns=tuple(c for c in document.columns if c.name != old))


def _present(name: str, names: list[str]) -> None:
    if name not in names:
        raise ImpossibleOperation(f"the table has no column '{name}'; it has {', '.join(names)}")


def _absent(name: str, names: list[str]) -> None:
    if name in names:
        raise AlreadyThere(f"the table has a column '{name}' already")


def is_reached(operation: Operation, found: Mapping[str, DatasetDocument | None]) -> bool:
    """Return whether what a source answers on re-read, by table name, is what an operation aims at."""
    document = found.get(operation.table)
    names = {column.name for column in document.columns} if document else set()
    match operation:
        case CreateTable():
            return document is not None
        case DropTable():
            return document is None
        case RenameTable(new_name=new_name):
            return document is None and found.get(new_name) is not None
        case AddColumn(column=column):
            return column.name in names
        case RenameColumn(column=old, new_name=new_name):
            return old not in names and new_name in names
        case DropColumn(column=old):
            return document is not None and old not in names


def touched_tables(operation: Operation) -> list[str]:
    """Return the names, within the operation's database, that it may make, change or free."""
    return [operation.table, operation.new_name] if isinstance(operation, RenameTable) else [operation.table]


def describe(operation: Operation) -> dict[str, Any]:
    """Return what audit and people need of an operation, without whole documents."""
    kept = {part: item for part, item in asdict(operation).items() if part not in ("document", "column")}
    if isinstance(operation, (AddColumn,)):
        kept["column"] = operation.column.name
    elif not isinstance(operation, CreateTable) and hasattr(operation, "column"):
        kept["column"] = operation.column
    return {"name": operation_name(operation), **kept}
