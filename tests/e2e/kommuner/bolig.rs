//! From a night without anywhere to sleep to a tenancy, whoever allocates.

use samspor_proto::{
    boligkontor::*,
    nav::{
        AvsluttOppholdRequest, AvsluttOppholdResponse, InnvilgBotilbudResponse,
        ListOppgaverRequest, ListOppgaverResponse, Oppgave, Oppgavetype, Videre,
    },
};

use super::*;
use crate::{
    bolig_forlop::{self, boligsak, taken_in},
    handovers::until,
    nav_forlop::{self, INNVILG, innvilg, meldt, plassen},
};

const HELD: &str = "boligkontor.v1.ReservasjonService/";

/// The first unit that allocates what is let.
fn allocator(kommune: &Kommune) -> String {
    let holders = kommune
        .policy
        .municipality()
        .holders_of("tildelingsmyndighet:kommunal_utleie");
    holders.into_iter().next().unwrap()
}

/// The municipality's adopted conditions for what is let.
fn conditions(kommune: &str) -> &'static [&'static str] {
    match kommune {
        "karmoy" => &boligsak::KARMOY,
        "sarpsborg" => &boligsak::SARPSBORG,
        "alesund" => &["botid"],
        // None are known.
        _ => &[],
    }
}

/// Everybody on the list of what is let.
fn listed(overview: &Behovsoversikt) -> i32 {
    let of = |cell: &&Behovscelle| {
        cell.tildelingstype() == Tildelingstype::KommunalUtleie
            && cell.gruppe() == Behovsgruppe::Alle
            && cell.status() == Behovsstatus::PaListen
    };
    let cell = overview.celler.iter().find(of);
    cell.map_or(0, |cell| cell.antall)
}

/// Nav gives a bed, the unit that allocates here approves, ranks, reserves and
/// offers, the person says yes, the office makes the contract; the overview
/// counts each step, and no other unit may reserve.
///
/// Seen red: without `fortell`. Guards against: an allocator that is written down
/// in the code.
pub async fn a_person_is_housed_by_who_allocates(kommune: Kommune) {
    let scene = &kommune.scene;
    let unit = allocator(&kommune);
    let person = scene.person(NUMBERS[0]).await;
    let office = scene
        .desk("boligkontor", Rolle::Boligforvalter, Formal::Tildeling)
        .await;
    let owner = scene
        .desk(&unit, Rolle::Saksbehandler, Formal::Tildeling)
        .await;
    let overview = async || {
        let request = HentBehovsoversiktRequest {
            parent: "enheter/boligkontor".to_owned(),
            dag: String::new(),
        };
        let method = "boligkontor.v1.BehovService/HentBehovsoversikt";
        let read: HentBehovsoversiktResponse = ok(&owner, method, request).await;
        read.behovsoversikt.unwrap()
    };
    let place = plassen(scene, "Hospits AS").await;
    let nav = scene.desk("nav", Rolle::Beslutter, Formal::Tildeling).await;
    let night = innvilg(scene, &meldt(scene, &person).await, &place);
    ok::<_, InnvilgBotilbudResponse>(&nav, INNVILG, night).await;

    let sak = boligsak::taken_in(scene, &person, &owner).await;
    assert_eq!(sak.ansvarlig_enhet, format!("enheter/{unit}"));
    let keys = conditions(&kommune.policy.municipality().id);
    let sak = boligsak::approved_of(scene, sak, &unit, keys).await;
    until(async || {
        let read = HentBoligsakRequest {
            name: sak.name.clone(),
            versjon: 0,
        };
        let method = "boligkontor.v1.BoligsakService/HentBoligsak";
        let read: HentBoligsakResponse = ok(&owner, method, read).await;
        read.boligsak.unwrap().midlertidig_siden
    })
    .await;

    let before = overview().await;
    assert_eq!((listed(&before), before.i_midlertidig), (1, 1));
    let home = taken_in(&office, &[("A-1", "KOMMUNAL_UTLEIE")])
        .await
        .remove(0);
    let reserve = || ReserverBoligRequest {
        parent: person.clone(),
        request_id: request_id(),
        bolig: home.name.clone(),
        grunnlag: sak.name.clone(),
        begrunnelse: "Først i køen.".to_owned(),
        ..Default::default()
    };
    let method = format!("{HELD}ReserverBolig");
    for other in ["nav", "rop", "bestillerkontor", "boligkontor"] {
        if other != unit {
            let desk = scene
                .desk(other, Rolle::Saksbehandler, Formal::Tildeling)
                .await;
            refused::<_, ReserverBoligResponse>(&desk, &method, reserve()).await;
        }
    }
    let held: ReserverBoligResponse = ok(&owner, &method, reserve()).await;
    let held = held.reservasjon.unwrap();
    assert_eq!((held.plass, held.forbigatte), (1, 0));
    let request = TilbyBoligRequest {
        name: held.name,
        request_id: request_id(),
        etag: held.etag,
        svarfrist: None,
    };
    let offered: TilbyBoligResponse = ok(&owner, &format!("{HELD}TilbyBolig"), request).await;
    let request = SvarTilbudRequest {
        name: offered.reservasjon.unwrap().name,
        request_id: request_id(),
        aksepterer: true,
        onske: String::new(),
    };
    let own = scene.person_desk(&person).await;
    let yes: SvarTilbudResponse = ok(&own, &format!("{HELD}SvarTilbud"), request).await;
    let request = InngaKontraktRequest {
        name: yes.reservasjon.unwrap().name,
        request_id: request_id(),
        oppfolgere: vec!["enheter/rop".to_owned()],
        ..Default::default()
    };
    let method = "boligkontor.v1.LeieforholdService/InngaKontrakt";
    ok::<_, InngaKontraktResponse>(&office, method, request).await;
    let request = HentBoligsakRequest {
        name: sak.name.clone(),
        versjon: 0,
    };
    let method = "boligkontor.v1.BoligsakService/HentBoligsak";
    let read: HentBoligsakResponse = ok(&own, method, request).await;
    assert_eq!(read.boligsak.unwrap().tilstand(), BoligsakTilstand::Tildelt);
    let after = overview().await;
    assert_eq!(listed(&after), 0, "from the list to a dwelling");
    stay_is_ended(scene).await;
    until(async || (overview().await.i_midlertidig == 0).then_some(())).await;
}

/// Nav is asked to end the stay of who has a dwelling now, and does.
async fn stay_is_ended(scene: &Scene) {
    let nav = scene
        .desk("nav", Rolle::Saksbehandler, Formal::Ytelse)
        .await;
    let asked = async || {
        let request = ListOppgaverRequest {
            parent: "enheter/nav".to_owned(),
            ..Default::default()
        };
        let method = "nav.v1.InnboksService/ListOppgaver";
        let tasks: ListOppgaverResponse = ok(&nav, method, request).await;
        let of = |task: &Oppgave| task.r#type() == Oppgavetype::AvsluttOpphold;
        tasks.oppgaver.into_iter().find(of)
    };
    let stay = until(asked).await.post;
    let request = AvsluttOppholdRequest {
        name: stay,
        request_id: request_id(),
        grunn: "Har fått bolig".to_owned(),
        videre: Videre::KommunalBolig.into(),
        ..Default::default()
    };
    let follows = nav.with_purpose(Formal::Oppfolging);
    let method = "nav.v1.OppholdService/AvsluttOpphold";
    ok::<_, AvsluttOppholdResponse>(&follows, method, request).await;
    until(async || asked().await.is_none().then_some(())).await;
}

/// Nights, stays and who is barred, tenancies with arrears, what is said of a
/// dwelling: the same where other units allocate.
#[tokio::test(flavor = "multi_thread")]
async fn the_lives_are_the_same_in_sarpsborg() {
    for life in 0..6 {
        let kommune = Kommune::start("sarpsborg").await;
        let person = kommune.case().await.person;
        match life {
            0..4 => nav_forlop::lived(life, &kommune.scene, &person).await,
            _ => bolig_forlop::lived(life - 4, &kommune.scene, &person).await,
        }
    }
}
