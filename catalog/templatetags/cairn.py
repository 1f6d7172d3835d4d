"""The small parts of every page: names that break well, ages, numbers with their units, glyphs."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from catalog import backends
from catalog.domain.families import stem
from catalog.domain.identifiers import split_words, wanted_words
from catalog.domain.names import QualifiedName
from catalog.domain.query import Filter

register = template.Library()

DATE_AFTER_DAYS = 14


@register.simple_tag
def icon(name: str) -> SafeString:
    """Return a glyph that says nothing by itself."""
    return format_html(
        '<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>', static("catalog/icons.svg"), name
    )


@register.simple_tag
def run_title(kind: str, subject: str) -> SafeString:
    """Return what a run is called."""
    of, alone = settings.RUN_TITLES.get(kind, (kind, kind))
    return format_html('{} <span class="mono">{}</span>', of, soft(subject)) if subject else format_html("{}", alone)


@register.filter
def words(name: str) -> str:
    """Return a name of ours as people write it: ``person_name`` as person name."""
    return name.replace("_", " ")


@register.filter
def counts(numbers: Mapping[str, object]) -> str:
    """Return counts by their words, the largest first, those of nothing left out: ``16 scanned, 2 failed``."""
    found = [(value, words(word)) for word, value in numbers.items() if type(value) is int and value]
    return ", ".join(f"{value:,} {word}" for value, word in sorted(found, key=lambda one: (-one[0], one[1])))


@register.simple_tag
def platform(name: str, size: str = "") -> SafeString:
    """Return a platform's glyph with its name for those who do not see it."""
    try:
        spec = backends.connector_spec(name)
        title, glyph = spec.title, spec.icon
    except backends.UnknownPlatform:
        title, glyph = name, "job"
    return format_html(
        '<span class="platform {} {}" title="{}">{}<span class="visually-hidden">{}</span></span>',
        glyph,
        size,
        title,
        icon(glyph),
        title,
    )


# A word longer than this gets places where it may break: a table's column is as wide as its longest word.
_LONG_WORD = re.compile(r"\S{31,}")
_PIECE = 10


@register.filter
def soft(text: object) -> SafeString:
    """Return a text whose very long words may break, every few characters."""

    def broken(word: str) -> SafeString:
        pieces = (word[at : at + _PIECE] for at in range(0, len(word), _PIECE))
        return format_html_join(mark_safe("<wbr>"), "{}", ((piece,) for piece in pieces))

    whole = str(text)
    parts: list[SafeString] = []
    end = 0
    for found in _LONG_WORD.finditer(whole):
        parts += [escape(whole[end : found.start()]), broken(found.group())]
        end = found.end()
    return mark_safe("".join([*parts, escape(whole[end:])]))  # noqa: S308  each part was escaped


@register.simple_tag
def name(qualified_name: str, marked: str = "") -> SafeString:
    """Return a qualified name that may break after each slash, its last part bold, words of a query marked in it."""
    *path, last = qualified_name.split("/")
    parents = format_html_join("", "{}/<wbr>", ((soft(part),) for part in path))
    return format_html("{}<b>{}</b>", parents, mark(last, marked))


@register.simple_tag
def mark(text: str, query: str) -> SafeString:
    """Return a text with the words of a query marked."""
    wanted = set(wanted_words(query))
    if not wanted:
        return soft(text)
    folded = text.lower()
    spans: list[tuple[int, int]] = []
    at = 0
    for word in split_words(text):
        start = folded.find(word, at)
        if start < 0:
            continue
        at = start + len(word)
        if word in wanted or any(
            (word.startswith(each) and len(each) > 2) or (each.startswith(word) and len(word) > 2) for each in wanted
        ):
            spans.append((start, at))
    pieces: list[SafeString] = []
    end = 0
    for start, stop in spans:
        pieces.append(format_html("{}<mark>{}</mark>", soft(text[end:start]), text[start:stop]))
        end = stop
    pieces.append(soft(text[end:]))
    return mark_safe("".join(pieces))  # noqa: S308  each piece was escaped


@register.simple_tag
def dataset_url(qualified_name: str, **query: str) -> str:
    """Return the address of a dataset's page; escapes in the name are escaped once more, since servers undo one."""
    given = {key: value for key, value in query.items() if value}
    return f"/datasets/{quote(qualified_name, safe='/')}" + (f"?{urlencode(given)}" if given else "")


def _age(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"


@functools.cache
def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError):  # it was known when it was chosen
        return UTC


@register.simple_tag(takes_context=True)
def when(context: template.Context, moment: datetime | str | None, missing: str = "never") -> SafeString:
    """Return a time as an age, exact on hover; after two weeks as a date."""
    if not moment:
        return format_html('<span class="muted">{}</span>', missing)
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    principal = context.get("principal")
    moment = moment.astimezone(_zone(principal.time_zone if principal else ""))
    now: datetime = context.get("now") or datetime.now(UTC)
    seconds = (now - moment).total_seconds()
    if abs(seconds) > DATE_AFTER_DAYS * 86_400:
        shown = f"{moment:%-d %b %Y}"
    elif seconds >= 0:
        shown = f"{_age(seconds)} ago"
    else:
        shown = f"in {_age(-seconds)}"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        f"{moment:%-d %b %Y, %H:%M:%S %Z}",
        shown,
    )


def _three(value: float) -> str:
    """Return a number from 1 to 1,023 by three digits or more: 1.50, 12.3, 1,020."""
    return f"{value:,.{2 if value < 9.995 else 1 if value < 99.95 else 0}f}"


@register.filter
def family_query(qualified_name: str) -> str:
    """Return the query that finds a dataset with its copies and shards."""
    catalog, *database, last = QualifiedName.parse(qualified_name).segments
    where = [Filter("catalog", catalog), *(Filter("database", part) for part in database)]
    return " ".join(map(str, [Filter("name", f"*{stem(last)}*"), *where]))


@register.filter
def number(value: int | str | None) -> SafeString | str:
    """Return a count: exact to 99,999, then three figures with the exact one on hover."""
    if value is None:
        return "Not measured"
    if not isinstance(value, int):
        return str(value)
    if abs(value) < 100_000:
        return f"{value:,}"
    for size, unit in ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k")):
        if abs(value) >= size:
            return format_html('<span title="{}">{} {}</span>', f"{value:,}", _three(value / size), unit)
    return str(value)


@register.filter
def size(value: int | None) -> SafeString | str:
    """Return bytes in a unit that reads well."""
    if value is None:
        return "Not measured"
    for factor, unit in ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if value >= factor:
            return format_html(
                '<span title="{} bytes">{}</span> <span class="unit">{}</span>',
                f"{value:,}",
                _three(value / factor),
                unit,
            )
    return format_html('{} <span class="unit">bytes</span>', f"{value:,}")


@register.filter
def plural(count: int, words: str) -> str:
    """Return the word that fits a count: ``{{ n|plural:"dataset,datasets" }}``."""
    one, _, many = words.partition(",")
    return one if count == 1 else many


@register.filter
def sentence(text: str) -> str:
    """Return a reason as a sentence: reasons begin small and end open, so that they fit into others."""
    return text if not text else f"{text[0].upper()}{text[1:]}{'' if text[-1] in '.!?' else '.'}"


@register.filter
def initials(text: str) -> str:
    """Return two letters for a person or a team."""
    words = text.split()
    return ("".join(word[0] for word in words[:2]) or "?").upper()


@register.filter
def shown_as(handle: str, names: Mapping[str, str]) -> str:
    """Return the name to show for an owner's handle."""
    return names.get(handle) or handle.partition(":")[2] or handle


@register.filter
def depth_class(depth: int) -> str:
    """Return the class that indents a nested column."""
    return f"d{min(depth, 4)}" if depth else ""


@register.filter
def anchor(path: str) -> str:
    """Return a column's path as it may stand in an id and behind a ``#``."""
    return quote(path, safe=".").replace("%", "_")


@register.simple_tag(takes_context=True)
def with_query(context: template.Context, **changes: object) -> str:
    """Return the present address's query with some parameters changed; those set to nothing go."""
    parameters = context["request"].GET.copy()
    for key, value in changes.items():
        parameters.pop(key, None)
        if value not in (None, ""):
            parameters[key] = str(value)
    encoded = parameters.urlencode()
    return f"?{encoded}" if encoded else "?"
