//! What the configuration says of the store.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use url::{Host, Url};

/// Where the store is, and how long it may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreSettings {
    /// Where it is.
    pub kind: Kind,
    /// The deadline of one operation, the connection included.
    pub timeout: Duration,
}

/// Where the store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// In this process: sessions end with it.
    Memory,
    /// In a file of this machine, for one process.
    Sqlite {
        /// The directory of the file.
        directory: PathBuf,
    },
    /// In a Postgres database, for many replicas.
    Postgres(PostgresSettings),
}

/// A Postgres database.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresSettings {
    /// Its address, with the user and the name of the database. Hosts other than this machine get `sslmode=verify-full`,
    /// unless it names another `sslmode`.
    pub url: Url,
    /// The file of the password, read at each connection.
    pub password_file: Option<PathBuf>,
    /// The authorities that may have signed the database's certificate.
    pub ca_file: Option<PathBuf>,
    /// The most connections at once, besides the one that listens.
    pub max_connections: usize,
    /// The schema of the tables, instead of the first in the user's search path. It must be there.
    pub schema: Option<String>,
}

/// The parameters of an address that the driver knows. It logs others with their values, which may be secrets.
const PARAMETERS: [&str; 13] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statement-cache-capacity",
    "user",
];

/// The values of `sslmode`.
const MODES: [&str; 6] = ["allow", "disable", "prefer", "require", "verify-ca", "verify-full"];

impl fmt::Debug for PostgresSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, password_file, ca_file, max_connections, schema } = self;
        f.debug_struct("PostgresSettings")
            .field("host", &url.host_str())
            .field("password_file", password_file)
            .field("ca_file", ca_file)
            .field("max_connections", max_connections)
            .field("schema", schema)
            .finish_non_exhaustive()
    }
}

impl PostgresSettings {
    /// Says what is wrong with the settings by themselves, without the address, which may hold a password.
    ///
    /// # Errors
    ///
    /// What is wrong, and what to write instead.
    pub fn check(&self) -> Result<(), String> {
        if !matches!(self.url.scheme(), "postgres" | "postgresql") {
            return Err("the address is none of Postgres; write `postgres://USER@HOST/DATABASE`".to_owned());
        }
        for (name, value) in self.url.query_pairs() {
            if !PARAMETERS.contains(&&*name) {
                return Err(format!("the address has an unknown parameter {name:?}; write one of {PARAMETERS:?}"));
            }
            if name == "sslmode" && !MODES.contains(&&*value) {
                return Err(format!("the address has an unknown sslmode; write one of {MODES:?}"));
            }
            if name == "sslrootcert" && self.ca_file.is_some() {
                return Err("the address and `ca_file` both name authorities; remove `sslrootcert`".to_owned());
            }
        }
        if self.password_file.is_some() && self.has_password() {
            return Err(
                "the address and `password_file` both give a password; remove the one in the address".to_owned()
            );
        }
        if self.max_connections == 0 {
            return Err("without a connection nothing can be stored; allow at least 1".to_owned());
        }
        match &self.schema {
            Some(schema) if !is_identifier(schema) => {
                Err(format!("the schema {schema:?} is no plain name; use up to 63 of a–z, 0–9 and _"))
            }
            _ => Ok(()),
        }
    }

    /// Whether the database's certificate is verified, or the database is on this machine.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.is_local() || self.mode().is_none_or(|mode| mode.starts_with("verify-"))
    }

    /// Whether the database is on this machine: a socket, or a loopback address.
    pub(crate) fn is_local(&self) -> bool {
        let is_local = |host: &str| {
            host.starts_with('/') || host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
        };
        let mut named = self.url.query_pairs().filter(|(name, _)| matches!(&**name, "host" | "hostaddr")).peekable();
        if named.peek().is_some() {
            return named.all(|(_, host)| is_local(&host));
        }
        match self.url.host() {
            None => true,
            // Of an unknown scheme, the URL keeps addresses as text, and the slashes of a socket's path encoded.
            Some(Host::Domain(host)) => is_local(&host.replace("%2F", "/").replace("%2f", "/")),
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
        }
    }

    pub(crate) fn mode(&self) -> Option<String> {
        self.url.query_pairs().find(|(name, _)| name == "sslmode").map(|(_, mode)| mode.into_owned())
    }

    fn has_password(&self) -> bool {
        self.url.password().is_some() || self.url.query_pairs().any(|(name, _)| name == "password")
    }
}

fn is_identifier(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (1..=63).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with(|first: char| first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(url: &str) -> PostgresSettings {
        let url = Url::parse(url).unwrap();
        PostgresSettings { url, password_file: None, ca_file: None, max_connections: 1, schema: None }
    }

    #[test]
    fn a_database_elsewhere_must_be_verified_unless_the_address_says_otherwise() {
        for local in [
            "postgres:///db?host=/run/postgresql",
            "postgres://u@%2Frun%2Fpostgresql/db",
            "postgres://u@localhost/db",
            "postgres://u@127.0.0.1:5432/db",
            "postgres://u@[::1]/db",
        ] {
            assert!(at(local).is_local() && at(local).is_verified(), "{local}");
        }
        for remote in
            ["postgres://u@db.example/db", "postgres://u@localhost/db?host=10.0.0.1", "postgres://u@10.0.0.1/d"]
        {
            assert!(!at(remote).is_local() && at(remote).is_verified(), "{remote}");
        }
        assert!(!at("postgres://u@db.example/db?sslmode=require").is_verified());
    }

    #[test]
    fn wrong_settings_are_told_without_their_secrets() {
        let problem = |settings: PostgresSettings| settings.check().unwrap_err();
        assert!(problem(at("mysql://u:hunter2@h/d")).contains("postgres://"));
        assert!(problem(at("postgres://h/d?pasword=hunter2")).contains("\"pasword\""));
        assert!(problem(at("postgres://h/d?sslmode=hunter2")).contains("verify-full"));
        let both = PostgresSettings { password_file: Some("/p".into()), ..at("postgres://u:hunter2@h/d") };
        assert!(!format!("{both:?}").contains("hunter2"));
        assert!(problem(both).contains("both give a password"));
        let both = PostgresSettings { ca_file: Some("/p".into()), ..at("postgres://h/d?sslrootcert=/hunter2") };
        assert!(problem(both).contains("both name authorities"));
        assert!(problem(PostgresSettings { max_connections: 0, ..at("postgres://h/d") }).contains("at least 1"));
        for schema in ["", "Upper", "a b", "1st", "a\"; DROP TABLE x"] {
            let settings = PostgresSettings { schema: Some(schema.to_owned()), ..at("postgres://h/d") };
            assert!(problem(settings).contains("plain name"));
        }
        assert!(at("postgres://u@h/d?sslmode=verify-ca").check().is_ok());
    }
}
