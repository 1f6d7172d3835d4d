"""Shapes of saved views."""

from __future__ import annotations

from rest_framework import serializers

from catalog.api.v1.bodies.base import Shape


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
