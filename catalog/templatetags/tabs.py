"""What there is to see of a dataset, as the row of links that stands on each of its pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import template
from django.conf import settings
from django.urls import reverse

from catalog import backends
from catalog.templatetags.cairn import dataset_url

register = template.Library()


@dataclass(frozen=True, slots=True)
class Tab:
    """A page about a dataset. ``is_own`` says that it is a part of the catalog's page, which swaps its parts in place."""

    key: str
    title: str
    address: str
    count: int | None = None
    is_own: bool = True


def tabs_of(body: Mapping[str, Any]) -> list[Tab]:
    """Return what there is to see of a dataset, by its body; nothing for whoever may only discover it."""
    if body.get("restricted"):
        return []
    name, platform = body["qualified_name"], body["platform"]

    def own(key: str, title: str, count: int | None = None) -> Tab:
        return Tab(key, title, dataset_url(name, tab="" if key == "schema" else key), count)

    found = [own("schema", "Schema", len(body["columns"]))]
    if body["partitioning"] and backends.lists_partitions(platform):
        found.append(own("partitions", "Partitions"))
    if body["kind"] == "table" and backends.keeps_snapshots(platform):
        found.append(own("snapshots", "Snapshots"))
    found.append(own("versions", "Versions", body["schema_version"]))
    if body["view_text"]:
        found.append(own("sql", "SQL"))
    found += [
        Tab(address, title, reverse(address, args=[name]), is_own=False) for title, address in settings.DATASET_PAGES
    ]
    return [*found, own("history", "Who said what")]


@register.inclusion_tag("catalog/parts/tabs.html")
def dataset_tabs(body: Mapping[str, Any], current: str) -> dict[str, Any]:
    """Return the row of a dataset's pages, of which the one with the key ``current`` is shown."""
    tabs = tabs_of(body)
    return {"tabs": tabs, "current": current, "swaps": any(tab.key == current and tab.is_own for tab in tabs)}
