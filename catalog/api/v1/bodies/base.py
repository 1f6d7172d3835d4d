"""What all bodies are: checked strictly as requests, and what refusals look like."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class Shape(serializers.Serializer[Any]):
    """A body; as a request it refuses fields it does not know."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the checked values. :raises ValidationError: with the fields it does know."""
        unknown = sorted(set(data) - set(self.fields))
        if unknown:
            known = ", ".join(self.fields)
            raise serializers.ValidationError({unknown[0][:100]: f"there is no such field; there are {known}"})
        return super().to_internal_value(data)


class ProblemShape(Shape):
    """RFC 9457."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()


class StartedRun(Shape):
    run = serializers.UUIDField()
