"""Policies and their versions, what is wrong with a text as one, and the rules that judge now."""

from __future__ import annotations

import functools
import logging
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max

from catalog.access import gate
from catalog.access.principals import Principal
from policy.backends import rule_of
from policy.domain.envelope import InvalidPolicy, Rule
from policy.domain.verdicts import Surprise, Verdict, surprises
from policy.models import Policy, PolicyVersion, Violation

logger = logging.getLogger(__name__)


class NoSuchPolicy(LookupError):
    """There is no policy, or no version of it, of this name."""


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


def list_policies(*, principal: Principal, after: str = "", limit: int) -> Sequence[PolicyView]:
    """Return policies by name, those after one by its name."""
    return _views(list(Policy.objects.filter(slug__gt=after).order_by("slug")[:limit]), principal)


def get_policy(*, principal: Principal, slug: str) -> PolicyView:
    """Return one policy as lists show it. :raises NoSuchPolicy: if there is none."""
    (view,) = _views([policy_row(slug)], principal)
    return view


def known_policies(slugs: Collection[str]) -> set[str]:
    """Return those of some names that policies have."""
    return set(Policy.objects.filter(slug__in=slugs).values_list("slug", flat=True))


def _views(policies: Sequence[Policy], principal: Principal) -> Sequence[PolicyView]:
    versions = PolicyVersion.objects.filter(policy__in=policies)
    latest = dict(versions.values_list("policy_id").annotate(n=Max("number")))
    numbers = {policy.pk: policy.active or latest[policy.pk] for policy in policies}
    rows = versions.filter(number__in=set(numbers.values()))
    shown = {row.policy_id: row for row in rows if numbers[row.policy_id] == row.number}
    opened = Violation.objects.filter(policy__in=policies, resolved_at__isnull=True).exclude(verdict=Verdict.WAIVED)
    counts = dict(opened.values_list("policy_id").annotate(n=Count("pk")).order_by())
    tells = may_write_policies(principal)
    return [
        PolicyView(
            uuid=policy.uuid,
            slug=policy.slug,
            title=shown[policy.pk].title,
            resource=shown[policy.pk].resource,
            severity=shown[policy.pk].severity,
            state=_state(policy, shown[policy.pk].text),
            active=policy.active,
            latest=latest[policy.pk],
            judged_at=policy.judged_at,
            counts=policy.counts if tells else None,
            open_violations=counts.get(policy.pk, 0) if tells else None,
        )
        for policy in policies
    ]


def _state(policy: Policy, text: str) -> str:
    if policy.active is not None:
        return "unreadable" if _rule_or_none(text) is None else "active"
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


def list_versions(*, slug: str, before: int | None = None, limit: int) -> Sequence[VersionView]:
    """Return versions of a policy, newest first, those before one by its number. :raises NoSuchPolicy: if there is no policy."""
    policy = policy_row(slug)
    rows = policy.versions.order_by("-number")
    if before is not None:
        rows = rows.filter(number__lt=before)
    return [_version(policy, row) for row in rows[:limit]]


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
