"""Bulk writes past the ORM, for paths that store thousands of rows a second: COPY on PostgreSQL, executemany elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC
from typing import Any

import orjson
from django.db import connection, models


def _converter(field: models.Field[Any, Any]) -> Callable[[Any], Any] | None:
    if isinstance(field, models.JSONField):
        return lambda value: None if value is None else orjson.dumps(value).decode()
    if connection.vendor == "postgresql":
        return None
    if isinstance(field, models.UUIDField):
        return lambda value: None if value is None else value.hex
    if isinstance(field, models.DateTimeField):
        # The spelling Django's SQLite backend reads.
        return lambda value: None if value is None else str(value.astimezone(UTC).replace(tzinfo=None))
    return None


def _fields(model: type[models.Model], names: Sequence[str]) -> list[models.Field[Any, Any]]:
    by_attribute = {field.attname: field for field in model._meta.concrete_fields}
    return [by_attribute[name] for name in names]


def _converted(rows: Iterable[Sequence[Any]], fields: Sequence[models.Field[Any, Any]]) -> list[list[Any]]:
    converters = [(at, convert) for at, field in enumerate(fields) if (convert := _converter(field)) is not None]
    prepared = []
    for row in rows:
        values = list(row)
        for at, convert in converters:
            values[at] = convert(values[at])
        prepared.append(values)
    return prepared


def reserve_keys(model: type[models.Model], count: int) -> Sequence[int]:
    """Return primary keys for rows about to be inserted in the present transaction."""
    if not count:
        return ()
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)", [table, count]
            )
            return [key for (key,) in cursor.fetchall()]
        # The transaction holds the only write lock; SQLite raises the number itself when the rows come.
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
        row = cursor.fetchone()
        first = (row[0] if row else 0) + 1
        return range(first, first + count)


def insert(
    model: type[models.Model], names: Sequence[str], rows: Iterable[Sequence[Any]], *, or_keep: bool = False
) -> None:
    """
    Insert rows of values in the order of the attribute names (``dataset_id``, not ``dataset``).

    ``or_keep`` leaves rows alone that are there already under a key of these.
    """
    fields = _fields(model, names)
    prepared = _converted(rows, fields)
    if not prepared:
        return
    table = model._meta.db_table
    columns = ", ".join(f'"{field.column}"' for field in fields)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql" and not or_keep:
            with cursor.copy(f'COPY "{table}" ({columns}) FROM STDIN') as copy:
                for values in prepared:
                    copy.write_row(values)
        else:
            marks = ", ".join(["%s"] * len(fields))
            keep = " ON CONFLICT DO NOTHING" if or_keep else ""
            cursor.executemany(f'INSERT INTO "{table}" ({columns}) VALUES ({marks}){keep}', prepared)


def update(model: type[models.Model], names: Sequence[str], rows: Iterable[tuple[int, Sequence[Any]]]) -> None:
    """Update rows by primary key: pairs of key and values in the order of the attribute names."""
    fields = _fields(model, names)
    pairs = list(rows)
    if not pairs:
        return
    prepared = _converted((values for _, values in pairs), fields)
    assignments = ", ".join(f'"{field.column}" = %s' for field in fields)
    key = model._meta.pk
    assert key is not None
    statement = f'UPDATE "{model._meta.db_table}" SET {assignments} WHERE "{key.column}" = %s'
    with connection.cursor() as cursor:
        cursor.executemany(statement, [[*values, pk] for values, (pk, _) in zip(prepared, pairs, strict=True)])
