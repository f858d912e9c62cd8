//! The projection: exactly once, the same in every replica and after a restart.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use futures::{StreamExt as _, stream};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use samspor_chassis::testing::Database;
use samspor_gateway::{
    facts::{ApplyError, Change, Facts, FollowError},
    log::Sequencer,
    model::{Fact, Party, PersonFacts},
    policy::PolicySource,
};
use samspor_proto::{
    felles::{Faktum, Faktumtype, Rolle, part::Hvem},
    klassifisering::Klasser,
    tilgang::{Dataklasse, Formal},
};

use crate::harness::{Gateway as _, Replica, batch, fact, period, person, unit};

samspor_chassis::on_both_databases! {
    every_part_of_a_fact_arrives,
    a_fact_is_replaced_by_its_id_and_may_change_subject,
    a_number_is_applied_once,
    what_another_replica_has_applied_counts_here_too,
    a_gap_or_a_malformed_fact_stops_the_feed,
    two_readers_of_one_feed_apply_it_once,
    subscribers_hear_of_changes_once,
    what_is_read_while_it_changes_is_not_remembered,
    it_has_caught_up_at_the_end_of_every_feed,
    a_service_that_is_down_is_taken_as_it_stands_if_it_was_ever_read,
    a_service_states_only_its_own_kinds,
    a_feed_is_followed_until_it_ends_or_fails,
    memory_is_what_a_restart_would_load,
}

fn kinds(facts: &PersonFacts) -> Vec<Faktumtype> {
    facts.facts.iter().map(|fact| fact.kind).collect()
}

/// Seen red: `rolle` and `formal` swapped when unpacking.
async fn every_part_of_a_fact_arrives(database: Database) {
    let replica = database.replica().await;
    let mine = person(1);
    let consent = Faktum {
        post: format!("personer/{mine}/vedtak/v1"),
        klasser: vec![Dataklasse::Helse.into(), Dataklasse::Funksjon.into()],
        rolle: Rolle::Behandler.into(),
        formal: Formal::Ytelse.into(),
        periode: Some(period(Some(10), Some(20))),
        opprettet_av: "a1".to_owned(),
        ..fact("f1", &mine, unit("nav"), Faktumtype::Samtykke)
    };
    let everybody = fact("f2", &mine, unit("*"), Faktumtype::Reservasjon);
    let treats = Faktum {
        post: "enheter/rop".to_owned(),
        ..fact(
            "f3",
            &mine,
            Hvem::Ansatt("a2".to_owned()),
            Faktumtype::Behandler,
        )
    };
    let represents = fact(
        "f4",
        &mine,
        Hvem::Person(person(2)),
        Faktumtype::Representant,
    );
    let applied = replica
        .state(vec![consent, everybody, treats, represents])
        .await;

    let always = |party, kind| Fact {
        party,
        kind,
        post: None,
        klasser: Klasser::INGEN,
        rolle: Rolle::Unspecified,
        formal: Formal::Unspecified,
        fra: i64::MIN,
        til: i64::MAX,
        opprettet_av: "".into(),
        samtykke: None,
        mandat: None,
        enhet: None,
    };
    let expected = vec![
        Fact {
            post: Some(format!("personer/{mine}/vedtak/v1").into()),
            klasser: Klasser::av(&[Dataklasse::Helse, Dataklasse::Funksjon]),
            rolle: Rolle::Behandler,
            formal: Formal::Ytelse,
            fra: 10_000_000,
            til: 20_000_000,
            opprettet_av: "a1".into(),
            ..always(Party::Enhet("nav".into()), Faktumtype::Samtykke)
        },
        always(Party::AlleEnheter, Faktumtype::Reservasjon),
        Fact {
            post: Some("enheter/rop".into()),
            ..always(Party::Ansatt("a2".into()), Faktumtype::Behandler)
        },
        always(Party::Person(person(2).into()), Faktumtype::Representant),
    ];
    let mut facts = PersonFacts::clone(&replica.facts.get(&mine).await.unwrap());
    facts.facts.sort_by_key(|fact| fact.kind as i32);
    let mut expected = expected;
    expected.sort_by_key(|fact| fact.kind as i32);
    assert_eq!(facts.facts, expected);
    assert_eq!(facts.version, applied.change.unwrap().version);
    assert_eq!(
        *replica.facts.get(&person(9)).await.unwrap(),
        PersonFacts::default()
    );
}

/// Seen red: `former_subjects` empty (the former subject keeps the fact).
async fn a_fact_is_replaced_by_its_id_and_may_change_subject(database: Database) {
    let replica = database.replica().await;
    let [one, other] = [person(1), person(2)];
    let sak = |subjekt| fact("f", subjekt, unit("rop"), Faktumtype::Sak);
    let first = replica.state(vec![sak(&one)]).await.change.unwrap();
    // Twice in one batch: the later one counts.
    let second = replica
        .state(vec![sak(&one), sak(&other)])
        .await
        .change
        .unwrap();
    assert!(second.version > first.version);
    assert_eq!(kinds(&replica.facts.get(&one).await.unwrap()), []);
    assert_eq!(
        replica.facts.get(&one).await.unwrap().version,
        second.version
    );
    assert_eq!(
        kinds(&replica.facts.get(&other).await.unwrap()),
        [Faktumtype::Sak]
    );
    assert_eq!(
        database
            .number("SELECT CAST(count(*) AS BIGINT) FROM gw_faktum")
            .await,
        1
    );
}

/// Seen red: the position not compared with the numbers.
async fn a_number_is_applied_once(database: Database) {
    let replica = database.replica().await;
    let mine = person(1);
    let kind = |kind| fact("f", &mine, unit("rop"), kind);
    let facts = vec![kind(Faktumtype::Soker), kind(Faktumtype::Sak)];
    let first = replica.apply(1, facts.clone()).await.unwrap();
    assert_eq!(first.position, 2);

    let again = replica.apply(1, facts.clone()).await.unwrap();
    assert_eq!((again.position, again.change), (2, None));
    // An old number must not bring back what it said.
    let older = replica.apply(1, facts[..1].to_vec()).await.unwrap();
    assert_eq!((older.position, older.change), (2, None));
    assert_eq!(
        kinds(&replica.facts.get(&mine).await.unwrap()),
        [Faktumtype::Sak]
    );
    assert_eq!(
        replica.facts.get(&mine).await.unwrap().version,
        first.change.unwrap().version
    );

    let overlapping = [facts, vec![kind(Faktumtype::Utforer)]].concat();
    let applied = replica.apply(1, overlapping).await.unwrap();
    assert_eq!(applied.position, 3);
    assert_eq!(
        kinds(&replica.facts.get(&mine).await.unwrap()),
        [Faktumtype::Utforer]
    );
}

/// A write is answered once older facts are forgotten, whichever replica
/// applied it. Seen red: with what was skipped left to the next poll.
async fn what_another_replica_has_applied_counts_here_too(database: Database) {
    let here = database.replica().await;
    let there = database.beside(&here).await;
    let mine = person(1);
    let stated = |kind| vec![fact("f", &mine, unit("rop"), kind)];
    let known = async || kinds(&here.facts.get(&mine).await.unwrap());
    here.apply(1, stated(Faktumtype::Soker)).await.unwrap();
    assert_eq!(known().await, [Faktumtype::Soker]);
    there.apply(2, stated(Faktumtype::Sak)).await.unwrap();
    assert_eq!(known().await, [Faktumtype::Soker]);
    here.apply(2, stated(Faktumtype::Sak)).await.unwrap();
    assert_eq!(known().await, [Faktumtype::Sak]);
}

/// Seen red: no check in `after`; no check in `Incoming`.
async fn a_gap_or_a_malformed_fact_stops_the_feed(database: Database) {
    let replica = database.replica().await;
    let good = fact("f", &person(1), unit("rop"), Faktumtype::Sak);
    let gap = replica.apply(2, vec![good.clone()]).await;
    assert!(matches!(
        gap,
        Err(ApplyError::Gap {
            expected: 1,
            found: 2
        })
    ));

    let unknown_role = Faktum {
        rolle: 999,
        ..good.clone()
    };
    for malformed in [
        Faktum::default(),
        Faktum {
            part: None,
            ..good.clone()
        },
        Faktum {
            r#type: 999,
            ..good.clone()
        },
        Faktum {
            periode: Some(period(None, Some(i64::MAX))),
            ..good.clone()
        },
        unknown_role,
    ] {
        let refused = replica.apply(1, vec![good.clone(), malformed]).await;
        assert!(matches!(refused, Err(ApplyError::Malformed { nr: 2 })));
    }
    assert_eq!(kinds(&replica.facts.get(&person(1)).await.unwrap()), []);
    assert_eq!(replica.facts.position("rop"), 0);
    assert!(!replica.facts.caught_up());
}

/// Seen red: the position read before the sequencer row is taken (PostgreSQL).
async fn two_readers_of_one_feed_apply_it_once(database: Database) {
    let first = database.replica().await;
    let second = database.beside(&first).await;
    let stated: Vec<Faktum> = (0..200)
        .map(|n| {
            let id = format!("f{}", n % 40);
            fact(&id, &person(n % 10), unit("rop"), Faktumtype::Sak)
        })
        .collect();
    let changes = async |replica: &Replica, size: usize| {
        let mut changes = 0;
        for (part, facts) in stated.chunks(size).enumerate() {
            let number = i64::try_from(part * size).unwrap() + 1;
            let applied = loop {
                match replica.apply(number, facts.to_vec()).await {
                    Err(ApplyError::Gap { .. }) => tokio::task::yield_now().await,
                    applied => break applied.unwrap(),
                }
            };
            changes += i64::from(applied.change.is_some());
        }
        changes
    };
    let (one, other) = tokio::join!(changes(&first, 7), changes(&second, 11));

    assert_eq!(first.facts.position("rop"), 200);
    assert_eq!(second.facts.position("rop"), 200);
    // Every change that anybody made has a version of its own.
    let versions = database.number("SELECT fakta FROM gw_sekvens").await;
    assert_eq!(versions, one + other);
    first.facts.poll_changes().await.unwrap();
    second.facts.poll_changes().await.unwrap();
    for n in 0..10 {
        assert_eq!(first.facts.get(&person(n)).await.unwrap().facts.len(), 4);
        assert_eq!(
            first.facts.get(&person(n)).await.unwrap(),
            second.facts.get(&person(n)).await.unwrap()
        );
    }
}

/// Seen red: `seen` not moved on by what this replica applies itself.
async fn subscribers_hear_of_changes_once(database: Database) {
    let here = database.replica().await;
    let elsewhere = database.beside(&here).await;
    let mut changes = here.facts.changes();
    let mut heard = || {
        let mut persons = Vec::new();
        while let Ok(change) = changes.try_recv() {
            let Change { persons: more } = &*change;
            persons.extend(more.iter().map(Arc::clone));
        }
        persons
    };
    let sak = |n| fact(&format!("f{n}"), &person(n), unit("rop"), Faktumtype::Sak);
    here.state(vec![sak(1)]).await;
    assert_eq!(heard(), [person(1).into()]);

    elsewhere
        .apply(1, vec![sak(1), sak(2), sak(3)])
        .await
        .unwrap();
    assert_eq!(heard(), []);
    here.facts.refresh(&person(2)).await.unwrap();
    assert_eq!(heard(), []);
    assert_eq!(here.facts.poll_changes().await.unwrap(), 2);
    assert_eq!(heard(), [person(2).into(), person(3).into()]);
    assert_eq!(here.facts.poll_changes().await.unwrap(), 0);
    assert_eq!(heard(), []);
}

/// Seen red: `read` without its second look at `forgotten`.
async fn what_is_read_while_it_changes_is_not_remembered(database: Database) {
    let replica = database.replica().await;
    let mine = person(1);
    let done = AtomicBool::new(false);
    let reads = AtomicUsize::new(0);
    let read = async {
        while !done.load(Ordering::Acquire) {
            replica.facts.refresh(&mine).await.unwrap();
            reads.fetch_add(1, Ordering::AcqRel);
        }
    };
    let change = async {
        for n in 0..200 {
            let sak = fact(&format!("f{n}"), &mine, unit("rop"), Faktumtype::Sak);
            let version = replica.state(vec![sak]).await.change.unwrap().version;
            // The read that began before the change comes to its end.
            let before = reads.load(Ordering::Acquire);
            while reads.load(Ordering::Acquire) < before + 1 {
                tokio::task::yield_now().await;
            }
            let known = replica.facts.get(&mine).await.unwrap();
            assert_eq!(known.version, version);
        }
        done.store(true, Ordering::Release);
    };
    tokio::join!(read, change);
}

/// Seen red: `unreachable` that does not ask whether the feed was whole.
async fn a_service_that_is_down_is_taken_as_it_stands_if_it_was_ever_read(database: Database) {
    let replica = database.replica().await;
    let sak = fact("f", &person(1), unit("rop"), Faktumtype::Sak);
    let mut part = batch(1, vec![sak.clone()]);
    part.siste = 2;
    replica.facts.apply("rop", part).await.unwrap();
    replica.facts.unreachable("rop");
    assert!(!replica.facts.caught_up());
    let restarted = Replica::on(replica.store.clone()).await;
    restarted.facts.unreachable("rop");
    assert!(!restarted.facts.caught_up());

    restarted.apply(2, vec![sak]).await.unwrap();
    let restarted = Replica::on(replica.store.clone()).await;
    assert!(!restarted.facts.caught_up());
    restarted.facts.unreachable("rop");
    assert!(restarted.facts.caught_up());
}

/// Seen red: `Incoming::read` without asking the sources.
async fn a_service_states_only_its_own_kinds(database: Database) {
    let replica = database.replica().await;
    let sequencer = Sequencer::new(replica.store.clone());
    let policy = samspor_gateway::policy::Policy::load(&PolicySource::embedded("karmoy")).unwrap();
    let sources = policy.sources().clone();
    let facts = Facts::open(sequencer, ["rop", "koordinering"], sources)
        .await
        .unwrap();
    let consent = || {
        batch(
            1,
            vec![fact("s", &person(1), unit("rop"), Faktumtype::Samtykke)],
        )
    };
    assert!(matches!(
        facts.apply("rop", consent()).await,
        Err(ApplyError::Malformed { nr: 1 })
    ));
    assert_eq!(facts.position("rop"), 0);
    facts.apply("koordinering", consent()).await.unwrap();
    assert_eq!(facts.get(&person(1)).await.unwrap().facts.len(), 1);
}

/// Seen red: `caught_up` set by any batch.
async fn it_has_caught_up_at_the_end_of_every_feed(database: Database) {
    let replica = database.replica().await;
    assert!(!replica.facts.caught_up());
    let sak = |n: usize| fact(&format!("f{n}"), &person(n), unit("rop"), Faktumtype::Sak);
    let mut first = batch(1, vec![sak(1)]);
    first.siste = 3;
    replica.facts.apply("rop", first).await.unwrap();
    assert!(!replica.facts.caught_up());
    let rest = async {
        replica
            .facts
            .apply("rop", batch(2, vec![sak(2), sak(3)]))
            .await
            .unwrap();
    };
    tokio::join!(replica.facts.reached("rop", 3), rest);
    assert!(replica.facts.caught_up());

    // A restart knows the position, but not yet the end of the feed.
    let restarted = Replica::on(replica.store.clone()).await;
    assert_eq!(restarted.facts.position("rop"), 3);
    assert!(!restarted.facts.caught_up());
    restarted
        .facts
        .apply("rop", batch(4, vec![]))
        .await
        .unwrap();
    assert!(restarted.facts.caught_up());
}

/// Seen red: `follow` that drops what was read ahead when the feed fails.
async fn a_feed_is_followed_until_it_ends_or_fails(database: Database) {
    let replica = database.replica().await;
    let sak = |n: usize| fact(&format!("f{n}"), &person(n), unit("rop"), Faktumtype::Sak);
    let message = |nr| Ok(batch(nr, vec![sak(1), sak(2)]));
    let failing = [message(1), message(3), Err("broken")];
    let ended = replica.facts.follow("rop", stream::iter(failing)).await;
    assert!(matches!(ended, Err(FollowError::Feed("broken"))));
    assert_eq!(replica.facts.position("rop"), 4);

    // It ends although the feed would go on for ever.
    let gap = stream::iter([message(5), message(9)]).chain(stream::pending());
    let ended = replica.facts.follow("rop", gap).await;
    assert!(matches!(
        ended,
        Err(FollowError::Apply(ApplyError::Gap { expected: 7, .. }))
    ));

    let whole = (0..100).map(|n| message(4 + 2 * n + 1));
    replica
        .facts
        .follow("rop", stream::iter(whole))
        .await
        .unwrap();
    assert_eq!(replica.facts.position("rop"), 204);
    assert!(replica.facts.caught_up());
}

/// Two replicas take turns with random facts, merges among them. Seen red:
/// `spread_to_groups` left out; `install` that keeps the old group.
async fn memory_is_what_a_restart_would_load(database: Database) {
    let first = database.replica().await;
    let mut seed = [0; 8];
    first.store.ids().random(&mut seed);
    let seed = u64::from_le_bytes(seed);
    let mut random = StdRng::seed_from_u64(seed);
    let second = database.beside(&first).await;
    for _ in 0..30 {
        let size = random.random_range(1..5);
        let facts = (0..size).map(|_| random_fact(&mut random)).collect();
        let replica = if random.random() { &first } else { &second };
        replica.facts.poll_changes().await.unwrap();
        let position = first
            .facts
            .position("rop")
            .max(second.facts.position("rop"));
        replica.apply(position + 1, facts).await.unwrap();
    }
    first.facts.poll_changes().await.unwrap();
    for n in 0..6 {
        second.facts.refresh(&person(n)).await.unwrap();
    }
    let restarted = Replica::on(first.store.clone()).await;
    for n in 0..6 {
        let loaded = sorted(&restarted.facts.get(&person(n)).await.unwrap());
        assert_eq!(
            sorted(&first.facts.get(&person(n)).await.unwrap()),
            loaded,
            "seed {seed}"
        );
        assert_eq!(
            sorted(&second.facts.get(&person(n)).await.unwrap()),
            loaded,
            "seed {seed}"
        );
    }
}

fn random_fact(random: &mut StdRng) -> Faktum {
    let id = format!("f{}", random.random_range(0..12));
    let subjekt = person(random.random_range(0..6));
    if random.random_ratio(1, 5) {
        let into = Hvem::Person(person(random.random_range(0..6)));
        fact(&id, &subjekt, into, Faktumtype::Sammenslatt)
    } else {
        fact(&id, &subjekt, unit("rop"), Faktumtype::Sak)
    }
}

/// The order of facts means nothing.
fn sorted(facts: &PersonFacts) -> (i64, BTreeSet<String>) {
    let texts = facts.facts.iter().map(|fact| format!("{fact:?}"));
    (facts.version, texts.collect())
}
