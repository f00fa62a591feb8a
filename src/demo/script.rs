//! The words of the demo: its configuration, its addresses, and the lines to paste.

use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context;

use super::calls::Call;
use super::files::{Files, OperatorToken};
use crate::app::App;
use mfa_gateway_demo::api::SampleApi;
use mfa_gateway_demo::people::DEFAULT_AUDIENCE;
use mfa_gateway_demo::provider::IdentityProvider;

/// The gateway's configuration file, as it would be written for this issuer and API.
pub(super) fn configuration(
    gateway: SocketAddr,
    admin: SocketAddr,
    provider: &IdentityProvider,
    api: &SampleApi,
    operator: Option<&OperatorToken>,
) -> String {
    let operator =
        operator.map(|operator| format!(", authentication: {{ token_file: {} }}", operator.file)).unwrap_or_default();
    format!(
        "\
listeners: [{{ address: '{gateway}' }}]
admin: {{ address: '{admin}'{operator} }}
issuers:
  - name: demo
    issuer: {issuer}
    audiences: [{DEFAULT_AUDIENCE}]
upstreams: [{{ name: partner-api, endpoints: ['http://{api}'] }}]
routes:
  - {{ path: /healthz, upstream: partner-api, require: public }}
  - {{ prefix: /v1/, upstream: partner-api, require: mfa, app_only: allow }}
",
        issuer = provider.issuer(),
        api = api.address(),
    )
}

/// A demo that runs.
pub(super) struct Scene<'a> {
    pub(super) configuration: &'a str,
    pub(super) operator: Option<&'a OperatorToken>,
    pub(super) provider: &'a IdentityProvider,
    pub(super) api: &'a SampleApi,
    pub(super) app: &'a App,
    pub(super) files: Option<&'a Files>,
    /// Whether the lines contain the tokens themselves, for a shell that doesn't see the demo's files.
    pub(super) inline: bool,
}

impl Scene<'_> {
    /// The text that the demo prints.
    pub(super) fn tell(&self, calls: &[Call]) -> anyhow::Result<String> {
        let mut text = String::new();
        self.addresses(&mut text)?;
        writeln!(text, "The gateway's configuration:\n")?;
        for line in self.configuration.lines() {
            writeln!(text, "  {line}")?;
        }
        writeln!(text, "\nCalls to try; paste a line into another terminal:")?;
        for call in calls {
            writeln!(text, "\n# {}: {}. {}", call.title, call.status, call.why)?;
            let token = call.token.as_ref().map(|(name, token)| self.header(name, token)).transpose()?;
            writeln!(text, "curl -i {}http://{}/v1/customers", token.unwrap_or_default(), self.gateway())?;
        }
        writeln!(
            text,
            "\n# Rotate the identity provider's signing key: 200. Tokens of the new key work within seconds; tokens \
             of the old key still work.\ncurl -i -X POST {}rotate",
            self.provider.issuer()
        )?;
        self.explain(&mut text)?;
        Ok(text)
    }

    fn addresses(&self, text: &mut String) -> anyhow::Result<()> {
        writeln!(text, "The demo is running. Ctrl-C ends it.\n")?;
        writeln!(text, "  gateway            http://{}/healthz  /v1/customers", self.gateway())?;
        if let Some(admin) = self.app.admin_address().map(reachable) {
            writeln!(text, "  admin listener     http://{admin}/readyz  /livez  /metrics")?;
            if let Some(operator) = self.operator {
                writeln!(text, "  explain page       http://{admin}/")?;
                writeln!(text, "  operator token     {}", operator.token)?;
            }
        }
        writeln!(text, "  identity provider  {}", self.provider.issuer())?;
        writeln!(text, "  partner API        http://{}/  (behind the gateway)\n", self.api.address())?;
        Ok(())
    }

    /// The argument that gives `curl` the token.
    fn header(&self, name: &str, token: &str) -> anyhow::Result<String> {
        Ok(match self.files.filter(|_| !self.inline) {
            Some(files) => {
                let file = files.write(name, token).with_context(|| format!("the token {name} can't be written"))?;
                format!("-H \"Authorization: Bearer $(cat {file})\" ")
            }
            None => format!("-H 'Authorization: Bearer {token}' "),
        })
    }

    /// The way from a refusal to its reason.
    fn explain(&self, text: &mut String) -> anyhow::Result<()> {
        let Some(files) = self.files.filter(|_| !self.inline) else { return Ok(()) };
        let config = files.write("gateway.yaml", self.configuration).context("the configuration can't be written")?;
        // As it was typed; cargo, too, gives the path.
        let program = std::env::args().next().unwrap_or_else(|| "mfa-gateway".to_owned());
        let folder = files.folder().display();
        writeln!(text, "\n# Why is John refused? Step by step:")?;
        writeln!(text, "{program} explain --config {config} --path /v1/customers --token-file {folder}/john")?;
        Ok(())
    }

    fn gateway(&self) -> SocketAddr {
        reachable(self.app.addresses().first().copied().unwrap_or_else(|| self.api.address()))
    }
}

/// The address that a client on this machine connects to.
fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() { (Ipv4Addr::LOCALHOST, address.port()).into() } else { address }
}
