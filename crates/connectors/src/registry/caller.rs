//! Asking a registry: every address in turn, again after a while, and not when it asked to be left alone.

use super::{
    address::Address,
    authentication::Authentication,
    failure::Trouble,
    http::{Answer, Http, Trust},
    settings::RegistrySettings,
};
use forebay_ingest::error::{Error, Kind};
use forebay_project::model::RegistryKind;
use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};
use ureq::http::{Request, Uri};

/// How long a registry is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For an answer, once connected.
    pub answer: Duration,
    /// How often all addresses are tried.
    pub rounds: u32,
    /// Between the first two rounds; doubled from round to round, and shortened by up to half at random.
    pub first_wait: Duration,
    /// A registry that asks for more with `Retry-After` is left alone for that time, up to a minute.
    pub longest_wait: Duration,
    /// No further round begins after this time.
    pub in_all: Duration,
    /// How long another address than the first is asked first, once it answered where the first did not.
    pub detour: Duration,
    /// For everything, where a copy of the schema is at hand.
    pub beside_copy: Duration,
    /// How long a schema that is not there is asked for again.
    pub missing_for: Duration,
    /// How long a missing schema is believed to be missing, and a registry with copies to be out of reach.
    pub missing_kept: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(20),
            rounds: 4,
            first_wait: Duration::from_millis(200),
            longest_wait: Duration::from_secs(5),
            in_all: Duration::from_secs(15),
            detour: Duration::from_secs(60),
            beside_copy: Duration::from_secs(3),
            missing_for: Duration::from_secs(2),
            missing_kept: Duration::from_secs(30),
        }
    }
}

/// Characters shown of what an answer says.
const LONGEST_SAID: usize = 300;
const LONGEST_QUIET: Duration = Duration::from_secs(60);

/// What an answer means, whatever it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is an answer to the question.
    Take,
    /// The registry is not well: ask again.
    Again,
    /// It does not know who asks.
    Unauthenticated,
    /// Whoever asks may not.
    Forbidden,
}

/// Asks one registry.
pub(super) struct Caller {
    pub(super) patience: Patience,
    addresses: Vec<Address>,
    /// The address that answered last, if it is not the first, and until when it is asked first.
    preferred: Mutex<Option<(usize, Instant)>>,
    quiet_until: Mutex<Option<Instant>>,
    http: Http,
    authentication: Authentication,
    judge: fn(&Answer) -> Verdict,
    secrets: Vec<String>,
    name: String,
}

/// What came of one call.
enum Outcome {
    Answered(Answer),
    /// Another address or a later call may succeed; the wait that the registry asked for.
    Failed(Trouble, Option<Duration>),
    Refused(Trouble),
}

impl Caller {
    /// # Errors
    /// When the certificates cannot be read.
    pub(super) fn new(
        settings: &RegistrySettings,
        patience: Patience,
        judge: fn(&Answer) -> Verdict,
    ) -> Result<Self, Error> {
        let http = |trust| {
            Http::new(&settings.tls, trust, patience.connect, patience.answer)
                .map_err(|why| Error::new(Kind::Invalid, format!("schema registry: {why}")))
        };
        Ok(Self {
            patience,
            addresses: settings.addresses.clone(),
            preferred: Mutex::new(None),
            quiet_until: Mutex::new(None),
            http: http(Trust::Own)?,
            authentication: Authentication::new(settings, http(Trust::OwnAndPublic)?),
            judge,
            secrets: settings.secrets(),
            name: describe(settings),
        })
    }

    /// The registry for people: its kind and its addresses.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Asks with the request that `request` makes for an address, until there is an answer to take.
    pub(super) async fn call(
        &self,
        request: impl Fn(&str) -> Result<Request<Vec<u8>>, ureq::http::Error>,
    ) -> Result<Answer, Trouble> {
        self.respect_quiet()?;
        let started = Instant::now();
        let mut wait = self.patience.first_wait;
        let mut round = 1;
        loop {
            let (trouble, asked_for) = match self.call_round(&request).await {
                Outcome::Answered(answer) => return Ok(answer),
                Outcome::Refused(trouble) => return Err(trouble),
                Outcome::Failed(trouble, asked_for) => (trouble, asked_for),
            };
            let next = asked_for.unwrap_or_else(|| shortened(wait));
            if next > self.patience.longest_wait {
                self.be_quiet(next);
                return Err(trouble);
            }
            if round >= self.patience.rounds || started.elapsed() + next > self.patience.in_all {
                return Err(trouble);
            }
            tokio::time::sleep(next).await;
            wait *= 2;
            round += 1;
        }
    }

    /// Tries each address once, beginning with the one that answered last; now and then with the first one again.
    async fn call_round(
        &self,
        request: &impl Fn(&str) -> Result<Request<Vec<u8>>, ureq::http::Error>,
    ) -> Outcome {
        let first = self.first_address();
        let count = self.addresses.len();
        let mut outcome =
            Outcome::Failed(Trouble::new(Kind::Invalid, "the schema registry has no address"), None);
        for index in (0..count).map(|step| (first + step) % count) {
            outcome = self.call_address(&self.addresses[index], request).await;
            if !matches!(outcome, Outcome::Failed(..)) {
                self.prefer(index);
                break;
            }
        }
        outcome
    }

    fn first_address(&self) -> usize {
        let preferred = *self.preferred.lock().unwrap_or_else(PoisonError::into_inner);
        preferred.filter(|(_, until)| Instant::now() < *until).map_or(0, |(index, _)| index)
    }

    fn prefer(&self, index: usize) {
        let mut preferred = self.preferred.lock().unwrap_or_else(PoisonError::into_inner);
        match *preferred {
            _ if index == 0 => *preferred = None,
            Some((known, until)) if known == index && Instant::now() < until => {}
            _ => *preferred = Some((index, Instant::now() + self.patience.detour)),
        }
    }

    async fn call_address(
        &self,
        address: &Address,
        request: &impl Fn(&str) -> Result<Request<Vec<u8>>, ureq::http::Error>,
    ) -> Outcome {
        let mut is_renewed = false;
        loop {
            let answer = match self.send(address, request).await {
                Ok(answer) => answer,
                Err(trouble) if trouble.kind == Kind::Unavailable => return Outcome::Failed(trouble, None),
                Err(trouble) => return Outcome::Refused(trouble),
            };
            if let Some(target) = answer.redirect() {
                return Outcome::Failed(self.redirected(address, target), None);
            }
            match (self.judge)(&answer) {
                Verdict::Take => return Outcome::Answered(answer),
                Verdict::Again => {
                    return Outcome::Failed(self.unwell(address, &answer), answer.retry_after());
                }
                Verdict::Unauthenticated if !is_renewed && self.authentication.renew().await => {
                    is_renewed = true;
                }
                Verdict::Unauthenticated => {
                    return Outcome::Refused(self.refusal(address, &answer, Kind::Authentication));
                }
                Verdict::Forbidden => {
                    return Outcome::Refused(self.refusal(address, &answer, Kind::Authorization));
                }
            }
        }
    }

    async fn send(
        &self,
        address: &Address,
        request: &impl Fn(&str) -> Result<Request<Vec<u8>>, ureq::http::Error>,
    ) -> Result<Answer, Trouble> {
        let invalid = |_| {
            Trouble::new(Kind::Invalid, format!("schema registry {}: the address is no URL", address.base))
        };
        let mut request = request(&address.base).map_err(invalid)?;
        self.authentication.sign(&mut request, address).await.map_err(|trouble| self.redact(trouble))?;
        self.http.send(request).await.map_err(|error| {
            let fact = format!("schema registry {} cannot be reached", address.base);
            let trouble = self.redact(Trouble::new(Kind::Unavailable, fact).detail(error.why));
            match error.is_certificate {
                true => trouble.hint(
                    "set KAFKA_SCHEMA_REGISTRY_CA_PEM if its authority is private, or KAFKA_SCHEMA_REGISTRY_CERTIFICATE_PEM if it wants a certificate",
                ),
                false => trouble,
            }
        })
    }

    fn unwell(&self, address: &Address, answer: &Answer) -> Trouble {
        let fact = format!("schema registry {} answered with status {}", address.base, answer.status);
        Trouble::new(Kind::Unavailable, fact).detail(self.said(answer))
    }

    fn redirected(&self, address: &Address, target: &str) -> Trouble {
        let authority = target.parse::<Uri>().ok().and_then(|uri| uri.authority().cloned());
        let host = authority.as_ref().and_then(|authority| authority.as_str().rsplit('@').next());
        let host = host.unwrap_or("another address");
        let fact = format!("schema registry {} redirects to {host}", address.base);
        Trouble::new(Kind::Unavailable, fact)
            .hint("if that is right, set KAFKA_SCHEMA_REGISTRY_URL to it; redirects are followed within one host only")
    }

    fn refusal(&self, address: &Address, answer: &Answer, kind: Kind) -> Trouble {
        let what =
            if kind == Kind::Authentication { "does not accept the credentials" } else { "refuses access" };
        let fact = format!("schema registry {} {what} (status {})", address.base, answer.status);
        Trouble::new(kind, fact).detail(self.said(answer)).hint(self.authentication.hint(address))
    }

    /// The beginning of what an answer says, without secrets.
    pub(super) fn said(&self, answer: &Answer) -> String {
        self.redacted(&said(answer)).chars().take(LONGEST_SAID).collect()
    }

    /// Text without the secrets of the settings and without what stands in an `Authorization` header.
    fn redacted(&self, text: &str) -> String {
        let text = self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "***"));
        let mut is_credential = false;
        let words = text.split(' ').map(|word| {
            let shown = if is_credential { "***" } else { word };
            is_credential = matches!(word, "Basic" | "Bearer");
            shown
        });
        words.collect::<Vec<_>>().join(" ")
    }

    fn redact(&self, mut trouble: Trouble) -> Trouble {
        trouble.detail = trouble.detail.map(|detail| self.redacted(&detail));
        trouble
    }

    fn respect_quiet(&self) -> Result<(), Trouble> {
        let until = *self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner);
        match until.and_then(|until| until.checked_duration_since(Instant::now())) {
            Some(left) => {
                let fact = format!("{} asked not to be asked for {} s more", self.name, left.as_secs() + 1);
                Err(Trouble::new(Kind::Unavailable, fact))
            }
            None => Ok(()),
        }
    }

    fn be_quiet(&self, wait: Duration) {
        let until = Instant::now() + wait.min(LONGEST_QUIET);
        *self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
    }
}

fn describe(settings: &RegistrySettings) -> String {
    let addresses: Vec<&str> = settings.addresses.iter().map(|address| address.base.as_str()).collect();
    let kind = match settings.kind {
        RegistryKind::Confluent => "schema registry",
        RegistryKind::Glue => "AWS Glue schema registry",
        RegistryKind::Azure => "Azure schema registry",
    };
    format!("{kind} {}", addresses.join(", "))
}

/// Between half of `wait` and all of it, so that workers do not ask in step.
fn shortened(wait: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish() % 512;
    wait.mul_f64(0.5 + random as f64 / 1024.0)
}

/// What the status says, for registries that keep to HTTP.
pub(super) fn judge_status(answer: &Answer) -> Verdict {
    match answer.status {
        401 => Verdict::Unauthenticated,
        403 => Verdict::Forbidden,
        408 | 429 | 500.. => Verdict::Again,
        _ => Verdict::Take,
    }
}

/// What an answer says in its own words: the message of a JSON body, or a text; on one line.
fn said(answer: &Answer) -> String {
    let body = String::from_utf8_lossy(&answer.body);
    let json: Option<serde_json::Value> = serde_json::from_str(&body).ok();
    let message =
        json.as_ref().and_then(|json| json.get("message").or_else(|| json.get("Message"))?.as_str());
    let text = match message {
        Some(message) => message,
        None if body.trim_start().starts_with('<') => "",
        None => &body,
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
