//! One question to an issuer.

use std::sync::Arc;

use http::StatusCode;
use mfa_gateway_core::chain;
use mfa_gateway_core::clock::Clock;
use mfa_gateway_core::token::Introspection;
use mfa_gateway_keys::{FormResponse, Metadata};
use mfa_gateway_layer::Issuer;

use super::settings::{IntrospectionSettings, ResponseForm};
use crate::oidc::Client;

/// Asks an issuer about a token.
///
/// # Errors
///
/// In words for the log: what kept it from saying something.
pub(super) async fn ask(
    client: &Client,
    settings: &IntrospectionSettings,
    (issuer, clock): (&Issuer, &Clock),
    token: &str,
) -> Result<Introspection, String> {
    // Without a discovery document, the configuration names the endpoint.
    let bare = || Arc::new(Metadata::parse(b"{}", &issuer.rules().issuer.pattern()));
    let metadata = issuer.keys().metadata().unwrap_or_else(bare);
    let accept = settings.form.media_type();
    let response = client.introspect(settings.endpoint.as_ref(), &metadata, token, accept).await;
    let FormResponse { status, content_type, bytes, .. } = response.map_err(|error| chain(&error))?;
    if status != StatusCode::OK {
        return Err(format!("the issuer responded with {}", status.as_u16()));
    }
    let kind = content_type.as_ref().and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(accept) {
        return Err(format!("the response's Content-Type is not {accept}"));
    }
    match settings.form {
        ResponseForm::Json => Introspection::parse(&bytes).map_err(|error| error.to_string()),
        ResponseForm::Jwt => {
            let text = std::str::from_utf8(&bytes).map_err(|_| "the signed response is not text".to_owned())?;
            let said = issuer.introspection(text, &settings.client.client_id, clock).await;
            said.map_err(|error| chain(&error))
        }
    }
}
