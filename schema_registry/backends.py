"""Finds formats by the names that clients call them: the only reader of their dotted paths."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, cast

from django.conf import settings
from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from schema_registry.formats.base import SchemaFormat


class UnknownFormat(LookupError):
    """No format is called so."""


@functools.cache
def _made(path: str) -> SchemaFormat:
    return cast("SchemaFormat", import_string(path)())


def schema_format(name: str) -> SchemaFormat:
    """Return a format by its name. :raises UnknownFormat: if there is none."""
    path = settings.SCHEMA_FORMATS.get(name)
    if path is None:
        raise UnknownFormat(f"schemas are of the type {' or '.join(settings.SCHEMA_FORMATS)}, found {name[:40]!r}")
    return _made(path)


def format_names() -> list[str]:
    """Return the names of all formats."""
    return list(settings.SCHEMA_FORMATS)
