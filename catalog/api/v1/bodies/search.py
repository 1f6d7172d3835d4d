"""Shapes of what search answers."""

from __future__ import annotations

from rest_framework import serializers

from catalog.api.v1.bodies.base import Shape
from catalog.api.v1.bodies.datasets import SummaryShape


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
