use std::path::{Path, PathBuf};

pub type Result<T> = std::result::Result<T, Error>;

/// Why a log cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{}: {what}", path.display())]
    Csv { path: PathBuf, what: String },
    #[error("{}, line {line}: {what}", path.display())]
    Row { path: PathBuf, line: u64, what: String },
    #[error("{}: {what}", path.display())]
    Mapping { path: PathBuf, what: String },
    #[error("{}: there are no rows", path.display())]
    Empty { path: PathBuf },
}

impl Error {
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        |source| Self::Io { path: path.to_owned(), source }
    }
}
