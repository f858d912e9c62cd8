//! What raises an avvik by itself, through the gateway: once each, with its cause
//! and its trace.

use std::{sync::Arc, time::Duration};

use super::{AVVIK, KANARI, aksepter, desk, detalj, unknown_detail, vedlegg::melding};
use crate::{
    handovers::until,
    nav_forlop::{self, innvilg, plassen},
    nodtilgang::start_nodtilgang,
    scene::*,
};
use samspor::desk::Desk;
use samspor_chassis::{testing::TestClock, tid::Tid};
use samspor_proto::{
    avvik::*,
    bestillerkontor::{ListEnhetensOppdragRequest, ListEnhetensOppdragResponse},
    felles::Rolle,
    gateway::{
        AvsluttNodtilgangRequest, AvsluttNodtilgangResponse, GjennomgaNodtilgangRequest,
        GjennomgaNodtilgangResponse, StartNodtilgangResponse,
    },
    nav::{IkkeKlartGrunn, InnvilgBotilbudResponse, MeldIkkeKlartRequest, MeldIkkeKlartResponse},
    tilgang::Formal,
};

const DAY: Duration = Duration::from_hours(24);

fn klokke() -> Arc<TestClock> {
    Arc::new(TestClock::new("2026-11-02T09:00:00Z".parse().unwrap()))
}

/// Avvik of a kind that a unit has a part in, or that the koordinerende enhet
/// follows.
async fn av_slag(desk: &Desk, unit: &str, slag: &str) -> Vec<Avvik> {
    let request = ListAvvikRequest {
        parent: format!("enheter/{unit}"),
        page_size: 200,
        ..Default::default()
    };
    let list: ListAvvikResponse = ok(desk, &format!("{AVVIK}ListAvvik"), request).await;
    let of_kind = |one: &Avvik| one.underkategori == slag;
    list.avvik.into_iter().filter(of_kind).collect()
}

/// Lets time pass by steps until there is an avvik of a kind, and as long again:
/// there is one still.
async fn reist(scene: &Scene, clock: &TestClock, (slag, step): (&str, Duration)) -> Avvik {
    let follows = desk(scene, "koordinering", Rolle::Koordinator).await;
    let begun = scene.mesh.now();
    let first = until(async || {
        // Who follows a feed tries again by the clock.
        clock.advance(step);
        av_slag(&follows, "koordinering", slag).await.pop()
    })
    .await;
    clock.advance(scene.mesh.now().since(begun));
    let mut again = 0;
    until(async || {
        clock.advance(step);
        again += 1;
        (again > 4).then_some(())
    })
    .await;
    let [one] = av_slag(&follows, "koordinering", slag)
        .await
        .try_into()
        .unwrap();
    assert_eq!(one.name, first.name);
    assert_eq!(one.kilde(), Avvikskilde::Hendelse);
    assert_eq!(one.melder_enhet, "enheter/koordinering");
    one
}

/// Trace of the first call of a method.
async fn spor(scene: &Scene, method: &str) -> String {
    let log = scene.log().await;
    let row = log.into_iter().find(|row| row.metode.ends_with(method));
    row.unwrap().sporings_id
}

/// What the koordinerende enhet reads of whom and what it is about.
async fn arsak(scene: &Scene, avvik: &Avvik) -> (String, Vec<String>) {
    let follows = desk(scene, "koordinering", Rolle::Koordinator).await;
    let read = detalj(&follows, &avvik.detalj).await;
    (read.person, read.poster)
}

fn ingen_seng(name: &str) -> MeldIkkeKlartRequest {
    MeldIkkeKlartRequest {
        name: name.to_owned(),
        request_id: request_id(),
        grunn: IkkeKlartGrunn::IngenLedig.into(),
        begrunnelse: KANARI.to_owned(),
        hjemmel: Some(basis("§ 27")),
    }
}

const INGEN_SENG: &str = "nav.v1.BotilbudService/MeldIkkeKlart";

/// A night without a bed raises an avvik by itself: the koordinerende enhet and
/// nav have it, it names the trace of the refusal and nobody's name, and a
/// stranger's unit has none.
///
/// Seen red: without the unit `avvik` among those that the event is addressed to.
#[tokio::test(flavor = "multi_thread")]
async fn a_night_without_a_bed_raises_an_avvik() {
    let scene = Scene::start().await;
    let person = scene.person(NUMBERS[0]).await;
    let name = nav_forlop::meldt(&scene, &person).await;
    let decider = scene.desk("nav", Rolle::Beslutter, Formal::Tildeling).await;
    ok::<_, MeldIkkeKlartResponse>(&decider, INGEN_SENG, ingen_seng(&name)).await;
    let listed = async |unit: &str, rolle| {
        let desk = desk(&scene, unit, rolle).await;
        let request = ListAvvikRequest {
            parent: format!("enheter/{unit}"),
            ..Default::default()
        };
        let list: ListAvvikResponse = ok(&desk, &format!("{AVVIK}ListAvvik"), request).await;
        list.avvik
    };
    let raised = until(async || listed("koordinering", Rolle::Koordinator).await.pop()).await;
    assert_eq!(raised.kilde(), Avvikskilde::Hendelse);
    assert_eq!(raised.deler[0].enhet, "enheter/nav");
    assert!(!format!("{raised:?}").contains(person.trim_start_matches("personer/")));
    let row = scene
        .log()
        .await
        .into_iter()
        .rfind(|row| row.metode.ends_with("MeldIkkeKlart"));
    assert_eq!(raised.spor, [row.unwrap().sporings_id]);
    assert_eq!(
        listed("nav", Rolle::Saksbehandler).await[0].name,
        raised.name
    );
    assert!(listed("rop", Rolle::Saksbehandler).await.is_empty());
    let leader = desk(&scene, "koordinering", Rolle::Koordinator).await;
    assert_eq!(detalj(&leader, &raised.detalj).await.person, person);
}

/// An order that nobody answers: the office that gave it answers for it.
///
/// Seen red: without its line among the sources.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_nobody_answers_raises_one() {
    let clock = klokke();
    let scene = Scene::on(clock.clone(), |_| {}).await;
    let person = scene.person(NUMBERS[0]).await;
    scene.decided(&person, &["rop"]).await;
    let rop = scene
        .desk("rop", Rolle::Saksbehandler, Formal::Ytelse)
        .await;
    let method = "bestillerkontor.v1.OppdragService/ListEnhetensOppdrag";
    let request = ListEnhetensOppdragRequest {
        parent: "enheter/rop".to_owned(),
        ..Default::default()
    };
    let offered: ListEnhetensOppdragResponse = ok(&rop, method, request).await;
    let raised = reist(&scene, &clock, ("uten_svar", DAY)).await;
    assert_eq!(raised.kategori(), Avvikskategori::Samhandling);
    assert_eq!(raised.deler[0].enhet, "enheter/bestillerkontor");
    assert_eq!(raised.spor, [spor(&scene, "/FattVedtak").await]);
    let order = offered.oppdrag[0].name.clone();
    assert_eq!(arsak(&scene, &raised).await, (person, vec![order]));
}

/// Three months in temporary housing.
///
/// Seen red: without its line among the sources.
#[tokio::test(flavor = "multi_thread")]
async fn three_months_in_temporary_housing_raise_one() {
    let clock = klokke();
    let scene = Scene::on(clock.clone(), |_| {}).await;
    let person = scene.person(NUMBERS[0]).await;
    let place = plassen(&scene, "Hospits AS").await;
    let name = nav_forlop::meldt(&scene, &person).await;
    let decider = scene.desk("nav", Rolle::Beslutter, Formal::Tildeling).await;
    let request = innvilg(&scene, &name, &place);
    let begun = scene.mesh.now();
    let granted: InnvilgBotilbudResponse = ok(&decider, nav_forlop::INNVILG, request).await;
    let stay = granted.botilbud.unwrap().opphold;
    let raised = reist(&scene, &clock, ("midlertidig_over_tre_maneder", 7 * DAY)).await;
    let passed = Tid::try_from(raised.hendt.unwrap()).unwrap();
    let days = passed.since(begun).as_secs() / DAY.as_secs();
    assert!((89..=99).contains(&days), "{days} days");
    assert_eq!(raised.deler[0].enhet, "enheter/nav");
    assert_eq!(raised.spor, [spor(&scene, "/InnvilgBotilbud").await]);
    assert_eq!(arsak(&scene, &raised).await, (person, vec![stay]));
}

/// Break-glass that nobody reviewed; one that was reviewed raises none.
///
/// Seen red: without its line among the sources.
#[tokio::test(flavor = "multi_thread")]
async fn break_glass_that_nobody_reviews_raises_one() {
    let clock = klokke();
    let scene = Scene::on(clock.clone(), |_| {}).await;
    let (person, other) = (
        scene.person(NUMBERS[0]).await,
        scene.person(NUMBERS[1]).await,
    );
    let clinician = scene
        .desk("hjemmetjeneste", Rolle::Behandler, Formal::Nodhjelp)
        .await;
    let start = "gateway.v1.NodtilgangService/StartNodtilgang";
    let mut sessions = Vec::new();
    for person in [&person, &other] {
        let opened: StartNodtilgangResponse = ok(&clinician, start, start_nodtilgang(person)).await;
        sessions.push(opened.nodtilgang.unwrap().name);
    }
    let leader = scene
        .desk("hjemmetjeneste", Rolle::Leder, Formal::Kontroll)
        .await;
    let reviewed = sessions.remove(1);
    let end = AvsluttNodtilgangRequest {
        name: reviewed.clone(),
        request_id: request_id(),
    };
    let method = "gateway.v1.NodtilgangService/AvsluttNodtilgang";
    ok::<_, AvsluttNodtilgangResponse>(&clinician, method, end).await;
    let review = GjennomgaNodtilgangRequest {
        name: reviewed,
        request_id: request_id(),
        berettiget: true,
        vurdering: "Nødvendig.".to_owned(),
    };
    let method = "gateway.v1.NodtilgangService/GjennomgaNodtilgang";
    ok::<_, GjennomgaNodtilgangResponse>(&leader, method, review).await;
    let raised = reist(&scene, &clock, ("uberettiget_oppslag", DAY)).await;
    assert_eq!(raised.kategori(), Avvikskategori::Personvern);
    assert_eq!(raised.deler[0].enhet, "enheter/hjemmetjeneste");
    assert_eq!(raised.spor, [spor(&scene, "/StartNodtilgang").await]);
    assert_eq!(arsak(&scene, &raised).await, (person, sessions));
}

/// Of who is strictly protected no avvik is raised by itself; of one that was
/// raised before, nobody without mandate reads whom it was about.
///
/// Seen red: with a detail that is decided by who is party alone.
#[tokio::test(flavor = "multi_thread")]
async fn no_avvik_tells_of_who_is_hidden() {
    let scene = Scene::start().await;
    let (hidden, seen) = (
        scene.person(NUMBERS[0]).await,
        scene.person(NUMBERS[1]).await,
    );
    let decider = scene.desk("nav", Rolle::Beslutter, Formal::Tildeling).await;
    let follows = desk(&scene, "koordinering", Rolle::Koordinator).await;
    let night = async |person: &str| {
        let name = nav_forlop::meldt(&scene, person).await;
        ok::<_, MeldIkkeKlartResponse>(&decider, INGEN_SENG, ingen_seng(&name)).await;
    };
    night(&hidden).await;
    let before = until(async || av_slag(&follows, "koordinering", "ingen_bolig").await.pop()).await;
    assert_eq!(arsak(&scene, &before).await.0, hidden);

    // Reported by hand too, and taken by a unit without mandate.
    let reporter = desk(&scene, "nav", Rolle::Inntak).await;
    let method = format!("{AVVIK}MeldAvvik");
    let mut by_hand = melding(&scene, Vec::new());
    by_hand.person.clone_from(&hidden);
    let told: MeldAvvikResponse = ok(&reporter, &method, by_hand).await;
    let by_hand = format!("avvik/{}", told.kvittering.unwrap().referanse);
    let taker = desk(&scene, "boligkontor", Rolle::Saksbehandler).await;
    let taken = aksepter(&taker, &by_hand).await;
    assert_eq!(detalj(&taker, &taken.detalj).await.person, hidden);

    scene.protect("nav", strict(&hidden, &["nav"])).await;
    let before_it = taken.detalj;
    for (desk, name) in [(&taker, &before_it), (&follows, &before.detalj)] {
        unknown_detail(desk, name).await;
    }
    // The unit with mandate reads on.
    let mandated = desk(&scene, "nav", Rolle::Saksbehandler).await;
    assert_eq!(detalj(&mandated, &before_it).await.person, hidden);

    // What comes after it in the same feed is raised, and it is not.
    night(&hidden).await;
    night(&seen).await;
    let raised = until(async || {
        let all = av_slag(&follows, "koordinering", "ingen_bolig").await;
        (all.len() > 1).then_some(all)
    })
    .await;
    assert_eq!(raised.len(), 2, "{raised:?}");
}
