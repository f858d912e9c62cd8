//! The verified call: who acts, for what purpose, and what was permitted.
//!
//! A [`Call`] exists only where an attestation of the gateway was verified, or
//! where the chassis itself works (deadlines, events). Its fields can be read
//! by everybody and it can be made by nobody else: a handler that holds one
//! holds a permit. It is not `Clone`, so that no altered copy can be made.

use std::collections::BTreeMap;

use samspor_proto::{
    felles::Rolle,
    internt::{Attestasjon, Avviksmottak, Boligtildeler, Gittsamtykke},
    klassifisering::Klasser,
    tilgang::{Dataklasse, Formal},
};

use crate::tid::Tid;

/// Who acts.
#[derive(Clone, PartialEq, Eq)]
pub struct Actor {
    /// Unit id without prefix: `rop`. Empty for the person.
    pub enhet: String,
    /// Pseudonymous employee id; empty for a system and for the person.
    pub ansatt: String,
    /// The one role in which it acts.
    pub rolle: Rolle,
    /// Person id, for INNBYGGER.
    pub person: Option<String>,
}

impl Actor {
    /// The unit as a resource name: `enheter/rop`.
    #[must_use]
    pub fn enhetsnavn(&self) -> String {
        format!("enheter/{}", self.enhet)
    }

    /// As the contracts record it.
    #[must_use]
    pub fn to_proto(&self) -> samspor_proto::felles::Aktor {
        samspor_proto::felles::Aktor {
            enhet: self.enhetsnavn(),
            ansatt: self.ansatt.clone(),
            rolle: self.rolle.into(),
        }
    }
}

/// Unit and role only: the employee and the person stay out of every log.
impl std::fmt::Debug for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Actor")
            .field("enhet", &self.enhet)
            .field("rolle", &self.rolle)
            .finish_non_exhaustive()
    }
}

/// A call that passed the gateway, or work that the service itself began.
pub struct Call {
    /// Who acts.
    pub actor: Actor,
    /// For what purpose.
    pub formal: Formal,
    /// Resource name that was authorized; empty when the method names none.
    pub omfang: String,
    /// Classes that were permitted before the call.
    pub klasser: Klasser,
    /// Functions that the actor's unit holds: `vedtaksmyndighet`.
    pub funksjoner: Vec<String>,
    /// Rule that permitted a mutation: `W4`.
    pub regel: String,
    /// Version of the policy that decided.
    pub regelversjon: String,
    /// Unit ids that take orders in this municipality.
    pub utforere: Vec<String>,
    /// Intake for a person under strengt fortrolig address: ids of the units
    /// that still see the person. Empty otherwise.
    pub mandaterte: Vec<String>,
    /// A change: ids of the units that the person objects to sharing with, by
    /// name. Empty otherwise.
    pub reservert_mot: Vec<String>,
    /// Unit ids that decide on services in this municipality.
    pub besluttere: Vec<String>,
    /// Unit ids that allocate dwellings in this municipality, by type.
    pub boligtildelere: BTreeMap<String, Vec<String>>,
    /// Intake: unit ids that take an avvik which names none, by category or by
    /// `kategori/underkategori`. Empty otherwise.
    pub avviksmottak: BTreeMap<String, Vec<String>>,
    /// A change: the person's consents to the actor's unit that hold now, by id.
    /// Empty otherwise.
    pub samtykker: BTreeMap<String, Samtykke>,
    /// The municipality that the gateway serves: `karmoy`. Empty for work that
    /// the service itself began.
    pub kommune: String,
    /// Who calls must not be recognised: the unit is all that is known, and the
    /// time of the transaction is the first instant of the day.
    pub anonym: bool,
    /// Trace id, 32 hex digits; empty when the work belongs to no trace.
    pub trace_id: String,
    /// W3C traceparent under which the call runs; empty when there is none.
    pub traceparent: String,
    /// Method path: `/samspor.rop.v1.JournalService/HentAapentNotat`.
    metode: String,
    jti: String,
    utloper: i64,
    innholdssum: Vec<u8>,
}

/// A consent of the person to the actor's unit, which holds now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Samtykke {
    /// From when it holds.
    pub fra: Tid,
    /// Classes that it opens.
    pub klasser: Klasser,
}

impl Samtykke {
    fn av(given: Gittsamtykke) -> (String, Self) {
        let Gittsamtykke {
            samtykke,
            fra,
            klasser,
        } = given;
        let known = |class| Dataklasse::try_from(class).ok();
        let consent = Self {
            fra: Tid(fra),
            klasser: klasser.into_iter().filter_map(known).collect(),
        };
        (samtykke, consent)
    }
}

impl Call {
    /// The call that a verified attestation describes. Whoever calls this has
    /// checked the tag and every binding.
    pub(crate) fn from_verified(attestasjon: Attestasjon, traceparent: String) -> Self {
        // Every field is named, so that a new one breaks the build here.
        let Attestasjon {
            mottaker: _,
            metode,
            innholdssum,
            jti,
            utloper,
            sporings_id,
            aktor,
            aktor_person,
            formal,
            omfang,
            klasser,
            funksjoner,
            regel,
            regelversjon,
            utforere,
            mandaterte,
            reservert_mot,
            besluttere,
            boligtildelere,
            samtykker,
            kommune,
            anonym,
            avviksmottak,
        } = attestasjon;
        let aktor = aktor.unwrap_or_default();
        Self {
            actor: Actor {
                enhet: aktor
                    .enhet
                    .strip_prefix("enheter/")
                    .unwrap_or(&aktor.enhet)
                    .to_owned(),
                rolle: aktor.rolle(),
                ansatt: aktor.ansatt,
                person: Some(aktor_person).filter(|person| !person.is_empty()),
            },
            formal: Formal::try_from(formal).unwrap_or_default(),
            omfang,
            klasser: klasser
                .into_iter()
                .filter_map(|class| Dataklasse::try_from(class).ok())
                .collect(),
            funksjoner,
            regel,
            regelversjon,
            utforere,
            mandaterte,
            reservert_mot,
            besluttere,
            boligtildelere: boligtildelere
                .into_iter()
                .map(|Boligtildeler { boligtype, enheter }| (boligtype, enheter))
                .collect(),
            avviksmottak: avviksmottak
                .into_iter()
                .map(|Avviksmottak { emne, enheter }| (emne, enheter))
                .collect(),
            samtykker: samtykker.into_iter().map(Samtykke::av).collect(),
            kommune,
            anonym,
            trace_id: sporings_id,
            traceparent,
            metode,
            jti,
            utloper,
            innholdssum: innholdssum.to_vec(),
        }
    }

    /// Work that the service itself began: a deadline that fell due, an event
    /// that is applied. It acts as SYSTEM of the unit, in the trace of what
    /// caused it, and consumes no attestation.
    pub(crate) fn own_work(enhet: &str, formal: Formal, metode: &str, traceparent: &str) -> Self {
        Self {
            actor: Actor {
                enhet: enhet.to_owned(),
                ansatt: String::new(),
                rolle: Rolle::System,
                person: None,
            },
            formal,
            omfang: String::new(),
            klasser: Klasser::alle(),
            funksjoner: Vec::new(),
            regel: String::new(),
            regelversjon: String::new(),
            utforere: Vec::new(),
            mandaterte: Vec::new(),
            reservert_mot: Vec::new(),
            besluttere: Vec::new(),
            boligtildelere: BTreeMap::new(),
            avviksmottak: BTreeMap::new(),
            samtykker: BTreeMap::new(),
            kommune: String::new(),
            anonym: false,
            trace_id: traceparent.split('-').nth(1).unwrap_or_default().to_owned(),
            traceparent: traceparent.to_owned(),
            metode: metode.to_owned(),
            jti: String::new(),
            utloper: 0,
            innholdssum: Vec::new(),
        }
    }

    /// A call for tests of handlers, without a gateway.
    #[cfg(any(test, feature = "testing"))]
    #[must_use]
    pub fn for_test(attestasjon: Attestasjon, traceparent: &str) -> Self {
        Self::from_verified(attestasjon, traceparent.to_owned())
    }

    /// Method path: `/samspor.rop.v1.JournalService/HentAapentNotat`.
    #[must_use]
    pub fn metode(&self) -> &str {
        &self.metode
    }

    /// Whether the actor's unit holds a function: `vedtaksmyndighet`.
    #[must_use]
    pub fn har_funksjon(&self, funksjon: &str) -> bool {
        self.funksjoner.iter().any(|held| held == funksjon)
    }

    /// Id of the attestation, which a mutation consumes in its transaction.
    /// Empty for the service's own work.
    #[must_use]
    pub fn jti(&self) -> &str {
        &self.jti
    }

    /// When the attestation expires, microseconds since 1970. A consumed id
    /// need not be kept longer.
    #[must_use]
    pub fn utloper(&self) -> i64 {
        self.utloper
    }

    /// SHA-256 of the request message: what a repeated `request_id` is held
    /// against.
    #[must_use]
    pub fn innholdssum(&self) -> &[u8] {
        &self.innholdssum
    }
}

/// Only what may stand in a log.
impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call")
            .field("actor", &self.actor)
            .field("formal", &self.formal)
            .field("metode", &self.metode)
            .field("trace_id", &self.trace_id)
            .finish_non_exhaustive()
    }
}
