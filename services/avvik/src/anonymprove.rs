//! Those who must not be recognised, on both databases.

use std::{sync::Arc, time::Duration};

use samspor_chassis::{
    call::Call,
    deadlines::Ticker,
    domene::Dag,
    error::{Error, FieldFaults, Refusal},
    params,
    server::Agency as _,
    store::Store,
    testing::{Clock as _, Database, TestCall, request_id},
};
use samspor_proto::{avvik::*, felles::Aktor};

use crate::{
    Avvik as Tjeneste, anonym,
    avvik::{
        prove::{adgang, aksepter, feil, hendelser, hos, kall, lager, svar, uleste},
        rpc,
    },
    detalj, dialog, kode,
};

samspor_chassis::on_both_databases! {
    what_is_reported_is_held_until_its_day_has_passed,
    a_repeat_changes_nothing_and_a_code_is_used_once,
    questions_and_answers_reach_each_other_by_the_code,
    a_wrong_code_is_not_found_and_soon_not_looked_up,
    half_a_digest_is_no_code,
    what_is_wrong_with_an_anonymous_report_is_told_at_once,
}

pub(crate) const KODE: &str = "0123456789abcdef0123456789abcdef";
const FEIL: &str = "ffffffffffffffffffffffffffffffff";

/// A call of somebody of bom, as the gateway attests it.
pub(crate) fn noen() -> Arc<Call> {
    let call = TestCall::new("bom").traceparent("").with(|call| {
        call.anonym = true;
        call.aktor = Some(Aktor {
            enhet: "enheter/bom".into(),
            ..Aktor::default()
        });
    });
    call.build()
}

fn sum(kode: &str) -> String {
    let mut faults = FieldFaults::new();
    crate::kode::les(kode, &mut faults)
}

pub(crate) fn melding(kode: &str) -> MeldAvvikAnonymtRequest {
    MeldAvvikAnonymtRequest {
        request_id: request_id(),
        kodesum: sum(kode),
        kategori: Avvikskategori::Bolig.into(),
        underkategori: "utskrevet_uten_bolig".into(),
        hendt: "2026-09-30".into(),
        sammendrag: "Utskrevet uten et sted å sove".into(),
        alvorlighet: Alvorlighet::Alvorlig.into(),
        enheter: vec!["enheter/nav".into()],
        svar: vec![
            svar("natt_uten_seng", "2"),
            svar("varslet_pa_forhand", "ja"),
        ],
        fritekst: "Lederen ville ikke høre".into(),
        ..Default::default()
    }
}

pub(crate) async fn meldt(store: &Store, kode: &str) -> String {
    let told = kall!(store, noen(), anonym::meld, melding(kode)).unwrap();
    told.kvittering.unwrap().referanse
}

pub(crate) async fn les(store: &Store, kode: &str) -> Result<AnonymtAvvik, Error> {
    let mut tx = store.begin_read(noen()).await.unwrap();
    let request = HentAvvikMedKodeRequest {
        parent: "enheter/bom".into(),
        kode: kode.into(),
    };
    let read = anonym::hent(&mut tx, request).await?;
    Ok(read.avvik.unwrap())
}

pub(crate) fn sier(kode: &str, tekst: &str) -> SvarMedKodeRequest {
    SvarMedKodeRequest {
        request_id: request_id(),
        kode: kode.into(),
        tekst: tekst.into(),
        masker: false,
        vurdering: 0,
    }
}

/// The next day comes, and what was held is let go.
pub(crate) async fn neste_dag(store: &Store, database: &Database) {
    database.clock().advance(Duration::from_hours(24));
    let ticker = Ticker::new(store.clone(), Tjeneste::on_deadline);
    assert_eq!(ticker.tick().await.unwrap().failed, 0);
}

async fn antall(store: &Store, sql: &'static str) -> i64 {
    let mut tx = store.begin_read(hos("bom", "b9")).await.unwrap();
    let row: Option<(i64,)> = tx.one(sql, params![]).await.unwrap();
    row.unwrap().0
}

/// Nothing but the held row until the day has passed. Then the units have it, as
/// of that day and by nobody; the reporter's own unit has not what is held apart.
///
/// Seen red: let go on the same day, with the detail for the reporter's unit, and
/// with the time of the letting go as that of the report.
async fn what_is_reported_is_held_until_its_day_has_passed(database: Database) {
    let store = lager(&database).await;
    let today = Dag::av(database.clock().now());
    let ticker = Ticker::new(store.clone(), Tjeneste::on_deadline);
    // It is due once, and then every day.
    assert_eq!(ticker.tick().await.unwrap().fired, 1);
    let id = meldt(&store, KODE).await;
    assert_eq!(ticker.tick().await.unwrap().fired, 0);
    for sql in [
        "SELECT CAST(count(*) AS BIGINT) FROM avvik",
        "SELECT CAST(count(*) AS BIGINT) FROM chassis_brukt",
        "SELECT CAST(count(*) AS BIGINT) FROM chassis_hendelse",
        "SELECT CAST(count(*) AS BIGINT) FROM chassis_faktum",
    ] {
        assert_eq!(antall(&store, sql).await, 0, "{sql}");
    }
    let held = les(&store, KODE).await.unwrap();
    assert!(held.holdt && held.steg.is_empty());
    assert_eq!(held.meldt, today.to_string());

    neste_dag(&store, &database).await;
    let left = "SELECT CAST(count(*) AS BIGINT) FROM avvikholdt";
    assert_eq!(antall(&store, left).await, 0);
    let shown = les(&store, KODE).await.unwrap();
    assert_eq!(shown.name, format!("anonymeavvik/{id}"));
    assert!(!shown.holdt);
    assert_eq!(shown.meldt, today.to_string());
    assert_eq!(shown.steg[0].steg(), Avvikssteg::Meldt);
    assert_eq!(adgang(&store).await, ["bom avvik", "nav avvik"]);
    assert_eq!(hendelser(&store, "nav").await, ["AvvikMeldt"]);

    let taken = aksepter(&store, &format!("avvik/{id}"), "nav").await;
    assert!(taken.anonym);
    assert_eq!(taken.meldt, Some(today.start().to_proto()));
    let of_the_day: Dag = "2026-09-30".parse().unwrap();
    assert_eq!(taken.hendt, Some(of_the_day.start().to_proto()));
    assert_eq!(
        adgang(&store).await,
        ["bom avvik", "nav avvik", "nav detalj", "nav dialoger"]
    );
    let mut tx = store.begin_read(hos("nav", "n1")).await.unwrap();
    let request = HentAvviksdetaljRequest { name: taken.detalj };
    let apart = detalj::hent(&mut tx, request).await.unwrap();
    let apart = apart.detalj.unwrap();
    assert_eq!(apart.fritekst, "Lederen ville ikke høre");
    let nobody = Aktor {
        enhet: "enheter/bom".into(),
        ..Aktor::default()
    };
    assert_eq!(apart.melder, Some(nobody));
}

/// Seen red: with an id that is drawn anew, and with no look at what is held.
async fn a_repeat_changes_nothing_and_a_code_is_used_once(database: Database) {
    let store = lager(&database).await;
    let request = melding(KODE);
    let said = sier(KODE, "Det hendte også i fjor");
    let again = async || {
        let told = kall!(store, noen(), anonym::meld, request.clone()).unwrap();
        kall!(store, noen(), anonym::svar, said.clone()).unwrap();
        told.kvittering.unwrap().referanse
    };
    let first = again().await;
    for _ in 0..2 {
        assert_eq!(again().await, first);
        assert_eq!(les(&store, KODE).await.unwrap().dialog.len(), 1);
        let taken = kall!(store, noen(), anonym::meld, melding(KODE));
        assert_eq!(feil(taken), ["kodesum FELT_FORM"]);
        neste_dag(&store, &database).await;
    }
    let all = "SELECT CAST(count(*) AS BIGINT) FROM avvik";
    assert_eq!(antall(&store, all).await, 1);
}

/// What a unit asks is read by the code at once; what is answered reaches the
/// units with a part when its day has passed, and never the reporter's own. The
/// reporter is told of every step.
///
/// Seen red: without the step of the answer, and with the dialogue for every party.
async fn questions_and_answers_reach_each_other_by_the_code(database: Database) {
    let store = lager(&database).await;
    let id = meldt(&store, KODE).await;
    neste_dag(&store, &database).await;
    let name = format!("avvik/{id}");
    let nobody_yet = les(&store, KODE).await.unwrap();
    assert!(nobody_yet.lesere.is_empty());
    let taken = aksepter(&store, &name, "nav").await;
    let asks = SporMelderRequest {
        name: name.clone(),
        request_id: request_id(),
        tekst: "Når fikk dere beskjed?".into(),
        masker: false,
    };
    kall!(store, hos("nav", "n1"), rpc::spor, asks).unwrap();
    let read = les(&store, KODE).await.unwrap();
    assert_eq!(read.lesere, ["enheter/nav"]);
    assert_eq!(read.dialog[0].tekst, "Når fikk dere beskjed?");
    assert_eq!(read.dialog[0].enhet, "enheter/nav");

    for text in ["Samme dag", "Klokken tre"] {
        kall!(store, noen(), anonym::svar, sier(KODE, text)).unwrap();
    }
    let texts = |said: &[Dialogmelding]| -> Vec<String> {
        said.iter().map(|one| one.tekst.clone()).collect()
    };
    let all = ["Når fikk dere beskjed?", "Samme dag", "Klokken tre"];
    assert_eq!(texts(&les(&store, KODE).await.unwrap().dialog), all);
    let dialogue = async || {
        let mut tx = store.begin_read(hos("nav", "n1")).await.unwrap();
        let request = HentAvviksdialogRequest {
            name: taken.dialog.clone(),
        };
        let read = dialog::hent(&mut tx, request).await.unwrap();
        read.dialog.unwrap().meldinger
    };
    assert_eq!(dialogue().await.len(), 1, "held");
    let day = Dag::av(database.clock().now());
    neste_dag(&store, &database).await;
    let said = dialogue().await;
    assert_eq!(texts(&said), all);
    assert!(said[1].fra_melder && said[1].enhet.is_empty());
    assert_eq!(said[1].tid, Some(day.start().to_proto()));

    let feedback = GiTilbakemeldingRequest {
        name: name.clone(),
        request_id: request_id(),
        tekst: "Vi har laget en vaktliste".into(),
        masker: false,
    };
    kall!(store, hos("nav", "n1"), rpc::tilbakemeld, feedback).unwrap();
    let read = les(&store, KODE).await.unwrap();
    assert_eq!(read.tilbakemeldinger[0].tekst, "Vi har laget en vaktliste");
    let steps: Vec<_> = read.steg.iter().map(AnonymtSteg::steg).collect();
    assert_eq!(
        steps,
        [
            Avvikssteg::Meldt,
            Avvikssteg::DelAkseptert,
            Avvikssteg::MelderSpurt,
            Avvikssteg::MelderSvarte,
            Avvikssteg::MelderSvarte,
            Avvikssteg::Tilbakemelding,
        ]
    );
    // The unit is told that there were steps, as of any other avvik.
    assert_eq!(uleste(&store, "bom").await.len(), steps.len());
    for _ in 0..48 {
        kall!(store, noen(), anonym::svar, sier(KODE, "Og mer")).unwrap();
    }
    let full = kall!(store, noen(), anonym::svar, sier(KODE, "For mye"));
    assert_eq!(feil(full), ["KONFLIKT"]);
}

/// Seen red: with a refusal that says how the code was wrong.
async fn a_wrong_code_is_not_found_and_soon_not_looked_up(database: Database) {
    let store = lager(&database).await;
    meldt(&store, KODE).await;
    for _ in 0..10 {
        // A right one in between changes nothing.
        les(&store, KODE).await.unwrap();
        assert_eq!(feil(les(&store, FEIL).await), ["IKKE_FUNNET"]);
        let said = kall!(store, noen(), anonym::svar, sier(FEIL, "Hei"));
        assert_eq!(feil(said), ["IKKE_FUNNET"]);
    }
    for kode in [FEIL, KODE] {
        assert_eq!(feil(les(&store, kode).await), ["FOR_MANGE_KALL"]);
        let said = kall!(store, noen(), anonym::svar, sier(kode, "Hei"));
        assert_eq!(feil(said), ["FOR_MANGE_KALL"]);
    }
    database.clock().advance(Duration::from_hours(1));
    les(&store, KODE).await.unwrap();
}

/// Held or let go, a row is found by half of its digest, and is told of to whoever
/// has all of it.
///
/// Seen red: with the row that was found taken for the right one.
async fn half_a_digest_is_no_code(database: Database) {
    let store = lager(&database).await;
    let other = "11111111111111111111111111111111";
    meldt(&store, KODE).await;
    let found = async |sum: String| {
        let mut tx = store.begin_read(noen()).await.unwrap();
        kode::finn(&mut tx, &sum).await
    };
    for day in 0..2 {
        let own = sum(KODE);
        let near = format!("{}{}", &own[..63], i32::from(own.ends_with('0')));
        let half = format!("{}{}", &own[..32], &sum(other)[32..]);
        assert!(found(own).await.is_ok(), "day {day}");
        for wrong in [near, half] {
            let wrong = found(wrong).await.err().unwrap();
            assert_eq!(wrong.refusal(), Some(&Refusal::not_found()), "day {day}");
        }
        database.clock().advance(Duration::from_hours(24));
        let ticker = Ticker::new(store.clone(), Tjeneste::on_deadline);
        ticker.tick().await.unwrap();
    }
}

/// As of a report with a name, and what is its own.
async fn what_is_wrong_with_an_anonymous_report_is_told_at_once(database: Database) {
    let store = lager(&database).await;
    let wrong = MeldAvvikAnonymtRequest {
        kodesum: sum(KODE).to_uppercase(),
        hendt: "2026-10-02".into(),
        sammendrag: "Gjelder 01819010001".into(),
        ..melding(KODE)
    };
    assert_eq!(
        feil(kall!(store, noen(), anonym::meld, wrong)),
        [
            "kodesum FELT_FORM",
            "hendt FELT_FORM",
            "sammendrag FELT_PERSONOPPLYSNING"
        ]
    );
    let wrong = MeldAvvikAnonymtRequest {
        kodesum: String::new(),
        hendt: String::new(),
        enheter: Vec::new(),
        ..melding(KODE)
    };
    assert_eq!(
        feil(kall!(store, noen(), anonym::meld, wrong)),
        [
            "kodesum FELT_MANGLER",
            "hendt FELT_MANGLER",
            "enheter FELT_OMRADE"
        ]
    );
    meldt(&store, KODE).await;
    for (request, faults) in [
        (sier("01819010001", "Hei"), vec!["kode FELT_FORM"]),
        (
            sier(KODE, "Spør 018190 10001"),
            vec!["tekst FELT_PERSONOPPLYSNING"],
        ),
        (sier(KODE, " "), vec!["tekst FELT_MANGLER"]),
        (sier(KODE, &"a".repeat(2001)), vec!["tekst FELT_FOR_LANGT"]),
    ] {
        assert_eq!(feil(kall!(store, noen(), anonym::svar, request)), faults);
    }
    let masked = SvarMedKodeRequest {
        masker: true,
        ..sier(KODE, "Spør 01819010001")
    };
    kall!(store, noen(), anonym::svar, masked).unwrap();
    let said = les(&store, KODE).await.unwrap().dialog;
    assert!(!said[0].tekst.contains("01819010001"));
}
