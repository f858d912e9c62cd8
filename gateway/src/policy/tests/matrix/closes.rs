//! What closes, and what lifts it.

use std::collections::BTreeMap;

use cedar_policy::Effect;
use samspor_proto::{
    felles::{Faktumtype, Rolle},
    klassifisering::kortnavn,
};

use super::{
    super::*,
    asked::{Half, positions, rule, world},
    needs::{Change, without_facts},
    table::{join, or_dash},
};
use crate::policy::{
    plain::{CLOSING, Omfang},
    vocabulary::{READ, faktumnavn},
};

fn stranger(rolle: Rolle, action: &str) -> World {
    let mut world = without_facts(&world(rolle, action, Formal::Ytelse, "overforing"));
    world.r#type = "annen".to_owned();
    world.eier = Eier::Annen;
    world.del = Part::Head;
    world.omfang = Omfang::Ingen;
    world.funksjoner.clear();
    world
}

fn closers() -> Vec<Change> {
    let mut all: Vec<Change> = vec![
        ("alltid".to_owned(), Box::new(|_| {})),
        (
            "ikke åpen sak".to_owned(),
            Box::new(|world| world.sak_ok = false),
        ),
        (
            "en annen enhets kø".to_owned(),
            Box::new(|world| world.omfang = Omfang::AnnenEnhet),
        ),
        (
            "enheten er ekstern_part".to_owned(),
            Box::new(|world| world.funksjoner = vec!["ekstern_part".to_owned()]),
        ),
        (
            "SYSTEM".to_owned(),
            Box::new(|world| {
                world.rolle = Rolle::System;
                world.har_ansatt = false;
            }),
        ),
        (
            "SYSTEM i metode uten system".to_owned(),
            Box::new(|world| {
                world.rolle = Rolle::System;
                world.har_ansatt = false;
                world.metode_system = false;
            }),
        ),
    ];
    for kind in CLOSING {
        let name = faktumnavn(kind);
        all.push((
            format!("{name} mot enheten"),
            Box::new(move |world| {
                world.enhet = [kind].into();
                world.enhet_her = [kind].into();
            }),
        ));
        all.push((
            format!("{name} mot den ansatte"),
            Box::new(move |world| {
                world.ansatt = [kind].into();
                world.ansatt_her = [kind].into();
            }),
        ));
        all.push((
            format!("{name} mot alle enheter"),
            Box::new(move |world| {
                world.alle_her = [kind].into();
                if plain::ABOUT_THE_PERSON.contains(&kind) {
                    world.om = [kind].into();
                }
            }),
        ));
    }
    all
}

fn lifts() -> Vec<Change> {
    let broken_glass = |rolle: Rolle| -> Box<dyn Fn(&mut World)> {
        Box::new(move |world| {
            world.rolle = rolle;
            world.formal = Formal::Nodhjelp;
            world.nodtilgang = Klasser::alle();
        })
    };
    let mut all: Vec<Change> = vec![
        (
            "egen post".to_owned(),
            Box::new(|world| world.eier = Eier::Egen),
        ),
        (
            "mandat (enhet)".to_owned(),
            Box::new(|world| {
                world
                    .enhet
                    .extend([Faktumtype::Mandat, Faktumtype::MandatStrengt]);
            }),
        ),
        (
            "mandat (ansatt)".to_owned(),
            Box::new(|world| {
                world
                    .ansatt
                    .extend([Faktumtype::Mandat, Faktumtype::MandatStrengt]);
            }),
        ),
        (
            "samtykke".to_owned(),
            Box::new(|world| world.samtykke = Klasser::alle()),
        ),
        (
            "nødtilgang som BEHANDLER".to_owned(),
            broken_glass(Rolle::Behandler),
        ),
        (
            "nødtilgang som MILJO".to_owned(),
            broken_glass(Rolle::Miljo),
        ),
        (
            "personen selv".to_owned(),
            Box::new(|world| {
                world.rolle = Rolle::Innbygger;
                world.selv = true;
            }),
        ),
        (
            "representant".to_owned(),
            Box::new(|world| {
                world.rolle = Rolle::Innbygger;
                world.person_her = [Faktumtype::Representant].into();
            }),
        ),
        (
            "egen post og behandler".to_owned(),
            Box::new(|world| {
                world.rolle = Rolle::Behandler;
                world.eier = Eier::Egen;
                world.ansatt_her.insert(Faktumtype::Behandler);
            }),
        ),
        (
            "LEDER i kontrollenheten".to_owned(),
            Box::new(|world| {
                world.rolle = Rolle::Leder;
                world.funksjoner.push("kontroll".to_owned());
            }),
        ),
        (
            "PERSONVERNOMBUD".to_owned(),
            Box::new(|world| world.rolle = Rolle::Personvernombud),
        ),
        (
            "LOGGKONTROLL".to_owned(),
            Box::new(|world| world.rolle = Rolle::Loggkontroll),
        ),
    ];
    for r#type in kontrakter().ressurser.keys() {
        let name = r#type.clone();
        all.push((
            format!("type {name}"),
            Box::new(move |world| world.r#type.clone_from(&name)),
        ));
    }
    all
}

pub(super) fn closing_rows(forbids: &Half) -> Vec<Vec<String>> {
    let actions: Vec<&str> = [READ].into_iter().chain(ROWS).collect();
    let closed = |at: usize, change: &dyn Fn(&mut World)| -> BTreeMap<&str, Klasser> {
        let each = actions.iter().map(|action| {
            let mut world = stranger(Rolle::Saksbehandler, action);
            change(&mut world);
            (*action, forbids.classes_closed(&world, at))
        });
        each.filter(|(_, classes)| !classes.er_tom()).collect()
    };
    let mut rows = Vec::new();
    for at in positions(Effect::Forbid) {
        let always = closed(at, &|_| {});
        for (told, close) in closers() {
            let now_closed = closed(at, &close);
            if now_closed.is_empty() || (told != "alltid" && now_closed == always) {
                continue;
            }
            let mut lifted: Vec<String> = Vec::new();
            for (how, lift) in lifts() {
                let rest = closed(at, &|world: &mut World| {
                    close(world);
                    lift(world);
                });
                let gone = |(action, classes): (&&str, &Klasser)| {
                    let left = rest.get(*action).copied().unwrap_or_default();
                    classes.uten(left)
                };
                let opened = now_closed
                    .iter()
                    .map(gone)
                    .fold(Klasser::INGEN, |all, some| all | some);
                // That SYSTEM is no longer SYSTEM lifts nothing.
                if opened.er_tom() || told.starts_with("SYSTEM") {
                    continue;
                }
                let all = now_closed
                    .values()
                    .fold(Klasser::INGEN, |all, some| all | *some);
                lifted.push(match opened == all {
                    true => how,
                    false => format!("{how} ({})", join(opened.iter().map(kortnavn))),
                });
            }
            let classes = now_closed
                .values()
                .fold(Klasser::INGEN, |all, some| all | *some);
            rows.push(vec![
                rule(at).id.clone(),
                told,
                join(now_closed.keys()),
                match classes == Klasser::alle() {
                    true => "alle".to_owned(),
                    false => join(classes.iter().map(kortnavn)),
                },
                or_dash(lifted.join(", ")),
            ]);
        }
    }
    rows
}
