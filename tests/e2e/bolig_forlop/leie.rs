//! A tenancy through the gateway: made, followed, in arrears, ended; and what
//! each unit sees of the joint case.

use samspor_proto::{
    boligkontor::*,
    felles::{Feilgrunn, Rolle},
    tilgang::{Dataklasse, Formal},
};

use super::taken_in;
use crate::scene::*;

const HELD: &str = "boligkontor.v1.ReservasjonService/";
const LET: &str = "boligkontor.v1.LeieforholdService/";
const ARREARS: &str = "boligkontor.v1.RestansesakService/";

/// From a reservation to the keys back, with a joint case between (K7, N4), and
/// the worked case of P12: Nav in the case reads what is owed, while it is open.
#[tokio::test(flavor = "multi_thread")]
async fn a_tenancy_goes_through_arrears_to_its_end() {
    let scene = Scene::start().await;
    let case = scene.case(NUMBERS[0]).await;
    let_to(&scene, &case.person).await;
}

/// The same for a person who is followed up.
pub async fn let_to(scene: &Scene, tenant: &str) {
    let office = scene
        .desk("boligkontor", Rolle::Boligforvalter, Formal::Tildeling)
        .await;
    let decider = scene
        .desk("boligkontor", Rolle::Beslutter, Formal::Tildeling)
        .await;
    let person = scene.person_desk(tenant).await;
    let nav = scene
        .desk("nav", Rolle::Saksbehandler, Formal::Tildeling)
        .await;
    let rows = [("A-1", "MIDLERTIDIG"), ("A-2", "MIDLERTIDIG")];
    let ready = taken_in(&office, &rows).await;
    let mut tenancies = Vec::new();
    for dwelling in &ready {
        let request = ReserverBoligRequest {
            parent: tenant.to_owned(),
            request_id: request_id(),
            bolig: dwelling.name.clone(),
            grunnlag: format!("{tenant}/opphold/0192f0a1-7b2c-7d3e-8f40-516273849506"),
            begrunnelse: "Ledig i natt. Sagt av Kanari Kvitterson.".to_owned(),
            ..Default::default()
        };
        let held: ReserverBoligResponse = ok(&nav, &format!("{HELD}ReserverBolig"), request).await;
        let request = InngaKontraktRequest {
            name: held.reservasjon.unwrap().name,
            request_id: request_id(),
            flere: "Flytter mellom to rom, sier Kanari Kvitterson".to_owned(),
            oppfolgere: vec!["enheter/rop".to_owned()],
            ..Default::default()
        };
        let made: InngaKontraktResponse =
            ok(&office, &format!("{LET}InngaKontrakt"), request).await;
        tenancies.push(made.reservasjon.unwrap().leieforhold);
    }
    let read = async |name: &str| {
        let request = HentLeieforholdRequest {
            name: name.to_owned(),
        };
        let read: HentLeieforholdResponse =
            ok(&office, &format!("{LET}HentLeieforhold"), request).await;
        read.leieforhold.unwrap()
    };
    let first = read(&tenancies[0]).await;
    assert_eq!(first.tilstand(), LeieforholdTilstand::Lopende);
    let request = ForlengLeieforholdRequest {
        name: first.name.clone(),
        request_id: request_id(),
        etag: first.etag,
        ..Default::default()
    };
    let method = format!("{LET}ForlengLeieforhold");
    refused::<_, ForlengLeieforholdResponse>(&office, &method, request.clone()).await;
    ok::<_, ForlengLeieforholdResponse>(&decider, &method, request).await;
    let request = MeldOppfolgingAvslattRequest {
        name: first.name.clone(),
        request_id: request_id(),
        beskrivelse: "Vil være i fred for Kanari Kvitterson".to_owned(),
    };
    let method = format!("{LET}MeldOppfolgingAvslatt");
    ok::<_, MeldOppfolgingAvslattResponse>(&person, &method, request).await;

    let allowed = joint_case(scene, tenant, &first.name).await;
    let request = SiOppLeieforholdRequest {
        name: first.name.clone(),
        request_id: request_id(),
        etag: read(&first.name).await.etag,
        grunn: Oppsigelsesgrunn::Restanse.into(),
        begrunnelse: "Skylder husleie, sier Kanari Kvitterson".to_owned(),
        hjemmel: Some(basis("§ 9-5")),
        underretning: "Brev med rett til å protestere, til Kanari Kvitterson".to_owned(),
        restansesak: allowed,
        ..Default::default()
    };
    let method = format!("{LET}SiOppLeieforhold");
    let notice: SiOppLeieforholdResponse = ok(&decider, &method, request.clone()).await;
    // Found a way, and then another reason.
    let back = TrekkOppsigelseRequest {
        name: first.name.clone(),
        request_id: request_id(),
        etag: notice.leieforhold.unwrap().etag,
        begrunnelse: "Har betalt, sier Kanari Kvitterson".to_owned(),
        onske: String::new(),
    };
    let taken = format!("{LET}TrekkOppsigelse");
    let clerk = refused::<_, TrekkOppsigelseResponse>(&office, &taken, back.clone()).await;
    assert_eq!(reason(&clerk), Some(Feilgrunn::IkkeTillatt));
    let back: TrekkOppsigelseResponse = ok(&decider, &taken, back).await;
    let back = back.leieforhold.unwrap();
    assert_eq!(back.tilstand(), LeieforholdTilstand::Lopende);
    let again = SiOppLeieforholdRequest {
        request_id: request_id(),
        etag: back.etag,
        grunn: Oppsigelsesgrunn::Boligen.into(),
        restansesak: String::new(),
        ..request
    };
    ok::<_, SiOppLeieforholdResponse>(&decider, &method, again).await;
    let request = MeldFlyttingRequest {
        name: tenancies[1].clone(),
        request_id: request_id(),
        siste_dag: samspor_chassis::domene::Dag::av(scene.mesh.now()).to_string(),
        begrunnelse: "Til Kanari Kvitterson".to_owned(),
        onske: String::new(),
    };
    ok::<_, MeldFlyttingResponse>(&person, &format!("{LET}MeldFlytting"), request).await;
    for name in &tenancies {
        let request = AvsluttLeieforholdRequest {
            name: name.clone(),
            request_id: request_id(),
            etag: read(name).await.etag,
            begrunnelse: "Nøkkelen fikk Kanari Kvitterson".to_owned(),
        };
        let method = format!("{LET}AvsluttLeieforhold");
        let ended: AvsluttLeieforholdResponse = ok(&office, &method, request).await;
        let ended = ended.leieforhold.unwrap();
        assert_eq!(ended.tilstand(), LeieforholdTilstand::Avsluttet);
    }
    let request = ListLeieforholdRequest {
        parent: tenant.to_owned(),
        ..Default::default()
    };
    let own: ListLeieforholdResponse = ok(&person, &format!("{LET}ListLeieforhold"), request).await;
    assert_eq!(own.leieforhold.len(), 2);
    assert!(own.leieforhold.iter().all(|one| one.flere.is_empty()));
}

/// A case that was paid, and one in which the units answered and met; the name
/// of the latter.
async fn joint_case(scene: &Scene, person: &str, tenancy: &str) -> String {
    let office = scene
        .desk("boligkontor", Rolle::Boligforvalter, Formal::Tildeling)
        .await;
    let today = samspor_chassis::domene::Dag::av(scene.mesh.now()).to_string();
    let request = |units: [&str; 2]| RegistrerRestanseRequest {
        parent: person.to_owned(),
        request_id: request_id(),
        leieforhold: tenancy.to_owned(),
        belop: 17_000,
        siden: today.clone(),
        parter: units.map(str::to_owned).into(),
    };
    let open = async || {
        let request = request(["enheter/nav", "enheter/rop"]);
        let method = format!("{ARREARS}RegistrerRestanse");
        let opened: RegistrerRestanseResponse = ok(&office, &method, request).await;
        opened.restansesak.unwrap()
    };
    // A unit that the municipality does not have would answer nothing.
    let nobody = request(["enheter/nav", "enheter/ropp"]);
    let method = format!("{ARREARS}RegistrerRestanse");
    let unknown = refused::<_, RegistrerRestanseResponse>(&office, &method, nobody).await;
    assert_eq!(reason(&unknown), Some(Feilgrunn::UgyldigForesporsel));
    let paid = open().await;
    let request = OppdaterRestanseRequest {
        name: paid.name.clone(),
        request_id: request_id(),
        etag: paid.etag,
        belop: 0,
    };
    let method = format!("{ARREARS}OppdaterRestanse");
    ok::<_, OppdaterRestanseResponse>(&office, &method, request).await;
    // The office does not say for the tenant what the case just kept from it.
    let request = MeldFlyttingRequest {
        name: tenancy.to_owned(),
        request_id: request_id(),
        siste_dag: today.clone(),
        begrunnelse: String::new(),
        onske: "«Jeg flytter», sier Kanari Kvitterson".to_owned(),
    };
    let method = format!("{LET}MeldFlytting");
    let said = refused::<_, MeldFlyttingResponse>(&office, &method, request).await;
    assert_eq!(reason(&said), Some(Feilgrunn::UgyldigForesporsel));
    let sak = open().await;
    let request = HentRestansesakRequest {
        name: sak.name.clone(),
    };
    let method = format!("{ARREARS}HentRestansesak");
    for unit in ["nav", "rop"] {
        let desk = scene
            .desk(unit, Rolle::Saksbehandler, Formal::ForebyggeUtkastelse)
            .await;
        // Only for the purpose, and with the case that it is about.
        let silent = refused::<_, HentRestansesakResponse>(&desk, &method, request.clone()).await;
        assert_eq!(reason(&silent), Some(Feilgrunn::SakIkkeApen));
        let closed = desk.with_case(&paid.name);
        let closed = refused::<_, HentRestansesakResponse>(&closed, &method, request.clone()).await;
        assert_eq!(reason(&closed), Some(Feilgrunn::SakIkkeApen));
        let desk = desk.with_case(&sak.name);
        let seen: HentRestansesakResponse = ok(&desk, &method, request.clone()).await;
        let seen = seen.restansesak.unwrap();
        assert_eq!((seen.belop, seen.parter.len()), (17_000, 2));
        let other = desk.with_purpose(Formal::Oppfolging);
        let other = refused::<_, HentRestansesakResponse>(&other, &method, request.clone()).await;
        assert_eq!(reason(&other), Some(Feilgrunn::IkkeFunnet));
        let answer = SvarRestansesakRequest {
            name: sak.name.clone(),
            request_id: request_id(),
            tiltak: "Snakker med Kanari Kvitterson".to_owned(),
        };
        let method = format!("{ARREARS}SvarRestansesak");
        ok::<_, SvarRestansesakResponse>(&desk, &method, answer).await;
    }
    let home = scene
        .desk("rop", Rolle::Miljo, Formal::ForebyggeUtkastelse)
        .await
        .with_case(&sak.name);
    let seen: HentRestansesakResponse = ok(&home, &method, request.clone()).await;
    let seen = seen.restansesak.unwrap();
    assert_eq!(seen.belop, 0, "who visits does not read what is owed");
    let withheld = seen.skjerming.unwrap().klasser;
    assert!(
        withheld
            .iter()
            .any(|one| one.klasse() == Dataklasse::OkonomiRestanse)
    );
    let now: HentRestansesakResponse = ok(&office, &method, request).await;
    let request = RegistrerRestansemoteRequest {
        name: sak.name.clone(),
        request_id: request_id(),
        etag: now.restansesak.unwrap().etag,
        dag: today,
        leietaker_deltok: true,
        utfall: "Ingen løsning hos Kanari Kvitterson".to_owned(),
    };
    let method = format!("{ARREARS}RegistrerRestansemote");
    let met: RegistrerRestansemoteResponse = ok(&office, &method, request).await;
    let decider = scene
        .desk("boligkontor", Rolle::Beslutter, Formal::Tildeling)
        .await;
    let request = AvgjorRestansesakRequest {
        name: sak.name.clone(),
        request_id: request_id(),
        etag: met.restansesak.unwrap().etag,
        utfall: Restanseutfall::OppsigelseTillatt.into(),
        begrunnelse: "Alt er prøvd, sier Kanari Kvitterson".to_owned(),
    };
    let method = format!("{ARREARS}AvgjorRestansesak");
    ok::<_, AvgjorRestansesakResponse>(&decider, &method, request).await;
    let owner = scene.person_desk(person).await;
    let request = ListRestansesakerRequest {
        parent: person.to_owned(),
        ..Default::default()
    };
    let method = format!("{ARREARS}ListRestansesaker");
    let own: ListRestansesakerResponse = ok(&owner, &method, request).await;
    assert_eq!(own.restansesaker.len(), 2);
    sak.name
}
