//! The versions of a vedtak, through the handlers and the store: what each one
//! said stays as it was, and the person and the units hear of the next.

use samspor_chassis::{
    store::Store,
    testing::{Database, Tid, request_id},
};
use samspor_proto::bestillerkontor::*;

use crate::{
    ENHET, MIGRATIONS,
    eierprove::{P, hos, kall},
    forlopsprove::*,
    vedtak,
};

samspor_chassis::on_both_databases! {
    who_is_party_now_is_warned_of_the_last_day,
    another_main_unit_is_a_version_of_which_the_person_is_told,
    an_amendment_does_not_put_the_telling_off,
}

/// When the person must be told.
async fn telling(store: &Store) -> Option<Tid> {
    let list = waiting(store, ENHET).await.into_iter();
    let mut own = list.filter(|post| post.r#type() == Ventetype::Underretning);
    own.next()
        .map(|post| Tid::try_from(post.frist.unwrap()).unwrap())
}

async fn hand_over(store: &Store, enhet: &str) {
    let request = BytteHovedansvarligRequest {
        parent: P.into(),
        request_id: request_id(),
        enhet: format!("enheter/{enhet}"),
        begrunnelse: format!("Er mest hos {enhet}"),
    };
    kall!(store, hos(ENHET, "x1"), vedtak::hovedansvar::bytt, request).unwrap();
}

/// Seen red: with the clocks set again where the last days differ alone.
async fn who_is_party_now_is_warned_of_the_last_day(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let decided = Box::pin(with_end(&store, "2026-12-31")).await;
    let told = tell(&store, &decided).await;
    let mut content = told.clone();
    content.linjer[1].enheter = vec!["enheter/hjemmetjeneste".into()];
    let proposed = propose(&store, &told, content).await.unwrap();
    approve(&store, "b1", &proposed).await.unwrap();
    // Four weeks before.
    database.clock().set(at("2026-12-03T23:00:00Z"));
    tick(&store).await;
    let warned = async |unit: &str| {
        let heard = events(&store, unit).await;
        heard.contains(&"FristNaer".to_owned())
    };
    assert!(warned("hjemmetjeneste").await);
    assert!(warned("rop").await);
    assert!(!warned("bom").await, "it delivers no more");
}

/// Seen red: with the content changed in place, and without the clock of the
/// notice.
async fn another_main_unit_is_a_version_of_which_the_person_is_told(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let decided = Box::pin(with_end(&store, "2026-12-31")).await;
    let told = tell(&store, &decided).await;
    assert_eq!(telling(&store).await, None);
    hand_over(&store, "bom").await;
    assert!(telling(&store).await.is_some());
    let now = read(&store, &told, 0).await.unwrap();
    assert_eq!(now.tilstand(), VedtakTilstand::Fattet, "to be told");
    assert_eq!((now.versjon, now.underrettet_versjon), (2, 1));
    assert_eq!(now.endring_begrunnelse, "Er mest hos bom");
    assert_eq!(now.endret_av.unwrap().ansatt, "x1");
    let told = tell(&store, &decided).await;
    assert_eq!((told.versjon, told.underrettet_versjon), (2, 2));
    hand_over(&store, "rop").await;
    for (versjon, unit) in [(1, "rop"), (2, "bom"), (3, "rop")] {
        let found = read(&store, &decided, versjon).await.unwrap();
        assert_eq!(found.hovedansvarlig, format!("enheter/{unit}"), "{versjon}");
    }
}

/// Seen red: with the clock set anew by each version.
async fn an_amendment_does_not_put_the_telling_off(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let decided = Box::pin(with_end(&store, "2026-12-31")).await;
    let due = telling(&store).await.unwrap();
    let amend = async |hours: f64| {
        let now = read(&store, &decided, 0).await.unwrap();
        let mut content = now.clone();
        content.linjer[0].maks_timer = hours;
        let proposed = propose(&store, &now, content).await.unwrap();
        approve(&store, "b1", &proposed).await.unwrap();
    };
    database.clock().set(at("2026-10-02T10:00:00Z"));
    amend(9.0).await;
    assert_eq!(telling(&store).await, Some(due));
    hand_over(&store, "bom").await;
    assert_eq!(telling(&store).await, Some(due));
    // What was told is told anew.
    tell(&store, &decided).await;
    assert_eq!(telling(&store).await, None);
    amend(8.0).await;
    assert!(telling(&store).await.unwrap() > due);
}
