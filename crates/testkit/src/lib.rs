//! For tests only: where reference data lies, and the check that holds the crates in their layers (`tests/layers.rs`).

use std::path::{Path, PathBuf};

/// A folder of reference data (real clips, hash vectors), which lies beside the checkout in `shared/data` and is never
/// committed. `None` where the checkout stands alone: tests then use what they make themselves.
pub fn shared_data(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    folder.is_dir().then_some(folder)
}
