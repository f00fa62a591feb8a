//! `token`: an access token of a consent, for a program, of a gateway's token broker.
//!
//! Standard output has the token and nothing else, so that a script can take it as it is. No secret is an argument: others on
//! the machine can read the arguments of a process.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::ArgGroup;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use url::Url;

use super::given::yes_or_no;
use super::print::{print_json, write};
use super::running::{Response, authorities, check_secrecy, read_token};
use crate::oidc::{AssertionAudience, Client, ClientAuthentication, ClientSettings, ResponseMode, Secret, SigningKey};
use mfa_gateway_core::clock::Clock;
use mfa_gateway_keys::{Fetching, Metadata};

#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("proof").args(["client_secret_file", "client_certificate_file"]))]
pub(super) struct Token {
    /// The consent's name.
    #[arg(env = "MFA_GATEWAY_TOKEN_CONSENT")]
    pub(super) consent: String,
    /// The address of the gateway's route with `serve: token_broker`, such as `https://gateway.internal/broker/`.
    #[arg(long, env = "MFA_GATEWAY_BROKER_URL", value_name = "URL")]
    pub(super) broker_url: Url,
    /// The tenant that the token is to be of, if not the consent's.
    #[arg(long, env = "MFA_GATEWAY_TOKEN_TENANT", value_name = "TENANT")]
    pub(super) tenant: Option<String>,
    /// The scope that the token is to be for, if not the consent's.
    #[arg(long, env = "MFA_GATEWAY_TOKEN_SCOPE", value_name = "SCOPE")]
    pub(super) scope: Option<String>,
    /// The file of the program's own app-only token; `-` is standard input.
    #[arg(
        long, env = "MFA_GATEWAY_CALLER_TOKEN_FILE", value_name = "FILE",
        conflicts_with_all = ["client_id", "client_certificate_file"],
        required_unless_present_any = ["client_id", "client_certificate_file"]
    )]
    pub(super) caller_token_file: Option<PathBuf>,
    /// The program's certificate (PEM): for the gateway's listener, or with --client-id for the issuer.
    #[arg(long, env = "MFA_GATEWAY_CLIENT_CERTIFICATE_FILE", value_name = "FILE", requires = "client_key_file")]
    pub(super) client_certificate_file: Option<PathBuf>,
    /// The certificate's private key (PEM).
    #[arg(long, env = "MFA_GATEWAY_CLIENT_KEY_FILE", value_name = "FILE", requires = "client_certificate_file")]
    pub(super) client_key_file: Option<PathBuf>,
    /// The program's id at its issuer, to ask that for its own token (client credentials).
    #[arg(long, env = "MFA_GATEWAY_CLIENT_ID", value_name = "ID", requires_all = ["token_endpoint", "proof"])]
    pub(super) client_id: Option<String>,
    /// The file of the program's secret at its issuer. A certificate is better.
    #[arg(long, env = "MFA_GATEWAY_CLIENT_SECRET_FILE", value_name = "FILE", requires = "client_id")]
    pub(super) client_secret_file: Option<PathBuf>,
    /// The issuer's token endpoint.
    #[arg(long, env = "MFA_GATEWAY_TOKEN_ENDPOINT", value_name = "URL", requires = "client_id")]
    pub(super) token_endpoint: Option<Url>,
    /// The scope of the program's own token: the gateway's audience, such as `api://gateway/.default`.
    #[arg(long, env = "MFA_GATEWAY_CLIENT_SCOPE", value_name = "SCOPE", requires = "client_id")]
    pub(super) client_scope: Option<String>,
    /// A PEM file with authorities to trust besides the system's.
    #[arg(long, env = "MFA_GATEWAY_TOKEN_CA_FILE", value_name = "FILE")]
    pub(super) ca_file: Option<PathBuf>,
    /// How long each response may take.
    #[arg(
        long, env = "MFA_GATEWAY_TOKEN_TIMEOUT", value_name = "DURATION", default_value = "30s",
        value_parser = humantime::parse_duration
    )]
    pub(super) timeout: Duration,
    /// Prints JSON: the token, when it expires, and whether it has MFA.
    #[arg(long, env = "MFA_GATEWAY_TOKEN_JSON", value_parser = yes_or_no)]
    pub(super) json: bool,
}

/// Prints the token. The exit code is 0 if there is one.
///
/// # Errors
///
/// If there is none: with what the gateway or the issuer says.
pub(super) async fn token(args: Token) -> anyhow::Result<ExitCode> {
    check_secrecy(&args.broker_url)?;
    let own = args.own_token().await?;
    let client = reqwest::Client::builder().no_proxy().tls_certs_merge(authorities(args.ca_file.as_deref())?);
    let mut client = client.redirect(reqwest::redirect::Policy::none()).timeout(args.timeout);
    if own.is_none() {
        client = client.identity(args.identity()?);
    }
    let question = json!({"consent": args.consent, "tenant": args.tenant, "scope": args.scope});
    let url = below(&args.broker_url);
    let at = url.origin().ascii_serialization();
    let mut request = client.build()?.post(url).header(http::header::CONTENT_TYPE, "application/json");
    request = request.body(serde_json::to_vec(&question)?);
    if let Some(own) = own {
        request = request.bearer_auth(own);
    }
    let Response { status, document } = Response::to(request, &at, "a route that serves the token broker").await?;
    if status != 200 {
        bail!(refused(status, &document));
    }
    let token = document["access_token"].as_str().filter(|token| is_token(token));
    let token = token.with_context(|| format!("{at} responds with no access token; is --broker-url right?"))?;
    if args.json { print_json(&document) } else { write(&format!("{token}\n")) }
}

impl Token {
    /// The program's own token, unless a certificate is to say who it is.
    async fn own_token(&self) -> anyhow::Result<Option<String>> {
        if let Some(file) = &self.caller_token_file {
            return read_token(file).map(Some);
        }
        let (Some(id), Some(endpoint)) = (&self.client_id, &self.token_endpoint) else { return Ok(None) };
        check_secrecy(endpoint)?;
        let settings = ClientSettings {
            client_id: id.clone(),
            authentication: self.authentication()?,
            scopes: Vec::new(),
            response_mode: ResponseMode::Query,
            par: false,
            parameters: Vec::new(),
            timeout: self.timeout,
            allow_http: false,
            authorities: trusted(self.ca_file.as_deref())?,
        };
        let document = json!({"token_endpoint": endpoint}).to_string();
        let metadata = Metadata::parse(document.as_bytes(), endpoint.as_str());
        let client = Client::new(settings, Clock::system(), &Fetching::default())?;
        let own = client.own_token(&metadata, self.client_scope.as_deref()).await;
        let own = own.with_context(|| format!("{endpoint} gives the program no token of its own"))?;
        Ok(Some(own.access_token))
    }

    fn authentication(&self) -> anyhow::Result<ClientAuthentication> {
        if let Some(file) = &self.client_secret_file {
            let secret = Secret::new(&String::from_utf8(read(file)?).context("the secret is not a text")?);
            return Ok(ClientAuthentication::SecretPost(secret));
        }
        let (certificate, key) = self.certificate()?;
        let key = SigningKey::parse(&key, Some(&certificate), None, None).context("the program's key can't be used")?;
        Ok(ClientAuthentication::PrivateKeyJwt(key, AssertionAudience::TokenEndpoint))
    }

    /// What says at the gateway's listener who the program is.
    fn identity(&self) -> anyhow::Result<reqwest::Identity> {
        let (certificate, key) = self.certificate()?;
        let pem = [certificate, b"\n".to_vec(), key].concat();
        reqwest::Identity::from_pem(&pem).context("the program's certificate and key can't be used")
    }

    fn certificate(&self) -> anyhow::Result<(Vec<u8>, Vec<u8>)> {
        let (Some(certificate), Some(key)) = (&self.client_certificate_file, &self.client_key_file) else {
            bail!("nothing says who the program is; add --caller-token-file, --client-certificate-file or --client-id")
        };
        Ok((read(certificate)?, read(key)?))
    }
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("{} can't be read", file.display()))
}

fn trusted(file: Option<&Path>) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let Some(file) = file else { return Ok(Vec::new()) };
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(file)?).collect();
    let found = found.with_context(|| format!("{} has no certificate", file.display()))?;
    ensure!(!found.is_empty(), "{} has no certificate", file.display());
    Ok(found)
}

/// Where the broker gives tokens. An address without a slash at its end means the same.
fn below(broker: &Url) -> Url {
    let mut url = broker.clone();
    url.set_query(None);
    url.set_fragment(None);
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(["v1", "token"]);
    }
    url
}

/// What a script can take as a word (RFC 6750 section 2.1).
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte))
}

/// What a refusal says: its reason, the description and the remedy.
fn refused(status: u16, document: &Value) -> String {
    let text = |name: &str| document[name].as_str().filter(|text| !text.is_empty());
    let said: Vec<_> = [text("description"), text("remedy")].into_iter().flatten().collect();
    match text("reason") {
        Some(reason) => format!("{reason} ({status}): {}", said.join(" ")),
        None => format!(
            "the gateway responds with {status}; is --broker-url the address of a route that serves the token broker?"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_broker_is_asked_below_its_route() {
        for broker in [
            "https://gateway.internal/broker/",
            "https://gateway.internal/broker",
            "https://gateway.internal/broker/?a#b",
        ] {
            let url = below(&broker.parse().unwrap());
            assert_eq!(url.as_str(), "https://gateway.internal/broker/v1/token");
        }
    }

    #[test]
    fn a_refusal_has_its_reason_and_its_remedy() {
        let document = json!({"reason": "consent_unusable", "description": "It is absent.", "remedy": "Give it."});
        assert_eq!(refused(409, &document), "consent_unusable (409): It is absent. Give it.");
        assert!(refused(404, &json!([])).contains("--broker-url"));
    }

    #[test]
    fn what_a_terminal_or_a_shell_would_act_on_is_no_token() {
        assert!(is_token("eyJ.a-b_c.d~+/="));
        for odd in ["", "a b", "a\u{1b}[31m", "a\nb", "é"] {
            assert!(!is_token(odd), "{odd:?}");
        }
    }
}
