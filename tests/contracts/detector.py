"""The contract of detectors: what the sampling relies on, whatever they look for."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from detection.detectors.base import Detector
from detection.domain.samples import LIKELY, MAX_SHAPE_CHARACTERS, SUGGESTED, ColumnSample, Method

# Columns of every company that hold nothing of what the eight look for. Numbers and codes are what detectors mistake most.
INNOCENT: Mapping[str, ColumnSample] = {
    "ids": ColumnSample("customer_id", "long", values=[str(100_000_000 + 7 * n) for n in range(60)]),
    "ids that count up, as long as cards": ColumnSample(
        "event_no", "long", values=[str(4_000_000_000_000_000 + n) for n in range(60)]
    ),
    "uuids": ColumnSample("play_event_id", "string", values=[f"0b6f0d5a-7c1e-4f57-9a3c-{n:012x}" for n in range(60)]),
    "epochs": ColumnSample("created", "long", values=[str(1_764_000_000 + 977 * n) for n in range(60)]),
    "epochs as texts": ColumnSample(
        "created_ms", "string", values=[str(1_764_000_000_000 + 977 * n) for n in range(60)]
    ),
    "days": ColumnSample("day", "date", values=[f"2026-11-{n:02}" for n in range(1, 29)]),
    "days as texts": ColumnSample("valid_from", "string", values=[f"2026-11-{n:02}" for n in range(1, 29)]),
    "prices": ColumnSample("total", "decimal(9,2)", values=[f"{n * 13 % 997}.{n % 100:02}" for n in range(60)]),
    "shares": ColumnSample("completion_rate", "double", values=[f"0.{n * 7919 % 10_000:04}" for n in range(60)]),
    "places": ColumnSample("latitude", "double", values=[f"{n % 90}.{n * 7919 % 100_000:05}" for n in range(60)]),
    "part numbers": ColumnSample("part_no", "string", values=[f"{900 + n}-99-{9_000 + n}" for n in range(60)]),
    "years": ColumnSample("academic_year_code", "string", values=[str(1990 + n) for n in range(30)]),
    "titles": ColumnSample(
        "title", "string", values=["The Long Night", "Harbor", "Seven Doors", "Kites Over Brno", "Ash and Salt"]
    ),
    "names of tables": ColumnSample(
        "table_name", "string", values=["orders", "play_events", "dim_title", "stg_sessions"]
    ),
    "countries": ColumnSample("country_code", "string", values=["DE", "SE", "PL", "US", "BR"]),
    "addresses of machines": ColumnSample(
        "ip_address", "string", values=[f"10.0.{n}.{n * 7 % 255}" for n in range(60)]
    ),
    "addresses of pages": ColumnSample(
        "url", "string", values=[f"https://shop.example/item/{n}?ref=mail" for n in range(60)]
    ),
    "digests": ColumnSample(
        "checksum", "string", values=[f"{n * 0x9E3779B97F4A7C15 % 2**128:032x}" for n in range(1, 60)]
    ),
    "versions": ColumnSample("app_version", "string", values=[f"{n % 5}.{n % 11}.{n}" for n in range(60)]),
    "states": ColumnSample("status", "string", values=["active", "cancelled", "trial"]),
    "flags": ColumnSample("is_offline", "boolean", values=["true", "false"]),
    "reviews": ColumnSample(
        "review", "string", values=["Loved it, 10/10.", "Too long; stopped at 45 minutes.", "My kids watch it daily!"]
    ),
    "counts of tokens": ColumnSample("token_count", "long", values=[str(n * 31) for n in range(60)]),
    "when passwords changed": ColumnSample("password_changed_at", "timestamp", values=["2026-11-01T10:00:00"]),
}


class DetectorContract:
    """Subclasses give the detector, columns that it must find, and names that mislead."""

    detector: Detector
    found: Mapping[str, ColumnSample]
    """Columns whose values it must find."""
    by_name: Sequence[ColumnSample]
    """Columns that have no values and whose names say enough to suggest it."""
    misleading: Sequence[ColumnSample]
    """Columns whose names say that they are, and whose values are not."""

    def test_it_finds_what_it_is_for(self) -> None:
        for title, sample in self.found.items():
            finding = self.detector.detect(sample)
            assert finding is not None, title
            assert finding.confidence >= LIKELY, title
            assert (finding.detector, finding.category) == (self.detector.name, self.detector.category)
            assert 0 < finding.matched <= finding.seen == len(sample.values)
            assert finding.method is not Method.NAME

    def test_it_leaves_the_innocent_alone(self) -> None:
        for title, sample in INNOCENT.items():
            assert self.detector.detect(sample) is None, title

    def test_without_values_a_name_only_suggests(self) -> None:
        for sample in self.by_name:
            finding = self.detector.detect(replace(sample, values=()))
            assert finding is not None, sample.name
            assert SUGGESTED <= finding.confidence < LIKELY
            assert (finding.method, finding.matched, finding.seen, list(finding.shapes)) == (Method.NAME, 0, 0, [])

    def test_values_win_over_a_name_that_misleads(self) -> None:
        for sample in self.misleading:
            assert self.detector.detect(sample) is None, sample.name

    def test_a_finding_holds_no_value(self) -> None:
        for title, sample in self.found.items():
            finding = self.detector.detect(sample)
            told = repr(finding)
            for value in sample.values:
                if len(value) > 3:
                    assert value not in told, title
            assert finding is not None
            for shape, count in finding.shapes:
                assert len(shape) <= MAX_SHAPE_CHARACTERS
                assert count >= 1
                assert not any(character.isdigit() and character != "9" for character in shape)

    def test_it_says_nothing_by_itself(self, capfd: pytest.CaptureFixture[str]) -> None:
        """RE2 complains on the error stream of patterns that are too large for its memory."""
        for sample in (*self.found.values(), *INNOCENT.values(), *self.misleading):
            self.detector.detect(sample)
        assert capfd.readouterr() == ("", "")

    def test_it_is_pure(self) -> None:
        for sample in self.found.values():
            assert self.detector.detect(sample) == self.detector.detect(sample)
        assert self.detector.version >= 1

    def test_a_sample_does_not_print_its_values(self) -> None:
        for sample in self.found.values():
            assert not any(len(value) > 3 and value in repr(sample) for value in sample.values)

    @pytest.mark.parametrize(
        "value",
        [
            "",
            " ",
            "\x00",
            "a" * 200_000,
            "1" * 200_000,
            "a@" * 50_000,
            "+49 " * 50_000,
            "(" * 100_000,
            "-----BEGIN " * 20_000,
            "eyJ" * 60_000,
            "١٢٣٤٥٦٧٨٩٠١٢٣٤٥٦",
            "🪨" * 1_000,
            "\ud800",
            "a\u202eb@\u202cexample.com",
        ],
        ids=range(14),
    )
    def test_hostile_values_cost_little_and_are_no_fault(self, value: Any) -> None:
        before = time.process_time()
        for sample in (*self.found.values(), *self.by_name):
            self.detector.detect(replace(sample, values=[value] * 20))
        assert time.process_time() - before < 2.0
