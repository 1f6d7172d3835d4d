"""Change guards: functions that may refuse or warn of a change of definition before its source is touched."""

from __future__ import annotations

import enum
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from catalog.access.principals import Caller
from catalog.domain.diff import Change
from catalog.domain.documents import DatasetDocument
from catalog.domain.operations import DropTable, Operation, RenameTable

BUDGET_SECONDS = 0.05
"""For all guards together: they see stored facts, walk no graph, call nobody, hold no lock."""


class Verdict(enum.StrEnum):
    """What a guard says."""

    ALLOW = "allow"
    WARN = "warn"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change that somebody wants to make: before, after, their difference, who, through which door, and stored facts."""

    operation: Operation
    qualified_name: str
    before: DatasetDocument | None
    after: DatasetDocument | None
    changes: Sequence[Change]
    caller: Caller
    facts: Mapping[str, Any]
    """``tags`` and ``owners`` of the dataset."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """A guard's verdict and its reason."""

    verdict: Verdict
    reason: str = ""


Guard = Callable[[Proposal], Opinion]


class ChangeRefused(PermissionError):
    """A guard refused; the message holds all reasons."""


def ask_guards(proposal: Proposal) -> list[str]:
    """
    Return the warnings of all guards that the settings list.

    :raises ChangeRefused: if one refuses, or if they take longer than their budget, since a guard unheard is no consent.
    """
    deadline = time.monotonic() + BUDGET_SECONDS
    warnings: list[str] = []
    refusals: list[str] = []
    for path in settings.CHANGE_GUARDS:
        if time.monotonic() > deadline:
            raise ChangeRefused(
                f"change guards took longer than {BUDGET_SECONDS * 1_000:.0f} ms; nothing was changed, try again"
            )
        guard: Guard = import_string(path)
        opinion = guard(proposal)
        if opinion.verdict is Verdict.REFUSE:
            refusals.append(opinion.reason)
        elif opinion.verdict is Verdict.WARN:
            warnings.append(opinion.reason)
    if refusals:
        raise ChangeRefused("; ".join(refusals))
    return warnings


def protected_definitions(proposal: Proposal) -> Opinion:
    """Refuse to drop, rename or break a dataset that carries the tag ``protected``; warn of other breaking changes."""
    breaking = isinstance(proposal.operation, (DropTable, RenameTable)) or any(c.breaking for c in proposal.changes)
    if not breaking:
        return Opinion(Verdict.ALLOW)
    if "protected" in proposal.facts.get("tags", ()):
        return Opinion(
            Verdict.REFUSE,
            f"'{proposal.qualified_name}' is tagged 'protected' and this would break its readers; "
            "have a steward remove the tag first",
        )
    what = ", ".join(change.what for change in proposal.changes if change.breaking) or "the table goes away"
    return Opinion(Verdict.WARN, f"readers of '{proposal.qualified_name}' may break: {what}")
