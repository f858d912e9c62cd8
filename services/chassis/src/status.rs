//! Errors on the wire between a service and the gateway.
//!
//! A refusal travels as its reason and the values of its declared keys
//! ([`Feil`] in the status details); the gateway makes the text. The status
//! code is the one that the contract gives the reason. The message is always
//! empty: text would be written for one reader and read by another. A defect
//! travels as INTERNAL and nothing else; what it was is logged here, once, by
//! its kind.

use std::{borrow::Cow, collections::HashMap, panic::Location, sync::OnceLock};

use bytes::Bytes;
use prost::Message as _;
use samspor_proto::{
    felles::Feilgrunn,
    internt::{Feil, Feltfeil},
    klassifisering::kontrakter,
};
use tonic::{Code, Status};

use crate::{
    error::{Error, FieldFault, Refusal},
    telemetry,
};

/// The status code that the contract gives a reason. INTERNAL for the
/// unspecified one.
#[must_use]
pub fn code(grunn: Feilgrunn) -> Code {
    static CODES: OnceLock<HashMap<i32, Code>> = OnceLock::new();
    let codes = CODES.get_or_init(|| {
        kontrakter()
            .pool
            .get_enum_by_name("samspor.felles.v1.Feilgrunn")
            .iter()
            .flat_map(|reasons| {
                reasons
                    .values()
                    .map(|value| value.number())
                    .collect::<Vec<_>>()
            })
            .filter_map(|number| {
                let text = kontrakter().grunntekst(number)?;
                Some((number, telemetry::code_of(&text.kode)?))
            })
            .collect()
    });
    codes
        .get(&i32::from(grunn))
        .copied()
        .unwrap_or(Code::Internal)
}

/// The refusal in a status from a service: none when the status carries none,
/// or one whose reason is unknown here. The gateway answers INTERNAL then.
#[must_use]
pub fn feil(status: &Status) -> Option<Feil> {
    let feil = Feil::decode(status.details()).ok()?;
    let reason = Feilgrunn::try_from(feil.grunn).ok()?;
    (reason != Feilgrunn::Unspecified && code(reason) == status.code()).then_some(feil)
}

/// The reason in a status from a service.
#[must_use]
pub fn grunn(status: &Status) -> Option<Feilgrunn> {
    feil(status).map(|feil| feil.grunn())
}

impl From<&Refusal> for Feil {
    fn from(refusal: &Refusal) -> Self {
        // Every field is named, so that a new one breaks the build here.
        let Refusal {
            grunn,
            nokler,
            felt,
        } = refusal;
        Self {
            grunn: (*grunn).into(),
            nokler: owned(nokler),
            felt: felt.iter().map(Feltfeil::from).collect(),
        }
    }
}

impl From<&FieldFault> for Feltfeil {
    fn from(fault: &FieldFault) -> Self {
        let FieldFault {
            felt,
            grunn,
            nokler,
        } = fault;
        Self {
            felt: felt.clone(),
            grunn: (*grunn).into(),
            nokler: owned(nokler),
        }
    }
}

fn owned(keys: &std::collections::BTreeMap<&'static str, String>) -> HashMap<String, String> {
    keys.iter()
        .map(|(key, value)| ((*key).to_owned(), value.clone()))
        .collect()
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        Self::with_details(
            code(refusal.grunn),
            "",
            Bytes::from(Feil::from(&refusal).encode_to_vec()),
        )
    }
}

/// Handled where it is logged: this is the end of an error.
impl From<Error> for Status {
    fn from(error: Error) -> Self {
        if let Error::Refused(refusal) = error {
            tracing::Span::current().record("samspor.grunn", refusal.grunn.as_str_name());
            return refusal.into();
        }
        let kind = kind(&error);
        if error.is_unavailable() {
            tracing::warn!(samspor.feil = &*kind, "storage is not available");
            return Refusal::new(Feilgrunn::LagerUtilgjengelig).into();
        }
        let place = error.place();
        tracing::error!(
            samspor.feil = &*kind,
            code.file.path = place.map(Location::file),
            code.line.number = place.map(Location::line),
            "internal failure"
        );
        internal()
    }
}

/// What a caller hears of a defect.
pub(crate) fn internal() -> Status {
    Status::new(Code::Internal, "")
}

/// A word for the log that tells the kind of failure and quotes nothing.
fn kind(error: &Error) -> Cow<'static, str> {
    let cause = match error {
        Error::Refused(_) => return "refused".into(),
        Error::Internal(_) => return "internal".into(),
        Error::Storage(cause) => cause,
    };
    match cause {
        sqlx::Error::Database(cause) => match cause.code() {
            Some(code) => format!("database.{code}").into(),
            None => "database".into(),
        },
        sqlx::Error::Io(cause) => format!("io.{:?}", cause.kind()).into(),
        sqlx::Error::PoolTimedOut => "pool_timed_out".into(),
        sqlx::Error::PoolClosed => "pool_closed".into(),
        sqlx::Error::RowNotFound => "row_not_found".into(),
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => "decode".into(),
        sqlx::Error::Encode(_) => "encode".into(),
        sqlx::Error::ColumnNotFound(_) | sqlx::Error::ColumnIndexOutOfBounds { .. } => {
            "column_not_found".into()
        }
        sqlx::Error::Tls(_) => "tls".into(),
        sqlx::Error::WorkerCrashed => "worker_crashed".into(),
        _ => "storage".into(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "tests"
    )]

    use super::*;

    fn reasons() -> Vec<Feilgrunn> {
        (1..1000)
            .filter_map(|n| Feilgrunn::try_from(n).ok())
            .collect()
    }

    /// Seen red: with the `eksempel` of one reason removed from the contract,
    /// and with the `kode` of one misspelt.
    #[test]
    fn every_reason_has_its_texts_and_survives_the_wire() {
        assert!(reasons().len() >= 30);
        for reason in reasons() {
            let name = reason.as_str_name();
            let text = kontrakter()
                .grunntekst(reason.into())
                .unwrap_or_else(|| panic!("{name} has no text"));
            for (what, text) in [
                ("nb", &text.nb),
                ("en", &text.en),
                ("kode", &text.kode),
                ("eksempel", &text.eksempel),
            ] {
                assert!(!text.is_empty(), "{name} lacks {what}");
            }
            let code = telemetry::code_of(&text.kode).unwrap_or_else(|| panic!("{name}: kode"));
            assert_ne!(code, Code::Ok, "{name}");
            // Each key that a text uses is declared.
            for text in [&text.nb, &text.en] {
                for part in text.split('{').skip(1) {
                    let key = part.split('}').next().unwrap();
                    assert!(
                        declared_keys(reason).iter().any(|declared| declared == key),
                        "{name} uses {key}"
                    );
                }
            }

            let mut refusal = Refusal::new(reason).with("tilstand", "UTKAST");
            refusal.felt.push(FieldFault {
                felt: "vedtak.linjer[2].timer".to_owned(),
                grunn: Feilgrunn::FeltMangler,
                nokler: [("form", "x".to_owned())].into(),
            });
            let status = Status::from(refusal.clone());
            assert_eq!(status.code(), code, "{name}");
            assert_eq!(status.message(), "");
            let wire = status.into_http::<tonic::body::Body>();
            let status = Status::from_header_map(wire.headers()).unwrap();
            assert_eq!(feil(&status).unwrap(), Feil::from(&refusal), "{name}");
            assert_eq!(grunn(&status), Some(reason));
        }
    }

    fn declared_keys(reason: Feilgrunn) -> Vec<String> {
        let text = kontrakter().grunntekst(reason.into()).unwrap();
        text.nokler.into_iter().map(|key| key.navn).collect()
    }

    #[test]
    fn a_defect_says_nothing() {
        for error in [
            Error::internal("the name is Kari"),
            Error::Storage(sqlx::Error::RowNotFound),
            Error::Storage(sqlx::Error::Protocol("Kari".into())),
        ] {
            let status = Status::from(error);
            assert_eq!(
                (status.code(), status.message(), status.details()),
                (Code::Internal, "", &[][..])
            );
        }
    }

    #[test]
    fn storage_that_cannot_take_it_now_is_unavailable() {
        let status = Status::from(Error::Storage(sqlx::Error::PoolTimedOut));
        assert_eq!(status.code(), Code::Unavailable);
        assert_eq!(grunn(&status), Some(Feilgrunn::LagerUtilgjengelig));
    }

    #[test]
    fn a_status_of_another_make_carries_no_reason() {
        let other = Status::not_found("x");
        assert_eq!(feil(&other), None);
        let forged = Status::with_details(
            Code::Ok,
            "",
            Bytes::from(Feil::from(&Refusal::not_found()).encode_to_vec()),
        );
        assert_eq!(feil(&forged), None);
    }
}
