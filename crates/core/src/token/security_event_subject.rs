//! Whom a security event is about: subject identifiers (RFC 9493), and the complex ones of the Shared Signals Framework.

use serde_json::{Map, Value};

use super::SecurityEventError;

/// How long a text of an identifier may be, in bytes.
const LONGEST: usize = 1024;

/// How many identifiers one list of aliases may have.
const MOST_ALIASES: usize = 16;

/// The identifier of one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identifier {
    /// `iss_sub`: a user of an issuer.
    IssSub {
        /// The issuer.
        issuer: String,
        /// Its `sub`.
        subject: String,
    },
    /// `opaque`: what only the transmitter understands: a `sub`, a `sid`.
    Opaque(String),
    /// `email`: an address.
    Email(String),
    /// One that no token carries, such as a telephone number.
    Unmatched,
}

/// Whom an event is about. All that it names must be so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// The user, by one or several names.
    pub user: Vec<Identifier>,
    /// The session, by one or several names.
    pub session: Vec<Identifier>,
}

impl Subject {
    /// Reads an identifier.
    pub(super) fn read(value: &Value) -> Result<Self, SecurityEventError> {
        let members = value.as_object().ok_or(SecurityEventError::Subject)?;
        if format(members)? != "complex" {
            return Ok(Self { user: identifiers(members)?, session: Vec::new() });
        }
        let mut subject = Self::default();
        for (name, part) in members.iter().filter(|(name, _)| *name != "format") {
            let part = part.as_object().ok_or(SecurityEventError::Subject)?;
            let named = identifiers(part)?;
            match name.as_str() {
                "user" => subject.user = named,
                "session" => subject.session = named,
                // A device, a group, an application or the tenant narrow it down in ways that no token shows. Without
                // them more ends than has to.
                _ => {}
            }
        }
        Ok(subject)
    }
}

fn format(members: &Map<String, Value>) -> Result<&str, SecurityEventError> {
    members.get("format").and_then(Value::as_str).ok_or(SecurityEventError::Subject)
}

/// The identifiers that an object holds: one, or several with `aliases`, which don't nest.
fn identifiers(members: &Map<String, Value>) -> Result<Vec<Identifier>, SecurityEventError> {
    if format(members)? != "aliases" {
        return Ok(vec![identifier(members)?]);
    }
    let list = members.get("identifiers").and_then(Value::as_array).ok_or(SecurityEventError::Subject)?;
    if list.is_empty() || list.len() > MOST_ALIASES {
        return Err(SecurityEventError::Subject);
    }
    let one = |value: &Value| identifier(value.as_object().ok_or(SecurityEventError::Subject)?);
    list.iter().map(one).collect()
}

fn identifier(members: &Map<String, Value>) -> Result<Identifier, SecurityEventError> {
    let text = |name: &str| {
        let text = members.get(name).and_then(Value::as_str);
        text.filter(|text| !text.is_empty() && text.len() <= LONGEST)
            .map(str::to_owned)
            .ok_or(SecurityEventError::Subject)
    };
    Ok(match format(members)? {
        "iss_sub" => Identifier::IssSub { issuer: text("iss")?, subject: text("sub")? },
        "opaque" => Identifier::Opaque(text("id")?),
        "email" => Identifier::Email(text("email")?),
        "complex" | "aliases" => return Err(SecurityEventError::Subject),
        // `account`, `did`, `phone_number`, `uri`, and those that are registered later.
        _ => Identifier::Unmatched,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: &Value) -> Result<Subject, SecurityEventError> {
        Subject::read(value)
    }

    fn opaque(id: &str) -> Identifier {
        Identifier::Opaque(id.to_owned())
    }

    #[test]
    fn a_user_has_one_name_or_several_and_a_complex_subject_a_session_too() {
        let jane = Identifier::IssSub { issuer: "i".to_owned(), subject: "s".to_owned() };
        let simple = json!({"format": "iss_sub", "iss": "i", "sub": "s"});
        assert_eq!(read(&simple), Ok(Subject { user: vec![jane.clone()], session: Vec::new() }));
        let aliases = json!({"format": "aliases", "identifiers": [simple, {"format": "email", "email": "a@b"}]});
        let both = vec![jane.clone(), Identifier::Email("a@b".to_owned())];
        assert_eq!(read(&aliases), Ok(Subject { user: both.clone(), session: Vec::new() }));
        let complex = json!({"format": "complex", "user": aliases, "session": {"format": "opaque", "id": "x"},
            "tenant": {"format": "opaque", "id": "t"}, "device": {"format": "iss_sub", "iss": "i", "sub": "d"}});
        assert_eq!(read(&complex), Ok(Subject { user: both, session: vec![opaque("x")] }));
        let names = json!({"format": "aliases", "identifiers": [{"format": "opaque", "id": "x"}, {"format": "opaque", "id": "y"}]});
        let several = read(&json!({"format": "complex", "session": names})).unwrap();
        assert_eq!(several.session, [opaque("x"), opaque("y")]);
        let of_device = json!({"format": "complex", "device": {"format": "opaque", "id": "d"}});
        assert_eq!(read(&of_device), Ok(Subject::default()));
        for unmatched in [json!({"format": "phone_number", "phone_number": "+1"}), json!({"format": "new"})] {
            assert_eq!(read(&unmatched), Ok(Subject { user: vec![Identifier::Unmatched], session: Vec::new() }));
        }
    }

    #[test]
    fn an_identifier_has_its_format_and_the_members_of_it() {
        let deep = json!({"format": "complex", "user": {"format": "complex", "user": {"format": "opaque", "id": "u"}}});
        let nested = json!({"format": "aliases", "identifiers": [{"format": "aliases", "identifiers": []}]});
        for odd in [
            json!(null),
            json!("jane"),
            json!([]),
            json!({}),
            json!({"format": 7}),
            json!({"id": "u"}),
            json!({"format": "opaque"}),
            json!({"format": "opaque", "id": ""}),
            json!({"format": "opaque", "id": 7}),
            json!({"format": "opaque", "id": "x".repeat(1025)}),
            json!({"format": "iss_sub", "iss": "i"}),
            json!({"format": "iss_sub", "sub": "s"}),
            json!({"format": "email", "email": ["a@b"]}),
            json!({"format": "aliases"}),
            json!({"format": "aliases", "identifiers": []}),
            json!({"format": "aliases", "identifiers": ["x"]}),
            json!({"format": "complex", "user": "u"}),
            json!({"format": "complex", "user": {"id": "u"}}),
            deep,
            nested,
        ] {
            assert_eq!(read(&odd), Err(SecurityEventError::Subject), "{odd}");
        }
    }
}
