//! Rows for what an example names, made where they are missing: the one thing in learning that only one thread does.

use crate::example::Example;
use crate::features::{ContentCode, VideoFeatures};
use crate::forward::{CandidateRows, age_key, age_ms, duration_key};
use crate::scale::{ContentScale, Whitener};
use crate::side::ViewerRows;
use crate::table::{Field, TablesWriter};

pub(crate) struct Intake<'a> {
    pub tables: &'a mut TablesWriter,
    pub scale: &'a mut ContentScale,
    pub whitener: &'a mut Whitener,
}

impl Intake<'_> {
    pub fn row(&mut self, field: Field, key: u64, now_s: u32) -> Option<u32> {
        self.tables.find_or_insert(field, key, now_s).map(|(row, _)| row)
    }

    /// Everything but the row of having seen the video before, which follows from the weighed history.
    pub fn example(&mut self, example: &Example, now_s: u32) -> (ViewerRows, CandidateRows) {
        let viewer = ViewerRows::with(&example.viewer, |field, key| self.row(field, key, now_s));
        let mut rows = self.video(&example.video, now_s);
        rows.age = self.row(Field::Context, age_key(age_ms(example.at_ms, &example.video)), now_s);
        if rows.video.is_some() {
            rows.tower = self.row(Field::Tower, example.video.video, now_s);
        }
        (viewer, rows)
    }

    /// Rows for everything in a video but its age.
    pub fn video(&mut self, video: &VideoFeatures, now_s: u32) -> CandidateRows {
        let found = self.tables.find_or_insert(Field::Video, video.video, now_s);
        if let Some((_, true)) = found {
            self.scale.observe(&ContentCode::of(&video.content));
            *self.whitener = self.scale.whitener();
        }
        let mut rows = CandidateRows { video: found.map(|(row, _)| row), ..CandidateRows::default() };
        rows.creator = self.row(Field::Creator, video.creator, now_s);
        if video.sound != 0 {
            rows.sound = self.row(Field::Sound, video.sound, now_s);
        }
        self.each(Field::Hashtag, &video.hashtags, now_s, &mut rows.hashtags);
        self.each(Field::Word, &video.words, now_s, &mut rows.words);
        rows.duration = self.row(Field::Context, duration_key(video.duration_ms), now_s);
        rows
    }

    /// Rows for what a video has several of; one that stands there twice is one sighting.
    fn each(&mut self, field: Field, keys: &[u64], now_s: u32, rows: &mut [Option<u32>]) {
        for (at, (row, key)) in rows.iter_mut().zip(keys).enumerate() {
            let before = keys.get(..at).unwrap_or_default();
            *row = if before.contains(key) { self.tables.view().find(field, *key) } else { self.row(field, *key, now_s) };
        }
    }
}
