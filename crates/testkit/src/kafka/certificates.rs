use super::{java, java_missing};
use crate::{Failure, cache_directory};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Protects a key that only ever serves brokers on 127.0.0.1.
pub(super) const KEYSTORE_PASSWORD: &str = "forebay-testkit";

/// The broker's key and the authority clients must trust.
pub(super) struct Certificates {
    /// PKCS#12 file with key and certificate.
    pub(super) keystore: PathBuf,
    /// PEM file of the certificate, which is its own authority.
    pub(super) ca: PathBuf,
}

/// Made once by Java's keytool, valid for ten years, then kept in the cache.
pub(super) fn broker_certificates() -> Result<Certificates, Failure> {
    let home = cache_directory()?.join("kafka/tls");
    let certificates = Certificates { keystore: home.join("broker.p12"), ca: home.join("ca.pem") };
    if !certificates.ca.exists() {
        make(&home)?;
    }
    Ok(certificates)
}

/// Works in a directory of its own: of two makers at once, the first to rename wins, and both then use its files.
fn make(home: &Path) -> Result<(), Failure> {
    let parent = home.parent().expect("the directory has a parent");
    let cannot = || Failure::of(format!("no certificates in {}", parent.display()));
    fs::create_dir_all(parent).map_err(cannot())?;
    let staging = tempfile::tempdir_in(parent).map_err(cannot())?;
    let keystore = staging.path().join("broker.p12");
    let ca = staging.path().join("ca.pem");
    keytool(
        &keystore,
        &[
            "-genkeypair",
            "-keyalg",
            "EC",
            "-groupname",
            "secp256r1",
            "-validity",
            "3650",
            "-dname",
            "CN=forebay-testkit",
            "-ext",
            "san=ip:127.0.0.1,dns:localhost",
            "-ext",
            "bc=ca:true",
        ],
    )?;
    keytool(&keystore, &["-exportcert", "-rfc", "-file", &ca.display().to_string()])?;
    match fs::rename(staging.path(), home) {
        Err(_) if home.join("ca.pem").exists() => Ok(()),
        renamed => renamed.map_err(cannot()),
    }
}

fn keytool(keystore: &Path, arguments: &[&str]) -> Result<(), Failure> {
    let output = Command::new(java("keytool"))
        .args(arguments)
        .args(["-alias", "broker", "-storetype", "PKCS12", "-storepass", KEYSTORE_PASSWORD])
        .arg("-keystore")
        .arg(keystore)
        .output()
        .map_err(java_missing)?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Err(Failure::new(format!("keytool failed: {text}")))
}
