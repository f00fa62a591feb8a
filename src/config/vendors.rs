//! Control panel vendors, from the file to what is used.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use url::Url;

use super::consent_use::check_scope;
use super::file;
use super::problem::Problems;
use super::values::name;
use crate::consent::ConsentSettings;
use crate::vendors::{Grant, PartnerSettings, VendorSettings};
use mfa_gateway_core::token::is_guid;
use mfa_gateway_keys::is_loopback;

const PARTNER_CENTER: &str = "https://api.partnercenter.microsoft.com";

/// How many requests a second Partner Center takes of an application.
const MOST: u32 = 50;
const USUAL: u32 = 20;

/// Builds the vendors. One with problems is left out.
pub(super) fn build(
    list: &[file::Vendor],
    consents: (&[file::Consent], &[ConsentSettings]),
    known: &file::Applications,
    problems: &mut Problems<'_>,
) -> Arc<[Arc<VendorSettings>]> {
    let (mut names, mut applications) = (HashSet::new(), HashSet::new());
    let known: HashSet<String> = known.control_panel_vendors.iter().map(|id| id.to_ascii_lowercase()).collect();
    let consents = Consents::of(consents);
    let mut vendors = Vec::new();
    for (at, one) in list.iter().enumerate() {
        let path = format!("vendors[{at}]");
        name(&path, &one.name, problems);
        if !names.insert(&one.name) {
            problems.add(&format!("{path}.name"), "another vendor has this name", "give each vendor its own name");
        }
        let application = one.application.to_ascii_lowercase();
        let is_known = known.contains(&application);
        if !applications.insert(application) {
            let message = "another vendor has this application, and each would call as often as both may";
            problems.add(&format!("{path}.application"), message, "make them one vendor, with the partners of both");
        }
        if !is_known {
            let message = "the application is not among `applications.control_panel_vendors`, so that routes with \
                           `app_only: allow_except_vendors` accept it without a user";
            problems.warn(&format!("{path}.application"), message, "add it there");
        }
        vendors.extend(build_one(&path, one, &consents, problems).map(Arc::new));
    }
    vendors.into()
}

/// The consents by name, as they are written and as they were built: the first of each.
struct Consents<'c> {
    written: HashMap<&'c str, &'c file::Consent>,
    built: HashMap<&'c str, &'c ConsentSettings>,
}

impl<'c> Consents<'c> {
    fn of((written, built): (&'c [file::Consent], &'c [ConsentSettings])) -> Self {
        Self {
            written: written.iter().rev().map(|one| (one.name.as_str(), one)).collect(),
            built: built.iter().rev().map(|one| (one.name.as_str(), one)).collect(),
        }
    }
}

fn build_one(
    path: &str,
    file: &file::Vendor,
    consents: &Consents<'_>,
    problems: &mut Problems<'_>,
) -> Option<VendorSettings> {
    if !is_guid(&file.application) {
        let message = format!("`{}` is not an application's id", file.application);
        problems.add(&format!("{path}.application"), message, "write the application (client) id, a GUID");
    }
    if let Some(scope) = &file.scope {
        check_scope(&format!("{path}.scope"), scope, problems);
    }
    let per_second = file.requests_per_second.unwrap_or(USUAL);
    if !(1..=MOST).contains(&per_second) {
        let message = format!("{per_second} is out of range: the partner API takes {MOST} of an application");
        problems.add(&format!("{path}.requests_per_second"), message, format!("write a number from 1 to {MOST}"));
    }
    Some(VendorSettings {
        name: file.name.clone(),
        application: file.application.to_ascii_lowercase(),
        display_name: file.display_name.clone().unwrap_or_else(|| file.name.clone()),
        api: api(&format!("{path}.api"), file.api.as_deref().unwrap_or(PARTNER_CENTER), problems)?,
        scope: file.scope.clone(),
        grants: grants(&format!("{path}.grants"), &file.grants, problems),
        requests_per_second: per_second.clamp(1, MOST),
        partners: partners(path, file, consents, problems),
    })
}

fn api(path: &str, text: &str, problems: &mut Problems<'_>) -> Option<Url> {
    let is_sound = |url: &Url| {
        (url.scheme() == "https" || url.scheme() == "http" && is_loopback(url))
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    };
    let url = Url::parse(text).ok().filter(is_sound);
    if url.is_none() {
        let message = "partners' tokens can't be sent there: this is no `https` address of an API";
        problems.add(path, message, format!("write `{PARTNER_CENTER}`, without `/v1`"));
    }
    url
}

fn grants(path: &str, list: &[file::Grant], problems: &mut Problems<'_>) -> Vec<Grant> {
    if list.is_empty() {
        let fix = "list what customers consent to: `{ application: 00000003-0000-0000-c000-000000000000, scopes: \
                   [Directory.Read.All] }`";
        problems.add(path, "the list is empty, so customers would consent to nothing", fix);
    }
    let applications: Vec<String> = list.iter().map(|one| one.application.to_ascii_lowercase()).collect();
    let mut seen = HashSet::new();
    for (at, (one, application)) in list.iter().zip(&applications).enumerate() {
        let path = format!("{path}[{at}]");
        if !is_guid(&one.application) {
            let message = format!("`{}` is not an application's id", one.application);
            let fix =
                "write the id of the API's application: `00000003-0000-0000-c000-000000000000` for Microsoft Graph";
            problems.add(&format!("{path}.application"), message, fix);
        }
        if !seen.insert(application) {
            problems.add(
                &format!("{path}.application"),
                "another grant is of this API",
                "list all its scopes in one grant",
            );
        }
        let is_odd = |scope: &String| {
            scope.is_empty() || scope.contains(|char: char| char == ',' || char.is_whitespace() || char.is_control())
        };
        if one.scopes.is_empty() || one.scopes.iter().any(is_odd) {
            let message = "the scopes are none, or one of them isn't one scope";
            problems.add(&format!("{path}.scopes"), message, "list the scopes: `[Directory.Read.All, User.Read.All]`");
        }
    }
    let grant = |(one, application): (&file::Grant, &String)| Grant {
        application: application.clone(),
        scopes: one.scopes.clone(),
    };
    list.iter().zip(&applications).map(grant).collect()
}

fn partners(
    path: &str,
    vendor: &file::Vendor,
    consents: &Consents<'_>,
    problems: &mut Problems<'_>,
) -> Vec<PartnerSettings> {
    let list = &vendor.partners;
    if list.is_empty() {
        problems.add(
            &format!("{path}.partners"),
            "the vendor has no partner",
            "list its partners, or remove the vendor",
        );
    }
    let (mut names, mut given) = (HashSet::new(), HashSet::new());
    let mut partners = Vec::new();
    for (at, one) in list.iter().enumerate() {
        let path = format!("{path}.partners[{at}]");
        name(&path, &one.name, problems);
        if !names.insert(&one.name) {
            problems.add(&format!("{path}.name"), "another partner has this name", "give each partner its own name");
        }
        let field = format!("{path}.consent");
        if !given.insert(&one.consent) {
            problems.add(&field, "another partner has this consent", "add one to `consents` for each partner");
        }
        let Some(written) = consents.written.get(one.consent.as_str()) else {
            let message = format!("there is no consent `{}`", one.consent);
            problems.add(&field, message, "add it to `consents`, with the partner's tenant");
            continue;
        };
        if !written.client_id.eq_ignore_ascii_case(&vendor.application) {
            let message =
                "the consent is of another client, and the API accepts only tokens of the vendor's application";
            problems.add(&field, message, format!("write `client_id: {}` in that consent", vendor.application));
        }
        if vendor.scope.is_none() && written.scope.is_none() {
            let message = "nothing says what the partner's access tokens are for";
            problems.add(&field, message, "write `scope` in that consent, or in the vendor");
        }
        // One with problems of its own is left out of those that are built.
        let settings = consents.built.get(one.consent.as_str());
        let tenant = settings.and_then(|settings| settings.tenant.clone()).unwrap_or_default();
        partners.push(PartnerSettings { name: one.name.clone(), tenant, consent: one.consent.clone() });
    }
    partners
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::super::Config;

    const APPLICATION: &str = "5b0d9a4e-2f6c-4c1b-8d37-a94e60b1f2c8";

    /// The problems and warnings of a file with these fields in the place of a vendor's usual ones.
    fn read(changes: &[(&str, &str)]) -> (Result<Config, String>, String) {
        let key = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(key.path(), format!("\0{:.<31}", "a key")).unwrap();
        let (key, application) = (key.path().display(), APPLICATION);
        let fields = [
            ("application", APPLICATION),
            ("grants", "[{ application: 00000003-0000-0000-c000-000000000000, scopes: [User.Read.All] }]"),
            ("partners", "[{ name: contoso, consent: nightly }]"),
        ];
        let kept = fields.iter().filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
        let written: Vec<_> = kept.chain(changes).map(|(name, value)| format!("{name}: {value}")).collect();
        let vendor = written.join(", ");
        let text = format!(
            "
listeners: [{{ address: 127.0.0.1:0 }}]
state: {{ directory: /tmp }}
issuers: [{{ name: idp, issuer: \"https://idp.example/\", audiences: [api] }}]
consent_keys: [{key}]
consents: [{{ name: nightly, issuer: idp, client_id: {application}, authentication: none, scope: api }},
           {{ name: other, issuer: idp, client_id: another, authentication: none }}]
vendors: [{{ name: panel, {vendor} }}]
upstreams: [{{ name: api, endpoints: [\"http://127.0.0.1:1\"] }}]
routes: [{{ prefix: /, upstream: api }}]
"
        );
        let config = Config::parse("f", &text, HashMap::new());
        let warnings = config.as_ref().map(|config| config.warnings.iter().map(ToString::to_string).collect());
        let warnings: Vec<String> = warnings.unwrap_or_default();
        (config.map_err(|error| error.to_string()), warnings.join("\n"))
    }

    #[test]
    fn a_vendor_is_read_with_what_is_usual() {
        let (config, warnings) = read(&[]);
        let config = config.unwrap();
        let vendor = &config.vendors[0];
        assert_eq!((vendor.requests_per_second, vendor.api.as_str()), (20, "https://api.partnercenter.microsoft.com/"));
        assert_eq!((vendor.display_name.as_str(), vendor.partners[0].consent.as_str()), ("panel", "nightly"));
        assert!(warnings.contains("`applications.control_panel_vendors`"), "{warnings}");
    }

    #[test]
    fn each_wrong_field_is_told() {
        let grant = |rest: &str| format!("[{{ application: 00000003-0000-0000-c000-000000000000, scopes: {rest} }}]");
        for (field, value, told) in [
            ("application", "panel", "`panel` is not an application's id"),
            ("api", "http://api.example", "can't be sent there"),
            ("api", "\"https://me:pw@api.example\"", "can't be sent there"),
            ("requests_per_second", "51", "51 is out of range"),
            ("requests_per_second", "0", "0 is out of range"),
            ("grants", "[]", "consent to nothing"),
            ("grants", &grant("[]"), "isn't one scope"),
            ("grants", &grant("[\"A,B\"]"), "isn't one scope"),
            ("grants", "[{ application: graph, scopes: [A] }]", "`graph` is not an application's id"),
            ("partners", "[]", "has no partner"),
            ("partners", "[{ name: contoso, consent: none }]", "there is no consent `none`"),
            ("partners", "[{ name: contoso, consent: other }]", "of another client"),
            ("partners", "[{ name: a, consent: nightly }, { name: b, consent: nightly }]", "has this consent"),
            ("partners", "[{ name: a, consent: nightly }, { name: a, consent: nightly }]", "has this name"),
            ("scope", "\"a b\"", "not one scope"),
        ] {
            let problems = read(&[(field, value)]).0.map(|_| ()).unwrap_err();
            assert!(problems.contains(told), "{field}: {value}: {problems}");
        }
    }
}
