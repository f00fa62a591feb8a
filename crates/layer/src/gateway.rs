//! The rule of a service, from which its layers are made.

use std::sync::Arc;

use super::guard::Guard;
use super::requirement::Requirement;
use super::resource::ResourceMetadata;
use super::service::MfaLayer;
use super::shared::Shared;

/// The issuers that a service trusts, their keys, and the exceptions: what its layers are made from.
///
/// Keys are refreshed in the background. The tasks end when this and all layers are dropped, or with
/// [`shutdown`](Self::shutdown). Clones are the same.
#[derive(Clone, Debug)]
pub struct MfaGateway {
    shared: Arc<Shared>,
}

impl MfaGateway {
    pub(super) fn new(shared: Shared) -> Self {
        Self { shared: Arc::new(shared) }
    }

    /// A layer that permits requests by this requirement, and refuses the others.
    ///
    /// Its order among others matters: see the crate's documentation.
    #[must_use]
    pub fn layer(&self, requirement: Requirement) -> MfaLayer {
        MfaLayer::new(Guard { shared: Arc::clone(&self.shared), requirement })
    }

    /// The metadata of a resource (RFC 9728) whose tokens are these issuers'. The service serves it, at
    /// [`ResourceMetadata::path_of`] the resource's path; [`Builder::resource_metadata`](super::Builder::resource_metadata) has
    /// challenges say where.
    #[must_use]
    pub fn resource_metadata(&self, resource: &str) -> ResourceMetadata {
        let mut metadata = ResourceMetadata::new(resource);
        for issuer in self.shared.authenticator.issuers() {
            metadata.trust(&issuer.rules().issuer, &issuer.profile().mfa);
        }
        metadata
    }

    /// Whether the keys of all issuers are there. While they aren't, requests with their tokens get 503.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.shared.authenticator.issuers().iter().all(|issuer| issuer.keys().current().is_some())
    }

    /// Waits until the keys of all issuers are there, or the first attempt to fetch them has ended.
    pub async fn settled(&self) {
        for issuer in self.shared.authenticator.issuers() {
            issuer.keys().settled().await;
        }
    }

    /// Ends the tasks that refresh keys, and waits until they have ended. Layers go on with the keys that are there.
    pub async fn shutdown(&self) {
        self.shared.tasks.shutdown().await;
    }
}
