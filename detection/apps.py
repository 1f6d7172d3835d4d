"""Registers the app with Django."""

from django.apps import AppConfig


class DetectionConfig(AppConfig):
    """The ``detection`` app."""

    name = "detection"
    default_auto_field = "django.db.models.BigAutoField"
