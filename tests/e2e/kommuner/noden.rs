//! What holds for everybody, whoever decides: break-glass and strict
//! protection.

use samspor_proto::{bestillerkontor::*, felles::Rolle, gateway::*, rop::*, tilgang::Formal};
use tonic::Code;

use super::{Kommune, VEDTAK};
use crate::{nodtilgang::start_nodtilgang, scene::*};

/// A health unit outside the case breaks the glass, reads what it must, and its
/// leader and nobody else's reviews it.
pub(super) async fn the_glass_is_broken_and_reviewed(kommune: Kommune) {
    let scene = &kommune.scene;
    let health = kommune.policy.municipality().holders_of("helseenhet");
    assert!(health.contains(&"hjemmetjeneste".to_owned()), "{health:?}");
    let case = Box::pin(kommune.case()).await;
    let plan = Box::pin(scene.journal(&case.person)).await.plan;
    let read = "rop.v1.KriseplanService/HentKriseplan";
    let request = || HentKriseplanRequest { name: plan.clone() };

    let clinician = scene
        .desk("hjemmetjeneste", Rolle::Behandler, Formal::Nodhjelp)
        .await;
    let status = refused::<_, HentKriseplanResponse>(&clinician, read, request()).await;
    assert_eq!(status.code(), Code::NotFound);
    let start = "gateway.v1.NodtilgangService/StartNodtilgang";
    let begun: StartNodtilgangResponse =
        ok(&clinician, start, start_nodtilgang(&case.person)).await;
    let session = begun.nodtilgang.unwrap().name;
    let found: HentKriseplanResponse = ok(&clinician, read, request()).await;
    assert!(!found.kriseplan.unwrap().behandling.is_empty());

    let landlord = scene
        .desk("boligkontor", Rolle::Behandler, Formal::Nodhjelp)
        .await;
    let status =
        refused::<_, StartNodtilgangResponse>(&landlord, start, start_nodtilgang(&case.person));
    assert_ne!(status.await.code(), Code::Ok);

    let finding = || GjennomgaNodtilgangRequest {
        name: session.clone(),
        request_id: request_id(),
        berettiget: true,
        vurdering: "Nødvendig.".to_owned(),
    };
    let review = "gateway.v1.NodtilgangService/GjennomgaNodtilgang";
    let end = AvsluttNodtilgangRequest {
        name: session.clone(),
        request_id: request_id(),
    };
    let method = "gateway.v1.NodtilgangService/AvsluttNodtilgang";
    ok::<_, AvsluttNodtilgangResponse>(&clinician, method, end).await;
    let other = scene.desk("rop", Rolle::Leder, Formal::Kontroll).await;
    let status = refused::<_, GjennomgaNodtilgangResponse>(&other, review, finding()).await;
    assert_eq!(status.code(), Code::NotFound);
    let leader = scene
        .desk("hjemmetjeneste", Rolle::Leder, Formal::Kontroll)
        .await;
    ok::<_, GjennomgaNodtilgangResponse>(&leader, review, finding()).await;
    let status = refused::<_, HentKriseplanResponse>(&clinician, read, request()).await;
    assert_eq!(status.code(), Code::NotFound);
}

/// Strengt fortrolig: who decides and who delivers go on; for everybody else
/// the person is nobody, and intake is taken all the same.
pub(super) async fn who_is_hidden_does_not_exist(kommune: Kommune) {
    let scene = &kommune.scene;
    let case = Box::pin(kommune.case()).await;
    let (decider, vedtak) = case.vedtak[0].clone();
    let mut mandate: Vec<&str> = vec!["rop", "bom"];
    mandate.extend(case.vedtak.iter().map(|(unit, _)| unit.as_str()));
    mandate.sort_unstable();
    mandate.dedup();
    scene
        .protect(&decider, strict(&case.person, &mandate))
        .await;

    let method = format!("{VEDTAK}/HentVedtak");
    let read = |name: &str| HentVedtakRequest {
        name: name.to_owned(),
        versjon: 0,
    };
    let nobody =
        "personer/00000000-0000-4000-8000-00000000dead/vedtak/00000000-0000-7000-8000-00000000dead";
    for unit in ["nav", "boligkontor", "koordinering"] {
        let desk = scene
            .desk(unit, Rolle::Saksbehandler, Formal::Samordning)
            .await;
        let hidden = refused::<_, HentVedtakResponse>(&desk, &method, read(&vedtak)).await;
        let missing = refused::<_, HentVedtakResponse>(&desk, &method, read(nobody)).await;
        assert_eq!(seen(&hidden), seen(&missing), "{unit}");
    }
    let deciding = scene
        .desk(&decider, Rolle::Saksbehandler, Formal::Saksbehandling)
        .await;
    ok::<_, HentVedtakResponse>(&deciding, &method, read(&vedtak)).await;
    let rop = scene.desk("rop", Rolle::Behandler, Formal::Ytelse).await;
    ok::<_, HentVedtakResponse>(&rop, &method, read(&vedtak)).await;
    let inntak = scene.desk("nav", Rolle::Inntak, Formal::Oppfolging).await;
    let request = MottaSoknadRequest {
        parent: case.person.clone(),
        request_id: request_id(),
        eget_onske: "Et trygt sted i natt.".to_owned(),
        kanal: Kanal::Telefon.into(),
        ..MottaSoknadRequest::default()
    };
    let method = "bestillerkontor.v1.SoknadService/MottaSoknad";
    let receipt: MottaSoknadResponse = ok(&inntak, method, request).await;
    assert!(receipt.kvittering.is_some());
}
