"""Shapes of what people say of datasets and columns."""

from __future__ import annotations

from rest_framework import serializers

from catalog.api.v1.bodies.base import Shape


class ClaimShape(Shape):
    number = serializers.IntegerField()
    uuid = serializers.UUIDField()
    aspect = serializers.CharField()
    key = serializers.CharField()
    value = serializers.JSONField()
    column = serializers.CharField(allow_null=True)
    said_by = serializers.CharField()
    author = serializers.CharField()
    said_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    ended_by = serializers.CharField()
    status = serializers.CharField()
    confidence = serializers.FloatField(allow_null=True)


class SetProperty(Shape):
    value = serializers.JSONField()


class SaveDataMetadata(Shape):
    changes = serializers.DictField(help_text="merged into what is said already; null removes a key")
    location = serializers.CharField(
        required=False, max_length=2_000, help_text="a place within the dataset's own, such as a partition's"
    )


class DataMetadataShape(Shape):
    location = serializers.CharField(allow_null=True)
    metadata = serializers.DictField()


class AnnotatedShape(Shape):
    dataset_uuid = serializers.UUIDField()
    version = serializers.IntegerField()
    claim = serializers.UUIDField(allow_null=True)
