"""Brings the rows of columns in line with definitions: names first, then the source's own ids; dropped ones are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter

from catalog import bulk
from catalog.bodies import AnyColumn, NewColumn, new_uuid
from catalog.domain.diff import pair_columns
from catalog.domain.documents import Column, FlatColumn, flatten_columns
from catalog.models import ColumnRow

_FIELDS = (*FlatColumn._fields, "ordinal", "dropped_at")
_NEW_FIELDS = ("uuid", "dataset_id", "ordinal", *FlatColumn._fields)
_values = attrgetter(*_FIELDS)
_new_values = attrgetter(*_NEW_FIELDS)


@dataclass(slots=True)
class ColumnMerge:
    """The columns of one batch of datasets: what is stored, and what is to be written."""

    now: datetime
    stored: dict[int, list[ColumnRow]] = field(default_factory=dict)
    """Rows by dataset, dropped ones too."""
    _inserts: list[NewColumn] = field(default_factory=list)
    _updates: list[ColumnRow] = field(default_factory=list)

    @classmethod
    def of(cls, dataset_ids: Sequence[int], now: datetime) -> ColumnMerge:
        """Return a merge that knows the rows of stored datasets."""
        merge = cls(now)
        if dataset_ids:
            for row in ColumnRow.objects.filter(dataset_id__in=dataset_ids).order_by("dataset_id", "ordinal"):
                merge.stored.setdefault(row.dataset_id, []).append(row)
        return merge

    def current(self, dataset_id: int) -> Sequence[ColumnRow]:
        """Return the rows that stand, in order."""
        return [row for row in self.stored.get(dataset_id, ()) if row.dropped_at is None]

    def add(self, dataset_id: int, columns: Iterable[Column]) -> Sequence[NewColumn]:
        """Note and return the columns of a dataset that has none yet, in order."""
        fresh = [
            NewColumn(new_uuid(), dataset_id, ordinal, *column)
            for ordinal, column in enumerate(flatten_columns(columns))
        ]
        self._inserts += fresh
        return fresh

    def change(self, dataset_id: int, columns: Iterable[Column]) -> Sequence[AnyColumn]:
        """Note what changes in a dataset's columns, and return those that will stand, in order."""
        rows = self.stored.get(dataset_id)
        if not rows:
            return self.add(dataset_id, columns)
        return self._match(dataset_id, rows, {column.path: column for column in flatten_columns(columns)})

    def _match(
        self, dataset_id: int, rows: Sequence[ColumnRow], wanted: Mapping[str, FlatColumn]
    ) -> Sequence[AnyColumn]:
        alive = {row.path: row for row in rows if row.dropped_at is None}
        dropped = {row.path: row for row in rows if row.dropped_at is not None}
        pairing = pair_columns(alive, wanted)
        origin = {new: alive[old] for old, new in pairing.renamed} | {path: alive[path] for path in pairing.kept}
        for path in pairing.vanished:
            alive[path].dropped_at = self.now
            self._updates.append(alive[path])
        result: list[AnyColumn] = []
        for ordinal, (path, column) in enumerate(wanted.items()):
            row = origin.get(path) or dropped.pop(path, None)
            if row is None:
                fresh = NewColumn(new_uuid(), dataset_id, ordinal, *column)
                self._inserts.append(fresh)
                result.append(fresh)
                continue
            if _values(row) != (*column, ordinal, None):
                for name, value in zip(_FIELDS, (*column, ordinal, None), strict=True):
                    setattr(row, name, value)
                self._updates.append(row)
            result.append(row)
        for path, row in dropped.items():
            if path in wanted:  # its path went to a renamed column; the dropped one steps aside
                row.path = f"{path}%dropped{row.pk}"
                self._updates.append(row)
        return result

    def write(self) -> None:
        """Write what was noted, in the present transaction."""
        # Renames may hand a path from one row to another: free them first.
        bulk.update(ColumnRow, ("path",), [(row.pk, (f"%moving{row.pk}",)) for row in self._updates])
        bulk.update(ColumnRow, _FIELDS, [(row.pk, _values(row)) for row in self._updates])
        bulk.insert(ColumnRow, _NEW_FIELDS, map(_new_values, self._inserts))
