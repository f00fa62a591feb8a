//! How issuers' keys are fetched and kept, from the file to what is used.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::file;
use super::problem::Problems;
use super::values::duration;
use mfa_gateway_core::chain;
use mfa_gateway_keys::{KeyLocation, KeySettings, check_file, is_loopback};

const TENTH: Duration = Duration::from_millis(100);
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// The largest file of authorities.
const MAX_CA_FILE: u64 = 16 << 20;

/// What an issuer's `keys` section says, for each of the places that the issuer has keys at.
pub(super) struct KeyHandling {
    refresh_interval: Duration,
    max_stale: Duration,
    timeout: Duration,
    allow_http: bool,
    ca_file: Option<PathBuf>,
    authorities: Vec<CertificateDer<'static>>,
}

impl KeyHandling {
    pub(super) fn read(path: &str, file: &file::Keys, problems: &mut Problems<'_>) -> Self {
        let mut time = |field: &str, text: Option<&String>, default: Duration, low: Duration, high: Duration| {
            let path = format!("{path}.keys.{field}");
            let value = duration(&path, text.map(String::as_str), default, problems);
            // A duration of 0 is already a problem.
            if !value.is_zero() && !(low..=high).contains(&value) {
                let [value, low, high] = [value, low, high].map(humantime::format_duration);
                problems.add(&path, format!("{value} is out of range"), format!("write a time from {low} to {high}"));
            }
            value
        };
        let refresh_interval = time("refresh_interval", file.refresh_interval.as_ref(), HOUR, TENTH, DAY * 7);
        let max_stale = time("max_stale", file.max_stale.as_ref(), DAY, SECOND, DAY * 30);
        let timeout = time("timeout", file.timeout.as_ref(), SECOND * 5, TENTH / 10, SECOND * 60);
        let ca_file = file.ca_file.as_ref().map(PathBuf::from);
        let authorities = ca_file.as_deref().map(|file| authorities(&format!("{path}.keys.ca_file"), file, problems));
        Self {
            refresh_interval,
            max_stale,
            timeout,
            allow_http: file.allow_http,
            ca_file,
            authorities: authorities.unwrap_or_default(),
        }
    }

    pub(super) fn settings(
        &self,
        path: &str,
        name: String,
        location: KeyLocation,
        problems: &mut Problems<'_>,
    ) -> KeySettings {
        let fetched = match &location {
            KeyLocation::Jwks(url) | KeyLocation::Discovery { url, .. } => Some(url),
            KeyLocation::File(_) | KeyLocation::Given => None,
        };
        if let Some(url) = fetched
            && url.scheme() == "http"
            && !self.allow_http
            && !is_loopback(url)
        {
            let message = "keys would be fetched over http, where an attacker on the network could replace them";
            let fix = "use https, or set `keys: { allow_http: true }` if you trust the network";
            problems.add(path, message, fix);
        }
        KeySettings {
            name,
            location,
            refresh_interval: self.refresh_interval,
            max_stale: self.max_stale,
            timeout: self.timeout,
            allow_http: self.allow_http,
            ca_file: self.ca_file.clone(),
            authorities: self.authorities.clone(),
            state_directory: None,
            max_waiting: 1,
        }
    }
}

/// The sources of keys, each once.
#[derive(Debug, Default)]
pub(super) struct Sources {
    list: Vec<KeySettings>,
    /// Those of each location: there may be thousands of issuers.
    places: HashMap<KeyLocation, Vec<usize>>,
}

impl Sources {
    /// The place of these settings, or of those that differ in the name alone.
    pub(super) fn place(&mut self, settings: KeySettings) -> usize {
        let places = self.places.entry(settings.location.clone()).or_default();
        let is_same = |place: &&usize| self.list.get(**place).is_some_and(|known| known.same_source(&settings));
        if let Some(known) = places.iter().find(is_same) {
            return *known;
        }
        places.push(self.list.len());
        self.list.push(settings);
        self.list.len() - 1
    }

    /// All of them, each at its place.
    pub(super) fn into_list(self) -> Vec<KeySettings> {
        self.list
    }
}

/// A file of keys. One that can't be used now would only be found out by the first requests.
pub(super) fn file(path: &str, file: &str, handling: &KeyHandling, problems: &mut Problems<'_>) -> KeyLocation {
    let place = PathBuf::from(file);
    if let Err(error) = check_file(&place, handling.timeout) {
        let message = format!("{file} can't be used: {}", chain(&error));
        let fix =
            "name a file that contains a JSON Web Key Set (`{ \"keys\": [...] }`) and that not every user can write";
        problems.add(&format!("{path}.jwks_file"), message, fix);
    }
    KeyLocation::File(place)
}

/// Reads a file of certificate authorities. An unusable file would fail only at the first fetch, so it is a problem
/// here.
pub(super) fn authorities(path: &str, file: &Path, problems: &mut Problems<'_>) -> Vec<CertificateDer<'static>> {
    let read = || -> Result<Vec<_>, String> {
        let bytes = mfa_gateway_files::read(file, MAX_CA_FILE).map_err(|error| error.to_string())?;
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
        let certificates: Vec<CertificateDer<'static>> = certificates.map_err(|error| error.to_string())?;
        for certificate in &certificates {
            RootCertStore::empty().add(certificate.clone()).map_err(|error| error.to_string())?;
        }
        if certificates.is_empty() { Err("it contains no certificate".to_owned()) } else { Ok(certificates) }
    };
    read().unwrap_or_else(|error| {
        let message = format!("{} can't be used: {error}", file.display());
        problems.add(path, message, "name a PEM file that contains the authorities' certificates");
        Vec::new()
    })
}

/// Fills in what all sources share: where the last good keys are kept, if anywhere, and how many requests may wait.
pub(super) fn complete(
    keys: &mut [KeySettings],
    state: Option<&file::State>,
    max_requests: usize,
    problems: &mut Problems<'_>,
) {
    let directory = state.map(|state| PathBuf::from(&state.directory));
    if directory.as_ref().is_some_and(|directory| directory.as_os_str().is_empty()) {
        let fix = "name a directory, such as `/var/lib/mfa-gateway`, or remove `state`";
        problems.add("state.directory", "the path is empty", fix);
    }
    // A flood of forged tokens on a key server that hangs must leave requests for the others: three of four.
    let max_waiting = (max_requests / 4 / keys.len().max(1)).max(1);
    for settings in keys {
        settings.state_directory.clone_from(&directory);
        settings.max_waiting = max_waiting;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::super::Config;

    const FILE: &str = "
listeners: [{ address: 127.0.0.1:0 }]
issuers:
  - { name: idp, entra: { tenants: any }, audiences: [a], keys: { KEYS } }
  - { name: same, issuer: https://idp.example/, jwks_uri: https://idp.example/keys, audiences: [a], keys: { timeout: 1s } }
  - { name: other, issuer: https://idp2.example/, jwks_uri: https://idp.example/keys, audiences: [a], keys: { timeout: 2s } }
upstreams: [{ name: api, endpoints: [\"http://127.0.0.1:1\"] }]
routes: [{ prefix: /, upstream: api }]
limits: { requests: 800 }
";

    fn read(keys: &str) -> Result<Config, Vec<String>> {
        let config = Config::parse("f", &FILE.replace("KEYS", keys), HashMap::new());
        config.map_err(|error| error.problems().iter().map(|problem| problem.field.clone()).collect())
    }

    #[test]
    fn what_is_out_of_range_or_unreadable_is_told_once_with_its_place() {
        for (keys, field) in [
            ("refresh_interval: 0s", "refresh_interval"),
            ("refresh_interval: 8days", "refresh_interval"),
            ("max_stale: 0s", "max_stale"),
            ("max_stale: 31days", "max_stale"),
            ("timeout: 0s", "timeout"),
            ("timeout: 61s", "timeout"),
            ("ca_file: /nonexistent.pem", "ca_file"),
            ("ca_file: /dev/null", "ca_file"),
        ] {
            assert_eq!(read(keys).unwrap_err(), [format!("issuers[0].keys.{field}")], "{keys}");
        }
        assert!(read("").is_ok());
    }

    #[test]
    fn sources_are_shared_only_if_they_are_handled_alike_and_share_the_places_to_wait() {
        let config = read("max_stale: 2h").unwrap();
        assert_eq!(config.keys.len(), 4, "two of Entra's, and one for each way to handle the same address");
        assert!(config.keys.iter().all(|keys| keys.max_waiting == 800 / 4 / 4));
        assert_eq!(config.keys[0].max_stale.as_secs(), 7200);
    }

    #[test]
    fn a_state_directory_is_for_all_sources_and_has_a_name() {
        let parse = |text: &str| Config::parse("f", &format!("{}{text}", FILE.replace("KEYS", "")), HashMap::new());
        let config = parse("state: { directory: /var/lib/x }\n").unwrap();
        assert!(config.keys.iter().all(|keys| keys.state_directory.as_deref() == Some("/var/lib/x".as_ref())));
        assert_eq!(parse("state: { directory: '' }\n").unwrap_err().problems()[0].field, "state.directory");
    }

    #[test]
    fn an_address_of_keys_holds_no_password() {
        let text = FILE.replace("KEYS", "").replace("https://idp.example/keys", "https://:secret@idp.example/keys");
        let error = Config::parse("f", &text, HashMap::new()).unwrap_err();
        assert_eq!(error.problems()[0].field, "issuers[1].jwks_uri");
    }
}
