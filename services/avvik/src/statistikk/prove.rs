//! The figures through the handlers and the store, against a count that is as
//! plain as can be.

mod modell;

use std::{collections::BTreeMap, time::Duration};

use futures::FutureExt as _;
use samspor_chassis::{
    deadlines::Ticker,
    domene::Dag,
    error::Error,
    server::Agency as _,
    store::Store,
    testing::{Clock as _, Database, angrep::Tilfelle, request_id},
    tid::Tid,
};
use samspor_proto::{avvik::*, hendelse::Hendelse};

use self::modell::{Meldt, Modell};
use super::rpc;
use crate::{
    Avvik as Tjeneste, anonym, anonymprove,
    avvik::{
        prove::{feil, hos, kall, lager, svar},
        rpc as steg,
    },
    innmelding, kilder,
};

samspor_chassis::on_both_databases! {
    a_month_is_what_a_plain_count_says,
    a_month_is_published_once_and_stays_as_it_was,
    what_cannot_be_asked_for_is_said,
}

const VOKTER: &str = "enheter/koordinering";
const ENHETER: [&str; 5] = ["bom", "nav", "rop", "boligkontor", "skole"];

async fn hent(store: &Store, maned: &str) -> Result<Avvikstall, Error> {
    let request = HentAvvikstallRequest {
        parent: VOKTER.into(),
        maned: maned.into(),
    };
    let read = store.read(hos("koordinering", "k1"), move |tx| {
        rpc::hent(tx, request).boxed()
    });
    read.await.map(|read| read.avvikstall.unwrap())
}

async fn les(store: &Store, name: &str) -> Option<Avvik> {
    let request = HentAvvikRequest { name: name.into() };
    let read = store.read(hos("bom", "b1"), move |tx| steg::hent(tx, request).boxed());
    read.await.ok().and_then(|read| read.avvik)
}

async fn tikk(store: &Store) {
    let ticker = Ticker::new(store.clone(), Tjeneste::on_deadline);
    assert_eq!(ticker.tick().await.unwrap().failed, 0);
}

// ---- a random life -----------------------------------------------------------

const STEG: usize = 420;

fn alvorlighet(chance: &mut Tilfelle) -> Alvorlighet {
    Alvorlighet::try_from(i32::try_from(1 + chance.av(4)).unwrap()).unwrap()
}

/// A step that is not allowed is refused, and changes nothing; a defect is none.
fn eller_avslag<T>(answer: Result<T, Error>) -> Option<T> {
    match answer {
        Ok(answer) => Some(answer),
        Err(error) => {
            assert!(error.refusal().is_some(), "{error:?}");
            None
        }
    }
}

fn melding(alvorlighet: Alvorlighet, fag: bool, enheter: &[String], now: Tid) -> MeldAvvikRequest {
    let (kategori, underkategori, answers) = match fag {
        true => (
            Avvikskategori::Fag,
            "annet",
            vec![svar("tjeneste", "ROP"), svar("gjentatt", "nei")],
        ),
        false => (
            Avvikskategori::Bolig,
            "utskrevet_uten_bolig",
            vec![
                svar("natt_uten_seng", "2"),
                svar("varslet_pa_forhand", "ja"),
            ],
        ),
    };
    MeldAvvikRequest {
        request_id: request_id(),
        kategori: kategori.into(),
        underkategori: underkategori.into(),
        hendt: Some(now.to_proto()),
        sammendrag: "Ingen visste hvem som hadde vakt".into(),
        alvorlighet: alvorlighet.into(),
        enheter: enheter
            .iter()
            .map(|unit| format!("enheter/{unit}"))
            .collect(),
        svar: answers,
        ..Default::default()
    }
}

/// Somebody reports: with a name, without one, or a service tells.
async fn meld(store: &Store, chance: &mut Tilfelle, modell: &mut Modell, step: usize) {
    let now = store.clock().now();
    let dag = Dag::av(now);
    let severity = alvorlighet(chance);
    let melder = ENHETER[chance.av(3)];
    let others: Vec<String> = ENHETER.iter().map(|&unit| unit.to_owned()).collect();
    let mut enheter: Vec<String> = others.into_iter().filter(|_| chance.av(3) == 0).collect();
    if enheter.is_empty() {
        enheter.push("nav".into());
    }
    let fag = chance.av(2) == 0;
    let kategori = match fag {
        true => Avvikskategori::Fag,
        false => Avvikskategori::Bolig,
    };
    let mut new = Meldt {
        name: String::new(),
        dag,
        kategori,
        alvorlighet: severity,
        av_seg_selv: false,
        melder: None,
        enheter: enheter.clone(),
        tilbakemeldt: None,
    };
    let request = melding(severity, fag, &enheter, now);
    match chance.av(5) {
        0 => {
            let kode = format!("{step:032x}");
            let request = MeldAvvikAnonymtRequest {
                alvorlighet: severity.into(),
                kategori: kategori.into(),
                underkategori: request.underkategori,
                svar: request.svar,
                enheter: request.enheter,
                ..anonymprove::melding(&kode)
            };
            let told = kall!(store, anonymprove::noen(), anonym::meld, request).unwrap();
            new.name = format!("avvik/{}", told.kvittering.unwrap().referanse);
        }
        1 => {
            let event = Hendelse {
                r#type: "FristBrutt".into(),
                post: format!("personer/3f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b34/vedtak/{step}"),
                eier: "enheter/nav".into(),
                tid: Some(now.to_proto()),
                ..Default::default()
            };
            let heard: Result<_, Error> = store
                .write(hos("avvik", "system"), &request_id(), move |tx| {
                    kilder::reis(tx, "nav", event).boxed()
                })
                .await;
            heard.unwrap();
            let list = ListAvvikRequest {
                parent: VOKTER.into(),
                page_size: 200,
                ..Default::default()
            };
            let read = store.read(hos("koordinering", "k1"), move |tx| {
                steg::list(tx, list).boxed()
            });
            let raised = read.await.unwrap().avvik;
            let known = |name: &str| modell.meldt.iter().any(|one| one.name == name);
            let mut unknown = raised.into_iter().filter(|one| !known(&one.name));
            new.name = unknown.next().unwrap().name;
            new.kategori = Avvikskategori::Fag;
            new.alvorlighet = Alvorlighet::Moderat;
            new.av_seg_selv = true;
            new.enheter = vec!["nav".into()];
        }
        _ => {
            let told = kall!(store, hos(melder, "m1"), innmelding::meld, request).unwrap();
            new.name = format!("avvik/{}", told.kvittering.unwrap().referanse);
            new.melder = Some(melder.into());
        }
    }
    modell.meldt.push(new);
}

fn enhet(name: &str) -> &str {
    name.trim_start_matches("enheter/")
}

fn tid<T: TryInto<Tid>>(at: Option<T>) -> Tid {
    at.and_then(|at| at.try_into().ok()).unwrap()
}

/// A unit answers, or gives back what it took.
async fn svar_steg(store: &Store, chance: &mut Tilfelle, modell: &mut Modell, avvik: &Avvik) {
    let now = store.clock().now();
    let part = avvik.deler[chance.av(avvik.deler.len())].clone();
    let unit = enhet(&part.enhet).to_owned();
    let name = avvik.name.clone();
    let answers = part.tilstand() == AvviksdelTilstand::Foreslatt;
    let hours = (now.0 - tid(part.foreslatt).0) / 3_600_000_000;
    let hours = i32::try_from(hours).unwrap();
    let late = now >= tid(part.kvitteringsfrist);
    let today = Dag::av(now);
    if chance.av(3) > 0 {
        let request = AksepterDelRequest {
            name,
            request_id: request_id(),
        };
        if eller_avslag(kall!(store, hos(&unit, "s1"), steg::aksepter, request)).is_some() {
            modell.svar.push((today, unit, hours, late, false));
        }
        return;
    }
    let request = ReturnerDelRequest {
        name,
        request_id: request_id(),
        begrunnelse: "Ikke vår".into(),
        masker: false,
    };
    if eller_avslag(kall!(store, hos(&unit, "s1"), steg::returner, request)).is_some() {
        match answers {
            true => modell.svar.push((today, unit, hours, late, true)),
            false => modell.frasagt.push((today, unit)),
        }
    }
}

fn tilbakemelding(name: &str) -> GiTilbakemeldingRequest {
    GiTilbakemeldingRequest {
        name: name.into(),
        request_id: request_id(),
        tekst: "Vi har laget en vaktliste".into(),
        masker: false,
    }
}

/// Feedback, of which the first counts.
async fn tilbakemeld(store: &Store, modell: &mut Modell, name: &str, unit: &str) {
    let said = kall!(
        store,
        hos(unit, "s1"),
        steg::tilbakemeld,
        tilbakemelding(name)
    );
    if eller_avslag(said).is_some() {
        let mut of = modell.meldt.iter_mut();
        let one = of.find(|one| one.name == name).unwrap();
        let today = Dag::av(store.clock().now());
        one.tilbakemeldt.get_or_insert(today);
    }
}

/// All that is left until it is closed, as far as it goes.
async fn lukk(store: &Store, modell: &mut Modell, avvik: &Avvik) {
    let name = avvik.name.clone();
    let taken = |part: &&Avviksdel| part.tilstand() == AvviksdelTilstand::Akseptert;
    for part in avvik.deler.iter().filter(taken) {
        let unit = enhet(&part.enhet);
        let cause = RegistrerArsakRequest {
            name: name.clone(),
            request_id: request_id(),
            r#type: Arsakstype::Kapasitet.into(),
            delt: "For få på vakt".into(),
            ..Default::default()
        };
        eller_avslag(kall!(store, hos(unit, "s1"), steg::arsak, cause));
        let done = FerdigstillDelRequest {
            name: name.clone(),
            request_id: request_id(),
            konklusjon: "Vaktlisten brukes".into(),
            masker: false,
        };
        eller_avslag(kall!(store, hos(unit, "s1"), steg::ferdigstill, done));
    }
    tilbakemeld(store, modell, &name, enhet(&avvik.ansvarlig_enhet)).await;
    let Some(now) = les(store, &name).await else {
        return;
    };
    let unit = enhet(&now.ansvarlig_enhet).to_owned();
    let request = LukkAvvikRequest {
        name,
        request_id: request_id(),
        etag: now.etag.clone(),
        konklusjon: "Ferdig".into(),
        masker: false,
    };
    if eller_avslag(kall!(store, hos(&unit, "leder"), steg::lukk, request)).is_some() {
        let today = Dag::av(store.clock().now());
        let days = Dag::av(tid(now.meldt)).dager_til(today);
        let severity = now.alvorlighet_meldt();
        modell.lukket.push((today, unit, severity, days));
    }
}

/// What else happens to one.
async fn annet(store: &Store, chance: &mut Tilfelle, modell: &mut Modell, avvik: &Avvik) {
    let today = Dag::av(store.clock().now());
    let unit = enhet(&avvik.ansvarlig_enhet).to_owned();
    let who = hos(&unit, "s1");
    let (name, request_id) = (avvik.name.clone(), request_id());
    // Of one that is closed there is little else to do.
    let closed = avvik.tilstand() == AvvikTilstand::Lukket;
    match if closed { 6 } else { chance.av(8) } {
        0..=2 => {
            let severity = alvorlighet(chance);
            let request = VurderAlvorlighetRequest {
                name,
                begrunnelse: format!("Vurdert {request_id}"),
                request_id,
                alvorlighet: severity.into(),
                masker: false,
            };
            if eller_avslag(kall!(store, who, steg::vurder, request)).is_some() {
                let by = avvik.alvorlighet_meldt();
                modell.vurdert.push((today, by, severity));
            }
        }
        3 | 4 => tilbakemeld(store, modell, &name, &unit).await,
        5 => {
            let request = ForeslaDelRequest {
                name,
                request_id,
                enhet: format!("enheter/{}", ENHETER[chance.av(ENHETER.len())]),
                begrunnelse: "Dere har vakten".into(),
                masker: false,
            };
            eller_avslag(kall!(store, who, steg::foresla, request));
        }
        6 => {
            let request = GjenapneAvvikRequest {
                name,
                request_id,
                begrunnelse: "Det hendte igjen".into(),
                masker: false,
            };
            if eller_avslag(kall!(store, who, steg::gjenapne, request)).is_some() {
                modell.gjenapnet.push((today, unit));
            }
        }
        _ => {
            let other = &modell.meldt[chance.av(modell.meldt.len())].name;
            let request = MerkDuplikatRequest {
                name,
                request_id,
                etag: avvik.etag.clone(),
                av: other.clone(),
            };
            eller_avslag(kall!(store, who, steg::merk_duplikat, request));
        }
    }
}

/// Months that have been over for 30 days.
fn kan_sporres(now: Tid) -> Vec<String> {
    let first: Dag = "2026-10-01".parse().unwrap();
    let months = (0..36).map(|month| first.pluss_maneder(month));
    let over = |first: &Dag| first.pluss_maneder(1).pluss_dager(29) < Dag::av(now);
    months
        .filter(over)
        .map(|first| first.to_string().split_at(7).0.to_owned())
        .collect()
}

/// Eight months of reports, answers, assessments, feedback, closings: at random
/// steps each month that can be asked for is what a plain count of what was done
/// says, and once it could be asked for it stays the same.
///
/// Seen red: with feedback counted when it is given, and with who reports
/// anonymously among who reports about whom.
async fn a_month_is_what_a_plain_count_says(database: Database) {
    let store = lager(&database).await;
    let mut chance = Tilfelle(20_261_123);
    let mut modell = Modell::default();
    let mut seen: BTreeMap<String, Avvikstall> = BTreeMap::new();
    for step in 0..STEG {
        let minutes = 1 + chance.av(24 * 60) as u64;
        database.clock().advance(Duration::from_mins(minutes));
        tikk(&store).await;
        let about = match modell.meldt.len() {
            0 => None,
            // One that was reported lately, more often than not.
            many => {
                let back = chance.av(many).min(chance.av(many)).min(25);
                les(&store, &modell.meldt[many - 1 - back].name).await
            }
        };
        match (chance.av(10), about) {
            (0..=2, _) | (_, None) => meld(&store, &mut chance, &mut modell, step).await,
            (3..=5, Some(avvik)) => svar_steg(&store, &mut chance, &mut modell, &avvik).await,
            (6 | 7, Some(avvik)) => lukk(&store, &mut modell, &avvik).await,
            (_, Some(avvik)) => annet(&store, &mut chance, &mut modell, &avvik).await,
        }
        if chance.av(20) == 0 || step == STEG - 1 {
            for month in kan_sporres(database.clock().now()) {
                let shown = hent(&store, &month).await.unwrap();
                assert_eq!(shown, modell.tell(&month), "step {step}");
                let before = seen.entry(month).or_insert_with(|| shown.clone());
                assert_eq!(*before, shown, "step {step}");
            }
        }
    }
    // The life was one: each kind of number was above nothing some time.
    let any = |is: &dyn Fn(&Avvikstall) -> bool| assert!(seen.values().any(is));
    any(&|one| one.meldt.iter().any(|cell| cell.av_seg_selv > 0));
    any(&|one| {
        let told = |cell: &Meldttall| 0 < cell.med_tilbakemelding;
        one.meldt
            .iter()
            .any(|cell| told(cell) && cell.med_tilbakemelding < cell.antall)
    });
    any(&|one| one.retning.iter().any(|cell| cell.antall > 1));
    any(&|one| one.enheter.iter().any(|unit| unit.etter_frist > 0));
    any(&|one| one.enheter.iter().any(|unit| unit.returnert > 0));
    any(&|one| one.enheter.iter().any(|unit| unit.frasagt > 0));
    any(&|one| one.enheter.iter().any(|unit| unit.gjenapnet > 0));
    any(&|one| one.enheter.iter().any(|unit| unit.median_dager > 0));
    any(&|one| one.lukket.iter().any(|row| row.etter_30 > 0));
    any(&|one| one.vurdert.iter().any(|cell| cell.antall > 1));
}

// ---- what is published -------------------------------------------------------

fn publisering(maned: &str) -> PubliserAvvikstallRequest {
    PubliserAvvikstallRequest {
        parent: VOKTER.into(),
        request_id: request_id(),
        maned: maned.into(),
    }
}

async fn publisert(store: &Store, maned: &str) -> Result<PublisertAvvikstall, Error> {
    let request = HentPublisertAvvikstallRequest {
        parent: VOKTER.into(),
        maned: maned.into(),
    };
    let read = store.read(hos("bom", "m1"), move |tx| {
        rpc::hent_publisert(tx, request).boxed()
    });
    read.await.map(|read| read.publisert_avvikstall.unwrap())
}

/// Published once, by the unit that keeps it, rounded, with every cell, and the
/// same whatever comes later; nothing in it says who reported.
///
/// Seen red: with exact numbers, and with units that are only there where they
/// answered.
async fn a_month_is_published_once_and_stays_as_it_was(database: Database) {
    let store = lager(&database).await;
    let now = database.clock().now();
    for number in 0..8 {
        let to = vec![ENHETER[1 + number % 4].to_owned()];
        let request = melding(Alvorlighet::Kritisk, true, &to, now);
        let told = kall!(store, hos("bom", "b1"), innmelding::meld, request).unwrap();
        let name = format!("avvik/{}", told.kvittering.unwrap().referanse);
        let request = AksepterDelRequest {
            name: name.clone(),
            request_id: request_id(),
        };
        kall!(store, hos(&to[0], "s1"), steg::aksepter, request).unwrap();
        if number < 4 {
            let told = tilbakemelding(&name);
            kall!(store, hos(&to[0], "s1"), steg::tilbakemeld, told).unwrap();
        }
    }
    let keeper = || hos("koordinering", "k1");
    // The last day on which feedback on the last report counts.
    let last: Dag = "2026-11-30".parse().unwrap();
    database.clock().set(last.start());
    let early = kall!(store, keeper(), rpc::publiser, publisering("2026-10"));
    assert_eq!(feil(early), ["maned FELT_FORM"]);
    let not_yet = publisert(&store, "2026-10").await;
    let told = format!("{:?}", not_yet.as_ref().unwrap_err());
    assert!(
        told.contains("enheter/koordinering, tidligst 2026-12-01"),
        "{told}"
    );
    assert_eq!(feil(not_yet), ["maned FELT_FORM"]);
    database.clock().set(last.slutt());
    let other = kall!(
        store,
        hos("nav", "n1"),
        rpc::publiser,
        publisering("2026-10")
    );
    assert_eq!(feil(other), ["IKKE_TILLATT"]);
    let made = kall!(store, keeper(), rpc::publiser, publisering("2026-10")).unwrap();
    let made = made.publisert_avvikstall.unwrap();
    assert_eq!(made.name, "avvikstall/2026-10");
    let twice = kall!(store, keeper(), rpc::publiser, publisering("2026-10"));
    assert_eq!(feil(twice), ["KONFLIKT"]);
    let says = |mal: Avviksmal| -> Vec<(String, i32)> {
        let of = made.celler.iter().filter(|cell| cell.mal() == mal);
        of.map(|cell| (cell.enhet.clone(), cell.antall)).collect()
    };
    let first = |mal: Avviksmal| says(mal)[0].1;
    assert_eq!(first(Avviksmal::MeldtKritisk), 10);
    assert_eq!(first(Avviksmal::MedTilbakemelding), 5);
    // Two each print as none, and nobody is left out.
    let units = [
        "enheter/bestillerkontor",
        "enheter/boligkontor",
        "enheter/bom",
        "enheter/hjemmetjeneste",
        "enheter/koordinering",
        "enheter/nav",
        "enheter/rop",
        "",
    ];
    assert_eq!(says(Avviksmal::Kvittert), units.map(|u| (u.to_owned(), 0)));
    assert_eq!(made.celler.len(), 7 * 4 + 8 * 3 + 4 * 3 + 16);
    // Whatever is done later.
    tikk(&store).await;
    assert_eq!(publisert(&store, "2026-10").await.unwrap(), made);
    // An empty month has the same cells.
    database
        .clock()
        .set("2027-01-31".parse::<Dag>().unwrap().start());
    let empty = kall!(store, keeper(), rpc::publiser, publisering("2026-12")).unwrap();
    let places = |month: &PublisertAvvikstall| -> Vec<PublisertAvvikscelle> {
        let cells = month.celler.iter().cloned();
        cells
            .map(|cell| PublisertAvvikscelle { antall: 0, ..cell })
            .collect()
    };
    let empty = empty.publisert_avvikstall.unwrap();
    assert_eq!(empty.celler, places(&made));
}

async fn what_cannot_be_asked_for_is_said(database: Database) {
    let store = lager(&database).await;
    database
        .clock()
        .set("2026-12-15".parse::<Dag>().unwrap().start());
    for (parent, maned, expected) in [
        ("", "2026-10", "parent FELT_MANGLER"),
        ("enheter/nav", "2026-10", "parent FELT_FORM"),
        (VOKTER, "", "maned FELT_MANGLER"),
        (VOKTER, "oktober", "maned FELT_FORM"),
        (VOKTER, "2026-11", "maned FELT_FORM"),
        (VOKTER, "2027-01", "maned FELT_FORM"),
    ] {
        let request = HentAvvikstallRequest {
            parent: parent.into(),
            maned: maned.into(),
        };
        let read = store.read(hos("koordinering", "k1"), move |tx| {
            rpc::hent(tx, request).boxed()
        });
        assert_eq!(feil(read.await), [expected], "{parent} {maned}");
    }
    assert_eq!(feil(publisert(&store, "2026").await), ["maned FELT_FORM"]);
    // Before there was anything: nothing, in every cell.
    let empty = hent(&store, "2020-01").await.unwrap();
    assert_eq!((empty.meldt.len(), empty.vurdert.len()), (28, 16));
    assert!(empty.meldt.iter().all(|cell| cell.antall == 0));
    assert!(empty.enheter.is_empty() && empty.retning.is_empty());
}
