//! The attack on the cube of housing need
//! ([`samspor_chassis::testing::angrep`]): an atom is a kind of person (on the
//! list, in temporary housing, of these groups …).

use std::collections::BTreeMap;

use samspor_chassis::testing::angrep::{Gitter, Tilfelle, Ulikhet, faerrest, snevret_inn};

use super::*;
use crate::behov::{Gruppe, Kommende, Onske, Onsket, opphold::Midlertidig, tall::tell};

/// A kind of person on the list.
#[derive(Debug, Clone, Copy)]
struct Atom {
    /// 0: not in temporary housing; 1: there; 2: for over three months.
    midlertidig: u8,
    /// 0: under three months; 1: under twelve; 2: longer.
    ventet: u8,
    /// A bit for each group.
    grupper: u8,
    kommer: bool,
}

fn atomer() -> Vec<Atom> {
    let mut all = Vec::new();
    for midlertidig in 0..3 {
        for ventet in 0..3 {
            for grupper in 0..32 {
                all.extend([false, true].map(|kommer| Atom {
                    midlertidig,
                    ventet,
                    grupper,
                    kommer,
                }));
            }
        }
    }
    all
}

/// Whether a published cell counts such a person.
fn teller(mal: Behovsmal, atom: Atom) -> bool {
    let group = |bit: u8| atom.grupper & (1 << bit) != 0;
    match mal {
        Behovsmal::Venter => true,
        Behovsmal::VenterIMidlertidig => atom.midlertidig > 0,
        Behovsmal::VenterOverTreManeder => atom.midlertidig > 1,
        Behovsmal::VentetTreManeder => atom.ventet > 0,
        Behovsmal::VentetTolvManeder => atom.ventet > 1,
        Behovsmal::Kvinner => group(0),
        Behovsmal::Barnefamilier => group(1),
        Behovsmal::Rusfritt => group(2),
        Behovsmal::Bemannet => group(3),
        Behovsmal::Rullestol => group(4),
        Behovsmal::Kommende => atom.kommer,
        _ => false,
    }
}

/// Every cell of persons on the list.
fn mal() -> Vec<Behovsmal> {
    (1..=11).map(|n| Behovsmal::try_from(n).unwrap()).collect()
}

fn today() -> Dag {
    "2026-10-31".parse().unwrap()
}

const UTLEIE: Tildelingstype = Tildelingstype::KommunalUtleie;

/// The numbers of a list of such persons, counted as the overview counts.
fn talt(persons: &[Atom]) -> Tall {
    let at = Tid(today().slutt().0 - 1);
    let mut stays = BTreeMap::new();
    let mut wanted = Vec::new();
    for (number, atom) in persons.iter().enumerate() {
        let person = number.to_string();
        if atom.midlertidig > 0 {
            let stay = Midlertidig {
                siden: at,
                over_tre_maneder: atom.midlertidig > 1,
            };
            stays.insert(person.clone(), stay);
        }
        let months = [-1, -5, -20][usize::from(atom.ventet)];
        let of = |(bit, (group, _)): (usize, &(Behovsgruppe, Behovsmal))| {
            (atom.grupper & (1 << bit) != 0).then_some(Gruppe(*group))
        };
        wanted.push(Onske {
            person,
            type_: UTLEIE,
            status: Behovsstatus::PaListen,
            siden: today().pluss_maneder(months).start(),
            onsket: Onsket {
                grupper: GRUPPER.iter().enumerate().filter_map(of).collect(),
                kommende: atom.kommer.then(|| Kommende {
                    dag: today().pluss_dager(30),
                    arsak: samspor_proto::boligkontor::Kommendearsak::Annet,
                }),
            },
        });
    }
    tell(&wanted, &stays, &[], &[], at)
}

/// A list of persons; some lists are of persons who are much alike.
fn personer(chance: &mut Tilfelle) -> Vec<Atom> {
    let size = chance.av(45);
    let alike = chance.av(4) + 1;
    let mut person = || Atom {
        midlertidig: u8::try_from(chance.av(3 * alike).min(2)).unwrap(),
        ventet: u8::try_from(chance.av(3 * alike).min(2)).unwrap(),
        grupper: u8::try_from(chance.av(32) | chance.av(alike * 8)).unwrap() & 31,
        kommer: chance.av(4) == 0,
    };
    (0..size).map(|_| person()).collect()
}

/// Nothing is known between two numbers of a month but that one is not larger
/// than the other, and of no list of persons is any number known better than to
/// three values.
///
/// Seen red: with `VENTET_TRE_MANEDER` that counts only those under twelve
/// months, beside all who wait and those over twelve.
#[test]
fn from_a_month_nobody_is_found() {
    let atoms = atomer();
    let cells = mal();
    let counted = |mal: &Behovsmal| {
        let counts = atoms.iter().map(|atom| u8::from(teller(*mal, *atom)));
        counts.collect()
    };
    let known = Gitter(cells.iter().map(counted).collect()).ulikheter();
    for (left, right) in &known {
        assert_eq!((left.len(), right.len()), (1, 1), "{left:?} <= {right:?}");
    }
    // Each of the others is of those who wait; two chains.
    assert_eq!(known.len(), 10 + 2);
    let mut chance = Tilfelle(3);
    for _ in 0..3000 {
        let persons = personer(&mut chance);
        let published = Publisert::av(&talt(&persons), today(), Tid(0));
        let printed: Vec<i32> = cells
            .iter()
            .map(|mal| {
                let of = |cell: &&Celle| cell.type_ == UTLEIE && cell.mal == *mal;
                published.celler.iter().find(of).unwrap().antall
            })
            .collect();
        assert!(printed.iter().all(|number| number % 5 == 0), "{printed:?}");
        let can = snevret_inn(&printed, &known);
        for (mal, (least, most)) in cells.iter().zip(&can) {
            let of = persons.iter().filter(|atom| teller(*mal, **atom));
            let exact = i32::try_from(of.count()).unwrap();
            assert!(
                (*least..=*most).contains(&exact),
                "{mal:?}: the attack is wrong"
            );
        }
        assert!(faerrest(&can) >= 3, "{printed:?} {can:?}");
    }
}

/// The cubes that were not chosen: the same attack finds persons in parts beside
/// what they are of, and learns more than was printed from groups that cross.
#[test]
fn from_the_plain_cubes_persons_are_found() {
    type Teller = fn(Atom) -> bool;
    // All, and the waits side by side.
    let waits: [Teller; 4] = [
        |_| true,
        |atom| atom.ventet == 0,
        |atom| atom.ventet == 1,
        |atom| atom.ventet == 2,
    ];
    // All, and two of the parts.
    let parts: [Teller; 3] = [
        |_| true,
        |atom| atom.midlertidig == 1,
        |atom| atom.midlertidig == 2,
    ];
    // All, women, in temporary housing, women there.
    let across: [Teller; 4] = [
        |_| true,
        |atom| atom.grupper & 1 != 0,
        |atom| atom.midlertidig > 0,
        |atom| atom.midlertidig > 0 && atom.grupper & 1 != 0,
    ];
    // How many values the best known number can have, and whether any number is
    // known better than it was printed.
    let learnt = |cube: &[Teller]| {
        let atoms = atomer();
        let counted = |cell: &Teller| atoms.iter().map(|atom| u8::from(cell(*atom))).collect();
        let known = Gitter(cube.iter().map(counted).collect()).ulikheter();
        let mut chance = Tilfelle(3);
        let (mut fewest, mut more) = (i32::MAX, false);
        for _ in 0..20_000 {
            let persons = personer(&mut chance);
            let exact = cube.iter().map(|cell| {
                let of = persons.iter().filter(|atom| cell(**atom));
                i32::try_from(of.count()).unwrap()
            });
            let printed: Vec<i32> = exact.map(avrund).collect();
            let can = snevret_inn(&printed, &known);
            fewest = fewest.min(faerrest(&can));
            more |= can != snevret_inn(&printed, &[]);
        }
        (fewest, more)
    };
    assert!(learnt(&waits).0 < 3);
    assert!(learnt(&parts).0 < 3);
    assert!(learnt(&across).1);
    // As in the words of the module: four parts that print 0, and their sum.
    let known: Vec<Ulikhet> = vec![(vec![4], vec![0, 1, 2, 3]), (vec![0, 1, 2, 3], vec![4])];
    let can = snevret_inn(&[0, 0, 0, 0, 10], &known);
    assert_eq!(can, [(2, 2), (2, 2), (2, 2), (2, 2), (8, 8)]);
}

/// Two months one after the other: also who knows that nobody came and nobody
/// left learns nothing but an order, and no difference is one person's.
#[test]
fn from_two_months_nobody_is_found() {
    type Teller = fn(Option<(u8, u8)>) -> bool;
    let states = |month: u8| move |atom: &[Option<(u8, u8)>; 2]| atom[usize::from(month)];
    let cells: [Teller; 5] = [
        |one| one.is_some(),
        |one| one.is_some_and(|(stay, _)| stay > 0),
        |one| one.is_some_and(|(stay, _)| stay > 1),
        |one| one.is_some_and(|(_, waited)| waited > 0),
        |one| one.is_some_and(|(_, waited)| waited > 1),
    ];
    let here: Vec<Option<(u8, u8)>> = (0..9).map(|n| Some((n / 3, n % 3))).collect();
    let maybe = [vec![None], here.clone()].concat();
    for on_the_list in [maybe, here] {
        let mut atoms: Vec<[Option<(u8, u8)>; 2]> = Vec::new();
        for before in &on_the_list {
            for after in &on_the_list {
                // Who stays on the list has waited a month longer.
                let possible = match (before, after) {
                    (None, None) => false,
                    (Some((_, then)), Some((_, now))) => (*then..=then + 1).contains(now),
                    _ => true,
                };
                if possible {
                    atoms.push([*before, *after]);
                }
            }
        }
        let mut sets = Vec::new();
        for month in 0..2 {
            for cell in cells {
                let counted = atoms.iter().map(|atom| u8::from(cell(states(month)(atom))));
                sets.push(counted.collect());
            }
        }
        let known = Gitter(sets).ulikheter();
        for (left, right) in &known {
            assert_eq!((left.len(), right.len()), (1, 1), "{left:?} <= {right:?}");
        }
        let mut chance = Tilfelle(5);
        for _ in 0..3000 {
            let size = chance.av(40);
            let mut exact = [0; 10];
            for _ in 0..size {
                let atom = atoms[chance.av(atoms.len())];
                for (place, number) in (0..).zip(&mut exact) {
                    let (month, cell) = (place / 5, cells[usize::from(place % 5)]);
                    *number += i32::from(cell(states(month)(&atom)));
                }
            }
            let printed: Vec<i32> = exact.iter().map(|one| avrund(*one)).collect();
            let can = snevret_inn(&printed, &known);
            assert!(faerrest(&can) >= 3, "{printed:?} {can:?}");
            for place in 0..5 {
                let ((least, most), (least_after, most_after)) = (can[place], can[place + 5]);
                assert!(most_after - least - (least_after - most) + 1 >= 3);
            }
        }
    }
}
