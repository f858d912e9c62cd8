//! What the statsforvalter decided waits until it is carried out, whatever becomes
//! of the vedtak, through the handlers and the store.

use std::time::Duration;

use samspor_chassis::{
    error::Error,
    store::Store,
    testing::{Database, request_id},
};
use samspor_proto::{bestillerkontor::*, felles::Feilgrunn};

use crate::{
    ENHET, MIGRATIONS,
    eierprove::{fattet, hos, kall},
    etterprove::{case, uphold},
    forlopsprove::*,
    klage,
    rettsprove::{end, map, propose_end, ready_again},
    vedtak,
};

samspor_chassis::on_both_databases! {
    the_end_of_a_vedtak_does_not_meet_the_statsforvalter_by_itself,
    another_vedtak_meets_what_the_statsforvalter_decided,
    a_later_klage_takes_nothing_away,
}

/// Told, disputed, upheld, and changed by the statsforvalter.
async fn overruled(store: &Store, decided: &Vedtak) -> Vedtak {
    let told = tell(store, decided).await;
    looked_at(store, &told, Statsforvalterutfall::Endret).await;
    assert!(must_follow(store).await);
    read(store, &told, 0).await.unwrap()
}

/// Disputed, upheld, and decided by the statsforvalter.
async fn looked_at(store: &Store, told: &Vedtak, outcome: Statsforvalterutfall) {
    let klage = complain(store, told, "").await.unwrap();
    uphold(store, &klage).await.unwrap();
    let request = OversendKlageRequest {
        name: klage.clone(),
        request_id: request_id(),
    };
    kall!(store, hos(ENHET, "b2"), klage::rpc::oversend, request).unwrap();
    let request = AvgjorKlageRequest {
        name: klage,
        request_id: request_id(),
        avgjorelse: outcome.into(),
        begrunnelse: "Har rett".into(),
        avgjort: "2026-10-01".into(),
    };
    kall!(store, hos(ENHET, "b2"), klage::rpc::avgjor, request).unwrap();
}

async fn must_follow(store: &Store) -> bool {
    kinds(&waiting(store, ENHET).await).contains(&"ETTERLEVELSE".to_owned())
}

async fn met(store: &Store, by: &str, of: &Vedtak, with: &Vedtak) -> Result<Vedtak, Error> {
    let request = MeldEtterlevelseRequest {
        name: of.name.clone(),
        request_id: request_id(),
        etag: of.etag.clone(),
        vedtak: with.name.clone(),
        begrunnelse: "Gir timene som statsforvalteren sa".into(),
    };
    let who = hos(ENHET, by);
    let said = kall!(store, who, vedtak::etterlevelse::meld_etterlevelse, request)?;
    Ok(said.vedtak.unwrap())
}

/// Seen red: with the clock taken away by OpphorVedtak; with the case ended with
/// it; and with the word of who decided.
async fn the_end_of_a_vedtak_does_not_meet_the_statsforvalter_by_itself(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let decided = fattet(&store).await;
    let overruled = overruled(&store, &decided).await;
    // In force and as it was, it does not meet it.
    assert_eq!(
        fields(met(&store, "b2", &overruled, &overruled).await),
        "vedtak"
    );
    let proposed = propose_end(&store, "a3", &overruled).await.unwrap();
    let waits = refusal(met(&store, "b2", &proposed, &proposed).await);
    assert_eq!(waits.grunn, Feilgrunn::Konflikt);
    end(&store, "b1", &proposed).await.unwrap();
    let list = kinds(&waiting(&store, ENHET).await);
    assert_eq!(list, ["ETTERLEVELSE"]);
    assert_eq!(case(&store, &overruled).await, Some(None));

    let ended = read(&store, &overruled, 0).await.unwrap();
    let own = refusal(met(&store, "b1", &ended, &ended).await);
    assert_eq!(own.nokler["regel"], "W4");
    let said = met(&store, "b2", &ended, &ended).await.unwrap();
    assert_eq!(said.klageutfall[0].etterlevd_ved, ended.name);
    assert!(!must_follow(&store).await);
    assert!(case(&store, &overruled).await.flatten().is_some());
    let again = refusal(met(&store, "b2", &said, &said).await);
    assert_eq!(again.nokler["tilstand"], "OPPHORT");
}

async fn another(store: &Store, type_: Tjenestetype) -> Vedtak {
    let application = ready_again(store).await;
    map(store, &application).await;
    let content = with_lines(&application, vec![line(type_, "bom")], "rop");
    draft(store, content).await
}

async fn decided(store: &Store, drafted: &Vedtak) -> Vedtak {
    let sent = send(store, hos(ENHET, "a1"), drafted).await;
    decide(store, hos(ENHET, "b1"), &sent).await.unwrap()
}

/// Seen red: with any vedtak in force.
async fn another_vedtak_meets_what_the_statsforvalter_decided(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let disputed = fattet(&store).await;
    let drafted = another(&store, Tjenestetype::Miljoarbeid).await;
    let earlier = decided(&store, &drafted).await;
    database.clock().advance(Duration::from_hours(1));
    let overruled = overruled(&store, &disputed).await;
    let drafted = another(&store, Tjenestetype::Avlastning).await;
    // What is not in force, or was so before, meets nothing.
    for other in [&drafted, &earlier] {
        let refused = met(&store, "b2", &overruled, other).await;
        assert_eq!(fields(refused), "vedtak");
    }
    let other = decided(&store, &drafted).await;
    let said = met(&store, "b2", &overruled, &other).await.unwrap();
    let outcome = &said.klageutfall[0];
    assert_eq!(outcome.etterlevd_ved, other.name);
    assert_eq!(outcome.etterlevd_av.as_ref().unwrap().ansatt, "b2");
    assert!(outcome.etterlevd.is_some());
    assert!(!must_follow(&store).await);
    assert_eq!(case(&store, &overruled).await, Some(None), "in force");
    // What was met is a decision as any other: its end takes nothing away.
    let now = read(&store, &overruled, 0).await.unwrap();
    let proposed = propose_end(&store, "a3", &now).await.unwrap();
    end(&store, "b1", &proposed).await.unwrap();
    assert!(!must_follow(&store).await);
}

/// Seen red: with the last outcome alone.
async fn a_later_klage_takes_nothing_away(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let decided = fattet(&store).await;
    let overruled = overruled(&store, &decided).await;
    looked_at(&store, &overruled, Statsforvalterutfall::Stadfestet).await;
    let now = read(&store, &overruled, 0).await.unwrap();
    let proposed = propose_end(&store, "a3", &now).await.unwrap();
    end(&store, "b1", &proposed).await.unwrap();
    assert!(must_follow(&store).await);
    assert_eq!(case(&store, &overruled).await, Some(None));
    let ended = read(&store, &overruled, 0).await.unwrap();
    let said = met(&store, "b2", &ended, &ended).await.unwrap();
    let by: Vec<&str> = said
        .klageutfall
        .iter()
        .map(|found| found.etterlevd_ved.as_str())
        .collect();
    assert_eq!(by, [ended.name.as_str(), ""]);
    assert!(!must_follow(&store).await);
}
