//! What boligkontor's events ask of the units that allocate, follow up or take
//! part: tasks in their inboxes, which later events end.

use samspor_proto::{boligkontor::*, felles::Rolle, nav, rop, tilgang::Formal};

use super::{boligsak, taken_in};
use crate::{handovers::until, scene::*};

const HELD: &str = "boligkontor.v1.ReservasjonService/";
const LET: &str = "boligkontor.v1.LeieforholdService/";
const ARREARS: &str = "boligkontor.v1.RestansesakService/";
const CONCERNS: &str = "boligkontor.v1.BekymringService/";

/// What waits for rop of what boligkontor asks, once it is that.
async fn rop_has(scene: &Scene, wanted: &[rop::Oppgavetype]) {
    let desk = scene
        .desk("rop", Rolle::Saksbehandler, Formal::Ytelse)
        .await;
    until(async || {
        let request = rop::ListOppgaverRequest {
            parent: "enheter/rop".to_owned(),
            ..Default::default()
        };
        let method = "rop.v1.InnboksService/ListOppgaver";
        let tasks: rop::ListOppgaverResponse = ok(&desk, method, request).await;
        let of_housing =
            |kind: &rop::Oppgavetype| *kind as i32 >= rop::Oppgavetype::Boligsak as i32;
        let kinds = tasks.oppgaver.iter().map(rop::Oppgave::r#type);
        let kinds: Vec<_> = kinds.filter(of_housing).collect();
        (kinds == wanted).then_some(())
    })
    .await;
}

async fn nav_has(scene: &Scene, wanted: &[nav::Oppgavetype]) {
    let desk = scene
        .desk("nav", Rolle::Saksbehandler, Formal::Ytelse)
        .await;
    until(async || {
        let request = nav::ListOppgaverRequest {
            parent: "enheter/nav".to_owned(),
            ..Default::default()
        };
        let method = "nav.v1.InnboksService/ListOppgaver";
        let tasks: nav::ListOppgaverResponse = ok(&desk, method, request).await;
        let kinds = tasks.oppgaver.iter().map(nav::Oppgave::r#type);
        let kinds: Vec<_> = kinds.collect();
        (kinds == wanted).then_some(())
    })
    .await;
}

/// From the application to a joint case and a concern, in Karmøy, where rop
/// allocates what is let.
#[tokio::test(flavor = "multi_thread")]
async fn what_happens_to_a_dwelling_becomes_a_task_of_who_must_act() {
    let scene = Scene::start().await;
    let person = scene.person(NUMBERS[0]).await;
    let office = scene
        .desk("boligkontor", Rolle::Boligforvalter, Formal::Tildeling)
        .await;
    let ready = taken_in(&office, &[("A-1", "KOMMUNAL_UTLEIE")]).await;
    let rop = scene
        .desk("rop", Rolle::Saksbehandler, Formal::Tildeling)
        .await;
    let sak = boligsak::taken_in(&scene, &person, &rop).await;
    rop_has(&scene, &[rop::Oppgavetype::Boligsak]).await;
    let sak = boligsak::approved_of(&scene, sak, "rop", &boligsak::KARMOY).await;
    rop_has(&scene, &[]).await;

    let offered = async || {
        let request = ReserverBoligRequest {
            parent: person.clone(),
            request_id: request_id(),
            bolig: ready[0].name.clone(),
            grunnlag: sak.name.clone(),
            begrunnelse: "Nær tjenestene".to_owned(),
            ..Default::default()
        };
        let held: ReserverBoligResponse = ok(&rop, &format!("{HELD}ReserverBolig"), request).await;
        let held = held.reservasjon.unwrap();
        let request = TilbyBoligRequest {
            name: held.name,
            request_id: request_id(),
            etag: held.etag,
            svarfrist: None,
        };
        let held: TilbyBoligResponse = ok(&rop, &format!("{HELD}TilbyBolig"), request).await;
        held.reservasjon.unwrap().name
    };
    let tenant = scene.person_desk(&person).await;
    let answer = async |name: String, aksepterer| {
        let request = SvarTilbudRequest {
            name,
            request_id: request_id(),
            aksepterer,
            onske: String::new(),
        };
        ok::<_, SvarTilbudResponse>(&tenant, &format!("{HELD}SvarTilbud"), request).await
    };
    answer(offered().await, false).await;
    rop_has(&scene, &[rop::Oppgavetype::FinnBolig]).await;
    let again = offered().await;
    rop_has(&scene, &[]).await;
    answer(again.clone(), true).await;
    let request = InngaKontraktRequest {
        name: again,
        request_id: request_id(),
        oppfolgere: vec!["enheter/rop".to_owned()],
        ..Default::default()
    };
    let made: InngaKontraktResponse = ok(&office, &format!("{LET}InngaKontrakt"), request).await;
    let tenancy = made.reservasjon.unwrap().leieforhold;
    in_arrears(&scene, &person, &tenancy).await;
    worried(&scene, &person, &ready[0].name).await;
}

/// Each unit of the case is asked, and its own answer ends that.
async fn in_arrears(scene: &Scene, person: &str, tenancy: &str) {
    let office = scene
        .desk("boligkontor", Rolle::Boligforvalter, Formal::Tildeling)
        .await;
    let request = RegistrerRestanseRequest {
        parent: person.to_owned(),
        request_id: request_id(),
        leieforhold: tenancy.to_owned(),
        belop: 17_000,
        siden: samspor_chassis::domene::Dag::av(scene.mesh.now()).to_string(),
        parter: vec!["enheter/nav".to_owned(), "enheter/rop".to_owned()],
    };
    let method = format!("{ARREARS}RegistrerRestanse");
    let opened: RegistrerRestanseResponse = ok(&office, &method, request).await;
    let sak = opened.restansesak.unwrap().name;
    rop_has(scene, &[rop::Oppgavetype::Restanse]).await;
    nav_has(scene, &[nav::Oppgavetype::Restanse]).await;
    let nav = scene
        .desk("nav", Rolle::Saksbehandler, Formal::ForebyggeUtkastelse)
        .await
        .with_case(&sak);
    let request = SvarRestansesakRequest {
        name: sak.clone(),
        request_id: request_id(),
        tiltak: "Frivillig trekk".to_owned(),
    };
    let method = format!("{ARREARS}SvarRestansesak");
    ok::<_, SvarRestansesakResponse>(&nav, &method, request).await;
    nav_has(scene, &[]).await;
    rop_has(scene, &[rop::Oppgavetype::Restanse]).await;
    let read = HentRestansesakRequest { name: sak.clone() };
    let read: HentRestansesakResponse =
        ok(&office, &format!("{ARREARS}HentRestansesak"), read).await;
    let request = OppdaterRestanseRequest {
        name: sak,
        request_id: request_id(),
        etag: read.restansesak.unwrap().etag,
        belop: 0,
    };
    let method = format!("{ARREARS}OppdaterRestanse");
    ok::<_, OppdaterRestanseResponse>(&office, &method, request).await;
    rop_has(scene, &[]).await;
}

async fn worried(scene: &Scene, person: &str, dwelling: &str) {
    let caretaker = scene
        .desk("boligkontor", Rolle::Inntak, Formal::Oppfolging)
        .await;
    let request = MeldBekymringRequest {
        name: dwelling.to_owned(),
        request_id: request_id(),
        innhold: "Døren har stått åpen".to_owned(),
    };
    let method = format!("{CONCERNS}MeldBekymring");
    ok::<_, MeldBekymringResponse>(&caretaker, &method, request).await;
    rop_has(scene, &[rop::Oppgavetype::Bekymring]).await;
    let home = scene.desk("rop", Rolle::Miljo, Formal::Oppfolging).await;
    let request = ListBekymringerRequest {
        parent: person.to_owned(),
        ..Default::default()
    };
    let method = format!("{CONCERNS}ListBekymringer");
    let listed: ListBekymringerResponse = ok(&home, &method, request).await;
    let request = BekreftBekymringRequest {
        name: listed.bekymringer[0].name.clone(),
        request_id: request_id(),
        tiltak: "Drar dit i dag".to_owned(),
    };
    let method = format!("{CONCERNS}BekreftBekymring");
    ok::<_, BekreftBekymringResponse>(&home, &method, request).await;
    rop_has(scene, &[]).await;
}
