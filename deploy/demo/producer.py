"""Registers the schemas of the demo's topics, as any producer would: by Confluent's own client, over HTTP."""

from __future__ import annotations

import json
import sys
from typing import Any

from deploy.demo.waiting import end_with_cairn, wait_for


def _record(name: str, doc: str, *fields: dict[str, Any]) -> str:
    return json.dumps({"type": "record", "name": name, "namespace": "northlight", "doc": doc, "fields": list(fields)})


def _field(name: str, kind: Any, doc: str = "", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, **({"doc": doc} if doc else {}), **more}


def _optional(name: str, kind: Any, doc: str = "") -> dict[str, Any]:
    return _field(name, ["null", kind], doc, default=None)


_MOMENT = {"type": "long", "logicalType": "timestamp-millis"}
_PLAY = (
    _field("event_id", "string"),
    _field("profile_id", "long", "Who watched."),
    _field("title_id", "long"),
    _field("started_at", _MOMENT),
)
_DEVICE = {
    "type": "enum",
    "name": "Device",
    "symbols": ["TV", "PHONE", "TABLET", "WEB", "UNKNOWN"],
    "default": "UNKNOWN",
}

# In the order in which they are registered; those of one subject are its versions.
SCHEMAS: tuple[tuple[str, str], ...] = (
    ("play-events.v3-value", _record("PlayEvent", "Somebody began to watch.", *_PLAY, _field("position_ms", "int"))),
    (
        "play-events.v3-value",
        _record(
            "PlayEvent",
            "Somebody began to watch.",
            *_PLAY,
            _field("position_ms", "long"),
            _optional("region", "string"),
        ),
    ),
    (
        "play-events.v3-value",
        _record(
            "PlayEvent",
            "Somebody began to watch.",
            *_PLAY,
            _field("position_ms", "long", "Where in the title, in milliseconds."),
            _optional("region", "string", "Two letters, from the address; kept for a day."),
            _optional("device", _DEVICE),
        ),
    ),
    ("play-events.v3-key", '"string"'),
    (
        "account-changes-value",
        _record(
            "AccountChange",
            "A customer's account changed.",
            _field("customer_id", "long"),
            _field("changed_at", _MOMENT),
            _field("fields", {"type": "array", "items": "string"}, "Names of what changed, never the values."),
        ),
    ),
    (
        "invoices-value",
        _record(
            "Invoice",
            "An invoice was written.",
            _field("invoice_id", "long"),
            _field("amount", {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}),
            _field("currency", "string"),
            _field("issued_on", {"type": "int", "logicalType": "date"}),
        ),
    ),
)
LEVELS = {"play-events.v3-value": "BACKWARD_TRANSITIVE", "invoices-value": "FULL_TRANSITIVE"}


def _main(url: str, token: str) -> int:
    """Register all of them, and return how many versions there are of it."""
    from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

    wait_for(url)
    with SchemaRegistryClient({"url": f"{url}/registry", "basic.auth.user.info": f"demo:{token}"}) as registry:
        for subject, text in SCHEMAS:
            registry.register_schema(subject, Schema(text, "AVRO"))
        for subject, level in LEVELS.items():
            registry.set_compatibility(subject, level)
        return sum(len(registry.get_versions(subject)) for subject in registry.get_subjects())


if __name__ == "__main__":
    end_with_cairn()
    print(_main(sys.argv[1], sys.stdin.read()))
