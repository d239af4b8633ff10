use crate::Failure;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::net::{TcpListener, UdpSocket};

/// Below the range that systems give to outgoing connections, so that a stopped server finds its port free again.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

/// A TCP port on 127.0.0.1 that nobody uses and no other handle has picked.
///
/// The UDP port of the same number is of no use to our servers, but two handles cannot both hold it:
/// it marks the TCP port as taken from the moment it is picked, also while the server is stopped.
#[derive(Debug)]
pub(crate) struct Port {
    number: u16,
    _claim: UdpSocket,
}

impl Port {
    /// Picks one for `server`, which is only named in the error.
    pub(crate) fn pick(server: &str) -> Result<Self, Failure> {
        (0..1000)
            .find_map(claim)
            .ok_or_else(|| Failure::new(format!("no free port on 127.0.0.1 for {server}")))
    }

    /// `127.0.0.1:port`
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.number)
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number.fmt(f)
    }
}

fn claim(attempt: u64) -> Option<Port> {
    let size = u64::from(RANGE.end - RANGE.start);
    let number = RANGE.start + u16::try_from(random(attempt) % size).ok()?;
    let claim = UdpSocket::bind(("127.0.0.1", number)).ok()?;
    TcpListener::bind(("127.0.0.1", number)).ok()?;
    Some(Port { number, _claim: claim })
}

/// The standard library seeds every `RandomState` from the system's randomness.
pub(crate) fn random(salt: u64) -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u64(salt);
    hasher.finish()
}
