//! Lives at ROP through the gateway: delivered, corrected, answered, counted and
//! ended, each by the role that does it.

mod ansatte;
mod journal;
mod kontakt;
mod oppfolging;
mod planer;
mod risiko;
mod tall;
mod tilbakemelding;
mod tilbud;
mod tiltak;

use std::time::Duration;

use samspor_chassis::domene::Dag;
use samspor_proto::{
    bestillerkontor::{ListEnhetensOppdragRequest, ListEnhetensOppdragResponse},
    felles::{Feilgrunn, Rolle},
    rop::*,
    tilgang::Formal,
};

use crate::scene::*;

/// In texts that the rules hold back from telemetry; see `traces.rs`.
const KANARI: &str = "Sagt av Kanari Kvitterson 01819010435.";

const OFFERS: &str = "rop.v1.AktivitetstilbudService/ListAktivitetstilbud";
const REGISTER_OFFER: &str = "rop.v1.AktivitetstilbudService/RegistrerAktivitetstilbud";
const LACKING: &str = "rop.v1.PlandekningService/ListPlanmangler";
const COVERAGE: &str = "rop.v1.PlandekningService/HentPlandekning";

fn offer(enhet: &str, ekskluderer: &[Eksklusjon]) -> RegistrerAktivitetstilbudRequest {
    RegistrerAktivitetstilbudRequest {
        parent: format!("enheter/{enhet}"),
        request_id: request_id(),
        navn: "Verksted".to_owned(),
        beskrivelse: "Snekring og lunsj".to_owned(),
        kilde: "avdelingsleder".to_owned(),
        gjelder_fra: "2020-01-01".to_owned(),
        ekskluderer: ekskluderer.iter().map(|one| (*one).into()).collect(),
        ..Default::default()
    }
}

/// Every life here, each with a person in a mesh of its own.
pub async fn lives() {
    offers(&Scene::start().await).await;
    life(&Scene::start().await).await;
    ansatte::life(&Scene::start().await).await;
    journal::life(&Scene::start().await).await;
    kontakt::hard_to_reach(&Scene::start().await).await;
    kontakt::to_come(&Scene::start().await).await;
    Box::pin(oppfolging::ended(&Scene::start().await)).await;
    oppfolging::walk_in(&Scene::start().await).await;
    planer::versions(&Scene::start().await).await;
    planer::pathway(&Scene::start().await).await;
    planer::shared(&Scene::start().await).await;
    risiko::life(&Scene::start().await).await;
    tall::life(&Scene::start().await).await;
    tilbakemelding::life(&Scene::start().await).await;
    tilbud::life(&Scene::start().await).await;
    Box::pin(tiltak::life(&Scene::start().await)).await;
}

/// Who accepts active use, over all units; no unit registers for another, and
/// one that delivers nothing has no offers.
///
/// Seen red: with a gateway that takes `-` for a unit that is unknown.
#[tokio::test(flavor = "multi_thread")]
async fn nav_finds_the_offers_of_all_units() {
    offers(&Scene::start().await).await;
}

async fn offers(scene: &Scene) {
    for (enhet, excluded) in [("rop", &[Eksklusjon::AktivRus][..]), ("bom", &[])] {
        let desk = scene
            .desk(enhet, Rolle::Saksbehandler, Formal::Ytelse)
            .await;
        ok::<_, RegistrerAktivitetstilbudResponse>(&desk, REGISTER_OFFER, offer(enhet, excluded))
            .await;
    }
    let bom = scene
        .desk("bom", Rolle::Saksbehandler, Formal::Ytelse)
        .await;
    refused::<_, RegistrerAktivitetstilbudResponse>(&bom, REGISTER_OFFER, offer("rop", &[])).await;
    let nav = scene
        .desk("nav", Rolle::Saksbehandler, Formal::Oppfolging)
        .await;
    let search = |godtar: &[Eksklusjon]| ListAktivitetstilbudRequest {
        parent: "enheter/-".to_owned(),
        godtar: godtar.iter().map(|one| (*one).into()).collect(),
        ..Default::default()
    };
    let units = async |request| {
        let found = ok::<_, ListAktivitetstilbudResponse>(&nav, OFFERS, request).await;
        let offers = found.aktivitetstilbud.into_iter();
        let units: Vec<String> = offers.map(|offer| offer.ansvarlig_enhet).collect();
        units
    };
    assert_eq!(units(search(&[])).await, ["enheter/rop", "enheter/bom"]);
    assert_eq!(
        units(search(&[Eksklusjon::AktivRus])).await,
        ["enheter/bom"]
    );
}

/// A person at ROP from the first tiltak to the end of the primary contact.
#[tokio::test(flavor = "multi_thread")]
async fn a_life_at_rop_through_the_gateway() {
    life(&Scene::start().await).await;
}

async fn life(scene: &Scene) {
    let case = scene.case(NUMBERS[0]).await;
    let person = || case.person.clone();
    let staff = scene.desk("rop", Rolle::Miljo, Formal::Ytelse).await;
    let clinician = scene.desk("rop", Rolle::Behandler, Formal::Ytelse).await;
    let leader = scene.desk("rop", Rolle::Leder, Formal::Ytelse).await;
    let casework = scene
        .desk("rop", Rolle::Saksbehandler, Formal::Ytelse)
        .await;
    let follows_up = scene.desk("rop", Rolle::Leder, Formal::Oppfolging).await;

    let orders = ok::<_, ListEnhetensOppdragResponse>(
        &casework,
        "bestillerkontor.v1.OppdragService/ListEnhetensOppdrag",
        ListEnhetensOppdragRequest {
            parent: "enheter/rop".to_owned(),
            ..Default::default()
        },
    )
    .await;
    let tiltak = ok::<_, OpprettTiltakResponse>(
        &casework,
        "rop.v1.TiltakService/OpprettTiltak",
        OpprettTiltakRequest {
            parent: person(),
            request_id: request_id(),
            oppdrag: orders.oppdrag[0].name.clone(),
            beskrivelse: "Oppfølging hjemme".to_owned(),
            hjemmel: Some(basis("§ 3-2")),
        },
    )
    .await
    .tiltak
    .unwrap();
    assert_eq!(lacks(&follows_up, Plantype::Unspecified).await.len(), 4);

    // A visit that was registered with the wrong time, and one that never was.
    let visit = |minutter, retter: &str| RegistrerKontaktRequest {
        parent: person(),
        request_id: request_id(),
        r#type: Kontakttype::Besok.into(),
        utfall: Kontaktutfall::Mott.into(),
        minutter,
        tiltak: tiltak.name.clone(),
        rettelse: if retter.is_empty() {
            ""
        } else {
            "feil varighet"
        }
        .to_owned(),
        retter: retter.to_owned(),
        hjemmel: Some(basis("§ 3-2")),
        ..Default::default()
    };
    let register = async |request| {
        let method = "rop.v1.KontaktService/RegistrerKontakt";
        let done = ok::<_, RegistrerKontaktResponse>(&staff, method, request).await;
        done.kontakt.unwrap().name
    };
    let wrong = register(visit(600, "")).await;
    register(visit(60, &wrong)).await;
    let never = register(visit(30, "")).await;
    ok::<_, AnnullerKontaktResponse>(
        &staff,
        "rop.v1.KontaktService/AnnullerKontakt",
        AnnullerKontaktRequest {
            name: never,
            request_id: request_id(),
            begrunnelse: "gjaldt en annen".to_owned(),
        },
    )
    .await;
    let week = ok::<_, ListLeveringerResponse>(
        &staff,
        "rop.v1.TiltakService/ListLeveringer",
        ListLeveringerRequest {
            parent: person(),
            uke: Dag::av(scene.mesh.now()).to_string(),
            ..Default::default()
        },
    )
    .await;
    assert_eq!(week.leveringer[0].levert, 1.0);
    let all = ok::<_, ListKontakterResponse>(
        &staff,
        "rop.v1.KontaktService/ListKontakter",
        ListKontakterRequest {
            parent: person(),
            ..Default::default()
        },
    )
    .await;
    let wrong: Vec<bool> = all.kontakter.iter().map(|one| one.rettet).collect();
    assert_eq!(wrong, [true, false, true]);

    // Red without two is refused where it is written.
    let assess = |tiltak: &[Risikotiltak]| RegistrerRisikovurderingRequest {
        parent: person(),
        request_id: request_id(),
        niva: Risikoniva::Rod.into(),
        tiltak: tiltak.iter().map(|one| (*one).into()).collect(),
        kilde: Risikokilde::EgenErfaring.into(),
        grunnlag: "Truet ansatt.".to_owned(),
        utloper: Some(
            scene
                .mesh
                .now()
                .plus(Duration::from_hours(90 * 24))
                .to_proto(),
        ),
        hjemmel: Some(basis("§ 3-2")),
        ..Default::default()
    };
    let method = "rop.v1.RisikovurderingService/RegistrerRisikovurdering";
    let alarm = assess(&[Risikotiltak::Alarm]);
    let status = refused::<_, RegistrerRisikovurderingResponse>(&clinician, method, alarm).await;
    assert_eq!(reason(&status), Some(Feilgrunn::UgyldigForesporsel));
    let two = assess(&[Risikotiltak::ToAnsatte]);
    ok::<_, RegistrerRisikovurderingResponse>(&clinician, method, two).await;

    // The person scores low; somebody must see to it before the answer is due.
    let herself = scene.person_desk(&case.person).await;
    ok::<_, GiTilbakemeldingResponse>(
        &herself,
        "rop.v1.TilbakemeldingService/GiTilbakemelding",
        GiTilbakemeldingRequest {
            parent: person(),
            request_id: request_id(),
            r#type: Tilbakemeldingstype::Fit.into(),
            skjema: Fitskjema::Ors.into(),
            skar_tideler: 183,
            har_skar: true,
            ..Default::default()
        },
    )
    .await;
    let tasks = ok::<_, ListOppgaverResponse>(
        &staff,
        "rop.v1.InnboksService/ListOppgaver",
        ListOppgaverRequest {
            parent: "enheter/rop".to_owned(),
            r#type: Oppgavetype::FitUnderGrensen.into(),
            ..Default::default()
        },
    )
    .await;
    assert_eq!(tasks.oppgaver.len(), 1);

    // A primary contact and a pathway: two plans are left to make.
    let contact = ok::<_, TildelPrimaerkontaktResponse>(
        &leader,
        "rop.v1.PrimaerkontaktService/TildelPrimaerkontakt",
        TildelPrimaerkontaktRequest {
            parent: person(),
            request_id: request_id(),
            ansatt: "rop-miljo".to_owned(),
            hjemmel: Some(basis("§ 3-2")),
        },
    )
    .await
    .primaerkontakt
    .unwrap();
    ok::<_, SettHovedforlopResponse>(
        &clinician,
        "rop.v1.HovedforlopService/SettHovedforlop",
        SettHovedforlopRequest {
            parent: person(),
            request_id: request_id(),
            forlop: Forlop::Tre.into(),
            fra: Dag::av(scene.mesh.now()).to_string(),
            begrunnelse: "Alvorlig og langvarig.".to_owned(),
            hjemmel: Some(basis("§ 3-2")),
            ..Default::default()
        },
    )
    .await;
    assert_eq!(
        lacks(&follows_up, Plantype::Unspecified).await,
        [Plantype::Behandlingsplan, Plantype::Kriseplan]
    );
    let counted = ok::<_, HentPlandekningResponse>(
        &follows_up,
        COVERAGE,
        HentPlandekningRequest {
            parent: "enheter/rop".to_owned(),
        },
    )
    .await
    .plandekning
    .unwrap();
    let has: Vec<i32> = counted.planer.iter().map(|row| row.har).collect();
    assert_eq!((counted.personer, has), (1, vec![0, 0, 1, 1]));
    // Another unit counts and lists nothing of it.
    let bom = scene.desk("bom", Rolle::Leder, Formal::Oppfolging).await;
    refused::<_, HentPlandekningResponse>(
        &bom,
        COVERAGE,
        HentPlandekningRequest {
            parent: "enheter/rop".to_owned(),
        },
    )
    .await;
    refused::<_, ListPlanmanglerResponse>(&bom, LACKING, lacking(Plantype::Unspecified)).await;

    ok::<_, AvsluttPrimaerkontaktResponse>(
        &leader,
        "rop.v1.PrimaerkontaktService/AvsluttPrimaerkontakt",
        AvsluttPrimaerkontaktRequest {
            name: contact.name,
            request_id: request_id(),
            begrunnelse: "flyttet".to_owned(),
        },
    )
    .await;
    let without = lacks(&follows_up, Plantype::Primaerkontakt).await;
    assert_eq!(without, [Plantype::Primaerkontakt]);
}

fn lacking(plan: Plantype) -> ListPlanmanglerRequest {
    ListPlanmanglerRequest {
        parent: "enheter/rop".to_owned(),
        plan: plan.into(),
        ..Default::default()
    }
}

/// What is lacking, as a desk of the unit lists it.
async fn lacks(desk: &samspor::desk::Desk, plan: Plantype) -> Vec<Plantype> {
    let listed = ok::<_, ListPlanmanglerResponse>(desk, LACKING, lacking(plan)).await;
    listed.planmangler.iter().map(Planmangel::plan).collect()
}

/// What waits in the unit's work list, of one kind.
async fn tasks(scene: &Scene, kind: Oppgavetype) -> Vec<Oppgave> {
    let staff = scene.desk("rop", Rolle::Miljo, Formal::Ytelse).await;
    let request = ListOppgaverRequest {
        parent: "enheter/rop".to_owned(),
        r#type: kind.into(),
        ..Default::default()
    };
    let method = "rop.v1.InnboksService/ListOppgaver";
    ok::<_, ListOppgaverResponse>(&staff, method, request)
        .await
        .oppgaver
}

/// The only such task, about this record, once it is there.
pub async fn task_about(scene: &Scene, kind: Oppgavetype, post: &str) -> Oppgave {
    let task = crate::handovers::until(async || tasks(scene, kind).await.pop()).await;
    assert_eq!(task.post, post);
    task
}

/// The day so many days from today.
fn day(scene: &Scene, days: i32) -> Dag {
    Dag::av(scene.mesh.now()).pluss_dager(days)
}
