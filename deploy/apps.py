"""Registers the app with Django: it brings commands, no tables."""

from django.apps import AppConfig


class DeployConfig(AppConfig):
    """The ``deploy`` app."""

    name = "deploy"
