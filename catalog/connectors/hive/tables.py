"""A table as a Hive metastore keeps it, whichever way it was read, and the document it becomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

from catalog.connectors.base import DatasetRef, Loaded
from catalog.domain.documents import Column, DataFacts, DatasetDocument, counted
from catalog.domain.source_types import map_hive
from catalog.domain.types import Fidelity

_FORMATS = {
    "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat": "parquet",
    "org.apache.hadoop.hive.ql.io.orc.OrcInputFormat": "orc",
    "org.apache.hadoop.hive.ql.io.avro.AvroContainerInputFormat": "avro",
    "org.apache.hadoop.mapred.SequenceFileInputFormat": "sequencefile",
    "org.apache.hadoop.hive.ql.io.RCFileInputFormat": "rcfile",
    "org.apache.hadoop.mapred.TextInputFormat": "text",
}
_SERIALIZERS = {
    "org.apache.hive.hcatalog.data.JsonSerDe": "json",
    "org.apache.hadoop.hive.serde2.JsonSerDe": "json",
    "org.apache.hadoop.hive.serde2.OpenCSVSerde": "csv",
}

# What engines write with every load of data, and what stands in the document elsewhere.
_OF_THE_DATA = frozenset(
    {
        "COLUMN_STATS_ACCURATE",
        "comment",
        "current-schema",
        "current-snapshot-id",
        "current-snapshot-summary",
        "current-snapshot-timestamp-ms",
        "last_modified_by",
        "last_modified_time",
        "metadata_location",
        "numFiles",
        "numPartitions",
        "numRows",
        "previous_metadata_location",
        "rawDataSize",
        "snapshot-count",
        "totalSize",
        "transient_lastDdlTime",
    }
)
_SPARK_PARTS = "spark.sql.sources.schema"
# Spark writes this where Hive has no words for a table's schema.
_PLACEHOLDER = [("col", "array<string>")]


def moment(seconds: int | None) -> datetime | None:
    """Return a time that a metastore counts in seconds; it has nought where it has none."""
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


class TableName(NamedTuple):
    """A table of a database."""

    database: str
    table: str


@dataclass(slots=True)
class HiveTable:
    """What a metastore says of one table. Columns and partition keys are name, type and comment."""

    database: str
    name: str
    kind: str
    owner: str = ""
    source_id: str | None = None
    columns: Sequence[tuple[str, str, str]] = ()
    partition_keys: Sequence[tuple[str, str, str]] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    location: str | None = None
    input_format: str = ""
    output_format: str = ""
    serializer: str = ""
    serializer_parameters: Mapping[str, str] = field(default_factory=dict)
    view_text: str | None = None
    created_at: datetime | None = None

    @property
    def is_view(self) -> bool:
        """Whether it has no files of its own that it is read from."""
        return self.kind in ("VIRTUAL_VIEW", "MATERIALIZED_VIEW")

    def loaded(self) -> Loaded:
        """Return the table's document and its reference; the log of the metastore stands for a digest."""
        parameters = self.parameters
        keys = tuple(name for name, _, _ in self.partition_keys)
        document = DatasetDocument(
            kind="view" if self.is_view else "table",
            columns=self._columns(),
            comment=parameters.get("comment", ""),
            partitioning=keys,
            location=None if self.is_view else self.location,
            format=None if self.is_view else self.format,
            view_text=self.view_text if self.is_view else None,
            properties={
                name: value
                for name, value in parameters.items()
                if name not in _OF_THE_DATA and not name.startswith(("spark.sql.statistics.", _SPARK_PARTS))
            },
            storage=self._storage(),
            data=DataFacts(
                rows=counted(parameters.get("numRows", "")),
                size_bytes=counted(parameters.get("totalSize", "")),
                files=counted(parameters.get("numFiles", "")),
                snapshot_id=parameters.get("current-snapshot-id") or parameters.get("metadata_location"),
            ),
        )
        return Loaded(DatasetRef(self.database, self.name, self.source_id), document, parameters, self.created_at)

    def _columns(self) -> tuple[Column, ...]:
        plain = [(name, source_type) for name, source_type, _ in self.columns]
        columns = _spark_columns(self.parameters) if plain == _PLACEHOLDER else None
        if columns is not None:
            return tuple(columns)
        return tuple(_column(*column) for column in (*self.columns, *self.partition_keys))

    @property
    def format(self) -> str | None:
        """How its data is kept, such as ``parquet``, ``text`` or ``iceberg``."""
        table_type = self.parameters.get("table_type", "").lower()
        provider = self.parameters.get("spark.sql.sources.provider", "").lower()
        return (
            (table_type if table_type in ("iceberg", "hudi", "delta") else "")
            or _SERIALIZERS.get(self.serializer)
            or _FORMATS.get(self.input_format)
            or provider
            or self.input_format.rpartition(".")[2]
            or None
        )

    def _storage(self) -> dict[str, str]:
        stated = {"table_type": self.kind, "owner": self.owner}
        stated |= formats(self.input_format, self.output_format, self.serializer)
        stated |= {f"serializer.{name}": value for name, value in self.serializer_parameters.items()}
        return {name: value for name, value in stated.items() if value}


def formats(input_format: str | None, output_format: str | None, serializer: str | None) -> dict[str, str]:
    """Return how files are read, by the names that documents have for it."""
    stated = {"input_format": input_format, "output_format": output_format, "serializer": serializer}
    return {name: value for name, value in stated.items() if value}


def _column(name: str, source_type: str, comment: str) -> Column:
    mapped = map_hive(source_type)
    return Column(name, mapped.type, source_type, mapped.fidelity, comment=comment or "")


def _spark_columns(parameters: Mapping[str, str]) -> list[Column] | None:
    """Return the schema that Spark keeps in parameters, cut into parts; None where there is none that can be read."""
    whole = parameters.get(_SPARK_PARTS)
    if whole is None:
        count = counted(parameters.get(f"{_SPARK_PARTS}.numParts", "")) or 0
        parts = [parameters.get(f"{_SPARK_PARTS}.part.{number}") for number in range(min(count, 10_000))]
        if not parts or None in parts:
            return None
        whole = "".join(part or "" for part in parts)
    try:
        fields = orjson.loads(whole)["fields"]
        return [_spark_column(each) for each in fields]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _spark_column(stated: Mapping[str, Any]) -> Column:
    source_type = _spark_type(stated["type"])
    mapped = map_hive(source_type)
    nullable = stated.get("nullable") is not False
    comment = str((stated.get("metadata") or {}).get("comment", ""))
    # Spark's timestamps have microseconds, as the canonical ones do.
    fidelity = Fidelity.EXACT if source_type == "timestamp" else mapped.fidelity
    return Column(str(stated["name"]), mapped.type, source_type, fidelity, nullable, comment)


_SPARK_NAMES = {
    "integer": "int",
    "long": "bigint",
    "short": "smallint",
    "byte": "tinyint",
    "timestamp_ntz": "timestamp",
}


def _spark_type(stated: Any) -> str:
    """Return a type of Spark's JSON in Hive's spelling."""
    if isinstance(stated, str):
        return _SPARK_NAMES.get(stated, stated)
    match stated["type"]:
        case "array":
            return f"array<{_spark_type(stated['elementType'])}>"
        case "map":
            return f"map<{_spark_type(stated['keyType'])},{_spark_type(stated['valueType'])}>"
        case "struct":
            parts = ",".join(f"{part['name']}:{_spark_type(part['type'])}" for part in stated["fields"])
            return f"struct<{parts}>"
        case other:
            return str(other)
