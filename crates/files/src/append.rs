//! Appending to a log file.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{Access, OFlags};

use super::within::{PATIENCE, within};

/// Opens a file to append to it, and makes it if it isn't there: for the owner and the group only, since logs name
/// people. The caller has a thread that may wait for a drive. A FIFO is opened without waiting for a reader.
///
/// # Errors
///
/// If it can't be opened; see [`is_waiting_for_reader`].
pub fn append_to(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    OpenOptions::new().append(true).create(true).mode(0o640).custom_flags(flags).open(path)
}

/// Whether an open failed only because the file is a FIFO without a reader.
#[must_use]
pub fn is_waiting_for_reader(path: &Path, error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error())
        && fs::metadata(path).is_ok_and(|about| about.file_type().is_fifo())
}

/// Whether [`append_to`] would succeed. Nothing is made or changed. A FIFO without a reader is no failure: its reader
/// may come.
///
/// # Errors
///
/// Why it would not.
pub fn can_append_to(path: &Path) -> io::Result<()> {
    let place = path.to_owned();
    within(path, PATIENCE, move || match fs::metadata(&place) {
        Ok(about) if about.file_type().is_fifo() => rustix::fs::access(&place, Access::WRITE_OK).map_err(Into::into),
        Ok(_) => append_to(&place).map(drop),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK).map_err(Into::into)
        }
        Err(error) => Err(error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fifo_is_opened_once_it_has_a_reader() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        let error = append_to(&fifo).unwrap_err();
        assert!(is_waiting_for_reader(&fifo, &error));
        assert!(can_append_to(&fifo).is_ok());
        let _reader = OpenOptions::new().read(true).write(true).open(&fifo).unwrap();
        assert!(append_to(&fifo).is_ok());
    }

    #[test]
    fn a_trial_makes_nothing_and_fails_like_the_open() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        assert!(can_append_to(&path).is_ok() && !path.exists());
        for bad in [folder.path(), &folder.path().join("none/log")] {
            let (trial, real) = (can_append_to(bad).unwrap_err(), append_to(bad).unwrap_err());
            assert_eq!(trial.kind(), real.kind(), "{}", bad.display());
        }
    }
}
