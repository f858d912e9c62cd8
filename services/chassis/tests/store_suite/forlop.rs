//! What an incident review reads of a person: events with whom they were told
//! to, and the runs of deadlines.

use std::time::Duration;

use samspor_chassis::{
    deadlines::{Ticker, notify_recipients},
    on_both_databases,
    store::{NewDeadline, NewEvent, Store},
    testing::{Database, START, TestCall, Tid},
};
use samspor_proto::hendelse::{
    Frist, ListFristerRequest, ListHendelserRequest, hendelse_service_server::HendelseService as _,
};
use tonic::Code;

use crate::{
    common::{MIGRATIONS, PERSON, call},
    feeds::{feeds, request},
};

on_both_databases! {
    a_deadline_leaves_each_of_its_runs,
    events_of_a_period_say_who_was_told,
}

fn days(n: u32) -> Tid {
    START.plus(Duration::from_hours(24) * n)
}

async fn set(store: &Store, post: &str, due: Option<Tid>, eier: &str) {
    let mut tx = store.begin(call()).await.unwrap();
    match due {
        None => tx.clear_deadline(post, "svar"),
        Some(due) => tx.set_deadline(NewDeadline {
            post: post.to_owned(),
            person: format!("personer/{PERSON}"),
            kind: "svar",
            due,
            warn: None,
            eier: eier.to_owned(),
            mottakere: vec![eier.to_owned()],
        }),
    }
    tx.save().await.unwrap();
}

/// Runs that overlap with a period, read in pages of one.
async fn runs(store: &Store, fra: Tid, til: Tid) -> Vec<Frist> {
    let (feeds, _closing) = feeds(store);
    let call = TestCall::new("revisjon").build();
    let (mut all, mut token) = (Vec::new(), String::new());
    loop {
        let asked = ListFristerRequest {
            parent: format!("personer/{PERSON}"),
            tjeneste: "rop".to_owned(),
            fra: Some(fra.to_proto()),
            til: Some(til.to_proto()),
            page_size: 1,
            page_token: token,
        };
        let page = feeds.list_frister(request(&call, asked)).await.unwrap();
        let page = page.into_inner();
        all.extend(page.frister);
        token = page.next_page_token;
        if token.is_empty() {
            return all;
        }
    }
}

/// Seen red: with a run that is not closed when the deadline moves.
async fn a_deadline_leaves_each_of_its_runs(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let ticker = Ticker::new(store.clone(), notify_recipients);
    set(&store, "rad/1", Some(days(5)), "rop").await;
    // As it was: the run goes on.
    database.clock().set(days(1));
    set(&store, "rad/1", Some(days(5)), "rop").await;
    // Moved on to another unit, then broken there, then met.
    database.clock().set(days(2));
    set(&store, "rad/1", Some(days(5)), "nav").await;
    database.clock().set(days(6));
    ticker.tick().await.unwrap();
    database.clock().set(days(8));
    set(&store, "rad/1", None, "").await;
    // One that runs on.
    set(&store, "rad/2", Some(days(20)), "nav").await;

    let told: Vec<_> = runs(&store, START, days(9))
        .await
        .into_iter()
        .map(|run| (run.post, run.eier, run.satt, run.brutt, run.avsluttet))
        .collect();
    let at = |day| Some(days(day).to_proto());
    let run = |post: &str, unit: &str, satt, brutt, end| {
        (post.to_owned(), format!("enheter/{unit}"), satt, brutt, end)
    };
    let expected = [
        run("rad/1", "rop", at(0), None, at(2)),
        run("rad/1", "nav", at(2), at(6), at(8)),
        run("rad/2", "nav", at(8), None, None),
    ];
    assert_eq!(told, expected);

    assert_eq!(
        runs(&store, days(3), days(4)).await.len(),
        1,
        "one ran then"
    );
    assert_eq!(
        runs(&store, days(30), days(31)).await.len(),
        1,
        "one runs on"
    );
    assert_eq!(runs(&store, days(3), days(8)).await.len(), 1, "not yet set");
}

/// Seen red: without the bounds of the period.
async fn events_of_a_period_say_who_was_told(database: Database) {
    let store = database.open(MIGRATIONS).await;
    for (day, type_, mottakere) in [
        (0, "Foer", vec!["nav".to_owned()]),
        (1, "RadGitt", vec!["rop".to_owned(), "nav".to_owned()]),
        (2, "RadLest", vec![format!("personer/{PERSON}")]),
        (3, "Etter", Vec::new()),
    ] {
        database.clock().set(days(day));
        let mut tx = store.begin(call()).await.unwrap();
        tx.emit(NewEvent {
            type_,
            person: PERSON,
            post: "rad/1",
            eier: "nav",
            mottakere,
        });
        tx.save().await.unwrap();
    }
    let (feeds, _closing) = feeds(&store);
    let call = TestCall::new("revisjon").build();
    let ask = |fra: Option<Tid>, til: Option<Tid>| {
        let asked = ListHendelserRequest {
            parent: format!("personer/{PERSON}"),
            tjeneste: "nav".to_owned(),
            fra: fra.map(Tid::to_proto),
            til: til.map(Tid::to_proto),
            ..ListHendelserRequest::default()
        };
        feeds.list_hendelser(request(&call, asked))
    };
    let page = ask(Some(days(1)), Some(days(3))).await.unwrap();
    let events = page.into_inner().hendelser;
    let told: Vec<_> = events
        .iter()
        .map(|event| (event.r#type.as_str(), event.mottakere.join(" ")))
        .collect();
    assert_eq!(
        told,
        [
            ("RadGitt", "enheter/nav enheter/rop".to_owned()),
            ("RadLest", format!("personer/{PERSON}")),
        ]
    );
    for (fra, til) in [
        (None, Some(days(1))),
        (Some(days(1)), None),
        (Some(days(2)), Some(days(1))),
    ] {
        let refused = ask(fra, til).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
    }
}
