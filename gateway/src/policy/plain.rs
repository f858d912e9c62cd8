//! The plain path: a raw question becomes a world, the world a Cedar context,
//! and each class one Cedar request. Slow and simple on purpose: the memo
//! (`key.rs`) is proved against it, so the two share no code that reads facts.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cedar_policy::{
    Authorizer, Context, Decision as Verdict, Entities, EntityUid, PolicySet, Request,
    RestrictedExpression,
};
use samspor_proto::{
    felles::{Faktumtype, Rolle},
    klassifisering::{Klasser, kortnavn},
    tilgang::{Dataklasse, Formal, Subjekt},
};

use super::{
    question::{Act, Part, Question, formalnavn, rollenavn},
    rules::Rules,
    tables::{Relations, Roles},
    vocabulary::{
        Functions, READ, ROWS, alle_faktumtyper, alle_formal, alle_klasser, alle_roller, entity,
        faktumnavn,
    },
};
use crate::model::{Fact, Mandate, Party};

/// Kinds that are about the person, whoever their party is.
pub(super) const ABOUT_THE_PERSON: [Faktumtype; 2] = [
    Faktumtype::AdresseFortrolig,
    Faktumtype::AdresseStrengtFortrolig,
];

/// Kinds that only ever close. Before a look-up, one that is limited to a
/// record is left out, where one that opens is counted in.
pub(super) const CLOSING: [Faktumtype; 5] = [
    Faktumtype::Inhabil,
    Faktumtype::Reservasjon,
    Faktumtype::Sperring,
    Faktumtype::AdresseFortrolig,
    Faktumtype::AdresseStrengtFortrolig,
];

/// Who owns the record, as seen by the caller's unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Eier {
    Egen,
    Annen,
    Ingen,
}

/// Whose queue or feed the request names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Omfang {
    Ingen,
    EgenEnhet,
    AnnenEnhet,
}

/// Everything that the rules read, as values.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) rolle: Rolle,
    pub(super) action: String,
    pub(super) formal: Formal,
    pub(super) r#type: String,
    pub(super) subjekt: Subjekt,
    pub(super) eier: Eier,
    pub(super) del: Part,
    pub(super) omfang: Omfang,
    pub(super) funksjoner: Vec<String>,
    pub(super) enhet: BTreeSet<Faktumtype>,
    pub(super) enhet_her: BTreeSet<Faktumtype>,
    pub(super) alle_her: BTreeSet<Faktumtype>,
    pub(super) ansatt: BTreeSet<Faktumtype>,
    pub(super) ansatt_her: BTreeSet<Faktumtype>,
    pub(super) person_her: BTreeSet<Faktumtype>,
    pub(super) om: BTreeSet<Faktumtype>,
    pub(super) samtykke: Klasser,
    pub(super) nodtilgang: Klasser,
    pub(super) gransking: Klasser,
    pub(super) selv: bool,
    pub(super) har_ansatt: bool,
    pub(super) unntatt_innsyn: bool,
    pub(super) utlopt: bool,
    pub(super) metode_nodtilgang: bool,
    pub(super) metode_system: bool,
    pub(super) sak_ok: bool,
}

/// How much of the record is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight<'a> {
    /// Its name: what is limited to another record does not cover it.
    Record(&'a str),
    /// Nothing: it may be any record of the person.
    Any,
}

impl World {
    /// The world of a question about a known record.
    pub(super) fn of(question: &Question<'_>, funksjoner: &[String]) -> Self {
        let name = question.record.map_or("", |record| record.name);
        let mut world = Self::before(question, funksjoner, Sight::Record(name));
        world.eier = match question.record {
            Some(record) if record.eier.is_empty() => Eier::Ingen,
            Some(record) if record.eier == question.caller.enhet => Eier::Egen,
            Some(_) => Eier::Annen,
            None => Eier::Ingen,
        };
        world.del = question.part;
        world.unntatt_innsyn = question.record.is_some_and(|record| record.unntatt_innsyn);
        world.utlopt = question
            .record
            .is_some_and(|record| record.utloper <= question.now);
        let happened = question.record.and_then(|record| record.skjedde);
        world.gransking = mandated(question, &|mandate| mandate.covers(happened));
        world
    }

    /// The world before any look-up, without owner and part.
    pub(super) fn before(question: &Question<'_>, funksjoner: &[String], sight: Sight<'_>) -> Self {
        let Question {
            caller,
            formal,
            act,
            ressurs,
            record: _,
            part: _,
            subject,
            omfang_enhet,
            facts,
            method_nodtilgang,
            method_system,
            sak_ok,
            sak: _,
            now,
        } = *question;
        let innbygger = caller.rolle == Rolle::Innbygger;
        let covers = |fact: &Fact| match (&fact.post, sight) {
            (None, _) => true,
            (Some(post), Sight::Record(name)) => **post == *name,
            (Some(_), Sight::Any) => !CLOSING.contains(&fact.kind),
        };
        let own_unit = |fact: &Fact| matches!(&fact.party, Party::Enhet(unit) if !unit.is_empty() && **unit == *caller.enhet);
        let every_unit = |fact: &Fact| fact.party == Party::AlleEnheter && !caller.enhet.is_empty();
        let own_self = |fact: &Fact| fact.is_of_employee(caller);
        let as_person = |fact: &Fact| match (&fact.party, &caller.person) {
            (Party::Person(party), Some(person)) => innbygger && **party == **person,
            _ => false,
        };
        let holding: Vec<&Fact> = facts
            .facts
            .iter()
            .filter(|fact| fact.holds_at(now))
            .collect();
        let kinds = |which: &dyn Fn(&Fact) -> bool| -> BTreeSet<Faktumtype> {
            let chosen = holding.iter().filter(|fact| which(fact));
            chosen.map(|fact| fact.kind).collect()
        };
        let classes = |kind: Faktumtype, which: &dyn Fn(&Fact) -> bool| {
            holding
                .iter()
                .filter(|fact| fact.kind == kind && covers(fact) && which(fact))
                .filter(|fact| fact.rolle == Rolle::Unspecified || fact.rolle == caller.rolle)
                .filter(|fact| fact.formal == Formal::Unspecified || fact.formal == formal)
                .fold(Klasser::INGEN, |classes, fact| classes | fact.klasser)
        };
        Self {
            rolle: caller.rolle,
            action: match act {
                Act::Read => READ.to_owned(),
                Act::Do(row) => row.to_owned(),
            },
            formal,
            r#type: ressurs.ressurs.r#type.clone(),
            subjekt: ressurs.ressurs.subjekt(),
            eier: Eier::Ingen,
            del: Part::Head,
            omfang: match omfang_enhet {
                None => Omfang::Ingen,
                Some(unit) if !unit.is_empty() && unit == caller.enhet => Omfang::EgenEnhet,
                Some(_) => Omfang::AnnenEnhet,
            },
            funksjoner: funksjoner.to_vec(),
            enhet: kinds(&own_unit),
            enhet_her: kinds(&|fact| own_unit(fact) && covers(fact)),
            alle_her: kinds(&|fact| every_unit(fact) && covers(fact)),
            ansatt: kinds(&own_self),
            ansatt_her: kinds(&|fact| own_self(fact) && covers(fact)),
            person_her: kinds(&|fact| as_person(fact) && covers(fact)),
            om: kinds(&|fact| ABOUT_THE_PERSON.contains(&fact.kind)),
            samtykke: classes(Faktumtype::Samtykke, &own_unit),
            nodtilgang: classes(Faktumtype::Nodtilgang, &own_self),
            gransking: mandated(question, &|_| true),
            selv: innbygger
                && subject.is_some()
                && (caller.person.as_deref() == subject
                    || holding
                        .iter()
                        .any(|fact| fact.kind == Faktumtype::Sammenslatt && as_person(fact))),
            har_ansatt: !caller.ansatt.is_empty(),
            unntatt_innsyn: false,
            utlopt: false,
            metode_nodtilgang: method_nodtilgang,
            metode_system: method_system,
            sak_ok,
        }
    }

    /// The same with nothing known about the person. What the caller opened by
    /// break-glass stays, and what a mandate opened: both can be on any id.
    pub(super) fn forget_facts(&mut self) {
        for kinds in [
            &mut self.enhet,
            &mut self.enhet_her,
            &mut self.alle_her,
            &mut self.ansatt,
            &mut self.ansatt_her,
            &mut self.person_her,
            &mut self.om,
        ] {
            kinds.clear();
        }
        self.samtykke = Klasser::INGEN;
    }

    /// The same with every relation that opens, and none that closes; a
    /// consent and a break-glass session only where asked for.
    pub(super) fn assume_relations(&mut self) {
        self.forget_facts();
        self.nodtilgang = Klasser::INGEN;
        self.gransking = Klasser::INGEN;
        let open: BTreeSet<Faktumtype> = alle_faktumtyper()
            .filter(|kind| !CLOSING.contains(kind))
            .collect();
        let innbygger = self.rolle == Rolle::Innbygger;
        if innbygger {
            self.person_her = open;
        } else {
            self.enhet.clone_from(&open);
            self.enhet_her.clone_from(&open);
            if self.har_ansatt {
                self.ansatt.clone_from(&open);
                self.ansatt_her = open;
            }
        }
        self.selv = innbygger;
    }
}

/// Classes that the mandates open to which the call refers.
fn mandated(question: &Question<'_>, covers: &dyn Fn(&Mandate) -> bool) -> Klasser {
    let Question {
        caller,
        facts,
        sak,
        now,
        ..
    } = question;
    let reviews = |fact: &&Fact| {
        fact.kind == Faktumtype::Gransker && fact.holds_at(*now) && fact.is_of_employee(caller)
    };
    let held = facts.facts.iter().filter(reviews);
    held.filter(|fact| {
        let mandate = fact.mandat.as_deref();
        mandate.is_some_and(|mandate| mandate.navn == **sak && covers(mandate))
    })
    .fold(Klasser::INGEN, |classes, fact| classes | fact.klasser)
}

/// Entities of the vocabulary, made once.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) rolle: BTreeMap<Rolle, EntityUid>,
    pub(super) klasse: BTreeMap<Dataklasse, EntityUid>,
    formal: BTreeMap<Formal, EntityUid>,
    faktum: BTreeMap<Faktumtype, EntityUid>,
    funksjon: HashMap<String, EntityUid>,
    pub(super) action: HashMap<&'static str, EntityUid>,
    eier: BTreeMap<Eier, EntityUid>,
    omfang: BTreeMap<Omfang, EntityUid>,
    del: [EntityUid; 3],
    subjekt: [EntityUid; 4],
}

impl Names {
    pub(super) fn new(functions: &Functions) -> Result<Self, String> {
        let funksjon = |name: &str| Ok((name.to_owned(), entity("Funksjon", name)?));
        let action = |name: &'static str| Ok((name, entity("Action", name)?));
        Ok(Self {
            rolle: alle_roller()
                .map(|r| Ok((r, entity("Rolle", rollenavn(r))?)))
                .collect::<Result<_, String>>()?,
            klasse: alle_klasser()
                .map(|k| Ok((k, entity("Klasse", kortnavn(k))?)))
                .collect::<Result<_, String>>()?,
            formal: alle_formal()
                .map(|f| Ok((f, entity("Formal", formalnavn(f))?)))
                .collect::<Result<_, String>>()?,
            faktum: alle_faktumtyper()
                .map(|f| Ok((f, entity("Faktum", faktumnavn(f))?)))
                .collect::<Result<_, String>>()?,
            funksjon: functions
                .names()
                .map(funksjon)
                .collect::<Result<_, String>>()?,
            action: ROWS
                .into_iter()
                .chain([READ])
                .map(action)
                .collect::<Result<_, String>>()?,
            eier: [
                (Eier::Egen, entity("Eier", "egen")?),
                (Eier::Annen, entity("Eier", "annen")?),
                (Eier::Ingen, entity("Eier", "ingen")?),
            ]
            .into(),
            omfang: [
                (Omfang::Ingen, entity("Omfang", "ingen")?),
                (Omfang::EgenEnhet, entity("Omfang", "egen_enhet")?),
                (Omfang::AnnenEnhet, entity("Omfang", "annen_enhet")?),
            ]
            .into(),
            del: [
                entity("Del", "hode")?,
                entity("Del", "egen")?,
                entity("Del", "annen")?,
            ],
            subjekt: [
                entity("Subjekt", "person")?,
                entity("Subjekt", "enhet")?,
                entity("Subjekt", "ingen")?,
                entity("Subjekt", "sak")?,
            ],
        })
    }
}

/// A request without its class.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    principal: EntityUid,
    action: EntityUid,
    context: Context,
}

/// Cedar with the vocabulary: judges worlds.
#[derive(Debug)]
pub(super) struct Judge {
    authorizer: Authorizer,
    entities: Entities,
    names: Names,
}

impl Judge {
    pub(super) fn new(functions: &Functions) -> Result<Self, String> {
        Ok(Self {
            authorizer: Authorizer::new(),
            entities: Entities::empty(),
            names: Names::new(functions)?,
        })
    }

    /// A world in Cedar's words.
    ///
    /// # Errors
    /// When a value of it is no word of the rules.
    pub(super) fn prepare(
        &self,
        roles: &Roles,
        relations: &Relations,
        world: &World,
    ) -> Result<Prepared, String> {
        let unknown = || format!("{}, {:?}: no word of the rules", world.action, world.rolle);
        let names = &self.names;
        let principal = names.rolle.get(&world.rolle).ok_or_else(unknown)?;
        let action = names
            .action
            .get(world.action.as_str())
            .ok_or_else(unknown)?;
        Ok(Prepared {
            principal: principal.clone(),
            action: action.clone(),
            context: self.context(roles, relations, world)?,
        })
    }

    /// What the rules, or `only` some of them, say of one class: whether it is
    /// given, and the rules that gave it or else closed it.
    ///
    /// # Errors
    /// When a rule cannot be evaluated.
    pub(super) fn ask(
        &self,
        rules: &Rules,
        only: Option<&PolicySet>,
        prepared: &Prepared,
        class: Dataklasse,
    ) -> Result<(bool, Vec<usize>), String> {
        let Prepared {
            principal,
            action,
            context,
        } = prepared.clone();
        let resource = self.names.klasse.get(&class).ok_or("no class")?.clone();
        let request =
            Request::new(principal, action, resource, context, None).map_err(|e| e.to_string())?;
        let policies = only.unwrap_or_else(|| rules.slice_for(&request));
        let response = self
            .authorizer
            .is_authorized(&request, policies, &self.entities);
        let diagnostics = response.diagnostics();
        if let Some(error) = diagnostics.errors().next() {
            return Err(error.to_string());
        }
        let determining = diagnostics.reason().filter_map(|id| rules.position(id));
        Ok((response.decision() == Verdict::Allow, determining.collect()))
    }

    fn context(
        &self,
        roles: &Roles,
        relations: &Relations,
        world: &World,
    ) -> Result<Context, String> {
        let World {
            rolle,
            action: _,
            formal,
            r#type,
            subjekt,
            eier,
            del,
            omfang,
            funksjoner,
            enhet,
            enhet_her,
            alle_her,
            ansatt,
            ansatt_her,
            person_her,
            om,
            samtykke,
            nodtilgang,
            gransking,
            selv,
            har_ansatt,
            unntatt_innsyn,
            utlopt,
            metode_nodtilgang,
            metode_system,
            sak_ok,
        } = world;
        let names = &self.names;
        let row = roles.row(*rolle);
        let bekreftet = relations
            .bekreftet
            .iter()
            .any(|kind| enhet.contains(kind) || ansatt.contains(kind));
        let ubekreftet = relations
            .ubekreftet
            .iter()
            .any(|kind| enhet.contains(kind) || ansatt.contains(kind));
        let [hode, egen, annen] = &names.del;
        let [person, en_enhet, ingen, sak] = &names.subjekt;
        let del = match del {
            Part::Head => hode,
            Part::Own => egen,
            Part::Other => annen,
        };
        let subjekt = match subjekt {
            Subjekt::Person => person,
            Subjekt::Enhet => en_enhet,
            Subjekt::Ingen | Subjekt::Unspecified => ingen,
            Subjekt::Sak => sak,
        };
        let facts = |kinds: &BTreeSet<Faktumtype>| {
            set(kinds.iter().filter_map(|kind| names.faktum.get(kind)))
        };
        let classes = |classes: Klasser| {
            let members: Vec<Dataklasse> = classes.iter().collect();
            set(members.iter().filter_map(|class| names.klasse.get(class)))
        };
        let one = |entity: Option<&EntityUid>| {
            entity
                .cloned()
                .map(RestrictedExpression::new_entity_uid)
                .ok_or("a value is no word of the rules")
        };
        let pairs = [
            ("formal", one(names.formal.get(formal))?),
            ("type", RestrictedExpression::new_string(r#type.clone())),
            ("subjekt", one(Some(subjekt))?),
            ("eier", one(names.eier.get(eier))?),
            ("del", one(Some(del))?),
            ("omfang", one(names.omfang.get(omfang))?),
            (
                "funksjoner",
                set(funksjoner.iter().filter_map(|f| names.funksjon.get(f))),
            ),
            ("rolle_leser", classes(row.leser)),
            ("rolle_skriver", classes(row.skriver)),
            ("rolle_samtykke", classes(row.samtykke)),
            ("enhet", facts(enhet)),
            ("enhet_her", facts(enhet_her)),
            ("alle_her", facts(alle_her)),
            ("ansatt", facts(ansatt)),
            ("ansatt_her", facts(ansatt_her)),
            ("person_her", facts(person_her)),
            ("om", facts(om)),
            (
                "relasjon",
                RestrictedExpression::new_bool(bekreftet || ubekreftet),
            ),
            ("bekreftet", RestrictedExpression::new_bool(bekreftet)),
            ("samtykke", classes(*samtykke)),
            ("nodtilgang", classes(*nodtilgang)),
            ("gransking", classes(*gransking)),
            ("selv", RestrictedExpression::new_bool(*selv)),
            ("har_ansatt", RestrictedExpression::new_bool(*har_ansatt)),
            (
                "unntatt_innsyn",
                RestrictedExpression::new_bool(*unntatt_innsyn),
            ),
            ("utlopt", RestrictedExpression::new_bool(*utlopt)),
            (
                "metode_nodtilgang",
                RestrictedExpression::new_bool(*metode_nodtilgang),
            ),
            (
                "metode_system",
                RestrictedExpression::new_bool(*metode_system),
            ),
            ("sak_ok", RestrictedExpression::new_bool(*sak_ok)),
        ];
        Context::from_pairs(pairs.map(|(name, value)| (name.to_owned(), value)))
            .map_err(|e| e.to_string())
    }
}

fn set<'a>(members: impl Iterator<Item = &'a EntityUid>) -> RestrictedExpression {
    RestrictedExpression::new_set(members.cloned().map(RestrictedExpression::new_entity_uid))
}
