//! The queue: of a past day, how long it takes, and who stands in it.

use super::*;

samspor_chassis::on_both_databases! {
    a_past_day_is_ranked_as_it_stood_then,
    the_expected_time_is_that_of_the_last_twelve_months,
    a_person_stands_once_on_the_list_of_a_type,
}

/// A change today does not change what yesterday's queue was; every version can
/// be read.
///
/// Seen red: with a list that is read without `fra`.
async fn a_past_day_is_ranked_as_it_stood_then(database: Database) {
    let store = lager(&database).await;
    let care = Tildelingstype::Omsorgsbolig;
    godkjent(&store, P, care, &[]).await;
    let waits = godkjent(&store, Q, care, &[]).await;
    database.clock().advance(Duration::from_hours(24 * 10));
    // Q turns out to need care, which goes first in Karmøy.
    let request = vurdering(&waits, &["omsorgstrengende"]);
    let who = hos("bestillerkontor", "v2");
    let changed = kall!(&store, who, rpc::vurder, request).unwrap();
    let changed = changed.boligsak.unwrap();
    let now = koen(&store, ko_for("bestillerkontor", care)).await;
    assert_eq!(hvem(&now), ["Q", "P"]);
    assert_eq!(
        now[0].foran_neste,
        "omsorgstrengende (prioritet 1 i karmoy-1); den neste: ingen prioritert gruppe i karmoy-1"
    );
    let on = |day: Dag| RangerKoRequest {
        dag: day.to_string(),
        ..ko_for("bestillerkontor", care)
    };
    let began = Dag::av(START);
    let then = koen(&store, on(began.pluss_dager(3))).await;
    assert_eq!(hvem(&then), ["P", "Q"]);
    assert_eq!(then[0].dag, "2026-10-04");
    assert_eq!(koen(&store, on(began.pluss_dager(-1))).await, []);
    tildel(&store, &changed.name).await;
    let again = koen(&store, on(began.pluss_dager(3))).await;
    assert_eq!(again[0].grunner, then[0].grunner);
    assert_eq!(hvem(&again), ["P", "Q"]);
    let request = HentBoligsakRequest {
        name: changed.name.clone(),
        versjon: 2,
    };
    let read = store.read(hos("rop", "r1"), move |tx| rpc::hent(tx, request).boxed());
    let earlier = read.await.unwrap().boligsak.unwrap();
    assert_eq!(earlier.tilstand(), BoligsakTilstand::UnderVurdering);
    assert_eq!(earlier.prioritetsgrunner, Vec::<String>::new());
    let ahead = on(began.pluss_dager(100));
    let refused = store
        .read(hos("bestillerkontor", "r1"), move |tx| {
            rangering::ranger_ko(tx, ahead).boxed()
        })
        .await;
    assert_eq!(feil(refused), ["dag FELT_FORM"]);
}

/// Nobody is promised a time that nothing says.
///
/// Seen red: with everybody who ever got a dwelling.
async fn the_expected_time_is_that_of_the_last_twelve_months(database: Database) {
    let store = lager(&database).await;
    let first = godkjent(&store, P, UTLEIE, &[]).await;
    let second = godkjent(&store, Q, UTLEIE, &[]).await;
    let place = async |sak: &Boligsak| {
        let request = HentKoplassRequest {
            name: sak.name.replace("boligsaker", "koplasser"),
        };
        let read = store.read(hos("rop", "r1"), move |tx| {
            rangering::hent_koplass(tx, request).boxed()
        });
        read.await.map(|answer| answer.koplass.unwrap())
    };
    let unknown = place(&second).await.unwrap();
    assert_eq!((unknown.plass, unknown.ventetid_dager), (2, 0));
    assert!(unknown.ventetid.starts_with("ikke kjent"));
    database.clock().advance(Duration::from_hours(24 * 90));
    tildel(&store, &first.name).await;
    assert_eq!(feil(place(&first).await), ["FEILGRUNN_IKKE_FUNNET"]);
    let known = place(&second).await.unwrap();
    assert_eq!((known.plass, known.ventetid_dager), (1, 90));
    database.clock().advance(Duration::from_hours(24 * 400));
    assert!(
        place(&second)
            .await
            .unwrap()
            .ventetid
            .starts_with("ikke kjent")
    );
}

/// Whoever races: the database holds it.
///
/// Seen red: without the index.
async fn a_person_stands_once_on_the_list_of_a_type(database: Database) {
    let store = lager(&database).await;
    let id_of = |sak: Boligsak| sak.name.rsplit('/').next().unwrap().to_owned();
    let first = id_of(godkjent(&store, P, UTLEIE, &[]).await);
    let request = onsket(P, UTLEIE);
    kall!(&store, hos("nav", "n1"), rpc::registrer, request).unwrap();
    let second = id_of(siste(&store, P).await);
    let id = request_id();
    let twice = store.write(hos(ENHET, "b1"), &id, move |tx| {
        async move {
            let sql = "INSERT INTO ko (sak, versjon, person, enhet, tildelingstype, fra, til, \
                       siden, grunner, behov) SELECT $1, 1, person, enhet, tildelingstype, fra, \
                       til, siden, grunner, behov FROM ko WHERE sak = $2";
            let rest = samspor_chassis::params![second, first];
            tx.execute(sql, rest).await?;
            Ok::<_, Error>(OpphevReservasjonResponse::default())
        }
        .boxed()
    });
    assert!(twice.await.is_err());
}
