"""The contract of languages of rules: what is wrong is told when a rule is written, and what comes to no answer is never an answer."""

from __future__ import annotations

import contextlib
import time
from datetime import UTC, datetime

import pytest

from policy.language.base import EvaluationError, FactType, InvalidExpression, RuleLanguage

FACTS = {
    "d.name": FactType.TEXT,
    "d.owners": FactType.TEXTS,
    "d.count": FactType.NUMBER,
    "d.share": FactType.DECIMAL,
    "d.open": FactType.TRUTH,
    "d.at": FactType.TIME,
    "d.more": FactType.RECORD,
    "d.parts": FactType.RECORDS,
    "now": FactType.TIME,
}
VALUES = {
    "d.name": "plays",
    "d.owners": ["user:mara", "team:growth"],
    "d.count": 3,
    "d.share": 0.5,
    "d.open": True,
    "d.at": datetime(2026, 1, 1, tzinfo=UTC),
    "d.more": {"days": 30, "text": "x"},
    "d.parts": [{"name": "id", "tags": []}, {"name": "email", "tags": ["pii"]}],
    "now": datetime(2026, 1, 3, tzinfo=UTC),
}


class RuleLanguageContract:
    """Every language keeps these promises; a subclass gives it and the expressions in its words."""

    true: tuple[str, ...]
    false: tuple[str, ...]
    invalid: tuple[tuple[str, int, int], ...]
    """Expressions that cannot be compiled, and the line and column where that is."""
    unanswered: tuple[str, ...]
    """Expressions that come to no answer of these facts."""
    joined: tuple[tuple[str, list[tuple[str, int, bool]]], ...]
    """Expressions, and the parts that they have."""
    growing: tuple[str, ...]
    """Expressions that make very much of little."""
    endless: tuple[str, ...]
    """Expressions that would run for very long over many parts."""

    @pytest.fixture
    def language(self) -> RuleLanguage:
        raise NotImplementedError

    def test_what_is_true_holds(self, language):
        for text in self.true:
            assert language.compile(text, FACTS).holds(VALUES) is True, text

    def test_what_is_false_does_not(self, language):
        for text in self.false:
            assert language.compile(text, FACTS).holds(VALUES) is False, text

    def test_what_is_wrong_is_told_with_its_place(self, language):
        for text, line, column in self.invalid:
            with pytest.raises(InvalidExpression) as found:
                language.compile(text, FACTS)
            assert (found.value.line, found.value.column) == (line, column), (text, found.value)
            assert found.value.reason
            assert "\n" not in found.value.reason

    def test_what_comes_to_no_answer_is_no_answer(self, language):
        for text in self.unanswered:
            with pytest.raises(EvaluationError) as found:
                language.compile(text, FACTS).holds(VALUES)
            assert str(found.value)

    def test_an_expression_is_taken_apart_as_it_binds(self, language):
        for text, parts in self.joined:
            found = language.parts(text)
            assert [(part.text, part.depth, part.has_parts) for part in found] == parts, text
            for part in found:
                language.compile(part.text, FACTS)

    def test_what_would_grow_without_end_is_refused(self, language):
        for text in self.growing:
            with pytest.raises((InvalidExpression, EvaluationError)):
                language.compile(text, FACTS).holds(VALUES)

    def test_what_runs_too_long_is_stopped(self, language):
        many = VALUES | {"d.owners": [f"user:{number}" for number in range(200)], "d.name": "a" * 5_000 + "!"}
        for text in self.endless:
            program = language.compile(text, FACTS)
            began = time.process_time()
            with contextlib.suppress(EvaluationError):
                assert program.holds(many) in (True, False)
            assert time.process_time() - began < 2

    @pytest.mark.parametrize(
        "text", ["", " ", "(" * 500 + "1" + ")" * 500, "d.count == " + "1+" * 5_000 + "1", "\x00", "é🎬", "'" * 999]
    )
    def test_hostile_texts_are_refused_in_no_time(self, language, text):
        began = time.process_time()
        with pytest.raises(InvalidExpression):
            language.compile(text, FACTS)
        assert time.process_time() - began < 2
