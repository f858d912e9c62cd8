//! Merged persons are one human while the merge holds.

use samspor_chassis::testing::Database;
use samspor_gateway::{
    log::AppendError,
    model::{Party, PersonFacts},
};
use samspor_proto::felles::{Faktum, Faktumtype, part::Hvem};

use crate::harness::{Gateway as _, disclosure, fact, period, person, unit};

samspor_chassis::on_both_databases! {
    restrictions_of_either_count_for_both,
    a_change_of_one_is_a_new_version_of_all,
    facts_count_for_the_other_while_the_merge_holds,
    each_id_names_the_others_of_the_same_human,
}

fn merged(id: &str, subjekt: &str, into: &str) -> Faktum {
    fact(
        id,
        subjekt,
        Hvem::Person(into.to_owned()),
        Faktumtype::Sammenslatt,
    )
}

/// Periods in which a kind is in force.
fn when(facts: &PersonFacts, kind: Faktumtype) -> Vec<(i64, i64)> {
    let facts = facts.facts.iter().filter(|fact| fact.kind == kind);
    facts.map(|fact| (fact.fra, fact.til)).collect()
}

const ALWAYS: (i64, i64) = (i64::MIN, i64::MAX);

/// Seen red: `walk` following merges in one direction only.
async fn restrictions_of_either_count_for_both(database: Database) {
    let replica = database.replica().await;
    let [d_number, other, third] = [person(1), person(2), person(3)];
    let protection = fact(
        "adresse",
        &d_number,
        unit("*"),
        Faktumtype::AdresseStrengtFortrolig,
    );
    let sperring = Faktum {
        post: format!("personer/{other}/notater/n"),
        ..fact("sperring", &other, unit("nav"), Faktumtype::Sperring)
    };
    replica.state(vec![protection, sperring]).await;
    assert_eq!(
        when(
            &replica.facts.get(&other).await.unwrap(),
            Faktumtype::AdresseStrengtFortrolig
        ),
        []
    );

    replica
        .state(vec![
            merged("m1", &d_number, &other),
            merged("m2", &other, &third),
        ])
        .await;
    for person in [&d_number, &other, &third] {
        let facts = replica.facts.get(person).await.unwrap();
        assert_eq!(when(&facts, Faktumtype::AdresseStrengtFortrolig), [ALWAYS]);
        let sperring = facts.facts.iter().find(|f| f.kind == Faktumtype::Sperring);
        let post = sperring.unwrap().post.as_deref();
        assert_eq!(post, Some(format!("personer/{other}/notater/n").as_str()));
    }
}

/// Seen red: `spread_to_groups` left out.
async fn a_change_of_one_is_a_new_version_of_all(database: Database) {
    let replica = database.replica().await;
    let [one, other, third] = [person(1), person(2), person(3)];
    // Nothing is known of the third but the merge.
    replica
        .state(vec![merged("m1", &one, &other), merged("m2", &third, &one)])
        .await;
    let before = replica.facts.get(&third).await.unwrap().version;
    assert!(before > 0);
    let stated = replica
        .state(vec![fact("s", &other, unit("nav"), Faktumtype::Sperring)])
        .await;
    assert_eq!(
        replica.log.append(disclosure(&third, before)).await,
        Err(AppendError::FactsChanged(vec![third.clone()]))
    );
    let now = replica.facts.get(&third).await.unwrap();
    assert_eq!(now.version, stated.change.unwrap().version);
    assert_eq!(when(&now, Faktumtype::Sperring), [ALWAYS]);
    replica
        .log
        .append(disclosure(&third, now.version))
        .await
        .unwrap();
}

/// Seen red: facts not cut to the merge's period.
async fn facts_count_for_the_other_while_the_merge_holds(database: Database) {
    let replica = database.replica().await;
    let [one, other] = [person(1), person(2)];
    let sak = Faktum {
        periode: Some(period(Some(5), Some(15))),
        ..fact("sak", &one, unit("rop"), Faktumtype::Sak)
    };
    let merge = Faktum {
        periode: Some(period(Some(10), Some(20))),
        ..merged("m", &one, &other)
    };
    replica.state(vec![sak, merge]).await;
    let seconds = |fra: i64, til: i64| (fra * 1_000_000, til * 1_000_000);
    assert_eq!(
        when(&replica.facts.get(&one).await.unwrap(), Faktumtype::Sak),
        [seconds(5, 15)]
    );
    assert_eq!(
        when(&replica.facts.get(&other).await.unwrap(), Faktumtype::Sak),
        [seconds(10, 15)]
    );

    // A mistake: it never held.
    let undone = Faktum {
        periode: Some(period(Some(10), Some(10))),
        ..merged("m", &one, &other)
    };
    replica.state(vec![undone]).await;
    assert_eq!(
        when(&replica.facts.get(&other).await.unwrap(), Faktumtype::Sak),
        []
    );
}

/// Seen red: with the fact as koordinering states it, which the id that remains
/// does not have.
async fn each_id_names_the_others_of_the_same_human(database: Database) {
    let replica = database.replica().await;
    let [first, second, third, wrong] = [person(1), person(2), person(3), person(4)];
    let undone = Faktum {
        periode: Some(period(Some(10), Some(20))),
        ..merged("m3", &wrong, &third)
    };
    let chain = [
        merged("m1", &first, &second),
        merged("m2", &second, &third),
        undone,
    ];
    replica.state(chain.to_vec()).await;
    for (own, others) in [
        (&first, [&second, &third]),
        (&second, [&first, &third]),
        (&third, [&first, &second]),
    ] {
        let facts = replica.facts.get(own).await.unwrap();
        let named = facts.facts.iter().filter(|fact| fact.holds_at(30_000_000));
        let mut named: Vec<&str> = named
            .map(|fact| match (&fact.party, fact.kind) {
                (Party::Person(id), Faktumtype::Sammenslatt) => &**id,
                other => panic!("{other:?}"),
            })
            .collect();
        named.sort_unstable();
        assert_eq!(named, others);
    }
}
