"""Addresses of Confluent's door. Names of subjects may hold slashes, so they are taken greedily; what follows them is more special and stands first."""

from django.urls import re_path

from schema_registry.api.confluent import views

_SUBJECT = r"(?P<subject>.+)"
_VERSION = r"(?P<version>[^/]+)"

urlpatterns = [
    re_path(r"^$", views.root),
    re_path(r"^schemas/?$", views.all_schemas),
    re_path(r"^schemas/types/?$", views.schema_types),
    re_path(r"^schemas/ids/(?P<id>[0-9]+)/?$", views.schema_by_id),
    re_path(r"^schemas/ids/(?P<id>[0-9]+)/schema/?$", views.schema_text_by_id),
    re_path(r"^schemas/ids/(?P<id>[0-9]+)/subjects/?$", views.subjects_of_id),
    re_path(r"^schemas/ids/(?P<id>[0-9]+)/versions/?$", views.versions_of_id),
    re_path(r"^schemas/guids/(?P<guid>[^/]+)/?$", views.schema_by_guid),
    re_path(r"^schemas/guids/(?P<guid>[^/]+)/ids/?$", views.ids_of_guid),
    re_path(r"^subjects/?$", views.all_subjects),
    re_path(rf"^subjects/{_SUBJECT}/versions/{_VERSION}/schema/?$", views.version_text),
    re_path(rf"^subjects/{_SUBJECT}/versions/{_VERSION}/referencedby/?$", views.referrers),
    re_path(rf"^subjects/{_SUBJECT}/versions/{_VERSION}/?$", views.version),
    re_path(rf"^subjects/{_SUBJECT}/versions/?$", views.versions),
    re_path(rf"^subjects/{_SUBJECT}/metadata/?$", views.subject_metadata),
    re_path(rf"^subjects/{_SUBJECT}$", views.subject),
    re_path(rf"^compatibility/subjects/{_SUBJECT}/versions/{_VERSION}/?$", views.compatibility),
    re_path(rf"^compatibility/subjects/{_SUBJECT}/versions/?$", views.compatibility),
    re_path(r"^config/?$", views.config),
    re_path(rf"^config/{_SUBJECT}$", views.config),
    re_path(r"^mode/?$", views.mode),
    re_path(rf"^mode/{_SUBJECT}$", views.mode),
    re_path(r"^contexts/?$", views.contexts),
    re_path(r"^v1/metadata/id/?$", views.cluster),
    re_path(r"^", views.nothing),
]
