"""Shapes of requests and answers. Requests are checked by them; answers are described by them, and tests compare."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from catalog.access.models import Role


class Shape(serializers.Serializer[Any]):
    """A body; as a request it refuses fields it does not know."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the checked values. :raises ValidationError: with the fields it does know."""
        unknown = sorted(set(data) - set(self.fields))
        if unknown:
            known = ", ".join(self.fields)
            raise serializers.ValidationError({unknown[0][:100]: f"there is no such field; there are {known}"})
        return super().to_internal_value(data)


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


class FoundShape(SummaryShape):
    score = serializers.FloatField()
    reasons = serializers.ListField(child=serializers.CharField(), help_text="why it was found, for people")
    folded = serializers.IntegerField(help_text="backups, copies and shards that it stands for, with fold=true")


class SuggestionShape(Shape):
    query = serializers.CharField(help_text="a query near the one that finds nothing")
    total = serializers.IntegerField()


class FacetShape(Shape):
    value = serializers.CharField()
    count = serializers.IntegerField()


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


class CheckConnection(Shape):
    platform = serializers.CharField(max_length=40)
    options = serializers.DictField(child=serializers.JSONField(), required=False, default=dict)


class HealthShape(Shape):
    version = serializers.CharField()
    databases = serializers.IntegerField()
    notes = serializers.ListField(child=serializers.CharField())


class OptionShape(Shape):
    name = serializers.CharField()
    title = serializers.CharField()
    help = serializers.CharField()
    required = serializers.BooleanField()  # type: ignore[assignment]  # as above
    secret = serializers.BooleanField()
    default = serializers.CharField()
    placeholder = serializers.CharField()


class ConnectorShape(Shape):
    platform = serializers.CharField()
    title = serializers.CharField()
    options = OptionShape(many=True)


class DatabaseShape(Shape):
    name = serializers.CharField()
    comment = serializers.CharField()
    datasets = serializers.IntegerField()
    missing_since = serializers.DateTimeField(allow_null=True)


class ChangeShape(Shape):
    what = serializers.CharField()
    path = serializers.CharField()
    before = serializers.JSONField()
    after = serializers.JSONField()
    breaking = serializers.BooleanField()


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


class VersionShape(Shape):
    number = serializers.IntegerField()
    recorded_at = serializers.DateTimeField()
    cause = serializers.DictField()
    changes = ChangeShape(many=True)


class ClaimShape(Shape):
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


class DescribeDataset(Shape):
    description = serializers.CharField(max_length=20_000, allow_blank=True)
    column = serializers.CharField(max_length=2_000, required=False)
    expected_version = serializers.IntegerField(required=False, min_value=0, max_value=2**63 - 1)


class SaveDataMetadata(Shape):
    changes = serializers.DictField(help_text="merged into what is said already; null removes a key")
    location = serializers.CharField(
        required=False, max_length=2_000, help_text="a place within the dataset's own, such as a partition's"
    )


class DataMetadataShape(Shape):
    location = serializers.CharField(allow_null=True)
    metadata = serializers.DictField()


class SetProperty(Shape):
    value = serializers.JSONField()


class AnnotatedShape(Shape):
    dataset_uuid = serializers.UUIDField()
    version = serializers.IntegerField()
    claim = serializers.UUIDField(allow_null=True)


class Merge(Shape):
    survivor = serializers.UUIDField()


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


class StartedRun(Shape):
    run = serializers.UUIDField()


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


class AuditShape(Shape):
    number = serializers.IntegerField()
    recorded_at = serializers.DateTimeField()
    principal = serializers.CharField()
    door = serializers.CharField()
    action = serializers.CharField()
    subject_kind = serializers.CharField()
    subject = serializers.CharField()
    subject_uuid = serializers.UUIDField(allow_null=True)
    before = serializers.JSONField()
    after = serializers.JSONField()


class TokenShape(Shape):
    uuid = serializers.UUIDField()
    name = serializers.CharField()
    hint = serializers.CharField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True)


class CreateToken(Shape):
    name = serializers.CharField(max_length=100)
    days = serializers.IntegerField(
        required=False, default=90, allow_null=True, min_value=1, max_value=3_650, help_text="null: until it is revoked"
    )


class CreatedToken(Shape):
    uuid = serializers.UUIDField()
    name = serializers.CharField()
    secret = serializers.CharField(help_text="shown this once")
    expires_at = serializers.DateTimeField(allow_null=True)


class UserShape(Shape):
    uuid = serializers.UUIDField()
    username = serializers.CharField()
    display_name = serializers.CharField()
    email = serializers.CharField()
    is_operator = serializers.BooleanField()
    is_active = serializers.BooleanField()
    time_zone = serializers.CharField(help_text="empty for UTC")
    last_login = serializers.DateTimeField(allow_null=True, help_text="through the web")
    teams = serializers.ListField(child=serializers.CharField())


class ChangeUser(Shape):
    display_name = serializers.CharField(max_length=200, required=False, allow_blank=True)
    email = serializers.EmailField(required=False, allow_blank=True)
    time_zone = serializers.CharField(
        max_length=64, required=False, allow_blank=True, help_text="such as Europe/Berlin"
    )
    operator = serializers.BooleanField(required=False)
    active = serializers.BooleanField(required=False)


class SetPassword(Shape):
    password = serializers.CharField(max_length=200, trim_whitespace=False)
    current = serializers.CharField(
        max_length=200, required=False, default=None, allow_null=True, trim_whitespace=False, help_text="for one's own"
    )


class CreateUser(Shape):
    username = serializers.CharField(max_length=100)
    password = serializers.CharField(max_length=200, required=False, default=None, allow_null=True)
    display_name = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)
    email = serializers.EmailField(required=False, default="", allow_blank=True)
    operator = serializers.BooleanField(required=False, default=False)


class CreateTeam(Shape):
    name = serializers.CharField(max_length=100)
    display_name = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)
    members = serializers.ListField(
        child=serializers.CharField(max_length=100), required=False, default=list, max_length=1_000
    )


class ChangeTeam(Shape):
    display_name = serializers.CharField(max_length=200, required=False, allow_blank=True)
    members = serializers.ListField(child=serializers.CharField(max_length=100), required=False, max_length=1_000)


class TeamShape(Shape):
    uuid = serializers.UUIDField()
    name = serializers.CharField()
    display_name = serializers.CharField()
    members = serializers.IntegerField()


class ViewShape(Shape):
    uuid = serializers.UUIDField()
    name = serializers.CharField()
    query = serializers.CharField()
    is_shared = serializers.BooleanField(help_text="shown to everyone who signs in")
    owner = serializers.CharField()
    is_mine = serializers.BooleanField()
    created_at = serializers.DateTimeField()


class SaveView(Shape):
    name = serializers.CharField(max_length=100)
    query = serializers.CharField(max_length=1_000)
    is_shared = serializers.BooleanField(required=False, default=False)


class ChangeView(Shape):
    name = serializers.CharField(max_length=100, required=False)
    query = serializers.CharField(max_length=1_000, required=False)
    is_shared = serializers.BooleanField(required=False)


class GrantShape(Shape):
    uuid = serializers.UUIDField()
    role = serializers.CharField()
    pattern = serializers.CharField()
    user = serializers.CharField(allow_null=True)
    team = serializers.CharField(allow_null=True)


class CreateGrant(Shape):
    """Neither user nor team: everyone who signs in."""

    role = serializers.ChoiceField(Role.values)
    pattern = serializers.CharField(max_length=500)
    user = serializers.CharField(max_length=100, required=False, default=None, allow_null=True)
    team = serializers.CharField(max_length=100, required=False, default=None, allow_null=True)


class RestrictionShape(Shape):
    uuid = serializers.UUIDField()
    pattern = serializers.CharField()


class CreateRestriction(Shape):
    pattern = serializers.CharField(max_length=500)


class MeShape(Shape):
    handle = serializers.CharField()
    display_name = serializers.CharField()
    teams = serializers.ListField(child=serializers.CharField())
    is_operator = serializers.BooleanField()


class ProblemShape(Shape):
    """RFC 9457."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
