//! Reading the files through, beside a process that writes them: no lock is taken, nothing is mended, made or removed.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::folder::read_form;
use super::frame::decode_events;
use super::segment::{SEGMENT_HEAD_BYTES, Segment, base_of, find_tail};
use crate::{Error, Event, Offset, Partition, Result};

/// The files of a log, to be read from the first event that is kept to the last.
pub struct LogReader {
    folder: PathBuf,
    partitions: u16,
}

impl LogReader {
    /// Finds a log. Fails with [`Error::Corrupt`] for a form that is not known, [`Error::Io`] where there is none.
    pub fn open(folder: &Path) -> Result<Self> {
        let none = || Error::io("looking for a log")(std::io::ErrorKind::NotFound.into());
        let (_, partitions) = read_form(folder)?.ok_or_else(none)?;
        Ok(Self { folder: folder.to_owned(), partitions })
    }

    pub fn partitions(&self) -> u16 {
        self.partitions
    }

    /// Passes on every whole append that stands in the files when they are reached, partition after partition, each in its order,
    /// until `each` breaks off. What a writer is in the middle of is not there yet. Blocks on the disk.
    ///
    /// Fails with [`Error::Corrupt`] as [`crate::LocalLog`] does, and with [`Error::Io`] when a segment goes while it is read
    /// (retention or an erasure came by: read again).
    pub fn read(&self, mut each: impl FnMut(Partition, Offset, Event) -> ControlFlow<()>) -> Result<()> {
        for partition in 0..self.partitions {
            if self.read_partition(partition, &mut each)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn read_partition(
        &self,
        partition: u16,
        each: &mut impl FnMut(Partition, Offset, Event) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>> {
        let paths = segments(&self.folder.join(format!("p{partition:04}")))?;
        let mut expected = None;
        for (at, (base, path)) in paths.iter().enumerate() {
            let bytes = std::fs::metadata(path).map_err(Error::io("looking at a segment"))?.len();
            let segment = Segment::found(path.clone(), partition, *base, bytes);
            if expected.is_some_and(|expected| expected != *base) {
                return Err(segment.corrupt(0, "the segment before it is missing or cut short"));
            }
            if at + 1 == paths.len() {
                if bytes < SEGMENT_HEAD_BYTES as u64 {
                    break;
                }
                let tail = find_tail(&segment)?;
                segment.shape.write().bytes = tail.bytes;
            }
            let mut frames = segment.frames()?;
            let mut events = Vec::new();
            while let Some(decoded) = frames.next(|head, payload, _| decode_events(&head, payload, 0, &mut events))? {
                decoded.map_err(|what| segment.corrupt(frames.position(), what))?;
                for (offset, event) in events.drain(..) {
                    if each(Partition(partition), offset, event).is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
            }
            expected = Some(frames.expected);
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// The segments in a folder, by base.
fn segments(folder: &Path) -> Result<Vec<(u64, PathBuf)>> {
    let reading = Error::io("reading the log's folder");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(&reading)? {
        let path = entry.map_err(&reading)?.path();
        found.extend(base_of(&path).map(|base| (base, path)));
    }
    found.sort_unstable();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use base::{ManualClock, Rng, ViewerId};
    use tempfile::TempDir;

    use super::*;
    use crate::testing::{event, sample_bodies};
    use crate::{Body, EventLog, LocalLog, LocalOptions};

    fn all_of(reader: &LogReader) -> Vec<Event> {
        let mut events = Vec::new();
        reader
            .read(|_, _, event| {
                events.push(event);
                ControlFlow::Continue(())
            })
            .unwrap();
        events
    }

    /// While the log is open elsewhere, with a write under way at its end.
    #[tokio::test]
    async fn reads_beside_the_writer_and_leaves_everything_as_it_is() {
        let dir = TempDir::new().unwrap();
        assert!(matches!(LogReader::open(dir.path()), Err(Error::Io { .. })));
        let options = LocalOptions { segment_bytes: 4 << 10, ..LocalOptions::default() };
        let log = LocalLog::open(dir.path(), options, Arc::new(ManualClock::default())).unwrap();
        let reader = LogReader::open(dir.path()).unwrap();
        assert_eq!(all_of(&reader), []);
        let (mut rng, mut written) = (Rng::from_seed(4), Vec::new());
        for _ in 0..20 {
            let events: Vec<_> =
                sample_bodies(&mut rng).into_iter().map(|body| event(&mut rng, ViewerId::from_raw(7), body)).collect();
            log.append(Partition(0), events.clone()).await.unwrap();
            written.extend(events);
        }
        assert_eq!(all_of(&reader), written);
        let mut first = None;
        reader
            .read(|_, offset, event| {
                first = Some((offset, event));
                ControlFlow::Break(())
            })
            .unwrap();
        assert_eq!(first, Some((Offset(0), written[0].clone())));

        // Half of a write at the end, and a file that is being made.
        let paths = segments(&dir.path().join("p0000")).unwrap();
        assert!(paths.len() > 3);
        let last = &paths.last().unwrap().1;
        let whole = std::fs::read(last).unwrap();
        std::fs::write(last, [&whole[..], &[1, 2, 3]].concat()).unwrap();
        let unfinished = paths[0].1.with_extension("unfinished");
        std::fs::write(&unfinished, b"half").unwrap();
        assert_eq!(all_of(&reader), written);
        assert!(unfinished.exists() && std::fs::read(last).unwrap().len() == whole.len() + 3);
        std::fs::write(last, &whole).unwrap();

        log.erase(ViewerId::from_raw(7)).await.unwrap();
        written.retain(|event| event.body == Body::ViewerErased);
        assert_eq!(all_of(&reader), written);

        let damaged = segments(&dir.path().join("p0000")).unwrap()[0].1.clone();
        let mut bytes = std::fs::read(&damaged).unwrap();
        bytes[SEGMENT_HEAD_BYTES + 20] ^= 1;
        std::fs::write(&damaged, bytes).unwrap();
        assert!(matches!(reader.read(|_, _, _| ControlFlow::Continue(())), Err(Error::Corrupt { .. })));
    }
}
