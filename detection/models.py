"""Tables of detection: when each dataset is scanned, what profiles say, checks and how they ended. No row of a source is in any."""

from __future__ import annotations

import uuid

from django.db import models


class Scan(models.Model):
    """When a dataset is to be scanned next, and how it went last. ``due_at`` is None for one that is gone."""

    dataset_uuid = models.UUIDField(unique=True)
    catalog_uuid = models.UUIDField()
    due_at = models.DateTimeField(null=True)
    scanned_at = models.DateTimeField(null=True)
    reads_rows = models.BooleanField(default=False)
    """Whether rows were read the last time, or names alone."""
    failures = models.IntegerField(default=0)
    error = models.TextField(blank=True)
    profile = models.JSONField(null=True)
    """The newest one, with when it was made."""
    version = models.BigIntegerField(default=0)
    """Raised with every entry about the dataset's quality."""

    class Meta:
        db_table = "detection_scan"
        indexes = [
            # To know which catalogs have any, every few seconds, and to take those of one in order.
            models.Index(fields=["due_at"], condition=models.Q(due_at__isnull=False), name="detection_scan_next"),
            models.Index(
                fields=["catalog_uuid", "due_at"], condition=models.Q(due_at__isnull=False), name="detection_scan_due"
            ),
        ]


class ProfileRecord(models.Model):
    """How many rows a dataset had, and how many of each column were empty, at a time."""

    id = models.BigAutoField(primary_key=True)
    made_at = models.DateTimeField()
    dataset_uuid = models.UUIDField()
    rows = models.BigIntegerField()
    total_rows = models.BigIntegerField(null=True)
    nulls = models.JSONField(default=dict)

    class Meta:
        db_table = "detection_profile"
        indexes = [models.Index(fields=["dataset_uuid", "-made_at"], name="detection_profile_of")]


class CheckRow(models.Model):
    """A check of a dataset, or of a column by its id, and how it ended last; ``status`` is empty before the first time."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    dataset_uuid = models.UUIDField()
    column_uuid = models.UUIDField(null=True)
    kind = models.CharField(max_length=20)
    arguments = models.JSONField(default=dict)
    severity = models.CharField(max_length=10, default="medium")
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=200)
    status = models.CharField(max_length=10, blank=True)
    observed = models.TextField(blank=True)
    judged_at = models.DateTimeField(null=True)
    failing_since = models.DateTimeField(null=True)

    class Meta:
        db_table = "detection_check"
        indexes = [
            models.Index(fields=["dataset_uuid"], name="detection_check_of"),
            models.Index(
                fields=["-failing_since"],
                condition=models.Q(failing_since__isnull=False),
                name="detection_check_failing",
            ),
        ]


class CheckResult(models.Model):
    """How a check ended once; those that passed are kept too."""

    id = models.BigAutoField(primary_key=True)
    judged_at = models.DateTimeField()
    check_uuid = models.UUIDField()
    status = models.CharField(max_length=10)
    observed = models.TextField(blank=True)
    measured = models.JSONField(default=dict)
    """Counts, as the domain's ``Measured`` has them."""

    class Meta:
        db_table = "detection_check_result"
        indexes = [models.Index(fields=["check_uuid", "-judged_at"], name="detection_result_of")]
