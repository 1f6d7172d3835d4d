"""Registers the app with Django."""

from django.apps import AppConfig


class AccessConfig(AppConfig):
    """The ``access`` app."""

    name = "catalog.access"
    label = "access"
    default_auto_field = "django.db.models.BigAutoField"
