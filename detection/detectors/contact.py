"""Ways to reach somebody: e-mail addresses, telephone numbers, street addresses."""

from __future__ import annotations

import re2

from detection.detectors.base import matching, names_one_of, present, weighed
from detection.domain.samples import ColumnSample, Finding, Kind

# https://html.spec.whatwg.org/multipage/input.html#valid-e-mail-address, with letters of all alphabets and a domain of two parts at least.
# Lengths are looked at apart: RE2 makes a copy of what is repeated for each time that it may be.
_EMAIL = re2.compile(r"([A-Za-z0-9.!#$%&'*+/=?^_`{|}~\-\pL]+)@((?:[A-Za-z0-9\-\pL]+\.)+[A-Za-z\pL]+)")
MAX_LOCAL = 64
MAX_DOMAIN = 253


def _is_email(value: str) -> bool:
    found = _EMAIL.fullmatch(value) if "@" in value else None
    return found is not None and len(found[1]) <= MAX_LOCAL and len(found[2]) <= MAX_DOMAIN


class EmailDetector:
    """E-mail addresses: alone in a column, or here and there in a text."""

    name = "email"
    version = 1
    category = "personal"
    _names = ("email", "e mail", "mail", "emails", "email address", "correo", "courriel")

    def detect(self, sample: ColumnSample) -> Finding | None:
        """Return what it finds."""
        if sample.kind is not Kind.TEXT:
            return None
        whole = matching(sample.values, _is_email)
        found = weighed(self, sample, whole, named=names_one_of(sample, self._names), by_values=0.97)
        if found is not None:
            return found
        within = matching(sample.values, lambda value: "@" in value and _EMAIL.search(value) is not None)
        return present(self, sample, within, confidence=0.6)


_PHONE = re2.compile(r"\+?[\d(][\d\s().\-/]{5,20}\d(?:\s?(?:x|ext\.?)\s?\d{1,6})?")
_DATE_LIKE = re2.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}.*|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}")


class PhoneDetector:
    """
    Telephone numbers: international ones by their numbering plan, national ones only where the name says so.

    Numbers of all kinds look like them, so that a column of whole numbers or of plain digits is none without a name that agrees.
    """

    name = "phone"
    version = 1
    category = "personal"
    _names = (
        *("phone", "telephone", "phone number", "mobile", "cell", "tel", "fax", "msisdn", "telefon", "handy"),
        *("telefono", "movil", "portable", "telefonnummer", "rufnummer"),
    )

    def detect(self, sample: ColumnSample) -> Finding | None:
        """Return what it finds."""
        named = names_one_of(sample, self._names)
        if sample.kind not in (Kind.TEXT, Kind.WHOLE) or (sample.kind is Kind.WHOLE and not named):
            return None
        fits = _is_number if named else _is_international
        return weighed(self, sample, matching(sample.values, fits), named=named, by_values=0.85)


def _is_number(value: str) -> bool:
    if _PHONE.fullmatch(value) is None or _DATE_LIKE.fullmatch(value) is not None:
        return False
    return 7 <= sum(character.isdigit() for character in value) <= 21


def _is_international(value: str) -> bool:
    """Whether it begins with a country's code and is a number that its plan has."""
    if not value.startswith("+") or not _is_number(value):
        return False
    import phonenumbers

    try:
        return bool(phonenumbers.is_possible_number(phonenumbers.parse(value)))
    except phonenumbers.NumberParseException:
        return False


MAX_ADDRESS = 200
_STREET = re2.compile(
    r"(?i)(?:\d+[a-z]?[, ]+.*\b(?:street|st|avenue|ave|road|rd|lane|ln|drive|dr|boulevard|blvd|way|court|ct|place|pl|square|terrace|"
    r"close|crescent|parkway|highway|circle|loop|trail|route|alley|ridge|plaza|heights|hill|hills|park|point|crossing|grove|view|"
    r"rue|allée|chemin|quai)\b.*"
    r"|(?:rue|avenue|via|viale|piazza|calle|avenida|plaza|rua|ulica|ul\.)\s+.*\d+.*"
    r"|.*(?:straße|strasse|str\.|weg|platz|allee|gasse|gatan|vägen|gade|vej|straat|laan)\s+\d+.*)"
)


def _is_numbered(value: str) -> bool:
    """Whether it has both a word and a number."""
    letters = sum(character.isalpha() for character in value)
    return len(value) < MAX_ADDRESS and letters >= 3 and any(character.isdigit() for character in value)


class StreetAddressDetector:
    """Where somebody lives: by the word for a street and a number, or by a name that agrees and values with both letters and numbers."""

    name = "street_address"
    version = 1
    category = "personal"
    _names = (
        *(
            "address",
            "street",
            "address line",
            "addr",
            "street address",
            "postal address",
            "shipping address",
            "billing address",
        ),
        *(
            "strasse",
            "adresse",
            "anschrift",
            "direccion",
            "calle",
            "rue",
            "indirizzo",
            "adres",
            "home address",
            "address1",
        ),
    )
    # Addresses of other things: https://github.com/open-metadata/OpenMetadata/issues/24296 is full of such.
    _not = ("ip", "mac", "email", "e mail", "mail", "url", "web", "memory", "wallet", "id", "count", "type", "hash")

    def detect(self, sample: ColumnSample) -> Finding | None:
        """Return what it finds."""
        if sample.kind is not Kind.TEXT:
            return None
        named = names_one_of(sample, self._names) and not names_one_of(sample, self._not)
        clear = matching(sample.values, lambda value: len(value) < MAX_ADDRESS and _STREET.fullmatch(value) is not None)
        found = weighed(self, sample, clear, named=named, by_values=0.8)
        if found is not None or not named:
            return found
        return weighed(self, sample, matching(sample.values, _is_numbered), named=True, by_values=0.0)
