//! What a review does not show: what the mandate does not open, and what did not
//! answer.

use std::time::Duration;

use samspor::{
    desk::Desk,
    gransk::{
        Rapport, Utsnitt,
        tidslinje::{Innslag, Slag},
    },
};
use samspor_proto::{
    felles::Rolle,
    hendelse::{ListFristerRequest, ListFristerResponse},
    rop::{SkrivKriseplanRequest, SkrivKriseplanResponse},
    tilgang::{Dataklasse, Formal},
};
use tonic::Code;

use super::{Mandat, OPPGAVE, finn, gransker, handlinger, hendelsen, klokke, rapport, stille, tid};
use crate::{handovers::until, scene::*};

/// Stands in fields of HELSE alone.
const HELSE: &str = "Rusmiddelbruk";

/// Without HELSE in the mandate there is none of it in text, page, rows, counts
/// or lengths; with it, there is.
///
/// Seen red: with HELSE in every mandate.
#[tokio::test(flavor = "multi_thread")]
async fn a_mandate_without_health_shows_none() {
    let clock = klokke();
    let scene = Scene::on(clock.clone(), |_| {}).await;
    // Whoever begins to listen waits by the clock; from then on it stands still,
    // so that both courses are the same to the instant.
    let first = scene.case(NUMBERS[2]).await.person;
    let mandat = Mandat::om(&first).gitt(&scene).await;
    until(async || {
        clock.advance(Duration::from_secs(1));
        let report = rapport(&scene, &mandat).await;
        let mut entries = report.linje.innslag.into_iter();
        entries.find(|entry| entry.tekst == OPPGAVE)
    })
    .await;
    let mut pages = Vec::new();
    for (number, health) in [
        (NUMBERS[0], "x".to_owned()),
        (NUMBERS[1], "langt ".repeat(400)),
    ] {
        let person = scene.case(number).await.person;
        let clinician = scene.desk("rop", Rolle::Behandler, Formal::Ytelse).await;
        let plan = SkrivKriseplanRequest {
            parent: person.clone(),
            request_id: request_id(),
            varseltegn: format!("{HELSE}. {health}"),
            behandling: health,
            hjelper: "Ro.".to_owned(),
            hjemmel: Some(basis("§ 39")),
            ..Default::default()
        };
        let method = "rop.v1.KriseplanService/SkrivKriseplan";
        ok::<_, SkrivKriseplanResponse>(&clinician, method, plan).await;

        let mandat = Mandat::om(&person).gitt(&scene).await;
        let mut report = stille(&scene, &mandat, OPPGAVE, 1).await;
        assert!(report.linje.hull.is_empty());
        finn(&report, "Kriseplan skrevet");
        for text in [report.tekst(), report.json(), report.side()] {
            assert!(!text.contains(HELSE), "{text}");
        }
        // How a consumer divides what it reads is not the incident's.
        let system = |entry: &Innslag| entry.hvem.as_ref().is_some_and(|who| who.rolle == "SYSTEM");
        report.linje.innslag.retain(|entry| !system(entry));
        pages.push(report);

        let mut with = Mandat::om(&person);
        with.klasser = vec![Dataklasse::Helse];
        let with = rapport(&scene, &with.gitt(&scene).await).await;
        for text in [with.tekst(), with.json(), with.side()] {
            assert!(text.contains(HELSE), "{text}");
        }
    }
    let lengths = |report: &Rapport| {
        [
            report.tekst().len(),
            report.json().len(),
            report.side().len(),
        ]
    };
    assert_eq!(lengths(&pages[0]), lengths(&pages[1]));
}

/// A service that does not answer is a gap with its name, and takes nothing but
/// its own: what it did is still told by the log.
///
/// Seen red: with an error for the first that does not answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_down_is_a_gap_with_a_name() {
    let clock = klokke();
    let mut scene = Scene::on(clock.clone(), |_| {}).await;
    let person = Box::pin(hendelsen(&scene, Some(&clock))).await;
    let mandat = Mandat::om(&person).gitt(&scene).await;
    let whole = stille(&scene, &mandat, OPPGAVE, 4).await;
    scene.mesh.stop_service("rop").await;
    let report = rapport(&scene, &mandat).await;
    let gaps: Vec<_> = report
        .linje
        .hull
        .iter()
        .map(|gap| format!("{} {}: {}", gap.kilde, gap.hva, gap.grunn))
        .collect();
    assert_eq!(
        gaps,
        [
            format!("rop frister ({person}): svarer ikke"),
            format!("rop hendelser ({person}): svarer ikke"),
        ]
    );
    assert!(report.side().contains("Tidslinjen er ikke hel"));
    assert!(report.tekst().contains("MANGLER   rop: hendelser"));
    assert_eq!(finn(&report, "Skriv kriseplan").slag, Slag::Endring);
    let of = |report: &Rapport, lane: &str| -> Vec<String> {
        let told = handlinger(report);
        told.into_iter()
            .filter(|line| line.starts_with(lane))
            .collect()
    };
    for lane in ["bestillerkontor", "nav", "bom", "politi"] {
        let lines = of(&report, lane);
        assert_eq!(lines, of(&whole, lane));
        assert!(!lines.is_empty());
    }
}

/// The mandate opens to its reviewer alone, once it is approved, and until it
/// ends; and only its period.
///
/// Seen red: with a mandate that is asked for by anybody.
#[tokio::test(flavor = "multi_thread")]
async fn only_under_the_mandate() {
    let clock = klokke();
    let scene = Scene::on(clock.clone(), |_| {}).await;
    let person = scene.case(NUMBERS[0]).await.person;
    let asked = async |desk: &Desk, mandat: &str, utsnitt: Utsnitt| {
        Rapport::hent(desk, mandat, utsnitt, scene.mesh.now())
            .await
            .map(|report| report.linje.innslag.len())
            .map_err(|fault| format!("{fault:#}"))
    };
    let reviewer = gransker(&scene).await;
    let all = Utsnitt::default();
    let refused = |said: Result<usize, String>| {
        let said = said.unwrap_err();
        assert!(
            said.contains("--mandat granskinger/") && said.contains("opens nothing"),
            "{said}"
        );
    };

    let proposed = Mandat::om(&person).foreslatt(&scene).await.name;
    refused(asked(&reviewer, &proposed, all).await);
    let nobodys = "granskinger/3f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b34";
    refused(asked(&reviewer, nobodys, all).await);

    let mandat = Mandat::om(&person).gitt(&scene).await;
    assert!(asked(&reviewer, &mandat, all).await.unwrap() > 10);
    let another = scene
        .desk_of("personvern", "en-annen", Rolle::Gransker, Formal::Gransking)
        .await;
    refused(asked(&another, &mandat, all).await);
    let leader = scene
        .desk_of("personvern", "granskeren", Rolle::Leder, Formal::Gransking)
        .await;
    refused(asked(&leader, &mandat, all).await);

    let part = |fra: &str, til: &str| Utsnitt {
        fra: Some(tid(fra)),
        til: Some(tid(til)),
    };
    for (bad, said) in [
        (
            part("2027-01-04T10:00:00Z", "2027-01-04T09:00:00Z"),
            "turn them round",
        ),
        (
            part("2027-01-04T09:00:00Z", "2027-01-04T09:00:00Z"),
            "turn them round",
        ),
        (
            part("2026-01-04T09:00:00Z", "2027-01-04T09:00:00Z"),
            "the mandate covers",
        ),
        (
            part("2027-01-04T09:00:00Z", "2028-01-04T09:00:00Z"),
            "the mandate covers",
        ),
    ] {
        let told = asked(&reviewer, &mandat, bad).await.unwrap_err();
        assert!(told.contains(said) && told.contains("--fra"), "{told}");
    }
    let before = part("2027-01-04T07:30:00Z", "2027-01-04T07:45:00Z");
    assert_eq!(asked(&reviewer, &mandat, before).await, Ok(0));

    // The gateway holds the bounds, whatever asks: an event before the period.
    let request = ListFristerRequest {
        parent: person.clone(),
        tjeneste: "bestillerkontor".to_owned(),
        fra: Some(tid("2020-01-01T00:00:00Z").to_proto()),
        til: Some(tid("2030-01-01T00:00:00Z").to_proto()),
        ..Default::default()
    };
    let method = "hendelse.v1.HendelseService/ListFrister";
    let without = gransker(&scene).await;
    let answer = without
        .call::<_, ListFristerResponse>(method, request.clone())
        .await;
    assert_eq!(answer.result.unwrap_err().code(), Code::NotFound);
    let under = without.with_case(&mandat);
    assert!(
        !ok::<_, ListFristerResponse>(&under, method, request)
            .await
            .frister
            .is_empty()
    );

    clock.advance(Duration::from_hours(24 * 31));
    refused(asked(&reviewer, &mandat, all).await);
}
