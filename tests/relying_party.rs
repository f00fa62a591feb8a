//! The relying party's messages (SIGN-IN 1 to 8, 17, 18) against the demo's identity provider, honest and not.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mfa_gateway::oidc::{
    Asks, AssertionAudience, AuthorizationRequest, CallbackError, CallbackParameters, CallbackResponse, Client,
    ClientAuthentication, ClientSettings, Pkce, ResponseMode, Secret, SigningKey, TokenEndpointErrorKind, Tokens,
};
use mfa_gateway_core::clock::Clock;
use mfa_gateway_core::policy::{IssuerProfile, MfaFinding, MfaRule, Product};
use mfa_gateway_core::random::Random;
use mfa_gateway_core::token::{
    Algorithm, AuthTimeForm, ClientTokenRules, ExpectedIdToken, IdToken, IssuerRule, MAX_TOKEN_AGE, Occasion,
};
use mfa_gateway_demo::people::{DEMO_ONLY_PORTAL_SECRET, PORTAL_CLIENT_ID, everyone};
use mfa_gateway_demo::provider::{FaultSet, IdentityProvider, MfaStep, Registration};
use mfa_gateway_keys::{Fetching, KeyLocation, KeyMetrics, KeySettings, KeySource, Metadata};
use mfa_gateway_layer::{ClientVerifier, ClientVerifyError};
use serde_json::{Value, json};
use url::Url;

use crate::support::Signer;
use crate::support::key_server::PRIVATE_KEY;

const CALLBACK: &str = "http://127.0.0.1:9/callback";

/// The provider, and the portal as its client.
struct Party {
    provider: IdentityProvider,
    client: Client,
    verifier: ClientVerifier,
    metadata: Arc<Metadata>,
}

fn secret() -> Secret {
    Secret::new(DEMO_ONLY_PORTAL_SECRET)
}

impl Party {
    async fn with(change: impl FnOnce(&mut ClientSettings)) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let provider = IdentityProvider::start(address, Clock::system(), everyone()).await.unwrap();
        let issuer = provider.issuer().to_owned();
        let settings = KeySettings {
            name: "idp".to_owned(),
            location: KeyLocation::Discovery {
                url: Url::parse(&format!("{issuer}.well-known/openid-configuration")).unwrap(),
                issuer: issuer.clone(),
            },
            refresh_interval: Duration::from_secs(3600),
            max_stale: Duration::from_secs(86_400),
            timeout: Duration::from_secs(5),
            allow_http: false,
            ca_file: None,
            authorities: Vec::new(),
            state_directory: None,
            max_waiting: 10,
        };
        let (fetching, metrics) = (Fetching::default(), KeyMetrics::default().issuer("idp"));
        let keys = KeySource::new(settings, Clock::system(), Random::system(), metrics, &fetching).unwrap();
        keys.refresh().await.unwrap();
        let rules = ClientTokenRules {
            issuer: IssuerRule::Exact(issuer),
            client_id: PORTAL_CLIENT_ID.to_owned(),
            required: Vec::new(),
            algorithms: vec![Algorithm::Rs256],
            clock_skew: Duration::from_secs(60),
            max_token_age: MAX_TOKEN_AGE,
            auth_time: AuthTimeForm::Seconds,
        };
        let metadata = keys.metadata().unwrap();
        let profile = Arc::new(IssuerProfile::default());
        let verifier = ClientVerifier::new(Arc::new(rules), profile, Arc::new(keys), Clock::system());
        let mut settings = ClientSettings {
            client_id: PORTAL_CLIENT_ID.to_owned(),
            authentication: ClientAuthentication::SecretBasic(secret()),
            scopes: vec!["offline_access".to_owned()],
            response_mode: ResponseMode::Query,
            par: false,
            parameters: Vec::new(),
            timeout: Duration::from_secs(1),
            allow_http: false,
            authorities: Vec::new(),
        };
        change(&mut settings);
        let client = Client::new(settings, Clock::system(), &fetching).unwrap();
        Self { provider, client, verifier, metadata }
    }

    /// Where the provider sends a browser without pages back to, of this user.
    async fn authorize(&self, pkce: &Pkce, asks: &Asks, user: &str) -> Result<CallbackParameters, CallbackError> {
        let request = AuthorizationRequest {
            redirect_uri: CALLBACK,
            state: "the-state",
            nonce: "the-nonce",
            code_challenge: &pkce.challenge,
            asks,
            login_hint: Some(user),
        };
        let url = self.client.authorization_url(&self.metadata, &request).await.unwrap();
        let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        let response = browser.build().unwrap().get(url).header("accept", "*/*").send().await.unwrap();
        let location = response.headers().get("location").expect("a redirect").to_str().unwrap();
        let (page, query) = location.split_once('?').unwrap();
        assert_eq!(page, CALLBACK);
        CallbackParameters::parse(query.as_bytes())
    }

    async fn code(&self, pkce: &Pkce, asks: &Asks, user: &str) -> String {
        let callback = self.authorize(pkce, asks, user).await.unwrap();
        callback.check_issuer(&self.metadata).unwrap();
        assert_eq!(callback.state, "the-state");
        match callback.response {
            CallbackResponse::Code(code) => code,
            CallbackResponse::Error(error) => panic!("{error:?}"),
        }
    }

    async fn tokens(&self, asks: &Asks, user: &str) -> Tokens {
        let pkce = Pkce::new(&[7; 32]);
        let code = self.code(&pkce, asks, user).await;
        self.client.exchange(&self.metadata, &code, &pkce.verifier, CALLBACK).await.unwrap()
    }

    async fn verified(&self, tokens: &Tokens) -> Result<IdToken, ClientVerifyError> {
        let occasion = Occasion::SignIn { nonce: "the-nonce" };
        let expected = ExpectedIdToken { occasion, access_token: &tokens.access_token };
        self.verifier.id_token(&tokens.id_token, &expected).await
    }

    fn faults(&self, faults: Value) {
        let set: FaultSet = serde_json::from_value(faults).unwrap();
        self.provider.faults().change(|now| *now = set);
    }
}

async fn signs_in(authentication: ClientAuthentication, par: bool) {
    let party = Party::with(|settings| (settings.authentication, settings.par) = (authentication, par)).await;
    if matches!(party.client.settings().authentication, ClientAuthentication::PrivateKeyJwt(..)) {
        let jwks = Some(json!({ "keys": [published(PRIVATE_KEY)] }));
        party.provider.register(PORTAL_CLIENT_ID, Registration { jwks, ..Registration::default() });
    }
    for _ in 0..2 {
        let token = party.verified(&party.tokens(&Asks::default(), "jane").await).await.unwrap();
        assert!(token.session().is_some() && !token.subject().is_empty());
    }
    assert_eq!(party.provider.counts().pushed, if par { 2 } else { 0 });
}

/// The public half of a P-256 key in PEM, as a JWK.
fn published(pem: &str) -> Value {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
    use rustls::pki_types::PrivateKeyDer;
    use rustls::pki_types::pem::PemObject;
    let der = PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.secret_der()).unwrap();
    let point = pair.public_key().as_ref();
    let encode = crate::support::signer::encode;
    json!({"kty": "EC", "crv": "P-256", "kid": "k", "alg": "ES256", "x": encode(&point[1..33]), "y": encode(&point[33..])})
}

#[tokio::test]
async fn i8_a_client_signs_people_in_however_it_proves_itself() {
    signs_in(ClientAuthentication::SecretBasic(secret()), false).await;
    signs_in(ClientAuthentication::SecretPost(secret()), true).await;
    let key = || SigningKey::parse(PRIVATE_KEY.as_bytes(), None, Some("k"), None).unwrap();
    for audience in [AssertionAudience::TokenEndpoint, AssertionAudience::Issuer] {
        signs_in(ClientAuthentication::PrivateKeyJwt(key(), audience), true).await;
    }
    let wrong = Party::with(|settings| {
        settings.authentication = ClientAuthentication::SecretBasic(Secret::new("wrong"));
    });
    let wrong = wrong.await;
    let pkce = Pkce::new(&[7; 32]);
    let code = wrong.code(&pkce, &Asks::default(), "jane").await;
    let error = wrong.client.exchange(&wrong.metadata, &code, &pkce.verifier, CALLBACK).await.unwrap_err();
    assert!(error.is_invalid_client(), "{error}");
}

#[tokio::test]
async fn i7_a_code_is_worth_nothing_without_its_verifier_or_a_second_time() {
    let party = Party::with(|_| ()).await;
    let (own, other) = (Pkce::new(&[1; 32]), Pkce::new(&[2; 32]));
    let exchange = async |code: &str, pkce: &Pkce| {
        party.client.exchange(&party.metadata, code, &pkce.verifier, CALLBACK).await.map_err(|error| error.kind)
    };
    let code = party.code(&own, &Asks::default(), "jane").await;
    assert_eq!(exchange(&code, &other).await.map(drop), Err(TokenEndpointErrorKind::InvalidGrant));
    let code = party.code(&own, &Asks::default(), "jane").await;
    assert!(exchange(&code, &own).await.is_ok());
    assert_eq!(exchange(&code, &own).await.map(drop), Err(TokenEndpointErrorKind::InvalidGrant));
}

#[tokio::test]
async fn i2_a_step_up_is_asked_for_in_the_way_of_each_product_and_proves_mfa() {
    let party = Party::with(|_| ()).await;
    party.provider.faults().change(|faults| faults.sign_in.mfa = MfaStep::Pressed);
    let finding = async |asks: &Asks| {
        let token = party.verified(&party.tokens(asks, "john").await).await.unwrap();
        party.verifier.prove(&token).mfa
    };
    assert_eq!(finding(&Asks::default()).await, MfaFinding::Missing, "a sign-in asks for none");
    for product in [Product::Generic, Product::Keycloak, Product::Okta, Product::Auth0] {
        let asks = Asks::step_up(product, None, &MfaRule::default());
        assert_eq!(finding(&asks).await, MfaFinding::Proven, "{product:?}");
    }
    party.provider.faults().change(|faults| faults.sign_in.mfa = MfaStep::Skipped);
    let asks = Asks::step_up(Product::Okta, None, &MfaRule::default());
    assert_eq!(finding(&asks).await, MfaFinding::Missing, "what comes back decides");
}

#[tokio::test]
async fn i3_an_issuer_in_trouble_is_given_up_in_time_and_asked_once() {
    let party = Party::with(|_| ()).await;
    let pkce = Pkce::new(&[7; 32]);
    for (faults, kind) in [
        (json!({"token": {"delay_ms": 20_000}}), TokenEndpointErrorKind::Unavailable),
        (json!({"token": {"instead": "stalled"}}), TokenEndpointErrorKind::Unavailable),
        (json!({"token": {"instead": "hang_up"}}), TokenEndpointErrorKind::Unavailable),
        (json!({"token": {"status": 503}}), TokenEndpointErrorKind::Unavailable),
        (json!({"token": {"instead": "endless"}}), TokenEndpointErrorKind::Malformed),
        (json!({"token": {"instead": "garbage"}}), TokenEndpointErrorKind::Malformed),
        (json!({"token": {"instead": "redirect"}}), TokenEndpointErrorKind::Malformed),
        (json!({"token": {"body": {"id_token": null}}}), TokenEndpointErrorKind::Malformed),
        (json!({"token": {"body": {"token_type": "DPoP"}}}), TokenEndpointErrorKind::Malformed),
    ] {
        party.provider.faults().reset();
        let code = party.code(&pkce, &Asks::default(), "jane").await;
        let before = party.provider.counts().token;
        party.faults(faults.clone());
        let start = Instant::now();
        let error = party.client.exchange(&party.metadata, &code, &pkce.verifier, CALLBACK).await.unwrap_err();
        assert_eq!(error.kind, kind, "{faults}: {error}");
        assert!(start.elapsed() < Duration::from_secs(5), "{faults}");
        assert_eq!(party.provider.counts().token, before + 1, "{faults}");
    }
}

#[tokio::test]
async fn i8_no_id_token_that_is_wrong_in_any_way_is_believed() {
    let party = Party::with(|_| ()).await;
    for fault in [
        json!({"nonce": "wrong"}),
        json!({"nonce": "missing"}),
        json!({"at_hash": "wrong"}),
        json!({"key": "foreign"}),
        json!({"key": "none"}),
        json!({"key": "secret"}),
        json!({"kind": "logout_token"}),
        json!({"kind": "access_token"}),
        json!({"header": {"crit": ["x"], "x": 1}}),
        json!({"header": {"typ": "at+jwt"}}),
        json!({"header": {"typ": "logout+jwt"}}),
        json!({"relative": {"exp": -300}}),
        json!({"relative": {"nbf": 300}}),
        json!({"relative": {"iat": 300}}),
        json!({"relative": {"iat": -1000}}),
        json!({"claims": {"exp": null}}),
        json!({"claims": {"iat": null}}),
        json!({"claims": {"sub": null}}),
        json!({"claims": {"sub": ""}}),
        json!({"claims": {"sub": 7}}),
        json!({"claims": {"aud": "other"}}),
        json!({"claims": {"aud": [PORTAL_CLIENT_ID, "other"]}}),
        json!({"claims": {"azp": "other"}}),
        json!({"claims": {"iss": "https://other.example/"}}),
        json!({"claims": {"events": {}}}),
    ] {
        party.faults(json!({ "id_token": fault }));
        let found = party.verified(&party.tokens(&Asks::default(), "jane").await).await;
        assert!(matches!(found, Err(ClientVerifyError::Invalid(_))), "{fault}: {found:?}");
    }
    party.provider.faults().reset();
    assert!(party.verified(&party.tokens(&Asks::default(), "jane").await).await.is_ok());
    let foreign = Signer::es256("a").token(&json!({"iss": party.provider.issuer()}));
    let tokens = Tokens { id_token: foreign, ..party.tokens(&Asks::default(), "jane").await };
    assert!(party.verified(&tokens).await.is_err());
}

#[tokio::test]
async fn i7_a_callback_that_is_wrong_in_any_way_exchanges_nothing() {
    let party = Party::with(|_| ()).await;
    let pkce = Pkce::new(&[7; 32]);
    for (fault, expected) in [
        (json!({"iss": "twice"}), Err(CallbackError::Repeated)),
        (json!({"repeat": "code"}), Err(CallbackError::Repeated)),
        (json!({"repeat": "state"}), Err(CallbackError::Repeated)),
        (json!({"state": "missing"}), Err(CallbackError::Missing("state"))),
        (json!({"error": "access_denied", "code_too": true}), Err(CallbackError::Contradictory)),
        (json!({"error": "access_denied", "state": "missing"}), Err(CallbackError::Missing("state"))),
        (json!({"iss": "missing"}), Ok(Err(CallbackError::IssuerMissing))),
        (json!({"iss": "foreign"}), Ok(Err(CallbackError::Issuer))),
        (json!({"iss": "wrong"}), Ok(Err(CallbackError::Issuer))),
    ] {
        party.faults(json!({ "authorize": fault }));
        let parsed = party.authorize(&pkce, &Asks::default(), "jane").await;
        assert_eq!(parsed.map(|parsed| parsed.check_issuer(&party.metadata)), expected, "{fault}");
    }
    let description = "AADSTS65004: the user declined";
    party.faults(json!({"authorize": {"error": "access_denied", "error_description": description}}));
    let parsed = party.authorize(&pkce, &Asks::default(), "jane").await.unwrap();
    let CallbackResponse::Error(error) = parsed.response else { panic!("a code") };
    assert_eq!((error.code.as_str(), error.number), ("access_denied", Some(65004)));
}

#[tokio::test]
async fn i18_a_refresh_follows_rotation_and_adds_nothing() {
    let party = Party::with(|_| ()).await;
    let tokens = party.tokens(&Asks::default(), "jane").await;
    let first = party.verified(&tokens).await.unwrap();
    let verify = async |refreshed: &mfa_gateway::oidc::Refreshed| {
        let occasion = Occasion::Refresh { issuer: first.issuer(), subject: first.subject(), nonce: Some("the-nonce") };
        let expected = ExpectedIdToken { occasion, access_token: &refreshed.access_token };
        party.verifier.id_token(refreshed.id_token.as_ref().unwrap(), &expected).await
    };
    let spent = tokens.refresh_token.unwrap();
    let refreshed = party.client.refresh(&party.metadata, &spent).await.unwrap();
    let before = party.verifier.prove(&first);
    let after = party.verifier.prove(&verify(&refreshed).await.unwrap()).refreshed(&before);
    assert_eq!((after.mfa, after.auth_time), (before.mfa, before.auth_time));
    let mut next = refreshed.refresh_token.unwrap();
    assert_ne!(next, spent);
    for (claims, refused) in [
        (json!({"sub": "other"}), true),
        (json!({"nonce": "other"}), true),
        (json!({"nonce": "the-nonce"}), false),
        (json!({"amr": ["pwd", "mfa"]}), false),
    ] {
        party.faults(json!({"refreshed_id_token": {"claims": claims}}));
        let refreshed = party.client.refresh(&party.metadata, &next).await.unwrap();
        assert_eq!(verify(&refreshed).await.is_err(), refused, "{claims}");
        next = refreshed.refresh_token.unwrap();
    }
    party.faults(json!({"refresh": {"status": 400, "body": {"error": "invalid_grant", "suberror": "bad_token"}}}));
    let error = party.client.refresh(&party.metadata, &next).await.unwrap_err();
    assert_eq!((error.is_invalid_grant(), error.suberror.as_deref()), (true, Some("bad_token")));
    party.faults(json!({"refresh": {"status": 500, "body": {"error": "invalid_grant"}}}));
    let error = party.client.refresh(&party.metadata, &next).await.unwrap_err();
    assert!(error.is_unavailable() && !error.is_invalid_grant(), "{error}");
}
