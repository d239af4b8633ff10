//! Laws that hold for every project, however broken.

use forebay_project::column_type::ColumnType;
use forebay_project::model::{
    Column, Datasource, Engine, Index, KafkaConnection, KafkaSource, OffsetReset, Path, Project,
    SecurityProtocol, Text,
};
use forebay_project::plan::{Plan, Step, Verdict, apply, plan};
use forebay_project::{SourceFile, parse, render, validate};
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
        let files = [file("a.datasource", &datasource), file("a.connection", &connection), file("a.incl", &include)];
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
    fn a_secret_is_never_shown_whatever_stands_around_it(
        before in any_datafile(),
        directive in prop::sample::select(vec!["KAFKA_SECRET", "kafka_secret", "KAFKA_SECERT", "KAFKA_PASSWORD", "KAFKA_SECRET:", "KAFKA_SECRET=", "KAFKA_PASSWORD=", "# KAFKA_SECRET", "  KAFKA_SECRET", "PG_PASSWORD"]),
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

fn any_connection(name: &'static str) -> impl Strategy<Value = KafkaConnection> {
    (prop::sample::select(vec!["a:1", "b:1"]), prop::option::of(Just(Text::literal("hunter2")))).prop_map(
        move |(servers, password)| KafkaConnection {
            name: name.to_owned(),
            bootstrap_servers: Text::literal(servers),
            security_protocol: SecurityProtocol::SaslSsl,
            sasl_mechanism: None,
            user: None,
            password,
            ca_pem: None,
        },
    )
}

fn any_kafka() -> impl Strategy<Value = KafkaSource> {
    (any_connection("main"), prop::sample::select(vec!["t", "u"]), any::<bool>()).prop_map(
        |(connection, topic, store_headers)| KafkaSource {
            connection,
            topic: Text::literal(topic),
            group_id: Text::literal("g"),
            auto_offset_reset: OffsetReset::Latest,
            store_raw_value: false,
            store_headers,
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
    let dropped = plan(&from, &Project::default());
    let same = plan(&from, &from);
    insta::assert_snapshot!(format!("{created}\n{updated}\n{dropped}\n{same}"));
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
