//! Reading a whole file.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;

use super::within::{PATIENCE, within};

/// The pause before a FIFO or a terminal is asked again.
const PAUSE: Duration = Duration::from_millis(10);

/// Reads a file of at most `most` bytes. A pipe is read until its writer closes it.
///
/// # Errors
///
/// If it can't be read, is larger, or doesn't respond within [`PATIENCE`].
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let place = path.to_owned();
    within(path, PATIENCE + Duration::from_secs(1), move || read_here(&place, most))
}

/// The same, of a file that is UTF-8.
///
/// # Errors
///
/// If it isn't UTF-8, too.
pub fn read_text(path: &Path, most: u64) -> io::Result<String> {
    String::from_utf8(read(path, most)?).map_err(|_| io::Error::new(ErrorKind::InvalidData, "it is not UTF-8"))
}

/// Whether a directory is there. One on a drive that hangs may be.
#[must_use]
pub fn may_be_directory(path: &Path) -> bool {
    let place = path.to_owned();
    within(path, PATIENCE, move || Ok(place.is_dir())).unwrap_or(true)
}

fn read_here(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    // Without waiting: the open of a FIFO would wait for a writer, and nothing ends that.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let about = file.metadata()?;
    if about.is_dir() {
        return Err(io::Error::new(ErrorKind::IsADirectory, "it is a directory"));
    }
    let mut bytes = Vec::new();
    let limit = most.saturating_add(1);
    if about.is_file() {
        (&file).take(limit).read_to_end(&mut bytes)?;
    } else {
        read_slowly(&file, limit, &mut bytes)?;
        if bytes.is_empty() && about.file_type().is_fifo() {
            return Err(io::Error::other("it is a FIFO that nobody writes to"));
        }
    }
    if bytes.len() as u64 > most {
        return Err(io::Error::new(ErrorKind::FileTooLarge, format!("it is larger than {most} bytes")));
    }
    Ok(bytes)
}

/// Reads what never blocks and may have nothing yet.
fn read_slowly(file: &File, limit: u64, bytes: &mut Vec<u8>) -> io::Result<()> {
    let end = Instant::now() + PATIENCE;
    let mut file = file.take(limit);
    loop {
        match file.read_to_end(bytes) {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
            Err(_) if Instant::now() >= end => {
                return Err(io::Error::new(ErrorKind::TimedOut, "its writer neither wrote nor closed it in time"));
            }
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn what_is_no_file_is_told_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        let start = Instant::now();
        assert!(read(&fifo, 10).unwrap_err().to_string().contains("FIFO"));
        assert_eq!(read(folder.path(), 10).unwrap_err().kind(), ErrorKind::IsADirectory);
        assert_eq!(read(&folder.path().join("none"), 10).unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(read(Path::new("/dev/zero"), 10).unwrap_err().kind(), ErrorKind::FileTooLarge);
        assert_eq!(read(Path::new("/dev/null"), 10).unwrap(), b"");
        assert!(start.elapsed() < PATIENCE);
    }

    #[test]
    fn a_pipe_with_a_writer_is_read_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        // Both ends, so that neither open waits for the other.
        let mut writer = OpenOptions::new().read(true).write(true).open(&fifo).unwrap();
        let writing = std::thread::spawn(move || {
            writer.write_all(b"a: ").unwrap();
            std::thread::sleep(Duration::from_millis(50));
            writer.write_all(b"1\n").unwrap();
            std::thread::sleep(Duration::from_millis(50));
        });
        assert_eq!(read_text(&fifo, 10).unwrap(), "a: 1\n");
        writing.join().unwrap();
    }
}
