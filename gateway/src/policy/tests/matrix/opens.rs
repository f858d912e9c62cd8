//! What opens, per record type.

use std::collections::{BTreeMap, BTreeSet};

use samspor_proto::felles::Rolle;

use super::{
    super::*,
    asked::{Half, rule, world},
    table::{join, mark},
};
use crate::policy::vocabulary::{READ, alle_roller};

/// Where one reading rule gives a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    pub(super) rule: usize,
    pub(super) rolle: Rolle,
    pub(super) formal: Formal,
    pub(super) eier: Eier,
    pub(super) del: u8,
    pub(super) klasse: Dataklasse,
}

pub(super) fn has_parts(r#type: &Ressurstype) -> bool {
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

pub(super) fn spots(permits: &Half, r#type: &Ressurstype) -> BTreeSet<Spot> {
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
pub(super) fn type_rows(
    spots: &BTreeSet<Spot>,
    with_parts: bool,
    columns: &[Dataklasse],
) -> Vec<Vec<String>> {
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
