"""Loading one table, and saying why one could not be."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from catalog.connectors.base import ConnectorError, DatasetRef, Loaded, LoadFailure, NoSuchTable
from catalog.connectors.iceberg.documents import table_document, table_parameters

if TYPE_CHECKING:
    from pyiceberg.table import Table


# What a file that is cut off, of another kind, or made to hurt leads to, beside PyIceberg's own ValidationError.
_CORRUPT = (ValueError, KeyError, TypeError, AttributeError, OSError, EOFError, RecursionError, zlib.error)


Answer = TypeVar("Answer")


def tell_of(ref: DatasetRef, read: Callable[[], Table], tell: Callable[[Table], Answer]) -> Answer:
    """Return what a table that is read so tells. :raises NoSuchTable, ConnectorError: if it is not there, or cannot be read."""
    from pyiceberg.exceptions import NoSuchIcebergTableError, NoSuchTableError, ValidationError

    try:
        return tell(read())
    except (NoSuchTableError, NoSuchIcebergTableError) as error:
        raise NoSuchTable(f"there is no table '{ref.name}' in '{ref.database}'") from error
    except FileNotFoundError as error:
        raise ConnectorError(f"a file of '{ref.name}' is gone") from error
    except (*_CORRUPT, ValidationError) as error:
        reason = f"a file of '{ref.name}' could not be read ({type(error).__name__})"
        raise ConnectorError(reason) from error


def load_table(ref: DatasetRef, read: Callable[[], Table], *, digest: bool) -> Loaded | LoadFailure:
    """Return the document of a table that is read so, with its metadata location as the digest where listings give it too."""
    from pyiceberg.exceptions import NoSuchIcebergTableError, NoSuchTableError, ValidationError

    try:
        table = read()
        document = table_document(table)
    except (NoSuchTableError, NoSuchIcebergTableError):
        return LoadFailure(ref, f"there is no table '{ref.name}' in '{ref.database}'", gone=True)
    except FileNotFoundError:
        return LoadFailure(ref, "its metadata file is gone")
    except (*_CORRUPT, ValidationError) as error:
        return LoadFailure(ref, f"its metadata file could not be read ({type(error).__name__})")
    location = table.metadata_location if digest else None
    found = replace(ref, source_id=str(table.metadata.table_uuid), digest=location)
    return Loaded(found, document, table_parameters(table))
