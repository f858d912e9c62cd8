//! Reported without being recognised: by the code alone, from report to closed.

use std::{sync::Arc, time::Duration};

use ring::digest::{SHA256, digest};
use samspor::desk::{Answer, Desk};
use samspor_chassis::testing::{START, TestClock};
use samspor_proto::{
    avvik::*,
    felles::{Feilgrunn, Rolle},
};

use super::{
    AVVIK, KANARI, aksepter, desk, detalj, ferdigstill, handled, les, lukker, svar, unknown_detail,
};
use crate::{handovers::until, scene::*, traces::hex};

pub const ANONYM: &str = "avvik.v1.AnonymtAvvikService/";
const DIALOG: &str = "avvik.v1.AvviksdialogService/HentAvviksdialog";

/// The digest that a client sends of its code.
pub fn kodesum(kode: &str) -> String {
    hex(digest(&SHA256, format!("samspor/avvik/kode/1/{kode}").as_bytes()).as_ref())
}

pub fn melding(kode: &str, sammendrag: &str) -> MeldAvvikAnonymtRequest {
    MeldAvvikAnonymtRequest {
        request_id: request_id(),
        kodesum: kodesum(kode),
        kategori: Avvikskategori::Bolig.into(),
        underkategori: "utskrevet_uten_bolig".to_owned(),
        hendt: "2026-09-30".to_owned(),
        sammendrag: sammendrag.to_owned(),
        alvorlighet: Alvorlighet::Alvorlig.into(),
        enheter: vec!["enheter/nav".to_owned()],
        svar: vec![
            svar("natt_uten_seng", "1"),
            svar("varslet_pa_forhand", "ja"),
        ],
        svar_tredjepart: vec![svar("andre_beboere", KANARI)],
        fritekst: format!("Lederen ville ikke høre. {KANARI}"),
        helse: format!("Abstinenser. {KANARI}"),
        sted: format!("Jernbanetorget. {KANARI}"),
        ..Default::default()
    }
}

/// Reports, and is told no trace; the id of the avvik.
pub async fn meldt(desk: &Desk, request: MeldAvvikAnonymtRequest) -> String {
    let method = format!("{ANONYM}MeldAvvikAnonymt");
    let answer: Answer<MeldAvvikAnonymtResponse> = desk.call(&method, request).await;
    assert_eq!(answer.trace_id, "");
    answer.result.unwrap().kvittering.unwrap().referanse
}

/// Waits until the gateway has heard from the service who is party to it.
pub async fn kjent(desk: &Desk, name: &str) -> Avvik {
    let method = format!("{AVVIK}HentAvvik");
    let request = || HentAvvikRequest {
        name: name.to_owned(),
    };
    until(async || {
        let read: Answer<HentAvvikResponse> = desk.call(&method, request()).await;
        read.result.ok()?.avvik
    })
    .await
}

pub fn spor(unit: &str, kode: &str) -> HentAvvikMedKodeRequest {
    HentAvvikMedKodeRequest {
        parent: format!("enheter/{unit}"),
        kode: kode.to_owned(),
    }
}

pub async fn med_kode(desk: &Desk, unit: &str, kode: &str) -> AnonymtAvvik {
    let method = format!("{ANONYM}HentAvvikMedKode");
    let read: HentAvvikMedKodeResponse = ok(desk, &method, spor(unit, kode)).await;
    read.avvik.unwrap()
}

pub async fn sier(desk: &Desk, kode: &str, tekst: &str) {
    let request = SvarMedKodeRequest {
        request_id: request_id(),
        kode: kode.to_owned(),
        tekst: tekst.to_owned(),
        masker: false,
        vurdering: 0,
    };
    ok::<_, SvarMedKodeResponse>(desk, &format!("{ANONYM}SvarMedKode"), request).await;
}

/// From report to closed, with a question and an answer, across three units; the
/// reporter's own unit reads the avvik and nothing of what the reporter said.
///
/// Seen red: with the dialogue for every party, and with P24 as it was (a party
/// outside reads by the code what it reported).
#[tokio::test(flavor = "multi_thread")]
async fn from_an_anonymous_report_to_closed() {
    Box::pin(dialogue()).await;
}

pub async fn dialogue() {
    const KODE: &str = "0123456789abcdef0123456789abcdef";
    let clock = Arc::new(TestClock::new(START));
    let scene = Scene::on(clock.clone(), |_| {}).await;
    let scene = &scene;
    let reporter = desk(scene, "bom", Rolle::Inntak).await;
    let request = melding(KODE, &format!("Utskrevet uten et sted å sove. {KANARI}"));
    let id = meldt(&reporter, request).await;
    let held = med_kode(&reporter, "bom", KODE).await;
    assert!(held.holdt);
    let next_day = async || {
        clock.advance(Duration::from_hours(24));
        let (reporter, left) = (reporter.clone(), "SELECT count(*) FROM avvikholdt");
        until(async || {
            let mut database = scene.database("avvik").await;
            let held: (i64,) = sqlx::query_as(left).fetch_one(&mut database).await.unwrap();
            (held.0 == 0).then_some(())
        })
        .await;
        med_kode(&reporter, "bom", KODE).await
    };
    let told = next_day().await;
    assert!(!told.holdt && told.lesere.is_empty());

    // The unit hears that there is one, and nothing of what was held apart.
    let name = format!("avvik/{id}");
    let bom = desk(scene, "bom", Rolle::Saksbehandler).await;
    let own = kjent(&bom, &name).await;
    assert!(own.anonym && own.sammendrag.starts_with("Utskrevet"));
    unknown_detail(&bom, &own.detalj).await;
    let nav = desk(scene, "nav", Rolle::Saksbehandler).await;
    let taken = aksepter(&nav, &name).await;
    let apart = detalj(&nav, &taken.detalj).await;
    assert!(apart.fritekst.starts_with("Lederen"));
    let melder = apart.melder.unwrap();
    assert_eq!(
        (melder.enhet.as_str(), melder.ansatt.as_str()),
        ("enheter/bom", "")
    );

    // Asked and answered.
    let ask = || SporMelderRequest {
        name: name.clone(),
        request_id: request_id(),
        tekst: format!("Når fikk dere vite det? {KANARI}"),
        masker: false,
    };
    let method = format!("{AVVIK}SporMelder");
    ok::<_, SporMelderResponse>(&nav, &method, ask()).await;
    let refused_own = refused::<_, SporMelderResponse>(&bom, &method, ask()).await;
    assert_eq!(reason(&refused_own), Some(Feilgrunn::IkkeTillatt));
    let asked = med_kode(&reporter, "bom", KODE).await;
    assert!(asked.dialog[0].tekst.starts_with("Når fikk"));
    assert_eq!(asked.lesere, ["enheter/nav"]);
    sier(&reporter, KODE, &format!("Samme dag. {KANARI}")).await;
    assert_eq!(said(&nav, &taken.dialog).await.len(), 1, "held");
    next_day().await;
    assert!(
        said(&nav, &taken.dialog).await[1]
            .tekst
            .starts_with("Samme dag")
    );
    // To the own unit, and to one that is only proposed a part, there is none.
    let part = ForeslaDelRequest {
        name: name.clone(),
        request_id: request_id(),
        enhet: "enheter/rop".to_owned(),
        begrunnelse: format!("Oppfølgingen. {KANARI}"),
        masker: false,
    };
    ok::<_, ForeslaDelResponse>(&nav, &format!("{AVVIK}ForeslaDel"), part).await;
    let rop = desk(scene, "rop", Rolle::Behandler).await;
    let there = dialog_of(&taken.dialog);
    let not = dialog_of("avvik/3f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b34/dialoger/x");
    let not = refused::<_, HentAvviksdialogResponse>(&bom, DIALOG, not).await;
    for desk in [&bom, &rop] {
        let hidden = refused::<_, HentAvviksdialogResponse>(desk, DIALOG, there.clone()).await;
        assert_eq!(seen(&hidden), seen(&not));
    }
    let back = ReturnerDelRequest {
        name: name.clone(),
        request_id: request_id(),
        begrunnelse: format!("Ikke vårt. {KANARI}"),
        masker: false,
    };
    ok::<_, ReturnerDelResponse>(&rop, &format!("{AVVIK}ReturnerDel"), back).await;

    handled(scene, &nav, &name).await;
    ferdigstill(&nav, &name).await;
    let feedback = GiTilbakemeldingRequest {
        name: name.clone(),
        request_id: request_id(),
        tekst: format!("Vi har laget en vaktliste. {KANARI}"),
        masker: false,
    };
    let method = format!("{AVVIK}GiTilbakemelding");
    ok::<_, GiTilbakemeldingResponse>(&nav, &method, feedback).await;
    let leader = desk(scene, "nav", Rolle::Leder).await;
    let closing = lukker(&les(&nav, &name).await);
    ok::<_, LukkAvvikResponse>(&leader, &format!("{AVVIK}LukkAvvik"), closing).await;
    let end = med_kode(&reporter, "bom", KODE).await;
    assert_eq!(end.tilstand(), AvvikTilstand::Lukket);
    assert!(end.tilbakemeldinger[0].tekst.starts_with("Vi har"));
    let steps: Vec<_> = end.steg.iter().map(AnonymtSteg::steg).collect();
    for step in [
        Avvikssteg::Meldt,
        Avvikssteg::DelAkseptert,
        Avvikssteg::DelReturnert,
        Avvikssteg::MelderSpurt,
        Avvikssteg::MelderSvarte,
        Avvikssteg::Tilbakemelding,
        Avvikssteg::Lukket,
    ] {
        assert!(steps.contains(&step), "{step:?}");
    }
    let outside = desk(scene, "privat_leverandor", Rolle::Inntak).await;
    let kode = "11111111111111111111111111111111";
    meldt(&outside, melding(kode, KANARI)).await;
    assert!(med_kode(&outside, "privat_leverandor", kode).await.holdt);
}

fn dialog_of(name: &str) -> HentAvviksdialogRequest {
    HentAvviksdialogRequest {
        name: name.to_owned(),
    }
}

async fn said(desk: &Desk, name: &str) -> Vec<Dialogmelding> {
    let read: HentAvviksdialogResponse = ok(desk, DIALOG, dialog_of(name)).await;
    read.dialog.unwrap().meldinger
}

/// A wrong code is answered as any other, whatever it resembles, until there were
/// too many; a unit that guesses locks no other out.
#[tokio::test(flavor = "multi_thread")]
async fn a_guessed_code_tells_nothing_and_is_soon_not_looked_up() {
    const KODE: &str = "0123456789abcdef0123456789abcdef";
    let clock = Arc::new(TestClock::new(START));
    let scene = Scene::on(clock.clone(), |_| {}).await;
    let reporter = desk(&scene, "bom", Rolle::Inntak).await;
    meldt(&reporter, melding(KODE, "Uten seng")).await;
    let method = format!("{ANONYM}HentAvvikMedKode");
    let guess = async |unit: &str, kode: String| {
        let desk = desk(&scene, unit, Rolle::Inntak).await;
        let request = spor(unit, &kode);
        refused::<_, HentAvvikMedKodeResponse>(&desk, &method, request).await
    };
    let mut answers = Vec::new();
    for n in 0..20 {
        // Each agrees with the right one in more digits.
        let kode = format!("{}{}", &KODE[..n], "f".repeat(32 - n));
        answers.push(seen(&guess("rop", kode).await));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(answers[0].0, tonic::Code::NotFound);
    for kode in [KODE, "ffffffffffffffffffffffffffffffff"] {
        let too_many = guess("rop", kode.to_owned()).await;
        assert_eq!(reason(&too_many), Some(Feilgrunn::ForMangeKall));
        assert!(too_many.message().contains("3600"), "{too_many:?}");
    }
    med_kode(&reporter, "bom", KODE).await;
    clock.advance(Duration::from_hours(1));
    assert_eq!(
        guess("rop", "f".repeat(32)).await.code(),
        tonic::Code::NotFound
    );

    // What has not its form is said so, and not repeated.
    let formless = guess("rop", "01819010001".to_owned()).await;
    assert_eq!(reason(&formless), Some(Feilgrunn::UgyldigForesporsel));
    assert!(!format!("{formless:?}").contains("01819010001"));
}
