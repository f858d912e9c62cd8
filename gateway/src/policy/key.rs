//! The memo's key: everything that can change an answer, as bits. Expiry is
//! already evaluated, so that a key stays true as long as the policy does.
//!
//! It reads the raw question on its own, sharing no code with `plain.rs`; a
//! differential test over random questions proves that it misses no input.

use samspor_proto::{
    felles::{Faktumtype, Rolle},
    klassifisering::Klasser,
    tilgang::{Formal, Subjekt},
};

use super::question::{Act, Part, Question};
use crate::model::{Caller, Fact, Happened, Mandate, Party};

/// Words of a [`Key`].
pub(super) const WORDS: usize = 16;

/// The reduced question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key(pub(super) [u32; WORDS]);

/// What the policy's tables say about the question's names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Interned {
    /// Position of the record type among the names that some rule reads; 0: none.
    pub(super) type_index: u32,
    /// Position of the row; 0: reading, 255: unknown.
    pub(super) act: u32,
    /// Functions of the caller's unit.
    pub(super) funksjoner: u64,
    /// Classes that are asked for.
    pub(super) klasser: Klasser,
}

const CLOSING: u32 =
    bit(Faktumtype::Inhabil) | bit(Faktumtype::Reservasjon) | bit(Faktumtype::Sperring) | ABOUT;
const ABOUT: u32 = bit(Faktumtype::AdresseFortrolig) | bit(Faktumtype::AdresseStrengtFortrolig);

const fn bit(kind: Faktumtype) -> u32 {
    1 << kind as u32
}

impl Key {
    /// Key of a question about a known record.
    pub(super) fn of(question: &Question<'_>, names: Interned) -> Self {
        let (eier, name, unntatt, utlopt) = match &question.record {
            None => (0, "", false, false),
            Some(record) => {
                let eier = match record.eier {
                    "" => 0,
                    own if own == question.caller.enhet => 1,
                    _ => 2,
                };
                let utlopt = record.utloper <= question.now;
                (eier, record.name, record.unntatt_innsyn, utlopt)
            }
        };
        let part = match question.part {
            Part::Head => 0,
            Part::Own => 1,
            Part::Other => 2,
        };
        let about = eier | part << 2 | flag(unntatt, 4) | flag(utlopt, 5);
        let happened = question.record.and_then(|record| record.skjedde);
        Self::build(question, names, Some((name, happened)), about)
    }

    /// Key before any look-up.
    pub(super) fn before(question: &Question<'_>, names: Interned) -> Self {
        let owned = !question.ressurs.ressurs.eier_felt.is_empty();
        let name = question.record.as_ref().map(|record| record.name);
        let about = flag(owned, 0) | 1 << 7;
        let mut key = Self::build(question, names, name.map(|name| (name, None)), about);
        // When it happened is not known before the look-up.
        key.0[GRANSKING] = mandated(question, |_| true);
        key
    }

    fn build(
        question: &Question<'_>,
        names: Interned,
        record: Option<(&str, Option<Happened>)>,
        about_record: u32,
    ) -> Self {
        let Question {
            caller,
            formal,
            act: _,
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
        } = question;
        let name = record.map(|(name, _)| name);
        let innbygger = caller.rolle == Rolle::Innbygger;
        let person = caller.person.as_deref().filter(|_| innbygger);
        let subjekt = match ressurs.ressurs.subjekt() {
            Subjekt::Person => 1,
            Subjekt::Enhet => 2,
            Subjekt::Sak => 3,
            Subjekt::Ingen | Subjekt::Unspecified => 0,
        };
        let omfang = match omfang_enhet {
            None => 0,
            Some(unit) if !unit.is_empty() && *unit == caller.enhet => 1,
            Some(_) => 2,
        };
        let mut flags = flag(person.is_some() && person == *subject, 0)
            | flag(!caller.ansatt.is_empty(), 1)
            | flag(*method_nodtilgang, 2)
            | flag(*method_system, 3)
            | flag(*sak_ok, 4)
            | flag(subject.is_some(), 5);

        let mut enhet = 0;
        let mut enhet_her = 0;
        let mut alle_her = 0;
        let mut ansatt = 0;
        let mut ansatt_her = 0;
        let mut person_her = 0;
        let mut om = 0;
        let mut samtykke = 0;
        let mut nodtilgang = 0;
        for fact in &facts.facts {
            if !fact.holds_at(*now) {
                continue;
            }
            let kind = bit(fact.kind);
            om |= kind & ABOUT;
            let her = match (&fact.post, name) {
                (None, _) => true,
                (Some(post), Some(name)) => &**post == name,
                (Some(_), None) => kind & CLOSING == 0,
            };
            let classes = || {
                let role = fact.rolle == Rolle::Unspecified || fact.rolle == caller.rolle;
                let purpose = fact.formal == Formal::Unspecified || fact.formal == *formal;
                if her && role && purpose {
                    fact.klasser.bits()
                } else {
                    0
                }
            };
            match &fact.party {
                Party::Enhet(unit) if !unit.is_empty() && **unit == *caller.enhet => {
                    enhet |= kind;
                    if her {
                        enhet_her |= kind;
                    }
                    if fact.kind == Faktumtype::Samtykke {
                        samtykke |= classes();
                    }
                }
                Party::AlleEnheter if her && !caller.enhet.is_empty() => alle_her |= kind,
                Party::Ansatt(id)
                    if !id.is_empty() && **id == *caller.ansatt && in_unit(fact, caller) =>
                {
                    ansatt |= kind;
                    if her {
                        ansatt_her |= kind;
                    }
                    if fact.kind == Faktumtype::Nodtilgang {
                        nodtilgang |= classes();
                    }
                }
                Party::Person(id) if her && person == Some(&**id) => {
                    person_her |= kind;
                    // Another id of the same human.
                    let same = fact.kind == Faktumtype::Sammenslatt && subject.is_some();
                    flags |= flag(same, 0);
                }
                Party::Enhet(_) | Party::AlleEnheter | Party::Ansatt(_) | Party::Person(_) => {}
            }
        }

        let eksistens = low(ressurs.ressurs.eksistensklasse);
        let rolle = low(caller.rolle as i32);
        let formal = low(*formal as i32);
        Self([
            names.act | rolle << 8 | formal << 16 | eksistens << 24,
            flags | subjekt << 8 | omfang << 10 | about_record << 16,
            names.type_index,
            names.klasser.bits(),
            low_half(names.funksjoner),
            low_half(names.funksjoner >> 32),
            enhet,
            enhet_her,
            alle_her,
            ansatt,
            ansatt_her,
            person_her,
            om,
            samtykke,
            nodtilgang,
            mandated(question, |mandate| {
                record.is_some_and(|(_, happened)| mandate.covers(happened))
            }),
        ])
    }

    /// The key that leaves some bits out.
    #[cfg(test)]
    pub(super) fn without(mut self, word: usize, mask: u32) -> Self {
        if let Some(word) = self.0.get_mut(word) {
            *word &= !mask;
        }
        self
    }

    /// Canonical bytes, for the digest in the log.
    pub(super) fn bytes(self) -> Vec<u8> {
        self.0.iter().flat_map(|word| word.to_be_bytes()).collect()
    }
}

/// Word of a [`Key`] with the classes of the mandate.
const GRANSKING: usize = 15;

/// Classes that the mandates open to which the call refers.
fn mandated(question: &Question<'_>, covers: impl Fn(&Mandate) -> bool) -> u32 {
    let mut classes = 0;
    for fact in &question.facts.facts {
        let Some(mandate) = &fact.mandat else {
            continue;
        };
        let caller = question.caller;
        let own =
            matches!(&fact.party, Party::Ansatt(id) if !id.is_empty() && **id == *caller.ansatt);
        if own
            && in_unit(fact, caller)
            && fact.kind == Faktumtype::Gransker
            && fact.holds_at(question.now)
            && mandate.navn == question.sak
            && covers(mandate)
        {
            classes |= fact.klasser.bits();
        }
    }
    classes
}

/// Whether the caller works where the employee of a fact has it.
fn in_unit(fact: &Fact, caller: &Caller) -> bool {
    match &fact.enhet {
        None => true,
        Some(unit) => **unit == *caller.enhet,
    }
}

/// Position of the row of a question: 0 for reading, 255 for an unknown row.
pub(super) fn act_index(act: Act<'_>, rows: &[&str]) -> u32 {
    match act {
        Act::Read => 0,
        Act::Do(row) => rows
            .iter()
            .position(|known| *known == row)
            .and_then(|at| u32::try_from(at + 1).ok())
            .unwrap_or(255),
    }
}

const fn flag(value: bool, at: u32) -> u32 {
    (value as u32) << at
}

/// Enum numbers are small; a number out of range is told apart as 255.
fn low(number: i32) -> u32 {
    u8::try_from(number).map_or(255, u32::from)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the other half is in the next word"
)]
const fn low_half(bits: u64) -> u32 {
    bits as u32
}

/// Every part of the key by name, with its word and bits: what a test leaves
/// out to see that it is missed.
#[cfg(test)]
pub(super) fn parts() -> Vec<(&'static str, usize, u32)> {
    vec![
        ("act", 0, 0xff),
        ("rolle", 0, 0xff00),
        ("formal", 0, 0x00ff_0000),
        ("eksistensklasse", 0, 0xff00_0000),
        ("selv", 1, 1),
        ("har_ansatt", 1, 1 << 1),
        ("metode_nodtilgang", 1, 1 << 2),
        ("metode_system", 1, 1 << 3),
        ("sak_ok", 1, 1 << 4),
        ("subject known", 1, 1 << 5),
        ("subjekt", 1, 3 << 8),
        ("omfang", 1, 3 << 10),
        ("eier", 1, 3 << 16),
        ("del", 1, 3 << 18),
        ("unntatt_innsyn", 1, 1 << 20),
        ("utlopt", 1, 1 << 21),
        ("before the look-up", 1, 1 << 23),
        ("type", 2, u32::MAX),
        ("klasser", 3, u32::MAX),
        ("funksjoner", 4, u32::MAX),
        ("enhet", 6, u32::MAX),
        ("enhet_her", 7, u32::MAX),
        ("alle_her", 8, u32::MAX),
        ("ansatt", 9, u32::MAX),
        ("ansatt_her", 10, u32::MAX),
        ("person_her", 11, u32::MAX),
        ("om", 12, u32::MAX),
        ("samtykke", 13, u32::MAX),
        ("nodtilgang", 14, u32::MAX),
        ("gransking", GRANSKING, u32::MAX),
    ]
}
