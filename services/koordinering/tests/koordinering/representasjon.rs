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
    a_mandate_takes_two_persons,
    a_representative_speaks_for_the_person_while_the_mandate_holds,
    a_fullmakt_is_the_persons_to_end,
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

/// A mandate that one registered and another confirmed.
async fn gi(benk: &Benk, request: RegistrerRepresentasjonRequest) -> Representasjon {
    let waits = registrer(benk, &leader(), request).await.unwrap();
    bekreft(benk, &Hvem::koordinerende(), &waits).await.unwrap()
}

/// Seen red: with what a LEDER registers in force at once.
async fn a_mandate_takes_two_persons(database: Database) {
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

    for (first, second) in [(Hvem::koordinerende(), leader()), (leader(), first.clone())] {
        let waits = registrer(&benk, &first, mandate(&person, &verge)).await;
        let waits = waits.unwrap();
        assert_eq!(waits.tilstand(), RepresentasjonTilstand::TilBekreftelse);
        assert_eq!(benk.gjelder(&person).await, [""; 0]);
        let alone = bekreft(&benk, &first, &waits).await.unwrap_err();
        assert_eq!(alone.grunn, Feilgrunn::IkkeTillatt);
        let held = bekreft(&benk, &second, &waits).await.unwrap();
        assert_eq!(
            benk.gjelder(&person).await,
            [format!("REPRESENTANT {verge}")]
        );
        assert_eq!(benk.gjelder(&verge).await, [""; 0], "not the other way");
        let twice = bekreft(&benk, &second, &held).await.unwrap_err();
        assert_eq!(twice.nokler["tilstand"], "GJELDENDE");
        let ended = avslutt(&benk, &first, &held).await.unwrap();
        assert_eq!(ended.tilstand(), RepresentasjonTilstand::Avsluttet);
        assert_eq!(benk.gjelder(&person).await, [""; 0]);
    }
}

/// Seen red: with every INNBYGGER accepted; with the mandates of the one id
/// that is acted on.
async fn a_representative_speaks_for_the_person_while_the_mandate_holds(database: Database) {
    let benk = Benk::start(&database).await;
    let (person, verge) = (benk.person(0).await, benk.person(1).await);
    let object = async |parent: &str| {
        let request = RegistrerReservasjonRequest {
            parent: parent.to_owned(),
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
    assert_eq!(object(&person).await, Err(Feilgrunn::IkkeFunnet));
    let mut request = mandate(&person, &verge);
    request.periode = Some(Periode {
        fra: None,
        til: Some(benk.clock.now().plus(Duration::from_hours(1)).to_proto()),
    });
    gi(&benk, request).await;
    let said = object(&person).await.unwrap();
    crate::reservasjon::opphev_som(&benk, &Hvem::innbygger(&verge), &said.name)
        .await
        .unwrap();

    // Under the id that remains, when the person has got another.
    let remains = benk.person(2).await;
    assert_eq!(object(&remains).await, Err(Feilgrunn::IkkeFunnet));
    crate::sammenslaing::sla_sammen(&benk, &remains, &person)
        .await
        .unwrap();
    object(&remains).await.unwrap();
    benk.clock.advance(Duration::from_hours(1));
    for id in [&person, &remains] {
        assert_eq!(object(id).await, Err(Feilgrunn::IkkeFunnet));
    }
}

/// The person ends the own fullmakt, under any id, and no vergemål; the
/// representative ends neither.
///
/// Seen red: with the koordinerende enhet alone; with any INNBYGGER whom the
/// gateway lets through; with a vergemål ended as a fullmakt is.
async fn a_fullmakt_is_the_persons_to_end(database: Database) {
    let benk = Benk::start(&database).await;
    let (person, other) = (benk.person(0).await, benk.person(1).await);
    let vergemal = gi(&benk, mandate(&person, &other)).await;
    let fullmakt = gi(
        &benk,
        RegistrerRepresentasjonRequest {
            grunnlag: Representasjonsgrunnlag::Fullmakt.into(),
            ..mandate(&person, &other)
        },
    )
    .await;
    let remains = benk.person(2).await;
    crate::sammenslaing::sla_sammen(&benk, &remains, &person)
        .await
        .unwrap();

    let (own, stranger) = (Hvem::innbygger(&remains), benk.person(3).await);
    let refused = avslutt(&benk, &own, &vergemal).await.unwrap_err();
    assert_eq!(refused.grunn, Feilgrunn::IkkeTillatt);
    assert_eq!(refused.nokler["regel"], "W6");
    let refused = avslutt(&benk, &Hvem::innbygger(&other), &fullmakt).await;
    assert_eq!(refused.unwrap_err().grunn, Feilgrunn::IkkeTillatt);
    let refused = avslutt(&benk, &Hvem::innbygger(&stranger), &fullmakt).await;
    assert_eq!(refused.unwrap_err().grunn, Feilgrunn::IkkeFunnet);
    let ended = avslutt(&benk, &own, &fullmakt).await.unwrap();
    assert_eq!(ended.tilstand(), RepresentasjonTilstand::Avsluttet);
}
