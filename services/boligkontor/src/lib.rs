//! Boligkontor: the municipality's stock of dwellings, who has them, and what
//! is missing.
//!
//! One stock and one protocol for all units that allocate
//! (docs/adr/0022): which unit allocates a type is the municipality's file to
//! say, and the gateway attests it. [`bolig`] is the register, [`reservasjon`]
//! holds a dwelling for a person until it is offered and answered,
//! [`leieforhold`] is the tenancy that it becomes, [`restansesak`] the joint case
//! about arrears, [`boligsak`] an application with its conditions and the queue
//! that it stands in, by the municipality's own rules ([`regler`]), [`behov`] what
//! all of it amounts to, with the stays that nav tells of. In each,
//! `mod.rs` has the record and its states, `rules.rs` what may happen to it
//! (pure), `rpc.rs` the contract, `store.rs` the SQL; records of a person stand
//! on the chassis's `lager`, those of a dwelling on [`boligpost`].
//! [`arbeidsordre`] is what is repaired or made ready, [`nabohenvendelse`] what
//! neighbours say, [`bekymring`] what a caretaker is worried about.
//!
//! A new verb: the contract (`proto/samspor/boligkontor/v1`), a row in the
//! resource's `OVERGANGER`, a pure function beside the others, a thin function
//! in `rpc.rs`, a line in the table below.

mod arbeidsordre;
mod behov;
mod bekymring;
#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests"
)]
mod beleggprove;
mod bolig;
mod boligpost;
mod boligsak;
#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests"
)]
mod driftprove;
pub mod historie;
mod innstillinger;
mod leieforhold;
mod nabohenvendelse;
#[cfg(test)]
mod planprove;
#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests"
)]
mod prove;
mod regler;
mod reservasjon;
mod restansesak;

pub use bolig::innlesing::som_csv;
pub use boligsak::ko::{Plass, Ventende, ranger};
use futures::{FutureExt as _, future::BoxFuture};
pub use regler::{Regelfeil, Regelsett, Regler};
use samspor_chassis::{
    deadlines::{DueDeadline, Stage, notify},
    domene::Aktor,
    error::{Error, Refusal},
    feeds::Consumer,
    server::{Agency, Chassis},
    store::{Migrations, Tx},
};
use samspor_proto::{
    boligkontor::{
        AvgjorRestansesakRequest, AvgjorRestansesakResponse, AvslaBoligsakRequest,
        AvslaBoligsakResponse, AvsluttLeieforholdRequest, AvsluttLeieforholdResponse,
        AvviklBoligRequest, AvviklBoligResponse, AvvisArbeidsordreRequest,
        AvvisArbeidsordreResponse, BekreftBekymringRequest, BekreftBekymringResponse,
        BestillArbeidRequest, BestillArbeidResponse, BesvarNabohenvendelseRequest,
        BesvarNabohenvendelseResponse, EndreBoligRequest, EndreBoligResponse, EndreBoligsakRequest,
        EndreBoligsakResponse, ForlengLeieforholdRequest, ForlengLeieforholdResponse,
        ForlengReservasjonRequest, ForlengReservasjonResponse, GiForelopigBoligsvarRequest,
        GiForelopigBoligsvarResponse, GodkjennBoligsakRequest, GodkjennBoligsakResponse,
        HentArbeidsordreRequest, HentArbeidsordreResponse, HentBehovsoversiktRequest,
        HentBehovsoversiktResponse, HentBekymringRequest, HentBekymringResponse, HentBoligRequest,
        HentBoligResponse, HentBoligsakRequest, HentBoligsakResponse, HentKoplassRequest,
        HentKoplassResponse, HentLeieforholdRequest, HentLeieforholdResponse,
        HentNabohenvendelseRequest, HentNabohenvendelseResponse, HentPublisertBehovRequest,
        HentPublisertBehovResponse, HentReservasjonRequest, HentReservasjonResponse,
        HentRestansesakRequest, HentRestansesakResponse, ImporterBoligerRequest,
        ImporterBoligerResponse, InngaKontraktRequest, InngaKontraktResponse,
        ListApneArbeidsordrerRequest, ListApneArbeidsordrerResponse, ListApneBoligsakerRequest,
        ListApneBoligsakerResponse, ListApneNabohenvendelserRequest,
        ListApneNabohenvendelserResponse, ListArbeidsordrerRequest, ListArbeidsordrerResponse,
        ListBekymringerRequest, ListBekymringerResponse, ListBoligerRequest, ListBoligerResponse,
        ListBoligsakerRequest, ListBoligsakerResponse, ListLeieforholdRequest,
        ListLeieforholdResponse, ListNabohenvendelserRequest, ListNabohenvendelserResponse,
        ListReservasjonerRequest, ListReservasjonerResponse, ListRestansesakerRequest,
        ListRestansesakerResponse, LukkArbeidsordreRequest, LukkArbeidsordreResponse,
        MeldArbeidUtfortRequest, MeldArbeidUtfortResponse, MeldBekymringRequest,
        MeldBekymringResponse, MeldFeilILeieforholdRequest, MeldFeilILeieforholdResponse,
        MeldFeilRequest, MeldFeilResponse, MeldFlyttingRequest, MeldFlyttingResponse,
        MeldKlargjortRequest, MeldKlargjortResponse, MeldOppfolgingAvslattRequest,
        MeldOppfolgingAvslattResponse, NedleggVetoRequest, NedleggVetoResponse,
        OppdaterRestanseRequest, OppdaterRestanseResponse, OpphevReservasjonRequest,
        OpphevReservasjonResponse, PubliserBehovRequest, PubliserBehovResponse, RangerKoRequest,
        RangerKoResponse, RegistrerBoligRequest, RegistrerBoligResponse,
        RegistrerBoligsoknadRequest, RegistrerBoligsoknadResponse, RegistrerNabohenvendelseRequest,
        RegistrerNabohenvendelseResponse, RegistrerRestanseRequest, RegistrerRestanseResponse,
        RegistrerRestansemoteRequest, RegistrerRestansemoteResponse, ReserverBoligRequest,
        ReserverBoligResponse, SettIDriftRequest, SettIDriftResponse, SiOppLeieforholdRequest,
        SiOppLeieforholdResponse, StartNabohenvendelseRequest, StartNabohenvendelseResponse,
        SvarRestansesakRequest, SvarRestansesakResponse, SvarTilbudRequest, SvarTilbudResponse,
        TaUtAvDriftRequest, TaUtAvDriftResponse, TilbyBoligRequest, TilbyBoligResponse,
        TrekkBoligsakRequest, TrekkBoligsakResponse, TrekkOppsigelseRequest,
        TrekkOppsigelseResponse, VurderVilkarRequest, VurderVilkarResponse,
        arbeidsordre_service_server, behov_service_server, bekymring_service_server,
        bolig_service_server, boligsak_service_server, leieforhold_service_server,
        nabohenvendelse_service_server, reservasjon_service_server, restansesak_service_server,
    },
    felles::Feilgrunn,
};
use tonic::service::Routes;

/// Id of the unit that this service is.
pub(crate) const ENHET: &str = "boligkontor";
/// Unit that keeps the ids of persons and knows who answers for their open needs.
pub(crate) const KOORDINERING: &str = "koordinering";

const MIGRATIONS: Migrations = &[
    ("001_bolig", include_str!("../migrations/001_bolig.sql")),
    (
        "002_leieforhold",
        include_str!("../migrations/002_leieforhold.sql"),
    ),
    (
        "003_boligsak",
        include_str!("../migrations/003_boligsak.sql"),
    ),
    ("004_behov", include_str!("../migrations/004_behov.sql")),
    ("005_drift", include_str!("../migrations/005_drift.sql")),
    (
        "006_reservasjon",
        include_str!("../migrations/006_reservasjon.sql"),
    ),
    (
        "007_historie",
        include_str!("../migrations/007_historie.sql"),
    ),
    (
        "008_opphold_eier",
        include_str!("../migrations/008_opphold_eier.sql"),
    ),
    ("009_ko", include_str!("../migrations/009_ko.sql")),
];

/// The service.
#[derive(Clone)]
pub struct Boligkontor {
    chassis: Chassis,
}

impl Agency for Boligkontor {
    const NAME: &'static str = ENHET;

    fn migrations() -> Migrations {
        MIGRATIONS
    }

    fn routes(chassis: Chassis) -> Routes {
        let service = Self { chassis };
        Routes::new(bolig_service_server::BoligServiceServer::new(
            service.clone(),
        ))
        .add_service(reservasjon_service_server::ReservasjonServiceServer::new(
            service.clone(),
        ))
        .add_service(leieforhold_service_server::LeieforholdServiceServer::new(
            service.clone(),
        ))
        .add_service(restansesak_service_server::RestansesakServiceServer::new(
            service.clone(),
        ))
        .add_service(boligsak_service_server::BoligsakServiceServer::new(
            service.clone(),
        ))
        .add_service(arbeidsordre_service_server::ArbeidsordreServiceServer::new(
            service.clone(),
        ))
        .add_service(
            nabohenvendelse_service_server::NabohenvendelseServiceServer::new(service.clone()),
        )
        .add_service(bekymring_service_server::BekymringServiceServer::new(
            service.clone(),
        ))
        .add_service(behov_service_server::BehovServiceServer::new(service))
    }

    fn consumers() -> Vec<Consumer> {
        vec![behov::opphold::FRA_NAV]
    }

    /// A reservation that runs out lets the dwelling go; every other deadline
    /// tells its recipients.
    fn on_deadline(tx: &mut Tx, deadline: DueDeadline) -> BoxFuture<'_, Result<(), Error>> {
        async move {
            if deadline.stage == Stage::Due && deadline.kind == reservasjon::FRIST_UTLOP {
                return reservasjon::rpc::utlop(tx, &deadline.post).await;
            }
            notify(tx, &deadline);
            Ok(())
        }
        .boxed()
    }
}

samspor_chassis::rpc! {
    impl bolig_service_server::BoligService for Boligkontor {
        write registrer_bolig(RegistrerBoligRequest) -> RegistrerBoligResponse = bolig::rpc::registrer;
        write endre_bolig(EndreBoligRequest) -> EndreBoligResponse = bolig::rpc::endre;
        write importer_boliger(ImporterBoligerRequest) -> ImporterBoligerResponse = bolig::rpc::importer;
        write meld_klargjort(MeldKlargjortRequest) -> MeldKlargjortResponse = bolig::rpc::meld_klargjort;
        write ta_ut_av_drift(TaUtAvDriftRequest) -> TaUtAvDriftResponse = bolig::rpc::ta_ut_av_drift;
        write sett_i_drift(SettIDriftRequest) -> SettIDriftResponse = bolig::rpc::sett_i_drift;
        write avvikl_bolig(AvviklBoligRequest) -> AvviklBoligResponse = bolig::rpc::avvikl;
        read hent_bolig(HentBoligRequest) -> HentBoligResponse = bolig::rpc::hent;
        read list_boliger(ListBoligerRequest) -> ListBoligerResponse = bolig::rpc::list;
    }
}

samspor_chassis::rpc! {
    impl reservasjon_service_server::ReservasjonService for Boligkontor {
        write reserver_bolig(ReserverBoligRequest) -> ReserverBoligResponse = reservasjon::rpc::reserver;
        write forleng_reservasjon(ForlengReservasjonRequest) -> ForlengReservasjonResponse = reservasjon::rpc::forleng;
        write tilby_bolig(TilbyBoligRequest) -> TilbyBoligResponse = reservasjon::rpc::tilby;
        write svar_tilbud(SvarTilbudRequest) -> SvarTilbudResponse = reservasjon::rpc::svar;
        write opphev_reservasjon(OpphevReservasjonRequest) -> OpphevReservasjonResponse = reservasjon::rpc::opphev;
        write nedlegg_veto(NedleggVetoRequest) -> NedleggVetoResponse = reservasjon::rpc::nedlegg_veto;
        read hent_reservasjon(HentReservasjonRequest) -> HentReservasjonResponse = reservasjon::rpc::hent;
        read list_reservasjoner(ListReservasjonerRequest) -> ListReservasjonerResponse = reservasjon::rpc::list;
    }
}

samspor_chassis::rpc! {
    impl leieforhold_service_server::LeieforholdService for Boligkontor {
        write innga_kontrakt(InngaKontraktRequest) -> InngaKontraktResponse = leieforhold::rpc::innga;
        write forleng_leieforhold(ForlengLeieforholdRequest) -> ForlengLeieforholdResponse = leieforhold::rpc::forleng;
        write si_opp_leieforhold(SiOppLeieforholdRequest) -> SiOppLeieforholdResponse = leieforhold::rpc::si_opp;
        write trekk_oppsigelse(TrekkOppsigelseRequest) -> TrekkOppsigelseResponse = leieforhold::rpc::trekk_oppsigelse;
        write meld_flytting(MeldFlyttingRequest) -> MeldFlyttingResponse = leieforhold::rpc::meld_flytting;
        write avslutt_leieforhold(AvsluttLeieforholdRequest) -> AvsluttLeieforholdResponse = leieforhold::rpc::avslutt;
        write meld_feil_i_leieforhold(MeldFeilILeieforholdRequest) -> MeldFeilILeieforholdResponse = arbeidsordre::rpc::meld_feil_i_leieforhold;
        write meld_oppfolging_avslatt(MeldOppfolgingAvslattRequest) -> MeldOppfolgingAvslattResponse = leieforhold::rpc::meld_oppfolging_avslatt;
        read hent_leieforhold(HentLeieforholdRequest) -> HentLeieforholdResponse = leieforhold::rpc::hent;
        read list_leieforhold(ListLeieforholdRequest) -> ListLeieforholdResponse = leieforhold::rpc::list;
    }
}

samspor_chassis::rpc! {
    impl restansesak_service_server::RestansesakService for Boligkontor {
        write registrer_restanse(RegistrerRestanseRequest) -> RegistrerRestanseResponse = restansesak::rpc::registrer;
        write oppdater_restanse(OppdaterRestanseRequest) -> OppdaterRestanseResponse = restansesak::rpc::oppdater;
        write svar_restansesak(SvarRestansesakRequest) -> SvarRestansesakResponse = restansesak::rpc::svar;
        write registrer_restansemote(RegistrerRestansemoteRequest) -> RegistrerRestansemoteResponse = restansesak::rpc::mote;
        write avgjor_restansesak(AvgjorRestansesakRequest) -> AvgjorRestansesakResponse = restansesak::rpc::avgjor;
        read hent_restansesak(HentRestansesakRequest) -> HentRestansesakResponse = restansesak::rpc::hent;
        read list_restansesaker(ListRestansesakerRequest) -> ListRestansesakerResponse = restansesak::rpc::list;
    }
}

samspor_chassis::rpc! {
    impl boligsak_service_server::BoligsakService for Boligkontor {
        write registrer_boligsoknad(RegistrerBoligsoknadRequest) -> RegistrerBoligsoknadResponse = boligsak::rpc::registrer;
        write endre_boligsak(EndreBoligsakRequest) -> EndreBoligsakResponse = boligsak::rpc::endre;
        write gi_forelopig_boligsvar(GiForelopigBoligsvarRequest) -> GiForelopigBoligsvarResponse = boligsak::rpc::gi_forelopig_svar;
        write vurder_vilkar(VurderVilkarRequest) -> VurderVilkarResponse = boligsak::rpc::vurder;
        write godkjenn_boligsak(GodkjennBoligsakRequest) -> GodkjennBoligsakResponse = boligsak::rpc::godkjenn;
        write avsla_boligsak(AvslaBoligsakRequest) -> AvslaBoligsakResponse = boligsak::rpc::avsla;
        write trekk_boligsak(TrekkBoligsakRequest) -> TrekkBoligsakResponse = boligsak::rpc::trekk;
        read hent_boligsak(HentBoligsakRequest) -> HentBoligsakResponse = boligsak::rpc::hent;
        read list_boligsaker(ListBoligsakerRequest) -> ListBoligsakerResponse = boligsak::rpc::list;
        read list_apne_boligsaker(ListApneBoligsakerRequest) -> ListApneBoligsakerResponse = boligsak::rpc::list_apne;
        read ranger_ko(RangerKoRequest) -> RangerKoResponse = boligsak::rangering::ranger_ko;
        read hent_koplass(HentKoplassRequest) -> HentKoplassResponse = boligsak::rangering::hent_koplass;
    }
}

samspor_chassis::rpc! {
    impl arbeidsordre_service_server::ArbeidsordreService for Boligkontor {
        write meld_feil(MeldFeilRequest) -> MeldFeilResponse = arbeidsordre::rpc::meld_feil;
        write bestill_arbeid(BestillArbeidRequest) -> BestillArbeidResponse = arbeidsordre::rpc::bestill;
        write meld_arbeid_utfort(MeldArbeidUtfortRequest) -> MeldArbeidUtfortResponse = arbeidsordre::rpc::meld_utfort;
        write lukk_arbeidsordre(LukkArbeidsordreRequest) -> LukkArbeidsordreResponse = arbeidsordre::rpc::lukk;
        write avvis_arbeidsordre(AvvisArbeidsordreRequest) -> AvvisArbeidsordreResponse = arbeidsordre::rpc::avvis;
        read hent_arbeidsordre(HentArbeidsordreRequest) -> HentArbeidsordreResponse = arbeidsordre::rpc::hent;
        read list_arbeidsordrer(ListArbeidsordrerRequest) -> ListArbeidsordrerResponse = arbeidsordre::rpc::list;
        read list_apne_arbeidsordrer(ListApneArbeidsordrerRequest) -> ListApneArbeidsordrerResponse = arbeidsordre::rpc::list_apne;
    }
}

samspor_chassis::rpc! {
    impl nabohenvendelse_service_server::NabohenvendelseService for Boligkontor {
        write registrer_nabohenvendelse(RegistrerNabohenvendelseRequest) -> RegistrerNabohenvendelseResponse = nabohenvendelse::registrer;
        write start_nabohenvendelse(StartNabohenvendelseRequest) -> StartNabohenvendelseResponse = nabohenvendelse::start;
        write besvar_nabohenvendelse(BesvarNabohenvendelseRequest) -> BesvarNabohenvendelseResponse = nabohenvendelse::besvar;
        read hent_nabohenvendelse(HentNabohenvendelseRequest) -> HentNabohenvendelseResponse = nabohenvendelse::hent;
        read list_nabohenvendelser(ListNabohenvendelserRequest) -> ListNabohenvendelserResponse = nabohenvendelse::list;
        read list_apne_nabohenvendelser(ListApneNabohenvendelserRequest) -> ListApneNabohenvendelserResponse = nabohenvendelse::list_apne;
    }
}

samspor_chassis::rpc! {
    impl bekymring_service_server::BekymringService for Boligkontor {
        write meld_bekymring(MeldBekymringRequest) -> MeldBekymringResponse = bekymring::meld;
        write bekreft_bekymring(BekreftBekymringRequest) -> BekreftBekymringResponse = bekymring::bekreft;
        read hent_bekymring(HentBekymringRequest) -> HentBekymringResponse = bekymring::hent;
        read list_bekymringer(ListBekymringerRequest) -> ListBekymringerResponse = bekymring::list;
    }
}

samspor_chassis::rpc! {
    impl behov_service_server::BehovService for Boligkontor {
        read hent_behovsoversikt(HentBehovsoversiktRequest) -> HentBehovsoversiktResponse = behov::rpc::hent;
        write publiser_behov(PubliserBehovRequest) -> PubliserBehovResponse = behov::rpc::publiser;
        read hent_publisert_behov(HentPublisertBehovRequest) -> HentPublisertBehovResponse = behov::rpc::hent_publisert;
    }
}

/// Who acts, for the office that keeps the stock.
///
/// # Errors
/// `IKKE_TILLATT` for another unit.
fn for_enhet(tx: &Tx) -> Result<Aktor, Refusal> {
    let av = Aktor::from(&tx.call().actor);
    if av.enhet != ENHET {
        return Err(Refusal::new(Feilgrunn::IkkeTillatt)
            .with("regel", "W3")
            .with("rad", "Bare boligkontoret fører boligregisteret."));
    }
    Ok(av)
}
