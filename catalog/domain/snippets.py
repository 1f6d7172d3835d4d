"""How a dataset is read by the tools that people have: statements and lines of code to copy, for each kind of source."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalog.domain.names import split_namespace

MAX_NAMED_COLUMNS = 20
"""A statement names so many columns; a wider table's are a star."""

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*\Z")
# Words that mean something where a name could stand, in one of the languages at least.
_RESERVED = frozenset(
    [
        "all",
        "and",
        "as",
        "asc",
        "between",
        "by",
        "case",
        "cast",
        "column",
        "create",
        "cross",
        "date",
        "day",
        "default",
        "desc",
        "distinct",
        "drop",
        "else",
        "end",
        "exists",
        "false",
        "from",
        "full",
        "group",
        "having",
        "hour",
        "in",
        "inner",
        "insert",
        "interval",
        "into",
        "is",
        "join",
        "left",
        "like",
        "limit",
        "month",
        "natural",
        "not",
        "null",
        "on",
        "or",
        "order",
        "outer",
        "over",
        "partition",
        "primary",
        "range",
        "references",
        "right",
        "row",
        "rows",
        "select",
        "set",
        "table",
        "then",
        "time",
        "timestamp",
        "to",
        "true",
        "union",
        "unique",
        "update",
        "user",
        "using",
        "values",
        "when",
        "where",
        "window",
        "with",
        "year",
    ]
)


@dataclass(frozen=True, slots=True)
class Snippet:
    """A piece of code and the tool that it is for."""

    tool: str
    text: str


def _quoted(name: str, mark: str) -> str:
    if _PLAIN.match(name) and name not in _RESERVED:
        return name
    return f"{mark}{name.replace(mark, mark * 2)}{mark}"


def _select(parts: Sequence[str], columns: Sequence[str], mark: str) -> str:
    named = ",\n       ".join(_quoted(column, mark) for column in columns)
    chosen = named if 0 < len(columns) <= MAX_NAMED_COLUMNS else "*"
    return f"SELECT {chosen}\nFROM {'.'.join(_quoted(part, mark) for part in parts)}\nLIMIT 100;"


def snippets(body: Mapping[str, Any]) -> Sequence[Snippet]:
    """Return the ways to read a dataset, from its body; none for a platform whose tools are not known."""
    platform, name, catalog = body["platform"], body["name"], body["catalog"]
    database = body["database"] or ""
    columns = [column["name"] for column in body["columns"] if column["depth"] == 0]
    match platform:
        case "postgresql" | "duckdb":
            return [Snippet("SQL", _select((database, name), columns, '"'))]
        case "sqlite":
            return [Snippet("SQL", _select((name,), columns, '"'))]
        case "hive":
            parts = (database, name)
            found = [Snippet("Hive, Spark SQL, Trino", _select(parts, columns, "`")), _spark(parts)]
            return found if body["kind"] == "view" else [*found, *_files(body)]
        case "iceberg":
            levels = split_namespace(database)
            parts = (catalog, *levels, name)
            load = f"load_catalog({_text(catalog)}).load_table({_tuple((*levels, name))})"
            reading = f"from pyiceberg.catalog import load_catalog\n\ntable = {load}\ntable.scan(limit=100).to_arrow()"
            statement = Snippet("Spark SQL", _select(parts, columns, "`"))
            return (
                [statement, _spark(parts)]
                if body["kind"] == "view"
                else [statement, Snippet("PyIceberg", reading), _spark(parts)]
            )
        case _:
            return []


def _spark(parts: Sequence[str]) -> Snippet:
    return Snippet("PySpark", f"spark.table({_text('.'.join(_quoted(part, '`') for part in parts))})")


def _text(value: str) -> str:
    """Return a text as Python writes it, in double quotes."""
    return json.dumps(value, ensure_ascii=False)


def _tuple(parts: Sequence[str]) -> str:
    return f"({', '.join(_text(part) for part in parts)})"


def _files(body: Mapping[str, Any]) -> Sequence[Snippet]:
    """Return how DuckDB reads a table's Parquet files where they lie."""
    location = body["location"]
    if body["format"] != "parquet" or not location:
        return []
    path = str(location).rstrip("/")
    local = re.sub(r"^file:/+", "/", path)
    pattern = f"{local}/**/*.parquet".replace("'", "''")
    return [
        Snippet("DuckDB, its files", f"SELECT *\nFROM read_parquet('{pattern}', hive_partitioning = true)\nLIMIT 100;")
    ]
