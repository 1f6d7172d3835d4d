"""A metastore asked through Thrift, by the client that PyIceberg brings along."""

from __future__ import annotations

import bisect
import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from catalog.connectors.base import (
    ConnectorError,
    Context,
    DatabaseRef,
    DatasetRef,
    InvalidOptions,
    LoadFailure,
    NoSuchTable,
    NotInstalled,
    Partition,
    SourceUnavailable,
)
from catalog.connectors.hive.tables import HiveTable, TableName, formats, moment
from catalog.domain.partitions import NULL_VALUE, Bounds, values_of

CONNECT_SECONDS = 3.0
EVENTS_A_CALL = 200
SPECS_A_FILTER = 10
"""Each is a call of its own."""
_PLAIN = re.compile(r"[A-Za-z0-9_-]+")
MAX_MESSAGE_BYTES = 512 * 1024 * 1024
"""One answer of the metastore at most; it says how long its texts are before it sends them."""


class ThriftMetastore:
    """One connection, opened when something is asked and again after it broke."""

    def __init__(self, uri: str) -> None:
        host, port = _address(uri)
        try:
            from hive_metastore import ThriftHiveMetastore
            from thrift.transport.TSocket import TSocket
            from thrift.transport.TTransport import TBufferedTransport
        except ImportError as error:
            raise NotInstalled("Hive support is not installed: pip install 'pyiceberg[hive]'") from error
        from thrift.protocol.TBinaryProtocol import TBinaryProtocolAccelerated

        self._where = f"thrift://{host}:{port}"
        self._socket = TSocket(host, port)
        self._transport = TBufferedTransport(self._socket, 65_536)
        protocol = TBinaryProtocolAccelerated(
            self._transport, string_length_limit=MAX_MESSAGE_BYTES, container_length_limit=10_000_000
        )
        self._client = ThriftHiveMetastore.Client(protocol)
        self._names_of: tuple[TableName, Sequence[Sequence[str]]] | None = None
        self._names: Sequence[str] = ()

    @contextmanager
    def _calling(self, ctx: Context) -> Iterator[Any]:
        from thrift.Thrift import TException
        from thrift.transport.TTransport import TTransportException

        ctx.check()
        try:
            if not self._transport.isOpen():
                self._socket.setTimeout(min(CONNECT_SECONDS, ctx.remaining_seconds) * 1_000)
                self._transport.open()
            self._socket.setTimeout(ctx.remaining_seconds * 1_000)
            yield self._client
        except TTransportException as error:
            self.close()
            what = "did not answer in time" if error.type == TTransportException.TIMED_OUT else "does not answer"
            raise SourceUnavailable(f"the metastore at {self._where} {what}") from error
        except (OSError, EOFError) as error:
            self.close()
            raise SourceUnavailable(f"the metastore at {self._where} does not answer") from error
        except TException as error:
            if type(error).__module__.startswith("thrift."):  # what came cannot be understood, nor what comes next
                self.close()
            raise ConnectorError(f"the metastore at {self._where} failed: {_said(error)}") from error
        except (ValueError, OverflowError, MemoryError, UnicodeDecodeError) as error:
            self.close()
            raise ConnectorError(f"what answers at {self._where} does not speak as a metastore does") from error

    def version(self, ctx: Context) -> str:
        """Return the version that the server gives of itself."""
        with self._calling(ctx) as client:
            return f"Hive metastore {client.getVersion()}"

    def databases(self, ctx: Context) -> Sequence[DatabaseRef]:
        """Return databases with their comments, one call each."""
        from hive_metastore.ttypes import NoSuchObjectException

        refs = []
        with self._calling(ctx) as client:
            for name in client.get_all_databases():
                ctx.check()
                try:
                    database = client.get_database(name)
                except NoSuchObjectException:
                    continue
                refs.append(
                    DatabaseRef(
                        name,
                        database.description or "",
                        dict(database.parameters or {}),
                        database.locationUri or None,
                    )
                )
        return refs

    def table_names(self, ctx: Context, database: str) -> Sequence[str] | None:
        """Return names; the server answers with none for a database that is not there, so that one is asked for."""
        from hive_metastore.ttypes import NoSuchObjectException

        with self._calling(ctx) as client:
            names: list[str] = client.get_all_tables(database)
            if not names:
                try:
                    client.get_database(database)
                except NoSuchObjectException:
                    return None
            return names

    def tables(self, ctx: Context, database: str, names: Sequence[str]) -> Iterable[HiveTable | LoadFailure]:
        """Return tables, none of a database that is not there; a batch that fails is halved until the one that makes it fail stands alone."""
        from hive_metastore.ttypes import UnknownDBException

        try:
            with self._calling(ctx) as client:
                try:
                    return [_table(each) for each in client.get_table_objects_by_name(database, list(names))]
                except UnknownDBException:
                    return []
        except SourceUnavailable:
            raise
        except ConnectorError as error:
            if len(names) == 1:
                return [LoadFailure(DatasetRef(database, names[0]), str(error))]
        middle = len(names) // 2
        return [*self.tables(ctx, database, names[:middle]), *self.tables(ctx, database, names[middle:])]

    def last_event(self, ctx: Context) -> int | None:
        """Return the newest event's number; a server that refuses to say keeps none for us."""
        try:
            with self._calling(ctx) as client:
                return int(client.get_current_notificationEventId().eventId)
        except SourceUnavailable:
            raise
        except ConnectorError:
            return None

    def events(self, ctx: Context, after: int, limit: int) -> Iterable[tuple[int, str, str]]:
        """Return events; only their names are looked at, for what their messages say differs from version to version."""
        from hive_metastore.ttypes import NotificationEventRequest

        seen = 0
        while seen < limit:
            with self._calling(ctx) as client:
                answer = client.get_next_notification(
                    NotificationEventRequest(lastEvent=after, maxEvents=EVENTS_A_CALL)
                )
            if not answer.events:
                return
            for event in answer.events:
                yield event.eventId, (event.dbName or "").lower(), (event.tableName or "").lower()
            seen += len(answer.events)
            after = answer.events[-1].eventId

    def partition_names(
        self, ctx: Context, table: TableName, bounds: Mapping[int, Bounds], after: str, limit: int
    ) -> Sequence[str]:
        """Return names: those of some values where the bounds name few, else all, which are a hundred thousand in a sixth of a second."""
        specs = _specs(bounds)
        if self._names_of != (table, specs) or not after:
            self._names = sorted(self._names_within(ctx, table, specs))
            self._names_of = (table, specs)
        start = bisect.bisect_right(self._names, after)
        return self._names[start : start + limit]

    def _names_within(self, ctx: Context, table: TableName, specs: Sequence[Sequence[str]]) -> set[str]:
        from hive_metastore.ttypes import NoSuchObjectException

        with self._calling(ctx) as client:
            try:
                if not specs:
                    return set(client.get_partition_names(table.database, table.table, -1))
                return {
                    name
                    for spec in specs
                    for name in client.get_partition_names_ps(table.database, table.table, list(spec), -1)
                }
            except NoSuchObjectException as error:
                raise NoSuchTable(f"there is no table '{table.table}' in '{table.database}'") from error

    def partitions(self, ctx: Context, table: TableName, names: Sequence[str]) -> Iterable[Partition]:
        """Return partitions by their names."""
        with self._calling(ctx) as client:
            found = client.get_partitions_by_names(table.database, table.table, list(names))
        named = {values_of(name): name for name in names}
        for each in found:
            values = tuple(None if value == NULL_VALUE else value for value in each.values)
            if values not in named:
                continue
            storage = each.sd
            serializer = storage.serdeInfo if storage else None
            yield Partition(
                named[values],
                values,
                (storage.location or None) if storage else None,
                dict(each.parameters or {}),
                moment(each.createTime),
                formats(
                    storage.inputFormat if storage else None,
                    storage.outputFormat if storage else None,
                    serializer.serializationLib if serializer else None,
                ),
            )

    def close(self) -> None:
        """Close the connection; the next call opens it again."""
        self._names_of = None
        self._transport.close()


def _specs(bounds: Mapping[int, Bounds]) -> tuple[tuple[str, ...], ...]:
    """
    Return values of the first keys, empty for any, so that every partition within bounds has those of one; none where that are too many.

    The server takes them for patterns of a partition's name, so only values without a character that could mean something are given.
    """
    among = {
        index: sorted(bound.among)
        for index, bound in bounds.items()
        if bound.among is not None and all(map(_PLAIN.fullmatch, bound.among))
    }
    if not among or math.prod(map(len, among.values())) > SPECS_A_FILTER:
        return ()
    return tuple(itertools.product(*(among.get(index, [""]) for index in range(max(among) + 1))))


def _address(uri: str) -> tuple[str, int]:
    parts = urlsplit(uri)
    try:
        port = parts.port or 9083
    except ValueError:
        port = 0
    if parts.scheme != "thrift" or not parts.hostname or not port:
        raise InvalidOptions("the option 'uri' must be written thrift://HOST:PORT")
    return parts.hostname, port


def _said(error: Exception) -> str:
    text = str(getattr(error, "message", "") or type(error).__name__)
    return text.splitlines()[0][:300]


def _table(found: Any) -> HiveTable:
    storage = found.sd
    serializer = storage.serdeInfo if storage else None
    return HiveTable(
        database=found.dbName,
        name=found.tableName,
        kind=found.tableType or "",
        owner=found.owner or "",
        source_id=f"created {found.createTime}" if found.createTime else None,
        columns=_fields(storage.cols if storage else None),
        partition_keys=_fields(found.partitionKeys),
        parameters=dict(found.parameters or {}),
        location=(storage.location or None) if storage else None,
        input_format=(storage.inputFormat or "") if storage else "",
        output_format=(storage.outputFormat or "") if storage else "",
        serializer=(serializer.serializationLib or "") if serializer else "",
        serializer_parameters=dict(serializer.parameters or {}) if serializer else {},
        view_text=found.viewExpandedText or found.viewOriginalText or None,
        created_at=moment(found.createTime),
    )


def _fields(fields: Any) -> list[tuple[str, str, str]]:
    return [(field.name, field.type or "", field.comment or "") for field in fields or ()]
