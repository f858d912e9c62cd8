//! An avvik through the gateway, from report to feedback: who reads what of it,
//! who may do what, and that nobody else is told that it is there.

mod anonymt;
mod gjenkjenning;
mod kilder;
mod tall;
mod vedlegg;

use std::time::Duration;

use samspor::desk::Desk;
use samspor_chassis::domene::Dag;
use samspor_proto::{
    avvik::*,
    felles::{Feilgrunn, Rolle},
    hendelse::{AbonnerRequest, AbonnerResponse},
    tilgang::{Dataklasse, Formal},
};

use crate::scene::*;

const AVVIK: &str = "avvik.v1.AvvikService/";
const DETALJ: &str = "avvik.v1.AvviksdetaljService/HentAvviksdetalj";
const MELDINGER: &str = "avvik.v1.AvviksmeldingService/";
/// In texts that the rules hold back from telemetry; see `traces.rs`.
const KANARI: &str = "Sagt av Kanari Kvitterson.";
/// An avvik that nobody reported.
const INGEN: &str = "avvik/3f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b34";

async fn desk(scene: &Scene, unit: &str, rolle: Rolle) -> Desk {
    scene.desk(unit, rolle, Formal::Avviksbehandling).await
}

fn svar(sporsmal: &str, svar: &str) -> Avvikssvar {
    Avvikssvar {
        sporsmal: sporsmal.to_owned(),
        svar: svar.to_owned(),
    }
}

/// Reported in the role INNTAK; its name.
pub async fn meldt(scene: &Scene, unit: &str, enheter: &[&str]) -> String {
    let desk = desk(scene, unit, Rolle::Inntak).await;
    meldt_av(scene, &desk, enheter).await
}

/// The same, by somebody.
async fn meldt_av(scene: &Scene, desk: &Desk, enheter: &[&str]) -> String {
    let request = MeldAvvikRequest {
        request_id: request_id(),
        kategori: Avvikskategori::Bolig.into(),
        underkategori: "utskrevet_uten_bolig".to_owned(),
        hendt: Some(scene.mesh.now().to_proto()),
        sammendrag: format!("Utskrevet uten et sted å sove. {KANARI}"),
        alvorlighet: Alvorlighet::Alvorlig.into(),
        enheter: enheter
            .iter()
            .map(|unit| format!("enheter/{unit}"))
            .collect(),
        svar: vec![
            svar("natt_uten_seng", "1"),
            svar("varslet_pa_forhand", "ja"),
        ],
        svar_tredjepart: vec![svar("andre_beboere", KANARI)],
        fritekst: format!("Søsteren ringte. {KANARI}"),
        helse: format!("Abstinenser. {KANARI}"),
        sted: format!("Jernbanetorget. {KANARI}"),
        vedlegg: vec![Avviksvedlegg {
            navn: "notat.txt".to_owned(),
            innhold: KANARI.as_bytes().to_vec().into(),
        }],
        ..Default::default()
    };
    let told: MeldAvvikResponse = ok(desk, &format!("{AVVIK}MeldAvvik"), request).await;
    format!("avvik/{}", told.kvittering.unwrap().referanse)
}

async fn les(desk: &Desk, name: &str) -> Avvik {
    let request = HentAvvikRequest {
        name: name.to_owned(),
    };
    let read: HentAvvikResponse = ok(desk, &format!("{AVVIK}HentAvvik"), request).await;
    read.avvik.unwrap()
}

async fn detalj(desk: &Desk, name: &str) -> Avviksdetalj {
    let request = HentAvviksdetaljRequest {
        name: name.to_owned(),
    };
    let read: HentAvviksdetaljResponse = ok(desk, DETALJ, request).await;
    read.detalj.unwrap()
}

pub async fn aksepter(desk: &Desk, name: &str) -> Avvik {
    let method = format!("{AVVIK}AksepterDel");
    let taken: AksepterDelResponse = ok(desk, &method, tar(name)).await;
    taken.avvik.unwrap()
}

fn tar(name: &str) -> AksepterDelRequest {
    AksepterDelRequest {
        name: name.to_owned(),
        request_id: request_id(),
    }
}

async fn ferdigstill(desk: &Desk, name: &str) {
    let cause = RegistrerArsakRequest {
        name: name.to_owned(),
        request_id: request_id(),
        r#type: Arsakstype::AnsvarUklart.into(),
        beskrivelse: format!("Vakten visste ikke hvem. {KANARI}"),
        delt: format!("Uklart hvem som har vakt. {KANARI}"),
        ..Default::default()
    };
    ok::<_, RegistrerArsakResponse>(desk, &format!("{AVVIK}RegistrerArsak"), cause).await;
    let done = FerdigstillDelRequest {
        name: name.to_owned(),
        request_id: request_id(),
        konklusjon: format!("Vaktlisten brukes. {KANARI}"),
        masker: false,
    };
    ok::<_, FerdigstillDelResponse>(desk, &format!("{AVVIK}FerdigstillDel"), done).await;
}

fn lukker(avvik: &Avvik) -> LukkAvvikRequest {
    LukkAvvikRequest {
        name: avvik.name.clone(),
        request_id: request_id(),
        etag: avvik.etag.clone(),
        konklusjon: format!("Ferdig. {KANARI}"),
        masker: false,
    }
}

/// Every life here, each in a mesh of its own.
pub async fn lives() {
    Box::pin(life(&Scene::start().await)).await;
    Box::pin(again(&Scene::start().await)).await;
    Box::pin(anonymt::dialogue()).await;
    Box::pin(tall::life()).await;
}

/// From report to feedback across four units.
///
/// Seen red: with P16 for every unit, and with the fact of a proposed unit that
/// covers the detail too.
#[tokio::test(flavor = "multi_thread")]
async fn from_report_to_feedback() {
    Box::pin(life(&Scene::start().await)).await;
}

async fn life(scene: &Scene) {
    let questions = ListSporsmalssettRequest {
        parent: "enheter/bom".to_owned(),
        ..Default::default()
    };
    let counter = desk(scene, "bom", Rolle::Inntak).await;
    let method = "avvik.v1.SporsmalService/ListSporsmalssett";
    let sets: ListSporsmalssettResponse = ok(&counter, method, questions).await;
    assert_eq!(sets.sporsmalssett.len(), 7);
    let name = meldt(scene, "bom", &["nav", "boligkontor"]).await;

    let bom = desk(scene, "bom", Rolle::Saksbehandler).await;
    let nav = desk(scene, "nav", Rolle::Saksbehandler).await;
    let office = desk(scene, "boligkontor", Rolle::Boligforvalter).await;
    let rop = desk(scene, "rop", Rolle::Behandler).await;
    let listed = async |desk: &Desk, unit: &str| {
        let request = ListAvvikRequest {
            parent: format!("enheter/{unit}"),
            venter: true,
            ..Default::default()
        };
        let method = format!("{AVVIK}ListAvvik");
        let page: ListAvvikResponse = ok(desk, &method, request).await;
        page.avvik
    };
    let own = listed(&bom, "bom").await;
    assert_eq!(own.len(), 1);
    assert_eq!(
        (&own[0].name, own[0].ansvarlig_enhet.as_str()),
        (&name, "enheter/bom")
    );
    let apart = detalj(&bom, &own[0].detalj).await;
    assert!(
        apart.helse.starts_with("Abstinenser"),
        "its own, though no health unit"
    );
    assert_eq!(apart.vedlegg.len(), 1);

    // Proposed: the avvik, and nothing of what is held apart.
    let proposed = listed(&nav, "nav").await;
    assert!(proposed[0].sammendrag.starts_with("Utskrevet"));
    unknown_detail(&nav, &proposed[0].detalj).await;
    // Nobody else is told that there is one.
    strangers(scene, &rop, &name).await;
    assert_eq!(listed(&rop, "rop").await.len(), 0);

    let taken = aksepter(&nav, &name).await;
    assert_eq!(taken.ansvarlig_enhet, "enheter/nav");
    let seen = detalj(&nav, &taken.detalj).await;
    assert!(seen.fritekst.starts_with("Søsteren") && seen.helse.is_empty());
    let withheld = seen.skjerming.unwrap().klasser;
    assert!(withheld.iter().any(|one| one.klasse() == Dataklasse::Helse));
    let back = ReturnerDelRequest {
        name: name.clone(),
        request_id: request_id(),
        begrunnelse: format!("Ingen bolig å gi. {KANARI}"),
        masker: false,
    };
    ok::<_, ReturnerDelResponse>(&office, &format!("{AVVIK}ReturnerDel"), back).await;
    gone(&office, &name).await;
    let take = format!("{AVVIK}AksepterDel");
    let anothers = refused::<_, AksepterDelResponse>(&bom, &take, tar(&name)).await;
    assert_eq!(reason(&anothers), Some(Feilgrunn::IkkeTillatt));

    // Split: another unit takes a part, and reads what a health unit may.
    let part = ForeslaDelRequest {
        name: name.clone(),
        request_id: request_id(),
        enhet: "enheter/rop".to_owned(),
        begrunnelse: format!("Oppfølgingen etter utskrivning. {KANARI}"),
        masker: false,
    };
    ok::<_, ForeslaDelResponse>(&nav, &format!("{AVVIK}ForeslaDel"), part).await;
    let taken = aksepter(&rop, &name).await;
    assert!(
        detalj(&rop, &taken.detalj)
            .await
            .helse
            .starts_with("Abstinenser")
    );
    ferdigstill(&rop, &name).await;
    handled(scene, &nav, &name).await;
    ferdigstill(&nav, &name).await;
    // What a unit found is its own, what it says of it everyone's.
    let read = les(&bom, &name).await;
    for part in read.deler.iter().filter(|part| !part.arsaker.is_empty()) {
        let cause = &part.arsaker[0];
        assert!(cause.beskrivelse.is_empty() && cause.delt.starts_with("Uklart"));
    }
    let read = les(&nav, &name).await;
    let own = read
        .deler
        .iter()
        .find(|part| part.enhet == "enheter/nav")
        .unwrap();
    assert!(own.arsaker[0].beskrivelse.starts_with("Vakten"));
    closed(scene, (&bom, &nav), &read).await;
    inbox(&bom).await;
    let reopen = GjenapneAvvikRequest {
        name: name.clone(),
        request_id: request_id(),
        begrunnelse: format!("Det hendte igjen. {KANARI}"),
        masker: false,
    };
    ok::<_, GjenapneAvvikResponse>(&bom, &format!("{AVVIK}GjenapneAvvik"), reopen).await;
}

/// A detail that is there is answered as one that is not.
async fn unknown_detail(desk: &Desk, name: &str) {
    let request = |name: String| HentAvviksdetaljRequest { name };
    let there = request(name.to_owned());
    let there = refused::<_, HentAvviksdetaljResponse>(desk, DETALJ, there).await;
    let not = request(format!("{INGEN}/detaljer/{}", &INGEN["avvik/".len()..]));
    let not = refused::<_, HentAvviksdetaljResponse>(desk, DETALJ, not).await;
    assert_eq!(seen(&there), seen(&not));
}

/// A unit that is no party reads, takes and closes it as one that is not there.
async fn strangers(scene: &Scene, desk_: &Desk, name: &str) {
    let leader = desk(scene, "rop", Rolle::Leder).await;
    let mut answers = Vec::new();
    for name in [name, INGEN] {
        let read = HentAvvikRequest {
            name: name.to_owned(),
        };
        let close = LukkAvvikRequest {
            name: name.to_owned(),
            request_id: request_id(),
            etag: "1".to_owned(),
            konklusjon: KANARI.to_owned(),
            masker: false,
        };
        let method = |verb: &str| format!("{AVVIK}{verb}");
        let read = refused::<_, HentAvvikResponse>(desk_, &method("HentAvvik"), read).await;
        let (taking, closing) = (method("AksepterDel"), method("LukkAvvik"));
        let take = refused::<_, AksepterDelResponse>(desk_, &taking, tar(name)).await;
        let close = refused::<_, LukkAvvikResponse>(&leader, &closing, close).await;
        assert_eq!(reason(&read), Some(Feilgrunn::IkkeFunnet));
        answers.push([seen(&read), seen(&take), seen(&close)]);
    }
    assert_eq!(answers[0], answers[1]);
}

/// A unit that gave its part back reads it no more.
async fn gone(desk: &Desk, name: &str) {
    let request = HentAvvikRequest {
        name: name.to_owned(),
    };
    let answer = refused::<_, HentAvvikResponse>(desk, &format!("{AVVIK}HentAvvik"), request).await;
    assert_eq!(reason(&answer), Some(Feilgrunn::IkkeFunnet));
}

/// The severity, a pause, and a measure from decided to seen to work.
async fn handled(scene: &Scene, nav: &Desk, name: &str) {
    let today = Dag::av(scene.mesh.now());
    let (name, text) = (|| name.to_owned(), |what: &str| format!("{what}. {KANARI}"));
    let severity = VurderAlvorlighetRequest {
        name: name(),
        request_id: request_id(),
        alvorlighet: Alvorlighet::Kritisk.into(),
        begrunnelse: text("Minusgrader"),
        masker: false,
    };
    let method = format!("{AVVIK}VurderAlvorlighet");
    ok::<_, VurderAlvorlighetResponse>(nav, &method, severity).await;
    let pause = SettAvvikPaVentRequest {
        name: name(),
        request_id: request_id(),
        til: today.pluss_dager(7).to_string(),
        begrunnelse: text("Venter på ny vaktordning"),
        masker: false,
    };
    ok::<_, SettAvvikPaVentResponse>(nav, &format!("{AVVIK}SettAvvikPaVent"), pause).await;
    let resume = GjenopptaAvvikRequest {
        name: name(),
        request_id: request_id(),
    };
    ok::<_, GjenopptaAvvikResponse>(nav, &format!("{AVVIK}GjenopptaAvvik"), resume).await;
    let measure = RegistrerTiltakRequest {
        name: name(),
        request_id: request_id(),
        beskrivelse: text("Felles vaktliste"),
        enhet: "enheter/nav".to_owned(),
        frist: today.pluss_dager(5).to_string(),
        kontrolldag: today.pluss_dager(30).to_string(),
        ..Default::default()
    };
    ok::<_, RegistrerTiltakResponse>(nav, &format!("{AVVIK}RegistrerTiltak"), measure).await;
    let done = MeldTiltakUtfortRequest {
        name: name(),
        request_id: request_id(),
        tiltak: 1,
    };
    ok::<_, MeldTiltakUtfortResponse>(nav, &format!("{AVVIK}MeldTiltakUtfort"), done).await;
    let check = RegistrerEffektkontrollRequest {
        name: name(),
        request_id: request_id(),
        tiltak: 1,
        virket: true,
        begrunnelse: text("Ingen nye på en måned"),
        masker: false,
    };
    let method = format!("{AVVIK}RegistrerEffektkontroll");
    ok::<_, RegistrerEffektkontrollResponse>(nav, &method, check).await;
}

/// Not before feedback that the reporter does not dispute, and by a leader who did
/// nothing else in it.
async fn closed(scene: &Scene, (bom, nav): (&Desk, &Desk), avvik: &Avvik) {
    let leader = desk(scene, "nav", Rolle::Leder).await;
    let method = format!("{AVVIK}LukkAvvik");
    let early = refused::<_, LukkAvvikResponse>(&leader, &method, lukker(avvik)).await;
    assert_eq!(reason(&early), Some(Feilgrunn::AvvikIkkeFerdig));
    assert!(
        early.message().contains("tilbakemelding til enheter/bom"),
        "{early:?}"
    );
    let told = tilbakemeld(nav, &avvik.name).await;
    assert_eq!(told.mangler, [""; 0]);
    let disputes = BesvarTilbakemeldingRequest {
        name: told.name.clone(),
        request_id: request_id(),
        etag: told.etag.clone(),
        vurdering: Meldervurdering::Uenig.into(),
        tekst: format!("Det var ikke slik. {KANARI}"),
        masker: false,
    };
    let answer = format!("{AVVIK}BesvarTilbakemelding");
    let disputed: BesvarTilbakemeldingResponse = ok(bom, &answer, disputes).await;
    assert_eq!(disputed.avvik.unwrap().mangler.len(), 1);
    let list = ListAvviksmeldingerRequest {
        parent: "enheter/nav".to_owned(),
        ..Default::default()
    };
    let entries = format!("{MELDINGER}ListAvviksmeldinger");
    let entries: ListAvviksmeldingerResponse = ok(nav, &entries, list).await;
    let steps: Vec<_> = entries.meldinger.iter().map(Avviksmelding::steg).collect();
    assert_eq!(steps, [Avvikssteg::MelderUenig]);
    let told = tilbakemeld(nav, &avvik.name).await;
    let by_caseworker = refused::<_, LukkAvvikResponse>(nav, &method, lukker(&told)).await;
    assert_eq!(reason(&by_caseworker), Some(Feilgrunn::IkkeTillatt));
    let done: LukkAvvikResponse = ok(&leader, &method, lukker(&told)).await;
    assert_eq!(done.avvik.unwrap().tilstand(), AvvikTilstand::Lukket);
}

async fn tilbakemeld(nav: &Desk, name: &str) -> Avvik {
    let feedback = GiTilbakemeldingRequest {
        name: name.to_owned(),
        request_id: request_id(),
        tekst: format!("Vi har laget en vaktliste. {KANARI}"),
        masker: false,
    };
    let method = format!("{AVVIK}GiTilbakemelding");
    let told: GiTilbakemeldingResponse = ok(nav, &method, feedback).await;
    told.avvik.unwrap()
}

/// What names no unit goes where the municipality's file says.
#[tokio::test(flavor = "multi_thread")]
async fn what_names_no_unit_is_proposed_to_whom_the_municipality_names() {
    let scene = Scene::start().await;
    let name = meldt(&scene, "bom", &[]).await;
    let office = desk(&scene, "boligkontor", Rolle::Boligforvalter).await;
    let read = les(&office, &name).await;
    assert_eq!(read.deler.len(), 1);
    assert_eq!(read.deler[0].enhet, "enheter/boligkontor");
}

/// The reporter has an entry for each step of another, until it was read.
async fn inbox(bom: &Desk) {
    let list = || ListAvviksmeldingerRequest {
        parent: "enheter/bom".to_owned(),
        ..Default::default()
    };
    let method = format!("{MELDINGER}ListAvviksmeldinger");
    let told: ListAvviksmeldingerResponse = ok(bom, &method, list()).await;
    let steps: Vec<_> = told.meldinger.iter().map(Avviksmelding::steg).collect();
    assert_eq!(steps.first(), Some(&Avvikssteg::DelAkseptert));
    assert!(steps.contains(&Avvikssteg::Tilbakemelding));
    assert_eq!(steps.last(), Some(&Avvikssteg::Lukket));
    let read = KvitterAvviksmeldingRequest {
        name: told.meldinger[0].name.clone(),
        request_id: request_id(),
    };
    let one = format!("{MELDINGER}KvitterAvviksmelding");
    ok::<_, KvitterAvviksmeldingResponse>(bom, &one, read).await;
    let left: ListAvviksmeldingerResponse = ok(bom, &method, list()).await;
    assert_eq!(left.meldinger.len(), steps.len() - 1);
}

/// Every party hears of a step, by an event that is about no person; nobody else
/// does.
///
/// Seen red: with a step that is told to its reporter alone.
#[tokio::test(flavor = "multi_thread")]
async fn each_step_is_told_to_each_party() {
    let scene = Scene::start().await;
    let name = meldt(&scene, "bom", &["nav"]).await;
    aksepter(&desk(&scene, "nav", Rolle::Saksbehandler).await, &name).await;
    let told = async |unit: &str| {
        let desk = scene.desk(unit, Rolle::System, Formal::Samordning).await;
        let request = AbonnerRequest {
            parent: format!("enheter/{unit}"),
            tjeneste: "avvik".to_owned(),
            etter: 0,
        };
        let method = "hendelse.v1.HendelseService/Abonner";
        let feed = desk.stream::<_, AbonnerResponse>(method, request).await;
        feed.unwrap()
    };
    for unit in ["bom", "nav"] {
        let mut feed = told(unit).await;
        for step in ["AvvikMeldt", "AvviksdelAkseptert"] {
            let event = feed.message().await.unwrap().unwrap().hendelse.unwrap();
            assert_eq!(
                (event.r#type.as_str(), &event.post),
                (step, &name),
                "{unit}"
            );
        }
    }
    let mut other = told("rop").await;
    let silence = tokio::time::timeout(Duration::from_millis(300), other.message());
    assert!(silence.await.is_err());
}

/// Two units report the same: the second follows the first.
#[tokio::test(flavor = "multi_thread")]
async fn the_reporter_of_a_duplicate_follows_the_other() {
    Box::pin(again(&Scene::start().await)).await;
}

async fn again(scene: &Scene) {
    let first = meldt(scene, "bom", &["nav"]).await;
    let second = meldt(scene, "rop", &["nav"]).await;
    let nav = desk(scene, "nav", Rolle::Saksbehandler).await;
    let rop = desk(scene, "rop", Rolle::Saksbehandler).await;
    gone(&rop, &first).await;
    let same = MerkDuplikatRequest {
        etag: aksepter(&nav, &second).await.etag,
        name: second,
        request_id: request_id(),
        av: first.clone(),
    };
    ok::<_, MerkDuplikatResponse>(&nav, &format!("{AVVIK}MerkDuplikat"), same).await;
    let followed = les(&rop, &first).await;
    assert_eq!(followed.melder_enhet, "enheter/bom");
    unknown_detail(&rop, &followed.detalj).await;
}
