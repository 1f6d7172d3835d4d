"""Registers the app with Django."""

from django.apps import AppConfig


class CatalogConfig(AppConfig):
    """The ``catalog`` app."""

    name = "catalog"
    label = "catalog"
    default_auto_field = "django.db.models.BigAutoField"
