"""What is said of data at a place: it belongs to the place, so that every dataset and every name there shares it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import orjson
from django.db import transaction

from catalog.access.principals import Caller
from catalog.domain.locations import lies_within, location_digest
from catalog.domain.merging import merge_patch
from catalog.journal import clock
from catalog.models import DataMetadata
from catalog.services.annotating import InvalidAnnotation, check_json, lock_described
from catalog.services.publishing import publish_changes, refresh_bodies

MAX_BYTES = 100_000
"""Of what is said of one place."""


def save_data_metadata(
    *, caller: Caller, dataset_uuid: uuid.UUID, changes: Mapping[str, Any], location: str | None = None
) -> Mapping[str, Any]:
    """
    Merge changes into what is said of a dataset's data, or of a part of it at a place within; return what then is said.

    Null removes a key. A change of nothing is not published.

    :raises NoSuchDataset, Denied: as the gate says.
    :raises InvalidAnnotation: if the dataset has no location, the place lies elsewhere, or too much is said.
    """
    with transaction.atomic():
        dataset = lock_described(caller, dataset_uuid)
        own = orjson.loads(dataset.body).get("location")
        if not own:
            raise InvalidAnnotation(
                f"'{dataset.qualified_name}' has no location that metadata of its data could hang on"
            )
        place = location or own
        if not lies_within(place, own):
            raise InvalidAnnotation(f"'{place[:200]}' does not lie within '{own}', where the dataset's data is")
        digest = location_digest(place)
        said = {"location": place, "author": caller.principal.handle, "said_at": clock.now()}
        DataMetadata.objects.get_or_create(digest=digest, defaults=said)
        row = DataMetadata.objects.select_for_update().get(digest=digest)
        before = row.value
        after = merge_patch(before, changes)
        check_json(after, MAX_BYTES, "metadata of data")
        if after == before:
            return dict(after)
        DataMetadata.objects.filter(digest=digest).update(value=after, **said)
        dataset.version += 1
        refresh_bodies([dataset])
        told = ("annotation", "data_metadata_changed", {"before": before, "location": place, "value": after})
        publish_changes([(dataset, [told])], caller=caller, cause={})
    return dict(after)
