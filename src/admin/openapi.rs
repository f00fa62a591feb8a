//! The description of the admin listener, for tools, as `OpenAPI` 3.1 has it: what the router's handlers say of
//! themselves.

use aide::axum::IntoApiResponse;
use aide::openapi::{License, OpenApi, SecurityScheme, Server};
use aide::transform::TransformOpenApi;
use axum::Extension;
use bytes::Bytes;
use http::header::CONTENT_TYPE;

/// The description, as it is served.
#[derive(Clone, Debug)]
pub(super) struct Document(Bytes);

impl Document {
    pub(super) fn of(api: &OpenApi) -> Self {
        // Its maps have texts for keys, so it is written.
        let mut text = serde_json::to_vec_pretty(api).unwrap_or_default();
        text.push(b'\n');
        Self(text.into())
    }
}

/// This document.
pub(super) async fn openapi(Extension(document): Extension<Document>) -> impl IntoApiResponse {
    ([(CONTENT_TYPE, "application/json")], document.0)
}

/// The part common to all: an operation is for operators unless it says otherwise.
pub(super) fn introduced(api: TransformOpenApi<'_>) -> TransformOpenApi<'_> {
    let license = "Apache-2.0".to_owned();
    let license = License { name: license.clone(), identifier: Some(license), ..License::default() };
    let description = "A token from the token file, or an access token of an operator who signed in with MFA.";
    let operator = SecurityScheme::Http {
        scheme: "bearer".to_owned(),
        bearer_format: None,
        description: Some(description.to_owned()),
        extensions: std::iter::empty().collect(),
    };
    api.title("mfa-gateway: the admin listener")
        .version(env!("CARGO_PKG_VERSION"))
        .license(license)
        .server(Server { url: "/".to_owned(), ..Server::default() })
        .security_scheme("operator", operator)
        .security_requirement("operator")
}
