use crate::Failure;
use serde_json::Value;
use std::time::Duration;
use ureq::Agent;

const LIMIT: Duration = Duration::from_secs(30);

/// Plain HTTP to a server of ours; whatever is no success is a failure that holds the answer.
#[derive(Clone, Debug)]
pub(super) struct Http {
    agent: Agent,
    base: String,
}

impl Http {
    pub(super) fn new(base: &str) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(LIMIT))
            .http_status_as_error(false)
            .proxy(None)
            .build();
        Self { agent: config.into(), base: base.trim_end_matches('/').to_owned() }
    }

    /// The status of an answer to GET; `None` when nobody answers.
    pub(super) fn status(&self, path: &str) -> Option<u16> {
        self.agent.get(self.url(path)).call().ok().map(|answer| answer.status().as_u16())
    }

    pub(super) fn get(&self, path: &str) -> Result<Value, Failure> {
        self.read("GET", path, self.agent.get(self.url(path)).call())
    }

    pub(super) fn delete(&self, path: &str) -> Result<Value, Failure> {
        self.read("DELETE", path, self.agent.delete(self.url(path)).call())
    }

    pub(super) fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Result<Value, Failure> {
        let request = headers
            .iter()
            .fold(self.agent.post(self.url(path)), |request, (name, value)| request.header(*name, *value));
        self.read("POST", path, request.send(body))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn read(
        &self,
        method: &str,
        path: &str,
        answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<Value, Failure> {
        let what = format!("{method} {}", self.url(path));
        let mut answer = answer.map_err(Failure::of(what.clone()))?;
        let status = answer.status();
        let text = answer.body_mut().read_to_string().map_err(Failure::of(what.clone()))?;
        if !status.is_success() {
            return Err(Failure::new(format!("{what}: {status} {text}")));
        }
        if text.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text).map_err(Failure::of(format!("{what}: {text}")))
    }
}

/// A part of a path, such as a subject, with every other character percent-encoded.
pub(super) fn encoded(part: &str) -> String {
    part.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_may_hold_anything() {
        assert_eq!(encoded("a/b c%ü-value"), "a%2Fb%20c%25%C3%BC-value");
    }
}
