"""Decodes Protobuf records with ptars, as often as it is told; prints the CPU seconds of decoding alone.

Takes a file descriptor set, the name of a message, and a file of batches: for each the number of records as four bytes,
then each record after its length as four bytes, little-endian. Every line on standard input is one round.
"""

import struct
import sys
import time

from google.protobuf import descriptor_pb2, descriptor_pool
from ptars import HandlerPool


def batches(path):
    with open(path, "rb") as file:
        while head := file.read(4):
            (records,) = struct.unpack("<I", head)
            yield [file.read(struct.unpack("<I", file.read(4))[0]) for _ in range(records)]


def handler(descriptors, message):
    files = descriptor_pb2.FileDescriptorSet()
    with open(descriptors, "rb") as file:
        files.ParseFromString(file.read())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    descriptor = pool.FindMessageTypeByName(message)
    return HandlerPool([descriptor.file]).get_for_message(descriptor)


def main():
    descriptors, message, path = sys.argv[1:]
    decoder, records = handler(descriptors, message), list(batches(path))
    for _ in sys.stdin:
        start = time.process_time()
        for batch in records:
            rows = decoder.list_to_record_batch(batch)
            assert rows.num_rows == len(batch)
        print(time.process_time() - start, flush=True)


main()
