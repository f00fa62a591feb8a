//! The words of the demo: its addresses, its configuration, and the lines to paste.

use std::fmt::Write;
use std::net::SocketAddr;

use anyhow::Context;

use super::calls::{Call, abroad};
use super::configuration::{origin, reachable};
use super::files::{Files, OperatorToken};
use super::nightly::{Nightly, Story};
use crate::app::App;
use mfa_gateway_demo::api::SampleApi;
use mfa_gateway_demo::people::{Client, NIGHTLY_CLIENT_ID, VENDOR_CLIENT_ID};
use mfa_gateway_demo::portal::Portal;
use mfa_gateway_demo::provider::IdentityProvider;

/// Who signs in at the portal, and what becomes of it.
const VISITS: [(&str, &str); 4] = [
    (
        "Jane",
        "Her company asks for MFA at each sign-in: every page opens. A customer's own page asks for MFA in its tenant.",
    ),
    ("Trent", "His company's own identity provider performs MFA: his pages open. Billing needs a role that he lacks."),
    ("John", "A password is enough for the overview. Customers sends him to MFA, where he registers first, and back."),
    ("others", "One person for each role of the published requirements."),
];

/// A demo that runs.
pub(super) struct Scene<'a> {
    pub(super) configuration: &'a str,
    pub(super) operator: Option<&'a OperatorToken>,
    pub(super) provider: &'a IdentityProvider,
    pub(super) api: &'a SampleApi,
    pub(super) portal: Option<&'a Portal>,
    pub(super) app: &'a App,
    pub(super) files: Option<&'a Files>,
    pub(super) nightly: Option<&'a Nightly>,
    /// Whether the lines contain the tokens themselves, for a shell that doesn't see the demo's files.
    pub(super) inline: bool,
}

impl Scene<'_> {
    /// The text that the demo prints.
    pub(super) fn tell(&self, calls: &[Call]) -> anyhow::Result<String> {
        let mut text = String::new();
        self.addresses(&mut text)?;
        let file = self.configured(&mut text)?;
        writeln!(text, "\nCalls to try; paste a line into another terminal:")?;
        let abroad = self.nightly.map(|_| abroad(self.provider));
        for call in calls.iter().chain(abroad.iter().flatten()) {
            writeln!(text, "\n# {}: {}. {}", call.title, call.status, call.why)?;
            let token = call.token.as_ref().map(|(name, token)| self.header(name, token)).transpose()?;
            writeln!(text, "curl -i {}http://{}{}", token.unwrap_or_default(), self.gateway(), call.path)?;
        }
        writeln!(
            text,
            "\n# Rotate the identity provider's signing key: 200. Tokens of the new key work within seconds; tokens \
             of the old key still work.\ncurl -i -X POST {}rotate",
            self.provider.issuer()
        )?;
        self.explain(&mut text, file.as_deref())?;
        self.at_night(&mut text)?;
        self.visit(&mut text)?;
        Ok(text)
    }

    fn addresses(&self, text: &mut String) -> anyhow::Result<()> {
        writeln!(text, "The demo is running. Ctrl-C ends it.\n")?;
        if self.portal.is_some() {
            writeln!(text, "  portal             {}/  (open it in a browser)", origin(self.gateway()))?;
        }
        writeln!(text, "  gateway            http://{}/healthz  /v1/customers", self.gateway())?;
        if let Some(admin) = self.app.admin_address().map(reachable) {
            writeln!(text, "  admin listener     http://{admin}/readyz  /livez  /metrics")?;
            if let Some(operator) = self.operator {
                match self.portal {
                    Some(_) => writeln!(text, "  operator site      http://{admin}/  (open it in a browser)")?,
                    None => writeln!(text, "  explain page       http://{admin}/")?,
                }
                writeln!(text, "  operator token     {}", operator.token)?;
            }
        }
        writeln!(text, "  identity provider  {}", self.provider.issuer())?;
        writeln!(text, "  partner API        http://{}/  (behind the gateway)", self.api.address())?;
        if let Some(portal) = self.portal {
            writeln!(text, "  portal server      http://{}/  (behind the gateway)", portal.address())?;
        }
        writeln!(text)?;
        Ok(())
    }

    /// The published requirements' three examples, for a browser.
    fn visit(&self, text: &mut String) -> anyhow::Result<()> {
        if self.portal.is_none() {
            return Ok(());
        }
        writeln!(
            text,
            "\nPeople to sign in as, at the portal {}/ in a browser; any password will do:\n",
            origin(self.gateway())
        )?;
        for (who, what) in VISITS {
            writeln!(text, "  {who:<6} {what}")?;
        }
        if let Some(admin) = self.app.admin_address().filter(|_| self.operator.is_some()) {
            writeln!(
                text,
                "\nAt the operator site {}/, Jane gets in, and others who are Admin agent or Global administrator, with MFA.",
                origin(admin)
            )?;
        }
        if self.inline {
            writeln!(text, "\n  (From outside a container, the portal needs its network: docker run --network host)")?;
        }
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

    /// The configuration: its file, where a shell sees that, or else the text.
    fn configured(&self, text: &mut String) -> anyhow::Result<Option<String>> {
        if let Some(files) = self.files.filter(|_| !self.inline) {
            let file = files.write("gateway.yaml", self.configuration).context("the configuration can't be written")?;
            writeln!(text, "The gateway's configuration is in {file}")?;
            return Ok(Some(file));
        }
        writeln!(text, "The gateway's configuration:\n")?;
        for line in self.configuration.lines() {
            writeln!(text, "  {line}")?;
        }
        Ok(None)
    }

    /// The way from a refusal to its reason.
    fn explain(&self, text: &mut String, config: Option<&str>) -> anyhow::Result<()> {
        let (Some(files), Some(config)) = (self.files, config) else { return Ok(()) };
        let (program, folder) = (program(), files.folder().display());
        writeln!(text, "\n# Why is John refused? Step by step:")?;
        writeln!(text, "{program} explain --config {config} --path /v1/customers --token-file {folder}/john")?;
        Ok(())
    }

    /// The program that runs at night, for a shell that sees the demo's files.
    fn at_night(&self, text: &mut String) -> anyhow::Result<()> {
        let admin = self.app.admin_address().filter(|_| !self.inline);
        if let (Some(_), Some(admin), Some(operator)) = (self.nightly, admin, self.operator) {
            let own = |name, id| {
                let program = Client::find(id).context("the demo doesn't know its program")?;
                self.header(name, &self.provider.app_token_of(program))
            };
            Story {
                program: &program(),
                issuer: self.provider.issuer(),
                gateway: &origin(self.gateway()),
                api: &format!("http://{}", self.api.address()),
                access: &format!("--admin-url {} --operator-token-file {}", origin(admin), operator.file),
                own: &own("nightly-job", NIGHTLY_CLIENT_ID)?,
                vendor: &own("vendor", VENDOR_CLIENT_ID)?,
            }
            .tell(text)?;
        }
        Ok(())
    }

    fn gateway(&self) -> SocketAddr {
        reachable(self.app.addresses().first().copied().unwrap_or_else(|| self.api.address()))
    }
}

/// The program as it was typed; cargo, too, gives the path.
fn program() -> String {
    std::env::args().next().unwrap_or_else(|| "mfa-gateway".to_owned())
}
