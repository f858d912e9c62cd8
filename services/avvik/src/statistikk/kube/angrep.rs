//! The attack on the cube of avvik ([`samspor_chassis::testing::angrep`]): an
//! atom is what one avvik does in the months that are published.

use samspor_chassis::testing::angrep::{Gitter, Tilfelle, Ulikhet, faerrest, snevret_inn};

use super::*;
use crate::{
    innstillinger::innstillinger,
    statistikk::{Hendt, tall::ALVORLIGHETER},
};

/// What one avvik does in each month.
type Liv = Vec<Vec<Hendt>>;

/// The last has no cell of its own.
const ENHETER: [&str; 2] = ["nav", "skole"];
const KATEGORI: [Avvikskategori; 2] = [Avvikskategori::Fag, Avvikskategori::Bolig];

fn kryss() -> impl Iterator<Item = (Avvikskategori, Alvorlighet)> {
    KATEGORI
        .into_iter()
        .flat_map(|category| ALVORLIGHETER.map(|severity| (category, severity)))
}

fn meldt(kategori: Avvikskategori, alvorlighet: Alvorlighet) -> Hendt {
    Hendt::Meldt {
        kategori,
        alvorlighet,
        av_seg_selv: false,
        melder: Some("bom".into()),
        enheter: vec!["nav".into()],
    }
}

fn svar(enhet: &str, etter_frist: bool, returnert: bool) -> Hendt {
    Hendt::Kvittert {
        enhet: enhet.into(),
        timer: 5,
        etter_frist,
        returnert,
    }
}

fn lukket(alvorlighet: Alvorlighet, dager: i32) -> Hendt {
    Hendt::Lukket {
        enhet: "nav".into(),
        alvorlighet,
        dager,
    }
}

/// What may happen to one of a severity after its report.
fn etterpa(alvorlighet: Alvorlighet) -> Vec<Hendt> {
    let mut all = Vec::new();
    for unit in ENHETER {
        for (late, back) in [(false, false), (true, false), (false, true), (true, true)] {
            all.push(svar(unit, late, back));
        }
    }
    all.extend([5, 31, 91].map(|days| lukket(alvorlighet, days)));
    let assessed = |vurdert| Hendt::Vurdert {
        meldt: alvorlighet,
        vurdert,
    };
    all.extend(ALVORLIGHETER.map(assessed));
    all
}

/// Every life in so many months from the first month in which there is any
/// avvik: the hardest, since whoever knows that nothing was there before knows
/// that what is closed was reported. What follows the report comes alone, as
/// often as an inequality has cells and once more: one is given to many units,
/// assessed anew, opened and closed again. Feedback comes after an answer, which
/// may be in a month that is not published yet.
fn liv(months: usize) -> Vec<Liv> {
    let mut all = Vec::new();
    for (kategori, alvorlighet) in kryss() {
        for month in 0..months {
            let reported = || {
                let mut life: Liv = vec![Vec::new(); months];
                life[month].push(meldt(kategori, alvorlighet));
                life
            };
            let mut told = reported();
            told[month].push(Hendt::Tilbakemeldt {
                kategori,
                alvorlighet,
            });
            all.extend([reported(), told]);
            for when in month..months {
                for one in etterpa(alvorlighet) {
                    let mut life = reported();
                    life[when].extend(vec![one; 4]);
                    all.push(life);
                }
            }
        }
    }
    all
}

/// What is published of what happened.
fn trykt(happened: Vec<Hendt>) -> Vec<Celle> {
    let mut settings = innstillinger().unwrap().clone();
    settings.publiserte_enheter = vec!["nav".into()];
    Publisert::av(&Tall::av(happened), &settings, Tid(0)).celler
}

/// How often each cell counts it: five of a kind are printed as they are.
fn talt(happened: &[Hendt]) -> Vec<i32> {
    let five = (0..5).flat_map(|_| happened.to_vec()).collect();
    trykt(five)
        .into_iter()
        .map(|cell| cell.antall / 5)
        .collect()
}

/// Some of the cells of each month, by how often they count each life.
struct Angrep {
    liv: Vec<Liv>,
    celler: Vec<(usize, usize)>,
    teller: Vec<Vec<u8>>,
}

impl Angrep {
    fn pa(months: usize, chosen: fn(&Celle) -> bool) -> Self {
        let liv = liv(months);
        let places = (0..).zip(trykt(Vec::new()));
        let places = places
            .filter(|(_, cell)| chosen(cell))
            .map(|(place, _)| place);
        let places: Vec<usize> = places.collect();
        let (mut celler, mut teller) = (Vec::new(), Vec::new());
        for month in 0..months {
            let counted: Vec<Vec<i32>> = liv.iter().map(|life| talt(&life[month])).collect();
            for place in &places {
                celler.push((month, *place));
                let times = counted.iter().map(|one| u8::try_from(one[*place]).unwrap());
                teller.push(times.collect());
            }
        }
        Self {
            liv,
            celler,
            teller,
        }
    }

    fn kjent(&self) -> Vec<Ulikhet> {
        Gitter(self.teller.clone()).ulikheter()
    }

    /// Months of chance: what was so in each cell, and what is printed.
    fn tilfeldig(&self, chance: &mut Tilfelle) -> (Vec<i32>, Vec<i32>) {
        let mut months = vec![Vec::new(); self.liv[0].len()];
        let alike = 1 + chance.av(self.liv.len());
        for _ in 0..chance.av(60) {
            let life = &self.liv[chance.av(alike)];
            for (month, happened) in months.iter_mut().zip(life) {
                month.extend(happened.clone());
            }
        }
        let exact: Vec<Vec<i32>> = months.iter().map(|month| talt(month)).collect();
        let printed: Vec<Vec<Celle>> = months.into_iter().map(trykt).collect();
        let places = || self.celler.iter();
        (
            places()
                .map(|(month, place)| exact[*month][*place])
                .collect(),
            places()
                .map(|(month, place)| printed[*month][*place].antall)
                .collect(),
        )
    }
}

/// Nothing is known between two numbers of a month but that one is not larger
/// than the other, and of no month is any number known better than to three
/// values.
///
/// Seen red: with those that are ALVORLIG beside those that are KRITISK.
#[test]
fn from_a_month_nothing_is_found() {
    let attack = Angrep::pa(1, |cell| match cell.mal {
        Avviksmal::Lukket | Avviksmal::LukketEtter30 | Avviksmal::LukketEtter90 => {
            cell.alvorlighet >= Alvorlighet::Alvorlig
        }
        Avviksmal::Vurdert => {
            cell.alvorlighet >= Alvorlighet::Alvorlig && cell.vurdert >= Alvorlighet::Alvorlig
        }
        Avviksmal::Meldt
        | Avviksmal::MeldtAlvorlig
        | Avviksmal::MeldtKritisk
        | Avviksmal::MedTilbakemelding => KATEGORI.contains(&cell.kategori),
        _ => true,
    });
    let known = attack.kjent();
    for (left, right) in &known {
        assert_eq!((left.len(), right.len()), (1, 1), "{left:?} <= {right:?}");
    }
    // Two categories with a chain and those with feedback, two units, two chains.
    assert_eq!(known.len(), 2 * 4 + 2 * 2 + 2 * 3);
    let mut chance = Tilfelle(3);
    for _ in 0..3000 {
        let (exact, printed) = attack.tilfeldig(&mut chance);
        assert!(printed.iter().all(|number| number % 5 == 0), "{printed:?}");
        let can = snevret_inn(&printed, &known);
        for (exact, (least, most)) in exact.iter().zip(&can) {
            assert!((least..=most).contains(&exact), "the attack is wrong");
        }
        assert!(faerrest(&can) >= 3, "{printed:?} {can:?}");
    }
}

/// Two months one after the other, of which the first is the first of all: no
/// number, and no difference between the months, is known better.
///
/// Guards against: feedback that counts when it is given.
#[test]
fn from_two_months_nothing_is_found() {
    let attack = Angrep::pa(2, |cell| match cell.mal {
        Avviksmal::Meldt | Avviksmal::MedTilbakemelding => KATEGORI.contains(&cell.kategori),
        Avviksmal::Kvittert | Avviksmal::KvittertEtterFrist => true,
        Avviksmal::Lukket | Avviksmal::LukketEtter30 => cell.alvorlighet == Alvorlighet::Kritisk,
        _ => false,
    });
    let known = attack.kjent();
    for (left, right) in &known {
        assert_eq!((left.len(), right.len()), (1, 1), "{left:?} <= {right:?}");
    }
    assert_eq!(known.len(), 2 * (2 + 2 + 1));
    let cells = attack.celler.len() / 2;
    let mut chance = Tilfelle(5);
    for _ in 0..3000 {
        let (_, printed) = attack.tilfeldig(&mut chance);
        let can = snevret_inn(&printed, &known);
        assert!(faerrest(&can) >= 3, "{printed:?} {can:?}");
        for place in 0..cells {
            let ((least, most), (least_after, most_after)) = (can[place], can[place + cells]);
            assert!(most_after - least - (least_after - most) + 1 >= 3);
        }
    }
}

/// The whole blocks that are tied: each avvik with feedback was answered by some
/// unit, in that month or the two after it. Seven categories, eight units and
/// three months: in no month of chance does it narrow anything.
#[test]
fn the_blocks_that_are_tied_narrow_nothing() {
    let (told, answered) = (0..7, 7..7 + 8 * 3);
    let known: Vec<Ulikhet> = vec![(told.clone().collect(), answered.collect())];
    let mut chance = Tilfelle(11);
    for _ in 0..3000 {
        let mut exact = [0; 7 + 8 * 3];
        for _ in 0..chance.av(80) {
            // One with feedback is answered by one unit; a few by nobody.
            exact[7 + chance.av(8 * 3)] += 1;
            if chance.av(4) > 0 {
                exact[chance.av(7)] += 1;
            }
        }
        let printed: Vec<i32> = exact.iter().map(|one| avrund(*one)).collect();
        let can = snevret_inn(&printed, &known);
        assert_eq!(can, snevret_inn(&printed, &[]), "{printed:?}");
    }
    // It would, where each cell of both stands at its edge.
    let mut edge = [0; 7 + 8 * 3];
    edge[0] = 50;
    let can = snevret_inn(&edge, &known);
    assert_eq!((can[0], can[8]), ((48, 48), (2, 2)));
}

/// The cubes that were not chosen: the same attack finds avvik where two
/// dimensions divide the same reports, and where what is opened again ties what
/// is closed to what was reported.
#[test]
fn from_the_plain_cubes_avvik_are_found() {
    type Teller = fn(&(usize, usize)) -> bool;
    // By category and by unit, with its whole.
    let lives: Vec<(usize, usize)> = (0..2).flat_map(|c| (0..2).map(move |u| (c, u))).collect();
    let cells: [Teller; 4] = [|l| l.0 == 0, |l| l.0 == 1, |l| l.1 == 0, |l| l.1 == 1];
    let counted = |cell: &Teller| lives.iter().map(|life| u8::from(cell(life))).collect();
    let known = Gitter(cells.iter().map(counted).collect()).ulikheter();
    // Two of each category: printed 0 and 0 beside 5 and 0.
    let can = snevret_inn(&[0, 0, 5, 0], &known);
    assert_eq!(faerrest(&can), 2, "{can:?}");
    // Reported, opened again, closed: closed once more than it was opened again.
    let lives: [[u8; 3]; 4] = [[1, 0, 0], [1, 0, 1], [1, 1, 2], [1, 2, 3]];
    let cell = |place: usize| lives.iter().map(|life| life[place]).collect();
    let known = Gitter((0..3).map(cell).collect()).ulikheter();
    assert!(known.contains(&(vec![2], vec![0, 1])), "{known:?}");
    assert_eq!(faerrest(&snevret_inn(&[0, 0, 5], &known)), 2);
}
