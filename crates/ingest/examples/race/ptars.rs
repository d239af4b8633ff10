//! ptars, which is a Python package around Rust code: a process that decodes when it is told to.

use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

/// A Python that holds the records.
pub(crate) struct Ptars {
    process: Child,
    rounds: ChildStdin,
    times: BufReader<ChildStdout>,
}

impl Ptars {
    /// Starts `$PTARS_PYTHON`, a Python with the package; `None` when there is none. Records come in batches.
    pub(crate) fn start<'r>(
        descriptors: &[u8],
        message: &str,
        batches: impl Iterator<Item = Vec<&'r [u8]>>,
    ) -> Option<Self> {
        let python = env::var_os("PTARS_PYTHON")?;
        let directory = tempfile::tempdir().expect("a temporary directory");
        let (descriptor_file, record_file) =
            (directory.path().join("descriptors"), directory.path().join("records"));
        fs::write(&descriptor_file, descriptors).expect("the descriptors are written");
        fs::write(&record_file, lengths_and_records(batches)).expect("the records are written");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/race/decode_ptars.py");
        let mut process = Command::new(python)
            .args([script.as_path(), &descriptor_file, Path::new(message), &record_file])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("$PTARS_PYTHON starts");
        let rounds = process.stdin.take().expect("standard input is piped");
        let times = BufReader::new(process.stdout.take().expect("standard output is piped"));
        let mut ptars = Self { process, rounds, times };
        // It has read the files when it has done a round, which also warms it up.
        ptars.round();
        Some(ptars)
    }

    /// Decodes all records.
    pub(crate) fn round(&mut self) -> Duration {
        self.rounds.write_all(b"\n").expect("ptars still runs");
        let mut seconds = String::new();
        self.times.read_line(&mut seconds).expect("ptars still runs");
        Duration::from_secs_f64(
            seconds.trim().parse().expect("ptars prints seconds, or says above what is wrong"),
        )
    }
}

impl Drop for Ptars {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn lengths_and_records<'r>(batches: impl Iterator<Item = Vec<&'r [u8]>>) -> Vec<u8> {
    let mut out = Vec::new();
    for batch in batches {
        out.extend((batch.len() as u32).to_le_bytes());
        for record in batch {
            out.extend((record.len() as u32).to_le_bytes());
            out.extend(record);
        }
    }
    out
}
