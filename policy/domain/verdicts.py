"""Verdicts: what a rule says of one dataset or column, and why."""

from __future__ import annotations

import enum
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from policy.domain.envelope import Example, Rule
from policy.domain.facts import Checked, columns_facts, dataset_facts
from policy.language.base import EvaluationError


class Verdict(enum.StrEnum):
    """The five. An error is no pass: nothing was learned. Waived is what fails, and somebody let be for a time."""

    PASSED = "pass"
    FAILED = "fail"
    ERROR = "error"
    NOT_APPLICABLE = "not_applicable"
    WAIVED = "waived"


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict, and the reason of an error."""

    verdict: Verdict
    reason: str = ""


def judge(rule: Rule, facts: Mapping[str, Any], *, waived: bool = False) -> Judged:
    """
    Return what a rule says of some facts. What could not be judged stays an error, waived or not.

    ``when`` is asked within the scope only; the rule itself only where ``when`` is true.
    """
    if not rule.scope.holds(facts):
        return Judged(Verdict.NOT_APPLICABLE)
    return judge_within(rule, facts, waived=waived)


def judge_within(rule: Rule, facts: Mapping[str, Any], *, waived: bool = False) -> Judged:
    """Return what a rule says of what lies in its scope."""
    try:
        if rule.when is not None and not rule.when.holds(facts):
            return Judged(Verdict.NOT_APPLICABLE)
    except EvaluationError as error:
        return Judged(Verdict.ERROR, f"when: {error}")
    try:
        if rule.must.holds(facts):
            return Judged(Verdict.PASSED)
    except EvaluationError as error:
        return Judged(Verdict.ERROR, f"assert: {error}")
    return Judged(Verdict.WAIVED if waived else Verdict.FAILED)


@dataclass(frozen=True, slots=True)
class Surprise:
    """An example that does not come out as it says."""

    line: int
    reason: str


def surprises(rule: Rule) -> Sequence[Surprise]:
    """Return the examples of a rule that it judges otherwise; its scope is not asked of them."""
    found = (_surprise(rule, example) for example in rule.examples)
    return [one for one in found if one is not None]


def _surprise(rule: Rule, example: Example) -> Surprise | None:
    judged = judge_within(rule, example.facts)
    wanted = Verdict.PASSED if example.passes else Verdict.FAILED
    if judged.verdict is wanted:
        return None
    said = judged.verdict.replace("_", " ")
    why = f" ({judged.reason})" if judged.reason else ""
    return Surprise(example.line, f"this example shall {wanted.value} and its verdict is {said}{why}")


@dataclass(frozen=True, slots=True)
class Subject:
    """A dataset that is judged: its body, and its facts, which are made once for all rules."""

    body: Mapping[str, Any]
    facts: Mapping[str, Any]

    @classmethod
    def of(
        cls, body: Mapping[str, Any], checked: Checked, now: datetime, wanted: Collection[str] | None = None
    ) -> Subject:
        """Return the subject that a dataset is now, with all facts or those that are wanted."""
        return cls(body, dataset_facts(body, checked, now, wanted))


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict on a dataset, or on a column of it, and the facts that it rests on."""

    column_uuid: uuid.UUID | None
    column: str
    judged: Judged
    facts: Mapping[str, Any]

    @property
    def verdict(self) -> Verdict:
        """What it is."""
        return self.judged.verdict

    def told(self, rule: Rule) -> str:
        """Return the rule's message for it, or why it could not be judged."""
        return self.judged.reason or rule.told(self.facts)


def wanted_by(rules: Iterable[Rule]) -> frozenset[str]:
    """Return the facts that any of some rules may ask of."""
    return frozenset[str]().union(*(rule.wanted for rule in rules))


def judgements(rule: Rule, subject: Subject, waived: Collection[uuid.UUID | None] = ()) -> Iterator[Judgement]:
    """
    Return what a rule says of a dataset, or of each of its columns; of columns outside its scope nothing.

    ``waived`` holds the columns that are let be, None for all of the dataset.
    """
    everything = None in waived
    if rule.resource == "dataset":
        yield Judgement(None, "", judge(rule, subject.facts, waived=everything), subject.facts)
    elif rule.scope.holds(subject.facts):
        for column, own in columns_facts(subject.body):
            key, facts = uuid.UUID(column["uuid"]), {**subject.facts, **own}
            judged = judge_within(rule, facts, waived=everything or key in waived)
            yield Judgement(key, column["path"], judged, facts)
