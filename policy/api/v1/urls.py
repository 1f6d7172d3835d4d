"""Addresses of policy below ``/v1/``."""

from django.urls import path

from policy.api.v1 import views

urlpatterns = [
    path("policies", views.PoliciesView.as_view()),
    path("policies/<slug:slug>", views.PolicyView.as_view()),
    path("policies/<slug:slug>/versions", views.VersionsView.as_view()),
    path("policies/<slug:slug>/activation", views.ActivationView.as_view()),
    path("policy-checks", views.LintView.as_view()),
    path("policy-dry-runs", views.DryRunView.as_view()),
    path("policy-runs", views.JudgingView.as_view()),
    path("policy-facts", views.FactsView.as_view()),
    path("violations", views.ViolationsView.as_view()),
    path("violations/<uuid:violation>", views.ViolationView.as_view()),
    path("violations/<uuid:violation>/waiver", views.ViolationWaiverView.as_view()),
    path("waivers/<uuid:waiver>", views.WaiverView.as_view()),
    path("datasets/<uuid:dataset>/policies", views.DatasetVerdictsView.as_view()),
]
