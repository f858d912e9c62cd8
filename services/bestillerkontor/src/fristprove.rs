//! The clocks of a vedtak and its orders, through the handlers and the store:
//! nothing ends, and nothing is left alone, without somebody hearing of it (I7).

use samspor_chassis::{
    domene::Dag,
    store::Store,
    testing::{Database, Tid, request_id},
};
use samspor_proto::bestillerkontor::*;

use crate::{
    ENHET, MIGRATIONS,
    eierprove::{P, fattet, gjor_klar, hos, kall, name},
    forlopsprove::*,
    oppdrag,
    rettsprove::facts,
    soknad, vedtak,
};

samspor_chassis::on_both_databases! {
    a_line_that_ends_before_the_others_has_its_own_clock,
    what_has_no_end_is_evaluated_each_year,
    what_rests_on_a_discharge_is_assessed_after_three_months,
    what_a_unit_ends_comes_back_to_who_ordered,
}

/// When something of a kind is due for a unit; all records.
async fn due(store: &Store, unit: &str, kind: Ventetype) -> Vec<Tid> {
    let posts = waiting(store, unit).await.into_iter();
    posts
        .filter(|post| post.r#type() == kind)
        .map(|post| Tid::try_from(post.frist.unwrap()).unwrap())
        .collect()
}

async fn evaluate(store: &Store, of: &Vedtak, fra: &str, til: &str) -> Vedtak {
    let request = RegistrerEvalueringRequest {
        name: of.name.clone(),
        request_id: request_id(),
        evaluering: Some(an_evaluation(fra, til)),
    };
    let evaluated = kall!(store, hos(ENHET, "a1"), vedtak::rpc::evaluer, request);
    evaluated.unwrap().vedtak.unwrap()
}

/// One line ends at New Year, one has no end.
async fn one_line_ends(store: &Store) -> Vedtak {
    let application = ready(store).await;
    let mut lines = vec![
        line(Tjenestetype::RopOppfolging, "rop"),
        line(Tjenestetype::Boveiledning, "bom"),
    ];
    lines[0].til = "2026-12-31".into();
    lines[0].fra = "2026-10-01".into();
    lines[1].fra = "2026-10-01".into();
    let drafted = draft(store, with_lines(&application, lines, "bom")).await;
    let sent = send(store, hos(ENHET, "a1"), &drafted).await;
    let decided = decide(store, hos(ENHET, "b1"), &sent).await.unwrap();
    for order in orders(store).await {
        accept(store, &order).await;
        begin(store, &order).await;
    }
    tell(store, &decided).await
}

/// Seen red: with FRIST_UTLOP for short services alone, with `siste_dag` in
/// place of `slutter`, and with `forlenges` comparing the last day of all.
async fn a_line_that_ends_before_the_others_has_its_own_clock(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let told = Box::pin(one_line_ends(&store)).await;
    let four_weeks_before = at("2026-12-03T23:00:00Z");
    let year_end = at("2026-12-31T23:00:00Z");
    // The vedtak and the order, for who decided; the order, for who delivers.
    let ours = due(&store, ENHET, Ventetype::Evaluering).await;
    assert_eq!(ours[..2], [four_weeks_before; 2]);
    assert_eq!(due(&store, "rop", Ventetype::Evaluering).await, ours[..1]);
    assert_eq!(due(&store, "rop", Ventetype::Utlop).await, [year_end]);

    let now = read(&store, &told, 0).await.unwrap();
    for til in ["", "2027-06-30"] {
        let mut content = now.clone();
        content.linjer[0].til = til.into();
        let refused = propose(&store, &now, content).await;
        assert_eq!(fields(refused), "vedtak.linjer", "{til}");
    }
    // An end where there was none is no renewal.
    let mut content = now.clone();
    content.linjer[1].til = "2027-12-31".into();
    let proposed = propose(&store, &now, content).await.unwrap();
    approve(&store, "b1", &proposed).await.unwrap();
    let heard = events(&store, "bom").await;
    assert!(heard.contains(&"VedtakEndret".to_owned()));
    assert!(!heard.contains(&"VedtakFornyet".to_owned()));

    database.clock().set(Tid(year_end.0 - 1));
    tick(&store).await;
    assert_eq!(
        states(&orders(&store).await),
        ["1 rop STARTET", "2 bom STARTET"]
    );
    database.clock().set(year_end);
    tick(&store).await;
    let after = orders(&store).await;
    assert_eq!(states(&after), ["1 rop AVSLUTTET", "2 bom STARTET"]);
    assert_eq!(after[0].avslutningsarsak(), Avslutningsarsak::Utlopt);
    let held = facts(&store).await;
    let delivers = |unit: &str| {
        let of = format!("/{unit}");
        let mut held = held.keys();
        held.any(|fact| fact.starts_with("utforer/") && fact.ends_with(&of))
    };
    assert!(!delivers("rop") && delivers("bom"));
    let now = read(&store, &told, 0).await.unwrap();
    assert_eq!(now.tilstand(), VedtakTilstand::Fattet, "the rest goes on");
    for unit in ["rop", ENHET, "koordinering"] {
        let heard = events(&store, unit).await;
        assert!(heard.contains(&"OppdragAvsluttet".to_owned()), "{unit}");
    }
}

/// Seen red: with no clock where there is no last day.
async fn what_has_no_end_is_evaluated_each_year(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let decided = fattet(&store).await;
    assert!(decided.bolig.is_some());
    let rop = orders(&store).await.remove(0);
    accept(&store, &rop).await;
    begin(&store, &rop).await;
    let a_year = at("2027-10-01T22:00:00Z");
    assert_eq!(due(&store, "rop", Ventetype::Evaluering).await, [a_year]);
    database.clock().set(a_year);
    tick(&store).await;
    assert!(kinds(&waiting(&store, ENHET).await).contains(&"EVALUERING!".to_owned()));
    evaluate(&store, &decided, "2026-10-01", "2027-10-01").await;
    let of_vedtak = waiting(&store, ENHET).await.into_iter();
    let next = of_vedtak
        .filter(|post| post.post == decided.name && post.r#type() == Ventetype::Evaluering)
        .map(|post| Tid::try_from(post.frist.unwrap()).unwrap());
    assert_eq!(next.collect::<Vec<_>>(), [at("2028-10-01T22:00:00Z")]);
}

/// An application that a hospital filed, decided by somebody who left the flag
/// out.
async fn from_hospital(store: &Store) -> Vedtak {
    let request = MottaSoknadRequest {
        parent: P.into(),
        request_id: request_id(),
        eget_onske: "Hjem".into(),
        kanal: Kanal::Brev.into(),
        innsender: Some(Innsender {
            navn: "Post 2".into(),
            rolle: Innsenderrolle::Sykehus.into(),
            ..Default::default()
        }),
        sykehusmelding: Some(soknad::sykehus::tests::pakke()),
        ..Default::default()
    };
    kall!(store, hos("nav", "n1"), soknad::rpc::motta, request).unwrap();
    let application = name(store, "soknader", "SELECT id FROM soknad").await;
    let request = StartKartleggingRequest {
        name: application.clone(),
        request_id: request_id(),
        ..Default::default()
    };
    kall!(store, hos(ENHET, "a1"), soknad::rpc::start, request).unwrap();
    let request = gjor_klar(&application);
    kall!(store, hos(ENHET, "a1"), soknad::rpc::gjor_klar, request).unwrap();
    let mut lines = vec![line(Tjenestetype::RopOppfolging, "rop")];
    lines[0].til = "2027-06-30".into();
    let mut content = with_lines(&application, lines, "rop");
    content.utskrevet_fra_sykehus = false;
    let drafted = draft(store, content).await;
    let sent = send(store, hos(ENHET, "a1"), &drafted).await;
    decide(store, hos(ENHET, "b1"), &sent).await.unwrap()
}

/// Seen red: with the flag of the vedtak alone; and with any evaluation
/// clearing both clocks.
async fn what_rests_on_a_discharge_is_assessed_after_three_months(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let decided = from_hospital(&store).await;
    let three_months = due(&store, ENHET, Ventetype::Revurdering).await;
    assert_eq!(
        Dag::av(Tid(three_months[0].0 - 1)).to_string(),
        "2027-01-04"
    );
    // An early look silences nothing.
    database.clock().set(at("2026-10-02T10:00:00Z"));
    evaluate(&store, &decided, "2026-10-01", "2026-10-02").await;
    assert_eq!(
        due(&store, ENHET, Ventetype::Revurdering).await,
        three_months
    );
    assert_eq!(due(&store, ENHET, Ventetype::Evaluering).await.len(), 1);
    database.clock().set(at("2027-01-03T10:00:00Z"));
    evaluate(&store, &decided, "2026-10-01", "2027-01-03").await;
    assert_eq!(due(&store, ENHET, Ventetype::Revurdering).await, []);
    assert_eq!(due(&store, ENHET, Ventetype::Evaluering).await.len(), 1);

    // An amendment that says so starts the clock.
    let now = read(&store, &decided, 0).await.unwrap();
    let mut content = now.clone();
    content.utskrevet_fra_sykehus = true;
    let proposed = propose(&store, &now, content).await.unwrap();
    approve(&store, "b1", &proposed).await.unwrap();
    let again = due(&store, ENHET, Ventetype::Revurdering).await;
    assert_eq!(Dag::av(Tid(again[0].0 - 1)).to_string(), "2027-04-05");
}

async fn finish(store: &Store, order: &Oppdrag) {
    let unit = order.enhet.strip_prefix("enheter/").unwrap();
    let request = AvsluttOppdragRequest {
        name: order.name.clone(),
        request_id: request_id(),
        arsak: Avslutningsarsak::MalNadd.into(),
        begrunnelse: "Klarer seg".into(),
        alternativ: "Ingen".into(),
        ..Default::default()
    };
    kall!(store, hos(unit, "r1"), oppdrag::rpc::avslutt, request).unwrap();
}

/// Seen red: without `oppfolging`, and without `folg` in `slipp_vedtaket`.
async fn what_a_unit_ends_comes_back_to_who_ordered(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let told = Box::pin(one_line_ends(&store)).await;
    let [rop, bom] = orders(&store).await.try_into().unwrap();
    let ours = async || kinds(&waiting(&store, ENHET).await);
    let has = async |kind: &str| ours().await.contains(&kind.to_owned());
    finish(&store, &rop).await;
    assert!(has("OPPFOLGING").await);
    assert!(!has("HOVEDANSVAR").await, "BOM delivers");
    // Thursday: three working days are Tuesday.
    database.clock().set(at("2026-10-06T22:00:00Z"));
    tick(&store).await;
    assert!(has("OPPFOLGING!").await);
    let heard = events(&store, ENHET).await;
    assert!(heard.contains(&"OppdragAvsluttet".to_owned()));
    evaluate(&store, &told, "2026-10-01", "2026-10-06").await;
    assert!(!has("OPPFOLGING!").await);

    finish(&store, &bom).await;
    assert!(has("OPPFOLGING").await && has("HOVEDANSVAR").await);
    for unit in [ENHET, "koordinering"] {
        let heard = events(&store, unit).await;
        assert!(heard.contains(&"HovedansvarLedig".to_owned()), "{unit}");
    }
    // Until another has it, it is with the one that had it.
    let held = |facts: &[String]| -> Vec<String> {
        let all = facts
            .iter()
            .filter(|fact| fact.starts_with("hovedansvarlig/"));
        let units = all.map(|fact| fact.rsplit('/').next().unwrap().to_owned());
        units.collect()
    };
    let open: Vec<String> = facts(&store).await.into_keys().collect();
    assert_eq!(held(&open), ["bom"]);
    let now = read(&store, &told, 0).await.unwrap();
    let mut content = now.clone();
    content.linjer[1].enheter = vec!["enheter/hjemmetjeneste".into()];
    content.hovedansvarlig = "enheter/hjemmetjeneste".into();
    let proposed = propose(&store, &now, content).await.unwrap();
    approve(&store, "b1", &proposed).await.unwrap();
    assert!(!has("OPPFOLGING").await && !has("HOVEDANSVAR").await);
    let open: Vec<String> = facts(&store).await.into_keys().collect();
    assert_eq!(held(&open), ["hjemmetjeneste"]);
}
