"""Addresses of policy's pages. A dataset's name, which holds slashes, is the path's rest."""

from django.urls import path

from policy.web import views

urlpatterns = [
    path("policies", views.policies, name="policies"),
    path("policies/new", views.new_policy, name="new-policy"),
    path("policies/of/<path:name>", views.dataset_policies, name="dataset-policies"),
    path("policies/<slug:slug>", views.policy, name="policy"),
    path("violations", views.violations, name="violations"),
    path("violations/<uuid:violation>", views.violation, name="violation"),
]
