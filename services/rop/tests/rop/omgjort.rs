//! What a contact settles, and what is open again when it was wrong.

use samspor_chassis::testing::{Database, request_id};
use samspor_proto::{
    felles::Feilgrunn,
    rop::{
        Kontaktplan, Kontaktutfall, ListKontaktplanerRequest, ListPlanlagteKontakterRequest,
        Oppgave, Oppgavetype, PlanTilstand,
    },
};

use super::{
    DAY, P,
    benk::{Benk, until},
    foresporsler::{bestilt, levert, meld, oppdrag, plan, planlegg, tiltak},
    innboks, kontakt, registrer,
    rettelser::annuller,
};

samspor_chassis::on_both_databases! {
    a_contact_settles_what_came_before_it_about_the_same,
    a_meeting_from_before_the_missed_ones_is_no_outreach,
    outreach_comes_back_when_the_meeting_was_wrong,
    what_was_planned_is_to_be_told_again,
}

/// Posts of the tasks to offer anew, when the day has come.
async fn tilbys(benk: &Benk, expected: &[&str]) {
    until(|| async {
        let tasks = innboks(benk, "rop", Oppgavetype::NyttTilbud).await;
        let posts: Vec<String> = tasks.into_iter().map(|task| task.post).collect();
        posts.len() == expected.len() && expected.iter().all(|one| posts.contains(&(*one).into()))
    })
    .await;
}

/// Seen red: with all that waits settled, whenever it was.
async fn a_contact_settles_what_came_before_it_about_the_same(database: Database) {
    let benk = Benk::start(&database).await;
    let mut under = Vec::new();
    for n in 1..=2 {
        benk.oppdrag.sett(bestilt(&benk, oppdrag(n), 2.0, 3.0));
        under.push(benk.ok(tiltak(&oppdrag(n))).await.tiltak.unwrap().name);
    }
    let declined = levert(&benk, &under[0], Kontaktutfall::TakketNei, 0, 2);
    let declined = benk.ok(declined).await.kontakt.unwrap();
    // Last week's telephone call, and a meeting about something else.
    benk.ok(levert(&benk, &under[0], Kontaktutfall::Mott, 10, 7))
        .await;
    let other = levert(&benk, &under[1], Kontaktutfall::Mott, 10, 0);
    benk.ok(other).await;
    benk.clock.advance(DAY * 8);
    tilbys(&benk, &[&declined.name]).await;
    let met = levert(&benk, &under[0], Kontaktutfall::Mott, 10, 0);
    let met = benk.ok(met).await.kontakt.unwrap();
    tilbys(&benk, &[]).await;
    // That was wrong: nothing else has settled it.
    benk.ok(annuller(&met.name)).await;
    tilbys(&benk, &[&declined.name]).await;
    let again = benk.ok(levert(&benk, "", Kontaktutfall::Mott, 10, 0)).await;
    tilbys(&benk, &[]).await;
    // Two have settled it, and one of them is wrong.
    registrer(&benk, Kontaktutfall::Mott).await;
    benk.ok(annuller(&again.kontakt.unwrap().name)).await;
    tilbys(&benk, &[]).await;
}

async fn oppsok(benk: &Benk) -> Vec<Oppgave> {
    innboks(benk, "rop", Oppgavetype::Oppsokende).await
}

/// Seen red: with any meeting as the outreach.
async fn a_meeting_from_before_the_missed_ones_is_no_outreach(database: Database) {
    let benk = Benk::start(&database).await;
    for _ in 0..3 {
        registrer(&benk, Kontaktutfall::IkkeMott).await;
    }
    let asked = oppsok(&benk).await;
    assert_eq!(asked.len(), 1);
    benk.clock.advance(DAY);
    benk.ok(levert(&benk, "", Kontaktutfall::Mott, 10, 9)).await;
    assert_eq!(oppsok(&benk).await, asked, "and its days run on");
}

/// Seen red: without the rule at the end of AnnullerKontakt.
async fn outreach_comes_back_when_the_meeting_was_wrong(database: Database) {
    let benk = Benk::start(&database).await;
    let mut missed = Vec::new();
    for _ in 0..3 {
        missed.push(registrer(&benk, Kontaktutfall::IkkeMott).await.name);
    }
    let met = registrer(&benk, Kontaktutfall::Mott).await;
    assert!(oppsok(&benk).await.is_empty());
    benk.ok(annuller(&met.name)).await;
    let [task] = &oppsok(&benk).await[..] else {
        panic!("three missed stand")
    };
    assert_eq!(task.post, missed[2]);
    assert!(task.utfort.is_none() && task.kvittert.is_none());
    // One of the three was wrong too.
    benk.ok(annuller(&missed[0])).await;
    assert!(oppsok(&benk).await.is_empty());
}

/// Seen red: with a contact plan that stays ended.
async fn what_was_planned_is_to_be_told_again(database: Database) {
    let benk = Benk::start(&database).await;
    let visit = benk.ok(planlegg(&benk, &["r1"])).await;
    let visit = visit.planlagt_kontakt.unwrap();
    let reach = benk.ok(plan(&benk, &[3])).await.kontaktplan.unwrap();
    let mut met = kontakt(Kontaktutfall::Mott);
    met.planlagt.clone_from(&visit.name);
    let met = benk.ok(met).await.kontakt.unwrap();
    assert_eq!(met.planlagt, visit.name);
    let mut told = meld(&reach.name, true);
    let refusal = benk.avslag(told.clone()).await;
    assert_eq!(refusal.felt, [("kontakt".into(), Feilgrunn::FeltMangler)]);
    told.request_id = request_id();
    told.kontakt.clone_from(&met.name);
    benk.ok(told).await;

    let states = async || {
        let planned = ListPlanlagteKontakterRequest {
            parent: P.into(),
            ..Default::default()
        };
        let reach = ListKontaktplanerRequest {
            parent: P.into(),
            ..Default::default()
        };
        let planned = benk.ok(planned).await.planlagte_kontakter.remove(0);
        let reach: Kontaktplan = benk.ok(reach).await.kontaktplaner.remove(0);
        (
            planned.tilstand(),
            planned.kontakt,
            reach.apen,
            reach.kontakt,
        )
    };
    let mut shorter = kontakt(Kontaktutfall::Mott);
    shorter.retter.clone_from(&met.name);
    shorter.rettelse = "en halv time".into();
    let shorter = benk.ok(shorter).await.kontakt.unwrap();
    let stands = || shorter.name.clone();
    assert_eq!(
        states().await,
        (PlanTilstand::Gjennomfort, stands(), false, stands())
    );
    benk.ok(annuller(&shorter.name)).await;
    let none = String::new;
    assert_eq!(
        states().await,
        (PlanTilstand::Planlagt, none(), true, none())
    );
    benk.clock.advance(DAY * 4);
    for (type_, post) in [
        (Oppgavetype::PlanlagtKontakt, &visit.name),
        (Oppgavetype::Kontaktsteg, &reach.name),
    ] {
        until(|| async {
            let tasks = innboks(&benk, "rop", type_).await;
            tasks.len() == 1 && &tasks[0].post == post
        })
        .await;
    }
}
