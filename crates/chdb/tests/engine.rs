//! The safe surface on the real library, in one process on one directory.

mod support;

use forebay_chdb::{Engine, ErrorKind, Library, Options, StatementClass};
use std::{sync::OnceLock, thread};

fn engine() -> Engine {
    static ENGINE: OnceLock<(Engine, tempfile::TempDir)> = OnceLock::new();
    let (engine, _) = ENGINE.get_or_init(|| {
        let library = Library::load(&support::library_path()).expect("the pinned library");
        let directory = tempfile::tempdir().expect("a directory");
        let engine = Engine::open(&library, directory.path()).expect("an engine");
        (engine, directory)
    });
    engine.clone()
}

fn text(sql: &str) -> String {
    let bytes = engine().query(sql, "TSV").unwrap_or_else(|error| panic!("{sql}: {error}")).bytes;
    String::from_utf8(bytes).expect("text").trim_end().to_owned()
}

#[test]
fn a_statement_answers_in_the_format_asked_for() {
    assert_eq!(text("SELECT 1 + 1, 'a'"), "2\ta");
    let output = engine().query("SELECT 1 AS one", "JSONEachRow").unwrap();
    assert_eq!(output.bytes, b"{\"one\":1}\n");
    assert!(engine().version().unwrap().starts_with("26."));
}

#[test]
fn the_library_says_its_version() {
    let library = Library::load(&support::library_path()).unwrap();
    assert_eq!(library.version(), "26.7.3");
}

#[test]
fn a_refused_statement_carries_the_engines_code() {
    let error = engine().query("SELECT * FROM nowhere", "TSV").unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::Statement, Some(60)));
    assert!(error.message.starts_with("Unknown table expression identifier"), "{error}");
}

#[test]
fn parameters_are_bound_not_pasted() {
    let parameters = [("text", "it's; DROP"), ("number", "7")];
    let output = engine()
        .query_with_params("SELECT {text:String}, {number:UInt8} + 1", "TSVRaw", &parameters)
        .unwrap();
    assert_eq!(output.bytes, b"it's; DROP\t8\n");
    let error = engine().query_with_params("SELECT {missing:UInt8}", "TSV", &[]).unwrap_err();
    assert_eq!(error.code, Some(456));
}

#[test]
fn figures_of_a_query_are_those_of_the_tables_it_read() {
    text("CREATE TABLE figures (n UInt64) ENGINE = MergeTree ORDER BY n");
    let written = engine().query("INSERT INTO figures SELECT * FROM numbers(1000)", "TSV").unwrap();
    assert_eq!(written.rows_written, 1000);
    let output = engine().query("SELECT sum(n) FROM figures", "TSV").unwrap();
    assert_eq!((output.rows_read, output.bytes_read), (1000, 8000));
}

#[test]
fn a_stream_hands_out_every_row_once() {
    let stream = engine().stream("SELECT number FROM numbers(300000)", "RowBinary").unwrap();
    let chunks: Vec<Vec<u8>> = stream.collect::<Result<_, _>>().unwrap();
    assert!(chunks.len() > 1, "{} chunks", chunks.len());
    let bytes = chunks.concat();
    let numbers = bytes.chunks_exact(8).map(|number| u64::from_le_bytes(number.try_into().unwrap()));
    assert!(numbers.eq(0..300_000));
}

#[test]
fn a_stream_dropped_early_leaves_the_engine_usable() {
    for _ in 0..40 {
        let mut stream = engine().stream("SELECT number FROM numbers(10000000)", "TSV").unwrap();
        assert!(stream.next().unwrap().is_ok());
    }
    assert_eq!(text("SELECT 1"), "1");
}

#[test]
fn a_stream_that_fails_half_way_says_so_and_ends() {
    let sql =
        "SELECT throwIf(number = 200000, 'half way') FROM numbers(300000) SETTINGS max_block_size = 1000";
    let stream = engine().stream(sql, "TSV").unwrap();
    let outcomes: Vec<_> = stream.collect();
    let error = outcomes.last().unwrap().as_ref().unwrap_err();
    assert_eq!(error.code, Some(395));
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_err()).count(), 1);
}

#[test]
fn an_insert_takes_its_data_cut_anywhere() {
    text("CREATE TABLE cut (a UInt32, b String) ENGINE = MergeTree ORDER BY a");
    let rows: String = (0..1000).map(|n| format!("{n}\tvalue {n}\n")).collect();
    let mut insert = engine().insert("INSERT INTO cut (a, b)", "TSV").unwrap();
    for piece in rows.as_bytes().chunks(7) {
        insert.append(piece).unwrap();
    }
    assert_eq!(insert.finish().unwrap(), 1000);
    assert_eq!(text("SELECT count(), sum(a), any(b) FROM cut WHERE a = 999 OR a = 999"), "1\t999\tvalue 999");
    assert_eq!(text("SELECT count(), sum(a) FROM cut"), "1000\t499500");
}

#[test]
fn an_insert_dropped_without_its_end_writes_nothing() {
    text("CREATE TABLE dropped (a UInt32) ENGINE = MergeTree ORDER BY a");
    let mut insert = engine().insert("INSERT INTO dropped (a)", "TSV").unwrap();
    insert.append(b"1\n2\n").unwrap();
    drop(insert);
    assert_eq!(text("SELECT count() FROM dropped"), "0");
}

#[test]
fn an_insert_of_bad_data_is_an_error() {
    text("CREATE TABLE bad (a UInt32) ENGINE = MergeTree ORDER BY a");
    let mut insert = engine().insert("INSERT INTO bad (a)", "TSV").unwrap();
    let appended = insert.append(b"1\nno number\n");
    let error = appended.and_then(|()| insert.finish()).unwrap_err();
    assert_eq!(error.code, Some(27), "{error}");
    assert_eq!(text("SELECT count() FROM bad"), "0");
}

#[test]
fn an_insert_into_a_missing_table_is_an_error() {
    let outcome =
        engine().insert("INSERT INTO nowhere (a)", "TSV").and_then(forebay_chdb::InsertStream::finish);
    assert_eq!(outcome.unwrap_err().code, Some(60));
}

#[test]
fn the_same_token_inserts_once() {
    text(
        "CREATE TABLE once (a UInt32) ENGINE = MergeTree ORDER BY a \
         SETTINGS non_replicated_deduplication_window = 100",
    );
    for _ in 0..3 {
        let sql = "INSERT INTO once (a) SETTINGS async_insert = 0, insert_deduplication_token = 't'";
        let mut insert = engine().insert(sql, "TSV").unwrap();
        insert.append(b"1\n2\n").unwrap();
        insert.finish().unwrap();
    }
    assert_eq!(text("SELECT count() FROM once"), "2");
}

#[test]
fn a_session_setting_does_not_reach_later_statements() {
    for _ in 0..20 {
        text("SET max_block_size = 4321");
        assert_ne!(text("SELECT getSetting('max_block_size')"), "4321");
    }
}

#[test]
fn statements_are_classified_without_running() {
    let classify = |sql| engine().classify(sql).unwrap();
    assert_eq!(classify("SELECT 1"), StatementClass::ReadOnly);
    assert_eq!(classify("SHOW TABLES"), StatementClass::ReadOnly);
    assert_eq!(classify("DROP TABLE nowhere"), StatementClass::Mutating);
    assert_eq!(classify("SYSTEM SHUTDOWN"), StatementClass::Control);
    assert_eq!(classify("SELECT 1 INTO OUTFILE 'x'"), StatementClass::Control);
    assert_eq!(classify("SELEC 1"), StatementClass::Unknown);
}

#[test]
fn many_threads_share_the_engine() {
    let sums: Vec<String> = thread::scope(|scope| {
        let threads: Vec<_> = (0..40)
            .map(|n| scope.spawn(move || text(&format!("SELECT sum(number) + {n} FROM numbers(1000)"))))
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("a sum")).collect()
    });
    let expected: Vec<String> = (0..40).map(|n| (499_500 + n).to_string()).collect();
    assert_eq!(sums, expected);
}

#[test]
fn the_same_directory_gives_the_running_engine_and_another_is_refused() {
    let library = Library::load(&support::library_path()).unwrap();
    let running = engine();
    let again = Engine::open_with(&library, running.data_dir(), &Options::default()).unwrap();
    assert_eq!(again.query("SELECT 5", "TSV").unwrap().bytes, b"5\n");
    let other = tempfile::tempdir().unwrap();
    let error = Engine::open(&library, other.path()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::OtherDirectory);
    assert!(error.message.contains(&*other.path().to_string_lossy()), "{error}");
    assert_eq!(std::fs::read_dir(other.path()).unwrap().count(), 0);
}
