//! Lives at koordinering through the gateway: what the person wills, who the
//! person is, and what protects the person.

use std::time::Duration;

use samspor::desk::Desk;
use samspor_proto::{
    bestillerkontor::{HentVedtakRequest, HentVedtakResponse},
    felles::{Feilgrunn, Hjemmel, Periode, Rolle},
    koordinering::*,
    tilgang::{Dataklasse, Formal},
};
use tonic::Code;

use crate::{
    sammenslaing::merge,
    scene::{Scene, ok, reason, refused, request_id, vern},
};

const SAMTYKKE: &str = "koordinering.v1.SamtykkeService";
const RESERVASJON: &str = "koordinering.v1.ReservasjonMotDelingService";
const PERSON: &str = "koordinering.v1.PersonService";
const SAMMENSLAING: &str = "koordinering.v1.SammenslaingService";
const REPRESENTASJON: &str = "koordinering.v1.RepresentasjonService";
const VERN: &str = "koordinering.v1.VernService";

/// The persons of these lives; the first has the canary's number.
const PERSONER: [&str; 4] = ["01819010435", "01819011229", "01819011490", "01819011571"];

/// A desk of the koordinerende enhet.
async fn index(scene: &Scene, rolle: Rolle) -> Desk {
    scene.desk("koordinering", rolle, Formal::Samordning).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_objection_and_a_consent_from_first_word_to_last() {
    let scene = Scene::start().await;
    Box::pin(viljen(&scene)).await;
}

/// The person objects and consents, reads both, and takes both back.
pub async fn viljen(scene: &Scene) {
    let person = scene.case(PERSONER[0]).await.person;
    let herself = scene.person_desk(&person).await;
    Box::pin(objected(scene, &person, &herself)).await;
    Box::pin(consented(scene, &person, &herself)).await;
}

async fn objected(scene: &Scene, person: &str, herself: &Desk) {
    let request = RegistrerReservasjonRequest {
        parent: person.to_owned(),
        request_id: request_id(),
        mot: Some(registrer_reservasjon_request::Mot::Enhet(
            "enheter/nav".to_owned(),
        )),
        ..Default::default()
    };
    let method = format!("{RESERVASJON}/RegistrerReservasjon");
    let said: RegistrerReservasjonResponse = ok(herself, &method, request).await;
    let name = said.reservasjon.unwrap().name;
    let read = async |desk: &Desk| {
        let request = HentReservasjonRequest { name: name.clone() };
        let method = format!("{RESERVASJON}/HentReservasjon");
        let found: HentReservasjonResponse = ok(desk, &method, request).await;
        found.reservasjon.unwrap()
    };
    let listed = async |bare_gjeldende| {
        let request = ListReservasjonerRequest {
            parent: person.to_owned(),
            bare_gjeldende,
            ..Default::default()
        };
        let method = format!("{RESERVASJON}/ListReservasjoner");
        let list: ListReservasjonerResponse = ok(herself, &method, request).await;
        list.reservasjoner.len()
    };
    // Who decides on services must know whom it is against (P5).
    let decides = scene
        .desk(
            "bestillerkontor",
            Rolle::Saksbehandler,
            Formal::Saksbehandling,
        )
        .await;
    for desk in [herself, &decides] {
        let held = read(desk).await;
        assert_eq!(held.tilstand(), ReservasjonMotDelingTilstand::Gjeldende);
        let against = reservasjon_mot_deling::Mot::Enhet("enheter/nav".to_owned());
        assert_eq!(held.mot, Some(against));
    }
    assert_eq!((listed(true).await, listed(false).await), (1, 1));
    let lift = OpphevReservasjonRequest {
        name: name.clone(),
        request_id: request_id(),
        ..Default::default()
    };
    let method = format!("{RESERVASJON}/OpphevReservasjon");
    ok::<_, OpphevReservasjonResponse>(herself, &method, lift).await;
    let lifted = read(&decides).await;
    assert_eq!(lifted.tilstand(), ReservasjonMotDelingTilstand::Opphevet);
    assert!(lifted.periode.unwrap().til.is_some());
    assert_eq!((listed(true).await, listed(false).await), (0, 1));
}

async fn consented(scene: &Scene, person: &str, herself: &Desk) {
    let until = scene.mesh.now().plus(Duration::from_hours(24));
    let request = GiSamtykkeRequest {
        parent: person.to_owned(),
        request_id: request_id(),
        enhet: "enheter/hjemmetjeneste".to_owned(),
        rolle: Rolle::Saksbehandler.into(),
        klasser: vec![Dataklasse::Tjeneste.into()],
        formal: Formal::Samordning.into(),
        periode: Some(Periode {
            fra: None,
            til: Some(until.to_proto()),
        }),
        form: Samtykkeform::Digital.into(),
        innhentet: Some(scene.mesh.now().to_proto()),
        post: String::new(),
    };
    let given: GiSamtykkeResponse = ok(herself, &format!("{SAMTYKKE}/GiSamtykke"), request).await;
    let name = given.samtykke.unwrap().name;
    let read = async |desk: &Desk| {
        let request = HentSamtykkeRequest { name: name.clone() };
        let method = format!("{SAMTYKKE}/HentSamtykke");
        let answer = desk.call::<_, HentSamtykkeResponse>(&method, request);
        let result = answer.await.result;
        result.map(|answer| answer.samtykke.unwrap())
    };
    // It opens itself to whom it is given, while it holds.
    let helper = scene
        .desk("hjemmetjeneste", Rolle::Saksbehandler, Formal::Samordning)
        .await;
    for desk in [herself, &helper] {
        let held = read(desk).await.unwrap();
        assert_eq!(held.tilstand(), SamtykkeTilstand::Gitt);
        assert_eq!(held.enhet, "enheter/hjemmetjeneste");
    }
    let withdraw = TrekkSamtykkeRequest {
        name: name.clone(),
        request_id: request_id(),
    };
    let method = format!("{SAMTYKKE}/TrekkSamtykke");
    ok::<_, TrekkSamtykkeResponse>(herself, &method, withdraw).await;
    let withdrawn = read(herself).await.unwrap();
    assert_eq!(withdrawn.tilstand(), SamtykkeTilstand::Trukket);
    assert!(withdrawn.trukket.is_some());
    assert_eq!(read(&helper).await.unwrap_err().code(), Code::NotFound);
}

/// Seen red: without the person in W3.les, where nobody who may set a name
/// could read the version that it changes.
#[tokio::test(flavor = "multi_thread")]
async fn who_the_person_is_and_who_acts_for_the_person() {
    let scene = Scene::start().await;
    Box::pin(registeret(&scene)).await;
}

/// A name is set; a merge is rejected, made and undone; a mandate is read by
/// who confirms it, and by the person.
pub async fn registeret(scene: &Scene) {
    let case = scene.case(PERSONER[1]).await;
    let other = scene.person(PERSONER[2]).await;
    Box::pin(named(scene, &case.person)).await;
    Box::pin(merged(scene, &case.person, &other)).await;
    Box::pin(represented(scene, &case.person, &other)).await;
}

/// Named by who keeps the register; read by who has the case, and by the
/// person.
async fn named(scene: &Scene, person: &str) {
    let keeper = index(scene, Rolle::Saksbehandler).await;
    let read = async |desk: &Desk| {
        let request = HentPersonRequest {
            name: person.to_owned(),
        };
        let found: HentPersonResponse = ok(desk, &format!("{PERSON}/HentPerson"), request).await;
        found.person.unwrap()
    };
    let name = |etag: String| OppdaterPersonRequest {
        name: person.to_owned(),
        request_id: request_id(),
        etag,
        visningsnavn: "Kanari Kvitterson".to_owned(),
    };
    let method = format!("{PERSON}/OppdaterPerson");
    // Who keeps the register reads what is to be corrected; nobody else does
    // for that alone.
    let leader = index(scene, Rolle::Leder).await;
    let elsewhere = scene
        .desk("hjemmetjeneste", Rolle::Saksbehandler, Formal::Samordning)
        .await;
    for desk in [leader, elsewhere] {
        let request = HentPersonRequest {
            name: person.to_owned(),
        };
        let method = format!("{PERSON}/HentPerson");
        let status = refused::<_, HentPersonResponse>(&desk, &method, request).await;
        assert_eq!(status.code(), Code::NotFound);
    }
    let before = read(&keeper).await;
    assert_eq!(before.visningsnavn, "");
    let set: OppdaterPersonResponse = ok(&keeper, &method, name(before.etag.clone())).await;
    assert_ne!(set.etag, before.etag);
    let late = refused::<_, OppdaterPersonResponse>(&keeper, &method, name(before.etag)).await;
    assert_eq!(reason(&late), Some(Feilgrunn::UtdatertEtag));
    let bom = scene
        .desk("bom", Rolle::Saksbehandler, Formal::Ytelse)
        .await;
    for desk in [&keeper, &bom, &scene.person_desk(person).await] {
        assert_eq!(read(desk).await.visningsnavn, "Kanari Kvitterson");
    }
}

async fn merged(scene: &Scene, remains: &str, before: &str) {
    let first = index(scene, Rolle::Saksbehandler).await;
    let second = index(scene, Rolle::Beslutter).await;
    let read = async |name: &str| {
        let request = HentSammenslaingRequest {
            name: name.to_owned(),
        };
        let method = format!("{SAMMENSLAING}/HentSammenslaing");
        let found: HentSammenslaingResponse = ok(&first, &method, request).await;
        found.sammenslaing.unwrap()
    };
    let request = ForeslaSammenslaingRequest {
        parent: remains.to_owned(),
        request_id: request_id(),
        duplikat: before.to_owned(),
        begrunnelse: "Kanari Kvitterson fikk nytt nummer.".to_owned(),
    };
    let method = format!("{SAMMENSLAING}/ForeslaSammenslaing");
    let proposed: ForeslaSammenslaingResponse = ok(&first, &method, request).await;
    let proposed = proposed.sammenslaing.unwrap();
    let request = AvvisForslagOmSammenslaingRequest {
        name: proposed.name.clone(),
        request_id: request_id(),
        etag: proposed.etag,
    };
    let method = format!("{SAMMENSLAING}/AvvisForslagOmSammenslaing");
    ok::<_, AvvisForslagOmSammenslaingResponse>(&second, &method, request).await;
    let rejected = read(&proposed.name).await;
    assert_eq!(rejected.tilstand(), SammenslaingTilstand::Avvist);
    assert_eq!(rejected.avgjort_av.unwrap().rolle(), Rolle::Beslutter);
    assert_eq!(scene.person(PERSONER[2]).await, before);

    // Made all the same, and undone.
    let held = merge(scene, remains, before).await;
    assert_eq!(scene.person(PERSONER[2]).await, remains);
    let request = ForeslaOpphevingAvSammenslaingRequest {
        name: held.name.clone(),
        request_id: request_id(),
        etag: held.etag,
        begrunnelse: "Kanari Kvitterson har en søster.".to_owned(),
    };
    let method = format!("{SAMMENSLAING}/ForeslaOpphevingAvSammenslaing");
    let wrong: ForeslaOpphevingAvSammenslaingResponse = ok(&first, &method, request).await;
    let undo = || BekreftOpphevingAvSammenslaingRequest {
        name: held.name.clone(),
        request_id: request_id(),
        etag: wrong.sammenslaing.as_ref().unwrap().etag.clone(),
    };
    let method = format!("{SAMMENSLAING}/BekreftOpphevingAvSammenslaing");
    let alone = refused::<_, BekreftOpphevingAvSammenslaingResponse>(&first, &method, undo()).await;
    assert_eq!(reason(&alone), Some(Feilgrunn::IkkeTillatt));
    ok::<_, BekreftOpphevingAvSammenslaingResponse>(&second, &method, undo()).await;
    let undone = read(&held.name).await;
    assert_eq!(undone.tilstand(), SammenslaingTilstand::Opphevet);
    assert_eq!(
        undone.oppheving_begrunnelse,
        "Kanari Kvitterson har en søster."
    );
    assert!(undone.periode.unwrap().til.is_some());
    assert_eq!(scene.person(PERSONER[2]).await, before);
}

async fn represented(scene: &Scene, person: &str, verge: &str) {
    let request = RegistrerRepresentasjonRequest {
        parent: person.to_owned(),
        request_id: request_id(),
        representant: verge.to_owned(),
        grunnlag: Representasjonsgrunnlag::Vergemal.into(),
        hjemmel: Some(Hjemmel {
            lov: "vergemålsloven".to_owned(),
            paragraf: "§ 20, for Kanari Kvitterson".to_owned(),
        }),
        periode: None,
    };
    let registers = index(scene, Rolle::Leder).await;
    let method = format!("{REPRESENTASJON}/RegistrerRepresentasjon");
    let waits: RegistrerRepresentasjonResponse = ok(&registers, &method, request).await;
    let name = waits.representasjon.unwrap().name;
    let read = async |desk: &Desk| {
        let request = HentRepresentasjonRequest { name: name.clone() };
        let method = format!("{REPRESENTASJON}/HentRepresentasjon");
        let found: HentRepresentasjonResponse = ok(desk, &method, request).await;
        found.representasjon.unwrap()
    };
    // Whoever confirms reads what is to be confirmed.
    let confirms = index(scene, Rolle::Saksbehandler).await;
    let shown = read(&confirms).await;
    assert_eq!(shown.tilstand(), RepresentasjonTilstand::TilBekreftelse);
    assert_eq!(shown.representant, verge);
    let request = BekreftRepresentasjonRequest {
        name: name.clone(),
        request_id: request_id(),
        etag: shown.etag,
    };
    let method = format!("{REPRESENTASJON}/BekreftRepresentasjon");
    ok::<_, BekreftRepresentasjonResponse>(&confirms, &method, request).await;
    for who in [person, verge] {
        let held = read(&scene.person_desk(who).await).await;
        assert_eq!(held.tilstand(), RepresentasjonTilstand::Gjeldende);
        assert_eq!(held.grunnlag(), Representasjonsgrunnlag::Vergemal);
    }
    // A vergemål is not the person's to end.
    let end = |etag: String| AvsluttRepresentasjonRequest {
        name: name.clone(),
        request_id: request_id(),
        etag,
    };
    let method = format!("{REPRESENTASJON}/AvsluttRepresentasjon");
    let herself = scene.person_desk(person).await;
    let etag = read(&registers).await.etag;
    let own =
        refused::<_, AvsluttRepresentasjonResponse>(&herself, &method, end(etag.clone())).await;
    assert_eq!(reason(&own), Some(Feilgrunn::IkkeTillatt));
    ok::<_, AvsluttRepresentasjonResponse>(&registers, &method, end(etag)).await;
    let over = read(&herself).await;
    assert_eq!(over.tilstand(), RepresentasjonTilstand::Avsluttet);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protection_is_rejected_set_and_lifted() {
    let scene = Scene::start().await;
    Box::pin(vernet(&scene)).await;
}

/// An employee is disqualified: rejected first, then by two, until two lift it.
pub async fn vernet(scene: &Scene) {
    let case = scene.case(PERSONER[3]).await;
    let parent = case.person.clone();
    let desk = async |rolle| scene.desk("bom", rolle, Formal::Sikkerhet).await;
    let (leader, second) = (desk(Rolle::Leder).await, desk(Rolle::Beslutter).await);
    let ward = async |employee: &str| {
        let desk = scene
            .desk_of("bom", employee, Rolle::Saksbehandler, Formal::Ytelse)
            .await;
        let request = HentVedtakRequest {
            name: case.vedtak.clone(),
            versjon: 0,
        };
        let method = "bestillerkontor.v1.VedtakService/HentVedtak";
        let answer = desk.call::<_, HentVedtakResponse>(method, request).await;
        answer.result.map(drop).map_err(|status| status.code())
    };
    let disqualify = || ForeslaVernRequest {
        gjelder_ansatte: vec!["kusinen".to_owned()],
        begrunnelse: "Kusinen til Kanari Kvitterson.".to_owned(),
        ..vern(&parent, Verntype::Inhabilitet)
    };
    let method = format!("{VERN}/ForeslaVern");
    let proposed: ForeslaVernResponse = ok(&leader, &method, disqualify()).await;
    let proposed = proposed.vern.unwrap();
    let request = AvvisForslagOmVernRequest {
        name: proposed.name.clone(),
        request_id: request_id(),
        etag: proposed.etag,
    };
    let method = format!("{VERN}/AvvisForslagOmVern");
    let rejected: AvvisForslagOmVernResponse = ok(&second, &method, request).await;
    assert_eq!(rejected.vern.unwrap().tilstand(), VernTilstand::Avvist);
    let rejected = read(&leader, &proposed.name).await;
    assert_eq!(rejected.tilstand(), VernTilstand::Avvist);
    assert_eq!(rejected.begrunnelse, "Kusinen til Kanari Kvitterson.");
    assert_eq!(ward("kusinen").await, Ok(()));

    let held = scene.protect("bom", disqualify()).await;
    assert_eq!(ward("kusinen").await, Err(Code::NotFound));
    assert_eq!(ward("en-annen").await, Ok(()));
    let names = async |desk: &Desk, bare_gjeldende| {
        let request = ListVernRequest {
            parent: parent.clone(),
            bare_gjeldende,
            ..Default::default()
        };
        let list: ListVernResponse = ok(desk, &format!("{VERN}/ListVern"), request).await;
        let names = list.vern.into_iter().map(|vern| vern.name);
        names.collect::<Vec<String>>()
    };
    let all = [held.name.clone(), proposed.name];
    assert_eq!(names(&leader, false).await, all);
    assert_eq!(names(&second, true).await, all[..1]);
    let herself = scene.person_desk(&parent).await;
    assert_eq!(names(&herself, true).await, all[..1]);

    let request = ForeslaOpphevingAvVernRequest {
        name: held.name.clone(),
        request_id: request_id(),
        etag: held.etag,
        begrunnelse: "Kusinen til Kanari Kvitterson har sluttet.".to_owned(),
    };
    let method = format!("{VERN}/ForeslaOpphevingAvVern");
    let waits: ForeslaOpphevingAvVernResponse = ok(&leader, &method, request).await;
    let waits = waits.vern.unwrap();
    assert_eq!(waits.tilstand(), VernTilstand::OpphevingForeslatt);
    assert_eq!(ward("kusinen").await, Err(Code::NotFound));
    let lift = || BekreftOpphevingAvVernRequest {
        name: held.name.clone(),
        request_id: request_id(),
        etag: waits.etag.clone(),
    };
    let method = format!("{VERN}/BekreftOpphevingAvVern");
    let alone = refused::<_, BekreftOpphevingAvVernResponse>(&leader, &method, lift()).await;
    assert_eq!(reason(&alone), Some(Feilgrunn::IkkeTillatt));
    ok::<_, BekreftOpphevingAvVernResponse>(&second, &method, lift()).await;
    assert_eq!(ward("kusinen").await, Ok(()));
    assert!(names(&leader, true).await.is_empty());
    let lifted = read(&herself, &held.name).await;
    assert_eq!(lifted.tilstand(), VernTilstand::Opphevet);
    assert_eq!(lifted.begrunnelse, "", "an assessment");
    assert!(lifted.periode.unwrap().til.is_some());
}

async fn read(desk: &Desk, name: &str) -> Vern {
    let request = HentVernRequest {
        name: name.to_owned(),
    };
    let found: HentVernResponse = ok(desk, &format!("{VERN}/HentVern"), request).await;
    found.vern.unwrap()
}
