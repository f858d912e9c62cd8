//! What a unit records of an order, through the handlers and the store: the days
//! of its steps, and reports that follow on each other.

use samspor_chassis::{
    error::Error,
    testing::{Database, Tid, request_id},
};
use samspor_proto::bestillerkontor::*;

use crate::{
    ENHET, MIGRATIONS,
    eierprove::{P, hjemmel, hos, kall},
    forlopsprove::{
        accept, an_evaluation, approve, at, begin, decide, draft, fields, kinds, line, orders,
        propose, read, ready, refusal, send, states, tell, tick, waiting, with_end, with_lines,
    },
    oppdrag,
    rettsprove::facts,
    vedtak,
};

samspor_chassis::on_both_databases! {
    a_step_has_the_day_on_which_it_was_taken,
    reports_follow_on_each_other_and_are_held_against_what_is_granted,
    what_a_unit_ended_is_ordered_of_it_again_when_it_is_prolonged,
    who_delivers_a_part_is_told_when_nobody_said_how_large,
    what_has_ended_is_reported_until_its_last_day,
}

/// Ordered by telephone on a Saturday, begun the same day, and recorded on the
/// Monday. No step is before what it follows on.
///
/// Seen red: with `ta_tid` that compares no days.
async fn a_step_has_the_day_on_which_it_was_taken(database: Database) {
    let store = database.open(MIGRATIONS).await;
    database.clock().set(at("2026-10-05T08:00:00Z"));
    let order = |bestilt: &str, fra: &str, til: &str| BestillKortvarigTjenesteRequest {
        parent: P.into(),
        request_id: request_id(),
        enhet: "enheter/hjemmetjeneste".into(),
        r#type: Tjenestetype::Hjemmesykepleie.into(),
        min_timer: 1.0,
        maks_timer: 2.0,
        fra: fra.into(),
        til: til.into(),
        hjemmel: Some(hjemmel()),
        bestilt: bestilt.into(),
        ..Default::default()
    };
    for (bestilt, fra, til, field) in [
        ("", "2026-10-03", "2026-10-06", "fra"),
        ("2026-10-03", "2026-10-02", "2026-10-06", "fra"),
        ("2026-10-03", "2026-10-03", "2026-10-04", "til"),
        ("2026-10-06", "2026-10-06", "2026-10-06", "bestilt"),
        (
            "2026-09-25",
            "2026-10-03",
            "2026-10-06",
            "etterregistrert_grunn",
        ),
    ] {
        let who = hos(ENHET, "a1");
        let request = order(bestilt, fra, til);
        let refused = kall!(store, who, oppdrag::rpc::bestill_kortvarig, request);
        assert_eq!(fields(refused), field, "{bestilt} {fra} {til}");
    }
    let who = hos(ENHET, "a1");
    let request = order("2026-10-03", "2026-10-03", "2026-10-09");
    let placed = kall!(store, who, oppdrag::rpc::bestill_kortvarig, request);
    let name = placed.unwrap().oppdrag.unwrap().name;
    let unit = || hos("hjemmetjeneste", "h1");
    let accepted = |day: &str| AksepterOppdragRequest {
        name: name.clone(),
        request_id: request_id(),
        akseptert: day.into(),
        etterregistrert_grunn: "Helg".into(),
    };
    let request = accepted("2026-10-02");
    let early = kall!(store, unit(), oppdrag::rpc::aksepter, request);
    assert_eq!(fields(early), "akseptert");
    let request = accepted("2026-10-04");
    let answer = kall!(store, unit(), oppdrag::rpc::aksepter, request).unwrap();
    let answer = answer.oppdrag.unwrap();
    assert_eq!(answer.etterregistrert_grunn, "Helg");
    assert_eq!(
        Tid::try_from(answer.besvart.unwrap()).unwrap(),
        at("2026-10-03T22:00:00Z")
    );
    let started = |day: &str| StartOppdragRequest {
        name: name.clone(),
        request_id: request_id(),
        startet: day.into(),
        ..Default::default()
    };
    let request = started("2026-10-03");
    let early = kall!(store, unit(), oppdrag::rpc::start, request);
    assert_eq!(fields(early), "startet");
    let request = started("2026-10-04");
    kall!(store, unit(), oppdrag::rpc::start, request).unwrap();
    let ended = |day: &str| AvsluttOppdragRequest {
        name: name.clone(),
        request_id: request_id(),
        arsak: Avslutningsarsak::MalNadd.into(),
        begrunnelse: "Såret er grodd".into(),
        alternativ: "Fastlegen".into(),
        avsluttet: day.into(),
        ..Default::default()
    };
    database.clock().set(at("2026-10-07T08:00:00Z"));
    let request = ended("2026-10-03");
    let early = kall!(store, unit(), oppdrag::rpc::avslutt, request);
    assert_eq!(fields(early), "avsluttet");
    let request = ended("2026-10-06");
    kall!(store, unit(), oppdrag::rpc::avslutt, request).unwrap();
    let order = orders(&store).await.remove(0);
    let steps = [order.startet, order.avsluttet].map(|at| Tid::try_from(at.unwrap()).unwrap());
    let days = ["2026-10-03T22:00:00Z", "2026-10-05T22:00:00Z"].map(at);
    assert_eq!(steps, days);
}

/// «0» each month is seen, and what was delivered before a pause is asked for.
///
/// Seen red: with `svikter` that is never so.
async fn reports_follow_on_each_other_and_are_held_against_what_is_granted(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let clock = database.clock();
    with_end(&store, "2027-06-30").await;
    let order = orders(&store).await.remove(0);
    accept(&store, &order).await;
    clock.set(at("2026-10-05T08:00:00Z"));
    begin(&store, &order).await;
    let report = async |fra: &str, til: &str, timer: f64| -> Result<(), Error> {
        let request = RapporterOppdragRequest {
            name: order.name.clone(),
            request_id: request_id(),
            rapport: Some(Leveringsrapport {
                fra: fra.into(),
                til: til.into(),
                timer,
                ..Default::default()
            }),
        };
        kall!(store, hos("rop", "r1"), oppdrag::rpc::rapporter, request).map(drop)
    };
    let due = async || -> Option<Tid> {
        let list = waiting(&store, "rop").await;
        let its =
            |post: &&Ventepost| post.post == order.name && post.r#type() == Ventetype::Rapport;
        let found = list.iter().find(its)?;
        Some(Tid::try_from(found.frist.unwrap()).unwrap())
    };
    let followed = async || kinds(&waiting(&store, ENHET).await).contains(&"OPPFOLGING".to_owned());
    assert_eq!(due().await, Some(at("2026-11-05T23:00:00Z")));

    clock.set(at("2026-10-20T08:00:00Z"));
    let gap = report("2026-10-06", "2026-10-12", 4.0).await;
    assert_eq!(fields(gap), "rapport.fra");
    report("2026-10-05", "2026-10-11", 0.0).await.unwrap();
    // A month after what is reported, not after the day of reporting.
    assert_eq!(due().await, Some(at("2026-11-12T23:00:00Z")));
    assert!(!followed().await);
    let request = PauseOppdragRequest {
        name: order.name.clone(),
        request_id: request_id(),
        arsak: Pausearsak::Onske.into(),
        begrunnelse: "Vil vente".into(),
        gjenopptas: "2026-11-01".into(),
    };
    kall!(store, hos("rop", "r1"), oppdrag::rpc::pause, request).unwrap();
    assert_eq!(due().await, Some(at("2026-11-12T23:00:00Z")));
    report("2026-10-12", "2026-10-20", 0.0).await.unwrap();
    assert_eq!(due().await, None);
    assert!(followed().await);

    clock.set(at("2026-10-26T08:00:00Z"));
    let paused = report("2026-10-21", "2026-10-25", 0.0).await;
    assert_eq!(fields(paused), "rapport.fra");
    let request = GjenopptaOppdragRequest {
        name: order.name.clone(),
        request_id: request_id(),
    };
    kall!(store, hos("rop", "r1"), oppdrag::rpc::gjenoppta, request).unwrap();
    assert_eq!(due().await, Some(at("2026-11-26T23:00:00Z")));
    report("2026-10-26", "2026-10-26", 1.0).await.unwrap();
}

/// The unit ended the service in agreement: the conditions of its line are
/// changed without another offer, and more days are one.
///
/// Seen red: with every changed line offered anew.
async fn what_a_unit_ended_is_ordered_of_it_again_when_it_is_prolonged(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let decided = with_end(&store, "2026-12-31").await;
    let decided = tell(&store, &decided).await;
    let rop = orders(&store).await.remove(0);
    accept(&store, &rop).await;
    begin(&store, &rop).await;
    let request = AvsluttOppdragRequest {
        name: rop.name.clone(),
        request_id: request_id(),
        arsak: Avslutningsarsak::MalNadd.into(),
        begrunnelse: "Klarer seg".into(),
        alternativ: "Kan ringe".into(),
        ..Default::default()
    };
    kall!(store, hos("rop", "r1"), oppdrag::rpc::avslutt, request).unwrap();
    let now = read(&store, &decided, 0).await.unwrap();
    let mut content = now.clone();
    content.linjer[0].vilkar = vec!["Avtalt sted".into()];
    let proposed = propose(&store, &now, content).await.unwrap();
    let now = approve(&store, "b1", &proposed).await.unwrap();
    let after = ["1 rop AVSLUTTET", "2 bom TILBUDT"];
    assert_eq!(states(&orders(&store).await), after);

    database.clock().set(at("2026-12-04T10:00:00Z"));
    let request = RegistrerEvalueringRequest {
        name: now.name.clone(),
        request_id: request_id(),
        evaluering: Some(an_evaluation("2026-10-05", "2026-12-04")),
    };
    kall!(store, hos(ENHET, "a1"), vedtak::rpc::evaluer, request).unwrap();
    let now = read(&store, &now, 0).await.unwrap();
    let mut content = now.clone();
    content.linjer[0].til = "2027-06-30".into();
    let proposed = propose(&store, &now, content).await.unwrap();
    approve(&store, "b1", &proposed).await.unwrap();
    let after = ["1 rop AVSLUTTET", "2 bom TILBUDT", "1 rop TILBUDT"];
    assert_eq!(states(&orders(&store).await), after);
}

/// Units, shares, and whether each is told that its hours are an equal part.
///
/// Guards against: it left out of an amended order, and said of one unit.
async fn who_delivers_a_part_is_told_when_nobody_said_how_large(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let share = |unit: &str| Enhetsandel {
        enhet: format!("enheter/{unit}"),
        min_timer: 0.75,
        maks_timer: 2.0,
    };
    let of = |kind: Tjenestetype, units: [&str; 2], shared: bool| {
        let mut line = line(kind, units[0]);
        line.enheter.extend([format!("enheter/{}", units[1])]);
        line.andeler = units.map(share).into();
        if !shared {
            line.andeler.clear();
        }
        line
    };
    let lines = vec![
        line(Tjenestetype::Hjemmesykepleie, "hjemmetjeneste"),
        of(Tjenestetype::RopOppfolging, ["rop", "hjemmetjeneste"], true),
        of(Tjenestetype::Boveiledning, ["bom", "hjemmetjeneste"], false),
    ];
    let application = ready(&store).await;
    let drafted = draft(&store, with_lines(&application, lines, "rop")).await;
    let sent = send(&store, hos(ENHET, "a1"), &drafted).await;
    let decided = decide(&store, hos(ENHET, "b1"), &sent).await.unwrap();
    let told = async || -> Vec<String> {
        let each = orders(&store).await.into_iter();
        let mut equal: Vec<String> = each
            .filter(|order| order.likt_delt)
            .map(|order| format!("{:?} {}", order.r#type(), order.enhet))
            .collect();
        equal.sort();
        equal
    };
    let boveiledning = [
        "Boveiledning enheter/bom",
        "Boveiledning enheter/hjemmetjeneste",
    ];
    assert_eq!(told().await, boveiledning);
    let mut content = decided.clone();
    for line in &mut content.linjer {
        line.andeler.clear();
    }
    let proposed = propose(&store, &decided, content).await.unwrap();
    approve(&store, "b1", &proposed).await.unwrap();
    let followed_up = [
        "RopOppfolging enheter/hjemmetjeneste",
        "RopOppfolging enheter/rop",
    ];
    assert_eq!(told().await, [boveiledning, followed_up].concat());
}

/// Who ends it and how makes no difference: what is not reported waits with the
/// unit that delivered, which reads the order until it has said it.
///
/// Seen red: with the clock taken away at the end; with the relation ended with
/// the order; and with a report past its last day.
async fn what_has_ended_is_reported_until_its_last_day(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let clock = database.clock();
    let decided = with_end(&store, "2026-10-31").await;
    let list = orders(&store).await;
    for order in &list {
        accept(&store, order).await;
        begin(&store, order).await;
    }
    let report = async |of: &Oppdrag, fra: &str, til: &str, timer: f64| -> Result<(), Error> {
        let unit = of.enhet.strip_prefix("enheter/").unwrap();
        let request = RapporterOppdragRequest {
            name: of.name.clone(),
            request_id: request_id(),
            rapport: Some(Leveringsrapport {
                fra: fra.into(),
                til: til.into(),
                timer,
                ..Default::default()
            }),
        };
        kall!(store, hos(unit, "r1"), oppdrag::rpc::rapporter, request).map(drop)
    };
    let owes = async |of: &Oppdrag| -> bool {
        let unit = of.enhet.strip_prefix("enheter/").unwrap();
        let list = waiting(&store, unit).await;
        let mut its = list.iter().filter(|post| post.post == of.name);
        its.any(|post| post.r#type() == Ventetype::Rapport)
    };
    let reads = async |of: &Oppdrag| -> bool {
        let id = of.name.rsplit('/').next().unwrap();
        facts(&store).await.contains_key(&format!("utforer/{id}"))
    };
    let [rop, bom] = &list[..] else {
        panic!("{list:?}")
    };

    // Ended by the unit, a day earlier than it is recorded.
    clock.set(at("2026-10-12T08:00:00Z"));
    report(rop, "2026-10-01", "2026-10-08", 4.0).await.unwrap();
    let request = AvsluttOppdragRequest {
        name: rop.name.clone(),
        request_id: request_id(),
        arsak: Avslutningsarsak::MalNadd.into(),
        begrunnelse: "Klarer seg".into(),
        alternativ: "Kan ringe".into(),
        avsluttet: "2026-10-11".into(),
        ..Default::default()
    };
    kall!(store, hos("rop", "r1"), oppdrag::rpc::avslutt, request).unwrap();
    assert!(owes(rop).await);
    assert!(reads(rop).await);
    let past = report(rop, "2026-10-09", "2026-10-12", 1.0).await;
    assert_eq!(fields(past), "rapport.til");
    let silent = report(rop, "2026-10-09", "2026-10-11", 0.0).await;
    assert_eq!(fields(silent), "rapport.merknad");
    report(rop, "2026-10-09", "2026-10-10", 1.0).await.unwrap();
    assert!(owes(rop).await);
    report(rop, "2026-10-11", "2026-10-11", 1.0).await.unwrap();
    assert!(!owes(rop).await);
    assert!(!reads(rop).await);
    let again = refusal(report(rop, "2026-10-11", "2026-10-11", 1.0).await);
    assert_eq!(again.nokler["tilstand"], "AVSLUTTET");

    // By its last day.
    clock.set(at("2026-10-31T23:00:00Z"));
    tick(&store).await;
    let over = read(&store, &decided, 0).await.unwrap();
    assert_eq!(over.tilstand(), VedtakTilstand::Utlopt);
    assert!(owes(bom).await);
    assert!(reads(bom).await);
    let past = report(bom, "2026-10-01", "2026-11-01", 9.0).await;
    assert_eq!(fields(past), "rapport.til");
    report(bom, "2026-10-01", "2026-10-31", 9.0).await.unwrap();
    assert!(!owes(bom).await);
    assert!(!reads(bom).await);
}
