"""Makes the files of fixtures/corpus anew; the arguments are that directory and one for temporary files."""

import sys
from pathlib import Path

import avro_cases
import avsc_cases
import cloud_cases
import java_cases
import json_cases
import protobuf_cases
from corpus import Lines

FILES = {
    "avro": [avro_cases, avsc_cases, cloud_cases, java_cases],
    "protobuf": [protobuf_cases, java_cases],
    "json": [json_cases, java_cases],
}

directory, scratch = map(Path, sys.argv[1:])
for name, makers in FILES.items():
    lines = Lines()
    for maker in makers:
        maker.make(lines, scratch)
    lines.write(directory / f"{name}.jsonl")
