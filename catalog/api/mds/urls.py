"""
Metacat's addresses below ``/mds``.

The server has decoded slashes by the time an address is matched, so that names of databases and tables are taken greedily.
"""

from django.urls import URLPattern, re_path

from catalog.api.mds.views import metadata, partitions, places, tables
from catalog.api.mds.views.base import Handler, catalog_name, database_name, door, table_name

_CATALOG = r"catalog/(?P<catalog>[^/]+)"
_DATABASE = _CATALOG + r"/database/(?P<database>.+?)"
_TABLE = _DATABASE + r"/table/(?P<table>.+?)"


def _at(address: str, view: Handler) -> URLPattern:
    return re_path(rf"^v1/{address}$", view)


urlpatterns = [
    re_path(r"^$|^v1/?$", door(get=tables.root)),
    _at("catalog", door(get=tables.catalogs)),
    _at(_CATALOG, door(catalog_name, get=tables.catalog)),
    _at(f"partition/{_TABLE}/request", door(table_name, post=partitions.requested_partitions)),
    _at(f"partition/{_TABLE}/keys", door(table_name, get=partitions.partition_keys)),
    _at(f"partition/{_TABLE}/keys-request", door(table_name, post=partitions.requested_partition_keys)),
    _at(f"partition/{_TABLE}/uris", door(table_name, get=partitions.partition_uris)),
    _at(f"partition/{_TABLE}/uris-request", door(table_name, post=partitions.requested_partition_uris)),
    _at(f"partition/{_TABLE}/count", door(table_name, get=partitions.partition_count)),
    _at(f"partition/{_TABLE}", door(table_name, get=partitions.partitions)),
    _at(_TABLE, door(table_name, get=tables.table, head=tables.table_exists)),
    _at(_DATABASE, door(database_name, get=tables.database)),
    _at("metadata/data", door(post=places.data_metadata)),
    _at("metadata/definition/list", door(get=metadata.definitions)),
    _at("metadata/searchByOwners", door(get=metadata.owned)),
    _at("tag/tags", door(get=metadata.tags)),
    _at("tag/list", door(get=metadata.tagged)),
    _at("tag/search", door(get=metadata.tag_search)),
    _at("resolver", door(post=places.resolver)),
    _at("resolver/isUriUsedMoreThanOnce", door(post=places.used_more_than_once)),
]
