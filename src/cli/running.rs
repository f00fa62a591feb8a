//! A running gateway, asked over its admin listener as an operator.

use std::io::Read;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde::Serialize;
use serde_json::Value;
use url::Url;

use super::given::reachable;
use crate::config::{AdminPlace, admin_place};
use crate::server::Address;
use mfa_gateway_keys::is_loopback;

/// The longest file of tokens, and the longest response, in bytes.
const MAX_FILE: u64 = 1 << 20;
const MAX_RESPONSE: usize = 16 << 20;

/// Where the gateway is, and who asks.
#[derive(Debug, clap::Args)]
pub(super) struct Running {
    /// The address of the admin listener, such as `https://gateway.internal:9090`. Without it, `admin.address` of the
    /// configuration.
    #[arg(long, env = "MFA_GATEWAY_ADMIN_URL", value_name = "URL", global = true)]
    pub(super) admin_url: Option<Url>,
    /// A PEM file with authorities to trust for that listener's certificate, besides the system's.
    #[arg(long, env = "MFA_GATEWAY_ADMIN_CA_FILE", value_name = "FILE", global = true)]
    pub(super) admin_ca_file: Option<PathBuf>,
    /// The file of an operator's token, `-` for standard input: the first line that is neither empty nor a comment.
    #[arg(long, env = "MFA_GATEWAY_OPERATOR_TOKEN_FILE", value_name = "FILE", global = true)]
    pub(super) operator_token_file: Option<PathBuf>,
    /// How long a response may take.
    #[arg(
        long, env = "MFA_GATEWAY_ADMIN_TIMEOUT", value_name = "DURATION", default_value = "10s",
        value_parser = humantime::parse_duration, global = true
    )]
    pub(super) admin_timeout: Duration,
}

/// What the gateway responds with.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) document: Value,
}

impl Running {
    /// Gets a document.
    ///
    /// # Errors
    ///
    /// If the gateway can't be asked.
    pub(super) async fn get(&self, config: &Path, path: &str, query: &[(&str, String)]) -> anyhow::Result<Response> {
        let mut url = self.url(config, path)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.send(url, None::<&()>).await
    }

    /// Posts a question.
    ///
    /// # Errors
    ///
    /// If the gateway can't be asked.
    pub(super) async fn post(&self, config: &Path, path: &str, question: &impl Serialize) -> anyhow::Result<Response> {
        self.send(self.url(config, path)?, Some(question)).await
    }

    async fn send(&self, url: Url, question: Option<&impl Serialize>) -> anyhow::Result<Response> {
        let at = url.origin().ascii_serialization();
        // A token crosses this connection, so that over a network it must be an authentic one.
        let client = reqwest::Client::builder().no_proxy().tls_certs_merge(authorities(self.admin_ca_file.as_deref())?);
        let client = client.redirect(reqwest::redirect::Policy::none()).timeout(self.admin_timeout).build()?;
        let request = match question {
            None => client.get(url),
            Some(question) => {
                let body = serde_json::to_vec(question)?;
                client.post(url).header(http::header::CONTENT_TYPE, "application/json").body(body)
            }
        };
        Response::to(request.bearer_auth(self.token()?), &at, "the admin listener").await
    }

    fn url(&self, config: &Path, path: &str) -> anyhow::Result<Url> {
        let base = match &self.admin_url {
            Some(url) => url.clone(),
            None => configured(config)?,
        };
        check_secrecy(&base)?;
        base.join(path).with_context(|| format!("{base} is not an address to ask at"))
    }

    fn token(&self) -> anyhow::Result<String> {
        let Some(file) = &self.operator_token_file else {
            bail!(
                "no operator's token is given; name its file with --operator-token-file, such as `admin.authentication.token_file`"
            )
        };
        read_token(file)
    }
}

/// Sees to it that a token goes over TLS, or stays on this machine.
///
/// # Errors
///
/// If it would go over a network in clear text.
pub(super) fn check_secrecy(url: &Url) -> anyhow::Result<()> {
    ensure!(
        url.scheme() == "https" || url.scheme() == "http" && is_loopback(url),
        "{url} would carry the token in clear text; use `https`, or an address of loopback"
    );
    Ok(())
}

/// The authorities of a file, to trust besides the system's.
///
/// # Errors
///
/// If it can't be read, or has none.
pub(super) fn authorities(file: Option<&Path>) -> anyhow::Result<Vec<reqwest::Certificate>> {
    let Some(file) = file else { return Ok(Vec::new()) };
    let pem = std::fs::read(file).with_context(|| format!("{} can't be read", file.display()))?;
    reqwest::Certificate::from_pem_bundle(&pem).with_context(|| format!("{} has no certificate", file.display()))
}

/// The first token of a file; `-` is standard input.
///
/// # Errors
///
/// If the file can't be read, or has none.
pub(super) fn read_token(file: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().take(MAX_FILE).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(MAX_FILE).read_to_string(&mut text))
    };
    read.with_context(|| format!("the token in {} can't be read", file.display()))?;
    token_in(&text).with_context(|| format!("{} holds no token", file.display()))
}

/// The first token of a file, which is written as `admin.authentication.token_file` is.
fn token_in(text: &str) -> Option<String> {
    let mut lines = text.lines().map(str::trim);
    lines.find(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned)
}

/// Where a configuration says that the admin listener is.
fn configured(config: &Path) -> anyhow::Result<Url> {
    let file = config.display();
    let AdminPlace { address, tls } = admin_place(config)?.with_context(|| {
        format!("{file} has no `admin`; add `admin: {{ address: 127.0.0.1:9090 }}` with `authentication`, or use --admin-url")
    })?;
    let Address::Socket(address) = address else {
        bail!("admin.address of {file} is a passed socket; say where that is with --admin-url")
    };
    let address = reachable(address);
    // A certificate has a name, and loopback has one.
    let host = if tls && address.ip().is_loopback() { "localhost".to_owned() } else { host_of(address.ip()) };
    let scheme = if tls { "https" } else { "http" };
    Ok(Url::parse(&format!("{scheme}://{host}:{}/", address.port()))?)
}

fn host_of(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

impl Response {
    /// The response to a request at `at`, which is to be `what` of a gateway.
    ///
    /// # Errors
    ///
    /// If there is none, or it isn't JSON.
    pub(super) async fn to(request: reqwest::RequestBuilder, at: &str, what: &str) -> anyhow::Result<Self> {
        let mut response = request.send().await.with_context(|| format!("the gateway at {at} can't be asked"))?;
        let (status, mut body) = (response.status().as_u16(), Vec::new());
        while let Some(part) = response.chunk().await? {
            ensure!(body.len() + part.len() <= MAX_RESPONSE, "the gateway's response is too long");
            body.extend_from_slice(&part);
        }
        let document = serde_json::from_slice(&body)
            .with_context(|| format!("{at} responds with {status} and no JSON; is this {what}?"))?;
        Ok(Self { status, document })
    }

    /// What a refusal says, in a sentence or two.
    pub(super) fn trouble(&self) -> String {
        let text = |name: &str| self.document[name].as_str().filter(|text| !text.is_empty());
        let told: Vec<_> = [text("detail"), text("remedy")].into_iter().flatten().collect();
        if told.is_empty() { format!("the gateway responds with {}", self.status) } else { told.join(" ") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(url: &str) -> Running {
        let (admin_url, admin_timeout) = (Some(url.parse().unwrap()), Duration::from_secs(1));
        Running { admin_url, admin_ca_file: None, operator_token_file: None, admin_timeout }
    }

    #[test]
    fn a_token_goes_over_tls_or_stays_on_this_machine() {
        for url in
            ["https://gateway.internal:9090", "http://127.0.0.1:9090", "http://localhost:9090/", "http://[::1]:1"]
        {
            let asked = running(url).url(Path::new("none"), "/sessions").unwrap();
            assert!(asked.as_str().ends_with("/sessions"), "{asked}");
        }
        for url in [
            "http://gateway.internal:9090",
            "http://192.0.2.1:9090",
            "ftp://127.0.0.1/",
            "http://localhost.evil.example/",
        ] {
            assert!(running(url).url(Path::new("none"), "/sessions").is_err(), "{url}");
        }
    }

    #[test]
    fn the_first_token_of_a_file_is_used() {
        assert_eq!(token_in("# first\n\n  abc  \nother\n").as_deref(), Some("abc"));
        assert_eq!(token_in("# none\n\n"), None);
    }
}
