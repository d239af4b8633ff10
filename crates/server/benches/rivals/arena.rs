//! Where contestants meet: one broker, one work directory, and how each contestant is started.

use crate::{
    click::PROTOBUF,
    encoding::Format,
    kafka_engine::{OnBad, PROTOBUF_FILE, Pattern},
    process::{self, Cost},
    table::{self, Fingerprint},
};
use forebay_testkit::{Failure, kafka::Cluster, registry::Srfake, unique};
use std::{
    env, fs,
    net::TcpListener,
    path::{self, Path, PathBuf},
    process::Command,
};

/// The table Forebay fills: database and data source.
pub(crate) const FOREBAY_TABLE: &str = "forebay.clicks";

/// Everything a contestant needs to start.
pub(crate) struct Arena {
    /// The broker.
    pub(crate) cluster: Cluster,
    /// The registry of all schemas.
    pub(crate) registry: Srfake,
    directory: PathBuf,
}

/// A contestant's own place: a fresh directory and a fresh consumer group.
pub(crate) struct Place {
    /// Its name, which is also its consumer group.
    pub(crate) name: String,
    /// Directory of its logs and tables; the tables go with this value.
    pub(crate) directory: PathBuf,
}

/// How the rival is run, besides what all contestants have in common.
#[derive(Clone, Copy)]
pub(crate) struct EngineRun {
    pub(crate) pattern: Pattern,
    pub(crate) on_bad: OnBad,
    /// Done at this many rows.
    pub(crate) rows: u64,
    pub(crate) watch_seconds: Option<u64>,
    pub(crate) flush_ms: u64,
    pub(crate) poll_ms: Option<u64>,
    pub(crate) count_ms: u64,
}

impl EngineRun {
    /// The settings of a throughput run.
    pub(crate) fn new(pattern: Pattern, rows: u64) -> Self {
        Self {
            pattern,
            on_bad: OnBad::Block,
            rows,
            watch_seconds: None,
            flush_ms: 1000,
            poll_ms: None,
            count_ms: 200,
        }
    }
}

impl Arena {
    /// An arena on a broker, with a registry of its own; logs and tables go below `directory`.
    pub(crate) fn new(cluster: Cluster, directory: &Path) -> Result<Self, Failure> {
        // Contestants run in directories of their own.
        let directory = path::absolute(directory).map_err(Failure::of("no directory"))?;
        Ok(Self { cluster, registry: Srfake::start()?, directory })
    }

    /// A fresh place.
    pub(crate) fn place(&self, contestant: &str) -> Result<Place, Failure> {
        let name = unique(contestant);
        let directory = self.directory.join(&name);
        fs::create_dir_all(&directory)
            .map_err(Failure::of(format!("{} cannot be made", directory.display())))?;
        Ok(Place { name, directory })
    }

    /// `forebay start` on a project of one data source, with defaults but for what is in `flags`.
    pub(crate) fn forebay(
        &self,
        place: &Place,
        (topic, format): (&str, Format),
        flags: &[&str],
    ) -> Result<Command, Failure> {
        let project = place.directory.join("project");
        self.write_project(&project, place, (topic, format))?;
        let mut command = process::dying_with_us(env!("CARGO_BIN_EXE_forebay"));
        for (name, _) in env::vars_os() {
            // Settings of whoever runs the benchmark; the engine's place is not one of Forebay's settings.
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("FOREBAY_") && name != "FOREBAY_LIBCHDB" && name != "FOREBAY_CACHE" {
                command.env_remove(name);
            }
        }
        command.arg("start").arg(&project).arg("--data-dir").arg(place.data_dir()).args(flags);
        Ok(command)
    }

    fn write_project(
        &self,
        project: &Path,
        place: &Place,
        (topic, format): (&str, Format),
    ) -> Result<(), Failure> {
        let columns =
            table::COLUMNS.map(|(name, column_type, path)| format!("    {name} {column_type} `json:{path}`"));
        let datasource = format!(
            "SCHEMA >\n{}\n\nENGINE MergeTree\nENGINE_SORTING_KEY \"{}\"\n\nKAFKA_CONNECTION_NAME kafka\n\
             KAFKA_TOPIC {topic}\nKAFKA_GROUP_ID {}\nKAFKA_AUTO_OFFSET_RESET earliest\nKAFKA_VALUE_FORMAT {}\n",
            columns.join(",\n"),
            table::SORTING_KEY,
            place.name,
            format.setting().word()
        );
        let registry = match format.schema() {
            Some(_) => format!("KAFKA_SCHEMA_REGISTRY_URL {}\n", self.registry.base_url()),
            None => String::new(),
        };
        let connection = format!(
            "TYPE kafka\nKAFKA_BOOTSTRAP_SERVERS {}\nKAFKA_SECURITY_PROTOCOL PLAINTEXT\n{registry}",
            self.cluster.bootstrap_servers()
        );
        fs::create_dir_all(project)
            .and_then(|()| fs::write(project.join("clicks.datasource"), datasource))
            .and_then(|()| fs::write(project.join("kafka.connection"), connection))
            .map_err(Failure::of(format!("{} cannot be written", project.display())))
    }

    /// The rival.
    pub(crate) fn kafka_engine(
        &self,
        place: &Place,
        topic: &str,
        run: EngineRun,
    ) -> Result<Command, Failure> {
        let mut command = part("kafka-engine")?;
        if run.pattern == Pattern::Protobuf {
            let file = place.directory.join(PROTOBUF_FILE);
            fs::write(&file, PROTOBUF)
                .map_err(Failure::of(format!("{} cannot be written", file.display())))?;
        }
        command
            .current_dir(&place.directory)
            .args(["--bootstrap", self.cluster.bootstrap_servers()])
            .args(["--registry", self.registry.base_url()])
            .args(["--topic", topic, "--group", &place.name])
            .arg("--data-dir")
            .arg(place.data_dir())
            .args(["--pattern", run.pattern.name(), "--on-bad", run.on_bad.name()])
            .args(["--rows", &run.rows.to_string()])
            .args(["--flush-ms", &run.flush_ms.to_string()])
            .args(["--count-ms", &run.count_ms.to_string()]);
        let optional = [("--watch-seconds", run.watch_seconds), ("--poll-ms", run.poll_ms)];
        for (flag, value) in optional {
            if let Some(value) = value {
                command.args([flag, &value.to_string()]);
            }
        }
        Ok(command)
    }
}

impl Place {
    /// Where its engine keeps its tables.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// Runs a contestant here to its end.
    pub(crate) fn run(&self, command: &mut Command) -> Result<(Cost, String), Failure> {
        process::run(command, &self.directory, "contestant")
    }

    /// Asks the tables it left, in a process of its own: an engine can be run on one directory a process.
    pub(crate) fn query(&self, sql: &str) -> Result<String, Failure> {
        let mut command = part("query")?;
        command.arg(self.data_dir()).arg(sql);
        let (_, answer) = process::run(&mut command, &self.directory, "query")?;
        Ok(answer.trim_end().to_owned())
    }

    /// What the table it filled holds.
    pub(crate) fn fingerprint(&self, table: &str) -> Result<Fingerprint, Failure> {
        Fingerprint::parse(&self.query(&table::fingerprint(table))?)
    }

    /// How many blocks were inserted into the table.
    pub(crate) fn inserts(&self, table: &str) -> Result<u64, Failure> {
        let answer = self.query(&table::inserts(table))?;
        answer.parse().map_err(|_| Failure::new(format!("{answer:?} is no number of inserts")))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Only what is large; logs are wanted after a failure.
        let _ = fs::remove_dir_all(self.data_dir());
    }
}

/// This very program in another role.
pub(crate) fn part(name: &str) -> Result<Command, Failure> {
    let program = env::current_exe().map_err(Failure::of("this program has no path"))?;
    let mut command = process::dying_with_us(program);
    command.arg(name);
    Ok(command)
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> Result<u16, Failure> {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(Failure::of("no free port on 127.0.0.1"))
}
