//! What nobody else may read: made at the first start, kept in the data folder.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use accounts::ViewerKey;

const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// Makes a folder that only this user may enter, and those above it.
pub fn private_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder)
}

/// The key that signs anonymous viewers' cookies: read, or made and written at the first start.
pub fn viewer_key(folder: &Path) -> io::Result<ViewerKey> {
    private_folder(folder)?;
    let path = folder.join("viewer.key");
    if path.exists() {
        let bytes = fs::read(&path)?;
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, format!("{} is not a key of 32 bytes", path.display()));
        return bytes.try_into().map(ViewerKey::from_bytes).map_err(|_| damaged());
    }
    let key = ViewerKey::generate().map_err(io::Error::other)?;
    let temporary = folder.join("viewer.key.tmp");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(FILE_MODE).open(&temporary)?;
    file.write_all(&key.to_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, &path)?;
    File::open(folder)?.sync_all()?;
    Ok(key)
}

/// A seed that differs at every start, from the operating system.
pub fn seed_from_system() -> io::Result<u64> {
    let mut bytes = [0; 8];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_key_is_kept_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("secrets");
        let first = viewer_key(&folder).unwrap().to_bytes();
        assert_eq!(viewer_key(&folder).unwrap().to_bytes(), first);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&folder.join("viewer.key"))), (FOLDER_MODE, FILE_MODE));
        fs::write(folder.join("viewer.key"), b"short").unwrap();
        assert!(viewer_key(&folder).is_err());
    }
}
