//! Where traces go, from the file to what is used.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::problem::Problems;
use super::values::duration;
use super::{file, keys};
use crate::telemetry::{TraceProtocol, TraceSettings};
use mfa_gateway_keys::is_loopback;

const PATH: &str = "telemetry.traces";

/// The largest file of header fields.
const MAX_HEADERS_FILE: u64 = 64 << 10;

/// Builds the settings, if there are any.
pub(super) fn build(file: &file::Traces, problems: &mut Problems<'_>) -> Option<TraceSettings> {
    let endpoint = endpoint(file, problems);
    let sampling = file.sampling.unwrap_or(0.1);
    if !(0.0..=1.0).contains(&sampling) {
        let message = format!("{sampling} is not between 0 and 1");
        problems.add(
            &format!("{PATH}.sampling"),
            message,
            "write a number from 0 to 1: `0.1` samples one request in ten",
        );
    }
    let files = [&file.headers_file, &file.ca_file];
    let path = |file: &Option<String>| file.as_ref().map(PathBuf::from);
    let ca_file = path(&file.ca_file);
    let authorities = ca_file.map(|file| keys::authorities(&format!("{PATH}.ca_file"), &file, problems));
    let headers = path(&file.headers_file).map(|file| headers(&file, problems));
    let service_name = file.service_name.clone().unwrap_or_else(|| "mfa-gateway".to_owned());
    if service_name.is_empty() {
        problems.add(&format!("{PATH}.service_name"), "the service name is empty", "write one, or remove the field");
    }
    Some(TraceSettings {
        endpoint: endpoint?,
        protocol: match file.protocol {
            file::TraceProtocol::Http => TraceProtocol::Http,
            file::TraceProtocol::Grpc => TraceProtocol::Grpc,
        },
        sampling,
        service_name,
        timeout: duration(&format!("{PATH}.timeout"), file.timeout.as_deref(), Duration::from_secs(10), problems),
        headers: headers.unwrap_or_default(),
        authorities: authorities.unwrap_or_default(),
        files: files.into_iter().filter_map(path).collect(),
    })
}

fn endpoint(file: &file::Traces, problems: &mut Problems<'_>) -> Option<Url> {
    let path = format!("{PATH}.endpoint");
    let url = Url::parse(&file.endpoint).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let Some(url) = url else {
        let fix = "write `http://localhost:4318`, or `https://collector.example:4317` with `protocol: grpc`";
        problems.add(&path, "this is not the address of a collector", fix);
        return None;
    };
    if !url.username().is_empty() || url.password().is_some() {
        problems.add(
            &path,
            "the address contains credentials",
            "write them to a file, and name the file in `headers_file`",
        );
    }
    if file.protocol == file::TraceProtocol::Grpc && url.path() != "/" {
        problems.add(&path, "the address has a path, which gRPC doesn't use", "remove the path");
    }
    if file.headers_file.is_some() && url.scheme() == "http" && !is_loopback(&url) {
        let message = "the header fields of `headers_file` would be sent over http, where an attacker on the network \
            could read them";
        problems.add(&path, message, "use https");
    }
    Some(url)
}

/// Reads a file of `name: value` lines. Its values are secrets, so that no problem repeats them.
fn headers(file: &Path, problems: &mut Problems<'_>) -> HeaderMap {
    let path = format!("{PATH}.headers_file");
    let fix = "name a file with one `name: value` per line";
    let text = match mfa_gateway_files::read_text(file, MAX_HEADERS_FILE) {
        Ok(text) => text,
        Err(error) => {
            problems.add(&path, format!("{} could not be read: {error}", file.display()), fix);
            return HeaderMap::new();
        }
    };
    let mut headers = HeaderMap::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let field = line.split_once(':').and_then(|(name, value)| {
            let mut value = HeaderValue::from_str(value.trim()).ok()?;
            value.set_sensitive(true);
            Some((HeaderName::try_from(name.trim()).ok()?, value))
        });
        match field {
            Some((name, value)) => _ = headers.append(name, value),
            None => problems.add(&path, format!("line {} of {} is not a header field", at + 1, file.display()), fix),
        }
    }
    headers
}
