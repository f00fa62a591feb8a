//! Protected resource metadata (RFC 9728): what a client has to know of a resource before it has a token.

use mfa_gateway_core::policy::MfaRule;
use mfa_gateway_core::token::{EntraVersion, IssuerRule, Tenants};
use serde_json::{Map, Value, json};

/// Where the metadata of a resource is, before the path of the resource (RFC 9728 section 3.1).
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// The metadata of a resource.
///
/// ```
/// use mfa_gateway_layer::ResourceMetadata;
///
/// let metadata = ResourceMetadata::new("https://api.example.com/v1");
/// assert!(metadata.to_json().contains(r#""resource":"https://api.example.com/v1""#));
/// assert_eq!(ResourceMetadata::path_of("/v1"), "/.well-known/oauth-protected-resource/v1");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceMetadata {
    /// The identifier of the resource: the https URL under which clients know it.
    pub resource: String,
    /// The issuers, as URLs.
    pub authorization_servers: Vec<String>,
    /// The scopes that clients may ask for.
    pub scopes: Vec<String>,
    /// Its name for people.
    pub name: Option<String>,
    /// The URL of its documentation.
    pub documentation: Option<String>,
    /// How it takes bearer tokens: `header`, for `Authorization`.
    pub bearer_methods: Vec<String>,
    /// The accepted algorithms of DPoP proofs.
    pub dpop_algorithms: Vec<String>,
    /// Whether it takes no other tokens than those that are bound to a key.
    pub dpop_required: bool,
    /// Whether tokens may be bound to client certificates.
    pub certificates: bool,
    /// Whether users need MFA.
    pub mfa_required: bool,
    /// What a client asks the issuers for, to get MFA: as `acr_values` of challenges (RFC 9470).
    pub acr_values: Vec<String>,
}

impl ResourceMetadata {
    /// The metadata of the resource with this identifier, whose tokens stand in `Authorization`.
    #[must_use]
    pub fn new(resource: impl Into<String>) -> Self {
        Self { resource: resource.into(), bearer_methods: vec!["header".to_owned()], ..Self::default() }
    }

    /// The path of the metadata of a resource with this path; `/` counts as none.
    #[must_use]
    pub fn path_of(path: &str) -> String {
        [WELL_KNOWN, if path == "/" { "" } else { path }].concat()
    }

    /// Adds an issuer of its tokens: where clients find it, and what proves MFA there.
    pub fn trust(&mut self, issuer: &IssuerRule, mfa: &MfaRule) {
        let servers = match issuer {
            // Its v1.0 issuers have no metadata where their names lead.
            IssuerRule::Entra { version: EntraVersion::V1, .. } => Vec::new(),
            IssuerRule::Entra { cloud, version, tenants: Tenants::Only(tenants) } => {
                tenants.iter().map(|tenant| cloud.issuer(*version, tenant)).collect()
            }
            // Clients sign in to their own tenant there.
            IssuerRule::Entra { cloud, .. } => vec![format!("{}/organizations/v2.0", cloud.authority())],
            IssuerRule::Exact(name) if name.starts_with("https://") || name.starts_with("http://") => {
                vec![name.clone()]
            }
            IssuerRule::Exact(_) => Vec::new(),
        };
        self.authorization_servers.extend(servers);
        self.acr_values.extend(mfa.acr_values().into_iter().map(str::to_owned));
        for list in [&mut self.authorization_servers, &mut self.acr_values] {
            list.sort();
            list.dedup();
        }
    }

    /// The document. Members that say nothing are left out.
    #[must_use]
    pub fn to_json(&self) -> String {
        let list = |values: &[String]| (!values.is_empty()).then(|| json!(values));
        let text = |text: &Option<String>| text.as_ref().map(|text| json!(text));
        let yes = |value: bool| value.then_some(Value::Bool(true));
        let members = [
            ("resource", Some(json!(self.resource))),
            ("authorization_servers", list(&self.authorization_servers)),
            ("scopes_supported", list(&self.scopes)),
            ("bearer_methods_supported", Some(json!(self.bearer_methods))),
            ("resource_name", text(&self.name)),
            ("resource_documentation", text(&self.documentation)),
            ("tls_client_certificate_bound_access_tokens", yes(self.certificates)),
            ("dpop_signing_alg_values_supported", list(&self.dpop_algorithms)),
            ("dpop_bound_access_tokens_required", yes(self.dpop_required)),
            // Not of RFC 9728, which lets a resource add members.
            ("mfa_required", yes(self.mfa_required)),
            ("acr_values_supported", list(&self.acr_values).filter(|_| self.mfa_required)),
        ];
        let members = members.into_iter().filter_map(|(name, value)| value.map(|value| (name.to_owned(), value)));
        Value::Object(members.collect::<Map<_, _>>()).to_string()
    }
}

#[cfg(test)]
mod tests {
    use mfa_gateway_core::policy::{Predicate, Test};
    use mfa_gateway_core::token::Cloud;

    use super::*;

    #[test]
    fn issuers_are_where_clients_find_their_metadata() {
        let mut metadata = ResourceMetadata::new("https://api.example");
        let entra = |version, tenants| IssuerRule::Entra { cloud: Cloud::Global, version, tenants };
        let tenant = "df845f1a-7b35-40a2-ba78-6481de91f8ae";
        let only = Tenants::Only(std::iter::once(tenant.to_owned()).collect());
        for issuer in [
            entra(EntraVersion::V1, only.clone()),
            entra(EntraVersion::V2, only),
            entra(EntraVersion::V2, Tenants::Any),
            IssuerRule::Exact("https://idp.example/".to_owned()),
            IssuerRule::Exact("https://idp.example/".to_owned()),
            IssuerRule::Exact("a-name".to_owned()),
        ] {
            metadata.trust(&issuer, &MfaRule::default());
        }
        let entra = "https://login.microsoftonline.com";
        let servers =
            ["https://idp.example/", &format!("{entra}/{tenant}/v2.0"), &format!("{entra}/organizations/v2.0")];
        assert_eq!(metadata.authorization_servers, servers);
    }

    #[test]
    fn a_document_says_what_proves_mfa_where_it_is_required_and_nothing_empty() {
        let mut metadata = ResourceMetadata::new("https://api.example");
        let predicate = |claim: &str, test| Predicate { claim: vec![claim.to_owned()], test };
        let rule = MfaRule {
            any: vec![
                predicate("acr", Test::Equals("gold".to_owned())),
                predicate("amr", Test::Contains("mfa".to_owned())),
            ],
            ..MfaRule::default()
        };
        metadata.trust(&IssuerRule::Exact("a-name".to_owned()), &rule);
        let read = |metadata: &ResourceMetadata| serde_json::from_str::<Value>(&metadata.to_json()).unwrap();
        let bare = json!({"resource": "https://api.example", "bearer_methods_supported": ["header"]});
        assert_eq!(read(&metadata), bare);
        metadata.mfa_required = true;
        let document = read(&metadata);
        assert_eq!((&document["mfa_required"], &document["acr_values_supported"]), (&json!(true), &json!(["gold"])));
    }

    #[test]
    fn the_path_of_a_resource_follows_the_well_known_one() {
        for (path, expected) in [("/", WELL_KNOWN), ("", WELL_KNOWN)] {
            assert_eq!(ResourceMetadata::path_of(path), expected);
        }
        assert_eq!(ResourceMetadata::path_of("/a/b/"), format!("{WELL_KNOWN}/a/b/"));
    }
}
