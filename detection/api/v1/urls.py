"""Addresses of detection below ``/v1/``."""

from django.urls import path

from detection.api.v1 import views

urlpatterns = [
    path("datasets/<uuid:dataset>/quality", views.QualityView.as_view()),
    path("datasets/<uuid:dataset>/row-counts", views.RowCountsView.as_view()),
    path("datasets/<uuid:dataset>/scans", views.ScansView.as_view()),
    path("datasets/<uuid:dataset>/checks", views.DatasetChecksView.as_view()),
    path("datasets/<uuid:dataset>/findings/<uuid:finding>", views.FindingView.as_view()),
    path("checks", views.ChecksView.as_view()),
    path("checks/<uuid:check>", views.CheckView.as_view()),
    path("checks/<uuid:check>/results", views.CheckResultsView.as_view()),
    path("findings", views.FindingsView.as_view()),
]
