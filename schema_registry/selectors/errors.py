"""What reads and writes of the registry say is not there or not so."""

from __future__ import annotations


class NoSuchSubject(LookupError):
    """There is no such subject, or none with a version that is not deleted."""


class NoSuchSubjectVersion(LookupError):
    """The subject has no such version."""


class NoSuchSchema(LookupError):
    """There is no such schema."""


class InvalidReference(ValueError):
    """A schema refers to what is not there, or to too much; the message says what."""


class InvalidVersion(ValueError):
    """What was given is no version's number."""


class NoSettings(LookupError):
    """A subject has no setting of its own."""
