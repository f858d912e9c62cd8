//! What units are told of avvik, by the clock, by a list and by an entry, on both
//! databases.

use std::time::Duration;

use samspor_chassis::{
    deadlines::Ticker,
    domene::Dag,
    server::Agency as _,
    testing::{Database, request_id},
};
use samspor_proto::avvik::*;

use super::{
    prove::{adgang, aksepter, feil, hendelser, hos, kall, lager, melding_om_natt, meldt, uleste},
    rpc,
};
use crate::{Avvik as Tjeneste, innmelding, melding};

samspor_chassis::on_both_databases! {
    a_broken_deadline_is_told_once,
    a_duplicate_gives_its_reporter_to_the_other,
    lists_go_by_unit_state_and_what_waits,
    what_a_unit_was_told_is_its_own,
}

/// Of two units that do not answer both are told, and of a measure who has it; a
/// pause stops the clocks but its own.
///
/// Seen red: with a deadline that runs again after it was told of, and with one
/// of several units alone that is told.
async fn a_broken_deadline_is_told_once(database: Database) {
    let store = lager(&database).await;
    let name = meldt(&store).await;
    let ticker = Ticker::new(store.clone(), Tjeneste::on_deadline);
    let pass = async |days: u64| {
        database.clock().advance(Duration::from_hours(24 * days));
        let ticked = ticker.tick().await.unwrap();
        assert_eq!(ticked.failed, 0);
        // One is due every night: what was held is let go.
        ticked.fired - usize::from(days > 0)
    };
    assert_eq!(pass(4).await, 0, "Thursday and a weekend");
    assert_eq!(pass(3).await, 1);
    for unit in ["bom", "nav", "boligkontor"] {
        let broken = hendelser(&store, unit).await;
        assert_eq!(broken.last().unwrap(), "FristBrutt", "{unit}");
    }
    assert_eq!(pass(30).await, 0);
    let avvik = aksepter(&store, &name, "nav").await;
    assert!(avvik.deler.iter().all(|part| part.kvittering_brutt));
    let steps: Vec<_> = uleste(&store, "bom")
        .await
        .iter()
        .map(Avviksmelding::steg)
        .collect();
    assert_eq!(steps, [Avvikssteg::FristBrutt, Avvikssteg::DelAkseptert]);
    let day = |days: i32| {
        let now = Dag::av(samspor_chassis::tid::Clock::now(&**database.clock()));
        now.pluss_dager(days).to_string()
    };
    let measure = RegistrerTiltakRequest {
        name: name.clone(),
        request_id: request_id(),
        beskrivelse: "Felles vaktliste".into(),
        frist: day(2),
        kontrolldag: day(4),
        ..Default::default()
    };
    kall!(store, hos("nav", "n1"), rpc::tiltak, measure).unwrap();
    let pause = SettAvvikPaVentRequest {
        name: name.clone(),
        request_id: request_id(),
        til: day(10),
        begrunnelse: "Venter på ny vaktordning".into(),
        masker: false,
    };
    kall!(store, hos("nav", "n1"), rpc::pause, pause).unwrap();
    assert_eq!(pass(8).await, 0);
    assert_eq!(pass(4).await, 1, "the pause is over");
    let request = GjenopptaAvvikRequest {
        name: name.clone(),
        request_id: request_id(),
    };
    kall!(store, hos("nav", "n1"), rpc::gjenoppta, request).unwrap();
    assert_eq!(pass(0).await, 1, "the measure was due meanwhile");
    let done = MeldTiltakUtfortRequest {
        name: name.clone(),
        request_id: request_id(),
        tiltak: 1,
    };
    kall!(store, hos("nav", "n1"), rpc::utfort, done).unwrap();
    assert_eq!(pass(0).await, 1, "and so was the look at its effect");
    assert_eq!(pass(100).await, 0);
}

/// Seen red: with the other that is told of nothing.
async fn a_duplicate_gives_its_reporter_to_the_other(database: Database) {
    let store = lager(&database).await;
    let first = meldt(&store).await;
    let again = kall!(store, hos("rop", "r1"), innmelding::meld, melding_om_natt()).unwrap();
    let again = format!("avvik/{}", again.kvittering.unwrap().referanse);
    let etag = aksepter(&store, &again, "nav").await.etag;
    let same = |av: &str| MerkDuplikatRequest {
        name: again.clone(),
        request_id: request_id(),
        etag: etag.clone(),
        av: av.into(),
    };
    let nav = || hos("nav", "n1");
    let nothing = "avvik/3f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b34";
    let none = kall!(store, nav(), rpc::merk_duplikat, same(nothing));
    assert_eq!(feil(none), ["av FELT_FORM"]);
    let itself = kall!(store, nav(), rpc::merk_duplikat, same(&again));
    assert_eq!(feil(itself), ["av FELT_FORM"]);
    let marked = kall!(store, nav(), rpc::merk_duplikat, same(&first)).unwrap();
    let marked = marked.avvik.unwrap();
    assert_eq!(
        (marked.tilstand(), &marked.duplikat_av),
        (AvvikTilstand::Duplikat, &first)
    );
    aksepter(&store, &first, "nav").await;
    let told: Vec<_> = uleste(&store, "rop").await;
    let steps: Vec<_> = told.iter().map(Avviksmelding::steg).collect();
    assert_eq!(steps[steps.len() - 1], Avvikssteg::DelAkseptert);
    assert_eq!(told[told.len() - 1].avvik, first);
    assert!(adgang(&store).await.contains(&"rop avvik".to_owned()));
}

/// Seen red: with a page that begins after the id alone.
async fn lists_go_by_unit_state_and_what_waits(database: Database) {
    let store = lager(&database).await;
    let mut names = Vec::new();
    for _ in 0..3 {
        names.push(meldt(&store).await);
        database.clock().advance(Duration::from_secs(1));
    }
    aksepter(&store, &names[1], "nav").await;
    let listed = async |unit: &str, state: AvvikTilstand, venter| {
        let mut found = Vec::new();
        let mut page_token = String::new();
        loop {
            let mut tx = store.begin_read(hos(unit, "s1")).await.unwrap();
            let request = ListAvvikRequest {
                parent: format!("enheter/{unit}"),
                page_size: 1,
                page_token,
                tilstand: state.into(),
                venter,
            };
            let page = rpc::list(&mut tx, request).await.unwrap();
            found.extend(page.avvik.into_iter().map(|avvik| avvik.name));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return found;
            }
        }
    };
    let any = AvvikTilstand::Unspecified;
    let newest: Vec<String> = names.iter().rev().cloned().collect();
    assert_eq!(listed("nav", any, false).await, newest);
    assert_eq!(listed("boligkontor", any, true).await, newest);
    assert_eq!(listed("rop", any, false).await, [""; 0]);
    let handled = AvvikTilstand::UnderBehandling;
    assert_eq!(listed("bom", handled, false).await, names[1..2]);
    let waits = [names[2].clone(), names[0].clone()];
    assert_eq!(listed("bom", any, true).await, waits);
}

/// Seen red: without the look at whose entry it is.
async fn what_a_unit_was_told_is_its_own(database: Database) {
    let store = lager(&database).await;
    let name = meldt(&store).await;
    aksepter(&store, &name, "nav").await;
    let told = uleste(&store, "bom").await;
    let read = |name: &str| KvitterAvviksmeldingRequest {
        name: name.into(),
        request_id: request_id(),
    };
    let by_another = kall!(
        store,
        hos("nav", "n1"),
        melding::kvitter,
        read(&told[0].name)
    );
    assert_eq!(feil(by_another), ["IKKE_FUNNET"]);
    let moved = told[0].name.replace("enheter/bom", "enheter/nav");
    let by_another = kall!(store, hos("nav", "n1"), melding::kvitter, read(&moved));
    assert_eq!(feil(by_another), ["IKKE_FUNNET"]);
    let stranger = AksepterDelRequest {
        name: name.clone(),
        request_id: request_id(),
    };
    let stranger = kall!(store, hos("politi", "p1"), rpc::aksepter, stranger);
    assert_eq!(feil(stranger), ["IKKE_FUNNET"]);
    let another_s = AksepterDelRequest {
        name,
        request_id: request_id(),
    };
    let another_s = kall!(store, hos("bom", "b1"), rpc::aksepter, another_s);
    assert_eq!(feil(another_s), ["IKKE_TILLATT"]);
}
