//! What an instant amounts to. Pure: applications, stays, dwellings and empty
//! periods in, numbers out. Persons are counted once in each cell, however many
//! applications they have.

use std::collections::{BTreeMap, BTreeSet};

use samspor_chassis::{domene::Dag, tid::Tid};
use samspor_proto::boligkontor::{
    Beholdning, Behovscelle, Behovsgruppe, Behovsstatus, Kommendearsak, Kommendebehov,
    Tildelingstype, Tomgangsarsak, Tomgangssum,
};

use super::{Gruppe, Onske, opphold::Midlertidig};
use crate::bolig::{self, TYPER};

/// Types that are applied for; a bed tonight is asked of nav instead.
pub(super) const SOKBARE: [Tildelingstype; 3] = [
    Tildelingstype::KommunalUtleie,
    Tildelingstype::Hardfor,
    Tildelingstype::Omsorgsbolig,
];
/// Everybody, and the groups.
const GRUPPER: [Behovsgruppe; 6] = [
    Behovsgruppe::Alle,
    Behovsgruppe::Kvinner,
    Behovsgruppe::Barnefamilier,
    Behovsgruppe::Rusfritt,
    Behovsgruppe::Bemannet,
    Behovsgruppe::Rullestol,
];
const STATUSER: [Behovsstatus; 2] = [Behovsstatus::PaListen, Behovsstatus::Uavgjort];
const ARSAKER: [Kommendearsak; 4] = [
    Kommendearsak::Utskrivning,
    Kommendearsak::Loslatelse,
    Kommendearsak::Annet,
    // A day is known, and no cause.
    Kommendearsak::Unspecified,
];
/// How far ahead a need is known to come.
const KOMMENDE_MANEDER: i32 = 6;
/// How far back empty days are counted.
const TOMGANG_MANEDER: i32 = 12;

/// A period of standing empty, as it was at the instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tom {
    pub(super) type_: Tildelingstype,
    pub(super) arsak: Tomgangsarsak,
    pub(super) fra: Tid,
    pub(super) til: Option<Tid>,
    pub(super) kostnad_per_dag: i64,
}

/// Everything at one instant.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tall {
    pub(super) celler: Vec<Behovscelle>,
    pub(super) kommende: Vec<Kommendebehov>,
    /// Of those on the list, whose need is known to come, by type.
    pub(super) kommende_pa_listen: BTreeMap<Tildelingstype, i32>,
    pub(super) i_midlertidig: i32,
    pub(super) over_tre_maneder: i32,
    pub(super) uten_boligsak: i32,
    pub(super) uten_boligsak_over_tre: i32,
    pub(super) beholdning: Vec<Beholdning>,
    pub(super) tomgang: Vec<Tomgangssum>,
}

/// First day of the empty days of an overview.
pub(super) fn tomgang_fra(at: Tid) -> Dag {
    Dag::av(at).pluss_maneder(-TOMGANG_MANEDER)
}

fn antall(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn talt<'p>(persons: impl Iterator<Item = &'p str>) -> i32 {
    antall(persons.collect::<BTreeSet<_>>().len())
}

/// Counts.
pub(super) fn tell(
    onsker: &[Onske],
    midlertidig: &BTreeMap<String, Midlertidig>,
    boliger: &[(Tildelingstype, bolig::Tilstand, i64)],
    tomgang: &[Tom],
    at: Tid,
) -> Tall {
    let today = Dag::av(at);
    let until = today.pluss_maneder(KOMMENDE_MANEDER);
    let comes = |one: &Onske| {
        let coming = one.onsket.kommende.as_ref();
        coming.is_some_and(|coming| coming.dag > today && coming.dag <= until)
    };
    let mut kommende = Vec::new();
    for type_ in SOKBARE {
        for arsak in ARSAKER {
            let of = onsker.iter().filter(|one| one.type_ == type_ && comes(one));
            let because = |one: &&Onske| {
                let coming = one.onsket.kommende.as_ref();
                coming.is_some_and(|coming| coming.arsak == arsak)
            };
            kommende.push(Kommendebehov {
                tildelingstype: type_.into(),
                arsak: arsak.into(),
                antall: talt(of.filter(because).map(|one| one.person.as_str())),
            });
        }
    }
    let listed = |one: &&Onske| one.status == Behovsstatus::PaListen && comes(one);
    let kommende_pa_listen = SOKBARE
        .into_iter()
        .map(|type_| {
            let of = onsker.iter().filter(listed);
            let of = of.filter(|one| one.type_ == type_);
            (type_, talt(of.map(|one| one.person.as_str())))
        })
        .collect();
    let known: BTreeSet<&str> = onsker.iter().map(|one| one.person.as_str()).collect();
    let over = midlertidig.iter().filter(|(_, stay)| stay.over_tre_maneder);
    let without = midlertidig
        .iter()
        .filter(|(person, _)| !known.contains(person.as_str()));
    Tall {
        celler: celler(onsker, midlertidig, today),
        kommende,
        kommende_pa_listen,
        i_midlertidig: antall(midlertidig.len()),
        over_tre_maneder: antall(over.count()),
        uten_boligsak: antall(without.clone().count()),
        uten_boligsak_over_tre: antall(without.filter(|(_, stay)| stay.over_tre_maneder).count()),
        beholdning: TYPER.map(|type_| beholdning(type_, boliger)).into(),
        tomgang: tomgangssummer(tomgang, at),
    }
}

fn celler(
    onsker: &[Onske],
    midlertidig: &BTreeMap<String, Midlertidig>,
    today: Dag,
) -> Vec<Behovscelle> {
    // Persons of a cell, with since when they wait.
    type Celle<'o> = BTreeMap<&'o str, Tid>;
    let mut cells: BTreeMap<_, Celle<'_>> = BTreeMap::new();
    for one in onsker {
        let groups = one.onsket.grupper.iter().map(|Gruppe(group)| *group);
        for group in groups.chain([Behovsgruppe::Alle]) {
            let cell = cells.entry((one.type_, group, one.status)).or_default();
            let since = cell.entry(&one.person).or_insert(one.siden);
            *since = one.siden.min(*since);
        }
    }
    let mut out = Vec::new();
    for type_ in SOKBARE {
        for group in GRUPPER {
            for status in STATUSER {
                let mut celle = Behovscelle {
                    tildelingstype: type_.into(),
                    gruppe: group.into(),
                    status: status.into(),
                    ..Default::default()
                };
                for (person, since) in cells.get(&(type_, group, status)).into_iter().flatten() {
                    celle.antall += 1;
                    if let Some(stay) = midlertidig.get(*person) {
                        celle.i_midlertidig += 1;
                        celle.over_tre_maneder += i32::from(stay.over_tre_maneder);
                    }
                    let since = Dag::av(*since);
                    if today < since.pluss_maneder(3) {
                        celle.ventet_under_tre += 1;
                    } else if today < since.pluss_maneder(12) {
                        celle.ventet_tre_til_tolv += 1;
                    } else {
                        celle.ventet_over_tolv += 1;
                    }
                }
                out.push(celle);
            }
        }
    }
    out
}

fn beholdning(
    type_: Tildelingstype,
    boliger: &[(Tildelingstype, bolig::Tilstand, i64)],
) -> Beholdning {
    let mut out = Beholdning {
        tildelingstype: type_.into(),
        ..Default::default()
    };
    for (_, state, count) in boliger.iter().filter(|(of, ..)| *of == type_) {
        let count = i32::try_from(*count).unwrap_or(i32::MAX);
        let cell = match state {
            bolig::Tilstand::Ledig => &mut out.ledige,
            bolig::Tilstand::Reservert => &mut out.reserverte,
            bolig::Tilstand::Utleid => &mut out.utleide,
            bolig::Tilstand::Klargjores => &mut out.klargjores,
            bolig::Tilstand::UteAvDrift => &mut out.ute_av_drift,
            bolig::Tilstand::Avviklet => continue,
        };
        *cell += count;
        out.boliger += count;
    }
    out
}

fn tomgangssummer(tomgang: &[Tom], at: Tid) -> Vec<Tomgangssum> {
    let mut sums: BTreeMap<(Tildelingstype, Tomgangsarsak), (i32, i64)> = BTreeMap::new();
    for one in tomgang {
        let from = Dag::av(one.fra).max(tomgang_fra(at));
        let days = from.dager_til(Dag::av(one.til.unwrap_or(at))).max(0);
        if days > 0 {
            let (sum, cost) = sums.entry((one.type_, one.arsak)).or_default();
            *sum += days;
            *cost += i64::from(days) * one.kostnad_per_dag;
        }
    }
    sums.into_iter()
        .map(|((type_, arsak), (dager, kostnad))| Tomgangssum {
            tildelingstype: type_.into(),
            arsak: arsak.into(),
            dager,
            kostnad,
        })
        .collect()
}
