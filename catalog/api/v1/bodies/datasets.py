"""Shapes of datasets, their columns, versions, partitions and snapshots."""

from __future__ import annotations

from rest_framework import serializers

from catalog.api.v1.bodies.base import Shape


class Description(Shape):
    text = serializers.CharField()
    said_by = serializers.ChoiceField(["person", "source", "inference"])
    author = serializers.CharField()
    said_at = serializers.DateTimeField(allow_null=True)


class FoundInColumnShape(Shape):
    """That a column seems to hold values of a kind: counts and shapes, never a value."""

    uuid = serializers.UUIDField(help_text="what it is accepted or rejected by")
    type = serializers.CharField(help_text="such as `email`")
    status = serializers.ChoiceField(["suggested", "accepted", "rejected"])
    confidence = serializers.FloatField(allow_null=True)
    said_at = serializers.DateTimeField()
    category = serializers.CharField()
    tag = serializers.CharField(help_text="the tag that accepting it adds")
    method = serializers.ChoiceField(["name", "values", "name and values"])
    matched = serializers.IntegerField()
    seen = serializers.IntegerField(help_text="distinct values looked at")
    shapes = serializers.ListField(child=serializers.ListField(child=serializers.JSONField()))


class ColumnShape(Shape):
    uuid = serializers.UUIDField()
    path = serializers.CharField()
    name = serializers.CharField()
    depth = serializers.IntegerField()
    type = serializers.CharField(help_text="canonical type, Iceberg's")
    source_type = serializers.CharField()
    fidelity = serializers.ChoiceField(["exact", "widened", "lossy", "opaque"])
    nullable = serializers.BooleanField()
    default = serializers.CharField(allow_null=True)
    description = Description(allow_null=True)
    tags = serializers.ListField(child=serializers.CharField())
    findings = FoundInColumnShape(many=True, required=False)


class DatasetShape(Shape):
    """Whoever may only discover a dataset gets the required fields and ``restricted``."""

    uuid = serializers.UUIDField()
    qualified_name = serializers.CharField()
    name = serializers.CharField()
    catalog = serializers.CharField()
    platform = serializers.CharField()
    kind = serializers.CharField()
    state = serializers.ChoiceField(["live", "observed", "missing", "tombstoned", "absorbed"])
    description = Description(allow_null=True)
    owners = serializers.ListField(child=serializers.CharField())
    restricted = serializers.BooleanField(required=False)
    database = serializers.CharField(required=False, allow_null=True)
    environment = serializers.CharField(required=False)
    version = serializers.IntegerField(required=False)
    schema_version = serializers.IntegerField(required=False)
    tags = serializers.ListField(child=serializers.CharField(), required=False)
    properties = serializers.DictField(required=False)
    columns = ColumnShape(many=True, required=False)
    primary_key = serializers.ListField(child=serializers.CharField(), required=False)
    foreign_keys = serializers.ListField(child=serializers.DictField(), required=False)
    partitioning = serializers.ListField(child=serializers.CharField(), required=False)
    sort_order = serializers.ListField(child=serializers.CharField(), required=False)
    location = serializers.CharField(required=False, allow_null=True)
    format = serializers.CharField(required=False, allow_null=True)
    view_text = serializers.CharField(required=False, allow_null=True)
    source_properties = serializers.DictField(required=False)
    storage = serializers.DictField(required=False)
    data = serializers.DictField(required=False)  # type: ignore[assignment]  # the field's name is ours
    created_at = serializers.DateTimeField(required=False)
    definition_changed_at = serializers.DateTimeField(required=False, allow_null=True)
    recreated_at = serializers.DateTimeField(required=False, allow_null=True)
    missing_since = serializers.DateTimeField(required=False, allow_null=True)
    stale_reason = serializers.CharField(required=False, allow_null=True)


class SummaryShape(Shape):
    uuid = serializers.UUIDField()
    qualified_name = serializers.CharField()
    name = serializers.CharField()
    catalog = serializers.CharField()
    platform = serializers.CharField()
    kind = serializers.CharField()
    state = serializers.CharField()
    description = serializers.CharField()
    owners = serializers.ListField(child=serializers.CharField())
    tags = serializers.ListField(child=serializers.CharField())
    definition_changed_at = serializers.DateTimeField(allow_null=True)
    data_changed_at = serializers.DateTimeField(allow_null=True)
    rows = serializers.IntegerField(allow_null=True)
    columns = serializers.IntegerField(allow_null=True)


class ChangeShape(Shape):
    what = serializers.CharField()
    path = serializers.CharField()
    before = serializers.JSONField()
    after = serializers.JSONField()
    breaking = serializers.BooleanField()


class VersionShape(Shape):
    number = serializers.IntegerField()
    recorded_at = serializers.DateTimeField()
    cause = serializers.DictField()
    changes = ChangeShape(many=True)


class PartitionShape(Shape):
    name = serializers.CharField()
    values = serializers.ListField(child=serializers.CharField(allow_null=True))
    location = serializers.CharField(allow_null=True)
    properties = serializers.DictField(child=serializers.CharField())
    created_at = serializers.DateTimeField(allow_null=True)
    storage = serializers.DictField(child=serializers.CharField())


class SnapshotShape(Shape):
    id = serializers.CharField()
    parent_id = serializers.CharField(allow_null=True)
    made_at = serializers.DateTimeField()
    operation = serializers.CharField()
    rows = serializers.IntegerField(allow_null=True)
    size_bytes = serializers.IntegerField(allow_null=True)
    files = serializers.IntegerField(allow_null=True)
    added_rows = serializers.IntegerField(allow_null=True)
    deleted_rows = serializers.IntegerField(allow_null=True)
    refs = serializers.ListField(child=serializers.CharField(), help_text="branches and tags that point to it")


class SnapshotRefShape(Shape):
    name = serializers.CharField()
    kind = serializers.CharField(help_text="branch or tag")
    snapshot_id = serializers.CharField()


class LayoutShape(Shape):
    id = serializers.IntegerField()
    columns = serializers.ListField(child=serializers.CharField(), help_text="columns, or transforms of them")
    is_current = serializers.BooleanField()


class DescribeDataset(Shape):
    description = serializers.CharField(max_length=20_000, allow_blank=True)
    column = serializers.CharField(max_length=2_000, required=False)
    expected_version = serializers.IntegerField(required=False, min_value=0, max_value=2**63 - 1)


class Merge(Shape):
    survivor = serializers.UUIDField()
