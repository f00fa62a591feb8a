//! The sockets that the gateway listens on: bound here, or passed by the service manager.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use arc_swap::ArcSwapOption;
use tokio::net::TcpListener;

use super::PassedSockets;
use crate::config::Config;
use crate::server::{Address, Entrance, Listener, Listening, ServerTls, SocketFileError, Tls};

/// The sockets of a listener, and how connections begin there.
pub(super) type Open = (Vec<Listening>, Entrance);

/// What the gateway listens on.
pub(super) struct Opened {
    pub(super) listeners: Vec<Open>,
    /// In the order of the configuration.
    pub(super) authorizers: Vec<Open>,
    pub(super) admin: Option<(TcpListener, Option<Arc<ServerTls>>)>,
}

pub(super) async fn open(config: &Config, passed: &PassedSockets) -> anyhow::Result<Opened> {
    let mut listeners = Vec::new();
    for (at, listener) in config.server.listeners.iter().enumerate() {
        listeners.push(open_one(listener, passed, &format!("listeners[{at}]")).await?);
    }
    let mut authorizers = Vec::new();
    for (at, authorizer) in config.authorizers.iter().enumerate() {
        authorizers.push(open_one(&authorizer.listener, passed, &format!("authorizers[{at}]")).await?);
    }
    let Some(admin) = &config.admin else { return Ok(Opened { listeners, authorizers, admin: None }) };
    let tls = tls(&admin.address, admin.tls.as_ref())?;
    let mut sockets = bind(&admin.address, passed, "admin").await?;
    let Some(Listening::Tcp(socket)) = sockets.pop().filter(|_| sockets.is_empty()) else {
        bail!("the admin listener needs exactly one socket of {}", admin.address)
    };
    Ok(Opened { listeners, authorizers, admin: Some((socket, tls)) })
}

async fn open_one(listener: &Listener, passed: &PassedSockets, field: &str) -> anyhow::Result<Open> {
    let tls = tls(&listener.address, listener.tls.as_ref())?;
    let entrance =
        Entrance { tls: Arc::new(ArcSwapOption::from(tls)), proxy_protocol: listener.proxy_protocol, authorizer: None };
    Ok((bind(&listener.address, passed, field).await?, entrance))
}

async fn bind(address: &Address, passed: &PassedSockets, field: &str) -> anyhow::Result<Vec<Listening>> {
    let sockets: std::io::Result<Vec<_>> = match address {
        Address::Socket(address) => TcpListener::bind(address).await.map(|socket| vec![socket]),
        Address::Passed(name) => passed.take(name)?.into_iter().map(TcpListener::from_std).collect(),
        Address::Unix(path) => return on_file(path, field).await.map(|socket| vec![socket]),
    };
    let sockets = sockets.with_context(|| {
        format!("could not listen on {address}; stop the process that listens there, or change `{field}.address`")
    })?;
    Ok(sockets.into_iter().map(Listening::Tcp).collect())
}

async fn on_file(path: &Path, field: &str) -> anyhow::Result<Listening> {
    Listening::on_file(path).await.map_err(|error| {
        let remedy = match &error {
            SocketFileError::InUse => "stop the process that listens there",
            SocketFileError::OtherKind => "move the file away",
            SocketFileError::Io(_) => "let the gateway's user write its directory",
        };
        let context = format!("could not listen on unix:{}; {remedy}, or change `{field}.address`", path.display());
        anyhow::Error::from(error).context(context)
    })
}

pub(super) fn tls(address: &Address, settings: Option<&Tls>) -> anyhow::Result<Option<Arc<ServerTls>>> {
    let load = settings.map(Tls::load).transpose();
    load.with_context(|| format!("TLS on {address} could not be set up"))
}
