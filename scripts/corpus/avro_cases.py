"""Avro records by confluent-kafka's AvroSerializer and by fastavro. Values are written in the corpus' own notation."""

import datetime
import io
import uuid
from decimal import Decimal
from importlib.metadata import version

import confluent_kafka.schema_registry._sync.mock_schema_registry_client as mock_registry
import fastavro
from confluent_kafka.schema_registry import (
    Schema,
    SchemaReference,
    SchemaRegistryClient,
    header_schema_id_serializer,
)
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from corpus import compact, deterministic_uuids, moment_of
from avro_schemas import CASES, REFERENCES

CONFLUENT = f"confluent-kafka {version('confluent-kafka')} AvroSerializer"
FASTAVRO = f"fastavro {version('fastavro')} schemaless_writer"


class Names:
    """Named types of a schema by full name."""

    def __init__(self, schemas):
        self.found = {}
        for schema in schemas:
            self.collect(schema, None)

    def collect(self, schema, space):
        if isinstance(schema, list):
            for branch in schema:
                self.collect(branch, space)
        elif isinstance(schema, dict):
            if schema["type"] in ("record", "error", "enum", "fixed"):
                space = namespace(schema, space)
                self.found[full_name(schema["name"], space)] = (schema, space)
                for field in schema.get("fields", []):
                    self.collect(field["type"], space)
            for part in ("items", "values"):
                if part in schema:
                    self.collect(schema[part], space)
            if isinstance(schema["type"], (dict, list)):
                self.collect(schema["type"], space)

    def resolve(self, name, space):
        return self.found.get(full_name(name, space)) or self.found.get(name)


def namespace(schema, outer):
    if "." in schema["name"]:
        return schema["name"].rpartition(".")[0]
    return schema.get("namespace", outer)


def full_name(name, space):
    return name if "." in name or not space else f"{space}.{name}"


def branch_name(branch, space):
    if isinstance(branch, str):
        return branch
    if branch["type"] in ("record", "error", "enum", "fixed"):
        return full_name(branch["name"], namespace(branch, space))
    return branch["type"]


def python_value(schema, value, names, space=None):
    """The object an application would hand to the serializer for a value in the corpus' notation."""
    if isinstance(schema, list):
        return python_union(schema, value, names, space)
    if isinstance(schema, str):
        named = names.resolve(schema, space)
        return python_value(named[0], value, names, named[1]) if named else python_scalar(schema, None, value)
    kind = schema["type"]
    if isinstance(kind, (dict, list)):
        return python_value(kind, value, names, space)
    if kind in ("record", "error"):
        inner = namespace(schema, space)
        return {f["name"]: python_value(f["type"], value[f["name"]], names, inner) for f in schema["fields"]}
    if kind == "array":
        return [python_value(schema["items"], item, names, space) for item in value]
    if kind == "map":
        return {key: python_value(schema["values"], item, names, space) for key, item in value.items()}
    return python_scalar(kind, schema.get("logicalType"), value)


def python_union(schema, value, names, space):
    if value is None:
        return None
    others = [branch for branch in schema if branch != "null"]
    if len(others) == 1:
        return python_value(others[0], value, names, space)
    name = value["$branch"]
    branch = next(b for b in schema if name in (branch_name(b, space), full_name(branch_name(b, space), space)))
    return (name, python_value(branch, value["$value"], names, space))


def python_scalar(kind, logical, value):
    if kind in ("float", "double"):
        return float(value)
    if not isinstance(value, dict):
        return value
    ((tag, content),) = [item for item in value.items() if item[0] not in ("precision", "local")]
    match tag:
        case "$bytes":
            return bytes.fromhex(content)
        case "$decimal" if logical == "big-decimal":
            return big_decimal(content)
        case "$decimal":
            return Decimal(content)
        case "$date":
            day = datetime.date(1970, 1, 1).toordinal() + content
            return datetime.date.fromordinal(day) if 1 <= day <= datetime.date.max.toordinal() else content
        case "$time":
            moment = moment_of(content, value["precision"])
            return moment.time()
        case "$timestamp":
            return python_moment(content, value["precision"], value["local"])
        case "$uuid":
            return uuid.UUID(content) if kind == "string" else uuid.UUID(content).bytes
        case "$duration":
            return b"".join(part.to_bytes(4, "little") for part in content)
    raise ValueError(f"{value} is not in the notation")


def python_moment(ticks, precision, local):
    moment = moment_of(ticks, precision)
    # fastavro takes numbers as they are: for nanoseconds, and for years that Python does not know.
    if moment is None or not 1 < moment.year < 9999:
        return ticks
    return moment if local else moment.replace(tzinfo=datetime.timezone.utc)


def big_decimal(text):
    """Unscaled bytes and scale, as the specification says; fastavro has no words for it."""
    parts = Decimal(text).as_tuple()
    unscaled = int("".join(map(str, parts.digits))) * (-1 if parts.sign else 1)
    length = (unscaled.bit_length() + 8) // 8
    return bare("bytes", unscaled.to_bytes(length, "big", signed=True)) + bare("int", -parts.exponent)


def bare(schema, value):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, value)
    return out.getvalue()


def guid_prefix_serializer(payload, _context, schema_id):
    return schema_id.guid_to_bytes() + payload


SERIALIZERS = {
    "confluent": (None, 5),
    "confluent_guid": (guid_prefix_serializer, 17),
    "confluent_header": (header_schema_id_serializer, 0),
}


class Confluent:
    """confluent-kafka's serializer with its own registry, which lives in this process."""

    def __init__(self):
        mock_registry.uuid.uuid4 = deterministic_uuids()
        self.registry = SchemaRegistryClient.new_client({"url": "mock://corpus"})

    def references(self, names):
        references = []
        for name in names:
            nested = self.references(REFERENCES[name].get("references", []))
            schema = Schema(compact(REFERENCES[name]["schema"]), "AVRO", nested)
            self.registry.register_schema(name, schema)
            references.append(SchemaReference(name, name, 1))
        return references

    def line(self, topic, schema, references, framing, value, field=MessageField.VALUE):
        """The registered schema's id, the bytes of the record's value, and the headers it gets."""
        schema_id_serializer, prefix = SERIALIZERS[framing]
        settings = {"schema.id.serializer": schema_id_serializer} if schema_id_serializer else {}
        registered = Schema(compact(schema), "AVRO", self.references(references))
        serializer = AvroSerializer(self.registry, registered, conf=settings)
        headers = []
        data = serializer(value, SerializationContext(topic, field, headers))
        known = self.registry.get_latest_version(f"{topic}-{field}")
        guid = uuid.UUID(known.guid).hex
        schema_id = {"confluent": known.schema_id} if framing == "confluent" else {"confluent_guid": guid}
        return {
            "schema_id": schema_id,
            "headers": [[name, content.hex()] for name, content in headers] or None,
            "value_hex": data.hex(),
            "payload_hex": data[prefix:].hex(),
        }


def with_references(names):
    """Every schema referred to, each after those it refers to itself; once."""
    found = {}
    for name in names:
        found |= with_references(REFERENCES[name].get("references", []))
        found[name] = REFERENCES[name]["schema"]
    return found


def make(lines, _scratch):
    confluent = Confluent()
    for name, case in CASES.items():
        schema = case.get("written_with", case["schema"])
        referred = with_references(case.get("references", []))
        names = Names([*referred.values(), schema])
        common = {
            "format": "avro",
            "schema": compact(case["schema"]),
            "references": [{"name": n, "schema": compact(s)} for n, s in referred.items()],
        }
        for index, expected in enumerate(case["values"]):
            value = python_value(schema, expected, names)
            # The first framing gets every value, the others only the last one.
            framings = case.get("framings", ["confluent"])
            for framing in framings if index == len(case["values"]) - 1 else framings[:1]:
                label = f"{name}/{index}" if framing == "confluent" else f"{name}/{index}/{framing}"
                if framing == "none":
                    data = bare(fastavro.parse_schema(schema), value).hex()
                    made = {"serializer": FASTAVRO, "value_hex": data, "payload_hex": data}
                else:
                    topic = f"{name}-{framing}"
                    made = confluent.line(topic, schema, case.get("references", []), framing, value)
                    made["serializer"] = CONFLUENT
                lines.add(label, **common, framing=framing, **made, expected=expected)
    keyed(lines, confluent)


def keyed(lines, confluent):
    """A record whose key has a schema of its own; in the header form each has its header."""
    key_schema, key = {"type": "record", "name": "Key", "fields": [{"name": "id", "type": "long"}]}, {"id": -7}
    schema, value = CASES["nested-records"]["schema"], CASES["nested-records"]["values"][0]
    for framing in SERIALIZERS:
        topic = f"keyed-{framing}"
        made = confluent.line(topic, schema, [], framing, value)
        of_key = confluent.line(topic, key_schema, [], framing, key, MessageField.KEY)
        headers = (of_key.pop("headers") or []) + (made.pop("headers") or [])
        lines.add(
            f"keyed/{framing}",
            format="avro",
            serializer=CONFLUENT,
            schema=compact(schema),
            references=[],
            framing=framing,
            headers=headers or None,
            **made,
            expected=value,
            key_schema=compact(key_schema),
            key_schema_id=of_key["schema_id"],
            key_hex=of_key["value_hex"],
            expected_key=key,
        )
