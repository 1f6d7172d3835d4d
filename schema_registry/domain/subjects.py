"""Names of subjects: a name in a context, printed as Confluent prints it."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.domain.names import REGISTRY, QualifiedName

DEFAULT_CONTEXT = "."
TABLES = ".tables"
"""The context of the catalog's tables; a table's subject is its qualified name in it."""
ANY_CONTEXT = "*"
MAX_NAME_BYTES = 900
MAX_TABLE_BYTES = 2_500
MAX_CONTEXT = 100


class InvalidSubject(ValueError):
    """A text that names no subject; the message says why."""


@dataclass(frozen=True, slots=True)
class SubjectName:
    """A subject's name and its context."""

    context: str
    name: str

    @property
    def granted_name(self) -> str:
        """The name by which grants speak of it: a table's is the table's."""
        return self.name if self.context == TABLES else str(QualifiedName.of(REGISTRY, str(self)))

    def __str__(self) -> str:
        return self.name if self.context == DEFAULT_CONTEXT else f":{self.context}:{self.name}"


def split_context(text: str) -> tuple[str, str]:
    """
    Return the context and the rest of a printed name; the default context without one. The context may be ``*`` for any.

    Source: https://docs.confluent.io/platform/current/schema-registry/schema-contexts-cp.html
    """
    if not text.startswith(":"):
        return DEFAULT_CONTEXT, text
    context, mark, rest = text[1:].partition(":")
    if not mark:
        return DEFAULT_CONTEXT, text
    if context in ("", DEFAULT_CONTEXT):
        return DEFAULT_CONTEXT, rest
    return context, rest


def parse_subject(text: str) -> SubjectName:
    """Return the subject that a printed name means. :raises InvalidSubject: for one that can be none."""
    context, name = split_context(text)
    if context != DEFAULT_CONTEXT:
        check_context(context)
    if not name:
        raise InvalidSubject("a subject has a name of at least one character")
    if not _is_clean(name):
        raise InvalidSubject("a subject's name has no control characters")
    limit = MAX_TABLE_BYTES if context == TABLES else MAX_NAME_BYTES
    if len(name.encode()) > limit:
        raise InvalidSubject(f"a subject's name has at most {limit:,} bytes, found {len(name.encode()):,}")
    return SubjectName(context, name)


def check_context(context: str) -> None:
    """:raises InvalidSubject: for what cannot be a context's name."""
    if not context.startswith(".") or len(context) > MAX_CONTEXT or ":" in context or not _is_clean(context):
        raise InvalidSubject(
            f"a context's name begins with a dot and has at most {MAX_CONTEXT} characters, no colon and no control "
            f"characters, found {context[:40]!r}"
        )


def _is_clean(text: str) -> bool:
    return all(character >= " " and character != "\x7f" and not "\ud800" <= character <= "\udfff" for character in text)
