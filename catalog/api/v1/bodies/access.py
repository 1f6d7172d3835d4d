"""Shapes of who may what: users, teams, tokens, grants, and the audit."""

from __future__ import annotations

from rest_framework import serializers

from catalog.access.models import Role
from catalog.api.v1.bodies.base import Shape


class MeShape(Shape):
    handle = serializers.CharField()
    display_name = serializers.CharField()
    teams = serializers.ListField(child=serializers.CharField())
    is_operator = serializers.BooleanField()


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


class CreateUser(Shape):
    username = serializers.CharField(max_length=100)
    password = serializers.CharField(max_length=200, required=False, default=None, allow_null=True)
    display_name = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)
    email = serializers.EmailField(required=False, default="", allow_blank=True)
    operator = serializers.BooleanField(required=False, default=False)


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


class TeamShape(Shape):
    uuid = serializers.UUIDField()
    name = serializers.CharField()
    display_name = serializers.CharField()
    members = serializers.IntegerField()


class CreateTeam(Shape):
    name = serializers.CharField(max_length=100)
    display_name = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)
    members = serializers.ListField(
        child=serializers.CharField(max_length=100), required=False, default=list, max_length=1_000
    )


class ChangeTeam(Shape):
    display_name = serializers.CharField(max_length=200, required=False, allow_blank=True)
    members = serializers.ListField(child=serializers.CharField(max_length=100), required=False, max_length=1_000)


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
