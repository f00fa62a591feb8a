//! The end of a process after all its responses.

use std::time::Duration;

use humantime::format_duration;

use super::App;
use crate::config::Drain;

impl App {
    /// Fails readiness, keeps serving for a while so that load balancers notice, then stops accepting, lets requests in
    /// flight finish until the deadline, and ends.
    pub async fn drain(self) {
        self.finish().await;
    }

    /// The same, while the thread that reloads may still hold on to a file.
    pub(crate) async fn finish(&self) {
        let Drain { deadline, delay } = self.config.load().drain;
        let open = self.acceptor.connections.len();
        tracing::info!(open, delay = %format_duration(delay), deadline = %format_duration(deadline), "draining");
        self.draining.cancel();
        tokio::time::sleep(delay).await;
        self.acceptor.closing.cancel();
        self.acceptor.finishing.cancel();
        let connections = &self.acceptor.connections;
        connections.close();
        if tokio::time::timeout(deadline, connections.wait()).await.is_err() {
            tracing::warn!(
                left = connections.len(),
                "the drain deadline has passed; closing the remaining connections"
            );
        }
        self.stop.cancel();
        // What was told to stop gets a moment to do so.
        let _ = tokio::time::timeout(Duration::from_secs(1), connections.wait()).await;
        let keepers = self.live.load().keepers.clone();
        super::consents::finish(&keepers).await;
        if let Some(report) = &self.ambient.report {
            report.flusher().finish(Duration::from_secs(3)).await;
        }
        let tracer = self.live.load().tracer.clone();
        if let Some(tracer) = tracer {
            tracer.flush(Duration::from_secs(2)).await;
        }
        tracing::info!("stopped");
        if let Some(outputs) = &self.ambient.outputs {
            outputs.flush(Duration::from_secs(1));
        }
    }
}
