//! What the decode examples share: decoders that take the same batches in turn, and the CPU time each of them needs.

use std::time::Duration;

/// The batches, and how often everybody takes them all.
pub(crate) struct Course<B> {
    pub(crate) batches: Vec<B>,
    /// Records in all batches.
    pub(crate) records: usize,
    pub(crate) rounds: usize,
}

/// A decoder by its name.
pub(crate) struct Contestant<'c, B> {
    name: &'static str,
    run: Run<'c, B>,
}

/// Decodes all batches; returns the CPU time that took.
type Run<'c, B> = Box<dyn FnMut(&[B]) -> Duration + 'c>;

/// `[records] [rounds]` of the command line.
pub(crate) fn arguments(records: usize, rounds: usize) -> (usize, usize) {
    let mut given = std::env::args().skip(1).filter_map(|text| text.parse().ok());
    (given.next().unwrap_or(records), given.next().unwrap_or(rounds))
}

impl<'c, B> Contestant<'c, B> {
    /// One that decodes a batch in this thread.
    pub(crate) fn new(name: &'static str, mut decode: impl FnMut(&B) + 'c) -> Self {
        Self::timed(name, move |batches| {
            let start = cpu_time();
            batches.iter().for_each(&mut decode);
            cpu_time() - start
        })
    }

    /// One that says itself how long it took.
    pub(crate) fn timed(name: &'static str, run: impl FnMut(&[B]) -> Duration + 'c) -> Self {
        Self { name, run: Box::new(run) }
    }
}

impl<B> Course<B> {
    /// Lets all contestants run in turn, round after round, and prints their speeds beside that of `rival`. Only those
    /// take part whose names hold `$ONLY`, if it is set.
    pub(crate) fn race(&self, mut contestants: Vec<Contestant<'_, B>>, rival: &str) {
        if let Ok(only) = std::env::var("ONLY") {
            contestants.retain(|contestant| contestant.name.contains(&only));
        }
        let mut times = vec![Vec::new(); contestants.len()];
        for _ in 0..self.rounds {
            for (contestant, times) in contestants.iter_mut().zip(&mut times) {
                times.push((contestant.run)(&self.batches));
            }
        }
        times.iter_mut().for_each(|times| times.sort_unstable());
        let speed = |time: Duration| self.records as f64 / time.as_secs_f64() / 1e6;
        let median = |times: &Vec<Duration>| speed(times[times.len() / 2]);
        let rivals = contestants.iter().position(|contestant| contestant.name == rival);
        let rivals = rivals.map(|place| median(&times[place]));
        println!("{:<24} {:>8} {:>8} {:>8}  million records per CPU second", "", "min", "median", "max");
        for (Contestant { name, .. }, times) in contestants.iter().zip(&times) {
            let (slowest, middle, fastest) = (speed(times[times.len() - 1]), median(times), speed(times[0]));
            let ratio = rivals.map_or(String::new(), |rivals| format!("{:.2} x {rival}", middle / rivals));
            println!("{name:<24} {slowest:>8.3} {middle:>8.3} {fastest:>8.3}  {ratio}");
        }
    }
}

/// CPU time of this process, which has one thread.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/schedstat").expect("Linux with schedstat");
    let nanoseconds = stat.split_whitespace().next().and_then(|first| first.parse().ok());
    Duration::from_nanos(nanoseconds.expect("schedstat starts with the time on CPU"))
}

/// Deterministic numbers: the finaliser of SplitMix64 over a counter.
pub(crate) struct Numbers(u64);

impl Numbers {
    /// The numbers of one record.
    pub(crate) fn of(record: u64) -> Self {
        Self(record << 20)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ z >> 31) % limit
    }

    pub(crate) fn one_of(&mut self, choices: &[&'static str]) -> &'static str {
        choices[self.below(choices.len() as u64) as usize]
    }
}
