"""Reads of policy: policies and their versions, violations as far as the asker may read the dataset, and what a rule would say."""

from __future__ import annotations

import functools
import logging
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from django.db.models import Count, Max, Q

from catalog.access import gate
from catalog.access.principals import Principal
from catalog.journal import clock
from catalog.selectors.bodies import count_live, iterate_bodies
from catalog.selectors.datasets import dataset_for_details, names_by_uuid, newest_first
from catalog.selectors.metadata import owners_by_uuid
from detection.selectors import count_checks
from policy.backends import rule_language, rule_of
from policy.domain.envelope import InvalidPolicy, Rule
from policy.domain.explaining import Part, explain
from policy.domain.facts import Checked, types_of
from policy.domain.verdicts import Subject, Surprise, Verdict, judgements, surprises, wanted_by
from policy.models import Policy, PolicyVersion, Violation, Waiver

logger = logging.getLogger(__name__)

PAGE = 500
MAX_LOOKED_AT = 20_000
"""Violations that are looked at for a page of those that the asker may know."""
DRY_RUN_SECONDS = 10.0
SHOWN_CHANGES = 100


class NoSuchPolicy(LookupError):
    """There is no policy, or no version of it, of this name."""


class NoSuchViolation(LookupError):
    """There is no violation of this id, or the asker may not know its dataset."""


def may_write_policies(principal: Principal) -> bool:
    """Return whether somebody may write policies: operators, and stewards of any part of the catalog."""
    return principal.is_operator or gate.may_anywhere(principal, gate.STEWARD)


@dataclass(frozen=True, slots=True)
class PolicyView:
    """A policy as lists show it. Counts and open violations are told to those who may write policies."""

    uuid: uuid.UUID
    slug: str
    title: str
    resource: str
    severity: str
    state: str
    """``active``, ``unreadable``, ``draft`` or ``retired``."""
    active: int | None
    latest: int
    judged_at: datetime | None
    counts: Mapping[str, int] | None
    open_violations: int | None


def list_policies(*, principal: Principal, slug: str = "") -> Sequence[PolicyView]:
    """Return all policies by name, or the one of a name; there are some hundreds at most."""
    rows_of = Policy.objects.filter(slug=slug) if slug else Policy.objects.all()
    policies = list(rows_of.order_by("slug"))
    versions = PolicyVersion.objects.filter(policy__in=policies)
    latest = dict(versions.values_list("policy_id").annotate(n=Max("number")))
    numbers = {policy.pk: policy.active or latest[policy.pk] for policy in policies}
    rows = versions.filter(number__in=set(numbers.values())).defer("text")
    shown = {row.policy_id: row for row in rows if numbers[row.policy_id] == row.number}
    opened = Violation.objects.filter(policy__in=policies, resolved_at__isnull=True).exclude(verdict=Verdict.WAIVED)
    counts = dict(opened.values_list("policy_id").annotate(n=Count("pk")).order_by())
    tells = may_write_policies(principal)
    unreadable = {key for key, _, rule in active_policies() if rule is None}
    return [
        PolicyView(
            uuid=policy.uuid,
            slug=policy.slug,
            title=shown[policy.pk].title,
            resource=shown[policy.pk].resource,
            severity=shown[policy.pk].severity,
            state="unreadable" if policy.pk in unreadable else _state(policy),
            active=policy.active,
            latest=latest[policy.pk],
            judged_at=policy.judged_at,
            counts=policy.counts if tells else None,
            open_violations=counts.get(policy.pk, 0) if tells else None,
        )
        for policy in policies
    ]


def _state(policy: Policy) -> str:
    if policy.active is not None:
        return "active"
    return "retired" if policy.judged_at is not None else "draft"


@dataclass(frozen=True, slots=True)
class VersionView:
    """One version of a policy."""

    slug: str
    number: int
    text: str
    title: str
    resource: str
    severity: str
    author: str
    created_at: datetime
    is_active: bool


def list_versions(*, slug: str) -> Sequence[VersionView]:
    """Return the versions of a policy, newest first. :raises NoSuchPolicy: if there is none."""
    policy = policy_row(slug)
    return [_version(policy, row) for row in policy.versions.order_by("-number")]


def get_version(*, slug: str, number: int | None = None) -> VersionView:
    """Return a version of a policy; the active one without a number, else the newest. :raises NoSuchPolicy: if there is none."""
    policy = policy_row(slug)
    wanted = number or policy.active
    rows = policy.versions.filter(number=wanted) if wanted is not None else policy.versions.order_by("-number")
    row = rows.first()
    if row is None:
        raise NoSuchPolicy(f"policy '{slug}' has no version {wanted}")
    return _version(policy, row)


def _version(policy: Policy, row: PolicyVersion) -> VersionView:
    return VersionView(
        slug=policy.slug,
        number=row.number,
        text=row.text,
        title=row.title,
        resource=row.resource,
        severity=row.severity,
        author=row.author,
        created_at=row.created_at,
        is_active=row.number == policy.active,
    )


def policy_row(slug: str) -> Policy:
    """Return the row of a policy. :raises NoSuchPolicy: if there is none."""
    policy = Policy.objects.filter(slug=slug).first()
    if policy is None:
        raise NoSuchPolicy(f"there is no policy '{slug}'")
    return policy


@dataclass(frozen=True, slots=True)
class Linted:
    """What a text would be as a policy: the rule, or the place and reason of what cannot work, and examples that come out otherwise."""

    rule: Rule | None
    line: int
    problem: str
    surprises: Sequence[Surprise] = ()

    @property
    def is_sound(self) -> bool:
        """Whether it may judge."""
        return self.rule is not None and not self.surprises


def lint(text: str) -> Linted:
    """Return what is wrong with a text as a policy."""
    try:
        rule = rule_of(text)
    except InvalidPolicy as error:
        return Linted(None, error.line, error.reason)
    found = list(surprises(rule))
    if not any(not example.passes for example in rule.examples):
        found.append(Surprise(1, "give at least one example under 'fail': a rule that nothing breaks tells nothing"))
    return Linted(rule, 0, "", found)


# Violations


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
) -> Sequence[ViolationView]:
    """
    Return violations of datasets that the asker may read, newest first; open ones, or such as were resolved.

    ``before`` is the number of the last one of the page before; ``owner`` a handle, or ``-`` for what nobody owns.
    """
    condition = Q(resolved_at__isnull=not resolved)
    for field_, value in (("policy__slug", policy), ("dataset_uuid", dataset_uuid), ("verdict", verdict)):
        if value:
            condition &= Q(**{field_: value})
    rows = Violation.objects.filter(condition).select_related("policy")
    found: list[ViolationView] = []
    for page in newest_first(rows, before=before, page=PAGE, most=MAX_LOOKED_AT):
        found += _views(page, principal, owner)
        if len(found) >= limit:
            break
    return found[:limit]


def _views(rows: Sequence[Violation], principal: Principal, owner: str = "") -> Iterator[ViolationView]:
    keys = list({row.dataset_uuid for row in rows})
    names = names_by_uuid(principal=principal, uuids=keys, role=gate.READ)
    owners = owners_by_uuid(keys)
    for row in rows:
        name = names.get(row.dataset_uuid)
        own = owners.get(row.dataset_uuid, [])
        if name is None or (owner == "-" and own) or (owner not in ("", "-") and owner not in own):
            continue
        yield ViolationView(
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
        )


def get_violation(*, principal: Principal, violation_uuid: uuid.UUID) -> ViolationView:
    """Return a violation. :raises NoSuchViolation: if there is none, or the asker may not read its dataset."""
    row = Violation.objects.select_related("policy").filter(uuid=violation_uuid).first()
    found = next(_views([row], principal), None) if row is not None else None
    if found is None:
        raise NoSuchViolation(f"there is no violation {violation_uuid}")
    return found


def count_by_owner(*, principal: Principal, policy: str = "", newest: int = 5_000) -> Sequence[tuple[str, int]]:
    """Return how many open violations each owner has, most first, ``-`` being nobody; of so many that are the newest."""
    condition = Q(resolved_at__isnull=True)
    if policy:
        condition &= Q(policy__slug=policy)
    keys = list(Violation.objects.filter(condition).order_by("-pk").values_list("dataset_uuid", flat=True)[:newest])
    names = names_by_uuid(principal=principal, uuids=keys, role=gate.READ)
    owners = owners_by_uuid(list(names))
    counts = Counter(owner for key in keys if key in names for owner in owners.get(key, ["-"]))
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def count_open() -> dict[str, int]:
    """Return how many violations are open, by verdict; for metrics."""
    opened = Violation.objects.filter(resolved_at__isnull=True)
    return dict(opened.values_list("verdict").annotate(n=Count("pk")).order_by())


@dataclass(frozen=True, slots=True)
class WaiverView:
    """What is let be, by whom, why and until when."""

    uuid: uuid.UUID
    policy: str
    reason: str
    author: str
    created_at: datetime
    expires_at: datetime


# What rules say


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


def dataset_verdicts(*, principal: Principal, dataset_uuid: uuid.UUID) -> Sequence[VerdictView]:
    """
    Return what the active policies say of a dataset as it is now; of columns those that do not pass.

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
        for one in judgements(rule, subject, waived):
            if one.column and one.verdict in (Verdict.PASSED, Verdict.NOT_APPLICABLE):
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
    return found


def _waiver(row: Waiver, slug: str) -> WaiverView:
    return WaiverView(row.uuid, slug, row.reason, row.author, row.created_at, row.expires_at)


def active_rules() -> list[tuple[int, str, Rule]]:
    """Return the key, name and rule of each active policy that can be read, by name."""
    return [(key, slug, rule) for key, slug, rule in active_policies() if rule is not None]


def active_policies() -> list[tuple[int, str, Rule | None]]:
    """
    Return the key, name and rule of each active policy, by name.

    Without a rule are those whose text was one once and is none to this release: they judge nothing, and what they found stays.
    """
    found: list[tuple[int, str, Rule | None]] = []
    rows = Policy.objects.filter(active__isnull=False).order_by("slug")
    texts = {
        (row.policy_id, row.number): row.text
        for row in PolicyVersion.objects.filter(policy__in=rows, number__in=rows.values("active"))
    }
    for row in rows:
        text = texts.get((row.pk, row.active or 0))
        if text is not None:
            found.append((row.pk, row.slug, _rule_or_none(text)))
    return found


@functools.lru_cache(maxsize=512)
def _rule_or_none(text: str) -> Rule | None:
    try:
        return rule_of(text)
    except InvalidPolicy as error:
        logger.error("an active policy cannot be read any more and judges nothing: %s", error)
        return None


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


@dataclass(slots=True)
class DryRun:
    """What a text would say of the datasets that the asker may read, beside what the active version says."""

    datasets: int = 0
    looked_at: int = 0
    judged: int = 0
    """Datasets or columns in the scope for which the rule applies."""
    counts: Counter[str] = field(default_factory=Counter)
    changes: Counter[str] = field(default_factory=Counter)
    """``newly_failing``, ``newly_passing``, ``still_failing``, ``still_passing``."""
    by_catalog: dict[str, Counter[str]] = field(default_factory=dict)
    newly_failing: list[Mapping[str, Any]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def is_whole(self) -> bool:
        """Whether the time sufficed for all of them."""
        return self.looked_at >= self.datasets

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "datasets": self.datasets,
            "looked_at": self.looked_at,
            "judged": self.judged,
            "counts": dict(self.counts),
            "changes": dict(self.changes),
            "by_catalog": {name: dict(counts) for name, counts in self.by_catalog.items()},
            "newly_failing": self.newly_failing,
            "seconds": self.seconds,
        }


_BAD = (Verdict.FAILED, Verdict.ERROR)


def dry_run(*, principal: Principal, text: str, seconds: float = DRY_RUN_SECONDS) -> DryRun:
    """
    Return what a text would say as a policy, without storing anything. It ends when the time is over, and says how far it came.

    :raises InvalidPolicy: if it is none.
    """
    rule = rule_of(text)
    before = next((known for _, slug, known in active_rules() if slug == rule.slug), None)
    found = DryRun(datasets=count_live(principal=principal))
    wanted = wanted_by([rule] if before is None else [rule, before])
    began, now, place = time.monotonic(), clock.now(), 0
    while time.monotonic() - began < seconds:
        bodies, place = iterate_bodies(after=place, principal=principal)
        if not bodies:
            found.datasets = found.looked_at
            break
        checks = count_checks([key for key, _ in bodies])
        for key, body in bodies:
            _try(found, rule, before, Subject.of(body, Checked(*checks.get(key, (0, 0))), now, wanted))
    found.seconds = time.monotonic() - began
    return found


def _try(found: DryRun, rule: Rule, before: Rule | None, subject: Subject) -> None:
    found.looked_at += 1
    earlier: dict[uuid.UUID | None, Verdict] = {}
    if before is not None and before.resource == rule.resource:
        earlier = {one.column_uuid: one.verdict for one in judgements(before, subject)}
    for one in judgements(rule, subject):
        found.counts[one.verdict.value] += 1
        if one.verdict is Verdict.NOT_APPLICABLE:
            continue
        found.judged += 1
        is_bad, was_bad = one.verdict in _BAD, earlier.get(one.column_uuid) in _BAD
        word = f"{'newly' if is_bad != was_bad else 'still'}_{'failing' if is_bad else 'passing'}"
        found.changes[word] += 1
        found.by_catalog.setdefault(subject.body["catalog"], Counter())[word] += 1
        if word == "newly_failing" and len(found.newly_failing) < SHOWN_CHANGES:
            found.newly_failing.append(
                {
                    "qualified_name": subject.body["qualified_name"],
                    "platform": subject.body["platform"],
                    "column": one.column,
                    "verdict": one.verdict.value,
                    "message": one.told(rule),
                    "owners": subject.body["owners"],
                    "explanation": [part.to_json() for part in explanation(rule, one.facts)],
                }
            )
