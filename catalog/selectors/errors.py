"""What reads of the catalog refuse with."""

from __future__ import annotations

from collections.abc import Sequence


class NoSuchCatalog(LookupError):
    """There is no catalog of this name."""


class NoSuchDatabase(LookupError):
    """There is no such database, or the principal may know none of its datasets."""


class NoSuchVersion(LookupError):
    """The dataset has no such version."""


class Unsupported(RuntimeError):
    """What was asked for is nothing that this dataset or its source has."""


class AmbiguousName(LookupError):
    """Several datasets differ in letter case only; the message lists them."""


class NoSuchDataset(LookupError):
    """There is no such dataset, or the principal may not know that there is. Says what is near."""

    def __init__(self, asked: str, *, renamed_to: str | None = None, near: Sequence[str] = ()) -> None:
        hint = f"; it was renamed to '{renamed_to}'" if renamed_to else ""
        if near and not renamed_to:
            hint = f"; nearest: {', '.join(repr(name) for name in near)}"
        super().__init__(f"no dataset is named '{asked}'{hint}")
        self.asked = asked
        self.renamed_to = renamed_to
        self.near = near
