"""What the active policies say of a dataset now, why, and what was waived."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from django.db.models import Q

from catalog.access.principals import Principal
from catalog.journal import clock
from catalog.selectors.bodies import Bodies
from catalog.selectors.datasets import dataset_for_details
from detection.selectors import count_checks
from policy.backends import rule_language
from policy.domain.envelope import Rule
from policy.domain.explaining import Part, explain
from policy.domain.facts import OF_CHECKS, Checked, types_of
from policy.domain.verdicts import Subject, Verdict, judgements
from policy.models import Violation, Waiver
from policy.selectors.policies import active_rules


@dataclass(frozen=True, slots=True)
class WaiverView:
    """What is let be, by whom, why and until when."""

    uuid: uuid.UUID
    policy: str
    reason: str
    author: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class VerdictView:
    """What an active policy says of a dataset, or of one of its columns, now."""

    policy: str
    title: str
    severity: str
    resource: str
    column: str
    verdict: str
    message: str
    explanation: Sequence[Part]
    violation: uuid.UUID | None
    waiver: WaiverView | None
    columns: int = 0
    """How many columns it tells of together: all that pass, or those that are not told one by one."""


TOLD_COLUMNS = 200
"""Columns that do not pass and are told one by one, of each policy."""


def dataset_verdicts(*, principal: Principal, dataset_uuid: uuid.UUID) -> Sequence[VerdictView]:
    """
    Return what the active policies say of a dataset as it is now.

    A policy of columns says so of each that does not pass, of ``TOLD_COLUMNS`` at most and of the others together, or once of all.

    :raises NoSuchDataset, Denied: as the gate says.
    """
    stored = dataset_for_details(dataset_uuid, principal, "reading what policies say of it")
    now = clock.now()
    waivers = waivers_of([stored.uuid], now)
    opened = {
        (row.policy_id, row.column_uuid): row.uuid
        for row in Violation.objects.filter(dataset_uuid=stored.uuid, resolved_at__isnull=True)
    }
    checked = Checked(*count_checks([stored.uuid]).get(stored.uuid, (0, 0)))
    subject = Subject.of(orjson.loads(stored.body), checked, now)
    found: list[VerdictView] = []
    for policy_id, slug, rule in active_rules():
        waived = waivers.get((policy_id, stored.uuid), {})
        passing, told, more = 0, len(found), Counter[Verdict]()
        for one in judgements(rule, subject, waived):
            if one.column and one.verdict in (Verdict.PASSED, Verdict.NOT_APPLICABLE):
                passing += one.verdict is Verdict.PASSED
                continue
            if len(found) - told >= TOLD_COLUMNS:
                more[one.verdict] += 1
                continue
            waiver = waived.get(one.column_uuid) or waived.get(None)
            found.append(
                VerdictView(
                    policy=slug,
                    title=rule.title,
                    severity=rule.severity,
                    resource=rule.resource,
                    column=one.column,
                    verdict=one.verdict,
                    message=one.told(rule),
                    explanation=explanation(rule, one.facts),
                    violation=opened.get((policy_id, one.column_uuid)),
                    waiver=_waiver(waiver, slug) if waiver is not None else None,
                )
            )
        if len(found) == told:
            found.append(_of_columns(slug, rule, Verdict.PASSED if passing else Verdict.NOT_APPLICABLE, passing))
        found += [_of_columns(slug, rule, verdict, count) for verdict, count in more.items()]
    return found


def _of_columns(slug: str, rule: Rule, verdict: Verdict, columns: int) -> VerdictView:
    return VerdictView(
        policy=slug,
        title=rule.title,
        severity=rule.severity,
        resource=rule.resource,
        column="",
        verdict=verdict,
        message=f"{'' if verdict is Verdict.PASSED else 'more '}columns: {columns}" if columns else "",
        explanation=[],
        violation=None,
        waiver=None,
        columns=columns,
    )


def _waiver(row: Waiver, slug: str) -> WaiverView:
    return WaiverView(row.uuid, slug, row.reason, row.author, row.created_at, row.expires_at)


def find_waiver(*, policy: str, dataset_uuid: uuid.UUID, column_uuid: uuid.UUID | None) -> WaiverView | None:
    """Return what lets a dataset, or a column of it, be now by a policy. Whoever asks may read the dataset."""
    now = clock.now()
    rows = Waiver.objects.filter(
        policy__slug=policy, dataset_uuid=dataset_uuid, expires_at__gt=now, ended_at__isnull=True
    )
    found = {row.column_uuid: row for row in rows.filter(Q(column_uuid=column_uuid) | Q(column_uuid__isnull=True))}
    row = found.get(column_uuid) or found.get(None)
    return _waiver(row, policy) if row is not None else None


def subjects_of(bodies: Bodies, wanted: AbstractSet[str], now: datetime) -> Iterator[tuple[uuid.UUID, Subject]]:
    """Return what is judged of some datasets, with the facts that are wanted; their checks are counted only if rules ask for them."""
    checks = count_checks(bodies.keys) if wanted & OF_CHECKS else {}
    for key, body in bodies:
        yield key, Subject.of(body, Checked(*checks.get(key, (0, 0))), now, wanted)


Waivers = Mapping[tuple[int, uuid.UUID], Mapping[uuid.UUID | None, Waiver]]


def waivers_of(datasets: Sequence[uuid.UUID], now: datetime) -> Waivers:
    """Return the waivers that hold for some datasets, by policy and dataset, and there by column."""
    rows = Waiver.objects.filter(dataset_uuid__in=list(datasets), expires_at__gt=now, ended_at__isnull=True)
    found: dict[tuple[int, uuid.UUID], dict[uuid.UUID | None, Waiver]] = {}
    for row in rows:
        found.setdefault((row.policy_id, row.dataset_uuid), {})[row.column_uuid] = row
    return found


def explanation(rule: Rule, facts: Mapping[str, Any]) -> list[Part]:
    """Return the parts of a rule and what each comes to: of ``when``, then of what must be true."""
    types, language = types_of(rule.resource), rule_language()
    found = explain(rule.when_text, facts, types, language) if rule.when_text else []
    return [*found, *explain(rule.assert_text, facts, types, language)]
