"""Policies: saved as versions, made to judge, retired; and what is waived for a time."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max, Q

from catalog.access import gate
from catalog.access.principals import Caller, system_principal
from catalog.access.services import AuditEntry, record
from catalog.journal import clock
from catalog.journal.runs import create_run, find_active_run
from catalog.journal.services import Entry, publish
from catalog.selectors.datasets import dataset_for
from policy.domain.envelope import InvalidPolicy
from policy.models import Policy, PolicyVersion, Waiver
from policy.selectors.policies import NoSuchPolicy, lint, may_write_policies
from policy.selectors.violations import NoSuchViolation, get_violation

KIND = "judge"
MAX_POLICIES = 500
MAX_VERSIONS = 1_000
MAX_REASON = 2_000
MAX_WAIVER = timedelta(days=366)
DAILY_HOURS = 20


class InvalidWaiver(ValueError):
    """A waiver without a reason, or for too long; the message says what to write."""


class VersionNotSound(InvalidPolicy):
    """A version that may not judge: its examples come out otherwise."""


def _require_author(caller: Caller, what: str) -> None:
    if not may_write_policies(caller.principal):
        raise gate.Denied(f"{what} needs the role steward on some part of the catalog")


def save_policy(*, caller: Caller, text: str) -> tuple[str, int]:
    """
    Keep a text as the next version of the policy that it names; return the policy's name and the version. It judges once it is activated.

    The same text again is the version that is there.

    :raises InvalidPolicy: for what is no rule, with the line.
    """
    _require_author(caller, "writing policies")
    linted = lint(text)
    rule = linted.rule
    if rule is None:
        raise InvalidPolicy(linted.problem, linted.line)
    now = clock.now()
    with transaction.atomic():
        policy = Policy.objects.select_for_update().filter(slug=rule.slug).first()
        if policy is None:
            if Policy.objects.count() >= MAX_POLICIES:
                raise InvalidPolicy(f"there are {MAX_POLICIES} policies already, and no room for more")
            Policy.objects.get_or_create(slug=rule.slug, defaults={"created_at": now})
            policy = Policy.objects.select_for_update().get(slug=rule.slug)
        newest = policy.versions.order_by("-number").first()
        if newest is not None and newest.text == text:
            return policy.slug, newest.number
        number = (policy.versions.aggregate(n=Max("number"))["n"] or 0) + 1
        if number > MAX_VERSIONS:
            raise InvalidPolicy(f"a policy has at most {MAX_VERSIONS} versions; give it another name")
        PolicyVersion.objects.create(
            policy=policy,
            number=number,
            text=text,
            title=rule.title,
            resource=rule.resource,
            severity=rule.severity,
            author=caller.principal.handle,
            created_at=now,
        )
        _tell(caller, policy, "saved", after={"version": number, "text": text})
    return policy.slug, number


def activate(*, caller: Caller, slug: str, number: int) -> uuid.UUID:
    """
    Make a version the one that judges, and return the run that judges everything anew. An earlier version is how to go back.

    :raises NoSuchPolicy: if there is no such version.
    :raises VersionNotSound: if its examples come out otherwise, or none of them fails.
    """
    _require_author(caller, "activating policies")
    with transaction.atomic():
        policy = _locked(slug)
        version = policy.versions.filter(number=number).first()
        if version is None:
            raise NoSuchPolicy(f"policy '{slug}' has no version {number}")
        linted = lint(version.text)
        if linted.problem:
            raise VersionNotSound(linted.problem, linted.line)
        if linted.surprises:
            raise VersionNotSound(linted.surprises[0].reason, linted.surprises[0].line)
        before, policy.active = policy.active, number
        _tell(caller, policy, "activated", before={"version": before}, after={"version": number})
        return _judge_anew(policy, caller)


def retire(*, caller: Caller, slug: str) -> uuid.UUID:
    """Have a policy judge no more, and return the run that resolves its violations. :raises NoSuchPolicy: if there is none."""
    _require_author(caller, "retiring policies")
    with transaction.atomic():
        policy = _locked(slug)
        before, policy.active = policy.active, None
        policy.judged_at = policy.judged_at or clock.now()
        _tell(caller, policy, "retired", before={"version": before})
        return _judge_anew(policy, caller)


def request_judging(*, caller: Caller, slug: str = "") -> uuid.UUID:
    """Have everything judged anew by one policy, or by all, and return the run. :raises NoSuchPolicy: if there is none of the name."""
    _require_author(caller, "judging everything anew")
    with transaction.atomic():
        return _judge_anew(_locked(slug) if slug else None, caller)


def request_daily_judging(*, caller: Caller) -> uuid.UUID | None:
    """Have everything judged anew by all policies, if one of those that judge has not done so for most of a day."""
    lately = clock.now() - timedelta(hours=DAILY_HOURS)
    waits = Q(judged_at__isnull=True) | Q(judged_at__lt=lately)
    return request_judging(caller=caller) if Policy.objects.filter(waits, active__isnull=False).exists() else None


def _judge_anew(policy: Policy | None, caller: Caller) -> uuid.UUID:
    subject = policy.slug if policy is not None else ""
    waiting = find_active_run(kind=KIND, subject=subject) if policy is None else None
    return waiting or create_run(kind=KIND, subject=subject, requested_by=caller.principal.handle, queue="policy")


def _locked(slug: str) -> Policy:
    policy = Policy.objects.select_for_update().filter(slug=slug).first()
    if policy is None:
        raise NoSuchPolicy(f"there is no policy '{slug}'")
    return policy


def _tell(caller: Caller, policy: Policy, operation: str, *, before: Any = None, after: Any = None) -> None:
    """Raise a policy's version, save it, and say what was done."""
    policy.version += 1
    policy.save()
    payload = {"policy": policy.slug}
    publish([Entry("policy", operation, "policy", policy.uuid, policy.version, caller.cause, payload)])
    record(caller, [AuditEntry(f"policy.{operation}", "policy", policy.slug, policy.uuid, before, after)])


def waive(*, caller: Caller, violation_uuid: uuid.UUID, reason: str, expires_at: datetime) -> uuid.UUID:
    """
    Let a violation be until a time; return the waiver. It still counts, apart from what fails.

    :raises NoSuchViolation: if there is none that is open, or the asker may not know it.
    :raises InvalidWaiver: without a reason, for a time that is over, or for more than a year.
    :raises Denied: for others than stewards of the dataset.
    """
    found = get_violation(principal=caller.principal, violation_uuid=violation_uuid)
    if found.resolved_at is not None:
        raise NoSuchViolation(f"violation {violation_uuid} is resolved already")
    dataset_for(found.dataset_uuid, caller.principal, gate.STEWARD, "waiving for")
    reason, now = reason.strip(), clock.now()
    if not reason or len(reason) > MAX_REASON or "\x00" in reason:
        raise InvalidWaiver(f"say why, in at most {MAX_REASON} characters")
    if not now < expires_at <= now + MAX_WAIVER:
        raise InvalidWaiver("a waiver ends at a time to come, within a year")
    with transaction.atomic():
        policy = _locked(found.policy)
        old = Waiver.objects.filter(
            policy=policy, dataset_uuid=found.dataset_uuid, column_uuid=found.column_uuid, ended_at__isnull=True
        )
        old.update(ended_at=now)
        waiver = Waiver.objects.create(
            policy=policy,
            dataset_uuid=found.dataset_uuid,
            column_uuid=found.column_uuid,
            reason=reason,
            author=caller.principal.handle,
            created_at=now,
            expires_at=expires_at,
        )
        where = {"dataset": str(found.dataset_uuid), "column": found.column, "until": expires_at.isoformat()}
        _tell_waiver(caller, policy, waiver, "waived", after={**where, "reason": reason})
    return waiver.uuid


def end_waiver(*, caller: Caller, waiver_uuid: uuid.UUID) -> None:
    """End a waiver before its time. :raises NoSuchViolation: if there is none. :raises Denied: for others than stewards."""
    row = Waiver.objects.filter(uuid=waiver_uuid, ended_at__isnull=True).select_related("policy").first()
    if row is None:
        raise NoSuchViolation(f"there is no waiver {waiver_uuid}")
    dataset_for(row.dataset_uuid, caller.principal, gate.STEWARD, "waiving for")
    with transaction.atomic():
        policy = _locked(row.policy.slug)
        Waiver.objects.filter(pk=row.pk).update(ended_at=clock.now())
        _tell_waiver(caller, policy, row, "waiver_ended", before={"dataset": str(row.dataset_uuid)})


def _tell_waiver(
    caller: Caller, policy: Policy, waiver: Waiver, operation: str, *, before: Any = None, after: Any = None
) -> None:
    """Say what was done about a waiver; the dataset is judged anew by whoever follows."""
    policy.version += 1
    policy.save(update_fields=["version"])
    payload = {"policy": policy.slug, "datasets": [str(waiver.dataset_uuid)]}
    publish([Entry("waiver", operation, "policy", policy.uuid, policy.version, caller.cause, payload)])
    record(caller, [AuditEntry(f"policy.{operation}", "policy", policy.slug, policy.uuid, before, after)])


def expire_waivers() -> int:
    """End the waivers whose time is over, and have what they were of judged anew; return how many."""
    caller = Caller(system_principal("policy"), "schedule")
    over = list(
        Waiver.objects.filter(expires_at__lte=clock.now(), ended_at__isnull=True).select_related("policy")[:200]
    )
    for row in over:
        with transaction.atomic():
            policy = _locked(row.policy.slug)
            if Waiver.objects.filter(pk=row.pk, ended_at__isnull=True).update(ended_at=clock.now()):
                _tell_waiver(caller, policy, row, "waiver_expired", before={"dataset": str(row.dataset_uuid)})
    return len(over)
