"""Tables of policy: policies, their versions, what violates them, and what is waived."""

from __future__ import annotations

import uuid

from django.db import models


class Policy(models.Model):
    """A policy by its name. ``active`` is the number of the version that judges, None for a draft or one that was retired."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    slug = models.CharField(max_length=100, unique=True)
    active = models.IntegerField(null=True)
    version = models.BigIntegerField(default=0)
    """Raised with every entry about it."""
    created_at = models.DateTimeField()
    judged_at = models.DateTimeField(null=True)
    """When all that it is of was judged last, from the beginning to the end."""
    counts = models.JSONField(default=dict)
    """Of that: how many had each verdict."""

    class Meta:
        db_table = "policy_policy"


class PolicyVersion(models.Model):
    """The text of a policy, as somebody saved it. It never changes."""

    policy = models.ForeignKey(Policy, on_delete=models.CASCADE, related_name="versions", db_index=False)
    number = models.IntegerField()
    text = models.TextField()
    title = models.CharField(max_length=200)
    resource = models.CharField(max_length=20)
    severity = models.CharField(max_length=10)
    author = models.CharField(max_length=200)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "policy_version"
        constraints = [models.UniqueConstraint(fields=["policy", "number"], name="policy_version_once")]


class Violation(models.Model):
    """That a dataset or a column breaks a policy, or could not be judged by it, from when until when; breaking it again is another one."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    policy = models.ForeignKey(Policy, on_delete=models.CASCADE, related_name="violations", db_index=False)
    dataset_uuid = models.UUIDField()
    column_uuid = models.UUIDField(null=True)
    verdict = models.CharField(max_length=10)
    """``fail``, ``error`` or ``waived``."""
    severity = models.CharField(max_length=10)
    column = models.TextField(blank=True)
    message = models.TextField()
    explanation = models.JSONField(default=list)
    policy_version = models.IntegerField()
    version = models.BigIntegerField(default=1)
    opened_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "policy_violation"
        constraints = [
            models.UniqueConstraint(
                fields=["policy", "dataset_uuid"],
                condition=models.Q(resolved_at__isnull=True, column_uuid__isnull=True),
                name="violation_open_once",
            ),
            models.UniqueConstraint(
                fields=["policy", "column_uuid"],
                condition=models.Q(resolved_at__isnull=True, column_uuid__isnull=False),
                name="violation_open_once_column",
            ),
        ]
        indexes = [
            models.Index(fields=["dataset_uuid"], name="violation_of"),
            models.Index(
                fields=["policy", "-id"], condition=models.Q(resolved_at__isnull=True), name="violation_open_of_policy"
            ),
            models.Index(
                fields=["resolved_at"], condition=models.Q(resolved_at__isnull=False), name="violation_resolved"
            ),
        ]


class Waiver(models.Model):
    """That a dataset, or one column of it, is let be by a policy until a time, for a reason."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    policy = models.ForeignKey(Policy, on_delete=models.CASCADE, related_name="waivers", db_index=False)
    dataset_uuid = models.UUIDField()
    column_uuid = models.UUIDField(null=True)
    reason = models.TextField()
    author = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "policy_waiver"
        indexes = [
            models.Index(fields=["policy", "dataset_uuid"], name="waiver_of"),
            models.Index(fields=["expires_at"], condition=models.Q(ended_at__isnull=True), name="waiver_expires"),
        ]


class DailyCount(models.Model):
    """How many had each verdict of a policy on a day, when all that it is of was judged last."""

    policy = models.ForeignKey(Policy, on_delete=models.CASCADE, related_name="days", db_index=False)
    day = models.DateField()
    counts = models.JSONField(default=dict)

    class Meta:
        db_table = "policy_daily_count"
        constraints = [models.UniqueConstraint(fields=["policy", "day"], name="policy_day_once")]
