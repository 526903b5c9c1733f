//! The model as bytes: everything that decides what is learned next, so that snapshot + rest of the log = the same model.
//!
//! Form: magic, version, whole or changes, the checksum of what the changes are of (each u32), then sections in a fixed order, the tables
//! last ([`crate::table`]), then the CRC-32C of all of it; little-endian. Rows stand in the order of their numbers and maps in the order of
//! their keys, so equal models have equal bytes. Changes hold everything but rows that did not change.

use std::io::{Read, Write};

use crate::config::Config;
use crate::dense::{Dense, Optimised};
use crate::error::{Error, Result};
use crate::guard::Guard;
use crate::limits::Shares;
use crate::metrics::{TaskWindow, Totals};
use crate::rivals::Rivals;
use crate::shape::BATCH;
use crate::table::{Sink, Source};
use crate::task::TASKS;
use crate::trainer::Trainer;

const MAGIC: &[u8; 8] = b"wslearn\0";
/// Raised with every change of the form or of the net's shape.
pub(crate) const VERSION: u32 = 4;
/// A section longer than this is refused before memory is taken for it.
const SECTION_BYTES_MAX: u64 = 64 << 30;

/// Writes through to `to` and keeps the checksum.
struct Summing<'a, W> {
    to: &'a mut W,
    crc: u32,
}

impl<W: Write> Summing<'_, W> {
    fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.crc = crc32c::crc32c_append(self.crc, bytes);
        Ok(self.to.write_all(bytes)?)
    }

    fn word(&mut self, value: u64) -> Result<()> {
        self.bytes(&value.to_le_bytes())
    }

    fn floats(&mut self, values: &[f32]) -> Result<()> {
        self.word(values.len() as u64)?;
        let mut buffer = Vec::with_capacity(values.len() * 4);
        values.iter().for_each(|value| buffer.extend_from_slice(&value.to_le_bytes()));
        self.bytes(&buffer)
    }

    fn encoded<T: serde::Serialize>(&mut self, value: &T) -> Result<()> {
        let bytes = postcard::to_allocvec(value).map_err(|_| Error::Corrupt("a section cannot be encoded"))?;
        self.word(bytes.len() as u64)?;
        self.bytes(&bytes)
    }
}

struct Checked<'a, R> {
    from: &'a mut R,
    crc: u32,
}

impl<R: Read> Checked<'_, R> {
    fn bytes<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.from.read_exact(&mut bytes).map_err(cut_short)?;
        self.crc = crc32c::crc32c_append(self.crc, &bytes);
        Ok(bytes)
    }

    fn word(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.bytes()?))
    }

    /// A length that what follows is read by; memory is taken as bytes arrive, so a false length costs nothing.
    fn section(&mut self) -> Result<Vec<u8>> {
        let len = self.word()?;
        if len > SECTION_BYTES_MAX {
            return Err(Error::Corrupt("a section is too long"));
        }
        let mut bytes = Vec::new();
        self.from.take(len).read_to_end(&mut bytes)?;
        if bytes.len() as u64 != len {
            return Err(Error::Corrupt("it is cut short"));
        }
        self.crc = crc32c::crc32c_append(self.crc, &bytes);
        Ok(bytes)
    }

    fn floats(&mut self, into: &mut [f32]) -> Result<()> {
        if self.word()? != into.len() as u64 {
            return Err(Error::Corrupt("a part has another size"));
        }
        for value in into {
            *value = f32::from_le_bytes(self.bytes()?);
            if !value.is_finite() {
                return Err(Error::Corrupt("a weight is no number"));
            }
        }
        Ok(())
    }

    fn decoded<T: serde::de::DeserializeOwned>(&mut self) -> Result<T> {
        postcard::from_bytes(&self.section()?).map_err(|_| Error::Corrupt("a section cannot be decoded"))
    }
}

fn cut_short(error: std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => Error::Corrupt("it is cut short"),
        _ => Error::Io(error),
    }
}

impl<W: Write> Sink for Summing<'_, W> {
    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.bytes(bytes)
    }
}

impl<R: Read> Source for Checked<'_, R> {
    fn take(&mut self, into: &mut [u8]) -> Result<()> {
        self.from.read_exact(into).map_err(cut_short)?;
        self.crc = crc32c::crc32c_append(self.crc, into);
        Ok(())
    }
}

/// Which bytes a snapshot was: their checksum, which the changes after it name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(u32);

/// What a snapshot's bytes are.
const WHOLE: u32 = 0;
const CHANGES: u32 = 1;

impl Trainer {
    /// Writes the whole model. Equal models write equal bytes. Errors only when `to` fails. When the bytes are safe, say so:
    /// [`Self::saved`].
    pub fn snapshot(&self, to: &mut impl Write) -> Result<Mark> {
        self.write(to, None)
    }

    /// Writes everything but the rows that did not change since what was [`Self::saved`] last: together with that, and what that is the
    /// changes of, the whole model. Errors when nothing was saved or `to` fails.
    pub fn changes(&self, to: &mut impl Write) -> Result<Mark> {
        self.write(to, Some(self.saved.ok_or(Error::NoBase)?))
    }

    /// The bytes that gave this mark are safe: the next [`Self::changes`] are those after them. Call it before anything else is learned.
    pub fn saved(&mut self, mark: Mark) {
        self.saved = Some(mark);
        self.tables.settle();
    }

    /// The snapshot that [`Self::changes`] would be the changes of.
    pub fn saved_mark(&self) -> Option<Mark> {
        self.saved
    }

    /// Lets go of it: this model is to have snapshots of its own.
    pub fn unsave(&mut self) {
        self.saved = None;
    }

    /// Rows that [`Self::changes`] would write.
    pub fn rows_changed(&self) -> u64 {
        self.tables.rows_touched()
    }

    fn write(&self, to: &mut impl Write, since: Option<Mark>) -> Result<Mark> {
        let mut out = Summing { to, crc: 0 };
        out.bytes(MAGIC)?;
        out.bytes(&VERSION.to_le_bytes())?;
        out.bytes(&since.map_or(WHOLE, |_| CHANGES).to_le_bytes())?;
        out.bytes(&since.map_or(0, |mark| mark.0).to_le_bytes())?;
        out.word(self.config.seed)?;
        for part in self.dense.weights.parts().into_iter().chain(self.dense.squares.parts()) {
            out.floats(part)?;
        }
        for part in self.guard.good.weights.parts().into_iter().chain(self.guard.good.squares.parts()) {
            out.floats(part)?;
        }
        out.encoded(&self.guard.watched)?;
        out.word(self.trace.len as u64)?;
        for part in self.trace.parts() {
            out.floats(part)?;
        }
        out.floats(&self.scale.count)?;
        out.floats(&self.scale.mean)?;
        out.floats(&self.scale.squares)?;
        out.floats(self.ranks.counts.as_flattened())?;
        out.floats(&self.information.mean)?;
        out.encoded(&self.shares.state())?;
        out.encoded(&self.rivals.sorted())?;
        out.encoded(&self.windows)?;
        out.encoded(&self.totals)?;
        out.encoded(&(self.tables.counts, self.measured_ms))?;
        out.encoded(&self.tables.sightings_image())?;
        out.encoded(&self.tables.precision())?;
        self.tables.write(&mut out, since.is_some())?;
        let crc = out.crc;
        out.to.write_all(&crc.to_le_bytes())?;
        Ok(Mark(crc))
    }

    /// The model that [`Self::snapshot`] wrote. Limits and rates are those of `config`; its seed must be the snapshot's, since
    /// the first values of new rows follow from it.
    pub fn restore(config: Config, from: &mut impl Read) -> Result<Self> {
        Self::restore_all(config, [from])
    }

    /// The model that [`Self::snapshot`] wrote and all [`Self::changes`] after it, in their order. Each is checked: one that is damaged,
    /// missing or out of its place is an error, and what is before it can be restored without it.
    pub fn restore_all<R: Read>(config: Config, parts: impl IntoIterator<Item = R>) -> Result<Self> {
        let mut trainer = Self::new(config);
        for mut part in parts {
            trainer.saved = Some(trainer.read(&mut part)?);
        }
        if trainer.saved.is_none() {
            return Err(Error::NoBase);
        }
        trainer.tables.finish()?;
        trainer.give_out();
        Ok(trainer)
    }

    fn read(&mut self, from: &mut impl Read) -> Result<Mark> {
        let mut input = Checked { from, crc: 0 };
        if &input.bytes::<8>()? != MAGIC {
            return Err(Error::Corrupt("it is not a model snapshot"));
        }
        let found = u32::from_le_bytes(input.bytes()?);
        if found != VERSION {
            return Err(Error::Version { found, expected: VERSION });
        }
        let (kind, since) = (u32::from_le_bytes(input.bytes()?), Mark(u32::from_le_bytes(input.bytes()?)));
        match (kind, self.saved) {
            (WHOLE, None) => {}
            (CHANGES, Some(mark)) if mark == since => {}
            _ => return Err(Error::Corrupt("it does not follow on what is before it")),
        }
        if input.word()? != self.config.seed {
            return Err(Error::Corrupt("it was written under another seed"));
        }
        let (mut weights, mut squares) = (Dense::initial(self.config.seed), Dense::initial(self.config.seed));
        for part in weights.parts_mut().into_iter().chain(squares.parts_mut()) {
            input.floats(part)?;
        }
        let (mut good, mut good_squares) = (Dense::initial(self.config.seed), Dense::initial(self.config.seed));
        for part in good.parts_mut().into_iter().chain(good_squares.parts_mut()) {
            input.floats(part)?;
        }
        self.guard = Guard { watched: input.decoded()?, good: Optimised::of(good, good_squares) };
        self.dense = Optimised::of(weights, squares);
        self.trace.len = usize::try_from(input.word()?).ok().filter(|len| *len < BATCH).ok_or(Error::Corrupt("batch"))?;
        for part in self.trace.parts_mut() {
            input.floats(part)?;
        }
        input.floats(&mut self.scale.count)?;
        input.floats(&mut self.scale.mean)?;
        input.floats(&mut self.scale.squares)?;
        self.whitener = self.scale.whitener();
        input.floats(self.ranks.counts.as_flattened_mut())?;
        input.floats(&mut self.information.mean)?;
        self.shares = Shares::restored(input.decoded()?);
        self.rivals = Rivals::restored(input.decoded()?);
        self.windows = input.decoded::<Vec<TaskWindow>>()?;
        if self.windows.len() != TASKS || !self.windows.iter().all(TaskWindow::is_whole) {
            return Err(Error::Corrupt("the metrics have another shape"));
        }
        self.totals = input.decoded::<Totals>()?;
        (self.tables.counts, self.measured_ms) = input.decoded()?;
        if !self.tables.restore_sightings(input.decoded()?) {
            return Err(Error::Corrupt("a sighting is out of range"));
        }
        let stored = input.decoded()?;
        self.tables.read(&mut input, stored, kind == CHANGES)?;
        let expected = input.crc;
        if u32::from_le_bytes(input.bytes()?) != expected {
            return Err(Error::Corrupt("its checksum does not match"));
        }
        Ok(Mark(expected))
    }
}
