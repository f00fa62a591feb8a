//! Lists in files, which an export replaces from time to time.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_files::{PATIENCE, read, within};

use super::list;
use super::registered::AccountList;

/// The largest file.
const MAX_FILE: u64 = 64 << 20;

/// The file of a tenant's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountFile {
    /// The issuer's name.
    pub issuer: String,
    /// The tenant; empty if the issuer has none.
    pub tenant: String,
    /// The file.
    pub file: PathBuf,
}

/// The lists of a configuration. Each is read when a report needs it and its file has changed.
#[derive(Debug, Default)]
pub(crate) struct AccountFiles {
    files: ArcSwap<Vec<AccountFile>>,
    read: Mutex<HashMap<PathBuf, (State, AccountList)>>,
}

/// What tells that a file was replaced: its time and its length.
type State = Option<(SystemTime, u64)>;

impl AccountFiles {
    /// Takes the files of another configuration.
    pub(crate) fn set(&self, files: Vec<AccountFile>) {
        self.files.store(files.into());
    }

    /// The lists of this issuer and this tenant, or of all; `None` if there is none. It takes as long as the drive does.
    pub(crate) fn lists(&self, issuer: Option<&str>, tenant: Option<&str>) -> Option<Vec<AccountList>> {
        let files = self.files.load();
        let is_asked = |file: &&AccountFile| {
            issuer.is_none_or(|issuer| issuer == file.issuer) && tenant.is_none_or(|tenant| tenant == file.tenant)
        };
        let lists: Vec<_> = files.iter().filter(is_asked).map(|file| self.list(file)).collect();
        (!lists.is_empty()).then_some(lists)
    }

    fn list(&self, AccountFile { issuer, tenant, file }: &AccountFile) -> AccountList {
        let state = state(file);
        // One at a time: two reports at once read a large file once.
        let mut known = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, list)) = known.get(file).filter(|(of, _)| state.is_some() && *of == state) {
            return AccountList { issuer: issuer.clone(), tenant: tenant.clone(), ..list.clone() };
        }
        let list = read_list(issuer, tenant, file);
        known.insert(file.clone(), (state, list.clone()));
        list
    }
}

/// Reads the list of a tenant. It takes as long as the drive and the list do.
pub(crate) fn read_list(issuer: &str, tenant: &str, path: &Path) -> AccountList {
    let modified = state(path).and_then(|(modified, _)| modified.duration_since(UNIX_EPOCH).ok());
    let as_of = modified.map(|since| Timestamp::from_secs(0).plus(since).to_rfc3339());
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

fn state(path: &Path) -> State {
    let place = path.to_owned();
    let about = within(path, PATIENCE, move || std::fs::metadata(&place)).ok()?;
    Some((about.modified().ok()?, about.len()))
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

    #[test]
    fn a_file_that_was_replaced_is_read_again_and_others_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| AccountFile {
            issuer: "entra".to_owned(),
            tenant: name.to_owned(),
            file: folder.path().join(name),
        };
        let files = AccountFiles::default();
        assert_eq!(files.lists(None, None), None);
        files.set(vec![file("one"), file("two")]);
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        let percents = || {
            let lists = files.lists(None, None).unwrap();
            lists.iter().map(|list| list.accounts.and_then(|all| all.enabled.percent())).collect::<Vec<_>>()
        };
        write("one", "upn,isMfaRegistered\na,true\n");
        assert_eq!(percents(), [Some(100), None]);
        write("two", "upn,isMfaRegistered\na,false\n");
        write("one", "upn,isMfaRegistered\na,true\nb,false\n");
        assert_eq!(percents(), [Some(50), Some(0)]);
        // The same length and time: nobody reads it again.
        let time = std::fs::metadata(folder.path().join("two")).unwrap().modified().unwrap();
        write("two", "upn,isMfaRegistered\na,ttrue\n");
        std::fs::File::options().write(true).open(folder.path().join("two")).unwrap().set_modified(time).unwrap();
        assert_eq!(percents(), [Some(50), Some(0)]);
        assert_eq!(files.lists(Some("entra"), Some("two")).unwrap().len(), 1);
        assert_eq!((files.lists(Some("other"), None), files.lists(None, Some("three"))), (None, None));
    }
}
