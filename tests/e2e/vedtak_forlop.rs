//! A vedtak through the gateway: its draft, its notice, its amendments and who
//! has the main responsibility.

use samspor_proto::{
    bestillerkontor::*,
    felles::{Feilgrunn, Rolle},
    tilgang::Formal,
};

use crate::{bestiller_forlop::*, scene::*};

/// The persons of these lives.
const PERSONER: [&str; 2] = ["01819011733", "01819011814"];

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_is_discarded_and_the_application_goes_on() {
    let scene = Scene::start().await;
    Box::pin(forkastet(&scene)).await;
}

/// The person refuses a unit, the draft that names it is discarded, and another
/// is decided on.
pub async fn forkastet(scene: &Scene) {
    let kontoret = Kontoret::of(scene).await;
    let person = scene.person(PERSONER[0]).await;
    let herself = scene.person_desk(&person).await;
    let name = scene.ready(&person).await;
    let request = OpprettVedtakRequest {
        parent: person.clone(),
        request_id: request_id(),
        vedtak: Some(draft_of(&name, day(scene, 0))),
    };
    let method = format!("{VEDTAK}/OpprettVedtak");
    let draft: OpprettVedtakResponse = ok(&kontoret.caseworker, &method, request).await;
    let draft = draft.vedtak.unwrap();

    let request = SettKontaktsamtykkeRequest {
        name: name.clone(),
        request_id: request_id(),
        kontaktsamtykker: vec![Kontaktsamtykke {
            enhet: "enheter/bom".to_owned(),
            tillatt: false,
        }],
        ..Default::default()
    };
    let method = "bestillerkontor.v1.SoknadService/SettKontaktsamtykke";
    ok::<_, SettKontaktsamtykkeResponse>(&herself, method, request).await;
    let request = SendTilGodkjenningRequest {
        name: draft.name.clone(),
        request_id: request_id(),
        etag: draft.etag.clone(),
    };
    let method = format!("{VEDTAK}/SendTilGodkjenning");
    let against =
        refused::<_, SendTilGodkjenningResponse>(&kontoret.caseworker, &method, request).await;
    assert_eq!(reason(&against), Some(Feilgrunn::UgyldigForesporsel));

    let request = ForkastVedtakRequest {
        name: draft.name.clone(),
        request_id: request_id(),
        etag: draft.etag,
        begrunnelse: "Kanari Kvitterson vil ikke ha dem.".to_owned(),
    };
    let method = format!("{VEDTAK}/ForkastVedtak");
    let receipt: ForkastVedtakResponse = ok(&kontoret.caseworker, &method, request).await;
    assert!(receipt.kvittering.is_some());
    let read = vedtak(&kontoret.decider, &draft.name).await;
    assert_eq!(read.tilstand(), VedtakTilstand::Forkastet);
    assert_eq!(
        read.forkastet_begrunnelse,
        "Kanari Kvitterson vil ikke ha dem."
    );
    scene.decided_on(&person, &name, &["rop"]).await;
    assert!(ordered(scene, "rop", &person).await.is_some());
    assert!(ordered(scene, "bom", &person).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vedtak_is_amended_and_gets_another_main_unit() {
    let scene = Scene::start().await;
    Box::pin(endret(&scene)).await;
}

/// The notice is put off; one amendment is taken away and another decided; the
/// main responsibility goes to the other unit.
pub async fn endret(scene: &Scene) {
    let case = scene.case(PERSONER[1]).await;
    Box::pin(put_off(scene, &case)).await;
    Box::pin(amended(scene, &case)).await;
    Box::pin(handed_over(scene, &case)).await;
    Box::pin(housed(scene, &case)).await;
}

async fn put_off(scene: &Scene, case: &Case) {
    let kontoret = Kontoret::of(scene).await;
    let until = day(scene, 5);
    let request = UtsettUnderretningRequest {
        name: case.vedtak.clone(),
        request_id: request_id(),
        begrunnelse: "Kanari Kvitterson er innlagt.".to_owned(),
        til: until.to_string(),
    };
    let method = format!("{VEDTAK}/UtsettUnderretning");
    let later: UtsettUnderretningResponse = ok(&kontoret.caseworker, &method, request).await;
    let later = later.vedtak.unwrap();
    assert_eq!(later.underretning_utsatt_til, until.to_string());
    let list = waits(scene, KONTORET, &case.vedtak).await;
    assert!(
        list.contains(&(Ventetype::Underretning, until.slutt())),
        "{list:?}"
    );
}

async fn amended(scene: &Scene, case: &Case) {
    let kontoret = Kontoret::of(scene).await;
    let bom = ordered(scene, "bom", &case.person).await.unwrap();
    // What is proposed does not hold.
    let propose = async |hours: f64| {
        let mut content = vedtak(&kontoret.caseworker, &case.vedtak).await;
        content.linjer[1].maks_timer = hours;
        "Kanari Kvitterson er oftere alene.".clone_into(&mut content.begrunnelse);
        "Kanari Kvitterson klarer lite alene.".clone_into(&mut content.funksjonsvurdering);
        let request = EndreVedtakRequest {
            name: case.vedtak.clone(),
            request_id: request_id(),
            etag: content.etag.clone(),
            vedtak: Some(content),
            begrunnelse: "Kanari Kvitterson trenger flere timer.".to_owned(),
            linjeslutt: Vec::new(),
        };
        let method = format!("{VEDTAK}/EndreVedtak");
        let proposed: EndreVedtakResponse = ok(&kontoret.caseworker, &method, request).await;
        let waiting = proposed.vedtak.unwrap();
        assert_eq!((waiting.versjon, waiting.linjer[1].maks_timer), (1, 4.0));
        // Who decides reads the whole of it, not only the lines.
        let shown = vedtak(&kontoret.decider, &case.vedtak)
            .await
            .endring
            .unwrap();
        assert_eq!(shown.linjer[1].maks_timer, hours);
        assert_eq!(
            shown.vedtak_begrunnelse,
            "Kanari Kvitterson er oftere alene."
        );
        assert_eq!(
            shown.funksjonsvurdering,
            "Kanari Kvitterson klarer lite alene."
        );
        let list = waits_for(scene, KONTORET, &case.vedtak).await;
        assert!(list.contains(&Ventetype::Endring), "{list:?}");
        waiting.etag
    };
    Box::pin(propose(40.0)).await;
    let request = AvvisEndringRequest {
        name: case.vedtak.clone(),
        request_id: request_id(),
        begrunnelse: "Det er mer enn Kanari Kvitterson ba om.".to_owned(),
    };
    let method = format!("{VEDTAK}/AvvisEndring");
    let away: AvvisEndringResponse = ok(&kontoret.decider, &method, request).await;
    let away = away.vedtak.unwrap();
    assert!(away.endring.is_none());
    assert_eq!(away.versjon, 1);
    let list = waits_for(scene, KONTORET, &case.vedtak).await;
    assert!(!list.contains(&Ventetype::Endring), "{list:?}");

    let request = GodkjennEndringRequest {
        name: case.vedtak.clone(),
        request_id: request_id(),
        etag: Box::pin(propose(6.0)).await,
    };
    let method = format!("{VEDTAK}/GodkjennEndring");
    let decided: GodkjennEndringResponse = ok(&kontoret.decider, &method, request).await;
    assert_eq!(decided.vedtak.unwrap().versjon, 2);
    // The unit goes on, on the new terms.
    let desk = scene
        .desk("bom", Rolle::Saksbehandler, Formal::Ytelse)
        .await;
    let order = oppdrag(&desk, &bom.name).await;
    assert_eq!(order.tilstand(), OppdragTilstand::Startet);
    assert_eq!(order.maks_timer, 6.0);
    told(scene, "bom", "OppdragEndret", &bom.name).await;
}

async fn handed_over(scene: &Scene, case: &Case) {
    let kontoret = Kontoret::of(scene).await;
    let hand = |unit: &str| BytteHovedansvarligRequest {
        parent: case.person.clone(),
        request_id: request_id(),
        enhet: format!("enheter/{unit}"),
        begrunnelse: "Kanari Kvitterson er mest hos dem.".to_owned(),
    };
    let method = format!("{VEDTAK}/BytteHovedansvarlig");
    let idle = refused::<_, BytteHovedansvarligResponse>(
        &kontoret.decider,
        &method,
        hand("hjemmetjeneste"),
    )
    .await;
    assert_eq!(reason(&idle), Some(Feilgrunn::UgyldigForesporsel));
    let receipt: BytteHovedansvarligResponse = ok(&kontoret.decider, &method, hand("bom")).await;
    assert!(receipt.kvittering.is_some());
    let herself = scene.person_desk(&case.person).await;
    let read = vedtak(&herself, &case.vedtak).await;
    assert_eq!(read.hovedansvarlig, "enheter/bom");
    assert_eq!(
        read.endring_begrunnelse,
        "Kanari Kvitterson er mest hos dem."
    );
    // The person is told, and what was decided before stays as it was.
    let list = waits_for(scene, KONTORET, &case.vedtak).await;
    assert!(list.contains(&Ventetype::Underretning), "{list:?}");
    let request = HentVedtakRequest {
        name: case.vedtak.clone(),
        versjon: read.versjon - 1,
    };
    let earlier: HentVedtakResponse = ok(&herself, &format!("{VEDTAK}/HentVedtak"), request).await;
    assert_eq!(earlier.vedtak.unwrap().hovedansvarlig, "enheter/rop");
    for unit in ["rop", "bom"] {
        told(scene, unit, "HovedansvarligByttet", &case.vedtak).await;
    }
}

/// A right to a dwelling is added, waits, and is met.
async fn housed(scene: &Scene, case: &Case) {
    let kontoret = Kontoret::of(scene).await;
    let mut content = vedtak(&kontoret.caseworker, &case.vedtak).await;
    content.bolig = Some(Boliglinje {
        rett: Boligrett::Omsorgsbolig.into(),
        enhet: format!("enheter/{KONTORET}"),
        fra: day(scene, 0).to_string(),
        krav: Vec::new(),
    });
    let request = EndreVedtakRequest {
        name: case.vedtak.clone(),
        request_id: request_id(),
        etag: content.etag.clone(),
        vedtak: Some(content),
        begrunnelse: "Kanari Kvitterson mister leiligheten.".to_owned(),
        linjeslutt: Vec::new(),
    };
    let method = format!("{VEDTAK}/EndreVedtak");
    let proposed: EndreVedtakResponse = ok(&kontoret.caseworker, &method, request).await;
    let request = GodkjennEndringRequest {
        name: case.vedtak.clone(),
        request_id: request_id(),
        etag: proposed.vedtak.unwrap().etag,
    };
    let method = format!("{VEDTAK}/GodkjennEndring");
    ok::<_, GodkjennEndringResponse>(&kontoret.decider, &method, request).await;
    let list = waits_for(scene, KONTORET, &case.vedtak).await;
    assert!(list.contains(&Ventetype::Bolig), "{list:?}");
    let allocator = scene
        .desk(KONTORET, Rolle::Boligforvalter, Formal::Tildeling)
        .await;
    let request = MeldBoligRequest {
        name: case.vedtak.clone(),
        request_id: request_id(),
        tildelt: day(scene, 0).to_string(),
        ..Default::default()
    };
    let method = format!("{VEDTAK}/MeldBolig");
    let receipt: MeldBoligResponse = ok(&allocator, &method, request).await;
    assert!(receipt.kvittering.is_some());
    let list = waits_for(scene, KONTORET, &case.vedtak).await;
    assert!(!list.contains(&Ventetype::Bolig), "{list:?}");
    let read = vedtak(&scene.person_desk(&case.person).await, &case.vedtak).await;
    assert_eq!(read.boligmeldinger[0].tildelt, day(scene, 0).to_string());
}
