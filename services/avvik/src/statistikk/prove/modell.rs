//! The plain count: everything that was done, with its day.

use super::*;

/// A report, as it was made.
pub(super) struct Meldt {
    pub(super) name: String,
    pub(super) dag: Dag,
    pub(super) kategori: Avvikskategori,
    pub(super) alvorlighet: Alvorlighet,
    pub(super) av_seg_selv: bool,
    pub(super) melder: Option<String>,
    pub(super) enheter: Vec<String>,
    pub(super) tilbakemeldt: Option<Dag>,
}

/// Everything that was done, with its day.
#[derive(Default)]
pub(super) struct Modell {
    pub(super) meldt: Vec<Meldt>,
    /// Unit, hours, late, given back.
    pub(super) svar: Vec<(Dag, String, i32, bool, bool)>,
    pub(super) frasagt: Vec<(Dag, String)>,
    pub(super) vurdert: Vec<(Dag, Alvorlighet, Alvorlighet)>,
    /// Unit, severity, days.
    pub(super) lukket: Vec<(Dag, String, Alvorlighet, i32)>,
    pub(super) gjenapnet: Vec<(Dag, String)>,
}

fn antall<T>(all: impl Iterator<Item = T>) -> i32 {
    i32::try_from(all.count()).unwrap()
}

/// The least value that half of them do not exceed.
fn halvparten(values: &[i32]) -> i32 {
    let enough = |most: &&i32| 2 * values.iter().filter(|one| one <= most).count() >= values.len();
    values.iter().filter(enough).min().copied().unwrap_or(0)
}

fn severities() -> impl Iterator<Item = Alvorlighet> {
    (1..5).map(|n| Alvorlighet::try_from(n).unwrap())
}

impl Modell {
    pub(super) fn tell(&self, maned: &str) -> Avvikstall {
        let da = |day: &Dag| day.to_string().starts_with(maned);
        let meldt = || self.meldt.iter().filter(|one| da(&one.dag));
        let mut celler = Vec::new();
        let mut vurdert = Vec::new();
        let mut lukket = Vec::new();
        for kategori in (1..8).map(|n| Avvikskategori::try_from(n).unwrap()) {
            for alvorlighet in severities() {
                let of = || {
                    let of = meldt().filter(|one| one.kategori == kategori);
                    of.filter(|one| one.alvorlighet == alvorlighet)
                };
                let told = |one: &&Meldt| {
                    let day = one.tilbakemeldt;
                    day.is_some_and(|day| day <= one.dag.pluss_dager(30))
                };
                celler.push(Meldttall {
                    kategori: kategori.into(),
                    alvorlighet: alvorlighet.into(),
                    antall: antall(of()),
                    med_tilbakemelding: antall(of().filter(told)),
                    av_seg_selv: antall(of().filter(|one| one.av_seg_selv)),
                });
            }
        }
        for by in severities() {
            for as_ in severities() {
                let of = self.vurdert.iter();
                let of = of.filter(|one| da(&one.0) && (one.1, one.2) == (by, as_));
                vurdert.push(Vurderingstall {
                    meldt: by.into(),
                    vurdert: as_.into(),
                    antall: antall(of),
                });
            }
            let of = |over: i32| {
                let of = self.lukket.iter().filter(|one| da(&one.0) && one.2 == by);
                antall(of.filter(|one| one.3 > over))
            };
            lukket.push(Lukkingstall {
                alvorlighet: by.into(),
                antall: of(-1),
                etter_30: of(30),
                etter_90: of(90),
            });
        }
        let mut retning: BTreeMap<(String, String), i32> = BTreeMap::new();
        for one in meldt() {
            for unit in one.melder.iter().flat_map(|_| &one.enheter) {
                let key = (one.melder.clone().unwrap(), unit.clone());
                *retning.entry(key).or_default() += 1;
            }
        }
        let mut units: Vec<&str> = ENHETER.to_vec();
        units.sort_unstable();
        let unit = |unit: &&str| {
            let own = |name: &String| name == unit;
            let svar: Vec<_> = self.svar.iter().filter(|s| da(&s.0) && own(&s.1)).collect();
            let lukket = self.lukket.iter().filter(|l| da(&l.0) && own(&l.1));
            let days: Vec<i32> = lukket.map(|one| one.3).collect();
            let hours: Vec<i32> = svar.iter().map(|one| one.2).collect();
            let of = |all: &[(Dag, String)]| antall(all.iter().filter(|x| da(&x.0) && own(&x.1)));
            Avviksenhetstall {
                enhet: format!("enheter/{unit}"),
                kvittert: antall(svar.iter()),
                etter_frist: antall(svar.iter().filter(|one| one.3)),
                returnert: antall(svar.iter().filter(|one| one.4)),
                frasagt: of(&self.frasagt),
                median_timer: halvparten(&hours),
                lukket: antall(days.iter()),
                median_dager: halvparten(&days),
                gjenapnet: of(&self.gjenapnet),
            }
        };
        let something = |tall: &Avviksenhetstall| {
            tall.kvittert + tall.frasagt + tall.lukket + tall.gjenapnet > 0
        };
        Avvikstall {
            name: format!("{VOKTER}/avvikstall/{maned}"),
            ansvarlig_enhet: VOKTER.into(),
            maned: maned.into(),
            meldt: celler,
            retning: retning
                .into_iter()
                .map(|((melder, enhet), antall)| Retningstall {
                    melder_enhet: format!("enheter/{melder}"),
                    enhet: format!("enheter/{enhet}"),
                    antall,
                })
                .collect(),
            enheter: units.iter().map(unit).filter(something).collect(),
            lukket,
            vurdert,
            ..Default::default()
        }
    }
}
