//! A person who is hard to reach, and contacts that are to come.

use std::time::Duration;

use samspor_chassis::domene::Dag;
use samspor_proto::{
    felles::{Feilgrunn, Rolle},
    rop::*,
    tilgang::Formal,
};

use super::{KANARI, day, task_about, tasks};
use crate::scene::*;

const OPEN: &str = "rop.v1.KontaktplanService/OpprettKontaktplan";
const REPORT: &str = "rop.v1.KontaktplanService/MeldKontaktsteg";
const CLASS: &str = "rop.v1.KontaktplanService/EndreNaklasse";
const END: &str = "rop.v1.KontaktplanService/AvsluttKontaktplan";
const PLANS: &str = "rop.v1.KontaktplanService/ListKontaktplaner";
const PLAN: &str = "rop.v1.PlanleggingService/PlanleggKontakt";
const CALL_OFF: &str = "rop.v1.PlanleggingService/AvlysKontakt";
const PLANNED: &str = "rop.v1.PlanleggingService/ListPlanlagteKontakter";
const REGISTER: &str = "rop.v1.KontaktService/RegistrerKontakt";
const READ: &str = "rop.v1.KontaktService/HentKontakt";
const TAKE: &str = "rop.v1.InnboksService/KvitterOppgave";

fn step(hva: &str, frist: Dag) -> Kontaktsteg {
    Kontaktsteg {
        hva: format!("{hva} {KANARI}"),
        frist: frist.to_string(),
        ..Default::default()
    }
}

fn plan(person: &str, steg: Vec<Kontaktsteg>) -> OpprettKontaktplanRequest {
    OpprettKontaktplanRequest {
        parent: person.to_owned(),
        request_id: request_id(),
        klasse: Naklasse::HoyRisiko.into(),
        grunnlag: format!("Åpner ikke, og noen hørte rop. {KANARI}"),
        steg,
        hjemmel: Some(basis("§ 3-2")),
    }
}

fn contact(person: &str, utfall: Kontaktutfall) -> RegistrerKontaktRequest {
    RegistrerKontaktRequest {
        parent: person.to_owned(),
        request_id: request_id(),
        r#type: Kontakttype::Besok.into(),
        utfall: utfall.into(),
        notat: format!("Ringte på. {KANARI}"),
        minutter: 30,
        ansatte: vec!["rop-behandler".to_owned()],
        hjemmel: Some(basis("§ 3-2")),
        ..Default::default()
    }
}

fn states(plan: &Kontaktplan) -> Vec<StegTilstand> {
    plan.steg.iter().map(Kontaktsteg::tilstand).collect()
}

/// Each step becomes a task on its day; the plan ends when the person is reached
/// and in no other way.
///
/// Seen red: with a step that is reported and whose task waits on.
#[tokio::test(flavor = "multi_thread")]
async fn the_steps_towards_a_person_are_tasks_until_the_person_is_reached() {
    hard_to_reach(&Scene::start().await).await;
}

pub async fn hard_to_reach(scene: &Scene) {
    use StegTilstand::{Bortfalt, Nadd, Utfort, Venter};
    let case = scene.case(NUMBERS[0]).await;
    let staff = scene.desk("rop", Rolle::Miljo, Formal::Ytelse).await;
    let clinician = scene.desk("rop", Rolle::Behandler, Formal::Ytelse).await;
    let today = day(scene, 0);

    // At high risk nobody waits two weeks for the first step.
    let late = plan(&case.person, vec![step("Ring", day(scene, 14))]);
    let status = refused::<_, OpprettKontaktplanResponse>(&staff, OPEN, late).await;
    assert_eq!(reason(&status), Some(Feilgrunn::UgyldigForesporsel));
    let steps = vec![step("Ring.", today), step("Oppsøk.", today)];
    let opened = plan(&case.person, steps.clone());
    let opened: OpprettKontaktplanResponse = ok(&staff, OPEN, opened).await;
    let opened = opened.kontaktplan.unwrap();
    assert_eq!((states(&opened), opened.apen), (vec![Venter, Venter], true));
    let another = plan(&case.person, steps);
    let status = refused::<_, OpprettKontaktplanResponse>(&staff, OPEN, another).await;
    assert_eq!(reason(&status), Some(Feilgrunn::Konflikt));

    let report = |nadd, neste| MeldKontaktstegRequest {
        name: opened.name.clone(),
        request_id: request_id(),
        resultat: format!("Ingen svarte. {KANARI}"),
        nadd,
        neste,
        ..Default::default()
    };
    let register = async |outcome| {
        let request = contact(&case.person, outcome);
        let done: RegistrerKontaktResponse = ok(&staff, REGISTER, request).await;
        done.kontakt.unwrap().name
    };
    let first = task_about(scene, Oppgavetype::Kontaktsteg, &opened.name).await;
    assert_eq!(first.tilstand(), OppgaveTilstand::Apen);
    assert_eq!(first.frist, Some(today.slutt().to_proto()));
    let told: MeldKontaktstegResponse = ok(&staff, REPORT, report(false, None)).await;
    assert_eq!(states(&told.kontaktplan.unwrap()), [Utfort, Venter]);

    // The next step is a task too. Somebody takes it, and it is not done by that.
    let second = task_about(scene, Oppgavetype::Kontaktsteg, &opened.name).await;
    let take = KvitterOppgaveRequest {
        name: second.name.clone(),
        request_id: request_id(),
    };
    let receipt: KvitterOppgaveResponse = ok(&clinician, TAKE, take).await;
    assert!(
        second
            .name
            .ends_with(&receipt.kvittering.unwrap().referanse)
    );
    let taken = task_about(scene, Oppgavetype::Kontaktsteg, &opened.name).await;
    assert_eq!(taken.tilstand(), OppgaveTilstand::Kvittert);
    assert_eq!(taken.kvittert_av.unwrap().ansatt, "rop-behandler");

    // Not to reach the person is no end.
    let status = refused::<_, MeldKontaktstegResponse>(&staff, REPORT, report(false, None)).await;
    assert_eq!(reason(&status), Some(Feilgrunn::UgyldigForesporsel));
    let next = step("Spør naboen.", day(scene, 1));
    let told: MeldKontaktstegResponse = ok(&staff, REPORT, report(false, Some(next))).await;
    assert_eq!(states(&told.kontaktplan.unwrap()), [Utfort, Utfort, Venter]);
    assert_eq!(tasks(scene, Oppgavetype::Kontaktsteg).await, []);
    // Whoever was reached was met.
    let status = refused::<_, MeldKontaktstegResponse>(&staff, REPORT, report(true, None)).await;
    assert_eq!(reason(&status), Some(Feilgrunn::UgyldigForesporsel));
    let mut reached = report(true, None);
    reached.kontakt = register(Kontaktutfall::Mott).await;
    let reached: MeldKontaktstegResponse = ok(&staff, REPORT, reached).await;
    let reached = reached.kontaktplan.unwrap();
    assert_eq!(
        (states(&reached), reached.apen),
        (vec![Utfort, Utfort, Nadd], false)
    );
    assert_eq!(reached.avslutning, "Personen er nådd.");

    // The second time the person comes by herself.
    let again = plan(&case.person, vec![step("Ring.", day(scene, 1))]);
    let again: OpprettKontaktplanResponse = ok(&staff, OPEN, again).await;
    let again = again.kontaktplan.unwrap();
    let calmer = EndreNaklasseRequest {
        name: again.name.clone(),
        request_id: request_id(),
        klasse: Naklasse::IkkeAlvorlig.into(),
        grunnlag: format!("Er hos søsteren. {KANARI}"),
        steg: vec![step("Ring søsteren.", day(scene, 5))],
    };
    let calmer: EndreNaklasseResponse = ok(&clinician, CLASS, calmer).await;
    let calmer = calmer.kontaktplan.unwrap();
    assert_eq!(states(&calmer), [Bortfalt, Venter]);
    assert_eq!(calmer.tidligere[0].klasse(), Naklasse::HoyRisiko);
    let missed = register(Kontaktutfall::IkkeMott).await;
    let met = register(Kontaktutfall::Mott).await;
    let end = |kontakt: &str| AvsluttKontaktplanRequest {
        name: again.name.clone(),
        request_id: request_id(),
        kontakt: kontakt.to_owned(),
        begrunnelse: format!("Kom innom selv. {KANARI}"),
    };
    refused::<_, AvsluttKontaktplanResponse>(&staff, END, end(&missed)).await;
    let ended: AvsluttKontaktplanResponse = ok(&staff, END, end(&met)).await;
    assert_eq!(states(&ended.kontaktplan.unwrap()), [Bortfalt, Bortfalt]);

    // The person reads both, newest first; another unit knows of none.
    let listed = || ListKontaktplanerRequest {
        parent: case.person.clone(),
        ..Default::default()
    };
    let herself = scene.person_desk(&case.person).await;
    let plans: ListKontaktplanerResponse = ok(&herself, PLANS, listed()).await;
    let names: Vec<&str> = plans
        .kontaktplaner
        .iter()
        .map(|p| p.name.as_str())
        .collect();
    assert_eq!(names, [&again.name, &opened.name]);
    assert_eq!(plans.kontaktplaner[1].grunnlag, opened.grunnlag);
    let bom = scene.desk("bom", Rolle::Miljo, Formal::Samordning).await;
    let theirs: ListKontaktplanerResponse = ok(&bom, PLANS, listed()).await;
    assert_eq!(theirs.kontaktplaner, []);
}

/// A visit that is to come: by two where the risk asks for two, called off with
/// a reason, or done.
///
/// Seen red: with a plan that does not look at the assessment.
#[tokio::test(flavor = "multi_thread")]
async fn a_visit_is_planned_as_the_risk_asks() {
    to_come(&Scene::start().await).await;
}

pub async fn to_come(scene: &Scene) {
    let case = scene.case(NUMBERS[0]).await;
    scene.journal(&case.person).await;
    let staff = scene.desk("rop", Rolle::Miljo, Formal::Ytelse).await;
    let tomorrow = scene.mesh.now().plus(Duration::from_hours(24)).to_proto();
    let visit = |ansatte: &[&str]| PlanleggKontaktRequest {
        parent: case.person.clone(),
        request_id: request_id(),
        r#type: Kontakttype::Besok.into(),
        tidspunkt: Some(tomorrow),
        ansatte: ansatte.iter().map(|one| (*one).to_owned()).collect(),
        hjemmel: Some(basis("§ 3-2")),
        ..Default::default()
    };
    let two = ["rop-miljo", "rop-behandler"];
    let alone = visit(&two[..1]);
    let status = refused::<_, PlanleggKontaktResponse>(&staff, PLAN, alone).await;
    assert_eq!(reason(&status), Some(Feilgrunn::UgyldigForesporsel));
    let register = async || {
        let planned: PlanleggKontaktResponse = ok(&staff, PLAN, visit(&two)).await;
        let planned = planned.planlagt_kontakt.unwrap();
        assert_eq!(planned.tilstand(), PlanTilstand::Planlagt);
        assert_eq!(
            (planned.ansatte.len(), planned.tidspunkt),
            (2, Some(tomorrow))
        );
        planned.name
    };
    let first = register().await;
    let second = register().await;
    let call_off = |name: &str| AvlysKontaktRequest {
        name: name.to_owned(),
        request_id: request_id(),
        begrunnelse: format!("Personen er bortreist. {KANARI}"),
    };
    let off: AvlysKontaktResponse = ok(&staff, CALL_OFF, call_off(&first)).await;
    let off = off.planlagt_kontakt.unwrap();
    assert_eq!(off.tilstand(), PlanTilstand::Avlyst);
    let done = RegistrerKontaktRequest {
        planlagt: second.clone(),
        ..contact(&case.person, Kontaktutfall::Mott)
    };
    let done: RegistrerKontaktResponse = ok(&staff, REGISTER, done).await;
    let done = done.kontakt.unwrap();
    let named = HentKontaktRequest {
        name: done.name.clone(),
    };
    let read: HentKontaktResponse = ok(&staff, READ, named).await;
    let read = read.kontakt.unwrap();
    assert_eq!((read.minutter, &read.notat), (30, &done.notat));
    assert_eq!(read.ansatte, ["rop-behandler"]);
    let status = refused::<_, AvlysKontaktResponse>(&staff, CALL_OFF, call_off(&second)).await;
    assert_eq!(reason(&status), Some(Feilgrunn::UgyldigOvergang));

    let listed = ListPlanlagteKontakterRequest {
        parent: case.person.clone(),
        ..Default::default()
    };
    let herself = scene.person_desk(&case.person).await;
    let list: ListPlanlagteKontakterResponse = ok(&herself, PLANNED, listed).await;
    let [newest, oldest] = &list.planlagte_kontakter[..] else {
        panic!("{list:?}");
    };
    assert_eq!(newest.tilstand(), PlanTilstand::Gjennomfort);
    assert_eq!(newest.kontakt, done.name);
    assert_eq!(oldest.tilstand(), PlanTilstand::Avlyst);
    assert_eq!(oldest.begrunnelse, off.begrunnelse);
}
