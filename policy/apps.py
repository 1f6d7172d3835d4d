"""Registers the app with Django."""

from django.apps import AppConfig


class PolicyConfig(AppConfig):
    """The ``policy`` app."""

    name = "policy"
    default_auto_field = "django.db.models.BigAutoField"
