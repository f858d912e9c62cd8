//! Nobody is left without an answer (I5), and the nights that somebody was are
//! the ones that are counted.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::{collections::BTreeMap, time::Duration};

use samspor_chassis::{
    domene::Dag,
    params,
    store::Store,
    testing::{Database, TestCall, request_id},
    tid::{Clock as _, Tid},
};
use samspor_proto::{
    felles::{Faktumtype, Feilgrunn, Rolle},
    nav::{
        AvslaBotilbudRequest, BortfallBotilbudRequest, BotilbudTilstand, HentNattallRequest,
        HentNattilbudRequest, HentPublisertNattallRequest, IkkeKlartGrunn, InnvilgBotilbudRequest,
        KvitterOppgaveRequest, ListOppgaverRequest, ListVentendeBotilbudRequest,
        MeldIkkeKlartRequest, Nattall, Nattsvar, PubliserNattallRequest,
    },
};

use crate::{
    ENHET,
    botilbud::rpc,
    innboks, natt,
    prove::{
        P, apne, avslag, behov, botilbudene, hendelser, hjemmel, hos, kall, klokka, les, meldt,
        oppgaver, plassen, relasjoner, tick,
    },
};

samspor_chassis::on_both_databases! {
    every_request_has_an_outcome_or_a_broken_deadline_that_tells,
    who_asks_at_once_from_many_places_is_registered_once,
    one_outcome_of_two_that_race,
    tonight_has_one_answer,
    figures_are_rounded_when_published,
    the_case_is_confirmed_by_another_and_ends_by_itself,
    hidden_from_nav_it_is_another_units,
}

pub(crate) fn innvilg(name: &str, plass: &str, til: &str) -> InnvilgBotilbudRequest {
    InnvilgBotilbudRequest {
        name: name.into(),
        request_id: request_id(),
        plass: plass.into(),
        til: til.into(),
        begrunnelse: "Har ingen steder å sove".into(),
        hjemmel: Some(hjemmel("§ 27")),
        ..Default::default()
    }
}

pub(crate) fn kontanter(name: &str, til: &str) -> InnvilgBotilbudRequest {
    InnvilgBotilbudRequest {
        kontanter: true,
        belop_ore: 120_000,
        ..innvilg(name, "", til)
    }
}

fn avsla(name: &str) -> AvslaBotilbudRequest {
    AvslaBotilbudRequest {
        name: name.into(),
        request_id: request_id(),
        begrunnelse: "Har egen leilighet".into(),
        hjemmel: Some(hjemmel("§ 27")),
    }
}

fn ikke_klart(name: &str, grunn: IkkeKlartGrunn) -> MeldIkkeKlartRequest {
    MeldIkkeKlartRequest {
        name: name.into(),
        request_id: request_id(),
        grunn: grunn.into(),
        begrunnelse: "Ringte alle".into(),
        hjemmel: Some(hjemmel("§ 27")),
    }
}

fn bortfall(name: &str) -> BortfallBotilbudRequest {
    BortfallBotilbudRequest {
        name: name.into(),
        request_id: request_id(),
        begrunnelse: "Sover hos en venn".into(),
    }
}

pub(crate) fn person(n: u32) -> String {
    format!("personer/{n:08}-6c1e-4f7a-9b0d-2e5f8c7a1b34")
}

pub(crate) async fn tall(store: &Store, enhet: &str, fra: &str, til: &str) -> Nattall {
    let request = HentNattallRequest {
        parent: format!("enheter/{enhet}"),
        fra: fra.into(),
        til: til.into(),
    };
    les!(store, natt::hent_tall, request).nattall.unwrap()
}

/// When the clocks of a request fire next, and how often it was told that one
/// was broken.
async fn klokker(store: &Store, name: &str) -> (Vec<Tid>, i64) {
    let mut tx = store.begin_read(hos(ENHET, "n9")).await.unwrap();
    let armed: Vec<(Tid,)> = tx
        .all(
            "SELECT neste FROM chassis_frist WHERE post = $1 AND neste IS NOT NULL",
            params![name],
        )
        .await
        .unwrap();
    let told: Option<(i64,)> = tx
        .one(
            "SELECT CAST(COUNT(*) AS BIGINT) FROM chassis_hendelse \
             WHERE post = $1 AND type = 'FristBrutt'",
            params![name],
        )
        .await
        .unwrap();
    (armed.into_iter().map(|(at,)| at).collect(), told.unwrap().0)
}

/// A small generator: the seed is in the failure.
struct Terning(u64);

impl Terning {
    fn kast(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// What the test itself knows: who waits, since when, and for what reason.
#[derive(Default)]
struct Fasit {
    venter: BTreeMap<u32, (String, IkkeKlartGrunn)>,
    netter: BTreeMap<String, [i32; 2]>,
    /// The day of each.
    kontanter: Vec<String>,
}

/// I5, over a fortnight hour by hour: people ask, some get a bed, some none,
/// some nothing; the service is away for hours at a time and begins anew. At
/// every hour each request has its outcome, or a clock that will tell, or has
/// told; and the nights are those that the test counted.
///
/// Seen red: with no new clock after a broken night; with the nights of a
/// request forgotten when its outcome came.
async fn every_request_has_an_outcome_or_a_broken_deadline_that_tells(database: Database) {
    for seed in [7, 1122] {
        let mut terning = Terning(seed);
        let mut store = apne(&database).await;
        let place = plassen(&store, &format!("Hospits {seed}")).await;
        let clock = database.clock();
        // Midnight in Norway of a day to come, and then by the hour.
        let first = Dag::av(clock.now()).pluss_dager(2);
        let begins = first.start();
        let mut fasit = Fasit::default();
        let mut away = 0_u64;
        for hour in 0..14_u64 * 24 {
            let now = begins.plus(Duration::from_hours(hour) + Duration::from_mins(1));
            clock.set(now);
            // The state at 23:00 is what counts; this is 23:01, before anything else.
            let day = Dag::av(now);
            if now > day.klokken(23) && now < day.klokken(23).plus(Duration::from_hours(1)) {
                for (_, reason) in fasit.venter.values() {
                    let cell = fasit.netter.entry(day.to_string()).or_default();
                    cell[usize::from(*reason != IkkeKlartGrunn::Unspecified)] += 1;
                }
            }
            if away > 0 {
                away -= 1;
                if away == 0 {
                    let before = store;
                    before.close().await;
                    drop(before);
                    store = apne(&database).await;
                }
                continue;
            }
            tick(&store).await;
            // Nobody asks at night here: what counts then is the clock's own table test.
            let awake = now > day.klokken(7) && now < day.klokken(21);
            if awake {
                step(&store, &place, &mut terning, &mut fasit, seed).await;
            }
            if terning.kast(60) == 0 {
                away = 1 + terning.kast(30);
            }
            for (n, (name, _)) in &fasit.venter {
                let found =
                    &botilbudene(&store, &person(u32::try_from(seed).unwrap() * 10 + n)).await[0];
                assert_eq!(&found.name, name, "seed {seed}, hour {hour}");
                let (armed, told) = klokker(&store, name).await;
                let armed = armed.iter().any(|at| *at > now);
                assert!(
                    armed || told > 0,
                    "seed {seed}, hour {hour}: {name} waits in silence"
                );
                assert!(
                    armed,
                    "seed {seed}, hour {hour}: no night is watched for {name}"
                );
            }
        }
        let (fra, til) = (first.to_string(), first.pluss_dager(12).to_string());
        let found = tall(&store, ENHET, &fra, &til).await;
        let nights: BTreeMap<String, [i32; 2]> = found
            .netter
            .iter()
            .map(|night| (night.natt.clone(), [night.uten_utfall, night.ikke_klart]))
            .collect();
        fasit.netter.retain(|night, _| *night <= til);
        assert!(fasit.netter.len() > 4, "seed {seed} shows nothing");
        assert_eq!(nights, fasit.netter, "seed {seed}");
        let sum: i32 = fasit.netter.values().flatten().sum();
        assert_eq!(found.netter_uten, sum);
        fasit.kontanter.retain(|day| *day <= til);
        let cash = usize::try_from(found.kontanter).unwrap();
        assert_eq!(cash, fasit.kontanter.len(), "seed {seed}");
        // The next seed begins with nobody waiting.
        for (name, _) in fasit.venter.values() {
            kall!(store, hos(ENHET, "n2"), rpc::avsla, avsla(name)).unwrap();
        }
        clock.advance(Duration::from_hours(24 * 400));
        store.close().await;
    }
}

async fn step(store: &Store, place: &str, terning: &mut Terning, fasit: &mut Fasit, seed: u64) {
    let n = u32::try_from(terning.kast(5)).unwrap();
    let who = person(u32::try_from(seed).unwrap() * 10 + n);
    let waiting = fasit.venter.get(&n).map(|(name, _)| name.clone());
    let Some(name) = waiting else {
        if terning.kast(6) == 0 {
            let name = meldt(store, &who, "n1").await;
            fasit.venter.insert(n, (name, IkkeKlartGrunn::Unspecified));
        }
        return;
    };
    let far = Dag::av(store.clock().now()).pluss_dager(7).to_string();
    match terning.kast(24) {
        0 => {
            kall!(
                store,
                hos(ENHET, "n2"),
                rpc::innvilg,
                innvilg(&name, place, &far)
            )
            .unwrap();
            fasit.venter.remove(&n);
        }
        1 => {
            kall!(
                store,
                hos(ENHET, "n2"),
                rpc::innvilg,
                kontanter(&name, &far)
            )
            .unwrap();
            fasit
                .kontanter
                .push(Dag::av(store.clock().now()).to_string());
            fasit.venter.remove(&n);
        }
        2 => {
            kall!(store, hos(ENHET, "n2"), rpc::avsla, avsla(&name)).unwrap();
            fasit.venter.remove(&n);
        }
        3 => {
            kall!(store, hos(ENHET, "n2"), rpc::bortfall, bortfall(&name)).unwrap();
            fasit.venter.remove(&n);
        }
        4 | 5 => {
            let reason = IkkeKlartGrunn::IngenLedig;
            kall!(
                store,
                hos(ENHET, "n2"),
                rpc::ikke_klart,
                ikke_klart(&name, reason)
            )
            .unwrap();
            fasit.venter.insert(n, (name, reason));
        }
        6 => {
            kall!(store, hos("legevakt", "l1"), rpc::meld, behov(&who)).unwrap();
        }
        _ => {}
    }
}

/// Eight at once, from eight units: one request, and what each said is kept.
async fn who_asks_at_once_from_many_places_is_registered_once(database: Database) {
    let store = apne(&database).await;
    let calls = (0..8).map(|n| {
        let store = store.clone();
        tokio::spawn(async move {
            let unit = ["nav", "rop", "politi", "legevakt"][n % 4];
            kall!(store, hos(unit, &format!("a{n}")), rpc::meld, behov(P)).unwrap()
        })
    });
    for answer in futures::future::join_all(calls).await {
        assert!(answer.unwrap().kvittering.is_some());
    }
    let [one] = &botilbudene(&store, P).await[..] else {
        panic!("one request")
    };
    assert_eq!(one.gjentakelser.len(), 7);
    let told = hendelser(&store, "nav").await;
    let again = told
        .iter()
        .filter(|kind| *kind == "BehovMeldtIgjen")
        .count();
    assert_eq!(again, 7);
    let waiting = ListVentendeBotilbudRequest {
        parent: "enheter/nav".into(),
        ..Default::default()
    };
    assert_eq!(les!(store, rpc::list_ventende, waiting).botilbud.len(), 1);
}

async fn one_outcome_of_two_that_race(database: Database) {
    let store = apne(&database).await;
    klokka(&database, "2026-11-23T09:00:00Z");
    let place = plassen(&store, "Hospitset").await;
    let name = meldt(&store, P, "n1").await;
    let (a, b) = (store.clone(), store.clone());
    let (yes, no) = (innvilg(&name, &place, "2026-11-30"), avsla(&name));
    let granted =
        tokio::spawn(async move { kall!(a, hos(ENHET, "n2"), rpc::innvilg, yes).is_ok() });
    let refused = tokio::spawn(async move { kall!(b, hos(ENHET, "n3"), rpc::avsla, no).is_ok() });
    let (granted, refused) = (granted.await.unwrap(), refused.await.unwrap());
    assert!(granted != refused, "one of them decided");
    let state = botilbudene(&store, P).await[0].tilstand();
    let expected = if granted {
        BotilbudTilstand::Innvilget
    } else {
        BotilbudTilstand::Avslatt
    };
    assert_eq!(state, expected);
    assert_eq!(klokker(&store, &name).await.0, []);
}

async fn i_natt(store: &Store, person: &str) -> Nattsvar {
    let request = HentNattilbudRequest {
        parent: person.into(),
    };
    let found = les!(store, natt::hent_tilbud, request);
    found.nattilbud.unwrap().svar()
}

/// A day in November, and what is answered at each hour of it.
async fn tonight_has_one_answer(database: Database) {
    let store = apne(&database).await;
    klokka(&database, "2026-11-23T09:00:00Z");
    let place = plassen(&store, "Hospitset").await;
    assert_eq!(i_natt(&store, P).await, Nattsvar::IngenForesporsel);
    let name = meldt(&store, P, "n1").await;
    assert_eq!(i_natt(&store, P).await, Nattsvar::Venter);
    assert_eq!(oppgaver(&store, "nav").await, ["BOTILBUD"]);

    // Nobody answers: at 20:00 that is told, and the night is near.
    klokka(&database, "2026-11-23T20:30:00Z");
    tick(&store).await;
    let told = hendelser(&store, "nav").await;
    assert!(told.contains(&"FristBrutt".to_owned()), "{told:?}");
    assert_eq!(oppgaver(&store, "nav").await, ["BOTILBUD", "FOR_NATTEN"]);
    let request = ikke_klart(&name, IkkeKlartGrunn::IngenLedig);
    kall!(store, hos(ENHET, "n1"), rpc::ikke_klart, request).unwrap();
    assert_eq!(i_natt(&store, P).await, Nattsvar::IkkeKlart);
    assert!(
        hendelser(&store, "boligkontor")
            .await
            .contains(&"BotilbudIkkeKlart".to_owned())
    );
    assert_eq!(oppgaver(&store, "nav").await, ["FOR_NATTEN"]);

    // The next day there is a bed.
    klokka(&database, "2026-11-24T09:00:00Z");
    tick(&store).await;
    let refusal = avslag!(
        store,
        hos(ENHET, "n1"),
        rpc::innvilg,
        innvilg(&name, &place, "2026-11-24")
    );
    assert_eq!(
        refusal.grunn,
        Feilgrunn::IkkeTillatt,
        "who registered does not decide by day"
    );
    kall!(
        store,
        hos(ENHET, "n2"),
        rpc::innvilg,
        innvilg(&name, &place, "2026-11-24")
    )
    .unwrap();
    assert_eq!(i_natt(&store, P).await, Nattsvar::Tilbud);
    assert_eq!(oppgaver(&store, "nav").await, Vec::<String>::new());
    assert_eq!(
        hendelser(&store, "boligkontor").await,
        ["BotilbudIkkeKlart", "OppholdStartet", "BotilbudInnvilget"]
    );
    let found = &botilbudene(&store, P).await[0];
    assert_eq!(
        (found.netter_uten, found.tilstand()),
        (1, BotilbudTilstand::Innvilget)
    );
    // Granted for one night.
    klokka(&database, "2026-11-25T09:00:00Z");
    assert_eq!(i_natt(&store, P).await, Nattsvar::IngenForesporsel);

    let name = meldt(&store, P, "n1").await;
    kall!(
        store,
        hos(ENHET, "n2"),
        rpc::innvilg,
        kontanter(&name, "2026-11-26")
    )
    .unwrap();
    assert_eq!(i_natt(&store, P).await, Nattsvar::Kontanter);
    klokka(&database, "2026-11-27T09:00:00Z");
    let name = meldt(&store, P, "n1").await;
    kall!(store, hos(ENHET, "n2"), rpc::avsla, avsla(&name)).unwrap();
    assert_eq!(i_natt(&store, P).await, Nattsvar::Avslatt);
    let refusal = avslag!(store, hos(ENHET, "n2"), rpc::avsla, avsla(&name));
    assert_eq!(refusal.grunn, Feilgrunn::UgyldigOvergang);
    klokka(&database, "2026-11-28T09:00:00Z");
    assert_eq!(i_natt(&store, P).await, Nattsvar::IngenForesporsel);
}

/// Seen red: with the exact sum.
async fn figures_are_rounded_when_published(database: Database) {
    let store = apne(&database).await;
    for n in 0..4 {
        klokka(&database, "2026-11-10T09:00:00Z");
        let name = meldt(&store, &person(n), "n1").await;
        let request = ikke_klart(&name, IkkeKlartGrunn::Utestengt);
        kall!(store, hos(ENHET, "n2"), rpc::ikke_klart, request).unwrap();
        klokka(&database, &format!("2026-11-1{}T09:00:00Z", 1 + n));
        if n < 3 {
            kall!(store, hos(ENHET, "n2"), rpc::bortfall, bortfall(&name)).unwrap();
        }
    }
    let exact = tall(&store, ENHET, "2026-11-10", "2026-11-12").await;
    // One night, two, three, and three of the four that the last waits.
    assert_eq!((exact.netter_uten, exact.personer), (9, 4));
    let publish = |maned: &str| PubliserNattallRequest {
        parent: "enheter/nav".into(),
        request_id: request_id(),
        maned: maned.into(),
    };
    let refusal = avslag!(store, hos(ENHET, "n1"), natt::publiser, publish("2026-11"));
    assert_eq!(refusal.felt[0].felt, "maned", "it is not over");
    klokka(&database, "2026-12-01T09:00:00Z");
    kall!(store, hos(ENHET, "n1"), natt::publiser, publish("2026-11")).unwrap();
    let refusal = avslag!(store, hos(ENHET, "n1"), natt::publiser, publish("2026-11"));
    assert_eq!(refusal.grunn, Feilgrunn::Konflikt);
    let request = HentPublisertNattallRequest {
        parent: "enheter/nav".into(),
        maned: "2026-11".into(),
    };
    let told = les!(store, natt::hent_publisert, request);
    let told = told.publisert_nattall.unwrap();
    // 1 + 2 + 3 + 21 nights of 4 persons.
    assert_eq!((told.netter_uten, told.personer), (25, 5));
    assert_eq!(told.kontanter % 5, 0);
}

/// Guards against: with the case ended while something waits.
async fn the_case_is_confirmed_by_another_and_ends_by_itself(database: Database) {
    let store = apne(&database).await;
    klokka(&database, "2026-11-23T09:00:00Z");
    let name = meldt(&store, P, "n1").await;
    assert_eq!(relasjoner(&store, P).await, [Faktumtype::Soker]);
    kall!(store, hos(ENHET, "n2"), rpc::avsla, avsla(&name)).unwrap();
    assert_eq!(relasjoner(&store, P).await, [Faktumtype::Sak]);
    klokka(&database, "2027-01-03T09:00:00Z");
    let again = meldt(&store, P, "n1").await;
    klokka(&database, "2027-03-01T09:00:00Z");
    tick(&store).await;
    assert_eq!(relasjoner(&store, P).await, [Faktumtype::Sak], "it waits");
    kall!(store, hos(ENHET, "n2"), rpc::avsla, avsla(&again)).unwrap();
    klokka(&database, "2027-04-13T09:00:00Z");
    tick(&store).await;
    assert_eq!(relasjoner(&store, P).await, []);

    // On another unit's word it is confirmed at once.
    kall!(store, hos("politi", "p1"), rpc::meld, behov(P)).unwrap();
    assert_eq!(relasjoner(&store, P).await, [Faktumtype::Sak]);
    // Whoever takes the task does not stop its clock.
    let listed = ListOppgaverRequest {
        parent: "enheter/nav".into(),
        ..Default::default()
    };
    let task = les!(store, innboks::list, listed).oppgaver.remove(0);
    let take = |name: &str| KvitterOppgaveRequest {
        name: name.into(),
        request_id: request_id(),
    };
    kall!(store, hos(ENHET, "n1"), innboks::kvitter, take(&task.name)).unwrap();
    let refusal = avslag!(store, hos(ENHET, "n1"), innboks::kvitter, take(&task.name));
    assert_eq!(refusal.grunn, Feilgrunn::UgyldigOvergang);
    assert_eq!(
        oppgaver(&store, "nav").await,
        ["BOTILBUD"],
        "it stands until it is done"
    );
}

/// Strengt fortrolig: the unit that still sees the person owns the request,
/// decides it here, and nav hears nothing.
async fn hidden_from_nav_it_is_another_units(database: Database) {
    let store = apne(&database).await;
    klokka(&database, "2026-11-23T09:00:00Z");
    let place = plassen(&store, "Hospitset").await;
    let call = TestCall::new("legevakt")
        .rolle(Rolle::Inntak)
        .with(|permit| permit.mandaterte = vec!["rop".into()])
        .build();
    kall!(store, call, rpc::meld, behov(P)).unwrap();
    let found = &botilbudene(&store, P).await[0];
    assert_eq!(found.ansvarlig_enhet, "enheter/rop");
    assert_eq!(oppgaver(&store, "rop").await, ["BOTILBUD"]);
    assert_eq!(oppgaver(&store, "nav").await, Vec::<String>::new());
    assert_eq!(hendelser(&store, "nav").await, Vec::<String>::new());
    let grant = || innvilg(&found.name, &place, "2026-11-30");
    let refusal = avslag!(store, hos(ENHET, "n2"), rpc::innvilg, grant());
    assert_eq!(refusal.grunn, Feilgrunn::IkkeTillatt);
    kall!(store, hos("rop", "r2"), rpc::innvilg, grant()).unwrap();
    // The person says later that it is not needed; so may the person herself.
    let name = meldt(&store, &person(9), "n1").await;
    let own = TestCall::new("nav").innbygger(&person(9)[9..]).build();
    kall!(store, own, rpc::bortfall, bortfall(&name)).unwrap();
}
