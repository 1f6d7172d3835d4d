"""
The write path of definitions: guards, intent, source, re-read, one transaction that stores and closes, and recovery.

A crash between any two of these leaves an open intent. Recovery asks the source what is true; it never repeats a write.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction

from catalog.access import gate
from catalog.access.principals import Caller, system_principal
from catalog.access.services import AuditEntry, Classifier, classes_of, record
from catalog.connectors.base import (
    Conflict,
    ConnectorError,
    Context,
    DatasetRef,
    Loaded,
    LoadFailure,
    SourceUnavailable,
    WritesTables,
)
from catalog.domain.diff import diff
from catalog.domain.documents import DatasetDocument, document_from_json
from catalog.domain.names import QualifiedName, is_chosen
from catalog.domain.operations import (
    CreateTable,
    ImpossibleOperation,
    Operation,
    RenameTable,
    describe,
    is_reached,
    operation_from_json,
    operation_json,
    predict,
    touched_tables,
)
from catalog.guards import Proposal, ask_guards
from catalog.journal import clock, failpoints
from catalog.journal.runs import KeyReused
from catalog.models import Catalog, CatalogState, Database, Dataset, DatasetState, Intent, IntentState
from catalog.selectors import NoSuchCatalog, NoSuchDatabase, NoSuchDataset, open_connector
from catalog.selectors.definitions import load_definitions
from catalog.services import store

INTENT_LEASE_SECONDS = 60
CALL_SECONDS = 10

INTENT_RECORDED = failpoints.declare("write.intent_recorded", "intent committed, source not yet called")
SOURCE_CHANGED = failpoints.declare("write.source_changed", "source changed, nothing of it stored")
REREAD = failpoints.declare("write.reread", "source re-read, answer not stored")
STORED = failpoints.declare("write.stored", "answer stored in the open transaction, intent not closed")
CLOSED = failpoints.declare("write.closed", "intent closed and committed, caller not answered")


class ReadOnlyCatalog(ValueError):
    """The catalog's connector cannot write."""


class VersionConflict(ValueError):
    """The dataset is not at the version the caller expected; the message says at which it is."""


class OutcomeUnknown(RuntimeError):
    """The source fell silent in mid-write; the intent stays open and recovery will say what is true."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a write. ``warnings`` are the guards'; ``version`` is the dataset's, None if none is left."""

    intent: uuid.UUID
    state: str
    reached: bool
    qualified_name: str
    dataset_uuid: uuid.UUID | None
    version: int | None
    warnings: Sequence[str]


def change_definition(
    *,
    caller: Caller,
    catalog_name: str,
    operation: Operation,
    expected_version: int | None = None,
    idempotency_key: str | None = None,
) -> Outcome:
    """
    Carry out one operation at a catalog's source and return what then is true.

    The same idempotency key gives the first call's outcome again, and touches nothing.

    :raises NoSuchCatalog, NoSuchDataset, Denied: as the gate says.
    :raises KeyReused: if somebody used the idempotency key for another request.
    :raises ReadOnlyCatalog: if the connector cannot write.
    :raises ChangeRefused: if a guard refuses.
    :raises VersionConflict: if the dataset has moved on.
    :raises Conflict, Refused, ConnectorError: as the source says; nothing was changed.
    :raises OutcomeUnknown: if the source stopped answering once it had been asked.
    """
    catalog = Catalog.objects.filter(name=catalog_name).exclude(state=CatalogState.REMOVED).first()
    if catalog is None:
        raise NoSuchCatalog(f"there is no catalog '{catalog_name}'")
    if idempotency_key is not None:
        earlier = Intent.objects.filter(idempotency_key=idempotency_key).first()
        if earlier is not None:
            return _repeat(earlier, caller, catalog, operation)
    connector = open_connector(catalog)
    try:
        if not isinstance(connector, WritesTables):
            raise ReadOnlyCatalog(
                f"catalog '{catalog_name}' is read-only here: the {catalog.platform} connector does not write tables"
            )
        intent, warnings = _intend(caller, catalog, operation, expected_version, idempotency_key)
        failpoints.reach(INTENT_RECORDED)
        try:
            connector.apply(Context.within(CALL_SECONDS), operation)
        except SourceUnavailable as error:
            raise OutcomeUnknown(
                f"the source of '{catalog_name}' stopped answering; whether '{intent.subject}' was changed is not known. "
                f"Cairn re-reads it; ask for intent {intent.uuid}"
            ) from error
        except ConnectorError as error:
            _refuse(intent, str(error), caller)
            raise
        failpoints.reach(SOURCE_CHANGED)
        return settle(intent, caller=caller, state=IntentState.CLOSED, warnings=warnings)
    finally:
        connector.close()


def _repeat(earlier: Intent, caller: Caller, catalog: Catalog, operation: Operation) -> Outcome:
    asked = (caller.principal.handle, catalog.pk, operation_json(operation))
    if (earlier.principal, earlier.catalog_id, earlier.operation) != asked:
        raise KeyReused(f"idempotency key '{earlier.idempotency_key}' was used for another request before")
    if earlier.state == IntentState.OPEN:
        raise OutcomeUnknown(f"this request is being carried out; ask for intent {earlier.uuid}")
    if earlier.state == IntentState.REFUSED:
        raise Conflict(str(earlier.outcome.get("error", "the source refused")))
    return outcome_of(earlier)


def outcome_of(intent: Intent) -> Outcome:
    """Return the stored outcome of an intent that is no longer open."""
    stored = intent.outcome
    return Outcome(
        intent=intent.uuid,
        state=intent.state,
        reached=bool(stored.get("reached")),
        qualified_name=stored.get("qualified_name", intent.subject),
        dataset_uuid=uuid.UUID(stored["dataset"]) if stored.get("dataset") else None,
        version=stored.get("version"),
        warnings=stored.get("warnings", []),
    )


def _intend(
    caller: Caller,
    catalog: Catalog,
    operation: Operation,
    expected_version: int | None,
    idempotency_key: str | None,
) -> tuple[Intent, Sequence[str]]:
    """Check that the caller may, ask the guards, and commit the intent. Guards run before any lock is taken."""
    name = str(QualifiedName.of(catalog.name, operation.database, operation.table))
    dataset = (
        Dataset.objects.filter(qualified_name=name, holds_name=True)
        .exclude(state__in=[DatasetState.TOMBSTONED, DatasetState.ABSORBED])
        .first()
    )
    _check_may_change(caller, name, dataset, operation)
    if not is_chosen(operation.database, catalog.database_patterns):
        raise NoSuchDatabase(
            f"catalog '{catalog.name}' leaves out the database '{operation.database}', by its patterns"
        )
    before = _stored_document(dataset)
    try:
        after = predict(before, operation)
    except ImpossibleOperation:
        after = before  # the source decides; our copy may be behind
    warnings = ask_guards(
        Proposal(
            operation=operation,
            qualified_name=name,
            before=before,
            after=after,
            changes=diff(before, after) if before and after else (),
            caller=caller,
            facts=_facts(dataset),
        )
    )
    now = clock.now()
    with transaction.atomic():
        if expected_version is not None:
            locked = Dataset.objects.select_for_update().filter(pk=dataset.pk).first() if dataset else None
            found = locked.version if locked else 0
            if found != expected_version:
                raise VersionConflict(
                    f"'{name}' is at version {found}, you expected {expected_version}; read it again and decide anew"
                )
        try:
            with transaction.atomic():
                intent = Intent.objects.create(
                    idempotency_key=idempotency_key,
                    catalog=catalog,
                    operation=operation_json(operation),
                    subject=name,
                    expected_version=expected_version,
                    principal=caller.principal.handle,
                    door=caller.door,
                    outcome={"warnings": list(warnings)},
                    created_at=now,
                    lease_until=now + timedelta(seconds=INTENT_LEASE_SECONDS),
                )
        except IntegrityError as error:
            raise OutcomeUnknown("this request is being carried out already; repeat it to learn its outcome") from error
    return intent, warnings


def _check_may_change(caller: Caller, name: str, dataset: Dataset | None, operation: Operation) -> None:
    principal = caller.principal
    names = [name]
    if isinstance(operation, RenameTable):
        names.append("/".join([*name.split("/")[:-1], str(QualifiedName.of(operation.new_name))]))
    if dataset is None and not isinstance(operation, CreateTable):
        raise NoSuchDataset(name)
    if dataset is not None and not gate.may(principal, gate.DISCOVER, dataset.access_class_id):
        raise NoSuchDataset(name)
    for class_id in classes_of(names):
        gate.require(principal, gate.ADMIN, class_id, what=f"changing the definition of '{name}'")


def _stored_document(dataset: Dataset | None) -> DatasetDocument | None:
    if dataset is None or dataset.definition_digest is None:
        return None
    digest = bytes(dataset.definition_digest)
    return document_from_json(load_definitions([digest])[digest])


def _facts(dataset: Dataset | None) -> Mapping[str, Any]:
    if dataset is None:
        return {"tags": [], "owners": []}
    claims = dataset.annotations.filter(ended_at__isnull=True, status="accepted", column__isnull=True)
    pairs = list(claims.values_list("aspect", "key"))
    return {
        "tags": [key for aspect, key in pairs if aspect == "tag"],
        "owners": [key for aspect, key in pairs if aspect == "owner"],
    }


def _refuse(intent: Intent, reason: str, caller: Caller) -> None:
    with transaction.atomic():
        Intent.objects.filter(pk=intent.pk, state=IntentState.OPEN).update(
            state=IntentState.REFUSED, closed_at=clock.now(), outcome={**intent.outcome, "error": reason}
        )
        record(
            caller,
            [AuditEntry("definition.refused", "dataset", intent.subject, after={"reason": reason, **_said(intent)})],
        )


def _said(intent: Intent) -> dict[str, Any]:
    return {"operation": describe(operation_from_json(intent.operation)), "intent": str(intent.uuid)}


def settle(intent: Intent, *, caller: Caller, state: str, warnings: Sequence[str]) -> Outcome:
    """
    Re-read what an intent touched and, in one transaction, store the source's answer and close the intent.

    Called by the writer when the source has answered, and by recovery when the writer is gone; the second to come finds
    the intent closed and returns its outcome.
    """
    operation = operation_from_json(intent.operation)
    catalog = intent.catalog
    connector = open_connector(catalog)
    try:
        answers = _reread(connector, operation)
    finally:
        connector.close()
    failpoints.reach(REREAD)
    with transaction.atomic():
        locked = Intent.objects.select_for_update().get(pk=intent.pk)
        if locked.state != IntentState.OPEN:
            return outcome_of(locked)
        dataset = _store_answers(locked, catalog, operation, answers, caller)
        failpoints.reach(STORED)
        reached = is_reached(operation, {name: loaded.document if loaded else None for name, loaded in answers.items()})
        locked.state = state
        locked.closed_at = clock.now()
        locked.outcome = {
            "reached": reached,
            "warnings": list(warnings),
            "qualified_name": dataset.qualified_name if dataset else locked.subject,
            "dataset": str(dataset.uuid) if dataset else None,
            "version": dataset.version if dataset and dataset.state == DatasetState.LIVE else None,
        }
        locked.save(update_fields=["state", "closed_at", "outcome"])
        record(
            caller,
            [
                AuditEntry(
                    f"definition.{state}",
                    "dataset",
                    locked.subject,
                    dataset.uuid if dataset else None,
                    after={**_said(locked), "reached": reached},
                )
            ],
        )
    failpoints.reach(CLOSED)
    return outcome_of(locked)


def _reread(connector: Any, operation: Operation) -> dict[str, Loaded | None]:
    refs = [DatasetRef(operation.database, name) for name in touched_tables(operation)]
    answers: dict[str, Loaded | None] = {}
    for answer in connector.load(Context.within(CALL_SECONDS), refs):
        if isinstance(answer, LoadFailure) and not answer.gone:
            raise SourceUnavailable(f"'{answer.ref.name}' could not be re-read: {answer.reason}")
        answers[answer.ref.name] = answer if isinstance(answer, Loaded) else None
    return answers


def _store_answers(
    intent: Intent, catalog: Catalog, operation: Operation, answers: Mapping[str, Loaded | None], caller: Caller
) -> Dataset | None:
    database, _ = Database.objects.get_or_create(
        catalog=catalog, name=operation.database, defaults={"created_at": clock.now()}
    )
    writing = store.Writing(
        caller=caller,
        cause={"intent": str(intent.uuid)},
        classifier=Classifier(),
    )
    held = {
        dataset.name: dataset
        for dataset in Dataset.objects.filter(
            database=database,
            name__in=list(answers),
            holds_name=True,
            state__in=[DatasetState.LIVE, DatasetState.MISSING],
        )
    }
    renames = []
    if isinstance(operation, RenameTable):
        old, new = held.get(operation.table), answers.get(operation.new_name)
        moved = answers.get(operation.table) is None and new is not None
        if old is not None and moved and operation.new_name not in held:
            renames = [store.Rename(old.pk, database, operation.new_name)]
            del held[operation.table]
    present = [loaded for loaded in answers.values() if loaded is not None]
    store.store_within(catalog=catalog, database=database, loaded=present, writing=writing, renames=renames)
    gone = [dataset.pk for name, dataset in held.items() if answers[name] is None]
    if gone:
        store.mark_unlisted(catalog=catalog, dataset_ids=gone, run_uuid=None, writing=writing)
    final = (
        operation.new_name
        if isinstance(operation, RenameTable) and answers.get(operation.new_name)
        else operation.table
    )
    return Dataset.objects.filter(database=database, name=final, holds_name=True).first()


def recover_intents(*, limit: int = 50) -> int:
    """
    Settle the open intents whose writers fell silent, by what their sources say now; return how many were settled.

    A source that does not answer leaves its intents open for the next time.
    """
    now = clock.now()
    settled = 0
    caller = Caller(system_principal("recovery"), "recovery")
    for intent in Intent.objects.select_related("catalog").filter(state=IntentState.OPEN, lease_until__lt=now)[:limit]:
        taken = Intent.objects.filter(pk=intent.pk, state=IntentState.OPEN, lease_until=intent.lease_until).update(
            lease_until=now + timedelta(seconds=INTENT_LEASE_SECONDS)
        )
        if not taken:
            continue
        try:
            settle(intent, caller=caller, state=IntentState.RECOVERED, warnings=intent.outcome.get("warnings", []))
            settled += 1
        except ConnectorError as error:
            Intent.objects.filter(pk=intent.pk).update(outcome={**intent.outcome, "last_error": str(error)})
    return settled


def get_outcome(*, intent_uuid: uuid.UUID, caller: Caller) -> tuple[str, Outcome | None]:
    """Return the state of one's own intent and, unless it is open, its outcome. :raises LookupError: if there is none."""
    intent = Intent.objects.filter(uuid=intent_uuid).first()
    own = intent is not None and intent.principal == caller.principal.handle
    if intent is None or not (own or caller.principal.is_operator):
        raise LookupError(f"there is no intent {intent_uuid} of yours")
    return intent.state, None if intent.state == IntentState.OPEN else outcome_of(intent)
