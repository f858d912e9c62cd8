//! What may be said about a withheld class.
//!
//! It is a function of [`Static`] alone, which holds nothing about the person:
//! by its type it cannot tell whether a sperring, a consent of another or a
//! diagnosis exists. It asks the rules themselves what they would say in
//! worlds that are made up.

use samspor_proto::{
    felles::{Rolle, Skjermingsgrunn},
    klassifisering::Klasser,
    tilgang::{Dataklasse, Formal, Subjekt},
};

use super::{
    Core,
    plain::{Eier, Omfang, World},
    question::{Part, RuleId, Withheld},
    vocabulary::READ,
};

/// The caller and the record as anyone may know them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Static {
    pub(super) klasse: Dataklasse,
    pub(super) rolle: Rolle,
    pub(super) formal: Formal,
    /// Position among the record types that the rules name; 0: none of them.
    pub(super) type_index: u32,
    pub(super) subjekt: Subjekt,
    pub(super) funksjoner: u64,
    pub(super) eier: Eier,
    pub(super) del: Part,
    pub(super) omfang: Omfang,
    pub(super) har_ansatt: bool,
    pub(super) metode_nodtilgang: bool,
    pub(super) metode_system: bool,
}

impl Core {
    pub(super) fn withheld(&self, asked: Static) -> Withheld {
        let (grunn, regel) = self.reason(asked);
        Withheld {
            klasse: asked.klasse,
            grunn,
            regel,
            isteden: self.roles.isteden(asked.klasse),
        }
    }

    fn reason(&self, asked: Static) -> (Skjermingsgrunn, Option<RuleId>) {
        let class = Klasser::av(&[asked.klasse]);
        let mut strangers = self.made_up(asked);
        strangers.forget_facts();
        strangers.samtykke = class;
        if let Some(rule) = self.opens(&strangers, class) {
            return (Skjermingsgrunn::SamtykkeMangler, rule);
        }
        let mut related = self.made_up(asked);
        related.assume_relations();
        if self.opens(&related, class).is_some() {
            // A relation is lacking, or something closes: neither may be said.
            return (Skjermingsgrunn::Unspecified, None);
        }
        for formal in self.purposes.of_role(asked.rolle) {
            related.formal = formal;
            // Break-glass is not something to be pointed at.
            if formal == Formal::Nodhjelp {
                continue;
            }
            if let Some(rule) = self.opens(&related, class) {
                return (Skjermingsgrunn::Formal, rule);
            }
        }
        let in_role = self.roles.row(asked.rolle).leser.har(asked.klasse);
        match !in_role && self.roles.others_read(asked.rolle, asked.klasse) {
            true => (Skjermingsgrunn::Rolle, None),
            false => (Skjermingsgrunn::Aldri, None),
        }
    }

    /// Whether the rules open the class, and which one does, if it may be named.
    fn opens(&self, world: &World, class: Klasser) -> Option<Option<RuleId>> {
        let trail = self.judge(world, class).ok()?;
        if trail.classes.er_tom() {
            return None;
        }
        let first = trail.permits.iter().min()?;
        let rule = self.rules.get(*first)?;
        Some(rule.named().map(|named| named.rule))
    }

    fn made_up(&self, asked: Static) -> World {
        let Static {
            klasse: _,
            rolle,
            formal,
            type_index,
            subjekt,
            funksjoner,
            eier,
            del,
            omfang,
            har_ansatt,
            metode_nodtilgang,
            metode_system,
        } = asked;
        World {
            rolle,
            action: READ.to_owned(),
            formal,
            r#type: self.type_name(type_index).to_owned(),
            subjekt,
            eier,
            del,
            omfang,
            funksjoner: self
                .functions
                .names()
                .enumerate()
                .filter(|(at, _)| funksjoner >> at & 1 == 1)
                .map(|(_, name)| name.to_owned())
                .collect(),
            enhet: [].into(),
            enhet_her: [].into(),
            alle_her: [].into(),
            ansatt: [].into(),
            ansatt_her: [].into(),
            person_her: [].into(),
            om: [].into(),
            samtykke: Klasser::INGEN,
            nodtilgang: Klasser::INGEN,
            gransking: Klasser::INGEN,
            selv: rolle == Rolle::Innbygger,
            har_ansatt,
            unntatt_innsyn: false,
            utlopt: false,
            metode_nodtilgang,
            metode_system,
            sak_ok: true,
        }
    }
}
