"""Snapshots of tables, read through from their source at the time of asking."""

from __future__ import annotations

import uuid

import orjson

from catalog.access.principals import Principal
from catalog.connectors.base import Connector, Context, HasSnapshots, TableHistory
from catalog.selectors.connecting import LIVE_SECONDS, ask, place_of
from catalog.selectors.datasets import dataset_for_details
from catalog.selectors.errors import Unsupported


def get_table_history(*, dataset_uuid: uuid.UUID, principal: Principal) -> TableHistory:
    """
    Return a table's snapshots, what points to them, and its layouts.

    :raises NoSuchDataset, Denied: as the gate says.
    :raises Unsupported: if the dataset keeps no snapshots.
    :raises ConnectorError: if the source does not answer, or the history cannot be read.
    """
    stored = dataset_for_details(dataset_uuid, principal, "reading snapshots")
    body = orjson.loads(stored.body)
    catalog, ref = place_of(body)

    def question(connector: Connector) -> TableHistory:
        if not isinstance(connector, HasSnapshots) or body["kind"] != "table":
            raise Unsupported(f"'{stored.qualified_name}' keeps no snapshots")
        return connector.history(Context.within(LIVE_SECONDS), ref)

    return ask(catalog, question)
