"""Judging: datasets that changed, and everything by a run; violations open and close by what rules say."""

from __future__ import annotations

import logging
import uuid
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.db import transaction

from catalog import bulk
from catalog.access.principals import system_principal
from catalog.journal import clock, failpoints
from catalog.journal.runs import NO_FAULT_OF_A_SUBJECT, Attempt
from catalog.journal.selectors import Change
from catalog.journal.services import Entry, publish
from catalog.selectors.bodies import Bodies, bodies_of, count_live, iterate_live
from catalog.selectors.scanning import catalogs_of_datasets
from policy.domain.envelope import Rule
from policy.domain.verdicts import Judgement, Verdict, judgements, wanted_by
from policy.models import DailyCount, Policy, Violation
from policy.selectors.policies import active_policies, active_rules
from policy.selectors.verdicts import explanation, subjects_of, waivers_of

logger = logging.getLogger(__name__)

FOLLOWED = frozenset({"identity", "definition", "annotation", "data", "quality", "waiver"})
PAGE = 200
OPEN_PAGE = 2_000
"""Open violations that are looked through at once for datasets that are gone."""
AUTHOR = system_principal("policy").handle
JUDGED = failpoints.declare("policy.judged", "a page judged, nothing of it committed")
_BAD = (Verdict.FAILED, Verdict.ERROR, Verdict.WAIVED)
_KEY_FIELDS = ("pk", "policy_id", "dataset_uuid", "column_uuid")
_SHOWN_FIELDS = ("verdict", "message", "policy_version")
_TOLD_FIELDS = (*_SHOWN_FIELDS, "severity", "column", "explanation")

Key = tuple[int, uuid.UUID, uuid.UUID | None]
"""A policy, a dataset, and a column of it or None."""


def judge_changes(changes: Sequence[Change]) -> None:
    """Judge the datasets that changes speak of by all active policies; data that grows only where a rule asks for how much there is."""
    keys: dict[uuid.UUID, None] = {}
    asks_for_data = "dataset.data" in wanted_by(rule for _, _, rule in active_rules())
    for change in changes:
        if change.aspect == "data" and not asks_for_data:
            continue
        if change.aspect == "waiver":
            keys |= dict.fromkeys(map(uuid.UUID, change.payload.get("datasets", ())))
        elif change.subject_uuid is not None:
            keys[change.subject_uuid] = None
    wanted = list(keys)
    for start in range(0, len(wanted), PAGE):
        _judge_apart(wanted[start : start + PAGE], None)


def judge_all() -> None:
    """Judge everything by all active policies, as the projection is made anew."""
    for _ in _everything(None, Counter()):
        pass


def run_judge(attempt: Attempt) -> Mapping[str, Any]:
    """Judge everything by one policy, or by all; return how many had each verdict."""
    slugs = None if not attempt.subject else [attempt.subject]
    total, counts = count_live(), Counter[tuple[int, str]]()
    began = clock.now()
    for looked_at in _everything(slugs, counts, attempt):
        attempt.check_cancelled()
        attempt.tell({"done": looked_at, "total": total})
    with transaction.atomic():
        attempt.fence()
        _keep_counts(slugs, counts, began)
    told = Counter[str]()
    for (_, verdict), count in counts.items():
        told[verdict] += count
    return dict(told)


def _keep_counts(slugs: Sequence[str] | None, counts: Counter[tuple[int, str]], at: datetime) -> None:
    rows = Policy.objects.all() if slugs is None else Policy.objects.filter(slug__in=slugs)
    unreadable = [key for key, _, rule in active_policies() if rule is None]
    for policy in rows.exclude(pk__in=unreadable).select_for_update():
        own = {verdict: count for (key, verdict), count in counts.items() if key == policy.pk}
        policy.counts, policy.judged_at = own, at
        policy.save(update_fields=["counts", "judged_at"])
        if policy.active is not None:
            DailyCount.objects.update_or_create(policy=policy, day=at.date(), defaults={"counts": own})


def _everything(
    slugs: Sequence[str] | None, counts: Counter[tuple[int, str]], attempt: Attempt | None = None
) -> Iterable[int]:
    """Judge all live datasets page by page, and resolve what is of others; give how many were looked at so far."""
    if not Policy.objects.exists():
        return
    place = looked_at = 0
    while True:
        keys, place = iterate_live(after=place, limit=PAGE)
        if not keys:
            break
        counts.update(_judge_apart(keys, slugs, attempt))
        looked_at += len(keys)
        yield looked_at
    judged = None if slugs is None else set(Policy.objects.filter(slug__in=slugs).values_list("pk", flat=True))
    last = 0
    while True:
        rows = Violation.objects.filter(resolved_at__isnull=True, pk__gt=last).order_by("pk")
        page = list(rows.values_list("pk", "policy_id", "dataset_uuid")[:OPEN_PAGE])
        if not page:
            return
        last = page[-1][0]
        of_these = {key for _, policy, key in page if judged is None or policy in judged}
        gone = list(of_these - catalogs_of_datasets(list(of_these)).keys())
        for start in range(0, len(gone), PAGE):
            _judge_apart(gone[start : start + PAGE], slugs, attempt)
        yield looked_at


@dataclass(frozen=True, slots=True)
class _Bad:
    """A judgement that makes a violation, and the version of the rule that made it."""

    rule: Rule
    number: int
    judgement: Judgement

    @property
    def shown(self) -> tuple[str, str, int]:
        """What of a violation is told, in the order of its fields: its verdict, its message, and the version of the policy."""
        return self.judgement.verdict, self.judgement.told(self.rule), self.number

    @property
    def values(self) -> tuple[Any, ...]:
        """What a violation keeps of it, in the order of its fields."""
        parts = [part.to_json() for part in explanation(self.rule, self.judgement.facts)]
        return *self.shown, self.rule.severity, self.judgement.column, parts


class _Opened(NamedTuple):
    """A violation that is new, in a tenth of the time that a model takes to be made."""

    policy_id: int
    dataset_uuid: uuid.UUID
    column_uuid: uuid.UUID | None
    uuid: uuid.UUID
    opened_at: datetime
    changed_at: datetime
    version: int
    verdict: str
    message: str
    policy_version: int
    severity: str
    column: str
    explanation: Sequence[Mapping[str, Any]]


@dataclass(slots=True)
class _Found:
    """What judging a page came to: what is bad, and how many had each verdict."""

    bad: dict[Key, _Bad] = field(default_factory=dict)
    counts: Counter[tuple[int, str]] = field(default_factory=Counter)


def _judge_apart(
    keys: Sequence[uuid.UUID], slugs: Sequence[str] | None, attempt: Attempt | None = None
) -> Counter[tuple[int, str]]:
    """Judge some datasets; where that fails, each by itself, so that one that cannot be judged holds up no other and keeps what it had."""
    try:
        return _judge(keys, slugs, attempt)
    except NO_FAULT_OF_A_SUBJECT:
        raise
    except Exception:
        if len(keys) == 1:
            logger.exception("dataset %s could not be judged", keys[0])
            return Counter()
    found = Counter[tuple[int, str]]()
    for key in keys:
        found.update(_judge_apart([key], slugs, attempt))
    return found


def _judge(
    keys: Sequence[uuid.UUID], slugs: Sequence[str] | None, attempt: Attempt | None = None
) -> Counter[tuple[int, str]]:
    """Judge some datasets and bring the violations of them in step, in one transaction."""
    with transaction.atomic():
        if attempt is not None:
            attempt.fence()
        # Whoever judges waits here for the others, so that what was read last is what is written last.
        policies = Policy.objects.select_for_update().order_by("pk")
        numbers = dict((policies if slugs is None else policies.filter(slug__in=slugs)).values_list("pk", "active"))
        rules = []
        for key, _, rule in active_policies():
            if rule is None:
                numbers.pop(key, None)
            elif key in numbers:
                rules.append((key, rule))
        found = _look(bodies_of(keys), rules, numbers, clock.now())
        _bring_in_step(keys, numbers, found.bad)
        failpoints.reach(JUDGED)
    return found.counts


def _look(
    bodies: Bodies, rules: Sequence[tuple[int, Rule]], numbers: Mapping[int, int | None], now: datetime
) -> _Found:
    found = _Found()
    if not rules:
        return found
    waivers, wanted = waivers_of(bodies.keys, now), wanted_by(rule for _, rule in rules)
    for key, subject in subjects_of(bodies, wanted, now):
        for policy, rule in rules:
            for one in judgements(rule, subject, waivers.get((policy, key), ())):
                found.counts[policy, one.verdict.value] += 1
                if one.verdict in _BAD:
                    found.bad[policy, key, one.column_uuid] = _Bad(rule, numbers[policy] or 0, one)
    return found


def _bring_in_step(keys: Sequence[uuid.UUID], policies: Container[int], bad: dict[Key, _Bad]) -> None:
    now = clock.now()
    # By dataset alone: asked for the policy too, SQLite goes through all that is open of it, for every page.
    there = Violation.objects.filter(dataset_uuid__in=list(keys), resolved_at__isnull=True)
    resolved: list[int] = []
    changed: dict[int, _Bad] = {}
    # Most are as they were, so that only what is told is read of them.
    for pk, policy, dataset, column, *shown in there.values_list(*_KEY_FIELDS, *_SHOWN_FIELDS):
        if policy not in policies:
            continue
        found = bad.pop((policy, dataset, column), None)
        if found is None:
            resolved.append(pk)
        elif tuple(shown) != found.shown:
            changed[pk] = found
    touched = Violation.objects.in_bulk([*resolved, *changed])
    for row in touched.values():
        row.version += 1
    bulk.update(
        Violation,
        ("version", "changed_at", "resolved_at"),
        ((pk, (touched[pk].version, now, now)) for pk in resolved),
    )
    bulk.update(
        Violation,
        ("version", "changed_at", *_TOLD_FIELDS),
        ((pk, (touched[pk].version, now, *found.values)) for pk, found in changed.items()),
    )
    opened = [_Opened(*key, uuid.uuid4(), now, now, 1, *found.values) for key, found in bad.items()]
    bulk.insert(Violation, _Opened._fields, opened)
    entries = [_entry("resolved", touched[pk], touched[pk].verdict) for pk in resolved]
    entries += [_entry("changed", touched[pk], found.judgement.verdict) for pk, found in changed.items()]
    entries += [_entry("opened", row, row.verdict) for row in opened]
    publish(entries)


def _entry(operation: str, row: Violation | _Opened, verdict: str) -> Entry:
    cause = {"principal": AUTHOR, "door": "flow"}
    payload = {"dataset": str(row.dataset_uuid), "policy": row.policy_id, "verdict": verdict}
    return Entry("verdict", operation, "violation", row.uuid, row.version, cause, payload)
