"""Detectors over columns of made-up data: cells a CPU second, all of them looking at each cell, and each by itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from benchmarks.measure import report
from detection.detectors.base import Detector
from detection.detectors.contact import EmailDetector, PhoneDetector, StreetAddressDetector
from detection.detectors.numbers import CreditCardDetector, IbanDetector, SecretDetector
from detection.detectors.people import DateOfBirthDetector, PersonNameDetector
from detection.domain.samples import MAX_VALUES, ColumnSample

DETECTORS: Sequence[Detector] = (
    EmailDetector(),
    PhoneDetector(),
    StreetAddressDetector(),
    PersonNameDetector(),
    DateOfBirthDetector(),
    IbanDetector(),
    CreditCardDetector(),
    SecretDetector(),
)
SECONDS = 3


def measure_detectors() -> None:
    """Measure all of them, then each."""
    from faker import Faker

    fake = Faker("en_US")
    fake.seed_instance(7)
    makers: Sequence[tuple[str, str, Callable[[], object]]] = (
        ("email", "string", fake.email),
        ("phone", "string", lambda: f"+1 212 {fake.random_number(digits=7, fix_len=True)}"),
        ("street", "string", fake.street_address),
        ("full_name", "string", fake.name),
        ("birth_date", "date", fake.date_of_birth),
        ("iban", "string", fake.iban),
        ("card_number", "string", fake.credit_card_number),
        ("note", "string", fake.sentence),
        ("price", "decimal(9,2)", lambda: fake.pydecimal(4, 2)),
        ("id", "string", fake.uuid4),
    )
    columns = [
        ColumnSample(
            name, kind, values=[str(make()) for _ in range(MAX_VALUES)], table="customers", neighbours=["email"]
        )
        for name, kind, make in makers
    ]
    report("all eight detectors", cells_per_cpu_second=f"{_rate(DETECTORS, columns):,.0f}", goal="10,000")
    for each in DETECTORS:
        report(each.name, cells_per_cpu_second=f"{_rate([each], columns):,.0f}")


def _rate(detectors: Sequence[Detector], columns: Sequence[ColumnSample]) -> float:
    began, cells = time.process_time(), 0
    while time.process_time() - began < SECONDS:
        for column in columns:
            for each in detectors:
                each.detect(column)
            cells += len(column.values)
    return cells / (time.process_time() - began)
