"""The semantic difference of two definitions: what a reader of a dataset would notice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from catalog.domain.documents import DatasetDocument, FlatColumn, flatten_columns
from catalog.domain.identity import Pairing, pair
from catalog.domain.types import is_widening, parse_type


@dataclass(frozen=True, slots=True)
class Change:
    """
    One difference: what happened, to which part, from what to what.

    ``breaking`` says that a reader of the old definition may fail or read wrong.
    """

    what: str
    path: str = ""
    before: Any = None
    after: Any = None
    breaking: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the change as plain JSON values."""
        return {
            "what": self.what,
            "path": self.path,
            "before": self.before,
            "after": self.after,
            "breaking": self.breaking,
        }


def diff(before: DatasetDocument, after: DatasetDocument) -> list[Change]:
    """
    Return the changes that lead from one definition to the other, columns first, in reading order; empty if they are equal.

    Columns are paired as datasets are: by path first, then by the source's own id.
    """
    changes = list(_column_changes(before, after))
    changes += _scalar_changes(before, after)
    changes += _property_changes("property", before.properties, after.properties)
    changes += _property_changes("storage", before.storage, after.storage)
    return changes


def _column_changes(before: DatasetDocument, after: DatasetDocument) -> Iterator[Change]:
    old = {column.path: column for column in flatten_columns(before.columns)}
    new = {column.path: column for column in flatten_columns(after.columns)}
    pairing = pair_columns(old, new)
    for path in pairing.vanished:
        yield Change("column_removed", path, before=old[path].type, breaking=True)
    for old_path, new_path in pairing.renamed:
        yield Change("column_renamed", new_path, before=old_path, after=new_path, breaking=True)
        yield from _part_changes(old[old_path], new[new_path])
    for path in pairing.added:
        yield Change("column_added", path, after=new[path].type)
    for path in pairing.kept:
        yield from _part_changes(old[path], new[path])
    old_order = [column.name for column in before.columns if column.name in {part.name for part in after.columns}]
    new_order = [column.name for column in after.columns if column.name in {part.name for part in before.columns}]
    if old_order != new_order:
        yield Change("columns_reordered", before=old_order, after=new_order)


class HasSourceId(Protocol):
    """What pairing needs to know of a column, be it of a document or a stored row."""

    @property
    def depth(self) -> int: ...
    @property
    def source_column_id(self) -> int | None: ...


def pair_columns(old: Mapping[str, HasSourceId], new: Mapping[str, HasSourceId]) -> Pairing:
    """Return how columns correspond; an id counts only at the same depth, since ids repeat between levels."""
    return pair(
        {path: _scoped_id(column) for path, column in old.items()},
        {path: _scoped_id(column) for path, column in new.items()},
    )


def _scoped_id(column: HasSourceId) -> tuple[int, int] | None:
    return None if column.source_column_id is None else (column.depth, column.source_column_id)


def _part_changes(old: FlatColumn, new: FlatColumn) -> Iterator[Change]:
    if old.type != new.type and not (_has_parts(old.type) and _has_parts(new.type)):
        widened = is_widening(parse_type(old.type), parse_type(new.type))
        what = "column_type_widened" if widened else "column_type_changed"
        yield Change(what, new.path, before=old.type, after=new.type, breaking=not widened)
    elif old.type == new.type and old.source_type != new.source_type:
        yield Change("column_source_type_changed", new.path, before=old.source_type, after=new.source_type)
    if old.nullable != new.nullable:
        yield Change("column_nullability_changed", new.path, before=old.nullable, after=new.nullable)
    if old.comment != new.comment:
        yield Change("column_comment_changed", new.path, before=old.comment, after=new.comment)
    if old.default != new.default:
        yield Change("column_default_changed", new.path, before=old.default, after=new.default)


def _has_parts(printed: str) -> bool:
    return "struct<" in printed


_SCALARS = (
    ("kind", True),
    ("comment", False),
    ("primary_key", False),
    ("foreign_keys", False),
    ("partitioning", False),
    ("sort_order", False),
    ("location", False),
    ("format", True),
    ("view_text", False),
)


def _scalar_changes(before: DatasetDocument, after: DatasetDocument) -> Iterator[Change]:
    old, new = before.definition_json(), after.definition_json()
    for name, breaking in _SCALARS:
        if old[name] != new[name]:
            yield Change(f"{name}_changed", before=old[name], after=new[name], breaking=breaking)


def _property_changes(what: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Change]:
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield Change(f"{what}_changed", name, before=old.get(name), after=new.get(name))
