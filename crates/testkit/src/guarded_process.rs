//! A child process that cannot outlive the one that started it.

use crate::Failure;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// The guard holds the child and reads orders. When its input ends, because the owner is done or was killed,
/// it kills the child and removes the directory it was told to remove.
/// The child's descriptor 3 is the guard's output: it closes when the child is gone, and the owner sees that.
/// A line on the guard's error output says that a signal has been sent, and that a process told to stop has stopped.
const GUARD: &str = r#"
remove=$1; log=$2; shift 2
"$@" 3>&1 >>"$log" 2>&1 </dev/null &
child=$!
exec >&-
while read -r order argument; do
  case $order in
    signal)
      kill -s "$argument" "$child" 2>/dev/null
      [ "$argument" != STOP ] || while grep -q '^State:.[RSD]' "/proc/$child/status" 2>/dev/null; do :; done
      echo sent >&2 ;;
    keep) remove= ;;
  esac
done
kill -s KILL "$child"
wait "$child"
[ -z "$remove" ] || rm -rf "$remove"
"#;

/// A running child under guard.
pub struct GuardedProcess {
    guard: Child,
    orders: Option<ChildStdin>,
    sent: BufReader<ChildStderr>,
    gone: Arc<AtomicBool>,
    watch: Option<JoinHandle<()>>,
}

impl GuardedProcess {
    /// Starts `command` with its output appended to `log`.
    ///
    /// `remove` is a directory that goes away with the process, unless [`Self::keep_directory`] is called.
    pub fn start<S: AsRef<OsStr>>(command: &[S], log: &Path, remove: Option<&Path>) -> Result<Self, Failure> {
        let mut guard = Command::new("sh")
            .args(["-c", GUARD, "guard"])
            .arg(remove.unwrap_or(Path::new("")))
            .arg(log)
            .args(command)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(Failure::of("sh could not be started"))?;
        let orders = guard.stdin.take();
        let sent = BufReader::new(guard.stderr.take().expect("its error output is piped"));
        let gone = Arc::new(AtomicBool::new(false));
        let watch = guard.stdout.take().map(|mut output| {
            let gone = Arc::clone(&gone);
            std::thread::spawn(move || {
                // Nobody writes to this pipe: the read ends when the child's end of it closes.
                let _ = output.read_to_end(&mut Vec::new());
                gone.store(true, Ordering::Release);
            })
        });
        Ok(Self { guard, orders, sent, gone, watch })
    }

    /// Whether the child has ended, by itself or by a signal.
    pub fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    /// Sends a signal by its name without SIG, such as `TERM`, `STOP` or `CONT`. After `STOP` the child stands still.
    pub fn signal(&mut self, name: &str) -> Result<(), Failure> {
        self.order(&format!("signal {name}\n"))?;
        let sent = self.sent.read_line(&mut String::new());
        sent.map(drop).map_err(Failure::of("the guard of a child process is gone"))
    }

    /// Leaves the directory of [`Self::start`] in place when the process ends.
    pub fn keep_directory(&mut self) -> Result<(), Failure> {
        self.order("keep\n")
    }

    /// Waits until the child has ended.
    pub fn wait(&mut self) {
        if let Some(watch) = self.watch.take() {
            let _ = watch.join();
        }
    }

    fn order(&mut self, line: &str) -> Result<(), Failure> {
        let orders = self.orders.as_mut().expect("orders are open until drop");
        orders.write_all(line.as_bytes()).map_err(Failure::of("the guard of a child process is gone"))
    }
}

impl Drop for GuardedProcess {
    fn drop(&mut self) {
        self.orders = None;
        let _ = self.guard.wait();
        self.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn started(directory: &Path, script: &str) -> GuardedProcess {
        let log = directory.join("log");
        GuardedProcess::start(&["sh", "-c", script], &log, Some(directory)).unwrap()
    }

    #[test]
    fn end_of_the_child_is_seen() {
        let directory = tempfile::tempdir().unwrap();
        let mut process = started(directory.path(), "echo done");
        process.wait();
        assert!(process.is_gone());
        assert_eq!(fs::read_to_string(directory.path().join("log")).unwrap(), "done\n");
    }

    #[test]
    fn drop_kills_the_child_and_removes_its_directory() {
        let directory = tempfile::tempdir().unwrap().keep();
        let process = started(&directory, "exec tail -f /dev/null");
        assert!(!process.is_gone());
        drop(process);
        assert!(!directory.exists());
    }

    #[test]
    fn a_child_that_was_told_to_stop_stands_still() {
        let directory = tempfile::tempdir().unwrap();
        let mut process = started(directory.path(), "echo $$; while :; do :; done");
        let log = directory.path().join("log");
        let mut id = String::new();
        while !id.ends_with('\n') {
            id = fs::read_to_string(&log).unwrap_or_default();
        }
        process.signal("STOP").unwrap();
        let status = fs::read_to_string(format!("/proc/{}/status", id.trim())).unwrap();
        assert!(status.contains("State:\tT"), "{status}");
        process.signal("CONT").unwrap();
        process.signal("KILL").unwrap();
        process.wait();
    }

    #[test]
    fn kept_directory_survives() {
        let directory = tempfile::tempdir().unwrap();
        let mut process = started(directory.path(), "exec tail -f /dev/null");
        process.keep_directory().unwrap();
        process.signal("TERM").unwrap();
        process.wait();
        drop(process);
        assert!(directory.path().exists());
    }
}
