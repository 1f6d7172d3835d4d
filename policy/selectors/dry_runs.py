"""What a text would say of all datasets as a policy, beside what its active version says."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from catalog.access.principals import Principal
from catalog.journal import clock
from catalog.selectors.bodies import count_live, iterate_bodies
from policy.backends import rule_of
from policy.domain.envelope import Rule
from policy.domain.verdicts import Subject, Verdict, judgements, wanted_by
from policy.selectors.policies import active_rules
from policy.selectors.verdicts import explanation, subjects_of

DRY_RUN_SECONDS = 10.0
SHOWN_CHANGES = 100


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
        for _, subject in subjects_of(bodies, wanted, now):
            _try(found, rule, before, subject)
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
