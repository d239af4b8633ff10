"""JSON Schema records by confluent-kafka's JSONSerializer and by the Glue serializer."""

import uuid
from importlib.metadata import version

import confluent_kafka.schema_registry._sync.mock_schema_registry_client as mock_registry
from aws_schema_registry.jsonschema import JsonSchema
from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.json_schema import JSONSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from avro_cases import SERIALIZERS
from cloud_cases import glue_lines
from corpus import compact, deterministic_uuids

CONFLUENT = f"confluent-kafka {version('confluent-kafka')} JSONSerializer"
DRAFT_7 = "http://json-schema.org/draft-07/schema#"
DRAFT_2020 = "https://json-schema.org/draft/2020-12/schema"


def schema(title, draft=DRAFT_7, **more):
    return {"$schema": draft, "title": title, "type": "object"} | more


ADDRESS = schema("Address", properties={"street": {"type": "string"}, "zip": {"type": ["string", "null"]}}, required=["street"])

# Name of the case -> schema, what it refers to (name, subject, schema), values.
CASES = {
    "flat": (
        schema("Flat", properties={"id": {"type": "integer"}, "name": {"type": "string"}, "ratio": {"type": "number"}, "ok": {"type": "boolean"}}, required=["id"]),
        [],
        [
            {"id": 0},
            {"id": -(2**63), "name": "", "ratio": -0.5, "ok": False},
            {"id": 2**64 - 1, "name": "Grüße, 世界 🛫 \"quoted\"\n\u0000", "ratio": 1e300, "ok": True},
        ],
    ),
    "nested": (
        schema(
            "Nested",
            DRAFT_2020,
            properties={
                "list": {"type": "array", "items": {"$ref": "#/$defs/item"}},
                "any": {},
                "map": {"type": "object", "additionalProperties": {"type": "number"}},
                "choice": {"oneOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]},
                "level": {"enum": ["LOW", "HIGH"]},
                "at": {"type": "string", "format": "date-time"},
            },
            **{"$defs": {"item": {"type": "object", "properties": {"x": {"type": "integer"}}}}},
        ),
        [],
        [
            {},
            {"list": [], "any": None, "map": {}, "choice": None, "level": "LOW", "at": "1969-12-31T23:59:59.999Z"},
            {"list": [{"x": 1}, {}], "any": {"deep": [1, [2, {"a": "b"}]]}, "map": {"a": 1, "b": 2.5}, "choice": 5, "level": "HIGH", "at": "2026-08-06T00:00:00+02:00"},
        ],
    ),
    "reference": (
        schema("Person", properties={"name": {"type": "string"}, "address": {"$ref": "address.json"}}),
        [("address.json", "address", ADDRESS)],
        [{"name": "Ann", "address": {"street": "A", "zip": None}}],
    ),
}


class Confluent:
    def __init__(self):
        mock_registry.uuid.uuid4 = deterministic_uuids()
        self.registry = SchemaRegistryClient.new_client({"url": "mock://corpus"})

    def line(self, topic, text, references, framing, value):
        for _, subject, referred in references:
            self.registry.register_schema(subject, Schema(compact(referred), "JSON"))
        named = [SchemaReference(name, subject, 1) for name, subject, _ in references]
        special, prefix = SERIALIZERS[framing]
        settings = {"schema.id.serializer": special} if special else {}
        serializer = JSONSerializer(Schema(text, "JSON", named), self.registry, conf=settings)
        headers = []
        data = serializer(value, SerializationContext(topic, MessageField.VALUE, headers))
        known = self.registry.get_latest_version(f"{topic}-value")
        guid = uuid.UUID(known.guid).hex
        return {
            "serializer": CONFLUENT,
            "schema_id": {"confluent": known.schema_id} if framing == "confluent" else {"confluent_guid": guid},
            "headers": [[name, content.hex()] for name, content in headers] or None,
            "value_hex": data.hex(),
            "payload_hex": data[prefix:].hex(),
        }


def make(lines, _scratch):
    confluent = Confluent()
    for name, (definition, references, values) in CASES.items():
        text = compact(definition)
        common = {
            "format": "json_with_schema",
            "schema": text,
            "references": [{"name": n, "schema": compact(s)} for n, _, s in references],
        }
        for index, value in enumerate(values):
            for framing in SERIALIZERS if index == len(values) - 1 else ["confluent"]:
                made = confluent.line(f"{name}-{framing}", text, references, framing, value)
                label = f"{name}/{index}" if framing == "confluent" else f"{name}/{index}/{framing}"
                lines.add(label, **common, framing=framing, **made, expected=value)
        if not references:
            for line in glue_lines(name, JsonSchema(definition), values[-1]):
                lines.add(**line, **common, expected=values[-1])
