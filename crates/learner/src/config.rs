//! The trainer's limits and rates.

use serde::{Deserialize, Serialize};

use crate::table::{FIELDS, Precision};

/// A number per field of the tables.
macro_rules! per_field {
    ($(#[$meta:meta])* $name:ident: $ty:ty, $default:expr, $($field:ident = $value:expr),*) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            pub viewer: $ty,
            pub video: $ty,
            pub creator: $ty,
            pub sound: $ty,
            pub hashtag: $ty,
            pub word: $ty,
            /// Circumstances and buckets.
            pub context: $ty,
            /// What a viewer does on one tab.
            pub habit: $ty,
        }

        impl Default for $name {
            fn default() -> Self {
                let even: $ty = $default;
                #[allow(clippy::needless_update)]
                Self { $($field: $value,)* ..Self::of(even) }
            }
        }

        impl $name {
            /// The same for every field.
            pub const fn of(all: $ty) -> Self {
                Self { viewer: all, video: all, creator: all, sound: all, hashtag: all, word: all, context: all, habit: all }
            }

            /// In the order of the tables' fields; a tower's number is its video's.
            pub(crate) const fn all(&self) -> [$ty; FIELDS] {
                [self.viewer, self.video, self.creator, self.sound, self.hashtag, self.word, self.context, self.habit, self.video]
            }
        }
    };
}

per_field! {
    /// How often an id must be sighted within the window before it gets a row; 0 and 1: at once, at most 255. A word's is 2: half of them
    /// never come again.
    Sightings: u8, 1, word = 2
}
per_field! {
    /// Days after which a row that nobody met goes; 0: as the caller of [`crate::Trainer::expire`] says. Context rows stay.
    IdleDays: u32, 0,
}
per_field! {
    /// Rows that are expected: the index is made for so many from the start and need not grow. Memory is taken as rows come.
    RowsExpected: u32, 0,
}

/// Every limit of the learner. The defaults are those that the tests and the benchmark use.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Decides the first weights; two learners of one seed that saw the same are the same.
    pub seed: u64,
    /// Threads that learn. With more than one, what is learned depends on who comes first, and a log learned again makes a model that
    /// is as good and not the same.
    pub threads: usize,
    /// Rows of all fields together; a new id beyond it gets none (counted) until rows that nobody met again make room.
    pub rows_max: u64,
    /// How rows hold their vectors.
    pub precision: Precision,
    /// Sightings that an id needs before it gets a row, per field.
    pub sightings: Sightings,
    /// The window of the sightings, seconds; a sighting counts for half of it at the least and all of it at the most.
    pub sightings_window_s: u64,
    /// Bytes of the sketch that sightings are counted in, held to a power of two up to 2 GiB.
    pub sketch_bytes: usize,
    /// Days until an idle row goes, per field.
    pub idle_days: IdleDays,
    /// Rows that the tables are prepared for, per field.
    pub rows_expected: RowsExpected,
    /// Step of the embedding rows (row-wise Adagrad).
    pub row_step: f32,
    /// Step of the dense weights (Adagrad).
    pub dense_step: f32,
    /// The largest weight of an example.
    pub weight_max: f32,
    /// The largest norm of the gradient at one hidden layer or row.
    pub gradient_norm_max: f32,
    /// A viewer's examples count at most this weight together per window.
    pub viewer_weight_max: f32,
    /// Length of that window, milliseconds.
    pub viewer_window_ms: i64,
    /// The examples of all viewers of one origin (a network, see [`crate::Trainer::viewer_comes_from`]) count at most this weight together
    /// per window: about fifty people who watch without a pause, or one who comes as any number.
    pub origin_weight_max: f32,
    /// Length of that window, milliseconds.
    pub origin_window_ms: i64,
    /// Viewers, and origins, whose share is tracked in one window; beyond it new ones are not held to a share.
    pub viewers_tracked_max: usize,
    /// Viewers whose last impressions are remembered for the pairwise loss, about 200 bytes each.
    pub rivals_viewers_max: usize,
    /// At most one point of the metrics' time series per this long.
    pub metrics_every_ms: i64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: 1,
            threads: 1,
            rows_max: 20_000_000,
            precision: Precision::F32,
            sightings: Sightings::default(),
            sightings_window_s: 7 * 86_400,
            sketch_bytes: 4 << 20,
            idle_days: IdleDays::default(),
            rows_expected: RowsExpected::default(),
            row_step: 0.07,
            dense_step: 0.04,
            weight_max: 10.0,
            gradient_norm_max: 4.0,
            viewer_weight_max: 600.0,
            viewer_window_ms: 10 * 60_000,
            origin_weight_max: 6_000.0,
            origin_window_ms: 10 * 60_000,
            viewers_tracked_max: 1_000_000,
            rivals_viewers_max: 200_000,
            metrics_every_ms: 5_000,
        }
    }
}
