//! The model as bytes: everything that decides what is learned next, so that snapshot + rest of the log = the same model.
//!
//! Form: magic, version (u32), then length-prefixed sections in a fixed order, then the CRC-32C of all of it; little-endian.
//! Rows stand in the order of their numbers and maps in the order of their keys, so equal models have equal bytes.

use std::io::{Read, Write};

use crate::config::Config;
use crate::dense::{Dense, Optimised};
use crate::error::{Error, Result};
use crate::guard::Guard;
use crate::limits::Shares;
use crate::math::D;
use crate::metrics::{TaskWindow, Totals};
use crate::rivals::Rivals;
use crate::shape::BATCH;
use crate::table::{ALL_FIELDS, RowImage, TablesWriter};
use crate::task::TASKS;
use crate::trainer::Trainer;
use crate::watch::WatchRanks;

const MAGIC: &[u8; 8] = b"wslearn\0";
/// Raised with every change of the form or of the net's shape.
pub(crate) const VERSION: u32 = 2;
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

const ROW_IMAGE_BYTES: usize = 8 + 2 * D * 4 + 8;
const ROW_FREE: u64 = u64::MAX;

fn encode_row(image: &Option<RowImage>, out: &mut Vec<u8>) {
    let Some(image) = image else {
        out.extend_from_slice(&ROW_FREE.to_le_bytes());
        out.resize(out.len() + ROW_IMAGE_BYTES - 8, 0);
        return;
    };
    out.extend_from_slice(&image.key.to_le_bytes());
    image.weights.iter().for_each(|weight| out.extend_from_slice(&weight.to_le_bytes()));
    image.effects.iter().for_each(|effect| out.extend_from_slice(&effect.to_le_bytes()));
    out.extend_from_slice(&image.optimiser.to_le_bytes());
}

fn decode_row(bytes: &[u8; ROW_IMAGE_BYTES]) -> Result<Option<RowImage>> {
    let (words, _) = bytes.as_chunks::<8>();
    let word = |at: usize| words.get(at).map_or(0, |word| u64::from_le_bytes(*word));
    if word(0) == ROW_FREE {
        return Ok(None);
    }
    let (mut weights, mut effects) = ([0.0; D], [0.0; D]);
    for (number, bytes) in weights.iter_mut().chain(&mut effects).zip(bytes[8..].as_chunks::<4>().0) {
        *number = f32::from_le_bytes(*bytes);
        if !number.is_finite() {
            return Err(Error::Corrupt("a row's weight is no number"));
        }
    }
    Ok(Some(RowImage { key: word(0), weights, effects, optimiser: word(1 + D) }))
}

impl Trainer {
    /// Writes the whole model. Equal models write equal bytes. Errors only when `to` fails.
    pub fn snapshot(&self, to: &mut impl Write) -> Result<()> {
        let mut out = Summing { to, crc: 0 };
        out.bytes(MAGIC)?;
        out.bytes(&VERSION.to_le_bytes())?;
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
        out.encoded(&(self.shares.window, self.shares.sorted()))?;
        out.encoded(&self.rivals.sorted())?;
        out.encoded(&self.windows)?;
        out.encoded(&self.totals)?;
        out.encoded(&(self.tables.refused, self.measured_ms))?;
        for field in ALL_FIELDS {
            let (rows, free) = self.tables.images(field);
            let mut bytes = Vec::with_capacity(rows.len() * ROW_IMAGE_BYTES);
            rows.iter().for_each(|row| encode_row(row, &mut bytes));
            out.word(bytes.len() as u64)?;
            out.bytes(&bytes)?;
            out.encoded(&free)?;
        }
        let crc = out.crc;
        Ok(out.to.write_all(&crc.to_le_bytes())?)
    }

    /// The model that [`Self::snapshot`] wrote. Limits and rates are those of `config`; its seed must be the snapshot's, since
    /// the first values of new rows follow from it.
    pub fn restore(config: Config, from: &mut impl Read) -> Result<Self> {
        let mut input = Checked { from, crc: 0 };
        if &input.bytes::<8>()? != MAGIC {
            return Err(Error::Corrupt("it is not a model snapshot"));
        }
        let found = u32::from_le_bytes(input.bytes()?);
        if found != VERSION {
            return Err(Error::Version { found, expected: VERSION });
        }
        if input.word()? != config.seed {
            return Err(Error::Corrupt("it was written under another seed"));
        }
        let (mut weights, mut squares) = (Dense::initial(config.seed), Dense::initial(config.seed));
        for part in weights.parts_mut().into_iter().chain(squares.parts_mut()) {
            input.floats(part)?;
        }
        let (mut good, mut good_squares) = (Dense::initial(config.seed), Dense::initial(config.seed));
        for part in good.parts_mut().into_iter().chain(good_squares.parts_mut()) {
            input.floats(part)?;
        }
        let tables = TablesWriter::new(config.seed, config.rows_max);
        let mut trainer = Self::assemble(config, tables, Optimised::of(weights, squares));
        trainer.guard = Guard { watched: input.decoded()?, good: Optimised::of(good, good_squares) };
        trainer.trace.len = usize::try_from(input.word()?).ok().filter(|len| *len < BATCH).ok_or(Error::Corrupt("batch"))?;
        for part in trainer.trace.parts_mut() {
            input.floats(part)?;
        }
        input.floats(&mut trainer.scale.count)?;
        input.floats(&mut trainer.scale.mean)?;
        input.floats(&mut trainer.scale.squares)?;
        trainer.whitener = trainer.scale.whitener();
        let mut ranks = WatchRanks::default();
        input.floats(ranks.counts.as_flattened_mut())?;
        trainer.ranks = ranks;
        input.floats(&mut trainer.information.mean)?;
        let (window, used): (i64, Vec<(u64, f32)>) = input.decoded()?;
        trainer.shares = Shares { window, used: used.into_iter().collect() };
        trainer.rivals = Rivals::restored(input.decoded()?);
        trainer.windows = input.decoded::<Vec<TaskWindow>>()?;
        if trainer.windows.len() != TASKS || !trainer.windows.iter().all(TaskWindow::is_whole) {
            return Err(Error::Corrupt("the metrics have another shape"));
        }
        trainer.totals = input.decoded::<Totals>()?;
        let (refused, measured_ms) = input.decoded()?;
        (trainer.tables.refused, trainer.measured_ms) = (refused, measured_ms);
        for field in ALL_FIELDS {
            let bytes = input.section()?;
            let (rows, rest) = bytes.as_chunks::<ROW_IMAGE_BYTES>();
            if !rest.is_empty() {
                return Err(Error::Corrupt("a row is cut"));
            }
            let rows = rows.iter().map(decode_row).collect::<Result<Vec<_>>>()?;
            let free: Vec<u32> = input.decoded()?;
            if !trainer.tables.restore(field, &rows, free) {
                return Err(Error::Corrupt("rows and free rows contradict each other"));
            }
        }
        let expected = input.crc;
        if u32::from_le_bytes(input.bytes()?) != expected {
            return Err(Error::Corrupt("its checksum does not match"));
        }
        trainer.give_out();
        Ok(trainer)
    }
}
