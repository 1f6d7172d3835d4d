"""Registers the app with Django."""

from django.apps import AppConfig


class SchemaRegistryConfig(AppConfig):
    """The ``schema_registry`` app."""

    name = "schema_registry"
    default_auto_field = "django.db.models.BigAutoField"
