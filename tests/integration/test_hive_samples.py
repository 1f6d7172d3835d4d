"""Rows of Hive tables: every format that is read, partitions, and files that nobody allowed to be read."""

from __future__ import annotations

import datetime
import gzip
import json

import pyarrow as pa
import pytest
from pyarrow import orc, parquet

from catalog.connectors.base import ConnectorError, Context, Partition, RowsRefused, SampleMethod
from catalog.connectors.hive.sampling import HiveSample, Place, places
from catalog.connectors.hive.tables import HiveTable

FORMATS = {
    "parquet": {"input_format": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"},
    "orc": {"input_format": "org.apache.hadoop.hive.ql.io.orc.OrcInputFormat"},
    "text": {"input_format": "org.apache.hadoop.mapred.TextInputFormat"},
    "csv": {
        "input_format": "org.apache.hadoop.mapred.TextInputFormat",
        "serializer": "org.apache.hadoop.hive.serde2.OpenCSVSerde",
    },
    "json": {
        "input_format": "org.apache.hadoop.mapred.TextInputFormat",
        "serializer": "org.apache.hive.hcatalog.data.JsonSerDe",
    },
}
NULL = r"\N"
ROWS = [(1, "mara@mail.example"), (2, None), (3, "é, 🎬")]


def table(folder, form="parquet", **more) -> HiveTable:
    facts = {
        "columns": [("id", "bigint", ""), ("email", "string", "")],
        "location": f"file:{folder}",
        **FORMATS[form],
        **more,
    }
    return HiveTable("db", "t", "EXTERNAL_TABLE", **facts)


def drawn(of, folder, partitions=(), *, is_whole=True, limit=100, newest_of=()):
    sample = HiveSample(Context.within(20), of, places(str(folder)))
    return sample.draw(partitions, is_whole=is_whole, limit=limit, newest_of=newest_of)


def write(path, form="parquet", rows=ROWS):
    path.parent.mkdir(parents=True, exist_ok=True)
    made = pa.table({"id": [row[0] for row in rows], "email": pa.array([row[1] for row in rows], pa.string())})
    match form:
        case "parquet":
            parquet.write_table(made, path)
        case "orc":
            orc.write_table(made, path)
        case "text":
            path.write_text("".join(f"{key}\x01{NULL if email is None else email}\n" for key, email in rows))
        case "csv":
            path.write_text("".join(f'"{key}","{email or ""}"\n' for key, email in rows))
        case "json":
            path.write_text("".join(json.dumps({"id": key, "email": email}) + "\n" for key, email in rows))


@pytest.mark.parametrize("form", FORMATS)
def test_each_format_is_read(tmp_path, form):
    write(tmp_path / "part-0", form)
    sample = drawn(table(tmp_path, form), tmp_path)
    assert (sample.method, sample.total_rows, sample.is_total_exact) == (SampleMethod.ALL, 3, True)
    found = [(int(key), email) for key, email in zip(*sample.rows.to_pydict().values(), strict=True)]
    # Hive reads no nulls out of CSV.
    assert found == ([(key, email or "") for key, email in ROWS] if form == "csv" else ROWS)


@pytest.mark.parametrize("form", FORMATS)
def test_of_many_rows_some_are_read(tmp_path, form):
    for number in range(12):
        write(tmp_path / f"part-{number}", form, [(number * 1_000 + n, "x") for n in range(1_000)])
    sample = drawn(table(tmp_path, form, parameters={"numRows": "12500"}), tmp_path, limit=100)
    exact = form in ("parquet", "orc")
    assert (sample.method, sample.total_rows, sample.is_total_exact) == (
        SampleMethod.BLOCKS,
        12_000 if exact else 12_500,
        exact,
    )
    assert 90 <= sample.rows.num_rows <= 100
    assert len({int(key) // 1_000 for key in sample.rows.column("id").to_pylist()}) == 8


@pytest.mark.parametrize("form", ["text", "csv", "json"])
def test_files_that_are_packed_or_broken_in_places_are_read(tmp_path, form):
    write(tmp_path / "plain", form)
    packed = tmp_path / "more.gz"
    packed.write_bytes(gzip.compress((tmp_path / "plain").read_bytes()))
    if form != "json":
        (tmp_path / "odd").write_text("one field\n" * 3)
    assert drawn(table(tmp_path, form), tmp_path).rows.num_rows == 6


def test_columns_are_matched_without_case_and_missing_ones_are_empty(tmp_path):
    parquet.write_table(pa.table({"ID": [1], "other": ["x"]}), tmp_path / "a")
    parquet.write_table(pa.table({"id": ["two"], "email": ["y"]}), tmp_path / "b")
    sample = drawn(table(tmp_path), tmp_path)
    assert sample.rows.to_pydict() == {"id": ["1", "two"], "email": [None, "y"]}


def test_partitions_give_their_keys(tmp_path):
    of = table(tmp_path, partition_keys=[("day", "date", ""), ("region", "string", "")])
    parts = []
    for number, day in enumerate(("2026-01-01", "2026-01-02")):
        write(tmp_path / f"day={day}" / "part-0")
        parts.append(Partition(f"day={day}/region=x", (day, None if number else "x"), f"file:{tmp_path}/day={day}"))
    (tmp_path / "day=2026-01-02" / "_temporary" / "0").mkdir(parents=True)
    write(tmp_path / "day=2026-01-02" / "_temporary" / "0" / "part-9")
    sample = drawn(of, tmp_path, parts)
    assert sample.rows.column_names == ["id", "email", "day", "region"]
    assert sample.rows.column("day").to_pylist() == ["2026-01-01"] * 3 + ["2026-01-02"] * 3
    assert sample.rows.column("region").to_pylist() == ["x"] * 3 + [None] * 3
    assert (sample.method, sample.total_rows) == (SampleMethod.ALL, 6)
    some = drawn(of, tmp_path, parts[:1], is_whole=False)
    assert (some.method, some.total_rows, some.rows.num_rows) == (SampleMethod.BLOCKS, None, 3)


def test_the_newest_value_is_told_only_where_every_file_tells_it(tmp_path):
    when = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC).replace(tzinfo=None)
    columns = [("at", "timestamp", "")]
    parquet.write_table(pa.table({"at": [when, when.replace(day=3)]}), tmp_path / "a")
    assert drawn(table(tmp_path, columns=columns), tmp_path, newest_of=["at"]).newest == {"at": when.replace(day=3)}
    parquet.write_table(pa.table({"at": pa.array([None], pa.timestamp("us"))}), tmp_path / "b")
    assert drawn(table(tmp_path, columns=columns), tmp_path, newest_of=["at"]).newest == {}


def test_nothing_is_read_that_was_not_allowed(tmp_path):
    allowed, other = tmp_path / "allowed", tmp_path / "allowed too"
    for folder in (allowed, other):
        write(folder / "part-0")
    assert drawn(table(allowed), allowed).rows.num_rows == 3
    for location in (f"file:{other}", str(other), f"file:{allowed}/../allowed too", "s3://lake/x", "hdfs://h/x", ""):
        with pytest.raises(RowsRefused):
            drawn(table(allowed, location=location), allowed)
    (allowed / "sub").symlink_to(other)
    with pytest.raises(RowsRefused, match="outside"):
        drawn(table(allowed, location=f"file:{allowed}/sub"), allowed)
    with pytest.raises(RowsRefused, match="outside"):
        drawn(table(allowed), allowed)
    with pytest.raises(RowsRefused, match="rows_below"):
        drawn(table(allowed), "")


def test_what_cannot_be_read_says_why(tmp_path):
    with pytest.raises(RowsRefused, match="view"):
        drawn(HiveTable("db", "v", "VIRTUAL_VIEW"), tmp_path)
    with pytest.raises(RowsRefused, match="'iceberg' are not read; parquet"):
        drawn(table(tmp_path, parameters={"table_type": "ICEBERG"}), tmp_path)
    (tmp_path / "part-0").write_bytes(b"secret value, no Parquet")
    with pytest.raises(ConnectorError, match="cannot be read") as refused:
        drawn(table(tmp_path), tmp_path)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("location", "place"),
    [
        ("file:/a/b", Place("file", "/a/b")),
        ("file:///a/b/", Place("file", "/a/b")),
        ("/a/b c", Place("file", "/a/b c")),
        ("s3a://lake/x/", Place("s3", "lake/x")),
        ("S3://lake/x", Place("s3", "lake/x")),
        ("hdfs://n:8020/x", Place("hdfs", "n:8020/x")),
    ],
)
def test_locations_are_read_as_metastores_write_them(location, place):
    assert Place.of(location) == place


def test_a_place_lies_below_its_parents_and_not_beside_them():
    assert Place.of("s3://lake/a/b").lies_below(Place.of("s3://lake/a"))
    assert Place.of("s3://lake/a").lies_below(Place.of("s3://lake/a"))
    assert Place.of("file:/a").lies_below(Place.of("file:/"))
    assert not Place.of("s3://lake/ab").lies_below(Place.of("s3://lake/a"))
    assert not Place.of("file:/lake/a").lies_below(Place.of("s3://lake/a"))
