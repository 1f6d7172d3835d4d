"""Confluent's own client and serializers, unmodified, over HTTP."""

from __future__ import annotations

import pytest
from confluent_kafka.schema_registry import (
    ConfigCompatibilityLevel,
    Schema,
    SchemaReference,
    SchemaRegistryClient,
    SchemaRegistryError,
    ServerConfig,
)
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from catalog.access.services import create_token, create_user
from schema_registry.selectors import schemas

pytestmark = pytest.mark.django_db(transaction=True)

ORDER = '{"type": "record", "name": "shop.Order", "fields": [{"name": "id", "type": "long"}, {"name": "note", "type": ["null", "string"], "default": null}]}'
WIDER = ORDER[:-2] + ', {"name": "total", "type": "double", "default": 0}]}'
BROKEN = ORDER[:-2] + ', {"name": "total", "type": "double"}]}'


@pytest.fixture
def registry(live_server, operator):
    schemas.forget()
    user = create_user(caller=operator, username="kafka", password=None, operator=True)
    _, secret = create_token(caller=operator, user_id=user.pk, name="t", expires_at=None)
    with SchemaRegistryClient(
        {"url": f"{live_server.url}/registry", "basic.auth.user.info": f"kafka:{secret}"}
    ) as client:
        yield client


def test_all_that_the_client_can_ask(registry):
    first = registry.register_schema("orders-value", Schema(ORDER, "AVRO"))
    second = registry.register_schema_full_response("orders-value", Schema(WIDER, "AVRO"))
    assert second.schema_id != first
    assert registry.get_schema(first).schema_type == "AVRO"
    assert registry.get_schema_by_guid(second.guid).schema_str == registry.get_schema(second.schema_id).schema_str
    assert registry.lookup_schema("orders-value", Schema(ORDER, "AVRO")).version == 1
    assert registry.get_subjects() == ["orders-value"]
    assert registry.get_subjects_by_schema_id(first) == ["orders-value"]
    assert [each.version for each in registry.get_schema_versions(first)] == [1]
    assert registry.get_versions("orders-value") == [1, 2]
    assert registry.get_latest_version("orders-value").version == 2
    assert registry.get_version("orders-value", 1).schema_id == first
    assert registry.get_schema_types() == ["AVRO"]
    assert registry.get_contexts() == ["."]
    assert registry.test_compatibility("orders-value", Schema(WIDER, "AVRO")) is True
    assert registry.test_compatibility("orders-value", Schema(BROKEN, "AVRO")) is True, "the newest has the field"
    assert registry.test_compatibility("orders-value", Schema(BROKEN, "AVRO"), version=1) is False
    assert registry.test_compatibility_all_versions("orders-value", Schema(BROKEN, "AVRO")) is True
    registry.set_compatibility("orders-value", "BACKWARD_TRANSITIVE")
    assert registry.get_compatibility("orders-value") == "BACKWARD_TRANSITIVE"
    assert registry.test_compatibility_all_versions("orders-value", Schema(BROKEN, "AVRO")) is False
    with pytest.raises(SchemaRegistryError) as refusal:
        registry.register_schema("orders-value", Schema(BROKEN, "AVRO"))
    assert (refusal.value.http_status_code, refusal.value.error_code) == (409, 409)
    registry.set_config("orders-value", ServerConfig(compatibility=ConfigCompatibilityLevel.FULL))
    assert registry.get_config("orders-value").compatibility_level == "FULL"
    registry.delete_config("orders-value")
    registry.update_mode("orders-value", "READONLY")
    assert registry.get_mode("orders-value") == "READONLY"
    with pytest.raises(SchemaRegistryError) as refusal:
        registry.register_schema("orders-value", Schema(ORDER.replace("note", "remark"), "AVRO"))
    assert refusal.value.error_code == 42205
    registry.delete_mode("orders-value")
    assert registry.get_global_mode() == "READWRITE"
    assert registry.delete_version("orders-value", 1) == 1
    assert registry.delete_subject("orders-value") == [2]
    assert registry.get_subjects(deleted=True) == ["orders-value"]
    assert registry.delete_subject("orders-value", permanent=True) == [1, 2]
    registry.clear_caches()
    with pytest.raises(SchemaRegistryError) as refusal:
        registry.get_latest_version("orders-value")
    assert refusal.value.error_code == 40401


def test_a_message_goes_through_the_serializers(registry):
    told = SerializationContext("orders", MessageField.VALUE)
    bytes_sent = AvroSerializer(registry, ORDER)({"id": 7, "note": None}, told)
    assert registry.get_subjects() == ["orders-value"]
    assert AvroDeserializer(registry)(bytes_sent, told) == {"id": 7, "note": None}
    registry.register_schema("orders-value", Schema(WIDER, "AVRO"))
    registry.clear_caches()
    newest = AvroSerializer(registry, None, conf={"auto.register.schemas": False, "use.latest.version": True})
    assert AvroDeserializer(registry)(newest({"id": 8, "note": "x", "total": 1.5}, told), told)["total"] == 1.5
    assert AvroDeserializer(registry, WIDER)(bytes_sent, told) == {"id": 7, "note": None, "total": 0.0}


def test_references(registry):
    registry.register_schema(
        "address",
        Schema('{"type": "record", "name": "shop.Address", "fields": [{"name": "city", "type": "string"}]}', "AVRO"),
    )
    order = '{"type": "record", "name": "shop.Sent", "fields": [{"name": "to", "type": "shop.Address"}]}'
    reference = SchemaReference("shop.Address", "address", 1)
    ident = registry.register_schema("sent", Schema(order, "AVRO", references=[reference]))
    registry.clear_caches()
    found = registry.get_schema(ident)
    assert (found.references[0].name, found.references[0].version) == ("shop.Address", 1)
    assert registry.get_referenced_by("address", 1) == [ident]
    told = SerializationContext("sent", MessageField.VALUE)
    sent = AvroSerializer(registry, Schema(order, "AVRO", references=[reference]))({"to": {"city": "Kraków"}}, told)
    assert AvroDeserializer(registry)(sent, told) == {"to": {"city": "Kraków"}}
