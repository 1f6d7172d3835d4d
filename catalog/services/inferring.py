"""What programs infer of a dataset's columns, and what people decide about it: their word counts, and is not asked for again."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from catalog.access import gate
from catalog.access.principals import Caller
from catalog.domain.findings import REJECTED
from catalog.journal import clock
from catalog.models import Annotation, ColumnRow, Dataset, SaidBy
from catalog.services.annotating import Annotated, NoSuchClaim, add_tag, lock_dataset, lock_described, remove_tag
from catalog.services.publishing import publish_changes, refresh_bodies

FINDING = "finding"
SUGGESTED, ACCEPTED = "suggested", "accepted"


@dataclass(frozen=True, slots=True)
class Inferred:
    """That a column seems to hold values of a kind; ``evidence`` is JSON of counts and shapes, and holds no value."""

    column: str
    kind: str
    confidence: float
    value: Mapping[str, Any]
    evidence: Mapping[str, Any]
    author: str

    def resembles(self, claim: Annotation) -> bool:
        """Return whether a claim says the same already; another sample's counts alone make no news."""
        return (
            claim.author == self.author
            and claim.confidence == self.confidence
            and claim.value == dict(self.value)
            and (claim.evidence or {}).get("method") == self.evidence.get("method")
        )


def infer(*, caller: Caller, dataset_uuid: uuid.UUID, inferred: Sequence[Inferred]) -> bool:
    """
    Make what was inferred of a dataset's columns the suggestions about it, in place of earlier ones; return whether anything changed.

    What somebody accepted or rejected stays as it is. Columns that are gone are passed over.
    """
    with transaction.atomic():
        dataset = lock_dataset(dataset_uuid)
        if dataset is None:
            return False
        columns = {
            row.path: row
            for row in ColumnRow.objects.filter(dataset=dataset, dropped_at__isnull=True).only("pk", "path")
        }
        claims = Annotation.objects.filter(dataset=dataset, aspect=FINDING, ended_at__isnull=True)
        current = {(claim.column_id, claim.key): claim for claim in claims}
        now = clock.now()
        told: list[tuple[str, str, dict[str, Any]]] = []
        made: list[Annotation] = []
        for each in inferred:
            column = columns.get(each.column)
            if column is None:
                continue
            earlier = current.pop((column.pk, each.kind), None)
            if earlier is not None and (earlier.status != SUGGESTED or each.resembles(earlier)):
                continue
            if earlier is not None:
                _end(earlier, now, caller)
            made.append(_claim(dataset, column, each, now))
            told.append(("annotation", "finding_suggested", {"column": each.column, "after": each.kind}))
        for claim in current.values():
            if claim.status == SUGGESTED:
                _end(claim, now, caller)
                told.append(("annotation", "finding_withdrawn", {"before": claim.key}))
        Annotation.objects.bulk_create(made)
        _publish(dataset, told, caller)
    return bool(told)


def decide(*, caller: Caller, dataset_uuid: uuid.UUID, finding: uuid.UUID, accept: bool) -> Annotated:
    """
    Accept or reject what was inferred of a column; accepting also adds the tag that it suggests. It can be decided anew.

    :raises NoSuchClaim: if the dataset has no such finding.
    :raises Denied: for others than stewards.
    """
    status = ACCEPTED if accept else REJECTED
    with transaction.atomic():
        dataset = lock_described(caller, dataset_uuid, role=gate.STEWARD, doing="deciding about findings of")
        claim = (
            Annotation.objects.select_related("column")
            .filter(dataset=dataset, uuid=finding, aspect=FINDING, ended_at__isnull=True)
            .first()
        )
        if claim is None or claim.column is None:
            raise NoSuchClaim(
                f"'{dataset.qualified_name}' has no finding {finding}; it may have been decided or withdrawn"
            )
        if claim.status == status:
            return Annotated(dataset.uuid, dataset.version, None)
        now = clock.now()
        _end(claim, now, caller)
        column, before, tag = claim.column, claim.status, str((claim.value or {}).get("tag", ""))
        decided = Annotation.objects.create(
            dataset=dataset,
            column=column,
            aspect=FINDING,
            key=claim.key,
            value=claim.value,
            said_by=SaidBy.PERSON,
            author=caller.principal.handle,
            confidence=claim.confidence,
            evidence=claim.evidence,
            status=status,
            said_at=now,
        )
        change = {"column": column.path, "before": before, "key": claim.key}
        _publish(dataset, [("annotation", f"finding_{status}", change)], caller)
        version = dataset.version
        if tag and accept:
            version = add_tag(caller=caller, dataset_uuid=dataset_uuid, tag=tag, column=column.path).version
        elif tag and before == ACCEPTED:
            with suppress(NoSuchClaim):  # somebody took it off meanwhile
                version = remove_tag(caller=caller, dataset_uuid=dataset_uuid, tag=tag, column=column.path).version
    return Annotated(dataset_uuid, version, decided.uuid)


def _end(claim: Annotation, now: datetime, caller: Caller) -> None:
    claim.ended_at, claim.ended_by = now, caller.principal.handle
    claim.save(update_fields=["ended_at", "ended_by"])


def _claim(dataset: Dataset, column: ColumnRow, inferred: Inferred, now: datetime) -> Annotation:
    return Annotation(
        dataset=dataset,
        column=column,
        aspect=FINDING,
        key=inferred.kind,
        value=dict(inferred.value),
        said_by=SaidBy.INFERENCE,
        author=inferred.author,
        confidence=inferred.confidence,
        evidence=dict(inferred.evidence),
        status=SUGGESTED,
        said_at=now,
    )


def _publish(dataset: Dataset, told: list[tuple[str, str, dict[str, Any]]], caller: Caller) -> None:
    if told:
        dataset.version += len(told)
        refresh_bodies([dataset])
        publish_changes([(dataset, told)], caller=caller, cause={})
