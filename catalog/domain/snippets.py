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
# Words that mean something where a name could stand: what DuckDB, PostgreSQL, SQLite or Hive reserve.
_RESERVED = frozenset(
    [
        "add",
        "all",
        "alter",
        "analyse",
        "analyze",
        "and",
        "anti",
        "any",
        "array",
        "as",
        "asc",
        "asof",
        "asymmetric",
        "at",
        "authorization",
        "autoincrement",
        "base",
        "between",
        "bigint",
        "binary",
        "boolean",
        "both",
        "by",
        "cache",
        "case",
        "cast",
        "char",
        "check",
        "collate",
        "collation",
        "column",
        "columns",
        "commit",
        "concurrently",
        "conf",
        "constraint",
        "create",
        "cross",
        "cube",
        "current",
        "current_catalog",
        "current_date",
        "current_role",
        "current_schema",
        "current_time",
        "current_timestamp",
        "current_user",
        "cursor",
        "database",
        "date",
        "day",
        "dayofweek",
        "decimal",
        "default",
        "deferrable",
        "delete",
        "desc",
        "describe",
        "distinct",
        "do",
        "double",
        "drop",
        "else",
        "end",
        "escape",
        "except",
        "exchange",
        "exists",
        "extended",
        "external",
        "extract",
        "false",
        "fetch",
        "float",
        "floor",
        "following",
        "for",
        "foreign",
        "freeze",
        "from",
        "full",
        "function",
        "generated",
        "glob",
        "grant",
        "group",
        "grouping",
        "having",
        "hour",
        "if",
        "ilike",
        "import",
        "in",
        "index",
        "indexed",
        "initially",
        "inner",
        "insert",
        "int",
        "integer",
        "intersect",
        "interval",
        "into",
        "is",
        "isnull",
        "join",
        "lambda",
        "lateral",
        "leading",
        "left",
        "less",
        "like",
        "limit",
        "local",
        "localtime",
        "localtimestamp",
        "macro",
        "map",
        "month",
        "more",
        "natural",
        "none",
        "not",
        "nothing",
        "notnull",
        "null",
        "numeric",
        "of",
        "offset",
        "on",
        "only",
        "or",
        "order",
        "out",
        "outer",
        "over",
        "overlaps",
        "partialscan",
        "partition",
        "percent",
        "pivot",
        "pivot_longer",
        "pivot_wider",
        "placing",
        "positional",
        "preceding",
        "precision",
        "preserve",
        "primary",
        "procedure",
        "qualify",
        "raise",
        "range",
        "reads",
        "reduce",
        "references",
        "regexp",
        "returning",
        "revoke",
        "right",
        "rlike",
        "rollback",
        "rollup",
        "row",
        "rows",
        "select",
        "semi",
        "session_user",
        "set",
        "show",
        "similar",
        "smallint",
        "some",
        "start",
        "struct",
        "summarize",
        "symmetric",
        "sync",
        "table",
        "tablesample",
        "then",
        "time",
        "timestamp",
        "to",
        "trailing",
        "transaction",
        "transform",
        "trigger",
        "true",
        "truncate",
        "try_cast",
        "tuple",
        "unbounded",
        "union",
        "unique",
        "uniquejoin",
        "unpack",
        "unpivot",
        "update",
        "user",
        "using",
        "values",
        "varchar",
        "variadic",
        "verbose",
        "views",
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
