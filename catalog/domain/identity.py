"""Which things of two listings are the same: by name first, and only then by the source's own id."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pairing:
    """What became of the names of one complete listing in the next. Every name stands in exactly one place."""

    kept: Sequence[str]
    recreated: Sequence[str]
    """Kept names whose source id changed: dropped and made again at the source. A subset of ``kept``."""
    renamed: Sequence[tuple[str, str]]
    added: Sequence[str]
    vanished: Sequence[str]


def pair(before: Mapping[str, Hashable | None], after: Mapping[str, Hashable | None]) -> Pairing:
    """
    Return how the names of two complete listings correspond; the values are the source's ids, None where it has none.

    A name in both is the same thing, whatever its id: a nightly full refresh drops and makes tables again, and following
    ids would carry owners into the grave. Only vanished and added names with one and the same id are renames, and only
    where that id is unambiguous on both sides. Names keep the order of their listing.
    """
    kept = [name for name in after if name in before]
    recreated = [
        name for name in kept if before[name] is not None and after[name] is not None and before[name] != after[name]
    ]
    vanished = [name for name in before if name not in after]
    added = [name for name in after if name not in before]
    gone_by_id = _by_unique_id(vanished, before)
    come_by_id = _by_unique_id(added, after)
    renamed = [(old, come_by_id[source_id]) for source_id, old in gone_by_id.items() if source_id in come_by_id]
    old_names = {old for old, _ in renamed}
    new_names = {new for _, new in renamed}
    return Pairing(
        kept=kept,
        recreated=recreated,
        renamed=renamed,
        added=[name for name in added if name not in new_names],
        vanished=[name for name in vanished if name not in old_names],
    )


def _by_unique_id(names: Sequence[str], ids: Mapping[str, Hashable | None]) -> dict[Hashable, str]:
    found: dict[Hashable, str] = {}
    doubled: set[Hashable] = set()
    for name in names:
        source_id = ids[name]
        if source_id is None:
            continue
        if source_id in found:
            doubled.add(source_id)
        found[source_id] = name
    return {source_id: name for source_id, name in found.items() if source_id not in doubled}
