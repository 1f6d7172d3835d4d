"""Shapes of detection's requests and answers."""

from __future__ import annotations

from rest_framework import serializers

from catalog.api.v1.bodies.base import Shape
from detection.domain.checks import CheckKind, Severity


class AddCheck(Shape):
    kind = serializers.ChoiceField(list(CheckKind))
    column = serializers.CharField(required=False, default="", allow_blank=True, help_text="a path; not for row_count")
    arguments = serializers.DictField(
        child=serializers.JSONField(),
        required=False,
        default=dict,
        help_text="`share`; `least`, `greatest`; `values`; `max_age_seconds`, as the kind has them",
    )
    severity = serializers.ChoiceField(list(Severity), required=False, default=Severity.MEDIUM)


class CheckShape(Shape):
    number = serializers.IntegerField()
    uuid = serializers.UUIDField()
    dataset_uuid = serializers.UUIDField()
    qualified_name = serializers.CharField()
    column = serializers.CharField(allow_blank=True)
    kind = serializers.ChoiceField(list(CheckKind))
    arguments = serializers.DictField(child=serializers.JSONField())
    severity = serializers.ChoiceField(list(Severity))
    title = serializers.CharField(help_text="what is expected, for people")
    status = serializers.ChoiceField(["", "pass", "fail", "error"], help_text="empty before the first time")
    observed = serializers.CharField(allow_blank=True)
    judged_at = serializers.DateTimeField(allow_null=True)
    failing_since = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField()


class CheckResultShape(Shape):
    number = serializers.IntegerField()
    judged_at = serializers.DateTimeField()
    status = serializers.ChoiceField(["pass", "fail", "error"])
    observed = serializers.CharField(allow_blank=True)
    measured = serializers.DictField(child=serializers.JSONField(), help_text="counts; never a value")


class ColumnProfileShape(Shape):
    """What a column does not have is left out."""

    path = serializers.CharField()
    nulls = serializers.IntegerField()
    distinct = serializers.IntegerField(required=False, help_text="about, above some thousands")
    least = serializers.JSONField(required=False, help_text="of numbers and times, and of nothing that seems personal")
    greatest = serializers.JSONField(required=False)
    mean = serializers.FloatField(required=False)
    shortest = serializers.IntegerField(required=False, help_text="in characters")
    longest = serializers.IntegerField(required=False)
    mean_length = serializers.FloatField(required=False)
    shapes = serializers.ListField(required=False, child=serializers.ListField(child=serializers.JSONField()))
    frequent = serializers.ListField(
        required=False,
        child=serializers.ListField(child=serializers.JSONField()),
        help_text="digests of values under the installation's key, with how many rows have each",
    )


class ProfileShape(Shape):
    method = serializers.ChoiceField(["all", "reservoir", "blocks", "first"])
    rows = serializers.IntegerField(help_text="of the sample")
    total_rows = serializers.IntegerField(allow_null=True)
    is_total_exact = serializers.BooleanField()
    columns = ColumnProfileShape(many=True)
    made_at = serializers.DateTimeField()


class QualityShape(Shape):
    dataset_uuid = serializers.UUIDField()
    qualified_name = serializers.CharField()
    scanned_at = serializers.DateTimeField(allow_null=True)
    due_at = serializers.DateTimeField(allow_null=True)
    reads_rows = serializers.BooleanField(help_text="whether rows were read the last time, or names alone")
    error = serializers.CharField(allow_blank=True)
    profile = ProfileShape(allow_null=True)
    checks = CheckShape(many=True)


class RowCountShape(Shape):
    made_at = serializers.DateTimeField()
    rows = serializers.IntegerField()
    total_rows = serializers.IntegerField(allow_null=True)
    nulls = serializers.DictField(child=serializers.IntegerField())


class FindingShape(Shape):
    number = serializers.IntegerField()
    uuid = serializers.UUIDField()
    dataset_uuid = serializers.UUIDField()
    qualified_name = serializers.CharField()
    platform = serializers.CharField()
    column = serializers.CharField()
    type = serializers.CharField()
    category = serializers.CharField()
    tag = serializers.CharField(help_text="the tag that accepting it adds")
    status = serializers.ChoiceField(["suggested", "accepted", "rejected"])
    confidence = serializers.FloatField(allow_null=True)
    method = serializers.ChoiceField(["name", "values", "name and values"])
    matched = serializers.IntegerField()
    seen = serializers.IntegerField()
    shapes = serializers.ListField(child=serializers.ListField(child=serializers.JSONField()))
    author = serializers.CharField()
    said_at = serializers.DateTimeField()


class DecideFinding(Shape):
    decision = serializers.ChoiceField(["accepted", "rejected"])
