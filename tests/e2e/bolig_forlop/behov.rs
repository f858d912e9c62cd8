//! The overview of housing need through the gateway: nav's stays are heard, who
//! allocates reads it exact, and everybody what is published.

use std::{sync::Arc, time::Duration};

use samspor::{
    behov::{Av, hent},
    desk::Desk,
};
use samspor_chassis::{domene::Dag, testing::TestClock};
use samspor_proto::{
    boligkontor::*,
    felles::{Feilgrunn, Rolle},
    internt::Loggpost,
    nav::InnvilgBotilbudResponse,
    tilgang::Formal,
};

use super::{KONTORET, boligsak};
use crate::{
    handovers::until,
    nav_forlop::{INNVILG, innvilg, meldt, plassen},
    scene::*,
};

const EXACT: &str = "boligkontor.v1.BehovService/HentBehovsoversikt";
const PUBLISH: &str = "boligkontor.v1.BehovService/PubliserBehov";
const PUBLISHED: &str = "boligkontor.v1.BehovService/HentPublisertBehov";

fn asked() -> HentBehovsoversiktRequest {
    HentBehovsoversiktRequest {
        parent: KONTORET.to_owned(),
        dag: String::new(),
    }
}

async fn exact(desk: &Desk) -> Behovsoversikt {
    let read: HentBehovsoversiktResponse = ok(desk, EXACT, asked()).await;
    read.behovsoversikt.unwrap()
}

/// Nav gives the person a bed.
async fn bed(scene: &Scene, person: &str) {
    let place = plassen(scene, "Hospits AS").await;
    let decider = scene.desk("nav", Rolle::Beslutter, Formal::Tildeling).await;
    let name = meldt(scene, person).await;
    let request = innvilg(scene, &name, &place);
    ok::<_, InnvilgBotilbudResponse>(&decider, INNVILG, request).await;
}

/// What the overview says of everybody on the list of what is let.
fn listed(overview: &Behovsoversikt) -> &Behovscelle {
    let of = |cell: &&Behovscelle| {
        cell.tildelingstype() == Tildelingstype::KommunalUtleie
            && cell.gruppe() == Behovsgruppe::Alle
            && cell.status() == Behovsstatus::PaListen
    };
    overview.celler.iter().find(of).unwrap()
}

/// A bed that nav gives is counted, first as that of somebody whom no housing
/// case knows; who may not read the exact overview is told so, and all of it is
/// in the log.
///
/// Guards against: P7.behov for every unit, a feed that is not followed.
#[tokio::test(flavor = "multi_thread")]
async fn a_bed_is_counted_and_only_who_allocates_reads_how_many() {
    life(&Scene::start().await).await;
}

pub async fn life(scene: &Scene) {
    let case = scene.case(NUMBERS[0]).await;
    let rop = scene
        .desk("rop", Rolle::Saksbehandler, Formal::Tildeling)
        .await;
    assert_eq!(exact(&rop).await.i_midlertidig, 0);
    bed(scene, &case.person).await;
    let heard = until(async || {
        let overview = exact(&rop).await;
        (overview.i_midlertidig == 1).then_some(overview)
    })
    .await;
    assert_eq!((heard.uten_boligsak, heard.over_tre_maneder), (1, 0));
    let sak = boligsak::approved(scene, &case.person, "rop", &boligsak::KARMOY).await;
    assert!(sak.midlertidig_siden.is_some() && !sak.over_tre_maneder);
    let now = exact(&rop).await;
    assert_eq!((now.uten_boligsak, now.i_midlertidig), (0, 1));
    assert_eq!((listed(&now).antall, listed(&now).i_midlertidig), (1, 1));

    // Every unit that allocates, and the office; nobody else, and for nothing else.
    for (unit, role) in [
        ("nav", Rolle::Saksbehandler),
        ("bestillerkontor", Rolle::Saksbehandler),
        ("boligkontor", Rolle::Boligforvalter),
    ] {
        let desk = scene.desk(unit, role, Formal::Tildeling).await;
        assert_eq!(listed(&exact(&desk).await).antall, 1, "{unit}");
    }
    let bom = scene
        .desk("bom", Rolle::Saksbehandler, Formal::Tildeling)
        .await;
    let hidden = refused::<_, HentBehovsoversiktResponse>(&bom, EXACT, asked()).await;
    assert_eq!(reason(&hidden), Some(Feilgrunn::IkkeFunnet));
    let other = rop.with_purpose(Formal::Oppfolging);
    let wrong = refused::<_, HentBehovsoversiktResponse>(&other, EXACT, asked()).await;
    assert_eq!(reason(&wrong), Some(Feilgrunn::FormalIkkeTillatt));
    let rows = scene.log().await;
    let of = |unit: &str| {
        let rows = rows
            .iter()
            .filter(|row| row.metode.contains("HentBehovsoversikt"));
        let by = format!("enheter/{unit}");
        rows.filter(|row| row.aktor.as_ref().is_some_and(|who| who.enhet == by))
            .collect::<Vec<_>>()
    };
    let read = of("nav");
    assert_eq!(read.len(), 1);
    assert!(
        read[0].regler.iter().any(|rule| rule.starts_with("P7")),
        "{read:?}"
    );
    assert_eq!(read[0].poster.len(), 1);
    let nothing = |row: &&Loggpost| row.poster.iter().all(|post| post.utlevert == 0);
    assert!(of("bom").iter().all(nothing));

    // A month that has passed is published once, and read by any unit.
    let office = scene
        .desk("boligkontor", Rolle::Boligforvalter, Formal::Tildeling)
        .await;
    let month = Dag::av(scene.mesh.now()).pluss_maneder(-1).to_string();
    let maned = month.split_at(7).0.to_owned();
    let publish = || PubliserBehovRequest {
        parent: KONTORET.to_owned(),
        request_id: request_id(),
        maned: maned.clone(),
    };
    refused::<_, PubliserBehovResponse>(&rop, PUBLISH, publish()).await;
    let made: PubliserBehovResponse = ok(&office, PUBLISH, publish()).await;
    let twice = refused::<_, PubliserBehovResponse>(&office, PUBLISH, publish()).await;
    assert_eq!(reason(&twice), Some(Feilgrunn::Konflikt));
    let request = HentPublisertBehovRequest {
        parent: KONTORET.to_owned(),
        maned: maned.clone(),
    };
    let reader = bom.with_purpose(Formal::Statistikk);
    let read: HentPublisertBehovResponse = ok(&reader, PUBLISHED, request).await;
    let (read, made) = (read.publisert_behov.unwrap(), made.publisert_behov.unwrap());
    assert_eq!(read.celler, made.celler);
    assert_eq!(read.publisert, made.publisert);

    // As the command asks.
    let report = hent(&rop, Av::Na).await.unwrap();
    assert!(
        report
            .csv()
            .contains(";Venter på bolig;Kommunal utleiebolig;I alt;1\n")
    );
    let month = hent(&reader, Av::Maned(maned)).await.unwrap();
    assert!(
        month
            .csv()
            .contains(";publisert;Venter på bolig;Kommunal utleiebolig;På listen;0\n")
    );
    assert!(hent(&bom, Av::Na).await.is_err());
}

/// Nav's clock passes three months: the overview and the case say so.
#[tokio::test(flavor = "multi_thread")]
async fn over_three_months_is_heard() {
    let clock = Arc::new(TestClock::new("2026-11-02T09:00:00Z".parse().unwrap()));
    let scene = Scene::on(clock.clone(), |_| {}).await;
    let case = scene.case(NUMBERS[0]).await;
    let rop = scene
        .desk("rop", Rolle::Saksbehandler, Formal::Tildeling)
        .await;
    let begun = scene.mesh.now();
    bed(&scene, &case.person).await;
    let sak = boligsak::approved(&scene, &case.person, "rop", &boligsak::KARMOY).await;
    until(async || {
        // Who follows a feed tries again by the clock.
        clock.advance(Duration::from_secs(1));
        let overview = exact(&rop).await;
        (listed(&overview).i_midlertidig == 1).then_some(())
    })
    .await;
    for _ in 0..14 {
        clock.advance(Duration::from_hours(24 * 7));
    }
    until(async || {
        clock.advance(Duration::from_mins(1));
        let overview = exact(&rop).await;
        (listed(&overview).over_tre_maneder == 1).then_some(())
    })
    .await;
    let request = HentBoligsakRequest {
        name: sak.name,
        versjon: 0,
    };
    let method = "boligkontor.v1.BoligsakService/HentBoligsak";
    let read: HentBoligsakResponse = ok(&rop, method, request).await;
    let read = read.boligsak.unwrap();
    assert!(read.over_tre_maneder);
    assert_eq!(read.midlertidig_siden, Some(begun.to_proto()));
    // What was so at the end of the first month is as it was.
    let then = HentBehovsoversiktRequest {
        dag: "2026-11-30".to_owned(),
        ..asked()
    };
    let then: HentBehovsoversiktResponse = ok(&rop, EXACT, then).await;
    let then = then.behovsoversikt.unwrap();
    assert_eq!(listed(&then).i_midlertidig, 1);
    assert_eq!(then.over_tre_maneder, 0);
}
