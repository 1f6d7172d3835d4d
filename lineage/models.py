"""Tables of lineage: events as they came, jobs and their runs, what each run showed, and the edges told from that."""

from __future__ import annotations

import uuid

from django.db import models

DECLARED_ORIGINS = ("declared", "view")
"""Origins of edges that hold from one declaration to the next, whatever runs show."""


class LineageEvent(models.Model):
    """An event as it was sent, kept before it is answered. ``applied_at`` is None until its edges are told; ``error`` says why not."""

    id = models.BigAutoField(primary_key=True)
    received_at = models.DateTimeField()
    event_at = models.DateTimeField()
    kind = models.CharField(max_length=10)
    state = models.CharField(max_length=10, blank=True)
    job = models.TextField(blank=True)
    run_uuid = models.UUIDField(null=True)
    principal = models.CharField(max_length=200)
    body = models.BinaryField()
    """The JSON, compressed by zlib."""
    applied_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    class Meta:
        db_table = "lineage_event"
        indexes = [
            models.Index(fields=["received_at"], name="lineage_event_time"),
            models.Index(fields=["id"], condition=models.Q(applied_at__isnull=True), name="lineage_event_waiting"),
            models.Index(fields=["run_uuid", "id"], name="lineage_event_run"),
        ]


class EventKey(models.Model):
    """The digest of an event that was taken, so that one sent again is taken once; apart, since events are partitioned by day."""

    id = models.BigAutoField(primary_key=True)
    digest = models.BinaryField(max_length=16, unique=True)
    received_at = models.DateTimeField()

    class Meta:
        db_table = "lineage_event_key"
        indexes = [models.Index(fields=["received_at"], name="lineage_event_key_time")]


class Job(models.Model):
    """
    Something that moves data: a job as producers name it, or a view's definition (``kind`` view, named by the view's id).

    While runs show the same edges, only the ``steady_`` fields change: ``steady_digest`` names the set of all edges that hold,
    ``steady_from`` the time from which on a run that shows it changes nothing; ``steady_last_`` name the last run, and the others
    count such runs since.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    digest = models.BinaryField(max_length=16, unique=True)
    kind = models.CharField(max_length=10, default="job")
    namespace = models.TextField()
    name = models.TextField()
    description = models.TextField(blank=True)
    job_type = models.CharField(max_length=100, blank=True)
    parent_uuid = models.UUIDField(null=True)
    sql = models.TextField(blank=True)
    """The statement that it ran last, without literals."""
    problems = models.JSONField(default=list)
    """What could not be told of its statement."""
    version = models.BigIntegerField(default=0)
    created_at = models.DateTimeField()
    last_run_uuid = models.UUIDField(null=True)
    last_run_state = models.CharField(max_length=10, blank=True)
    last_run_at = models.DateTimeField(null=True)
    steady_digest = models.BinaryField(max_length=16, null=True)
    steady_statement = models.BinaryField(max_length=16, null=True)
    steady_from = models.DateTimeField(null=True)
    steady_last_at = models.DateTimeField(null=True)
    steady_last_key = models.CharField(max_length=40, blank=True, default="", db_default="")
    steady_runs = models.IntegerField(default=0)

    class Meta:
        db_table = "lineage_job"
        indexes = [models.Index(fields=["kind", "-last_run_at"], name="lineage_job_recent")]


class JobRun(models.Model):
    """One run of a job, as its events told of it so far."""

    id = models.BigAutoField(primary_key=True)
    created_at = models.DateTimeField()
    uuid = models.UUIDField()
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="runs", db_index=False, db_constraint=False)
    state = models.CharField(max_length=10)
    state_at = models.DateTimeField()
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    parent_uuid = models.UUIDField(null=True)
    error = models.TextField(blank=True)
    inputs = models.JSONField(default=list)
    """Each dataset's id, and the names it was told by; SQL calls it by one of them."""
    outputs = models.JSONField(default=list)
    sql_event = models.JSONField(null=True)
    """Number and time of receipt of the event that brought its SQL: later ones may not."""

    class Meta:
        db_table = "lineage_run"
        indexes = [
            models.Index(fields=["uuid"], name="lineage_run_uuid"),
            models.Index(fields=["job", "-started_at"], name="lineage_run_of_job"),
            models.Index(fields=["created_at"], name="lineage_run_time"),
        ]


class EdgeSet(models.Model):
    """A set of edges, stored once for all runs that showed just these."""

    digest = models.BinaryField(max_length=16, primary_key=True)
    body = models.BinaryField()

    class Meta:
        db_table = "lineage_edge_set"


class Observation(models.Model):
    """What one run showed, or one declaration said; edges are told from all of a job's, in whatever order they came."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="observations", db_index=False)
    is_declared = models.BooleanField(default=False)
    key = models.CharField(max_length=40)
    """The run's id, or the declaration's."""
    at = models.DateTimeField()
    is_completed = models.BooleanField(default=False)
    statement = models.BinaryField(max_length=16, null=True)
    edges = models.BinaryField(max_length=16)

    class Meta:
        db_table = "lineage_observation"
        constraints = [models.UniqueConstraint(fields=["job", "is_declared", "key"], name="lineage_observed_once")]


class Edge(models.Model):
    """
    That something of one dataset went into another, from ``since`` until ``until`` (None: it still does).

    Between datasets both columns are empty; where only the downstream column is, the upstream one decides over all its rows. A row that
    later events make untrue is superseded, not changed: what was known when can be asked.
    """

    id = models.BigAutoField(primary_key=True)
    upstream = models.UUIDField()
    upstream_column = models.TextField(blank=True)
    downstream = models.UUIDField()
    downstream_column = models.TextField(blank=True)
    subtype = models.CharField(max_length=20, blank=True)
    masking = models.BooleanField(default=False)
    origin = models.CharField(max_length=12)
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="edges", db_index=False)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)
    last_seen_at = models.DateTimeField()
    runs_seen = models.IntegerField(default=1)
    runs_missed = models.IntegerField(default=0)
    recorded_at = models.DateTimeField()
    superseded_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "lineage_edge"
        indexes = [
            # Each of the first two holds all that a step of a walk needs.
            models.Index(
                fields=["downstream", "superseded_at", "until", "since", "recorded_at", "upstream"],
                condition=models.Q(upstream_column="", downstream_column=""),
                name="lineage_edge_up",
            ),
            models.Index(
                fields=["upstream", "superseded_at", "until", "since", "recorded_at", "downstream"],
                condition=models.Q(upstream_column="", downstream_column=""),
                name="lineage_edge_down",
            ),
            models.Index(
                fields=["downstream", "since"],
                condition=models.Q(upstream_column__gt=""),
                name="lineage_edge_column_up",
            ),
            models.Index(
                fields=["upstream", "since"],
                condition=models.Q(upstream_column__gt=""),
                name="lineage_edge_column_down",
            ),
            models.Index(fields=["job"], condition=models.Q(superseded_at__isnull=True), name="lineage_edge_of_job"),
        ]


class WantedTable(models.Model):
    """A name, folded, that a view's definition may mean and that no dataset has yet; when one comes, the view is read anew."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="wanted")
    name = models.CharField(max_length=600)

    class Meta:
        db_table = "lineage_wanted_table"
        indexes = [models.Index(fields=["name"], name="lineage_wanted")]
