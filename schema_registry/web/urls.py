"""Addresses of the registry's pages. A subject's name, which may hold slashes, is the path's rest."""

from django.urls import path

from schema_registry.web import views

urlpatterns = [
    path("subject/<path:name>", views.table_subject, name="table-subject"),
    path("schemas", views.subjects, name="subjects"),
    path("schemas/<path:name>", views.subject, name="subject"),
]
