"""From the names that OpenLineage's producers give datasets to qualified names."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from catalog.domain.names import ELSEWHERE, InvalidName, QualifiedName

_PARTITION = re.compile(r"[^/=]+=[^/]*\Z")
_TEMPORARY = re.compile(r"(_temporary|\.hive-staging.*|_delta_log|\.spark-staging-.*|_tmp\..*)\Z")
_FILES = ("file", "s3", "s3a", "s3n", "gs", "gcs", "hdfs", "abfs", "abfss", "wasb", "wasbs", "dbfs", "webhdfs")


@dataclass(frozen=True, slots=True, order=True)
class SourceName:
    """
    A dataset as a producer names it: ``namespace`` is its source's authority (``postgres://host:5432``), ``name`` its name there.

    Source: OpenLineage, website/docs/spec/naming.md.
    """

    namespace: str
    name: str

    @property
    def scheme(self) -> str:
        """The kind of its source."""
        return self.namespace.partition(":")[0].casefold()

    @property
    def is_files(self) -> bool:
        """Whether it is a place of files."""
        return self.scheme in _FILES

    def folded(self) -> SourceName:
        """Return the name without what belongs to one write of it: partitions and temporary folders at its end."""
        if not self.is_files:
            return self
        parts = self.name.split("/")
        while len(parts) > 1 and (not parts[-1] or _PARTITION.match(parts[-1]) or _TEMPORARY.match(parts[-1])):
            parts.pop()
        return SourceName(self.namespace, "/".join(parts))

    @property
    def address(self) -> str | None:
        """Where its files lie; None if it is no place of files."""
        if not self.is_files:
            return None
        if self.scheme == "file":
            return f"file:/{self.name.lstrip('/')}"
        return f"{self.namespace.rstrip('/')}/{self.name.lstrip('/')}"

    @property
    def kind(self) -> str:
        """What kind of dataset it is, as far as its source's kind says."""
        return "fileset" if self.is_files else "topic" if self.scheme in ("kafka", "pulsar", "pubsub") else "table"


def same_namespace(namespace: str) -> str:
    """Return what spellings of one namespace have in common."""
    return namespace.rstrip("/").casefold()


def names_within(catalog: str, name: str, *, database: str | None) -> Iterator[QualifiedName]:
    """
    Yield the qualified names that a producer's name may mean in a catalog whose namespace it is, likeliest first.

    ``db.schema.table`` may be a table of the schema alone, where the catalog is one database of a server, or of a nested namespace.
    ``database`` is that one database: names of another are not of this catalog.
    """
    parts = [part for part in name.strip(".").split(".") if part]
    if len(parts) >= 3 and database is not None:
        if parts[0].casefold() != database.casefold():
            return
        parts = parts[1:]
    try:
        if len(parts) == 1:
            yield QualifiedName.of(catalog, "main", parts[0])
            return
        yield QualifiedName.of(catalog, ".".join(parts[:-1]), parts[-1])
        if len(parts) >= 3:
            yield QualifiedName.of(catalog, ".".join(parts[1:-1]), parts[-1])
    except (InvalidName, IndexError):
        return


def name_elsewhere(source: SourceName) -> QualifiedName:
    """Return the qualified name of a dataset whose source no catalog is connected to; one too long ends in a digest."""
    parts = [part for part in source.name.split("/") if part] or [source.name]
    try:
        return QualifiedName.of(ELSEWHERE, source.namespace, *parts)
    except InvalidName:
        digest = hashlib.sha256(f"{source.namespace}\n{source.name}".encode()).hexdigest()[:20]
        return QualifiedName.of(ELSEWHERE, source.namespace[:60], f"{source.name[:60]}~{digest}")
