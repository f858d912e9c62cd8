//! What the person can count on, through the handlers and the store: a refusal
//! of a unit, a notice, a klage, and that nobody decides alone.

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use prost::Message as _;
use samspor_chassis::{
    domene::Dag,
    error::Error,
    params,
    store::Store,
    testing::{Database, Tid, request_id},
};
use samspor_proto::{
    bestillerkontor::*,
    felles::{Faktum, Feilgrunn},
};

use crate::{
    ENHET, MIGRATIONS,
    eierprove::{P, fattet, gjor_klar, hjemmel, hos, kall, klar},
    forlopsprove::*,
    klage,
    kortvarigprove::short,
    soknad, vedtak,
};

samspor_chassis::on_both_databases! {
    a_unit_that_the_person_refuses_is_named_in_no_vedtak,
    what_was_ended_can_be_disputed_and_comes_back,
    two_persons_end_a_vedtak_and_close_an_application,
    what_an_amendment_ends_has_a_reason_and_an_alternative,
    an_earlier_last_day_has_a_reason_and_an_alternative,
    the_main_responsibility_moves_for_all_vedtak_at_once,
    a_draft_is_completed_in_time_or_discarded,
}

/// The relations that are open now or later, by id, with their end.
pub(crate) async fn facts(store: &Store) -> BTreeMap<String, Option<Tid>> {
    let mut tx = store.begin_read(hos(ENHET, "a1")).await.unwrap();
    let sql = "SELECT faktum FROM chassis_faktum ORDER BY nr";
    let rows: Vec<(String,)> = tx.all(sql, params![]).await.unwrap();
    let mut open = BTreeMap::new();
    for (row,) in rows {
        let bytes = BASE64_STANDARD.decode(row).unwrap();
        let fact = Faktum::decode(bytes.as_slice()).unwrap();
        let til = fact.periode.unwrap().til;
        let til = til.map(|til| Tid::try_from(til).unwrap());
        if til.is_some_and(|til| til <= tx.now()) {
            open.remove(&fact.id);
        } else {
            open.insert(fact.id, til);
        }
    }
    open
}

pub(crate) async fn refuse(store: &Store, soknad: &str, units: &[&str]) {
    let refused = |unit: &&str| Kontaktsamtykke {
        enhet: format!("enheter/{unit}"),
        tillatt: false,
    };
    let request = SettKontaktsamtykkeRequest {
        name: soknad.into(),
        request_id: request_id(),
        reservert_kontakt: false,
        kontaktsamtykker: units.iter().map(refused).collect(),
    };
    let by = hos(ENHET, "a1");
    kall!(store, by, soknad::rpc::sett_kontaktsamtykke, request).unwrap();
}

/// Refused at the decision, not afterwards; and the vedtak does not open to
/// the unit what the person closed.
///
/// Seen red: without `krev_ikke_nektet` in `send`, in `fatt` and in
/// `krev_ny_versjon`, one at a time; with `avslutt` ending the refusal; and, for what is short,
/// with the open applications alone.
async fn a_unit_that_the_person_refuses_is_named_in_no_vedtak(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let (application, drafted) = klar(&store).await;
    let by = || hos(ENHET, "a1");
    let try_send = async |draft: &Vedtak| -> Result<_, Error> {
        let request = SendTilGodkjenningRequest {
            name: draft.name.clone(),
            request_id: request_id(),
            etag: draft.etag.clone(),
        };
        kall!(store, by(), vedtak::rpc::send, request)
    };
    refuse(&store, &application, &["rop", "nav", "boligkontor"]).await;
    assert_eq!(
        fields(try_send(&drafted).await),
        "vedtak.linjer[0].enheter[0] vedtak.parter[0] vedtak.bolig.enhet vedtak.hovedansvarlig"
    );
    refuse(&store, &application, &[]).await;
    let sent = send(&store, by(), &drafted).await;
    refuse(&store, &application, &["bom"]).await;
    let refused = decide(&store, hos(ENHET, "b1"), &sent).await;
    assert_eq!(fields(refused), "vedtak.linjer[1].enheter[0]");
    refuse(&store, &application, &["hjemmetjeneste"]).await;
    let decided = decide(&store, hos(ENHET, "b1"), &sent).await.unwrap();

    let id = application.rsplit('/').next().unwrap();
    let closed = async || -> Vec<String> {
        let of = format!("kontakt/{id}/");
        let open = facts(&store).await;
        let open = open.keys().filter_map(|fact| fact.strip_prefix(&of));
        open.map(str::to_owned).collect()
    };
    let held = ["hjemmetjeneste/kartlegging", "hjemmetjeneste/soknad"];
    assert_eq!(closed().await, held);

    let mut content = decided.clone();
    content.linjer[1].enheter = vec!["enheter/hjemmetjeneste".into()];
    let refused = propose(&store, &decided, content.clone()).await;
    assert_eq!(fields(refused), "vedtak.linjer[1].enheter[0]");
    // Nor without a vedtak, while this one is in force or an application is open.
    let refused = short(&store, "2026-10-02", "2026-10-05").await;
    assert_eq!(fields(refused), "enhet");
    refuse(&store, &application, &[]).await;
    assert_eq!(closed().await, Vec::<String>::new());
    let open = ready_again(&store).await;
    refuse(&store, &open, &["hjemmetjeneste"]).await;
    let refused = short(&store, "2026-10-02", "2026-10-05").await;
    assert_eq!(fields(refused), "enhet");

    // The person says otherwise before it is decided.
    let proposed = propose(&store, &decided, content).await.unwrap();
    refuse(&store, &application, &["hjemmetjeneste"]).await;
    let refused = approve(&store, "b1", &proposed).await;
    assert_eq!(fields(refused), "vedtak.linjer[1].enheter[0]");
    refuse(&store, &application, &[]).await;
    approve(&store, "b1", &proposed).await.unwrap();
}

/// Another application of the same person.
pub(crate) async fn ready_again(store: &Store) -> String {
    let request = MottaSoknadRequest {
        parent: P.into(),
        request_id: request_id(),
        eget_onske: "Mer hjelp".into(),
        kanal: Kanal::Telefon.into(),
        ..Default::default()
    };
    kall!(store, hos("nav", "n1"), soknad::rpc::motta, request).unwrap();
    newest(store).await
}

/// The application that nobody has begun on.
pub(crate) async fn newest(store: &Store) -> String {
    let mut tx = store.begin_read(hos(ENHET, "a1")).await.unwrap();
    let sql = "SELECT id FROM soknad WHERE tilstand = 'MOTTATT'";
    let rows: Vec<(String,)> = tx.all(sql, params![]).await.unwrap();
    format!("{P}/soknader/{}", rows[0].0)
}

/// Maps the need, and makes the application ready.
pub(crate) async fn map(store: &Store, application: &str) {
    let request = StartKartleggingRequest {
        name: application.into(),
        request_id: request_id(),
        ny_begrunnelse: "Alt er nytt".into(),
        ..Default::default()
    };
    kall!(store, hos(ENHET, "a1"), soknad::rpc::start, request).unwrap();
    let request = gjor_klar(application);
    kall!(store, hos(ENHET, "a1"), soknad::rpc::gjor_klar, request).unwrap();
}

pub(crate) async fn propose_end(
    store: &Store,
    ansatt: &str,
    vedtak: &Vedtak,
) -> Result<Vedtak, Error> {
    let request = ForeslaOpphorRequest {
        name: vedtak.name.clone(),
        request_id: request_id(),
        etag: vedtak.etag.clone(),
        begrunnelse: "Ikke lenger behov".into(),
        hjemmel: Some(hjemmel()),
        alternativ: "Kan søke på nytt".into(),
    };
    let by = hos(ENHET, ansatt);
    let proposed = kall!(store, by, vedtak::rpc::foresla_opphor, request)?;
    Ok(proposed.vedtak.unwrap())
}

pub(crate) async fn end(store: &Store, ansatt: &str, vedtak: &Vedtak) -> Result<(), Error> {
    let request = OpphorVedtakRequest {
        name: vedtak.name.clone(),
        request_id: request_id(),
        varsel: "brev".into(),
        etag: vedtak.etag.clone(),
    };
    kall!(store, hos(ENHET, ansatt), vedtak::rpc::opphor, request).map(drop)
}

/// The unit keeps the case until the time for klage is out, so that its staff
/// can take a klage on the person's behalf; and a klage that is right brings
/// the vedtak back, with everything under it.
///
/// Seen red: with the case ended at once, with `nye_ordrer` given the lines as
/// they were, and without the return of the main responsibility.
async fn what_was_ended_can_be_disputed_and_comes_back(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let decided = fattet(&store).await;
    let told = tell(&store, &decided).await;
    for order in orders(&store).await {
        accept(&store, &order).await;
        begin(&store, &order).await;
    }
    let now = read(&store, &told, 0).await.unwrap();
    let proposed = propose_end(&store, "a3", &now).await.unwrap();
    end(&store, "b1", &proposed).await.unwrap();
    let ended = read(&store, &told, 0).await.unwrap();
    assert_eq!(ended.tilstand(), VedtakTilstand::Opphort);
    let id = told.name.rsplit('/').next().unwrap();
    let held = facts(&store).await;
    // The last day for klage is 22 October.
    assert_eq!(ended.klagefrist, "2026-10-22");
    let until = Some(at("2026-10-22T22:00:00Z"));
    assert_eq!(held[&format!("sak/{id}")], until);
    assert!(!held.contains_key(&format!("utforer/{id}/rop")));

    let klage = complain(&store, &ended, "").await.unwrap();
    let mut content = ended.clone();
    content.linjer[0].maks_timer = 2.0;
    let request = OmgjorKlageRequest {
        name: klage.clone(),
        request_id: request_id(),
        begrunnelse: "Behovet er der".into(),
        vedtak: Some(content),
        linjeslutt: Vec::new(),
    };
    let by = || hos(ENHET, "b2");
    kall!(store, by(), klage::rpc::omgjor, request).unwrap();
    let waits = read(&store, &ended, 0).await.unwrap();
    let back = approve(&store, "b3", &waits).await.unwrap();
    assert_eq!(back.tilstand(), VedtakTilstand::Fattet, "to be told");
    assert_eq!((back.versjon, back.avsluttet), (2, None));
    assert_eq!(klage_state(&store, &klage).await, KlageTilstand::Omgjort);
    assert_eq!(
        states(&orders(&store).await)[2..],
        ["1 rop TILBUDT", "2 bom TILBUDT"]
    );
    let held = facts(&store).await;
    for fact in ["sak/{id}", "utforer/{id}/rop", "hovedansvarlig/{id}/rop"] {
        assert_eq!(held[&fact.replace("{id}", id)], None, "{fact}");
    }
    let mut tx = store.begin_read(by()).await.unwrap();
    let sql = "SELECT enhet, antall FROM hovedansvar";
    let main: Vec<(String, i64)> = tx.all(sql, params![]).await.unwrap();
    drop(tx);
    assert_eq!(main, [("rop".to_owned(), 1)]);
    let first = read(&store, &back, 1).await.unwrap();
    assert_eq!(first.opphor_alternativ, "Kan søke på nytt");

    // Ended again, upheld, and the statsforvalter says otherwise.
    let proposed = propose_end(&store, "a3", &back).await.unwrap();
    end(&store, "b1", &proposed).await.unwrap();
    let ended = read(&store, &back, 0).await.unwrap();
    let refused = refusal(propose(&store, &ended, ended.clone()).await);
    assert_eq!(refused.grunn, Feilgrunn::UgyldigOvergang);
    let klage = complain(&store, &ended, "").await.unwrap();
    let request = OpprettholdKlageRequest {
        name: klage.clone(),
        request_id: request_id(),
        begrunnelse: "Ikke behov".into(),
    };
    kall!(store, by(), klage::rpc::oppretthold, request).unwrap();
    let request = OversendKlageRequest {
        name: klage.clone(),
        request_id: request_id(),
    };
    kall!(store, by(), klage::rpc::oversend, request).unwrap();
    let request = AvgjorKlageRequest {
        name: klage.clone(),
        request_id: request_id(),
        avgjorelse: Statsforvalterutfall::Endret.into(),
        begrunnelse: "Har rett".into(),
        avgjort: "2026-10-01".into(),
    };
    kall!(store, by(), klage::rpc::avgjor, request).unwrap();
    assert!(kinds(&waiting(&store, ENHET).await).contains(&"ETTERLEVELSE".to_owned()));
    assert_eq!(facts(&store).await[&format!("sak/{id}")], None);
    let ended = read(&store, &back, 0).await.unwrap();
    let proposed = propose(&store, &ended, ended.clone()).await.unwrap();
    let back = approve(&store, "b1", &proposed).await.unwrap();
    assert_eq!(back.tilstand(), VedtakTilstand::Fattet);
    assert!(!kinds(&waiting(&store, ENHET).await).contains(&"ETTERLEVELSE".to_owned()));
}

/// Seen red: without `krev_en_annen` in `opphor` and in `henlegg`, and without
/// `krev_myndighet` in `opphor`.
async fn two_persons_end_a_vedtak_and_close_an_application(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let decided = fattet(&store).await;
    let refused = refusal(end(&store, "b1", &decided).await);
    assert_eq!(refused.nokler["tilstand"], "INGEN_ENDRING");
    let proposed = propose_end(&store, "a3", &decided).await.unwrap();
    assert_eq!(proposed.tilstand(), VedtakTilstand::Fattet, "not yet");
    assert!(proposed.endring.as_ref().unwrap().opphor);
    assert!(kinds(&waiting(&store, ENHET).await).contains(&"ENDRING".to_owned()));
    let own = refusal(end(&store, "a3", &proposed).await);
    assert_eq!(own.nokler["regel"], "W4");
    let wrong = refusal(approve(&store, "b1", &proposed).await);
    assert_eq!(wrong.nokler["tilstand"], "OPPHOR_FORESLATT");
    let request = OpphorVedtakRequest {
        name: proposed.name.clone(),
        request_id: request_id(),
        varsel: "brev".into(),
        etag: proposed.etag.clone(),
    };
    let only_housing = med(ENHET, "b1", &["bolig"]);
    let refused = kall!(store, only_housing, vedtak::rpc::opphor, request);
    assert_eq!(
        fields(refused),
        "vedtak.linjer[0].type vedtak.linjer[1].type"
    );
    end(&store, "b1", &proposed).await.unwrap();

    let application = ready_again(&store).await;
    let close = async |ansatt: &str, etag: &str| {
        let request = HenleggSoknadRequest {
            name: application.clone(),
            request_id: request_id(),
            etag: etag.into(),
        };
        kall!(store, hos(ENHET, ansatt), soknad::rpc::henlegg, request)
    };
    let reject = async |words: &str| {
        let request = AvvisHenleggelseRequest {
            name: application.clone(),
            request_id: request_id(),
            begrunnelse: words.into(),
        };
        let by = hos(ENHET, "a2");
        kall!(store, by, soknad::rpc::avvis_henleggelse, request)
    };
    let read = async || {
        let mut tx = store.begin_read(hos(ENHET, "a1")).await.unwrap();
        let name = application.clone();
        let request = HentSoknadRequest { name };
        let found = soknad::rpc::hent(&mut tx, request).await.unwrap();
        found.soknad.unwrap()
    };
    assert_eq!(fields(close("b1", "").await), "etag");
    let first = read().await.etag;
    let nothing = refusal(close("b1", &first).await);
    assert_eq!(nothing.nokler["tilstand"], "INGEN_HENLEGGELSE");
    let nothing = refusal(reject("Har ikke flyttet").await);
    assert_eq!(nothing.nokler["tilstand"], "INGEN_HENLEGGELSE");
    for (words, field) in [
        ("", "begrunnelse"),
        ("Har flyttet", ""),
        ("Er død", "waits"),
    ] {
        let request = ForeslaHenleggelseRequest {
            name: application.clone(),
            request_id: request_id(),
            arsak: Henleggelsesarsak::Flyttet.into(),
            begrunnelse: words.into(),
            hjemmel: Some(hjemmel()),
        };
        let by = hos(ENHET, "a3");
        let proposed = kall!(store, by, soknad::rpc::foresla_henleggelse, request);
        match field {
            "" => assert!(proposed.unwrap().soknad.unwrap().henleggelse_foreslatt),
            "waits" => assert_eq!(refusal(proposed).grunn, Feilgrunn::Konflikt),
            field => assert_eq!(fields(proposed), field),
        }
    }
    let waits = async || kinds(&waiting(&store, ENHET).await).contains(&"HENLEGGELSE".to_owned());
    assert!(waits().await);
    // Said no to: it goes on, and can be proposed again.
    assert_eq!(fields(reject(" ").await), "begrunnelse");
    let goes_on = reject("Har ikke flyttet").await.unwrap().soknad.unwrap();
    assert!(!goes_on.henleggelse_foreslatt && !waits().await);
    assert_eq!(goes_on.henleggelse_avvist, "Har ikke flyttet");
    let request = ForeslaHenleggelseRequest {
        name: application.clone(),
        request_id: request_id(),
        arsak: Henleggelsesarsak::Flyttet.into(),
        begrunnelse: "Har flyttet".into(),
        hjemmel: Some(hjemmel()),
    };
    let by = hos(ENHET, "a3");
    kall!(store, by, soknad::rpc::foresla_henleggelse, request).unwrap();

    let etag = read().await.etag;
    let own = refusal(close("a3", &etag).await);
    assert_eq!(own.nokler["regel"], "W4");
    let stale = refusal(close("b1", &first).await);
    assert_eq!(stale.grunn, Feilgrunn::UtdatertEtag);
    close("b1", &etag).await.unwrap();
    let state = soknad_state(&store, &application).await;
    assert_eq!(state, SoknadTilstand::Henlagt);
    assert!(!kinds(&waiting(&store, ENHET).await).contains(&"HENLEGGELSE".to_owned()));
}

/// Seen red: without `krev_linjeslutt`, and with `said` left out of
/// `nye_ordrer`.
async fn what_an_amendment_ends_has_a_reason_and_an_alternative(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let decided = fattet(&store).await;
    let mut content = decided.clone();
    content.linjer.truncate(1);
    let attempt = async |linjeslutt: Vec<Linjeslutt>| {
        let request = EndreVedtakRequest {
            name: decided.name.clone(),
            request_id: request_id(),
            etag: decided.etag.clone(),
            vedtak: Some(content.clone()),
            begrunnelse: "Nytt behov".into(),
            linjeslutt,
        };
        kall!(store, hos(ENHET, "a3"), vedtak::rpc::endre, request)
    };
    assert_eq!(fields(attempt(vec![]).await), "linjeslutt");
    let whole = ends(&decided, &content);
    assert_eq!(whole.len(), 1);
    let mut without = whole.clone();
    without[0].alternativ.clear();
    assert_eq!(fields(attempt(without).await), "linjeslutt[0].alternativ");
    let mut other = whole.clone();
    other.push(Linjeslutt {
        linje_id: "1".into(),
        enhet: "enheter/rop".into(),
        ..whole[0].clone()
    });
    assert_eq!(fields(attempt(other).await), "linjeslutt[1].linje_id");
    let proposed = attempt(whole).await.unwrap().vedtak.unwrap();
    approve(&store, "b1", &proposed).await.unwrap();
    let bom = &orders(&store).await[1];
    assert_eq!(bom.tilstand(), OppdragTilstand::Avsluttet);
    assert_eq!(bom.begrunnelse, "Vil ha en annen");
    assert_eq!(bom.alternativ, "Den nye enheten");
}

/// A last day that is moved to today ends a service as much as its line taken
/// away does; and what was said of it stands on the order when it has ended.
///
/// Seen red: without `as_long`, and without `planlagt_slutt` in `ved_utlop`.
async fn an_earlier_last_day_has_a_reason_and_an_alternative(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let decided = Box::pin(with_end(&store, "2026-12-31")).await;
    let last = "2026-10-10".to_owned();
    let mut content = decided.clone();
    content.linjer[1].til.clone_from(&last);
    let attempt = async |linjeslutt: Vec<Linjeslutt>| {
        let request = EndreVedtakRequest {
            name: decided.name.clone(),
            request_id: request_id(),
            etag: decided.etag.clone(),
            vedtak: Some(content.clone()),
            begrunnelse: "Nytt behov".into(),
            linjeslutt,
        };
        kall!(store, hos(ENHET, "a3"), vedtak::rpc::endre, request)
    };
    assert_eq!(fields(attempt(vec![]).await), "linjeslutt");
    let whole = ends(&decided, &content);
    assert_eq!(whole.len(), 1);
    let proposed = attempt(whole).await.unwrap().vedtak.unwrap();
    approve(&store, "b1", &proposed).await.unwrap();
    let bom = orders(&store).await.remove(1);
    assert_eq!(bom.tilstand(), OppdragTilstand::Tilbudt);
    assert_eq!(
        (bom.til.as_str(), bom.alternativ.as_str()),
        (last.as_str(), "Den nye enheten")
    );
    database.clock().set(last.parse::<Dag>().unwrap().slutt());
    tick(&store).await;
    let bom = orders(&store).await.remove(1);
    assert_eq!(bom.avslutningsarsak(), Avslutningsarsak::Utlopt);
    assert_eq!(bom.begrunnelse, "Vil ha en annen");
    assert_eq!(bom.alternativ, "Den nye enheten");
}

/// Seen red: with the first vedtak alone given the new unit, and without the
/// look at who delivers.
async fn the_main_responsibility_moves_for_all_vedtak_at_once(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let application = ready(&store).await;
    let mut both = Vec::new();
    for (unit, by, type_) in [
        ("rop", "rop", Tjenestetype::RopOppfolging),
        (ENHET, "bom", Tjenestetype::Boveiledning),
    ] {
        let mut content = with_lines(&application, vec![line(type_, by)], "rop");
        content.ansvarlig_enhet = format!("enheter/{unit}");
        both.push((unit, draft(&store, content).await));
    }
    for (unit, drafted) in &mut both {
        let sent = send(&store, hos(unit, "s1"), drafted).await;
        *drafted = decide(&store, hos(unit, "s2"), &sent).await.unwrap();
    }
    let change = async |by: &str, enhet: &str| {
        let request = BytteHovedansvarligRequest {
            parent: P.into(),
            request_id: request_id(),
            enhet: format!("enheter/{enhet}"),
            begrunnelse: "ROP legger ned tilbudet".into(),
        };
        kall!(store, hos(by, "x1"), vedtak::hovedansvar::bytt, request)
    };
    assert_eq!(fields(change(ENHET, "hjemmetjeneste").await), "enhet");
    let other = refusal(change("nav", "bom").await);
    assert_eq!(other.grunn, Feilgrunn::IkkeFunnet);
    change(ENHET, "bom").await.unwrap();
    let held = facts(&store).await;
    for (unit, drafted) in &both {
        let now = read(&store, drafted, 0).await.unwrap();
        assert_eq!(now.hovedansvarlig, "enheter/bom", "{unit}");
        let id = now.name.rsplit('/').next().unwrap();
        assert!(held.contains_key(&format!("hovedansvarlig/{id}/bom")));
        assert!(!held.contains_key(&format!("hovedansvarlig/{id}/rop")));
        // ROP delivers under the one, and was party to the other by it alone.
        assert_eq!(held.contains_key(&format!("part/{id}/rop")), *unit == "rop");
    }
    for unit in ["rop", "bom", "koordinering"] {
        let heard = events(&store, unit).await;
        assert!(heard.contains(&"HovedansvarligByttet".to_owned()), "{unit}");
    }
    // When its own last order ends, a clock runs on all of them.
    let bom = orders(&store).await.remove(1);
    let request = AvvisOppdragRequest {
        name: bom.name.clone(),
        request_id: request_id(),
        arsak: Avvisningsarsak::Kapasitet.into(),
        begrunnelse: "Fullt".into(),
    };
    kall!(store, hos("bom", "r1"), crate::oppdrag::rpc::avvis, request).unwrap();
    let open = waiting(&store, ENHET).await.into_iter();
    let open = open.filter(|post| post.r#type() == Ventetype::Hovedansvar);
    assert_eq!(open.count(), 2);
}

async fn a_draft_is_completed_in_time_or_discarded(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let application = ready(&store).await;
    let of_rop = || {
        let lines = vec![line(Tjenestetype::RopOppfolging, "rop")];
        let mut content = with_lines(&application, lines, "rop");
        content.ansvarlig_enhet = "enheter/rop".into();
        content
    };
    let drafted = draft(&store, of_rop()).await;
    assert_eq!(kinds(&waiting(&store, "rop").await), ["FERDIGSTILLING"]);
    let discard = async |of: &Vedtak| {
        let request = ForkastVedtakRequest {
            name: of.name.clone(),
            request_id: request_id(),
            etag: of.etag.clone(),
            begrunnelse: "Skrevet på feil søknad".into(),
        };
        kall!(store, hos("rop", "r1"), vedtak::rpc::forkast, request)
    };
    discard(&drafted).await.unwrap();
    assert_eq!(kinds(&waiting(&store, "rop").await), Vec::<String>::new());
    let found = read(&store, &drafted, 0).await.unwrap();
    assert_eq!(found.tilstand(), VedtakTilstand::Forkastet);
    let id = drafted.name.rsplit('/').next().unwrap();
    assert!(!facts(&store).await.contains_key(&format!("sak/{id}")));
    assert_eq!(
        soknad_state(&store, &application).await,
        SoknadTilstand::Klar
    );

    // Drafted anew, and discarded when all else is decided: nothing waits.
    let again = draft(&store, of_rop()).await;
    let lines = vec![line(Tjenestetype::Boveiledning, "bom")];
    let own = draft(&store, with_lines(&application, lines, "bom")).await;
    let sent = send(&store, hos(ENHET, "a1"), &own).await;
    decide(&store, hos(ENHET, "b1"), &sent).await.unwrap();
    assert_eq!(
        soknad_state(&store, &application).await,
        SoknadTilstand::Klar
    );
    discard(&again).await.unwrap();
    let state = soknad_state(&store, &application).await;
    assert_eq!(state, SoknadTilstand::Vedtatt);
}
