//! Consents are tried each day, so that one that will fail is known before a program needs it.

use std::sync::Arc;
use std::time::Duration;

use super::keeper::Keeper;

/// The time between two tries.
pub const EVERY: Duration = Duration::from_secs(24 * 3600);

/// How long before it lapses a consent is warned of.
pub const SOON: Duration = Duration::from_secs(14 * 24 * 3600);

impl Keeper {
    /// Tries the consent if it has not been used for a day, and tells in the log how it does.
    pub async fn look_after(self: &Arc<Self>) {
        let consent = &self.settings.name;
        let now = self.clock.now();
        match self.store.consent(consent).await {
            Ok(Some(row)) if row.used.max(row.renewed) > now.minus(EVERY).as_secs() => {}
            Ok(Some(_)) if self.settings.scope.is_some() => match self.try_it().await {
                Ok(issued) if issued.mfa == Some(false) => {
                    tracing::warn!(consent, "a consent's access tokens have no MFA; what requires MFA refuses them");
                }
                Ok(_) => tracing::info!(consent, "a consent was tried, and works"),
                Err(error) if error.is_passing() => tracing::info!(consent, %error, "a consent could not be tried"),
                Err(error) => {
                    tracing::warn!(consent, %error, remedy = error.remedy(), "a consent doesn't work any more");
                }
            },
            Ok(Some(_) | None) | Err(_) => {}
        }
        let Ok(Some(row)) = self.store.consent(consent).await else { return };
        if let Some(lapses) = self.lapses(&row).filter(|lapses| lapses.minus(SOON) <= now) {
            tracing::warn!(consent, %lapses, "a consent lapses soon: the issuer ends refresh tokens that aren't used");
        }
        let _ = self.kept().await;
    }
}
