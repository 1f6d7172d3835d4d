"""Datasets that others tell of: found by the names that producers give them, or kept as observed stubs."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import transaction

from catalog.access.principals import Caller
from catalog.access.services import Classifier
from catalog.bodies import new_uuid
from catalog.domain.locations import location_key
from catalog.domain.names import ELSEWHERE, CaseRule, QualifiedName, lookup_key
from catalog.domain.openlineage import SourceName, name_elsewhere, names_within, same_namespace
from catalog.journal import clock
from catalog.models import Catalog, CatalogState, Dataset, DatasetState
from catalog.selectors.connecting import case_rule
from catalog.services.publishing import Told, publish_changes, refresh_bodies

PAGE = 500
SEEN_EVERY = timedelta(hours=1)
"""How often it is written down that a stub is still spoken of."""


@dataclass(slots=True)
class _Wanted:
    """One dataset that is asked for: the names it may have, and where its files may lie."""

    exact: list[tuple[str, bool]] = field(default_factory=list)
    """Printed names, likeliest first, and whether letter case may differ."""
    places: list[str] = field(default_factory=list)
    stub: tuple[str, str] = ("", "")
    """The name of the stub, if nothing is found, and its kind."""


def observe_datasets(*, caller: Caller, names: Sequence[Sequence[SourceName]]) -> list[uuid.UUID]:
    """
    Return the ids of datasets that producers name; each is given with all its names, the first being the one it is told by.

    A name in a namespace that a catalog declares is one of that catalog; files are the table that lies there. What is found
    in no catalog becomes an observed stub, out of search until a sync lists it.
    """
    if not names:
        return []
    claims = _claims()
    wanted = [_wanted(each, claims) for each in names]
    for _ in range(3):
        found = _find(wanted)
        missing = {want.stub[0]: want.stub[1] for want, key in zip(wanted, found, strict=True) if key is None}
        if not missing:
            break
        _make_stubs(missing, caller)
    return [key for key in found if key is not None]


@dataclass(frozen=True, slots=True)
class _Claim:
    """A catalog that declares a namespace: its name, the one database it is if it is one, and whether its names fold."""

    catalog: str
    database: str | None
    folds: bool


def _claims() -> Mapping[str, Sequence[_Claim]]:
    claims: dict[str, list[_Claim]] = {}
    rows = Catalog.objects.exclude(state=CatalogState.REMOVED).exclude(namespaces=[]).order_by("pk")
    for name, platform, options, namespaces in rows.values_list("name", "platform", "options", "namespaces"):
        database = options.get("database") if platform == "postgresql" else None
        claim = _Claim(name, database, case_rule(platform) is CaseRule.FOLDS)
        for namespace in namespaces:
            claims.setdefault(same_namespace(namespace), []).append(claim)
    return claims


def _wanted(names: Sequence[SourceName], claims: Mapping[str, Sequence[_Claim]]) -> _Wanted:
    want = _Wanted()
    for name in names:
        for claim in claims.get(same_namespace(name.namespace), ()):
            for candidate in names_within(claim.catalog, name.name, database=claim.database):
                want.exact.append((str(candidate), claim.folds))
        folded = name.folded()
        place = location_key(folded.address)
        if place is not None:
            want.places.append(place)
    primary = names[0].folded()
    elsewhere = str(name_elsewhere(primary))
    want.stub = (want.exact[0][0], "table") if want.exact else (elsewhere, primary.kind)
    want.exact.append((want.stub[0], False))
    return want


def _find(wanted: Sequence[_Wanted]) -> list[uuid.UUID | None]:
    by_name: dict[str, uuid.UUID] = {}
    by_key: dict[str, list[uuid.UUID]] = {}
    keys = sorted({lookup_key(name) for want in wanted for name, _ in want.exact})
    fresh = clock.now() - SEEN_EVERY
    stale: list[int] = []
    for start in range(0, len(keys), PAGE):
        rows = Dataset.objects.filter(lookup_key__in=keys[start : start + PAGE], holds_name=True)
        for pk, key, name, state, seen_at in rows.values_list("pk", "uuid", "qualified_name", "state", "seen_at"):
            by_name[name] = key
            by_key.setdefault(lookup_key(name), []).append(key)
            if state == DatasetState.OBSERVED and seen_at < fresh:
                stale.append(pk)
    for start in range(0, len(stale), PAGE):
        Dataset.objects.filter(pk__in=stale[start : start + PAGE], state=DatasetState.OBSERVED).update(
            seen_at=clock.now()
        )
    by_place = _at_places(sorted({place for want in wanted for place in want.places}))
    return [_choose(want, by_name, by_key, by_place) for want in wanted]


def _at_places(places: Sequence[str]) -> Mapping[str, uuid.UUID]:
    """Return the datasets whose files lie at places, where it is one only."""
    found: dict[str, list[uuid.UUID]] = {}
    for start in range(0, len(places), PAGE):
        rows = Dataset.objects.filter(location_key__in=places[start : start + PAGE], state=DatasetState.LIVE)
        for place, key in rows.values_list("location_key", "uuid"):
            found.setdefault(str(place), []).append(key)
    return {place: keys[0] for place, keys in found.items() if len(keys) == 1}


def _choose(
    want: _Wanted,
    by_name: Mapping[str, uuid.UUID],
    by_key: Mapping[str, Sequence[uuid.UUID]],
    by_place: Mapping[str, uuid.UUID],
) -> uuid.UUID | None:
    *claimed, stub = want.exact
    for name, folds in claimed:
        if name in by_name:
            return by_name[name]
        alike = by_key.get(lookup_key(name), ())
        if folds and len(alike) == 1:
            return alike[0]
    for place in want.places:
        if place in by_place:
            return by_place[place]
    return by_name.get(stub[0])


def _make_stubs(missing: Mapping[str, str], caller: Caller) -> None:
    """Make observed stubs of the names that nobody holds, with their kinds."""
    names = list(missing)
    if any(name.startswith(f"{ELSEWHERE}/") for name in names):
        _ensure_elsewhere()
    catalogs = {row.name: row for row in Catalog.objects.filter(name__in={name.split("/")[0] for name in names})}
    for start in range(0, len(names), PAGE):
        make_stubs(
            [(catalogs[name.split("/")[0]], name, missing[name]) for name in names[start : start + PAGE]], caller=caller
        )


def make_stubs(wanted: Sequence[tuple[Catalog, str, str]], *, caller: Caller) -> None:
    """Make observed stubs, in one transaction, of those printed names with their kinds that nobody holds yet."""
    now = clock.now()
    with transaction.atomic():
        held = set(
            Dataset.objects.filter(qualified_name__in=[name for _, name, _ in wanted], holds_name=True).values_list(
                "qualified_name", flat=True
            )
        )
        classifier = Classifier()
        classifier.refresh()
        rows = [
            Dataset(
                uuid=new_uuid(),
                catalog=catalog,
                name=QualifiedName.parse(name).last,
                qualified_name=name,
                lookup_key=lookup_key(name),
                kind=kind,
                state=DatasetState.OBSERVED,
                access_class_id=classifier.class_of(name),
                created_at=now,
                seen_at=now,
            )
            for catalog, name, kind in wanted
            if name not in held
        ]
        Dataset.objects.bulk_create(rows)
        refresh_bodies(rows)
        told: list[Told] = [(row, [("identity", "observed", {})]) for row in rows]
        publish_changes(told, caller=caller, cause={})


def _ensure_elsewhere() -> None:
    Catalog.objects.get_or_create(
        name=ELSEWHERE,
        defaults={
            "platform": ELSEWHERE,
            "description": "Datasets that others tell of, and whose source no catalog is connected to.",
            "state": CatalogState.PAUSED,
            "sync_every_seconds": None,
            "created_at": clock.now(),
        },
    )
