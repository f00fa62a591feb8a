//! Forms with files: bounded in size and time, and the proof comes first.

use std::time::Duration;

use axum::extract::Multipart;
use axum::extract::multipart::{Field, MultipartError};
use http::StatusCode;

use super::form::{PROOF, is_proven};
use super::who::Who;

/// The largest file.
pub(super) const MAX_FILE: usize = 64 << 20;

/// The longest of the other fields. A configuration may be pasted.
const MAX_FIELD: usize = 1 << 20;

/// The most of a whole form.
pub(super) const MAX: usize = MAX_FILE + 4 * MAX_FIELD;

/// How long a form may take.
const TIMEOUT: Duration = Duration::from_secs(120);

/// The most fields that are read.
const MOST: usize = 40;

/// A form that an operator has sent, with files.
#[derive(Debug, Default)]
pub(super) struct Upload {
    fields: Vec<Part>,
}

#[derive(Debug)]
struct Part {
    field: String,
    file: Option<(String, String)>,
    content: Vec<u8>,
}

/// A file of a form.
#[derive(Debug)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) media_type: String,
    pub(super) content: Vec<u8>,
}

/// Why a form isn't taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotTaken {
    /// It is of no page of this session.
    Unproven,
    /// It is too long.
    TooLong,
    /// It didn't arrive, or is no such form.
    Broken,
}

impl NotTaken {
    /// The status and what happened.
    pub(super) fn told(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Unproven => {
                (StatusCode::FORBIDDEN, "The form is not of a page of this session. Open the page again.")
            }
            Self::TooLong => (StatusCode::PAYLOAD_TOO_LARGE, "The files are too large: a log may have 64 MiB."),
            Self::Broken => (StatusCode::BAD_REQUEST, "The form did not arrive whole."),
        }
    }
}

impl Upload {
    /// Reads a form. Nothing is read of one that is of another page: its proof is the first field.
    pub(super) async fn read(who: &Who, form: Multipart) -> Result<Self, NotTaken> {
        tokio::time::timeout(TIMEOUT, Self::fields(who, form)).await.unwrap_or(Err(NotTaken::Broken))
    }

    async fn fields(who: &Who, mut form: Multipart) -> Result<Self, NotTaken> {
        let (mut upload, mut proven) = (Self::default(), is_proven(who, ""));
        while let Some(field) = form.next_field().await.map_err(|error| broken(&error))? {
            let name = field.name().unwrap_or_default().to_owned();
            let file = field
                .file_name()
                .map(|file| (file.to_owned(), field.content_type().unwrap_or("application/octet-stream").to_owned()));
            let most = if file.is_some() { MAX_FILE } else { MAX_FIELD };
            if !proven && name != PROOF {
                return Err(NotTaken::Unproven);
            }
            let value = content(field, most).await?;
            if name == PROOF {
                proven = is_proven(who, std::str::from_utf8(&value).unwrap_or_default());
            }
            if !proven {
                return Err(NotTaken::Unproven);
            }
            upload.fields.push(Part { field: name, file, content: value });
            if upload.fields.len() > MOST {
                return Err(NotTaken::Broken);
            }
        }
        if proven { Ok(upload) } else { Err(NotTaken::Unproven) }
    }

    /// Takes what a field holds; empty if it is absent.
    pub(super) fn take(&mut self, name: &str) -> Vec<u8> {
        let found = self.fields.iter_mut().find(|part| part.field == name);
        found.map(|part| std::mem::take(&mut part.content)).unwrap_or_default()
    }

    /// Takes a file; `None` if none was chosen.
    pub(super) fn take_file(&mut self, name: &str) -> Option<File> {
        let part = self.fields.iter_mut().find(|part| part.field == name && !part.content.is_empty())?;
        let (name, media_type) = part.file.take()?;
        Some(File { name, media_type, content: std::mem::take(&mut part.content) })
    }

    /// The text of a field; empty if it is absent or no text.
    pub(super) fn text(&self, name: &str) -> &str {
        let found = self.fields.iter().find(|part| part.field == name);
        found.and_then(|part| std::str::from_utf8(&part.content).ok()).unwrap_or_default().trim()
    }
}

async fn content(mut field: Field<'_>, most: usize) -> Result<Vec<u8>, NotTaken> {
    let mut content = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(|error| broken(&error))? {
        if content.len() + chunk.len() > most {
            return Err(NotTaken::TooLong);
        }
        content.extend_from_slice(&chunk);
    }
    Ok(content)
}

fn broken(error: &MultipartError) -> NotTaken {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE { NotTaken::TooLong } else { NotTaken::Broken }
}
