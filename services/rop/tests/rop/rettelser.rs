//! What was registered wrongly, and what ends: a contact, a count, a primary
//! contact; and what somebody must see to: low scores and old crisis plans.

use samspor_chassis::testing::{Database, request_id};
use samspor_proto::{
    felles::Feilgrunn,
    rop::{
        AnnullerKontaktRequest, AvsluttPrimaerkontaktRequest, Fitskjema, GiTilbakemeldingRequest,
        HentStatistikkRequest, Kontaktutfall, ListBelastningRequest, ListKontakterRequest,
        ListLavterskelRequest, ListLeveringerRequest, ListPrimaerkontakterRequest, Oppgavetype,
        Statistikk, Tilbakemeldingstype,
    },
};

use super::{
    DAY, P,
    benk::{Benk, until},
    foresporsler::{bestilt, besvar, dag, gi, levert, oppdrag, primaer, tell, tiltak},
    hos_annen, innboks, oppfolging, plan, registrer,
};

samspor_chassis::on_both_databases! {
    a_wrong_contact_counts_no_more_and_another_stands_for_it,
    what_a_wrong_contact_had_settled_is_open_again,
    a_wrong_count_is_counted_as_the_one_that_stands_for_it,
    a_primary_contact_ends_and_the_caseload_falls,
    a_low_score_is_a_task_until_it_is_answered,
    a_crisis_plan_is_gone_through_until_a_newer_one_is_written,
}

pub(crate) fn annuller(name: &str) -> AnnullerKontaktRequest {
    AnnullerKontaktRequest {
        name: name.into(),
        request_id: request_id(),
        begrunnelse: "gjaldt en annen".into(),
    }
}

pub(crate) fn slutt(name: &str) -> AvsluttPrimaerkontaktRequest {
    AvsluttPrimaerkontaktRequest {
        name: name.into(),
        request_id: request_id(),
        begrunnelse: "flyttet".into(),
    }
}

/// The figures of a day, asked for after it.
async fn tall(benk: &Benk, day: &str) -> Statistikk {
    let request = HentStatistikkRequest {
        parent: "enheter/rop".into(),
        fra: day.into(),
        til: day.into(),
    };
    benk.ok(request).await.statistikk.unwrap()
}

/// Seen red: with a first meeting that stays when the contact was wrong.
async fn a_wrong_contact_counts_no_more_and_another_stands_for_it(database: Database) {
    let benk = Benk::start(&database).await;
    benk.oppdrag.sett(bestilt(&benk, oppdrag(1), 2.0, 3.0));
    let begun = benk.ok(tiltak(&oppdrag(1))).await.tiltak.unwrap();
    let wrong = levert(&benk, &begun.name, Kontaktutfall::Mott, 60, 0);
    let wrong = benk.ok(wrong).await.kontakt.unwrap();

    let mut right = levert(&benk, &begun.name, Kontaktutfall::Mott, 30, 0);
    right.retter = hos_annen(&wrong.name);
    right.rettelse = "en halv time".into();
    let refusal = benk.avslag(right.clone()).await;
    assert_eq!(refusal.felt, [("retter".into(), Feilgrunn::FeltMotstrid)]);
    right.request_id = request_id();
    right.retter = format!("{P}/kontakter/{}", request_id());
    assert_eq!(
        benk.avslag(right.clone()).await.grunn,
        Feilgrunn::IkkeFunnet
    );
    right.request_id = request_id();
    right.retter.clone_from(&wrong.name);
    let right = benk.ok(right).await.kontakt.unwrap();
    assert_eq!(right.retter, wrong.name);

    let all = ListKontakterRequest {
        parent: P.into(),
        ..Default::default()
    };
    let [newest, marked] = &benk.ok(all).await.kontakter[..] else {
        panic!("both stand")
    };
    assert_eq!((newest, newest.rettet), (&right, false));
    assert!(marked.rettet && marked.rettet_av.is_some());
    assert_eq!((marked.minutter, &*marked.rettelse), (60, "en halv time"));
    let again = benk.avslag(annuller(&wrong.name)).await;
    assert_eq!(again.grunn, Feilgrunn::UgyldigOvergang);

    let week = || async {
        let request = ListLeveringerRequest {
            parent: P.into(),
            uke: dag(&benk, 0),
            ..Default::default()
        };
        benk.ok(request).await.leveringer.remove(0)
    };
    assert!((week().await.levert - 0.5).abs() < 0.01);
    assert_eq!(week().await.kontakter, 1);
    let day = dag(&benk, 0);
    let mut without = annuller(&right.name);
    without.begrunnelse.clear();
    let refusal = benk.avslag(without).await;
    assert_eq!(
        refusal.felt,
        [("begrunnelse".into(), Feilgrunn::FeltMangler)]
    );
    benk.clock.advance(DAY);
    let counted = tall(&benk, &day).await;
    assert_eq!((counted.kontakter[0].kontakter, counted.begynt), (1, 1));
    benk.ok(annuller(&right.name)).await;
    let counted = tall(&benk, &day).await;
    assert_eq!((counted.kontakter[0].kontakter, counted.begynt), (0, 0));
    assert_eq!(counted.venter, 1, "nobody was met after all");
}

/// Seen red: with the wrong one among the latest; without the clock of what it
/// had settled.
async fn what_a_wrong_contact_had_settled_is_open_again(database: Database) {
    let benk = Benk::start(&database).await;
    let declined = registrer(&benk, Kontaktutfall::TakketNei).await;
    let met = registrer(&benk, Kontaktutfall::Mott).await;
    benk.ok(annuller(&met.name)).await;
    // 2026-10-08, as the person was told.
    benk.clock.advance(DAY * 8);
    until(|| async {
        let tasks = innboks(&benk, "rop", Oppgavetype::NyttTilbud).await;
        tasks.iter().any(|task| task.post == declined.name)
    })
    .await;
    benk.ok(annuller(&declined.name)).await;
    let left = innboks(&benk, "rop", Oppgavetype::NyttTilbud).await;
    assert!(left.is_empty(), "it was never offered");

    // Two missed and one that was not: no outreach is called for.
    for _ in 0..2 {
        registrer(&benk, Kontaktutfall::IkkeMott).await;
    }
    let wrong = registrer(&benk, Kontaktutfall::Mott).await;
    benk.ok(annuller(&wrong.name)).await;
    assert!(
        innboks(&benk, "rop", Oppgavetype::Oppsokende)
            .await
            .is_empty()
    );
    registrer(&benk, Kontaktutfall::IkkeMott).await;
    let outreach = innboks(&benk, "rop", Oppgavetype::Oppsokende).await;
    assert_eq!(outreach.len(), 1, "three in a row, without the wrong one");
}

/// Seen red: with both of them in the sum.
async fn a_wrong_count_is_counted_as_the_one_that_stands_for_it(database: Database) {
    let benk = Benk::start(&database).await;
    let day = dag(&benk, 0);
    benk.ok(tell(4, &day)).await;
    let wrong = benk.ok(tell(40, &day)).await.lavterskel.unwrap();
    let mut right = tell(0, &day);
    right.retter.clone_from(&wrong.name);
    let refusal = benk.avslag(right.clone()).await;
    assert_eq!(refusal.felt, [("rettelse".into(), Feilgrunn::FeltMangler)]);
    right.request_id = request_id();
    right.rettelse = "ført to ganger".into();
    let stands = benk.ok(right.clone()).await.lavterskel.unwrap();
    assert_eq!((&stands.retter, stands.antall), (&wrong.name, 0));
    for (retter, reason) in [
        (wrong.name.clone(), Feilgrunn::FeltMotstrid),
        ("enheter/nav/lavterskel/x".to_owned(), Feilgrunn::FeltForm),
    ] {
        right.request_id = request_id();
        right.retter = retter;
        let refusal = benk.avslag(right.clone()).await;
        assert_eq!(refusal.felt, [("retter".into(), reason)]);
    }
    right.request_id = request_id();
    right.retter = format!("enheter/rop/lavterskel/{}", request_id());
    assert_eq!(benk.avslag(right).await.grunn, Feilgrunn::IkkeFunnet);

    let request = ListLavterskelRequest {
        parent: "enheter/rop".into(),
        ..Default::default()
    };
    let rows = benk.ok(request).await.lavterskel;
    let shown: Vec<_> = rows.iter().map(|row| (row.antall, row.rettet)).collect();
    assert_eq!(shown, [(0, false), (40, true), (4, false)]);
    benk.clock.advance(DAY);
    assert_eq!(tall(&benk, &day).await.anonyme, 4);
}

/// Seen red: with an end that keeps no day.
async fn a_primary_contact_ends_and_the_caseload_falls(database: Database) {
    let benk = Benk::start(&database).await;
    let mut other = primaer("t1");
    other.parent = hos_annen(&format!("{P}/x")).replace("/x", "");
    benk.ok(other).await;
    let given = benk.ok(primaer("t1")).await;
    assert_eq!(given.antall, 2);
    let name = given.primaerkontakt.unwrap().name;
    let mut without = slutt(&name);
    without.begrunnelse = " ".into();
    let refusal = benk.avslag(without).await;
    assert_eq!(
        refusal.felt,
        [("begrunnelse".into(), Feilgrunn::FeltMangler)]
    );
    let ended = benk.ok(slutt(&name)).await;
    assert_eq!(ended.antall, 1);
    let ended = ended.primaerkontakt.unwrap();
    assert!(ended.til.is_some() && ended.avsluttet_av.is_some());
    assert_eq!(ended.avslutning, "flyttet");
    let again = benk.avslag(slutt(&name)).await;
    assert_eq!(again.grunn, Feilgrunn::UgyldigOvergang);
    let load = ListBelastningRequest {
        parent: "enheter/rop".into(),
        ..Default::default()
    };
    assert_eq!(benk.ok(load).await.belastninger[0].antall, 1);
    // Somebody may be named anew.
    benk.ok(primaer("t1")).await;
    let all = ListPrimaerkontakterRequest {
        parent: P.into(),
        ..Default::default()
    };
    assert_eq!(benk.ok(all).await.primaerkontakter.len(), 2);
}

/// Seen red: without the cut-off of the scale.
async fn a_low_score_is_a_task_until_it_is_answered(database: Database) {
    let benk = Benk::start(&database).await;
    oppfolging::sendt(&benk).await;
    benk.ok(tiltak("")).await;
    let fit = |skjema: Fitskjema, tideler| GiTilbakemeldingRequest {
        r#type: Tilbakemeldingstype::Fit.into(),
        skjema: skjema.into(),
        skar_tideler: tideler,
        har_skar: true,
        tekst: String::new(),
        ..gi()
    };
    let low = benk.ok(fit(Fitskjema::Ors, 184)).await;
    let low = low.tilbakemelding.unwrap();
    assert_eq!((low.skar_tideler, low.under_grensen), (184, true));
    let high = benk.ok(fit(Fitskjema::Srs, 372)).await;
    assert!(!high.tilbakemelding.unwrap().under_grensen);
    let list = || innboks(&benk, "rop", Oppgavetype::FitUnderGrensen);
    let tasks = list().await;
    assert_eq!(tasks.len(), 1);
    assert_eq!(tasks[0].post, low.name);
    assert!(
        tasks[0].frist.unwrap().seconds < low.svarfrist.unwrap().seconds,
        "before the answer is due"
    );
    benk.clock.advance(DAY * 7);
    until(|| async { benk.hendelser("rop").await.contains(&"FristBrutt".into()) }).await;
    benk.ok(besvar(&low.name)).await;
    assert!(list().await.is_empty());
    let left = innboks(&benk, "rop", Oppgavetype::Tilbakemelding).await;
    assert_eq!(left.len(), 1, "the other one waits");
}

/// Seen red: with the deadline of a version that was replaced.
async fn a_crisis_plan_is_gone_through_until_a_newer_one_is_written(database: Database) {
    let benk = Benk::start(&database).await;
    let list = || innboks(&benk, "rop", Oppgavetype::Kriseplan);
    let mut first = plan("");
    first.gjennomgas = dag(&benk, 30);
    let first = benk.ok(first).await.kriseplan.unwrap();
    assert_eq!(first.gjennomgas, dag(&benk, 30));
    assert!(list().await.is_empty(), "it is far ahead");
    benk.clock.advance(DAY * 17);
    until(|| async { list().await.len() == 1 }).await;
    assert_eq!(list().await[0].post, first.name);
    let second = benk.ok(plan(&first.name)).await.kriseplan.unwrap();
    assert!(list().await.is_empty());
    // The newer one has its own day, in a year; the older asks for nothing.
    benk.clock.advance(DAY * 60);
    registrer(&benk, Kontaktutfall::Mott).await;
    assert!(list().await.is_empty());
    benk.clock.advance(DAY * 300);
    until(|| async { list().await.len() == 1 }).await;
    assert_eq!(list().await[0].post, second.name);
}
