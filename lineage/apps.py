"""Registers the app with Django."""

from django.apps import AppConfig


class LineageConfig(AppConfig):
    """The ``lineage`` app."""

    name = "lineage"
    default_auto_field = "django.db.models.BigAutoField"
