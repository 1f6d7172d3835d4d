"""All addresses: operations, the doors for programs, the pages for people."""

from django.urls import include, path

from deploy import operations
from deploy.graphql import Door

urlpatterns = [
    path("livez", operations.livez, name="livez"),
    path("readyz", operations.readyz, name="readyz"),
    path("metrics", operations.metrics, name="metrics"),
    path("mds/", include("catalog.api.mds.urls")),
    path("graphql", Door.as_view(), name="graphql"),
    path("api/v1/", include("lineage.api.openlineage.urls")),
    path("registry/", include("schema_registry.api.confluent.urls")),
    path("v1/", include("catalog.api.v1.urls")),
    path("v1/", include("lineage.api.v1.urls")),
    path("v1/", include("schema_registry.api.v1.urls")),
    path("v1/", include("detection.api.v1.urls")),
    path("v1/", include("policy.api.v1.urls")),
    path("", include("lineage.web.urls")),
    path("", include("schema_registry.web.urls")),
    path("", include("detection.web.urls")),
    path("", include("policy.web.urls")),
    path("", include("catalog.web.urls")),
]

handler400 = "catalog.web.errors.bad_request"
handler403 = "catalog.web.errors.denied"
handler404 = "catalog.web.errors.not_found"
handler500 = "catalog.web.errors.fault"
