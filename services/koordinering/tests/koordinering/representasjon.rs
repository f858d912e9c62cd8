//! Mandates to represent.

use std::time::Duration;

use samspor_chassis::{
    testing::{Database, request_id},
    tid::Clock as _,
};
use samspor_proto::{
    felles::{Feilgrunn, Hjemmel, Periode, Rolle},
    koordinering::{
        AvsluttRepresentasjonRequest, AvsluttRepresentasjonResponse, BekreftRepresentasjonRequest,
        BekreftRepresentasjonResponse, RegistrerRepresentasjonRequest,
        RegistrerRepresentasjonResponse, RegistrerReservasjonRequest, RegistrerReservasjonResponse,
        Representasjon, RepresentasjonTilstand, Representasjonsgrunnlag,
        registrer_reservasjon_request::Mot,
    },
};

use crate::benk::{Avslag, Benk, Hvem};

samspor_chassis::on_both_databases! {
    a_mandate_holds_by_a_leader_or_by_two,
    a_representative_speaks_for_the_person_while_the_mandate_holds,
}

fn leader() -> Hvem {
    let mut who = Hvem::koordinerende();
    (who.ansatt, who.rolle) = ("leder-k", Rolle::Leder);
    who
}

fn mandate(parent: &str, representant: &str) -> RegistrerRepresentasjonRequest {
    RegistrerRepresentasjonRequest {
        parent: parent.into(),
        request_id: request_id(),
        representant: representant.into(),
        grunnlag: Representasjonsgrunnlag::Vergemal.into(),
        hjemmel: Some(Hjemmel {
            lov: "vergemålsloven".into(),
            paragraf: "§ 31".into(),
        }),
        periode: None,
    }
}

async fn registrer(
    benk: &Benk,
    who: &Hvem,
    request: RegistrerRepresentasjonRequest,
) -> Result<Representasjon, Avslag> {
    let method = "RepresentasjonService/RegistrerRepresentasjon";
    let answer: RegistrerRepresentasjonResponse = benk.call(who, method, request).await?;
    Ok(answer.representasjon.unwrap())
}

async fn bekreft(benk: &Benk, who: &Hvem, held: &Representasjon) -> Result<Representasjon, Avslag> {
    let request = BekreftRepresentasjonRequest {
        name: held.name.clone(),
        request_id: request_id(),
        etag: held.etag.clone(),
    };
    let method = "RepresentasjonService/BekreftRepresentasjon";
    let answer: BekreftRepresentasjonResponse = benk.call(who, method, request).await?;
    Ok(answer.representasjon.unwrap())
}

async fn avslutt(benk: &Benk, who: &Hvem, held: &Representasjon) -> Result<Representasjon, Avslag> {
    let request = AvsluttRepresentasjonRequest {
        name: held.name.clone(),
        request_id: request_id(),
        etag: held.etag.clone(),
    };
    let method = "RepresentasjonService/AvsluttRepresentasjon";
    let answer: AvsluttRepresentasjonResponse = benk.call(who, method, request).await?;
    Ok(answer.representasjon.unwrap())
}

/// Seen red: with every registration in force at once.
async fn a_mandate_holds_by_a_leader_or_by_two(database: Database) {
    let benk = Benk::start(&database).await;
    let (person, verge) = (benk.person(0).await, benk.person(1).await);
    let first = Hvem::koordinerende();
    let outside = registrer(&benk, &Hvem::leder(), mandate(&person, &verge)).await;
    assert_eq!(outside.unwrap_err().grunn, Feilgrunn::IkkeTillatt);
    let own = registrer(&benk, &first, mandate(&person, &person)).await;
    assert_eq!(
        own.unwrap_err().felt,
        [("representant".to_owned(), Feilgrunn::FeltMotstrid)]
    );

    let waits = registrer(&benk, &first, mandate(&person, &verge)).await;
    let waits = waits.unwrap();
    assert_eq!(waits.tilstand(), RepresentasjonTilstand::TilBekreftelse);
    assert_eq!(benk.gjelder(&person).await, [""; 0]);
    let alone = bekreft(&benk, &first, &waits).await.unwrap_err();
    assert_eq!(alone.grunn, Feilgrunn::IkkeTillatt);
    let held = bekreft(&benk, &leader(), &waits).await.unwrap();
    let fact = [format!("REPRESENTANT {verge}")];
    assert_eq!(benk.gjelder(&person).await, fact);
    let twice = bekreft(&benk, &leader(), &held).await.unwrap_err();
    assert_eq!(twice.nokler["tilstand"], "GJELDENDE");
    let ended = avslutt(&benk, &first, &held).await.unwrap();
    assert_eq!(ended.tilstand(), RepresentasjonTilstand::Avsluttet);
    assert_eq!(benk.gjelder(&person).await, [""; 0]);

    let by_leader = registrer(&benk, &leader(), mandate(&person, &verge)).await;
    let state = by_leader.unwrap().tilstand();
    assert_eq!(state, RepresentasjonTilstand::Gjeldende);
    assert_eq!(benk.gjelder(&person).await, fact);
    assert_eq!(benk.gjelder(&verge).await, [""; 0], "not the other way");
}

/// Seen red: with every INNBYGGER accepted.
async fn a_representative_speaks_for_the_person_while_the_mandate_holds(database: Database) {
    let benk = Benk::start(&database).await;
    let (person, verge) = (benk.person(0).await, benk.person(1).await);
    let object = async || {
        let request = RegistrerReservasjonRequest {
            parent: person.clone(),
            request_id: request_id(),
            mot: Some(Mot::Enhet("enheter/nav".into())),
            ..RegistrerReservasjonRequest::default()
        };
        let who = Hvem::innbygger(&verge);
        let method = "ReservasjonMotDelingService/RegistrerReservasjon";
        let said: Result<RegistrerReservasjonResponse, _> = benk.call(&who, method, request).await;
        said.map(|answer| answer.reservasjon.unwrap())
            .map_err(|refused| refused.grunn)
    };
    assert_eq!(object().await, Err(Feilgrunn::IkkeFunnet));
    let mut request = mandate(&person, &verge);
    request.periode = Some(Periode {
        fra: None,
        til: Some(benk.clock.now().plus(Duration::from_hours(1)).to_proto()),
    });
    registrer(&benk, &leader(), request).await.unwrap();
    let said = object().await.unwrap();
    crate::reservasjon::opphev_som(&benk, &Hvem::innbygger(&verge), &said.name)
        .await
        .unwrap();
    benk.clock.advance(Duration::from_hours(1));
    assert_eq!(object().await, Err(Feilgrunn::IkkeFunnet));
}
