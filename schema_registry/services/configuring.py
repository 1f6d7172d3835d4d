"""Settings of subjects and contexts: compatibility level, mode, whether schemas are normalized."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from catalog.access import gate
from catalog.access.principals import Caller
from catalog.access.services import AuditEntry, record
from catalog.journal.services import Entry, publish
from schema_registry.domain.levels import Mode
from schema_registry.domain.subjects import SubjectName
from schema_registry.models import Context, Subject
from schema_registry.selectors.errors import NoSuchSubject
from schema_registry.selectors.subjects import OwnSettings, find_subject, settings_of
from schema_registry.services.registering import NotPermitted, context_row, locked_subject, raise_revision, standing

FIELDS = {"level": "", "mode": "", "normalizes": None}
"""What may be set, and what each is when it is not."""


def change_settings(
    *, caller: Caller, context: str, name: str, changes: Mapping[str, Any], force: bool = False
) -> OwnSettings:
    """
    Set or unset settings of a subject, or with an empty name of a context, and return what it said itself before.

    Ids can be given (mode IMPORT) only where there are no versions yet, unless forced.

    :raises NotPermitted: for IMPORT where there are versions.
    :raises Denied: without the role steward on the subject; contexts are for operators.
    """
    values = {field: FIELDS[field] if value is None else value for field, value in changes.items()}
    with transaction.atomic():
        if not name:
            gate.require_operator(caller.principal, what="changing what holds for all subjects")
            row: Context | Subject = Context.objects.select_for_update().get(pk=context_row(context).pk)
        else:
            row = _locked_subject(caller, SubjectName(context, name))
        before = settings_of(row)
        if values.get("mode") == Mode.IMPORT and not force:
            _require_empty(row)
        if all(getattr(row, field) == value for field, value in values.items()):
            return before
        for field, value in values.items():
            setattr(row, field, value)
        row.save(update_fields=list(values))
        shown = str(SubjectName(context, name)) if name else f":{context}:"
        told = {"subject": shown, **values}
        if isinstance(row, Subject):
            raise_revision(caller, row, "configured", told)
        else:
            cause = caller.cause
            publish([Entry("schema", "configured", "context", None, cause=cause, payload=told)])
            record(caller, [AuditEntry("context.configured", "context", shown, after=told)])
    return before


def _locked_subject(caller: Caller, name: SubjectName) -> Subject:
    found = find_subject(name)
    principal, class_id = standing(caller, name, found)
    if not gate.may(principal, gate.DISCOVER, class_id):
        raise NoSuchSubject(f"Subject '{name}' not found.")
    gate.require(principal, gate.STEWARD, class_id, what=f"changing the settings of '{name}'")
    return locked_subject(name, found)


def _require_empty(row: Context | Subject) -> None:
    versions = row.versions if isinstance(row, Subject) else row.schemas
    if versions.exists():
        raise NotPermitted("Cannot import since found existing subjects")
