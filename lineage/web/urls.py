"""Addresses of lineage's pages."""

from django.urls import path

from lineage.web import views

urlpatterns = [
    path("lineage/<path:name>", views.lineage, name="lineage"),
    path("jobs", views.jobs, name="jobs"),
    path("jobs/<uuid:job>", views.job, name="job"),
]
