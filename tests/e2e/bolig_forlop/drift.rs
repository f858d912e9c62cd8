//! Boligdrift through the gateway: what is broken, what neighbours say, what a
//! caretaker is worried about; and that each stays where it belongs.

use std::{sync::Arc, time::Duration};

use samspor_chassis::testing::TestClock;
use samspor_proto::{
    boligkontor::*,
    felles::{Feilgrunn, Rolle},
    hendelse::{AbonnerRequest, AbonnerResponse},
    tilgang::{Dataklasse, Formal},
};

use super::{KONTORET, taken_in};
use crate::scene::*;

const ORDERS: &str = "boligkontor.v1.ArbeidsordreService/";
const NEIGHBOURS: &str = "boligkontor.v1.NabohenvendelseService/";
const CONCERNS: &str = "boligkontor.v1.BekymringService/";
const LET: &str = "boligkontor.v1.LeieforholdService/";

/// A dwelling that somebody lives in, followed up by rop, and an empty one.
///
/// The worked cases of P7.leieforhold and P15.bekymring: who follows the tenant
/// up reads both; the office that is told of a concern reads nothing of it.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_of_a_dwelling_reaches_who_must_act_and_nobody_else() {
    let scene = Scene::start().await;
    let case = scene.case(NUMBERS[0]).await;
    life(&scene, &case.person).await;
}

/// A repair that is late is told to the office, by an event that is about no
/// person; nobody else hears of it.
///
/// Seen red: with one name pattern for every event.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_repair_is_told_to_the_office() {
    let clock = Arc::new(TestClock::new("2026-11-23T09:00:00Z".parse().unwrap()));
    let scene = Scene::on(clock.clone(), |_| {}).await;
    let office = scene
        .desk("boligkontor", Rolle::Boligforvalter, Formal::Tildeling)
        .await;
    let ready = taken_in(&office, &[("A-1", "MIDLERTIDIG")]).await;
    let request = MeldFeilRequest {
        parent: ready[0].name.clone(),
        request_id: request_id(),
        beskrivelse: "Ingen varme".to_owned(),
        hastegrad: Hastegrad::Akutt.into(),
    };
    ok::<_, MeldFeilResponse>(&office, &format!("{ORDERS}MeldFeil"), request).await;
    clock.set("2026-11-25T09:00:00Z".parse().unwrap());
    let told = async |unit: &str| {
        let desk = scene.desk(unit, Rolle::System, Formal::Ytelse).await;
        let request = AbonnerRequest {
            parent: format!("enheter/{unit}"),
            tjeneste: KONTORET.trim_start_matches("enheter/").to_owned(),
            etter: 0,
        };
        let method = "hendelse.v1.HendelseService/Abonner";
        desk.stream::<_, AbonnerResponse>(method, request)
            .await
            .unwrap()
    };
    let mut feed = told("boligkontor").await;
    let first = feed.message().await.unwrap().unwrap().hendelse.unwrap();
    assert_eq!(first.r#type, "FristBrutt");
    assert!(first.name.starts_with("enheter/boligkontor/hendelser/"));
    assert!(first.post.starts_with(&ready[0].name), "{}", first.post);
    let mut other = told("rop").await;
    let silence = tokio::time::timeout(Duration::from_millis(300), other.message());
    assert!(silence.await.is_err());
}

/// The same for a person who is followed up.
pub async fn life(scene: &Scene, tenant: &str) {
    let office = scene
        .desk("boligkontor", Rolle::Boligforvalter, Formal::Tildeling)
        .await;
    let nav = scene
        .desk("nav", Rolle::Saksbehandler, Formal::Tildeling)
        .await;
    let rows = [("A-1", "MIDLERTIDIG"), ("A-2", "MIDLERTIDIG")];
    let ready = taken_in(&office, &rows).await;
    let request = ReserverBoligRequest {
        parent: tenant.to_owned(),
        request_id: request_id(),
        bolig: ready[0].name.clone(),
        grunnlag: format!("{tenant}/opphold/0192f0a1-7b2c-7d3e-8f40-516273849506"),
        begrunnelse: "Ledig i natt. Sagt av Kanari Kvitterson.".to_owned(),
        ..Default::default()
    };
    let method = "boligkontor.v1.ReservasjonService/ReserverBolig";
    let held: ReserverBoligResponse = ok(&nav, method, request).await;
    let request = InngaKontraktRequest {
        name: held.reservasjon.unwrap().name,
        request_id: request_id(),
        oppfolgere: vec!["enheter/rop".to_owned()],
        ..Default::default()
    };
    let made: InngaKontraktResponse = ok(&office, &format!("{LET}InngaKontrakt"), request).await;
    let tenancy = made.reservasjon.unwrap().leieforhold;
    followed(scene, &tenancy).await;
    broken(scene, tenant, &tenancy, &ready[0].name).await;
    neighbours(scene, &ready[0].name, &ready[1].name).await;
    worried(scene, tenant, &ready).await;
}

/// Who allocated it and who follows the tenant up read the tenancy, for that.
async fn followed(scene: &Scene, tenancy: &str) {
    let request = HentLeieforholdRequest {
        name: tenancy.to_owned(),
    };
    let method = format!("{LET}HentLeieforhold");
    for (unit, role, purpose) in [
        ("rop", Rolle::Miljo, Formal::Oppfolging),
        ("nav", Rolle::Saksbehandler, Formal::Tildeling),
    ] {
        let desk = scene.desk(unit, role, purpose).await;
        let read: HentLeieforholdResponse = ok(&desk, &method, request.clone()).await;
        let read = read.leieforhold.unwrap();
        assert_eq!(read.oppfolgere, ["enheter/rop"], "{unit}");
        assert!(!read.bolig.is_empty(), "{unit}");
        assert!(read.etag.is_empty(), "{unit} may not change it");
    }
    let bom = scene
        .desk("bom", Rolle::Saksbehandler, Formal::Oppfolging)
        .await;
    let hidden = refused::<_, HentLeieforholdResponse>(&bom, &method, request).await;
    assert_eq!(reason(&hidden), Some(Feilgrunn::IkkeFunnet));
}

async fn broken(scene: &Scene, person: &str, tenancy: &str, dwelling: &str) {
    let office = scene
        .desk("boligkontor", Rolle::Boligforvalter, Formal::Tildeling)
        .await;
    let tenant = scene.person_desk(person).await;
    let home = scene.desk("rop", Rolle::Miljo, Formal::Oppfolging).await;
    let method = format!("{LET}MeldFeilILeieforhold");
    for desk in [&tenant, &home] {
        let request = MeldFeilILeieforholdRequest {
            name: tenancy.to_owned(),
            request_id: request_id(),
            beskrivelse: "Ingen varme".to_owned(),
            hastegrad: Hastegrad::Akutt.into(),
        };
        let told: MeldFeilILeieforholdResponse = ok(desk, &method, request).await;
        assert!(told.frist.is_some() && told.kvittering.is_some());
    }
    let request = MeldFeilRequest {
        parent: dwelling.to_owned(),
        request_id: request_id(),
        beskrivelse: "Tett sluk, sier Kanari Kvitterson".to_owned(),
        hastegrad: Hastegrad::Vanlig.into(),
    };
    ok::<_, MeldFeilResponse>(&office, &format!("{ORDERS}MeldFeil"), request).await;
    let request = ListApneArbeidsordrerRequest {
        parent: KONTORET.to_owned(),
        ..Default::default()
    };
    let method = format!("{ORDERS}ListApneArbeidsordrer");
    let open: ListApneArbeidsordrerResponse = ok(&office, &method, request.clone()).await;
    let urgency: Vec<_> = open
        .arbeidsordrer
        .iter()
        .map(Arbeidsordre::hastegrad)
        .collect();
    assert_eq!(
        urgency,
        [Hastegrad::Akutt, Hastegrad::Akutt, Hastegrad::Vanlig]
    );
    // The work list is the office's.
    refused::<_, ListApneArbeidsordrerResponse>(&home, &method, request).await;
    let [first, second, _] = open.arbeidsordrer.as_slice() else {
        unreachable!("three")
    };
    let request = BestillArbeidRequest {
        name: first.name.clone(),
        request_id: request_id(),
        planlagt_dag: samspor_chassis::domene::Dag::av(scene.mesh.now()).to_string(),
        utforer: "Rørlegger på vakt".to_owned(),
    };
    ok::<_, BestillArbeidResponse>(&office, &format!("{ORDERS}BestillArbeid"), request).await;
    let request = MeldArbeidUtfortRequest {
        name: first.name.clone(),
        request_id: request_id(),
    };
    ok::<_, MeldArbeidUtfortResponse>(&office, &format!("{ORDERS}MeldArbeidUtfort"), request).await;
    let request = LukkArbeidsordreRequest {
        name: first.name.clone(),
        request_id: request_id(),
    };
    ok::<_, LukkArbeidsordreResponse>(&office, &format!("{ORDERS}LukkArbeidsordre"), request).await;
    let request = AvvisArbeidsordreRequest {
        name: second.name.clone(),
        request_id: request_id(),
        begrunnelse: "Meldt to ganger, sier Kanari Kvitterson".to_owned(),
    };
    ok::<_, AvvisArbeidsordreResponse>(&office, &format!("{ORDERS}AvvisArbeidsordre"), request)
        .await;
    let request = HentArbeidsordreRequest {
        name: second.name.clone(),
    };
    let read: HentArbeidsordreResponse =
        ok(&office, &format!("{ORDERS}HentArbeidsordre"), request).await;
    assert_eq!(
        read.arbeidsordre.unwrap().tilstand(),
        ArbeidsordreTilstand::Avvist
    );
    let request = ListArbeidsordrerRequest {
        parent: dwelling.to_owned(),
        ..Default::default()
    };
    let all: ListArbeidsordrerResponse =
        ok(&office, &format!("{ORDERS}ListArbeidsordrer"), request).await;
    assert_eq!(all.arbeidsordrer.len(), 3);
}

/// The same words to both neighbours; only who manages dwellings reads what they
/// said.
async fn neighbours(scene: &Scene, inhabited: &str, empty: &str) {
    let office = scene
        .desk("boligkontor", Rolle::Boligforvalter, Formal::Oppfolging)
        .await;
    let mut answers = Vec::new();
    let mut names = Vec::new();
    for dwelling in [inhabited, empty] {
        let request = RegistrerNabohenvendelseRequest {
            parent: dwelling.to_owned(),
            request_id: request_id(),
            beskrivelse: "Bråk om natten hos Kanari Kvitterson".to_owned(),
            kontakt: "99 99 99 99".to_owned(),
        };
        let method = format!("{NEIGHBOURS}RegistrerNabohenvendelse");
        let told: RegistrerNabohenvendelseResponse = ok(&office, &method, request).await;
        let name = told.nabohenvendelse.unwrap().name;
        let request = StartNabohenvendelseRequest {
            name: name.clone(),
            request_id: request_id(),
        };
        let method = format!("{NEIGHBOURS}StartNabohenvendelse");
        ok::<_, StartNabohenvendelseResponse>(&office, &method, request).await;
        let request = BesvarNabohenvendelseRequest {
            name: name.clone(),
            request_id: request_id(),
        };
        let method = format!("{NEIGHBOURS}BesvarNabohenvendelse");
        let answered: BesvarNabohenvendelseResponse = ok(&office, &method, request).await;
        answers.push(answered.nabohenvendelse.unwrap().svar);
        names.push(name);
    }
    assert!(!answers[0].is_empty());
    assert_eq!(answers[0], answers[1]);
    let request = HentNabohenvendelseRequest {
        name: names.remove(0),
    };
    let method = format!("{NEIGHBOURS}HentNabohenvendelse");
    let read: HentNabohenvendelseResponse = ok(&office, &method, request.clone()).await;
    assert_eq!(read.nabohenvendelse.unwrap().kontakt, "99 99 99 99");
    for (unit, role) in [("rop", Rolle::Saksbehandler), ("boligkontor", Rolle::Miljo)] {
        let desk = scene.desk(unit, role, Formal::Oppfolging).await;
        let hidden =
            refused::<_, HentNabohenvendelseResponse>(&desk, &method, request.clone()).await;
        assert_eq!(reason(&hidden), Some(Feilgrunn::IkkeFunnet), "{unit}");
    }
    let request = ListNabohenvendelserRequest {
        parent: inhabited.to_owned(),
        ..Default::default()
    };
    let method = format!("{NEIGHBOURS}ListNabohenvendelser");
    let all: ListNabohenvendelserResponse = ok(&office, &method, request).await;
    assert_eq!(all.nabohenvendelser.len(), 1);
    let request = ListApneNabohenvendelserRequest {
        parent: KONTORET.to_owned(),
        ..Default::default()
    };
    let method = format!("{NEIGHBOURS}ListApneNabohenvendelser");
    let open: ListApneNabohenvendelserResponse = ok(&office, &method, request).await;
    assert_eq!(open.nabohenvendelser, []);
}

/// One way: the caretaker gets a receipt wherever it is about; rop, who follows
/// the tenant up, reads it and says what it does.
async fn worried(scene: &Scene, person: &str, dwellings: &[Bolig]) {
    let caretaker = scene
        .desk("boligkontor", Rolle::Inntak, Formal::Oppfolging)
        .await;
    for dwelling in dwellings {
        let request = MeldBekymringRequest {
            name: dwelling.name.clone(),
            request_id: request_id(),
            innhold: "Døren har stått åpen hos Kanari Kvitterson".to_owned(),
        };
        let method = format!("{CONCERNS}MeldBekymring");
        let told: MeldBekymringResponse = ok(&caretaker, &method, request).await;
        assert_eq!(told.kvittering.unwrap().referanse.len(), 36);
    }
    let request = ListBekymringerRequest {
        parent: person.to_owned(),
        ..Default::default()
    };
    let method = format!("{CONCERNS}ListBekymringer");
    let home = scene.desk("rop", Rolle::Miljo, Formal::Oppfolging).await;
    let listed: ListBekymringerResponse = ok(&home, &method, request.clone()).await;
    let [concern] = listed.bekymringer.as_slice() else {
        unreachable!("one")
    };
    assert!(concern.innhold.starts_with("Døren"));
    assert_eq!(concern.meldt_av, None, "who told it is not for them");
    let withheld = &concern.skjerming.as_ref().unwrap().klasser;
    assert!(
        withheld
            .iter()
            .any(|one| one.klasse() == Dataklasse::Tredjepart)
    );
    let read = HentBekymringRequest {
        name: concern.name.clone(),
    };
    let one = format!("{CONCERNS}HentBekymring");
    for role in [Rolle::Inntak, Rolle::Boligforvalter, Rolle::Saksbehandler] {
        let desk = scene.desk("boligkontor", role, Formal::Oppfolging).await;
        let hidden = refused::<_, HentBekymringResponse>(&desk, &one, read.clone()).await;
        assert_eq!(reason(&hidden), Some(Feilgrunn::IkkeFunnet), "{role:?}");
    }
    let request = BekreftBekymringRequest {
        name: concern.name.clone(),
        request_id: request_id(),
        tiltak: "Drar til Kanari Kvitterson i dag".to_owned(),
    };
    let method = format!("{CONCERNS}BekreftBekymring");
    let seen: BekreftBekymringResponse = ok(&home, &method, request).await;
    assert_eq!(
        seen.bekymring.unwrap().tilstand(),
        BekymringTilstand::Bekreftet
    );
    let own = scene.person_desk(person).await;
    let own: HentBekymringResponse = ok(&own, &one, read).await;
    assert_eq!(own.bekymring.unwrap().meldt_av, None);
}
