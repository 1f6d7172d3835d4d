"""
Some rows of a Hive table, read from some files of some of its partitions.

Whoever may make a table says where its files lie, and could name any file that this machine can read. So only what lies below
locations that the owner of the catalog names is opened.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from catalog.connectors.base import (
    SAMPLE_SEED,
    ConnectorError,
    Context,
    Partition,
    RowSample,
    RowsRefused,
    SampleMethod,
    SourceUnavailable,
)
from catalog.connectors.hive.tables import HiveTable
from catalog.domain.documents import counted

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.fs import FileSystem

SAMPLED_PARTITIONS = 64
SAMPLED_FILES = 64
SHARES = 8
"""No file gives more than this part of what is wanted, so that large ones do not stand for all; small ones are taken until there is enough."""
COUNTED_FILES = 200
"""Up to so many files, their own counts are read for the table's total."""
BATCH_ROWS = 1_000
TEXT_BLOCK_BYTES = 4 << 20
"""Of a file of texts, what is read at once; no line is longer."""
_FOOTED = ("parquet", "orc")


@dataclass(frozen=True, slots=True)
class Place:
    """A location: the file system it is on, and the path there."""

    system: str
    path: str

    @classmethod
    def of(cls, location: str) -> Place:
        """Return the place that a location names, as metastores write them: `file:/a`, `s3a://bucket/a`, `/a`."""
        scheme, sign, rest = location.strip().partition(":")
        if not sign or "/" in scheme:
            scheme, rest = "file", location.strip()
        system = {"s3a": "s3", "s3n": "s3"}.get(scheme.lower(), scheme.lower())
        if ".." in rest.split("/"):
            raise RowsRefused("its location goes up a folder ('..'), which is not followed")
        if system == "file":
            return cls(system, os.path.realpath("/" + rest.lstrip("/")))
        return cls(system, rest.strip("/"))

    def lies_below(self, other: Place) -> bool:
        """Return whether it is the other place or lies in it."""
        return self.system == other.system and f"{self.path}/".startswith(f"{other.path.rstrip('/')}/")


def places(text: str) -> tuple[Place, ...]:
    """Return the places of a setting, apart by commas."""
    return tuple(Place.of(part) for part in text.split(",") if part.strip())


@dataclass(frozen=True, slots=True)
class _File:
    path: str
    keys: Sequence[str | None]
    """The values of the partition it belongs to."""


class HiveSample:
    """Draws rows of one table."""

    def __init__(self, ctx: Context, table: HiveTable, below: Sequence[Place]) -> None:
        """:raises RowsRefused: for what has no files to read, or none that may be."""
        if table.is_view:
            raise RowsRefused("it is a view, whose rows only its engine could make")
        self._format = table.format or ""
        if self._format not in _READERS:
            raise RowsRefused(
                f"files of the format '{self._format or 'unknown'}' are not read; {', '.join(_READERS)} are"
            )
        if not below:
            raise RowsRefused("its files are not read: the option 'rows_below' of its catalog names no location")
        self._ctx, self._table, self._below = ctx, table, below
        self._keys = [name for name, _, _ in table.partition_keys]
        self._names = [column.name for column in table.loaded().document.columns]

    def draw(
        self, partitions: Sequence[Partition], *, is_whole: bool, limit: int, newest_of: Sequence[str]
    ) -> RowSample:
        """Return rows of the table, or of some partitions of it; ``is_whole`` where these are all."""
        self._ctx.check()
        places = [(part.location or "", part.values) for part in partitions]
        if not self._keys:
            places = [(self._table.location or "", ())]
        system, files = self._files(places)
        total, newest = self._counted(system, files, newest_of) if is_whole else (None, {})
        takes_all = total is not None and total <= limit
        if not takes_all:
            random.Random(SAMPLE_SEED).shuffle(files)
        drawn = files if takes_all else files[:SAMPLED_FILES]
        share = limit if takes_all else max(1, -(-limit // max(1, min(SHARES, len(drawn)))))
        parts: list[pa.Table] = []
        left, came_to_an_end = limit, True
        for file in drawn:
            rows = self._rows(system, file, min(left, share) + 1)
            came_to_an_end = came_to_an_end and rows.num_rows <= min(left, share)
            parts.append(rows.slice(0, min(left, share)))
            left -= parts[-1].num_rows
            if left <= 0:
                break
        rows = _joined(parts, self._names)
        if is_whole and came_to_an_end and len(parts) == len(files):
            return RowSample(rows, SampleMethod.ALL, rows.num_rows, True, newest)
        stated = counted(self._table.parameters.get("numRows", "")) if total is None else total
        return RowSample(rows, SampleMethod.BLOCKS, stated, total is not None, newest)

    def _files(self, locations: Iterable[tuple[str, Sequence[str | None]]]) -> tuple[FileSystem, list[_File]]:
        from pyarrow.fs import FileSelector, FileType

        found: list[_File] = []
        system: FileSystem | None = None
        systems = set()
        for location, keys in locations:
            self._ctx.check()
            place = self._allowed(location)
            systems.add(place.system)
            system = system or _file_system(place.system)
            with _reading():
                infos = system.get_file_info(FileSelector(place.path, recursive=True, allow_not_found=True))
            for info in sorted(infos, key=lambda one: one.path):
                inside = info.path[len(place.path) :].strip("/").split("/")
                if info.type != FileType.File or not info.size or any(part[:1] in "_." for part in inside):
                    continue  # what engines keep beside the rows
                if place.system == "file":
                    self._allowed(info.path)  # it may be a link that leads elsewhere
                found.append(_File(info.path, keys))
        if len(systems) > 1:
            raise RowsRefused("its files lie on several file systems")
        return system or _file_system("file"), found

    def _allowed(self, location: str) -> Place:
        if not location:
            raise RowsRefused("the metastore names no location of its files")
        place = Place.of(location)
        if not any(place.lies_below(each) for each in self._below):
            raise RowsRefused(
                "its files lie outside of the locations that the option 'rows_below' of its catalog names"
            )
        return place

    def _counted(
        self, system: FileSystem, files: Sequence[_File], newest_of: Sequence[str]
    ) -> tuple[int | None, dict[str, Any]]:
        """Return how many rows files have by their own word, None where they have none, and the greatest values of columns."""
        if self._format not in _FOOTED or len(files) > COUNTED_FILES:
            return None, {}
        total = 0
        newest: dict[str, Any] = {}
        unknown = set[str]()
        for file in files:
            self._ctx.check()
            with _reading(), system.open_input_file(file.path) as source:
                rows, greatest = _footer(self._format, source, newest_of)
            total += rows
            for name in newest_of:
                if name in greatest:
                    newest[name] = max(newest.get(name, greatest[name]), greatest[name])
                else:
                    unknown.add(name)
        return total, {name: value for name, value in newest.items() if name not in unknown}

    def _rows(self, system: FileSystem, file: _File, most: int) -> pa.Table:
        import pyarrow as pa

        with _reading():
            batches = list(_taken(_READERS[self._format](system, file.path, self._table), most, self._ctx))
        folded = {name.casefold(): at for at, name in enumerate(batches[0].schema.names)} if batches else {}
        count = sum(batch.num_rows for batch in batches)
        columns = []
        for name in self._names:
            at = folded.get(name.casefold())
            if name in self._keys:
                columns.append(pa.chunked_array([pa.array([file.keys[self._keys.index(name)]] * count, pa.string())]))
            elif at is None:
                columns.append(pa.chunked_array([pa.nulls(count)]))
            else:
                columns.append(pa.chunked_array([batch.column(at) for batch in batches]))
        return pa.table(columns, names=self._names).slice(0, most)


def _file_system(system: str) -> FileSystem:
    from pyarrow.fs import LocalFileSystem, S3FileSystem

    if system == "file":
        return LocalFileSystem()
    if system == "s3":
        return S3FileSystem()  # by the credentials of the process's environment
    raise RowsRefused(f"files at '{system}:' are not read; 'file:' and 's3:' are")


@contextmanager
def _reading() -> Iterator[None]:
    """Say what went wrong with a file without its words, which may hold values."""
    try:
        yield
    except PermissionError:
        raise RowsRefused("its files may not be read by the user that Cairn runs as") from None
    except (ValueError, NotImplementedError) as error:  # as Arrow's own errors of what a file holds are
        raise ConnectorError(f"a file of it cannot be read ({type(error).__name__})") from None
    except OSError as error:
        raise SourceUnavailable(f"its files could not be reached ({type(error).__name__})") from None


def _taken(batches: Iterator[pa.RecordBatch], most: int, ctx: Context) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        ctx.check()
        yield batch
        most -= batch.num_rows
        if most <= 0:
            return


def _footer(form: str, source: Any, newest_of: Sequence[str]) -> tuple[int, dict[str, Any]]:
    """Return how many rows a file has, and the greatest values that it tells of columns."""
    from pyarrow import orc, parquet

    if form == "orc":
        return orc.ORCFile(source).nrows, {}
    metadata = parquet.ParquetFile(source).metadata
    greatest: dict[str, Any] = {}
    places = {metadata.schema.column(at).path.casefold(): at for at in range(metadata.num_columns)}
    for name in newest_of:
        at = places.get(name.casefold())
        groups = range(metadata.num_row_groups)
        stated = [metadata.row_group(group).column(at).statistics for group in groups] if at is not None else []
        if stated and all(one is not None and one.has_min_max for one in stated):
            greatest[name] = max(one.max for one in stated)
    return metadata.num_rows, greatest


def _parquet(system: FileSystem, path: str, table: HiveTable) -> Iterator[pa.RecordBatch]:
    from pyarrow import parquet

    with system.open_input_file(path) as source:
        yield from parquet.ParquetFile(source).iter_batches(batch_size=BATCH_ROWS, use_threads=False)


def _orc(system: FileSystem, path: str, table: HiveTable) -> Iterator[pa.RecordBatch]:
    from pyarrow import orc

    with system.open_input_file(path) as source:
        file = orc.ORCFile(source)
        for stripe in range(file.nstripes):
            yield file.read_stripe(stripe)


def _text(system: FileSystem, path: str, table: HiveTable) -> Iterator[pa.RecordBatch]:
    """Read lines of fields as Hive's LazySimpleSerDe and OpenCSVSerde write them; lists and structs stay texts."""
    import pyarrow as pa
    from pyarrow import csv

    stated = table.serializer_parameters
    names = [name for name, _, _ in table.columns]
    is_csv = table.format == "csv"
    parse = csv.ParseOptions(
        delimiter=stated.get("separatorChar", ",") if is_csv else stated.get("field.delim", "\x01"),
        quote_char=stated.get("quoteChar", '"') if is_csv else False,
        escape_char=stated.get("escapeChar", "\\") if is_csv else False,
        newlines_in_values=False,
        invalid_row_handler=lambda _row: "skip",
    )
    with system.open_input_stream(path, compression="detect") as source:
        yield from csv.open_csv(
            source,
            read_options=csv.ReadOptions(
                column_names=names,
                skip_rows=counted(table.parameters.get("skip.header.line.count", "")) or 0,
                block_size=TEXT_BLOCK_BYTES,
                use_threads=False,
            ),
            parse_options=parse,
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=[stated.get("serialization.null.format", "\\N")],
                strings_can_be_null=True,
            ),
        )


def _json(system: FileSystem, path: str, table: HiveTable) -> Iterator[pa.RecordBatch]:
    """Read the lines of a file's first block."""
    import pyarrow as pa
    from pyarrow import json

    with system.open_input_stream(path, compression="detect") as source:
        block = source.read(TEXT_BLOCK_BYTES)
        if source.read(1):
            block = block[: block.rfind(b"\n") + 1]
    if block.strip():
        yield from json.read_json(pa.BufferReader(block), json.ReadOptions(use_threads=False)).to_batches()


_READERS: dict[str, Callable[[FileSystem, str, HiveTable], Iterator[pa.RecordBatch]]] = {
    "parquet": _parquet,
    "orc": _orc,
    "text": _text,
    "csv": _text,
    "json": _json,
}


def _joined(parts: Sequence[pa.Table], names: Sequence[str]) -> pa.Table:
    """Return tables of the same columns as one; a column that is of one type here and of another there becomes texts, or nothing."""
    import pyarrow as pa

    if not parts:
        return pa.table({name: pa.nulls(0) for name in names})
    columns = []
    for at in range(len(names)):
        chunks = [chunk for part in parts for chunk in part.column(at).chunks]
        types = {chunk.type for chunk in chunks if not pa.types.is_null(chunk.type)}
        wanted = types.pop() if len(types) == 1 else pa.string()
        columns.append(pa.chunked_array([_as(chunk, wanted) for chunk in chunks], wanted))
    return pa.table(columns, names=list(names))


def _as(chunk: pa.Array, wanted: pa.DataType) -> pa.Array:
    import pyarrow as pa

    try:
        return chunk.cast(wanted)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.nulls(len(chunk), wanted)
