//! Koordinering: the statutory koordinerende enhet (helse- og
//! omsorgstjenesteloven § 7-3).
//!
//! It owns who a person is to the mesh, and what the person has said about
//! sharing. Everybody else holds a pseudonymous id.
//!
//! - [`person`]: the index from identity number to id, encrypted at rest.
//! - `sammenslaing`: two ids are one person, by two persons.
//! - `representasjon`: who may act for the person.
//! - `samtykke`: consent, withdrawn at once.
//! - `reservasjon`: objection to sharing.
//! - `vern`: address protection, sperring and inhabilitet, by two persons.
//! - `ansvar`: read model of who answers for open needs, from events. Units
//!   address their first event about a person to this unit, which keeps the
//!   person's id from being purged as unused.
//!
//! What it decides reaches the gateway as facts: SAMTYKKE, RESERVASJON,
//! SPERRING, `ADRESSE_FORTROLIG`, `ADRESSE_STRENGT_FORTROLIG`, MANDAT, MANDAT_STRENGT, INHABIL,
//! REPRESENTANT and SAMMENSLATT. What restricts is stated for every id of a person, from the
//! proposal of a merge on. What opens is stated for the id it was given under;
//! while a merge is confirmed, the gateway counts it for the other ids too.
//! Mandates are stated for every id: whom all protections of a kind name.
//!
//! A new resource is a folder of the same shape: `mod.rs` (record and states),
//! `rules.rs` (pure), `store.rs` (SQL), `rpc.rs` (one function per RPC), a
//! migration, and its rows in the tables below.

mod ansvar;
mod frister;
pub mod historie;
mod innbygger;
mod kolonne;
mod krets;
pub mod nokler;
pub mod person;
mod representasjon;
mod reservasjon;
mod sammenslaing;
mod samtykke;
mod settings;
mod tosteg;
mod vern;
mod vilje;

pub use settings::Settings;

use futures::future::BoxFuture;
use samspor_chassis::{
    deadlines::DueDeadline,
    domene::{Aktor, navn},
    error::Error,
    feeds::Consumer,
    server::{Agency, Chassis},
    store::{Migrations, Tx},
};
use samspor_proto::koordinering::{
    AvsluttRepresentasjonRequest, AvsluttRepresentasjonResponse, AvvisForslagOmSammenslaingRequest,
    AvvisForslagOmSammenslaingResponse, AvvisForslagOmVernRequest, AvvisForslagOmVernResponse,
    BekreftOpphevingAvSammenslaingRequest, BekreftOpphevingAvSammenslaingResponse,
    BekreftOpphevingAvVernRequest, BekreftOpphevingAvVernResponse, BekreftRepresentasjonRequest,
    BekreftRepresentasjonResponse, BekreftSammenslaingRequest, BekreftSammenslaingResponse,
    BekreftSamtykkeRequest, BekreftSamtykkeResponse, BekreftVernRequest, BekreftVernResponse,
    ForeslaOpphevingAvSammenslaingRequest, ForeslaOpphevingAvSammenslaingResponse,
    ForeslaOpphevingAvVernRequest, ForeslaOpphevingAvVernResponse, ForeslaSammenslaingRequest,
    ForeslaSammenslaingResponse, ForeslaVernRequest, ForeslaVernResponse, GiSamtykkeRequest,
    GiSamtykkeResponse, HentPersonRequest, HentPersonResponse, HentRepresentasjonRequest,
    HentRepresentasjonResponse, HentReservasjonRequest, HentReservasjonResponse,
    HentSammenslaingRequest, HentSammenslaingResponse, HentSamtykkeRequest, HentSamtykkeResponse,
    HentVernRequest, HentVernResponse, ListRepresentasjonerRequest, ListRepresentasjonerResponse,
    ListReservasjonerRequest, ListReservasjonerResponse, ListSammenslaingerRequest,
    ListSammenslaingerResponse, ListSamtykkerRequest, ListSamtykkerResponse, ListVernRequest,
    ListVernResponse, OppdaterPersonRequest, OppdaterPersonResponse, OpphevReservasjonRequest,
    OpphevReservasjonResponse, RegistrerRepresentasjonRequest, RegistrerRepresentasjonResponse,
    RegistrerReservasjonRequest, RegistrerReservasjonResponse, SikrePersonRequest,
    SikrePersonResponse, TrekkSamtykkeRequest, TrekkSamtykkeResponse,
    person_service_server::{self, PersonServiceServer},
    representasjon_service_server::{self, RepresentasjonServiceServer},
    reservasjon_mot_deling_service_server::{self, ReservasjonMotDelingServiceServer},
    sammenslaing_service_server::{self, SammenslaingServiceServer},
    samtykke_service_server::{self, SamtykkeServiceServer},
    vern_service_server::{self, VernServiceServer},
};
use tonic::service::Routes;

/// The unit that this service is.
const ENHET: &str = "koordinering";

const MIGRATIONS: Migrations = &[
    ("0001_person", include_str!("../migrations/0001_person.sql")),
    (
        "0002_samtykke",
        include_str!("../migrations/0002_samtykke.sql"),
    ),
    ("0003_vern", include_str!("../migrations/0003_vern.sql")),
    (
        "0004_bekreftelse",
        include_str!("../migrations/0004_bekreftelse.sql"),
    ),
    (
        "0005_sammenslaing",
        include_str!("../migrations/0005_sammenslaing.sql"),
    ),
    (
        "0006_representasjon",
        include_str!("../migrations/0006_representasjon.sql"),
    ),
    (
        "0007_krysser_fra",
        include_str!("../migrations/0007_krysser_fra.sql"),
    ),
    (
        "0008_representasjon_av_to",
        include_str!("../migrations/0008_representasjon_av_to.sql"),
    ),
    (
        "0009_samtykke_post",
        include_str!("../migrations/0009_samtykke_post.sql"),
    ),
];

/// The service of the koordinerende enhet. Started with [`Settings`].
#[derive(Clone)]
pub struct Koordinering {
    chassis: Chassis,
}

impl Agency for Koordinering {
    const NAME: &'static str = "koordinering";

    fn migrations() -> Migrations {
        MIGRATIONS
    }

    fn routes(chassis: Chassis) -> Routes {
        let service = Self { chassis };
        Routes::new(PersonServiceServer::new(service.clone()))
            .add_service(RepresentasjonServiceServer::new(service.clone()))
            .add_service(SammenslaingServiceServer::new(service.clone()))
            .add_service(SamtykkeServiceServer::new(service.clone()))
            .add_service(ReservasjonMotDelingServiceServer::new(service.clone()))
            .add_service(VernServiceServer::new(service))
    }

    fn consumers() -> Vec<Consumer> {
        ["bestillerkontor", "boligkontor", "rop"]
            .map(|from| Consumer {
                from,
                enhet: ENHET,
                apply: ansvar::bruk,
            })
            .into()
    }

    fn on_deadline(tx: &mut Tx, deadline: DueDeadline) -> BoxFuture<'_, Result<(), Error>> {
        frister::ved_frist(tx, deadline)
    }
}

samspor_chassis::rpc! {
    impl person_service_server::PersonService for Koordinering {
        write sikre_person(SikrePersonRequest) -> SikrePersonResponse = person::rpc::sikre;
        read hent_person(HentPersonRequest) -> HentPersonResponse = person::rpc::hent;
        write oppdater_person(OppdaterPersonRequest) -> OppdaterPersonResponse = person::rpc::oppdater;
    }
}

samspor_chassis::rpc! {
    impl sammenslaing_service_server::SammenslaingService for Koordinering {
        write foresla_sammenslaing(ForeslaSammenslaingRequest) -> ForeslaSammenslaingResponse = sammenslaing::rpc::foresla;
        write bekreft_sammenslaing(BekreftSammenslaingRequest) -> BekreftSammenslaingResponse = sammenslaing::rpc::bekreft;
        write avvis_forslag_om_sammenslaing(AvvisForslagOmSammenslaingRequest) -> AvvisForslagOmSammenslaingResponse = sammenslaing::rpc::avvis;
        write foresla_oppheving_av_sammenslaing(ForeslaOpphevingAvSammenslaingRequest) -> ForeslaOpphevingAvSammenslaingResponse = sammenslaing::rpc::foresla_oppheving;
        write bekreft_oppheving_av_sammenslaing(BekreftOpphevingAvSammenslaingRequest) -> BekreftOpphevingAvSammenslaingResponse = sammenslaing::rpc::bekreft_oppheving;
        read hent_sammenslaing(HentSammenslaingRequest) -> HentSammenslaingResponse = sammenslaing::rpc::hent;
        read list_sammenslainger(ListSammenslaingerRequest) -> ListSammenslaingerResponse = sammenslaing::rpc::list;
    }
}

samspor_chassis::rpc! {
    impl representasjon_service_server::RepresentasjonService for Koordinering {
        write registrer_representasjon(RegistrerRepresentasjonRequest) -> RegistrerRepresentasjonResponse = representasjon::rpc::registrer;
        write bekreft_representasjon(BekreftRepresentasjonRequest) -> BekreftRepresentasjonResponse = representasjon::rpc::bekreft;
        write avslutt_representasjon(AvsluttRepresentasjonRequest) -> AvsluttRepresentasjonResponse = representasjon::rpc::avslutt;
        read hent_representasjon(HentRepresentasjonRequest) -> HentRepresentasjonResponse = representasjon::rpc::hent;
        read list_representasjoner(ListRepresentasjonerRequest) -> ListRepresentasjonerResponse = representasjon::rpc::list;
    }
}

samspor_chassis::rpc! {
    impl samtykke_service_server::SamtykkeService for Koordinering {
        write gi_samtykke(GiSamtykkeRequest) -> GiSamtykkeResponse = samtykke::rpc::gi;
        write bekreft_samtykke(BekreftSamtykkeRequest) -> BekreftSamtykkeResponse = samtykke::rpc::bekreft;
        write trekk_samtykke(TrekkSamtykkeRequest) -> TrekkSamtykkeResponse = samtykke::rpc::trekk;
        read hent_samtykke(HentSamtykkeRequest) -> HentSamtykkeResponse = samtykke::rpc::hent;
        read list_samtykker(ListSamtykkerRequest) -> ListSamtykkerResponse = samtykke::rpc::list;
    }
}

samspor_chassis::rpc! {
    impl reservasjon_mot_deling_service_server::ReservasjonMotDelingService for Koordinering {
        write registrer_reservasjon(RegistrerReservasjonRequest) -> RegistrerReservasjonResponse = reservasjon::rpc::registrer;
        write opphev_reservasjon(OpphevReservasjonRequest) -> OpphevReservasjonResponse = reservasjon::rpc::opphev;
        read hent_reservasjon(HentReservasjonRequest) -> HentReservasjonResponse = reservasjon::rpc::hent;
        read list_reservasjoner(ListReservasjonerRequest) -> ListReservasjonerResponse = reservasjon::rpc::list;
    }
}

samspor_chassis::rpc! {
    impl vern_service_server::VernService for Koordinering {
        write foresla_vern(ForeslaVernRequest) -> ForeslaVernResponse = vern::rpc::foresla;
        write bekreft_vern(BekreftVernRequest) -> BekreftVernResponse = vern::rpc::bekreft;
        write avvis_forslag_om_vern(AvvisForslagOmVernRequest) -> AvvisForslagOmVernResponse = vern::rpc::avvis;
        write foresla_oppheving_av_vern(ForeslaOpphevingAvVernRequest) -> ForeslaOpphevingAvVernResponse = vern::rpc::foresla_oppheving;
        write bekreft_oppheving_av_vern(BekreftOpphevingAvVernRequest) -> BekreftOpphevingAvVernResponse = vern::rpc::bekreft_oppheving;
        read hent_vern(HentVernRequest) -> HentVernResponse = vern::rpc::hent;
        read list_vern(ListVernRequest) -> ListVernResponse = vern::rpc::list;
    }
}
