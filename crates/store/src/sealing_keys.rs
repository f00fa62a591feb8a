//! The keys that seal what leaves the process, from their files.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

/// How a key file is made.
pub const KEY_COMMAND: &str = "openssl rand -base64 32";

/// The most that is read of a key file: no form of a key is longer, but some editors leave blank lines.
const MOST: u64 = 4096;

/// The length of a key in bytes.
const LENGTH: usize = 32;

/// Why a file holds no key. The fix is always to write one with [`KEY_COMMAND`].
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It can't be read.
    #[error("the key file {path} can't be read: {error}")]
    Read {
        /// Its path.
        path: String,
        /// Why.
        error: io::Error,
    },
    /// It holds nothing.
    #[error("the key file {0} is empty; write a key into it with `{KEY_COMMAND}`")]
    Empty(String),
    /// It is in no known form.
    #[error(
        "the key file {0} holds neither 32 raw bytes nor one line of base64 or hexadecimal; write a key with \
         `{KEY_COMMAND}`"
    )]
    Form(String),
    /// The key has another length.
    #[error("the key file {path} holds {length} bytes in {form}, not 32; write a key with `{KEY_COMMAND}`")]
    Length {
        /// Its path.
        path: String,
        /// How many bytes there are.
        length: usize,
        /// How they are written.
        form: &'static str,
    },
    /// Anybody can guess it.
    #[error("the key in {0} repeats one byte, and can be guessed; write a random one with `{KEY_COMMAND}`")]
    Weak(String),
    /// Two files hold one key.
    #[error("{0} and {1} hold the same key; remove one of the two from the list")]
    Twice(String, String),
    /// There is no file.
    #[error("the list of key files is empty; name at least one, written with `{KEY_COMMAND}`")]
    None,
}

/// Keys in their order: the first seals, all open. Their bytes are erased from memory with the last copy.
#[derive(Clone, PartialEq, Eq)]
pub struct SealingKeys(Vec<Zeroizing<[u8; LENGTH]>>);

impl fmt::Debug for SealingKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKeys({})", self.0.len())
    }
}

impl SealingKeys {
    /// A key of this process alone: what it seals can't be opened after the process.
    #[must_use]
    pub fn random() -> Self {
        let mut key = Zeroizing::new([0; LENGTH]);
        super::random::fill(key.as_mut_slice());
        Self(vec![key])
    }

    /// Reads one key from each file.
    ///
    /// # Errors
    ///
    /// What is wrong with the first file that holds no key. A file that hangs is given up after some seconds.
    pub fn read(paths: &[PathBuf]) -> Result<Self, KeyError> {
        let mut files = Vec::new();
        for path in paths {
            let content = mfa_gateway_files::read(path, MOST);
            let content = content.map_err(|error| KeyError::Read { path: shown(path), error })?;
            files.push((path.as_path(), Zeroizing::new(content)));
        }
        Self::parse(files.iter().map(|(path, bytes)| (*path, bytes.as_slice())))
    }

    /// Takes one key from the content of each file.
    ///
    /// # Errors
    ///
    /// What is wrong with the first content that is no key.
    pub fn parse<'a>(files: impl IntoIterator<Item = (&'a Path, &'a [u8])>) -> Result<Self, KeyError> {
        let mut keys: Vec<(&Path, Zeroizing<[u8; LENGTH]>)> = Vec::new();
        for (path, content) in files {
            let key = key_in(path, content)?;
            if let Some((twin, _)) = keys.iter().find(|(_, known)| *known == key) {
                return Err(KeyError::Twice(shown(twin), shown(path)));
            }
            keys.push((path, key));
        }
        if keys.is_empty() {
            return Err(KeyError::None);
        }
        Ok(Self(keys.into_iter().map(|(_, key)| key).collect()))
    }

    /// A key that was drawn here.
    pub(crate) fn one(key: &[u8; LENGTH]) -> Self {
        Self(vec![Zeroizing::new(*key)])
    }

    /// Their bytes, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8; LENGTH]> {
        self.0.iter().map(|key| &**key)
    }
}

fn key_in(path: &Path, content: &[u8]) -> Result<Zeroizing<[u8; LENGTH]>, KeyError> {
    let (bytes, form) = bytes_in(path, content)?;
    let length = bytes.len();
    let key = <[u8; LENGTH]>::try_from(bytes.as_slice()).map(Zeroizing::new).map_err(|_| KeyError::Length {
        path: shown(path),
        length,
        form,
    })?;
    let [first, rest @ ..] = &*key;
    if rest.iter().all(|byte| byte == first) {
        return Err(KeyError::Weak(shown(path)));
    }
    Ok(key)
}

/// The bytes that a file means, and the form they are in.
fn bytes_in(path: &Path, content: &[u8]) -> Result<(Zeroizing<Vec<u8>>, &'static str), KeyError> {
    // Random bytes are never all printable (95 of 256, 32 times): what is may be a password, or a form cut short.
    let is_text = content.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
    if !is_text {
        let raw = Zeroizing::new(content.to_vec());
        return if raw.len() == LENGTH { Ok((raw, "raw form")) } else { Err(KeyError::Form(shown(path))) };
    }
    let text = content.trim_ascii();
    if text.is_empty() {
        return Err(KeyError::Empty(shown(path)));
    }
    if text.len() == 2 * LENGTH
        && let Some(bytes) = from_hex(text)
    {
        return Ok((bytes, "hexadecimal"));
    }
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    [alphabet::STANDARD, alphabet::URL_SAFE]
        .iter()
        .find_map(|alphabet| GeneralPurpose::new(alphabet, config).decode(text).ok())
        .map(|bytes| (Zeroizing::new(bytes), "base64"))
        .ok_or_else(|| KeyError::Form(shown(path)))
}

fn from_hex(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let byte = |pair: &[u8]| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    };
    text.chunks(2).map(byte).collect::<Option<Vec<u8>>>().map(Zeroizing::new)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = *b"\x00\x01\xfe\xff456789abcdef0123456789abcdef";

    fn parse(content: &[u8]) -> Result<SealingKeys, KeyError> {
        SealingKeys::parse([(Path::new("/keys/one"), content)])
    }

    fn problem(content: &[u8]) -> String {
        parse(content).unwrap_err().to_string()
    }

    #[test]
    fn a_key_is_read_in_every_form() {
        let hex = "0001feff".to_owned() + "343536373839616263646566" + "30313233343536373839616263646566";
        let standard = base64::engine::general_purpose::STANDARD.encode(KEY);
        let url = base64::engine::general_purpose::URL_SAFE.encode(KEY);
        let bare = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(KEY);
        assert_ne!(standard, url);
        let upper = format!("{}\r\n", hex.to_uppercase());
        let spaced = format!("\n  {standard}\n\n");
        for form in [&hex, &upper, &standard, &url, &bare, &spaced] {
            assert_eq!(parse(form.as_bytes()).unwrap().iter().next().unwrap(), &KEY, "{form}");
        }
        assert_eq!(parse(&KEY).unwrap().iter().next().unwrap(), &KEY);
    }

    #[test]
    fn what_is_no_key_is_refused_with_the_command_that_makes_one() {
        let short = base64::engine::general_purpose::STANDARD.encode(&KEY[..24]);
        assert_says(&problem(short.as_bytes()), "holds 24 bytes in base64, not 32");
        assert_says(&problem(b"0123456789abcdef0123456789abcdef"), "holds 24 bytes in base64, not 32");
        assert_says(&problem(b"a password, of 32 characters !!!"), "holds neither 32 raw bytes nor one line");
        assert_says(&problem(&KEY[..31]), "holds neither 32 raw bytes nor one line");
        assert_says(&problem(b" \n"), "is empty");
        assert_says(&problem(&[0; 32]), "repeats one byte");
        assert_says(&problem(&[b'A'; 43]), "repeats one byte");
        assert_says(&problem(&[b'0'; 64]), "repeats one byte");
    }

    fn assert_says(problem: &str, part: &str) {
        assert!(problem.contains("/keys/one") && problem.contains(part) && problem.contains(KEY_COMMAND), "{problem}");
    }

    #[test]
    fn two_files_with_one_key_and_an_empty_list_are_refused() {
        let (one, two) = (Path::new("one"), Path::new("two"));
        let error = SealingKeys::parse([(one, KEY.as_slice()), (two, KEY.as_slice())]).unwrap_err();
        assert_eq!(error.to_string(), "one and two hold the same key; remove one of the two from the list");
        assert!(SealingKeys::read(&[]).unwrap_err().to_string().contains(KEY_COMMAND));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("absent");
        let error = SealingKeys::read(std::slice::from_ref(&path)).unwrap_err().to_string();
        assert!(error.contains(path.to_str().unwrap()), "{error}");
        std::fs::write(&path, KEY).unwrap();
        assert_eq!(SealingKeys::read(&[path]).unwrap().iter().next().unwrap(), &KEY);
    }

    #[test]
    fn keys_are_not_shown_in_debug() {
        assert_eq!(format!("{:?}", parse(&KEY).unwrap()), "SealingKeys(1)");
    }
}
