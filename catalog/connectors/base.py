"""
The connector port: a source of table metadata, federated under one catalog name.

Errors a connector may raise::

    ConnectorError
    ├── InvalidOptions      the options cannot work; nothing was asked of the source
    ├── NotInstalled        a driver is missing; says what to install
    ├── NoSuchDatabase      the source has no such database (any more)
    ├── Refused             the source answered no: credentials, permissions, an operation it forbids
    ├── Conflict            the source changed in between, or the thing exists already
    └── SourceUnavailable   no answer within the deadline; trying later may help
        └── SourceBusy      another process holds it, such as an open DuckDB file
"""

from __future__ import annotations

import bisect
import enum
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Generic, Protocol, TypeVar, runtime_checkable

from catalog.domain.documents import DatasetDocument
from catalog.domain.names import CaseRule
from catalog.domain.operations import Operation
from catalog.domain.partitions import PartitionFilter


class ConnectorError(Exception):
    """A source could not do what was asked; the message names no secret and no row value."""


class InvalidOptions(ConnectorError):
    """Options that cannot work; the message says which and why."""


class NotInstalled(ConnectorError):
    """A driver library is missing; the message says what to install."""


class NoSuchDatabase(ConnectorError):
    """The source has no such database."""


class NoSuchTable(ConnectorError):
    """The source has no such table."""


class Refused(ConnectorError):
    """The source answered no."""


class RowsRefused(Refused):
    """A dataset's rows may not or cannot be read, however often one asks: it is a view, say, or nobody allowed it."""


class Conflict(ConnectorError):
    """The source's state is not what the request assumed."""


class SourceUnavailable(ConnectorError):
    """The source did not answer within the deadline."""


class SourceBusy(SourceUnavailable):
    """Another process holds the source; it opens again when that one lets go."""


@dataclass(frozen=True, slots=True)
class Context:
    """The circumstances of a call: how long it may take, and how many items a page should have."""

    deadline: float
    page_size: int = 1_000
    is_cancelled: Callable[[], bool] = bool

    @classmethod
    def within(cls, seconds: float, *, page_size: int = 1_000) -> Context:
        """Return a context whose deadline is that many seconds from now."""
        return cls(deadline=time.monotonic() + seconds, page_size=page_size)

    @property
    def remaining_seconds(self) -> float:
        """Seconds until the deadline, at least a thousandth so that drivers do not take it for 'never'."""
        return max(0.001, self.deadline - time.monotonic())

    def check(self) -> None:
        """:raises SourceUnavailable: when the deadline has passed or the caller gave up."""
        if self.is_cancelled():
            raise SourceUnavailable("the request was cancelled")
        if time.monotonic() > self.deadline:
            raise SourceUnavailable("the source did not answer in time")


Item = TypeVar("Item")
PageToken = str


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some items and the token of the next page; None after the last."""

    items: Sequence[Item]
    next: PageToken | None = None


@dataclass(frozen=True, slots=True)
class DatabaseRef:
    """A database that the source lists."""

    name: str
    comment: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    location: str | None = None


@dataclass(frozen=True, slots=True)
class DatasetRef:
    """
    A dataset that the source lists. ``source_id`` is the source's own lasting id (an oid, a uuid), None where it has none;
    ``digest`` changes whenever the document would, None where that is not cheap to know.
    """

    database: str
    name: str
    source_id: str | None = None
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class Loaded:
    """
    A dataset's document, with the id and digest that belong to it.

    ``parameters`` are all that the source keeps of it in its own words, those that change with the data included; doors that
    speak these words show them, and they are not stored.
    """

    ref: DatasetRef
    document: DatasetDocument
    parameters: Mapping[str, str] = field(default_factory=dict)
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LoadFailure:
    """A listed dataset that could not be read: data, not an exception, since its neighbours can."""

    ref: DatasetRef
    reason: str
    gone: bool = False
    """Whether the source says it no longer exists, as after a drop since the listing."""


@dataclass(frozen=True, slots=True)
class Health:
    """What a test of the connection found."""

    version: str
    databases: int
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Option:
    """One setting of a connector, as forms and the command line show it."""

    name: str
    title: str
    help: str
    required: bool = False
    secret: bool = False
    default: str = ""
    placeholder: str = ""


@dataclass(frozen=True, slots=True)
class ConnectorSpec:
    """What a connector is: its platform's name, its options, its rules; shown to people and asked by faces."""

    platform: str
    title: str
    icon: str
    options: Sequence[Option]
    case_rule: CaseRule = CaseRule.SENSITIVE
    list_refs: int = 1_000
    load_refs: int = 200
    """How many datasets one call should list or load: many where each call must open the source anew."""
    keeps_open: bool = False
    """Whether a connection may wait for the next question: no file of somebody else's is held by it."""


class Connector(Protocol):
    """A source of table metadata. Made with its options as keyword arguments; opens nothing until asked."""

    spec: ClassVar[ConnectorSpec]

    def check(self, ctx: Context) -> Health:
        """
        Reach the source and return what answered.

        :raises Refused, SourceUnavailable, InvalidOptions, NotInstalled: with what to do about it.
        """

    def list_databases(self, ctx: Context, page: PageToken | None = None) -> Page[DatabaseRef]:
        """Return one page of databases in name order, without those that belong to the system."""

    def list_datasets(self, ctx: Context, database: str, page: PageToken | None = None) -> Page[DatasetRef]:
        """
        Return one page of a database's datasets in name order, each with its source id and a digest where those are cheap.

        :raises NoSuchDatabase: if the source has no such database.
        :raises SourceUnavailable: if the source did not answer within the context's deadline.
        """

    def load(self, ctx: Context, refs: Sequence[DatasetRef]) -> Iterator[Loaded | LoadFailure]:
        """Return the documents in the order of the references; one that cannot be read is data, not an exception."""

    def close(self) -> None:
        """Let go of the source. Calling it twice does no harm."""


@runtime_checkable
class WritesTables(Protocol):
    """A connector that can also change definitions."""

    def apply(self, ctx: Context, operation: Operation) -> None:
        """
        Carry out one operation at the source, wholly or not at all.

        :raises NoSuchTable: if the table, or the column, is not there.
        :raises Conflict: if what would be made is there already.
        :raises Refused: if the source forbids it.
        """


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition of a table, read from its source and not stored: there may be millions."""

    name: str
    values: Sequence[str | None]
    location: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    created_at: datetime | None = None
    storage: Mapping[str, str] = field(default_factory=dict)
    """How its files are read, by the names that a table's ``storage`` has."""


@runtime_checkable
class HasPartitions(Protocol):
    """A connector that can list the partitions of a table: their names first, for a name says all that a filter needs."""

    def partition_names(
        self, ctx: Context, ref: DatasetRef, wanted: PartitionFilter | None, page: PageToken | None = None
    ) -> Page[str]:
        """
        Return one page of the names of a table's partitions in order, those that a filter wants.

        :raises NoSuchTable: if the source has no such table.
        """

    def partitions(self, ctx: Context, ref: DatasetRef, names: Sequence[str]) -> Sequence[Partition]:
        """Return the named partitions in the order of their names, those that are gone left out."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One state of a table's data, as its source keeps it; counts are None where the source does not count."""

    id: str
    parent_id: str | None
    made_at: datetime
    operation: str
    rows: int | None = None
    size_bytes: int | None = None
    files: int | None = None
    added_rows: int | None = None
    deleted_rows: int | None = None
    refs: Sequence[str] = ()
    """Branches and tags that point to it."""


@dataclass(frozen=True, slots=True)
class SnapshotRef:
    """A branch or tag, and the snapshot that it points to."""

    name: str
    kind: str
    snapshot_id: str


@dataclass(frozen=True, slots=True)
class Layout:
    """A way in which a table's files are partitioned or sorted, by columns and transforms of them; files keep the one they were written by."""

    id: int
    columns: Sequence[str]
    is_current: bool


@dataclass(frozen=True, slots=True)
class TableHistory:
    """The snapshots of a table that are kept, newest first, what points to them, and the layouts that it has had."""

    snapshots: Sequence[Snapshot]
    refs: Sequence[SnapshotRef] = ()
    specs: Sequence[Layout] = ()
    sort_orders: Sequence[Layout] = ()


@runtime_checkable
class HasSnapshots(Protocol):
    """A connector whose tables keep earlier states of their data."""

    def history(self, ctx: Context, ref: DatasetRef) -> TableHistory:
        """
        Return a table's history.

        :raises NoSuchTable: if the source has no such table.
        """


@dataclass(frozen=True, slots=True)
class Changes:
    """
    What a source's own log says happened since a token.

    ``touched`` names datasets by database; None where the log cannot tell, so that everything must be looked at.
    """

    token: str
    touched: Mapping[str, frozenset[str]] | None = None


@runtime_checkable
class FollowsChanges(Protocol):
    """
    A connector whose source keeps a log of changes, so that what nothing was said of need not be read again.

    Its listings must be complete all the same: what is new or gone is seen there.
    """

    def changes(self, ctx: Context, since: str | None) -> Changes | None:
        """Return what was touched since an earlier answer's token and the token of now; None if there is no log."""


SAMPLED_CHARACTERS = 10_000
"""Of a text, and bytes of what is binary; a sample holds no more of one value."""
SAMPLE_SEED = 1
"""What dice are thrown with: a table that did not change gives the same sample."""


class SampleMethod(enum.StrEnum):
    """How the rows of a sample were drawn."""

    ALL = "all"
    """It is the whole table."""
    RESERVOIR = "reservoir"
    """Each row as likely as any other."""
    BLOCKS = "blocks"
    """Runs of neighbouring rows, from places drawn at random: cheap, and biased where data lies in order."""
    FIRST = "first"
    """Those that the source gives first, where it has no better way, as with views."""


@dataclass(frozen=True, slots=True)
class RowSample:
    """Rows of a table in this process's memory, to be looked at and thrown away."""

    rows: Any
    """A ``pyarrow.Table`` with the table's columns in order. Numbers and times may be texts where the source's types are wider."""
    method: SampleMethod
    total_rows: int | None
    """How many rows the table has; None where only reading it would tell."""
    is_total_exact: bool = True
    newest: Mapping[str, Any] = field(default_factory=dict)
    """The greatest values of columns that were asked for, over the whole table, where the source could tell."""


@runtime_checkable
class SamplesRows(Protocol):
    """A connector that can read some rows of a table. It is called in a process of its own, whose memory is bounded."""

    def sample(self, ctx: Context, ref: DatasetRef, *, limit: int, newest_of: Sequence[str] = ()) -> RowSample:
        """
        Return at most ``limit`` rows, all of them if there are no more, else some drawn at random where the source can.

        :raises NoSuchTable: if the source has no such table.
        :raises RowsRefused: if its rows may not or cannot be read, now or later.
        :raises SourceUnavailable: if it takes longer than the context allows. No message holds a value.
        """


def quoted(name: str) -> str:
    """Return a name as standard SQL writes it, whatever it holds."""
    return '"' + name.replace('"', '""') + '"'


def page_of_names(names: Iterable[str], ctx: Context, page: PageToken | None) -> Page[str]:
    """Return one page of names that a source gave all at once, in order; the token is the last name of the page."""
    ordered = sorted(names)
    start = bisect.bisect_right(ordered, page or "")
    shown = ordered[start : start + ctx.page_size]
    return Page(shown, shown[-1] if start + len(shown) < len(ordered) else None)


def each_page(list_page: Callable[[PageToken | None], Page[Item]]) -> Iterator[Sequence[Item]]:
    """Yield the items of one page after the other. :raises ConnectorError: if the source pages in circles."""
    page: PageToken | None = None
    seen: set[PageToken] = set()
    while True:
        answer = list_page(page)
        yield answer.items
        if answer.next is None:
            return
        if answer.next in seen:
            raise ConnectorError("the source's listing does not end")
        seen.add(answer.next)
        page = answer.next


def collect(list_page: Callable[[PageToken | None], Page[Item]], *, limit: int = 10_000_000) -> list[Item]:
    """Return the items of all pages. :raises ConnectorError: if the source pages in circles or past the limit."""
    items: list[Item] = []
    for part in each_page(list_page):
        if len(items) > limit:
            raise ConnectorError("the source's listing does not end")
        items += part
    return items


def text_option(options: Mapping[str, Any], name: str, spec: ConnectorSpec) -> str:
    """Return a required option as text. :raises InvalidOptions: if it is missing or empty."""
    value = str(options.get(name) or "").strip()
    if not value:
        known = ", ".join(option.name for option in spec.options)
        raise InvalidOptions(f"{spec.platform} needs the option '{name}'; its options are {known}")
    return value


def check_options(options: Mapping[str, Any], spec: ConnectorSpec) -> None:
    """:raises InvalidOptions: for an option the connector does not know."""
    known = {option.name for option in spec.options}
    unknown = sorted(set(options) - known)
    if unknown:
        raise InvalidOptions(
            f"{spec.platform} has no option '{unknown[0]}'; its options are {', '.join(sorted(known)) or 'none'}"
        )
