//! Lives at bestillerkontor through the gateway: what an application, an order,
//! a vedtak that was ended and a month come to, each by the role that does it.

use std::time::Duration;

use samspor::desk::Desk;
use samspor_chassis::{
    domene::{Dag, kalender},
    tid::Tid,
};
use samspor_proto::{
    bestillerkontor::*,
    felles::{Feilgrunn, Rolle},
    hendelse::{AbonnerRequest, AbonnerResponse},
    tilgang::Formal,
};
use tonic::Code;

use crate::scene::*;

const SOKNAD: &str = "bestillerkontor.v1.SoknadService";
pub const OPPDRAG: &str = "bestillerkontor.v1.OppdragService";
pub const VEDTAK: &str = "bestillerkontor.v1.VedtakService";
pub const KONTORET: &str = "bestillerkontor";

/// The persons of these lives, a few each.
const PERSONER: [&str; 3] = ["01819010516", "01819010788", "01819010869"];

/// One desk of each kind at bestillerkontor.
pub struct Kontoret {
    pub caseworker: Desk,
    pub decider: Desk,
}

impl Kontoret {
    pub async fn of(scene: &Scene) -> Self {
        let desk = async |rolle| scene.desk(KONTORET, rolle, Formal::Saksbehandling).await;
        Self {
            caseworker: desk(Rolle::Saksbehandler).await,
            decider: desk(Rolle::Beslutter).await,
        }
    }
}

/// The day so many days from today.
pub fn day(scene: &Scene, from_now: i32) -> Dag {
    Dag::av(scene.mesh.now()).pluss_dager(from_now)
}

/// An instant that must be there.
pub fn instant(of: Option<prost_types::Timestamp>) -> Tid {
    of.unwrap().try_into().unwrap()
}

/// What waits at a unit about a record: its kind, and when it is due.
pub async fn waits(scene: &Scene, unit: &str, post: &str) -> Vec<(Ventetype, Tid)> {
    let desk = scene.desk(unit, Rolle::System, Formal::Ytelse).await;
    let request = ListVenteposterRequest {
        parent: format!("enheter/{unit}"),
        page_size: 200,
        ..Default::default()
    };
    let method = "bestillerkontor.v1.InnboksService/ListVenteposter";
    let list: ListVenteposterResponse = ok(&desk, method, request).await;
    let its = list.venteposter.iter().filter(|row| row.post == post);
    its.map(|row| {
        assert!(!row.brutt && row.siden.is_some());
        (row.r#type(), instant(row.frist))
    })
    .collect()
}

/// The same, without when.
pub async fn waits_for(scene: &Scene, unit: &str, post: &str) -> Vec<Ventetype> {
    let rows = waits(scene, unit, post).await;
    rows.into_iter().map(|(kind, _)| kind).collect()
}

/// Waits until a unit is told of something by this name about a record.
pub async fn told(scene: &Scene, unit: &str, kind: &str, post: &str) {
    let desk = scene.desk(unit, Rolle::System, Formal::Samordning).await;
    let request = AbonnerRequest {
        parent: format!("enheter/{unit}"),
        tjeneste: KONTORET.to_owned(),
        etter: 0,
    };
    let method = "hendelse.v1.HendelseService/Abonner";
    let stream = desk.stream::<_, AbonnerResponse>(method, request).await;
    let mut stream = stream.unwrap();
    let heard = async {
        while let Some(message) = stream.message().await.unwrap() {
            let event = message.hendelse.unwrap();
            if event.r#type == kind && event.post == post {
                return;
            }
        }
        panic!("the feed ended");
    };
    let heard = tokio::time::timeout(Duration::from_secs(10), heard).await;
    heard.unwrap_or_else(|_| panic!("{unit} was not told {kind}"));
}

async fn soknad(desk: &Desk, name: &str) -> Soknad {
    let request = HentSoknadRequest {
        name: name.to_owned(),
    };
    let found: HentSoknadResponse = ok(desk, &format!("{SOKNAD}/HentSoknad"), request).await;
    found.soknad.unwrap()
}

pub async fn oppdrag(desk: &Desk, name: &str) -> Oppdrag {
    let request = HentOppdragRequest {
        name: name.to_owned(),
    };
    let found: HentOppdragResponse = ok(desk, &format!("{OPPDRAG}/HentOppdrag"), request).await;
    found.oppdrag.unwrap()
}

/// The order does not exist for whoever asks.
pub async fn no_oppdrag(desk: &Desk, name: &str) {
    let request = HentOppdragRequest {
        name: name.to_owned(),
    };
    let method = format!("{OPPDRAG}/HentOppdrag");
    let status = refused::<_, HentOppdragResponse>(desk, &method, request).await;
    assert_eq!(status.code(), Code::NotFound);
}

pub async fn vedtak(desk: &Desk, name: &str) -> Vedtak {
    let request = HentVedtakRequest {
        name: name.to_owned(),
        versjon: 0,
    };
    let found: HentVedtakResponse = ok(desk, &format!("{VEDTAK}/HentVedtak"), request).await;
    found.vedtak.unwrap()
}

/// The order about a person in the work list of a unit.
pub async fn ordered(scene: &Scene, unit: &str, person: &str) -> Option<Oppdrag> {
    let desk = scene.desk(unit, Rolle::Saksbehandler, Formal::Ytelse).await;
    let request = ListEnhetensOppdragRequest {
        parent: format!("enheter/{unit}"),
        ..Default::default()
    };
    let method = format!("{OPPDRAG}/ListEnhetensOppdrag");
    let list: ListEnhetensOppdragResponse = ok(&desk, &method, request).await;
    let mut its = list.oppdrag.into_iter();
    its.find(|order| order.name.starts_with(person))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_is_answered_taken_back_and_closed() {
    let scene = Scene::start().await;
    Box::pin(soknader(&scene)).await;
}

/// One application is answered preliminarily and taken back; another is closed
/// by two, without a vedtak.
pub async fn soknader(scene: &Scene) {
    let kontoret = Kontoret::of(scene).await;
    let person = scene.person(PERSONER[0]).await;
    let herself = scene.person_desk(&person).await;
    let name = scene.ready(&person).await;
    let due = instant(soknad(&herself, &name).await.forelopig_svar_frist);
    assert_eq!(
        waits(scene, KONTORET, &name).await,
        [(Ventetype::ForelopigSvar, due)]
    );
    let promised = day(scene, 40);
    let request = GiForelopigSvarRequest {
        name: name.clone(),
        request_id: request_id(),
        begrunnelse: "Venter på sykehuset, sier Kanari Kvitterson 01819010435.".to_owned(),
        ventet_avgjort: promised.to_string(),
    };
    let method = format!("{SOKNAD}/GiForelopigSvar");
    let given: GiForelopigSvarResponse = ok(&kontoret.caseworker, &method, request.clone()).await;
    assert!(given.soknad.unwrap().forelopig_svar.is_some());
    assert_eq!(
        waits(scene, KONTORET, &name).await,
        [(Ventetype::VentetAvgjort, promised.slutt())]
    );
    let read = soknad(&herself, &name).await;
    assert_eq!(read.ventet_avgjort, promised.to_string());
    assert_eq!(read.forelopig_svar_begrunnelse, request.begrunnelse);
    let again = GiForelopigSvarRequest {
        request_id: request_id(),
        ..request
    };
    let again = refused::<_, GiForelopigSvarResponse>(&kontoret.caseworker, &method, again).await;
    assert_eq!(reason(&again), Some(Feilgrunn::Konflikt));

    // Taken back by staff, in the person's words.
    let take_back = |said: &str| TrekkSoknadRequest {
        name: name.clone(),
        request_id: request_id(),
        personens_onske: said.to_owned(),
    };
    let method = format!("{SOKNAD}/TrekkSoknad");
    let unsaid =
        refused::<_, TrekkSoknadResponse>(&kontoret.caseworker, &method, take_back("")).await;
    assert_eq!(reason(&unsaid), Some(Feilgrunn::UgyldigForesporsel));
    let words = "Kanari Kvitterson ringte meg: «dropp det».";
    let receipt: TrekkSoknadResponse = ok(&kontoret.caseworker, &method, take_back(words)).await;
    assert!(!receipt.kvittering.unwrap().referanse.is_empty());
    let read = soknad(&herself, &name).await;
    assert_eq!(read.tilstand(), SoknadTilstand::Trukket);
    assert_eq!(read.trukket_onske, words);
    assert!(waits(scene, KONTORET, &name).await.is_empty());
    told(scene, "koordinering", "SoknadTrukket", &name).await;
    // The relation ended with it.
    let request = HentSoknadRequest { name };
    let method = format!("{SOKNAD}/HentSoknad");
    let gone = refused::<_, HentSoknadResponse>(&kontoret.caseworker, &method, request).await;
    assert_eq!(gone.code(), Code::NotFound);

    Box::pin(closed(scene, &kontoret)).await;
}

/// Closed without a vedtak: proposed by one, decided by another.
async fn closed(scene: &Scene, kontoret: &Kontoret) {
    let person = scene.person(PERSONER[1]).await;
    let name = scene.ready(&person).await;
    let request = ForeslaHenleggelseRequest {
        name: name.clone(),
        request_id: request_id(),
        arsak: Henleggelsesarsak::DekketPaAnnenMate.into(),
        begrunnelse: "Kanari Kvitterson har fått hjelp av naboen.".to_owned(),
        hjemmel: Some(basis("§ 3-1")),
    };
    let method = format!("{SOKNAD}/ForeslaHenleggelse");
    let proposed: ForeslaHenleggelseResponse =
        ok(&kontoret.caseworker, &method, request.clone()).await;
    let proposed = proposed.soknad.unwrap();
    assert_eq!(proposed.tilstand(), SoknadTilstand::Klar);
    assert!(proposed.henleggelse_foreslatt);
    let list = waits_for(scene, KONTORET, &name).await;
    assert!(list.contains(&Ventetype::Henleggelse), "{list:?}");

    // Said no to once, and proposed again.
    let request_no = AvvisHenleggelseRequest {
        name: name.clone(),
        request_id: request_id(),
        begrunnelse: "Kanari Kvitterson har spurt naboen, som ikke kan.".to_owned(),
    };
    let method_no = format!("{SOKNAD}/AvvisHenleggelse");
    let goes_on: AvvisHenleggelseResponse = ok(&kontoret.caseworker, &method_no, request_no).await;
    assert!(!goes_on.soknad.unwrap().henleggelse_foreslatt);
    let request = ForeslaHenleggelseRequest {
        request_id: request_id(),
        ..request
    };
    ok::<_, ForeslaHenleggelseResponse>(&kontoret.caseworker, &method, request).await;
    // The version is for who decides.
    let etag = soknad(&kontoret.decider, &name).await.etag;

    let close = || HenleggSoknadRequest {
        name: name.clone(),
        request_id: request_id(),
        etag: etag.clone(),
    };
    let method = format!("{SOKNAD}/HenleggSoknad");
    let (own, formal) = ("bestillerkontor-saksbehandler", Formal::Saksbehandling);
    let own = scene.desk_of(KONTORET, own, Rolle::Beslutter, formal).await;
    let alone = refused::<_, HenleggSoknadResponse>(&own, &method, close()).await;
    assert_eq!(reason(&alone), Some(Feilgrunn::IkkeTillatt));
    let receipt: HenleggSoknadResponse = ok(&kontoret.decider, &method, close()).await;
    assert!(receipt.kvittering.is_some());
    let read = soknad(&scene.person_desk(&person).await, &name).await;
    assert_eq!(read.tilstand(), SoknadTilstand::Henlagt);
    assert_eq!(
        read.henleggelsesarsak(),
        Henleggelsesarsak::DekketPaAnnenMate
    );
    assert_eq!(
        read.henleggelse_begrunnelse,
        "Kanari Kvitterson har fått hjelp av naboen."
    );
    assert!(waits(scene, KONTORET, &name).await.is_empty());
    told(scene, "koordinering", "SoknadHenlagt", &name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_declined_paused_resumed_and_ended() {
    let scene = Scene::start().await;
    Box::pin(bestilt(&scene)).await;
}

/// One unit declines, and the need comes back to who ordered; the other
/// delivers, pauses, resumes and ends; meanwhile a short service is ordered.
pub async fn bestilt(scene: &Scene) {
    let person = scene.person(PERSONER[2]).await;
    scene.decided(&person, &["rop", "bom"]).await;
    Box::pin(declined(scene, &person)).await;
    Box::pin(short(scene, &person)).await;
    Box::pin(paused(scene, &person)).await;
}

async fn declined(scene: &Scene, person: &str) {
    let kontoret = Kontoret::of(scene).await;
    let bom = scene
        .desk("bom", Rolle::Saksbehandler, Formal::Ytelse)
        .await;
    let offered = ordered(scene, "bom", person).await.unwrap();
    let name = offered.name.clone();
    assert_eq!(offered.tilstand(), OppdragTilstand::Tilbudt);
    assert_eq!(offered.ansvarlig_enhet, "enheter/bestillerkontor");
    let due = instant(offered.svarfrist);
    for unit in ["bom", KONTORET] {
        let list = waits(scene, unit, &name).await;
        assert!(list.contains(&(Ventetype::Svar, due)), "{unit}: {list:?}");
    }
    let request = AvvisOppdragRequest {
        name: name.clone(),
        request_id: request_id(),
        arsak: Avvisningsarsak::Kapasitet.into(),
        begrunnelse: "Ingen ledige til Kanari Kvitterson.".to_owned(),
    };
    let before = scene.mesh.now();
    let method = format!("{OPPDRAG}/AvvisOppdrag");
    let receipt: AvvisOppdragResponse = ok(&bom, &method, request).await;
    assert!(receipt.kvittering.is_some());
    no_oppdrag(&bom, &name).await;
    assert!(waits(scene, "bom", &name).await.is_empty());
    assert!(ordered(scene, "bom", person).await.is_none());
    // The need is back with who ordered, for three working days.
    assert_eq!(
        waits(scene, KONTORET, &name).await,
        [(
            Ventetype::Omfordeling,
            kalender::arbeidsdager_etter(before, 3)
        )]
    );
    let read = oppdrag(&kontoret.caseworker, &name).await;
    assert_eq!(read.tilstand(), OppdragTilstand::Avvist);
    assert_eq!(read.ansvarlig_enhet, "enheter/bestillerkontor");
    assert_eq!(read.avvisningsarsak(), Avvisningsarsak::Kapasitet);
    assert_eq!(read.begrunnelse, "Ingen ledige til Kanari Kvitterson.");
    for unit in [KONTORET, "koordinering"] {
        told(scene, unit, "OppdragAvvist", &name).await;
    }
}

/// Fourteen days need no vedtak, fifteen do; the unit that is asked reads it.
async fn short(scene: &Scene, person: &str) {
    let kontoret = Kontoret::of(scene).await;
    let order = |last: i32| BestillKortvarigTjenesteRequest {
        parent: person.to_owned(),
        request_id: request_id(),
        enhet: "enheter/hjemmetjeneste".to_owned(),
        r#type: Tjenestetype::PraktiskBistand.into(),
        min_timer: 1.0,
        maks_timer: 3.0,
        fra: day(scene, 0).to_string(),
        til: day(scene, last).to_string(),
        mal: "Mat i huset til Kanari Kvitterson.".to_owned(),
        hjemmel: Some(basis("§ 3-2 nr. 6")),
        ..Default::default()
    };
    let method = format!("{OPPDRAG}/BestillKortvarigTjeneste");
    let long =
        refused::<_, BestillKortvarigTjenesteResponse>(&kontoret.caseworker, &method, order(14))
            .await;
    assert_eq!(reason(&long), Some(Feilgrunn::UgyldigForesporsel));
    let placed: BestillKortvarigTjenesteResponse =
        ok(&kontoret.caseworker, &method, order(13)).await;
    let placed = placed.oppdrag.unwrap();
    assert!(placed.kortvarig && placed.vedtak.is_empty());
    let asked = scene
        .desk("hjemmetjeneste", Rolle::Saksbehandler, Formal::Ytelse)
        .await;
    let read = oppdrag(&asked, &placed.name).await;
    assert_eq!(read.tilstand(), OppdragTilstand::Tilbudt);
    assert_eq!((read.min_timer, read.maks_timer), (1.0, 3.0));
    assert_eq!(read.mal, "Mat i huset til Kanari Kvitterson.");
    let list = waits_for(scene, "hjemmetjeneste", &placed.name).await;
    assert!(list.contains(&Ventetype::Svar), "{list:?}");
    let bom = scene
        .desk("bom", Rolle::Saksbehandler, Formal::Ytelse)
        .await;
    no_oppdrag(&bom, &placed.name).await;

    // Another is declined, and who ordered says why nobody else is asked.
    let request = BestillKortvarigTjenesteRequest {
        r#type: Tjenestetype::Hjemmesykepleie.into(),
        ..order(1)
    };
    let placed: BestillKortvarigTjenesteResponse = ok(&kontoret.caseworker, &method, request).await;
    let name = placed.oppdrag.unwrap().name;
    let request = AvvisOppdragRequest {
        name: name.clone(),
        request_id: request_id(),
        arsak: Avvisningsarsak::Kompetanse.into(),
        begrunnelse: "Ingen kan stelle såret til Kanari Kvitterson.".to_owned(),
    };
    ok::<_, AvvisOppdragResponse>(&asked, &format!("{OPPDRAG}/AvvisOppdrag"), request).await;
    let list = waits_for(scene, KONTORET, &name).await;
    assert_eq!(list, [Ventetype::Omfordeling]);
    let request = AvsluttOmfordelingRequest {
        name: name.clone(),
        request_id: request_id(),
        begrunnelse: "Såret til Kanari Kvitterson er grodd.".to_owned(),
        alternativ: "Kanari Kvitterson kan ringe fastlegen.".to_owned(),
    };
    let method = format!("{OPPDRAG}/AvsluttOmfordeling");
    let closed: AvsluttOmfordelingResponse = ok(&kontoret.caseworker, &method, request).await;
    let closed = closed.oppdrag.unwrap();
    assert_eq!(closed.tilstand(), OppdragTilstand::Avsluttet);
    assert_eq!(closed.avslutningsarsak(), Avslutningsarsak::Bortfalt);
    assert_eq!(closed.alternativ, "Kanari Kvitterson kan ringe fastlegen.");
    assert!(waits_for(scene, KONTORET, &name).await.is_empty());
}

/// A unit reports what it delivered today of what has ended; then nothing waits.
pub async fn reported(scene: &Scene, unit: &str, name: &str) {
    let desk = scene.desk(unit, Rolle::Saksbehandler, Formal::Ytelse).await;
    let list = waits_for(scene, unit, name).await;
    assert_eq!(list, [Ventetype::Rapport]);
    let today = day(scene, 0).to_string();
    let request = RapporterOppdragRequest {
        name: name.to_owned(),
        request_id: request_id(),
        rapport: Some(Leveringsrapport {
            fra: today.clone(),
            til: today,
            timer: 1.0,
            merknad: "Kanari Kvitterson var hjemme.".to_owned(),
            ..Default::default()
        }),
    };
    let method = format!("{OPPDRAG}/RapporterOppdrag");
    let said: RapporterOppdragResponse = ok(&desk, &method, request).await;
    assert!(said.oppdrag.is_none());
    no_oppdrag(&desk, name).await;
    assert!(waits(scene, unit, name).await.is_empty());
}

async fn paused(scene: &Scene, person: &str) {
    let kontoret = Kontoret::of(scene).await;
    let herself = scene.person_desk(person).await;
    let rop = scene
        .desk("rop", Rolle::Saksbehandler, Formal::Ytelse)
        .await;
    let name = ordered(scene, "rop", person).await.unwrap().name;
    let accept = AksepterOppdragRequest {
        name: name.clone(),
        request_id: request_id(),
        ..Default::default()
    };
    ok::<_, AksepterOppdragResponse>(&rop, &format!("{OPPDRAG}/AksepterOppdrag"), accept).await;
    let start = StartOppdragRequest {
        name: name.clone(),
        request_id: request_id(),
        ..Default::default()
    };
    ok::<_, StartOppdragResponse>(&rop, &format!("{OPPDRAG}/StartOppdrag"), start).await;
    let list = waits_for(scene, "rop", &name).await;
    assert!(list.contains(&Ventetype::Rapport), "{list:?}");

    let back = day(scene, 10);
    let request = PauseOppdragRequest {
        name: name.clone(),
        request_id: request_id(),
        arsak: Pausearsak::MidlertidigFravar.into(),
        begrunnelse: "Kanari Kvitterson er hos broren.".to_owned(),
        gjenopptas: back.to_string(),
    };
    let pause: PauseOppdragResponse = ok(&rop, &format!("{OPPDRAG}/PauseOppdrag"), request).await;
    let pause = pause.oppdrag.unwrap();
    assert_eq!(pause.tilstand(), OppdragTilstand::Pauset);
    for unit in ["rop", KONTORET] {
        let list = waits(scene, unit, &name).await;
        assert!(
            list.contains(&(Ventetype::Gjenoppta, back.slutt())),
            "{unit}: {list:?}"
        );
        // What was delivered before it is reported all the same.
        assert!(list.iter().any(|(kind, _)| *kind == Ventetype::Rapport));
    }
    let read = oppdrag(&herself, &name).await;
    assert_eq!(read.pausearsak(), Pausearsak::MidlertidigFravar);
    assert_eq!(read.gjenopptas, back.to_string());
    assert_eq!(read.ansvarlig_enhet, "enheter/rop");

    let request = GjenopptaOppdragRequest {
        name: name.clone(),
        request_id: request_id(),
    };
    let method = format!("{OPPDRAG}/GjenopptaOppdrag");
    let resumed: GjenopptaOppdragResponse = ok(&rop, &method, request).await;
    let resumed = resumed.oppdrag.unwrap();
    assert_eq!(resumed.tilstand(), OppdragTilstand::Startet);
    assert!(resumed.gjenopptas.is_empty());
    let list = waits_for(scene, "rop", &name).await;
    assert!(list.contains(&Ventetype::Rapport), "{list:?}");
    assert!(!list.contains(&Ventetype::Gjenoppta), "{list:?}");

    let request = AvsluttOppdragRequest {
        name: name.clone(),
        request_id: request_id(),
        arsak: Avslutningsarsak::MalNadd.into(),
        begrunnelse: "Kanari Kvitterson klarer seg.".to_owned(),
        alternativ: "Kanari Kvitterson kan komme på huset.".to_owned(),
        ..Default::default()
    };
    let method = format!("{OPPDRAG}/AvsluttOppdrag");
    let receipt: AvsluttOppdragResponse = ok(&rop, &method, request).await;
    assert!(receipt.kvittering.is_some());
    // What it delivered until then is reported all the same.
    reported(scene, "rop", &name).await;
    let read = oppdrag(&herself, &name).await;
    assert_eq!(read.tilstand(), OppdragTilstand::Avsluttet);
    assert_eq!(read.alternativ, "Kanari Kvitterson kan komme på huset.");
    let read = oppdrag(&kontoret.caseworker, &name).await;
    assert_eq!(read.ansvarlig_enhet, "enheter/bestillerkontor");
    // The vedtak is in force, and nobody delivers: who decided sees to it.
    let list = waits_for(scene, KONTORET, &read.vedtak).await;
    assert!(list.contains(&Ventetype::Oppfolging), "{list:?}");
    told(scene, "koordinering", "OppdragAvsluttet", &name).await;
}
