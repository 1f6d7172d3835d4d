"""The contract of reading some rows. A subclass of a connector's contract mixes it in and fills `customers` and `many`."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from catalog.connectors.base import (
    SAMPLED_CHARACTERS,
    Context,
    DatasetRef,
    NoSuchTable,
    SampleMethod,
    SamplesRows,
    SourceUnavailable,
)

MANY = 6_000
CUSTOMERS = [
    (1, "mara@mail.example", "Mara Okafor"),
    (2, "éclair 🎬@mail.example", None),
    (3, "x" * (SAMPLED_CHARACTERS + 50), "O'Brien"),
]
START = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)
MOMENTS = [START + timedelta(minutes=number) for number in range(MANY)]


class SamplesRowsContract:
    """Every connector that samples keeps these promises; `many` has the columns n (0 to 5,999) and at (a minute each)."""

    total_is_exact = True
    is_random = True

    @pytest.fixture
    def filled(self, connector):
        """Put the rows into `customers`, make `many`, and return the connector."""
        raise NotImplementedError

    def drawn(self, connector, name, limit=1_000, **more):
        assert isinstance(connector, SamplesRows)
        return connector.sample(Context.within(20), DatasetRef(self.facts.database, name), limit=limit, **more)

    def test_a_small_table_is_read_whole(self, filled):
        sample = self.drawn(filled, "customers")
        assert (sample.method, sample.total_rows, sample.is_total_exact) == (SampleMethod.ALL, 3, True)
        assert sample.rows.column_names == ["id", "email", "name"]
        rows = sorted(zip(*(column.to_pylist() for column in sample.rows.columns), strict=True))
        cut = CUSTOMERS[2][1][:SAMPLED_CHARACTERS]
        assert rows[:2] == CUSTOMERS[:2]
        assert rows[2][1][:SAMPLED_CHARACTERS] == cut

    def test_of_a_large_table_as_many_rows_as_wanted_are_drawn(self, filled):
        sample = self.drawn(filled, "many")
        assert 500 <= sample.rows.num_rows <= 1_000
        assert sample.method is not SampleMethod.ALL
        assert sample.is_total_exact == self.total_is_exact
        assert abs(sample.total_rows - MANY) <= (0 if self.total_is_exact else MANY // 10)
        numbers = [int(number) for number in sample.rows.column("n").to_pylist()]
        assert max(Counter(numbers).values()) == 1
        if self.is_random:
            assert min(numbers) < MANY // 3
            assert max(numbers) > MANY * 2 // 3

    def test_a_table_that_did_not_change_gives_the_same_sample(self, filled):
        first, second = self.drawn(filled, "many"), self.drawn(filled, "many")
        assert first.rows.column("n").to_pylist() == second.rows.column("n").to_pylist()

    def test_the_newest_value_is_told_of_the_whole_table(self, filled):
        sample = self.drawn(filled, "many", limit=10, newest_of=["at", "gone"])
        assert set(sample.newest) == {"at"}
        assert str(sample.newest["at"])[:16].replace("T", " ") == str(MOMENTS[-1])[:16]

    def test_an_empty_table_is_a_sample_of_nothing(self, filled):
        sample = self.drawn(filled, "orders", newest_of=["id"])
        assert (sample.method, sample.total_rows, sample.rows.num_rows) == (SampleMethod.ALL, 0, 0)
        assert sample.rows.column_names == ["id"]
        assert sample.newest.get("id") is None

    def test_a_table_that_is_not_there_is_said_to_be_missing(self, filled):
        with pytest.raises(NoSuchTable):
            self.drawn(filled, "gone")

    def test_odd_names_are_sampled(self, filled):
        for name in self.facts.odd_names:
            assert self.drawn(filled, name).rows.num_rows == 0

    def test_a_deadline_is_kept(self, filled):
        began = time.monotonic()
        with pytest.raises(SourceUnavailable):
            filled.sample(Context(deadline=0.0), DatasetRef(self.facts.database, "many"), limit=100)
        assert time.monotonic() - began < 5
