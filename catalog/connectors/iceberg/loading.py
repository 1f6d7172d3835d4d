"""Loading one table through any of PyIceberg's catalogs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from catalog.connectors.base import DatasetRef, Loaded, LoadFailure
from catalog.connectors.iceberg.documents import table_document
from catalog.domain.names import split_namespace

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog


def load_table(catalog: Catalog, ref: DatasetRef, *, digest: bool) -> Loaded | LoadFailure:
    """Return a table's document, with its metadata location as the digest where listings give it too."""
    from pyiceberg.exceptions import NoSuchIcebergTableError, NoSuchTableError

    try:
        table = catalog.load_table((*split_namespace(ref.database), ref.name))
        document = table_document(table)
    except (NoSuchTableError, NoSuchIcebergTableError):
        return LoadFailure(ref, f"there is no table '{ref.name}' in '{ref.database}'", gone=True)
    except FileNotFoundError:
        return LoadFailure(ref, "its metadata file is gone")
    except (ValueError, KeyError, OSError, RecursionError) as error:
        return LoadFailure(ref, f"its metadata file could not be read ({type(error).__name__})")
    location = table.metadata_location if digest else None
    return Loaded(replace(ref, source_id=str(table.metadata.table_uuid), digest=location), document)
