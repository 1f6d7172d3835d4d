"""Shapes of lineage's answers."""

from __future__ import annotations

from rest_framework import serializers

from catalog.api.v1.bodies.base import Shape


class GraphNodeShape(Shape):
    id = serializers.CharField(help_text="what links name it by")
    dataset = serializers.UUIDField()
    column = serializers.CharField(allow_blank=True)
    distance = serializers.IntegerField(help_text="steps from the start; negative upstream")
    name = serializers.CharField()
    qualified_name = serializers.CharField()
    platform = serializers.CharField()
    kind = serializers.CharField()
    state = serializers.CharField()


class GraphEdgeShape(Shape):
    job = serializers.UUIDField()
    job_name = serializers.CharField(allow_blank=True)
    job_kind = serializers.ChoiceField(["job", "view"])
    origin = serializers.ChoiceField(["openlineage", "sql", "declared", "view"])
    subtype = serializers.CharField(allow_blank=True, help_text="of columns: IDENTITY, TRANSFORMATION, AGGREGATION…")
    masking = serializers.BooleanField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField(allow_null=True)
    last_seen_at = serializers.DateTimeField()
    runs_seen = serializers.IntegerField()
    runs_missed = serializers.IntegerField()


class GraphLinkShape(Shape):
    upstream = serializers.CharField()
    downstream = serializers.CharField()
    restricted = serializers.BooleanField(help_text="goes through datasets that you may not know")
    edges = GraphEdgeShape(many=True)


class GraphShape(Shape):
    start = serializers.CharField()
    nodes = GraphNodeShape(many=True)
    links = GraphLinkShape(many=True)
    truncated = serializers.BooleanField(help_text="the limit cut the walk")
    frontier = serializers.ListField(child=serializers.CharField(), help_text="nodes with more behind them")
    as_of = serializers.DateTimeField(allow_null=True)
    known_at = serializers.DateTimeField(allow_null=True)
    answered_by = serializers.ChoiceField(
        ["graph", "tables"], help_text="the graph store, or the tables it is told from"
    )


class DatasetNameShape(Shape):
    uuid = serializers.UUIDField()
    name = serializers.CharField()
    qualified_name = serializers.CharField()
    platform = serializers.CharField()
    kind = serializers.CharField()
    state = serializers.CharField()


class JobShape(Shape):
    uuid = serializers.UUIDField()
    kind = serializers.ChoiceField(["job", "view"])
    namespace = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    job_type = serializers.CharField(allow_blank=True)
    last_run_uuid = serializers.UUIDField(allow_null=True)
    last_run_state = serializers.CharField(allow_blank=True)
    last_run_at = serializers.DateTimeField(allow_null=True)


class JobDetailShape(Shape):
    job = JobShape()
    sql = serializers.CharField(allow_null=True, allow_blank=True, help_text="what it ran last, without literals")
    problems = serializers.ListField(child=serializers.CharField(), help_text="what could not be told of its SQL")
    inputs = DatasetNameShape(many=True)
    outputs = DatasetNameShape(many=True)


class JobRunShape(Shape):
    uuid = serializers.UUIDField()
    state = serializers.ChoiceField(["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"])
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    duration_seconds = serializers.FloatField(allow_null=True)
    error = serializers.CharField(allow_blank=True)
    parent_uuid = serializers.UUIDField(allow_null=True)


class FailedEventShape(Shape):
    id = serializers.IntegerField()
    received_at = serializers.DateTimeField()
    event_at = serializers.DateTimeField()
    job = serializers.CharField(allow_blank=True)
    error = serializers.CharField()
