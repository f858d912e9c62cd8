//! Values of one statement.

use sqlx::{
    Arguments as _,
    any::{Any, AnyArguments},
};

/// Values for the placeholders of one statement, in order. Made with
/// [`params!`](crate::params).
#[derive(Default)]
pub struct Params {
    arguments: AnyArguments,
    fault: Option<sqlx::error::BoxDynError>,
}

impl Params {
    /// No values.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With one value more.
    #[must_use]
    pub fn and<'v>(mut self, value: impl sqlx::Encode<'v, Any> + sqlx::Type<Any>) -> Self {
        if let Err(fault) = self.arguments.add(value) {
            self.fault.get_or_insert(fault);
        }
        self
    }

    pub(super) fn into_arguments(self) -> Result<AnyArguments, sqlx::Error> {
        match self.fault {
            Some(fault) => Err(sqlx::Error::Encode(fault)),
            None => Ok(self.arguments),
        }
    }
}

/// The values of a statement: `params![id, now, Some("text")]`. Text, `i64`,
/// [`Tid`](crate::tid::Tid) and `Option` of them are what both databases know
/// alike; a boolean is an `i64`.
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        $crate::store::Params::new()$(.and($value))*
    };
}
