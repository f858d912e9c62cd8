//! What is mapped of a person, through the handlers and the store: read by its
//! name, amended by a new edition, never added to when its application is closed.

use samspor_chassis::{
    error::Error,
    params,
    store::Store,
    testing::{Database, START, request_id},
};
use samspor_proto::{
    bestillerkontor::{
        Behovsniva, Boevne, Boevneniva, FullforKartleggingRequest, HentKartleggingRequest,
        Innhenting, Innhentingsform, Kanal, Kartlegging, KartleggingTilstand,
        ListInstrumenterRequest, ListKartleggingerRequest, Livsomrade, Livsomrader,
        MottaSoknadRequest, OppdaterLivsomraderRequest, RegistrerInstrumentRequest,
        ReviderKartleggingRequest, StartKartleggingRequest, TrekkSoknadRequest,
    },
    felles::Feilgrunn,
};

use crate::{
    ENHET, MIGRATIONS,
    eierprove::{P, avslag, fattet, hos, kall, mottatt, name},
    kartlegging, soknad,
};

samspor_chassis::on_both_databases! {
    the_mapping_is_read_by_its_name,
    a_complete_mapping_is_amended_by_a_new_edition,
    a_mapping_is_not_added_to_when_its_application_is_closed,
    a_new_application_begins_with_what_is_mapped_already,
    instruments_are_listed_in_pages,
}

/// Seen red: with the mapping kept in the application alone.
async fn the_mapping_is_read_by_its_name(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let decided = fattet(&store).await;
    let mut tx = store.begin_read(hos("rop", "r1")).await.unwrap();
    let request = HentKartleggingRequest {
        name: decided.kartlegging.clone(),
        utgave: 0,
    };
    let found = kartlegging::rpc::hent(&mut tx, request).await.unwrap();
    let found = found.kartlegging.unwrap();
    assert_eq!(found.funksjonsbeskrivelse, "Klarer lite alene");
    assert_eq!(found.helsebeskrivelse, "Angst");
    assert_eq!(found.soknad, decided.soknad);
    assert_eq!(found.ansvarlig_enhet, "enheter/bestillerkontor");
    let request = ListKartleggingerRequest {
        parent: P.into(),
        ..Default::default()
    };
    let all = kartlegging::rpc::list(&mut tx, request).await.unwrap();
    assert_eq!(all.kartlegginger, [found]);
    let other = decided.kartlegging.replace("3f2c8a54", "4f2c8a54");
    let request = HentKartleggingRequest {
        name: other,
        utgave: 0,
    };
    let refused = kartlegging::rpc::hent(&mut tx, request).await.unwrap_err();
    assert_eq!(refused.refusal().unwrap().grunn, Feilgrunn::IkkeFunnet);
}

pub(crate) fn innhenting() -> Innhenting {
    Innhenting {
        spurt: Some(START.into()),
        form: Innhentingsform::Muntlig.into(),
        samtykke: format!("{P}/samtykker/{}", &P["personer/".len()..]),
        ..Default::default()
    }
}

pub(crate) fn gad7(name: &str, answer: i32) -> RegistrerInstrumentRequest {
    RegistrerInstrumentRequest {
        name: name.into(),
        request_id: request_id(),
        instrument: "instrumenter/gad7".into(),
        svar: vec![answer; 7],
        innhenting: Some(innhenting()),
        ..Default::default()
    }
}

pub(crate) fn bolig(of: &Kartlegging, egne_ord: &str) -> OppdaterLivsomraderRequest {
    OppdaterLivsomraderRequest {
        name: of.name.clone(),
        request_id: request_id(),
        etag: of.etag.clone(),
        livsomrader: Some(Livsomrader {
            bolig: Some(Livsomrade {
                behov: Behovsniva::Stort.into(),
                egne_ord: egne_ord.into(),
                ..Default::default()
            }),
            ..Default::default()
        }),
        innhenting: Some(innhenting()),
    }
}

pub(crate) fn fullfor(of: &Kartlegging) -> FullforKartleggingRequest {
    FullforKartleggingRequest {
        name: of.name.clone(),
        request_id: request_id(),
        etag: of.etag.clone(),
        funksjonsbeskrivelse: "Klarer mer".into(),
        boevne: Some(Boevne {
            niva: Boevneniva::MedOppfolging.into(),
            beskrivelse: "Lager mat".into(),
        }),
        innhenting: Some(innhenting()),
        ..Default::default()
    }
}

pub(crate) async fn kartlagt(store: &Store, name: &str, utgave: i32) -> Result<Kartlegging, Error> {
    let mut tx = store.begin_read(hos("rop", "r1")).await?;
    let name = name.into();
    let request = HentKartleggingRequest { name, utgave };
    let found = kartlegging::rpc::hent(&mut tx, request).await?;
    Ok(found.kartlegging.unwrap())
}

/// Events of a type, and to whom.
pub(crate) async fn told(store: &Store, type_: &'static str) -> Vec<String> {
    let mut tx = store.begin_read(hos(ENHET, "a1")).await.unwrap();
    let rows: Vec<(String,)> = tx
        .all(
            "SELECT m.mottaker FROM chassis_hendelse_mottaker m JOIN chassis_hendelse h ON h.nr = m.hendelse \
             WHERE h.type = $1 ORDER BY m.mottaker",
            params![type_],
        )
        .await
        .unwrap();
    rows.into_iter().map(|(unit,)| unit).collect()
}

/// Seen red: with the edition that is being mapped in the row that holds, and
/// without the archive of the one before.
async fn a_complete_mapping_is_amended_by_a_new_edition(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let decided = fattet(&store).await;
    let first = kartlagt(&store, &decided.kartlegging, 0).await.unwrap();
    assert_eq!(
        (first.utgave, first.tilstand()),
        (1, KartleggingTilstand::Ferdig)
    );
    let here = || hos(ENHET, "a2");
    let changed = bolig(&first, "Trangt");
    let reason = avslag!(
        store,
        here(),
        kartlegging::rpc::oppdater_livsomrader,
        changed
    );
    assert_eq!(reason, Feilgrunn::UgyldigOvergang);

    let request = ReviderKartleggingRequest {
        name: first.name.clone(),
        request_id: request_id(),
        etag: first.etag.clone(),
        revisjonsgrunn: "Har flyttet".into(),
    };
    let stale = ReviderKartleggingRequest {
        request_id: request_id(),
        ..request.clone()
    };
    let second = kall!(store, here(), kartlegging::rpc::revider, request).unwrap();
    let second = second.kartlegging.unwrap();
    assert_eq!(
        (second.utgave, second.tilstand()),
        (2, KartleggingTilstand::Pagar)
    );
    let reason = avslag!(store, here(), kartlegging::rpc::revider, stale);
    assert_eq!(reason, Feilgrunn::UtdatertEtag);
    let again = ReviderKartleggingRequest {
        name: first.name.clone(),
        request_id: request_id(),
        etag: second.etag.clone(),
        revisjonsgrunn: "Igjen".into(),
    };
    let reason = avslag!(store, here(), kartlegging::rpc::revider, again);
    assert_eq!(reason, Feilgrunn::UgyldigOvergang);

    let register = gad7(&first.name, 2);
    let registered = kall!(
        store,
        here(),
        kartlegging::rpc::registrer_instrument,
        register
    );
    let registered = registered.unwrap().kartlegging.unwrap();
    assert_eq!(registered.instrumenter[0].skar, 14.0);
    assert_eq!(registered.instrumenter[0].grenser.len(), 2);
    let area = bolig(&registered, "Trangt");
    let area = kall!(store, here(), kartlegging::rpc::oppdater_livsomrader, area).unwrap();
    let area = area.kartlegging.unwrap();

    // Readers have the complete one until the next is complete.
    let held = kartlagt(&store, &first.name, 0).await.unwrap();
    assert_eq!(held.utgave, 1);
    assert_eq!(held.instrumenter, []);
    let done = kall!(store, here(), kartlegging::rpc::fullfor, fullfor(&area)).unwrap();
    let done = done.kartlegging.unwrap();
    assert_eq!(kartlagt(&store, &first.name, 0).await.unwrap(), done);
    assert_eq!(
        (done.utgave, done.tilstand()),
        (2, KartleggingTilstand::Ferdig)
    );
    assert_eq!(done.funksjonsbeskrivelse, "Klarer mer");
    assert_eq!(done.helsebeskrivelse, "Angst");
    assert_eq!(done.revisjonsgrunn, "Har flyttet");
    let asked = done.livsomrader.as_ref().unwrap().bolig.as_ref().unwrap();
    assert_eq!(asked.egne_ord, "Trangt");
    assert_eq!(asked.innhenting.as_ref().unwrap().spurt_av, "a2");
    assert_eq!(
        told(&store, "KartleggingRevidert").await,
        ["bestillerkontor", "bom", "rop"]
    );

    // The first stands as it was.
    let earlier = kartlagt(&store, &first.name, 1).await.unwrap();
    let etag = earlier.etag.clone();
    assert_eq!(earlier, Kartlegging { etag, ..first });
    for utgave in [3, -1] {
        assert!(kartlagt(&store, &done.name, utgave).await.is_err());
    }
}

/// Seen red: without the state of the application in `apne`.
async fn a_mapping_is_not_added_to_when_its_application_is_closed(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let soknad = mottatt(&store).await;
    let start = StartKartleggingRequest {
        name: soknad.clone(),
        request_id: request_id(),
        ..Default::default()
    };
    kall!(store, hos(ENHET, "a1"), soknad::rpc::start, start).unwrap();
    let mapping = name(&store, "kartlegginger", "SELECT id FROM kartlegging").await;
    let here = || hos(ENHET, "a1");
    let first = gad7(&mapping, 0);
    kall!(store, here(), kartlegging::rpc::registrer_instrument, first).unwrap();
    let begun = kartlagt(&store, &mapping, 0).await.unwrap();
    assert_eq!(begun.tilstand(), KartleggingTilstand::Pagar);
    let unready = fullfor(&begun);
    let reason = avslag!(store, here(), kartlegging::rpc::fullfor, unready);
    assert_eq!(reason, Feilgrunn::UgyldigOvergang);
    let request = TrekkSoknadRequest {
        name: soknad,
        request_id: request_id(),
        personens_onske: "Sagt på telefon".into(),
    };
    kall!(store, here(), soknad::rpc::trekk, request).unwrap();
    let late = gad7(&mapping, 1);
    let reason = avslag!(store, here(), kartlegging::rpc::registrer_instrument, late);
    assert_eq!(reason, Feilgrunn::UgyldigOvergang);
    let kept = kartlagt(&store, &mapping, 0).await.unwrap();
    assert_eq!(kept.instrumenter.len(), 1);
}

/// Seen red: without the comparison of persons in `start`.
async fn a_new_application_begins_with_what_is_mapped_already(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let decided = fattet(&store).await;
    let request = MottaSoknadRequest {
        parent: P.into(),
        request_id: request_id(),
        eget_onske: "Mer hjelp".into(),
        kanal: Kanal::Telefon.into(),
        ..Default::default()
    };
    kall!(store, hos("nav", "n1"), soknad::rpc::motta, request).unwrap();
    let sql = "SELECT id FROM soknad WHERE tilstand = 'MOTTATT'";
    let second = name(&store, "soknader", sql).await;
    let start = |bygger_pa: &str| StartKartleggingRequest {
        name: second.clone(),
        request_id: request_id(),
        bygger_pa: bygger_pa.into(),
        ..Default::default()
    };
    // What one person told is not another's.
    let other = P.replace("3f2c8a54", "4f2c8a54");
    let request = MottaSoknadRequest {
        parent: other.clone(),
        request_id: request_id(),
        eget_onske: "Ro".into(),
        kanal: Kanal::Brev.into(),
        ..Default::default()
    };
    kall!(store, hos("nav", "n1"), soknad::rpc::motta, request).unwrap();
    let sql = "SELECT id FROM soknad WHERE person LIKE '4%'";
    let theirs = name(&store, "soknader", sql).await.replace(P, &other);
    let foreign = StartKartleggingRequest {
        name: theirs,
        ..start(&decided.kartlegging)
    };
    let reason = avslag!(store, hos(ENHET, "a1"), soknad::rpc::start, foreign);
    assert_eq!(reason, Feilgrunn::IkkeFunnet);
    let good = start(&decided.kartlegging);
    let begun = kall!(store, hos(ENHET, "a1"), soknad::rpc::start, good).unwrap();
    let begun = begun.soknad.unwrap().kartlegging;
    let found = kartlagt(&store, &begun, 0).await.unwrap();
    assert_eq!(found.bygger_pa, decided.kartlegging);
    assert_eq!(found.helsebeskrivelse, "Angst");
    assert_eq!(found.tilstand(), KartleggingTilstand::Pagar);
    assert_eq!(found.kartlagt, None);
}

async fn instruments_are_listed_in_pages(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let mut tx = store.begin_read(hos("nav", "n1")).await.unwrap();
    let mut names = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListInstrumenterRequest {
            parent: "enheter/nav".into(),
            page_size: 2,
            page_token,
        };
        let page = kartlegging::rpc::list_instrumenter(&mut tx, request)
            .await
            .unwrap();
        assert!(page.instrumenter.len() <= 2);
        names.extend(page.instrumenter.into_iter().map(|found| found.name));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let expected = ["audit", "dudit", "gad7", "phq9", "scl10"];
    assert_eq!(names, expected.map(|id| format!("instrumenter/{id}")));
}
