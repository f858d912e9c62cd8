//! The stock through the gateway: who keeps it, who reads it, who holds a
//! dwelling for whom, and what each sees of that.

pub mod behov;
pub mod boligsak;
pub mod drift;
mod hendelser;
pub mod leie;

use samspor::desk::Desk;
use samspor_proto::{
    boligkontor::*,
    felles::{Feilgrunn, Rolle},
    tilgang::{Dataklasse, Formal},
};

use crate::scene::*;

pub const KONTORET: &str = "enheter/boligkontor";
const STOCK: &str = "boligkontor.v1.BoligService/";
const HELD: &str = "boligkontor.v1.ReservasjonService/";

/// Every life here, each in a mesh of its own.
pub async fn lives() {
    Box::pin(stock(&Scene::start().await)).await;
    Box::pin(held(&Scene::start().await)).await;
    Box::pin(boligsak::life(&Scene::start().await)).await;
    for life in 0..2 {
        let scene = Scene::start().await;
        let person = scene.case(NUMBERS[0]).await.person;
        lived(life, &scene, &person).await;
    }
    Box::pin(behov::life(&Scene::start().await)).await;
}

/// One of two, of a person who is followed up.
pub async fn lived(life: u8, scene: &Scene, person: &str) {
    match life {
        0 => Box::pin(leie::let_to(scene, person)).await,
        _ => Box::pin(drift::life(scene, person)).await,
    }
}

/// A dwelling as the register writes it.
fn row(nokkel: &str, type_: &str) -> String {
    format!(
        "{nokkel};Torvet {nokkel};Torvet {nokkel}, spør Kanari Kvitterson;Kopervik;ORDINAER;\
         {type_};KOMMUNAL;INGEN;ORDINAERT;GOD;1;45;2;300;150;900;8500;280"
    )
}

const HEADING: &str = "nokkel;navn;adresse;omrade;boligform;tildelingstype;eierform;bemanning;\
bomiljo;standard;soverom;kvadratmeter;etasje;meter_butikk;meter_buss;meter_tjenester;husleie;\
kostnad_per_dag";

/// The stock, taken in by who keeps it and ready to be let; names by number.
pub async fn taken_in(keeper: &Desk, rows: &[(&str, &str)]) -> Vec<Bolig> {
    let lines: Vec<String> = rows.iter().map(|(key, type_)| row(key, type_)).collect();
    let request = ImporterBoligerRequest {
        parent: KONTORET.to_owned(),
        request_id: request_id(),
        csv: format!("{HEADING}\n{}\n", lines.join("\n")).into(),
        prove: false,
    };
    let method = format!("{STOCK}ImporterBoliger");
    let report: ImporterBoligerResponse = ok(keeper, &method, request).await;
    assert!(report.lagret, "{report:?}");
    let mut ready = Vec::new();
    for dwelling in listed(keeper, Tildelingstype::Unspecified).await {
        if dwelling.tilstand() == Boligtilstand::Klargjores {
            let request = MeldKlargjortRequest {
                name: dwelling.name,
                request_id: request_id(),
            };
            let method = format!("{STOCK}MeldKlargjort");
            let made: MeldKlargjortResponse = ok(keeper, &method, request).await;
            ready.push(made.bolig.unwrap());
        }
    }
    ready
}

async fn listed(desk: &Desk, type_: Tildelingstype) -> Vec<Bolig> {
    let request = ListBoligerRequest {
        parent: KONTORET.to_owned(),
        tildelingstype: type_.into(),
        ..Default::default()
    };
    let method = format!("{STOCK}ListBoliger");
    ok::<_, ListBoligerResponse>(desk, &method, request)
        .await
        .boliger
}

/// The register is kept by one, read by all who allocate, and by nobody else.
///
/// Guards against: `P7.bolig` for every unit.
#[tokio::test(flavor = "multi_thread")]
async fn the_stock_is_kept_by_one_and_read_by_who_allocates() {
    stock(&Scene::start().await).await;
}

async fn stock(scene: &Scene) {
    let keeper = scene
        .desk("boligkontor", Rolle::Boligforvalter, Formal::Tildeling)
        .await;
    let rows = [("A-1", "KOMMUNAL_UTLEIE"), ("A-2", "MIDLERTIDIG")];
    let ready = taken_in(&keeper, &rows).await;
    assert_eq!(ready.len(), 2);
    let like = ready[0].egenskaper.clone().unwrap();
    let request = RegistrerBoligRequest {
        parent: KONTORET.to_owned(),
        request_id: request_id(),
        nokkel: "A-3".to_owned(),
        egenskaper: Some(like.clone()),
    };
    let new: RegistrerBoligResponse = ok(&keeper, &format!("{STOCK}RegistrerBolig"), request).await;
    let new = new.bolig.unwrap();
    let request = EndreBoligRequest {
        name: new.name.clone(),
        request_id: request_id(),
        etag: new.etag,
        egenskaper: Some(Boligegenskaper {
            husleie: 9000,
            ..like
        }),
    };
    ok::<_, EndreBoligResponse>(&keeper, &format!("{STOCK}EndreBolig"), request).await;
    let request = TaUtAvDriftRequest {
        name: new.name.clone(),
        request_id: request_id(),
        arsak: Tomgangsarsak::Skade.into(),
        merknad: "Brann. Meldt av Kanari Kvitterson.".to_owned(),
        kostnad_per_dag: 0,
    };
    ok::<_, TaUtAvDriftResponse>(&keeper, &format!("{STOCK}TaUtAvDrift"), request).await;
    let request = SettIDriftRequest {
        name: new.name.clone(),
        request_id: request_id(),
    };
    ok::<_, SettIDriftResponse>(&keeper, &format!("{STOCK}SettIDrift"), request).await;
    let request = AvviklBoligRequest {
        name: new.name.clone(),
        request_id: request_id(),
        begrunnelse: "Selges til Kanari Kvitterson".to_owned(),
    };
    ok::<_, AvviklBoligResponse>(&keeper, &format!("{STOCK}AvviklBolig"), request).await;
    for unit in ["nav", "rop", "bestillerkontor"] {
        let desk = scene
            .desk(unit, Rolle::Saksbehandler, Formal::Tildeling)
            .await;
        assert_eq!(
            listed(&desk, Tildelingstype::Unspecified).await.len(),
            2,
            "{unit}"
        );
        let request = HentBoligRequest {
            name: ready[0].name.clone(),
        };
        let read: HentBoligResponse = ok(&desk, &format!("{STOCK}HentBolig"), request).await;
        assert!(
            read.bolig.unwrap().etag.is_empty(),
            "{unit} may not write it"
        );
    }
    // BOM allocates nothing: as if there were no such dwelling.
    let bom = scene
        .desk("bom", Rolle::Saksbehandler, Formal::Tildeling)
        .await;
    let request = HentBoligRequest {
        name: ready[0].name.clone(),
    };
    let hidden: tonic::Status =
        refused::<_, HentBoligResponse>(&bom, &format!("{STOCK}HentBolig"), request).await;
    assert_eq!(reason(&hidden), Some(Feilgrunn::IkkeFunnet));
    assert_eq!(listed(&bom, Tildelingstype::Unspecified).await.len(), 0);
    // Nobody else keeps it.
    let nav = scene
        .desk("nav", Rolle::Saksbehandler, Formal::Tildeling)
        .await;
    let request = SettIDriftRequest {
        name: new.name,
        request_id: request_id(),
    };
    refused::<_, SettIDriftResponse>(&nav, &format!("{STOCK}SettIDrift"), request).await;
}

/// The register as a file: what goes out goes in again as it was, and a file with
/// a fault changes nothing.
///
/// Seen red: with an export in which every number is 1.
#[tokio::test(flavor = "multi_thread")]
async fn the_register_goes_out_and_in_again() {
    let scene = Scene::start().await;
    let keeper = scene
        .desk("boligkontor", Rolle::Boligforvalter, Formal::Tildeling)
        .await;
    taken_in(&keeper, &[("A-1", "KOMMUNAL_UTLEIE"), ("A-2", "HARDFOR")]).await;
    let before = samspor::boliger::alle(&keeper).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("boliger.csv");
    samspor::boliger::eksporter(&keeper, &file).await.unwrap();
    samspor::boliger::importer(&keeper, &file, false)
        .await
        .unwrap();
    assert_eq!(samspor::boliger::alle(&keeper).await.unwrap(), before);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(&before[0].egenskaper.as_ref().unwrap().adresse));
    std::fs::write(&file, text.replace("HARDFOR", "SLOTT")).unwrap();
    samspor::boliger::importer(&keeper, &file, false)
        .await
        .unwrap_err();
    assert_eq!(samspor::boliger::alle(&keeper).await.unwrap(), before);
}

/// From reserved to offered, said no to, offered again and said yes to; the
/// office sees what it needs for the contract and no assessment.
///
/// Guards against: P7 that opens VURDERING.
#[tokio::test(flavor = "multi_thread")]
async fn a_dwelling_is_held_offered_and_answered() {
    held(&Scene::start().await).await;
}

async fn held(scene: &Scene) {
    let person = scene.person(NUMBERS[0]).await;
    let keeper = scene
        .desk("boligkontor", Rolle::Boligforvalter, Formal::Tildeling)
        .await;
    let rows = [("A-1", "KOMMUNAL_UTLEIE"), ("A-2", "MIDLERTIDIG")];
    let ready = taken_in(&keeper, &rows).await;
    let rop = scene
        .desk("rop", Rolle::Saksbehandler, Formal::Tildeling)
        .await;
    let sak = boligsak::approved(scene, &person, "rop", &boligsak::KARMOY).await;
    let reserve = |bolig: &Bolig| ReserverBoligRequest {
        parent: person.clone(),
        request_id: request_id(),
        bolig: bolig.name.clone(),
        grunnlag: sak.name.clone(),
        begrunnelse: "Nær tjenestene. Sagt av Kanari Kvitterson.".to_owned(),
        ..Default::default()
    };
    let method = format!("{HELD}ReserverBolig");
    // Nav allocates temporary housing here, not rop.
    let mut tonight = reserve(&ready[1]);
    tonight.grunnlag = format!("{person}/opphold/0192f0a1-7b2c-7d3e-8f40-516273849506");
    let wrong = refused::<_, ReserverBoligResponse>(&rop, &method, tonight).await;
    assert_eq!(reason(&wrong), Some(Feilgrunn::EnhetKanIkke));
    let got: ReserverBoligResponse = ok(&rop, &method, reserve(&ready[0])).await;
    let got = got.reservasjon.unwrap();
    let twice = refused::<_, ReserverBoligResponse>(&rop, &method, reserve(&ready[0])).await;
    assert_eq!(reason(&twice), Some(Feilgrunn::UgyldigOvergang));
    // Its own unit reads why; the office that keeps the stock does not.
    let method = format!("{HELD}HentReservasjon");
    let name = HentReservasjonRequest {
        name: got.name.clone(),
    };
    let own: HentReservasjonResponse = ok(&rop, &method, name.clone()).await;
    assert!(own.reservasjon.unwrap().begrunnelse.contains("Nær"));
    let seen: HentReservasjonResponse = ok(&keeper, &method, name.clone()).await;
    let seen = seen.reservasjon.unwrap();
    assert_eq!((seen.begrunnelse.as_str(), seen.bolig.as_str()), ("", ""));
    let withheld = seen.skjerming.unwrap().klasser;
    assert!(
        withheld
            .iter()
            .any(|one| one.klasse() == Dataklasse::Vurdering)
    );
    let bom = scene
        .desk("bom", Rolle::Saksbehandler, Formal::Ytelse)
        .await;
    let bom = bom.with_purpose(Formal::Oppfolging);
    let hidden = refused::<_, HentReservasjonResponse>(&bom, &method, name).await;
    assert_eq!(reason(&hidden), Some(Feilgrunn::IkkeFunnet));

    let request = ForlengReservasjonRequest {
        name: got.name.clone(),
        request_id: request_id(),
        etag: got.etag,
        utloper: Some(
            scene
                .mesh
                .now()
                .plus(std::time::Duration::from_hours(24 * 20))
                .to_proto(),
        ),
        begrunnelse: "Visning hos Kanari Kvitterson".to_owned(),
    };
    let method = format!("{HELD}ForlengReservasjon");
    let got: ForlengReservasjonResponse = ok(&rop, &method, request).await;
    let offer = async |held: Reservasjon| {
        let request = TilbyBoligRequest {
            name: held.name,
            request_id: request_id(),
            etag: held.etag,
            svarfrist: None,
        };
        let method = format!("{HELD}TilbyBolig");
        let offered: TilbyBoligResponse = ok(&rop, &method, request).await;
        offered.reservasjon.unwrap()
    };
    let offered = offer(got.reservasjon.unwrap()).await;
    let own_desk = scene.person_desk(&person).await;
    let answer = async |held: &Reservasjon, aksepterer| {
        let request = SvarTilbudRequest {
            name: held.name.clone(),
            request_id: request_id(),
            aksepterer,
            onske: "Med hund. Sagt av Kanari Kvitterson.".to_owned(),
        };
        let method = format!("{HELD}SvarTilbud");
        let answered: SvarTilbudResponse = ok(&own_desk, &method, request).await;
        answered.reservasjon.unwrap()
    };
    let no = answer(&offered, false).await;
    assert_eq!(no.tilstand(), ReservasjonTilstand::Avslatt);
    let method = format!("{HELD}ReserverBolig");
    let again: ReserverBoligResponse = ok(&rop, &method, reserve(&ready[0])).await;
    let yes = answer(&offer(again.reservasjon.unwrap()).await, true).await;
    assert_eq!(yes.tilstand(), ReservasjonTilstand::Akseptert);
    let request = NedleggVetoRequest {
        name: yes.name.clone(),
        request_id: request_id(),
        begrunnelse: "Huset rives, sier Kanari Kvitterson".to_owned(),
    };
    ok::<_, NedleggVetoResponse>(&keeper, &format!("{HELD}NedleggVeto"), request).await;
    let third: ReserverBoligResponse = ok(&rop, &method, reserve(&ready[0])).await;
    let third = third.reservasjon.unwrap();
    let request = OpphevReservasjonRequest {
        name: third.name,
        request_id: request_id(),
        etag: third.etag,
        begrunnelse: "Fant en annen. Sagt av Kanari Kvitterson.".to_owned(),
    };
    ok::<_, OpphevReservasjonResponse>(&rop, &format!("{HELD}OpphevReservasjon"), request).await;
    let request = ListReservasjonerRequest {
        parent: person.clone(),
        ..Default::default()
    };
    let method = format!("{HELD}ListReservasjoner");
    let all: ListReservasjonerResponse = ok(&own_desk, &method, request).await;
    assert_eq!(all.reservasjoner.len(), 3);
    assert!(
        all.reservasjoner
            .iter()
            .all(|one| one.begrunnelse.is_empty())
    );
}
