//! What the person can count on after the last day of a vedtak and while a klage
//! over it waits, through the handlers and the store: to be told, to dispute it,
//! and to get what a klage led to.

use samspor_chassis::{
    error::Error,
    store::Store,
    testing::{Database, Tid, request_id},
};
use samspor_proto::{bestillerkontor::*, felles::Feilgrunn};

use crate::{
    ENHET, MIGRATIONS,
    eierprove::{hos, kall},
    forlopsprove::*,
    klage,
    rettsprove::facts,
    vedtak,
};

samspor_chassis::on_both_databases! {
    what_ran_out_untold_is_told_and_disputed,
    a_klage_is_granted_after_the_last_day,
    what_waits_to_grant_a_klage_stands_or_falls_with_it,
    what_was_quashed_after_the_last_day_is_carried_out,
    what_was_quashed_before_the_last_day_is_carried_out,
}

/// Until when the unit has the case; none: it has it not.
pub(crate) async fn case(store: &Store, of: &Vedtak) -> Option<Option<Tid>> {
    let id = of.name.rsplit('/').next().unwrap();
    facts(store).await.remove(&format!("sak/{id}"))
}

async fn grant(store: &Store, klage: &str, content: &Vedtak) -> Result<(), Error> {
    let request = OmgjorKlageRequest {
        name: klage.into(),
        request_id: request_id(),
        begrunnelse: "Behovet er der".into(),
        vedtak: Some(content.clone()),
        linjeslutt: Vec::new(),
    };
    kall!(store, hos(ENHET, "b2"), klage::rpc::omgjor, request).map(drop)
}

pub(crate) async fn uphold(store: &Store, klage: &str) -> Result<(), Error> {
    let request = OpprettholdKlageRequest {
        name: klage.into(),
        request_id: request_id(),
        begrunnelse: "Riktig".into(),
    };
    kall!(store, hos(ENHET, "b2"), klage::rpc::oppretthold, request).map(drop)
}

fn until(content: &Vedtak, til: &str) -> Vedtak {
    let mut content = content.clone();
    for line in &mut content.linjer {
        line.til = til.into();
    }
    content
}

async fn run_out(database: &Database, store: &Store) {
    database.clock().set(at("2026-10-24T22:00:00Z"));
    tick(store).await;
}

/// Seen red: with the case ended on the last day; with `UnderrettVedtak` in
/// FATTET alone; told twice; and without `krev_dager_igjen`.
async fn what_ran_out_untold_is_told_and_disputed(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let decided = Box::pin(with_end(&store, "2026-10-24")).await;
    run_out(&database, &store).await;
    assert_eq!(case(&store, &decided).await, Some(None), "until it is told");
    assert_eq!(kinds(&waiting(&store, ENHET).await), ["UNDERRETNING!"]);

    let told = tell(&store, &decided).await;
    assert_eq!(told.tilstand(), VedtakTilstand::Utlopt);
    assert_eq!(told.klagefrist, "2026-11-16");
    let last = at("2026-11-16T23:00:00Z");
    assert_eq!(case(&store, &decided).await, Some(Some(last)));
    assert_eq!(kinds(&waiting(&store, ENHET).await), [""; 0]);
    let request = UnderrettVedtakRequest {
        name: told.name.clone(),
        request_id: request_id(),
        mate: "brev".into(),
        ..Default::default()
    };
    let again = kall!(store, hos(ENHET, "a1"), vedtak::rpc::underrett, request);
    assert_eq!(refusal(again).grunn, Feilgrunn::UgyldigOvergang);

    let klage = complain(&store, &told, "").await.unwrap();
    assert_eq!(fields(grant(&store, &klage, &told).await), "vedtak.linjer");
    let longer = until(&told, "2026-12-31");
    grant(&store, &klage, &longer).await.unwrap();
    let waits = read(&store, &told, 0).await.unwrap();
    let back = approve(&store, "b3", &waits).await.unwrap();
    assert_eq!(back.tilstand(), VedtakTilstand::Fattet, "to be told");
    assert_eq!((back.versjon, back.avsluttet), (2, None));
    assert_eq!(klage_state(&store, &klage).await, KlageTilstand::Omgjort);
    assert_eq!(case(&store, &decided).await, Some(None));
    assert_eq!(
        states(&orders(&store).await)[2..],
        ["1 rop TILBUDT", "2 bom TILBUDT"]
    );
}

/// What was proposed for a klage waits for its decision past the last day.
///
/// Seen red: with every proposal taken away on the last day.
async fn a_klage_is_granted_after_the_last_day(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let decided = Box::pin(with_end(&store, "2026-10-24")).await;
    let told = tell(&store, &decided).await;
    let klage = complain(&store, &told, "").await.unwrap();
    grant(&store, &klage, &until(&told, "2026-12-31"))
        .await
        .unwrap();
    run_out(&database, &store).await;
    let waits = read(&store, &told, 0).await.unwrap();
    assert_eq!(waits.tilstand(), VedtakTilstand::Utlopt);
    assert!(kinds(&waiting(&store, ENHET).await).contains(&"ENDRING!".to_owned()));
    let back = approve(&store, "b3", &waits).await.unwrap();
    assert_eq!(back.tilstand(), VedtakTilstand::Fattet);
    assert_eq!(klage_state(&store, &klage).await, KlageTilstand::Omgjort);
}

/// Seen red: without `krev_ubesvart`, and without `klage_trukket`.
async fn what_waits_to_grant_a_klage_stands_or_falls_with_it(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let decided = Box::pin(with_end(&store, "2026-10-24")).await;
    let told = tell(&store, &decided).await;
    let klage = complain(&store, &told, "").await.unwrap();
    let mut content = told.clone();
    content.linjer[0].maks_timer = 9.0;
    grant(&store, &klage, &content).await.unwrap();
    let refused = refusal(uphold(&store, &klage).await);
    assert_eq!(refused.grunn, Feilgrunn::Konflikt);
    assert!(kinds(&waiting(&store, ENHET).await).contains(&"ENDRING".to_owned()));
    let request = TrekkKlageRequest {
        name: klage.clone(),
        request_id: request_id(),
        personens_onske: "Sagt til meg hjemme".into(),
    };
    kall!(store, hos("rop", "r1"), klage::rpc::trekk, request).unwrap();
    let now = read(&store, &told, 0).await.unwrap();
    assert_eq!(now.endring, None);
    let list = kinds(&waiting(&store, ENHET).await);
    let gone = |kind: &str| !list.iter().any(|held| held == kind);
    assert!(gone("ENDRING") && gone("KLAGE"), "{list:?}");
    // Another proposal is not touched by it, and the klage by none.
    let klage = complain(&store, &told, "").await.unwrap();
    propose(&store, &now, content).await.unwrap();
    uphold(&store, &klage).await.unwrap();
}

/// Seen red: with OPPHORT alone in `klageutfall`.
async fn what_was_quashed_after_the_last_day_is_carried_out(database: Database) {
    Box::pin(quashed(database, true)).await;
}

/// Seen red: with FRIST_ETTERLEVELSE taken away on the last day.
async fn what_was_quashed_before_the_last_day_is_carried_out(database: Database) {
    Box::pin(quashed(database, false)).await;
}

async fn quashed(database: Database, after_the_last_day: bool) {
    let store = database.open(MIGRATIONS).await;
    let decided = Box::pin(with_end(&store, "2026-10-24")).await;
    let told = tell(&store, &decided).await;
    let klage = complain(&store, &told, "").await.unwrap();
    uphold(&store, &klage).await.unwrap();
    let request = OversendKlageRequest {
        name: klage.clone(),
        request_id: request_id(),
    };
    kall!(store, hos(ENHET, "b2"), klage::rpc::oversend, request).unwrap();
    if after_the_last_day {
        run_out(&database, &store).await;
    }
    let request = AvgjorKlageRequest {
        name: klage.clone(),
        request_id: request_id(),
        avgjorelse: Statsforvalterutfall::Opphevet.into(),
        begrunnelse: "Har rett".into(),
        avgjort: "2026-10-01".into(),
    };
    kall!(store, hos(ENHET, "b2"), klage::rpc::avgjor, request).unwrap();
    run_out(&database, &store).await;
    let list = kinds(&waiting(&store, ENHET).await);
    let due = if after_the_last_day {
        "ETTERLEVELSE"
    } else {
        "ETTERLEVELSE!"
    };
    assert!(list.contains(&due.to_owned()), "{list:?}");
    assert_eq!(case(&store, &decided).await, Some(None));
    let over = read(&store, &told, 0).await.unwrap();
    assert_eq!(over.tilstand(), VedtakTilstand::Utlopt);
    let content = until(&over, "2026-12-31");
    let proposed = propose(&store, &over, content).await.unwrap();
    let back = approve(&store, "b1", &proposed).await.unwrap();
    assert_eq!(back.tilstand(), VedtakTilstand::Fattet);
    let list = kinds(&waiting(&store, ENHET).await);
    assert!(!list.contains(&due.to_owned()), "{list:?}");
}
