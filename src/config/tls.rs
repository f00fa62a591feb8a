//! TLS on a listener, from the file to what is used.

use std::path::PathBuf;

use super::file;
use super::problem::Problems;
use crate::server::{ClientCertificates, Tls};
use mfa_gateway_core::clock::Clock;

pub(super) fn build(path: &str, file: &file::Tls, problems: &mut Problems<'_>) -> Option<Tls> {
    if file.certificates.is_empty() {
        let fix = "add one: `{ certificate_file: tls.crt, key_file: tls.key }`";
        problems.add(&format!("{path}.certificates"), "there is no certificate", fix);
        return None;
    }
    let files = |one: &file::Certificate| (PathBuf::from(&one.certificate_file), PathBuf::from(&one.key_file));
    let clients = file.client_certificates.as_ref().map(|clients| ClientCertificates {
        ca_file: PathBuf::from(&clients.ca_file),
        required: clients.required.unwrap_or(true),
        forward: clients.forward,
    });
    let tls = Tls::new(file.certificates.iter().map(files).collect(), clients);
    // A file that can't be loaded now would also fail at the start, so the problem is reported with its place.
    match tls.load() {
        Ok(_) => {
            let now = Clock::system().now();
            for (file, expiry) in tls.expiries().iter().filter(|(_, expiry)| *expiry <= now) {
                let message = format!("the certificate in {} expired at {expiry}", file.display());
                problems.warn(
                    &format!("{path}.certificates"),
                    message,
                    "renew it: clients reject an expired certificate",
                );
            }
            Some(tls)
        }
        Err(error) => {
            problems.add(path, error.to_string(), "name existing PEM files, with the private key of the certificate");
            None
        }
    }
}
