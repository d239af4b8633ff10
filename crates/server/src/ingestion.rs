//! Runs the loop of every data source, each on its own, and starts it again after errors that can heal.

use crate::registries::Registries;
use forebay_connectors::{
    clickhouse::{Change, EmbeddedDestination, ddl::TableOptions},
    kafka::{ConsumerSettings, KafkaSource},
};
use forebay_ingest::{
    decode::{Formats, RowDecoder},
    error::{Error, Kind, Retry},
    group::Writer,
    memory::Account,
    pacing::FlushSettings,
    progress::{Progress, State},
    retry::Backoff,
    run::Ingest,
    target::filled_columns,
};
use forebay_project::model::{Datasource, Project};
use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    select,
    task::{JoinSet, spawn_blocking},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

/// How all data sources of a project are run.
#[derive(Clone, Debug)]
pub(crate) struct IngestionSettings {
    /// Workspace, which is the database.
    pub(crate) workspace: String,
    /// When groups are sealed.
    pub(crate) flush: FlushSettings,
    /// Memory budget over all data sources, bytes.
    pub(crate) memory: usize,
    /// How tables are created.
    pub(crate) tables: TableOptions,
    /// Stable name of this worker in its consumer groups.
    pub(crate) worker: Option<String>,
    /// Where schemas of registries are kept.
    pub(crate) schemas: PathBuf,
}

/// A data source that is being fed.
#[derive(Clone, Debug)]
pub(crate) struct RunningDatasource {
    /// Name of the data source.
    pub(crate) name: String,
    /// Topic it reads.
    pub(crate) topic: String,
    /// Its figures.
    pub(crate) progress: Arc<Progress>,
    /// Its share of the memory budget.
    pub(crate) account: Account,
}

/// All data sources of a project, running.
pub(crate) struct Ingestion {
    datasources: Vec<RunningDatasource>,
    changes: Vec<(String, Change)>,
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

/// How a drain ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DrainOutcome {
    /// Everything read is durable and committed.
    Drained,
    /// These data sources were cut off; their unwritten records are read again at the next start.
    CutOff(Vec<String>),
}

/// A task that was told to stop is waited for this long after it was cut off, for the try in flight.
const WATERLINE: Duration = Duration::from_millis(500);

impl Ingestion {
    /// Creates or checks every table, then starts the loops. Nothing runs if one data source's table cannot be used.
    pub(crate) async fn start(
        project: &Project,
        secret: impl Fn(&str) -> Option<String>,
        engine: &forebay_chdb::Engine,
        settings: &IngestionSettings,
    ) -> Result<Self, Error> {
        let fed: Vec<&Datasource> =
            project.datasources.values().filter(|datasource| datasource.kafka.is_some()).collect();
        let (mut units, mut changes) = (Vec::new(), Vec::new());
        let mut registries = Registries::new(&secret, Some(settings.schemas.clone()));
        for datasource in project.datasources.values() {
            let (destination, made) = open_destination(engine, datasource, settings).await?;
            changes.extend(made.into_iter().map(|change| (datasource.name.clone(), change)));
            if let Some(kafka) = &datasource.kafka {
                let account = Account::share_of(settings.memory, fed.len());
                let consumer = ConsumerSettings::resolve(&datasource.name, kafka, &secret)
                    .map_err(|missing| Error::new(Kind::Invalid, missing.to_string()))?;
                let formats = registries.formats(kafka, &consumer.topic);
                let decoder = decoder(datasource, formats).await.map_err(|error| named(datasource, error))?;
                units.push(Unit::new(destination, decoder, consumer, account, settings));
            }
        }
        Ok(Self::spawn(units, changes))
    }

    fn spawn(units: Vec<Unit>, changes: Vec<(String, Change)>) -> Self {
        let stop = CancellationToken::new();
        let datasources = units.iter().map(Unit::describe).collect();
        let mut tasks = JoinSet::new();
        for unit in units {
            tasks.spawn(unit.supervise(stop.clone()));
        }
        Self { datasources, changes, tasks, stop }
    }

    /// The data sources that are being fed, by name.
    pub(crate) fn datasources(&self) -> &[RunningDatasource] {
        &self.datasources
    }

    /// What was done to which data source's table at the start.
    pub(crate) fn changes(&self) -> &[(String, Change)] {
        &self.changes
    }

    /// Stops reading and waits up to `deadline` until everything read is durable and committed.
    pub(crate) async fn drain(mut self, deadline: Duration) -> DrainOutcome {
        self.stop.cancel();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(deadline, all).await.is_ok() {
            return DrainOutcome::Drained;
        }
        let cut_off = self.datasources.iter().filter(|datasource| !is_finished(datasource));
        let cut_off = cut_off.map(|datasource| datasource.name.clone()).collect();
        self.tasks.abort_all();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        // Aborted tasks end at their next await; one stuck in the engine ends with the process.
        let _ = tokio::time::timeout(WATERLINE, all).await;
        DrainOutcome::CutOff(cut_off)
    }
}

/// Creates or checks the tables of a data source, on a thread that may block.
async fn open_destination(
    engine: &forebay_chdb::Engine,
    datasource: &Datasource,
    settings: &IngestionSettings,
) -> Result<(EmbeddedDestination, Vec<Change>), Error> {
    let (engine, datasource) = (engine.clone(), datasource.clone());
    let (workspace, tables) = (settings.workspace.clone(), settings.tables);
    let opening = spawn_blocking(move || EmbeddedDestination::open(&engine, &workspace, &datasource, tables));
    opening
        .await
        .unwrap_or_else(|panic| Err(Error::new(Kind::Internal, "making a table panicked").caused_by(panic)))
}

async fn decoder(datasource: &Datasource, formats: Result<Formats, Error>) -> Result<RowDecoder, Error> {
    let decoder = RowDecoder::compile(filled_columns(datasource).into(), formats?)?;
    decoder.check_schema_files().await?;
    Ok(decoder)
}

fn named(datasource: &Datasource, mut error: Error) -> Error {
    error.fact = format!("data source {:?}: {}", datasource.name, error.fact);
    error
}

fn is_finished(datasource: &RunningDatasource) -> bool {
    matches!(datasource.progress.figures().state, State::Stopped | State::Failed)
}

/// One data source with everything its loop needs, kept across restarts of the loop.
struct Unit {
    destination: Arc<EmbeddedDestination>,
    decoder: Arc<RowDecoder>,
    consumer: ConsumerSettings,
    workspace: String,
    flush: FlushSettings,
    account: Account,
    progress: Arc<Progress>,
}

impl Unit {
    fn new(
        destination: EmbeddedDestination,
        decoder: RowDecoder,
        mut consumer: ConsumerSettings,
        account: Account,
        settings: &IngestionSettings,
    ) -> Self {
        consumer.prefetch_bytes = consumer.prefetch_bytes.min(account.share() / 8);
        consumer.group_instance_id =
            settings.worker.as_ref().map(|worker| format!("{worker}-{}", consumer.datasource));
        let progress = Arc::<Progress>::default();
        progress.update(|figures| {
            figures.flush_interval_ms = settings.flush.interval.as_millis() as u64;
        });
        Self {
            destination: Arc::new(destination),
            decoder: Arc::new(decoder),
            consumer,
            workspace: settings.workspace.clone(),
            flush: settings.flush,
            account,
            progress,
        }
    }

    fn describe(&self) -> RunningDatasource {
        RunningDatasource {
            name: self.consumer.datasource.clone(),
            topic: self.consumer.topic.clone(),
            progress: self.progress.clone(),
            account: self.account.clone(),
        }
    }

    /// Runs the loop again and again until stopped, or until an error that only a person can mend.
    async fn supervise(self, stop: CancellationToken) {
        let mut backoff = Backoff::default();
        loop {
            let started = Instant::now();
            let Err(error) = self.run_once(&stop).await else {
                break;
            };
            if error.kind.retry() == Retry::Never {
                self.progress.failed(&error, State::Failed);
                return;
            }
            self.progress.failed(&error, State::Retrying);
            if started.elapsed() > Duration::from_secs(60) {
                backoff.reset();
            }
            select! {
                () = stop.cancelled() => break,
                () = sleep(backoff.wait()) => {}
            }
        }
        self.progress.update(|figures| figures.state = State::Stopped);
    }

    async fn run_once(&self, stop: &CancellationToken) -> Result<(), Error> {
        let opening = KafkaSource::open(self.consumer.clone(), self.account.clone(), self.progress.clone());
        let source = select! {
            source = opening => source?,
            () = stop.cancelled() => return Ok(()),
        };
        let writer = Writer {
            workspace: self.workspace.clone(),
            datasource: self.consumer.datasource.clone(),
            topic: format!("{}@{}", self.consumer.topic, source.topic_id()),
        };
        let ingest = Ingest {
            source,
            destination: self.destination.clone(),
            decoder: self.decoder.clone(),
            writer,
            flush: self.flush,
            account: self.account.clone(),
            progress: self.progress.clone(),
            stop: stop.clone(),
        };
        ingest.run().await
    }
}
