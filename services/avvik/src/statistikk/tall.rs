//! What a month amounts to. Pure: what happened in, numbers out.

use std::collections::BTreeMap;

use samspor_chassis::domene::{navn, periode::kvantil};
use samspor_proto::avvik::{
    Alvorlighet, Avviksenhetstall, Avvikskategori, Lukkingstall, Meldttall, Retningstall,
    Vurderingstall,
};

use super::Hendt;

pub(super) const KATEGORIER: [Avvikskategori; 7] = [
    Avvikskategori::Fag,
    Avvikskategori::Hms,
    Avvikskategori::Legemiddel,
    Avvikskategori::Samhandling,
    Avvikskategori::Personvern,
    Avvikskategori::VoldTrusler,
    Avvikskategori::Bolig,
];
pub(super) const ALVORLIGHETER: [Alvorlighet; 4] = [
    Alvorlighet::Lav,
    Alvorlighet::Moderat,
    Alvorlighet::Alvorlig,
    Alvorlighet::Kritisk,
];
/// Days after which a closing counts as late, and as very late.
const SENT: i32 = 30;
const SVAERT_SENT: i32 = 90;

/// What a unit did.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Enhet {
    pub(super) etter_frist: i32,
    pub(super) returnert: i32,
    frasagt: i32,
    /// Hours until each answer.
    timer: Vec<i32>,
    /// Days until each closing.
    dager: Vec<i32>,
    gjenapnet: i32,
}

impl Enhet {
    /// Answers.
    pub(super) fn kvittert(&self) -> i32 {
        antall(&self.timer)
    }

    fn to_proto(&self, enhet: &str) -> Avviksenhetstall {
        let median = |values: &[i32]| {
            let mut sorted = values.to_vec();
            sorted.sort_unstable();
            kvantil(&sorted, 50)
        };
        Avviksenhetstall {
            enhet: navn::enhet(enhet),
            kvittert: self.kvittert(),
            etter_frist: self.etter_frist,
            returnert: self.returnert,
            frasagt: self.frasagt,
            median_timer: median(&self.timer),
            lukket: antall(&self.dager),
            median_dager: median(&self.dager),
            gjenapnet: self.gjenapnet,
        }
    }
}

fn antall(values: &[i32]) -> i32 {
    i32::try_from(values.len()).unwrap_or(i32::MAX)
}

/// A month.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Tall {
    pub(super) meldt: Vec<Meldttall>,
    pub(super) retning: BTreeMap<(String, String), i32>,
    pub(super) enheter: BTreeMap<String, Enhet>,
    pub(super) lukket: Vec<Lukkingstall>,
    pub(super) vurdert: Vec<Vurderingstall>,
}

impl Tall {
    /// Counts.
    pub(super) fn av(all: Vec<Hendt>) -> Self {
        let mut tall = Self::tomt();
        for one in all {
            tall.tell(one);
        }
        tall
    }

    /// Every cell, and nothing in it.
    fn tomt() -> Self {
        let cross = |kategori: Avvikskategori| {
            ALVORLIGHETER.map(|alvorlighet| Meldttall {
                kategori: kategori.into(),
                alvorlighet: alvorlighet.into(),
                ..Default::default()
            })
        };
        let spread = |meldt: Alvorlighet| {
            ALVORLIGHETER.map(|vurdert| Vurderingstall {
                meldt: meldt.into(),
                vurdert: vurdert.into(),
                antall: 0,
            })
        };
        let closed = |alvorlighet: Alvorlighet| Lukkingstall {
            alvorlighet: alvorlighet.into(),
            ..Default::default()
        };
        Self {
            meldt: KATEGORIER.into_iter().flat_map(cross).collect(),
            retning: BTreeMap::new(),
            enheter: BTreeMap::new(),
            lukket: ALVORLIGHETER.into_iter().map(closed).collect(),
            vurdert: ALVORLIGHETER.into_iter().flat_map(spread).collect(),
        }
    }

    fn enhet(&mut self, enhet: String) -> &mut Enhet {
        self.enheter.entry(enhet).or_default()
    }

    fn celle(&mut self, category: Avvikskategori, severity: Alvorlighet) -> Option<&mut Meldttall> {
        let mut cells = self.meldt.iter_mut();
        cells.find(|cell| cell.kategori() == category && cell.alvorlighet() == severity)
    }

    fn tell(&mut self, one: Hendt) {
        match one {
            Hendt::Meldt {
                kategori,
                alvorlighet,
                av_seg_selv,
                melder,
                enheter,
            } => {
                if let Some(cell) = self.celle(kategori, alvorlighet) {
                    cell.antall += 1;
                    cell.av_seg_selv += i32::from(av_seg_selv);
                }
                for enhet in melder.iter().flat_map(|_| &enheter) {
                    let key = (melder.clone().unwrap_or_default(), enhet.clone());
                    *self.retning.entry(key).or_default() += 1;
                }
            }
            Hendt::Tilbakemeldt {
                kategori,
                alvorlighet,
            } => {
                if let Some(cell) = self.celle(kategori, alvorlighet) {
                    cell.med_tilbakemelding += 1;
                }
            }
            Hendt::Kvittert {
                enhet,
                timer,
                etter_frist,
                returnert,
            } => {
                let unit = self.enhet(enhet);
                unit.timer.push(timer);
                unit.etter_frist += i32::from(etter_frist);
                unit.returnert += i32::from(returnert);
            }
            Hendt::Frasagt { enhet } => self.enhet(enhet).frasagt += 1,
            Hendt::Gjenapnet { enhet } => self.enhet(enhet).gjenapnet += 1,
            Hendt::Vurdert { meldt, vurdert } => {
                let mut cells = self.vurdert.iter_mut();
                let of = cells.find(|cell| cell.meldt() == meldt && cell.vurdert() == vurdert);
                if let Some(cell) = of {
                    cell.antall += 1;
                }
            }
            Hendt::Lukket {
                enhet,
                alvorlighet,
                dager,
            } => {
                self.enhet(enhet).dager.push(dager);
                let mut cells = self.lukket.iter_mut();
                if let Some(cell) = cells.find(|cell| cell.alvorlighet() == alvorlighet) {
                    cell.antall += 1;
                    cell.etter_30 += i32::from(dager > SENT);
                    cell.etter_90 += i32::from(dager > SVAERT_SENT);
                }
            }
        }
    }

    /// Who reported about whom.
    pub(super) fn retninger(&self) -> Vec<Retningstall> {
        let row = |((melder, enhet), antall): (&(String, String), &i32)| Retningstall {
            melder_enhet: navn::enhet(melder),
            enhet: navn::enhet(enhet),
            antall: *antall,
        };
        self.retning.iter().map(row).collect()
    }

    /// By unit.
    pub(super) fn enhetstall(&self) -> Vec<Avviksenhetstall> {
        let rows = self.enheter.iter();
        rows.map(|(unit, tall)| tall.to_proto(unit)).collect()
    }
}
