"""Addresses of lineage in our own REST."""

from django.urls import path

from lineage.api.v1 import views

urlpatterns = [
    path("datasets/<uuid:dataset>/lineage", views.GraphView.as_view()),
    path("jobs", views.JobsView.as_view()),
    path("jobs/<uuid:job>", views.JobView.as_view()),
    path("jobs/<uuid:job>/runs", views.JobRunsView.as_view()),
    path("lineage-events/failed", views.FailedEventsView.as_view()),
]
