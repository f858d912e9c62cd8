//! A person under strengt fortrolig address: without mandate nothing tells.

use samspor::desk::Answer;
use samspor_proto::{
    bestillerkontor::*,
    felles::Rolle,
    gateway::*,
    hendelse::{AbonnerRequest, AbonnerResponse, FolgRequest, FolgResponse},
    koordinering::*,
    tilgang::Formal,
};

use crate::{
    nodtilgang::start_nodtilgang,
    scene::{NUMBERS, Scene, ok, refused, request_id, seen, strict},
};

const FORESLA: &str = "koordinering.v1.VernService/ForeslaVern";
const LIST: &str = "bestillerkontor.v1.VedtakService/ListVedtak";
const HENT_VEDTAK: &str = "bestillerkontor.v1.VedtakService/HentVedtak";

fn hent(name: &str) -> HentVedtakRequest {
    HentVedtakRequest {
        name: name.to_owned(),
        versjon: 0,
    }
}

/// Strengt fortrolig without mandate: nothing tells; with mandate, work goes
/// on; intake is accepted all the same.
///
/// Seen red: without K1.
#[tokio::test(flavor = "multi_thread")]
async fn a_strictly_protected_person_does_not_exist_without_mandate() {
    let scene = Scene::start().await;
    let case = scene.case(NUMBERS[0]).await;
    let units = ["bestillerkontor", "rop", "bom"];
    scene
        .protect("bestillerkontor", strict(&case.person, &units))
        .await;

    let nav = scene
        .desk("nav", Rolle::Saksbehandler, Formal::Samordning)
        .await;
    let hidden = refused::<_, HentVedtakResponse>(&nav, HENT_VEDTAK, hent(&case.vedtak)).await;
    let nobody =
        "personer/00000000-0000-4000-8000-00000000dead/vedtak/00000000-0000-7000-8000-00000000dead";
    let missing = refused::<_, HentVedtakResponse>(&nav, HENT_VEDTAK, hent(nobody)).await;
    assert_eq!(seen(&hidden), seen(&missing));
    let rop = scene.desk("rop", Rolle::Behandler, Formal::Ytelse).await;
    ok::<_, HentVedtakResponse>(&rop, HENT_VEDTAK, hent(&case.vedtak)).await;
    let inntak = scene.desk("nav", Rolle::Inntak, Formal::Oppfolging).await;
    let receipt = ok::<_, MottaSoknadResponse>(
        &inntak,
        "bestillerkontor.v1.SoknadService/MottaSoknad",
        MottaSoknadRequest {
            parent: case.person.clone(),
            request_id: request_id(),
            eget_onske: "Et trygt sted i natt.".to_owned(),
            kanal: Kanal::Telefon.into(),
            gjelder: vec![Tjenestetype::RopOppfolging.into()],
            ..Default::default()
        },
    )
    .await;
    assert!(receipt.kvittering.is_some());
    // Nor does doing tell: whoever may protect anyone is answered as for nobody.
    let outsider = scene
        .desk("koordinering", Rolle::Leder, Formal::Sikkerhet)
        .await;
    for fault in [false, true] {
        let mut answers = Vec::new();
        for person in [
            &case.person,
            "personer/00000000-0000-4000-8000-00000000dead",
        ] {
            let mut request = strict(person, &["koordinering"]);
            if fault {
                request.begrunnelse.clear();
            }
            answers.push(seen(
                &refused::<_, ForeslaVernResponse>(&outsider, FORESLA, request).await,
            ));
        }
        assert_eq!(answers[0], answers[1], "field fault: {fault}");
    }
    // Break-glass without mandate is opened as for anybody, and opens nothing.
    let clinic = scene
        .desk("hjemmetjeneste", Rolle::Behandler, Formal::Nodhjelp)
        .await;
    let nobody = "personer/00000000-0000-4000-8000-00000000dead";
    for person in [&*case.person, nobody] {
        let start = "gateway.v1.NodtilgangService/StartNodtilgang";
        let started =
            ok::<_, StartNodtilgangResponse>(&clinic, start, start_nodtilgang(person)).await;
        assert!(started.nodtilgang.is_some());
        let name = format!(
            "{person}/vedtak/{}",
            case.vedtak.rsplit('/').next().unwrap()
        );
        let status = refused::<_, HentVedtakResponse>(&clinic, HENT_VEDTAK, hent(&name)).await;
        assert_eq!(seen(&status), seen(&missing));
    }
}

/// Nor does any list, count, page token or feed tell: whoever has no mandate is
/// answered as for a person whom nobody knows, and its own lists are as long as
/// if there were no such person.
///
/// Seen red: without K1.
#[tokio::test(flavor = "multi_thread")]
async fn no_list_and_no_feed_tells_of_a_strictly_protected_person() {
    const NOBODY: &str = "personer/00000000-0000-4000-8000-00000000dead";
    let scene = Scene::start().await;
    let (hidden, open) = (scene.case(NUMBERS[0]).await, scene.case(NUMBERS[1]).await);
    let nav = scene
        .desk("nav", Rolle::Saksbehandler, Formal::Samordning)
        .await;
    let vedtak = |person: &str| ListVedtakRequest {
        parent: person.to_owned(),
        page_size: 1,
        ..Default::default()
    };
    let known = ok::<_, ListVedtakResponse>(&nav, LIST, vedtak(&hidden.person)).await;
    assert_eq!(known.vedtak.len(), 1, "Nav is a party, before");
    let units = ["bestillerkontor", "rop", "bom"];
    scene
        .protect("bestillerkontor", strict(&hidden.person, &units))
        .await;

    // What is asked about the person.
    let follow = |person: &str| FolgRequest {
        parent: person.to_owned(),
        tjeneste: "bestillerkontor".to_owned(),
        fra: None,
    };
    let innsyn = |person: &str| ListInnsynRequest {
        parent: person.to_owned(),
        ..Default::default()
    };
    let control = scene
        .desk("kontroll", Rolle::Loggkontroll, Formal::Kontroll)
        .await;
    let mut told = Vec::new();
    for person in [&*hidden.person, NOBODY] {
        let listed: Answer<ListVedtakResponse> = nav.call(LIST, vedtak(person)).await;
        let followed = nav
            .stream::<_, FolgResponse>("hendelse.v1.HendelseService/Folg", follow(person))
            .await;
        let log: Answer<ListInnsynResponse> = control
            .call("gateway.v1.InnsynsloggService/ListInnsyn", innsyn(person))
            .await;
        told.push((
            listed.result.map_err(|status| seen(&status)),
            followed.map(|_| ()).map_err(|status| seen(&status)),
            log.result.map_err(|status| seen(&status)),
        ));
    }
    assert_eq!(told[0], told[1]);

    // What is asked without naming the person.
    let own = ListVenteposterRequest {
        parent: "enheter/nav".to_owned(),
        page_size: 1,
        ..Default::default()
    };
    let waiting = "bestillerkontor.v1.InnboksService/ListVenteposter";
    let page = ok::<_, ListVenteposterResponse>(&nav, waiting, own).await;
    assert_eq!(page.next_page_token, "");
    let mut feed = nav
        .stream::<_, AbonnerResponse>(
            "hendelse.v1.HendelseService/Abonner",
            AbonnerRequest {
                parent: "enheter/nav".to_owned(),
                tjeneste: "bestillerkontor".to_owned(),
                etter: 0,
            },
        )
        .await
        .unwrap();
    let first = feed.message().await.unwrap().unwrap().hendelse.unwrap();
    assert!(first.name.starts_with(&open.person), "{}", first.name);
}
