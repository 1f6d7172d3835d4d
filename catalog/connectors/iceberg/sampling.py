"""Some rows of an Iceberg table, read from as few of its files as hold enough of them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from catalog.connectors.base import SAMPLE_SEED, Context, RowSample, SampleMethod

if TYPE_CHECKING:
    import pyarrow as pa
    from pyiceberg.table import FileScanTask, Table

SAMPLED_FILES = 8
"""From how many files rows are taken where the table has more rows than wanted."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def sample_table(table: Table, ctx: Context, *, limit: int, newest_of: Sequence[str]) -> RowSample:
    """Return rows of a table's current snapshot. Rows that were deleted are left out, and make the total a bound."""
    import pyarrow as pa
    from pyiceberg.expressions import AlwaysTrue
    from pyiceberg.io.pyarrow import ArrowScan, schema_to_pyarrow

    scan = table.scan()
    tasks = list(scan.plan_files())
    ctx.check()
    total = sum(task.file.record_count for task in tasks)
    takes_all = total <= limit
    if not takes_all:
        random.Random(SAMPLE_SEED).shuffle(tasks)
    share = limit if takes_all else max(1, -(-limit // min(len(tasks), SAMPLED_FILES)))
    batches: list[pa.RecordBatch] = []
    left = limit
    for task in tasks:
        if left <= 0:
            break
        # A reader of its own for each file, since a limit counts over all that one reads.
        reader = ArrowScan(table.metadata, table.io, scan.projection(), AlwaysTrue(), True, min(left, share))
        for batch in _within(reader.to_record_batches([task]), ctx):
            batches.append(batch)
            left -= batch.num_rows
    schema = schema_to_pyarrow(scan.projection(), include_field_ids=False)
    rows = pa.Table.from_batches([batch.cast(schema) for batch in batches], schema=schema)
    newest = {name: value for name in newest_of if (value := _newest(table, tasks, name)) is not None}
    method = SampleMethod.ALL if takes_all else SampleMethod.BLOCKS
    return RowSample(rows, method, total, not any(task.delete_files for task in tasks), newest)


def _within(batches: Iterator[pa.RecordBatch], ctx: Context) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        ctx.check()
        yield batch


def _newest(table: Table, tasks: Sequence[FileScanTask], name: str) -> Any:
    """Return the greatest value of a column of times that the files' own bounds tell, None where one of them has none."""
    from pyiceberg.conversions import from_bytes
    from pyiceberg.types import DateType, PrimitiveType, TimestampType, TimestamptzType

    field = next((field for field in table.schema().fields if field.name == name), None)
    if field is None or not tasks or not isinstance(field.field_type, PrimitiveType):
        return None
    bounds = [(task.file.upper_bounds or {}).get(field.field_id) for task in tasks]
    if any(bound is None for bound in bounds):
        return None
    greatest: Any = max(from_bytes(field.field_type, bound) for bound in bounds if bound is not None)
    match field.field_type:
        case TimestampType() | TimestamptzType():
            return _EPOCH + timedelta(microseconds=greatest) if isinstance(greatest, int) else greatest
        case DateType():
            return date(1970, 1, 1) + timedelta(days=greatest) if isinstance(greatest, int) else greatest
        case _:
            return greatest
