//! A vedtak that is ended and comes into force again by a klage, and the
//! figures of a month, through the gateway.

use std::sync::Arc;

use samspor::demo::Klokke;
use samspor_chassis::domene::kalender;
use samspor_proto::{
    bestillerkontor::*,
    felles::{Feilgrunn, Rolle},
    tilgang::Formal,
};
use tonic::Code;

use crate::{bestiller_forlop::*, scene::*};

const KLAGE: &str = "bestillerkontor.v1.KlageService";
const TALL: &str = "bestillerkontor.v1.StatistikkService";

/// The persons of these lives.
const PERSONER: [&str; 2] = ["01819011067", "01819011148"];

#[tokio::test(flavor = "multi_thread")]
async fn a_vedtak_that_was_ended_comes_into_force_by_a_klage() {
    let scene = Scene::start().await;
    Box::pin(klaget(&scene)).await;
}

/// Ended by two; disputed by staff in the person's words; granted by two, and
/// everything is ordered anew; the person disputes that too, and takes it back.
pub async fn klaget(scene: &Scene) {
    let case = scene.case(PERSONER[0]).await;
    Box::pin(ended(scene, &case)).await;
    let klage = Box::pin(disputed(scene, &case)).await;
    Box::pin(granted(scene, &case, &klage)).await;
    Box::pin(taken_back(scene, &case)).await;
}

/// The end of a whole vedtak, proposed by one and decided by another.
pub async fn ended(scene: &Scene, case: &Case) {
    let kontoret = Kontoret::of(scene).await;
    let rop = scene
        .desk("rop", Rolle::Saksbehandler, Formal::Ytelse)
        .await;
    let delivered = ordered(scene, "rop", &case.person).await.unwrap().name;
    let request = ForeslaOpphorRequest {
        name: case.vedtak.clone(),
        request_id: request_id(),
        etag: vedtak(&kontoret.caseworker, &case.vedtak).await.etag,
        begrunnelse: "Kanari Kvitterson møter ikke.".to_owned(),
        hjemmel: Some(basis("§ 3-1")),
        alternativ: "Kanari Kvitterson får et nummer å ringe.".to_owned(),
    };
    let method = format!("{VEDTAK}/ForeslaOpphor");
    let proposed: ForeslaOpphorResponse = ok(&kontoret.caseworker, &method, request).await;
    let proposed = proposed.vedtak.unwrap();
    assert!(proposed.endring.unwrap().opphor);
    let shown = vedtak(&kontoret.decider, &case.vedtak)
        .await
        .endring
        .unwrap();
    assert_eq!(shown.opphor_hjemmel, Some(basis("§ 3-1")));
    assert_eq!(
        shown.opphor_alternativ,
        "Kanari Kvitterson får et nummer å ringe."
    );
    let list = waits_for(scene, KONTORET, &case.vedtak).await;
    assert!(list.contains(&Ventetype::Endring), "{list:?}");
    // It holds meanwhile.
    assert_eq!(
        oppdrag(&rop, &delivered).await.tilstand(),
        OppdragTilstand::Startet
    );

    let end = || OpphorVedtakRequest {
        name: case.vedtak.clone(),
        request_id: request_id(),
        varsel: "Lest opp for Kanari Kvitterson.".to_owned(),
        etag: proposed.etag.clone(),
    };
    let method = format!("{VEDTAK}/OpphorVedtak");
    let (own, formal) = ("bestillerkontor-saksbehandler", Formal::Saksbehandling);
    let own = scene.desk_of(KONTORET, own, Rolle::Beslutter, formal).await;
    let alone = refused::<_, OpphorVedtakResponse>(&own, &method, end()).await;
    assert_eq!(reason(&alone), Some(Feilgrunn::IkkeTillatt));
    let receipt: OpphorVedtakResponse = ok(&kontoret.decider, &method, end()).await;
    assert!(receipt.kvittering.is_some());

    let herself = scene.person_desk(&case.person).await;
    let read = vedtak(&herself, &case.vedtak).await;
    assert_eq!(read.tilstand(), VedtakTilstand::Opphort);
    assert_eq!(read.opphor_begrunnelse, "Kanari Kvitterson møter ikke.");
    assert_eq!(
        read.opphor_alternativ,
        "Kanari Kvitterson får et nummer å ringe."
    );
    assert!(read.klagefrist >= day(scene, 21).to_string());
    let order = oppdrag(&herself, &delivered).await;
    assert_eq!(order.avslutningsarsak(), Avslutningsarsak::VedtakOpphort);
    reported(scene, "rop", &delivered).await;
    let request = HentVedtakRequest {
        name: case.vedtak.clone(),
        versjon: 0,
    };
    let method = format!("{VEDTAK}/HentVedtak");
    let gone = refused::<_, HentVedtakResponse>(&rop, &method, request).await;
    assert_eq!(gone.code(), Code::NotFound);
    for unit in ["rop", "bom", "koordinering"] {
        told(scene, unit, "VedtakOpphort", &case.vedtak).await;
    }
}

/// The klage, by the caseworker who keeps the case; its name.
async fn disputed(scene: &Scene, case: &Case) -> String {
    let kontoret = Kontoret::of(scene).await;
    let words = "Kanari Kvitterson sa det til meg på gata.";
    let dispute = |said: &str| RegistrerKlageRequest {
        parent: case.person.clone(),
        request_id: request_id(),
        vedtak: case.vedtak.clone(),
        grunn: "Kanari Kvitterson vil ha dem tilbake.".to_owned(),
        personens_onske: said.to_owned(),
        ..Default::default()
    };
    let method = format!("{KLAGE}/RegistrerKlage");
    let unsaid =
        refused::<_, RegistrerKlageResponse>(&kontoret.caseworker, &method, dispute("")).await;
    assert_eq!(reason(&unsaid), Some(Feilgrunn::UgyldigForesporsel));
    let receipt: RegistrerKlageResponse = ok(&kontoret.caseworker, &method, dispute(words)).await;
    let receipt = receipt.kvittering.unwrap();
    let name = format!("{}/klager/{}", case.person, receipt.referanse);

    let herself = scene.person_desk(&case.person).await;
    let read = klage(&herself, &name).await;
    assert_eq!(read.tilstand(), KlageTilstand::Mottatt);
    assert!(read.pa_vegne_av);
    assert_eq!(read.personens_onske, words);
    let due = kalender::til_arbeidsdag(kalender::maneder_etter(instant(read.mottatt), 1));
    assert_eq!(
        waits(scene, KONTORET, &name).await,
        [(Ventetype::Klage, due)]
    );
    told(scene, KONTORET, "KlageMottatt", &name).await;
    name
}

async fn klage(desk: &samspor::desk::Desk, name: &str) -> Klage {
    let request = HentKlageRequest {
        name: name.to_owned(),
    };
    let found: HentKlageResponse = ok(desk, &format!("{KLAGE}/HentKlage"), request).await;
    found.klage.unwrap()
}

/// Another than who decided proposes to grant it, and a second one decides.
async fn granted(scene: &Scene, case: &Case, name: &str) {
    let kontoret = Kontoret::of(scene).await;
    let formal = Formal::Saksbehandling;
    let other = scene
        .desk_of(KONTORET, "annen", Rolle::Beslutter, formal)
        .await;
    let grant = |content: &Vedtak| OmgjorKlageRequest {
        name: name.to_owned(),
        request_id: request_id(),
        begrunnelse: "Kanari Kvitterson har rett.".to_owned(),
        vedtak: Some(content.clone()),
        linjeslutt: Vec::new(),
    };
    let content = vedtak(&other, &case.vedtak).await;
    let method = format!("{KLAGE}/OmgjorKlage");
    let own = refused::<_, OmgjorKlageResponse>(&kontoret.decider, &method, grant(&content)).await;
    assert_eq!(reason(&own), Some(Feilgrunn::IkkeTillatt));
    let proposed: OmgjorKlageResponse = ok(&other, &method, grant(&content)).await;
    assert_eq!(proposed.klage.unwrap().tilstand(), KlageTilstand::Mottatt);

    let waiting = vedtak(&kontoret.decider, &case.vedtak).await;
    assert_eq!(waiting.tilstand(), VedtakTilstand::Opphort);
    assert_eq!(waiting.endring.unwrap().klage, name);
    let request = GodkjennEndringRequest {
        name: case.vedtak.clone(),
        request_id: request_id(),
        etag: waiting.etag,
    };
    let method = format!("{VEDTAK}/GodkjennEndring");
    let decided: GodkjennEndringResponse = ok(&kontoret.decider, &method, request).await;
    let decided = decided.vedtak.unwrap();
    assert_eq!(decided.tilstand(), VedtakTilstand::Fattet);
    assert_eq!(decided.versjon, 2);
    assert!(decided.avsluttet.is_none());
    assert_eq!(decided.klageutfall.len(), 1);

    let herself = scene.person_desk(&case.person).await;
    let read = klage(&herself, name).await;
    assert_eq!(read.tilstand(), KlageTilstand::Omgjort);
    assert_eq!(read.begrunnelse, "Kanari Kvitterson har rett.");
    assert!(waits(scene, KONTORET, name).await.is_empty());
    let list = waits_for(scene, KONTORET, &case.vedtak).await;
    assert!(list.contains(&Ventetype::Underretning), "{list:?}");
    // Everything is offered anew, and who is to deliver reads it again.
    for unit in ["rop", "bom"] {
        let order = ordered(scene, unit, &case.person).await.unwrap();
        assert_eq!(order.tilstand(), OppdragTilstand::Tilbudt);
        assert_eq!(order.vedtak, case.vedtak);
        let list = waits_for(scene, unit, &order.name).await;
        assert!(list.contains(&Ventetype::Svar), "{unit}: {list:?}");
        let desk = scene.desk(unit, Rolle::Saksbehandler, Formal::Ytelse).await;
        let read = vedtak(&desk, &case.vedtak).await;
        assert_eq!(read.tilstand(), VedtakTilstand::Fattet);
        told(scene, unit, "VedtakGjenopptatt", &case.vedtak).await;
    }
}

/// Told of the new version, the person disputes it, and takes it back.
async fn taken_back(scene: &Scene, case: &Case) {
    let kontoret = Kontoret::of(scene).await;
    let herself = scene.person_desk(&case.person).await;
    let request = UnderrettVedtakRequest {
        name: case.vedtak.clone(),
        request_id: request_id(),
        mate: "Kanari Kvitterson fikk det på papir.".to_owned(),
        ..Default::default()
    };
    let method = format!("{VEDTAK}/UnderrettVedtak");
    let told_of: UnderrettVedtakResponse = ok(&kontoret.caseworker, &method, request).await;
    assert_eq!(told_of.vedtak.unwrap().underrettet_versjon, 2);
    let request = RegistrerKlageRequest {
        parent: case.person.clone(),
        request_id: request_id(),
        vedtak: case.vedtak.clone(),
        grunn: "For få timer til Kanari Kvitterson.".to_owned(),
        ..Default::default()
    };
    let method = format!("{KLAGE}/RegistrerKlage");
    let receipt: RegistrerKlageResponse = ok(&herself, &method, request).await;
    let reference = receipt.kvittering.unwrap().referanse;
    let name = format!("{}/klager/{reference}", case.person);
    assert_eq!(waits_for(scene, KONTORET, &name).await, [Ventetype::Klage]);

    // Never by whose decision it disputes, whatever the person is said to say.
    let take_back = |said: &str| TrekkKlageRequest {
        name: name.clone(),
        request_id: request_id(),
        personens_onske: said.to_owned(),
    };
    let method = format!("{KLAGE}/TrekkKlage");
    let words = "Kanari Kvitterson ombestemte seg.";
    let own = refused::<_, TrekkKlageResponse>(&kontoret.decider, &method, take_back(words)).await;
    assert_eq!(reason(&own), Some(Feilgrunn::IkkeTillatt));
    let receipt: TrekkKlageResponse = ok(&herself, &method, take_back("")).await;
    assert_eq!(receipt.kvittering.unwrap().referanse, reference);
    let read = klage(&kontoret.caseworker, &name).await;
    assert_eq!(read.tilstand(), KlageTilstand::Trukket);
    assert!(!read.pa_vegne_av);
    assert_eq!(read.versjon, 2);
    assert!(waits(scene, KONTORET, &name).await.is_empty());
    told(scene, KONTORET, "KlageTrukket", &name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_figures_of_a_month_are_what_happened() {
    Box::pin(tall()).await;
}

/// A month with one case, in a mesh of its own: its figures, exact for the
/// unit, and rounded for all once they are published.
pub async fn tall() {
    let clock = Arc::new(Klokke::default());
    let scene = Scene::on(clock.clone(), |_| {}).await;
    Box::pin(a_month(&scene, &clock)).await;
    Box::pin(counted(&scene)).await;
}

/// From Monday 11 January 2027.
async fn a_month(scene: &Scene, clock: &Klokke) {
    let kontoret = Kontoret::of(scene).await;
    let person = scene.person(PERSONER[1]).await;
    let soknad = scene.ready(&person).await;
    clock.days_pass(3);
    let request = GiForelopigSvarRequest {
        name: soknad.clone(),
        request_id: request_id(),
        begrunnelse: "Kanari Kvitterson er bortreist.".to_owned(),
        ventet_avgjort: "2027-01-31".to_owned(),
    };
    let method = "bestillerkontor.v1.SoknadService/GiForelopigSvar";
    ok::<_, GiForelopigSvarResponse>(&kontoret.caseworker, method, request).await;
    clock.days_pass(4);
    // Both lines run from today, the 18th.
    scene.decided_on(&person, &soknad, &["rop", "bom"]).await;
    let bom = scene
        .desk("bom", Rolle::Saksbehandler, Formal::Ytelse)
        .await;
    let request = AvvisOppdragRequest {
        name: ordered(scene, "bom", &person).await.unwrap().name,
        request_id: request_id(),
        arsak: Avvisningsarsak::Kompetanse.into(),
        begrunnelse: "Ikke vårt.".to_owned(),
    };
    ok::<_, AvvisOppdragResponse>(&bom, &format!("{OPPDRAG}/AvvisOppdrag"), request).await;
    let request = BestillKortvarigTjenesteRequest {
        parent: person.clone(),
        request_id: request_id(),
        enhet: "enheter/hjemmetjeneste".to_owned(),
        r#type: Tjenestetype::PraktiskBistand.into(),
        min_timer: 1.0,
        maks_timer: 3.0,
        fra: "2027-01-18".to_owned(),
        til: "2027-01-31".to_owned(),
        hjemmel: Some(basis("§ 3-2 nr. 6")),
        ..Default::default()
    };
    let method = format!("{OPPDRAG}/BestillKortvarigTjeneste");
    ok::<_, BestillKortvarigTjenesteResponse>(&kontoret.caseworker, &method, request).await;

    let rop = scene
        .desk("rop", Rolle::Saksbehandler, Formal::Ytelse)
        .await;
    let name = ordered(scene, "rop", &person).await.unwrap().name;
    let accept = AksepterOppdragRequest {
        name: name.clone(),
        request_id: request_id(),
        ..Default::default()
    };
    ok::<_, AksepterOppdragResponse>(&rop, &format!("{OPPDRAG}/AksepterOppdrag"), accept).await;
    clock.days_pass(1);
    let start = StartOppdragRequest {
        name: name.clone(),
        request_id: request_id(),
        ..Default::default()
    };
    ok::<_, StartOppdragResponse>(&rop, &format!("{OPPDRAG}/StartOppdrag"), start).await;
    clock.days_pass(17);
    let request = RapporterOppdragRequest {
        name,
        request_id: request_id(),
        rapport: Some(Leveringsrapport {
            fra: "2027-01-19".to_owned(),
            til: "2027-02-01".to_owned(),
            timer: 14.0,
            merknad: "Kanari Kvitterson åpner døra.".to_owned(),
            ..Default::default()
        }),
    };
    ok::<_, RapporterOppdragResponse>(&rop, &format!("{OPPDRAG}/RapporterOppdrag"), request).await;
}

/// Number, median and nine of ten of each wait.
fn rows(waits: &[Ventetid]) -> Vec<(Ventetidstype, [i32; 3])> {
    let row = |one: &Ventetid| (one.r#type(), [one.antall, one.median, one.ni_av_ti]);
    waits.iter().map(row).collect()
}

async fn counted(scene: &Scene) {
    let desk = async |unit, formal| scene.desk(unit, Rolle::Saksbehandler, formal).await;
    let own = desk(KONTORET, Formal::Oppfolging).await;
    let nav = desk("nav", Formal::Statistikk).await;
    let exact = HentBestillingstallRequest {
        parent: format!("enheter/{KONTORET}"),
        fra: "2027-01-01".to_owned(),
        til: "2027-01-31".to_owned(),
    };
    let method = format!("{TALL}/HentBestillingstall");
    refused::<_, HentBestillingstallResponse>(&nav, &method, exact.clone()).await;
    let found: HentBestillingstallResponse = ok(&own, &method, exact).await;
    let found = found.bestillingstall.unwrap();
    assert_eq!(
        rows(&found.ventetider),
        [
            (Ventetidstype::ForelopigSvar, [1, 3, 3]),
            (Ventetidstype::Vedtak, [1, 7, 7]),
            (Ventetidstype::Start, [1, 1, 1]),
        ]
    );
    let unit = |unit: &str| Enhetstall {
        enhet: format!("enheter/{unit}"),
        oppdrag: 1,
        ..Default::default()
    };
    let expected = [
        // Declined: ordered, and nothing granted by it.
        unit("bom"),
        // Two weeks, and never answered.
        Enhetstall {
            innvilget_min: 2.0,
            innvilget_maks: 6.0,
            venter_svar: 1,
            ..unit("hjemmetjeneste")
        },
        // Two weeks, and thirteen of the fourteen days that were reported.
        Enhetstall {
            innvilget_min: 4.0,
            innvilget_maks: 8.0,
            levert: 13.0,
            ..unit("rop")
        },
    ];
    assert_eq!(found.enheter, expected);

    let month = |maned: &str| HentPubliserteBestillingstallRequest {
        parent: format!("enheter/{KONTORET}"),
        maned: maned.to_owned(),
    };
    let read = format!("{TALL}/HentPubliserteBestillingstall");
    let january = month("2027-01");
    let early =
        refused::<_, HentPubliserteBestillingstallResponse>(&nav, &read, january.clone()).await;
    assert_eq!(early.code(), Code::NotFound);
    let publish = |maned: &str| PubliserBestillingstallRequest {
        parent: format!("enheter/{KONTORET}"),
        request_id: request_id(),
        maned: maned.to_owned(),
    };
    let method = format!("{TALL}/PubliserBestillingstall");
    let running =
        refused::<_, PubliserBestillingstallResponse>(&own, &method, publish("2027-02")).await;
    assert_eq!(reason(&running), Some(Feilgrunn::UgyldigForesporsel));
    let said: PubliserBestillingstallResponse = ok(&own, &method, publish("2027-01")).await;
    let again =
        refused::<_, PubliserBestillingstallResponse>(&own, &method, publish("2027-01")).await;
    assert_eq!(reason(&again), Some(Feilgrunn::Konflikt));
    let open: HentPubliserteBestillingstallResponse = ok(&nav, &read, january).await;
    let open = open.publiserte_bestillingstall.unwrap();
    let said = said.publiserte_bestillingstall.unwrap();
    assert_eq!((&open.name, &open.enheter), (&said.name, &said.enheter));
    assert_eq!(
        rows(&open.ventetider),
        [
            (Ventetidstype::ForelopigSvar, [0, 0, 0]),
            (Ventetidstype::Vedtak, [0, 0, 0]),
            (Ventetidstype::Start, [0, 0, 0]),
        ],
        "a wait and hours of a few are one person's"
    );
    let hours = |row: &PubliserteEnhetstall| (row.innvilget_min, row.innvilget_maks, row.levert);
    let hours: Vec<_> = open.enheter.iter().map(hours).collect();
    assert_eq!(hours, [(0, 0, 0); 3]);
    assert!(open.enheter.iter().all(|row| row.oppdrag == 0));
}
