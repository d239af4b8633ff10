//! `forebay start`: from the project on disk to a running server, and back to an orderly stop.

use crate::{
    announcer::Announcer,
    check::load_project,
    cli::StartArgs,
    engine_command,
    exit::{Exit, Failure, leave_at_once},
    http,
    ingestion::{DrainOutcome, Ingestion, IngestionSettings},
    monitor::Monitor,
    notices::{Level, Notice},
    screen::Screen,
    secrets::Secrets,
    server_file::{PublishedServer, ServerFile, take_token, take_worker},
    signals::Signals,
    sql::data_dir,
};
use forebay_chdb::{Engine, Reader};
use forebay_connectors::clickhouse::{Change, ddl::TableOptions};
use forebay_ingest::{error::Error, pacing::FlushSettings};
use forebay_project::model::Project;
use std::{
    fs,
    io::{self, Write},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{
    select,
    task::spawn_blocking,
    time::{MissedTickBehavior, interval, timeout},
};

/// From the first signal until everything is durable; with [`CLOSE_DEADLINE`] within the promised 10 seconds.
const DRAIN_DEADLINE: Duration = Duration::from_secs(8);
/// From then until running queries are done and the engine is closed.
const CLOSE_DEADLINE: Duration = Duration::from_millis(1500);
/// Between two looks at the data sources.
const LOOK_PERIOD: Duration = Duration::from_millis(200);
/// Queries of others at a time.
const READERS: usize = 4;
/// Statements of the engine that each data source may have running: rows, quarantine, and a look at the parts.
const STATEMENTS_PER_DATASOURCE: usize = 3;

/// Why the server stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    Signal,
    CaughtUp,
}

/// Everything that is known before anything runs.
struct Plan<'a> {
    args: &'a StartArgs,
    project: Project,
    secrets: Secrets,
    data_dir: PathBuf,
    token: String,
    worker: String,
}

/// Runs the project until it is stopped.
pub(crate) fn run(args: &StartArgs, screen: Screen) -> Result<(), Failure> {
    let project = load_project(&args.dir, screen)?;
    let secrets = Secrets::read(&args.dir, args.env_file.as_deref())?;
    secrets.require_all(&project)?;
    let listener = bind(args)?;
    let data_dir = make_data_dir(&data_dir(&args.dir, args.data_dir.as_ref()))?;
    let engine = engine_command::open(&data_dir, STATEMENTS_PER_DATASOURCE * project.datasources.len() + 1)?;
    let token = take_token(&data_dir, std::env::var("FOREBAY_TOKEN").ok())?;
    let worker = take_worker(&data_dir)?;
    let plan = Plan { args, project, secrets, data_dir, token, worker };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Environment, format!("no threads can be started: {error}")))?;
    let outcome = runtime.block_on(serve(&plan, listener, &engine, screen));
    // What still hangs in a client library must not keep the process.
    runtime.shutdown_background();
    outcome?;
    // Nor may it be met by the exit handlers of the libraries it uses: once that has ended in a corrupted heap.
    let _ = io::stdout().flush();
    leave_at_once(0)
}

async fn serve(
    plan: &Plan<'_>,
    listener: TcpListener,
    engine: &Engine,
    screen: Screen,
) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    let started = select! {
        started = start_ingestion(plan, engine) => started.map(Some),
        () = signals.next() => Ok(None),
    };
    let ingestion = match started {
        Ok(Some(ingestion)) => ingestion,
        nothing_runs => {
            close(engine, None).await;
            return nothing_runs.map(drop).map_err(Failure::from);
        }
    };
    let monitor = Arc::new(Monitor::new(
        plan.args.workspace.clone(),
        plan.args.memory as u64,
        ingestion.datasources().to_vec(),
    ));
    let reader = engine.reader(&plan.args.workspace, READERS);
    let (published, address) = open_http(plan, listener, monitor.clone(), reader.clone())?;
    let mut announcer = Announcer::new(screen);
    announce_start(&mut announcer, plan, address, &ingestion);
    let stop = watch(&monitor, &mut announcer, &mut signals, plan.args.until_caught_up).await;
    announcer.say(&stopping_notice(stop));
    let stopping = stop_all(ingestion, engine, reader);
    let (drained, closed) = select! {
        stopped = stopping => stopped,
        () = signals.next() => interrupt(&mut announcer),
    };
    drop(published);
    announcer.finish(&monitor.report(), &drained);
    let outcome = outcome(&monitor, stop);
    if !closed {
        leave_at_once(outcome.as_ref().err().map_or(0, |failure| failure.exit.code()));
    }
    outcome
}

fn announce_start(announcer: &mut Announcer, plan: &Plan<'_>, address: SocketAddr, ingestion: &Ingestion) {
    announcer.say(&started_notice(plan, &address, ingestion.datasources().len()));
    for (datasource, change) in ingestion.changes() {
        table_notice(datasource, change).iter().for_each(|notice| announcer.say(notice));
    }
}

/// Drains the data sources, then closes the engine; says how the one ended and whether the other did.
async fn stop_all(ingestion: Ingestion, engine: &Engine, reader: Reader) -> (DrainOutcome, bool) {
    let drained = ingestion.drain(DRAIN_DEADLINE).await;
    (drained, close(engine, Some(reader)).await)
}

async fn start_ingestion(plan: &Plan<'_>, engine: &Engine) -> Result<Ingestion, Error> {
    let args = plan.args;
    let settings = IngestionSettings {
        workspace: args.workspace.clone(),
        flush: FlushSettings {
            max_rows: usize::try_from(args.max_batch_rows).unwrap_or(usize::MAX),
            max_bytes: args.max_batch_bytes,
            interval: args.flush_interval,
        },
        memory: args.memory,
        tables: TableOptions { durable: !args.no_durable },
        worker: Some(plan.worker.clone()),
        schemas: plan.data_dir.join("schemas"),
    };
    Ingestion::start(&plan.project, |name| plan.secrets.get(name), engine, &settings).await
}

/// Serves HTTP from now on, and says so in the data directory.
fn open_http(
    plan: &Plan<'_>,
    listener: TcpListener,
    monitor: Arc<Monitor>,
    reader: Reader,
) -> Result<(PublishedServer, SocketAddr), Failure> {
    let unusable = |error: io::Error| {
        Failure::new(Exit::Environment, format!("the HTTP listener cannot be used: {error}"))
    };
    let address = listener.local_addr().map_err(unusable)?;
    let listener = tokio::net::TcpListener::from_std(listener).map_err(unusable)?;
    let router = http::router(monitor, reader, &plan.token, plan.args.listen.is_loopback());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let server = ServerFile { pid: std::process::id(), address: reachable(address), version };
    Ok((server.publish(&plan.data_dir)?, address))
}

/// An address of all interfaces is no address to connect to.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => address.set_ip([127, 0, 0, 1].into()),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => {
            address.set_ip(std::net::Ipv6Addr::LOCALHOST.into());
        }
        _ => {}
    }
    address
}

/// Looks at the data sources until a signal comes, or until all are done when that is what was asked for.
async fn watch(
    monitor: &Monitor,
    announcer: &mut Announcer,
    signals: &mut Signals,
    until_caught_up: bool,
) -> Stop {
    let mut looks = interval(LOOK_PERIOD);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        select! {
            () = signals.next() => return Stop::Signal,
            _ = looks.tick() => {}
        }
        monitor.sample();
        let report = monitor.report();
        announcer.look(&report);
        let done =
            report.datasources.iter().all(|datasource| datasource.caught_up || datasource.state == "failed");
        if until_caught_up && done {
            return Stop::CaughtUp;
        }
    }
}

/// Waits for running queries, then closes the engine. Gives up after a while and tells so: everything durable is so
/// already.
async fn close(engine: &Engine, reader: Option<Reader>) -> bool {
    let engine = engine.clone();
    let closing = spawn_blocking(move || {
        if let Some(reader) = reader {
            reader.close();
        }
        engine.close();
    });
    timeout(CLOSE_DEADLINE, closing).await.is_ok()
}

/// The second signal: leaves at once. What was not committed is read again at the next start.
fn interrupt(announcer: &mut Announcer) -> ! {
    announcer.say(&Notice::info(
        "interrupted",
        "interrupted; records not yet committed are read again at the next start",
    ));
    leave_at_once(Exit::Interrupted.code())
}

/// Fails when nothing worked, or when everything should have been read and was not.
fn outcome(monitor: &Monitor, stop: Stop) -> Result<(), Failure> {
    let report = monitor.report();
    let failed = report.datasources.iter().filter(|datasource| datasource.state == "failed").count();
    let nothing_works = failed > 0 && failed == report.datasources.len();
    if nothing_works || (failed > 0 && stop == Stop::CaughtUp) {
        return Err(Failure::shown(Exit::Errors));
    }
    Ok(())
}

fn started_notice(plan: &Plan<'_>, address: &SocketAddr, fed: usize) -> Notice {
    let noun = if fed == 1 { "data source" } else { "data sources" };
    let version = env!("CARGO_PKG_VERSION");
    let data_dir = plan.data_dir.display();
    Notice::info(
        "started",
        format!(
            "forebay {version} feeds {fed} {noun}, listens on http://{address}, keeps tables in {data_dir}"
        ),
    )
}

/// What was done to a table that existed; a new one is no news.
fn table_notice(datasource: &str, change: &Change) -> Option<Notice> {
    let (level, what) = match change {
        Change::Created => return None,
        Change::ColumnAdded(column) => (Level::Info, format!("column \"{column}\" was added to the table")),
        Change::DefaultChanged(column) => {
            (Level::Info, format!("the DEFAULT of column \"{column}\" was changed for rows to come"))
        }
        Change::SettingChanged(setting) => {
            (Level::Info, format!("setting {setting} of the table was changed"))
        }
        Change::ColumnLeft(column) => (
            Level::Warning,
            format!("column \"{column}\" of the table is not in the file; it stays and gets its DEFAULT"),
        ),
    };
    let text = format!("data source \"{datasource}\": {what}");
    Some(Notice { level, datasource: Some(datasource.to_owned()), ..Notice::info("table-changed", text) })
}

fn stopping_notice(stop: Stop) -> Notice {
    match stop {
        Stop::Signal => Notice::info(
            "stopping",
            "stopping: writing what was read, then committing (a second signal stops at once)",
        ),
        Stop::CaughtUp => Notice::info("stopping", "everything is read: stopping"),
    }
}

fn make_data_dir(data_dir: &Path) -> Result<PathBuf, Failure> {
    fs::create_dir_all(data_dir).and_then(|()| data_dir.canonicalize()).map_err(|error| {
        Failure::new(
            Exit::Environment,
            format!("data directory {} cannot be used: {error}", data_dir.display()),
        )
        .hint("give a directory that may be written, with --data-dir")
    })
}

fn bind(args: &StartArgs) -> Result<TcpListener, Failure> {
    let address = SocketAddr::new(args.listen, args.port);
    let listener = TcpListener::bind(address).map_err(|error| cannot_listen(address, &error))?;
    listener.set_nonblocking(true).map_err(|error| cannot_listen(address, &error))?;
    Ok(listener)
}

fn cannot_listen(address: SocketAddr, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            let holder = http_holder(address).unwrap_or_else(|| "another program".to_owned());
            Failure::new(
                Exit::InUse,
                format!("port {} of {} is in use by {holder}", address.port(), address.ip()),
            )
            .hint("stop it, or choose another port with --port (0 takes any free one)")
        }
        io::ErrorKind::PermissionDenied => {
            Failure::new(Exit::Environment, format!("this user may not listen on port {}", address.port()))
                .hint("choose a port above 1023 with --port")
        }
        _ => Failure::new(Exit::Environment, format!("cannot listen on {address}: {error}"))
            .hint("give an address of this machine with --listen"),
    }
}

/// Names a Forebay that answers at `address`.
fn http_holder(address: SocketAddr) -> Option<String> {
    let config =
        ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(1))).proxy(None).build();
    let url = format!("http://{}/health", reachable(address));
    let text = ureq::Agent::from(config).get(url).call().ok()?.body_mut().read_to_string().ok()?;
    let health: serde_json::Value = serde_json::from_str(&text).ok()?;
    health.get("reasons")?;
    Some(format!("forebay, process {}", health.get("pid")?))
}
