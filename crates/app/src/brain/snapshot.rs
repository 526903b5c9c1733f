//! The brain's memory on disk: everything derived from the log up to a place in it, in one checked file.
//!
//! Form: `WSBRAIN1`, the number of sections, then per section its length and bytes, all little-endian, and a CRC-32C of the
//! whole at the end. Written under a temporary name, synced, renamed; the two newest are kept. A damaged one is refused aloud and
//! the one before is used: the log fills the rest.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"WSBRAIN1";
/// Snapshots kept: the newest and the one before.
const KEPT: usize = 2;
/// More sections than this program knows how to write.
const SECTIONS_MAX: usize = 64;

/// Writes the sections as snapshot number `sequence`; older ones beyond [`KEPT`] are deleted.
pub fn write(folder: &Path, sequence: u64, sections: &[Vec<u8>]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut bytes = Vec::with_capacity(sections.iter().map(|s| s.len() + 8).sum::<usize>() + 32);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&(sections.len() as u64).to_le_bytes());
    for section in sections {
        bytes.extend_from_slice(&(section.len() as u64).to_le_bytes());
        bytes.extend_from_slice(section);
    }
    let checksum = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());

    let temporary = folder.join("snapshot.tmp");
    let written = File::create(&temporary)
        .and_then(|mut file| file.write_all(&bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&temporary, path(folder, sequence)));
    if written.is_err() {
        // What did not fit must not keep the room that is missing.
        let _ = fs::remove_file(&temporary);
        return written;
    }
    File::open(folder)?.sync_all()?;
    keep(folder, KEPT)
}

/// Deletes all snapshots but the newest `count`.
pub fn keep(folder: &Path, count: usize) -> io::Result<()> {
    for old in list(folder)?.into_iter().rev().skip(count) {
        fs::remove_file(path(folder, old))?;
    }
    Ok(())
}

/// The newest readable snapshot: its number and its sections. `None` when there is none.
pub fn read_newest(folder: &Path) -> io::Result<Option<(u64, Vec<Vec<u8>>)>> {
    for sequence in list(folder)?.into_iter().rev() {
        let bytes = fs::read(path(folder, sequence))?;
        match parse(&bytes) {
            Some(sections) => return Ok(Some((sequence, sections))),
            None => {
                metrics::counter!("brain_snapshots_refused_total").increment(1);
                tracing::error!(sequence, "a snapshot is damaged and is not used; the one before and the log replace it");
            }
        }
    }
    Ok(None)
}

fn path(folder: &Path, sequence: u64) -> PathBuf {
    folder.join(format!("snapshot-{sequence:012}"))
}

/// The numbers of the snapshots that are there, rising.
fn list(folder: &Path) -> io::Result<Vec<u64>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut numbers = Vec::new();
    for entry in entries {
        if let Some(number) = entry?.file_name().to_str().and_then(|n| n.strip_prefix("snapshot-")?.parse().ok()) {
            numbers.push(number);
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

fn parse(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (body, checksum) = bytes.split_last_chunk::<4>()?;
    if crc32c::crc32c(body) != u32::from_le_bytes(*checksum) {
        return None;
    }
    let mut rest = body.strip_prefix(MAGIC)?;
    let number = |rest: &mut &[u8]| -> Option<usize> {
        let (head, tail) = rest.split_first_chunk::<8>()?;
        *rest = tail;
        usize::try_from(u64::from_le_bytes(*head)).ok()
    };
    let count = number(&mut rest).filter(|n| *n <= SECTIONS_MAX)?;
    let mut sections = Vec::with_capacity(count);
    for _ in 0..count {
        let length = number(&mut rest)?;
        let (section, tail) = rest.split_at_checked(length)?;
        sections.push(section.to_vec());
        rest = tail;
    }
    rest.is_empty().then_some(sections)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_sound_snapshot_is_read() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read_newest(dir.path()).unwrap(), None);
        for sequence in [1, 2, 10] {
            write(dir.path(), sequence, &[vec![sequence as u8; 3], Vec::new()]).unwrap();
        }
        assert_eq!(list(dir.path()).unwrap(), [2, 10]);
        assert_eq!(read_newest(dir.path()).unwrap(), Some((10, vec![vec![10; 3], vec![]])));

        let newest = path(dir.path(), 10);
        let whole = fs::read(&newest).unwrap();
        for damage in [0, 9, 20, whole.len() - 1] {
            let mut bytes = whole.clone();
            bytes[damage] ^= 1;
            fs::write(&newest, &bytes).unwrap();
            assert_eq!(read_newest(dir.path()).unwrap().map(|(n, _)| n), Some(2), "byte {damage}");
        }
        fs::write(&newest, &whole[..whole.len() / 2]).unwrap();
        assert_eq!(read_newest(dir.path()).unwrap().map(|(n, _)| n), Some(2));
    }
}
