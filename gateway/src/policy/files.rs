//! Where the policy's files come from.

use std::path::PathBuf;

/// Where to read the policy from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicySource {
    /// Municipality: `karmoy` reads `kommuner/karmoy.toml`.
    pub kommune: String,
    /// Directory with `policies/` and `kommuner/` that replaces all embedded
    /// files; none: the embedded ones.
    pub katalog: Option<PathBuf>,
}

impl PolicySource {
    /// The files that came with the program.
    #[must_use]
    pub fn embedded(kommune: &str) -> Self {
        Self {
            kommune: kommune.to_owned(),
            katalog: None,
        }
    }
}

/// A fault in a file of the policy. Prints as one line: `file:line: fault`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {fault}")]
pub struct LoadError {
    /// File, relative to the source.
    pub file: String,
    /// Line from 1; 0 when the fault is the file as a whole.
    pub line: usize,
    /// What is wrong and what would be right.
    pub fault: String,
}
