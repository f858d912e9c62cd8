//! What is so, counted as plainly as can be.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// A stay, as it was told.
pub(super) struct Opphold {
    pub(super) name: String,
    pub(super) person: String,
    pub(super) siden: Tid,
    pub(super) over: bool,
    pub(super) pagar: bool,
}

/// A time in which a dwelling stood empty.
pub(super) struct Tom {
    pub(super) bolig: String,
    pub(super) arsak: Tomgangsarsak,
    pub(super) fra: Dag,
    pub(super) til: Option<Dag>,
    pub(super) kostnad: i64,
}

/// What is so, read from the records, or remembered from what was told.
#[derive(Default)]
pub(super) struct Modell {
    pub(super) saker: Vec<Boligsak>,
    pub(super) boliger: BTreeMap<String, Bolig>,
    /// The last type of each dwelling that ever was.
    pub(super) typer: BTreeMap<String, Tildelingstype>,
    pub(super) tom: Vec<Tom>,
    pub(super) opphold: Vec<Opphold>,
}

pub(super) fn i_gruppe(sak: &Boligsak, gruppe: Behovsgruppe) -> bool {
    let soknad = sak.soknad.clone().unwrap();
    let behov = soknad.behov.unwrap();
    match gruppe {
        Behovsgruppe::Unspecified => false,
        Behovsgruppe::Alle => true,
        Behovsgruppe::Kvinner => behov.kvinne,
        Behovsgruppe::Barnefamilier => soknad.barn > 0,
        Behovsgruppe::Rusfritt => behov.rusfritt_miljo,
        Behovsgruppe::Bemannet => {
            behov.bemanning() == Bemanning::Dag || behov.bemanning() == Bemanning::Dogn
        }
        Behovsgruppe::Rullestol => behov.rullestol,
    }
}

pub(super) fn har_status(sak: &Boligsak, status: Behovsstatus) -> bool {
    match sak.tilstand() {
        BoligsakTilstand::Godkjent => status == Behovsstatus::PaListen,
        BoligsakTilstand::Mottatt | BoligsakTilstand::UnderVurdering => {
            status == Behovsstatus::Uavgjort
        }
        _ => false,
    }
}

pub(super) fn hvem(sak: &Boligsak) -> String {
    sak.name.split("/boligsaker/").next().unwrap().to_owned()
}

impl Modell {
    /// Reads the records anew.
    pub(super) async fn les(&mut self, store: &Store, persons: usize, now: Tid) {
        self.saker.clear();
        for number in 0..persons {
            let request = ListBoligsakerRequest {
                parent: person(number),
                page_size: 200,
                ..Default::default()
            };
            let read = store.read(hos("rop", "r1"), move |tx| {
                boligsak::rpc::list(tx, request).boxed()
            });
            self.saker.extend(read.await.unwrap().boligsaker);
        }
        let request = ListBoligerRequest {
            parent: KONTORET.into(),
            page_size: 200,
            ..Default::default()
        };
        let read = store.read(hos(ENHET, "b1"), move |tx| {
            bolig::rpc::list(tx, request).boxed()
        });
        let stock = read.await.unwrap().boliger;
        self.boliger = stock
            .into_iter()
            .map(|one| (one.name.clone(), one))
            .collect();
        let today = Dag::av(now);
        for (name, dwelling) in &self.boliger {
            let type_ = dwelling.egenskaper.as_ref().unwrap().tildelingstype();
            self.typer.insert(name.clone(), type_);
        }
        for tom in self.tom.iter_mut().filter(|tom| tom.til.is_none()) {
            let dwelling = self.boliger.get(&tom.bolig);
            let goes_on = dwelling
                .and_then(|one| one.tomgang.as_ref())
                .is_some_and(|open| {
                    let from = Dag::av(Tid::try_from(open.fra.unwrap()).unwrap());
                    open.arsak() == tom.arsak && from == tom.fra
                });
            if !goes_on {
                tom.til = Some(today);
            }
        }
        for (name, dwelling) in &self.boliger {
            let Some(open) = &dwelling.tomgang else {
                continue;
            };
            let known = self
                .tom
                .iter()
                .any(|tom| tom.bolig == *name && tom.til.is_none());
            if !known {
                self.tom.push(Tom {
                    bolig: name.clone(),
                    arsak: open.arsak(),
                    fra: Dag::av(Tid::try_from(open.fra.unwrap()).unwrap()),
                    til: None,
                    kostnad: open.kostnad_per_dag.into(),
                });
            }
        }
    }

    fn opphold(&self, person: &str) -> Option<&Opphold> {
        self.opphold
            .iter()
            .find(|stay| stay.pagar && stay.person == person)
    }

    fn celle(
        &self,
        (type_, gruppe, status): (Tildelingstype, Behovsgruppe, Behovsstatus),
        today: Dag,
    ) -> Behovscelle {
        let mut since: BTreeMap<String, Dag> = BTreeMap::new();
        for sak in &self.saker {
            let counts =
                sak.tildelingstype() == type_ && i_gruppe(sak, gruppe) && har_status(sak, status);
            if counts {
                let day = Dag::av(Tid::try_from(sak.mottatt.unwrap()).unwrap());
                let first = since.entry(hvem(sak)).or_insert(day);
                *first = day.min(*first);
            }
        }
        let count = |is: &dyn Fn(&str, Dag) -> bool| {
            let of = since.iter().filter(|(who, day)| is(who, **day));
            i32::try_from(of.count()).unwrap()
        };
        let months = |day: Dag, months: i32| day.pluss_maneder(months) <= today;
        Behovscelle {
            tildelingstype: type_.into(),
            gruppe: gruppe.into(),
            status: status.into(),
            antall: count(&|_, _| true),
            i_midlertidig: count(&|who, _| self.opphold(who).is_some()),
            over_tre_maneder: count(&|who, _| self.opphold(who).is_some_and(|stay| stay.over)),
            ventet_under_tre: count(&|_, day| !months(day, 3)),
            ventet_tre_til_tolv: count(&|_, day| months(day, 3) && !months(day, 12)),
            ventet_over_tolv: count(&|_, day| months(day, 12)),
        }
    }

    fn kommende(&self, type_: Tildelingstype, arsak: Kommendearsak, today: Dag) -> i32 {
        let comes = |sak: &&Boligsak| {
            let soknad = sak.soknad.clone().unwrap();
            let day: Option<Dag> = soknad.kommende_dag.parse().ok();
            let open = [Behovsstatus::PaListen, Behovsstatus::Uavgjort];
            sak.tildelingstype() == type_
                && soknad.kommende_arsak() == arsak
                && open.iter().any(|status| har_status(sak, *status))
                && day.is_some_and(|day| today < day && day <= today.pluss_maneder(6))
        };
        let persons: BTreeSet<String> = self.saker.iter().filter(comes).map(hvem).collect();
        i32::try_from(persons.len()).unwrap()
    }

    fn beholdning(&self, type_: Tildelingstype) -> Beholdning {
        let of_type = |one: &&Bolig| one.egenskaper.as_ref().unwrap().tildelingstype() == type_;
        let count = |state: Option<Boligtilstand>| {
            let of = self.boliger.values().filter(of_type);
            let of = of.filter(|one| state.is_none_or(|state| one.tilstand() == state));
            i32::try_from(of.count()).unwrap()
        };
        Beholdning {
            tildelingstype: type_.into(),
            boliger: count(None),
            ledige: count(Some(Boligtilstand::Ledig)),
            reserverte: count(Some(Boligtilstand::Reservert)),
            utleide: count(Some(Boligtilstand::Utleid)),
            klargjores: count(Some(Boligtilstand::Klargjores)),
            ute_av_drift: count(Some(Boligtilstand::UteAvDrift)),
        }
    }

    /// Day by day.
    fn tomgang(&self, today: Dag) -> Vec<Tomgangssum> {
        let mut sums: BTreeMap<(Tildelingstype, Tomgangsarsak), (i32, i64)> = BTreeMap::new();
        let mut day = today.pluss_maneder(-12);
        while day < today {
            for tom in &self.tom {
                if tom.fra <= day && tom.til.is_none_or(|til| day < til) {
                    let key = (self.typer[&tom.bolig], tom.arsak);
                    let (days, cost) = sums.entry(key).or_default();
                    *days += 1;
                    *cost += tom.kostnad;
                }
            }
            day = day.pluss_dager(1);
        }
        let sum = |((type_, arsak), (dager, kostnad))| Tomgangssum {
            tildelingstype: Tildelingstype::into(type_),
            arsak: Tomgangsarsak::into(arsak),
            dager,
            kostnad,
        };
        sums.into_iter().map(sum).collect()
    }

    pub(super) fn tell(&self, now: Tid) -> Behovsoversikt {
        let today = Dag::av(now);
        let types = || (2..5).map(|n| Tildelingstype::try_from(n).unwrap());
        let mut celler = Vec::new();
        let mut kommende = Vec::new();
        for type_ in types() {
            for gruppe in (1..7).map(|n| Behovsgruppe::try_from(n).unwrap()) {
                for status in (1..3).map(|n| Behovsstatus::try_from(n).unwrap()) {
                    celler.push(self.celle((type_, gruppe, status), today));
                }
            }
            for arsak in [1, 2, 3, 0].map(|n| Kommendearsak::try_from(n).unwrap()) {
                kommende.push(Kommendebehov {
                    tildelingstype: type_.into(),
                    arsak: arsak.into(),
                    antall: self.kommende(type_, arsak, today),
                });
            }
        }
        let open = [Behovsstatus::PaListen, Behovsstatus::Uavgjort];
        let has_case = |who: &str| {
            let mut own = self.saker.iter().filter(|sak| hvem(sak) == who);
            own.any(|sak| open.iter().any(|status| har_status(sak, *status)))
        };
        let count = |is: &dyn Fn(&Opphold) -> bool| {
            let of = self.opphold.iter().filter(|stay| stay.pagar && is(stay));
            i32::try_from(of.count()).unwrap()
        };
        Behovsoversikt {
            celler,
            kommende,
            i_midlertidig: count(&|_| true),
            over_tre_maneder: count(&|stay| stay.over),
            uten_boligsak: count(&|stay| !has_case(&stay.person)),
            uten_boligsak_over_tre: count(&|stay| stay.over && !has_case(&stay.person)),
            beholdning: (1..5)
                .map(|n| self.beholdning(Tildelingstype::try_from(n).unwrap()))
                .collect(),
            tomgang: self.tomgang(today),
            ..Default::default()
        }
    }
}
