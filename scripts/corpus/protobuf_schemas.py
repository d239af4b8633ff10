"""The Protobuf messages of the corpus, in the text format. `proto/` holds their schemas."""

SCALARS = [
    "",
    'a_double: 1.5 a_float: 1.5 an_int32: 1 an_int64: 2 a_uint32: 3 a_uint64: 4 a_sint32: -5 a_sint64: -6 a_fixed32: 7 a_fixed64: 8 an_sfixed32: -9 an_sfixed64: -10 a_bool: true a_string: "Grüße, 世界 🛫" some_bytes: "\\000\\377\\303(" colour: GREEN',
    'a_double: -0.0 a_float: -0.0 an_int32: -2147483648 an_int64: -9223372036854775808 a_uint32: 4294967295 a_uint64: 18446744073709551615 a_sint32: -2147483648 a_sint64: -9223372036854775808 a_fixed32: 4294967295 a_fixed64: 18446744073709551615 an_sfixed32: -2147483648 an_sfixed64: -9223372036854775808 colour: BELOW_ZERO',
    "a_double: nan a_float: nan an_int32: 2147483647 an_int64: 9223372036854775807 a_sint32: 2147483647 a_sint64: 9223372036854775807 an_sfixed32: 2147483647 an_sfixed64: 9223372036854775807 colour: 99",
    "a_double: inf a_float: -inf an_int32: -1 an_int64: -1 colour: VERDE",
    "a_double: 1.7976931348623157e308 a_float: 3.4028234663852886e38",
    "a_double: 5e-324 a_float: 1e-45",
]

OPTIONALS = [
    "",
    'a_double: 0 an_int32: 0 a_uint64: 0 a_bool: false a_string: "" some_bytes: "" colour: COLOUR_UNSPECIFIED scalars {}',
    'an_int32: -1 scalars { a_string: "inner" colour: RED }',
]

REPEATS = [
    "",
    'doubles: [1.5, -0.0, nan, inf] int32s: [0, 1, -1, 2147483647, -2147483648] sint64s: [0, -1, 1, -9223372036854775808] fixed32s: [0, 4294967295] bools: [true, false, true] strings: ["", "a", "ü"] many_bytes: ["", "\\000"] colours: [RED, COLOUR_UNSPECIFIED, 77] optionals {} optionals { an_int32: 0 } unpacked_int32s: [1, -1] unpacked_floats: [0.5] unpacked_colours: [GREEN, BELOW_ZERO]',
    "int32s: [" + ", ".join(str(n * n - 500) for n in range(60)) + "]",
]

OTHER_WAY = [
    "doubles: [1.5, -2.5] int32s: [1, -1, 300] sint64s: [-1, 1] fixed32s: [7] bools: [true, false] colours: [RED, 77] unpacked_int32s: [1, 2, -3] unpacked_floats: [0.5, 1.5] unpacked_colours: [GREEN, RED]",
]

MAPS = [
    "",
    'texts { key: "k" value: "v" } by_int { key: -1 value: 0.5 } by_uint { key: 18446744073709551615 value: "\\000" } by_flag { key: true value: GREEN } records { key: "r" value { an_int32: 3 } } by_sint { key: -5 value: 5 } by_fixed { key: 9 value: true }',
    'texts { key: "" value: "" } by_int { key: 0 value: 0 } by_flag { key: false value: COLOUR_UNSPECIFIED } records { key: "" value {} }',
]

CHOICES = [
    'id: "none"',
    'id: "zero" number: 0',
    'id: "text" text: "" yes: false',
    'id: "record" record { an_int32: 1 } amount: -1.5',
    'id: "colour" colour: RED',
    'id: "raw" raw: "\\001"',
]

KNOWN = [
    "",
    'at { seconds: 1786000000 nanos: 123456789 } lasted { seconds: 90 nanos: 500000000 } object { fields { key: "a" value { number_value: 1.5 } } } value { string_value: "s" } list { values { bool_value: true } values { null_value: NULL_VALUE } } any { type_url: "type.googleapis.com/corpus.scalars.Nothing" } mask { paths: "a.b" paths: "c" } empty {} a_double { value: 1.1 } a_float { value: 0.5 } an_int64 { value: -1 } a_uint64 { value: 18446744073709551615 } an_int32 { value: -1 } a_uint32 { value: 1 } a_bool { value: true } a_string { value: "t" } some_bytes { value: "\\000" }',
    'at {} lasted {} object {} list {} any {} mask {} a_double {} a_float {} an_int64 {} a_uint64 {} an_int32 {} a_uint32 {} a_bool {} a_string {} some_bytes {}',
    "at { seconds: -1 nanos: 999999999 } lasted { seconds: -1 nanos: -500000000 } value { null_value: NULL_VALUE }",
    "at { seconds: -62135596800 } lasted { seconds: 315576000000 } value { number_value: -0.5 }",
    "at { seconds: 253402300799 nanos: 999999999 } lasted { seconds: -315576000000 } value { bool_value: false }",
    'moments { seconds: 1 } moments {} lengths { key: "k" value { seconds: 5 } } names { value: "n" } names {} values { number_value: 1 } values { list_value { values { string_value: "x" } } } values { struct_value { fields { key: "k" value { struct_value { fields { key: "l" value { null_value: NULL_VALUE } } } } } } }',
]

LEGACY = [
    "id: 0",
    'id: -1 name: "" count: 0 ratio: -0.0 level: LOW flag: false raw: "" plain: [1, -1] packed: [2, -2] Origin { host: "h" Deeper { n: 3 } } Row { x: 1 } Row { x: 2 text: "t" } levels: [LOW, HIGH, LOW]',
    'id: 5 Origin {} Row { x: 0 text: "" } [corpus.legacy.extra]: "an extension"',
]

EDITION = [
    "needed: 0 explicit: 0",
    'needed: 1 implicit: 1 delimited { name: "d" inner { name: "e" } } prefixed { name: "p" } many_delimited {} many_delimited { name: "m" } packed: [1, 2] expanded: [3, -4] open: 5 closed: CLOSED_TWO unchecked: "u" parts { key: "k" value { inner {} } }',
]

# Name of the case -> file, message, texts; more settings where there are any:
# written_as: the message that the records are written with; merged: texts whose bytes stand one after the other.
CASES = {
    "scalars": {"file": "scalars.proto", "message": "corpus.scalars.Scalars", "texts": SCALARS, "every_framing": True},
    "optionals": {"file": "scalars.proto", "message": "corpus.scalars.Optionals", "texts": OPTIONALS},
    "repeats": {"file": "scalars.proto", "message": "corpus.scalars.Repeats", "texts": REPEATS},
    "repeats-other-way": {
        "file": "scalars.proto",
        "message": "corpus.scalars.Repeats",
        "written_as": "corpus.scalars.RepeatsOtherWay",
        "texts": OTHER_WAY,
    },
    "maps": {"file": "scalars.proto", "message": "corpus.scalars.Maps", "texts": MAPS},
    "choices": {"file": "scalars.proto", "message": "corpus.scalars.Choice", "texts": CHOICES, "every_framing": True},
    "nothing": {"file": "scalars.proto", "message": "corpus.scalars.Nothing", "texts": [""], "every_framing": True},
    "known-types": {"file": "known.proto", "message": "corpus.known.Known", "texts": KNOWN},
    "legacy": {"file": "legacy.proto", "message": "corpus.legacy.Legacy", "texts": LEGACY},
    "edition": {"file": "edition.proto", "message": "corpus.edition.Edition", "texts": EDITION},
    "nested-index": {
        "file": "nesting.proto",
        "message": "corpus.nesting.Second.Inner.Deeper",
        "texts": ['text: "t" deep { text: "d" } first { n: 1 }', ""],
        "every_framing": True,
    },
    # The map's own entry message counts among the nested ones.
    "index-after-map": {"file": "nesting.proto", "message": "corpus.nesting.Second.AfterMap", "texts": ["flag: true"]},
    "second-index": {"file": "nesting.proto", "message": "corpus.nesting.Second", "texts": ['inner { deeper { text: "x" } } by_name { key: "k" value { text: "v" } }']},
    "same-name-twice": {"file": "nesting.proto", "message": "corpus.nesting.Third", "texts": ['own { text: "own" } outer { n: 3 }']},
    "tree": {
        "file": "nesting.proto",
        "message": "corpus.nesting.Tree",
        "texts": ['label: "leaf"', 'label: "root" children { label: "a" children { label: "b" } } children {} left { label: "l" } by_name { key: "n" value { label: "n" } }'],
    },
    "batch": {
        "file": "nesting.proto",
        "message": "corpus.nesting.Batch",
        "texts": ["", 'rows { id: 1 name: "a" } rows {} rows { id: -3 name: "c" }'],
    },
    "field-numbers": {
        "file": "nesting.proto",
        "message": "corpus.nesting.Numbers",
        "texts": ['last: 1 first: 2 fifteen: 3 sixteen: 4 big: 5 camelCase: "c" renamed: "r" message: "m" _under: "u"'],
    },
    "no-package": {"file": "bare.proto", "message": "NoPackage", "texts": ["", 'name: "" inner { depth: -3 }']},
    "imports": {
        "file": "shop/order.proto",
        "message": "corpus.shop.Order",
        "texts": ['id: "1"', 'id: "2" articles { sku: "s" price { units: -5 currency: "EUR" quoted { seconds: 1 } } kind: SERVICE } articles {} total { units: 7 } note { value: "" } kind: SERVICE'],
        "every_framing": True,
    },
    "newer-writer": {
        "file": "evolution_1.proto",
        "other_file": "evolution_2.proto",
        "message": "corpus.evolution.Click",
        "written_as": "corpus.evolution_2.Click",
        "texts": [
            'id: "a" count: 5 page { url: "/" referrer { url: "/r" } raw: "\\000\\001" } kind: KIND_BUY added: "x" numbers: [1, -1] pages { key: "k" value { url: "/k" } } amount: 1.5 four: 4',
            # An int64 where the reader knows an int32: the lower 32 bits, as the specification says.
            'count: 4294967298',
        ],
    },
    "unknown-groups": {
        "file": "legacy.proto",
        "message": "corpus.legacy.Legacy",
        "written_as": "corpus.legacy.Newer",
        "texts": ['id: 1 name: "n" level: HIGH_TOO levels: [LOW_TOO, HIGHER, HIGH_TOO] Unknown { n: 1 Inside { texts: ["a", "b"] } eight: 8 } four: 4 eight: 8 some: "\\000" varint: -1', "id: 2 level: HIGHER"],
    },
    "last-value-wins": {
        "file": "scalars.proto",
        "message": "corpus.scalars.Optionals",
        "merged": [
            ['an_int32: 1 a_string: "a"', 'an_int32: 2 a_bool: true'],
            ['scalars { an_int32: 1 a_string: "kept" }', 'scalars { an_int32: 2 a_bool: true }'],
        ],
    },
    "repeated-in-parts": {
        "file": "scalars.proto",
        "message": "corpus.scalars.Repeats",
        "merged": [["int32s: [1, 2] strings: [\"a\"]", 'doubles: [1.5] int32s: [3] strings: ["b"]']],
    },
    "map-key-twice": {
        "file": "scalars.proto",
        "message": "corpus.scalars.Maps",
        "merged": [['texts { key: "k" value: "first" }', 'texts { key: "k" value: "last" } by_sint { key: 1 value: 1 }']],
    },
    "choice-twice": {
        "file": "scalars.proto",
        "message": "corpus.scalars.Choice",
        "merged": [["number: 1", 'text: "last"'], ["record { an_int32: 1 }", "record { a_bool: true }"], ["record { an_int32: 1 }", "number: 5", "record { a_bool: true }"]],
    },
}
