"""Upkeep: what is done every so often rather than on demand. Celery beat sends the parts, workers do them; doing one twice harms nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings

from catalog.access.principals import Caller, system_principal
from catalog.journal.services import trim
from catalog.services.catalogs import request_due_syncs
from catalog.services.identity import expire_observed
from deploy.flow import kept
from detection.services.scans import request_due_scans
from lineage.services.applying import apply_waiting
from policy.services.policies import expire_waivers, request_daily_judging

OBSERVED_DAYS = 14
_HOUR = 3_600.0


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the upkeep, and the seconds from one time to the next."""

    work: Callable[[Caller], object]
    every: float


UPKEEP: Mapping[str, Part] = {
    "due_syncs": Part(lambda caller: request_due_syncs(caller=caller), 2.0),
    "due_scans": Part(lambda _caller: request_due_scans(), 3.0),
    "expire_observed": Part(
        lambda caller: expire_observed(caller=caller, older_than=timedelta(days=OBSERVED_DAYS)), _HOUR
    ),
    # The projection does this at once; here is taken up what it had no time for.
    "lineage": Part(lambda _caller: apply_waiting(), 15.0),
    "expire_waivers": Part(lambda _caller: expire_waivers(), 30.0),
    # What depends on the time of day, or was missed.
    "judge": Part(lambda caller: request_daily_judging(caller=caller), _HOUR),
    "trim": Part(lambda _caller: trim(kept(settings.KEEP_DAYS)), _HOUR),
}


def do(name: str) -> None:
    """Do a part of the upkeep now. :raises KeyError: if there is none of that name."""
    UPKEEP[name].work(Caller(system_principal("beat"), "schedule"))
