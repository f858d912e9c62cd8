//! Whom the unit follows: under a vedtak, or because the person came.

use samspor_chassis::testing::{Database, request_id};
use samspor_proto::{
    felles::{Faktum, Faktumtype, Feilgrunn, Rolle},
    rop::{
        ApneOppfolgingRequest, AvsluttOppfolgingRequest, BekreftOppfolgingRequest, Forlop,
        HentOppfolgingRequest, Kontaktutfall, ListBelastningRequest, ListHovedforlopRequest,
        ListKontaktplanerRequest, ListOppfolgingerRequest, ListPlanlagteKontakterRequest,
        OppdaterTiltakRequest, Oppfolging, OppfolgingTilstand, Oppgave, Oppgavetype, PlanTilstand,
    },
};

use super::{
    DAY, P,
    benk::{Benk, Hvem, until},
    dekning::ferdig,
    foresporsler::{
        behandling, bestilt, besvar, dag, forlop, gi, oppdrag, plan as steg, planlegg, primaer,
        tiltak,
    },
    hjemmel, innboks, plan, registrer, risiko, tildel,
};

samspor_chassis::on_both_databases! {
    nothing_outlives_the_end,
    one_word_is_no_confirmation,
    the_last_end_asks_for_the_end,
    what_has_ended_begins_no_more,
    an_amendment_holds_from_its_day,
}

fn apne() -> ApneOppfolgingRequest {
    ApneOppfolgingRequest {
        parent: P.into(),
        request_id: request_id(),
        begrunnelse: "Kom innom og ville snakke".into(),
        hjemmel: Some(hjemmel()),
    }
}

pub(crate) fn bekreft(name: &str) -> BekreftOppfolgingRequest {
    BekreftOppfolgingRequest {
        name: name.into(),
        request_id: request_id(),
    }
}

pub(crate) fn avslutt(name: &str) -> AvsluttOppfolgingRequest {
    AvsluttOppfolgingRequest {
        name: name.into(),
        request_id: request_id(),
        begrunnelse: "Målene er nådd".into(),
        alternativ: "Kan ringe ROP-telefonen".into(),
    }
}

/// Nav sends the person: the unit follows, on another unit's word.
pub(crate) async fn sendt(benk: &Benk) {
    let nav = Hvem::ansatt("nav", "n1", Rolle::Inntak);
    benk.kall(&nav, apne()).await.unwrap();
}

async fn alle(benk: &Benk) -> Vec<Oppfolging> {
    let request = ListOppfolgingerRequest {
        parent: P.into(),
        ..Default::default()
    };
    benk.ok(request).await.oppfolginger
}

async fn oppgaver(benk: &Benk) -> Vec<Oppgavetype> {
    let tasks = innboks(benk, "rop", Oppgavetype::Unspecified).await;
    tasks.iter().map(Oppgave::r#type).collect()
}

async fn relasjoner(benk: &Benk) -> Vec<Faktumtype> {
    let facts = benk.fakta(P).await;
    facts.iter().map(Faktum::r#type).collect()
}

/// Seen red: with who treats left; with an end by whoever works there.
async fn nothing_outlives_the_end(database: Database) {
    let told = [
        ("OppdragTilbudt", oppdrag(1)),
        ("OppdragAkseptert", oppdrag(1)),
        ("OppdragAvsluttet", oppdrag(1)),
    ];
    let benk = Benk::start_with(&database, &told).await;
    benk.har_lest(told.len()).await;
    let [open] = &alle(&benk).await[..] else {
        panic!("the accepted oppdrag opened it")
    };
    assert_eq!(open.tilstand(), OppfolgingTilstand::Apen);
    assert_eq!(
        open.bekreftet_av.as_ref().unwrap().enhet,
        "enheter/bestillerkontor"
    );
    assert_eq!(relasjoner(&benk).await, [Faktumtype::Oppfolger]);
    assert_eq!(oppgaver(&benk).await, [Oppgavetype::AvsluttOppfolging]);

    benk.ok(tildel("t7")).await;
    benk.ok(primaer("t7")).await;
    benk.ok(forlop(Forlop::To, &dag(&benk, 0))).await;
    benk.ok(steg(&benk, &[3])).await;
    benk.ok(planlegg(&benk, &["r1", "r2"])).await;
    benk.ok(behandling(&benk, 30, "")).await;
    benk.ok(plan("")).await;
    benk.ok(risiko(&benk)).await;
    let mut declined = super::kontakt(Kontaktutfall::TakketNei);
    declined.r#type = samspor_proto::rop::Kontakttype::Telefon.into();
    benk.ok(declined).await;
    let feedback = benk.ok(gi()).await.tilbakemelding.unwrap();

    let leader = Hvem::ansatt("rop", "l1", Rolle::Leder);
    let end = async |request| {
        let ended = benk.kall(&leader, request).await;
        ended.map_err(|refusal| (refusal.grunn, refusal.felt))
    };
    let fault = |field: &str, grunn| {
        Err((
            Feilgrunn::UgyldigForesporsel,
            vec![(field.to_owned(), grunn)],
        ))
    };
    let unanswered = end(avslutt(&open.name)).await;
    assert_eq!(unanswered, fault("name", Feilgrunn::FeltMotstrid));
    benk.ok(besvar(&feedback.name)).await;
    let mut silent = avslutt(&open.name);
    silent.alternativ = " ".into();
    assert_eq!(
        end(silent).await,
        fault("alternativ", Feilgrunn::FeltMangler)
    );
    let milieu = Hvem::ansatt("rop", "m1", Rolle::Miljo);
    let refusal = benk.kall(&milieu, avslutt(&open.name)).await.unwrap_err();
    assert_eq!(refusal.grunn, Feilgrunn::IkkeTillatt);
    let receipt = end(avslutt(&open.name)).await.unwrap().kvittering.unwrap();
    assert!(open.name.ends_with(&receipt.referanse));

    assert_eq!(relasjoner(&benk).await, [], "the journal is shut");
    assert_eq!(oppgaver(&benk).await, []);
    let load = ListBelastningRequest {
        parent: "enheter/rop".into(),
        ..Default::default()
    };
    assert_eq!(benk.ok(load).await.belastninger, []);
    let pathways = ListHovedforlopRequest {
        parent: P.into(),
        ..Default::default()
    };
    let pathways = benk.ok(pathways).await.hovedforlop;
    assert_eq!(pathways[0].til, dag(&benk, 0));
    let planned = ListPlanlagteKontakterRequest {
        parent: P.into(),
        ..Default::default()
    };
    let planned = benk.ok(planned).await.planlagte_kontakter;
    assert_eq!(planned[0].tilstand(), PlanTilstand::Avlyst);
    let reach = ListKontaktplanerRequest {
        parent: P.into(),
        ..Default::default()
    };
    assert!(!benk.ok(reach).await.kontaktplaner[0].apen);
    // No clock runs on: a year makes no task of them.
    let told = benk.hendelser("rop").await.len();
    benk.clock.advance(DAY * 400);
    benk.ok(super::aapent()).await;
    assert_eq!(oppgaver(&benk).await, []);
    assert_eq!(
        benk.hendelser("rop").await.len(),
        told + 1,
        "the note alone"
    );
    assert_eq!(alle(&benk).await.len(), 1, "nothing waits on what is noted");

    let read = HentOppfolgingRequest {
        name: open.name.clone(),
    };
    let ended = benk.ok(read).await.oppfolging.unwrap();
    assert_eq!(ended.alternativ, "Kan ringe ROP-telefonen");
    assert_eq!(ended.avsluttet_av.unwrap().ansatt, "l1");
    let again = benk.avslag(avslutt(&open.name)).await;
    assert_eq!(again.grunn, Feilgrunn::UgyldigOvergang);
    // The person says something: somebody is to answer, and can.
    let herself = Hvem::innbygger(P);
    benk.kall(&herself, gi()).await.unwrap();
    assert_eq!(relasjoner(&benk).await, [Faktumtype::Oppfolger]);
    assert_eq!(alle(&benk).await.len(), 2);
    // The plans that stand are seen to again, and the risk that expired.
    let again = [
        Oppgavetype::Evaluering,
        Oppgavetype::Kriseplan,
        Oppgavetype::Risikovurdering,
    ];
    until(|| async {
        let tasks = oppgaver(&benk).await;
        again.iter().all(|kind| tasks.contains(kind))
    })
    .await;
}

/// Guards against a clinician who opens a case and names another who treats.
///
/// Seen red: with an intake that is confirmed by itself.
async fn one_word_is_no_confirmation(database: Database) {
    let benk = Benk::start(&database).await;
    let intake = Hvem::ansatt("rop", "r1", Rolle::Inntak);
    let first = benk.kall(&intake, apne()).await.unwrap();
    let second = benk.kall(&intake, apne()).await.unwrap();
    assert_ne!(first.kvittering, second.kvittering);
    let [open] = &alle(&benk).await[..] else {
        panic!("one for a person")
    };
    assert!(open.bekreftet.is_none());
    assert_eq!(open.begrunnelse, "Kom innom og ville snakke");
    assert_eq!(relasjoner(&benk).await, [Faktumtype::Soker]);
    registrer(&benk, Kontaktutfall::Mott).await;
    assert_eq!(
        benk.avslag(tildel("t7")).await.grunn,
        Feilgrunn::IkkeTillatt
    );

    benk.clock.advance(DAY);
    until(|| async { oppgaver(&benk).await == [Oppgavetype::BekreftOppfolging] }).await;
    let alone = benk.avslag(bekreft(&open.name)).await;
    assert_eq!(alone.grunn, Feilgrunn::IkkeTillatt);
    let other = Hvem::ansatt("rop", "r2", Rolle::Miljo);
    let confirmed = benk.kall(&other, bekreft(&open.name)).await.unwrap();
    assert!(confirmed.oppfolging.unwrap().bekreftet.is_some());
    assert_eq!(relasjoner(&benk).await, [Faktumtype::Oppfolger]);
    assert_eq!(oppgaver(&benk).await, []);
    benk.ok(tildel("t7")).await;
    // Nothing is delivered: that is told before long.
    benk.clock.advance(DAY * 30);
    until(|| async { oppgaver(&benk).await == [Oppgavetype::AvsluttOppfolging] }).await;
    benk.ok(tiltak("")).await;
    assert_eq!(oppgaver(&benk).await, []);
}

/// Seen red: with an end that asks nothing.
async fn the_last_end_asks_for_the_end(database: Database) {
    let benk = Benk::start(&database).await;
    sendt(&benk).await;
    let one = benk.ok(tiltak("")).await.tiltak.unwrap();
    let two = benk.ok(tiltak("")).await.tiltak.unwrap();
    let open = alle(&benk).await.remove(0);
    let refusal = benk.avslag(avslutt(&open.name)).await;
    assert_eq!(refusal.felt, [("name".into(), Feilgrunn::FeltMotstrid)]);
    benk.ok(ferdig(&one.name)).await;
    assert_eq!(oppgaver(&benk).await, []);
    benk.ok(ferdig(&two.name)).await;
    let tasks = innboks(&benk, "rop", Oppgavetype::AvsluttOppfolging).await;
    assert_eq!(tasks[0].post, open.name);
    benk.ok(avslutt(&open.name)).await;
    assert_eq!(oppgaver(&benk).await, []);
}

/// The end of an oppdrag is heard of between its reading and the tiltak.
///
/// Seen red: with a tiltak that looks at what was read alone.
async fn what_has_ended_begins_no_more(database: Database) {
    let told = [("OppdragAvsluttet", oppdrag(1))];
    let benk = Benk::start_with(&database, &told).await;
    benk.har_lest(told.len()).await;
    benk.oppdrag.sett(bestilt(&benk, oppdrag(1), 2.0, 3.0));
    let refusal = benk.avslag(tiltak(&oppdrag(1))).await;
    assert_eq!(refusal.felt, [("oppdrag".into(), Feilgrunn::FeltMotstrid)]);
    assert_eq!(alle(&benk).await, [], "nor is the person followed for it");
}

/// Seen red: with the day on which it is read.
async fn an_amendment_holds_from_its_day(database: Database) {
    let first = Benk::start(&database).await;
    first.oppdrag.sett(bestilt(&first, oppdrag(1), 2.0, 3.0));
    let begun = first.ok(tiltak(&oppdrag(1))).await.tiltak.unwrap();
    first.stopp().await;
    let told = [("OppdragEndret", oppdrag(1))];
    let benk = Benk::start_with(&database, &told).await;
    benk.har_lest(told.len()).await;
    let amended = dag(&benk, 0);
    benk.clock.advance(DAY * 11);
    benk.oppdrag.sett(bestilt(&benk, oppdrag(1), 4.0, 5.0));
    let request = || OppdaterTiltakRequest {
        name: begun.name.clone(),
        request_id: request_id(),
    };
    let read = benk.ok(request()).await.tiltak.unwrap();
    assert_eq!(read.rammer[1].fra, amended);
    // Read again without an amendment, it holds from that day.
    let read = benk.ok(request()).await.tiltak.unwrap();
    assert_eq!(read.rammer[2].fra, dag(&benk, 0));
}
