//! What is answered about an id that nobody has.

#![allow(
    clippy::needless_update,
    reason = "one macro for requests with and without further fields"
)]

use samspor_chassis::testing::{Database, request_id};
use samspor_proto::{felles::Feilgrunn, koordinering::*};

use crate::benk::{Benk, Hvem};

samspor_chassis::on_both_databases! {
    an_unknown_person_is_not_found_whatever_else_is_wrong,
}

/// Of a hidden person the gateway says that there is none. An id that is
/// unknown gets past it, so it must not be answered in any other way: not by
/// the role, not by the fields, not by an empty list.
///
/// Seen red: with the person looked up last, in turn in `ForeslaVern`,
/// `OppdaterPerson`, `ForeslaSammenslaing` and `ListVern`.
async fn an_unknown_person_is_not_found_whatever_else_is_wrong(database: Database) {
    let benk = Benk::start(&database).await;
    let nobody = "personer/3f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b34";
    let record = |collection: &str| format!("{nobody}/{collection}/{}", request_id());
    macro_rules! not_found {
        ($method:literal, $request:ident => $response:ident { $($field:tt)* }) => {{
            let request = $request { $($field)* ..$request::default() };
            for who in [Hvem::saksbehandler(), Hvem::koordinerende(), Hvem::leder()] {
                let answer: Result<$response, _> = benk.call(&who, $method, request.clone()).await;
                let refused = answer.expect_err($method);
                assert_eq!(refused.grunn, Feilgrunn::IkkeFunnet, "{} {who:?}", $method);
                assert_eq!(refused.felt, []);
            }
        }};
    }
    macro_rules! write_to {
        ($method:literal, $request:ident => $response:ident, $field:ident: $name:expr) => {
            not_found!($method, $request => $response {
                $field: $name,
                request_id: request_id(),
            })
        };
    }
    write_to!("PersonService/OppdaterPerson",
        OppdaterPersonRequest => OppdaterPersonResponse, name: nobody.into());
    write_to!("SammenslaingService/ForeslaSammenslaing",
        ForeslaSammenslaingRequest => ForeslaSammenslaingResponse, parent: nobody.into());
    write_to!("SammenslaingService/BekreftSammenslaing",
        BekreftSammenslaingRequest => BekreftSammenslaingResponse, name: record("sammenslainger"));
    write_to!("SammenslaingService/AvvisForslagOmSammenslaing",
        AvvisForslagOmSammenslaingRequest => AvvisForslagOmSammenslaingResponse,
        name: record("sammenslainger"));
    write_to!("SammenslaingService/ForeslaOpphevingAvSammenslaing",
        ForeslaOpphevingAvSammenslaingRequest => ForeslaOpphevingAvSammenslaingResponse,
        name: record("sammenslainger"));
    write_to!("SammenslaingService/BekreftOpphevingAvSammenslaing",
        BekreftOpphevingAvSammenslaingRequest => BekreftOpphevingAvSammenslaingResponse,
        name: record("sammenslainger"));
    write_to!("RepresentasjonService/RegistrerRepresentasjon",
        RegistrerRepresentasjonRequest => RegistrerRepresentasjonResponse, parent: nobody.into());
    write_to!("RepresentasjonService/BekreftRepresentasjon",
        BekreftRepresentasjonRequest => BekreftRepresentasjonResponse,
        name: record("representasjoner"));
    write_to!("RepresentasjonService/AvsluttRepresentasjon",
        AvsluttRepresentasjonRequest => AvsluttRepresentasjonResponse,
        name: record("representasjoner"));
    write_to!("SamtykkeService/GiSamtykke",
        GiSamtykkeRequest => GiSamtykkeResponse, parent: nobody.into());
    write_to!("SamtykkeService/BekreftSamtykke",
        BekreftSamtykkeRequest => BekreftSamtykkeResponse, name: record("samtykker"));
    write_to!("SamtykkeService/TrekkSamtykke",
        TrekkSamtykkeRequest => TrekkSamtykkeResponse, name: record("samtykker"));
    write_to!("ReservasjonMotDelingService/RegistrerReservasjon",
        RegistrerReservasjonRequest => RegistrerReservasjonResponse, parent: nobody.into());
    write_to!("ReservasjonMotDelingService/OpphevReservasjon",
        OpphevReservasjonRequest => OpphevReservasjonResponse,
        name: record("reservasjonerMotDeling"));
    write_to!("VernService/ForeslaVern",
        ForeslaVernRequest => ForeslaVernResponse, parent: nobody.into());
    write_to!("VernService/BekreftVern",
        BekreftVernRequest => BekreftVernResponse, name: record("vern"));
    write_to!("VernService/AvvisForslagOmVern",
        AvvisForslagOmVernRequest => AvvisForslagOmVernResponse, name: record("vern"));
    write_to!("VernService/ForeslaOpphevingAvVern",
        ForeslaOpphevingAvVernRequest => ForeslaOpphevingAvVernResponse, name: record("vern"));
    write_to!("VernService/BekreftOpphevingAvVern",
        BekreftOpphevingAvVernRequest => BekreftOpphevingAvVernResponse, name: record("vern"));
    not_found!("PersonService/HentPerson",
        HentPersonRequest => HentPersonResponse { name: nobody.into(), });
    for page_size in [0, 1_000] {
        not_found!("SamtykkeService/ListSamtykker",
            ListSamtykkerRequest => ListSamtykkerResponse { parent: nobody.into(), page_size, });
        not_found!("ReservasjonMotDelingService/ListReservasjoner",
            ListReservasjonerRequest => ListReservasjonerResponse { parent: nobody.into(), page_size, });
        not_found!("SammenslaingService/ListSammenslainger",
            ListSammenslaingerRequest => ListSammenslaingerResponse { parent: nobody.into(), page_size, });
        not_found!("VernService/ListVern",
            ListVernRequest => ListVernResponse { parent: nobody.into(), page_size, });
    }
}
