"""Avro records by avsc, which runs in Node and writes the bare datum."""

import json
import subprocess
from pathlib import Path

from avro_schemas import CASES
from corpus import compact

# Those without logical types and references, and with numbers that JavaScript can hold.
NAMES = [
    "empty-record", "only-null", "root-boolean", "root-int", "root-double", "root-string", "root-bytes", "root-fixed",
    "root-enum", "root-map", "root-nullable-string", "root-nullable-string-null", "root-union-of-records",
    "optional-fields", "collections", "enums-and-fixed", "nested-records", "refused-elsewhere-field-union",
    "refused-elsewhere-named-type", "recursive-list", "recursive-tree", "mutual-recursion", "namespaces",
    "attributes-that-change-nothing", "many-fields", "many-branches",
]  # fmt: skip


def make(lines, _scratch):
    wanted = [
        {"case": f"{name}/avsc", "schema": CASES[name]["schema"], "value": CASES[name]["values"][-1]} for name in NAMES
    ]
    script = Path(__file__).with_name("avsc_cases.js")
    answer = subprocess.run(["node", script], input=json.dumps(wanted), capture_output=True, text=True, check=True)
    made = json.loads(answer.stdout)
    for case, data in zip(wanted, made["hex"], strict=True):
        lines.add(
            case["case"],
            serializer=f"avsc {made['version']} toBuffer",
            format="avro",
            schema=compact(case["schema"]),
            references=[],
            framing="none",
            value_hex=data,
            payload_hex=data,
            expected=case["value"],
        )
