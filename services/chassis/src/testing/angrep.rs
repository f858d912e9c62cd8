//! The attack on a published cube: from what is printed, and from what must be
//! so whatever there is, to what each true number can be.
//!
//! A kind of what is counted (a person of such groups, an avvik with such a
//! life) is an atom; a cell says how often it counts each. Where a sum of cells
//! counts no atom more often than another sum does, it is not larger, whatever
//! there is; that is all that anybody can know beforehand. Each such inequality
//! narrows what its cells can be, until nothing changes.

use std::collections::BTreeMap;

/// Cells on one side of an inequality, at most.
const LEDD: usize = 3;

/// Cells, each by how often it counts each atom.
pub struct Gitter(pub Vec<Vec<u8>>);

/// The left sum is never larger than the right one.
pub type Ulikhet = (Vec<usize>, Vec<usize>);

impl Gitter {
    fn sum(&self, cells: &[usize]) -> Vec<u8> {
        let mut sum = vec![0; self.0.first().map_or(0, Vec::len)];
        for cell in cells.iter().filter_map(|cell| self.0.get(*cell)) {
            for (all, one) in sum.iter_mut().zip(cell) {
                *all += one;
            }
        }
        sum
    }

    fn utvalg(&self) -> Vec<Vec<usize>> {
        let mut all: Vec<Vec<usize>> = vec![vec![]];
        let mut last = all.clone();
        for _ in 0..LEDD {
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
    #[must_use]
    pub fn ulikheter(&self) -> Vec<Ulikhet> {
        let sets = self.utvalg();
        let sums: BTreeMap<&[usize], Vec<u8>> =
            sets.iter().map(|set| (&set[..], self.sum(set))).collect();
        let holds = |left: &[usize], right: &[usize]| match (sums.get(left), sums.get(right)) {
            (Some(left), Some(right)) => left.iter().zip(right).all(|(l, r)| l <= r),
            _ => false,
        };
        let without = |set: &[usize], place: usize| {
            let mut set = set.to_vec();
            set.remove(place);
            set
        };
        let follows = |left: &[usize], right: &[usize]| {
            let apart = (0..left.len()).any(|l| {
                (0..right.len()).any(|r| {
                    holds(
                        left.get(l..=l).unwrap_or_default(),
                        right.get(r..=r).unwrap_or_default(),
                    ) && holds(&without(left, l), &without(right, r))
                })
            });
            apart || (0..right.len()).any(|r| holds(left, &without(right, r)))
        };
        let mut found = Vec::new();
        let some = || sets.iter().filter(|set| !set.is_empty());
        for left in some() {
            for right in some() {
                let shared = left.iter().any(|cell| right.contains(cell));
                if !shared && holds(left, right) {
                    let order = (left.len(), right.len()) == (1, 1);
                    if order || !follows(left, right) {
                        found.push((left.clone(), right.clone()));
                    }
                }
            }
        }
        found
    }
}

/// What each true number can be, least and most, from what is printed.
///
/// # Panics
/// When an inequality is about a cell that is not printed.
#[must_use]
#[expect(clippy::indexing_slicing, reason = "a test harness fails by panicking")]
pub fn snevret_inn(printed: &[i32], known: &[Ulikhet]) -> Vec<(i32, i32)> {
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
#[must_use]
pub fn faerrest(can: &[(i32, i32)]) -> i32 {
    let values = can.iter().map(|(least, most)| most - least + 1);
    values.min().unwrap_or(i32::MAX)
}

/// Chance from a seed.
pub struct Tilfelle(pub u64);

impl Tilfelle {
    /// Below `most`.
    pub fn av(&mut self, most: usize) -> usize {
        let next = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = next.wrapping_add(1);
        usize::try_from(self.0 >> 40).unwrap_or(0) % most.max(1)
    }
}
