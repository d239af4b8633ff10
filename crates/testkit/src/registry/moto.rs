use super::http::Http;
use super::kind_name;
use super::service::{Service, part};
use crate::Failure;
use crate::ports::Port;
use forebay_ingest::schema::SchemaKind;
use serde_json::{Value, json};
use std::sync::OnceLock;

/// What moto needs to see of a signature; it does not check it.
const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 Credential=testkit/20260101/us-east-1/glue/aws4_request, SignedHeaders=host, Signature=0";

/// The AWS Glue Schema Registry of moto: region `us-east-1`, any credentials.
pub struct Moto {
    base_url: String,
    http: Http,
    _service: Service,
    _port: Port,
}

impl Moto {
    /// Its region.
    pub const REGION: &'static str = "us-east-1";

    /// The registry that the tests of this process share; schema names must be [`crate::unique`].
    ///
    /// # Panics
    /// When it cannot be started; the text says what to do.
    pub fn shared() -> &'static Self {
        static REGISTRY: OnceLock<Moto> = OnceLock::new();
        REGISTRY.get_or_init(|| Self::start().unwrap_or_else(|failure| panic!("{failure}")))
    }

    /// The endpoint that clients are given instead of AWS'.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Makes a schema of the default registry and returns the id of its first version, a hyphenated UUID.
    pub fn register(&self, name: &str, kind: SchemaKind, schema: &str) -> Result<String, Failure> {
        let request = json!({
            "SchemaName": name,
            "DataFormat": kind_name(kind),
            "Compatibility": "NONE",
            "SchemaDefinition": schema,
        });
        version_id(&self.call("CreateSchema", &request)?)
    }

    /// Adds a version to a schema of the default registry and returns its id.
    pub fn register_version(&self, name: &str, schema: &str) -> Result<String, Failure> {
        let request = json!({"SchemaId": {"SchemaName": name, "RegistryName": "default-registry"}, "SchemaDefinition": schema});
        version_id(&self.call("RegisterSchemaVersion", &request)?)
    }

    fn call(&self, operation: &str, request: &Value) -> Result<Value, Failure> {
        let target = format!("AWSGlue.{operation}");
        let headers = [
            ("Content-Type", "application/x-amz-json-1.1"),
            ("X-Amz-Target", target.as_str()),
            ("Authorization", AUTHORIZATION),
        ];
        self.http.post("/", &headers, &request.to_string())
    }

    fn start() -> Result<Self, Failure> {
        let port = Port::pick("moto")?;
        let base_url = format!("http://{}", port.address());
        let mut service = Service::start("moto", |_| {
            let script = "import sys; from moto.server import main; main(sys.argv[1:])";
            let path = format!("PYTHONPATH={}", part("moto")?);
            let number = port.to_string();
            let command = ["env", &path, "python3", "-c", script, "-H", "127.0.0.1", "-p", &number];
            Ok(command.map(str::to_owned).to_vec())
        })?;
        service.wait_for(&base_url, "/moto-api/")?;
        Ok(Self { http: Http::new(&base_url), base_url, _service: service, _port: port })
    }
}

fn version_id(answer: &Value) -> Result<String, Failure> {
    let id = answer["SchemaVersionId"].as_str();
    id.map(str::to_owned).ok_or_else(|| Failure::new(format!("moto answered without a version id: {answer}")))
}
