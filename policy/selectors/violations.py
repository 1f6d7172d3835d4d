"""Violations, as far as the asker may read the dataset."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q

from catalog.access import gate
from catalog.access.principals import Principal
from catalog.selectors.datasets import Listed, Tally, list_newest, names_by_uuid
from catalog.selectors.metadata import owners_by_uuid
from policy.models import Violation


class NoSuchViolation(LookupError):
    """There is no violation of this id, or the asker may not know its dataset."""


@dataclass(frozen=True, slots=True)
class ViolationView:
    """That a dataset or a column breaks a policy; ``owners`` are the dataset's."""

    number: int
    policy: str
    policy_version: int
    dataset_uuid: uuid.UUID
    column_uuid: uuid.UUID | None
    uuid: uuid.UUID
    qualified_name: str
    platform: str
    column: str
    owners: Sequence[str]
    verdict: str
    severity: str
    message: str
    explanation: Sequence[Mapping[str, Any]]
    opened_at: datetime
    changed_at: datetime
    resolved_at: datetime | None


def list_violations(
    *,
    principal: Principal,
    policy: str = "",
    dataset_uuid: uuid.UUID | None = None,
    verdict: str = "",
    owner: str = "",
    resolved: bool = False,
    before: int | None = None,
    limit: int,
) -> Listed[ViolationView]:
    """
    Return violations of datasets that the asker may read, newest first; open ones, or such as were resolved.

    ``before`` is the number of the last one of the page before; ``owner`` a handle, or ``-`` for what nobody owns.
    """
    condition = Q(resolved_at__isnull=not resolved)
    for field, value in (("policy__slug", policy), ("dataset_uuid", dataset_uuid), ("verdict", verdict)):
        if value:
            condition &= Q(**{field: value})
    rows = Violation.objects.filter(condition).select_related("policy")
    return list_newest(rows, lambda page: _known(page, principal, owner), before=before, limit=limit)


def _known(
    rows: Sequence[Violation], principal: Principal, owner: str = ""
) -> Iterator[tuple[Violation, ViolationView]]:
    keys = list({row.dataset_uuid for row in rows})
    names = names_by_uuid(principal=principal, uuids=keys, role=gate.READ)
    owners = owners_by_uuid(keys)
    for row in rows:
        name = names.get(row.dataset_uuid)
        own = owners.get(row.dataset_uuid, [])
        if name is None or (owner == "-" and own) or (owner not in ("", "-") and owner not in own):
            continue
        yield (
            row,
            ViolationView(
                number=row.pk,
                policy=row.policy.slug,
                policy_version=row.policy_version,
                dataset_uuid=row.dataset_uuid,
                column_uuid=row.column_uuid,
                uuid=row.uuid,
                qualified_name=name.qualified_name,
                platform=name.platform,
                column=row.column,
                owners=own,
                verdict=row.verdict,
                severity=row.severity,
                message=row.message,
                explanation=row.explanation,
                opened_at=row.opened_at,
                changed_at=row.changed_at,
                resolved_at=row.resolved_at,
            ),
        )


def get_violation(*, principal: Principal, violation_uuid: uuid.UUID) -> ViolationView:
    """Return a violation. :raises NoSuchViolation: if there is none, or the asker may not read its dataset."""
    row = Violation.objects.select_related("policy").filter(uuid=violation_uuid).first()
    for _, found in _known([row] if row is not None else [], principal):
        return found
    raise NoSuchViolation(f"there is no violation {violation_uuid}")


def count_by_owner(*, principal: Principal, policy: str = "", newest: int = 5_000) -> Tally:
    """Return how many open violations each owner has, of so many that are the newest; ``-`` is nobody."""
    condition = Q(resolved_at__isnull=True)
    if policy:
        condition &= Q(policy__slug=policy)
    rows = Violation.objects.filter(condition).order_by("-pk").values_list("dataset_uuid", flat=True)
    keys = list(rows[: newest + 1])
    is_whole, keys = len(keys) <= newest, keys[:newest]
    names = names_by_uuid(principal=principal, uuids=keys, role=gate.READ)
    owners = owners_by_uuid(list(names))
    return Tally.of((owner for key in keys if key in names for owner in owners.get(key, ["-"])), is_whole=is_whole)


def count_open() -> dict[str, int]:
    """Return how many violations are open, by verdict; for metrics."""
    opened = Violation.objects.filter(resolved_at__isnull=True)
    return dict(opened.values_list("verdict").annotate(n=Count("pk")).order_by())
