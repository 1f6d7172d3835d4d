"""The list of subjects, and the page of one: its versions, what changed, a box to try a schema in."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from catalog.access import gate
from catalog.access.principals import Principal
from catalog.selectors import StoredDataset, get_dataset_by_name, require_details
from catalog.web import errors
from catalog.web.context import number_of
from catalog.web.signing_in import page_view, web_caller, web_principal
from schema_registry.backends import schema_format
from schema_registry.domain.levels import Level
from schema_registry.domain.subjects import DEFAULT_CONTEXT, TABLES, InvalidSubject, SubjectName, parse_subject
from schema_registry.domain.texts import Row, printed, side_by_side
from schema_registry.formats.base import FieldView, Incompatibility, InvalidSchema, TooComplex
from schema_registry.selectors import comparing
from schema_registry.selectors import subjects as reads
from schema_registry.selectors.comparing import Check, Comparison, Incompatible
from schema_registry.selectors.errors import InvalidReference, NoSuchSubject, NoSuchSubjectVersion
from schema_registry.selectors.schemas import LATEST, Submitted
from schema_registry.selectors.subjects import SubjectSummary, SubjectVersionView
from schema_registry.services import configuring, registering

SUBJECTS = 50
VERSIONS = 20
FIELDS = 500
LEVELS = {
    Level.NONE: ("None", "Anything may follow."),
    Level.BACKWARD: ("Backward", "New readers read data of the version before."),
    Level.BACKWARD_TRANSITIVE: ("Backward, transitive", "New readers read data of all versions."),
    Level.FORWARD: ("Forward", "Readers of the version before read new data."),
    Level.FORWARD_TRANSITIVE: ("Forward, transitive", "Readers of all versions read new data."),
    Level.FULL: ("Full", "Both ways, with the version before."),
    Level.FULL_TRANSITIVE: ("Full, transitive", "Both ways, with all versions."),
}


def _page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A page that says of a subject that is not there what to do."""

    @functools.wraps(view)
    def shown(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except (NoSuchSubject, NoSuchSubjectVersion, InvalidSubject) as error:
            return errors.page(
                request, 404, "No such schema", f"{error} It may have been deleted, or have another name."
            )

    return page_view(shown)


@_page
def subjects(request: HttpRequest) -> HttpResponse:
    """List subjects by name."""
    principal = web_principal(request)
    text = request.GET.get("q", "")[:200].strip()
    context = request.GET.get("where", "")[:200]
    after = request.GET.get("after")
    found = reads.list_subjects(
        principal=principal,
        context=context or None,
        containing=text,
        after=(request.GET.get("in", DEFAULT_CONTEXT), after) if after else None,
        limit=SUBJECTS + 1,
    )
    shown = found[:SUBJECTS]
    contexts = [each for each in reads.list_contexts(principal=principal) if each != DEFAULT_CONTEXT]
    return render(
        request,
        "schema_registry/subjects.html",
        {
            "section": "subjects",
            "subjects": [{"row": each, "level": LEVELS[Level(each.level)][0], "url": _url(each)} for each in shown],
            "find": text,
            "chosen": context,
            "contexts": [(each, "Tables" if each == TABLES else each[1:]) for each in contexts],
            "last": shown[-1] if len(found) > SUBJECTS else None,
        },
    )


def _url(summary: SubjectSummary) -> str:
    if summary.context_name == TABLES:
        return reverse("table-subject", args=[summary.name])
    return reverse("subject", args=[summary.subject])


@_page
def table_subject(request: HttpRequest, name: str) -> HttpResponse:
    """Show a table's columns as the schema that it promises."""
    principal = web_principal(request)
    stored = get_dataset_by_name(name=name, principal=principal)
    require_details(stored, principal, "reading its schema")
    found = reads.find_table_subject(principal=principal, dataset_uuid=stored.uuid)
    if found is None:
        return render(request, "schema_registry/none.html", {"section": "search", "d": orjson.loads(stored.body)})
    return _subject_page(request, parse_subject(found.subject), stored)


@_page
def subject(request: HttpRequest, name: str) -> HttpResponse:
    """Show a subject; try, check or register a schema; change its level."""
    parsed = parse_subject(name)
    if parsed.context == TABLES:
        return redirect("table-subject", parsed.name)
    return _subject_page(request, parsed)


@dataclass(frozen=True, slots=True)
class _Changed:
    """A field as the table of changes shows it."""

    path: str
    kind: str
    meaning: str
    reasons: Sequence[tuple[str, Incompatibility]]


@dataclass(frozen=True, slots=True)
class _Tried:
    """What became of a schema in the box."""

    text: str
    problem: str = ""
    pointer: str = ""
    check: Check | None = None


def _subject_page(request: HttpRequest, name: SubjectName, dataset: StoredDataset | None = None) -> HttpResponse:
    principal = web_principal(request)
    table = dataset.qualified_name if dataset is not None else ""
    summary = reads.get_subject(principal=principal, name=name)
    tried = None
    if request.method == "POST":
        answer = _done(request, name)
        if isinstance(answer, HttpResponse):
            return answer
        tried = answer
    shown = reads.get_version(
        principal=principal, name=name, number=number_of(request.GET.get("version"), digits=9) or LATEST
    )
    before = number_of(request.GET.get("before"), digits=9)
    versions = reads.list_versions(
        principal=principal, name=name, before=before + 1 if before is not None else None, limit=VERSIONS + 1
    )
    comparison, earlier = _comparison(principal, name, shown, tried)
    row = reads.subject_row(principal, name, what="reading schemas")
    settings = reads.effective_settings(name.context, name.name, row)
    context = {
        "section": "search" if table else "subjects",
        "summary": summary,
        "table": table,
        "d": orjson.loads(dataset.body) if dataset is not None else None,
        "parts": table.split("/") if table else (),
        "shown": shown,
        "lines": printed(shown.text),
        "fields": _fields(shown),
        "versions": versions[:VERSIONS],
        "older": versions[VERSIONS].number if len(versions) > VERSIONS else None,
        "comparison": comparison,
        "earlier": earlier,
        "changes": _changes(comparison, settings.level) if comparison else (),
        "rows": _rows(comparison) if comparison else (),
        "tried": tried,
        "failing": _failing(tried.check) if tried and tried.check else (),
        "level": LEVELS[settings.level],
        "levels": [(level.value, *said) for level, said in LEVELS.items()],
        "own_level": row.level,
        "mode": settings.mode,
        "may_register": not table and gate.may(principal, gate.EDIT, row.access_class_id),
        "may_set": gate.may(principal, gate.STEWARD, row.access_class_id),
        "referrers": reads.list_referrers(principal=principal, name=name, number=shown.number),
        "next_number": summary.latest + 1,
    }
    return render(request, "schema_registry/subject.html", context)


def _done(request: HttpRequest, name: SubjectName) -> HttpResponse | _Tried:
    """Do what a form asks; return where to go, or what is shown of a schema that was tried."""
    if "level" in request.POST:
        given = request.POST["level"]
        level = given if given in set(Level) else None
        configuring.change_settings(
            caller=web_caller(request), context=name.context, name=name.name, changes={"level": level}
        )
        messages.success(
            request,
            f"The level is {LEVELS[Level(level)][0].lower()} now." if level else "The level is the registry's now.",
        )
        return redirect(request.get_full_path())
    text = request.POST.get("schema", "")
    submitted = Submitted(text)
    try:
        if "register" in request.POST:
            version = registering.register_schema(caller=web_caller(request), name=name, submitted=submitted)
            messages.success(
                request, f"Version {version.number} is registered, with the id {version.schema.schema_id}."
            )
            return redirect("subject", str(name))
        check = comparing.check_compatibility(
            principal=web_principal(request), name=name, submitted=submitted, number=None, normalizes=False
        )
    except Incompatible as error:
        check = error.check
    except InvalidSchema as error:
        return _Tried(text, error.reason, error.pointer)
    except (InvalidReference, TooComplex, registering.NotPermitted) as error:
        return _Tried(text, str(error))
    return _Tried(text, check=check)


def _comparison(
    principal: Principal, name: SubjectName, shown: SubjectVersionView, tried: _Tried | None
) -> tuple[Comparison | None, int]:
    """Return what changes: to the schema that was tried, else to the version shown from the one before, and from which."""
    try:
        if tried is not None:
            if tried.check is None:
                return None, 0
            submitted = Submitted(tried.text)
            return (
                comparing.compare_submitted(principal=principal, name=name, submitted=submitted, before=shown.number),
                shown.number,
            )
        earlier = reads.list_versions(principal=principal, name=name, before=shown.number, limit=1)
        if not earlier:
            return None, 0
        found = comparing.compare_versions(principal=principal, name=name, before=earlier[0].number, after=shown.number)
        return found, earlier[0].number
    except TooComplex:
        return None, 0


def _rows(comparison: Comparison) -> list[Row]:
    return side_by_side(printed(comparison.before), printed(comparison.after))


def _fields(shown: SubjectVersionView) -> Sequence[FieldView]:
    format_ = schema_format(shown.format)
    try:
        return format_.fields(format_.parse(shown.text, {}))[:FIELDS]
    except InvalidSchema:
        return ()  # it refers to others, whose fields stand on their own pages


_WHOSE = {"new": "New readers of older data", "old": "Older readers of new data"}


def _changes(comparison: Comparison, level: Level) -> list[_Changed]:
    wanted = {"new": level.new_reads_old, "old": level.old_reads_new}
    reasons: dict[str, list[tuple[str, Incompatibility]]] = {}
    for direction in comparison.failing:
        for reason in direction.reasons:
            if wanted[direction.reader]:
                reasons.setdefault(reason.field, []).append((_WHOSE[direction.reader], reason))
    found = []
    for change in comparison.changes[:FIELDS]:
        kind = "add" if change.before is None else "del" if change.after is None else "chg"
        found.append(_Changed(change.path, kind, _meaning(change.before, change.after), reasons.pop(change.path, ())))
    # What breaks in a place whose type and default are the same: names, sizes, symbols further down.
    found += [_Changed(path, "chg", "Something within it changed.", each) for path, each in reasons.items()]
    return found


def _meaning(before: FieldView | None, after: FieldView | None) -> str:
    if before is None and after is not None:
        filled = f"; older data has it as {after.default}" if after.default is not None else ", without a default"
        return f"New: {after.type}{filled}."
    if before is not None and after is None:
        return f"Gone; it was {before.type}. New readers leave it out."
    assert before is not None
    assert after is not None
    if before.type != after.type:
        return f"{before.type} to {after.type}."
    return f"Its default was {before.default or 'none'} and is {after.default or 'none'}."


def _failing(check: Check) -> list[Mapping[str, Any]]:
    """Return each reason once, with the versions that it is one against."""
    found: dict[tuple[str, Incompatibility], list[int]] = {}
    for version in check.versions:
        for direction in version.failing:
            for reason in direction.reasons:
                found.setdefault((_WHOSE[direction.reader], reason), []).append(version.number)
    return [
        {"whose": whose, "versions": _versions(numbers), "reason": reason}
        for (whose, reason), numbers in list(found.items())[:50]
    ]


def _versions(numbers: Sequence[int]) -> str:
    return f"version {numbers[0]}" if len(numbers) == 1 else f"versions {min(numbers)} to {max(numbers)}"
