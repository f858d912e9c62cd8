//! One call on its way through the gateway: what is known of it after the
//! first three steps, and what is decided before anything is looked up.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use bytes::Bytes;
use samspor_proto::{
    felles::{Aktor, Faktumtype, Feilgrunn},
    internt::{Attestasjon, Avviksmottak, Boligtildeler, Gittsamtykke},
    klassifisering::{Klasser, kortnavn},
    tilgang::{Dataklasse, Formal, Handling, Synlighet},
};
use tokio::sync::OwnedSemaphorePermit;
use tonic::{Request, metadata::MetadataValue};

use super::{
    Arrival, Gateway,
    border::{Border, SAK},
    forward::{MAX_MESSAGE, Upstream},
    judge::Judged,
    method::Method,
    refusal::Refused,
};
use crate::{
    model::{Caller, Party, PersonFacts, RecordHead},
    policy::{Act, Decision, Part, PurposeRefusal, Question, formalnavn},
    redaction::{FoundRecord, Name, RequestError, RequestPlan, ResponsePlan},
};

/// Microseconds for which an attestation is good. The service answers within
/// this time or not at all.
const ATTESTATION_LIFE: i64 = 20_000_000;

static STRANGER: LazyLock<Arc<PersonFacts>> = LazyLock::new(|| {
    Arc::new(PersonFacts {
        version: -1,
        facts: Vec::new(),
    })
});

/// Whom the resource name of a call is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Subject {
    /// `personer/{person}…`: the person id.
    Person(String),
    /// `enheter/{enhet}…`: the unit id.
    Unit(String),
    /// The method names no resource.
    None,
}

/// What the request says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// Service that it names, where the package names none.
    pub rute: Option<String>,
    pub page_size: i32,
    pub page_token: String,
    /// Classes of the fields that it fills: rights to write.
    pub skriver: Klasser,
    /// Classes of its filters: rights to read.
    pub filtrerer: Klasser,
}

/// One call after the border and the token.
pub(super) struct Passage<'g> {
    pub gateway: &'g Gateway,
    pub method: &'g Method,
    pub border: Border,
    pub caller: Caller,
    /// First microsecond in which the caller's token is no longer good.
    pub expires: i64,
    /// Unspecified until [`Passage::begin`].
    pub formal: Formal,
    /// The request as it came.
    pub body: Bytes,
    pub request: Said,
    pub requests: &'g RequestPlan,
    pub answers: &'g ResponsePlan,
    /// Resource name that is authorized; empty when the method names none.
    pub name: String,
    pub subject: Subject,
    /// When it was last looked up whom it is about; all its decisions use this
    /// instant and the facts of this instant.
    pub now: i64,
    /// Facts of the persons whom it is about, by person id.
    pub people: HashMap<String, Arc<PersonFacts>>,
    /// Those of its subject were not read for this call.
    pub remembered: bool,
    pub trace_id: String,
    /// What is wrong with the request itself.
    fault: Option<Refused>,
    _place: OwnedSemaphorePermit,
}

impl<'g> Passage<'g> {
    /// What the request says about itself. A fault of it is kept for
    /// [`Passage::begin`], so that it is logged as any refusal is.
    ///
    /// # Errors
    /// A method that is not for callers.
    pub(super) fn enter(
        gateway: &'g Gateway,
        method: &'g Method,
        arrival: Arrival,
        body: &Bytes,
        trace_id: String,
    ) -> Result<Self, Refused> {
        if method.tilgang().synlighet() != Synlighet::Ekstern {
            return Err(Refused::new(Feilgrunn::UkjentMetode));
        }
        let unplanned = || Refused::new(Feilgrunn::UkjentMetode);
        let requests = gateway
            .plans
            .request(&method.metode.sti)
            .ok_or_else(unplanned)?;
        let answers = gateway
            .plans
            .response(&method.metode.sti)
            .ok_or_else(unplanned)?;
        let Arrival {
            border,
            caller,
            expires,
            place,
        } = arrival;
        let mut passage = Self {
            now: gateway.now(),
            people: HashMap::new(),
            remembered: false,
            gateway,
            method,
            border,
            caller,
            expires,
            formal: Formal::Unspecified,
            body: Bytes::new(),
            request: Said::default(),
            requests,
            answers,
            name: String::new(),
            subject: Subject::None,
            trace_id,
            fault: None,
            _place: place,
        };
        passage.fault = passage.inspect(body).err();
        Ok(passage)
    }

    fn inspect(&mut self, body: &Bytes) -> Result<(), Refused> {
        let info = self.requests.inspect(body).map_err(unreadable)?;
        self.subject = subject_of(info.name.as_ref());
        let name_field = &self.method.tilgang().navn_felt;
        if self.subject == Subject::None && !name_field.is_empty() {
            return Err(Refused::field(name_field, Feilgrunn::FeltMangler, &[]));
        }
        self.name = info
            .name
            .map(|name| name.text.to_owned())
            .unwrap_or_default();
        self.request = Said {
            rute: info.rute.map(ToOwned::to_owned),
            page_size: info.page_size,
            page_token: info.page_token.to_owned(),
            skriver: info.skriver,
            filtrerer: info.filtrerer,
        };
        self.check_units(body)?;
        self.body = self
            .requests
            .clean(body)
            .map_err(|fault| unreadable(fault.into()))?;
        Ok(())
    }

    /// A unit that the municipality does not have can hold no right and lose
    /// none: a sperring against it would block nobody, in silence.
    fn check_units(&self, body: &Bytes) -> Result<(), Refused> {
        let municipality = self.gateway.policy.municipality();
        // `-` stands for every unit, where a list allows it.
        let known =
            |id: &str| ["*", "-"].contains(&id) || municipality.units().any(|unit| *unit.id == *id);
        let mut refused = Refused::new(Feilgrunn::UgyldigForesporsel);
        for (path, id) in self.requests.units(body) {
            if !known(id) {
                let units: Vec<&str> = municipality.units().map(|unit| &*unit.id).collect();
                let valid = format!("enheter/ and one of {}", units.join(", "));
                refused.add_field(&path, Feilgrunn::FeltUkjentVerdi, &[("gyldige", &valid)]);
            }
        }
        if refused.feil.felt.is_empty() {
            Ok(())
        } else {
            Err(refused)
        }
    }

    /// Step 3: the request can be read, and its purpose is bound to method and
    /// role.
    pub(super) fn begin(&mut self) -> Result<(), Refused> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        if self.border.sak.as_deref().is_some_and(|sak| !is_case(sak)) {
            // It is not repeated, in the log as little as elsewhere.
            self.border.sak = None;
            let form = (
                "form",
                "the name of a case: personer/{uuid}/soknader/{uuid}, or of a mandate: granskinger/{uuid}",
            );
            return Err(Refused::field(SAK, Feilgrunn::FeltForm, &[form]));
        }
        let stated = self.border.formaal.as_deref();
        self.formal = purpose(self.gateway, self.method, &self.caller, stated)?;
        Ok(())
    }

    /// Reads the clock and the facts of the call's own subject. What was known
    /// of anybody before is forgotten.
    pub(super) async fn look_up(&mut self) -> Result<(), Refused> {
        let remembered = self
            .person()
            .and_then(|person| self.gateway.facts.remembered(person));
        match (remembered, self.person()) {
            (Some(facts), Some(person)) => {
                self.people = HashMap::from([(person.to_owned(), facts)]);
                self.now = self.gateway.now();
                self.remembered = true;
                Ok(())
            }
            _ => self.look_again().await,
        }
    }

    /// The same, from the database. Nobody is refused on what is remembered
    /// alone: the time that a refusal takes would tell that others work with
    /// the person.
    pub(super) async fn look_again(&mut self) -> Result<(), Refused> {
        self.people.clear();
        self.remembered = false;
        if let Subject::Person(person) = &self.subject {
            let facts = self.gateway.facts.refresh(person).await;
            self.people
                .insert(person.clone(), facts.map_err(|fault| facts_down(&fault))?);
        }
        self.now = self.gateway.now();
        Ok(())
    }

    /// Reads the facts of everybody whom these records are about, as far as
    /// they are not known to this call.
    pub(super) async fn meet(&mut self, records: &[FoundRecord<'_>]) -> Result<(), Refused> {
        let mut strangers: Vec<&str> = records
            .iter()
            .flat_map(|record| {
                let others = record.personrefs.iter().chain(&record.omtalte);
                record.person.iter().chain(others)
            })
            .copied()
            .filter(|person| !self.people.contains_key(*person))
            .collect();
        if strangers.is_empty() {
            return Ok(());
        }
        strangers.sort_unstable();
        strangers.dedup();
        let facts = self.gateway.facts.get_all(strangers).await;
        let facts = facts.map_err(|fault| facts_down(&fault))?.into_iter();
        self.people
            .extend(facts.map(|(person, facts)| (person.to_owned(), facts)));
        Ok(())
    }

    /// Reads the facts from the database on which something was decided.
    pub(super) async fn read_again(&mut self, judged: &Judged) -> Result<(), Refused> {
        for person in judged.persons() {
            let facts = self.gateway.facts.refresh(person).await;
            facts.map_err(|fault| facts_down(&fault))?;
        }
        Ok(())
    }

    /// Facts of a person whom this call has met. A decision about anybody else
    /// is made on a version that the log accepts from nobody.
    pub(super) fn facts_of(&self, person: &str) -> Arc<PersonFacts> {
        self.people
            .get(person)
            .map_or_else(|| Arc::clone(&STRANGER), Arc::clone)
    }

    /// Facts of the call's own subject.
    pub(super) fn subject_facts(&self) -> Arc<PersonFacts> {
        self.person()
            .map_or_else(Arc::default, |person| self.facts_of(person))
    }

    /// A question about this call; the caller fills in record and part.
    pub(super) fn question<'q>(
        &'q self,
        act: Act<'q>,
        facts: &'q PersonFacts,
        subject: Option<&'q str>,
    ) -> Question<'q> {
        Question {
            caller: &self.caller,
            formal: self.formal,
            act,
            ressurs: &self.method.ressurs,
            record: None,
            part: Part::Head,
            subject,
            omfang_enhet: match &self.subject {
                Subject::Unit(unit) => Some(unit),
                Subject::Person(_) | Subject::None => None,
            },
            facts,
            method_nodtilgang: self.method.tilgang().nodtilgang,
            method_system: self.method.tilgang().system,
            sak_ok: true,
            sak: self.border.sak.as_deref().unwrap_or_default(),
            now: self.now,
        }
    }

    /// Person id of the subject, if the call is about one.
    pub(super) fn person(&self) -> Option<&str> {
        match &self.subject {
            Subject::Person(person) => Some(person),
            Subject::Unit(_) | Subject::None => None,
        }
    }

    /// Whether a case reference is good: an open case of the unit and subject, one
    /// of several units that names it, or the mandate of the employee.
    pub(super) fn check_case(&self, facts: &PersonFacts) -> Result<(), Refused> {
        let closed = || Refused::new(Feilgrunn::SakIkkeApen);
        match &self.border.sak {
            None if self.gateway.policy.case_required(self.formal) => Err(closed()),
            None => Ok(()),
            Some(sak) => {
                let open = facts.facts.iter().any(|fact| {
                    let mandate = fact.mandat.as_ref().filter(|mandate| mandate.navn == *sak);
                    let reviews = mandate.is_some() && fact.is_of_employee(&self.caller);
                    let case = matches!(
                            fact.kind,
                            Faktumtype::Soker
                                | Faktumtype::Sak
                                | Faktumtype::Part
                                | Faktumtype::PartIBolig
                        )
                        && fact.post.as_deref() == Some(sak.as_str())
                        && matches!(&fact.party, Party::Enhet(unit) if **unit == *self.caller.enhet);
                    fact.holds_at(self.now) && (case || reviews)
                });
                if open { Ok(()) } else { Err(closed()) }
            }
        }
    }

    /// The record that the call names, as far as its name tells of it.
    fn named(&self) -> Option<RecordHead<'_>> {
        (self.method.tilgang().navn_felt == "name").then_some(RecordHead {
            name: &self.name,
            eier: "",
            unntatt_innsyn: false,
            utloper: i64::MAX,
            skjedde: None,
        })
    }

    /// The decision before any look-up: could some record of this type, of
    /// this subject, be known to this caller? Missing and withheld records
    /// take the same path from here on.
    pub(super) fn could_read(&self, facts: &PersonFacts) -> Arc<Decision> {
        let mut question = self.question(Act::Read, facts, self.person());
        question.record = self.named();
        self.gateway.policy.possible(&question)
    }

    /// Whether the classes are enough to know that such a record exists.
    pub(super) fn knows(&self, decision: &Decision) -> bool {
        decision.existence(&self.method.ressurs)
    }

    /// Classes that an error may speak of: of whoever knows that such records
    /// exist, those that it may read, and the state of a record whose type
    /// has no class for that.
    pub(super) fn visible(&self) -> Klasser {
        // Refused before it had a purpose, without which nobody reads.
        if self.formal == Formal::Unspecified {
            return Klasser::INGEN;
        }
        let could = self.could_read(&self.subject_facts());
        let state = Klasser::av(&[Dataklasse::Tjeneste]);
        if !self.knows(&could) {
            Klasser::INGEN
        } else if (self.method.ressurs.klasser & state).er_tom() {
            could.classes | state
        } else {
            could.classes
        }
    }

    /// What may be told of a refusal: who may write but not know of such
    /// records does not learn from a reason how they stand.
    pub(super) fn tellable(&self, refused: Refused) -> Refused {
        let about_state = refused.speaks_of_state() && self.person().is_some();
        if about_state && !self.knows(&self.could_read(&self.subject_facts())) {
            let rows = self.method.tilgang().rad.join(", ");
            return Refused::new(Feilgrunn::IkkeTillatt)
                .with("regel", rows)
                .with(
                    "rad",
                    "it cannot be done now; the unit that keeps the record can say why",
                )
                .by(refused.rules);
        }
        refused
    }

    /// Row that permits this mutation, or why none does.
    pub(super) fn may_do(&self, facts: &PersonFacts) -> Result<(String, Arc<Decision>), Refused> {
        let mut refused_by = Vec::new();
        let mut named = None;
        let mut hidden = false;
        for row in &self.method.tilgang().rad {
            let mut question = self.question(Act::Do(row), facts, self.person());
            question.record = self.named();
            let decision = self.gateway.policy.decide(&question);
            if !decision.nothing() {
                self.check_written(&decision)?;
                return Ok((row.clone(), decision));
            }
            refused_by.extend(decision.refused_by.iter().map(ToString::to_string));
            named = named.or_else(|| decision.named.clone());
            hidden |= decision.som_ukjent;
        }
        if hidden {
            // What is said of a person whom nobody knows: refused for another
            // reason, or let through and not found by the owner.
            let unknown = self.may_do(&PersonFacts::default());
            return Err(unknown
                .err()
                .unwrap_or_else(Refused::not_found)
                .by(refused_by));
        }
        // Only someone who may know of the record is told which rule refused.
        if self.person().is_some() && !self.knows(&self.could_read(facts)) {
            return Err(Refused::not_found().by(refused_by));
        }
        let rows = self.method.tilgang().rad.join(", ");
        let (rule, advice) = named.map_or_else(
            || {
                (
                    rows.clone(),
                    format!(
                        "no row of {rows} is fulfilled by your unit's functions, role and relation"
                    ),
                )
            },
            |named| (named.rule.to_string(), named.text.to_string()),
        );
        Err(Refused::new(Feilgrunn::IkkeTillatt)
            .with("regel", rule)
            .with("rad", advice)
            .by(refused_by))
    }

    /// A request field's class is the right to write it; an intake may write
    /// what it cannot read.
    fn check_written(&self, decision: &Decision) -> Result<(), Refused> {
        if self.method.tilgang().handling() == Handling::Inntak {
            return Ok(());
        }
        self.check_classes(self.request.skriver.uten(decision.classes))
    }

    /// A filter's class is the right to read.
    pub(super) fn check_filters(&self, decision: &Decision) -> Result<(), Refused> {
        self.check_classes(self.request.filtrerer.uten(decision.classes))
    }

    fn check_classes(&self, missing: Klasser) -> Result<(), Refused> {
        let missing = missing.uten(Klasser::av(&[Dataklasse::Teknisk]));
        if missing.er_tom() {
            return Ok(());
        }
        let mut refused = Refused::new(Feilgrunn::UgyldigForesporsel);
        for field in self.requests.filled(&self.body, missing) {
            refused.add_field(
                &field.path,
                Feilgrunn::FeltKlasse,
                &[("klasse", kortnavn(field.klasse))],
            );
        }
        Err(refused)
    }

    /// The request towards the service: nothing of the caller's headers, but
    /// an attestation over exactly these bytes.
    pub(super) fn attested(
        &self,
        body: Bytes,
        classes: Klasser,
        rule: &str,
    ) -> Result<Request<Bytes>, Refused> {
        if body.len() > MAX_MESSAGE {
            return Err(Refused::new(Feilgrunn::UgyldigMelding).with("feil", "too large"));
        }
        let upstream = self.upstream()?;
        let municipality = self.gateway.policy.municipality();
        let attestation = Attestasjon {
            mottaker: upstream.name.clone(),
            metode: self.method.metode.sti.clone(),
            innholdssum: samspor_chassis::attest::body_sum(&body),
            jti: super::random_id(),
            utloper: self.gateway.now() + ATTESTATION_LIFE,
            sporings_id: self.trace_id.clone(),
            aktor: Some(self.aktor()),
            aktor_person: match self.anonymous() {
                true => String::new(),
                false => self.caller.person.clone().unwrap_or_default(),
            },
            formal: self.formal.into(),
            omfang: self.name.clone(),
            klasser: classes.iter().map(Into::into).collect(),
            funksjoner: municipality.functions_of(&self.caller.enhet).to_vec(),
            regel: rule.to_owned(),
            regelversjon: self.gateway.policy.version().to_owned(),
            utforere: municipality.holders_of("utforer"),
            mandaterte: self.mandated(),
            reservert_mot: self.objected(),
            samtykker: self.consents(),
            besluttere: municipality.holders_of("vedtaksmyndighet"),
            boligtildelere: municipality
                .holders_by("tildelingsmyndighet:")
                .into_iter()
                .map(|(boligtype, enheter)| Boligtildeler { boligtype, enheter })
                .collect(),
            kommune: municipality.id.clone(),
            anonym: self.anonymous(),
            avviksmottak: self.takers(),
        };
        let mut request = Request::new(body);
        let metadata = request.metadata_mut();
        let signed = samspor_chassis::attest::sign(&upstream.key, &attestation);
        let mut signed = MetadataValue::from_bytes(&signed);
        // Also keeps it, which is new in every call, from driving the headers
        // that recur out of the connection's compression table.
        signed.set_sensitive(true);
        metadata.insert_bin("x-samspor-attest-bin", signed);
        samspor_chassis::telemetry::inject(metadata);
        Ok(request)
    }

    /// Intake for a person under strengt fortrolig address is received by
    /// whoever still sees the person.
    fn mandated(&self) -> Vec<String> {
        if self.method.tilgang().handling() != Handling::Inntak {
            return Vec::new();
        }
        self.units_of(Faktumtype::MandatStrengt)
    }

    /// Who takes an avvik that names no unit.
    fn takers(&self) -> Vec<Avviksmottak> {
        if self.method.tilgang().handling() != Handling::Inntak {
            return Vec::new();
        }
        let takers = self.gateway.policy.municipality();
        let takers = takers.holders_by("avviksmottak:").into_iter();
        takers
            .map(|(emne, enheter)| Avviksmottak { emne, enheter })
            .collect()
    }

    /// What is changed names no unit anew that the person objects to.
    fn objected(&self) -> Vec<String> {
        if self.method.tilgang().handling() != Handling::Skriv {
            return Vec::new();
        }
        self.units_of(Faktumtype::Reservasjon)
    }

    /// What is recorded refers to no consent that the unit does not have.
    fn consents(&self) -> Vec<Gittsamtykke> {
        if self.method.tilgang().handling() != Handling::Skriv {
            return Vec::new();
        }
        let facts = self.subject_facts();
        let own = Party::Enhet(self.caller.enhet.as_str().into());
        let given = facts
            .facts
            .iter()
            .filter(|fact| fact.kind == Faktumtype::Samtykke && fact.holds_at(self.now))
            .filter(|fact| fact.party == own || fact.party == Party::AlleEnheter);
        let given = given.filter_map(|fact| {
            Some(Gittsamtykke {
                samtykke: fact.samtykke.as_ref()?.to_string(),
                fra: fact.fra,
                klasser: fact.klasser.iter().map(Into::into).collect(),
            })
        });
        given.collect()
    }

    /// Units that have a fact about the person, and not one of its records.
    fn units_of(&self, kind: Faktumtype) -> Vec<String> {
        let facts = self.subject_facts();
        let mut units: Vec<String> = facts
            .facts
            .iter()
            .filter(|fact| fact.kind == kind && fact.post.is_none() && fact.holds_at(self.now))
            .filter_map(|fact| match &fact.party {
                Party::Enhet(unit) => Some(unit.to_string()),
                _ => None,
            })
            .collect();
        units.sort();
        units.dedup();
        units
    }

    /// The service that answers this call.
    pub(super) fn upstream(&self) -> Result<&'g Arc<Upstream>, Refused> {
        self.gateway
            .upstream(self.method, self.request.rute.as_deref())
    }

    /// Who acts, as logged and attested: the unit alone, where the caller must
    /// not be recognised.
    pub(super) fn aktor(&self) -> Aktor {
        let enhet = match self.caller.enhet.as_str() {
            "" => String::new(),
            unit => format!("enheter/{unit}"),
        };
        if self.anonymous() {
            return Aktor {
                enhet,
                ..Aktor::default()
            };
        }
        Aktor {
            enhet,
            ansatt: self.caller.ansatt.clone(),
            rolle: self.caller.rolle.into(),
        }
    }

    /// The method is one whose caller must not be recognised.
    pub(super) fn anonymous(&self) -> bool {
        self.method.tilgang().anonym
    }
}

/// Step 3: the purpose, bound to method and role.
fn purpose(
    gateway: &Gateway,
    method: &Method,
    caller: &Caller,
    stated: Option<&str>,
) -> Result<Formal, Refused> {
    let formal = stated
        .and_then(|name| Formal::from_str_name(&format!("FORMAL_{name}")))
        .unwrap_or_default();
    let names = |valid: &[Formal]| {
        valid
            .iter()
            .map(|formal| formalnavn(*formal))
            .collect::<Vec<_>>()
            .join(", ")
    };
    match gateway
        .policy
        .check_purpose(&method.metode, caller.rolle, formal)
    {
        Ok(()) => Ok(formal),
        Err(PurposeRefusal::Missing { gyldige }) => {
            Err(Refused::new(Feilgrunn::FormalMangler).with("gyldige", names(&gyldige)))
        }
        Err(PurposeRefusal::NotOpen { gyldige }) => Err(Refused::new(Feilgrunn::FormalIkkeTillatt)
            .with("formal", formalnavn(formal))
            .with("gyldige", names(&gyldige))),
    }
}

/// Nothing can be decided without the facts.
fn facts_down(fault: &sqlx::Error) -> Refused {
    tracing::error!(samspor.feil = %samspor_chassis::telemetry::variant(fault), "facts could not be read");
    Refused::new(Feilgrunn::Utilgjengelig).with("del", "tilgangsavgjorelsen")
}

fn subject_of(name: Option<&Name<'_>>) -> Subject {
    match name {
        Some(Name {
            person: Some(person),
            ..
        }) => Subject::Person((*person).to_owned()),
        Some(Name {
            enhet: Some(unit), ..
        }) => Subject::Unit((*unit).to_owned()),
        _ => Subject::None,
    }
}

/// Whether a case reference is the name of a record of a person.
fn is_case(text: &str) -> bool {
    let is_id = |id: &str| {
        id.len() == 36
            && id.bytes().enumerate().all(|(at, byte)| match at {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            })
    };
    let parts: Vec<&str> = text.split('/').collect();
    match parts.as_slice() {
        ["personer", person, kind, id] => {
            is_id(person) && is_id(id) && kind.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
        }
        ["granskinger", id] => is_id(id),
        _ => false,
    }
}

/// A request that cannot be read. Whether a name is well formed follows from
/// the name alone, so saying so tells nothing.
fn unreadable(fault: RequestError) -> Refused {
    match fault {
        RequestError::Name { path, form } => {
            Refused::field(&path, Feilgrunn::FeltForm, &[("form", &form)])
        }
        other => Refused::new(Feilgrunn::UgyldigMelding).with("feil", other),
    }
}
