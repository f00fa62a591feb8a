//! How a client proves itself with each form that it posts.

use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::HeaderValue;
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_keys::Metadata;
use serde_json::json;
use url::form_urlencoded::{Serializer, byte_serialize};

use super::settings::{AssertionAudience, ClientAuthentication, ClientSettings};
use super::signing_key::{SigningKey, SigningKeyError};
use super::token_error::TokenEndpointError;

/// How long an assertion is valid, in seconds: for the way, and for clocks that differ.
const LIFETIME: i64 = 120;

/// The form of an assertion that is a JWT (RFC 7523 section 2.2).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A form that proves who posts it.
#[derive(Debug)]
pub(super) struct Proven {
    pub(super) form: String,
    pub(super) authorization: Option<HeaderValue>,
}

/// Puts the proof into a form with these parameters.
pub(super) fn prove(
    client: &ClientSettings,
    metadata: &Metadata,
    parameters: &[(String, String)],
    now: Timestamp,
) -> Result<Proven, TokenEndpointError> {
    let mut form = Serializer::new(String::new());
    form.extend_pairs(parameters);
    let mut authorization = None;
    let is_named = parameters.iter().any(|(name, _)| name == "client_id");
    let name_client = |form: &mut Serializer<'_, String>| {
        if !is_named {
            form.append_pair("client_id", &client.client_id);
        }
    };
    match &client.authentication {
        // In the form, too, the id would be a second way of authentication to some servers.
        ClientAuthentication::SecretBasic(secret) => {
            authorization = Some(basic(&client.client_id, secret.expose())?);
        }
        ClientAuthentication::SecretPost(secret) => {
            name_client(&mut form);
            form.append_pair("client_secret", secret.expose());
        }
        ClientAuthentication::PrivateKeyJwt(key, audience) => {
            name_client(&mut form);
            let audience = match audience {
                AssertionAudience::TokenEndpoint => metadata.token_endpoint()?.as_str(),
                AssertionAudience::Issuer => metadata.issuer(),
            };
            form.append_pair("client_assertion_type", JWT_BEARER);
            form.append_pair("client_assertion", &assertion(key, &client.client_id, audience, now)?);
        }
        ClientAuthentication::None => name_client(&mut form),
    }
    Ok(Proven { form: form.finish(), authorization })
}

/// The id and the secret, each encoded as a form's value is (RFC 6749 section 2.3.1).
fn basic(id: &str, secret: &str) -> Result<HeaderValue, SigningKeyError> {
    let encode = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let credentials = STANDARD.encode([encode(id), encode(secret)].join(":"));
    HeaderValue::from_str(&["Basic ", &credentials].concat()).map_err(|_| SigningKeyError::Signing)
}

/// An assertion (RFC 7523 section 3): good for one request, and for moments.
fn assertion(key: &SigningKey, client_id: &str, audience: &str, now: Timestamp) -> Result<String, SigningKeyError> {
    let mut id = [0; 16];
    rand::fill(&mut id).map_err(|_| SigningKeyError::Signing)?;
    key.sign(&json!({
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "jti": URL_SAFE_NO_PAD.encode(id),
        "iat": now.as_secs(),
        "exp": now.as_secs().saturating_add(LIFETIME),
    }))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::Value;
    use url::form_urlencoded;

    use super::*;
    use crate::oidc::secret::Secret;
    use crate::oidc::settings::tests::settings;
    use crate::oidc::signing_key::tests::KEY;

    const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

    fn proven(authentication: ClientAuthentication, parameters: &[(&str, &str)]) -> Proven {
        let document = json!({"token_endpoint": "https://idp.example/token"}).to_string();
        let metadata = Metadata::parse(document.as_bytes(), "https://idp.example/");
        let client = ClientSettings { client_id: "the gateway".to_owned(), authentication, ..settings() };
        let owned: Vec<_> = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        prove(&client, &metadata, &owned, NOW).unwrap()
    }

    #[test]
    fn a_secret_stands_in_one_place_and_is_encoded_there() {
        let secret = || Secret::new("s3:cr+t%");
        let basic = proven(ClientAuthentication::SecretBasic(secret()), &[("code", "a&b")]);
        let decoded =
            STANDARD.decode(basic.authorization.unwrap().as_bytes().strip_prefix(b"Basic ").unwrap()).unwrap();
        assert_eq!(String::from_utf8(decoded).unwrap(), "the+gateway:s3%3Acr%2Bt%25");
        assert_eq!(basic.form, "code=a%26b");
        let post = proven(ClientAuthentication::SecretPost(secret()), &[("code", "c")]);
        assert_eq!(post.form, "code=c&client_id=the+gateway&client_secret=s3%3Acr%2Bt%25");
        assert!(post.authorization.is_none());
        let public = proven(ClientAuthentication::None, &[("client_id", "the gateway"), ("code", "c")]);
        assert_eq!(public.form, "client_id=the+gateway&code=c", "once");
    }
    #[test]
    fn an_assertion_is_for_this_issuer_this_moment_and_one_request() {
        let key = || SigningKey::parse(KEY.as_bytes(), None, None, None).unwrap();
        let claims = |audience| {
            let proven = proven(ClientAuthentication::PrivateKeyJwt(key(), audience), &[("code", "c")]);
            let pairs: BTreeMap<String, String> = form_urlencoded::parse(proven.form.as_bytes()).into_owned().collect();
            assert_eq!(
                (pairs["client_id"].as_str(), pairs["client_assertion_type"].as_str()),
                ("the gateway", JWT_BEARER)
            );
            assert!(proven.authorization.is_none() && pairs.len() == 4);
            let payload = URL_SAFE_NO_PAD.decode(pairs["client_assertion"].split('.').nth(1).unwrap()).unwrap();
            serde_json::from_slice::<Value>(&payload).unwrap()
        };
        let (one, other) = (claims(AssertionAudience::TokenEndpoint), claims(AssertionAudience::Issuer));
        assert_eq!((&one["iss"], &one["sub"]), (&json!("the gateway"), &json!("the gateway")));
        assert_eq!((&one["aud"], &other["aud"]), (&json!("https://idp.example/token"), &json!("https://idp.example/")));
        assert_eq!((one["iat"].as_i64(), one["exp"].as_i64()), (Some(NOW.as_secs()), Some(NOW.as_secs() + 120)));
        assert!(one["jti"].as_str().unwrap().len() >= 22 && one["jti"] != other["jti"]);
    }
}
