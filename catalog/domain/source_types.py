"""How the types of sources map to the canonical ones, a table a source; what has no counterpart is opaque, never lost."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache, wraps

from catalog.domain.types import (
    MAX_TYPE_DEPTH,
    STRING,
    UNKNOWN,
    Decimal,
    Fidelity,
    Field,
    InvalidType,
    ListType,
    MappedType,
    MapType,
    StructType,
    TypeParser,
    parse_type,
)

_exact = Fidelity.EXACT
_widened = Fidelity.WIDENED
_lossy = Fidelity.LOSSY


def _table(rows: Mapping[str, tuple[str, Fidelity]]) -> dict[str, MappedType]:
    return {name: MappedType(parse_type(text), fidelity) for name, (text, fidelity) in rows.items()}


OPAQUE = MappedType(UNKNOWN, Fidelity.OPAQUE)

# https://www.postgresql.org/docs/15/datatype.html; names as format_type() prints them, without their modifiers.
POSTGRESQL = _table(
    {
        "boolean": ("boolean", _exact),
        "smallint": ("int", _widened),
        "integer": ("int", _exact),
        "bigint": ("long", _exact),
        "real": ("float", _exact),
        "double precision": ("double", _exact),
        "date": ("date", _exact),
        "time without time zone": ("time", _exact),
        "time with time zone": ("time", _lossy),
        "timestamp without time zone": ("timestamp", _exact),
        "timestamp with time zone": ("timestamptz", _exact),
        "text": ("string", _exact),
        "character varying": ("string", _widened),
        "character": ("string", _widened),
        '"char"': ("string", _widened),
        "name": ("string", _widened),
        "uuid": ("uuid", _exact),
        "bytea": ("binary", _exact),
        "json": ("variant", _lossy),
        "jsonb": ("variant", _exact),
        "inet": ("string", _widened),
        "cidr": ("string", _widened),
        "macaddr": ("string", _widened),
        "xml": ("string", _widened),
        "citext": ("string", _lossy),
        "oid": ("long", _widened),
        "money": ("string", _lossy),
    }
)

# https://duckdb.org/docs/stable/sql/data_types/overview
DUCKDB = _table(
    {
        "BOOLEAN": ("boolean", _exact),
        "TINYINT": ("int", _widened),
        "SMALLINT": ("int", _widened),
        "INTEGER": ("int", _exact),
        "BIGINT": ("long", _exact),
        "HUGEINT": ("decimal(38,0)", _lossy),
        "UTINYINT": ("int", _widened),
        "USMALLINT": ("int", _widened),
        "UINTEGER": ("long", _widened),
        "UBIGINT": ("decimal(20,0)", _widened),
        "UHUGEINT": ("decimal(38,0)", _lossy),
        "FLOAT": ("float", _exact),
        "DOUBLE": ("double", _exact),
        "DATE": ("date", _exact),
        "TIME": ("time", _exact),
        "TIME WITH TIME ZONE": ("time", _lossy),
        "TIMESTAMP": ("timestamp", _exact),
        "TIMESTAMP_S": ("timestamp", _widened),
        "TIMESTAMP_MS": ("timestamp", _widened),
        "TIMESTAMP_NS": ("timestamp_ns", _exact),
        "TIMESTAMP WITH TIME ZONE": ("timestamptz", _exact),
        "VARCHAR": ("string", _exact),
        "JSON": ("variant", _lossy),
        "UUID": ("uuid", _exact),
        "BLOB": ("binary", _exact),
        "BIT": ("string", _lossy),
        "VARIANT": ("variant", _exact),
    }
)

# https://www.sqlite.org/datatype3.html: a declared type is a hint, so only names whose meaning everybody shares are exact.
SQLITE = _table(
    {
        "INTEGER": ("long", _exact),
        "INT": ("long", _widened),
        "TINYINT": ("long", _widened),
        "SMALLINT": ("long", _widened),
        "MEDIUMINT": ("long", _widened),
        "BIGINT": ("long", _exact),
        "TEXT": ("string", _exact),
        "VARCHAR": ("string", _widened),
        "CHAR": ("string", _widened),
        "NCHAR": ("string", _widened),
        "NVARCHAR": ("string", _widened),
        "CLOB": ("string", _exact),
        "REAL": ("double", _exact),
        "DOUBLE": ("double", _exact),
        "DOUBLE PRECISION": ("double", _exact),
        "FLOAT": ("double", _widened),
        "BLOB": ("binary", _exact),
        "BOOLEAN": ("boolean", _lossy),
        "BOOL": ("boolean", _lossy),
        "DATE": ("date", _lossy),
        "TIME": ("time", _lossy),
        "DATETIME": ("timestamp", _lossy),
        "TIMESTAMP": ("timestamp", _lossy),
        "JSON": ("variant", _lossy),
    }
)

# https://cwiki.apache.org/confluence/display/Hive/LanguageManual+Types; timestamps have nanoseconds there.
HIVE = _table(
    {
        "boolean": ("boolean", _exact),
        "tinyint": ("int", _widened),
        "smallint": ("int", _widened),
        "int": ("int", _exact),
        "integer": ("int", _exact),
        "bigint": ("long", _exact),
        "float": ("float", _exact),
        "double": ("double", _exact),
        "string": ("string", _exact),
        "char": ("string", _widened),
        "varchar": ("string", _widened),
        "binary": ("binary", _exact),
        "date": ("date", _exact),
        "timestamp": ("timestamp", _lossy),
        "timestamp with local time zone": ("timestamptz", _lossy),
    }
)

_PARAMETERS = re.compile(r"\s*\(([^)]*)\)")
_HIVE_WORD = re.compile(r"[a-z_]+(?: with local time zone)?")
_NUMBERS = re.compile(r"\s*(\d+)\s*(?:,\s*(-?\d+)\s*)?\Z")


def _split(source_type: str) -> tuple[str, str]:
    match = _PARAMETERS.search(source_type)
    if not match:
        return source_type.strip(), ""
    return (source_type[: match.start()] + source_type[match.end() :]).strip(), match.group(1)


def _decimal(parameters: str) -> MappedType:
    match = _NUMBERS.match(parameters)
    precision = int(match.group(1)) if match else 0
    scale = int(match.group(2) or 0) if match else 0
    if 0 < precision <= 38 and 0 <= scale <= precision:
        return MappedType(Decimal(precision, scale), Fidelity.EXACT)
    # Without bounds no decimal holds every value: a text does, and says so.
    return MappedType(STRING, Fidelity.OPAQUE)


def _remembered(function: Callable[[str], MappedType]) -> Callable[[str], MappedType]:
    """Remember what short types map to: sources repeat few of them very often."""
    remembered = lru_cache(maxsize=1_000)(function)

    @wraps(function)
    def mapped(source_type: str) -> MappedType:
        return remembered(source_type) if len(source_type) <= 100 else function(source_type)

    return mapped


@_remembered
def map_postgresql(source_type: str) -> MappedType:
    """Return the canonical form of a type as PostgreSQL's ``format_type`` prints it; arrays become lists."""
    if source_type.endswith("[]"):
        element = map_postgresql(source_type[:-2])
        return MappedType(ListType(element.type), element.fidelity)
    base, parameters = _split(source_type)
    if base == "numeric":
        return _decimal(parameters)
    return POSTGRESQL.get(base, OPAQUE)


@_remembered
def map_sqlite(source_type: str) -> MappedType:
    """Return the canonical form of a column's declared type in SQLite; a column without one is opaque."""
    base, parameters = _split(source_type.upper())
    if base in ("DECIMAL", "NUMERIC"):
        mapped = _decimal(parameters)
        return MappedType(mapped.type, Fidelity.LOSSY if mapped.fidelity is Fidelity.EXACT else mapped.fidelity)
    return SQLITE.get(base, OPAQUE)


class _DuckDBParser(TypeParser):
    """Reads DuckDB's own print of a type: ``STRUCT(a INTEGER, "b c" VARCHAR[])``, ``MAP(K, V)``, ``T[]``, ``T[3]``."""

    def mapped(self, depth: int = 0) -> MappedType:
        if depth > MAX_TYPE_DEPTH:
            raise self.fail(f"at most {MAX_TYPE_DEPTH} levels")
        base = self._base(depth)
        while match := re.compile(r"\[(\d*)\]").match(self.text, self.at):
            self.at = match.end()
            base = MappedType(ListType(base.type), _worst(base.fidelity, _widened) if match.group(1) else base.fidelity)
        return base

    def _base(self, depth: int) -> MappedType:
        if self.text.startswith("STRUCT(", self.at) or self.text.startswith("UNION(", self.at):
            union = self.text.startswith("UNION(", self.at)
            self.take("UNION(" if union else "STRUCT(")
            fields: list[Field] = []
            fidelity = Fidelity.LOSSY if union else Fidelity.EXACT
            while not self.text.startswith(")", self.at):
                if fields:
                    self.take(", ")
                name = self._identifier()
                self.take(" ")
                part = self.mapped(depth + 1)
                fidelity = _worst(fidelity, part.fidelity)
                fields.append(Field(name, part.type))
            self.take(")")
            return MappedType(StructType(tuple(fields)), fidelity)
        if self.text.startswith("MAP(", self.at):
            self.take("MAP(")
            key = self.mapped(depth + 1)
            self.take(", ")
            value = self.mapped(depth + 1)
            self.take(")")
            return MappedType(MapType(key.type, value.type), _worst(key.fidelity, value.fidelity))
        if self.text.startswith("ENUM(", self.at):
            self._skip_parentheses()
            return MappedType(STRING, Fidelity.WIDENED)
        match = re.compile(r"[A-Z_]+(?: WITH TIME ZONE)?").match(self.text, self.at)
        if not match:
            raise self.fail("a type")
        self.at = match.end()
        if match.group() == "DECIMAL":
            parameters = re.compile(r"\(([^)]*)\)").match(self.text, self.at)
            if parameters:
                self.at = parameters.end()
            return _decimal(parameters.group(1) if parameters else "")
        return DUCKDB.get(match.group(), OPAQUE)

    def _identifier(self) -> str:
        if not self.text.startswith('"', self.at):
            match = re.compile(r"[^\s\"(),]+").match(self.text, self.at)
            if not match:
                raise self.fail("a field name")
            self.at = match.end()
            return match.group()
        end = self.at + 1
        while (end := self.text.find('"', end)) >= 0 and self.text.startswith('""', end):
            end += 2
        if end < 0:
            raise self.fail("a closing '\"'")
        quoted = self.text[self.at + 1 : end].replace('""', '"')
        self.at = end + 1
        return quoted

    def _skip_parentheses(self) -> None:
        self.at = self.text.index("(", self.at) + 1
        quoted = False
        while self.at < len(self.text):
            char = self.text[self.at]
            self.at += 1
            if char == "'":
                quoted = not quoted
            elif char == ")" and not quoted:
                return
        raise self.fail("a closing ')'")


class HiveParser(TypeParser):
    """Reads Hive's own print of a type: ``struct<a:int,b c:array<string>>``, ``map<string,int>``, ``uniontype<int,string>``."""

    def mapped(self, depth: int = 0) -> MappedType:
        if depth > MAX_TYPE_DEPTH:
            raise self.fail(f"at most {MAX_TYPE_DEPTH} levels")
        match = _HIVE_WORD.match(self.text, self.at)
        if not match:
            raise self.fail("a type")
        self.at = match.end()
        word = match.group()
        if word == "array":
            element = self._parts(depth, 1)[0]
            return MappedType(ListType(element.type), element.fidelity)
        if word == "map":
            key, value = self._parts(depth, 2)
            return MappedType(MapType(key.type, value.type), _worst(key.fidelity, value.fidelity))
        if word == "struct":
            return self._struct(depth)
        if word == "uniontype":
            options = self._parts(depth, None)
            fields = tuple(Field(f"option_{number}", option.type) for number, option in enumerate(options))
            return MappedType(StructType(fields), Fidelity.LOSSY)
        parameters = _PARAMETERS.match(self.text, self.at)
        if parameters:
            self.at = parameters.end()
        return self.leaf(word, parameters.group(1) if parameters else "")

    def leaf(self, word: str, parameters: str) -> MappedType:
        """Return what a type without parts maps to."""
        if word == "decimal":
            return _decimal(parameters or "10,0")
        return HIVE.get(word, OPAQUE)

    def _parts(self, depth: int, count: int | None) -> list[MappedType]:
        self.take("<")
        parts = [self.mapped(depth + 1)]
        while self.text.startswith(",", self.at):
            self.take(",")
            parts.append(self.mapped(depth + 1))
        self.take(">")
        if count is not None and len(parts) != count:
            raise self.fail(f"{count} types")
        return parts

    def _struct(self, depth: int) -> MappedType:
        self.take("<")
        fields: list[Field] = []
        fidelity = Fidelity.EXACT
        while not self.text.startswith(">", self.at):
            if fields:
                self.take(",")
            end = self.text.find(":", self.at)
            if end < 0:
                raise self.fail("a field name and ':'")
            name = self.text[self.at : end]
            self.at = end + 1
            part = self.mapped(depth + 1)
            fidelity = _worst(fidelity, part.fidelity)
            fields.append(Field(name, part.type))
        self.take(">")
        return MappedType(StructType(tuple(fields)), fidelity)


_RANK = {Fidelity.EXACT: 0, Fidelity.WIDENED: 1, Fidelity.LOSSY: 2, Fidelity.OPAQUE: 3}


def _worst(one: Fidelity, other: Fidelity) -> Fidelity:
    return max(one, other, key=lambda fidelity: _RANK[fidelity])


@_remembered
def map_duckdb(source_type: str) -> MappedType:
    """Return the canonical form of a type as DuckDB prints it; what cannot be read is opaque, never an error."""
    parser = _DuckDBParser(source_type)
    try:
        mapped = parser.mapped()
    except InvalidType:
        return OPAQUE
    return mapped if parser.at == len(source_type) else OPAQUE


@_remembered
def map_hive(source_type: str) -> MappedType:
    """Return the canonical form of a type as Hive prints it, in any letter case; what cannot be read is opaque."""
    # Names of fields are in lower case in Hive, so that nothing is lost.
    parser = HiveParser(source_type.lower())
    try:
        mapped = parser.mapped()
    except InvalidType:
        return OPAQUE
    return mapped if parser.at == len(parser.text) else OPAQUE
