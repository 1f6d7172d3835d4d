"""Business metadata: descriptions, tags, owners, properties, each with who said it and its whole history."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from django.db import transaction

from catalog.access import gate
from catalog.access.principals import Caller
from catalog.access.selectors import exists_handle
from catalog.domain.storable import json_holds_nul
from catalog.journal import clock
from catalog.models import Annotation, ColumnRow, Dataset, DatasetState, SaidBy
from catalog.selectors import NoSuchDataset
from catalog.services.definitions import VersionConflict
from catalog.services.publishing import publish_changes, refresh_bodies

MAX_DESCRIPTION = 20_000
MAX_DEPTH = 50
"""Levels of a property that is a JSON value."""
MAX_CLAIMS = 200
"""Current claims of one aspect on one dataset."""

_TAG = re.compile(r"[^\s:\"'<>,\x00-\x1f]{1,100}\Z")
_PROPERTY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}\Z")


class InvalidAnnotation(ValueError):
    """A tag, owner, description or property that cannot be stored; the message says why."""


class NoSuchColumn(LookupError):
    """The dataset has no current column of this path."""


class NoSuchClaim(LookupError):
    """The dataset has no current claim of this kind."""


@dataclass(frozen=True, slots=True)
class Annotated:
    """What a change of metadata led to. ``claim`` is the new or the ended claim; None where nothing changed."""

    dataset_uuid: uuid.UUID
    version: int
    claim: uuid.UUID | None


def describe(
    *,
    caller: Caller,
    dataset_uuid: uuid.UUID,
    text: str,
    column: str | None = None,
    expected_version: int | None = None,
) -> Annotated:
    """
    Set the description of a dataset or one of its columns; an empty text takes a person's back, and the source's counts again.

    :raises VersionConflict: if somebody changed the dataset since ``expected_version``.
    """
    text = text.strip()
    if len(text) > MAX_DESCRIPTION:
        raise InvalidAnnotation(f"a description has at most {MAX_DESCRIPTION} characters, this one has {len(text)}")
    change = _Change("description", "", text or None)
    return _apply(caller, dataset_uuid, column, [change], expected_version)


def add_tag(*, caller: Caller, dataset_uuid: uuid.UUID, tag: str, column: str | None = None) -> Annotated:
    """Tag a dataset or column. Tagging twice changes nothing. :raises InvalidAnnotation: for a bad name."""
    if not _TAG.match(tag):
        raise InvalidAnnotation(
            f"tag {tag[:120]!r} must have 1 to 100 characters without spaces, quotes, colons, commas or angle brackets"
        )
    return _apply(caller, dataset_uuid, column, [_Change("tag", tag, True)], None)


def remove_tag(*, caller: Caller, dataset_uuid: uuid.UUID, tag: str, column: str | None = None) -> Annotated:
    """Take a tag off. :raises NoSuchClaim: if it is not there."""
    return _apply(caller, dataset_uuid, column, [_Change("tag", tag, None, must_exist=True)], None)


def add_owner(*, caller: Caller, dataset_uuid: uuid.UUID, owner: str) -> Annotated:
    """Name a user (``user:mara``) or team (``team:playback``) as an owner. :raises InvalidAnnotation: for an unknown one."""
    if not exists_handle(owner):
        raise InvalidAnnotation(f"there is no owner {owner[:120]!r}; write user:NAME or team:NAME of one that exists")
    return _apply(caller, dataset_uuid, None, [_Change("owner", owner, True)], None)


def remove_owner(*, caller: Caller, dataset_uuid: uuid.UUID, owner: str) -> Annotated:
    """End an ownership. :raises NoSuchClaim: if it is not there."""
    return _apply(caller, dataset_uuid, None, [_Change("owner", owner, None, must_exist=True)], None)


def set_property(*, caller: Caller, dataset_uuid: uuid.UUID, name: str, value: Any) -> Annotated:
    """Set a custom property to a JSON value, or with None remove it. :raises InvalidAnnotation: for a bad name or a long value."""
    if not _PROPERTY.match(name):
        raise InvalidAnnotation(f"property {name[:120]!r} must be letters, digits, '_', '-' or '.', at most 100")
    if value is not None:
        check_json(value, MAX_DESCRIPTION, "a property")
    return _apply(caller, dataset_uuid, None, [_Change("property", name, value, must_exist=value is None)], None)


def check_json(value: Any, most: int, what: str) -> None:
    """:raises InvalidAnnotation: for a JSON value that is too deep or too long, or that PostgreSQL cannot keep."""
    if _depth(value) > MAX_DEPTH:
        raise InvalidAnnotation(f"{what} has at most {MAX_DEPTH} levels")
    if len(value if isinstance(value, str) else orjson.dumps(value)) > most:
        raise InvalidAnnotation(f"{what} has at most {most} characters")
    if json_holds_nul(orjson.dumps(value)):
        raise InvalidAnnotation(f"{what} cannot hold a NUL character")


def _depth(value: Any) -> int:
    """Return how deep a JSON value is, as far as it matters."""
    level, depth = [value], 0
    while level and depth <= MAX_DEPTH:
        parts = [each for each in level if isinstance(each, dict | list)]
        level = [part for each in parts for part in (each.values() if isinstance(each, dict) else each)]
        depth += 1
    return depth


def undo_claim(*, caller: Caller, dataset_uuid: uuid.UUID, claim_uuid: uuid.UUID) -> Annotated:
    """Take back what one claim did: end it if it is current, else say it again. :raises NoSuchClaim: if there is none."""
    claims = Annotation.objects.select_related("column").filter(uuid=claim_uuid, dataset__uuid=dataset_uuid)
    claim = claims.exclude(aspect="finding").first()  # those are decided anew
    if claim is None:
        raise NoSuchClaim(f"the dataset has no claim {claim_uuid}")
    path = claim.column.path if claim.column else None
    if claim.ended_at is not None:
        return _apply(caller, dataset_uuid, path, [_Change(claim.aspect, claim.key, claim.value)], None)
    earlier = (
        Annotation.objects.filter(
            dataset_id=claim.dataset_id,
            column_id=claim.column_id,
            aspect=claim.aspect,
            key=claim.key,
            ended_at=claim.said_at,
        )
        .order_by("-pk")
        .first()
    )
    value = earlier.value if earlier is not None and claim.aspect in ("description", "property") else None
    return _apply(caller, dataset_uuid, path, [_Change(claim.aspect, claim.key, value)], None)


@dataclass(frozen=True, slots=True)
class _Change:
    aspect: str
    key: str
    value: Any
    must_exist: bool = False


def _apply(
    caller: Caller,
    dataset_uuid: uuid.UUID,
    column_path: str | None,
    changes: Sequence[_Change],
    expected_version: int | None,
) -> Annotated:
    with transaction.atomic():
        dataset = lock_described(caller, dataset_uuid)
        if expected_version is not None and dataset.version != expected_version:
            raise VersionConflict(
                f"'{dataset.qualified_name}' is at version {dataset.version}, you expected {expected_version}; "
                "somebody changed it meanwhile. Read it again and decide anew"
            )
        column = _column(dataset, column_path)
        told = []
        claim_uuid = None
        for change in changes:
            done = _change(caller, dataset, column, change)
            if done is not None:
                operation, claim_uuid, before = done
                dataset.version += 1
                where = {"column": column_path} if column_path else {}
                after = {"key": change.key, "value": change.value}
                told.append(("annotation", f"{change.aspect}_{operation}", {"before": before, **after, **where}))
        if told:
            refresh_bodies([dataset])
            publish_changes([(dataset, told)], caller=caller, cause={})
    return Annotated(dataset.uuid, dataset.version, claim_uuid)


def lock_described(
    caller: Caller, dataset_uuid: uuid.UUID, *, role: str = gate.EDIT, doing: str = "describing"
) -> Dataset:
    """Return a dataset that somebody may describe, its row locked. :raises NoSuchDataset, Denied: as the gate says."""
    dataset = lock_dataset(dataset_uuid)
    if dataset is None or not gate.may(caller.principal, gate.DISCOVER, dataset.access_class_id):
        raise NoSuchDataset(str(dataset_uuid))
    gate.require(caller.principal, role, dataset.access_class_id, what=f"{doing} '{dataset.qualified_name}'")
    return dataset


def lock_dataset(dataset_uuid: uuid.UUID) -> Dataset | None:
    """Return a dataset with its row locked, None if there is none, or another has absorbed it; whoever asks has been let in."""
    return (
        Dataset.objects.select_for_update(of=("self",))
        .select_related("catalog", "database")
        .filter(uuid=dataset_uuid)
        .exclude(state=DatasetState.ABSORBED)
        .first()
    )


def _column(dataset: Dataset, path: str | None) -> ColumnRow | None:
    if path is None:
        return None
    column = ColumnRow.objects.filter(dataset=dataset, path=path, dropped_at__isnull=True).first()
    if column is None:
        raise NoSuchColumn(f"'{dataset.qualified_name}' has no column '{path}'")
    return column


def _change(
    caller: Caller, dataset: Dataset, column: ColumnRow | None, change: _Change
) -> tuple[str, uuid.UUID, Any] | None:
    """Make one change and return (operation, claim, value before), or None if nothing changed."""
    now = clock.now()
    claims = Annotation.objects.filter(dataset=dataset, column=column, aspect=change.aspect, ended_at__isnull=True)
    current = claims.filter(key=change.key).first()
    if current is None and change.value is None:
        if change.must_exist:
            raise NoSuchClaim(f"'{dataset.qualified_name}' has no {change.aspect} '{change.key}'")
        return None
    if current is not None and current.value == change.value and current.said_by == SaidBy.PERSON:
        return None
    if current is not None:
        current.ended_at = now
        current.ended_by = caller.principal.handle
        current.save(update_fields=["ended_at", "ended_by"])
    if change.value is None:
        assert current is not None
        return "removed", current.uuid, current.value
    if claims.count() >= MAX_CLAIMS:
        raise InvalidAnnotation(f"a dataset has at most {MAX_CLAIMS} claims of the aspect '{change.aspect}'")
    claim = Annotation.objects.create(
        dataset=dataset,
        column=column,
        aspect=change.aspect,
        key=change.key,
        value=change.value,
        said_by=SaidBy.PERSON,
        author=caller.principal.handle,
        said_at=now,
    )
    return ("changed" if current else "added"), claim.uuid, current.value if current else None
