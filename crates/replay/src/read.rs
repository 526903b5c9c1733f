//! Files as they are: plain or zstd, told apart by their first bytes.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use crate::{Error, Result};

const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// `dir/name`, or `dir/name.zst` when only that is there.
pub(crate) fn either(dir: &Path, name: &str) -> PathBuf {
    let plain = dir.join(name);
    if plain.exists() { plain } else { dir.join(format!("{name}.zst")) }
}

pub(crate) fn open(path: &Path) -> Result<Box<dyn BufRead>> {
    let mut file = BufReader::new(File::open(path).map_err(Error::io(path))?);
    if file.fill_buf().map_err(Error::io(path))?.starts_with(&ZSTD_MAGIC) {
        let wrong = |error: &dyn std::fmt::Display| Error::Csv { path: path.to_owned(), what: format!("not zstd: {error}") };
        let stream = ruzstd::decoding::StreamingDecoder::new(file).map_err(|error| wrong(&error))?;
        return Ok(Box::new(BufReader::with_capacity(1 << 16, stream)));
    }
    Ok(Box::new(file))
}

/// A CSV file with named columns.
pub(crate) struct Table {
    path: PathBuf,
    reader: csv::Reader<Box<dyn BufRead>>,
    headers: csv::StringRecord,
    record: csv::StringRecord,
}

impl Table {
    pub fn open(path: &Path) -> Result<Self> {
        let mut reader = csv::Reader::from_reader(open(path)?);
        let headers = reader.headers().map_err(|error| Error::Csv { path: path.to_owned(), what: error.to_string() })?.clone();
        Ok(Self { path: path.to_owned(), reader, headers, record: csv::StringRecord::new() })
    }

    /// The place of a column.
    pub fn column(&self, name: &str) -> Result<usize> {
        self.headers.iter().position(|header| header.trim() == name).ok_or_else(|| Error::Csv {
            path: self.path.clone(),
            what: format!("there is no column {name:?}; there are: {}", self.headers.iter().collect::<Vec<_>>().join(", ")),
        })
    }

    pub fn columns<const N: usize>(&self, names: [&str; N]) -> Result<[usize; N]> {
        let mut places = [0; N];
        for (place, name) in places.iter_mut().zip(names) {
            *place = self.column(name)?;
        }
        Ok(places)
    }

    /// Goes to the next row; false at the end.
    pub fn advance(&mut self) -> Result<bool> {
        self.reader
            .read_record(&mut self.record)
            .map_err(|error| Error::Csv { path: self.path.clone(), what: error.to_string() })
    }

    pub fn text(&self, column: usize) -> &str {
        self.record.get(column).unwrap_or("").trim()
    }

    /// A hash of the whole row, to know it again.
    pub fn fingerprint(&self) -> u64 {
        learner::feature_hash(self.record.as_slice()) ^ (self.record.len() as u64)
    }

    /// A number; some tools write whole numbers as `1.0`.
    pub fn number(&self, column: usize) -> Result<f64> {
        let text = self.text(column);
        text.parse().map_err(|_| self.wrong(format!("{:?} is not a number: {text:?}", self.headers.get(column).unwrap_or(""))))
    }

    pub fn whole(&self, column: usize) -> Result<i64> {
        self.number(column).map(|number| number as i64)
    }

    pub fn flag(&self, column: usize) -> Result<bool> {
        match self.text(column) {
            "1" | "1.0" | "true" | "True" => Ok(true),
            "0" | "0.0" | "false" | "False" | "" => Ok(false),
            other => Err(self.wrong(format!("{:?} is neither 0 nor 1: {other:?}", self.headers.get(column).unwrap_or("")))),
        }
    }

    pub fn wrong(&self, what: String) -> Error {
        let line = self.record.position().map_or(0, csv::Position::line);
        Error::Row { path: self.path.clone(), line, what }
    }
}

/// Days since 1970-01-01 of a date `YYYY-MM-DD` (Gregorian); `None` when it is none.
pub(crate) fn days(date: &str) -> Option<i64> {
    let mut parts = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years begin in March, so that the leap day ends one (Hinnant, "chrono-compatible low-level date algorithms").
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        fn check(date: &str, expected: Option<i64>) {
            assert_eq!(days(date), expected, "{date}");
        }
        check("1970-01-01", Some(0));
        check("2022-04-10", Some(19_092));
        check("2000-02-29", Some(11_016));
        check("2022-13-01", None);
        check("yesterday", None);
    }

    #[test]
    fn columns_and_rows_that_are_wrong_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.csv");
        std::fs::write(&path, "a,b\n1,x\n2.0,1\n").unwrap();
        let mut table = Table::open(&path).unwrap();
        assert!(table.column("c").unwrap_err().to_string().contains("there are: a, b"));
        let [a, b] = table.columns(["a", "b"]).unwrap();
        assert!(table.advance().unwrap());
        assert!(table.flag(b).unwrap_err().to_string().contains("line 2"));
        assert!(table.advance().unwrap());
        assert_eq!((table.whole(a).unwrap(), table.flag(b).unwrap(), table.advance().unwrap()), (2, true, false));
        assert!(open(&dir.path().join("none")).is_err());
    }
}
