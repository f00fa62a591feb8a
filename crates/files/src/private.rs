//! A directory whose files decide whom the gateway believes.
//!
//! Only this user and the superuser may have put anything there. Every name is looked up in the open directory itself,
//! and checked on the open file, so that nobody can swap one between the check and the use.

use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::within::{PATIENCE, within};

/// Why a directory or a file in it isn't trusted. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// Somebody else owns it.
    #[error(
        "{path} is owned by user {owner}, not by user {own} that the gateway runs as; run `chown {own} {path}` if its content is the gateway's own"
    )]
    Owner {
        /// What.
        path: String,
        /// Whose it is.
        owner: u32,
        /// Who asks.
        own: u32,
    },
    /// Others may write it.
    #[error(
        "{path} can be written by other users (mode {mode:o}); run `chmod go-w {path}`, or name a directory that the gateway creates itself"
    )]
    Writable {
        /// What.
        path: String,
        /// Its permissions.
        mode: u32,
    },
    /// It isn't what it should be.
    #[error("{path} is {found}, not {expected}; remove it")]
    Kind {
        /// What.
        path: String,
        /// What is there.
        found: &'static str,
        /// What should be.
        expected: &'static str,
    },
    /// It can't be opened or read.
    #[error("{path} can't be used: {error}")]
    Io {
        /// What.
        path: String,
        /// Why.
        error: io::Error,
    },
}

/// A directory that only this user can write.
#[derive(Debug)]
pub struct PrivateDirectory {
    path: PathBuf,
    directory: OwnedFd,
}

impl PrivateDirectory {
    /// Makes the directory, for this user only, if it isn't there, and opens it.
    ///
    /// # Errors
    ///
    /// If it can't be made, or isn't trusted.
    pub fn create(path: &Path) -> Result<Self, TrustError> {
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| failed(path, error))?;
        Self::open(path)?.ok_or_else(|| failed(path, ErrorKind::NotFound.into()))
    }

    /// Opens the directory; `None` if it isn't there.
    ///
    /// # Errors
    ///
    /// If it isn't trusted.
    pub fn open(path: &Path) -> Result<Option<Self>, TrustError> {
        let own = rustix::process::geteuid().as_raw();
        let link = match fs::symlink_metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(path, error)),
            Ok(about) => about,
        };
        // The service manager may link to the directory; another user's link leads where that user likes.
        if link.is_symlink() && !is_trusted(link.uid(), own) {
            return Err(TrustError::Owner { path: shown(path), owner: link.uid(), own });
        }
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let directory = match rustix::fs::open(path, flags, Mode::empty()) {
            Ok(directory) => directory,
            Err(Errno::NOTDIR) => {
                return Err(TrustError::Kind { path: shown(path), found: "a file", expected: "a directory" });
            }
            Err(error) => return Err(failed(path, error.into())),
        };
        let about = rustix::fs::fstat(&directory).map_err(|error| failed(path, error.into()))?;
        if !is_trusted(about.st_uid, own) {
            return Err(TrustError::Owner { path: shown(path), owner: about.st_uid, own });
        }
        closed(path, about.st_mode)?;
        Ok(Some(Self { path: path.to_owned(), directory }))
    }

    /// Reads at most `most` bytes of a file; `None` if it isn't there.
    ///
    /// # Errors
    ///
    /// If it can't be read, or isn't a file of this user's own that only this user can write.
    pub fn read(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, TrustError> {
        let path = self.path.join(name);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let kind = |found| TrustError::Kind { path: shown(&path), found, expected: "a regular file" };
        let file = match rustix::fs::openat(&self.directory, name, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP) => return Err(kind("a link")),
            Err(error) => return Err(failed(&path, error.into())),
        };
        let about = rustix::fs::fstat(&file).map_err(|error| failed(&path, error.into()))?;
        if FileType::from_raw_mode(about.st_mode) != FileType::RegularFile {
            return Err(kind("something else"));
        }
        let own = rustix::process::geteuid().as_raw();
        if about.st_uid != own {
            return Err(TrustError::Owner { path: shown(&path), owner: about.st_uid, own });
        }
        closed(&path, about.st_mode)?;
        if about.st_nlink != 1 {
            return Err(kind("a file with a second name"));
        }
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes).map_err(|error| failed(&path, error))?;
        Ok(Some(bytes))
    }

    /// Writes a file under a temporary name beside its place and moves it there: a reader sees the whole old file or
    /// the whole new one, even after a power cut.
    ///
    /// # Errors
    ///
    /// If that fails; the old file stays.
    pub fn replace(&self, name: &str, temporary: &str, bytes: &[u8]) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.directory, temporary, flags, Mode::RUSR | Mode::WUSR)?;
        let mut file = File::from(file);
        let written = file
            .write_all(bytes)
            .and_then(|()| file.sync_all())
            .and_then(|()| Ok(rustix::fs::renameat(&self.directory, temporary, &self.directory, name)?));
        if written.is_err() {
            // What could not be written whole must not stay; if that fails too, the first error says more.
            let _ = rustix::fs::unlinkat(&self.directory, temporary, AtFlags::empty());
        }
        written?;
        Ok(rustix::fs::fsync(&self.directory)?)
    }

    /// Removes the files whose name `is_left_over`, and returns how many there were.
    ///
    /// # Errors
    ///
    /// If the directory can't be read, or a file not be removed.
    pub fn sweep(&self, is_left_over: impl Fn(&str) -> bool) -> io::Result<usize> {
        let mut count = 0;
        for entry in rustix::fs::Dir::read_from(&self.directory)? {
            let entry = entry?;
            if entry.file_name().to_str().is_ok_and(&is_left_over) {
                rustix::fs::unlinkat(&self.directory, entry.file_name(), AtFlags::empty())?;
                count += 1;
            }
        }
        Ok(count)
    }
}

/// Whether a [`PrivateDirectory`] is there, or could be made. Nothing is made.
///
/// # Errors
///
/// Why not.
pub fn can_keep(path: &Path) -> Result<(), TrustError> {
    let place = path.to_owned();
    let look = move || {
        Ok(PrivateDirectory::open(&place).and_then(|found| {
            let made_in = place.ancestors().skip(1).find(|folder| folder.as_os_str().is_empty() || folder.exists());
            match (found, made_in) {
                (Some(_), _) | (None, None) => Ok(()),
                (None, Some(folder)) => {
                    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
                    let access = Access::WRITE_OK | Access::EXEC_OK;
                    rustix::fs::access(folder, access).map_err(|error| failed(folder, error.into()))
                }
            }
        }))
    };
    within(path, PATIENCE, look).map_err(|error| failed(path, error))?
}

/// Whether what a user owns is as good as one's own.
fn is_trusted(owner: u32, own: u32) -> bool {
    owner == own || owner == 0
}

fn closed(path: &Path, mode: u32) -> Result<(), TrustError> {
    let mode = mode & 0o7777;
    if mode & 0o022 == 0 { Ok(()) } else { Err(TrustError::Writable { path: shown(path), mode }) }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn failed(path: &Path, error: io::Error) -> TrustError {
    TrustError::Io { path: shown(path), error }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    use super::*;

    const NAME: &str = "keys.json";

    fn reading(directory: &Path) -> Result<Option<Vec<u8>>, TrustError> {
        PrivateDirectory::open(directory)?.map_or(Ok(None), |directory| directory.read(NAME, 100))
    }

    fn own() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        PrivateDirectory::create(folder.path()).unwrap().replace(NAME, "t", b"own").unwrap();
        folder
    }

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_file_of_ones_own_is_written_whole_and_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("made/by/itself");
        assert!(PrivateDirectory::open(&path).unwrap().is_none());
        let directory = PrivateDirectory::create(&path).unwrap();
        assert!(directory.read(NAME, 100).unwrap().is_none());
        directory.replace(NAME, "t", b"one").unwrap();
        directory.replace(NAME, "t", b"two").unwrap();
        assert_eq!(directory.read(NAME, 100).unwrap().unwrap(), b"two");
        assert_eq!(directory.read(NAME, 2).unwrap().unwrap(), b"tw");
        let permissions = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((permissions(&path), permissions(&path.join(NAME))), (0o700, 0o600));
        assert_eq!(fs::read_dir(&path).unwrap().count(), 1);
    }

    #[test]
    fn what_others_may_write_is_not_read() {
        for open in [0o777, 0o1777, 0o770, 0o702] {
            let folder = own();
            mode(folder.path(), open);
            assert!(matches!(reading(folder.path()), Err(TrustError::Writable { .. })), "{open:o}");
            assert!(PrivateDirectory::create(folder.path()).is_err());
        }
        for open in [0o666, 0o620, 0o602] {
            let folder = own();
            mode(&folder.path().join(NAME), open);
            assert!(matches!(reading(folder.path()), Err(TrustError::Writable { .. })), "{open:o}");
        }
    }

    #[test]
    fn what_is_no_file_or_has_another_name_too_is_not_read() {
        let folder = own();
        let path = folder.path().join(NAME);
        fs::hard_link(&path, folder.path().join("second")).unwrap();
        assert!(matches!(reading(folder.path()), Err(TrustError::Kind { .. })));
        fs::rename(folder.path().join("second"), folder.path().join("elsewhere")).unwrap();
        fs::remove_file(&path).unwrap();
        symlink(folder.path().join("elsewhere"), &path).unwrap();
        assert!(matches!(reading(folder.path()), Err(TrustError::Kind { found: "a link", .. })));
        fs::remove_file(&path).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, &path, FileType::Fifo, 0o600.into(), 0).unwrap();
        assert!(matches!(reading(folder.path()), Err(TrustError::Kind { .. })));
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(matches!(reading(folder.path()), Err(TrustError::Kind { .. })));
        assert!(matches!(PrivateDirectory::open(&folder.path().join("elsewhere")), Err(TrustError::Kind { .. })));
    }

    #[test]
    fn what_another_user_owns_is_not_read() {
        // Only the superuser can give a file away.
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let folder = own();
        chown(folder.path().join(NAME), Some(65_534), None).unwrap();
        assert!(matches!(reading(folder.path()), Err(TrustError::Owner { owner: 65_534, .. })));
        let folder = own();
        chown(folder.path(), Some(65_534), None).unwrap();
        assert!(matches!(reading(folder.path()), Err(TrustError::Owner { .. })));
        let (folder, links) = (own(), tempfile::tempdir().unwrap());
        let link = links.path().join("link");
        symlink(folder.path(), &link).unwrap();
        assert!(reading(&link).unwrap().is_some(), "a link of one's own");
        std::os::unix::fs::lchown(&link, Some(65_534), None).unwrap();
        assert!(matches!(reading(&link), Err(TrustError::Owner { .. })));
    }

    #[test]
    fn left_over_files_are_swept_and_others_stay() {
        let folder = own();
        fs::write(folder.path().join("a.tmp"), "").unwrap();
        let directory = PrivateDirectory::open(folder.path()).unwrap().unwrap();
        assert_eq!(directory.sweep(|name| name == "a.tmp").unwrap(), 1);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
