"""Records in the frames of AWS Glue and Azure Event Hubs, by their own serializers with a stub in the registry's place."""

import uuid
from importlib.metadata import version

from aws_schema_registry import SchemaVersion
from aws_schema_registry.avro import AvroSchema
from aws_schema_registry.codec import encode
from aws_schema_registry.jsonschema import JsonSchema
from aws_schema_registry.serde import DataAndSchema, KafkaSerializer
from azure.schemaregistry import SchemaProperties
from azure.schemaregistry.encoder.avroencoder import AvroEncoder

from avro_cases import Names, python_value
from avro_schemas import CASES
from corpus import compact

GLUE = f"aws-glue-schema-registry {version('aws-glue-schema-registry')}"
AZURE = f"azure-schemaregistry-avroencoder {version('azure-schemaregistry-avroencoder')} AvroEncoder"
GLUE_NAMES = [
    "primitives", "empty-record", "root-string", "unions", "decimals", "dates-and-times", "recursive-tree", "many-fields",
]  # fmt: skip
AZURE_NAMES = ["empty-record", "optional-fields", "nested-records", "recursive-list", "many-fields"]


class GlueStub:
    """Knows every schema, each under one id."""

    def get_or_register_schema_version(self, definition, schema_name, data_format, **_):
        version_id = uuid.uuid5(uuid.NAMESPACE_URL, f"forebay-corpus-{definition}")
        return SchemaVersion(schema_name, version_id, definition, data_format, "AVAILABLE", 1)


class AzureStub:
    def register_schema(self, _group, name, definition, schema_format, **_):
        schema_id = uuid.uuid5(uuid.NAMESPACE_URL, f"forebay-corpus-{definition}").hex
        return SchemaProperties(id=schema_id, format=schema_format, group_name="g", name=name, version=1)

    get_schema_properties = register_schema


def glue_lines(case, schema, data):
    """The same record plain and compressed, which only differ in the frame."""
    serializer = KafkaSerializer(GlueStub())
    record = serializer.serialize("topic", DataAndSchema(data, schema))
    version_id = record[2:18].hex()
    compressed = encode(record[18:], uuid.UUID(version_id), compression=True)
    for framing, maker, value in [("glue", "KafkaSerializer", record), ("glue_zlib", "codec with zlib", compressed)]:
        yield {
            "case": f"{case}/{framing}",
            "serializer": f"{GLUE} {maker}",
            "framing": framing,
            "schema_id": {"glue": version_id},
            "value_hex": value.hex(),
            "payload_hex": record[18:].hex(),
        }


def make(lines, _scratch):
    for name in GLUE_NAMES:
        schema, expected = CASES[name]["schema"], CASES[name]["values"][-1]
        value = python_value(schema, expected, Names([schema]))
        for line in glue_lines(name, AvroSchema(schema), value):
            lines.add(**line, format="avro", schema=compact(schema), references=[], expected=expected)
    for name in AZURE_NAMES:
        azure(lines, name, CASES[name]["schema"], CASES[name]["values"][-1])


def azure(lines, name, schema, expected):
    encoder = AvroEncoder(client=AzureStub(), group_name="g", auto_register=True)
    message = encoder.encode(python_value(schema, expected, Names([schema])), schema=compact(schema))
    lines.add(
        f"{name}/azure",
        serializer=AZURE,
        format="avro",
        schema=compact(schema),
        references=[],
        framing="azure",
        schema_id={"azure": message["content_type"].rpartition("+")[2]},
        headers=[["content-type", message["content_type"].encode().hex()]],
        value_hex=message["content"].hex(),
        payload_hex=message["content"].hex(),
        expected=expected,
    )
