"""Loading one table, and saying why one could not be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from catalog.connectors.base import DatasetRef, Loaded, LoadFailure
from catalog.connectors.iceberg.documents import table_document, table_parameters
from catalog.domain.names import split_namespace

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table


def load_from(catalog: Catalog, ref: DatasetRef, *, digest: bool) -> Loaded | LoadFailure:
    """Return the document of a table that a catalog of PyIceberg's knows."""
    return load_table(ref, lambda: catalog.load_table((*split_namespace(ref.database), ref.name)), digest=digest)


def load_table(ref: DatasetRef, read: Callable[[], Table], *, digest: bool) -> Loaded | LoadFailure:
    """Return the document of a table that is read so, with its metadata location as the digest where listings give it too."""
    from pyiceberg.exceptions import NoSuchIcebergTableError, NoSuchTableError

    try:
        table = read()
        document = table_document(table)
    except (NoSuchTableError, NoSuchIcebergTableError):
        return LoadFailure(ref, f"there is no table '{ref.name}' in '{ref.database}'", gone=True)
    except FileNotFoundError:
        return LoadFailure(ref, "its metadata file is gone")
    except (ValueError, KeyError, OSError, RecursionError) as error:
        return LoadFailure(ref, f"its metadata file could not be read ({type(error).__name__})")
    location = table.metadata_location if digest else None
    found = replace(ref, source_id=str(table.metadata.table_uuid), digest=location)
    return Loaded(found, document, table_parameters(table))
