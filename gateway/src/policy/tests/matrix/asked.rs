//! What is asked of the rules: a world, and the rules of one effect alone.

use cedar_policy::Effect;
use samspor_proto::felles::Rolle;

use super::super::*;
use crate::policy::{
    plain::{Omfang, Prepared},
    rules::Rule,
    vocabulary::alle_klasser,
};

/// A world in which everything that opens is there, and nothing that closes.
pub(in super::super) fn world(rolle: Rolle, action: &str, formal: Formal, r#type: &str) -> World {
    let core = &KARMOY.core;
    let mut world = World {
        rolle,
        action: action.to_owned(),
        formal,
        r#type: r#type.to_owned(),
        subjekt: ressurstype(r#type).ressurs.subjekt(),
        eier: Eier::Egen,
        del: Part::Own,
        omfang: Omfang::EgenEnhet,
        funksjoner: core
            .functions
            .names()
            .filter(|name| *name != "ekstern_part")
            .map(str::to_owned)
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
        selv: false,
        har_ansatt: !matches!(rolle, Rolle::System | Rolle::Innbygger),
        unntatt_innsyn: false,
        utlopt: false,
        metode_nodtilgang: true,
        metode_system: true,
        sak_ok: true,
    };
    world.assume_relations();
    if rolle != Rolle::Innbygger {
        world.samtykke = Klasser::alle();
        world.nodtilgang = Klasser::alle();
        world.gransking = Klasser::alle();
    }
    world
}

/// The rules of one effect alone, so that the answer lists all that hold.
pub(super) struct Half {
    policies: PolicySet,
}

impl Half {
    pub(super) fn of(effect: Effect) -> Self {
        let all = KARMOY.core.rules.policies.policies();
        let chosen = all.filter(|policy| policy.effect() == effect).cloned();
        Self {
            policies: PolicySet::from_policies(chosen).unwrap(),
        }
    }

    pub(super) fn prepare(world: &World) -> Prepared {
        let core = &KARMOY.core;
        core.judge
            .prepare(&core.roles, &core.relations, world)
            .unwrap()
    }

    /// Positions of the rules that hold for a class.
    pub(super) fn hold(&self, prepared: &Prepared, class: Dataklasse) -> Vec<usize> {
        let core = &KARMOY.core;
        core.judge
            .ask(&core.rules, Some(&self.policies), prepared, class)
            .unwrap()
            .1
    }

    pub(super) fn classes_closed(&self, world: &World, rule: usize) -> Klasser {
        let prepared = Self::prepare(world);
        alle_klasser()
            .filter(|class| self.hold(&prepared, *class).contains(&rule))
            .collect()
    }
}

pub(super) fn rule(at: usize) -> &'static Rule {
    KARMOY.core.rules.get(at).unwrap()
}

pub(super) fn positions(effect: Effect) -> Vec<usize> {
    let rules = &KARMOY.core.rules.rules;
    (0..rules.len())
        .filter(|at| rules[*at].effect == effect)
        .collect()
}
