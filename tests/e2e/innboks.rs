//! What waits for a unit, from every service that has a work list.

use samspor::innboks::{Venter, liste};
use samspor_chassis::tid::Tid;
use samspor_proto::{
    felles::Rolle, gateway::StartNodtilgangResponse, nav, rop::*, tilgang::Formal,
};

use crate::{handovers::until, nodtilgang::start_nodtilgang, scene::*};

/// Types of what waits, as it is told.
fn types(list: &[Venter]) -> Vec<&str> {
    list.iter().map(|post| post.type_.as_str()).collect()
}

async fn asked(scene: &Scene, unit: &str, role: Rolle) -> Vec<Venter> {
    let desk = scene.desk(unit, role, Formal::Ytelse).await;
    liste(&desk, unit, scene.mesh.now()).await.unwrap()
}

/// Bestillerkontor, rop and the gateway in one list, that which breaks next
/// first; break-glass for the leader alone; another unit sees its own.
///
/// Seen red: with an offer that is listed twice; and without the order.
#[tokio::test(flavor = "multi_thread")]
async fn one_list_of_all_that_waits() {
    let scene = Scene::start().await;
    let person = scene.person(NUMBERS[0]).await;
    scene.decided(&person, &["rop", "bom"]).await;
    // The offer is at bestillerkontor, and comes to rop as a task of its own.
    let rop = scene.desk("rop", Rolle::System, Formal::Ytelse).await;
    until(async || {
        let request = ListOppgaverRequest {
            parent: "enheter/rop".to_owned(),
            ..ListOppgaverRequest::default()
        };
        let method = "rop.v1.InnboksService/ListOppgaver";
        let tasks: ListOppgaverResponse = ok(&rop, method, request).await;
        (tasks.oppgaver.len() == 1).then_some(())
    })
    .await;
    let offered = asked(&scene, "rop", Rolle::System).await;
    assert_eq!(types(&offered)[0], "SVAR");
    assert!(!types(&offered).contains(&"OPPDRAG_TILBUDT"), "{offered:?}");

    let case = scene.case(NUMBERS[1]).await;
    let clinician = scene.desk("rop", Rolle::Behandler, Formal::Ytelse).await;
    for _ in 0..3 {
        let request = RegistrerKontaktRequest {
            parent: case.person.clone(),
            request_id: request_id(),
            r#type: Kontakttype::Besok.into(),
            utfall: Kontaktutfall::IkkeMott.into(),
            hjemmel: Some(basis("§ 3-2")),
            ..RegistrerKontaktRequest::default()
        };
        let method = "rop.v1.KontaktService/RegistrerKontakt";
        ok::<_, RegistrerKontaktResponse>(&clinician, method, request).await;
    }
    let desk = scene.desk("rop", Rolle::Behandler, Formal::Nodhjelp).await;
    let start = "gateway.v1.NodtilgangService/StartNodtilgang";
    ok::<_, StartNodtilgangResponse>(&desk, start, start_nodtilgang(&case.person)).await;

    let leader = asked(&scene, "rop", Rolle::Leder).await;
    let system = asked(&scene, "rop", Rolle::System).await;
    for kind in ["SVAR", "RAPPORT", "OPPSOKENDE", "NODTILGANG"] {
        let count = types(&leader)
            .iter()
            .filter(|known| **known == kind)
            .count();
        assert_eq!(count, 1, "{kind}: {leader:?}");
    }
    let police = scene.desk("politi", Rolle::Inntak, Formal::Sikkerhet).await;
    let request = nav::MeldBehovRequest {
        parent: case.person.clone(),
        request_id: request_id(),
        kanal: nav::Meldekanal::AnnenEnhet.into(),
        arsak: nav::Behovsarsak::UtenBolig.into(),
        eget_onske: "Et sted å sove".to_owned(),
        ..Default::default()
    };
    let method = "nav.v1.BotilbudService/MeldBehov";
    ok::<_, nav::MeldBehovResponse>(&police, method, request).await;
    let at_nav = asked(&scene, "nav", Rolle::System).await;
    // In the evening it is due before the night too.
    let asked_for = |kind: &&&str| **kind == "BOTILBUD";
    assert_eq!(types(&at_nav).iter().filter(asked_for).count(), 1);

    let others: Vec<&Venter> = leader
        .iter()
        .filter(|post| post.type_ != "NODTILGANG")
        .collect();
    assert_eq!(others, system.iter().collect::<Vec<_>>());
    let due: Vec<Tid> = leader.iter().filter_map(|post| post.frist).collect();
    assert!(due.len() >= 4 && due.is_sorted(), "{leader:?}");
    assert!(
        leader
            .iter()
            .all(|post| post.siden.is_some() && !post.brutt)
    );

    let bom = asked(&scene, "bom", Rolle::Leder).await;
    assert!(types(&bom).contains(&"SVAR") && !types(&bom).contains(&"OPPSOKENDE"));
}
