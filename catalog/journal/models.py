"""Tables of the journal: entries, the head that numbers them, cursors of projections, runs."""

from __future__ import annotations

import uuid

from django.db import models


class JournalEntry(models.Model):
    """
    One committed change. Written without a position in the writer's transaction; the sequencer numbers it later.

    ``aspect`` names what changed (``definition``, ``data``, ``annotation``, ``identity``, ``access``…), ``cause`` what made it change.
    """

    id = models.BigAutoField(primary_key=True)
    position = models.BigIntegerField(null=True)
    recorded_at = models.DateTimeField()
    subject_kind = models.CharField(max_length=20)
    subject_uuid = models.UUIDField(null=True)
    subject_version = models.BigIntegerField(default=0)
    aspect = models.CharField(max_length=30)
    operation = models.CharField(max_length=30)
    cause = models.JSONField(default=dict)
    payload = models.JSONField(default=dict)

    class Meta:
        db_table = "journal_entry"
        indexes = [
            models.Index(fields=["position"], name="journal_position"),
            models.Index(fields=["id"], condition=models.Q(position__isnull=True), name="journal_unnumbered"),
            models.Index(fields=["subject_uuid", "position"], name="journal_subject"),
            models.Index(fields=["recorded_at"], name="journal_time"),
        ]


class JournalHead(models.Model):
    """One row: the last position given out, and the first that is still kept. Its lock is the sequencer's lock."""

    position = models.BigIntegerField(default=0)
    first_kept = models.BigIntegerField(default=1)

    class Meta:
        db_table = "journal_head"


class PendingDataChange(models.Model):
    """Data changes of one dataset that wait to become one entry."""

    subject_uuid = models.UUIDField(unique=True)
    due_at = models.DateTimeField()
    changes = models.BigIntegerField(default=1)
    cause = models.JSONField(default=dict)

    class Meta:
        db_table = "journal_pending_data"
        indexes = [models.Index(fields=["due_at"], name="pending_due")]


class ProjectionCursor(models.Model):
    """How far a projection has come, who moves it now, and what stopped it."""

    name = models.CharField(max_length=60, primary_key=True)
    position = models.BigIntegerField(default=0)
    holder = models.CharField(max_length=100, blank=True)
    lease_until = models.DateTimeField(null=True)
    moved_at = models.DateTimeField(null=True)
    failing_since = models.DateTimeField(null=True)
    retry_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True)
    rebuild_requested = models.BooleanField(default=False)

    class Meta:
        db_table = "journal_cursor"


class RunState(models.TextChoices):
    """The life of a run."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Run(models.Model):
    """A long job. What to do stands in ``arguments``; a message carries the uuid only. ``attempt`` is the fence."""

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField(default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField()
    kind = models.CharField(max_length=40)
    subject = models.CharField(max_length=300, blank=True)
    queue = models.CharField(max_length=20)
    arguments = models.JSONField(default=dict)
    requested_by = models.CharField(max_length=200)
    state = models.CharField(max_length=12, choices=RunState.choices, default=RunState.QUEUED)
    not_before = models.DateTimeField()
    attempt = models.IntegerField(default=0)
    holder = models.CharField(max_length=100, blank=True)
    lease_until = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    cancel_requested_at = models.DateTimeField(null=True)
    progress = models.JSONField(default=dict)
    result = models.JSONField(default=dict)
    error = models.TextField(blank=True)

    class Meta:
        db_table = "journal_run"
        indexes = [
            models.Index(fields=["uuid"], name="run_uuid"),
            models.Index(
                fields=["queue", "not_before"],
                condition=models.Q(state__in=["queued", "running"]),
                name="run_claimable",
            ),
            models.Index(fields=["kind", "subject", "-id"], name="run_subject"),
            models.Index(fields=["created_at"], name="run_time"),
        ]


class RunKey(models.Model):
    """An idempotency key and the run it stands for; in a table of its own because runs are partitioned by day."""

    key = models.CharField(max_length=200, primary_key=True)
    run_uuid = models.UUIDField()
    created_at = models.DateTimeField()

    class Meta:
        db_table = "journal_run_key"
        indexes = [models.Index(fields=["created_at"], name="run_key_time")]
