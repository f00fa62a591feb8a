//! Connecting to an endpoint: TCP, and TLS where it says `https`.

use std::sync::Arc;

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::{ClientConfig, RootCertStore};
use tower::{Service, ServiceExt};

use super::{Settings, UpstreamError};
use crate::config::Protocol;
use crate::net::BoxError;

pub(super) type Connection = <HttpsConnector<HttpConnector> as Service<http::Uri>>::Response;

/// Makes connections.
#[derive(Clone, Debug)]
pub(super) struct Connector(HttpsConnector<HttpConnector>);

impl Connector {
    /// A connector that verifies certificates with the system's roots.
    pub(super) fn new(settings: &Settings, tls: bool) -> Result<Self, UpstreamError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = HttpsConnectorBuilder::new();
        let builder = if tls {
            builder.with_provider_and_platform_verifier(provider).map_err(|error| UpstreamError::Roots(error.into()))?
        } else {
            let config = ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .map_err(|error| UpstreamError::Roots(error.into()))?
                .with_root_certificates(RootCertStore::empty())
                .with_no_client_auth();
            builder.with_tls_config(config)
        };
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        let builder = builder.https_or_http();
        Ok(Self(match settings.protocol {
            Protocol::Http1 => builder.enable_http1().wrap_connector(http),
            Protocol::Http2 => builder.enable_http2().wrap_connector(http),
        }))
    }

    pub(super) async fn connect(&self, endpoint: http::Uri) -> Result<Connection, BoxError> {
        self.0.clone().oneshot(endpoint).await
    }
}
