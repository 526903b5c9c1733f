//! The folder: its lock, its permissions, the note of its form, and how names become durable.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use crate::{Error, Result};

/// What a file that is still being written ends in; removed at the next opening.
pub(super) const UNFINISHED: &str = "unfinished";

/// Makes the folder (and those above it) for its owner alone.
pub(super) fn make_folder(path: &Path) -> Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(Error::io("making the log's folder"))
}

/// Makes new names in the folder survive a loss of power.
pub(super) fn sync_folder(path: &Path) -> Result<()> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(Error::io("syncing the log's folder"))
}

/// A new file that its owner alone can read.
pub(super) fn create_file(path: &Path) -> Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .map_err(Error::io("making a file of the log"))
}

/// Holds the folder against other processes until dropped.
pub(super) fn lock_folder(path: &Path) -> Result<File> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path.join("lock"))
        .map_err(Error::io("opening the log's lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Locked(path.to_owned())),
        Err(TryLockError::Error(err)) => Err(Error::io("locking the log")(err)),
    }
}

/// How the note begins; the form's number follows. It rises with [`super::frame::VERSION`], so that a program that knows only older
/// frames does not open the folder and take the newer ones at its end for a torn tail.
const FORM: &str = "watershed event log ";
const FORMS: std::ops::RangeInclusive<u8> = super::frame::VERSIONS;

/// Writes the form and number of partitions into a new folder, or holds them against those of an old one; an older form becomes
/// the present one.
pub(super) fn check_form(path: &Path, partitions: u16) -> Result<()> {
    match read_form(path)? {
        None => write_form(path, partitions),
        Some((_, found)) if found != partitions => Err(Error::PartitionsDiffer { found, asked: partitions }),
        Some((form, _)) if form < *FORMS.end() => write_form(path, partitions),
        Some(_) => Ok(()),
    }
}

/// The form's number and the number of partitions; `None` in a folder without the note.
pub(super) fn read_form(path: &Path) -> Result<Option<(u8, u16)>> {
    let note = path.join("form");
    let mut text = String::new();
    match File::open(&note) {
        Ok(file) => file.take(1_000).read_to_string(&mut text).map_err(Error::io("reading the log's form"))?,
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(err) => return Err(Error::io("reading the log's form")(err)),
    };
    let read = || {
        let (form, partitions) = text.strip_prefix(FORM)?.split_once('\n')?;
        let form = form.parse().ok().filter(|form| FORMS.contains(form))?;
        Some((form, partitions.trim().strip_prefix("partitions ")?.parse().ok()?))
    };
    read().map(Some).ok_or(Error::Corrupt { segment: note, position: 0, what: "not the form of an event log of this version" })
}

fn write_form(path: &Path, partitions: u16) -> Result<()> {
    let note = path.join("form");
    let unfinished = note.with_extension(UNFINISHED);
    let mut file = create_file(&unfinished)?;
    file.write_all(format!("{FORM}{}\npartitions {partitions}\n", FORMS.end()).as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::rename(&unfinished, &note))
        .map_err(Error::io("writing the log's form"))?;
    sync_folder(path)
}
