//! What a handler answers when it does not answer: a refusal that the caller
//! can act on, storage that cannot take it now, or a defect.
//!
//! The mapping to a gRPC status is elsewhere (`status`); nothing here is sent
//! as it stands.

use std::{borrow::Cow, collections::BTreeMap, fmt, ops::Range, panic::Location};

use samspor_proto::felles::Feilgrunn;

/// Why a call was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller was refused, with a reason of the contract.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The database failed. Where [`Error::is_unavailable`] holds, the caller
    /// may repeat; otherwise it is a defect.
    #[error("storage failed")]
    Storage(#[source] sqlx::Error),
    /// A defect. Logged once, by the place where it was found; never sent.
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// A defect. The log tells where this was called and never the text, which
    /// is for tests and debuggers.
    #[track_caller]
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(Box::new(Placed {
            place: Location::caller(),
            cause: cause.into(),
        }))
    }

    /// Where a defect was found, when it was made by [`Error::internal`].
    #[must_use]
    pub fn place(&self) -> Option<&'static Location<'static>> {
        let Self::Internal(cause) = self else {
            return None;
        };
        cause.downcast_ref().map(|placed: &Placed| placed.place)
    }

    /// Whether storage cannot take the call now though nothing is wrong with
    /// the call: locked, full, closed, unreachable, or in conflict with a
    /// concurrent transaction. Nothing was stored. Answered as
    /// LAGER_UTILGJENGELIG.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        let Self::Storage(cause) = self else {
            return false;
        };
        match cause {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed => true,
            sqlx::Error::Database(cause) => cause.code().is_some_and(|code| is_transient(&code)),
            _ => false,
        }
    }

    /// Whether a unique index or primary key refused the statement. The
    /// transaction is lost (on PostgreSQL by the server, on SQLite by the
    /// chassis); where the handler must go on, use `ON CONFLICT DO NOTHING`
    /// and look at the affected rows.
    #[must_use]
    pub fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Storage(sqlx::Error::Database(cause)) if cause.is_unique_violation())
    }

    /// `refusal` where a unique index refused, else the error as it is.
    #[must_use]
    pub fn or_if_taken(self, refusal: impl FnOnce() -> Refusal) -> Self {
        if self.is_unique_violation() {
            Self::Refused(refusal())
        } else {
            self
        }
    }

    /// A word for the log: which kind of failure, and nothing of its text.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.grunn.as_str_name(),
            Self::Storage(_) if self.is_unavailable() => "storage_unavailable",
            Self::Storage(_) => "storage",
            Self::Internal(_) => "internal",
        }
    }

    /// The refusal, where it is one.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::Storage(_) | Self::Internal(_) => None,
        }
    }
}

/// A cause with the place where it was found.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
struct Placed {
    place: &'static Location<'static>,
    cause: Box<dyn std::error::Error + Send + Sync>,
}

impl From<sqlx::Error> for Error {
    fn from(cause: sqlx::Error) -> Self {
        Self::Storage(cause)
    }
}

/// Codes of a database that is well but cannot take the statement now. SQLite
/// gives (extended) result numbers, PostgreSQL five-character SQLSTATEs.
fn is_transient(code: &str) -> bool {
    /// BUSY, LOCKED, IOERR, FULL, CANTOPEN.
    const SQLITE: [u32; 5] = [5, 6, 10, 13, 14];
    if code.len() == 5 {
        return match code.get(..2) {
            // Connection exception, insufficient resources (disk full, out of
            // memory, too many connections), operator intervention, system error.
            Some("08" | "53" | "58") => true,
            Some("57") => code.starts_with("57P"),
            // Serialization failure, deadlock, lock not available.
            _ => matches!(code, "40001" | "40P01" | "55P03"),
        };
    }
    code.parse::<u32>()
        .is_ok_and(|number| SQLITE.contains(&(number & 0xff)))
}

/// A refusal: one reason of the contract, with the keys that it declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The reason.
    pub grunn: Feilgrunn,
    /// Values of the keys that the contract declares for the reason.
    pub nokler: BTreeMap<&'static str, String>,
    /// Faults of single request fields.
    pub felt: Vec<FieldFault>,
}

impl Refusal {
    /// A refusal for a reason.
    #[must_use]
    pub fn new(grunn: Feilgrunn) -> Self {
        Self {
            grunn,
            nokler: BTreeMap::new(),
            felt: Vec::new(),
        }
    }

    /// With the value of a key that the contract declares for the reason.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.nokler.insert(key, value.to_string());
        self
    }

    /// No such resource, or no right to know of it.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(Feilgrunn::IkkeFunnet)
    }

    /// The verb is not allowed in the record's state: `allowed` is what is.
    #[must_use]
    pub fn transition(state: &str, allowed: &[&str]) -> Self {
        Self::new(Feilgrunn::UgyldigOvergang)
            .with("tilstand", state)
            .with("tillatt", allowed.join(", "))
    }

    /// The record was changed since the caller read it.
    #[must_use]
    pub fn stale_etag() -> Self {
        Self::new(Feilgrunn::UtdatertEtag)
    }

    /// There is already one: `hva` says what.
    #[must_use]
    pub fn conflict(hva: impl fmt::Display) -> Self {
        Self::new(Feilgrunn::Konflikt).with("hva", hva)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused: {}", self.grunn.as_str_name())
    }
}

impl std::error::Error for Refusal {}

/// A fault of one request field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldFault {
    /// Path of the field in the request: `vedtak.linjer[2].min_timer`.
    pub felt: String,
    /// Reason, one of the FELT reasons of the contract.
    pub grunn: Feilgrunn,
    /// Values of the keys that the contract declares for the reason.
    pub nokler: BTreeMap<&'static str, String>,
}

/// Collects every fault of a request, so that a caller hears of all at once.
///
/// ```
/// # use samspor_chassis::error::FieldFaults;
/// let mut faults = FieldFaults::new();
/// faults.missing("vedtak.hjemmel");
/// faults.range("vedtak.timer", 0, 168);
/// assert_eq!(faults.finish().map_err(|refusal| refusal.felt.len()), Err(2));
/// ```
#[derive(Debug, Default)]
pub struct FieldFaults {
    felt: Vec<FieldFault>,
}

impl FieldFaults {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The field is required.
    pub fn missing(&mut self, field: impl Into<Cow<'static, str>>) {
        self.add(field, Feilgrunn::FeltMangler, []);
    }

    /// The field does not have the form: `YYYY-MM-DD`.
    pub fn form(&mut self, field: impl Into<Cow<'static, str>>, form: impl fmt::Display) {
        self.add(field, Feilgrunn::FeltForm, [("form", form.to_string())]);
    }

    /// The number is not between `min` and `max`, both included.
    pub fn range(
        &mut self,
        field: impl Into<Cow<'static, str>>,
        min: impl fmt::Display,
        max: impl fmt::Display,
    ) {
        self.add(
            field,
            Feilgrunn::FeltOmrade,
            [("min", min.to_string()), ("maks", max.to_string())],
        );
    }

    /// The value is not known; `valid` lists those that are: `A, B`.
    pub fn unknown(&mut self, field: impl Into<Cow<'static, str>>, valid: impl fmt::Display) {
        self.add(
            field,
            Feilgrunn::FeltUkjentVerdi,
            [("gyldige", valid.to_string())],
        );
    }

    /// The text has more than `max` characters.
    pub fn too_long(&mut self, field: impl Into<Cow<'static, str>>, max: usize) {
        self.add(field, Feilgrunn::FeltForLangt, [("maks", max.to_string())]);
    }

    /// The field contradicts `other`; `rule` says how: `til må være etter fra`.
    pub fn contradicts(
        &mut self,
        field: impl Into<Cow<'static, str>>,
        other: impl fmt::Display,
        rule: impl fmt::Display,
    ) {
        self.add(
            field,
            Feilgrunn::FeltMotstrid,
            [("felt", other.to_string()), ("regel", rule.to_string())],
        );
    }

    /// The text names somebody, from one character to before another (from 0).
    pub fn names_somebody(&mut self, field: impl Into<Cow<'static, str>>, place: &Range<usize>) {
        self.add(
            field,
            Feilgrunn::FeltPersonopplysning,
            [
                ("fra", place.start.to_string()),
                ("til", place.end.to_string()),
            ],
        );
    }

    /// [`Self::names_somebody`] of a method that masks nothing.
    pub fn names_somebody_unmasked(
        &mut self,
        field: impl Into<Cow<'static, str>>,
        place: &Range<usize>,
    ) {
        self.add(
            field,
            Feilgrunn::FeltNevnerPerson,
            [
                ("fra", place.start.to_string()),
                ("til", place.end.to_string()),
            ],
        );
    }

    /// Whether there is no fault yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.felt.is_empty()
    }

    /// Ok when there is no fault.
    ///
    /// # Errors
    /// UGYLDIG_FORESPORSEL with every fault.
    pub fn finish(self) -> Result<(), Refusal> {
        if self.felt.is_empty() {
            return Ok(());
        }
        Err(Refusal {
            felt: self.felt,
            ..Refusal::new(Feilgrunn::UgyldigForesporsel)
        })
    }

    fn add<const N: usize>(
        &mut self,
        field: impl Into<Cow<'static, str>>,
        grunn: Feilgrunn,
        nokler: [(&'static str, String); N],
    ) {
        self.felt.push(FieldFault {
            felt: field.into().into_owned(),
            grunn,
            nokler: nokler.into(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transient_codes() {
        let table = [
            ("5", true),      // SQLITE_BUSY
            ("517", true),    // SQLITE_BUSY_SNAPSHOT
            ("13", true),     // SQLITE_FULL
            ("778", true),    // SQLITE_IOERR_WRITE
            ("8", false),     // SQLITE_READONLY: a read handler wrote
            ("2067", false),  // SQLITE_CONSTRAINT_UNIQUE
            ("53100", true),  // disk_full
            ("57P01", true),  // admin_shutdown
            ("57014", false), // query_canceled
            ("40P01", true),  // deadlock_detected
            ("23505", false), // unique_violation
            ("42P01", false), // undefined_table
            ("", false),
        ];
        for (code, expected) in table {
            assert_eq!(is_transient(code), expected, "{code}");
        }
    }

    #[test]
    fn pool_and_connection_failures_are_unavailable() {
        assert!(Error::from(sqlx::Error::PoolTimedOut).is_unavailable());
        assert!(
            Error::from(sqlx::Error::Io(std::io::ErrorKind::BrokenPipe.into())).is_unavailable()
        );
        assert!(!Error::from(sqlx::Error::RowNotFound).is_unavailable());
        assert!(!Error::internal("bug").is_unavailable());
    }
}
