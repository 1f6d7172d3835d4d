"""Column lineage of SQL: which columns of which tables each column of a statement's target is made of."""

from __future__ import annotations

import enum
import functools
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlglot import exp, parse
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope
from sqlglot.schema import MappingSchema

# It quotes the statements it falls back on, and those hold values.
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)

MAX_SQL = 200_000
"""Characters of a text of SQL that is looked at."""
MAX_NODES = 60_000
MAX_NESTED = 500
"""Levels of a statement; a chain of ANDs has one for each."""
MAX_STATEMENTS = 200
MAX_EXPANDED = 20_000
"""Columns that the stars of a statement stand for, all together."""
MAX_EDGES = 20_000
"""Column edges of one statement; beyond them only tables are kept."""
MAX_SELECTED = 20_000


class Subtype(enum.StrEnum):
    """
    How a column takes part in another. The first three are DIRECT, the value itself; the others decide over rows: INDIRECT.

    Source: OpenLineage, ColumnLineageDatasetFacet 1-2-0.
    """

    IDENTITY = "IDENTITY"
    TRANSFORMATION = "TRANSFORMATION"
    AGGREGATION = "AGGREGATION"
    JOIN = "JOIN"
    GROUP_BY = "GROUP_BY"
    FILTER = "FILTER"
    SORT = "SORT"
    WINDOW = "WINDOW"
    CONDITIONAL = "CONDITIONAL"

    @property
    def is_direct(self) -> bool:
        """Whether the value itself goes over."""
        return self in _DIRECT


_DIRECT = (Subtype.IDENTITY, Subtype.TRANSFORMATION, Subtype.AGGREGATION)
_WEIGHT = {subtype: weight for weight, subtype in enumerate(_DIRECT)}

TableName = tuple[str, ...]
"""A table as the statement names it, outermost part first: (catalog, database, table) or fewer."""


@dataclass(frozen=True, slots=True)
class ColumnInput:
    """A column that goes into another, and how. ``masking`` says that the value cannot be read out of the result."""

    table: TableName
    column: str
    subtype: Subtype
    masking: bool = False


@dataclass(frozen=True, slots=True)
class StatementLineage:
    """
    What one statement makes of what.

    ``target`` is None for a query that only reads; its columns have their inputs all the same. ``indirect`` are the columns that
    decide over the target's rows as a whole. ``problems`` say what could not be told; there the tables are right and columns missing.
    """

    target: TableName | None
    inputs: tuple[TableName, ...]
    columns: Mapping[str, tuple[ColumnInput, ...]] = field(default_factory=dict)
    indirect: tuple[ColumnInput, ...] = ()
    problems: tuple[str, ...] = ()


class UnreadableSql(ValueError):
    """A text that cannot be read as SQL of its dialect; the message says where, without quoting values."""


Schemas = Callable[[Sequence[TableName]], Mapping[TableName, Sequence[str]]]
"""Asks for the columns, in order, of tables as statements name them; those not known are left out."""

# sqlglot's dialect for each platform whose statements we read.
DIALECTS = {
    "hive": "hive",
    "iceberg": "spark",
    "spark": "spark",
    "postgresql": "postgres",
    "postgres": "postgres",
    "redshift": "redshift",
    "sqlite": "sqlite",
    "duckdb": "duckdb",
    "mysql": "mysql",
    "mariadb": "mysql",
    "trino": "trino",
    "presto": "presto",
    "athena": "athena",
    "snowflake": "snowflake",
    "bigquery": "bigquery",
    "clickhouse": "clickhouse",
    "databricks": "databricks",
    "oracle": "oracle",
    "mssql": "tsql",
    "sqlserver": "tsql",
    "tsql": "tsql",
    "flink": "",
}

# Statements that sqlglot does not take apart and that move no data.
_WITHOUT_DATA = frozenset(
    {"ALTER", "ANALYZE", "CALL", "EXPLAIN", "GRANT", "REFRESH", "REVOKE", "SHOW", "VACUUM", "MSCK", "OPTIMIZE"}
)

# Functions whose result does not show what went in.
_MASKING = (exp.MD5, exp.MD5Digest, exp.SHA, exp.SHA1Digest, exp.SHA2, exp.SHA2Digest, exp.Count, exp.ApproxDistinct)
_MASKING_NAMES = frozenset(
    {"hash", "xxhash64", "murmurhash", "farm_fingerprint", "mask", "mask_hash", "sha224", "sha384"}
)


def dialect_of(platform: str) -> str:
    """Return sqlglot's name for the dialect of a platform; the general one for those not known."""
    return DIALECTS.get(platform.casefold(), "")


def statements_lineage(sql: str, *, dialect: str, schemas: Schemas) -> list[StatementLineage]:
    """
    Return the lineage of each statement of a text that moves data, in order; what only changes definitions is left out.

    Temporary tables are seen through: their columns are replaced by what they were made of.

    :raises UnreadableSql: for text that is too long, too deep, or no SQL of the dialect.
    """
    parsed = _parsed(sql, dialect)
    wanted = list(dict.fromkeys(name for tree in parsed for name in _tables(tree)))
    columns = {fold(name): list(found) for name, found in schemas(wanted).items()}
    temporary: dict[TableName, StatementLineage] = {}
    made = []
    for tree in parsed:
        try:
            found = _Statement(tree, dialect, columns).lineage()
        except RecursionError:
            raise UnreadableSql("the SQL is nested too deeply") from None
        except (SqlglotError, ValueError, KeyError, AttributeError, TypeError, IndexError) as error:
            # A fault of the library in one statement costs its columns, not the others'.
            found = _tables_only(tree, f"its columns could not be told ({type(error).__name__})")
        if found is None:
            continue
        if tree.find(exp.Pivot) is None:  # a pivot makes columns of values, and its target has them
            found = _without_quoted(found, sql)
        found = _seen_through(found, temporary)
        if found.target is not None:
            if found.columns and fold(found.target) not in columns:
                columns[fold(found.target)] = list(found.columns)
            if _is_temporary(tree):
                temporary[fold(found.target)] = found
                continue
        made.append(found)
    return made


def _without_quoted(found: StatementLineage, sql: str) -> StatementLineage:
    """Leave out columns named by what stands between single quotes: in another dialect than the one it is read as, that is a value."""
    columns = {name: parts for name, parts in found.columns.items() if not _is_value(name, sql)}
    return found if len(columns) == len(found.columns) else replace(found, columns=columns)


def query_lineage(sql: str, *, dialect: str, schemas: Schemas) -> StatementLineage:
    """Return the lineage of the one query that a view is, with no target. :raises UnreadableSql: if it is not one query."""
    found = statements_lineage(sql, dialect=dialect, schemas=schemas)
    if len(found) != 1:
        raise UnreadableSql(f"a view is one query, found {len(found)} statements that read tables")
    return replace(found[0], target=None)


def masked_sql(sql: str, *, dialect: str) -> str:
    """
    Return SQL fit to be shown: of statements that move data, without literals and comments; of others the first word alone.

    What cannot be read is not shown at all. Names that the text has between single quotes only are taken for values: that is what
    they are where it was read as of another dialect than its own.
    """
    try:
        trees = _parsed(sql, dialect)
    except UnreadableSql:
        return f"-- {len(sql):,} characters that cannot be read as SQL are not shown"
    return ";\n".join(_masked(tree, sql, dialect) for tree in trees)


def _masked(tree: exp.Expr, sql: str, dialect: str) -> str:
    moves = isinstance(tree, exp.Query | exp.Insert | exp.Merge | exp.Update | exp.Delete)
    if not moves and not (isinstance(tree, exp.Create) and isinstance(tree.expression, exp.Query)):
        return f"-- a statement '{tree.key.upper()}' is not shown"
    try:
        shown = tree.transform(lambda node: _without_value(node, sql))
        return shown.sql(dialect=dialect, pretty=True, comments=False)
    except (SqlglotError, ValueError, TypeError, AttributeError, RecursionError):
        return f"-- a statement '{tree.key.upper()}' cannot be shown without its values"


_VALUES = (
    *(exp.Literal, exp.HexString, exp.BitString, exp.ByteString, exp.National, exp.RawString, exp.UnicodeString),
    *(exp.Heredoc, exp.JSONPath, exp.Hint),
)


def _without_value(node: exp.Expr, sql: str) -> exp.Expr:
    if isinstance(node, _VALUES):
        return exp.Placeholder()
    if isinstance(node, exp.Identifier) and _is_value(node.name, sql):
        return exp.to_identifier("…", quoted=True)
    return node


def _is_value(name: str, sql: str) -> bool:
    """Whether a text has a name between single quotes only."""
    return f"'{name}'" in sql and not (_WORD.fullmatch(name) and name.casefold() in _without_strings(sql))


_WORD = re.compile(r"[^\W\d]\w*")
_STRING = re.compile(r"'(?:[^']|'')*'")


@functools.lru_cache(maxsize=32)
def _without_strings(sql: str) -> str:
    return _STRING.sub("''", sql).casefold()


def fold(name: TableName) -> TableName:
    """Return a name as it is compared: without letter case."""
    return tuple(part.casefold() for part in name)


def _parsed(sql: str, dialect: str) -> list[exp.Expr]:
    if len(sql) > MAX_SQL:
        raise UnreadableSql(f"the SQL has {len(sql):,} characters; at most {MAX_SQL:,} are read")
    try:
        trees = [tree for tree in parse(sql, dialect=dialect) if tree is not None]
    except RecursionError:
        raise UnreadableSql("the SQL is nested too deeply") from None
    except SqlglotError as error:
        raise UnreadableSql(_place(error)) from None
    if len(trees) > MAX_STATEMENTS:
        raise UnreadableSql(f"the SQL has {len(trees)} statements; at most {MAX_STATEMENTS} are read")
    for tree in trees:
        _check_size(tree)
    return trees


def _check_size(tree: exp.Expr) -> None:
    level, nodes, depth = [tree], 0, 0
    while level:
        nodes, depth = nodes + len(level), depth + 1
        if nodes > MAX_NODES:
            raise UnreadableSql(f"a statement has more than {MAX_NODES:,} parts")
        if depth > MAX_NESTED:
            raise UnreadableSql("the SQL is nested too deeply")
        level = [child for node in level for child in node.iter_expressions()]


def _place(error: SqlglotError) -> str:
    found = getattr(error, "errors", None)
    if found and found[0].get("line"):
        return f"it cannot be read at line {found[0]['line']}, column {found[0]['col']}"
    return "it cannot be read as SQL of its dialect"


def _name(table: exp.Table) -> TableName:
    return tuple(part.name for part in table.parts)


def _is_table(table: exp.Table) -> bool:
    return bool(table.name) and isinstance(table.this, exp.Identifier | exp.Dot)


def _tables(tree: exp.Expr) -> Iterator[TableName]:
    """Yield the tables of a statement in the order they stand, names of its own queries left out."""
    for table in tree.find_all(exp.Table, bfs=False):
        if _is_table(table) and not _is_named_query(table):
            yield _name(table)


def _is_named_query(table: exp.Table) -> bool:
    """Whether a name means a query of a WITH around it. Within that query itself it means a table, unless the WITH is recursive."""
    if len(table.parts) != 1:
        return False
    name = table.name.casefold()
    node: exp.Expr = table
    inside: exp.CTE | None = None
    while node.parent is not None:
        node = node.parent
        if isinstance(node, exp.CTE):
            inside = node
        above = node.args.get("with_")
        if not isinstance(above, exp.With):
            continue
        named = above.expressions
        if inside is not None and inside.parent is above and not above.recursive:
            named = named[: next(at for at, cte in enumerate(named) if cte is inside)]
        if any(cte.alias.casefold() == name for cte in named):
            return True
    return False


def _target(tree: exp.Expr) -> exp.Table | None:
    if isinstance(tree, exp.Create | exp.Insert | exp.Merge | exp.Update | exp.Delete):
        this = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
        return this if isinstance(this, exp.Table) else None
    return None


def _tables_only(tree: exp.Expr, problem: str) -> StatementLineage | None:
    target = _target(tree)
    name = _name(target) if target is not None else None
    inputs = tuple(dict.fromkeys(found for found in _tables(tree) if name is None or fold(found) != fold(name)))
    if not inputs:
        return None
    return StatementLineage(target=name, inputs=inputs, problems=(problem,))


def _is_temporary(tree: exp.Expr) -> bool:
    return isinstance(tree, exp.Create) and tree.find(exp.TemporaryProperty) is not None


def _seen_through(found: StatementLineage, temporary: Mapping[TableName, StatementLineage]) -> StatementLineage:
    """Replace temporary tables by what they were made of."""
    if not any(fold(name) in temporary for name in found.inputs):
        return found
    inputs: list[TableName] = []
    indirect = list(_through(found.indirect, temporary))
    for name in found.inputs:
        made = temporary.get(fold(name))
        inputs += [name] if made is None else made.inputs
        indirect += [] if made is None else made.indirect
    columns = {name: _strongest(_through(parts, temporary)) for name, parts in found.columns.items()}
    return replace(found, inputs=tuple(dict.fromkeys(inputs)), columns=columns, indirect=_strongest(indirect))


def _through(parts: Iterable[ColumnInput], temporary: Mapping[TableName, StatementLineage]) -> Iterator[ColumnInput]:
    for part in parts:
        made = temporary.get(fold(part.table))
        if made is None:
            yield part
            continue
        folded = {name.casefold(): inputs for name, inputs in made.columns.items()}
        for below in folded.get(part.column.casefold(), ()):
            yield _after(below, part.subtype, part.masking)


def _after(below: ColumnInput, subtype: Subtype, masking: bool = False) -> ColumnInput:
    """Return an input as it counts when what it makes is used in a further way."""
    if not subtype.is_direct:
        kept = subtype
    elif below.subtype.is_direct:
        kept = _at_least(below.subtype, subtype)
    else:
        kept = below.subtype
    return replace(below, subtype=kept, masking=below.masking or masking)


def _at_least(subtype: Subtype, other: Subtype) -> Subtype:
    """Return which of two direct ways says less of the value that goes over."""
    return max(subtype, other, key=_WEIGHT.__getitem__)


def _strongest(inputs: Iterable[ColumnInput]) -> tuple[ColumnInput, ...]:
    """Return each column once for a direct use and once for each kind of indirect one; of direct uses the plainest counts."""
    found: dict[tuple[object, ...], ColumnInput] = {}
    for part in inputs:
        key = (part.table, part.column, "" if part.subtype.is_direct else part.subtype)
        known = found.get(key)
        if known is None or (part.subtype.is_direct and _rank(part) < _rank(known)):
            found[key] = part
    return tuple(found.values())


def _rank(part: ColumnInput) -> tuple[bool, int]:
    return part.masking, _WEIGHT[part.subtype]


Inputs = tuple[ColumnInput, ...]


class _Statement:
    """One statement on its way to its lineage."""

    def __init__(self, tree: exp.Expr, dialect: str, columns: Mapping[TableName, list[str]]) -> None:
        self._tree = tree
        self._dialect = dialect
        self._columns = columns
        self._problems: list[str] = []

    def lineage(self) -> StatementLineage | None:
        """Return it, or None for a statement that moves no data."""
        readers: tuple[tuple[type[exp.Expr], Callable[[Any], StatementLineage | None]], ...] = (
            (exp.Create, self._create),
            (exp.Insert, self._insert),
            (exp.Merge, self._merge),
            (exp.Update, self._update),
            (exp.Delete, self._delete),
            (exp.Query, lambda query: self._of_query(query, None, None)),
            (exp.Command, self._command),
        )
        read = next((read for kind, read in readers if isinstance(self._tree, kind)), None)
        return read(self._tree) if read is not None else None

    def _command(self, tree: exp.Command) -> StatementLineage | None:
        if tree.name.upper() in _WITHOUT_DATA:
            return None
        return StatementLineage(None, (), problems=(f"a statement '{tree.name.upper()[:20]}' is not understood",))

    def _create(self, tree: exp.Create) -> StatementLineage | None:
        query = tree.expression
        if not isinstance(query, exp.Query) or tree.kind not in ("TABLE", "VIEW"):
            return None
        target = _target(tree)
        named = [part.name for part in tree.this.expressions] if isinstance(tree.this, exp.Schema) else None
        if isinstance(query, exp.Subquery):
            query = query.unnest()
        self._lift_with(tree, query)
        return self._of_query(query, target, named)

    def _lift_with(self, tree: exp.Expr, query: exp.Expr) -> None:
        """Give a query the WITH that stands before its statement."""
        above = tree.args.get("with_")
        if above is not None and query.args.get("with_") is None:
            query.set("with_", above.copy())

    def _insert(self, tree: exp.Insert) -> StatementLineage | None:
        query = tree.expression
        target = _target(tree)
        if not isinstance(query, exp.Query) or target is None:
            return None
        self._lift_with(tree, query)
        if isinstance(tree.this, exp.Schema):
            named: list[str] | None = [part.name for part in tree.this.expressions]
        elif tree.args.get("by_name"):
            named = None
        else:
            named = self._known(target)
            static = self._static_partitions(tree)
            if named is not None and static:
                named = [name for name in named if name.casefold() not in static]
            if named is None:
                self._problems.append("the target's columns are not known: those of the query lend their names")
        return self._of_query(query, target, named)

    def _static_partitions(self, tree: exp.Insert) -> set[str]:
        target = _target(tree)
        partition = tree.args.get("partition") or (target.args.get("partition") if target is not None else None)
        if not isinstance(partition, exp.Partition):
            return set()
        return {part.this.name.casefold() for part in partition.expressions if isinstance(part, exp.EQ)}

    def _known(self, table: exp.Table) -> list[str] | None:
        return self._columns.get(fold(_name(table)))

    def _of_query(self, query: exp.Expr, target: exp.Table | None, named: list[str] | None) -> StatementLineage | None:
        inputs = tuple(dict.fromkeys(_tables(query)))
        if not inputs:
            return None
        name = _name(target) if target is not None else None
        columns, indirect = self._columns_of(query, named)
        return self._made(name, inputs, columns, indirect)

    def _made(
        self,
        name: TableName | None,
        inputs: tuple[TableName, ...],
        columns: Mapping[str, Inputs],
        indirect: Inputs,
    ) -> StatementLineage:
        if sum(len(parts) for parts in columns.values()) > MAX_EDGES:
            self._problems.append(f"it has more than {MAX_EDGES:,} pairs of columns: only its tables are kept")
            columns, indirect = {}, ()
        return StatementLineage(name, inputs, columns, indirect, tuple(dict.fromkeys(self._problems)))

    def _columns_of(self, query: exp.Expr, named: list[str] | None) -> tuple[dict[str, Inputs], Inputs]:
        """Return what each output of a query is made of, under the target's names where it has some, and what decides over its rows."""
        widest = max((len(self._columns.get(fold(name), ())) for name in _tables(query)), default=0)
        if widest * sum(1 for _ in query.find_all(exp.Star)) > MAX_EXPANDED:
            self._problems.append(f"its stars stand for more than {MAX_EXPANDED:,} columns: only its tables are kept")
            return {}, ()
        reader = _Reader(query, self._dialect, self._columns)
        outputs = reader.outputs()
        if named is not None and len(named) != len(outputs):
            if len(outputs) < len(named):
                named = named[: len(outputs)]
            else:
                self._problems.append(f"the query has {len(outputs)} columns, its target {len(named)}")
        names = [output for output, _ in outputs] if named is None else named
        columns: dict[str, Inputs] = {}
        for name, (_, parts) in zip(names, outputs, strict=False):
            columns[name] = _strongest([*columns.get(name, ()), *parts])
        indirect = reader.indirect()
        self._problems += reader.problems
        return columns, indirect

    def _update(self, tree: exp.Update) -> StatementLineage | None:
        target = _target(tree)
        if target is None:
            return None
        sets = [part for part in tree.expressions if isinstance(part, exp.EQ)]
        joined = [target.copy()]
        source = tree.args.get("from_")
        if source is not None:
            joined.append(source.this.copy())
        query = self._select([exp.alias_(part.expression.copy(), part.this.name) for part in sets], joined)
        for table in joined:
            for join in table.args.pop("joins", None) or ():
                query.append("joins", join)
        where = tree.args.get("where")
        if where is not None:
            query.set("where", where.copy())
        self._lift_with(tree, query)
        return self._of_rows(target, query)

    def _select(self, outputs: Sequence[exp.Expr], tables: Sequence[exp.Expr]) -> exp.Select:
        query = exp.select(*outputs).from_(tables[0])
        for table in tables[1:]:
            query = query.join(table, join_type="cross")
        return query

    def _of_rows(self, target: exp.Table, query: exp.Expr) -> StatementLineage | None:
        """Return the lineage of a statement that changes rows of its target: the target itself is no table it reads unless another is."""
        name = _name(target)
        inputs = tuple(dict.fromkeys(found for found in _tables(query) if fold(found) != fold(name)))
        columns, indirect = self._columns_of(query, None)
        if not inputs and not any(columns.values()):
            return None
        return self._made(name, inputs or (name,), columns, indirect)

    def _delete(self, tree: exp.Delete) -> StatementLineage | None:
        target = _target(tree)
        where = tree.args.get("where")
        if target is None or where is None:
            return None
        joined: list[exp.Expr] = [target.copy(), *(table.copy() for table in tree.args.get("using") or ())]
        query = self._select([exp.Literal.number(1)], joined)
        query.set("where", where.copy())
        self._lift_with(tree, query)
        name = _name(target)
        inputs = tuple(dict.fromkeys(found for found in _tables(query) if fold(found) != fold(name)))
        if not inputs:
            return None
        _, indirect = self._columns_of(query, None)
        return self._made(name, inputs, {}, indirect)

    def _merge(self, tree: exp.Merge) -> StatementLineage | None:
        target = _target(tree)
        using = tree.args["using"]
        if target is None:
            return None
        name = _name(target)
        columns: dict[str, Inputs] = {}
        indirect: list[ColumnInput] = []
        whens = tree.args.get("whens")
        for when in whens.expressions if whens is not None else ():
            outputs = self._merged(when, target, using)
            if not outputs:
                continue
            query = self._select(outputs, [target.copy(), using.copy()])
            condition = exp.and_(*(part.copy() for part in (tree.args.get("on"), when.args.get("condition")) if part))
            query = query.where(condition)
            self._lift_with(tree, query)
            found, deciding = self._columns_of(query, None)
            for column, parts in found.items():
                columns[column] = _strongest([*columns.get(column, ()), *parts])
            indirect += deciding
        inputs = tuple(dict.fromkeys(found for found in _tables(using)))
        # A MERGE's condition joins; what a WHEN adds to it filters. Both decide which rows there are.
        joined = {(part.table, part.column) for part in self._joined_by(tree, target, using)}
        told = [
            replace(part, subtype=Subtype.JOIN)
            if part.subtype is Subtype.FILTER and (part.table, part.column) in joined
            else part
            for part in indirect
        ]
        return self._made(name, inputs, columns, _strongest(told))

    def _joined_by(self, tree: exp.Merge, target: exp.Table, using: exp.Expr) -> Inputs:
        condition = tree.args.get("on")
        if condition is None:
            return ()
        query = self._select([exp.Literal.number(1)], [target.copy(), using.copy()]).where(condition.copy())
        self._lift_with(tree, query)
        return self._columns_of(query, None)[1]

    def _merged(self, when: exp.When, target: exp.Table, using: exp.Expr) -> list[exp.Expr]:
        """Return what one WHEN writes, as outputs named by the target's columns."""
        then = when.args.get("then")
        if isinstance(then, exp.Update):
            if then.expressions and not any(isinstance(part, exp.Star) or part.is_star for part in then.expressions):
                return [exp.alias_(part.expression.copy(), part.this.name) for part in then.expressions]
            return self._all_of(using, target)
        if isinstance(then, exp.Insert):
            values = then.expression
            if not isinstance(values, exp.Tuple):
                return self._all_of(using, target)
            named = [part.name for part in then.this.expressions] if isinstance(then.this, exp.Tuple) else None
            named = named or self._known(target) or []
            return [exp.alias_(value.copy(), name) for name, value in zip(named, values.expressions, strict=False)]
        return []

    def _all_of(self, using: exp.Expr, target: exp.Table) -> list[exp.Expr]:
        """Return UPDATE SET * and INSERT *: each column of the target from the source's of the same name."""
        known = self._known(target)
        if known is None and isinstance(using, exp.Table):
            known = self._known(using)
        if known is None:
            self._problems.append("the columns that '*' stands for are not known")
            return []
        return [
            exp.alias_(exp.column(name, table=using.alias_or_name, quoted=True), name, quoted=True) for name in known
        ]


class _Reader:
    """Reads one query: its outputs, and what decides over its rows, down to columns of tables."""

    def __init__(self, query: exp.Expr, dialect: str, columns: Mapping[TableName, list[str]]) -> None:
        self.problems: list[str] = []
        query = query.copy()
        for own in query.find_all(exp.Coalesce):
            own.meta["written"] = True
        self._tables: dict[str, TableName] = {}
        self._known: dict[str, dict[str, str]] = {}
        qualified = qualify(
            query,
            dialect=dialect,
            schema=self._schema(query, columns, dialect),
            validate_qualify_columns=False,
            allow_partial_qualification=True,
            identify=False,
            quote_identifiers=False,
        )
        root = build_scope(qualified)
        if root is None:
            raise SqlglotError("no query")
        self._root = root
        self._made: dict[tuple[int, int], Inputs] = {}
        self._under_way: dict[tuple[int, int], int] = {}
        self._reached = 0
        self._scopes = {id(scope.expression): scope for scope in root.traverse()}

    def _schema(self, query: exp.Expr, columns: Mapping[TableName, list[str]], dialect: str) -> MappingSchema:
        """
        Give each table of the query a short name of its own, with its old one as alias, and return the columns of those known.

        Names of different depths, in whatever letter case, are then told apart without knowing a default database.
        """
        schema = MappingSchema(dialect=dialect)
        given: dict[TableName, str] = {}
        for table in [found for found in query.find_all(exp.Table) if _is_table(found) and not _is_named_query(found)]:
            name = _name(table)
            short = given.setdefault(fold(name), f"t__{len(given)}")
            if not table.alias:
                table.set("alias", exp.TableAlias(this=table.this.copy()))
            table.set("this", exp.to_identifier(short))
            table.set("db", None)
            table.set("catalog", None)
            if short not in self._tables:
                self._tables[short] = name
                if fold(name) in columns:
                    known = columns[fold(name)]
                    self._known[short] = {column.casefold(): column for column in known}
                    schema.add_table(short, dict.fromkeys(known, "text"), dialect=dialect)
        for column in query.find_all(exp.Column):
            before = tuple(part.name for part in column.parts[:-1])
            if len(before) > 1 and any(name[-len(before) :] == fold(before) for name in given):
                # A table's whole name stands before it; anything else with dots is a part of a struct.
                column.set("db", None)
                column.set("catalog", None)
        return schema

    def outputs(self) -> list[tuple[str, Inputs]]:
        """Return the outputs' names in order with their inputs."""
        selects = self._selects(self._root)
        if len(selects) > MAX_SELECTED:
            raise SqlglotError("too many columns")
        made = []
        for at, select in enumerate(selects):
            if isinstance(select, exp.Star) or select.is_star:
                self.problems.append("the columns that '*' stands for are not known")
                continue
            made.append((select.alias_or_name, self._output(self._root, at)))
        return made

    def indirect(self) -> Inputs:
        """Return the columns that decide which rows there are, or their order, anywhere in the query."""
        found: list[ColumnInput] = []
        for scope in self._root.traverse():
            if not isinstance(scope.expression, exp.Select):
                continue
            if scope.is_subquery and self._is_value(scope):
                continue  # it is part of the column whose value it gives
            for subtype, part in _deciding(scope.expression):
                found += self._inputs(part, scope, subtype)
        return _strongest(found)

    def _is_value(self, scope: Scope) -> bool:
        """Whether a subquery stands where a value does, in an output."""
        node = scope.expression
        while node.parent is not None and not isinstance(node.parent, exp.Select):
            node = node.parent
        return isinstance(node.parent, exp.Select) and node.arg_key == "expressions"

    def _selects(self, scope: Scope) -> list[exp.Expr]:
        found = scope.expression
        return list(found.selects) if isinstance(found, exp.Query | exp.Selectable) else []

    def _output(self, scope: Scope, at: int) -> Inputs:
        """Return what the output at a place of a scope is made of."""
        key = (id(scope), at)
        if key in self._made:
            return self._made[key]
        if key in self._under_way:
            # A recursive query's own rows: the other branch tells where they begin.
            self._reached = min(self._reached, self._under_way[key])
            return ()
        depth = self._under_way[key] = len(self._under_way)
        above, self._reached = self._reached, depth
        made = _strongest(self._read_output(scope, at))
        del self._under_way[key]
        if self._reached == depth:  # what was found waits for nothing above it
            self._made[key] = made
        self._reached = min(above, self._reached)
        return made

    def _read_output(self, scope: Scope, at: int) -> list[ColumnInput]:
        found = scope.expression
        if isinstance(found, exp.Subquery):
            return [part for inner in scope.subquery_scopes for part in self._output(inner, at)]
        if isinstance(found, exp.SetOperation):
            branches = scope.set_operation_scopes or []
            parts = [part for branch in branches[:1] for part in self._output(branch, at)]
            for branch in branches[1:]:
                below = self._output(branch, at)
                if isinstance(found, exp.Except):
                    below = tuple(_after(part, Subtype.FILTER) for part in below)
                parts += below
            return parts
        selects = self._selects(scope)
        if at >= len(selects):
            return []
        return self._inputs(selects[at], scope, Subtype.IDENTITY)

    def _inputs(
        self, node: exp.Expr | None, scope: Scope, subtype: Subtype, masking: bool = False
    ) -> list[ColumnInput]:
        """Return the columns of tables that an expression is made of."""
        if node is None:
            return []
        special = self._special(node, scope, subtype, masking)
        if special is not None:
            return special
        further = subtype
        if subtype.is_direct and not isinstance(node, exp.Ordered | exp.Tuple | exp.Star):
            further = (
                Subtype.AGGREGATION if isinstance(node, exp.AggFunc) else _at_least(subtype, Subtype.TRANSFORMATION)
            )
        masks = masking or _masks(node)
        return [part for child in node.iter_expressions() for part in self._inputs(child, scope, further, masks)]

    def _special(self, node: exp.Expr, scope: Scope, subtype: Subtype, masking: bool) -> list[ColumnInput] | None:
        """Return the inputs of an expression whose parts take part in different ways; None for one whose parts all do alike."""
        direct = subtype.is_direct
        made: list[ColumnInput] | None = None
        if isinstance(node, exp.Column):
            made = [_after(part, subtype, masking) for part in self._column(node, scope)]
        elif isinstance(node, exp.Dot):
            made = self._part_of(node, scope, subtype, masking)
        elif isinstance(node, exp.Alias | exp.Paren):
            made = self._inputs(node.this, scope, subtype, masking)
        elif isinstance(node, exp.Subquery | exp.Query):
            made = self._subquery(node, scope, subtype, masking)
        elif isinstance(node, exp.Coalesce) and not node.meta.get("written"):
            made = self._joined_column(node, scope, subtype, masking)
        elif isinstance(node, exp.Case | exp.If):
            made = self._case_of(node, scope, subtype, masking)
        elif isinstance(node, exp.Window):
            made = self._inputs(node.this, scope, subtype, masking)
            for part in (*(node.args.get("partition_by") or ()), node.args.get("order")):
                made += self._inputs(part, scope, Subtype.WINDOW if direct else subtype)
        elif isinstance(node, exp.Exists | exp.In) and direct:
            made = [p for child in node.iter_expressions() for p in self._inputs(child, scope, Subtype.CONDITIONAL)]
        elif isinstance(node, exp.Filter) and direct:
            made = self._inputs(node.this, scope, subtype, masking)
            made += self._inputs(node.expression, scope, Subtype.FILTER)
        return made

    def _part_of(self, node: exp.Dot, scope: Scope, subtype: Subtype, masking: bool) -> list[ColumnInput] | None:
        """Return a part of a struct's column by its path; None for what else has a dot."""
        path: list[str] = []
        whole: exp.Expr = node
        while isinstance(whole, exp.Dot):
            path.insert(0, whole.expression.name)
            whole = whole.this
        if not isinstance(whole, exp.Column) or not all(path):
            return None
        parts = [
            replace(part, column=".".join((part.column, *path))) if part.subtype is Subtype.IDENTITY else part
            for part in self._column(whole, scope)
        ]
        return [_after(part, subtype, masking) for part in parts]

    def _case_of(self, node: exp.Case | exp.If, scope: Scope, subtype: Subtype, masking: bool) -> list[ColumnInput]:
        direct = subtype.is_direct
        deciding = Subtype.CONDITIONAL if direct else subtype
        further = _at_least(subtype, Subtype.TRANSFORMATION) if direct else subtype
        if isinstance(node, exp.If):
            branches: list[exp.If] = [node]
            rest, subject = node.args.get("false"), None
        else:
            branches, rest, subject = node.args.get("ifs") or [], node.args.get("default"), node.this
        made = self._inputs(subject, scope, deciding)
        for branch in branches:
            made += self._inputs(branch.this, scope, deciding) + self._inputs(
                branch.args.get("true"), scope, further, masking
            )
        return made + self._inputs(rest, scope, further, masking)

    def _subquery(self, node: exp.Expr, scope: Scope, subtype: Subtype, masking: bool) -> list[ColumnInput]:
        """Return what a value that a subquery gives is made of, and what decides which value it is."""
        inner = next((found for found in scope.subquery_scopes if found.expression in (node, node.unnest())), None)
        if inner is None:
            return []
        made = [
            _after(part, subtype, masking)
            for at in range(len(self._selects(inner)))
            for part in self._output(inner, at)
        ]
        for below in inner.traverse():
            if isinstance(below.expression, exp.Select):
                for how, part in _deciding(below.expression):
                    made += self._inputs(part, below, how if subtype.is_direct else subtype)
        return made

    def _joined_column(self, node: exp.Coalesce, scope: Scope, subtype: Subtype, masking: bool) -> list[ColumnInput]:
        """Return the inputs of a column that USING or NATURAL joins: the left one's, but for outer joins from the right."""
        sides = {join.side for join in scope.expression.args.get("joins") or () if join.side or join.kind != "CROSS"}
        columns = [node.this, *node.expressions]
        if "FULL" in sides:
            kept, how = (
                columns,
                _at_least(subtype, Subtype.TRANSFORMATION) if subtype.is_direct else subtype,
            )
        else:
            kept, how = ([columns[-1]] if "RIGHT" in sides else columns[:1]), subtype
        return [part for column in kept for part in self._inputs(column, scope, how, masking)]

    def _column(self, node: exp.Column, scope: Scope) -> Sequence[ColumnInput]:
        if isinstance(node.this, exp.Star):
            return ()
        if not node.table:
            for at, select in enumerate(self._selects(scope)):
                if (
                    isinstance(select, exp.Alias)
                    and select.alias == node.name
                    and node.find_ancestor(exp.Alias) is not select
                ):
                    return self._output(scope, at)
        source = self._source(node, scope)
        if isinstance(source, exp.Table):
            return self._leaf(source, node.name)
        if isinstance(source, Scope):
            return self._of_scope(source, node.name)
        if scope.pivots:
            return self._of_pivot(scope, node.name)
        self.problems.append(f"column '{node.name}' could not be placed")
        return ()

    def _of_pivot(self, scope: Scope, name: str) -> Sequence[ColumnInput]:
        """Return what a column behind a PIVOT is made of: the column of that name before it, or else all that it aggregates."""
        for source in scope.sources.values():
            if isinstance(source, exp.Table) and name.casefold() in self._known.get(source.name, ()):
                return self._leaf(source, name)
            if isinstance(source, Scope) and any(select.alias_or_name == name for select in self._selects(source)):
                return self._of_scope(source, name)
        made: list[ColumnInput] = []
        for pivot in scope.pivots:
            for part in pivot.expressions:
                made += self._inputs(part, scope, Subtype.IDENTITY)
            for part in pivot.fields:
                made += self._inputs(part, scope, Subtype.CONDITIONAL)
        return made

    def _source(self, node: exp.Column, scope: Scope) -> exp.Table | Scope | None:
        """Return what a column comes from: of its own scope, or of one around it (correlated, lateral)."""
        at: Scope | None = scope
        while at is not None:
            if node.table:
                if node.table in at.sources:
                    return at.sources[node.table]
            else:
                named = [source for name, source in at.sources.items() if name]
                if len(named) == 1:
                    return named[0]
            at = at.parent
        return None

    def _of_scope(self, source: Scope, name: str) -> Sequence[ColumnInput]:
        found = source.expression
        whole = self._scopes.get(id(found))
        if whole is not None and whole is not source:
            # A recursive query's name within itself means its first branch, read but for its sources; all branches are meant.
            source = whole.parent if whole.parent is not None and whole.is_set_operation else whole
            found = source.expression
        inner = (
            source.subquery_scopes if isinstance(found, exp.Lateral) and isinstance(found.this, exp.Subquery) else []
        )
        if inner:
            return self._of_scope(inner[0], name)
        if isinstance(found, exp.UDTF):
            # What a generating function gives is made of all that goes into it.
            return [
                part
                for child in found.iter_expressions()
                if not isinstance(child, exp.TableAlias)
                for part in self._inputs(child, source.parent or source, Subtype.TRANSFORMATION)
            ]
        selects = self._selects(source)
        for at, select in enumerate(selects):
            if select.alias_or_name == name:
                return self._output(source, at)
        folded = name.casefold()
        for at, select in enumerate(selects):
            if select.alias_or_name.casefold() == folded:
                return self._output(source, at)
        if len(selects) == 1 and selects[0].is_star:
            tables = [below for below in source.sources.values() if isinstance(below, exp.Table)]
            if len(tables) == 1:
                return self._leaf(tables[0], name)
        self.problems.append(f"column '{name}' could not be placed")
        return ()

    def _leaf(self, table: exp.Table, column: str) -> Sequence[ColumnInput]:
        name = self._tables.get(table.name)
        if name is None:
            return ()  # rows that no table holds: VALUES, a function
        known = self._known.get(table.name)
        if known is not None and column.casefold() not in known:
            self.problems.append(f"table '{name[-1]}' has no column '{column}'")
            return ()
        return (ColumnInput(name, known[column.casefold()] if known else column, Subtype.IDENTITY),)


def _masks(node: exp.Expr) -> bool:
    return isinstance(node, _MASKING) or (isinstance(node, exp.Anonymous) and node.name.casefold() in _MASKING_NAMES)


def _deciding(select: exp.Select) -> Iterator[tuple[Subtype, exp.Expr]]:
    """Yield the parts of a SELECT that decide which rows it gives or in which order."""
    for join in select.args.get("joins") or ():
        condition = join.args.get("on")
        if condition is not None:
            yield Subtype.JOIN, condition
    for name, subtype in (("where", Subtype.FILTER), ("having", Subtype.FILTER), ("qualify", Subtype.FILTER)):
        part = select.args.get(name)
        if part is not None:
            yield subtype, part.this
    distinct = select.args.get("distinct")
    if distinct is not None and distinct.args.get("on") is not None:
        yield Subtype.FILTER, distinct.args["on"]
    group = select.args.get("group")
    if group is not None:
        by_all = [part for part in select.selects if part.find(exp.AggFunc) is None] if group.args.get("all") else ()
        for part in (*group.expressions, *by_all):
            yield Subtype.GROUP_BY, part
    order = select.args.get("order")
    for part in order.expressions if order is not None else ():
        yield Subtype.SORT, part
