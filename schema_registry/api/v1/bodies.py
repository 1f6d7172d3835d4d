"""Shapes of the registry's answers."""

from __future__ import annotations

from rest_framework import serializers

from catalog.api.v1.bodies.base import Shape


class SubjectShape(Shape):
    uuid = serializers.UUIDField()
    subject = serializers.CharField(help_text="the name as Confluent's door has it")
    context_name = serializers.CharField(help_text="`.` for the default one, `.tables` for tables")
    name = serializers.CharField()
    dataset_uuid = serializers.UUIDField(allow_null=True, help_text="the table whose columns it shows")
    versions = serializers.IntegerField()
    latest = serializers.IntegerField()
    format = serializers.CharField()
    level = serializers.CharField()
    changed_at = serializers.DateTimeField()


class SubjectVersionShape(Shape):
    subject = serializers.CharField()
    number = serializers.IntegerField()
    schema_id = serializers.IntegerField()
    guid = serializers.UUIDField()
    format = serializers.CharField()
    text = serializers.CharField()
    references = serializers.ListField(child=serializers.JSONField())
    metadata = serializers.JSONField(allow_null=True)
    rule_set = serializers.JSONField(allow_null=True)
    author = serializers.CharField()
    created_at = serializers.DateTimeField()
    is_deleted = serializers.BooleanField()
    dataset_version = serializers.IntegerField(allow_null=True, help_text="the version of the table's definition")


class ReasonShape(Shape):
    kind = serializers.CharField()
    pointer = serializers.CharField(allow_blank=True, help_text="where in the reader's schema, as a JSON pointer")
    field = serializers.CharField(allow_blank=True)
    message = serializers.CharField()
    hint = serializers.CharField(allow_blank=True)


class DirectionShape(Shape):
    reader = serializers.ChoiceField(["new", "old"], help_text="whose reader fails: the new schema's or the version's")
    reasons = ReasonShape(many=True)


class VersionCheckShape(Shape):
    number = serializers.IntegerField()
    failing = DirectionShape(many=True)


class CheckShape(Shape):
    is_compatible = serializers.BooleanField()
    level = serializers.CharField()
    versions = VersionCheckShape(many=True)


class CheckRequestShape(Shape):
    subject = serializers.CharField()
    schema = serializers.CharField()
    schema_type = serializers.CharField(default="AVRO")


class FieldViewShape(Shape):
    path = serializers.CharField()
    type = serializers.CharField()
    default = serializers.CharField(allow_null=True)
    doc = serializers.CharField(allow_blank=True)


class FieldChangeShape(Shape):
    path = serializers.CharField()
    before = FieldViewShape(allow_null=True)
    after = FieldViewShape(allow_null=True)


class ComparisonShape(Shape):
    before = serializers.CharField()
    after = serializers.CharField()
    changes = FieldChangeShape(many=True)
    failing = DirectionShape(many=True)
