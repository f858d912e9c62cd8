//! Small values as one column each: JSON, with enums of the contracts as their
//! numbers.

use samspor_chassis::error::Error;
use serde::{Serialize, de::DeserializeOwned};

/// The text of a column.
pub(crate) fn skriv<T: Serialize + ?Sized>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value).map_err(Error::internal)
}

/// The value of a column.
pub(crate) fn les<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(Error::internal)
}
