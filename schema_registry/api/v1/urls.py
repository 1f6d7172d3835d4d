"""Addresses of the registry in our own REST."""

from django.urls import path

from schema_registry.api.v1 import views

urlpatterns = [
    path("subjects", views.SubjectsView.as_view()),
    path("subjects/versions", views.SubjectVersionsView.as_view()),
    path("subjects/changes", views.SubjectChangesView.as_view()),
    path("subjects/check", views.SubjectCheckView.as_view()),
    path("datasets/<uuid:dataset>/subject", views.DatasetSubjectView.as_view()),
]
