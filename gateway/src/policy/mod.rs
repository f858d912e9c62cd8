//! The policy: who may see and do what.
//!
//! It is data: Cedar files with the rules, `formaal.toml` (purposes),
//! `roller.toml` (role x class), `fakta.toml` (what makes a relation) and the
//! municipality's file (which unit holds which function). All are embedded,
//! and can be replaced from a directory; a fault in one refuses to load, with
//! one line that names file and line. `policies/matrise.md` prints what they
//! amount to, for a person to read; `SAMSPOR_OPPDATER=1 cargo nextest run -p
//! samspor-gateway matrise` refreshes it.
//!
//! One question is about one caller, one record (or part of one) and one
//! person's facts; the answer is a set of data classes with the rules that
//! gave or closed it. [`Policy::decide`] remembers answers by a key of bits
//! (`key.rs`); [`Policy::decide_plain`] asks Cedar each time (`plain.rs`), and
//! a differential test holds the two against each other.
//!
//! To add a rule: write it in a `.cedar` file with all annotations, add its
//! worked case to `tilfeller.toml`, refresh the matrix, and read the diff.

mod files;
mod key;
mod municipality;
mod plain;
mod question;
mod reasons;
mod rules;
mod tables;
mod vocabulary;

#[cfg(test)]
mod tests;

pub use files::{LoadError, PolicySource};
pub use municipality::{Agency, Municipality, Unit};
pub use question::{
    Act, Decision, Named, Part, PurposeRefusal, Question, RuleId, RuleText, Withheld, formalnavn,
    rollenavn,
};

use std::{collections::HashMap, sync::Arc};

use cedar_policy::PolicySet;
use moka::sync::Cache;
use ring::digest::{SHA256, digest};
use samspor_proto::{
    felles::Rolle,
    klassifisering::{Klasser, Metode},
    tilgang::{Dataklasse, Formal, Subjekt},
};

use crate::model::Party;
use files::Files;
use key::{Interned, Key, act_index};
use plain::{Eier, Judge, Sight, World};
use reasons::Static;
use rules::{Rules, Trail};
pub use tables::Sources;
use tables::{Purposes, Relations, Roles};
use vocabulary::{Functions, ROWS};

/// Answers that are remembered; some 200 bytes each.
const MEMO: u64 = 200_000;

/// Rule id of a decision that failed closed.
const FAULT: &str = "FEIL";

/// The policy of one municipality. Immutable: another version is another value.
#[derive(Debug)]
pub struct Policy {
    version: String,
    core: Core,
    memo: Cache<Key, Arc<Decision>, foldhash::fast::RandomState>,
}

/// The policy without its memory of answers.
#[derive(Debug)]
struct Core {
    municipality: Municipality,
    functions: Functions,
    purposes: Purposes,
    roles: Roles,
    relations: Relations,
    rules: Rules,
    judge: Judge,
    /// Names that some rule reads, with their positions from 1.
    types: HashMap<String, u32>,
    /// Bits of the functions of each unit.
    units: HashMap<String, u64>,
    /// What may be said about a withheld class.
    reasons: Cache<Static, Withheld, foldhash::fast::RandomState>,
}

impl Policy {
    /// Reads and checks all files.
    ///
    /// # Errors
    /// On the first fault, naming file and line.
    pub fn load(source: &PolicySource) -> Result<Self, LoadError> {
        let files = Files::read(source)?;
        let functions = Functions::read(&files.funksjoner)?;
        let municipality = Municipality::read(&files.kommune, &functions)?;
        let rules = Rules::read(&files.cedar, &functions)?;
        let judge = Judge::new(&functions)
            .map_err(|fault| LoadError::new(&files.funksjoner.name, 0, fault))?;
        let mut types = HashMap::new();
        for (position, literal) in (1..).zip(rules.literals()) {
            types.entry(literal.to_owned()).or_insert(position);
        }
        let core = Core {
            purposes: Purposes::read(&files.formaal)?,
            roles: Roles::read(&files.roller)?,
            relations: Relations::read(&files.fakta)?,
            units: municipality
                .units()
                .map(|unit| (unit.id.to_string(), unit.funksjonsbits))
                .collect(),
            municipality,
            functions,
            rules,
            judge,
            types,
            reasons: Cache::builder()
                .max_capacity(MEMO)
                .build_with_hasher(foldhash::fast::RandomState::default()),
        };
        Ok(Self {
            version: files.version(),
            core,
            memo: Cache::builder()
                .max_capacity(MEMO)
                .build_with_hasher(foldhash::fast::RandomState::default()),
        })
    }

    /// All rules, in the order of the files.
    pub fn rules(&self) -> impl Iterator<Item = RuleText<'_>> {
        self.core.rules.rules.iter().map(|rule| RuleText {
            rule: &rule.rule,
            id: &rule.id,
            hjemmel: &rule.hjemmel,
            tekst: &rule.tekst,
        })
    }

    /// Short hash over all files.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Which service may state which facts.
    #[must_use]
    pub const fn sources(&self) -> &Sources {
        &self.core.relations.kilder
    }

    /// Units, agencies and functions.
    #[must_use]
    pub const fn municipality(&self) -> &Municipality {
        &self.core.municipality
    }

    /// Whether the purpose asks for a case reference (`x-samspor-sak`).
    #[must_use]
    pub fn case_required(&self, formal: Formal) -> bool {
        self.core.purposes.case_required(formal)
    }

    /// Whether a role may state a purpose in a method: the contract's list and
    /// `formaal.toml` must both have it, and SYSTEM needs the contract's flag.
    ///
    /// # Errors
    /// When not, with the purposes that are open.
    pub fn check_purpose(
        &self,
        method: &Metode,
        rolle: Rolle,
        formal: Formal,
    ) -> Result<(), PurposeRefusal> {
        self.core.purposes.check(method, rolle, formal)
    }

    /// What a caller may read or write of one record. Memoised.
    #[must_use]
    pub fn decide(&self, question: &Question<'_>) -> Arc<Decision> {
        let key = Key::of(question, self.core.interned(question));
        self.remembered(key, || self.decide_plain(question))
    }

    /// The same straight from Cedar, one request per class.
    #[must_use]
    pub fn decide_plain(&self, question: &Question<'_>) -> Decision {
        self.core.decide(question)
    }

    /// What a caller could get of some record before any look-up: the owner,
    /// the part and (unless the request names it) the record are unknown, so
    /// this is what any of them could give. Where there is no subject, so is
    /// the person. Nothing possible means: not found, whether or not it exists.
    ///
    /// A person under a core rule is answered as one that nobody knows. Memoised.
    #[must_use]
    pub fn possible(&self, question: &Question<'_>) -> Arc<Decision> {
        let key = Key::before(question, self.core.interned(question));
        self.remembered(key, || self.possible_plain(question))
    }

    /// The same straight from Cedar.
    #[must_use]
    pub fn possible_plain(&self, question: &Question<'_>) -> Decision {
        self.core.possible(question)
    }

    /// Whether the relation that opens was made by the same employee alone;
    /// the log marks it.
    #[must_use]
    pub fn own_relation(&self, question: &Question<'_>) -> bool {
        self.core.own_relation(question)
    }

    /// Digest of what the decision was made from, for the log row: the first
    /// 16 bytes of SHA-256 over the memo's key.
    #[must_use]
    pub fn grunnlag(&self, question: &Question<'_>) -> [u8; 16] {
        let key = Key::of(question, self.core.interned(question));
        let digest = digest(&SHA256, &key.bytes());
        let mut grunnlag = [0; 16];
        grunnlag
            .iter_mut()
            .zip(digest.as_ref())
            .for_each(|(to, from)| *to = *from);
        grunnlag
    }

    fn remembered(&self, key: Key, compute: impl FnOnce() -> Decision) -> Arc<Decision> {
        if let Some(hit) = self.memo.get(&key) {
            return hit;
        }
        let decision = Arc::new(compute());
        self.memo.insert(key, Arc::clone(&decision));
        decision
    }
}

impl Core {
    fn interned(&self, question: &Question<'_>) -> Interned {
        Interned {
            type_index: self.type_index(question),
            act: act_index(question.act, &ROWS),
            funksjoner: self.function_bits(question),
            klasser: asked_classes(question),
        }
    }

    fn type_index(&self, question: &Question<'_>) -> u32 {
        let name = question.ressurs.ressurs.r#type.as_str();
        self.types.get(name).copied().unwrap_or(0)
    }

    fn function_bits(&self, question: &Question<'_>) -> u64 {
        let unit = question.caller.enhet.as_str();
        self.units.get(unit).copied().unwrap_or(0)
    }

    fn type_name(&self, index: u32) -> &str {
        self.types
            .iter()
            .find(|(_, at)| **at == index)
            .map_or("", |(name, _)| name)
    }

    fn judge(&self, world: &World, classes: Klasser) -> Result<Trail, String> {
        self.judge_by(None, world, classes)
    }

    /// One Cedar request per class; a rule that cannot be evaluated gives nothing.
    fn judge_by(
        &self,
        only: Option<&PolicySet>,
        world: &World,
        classes: Klasser,
    ) -> Result<Trail, String> {
        let prepared = self.judge.prepare(&self.roles, &self.relations, world)?;
        let mut trail = Trail::default();
        for class in classes.iter() {
            let (given, rules) = self.judge.ask(&self.rules, only, &prepared, class)?;
            if given {
                trail.classes |= Klasser::av(&[class]);
                trail.permits.extend(rules);
            } else {
                trail.forbids.extend(rules);
            }
        }
        Ok(trail)
    }

    fn decide(&self, question: &Question<'_>) -> Decision {
        let functions = self.municipality.functions_of(&question.caller.enhet);
        let world = World::of(question, functions);
        let asked = asked_classes(question);
        let Ok(trail) = self.judge(&world, asked) else {
            return failed_closed();
        };
        let mut decision = self.conclude(question, &trail);
        if question.act == Act::Read && decision.existence(question.ressurs) {
            decision.withheld = asked
                .uten(decision.classes)
                .iter()
                .map(|klasse| {
                    let asked = Static {
                        klasse,
                        rolle: world.rolle,
                        formal: world.formal,
                        type_index: self.type_index(question),
                        subjekt: world.subjekt,
                        funksjoner: self.function_bits(question),
                        eier: world.eier,
                        del: world.del,
                        omfang: world.omfang,
                        har_ansatt: world.har_ansatt,
                        metode_nodtilgang: world.metode_nodtilgang,
                        metode_system: world.metode_system,
                    };
                    self.reasons.get_with(asked, || self.withheld(asked))
                })
                .collect();
        }
        decision
    }

    fn possible(&self, question: &Question<'_>) -> Decision {
        match self.possible_trail(question) {
            Ok(trail) => self.conclude(question, &trail),
            Err(_) => failed_closed(),
        }
    }

    fn possible_trail(&self, question: &Question<'_>) -> Result<Trail, String> {
        let functions = self.municipality.functions_of(&question.caller.enhet);
        let sight = match question.record {
            Some(record) => Sight::Record(record.name),
            None => Sight::Any,
        };
        let mut world = World::before(question, functions, sight);
        let asked = asked_classes(question);
        if question.subject.is_none() && matches!(world.subjekt, Subjekt::Person | Subjekt::Sak) {
            world.assume_relations();
            world.samtykke = Klasser::alle();
            world.nodtilgang = Klasser::alle();
            world.gransking = Klasser::alle();
        }
        let trail = self.any_owner(&mut world, question, asked)?;
        let hidden = self.som_ukjent(&trail);
        if hidden || question.act == Act::Read && trail.classes.er_tom() {
            // Whoever may see nothing is answered as about a person that
            // nobody knows: what the rules permit then, the records decide.
            world.forget_facts();
            let unknown = self.any_owner(&mut world, question, asked)?;
            if hidden || !unknown.classes.er_tom() {
                return Ok(unknown);
            }
        }
        Ok(trail)
    }

    /// No rule gives a part of others, or the head alone, what it does not give
    /// an own part; a test over random questions holds that.
    fn any_owner(
        &self,
        world: &mut World,
        question: &Question<'_>,
        asked: Klasser,
    ) -> Result<Trail, String> {
        let owners: &[Eier] = match question.ressurs.ressurs.eier_felt.as_str() {
            "" => &[Eier::Ingen],
            _ => &[Eier::Egen, Eier::Annen, Eier::Ingen],
        };
        world.del = Part::Own;
        let mut union = Trail::default();
        for owner in owners {
            world.eier = *owner;
            let Trail {
                classes,
                permits,
                forbids,
            } = self.judge(world, asked.uten(union.classes))?;
            union.classes |= classes;
            union.permits.extend(permits);
            union.forbids.extend(forbids);
        }
        Ok(union)
    }

    fn conclude(&self, question: &Question<'_>, trail: &Trail) -> Decision {
        let mut classes = trail.classes;
        if !classes.er_tom() {
            classes |= Klasser::av(&[Dataklasse::Teknisk]);
        }
        let named = match classes.er_tom() {
            false => None,
            true => self.named(question, trail),
        };
        Decision {
            som_ukjent: classes.er_tom() && self.som_ukjent(trail),
            classes,
            permits: Trail::told(&self.rules, &trail.permits),
            refused_by: Trail::told(&self.rules, &trail.forbids),
            named,
            withheld: Vec::new(),
        }
    }

    fn som_ukjent(&self, trail: &Trail) -> bool {
        let unknown = |at: &usize| self.rules.get(*at).is_some_and(|rule| rule.som_ukjent);
        trail.forbids.iter().any(unknown)
    }

    /// The rule that a refused caller is told: a forbid that reads no facts,
    /// else the row that would have permitted the mutation.
    fn named(&self, question: &Question<'_>, trail: &Trail) -> Option<Named> {
        let mut forbids = trail.forbids.clone();
        forbids.sort_unstable();
        forbids
            .into_iter()
            .find_map(|at| self.rules.get(at)?.named())
            .or_else(|| match question.act {
                Act::Read => None,
                Act::Do(row) => self.rules.row(row)?.named(),
            })
    }

    fn own_relation(&self, question: &Question<'_>) -> bool {
        let caller = question.caller;
        let mut relations = question
            .facts
            .facts
            .iter()
            .filter(|fact| fact.holds_at(question.now))
            .filter(|fact| match &fact.party {
                Party::Enhet(unit) => **unit == *caller.enhet,
                Party::Ansatt(_) => fact.is_of_employee(caller),
                Party::AlleEnheter | Party::Person(_) => false,
            })
            .filter(|fact| {
                self.relations.bekreftet.contains(&fact.kind)
                    || self.relations.ubekreftet.contains(&fact.kind)
            })
            .peekable();
        !caller.ansatt.is_empty()
            && relations.peek().is_some()
            && relations.all(|fact| *fact.opprettet_av == *caller.ansatt)
    }
}

/// Reading asks for the classes of the type; doing for every class, because a
/// request may carry what the record does not show.
fn asked_classes(question: &Question<'_>) -> Klasser {
    let record = &question.ressurs.ressurs;
    let existence = Dataklasse::try_from(record.eksistensklasse).unwrap_or_default();
    match question.act {
        Act::Read => question.ressurs.klasser | Klasser::av(&[existence, Dataklasse::Teknisk]),
        Act::Do(_) => Klasser::alle(),
    }
}

/// A rule that cannot be evaluated gives nothing.
fn failed_closed() -> Decision {
    tracing::error!("policy could not be evaluated");
    Decision {
        refused_by: vec![Arc::from(FAULT)],
        ..Decision::default()
    }
}
