//! Who can call which method, and for what.

use std::collections::{BTreeMap, BTreeSet};

use samspor_proto::{
    felles::Rolle,
    klassifisering::Metode,
    tilgang::{Handling, Synlighet},
};

use super::{
    super::*,
    asked::world,
    table::{join, or_dash},
};
use crate::policy::vocabulary::{READ, alle_roller};

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

pub(super) fn method_rows(nobody: &mut Vec<String>) -> Vec<Vec<String>> {
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
