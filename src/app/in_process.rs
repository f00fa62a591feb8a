//! The gateway without listeners, for benches and for properties that need thousands of requests.

use std::convert::Infallible;
use std::sync::Arc;

use anyhow::Context;
use arc_swap::ArcSwap;
use http::{Request, Response};
use tower::{Service, ServiceExt};

use super::{Ambient, App, Assembled, Before, assemble, report, store};
use crate::config::Config;
use crate::gateway::{Arrived, Body, Live, stack};
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
        let mut ambient = Ambient { clock, random, ..Ambient::system() };
        ambient.store = store::open(&config, &ambient).await?;
        ambient.report = report::open(&config, &ambient);
        let Assembled { live, sources } = assemble(&config, &ambient, Before::default())?;
        for source in sources {
            source.refresh().await.with_context(|| format!("the keys of issuer {}", source.name()))?;
        }
        let live = Arc::new(ArcSwap::from_pointee(live));
        let service = stack(&live, &ambient.metrics.gateway, config.gateway.requests).map_request(Arrived::from);
        Ok((live, service))
    }
}
