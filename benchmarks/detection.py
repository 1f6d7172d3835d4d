"""Detectors over columns of made-up data, all of them and each by itself; the profile of a million rows."""

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


ROWS = 1_000_000


def measure_profile() -> None:
    """Measure the profile of a million rows of ten columns, everything that a scan does but the detectors, beside DuckDB's own SUMMARIZE."""
    import duckdb

    from detection.profiling import Rows

    maker = duckdb.connect()
    rows = maker.sql(
        f"""SELECT n AS id, md5(n::VARCHAR) AS token, 'user' || (hash(n) % 300000) || '@mail.example' AS email,
            hash(n) % 1000 AS small, (hash(n) % 1000000) / 7.0 AS price, TIMESTAMP '2026-01-01' + to_seconds(n) AS at,
            DATE '2026-01-01' + (n % 400)::INTEGER AS day, ['paid', 'open', 'void'][1 + n % 3] AS status,
            n % 2 = 0 AS flag, CASE WHEN n % 9 > 0 THEN repeat('x', (n % 60)::INTEGER) END AS note
            FROM range({ROWS}) t(n)"""
    ).to_arrow_table()
    types = {
        "id": "long",
        "token": "string",
        "email": "string",
        "small": "long",
        "price": "double",
        "at": "timestamp",
        "day": "date",
        "status": "string",
        "flag": "boolean",
        "note": "string",
    }
    wall, cpu = time.perf_counter(), time.process_time()
    looked = Rows(rows, types)
    values = {path: looked.values(path) for path in looked.paths}
    looked.profiles(sensitive=["email"], shapes=values, key=b"key")
    report(
        "profile of 1M rows x 10 columns",
        wall_s=f"{time.perf_counter() - wall:.2f}",
        cpu_s=f"{time.process_time() - cpu:.2f}",
        goal="3 s",
    )
    looked.close()
    wall, cpu = time.perf_counter(), time.process_time()
    maker.register("rows", rows)
    maker.execute("SET threads = 2")
    maker.execute("SUMMARIZE rows").fetchall()
    report(
        "DuckDB's SUMMARIZE of them",
        wall_s=f"{time.perf_counter() - wall:.2f}",
        cpu_s=f"{time.process_time() - cpu:.2f}",
    )
