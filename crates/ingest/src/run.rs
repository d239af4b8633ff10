//! The loop: one task per data source, two awaits, at most one write in flight while the next group fills.
//!
//! `Source::next` → decode (on blocking threads, in order) → gather → seal → `Destination::write` → commit.
//! Progress moves only on a receipt. An error that cannot heal here ends the loop with nothing unsealed kept:
//! the caller opens the source again, which starts at the committed offsets.

use crate::{
    checkpoint::{Checkpoint, StaleDelta},
    decode::{DecodedBatch, Plans, RowDecoder},
    destination::{Destination, Receipt},
    error::{Error, Kind, Retry},
    group::{OpenGroup, Sealed, Writer},
    intake::{Answer, Charged, Intake, Orders},
    memory::{Account, Charge},
    pacing::{FlushSettings, Pacing},
    progress::{Progress, State, WaitingFigures, epoch_time},
    retry::Backoff,
    source::{Commits, Source, SourceEvent},
};
use std::{collections::VecDeque, sync::Arc, time::Duration};
use tokio::{
    select,
    task::{JoinError, JoinHandle},
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

/// Record batches decoded at once for one data source.
const DECODES_AT_ONCE: usize = 2;

/// How long partitions that are being taken away are held back for a write to finish.
pub const REVOKE_DEADLINE: Duration = Duration::from_secs(30);

/// Everything the loop of one data source needs.
#[derive(Debug)]
pub struct Ingest<S, D> {
    /// Where records come from.
    pub source: S,
    /// Where rows go.
    pub destination: Arc<D>,
    /// How records become rows.
    pub decoder: Arc<RowDecoder>,
    /// Names the writes.
    pub writer: Writer,
    /// When groups are sealed.
    pub flush: FlushSettings,
    /// This data source's share of the memory budget.
    pub account: Account,
    /// What the outside sees.
    pub progress: Arc<Progress>,
    /// Cancelled to stop: everything read is then made durable first.
    pub stop: CancellationToken,
}

impl<S: Source, D: Destination> Ingest<S, D> {
    /// Runs until stopped (`Ok`), or until an error that the loop cannot mend by itself.
    pub async fn run(self) -> Result<(), Error> {
        let mut running = Running::new(self);
        let outcome = running.run().await;
        running.settle().await;
        running.intake.clear();
        running.tell_waiting();
        // The commit handle may keep the source's connection open, so it goes first.
        let Running { ingest, commits, .. } = running;
        drop(commits);
        ingest.source.close().await;
        outcome
    }
}

struct Running<S: Source, D> {
    ingest: Ingest<S, D>,
    commits: S::Commits,
    intake: Intake,
    decodes: VecDeque<JoinHandle<Result<(DecodedBatch, Charge), StaleDelta>>>,
    open: OpenGroup,
    write: Option<JoinHandle<Result<Written, Error>>>,
    abandon: CancellationToken,
    pacing: Pacing,
    /// What has been taken in, durable or not: a batch that overlaps it must not reach a seal.
    gathered: Checkpoint,
}

/// A group that is durable and committed.
struct Written {
    sealed: Sealed,
    receipt: Receipt,
    queryable_ms: i64,
}

impl<S: Source, D: Destination> Running<S, D> {
    fn new(ingest: Ingest<S, D>) -> Self {
        let mut flush = ingest.flush;
        // One group fills while another is written, beside raw records: a quarter of the share each leaves room.
        flush.max_bytes = flush.max_bytes.min(ingest.account.share() / 4).max(1);
        Self {
            commits: ingest.source.commits(),
            intake: Intake::new(ingest.decoder.clone(), ingest.account.clone()),
            ingest,
            decodes: VecDeque::new(),
            open: OpenGroup::default(),
            write: None,
            abandon: CancellationToken::new(),
            pacing: Pacing::new(flush),
            gathered: Checkpoint::default(),
        }
    }

    async fn run(&mut self) -> Result<(), Error> {
        let stop = self.ingest.stop.clone();
        loop {
            self.start_decodes();
            self.steer();
            let (seal_due, next_try) = (self.seal_due(), self.intake.next_try());
            select! {
                biased;
                // A stop is never kept waiting by a busy topic.
                () = stop.cancelled() => {
                    self.intake.clear();
                    return self.drain().await;
                }
                // A finished write frees memory and lets the next one start.
                written = finished(&mut self.write) => self.finish_write(written?)?,
                // Rows at hand come before new records, so that memory is bounded.
                decoded = next_decoded(&mut self.decodes), if !self.full() => self.gather(decoded?)?,
                () = sleep_until(seal_due.unwrap_or_else(Instant::now)), if seal_due.is_some() => self.seal(),
                answer = self.intake.answered() => self.settle_schemas(answer)?,
                () = sleep_until(next_try.unwrap_or_else(Instant::now)), if next_try.is_some() => self.intake.ask_again(),
                event = self.ingest.source.next(), if self.decodes.len() < DECODES_AT_ONCE && self.intake.is_empty() => {
                    let Some(event) = event else { return self.drain().await };
                    self.handle(event?).await?;
                }
            }
        }
    }

    async fn handle(&mut self, event: SourceEvent) -> Result<(), Error> {
        match event {
            SourceEvent::Records { batch, charge } => self.intake.push(batch, charge),
            SourceEvent::Assigned(partitions) => {
                self.ingest.progress.assigned(&partitions);
                self.ingest.progress.recovered();
            }
            SourceEvent::Revoked { partitions, lost, drained } => {
                self.give_up(&partitions, lost).await?;
                drop(drained);
            }
            SourceEvent::Trouble(error) => {
                self.ingest.progress.failed(&error, State::Retrying);
            }
            SourceEvent::Recovered => {
                self.ingest.progress.recovered();
            }
            SourceEvent::Resumed(partitions) => self.intake.resumed(&partitions),
        }
        Ok(())
    }

    /// Stops the source from reading what only waits for a schema, and lets it go back there afterwards.
    fn steer(&mut self) {
        let Orders { pause, resume } = self.intake.take_orders();
        if !pause.is_empty() {
            self.ingest.source.pause(&pause);
        }
        if !resume.is_empty() {
            self.ingest.source.resume(&resume);
        }
        self.tell_waiting();
    }

    fn tell_waiting(&mut self) {
        if let Some(waiting) = self.intake.news() {
            self.ingest.progress.waits(waiting);
        }
    }

    /// Lets go of partitions: drained first, or dropped when they belong to somebody else already.
    async fn give_up(&mut self, partitions: &[i32], lost: bool) -> Result<(), Error> {
        let outcome = if !lost {
            let drained = timeout(REVOKE_DEADLINE, self.drain()).await;
            drained.unwrap_or_else(|_| Err(self.partitions_lost(partitions)))
        } else if self.idle() {
            Ok(())
        } else {
            Err(self.partitions_lost(partitions))
        };
        let is_over = self.intake.forget(partitions);
        self.gathered.forget(partitions);
        self.ingest.progress.revoked(partitions);
        self.tell_waiting();
        if is_over {
            self.ingest.progress.recovered();
        }
        outcome
    }

    /// Whether everything read is durable.
    fn idle(&self) -> bool {
        self.write.is_none() && self.decodes.is_empty() && self.open.is_empty() && self.intake.is_empty()
    }

    fn partitions_lost(&self, partitions: &[i32]) -> Error {
        let datasource = &self.ingest.writer.datasource;
        let fact = format!(
            "data source {datasource:?}: partitions {partitions:?} were given to another consumer before their records were durable"
        );
        Error::new(Kind::Fenced, fact)
            .hint("records not yet written are read again by whoever owns the partitions now")
    }

    fn offsets_went_back(&self, stale: StaleDelta) -> Error {
        let Writer { datasource, topic, .. } = &self.ingest.writer;
        Error::new(Kind::Fenced, format!("data source {datasource:?}: offsets of topic {topic:?} went backwards: {stale}"))
            .hint("the topic was deleted and created anew, or somebody reset the group's offsets; reading starts again at the committed offsets")
    }

    fn start_decodes(&mut self) {
        while self.decodes.len() < DECODES_AT_ONCE {
            let Some((records, plans)) = self.intake.next_ready() else { return };
            self.start_decode(records, plans);
        }
    }

    fn start_decode(&mut self, (batch, charge): Charged, plans: Plans) {
        let decoder = self.ingest.decoder.clone();
        let account = self.ingest.account.clone();
        self.decodes.push_back(tokio::task::spawn_blocking(move || {
            let decoded = decoder.decode(&batch, &plans)?;
            drop(charge);
            let charge = account.charge(decoded.memory_bytes());
            Ok((decoded, charge))
        }));
    }

    fn settle_schemas(&mut self, answer: Result<Result<(), Error>, JoinError>) -> Result<(), Error> {
        let answer = self.intake.settle(answer.map_err(task_died)?);
        self.tell_waiting();
        match answer {
            Answer::Learned => {}
            Answer::Recovered => {
                self.ingest.progress.recovered();
            }
            Answer::Waits(error) => {
                let error = self.schemas_missing(error);
                self.ingest.progress.failed(&error, State::Retrying);
            }
        }
        Ok(())
    }

    fn schemas_missing(&self, mut error: Error) -> Error {
        let datasource = &self.ingest.writer.datasource;
        let waiting = WaitingFigures::summary(&self.ingest.progress.figures().waiting);
        error.fact = format!("data source {datasource:?}: {waiting}: {}", error.fact);
        error
    }

    fn gather(&mut self, decoded: Result<(DecodedBatch, Charge), StaleDelta>) -> Result<(), Error> {
        let (batch, charge) = decoded.map_err(|stale| self.offsets_went_back(stale))?;
        self.gathered.apply(&batch.delta).map_err(|stale| self.offsets_went_back(stale))?;
        self.ingest.progress.received(&batch.delta);
        self.open.push(batch, charge).map_err(|stale| self.offsets_went_back(stale))
    }

    fn full(&self) -> bool {
        self.pacing.full(self.open.records(), self.open.memory_bytes())
    }

    fn seal_due(&self) -> Option<Instant> {
        let may_seal = self.write.is_none() && !self.open.is_empty();
        may_seal.then(|| {
            let (records, bytes) = (self.open.records(), self.open.memory_bytes());
            self.pacing.due(records, bytes, self.ingest.progress.unread(), Instant::now())
        })
    }

    fn seal(&mut self) {
        let sealed = self.open.seal(&self.ingest.writer);
        self.pacing.started(Instant::now());
        self.write = Some(tokio::spawn(write(
            self.ingest.destination.clone(),
            self.commits.clone(),
            sealed,
            self.ingest.progress.clone(),
            self.abandon.clone(),
        )));
    }

    fn finish_write(&mut self, written: Result<Written, Error>) -> Result<(), Error> {
        self.write = None;
        let Written { sealed, receipt, queryable_ms } = written?;
        self.pacing.adapt(receipt.pressure);
        self.report(&sealed, queryable_ms);
        let Sealed { group, batches, .. } = sealed;
        drop(group);
        self.ingest.decoder.recycle(batches);
        Ok(())
    }

    fn report(&self, sealed: &Sealed, queryable_ms: i64) {
        let progress = &self.ingest.progress;
        progress.advanced(&sealed.group.delta);
        progress.update(|figures| {
            figures.rows += sealed.group.row_count() as u64;
            figures.quarantined += sealed.group.quarantined_count() as u64;
            figures.batches += 1;
            for batch in &sealed.batches {
                figures.bytes += batch.payload_bytes as u64;
                figures.latency.observe(batch.timestamps_ms.iter().copied(), queryable_ms);
                figures.tombstones += batch.skipped_tombstones as u64;
                for (reason, count) in &batch.reasons {
                    *figures.quarantined_by_reason.entry(reason.as_str()).or_default() += *count as u64;
                }
            }
            figures.memory_bytes = self.ingest.account.used();
            figures.flush_interval_ms = self.pacing.interval().as_millis() as u64;
            figures.flush_interval_widened = self.pacing.widened();
        });
    }

    /// Makes everything read so far durable and commits it, but for what waits for a schema.
    async fn drain(&mut self) -> Result<(), Error> {
        loop {
            self.start_decodes();
            if self.write.is_some() {
                let written = finished(&mut self.write).await?;
                self.finish_write(written)?;
            } else if !self.decodes.is_empty() && !self.full() {
                let decoded = next_decoded(&mut self.decodes).await?;
                self.gather(decoded)?;
            } else if !self.open.is_empty() {
                self.seal();
            } else {
                return Ok(());
            }
        }
    }

    /// After an error: waits for the try in flight, so that no write outlives its loop, and gives up retrying it.
    async fn settle(&mut self) {
        self.abandon.cancel();
        if let Some(write) = self.write.take() {
            // Its outcome no longer matters: whatever is not committed is read again.
            let _ = write.await;
        }
    }
}

/// Writes a sealed group until it is durable, then commits it.
async fn write<D: Destination, C: Commits>(
    destination: Arc<D>,
    commits: C,
    sealed: Sealed,
    progress: Arc<Progress>,
    abandon: CancellationToken,
) -> Result<Written, Error> {
    let receipt = until_done(|| destination.write(&sealed.group), &progress, &abandon).await?;
    let queryable_ms = epoch_time().as_millis() as i64;
    until_done(|| commits.commit(&sealed.group.delta), &progress, &abandon).await?;
    Ok(Written { sealed, receipt, queryable_ms })
}

/// Repeats `attempt` with growing waits while its errors can heal.
async fn until_done<T, F: Future<Output = Result<T, Error>>>(
    mut attempt: impl FnMut() -> F,
    progress: &Progress,
    abandon: &CancellationToken,
) -> Result<T, Error> {
    let mut backoff = Backoff::default();
    let mut failed = false;
    loop {
        let error = match attempt().await {
            Ok(done) => {
                if failed {
                    progress.recovered();
                }
                return Ok(done);
            }
            Err(error) => error,
        };
        if error.kind.retry() != Retry::Backoff || abandon.is_cancelled() {
            return Err(error);
        }
        failed = true;
        progress.failed(&error, State::Retrying);
        progress.update(|figures| figures.write_retries += 1);
        select! {
            () = abandon.cancelled() => return Err(error),
            () = sleep(backoff.wait()) => {}
        }
    }
}

/// The write's outcome; never ready without a write. Dropped early it loses nothing: the handle stays.
async fn finished(
    write: &mut Option<JoinHandle<Result<Written, Error>>>,
) -> Result<Result<Written, Error>, Error> {
    match write {
        Some(handle) => handle.await.map_err(task_died),
        None => std::future::pending().await,
    }
}

/// The oldest decode's outcome; never ready without one. Dropped early it loses nothing: the handle stays.
async fn next_decoded<T>(decodes: &mut VecDeque<JoinHandle<T>>) -> Result<T, Error> {
    let Some(oldest) = decodes.front_mut() else { return std::future::pending().await };
    let decoded = oldest.await.map_err(task_died);
    decodes.pop_front();
    decoded
}

fn task_died(error: JoinError) -> Error {
    Error::new(Kind::Internal, "a worker task died")
        .hint("this is a bug in Forebay: please report it with the detail")
        .caused_by(error)
}
