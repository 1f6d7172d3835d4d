"""Whether a schema may follow what a subject has, and what changes between two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from catalog.access.principals import Principal
from schema_registry.backends import schema_format
from schema_registry.domain.levels import Level
from schema_registry.domain.subjects import SubjectName
from schema_registry.formats.base import FieldView, Incompatibility, Parsed, TooComplex
from schema_registry.models import SubjectVersion
from schema_registry.selectors.errors import NoSuchSubject, NoSuchSubjectVersion
from schema_registry.selectors.schemas import LATEST, Read, Submitted, parsed_version, read_submitted, texts_of
from schema_registry.selectors.subjects import known_settings, live_versions, subject_row

MAX_COMPARED = 2_000
"""Versions that a transitive level looks at."""


@dataclass(frozen=True, slots=True)
class Direction:
    """Who reads whose data, and why that would fail."""

    reader: str
    """``new`` where the new schema reads data of the version, ``old`` the other way."""
    reasons: Sequence[Incompatibility]


@dataclass(frozen=True, slots=True)
class VersionCheck:
    """What came of comparing a schema with one version: the directions that fail; none if it is compatible."""

    number: int
    text: str
    failing: Sequence[Direction]


@dataclass(frozen=True, slots=True)
class Check:
    """Whether a schema may follow, by which level, against which versions."""

    level: Level
    versions: Sequence[VersionCheck]

    @property
    def is_compatible(self) -> bool:
        """Whether nothing speaks against it."""
        return not any(version.failing for version in self.versions)


class Incompatible(ValueError):
    """A schema that its subject's level refuses; ``check`` says against which versions and why."""

    def __init__(self, message: str, check: Check) -> None:
        super().__init__(message)
        self.check = check


def compared_versions(rows: Sequence[SubjectVersion], level: Level) -> Sequence[SubjectVersion]:
    """
    Return which of a subject's versions, newest first, a level compares a new one with.

    :raises TooComplex: for more than MAX_COMPARED.
    """
    if level is Level.NONE:
        return ()
    if level.is_transitive and len(rows) > MAX_COMPARED:
        raise TooComplex(
            f"comparing with more than {MAX_COMPARED:,} versions takes too long; choose a level that is not transitive"
        )
    return rows if level.is_transitive else rows[:1]


def check_against(read: Read, versions: Sequence[SubjectVersion], level: Level) -> Check:
    """Return the outcome of comparing a schema with versions by a level. :raises TooComplex: if that takes too many steps."""
    if level is Level.NONE:
        return Check(level, ())
    texts = texts_of(versions)
    found = []
    for version in versions:
        text = texts.get(version.pk, "")
        if version.schema.format != read.submitted.format:
            reason = Incompatibility(
                "SCHEMA_TYPE_MISMATCH",
                "",
                "",
                f"it is {read.submitted.format}, and version {version.number} is {version.schema.format}",
            )
            found.append(VersionCheck(version.number, text, [Direction("new", [reason])]))
            continue
        old = parsed_version(version, text)
        found.append(VersionCheck(version.number, text, _failing(version.schema.format, read.parsed, old, level)))
    return Check(level, found)


def _failing(format_name: str, new: Parsed, old: Parsed, level: Level) -> list[Direction]:
    format_ = schema_format(format_name)
    failing = []
    if level.new_reads_old and (reasons := format_.incompatibilities(new, old)):
        failing.append(Direction("new", reasons))
    if level.old_reads_new and (reasons := format_.incompatibilities(old, new)):
        failing.append(Direction("old", reasons))
    return failing


def check_compatibility(
    *, principal: Principal, name: SubjectName, submitted: Submitted, number: int | None, normalizes: bool
) -> Check:
    """
    Return whether a schema may follow: against one version, the newest for ``LATEST``, or for None those that the level looks at.

    A subject without versions takes everything, but for a numbered version that is not there.

    :raises NoSuchSubjectVersion: for a number that the subject does not have. :raises InvalidSchema, InvalidReference: for a bad schema.
    """
    read = read_submitted(principal, submitted, normalizes=normalizes)
    read.require_flawless()
    level = known_settings(principal=principal, context=name.context, name=name.name).level
    try:
        subject = subject_row(principal, name, what="comparing schemas")
    except NoSuchSubject:
        if number not in (None, LATEST):
            raise
        return Check(level, ())
    rows = live_versions(subject)
    if number is None:
        return check_against(read, compared_versions(list(rows.order_by("-number")[: MAX_COMPARED + 1]), level), level)
    chosen = list(rows.order_by("-number")[:1] if number == LATEST else rows.filter(number=number))
    if not chosen and number != LATEST:
        raise NoSuchSubjectVersion(f"Version {number} not found.")
    return check_against(read, chosen, level)


@dataclass(frozen=True, slots=True)
class FieldChange:
    """What became of a field; ``before`` or ``after`` is None where it was not there."""

    path: str
    before: FieldView | None
    after: FieldView | None


def changed_fields(before: Sequence[FieldView], after: Sequence[FieldView]) -> list[FieldChange]:
    """Return the fields that were added, changed or removed, in the order of the later schema, what was removed last."""
    old = {view.path: view for view in before}
    new = {view.path: view for view in after}
    changes = [
        FieldChange(view.path, old.get(view.path), view)
        for view in new.values()
        if view.path not in old or (old[view.path].type, old[view.path].default) != (view.type, view.default)
    ]
    return changes + [FieldChange(view.path, view, None) for view in old.values() if view.path not in new]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changes from one schema to another, and who could not read whose data whatever the subject's level."""

    before: str
    after: str
    changes: Sequence[FieldChange]
    failing: Sequence[Direction]


def compare_versions(*, principal: Principal, name: SubjectName, before: int, after: int) -> Comparison:
    """Return what changed between two versions of a subject. :raises NoSuchSubject, NoSuchSubjectVersion: for what is not there."""
    subject = subject_row(principal, name, what="comparing schemas")
    rows = {row.number: row for row in live_versions(subject).filter(number__in=[before, after])}
    for number in (before, after):
        if number not in rows:
            raise NoSuchSubjectVersion(f"Version {number} not found.")
    texts = texts_of(list(rows.values()))
    old, new = (parsed_version(rows[number], texts.get(rows[number].pk)) for number in (before, after))
    return _compared(rows[after].schema.format, old, new)


def compare_submitted(*, principal: Principal, name: SubjectName, submitted: Submitted, before: int) -> Comparison:
    """Return what would change from a version of a subject to a schema. :raises NoSuchSubjectVersion: for a version that is not there."""
    read = read_submitted(principal, submitted, normalizes=False)
    subject = subject_row(principal, name, what="comparing schemas")
    row = live_versions(subject).filter(number=before).first()
    if row is None:
        raise NoSuchSubjectVersion(f"Version {before} not found.")
    return _compared(submitted.format, parsed_version(row), read.parsed)


def _compared(format_name: str, old: Parsed, new: Parsed) -> Comparison:
    format_ = schema_format(format_name)
    changes = changed_fields(format_.fields(old), format_.fields(new))
    return Comparison(old.text, new.text, changes, _failing(format_name, new, old, Level.FULL))
