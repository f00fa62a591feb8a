//! The gateway's configuration in the demo, as it would be written for this issuer, API and portal.

use std::net::{Ipv4Addr, SocketAddr};

use super::files::OperatorToken;
use super::nightly::{Nightly, UNATTENDED};
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_demo::people::{
    ADMIN_AGENTS, BILLING_ADMINISTRATOR, DEFAULT_AUDIENCE, GLOBAL_ADMINISTRATOR, HELPDESK_AGENTS, PORTAL_CLIENT_ID,
    SALES_AGENTS,
};

/// What the configuration speaks of.
#[derive(Debug)]
pub(super) struct Places<'a> {
    pub(super) gateway: SocketAddr,
    pub(super) admin: SocketAddr,
    pub(super) issuer: &'a str,
    pub(super) api: SocketAddr,
    pub(super) operator: Option<&'a OperatorToken>,
    pub(super) portal: Option<PortalPlace<'a>>,
    /// The program that runs at night, with files to keep its consent in.
    pub(super) nightly: Option<&'a Nightly>,
    pub(super) now: Timestamp,
}

/// The portal, and the file with the secret of its sign-in.
#[derive(Clone, Copy, Debug)]
pub(super) struct PortalPlace<'a> {
    pub(super) upstream: SocketAddr,
    pub(super) secret_file: &'a str,
}

impl Places<'_> {
    /// The file's text.
    pub(super) fn configuration(&self) -> String {
        let Self { gateway, admin, issuer, api, .. } = self;
        let operators = if self.portal.is_some() { OPERATORS } else { "" };
        let operator = self.operator.map(|operator| &operator.file);
        let operator =
            operator.map(|file| format!(", authentication: {{ token_file: {file}{operators} }}")).unwrap_or_default();
        let part = |text: fn(&Self, &PortalPlace<'_>) -> String| {
            self.portal.as_ref().map(|portal| text(self, portal)).unwrap_or_default()
        };
        let (sign_in, upstream, routes) =
            (part(Self::sign_in), part(|_, portal| upstream(portal)), part(|_, _| ROUTES.to_owned()));
        let nightly = self.nightly.map(|nightly| nightly.configuration(issuer, self.now)).unwrap_or_default();
        let [home, customers, unattended] = if nightly.is_empty() { [""; 3] } else { [HOME, CUSTOMERS, UNATTENDED] };
        format!(
            "\
listeners: [{{ address: '{gateway}' }}]
admin: {{ address: '{admin}'{operator} }}
issuers:
  - name: demo
    issuer: {issuer}
    audiences: [{DEFAULT_AUDIENCE}]
{home}{sign_in}{nightly}upstreams:
  - {{ name: partner-api, endpoints: ['http://{api}'] }}
{upstream}routes:
  - {{ path: /healthz, upstream: partner-api, require: public }}
  - {{ prefix: /v1/, upstream: partner-api, require: mfa, app_only: allow }}
{customers}{unattended}{routes}"
        )
    }

    /// Who may open what, and how people sign in.
    fn sign_in(&self, portal: &PortalPlace<'_>) -> String {
        let (site, origin, secret) = (origin(self.admin), origin(self.gateway), portal.secret_file);
        let issuer = self.issuer;
        let site = self.operator.map(|_| {
            format!(
                "  - name: operators
    issuer: demo
    public_url: {site}
    client_id: {PORTAL_CLIENT_ID}
    client_secret_file: {secret}
    step_up: {{ amr_values: [mfa] }}
    session: {{ cookie: operators }}
"
            )
        });
        let site = site.unwrap_or_default();
        format!(
            "\
roles:
  - {{ name: Admin agent, any: [{{ claim: groups, contains: {ADMIN_AGENTS} }}] }}
  - {{ name: Sales agent, any: [{{ claim: groups, contains: {SALES_AGENTS} }}] }}
  - {{ name: Helpdesk agent, any: [{{ claim: groups, contains: {HELPDESK_AGENTS} }}] }}
  - {{ name: Global administrator, any: [{{ claim: wids, contains: {GLOBAL_ADMINISTRATOR} }}] }}
  - {{ name: Billing administrator, any: [{{ claim: wids, contains: {BILLING_ADMINISTRATOR} }}] }}
sign_in:
  - name: portal
    issuer: demo
    public_url: {origin}
    client_id: {PORTAL_CLIENT_ID}
    client_secret_file: {secret}
    step_up: {{ amr_values: [mfa] }}
    session: {{ display: [name] }}
    tenant_authorization_endpoint: '{issuer}{{tenant}}/authorize'
    tenant_token_endpoint: '{issuer}{{tenant}}/token'
{site}report: {{}}
"
        )
    }
}

/// Who of those that sign in is an operator of the gateway.
const OPERATORS: &str = ", sign_in: { name: operators, roles: [Admin agent, Global administrator] }";

/// Which claim names the home tenant, also of somebody who is signed in to a customer's.
const HOME: &str = "    home_claim: home_tid\n";

/// The paths of a customer, for those who are signed in to its tenant.
const CUSTOMERS: &str =
    "  - { prefix: '/v1/customers/{customer}/', upstream: partner-api, context: customer, roles: [Admin agent] }
  - { prefix: '/customers/{customer}/', upstream: portal, credential: session, context: customer, roles: [Admin agent] }
";

fn upstream(portal: &PortalPlace<'_>) -> String {
    format!("  - {{ name: portal, endpoints: ['http://{}'] }}\n", portal.upstream)
}

/// The pages of the published requirements, and who may open them.
const ROUTES: &str = "  - { prefix: /, upstream: portal, credential: session, require: authenticated }
  - { path: /status, upstream: portal, require: public }
  - prefix: /commerce/
    upstream: portal
    credential: session
    require: mfa
    roles: [Admin agent, Sales agent, Helpdesk agent]
  - prefix: /dashboard/support/csp/customers/
    upstream: portal
    credential: session
    require: mfa
    roles: [Admin agent, Helpdesk agent]
  - prefix: /billing/
    upstream: portal
    credential: session
    require: mfa
    roles: [Admin agent, Global administrator, Billing administrator]
";

/// The address that a client on this machine connects to.
pub(super) fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() { (Ipv4Addr::LOCALHOST, address.port()).into() } else { address }
}

/// An address as a browser on this machine sees it, as an origin.
pub(super) fn origin(address: SocketAddr) -> String {
    format!("http://{}", reachable(address))
}
