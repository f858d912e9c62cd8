//! The handlers, on both databases.

use std::{sync::Arc, time::Duration};

use samspor_chassis::{
    call::Call,
    error::Error,
    params,
    server::Agency as _,
    store::Store,
    testing::{Database, START, TestCall, request_id},
};
use samspor_proto::{avvik::*, felles::Faktum, felles::part::Hvem};

use super::rpc;
use crate::{Avvik as Tjeneste, detalj, innmelding, kode, melding};

samspor_chassis::on_both_databases! {
    from_report_to_feedback_and_closed,
    the_database_closes_nothing_that_is_not_done,
    a_text_that_names_somebody_is_refused_or_masked,
    what_is_wrong_with_a_report_is_told_at_once,
}

/// Calls a handler as the table of the service does.
macro_rules! kall {
    ($store:expr, $who:expr, $handler:path, $request:expr) => {{
        let request = $request;
        let id = request.request_id.clone();
        let written: Result<_, samspor_chassis::error::Error> = $store
            .write($who, &id, move |tx| {
                futures::FutureExt::boxed($handler(tx, request))
            })
            .await;
        written.map(|written| written.svar)
    }};
}
pub(crate) use kall;

/// The faults of a refusal: `field reason`, or the reason alone.
pub(crate) fn feil<T>(answer: Result<T, Error>) -> Vec<String> {
    let error = answer.err().expect("a refusal");
    let refusal = error.refusal().expect("a refusal and no defect");
    if refusal.felt.is_empty() {
        let reason = refusal.grunn.as_str_name();
        return vec![reason.trim_start_matches("FEILGRUNN_").to_owned()];
    }
    let fault = |fault: &samspor_chassis::error::FieldFault| {
        let reason = fault.grunn.as_str_name();
        format!("{} {}", fault.felt, reason.trim_start_matches("FEILGRUNN_"))
    };
    refusal.felt.iter().map(fault).collect()
}

pub(crate) fn hos(enhet: &str, ansatt: &str) -> Arc<Call> {
    TestCall::new(enhet).ansatt(ansatt).build()
}

pub(crate) async fn lager(database: &Database) -> Store {
    let store = database.open(Tjeneste::migrations()).await;
    let tries = kode::Forsok::ny(database.clock().clone());
    store.with_settings(tries)
}

pub(crate) fn svar(sporsmal: &str, svar: &str) -> Avvikssvar {
    Avvikssvar {
        sporsmal: sporsmal.into(),
        svar: svar.into(),
    }
}

/// No bed, as bom tells of nav and boligkontor.
pub(crate) fn melding_om_natt() -> MeldAvvikRequest {
    MeldAvvikRequest {
        request_id: request_id(),
        kategori: Avvikskategori::Bolig.into(),
        underkategori: "utskrevet_uten_bolig".into(),
        hendt: Some(START.to_proto()),
        sammendrag: "Utskrevet uten et sted å sove".into(),
        alvorlighet: Alvorlighet::Alvorlig.into(),
        enheter: vec!["enheter/nav".into(), "enheter/boligkontor".into()],
        svar: vec![
            svar("natt_uten_seng", "2"),
            svar("varslet_pa_forhand", "ja"),
        ],
        svar_tredjepart: vec![svar("andre_beboere", "Naboen i 2. etasje")],
        fritekst: "Søsteren ringte".into(),
        helse: "Abstinenser".into(),
        sted: "Jernbanetorget".into(),
        person: "personer/3f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b34".into(),
        vedlegg: vec![Avviksvedlegg {
            navn: "notat.txt".into(),
            innhold: b"Kl. 02".to_vec().into(),
        }],
        ..Default::default()
    }
}

pub(crate) async fn meldt(store: &Store) -> String {
    meldt_som(store, melding_om_natt()).await
}

pub(crate) async fn meldt_som(store: &Store, request: MeldAvvikRequest) -> String {
    let told = kall!(store, hos("bom", "b1"), innmelding::meld, request).unwrap();
    format!("avvik/{}", told.kvittering.unwrap().referanse)
}

pub(crate) async fn les(store: &Store, name: &str) -> Avvik {
    let mut tx = store.begin_read(hos("bom", "b1")).await.unwrap();
    let request = HentAvvikRequest { name: name.into() };
    rpc::hent(&mut tx, request).await.unwrap().avvik.unwrap()
}

pub(crate) async fn aksepter(store: &Store, name: &str, enhet: &str) -> Avvik {
    let request = AksepterDelRequest {
        name: name.into(),
        request_id: request_id(),
    };
    let taken = kall!(store, hos(enhet, "s1"), rpc::aksepter, request).unwrap();
    taken.avvik.unwrap()
}

/// Types of the events that were addressed to a unit, oldest first.
pub(crate) async fn hendelser(store: &Store, enhet: &str) -> Vec<String> {
    let sql = "SELECT h.type FROM chassis_hendelse_mottaker m \
               JOIN chassis_hendelse h ON h.nr = m.hendelse WHERE m.mottaker = $1 \
               ORDER BY m.hendelse";
    let mut tx = store.begin_read(hos("bom", "b9")).await.unwrap();
    let rows: Vec<(String,)> = tx.all(sql, params![enhet]).await.unwrap();
    rows.into_iter().map(|(kind,)| kind).collect()
}

/// `unit record` of what holds at the end of time, by the facts that were stated.
pub(crate) async fn adgang(store: &Store) -> Vec<String> {
    use base64::Engine as _;
    let mut tx = store.begin_read(hos("bom", "b9")).await.unwrap();
    let sql = "SELECT faktum FROM chassis_faktum ORDER BY nr";
    let rows: Vec<(String,)> = tx.all(sql, params![]).await.unwrap();
    let mut holds = std::collections::BTreeMap::new();
    for (row,) in rows {
        let bytes = base64::prelude::BASE64_STANDARD.decode(row).unwrap();
        let fact: Faktum = prost::Message::decode(bytes.as_slice()).unwrap();
        let Some(Hvem::Enhet(unit)) = fact.part.unwrap().hvem else {
            panic!("a fact of a unit")
        };
        assert!(fact.post.starts_with(&format!("avvik/{}", fact.subjekt)));
        let kind = match fact.post.split('/').nth(2) {
            Some("detaljer") => "detalj",
            Some(other) => other,
            None => "avvik",
        };
        let goes_on = fact.periode.unwrap().til.is_none();
        holds.insert(fact.id, (format!("{unit} {kind}"), goes_on));
    }
    let mut open: Vec<String> = holds
        .into_values()
        .filter(|(_, on)| *on)
        .map(|(x, _)| x)
        .collect();
    open.sort();
    open
}

pub(crate) async fn uleste(store: &Store, enhet: &str) -> Vec<Avviksmelding> {
    let mut tx = store.begin_read(hos(enhet, "s1")).await.unwrap();
    let request = ListAvviksmeldingerRequest {
        parent: format!("enheter/{enhet}"),
        ..Default::default()
    };
    melding::list(&mut tx, request).await.unwrap().meldinger
}

/// The whole life; each step is told to each party, and the reporter has it in
/// the inbox until it was read.
///
/// Seen red: with facts of the detail for a proposed unit, and with no entry for
/// a step of another unit.
async fn from_report_to_feedback_and_closed(database: Database) {
    let store = lager(&database).await;
    let name = meldt(&store).await;
    assert_eq!(
        adgang(&store).await,
        ["boligkontor avvik", "bom avvik", "bom detalj", "nav avvik"]
    );
    let avvik = les(&store, &name).await;
    assert_eq!(avvik.ansvarlig_enhet, "enheter/bom");
    assert_eq!(avvik.tilstand(), AvvikTilstand::Meldt);
    let shared = format!("{avvik:?}");
    for held_apart in [
        "Søsteren",
        "Abstinenser",
        "Jernbanetorget",
        "personer/",
        "Naboen",
    ] {
        assert!(!shared.contains(held_apart), "{held_apart}");
    }
    let taken = aksepter(&store, &name, "nav").await;
    assert_eq!(taken.ansvarlig_enhet, "enheter/nav");
    let back = ReturnerDelRequest {
        name: name.clone(),
        request_id: request_id(),
        begrunnelse: "Det var ingen bolig å gi".into(),
        masker: false,
    };
    kall!(store, hos("boligkontor", "k1"), rpc::returner, back).unwrap();
    assert_eq!(
        adgang(&store).await,
        ["bom avvik", "bom detalj", "nav avvik", "nav detalj"]
    );
    let nav = || hos("nav", "n1");
    let cause = RegistrerArsakRequest {
        name: name.clone(),
        request_id: request_id(),
        r#type: Arsakstype::AnsvarUklart.into(),
        beskrivelse: "Vakten visste ikke hvem".into(),
        delt: "Uklart hvem som har vakt".into(),
        ..Default::default()
    };
    kall!(store, nav(), rpc::arsak, cause).unwrap();
    let severity = VurderAlvorlighetRequest {
        name: name.clone(),
        request_id: request_id(),
        alvorlighet: Alvorlighet::Kritisk.into(),
        begrunnelse: "Minusgrader".into(),
        masker: false,
    };
    kall!(store, nav(), rpc::vurder, severity).unwrap();
    let measure = RegistrerTiltakRequest {
        name: name.clone(),
        request_id: request_id(),
        beskrivelse: "Felles vaktliste".into(),
        frist: "2026-10-10".into(),
        kontrolldag: "2026-11-10".into(),
        ..Default::default()
    };
    kall!(store, nav(), rpc::tiltak, measure).unwrap();
    let done = MeldTiltakUtfortRequest {
        name: name.clone(),
        request_id: request_id(),
        tiltak: 1,
    };
    kall!(store, nav(), rpc::utfort, done).unwrap();
    let check = RegistrerEffektkontrollRequest {
        name: name.clone(),
        request_id: request_id(),
        tiltak: 1,
        virket: true,
        begrunnelse: "Ingen nye på en måned".into(),
        masker: false,
    };
    kall!(store, nav(), rpc::effekt, check).unwrap();
    let finished = FerdigstillDelRequest {
        name: name.clone(),
        request_id: request_id(),
        konklusjon: "Vaktlisten brukes".into(),
        masker: false,
    };
    let finished = kall!(store, nav(), rpc::ferdigstill, finished).unwrap();
    let finished = finished.avvik.unwrap();
    let close = |etag: &str| LukkAvvikRequest {
        name: name.clone(),
        request_id: request_id(),
        etag: etag.into(),
        konklusjon: "Lukket".into(),
        masker: false,
    };
    let early = kall!(store, hos("nav", "leder"), rpc::lukk, close(&finished.etag));
    assert_eq!(feil(early), ["AVVIK_IKKE_FERDIG"]);
    let feedback = GiTilbakemeldingRequest {
        name: name.clone(),
        request_id: request_id(),
        tekst: "Vi har laget en vaktliste".into(),
        masker: false,
    };
    let told = kall!(store, nav(), rpc::tilbakemeld, feedback).unwrap();
    let told = told.avvik.unwrap();
    assert_eq!(told.mangler, [""; 0]);
    let by_who_did_it = kall!(store, nav(), rpc::lukk, close(&told.etag));
    assert_eq!(feil(by_who_did_it), ["IKKE_TILLATT"]);
    let stale = kall!(store, hos("nav", "leder"), rpc::lukk, close("1"));
    assert_eq!(feil(stale), ["UTDATERT_ETAG"]);
    let closed = kall!(store, hos("nav", "leder"), rpc::lukk, close(&told.etag)).unwrap();
    let closed = closed.avvik.unwrap();
    assert_eq!(closed.tilstand(), AvvikTilstand::Lukket);
    assert_eq!(
        (closed.alvorlighet_meldt(), closed.alvorlighet_vurdert()),
        (Alvorlighet::Alvorlig, Alvorlighet::Kritisk)
    );
    assert_eq!(adgang(&store).await, [""; 0], "all of it ends");
    let steps = [
        "AvvikMeldt",
        "AvviksdelAkseptert",
        "AvviksdelReturnert",
        "AvviksarsakRegistrert",
        "AvvikVurdert",
        "AvvikstiltakRegistrert",
        "AvvikstiltakUtfort",
        "AvvikseffektKontrollert",
        "AvviksdelFerdig",
        "AvvikTilbakemeldt",
        "AvvikLukket",
    ];
    assert_eq!(hendelser(&store, "bom").await, steps);
    assert_eq!(hendelser(&store, "nav").await, steps);
    assert_eq!(hendelser(&store, "boligkontor").await, steps[..3]);
    // What it did itself it knows.
    let unread = uleste(&store, "bom").await;
    assert_eq!(unread.len(), steps.len() - 1);
    assert_eq!(unread[0].steg(), Avvikssteg::DelAkseptert);
    let read = || KvitterAvviksmeldingRequest {
        name: unread[0].name.clone(),
        request_id: request_id(),
    };
    for _ in 0..2 {
        let once = kall!(store, hos("bom", "b2"), melding::kvitter, read()).unwrap();
        assert_eq!(once.melding.unwrap().kvittert, Some(START.to_proto()));
    }
    assert_eq!(uleste(&store, "bom").await.len(), unread.len() - 1);
    let again = GjenapneAvvikRequest {
        name: name.clone(),
        request_id: request_id(),
        begrunnelse: "Det hendte igjen".into(),
        masker: false,
    };
    let again = kall!(store, hos("bom", "b1"), rpc::gjenapne, again).unwrap();
    let again = again.avvik.unwrap();
    assert_eq!(again.tilstand(), AvvikTilstand::UnderBehandling);
    assert_eq!(
        adgang(&store).await,
        ["bom avvik", "bom detalj", "nav avvik", "nav detalj"]
    );
    let mut tx = store.begin_read(hos("nav", "n1")).await.unwrap();
    let request = HentAvviksdetaljRequest { name: again.detalj };
    let apart = detalj::hent(&mut tx, request)
        .await
        .unwrap()
        .detalj
        .unwrap();
    assert_eq!(apart.melder_enhet, "enheter/bom");
    assert_eq!(apart.vedlegg[0].innhold.as_ref(), b"Kl. 02");
    assert_eq!(apart.svar_tredjepart[0].svar, "Naboen i 2. etasje");
}

/// Whatever writes it (I6).
///
/// Seen red: without the CHECK.
async fn the_database_closes_nothing_that_is_not_done(database: Database) {
    let store = lager(&database).await;
    let name = meldt(&store).await;
    let id = name.trim_start_matches("avvik/").to_owned();
    for what in [
        "UPDATE avvik SET tilstand = 'LUKKET' WHERE id = $1",
        "UPDATE avvik SET tilstand = 'LUKKET', tilbakemeldt = 1 WHERE id = $1",
        "UPDATE avvik SET tilstand = 'LUKKET', apne_deler = 0 WHERE id = $1",
        "UPDATE avvik SET tilstand = 'LUKKET', tilbakemeldt = 1, apne_deler = 0, \
         apne_tiltak = 1 WHERE id = $1",
    ] {
        let id = id.clone();
        let done = store
            .write(hos("nav", "n1"), &request_id(), move |tx| {
                futures::FutureExt::boxed(async move {
                    tx.execute(what, params![id]).await?;
                    Ok(HentAvvikResponse::default())
                })
            })
            .await;
        assert!(done.is_err_and(|error| error.refusal().is_none()), "{what}");
    }
    assert_eq!(les(&store, &name).await.tilstand(), AvvikTilstand::Meldt);
}

/// Every text of every verb; nothing is stored of one that is refused.
///
/// Seen red: with a text that is read without the guard.
async fn a_text_that_names_somebody_is_refused_or_masked(database: Database) {
    let store = lager(&database).await;
    let number = "Født 018190 10001, ring";
    let with = |masker| MeldAvvikRequest {
        sammendrag: number.into(),
        fritekst: number.into(),
        helse: number.into(),
        sted: number.into(),
        svar_tredjepart: vec![svar("andre_beboere", number)],
        masker,
        ..melding_om_natt()
    };
    let refused = kall!(store, hos("bom", "b1"), innmelding::meld, with(false));
    let place = refused.as_ref().unwrap_err().refusal().unwrap().felt[0]
        .nokler
        .clone();
    assert_eq!((place["fra"].as_str(), place["til"].as_str()), ("5", "17"));
    assert_eq!(
        feil(refused),
        [
            "fritekst FELT_PERSONOPPLYSNING",
            "helse FELT_PERSONOPPLYSNING",
            "sted FELT_PERSONOPPLYSNING",
            "sammendrag FELT_PERSONOPPLYSNING",
            "svar_tredjepart[0].svar FELT_PERSONOPPLYSNING",
        ]
    );
    let name = meldt_som(&store, with(true)).await;
    let masked = les(&store, &name).await.sammendrag;
    assert_eq!(masked, format!("Født {}, ring", "•".repeat(12)));
    let mut tx = store.begin_read(hos("bom", "b9")).await.unwrap();
    let kept: Vec<(String,)> = tx
        .all("SELECT innhold FROM avviksdetalj ORDER BY id", params![])
        .await
        .unwrap();
    assert_eq!(kept.len(), 1);
    assert!(!kept[0].0.contains("10001"));
    drop(tx);
    aksepter(&store, &name, "nav").await;
    let cause = RegistrerArsakRequest {
        name: name.clone(),
        request_id: request_id(),
        r#type: Arsakstype::Annet.into(),
        beskrivelse: "Gjelder personer/3f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b34".into(),
        delt: "01819010001".into(),
        ..Default::default()
    };
    let refused = kall!(store, hos("nav", "n1"), rpc::arsak, cause);
    let expected = [
        "beskrivelse FELT_PERSONOPPLYSNING",
        "delt FELT_PERSONOPPLYSNING",
    ];
    assert_eq!(feil(refused), expected);
}

async fn what_is_wrong_with_a_report_is_told_at_once(database: Database) {
    let store = lager(&database).await;
    let empty = MeldAvvikRequest {
        request_id: request_id(),
        ..Default::default()
    };
    let refused = kall!(store, hos("bom", "b1"), innmelding::meld, empty);
    assert_eq!(
        feil(refused),
        [
            "kategori FELT_UKJENT_VERDI",
            "alvorlighet FELT_UKJENT_VERDI",
            "hendt FELT_MANGLER",
            "sammendrag FELT_MANGLER",
        ]
    );
    let wrong = MeldAvvikRequest {
        underkategori: "arbeidsulykke".into(),
        hendt: Some(START.plus(Duration::from_secs(1)).to_proto()),
        enheter: vec!["enheter/nav".into(), "enheter/nav".into(), "nav".into()],
        svar: vec![
            svar("natt_uten_seng", "to"),
            svar("varslet_pa_forhand", "kanskje"),
            svar("varslet_pa_forhand", "ja"),
            svar("andre_beboere", "Naboen"),
        ],
        person: "personer/x".into(),
        poster: vec![
            "avvik/3f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b34".into(),
            "Se journalen".into(),
            "enheter/rop/hendelser/01819010001".into(),
        ],
        spor: vec!["4BF9".into()],
        ..melding_om_natt()
    };
    let refused = kall!(store, hos("bom", "b1"), innmelding::meld, wrong);
    assert_eq!(
        feil(refused),
        [
            "hendt FELT_FORM",
            "poster[1] FELT_FORM",
            "poster[2] FELT_FORM",
            "person FELT_FORM",
            "spor[0] FELT_FORM",
            "underkategori FELT_UKJENT_VERDI",
            "svar[0].svar FELT_FORM",
            "svar[1].svar FELT_UKJENT_VERDI",
            "svar[2].sporsmal FELT_MOTSTRID",
            "svar[3].sporsmal FELT_UKJENT_VERDI",
            "enheter[1] FELT_MOTSTRID",
            "enheter[2] FELT_FORM",
        ]
    );
    let silent = MeldAvvikRequest {
        svar: Vec::new(),
        ..melding_om_natt()
    };
    let refused = kall!(store, hos("bom", "b1"), innmelding::meld, silent);
    let expected = [
        "svar.natt_uten_seng FELT_MANGLER",
        "svar.varslet_pa_forhand FELT_MANGLER",
    ];
    assert_eq!(feil(refused), expected);
}
