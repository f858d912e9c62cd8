//! What is delivered beyond the first contact: plans, counts, feedback,
//! caseload, and the tasks that deadlines become.

use samspor_chassis::{
    testing::{Database, request_id},
    tid::Clock as _,
};
use samspor_proto::{
    bestillerkontor::{Oppdrag, OppdragTilstand},
    felles::{Feilgrunn, Rolle},
    rop::{
        AvlysKontaktRequest, AvsluttAktivitetstilbudRequest, AvsluttHovedforlopRequest,
        AvsluttKontaktplanRequest, AvsluttTiltakRequest, Behandlingsmal,
        BesvarTilbakemeldingRequest, Eksklusjon, EndreNaklasseRequest, Forlop,
        GiTilbakemeldingRequest, HentAktivitetstilbudRequest, HentBehandlingsplanRequest,
        HentPublisertStatistikkRequest, HentStatistikkRequest, HentTilbakemeldingRequest,
        Kontaktsteg, Kontakttype, Kontaktutfall, Leveringsgrad, ListAktivitetstilbudRequest,
        ListBehandlingsplanerRequest, ListBelastningRequest, ListEnhetensLeveringerRequest,
        ListHovedforlopRequest, ListKontaktplanerRequest, ListLavterskelRequest,
        ListLeveringerRequest, ListPlanlagteKontakterRequest, ListPrimaerkontakterRequest,
        ListTilbakemeldingerRequest, ListTiltakRequest, ListUbesvarteTilbakemeldingerRequest,
        MalTilstand, MeldKontaktstegRequest, Naklasse, OppdaterTiltakRequest, Oppgavetype,
        OpprettKontaktplanRequest, OpprettTiltakRequest, PlanTilstand, PlanleggKontaktRequest,
        PubliserStatistikkRequest, RegistrerAktivitetstilbudRequest, RegistrerKontaktRequest,
        RegistrerLavterskelRequest, Risikoniva, Risikotiltak, SettHovedforlopRequest,
        SkrivBehandlingsplanRequest, Tilbakemeldingstype, TildelPrimaerkontaktRequest,
    },
};

use super::{
    DAY, P,
    benk::{Benk, Hvem, until},
    hjemmel, hos_annen, innboks, kontakt, kvitter, oppfolging, registrer,
    rettelser::{annuller, slutt},
    risiko,
};

samspor_chassis::on_both_databases! {
    two_staff_where_the_assessment_asks_for_two,
    what_is_planned_is_reported_or_becomes_a_task,
    a_declined_offer_becomes_a_task_on_its_day,
    outreach_has_a_deadline_that_taking_it_does_not_stop,
    anonymous_counts_have_pages_and_no_person,
    a_plan_of_treatment_is_evaluated,
    one_pathway_at_a_time,
    steps_towards_a_person_become_tasks,
    feedback_is_answered_and_the_person_reads_it,
    a_caseload_above_the_cap_warns_and_is_taken,
    delivered_against_what_bestillerkontor_grants,
    an_ended_oppdrag_ends_what_is_delivered_under_it,
    who_accepts_active_use,
    figures_are_those_of_the_seed,
}

macro_rules! om {
    ($request:ident { $($field:tt)* }) => {
        $request {
            parent: P.into(),
            request_id: request_id(),
            hjemmel: Some(hjemmel()),
            $($field)*
        }
    };
}

macro_rules! alle {
    ($request:ident) => {
        $request {
            parent: P.into(),
            ..Default::default()
        }
    };
}

pub(crate) fn planlegg(benk: &Benk, ansatte: &[&str]) -> PlanleggKontaktRequest {
    om!(PlanleggKontaktRequest {
        r#type: Kontakttype::Besok.into(),
        tidspunkt: Some(benk.clock.now().plus(DAY).into()),
        ansatte: ansatte.iter().map(|who| (*who).to_owned()).collect(),
        tiltak: String::new(),
    })
}

pub(crate) fn tell(antall: i32, dag: &str) -> RegistrerLavterskelRequest {
    RegistrerLavterskelRequest {
        parent: "enheter/rop".into(),
        request_id: request_id(),
        dag: dag.into(),
        r#type: Kontakttype::DropIn.into(),
        antall,
        ..Default::default()
    }
}

/// `evalueres` in so many days.
pub(crate) fn behandling(benk: &Benk, days: u32, erstatter: &str) -> SkrivBehandlingsplanRequest {
    om!(SkrivBehandlingsplanRequest {
        mal: vec![Behandlingsmal {
            mal: "Sove om natten".into(),
            tiltak: vec!["Samtale hver uke".into()],
            tilstand: MalTilstand::Apent.into(),
        }],
        problem: "Søvn".into(),
        evalueres: dag(benk, days),
        evaluering: if erstatter.is_empty() {
            String::new()
        } else {
            "Sover bedre".into()
        },
        med_personen: true,
        erstatter: erstatter.into(),
    })
}

/// The day in so many days, `YYYY-MM-DD`.
pub(crate) fn dag(benk: &Benk, days: u32) -> String {
    samspor_chassis::domene::Dag::av(benk.clock.now().plus(DAY * days)).to_string()
}

pub(crate) fn forlop(forlop: Forlop, fra: &str) -> SettHovedforlopRequest {
    om!(SettHovedforlopRequest {
        forlop: forlop.into(),
        fra: fra.into(),
        begrunnelse: "Langvarig".into(),
        sen_begrunnelse: "Registrert etter en gjennomgang".into(),
    })
}

pub(crate) fn plan(benk: &Benk, days: &[u32]) -> OpprettKontaktplanRequest {
    let step = |days: &u32| Kontaktsteg {
        hva: "Ring på".into(),
        frist: dag(benk, *days),
        ..Default::default()
    };
    om!(OpprettKontaktplanRequest {
        klasse: Naklasse::IkkeAlvorlig.into(),
        grunnlag: "Åpner ikke".into(),
        steg: days.iter().map(step).collect(),
    })
}

pub(crate) fn meld(name: &str, nadd: bool) -> MeldKontaktstegRequest {
    MeldKontaktstegRequest {
        name: name.into(),
        request_id: request_id(),
        resultat: "Ingen svarte".into(),
        nadd,
        neste: None,
        kontakt: String::new(),
    }
}

pub(crate) fn gi() -> GiTilbakemeldingRequest {
    GiTilbakemeldingRequest {
        parent: P.into(),
        request_id: request_id(),
        r#type: Tilbakemeldingstype::Brukererfaring.into(),
        tekst: "Ble ikke hørt".into(),
        ..Default::default()
    }
}

pub(crate) fn besvar(name: &str) -> BesvarTilbakemeldingRequest {
    BesvarTilbakemeldingRequest {
        name: name.into(),
        request_id: request_id(),
        svar: "Vi skulle ha ringt".into(),
        endring: "Vi ringer samme dag".into(),
    }
}

pub(crate) fn primaer(ansatt: &str) -> TildelPrimaerkontaktRequest {
    om!(TildelPrimaerkontaktRequest {
        ansatt: ansatt.into()
    })
}

pub(crate) fn oppdrag(n: u8) -> String {
    format!("{P}/oppdrag/3f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b0{n}")
}

/// An oppdrag as bestillerkontor has it, of so many hours.
pub(crate) fn bestilt(benk: &Benk, name: String, min: f64, maks: f64) -> Oppdrag {
    Oppdrag {
        name,
        tilstand: OppdragTilstand::Startet.into(),
        enhet: "enheter/rop".into(),
        min_timer: min,
        maks_timer: maks,
        fra: "2026-09-01".into(),
        tilbudt: Some(benk.clock.now().minus(DAY * 10).into()),
        ..Default::default()
    }
}

pub(crate) fn tiltak(oppdrag: &str) -> OpprettTiltakRequest {
    om!(OpprettTiltakRequest {
        oppdrag: oppdrag.into(),
        beskrivelse: "Oppfølging hjemme".into(),
    })
}

/// A contact under a tiltak, so many days ago.
pub(crate) fn levert(
    benk: &Benk,
    tiltak: &str,
    utfall: Kontaktutfall,
    minutter: i32,
    days: u32,
) -> RegistrerKontaktRequest {
    let mut request = kontakt(utfall);
    request.tiltak = tiltak.into();
    request.minutter = minutter;
    request.tidspunkt = Some(benk.clock.now().minus(DAY * days).into());
    request
}

pub(crate) fn tilbud(ekskluderer: &[Eksklusjon]) -> RegistrerAktivitetstilbudRequest {
    RegistrerAktivitetstilbudRequest {
        parent: "enheter/rop".into(),
        request_id: request_id(),
        navn: "Aktivitetssenter".into(),
        beskrivelse: "Verksted og lunsj".into(),
        ekskluderer: ekskluderer.iter().map(|one| (*one).into()).collect(),
        kilde: "avdelingsleder".into(),
        gjelder_fra: "2026-01-01".into(),
        ..Default::default()
    }
}

pub(crate) fn publiser(maned: &str) -> PubliserStatistikkRequest {
    PubliserStatistikkRequest {
        parent: "enheter/rop".into(),
        request_id: request_id(),
        maned: maned.into(),
    }
}

/// How another is answered that tries every change of this file.
pub(crate) async fn alle_endringer(benk: &Benk, who: &Hvem) -> Vec<Feilgrunn> {
    let none = format!("{P}/x/{}", request_id());
    let mut answers = Vec::new();
    macro_rules! proves {
        ($($request:expr),+ $(,)?) => {$(
            answers.push(benk.kall(who, $request).await.unwrap_err().grunn);
        )+};
    }
    proves!(
        planlegg(benk, &["r1"]),
        AvlysKontaktRequest {
            name: none.clone(),
            request_id: request_id(),
            begrunnelse: "x".into()
        },
        tell(1, "2026-10-01"),
        behandling(benk, 30, ""),
        forlop(Forlop::To, "2026-10-01"),
        AvsluttHovedforlopRequest {
            name: none.clone(),
            request_id: request_id(),
            ..Default::default()
        },
        plan(benk, &[1]),
        meld(&none, true),
        AvsluttKontaktplanRequest {
            name: none.clone(),
            request_id: request_id(),
            ..Default::default()
        },
        EndreNaklasseRequest {
            name: none.clone(),
            request_id: request_id(),
            ..Default::default()
        },
        gi(),
        besvar(&none),
        primaer("t1"),
        tiltak(""),
        OppdaterTiltakRequest {
            name: none.clone(),
            request_id: request_id()
        },
        AvsluttTiltakRequest {
            name: none.clone(),
            request_id: request_id(),
            ..Default::default()
        },
        tilbud(&[]),
        AvsluttAktivitetstilbudRequest {
            name: none.clone(),
            request_id: request_id()
        },
        publiser("2026-09"),
        annuller(&none),
        slutt(&none),
        oppfolging::bekreft(&none),
        oppfolging::avslutt(&none),
    );
    answers
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

/// Seeds persons, contacts and hours, and computes from the seed what the
/// statistics must say.
///
/// Seen red: with anonymous counts from beyond the period.
async fn figures_are_those_of_the_seed(database: Database) {
    let benk = Benk::start(&database).await;
    // Somewhere in the middle of a month, two months on.
    benk.clock.advance(DAY * 80);
    let person = |n: u32| format!("personer/3f2c8a54-6c1e-4f7a-9b0d-2e5f8c7b{n:04x}");
    let (mut pathways, mut outcomes, mut minutes, mut waits) = ([0; 3], [0; 3], 0, Vec::new());
    for n in 0..14_u32 {
        let which = [Forlop::Et, Forlop::To, Forlop::Tre][(n % 3) as usize];
        pathways[(n % 3) as usize] += 1;
        let mut pathway = forlop(which, "2026-10-01");
        pathway.parent = person(n);
        benk.ok(pathway).await;
        let name = format!("{}/oppdrag/{}", person(n), request_id());
        benk.oppdrag.sett(bestilt(&benk, name.clone(), 1.0, 2.0));
        let mut begin = tiltak(&name);
        begin.parent = person(n);
        let begun = benk.ok(begin).await.tiltak.unwrap();
        if n < 11 {
            let outcome = [
                Kontaktutfall::Mott,
                Kontaktutfall::Mott,
                Kontaktutfall::IkkeMott,
            ][(n % 3) as usize];
            let mut contact = levert(&benk, &begun.name, outcome, 40, 0);
            contact.parent = person(n);
            benk.ok(contact).await;
            if outcome == Kontaktutfall::Mott {
                outcomes[0] += 1;
                minutes += 40;
                waits.push(10);
            } else {
                outcomes[1] += 1;
            }
        }
        benk.ok(tell(2, &dag(&benk, 0))).await;
    }
    let (fra, til) = (dag(&benk, 0), dag(&benk, 0));
    // The days around it are not counted.
    let mut before = kontakt(Kontaktutfall::Mott);
    before.tidspunkt = Some(benk.clock.now().minus(DAY * 2).into());
    benk.ok(before).await;
    benk.ok(tell(
        7,
        &samspor_chassis::domene::Dag::av(benk.clock.now().minus(DAY)).to_string(),
    ))
    .await;
    benk.clock.advance(DAY * 2);
    benk.ok(kontakt(Kontaktutfall::Mott)).await;
    benk.ok(tell(7, &dag(&benk, 0))).await;
    benk.clock.advance(DAY);
    let ask = |fra: &str, til: &str| HentStatistikkRequest {
        parent: "enheter/rop".into(),
        fra: fra.into(),
        til: til.into(),
    };
    let today = benk.avslag(ask(&fra, &dag(&benk, 0))).await;
    assert_eq!(today.felt, [("til".into(), Feilgrunn::FeltForm)]);
    let today = dag(&benk, 0);
    let early = publiser(today.rsplit_once('-').unwrap().0);
    assert_eq!(
        benk.avslag(early).await.felt,
        [("maned".into(), Feilgrunn::FeltForm)]
    );
    benk.clock.advance(DAY * 32);

    let exact = benk.ok(ask(&fra, &til)).await.statistikk.unwrap();
    let counted: Vec<i32> = exact.forlop.iter().map(|row| row.personer).collect();
    assert_eq!(counted, pathways);
    let counted: Vec<i32> = exact.kontakter.iter().map(|row| row.kontakter).collect();
    assert_eq!(counted, outcomes);
    assert_eq!(exact.anonyme, 28);
    assert!((exact.levert - f64::from(minutes) / 60.0).abs() < 0.01);
    assert!(
        (exact.innvilget_min - 14.0 / 7.0).abs() < 0.01,
        "one day of fourteen"
    );
    assert_eq!(exact.begynt, i32::try_from(waits.len()).unwrap());
    assert_eq!((exact.ventet_median, exact.ventet_lengst), (10, 10));
    assert_eq!(exact.venter, 14 - exact.begynt);

    let month = fra.rsplit_once('-').unwrap().0;
    let published = benk.ok(publiser(month)).await.publisert_statistikk.unwrap();
    let cells = published.forlop.iter().map(|row| row.personer);
    assert!(cells.clone().all(|cell| cell % 5 == 0));
    assert_eq!(cells.collect::<Vec<_>>(), [5, 5, 5]);
    assert_eq!(
        (published.ventet_median, published.ventet_lengst),
        (10, 10),
        "eight waited"
    );
    assert_eq!(published.anonyme, 40);
    assert_eq!(
        benk.avslag(publiser(month)).await.grunn,
        Feilgrunn::Konflikt
    );
    // What happens later does not reach what was published.
    benk.ok(tell(9, &fra)).await;
    let request = HentPublisertStatistikkRequest {
        parent: "enheter/rop".into(),
        maned: month.into(),
    };
    let read = benk
        .kall(&Hvem::enhet("nav"), request.clone())
        .await
        .unwrap();
    assert_eq!(read.publisert_statistikk, Some(published));
    let never = HentPublisertStatistikkRequest {
        maned: "2026-01".into(),
        ..request
    };
    assert_eq!(benk.avslag(never).await.grunn, Feilgrunn::IkkeFunnet);
}
