"""Who somebody is: names of people, and when they were born."""

from __future__ import annotations

from datetime import date

import re2

from detection.detectors.base import matching, names_one_of, weighed
from detection.domain.samples import ColumnSample, Finding, Kind

# One to five words of letters, as people write themselves: "Anna-Lena Müller", "O'Brien", "de la Cruz, María", "J. R. Smith", "山田 太郎".
_NAME = re2.compile(r"\pL[\pL\pM'’.\-]*(?:,?\s\pL[\pL\pM'’.\-]*)*")
MAX_NAME = 100
MAX_WORDS = 5
_CODE = re2.compile(r"[A-Z]{2,3}|[A-Z_]{4,}|[a-z]+")


class PersonNameDetector:
    """
    Names of people. Values cannot tell them from names of things, so a column's name must say that it is a person's.

    ``name`` alone says so where the other columns are of people (an e-mail address, a birth date).
    """

    name = "person_name"
    version = 1
    category = "personal"
    _names = (
        *(
            "first name",
            "last name",
            "full name",
            "given name",
            "family name",
            "middle name",
            "maiden name",
            "firstname",
            "lastname",
        ),
        *(
            "fullname",
            "surname",
            "forename",
            "person name",
            "customer name",
            "contact name",
            "employee name",
            "patient name",
        ),
        *(
            "holder name",
            "cardholder",
            "account holder",
            "vorname",
            "nachname",
            "familienname",
            "prenom",
            "nom de famille",
        ),
        *(
            "nombre",
            "apellido",
            "apellidos",
            "cognome",
            "voornaam",
            "achternaam",
            "display name",
            "author name",
            "user full name",
        ),
    )
    _people = frozenset(["email", "birth", "birthday", "phone", "mobile", "gender", "surname", "salutation", "dob"])

    def detect(self, sample: ColumnSample) -> Finding | None:
        """Return what it finds."""
        if sample.kind is not Kind.TEXT:
            return None
        named = names_one_of(sample, self._names) or (
            sample.words in (("name",), ("names",)) and not self._people.isdisjoint(sample.around)
        )
        if not named:
            return None
        return weighed(self, sample, matching(sample.values, _is_name), named=True, by_values=0.0)


def _is_name(value: str) -> bool:
    if len(value) > MAX_NAME or len(value.split()) > MAX_WORDS:
        return False
    return _NAME.fullmatch(value) is not None and _CODE.fullmatch(value) is None


_DAY = re2.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[T ].*)?|(\d{1,2})[./](\d{1,2})[./](\d{4})|(\d{4})(\d{2})(\d{2})")
_FIRST_YEAR = 1900


class DateOfBirthDetector:
    """Birth dates: days between 1900 and now, under a name that says so."""

    name = "date_of_birth"
    version = 1
    category = "personal"
    _names = (
        *(
            "birth date",
            "date of birth",
            "birthdate",
            "dob",
            "birthday",
            "born",
            "born on",
            "birth day",
            "geburtsdatum",
            "geburtstag",
        ),
        *(
            "fecha nacimiento",
            "fecha de nacimiento",
            "date naissance",
            "date de naissance",
            "data nascita",
            "geboortedatum",
        ),
    )

    def detect(self, sample: ColumnSample) -> Finding | None:
        """Return what it finds."""
        if sample.kind not in (Kind.DATE, Kind.TEXT, Kind.WHOLE) or not names_one_of(sample, self._names):
            return None
        return weighed(self, sample, matching(sample.values, _is_day), named=True, by_values=0.0)


def _is_day(value: str) -> bool:
    found = _DAY.fullmatch(value)
    if found is None:
        return False
    parts = [int(part) for part in found.groups() if part]
    year, first, second = parts if found[1] or found[7] else (parts[2], parts[1], parts[0])
    return year >= _FIRST_YEAR and (_is_date(year, first, second) or _is_date(year, second, first))


def _is_date(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True
