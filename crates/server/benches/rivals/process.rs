//! A contestant is a process of its own; what it cost is read from `/proc` before it is reaped.

use forebay_testkit::Failure;
use serde::Serialize;
use std::{
    ffi::OsStr,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// How often a running process is looked at; its peak memory may be missed by what it does in its last moment.
const GLANCE: Duration = Duration::from_millis(10);

/// What a whole process cost, from its start to its end.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Cost {
    /// CPU seconds in its own code, all threads.
    pub(crate) user_seconds: f64,
    /// CPU seconds in the kernel on its behalf, all threads.
    pub(crate) system_seconds: f64,
    /// Most physical memory it ever held, bytes (`VmHWM`).
    pub(crate) peak_rss: u64,
    /// Wall time, seconds.
    pub(crate) wall_seconds: f64,
}

impl Cost {
    /// CPU seconds, all threads, user and system.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        self.user_seconds + self.system_seconds
    }
}

/// A running child process; killed when dropped before its end.
pub(crate) struct Contestant {
    child: Child,
    name: String,
    output: PathBuf,
    log: PathBuf,
    started: Instant,
    peak_rss: u64,
}

impl Contestant {
    /// Starts `command` with its output in `<name>.out` and its log in `<name>.log` of `directory`.
    pub(crate) fn start(command: &mut Command, directory: &Path, name: &str) -> Result<Self, Failure> {
        let output = directory.join(format!("{name}.out"));
        let log = directory.join(format!("{name}.log"));
        let child = command
            .stdin(Stdio::null())
            .stdout(create(&output)?)
            .stderr(create(&log)?)
            .spawn()
            .map_err(Failure::of(format!("{name} cannot be started")))?;
        Ok(Self { child, name: name.to_owned(), output, log, started: Instant::now(), peak_rss: 0 })
    }

    /// What it has printed so far.
    pub(crate) fn output(&self) -> Result<String, Failure> {
        fs::read_to_string(&self.output)
            .map_err(Failure::of(format!("{} cannot be read", self.output.display())))
    }

    /// Waits until `ready` says so; fails when the process ends before, or at the limit.
    pub(crate) fn wait_until(
        &mut self,
        what: &str,
        limit: Duration,
        mut ready: impl FnMut(&Self) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        let deadline = Instant::now() + limit;
        while !ready(self)? {
            if self.glance()?.ended {
                return Err(self.failure(&format!("ended before {what}")));
            }
            if Instant::now() > deadline {
                return Err(self.failure(&format!("not {what} within {limit:?}")));
            }
            thread::sleep(GLANCE);
        }
        Ok(())
    }

    /// Asks it to stop, as Ctrl-C does.
    pub(crate) fn interrupt(&self) -> Result<(), Failure> {
        let status = Command::new("kill")
            .args(["-INT", &self.child.id().to_string()])
            .status()
            .map_err(Failure::of("kill cannot be run"))?;
        if status.success() { Ok(()) } else { Err(self.failure("could not be interrupted")) }
    }

    /// Waits for its end, and returns its cost and what it printed; fails when it takes longer than `limit` or ends
    /// with an error.
    pub(crate) fn finish(mut self, limit: Duration) -> Result<(Cost, String), Failure> {
        let ticks = loop {
            let glance = self.glance()?;
            if glance.ended {
                break glance;
            }
            if self.started.elapsed() > limit {
                return Err(self.failure(&format!("not done within {limit:?}")));
            }
            thread::sleep(GLANCE);
        };
        let wall_seconds = self.started.elapsed().as_secs_f64();
        let status = self.child.wait().map_err(Failure::of("a child cannot be waited for"))?;
        if !status.success() {
            return Err(self.failure(&format!("ended with {status}")));
        }
        let hertz = clock_ticks()?;
        let cost = Cost {
            user_seconds: ticks.user / hertz,
            system_seconds: ticks.system / hertz,
            peak_rss: self.peak_rss,
            wall_seconds,
        };
        Ok((cost, self.output()?))
    }

    fn glance(&mut self) -> Result<Ticks, Failure> {
        let pid = self.child.id();
        self.peak_rss = self.peak_rss.max(peak_rss(pid).unwrap_or(0));
        Ticks::of(&format!("/proc/{pid}/stat"))
    }

    fn failure(&self, what: &str) -> Failure {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(12).collect();
        let tail: Vec<&str> = lines.into_iter().rev().collect();
        Failure::new(format!("{} {what}:\n{}", self.name, tail.join("\n")))
            .hint(format!("its log is {}", self.log.display()))
    }
}

impl Drop for Contestant {
    fn drop(&mut self) {
        // Both fail on a process that has been waited for already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs `command` to its end and returns its cost with what it printed.
pub(crate) fn run(command: &mut Command, directory: &Path, name: &str) -> Result<(Cost, String), Failure> {
    Contestant::start(command, directory, name)?.finish(Duration::from_secs(1200))
}

/// A command that is killed when this process dies, however that happens; it keeps its process id.
pub(crate) fn dying_with_us(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]).arg(program);
    command
}

/// CPU seconds this process has used so far, all threads; in steps of a clock tick (10 ms).
pub(crate) fn own_cpu_seconds() -> Result<f64, Failure> {
    let ticks = Ticks::of("/proc/self/stat")?;
    Ok((ticks.user + ticks.system) / clock_ticks()?)
}

/// Milliseconds since the epoch: a clock that contestants and this process share.
pub(crate) fn epoch_ms() -> f64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH);
    elapsed.map_or(0.0, |elapsed| elapsed.as_secs_f64() * 1000.0)
}

/// CPU seconds of one process, in clock ticks.
struct Ticks {
    user: f64,
    system: f64,
    ended: bool,
}

impl Ticks {
    /// Source: proc_pid_stat(5). A zombie's figures are those of all its threads, once no other thread is left.
    fn of(path: &str) -> Result<Self, Failure> {
        let text = fs::read_to_string(path).map_err(Failure::of(format!("{path} cannot be read")))?;
        let odd = || Failure::new(format!("{path} is not as expected: {text}"));
        // The command's name, in parentheses, may itself hold spaces and parentheses.
        let (_, fields) = text.rsplit_once(") ").ok_or_else(odd)?;
        let fields: Vec<&str> = fields.split(' ').collect();
        let number = |index: usize| -> Result<f64, Failure> {
            let field = fields.get(index).ok_or_else(odd)?;
            field.parse().map_err(|_| odd())
        };
        Ok(Self {
            user: number(11)?,
            system: number(12)?,
            ended: fields.first() == Some(&"Z") && number(17)? <= 1.0,
        })
    }
}

/// Source: proc_pid_status(5); a zombie has no such line.
fn peak_rss(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

fn clock_ticks() -> Result<f64, Failure> {
    static TICKS: OnceLock<Option<f64>> = OnceLock::new();
    let ticks = TICKS.get_or_init(|| {
        let output = Command::new("getconf").arg("CLK_TCK").output().ok()?;
        String::from_utf8_lossy(&output.stdout).trim().parse().ok()
    });
    ticks.ok_or_else(|| {
        Failure::new("getconf CLK_TCK does not answer").hint("it is part of every glibc system")
    })
}

fn create(path: &Path) -> Result<File, Failure> {
    File::create(path).map_err(Failure::of(format!("{} cannot be made", path.display())))
}
