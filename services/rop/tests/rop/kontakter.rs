//! Contacts that are planned, declined and missed, the steps towards a person,
//! and the counts of who stays anonymous.

use samspor_chassis::{
    testing::{Database, request_id},
    tid::Clock as _,
};
use samspor_proto::{
    felles::Feilgrunn,
    rop::{
        AvlysKontaktRequest, AvsluttKontaktplanRequest, Kontaktsteg, Kontakttype, Kontaktutfall,
        ListKontaktplanerRequest, ListLavterskelRequest, ListPlanlagteKontakterRequest,
        ListPrimaerkontakterRequest, Oppgavetype, PlanTilstand, Risikoniva, Risikotiltak,
    },
};

use super::{
    DAY,
    benk::{Benk, until},
    foresporsler::{alle, dag, meld, plan, planlegg, tell, tiltak},
    hos_annen, innboks, kontakt, kvitter, oppfolging, registrer, risiko,
};

samspor_chassis::on_both_databases! {
    two_staff_where_the_assessment_asks_for_two,
    what_is_planned_is_reported_or_becomes_a_task,
    a_declined_offer_becomes_a_task_on_its_day,
    outreach_has_a_deadline_that_taking_it_does_not_stop,
    steps_towards_a_person_become_tasks,
    anonymous_counts_have_pages_and_no_person,
}

/// Seen red: with a rule that does not ask the assessment; with a level that
/// lapses with its assessment.
async fn two_staff_where_the_assessment_asks_for_two(database: Database) {
    let benk = Benk::start(&database).await;
    // Planned before anybody knew.
    let before = benk
        .ok(planlegg(&benk, &["r1"]))
        .await
        .planlagt_kontakt
        .unwrap();
    benk.ok(kontakt(Kontaktutfall::Mott)).await;
    assert!(
        !benk
            .hendelser("rop")
            .await
            .contains(&"PlanlagtAleneMotRisikotiltak".to_owned())
    );
    benk.ok(risiko(&benk)).await;
    assert!(
        benk.hendelser("rop")
            .await
            .contains(&"PlanlagtAleneMotRisikotiltak".to_owned())
    );

    let refusal = benk.avslag(planlegg(&benk, &["r1"])).await;
    assert_eq!(refusal.felt, [("ansatte".into(), Feilgrunn::FeltMotstrid)]);
    benk.ok(planlegg(&benk, &["r1", "r2"])).await;

    let mut alone = kontakt(Kontaktutfall::Mott);
    let refusal = benk.avslag(alone.clone()).await;
    assert_eq!(
        refusal.felt,
        [("alene_begrunnelse".into(), Feilgrunn::FeltMangler)]
    );
    alone.request_id = request_id();
    alone.alene_begrunnelse = "måtte inn straks".into();
    let taken = benk.ok(alone).await.kontakt.unwrap();
    assert_eq!(taken.alene_begrunnelse, "måtte inn straks");
    assert!(
        benk.hendelser("rop")
            .await
            .contains(&"AleneMotRisikotiltak".to_owned())
    );
    let mut two = kontakt(Kontaktutfall::Mott);
    two.ansatte = vec!["r2".into()];
    two.planlagt.clone_from(&before.name);
    benk.ok(two).await;

    // The assessment expires, and nobody has assessed anew: two go on, until a
    // newer one says that one is enough.
    benk.clock.advance(DAY * 91);
    let refusal = benk.avslag(kontakt(Kontaktutfall::Mott)).await;
    assert_eq!(
        refusal.felt,
        [("alene_begrunnelse".into(), Feilgrunn::FeltMotstrid)]
    );
    let refusal = benk.avslag(planlegg(&benk, &["r1"])).await;
    assert_eq!(refusal.felt, [("ansatte".into(), Feilgrunn::FeltMotstrid)]);
    let mut calmer = risiko(&benk);
    calmer.niva = Risikoniva::Gul.into();
    calmer.tiltak = vec![Risikotiltak::Alarm.into()];
    benk.ok(calmer).await;
    benk.ok(kontakt(Kontaktutfall::Mott)).await;
    benk.ok(planlegg(&benk, &["r1"])).await;
}

async fn what_is_planned_is_reported_or_becomes_a_task(database: Database) {
    let benk = Benk::start(&database).await;
    let first = benk
        .ok(planlegg(&benk, &["r1"]))
        .await
        .planlagt_kontakt
        .unwrap();
    let second = benk
        .ok(planlegg(&benk, &["r1"]))
        .await
        .planlagt_kontakt
        .unwrap();
    let third = benk
        .ok(planlegg(&benk, &["r1"]))
        .await
        .planlagt_kontakt
        .unwrap();
    let mut past = planlegg(&benk, &["r1"]);
    past.tidspunkt = Some(benk.clock.now().into());
    let refusal = benk.avslag(past).await;
    assert_eq!(refusal.felt, [("tidspunkt".into(), Feilgrunn::FeltForm)]);

    let mut met = kontakt(Kontaktutfall::Mott);
    met.planlagt.clone_from(&first.name);
    benk.ok(met.clone()).await;
    met.request_id = request_id();
    assert_eq!(benk.avslag(met).await.grunn, Feilgrunn::UgyldigOvergang);
    let avlys = |name: String| AvlysKontaktRequest {
        name,
        request_id: request_id(),
        begrunnelse: "syk ansatt".into(),
    };
    let refusal = benk.avslag(avlys(hos_annen(&second.name))).await;
    assert_eq!(refusal.grunn, Feilgrunn::IkkeFunnet);
    benk.ok(avlys(second.name)).await;

    benk.clock.advance(DAY * 4);
    until(|| async {
        !innboks(&benk, "rop", Oppgavetype::PlanlagtKontakt)
            .await
            .is_empty()
    })
    .await;
    let tasks = innboks(&benk, "rop", Oppgavetype::PlanlagtKontakt).await;
    assert_eq!(tasks.len(), 1);
    assert_eq!(tasks[0].post, third.name);
    benk.ok(avlys(third.name)).await;
    assert!(
        innboks(&benk, "rop", Oppgavetype::PlanlagtKontakt)
            .await
            .is_empty()
    );
    let all = benk
        .ok(alle!(ListPlanlagteKontakterRequest))
        .await
        .planlagte_kontakter;
    let states: Vec<PlanTilstand> = all
        .iter()
        .map(samspor_proto::rop::PlanlagtKontakt::tilstand)
        .collect();
    assert_eq!(
        states,
        [
            PlanTilstand::Avlyst,
            PlanTilstand::Avlyst,
            PlanTilstand::Gjennomfort
        ]
    );
}

/// Seen red: with deadlines that only tell.
async fn a_declined_offer_becomes_a_task_on_its_day(database: Database) {
    let benk = Benk::start(&database).await;
    let offers = || innboks(&benk, "rop", Oppgavetype::NyttTilbud);
    let declined = registrer(&benk, Kontaktutfall::TakketNei).await;
    assert!(offers().await.is_empty());
    benk.clock.advance(DAY * 7);
    until(|| async { !offers().await.is_empty() }).await;
    let tasks = offers().await;
    assert_eq!(tasks[0].post, declined.name);
    assert!(tasks[0].frist.is_some());
    // Not being met settles nothing.
    registrer(&benk, Kontaktutfall::IkkeMott).await;
    assert_eq!(offers().await.len(), 1);
    registrer(&benk, Kontaktutfall::Mott).await;
    assert!(offers().await.is_empty());
}

/// Seen red: with a deadline that ends when the task is taken.
async fn outreach_has_a_deadline_that_taking_it_does_not_stop(database: Database) {
    let benk = Benk::start(&database).await;
    // Something is delivered and the person is known: no other clock runs.
    oppfolging::sendt(&benk).await;
    benk.ok(tiltak("")).await;
    let broken = || async {
        benk.hendelser("rop")
            .await
            .iter()
            .filter(|told| *told == "FristBrutt")
            .count()
    };
    for round in 0..2 {
        for _ in 0..3 {
            registrer(&benk, Kontaktutfall::IkkeMott).await;
        }
        let task = innboks(&benk, "rop", Oppgavetype::Oppsokende)
            .await
            .remove(0);
        assert!(task.frist.is_some());
        benk.ok(kvitter(&task.name)).await;
        if round == 0 {
            // Somebody looks for the person, who is not there.
            let mut outreach = kontakt(Kontaktutfall::Mott);
            outreach.r#type = Kontakttype::Oppsokende.into();
            benk.ok(outreach).await;
            benk.clock.advance(DAY * 10);
            benk.ok(alle!(ListPrimaerkontakterRequest)).await;
            assert_eq!(broken().await, 0);
        } else {
            benk.clock.advance(DAY * 10);
            until(|| async { broken().await == 1 }).await;
        }
    }
}

async fn steps_towards_a_person_become_tasks(database: Database) {
    let benk = Benk::start(&database).await;
    let steps = || innboks(&benk, "rop", Oppgavetype::Kontaktsteg);
    let opened = benk.ok(plan(&benk, &[3, 10])).await.kontaktplan.unwrap();
    assert_eq!(
        benk.avslag(plan(&benk, &[3])).await.grunn,
        Feilgrunn::Konflikt
    );
    assert!(steps().await.is_empty());
    benk.clock.advance(DAY * 3);
    until(|| async { !steps().await.is_empty() }).await;
    benk.ok(meld(&opened.name, false)).await;
    assert!(steps().await.is_empty());
    benk.clock.advance(DAY * 7);
    until(|| async { !steps().await.is_empty() }).await;
    let refusal = benk.avslag(meld(&opened.name, false)).await;
    assert_eq!(
        refusal.felt,
        [("neste".into(), Feilgrunn::FeltMangler)],
        "it never just ends"
    );
    let mut more = meld(&opened.name, false);
    more.neste = Some(Kontaktsteg {
        hva: "Spør bostedet".into(),
        frist: dag(&benk, 5),
        ..Default::default()
    });
    benk.ok(more).await;

    let missed = registrer(&benk, Kontaktutfall::IkkeMott).await;
    let avslutt = |kontakt: &str| AvsluttKontaktplanRequest {
        name: opened.name.clone(),
        request_id: request_id(),
        kontakt: kontakt.into(),
        begrunnelse: "Kom selv".into(),
    };
    let refusal = benk.avslag(avslutt(&missed.name)).await;
    assert_eq!(refusal.felt, [("kontakt".into(), Feilgrunn::FeltMotstrid)]);
    let met = registrer(&benk, Kontaktutfall::Mott).await;
    let ended = benk.ok(avslutt(&met.name)).await.kontaktplan.unwrap();
    assert!(!ended.apen);
    let mut ended = meld(&opened.name, true);
    ended.kontakt.clone_from(&met.name);
    assert_eq!(benk.avslag(ended).await.grunn, Feilgrunn::UgyldigOvergang);
    benk.ok(plan(&benk, &[3])).await;
    assert_eq!(
        benk.ok(alle!(ListKontaktplanerRequest))
            .await
            .kontaktplaner
            .len(),
        2
    );
}

async fn anonymous_counts_have_pages_and_no_person(database: Database) {
    let benk = Benk::start(&database).await;
    let today = dag(&benk, 0);
    for antall in [4, 5, 6] {
        benk.ok(tell(antall, &today)).await;
    }
    benk.ok(tell(9, "2026-09-01")).await;
    let refusal = benk.avslag(tell(0, &today)).await;
    assert_eq!(refusal.felt, [("antall".into(), Feilgrunn::FeltOmrade)]);
    let refusal = benk.avslag(tell(1, &dag(&benk, 2))).await;
    assert_eq!(refusal.felt, [("dag".into(), Feilgrunn::FeltForm)]);
    let mut other = tell(1, &today);
    other.parent = "enheter/nav".into();
    let refusal = benk.avslag(other).await;
    assert_eq!(refusal.felt, [("parent".into(), Feilgrunn::FeltForm)]);

    let (mut seen, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListLavterskelRequest {
            parent: "enheter/rop".into(),
            page_size: 2,
            page_token,
            ..Default::default()
        };
        let page = benk.ok(request).await;
        seen.extend(page.lavterskel.iter().map(|row| row.antall));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, [6, 5, 4, 9]);
    let request = ListLavterskelRequest {
        parent: "enheter/rop".into(),
        til: "2026-09-30".into(),
        ..Default::default()
    };
    assert_eq!(benk.ok(request).await.lavterskel.len(), 1);
}
