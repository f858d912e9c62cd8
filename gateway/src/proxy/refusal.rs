//! Refusals, and the one place that turns them into what a caller sees.
//!
//! A caller's error is rebuilt from the reason enum of the contract: code,
//! text and metadata come from there. Whatever else a service said never
//! leaves; without a known reason the caller sees INTERNAL and the trace id.

use std::{collections::BTreeMap, collections::HashMap, sync::OnceLock};

use prost::Message as _;
use prost_reflect::{Kind, MessageDescriptor};
use samspor_proto::{
    felles::Feilgrunn,
    internt::{Feil, Feltfeil},
    klassifisering::{Klasser, kontrakter},
    tilgang::Dataklasse,
};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

/// `ErrorInfo.domain` of every error.
pub const DOMAIN: &str = "samspor";
/// Longest metadata value that is passed on: every unit of a municipality.
const MAX_VALUE: usize = 600;
/// The key of a list of what is valid, which may be long.
const VALID: &str = "gyldige";

/// A refused call: what the caller is told, and what only the log is told.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refused {
    /// Reason, keys and field faults.
    pub feil: Feil,
    /// Rules that refused, for the log.
    pub rules: Vec<String>,
}

impl Refused {
    /// With a reason alone.
    pub(crate) fn new(grunn: Feilgrunn) -> Self {
        Self {
            feil: Feil {
                grunn: grunn.into(),
                ..Feil::default()
            },
            rules: Vec::new(),
        }
    }

    /// Adds the value of a declared key.
    pub(crate) fn with(mut self, key: &str, value: impl std::fmt::Display) -> Self {
        self.feil.nokler.insert(key.to_owned(), value.to_string());
        self
    }

    /// Adds the rules that refused.
    pub(crate) fn by(mut self, rules: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.rules.extend(rules.into_iter().map(Into::into));
        self
    }

    /// No such resource, or no right to know: one answer for both.
    pub(crate) fn not_found() -> Self {
        Self::new(Feilgrunn::IkkeFunnet)
    }

    /// A fault of one field or header.
    pub(crate) fn field(felt: &str, grunn: Feilgrunn, keys: &[(&str, &str)]) -> Self {
        let mut refused = Self::new(Feilgrunn::UgyldigForesporsel);
        refused.add_field(felt, grunn, keys);
        refused
    }

    /// Adds a fault of another field.
    pub(crate) fn add_field(&mut self, felt: &str, grunn: Feilgrunn, keys: &[(&str, &str)]) {
        self.feil.felt.push(Feltfeil {
            felt: felt.to_owned(),
            grunn: grunn.into(),
            nokler: keys
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
        });
    }

    /// The reason tells how a record stands.
    pub(crate) fn speaks_of_state(&self) -> bool {
        matches!(
            self.feil.grunn(),
            Feilgrunn::UgyldigOvergang
                | Feilgrunn::UtdatertEtag
                | Feilgrunn::BehovUtenAnsvarlig
                | Feilgrunn::EnhetKanIkke
                | Feilgrunn::Konflikt
        )
    }

    /// Classes of what is told, as far as they are visible, beyond TEKNISK.
    pub(crate) fn classes_told(&self, visible: Klasser) -> Klasser {
        let faults = self
            .feil
            .felt
            .iter()
            .map(|fault| (fault.grunn, &fault.nokler));
        let all = std::iter::once((self.feil.grunn, &self.feil.nokler)).chain(faults);
        all.filter_map(|(grunn, given)| Some((reasons().get(&grunn)?, given)))
            .flat_map(|(reason, given)| {
                let told = reason
                    .keys
                    .iter()
                    .filter(|(key, _)| given.contains_key(key));
                told.map(|(_, class)| *class)
            })
            .filter(|class| *class != Dataklasse::Teknisk && visible.har(*class))
            .collect()
    }

    /// From the answer of the service `tjeneste`.
    pub(crate) fn from_service(tjeneste: &str, status: &Status) -> Self {
        if let Ok(feil) = Feil::decode(status.details())
            && Feilgrunn::try_from(feil.grunn).is_ok_and(|g| g != Feilgrunn::Unspecified)
        {
            return Self {
                feil,
                rules: Vec::new(),
            };
        }
        match status.code() {
            Code::Unavailable => Self::new(Feilgrunn::Utilgjengelig).with("del", tjeneste),
            Code::DeadlineExceeded | Code::Cancelled => Self::new(Feilgrunn::FristUte),
            _ => Self::new(Feilgrunn::Unspecified),
        }
    }

    /// What the caller sees. `visible` are the classes that it may read of
    /// the subject: a key of another class is hidden.
    pub(crate) fn into_status(
        self,
        visible: Klasser,
        request: Option<&MessageDescriptor>,
    ) -> Status {
        let visible = visible | Klasser::av(&[Dataklasse::Teknisk]);
        let Some(reason) = reasons().get(&self.feil.grunn) else {
            return Status::internal("internal error; quote the trace id of this answer");
        };
        let told: HashMap<String, String> = reason
            .told(&self.feil.nokler, visible)
            .into_iter()
            .collect();
        let mut details = ErrorDetails::with_error_info(reason.name, DOMAIN, told.clone());
        // A list is told once: an error is a header, and headers have an end.
        let mut listed: HashMap<String, &str> = HashMap::new();
        let faults: Vec<FieldViolation> = self
            .feil
            .felt
            .iter()
            .filter(|fault| request.is_none_or(|request| is_path_of(&fault.felt, request)))
            .filter_map(|fault| {
                let reason = reasons().get(&fault.grunn)?;
                let mut told: HashMap<_, _> =
                    reason.told(&fault.nokler, visible).into_iter().collect();
                if let Some(valid) = told.get_mut(VALID) {
                    if let Some(first) = listed.get(valid) {
                        *valid = format!("those of {first}");
                    } else {
                        listed.insert(valid.clone(), &fault.felt);
                    }
                }
                Some(FieldViolation::new(
                    fault.felt.clone(),
                    fill(reason.en, &told),
                ))
            })
            .collect();
        let mut message = fill(reason.en, &told);
        if let Some(first) = faults.first() {
            message = format!("{} {}", first.field, first.description);
            details.set_bad_request(faults);
        }
        details.set_localized_message("nb-NO", fill(reason.nb, &told));
        Status::with_error_details(reason.code, message, details)
    }
}

/// A reason, as the contract declares it.
struct Reason {
    name: &'static str,
    code: Code,
    nb: &'static str,
    en: &'static str,
    keys: Vec<(String, Dataklasse)>,
}

impl Reason {
    /// Declared keys with a visible class.
    fn told(&self, given: &HashMap<String, String>, visible: Klasser) -> BTreeMap<String, String> {
        self.keys
            .iter()
            .filter(|(_, class)| visible.har(*class))
            .filter_map(|(key, _)| {
                let value = given.get(key)?;
                let mut kept: String = value.chars().take(MAX_VALUE).collect();
                if kept.len() < value.len() {
                    kept.push('…');
                }
                Some((key.clone(), kept))
            })
            .collect()
    }
}

/// All reasons of the contract, by number.
fn reasons() -> &'static HashMap<i32, Reason> {
    static REASONS: OnceLock<HashMap<i32, Reason>> = OnceLock::new();
    REASONS.get_or_init(|| {
        (1..1000)
            .filter_map(|n| {
                let grunn = Feilgrunn::try_from(n).ok()?;
                let text = kontrakter().grunntekst(n)?;
                let reason = Reason {
                    name: grunn.as_str_name().strip_prefix("FEILGRUNN_")?,
                    code: code(&text.kode)?,
                    nb: text.nb.leak(),
                    en: text.en.leak(),
                    keys: text
                        .nokler
                        .iter()
                        .map(|k| (k.navn.clone(), k.klasse()))
                        .collect(),
                };
                Some((n, reason))
            })
            .collect()
    })
}

fn code(name: &str) -> Option<Code> {
    (1..=16)
        .map(Code::from_i32)
        .find(|code| format!("{code:?}").eq_ignore_ascii_case(&name.replace('_', "")))
}

/// Replaces `{key}`; a key that is not told becomes an ellipsis.
fn fill(template: &str, told: &HashMap<String, String>) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let (key, tail) = after.split_once('}').unwrap_or((after, ""));
        out.push_str(told.get(key).map_or("…", String::as_str));
        rest = tail;
    }
    out.push_str(rest);
    out
}

/// Whether `a.b[2].c` is a path of the request; headers are paths too. What is
/// decided may lack a part that the request does not carry: a path may begin
/// with the record type (`vedtak.linjer[1].type`), of the request's package.
fn is_path_of(path: &str, request: &MessageDescriptor) -> bool {
    if path.starts_with("x-samspor-") || path == "authorization" || path == "grpc-timeout" {
        return true;
    }
    if is_path_in(path, request) {
        return true;
    }
    let Some((type_, rest)) = path.split_once('.') else {
        return false;
    };
    let record = kontrakter().ressurser.get(type_);
    record.is_some_and(|record| {
        record.melding.package_name() == request.package_name() && is_path_in(rest, &record.melding)
    })
}

fn is_path_in(path: &str, message: &MessageDescriptor) -> bool {
    let mut message = Some(message.clone());
    path.split('.').all(|segment| {
        let (name, index) = segment.split_once('[').unwrap_or((segment, "0]"));
        let indexed = index
            .strip_suffix(']')
            .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
        let Some(field) = message.as_ref().and_then(|m| m.get_field_by_name(name)) else {
            return false;
        };
        message = match field.kind() {
            Kind::Message(inner) => Some(inner),
            _ => None,
        };
        indexed
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use super::*;

    #[test]
    fn every_reason_of_the_contract_has_a_status() {
        let declared = kontrakter()
            .pool
            .get_enum_by_name("samspor.felles.v1.Feilgrunn")
            .unwrap()
            .values()
            .filter(|value| value.number() != 0)
            .count();
        assert_eq!(reasons().len(), declared);
    }

    #[test]
    fn only_declared_keys_of_visible_classes_are_told() {
        let refused = Refused::new(Feilgrunn::UgyldigOvergang)
            .with("tilstand", "UTKAST")
            .with("tillatt", "SendTilGodkjenning")
            .with("diagnose", "F20");
        let open = refused.clone().into_status(Klasser::alle(), None);
        assert!(open.message().contains("UTKAST"));
        assert!(
            !open
                .get_error_details()
                .error_info()
                .unwrap()
                .metadata
                .contains_key("diagnose")
        );
        let closed = refused.into_status(Klasser::INGEN, None);
        assert!(!closed.message().contains("UTKAST"), "{}", closed.message());
        assert!(
            closed
                .get_error_details()
                .error_info()
                .unwrap()
                .metadata
                .is_empty()
        );
    }

    /// Seen red: with values of 200 characters, and with the list in each fault.
    #[test]
    fn a_list_of_what_is_valid_is_whole_and_told_once() {
        let units: Vec<String> = (0..40).map(|n| format!("enhet_nr_{n}")).collect();
        let list = units.join(", ");
        let mut refused = Refused::new(Feilgrunn::UgyldigForesporsel);
        for n in 0..40 {
            let felt = format!("enheter[{n}]");
            refused.add_field(&felt, Feilgrunn::FeltUkjentVerdi, &[(VALID, &list)]);
        }
        let other = [(VALID, "A, B")];
        refused.add_field("type", Feilgrunn::FeltUkjentVerdi, &other);
        let status = refused.into_status(Klasser::INGEN, None);
        assert!(status.message().ends_with("enhet_nr_39"));
        let faults = status.get_details_bad_request().unwrap().field_violations;
        let of = |n: usize| faults[n].description.as_str();
        assert!(of(0).ends_with(&list), "{}", of(0));
        assert!(of(1).ends_with("those of enheter[0]"), "{}", of(1));
        assert!(of(40).ends_with("A, B"), "{}", of(40));
        // What is too long says that there is more.
        let long = Refused::new(Feilgrunn::UgyldigMelding).with("feil", "a".repeat(601));
        let long = long.into_status(Klasser::INGEN, None);
        assert!(long.message().ends_with("aa…"), "{}", long.message());
    }

    #[test]
    fn what_a_service_says_beside_the_reason_never_leaves() {
        let spoken = Status::internal("person 01810112345 has F20");
        let told = Refused::from_service("rop", &spoken).into_status(Klasser::alle(), None);
        assert_eq!(told.code(), Code::Internal);
        assert!(!told.message().contains("F20") && told.details().is_empty());
    }

    #[test]
    fn field_faults_must_be_paths_of_the_request() {
        let request = kontrakter()
            .pool
            .get_message_by_name("samspor.gateway.v1.StartNodtilgangRequest")
            .unwrap();
        for (path, known) in [
            ("begrunnelse", true),
            ("klasser[3]", true),
            ("x-samspor-formaal", true),
            ("klasser[x]", false),
            ("diagnose", false),
            ("begrunnelse.indre", false),
        ] {
            assert_eq!(is_path_of(path, &request), known, "{path}");
        }
        // What is decided is named by its record, of the same package alone.
        let request = kontrakter()
            .pool
            .get_message_by_name("samspor.bestillerkontor.v1.FattVedtakRequest")
            .unwrap();
        for (path, known) in [
            ("vedtak.linjer[1].type", true),
            ("vedtak.hjemmel", true),
            ("vedtak.diagnose", false),
            ("vedtak", false),
            ("journalnotat.tekst", false),
        ] {
            assert_eq!(is_path_of(path, &request), known, "{path}");
        }
    }
}
