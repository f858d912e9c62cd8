//! The figures of a month that has passed: exact for the unit, rounded for all.

use samspor_chassis::tid::Tid;
use samspor_proto::{
    felles::{Feilgrunn, Rolle},
    rop::*,
    tilgang::Formal,
};

use super::{KANARI, day, tiltak};
use crate::scene::*;

const REGISTER: &str = "rop.v1.KontaktService/RegistrerKontakt";
const COUNT: &str = "rop.v1.LavterskelService/RegistrerLavterskel";
const COUNTS: &str = "rop.v1.LavterskelService/ListLavterskel";
const EXACT: &str = "rop.v1.StatistikkService/HentStatistikk";
const PUBLISH: &str = "rop.v1.StatistikkService/PubliserStatistikk";
const PUBLISHED: &str = "rop.v1.StatistikkService/HentPublisertStatistikk";

/// What was done last month is what the unit counts, and what everybody reads is
/// each of the figures rounded by itself.
///
/// Seen red: with figures that are published as they are counted.
#[tokio::test(flavor = "multi_thread")]
async fn a_month_is_counted_exactly_and_published_rounded() {
    life(&Scene::start().await).await;
}

pub async fn life(scene: &Scene) {
    let case = scene.case(NUMBERS[0]).await;
    let staff = scene.desk("rop", Rolle::Miljo, Formal::Ytelse).await;
    let clinician = scene.desk("rop", Rolle::Behandler, Formal::Ytelse).await;
    let leader = scene.desk("rop", Rolle::Leder, Formal::Oppfolging).await;
    let publisher = scene
        .desk("rop", Rolle::Saksbehandler, Formal::Oppfolging)
        .await;
    let month = day(scene, 0).pluss_maneder(-1).to_string()[..7].to_owned();
    let under = tiltak::under_order(scene, &case).await;

    // Eight met, an hour each, and three missed; the latest was met.
    let late = format!("Ført i etterkant. {KANARI}");
    for hour in 6..17 {
        let utfall = match hour {
            6..9 => Kontaktutfall::IkkeMott,
            _ => Kontaktutfall::Mott,
        };
        let at: Tid = format!("{month}-15T{hour:02}:00:00Z").parse().unwrap();
        let request = RegistrerKontaktRequest {
            parent: case.person.clone(),
            request_id: request_id(),
            r#type: Kontakttype::Besok.into(),
            utfall: utfall.into(),
            tidspunkt: Some(at.to_proto()),
            minutter: 60,
            tiltak: under.name.clone(),
            notat: KANARI.to_owned(),
            sen_begrunnelse: late.clone(),
            hjemmel: Some(basis("§ 3-2")),
            ..Default::default()
        };
        ok::<_, RegistrerKontaktResponse>(&staff, REGISTER, request).await;
    }
    let pathway = SettHovedforlopRequest {
        parent: case.person.clone(),
        request_id: request_id(),
        forlop: Forlop::Tre.into(),
        fra: format!("{month}-02"),
        begrunnelse: format!("Alvorlig og langvarig. {KANARI}"),
        sen_begrunnelse: late,
        hjemmel: Some(basis("§ 3-2")),
    };
    let method = "rop.v1.HovedforlopService/SettHovedforlop";
    ok::<_, SettHovedforlopResponse>(&clinician, method, pathway).await;

    // 13 who came by, and 5 that were 4.
    let count = async |antall, retter: &str| {
        let request = RegistrerLavterskelRequest {
            parent: "enheter/rop".to_owned(),
            request_id: request_id(),
            dag: format!("{month}-16"),
            r#type: Kontakttype::DropIn.into(),
            antall,
            retter: retter.to_owned(),
            rettelse: if retter.is_empty() {
                ""
            } else {
                "talt to ganger"
            }
            .to_owned(),
        };
        let counted: RegistrerLavterskelResponse = ok(&staff, COUNT, request).await;
        counted.lavterskel.unwrap().name
    };
    count(13, "").await;
    let wrong = count(5, "").await;
    count(4, &wrong).await;
    let listed = |enhet: &str| ListLavterskelRequest {
        parent: format!("enheter/{enhet}"),
        fra: format!("{month}-16"),
        til: format!("{month}-16"),
        ..Default::default()
    };
    let counts: ListLavterskelResponse = ok(&leader, COUNTS, listed("rop")).await;
    let counts = counts.lavterskel.iter();
    let counts: Vec<(i32, bool)> = counts.map(|one| (one.antall, one.rettet)).collect();
    assert_eq!(counts, [(4, false), (5, true), (13, false)]);
    let bom = scene.desk("bom", Rolle::Leder, Formal::Oppfolging).await;
    refused::<_, ListLavterskelResponse>(&bom, COUNTS, listed("rop")).await;

    let publish = |maned: &str| PubliserStatistikkRequest {
        parent: "enheter/rop".to_owned(),
        request_id: request_id(),
        maned: maned.to_owned(),
    };
    // Not while it goes on.
    let current = day(scene, 0).to_string()[..7].to_owned();
    refused::<_, PubliserStatistikkResponse>(&publisher, PUBLISH, publish(&current)).await;
    let told: PubliserStatistikkResponse = ok(&publisher, PUBLISH, publish(&month)).await;
    let told = told.publisert_statistikk.unwrap();
    let again = publish(&month);
    let status = refused::<_, PubliserStatistikkResponse>(&publisher, PUBLISH, again).await;
    assert_eq!(reason(&status), Some(Feilgrunn::Konflikt));

    let period = HentStatistikkRequest {
        parent: "enheter/rop".to_owned(),
        fra: told.fra.clone(),
        til: told.til.clone(),
    };
    let exact: HentStatistikkResponse = ok(&leader, EXACT, period.clone()).await;
    let exact = exact.statistikk.unwrap();
    refused::<_, HentStatistikkResponse>(&bom, EXACT, period).await;
    let contacts = |rows: &[Kontakttall]| {
        let rows = rows.iter().map(|row| (row.utfall.clone(), row.kontakter));
        rows.collect::<std::collections::BTreeMap<_, _>>()
    };
    let outcomes = |met, missed| {
        let rows = [("MOTT", met), ("IKKE_MOTT", missed), ("TAKKET_NEI", 0)];
        rows.map(|(outcome, count)| (outcome.to_owned(), count))
            .into()
    };
    let persons = |rows: &[Forlopstall]| rows.iter().map(|row| row.personer).collect::<Vec<_>>();
    assert_eq!(contacts(&exact.kontakter), outcomes(8, 3));
    assert_eq!(persons(&exact.forlop), [0, 0, 1]);
    assert_eq!((exact.anonyme, exact.levert, exact.begynt), (17, 8.0, 1));

    // Any unit reads what was published, and nobody counts one person in it.
    let nav = scene
        .desk("nav", Rolle::Saksbehandler, Formal::Statistikk)
        .await;
    let named = |maned: &str| HentPublisertStatistikkRequest {
        parent: "enheter/rop".to_owned(),
        maned: maned.to_owned(),
    };
    let read: HentPublisertStatistikkResponse = ok(&nav, PUBLISHED, named(&month)).await;
    let read = read.publisert_statistikk.unwrap();
    assert_eq!(contacts(&read.kontakter), outcomes(10, 5));
    assert_eq!(persons(&read.forlop), [0, 0, 0]);
    // The hours of one oppdrag are one person's.
    assert_eq!((read.anonyme, read.levert, read.begynt), (15, 0, 0));
    assert_eq!((read.publisert, &read.fra), (told.publisert, &told.fra));
    assert_eq!(read.til, told.til);
    refused::<_, HentPublisertStatistikkResponse>(&nav, PUBLISHED, named(&current)).await;
}
