"""The eight detectors that there are, held to the contract."""

from __future__ import annotations

from dataclasses import replace

from faker import Faker
from stdnum import iban, luhn

from detection.detectors.contact import EmailDetector, PhoneDetector, StreetAddressDetector
from detection.detectors.numbers import CreditCardDetector, IbanDetector, SecretDetector
from detection.detectors.people import DateOfBirthDetector, PersonNameDetector
from detection.domain.samples import ColumnSample, Kind, kind_of, shape_of
from tests.contracts.detector import INNOCENT, DetectorContract

fake = Faker(["en_US", "de_DE", "fr_FR", "es_ES", "it_IT", "nl_NL"])
Faker.seed(4711)
EMAILS = [fake.email() for _ in range(50)]
NAMES = [fake.name() for _ in range(50)]
STREETS = [fake["en_US"].street_address() for _ in range(50)]
# Those of Faker end in any of two hundred words, most of which no street is called by.
WELL_KNOWN = [
    *("12 Elm Street", "4 Station Road", "88 King's Avenue", "301 W Maple Dr", "7b High St", "19 Church Lane"),
    *("Hauptstraße 12", "Lindenweg 3", "12 rue de la Paix", "Via Garibaldi 44", "Calle Mayor 7", "Kungsgatan 21"),
]
GERMAN_STREETS = [fake["de_DE"].street_address() for _ in range(50)]
BIRTHS = [fake.date_of_birth(minimum_age=18, maximum_age=90).isoformat() for _ in range(50)]
IBANS = [fake["de_DE"].iban() for _ in range(25)] + [fake["fr_FR"].iban() for _ in range(25)]
CARDS = [fake["en_US"].credit_card_number(card_type=kind) for kind in ("visa", "mastercard", "amex") for _ in range(15)]
PHONES = [f"+49 30 {fake.random_number(digits=8, fix_len=True)}" for _ in range(25)] + [
    f"+1 212 {fake.random_number(digits=7, fix_len=True)}" for _ in range(25)
]
NATIONAL = [f"(0{30 + n}) {fake.random_number(digits=7, fix_len=True)}" for n in range(50)]
KEYS = [f"ghp_{fake.pystr(36, 36)}" for _ in range(20)]
PASSWORDS = [fake.password(length=16) for _ in range(50)]
HASHES = ["$2b$12$" + fake.pystr(53, 53) for _ in range(20)]


def text(name: str, values: list[str], **more: object) -> ColumnSample:
    return ColumnSample(name, "string", values=values, **more)  # type: ignore[arg-type]


class TestEmail(DetectorContract):
    detector = EmailDetector()
    found = {
        "named": text("email", EMAILS),
        "unnamed": text("contact", EMAILS),
        "some missing": text("login", [*EMAILS[:40], "-", "none", "n/a"]),
        "unicode": text("mail", ["jürgen@müller.example", "ana@correo.example"]),
    }
    by_name = (text("customer_email", []), text("eMail", []), text("e_mail_address", []))
    misleading = (text("email_sent", ["yes", "no"]), text("email", ["redacted", "hidden"]))

    def test_here_and_there_in_a_text_it_is_said_with_less_confidence(self):
        notes = [f"Call {n}" for n in range(40)] + ["Write to mara@northlight.example, please"]
        finding = self.detector.detect(text("note", notes))
        assert finding is not None
        assert (finding.matched, finding.confidence) == (1, 0.6)


class TestPhone(DetectorContract):
    detector = PhoneDetector()
    found = {
        "international": text("contact", PHONES),
        "national, named": text("phone_number", NATIONAL),
        "whole numbers, named": ColumnSample("mobile", "long", values=[f"4915{n:08}" for n in range(30)]),
    }
    by_name = (text("phone", []), text("home_telephone", []), text("Telefonnummer", []))
    misleading = (text("phone_model", ["iPhone 17", "Pixel 11"]), text("phone", ["yes", "no"]))

    def test_dates_under_a_name_of_a_phone_are_none(self):
        assert self.detector.detect(text("phone", [f"2026-11-{n:02}" for n in range(1, 29)])) is None


class TestStreetAddress(DetectorContract):
    detector = StreetAddressDetector()
    found = {
        "named": text("street", STREETS),
        "unnamed": text("line1", WELL_KNOWN),
        "German": text("Anschrift", GERMAN_STREETS),
    }
    by_name = (text("billing_address", []), text("street", []), text("direccion", []))
    misleading = (
        text("ip_address", ["10.0.0.1"]),
        text("address_type", ["home", "work"]),
        text("mac_address", ["aa:bb:cc:dd:ee:01"]),
    )


class TestPersonName(DetectorContract):
    detector = PersonNameDetector()
    found = {
        "named": text("full_name", NAMES),
        "first names": text("firstName", [fake.first_name() for _ in range(50)]),
        "beside what people have": text("name", NAMES, table="customers", neighbours=("email", "plan")),
        "in other scripts": text("display_name", ["山田 太郎", "Анна Каренина", "محمد علي", "José Ángel"]),
    }
    by_name = (text("last_name", []), text("Vorname", []), text("apellidos", []))
    misleading = (text("first_name", ["a1", "b2", "c3"]), text("name", NAMES, table="products", neighbours=("price",)))


class TestDateOfBirth(DetectorContract):
    detector = DateOfBirthDetector()
    found = {
        "dates": ColumnSample("birth_date", "date", values=BIRTHS),
        "texts": text("dob", [f"{value[8:]}.{value[5:7]}.{value[:4]}" for value in BIRTHS]),
        "months first": text("date_of_birth", [f"{value[5:7]}/{value[8:]}/{value[:4]}" for value in BIRTHS]),
        "numbers": ColumnSample("geburtsdatum", "long", values=[value.replace("-", "") for value in BIRTHS]),
    }
    by_name = (ColumnSample("birth_date", "date"), text("fecha_nacimiento", []))
    misleading = (text("birth_date", ["unknown", "secret"]), ColumnSample("born_on", "date", values=["1492-01-01"]))


class TestIban(DetectorContract):
    detector = IbanDetector()
    found = {
        "named": text("iban", IBANS),
        "unnamed, in groups": text("account", [iban.format(value) for value in IBANS]),
        "lower case": text("konto", [value.lower() for value in IBANS]),
    }
    by_name = (text("iban", []), text("customer_iban", []))
    misleading = (text("iban", [value[:-1] + ("0" if value[-1] != "0" else "1") for value in IBANS]),)


class TestCreditCard(DetectorContract):
    detector = CreditCardDetector()
    found = {
        "named": text("card_number", CARDS),
        "unnamed": text("payment", CARDS),
        "in groups": text(
            "pan", [" ".join((value[:4], value[4:8], value[8:12], value[12:])) for value in CARDS if len(value) == 16]
        ),
        "numbers": ColumnSample("cc", "long", values=CARDS),
    }
    by_name = (text("credit_card_number", []), text("cardNumber", []))
    misleading = (text("card_number", [value[:-1] + luhn.calc_check_digit(value[:-1] + "1") for value in CARDS]),)

    def test_last_four_digits_are_none(self):
        assert self.detector.detect(text("card_number", [value[-4:] for value in CARDS])) is None


class TestSecret(DetectorContract):
    detector = SecretDetector()
    found = {
        "keys": text("config", KEYS),
        "passwords": text("password", PASSWORDS),
        "hashes": text("pw", HASHES),
        "one in a text": text("log", [*(f"line {n}" for n in range(40)), f"export KEY={KEYS[0]}"]),
    }
    by_name = (text("api_key", []), text("clientSecret", []))
    misleading = (
        text("password", ["yes", "no"]),
        text("password_hint", ["my first dog", "mother's town"]),
        text("secret", ["the same words again"]),
    )


def test_detectors_find_each_others_columns_not():
    """What one is sure of is no other's, but for a name in an address."""
    suites = (
        TestEmail,
        TestPhone,
        TestStreetAddress,
        TestPersonName,
        TestDateOfBirth,
        TestIban,
        TestCreditCard,
        TestSecret,
    )
    for own in suites:
        for title, sample in own.found.items():
            plain = replace(sample, name="value", table="", neighbours=())
            finders = {other.detector.name for other in suites if other.detector.detect(plain) is not None}
            assert finders <= {own.detector.name}, (own.detector.name, title)


def test_kinds_of_types():
    assert [
        kind_of(each) for each in ("string", "long", "decimal(38,0)", "decimal(9,2)", "timestamptz", "list<string>")
    ] == [
        *(Kind.TEXT, Kind.WHOLE, Kind.WHOLE, Kind.NUMBER, Kind.DATE, Kind.OTHER),
    ]


def test_shapes_tell_the_form_and_nothing_else():
    assert shape_of("Jo.Smith12@mail.org") == "Aa.Aaa+99@aa+.aa+"
    assert shape_of("DE89 3704 0044 0532 0130 00") == "AA99 9999 9999 9999 9999 99"
    assert shape_of("Łódź") == shape_of("Rome") == "Aaa+"
    assert shape_of("x" * 10_000) == "aa+"
    assert shape_of("1" * 10_000) == "9" * 20
    assert len(shape_of("a1" * 1_000)) <= 40
    assert all(sample.kind for sample in INNOCENT.values())
