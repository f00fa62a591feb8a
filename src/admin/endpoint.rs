//! What the admin listener serves.

use http::Method;

use crate::gateway::Reason;

/// Something that is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    Alive,
    Ready,
    Metrics,
    Config,
    Issuers,
    Routes,
    Explain,
    Reload,
    OpenApi,
    Page,
    Script,
    Style,
}

/// Who may have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    /// Everybody: a kubelet shows no token.
    Everybody,
    /// Everybody, or operators alone where the configuration says so.
    Details,
    /// Operators.
    Operators,
    /// Everybody, where there are operators: a browser asks for a page before its user can show a token. It is the same for
    /// all and tells nothing of the gateway.
    Static,
}

const GET: &[Method] = &[Method::GET, Method::HEAD];
const POST: &[Method] = &[Method::POST];

/// Every path with its methods.
const ENDPOINTS: [(&str, &[Method], Endpoint); 14] = [
    ("/livez", GET, Endpoint::Alive),
    ("/ping", GET, Endpoint::Alive),
    ("/readyz", GET, Endpoint::Ready),
    ("/ready", GET, Endpoint::Ready),
    ("/metrics", GET, Endpoint::Metrics),
    ("/config", GET, Endpoint::Config),
    ("/issuers", GET, Endpoint::Issuers),
    ("/routes", GET, Endpoint::Routes),
    ("/explain", POST, Endpoint::Explain),
    ("/reload", POST, Endpoint::Reload),
    ("/openapi.json", GET, Endpoint::OpenApi),
    ("/", GET, Endpoint::Page),
    ("/explain.js", GET, Endpoint::Script),
    ("/explain.css", GET, Endpoint::Style),
];

/// Other names of paths.
#[cfg(test)]
pub(super) const ALIASES: [&str; 2] = ["/ping", "/ready"];

/// Every path and method that is served.
#[cfg(test)]
pub(super) fn served() -> impl Iterator<Item = (&'static str, &'static Method)> {
    ENDPOINTS.iter().flat_map(|(path, methods, _)| methods.iter().map(|method| (*path, method)))
}

impl Endpoint {
    /// What is served at a path with a method.
    pub(super) fn find(path: &str, method: &Method) -> Result<Self, Reason> {
        let (_, methods, endpoint) = ENDPOINTS.iter().find(|(served, ..)| *served == path).ok_or(Reason::NotFound)?;
        if methods.contains(method) { Ok(*endpoint) } else { Err(Reason::MethodNotAllowed(methods.to_vec())) }
    }

    /// Who may have it.
    pub(super) fn audience(self) -> Audience {
        match self {
            Self::Alive | Self::Ready => Audience::Everybody,
            Self::Metrics => Audience::Details,
            Self::Config | Self::Issuers | Self::Routes | Self::Explain | Self::Reload => Audience::Operators,
            Self::OpenApi | Self::Page | Self::Script | Self::Style => Audience::Static,
        }
    }
}
