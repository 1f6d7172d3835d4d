"""
Metacat's addresses below ``/mds``.

The server has decoded slashes by the time an address is matched, so that names of databases and tables are taken greedily.
"""

from django.urls import URLPattern, re_path

from catalog.api.mds import views
from catalog.api.mds.views import Handler, catalog_name, database_name, door, table_name

_CATALOG = r"catalog/(?P<catalog>[^/]+)"
_DATABASE = _CATALOG + r"/database/(?P<database>.+?)"
_TABLE = _DATABASE + r"/table/(?P<table>.+?)"


def _at(address: str, view: Handler) -> URLPattern:
    return re_path(rf"^v1/{address}$", view)


urlpatterns = [
    re_path(r"^$|^v1/?$", door(get=views.root)),
    _at("catalog", door(get=views.catalogs)),
    _at(_CATALOG, door(catalog_name, get=views.catalog)),
    _at(f"partition/{_TABLE}/request", door(table_name, post=views.requested_partitions)),
    _at(f"partition/{_TABLE}/keys", door(table_name, get=views.partition_keys)),
    _at(f"partition/{_TABLE}/keys-request", door(table_name, post=views.requested_partition_keys)),
    _at(f"partition/{_TABLE}/uris", door(table_name, get=views.partition_uris)),
    _at(f"partition/{_TABLE}/uris-request", door(table_name, post=views.requested_partition_uris)),
    _at(f"partition/{_TABLE}/count", door(table_name, get=views.partition_count)),
    _at(f"partition/{_TABLE}", door(table_name, get=views.partitions)),
    _at(_TABLE, door(table_name, get=views.table, head=views.table_exists)),
    _at(_DATABASE, door(database_name, get=views.database)),
    _at("metadata/data", door(post=views.data_metadata)),
    _at("metadata/definition/list", door(get=views.definitions)),
    _at("metadata/searchByOwners", door(get=views.owned)),
    _at("tag/tags", door(get=views.tags)),
    _at("tag/list", door(get=views.tagged)),
    _at("tag/search", door(get=views.tag_search)),
    _at("resolver", door(post=views.resolver)),
    _at("resolver/isUriUsedMoreThanOnce", door(post=views.used_more_than_once)),
]
