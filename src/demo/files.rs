//! The demo's files: its configuration, its tokens and the operator's token, in a folder that ends with the demo.

use std::io;
use std::path::Path;

use anyhow::Context;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use tempfile::TempDir;

/// The folder, which only its owner can open.
#[derive(Debug)]
pub(super) struct Files(TempDir);

impl Files {
    /// Creates the folder among the system's temporary files.
    ///
    /// # Errors
    ///
    /// If nothing can be written there, as in a read-only container.
    pub(super) fn create() -> io::Result<Self> {
        let mut folder = tempfile::Builder::new();
        folder.prefix("mfa-gateway-demo-");
        // The tokens are its owner's alone.
        #[cfg(unix)]
        folder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        folder.tempdir().map(Self)
    }

    /// The folder's path.
    pub(super) fn folder(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file, and returns its path as a shell reads it.
    ///
    /// # Errors
    ///
    /// If it can't be written.
    pub(super) fn write(&self, name: &str, content: &str) -> io::Result<String> {
        let path = self.0.path().join(name);
        std::fs::write(&path, content)?;
        Ok(quoted(&path.display().to_string()))
    }

    /// Makes up the operator's token.
    ///
    /// # Errors
    ///
    /// If the system gives no random numbers, or the file can't be written.
    pub(super) fn operator_token(&self) -> anyhow::Result<OperatorToken> {
        let token = random_hex()?;
        let file = self.write("operator", &token).context("the operator's token can't be written")?;
        Ok(OperatorToken { token, file })
    }
}

/// The token that opens the protected part of the admin listener, and the file that it is in.
#[derive(Debug)]
pub(super) struct OperatorToken {
    pub(super) token: String,
    pub(super) file: String,
}

/// 16 random bytes, in hexadecimal.
///
/// # Errors
///
/// If the system gives no random numbers.
pub(super) fn random_hex() -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).context("the system gives no random numbers")?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

/// A word that a shell reads as this text: without quotes where it needs none.
fn quoted(text: &str) -> String {
    let plain = |character: char| character.is_alphanumeric() || "/._-+".contains(character);
    if text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_the_path_as_it_is() {
        assert_eq!(quoted("/tmp/mfa-gateway-demo-a1"), "/tmp/mfa-gateway-demo-a1");
        assert_eq!(quoted("/tmp/two words/it's"), r"'/tmp/two words/it'\''s'");
    }

    #[test]
    fn the_folder_ends_with_the_demo() -> io::Result<()> {
        let files = Files::create()?;
        let folder = files.folder().to_owned();
        files.write("jane", "token")?;
        assert_eq!(std::fs::read_to_string(folder.join("jane"))?, "token");
        drop(files);
        assert!(!folder.exists());
        Ok(())
    }
}
