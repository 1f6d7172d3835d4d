"""Addresses of OpenLineage's door, with and without the slash that some clients end them with."""

from django.urls import re_path

from lineage.api.openlineage import views

urlpatterns = [
    re_path(r"^lineage/?$", views.lineage),
    re_path(r"^lineage/batch/?$", views.batch),
]
