//! Tables made from data sources, and existing tables brought to what the file says.

mod clickhouse_support;

use clickhouse_support::{engine, text};
use forebay_connectors::clickhouse::{
    Change, EmbeddedDestination,
    ddl::{TableDefinition, TableOptions},
};
use forebay_ingest::error::{Error, Kind};
use forebay_project::{
    column_type::ColumnType,
    model::{Column, Datasource, Engine, EngineKind, Index, Path, PathStep},
};
use forebay_testkit::unique;

fn column(name: &str, column_type: &str) -> Column {
    Column {
        name: name.to_owned(),
        column_type: ColumnType::parse(column_type).expect("a type"),
        path: Path::Document(vec![PathStep::Field(name.to_owned())]),
        default: None,
        codec: None,
    }
}

fn with_default(name: &str, column_type: &str, default: &str) -> Column {
    Column { default: Some(default.to_owned()), ..column(name, column_type) }
}

fn datasource(columns: Vec<Column>) -> Datasource {
    Datasource {
        name: "flights".to_owned(),
        description: None,
        columns,
        indexes: Vec::new(),
        engine: Engine { sorting_key: Some("id".to_owned()), ..Engine::default() },
        kafka: None,
    }
}

fn open(workspace: &str, datasource: &Datasource) -> Result<Vec<Change>, Error> {
    let (_, changes) = EmbeddedDestination::open(&engine(), workspace, datasource, TableOptions::default())?;
    Ok(changes)
}

fn refusal(workspace: &str, datasource: &Datasource) -> Error {
    let error = open(workspace, datasource).expect_err("a refusal");
    assert_eq!(error.kind, Kind::Invalid, "{error}");
    error
}

fn full_datasource() -> Datasource {
    let mut full = datasource(vec![
        column("id", "UInt64"),
        column("when it was", "DateTime64(3, 'Asia/Tokyo')"),
        with_default("carrier", "LowCardinality(String)", "'none'"),
        column("state", "Enum8('new' = 1, 'it\\'s' = 2)"),
        Column { codec: Some("(ZSTD(3))".to_owned()), ..column("price", "Decimal(9, 2)") },
        column("tags", "Array(LowCardinality(String))"),
        column("version", "UInt32"),
    ]);
    full.description = Some("all of the flights' rows".to_owned());
    full.indexes = vec![Index {
        name: "by price".to_owned(),
        expression: "price".to_owned(),
        index_type: "minmax".to_owned(),
        granularity: Some(4),
    }];
    full.engine = Engine {
        kind: EngineKind::ReplacingMergeTree { version: Some("version".to_owned()), is_deleted: None },
        partition_key: Some("toYYYYMM(`when it was`)".to_owned()),
        sorting_key: Some("id, cityHash64(carrier)".to_owned()),
        primary_key: Some("id".to_owned()),
        sampling_key: None,
        ttl: Some("toDateTime(`when it was`) + toIntervalDay(90)".to_owned()),
        settings: Some("index_granularity = 4096, non_replicated_deduplication_window = 5000".to_owned()),
    };
    full
}

#[test]
fn the_statement_says_all_of_the_file() {
    let definition = TableDefinition::landing(&full_datasource(), TableOptions::default()).unwrap();
    insta::assert_snapshot!(definition.create("w", "flights"), @r"
    CREATE TABLE `w`.`flights` (
        `id` UInt64,
        `when it was` DateTime64(3, 'Asia/Tokyo'),
        `carrier` LowCardinality(String) DEFAULT 'none',
        `state` Enum8('new' = 1, 'it\'s' = 2),
        `price` Decimal(9, 2) CODEC(ZSTD(3)),
        `tags` Array(LowCardinality(String)),
        `version` UInt32,
        INDEX `by price` price TYPE minmax GRANULARITY 4
    )
    ENGINE = ReplacingMergeTree(`version`)
    PARTITION BY (toYYYYMM(`when it was`))
    PRIMARY KEY (id)
    ORDER BY (id, cityHash64(carrier))
    TTL toDateTime(`when it was`) + toIntervalDay(90)
    SETTINGS index_granularity = 4096, non_replicated_deduplication_window = 5000, fsync_after_insert = 1, fsync_part_directory = 1, min_bytes_for_wide_part = 134217728
    COMMENT 'all of the flights\' rows'
    ");
}

#[test]
fn types_that_the_engine_spells_in_its_own_way_are_found_again_unchanged() {
    let types = [
        "JSON(max_dynamic_paths = 8, a.b UInt32, SKIP c, SKIP REGEXP 'd.*')",
        "Nullable(JSON)",
        "Variant(UInt8, String, Array(JSON))",
        "Variant(Int64, UInt64, Float64)",
        "Array(Dynamic(max_types = 4))",
        "SimpleAggregateFunction(groupArrayArray, Array(UInt8))",
        "Map(String, Tuple(p Point, q MultiPolygon))",
        "Tuple(Int256, UInt128, Decimal(76, 10), BFloat16, Time, Time64(3))",
    ];
    let columns = types.iter().enumerate().map(|(index, text)| column(&format!("c{index}"), text));
    let datasource = datasource([column("id", "UInt64")].into_iter().chain(columns).collect());
    let workspace = unique("w");
    assert_eq!(open(&workspace, &datasource).unwrap(), [Change::Created]);
    assert_eq!(open(&workspace, &datasource).unwrap(), []);
}

#[test]
fn the_engine_makes_the_table_and_finds_it_again_unchanged() {
    let workspace = unique("w");
    assert_eq!(open(&workspace, &full_datasource()).unwrap(), [Change::Created]);
    assert_eq!(open(&workspace, &full_datasource()).unwrap(), []);
    let tables =
        text(&format!("SELECT name FROM system.tables WHERE database = '{workspace}' ORDER BY name"));
    assert_eq!(tables, "flights\nflights_quarantine");
    let left = text(&format!("SELECT count() FROM system.tables WHERE startsWith(name, '{workspace}.')"));
    assert_eq!(left, "0", "tables made for comparison are gone");
}

#[test]
fn every_engine_of_the_language_is_made() {
    let name = |name: &str| name.to_owned();
    let kinds = [
        EngineKind::MergeTree,
        EngineKind::ReplacingMergeTree { version: None, is_deleted: None },
        EngineKind::ReplacingMergeTree { version: Some(name("v")), is_deleted: Some(name("deleted")) },
        EngineKind::SummingMergeTree { columns: vec![] },
        EngineKind::SummingMergeTree { columns: vec![name("v"), name("w")] },
        EngineKind::AggregatingMergeTree,
        EngineKind::CollapsingMergeTree { sign: name("sign") },
        EngineKind::VersionedCollapsingMergeTree { sign: name("sign"), version: name("v") },
        EngineKind::Null,
    ];
    for kind in kinds {
        let workspace = unique("w");
        let columns = ["id UInt64", "v UInt32", "w UInt32", "sign Int8", "deleted UInt8"];
        let columns = columns.map(|text| text.split_once(' ').map(|(name, of)| column(name, of)).unwrap());
        let mut datasource = datasource(columns.to_vec());
        datasource.engine.kind = kind.clone();
        assert_eq!(open(&workspace, &datasource).unwrap(), [Change::Created], "{kind:?}");
        assert_eq!(open(&workspace, &datasource).unwrap(), [], "{kind:?}");
    }
}

#[test]
fn low_cardinality_of_numbers_and_dates_is_made() {
    let types = ["LowCardinality(UInt8)", "LowCardinality(Date)", "LowCardinality(Nullable(DateTime))"];
    let named =
        types.iter().enumerate().map(|(index, column_type)| column(&format!("c{index}"), column_type));
    let datasource = datasource([column("id", "UInt64")].into_iter().chain(named).collect());
    let workspace = unique("low");
    open(&workspace, &datasource).unwrap();
    assert_eq!(open(&workspace, &datasource).unwrap(), [], "and found again unchanged");
}

#[test]
fn a_new_column_is_added_at_its_place() {
    let workspace = unique("w");
    open(&workspace, &datasource(vec![column("id", "UInt64"), column("z", "String")])).unwrap();
    let wider = datasource(vec![
        column("first", "UInt8"),
        column("id", "UInt64"),
        with_default("middle", "Array(String)", "['a']"),
        column("z", "String"),
    ]);
    let added = |name: &str| Change::ColumnAdded(name.to_owned());
    assert_eq!(open(&workspace, &wider).unwrap(), [added("first"), added("middle")]);
    let columns = text(&format!(
        "SELECT groupArray(name) FROM system.columns WHERE database = '{workspace}' AND table = 'flights'"
    ));
    assert_eq!(columns, "['first','id','middle','z']");
    assert_eq!(open(&workspace, &wider).unwrap(), []);
}

#[test]
fn a_column_that_is_not_in_the_file_is_left_alone() {
    let workspace = unique("w");
    open(&workspace, &datasource(vec![column("id", "UInt64"), column("old", "String")])).unwrap();
    let changes = open(&workspace, &datasource(vec![column("id", "UInt64")])).unwrap();
    assert_eq!(changes, [Change::ColumnLeft("old".to_owned())]);
}

#[test]
fn a_changed_default_counts_from_now_on() {
    let workspace = unique("w");
    open(&workspace, &datasource(vec![column("id", "UInt64"), with_default("v", "UInt8", "1")])).unwrap();
    let changed = datasource(vec![column("id", "UInt64"), with_default("v", "UInt8", "id + 1")]);
    assert_eq!(open(&workspace, &changed).unwrap(), [Change::DefaultChanged("v".to_owned())]);
    assert_eq!(open(&workspace, &changed).unwrap(), []);
    let removed = datasource(vec![column("id", "UInt64"), column("v", "UInt8")]);
    assert_eq!(open(&workspace, &removed).unwrap(), [Change::DefaultChanged("v".to_owned())]);
    assert_eq!(open(&workspace, &removed).unwrap(), []);
}

#[test]
fn other_column_types_and_keys_are_refused_with_both_sides() {
    let workspace = unique("w");
    open(&workspace, &datasource(vec![column("id", "UInt64"), column("v", "String")])).unwrap();
    let mut other =
        datasource(vec![column("id", "UInt64"), column("v", "Nullable(UInt8)"), column("new", "UInt8")]);
    other.engine.sorting_key = Some("(id, new)".to_owned());
    other.engine.partition_key = Some("id % 10".to_owned());
    let error = refusal(&workspace, &other);
    insta::assert_snapshot!(error.to_string(), @r#"data source "flights": column "v" is String in the table and Nullable(UInt8) in the file; ENGINE_PARTITION_KEY is nothing in the table and id % 10 in the file; ENGINE_PRIMARY_KEY is id in the table and id, new in the file; ENGINE_SORTING_KEY is id in the table and id, new in the file"#);
    let columns = text(&format!(
        "SELECT groupArray(name) FROM system.columns WHERE database = '{workspace}' AND table = 'flights'"
    ));
    assert_eq!(columns, "['id','v']", "nothing was changed");
}

#[test]
fn spelling_is_not_a_difference() {
    let workspace = unique("w");
    engine().query(&format!("CREATE DATABASE {workspace}"), "TSV").unwrap();
    text(&format!(
        "CREATE TABLE {workspace}.flights (id UInt64, d Decimal32(2), e Enum('a'=1,'b'=2), t DateTime('UTC')) \
         ENGINE = MergeTree() ORDER BY id PARTITION BY id % 10"
    ));
    let mut same = datasource(vec![
        column("id", "UInt64"),
        column("d", "Decimal(9,2)"),
        column("e", "Enum8('a' = 1, 'b' = 2)"),
        column("t", "DateTime('UTC')"),
    ]);
    same.engine.sorting_key = Some("(id)".to_owned());
    same.engine.partition_key = Some("id%10".to_owned());
    let setting = |name: &str| Change::SettingChanged(name.to_owned());
    let expected = [
        "non_replicated_deduplication_window",
        "fsync_after_insert",
        "fsync_part_directory",
        "min_bytes_for_wide_part",
    ]
    .map(setting);
    assert_eq!(open(&workspace, &same).unwrap(), expected);
    assert_eq!(open(&workspace, &same).unwrap(), []);
}

#[test]
fn what_the_engine_refuses_names_the_data_source_and_leaves_no_table() {
    let bad_default = datasource(vec![column("id", "UInt64"), with_default("v", "UInt8", "nowhere + 1")]);
    let mut bad_key = datasource(vec![column("id", "UInt64")]);
    bad_key.engine.sorting_key = Some("nothing".to_owned());
    for (datasource, word) in [(bad_default, "nowhere"), (bad_key, "nothing")] {
        let workspace = unique("w");
        let error = refusal(&workspace, &datasource);
        assert_eq!(error.fact, "data source \"flights\": the engine refused its table");
        assert!(error.detail.as_deref().unwrap().contains(word), "{error}");
        assert_eq!(text(&format!("SELECT count() FROM system.tables WHERE database = '{workspace}'")), "0");
    }
}

#[test]
fn a_table_without_a_deduplication_window_is_refused() {
    let mut none = datasource(vec![column("id", "UInt64")]);
    none.engine.settings = Some("non_replicated_deduplication_window=0".to_owned());
    let error = refusal(&unique("w"), &none);
    insta::assert_snapshot!(format!("{error}\n{}", error.hint.as_deref().unwrap()), @r#"
    data source "flights": ENGINE_SETTINGS sets non_replicated_deduplication_window = 0, without which retried inserts would double rows
    leave it out (1000 is used then), or give a number above 0
    "#);
}
