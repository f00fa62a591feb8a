//! Where the admin listener is, for those who ask a running gateway how it is.

use std::path::Path;

use super::load::{environment, read_file};
use super::problem::Problems;
use super::tree::Tree;
use super::{ConfigError, address};
use crate::server::Address;

/// Where a gateway's admin listener is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct AdminPlace {
    pub(crate) address: Address,
    /// Whether it speaks TLS.
    pub(crate) tls: bool,
}

/// Reads from a configuration where the admin listener is; `None` if there is none. No file that the configuration names is
/// read, and nothing else in it needs to be valid: who asks may see less than the gateway.
///
/// # Errors
///
/// If the file can't be read, or the address isn't one.
pub(crate) fn admin_place(file: &Path) -> Result<Option<AdminPlace>, ConfigError> {
    let name = file.display().to_string();
    let text = read_file(file)?;
    let tree = Tree::parse(&text, environment()).map_err(|error| ConfigError::yaml(&name, &text, &error))?;
    let document = tree.to_json();
    let Some(admin) = document.get("admin").filter(|admin| !admin.is_null()) else { return Ok(None) };
    let mut problems = Problems::new(&tree);
    let written = admin.get("address").and_then(|address| address.as_str()).unwrap_or_default();
    let tls = admin.get("tls").is_some_and(|tls| !tls.is_null());
    match address::build("admin.address", written, &mut problems) {
        Some(address) => Ok(Some(AdminPlace { address, tls })),
        None => Err(ConfigError::new(&name, &text, problems)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> Result<Option<AdminPlace>, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gateway.yaml");
        std::fs::write(&file, text).unwrap();
        admin_place(&file)
    }

    #[test]
    fn it_is_found_in_a_file_that_is_not_valid_here() {
        let text = "admin: { address: 127.0.0.1:9090, tls: { certificates: [{ key_file: /missing }] } }\nroutes: 7\n";
        let address = Address::Socket("127.0.0.1:9090".parse().unwrap());
        assert_eq!(place(text).unwrap(), Some(AdminPlace { address, tls: true }));
        let passed = AdminPlace { address: Address::Passed("admin".to_owned()), tls: false };
        assert_eq!(place("admin:\n  address: systemd:admin\n").unwrap(), Some(passed));
        assert_eq!(place("routes: []\n").unwrap(), None);
    }

    #[test]
    fn what_is_no_address_is_named_with_its_place() {
        let error = place("admin: { address: 9090 }\n").unwrap_err().to_string();
        assert!(error.contains("admin.address") && error.contains(":1:"), "{error}");
    }
}
