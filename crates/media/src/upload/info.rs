//! What is known of an upload, as a small file beside the bytes; and how both are found again.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use base::{AccountId, Timestamp, UploadId, VideoId};
use serde::{Deserialize, Serialize};

use super::Metadata;

/// The layout of the description. A file of another version is left alone and not taken up.
pub(super) const VERSION: u32 = 1;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Info {
    pub version: u32,
    pub owner: AccountId,
    pub length: u64,
    pub metadata: Metadata,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub note: Option<String>,
    pub claimed_by: Option<VideoId>,
    pub refused: bool,
}

pub(super) fn data_path(dir: &Path, id: UploadId) -> PathBuf {
    dir.join(format!("{id}.bytes"))
}

fn info_path(dir: &Path, id: UploadId) -> PathBuf {
    dir.join(format!("{id}.json"))
}

/// Replaces the description in one step and makes it durable.
pub(super) fn save(dir: &Path, id: UploadId, info: &Info) -> io::Result<()> {
    let temporary = dir.join(format!("{id}.new"));
    let mut file = std::fs::File::create(&temporary)?;
    file.write_all(&serde_json::to_vec(info)?)?;
    file.sync_all()?;
    std::fs::rename(&temporary, info_path(dir, id))?;
    std::fs::File::open(dir)?.sync_all()
}

/// Deletes both files. The description goes first: bytes without one are swept away at the next start.
pub(super) fn delete(dir: &Path, id: UploadId) -> io::Result<()> {
    remove_file(&info_path(dir, id))?;
    remove_file(&data_path(dir, id))
}

/// Deletes a file; no error when it is gone already.
pub(super) fn remove_file(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// Finds the uploads of a folder and how many bytes of each are on disk; deletes what belongs to none.
pub(super) fn recover(dir: &Path) -> io::Result<Vec<(UploadId, Info, u64)>> {
    std::fs::create_dir_all(dir)?;
    let mut found = Vec::new();
    let mut strays = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let id = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse::<UploadId>().ok());
        let (Some(id), Some(extension)) = (id, path.extension().and_then(|e| e.to_str())) else { continue };
        match extension {
            "json" => {
                let info = std::fs::read(&path).and_then(|bytes| Ok(serde_json::from_slice::<Info>(&bytes)?));
                match (info, length_on_disk(&data_path(dir, id))) {
                    (Ok(info), _) if info.version != VERSION => {}
                    (Ok(info), _) if info.refused => {
                        let length = info.length;
                        found.push((id, info, length));
                    }
                    (Ok(info), Ok(length)) if length <= info.length => found.push((id, info, length)),
                    _ => strays.push(id),
                }
            }
            "bytes" if !info_path(dir, id).exists() => strays.push(id),
            "new" => remove_file(&path)?,
            _ => {}
        }
    }
    for id in strays {
        delete(dir, id)?;
    }
    Ok(found)
}

/// The length of the bytes, after what the operating system still held of them is on disk too.
fn length_on_disk(path: &Path) -> io::Result<u64> {
    let file = std::fs::File::open(path)?;
    file.sync_all()?;
    Ok(file.metadata()?.len())
}
