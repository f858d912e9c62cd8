//! The attack: from what is printed, and from what must be so of any persons, to
//! what each true number can be.
//!
//! A kind of person (on the list, in temporary housing, of these groups …) is an
//! atom, a cell the set of atoms that it counts. Where a sum of cells counts no
//! atom more often than another sum does, it is not larger, whatever persons
//! there are; that is all that anybody can know beforehand. Each such inequality
//! narrows what its cells can be, until nothing changes.

use std::collections::BTreeMap;

use super::*;
use crate::behov::{Gruppe, Kommende, Onske, Onsket, opphold::Midlertidig, tall::tell};

/// Cells on one side of an inequality, at most.
const LEDD: usize = 3;

/// Cells by the atoms that each counts.
struct Gitter(Vec<Vec<bool>>);

/// The left sum is never larger than the right one.
type Ulikhet = (Vec<usize>, Vec<usize>);

impl Gitter {
    fn sum(&self, cells: &[usize]) -> Vec<u8> {
        let atoms = self.0[0].len();
        let count = |atom: usize| cells.iter().map(|cell| u8::from(self.0[*cell][atom])).sum();
        (0..atoms).map(count).collect()
    }

    fn utvalg(&self, most: usize) -> Vec<Vec<usize>> {
        let mut all: Vec<Vec<usize>> = vec![vec![]];
        let mut last = all.clone();
        for _ in 0..most {
            let longer = |one: &Vec<usize>| {
                let from = one.last().copied().unwrap_or(0);
                let one = one.clone();
                (from..self.0.len()).map(move |next| [one.clone(), vec![next]].concat())
            };
            last = last.iter().flat_map(longer).collect();
            all.extend(last.clone());
        }
        all
    }

    /// All inequalities that do not follow from smaller ones.
    fn ulikheter(&self) -> Vec<Ulikhet> {
        let sets = self.utvalg(LEDD);
        let sums: BTreeMap<&[usize], Vec<u8>> =
            sets.iter().map(|set| (&set[..], self.sum(set))).collect();
        let holds = |left: &[usize], right: &[usize]| {
            sums[left].iter().zip(&sums[right]).all(|(l, r)| l <= r)
        };
        let without = |set: &[usize], place: usize| {
            let mut set = set.to_vec();
            set.remove(place);
            set
        };
        let mut found = Vec::new();
        for left in &sets[1..] {
            for right in &sets[1..] {
                if left.iter().any(|cell| right.contains(cell)) || !holds(left, right) {
                    continue;
                }
                let apart = (0..left.len()).any(|l| {
                    (0..right.len()).any(|r| {
                        holds(&left[l..=l], &right[r..=r])
                            && holds(&without(left, l), &without(right, r))
                    })
                });
                let needless = (0..right.len()).any(|r| holds(left, &without(right, r)));
                if (left.len(), right.len()) == (1, 1) || !(apart || needless) {
                    found.push((left.clone(), right.clone()));
                }
            }
        }
        found
    }
}

/// What each true number can be, from what is printed.
fn snevret_inn(printed: &[i32], known: &[Ulikhet]) -> Vec<(i32, i32)> {
    let mut can: Vec<(i32, i32)> = printed
        .iter()
        .map(|print| ((print - 2).max(0), print + 2))
        .collect();
    loop {
        let before = can.clone();
        for (left, right) in known {
            let least: i32 = left.iter().map(|cell| can[*cell].0).sum();
            let most: i32 = right.iter().map(|cell| can[*cell].1).sum();
            let slack = most - least;
            for cell in left {
                can[*cell].1 = can[*cell].1.min(can[*cell].0 + slack);
            }
            for cell in right {
                can[*cell].0 = can[*cell].0.max(can[*cell].1 - slack);
            }
        }
        if can == before {
            return can;
        }
    }
}

/// How many values the number that is known best can have.
fn faerrest(can: &[(i32, i32)]) -> i32 {
    can.iter()
        .map(|(least, most)| most - least + 1)
        .min()
        .unwrap()
}

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

struct Tilfelle(u64);

impl Tilfelle {
    fn av(&mut self, most: u64) -> u64 {
        let next = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = next.wrapping_add(1);
        (self.0 >> 40) % most
    }

    /// A list of persons; some lists are of persons who are much alike.
    fn personer(&mut self) -> Vec<Atom> {
        let size = self.av(45);
        let alike = self.av(4) + 1;
        let mut person = || Atom {
            midlertidig: u8::try_from(self.av(3 * alike).min(2)).unwrap(),
            ventet: u8::try_from(self.av(3 * alike).min(2)).unwrap(),
            grupper: u8::try_from(self.av(32) | self.av(alike * 8)).unwrap() & 31,
            kommer: self.av(4) == 0,
        };
        (0..size).map(|_| person()).collect()
    }
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
    let counted = |mal: &Behovsmal| atoms.iter().map(|atom| teller(*mal, *atom)).collect();
    let known = Gitter(cells.iter().map(counted).collect()).ulikheter();
    for (left, right) in &known {
        assert_eq!((left.len(), right.len()), (1, 1), "{left:?} <= {right:?}");
    }
    // Each of the others is of those who wait; two chains.
    assert_eq!(known.len(), 10 + 2);
    let mut chance = Tilfelle(3);
    for _ in 0..3000 {
        let persons = chance.personer();
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
        let counted = |cell: &Teller| atoms.iter().map(|atom| cell(*atom)).collect();
        let known = Gitter(cube.iter().map(counted).collect()).ulikheter();
        let mut chance = Tilfelle(3);
        let (mut fewest, mut more) = (i32::MAX, false);
        for _ in 0..20_000 {
            let persons = chance.personer();
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
                let counted = atoms.iter().map(|atom| cell(states(month)(atom)));
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
                let most = u64::try_from(atoms.len()).unwrap();
                let atom = atoms[usize::try_from(chance.av(most)).unwrap()];
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
