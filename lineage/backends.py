"""Makes the graph store from settings: the only reader of its dotted path."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from lineage.graph.base import GraphStore

PROJECTION = "graph"
"""The projection that tells the graph store of edges."""


@functools.cache
def _graph(backend: str, options: tuple[tuple[str, Any], ...]) -> GraphStore:
    return cast("GraphStore", import_string(backend)(**dict(options)))


def tables() -> GraphStore:
    """Return the store that reads the tables, which always answers."""
    return _graph("lineage.graph.relational.RelationalGraph", ())


def graph_store() -> GraphStore:
    """Return this process's graph store."""
    chosen = settings.LINEAGE_GRAPH
    return _graph(chosen["BACKEND"], tuple(sorted(chosen["OPTIONS"].items())))
