//! A key set as it is stored: what is in the file, and when it may be used.
//!
//! Anyone who can write these files decides whose tokens are accepted, so they are for the gateway's own user only, and
//! a file that others may have put there is not read.

use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::fetch::MAX_DOCUMENT;
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::token::{self, KeySet};
use mfa_gateway_files::{PrivateDirectory, TrustError};

/// The form of the file.
const VERSION: u32 = 1;

/// No file is longer: quotes double when the document becomes a JSON string, and something is around it.
const MAX_FILE: u64 = 2 * MAX_DOCUMENT as u64 + (64 << 10);

/// How far the clock may have been set back since a file was written.
const MAX_AHEAD: Duration = Duration::from_secs(300);

/// Why a file isn't used.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoredError {
    /// The drive doesn't respond.
    #[error("it could not be read")]
    Read(#[from] io::Error),
    /// It can't be read, or another user may have put it there.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// It is too long to be one of ours.
    #[error("it is longer than {MAX_FILE} bytes")]
    TooLong,
    /// It has another form.
    #[error("it is not a stored key set")]
    Malformed(#[from] serde_json::Error),
    /// It has the form of another version.
    #[error("it has the format {0}, not {VERSION}")]
    Version(u32),
    /// It holds the keys of another place.
    #[error("it contains the keys of another issuer or address")]
    Foreign,
    /// It is older than the keys may be.
    #[error("its keys were fetched at {0}, which is too long ago")]
    TooOld(Timestamp),
    /// It comes from the future.
    #[error("its keys were fetched at {0}, which is in the future")]
    Future(Timestamp),
    /// Its keys can't be used.
    #[error("its keys are not usable")]
    Unusable(#[from] token::KeySetError),
}

/// A key set as it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Record {
    version: u32,
    /// Which source it is of.
    source: String,
    /// When the issuer last confirmed it, in seconds since the epoch.
    fetched: i64,
    /// The key set as it was fetched.
    document: String,
}

/// What a file gave.
#[derive(Debug)]
pub(super) struct Restored {
    pub(super) keys: KeySet,
    pub(super) fetched: Timestamp,
}

impl Record {
    pub(super) fn new(source: String, fetched: Timestamp, document: String) -> Self {
        Self { version: VERSION, source, fetched: fetched.as_secs(), document }
    }

    /// Reads a file; `None` if there is none.
    pub(super) fn read(directory: &PrivateDirectory, name: &str) -> Result<Option<Self>, StoredError> {
        let Some(text) = directory.read(name, MAX_FILE + 1)? else { return Ok(None) };
        if text.len() as u64 > MAX_FILE {
            return Err(StoredError::TooLong);
        }
        Ok(Some(serde_json::from_slice(&text)?))
    }

    /// Writes a file, for this user only and down to the disk.
    pub(super) fn write(&self, directory: &PrivateDirectory, name: &str, temporary: &str) -> io::Result<()> {
        directory.replace(name, temporary, &serde_json::to_vec(self)?)
    }

    /// Takes the keys out, if they are this source's and not too old.
    pub(super) fn accept(self, source: &str, now: Timestamp, max_stale: Duration) -> Result<Restored, StoredError> {
        let fetched = Timestamp::from_secs(self.fetched);
        if self.version != VERSION {
            return Err(StoredError::Version(self.version));
        }
        if self.source != source {
            return Err(StoredError::Foreign);
        }
        if fetched > now.plus(MAX_AHEAD) {
            return Err(StoredError::Future(fetched));
        }
        if now.since(fetched) >= max_stale {
            return Err(StoredError::TooOld(fetched));
        }
        let keys = KeySet::parse(self.document.as_bytes(), None)?;
        Ok(Restored { keys, fetched })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);
    const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

    pub(crate) fn document() -> String {
        // The example of RFC 7517 appendix A.1.
        let key = json!({"kty": "EC", "crv": "P-256", "kid": "e",
            "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"});
        json!({ "keys": [key] }).to_string()
    }

    fn record() -> Record {
        Record::new("idp".to_owned(), NOW, document())
    }

    /// Why a record that differs from a good one isn't used.
    fn refused(change: impl FnOnce(&mut Value)) -> String {
        let mut value = serde_json::to_value(record()).unwrap();
        change(&mut value);
        let record: Result<Record, _> = serde_json::from_value(value);
        let error = record.map_err(StoredError::from).and_then(|record| record.accept("idp", NOW, DAY)).unwrap_err();
        mfa_gateway_core::chain(&error)
    }

    #[test]
    fn a_file_that_is_old_foreign_or_from_the_future_is_not_used() {
        assert!(refused(|file| file["fetched"] = json!(NOW.as_secs() - 86_400)).contains("too long ago"));
        assert!(refused(|file| file["fetched"] = json!(NOW.as_secs() + 301)).contains("future"));
        assert!(refused(|file| file["fetched"] = json!(i64::MIN)).contains("too long ago"));
        assert!(refused(|file| file["source"] = json!("key set https://other.example/")).contains("another"));
        assert!(refused(|file| file["version"] = json!(2)).contains("form"));
        assert!(refused(|file| file["document"] = json!("{\"keys\":[]}")).contains("usable"));
        assert!(refused(|file| *file = json!([])).contains("not a stored key set"));
    }

    #[test]
    fn a_file_that_is_broken_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let directory = PrivateDirectory::create(folder.path()).unwrap();
        let read = || Record::read(&directory, "keys.json");
        record().write(&directory, "keys.json", "t").unwrap();
        let text = directory.read("keys.json", MAX_FILE).unwrap().unwrap();
        assert!(read().unwrap().is_some());
        for cut in [0, 1, text.len() / 2, text.len() - 1] {
            directory.replace("keys.json", "t", &text[..cut]).unwrap();
            assert!(matches!(read(), Err(StoredError::Malformed(_))), "{cut}");
        }
        directory.replace("keys.json", "t", &vec![b' '; usize::try_from(MAX_FILE).unwrap() + 1]).unwrap();
        assert!(matches!(read(), Err(StoredError::TooLong)));
    }

    #[test]
    fn an_address_in_an_earlier_versions_file_is_not_read() {
        let mut value = serde_json::to_value(record()).unwrap();
        value["keys_at"] = json!("https://attacker.example/keys");
        let record: Record = serde_json::from_value(value).unwrap();
        assert!(!serde_json::to_string(&record).unwrap().contains("attacker"));
        assert!(record.accept("idp", NOW, DAY).is_ok());
    }
}
