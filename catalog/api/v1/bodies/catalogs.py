"""Shapes of connectors, catalogs, their databases, and definitions changed through Cairn."""

from __future__ import annotations

from rest_framework import serializers

from catalog.api.v1.bodies.base import Shape


class OptionShape(Shape):
    name = serializers.CharField()
    title = serializers.CharField()
    help = serializers.CharField()
    required = serializers.BooleanField()  # type: ignore[assignment]  # the field's name is ours
    secret = serializers.BooleanField()
    default = serializers.CharField()
    placeholder = serializers.CharField()


class ConnectorShape(Shape):
    platform = serializers.CharField()
    title = serializers.CharField()
    options = OptionShape(many=True)


class CheckConnection(Shape):
    platform = serializers.CharField(max_length=40)
    options = serializers.DictField(child=serializers.JSONField(), required=False, default=dict)


class HealthShape(Shape):
    version = serializers.CharField()
    databases = serializers.IntegerField()
    notes = serializers.ListField(child=serializers.CharField())


class CatalogShape(Shape):
    uuid = serializers.UUIDField()
    name = serializers.CharField()
    platform = serializers.CharField()
    environment = serializers.CharField()
    description = serializers.CharField()
    options = serializers.DictField(help_text="shown to operators only; never a secret")
    secret_options = serializers.ListField(child=serializers.CharField(), help_text="options stored encrypted")
    namespaces = serializers.ListField(child=serializers.CharField())
    database_patterns = serializers.ListField(child=serializers.CharField(), help_text="databases it has; none: all")
    allows_sampling = serializers.BooleanField(help_text="whether rows may be read, to profile and check them")
    state = serializers.ChoiceField(["active", "paused", "removed"])
    sync_every_seconds = serializers.IntegerField(allow_null=True)
    drop_limit_ratio = serializers.FloatField()
    created_at = serializers.DateTimeField()
    synced_at = serializers.DateTimeField(allow_null=True)
    next_sync_at = serializers.DateTimeField(allow_null=True)
    last_error = serializers.CharField()
    datasets = serializers.IntegerField()


class RegisterCatalog(Shape):
    name = serializers.CharField(max_length=63)
    platform = serializers.CharField(max_length=40, help_text="a connector's name, as GET /v1/connectors lists them")
    options = serializers.DictField(child=serializers.JSONField(), required=False, default=dict)
    environment = serializers.CharField(default="prod", max_length=40, required=False)
    description = serializers.CharField(max_length=20_000, required=False, default="", allow_blank=True)
    namespaces = serializers.ListField(
        child=serializers.CharField(max_length=500),
        required=False,
        default=list,
        max_length=20,
        help_text="OpenLineage namespaces of this source",
    )
    allows_sampling = serializers.BooleanField(required=False, default=False)
    database_patterns = serializers.ListField(
        child=serializers.CharField(max_length=500),
        required=False,
        default=list,
        max_length=50,
        help_text="which databases to read, such as sales_*; -tmp_* leaves out; none given: all",
    )
    sync_every_seconds = serializers.IntegerField(
        required=False, default=1800, allow_null=True, min_value=60, max_value=31_536_000
    )
    drop_limit_ratio = serializers.FloatField(required=False, default=0.2, min_value=0, max_value=1)
    test = serializers.BooleanField(required=False, default=True, help_text="reach the source before storing anything")


class ChangeCatalog(Shape):
    options = serializers.DictField(
        child=serializers.JSONField(),
        required=False,
        help_text="all plain options; of the secret ones those that change. An empty one is taken away",
    )
    environment = serializers.CharField(max_length=40, required=False)
    description = serializers.CharField(max_length=20_000, required=False, allow_blank=True)
    namespaces = serializers.ListField(child=serializers.CharField(max_length=500), required=False, max_length=20)
    allows_sampling = serializers.BooleanField(required=False)
    database_patterns = serializers.ListField(
        child=serializers.CharField(max_length=500), required=False, max_length=50
    )
    sync_every_seconds = serializers.IntegerField(required=False, allow_null=True, min_value=60, max_value=31_536_000)
    drop_limit_ratio = serializers.FloatField(required=False, min_value=0, max_value=1)
    state = serializers.ChoiceField(["active", "paused"], required=False)
    test = serializers.BooleanField(
        required=False, default=True, help_text="with options: reach the source before storing anything"
    )


class DatabaseShape(Shape):
    name = serializers.CharField()
    comment = serializers.CharField()
    datasets = serializers.IntegerField()
    missing_since = serializers.DateTimeField(allow_null=True)


class NewColumn(Shape):
    name = serializers.CharField(max_length=255, trim_whitespace=False)
    type = serializers.CharField(max_length=10_000)
    nullable = serializers.BooleanField(required=False, default=True)
    comment = serializers.CharField(max_length=20_000, required=False, default="", allow_blank=True)


class Operate(Shape):
    """One change of a definition, carried out at the source."""

    operation = serializers.ChoiceField(
        ["create_table", "add_column", "rename_column", "drop_column", "rename_table", "drop_table"]
    )
    database = serializers.CharField(max_length=255, trim_whitespace=False)
    table = serializers.CharField(max_length=255, trim_whitespace=False)
    column = serializers.CharField(max_length=255, required=False, trim_whitespace=False)
    new_name = serializers.CharField(max_length=255, required=False, trim_whitespace=False)
    new_column = NewColumn(required=False)
    columns = NewColumn(many=True, required=False)
    comment = serializers.CharField(max_length=20_000, required=False, default="", allow_blank=True)
    expected_version = serializers.IntegerField(required=False, min_value=0, max_value=2**63 - 1)


class OutcomeShape(Shape):
    intent = serializers.UUIDField()
    state = serializers.CharField()
    reached = serializers.BooleanField()
    qualified_name = serializers.CharField()
    dataset_uuid = serializers.UUIDField(allow_null=True)
    version = serializers.IntegerField(allow_null=True)
    warnings = serializers.ListField(child=serializers.CharField())


class IntentShape(Shape):
    state = serializers.CharField()
    outcome = OutcomeShape(allow_null=True)
