//! Whether a token is app-only. Those pass without MFA, so it takes **positive proof and no sign of a user**; anything
//! mixed, missing or oddly typed counts as a user, and what says both is refused.
//!
//! That there is no `scp` proves nothing: user tokens of applications with their own roles have none either. Nor do
//! `roles`, `groups`, `wids` and `idp` tell the two apart: Entra puts them into tokens of either kind.
//!
//! # Signs of a user, whatever the proof
//!
//! | Claim | Sign of a user |
//! |---|---|
//! | one of `USER_CLAIMS`, in any letter case | it is there |
//! | one of [`READ_CLAIMS`] | it is there in another letter case |
//! | `appidacr`, `azpacr` | one is not the text `1` or `2`; the two differ |
//! | `appid`, `azp`, `client_id` | one is not a text, or is empty; two differ |
//!
//! # What each proof needs
//!
//! | | `idtyp: app` | Entra | RFC 9068 |
//! |---|---|---|---|
//! | `oid`, `sub` | those that are there are not empty, and equal unless it is an agent's token | both are there, equal and not empty | `sub` is `client_id`; an `oid` is equal |
//! | `appid`, `azp` | | one is there | |
//! | `appidacr`, `azpacr` | | exactly one is there, `1` or `2` | |
//! | `amr` | absent, or each element is `pwd` or `rsa` | the same | absent |
//! | `acr` | | | absent |
//! | `scope` | absent, unless RFC 9068 is allowed and proven too | absent | absent, or a text without `openid` |
//!
//! # The result
//!
//! With a proof of the issuer's own ([`super::OwnProof`]), `idtyp: app` proves nothing. With the others:
//!
//! | `idtyp` | The token is |
//! |---|---|
//! | `app` | app-only if there is no sign of a user and the proof holds, else refused; but a user's where the issuer's setting is `rfc9068` or `none` |
//! | `user`, or not a text | a user's |
//! | another text | refused |
//! | absent | app-only if there is no sign of a user and a proof that the issuer's setting allows holds, else a user's |

use super::user_claims::is_users;
use super::{Claim, Claims, TokenError};

/// What proves that a token is app-only. Each is documented in `docs/tokens.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the configuration's own variants document them")]
pub enum AppOnlyProof {
    Entra,
    Idtyp,
    Rfc9068,
    Any,
    None,
}

/// Claims that are read here. One that differs in letter case says something, but nobody knows to whom.
const READ_CLAIMS: [&str; 11] =
    ["idtyp", "oid", "sub", "appid", "azp", "client_id", "appidacr", "azpacr", "amr", "acr", "scope"];

/// Whether the token is app-only.
///
/// # Errors
///
/// If it says both app-only and user, or `idtyp` is a word that isn't known.
pub(super) fn is_app_only(claims: &Claims, proof: AppOnlyProof) -> Result<bool, TokenError> {
    match claims.get("idtyp").map(Claim::as_str) {
        None => Ok(!has_sign_of_user(claims)
            && match proof {
                AppOnlyProof::Entra => entra_proof(claims),
                AppOnlyProof::Rfc9068 => rfc9068_proof(claims),
                AppOnlyProof::Any => entra_proof(claims) || rfc9068_proof(claims),
                AppOnlyProof::Idtyp | AppOnlyProof::None => false,
            }),
        Some(Some("app")) if has_sign_of_user(claims) || !idtyp_proof(claims, proof) => {
            Err(TokenError::ClassContradicts)
        }
        Some(Some("app")) => Ok(!matches!(proof, AppOnlyProof::Rfc9068 | AppOnlyProof::None)),
        Some(Some("user") | None) => Ok(false),
        Some(Some(_)) => Err(TokenError::ClassUnknown),
    }
}

fn has_sign_of_user(claims: &Claims) -> bool {
    signs_of_user(claims, |_| false)
}

/// The same, but for the claims that an issuer's application tokens have, too.
pub(super) fn signs_of_user(claims: &Claims, ignored: impl Fn(&str) -> bool) -> bool {
    let misspelt = |name: &str| READ_CLAIMS.iter().any(|read| read.eq_ignore_ascii_case(name) && *read != name);
    // A public client (`0`) has no secret, so it can only act for users. There are no others (`1` secret, `2` certificate).
    let confidential = |acr: &str| matches!(acr, "1" | "2");
    claims.names().any(|name| is_users(name) && !ignored(name) || misspelt(name))
        || !agree(claims, &["appidacr", "azpacr"], confidential)
        || !agree(claims, &["appid", "azp", "client_id"], |id| !id.is_empty())
}

/// Whether those of the claims that are there are all the same text, and it passes the test.
pub(super) fn agree(claims: &Claims, names: &[&str], test: impl Fn(&str) -> bool) -> bool {
    let mut present = names.iter().filter_map(|name| claims.get(name)).map(Claim::as_str);
    let Some(first) = present.next() else { return true };
    first.is_some_and(test) && present.all(|other| other == first)
}

/// `idtyp: app` is Microsoft's own word for it, and what stands beside it must not say otherwise.
fn idtyp_proof(claims: &Claims, proof: AppOnlyProof) -> bool {
    let scope_is_fine = claims.get("scope").is_none()
        || matches!(proof, AppOnlyProof::Rfc9068 | AppOnlyProof::Any) && rfc9068_proof(claims);
    let one_subject = agree(claims, &["oid", "sub"], |id| !id.is_empty());
    (one_subject || is_agents(claims)) && amr_is_of_client(claims) && scope_is_fine
}

/// Entra's agents have an object of their own beside the subject. Both are agent identities by their facets, of which an
/// agent's user account has others (Microsoft, Token claims reference for agents).
fn is_agents(claims: &Claims) -> bool {
    let is_named = |name| claims.text(name).is_some_and(|id| !id.is_empty());
    let is_identity = |name| {
        claims.text(name).is_some_and(|facets| {
            let has = |facet| facets.split(' ').any(|one| one == facet);
            has("11") && !has("13")
        })
    };
    is_named("oid")
        && is_named("sub")
        && is_identity("xms_act_fct")
        && (claims.get("xms_sub_fct").is_none() || is_identity("xms_sub_fct"))
}

/// Entra's app-only tokens have the service principal as both object and subject, and the client authenticated with a
/// secret or a certificate. They never have a `scope`. A token has one version, so it has one of the two `acr` claims.
fn entra_proof(claims: &Claims) -> bool {
    let object_is_subject = ["oid", "sub"].iter().all(|name| claims.get(name).is_some())
        && agree(claims, &["oid", "sub"], |id| !id.is_empty());
    let named = claims.text("appid").or(claims.text("azp")).is_some();
    // Its value was looked at with the signs of a user.
    let authenticated = claims.get("appidacr").is_some() != claims.get("azpacr").is_some();
    object_is_subject && named && authenticated && amr_is_of_client(claims) && claims.get("scope").is_none()
}

/// RFC 9068 section 2.2: without a resource owner `sub` is the client's own id. Such issuers put `scope` into tokens of
/// either kind, but `openid` asks for a user; `acr` and `amr` are for tokens with a user (section 2.2.1).
fn rfc9068_proof(claims: &Claims) -> bool {
    let subject_is_client = ["client_id", "sub"].iter().all(|name| claims.get(name).is_some())
        && agree(claims, &["client_id", "sub", "oid"], |id| !id.is_empty());
    let scope_is_fine = claims.get("scope").is_none_or(|scope| {
        scope.as_str().is_some_and(|scope| !scope.split_whitespace().any(|one| one.eq_ignore_ascii_case("openid")))
    });
    subject_is_client && scope_is_fine && ["acr", "amr"].iter().all(|name| claims.get(name).is_none())
}

/// Entra writes into `amr` how the application authenticated: `pwd` for a secret, `rsa` for a certificate. Any other
/// method is a user's.
fn amr_is_of_client(claims: &Claims) -> bool {
    claims.get("amr").is_none_or(|amr| {
        amr.strings().is_some_and(|methods| {
            !methods.is_empty() && methods.into_iter().all(|method| matches!(method, "pwd" | "rsa"))
        })
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::token::Validity;
    use crate::token::object::Object;
    use crate::token::user_claims::USER_CLAIMS;

    const ALL: [AppOnlyProof; 5] =
        [AppOnlyProof::Entra, AppOnlyProof::Idtyp, AppOnlyProof::Rfc9068, AppOnlyProof::Any, AppOnlyProof::None];

    /// `Ok(true)`: app-only.
    fn judge(claims: &Value, proof: AppOnlyProof) -> Result<bool, TokenError> {
        is_app_only(&Claims::new(Object::of(claims), Validity::always()), proof)
    }

    fn with(claims: &Value, name: &str, value: Value) -> Value {
        let mut claims = claims.clone();
        claims[name] = value;
        claims
    }

    fn without(claims: &Value, name: &str) -> Value {
        let mut claims = claims.clone();
        claims.as_object_mut().unwrap().remove(name);
        claims
    }

    /// As Entra makes it, v1.0, without `idtyp`.
    fn entra() -> Value {
        json!({"appid": "a", "appidacr": "1", "oid": "o", "sub": "o", "roles": ["r"], "groups": ["g"], "wids": ["w"],
            "idp": "https://sts.windows.net/x/", "acr": "1", "xms_cc": ["cp1"]})
    }

    fn rfc9068() -> Value {
        json!({"client_id": "c", "sub": "c", "scope": "read write", "roles": ["r"], "groups": ["g"]})
    }

    /// What makes any application's token one of a user, or a mixture.
    fn signs() -> Vec<(&'static str, Value)> {
        let mut signs: Vec<(&str, Value)> = USER_CLAIMS.iter().map(|name| (*name, json!(null))).collect();
        for name in ["SCP", "Scp", "UPN", "Name", "IpAddr", "IDTYP", "Oid", "SUB", "AppId", "AMR", "Scope", "Acr"] {
            signs.push((name, json!("o")));
        }
        for odd in [json!("0"), json!("3"), json!(""), json!(1), json!(null), json!(["1"])] {
            signs.extend([("appidacr", odd.clone()), ("azpacr", odd)]);
        }
        for odd in [json!("other"), json!(""), json!(1), json!(null), json!(["a"])] {
            signs.extend(["appid", "azp", "client_id"].map(|name| (name, odd.clone())));
            signs.extend(["oid", "sub"].map(|name| (name, odd.clone())));
        }
        for odd in [json!("pwd"), json!([]), json!(["mfa"]), json!(["pwd", "mfa"]), json!(["rsa", 1]), json!(null)] {
            signs.push(("amr", odd));
        }
        signs
    }

    #[test]
    fn an_application_of_entra_is_app_only_with_idtyp_or_with_every_part_of_the_proof() {
        for proof in ALL {
            let proven = matches!(proof, AppOnlyProof::Entra | AppOnlyProof::Any);
            assert_eq!(judge(&entra(), proof), Ok(proven), "{proof:?}");
            let by_idtyp = proven || proof == AppOnlyProof::Idtyp;
            assert_eq!(judge(&with(&entra(), "idtyp", json!("app")), proof), Ok(by_idtyp), "{proof:?}");
            assert_eq!(judge(&json!({"idtyp": "app"}), proof), Ok(by_idtyp), "{proof:?}");
        }
        for amr in [json!(["pwd"]), json!(["rsa"]), json!(["pwd", "rsa"])] {
            assert_eq!(judge(&with(&entra(), "amr", amr.clone()), AppOnlyProof::Entra), Ok(true), "{amr}");
            let stated = json!({"idtyp": "app", "amr": amr});
            assert_eq!(judge(&stated, AppOnlyProof::Idtyp), Ok(true), "{stated}");
        }
        let agreed = with(&with(&entra(), "azpacr", json!("1")), "idtyp", json!("app"));
        assert_eq!(judge(&agreed, AppOnlyProof::Entra), Ok(true), "both acr claims, which agree");
    }

    #[test]
    fn a_sign_of_a_user_contradicts_idtyp_app_and_otherwise_makes_a_user() {
        let mut signs = signs();
        signs.push(("scope", json!("read")));
        let application = with(&entra(), "client_id", json!("a"));
        for (name, value) in signs {
            let claims = with(&application, name, value);
            for proof in ALL {
                assert_eq!(judge(&claims, proof), Ok(false), "{proof:?} {claims}");
                let stated = with(&claims, "idtyp", json!("app"));
                assert_eq!(judge(&stated, proof), Err(TokenError::ClassContradicts), "{proof:?} {stated}");
            }
        }
        for (name, value) in [("appidacr", json!("3")), ("azpacr", json!("1"))] {
            assert_eq!(judge(&with(&entra(), name, value), AppOnlyProof::Any), Ok(false), "{name}");
        }
        for name in ["appid", "appidacr", "oid", "sub"] {
            assert_eq!(judge(&without(&entra(), name), AppOnlyProof::Any), Ok(false), "no {name}");
        }
    }

    #[test]
    fn idtyp_is_app_or_user_and_nothing_like_them() {
        for proof in ALL {
            for odd in ["App", "device", "", "app "] {
                assert_eq!(judge(&with(&entra(), "idtyp", json!(odd)), proof), Err(TokenError::ClassUnknown), "{odd}");
            }
            for user in [json!("user"), json!(["app"]), json!(null), json!(1)] {
                assert_eq!(judge(&with(&entra(), "idtyp", user.clone()), proof), Ok(false), "{user}");
            }
        }
    }

    #[test]
    fn rfc_9068_compares_subject_and_client() {
        for proof in ALL {
            let allowed = matches!(proof, AppOnlyProof::Rfc9068 | AppOnlyProof::Any);
            assert_eq!(judge(&rfc9068(), proof), Ok(allowed), "{proof:?}");
        }
        let mut signs = signs();
        signs.extend([("acr", json!("1")), ("amr", json!(["pwd"]))]);
        signs.extend([json!("openid"), json!("read OpenID"), json!(["read"]), json!(null)].map(|odd| ("scope", odd)));
        for (name, value) in signs {
            let claims = with(&rfc9068(), name, value);
            assert_eq!(judge(&claims, AppOnlyProof::Rfc9068), Ok(false), "{claims}");
            assert_eq!(judge(&claims, AppOnlyProof::Any), Ok(false), "{claims}");
        }
        for name in ["client_id", "sub"] {
            assert_eq!(judge(&without(&rfc9068(), name), AppOnlyProof::Any), Ok(false), "no {name}");
        }
        assert_eq!(judge(&with(&rfc9068(), "oid", json!("c")), AppOnlyProof::Rfc9068), Ok(true));
        assert_eq!(judge(&json!({}), AppOnlyProof::Any), Ok(false));
    }

    #[test]
    fn an_agent_of_entra_has_an_object_beside_its_subject_and_its_account_is_a_user() {
        let agent = json!({"appid": "a", "appidacr": "2", "idp": "https://sts.windows.net/x/", "idtyp": "app", "oid": "o",
            "sub": "s", "xms_act_fct": "3 9 11", "xms_sub_fct": "9 3 11", "xms_par_app_azp": "b"});
        for proof in [AppOnlyProof::Entra, AppOnlyProof::Idtyp, AppOnlyProof::Any] {
            assert_eq!(judge(&agent, proof), Ok(true), "{proof:?}");
            assert_eq!(judge(&without(&agent, "xms_sub_fct"), proof), Ok(true), "{proof:?}");
            assert_eq!(judge(&without(&agent, "idtyp"), proof), Ok(false), "{proof:?}");
            let account = with(&with(&agent, "idtyp", json!("user")), "scp", json!("access"));
            assert_eq!(judge(&account, proof), Ok(false), "{proof:?}");
            for (name, odd) in [
                ("xms_act_fct", json!("3 9 111")),
                ("xms_act_fct", json!(["11"])),
                ("xms_act_fct", json!(11)),
                ("xms_sub_fct", json!("13 3")),
                ("xms_sub_fct", json!("11 13")),
                ("xms_sub_fct", json!(null)),
                ("sub", json!("")),
                ("oid", json!(1)),
                ("scp", json!("access")),
            ] {
                let odd = with(&agent, name, odd);
                assert_eq!(judge(&odd, proof), Err(TokenError::ClassContradicts), "{proof:?} {odd}");
            }
            let other = without(&agent, "xms_act_fct");
            assert_eq!(judge(&other, proof), Err(TokenError::ClassContradicts), "{proof:?}");
        }
    }

    #[test]
    fn scope_beside_idtyp_app_needs_the_other_proof_too() {
        let stated = with(&rfc9068(), "idtyp", json!("app"));
        assert_eq!(judge(&stated, AppOnlyProof::Any), Ok(true));
        assert_eq!(judge(&stated, AppOnlyProof::Entra), Err(TokenError::ClassContradicts));
        let other = with(&stated, "sub", json!("u"));
        assert_eq!(judge(&other, AppOnlyProof::Any), Err(TokenError::ClassContradicts));
    }
}
