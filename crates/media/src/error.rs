//! What can go wrong, by what the caller does next.

use crate::Refusal;

/// Why a step on a file did not end well.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is at fault: tell the creator, do not try again.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A program is not on this machine: tell the operator. Trying again helps after it was installed.
    #[error("{tool} cannot be started on this machine ({reason}); on Debian: apt-get install {package}")]
    ToolMissing { tool: String, package: &'static str, reason: String },
    /// The work took longer than it may: the machine is loaded, or the file costs more than it promised. Try again a bounded
    /// number of times, then refuse with [`Refusal::TimedOut`].
    #[error("{step} took longer than its limit")]
    Overtime { step: &'static str },
    /// The tool ended in a way that is not known to be the file's fault. Try again a bounded number of times. The detail is
    /// for the log, never for the client.
    #[error("{step} failed: {detail}")]
    Tool { step: &'static str, detail: String },
    /// The disk, or the folder that was given.
    #[error("media file access failed: {0}")]
    Io(#[from] std::io::Error),
}

impl Error {
    /// The refusal that a creator sees, when the file is at fault.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// True when the same work on the same file may end well later.
    pub fn may_retry(&self) -> bool {
        !matches!(self, Self::Refused(_))
    }
}
