//! What is delivered: plans of treatment, pathway, caseload, feedback, offers,
//! and hours against what is granted.

use samspor_chassis::testing::{Database, request_id};
use samspor_proto::{
    bestillerkontor::OppdragTilstand,
    felles::{Feilgrunn, Rolle},
    rop::{
        AvsluttAktivitetstilbudRequest, AvsluttHovedforlopRequest, AvsluttTiltakRequest,
        Eksklusjon, Forlop, HentAktivitetstilbudRequest, HentBehandlingsplanRequest,
        HentTilbakemeldingRequest, Kontaktutfall, Leveringsgrad, ListAktivitetstilbudRequest,
        ListBehandlingsplanerRequest, ListBelastningRequest, ListEnhetensLeveringerRequest,
        ListHovedforlopRequest, ListLeveringerRequest, ListPrimaerkontakterRequest,
        ListTilbakemeldingerRequest, ListTiltakRequest, ListUbesvarteTilbakemeldingerRequest,
        OppdaterTiltakRequest, Oppgavetype,
    },
};

use super::{
    DAY, P,
    benk::{Benk, Hvem, until},
    foresporsler::{
        alle, behandling, bestilt, besvar, dag, forlop, gi, levert, oppdrag, primaer, tilbud,
        tiltak,
    },
    hos_annen, innboks, oppfolging,
};

samspor_chassis::on_both_databases! {
    a_plan_of_treatment_is_evaluated,
    one_pathway_at_a_time,
    feedback_is_answered_and_the_person_reads_it,
    a_caseload_above_the_cap_warns_and_is_taken,
    delivered_against_what_bestillerkontor_grants,
    an_ended_oppdrag_ends_what_is_delivered_under_it,
    who_accepts_active_use,
}

async fn a_plan_of_treatment_is_evaluated(database: Database) {
    let benk = Benk::start(&database).await;
    let first = benk
        .ok(behandling(&benk, 60, ""))
        .await
        .behandlingsplan
        .unwrap();
    assert_eq!(
        benk.avslag(behandling(&benk, 60, "")).await.grunn,
        Feilgrunn::UtdatertEtag
    );
    let mut silent = behandling(&benk, 60, &first.name);
    silent.evaluering.clear();
    let refusal = benk.avslag(silent).await;
    assert_eq!(
        refusal.felt,
        [("evaluering".into(), Feilgrunn::FeltMangler)]
    );
    let refusal = benk.avslag(behandling(&benk, 0, &first.name)).await;
    assert_eq!(refusal.felt, [("evalueres".into(), Feilgrunn::FeltForm)]);
    let refusal = benk.avslag(behandling(&benk, 400, &first.name)).await;
    assert_eq!(refusal.felt, [("evalueres".into(), Feilgrunn::FeltForm)]);

    let due = || innboks(&benk, "rop", Oppgavetype::Evaluering);
    benk.clock.advance(DAY * 47);
    until(|| async { !due().await.is_empty() }).await;
    assert_eq!(due().await[0].post, first.name);
    let second = benk
        .ok(behandling(&benk, 60, &first.name))
        .await
        .behandlingsplan
        .unwrap();
    assert!(due().await.is_empty());
    assert!(second.versjon == 2 && second.gjeldende && second.erstatter == first.name);
    let read = benk
        .ok(HentBehandlingsplanRequest {
            name: first.name.clone(),
        })
        .await;
    assert!(!read.behandlingsplan.unwrap().gjeldende);
    let all = benk
        .ok(alle!(ListBehandlingsplanerRequest))
        .await
        .behandlingsplaner;
    assert_eq!(all.len(), 2);
    let name = hos_annen(&first.name);
    let refusal = benk.avslag(HentBehandlingsplanRequest { name }).await;
    assert_eq!(refusal.grunn, Feilgrunn::IkkeFunnet);
}

/// Seen red: without ending the period before.
async fn one_pathway_at_a_time(database: Database) {
    let benk = Benk::start(&database).await;
    let first = benk
        .ok(forlop(Forlop::To, "2026-01-01"))
        .await
        .hovedforlop
        .unwrap();
    for (day, field) in [("2026-01-01", "fra"), ("2027-12-01", "fra"), ("", "fra")] {
        let refusal = benk.avslag(forlop(Forlop::Tre, day)).await;
        assert_eq!(refusal.felt[0].0, field, "{day}");
    }
    let second = benk
        .ok(forlop(Forlop::Tre, "2026-03-01"))
        .await
        .hovedforlop
        .unwrap();
    let all = benk.ok(alle!(ListHovedforlopRequest)).await.hovedforlop;
    assert_eq!(all[1].name, first.name);
    assert_eq!(all[1].til, "2026-02-28");
    let avslutt = |til: &str| AvsluttHovedforlopRequest {
        name: second.name.clone(),
        request_id: request_id(),
        til: til.into(),
        begrunnelse: "Flyttet".into(),
    };
    for day in ["2026-02-27", "2099-01-01"] {
        assert_eq!(benk.avslag(avslutt(day)).await.felt[0].0, "til", "{day}");
    }
    benk.ok(avslutt("2026-05-31")).await;
    assert_eq!(
        benk.avslag(avslutt("2026-05-31")).await.grunn,
        Feilgrunn::UgyldigOvergang
    );
    let refusal = benk.avslag(forlop(Forlop::To, "2026-05-31")).await;
    assert_eq!(refusal.felt, [("fra".into(), Feilgrunn::FeltMotstrid)]);
    benk.ok(forlop(Forlop::To, "2026-06-01")).await;
}

/// Seen red: without the deadline.
async fn feedback_is_answered_and_the_person_reads_it(database: Database) {
    let benk = Benk::start(&database).await;
    oppfolging::sendt(&benk).await;
    benk.ok(tiltak("")).await;
    let person = Hvem::innbygger(P);
    let given = benk
        .kall(&person, gi())
        .await
        .unwrap()
        .tilbakemelding
        .unwrap();
    assert!(!given.pa_vegne_av);
    benk.clock.advance(std::time::Duration::from_secs(1));
    let for_the_person = benk.ok(gi()).await.tilbakemelding.unwrap();
    assert!(for_the_person.pa_vegne_av);
    let due = || async {
        let parent = "enheter/rop".to_owned();
        benk.ok(ListUbesvarteTilbakemeldingerRequest {
            parent,
            ..Default::default()
        })
        .await
        .tilbakemeldinger
    };
    assert_eq!(due().await.len(), 2);
    assert_eq!(due().await[0].name, given.name);
    assert_eq!(
        innboks(&benk, "rop", Oppgavetype::Tilbakemelding)
            .await
            .len(),
        2
    );

    let mut empty = besvar(&given.name);
    empty.endring.clear();
    let refusal = benk.avslag(empty).await;
    assert_eq!(refusal.felt, [("endring".into(), Feilgrunn::FeltMangler)]);
    let refusal = benk.kall(&person, besvar(&given.name)).await.unwrap_err();
    assert_eq!(refusal.grunn, Feilgrunn::IkkeTillatt);
    benk.ok(besvar(&given.name)).await;
    assert_eq!(
        benk.avslag(besvar(&given.name)).await.grunn,
        Feilgrunn::UgyldigOvergang
    );
    let read = benk
        .kall(&person, HentTilbakemeldingRequest { name: given.name })
        .await
        .unwrap();
    assert_eq!(read.tilbakemelding.unwrap().svar, "Vi skulle ha ringt");
    assert_eq!(due().await.len(), 1);
    assert_eq!(
        innboks(&benk, "rop", Oppgavetype::Tilbakemelding)
            .await
            .len(),
        1
    );

    benk.clock.advance(DAY * 20);
    until(|| async {
        benk.hendelser("rop")
            .await
            .contains(&"FristBrutt".to_owned())
    })
    .await;
    assert_eq!(
        benk.ok(alle!(ListTilbakemeldingerRequest))
            .await
            .tilbakemeldinger
            .len(),
        2
    );
}

/// Seen red: with a higher cap.
async fn a_caseload_above_the_cap_warns_and_is_taken(database: Database) {
    let benk = Benk::start(&database).await;
    let leader = Hvem::ansatt("rop", "l1", Rolle::Leder);
    let mut last = None;
    for n in 0..16 {
        let mut request = primaer("rop-t1");
        request.parent = format!("personer/3f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a{n:04x}");
        let answer = benk.kall(&leader, request).await.unwrap();
        assert_eq!(answer.over_grensen, n == 15, "{n}");
        last = answer.primaerkontakt;
    }
    let warned = |told: Vec<String>| {
        told.iter()
            .filter(|t| *t == "BelastningOverGrensen")
            .count()
    };
    assert_eq!(warned(benk.hendelser("rop").await), 1);
    let parent = "enheter/rop".to_owned();
    let list = benk
        .ok(ListBelastningRequest {
            parent,
            ..Default::default()
        })
        .await
        .belastninger;
    assert_eq!(
        (
            list[0].ansatt.as_str(),
            list[0].antall,
            list[0].over_grensen
        ),
        ("rop-t1", 16, true)
    );

    let mut other = primaer("rop-t2");
    other.parent = last.unwrap().name.split("/primaer").next().unwrap().into();
    assert_eq!(benk.kall(&leader, other.clone()).await.unwrap().antall, 1);
    other.request_id = request_id();
    assert_eq!(benk.avslag(other.clone()).await.grunn, Feilgrunn::Konflikt);
    let request = ListPrimaerkontakterRequest {
        parent: other.parent,
        ..Default::default()
    };
    let all = benk.ok(request).await.primaerkontakter;
    assert!(all[0].til.is_none() && all[1].til.is_some());
}

/// Seen red: with an amendment that changes days that have passed.
async fn delivered_against_what_bestillerkontor_grants(database: Database) {
    let benk = Benk::start(&database).await;
    let uke = dag(&benk, 0);
    assert_eq!(
        benk.avslag(tiltak(&oppdrag(1))).await.grunn,
        Feilgrunn::IkkeFunnet
    );
    let mut offered = bestilt(&benk, oppdrag(1), 2.0, 3.0);
    offered.tilstand = OppdragTilstand::Tilbudt.into();
    benk.oppdrag.sett(offered);
    let refusal = benk.avslag(tiltak(&oppdrag(1))).await;
    assert_eq!(refusal.felt, [("oppdrag".into(), Feilgrunn::FeltMotstrid)]);
    benk.oppdrag.sett(bestilt(&benk, oppdrag(1), 2.0, 3.0));
    let begun = benk.ok(tiltak(&oppdrag(1))).await.tiltak.unwrap();
    assert!((begun.rammer[0].maks_timer - 3.0).abs() < 0.01);
    assert_eq!(
        benk.avslag(tiltak(&oppdrag(1))).await.grunn,
        Feilgrunn::Konflikt
    );

    let week = || async {
        let request = ListLeveringerRequest {
            parent: P.into(),
            uke: uke.clone(),
            ..Default::default()
        };
        benk.ok(request).await.leveringer.remove(0)
    };
    let states = [
        (Kontaktutfall::IkkeMott, 60, 0.0, Leveringsgrad::Under),
        (Kontaktutfall::Mott, 90, 1.5, Leveringsgrad::Under),
        (Kontaktutfall::Mott, 30, 2.0, Leveringsgrad::Innenfor),
        (Kontaktutfall::Mott, 75, 3.25, Leveringsgrad::Over),
    ];
    for (outcome, minutes, hours, grad) in states {
        benk.ok(levert(&benk, &begun.name, outcome, minutes, 0))
            .await;
        let found = week().await;
        assert_eq!((found.levert, found.grad()), (hours, grad));
    }
    benk.ok(levert(&benk, &begun.name, Kontaktutfall::Mott, 600, 14))
        .await;
    let found = week().await;
    assert_eq!(
        (found.levert, found.kontakter, found.ikke_mott),
        (3.25, 4, 1)
    );
    assert!((found.innvilget_min - 2.0).abs() < 0.01 && found.pagar);

    let parent = "enheter/rop".to_owned();
    let request = ListEnhetensLeveringerRequest {
        parent,
        uke: uke.clone(),
        ..Default::default()
    };
    assert_eq!(benk.ok(request.clone()).await.leveringer, [found]);
    let to_come = ListEnhetensLeveringerRequest {
        uke: dag(&benk, 8),
        ..request
    };
    assert_eq!(
        benk.avslag(to_come).await.felt,
        [("uke".into(), Feilgrunn::FeltForm)]
    );

    // The vedtak is amended.
    benk.oppdrag.sett(bestilt(&benk, oppdrag(1), 7.0, 7.0));
    let name = begun.name.clone();
    let amended = benk
        .ok(OppdaterTiltakRequest {
            name,
            request_id: request_id(),
        })
        .await;
    assert_eq!(amended.tiltak.unwrap().rammer.len(), 2);
    let end = AvsluttTiltakRequest {
        name: begun.name.clone(),
        request_id: request_id(),
        begrunnelse: "møter ikke".into(),
    };
    assert_eq!(
        benk.avslag(end).await.felt,
        [("name".into(), Feilgrunn::FeltMotstrid)]
    );
    let mut other = levert(&benk, &hos_annen(&begun.name), Kontaktutfall::Mott, 1, 0);
    let refusal = benk.avslag(other.clone()).await;
    assert_eq!(refusal.felt, [("tiltak".into(), Feilgrunn::FeltMotstrid)]);
    other.request_id = request_id();
    other.tiltak = format!("{P}/tiltak/{}", request_id());
    assert_eq!(benk.avslag(other).await.grunn, Feilgrunn::IkkeFunnet);
}

async fn an_ended_oppdrag_ends_what_is_delivered_under_it(database: Database) {
    let told = [("OppdragAvsluttet", oppdrag(1))];
    let first = Benk::start(&database).await;
    first.oppdrag.sett(bestilt(&first, oppdrag(1), 2.0, 3.0));
    first.oppdrag.sett(bestilt(&first, oppdrag(2), 2.0, 3.0));
    first.ok(tiltak(&oppdrag(1))).await;
    first.ok(tiltak(&oppdrag(2))).await;
    let without = first.ok(tiltak("")).await.tiltak.unwrap();
    first.stopp().await;

    let benk = Benk::start_with(&database, &told).await;
    benk.har_lest(told.len()).await;
    let all = benk.ok(alle!(ListTiltakRequest)).await.tiltak;
    let open: Vec<bool> = all.iter().map(|one| one.avsluttet.is_none()).collect();
    assert_eq!(open, [true, true, false]);
    let late = levert(&benk, &all[2].name, Kontaktutfall::Mott, 5, 0);
    assert_eq!(
        benk.avslag(late).await.felt,
        [("tiltak".into(), Feilgrunn::FeltMotstrid)]
    );
    let end = AvsluttTiltakRequest {
        name: without.name,
        request_id: request_id(),
        begrunnelse: "målet er nådd".into(),
    };
    assert!(benk.ok(end).await.tiltak.unwrap().avsluttet.is_some());
}

/// Seen red: without the criteria.
async fn who_accepts_active_use(database: Database) {
    let benk = Benk::start(&database).await;
    let strict = benk
        .ok(tilbud(&[Eksklusjon::AktivRus, Eksklusjon::Vold]))
        .await;
    let open = benk.ok(tilbud(&[])).await.aktivitetstilbud.unwrap();
    let sober_only_at_the_door = benk.ok(tilbud(&[Eksklusjon::PavirketOppmote])).await;
    let mut nameless = tilbud(&[]);
    nameless.kilde.clear();
    assert_eq!(
        benk.avslag(nameless).await.felt,
        [("kilde".into(), Feilgrunn::FeltMangler)]
    );
    let strict = strict.aktivitetstilbud.unwrap();
    let sober = sober_only_at_the_door.aktivitetstilbud.unwrap();
    let nav = Hvem::enhet("nav");
    for (accepts, expected) in [
        (vec![], vec![&strict.name, &open.name, &sober.name]),
        (vec![Eksklusjon::AktivRus], vec![&open.name, &sober.name]),
        (
            vec![Eksklusjon::AktivRus, Eksklusjon::PavirketOppmote],
            vec![&open.name],
        ),
    ] {
        let request = ListAktivitetstilbudRequest {
            parent: "enheter/rop".into(),
            godtar: accepts.into_iter().map(Into::into).collect(),
            ..Default::default()
        };
        let found = benk.kall(&nav, request).await.unwrap().aktivitetstilbud;
        let names: Vec<&String> = found.iter().map(|one| &one.name).collect();
        assert_eq!(names, expected);
    }
    let end = || AvsluttAktivitetstilbudRequest {
        name: open.name.clone(),
        request_id: request_id(),
    };
    benk.ok(end()).await;
    assert_eq!(benk.avslag(end()).await.grunn, Feilgrunn::UgyldigOvergang);
    let read = benk
        .ok(HentAktivitetstilbudRequest {
            name: open.name.clone(),
        })
        .await;
    let ended = read.aktivitetstilbud.unwrap();
    assert!(!ended.aktivt && ended.avsluttet.is_some());
    assert_eq!(ended.registrert, open.registrert, "who offered it is known");
}
