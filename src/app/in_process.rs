//! The gateway without listeners, for benches and for properties that need thousands of requests.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use arc_swap::ArcSwap;
use http::{Request, Response};
use mfa_gateway_wire::Handle;
use tokio_util::sync::CancellationToken;
use tower::{Service, ServiceExt};

use super::{Ambient, App, Assembled, Before, assemble, report, store};
use crate::config::Config;
use crate::faces::Face;
use crate::gateway::{Arrived, Body, Live, Peer, stack, verdict_stack};
use mfa_gateway_core::clock::Clock;
use mfa_gateway_core::random::Random;

impl App {
    /// The live configuration with all keys fetched once, and the whole stack over it.
    ///
    /// # Errors
    ///
    /// If a fetch of an issuer's keys fails.
    pub async fn in_process(
        config: Config,
        clock: Clock,
        random: Random,
    ) -> anyhow::Result<(
        Arc<ArcSwap<Live>>,
        impl Service<
            Request<Body>,
            Response = Response<Body>,
            Error = Infallible,
            Future: Future<Output = Result<Response<Body>, Infallible>> + Send,
        > + Clone
        + use<>,
    )> {
        let (live, ambient) = prepare(&config, clock, random).await?;
        let service = stack(&live, &ambient.metrics.gateway, config.gateway.requests).map_request(Arrived::from);
        Ok((live, service))
    }

    /// The same with the configuration's first authorizer, which takes its questions from this address.
    ///
    /// # Errors
    ///
    /// If a fetch of an issuer's keys fails, or there is no authorizer.
    pub async fn authorizer_in_process(
        config: Config,
        clock: Clock,
        random: Random,
        address: SocketAddr,
    ) -> anyhow::Result<
        impl Service<
            Request<Body>,
            Response = Response<Body>,
            Error = Infallible,
            Future: Future<Output = Result<Response<Body>, Infallible>> + Send,
        > + Clone
        + use<>,
    > {
        let (live, ambient) = prepare(&config, clock, random).await?;
        let stack = verdict_stack(&live, &ambient.metrics.gateway, config.gateway.requests);
        let authorizer = config.authorizers.first().context("the configuration has no authorizer")?;
        let settings = Arc::new(ArcSwap::from(Arc::clone(&authorizer.settings)));
        let peer = Arc::new(peer(address));
        let arrive = move |request| Arrived { request, peer: Some(Arc::clone(&peer)), busy: None };
        Ok(Face::new(settings, stack, CancellationToken::new()).map_request(arrive))
    }
}

/// Assembles a configuration, and fetches all keys once.
async fn prepare(config: &Config, clock: Clock, random: Random) -> anyhow::Result<(Arc<ArcSwap<Live>>, Ambient)> {
    let mut ambient = Ambient { clock, random, ..Ambient::system() };
    ambient.store = store::open(config, &ambient).await?;
    ambient.report = report::open(config, &ambient);
    let Assembled { live, sources } = assemble(config, &ambient, Before::default())?;
    for source in sources {
        source.refresh().await.with_context(|| format!("the keys of issuer {}", source.name()))?;
    }
    Ok((Arc::new(ArcSwap::from_pointee(live)), ambient))
}

/// The peer of a connection that isn't there.
fn peer(address: SocketAddr) -> Peer {
    Peer {
        address,
        forwarded_for: None,
        untold: false,
        handle: Handle::default(),
        tls: false,
        certificate: None,
        thumbprint: None,
        names: Vec::new(),
        user: None,
        shown: None,
        held: Arc::new(()),
        carried: None,
    }
}
