"""What an index keeps of a document, field by field: one cut of names and texts for every adapter that keeps fields."""

from __future__ import annotations

from catalog.domain import ranking
from catalog.domain.identifiers import fold, name_words, query_words
from catalog.domain.names import QualifiedName
from catalog.search.base import SearchDocument

MAX_COLUMNS = 2_000
"""Columns of one dataset that are searched by name."""


EXACT_FIELDS = (
    *("name_key", "suffix", "joined", "name_raw", "database", "kind", "column_raw", "owner_raw", "tag_raw", "standing"),
)
"""Fields that are matched whole and neither counted nor sorted by."""
WORD_FIELDS = ("name", "path", "columns", "tags", "description")
"""Fields of words."""


def standing_of(document: SearchDocument) -> list[str]:
    """Return what is known of a document's standing; ``deprecated`` is a detail, the others everybody sees."""
    stands = {"described": document.description, "owned": document.owners, ranking.DEPRECATED: document.deprecated}
    return [name for name, holds in stands.items() if holds]


def terms_of(document: SearchDocument) -> dict[str, str | list[str]]:
    """Return the fields of a document: one value, or a list of them, or words with spaces between."""
    columns = [column.rpartition(".")[2] for column in document.columns[:MAX_COLUMNS]]
    return {
        "class": str(document.access_class),
        "sort": document.qualified_name,
        "name_key": ranking.name_key(document.name),
        "name_raw": fold(document.name),
        "joined": ranking.joined_key(document.name),
        "suffix": list(ranking.suffixes(QualifiedName.parse(document.qualified_name).segments)),
        "name": " ".join(name_words(document.name)),
        "path": " ".join(name_words(f"{document.catalog} {document.database}")),
        "description": " ".join(query_words(document.description)),
        "platform": document.platform,
        "catalog": document.catalog,
        "kind": document.kind,
        "database": fold(document.database),
        "owner": list(document.owners),
        "owner_raw": [fold(owner) for owner in document.owners],
        "tag": list(document.tags),
        "finding": list(document.findings),
        "tag_raw": [fold(tag) for tag in document.tags],
        "tags": " ".join(word for tag in document.tags for word in name_words(tag)),
        "column_raw": [fold(column) for column in columns],
        "standing": standing_of(document),
        "columns": " ".join(dict.fromkeys(word for column in columns for word in name_words(column))),
    }
