//! The tables by themselves, against a plain map.

use std::collections::BTreeMap;

use base::Rng;

use super::*;
use crate::config::{Config, IdleDays, RowsExpected, Sightings};
use crate::error::Result;

#[test]
fn a_row_costs_what_the_documentation_says() {
    assert_eq!((ROW_BYTES, Precision::F16.row_bytes(), SLOT_BYTES), (144, 112, 8));
    for (precision, row_bytes) in [(Precision::F32, 144.0), (Precision::F16, 112.0)] {
        let config = Config { precision, sketch_bytes: 128, ..Config::default() };
        let mut tables = TablesWriter::new(&config);
        let empty = tables.bytes() as f64;
        for key in 0..150_000u64 {
            tables.find_or_insert(Field::Viewer, key, 1);
            let rows = key as f64 + 1.0;
            let growing = tables.view.fields[Field::Viewer as usize].older.is_some();
            if key % 1_000 == 999 && key > 10_000 && !growing {
                let per_row = (tables.bytes() as f64 - empty) / rows;
                assert!((row_bytes + 10.5..row_bytes + 23.2).contains(&per_row), "{rows} rows: {per_row}");
            }
        }
    }
}

#[test]
fn an_expected_number_of_rows_needs_no_further_index() {
    let config = Config { rows_expected: RowsExpected { video: 50_000, ..Default::default() }, ..Config::default() };
    let mut tables = TablesWriter::new(&config);
    let slots = |tables: &TablesWriter| tables.view.fields[Field::Video as usize].index.slots();
    let before = slots(&tables);
    (0..50_000).for_each(|key| assert!(tables.find_or_insert(Field::Video, key, 1).is_some()));
    assert_eq!(slots(&tables), before);
}

/// Where each key of a plain map should be found, and no other.
#[test]
fn rows_come_and_go_as_in_a_plain_map() {
    let (mut tables, mut rng) = (TablesWriter::new(&Config::default()), Rng::from_seed(1));
    let mut model: BTreeMap<u64, u32> = BTreeMap::new();
    let mut grew = 0;
    for step in 0..60_000u64 {
        let key = rng.below(8_000 + step as usize) as u64;
        grew += u32::from(tables.view.fields[Field::Video as usize].older.is_some());
        // Times of growth, and times of decline.
        if rng.chance(if (step / 10_000) % 2 == 0 { 0.8 } else { 0.4 }) {
            let (row, new) = tables.find_or_insert(Field::Video, key, 1).unwrap();
            assert_eq!(
                new,
                model.get(&key).is_none_or(|known| {
                    assert_eq!(*known, row);
                    false
                })
            );
            model.insert(key, row);
        } else {
            assert_eq!(tables.remove(Field::Video, key), model.remove(&key).is_some());
        }
        if step % 5_000 == 0 {
            for key in 0..70_000 {
                assert_eq!(tables.view().find(Field::Video, key), model.get(&key).copied(), "{key} at {step}");
            }
        }
    }
    assert!(grew > 100, "an index was filled from another meanwhile");
    assert_eq!(tables.rows(), model.len() as u64);
    let mut rows: Vec<u32> = model.into_values().collect();
    rows.sort_unstable();
    rows.dedup();
    assert_eq!(tables.rows(), rows.len() as u64, "no two keys have one row");
}

#[test]
fn a_row_is_made_at_the_last_sighting_that_it_needs() {
    let sightings = Sightings { word: 3, hashtag: 0, ..Sightings::of(1) };
    let mut tables = TablesWriter::new(&Config { sightings, sightings_window_s: 1_000, ..Config::default() });
    let mut made = |field, key, now_s| tables.find_or_insert(field, key, now_s).is_some();
    assert!(made(Field::Hashtag, 1, 0) && made(Field::Video, 1, 0));
    assert_eq!(
        [(7, 10), (8, 20), (7, 600), (8, 990), (7, 999)].map(|(key, s)| made(Field::Word, key, s)),
        [false, false, false, false, true]
    );
    assert!(made(Field::Word, 7, 99_000), "once there it stays");
    assert!(!made(Field::Word, 8, 99_000), "sightings of long ago do not count");
    assert_eq!((tables.counts.admitted, tables.counts.waiting), (3, 5));
    let first = tables.view().vector(Field::Word, 8, None);
    assert_eq!([(); 2].map(|()| tables.find_or_insert(Field::Word, 8, 99_001).is_some()), [false, true]);
    let row = tables.view().find(Field::Word, 8);
    assert!(row.is_some() && tables.view().vector(Field::Word, 8, row) == first, "the row changes no prediction");
}

#[test]
fn idle_rows_go_by_their_fields_days() {
    let idle_days = IdleDays { word: 2, ..IdleDays::default() };
    let mut tables = TablesWriter::new(&Config { idle_days, sightings: Sightings::of(1), ..Config::default() });
    let day = 86_400;
    for field in ALL_FIELDS {
        for key in 0..10 {
            tables.find_or_insert(field, key, key as u32 * day);
        }
    }
    assert_eq!(tables.expire(9 * day, 5, 3), 3, "no more than asked for");
    tables.expire(9 * day, 5, usize::MAX);
    let left = |field| (0..10).filter(|key| tables.view().find(field, *key).is_some()).count();
    assert_eq!((left(Field::Video), left(Field::Word), left(Field::Context)), (6, 3, 10));
    assert_eq!(tables.counts.expired, 7 + 7 * 4);
}

#[test]
fn halves_learn_what_singles_learn_and_the_same_every_time() {
    let train = |precision, order: u64| {
        let mut tables = TablesWriter::new(&Config { precision, ..Config::default() });
        let (row, _) = tables.find_or_insert(Field::Video, 7 + order, 1).unwrap();
        for step in 0..4_000u32 {
            // Steps far smaller than the gap between two halves.
            let gradient = std::array::from_fn(|lane| if lane % 2 == 0 { -1e-3 } else { 1e-3 });
            assert!(tables.view().update(Field::Video, row, &gradient, 0.002, 4.0, step));
        }
        let row = tables.view().row(Field::Video, row).unwrap();
        row.weights()
    };
    let (wide, half) = (train(Precision::F32, 0), train(Precision::F16, 0));
    for lane in 0..D {
        assert!((wide[lane] - half[lane]).abs() < 0.01 && wide[lane].abs() > 0.1, "{lane}: {} {}", wide[lane], half[lane]);
    }
    assert_eq!(half.map(f32::to_bits), train(Precision::F16, 0).map(f32::to_bits));
    assert_ne!(half, train(Precision::F16, 1));
}

struct Bytes<'a>(&'a [u8]);

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.extend_from_slice(bytes);
        Ok(())
    }
}

impl Source for Bytes<'_> {
    fn take(&mut self, into: &mut [u8]) -> Result<()> {
        let (head, rest) = self.0.split_at_checked(into.len()).ok_or(crate::Error::Corrupt("cut"))?;
        into.copy_from_slice(head);
        self.0 = rest;
        Ok(())
    }
}

fn written(tables: &TablesWriter, changes_only: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    tables.write(&mut bytes, changes_only).unwrap();
    bytes
}

#[test]
fn whole_and_changes_give_the_same_tables() {
    for precision in [Precision::F32, Precision::F16] {
        let config = Config { precision, ..Config::default() };
        let (mut tables, mut rng) = (TablesWriter::new(&config), Rng::from_seed(2));
        let mut parts = Vec::new();
        for round in 0..5 {
            for _ in 0..if round == 0 { 9_000 } else { 400 } {
                let key = rng.below(9_000) as u64;
                if rng.chance(0.6) {
                    let (row, _) = tables.find_or_insert(Field::Creator, key, round).unwrap();
                    tables.view().update(Field::Creator, row, &[0.1; D], 0.1, 4.0, round);
                } else {
                    tables.remove(Field::Creator, key);
                }
            }
            parts.push(written(&tables, round > 0));
            tables.settle();
            assert_eq!(tables.rows_touched(), 0);
            let mut again = TablesWriter::new(&config);
            for (at, part) in parts.iter().enumerate() {
                let mut from = Bytes(part);
                again.read(&mut from, precision, at > 0).unwrap();
                assert!(from.0.is_empty());
            }
            again.finish().unwrap();
            assert!(written(&again, false) == written(&tables, false), "round {round}");
            for key in 0..9_000 {
                assert_eq!(again.view().find(Field::Creator, key), tables.view().find(Field::Creator, key));
            }
        }
        assert!(parts[4].len() < parts[0].len() / 4, "what did not change is not written again");
    }
}

#[test]
fn rows_of_the_other_precision_are_rounded() {
    let mut wide = TablesWriter::new(&Config::default());
    for key in 0..100 {
        let (row, _) = wide.find_or_insert(Field::Sound, key, 3).unwrap();
        wide.view().update(Field::Sound, row, &[0.013; D], 0.1, 4.0, 5);
    }
    let mut half = TablesWriter::new(&Config { precision: Precision::F16, ..Config::default() });
    half.read(&mut Bytes(&written(&wide, false)), Precision::F32, false).unwrap();
    half.finish().unwrap();
    let vector = |tables: &TablesWriter| tables.view().vector(Field::Sound, 9, tables.view().find(Field::Sound, 9));
    assert_eq!(vector(&half), Precision::F16.held(&vector(&wide)));
    let mut back = TablesWriter::new(&Config::default());
    back.read(&mut Bytes(&written(&half, false)), Precision::F16, false).unwrap();
    back.finish().unwrap();
    assert_eq!(vector(&back), vector(&half));
}

#[test]
fn what_contradicts_itself_is_refused() {
    let mut tables = TablesWriter::new(&Config::default());
    (0..4).for_each(|key| assert!(tables.find_or_insert(Field::Viewer, key, 1).is_some()));
    tables.remove(Field::Viewer, 2);
    let good = written(&tables, false);
    let read = |bytes: &[u8]| {
        let mut again = TablesWriter::new(&Config::default());
        again.read(&mut Bytes(bytes), Precision::F32, false)?;
        again.finish()
    };
    read(&good).unwrap();
    let change = |at: usize, to: u8| {
        let mut bad = good.clone();
        assert_ne!(std::mem::replace(&mut bad[at], to), to);
        assert!(read(&bad).is_err(), "byte {at} as {to}");
    };
    // Viewers come first: their number, then rows whose first byte is the key plus one.
    change(0, 5);
    change(7, 255);
    change(8 + ROW_BYTES, 1);
    change(8 + 2 * ROW_BYTES, 9);
    change(8 + 4 * ROW_BYTES, 1);
    change(8 + 4 * ROW_BYTES + 16, 1);
    let mut bad = good.clone();
    bad[8 + ROW_BYTES + 8 + 72..][..4].copy_from_slice(&f32::NAN.to_le_bytes());
    assert!(read(&bad).is_err());
}
