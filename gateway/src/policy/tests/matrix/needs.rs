//! What each rule needs.

use std::collections::{BTreeMap, BTreeSet};

use samspor_proto::{
    felles::{Faktumtype, Rolle},
    klassifisering::kortnavn,
};

use super::{
    super::*,
    asked::{Half, rule, world},
    table::{join, or_dash},
};
use crate::policy::{
    plain::Omfang,
    vocabulary::{READ, alle_faktumtyper, alle_klasser, alle_roller, faktumnavn},
};

/// A change to a world, and how it is told.
pub(super) type Change = (String, Box<dyn Fn(&mut World)>);

fn fact_scenarios() -> Vec<Change> {
    let mut all: Vec<Change> = Vec::new();
    for kind in alle_faktumtyper() {
        let name = faktumnavn(kind);
        all.push((
            format!("enheten er {name}"),
            Box::new(move |world| {
                world.enhet = [kind].into();
            }),
        ));
        all.push((
            format!("enheten er {name} for posten"),
            Box::new(move |world| {
                world.enhet = [kind].into();
                world.enhet_her = [kind].into();
            }),
        ));
        all.push((
            format!("den ansatte er {name}"),
            Box::new(move |world| {
                world.ansatt = [kind].into();
            }),
        ));
        all.push((
            format!("den ansatte er {name} for posten"),
            Box::new(move |world| {
                world.ansatt = [kind].into();
                world.ansatt_her = [kind].into();
            }),
        ));
        all.push((
            format!("innbyggeren er {name}"),
            Box::new(move |world| {
                world.person_her = [kind].into();
            }),
        ));
    }
    all.push((
        "innbyggeren er personen".to_owned(),
        Box::new(|world| world.selv = true),
    ));
    all.push((
        "samtykke til klassen".to_owned(),
        Box::new(|world| world.samtykke = Klasser::alle()),
    ));
    all.push((
        "nødtilgang til klassen".to_owned(),
        Box::new(|world| world.nodtilgang = Klasser::alle()),
    ));
    all.push((
        "mandat om gransking med klassen".to_owned(),
        Box::new(|world| world.gransking = Klasser::alle()),
    ));
    all
}

pub(super) fn without_facts(world: &World) -> World {
    let mut bare = world.clone();
    bare.forget_facts();
    bare.nodtilgang = Klasser::INGEN;
    bare.gransking = Klasser::INGEN;
    bare.selv = false;
    bare
}

/// What a rule needs to give a class, found by taking away and adding again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Needs {
    functions: String,
    facts: String,
    other: String,
}

fn needs(permits: &Half, at: usize, class: Dataklasse, witness: &World) -> Needs {
    let holds = |world: &World| permits.hold(&Half::prepare(world), class).contains(&at);
    assert!(holds(witness));

    let mut bare = witness.clone();
    bare.funksjoner.clear();
    let functions = if holds(&bare) {
        String::new()
    } else {
        let single = KARMOY.core.functions.names().filter(|name| {
            bare.funksjoner = vec![(*name).to_owned()];
            holds(&bare)
        });
        join(single.collect::<Vec<_>>())
    };

    let bare = without_facts(witness);
    let facts = if holds(&bare) {
        String::new()
    } else {
        let mut enough: Vec<String> = Vec::new();
        for (told, change) in fact_scenarios() {
            let mut world = bare.clone();
            change(&mut world);
            // What holds for any record need not be told for this one too.
            let told_already = told
                .strip_suffix(" for posten")
                .is_some_and(|wider| enough.iter().any(|known| known == wider));
            if holds(&world) && !told_already {
                enough.push(told);
            }
        }
        assert!(
            !enough.is_empty(),
            "{} {class:?} needs several facts",
            rule(at).id
        );
        shorten(&enough)
    };

    let flips: [Change; 6] = [
        (
            "navngitt ansatt".to_owned(),
            Box::new(|world| world.har_ansatt = false),
        ),
        (
            "åpnet for nødtilgang".to_owned(),
            Box::new(|world| world.metode_nodtilgang = false),
        ),
        (
            "posten gjelder ennå".to_owned(),
            Box::new(|world| world.utlopt = true),
        ),
        (
            "ikke unntatt innsyn".to_owned(),
            Box::new(|world| world.unntatt_innsyn = true),
        ),
        (
            "enhetens egen kø".to_owned(),
            Box::new(|world| world.omfang = Omfang::Ingen),
        ),
        (
            "ikke adressevern".to_owned(),
            Box::new(|world| {
                world.om = [Faktumtype::AdresseStrengtFortrolig].into();
                world.enhet.remove(&Faktumtype::MandatStrengt);
                world.ansatt.remove(&Faktumtype::MandatStrengt);
            }),
        ),
    ];
    let needed = flips.into_iter().filter(|(_, change)| {
        let mut world = witness.clone();
        change(&mut world);
        !holds(&world)
    });
    Needs {
        functions,
        facts,
        other: join(needed.map(|(told, _)| told)),
    }
}

/// `enheten er A, B for posten; den ansatte er C`.
fn shorten(told: &[String]) -> String {
    let mut groups: Vec<(String, Vec<String>, &str)> = Vec::new();
    for text in told {
        let (text, tail) = match text.strip_suffix(" for posten") {
            Some(head) => (head, " for posten"),
            None => (text.as_str(), ""),
        };
        let (head, kind) = match text.split_once(" er ") {
            Some((who, kind)) if kind.chars().all(|c| c.is_uppercase() || c == '_') => {
                (format!("{who} er "), kind)
            }
            _ => (String::new(), text),
        };
        match groups
            .iter_mut()
            .find(|group| group.0 == head && group.2 == tail)
        {
            Some(group) if !head.is_empty() => group.1.push(kind.to_owned()),
            _ => groups.push((head, vec![kind.to_owned()], tail)),
        }
    }
    let texts: Vec<String> = groups
        .into_iter()
        .map(|(head, kinds, tail)| format!("{head}{}{tail}", kinds.join("/")))
        .collect();
    texts.join("; ")
}

/// One witness per rule and class: a world in which the rule gives it.
pub(super) fn doing_witnesses(
    permits: &Half,
) -> BTreeMap<(usize, Dataklasse), (World, BTreeSet<Rolle>)> {
    let mut types: Vec<&str> = kontrakter().ressurser.keys().map(String::as_str).collect();
    types.push("overforing");
    let mut found: BTreeMap<(usize, Dataklasse), (World, BTreeSet<Rolle>)> = BTreeMap::new();
    for action in ROWS {
        for rolle in alle_roller() {
            for formal in [Formal::Nodhjelp, Formal::Ytelse, Formal::Innsyn] {
                for r#type in &types {
                    let world = world(rolle, action, formal, r#type);
                    let prepared = Half::prepare(&world);
                    for class in alle_klasser() {
                        for at in permits.hold(&prepared, class) {
                            found
                                .entry((at, class))
                                .or_insert_with(|| (world.clone(), BTreeSet::new()))
                                .1
                                .insert(rolle);
                        }
                    }
                }
            }
        }
    }
    found
}

pub(super) fn need_rows(
    permits: &Half,
    witnesses: &BTreeMap<(usize, Dataklasse), (World, BTreeSet<Rolle>)>,
) -> Vec<Vec<String>> {
    let mut rows: BTreeMap<(usize, Needs, BTreeSet<Rolle>), Klasser> = BTreeMap::new();
    for ((at, class), (witness, roles)) in witnesses {
        let needs = needs(permits, *at, *class, witness);
        let reads = rule(*at).actions.iter().any(|action| action == READ);
        // For reading, the tables of the types tell the roles.
        let roles = if reads {
            BTreeSet::new()
        } else {
            roles.clone()
        };
        *rows.entry((*at, needs, roles)).or_default() |= Klasser::av(&[*class]);
    }
    let rows = rows.into_iter().map(|((at, needs, roles), classes)| {
        vec![
            rule(at).id.clone(),
            join(classes.iter().map(kortnavn)),
            or_dash(join(roles.into_iter().map(rollenavn))),
            or_dash(needs.functions),
            or_dash(needs.facts),
            or_dash(needs.other),
        ]
    });
    rows.collect()
}
