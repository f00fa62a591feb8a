//! The file of a Unix socket.

use std::fs::{Permissions, remove_file, set_permissions, symlink_metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tokio::net::{UnixListener, UnixSocket};

/// What its owner and its group may do: connect.
const MODE: u32 = 0o660;

/// How many connections wait until they are accepted.
const BACKLOG: u32 = 1024;

/// Why a file can't be listened on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SocketFileError {
    /// Somebody else does.
    #[error("another process listens there")]
    InUse,
    /// It holds something.
    #[error("the file there is not a socket")]
    OtherKind,
    /// The system says no.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The device and the number of a file, and when it was made, where the system knows: numbers are used again.
type Identity = (u64, u64, Option<SystemTime>);

/// A file of this process. It ends with this.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    identity: Identity,
}

impl SocketFile {
    /// Listens on a file of its own. One that a process left behind which has ended is replaced.
    ///
    /// # Errors
    ///
    /// If something else is there, or the system doesn't allow it.
    pub(super) async fn listen(path: &Path) -> Result<(UnixListener, Self), SocketFileError> {
        clear(path).await?;
        let socket = UnixSocket::new_stream()?;
        socket.bind(path)?;
        let file = Self { path: path.to_owned(), identity: identity(path)? };
        // Nobody can connect before it listens, so nobody ever connects with other permissions.
        set_permissions(path, Permissions::from_mode(MODE))?;
        Ok((socket.listen(BACKLOG)?, file))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // A process that replaced this one may listen on another file of the same name.
        if identity(&self.path).is_ok_and(|identity| identity == self.identity) {
            let _ = remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> io::Result<Identity> {
    symlink_metadata(path).map(|file| (file.dev(), file.ino(), file.created().ok()))
}

/// Removes what a process has left behind.
async fn clear(path: &Path) -> Result<(), SocketFileError> {
    match symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.into()),
        Ok(file) if !file.file_type().is_socket() => Err(SocketFileError::OtherKind),
        Ok(_) if is_in_use(path).await? => Err(SocketFileError::InUse),
        Ok(_) => Ok(remove_file(path)?),
    }
}

async fn is_in_use(path: &Path) -> io::Result<bool> {
    match UnixSocket::new_stream()?.connect(path).await {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(false),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(error),
        _ => Ok(true),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[tokio::test]
    async fn a_socket_that_nobody_listens_on_is_replaced_and_one_in_use_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(UnixStream::connect(&path).is_err() && path.exists());
        let held = SocketFile::listen(&path).await.unwrap();
        UnixStream::connect(&path).unwrap();
        assert_eq!(symlink_metadata(&path).unwrap().permissions().mode() & 0o777, MODE);
        assert!(matches!(SocketFile::listen(&path).await, Err(SocketFileError::InUse)));
        UnixStream::connect(&path).unwrap();
        drop(held);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_socket_with_a_full_queue_is_in_use() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sock");
        let socket = UnixSocket::new_stream().unwrap();
        socket.bind(&path).unwrap();
        let _listener = socket.listen(1).unwrap();
        let mut queue = Vec::new();
        while let Ok(client) = UnixSocket::new_stream().unwrap().connect(&path).await {
            queue.push(client);
        }
        assert!(matches!(SocketFile::listen(&path).await, Err(SocketFileError::InUse)), "{}", queue.len());
    }

    #[tokio::test]
    async fn a_file_of_another_kind_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("a.sock"), folder.path().join("link"));
        std::fs::write(&path, "precious").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        for there in [path.as_path(), &link, folder.path()] {
            assert!(matches!(SocketFile::listen(there).await, Err(SocketFileError::OtherKind)), "{there:?}");
        }
        assert_eq!(std::fs::read(&path).unwrap(), b"precious");
    }

    #[tokio::test]
    async fn the_file_of_a_process_that_took_over_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sock");
        let (listener, file) = SocketFile::listen(&path).await.unwrap();
        drop(listener);
        // The clock of files is coarse.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        let _held = SocketFile::listen(&path).await.unwrap();
        drop(file);
        UnixStream::connect(&path).unwrap();
    }
}
