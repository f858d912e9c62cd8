//! What nothing queries, as a JSON document in one TEXT column.

use serde::{Serialize, de::DeserializeOwned};

use crate::{error::Error, page::Page};

/// Reads a stored document.
///
/// # Errors
/// A defect, where the text is not what was written.
pub fn les<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    // The cause would quote the document.
    serde_json::from_str(text).map_err(|_| Error::internal("a stored document cannot be read"))
}

/// Writes a document.
///
/// # Errors
/// A defect, where the value has no JSON.
pub fn skriv<T: Serialize>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|_| Error::internal("a document cannot be written"))
}

/// A stored state that this version does not know.
#[must_use]
pub fn ukjent_tilstand() -> Error {
    Error::internal("a stored state is not known")
}

/// The key below which a page begins in a list from the newest id down. Ids
/// are lower-case UUIDs, so `z` is above all of them.
#[must_use]
pub fn nyeste(page: &Page) -> &str {
    page.after().unwrap_or("z")
}
