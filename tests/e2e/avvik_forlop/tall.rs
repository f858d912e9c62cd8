//! The figures of a month through the gateway: exact for the unit that follows
//! cooperation up, published for every unit of the municipality.

use std::{sync::Arc, time::Duration};

use samspor_chassis::testing::TestClock;

use super::*;

const EXACT: &str = "avvik.v1.AvvikstallService/HentAvvikstall";
const PUBLISH: &str = "avvik.v1.AvvikstallService/PubliserAvvikstall";
const PUBLISHED: &str = "avvik.v1.AvvikstallService/HentPublisertAvvikstall";
const KEEPER: &str = "enheter/koordinering";

fn asked() -> HentAvvikstallRequest {
    HentAvvikstallRequest {
        parent: KEEPER.to_owned(),
        maned: "2026-10".to_owned(),
    }
}

fn published() -> HentPublisertAvvikstallRequest {
    HentPublisertAvvikstallRequest {
        parent: KEEPER.to_owned(),
        maned: "2026-10".to_owned(),
    }
}

/// One avvik, answered, assessed and told of: its month says so to who keeps the
/// figures, and to nobody else; what is published of it is nothing, for all.
///
/// Guards against: the published figures under F6, the exact ones outside it.
#[tokio::test(flavor = "multi_thread")]
async fn who_keeps_the_figures_reads_them_and_all_read_what_is_published() {
    Box::pin(life()).await;
}

pub async fn life() {
    let clock = Arc::new(TestClock::new("2026-10-05T09:00:00Z".parse().unwrap()));
    let scene = Scene::on(clock.clone(), |_| {}).await;
    let name = meldt(&scene, "bom", &["nav"]).await;
    let nav = desk(&scene, "nav", Rolle::Saksbehandler).await;
    aksepter(&nav, &name).await;
    let severity = VurderAlvorlighetRequest {
        name: name.clone(),
        request_id: request_id(),
        alvorlighet: Alvorlighet::Kritisk.into(),
        begrunnelse: "Minusgrader.".to_owned(),
        masker: false,
    };
    let method = format!("{AVVIK}VurderAlvorlighet");
    ok::<_, VurderAlvorlighetResponse>(&nav, &method, severity).await;
    let told = GiTilbakemeldingRequest {
        name,
        request_id: request_id(),
        tekst: "Vi har laget en vaktliste.".to_owned(),
        masker: false,
    };
    let method = format!("{AVVIK}GiTilbakemelding");
    ok::<_, GiTilbakemeldingResponse>(&nav, &method, told).await;

    let leader = async |unit: &str, purpose| scene.desk(unit, Rolle::Leder, purpose).await;
    let keeper = leader("koordinering", Formal::Statistikk).await;
    let early = refused::<_, HentAvvikstallResponse>(&keeper, EXACT, asked()).await;
    assert_eq!(reason(&early), Some(Feilgrunn::UgyldigForesporsel));
    assert!(early.message().contains("2026-12-01"), "{early:?}");
    for _ in 0..9 {
        clock.advance(Duration::from_hours(24 * 7));
    }
    let keeper = leader("koordinering", Formal::Statistikk).await;
    let read: HentAvvikstallResponse = ok(&keeper, EXACT, asked()).await;
    let read = read.avvikstall.unwrap();
    let cell = |cell: &&Meldttall| {
        let of = (cell.kategori(), cell.alvorlighet());
        of == (Avvikskategori::Bolig, Alvorlighet::Alvorlig)
    };
    let cell = read.meldt.iter().find(cell).unwrap();
    assert_eq!((cell.antall, cell.med_tilbakemelding), (1, 1));
    assert_eq!(read.retning.len(), 1);
    assert_eq!(read.retning[0].melder_enhet, "enheter/bom");
    assert_eq!(read.enheter.len(), 1);
    assert_eq!(
        (&*read.enheter[0].enhet, read.enheter[0].kvittert),
        ("enheter/nav", 1)
    );
    let apart = |cell: &&Vurderingstall| cell.antall > 0;
    let apart = read.vurdert.iter().find(apart).unwrap();
    assert_eq!(
        (apart.meldt(), apart.vurdert()),
        (Alvorlighet::Alvorlig, Alvorlighet::Kritisk)
    );

    // Nobody else, and for nothing else.
    for unit in ["nav", "bom", "rop"] {
        let other = leader(unit, Formal::Statistikk).await;
        refused::<_, HentAvvikstallResponse>(&other, EXACT, asked()).await;
    }
    let wrong = keeper.with_purpose(Formal::Avviksbehandling);
    let wrong = refused::<_, HentAvvikstallResponse>(&wrong, EXACT, asked()).await;
    assert_eq!(reason(&wrong), Some(Feilgrunn::FormalIkkeTillatt));
    let rows = scene.log().await;
    let delivered = |row: &&samspor_proto::internt::Loggpost| {
        row.metode.ends_with("HentAvvikstall") && row.poster.iter().any(|post| post.utlevert > 0)
    };
    let by: Vec<_> = rows.iter().filter(delivered).collect();
    assert_eq!(by.len(), 1, "{by:?}");

    let publish = || PubliserAvvikstallRequest {
        parent: KEEPER.to_owned(),
        request_id: request_id(),
        maned: "2026-10".to_owned(),
    };
    let nav = scene
        .desk("nav", Rolle::Saksbehandler, Formal::Oppfolging)
        .await;
    refused::<_, PubliserAvvikstallResponse>(&nav, PUBLISH, publish()).await;
    let office = scene
        .desk("koordinering", Rolle::Saksbehandler, Formal::Oppfolging)
        .await;
    let made: PubliserAvvikstallResponse = ok(&office, PUBLISH, publish()).await;
    let twice = refused::<_, PubliserAvvikstallResponse>(&office, PUBLISH, publish()).await;
    assert_eq!(reason(&twice), Some(Feilgrunn::Konflikt));
    let made = made.publisert_avvikstall.unwrap();
    assert!(made.celler.iter().all(|cell| cell.antall == 0));
    for unit in ["nav", "bom", "koordinering"] {
        let reader = leader(unit, Formal::Statistikk).await;
        let read: HentPublisertAvvikstallResponse = ok(&reader, PUBLISHED, published()).await;
        assert_eq!(
            read.publisert_avvikstall.unwrap().celler,
            made.celler,
            "{unit}"
        );
    }
    let outside = leader("politi", Formal::Statistikk).await;
    refused::<_, HentPublisertAvvikstallResponse>(&outside, PUBLISHED, published()).await;
}
