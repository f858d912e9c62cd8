//! The golden matrix: what the rules amount to, for a person to read.
//!
//! `SAMSPOR_OPPDATER=1 cargo nextest run -p samspor-gateway --lib matrise` writes
//! `gateway/policies/matrise.md`; without it the file is compared. All of it
//! is found out by asking the rules, none of it is written by hand.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use cedar_policy::Effect;
use samspor_proto::{
    felles::{Faktumtype, Rolle},
    klassifisering::{Metode, kortnavn},
    tilgang::{Handling, Synlighet},
};

use super::*;
use crate::policy::{
    plain::{CLOSING, Omfang, Prepared},
    rules::Rule,
    vocabulary::{READ, alle_faktumtyper, alle_formal, alle_klasser, alle_roller, faktumnavn},
};

/// Lines that a person can be asked to read.
const MOST_LINES: usize = 2_600;

/// Rules for record types that no contract has yet: what the koordinerende
/// enhet oversees.
const AWAITING: [&str; 1] = ["P13"];

/// A world in which everything that opens is there, and nothing that closes.
pub(super) fn world(rolle: Rolle, action: &str, formal: Formal, r#type: &str) -> World {
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
    }
    world
}

/// The rules of one effect alone, so that the answer lists all that hold.
struct Half {
    policies: PolicySet,
}

impl Half {
    fn of(effect: Effect) -> Self {
        let all = KARMOY.core.rules.policies.policies();
        let chosen = all.filter(|policy| policy.effect() == effect).cloned();
        Self {
            policies: PolicySet::from_policies(chosen).unwrap(),
        }
    }

    fn prepare(world: &World) -> Prepared {
        let core = &KARMOY.core;
        core.judge
            .prepare(&core.roles, &core.relations, world)
            .unwrap()
    }

    /// Positions of the rules that hold for a class.
    fn hold(&self, prepared: &Prepared, class: Dataklasse) -> Vec<usize> {
        let core = &KARMOY.core;
        core.judge
            .ask(&core.rules, Some(&self.policies), prepared, class)
            .unwrap()
            .1
    }

    fn classes_closed(&self, world: &World, rule: usize) -> Klasser {
        let prepared = Self::prepare(world);
        alle_klasser()
            .filter(|class| self.hold(&prepared, *class).contains(&rule))
            .collect()
    }
}

fn rule(at: usize) -> &'static Rule {
    KARMOY.core.rules.get(at).unwrap()
}

fn positions(effect: Effect) -> Vec<usize> {
    let rules = &KARMOY.core.rules.rules;
    (0..rules.len())
        .filter(|at| rules[*at].effect == effect)
        .collect()
}

fn join(names: impl IntoIterator<Item = impl ToString>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| name.to_string()).collect();
    names.join(", ")
}

fn or_dash(text: String) -> String {
    if text.is_empty() {
        "–".to_owned()
    } else {
        text
    }
}

fn table(out: &mut String, header: &[String], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows
            .iter()
            .chain([&header.to_vec()])
            .map(|row| row[column].chars().count())
            .max();
        cells.unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let mut line = |cells: &[String], pad: char| {
        out.push('|');
        for (cell, width) in cells.iter().zip(&widths) {
            let missing = width - cell.chars().count();
            let fill: String = std::iter::repeat_n(pad, missing).collect();
            write!(out, "{pad}{cell}{fill}{pad}|").unwrap();
        }
        out.push('\n');
    };
    line(header, ' ');
    line(
        &widths
            .iter()
            .map(|width| "-".repeat(*width))
            .collect::<Vec<_>>(),
        '-',
    );
    for row in rows {
        line(row, ' ');
    }
    out.push('\n');
}

fn header(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

// ---- what opens, per record type ------------------------------------------

/// Where one reading rule gives a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Spot {
    rule: usize,
    rolle: Rolle,
    formal: Formal,
    eier: Eier,
    del: u8,
    klasse: Dataklasse,
}

fn has_parts(r#type: &Ressurstype) -> bool {
    fn search(message: &prost_reflect::MessageDescriptor, depth: u8) -> bool {
        let options = &kontrakter().utvidelser;
        depth > 0
            && message.fields().any(|field| match field.kind() {
                prost_reflect::Kind::Message(inner) => {
                    options.delpost_av(&inner).is_some() || search(&inner, depth - 1)
                }
                _ => false,
            })
    }
    search(&r#type.melding, 4)
}

fn spots(permits: &Half, r#type: &Ressurstype) -> BTreeSet<Spot> {
    let name = &r#type.ressurs.r#type;
    let existence = Dataklasse::try_from(r#type.ressurs.eksistensklasse).unwrap();
    let classes = r#type.klasser | Klasser::av(&[existence, Dataklasse::Teknisk]);
    let owners: &[Eier] = match r#type.ressurs.eier_felt.as_str() {
        "" => &[Eier::Ingen],
        _ => &[Eier::Egen, Eier::Annen],
    };
    let parts: &[Part] = match has_parts(r#type) {
        true => &[Part::Head, Part::Own, Part::Other],
        false => &[Part::Head],
    };
    let mut spots = BTreeSet::new();
    for rolle in alle_roller() {
        for formal in KARMOY.core.purposes.of_role(rolle) {
            for eier in owners {
                for del in parts {
                    let mut world = world(rolle, READ, formal, name);
                    world.eier = *eier;
                    world.del = *del;
                    let prepared = Half::prepare(&world);
                    for klasse in classes.iter() {
                        for rule in permits.hold(&prepared, klasse) {
                            spots.insert(Spot {
                                rule,
                                rolle,
                                formal,
                                eier: *eier,
                                del: *del as u8,
                                klasse,
                            });
                        }
                    }
                }
            }
        }
    }
    spots
}

/// What belongs to the same key, together.
fn gathered<K: Ord, V: Ord>(pairs: impl Iterator<Item = (K, V)>) -> BTreeMap<K, BTreeSet<V>> {
    let mut gathered: BTreeMap<K, BTreeSet<V>> = BTreeMap::new();
    for (key, value) in pairs {
        gathered.entry(key).or_default().insert(value);
    }
    gathered
}

/// Rows of a type: what differs in one column alone is told in one row.
fn type_rows(spots: &BTreeSet<Spot>, with_parts: bool, columns: &[Dataklasse]) -> Vec<Vec<String>> {
    type Where = (usize, Eier, u8, Rolle, Formal);
    let mut classes: BTreeMap<Where, Klasser> = BTreeMap::new();
    for spot in spots {
        let at = (spot.rule, spot.eier, spot.del, spot.rolle, spot.formal);
        *classes.entry(at).or_default() |= Klasser::av(&[spot.klasse]);
    }
    let purposes = gathered(classes.into_iter().map(|(at, classes)| {
        let (rule, eier, del, rolle, formal) = at;
        ((rule, classes, eier, del, rolle), formal)
    }));
    let roles = gathered(purposes.into_iter().map(|(at, purposes)| {
        let (rule, classes, eier, del, rolle) = at;
        ((rule, classes, eier, del, purposes), rolle)
    }));
    let parts = gathered(roles.into_iter().map(|(at, roles)| {
        let (rule, classes, eier, del, purposes) = at;
        ((rule, classes, eier, roles, purposes), del)
    }));
    let owners = gathered(parts.into_iter().map(|(at, parts)| {
        let (rule, classes, eier, roles, purposes) = at;
        ((rule, roles, purposes, parts, classes), eier)
    }));
    let rows = owners
        .into_iter()
        .map(|((at, roles, purposes, parts, classes), owners)| {
            let mut row = vec![
                rule(at).id.clone(),
                join(roles.into_iter().map(rollenavn)),
                join(purposes.into_iter().map(formalnavn)),
                match owners.len() {
                    2 => "alle".to_owned(),
                    _ => join(owners.iter().map(|owner| match owner {
                        Eier::Egen => "egen",
                        Eier::Annen => "annen",
                        Eier::Ingen => "ingen",
                    })),
                },
            ];
            if with_parts {
                row.push(match parts.len() {
                    3 => "alle".to_owned(),
                    _ => join(parts.iter().map(|part| match part {
                        0 => "hode",
                        1 => "egne",
                        _ => "andres",
                    })),
                });
            }
            row.extend(columns.iter().map(|class| mark(classes.har(*class))));
            row
        });
    rows.collect()
}

fn mark(given: bool) -> String {
    if given { "●" } else { "" }.to_owned()
}

// ---- what each rule needs ---------------------------------------------------

/// A change to a world, and how it is told.
type Change = (String, Box<dyn Fn(&mut World)>);

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
    all
}

fn without_facts(world: &World) -> World {
    let mut bare = world.clone();
    bare.forget_facts();
    bare.nodtilgang = Klasser::INGEN;
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
fn doing_witnesses(permits: &Half) -> BTreeMap<(usize, Dataklasse), (World, BTreeSet<Rolle>)> {
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

fn need_rows(
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

// ---- what closes --------------------------------------------------------------

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

fn closing_rows(forbids: &Half) -> Vec<Vec<String>> {
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

// ---- methods -------------------------------------------------------------------

/// Purposes with the roles that get something under them.
fn openings(method: &Metode) -> BTreeMap<BTreeSet<Rolle>, BTreeSet<Formal>> {
    let core = &KARMOY.core;
    let mut by_purpose: BTreeMap<Formal, BTreeSet<Rolle>> = BTreeMap::new();
    for rolle in alle_roller() {
        for formal in core.purposes.open(method, rolle) {
            if gets_something(method, rolle, formal) {
                by_purpose.entry(formal).or_default().insert(rolle);
            }
        }
    }
    let mut by_roles: BTreeMap<BTreeSet<Rolle>, BTreeSet<Formal>> = BTreeMap::new();
    for (formal, roles) in by_purpose {
        by_roles.entry(roles).or_default().insert(formal);
    }
    by_roles
}

/// Classes of what a request carries.
fn carried(message: &prost_reflect::MessageDescriptor, depth: u8) -> Klasser {
    let classes = message.fields().map(|field| {
        let own = Klasser::av(&[kontrakter().utvidelser.klasse_av(&field)]);
        match field.kind() {
            prost_reflect::Kind::Message(inner) if depth > 0 => own | carried(&inner, depth - 1),
            _ => own,
        }
    });
    classes.fold(Klasser::INGEN, |all, some| all | some)
}

/// Reading: that the record exists. Writing: the class by which the record is
/// known, where the request carries it; else something of what it carries, or
/// anything where that is nothing but ids. Intake may carry what its sender
/// never reads.
fn gets_something(method: &Metode, rolle: Rolle, formal: Formal) -> bool {
    let tilgang = &method.tilgang;
    let r#type = ressurstype(&tilgang.ressurs);
    let rows = tilgang.rad.iter().map(String::as_str);
    let carried = carried(&method.inn, 4).uten(Klasser::av(&[Dataklasse::Teknisk]));
    let existence = Dataklasse::try_from(r#type.ressurs.eksistensklasse).unwrap();
    let (actions, asked) = match tilgang.handling() {
        Handling::Les | Handling::List => (vec![READ], Klasser::av(&[existence])),
        Handling::Skriv if carried.har(existence) => (rows.collect(), Klasser::av(&[existence])),
        Handling::Skriv if !carried.er_tom() => (rows.collect(), carried),
        _ => (rows.collect(), Klasser::alle()),
    };
    actions.into_iter().any(|action| {
        [Eier::Egen, Eier::Annen, Eier::Ingen]
            .into_iter()
            .any(|eier| {
                let mut world = world(rolle, action, formal, &tilgang.ressurs);
                world.eier = eier;
                world.metode_nodtilgang = tilgang.nodtilgang;
                world.metode_system = tilgang.system;
                // TEKNISK comes with any other class.
                let classes = match asked == Klasser::av(&[Dataklasse::Teknisk]) {
                    true => r#type.klasser | asked,
                    false => asked,
                };
                !KARMOY.core.judge(&world, classes).unwrap().classes.er_tom()
            })
    })
}

fn method_rows(nobody: &mut Vec<String>) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for method in kontrakter().metoder.values() {
        let tilgang = &method.tilgang;
        let name = method
            .sti
            .trim_start_matches("/samspor.")
            .replace(".v1.", ".");
        let handling = tilgang
            .handling()
            .as_str_name()
            .trim_start_matches("HANDLING_")
            .to_owned();
        let row = or_dash(join(&tilgang.rad));
        if tilgang.synlighet() == Synlighet::Intern {
            rows.push(vec![
                name,
                handling,
                tilgang.ressurs.clone(),
                row,
                "intern: gatewayen selv".to_owned(),
                String::new(),
            ]);
            continue;
        }
        let openings = openings(method);
        if openings.is_empty() {
            nobody.push(name.clone());
        }
        for (at, (roles, purposes)) in openings.into_iter().enumerate() {
            let first = |text: &String| if at == 0 { text.clone() } else { String::new() };
            rows.push(vec![
                first(&name),
                first(&handling),
                first(&tilgang.ressurs),
                first(&row),
                join(purposes.into_iter().map(formalnavn)),
                join(roles.into_iter().map(rollenavn)),
            ]);
        }
    }
    rows
}

// ---- the file --------------------------------------------------------------------

struct Matrix {
    text: String,
    /// Rules that have a row.
    told: BTreeSet<usize>,
    /// Methods that nobody can call.
    nobody: Vec<String>,
}

fn matrix() -> Matrix {
    let permits = Half::of(Effect::Permit);
    let forbids = Half::of(Effect::Forbid);
    let mut told = BTreeSet::new();
    let mut out = String::from(
        "# Tilgangsmatrisen

Hva reglene i `policies/` betyr, funnet ved å spørre dem. Filen skrives av en test
(`SAMSPOR_OPPDATER=1 cargo nextest run -p samspor-gateway --lib matrise`) og sammenliknes
ved hver endring. Slik leses den: en klasse utleveres når minst en regel i kapittel 3 åpner
den, vilkårene for regelen i kapittel 2 er oppfylt, og ingen regel i kapittel 4 stenger.
Det som ikke står her, er ikke tillatt. Hvilke enheter som har hvilke funksjoner, står i
kommunens fil; hva en rolle rekker til, i `roller.toml`.

## 1 Regler

",
    );
    let all_rules = KARMOY.core.rules.rules.iter().map(|rule| {
        let effect = if rule.effect == Effect::Permit {
            "åpner"
        } else {
            "stenger"
        };
        vec![
            rule.id.clone(),
            effect.to_owned(),
            rule.tekst.to_string(),
            rule.hjemmel.clone(),
            if rule.navngis { "ja" } else { "nei" }.to_owned(),
        ]
    });
    table(
        &mut out,
        &header(&["Regel", "Virkning", "Tekst", "Hjemmel", "Navngis"]),
        &all_rules.collect::<Vec<_>>(),
    );

    // Chapters 2 and 3 from the same worlds.
    let mut witnesses = doing_witnesses(&permits);
    let mut types = String::new();
    let mut closed_to_all: Vec<Vec<String>> = Vec::new();
    for (name, r#type) in &kontrakter().ressurser {
        let spots = spots(&permits, r#type);
        for spot in &spots {
            told.insert(spot.rule);
            witnesses
                .entry((spot.rule, spot.klasse))
                .or_insert_with(|| {
                    let mut world = world(spot.rolle, READ, spot.formal, name);
                    world.eier = spot.eier;
                    world.del = [Part::Head, Part::Own, Part::Other][usize::from(spot.del)];
                    (world, BTreeSet::new())
                });
        }
        let existence = Dataklasse::try_from(r#type.ressurs.eksistensklasse).unwrap();
        let columns: Vec<Dataklasse> = (r#type.klasser
            | Klasser::av(&[existence, Dataklasse::Teknisk]))
        .iter()
        .collect();
        let with_parts = has_parts(r#type);
        writeln!(
            types,
            "### {name}\n\nNavn `{}`. Finnes for den som har {}.{}\n",
            r#type.ressurs.monster,
            kortnavn(existence),
            if r#type.ressurs.eier_felt.is_empty() {
                " Ingen enhet eier posten."
            } else {
                ""
            },
        )
        .unwrap();
        let mut head = header(&["Regel", "Roller", "Formål", "Eier"]);
        if with_parts {
            head.push("Deler".to_owned());
        }
        head.extend(columns.iter().map(|class| kortnavn(*class).to_owned()));
        table(&mut types, &head, &type_rows(&spots, with_parts, &columns));

        let by_staff: Klasser = spots
            .iter()
            .filter(|spot| spot.rolle != Rolle::Innbygger && rule(spot.rule).id != "P18")
            .map(|spot| spot.klasse)
            .collect();
        let unread = r#type.klasser.uten(by_staff);
        if !unread.er_tom() {
            closed_to_all.push(vec![name.clone(), join(unread.iter().map(kortnavn))]);
        }
    }
    told.extend(witnesses.keys().map(|(at, _)| *at));

    out += "## 2 Vilkår for at en regel åpner

Funksjon: en av dem holder. Fakta: ett av dem holder. Strek: kreves ikke. For lesing står
rollene i kapittel 3.

";
    table(
        &mut out,
        &header(&["Regel", "Klasser", "Roller", "Funksjon", "Fakta", "Ellers"]),
        &need_rows(&permits, &witnesses),
    );
    out += "## 3 Hva som kan leses, per posttype

Roller og formål er de som `formaal.toml` binder sammen. TEKNISK følger med enhver annen
klasse.

";
    out += &types;
    out += "### Klasser som ingen ansatt leser uten samtykke\n\n";
    table(&mut out, &header(&["Posttype", "Klasser"]), &closed_to_all);

    out += "## 4 Hva som stenger

Prøvd for en saksbehandler i en enhet uten relasjon, mot en post som en annen enhet eier.
`les` er lesing; ellers raden i tabellen over handlinger.

";
    let rows = closing_rows(&forbids);
    for row in &rows {
        let at = KARMOY
            .core
            .rules
            .rules
            .iter()
            .position(|rule| rule.id == row[0]);
        told.insert(at.unwrap());
    }
    table(
        &mut out,
        &header(&["Regel", "Når", "Stenger for", "Klasser", "Løftes av"]),
        &rows,
    );

    out += "## 5 Metoder

Hvem som kan kalle hva, for hvilket formål, når alle andre vilkår er oppfylt.

";
    let mut nobody = Vec::new();
    let rows = method_rows(&mut nobody);
    table(
        &mut out,
        &header(&["Metode", "Handling", "Posttype", "Rad", "Formål", "Roller"]),
        &rows,
    );
    Matrix {
        text: out,
        told,
        nobody,
    }
}

#[test]
fn matrise() {
    let Matrix { text, told, nobody } = matrix();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/policies/matrise.md");
    if variable("SAMSPOR_OPPDATER").is_some() {
        std::fs::write(path, &text).unwrap();
    }

    // Exhaustive: every rule has a row, every method somebody who can call it.
    let rules = &KARMOY.core.rules.rules;
    let untold: Vec<&str> = (0..rules.len())
        .filter(|at| !told.contains(at))
        .map(|at| rules[at].id.as_str())
        .collect();
    assert_eq!(untold, AWAITING, "rules without a row");
    assert_eq!(nobody, Vec::<String>::new(), "methods that nobody can call");
    let lines = text.lines().count();
    assert!(lines <= MOST_LINES, "{lines} lines");

    let golden = std::fs::read_to_string(path).unwrap_or_default();
    if let Some((at, (is, was))) = text
        .lines()
        .chain(["end"])
        .zip(golden.lines().chain(["end"]))
        .enumerate()
        .find(|(_, (is, was))| is != was)
    {
        panic!(
            "policies/matrise.md differs from line {}:\nwas {was}\nis  {is}\nread the difference, then refresh it with SAMSPOR_OPPDATER=1",
            at + 1
        );
    }
}

/// A row that the contract names has a rule; a mutation names at least one.
#[test]
fn every_mutation_has_a_row_with_a_rule() {
    for method in kontrakter().metoder.values() {
        let rows = &method.tilgang.rad;
        let mutates = matches!(
            method.tilgang.handling(),
            Handling::Skriv | Handling::Inntak
        );
        assert_eq!(mutates, !rows.is_empty(), "{}", method.sti);
        for row in rows {
            assert!(ROWS.contains(&row.as_str()), "{} names {row}", method.sti);
            assert!(KARMOY.core.rules.row(row).is_some(), "no rule for {row}");
        }
    }
    let _ = alle_formal();
}

/// A misspelt record type in a rule would open or close nothing.
#[test]
fn every_type_that_a_rule_names_is_in_a_contract() {
    // Of contracts that come with their services.
    let later = [
        "overforing",
        "koordinator",
        "melding",
        "bekymringsmelding",
        "klage",
        "tiltak",
        "evaluering",
    ];
    let unknown: BTreeSet<&str> = KARMOY
        .core
        .rules
        .literals()
        .filter(|name| !kontrakter().ressurser.contains_key(*name) && !later.contains(name))
        .collect();
    assert_eq!(unknown, BTreeSet::new());
}
