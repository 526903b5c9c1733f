//! The brain's memory on disk: everything derived from the log up to a place in it, in checked files.
//!
//! A file is whole, or holds what changed since the file before it: a chain is a whole file and the files after it. What is small is
//! whole in each; of a model's rows only those that changed are. Form: `WSBRAIN2`, the file's number, the number of the chain's first file,
//! the number and the checksum of the file before (zeros in the first), then sections, then a CRC-32C of all of it; little-endian. A
//! section is pieces (length u32, bytes), ended by an empty one; a piece of the length [`END`] ends the last.
//!
//! Written under a temporary name, synced, renamed; the two newest chains are kept. A damaged file is refused aloud together with what
//! rests on it, and the one before is used: the log fills the rest.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::worker::BrainError;

const MAGIC: &[u8; 8] = b"WSBRAIN2";
const HEADER_BYTES: usize = 8 + 3 * 8 + 4;
/// Chains kept: the newest and the one before.
pub const CHAINS_KEPT: usize = 2;
/// Files of a chain at the most: a start reads them all.
const FILES_MAX: usize = 64;
/// Changes that a chain may hold, as a share of its first file: then a whole one costs less than it saves.
const CHANGES_SHARE: f64 = 0.5;
/// More sections than this program knows how to write.
const SECTIONS_MAX: usize = 64;
const PIECE_BYTES_MAX: usize = 1 << 20;
const END: u32 = u32::MAX;
const TEMPORARY: &str = "snapshot.tmp";

/// The newest file of a chain: what the next one is written after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    pub sequence: u64,
    base: u64,
    checksum: u32,
    files: usize,
    base_bytes: u64,
    changes_bytes: u64,
    pub newest_bytes: u64,
}

impl Chain {
    /// Whether changes may be added to it; else it is time for a whole file.
    pub fn may_grow(&self) -> bool {
        self.files < FILES_MAX && (self.changes_bytes as f64) < self.base_bytes as f64 * CHANGES_SHARE
    }
}

/// Takes the sections of a file that is being written.
pub struct Sections<'a> {
    to: &'a mut BufWriter<File>,
    crc: u32,
    bytes: u64,
    piece: Vec<u8>,
}

impl Sections<'_> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.crc = crc32c::crc32c_append(self.crc, bytes);
        self.bytes += bytes.len() as u64;
        self.to.write_all(bytes)
    }

    fn end_piece(&mut self) -> io::Result<()> {
        let piece = std::mem::take(&mut self.piece);
        if !piece.is_empty() {
            self.put(&(piece.len() as u32).to_le_bytes())?;
            self.put(&piece)?;
        }
        self.piece = piece;
        self.piece.clear();
        Ok(())
    }

    /// Ends the section that was written until now.
    pub fn end_section(&mut self) -> io::Result<()> {
        self.end_piece()?;
        self.put(&0u32.to_le_bytes())
    }
}

impl Write for Sections<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.piece.len() == PIECE_BYTES_MAX {
            self.end_piece()?;
        }
        let taken = bytes.len().min(PIECE_BYTES_MAX - self.piece.len());
        self.piece.extend_from_slice(bytes.get(..taken).unwrap_or_default());
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes file number `sequence`: a whole one, or the changes after a chain's newest file. `fill` writes the sections. Chains beyond
/// [`CHAINS_KEPT`] are deleted. After an error the chain is as it was.
pub fn write<T>(
    folder: &Path,
    sequence: u64,
    after: Option<&Chain>,
    fill: impl FnOnce(&mut Sections<'_>) -> Result<T, BrainError>,
) -> Result<(Chain, T), BrainError> {
    fs::create_dir_all(folder)?;
    let temporary = folder.join(TEMPORARY);
    let base = after.map_or(sequence, |chain| chain.base);
    let attempt = || -> Result<(u32, u64, T), BrainError> {
        let mut file = BufWriter::with_capacity(1 << 18, File::create(&temporary)?);
        let mut sections = Sections { to: &mut file, crc: 0, bytes: 0, piece: Vec::with_capacity(PIECE_BYTES_MAX) };
        sections.put(MAGIC)?;
        for number in [sequence, base, after.map_or(0, |chain| chain.sequence)] {
            sections.put(&number.to_le_bytes())?;
        }
        sections.put(&after.map_or(0, |chain| chain.checksum).to_le_bytes())?;
        let filled = fill(&mut sections)?;
        sections.put(&END.to_le_bytes())?;
        let (crc, bytes) = (sections.crc, sections.bytes);
        file.write_all(&crc.to_le_bytes())?;
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(&temporary, path(folder, sequence))?;
        Ok((crc, bytes, filled))
    };
    let (checksum, bytes, filled) = attempt().inspect_err(|_| {
        // What did not fit must not keep the room that is missing.
        let _ = fs::remove_file(&temporary);
    })?;
    File::open(folder)?.sync_all()?;
    let chain = match after {
        Some(before) => Chain {
            sequence,
            checksum,
            files: before.files + 1,
            changes_bytes: before.changes_bytes + bytes,
            newest_bytes: bytes,
            ..*before
        },
        None => Chain { sequence, base, checksum, files: 1, base_bytes: bytes, changes_bytes: 0, newest_bytes: bytes },
    };
    keep(folder, CHAINS_KEPT)?;
    Ok((chain, filled))
}

/// Deletes all chains but the newest `count`, and files that belong to none.
pub fn keep(folder: &Path, count: usize) -> io::Result<()> {
    let files = list(folder)?;
    let bases = files.iter().map(|sequence| Ok(header(&path(folder, *sequence))?.map(|header| header.base)));
    let bases = bases.collect::<io::Result<Vec<Option<u64>>>>()?;
    let mut kept: Vec<u64> = bases.iter().flatten().copied().collect();
    kept.sort_unstable();
    kept.dedup();
    let kept = kept.split_off(kept.len().saturating_sub(count));
    for (sequence, base) in files.into_iter().zip(bases) {
        if base.is_none_or(|base| !kept.contains(&base)) {
            fs::remove_file(path(folder, sequence))?;
        }
    }
    Ok(())
}

/// A sound file and where its sections begin.
#[derive(Clone, Debug)]
pub struct Part {
    path: PathBuf,
    header: Header,
    checksum: u32,
    bytes: u64,
    sections: Vec<u64>,
}

impl Part {
    pub fn sections(&self) -> usize {
        self.sections.len()
    }

    /// A section's bytes, as they come from the disk.
    pub fn open(&self, section: usize) -> io::Result<Section> {
        let at = self.sections.get(section).ok_or_else(|| io::Error::other("a section that is not there"))?;
        let mut from = BufReader::with_capacity(1 << 18, File::open(&self.path)?);
        from.seek(SeekFrom::Start(*at))?;
        Ok(Section { from, left: 0, ended: false })
    }

    pub fn read(&self, section: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open(section)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

pub struct Section {
    from: BufReader<File>,
    /// Bytes of the present piece that were not read yet.
    left: usize,
    ended: bool,
}

impl Read for Section {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !self.ended {
            let mut length = [0; 4];
            self.from.read_exact(&mut length)?;
            self.left = u32::from_le_bytes(length) as usize;
            self.ended = self.left == 0;
        }
        let wanted = into.len().min(self.left);
        let read = self.from.read(into.get_mut(..wanted).unwrap_or_default())?;
        self.left -= read;
        Ok(read)
    }
}

/// What is on disk, newest first: chains of sound files, each with its newest file's [`Chain`]. A damaged file, and one that rests on
/// such, is refused aloud when it is come to.
pub struct Found {
    folder: PathBuf,
    /// Numbers that were not come to yet, rising.
    left: Vec<u64>,
    parts: HashMap<u64, Option<Part>>,
}

/// Looks what is there. What a death left half written is deleted.
pub fn find(folder: &Path) -> io::Result<Found> {
    match fs::remove_file(folder.join(TEMPORARY)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    Ok(Found { folder: folder.to_owned(), left: list(folder)?, parts: HashMap::new() })
}

/// Says that a snapshot cannot be used.
pub fn refuse(sequence: u64, reason: &dyn std::fmt::Display) {
    metrics::counter!("brain_snapshots_refused_total").increment(1);
    tracing::error!(sequence, %reason, "a snapshot is not used; the one before and the log replace it");
}

impl Found {
    /// The highest number of any file, sound or not.
    pub fn newest(&self) -> u64 {
        self.left.last().copied().unwrap_or(0)
    }

    /// The next chain, from its whole file to its newest; `None` when there is none left.
    pub fn next(&mut self) -> io::Result<Option<(Chain, Vec<Part>)>> {
        while let Some(sequence) = self.left.pop() {
            match self.chain_to(sequence)? {
                Ok(parts) => {
                    let bytes = |parts: &[Part]| parts.iter().map(|part| part.bytes).sum();
                    let (Some(first), Some(last)) = (parts.first(), parts.last()) else { continue };
                    let chain = Chain {
                        sequence,
                        base: first.header.sequence,
                        checksum: last.checksum,
                        files: parts.len(),
                        base_bytes: first.bytes,
                        changes_bytes: bytes(parts.get(1..).unwrap_or_default()),
                        newest_bytes: last.bytes,
                    };
                    return Ok(Some((chain, parts)));
                }
                Err(reason) => refuse(sequence, &reason),
            }
        }
        Ok(None)
    }

    fn chain_to(&mut self, sequence: u64) -> io::Result<Result<Vec<Part>, String>> {
        let mut parts: Vec<Part> = Vec::new();
        let mut next = sequence;
        loop {
            let Some(part) = self.part(next)? else {
                return Ok(Err(format!("file {next} is missing or damaged")));
            };
            let header = part.header;
            let follows = parts.last().is_none_or(|after| {
                after.header.previous_checksum == part.checksum
                    && after.header.base == header.base
                    && next < after.header.sequence
            });
            if !follows || header.sequence != next || parts.len() >= FILES_MAX {
                return Ok(Err(format!("file {next} is not the one that is meant")));
            }
            parts.push(part);
            if header.base == header.sequence {
                parts.reverse();
                return Ok(Ok(parts));
            }
            next = header.previous;
        }
    }

    /// A file, checked once.
    fn part(&mut self, sequence: u64) -> io::Result<Option<Part>> {
        if let Some(known) = self.parts.get(&sequence) {
            return Ok(known.clone());
        }
        let part = check(&path(&self.folder, sequence))?;
        self.parts.insert(sequence, part.clone());
        Ok(part)
    }
}

#[derive(Clone, Copy, Debug)]
struct Header {
    sequence: u64,
    base: u64,
    previous: u64,
    previous_checksum: u32,
}

fn parse_header(bytes: &[u8; HEADER_BYTES]) -> Option<Header> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (numbers, checksum) = rest.as_chunks::<8>();
    let number = |at: usize| numbers.get(at).map(|bytes| u64::from_le_bytes(*bytes));
    let previous_checksum = u32::from_le_bytes(*checksum.first_chunk()?);
    Some(Header { sequence: number(0)?, base: number(1)?, previous: number(2)?, previous_checksum })
}

/// `None` when it has none of this program's form.
fn header(path: &Path) -> io::Result<Option<Header>> {
    let mut bytes = [0; HEADER_BYTES];
    match File::open(path)?.read_exact(&mut bytes) {
        Ok(()) => Ok(parse_header(&bytes)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads a file once through; `None` when it is not there, or not what was written. Never more of it in memory than a piece.
fn check(path: &Path) -> io::Result<Option<Part>> {
    let mut from = match File::open(path) {
        Ok(file) => BufReader::with_capacity(1 << 18, file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    match walk(&mut from, path) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        found => found,
    }
}

fn walk(from: &mut impl Read, path: &Path) -> io::Result<Option<Part>> {
    let mut first = [0; HEADER_BYTES];
    from.read_exact(&mut first)?;
    let Some(header) = parse_header(&first) else { return Ok(None) };
    let (mut crc, mut bytes) = (crc32c::crc32c(&first), HEADER_BYTES as u64);
    let (mut sections, mut piece, mut begins) = (Vec::new(), Vec::new(), true);
    loop {
        let mut length = [0; 4];
        from.read_exact(&mut length)?;
        let at = bytes;
        crc = crc32c::crc32c_append(crc, &length);
        bytes += 4;
        let length = u32::from_le_bytes(length);
        if length == END && begins {
            break;
        }
        if length as usize > PIECE_BYTES_MAX || sections.len() > SECTIONS_MAX {
            return Ok(None);
        }
        if begins {
            sections.push(at);
        }
        begins = length == 0;
        piece.resize(length as usize, 0);
        from.read_exact(&mut piece)?;
        crc = crc32c::crc32c_append(crc, &piece);
        bytes += u64::from(length);
    }
    let mut checksum = [0; 4];
    from.read_exact(&mut checksum)?;
    let sound = u32::from_le_bytes(checksum) == crc && from.read(&mut [0])? == 0;
    Ok(sound.then(|| Part { path: path.to_owned(), header, checksum: crc, bytes, sections }))
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

#[cfg(test)]
mod tests;
