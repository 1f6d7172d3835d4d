"""
Avro: schemas read strictly, printed in one spelling, and compared as readers and writers.

The `avro` library takes names that no reader of another language can use and defaults that do not fit their types, says no place of what is
wrong, and forgets which reason belongs to which place; so the reading is ours, and tests hold it against the library's.
Source: https://avro.apache.org/docs/1.12.0/specification/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from schema_registry.formats.avro.comparing import Comparison
from schema_registry.formats.avro.printing import nested_fields, printed
from schema_registry.formats.avro.reading import Reader
from schema_registry.formats.avro.tree import Named, Tree
from schema_registry.formats.base import MAX_SCHEMA_BYTES, FieldView, Incompatibility, InvalidSchema, Parsed

MAX_FIELDS = 5_000
MAX_PATHS = 2_000_000
"""Characters of all paths together."""


class AvroFormat:
    """Avro's schemas."""

    name = "AVRO"
    title = "Avro"

    def parse(self, text: str, references: Mapping[str, Parsed]) -> Parsed:
        """
        Return a schema with the named types of what it refers to; a default that does not fit its type is its flaw.

        :raises InvalidSchema: with the place.
        """
        if len(text) > MAX_SCHEMA_BYTES or len(text.encode(errors="surrogatepass")) > MAX_SCHEMA_BYTES:
            raise InvalidSchema("", f"the schema has more than {MAX_SCHEMA_BYTES:,} bytes")
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise InvalidSchema("", f"the schema is not JSON: {error}") from None
        try:
            orjson.dumps(value)
        except orjson.JSONEncodeError:
            raise InvalidSchema("", "the schema is nested more than 250 levels deep") from None
        known: dict[str, Named] = {}
        for reference, parsed in references.items():
            if reference not in parsed.tree.names:
                raise InvalidSchema("", f"the referenced schema defines no type {reference!r}")
            known |= parsed.tree.names
        reader = Reader(known)
        root = reader.read(value)
        own = frozenset(known)
        return Parsed(
            printed(root, own, in_order=False),
            printed(root, own, in_order=True),
            Tree(root, reader.names),
            reader.flaw,
        )

    def incompatibilities(self, reader: Parsed, writer: Parsed) -> Sequence[Incompatibility]:
        """Return why the reader cannot read all that the writer writes. :raises TooComplex: beyond MAX_STEPS."""
        return Comparison().compare(reader.tree.root, writer.tree.root, "", "")

    def fields(self, schema: Parsed) -> Sequence[FieldView]:
        """Return the fields of a schema, nested ones by their path."""
        found: list[FieldView] = []
        left = MAX_PATHS
        for view in nested_fields(schema.tree.root, "", ()):
            found.append(view)
            left -= len(view.path)
            if len(found) == MAX_FIELDS or left < 0:
                break
        return found
