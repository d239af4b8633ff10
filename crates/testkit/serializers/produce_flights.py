"""Produces flights through confluent-kafka's own serializers; crates/testkit/src/serializers.rs runs it.

It prints how many records the broker has taken.
"""

import argparse
import csv
import datetime
import sys
import tempfile
from collections import Counter
from itertools import islice
from pathlib import Path

from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient, header_schema_id_serializer
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

TEXTS = {"carrier", "tailnum", "origin", "dest"}
UTC = datetime.timezone.utc


def guid_prefix_serializer(payload, _context, schema_id):
    return schema_id.guid_to_bytes() + payload


FRAMINGS = {"prefix": None, "guid": guid_prefix_serializer, "header": header_schema_id_serializer}


def settings(framing):
    """A registry need not tell the GUID when it registers a schema, but does when it is asked for one."""
    special = FRAMINGS[framing]
    if special is None:
        return {}
    return {"schema.id.serializer": special, "auto.register.schemas": False, "use.latest.version": True}


def moment(cell):
    return datetime.datetime.fromisoformat(cell.removesuffix("Z")).replace(tzinfo=UTC)


def cells(row):
    """The columns of a row that have a value, numbers as numbers."""
    present = {name: cell for name, cell in row.items() if cell not in ("", "NA")}
    return {name: cell if name in TEXTS or name == "time_hour" else int(cell) for name, cell in present.items()}


def avro(registry, schema, framing):
    serializer = AvroSerializer(registry, schema, conf=settings(framing))
    return lambda row, context: serializer(row | {"time_hour": moment(row["time_hour"])}, context)


def json(registry, schema, framing):
    return JSONSerializer(schema, registry, conf=settings(framing))


def protobuf(registry, schema, framing):
    message = message_class(schema)
    serializer = ProtobufSerializer(message, registry, settings(framing))

    def serialize(row, context):
        at = moment(row.pop("time_hour"))
        flight = message(**row)
        flight.time_hour.FromDatetime(at)
        return serializer(flight, context)

    return serialize


def message_class(schema):
    """The class that protoc would generate for the one message of the file."""
    import grpc_tools
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    from grpc_tools import protoc

    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "flights.proto").write_text(schema)
        out = Path(directory, "descriptors")
        known = Path(grpc_tools.__file__).parent / "_proto"
        arguments = ["protoc", f"-I{directory}", f"-I{known}", "--include_imports", f"--descriptor_set_out={out}", "flights.proto"]
        if protoc.main(arguments) != 0:
            sys.exit("protoc refused the schema")
        files = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes()).file
    pool = descriptor_pool.DescriptorPool()
    for file in files:
        pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("flights.Flight"))


def main():
    parser = argparse.ArgumentParser()
    for name in ("bootstrap", "topic", "registry", "schema", "csv"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--format", choices=["avro", "protobuf", "json"], required=True)
    parser.add_argument("--framing", choices=FRAMINGS, default="prefix")
    parser.add_argument("--first", type=int)
    arguments = parser.parse_args()

    registry = SchemaRegistryClient({"url": arguments.registry})
    schema = Path(arguments.schema).read_text()
    make = {"avro": avro, "protobuf": protobuf, "json": json}[arguments.format]
    serialize = make(registry, schema, arguments.framing)
    producer = Producer({"bootstrap.servers": arguments.bootstrap, "compression.type": "lz4", "enable.idempotence": True})
    outcomes = Counter()

    def delivered(error, _record):
        outcomes[None if error is None else str(error)] += 1

    with open(arguments.csv, newline="") as file:
        for number, row in enumerate(islice(csv.DictReader(file), arguments.first)):
            headers = []
            if number == 0 and arguments.framing != "prefix":
                # Registers the schema, whose GUID the registry tells afterwards.
                make(registry, schema, "prefix")(cells(row), SerializationContext(arguments.topic, MessageField.VALUE))
            key = (row["carrier"] + row["flight"]).encode()
            value = serialize(cells(row), SerializationContext(arguments.topic, MessageField.VALUE, headers))
            send(producer, arguments.topic, key, value, headers, delivered)
    producer.flush()
    print(outcomes.pop(None, 0))
    if outcomes:
        sys.exit(f"records were refused: {dict(outcomes)}")


def send(producer, topic, key, value, headers, delivered):
    while True:
        try:
            producer.produce(topic, key=key, value=value, headers=headers, on_delivery=delivered)
            producer.poll(0)
            return
        except BufferError:
            producer.poll(0.1)


main()
