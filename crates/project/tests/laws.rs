//! Laws that hold for every project, however broken.

use forebay_project::column_type::ColumnType;
use forebay_project::model::{
    AwsAccess, Column, Datasource, Engine, Format, Framing, Index, KafkaConnection, KafkaSource, OauthClient,
    OffsetReset, Path, Project, RecordFormat, RegistryKind, SchemaLocation, SchemaRegistry, SecurityProtocol,
    Text, Tombstones,
};
use forebay_project::plan::{Plan, Step, Verdict, apply, plan};
use forebay_project::{SourceFile, included_paths, is_project_file, parse, render, validate};
use proptest::prelude::*;

fn file(path: &str, text: &str) -> SourceFile {
    SourceFile { path: path.to_owned(), text: text.to_owned() }
}

/// Text that resembles a datafile often enough to get past the first line.
fn any_datafile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "SCHEMA >\n",
            "INDEXES >\n",
            "ENGINE ",
            "KAFKA_TOPIC ",
            "KAFKA_BOOTSTRAP_SERVERS ",
            "INCLUDE ",
            "\n",
            "KAFKA_SSL_CA_PEM >\n",
            "  name String",
            ", ",
            "`json:$.a[:]`",
            " DEFAULT ",
            " CODEC(",
            ")",
            "(",
            "'",
            "\"",
            "`",
            "{{ tb_secret(\"A\") }}",
            "{{",
            "}}",
            "#",
            "--",
            "$X",
            "\"a.incl\"",
            "\"X=1\"",
            "\r\n",
            "\t",
            "\u{feff}",
            "日本",
            "Array(",
            "Enum8('a' = 1",
            "Nullable(",
            "TYPE kafka\n",
            "KAFKA_SECRET ",
            "DESCRIPTION >\n",
            ":9092",
            "[::1]:1,",
            "KAFKA_SCHEMA_REGISTRY_URL ",
            "KAFKA_SCHEMA_REGISTRY_TYPE glue\n",
            "KAFKA_SCHEMA_REGISTRY_OAUTH_CLIENT_ID ",
            "https://u:p@h:1/subjects/",
            "KAFKA_VALUE_FORMAT avro\n",
            "KAFKA_KEY_FORMAT protobuf\n",
            "KAFKA_VALUE_SCHEMA a.avsc\n",
            "KAFKA_TOMBSTONES delete\n",
            "KAFKA_AUTOMATIC_COLUMNS False\n",
            "_timestamp ",
            "`json:#._key.a`",
            "JSON(SKIP ",
            "Variant(",
        ])
        .prop_map(str::to_owned),
        ".{0,6}",
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_text_is_read_without_panic_and_every_place_lies_inside(
        datasource in any_datafile(),
        connection in any_datafile(),
        include in any_datafile(),
    ) {
        let files = [
            file("a.datasource", &datasource),
            file("a.connection", &connection),
            file("a.incl", &include),
            file("a.avsc", &include),
        ];
        let parsed = parse(&files);
        for entry in parsed.resources.iter().flat_map(|resource| &resource.entries) {
            for span in [entry.name, entry.value.span()] {
                prop_assert!(files[span.file].text.get(span.start..span.end).is_some());
            }
        }
        let (project, diagnostics) = validate(&parsed);
        for diagnostic in &diagnostics {
            let file = files.iter().find(|file| file.path == diagnostic.file).expect("a given file");
            prop_assert!(file.text.get(diagnostic.span.start..diagnostic.span.end).is_some(), "{:?}", diagnostic);
            prop_assert!(diagnostic.hint.is_some(), "{:?}", diagnostic);
        }
        prop_assert_eq!(render(&diagnostics, true).contains("error["), project.is_none());
    }
}

proptest! {
    #[test]
    fn the_password_of_an_address_is_never_shown_wherever_it_stands(
        before in any_datafile(),
        directive in prop::sample::select(vec!["KAFKA_SCHEMA_REGISTRY_URL", "KAFKA_SCHEMA_REGISTRY_OAUTH_TOKEN_URL", "KAFKA_VALUE_SCHEMA", "KAFKA_BOOTSTRAP_SERVERS", "KAFKA_TOPIC", "# see", "SCHEMA >\n  a", "REGISTRY_URI"]),
        scheme in prop::sample::select(vec!["http", "https", "ftp", ""]),
        host in prop::sample::select(vec!["h", "h:8081", "h:x", "h/subjects", "h/subjects/s/versions/1", "", "h,http://other"]),
        after in any_datafile(),
    ) {
        let text = format!("{before}\n{directive} {scheme}://u:hunter2@{host}\n{after}");
        for path in ["a.connection", "a.datasource"] {
            let (project, diagnostics) = validate(&parse(&[file(path, &text)]));
            let as_json = serde_json::to_string(&(&diagnostics, &project)).expect("plain data");
            let shown = format!("{}{as_json}{project:?}", render(&diagnostics, false));
            prop_assert!(!shown.contains("hunter2"), "{}\n{}", text, shown);
        }
    }
}

proptest! {
    #[test]
    fn a_secret_is_never_shown_whatever_stands_around_it(
        before in any_datafile(),
        directive in prop::sample::select(vec!["KAFKA_SECRET", "kafka_secret", "KAFKA_SECERT", "KAFKA_PASSWORD", "KAFKA_SECRET:", "KAFKA_SECRET=", "KAFKA_PASSWORD=", "# KAFKA_SECRET", "  KAFKA_SECRET", "PG_PASSWORD", "KAFKA_SCHEMA_REGISTRY_URL", "KAFKA_SCHEMA_REGISTRY_PASSWORD", "KAFKA_SCHEMA_REGISTRY_TOKEN", "KAFKA_SCHEMA_REGISTRY_OAUTH_CLIENT_SECRET", "KAFKA_SCHEMA_REGISTRY_PRIVATE_KEY_PEM", "KAFKA_SCHEMA_REGISTRY_AWS_SECRET_KEY", "KAFKA_SCHEMA_REGISTRY_PASWORD"]),
        value in prop::sample::select(vec!["hunter2", "\"hunter2", "a#hunter2", "'hunter2' hunter2", "{{ tb_secret(\"A\", \"hunter2\") }}", "{{hunter2", ">\n  hunter2"]),
        after in any_datafile(),
    ) {
        let space = if directive.ends_with('=') { "" } else { " " };
        let text = format!("{before}\n{directive}{space}{value}\n{after}");
        // A block that a comment opens is no block: nothing says that its lines are secret.
        prop_assume!(!(directive.starts_with('#') && value.starts_with('>')));
        for path in ["a.connection", "a.datasource"] {
            let (project, diagnostics) = validate(&parse(&[file(path, &text)]));
            let as_json = serde_json::to_string(&diagnostics).expect("plain data");
            let shown = format!("{}{as_json}{project:?}", render(&diagnostics, false));
            prop_assert!(!shown.contains("hunter2"), "{}\n{}", text, shown);
        }
    }
}

fn any_column() -> impl Strategy<Value = Column> {
    let types = prop::sample::select(vec!["Int8", "String", "Array(String)"]);
    (prop::sample::select(vec!["a", "b", "c", "d", "e"]), types, prop::option::of(Just("1".to_owned())))
        .prop_map(|(name, column_type, default)| Column {
            name: name.to_owned(),
            column_type: ColumnType::parse(column_type).expect("a type"),
            path: Path::of_field(name),
            default,
            codec: None,
        })
}

fn any_registry() -> impl Strategy<Value = SchemaRegistry> {
    let secret = || prop::option::of(Just(Text::literal("hunter2")));
    let kind = prop::sample::select(vec![RegistryKind::Confluent, RegistryKind::Glue, RegistryKind::Azure]);
    let url =
        prop::sample::select(vec!["https://u:hunter2@a", "https://u:hunter2@b"]).prop_map(Text::literal);
    (kind, url, secret(), secret(), secret(), any::<bool>(), secret()).prop_map(
        |(kind, url, password, token, private_key_pem, has_oauth, secret_key)| SchemaRegistry {
            kind,
            url: Some(url),
            user: password.as_ref().map(|_| Text::literal("user")),
            password,
            token,
            oauth: has_oauth.then(|| OauthClient {
                token_url: Text::literal("https://login"),
                client_id: Text::literal("forebay"),
                client_secret: Text::literal("hunter2"),
                scope: None,
            }),
            logical_cluster: None,
            identity_pool_id: None,
            ca_pem: None,
            certificate_pem: None,
            private_key_pem,
            aws: secret_key.map(|secret_key| AwsAccess {
                region: Text::literal("eu-west-1"),
                access_key: None,
                secret_key: Some(secret_key),
                role_arn: None,
                external_id: None,
            }),
        },
    )
}

fn any_format() -> impl Strategy<Value = RecordFormat> {
    let format = prop::sample::select(vec![Format::JsonWithoutSchema, Format::Avro, Format::Protobuf]);
    let framing = prop::sample::select(vec![Framing::Auto, Framing::Confluent, Framing::None]);
    let text = prop::option::of(prop::sample::select(vec!["{}", "{ }"]));
    (format, framing, text, any::<bool>(), any::<bool>()).prop_map(
        |(format, framing, text, unroll, validate)| RecordFormat {
            format,
            framing,
            schema: text.map(|text| SchemaLocation::File {
                path: "a.avsc".to_owned(),
                text: text.to_owned(),
                others: Vec::new(),
            }),
            message: unroll.then(|| "a.B".to_owned()),
            unroll,
            validate,
        },
    )
}

fn any_connection(name: &'static str) -> impl Strategy<Value = KafkaConnection> {
    let servers = prop::sample::select(vec!["a:1", "b:1"]);
    let password = prop::option::of(Just(Text::literal("hunter2")));
    (servers, password, prop::option::of(any_registry())).prop_map(move |(servers, password, registry)| {
        KafkaConnection {
            name: name.to_owned(),
            bootstrap_servers: Text::literal(servers),
            security_protocol: SecurityProtocol::SaslSsl,
            sasl_mechanism: None,
            user: None,
            password,
            ca_pem: None,
            registry,
        }
    })
}

fn any_kafka() -> impl Strategy<Value = KafkaSource> {
    let topic = prop::sample::select(vec!["t", "u"]);
    let tombstones = prop::sample::select(vec![Tombstones::Quarantine, Tombstones::Skip, Tombstones::Delete]);
    let flags = (any::<bool>(), any::<bool>());
    (any_connection("main"), topic, flags, any_format(), any_format(), tombstones).prop_map(
        |(connection, topic, (store_headers, automatic_columns), value, key, tombstones)| KafkaSource {
            connection,
            topic: Text::literal(topic),
            group_id: Text::literal("g"),
            auto_offset_reset: OffsetReset::Latest,
            store_raw_value: false,
            store_headers,
            value,
            key,
            tombstones,
            automatic_columns,
        },
    )
}

fn any_datasource(name: &'static str) -> impl Strategy<Value = Datasource> {
    let columns = prop::collection::vec(any_column(), 1..5).prop_map(|mut columns| {
        let mut seen = std::collections::HashSet::new();
        columns.retain(|column| seen.insert(column.name.clone()));
        columns
    });
    let index =
        Index { name: "i".into(), expression: "a".into(), index_type: "minmax".into(), granularity: None };
    let indexes = prop::sample::select(vec![vec![], vec![index]]);
    let description = prop::option::of(Just("text".to_owned()));
    (columns, indexes, description, prop::option::of(any_kafka()), prop::option::of(Just("a".to_owned())))
        .prop_map(move |(columns, indexes, description, kafka, ttl)| Datasource {
            name: name.to_owned(),
            description,
            columns,
            indexes,
            engine: Engine { ttl, ..Engine::default() },
            kafka,
        })
}

fn any_project() -> impl Strategy<Value = Project> {
    let connections = (prop::option::of(any_connection("main")), prop::option::of(any_connection("other")));
    let datasources =
        (prop::option::of(any_datasource("flights")), prop::option::of(any_datasource("delays")));
    (connections, datasources).prop_map(|((main, other), (flights, delays))| Project {
        connections: main.into_iter().chain(other).map(|c| (c.name.clone(), c)).collect(),
        datasources: flights.into_iter().chain(delays).map(|d| (d.name.clone(), d)).collect(),
    })
}

proptest! {
    #[test]
    fn the_plan_from_a_project_to_itself_is_empty(project in any_project()) {
        prop_assert_eq!(plan(&project, &project), Plan::default());
    }

    #[test]
    fn taking_the_steps_of_a_plan_gives_the_wanted_project(from in any_project(), to in any_project()) {
        let steps = plan(&from, &to);
        prop_assert_eq!(apply(&from, &steps), to.clone());
        prop_assert_eq!(steps.is_empty(), from == to);
        let shown = format!("{steps}{}{steps:?}", serde_json::to_string(&steps).expect("plain data"));
        prop_assert!(!shown.contains("hunter2"), "{}", shown);
    }
}

fn project(connection: &str, datasource: &str) -> Project {
    let files = [file("main.connection", connection), file("flights.datasource", datasource)];
    let (project, diagnostics) = validate(&parse(&files));
    project.unwrap_or_else(|| panic!("{}", render(&diagnostics, false)))
}

const CONNECTION: &str = "TYPE kafka\nKAFKA_BOOTSTRAP_SERVERS a:9092\nKAFKA_KEY user\nKAFKA_SECRET one\n";
const DATASOURCE: &str = "SCHEMA >
    carrier String,
    distance UInt32

ENGINE_SORTING_KEY carrier
KAFKA_CONNECTION_NAME main
KAFKA_TOPIC flights
KAFKA_GROUP_ID forebay_flights
";

#[test]
fn a_plan_reads_well() {
    let changed = DATASOURCE
        .replace("carrier String", "carrier LowCardinality(String),\n    origin String DEFAULT 'JFK'")
        .replace("KEY carrier", "KEY carrier, distance")
        .replace("KAFKA_TOPIC flights", "KAFKA_TOPIC flights_2");
    let from = project(CONNECTION, DATASOURCE);
    let to = project(&CONNECTION.replace("one", "two"), &changed);
    let created = plan(&Project::default(), &from);
    let updated = plan(&from, &to);
    let registry = "KAFKA_SCHEMA_REGISTRY_URL https://u:hunter2@registry/subjects/flights-value\n";
    let avro = format!("{changed}KAFKA_VALUE_FORMAT avro\nKAFKA_AUTOMATIC_COLUMNS False\n");
    let read_as_avro = plan(&to, &project(&format!("{}{registry}", CONNECTION.replace("one", "two")), &avro));
    let dropped = plan(&from, &Project::default());
    let same = plan(&from, &from);
    insta::assert_snapshot!(format!("{created}\n{updated}\n{read_as_avro}\n{dropped}\n{same}"));
}

/// Settings that a data source reads Avro with, from a file.
const AVRO: &str = "KAFKA_VALUE_FORMAT avro\nKAFKA_VALUE_SCHEMA schemas/flight.avsc\n";

#[test]
fn a_changed_schema_file_restarts_its_readers_and_nobody_else() {
    let with_schema = |text: &str, other: &str| {
        let files = [
            file("main.connection", CONNECTION),
            file("flights.datasource", &format!("{DATASOURCE}{AVRO}")),
            file("plain.datasource", &DATASOURCE.replace("forebay_flights", "plain")),
            file("schemas/flight.avsc", text),
            file("schemas/other.avsc", other),
        ];
        let (project, diagnostics) = validate(&parse(&files));
        project.unwrap_or_else(|| panic!("{}", render(&diagnostics, false)))
    };
    let from = with_schema("\"string\"", "\"int\"");
    for to in [with_schema("\"long\"", "\"int\""), with_schema("\"string\"", "\"long\"")] {
        let steps = plan(&from, &to).steps;
        assert!(
            matches!(&steps[..], [Step::ChangeKafka { datasource, settings, .. }]
                if datasource == "flights" && settings == &["KAFKA_VALUE_SCHEMA"]),
            "{steps:?}"
        );
        assert_eq!(steps[0].verdict(), Verdict::RestartsConsumer);
    }
}

#[test]
fn the_files_that_a_file_names_are_known_before_they_are_read() {
    let naming = file(
        "tables/a.datasource",
        "INCLUDE \"../x.incl\"\nKAFKA_VALUE_SCHEMA flight.avsc\nKAFKA_KEY_SCHEMA /subjects/flights-key\n",
    );
    assert_eq!(included_paths(&naming), ["x.incl", "tables/flight.avsc", "flight.avsc"]);
    let at_the_root = file("a.datasource", "KAFKA_KEY_SCHEMA ./schemas/../key.json\n");
    assert_eq!(included_paths(&at_the_root), ["key.json"]);
    assert_eq!(included_paths(&file("a.proto", "INCLUDE \"b.incl\"")), Vec::<String>::new());
    let schema =
        r##"{"a": {"$ref": "plane.json#/x"}, "b": [{"$ref": "#/a"}, {"$ref": "https://x/y.json"}]}"##;
    assert_eq!(included_paths(&file("schemas/flight.json", schema)), ["schemas/plane.json", "plane.json"]);
    for (path, belongs) in [
        ("a.datasource", true),
        ("b/a.proto", true),
        ("a.avsc", true),
        ("package.json", false),
        ("a.txt", false),
    ] {
        assert_eq!(is_project_file(path), belongs, "{path}");
    }
}

#[test]
fn a_schema_file_is_not_read_as_a_datafile() {
    let files = [file("a.proto", "SCHEMA >\n nonsense"), file("b.avsc", "KAFKA_SECRET"), file("c.json", "{")];
    let (project, diagnostics) = validate(&parse(&files));
    assert_eq!((project, diagnostics), (Some(Project::default()), Vec::new()));
}

#[test]
fn steps_that_would_harm_rows_are_refused_or_marked() {
    let from = project(CONNECTION, DATASOURCE);
    let verdicts = |to: &Project| plan(&from, to).steps.iter().map(Step::verdict).collect::<Vec<_>>();
    let added = project(CONNECTION, &DATASOURCE.replace("UInt32", "UInt32,\n    origin String"));
    assert_eq!(verdicts(&added), [Verdict::Safe]);
    let retyped = project(CONNECTION, &DATASOURCE.replace("UInt32", "Int64"));
    assert!(matches!(verdicts(&retyped)[..], [Verdict::Refused { .. }]));
    assert_eq!(plan(&from, &retyped).refused().count(), 1);
    assert!(verdicts(&Project::default()).contains(&Verdict::LosesRows));
}
