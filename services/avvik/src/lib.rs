//! Avvik: what went wrong between the agencies, and what came of it.
//!
//! The service owns no avvik: a unit answers for each, at every step
//! ([`avvik`]). What an avvik says about persons is held apart ([`detalj`]),
//! what it is asked about is data ([`sporsmal`]), and the unit that reported it
//! has an entry for each step ([`melding`]). Who must not be recognised reports
//! without a name ([`anonym`]) and has a code instead ([`kode`]). In `avvik`, `mod.rs` has the record
//! and its states, `rules.rs` what may happen to it (pure), `rpc.rs` the
//! contract and what follows from a step, `store.rs` the SQL.
//!
//! Who is party to an avvik is stated as facts about the case's id, so that the
//! gateway decides before anything is looked up. One fact for each record: the
//! avvik for every party, its detail for those that report or take a part.
//!
//! What the other services must not leave raises an avvik by itself ([`kilder`]).
//! What happens is counted by the month ([`statistikk`]).
//!
//! A new verb: the contract (`proto/samspor/avvik/v1`), a row in each of the
//! tables in `avvik/rules.rs` and a pure function there, a step in [`melding`], a
//! thin function in `avvik/rpc.rs`, a line in the table below, a column in
//! `tests/data/*.csv`. A new question: lines in `data/sporsmal.toml`.

mod anonym;
#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests"
)]
mod anonymprove;
mod avvik;
mod detalj;
mod dialog;
mod innmelding;
mod innstillinger;
mod kilder;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod kilderprove;
mod kode;
mod lesing;
mod melding;
#[cfg(test)]
mod planprove;
mod sporsmal;
mod statistikk;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod svarprove;

use futures::{FutureExt as _, future::BoxFuture};
use samspor_chassis::{
    deadlines::DueDeadline,
    error::Error,
    feeds::Consumer,
    server::{Agency, Chassis},
    store::{Migrations, Tx},
};
use samspor_proto::avvik::{
    AksepterDelRequest, AksepterDelResponse, BesvarTilbakemeldingRequest,
    BesvarTilbakemeldingResponse, FerdigstillDelRequest, FerdigstillDelResponse, ForeslaDelRequest,
    ForeslaDelResponse, GiTilbakemeldingRequest, GiTilbakemeldingResponse, GjenapneAvvikRequest,
    GjenapneAvvikResponse, GjenopptaAvvikRequest, GjenopptaAvvikResponse, HentAvvikMedKodeRequest,
    HentAvvikMedKodeResponse, HentAvvikRequest, HentAvvikResponse, HentAvviksdetaljRequest,
    HentAvviksdetaljResponse, HentAvviksdialogRequest, HentAvviksdialogResponse,
    HentAvvikstallRequest, HentAvvikstallResponse, HentPublisertAvvikstallRequest,
    HentPublisertAvvikstallResponse, KvitterAvviksmeldingRequest, KvitterAvviksmeldingResponse,
    ListAvvikRequest, ListAvvikResponse, ListAvviksmeldingerRequest, ListAvviksmeldingerResponse,
    ListSporsmalssettRequest, ListSporsmalssettResponse, LukkAvvikRequest, LukkAvvikResponse,
    MeldAvvikAnonymtRequest, MeldAvvikAnonymtResponse, MeldAvvikRequest, MeldAvvikResponse,
    MeldTiltakUtfortRequest, MeldTiltakUtfortResponse, MerkDuplikatRequest, MerkDuplikatResponse,
    PubliserAvvikstallRequest, PubliserAvvikstallResponse, RegistrerArsakRequest,
    RegistrerArsakResponse, RegistrerEffektkontrollRequest, RegistrerEffektkontrollResponse,
    RegistrerTiltakRequest, RegistrerTiltakResponse, ReturnerDelRequest, ReturnerDelResponse,
    SettAvvikPaVentRequest, SettAvvikPaVentResponse, SporMelderRequest, SporMelderResponse,
    SvarMedKodeRequest, SvarMedKodeResponse, VurderAlvorlighetRequest, VurderAlvorlighetResponse,
    anonymt_avvik_service_server, avvik_service_server, avviksdetalj_service_server,
    avviksdialog_service_server, avviksmelding_service_server, avvikstall_service_server,
    sporsmal_service_server,
};
use tonic::service::Routes;

const MIGRATIONS: Migrations = &[
    ("001_avvik", include_str!("../migrations/001_avvik.sql")),
    ("002_kilder", include_str!("../migrations/002_kilder.sql")),
    ("003_anonym", include_str!("../migrations/003_anonym.sql")),
    (
        "004_statistikk",
        include_str!("../migrations/004_statistikk.sql"),
    ),
];

/// The service.
#[derive(Clone)]
pub struct Avvik {
    chassis: Chassis,
}

impl Agency for Avvik {
    const NAME: &'static str = samspor_chassis::deadlines::AVVIK;

    fn migrations() -> Migrations {
        MIGRATIONS
    }

    fn routes(chassis: Chassis) -> Routes {
        let tries = kode::Forsok::ny(chassis.clock().clone());
        let _ = chassis.store().clone().with_settings(tries);
        let service = Self { chassis };
        Routes::new(avvik_service_server::AvvikServiceServer::new(
            service.clone(),
        ))
        .add_service(avviksdetalj_service_server::AvviksdetaljServiceServer::new(
            service.clone(),
        ))
        .add_service(avviksdialog_service_server::AvviksdialogServiceServer::new(
            service.clone(),
        ))
        .add_service(anonymt_avvik_service_server::AnonymtAvvikServiceServer::new(service.clone()))
        .add_service(avviksmelding_service_server::AvviksmeldingServiceServer::new(service.clone()))
        .add_service(avvikstall_service_server::AvvikstallServiceServer::new(
            service.clone(),
        ))
        .add_service(sporsmal_service_server::SporsmalServiceServer::new(service))
    }

    fn consumers() -> Vec<Consumer> {
        kilder::lyttere()
    }

    fn on_deadline(tx: &mut Tx, deadline: DueDeadline) -> BoxFuture<'_, Result<(), Error>> {
        async move {
            match deadline.kind.as_str() {
                anonym::FRIST => anonym::slipp(tx, deadline).await,
                _ => avvik::rpc::frist_brutt(tx, &deadline).await,
            }
        }
        .boxed()
    }
}

samspor_chassis::rpc! {
    impl avvik_service_server::AvvikService for Avvik {
        write meld_avvik(MeldAvvikRequest) -> MeldAvvikResponse = innmelding::meld;
        write foresla_del(ForeslaDelRequest) -> ForeslaDelResponse = avvik::rpc::foresla;
        write aksepter_del(AksepterDelRequest) -> AksepterDelResponse = avvik::rpc::aksepter;
        write returner_del(ReturnerDelRequest) -> ReturnerDelResponse = avvik::rpc::returner;
        write vurder_alvorlighet(VurderAlvorlighetRequest) -> VurderAlvorlighetResponse = avvik::rpc::vurder;
        write registrer_arsak(RegistrerArsakRequest) -> RegistrerArsakResponse = avvik::rpc::arsak;
        write registrer_tiltak(RegistrerTiltakRequest) -> RegistrerTiltakResponse = avvik::rpc::tiltak;
        write meld_tiltak_utfort(MeldTiltakUtfortRequest) -> MeldTiltakUtfortResponse = avvik::rpc::utfort;
        write registrer_effektkontroll(RegistrerEffektkontrollRequest) -> RegistrerEffektkontrollResponse = avvik::rpc::effekt;
        write ferdigstill_del(FerdigstillDelRequest) -> FerdigstillDelResponse = avvik::rpc::ferdigstill;
        write gi_tilbakemelding(GiTilbakemeldingRequest) -> GiTilbakemeldingResponse = avvik::rpc::tilbakemeld;
        write besvar_tilbakemelding(BesvarTilbakemeldingRequest) -> BesvarTilbakemeldingResponse = avvik::rpc::besvar;
        write spor_melder(SporMelderRequest) -> SporMelderResponse = avvik::rpc::spor;
        write sett_avvik_pa_vent(SettAvvikPaVentRequest) -> SettAvvikPaVentResponse = avvik::rpc::pause;
        write gjenoppta_avvik(GjenopptaAvvikRequest) -> GjenopptaAvvikResponse = avvik::rpc::gjenoppta;
        write merk_duplikat(MerkDuplikatRequest) -> MerkDuplikatResponse = avvik::rpc::merk_duplikat;
        write lukk_avvik(LukkAvvikRequest) -> LukkAvvikResponse = avvik::rpc::lukk;
        write gjenapne_avvik(GjenapneAvvikRequest) -> GjenapneAvvikResponse = avvik::rpc::gjenapne;
        read hent_avvik(HentAvvikRequest) -> HentAvvikResponse = avvik::rpc::hent;
        read list_avvik(ListAvvikRequest) -> ListAvvikResponse = avvik::rpc::list;
    }
}

samspor_chassis::rpc! {
    impl avviksdetalj_service_server::AvviksdetaljService for Avvik {
        read hent_avviksdetalj(HentAvviksdetaljRequest) -> HentAvviksdetaljResponse = detalj::hent;
    }
}

samspor_chassis::rpc! {
    impl avviksdialog_service_server::AvviksdialogService for Avvik {
        read hent_avviksdialog(HentAvviksdialogRequest) -> HentAvviksdialogResponse = dialog::hent;
    }
}

samspor_chassis::rpc! {
    impl anonymt_avvik_service_server::AnonymtAvvikService for Avvik {
        write meld_avvik_anonymt(MeldAvvikAnonymtRequest) -> MeldAvvikAnonymtResponse = anonym::meld;
        read hent_avvik_med_kode(HentAvvikMedKodeRequest) -> HentAvvikMedKodeResponse = anonym::hent;
        write svar_med_kode(SvarMedKodeRequest) -> SvarMedKodeResponse = anonym::svar;
    }
}

samspor_chassis::rpc! {
    impl avviksmelding_service_server::AvviksmeldingService for Avvik {
        read list_avviksmeldinger(ListAvviksmeldingerRequest) -> ListAvviksmeldingerResponse = melding::list;
        write kvitter_avviksmelding(KvitterAvviksmeldingRequest) -> KvitterAvviksmeldingResponse = melding::kvitter;
    }
}

samspor_chassis::rpc! {
    impl sporsmal_service_server::SporsmalService for Avvik {
        read list_sporsmalssett(ListSporsmalssettRequest) -> ListSporsmalssettResponse = sporsmal::list;
    }
}

samspor_chassis::rpc! {
    impl avvikstall_service_server::AvvikstallService for Avvik {
        read hent_avvikstall(HentAvvikstallRequest) -> HentAvvikstallResponse = statistikk::rpc::hent;
        write publiser_avvikstall(PubliserAvvikstallRequest) -> PubliserAvvikstallResponse = statistikk::rpc::publiser;
        read hent_publisert_avvikstall(HentPublisertAvvikstallRequest) -> HentPublisertAvvikstallResponse = statistikk::rpc::hent_publisert;
    }
}
