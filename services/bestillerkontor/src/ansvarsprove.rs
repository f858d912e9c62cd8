//! What runs out, breaks or is disputed, through the handlers and the store, and
//! that each need has one responsible unit whatever happens.

use std::{collections::BTreeSet, time::Duration};

use samspor_chassis::{
    domene::Dag,
    error::Error,
    testing::{Clock as _, Database, Tid, request_id},
};
use samspor_proto::{bestillerkontor::*, felles::Feilgrunn};

use crate::{
    ENHET, MIGRATIONS,
    eierprove::{fattet, hos, kall},
    forlopsprove::*,
    klage, oppdrag, vedtak,
};

samspor_chassis::on_both_databases! {
    a_vedtak_is_prolonged_after_an_evaluation,
    no_vedtak_runs_out_in_silence,
    a_klage_is_carried_back_into_the_vedtak,
    a_broken_deadline_is_told_and_stays_in_the_work_list,
    each_need_has_one_responsible_unit_at_every_step,
}

/// Seen red: without `evaluated`; and with a period that is compared to
/// nothing.
async fn a_vedtak_is_prolonged_after_an_evaluation(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let decided = Box::pin(with_end(&store, "2026-12-31")).await;
    let decided = tell(&store, &decided).await;
    let mut content = decided.clone();
    for line in &mut content.linjer {
        line.til = "2027-06-30".into();
    }
    let early = propose(&store, &decided, content.clone()).await;
    assert_eq!(fields(early), "vedtak.linjer");

    database.clock().set(at("2026-12-04T10:00:00Z"));
    tick(&store).await;
    assert!(kinds(&waiting(&store, ENHET).await).contains(&"EVALUERING!".to_owned()));
    assert!(
        events(&store, "rop")
            .await
            .contains(&"FristBrutt".to_owned())
    );
    let evaluate = |fra: &str, til: &str| RegistrerEvalueringRequest {
        name: decided.name.clone(),
        request_id: request_id(),
        evaluering: Some(an_evaluation(fra, til)),
    };
    for (fra, til, field) in [
        ("2026-10-05", "2026-12-31", "evaluering.til"),
        ("2026-09-01", "2026-12-01", "evaluering.fra"),
        ("2026-12-01", "2026-11-01", "evaluering.til"),
        ("", "2026-11-01", "evaluering.fra"),
    ] {
        let request = evaluate(fra, til);
        let refused = kall!(store, hos(ENHET, "a1"), vedtak::rpc::evaluer, request);
        assert_eq!(fields(refused), field, "{fra} {til}");
    }
    let request = evaluate("2026-10-05", "2026-12-04");
    let evaluated = kall!(store, hos(ENHET, "a1"), vedtak::rpc::evaluer, request).unwrap();
    let evaluated = evaluated.vedtak.unwrap();
    let proposed = propose(&store, &evaluated, content).await.unwrap();
    let renewed = approve(&store, "b1", &proposed).await.unwrap();
    assert_eq!(renewed.evalueringer.len(), 1);
    assert!(
        events(&store, "bom")
            .await
            .contains(&"VedtakFornyet".to_owned())
    );
    // Past the old last day it is still in force; its clocks have moved.
    database.clock().set(at("2027-01-02T10:00:00Z"));
    tick(&store).await;
    let now = read(&store, &renewed, 0).await.unwrap();
    assert_eq!(now.tilstand(), VedtakTilstand::Fattet);
}

/// I7: unevaluated, it still does not end without a word: the evaluation was
/// broken, the end is told to all, and the work list lets go of it.
///
/// Seen red: with the notice left out where a vedtak runs out.
async fn no_vedtak_runs_out_in_silence(database: Database) {
    let store = database.open(MIGRATIONS).await;
    // The last night of October has an hour more.
    let decided = Box::pin(with_end(&store, "2026-10-24")).await;
    assert!(decided.utskrevet_fra_sykehus);
    database.clock().set(at("2026-10-24T21:59:59Z"));
    tick(&store).await;
    let now = read(&store, &decided, 0).await.unwrap();
    assert_eq!(now.tilstand(), VedtakTilstand::Fattet);
    assert!(kinds(&waiting(&store, ENHET).await).contains(&"REVURDERING".to_owned()));
    database.clock().set(at("2026-10-24T22:00:00Z"));
    tick(&store).await;
    let now = read(&store, &decided, 0).await.unwrap();
    assert_eq!(now.tilstand(), VedtakTilstand::Utlopt);
    for unit in ["rop", "bom", ENHET, "koordinering"] {
        let heard = events(&store, unit).await;
        assert!(heard.contains(&"VedtakUtlopt".to_owned()), "{unit}");
        assert!(heard.contains(&"FristBrutt".to_owned()), "{unit}");
    }
    // The person was never told, and still must be.
    assert_eq!(kinds(&waiting(&store, ENHET).await), ["UNDERRETNING!"]);
    assert_eq!(
        states(&orders(&store).await),
        ["1 rop AVSLUTTET", "2 bom AVSLUTTET"]
    );
}

/// Seen red: without `klageutfall`; with `krev_en_annen` left out of `godkjenn`.
async fn a_klage_is_carried_back_into_the_vedtak(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let decided = fattet(&store).await;
    assert_eq!(fields(complain(&store, &decided, "").await), "vedtak");
    let told = tell(&store, &decided).await;
    let klage = complain(&store, &told, "").await.unwrap();
    let second = refusal(complain(&store, &told, "").await);
    assert_eq!(second.grunn, Feilgrunn::Konflikt);
    assert!(kinds(&waiting(&store, ENHET).await).contains(&"KLAGE".to_owned()));

    let mut content = told.clone();
    content.linjer[0].maks_timer = 9.0;
    let change = |vedtak: Option<Vedtak>| OmgjorKlageRequest {
        name: klage.clone(),
        request_id: request_id(),
        begrunnelse: "Behovet er større".into(),
        vedtak,
        ..Default::default()
    };
    // Not by who decided, and not without what it becomes.
    let request = change(Some(content.clone()));
    let own = kall!(store, hos(ENHET, "b1"), klage::rpc::omgjor, request);
    assert_eq!(refusal(own).nokler["regel"], "W4");
    let request = change(None);
    let empty = kall!(store, hos(ENHET, "b2"), klage::rpc::omgjor, request);
    assert_eq!(fields(empty), "vedtak");
    let request = change(Some(content));
    let proposed = kall!(store, hos(ENHET, "b2"), klage::rpc::omgjor, request).unwrap();
    assert_eq!(proposed.klage.unwrap().tilstand(), KlageTilstand::Mottatt);
    let waits = read(&store, &told, 0).await.unwrap();
    assert_eq!(waits.endring.as_ref().unwrap().klage, klage);
    // Not by who proposed it; by another.
    let own = refusal(approve(&store, "b2", &waits).await);
    assert_eq!(own.nokler["regel"], "W4");
    approve(&store, "b3", &waits).await.unwrap();
    assert_eq!(klage_state(&store, &klage).await, KlageTilstand::Omgjort);
    let now = read(&store, &told, 0).await.unwrap();
    assert_eq!((now.versjon, now.klageutfall.len()), (2, 1));
    assert_eq!(now.klageutfall[0].klage, klage);
    assert!((now.linjer[0].maks_timer - 9.0).abs() < f64::EPSILON);

    // Another, late, which the unit holds out against and the statsforvalter
    // does not.
    let told = tell(&store, &now).await;
    database.clock().advance(Duration::from_hours(22 * 24));
    assert_eq!(fields(complain(&store, &told, "").await), "forsinket_grunn");
    let klage = complain(&store, &told, "Var innlagt").await.unwrap();
    let request = OpprettholdKlageRequest {
        name: klage.clone(),
        request_id: request_id(),
        begrunnelse: "Timene er økt".into(),
    };
    kall!(store, hos(ENHET, "b2"), klage::rpc::oppretthold, request).unwrap();
    let request = OversendKlageRequest {
        name: klage.clone(),
        request_id: request_id(),
    };
    kall!(store, hos(ENHET, "a1"), klage::rpc::oversend, request).unwrap();
    database.clock().advance(Duration::from_hours(24));
    let today = Dag::av(database.clock().now()).to_string();
    let decision = |day: &str| AvgjorKlageRequest {
        name: klage.clone(),
        request_id: request_id(),
        avgjorelse: Statsforvalterutfall::Endret.into(),
        begrunnelse: "Ti timer".into(),
        avgjort: day.into(),
    };
    let request = decision("2027-12-31");
    let future = kall!(store, hos(ENHET, "a1"), klage::rpc::avgjor, request);
    assert_eq!(fields(future), "avgjort");
    let request = decision(&today);
    kall!(store, hos(ENHET, "a1"), klage::rpc::avgjor, request).unwrap();
    let now = read(&store, &told, 0).await.unwrap();
    let last = now.klageutfall.last().unwrap();
    assert_eq!(last.avgjorelse(), Statsforvalterutfall::Endret);
    assert!(kinds(&waiting(&store, ENHET).await).contains(&"ETTERLEVELSE".to_owned()));
}

/// Accept, start, report, evaluate: each one that is not done in time is told
/// to the unit and to bestillerkontor, and leads the list of both until it is.
///
/// Seen red: without `brutt`; with the row of the owner left out; and, for the
/// plan, without the index.
async fn a_broken_deadline_is_told_and_stays_in_the_work_list(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let decided = Box::pin(with_end(&store, "2027-06-30")).await;
    let decided = tell(&store, &decided).await;
    let rop = orders(&store).await.remove(0);
    let clock = database.clock();
    let brutt = |posts: &[Ventepost]| -> Vec<String> {
        let of_rop = |post: &&Ventepost| post.post == rop.name && post.brutt;
        kinds(&posts.iter().filter(of_rop).cloned().collect::<Vec<_>>())
    };
    // Thursday 1 October: three working days are Tuesday 6.
    let steps = [
        ("2026-10-06T22:00:00Z", "SVAR!", "accept"),
        ("2026-10-21T22:00:00Z", "START!", "start"),
        ("2026-11-23T23:00:00Z", "RAPPORT!", "report"),
        ("2027-06-02T22:00:00Z", "EVALUERING!", "evaluate"),
    ];
    for (told, (due, kind, act)) in steps.into_iter().enumerate() {
        clock.set(Tid(at(due).0 - 1));
        tick(&store).await;
        assert!(!brutt(&waiting(&store, "rop").await).contains(&kind.to_owned()));
        clock.set(at(due));
        tick(&store).await;
        for unit in ["rop", ENHET] {
            let found = brutt(&waiting(&store, unit).await);
            assert!(found.contains(&kind.to_owned()), "{unit} {kind}: {found:?}");
            let heard = events(&store, unit).await;
            let broken = heard.iter().filter(|type_| *type_ == "FristBrutt");
            assert!(broken.count() > told, "{unit} {kind}");
        }
        let today = Dag::av(clock.now()).to_string();
        match act {
            "accept" => accept(&store, &rop).await,
            "start" => begin(&store, &rop).await,
            "report" => {
                let report = |fra: &str, til: &str, timer: f64| RapporterOppdragRequest {
                    name: rop.name.clone(),
                    request_id: request_id(),
                    rapport: Some(Leveringsrapport {
                        fra: fra.into(),
                        til: til.into(),
                        timer,
                        ..Default::default()
                    }),
                };
                for (fra, til, timer, field) in [
                    ("2026-10-22", "2027-01-01", 4.0, "rapport.til"),
                    ("2026-10-01", "2026-11-20", 4.0, "rapport.fra"),
                    ("2026-10-22", "2026-10-27", 169.0, "rapport.timer"),
                    ("2026-10-22", "2026-10-27", -1.0, "rapport.timer"),
                ] {
                    let request = report(fra, til, timer);
                    let refused = kall!(store, hos("rop", "r1"), oppdrag::rpc::rapporter, request);
                    assert_eq!(fields(refused), field, "{fra} {til}");
                }
                let request = report("2026-10-22", &today, 40.0);
                kall!(store, hos("rop", "r1"), oppdrag::rpc::rapporter, request).unwrap();
                let request = report(&today, &today, 1.0);
                let twice = kall!(store, hos("rop", "r1"), oppdrag::rpc::rapporter, request);
                assert_eq!(fields(twice), "rapport.fra");
            }
            _ => {
                let request = EvaluerOppdragRequest {
                    name: rop.name.clone(),
                    request_id: request_id(),
                    evaluering: Some(an_evaluation("2026-11-01", &today)),
                };
                kall!(store, hos("rop", "r1"), oppdrag::rpc::evaluer, request).unwrap();
            }
        }
        let left = brutt(&waiting(&store, "rop").await);
        assert!(!left.contains(&kind.to_owned()), "{kind}: {left:?}");
    }
    assert!(!decided.name.is_empty());
}

/// I3, over sequences that nobody thought of: verbs of any unit on any order,
/// amendments, the passing of time, and the end. After each step every order
/// has one responsible unit: the one that delivers while it has accepted, and
/// else the one that ordered; and no unit has the same line twice.
///
/// Seen red: without `folg` in `lagre_ny_versjon`; with `ansvarlig_enhet` not moved in `aksepter`, nor back in
/// `opphor`; and with `nye_ordrer` that offers what it kept.
async fn each_need_has_one_responsible_unit_at_every_step(database: Database) {
    let mut state = 0x5a3f_u64;
    let mut roll = |n: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % n
    };
    let store = database.open(MIGRATIONS).await;
    let decided = Box::pin(with_end(&store, "2027-06-30")).await;
    let mut seen = BTreeSet::new();
    for step in 0..150 {
        let all = orders(&store).await;
        let act = [0, 0, 0, 1, 2, 2, 3, 3, 4, 4, 5, 6, 7, 7][usize::try_from(roll(14)).unwrap()];
        // Mostly an order that it fits, so that the sequences go far.
        let fits = |order: &&Oppdrag| match order.tilstand() {
            OppdragTilstand::Tilbudt => act <= 1,
            OppdragTilstand::Akseptert => act == 2 || act == 5,
            OppdragTilstand::Startet => act == 3 || act == 5,
            OppdragTilstand::Pauset => act == 4 || act == 5,
            _ => false,
        };
        let mut some: Vec<&Oppdrag> = all.iter().filter(fits).collect();
        if some.is_empty() || roll(4) == 0 {
            some = all.iter().collect();
        }
        let order = some[usize::try_from(roll(some.len() as u64)).unwrap()];
        let units = ["rop", "bom", "hjemmetjeneste"];
        let by = if roll(4) == 0 {
            units[usize::try_from(roll(3)).unwrap()]
        } else {
            order.enhet.strip_prefix("enheter/").unwrap()
        };
        let (name, id) = (order.name.clone(), request_id());
        let who = || hos(by, "r1");
        let outcome: Result<(), Error> = match act {
            0 => {
                let request = AksepterOppdragRequest {
                    name,
                    request_id: id,
                    ..Default::default()
                };
                kall!(store, who(), oppdrag::rpc::aksepter, request).map(drop)
            }
            1 => {
                let request = AvvisOppdragRequest {
                    name,
                    request_id: id,
                    arsak: Avvisningsarsak::Kapasitet.into(),
                    begrunnelse: "Fullt".into(),
                };
                kall!(store, who(), oppdrag::rpc::avvis, request).map(drop)
            }
            2 => {
                let request = StartOppdragRequest {
                    name,
                    request_id: id,
                    ..Default::default()
                };
                kall!(store, who(), oppdrag::rpc::start, request).map(drop)
            }
            3 => {
                let request = PauseOppdragRequest {
                    name,
                    request_id: id,
                    arsak: Pausearsak::Onske.into(),
                    begrunnelse: "Vil vente".into(),
                    gjenopptas: "2026-12-01".into(),
                };
                kall!(store, who(), oppdrag::rpc::pause, request).map(drop)
            }
            4 => {
                let request = GjenopptaOppdragRequest {
                    name,
                    request_id: id,
                };
                kall!(store, who(), oppdrag::rpc::gjenoppta, request).map(drop)
            }
            5 => {
                let request = AvsluttOppdragRequest {
                    name,
                    request_id: id,
                    arsak: Avslutningsarsak::MalNadd.into(),
                    begrunnelse: "Klarer seg".into(),
                    alternativ: "Ingen".into(),
                    ..Default::default()
                };
                kall!(store, who(), oppdrag::rpc::avslutt, request).map(drop)
            }
            6 => {
                // The units of the lines are shuffled; one of them stays
                // hovedansvarlig.
                let now = read(&store, &decided, 0).await.unwrap();
                let mut content = now.clone();
                for line in &mut content.linjer {
                    let first = usize::try_from(roll(3)).unwrap();
                    let count = usize::try_from(roll(2)).unwrap() + 1;
                    let chosen = units.iter().cycle().skip(first).take(count);
                    line.enheter = chosen.map(|unit| format!("enheter/{unit}")).collect();
                    line.enheter.sort();
                }
                content
                    .hovedansvarlig
                    .clone_from(&content.linjer[0].enheter[0]);
                let proposed = propose(&store, &now, content).await.unwrap();
                approve(&store, "b1", &proposed).await.map(drop)
            }
            _ => {
                database.clock().advance(Duration::from_hours(13));
                tick(&store).await;
                Ok(())
            }
        };
        if let Err(error) = outcome {
            let refused = error.refusal();
            assert!(refused.is_some(), "step {step}, act {act}: {error:?}");
        } else {
            seen.insert(act);
        }
        let mut open = BTreeSet::new();
        for order in orders(&store).await {
            let delivers = matches!(
                order.tilstand(),
                OppdragTilstand::Akseptert | OppdragTilstand::Startet | OppdragTilstand::Pauset
            );
            let expected = if delivers {
                &order.enhet
            } else {
                &order.bestiller
            };
            assert_eq!(order.ansvarlig_enhet, *expected, "step {step}, act {act}");
            assert!(!order.ansvarlig_enhet.is_empty());
            if delivers || order.tilstand() == OppdragTilstand::Tilbudt {
                let key = (order.linje_id.clone(), order.enhet.clone());
                assert!(open.insert(key), "step {step}, act {act}: ordered twice");
            }
        }
        // The unit with the main responsibility has something to deliver, or a
        // clock runs until another has it.
        let now = read(&store, &decided, 0).await.unwrap();
        let all = orders(&store).await;
        let delivers = all.iter().any(|order| {
            let open = !matches!(
                order.tilstand(),
                OppdragTilstand::Avvist | OppdragTilstand::Avsluttet
            );
            open && order.enhet == now.hovedansvarlig
        });
        let list = waiting(&store, ENHET).await;
        let mut clock = list.iter().map(Ventepost::r#type);
        let clock = clock.any(|kind| kind == Ventetype::Hovedansvar);
        assert_ne!(delivers, clock, "step {step}, act {act}");
        // Each line of the vedtak is with somebody: ordered, or on the list of
        // who ordered.
        for line in &now.linjer {
            let of_line = |order: &&Oppdrag| order.linje_id == line.linje_id;
            assert!(all.iter().any(|order| of_line(&order)), "step {step}");
        }
    }
    assert!(seen.len() == 8, "every kind of step had its way: {seen:?}");
    // The end of it all.
    database.clock().set(at("2027-07-01T10:00:00Z"));
    tick(&store).await;
    for order in orders(&store).await {
        assert!(!order.ansvarlig_enhet.is_empty());
        assert!(matches!(
            order.tilstand(),
            OppdragTilstand::Avsluttet | OppdragTilstand::Avvist
        ));
    }
    // What nobody reported is asked for all the same.
    let left = async |unit: &str| -> Vec<String> {
        let mut left = kinds(&waiting(&store, unit).await);
        left.retain(|kind| kind != "RAPPORT!");
        left
    };
    assert_eq!(left("rop").await, Vec::<String>::new());
    assert_eq!(left(ENHET).await, ["UNDERRETNING!"]);
    tell(&store, &decided).await;
    assert_eq!(left(ENHET).await, Vec::<String>::new());
}
