//! The way by which an operator's wish for a reload gets to the one who reloads.

use std::sync::{Arc, OnceLock};

use tokio::sync::{mpsc, oneshot};

/// The result of a reload: nothing, or why the old configuration stays.
pub(crate) type Reloaded = Result<(), anyhow::Error>;

/// The requests for a reload, at the receiving end.
pub(crate) type ReloadRequests = mpsc::Receiver<oneshot::Sender<Reloaded>>;

/// Requests a reload.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reloads(Arc<OnceLock<mpsc::Sender<oneshot::Sender<Reloaded>>>>);

impl Reloads {
    /// Begins to take requests. Only the first call does.
    pub(crate) fn serve(&self) -> ReloadRequests {
        let (sender, requests) = mpsc::channel(1);
        // Were there a second one, its requests would never come.
        let _ = self.0.set(sender);
        requests
    }

    /// Has the configuration reloaded; `None` if there is nobody to ask.
    pub(super) async fn ask(&self) -> Option<Reloaded> {
        let (answer, answered) = oneshot::channel();
        self.0.get()?.send(answer).await.ok()?;
        answered.await.ok()
    }
}
