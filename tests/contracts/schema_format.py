"""The contract of schema formats: what the registry relies on, whatever the language."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from schema_registry.formats.base import MAX_SCHEMA_BYTES, InvalidSchema, SchemaFormat


class SchemaFormatContract:
    """Subclasses say the format, some schemas of it that differ, and texts that are none."""

    format: SchemaFormat
    schemas: Sequence[str]
    invalid: Sequence[str]
    referenced: tuple[str, str, str]
    """A schema, the name that another refers to it by, and that other one."""
    breaking: tuple[str, str]
    """A writer and a reader that cannot read it."""

    def test_a_schema_is_printed_in_one_spelling(self) -> None:
        for text in self.schemas:
            once = self.format.parse(text, {})
            again = self.format.parse(once.text, {})
            assert again.text == once.text
            assert again.normal == once.normal
            assert self.format.parse(once.normal, {}).normal == once.normal

    def test_schemas_that_differ_stay_apart(self) -> None:
        assert len({self.format.parse(text, {}).text for text in self.schemas}) == len(self.schemas)

    def test_every_schema_reads_what_it_wrote(self) -> None:
        for text in self.schemas:
            parsed = self.format.parse(text, {})
            assert not self.format.incompatibilities(parsed, parsed)
            assert not self.format.incompatibilities(parsed, self.format.parse(parsed.normal, {}))

    def test_what_is_none_is_refused_with_a_reason(self) -> None:
        for text in self.invalid:
            try:
                refusal = self.format.parse(text, {}).flaw
            except InvalidSchema as error:
                refusal = error
            assert refusal is not None, text
            assert refusal.reason
            assert len(str(refusal)) < 1_000

    def test_a_schema_uses_what_it_refers_to(self) -> None:
        first, name, second = self.referenced
        with pytest.raises(InvalidSchema):
            self.format.parse(second, {})
        held = self.format.parse(first, {})
        whole = self.format.parse(second, {name: held})
        assert whole.text != held.text
        with pytest.raises(InvalidSchema, match="no type"):
            self.format.parse(second, {"strange.Name": held})

    def test_what_breaks_says_where_and_what_to_do(self) -> None:
        writer, reader = (self.format.parse(text, {}) for text in self.breaking)
        reasons = self.format.incompatibilities(reader, writer)
        assert reasons
        for reason in reasons:
            assert reason.kind
            assert reason.message
            assert reason.hint

    def test_a_text_that_is_too_long_is_refused_unread(self) -> None:
        with pytest.raises(InvalidSchema, match="bytes"):
            self.format.parse(" " * MAX_SCHEMA_BYTES + self.schemas[0], {})

    def test_fields_have_paths_of_their_own(self) -> None:
        for text in self.schemas:
            paths = [view.path for view in self.format.fields(self.format.parse(text, {}))]
            assert len(paths) == len(set(paths))
