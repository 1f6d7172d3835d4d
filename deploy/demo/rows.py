"""Rows of the demo's source tables: seeded, joined by real keys, with a few real problems planted in them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

SEED = 20_260_301
CUSTOMERS = 1_200
TITLES = 180
PLAYS = 24_000

FIRST = [
    "Mara",
    "Jonas",
    "Priya",
    "Elif",
    "Noor",
    "Tomas",
    "Ines",
    "Kofi",
    "Yuki",
    "Lena",
    "Omar",
    "Sofia",
    "Viktor",
    "Amara",
    "Hugo",
    "Zoe",
    "Idris",
    "Clara",
    "Mateo",
    "Freya",
]
LAST = [
    "Okafor",
    "Lind",
    "Raman",
    "Demir",
    "Haddad",
    "Novak",
    "Silva",
    "Mensah",
    "Tanaka",
    "Weber",
    "Farouk",
    "Rossi",
    "Petrov",
    "Diallo",
    "Laurent",
    "Klein",
    "Bello",
]
COUNTRIES = ["DE", "FR", "NL", "SE", "PL", "ES", "IT", "GB", "US", "CA", "BR", "JP"]
CITIES = [
    "Berlin",
    "Lyon",
    "Utrecht",
    "Malmö",
    "Kraków",
    "Sevilla",
    "Torino",
    "Leeds",
    "Austin",
    "Québec",
    "Recife",
    "大阪",
]
STREETS = ["Harbour", "Mill", "Station", "Garden", "Church", "Market", "Linden", "Bridge", "Castle", "Orchard"]
GENRES = ["drama", "comedy", "documentary", "thriller", "animation", "sport", "kids", "science"]
WORDS = [
    "northern",
    "silent",
    "paper",
    "glass",
    "winter",
    "hidden",
    "second",
    "electric",
    "distant",
    "golden",
    "last",
    "quiet",
    "broken",
    "open",
]
THINGS = [
    "harbour",
    "letters",
    "orchard",
    "signal",
    "river",
    "garden",
    "machine",
    "summit",
    "archive",
    "window",
    "island",
    "parade",
    "station",
]
DEVICES = ("tv", "phone", "tablet", "browser", "console")
SYSTEMS = {"tv": "tizen", "phone": "android", "tablet": "ios", "browser": "web", "console": "orbis"}

Row = tuple[Any, ...]


@dataclass
class Rows:
    """All source rows by table, and when the demo's present is."""

    now: datetime
    tables: dict[str, list[Row]] = field(default_factory=dict)

    def add(self, table: str, rows: Iterator[Row]) -> list[Row]:
        """Keep a table's rows and return them."""
        self.tables[table] = list(rows)
        return self.tables[table]


def _at(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def make_rows(now: datetime) -> Rows:
    """Return the rows of all source tables; equal for equal ``now``."""
    dice = random.Random(SEED)
    rows = Rows(now)
    _accounts(rows, dice)
    _billing(rows, dice)
    _content(rows, dice)
    _events(rows, dice)
    return rows


def _accounts(rows: Rows, dice: random.Random) -> None:
    def customers() -> Iterator[Row]:
        for key in range(1, CUSTOMERS + 1):
            first, last = dice.choice(FIRST), dice.choice(LAST)
            born = datetime(1950, 1, 1, tzinfo=UTC) + timedelta(days=dice.randrange(20_000))
            joined = rows.now - timedelta(days=dice.randrange(1, 1_500), minutes=dice.randrange(1_440))
            mail = f"{first}.{last}{key}@mail.example".lower()
            yield (
                key,
                mail,
                f"{first} {last}",
                born.date().isoformat(),
                dice.choice(COUNTRIES),
                _at(joined),
                dice.random() < 0.93,
            )

    known = rows.add("customers", customers())
    profiles = rows.add(
        "profiles",
        (
            (1_000_000 + key * 4 + number, key, name, number == 0 and dice.random() < 0.2)
            for key, _, full, *_ in known
            for number, name in enumerate(
                dice.sample([full.split()[0], "Kids", "Guest", "Living room"], dice.randint(1, 3))
            )
        ),
    )
    rows.add(
        "devices",
        (
            (number, profile[0], kind, SYSTEMS[kind], _at(rows.now - timedelta(days=dice.randrange(400))))
            for number, profile in enumerate(profiles, 1)
            for kind in [dice.choice(DEVICES)]
        ),
    )
    rows.add(
        "addresses",
        (
            (
                key,
                key,
                f"{dice.choice(STREETS)} street {dice.randrange(1, 200)}",
                dice.choice(CITIES),
                f"{dice.randrange(10_000, 99_999)}",
                country,
            )
            for key, _, _, _, country, _, _ in known
            if dice.random() < 0.9
        ),
    )
    rows.add(
        "consents",
        (
            (key * 10 + number, key, purpose, dice.random() < 0.7, _at(rows.now - timedelta(days=dice.randrange(700))))
            for key, *_ in known
            for number, purpose in enumerate(("newsletter", "recommendations", "partners"))
        ),
    )
    # Planted: support agents paste contact details into free text.
    rows.add(
        "support_tickets",
        (
            (
                number,
                key,
                dice.choice(("billing", "playback", "account", "other")),
                _note(dice, mail, full),
                _at(rows.now - timedelta(hours=dice.randrange(9_000))),
            )
            for number, (key, mail, full, *_) in enumerate(dice.sample(known, 400), 1)
        ),
    )


def _note(dice: random.Random, mail: str, full: str) -> str:
    if dice.random() < 0.35:
        return f"{full} asks to be written to at {mail}, or called on +49 30 {dice.randrange(1_000_000, 9_999_999)}"
    return dice.choice(
        ("video stutters in the evening", "charged twice", "cannot change the plan", "subtitles are late")
    )


def _billing(rows: Rows, dice: random.Random) -> None:
    plans = rows.add(
        "plans",
        iter(
            [
                (1, "basic", 799, 1, "EUR"),
                (2, "standard", 1_299, 2, "EUR"),
                (3, "premium", 1_799, 4, "EUR"),
                (4, "student", 599, 1, "EUR"),
            ]
        ),
    )
    prices = {plan[0]: plan[2] for plan in plans}

    def subscriptions() -> Iterator[Row]:
        for key, _, _, _, _, joined, active in rows.tables["customers"]:
            plan = dice.choices((1, 2, 3, 4), (3, 5, 3, 1))[0]
            ended = None if active else _at(rows.now - timedelta(days=dice.randrange(1, 300)))
            yield (10_000 + key, key, plan, joined, ended, "active" if active else "cancelled")

    known = rows.add("subscriptions", subscriptions())

    def invoices() -> Iterator[Row]:
        number = 0
        for subscription, customer, plan, *_ in known:
            for month in range(dice.randint(1, 6)):
                number += 1
                issued = rows.now - timedelta(days=30 * month + dice.randrange(28))
                # Planted: the old importer lost the customer of some invoices.
                yield (
                    number,
                    None if dice.random() < 0.012 else customer,
                    subscription,
                    prices[plan],
                    _at(issued),
                    dice.choice(("paid", "paid", "paid", "open", "void")),
                )

    issued = rows.add("invoices", invoices())
    rows.add(
        "invoice_lines",
        ((invoice[0] * 10, invoice[0], "subscription", invoice[3], round(invoice[3] * 0.19)) for invoice in issued),
    )
    paid = [invoice for invoice in issued if invoice[5] == "paid"]
    rows.add(
        "payments",
        (
            (50_000 + number, invoice[0], invoice[3], dice.choice(("card", "sepa", "wallet")), invoice[4])
            for number, invoice in enumerate(paid)
        ),
    )
    rows.add(
        "payment_methods",
        (
            (
                key,
                key,
                kind,
                f"DE{dice.randrange(10, 99)}50010517{dice.randrange(10**9, 10**10)}"
                if kind == "sepa"
                else f"tok_{dice.getrandbits(64):016x}",
                f"{dice.randint(1, 12):02d}/{dice.randint(27, 31)}",
            )
            for key, *_ in rows.tables["customers"]
            for kind in [dice.choice(("card", "sepa", "wallet"))]
        ),
    )
    rows.add(
        "refunds",
        (
            (number, payment[0], payment[2], dice.choice(("duplicate", "outage", "goodwill")))
            for number, payment in enumerate(dice.sample(rows.tables["payments"], 60), 1)
        ),
    )


def _content(rows: Rows, dice: random.Random) -> None:
    people = rows.add(
        "people", ((key, f"{dice.choice(FIRST)} {dice.choice(LAST)}", dice.choice(COUNTRIES)) for key in range(1, 241))
    )
    titles = rows.add(
        "titles",
        (
            (
                key,
                f"The {dice.choice(WORDS)} {dice.choice(THINGS)}".title(),
                dice.choice(("film", "series")),
                dice.choice(GENRES),
                dice.randrange(1985, 2026),
                dice.randrange(22, 180),
                dice.sample(COUNTRIES, 3),
            )
            for key in range(1, TITLES + 1)
        ),
    )
    rows.add(
        "episodes",
        (
            (title[0] * 100 + number, title[0], number // 8 + 1, number % 8 + 1, dice.randrange(22, 65))
            for title in titles
            if title[2] == "series"
            for number in range(dice.randrange(6, 24))
        ),
    )
    rows.add(
        "credits",
        (
            (title[0], person[0], role)
            for title in titles
            for person, role in zip(dice.sample(people, 4), ("director", "writer", "actor", "actor"), strict=True)
        ),
    )
    rows.add(
        "licenses",
        (
            (
                key,
                title[0],
                country,
                (rows.now - timedelta(days=dice.randrange(900))).date(),
                (rows.now + timedelta(days=dice.randrange(-60, 700))).date(),
                dice.randrange(2_000, 90_000),
            )
            for key, (title, country) in enumerate(((t, c) for t in titles for c in t[6]), 1)
        ),
    )


def _events(rows: Rows, dice: random.Random) -> None:
    devices = rows.tables["devices"]
    titles = rows.tables["titles"]

    def plays() -> Iterator[Row]:
        for _ in range(PLAYS):
            device = dice.choice(devices)
            moment = rows.now - timedelta(days=int(dice.triangular(0, 30, 2)), seconds=dice.randrange(86_400))
            yield (
                f"{dice.getrandbits(96):024x}",
                device[1],
                titles[int(dice.triangular(0, len(titles) - 1, 12))][0],
                dice.choice(("play", "pause", "seek", "stop")),
                moment,
                dice.randrange(7_200_000),
                (device[0], device[2], (device[3], f"{dice.randint(9, 17)}.{dice.randint(0, 6)}")),
                (dice.choice(COUNTRIES), f"10.{dice.randrange(256)}.{dice.randrange(256)}.0"),
                moment.date(),
            )

    rows.add("play_events", plays())
    rows.add(
        "search_events",
        (
            (
                f"{dice.getrandbits(96):024x}",
                device[1],
                f"{dice.choice(WORDS)} {dice.choice(THINGS)}",
                dice.randrange(40),
                rows.now - timedelta(minutes=dice.randrange(40_000)),
            )
            for device in (dice.choice(devices) for _ in range(3_000))
        ),
    )
    # Planted: the ad partner stopped sending twelve days ago.
    rows.add(
        "ad_impressions",
        (
            (
                number,
                device[1],
                dice.choice(("pre-roll", "mid-roll")),
                dice.randrange(4, 60),
                rows.now - timedelta(days=12, minutes=dice.randrange(40_000)),
            )
            for number, device in enumerate(dice.choice(devices) for _ in range(2_000))
        ),
    )
    rows.add(
        "ratings",
        (
            (profile[0], title[0], dice.randint(1, 5), rows.now - timedelta(hours=dice.randrange(8_000)))
            for profile in dice.sample(rows.tables["profiles"], 900)
            for title in dice.sample(titles, 2)
        ),
    )
