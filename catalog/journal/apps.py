"""Registers the app with Django."""

from django.apps import AppConfig


class JournalConfig(AppConfig):
    """The ``journal`` app."""

    name = "catalog.journal"
    label = "journal"
    default_auto_field = "django.db.models.BigAutoField"
