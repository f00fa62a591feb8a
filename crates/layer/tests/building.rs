//! What can't be built, and why.

use mfa_gateway_layer::{BuildError, Clock, Exception, MfaGateway, TrustedIssuer};

use crate::support::{AUDIENCE, NOW, SIGNER, issuer, key_set};

fn error(issuers: impl IntoIterator<Item = TrustedIssuer>) -> BuildError {
    let builder = issuers.into_iter().fold(MfaGateway::builder(), mfa_gateway_layer::Builder::issuer);
    builder.build_offline().unwrap_err()
}

#[test]
fn what_would_accept_too_much_or_nothing_is_an_error() {
    let new = |iss: &str| TrustedIssuer::new(iss).audience(AUDIENCE);
    assert!(matches!(error([]), BuildError::NoIssuer));
    assert!(matches!(error([TrustedIssuer::new("https://a.example/")]), BuildError::NoAudience { .. }));
    assert!(matches!(error([TrustedIssuer::new("https://a.example/").audience("")]), BuildError::NoAudience { .. }));
    let none: [&str; 0] = [];
    assert!(matches!(error([TrustedIssuer::entra(none).audience(AUDIENCE)]), BuildError::NoTenant { .. }));
    assert!(matches!(error([issuer(), issuer()]), BuildError::NameTaken { .. }));
    assert!(matches!(error([issuer(), issuer().named("other")]), BuildError::Ambiguous { .. }));
    assert!(matches!(error([new("a.example")]), BuildError::Address { .. }));
    assert!(matches!(error([new("http://a.example/")]), BuildError::Insecure { .. }));
    assert!(matches!(
        error([new("https://a.example/").jwks_uri("http://a.example/keys")]),
        BuildError::Insecure { .. }
    ));
    assert!(matches!(error([new("ftp://a.example/")]), BuildError::Insecure { .. }));
    assert!(matches!(error([new("https://a.example/").jwks("{}")]), BuildError::Keys { .. }));
    assert!(matches!(error([new("https://a.example/")]), BuildError::Offline { .. }));
    let everybody = MfaGateway::builder().issuer(issuer()).exception(Exception::until("EX-1", NOW));
    assert!(matches!(everybody.build_offline(), Err(BuildError::ExceptionForAll { id }) if id == "EX-1"));
}

#[test]
fn an_error_names_its_issuer_and_what_to_do() {
    let text =
        MfaGateway::for_tests(TrustedIssuer::new("https://a.example/"), Clock::system()).unwrap_err().to_string();
    assert!(text.contains("https://a.example/") && text.contains("add the service's identifiers"), "{text}");
}

#[test]
fn an_issuer_of_entra_that_is_written_out_gets_entras_rule() {
    let iss = "https://login.microsoftonline.com/df845f1a-7b35-40a2-ba78-6481de91f8ae/v2.0";
    let both = [TrustedIssuer::new(iss), TrustedIssuer::entra(["DF845F1A-7B35-40A2-BA78-6481DE91F8AE"])];
    let built = error(both.map(|one| one.audience(AUDIENCE).jwks(key_set(&[SIGNER.jwk()]))));
    assert!(matches!(built, BuildError::Ambiguous { issuer } if issuer == "entra"));
}
