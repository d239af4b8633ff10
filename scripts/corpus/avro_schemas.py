"""The Avro schemas of the corpus and the values written with each, in the notation of fixtures/corpus/README.md."""

INT = (-(2**31), 2**31 - 1)
LONG = (-(2**63), 2**63 - 1)
ALL = ["confluent", "confluent_guid", "confluent_header", "none"]
TEXTS = ["", "plain", "Grüße, 世界 🛫", "tab\tquote\"back\\slash\nnul\u0000end", "x" * 200]


def record(name, *fields, **more):
    return {"type": "record", "name": name, "fields": [dict(name=f, type=t) for f, t in fields]} | more


def array(items):
    return {"type": "array", "items": items}


def mapping(values):
    return {"type": "map", "values": values}


def fixed(name, size, **more):
    return {"type": "fixed", "name": name, "size": size} | more


def enum(name, *symbols, **more):
    return {"type": "enum", "name": name, "symbols": list(symbols)} | more


def logical(kind, name, **more):
    return {"type": kind, "logicalType": name} | more


def octets(text):
    return {"$bytes": text}


def branch(name, value):
    return {"$branch": name, "$value": value}


def date(days):
    return {"$date": days}


def time(ticks, precision):
    return {"$time": ticks, "precision": precision}


def instant(ticks, precision):
    return {"$timestamp": ticks, "precision": precision, "local": False}


def local(ticks, precision):
    return {"$timestamp": ticks, "precision": precision, "local": True}


def number(text):
    return {"$decimal": text}


def rows(names, *values):
    return [dict(zip(names, row, strict=True)) for row in values]


# What other subjects of the registry hold; the subject has the name that is referred to.
REFERENCES = {
    "Address": {"schema": record("Address", ("street", "string"), ("zip", ["null", "string"]))},
    "shop.Money": {"schema": record("Money", ("amount", logical("bytes", "decimal", precision=20, scale=2)), ("currency", "string"), namespace="shop")},
    "shop.Line": {
        "schema": record("Line", ("sku", "string"), ("price", "Money"), namespace="shop"),
        "references": ["shop.Money"],
    },
    "shop.Discount": {
        "schema": record("Discount", ("code", "string"), ("off", "shop.Money"), namespace="shop"),
        "references": ["shop.Money"],
    },
    "shop.Colour": {"schema": enum("Colour", "RED", "GREEN", "BLUE", namespace="shop")},
    "shop.Hash": {"schema": fixed("Hash", 4, namespace="shop")},
}

UUIDS = ["00000000-0000-0000-0000-000000000000", "123e4567-e89b-12d3-a456-426614174000", "ffffffff-ffff-ffff-ffff-ffffffffffff"]
# Before 1970, its eve, the epoch, now, and the last moment of the year 9998.
MOMENTS_S = [-2_208_988_800, -1, 0, 1_786_000_000, 253_370_764_799]

CASES = {
    "primitives": {
        "schema": record(
            "Primitives",
            ("nothing", "null"), ("flag", "boolean"), ("small", "int"), ("big", "long"),
            ("single", "float"), ("double", "double"), ("raw", "bytes"), ("text", "string"),
        ),
        "framings": ALL,
        "values": rows(
            ["nothing", "flag", "small", "big", "single", "double", "raw", "text"],
            (None, False, 0, 0, 0.0, 0.0, octets(""), ""),
            (None, True, INT[0], LONG[0], -0.0, -0.0, octets("00ff80"), TEXTS[2]),
            (None, True, INT[1], LONG[1], "NaN", "NaN", octets("c328"), TEXTS[3]),
            (None, False, -1, -1, "inf", "inf", octets("ab" * 70), TEXTS[4]),
            (None, False, 1, 1, "-inf", "-inf", octets("0a"), TEXTS[1]),
            (None, False, 63, 2**53 + 1, "3.4028234663852886e+38", "1.7976931348623157e+308", octets("00"), "a"),
            (None, False, -64, -(2**53) - 1, "1.401298464324817e-45", "5e-324", octets("00"), "b"),
            (None, False, 64, 2**32, 0.10000000149011612, 0.1, octets("00"), "c"),
        ),
    },
    "empty-record": {"schema": record("Nothing"), "framings": ALL, "values": [{}]},
    "only-null": {"schema": record("OnlyNull", ("n", "null")), "framings": ALL, "values": [{"n": None}]},
    "root-boolean": {"schema": {"type": "boolean"}, "framings": ["confluent", "none"], "values": [True, False]},
    "root-int": {"schema": {"type": "int"}, "framings": ["confluent", "none"], "values": [INT[0], 0, INT[1]]},
    "root-long": {"schema": {"type": "long"}, "framings": ["confluent", "none"], "values": [LONG[0], 0, LONG[1]]},
    "root-float": {"schema": {"type": "float"}, "framings": ["confluent", "none"], "values": [1.5, "-inf"]},
    "root-double": {"schema": {"type": "double"}, "framings": ["confluent", "none"], "values": [1.1, "NaN"]},
    "root-string": {"schema": {"type": "string"}, "framings": ALL, "values": TEXTS},
    "root-bytes": {"schema": {"type": "bytes"}, "framings": ALL, "values": [octets(""), octets("00ff"), octets("04cafe")]},
    "root-fixed": {"schema": fixed("Four", 4), "framings": ["confluent", "none"], "values": [octets("00010203")]},
    "root-enum": {"schema": enum("Suit", "SPADES", "HEARTS"), "framings": ["confluent", "none"], "values": ["SPADES", "HEARTS"]},
    "root-array": {"schema": array("long"), "framings": ["confluent", "none"], "values": [[], [1, -1, LONG[1]]]},
    "root-map": {"schema": mapping("string"), "framings": ["confluent", "none"], "values": [{}, {"": "empty", "ключ": "значение"}]},
    "root-timestamp": {"schema": logical("long", "timestamp-millis"), "values": [instant(-1, 3), instant(1_786_000_000_123, 3)]},
    "root-decimal": {"schema": logical("bytes", "decimal", precision=10, scale=2), "framings": ["none"], "values": [number("-1.25"), number("0.00")]},
    # Written null is a tombstone, which is not Avro at all; so this schema's null branch is only ever written bare.
    "root-nullable-string": {"schema": ["null", "string"], "framings": ["confluent", "none"], "values": ["", "text"]},
    "root-nullable-string-null": {"schema": ["null", "string"], "framings": ["none"], "values": [None]},
    "root-union-of-records": {
        "schema": [
            record("Opened", ("id", "long"), ("by", "string"), namespace="ticket"),
            record("Closed", ("id", "long"), ("reason", ["null", "string"]), namespace="ticket"),
        ],
        "framings": ["confluent", "none"],
        "values": [
            branch("ticket.Opened", {"id": 1, "by": "ann"}),
            branch("ticket.Closed", {"id": 1, "reason": None}),
            branch("ticket.Closed", {"id": 2, "reason": "done"}),
        ],
    },
    "root-union-of-primitives": {
        "schema": ["null", "boolean", "long", "double", "string", "bytes"],
        "framings": ["confluent", "none"],
        "values": [
            branch("boolean", True), branch("long", LONG[0]), branch("double", 2.5),
            branch("string", "s"), branch("bytes", octets("beef")),
        ],
    },
    "optional-fields": {
        "schema": record(
            "Optional",
            ("a", ["null", "int"]), ("b", ["string", "null"]), ("c", ["null", "bytes"]),
            ("d", ["null", array(["null", "int"])]), ("e", ["null", mapping(["null", "string"])]),
            ("f", ["null", record("Inner", ("x", ["null", "double"]))]), ("g", ["null", enum("Level", "LOW", "HIGH")]),
            ("h", ["null"]), ("i", ["int"]),
        ),
        "framings": ["confluent", "none"],
        "values": rows(
            list("abcdefghi"),
            (None, None, None, None, None, None, None, None, 7),
            (1, "", octets("01"), [1, None, 2], {"k": None, "l": "v"}, {"x": None}, "HIGH", None, 8),
            (0, "t", octets(""), [], {}, {"x": 0.5}, "LOW", None, 9),
        ),
    },
    "collections": {
        "schema": record(
            "Collections",
            ("ints", array("int")), ("grid", array(array("double"))), ("by_name", mapping("long")),
            ("deep", mapping(array(mapping("string")))), ("points", array(record("P", ("x", "int"), ("y", "int")))),
            ("named", mapping("P")), ("nothings", array("null")), ("empties", array(record("E"))),
        ),
        "framings": ["confluent", "none"],
        "values": rows(
            ["ints", "grid", "by_name", "deep", "points", "named", "nothings", "empties"],
            ([], [], {}, {}, [], {}, [], []),
            ([1, 2, 3], [[], [1.5], [2.5, -0.0]], {"a": 1, "b": -1}, {"k": [{"x": "y"}, {}]}, [{"x": 1, "y": -1}], {"o": {"x": 0, "y": 0}}, [None, None], [{}, {}, {}]),
            (list(range(-50, 150)), [[0.0] * 3] * 3, {f"k{i}": i for i in range(20)}, {"": [{}]}, [{"x": i, "y": -i} for i in range(10)], {"": {"x": 1, "y": 2}}, [None] * 5, []),
        ),
    },
    "enums-and-fixed": {
        "schema": record(
            "EnumsAndFixed",
            ("suit", enum("Suit", "SPADES", "HEARTS", "CLUBS", default="CLUBS", namespace="cards")),
            ("again", "cards.Suit"), ("one", fixed("One", 1)), ("md5", fixed("MD5", 16)), ("none", fixed("Zero", 0)),
            ("suits", array("cards.Suit")), ("sums", mapping("MD5")),
        ),
        "framings": ["confluent", "none"],
        "values": rows(
            ["suit", "again", "one", "md5", "none", "suits", "sums"],
            ("SPADES", "CLUBS", octets("00"), octets("00" * 16), octets(""), [], {}),
            ("CLUBS", "SPADES", octets("ff"), octets("0123456789abcdef" * 2), octets(""), ["HEARTS", "SPADES"], {"m": octets("ff" * 16)}),
        ),
    },
    "nested-records": {
        "schema": record(
            "Outer",
            ("id", "long"),
            ("page", record("Page", ("url", "string"), ("referrer", ["null", "string"]), ("size", record("Size", ("w", "int"), ("h", "int"))))),
            ("previous", ["null", "Page"]),
            namespace="web.clicks",
        ),
        "framings": ["confluent", "none"],
        "values": [
            {"id": 1, "page": {"url": "/", "referrer": None, "size": {"w": 1, "h": 2}}, "previous": None},
            {"id": 2, "page": {"url": "/a", "referrer": "/", "size": {"w": 3, "h": 4}}, "previous": {"url": "/", "referrer": None, "size": {"w": 1, "h": 2}}},
        ],
    },
    "unions": {
        "schema": record(
            "Unions",
            ("u", ["null", "boolean", "int", "long", "float", "double", "string", "bytes"]),
            ("v", [array("int"), mapping("int"), record("R", ("a", "int")), record("S", ("a", "int"), ("b", "string")), enum("Sym", "A", "B"), fixed("Two", 2)]),
            ("w", array(["string", "long", "R", "null"])),
            ("m", mapping(["Sym", "Two", "double"])),
        ),
        "framings": ["confluent", "none"],
        "values": rows(
            ["u", "v", "w", "m"],
            (None, branch("array", [1, 2]), [], {}),
            (branch("boolean", True), branch("map", {"k": 1}), [branch("string", "s"), branch("long", 9), branch("R", {"a": 1}), None], {"a": branch("Sym", "B")}),
            (branch("int", -5), branch("R", {"a": 3}), [None], {"b": branch("Two", octets("0102")), "c": branch("double", 0.5)}),
            (branch("long", LONG[1]), branch("S", {"a": 4, "b": "x"}), [branch("R", {"a": 2}), branch("R", {"a": 3})], {}),
            (branch("float", 1.5), branch("Sym", "A"), [branch("string", "")], {}),
            (branch("double", 1.1), branch("Two", octets("ffff")), [branch("long", 0)], {}),
            (branch("string", "Ünï"), branch("array", []), [], {}),
            (branch("bytes", octets("00")), branch("map", {}), [], {}),
        ),
    },
    "optional-union": {
        "schema": record("OptionalUnion", ("value", ["null", "string", logical("long", "timestamp-millis"), logical("bytes", "decimal", precision=8, scale=3)])),
        "values": [
            {"value": None},
            {"value": branch("string", "later")},
            {"value": branch("long", instant(-86_400_000, 3))},
            {"value": branch("bytes", number("-99999.999"))},
        ],
    },
    "dates-and-times": {
        "schema": record(
            "DatesAndTimes",
            ("day", logical("int", "date")), ("t_ms", logical("int", "time-millis")), ("t_us", logical("long", "time-micros")),
            ("ms", logical("long", "timestamp-millis")), ("us", logical("long", "timestamp-micros")), ("ns", logical("long", "timestamp-nanos")),
            ("l_ms", logical("long", "local-timestamp-millis")), ("l_us", logical("long", "local-timestamp-micros")), ("l_ns", logical("long", "local-timestamp-nanos")),
        ),
        "framings": ["confluent", "none"],
        "values": rows(
            ["day", "t_ms", "t_us", "ms", "us", "ns", "l_ms", "l_us", "l_ns"],
            *[
                (
                    date(s // 86_400), time(s % 86_400 * 1000 + 7, 3), time(s % 86_400 * 1_000_000 + 7, 6),
                    instant(s * 1000 + 1, 3), instant(s * 1_000_000 + 1, 6), instant(max(-(2**63), min(s * 10**9 + 1, LONG[1])), 9),
                    local(s * 1000 + 1, 3), local(s * 1_000_000 + 1, 6), local(max(-(2**63), min(s * 10**9 + 1, LONG[1])), 9),
                )
                for s in MOMENTS_S
            ],
            (date(INT[0]), time(0, 3), time(0, 6), instant(LONG[0], 3), instant(LONG[0], 6), instant(LONG[0], 9), local(LONG[0], 3), local(LONG[0], 6), local(LONG[0], 9)),
            (date(INT[1]), time(86_399_999, 3), time(86_399_999_999, 6), instant(LONG[1], 3), instant(LONG[1], 6), instant(LONG[1], 9), local(LONG[1], 3), local(LONG[1], 6), local(LONG[1], 9)),
        ),
    },
    "optional-dates": {
        "schema": record("OptionalDates", ("day", ["null", logical("int", "date")]), ("ts", [logical("long", "timestamp-micros"), "null"]), ("days", array(logical("int", "date")))),
        "values": rows(["day", "ts", "days"], (None, None, []), (date(-719_162), instant(-62_135_510_400_000_000, 6), [date(0), date(-1), date(2_932_896)])),
    },
    "decimals": {
        "schema": record(
            "Decimals",
            ("money", logical("bytes", "decimal", precision=18, scale=2)),
            ("whole", logical("bytes", "decimal", precision=9)),
            ("wide", logical("bytes", "decimal", precision=76, scale=38)),
            ("fix", fixed("Fix", 8, logicalType="decimal", precision=18, scale=4)),
            ("fix_wide", fixed("FixWide", 32, logicalType="decimal", precision=76, scale=10)),
        ),
        "framings": ["confluent", "none"],
        "values": rows(
            ["money", "whole", "wide", "fix", "fix_wide"],
            (number("0.00"), number("0"), number("0." + "0" * 38), number("0.0000"), number("0." + "0" * 10)),
            (number("-0.01"), number("-1"), number("-0." + "0" * 37 + "1"), number("-0.0001"), number("-0.0000000001")),
            (number("1.28"), number("128"), number("12345678901234567890123456789012345678.90123456789012345678901234567890123456"), number("99999999999999.9999"), number("1.2800000000")),
            (number("-1.28"), number("-128"), number("-" + "9" * 38 + "." + "9" * 38), number("-99999999999999.9999"), number("-" + "9" * 66 + "." + "9" * 10)),
            (number("9999999999999999.99"), number("999999999"), number("9" * 38 + "." + "9" * 38), number("1.0000"), number("9" * 66 + "." + "9" * 10)),
            (number("-9999999999999999.99"), number("-999999999"), number("255." + "0" * 38), number("-1.0000"), number("-255." + "0" * 10)),
        ),
    },
    "big-decimal": {
        "schema": record("BigDecimal", ("n", logical("bytes", "big-decimal")), ("m", ["null", logical("bytes", "big-decimal")])),
        "values": rows(
            ["n", "m"],
            (number("0"), None),
            (number("-1.5"), number("0.00")),
            (number("123456789012345678901234567890.123456789"), number("-" + "9" * 50)),
        ),
    },
    "uuids-and-durations": {
        "schema": record(
            "UuidsAndDurations",
            ("text", logical("string", "uuid")), ("raw", fixed("Raw", 16, logicalType="uuid")),
            ("length", fixed("Length", 12, logicalType="duration")),
        ),
        "values": rows(
            ["text", "raw", "length"],
            *[({"$uuid": u}, {"$uuid": u}, {"$duration": d}) for u, d in zip(UUIDS, [[0, 0, 0], [1, 31, 86_399_999], [2**32 - 1] * 3])],
        ),
    },
    # Java's library reads an annotation around a complete type, fastavro does not; the bytes are those of the plain form.
    "wrapped-logical-types": {
        "schema": record("Wrapped", ("id", {"type": fixed("Id", 16), "logicalType": "uuid"}), ("at", {"type": {"type": "long"}, "logicalType": "timestamp-millis"})),
        "written_with": record("Wrapped", ("id", fixed("Id", 16, logicalType="uuid")), ("at", logical("long", "timestamp-millis"))),
        "framings": ["none"],
        "values": [{"id": {"$uuid": UUIDS[1]}, "at": instant(-1, 3)}],
    },
    # The examples that Tiger Cloud's connector documents as refused.
    "refused-elsewhere-field-union": {
        "schema": record("TestRecord", ("value", ["string", "bytes", "null"])),
        "framings": ALL,
        "values": [{"value": branch("string", "text")}, {"value": branch("bytes", octets("00ff"))}, {"value": None}],
    },
    "refused-elsewhere-named-type": {
        "schema": record("Person", ("name", "string"), ("home", record("Address", ("street", "string"))), ("address", "Address")),
        "framings": ALL,
        "values": [{"name": "Ann", "home": {"street": "A"}, "address": {"street": "B"}}],
    },
    "refused-elsewhere-named-type-of-another-subject": {
        "schema": record("Person", ("name", "string"), ("address", "Address")),
        "references": ["Address"],
        "framings": ALL[:3],
        "values": [{"name": "Ann", "address": {"street": "A", "zip": None}}, {"name": "", "address": {"street": "", "zip": "1"}}],
    },
    "refused-elsewhere-logical-types": {
        "schema": record(
            "Unknown",
            ("when", logical("int", "date-time")), ("document", logical("string", "json")), ("blob", logical("bytes", "custom-type")),
            ("list", {"type": "array", "items": "int", "logicalType": "set"}), ("maybe", ["null", logical("long", "epoch")]),
        ),
        "framings": ALL,
        "values": rows(["when", "document", "blob", "list", "maybe"], (1_700_000_000, '{"a": [1, null]}', octets("0102"), [1, 2], None), (-1, "not json", octets(""), [], LONG[0])),
    },
    "recursive-list": {
        "schema": record("Node", ("value", "int"), ("next", ["null", "Node"])),
        "framings": ["confluent", "none"],
        "values": [
            {"value": 1, "next": None},
            {"value": 1, "next": {"value": 2, "next": {"value": 3, "next": None}}},
        ],
    },
    "recursive-tree": {
        "schema": record("Tree", ("label", "string"), ("children", array("forest.Tree")), ("by_name", mapping("Tree")), namespace="forest"),
        "framings": ["confluent", "none"],
        "values": [
            {"label": "leaf", "children": [], "by_name": {}},
            {
                "label": "root",
                "children": [{"label": "a", "children": [{"label": "b", "children": [], "by_name": {}}], "by_name": {}}, {"label": "c", "children": [], "by_name": {}}],
                "by_name": {"d": {"label": "d", "children": [], "by_name": {}}},
            },
        ],
    },
    "mutual-recursion": {
        "schema": record("Folder", ("name", "string"), ("entries", array([record("File", ("size", "long"), ("link", ["null", "Folder"])), "Folder"]))),
        "values": [
            {"name": "", "entries": []},
            {"name": "a", "entries": [branch("File", {"size": 1, "link": None}), branch("Folder", {"name": "b", "entries": []}), branch("File", {"size": 2, "link": {"name": "c", "entries": []}})]},
        ],
    },
    "reference-chain": {
        "schema": record("Order", ("lines", array("shop.Line")), ("colour", "Colour"), ("hash", ["null", "Hash"]), namespace="shop"),
        "references": ["shop.Line", "shop.Colour", "shop.Hash"],
        "framings": ALL[:3],
        "values": [
            {"lines": [], "colour": "RED", "hash": None},
            {"lines": [{"sku": "s", "price": {"amount": number("-12.50"), "currency": "EUR"}}], "colour": "BLUE", "hash": octets("deadbeef")},
        ],
    },
    "reference-diamond": {
        "schema": record("Basket", ("line", "Line"), ("discount", ["null", "Discount"]), namespace="shop"),
        "references": ["shop.Line", "shop.Discount"],
        "values": [{"line": {"sku": "a", "price": {"amount": number("1.00"), "currency": "EUR"}}, "discount": {"code": "c", "off": {"amount": number("0.10"), "currency": "EUR"}}}],
    },
    "reference-as-root-union": {
        "schema": ["Address", "shop.Money"],
        "references": ["Address", "shop.Money"],
        "values": [branch("Address", {"street": "s", "zip": None}), branch("shop.Money", {"amount": number("3.00"), "currency": "USD"})],
    },
    "namespaces": {
        "schema": record(
            "Top",
            ("a", record("Thing", ("x", "int"), namespace="one")),
            ("b", record("two.Thing", ("x", "string"), ("again", ["null", "one.Thing"]))),
            ("c", "one.Thing"), ("d", "two.Thing"), ("e", record("Same", ("x", "long"))), ("f", "top.Same"),
            namespace="top",
        ),
        "values": [{"a": {"x": 1}, "b": {"x": "s", "again": {"x": 2}}, "c": {"x": 3}, "d": {"x": "t", "again": None}, "e": {"x": 4}, "f": {"x": 5}}],
    },
    "attributes-that-change-nothing": {
        "schema": {
            "type": "record", "name": "Attributes", "doc": "Documented", "aliases": ["Old"], "connect.name": "a.b.C", "connect.version": 3,
            "fields": [
                {"name": "a", "type": {"type": "string", "avro.java.string": "String"}, "doc": "d", "order": "ignore", "aliases": ["b", "c"], "default": "x"},
                {"name": "n", "type": ["null", {"type": "int", "connect.type": "int16"}], "default": None},
                {"name": "t", "type": {"type": "long", "connect.version": 1, "connect.name": "io.debezium.time.Timestamp"}},
            ],
        },
        "values": rows(["a", "n", "t"], ("", None, -1), ("y", -32768, 1)),
    },
    "change-event": {
        "schema": record(
            "Envelope",
            ("before", ["null", record("Value", ("id", "long"), ("name", ["null", "string"]), ("updated", logical("long", "timestamp-micros")))]),
            ("after", ["null", "Value"]),
            ("source", record("Source", ("lsn", ["null", "long"]), ("table", "string"))), ("op", "string"), ("ts_ms", ["null", "long"]),
            namespace="server.public.customers",
        ),
        "values": [
            {"before": None, "after": {"id": 1, "name": "a", "updated": instant(1, 6)}, "source": {"lsn": 5, "table": "customers"}, "op": "c", "ts_ms": 9},
            {"before": {"id": 1, "name": "a", "updated": instant(1, 6)}, "after": {"id": 1, "name": None, "updated": instant(2, 6)}, "source": {"lsn": None, "table": "customers"}, "op": "u", "ts_ms": None},
            {"before": {"id": 1, "name": None, "updated": instant(2, 6)}, "after": None, "source": {"lsn": 7, "table": "customers"}, "op": "d", "ts_ms": 10},
        ],
    },
    "many-fields": {
        "schema": record("Many", *[(f"f{i}", ["null", "long"] if i % 3 else "string") for i in range(150)]),
        "values": [{f"f{i}": (None if i % 2 else i * 1000) if i % 3 else str(i) for i in range(150)}],
    },
    "many-branches": {
        "schema": record("ManyBranches", ("u", [record(f"B{i}", ("v", "int")) for i in range(140)])),
        "values": [{"u": branch("B0", {"v": 0})}, {"u": branch("B63", {"v": 63})}, {"u": branch("B64", {"v": 64})}, {"u": branch("B139", {"v": 139})}],
    },
}
