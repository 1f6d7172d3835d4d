"""Shapes of long jobs, of questions that syncs put, and of changes of the journal."""

from __future__ import annotations

from rest_framework import serializers

from catalog.api.v1.bodies.base import Shape


class RunShape(Shape):
    uuid = serializers.UUIDField()
    number = serializers.IntegerField()
    kind = serializers.CharField()
    subject = serializers.CharField()
    state = serializers.ChoiceField(["queued", "running", "done", "failed", "cancelled"])
    attempt = serializers.IntegerField()
    requested_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    cancel_requested_at = serializers.DateTimeField(allow_null=True)
    progress = serializers.DictField()
    result = serializers.DictField()
    error = serializers.CharField()


class UnitShape(Shape):
    database = serializers.CharField()
    state = serializers.CharField()
    counts = serializers.DictField()
    failures = serializers.ListField(child=serializers.DictField())


class HoldShape(Shape):
    uuid = serializers.UUIDField()
    catalog = serializers.CharField()
    run_uuid = serializers.UUIDField()
    asked_at = serializers.DateTimeField()
    vanished = serializers.IntegerField()
    known = serializers.IntegerField()
    by_database = serializers.DictField()
    state = serializers.CharField()


class DecideHold(Shape):
    drop = serializers.BooleanField()


class DecidedHold(Shape):
    run = serializers.UUIDField(allow_null=True)


class JournalShape(Shape):
    position = serializers.IntegerField()
    recorded_at = serializers.DateTimeField()
    subject_kind = serializers.CharField()
    subject_uuid = serializers.UUIDField(allow_null=True)
    subject_version = serializers.IntegerField()
    aspect = serializers.CharField()
    operation = serializers.CharField()
    cause = serializers.DictField()
    payload = serializers.DictField()
