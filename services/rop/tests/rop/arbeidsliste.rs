//! What waits for the unit, and what its figures say of a time that has passed.

use samspor_chassis::testing::{Database, request_id};
use samspor_proto::rop::{
    AvsluttHovedforlopRequest, Forlop, HentStatistikkRequest, Kontaktutfall, ListOppgaverRequest,
    OppdaterTiltakRequest, Oppgave, Oppgavetype,
};

use super::{
    DAY,
    benk::{Benk, navn},
    foresporsler::{bestilt, besvar, dag, forlop, gi, levert, oppdrag, tiltak},
    innboks, kvitter, registrer,
};

samspor_chassis::on_both_databases! {
    what_breaks_next_comes_first_and_stays_until_it_is_done,
    an_amended_oppdrag_asks_for_the_new_hours,
    a_month_is_counted_the_same_whenever_it_is_asked,
    a_write_is_one_commit_and_a_read_is_none,
}

/// Whatever a contact brings about: the record, outreach, a deadline, events.
///
/// Guards against: with a second transaction for the task.
async fn a_write_is_one_commit_and_a_read_is_none(database: Database) {
    let benk = Benk::start(&database).await;
    // The service's own work may fall into some of them, not into all.
    let (mut writes, mut reads) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let before = benk.commits();
        registrer(&benk, Kontaktutfall::IkkeMott).await;
        let between = benk.commits();
        innboks(&benk, "rop", Oppgavetype::Oppsokende).await;
        writes.push(between - before);
        reads.push(benk.commits() - between);
    }
    assert_eq!(writes.iter().min(), Some(&1), "{writes:?}");
    assert_eq!(reads.iter().min(), Some(&0), "{reads:?}");
}

/// Guards against: ordered by id; with a list that leaves out what was taken.
async fn what_breaks_next_comes_first_and_stays_until_it_is_done(database: Database) {
    let benk = Benk::start(&database).await;
    let given = benk.ok(gi()).await.tilbakemelding.unwrap();
    for _ in 0..3 {
        registrer(&benk, Kontaktutfall::IkkeMott).await;
    }
    let list = || innboks(&benk, "rop", Oppgavetype::Unspecified);
    let expected = [Oppgavetype::Oppsokende, Oppgavetype::Tilbakemelding];
    let types = |tasks: &[Oppgave]| tasks.iter().map(Oppgave::r#type).collect::<Vec<_>>();
    let tasks = list().await;
    assert_eq!(types(&tasks), expected, "three working days before ten");
    let mut page = ListOppgaverRequest {
        parent: "enheter/rop".into(),
        page_size: 1,
        ..Default::default()
    };
    let first = benk.ok(page.clone()).await;
    assert_eq!(types(&first.oppgaver), expected[..1]);
    page.page_token = first.next_page_token;
    let second = benk.ok(page).await;
    assert_eq!(types(&second.oppgaver), expected[1..]);
    assert_eq!(second.next_page_token, "");
    for task in &tasks {
        benk.ok(kvitter(&task.name)).await;
    }
    assert_eq!(types(&list().await), expected);
    registrer(&benk, Kontaktutfall::Mott).await;
    assert_eq!(types(&list().await), expected[1..]);
    benk.ok(besvar(&given.name)).await;
    assert!(list().await.is_empty());
}

/// Guards against: with an amendment that means nothing.
async fn an_amended_oppdrag_asks_for_the_new_hours(database: Database) {
    let told = [("OppdragEndret", oppdrag(1)), ("OppdragEndret", oppdrag(2))];
    let first = Benk::start(&database).await;
    first.oppdrag.sett(bestilt(&first, oppdrag(1), 2.0, 3.0));
    let begun = first.ok(tiltak(&oppdrag(1))).await.tiltak.unwrap();
    first.stopp().await;

    let benk = Benk::start_with(&database, &told).await;
    benk.har_lest(told.len()).await;
    let list = || innboks(&benk, "rop", Oppgavetype::OppdaterTiltak);
    let tasks = list().await;
    assert_eq!(
        navn(&tasks, |task| &task.post),
        [&oppdrag(1)],
        "nothing is delivered under 2"
    );
    benk.oppdrag.sett(bestilt(&benk, oppdrag(1), 4.0, 5.0));
    let request = OppdaterTiltakRequest {
        name: begun.name,
        request_id: request_id(),
    };
    let updated = benk.ok(request).await.tiltak.unwrap();
    assert!((updated.rammer.last().unwrap().min_timer - 4.0).abs() < 0.01);
    assert!(list().await.is_empty());
}

/// Guards against: with pathways that are open now, and with those who wait now.
async fn a_month_is_counted_the_same_whenever_it_is_asked(database: Database) {
    let benk = Benk::start(&database).await;
    let set = benk.ok(forlop(Forlop::To, "2026-10-01")).await;
    benk.ok(tiltak("")).await;
    let waits = benk.ok(tiltak("")).await.tiltak.unwrap();
    benk.clock.advance(DAY * 40);
    let october = || HentStatistikkRequest {
        parent: "enheter/rop".into(),
        fra: "2026-10-01".into(),
        til: "2026-10-31".into(),
    };
    let on_time = benk.ok(october()).await.statistikk.unwrap();
    assert_eq!(on_time.forlop[1].personer, 1);
    assert_eq!(on_time.venter, 2);
    benk.ok(AvsluttHovedforlopRequest {
        name: set.hovedforlop.unwrap().name,
        request_id: request_id(),
        til: dag(&benk, 0),
        begrunnelse: "Ferdig".into(),
    })
    .await;
    benk.ok(levert(&benk, &waits.name, Kontaktutfall::Mott, 30, 0))
        .await;
    benk.ok(tiltak("")).await;
    benk.clock.advance(DAY * 60);
    let late = benk.ok(october()).await.statistikk.unwrap();
    assert_eq!(late, on_time);
    let november = HentStatistikkRequest {
        fra: "2026-11-01".into(),
        til: "2026-11-30".into(),
        ..october()
    };
    let november = benk.ok(november).await.statistikk.unwrap();
    assert_eq!(november.forlop[1].personer, 0, "ended on the way");
    assert_eq!((november.begynt, november.venter), (1, 2));
}
