"""What all makers of the corpus share: the notation of values and the form of a line. See fixtures/corpus/README.md."""

import datetime
import json
import math
import uuid

EPOCH = datetime.datetime(1970, 1, 1)


def float_text(number):
    """A float as a JSON number, or as text where JSON has no such number or parsers lose its last bit."""
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "inf" if number > 0 else "-inf"
    if number == 0 or 1e-5 <= abs(number) < 1e15:
        return number
    return repr(number)


def octets(data):
    return {"$bytes": bytes(data).hex()}


def moment_of(ticks, precision):
    """The datetime of these ticks, or None where Python has none for it."""
    if precision > 6:
        return None
    try:
        return EPOCH + datetime.timedelta(microseconds=ticks * 10 ** (6 - precision))
    except OverflowError:
        return None


def deterministic_uuids():
    """Stands in for uuid.uuid4, so that the corpus is the same each time it is made."""
    count = 0

    def next_uuid():
        nonlocal count
        count += 1
        return uuid.uuid5(uuid.NAMESPACE_URL, f"forebay-corpus-{count}")

    return next_uuid


def compact(value):
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class Lines:
    """The lines of one file; every case has a name of its own."""

    def __init__(self):
        self.lines = []
        self.names = set()

    def add(self, case, **fields):
        if case in self.names:
            raise ValueError(f"two cases are called {case}")
        self.names.add(case)
        # A value that is null is a value; any other field that is None is left out.
        kept = {name: value for name, value in fields.items() if value is not None or name == "expected"}
        self.lines.append({"case": case} | kept)

    def write(self, path):
        with open(path, "w", encoding="utf-8") as out:
            for line in self.lines:
                out.write(compact(line) + "\n")
        print(f"{path}: {len(self.lines)} cases")
