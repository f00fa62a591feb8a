//! `healthcheck`: asks a running gateway how it is, for containers that have nothing else to ask with.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};

use super::args::Healthcheck;
use super::given::{DEFAULT_CONFIG, reachable};
use super::print::print;
use crate::config::{AdminPlace, admin_place};
use crate::server::Address;
use mfa_gateway_core::chain;

/// Where the demo has its admin listener unless it is told otherwise.
const DEMO_ADMIN_PORT: u16 = 9090;

/// The longest response that is read: a status and what each issuer is like.
const MAX_RESPONSE: usize = 1 << 16;

/// Asks a gateway. The exit code is 0 if it is well, else 1.
///
/// # Errors
///
/// If it can't be known where to ask.
pub(super) async fn healthcheck(args: &Healthcheck) -> anyhow::Result<ExitCode> {
    let (address, tls) = match args.address {
        Some(address) => (address, args.tls),
        None => configured(args)?,
    };
    let path = if args.live { "/livez" } else { "/readyz" };
    let url = format!("http{}://{}{path}", if tls { "s" } else { "" }, reachable(address));
    let (text, code) = match ask(&url, args.timeout).await {
        Ok((200, text)) => (text, ExitCode::SUCCESS),
        Ok((status, text)) => (format!("{status} {text}"), ExitCode::FAILURE),
        Err(error) => (chain(&error), ExitCode::FAILURE),
    };
    print(&format!("{url}: {}\n", crate::visible::visible(text.trim())))?;
    Ok(code)
}

fn configured(args: &Healthcheck) -> anyhow::Result<(SocketAddr, bool)> {
    // The demo in a container has no file, and the image's health check is the same.
    if args.config == Path::new(DEFAULT_CONFIG) && !args.config.exists() {
        return Ok((SocketAddr::from((Ipv4Addr::LOCALHOST, DEMO_ADMIN_PORT)), false));
    }
    let AdminPlace { address, tls } = admin_place(&args.config)?.with_context(|| {
        let file = args.config.display();
        format!("{file} has no `admin`; add `admin: {{ address: 127.0.0.1:9090 }}`, since health is served there alone")
    })?;
    match address {
        Address::Socket(address) => Ok((address, tls)),
        other => bail!("admin.address is {other}; say where that is with --address"),
    }
}

/// The status and the word of the response.
async fn ask(url: &str, patience: Duration) -> Result<(u16, String), reqwest::Error> {
    // Neither a secret nor a decision crosses this connection, so it doesn't matter which certificate the gateway has; its
    // name is rarely that of an address.
    let client = reqwest::Client::builder().no_proxy().tls_danger_accept_invalid_certs(true);
    let client = client.redirect(reqwest::redirect::Policy::none()).timeout(patience).build()?;
    let mut response = client.get(url).send().await?;
    let (status, mut body) = (response.status().as_u16(), Vec::new());
    while let Some(part) = response.chunk().await?.filter(|_| body.len() < MAX_RESPONSE) {
        body.extend_from_slice(&part);
    }
    let word = serde_json::from_slice::<serde_json::Value>(&body).ok();
    let word = word.and_then(|document| document.get("status")?.as_str().map(str::to_owned));
    Ok((status, word.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_for_everybody_is_asked_on_loopback() {
        for (listens, asked) in [
            ("0.0.0.0:9090", "127.0.0.1:9090"),
            ("[::]:9090", "[::1]:9090"),
            ("192.0.2.1:9090", "192.0.2.1:9090"),
            ("[::1]:9090", "[::1]:9090"),
        ] {
            assert_eq!(reachable(listens.parse().unwrap()), asked.parse().unwrap());
        }
    }
}
