//! Reservasjon mot deling.

use samspor_chassis::{
    testing::{Database, request_id},
    tid::Clock as _,
};
use samspor_proto::{
    felles::{Feilgrunn, Rolle},
    koordinering::{
        HentReservasjonRequest, HentReservasjonResponse, ListReservasjonerRequest,
        ListReservasjonerResponse, OpphevReservasjonRequest, OpphevReservasjonResponse,
        RegistrerReservasjonRequest, RegistrerReservasjonResponse, ReservasjonMotDeling,
        ReservasjonMotDelingTilstand, Samtykkeform, registrer_reservasjon_request::Mot,
    },
};

use crate::benk::{Avslag, Benk, Hvem};

samspor_chassis::on_both_databases! {
    an_objection_holds_until_it_is_lifted,
    the_unit_that_it_is_against_does_not_lift_it,
    the_person_objects_for_herself,
    an_objection_of_another_person_is_not_found,
}

/// An objection against a unit, or against all.
pub(crate) async fn mot(
    benk: &Benk,
    parent: &str,
    enhet: Option<&str>,
) -> Result<ReservasjonMotDeling, Avslag> {
    let request = RegistrerReservasjonRequest {
        parent: parent.into(),
        request_id: request_id(),
        mot: Some(match enhet {
            Some(enhet) => Mot::Enhet(format!("enheter/{enhet}")),
            None => Mot::AlleEnheter(true),
        }),
        form: Samtykkeform::Skriftlig.into(),
        innhentet: Some(benk.clock.now().into()),
    };
    registrer(benk, &Hvem::saksbehandler(), request).await
}

async fn registrer(
    benk: &Benk,
    who: &Hvem,
    request: RegistrerReservasjonRequest,
) -> Result<ReservasjonMotDeling, Avslag> {
    let method = "ReservasjonMotDelingService/RegistrerReservasjon";
    let answer: RegistrerReservasjonResponse = benk.call(who, method, request).await?;
    Ok(answer.reservasjon.unwrap())
}

async fn opphev(benk: &Benk, name: &str) -> Result<ReservasjonMotDeling, Avslag> {
    opphev_som(benk, &Hvem::saksbehandler(), name).await
}

pub(crate) async fn opphev_som(
    benk: &Benk,
    who: &Hvem,
    name: &str,
) -> Result<ReservasjonMotDeling, Avslag> {
    let request = OpphevReservasjonRequest {
        name: name.into(),
        request_id: request_id(),
        form: Samtykkeform::Digital.into(),
        innhentet: Some(benk.clock.now().into()),
    };
    let method = "ReservasjonMotDelingService/OpphevReservasjon";
    let answer: OpphevReservasjonResponse = benk.call(who, method, request).await?;
    Ok(answer.reservasjon.unwrap())
}

async fn hent(benk: &Benk, name: &str) -> Result<ReservasjonMotDeling, Avslag> {
    let request = HentReservasjonRequest { name: name.into() };
    let method = "ReservasjonMotDelingService/HentReservasjon";
    let answer: HentReservasjonResponse =
        benk.call(&Hvem::saksbehandler(), method, request).await?;
    Ok(answer.reservasjon.unwrap())
}

async fn list(benk: &Benk, parent: &str, bare_gjeldende: bool) -> Vec<String> {
    let request = ListReservasjonerRequest {
        parent: parent.into(),
        bare_gjeldende,
        ..ListReservasjonerRequest::default()
    };
    let method = "ReservasjonMotDelingService/ListReservasjoner";
    let answer: ListReservasjonerResponse = benk
        .call(&Hvem::saksbehandler(), method, request)
        .await
        .unwrap();
    answer.reservasjoner.into_iter().map(|r| r.name).collect()
}

async fn an_objection_holds_until_it_is_lifted(database: Database) {
    let benk = Benk::start(&database).await;
    let person = benk.person(0).await;
    let one = mot(&benk, &person, Some("nav")).await.unwrap();
    assert_eq!(one.tilstand(), ReservasjonMotDelingTilstand::Gjeldende);
    let twice = mot(&benk, &person, Some("nav")).await.unwrap_err();
    assert_eq!(twice.grunn, Feilgrunn::Konflikt);
    benk.clock.advance(std::time::Duration::from_secs(1));
    let all = mot(&benk, &person, None).await.unwrap();
    assert_eq!(
        benk.gjelder(&person).await,
        ["RESERVASJON *", "RESERVASJON nav"]
    );
    assert_eq!(
        list(&benk, &person, true).await,
        [all.name.clone(), one.name.clone()]
    );

    let lifted = opphev(&benk, &one.name).await.unwrap();
    assert_eq!(lifted.tilstand(), ReservasjonMotDelingTilstand::Opphevet);
    assert_eq!(hent(&benk, &one.name).await.as_ref(), Ok(&lifted));
    assert_eq!(benk.gjelder(&person).await, ["RESERVASJON *"]);
    assert_eq!(
        list(&benk, &person, true).await,
        std::slice::from_ref(&all.name)
    );
    assert_eq!(
        list(&benk, &person, false).await,
        [all.name, one.name.clone()]
    );
    let again = opphev(&benk, &one.name).await.unwrap_err();
    assert_eq!(again.grunn, Feilgrunn::UgyldigOvergang);
    assert_eq!(again.nokler["tilstand"], "OPPHEVET");
    assert!(mot(&benk, &person, Some("nav")).await.is_ok());

    // The unit concerned and those who decide who delivers are told.
    assert_eq!(
        benk.hendelser("nav").await,
        [
            "ReservasjonRegistrert",
            "ReservasjonOpphevet",
            "ReservasjonRegistrert"
        ]
    );
    assert_eq!(benk.hendelser("bestillerkontor").await.len(), 4);
}

/// Seen red: without the look at who lifts it.
async fn the_unit_that_it_is_against_does_not_lift_it(database: Database) {
    let benk = Benk::start(&database).await;
    let person = benk.person(0).await;
    let nav = Hvem::new("nav", "n1", Rolle::Leder);
    let one = mot(&benk, &person, Some("nav")).await.unwrap();
    let all = mot(&benk, &person, None).await.unwrap();
    for name in [&one.name, &all.name] {
        let refused = opphev_som(&benk, &nav, name).await.unwrap_err();
        assert_eq!(refused.grunn, Feilgrunn::IkkeTillatt);
        assert_eq!(refused.nokler["regel"], "W6");
    }
    assert_eq!(
        benk.gjelder(&person).await,
        ["RESERVASJON *", "RESERVASJON nav"]
    );

    // Staff of another unit say how and when the person wished it.
    let silent = OpphevReservasjonRequest {
        name: one.name.clone(),
        request_id: request_id(),
        ..OpphevReservasjonRequest::default()
    };
    let method = "ReservasjonMotDelingService/OpphevReservasjon";
    let refused: Result<OpphevReservasjonResponse, _> =
        benk.call(&Hvem::saksbehandler(), method, silent).await;
    assert_eq!(refused.unwrap_err().felt.len(), 2);
    let lifted = opphev(&benk, &one.name).await.unwrap();
    assert_eq!(lifted.opphevet_form(), Samtykkeform::Digital);
    assert_eq!(lifted.opphevet_innhentet, Some(benk.clock.now().into()));

    // One against all: the koordinerende enhet, or the person.
    assert!(
        opphev_som(&benk, &Hvem::koordinerende(), &all.name)
            .await
            .is_ok()
    );
    let again = mot(&benk, &person, None).await.unwrap();
    assert!(
        opphev_som(&benk, &Hvem::innbygger(&person), &again.name)
            .await
            .is_ok()
    );
    assert_eq!(benk.gjelder(&person).await, [""; 0]);
}

async fn the_person_objects_for_herself(database: Database) {
    let benk = Benk::start(&database).await;
    let (person, other) = (benk.person(0).await, benk.person(1).await);
    let mut request = RegistrerReservasjonRequest {
        parent: person.clone(),
        request_id: request_id(),
        mot: Some(Mot::AlleEnheter(true)),
        ..RegistrerReservasjonRequest::default()
    };
    let stranger = registrer(&benk, &Hvem::innbygger(&other), request.clone()).await;
    assert_eq!(stranger.unwrap_err().grunn, Feilgrunn::IkkeFunnet);
    request.request_id = request_id();
    let own = registrer(&benk, &Hvem::innbygger(&person), request.clone())
        .await
        .unwrap();
    assert_eq!(own.form(), Samtykkeform::Digital);
    (request.mot, request.request_id) = (None, request_id());
    let nobody = registrer(&benk, &Hvem::innbygger(&person), request).await;
    assert_eq!(
        nobody.unwrap_err().felt,
        [("mot".to_owned(), Feilgrunn::FeltMangler)]
    );
}

async fn an_objection_of_another_person_is_not_found(database: Database) {
    let benk = Benk::start(&database).await;
    let (person, other) = (benk.person(0).await, benk.person(1).await);
    let objection = mot(&benk, &person, None).await.unwrap();
    let stolen = objection.name.replace(&person, &other);
    for refused in [hent(&benk, &stolen).await, opphev(&benk, &stolen).await] {
        assert_eq!(refused.unwrap_err().grunn, Feilgrunn::IkkeFunnet);
    }
}
