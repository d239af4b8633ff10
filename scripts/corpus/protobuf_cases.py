"""Protobuf records by confluent-kafka's ProtobufSerializer and by Google's own runtime, whose reading of them is expected."""

import base64
import uuid
from importlib.metadata import version
from pathlib import Path

import confluent_kafka.schema_registry._sync.mock_schema_registry_client as mock_registry
import grpc_tools
from confluent_kafka.schema_registry import SchemaRegistryClient, header_schema_id_serializer
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import MessageToDict
from grpc_tools import protoc

from avro_cases import guid_prefix_serializer
from corpus import deterministic_uuids, float_text, octets
from protobuf_schemas import CASES

CONFLUENT = f"confluent-kafka {version('confluent-kafka')} ProtobufSerializer"
GOOGLE = f"protobuf {version('protobuf')} SerializeToString"
PROTO = Path(__file__).parent / "proto"
SERIALIZERS = {
    "confluent": None,
    "confluent_guid": guid_prefix_serializer,
    "confluent_header": header_schema_id_serializer,
}
FLOATS = (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT)
WRAPPERS = {f"google.protobuf.{name}Value" for name in ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes")}
FREE_FORM = {"google.protobuf.Struct", "google.protobuf.Value", "google.protobuf.ListValue"}


def compiled(directory):
    """A pool of all files of proto/, as protoc understands them."""
    files = sorted(str(path.relative_to(PROTO)) for path in PROTO.rglob("*.proto"))
    known = Path(grpc_tools.__file__).parent / "_proto"
    out = Path(directory) / "descriptors"
    arguments = ["protoc", f"-I{PROTO}", f"-I{known}", "--include_imports", f"--descriptor_set_out={out}", *files]
    if protoc.main(arguments) != 0:
        raise SystemExit("protoc refused a schema of the corpus")
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes()).file:
        pool.Add(file)
    return pool


def plain(message):
    """A message in the corpus' notation: every field of its descriptor, null for those that know that they are unset."""
    return {field.name: plain_field(message, field) for field in message.DESCRIPTOR.fields}


def plain_field(message, field):
    value = getattr(message, field.name)
    if is_map(field):
        key, item = field.message_type.fields
        pairs = [[plain_value(key, name), plain_value(item, value[name])] for name in sorted(value)]
        return {"$map": pairs}
    if field.is_repeated:
        return [plain_value(field, item) for item in value]
    if field.has_presence and not message.HasField(field.name):
        return None
    return plain_value(field, value)


def is_map(field):
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def plain_value(field, value):
    if field.message_type is not None:
        return plain_message(value)
    if field.type in FLOATS:
        return float_text(value)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return octets(value)
    if field.type == FieldDescriptor.TYPE_ENUM:
        known = field.enum_type.values_by_number.get(value)
        return {"$enum": known.name if known else None, "number": value}
    return value


def plain_message(message):
    name = message.DESCRIPTOR.full_name
    if name == "google.protobuf.Timestamp":
        return {"$timestamp": {"seconds": message.seconds, "nanos": message.nanos}}
    if name == "google.protobuf.Duration":
        return {"$interval": {"seconds": message.seconds, "nanos": message.nanos}}
    if name in WRAPPERS:
        return plain_field(message, message.DESCRIPTOR.fields[0])
    if name in FREE_FORM:
        return {"$json": MessageToDict(message)}
    return plain(message)


def indexes(descriptor):
    """The path to a message in its file, as Confluent's frame names it."""
    outer = descriptor.containing_type
    if outer is None:
        return [list(descriptor.file.message_types_by_name).index(descriptor.name)]
    return indexes(outer) + [[nested.name for nested in outer.nested_types].index(descriptor.name)]


def dependencies(file):
    """The files that a file imports, each after those it imports itself; once; without Google's own."""
    found = {}
    for imported in file.dependencies:
        if not imported.name.startswith("google/protobuf/"):
            found |= dependencies(imported) | {imported.name: imported}
    return found


class Maker:
    def __init__(self, directory):
        mock_registry.uuid.uuid4 = deterministic_uuids()
        self.pool = compiled(directory)
        self.described = set()
        self.registry = SchemaRegistryClient.new_client({"url": "mock://corpus"})

    def message_class(self, name):
        return message_factory.GetMessageClass(self.pool.FindMessageTypeByName(name))

    def parsed(self, name, text):
        return text_format.Parse(text, self.message_class(name)(), descriptor_pool=self.pool)

    def framed(self, topic, framing, message):
        """The record as confluent-kafka writes it, and how the registry knows its schema."""
        special = SERIALIZERS[framing]
        settings = {"schema.id.serializer": special} if special else {}
        serializer = ProtobufSerializer(type(message), self.registry, settings)
        headers = []
        data = serializer(message, SerializationContext(topic, MessageField.VALUE, headers))
        payload = message.SerializeToString()
        if not data.endswith(payload):
            raise ValueError(f"{topic}: the serializer wrote something else than the runtime")
        known = self.registry.get_latest_version(f"{topic}-value")
        guid = uuid.UUID(known.guid).hex
        return {
            "serializer": CONFLUENT,
            "schema_id": {"confluent": known.schema_id} if framing == "confluent" else {"confluent_guid": guid},
            "headers": [[name, content.hex()] for name, content in headers] or None,
            "value_hex": data.hex(),
            "payload_hex": payload.hex(),
        }

    def lines(self, lines, name, case):
        file = self.pool.FindFileByName(case["file"])
        descriptor = self.pool.FindMessageTypeByName(case["message"])
        common = {
            "format": "protobuf",
            "schema": (PROTO / case["file"]).read_text(),
            "references": [{"name": n, "schema": (PROTO / n).read_text()} for n in dependencies(file)],
            "message": case["message"],
            "message_indexes": indexes(descriptor),
        }
        merged = case.get("merged", [])
        if "written_as" in case:
            merged = [[text] for text in case["texts"]]
        writer = case.get("written_as", case["message"])
        for index, texts in enumerate(merged):
            data = b"".join(self.parsed(writer, text).SerializeToString(deterministic=True) for text in texts)
            expected = plain(self.message_class(case["message"]).FromString(data))
            made = {"serializer": GOOGLE, "framing": "none", "value_hex": data.hex(), "payload_hex": data.hex()}
            lines.add(f"{name}/{index}", **common, **made, expected=expected)
        if not merged:
            self.framed_lines(lines, name, case, common)

    def framed_lines(self, lines, name, case, common):
        for index, text in enumerate(case["texts"]):
            message = self.parsed(case["message"], text)
            more = case.get("every_framing") and index == len(case["texts"]) - 1
            for framing in SERIALIZERS if more else ["confluent"]:
                topic = f"{name}-{framing}"
                made = self.framed(topic, framing, message)
                label = f"{name}/{index}" if framing == "confluent" else f"{name}/{index}/{framing}"
                lines.add(label, **common, framing=framing, **made, expected=plain(message))
        if case["file"] in self.described:
            return
        self.described.add(case["file"])
        # confluent-kafka registers descriptors, not text: one record of a file once more with what the registry holds.
        registered = self.registry.get_latest_version(f"{name}-confluent-value").schema
        of_registry = {
            "schema": registered.schema_str,
            "references": [
                {"name": n, "schema": base64.b64encode(f.serialized_pb).decode()}
                for n, f in dependencies(self.pool.FindFileByName(case["file"])).items()
            ],
        }
        made = self.framed(f"{name}-confluent", "confluent", message)
        label = f"{name}/{index}/descriptor"
        lines.add(label, **common | of_registry, framing="confluent", **made, expected=plain(message))


def make(lines, directory):
    maker = Maker(directory)
    for name, case in CASES.items():
        maker.lines(lines, name, case)
