"""Tables of access: principals, tokens, grants, the classes that grants divide datasets into, audit."""

from __future__ import annotations

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models


class Role(models.TextChoices):
    """What a grant allows; each role includes the ones before it."""

    DISCOVERER = "discoverer", "discoverer"
    READER = "reader", "reader"
    EDITOR = "editor", "editor"
    STEWARD = "steward", "steward"
    ADMIN = "admin", "admin"


class User(AbstractUser):
    """A person or a service that signs in. ``is_superuser`` is the operator of the installation."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    display_name = models.CharField(max_length=200, blank=True)
    time_zone = models.CharField(max_length=64, blank=True)
    """In which times are shown, such as ``Europe/Berlin``; empty for UTC."""
    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]

    class Meta:
        db_table = "access_user"

    def __str__(self) -> str:
        return self.username


class Team(models.Model):
    """People who own and are granted things together."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=100, unique=True)
    display_name = models.CharField(max_length=200, blank=True)
    members = models.ManyToManyField(User, related_name="teams", blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "access_team"

    def __str__(self) -> str:
        return self.name


class ApiToken(models.Model):
    """A bearer token of a user; only its SHA-256 is kept."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100)
    digest = models.BinaryField(max_length=32, unique=True)
    hint = models.CharField(max_length=12)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "access_token"


class NamePattern(models.Model):
    """A pattern of qualified names that grants or restrictions speak of; datasets are classed by patterns, not by grants."""

    pattern = models.CharField(max_length=500, unique=True)

    class Meta:
        db_table = "access_pattern"


class Grant(models.Model):
    """A role on all datasets under a pattern, for one user, one team, or (both empty) everyone who signs in."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="grants")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, null=True, related_name="grants")
    role = models.CharField(max_length=20, choices=Role.choices)
    pattern = models.ForeignKey(NamePattern, on_delete=models.PROTECT, related_name="grants")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "access_grant"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(user__isnull=True) | models.Q(team__isnull=True), name="grant_one_principal"
            ),
            # One constraint a kind of principal: SQLite holds empty columns for distinct.
            models.UniqueConstraint(
                fields=["role", "pattern"],
                condition=models.Q(user__isnull=True, team__isnull=True),
                name="grant_once_everyone",
            ),
            models.UniqueConstraint(
                fields=["user", "role", "pattern"], condition=models.Q(user__isnull=False), name="grant_once_user"
            ),
            models.UniqueConstraint(
                fields=["team", "role", "pattern"], condition=models.Q(team__isnull=False), name="grant_once_team"
            ),
        ]


class Restriction(models.Model):
    """A pattern whose datasets are known only to those granted by name: grants to everyone do not reach them."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    pattern = models.OneToOneField(NamePattern, on_delete=models.PROTECT, related_name="restriction")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "access_restriction"


class AccessClass(models.Model):
    """A set of patterns that some datasets match, all of them and no other; a dataset has exactly one class."""

    digest = models.BinaryField(max_length=16, unique=True)
    patterns = models.ManyToManyField(NamePattern, related_name="classes", db_table="access_class_pattern")

    class Meta:
        db_table = "access_class"


class AccessGeneration(models.Model):
    """One row, raised by every change of users, teams, tokens, grants: what processes keep in memory is checked against it."""

    number = models.BigIntegerField(default=0)

    class Meta:
        db_table = "access_generation"


class AuditRecord(models.Model):
    """One write: who, when, through which door, before, after. Never changed, dropped by age only."""

    id = models.BigAutoField(primary_key=True)
    recorded_at = models.DateTimeField()
    principal = models.CharField(max_length=200)
    door = models.CharField(max_length=20)
    action = models.CharField(max_length=60)
    subject_kind = models.CharField(max_length=20)
    subject = models.TextField()
    subject_uuid = models.UUIDField(null=True)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)

    class Meta:
        db_table = "access_audit"
        indexes = [
            models.Index(fields=["subject_uuid", "-id"], name="audit_subject"),
            models.Index(fields=["principal", "-id"], name="audit_principal"),
            models.Index(fields=["recorded_at"], name="audit_time"),
        ]
