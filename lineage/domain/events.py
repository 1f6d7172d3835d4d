"""OpenLineage events: read into plain values, or refused with the place and the reason."""

from __future__ import annotations

import enum
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from catalog.domain.storable import is_storable

MAX_DATASETS = 2_000
"""Inputs, or outputs, of one event."""
MAX_INPUT_FIELDS = 50_000
"""Input fields in all column lineage of one event."""
FIRST_YEAR, LAST_YEAR = 1970, 2200
MAX_NAMESPACE = 500
MAX_NAME = 2_000
MAX_SYMLINKS = 50


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with an event, and where: a JSON pointer."""

    pointer: str
    message: str


class InvalidEvent(ValueError):
    """An event that is not OpenLineage; it says every place that is wrong, twenty at most."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(f"{problem.pointer}: {problem.message}" for problem in problems))
        self.problems = tuple(problems)


class RunState(enum.StrEnum):
    """What an event says of its run. Source: OpenLineage 2-0-2, RunEvent.eventType."""

    START = "START"
    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    ABORT = "ABORT"
    FAIL = "FAIL"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True, order=True)
class DatasetName:
    """A dataset as producers name it: the authority of its source, and its name there."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class InputField:
    """A column that goes into an output's column, or decides over its rows, as a producer says."""

    dataset: DatasetName
    field: str
    subtype: str
    masking: bool


@dataclass(frozen=True, slots=True)
class EventDataset:
    """A dataset of an event. ``also_known_as`` are its other names; ``columns`` say what its columns are made of."""

    name: DatasetName
    also_known_as: tuple[DatasetName, ...] = ()
    columns: Mapping[str, tuple[InputField, ...]] = field(default_factory=dict)
    deciding: tuple[InputField, ...] = ()

    @property
    def sources(self) -> Iterator[InputField]:
        """All that its columns are made of, and what decides which rows it has."""
        for parts in self.columns.values():
            yield from parts
        yield from self.deciding


@dataclass(frozen=True, slots=True)
class Event:
    """
    One event. ``run`` is None for what is said of a job or dataset at design time, ``job`` is None for a dataset's.

    Events of a run add up: none takes back what another said.
    """

    at: datetime
    producer: str
    run: uuid.UUID | None
    state: RunState | None
    job: DatasetName | None
    inputs: tuple[EventDataset, ...] = ()
    outputs: tuple[EventDataset, ...] = ()
    sql: str | None = None
    dialect: str | None = None
    description: str | None = None
    job_type: str | None = None
    parent_job: DatasetName | None = None
    parent_run: uuid.UUID | None = None
    error: str | None = None

    @property
    def datasets(self) -> tuple[EventDataset, ...]:
        """Its inputs, then its outputs."""
        return *self.inputs, *self.outputs


def parse_event(body: object) -> Event:
    """
    Return an event of any of the three kinds: a run's, a job's, a dataset's.

    :raises InvalidEvent: with every place that is wrong.
    Source: OpenLineage 2-0-2, spec/OpenLineage.json; facets that are broken are passed over, since they extend an event.
    """
    reader = _Reader()
    found = reader.event(body)
    if reader.problems or found is None:
        raise InvalidEvent(reader.problems[:20])
    return found


class _Reader:
    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._fields = 0

    def _wrong(self, pointer: str, message: str) -> None:
        self.problems.append(Problem(pointer or "/", message))

    def event(self, body: object) -> Event | None:
        if not isinstance(body, Mapping):
            self._wrong("", f"an event is an object, found {_kind(body)}")
            return None
        at = self._time(body)
        producer = self._text(body, "producer", "", MAX_NAME) or ""
        self._text(body, "schemaURL", "", MAX_NAME)
        run_body, job_body = body.get("run"), body.get("job")
        run = self._run(run_body) if run_body is not None else None
        job = self._job(job_body) if job_body is not None else None
        if run_body is not None and job_body is None:
            self._wrong("/job", "is missing; a run belongs to a job")
        if run_body is None and job_body is None:
            if "dataset" not in body:
                self._wrong("", "has none of 'run', 'job' and 'dataset'; one of them says what the event is about")
            dataset = self._dataset(body.get("dataset"), "/dataset") if "dataset" in body else None
            return (
                None
                if self.problems or dataset is None or at is None
                else Event(at, producer, None, None, None, outputs=(dataset,))
            )
        state = self._state(body) if run_body is not None else None
        inputs = self._datasets(body, "inputs")
        outputs = self._datasets(body, "outputs")
        if self.problems or at is None or job is None:
            return None
        facets = _facets(job_body)
        sql, job_type = _facet(facets, "sql"), _facet(facets, "jobType")
        run_facets = _facets(run_body)
        parent = _facet(run_facets, "parent")
        return Event(
            at=at,
            producer=producer,
            run=run,
            state=state,
            job=job,
            inputs=inputs,
            outputs=outputs,
            sql=_optional(sql, "query", 1_000_000),
            dialect=_optional(sql, "dialect", 40),
            description=_optional(_facet(facets, "documentation"), "description", 10_000),
            job_type=_optional(job_type, "jobType", 100),
            parent_job=_name_in(parent.get("job")),
            parent_run=_uuid_in(parent.get("run")),
            error=_optional(_facet(run_facets, "errorMessage"), "message", 2_000),
        )

    def _time(self, body: Mapping[str, Any]) -> datetime | None:
        text = self._text(body, "eventTime", "", 100)
        if text is None:
            return None
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            self._wrong("/eventTime", "is no time; write it as 2026-11-25T12:00:00Z")
            return None
        if at.tzinfo is None:
            at = at.replace(tzinfo=UTC)
        if not FIRST_YEAR <= at.year < LAST_YEAR:
            self._wrong("/eventTime", f"is not between {FIRST_YEAR} and {LAST_YEAR}")
            return None
        return at.astimezone(UTC)

    def _text(self, body: Mapping[str, Any], name: str, pointer: str, limit: int) -> str | None:
        value = body.get(name)
        at = f"{pointer}/{name}"
        if value is None:
            self._wrong(at, "is missing")
        elif not isinstance(value, str):
            self._wrong(at, f"is a text, found {_kind(value)}")
        elif not value:
            self._wrong(at, "is empty")
        elif len(value) > limit:
            self._wrong(at, f"has {len(value):,} characters; at most {limit:,} are kept")
        elif not is_storable(value):
            self._wrong(at, "holds a character that cannot be kept (NUL, or half of one)")
        else:
            return value
        return None

    def _object(self, value: object, pointer: str) -> Mapping[str, Any] | None:
        if isinstance(value, Mapping):
            return value
        self._wrong(pointer, f"is an object, found {_kind(value)}")
        return None

    def _run(self, value: object) -> uuid.UUID | None:
        body = self._object(value, "/run")
        text = self._text(body, "runId", "/run", 100) if body is not None else None
        if text is None:
            return None
        try:
            return uuid.UUID(text)
        except ValueError:
            self._wrong("/run/runId", "is no UUID")
            return None

    def _job(self, value: object) -> DatasetName | None:
        body = self._object(value, "/job")
        return self._name(body, "/job") if body is not None else None

    def _name(self, body: Mapping[str, Any], pointer: str) -> DatasetName | None:
        namespace = self._text(body, "namespace", pointer, MAX_NAMESPACE)
        name = self._text(body, "name", pointer, MAX_NAME)
        return DatasetName(namespace, name) if namespace is not None and name is not None else None

    def _state(self, body: Mapping[str, Any]) -> RunState | None:
        value = body.get("eventType", "OTHER")
        if isinstance(value, str) and value.upper() in RunState.__members__:
            return RunState(value.upper())
        self._wrong("/eventType", f"is one of {', '.join(RunState)}")
        return None

    def _datasets(self, body: Mapping[str, Any], name: str) -> tuple[EventDataset, ...]:
        value = body.get(name)
        if value is None:
            return ()
        if not isinstance(value, list):
            self._wrong(f"/{name}", f"is a list, found {_kind(value)}")
            return ()
        if len(value) > MAX_DATASETS:
            self._wrong(f"/{name}", f"has {len(value):,} datasets; at most {MAX_DATASETS:,} are taken")
            return ()
        found = [self._dataset(item, f"/{name}/{at}") for at, item in enumerate(value)]
        return tuple(item for item in found if item is not None)

    def _dataset(self, value: object, pointer: str) -> EventDataset | None:
        body = self._object(value, pointer)
        name = self._name(body, pointer) if body is not None else None
        if body is None or name is None:
            return None
        facets = _facets(body)
        links = _facet(facets, "symlinks").get("identifiers")
        also = [_name_in(link) for link in (links if isinstance(links, list) else ())[:MAX_SYMLINKS]]
        lineage = _facet(facets, "columnLineage")
        columns: dict[str, tuple[InputField, ...]] = {}
        for column, told in _items(lineage.get("fields")):
            if isinstance(told, Mapping) and is_storable(column) and len(column) <= MAX_NAME:
                columns[column] = tuple(self._inputs(told.get("inputFields"), pointer, told))
        return EventDataset(
            name=name,
            also_known_as=tuple(link for link in also if link is not None and link != name),
            columns=columns,
            deciding=tuple(self._inputs(lineage.get("dataset"), pointer, {})),
        )

    def _inputs(self, value: object, pointer: str, told: Mapping[str, Any]) -> Iterator[InputField]:
        for item in value if isinstance(value, list) else ():
            name = _name_in(item)
            column = _optional(item, "field", MAX_NAME) if name is not None else None
            if name is None or column is None:
                continue
            self._fields += 1
            if self._fields > MAX_INPUT_FIELDS:
                self._wrong(pointer, f"its column lineage has more than {MAX_INPUT_FIELDS:,} input fields")
                return
            ways = item.get("transformations")
            ways = [way for way in ways if isinstance(way, Mapping)] if isinstance(ways, list) else []
            if not ways:
                # Before facet 1-1-0 the way stood beside the fields.
                ways = [{"type": "DIRECT", "subtype": told.get("transformationType")}]
            for way in ways[:20]:
                yield InputField(name, column, _subtype(way), way.get("masking") is True)


_SUBTYPES = frozenset(
    {"IDENTITY", "TRANSFORMATION", "AGGREGATION", "JOIN", "GROUP_BY", "FILTER", "SORT", "WINDOW", "CONDITIONAL"}
)


def _subtype(way: Mapping[str, Any]) -> str:
    """Return one of the subtypes; a direct use of a kind not known counts as a transformation, an indirect one as a filter."""
    subtype = str(way.get("subtype") or "").upper()
    if subtype in _SUBTYPES:
        return subtype
    return "FILTER" if way.get("type") == "INDIRECT" else "TRANSFORMATION"


def _kind(value: object) -> str:
    names = {
        dict: "an object",
        list: "a list",
        str: "a text",
        bool: "true or false",
        int: "a number",
        float: "a number",
    }
    return "nothing" if value is None else names.get(type(value), "something else")


def _items(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        yield from value.items()


def _facets(body: object) -> Mapping[str, Any]:
    facets = body.get("facets") if isinstance(body, Mapping) else None
    return facets if isinstance(facets, Mapping) else {}


def _facet(facets: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = facets.get(name)
    return found if isinstance(found, Mapping) and found.get("_deleted") is not True else {}


def _optional(body: object, name: str, limit: int) -> str | None:
    value = body.get(name) if isinstance(body, Mapping) else None
    if not isinstance(value, str) or not value:
        return None
    return value.replace("\x00", "").encode(errors="replace").decode()[:limit] or None


def _name_in(value: object) -> DatasetName | None:
    namespace, name = _optional(value, "namespace", MAX_NAMESPACE + 1), _optional(value, "name", MAX_NAME + 1)
    if not namespace or not name or len(namespace) > MAX_NAMESPACE or len(name) > MAX_NAME:
        return None
    return DatasetName(namespace, name)


def _uuid_in(value: object) -> uuid.UUID | None:
    text = _optional(value, "runId", 100)
    try:
        return uuid.UUID(text) if text else None
    except ValueError:
        return None
