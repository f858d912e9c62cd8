//! Koordinering: the statutory koordinerende enhet (helse- og
//! omsorgstjenesteloven § 7-3).
//!
//! It owns who a person is to the mesh, and what the person has said about
//! sharing. Everybody else holds a pseudonymous id.
//!
//! - [`person`]: the index from identity number to id, encrypted at rest; the
//!   merge of two ids of one person.
//! - `samtykke`: consent, withdrawn at once.
//! - `reservasjon`: objection to sharing.
//! - `vern`: address protection, sperring and inhabilitet, by two persons.
//! - `ansvar`: read model of who answers for open needs, from events. Units
//!   address their first event about a person to this unit, which keeps the
//!   person's id from being purged as unused.
//!
//! What it decides reaches the gateway as facts: SAMTYKKE, RESERVASJON,
//! SPERRING, `ADRESSE_FORTROLIG`, `ADRESSE_STRENGT_FORTROLIG`, MANDAT, MANDAT_STRENGT, INHABIL and
//! SAMMENSLATT. What restricts is stated for every id of a person; what opens
//! only for the id it was given under.
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
mod reservasjon;
mod samtykke;
mod settings;
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
    AvvisForslagOmVernRequest, AvvisForslagOmVernResponse, BekreftOpphevingAvVernRequest,
    BekreftOpphevingAvVernResponse, BekreftSamtykkeRequest, BekreftSamtykkeResponse,
    BekreftVernRequest, BekreftVernResponse, ForeslaOpphevingAvVernRequest,
    ForeslaOpphevingAvVernResponse, ForeslaVernRequest, ForeslaVernResponse, GiSamtykkeRequest,
    GiSamtykkeResponse, HentPersonRequest, HentPersonResponse, HentReservasjonRequest,
    HentReservasjonResponse, HentSamtykkeRequest, HentSamtykkeResponse, HentVernRequest,
    HentVernResponse, ListReservasjonerRequest, ListReservasjonerResponse, ListSamtykkerRequest,
    ListSamtykkerResponse, ListVernRequest, ListVernResponse, OppdaterPersonRequest,
    OppdaterPersonResponse, OpphevReservasjonRequest, OpphevReservasjonResponse,
    RegistrerReservasjonRequest, RegistrerReservasjonResponse, SikrePersonRequest,
    SikrePersonResponse, SlaSammenPersonerRequest, SlaSammenPersonerResponse, TrekkSamtykkeRequest,
    TrekkSamtykkeResponse,
    person_service_server::{self, PersonServiceServer},
    reservasjon_mot_deling_service_server::{self, ReservasjonMotDelingServiceServer},
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
            .add_service(SamtykkeServiceServer::new(service.clone()))
            .add_service(ReservasjonMotDelingServiceServer::new(service.clone()))
            .add_service(VernServiceServer::new(service))
    }

    fn consumers() -> Vec<Consumer> {
        ["bestillerkontor", "rop"]
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
        write sla_sammen_personer(SlaSammenPersonerRequest) -> SlaSammenPersonerResponse = person::rpc::sla_sammen;
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
