"""Tables of the catalog: catalogs, databases, datasets, columns, versions, annotations, intents."""

from __future__ import annotations

import uuid

from django.db import models

from catalog.access.models import AccessClass, User


class CatalogState(models.TextChoices):
    """Whether a catalog is synced, kept as it is, or gone."""

    ACTIVE = "active"
    PAUSED = "paused"
    REMOVED = "removed"


class Catalog(models.Model):
    """A named connection to one source. ``options`` hold no secret; secrets are references or encrypted in ``secrets``."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=63, unique=True)
    platform = models.CharField(max_length=40)
    environment = models.CharField(max_length=40, default="prod")
    description = models.TextField(blank=True)
    options = models.JSONField(default=dict)
    secrets = models.BinaryField(default=bytes)
    namespaces = models.JSONField(default=list)
    database_patterns = models.JSONField(default=list)
    """Which databases of the source it has, as `is_chosen` reads them; none means all."""
    allows_sampling = models.BooleanField(default=False, db_default=False)
    """Whether rows may be read, to profile and check them; without it nothing but names is looked at."""
    state = models.CharField(max_length=10, choices=CatalogState.choices, default=CatalogState.ACTIVE)
    sync_every_seconds = models.IntegerField(null=True, default=1800)
    drop_limit_ratio = models.FloatField(default=0.2)
    version = models.BigIntegerField(default=1)
    created_at = models.DateTimeField()
    synced_at = models.DateTimeField(null=True)
    source_token = models.TextField(blank=True)
    """The source's own place in its log of changes at the beginning of the last sync that read everything."""
    next_sync_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True)

    class Meta:
        db_table = "catalog_catalog"
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=CatalogState.values), name="catalog_state"),
            models.CheckConstraint(
                condition=models.Q(drop_limit_ratio__gte=0) & models.Q(drop_limit_ratio__lte=1),
                name="catalog_drop_limit",
            ),
        ]


class Database(models.Model):
    """A container of datasets within a catalog."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    catalog = models.ForeignKey(Catalog, on_delete=models.CASCADE, related_name="databases")
    name = models.TextField()
    comment = models.TextField(blank=True)
    properties = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    listed_at = models.DateTimeField(null=True)
    missing_since = models.DateTimeField(null=True)

    class Meta:
        db_table = "catalog_database"
        constraints = [models.UniqueConstraint(fields=["catalog", "name"], name="database_once")]


class DatasetState(models.TextChoices):
    """
    Where a dataset is in its life.

    ``observed``: known from elsewhere only. ``missing``: one complete listing did not hold it. ``tombstoned``: a second did
    not, or the source said it was dropped; its id and metadata wait for its revival. ``absorbed``: merged into another.
    """

    LIVE = "live"
    OBSERVED = "observed"
    MISSING = "missing"
    TOMBSTONED = "tombstoned"
    ABSORBED = "absorbed"


class Dataset(models.Model):
    """
    A dataset. Its uuid never changes; its name is a handle, held by one row at a time (``holds_name``).

    ``version`` rises with every entry about it, under its row lock; ``schema_version`` with its definition only.
    ``body`` is the answer of ``GET /v1/datasets/{uuid}``, made at write and served as it is.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    catalog = models.ForeignKey(Catalog, on_delete=models.CASCADE, related_name="datasets", db_index=False)
    database = models.ForeignKey(Database, on_delete=models.CASCADE, null=True, related_name="datasets", db_index=False)
    name = models.TextField()
    qualified_name = models.TextField()
    lookup_key = models.TextField()
    location_key = models.CharField(max_length=500, null=True)
    holds_name = models.BooleanField(default=True)
    kind = models.CharField(max_length=20)
    state = models.CharField(max_length=12, choices=DatasetState.choices, default=DatasetState.LIVE)
    access_class = models.ForeignKey(AccessClass, on_delete=models.PROTECT, related_name="+", db_index=False)
    source_id = models.TextField(null=True)
    source_digest = models.TextField(null=True)
    version = models.BigIntegerField(default=1)
    schema_version = models.IntegerField(default=0)
    definition_digest = models.BinaryField(max_length=16, null=True)
    data = models.JSONField(default=dict)
    body = models.BinaryField(default=bytes)
    created_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    definition_changed_at = models.DateTimeField(null=True)
    recreated_at = models.DateTimeField(null=True)
    missing_since = models.DateTimeField(null=True)
    missing_in_run = models.UUIDField(null=True)
    stale_reason = models.TextField(blank=True)

    class Meta:
        db_table = "catalog_dataset"
        constraints = [
            models.UniqueConstraint(
                fields=["qualified_name"], condition=models.Q(holds_name=True), name="dataset_name_held_once"
            ),
            models.CheckConstraint(condition=models.Q(state__in=DatasetState.values), name="dataset_state"),
        ]
        indexes = [
            models.Index(fields=["lookup_key"], name="dataset_lookup"),
            models.Index(
                fields=["location_key"],
                opclasses=["varchar_pattern_ops"],
                condition=models.Q(location_key__isnull=False),
                name="dataset_at_location",
            ),
            models.Index(fields=["database", "name"], name="dataset_in_database"),
            # Holds all that counting a catalog's or a database's datasets needs, whoever asks.
            models.Index(fields=["catalog", "state", "database", "access_class"], name="dataset_counted"),
            models.Index(fields=["access_class", "state"], name="dataset_by_class"),
            models.Index(
                fields=["-definition_changed_at"], condition=models.Q(schema_version__gt=1), name="dataset_changed"
            ),
            models.Index(
                fields=["catalog", "-definition_changed_at"],
                condition=models.Q(schema_version__gt=1),
                name="dataset_changed_in_catalog",
            ),
        ]


class FormerName(models.Model):
    """A name that a dataset was known by before it was renamed or merged."""

    qualified_name = models.TextField()
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="former_names")
    ended_at = models.DateTimeField()

    class Meta:
        db_table = "catalog_former_name"
        indexes = [models.Index(fields=["qualified_name"], name="former_name")]


class Redirect(models.Model):
    """A merge of two ids: readers of the absorbed one are sent to the survivor. ``undone_at`` ends it."""

    absorbed = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="redirects")
    survivor = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="absorbed")
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=200)
    previous_state = models.CharField(max_length=12)
    undone_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "catalog_redirect"
        constraints = [
            models.UniqueConstraint(
                fields=["absorbed"], condition=models.Q(undone_at__isnull=True), name="redirect_once"
            )
        ]


class ColumnRow(models.Model):
    """A current (or, with ``dropped_at``, a former) column or nested part of one; its uuid never changes."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="columns", db_index=False)
    ordinal = models.IntegerField()
    path = models.TextField()
    parent_path = models.TextField(blank=True)
    name = models.TextField()
    depth = models.IntegerField(default=0)
    type = models.TextField()
    source_type = models.TextField(blank=True)
    fidelity = models.CharField(max_length=10)
    nullable = models.BooleanField(default=True)
    comment = models.TextField(blank=True)
    default = models.TextField(null=True)
    source_column_id = models.BigIntegerField(null=True)
    dropped_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "catalog_column"
        constraints = [models.UniqueConstraint(fields=["dataset", "path"], name="column_path_once")]


class DefinitionDocument(models.Model):
    """A definition, compressed, stored once for all versions of all datasets that share it."""

    digest = models.BinaryField(max_length=16, primary_key=True)
    body = models.BinaryField()

    class Meta:
        db_table = "catalog_definition"


class DatasetVersion(models.Model):
    """One definition that a dataset had, from when, by whom, and how it differs from the one before."""

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="versions", db_index=False)
    number = models.IntegerField()
    digest = models.BinaryField(max_length=16)
    diff = models.BinaryField()
    recorded_at = models.DateTimeField()
    cause = models.JSONField(default=dict)

    class Meta:
        db_table = "catalog_version"
        constraints = [models.UniqueConstraint(fields=["dataset", "number"], name="version_once")]


class SaidBy(models.TextChoices):
    """What kind of voice made a claim."""

    PERSON = "person"
    SOURCE = "source"
    INFERENCE = "inference"


class Annotation(models.Model):
    """
    A claim about a dataset or one of its columns, and who made it; claims end, they are not overwritten.

    ``key`` tells claims of one aspect apart: the tag's name, the owner's handle, a property's name; empty for descriptions.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="annotations")
    column = models.ForeignKey(ColumnRow, on_delete=models.CASCADE, null=True, related_name="annotations")
    aspect = models.CharField(max_length=20)
    key = models.CharField(max_length=200, blank=True)
    value = models.JSONField(null=True)
    said_by = models.CharField(max_length=10, choices=SaidBy.choices)
    author = models.CharField(max_length=200)
    confidence = models.FloatField(null=True)
    evidence = models.JSONField(null=True)
    status = models.CharField(max_length=10, default="accepted")
    said_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=200, blank=True)

    class Meta:
        db_table = "catalog_annotation"
        constraints = [
            models.UniqueConstraint(
                fields=["dataset", "aspect", "key"],
                condition=models.Q(ended_at__isnull=True, column__isnull=True),
                name="annotation_current_once",
            ),
            models.UniqueConstraint(
                fields=["column", "aspect", "key"],
                condition=models.Q(ended_at__isnull=True, column__isnull=False),
                name="annotation_current_once_column",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=["accepted", "suggested", "rejected"]), name="annotation_status"
            ),
        ]
        indexes = [
            models.Index(fields=["aspect", "key"], name="annotation_by_key"),
            models.Index(
                fields=["status", "-id"],
                condition=models.Q(aspect="finding", ended_at__isnull=True),
                name="annotation_newest_findings",
            ),
        ]


class DataMetadata(models.Model):
    """What is said of the data at a place, whatever names it has; ``digest`` is the same for all spellings of the place."""

    digest = models.BinaryField(max_length=16, primary_key=True)
    location = models.TextField()
    value = models.JSONField(default=dict)
    author = models.CharField(max_length=200)
    said_at = models.DateTimeField()

    class Meta:
        db_table = "catalog_data_metadata"


class Bookmark(models.Model):
    """A dataset that somebody keeps at hand. Whoever may not know the dataset any more does not see it among theirs."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="bookmarks")
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="bookmarks")
    created_at = models.DateTimeField()

    class Meta:
        db_table = "catalog_bookmark"
        constraints = [models.UniqueConstraint(fields=["user", "dataset"], name="bookmark_once")]


class SavedView(models.Model):
    """A query with a name: its owner's alone, or shown to everyone who signs in. What it finds depends on who looks."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="views")
    name = models.CharField(max_length=100)
    query = models.CharField(max_length=1_000)
    is_shared = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "catalog_saved_view"
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="view_once")]
        indexes = [models.Index(fields=["name"], condition=models.Q(is_shared=True), name="view_shared")]


class IntentState(models.TextChoices):
    """What became of a write: ``closed`` as meant, ``refused`` by source or guard, ``recovered`` after a crash."""

    OPEN = "open"
    CLOSED = "closed"
    REFUSED = "refused"
    RECOVERED = "recovered"


class Intent(models.Model):
    """A write that was meant, stored before the source is touched, so that a crash leaves a question and not a lie."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    idempotency_key = models.CharField(max_length=200, null=True, unique=True)
    catalog = models.ForeignKey(Catalog, on_delete=models.CASCADE, related_name="intents")
    operation = models.JSONField()
    subject = models.TextField()
    expected_version = models.BigIntegerField(null=True)
    principal = models.CharField(max_length=200)
    door = models.CharField(max_length=20)
    state = models.CharField(max_length=10, choices=IntentState.choices, default=IntentState.OPEN)
    outcome = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    lease_until = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "catalog_intent"
        indexes = [
            models.Index(fields=["lease_until"], condition=models.Q(state="open"), name="intent_open"),
        ]


class SyncUnit(models.Model):
    """One database's part of a sync run; done units are not done again when the run is taken up after a crash."""

    run_uuid = models.UUIDField()
    catalog = models.ForeignKey(Catalog, on_delete=models.CASCADE, related_name="+")
    database = models.TextField()
    state = models.CharField(max_length=10, default="todo")
    counts = models.JSONField(default=dict)
    failures = models.JSONField(default=list)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "catalog_sync_unit"
        constraints = [models.UniqueConstraint(fields=["run_uuid", "database"], name="sync_unit_once")]


class SyncHold(models.Model):
    """A question: a sync found so much gone that nothing is dropped until somebody decides."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    catalog = models.ForeignKey(Catalog, on_delete=models.CASCADE, related_name="holds")
    run_uuid = models.UUIDField()
    asked_at = models.DateTimeField()
    vanished = models.IntegerField()
    known = models.IntegerField()
    by_database = models.JSONField(default=dict)
    state = models.CharField(max_length=10, default="waiting")
    decided_at = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=200, blank=True)

    class Meta:
        db_table = "catalog_sync_hold"
        constraints = [
            models.UniqueConstraint(
                fields=["catalog"], condition=models.Q(state__in=["waiting", "approved"]), name="hold_one_open"
            )
        ]
