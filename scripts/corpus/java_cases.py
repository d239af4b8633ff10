"""Records that were read again and written by serializers for Java: Apicurio's with a real registry, AWS Glue's with a stub
in the registry's place, and the encoder of Apache Avro that nothing else has."""

import base64
import json
import os
import socket
import subprocess
import time
import urllib.parse
import urllib.request
import uuid
import zlib
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.error import URLError

from protobuf_cases import compiled


def free_ports():
    with socket.socket() as one, socket.socket() as other:
        return [each.bind(("127.0.0.1", 0)) or each.getsockname()[1] for each in (one, other)]


SCRIPTS = Path(__file__).parents[1]
PORT, MANAGEMENT_PORT = free_ports()
REGISTRY = f"http://127.0.0.1:{PORT}/apis/registry"
VERSIONS = {"apicurio-3": "3.1.7", "apicurio-2": "2.6.13.Final", "glue": "1.1.24"}
WRITERS = {"avro": "Avro", "protobuf": "Protobuf", "json_with_schema": "JsonSchema"}

# The records of other makers that are written once more. Apicurio and Glue register the branch of a union at the root, and
# print the schemas of groups and editions so that they say something else: those are not here.
RECORDS = {
    "avro": [
        "primitives/1", "empty-record/0", "optional-fields/1", "collections/2", "enums-and-fixed/1", "nested-records/1",
        "unions/0", "dates-and-times/0", "decimals/0", "big-decimal/0", "uuids-and-durations/0", "reference-chain/0",
    ],
    "protobuf": [
        "scalars/1", "optionals/1", "repeats/1", "maps/1", "choices/3", "nothing/0", "known-types/1", "nested-index/0",
        "index-after-map/0", "second-index/0", "same-name-twice/0", "tree/1", "no-package/1", "imports/1",
    ],
    "json_with_schema": ["flat/1", "nested/2"],
}  # fmt: skip
# Apicurio knows no nested messages; Glue knows no imports, and its JSON serializer no schemas of 2020.
WITHOUT = {"apicurio": ["nested-index/0", "index-after-map/0"], "glue": ["imports/1", "nested/2"]}

LONG_IDS = {"apicurio.registry.id-handler": "io.apicurio.registry.serde.Legacy8ByteIdHandler"}
HEADERS = {"apicurio.registry.headers.enabled": True}
NO_HEADERS = {"apicurio.registry.headers.enabled": False}
GLOBAL_IDS = {"apicurio.registry.use-id": "globalId"}
INDEXES = {"apicurio.registry.serde.send-indexes": True}
NO_NAME = {"apicurio.registry.serde.send-type-ref": False}

# Bytes in front of the datum, or of the name of a Protobuf message.
PREFIXES = {
    "none": 0, "apicurio_header": 0, "confluent": 5, "apicurio_global_id": 5, "apicurio": 9, "apicurio_content_id": 9,
    "glue": 18, "glue_zlib": 18,
}  # fmt: skip

# Name -> jars, framing, settings, formats.
EVERY = tuple(RECORDS)
APICURIO = {
    "apicurio-3": ("apicurio-3", "confluent", {}, EVERY),
    "apicurio-3-content-id": ("apicurio-3", "apicurio_content_id", LONG_IDS, EVERY),
    "apicurio-3-global-id": ("apicurio-3", "apicurio_global_id", GLOBAL_IDS, EVERY),
    "apicurio-3-header": ("apicurio-3", "apicurio_header", HEADERS, EVERY),
    "apicurio-3-indexes": ("apicurio-3", "confluent", INDEXES, ("protobuf",)),
    "apicurio-3-only-indexes": ("apicurio-3", "confluent", INDEXES | NO_NAME, ("protobuf",)),
    "apicurio-3-header-indexes": ("apicurio-3", "apicurio_header", HEADERS | INDEXES, ("protobuf",)),
    "apicurio-2": ("apicurio-2", "apicurio", NO_HEADERS, EVERY),
    "apicurio-2-header": ("apicurio-2", "apicurio_header", {}, EVERY),
}
GLUE = {"glue-java": ("glue", {}), "glue-java-zlib": ("glue_zlib", {"compression": "ZLIB"})}
GLUE_FORMATS = {"avro": "AVRO", "protobuf": "PROTOBUF", "json_with_schema": "JSON"}


def run(jars, jobs, directory):
    """What the serializers answer, in the order of the jobs. The directory is where they look for files."""
    home = os.environ["CORPUS_JAVA"]
    command = ["java", "-cp", f"{home}/{jars}:{home}/{jars}/*:{directory}", "Serializers"]
    keys = {"AWS_ACCESS_KEY_ID": "corpus", "AWS_SECRET_ACCESS_KEY": "corpus"}
    text = "".join(json.dumps(job) + "\n" for job in jobs)
    done = subprocess.run(command, input=text, capture_output=True, text=True, env=os.environ | keys)
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if len(answers) != len(jobs):
        raise SystemExit(f"{jars} failed at {jobs[len(answers)]['case']}:\n{done.stderr}")
    return answers


@cache
def descriptors(directory):
    compiled(directory)
    return base64.b64encode((directory / "descriptors").read_bytes()).decode()


def job(line, directory):
    fields = ("case", "format", "schema", "references", "message", "payload_hex")
    wanted = {name: line[name] for name in fields if name in line}
    if line["format"] == "protobuf":
        wanted["descriptors"] = descriptors(directory)
    return wanted | {"topic": line["case"].partition("/")[0]}


@contextmanager
def apicurio():
    """A registry with nothing in it, so that ids are the same each time."""
    java, app = (subprocess.check_output([SCRIPTS / "fetch-registries", part], text=True).strip() for part in ("java", "apicurio"))
    ports = [f"-Dquarkus.http.port={PORT}", f"-Dquarkus.management.port={MANAGEMENT_PORT}"]
    hosts = ["-Dquarkus.http.host=127.0.0.1", "-Dquarkus.management.host=127.0.0.1"]
    command = [java, "-Xmx512m", *hosts, *ports, "-jar", f"{app}/quarkus-run.jar"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(f"http://127.0.0.1:{MANAGEMENT_PORT}/health/ready", server)
        yield
    finally:
        server.terminate()
        server.wait()


def wait_for(url, server):
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5)
            return
        except (URLError, OSError):
            time.sleep(0.2)
    raise SystemExit("Apicurio does not start: run scripts/doctor")


def get(path):
    with urllib.request.urlopen(f"{REGISTRY}/v3/{path}") as answer:
        return answer.read().decode()


def registered(path):
    """The schema's text and what it refers to, every entry after those it refers to itself."""
    references = {}
    for reference in json.loads(get(f"{path}/references")):
        group = reference.get("groupId") or "default"
        place = f"groups/{group}/artifacts/{urllib.parse.quote(reference['artifactId'], safe='')}/versions/{reference['version']}"
        nested, text = registered(place)
        if not reference["name"].startswith("google/protobuf/"):
            references |= nested | {reference["name"]: text}
    is_version = path.startswith("groups/")
    return references, get(f"{path}/content" if is_version else path)


def apicurio_id(framing, answer):
    """How the record names its schema, and where the registry keeps that."""
    value = bytes.fromhex(answer["value_hex"])
    headers = dict(answer.get("headers", []))
    kind = "globalId" if framing in ("apicurio", "apicurio_global_id") else "contentId"
    if framing == "apicurio_header":
        kind = next(kind for kind in ("contentId", "globalId") if f"apicurio.value.{kind}" in headers)
        number = int(headers[f"apicurio.value.{kind}"], 16)
    else:
        length = 4 if framing in ("confluent", "apicurio_global_id") else 8
        number = int.from_bytes(value[1 : 1 + length], "big")
    return {"confluent" if kind == "contentId" else "apicurio": number}, f"ids/{kind}s/{number}"


def apicurio_lines(lines, found, directory):
    for name, (jars, framing, settings, formats) in APICURIO.items():
        chosen = [line for line in found if line["format"] in formats and line["case"] not in WITHOUT["apicurio"]]
        if not chosen:
            continue
        writer = WRITERS[chosen[0]["format"]]
        version = "v3" if jars == "apicurio-3" else "v2"
        url = {"apicurio.registry.url": f"{REGISTRY}/{version}", "apicurio.registry.auto-register": True}
        jobs = [job(line, directory) for line in chosen]
        for each, line in zip(jobs, chosen):
            each["class"] = f"io.apicurio.registry.serde.{writer.lower()}.{writer}KafkaSerializer"
            each["settings"] = url | settings | schema_file(line, directory)
        for line, answer in zip(chosen, run(jars, jobs, directory)):
            schema_id, path = apicurio_id(framing, answer)
            references, text = registered(path)
            add(lines, line, name, f"Apicurio {VERSIONS[jars]} {writer}KafkaSerializer", framing, schema_id, answer, text, references)


def schema_file(line, directory):
    """The JSON serializer of Apicurio reads the schema from a file."""
    if line["format"] != "json_with_schema":
        return {}
    file = f"{line['case'].replace('/', '-')}.json"
    (directory / file).write_text(line["schema"])
    return {"apicurio.registry.artifact.schema.location": file, "apicurio.registry.serde.validation-enabled": False}


@contextmanager
def glue():
    """Answers that it knows every schema, and remembers it; yields its port and what it was asked for."""
    known = {}

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            version_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"forebay-corpus-{asked['SchemaDefinition']}"))
            known[version_id.replace("-", "")] = asked["SchemaDefinition"]
            body = json.dumps({"SchemaVersionId": version_id, "Status": "AVAILABLE"}).encode()
            self.send_response(200)
            self.send_header("content-type", "application/x-amz-json-1.1")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port, known
    server.shutdown()


def glue_lines(lines, found, directory):
    chosen = [line for line in found if line["case"] not in WITHOUT["glue"] and not line["references"]]
    with glue() as (port, known):
        for name, (framing, settings) in GLUE.items():
            jobs = [job(line, directory) for line in chosen]
            for each in jobs:
                each["class"] = "com.amazonaws.services.schemaregistry.serializers.GlueSchemaRegistryKafkaSerializer"
                each["settings"] = settings | {
                    "region": "us-east-1",
                    "endpoint": f"http://127.0.0.1:{port}",
                    "dataFormat": GLUE_FORMATS[each["format"]],
                    "avroRecordType": "GENERIC_RECORD",
                    "protobufMessageType": "DYNAMIC_MESSAGE",
                }
            for line, answer in zip(chosen, run("glue", jobs, directory)):
                version_id = answer["value_hex"][4:36]
                serializer = f"schema-registry-serde {VERSIONS['glue']} GlueSchemaRegistryKafkaSerializer"
                add(lines, line, name, serializer, framing, {"glue": version_id}, answer, known[version_id], {})


def block_lines(lines, found, directory):
    chosen = [line for line in found if line["case"] in ("collections/2", "nested-records/1")]
    jobs = [job(line, directory) | {"class": "BlockingBinaryEncoder"} for line in chosen]
    for line, answer in zip(chosen, run("apicurio-3", jobs, directory)):
        serializer = "Apache Avro 1.12.1 for Java BlockingBinaryEncoder"
        add(lines, line, "blocks", serializer, "none", None, answer, line["schema"], {})


def payload(line, framing, value):
    """The bare datum. Maps have another order than in the record that was read; a Protobuf message has the same."""
    datum = value[PREFIXES[framing] :]
    datum = zlib.decompress(datum) if framing == "glue_zlib" else datum
    if line["format"] != "protobuf":
        return datum.hex()
    if not datum.hex().endswith(line["payload_hex"]):
        raise SystemExit(f"{line['case']} is another message now")
    return line["payload_hex"]


def add(lines, line, name, serializer, framing, schema_id, answer, text, references):
    kept = {field: line[field] for field in ("format", "message", "message_indexes", "expected") if field in line}
    lines.add(
        f"{line['case']}/{name}",
        **kept,
        serializer=serializer,
        framing=framing,
        schema_id=schema_id,
        headers=answer.get("headers"),
        value_hex=answer["value_hex"],
        payload_hex=payload(line, framing, bytes.fromhex(answer["value_hex"])),
        schema=text,
        references=[{"name": name, "schema": schema} for name, schema in references.items()],
    )


def make(lines, directory):
    found = [line for line in lines.lines if line["case"] in RECORDS.get(line["format"], [])]
    with apicurio():
        apicurio_lines(lines, found, directory)
    glue_lines(lines, found, directory)
    if found[0]["format"] == "avro":
        block_lines(lines, found, directory)
