//! What is delivered against what is granted, and the figures of both services:
//! whose they are is who decides and who delivers.

use samspor_proto::{
    bestillerkontor::*,
    felles::{Feilgrunn, Rolle},
    rop::*,
    tilgang::Formal,
};

use super::{
    Kommune, LINJER, ROP, Sak,
    endring::{ENHETER, Myndighet, line_of},
    sak,
};
use crate::{rop_forlop::task_about, scene::*};

const TALL: &str = "bestillerkontor.v1.StatistikkService";
const WEEK: &str = "rop.v1.TiltakService/ListLeveringer";

/// ROP reads anew what its line grants when the unit that decided it amends it,
/// and is held against that. Who decides for the person, and who holds the
/// application, reads what came of it; who only delivers beside ROP does not.
///
/// Seen red: with hours of the version before; with P5 for who delivers.
pub(super) async fn what_is_delivered_is_held_against_what_is_granted(kommune: Kommune) {
    let case = Box::pin(kommune.case()).await;
    let own = Myndighet::over(&kommune, &case, ROP).await;
    kommune.clock.days_pass(14);
    // Three hours of two to four.
    Box::pin(sak::delivered(&kommune, &case)).await;
    let scene = &kommune.scene;
    let rop = scene
        .desk("rop", Rolle::Saksbehandler, Formal::Ytelse)
        .await;
    let request = ListTiltakRequest {
        parent: case.person.clone(),
        ..Default::default()
    };
    let all: ListTiltakResponse = ok(&rop, "rop.v1.TiltakService/ListTiltak", request).await;
    let tiltak = all.tiltak[0].clone();

    let mut content = own.vedtak().await;
    let line = line_of(&mut content, "rop");
    (line.min_timer, line.maks_timer) = (5.0, 6.0);
    own.amended(content, Vec::new()).await;
    task_about(scene, Oppgavetype::OppdaterTiltak, &tiltak.oppdrag).await;
    let request = OppdaterTiltakRequest {
        name: tiltak.name.clone(),
        request_id: request_id(),
    };
    let method = "rop.v1.TiltakService/OppdaterTiltak";
    ok::<_, OppdaterTiltakResponse>(&rop, method, request).await;

    // A whole week of the new terms.
    kommune.clock.days_pass(14);
    for (minutes, grade) in [(180, Leveringsgrad::Under), (150, Leveringsgrad::Innenfor)] {
        let request = RegistrerKontaktRequest {
            parent: case.person.clone(),
            request_id: request_id(),
            r#type: Kontakttype::Besok.into(),
            utfall: Kontaktutfall::Mott.into(),
            tidspunkt: Some(scene.mesh.now().to_proto()),
            minutter: minutes,
            tiltak: tiltak.name.clone(),
            hjemmel: Some(basis("§ 3-1")),
            ..Default::default()
        };
        let method = "rop.v1.KontaktService/RegistrerKontakt";
        ok::<_, RegistrerKontaktResponse>(&rop, method, request).await;
        let week: ListLeveringerResponse = ok(&rop, WEEK, this_week(&kommune, &case)).await;
        let week = &week.leveringer[0];
        assert_eq!((week.innvilget_min, week.innvilget_maks), (5.0, 6.0));
        assert_eq!(week.grad(), grade, "{}", week.levert);
    }

    let decides = |unit: &str| case.vedtak.iter().any(|(decider, _)| decider == unit);
    let answers = |unit: &str| unit == "bestillerkontor" || decides(unit);
    for unit in ENHETER.into_iter().filter(|unit| *unit != "rop") {
        let formal = Formal::Saksbehandling;
        let desk = scene.desk(unit, Rolle::Saksbehandler, formal).await;
        let request = this_week(&kommune, &case);
        let answer = desk.call::<_, ListLeveringerResponse>(WEEK, request);
        let read = answer.await.result;
        let hours: Vec<f64> = read
            .iter()
            .flat_map(|week| &week.leveringer)
            .map(|one| one.levert)
            .collect();
        let expected: &[f64] = if answers(unit) { &[5.5] } else { &[] };
        assert_eq!(hours, expected, "{unit}");
    }
}

fn this_week(kommune: &Kommune, case: &Sak) -> ListLeveringerRequest {
    ListLeveringerRequest {
        parent: case.person.clone(),
        uke: kommune.day(0),
        ..Default::default()
    }
}

/// Who ordered counts what it ordered, who delivers counts its own, and the
/// application is counted where it was received. Published, nothing of so few
/// is left.
///
/// Seen red: with orders counted by where the application lies, in Sarpsborg;
/// with figures that are published as they are counted.
pub(super) async fn the_figures_are_of_who_decides(kommune: Kommune) {
    let case = Box::pin(kommune.case()).await;
    kommune.clock.days_pass(14);
    // Six hours each in two weeks, and three of ROP today.
    Box::pin(sak::delivered(&kommune, &case)).await;
    kommune.clock.days_pass(1);
    for unit in ENHETER {
        Box::pin(ordered_by(&kommune, &case, unit)).await;
    }
    Box::pin(of_rop(&kommune)).await;
}

/// The figures of a unit for the two weeks.
async fn ordered_by(kommune: &Kommune, case: &Sak, unit: &str) {
    let formal = Formal::Oppfolging;
    let deciders = kommune.deciders();
    let request = HentBestillingstallRequest {
        parent: format!("enheter/{unit}"),
        fra: kommune.day(-15),
        til: kommune.day(-2),
    };
    let method = format!("{TALL}/HentBestillingstall");
    let nav = kommune
        .scene
        .desk("nav", Rolle::Saksbehandler, formal)
        .await;
    refused::<_, HentBestillingstallResponse>(&nav, &method, request.clone()).await;
    let own = kommune.scene.desk(unit, Rolle::Saksbehandler, formal).await;
    let found: HentBestillingstallResponse = ok(&own, &method, request).await;
    let found = found.bestillingstall.unwrap();
    let its = |place: &usize| LINJER[*place].0 == unit || case.of(*place, &deciders).0 == unit;
    let mut expected: Vec<Enhetstall> = (0..LINJER.len())
        .filter(its)
        .map(|place| Enhetstall {
            enhet: format!("enheter/{}", LINJER[place].0),
            oppdrag: 1,
            innvilget_min: 4.0,
            innvilget_maks: 8.0,
            levert: 6.0,
            ..Default::default()
        })
        .collect();
    expected.sort_by(|one, other| one.enhet.cmp(&other.enhet));
    assert_eq!(found.enheter, expected, "{unit}");
    let waits = found
        .ventetider
        .iter()
        .map(|wait| (wait.r#type(), wait.antall));
    let applied = i32::from(unit == "bestillerkontor");
    let begun = i32::try_from(expected.len()).unwrap();
    assert_eq!(
        waits.collect::<Vec<_>>(),
        [
            (Ventetidstype::ForelopigSvar, 0),
            (Ventetidstype::Vedtak, applied),
            (Ventetidstype::Start, begun),
        ],
        "{unit}"
    );
}

/// The day of the visit: a seventh of the hours of a week.
async fn of_rop(kommune: &Kommune) {
    let leader = kommune
        .scene
        .desk("rop", Rolle::Leder, Formal::Oppfolging)
        .await;
    let request = HentStatistikkRequest {
        parent: "enheter/rop".to_owned(),
        fra: kommune.day(-1),
        til: kommune.day(-1),
    };
    let method = "rop.v1.StatistikkService/HentStatistikk";
    let counted: HentStatistikkResponse = ok(&leader, method, request).await;
    let counted = counted.statistikk.unwrap();
    assert_eq!((counted.begynt, counted.levert), (1, 3.0));
    assert_eq!(
        (counted.innvilget_min, counted.innvilget_maks),
        (0.29, 0.57)
    );

    // Once the month is over.
    kommune.clock.days_pass(31);
    let month = kommune.day(-32)[..7].to_owned();
    let publisher = kommune
        .scene
        .desk("rop", Rolle::Saksbehandler, Formal::Oppfolging)
        .await;
    let request = PubliserStatistikkRequest {
        parent: "enheter/rop".to_owned(),
        request_id: request_id(),
        maned: month.clone(),
    };
    let method = "rop.v1.StatistikkService/PubliserStatistikk";
    let told: PubliserStatistikkResponse = ok(&publisher, method, request).await;
    let told = told.publisert_statistikk.unwrap();
    assert_eq!((told.begynt, told.levert), (0, 0), "one person's");
    for unit in ENHETER {
        let method = format!("{TALL}/PubliserBestillingstall");
        let desk = kommune
            .scene
            .desk(unit, Rolle::Saksbehandler, Formal::Oppfolging)
            .await;
        let request = PubliserBestillingstallRequest {
            parent: format!("enheter/{unit}"),
            request_id: request_id(),
            maned: month.clone(),
        };
        let said: PubliserBestillingstallResponse = ok(&desk, &method, request.clone()).await;
        let said = said.publiserte_bestillingstall.unwrap();
        let cells = said.enheter.iter().map(|row| (row.oppdrag, row.levert));
        assert!(cells.clone().all(|cell| cell == (0, 0)), "{unit}");
        let again = PubliserBestillingstallRequest {
            request_id: request_id(),
            ..request
        };
        let status = refused::<_, PubliserBestillingstallResponse>(&desk, &method, again).await;
        assert_eq!(reason(&status), Some(Feilgrunn::Konflikt), "{unit}");
    }
}
