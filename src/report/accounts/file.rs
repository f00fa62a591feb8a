//! Lists in files, which an export replaces from time to time.

use std::path::Path;
use std::time::UNIX_EPOCH;

use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_files::{PATIENCE, read, within};

use super::list;
use super::registered::AccountList;

/// The largest file.
const MAX_FILE: u64 = 64 << 20;

/// Reads the list of a tenant. It takes as long as the drive and the list do.
pub(crate) fn read_list(issuer: &str, tenant: &str, path: &Path) -> AccountList {
    let place = path.to_owned();
    let modified = within(path, PATIENCE, move || std::fs::metadata(&place)?.modified()).ok();
    let since = modified.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let as_of = since.map(|since| Timestamp::from_secs(0).plus(since).to_rfc3339());
    let read = match read(path, MAX_FILE) {
        Ok(bytes) => list::read(&bytes).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let (accounts, problem) = match read {
        Ok(accounts) => (Some(accounts), None),
        Err(error) => (None, Some(format!("{}: {error}", path.display()))),
    };
    AccountList { issuer: issuer.to_owned(), tenant: tenant.to_owned(), as_of, accounts, problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_with_its_time_or_with_what_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("accounts.csv");
        std::fs::write(&path, "upn,isMfaRegistered\na,true\n").unwrap();
        let list = read_list("entra", "t", &path);
        assert_eq!(list.accounts.unwrap().enabled.percent(), Some(100));
        assert!(list.as_of.is_some_and(|at| at.ends_with('Z')) && list.problem.is_none());
        std::fs::write(&path, "upn\na\n").unwrap();
        let list = read_list("entra", "t", &path);
        assert!(list.accounts.is_none() && list.problem.unwrap().contains("accounts.csv: line 1, column 1: no column"));
        let list = read_list("entra", "t", &folder.path().join("none.csv"));
        assert!(list.accounts.is_none() && list.as_of.is_none() && list.problem.is_some());
        std::fs::File::create(&path).unwrap().set_len(MAX_FILE + 1).unwrap();
        assert!(read_list("entra", "t", &path).problem.unwrap().contains("larger than"));
    }
}
