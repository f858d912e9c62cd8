//! An avvik in a review: its steps, who took them, and who reads of that.

use std::time::Duration;

use samspor::gransk::tidslinje::Slag;
use samspor_chassis::tid::TestClock;
use samspor_proto::{
    avvik::{AksepterDelRequest, AksepterDelResponse},
    felles::Rolle,
    gateway::*,
    tilgang::Formal,
};

use super::{Mandat, finn, gransker, klokke, rapport};
use crate::{avvik_forlop, scene::*};

/// An avvik that the mandate names has its steps in the lanes of the units, who
/// took them and by which rule, and who was refused; a part that waits for an
/// answer is open until it has one.
///
/// Seen red: without the log of the avvik, and without the time to answer.
#[tokio::test(flavor = "multi_thread")]
async fn an_avvik_stands_in_it() {
    let clock = klokke();
    let scene = Scene::on(clock.clone(), |_| {}).await;
    gjennomgatt(&scene, &clock).await;
}

pub async fn gjennomgatt(scene: &Scene, clock: &TestClock) {
    let step = || clock.advance(Duration::from_mins(1));
    let avvik = avvik_forlop::meldt(scene, "nav", &["boligkontor"]).await;
    step();
    let rop = scene
        .desk("rop", Rolle::Saksbehandler, Formal::Avviksbehandling)
        .await;
    let not_theirs = AksepterDelRequest {
        name: avvik.clone(),
        request_id: request_id(),
    };
    let method = "avvik.v1.AvvikService/AksepterDel";
    refused::<_, AksepterDelResponse>(&rop, method, not_theirs).await;
    step();
    let keeper = scene
        .desk(
            "boligkontor",
            Rolle::Saksbehandler,
            Formal::Avviksbehandling,
        )
        .await;
    avvik_forlop::aksepter(&keeper, &avvik).await;
    step();
    let mandat = Mandat {
        personer: Vec::new(),
        avvik: avvik.clone(),
        ..Mandat::om("")
    };
    let mandat = mandat.gitt(scene).await;
    let report = rapport(scene, &mandat).await;
    assert!(report.linje.hull.is_empty(), "{:?}", report.linje.hull);
    for (words, lane) in [
        ("Avvik hendt", "boligkontor"),
        ("Avvik meldt", "nav"),
        ("Avviksdel foreslått", "boligkontor"),
        ("Avviksdel akseptert", "boligkontor"),
    ] {
        let step = finn(&report, words);
        assert_eq!(
            (step.bane.as_str(), step.slag),
            (lane, Slag::Avvik),
            "{words}"
        );
        assert!(step.post().starts_with(&avvik));
    }
    let calls: Vec<_> = report
        .linje
        .innslag
        .iter()
        .filter_map(|entry| Some((entry, entry.hvem.as_ref()?)))
        .map(|(entry, who)| {
            assert_eq!(entry.post(), avvik);
            assert!(!entry.regelversjon.is_empty() && !entry.sporings_id.is_empty());
            let rules = entry.regler.join(" ");
            format!(
                "{} {} {} {rules}",
                who.ansatt,
                entry.slag.navn(),
                entry.tekst
            )
        })
        .collect();
    assert_eq!(
        calls,
        [
            "rop-saksbehandler avslag Avslått: aksepter del ",
            "boligkontor-saksbehandler endring Aksepter del W5 P16",
        ]
    );
    let runs = |frist: bool, words: &str| {
        let all = report.linje.lop.iter();
        let found: Vec<_> = all
            .filter(|run| run.frist == frist && run.tekst.contains(words))
            .map(|run| (run.til.is_some(), run.forfall.is_some()))
            .collect();
        found
    };
    assert_eq!(runs(false, "avvik"), [(true, false)]);
    assert_eq!(runs(true, "Kvittering"), [(true, true)]);
    loggen(scene, &avvik, &mandat).await;
}

/// Who reads the log of an avvik: the reviewer under a mandate that names it, and
/// who keeps an eye on the log; no party.
async fn loggen(scene: &Scene, avvik: &str, mandat: &str) {
    let method = "gateway.v1.InnsynsloggService/ListAvviksinnsyn";
    let about = |avvik: &str| ListAvviksinnsynRequest {
        parent: avvik.to_owned(),
        ..Default::default()
    };
    let another = avvik_forlop::meldt(scene, "nav", &["boligkontor"]).await;
    let reviewer = gransker(scene).await.with_case(mandat);
    let officer = scene
        .desk("personvern", Rolle::Personvernombud, Formal::Kontroll)
        .await;
    let party = scene
        .desk("boligkontor", Rolle::Leder, Formal::Kontroll)
        .await;
    for desk in [&reviewer, &officer] {
        let read: ListAvviksinnsynResponse = ok(desk, method, about(avvik)).await;
        let seconds = read.innsyn.iter().map(|row| row.tid.unwrap().seconds);
        assert!(read.innsyn.len() > 2 && seconds.rev().is_sorted());
    }
    refused::<_, ListAvviksinnsynResponse>(&reviewer, method, about(&another)).await;
    refused::<_, ListAvviksinnsynResponse>(&party, method, about(avvik)).await;
}

/// A trace of calls about an avvik alone opens the avvik, and no person.
///
/// Seen red: with the id of the avvik taken for a person's.
#[tokio::test(flavor = "multi_thread")]
async fn a_trace_of_an_avvik_opens_it() {
    let scene = Scene::on(klokke(), |_| {}).await;
    let avvik = avvik_forlop::meldt(&scene, "nav", &["boligkontor"]).await;
    let keeper = scene
        .desk(
            "boligkontor",
            Rolle::Saksbehandler,
            Formal::Avviksbehandling,
        )
        .await;
    avvik_forlop::aksepter(&keeper, &avvik).await;
    let log = scene.log().await;
    let taken = log.iter().find(|row| row.metode.ends_with("/AksepterDel"));
    let mandat = Mandat {
        personer: Vec::new(),
        sporings_id: taken.unwrap().sporings_id.clone(),
        ..Mandat::om("")
    };
    let mandat = mandat.gitt(&scene).await;
    let report = rapport(&scene, &mandat).await;
    let opened = &report.linje.mandat;
    assert_eq!((&opened.avvik, &opened.personer), (&avvik, &Vec::new()));
    finn(&report, "Avviksdel akseptert");
}
