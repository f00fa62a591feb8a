//! The YAML of the page is what is tested, so that the two can't drift apart.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use mfa_gateway::config::{Config, Issuer};
use mfa_gateway_core::clock::Clock;
use mfa_gateway_core::policy::{Decision, Evidence, Grounds, Proof, Requirement, Waivers, decide};
use mfa_gateway_core::token::{Algorithm, Key, TokenError, Unverified};
use mfa_gateway_layer::judge;
use serde_json::{Map, Value, json};

use crate::support::Signer;
use crate::support::gateway::START;
use crate::support::rule::{rule, with};

static SIGNER: LazyLock<Signer> = LazyLock::new(|| Signer::new(Algorithm::Rs256, "k"));

fn root(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

/// The headings of the page that have a configuration, with it.
fn recipes() -> Vec<(String, String)> {
    let page = root("docs/providers.md");
    let sections = page.split("\n## ").skip(1);
    let recipe = |section: &str| {
        let (heading, text) = section.split_once('\n').unwrap();
        let yaml = text.split("```yaml\n").nth(1)?.split("```").next().unwrap();
        Some((heading.to_owned(), yaml.to_owned()))
    };
    sections.filter_map(recipe).collect()
}

/// The issuers of a recipe.
fn issuers(yaml: &str) -> Vec<Issuer> {
    const REST: &str = "
listeners: [{ address: 127.0.0.1:8080 }]
upstreams: [{ name: api, endpoints: [http://127.0.0.1:5000] }]
routes: [{ prefix: /, upstream: api }]
";
    match Config::parse("docs/providers.md", &format!("{yaml}{REST}"), HashMap::new()) {
        Ok(config) => config.issuers,
        Err(error) => panic!("{error}"),
    }
}

/// Puts the time into the texts that stand for one.
fn timed(value: &Value) -> Value {
    match value {
        Value::String(text) => match text.strip_prefix("NOW") {
            Some("") => json!(START.as_secs()),
            Some(offset) => json!(START.as_secs() + offset.parse::<i64>().unwrap()),
            None => value.clone(),
        },
        Value::Object(members) => {
            let mut all = members.get("<<").map_or_else(Map::new, |base| timed(base).as_object().unwrap().clone());
            let own = members.iter().filter(|(name, _)| *name != "<<");
            all.extend(own.map(|(name, value)| (name.clone(), timed(value))));
            all.into()
        }
        other => other.clone(),
    }
}

fn proof(issuers: &[Issuer], head: &Value, claims: &Value) -> Result<Proof, TokenError> {
    let token = SIGNER.sign(head, claims);
    let unverified = Unverified::parse(&token)?;
    let named = unverified.issuer()?;
    let issuer = issuers.iter().find(|issuer| issuer.rules.issuer.names(named)).ok_or(TokenError::IssuerUnknown)?;
    let keys: [Arc<Key>; 1] = [Arc::new(SIGNER.key())];
    judge(unverified, &keys, &issuer.rules, (&issuer.profile, None), &Clock::manual(START)).map(|(proof, _)| proof)
}

/// What the gateway makes of the token, in the words of the table.
fn made(issuers: &[Issuer], head: &Value, claims: &Value) -> Value {
    let proof = match proof(issuers, head, claims) {
        Ok(proof) => Arc::new(proof),
        Err(error) => return json!({ error.code(): "invalid" }),
    };
    let evidence = Evidence::Token(Arc::clone(&proof));
    let code = match decide(&rule(Requirement::Mfa { max_age: None }), &evidence, &Waivers::default(), START) {
        Decision::Permit(grounds) => grounds.code(),
        Decision::Deny(denial) => denial.code(),
    };
    let mut made = Map::from_iter([(code.to_owned(), json!(proof.principal.class()))]);
    let user = proof.principal.user().and_then(|user| user.id.as_deref());
    for (name, id) in [("application", proof.principal.app().id.as_deref()), ("user", user)] {
        made.extend(id.map(|id| (name.to_owned(), json!(id))));
    }
    made.into()
}

struct Case {
    name: String,
    recipe: String,
    head: Value,
    claims: Value,
    right: Value,
}

fn cases() -> Vec<Case> {
    let table: Value = serde_saphyr::from_str(&root("tests/providers/tokens.yaml")).unwrap();
    let usual = json!({"alg": "RS256", "typ": "JWT", "kid": "k"});
    let text = |case: &Value, member: &str| case[member].as_str().unwrap().to_owned();
    let case = |case: &Value| Case {
        name: text(case, "name"),
        recipe: text(case, "recipe"),
        head: case.get("head").unwrap_or(&usual).clone(),
        claims: timed(&case["claims"]),
        right: case["right"].clone(),
    };
    table.as_array().unwrap().iter().map(case).collect()
}

#[test]
fn every_providers_tokens_are_what_they_are_under_its_recipe() {
    let recipes: HashMap<String, Vec<Issuer>> =
        recipes().into_iter().map(|(heading, yaml)| (heading, issuers(&yaml))).collect();
    let (mut wrong, mut used) = (Vec::new(), BTreeSet::new());
    for case in cases() {
        let Some(issuers) = recipes.get(&case.recipe) else {
            panic!("{}: docs/providers.md has no recipe {:?}", case.name, case.recipe)
        };
        used.insert(case.recipe);
        let made = made(issuers, &case.head, &case.claims);
        if made != case.right {
            wrong.push(format!("{}: {made} instead of {}", case.name, case.right));
        }
    }
    wrong.extend(recipes.keys().filter(|name| !used.contains(*name)).map(|name| format!("{name}: no token tried")));
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Whatever a user or a client adds to an application's token, or is added because there is a user, it doesn't become or
/// stay app-only by it: without any of the claims that prove it, and with any sign of a user, it is a user's or invalid.
#[test]
fn s10_no_recipe_makes_a_users_token_app_only() {
    let recipes: HashMap<String, Vec<Issuer>> =
        recipes().into_iter().map(|(heading, yaml)| (heading, issuers(&yaml))).collect();
    let is_app_only = |case: &Case, claims: &Value| {
        let proof = proof(&recipes[&case.recipe], &case.head, claims);
        proof.is_ok_and(|proof| proof.principal.user().is_none())
    };
    let signs = [
        "upn",
        "unique_name",
        "name",
        "given_name",
        "family_name",
        "email",
        "sid",
        "session_state",
        "username",
        "uid",
        "act",
        "may_act",
        "nonce",
        "at_hash",
        "cognito:username",
        "cognito:groups",
        "acrs",
        "ipaddr",
        "login_hint",
        "phone_number",
        "Name",
        "UID",
    ];
    let odd = || [json!(null), json!(""), json!(0), json!(false), json!([]), json!({}), json!(["x"])];
    let mut wrong = Vec::new();
    let mut count = 0;
    for case in cases() {
        let grounds = Grounds::AppOnly.code();
        if case.right.get(grounds).is_none() {
            let same = is_app_only(&case, &case.claims);
            assert!(!same, "{}", case.name);
            continue;
        }
        count += 1;
        assert!(is_app_only(&case, &case.claims), "{}", case.name);
        for name in signs {
            for value in odd() {
                let claims = with(case.claims.clone(), name, value.clone());
                if is_app_only(&case, &claims) {
                    wrong.push(format!("{} with {name} {value}", case.name));
                }
            }
        }
        for amr in [json!(["pwd", "otp"]), json!("mfa"), json!(["mfa"]), json!(null), json!({})] {
            if is_app_only(&case, &with(case.claims.clone(), "amr", amr.clone())) {
                wrong.push(format!("{} with amr {amr}", case.name));
            }
        }
        // What proves it proves nothing in another form.
        for name in ["sub", "azp", "client_id", "cid", "gty", "caller", "preferred_username", "idtyp", "token_use"] {
            let Some(value) = case.claims.get(name).cloned() else { continue };
            for odd in odd().into_iter().chain([json!([value]), json!({ "value": value })]) {
                if is_app_only(&case, &with(case.claims.clone(), name, odd.clone())) {
                    wrong.push(format!("{} with {name} {odd}", case.name));
                }
            }
        }
    }
    assert!(count >= 9, "{count} app-only tokens");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
