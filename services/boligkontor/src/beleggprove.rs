//! A dwelling is never held twice (I4), through the handlers and the store.

use std::time::Duration;

use futures::{FutureExt as _, future::join_all};
use samspor_chassis::{
    deadlines::{DueDeadline, Stage},
    domene::Dag,
    error::Error,
    params,
    store::Store,
    testing::{Database, START, request_id},
    tid::Tid,
};
use samspor_proto::{boligkontor::*, felles::Feilgrunn};

use crate::{ENHET, boligsak, leieforhold, prove::*, reservasjon};

samspor_chassis::on_both_databases! {
    one_of_many_gets_the_dwelling,
    a_dwelling_is_held_once_whatever_happens,
    a_reservation_is_offered_and_answered,
    a_reservation_that_runs_out_lets_the_dwelling_go,
    a_veto_says_why_and_costs_nothing_else,
    a_case_ends_with_the_contract_and_its_reservation_with_the_case,
    an_answer_comes_in_time_or_not_at_all,
    a_clock_that_goes_back_stops_nobody,
    a_refusal_names_what_can_be_called_for_the_dwelling,
}

/// Callers of the race: all that ask at the same time in CI; 64 with
/// `SAMSPOR_KAPPLOP=64`.
#[expect(
    clippy::disallowed_methods,
    reason = "a test asks its environment how hard it is to try"
)]
fn callers() -> usize {
    let asked = std::env::var("SAMSPOR_KAPPLOP").ok();
    asked.and_then(|many| many.parse().ok()).unwrap_or(8)
}

/// Dwellings with their state and their number of holders: those of the table,
/// and of the open reservations.
async fn belegg(store: &Store) -> Vec<(String, String, i64, i64)> {
    let mut tx = store.begin_read(hos(ENHET, "b1")).await.unwrap();
    tx.all(
        "SELECT b.nokkel, b.tilstand, \
         (SELECT CAST(COUNT(*) AS BIGINT) FROM belegg k WHERE k.bolig = b.id), \
         (SELECT CAST(COUNT(*) AS BIGINT) FROM reservasjon r \
          WHERE r.nokkel = b.id AND r.tilstand = 'APEN') \
         FROM bolig b ORDER BY b.nokkel",
        params![],
    )
    .await
    .unwrap()
}

/// Guards I4: as many as can ask at once, and one gets it; the others are told
/// that somebody has it, and nothing of theirs is left.
///
/// Seen red: with `ta` that says true without asking the table and `flytt` that
/// does not ask the state, together.
async fn one_of_many_gets_the_dwelling(database: Database) {
    let store = lager(&database).await;
    let free = ledig(&store, "A-1", Tildelingstype::KommunalUtleie).await;
    let type_ = Tildelingstype::KommunalUtleie;
    let cases = [sak(&store, P, type_).await, sak(&store, Q, type_).await];
    let asked = (0..callers()).map(|caller| {
        let mut request = onske(&cases[caller % 2], &free.name);
        request.overstyring = "Hele køen er spurt".into();
        let (store, who) = (&store, hos("rop", &format!("r{caller}")));
        async move { kall!(store, who, reservasjon::rpc::reserver, request) }
    });
    let answers = join_all(asked).await;
    let (got, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!((got.len(), refused.len()), (1, callers() - 1));
    for answer in refused {
        let error = answer.unwrap_err();
        let reason = error.refusal().expect("a refusal").grunn;
        assert!(
            matches!(reason, Feilgrunn::UgyldigOvergang | Feilgrunn::Konflikt),
            "{reason:?}"
        );
    }
    assert_eq!(
        belegg(&store).await,
        [("A-1".to_owned(), "RESERVERT".to_owned(), 1, 1)]
    );
    // The table itself refuses the second, whoever forgets to ask.
    let id = free.name.rsplit('/').next().unwrap().to_owned();
    let second = store
        .write(hos("rop", "r1"), &request_id(), move |tx| {
            async move {
                tx.execute(
                    "INSERT INTO belegg (bolig, post, siden) VALUES ($1, 'x', 0)",
                    params![id],
                )
                .await?;
                Ok::<_, Error>(OpphevReservasjonResponse::default())
            }
            .boxed()
        })
        .await;
    assert!(second.unwrap_err().is_unique_violation());
}

/// A history of many verbs by many units: after each, a dwelling that is
/// RESERVERT has one holder, and every other none.
///
/// Seen red: with `opphev` that does not let the dwelling go.
async fn a_dwelling_is_held_once_whatever_happens(database: Database) {
    let store = lager(&database).await;
    let mut dwellings = Vec::new();
    for number in 0..4 {
        let type_ = [Tildelingstype::KommunalUtleie, Tildelingstype::Hardfor][number % 2];
        dwellings.push(ledig(&store, &format!("A-{number}"), type_).await.name);
    }
    // A fixed sequence that visits every verb in many states.
    let mut chance = 20_250_101_u64;
    let mut next = |most: usize| {
        chance = chance
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(chance >> 40).unwrap() % most
    };
    let mut cases = Vec::new();
    for person in [P, Q] {
        for type_ in [Tildelingstype::KommunalUtleie, Tildelingstype::Hardfor] {
            cases.push(sak(&store, person, type_).await);
        }
    }
    let mut held: Vec<Reservasjon> = Vec::new();
    for _ in 0..200 {
        let verb = next(9);
        if verb == 0 || held.is_empty() {
            let (person, dwelling) = (next(2), next(4));
            let mut asked = onske(&cases[person * 2 + dwelling % 2], &dwellings[dwelling]);
            asked.overstyring = "Den foran er bortreist".into();
            let answer = kall!(&store, hos("rop", "r1"), reservasjon::rpc::reserver, asked);
            held.extend(answer.ok().and_then(|answer| answer.reservasjon));
        } else {
            // The latest, which are open more often.
            let place = held.len() - 1 - next(held.len().min(4));
            let Reservasjon { name, etag, .. } = held[place].clone();
            let request_id = request_id();
            let changed = match verb {
                1 | 6 | 7 | 8 => {
                    let request = TilbyBoligRequest {
                        name,
                        request_id,
                        etag,
                        svarfrist: None,
                    };
                    let who = hos("rop", "r1");
                    kall!(&store, who, reservasjon::rpc::tilby, request).map(|a| a.reservasjon)
                }
                2 | 3 => {
                    let request = SvarTilbudRequest {
                        name,
                        request_id,
                        aksepterer: verb == 2,
                        onske: String::new(),
                    };
                    kall!(&store, personen(P), reservasjon::rpc::svar, request)
                        .map(|a| a.reservasjon)
                }
                4 => {
                    let request = OpphevReservasjonRequest {
                        name,
                        request_id,
                        etag,
                        begrunnelse: "Fant en annen".into(),
                    };
                    let who = hos("rop", "r1");
                    kall!(&store, who, reservasjon::rpc::opphev, request).map(|a| a.reservasjon)
                }
                _ => {
                    let request = NedleggVetoRequest {
                        name,
                        request_id,
                        begrunnelse: "Under ombygging".into(),
                    };
                    let who = hos(ENHET, "b1");
                    kall!(&store, who, reservasjon::rpc::nedlegg_veto, request)
                        .map(|a| a.reservasjon)
                }
            };
            if let Ok(Some(changed)) = changed {
                held[place] = changed;
            }
        }
        for (key, state, holders, open) in belegg(&store).await {
            let wanted = i64::from(state == "RESERVERT");
            assert_eq!((holders, open), (wanted, wanted), "{key} {state}");
        }
    }
    let ended =
        |wanted: ReservasjonTilstand| held.iter().any(|post| post.tilstand == i32::from(wanted));
    for state in [
        ReservasjonTilstand::Avslatt,
        ReservasjonTilstand::Opphevet,
        ReservasjonTilstand::Akseptert,
    ] {
        assert!(ended(state), "{state:?} never happened");
    }
}

/// Reserved, held longer, offered, answered: the wish is kept, and a no frees the
/// dwelling at once.
async fn a_reservation_is_offered_and_answered(database: Database) {
    let store = lager(&database).await;
    let free = ledig(&store, "A-1", Tildelingstype::KommunalUtleie).await;
    let rop = || hos("rop", "r1");
    let case = sak(&store, P, Tildelingstype::KommunalUtleie).await;
    let mut asked = onske(&case, &free.name);
    asked.grunnlag = format!("{Q}/boligsaker/0192f0a1-7b2c-7d3e-8f40-516273849506");
    asked.begrunnelse = String::new();
    let refused = kall!(&store, rop(), reservasjon::rpc::reserver, asked);
    assert_eq!(
        feil(refused),
        ["grunnlag FELT_MOTSTRID", "begrunnelse FELT_MANGLER"]
    );
    let mut asked = onske(&case, &free.name);
    asked.utloper = Some(Dag::av(START).pluss_dager(400).start().into());
    let refused = kall!(&store, rop(), reservasjon::rpc::reserver, asked);
    assert_eq!(feil(refused), ["utloper FELT_FORM"]);
    let mut asked = onske(&case, &free.name);
    asked.bolig = format!("{KONTORET}/boliger/finnes-ikke");
    let refused = kall!(&store, rop(), reservasjon::rpc::reserver, asked);
    assert_eq!(feil(refused), ["FEILGRUNN_IKKE_FUNNET"]);

    let asked = onske(&case, &free.name);
    let held = kall!(&store, rop(), reservasjon::rpc::reserver, asked).unwrap();
    let held = held.reservasjon.unwrap();
    assert_eq!(held.tilstand(), ReservasjonTilstand::Reservert);
    let yes = SvarTilbudRequest {
        name: held.name.clone(),
        request_id: request_id(),
        aksepterer: true,
        onske: String::new(),
    };
    let refused = kall!(&store, personen(P), reservasjon::rpc::svar, yes);
    assert_eq!(
        feil(refused),
        ["FEILGRUNN_UGYLDIG_OVERGANG"],
        "nothing is offered yet"
    );

    let longer = ForlengReservasjonRequest {
        name: held.name.clone(),
        request_id: request_id(),
        etag: held.etag.clone(),
        utloper: Some(Dag::av(START).pluss_dager(20).start().into()),
        begrunnelse: "Visning neste uke".into(),
    };
    let held = kall!(&store, rop(), reservasjon::rpc::forleng, longer).unwrap();
    let held = held.reservasjon.unwrap();
    let offer = |held: &Reservasjon| TilbyBoligRequest {
        name: held.name.clone(),
        request_id: request_id(),
        etag: held.etag.clone(),
        svarfrist: None,
    };
    let by_another = kall!(
        &store,
        hos("nav", "n1"),
        reservasjon::rpc::tilby,
        offer(&held)
    );
    assert_eq!(feil(by_another), ["FEILGRUNN_IKKE_TILLATT"]);
    let held = kall!(&store, rop(), reservasjon::rpc::tilby, offer(&held)).unwrap();
    let held = held.reservasjon.unwrap();
    assert_eq!(held.tilstand(), ReservasjonTilstand::Tilbudt);
    let no = SvarTilbudRequest {
        name: held.name.clone(),
        request_id: request_id(),
        aksepterer: false,
        onske: "Et sted der jeg kan ha hund".into(),
    };
    let held = kall!(&store, personen(P), reservasjon::rpc::svar, no).unwrap();
    let held = held.reservasjon.unwrap();
    assert_eq!(held.tilstand(), ReservasjonTilstand::Avslatt);
    assert_eq!(held.onske, "Et sted der jeg kan ha hund");
    assert_eq!(
        belegg(&store).await,
        [("A-1".to_owned(), "LEDIG".to_owned(), 0, 0)]
    );
}

/// The clock frees the dwelling; one that was held longer meanwhile stays.
///
/// Seen red: with `utlop` that does not look at the time.
async fn a_reservation_that_runs_out_lets_the_dwelling_go(database: Database) {
    let store = lager(&database).await;
    let free = ledig(&store, "A-1", Tildelingstype::Hardfor).await;
    let case = sak(&store, P, Tildelingstype::Hardfor).await;
    let asked = onske(&case, &free.name);
    let held = kall!(&store, hos("rop", "r1"), reservasjon::rpc::reserver, asked).unwrap();
    let held = held.reservasjon.unwrap();
    let fire = async |at: Tid| {
        let name = held.name.clone();
        store
            .write(hos(ENHET, "b1"), &request_id(), move |tx| {
                async move {
                    use samspor_chassis::server::Agency as _;
                    let fired = DueDeadline {
                        post: name,
                        person: P.trim_start_matches("personer/").into(),
                        kind: reservasjon::FRIST_UTLOP.into(),
                        stage: Stage::Due,
                        due: at,
                        detected: at,
                        eier: "rop".into(),
                        mottakere: Vec::new(),
                    };
                    crate::Boligkontor::on_deadline(tx, fired).await?;
                    Ok::<_, Error>(OpphevReservasjonResponse::default())
                }
                .boxed()
            })
            .await
            .unwrap();
    };
    fire(START).await;
    assert_eq!(
        belegg(&store).await[0].1,
        "RESERVERT",
        "its time is not over"
    );
    database.clock().advance(Duration::from_hours(24 * 30));
    fire(START).await;
    assert_eq!(
        belegg(&store).await,
        [("A-1".to_owned(), "LEDIG".to_owned(), 0, 0)]
    );
    let asked = onske(&case, &free.name);
    kall!(&store, hos("rop", "r1"), reservasjon::rpc::reserver, asked).unwrap();
    let heard = hendelser(&store, "rop").await;
    let last = [
        "ReservasjonUtlopt",
        "BoligletingAvsluttet",
        "BoligReservert",
    ];
    assert_eq!(heard[heard.len() - 3..], last);
}

/// Who keeps the stock can say no, with a reason that is kept (R11).
async fn a_veto_says_why_and_costs_nothing_else(database: Database) {
    let store = lager(&database).await;
    let free = ledig(&store, "A-1", Tildelingstype::Hardfor).await;
    let case = sak(&store, P, Tildelingstype::Hardfor).await;
    let asked = onske(&case, &free.name);
    let held = kall!(&store, hos("rop", "r1"), reservasjon::rpc::reserver, asked).unwrap();
    let veto = |begrunnelse: &str| NedleggVetoRequest {
        name: held.reservasjon.clone().unwrap().name,
        request_id: request_id(),
        begrunnelse: begrunnelse.into(),
    };
    let refused = kall!(
        &store,
        hos(ENHET, "b1"),
        reservasjon::rpc::nedlegg_veto,
        veto(" ")
    );
    assert_eq!(feil(refused), ["begrunnelse FELT_MANGLER"]);
    let reason = "Naboen har besøksforbud mot søkeren";
    let refused = kall!(
        &store,
        hos("rop", "r2"),
        reservasjon::rpc::nedlegg_veto,
        veto(reason)
    );
    assert_eq!(feil(refused), ["FEILGRUNN_IKKE_TILLATT"]);
    let ended = kall!(
        &store,
        hos(ENHET, "b1"),
        reservasjon::rpc::nedlegg_veto,
        veto(reason)
    );
    let ended = ended.unwrap().reservasjon.unwrap();
    assert_eq!((ended.veto, ended.slutt.as_str()), (true, reason));
    assert_eq!(belegg(&store).await[0].1, "LEDIG");
}

/// A contract takes the person off the list; a case that is taken back lets the
/// dwelling go.
///
/// Seen red: with `innga` that leaves the case; with `trekk` that leaves the
/// reservation.
async fn a_case_ends_with_the_contract_and_its_reservation_with_the_case(database: Database) {
    let store = lager(&database).await;
    let type_ = Tildelingstype::Hardfor;
    let held = holdt(&store, P, "A-1", type_).await;
    let request = kontrakt(&held.name);
    let made = kall!(&store, hos(ENHET, "b1"), leieforhold::rpc::innga, request).unwrap();
    let tenancy = made.reservasjon.unwrap().leieforhold;
    let read = |name: String| {
        store.read(hos("rop", "r1"), move |tx| {
            let request = HentBoligsakRequest { name, versjon: 0 };
            async move { boligsak::rpc::hent(tx, request).await }.boxed()
        })
    };
    let case = read(held.grunnlag).await.unwrap().boligsak.unwrap();
    assert_eq!(case.tilstand(), BoligsakTilstand::Tildelt);
    assert_eq!(case.leieforhold, tenancy);

    let held = holdt(&store, Q, "A-2", type_).await;
    let request = TrekkBoligsakRequest {
        name: held.grunnlag.clone(),
        request_id: request_id(),
        onske: String::new(),
    };
    kall!(&store, personen(Q), boligsak::rpc::trekk, request).unwrap();
    let states: Vec<(String, String)> = belegg(&store)
        .await
        .into_iter()
        .map(|(key, state, ..)| (key, state))
        .collect();
    let state = |key: &str, state: &str| (key.to_owned(), state.to_owned());
    assert_eq!(states, [state("A-1", "UTLEID"), state("A-2", "LEDIG")]);
}

/// After its time an offer is answered no more, and no contract is made of a yes,
/// also where the clock's own look is late.
///
/// Seen red: without `krev_i_tide`.
async fn an_answer_comes_in_time_or_not_at_all(database: Database) {
    let store = lager(&database).await;
    let type_ = Tildelingstype::Hardfor;
    let accepted = holdt(&store, Q, "A-1", type_).await;
    let free = ledig(&store, "A-2", type_).await;
    let mut asked = onske(&sak(&store, P, type_).await, &free.name);
    asked.overstyring = "Den foran har fått en".into();
    let held = kall!(&store, hos("rop", "r1"), reservasjon::rpc::reserver, asked).unwrap();
    let held = held.reservasjon.unwrap();
    let offer = TilbyBoligRequest {
        name: held.name.clone(),
        request_id: request_id(),
        etag: held.etag,
        svarfrist: None,
    };
    kall!(&store, hos("rop", "r1"), reservasjon::rpc::tilby, offer).unwrap();
    database.clock().advance(Duration::from_hours(24 * 60));
    let late = SvarTilbudRequest {
        name: held.name,
        request_id: request_id(),
        aksepterer: true,
        onske: String::new(),
    };
    let refused = kall!(&store, personen(P), reservasjon::rpc::svar, late);
    assert_eq!(feil(refused), ["FEILGRUNN_UGYLDIG_OVERGANG"]);
    let contract = kontrakt(&accepted.name);
    let refused = kall!(&store, hos(ENHET, "b1"), leieforhold::rpc::innga, contract);
    assert_eq!(feil(refused), ["FEILGRUNN_UGYLDIG_OVERGANG"]);
}

/// The clock of the machine went back over a change: what comes next is stored
/// all the same, and no period ends before it began.
///
/// Seen red: with `SET til = $1` for a place on the list.
async fn a_clock_that_goes_back_stops_nobody(database: Database) {
    let store = lager(&database).await;
    let type_ = Tildelingstype::Hardfor;
    let case = sak(&store, P, type_).await;
    let free = ledig(&store, "A-1", type_).await;
    database.clock().set(Tid(START.0 - 3_600_000_000));
    let asked = onske(&case, &free.name);
    let held = kall!(&store, hos("rop", "r1"), reservasjon::rpc::reserver, asked).unwrap();
    let veto = NedleggVetoRequest {
        name: held.reservasjon.unwrap().name,
        request_id: request_id(),
        begrunnelse: "Vannskade".into(),
    };
    kall!(
        &store,
        hos(ENHET, "b1"),
        reservasjon::rpc::nedlegg_veto,
        veto
    )
    .unwrap();
    let back = TrekkBoligsakRequest {
        name: case,
        request_id: request_id(),
        onske: String::new(),
    };
    kall!(&store, personen(P), boligsak::rpc::trekk, back).unwrap();
    let mut tx = store.begin_read(hos(ENHET, "b1")).await.unwrap();
    let rows: Vec<(i64, i64)> = tx.all("SELECT fra, til FROM ko", params![]).await.unwrap();
    assert!(rows.iter().all(|(from, to)| from <= to && *to < i64::MAX));
}

/// What moves a dwelling that is held is done to the reservation.
///
/// Seen red: with all verbs of the table.
async fn a_refusal_names_what_can_be_called_for_the_dwelling(database: Database) {
    let store = lager(&database).await;
    let type_ = Tildelingstype::Hardfor;
    let held = holdt(&store, P, "A-1", type_).await;
    let asked = onske(&sak(&store, Q, type_).await, &held.bolig);
    let refused = kall!(&store, hos("rop", "r1"), reservasjon::rpc::reserver, asked);
    let error = refused.unwrap_err();
    let told = format!("{:?}", error.refusal().unwrap());
    assert!(told.contains("\"EndreBolig\""), "{told}");
}
