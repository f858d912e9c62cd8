//! Bestillerkontor: assesses need, decides on services and the right to a
//! dwelling, and orders the services from the units that deliver.
//!
//! Five resources, one folder each: [`soknad`] (what is applied for),
//! [`kartlegging`] (what the need is), [`vedtak`] (what is decided), [`oppdrag`]
//! (what is ordered), [`klage`] (what is disputed). [`innboks`] is the work list
//! over all of them. In each,
//! `mod.rs` has the record and its states, `rules.rs` what may happen to it
//! (pure), `rpc.rs` the contract, `store.rs` the SQL. The tables of states and
//! verbs stand in `tests/data/*.csv`.
//!
//! A new verb: the contract (`proto/samspor/bestillerkontor/v1`), a row in the
//! resource's `OVERGANGER`, a pure function beside the others, a thin function
//! in `rpc.rs`, a line in the table below, a column in the CSV.

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]
mod ansvarsprove;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod avslagsprove;
#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::float_cmp,
    reason = "tests"
)]
mod eierprove;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod etterlevelseprove;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod etterprove;
mod evaluering;
#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]
mod forlopsprove;
mod frister;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod fristprove;
pub mod historie;
mod innboks;
mod kartlegging;
#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::float_cmp,
    reason = "tests"
)]
mod kartleggingsprove;
mod klage;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod kortvarigprove;
#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]
mod leveringsprove;
mod mottatt;
mod oppdrag;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod overtakelseprove;
mod parorende;
#[cfg(test)]
mod planprove;
#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]
mod proveark;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod rettsprove;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod saksprove;
mod soknad;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod soknadprove;
mod statistikk;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod statistikkprove;
mod vedtak;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod versjonsprove;

use futures::{FutureExt as _, future::BoxFuture};
use samspor_chassis::{
    deadlines::{DueDeadline, Stage, notify},
    domene::{
        Aktor,
        felles::{Hvem, Relasjon},
        felt,
    },
    error::{Error, FieldFaults, Refusal},
    feeds::Consumer,
    server::{Agency, Chassis},
    store::{Migrations, Tx},
    tid::Tid,
};
use samspor_proto::{
    bestillerkontor::{
        AksepterOppdragRequest, AksepterOppdragResponse, AvgjorKlageRequest, AvgjorKlageResponse,
        AvsluttOmfordelingRequest, AvsluttOmfordelingResponse, AvsluttOppdragRequest,
        AvsluttOppdragResponse, AvvisEndringRequest, AvvisEndringResponse, AvvisHenleggelseRequest,
        AvvisHenleggelseResponse, AvvisOppdragRequest, AvvisOppdragResponse,
        BestillKortvarigTjenesteRequest, BestillKortvarigTjenesteResponse,
        BytteHovedansvarligRequest, BytteHovedansvarligResponse, EndreVedtakRequest,
        EndreVedtakResponse, EvaluerOppdragRequest, EvaluerOppdragResponse, FattVedtakRequest,
        FattVedtakResponse, ForeslaHenleggelseRequest, ForeslaHenleggelseResponse,
        ForeslaOpphorRequest, ForeslaOpphorResponse, ForkastVedtakRequest, ForkastVedtakResponse,
        FullforKartleggingRequest, FullforKartleggingResponse, GiForelopigSvarRequest,
        GiForelopigSvarResponse, GjenopptaOppdragRequest, GjenopptaOppdragResponse,
        GjorKlarSoknadRequest, GjorKlarSoknadResponse, GodkjennEndringRequest,
        GodkjennEndringResponse, HenleggSoknadRequest, HenleggSoknadResponse,
        HentBestillingstallRequest, HentBestillingstallResponse, HentKartleggingRequest,
        HentKartleggingResponse, HentKlageRequest, HentKlageResponse, HentOppdragRequest,
        HentOppdragResponse, HentPubliserteBestillingstallRequest,
        HentPubliserteBestillingstallResponse, HentSoknadRequest, HentSoknadResponse,
        HentVedtakRequest, HentVedtakResponse, KvitterVarselRequest, KvitterVarselResponse,
        ListEnhetensOppdragRequest, ListEnhetensOppdragResponse, ListEnhetensSoknaderRequest,
        ListEnhetensSoknaderResponse, ListInstrumenterRequest, ListInstrumenterResponse,
        ListKartleggingerRequest, ListKartleggingerResponse, ListKlagerRequest, ListKlagerResponse,
        ListOppdragRequest, ListOppdragResponse, ListSoknaderRequest, ListSoknaderResponse,
        ListVedtakRequest, ListVedtakResponse, ListVenteposterRequest, ListVenteposterResponse,
        MeldBoligRequest, MeldBoligResponse, MeldEtterlevelseRequest, MeldEtterlevelseResponse,
        MottaSoknadRequest, MottaSoknadResponse, OmgjorKlageRequest, OmgjorKlageResponse,
        OppdaterLivsomraderRequest, OppdaterLivsomraderResponse, OppdaterVedtakRequest,
        OppdaterVedtakResponse, OpphorVedtakRequest, OpphorVedtakResponse, OpprettVedtakRequest,
        OpprettVedtakResponse, OpprettholdKlageRequest, OpprettholdKlageResponse,
        OversendKlageRequest, OversendKlageResponse, PauseOppdragRequest, PauseOppdragResponse,
        PubliserBestillingstallRequest, PubliserBestillingstallResponse, RapporterOppdragRequest,
        RapporterOppdragResponse, RegistrerEvalueringRequest, RegistrerEvalueringResponse,
        RegistrerInstrumentRequest, RegistrerInstrumentResponse, RegistrerKlageRequest,
        RegistrerKlageResponse, ReturnerVedtakRequest, ReturnerVedtakResponse,
        ReviderKartleggingRequest, ReviderKartleggingResponse, SendTilGodkjenningRequest,
        SendTilGodkjenningResponse, SettKontaktsamtykkeRequest, SettKontaktsamtykkeResponse,
        StartKartleggingRequest, StartKartleggingResponse, StartOppdragRequest,
        StartOppdragResponse, TrekkKlageRequest, TrekkKlageResponse, TrekkSoknadRequest,
        TrekkSoknadResponse, UnderrettVedtakRequest, UnderrettVedtakResponse,
        UtsettUnderretningRequest, UtsettUnderretningResponse, innboks_service_server,
        kartlegging_service_server, klage_service_server, oppdrag_service_server,
        soknad_service_server, statistikk_service_server, vedtak_service_server,
    },
    felles::{Faktum, Faktumtype, Rolle},
};
use tonic::service::Routes;

/// Id of the unit that this service is.
pub(crate) const ENHET: &str = "bestillerkontor";
/// Id of the unit that manages the municipality's dwellings.
pub(crate) const BOLIGKONTOR: &str = "boligkontor";
/// Id of the unit that hears when responsibility moves.
pub(crate) const KOORDINERING: &str = "koordinering";

const MIGRATIONS: Migrations = &[
    (
        "001_bestillerkontor",
        include_str!("../migrations/001_bestillerkontor.sql"),
    ),
    (
        "002_kartlegging",
        include_str!("../migrations/002_kartlegging.sql"),
    ),
    (
        "003_kartlegging_utgaver",
        include_str!("../migrations/003_kartlegging_utgaver.sql"),
    ),
    (
        "004_vedtak_klage_innboks",
        include_str!("../migrations/004_vedtak_klage_innboks.sql"),
    ),
    ("005_skala", include_str!("../migrations/005_skala.sql")),
    ("006_frister", include_str!("../migrations/006_frister.sql")),
    ("007_tall", include_str!("../migrations/007_tall.sql")),
    (
        "008_kartlegging_ferdig",
        include_str!("../migrations/008_kartlegging_ferdig.sql"),
    ),
    (
        "009_klage_vedtak",
        include_str!("../migrations/009_klage_vedtak.sql"),
    ),
    ("010_bolig", include_str!("../migrations/010_bolig.sql")),
];

/// The service.
#[derive(Clone)]
pub struct Bestillerkontor {
    chassis: Chassis,
}

impl Agency for Bestillerkontor {
    const NAME: &'static str = ENHET;

    fn migrations() -> Migrations {
        MIGRATIONS
    }

    fn routes(chassis: Chassis) -> Routes {
        let service = Self { chassis };
        Routes::new(soknad_service_server::SoknadServiceServer::new(
            service.clone(),
        ))
        .add_service(kartlegging_service_server::KartleggingServiceServer::new(
            service.clone(),
        ))
        .add_service(vedtak_service_server::VedtakServiceServer::new(
            service.clone(),
        ))
        .add_service(klage_service_server::KlageServiceServer::new(
            service.clone(),
        ))
        .add_service(innboks_service_server::InnboksServiceServer::new(
            service.clone(),
        ))
        .add_service(statistikk_service_server::StatistikkServiceServer::new(
            service.clone(),
        ))
        .add_service(oppdrag_service_server::OppdragServiceServer::new(service))
    }

    fn consumers() -> Vec<Consumer> {
        vec![innboks::bolig::FRA_BOLIGKONTOR]
    }

    /// The last day of a vedtak or a short service ends it; every other
    /// deadline tells its recipients, and stays in the work lists as broken.
    fn on_deadline(tx: &mut Tx, deadline: DueDeadline) -> BoxFuture<'_, Result<(), Error>> {
        async move {
            notify(tx, &deadline);
            if deadline.stage != Stage::Due {
                return Ok(());
            }
            innboks::store::brutt(tx, &deadline.post, &deadline.kind).await?;
            // One word for both: the name says which record it is.
            if deadline.kind == vedtak::FRIST_UTLOP {
                return match deadline.post.split('/').nth(2) {
                    Some(oppdrag::SAMLING) => oppdrag::rpc::utlop(tx, &deadline.post).await,
                    _ => vedtak::rpc::utlop(tx, &deadline.post).await,
                };
            }
            Ok(())
        }
        .boxed()
    }
}

samspor_chassis::rpc! {
    impl soknad_service_server::SoknadService for Bestillerkontor {
        write motta_soknad(MottaSoknadRequest) -> MottaSoknadResponse = soknad::rpc::motta;
        write start_kartlegging(StartKartleggingRequest) -> StartKartleggingResponse = soknad::rpc::start;
        write gjor_klar_soknad(GjorKlarSoknadRequest) -> GjorKlarSoknadResponse = soknad::rpc::gjor_klar;
        write gi_forelopig_svar(GiForelopigSvarRequest) -> GiForelopigSvarResponse = soknad::rpc::gi_forelopig_svar;
        write sett_kontaktsamtykke(SettKontaktsamtykkeRequest) -> SettKontaktsamtykkeResponse = soknad::rpc::sett_kontaktsamtykke;
        write trekk_soknad(TrekkSoknadRequest) -> TrekkSoknadResponse = soknad::rpc::trekk;
        write avvis_henleggelse(AvvisHenleggelseRequest) -> AvvisHenleggelseResponse = soknad::rpc::avvis_henleggelse;
        write foresla_henleggelse(ForeslaHenleggelseRequest) -> ForeslaHenleggelseResponse = soknad::rpc::foresla_henleggelse;
        write henlegg_soknad(HenleggSoknadRequest) -> HenleggSoknadResponse = soknad::rpc::henlegg;
        read hent_soknad(HentSoknadRequest) -> HentSoknadResponse = soknad::rpc::hent;
        read list_soknader(ListSoknaderRequest) -> ListSoknaderResponse = soknad::rpc::list;
        read list_enhetens_soknader(ListEnhetensSoknaderRequest) -> ListEnhetensSoknaderResponse = soknad::rpc::list_enhetens;
    }
}

samspor_chassis::rpc! {
    impl kartlegging_service_server::KartleggingService for Bestillerkontor {
        write registrer_instrument(RegistrerInstrumentRequest) -> RegistrerInstrumentResponse = kartlegging::rpc::registrer_instrument;
        write kvitter_varsel(KvitterVarselRequest) -> KvitterVarselResponse = kartlegging::rpc::kvitter_varsel;
        write oppdater_livsomrader(OppdaterLivsomraderRequest) -> OppdaterLivsomraderResponse = kartlegging::rpc::oppdater_livsomrader;
        write revider_kartlegging(ReviderKartleggingRequest) -> ReviderKartleggingResponse = kartlegging::rpc::revider;
        write fullfor_kartlegging(FullforKartleggingRequest) -> FullforKartleggingResponse = kartlegging::rpc::fullfor;
        read hent_kartlegging(HentKartleggingRequest) -> HentKartleggingResponse = kartlegging::rpc::hent;
        read list_kartlegginger(ListKartleggingerRequest) -> ListKartleggingerResponse = kartlegging::rpc::list;
        read list_instrumenter(ListInstrumenterRequest) -> ListInstrumenterResponse = kartlegging::rpc::list_instrumenter;
    }
}

samspor_chassis::rpc! {
    impl vedtak_service_server::VedtakService for Bestillerkontor {
        write opprett_vedtak(OpprettVedtakRequest) -> OpprettVedtakResponse = vedtak::rpc::opprett;
        write oppdater_vedtak(OppdaterVedtakRequest) -> OppdaterVedtakResponse = vedtak::rpc::oppdater;
        write send_til_godkjenning(SendTilGodkjenningRequest) -> SendTilGodkjenningResponse = vedtak::rpc::send;
        write returner_vedtak(ReturnerVedtakRequest) -> ReturnerVedtakResponse = vedtak::rpc::returner;
        write fatt_vedtak(FattVedtakRequest) -> FattVedtakResponse = vedtak::rpc::fatt;
        write underrett_vedtak(UnderrettVedtakRequest) -> UnderrettVedtakResponse = vedtak::rpc::underrett;
        write forkast_vedtak(ForkastVedtakRequest) -> ForkastVedtakResponse = vedtak::rpc::forkast;
        write foresla_opphor(ForeslaOpphorRequest) -> ForeslaOpphorResponse = vedtak::rpc::foresla_opphor;
        write bytte_hovedansvarlig(BytteHovedansvarligRequest) -> BytteHovedansvarligResponse = vedtak::hovedansvar::bytt;
        write opphor_vedtak(OpphorVedtakRequest) -> OpphorVedtakResponse = vedtak::rpc::opphor;
        write utsett_underretning(UtsettUnderretningRequest) -> UtsettUnderretningResponse = vedtak::rpc::utsett;
        write endre_vedtak(EndreVedtakRequest) -> EndreVedtakResponse = vedtak::rpc::endre;
        write godkjenn_endring(GodkjennEndringRequest) -> GodkjennEndringResponse = vedtak::rpc::godkjenn;
        write avvis_endring(AvvisEndringRequest) -> AvvisEndringResponse = vedtak::rpc::avvis_endring;
        write meld_bolig(MeldBoligRequest) -> MeldBoligResponse = vedtak::bolig::meld_bolig;
        write meld_etterlevelse(MeldEtterlevelseRequest) -> MeldEtterlevelseResponse = vedtak::etterlevelse::meld_etterlevelse;
        write registrer_evaluering(RegistrerEvalueringRequest) -> RegistrerEvalueringResponse = vedtak::rpc::evaluer;
        read hent_vedtak(HentVedtakRequest) -> HentVedtakResponse = vedtak::rpc::hent;
        read list_vedtak(ListVedtakRequest) -> ListVedtakResponse = vedtak::rpc::list;
    }
}

samspor_chassis::rpc! {
    impl oppdrag_service_server::OppdragService for Bestillerkontor {
        write aksepter_oppdrag(AksepterOppdragRequest) -> AksepterOppdragResponse = oppdrag::rpc::aksepter;
        write avvis_oppdrag(AvvisOppdragRequest) -> AvvisOppdragResponse = oppdrag::rpc::avvis;
        write start_oppdrag(StartOppdragRequest) -> StartOppdragResponse = oppdrag::rpc::start;
        write pause_oppdrag(PauseOppdragRequest) -> PauseOppdragResponse = oppdrag::rpc::pause;
        write gjenoppta_oppdrag(GjenopptaOppdragRequest) -> GjenopptaOppdragResponse = oppdrag::rpc::gjenoppta;
        write avslutt_oppdrag(AvsluttOppdragRequest) -> AvsluttOppdragResponse = oppdrag::rpc::avslutt;
        write rapporter_oppdrag(RapporterOppdragRequest) -> RapporterOppdragResponse = oppdrag::rpc::rapporter;
        write evaluer_oppdrag(EvaluerOppdragRequest) -> EvaluerOppdragResponse = oppdrag::rpc::evaluer;
        write bestill_kortvarig_tjeneste(BestillKortvarigTjenesteRequest) -> BestillKortvarigTjenesteResponse = oppdrag::rpc::bestill_kortvarig;
        write avslutt_omfordeling(AvsluttOmfordelingRequest) -> AvsluttOmfordelingResponse = oppdrag::omfordeling::avslutt;
        read hent_oppdrag(HentOppdragRequest) -> HentOppdragResponse = oppdrag::rpc::hent;
        read list_oppdrag(ListOppdragRequest) -> ListOppdragResponse = oppdrag::rpc::list;
        read list_enhetens_oppdrag(ListEnhetensOppdragRequest) -> ListEnhetensOppdragResponse = oppdrag::rpc::list_enhetens;
    }
}

samspor_chassis::rpc! {
    impl klage_service_server::KlageService for Bestillerkontor {
        write registrer_klage(RegistrerKlageRequest) -> RegistrerKlageResponse = klage::rpc::registrer;
        write omgjor_klage(OmgjorKlageRequest) -> OmgjorKlageResponse = klage::rpc::omgjor;
        write oppretthold_klage(OpprettholdKlageRequest) -> OpprettholdKlageResponse = klage::rpc::oppretthold;
        write oversend_klage(OversendKlageRequest) -> OversendKlageResponse = klage::rpc::oversend;
        write avgjor_klage(AvgjorKlageRequest) -> AvgjorKlageResponse = klage::rpc::avgjor;
        write trekk_klage(TrekkKlageRequest) -> TrekkKlageResponse = klage::rpc::trekk;
        read hent_klage(HentKlageRequest) -> HentKlageResponse = klage::rpc::hent;
        read list_klager(ListKlagerRequest) -> ListKlagerResponse = klage::rpc::list;
    }
}

samspor_chassis::rpc! {
    impl statistikk_service_server::StatistikkService for Bestillerkontor {
        read hent_bestillingstall(HentBestillingstallRequest) -> HentBestillingstallResponse = statistikk::hent;
        write publiser_bestillingstall(PubliserBestillingstallRequest) -> PubliserBestillingstallResponse = statistikk::publiser;
        read hent_publiserte_bestillingstall(HentPubliserteBestillingstallRequest) -> HentPubliserteBestillingstallResponse = statistikk::hent_publiserte;
    }
}

samspor_chassis::rpc! {
    impl innboks_service_server::InnboksService for Bestillerkontor {
        read list_venteposter(ListVenteposterRequest) -> ListVenteposterResponse = innboks::rpc::list;
    }
}

/// Applications and decisions are changed by the unit that owns them. The
/// gateway cannot know the owner before the record is read, so the owner holds
/// the line.
///
/// # Errors
/// `IKKE_FUNNET` for anybody else.
fn krev_enhet(tx: &Tx, enhet: &str) -> Result<(), Refusal> {
    if tx.call().actor.enhet == enhet {
        Ok(())
    } else {
        Err(Refusal::not_found())
    }
}

/// How the person said what is done on the person's word: staff tell it, the
/// person and who represents the person need not.
fn personens_onske(tx: &Tx, said: &str, faults: &mut FieldFaults) -> String {
    let field = "personens_onske";
    if tx.call().actor.rolle == Rolle::Innbygger {
        felt::tekst(said, field, felt::LANG, faults)
    } else {
        felt::pakrevd(said, field, felt::LANG, faults)
    }
}

/// Changes of one person's cases run one after the other: a vedtak, its
/// application and its oppdrag change together.
async fn las_person(tx: &mut Tx, person: &str) -> Result<(), Error> {
    tx.lock(&format!("person/{person}")).await
}

/// The relations of a confirmed open case of a unit, from and until: one for
/// the person's records, and one for the case itself, which a caller can refer
/// to. `id` is the id of the case and `post` its name.
fn sak_hos(
    enhet: &str,
    id: &str,
    person: &str,
    post: &str,
    (fra, til): (Tid, Option<Tid>),
    av: &Aktor,
) -> Vec<Faktum> {
    [
        (format!("sak/{id}"), String::new()),
        (format!("sak/{id}/post"), post.to_owned()),
    ]
    .map(|(id, post)| {
        Relasjon {
            id,
            subjekt: person,
            part: Hvem::Enhet(enhet),
            type_: Faktumtype::Sak,
            post,
            fra,
            til,
            opprettet_av: &av.ansatt,
        }
        .faktum()
    })
    .into()
}
