//! Roles, from the file to what is used.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::file;
use super::names::List;
use super::problem::Problems;
use super::suggest::suggest;
use super::token_claims::predicate;
use super::waivers::check_issuer;
use mfa_gateway_core::policy::{Predicate, Role, RoleRules, Test};
use mfa_gateway_core::token::is_guid;

/// The longest name, in characters.
const MAX_NAME: usize = 64;

/// All roles of the file.
#[derive(Debug)]
pub(super) struct Roles {
    entries: Vec<Role>,
    /// The places of those of an issuer, and of all.
    places: HashMap<Option<String>, Vec<usize>>,
}

impl Roles {
    /// Reads the roles.
    pub(super) fn build(files: Vec<file::Role>, issuers: &List, problems: &mut Problems<'_>) -> Self {
        let (mut entries, mut places) = (Vec::new(), HashMap::<_, Vec<usize>>::new());
        let mut given: HashMap<(String, Predicate), Given> = HashMap::new();
        for (at, file) in files.into_iter().enumerate() {
            let path = format!("roles[{at}]");
            check_name(&format!("{path}.name"), &file.name, problems);
            if let Some(issuer) = &file.issuer {
                check_issuer(&path, issuer, issuers, problems);
            }
            if file.any.is_empty() {
                let message = "nobody can have this role: nothing gives it";
                problems.add(&format!("{path}.any"), message, "add a predicate: `{ claim: groups, contains: … }`");
            }
            if file.granted_by.as_ref().is_some_and(|text| text.trim().is_empty()) {
                let fix = "write who grants the role, or remove the field";
                problems.add(&format!("{path}.granted_by"), "the text is empty", fix);
            }
            let mut role = Role { name: file.name.into(), any: Vec::new(), granted_by: file.granted_by };
            for (place, one) in file.any.iter().enumerate() {
                let path = format!("{path}.any[{place}]");
                let Some(one) = predicate(&path, one, problems) else { continue };
                warn_of_spelling(&path, &one, problems);
                if !given.entry((role.name.to_string(), one.clone())).or_default().add(file.issuer.as_deref()) {
                    let message = format!("the role `{}` has this predicate already", role.name);
                    problems.add(&path, message, "remove one of the two");
                }
                role.any.push(one);
            }
            places.entry(file.issuer).or_default().push(entries.len());
            entries.push(role);
        }
        Self { entries, places }
    }

    /// What gives roles to the callers of this issuer.
    pub(super) fn of(&self, issuer: &str) -> RoleRules {
        let of = |issuer: Option<&str>| self.places.get(&issuer.map(str::to_owned)).into_iter().flatten().copied();
        let mut places: Vec<usize> = of(None).chain(of(Some(issuer))).collect();
        places.sort_unstable();
        RoleRules::new(places.into_iter().filter_map(|place| self.entries.get(place).cloned()).collect())
    }
}

/// The issuers for whose callers a predicate gives a role.
#[derive(Debug, Default)]
struct Given {
    issuers: HashSet<String>,
    all: bool,
}

impl Given {
    /// Adds an issuer, or all; `false` if some caller had the role by it already.
    fn add(&mut self, issuer: Option<&str>) -> bool {
        let is_new = !self.all && issuer.map_or(self.issuers.is_empty(), |issuer| !self.issuers.contains(issuer));
        match issuer {
            Some(issuer) => _ = self.issuers.insert(issuer.to_owned()),
            None => self.all = true,
        }
        is_new
    }
}

/// People read the names: they may have spaces.
fn check_name(path: &str, name: &str, problems: &mut Problems<'_>) {
    let usable = |char: char| char.is_alphanumeric() || matches!(char, ' ' | '-' | '_' | '.');
    if name.trim() != name || name.is_empty() || name.chars().count() > MAX_NAME || !name.chars().all(usable) {
        let message = "the name is not 1 to 64 letters, digits, dots, dashes, underscores or spaces between them";
        problems.add(path, message, "choose a short name, such as `Admin agent`");
    }
}

/// Values that Entra never writes in this form, although they look like what it writes.
fn warn_of_spelling(path: &str, one: &Predicate, problems: &mut Problems<'_>) {
    let (Test::Contains(value), [claim @ ("groups" | "wids")]) =
        (&one.test, &*one.claim.iter().map(String::as_str).collect::<Vec<_>>())
    else {
        return;
    };
    if is_guid(value) && value.bytes().any(|byte| byte.is_ascii_uppercase()) {
        let message = "values are compared exactly, and Entra writes ids in lower case";
        problems.warn(&format!("{path}.contains"), message, format!("write `{}`", value.to_ascii_lowercase()));
    } else if *claim == "wids" && !is_guid(value) {
        let message = format!("`wids` has the ids of role templates, and `{value}` is none");
        let fix = "write the template's id, such as 62e90394-69f5-4237-9190-012177145e10 for Global Administrator";
        problems.warn(&format!("{path}.contains"), message, fix);
    }
}

/// The roles that a route needs one of.
pub(super) fn of_route(path: &str, needed: &[String], known: &List, problems: &mut Problems<'_>) -> BTreeSet<String> {
    if needed.is_empty() {
        let fix = "list the roles of which a caller needs one, or remove the field";
        problems.add(path, "the list is empty, so nobody could call", fix);
    }
    let mut seen = HashSet::new();
    for (at, name) in needed.iter().enumerate() {
        let path = format!("{path}[{at}]");
        if !known.has(name) {
            let names: BTreeSet<&str> = known.iter().collect();
            let fix = if names.is_empty() {
                format!("define it: `roles: [{{ name: {name}, any: [{{ claim: groups, contains: … }}] }}]`")
            } else {
                suggest(name, &names.into_iter().collect::<Vec<_>>())
            };
            problems.add(&path, format!("there is no role `{name}`"), fix);
        }
        if !seen.insert(name) {
            problems.add(&path, format!("the role `{name}` is listed twice"), "remove one of the two");
        }
    }
    needed.iter().cloned().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::super::Config;

    fn read(roles: &str, needed: &str) -> Result<Config, String> {
        let text = format!(
            "
listeners: [{{ address: 127.0.0.1:0 }}]
upstreams: [{{ name: api, endpoints: [\"http://127.0.0.1:1\"] }}]
issuers:
  - {{ name: one, issuer: \"https://one.example/\", audiences: [a] }}
  - {{ name: two, issuer: \"https://two.example/\", audiences: [a] }}
roles: {roles}
routes: [{{ prefix: /, upstream: api, roles: {needed} }}]
"
        );
        Config::parse("f", &text, HashMap::new()).map_err(|error| error.to_string())
    }

    #[test]
    fn entries_of_one_name_add_up_per_issuer() {
        let roles = "
  - { name: Admin agent, any: [{ claim: roles, contains: agent }] }
  - { name: Admin agent, issuer: two, any: [{ claim: [a, b], contains: x }], granted_by: the desk }
  - { name: sales, issuer: one, any: [{ claim: rank, equals: sales }] }";
        let config = read(roles, "[sales, Admin agent]").unwrap();
        let of = |at: usize| &config.issuers[at].profile.roles;
        let names = |at| of(at).as_slice().iter().map(|role| &*role.name).collect::<Vec<_>>();
        assert_eq!((names(0), names(1)), (vec!["Admin agent", "sales"], vec!["Admin agent"]));
        let agents = [0, 1].map(|at| of(at).get("Admin agent").unwrap());
        assert_eq!(agents.map(|role| (role.any.len(), role.granted_by.as_deref())), [(1, None), (2, Some("the desk"))]);
        let needed = config.routes[0].rule.roles.as_ref().unwrap();
        assert_eq!(needed.iter().map(String::as_str).collect::<Vec<_>>(), ["Admin agent", "sales"]);
        assert!(config.warnings.is_empty());
    }

    #[test]
    fn what_no_caller_could_meet_is_a_problem() {
        let agent = "[{ name: agent, any: [{ claim: groups, contains: g }] }]";
        for (roles, needed, told) in [
            (agent, "[agnet]", "routes[0].roles[0]: there is no role `agnet`"),
            (agent, "[agent, agent]", "routes[0].roles[1]: the role `agent` is listed twice"),
            (agent, "[]", "routes[0].roles: the list is empty"),
            ("[]", "[agent]", "define it: `roles: [{ name: agent"),
            ("[{ name: agent, any: [] }]", "[agent]", "roles[0].any: nobody can have this role"),
            ("[{ name: agent }]", "[agent]", "the field `any` is missing"),
            (
                "[{ name: agent, issuer: tow, any: [{ claim: groups, contains: g }] }]",
                "[agent]",
                "there is no issuer `tow`",
            ),
            ("[{ name: agent, any: [{ claim: groups }] }]", "[agent]", "exactly one of `contains` and `equals`"),
            (
                "[{ name: \" agent\", any: [{ claim: groups, contains: g }] }]",
                "[\" agent\"]",
                "the name is not 1 to 64",
            ),
            (
                "[{ name: agent, any: [{ claim: g, contains: g }], granted_by: \"\" }]",
                "[agent]",
                "granted_by: the text is",
            ),
            (
                "[{ name: a, any: [{ claim: g, contains: g }] }, { name: a, issuer: two, any: [{ claim: g, contains: g }] }]",
                "[a]",
                "roles[1].any[0]: the role `a` has this predicate already",
            ),
        ] {
            let problems = read(roles, needed).unwrap_err();
            assert!(problems.contains(told), "{roles} {needed}: {problems}");
        }
        let public = read(agent, "[agent], require: public").unwrap_err();
        assert!(public.contains("routes[0].roles: this has no effect with the route's `require`"), "{public}");
    }

    #[test]
    fn ids_that_entra_never_writes_so_are_warned_of() {
        let warned = |claim: &str, value: &str| {
            let config =
                read(&format!("[{{ name: a, any: [{{ claim: {claim}, contains: {value} }}] }}]"), "[a]").unwrap();
            config.warnings.iter().map(ToString::to_string).collect::<Vec<_>>().concat()
        };
        let id = "62E90394-69F5-4237-9190-012177145E10";
        assert!(warned("groups", id).contains("write `62e90394-69f5-4237-9190-012177145e10`"));
        assert!(warned("wids", "Global Administrator").contains("has the ids of role templates"));
        for (claim, value) in [("wids", &*id.to_ascii_lowercase()), ("groups", "CONTOSO\\agents"), ("roles", id)] {
            assert!(warned(claim, value).is_empty(), "{claim} {value}");
        }
    }
}
