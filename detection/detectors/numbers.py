"""Numbers that check themselves, and secrets: bank accounts, payment cards, keys and passwords."""

from __future__ import annotations

import math
from collections import Counter

import re2

from detection.detectors.base import matching, names_one_of, present, weighed
from detection.domain.samples import ColumnSample, Finding, Kind, compact

_IBAN = re2.compile(r"[A-Za-z]{2}\d{2}[A-Za-z0-9]{11,30}")


class IbanDetector:
    """International bank account numbers, by country, length and check digits."""

    name = "iban"
    version = 1
    category = "financial"
    _names = ("iban", "bank account", "account number", "kontonummer", "bank account number")

    def detect(self, sample: ColumnSample) -> Finding | None:
        """Return what it finds."""
        if sample.kind is not Kind.TEXT:
            return None
        named = names_one_of(sample, ("iban",)) if not sample.values else names_one_of(sample, self._names)
        return weighed(self, sample, matching(sample.values, _is_iban), named=named, by_values=0.99)


def _is_iban(value: str) -> bool:
    plain = compact(value).replace("-", "")
    if _IBAN.fullmatch(plain) is None:
        return False
    from stdnum import iban

    return bool(iban.is_valid(plain, check_country=False))


# https://en.wikipedia.org/wiki/Payment_card_number: first digits and lengths of the networks that issue today.
_CARD = re2.compile(
    r"4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2[2-7]\d{14}|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}|6(?:011|5\d{2}|4[4-9]\d)\d{12}|35\d{14}|62\d{14,17}"
)


class CreditCardDetector:
    """Payment card numbers, by network, length and check digit; a column of numbers that counts up is none."""

    name = "credit_card"
    version = 1
    category = "financial"
    _names = (
        "card number",
        "credit card",
        "cc number",
        "card no",
        "pan",
        "cardnumber",
        "creditcard",
        "kreditkarte",
        "kartennummer",
    )

    def detect(self, sample: ColumnSample) -> Finding | None:
        """Return what it finds."""
        if sample.kind not in (Kind.TEXT, Kind.WHOLE):
            return None
        return weighed(
            self,
            sample,
            matching(sample.values, _is_card),
            named=names_one_of(sample, self._names),
            by_values=0.95 if len(sample.values) >= 3 else 0.0,
        )


def _is_card(value: str) -> bool:
    plain = compact(value).replace("-", "")
    if _CARD.fullmatch(plain) is None:
        return False
    from stdnum import luhn

    return bool(luhn.is_valid(plain))


# Prefixes that those who give out keys chose so that keys can be found: GitHub, AWS, Slack, Stripe, Google, GitLab, npm, PEM, JSON Web Tokens.
_KEY = re2.compile(
    r"(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{22,}|(?:AKIA|ASIA)[A-Z0-9]{16}|xox[abprs]-[A-Za-z0-9\-]{10,}|[sr]k_(?:live|test)_[A-Za-z0-9]{16,}|"
    r"AIza[A-Za-z0-9_\-]{35}|glpat-[A-Za-z0-9_\-]{20}|npm_[A-Za-z0-9]{36}|-----BEGIN [A-Z ]*PRIVATE KEY-----|"
    r"eyJ[A-Za-z0-9_\-]{8,}\.eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}|\$2[abxy]\$\d{2}\$[./A-Za-z0-9]{53}|\$argon2(?:id|i|d)\$\S{20,})"
)
_RANDOM_BITS = 3.0
"""Bits a character of a text that nobody wrote by hand."""


class SecretDetector:
    """Keys, tokens and passwords: by the prefixes that their makers gave them, or random ones under a name that says so."""

    name = "secret"
    version = 1
    category = "secret"
    _names = (
        *(
            "password",
            "passwd",
            "pwd",
            "passphrase",
            "secret",
            "api key",
            "apikey",
            "access key",
            "private key",
            "secret key",
            "access token",
        ),
        *(
            "auth token",
            "refresh token",
            "api token",
            "bearer token",
            "client secret",
            "password hash",
            "passwort",
            "contrasena",
        ),
    )
    _not = ("count", "at", "expires", "changed", "updated", "length", "id", "name", "type", "hint", "policy")

    def detect(self, sample: ColumnSample) -> Finding | None:
        """Return what it finds."""
        if sample.kind is not Kind.TEXT:
            return None
        named = names_one_of(sample, self._names) and not names_one_of(sample, self._not)
        keys = matching(sample.values, lambda value: _KEY.search(value) is not None)
        found = weighed(self, sample, keys, named=named, by_values=0.97)
        if found is None and named:
            found = weighed(self, sample, matching(sample.values, _is_random), named=True, by_values=0.0)
        return found or present(self, sample, keys, confidence=0.9)


def _is_random(value: str) -> bool:
    """Whether it is as mixed as what a machine made: eight characters or more, no spaces, many of them different."""
    if not 8 <= len(value) <= 512 or any(character.isspace() for character in value):
        return False
    counts = Counter(value)
    bits = -sum(count / len(value) * math.log2(count / len(value)) for count in counts.values())
    return bits >= min(_RANDOM_BITS, math.log2(len(value)) * 0.8)
