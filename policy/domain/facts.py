"""Facts: what rules may ask of a dataset or a column. One table of names, types and meanings, and how they are made from a dataset's body."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from catalog.domain.findings import standing_findings
from policy.language.base import FactType

LIKELY = 0.8
"""Confidence from which a finding counts as one of values and not of a name alone."""
MAX_RECORDS = 1_000
"""Columns of a dataset that a rule goes through one by one; a language bounds iterations, and not what each compares."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact by its dotted name, and what it says."""

    name: str
    type: FactType
    help: str


DATASET = (
    Fact("dataset.name", FactType.TEXT, "the last part of its name"),
    Fact("dataset.qualified_name", FactType.TEXT, "its whole name, such as lake/events/plays"),
    Fact("dataset.catalog", FactType.TEXT, "the catalog's name"),
    Fact("dataset.database", FactType.TEXT, "the database's name"),
    Fact("dataset.platform", FactType.TEXT, "such as postgresql or iceberg"),
    Fact("dataset.environment", FactType.TEXT, "what the catalog declares, such as prod"),
    Fact("dataset.kind", FactType.TEXT, "table or view"),
    Fact("dataset.format", FactType.TEXT, "how its data is kept, empty where that is not told"),
    Fact("dataset.location", FactType.TEXT, "where its data lies, empty where that is not told"),
    Fact("dataset.description", FactType.TEXT, "the description that counts, empty without one"),
    Fact("dataset.owners", FactType.TEXTS, "handles, such as user:mara or team:growth"),
    Fact("dataset.tags", FactType.TEXTS, "its own tags"),
    Fact("dataset.properties", FactType.RECORD, "what people set; ask has(dataset.properties.x) first"),
    Fact("dataset.data", FactType.RECORD, "rows, size_bytes, files, as far as the source counts them; ask has() first"),
    Fact("dataset.partitioning", FactType.TEXTS, "what it is partitioned by"),
    Fact("dataset.primary_key", FactType.TEXTS, "its key's columns"),
    Fact("dataset.column_count", FactType.NUMBER, "how many columns it has"),
    Fact("dataset.column_names", FactType.TEXTS, "the names of its columns"),
    Fact("dataset.column_tags", FactType.TEXTS, "the tags of its columns"),
    Fact(
        "dataset.columns",
        FactType.RECORDS,
        "name, path, type, description, nullable, tags, findings of each column, a thousand at most",
    ),
    Fact("dataset.findings", FactType.TEXTS, "kinds of values that columns seem to hold, such as email"),
    Fact("dataset.personal_columns", FactType.TEXTS, "columns tagged pii, or whose values seem personal"),
    Fact("dataset.checks_total", FactType.NUMBER, "how many checks it has"),
    Fact("dataset.checks_failing", FactType.NUMBER, "how many of them fail"),
    Fact("dataset.schema_version", FactType.NUMBER, "how often its definition was told, from 1"),
    Fact("dataset.created_at", FactType.TIME, "when the catalog first knew it"),
    Fact("dataset.definition_changed_at", FactType.TIME, "when its definition changed last"),
    Fact("now", FactType.TIME, "when it is judged"),
)
COLUMN = (
    Fact("column.name", FactType.TEXT, "its name"),
    Fact("column.path", FactType.TEXT, "its name with those of the columns that it is a part of"),
    Fact("column.type", FactType.TEXT, "its canonical type, such as string or decimal(9,2)"),
    Fact("column.description", FactType.TEXT, "the description that counts, empty without one"),
    Fact("column.nullable", FactType.TRUTH, "whether it may be empty"),
    Fact("column.is_key", FactType.TRUTH, "whether it belongs to the primary key"),
    Fact("column.tags", FactType.TEXTS, "its tags"),
    Fact("column.findings", FactType.TEXTS, "kinds of values that it seems to hold, what was rejected left out"),
    Fact("column.categories", FactType.TEXTS, "of these findings: personal, financial or secret"),
    Fact("column.confidence", FactType.DECIMAL, "of the surest of these findings, 0 without any"),
)
OF_CHECKS = frozenset({"dataset.checks_total", "dataset.checks_failing"})
"""Facts that are not in a dataset's body."""
RESOURCES: Mapping[str, Sequence[Fact]] = {"dataset": DATASET, "column": (*COLUMN, *DATASET)}


def types_of(resource: str) -> dict[str, FactType]:
    """Return the facts of a resource and their types."""
    return {fact.name: fact.type for fact in RESOURCES[resource]}


_EMPTY: Mapping[FactType, Any] = {
    FactType.TEXT: "",
    FactType.NUMBER: 0,
    FactType.DECIMAL: 0.0,
    FactType.TRUTH: False,
    FactType.TIME: EPOCH,
    FactType.TEXTS: [],
    FactType.RECORDS: [],
    FactType.RECORD: {},
}


def empty_facts(resource: str) -> dict[str, Any]:
    """Return facts that say nothing, which examples are laid over."""
    return {fact.name: _EMPTY[fact.type] for fact in RESOURCES[resource]}


_PYTHON: Mapping[FactType, tuple[type[Any], ...]] = {
    FactType.TEXT: (str,),
    FactType.NUMBER: (int,),
    FactType.DECIMAL: (int, float),
    FactType.TRUTH: (bool,),
    FactType.TIME: (datetime,),
    FactType.TEXTS: (list,),
    FactType.RECORDS: (list,),
    FactType.RECORD: (dict,),
}


def fits(kind: FactType, value: Any) -> bool:
    """Return whether a value can be a fact of a type."""
    if not isinstance(value, _PYTHON[kind]) or (isinstance(value, bool) and kind is not FactType.TRUTH):
        return False
    if kind is FactType.NUMBER:
        return -(2**63) <= int(value) < 2**63
    inner = {FactType.TEXTS: str, FactType.RECORDS: dict}.get(kind)
    return inner is None or all(isinstance(each, inner) for each in list(value))


@dataclass(frozen=True, slots=True)
class Checked:
    """How a dataset's checks stand."""

    total: int = 0
    failing: int = 0


_MAKERS: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "dataset.name": lambda body: body["name"],
    "dataset.qualified_name": lambda body: body["qualified_name"],
    "dataset.catalog": lambda body: body["catalog"],
    "dataset.database": lambda body: body["database"] or "",
    "dataset.platform": lambda body: body["platform"],
    "dataset.environment": lambda body: body["environment"],
    "dataset.kind": lambda body: body["kind"],
    "dataset.format": lambda body: body["format"] or "",
    "dataset.location": lambda body: body["location"] or "",
    "dataset.description": lambda body: _text(body["description"]),
    "dataset.owners": lambda body: body["owners"],
    "dataset.tags": lambda body: body["tags"],
    "dataset.properties": lambda body: body["properties"],
    "dataset.data": lambda body: body["data"],
    "dataset.partitioning": lambda body: body["partitioning"],
    "dataset.primary_key": lambda body: body["primary_key"],
    "dataset.column_count": lambda body: len(body["columns"]),
    "dataset.column_names": lambda body: [column["name"] for column in body["columns"]],
    "dataset.column_tags": lambda body: sorted({tag for column in body["columns"] for tag in column["tags"]}),
    "dataset.columns": lambda body: [_record(column) for column in body["columns"][:MAX_RECORDS]],
    "dataset.findings": lambda body: sorted(
        {each["type"] for column in body["columns"] for each in standing_findings(column)}
    ),
    "dataset.personal_columns": lambda body: [column["path"] for column in body["columns"] if _is_personal(column)],
    "dataset.schema_version": lambda body: body["schema_version"],
    "dataset.created_at": lambda body: _time(body["created_at"]),
    "dataset.definition_changed_at": lambda body: _time(body["definition_changed_at"]),
}


def dataset_facts(
    body: Mapping[str, Any], checked: Checked, now: datetime, wanted: Collection[str] | None = None
) -> dict[str, Any]:
    """Return the facts of a dataset from its body, only those that are wanted if that is said."""
    names = _MAKERS if wanted is None else _MAKERS.keys() & wanted
    found = {name: _MAKERS[name](body) for name in names}
    return found | {"dataset.checks_total": checked.total, "dataset.checks_failing": checked.failing, "now": now}


def columns_facts(body: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], dict[str, Any]]]:
    """Return each column of a body with its facts."""
    keys = set(body["primary_key"])
    for column in body["columns"]:
        found = standing_findings(column)
        yield (
            column,
            {
                "column.name": column["name"],
                "column.path": column["path"],
                "column.type": column["type"],
                "column.description": _text(column["description"]),
                "column.nullable": column["nullable"],
                "column.is_key": column["path"] in keys,
                "column.tags": column["tags"],
                "column.findings": [each["type"] for each in found],
                "column.categories": sorted({each["category"] for each in found}),
                "column.confidence": max((float(each["confidence"] or 0.0) for each in found), default=0.0),
            },
        )


def _is_personal(column: Mapping[str, Any]) -> bool:
    return "pii" in column["tags"] or any(
        found["category"] == "personal" and (found["status"] == "accepted" or (found["confidence"] or 0.0) >= LIKELY)
        for found in standing_findings(column)
    )


def _record(column: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": column["name"],
        "path": column["path"],
        "type": column["type"],
        "description": _text(column["description"]),
        "nullable": column["nullable"],
        "tags": column["tags"],
        "findings": [found["type"] for found in standing_findings(column)],
    }


def _text(description: Mapping[str, Any] | None) -> str:
    return description["text"] if description else ""


def _time(text: str | None) -> datetime:
    return datetime.fromisoformat(text) if text else EPOCH
