"""Addresses of detection's pages. A dataset's name, which holds slashes, is the path's rest."""

from django.urls import path

from detection.web import views

urlpatterns = [
    path("quality/<path:name>", views.quality, name="quality"),
    path("findings", views.findings, name="findings"),
    path("checks", views.checks, name="checks"),
]
