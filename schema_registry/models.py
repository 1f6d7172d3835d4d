"""Tables of the registry: contexts, subjects, schemas, and which schema each version of a subject has."""

from __future__ import annotations

import uuid

from django.db import models

from catalog.access.models import AccessClass


class Context(models.Model):
    """A space of subjects and of schema ids. Its settings hold for subjects that have none of their own; empty is the default."""

    name = models.CharField(max_length=100, unique=True)
    last_schema_id = models.IntegerField(default=0)
    level = models.CharField(max_length=20, blank=True)
    mode = models.CharField(max_length=10, blank=True)
    normalizes = models.BooleanField(null=True)

    class Meta:
        db_table = "registry_context"


class Subject(models.Model):
    """
    A name under which schemas follow each other. ``revision`` rises with every change of it, under its row lock.

    A table's subject (``dataset_uuid``) is written by the projection that follows the catalog, and takes the table's access class.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    context = models.ForeignKey(Context, on_delete=models.PROTECT, related_name="subjects", db_index=False)
    name = models.TextField()
    access_class = models.ForeignKey(AccessClass, on_delete=models.PROTECT, related_name="+")
    dataset_uuid = models.UUIDField(null=True, unique=True)
    dataset_version = models.IntegerField(default=0)
    """The last version of the table's definition that was looked at."""
    is_gone = models.BooleanField(default=False)
    """Whether the table is gone, or another has its name by now; what its ids mean can still be asked."""
    revision = models.BigIntegerField(default=0)
    level = models.CharField(max_length=20, blank=True)
    mode = models.CharField(max_length=10, blank=True)
    normalizes = models.BooleanField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "registry_subject"
        constraints = [
            models.UniqueConstraint(fields=["context", "name"], condition=models.Q(is_gone=False), name="subject_once")
        ]


class Schema(models.Model):
    """
    A schema with what belongs to it, stored once in a context however many subjects have it. Its id never means anything else.

    ``text`` is None for a table's: it is made from the catalog's definition, which a version of a subject names.
    """

    context = models.ForeignKey(Context, on_delete=models.PROTECT, related_name="schemas", db_index=False)
    schema_id = models.IntegerField()
    guid = models.UUIDField()
    """Made from the content, so that it is the same in every registry of ours."""
    format = models.CharField(max_length=20)
    text = models.TextField(null=True)
    normal_digest = models.BinaryField(max_length=16)
    """Of the normalized text; schemas that differ in nothing that counts share it."""
    references = models.JSONField(default=list)
    metadata = models.JSONField(null=True)
    rule_set = models.JSONField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "registry_schema"
        constraints = [
            models.UniqueConstraint(fields=["context", "schema_id"], name="schema_id_once"),
            models.UniqueConstraint(fields=["context", "guid"], name="schema_once"),
        ]


class SubjectVersion(models.Model):
    """One version of a subject. Deleted softly it is not found any more and can still be asked for; deleted for good, its row is gone."""

    subject = models.ForeignKey(Subject, on_delete=models.CASCADE, related_name="versions", db_index=False)
    number = models.IntegerField()
    schema = models.ForeignKey(Schema, on_delete=models.PROTECT, related_name="versions")
    dataset_version = models.IntegerField(null=True)
    """The version of the table's definition whose columns it shows."""
    author = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "registry_version"
        constraints = [models.UniqueConstraint(fields=["subject", "number"], name="subject_version_once")]


class Reference(models.Model):
    """That a schema refers to a version of a subject under a name; what is referred to cannot be deleted for good."""

    schema = models.ForeignKey(Schema, on_delete=models.CASCADE, related_name="refers")
    version = models.ForeignKey(SubjectVersion, on_delete=models.PROTECT, related_name="referred")

    class Meta:
        db_table = "registry_reference"
        constraints = [models.UniqueConstraint(fields=["schema", "version"], name="reference_once")]
