//! An application for a dwelling through the gateway: taken in by one unit,
//! assessed and decided by the one that allocates, ranked, seen by the person.

use samspor::desk::Desk;
use samspor_proto::{
    boligkontor::*,
    felles::{Feilgrunn, Hjemmel, Rolle},
    koordinering::ForeslaVernResponse,
    tilgang::{Dataklasse, Formal},
};
use sqlx::Row as _;

use crate::{handovers::until, scene::*};

const CASES: &str = "boligkontor.v1.BoligsakService/";

/// What the municipality's rules ask, all met.
pub const KARMOY: [&str; 5] = [
    "bosatt",
    "lovlig_opphold",
    "okonomisk_vanskeligstilt",
    "ikke_student",
    "ikke_militartjeneste",
];
pub const SARPSBORG: [&str; 6] = [
    "over_18",
    "lovlig_opphold",
    "bodd_siste_ar",
    "uten_egnet_bolig",
    "kan_mestre",
    "uten_alternativ",
];

fn soknad(onske: &str) -> Boligsoknad {
    Boligsoknad {
        eget_onske: format!("{onske}. Sagt av Kanari Kvitterson."),
        voksne: 1,
        behov: Some(Boligbehov {
            omrader: vec!["Kopervik".to_owned()],
            funksjon: "Trenger ro. Sagt av Kanari Kvitterson.".to_owned(),
            ..Default::default()
        }),
        boligsituasjon: Boligsituasjon::Bostedslos.into(),
        ..Default::default()
    }
}

fn hjemmel() -> Hjemmel {
    Hjemmel {
        lov: "boligsosialloven".to_owned(),
        paragraf: "§ 6".to_owned(),
    }
}

async fn method<Q, R>(desk: &Desk, name: &str, request: Q) -> R
where
    Q: prost::Message + Clone + 'static,
    R: prost::Message + Default + 'static,
{
    ok(desk, &format!("{CASES}{name}"), request).await
}

/// The latest application of the person, as the unit that owns it reads it.
pub async fn taken_in(scene: &Scene, person: &str, owner: &Desk) -> Boligsak {
    let nav = scene.desk("nav", Rolle::Inntak, Formal::Oppfolging).await;
    let request = RegistrerBoligsoknadRequest {
        parent: person.to_owned(),
        request_id: request_id(),
        tildelingstype: Tildelingstype::KommunalUtleie.into(),
        soknad: Some(soknad("En hybel")),
    };
    let receipt: RegistrerBoligsoknadResponse = method(&nav, "RegistrerBoligsoknad", request).await;
    assert!(receipt.kvittering.unwrap().referanse.starts_with("B-"));
    let request = ListBoligsakerRequest {
        parent: person.to_owned(),
        ..Default::default()
    };
    let listed: ListBoligsakerResponse = method(owner, "ListBoligsaker", request).await;
    listed.boligsaker[0].clone()
}

async fn assessed(owner: &Desk, sak: Boligsak, keys: &[&str]) -> Boligsak {
    let request = VurderVilkarRequest {
        name: sak.name,
        request_id: request_id(),
        etag: sak.etag,
        vilkar: keys
            .iter()
            .map(|key| Vilkarsvurdering {
                nokkel: (*key).to_owned(),
                utfall: Vilkarsutfall::Oppfylt.into(),
                begrunnelse: "Vist av Kanari Kvitterson".to_owned(),
            })
            .collect(),
        ..Default::default()
    };
    let made: VurderVilkarResponse = method(owner, "VurderVilkar", request).await;
    made.boligsak.unwrap()
}

/// One of the person's that is on the list, of the unit that allocates.
pub async fn approved(scene: &Scene, person: &str, unit: &str, keys: &[&str]) -> Boligsak {
    let owner = scene
        .desk(unit, Rolle::Saksbehandler, Formal::Tildeling)
        .await;
    let sak = taken_in(scene, person, &owner).await;
    approved_of(scene, sak, unit, keys).await
}

/// The same, of one that was taken in.
pub async fn approved_of(scene: &Scene, sak: Boligsak, unit: &str, keys: &[&str]) -> Boligsak {
    let owner = scene
        .desk(unit, Rolle::Saksbehandler, Formal::Tildeling)
        .await;
    let decider = scene.desk(unit, Rolle::Beslutter, Formal::Tildeling).await;
    let sak = assessed(&owner, sak, keys).await;
    let request = GodkjennBoligsakRequest {
        name: sak.name,
        request_id: request_id(),
        etag: sak.etag,
        hjemmel: Some(hjemmel()),
        begrunnelse: "Vilkårene er oppfylt, vist av Kanari Kvitterson".to_owned(),
    };
    let made: GodkjennBoligsakResponse = method(&decider, "GodkjennBoligsak", request).await;
    made.boligsak.unwrap()
}

/// The whole life, in Karmøy, where rop allocates what is let.
#[tokio::test(flavor = "multi_thread")]
async fn a_case_is_assessed_decided_ranked_and_taken_back() {
    life(&Scene::start().await).await;
}

pub async fn life(scene: &Scene) {
    let person = scene.person(NUMBERS[0]).await;
    let rop = scene
        .desk("rop", Rolle::Saksbehandler, Formal::Tildeling)
        .await;
    let decider = scene.desk("rop", Rolle::Beslutter, Formal::Tildeling).await;
    // One that is refused says where to complain.
    let sak = taken_in(scene, &person, &rop).await;
    let request = GiForelopigBoligsvarRequest {
        name: sak.name.clone(),
        request_id: request_id(),
        svar: "Avgjøres i november. Sagt til Kanari Kvitterson.".to_owned(),
    };
    method::<_, GiForelopigBoligsvarResponse>(&rop, "GiForelopigBoligsvar", request).await;
    let request = HentBoligsakRequest {
        name: sak.name.clone(),
        versjon: 0,
    };
    let read: HentBoligsakResponse = method(&rop, "HentBoligsak", request).await;
    let sak = assessed(&rop, read.boligsak.unwrap(), &KARMOY).await;
    let request = AvslaBoligsakRequest {
        name: sak.name,
        request_id: request_id(),
        etag: sak.etag,
        hjemmel: Some(hjemmel()),
        begrunnelse: "Har kjøpt bolig, sier Kanari Kvitterson".to_owned(),
        klageinstans: "Klagenemnda".to_owned(),
    };
    method::<_, AvslaBoligsakResponse>(&decider, "AvslaBoligsak", request).await;

    let sak = approved(scene, &person, "rop", &KARMOY).await;
    let request = EndreBoligsakRequest {
        name: sak.name.clone(),
        request_id: request_id(),
        etag: sak.etag,
        soknad: Some(soknad("En hybel med hage")),
    };
    method::<_, EndreBoligsakResponse>(&rop, "EndreBoligsak", request).await;
    let open = ListApneBoligsakerRequest {
        parent: "enheter/rop".to_owned(),
        ..Default::default()
    };
    let listed: ListApneBoligsakerResponse = method(&rop, "ListApneBoligsaker", open.clone()).await;
    let names: Vec<&str> = listed.boligsaker.iter().map(|one| &*one.name).collect();
    assert_eq!(names, [&*sak.name]);
    let queue = RangerKoRequest {
        parent: "enheter/rop".to_owned(),
        tildelingstype: Tildelingstype::KommunalUtleie.into(),
        ..Default::default()
    };
    let ranked: RangerKoResponse = method(&rop, "RangerKo", queue.clone()).await;
    assert_eq!(ranked.koplasser.len(), 1);
    assert_eq!(ranked.koplasser[0].regelversjon, "karmoy-1");
    // The queue of a unit is not another's.
    let nav = scene
        .desk("nav", Rolle::Saksbehandler, Formal::Tildeling)
        .await;
    refused::<_, RangerKoResponse>(&nav, &format!("{CASES}RangerKo"), queue).await;
    let list = format!("{CASES}ListApneBoligsaker");
    refused::<_, ListApneBoligsakerResponse>(&nav, &list, open).await;

    let citizen = scene.person_desk(&person).await;
    let request = HentKoplassRequest {
        name: ranked.koplasser[0].name.clone(),
    };
    let own: HentKoplassResponse = method(&citizen, "HentKoplass", request.clone()).await;
    let own = own.koplass.unwrap();
    assert_eq!((own.plass, own.antall), (1, 1));
    assert!(own.ventetid.starts_with("ikke kjent"));
    // The office that keeps the queue sees it, and what was served never.
    let keeper = scene
        .desk("boligkontor", Rolle::Boligforvalter, Formal::Tildeling)
        .await;
    let seen: HentKoplassResponse = method(&keeper, "HentKoplass", request.clone()).await;
    assert_eq!(seen.koplass.unwrap().plass, 1);
    let request_sak = HentBoligsakRequest {
        name: sak.name.clone(),
        versjon: 0,
    };
    let seen: HentBoligsakResponse = method(&keeper, "HentBoligsak", request_sak).await;
    let withheld = seen.boligsak.unwrap().skjerming.unwrap().klasser;
    assert!(
        withheld
            .iter()
            .any(|one| one.klasse() == Dataklasse::Straff)
    );
    let bom = scene
        .desk("bom", Rolle::Saksbehandler, Formal::Tildeling)
        .await;
    let hidden =
        refused::<_, HentKoplassResponse>(&bom, &format!("{CASES}HentKoplass"), request).await;
    assert_eq!(reason(&hidden), Some(Feilgrunn::IkkeFunnet));

    let request = TrekkBoligsakRequest {
        name: sak.name,
        request_id: request_id(),
        onske: "Flytter til Kanari Kvitterson".to_owned(),
    };
    let ended: TrekkBoligsakResponse = method(&citizen, "TrekkBoligsak", request).await;
    assert_eq!(
        ended.boligsak.unwrap().tilstand(),
        BoligsakTilstand::Trukket
    );
}

/// In Sarpsborg the office that keeps the stock allocates what is let.
#[tokio::test(flavor = "multi_thread")]
async fn in_sarpsborg_the_office_itself_allocates() {
    let scene = Scene::of("sarpsborg").await;
    let person = scene.person(NUMBERS[0]).await;
    let office = scene
        .desk("boligkontor", Rolle::Saksbehandler, Formal::Tildeling)
        .await;
    // What Nav took in is on the office's own list, and on no other unit's.
    let sak = taken_in(&scene, &person, &office).await;
    let open = ListApneBoligsakerRequest {
        parent: "enheter/boligkontor".to_owned(),
        tilstand: BoligsakTilstand::Mottatt.into(),
        ..Default::default()
    };
    let listed: ListApneBoligsakerResponse =
        method(&office, "ListApneBoligsaker", open.clone()).await;
    let names: Vec<&str> = listed.boligsaker.iter().map(|one| &*one.name).collect();
    assert_eq!(names, [&*sak.name]);
    let nav = scene
        .desk("nav", Rolle::Saksbehandler, Formal::Tildeling)
        .await;
    let list = format!("{CASES}ListApneBoligsaker");
    refused::<_, ListApneBoligsakerResponse>(&nav, &list, open).await;
    let sak = approved_of(&scene, sak, "boligkontor", &SARPSBORG).await;
    assert_eq!(sak.ansvarlig_enhet, "enheter/boligkontor");
    assert_eq!(sak.regelversjon, "sarpsborg-1");
    let request = RangerKoRequest {
        parent: "enheter/boligkontor".to_owned(),
        tildelingstype: Tildelingstype::KommunalUtleie.into(),
        ..Default::default()
    };
    let ranked: RangerKoResponse = method(&office, "RangerKo", request).await;
    assert_eq!(ranked.koplasser[0].plass, 1);
}

/// Who is known by nothing but an application for a dwelling keeps the id, and is
/// not hidden from the unit that answers for it while it is open.
///
/// Seen red: without koordinering among those who hear that it was received;
/// without the end when it is taken back.
#[tokio::test(flavor = "multi_thread")]
async fn an_application_for_a_dwelling_keeps_its_unit_and_the_id() {
    let scene = Scene::start().await;
    let person = scene.person(NUMBERS[0]).await;
    let owner = scene
        .desk("rop", Rolle::Saksbehandler, Formal::Tildeling)
        .await;
    let sak = taken_in(&scene, &person, &owner).await;
    let answers = async |expected: &[&str]| {
        until(async || {
            let mut known = scene.database("koordinering").await;
            let sql = "SELECT enhet FROM ansvar JOIN person ON person.id = ansvar.person \
                       WHERE i_bruk = 1";
            let rows = sqlx::query(sql).fetch_all(&mut known).await.unwrap();
            let units: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
            (units == expected).then_some(())
        })
        .await;
    };
    answers(&["rop"]).await;
    let leader = scene
        .desk("koordinering", Rolle::Leder, Formal::Sikkerhet)
        .await;
    let hide = || strict(&person, &["koordinering"]);
    let propose = "koordinering.v1.VernService/ForeslaVern";
    let status = refused::<_, ForeslaVernResponse>(&leader, propose, hide()).await;
    assert_eq!(reason(&status), Some(Feilgrunn::BehovUtenAnsvarlig));
    let request = TrekkBoligsakRequest {
        name: sak.name,
        request_id: request_id(),
        onske: String::new(),
    };
    let tenant = scene.person_desk(&person).await;
    method::<_, TrekkBoligsakResponse>(&tenant, "TrekkBoligsak", request).await;
    answers(&[]).await;
    ok::<_, ForeslaVernResponse>(&leader, propose, hide()).await;
}
