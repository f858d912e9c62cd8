//! ROP-tjenesten: delivers services to people with ROP-lidelser, with and
//! without vedtak.
//!
//! One folder or file per resource: [`kontakt`] (what happened between the
//! service and the person) and [`planlegging`] (what is to come), [`lavterskel`]
//! (counts without persons), [`tiltak`] (what is delivered, against what is
//! granted), [`aktivitetstilbud`] (what is offered, and to whom not), [`journal`] (open and restricted notes),
//! [`risikovurdering`] (the safety of staff), [`kriseplan`] (what helps in a
//! crisis), [`behandlingsplan`] (goals and their evaluation), [`hovedforlop`],
//! [`kontaktplan`] (who is hard to reach), [`tilbakemelding`] (must be answered),
//! [`oppfolging`] (that the unit follows the person, on which the rest hangs),
//! [`behandler`] (who treats), [`primaerkontakt`] (whom the person turns to, and
//! caseload), [`plandekning`] (who lacks a plan), [`statistikk`], [`innboks`] (what waits for the unit). In a folder `mod.rs` has the
//! record, `rules.rs` what may happen to it (pure), `rpc.rs` the contract,
//! `store.rs` the SQL; a small resource is one file on the chassis's `lager`, which has
//! the SQL of all records of one shape. The oppdrag that it delivers are held by
//! bestillerkontor, whose events fill the inbox.
//!
//! A new verb: the contract (`proto/samspor/rop/v1`), a pure function in the
//! resource's `rules.rs`, a thin one in `rpc.rs`, a line in the table below.

mod aktivitetstilbud;
mod behandler;
mod behandlingsplan;
pub mod historie;
mod hovedforlop;
mod innboks;
mod innstillinger;
mod journal;
mod kontakt;
mod kontaktplan;
mod kriseplan;
mod lavterskel;
mod oppfolging;
mod plandekning;
mod planlegging;
mod primaerkontakt;
mod risikovurdering;
mod statistikk;
mod tilbakemelding;
mod tiltak;
mod unntak;

use futures::{FutureExt as _, future::BoxFuture};
use samspor_chassis::{
    deadlines::{DueDeadline, notify},
    domene::{Aktor, navn},
    error::{Error, FieldFaults, Refusal},
    feeds::Consumer,
    server::{Agency, Chassis},
    store::{Migrations, Tx},
};
pub(crate) use samspor_chassis::{
    lager::{self, las_person},
    tabell,
};
use samspor_proto::{
    felles::{Feilgrunn, Rolle},
    rop::{
        AnnullerKontaktRequest, AnnullerKontaktResponse, ApneOppfolgingRequest,
        ApneOppfolgingResponse, AvlysKontaktRequest, AvlysKontaktResponse,
        AvsluttAktivitetstilbudRequest, AvsluttAktivitetstilbudResponse, AvsluttBehandlerRequest,
        AvsluttBehandlerResponse, AvsluttHovedforlopRequest, AvsluttHovedforlopResponse,
        AvsluttKontaktplanRequest, AvsluttKontaktplanResponse, AvsluttOppfolgingRequest,
        AvsluttOppfolgingResponse, AvsluttPrimaerkontaktRequest, AvsluttPrimaerkontaktResponse,
        BekreftOppfolgingRequest, BekreftOppfolgingResponse, BesvarTilbakemeldingRequest,
        BesvarTilbakemeldingResponse, EndreNaklasseRequest, EndreNaklasseResponse,
        GiTilbakemeldingRequest, GiTilbakemeldingResponse, HentAapentNotatRequest,
        HentAapentNotatResponse, HentAktivitetstilbudRequest, HentAktivitetstilbudResponse,
        HentBegrensetNotatRequest, HentBegrensetNotatResponse, HentBehandlingsplanRequest,
        HentBehandlingsplanResponse, HentGjeldendeRisikovurderingRequest,
        HentGjeldendeRisikovurderingResponse, HentKontaktRequest, HentKontaktResponse,
        HentKriseplanRequest, HentKriseplanResponse, HentOppfolgingRequest, HentOppfolgingResponse,
        HentPlandekningRequest, HentPlandekningResponse, HentPublisertStatistikkRequest,
        HentPublisertStatistikkResponse, HentRisikovurderingRequest, HentRisikovurderingResponse,
        HentStatistikkRequest, HentStatistikkResponse, HentTilbakemeldingRequest,
        HentTilbakemeldingResponse, KvitterOppgaveRequest, KvitterOppgaveResponse,
        ListAapneNotaterRequest, ListAapneNotaterResponse, ListAktivitetstilbudRequest,
        ListAktivitetstilbudResponse, ListBegrensedeNotaterRequest, ListBegrensedeNotaterResponse,
        ListBehandlereRequest, ListBehandlereResponse, ListBehandlingsplanerRequest,
        ListBehandlingsplanerResponse, ListBelastningRequest, ListBelastningResponse,
        ListHovedforlopRequest, ListHovedforlopResponse, ListKontakterRequest,
        ListKontakterResponse, ListKontaktplanerRequest, ListKontaktplanerResponse,
        ListKriseplanerRequest, ListKriseplanerResponse, ListLavterskelRequest,
        ListLavterskelResponse, ListOppfolgingerRequest, ListOppfolgingerResponse,
        ListOppgaverRequest, ListOppgaverResponse, ListPlanlagteKontakterRequest,
        ListPlanlagteKontakterResponse, ListPlanmanglerRequest, ListPlanmanglerResponse,
        ListPrimaerkontakterRequest, ListPrimaerkontakterResponse, ListRisikovurderingerRequest,
        ListRisikovurderingerResponse, ListTilbakemeldingerRequest, ListTilbakemeldingerResponse,
        ListUbesvarteTilbakemeldingerRequest, ListUbesvarteTilbakemeldingerResponse,
        MeldKontaktstegRequest, MeldKontaktstegResponse, OpprettKontaktplanRequest,
        OpprettKontaktplanResponse, PlanleggKontaktRequest, PlanleggKontaktResponse,
        PubliserStatistikkRequest, PubliserStatistikkResponse, RegistrerAktivitetstilbudRequest,
        RegistrerAktivitetstilbudResponse, RegistrerKontaktRequest, RegistrerKontaktResponse,
        RegistrerLavterskelRequest, RegistrerLavterskelResponse, RegistrerRisikovurderingRequest,
        RegistrerRisikovurderingResponse, SettHovedforlopRequest, SettHovedforlopResponse,
        SkrivAapentNotatRequest, SkrivAapentNotatResponse, SkrivBegrensetNotatRequest,
        SkrivBegrensetNotatResponse, SkrivBehandlingsplanRequest, SkrivBehandlingsplanResponse,
        SkrivKriseplanRequest, SkrivKriseplanResponse, TildelBehandlerRequest,
        TildelBehandlerResponse, TildelPrimaerkontaktRequest, TildelPrimaerkontaktResponse,
        aktivitetstilbud_service_server, behandling_service_server, behandlingsplan_service_server,
        hovedforlop_service_server, innboks_service_server, journal_service_server,
        kontakt_service_server, kontaktplan_service_server, kriseplan_service_server,
        lavterskel_service_server, oppfolging_service_server, plandekning_service_server,
        planlegging_service_server, primaerkontakt_service_server, risikovurdering_service_server,
        statistikk_service_server, tilbakemelding_service_server, tiltak_service_server,
    },
};
use tonic::service::Routes;

/// Id of the unit that this service is.
pub(crate) const ENHET: &str = "rop";

/// The service.
#[derive(Clone)]
pub struct Rop {
    chassis: Chassis,
}

impl Agency for Rop {
    const NAME: &'static str = ENHET;

    fn migrations() -> Migrations {
        &[
            ("001_rop", include_str!("../migrations/001_rop.sql")),
            (
                "002_leveranser",
                include_str!("../migrations/002_leveranser.sql"),
            ),
            ("003_tiltak", include_str!("../migrations/003_tiltak.sql")),
            ("004_skala", include_str!("../migrations/004_skala.sql")),
            (
                "005_dekning_og_rettelser",
                include_str!("../migrations/005_dekning_og_rettelser.sql"),
            ),
            (
                "006_kontakt_samlet",
                include_str!("../migrations/006_kontakt_samlet.sql"),
            ),
            (
                "007_kriseplan",
                include_str!("../migrations/007_kriseplan.sql"),
            ),
            (
                "008_oppfolging",
                include_str!("../migrations/008_oppfolging.sql"),
            ),
        ]
    }

    fn routes(chassis: Chassis) -> Routes {
        let service = Self { chassis };
        Routes::new(kontakt_service_server::KontaktServiceServer::new(
            service.clone(),
        ))
        .add_service(journal_service_server::JournalServiceServer::new(
            service.clone(),
        ))
        .add_service(
            risikovurdering_service_server::RisikovurderingServiceServer::new(service.clone()),
        )
        .add_service(kriseplan_service_server::KriseplanServiceServer::new(
            service.clone(),
        ))
        .add_service(behandling_service_server::BehandlingServiceServer::new(
            service.clone(),
        ))
        .add_service(
            behandlingsplan_service_server::BehandlingsplanServiceServer::new(service.clone()),
        )
        .add_service(hovedforlop_service_server::HovedforlopServiceServer::new(
            service.clone(),
        ))
        .add_service(kontaktplan_service_server::KontaktplanServiceServer::new(
            service.clone(),
        ))
        .add_service(lavterskel_service_server::LavterskelServiceServer::new(
            service.clone(),
        ))
        .add_service(planlegging_service_server::PlanleggingServiceServer::new(
            service.clone(),
        ))
        .add_service(
            primaerkontakt_service_server::PrimaerkontaktServiceServer::new(service.clone()),
        )
        .add_service(
            tilbakemelding_service_server::TilbakemeldingServiceServer::new(service.clone()),
        )
        .add_service(tiltak_service_server::TiltakServiceServer::new(
            service.clone(),
        ))
        .add_service(
            aktivitetstilbud_service_server::AktivitetstilbudServiceServer::new(service.clone()),
        )
        .add_service(statistikk_service_server::StatistikkServiceServer::new(
            service.clone(),
        ))
        .add_service(plandekning_service_server::PlandekningServiceServer::new(
            service.clone(),
        ))
        .add_service(oppfolging_service_server::OppfolgingServiceServer::new(
            service.clone(),
        ))
        .add_service(innboks_service_server::InnboksServiceServer::new(service))
    }

    fn consumers() -> Vec<Consumer> {
        vec![
            innboks::FRA_BESTILLERKONTOR,
            innboks::bolig::FRA_BOLIGKONTOR,
        ]
    }

    /// A deadline tells the unit, and becomes a task where somebody must act.
    fn on_deadline(tx: &mut Tx, deadline: DueDeadline) -> BoxFuture<'_, Result<(), Error>> {
        async move {
            notify(tx, &deadline);
            innboks::rpc::fra_frist(tx, &deadline).await
        }
        .boxed()
    }
}

samspor_chassis::rpc! {
    impl kontakt_service_server::KontaktService for Rop {
        write registrer_kontakt(RegistrerKontaktRequest) -> RegistrerKontaktResponse = kontakt::rpc::registrer;
        write annuller_kontakt(AnnullerKontaktRequest) -> AnnullerKontaktResponse = kontakt::rpc::annuller;
        read hent_kontakt(HentKontaktRequest) -> HentKontaktResponse = kontakt::rpc::hent;
        read list_kontakter(ListKontakterRequest) -> ListKontakterResponse = kontakt::rpc::list;
    }
}

samspor_chassis::rpc! {
    impl journal_service_server::JournalService for Rop {
        write skriv_aapent_notat(SkrivAapentNotatRequest) -> SkrivAapentNotatResponse = journal::rpc::skriv_aapent;
        write skriv_begrenset_notat(SkrivBegrensetNotatRequest) -> SkrivBegrensetNotatResponse = journal::rpc::skriv_begrenset;
        read hent_aapent_notat(HentAapentNotatRequest) -> HentAapentNotatResponse = journal::rpc::hent_aapent;
        read hent_begrenset_notat(HentBegrensetNotatRequest) -> HentBegrensetNotatResponse = journal::rpc::hent_begrenset;
        read list_aapne_notater(ListAapneNotaterRequest) -> ListAapneNotaterResponse = journal::rpc::list_aapne;
        read list_begrensede_notater(ListBegrensedeNotaterRequest) -> ListBegrensedeNotaterResponse = journal::rpc::list_begrensede;
    }
}

samspor_chassis::rpc! {
    impl risikovurdering_service_server::RisikovurderingService for Rop {
        write registrer_risikovurdering(RegistrerRisikovurderingRequest) -> RegistrerRisikovurderingResponse = risikovurdering::rpc::registrer;
        read hent_gjeldende_risikovurdering(HentGjeldendeRisikovurderingRequest) -> HentGjeldendeRisikovurderingResponse = risikovurdering::rpc::hent_gjeldende;
        read hent_risikovurdering(HentRisikovurderingRequest) -> HentRisikovurderingResponse = risikovurdering::rpc::hent;
        read list_risikovurderinger(ListRisikovurderingerRequest) -> ListRisikovurderingerResponse = risikovurdering::rpc::list;
    }
}

samspor_chassis::rpc! {
    impl kriseplan_service_server::KriseplanService for Rop {
        write skriv_kriseplan(SkrivKriseplanRequest) -> SkrivKriseplanResponse = kriseplan::rpc::skriv;
        read hent_kriseplan(HentKriseplanRequest) -> HentKriseplanResponse = kriseplan::rpc::hent;
        read list_kriseplaner(ListKriseplanerRequest) -> ListKriseplanerResponse = kriseplan::rpc::list;
    }
}

samspor_chassis::rpc! {
    impl behandling_service_server::BehandlingService for Rop {
        write tildel_behandler(TildelBehandlerRequest) -> TildelBehandlerResponse = behandler::rpc::tildel;
        write avslutt_behandler(AvsluttBehandlerRequest) -> AvsluttBehandlerResponse = behandler::rpc::avslutt;
        read list_behandlere(ListBehandlereRequest) -> ListBehandlereResponse = behandler::rpc::list;
    }
}

samspor_chassis::rpc! {
    impl oppfolging_service_server::OppfolgingService for Rop {
        write apne_oppfolging(ApneOppfolgingRequest) -> ApneOppfolgingResponse = oppfolging::rpc::apne;
        write bekreft_oppfolging(BekreftOppfolgingRequest) -> BekreftOppfolgingResponse = oppfolging::rpc::bekreft;
        write avslutt_oppfolging(AvsluttOppfolgingRequest) -> AvsluttOppfolgingResponse = oppfolging::rpc::avslutt;
        read hent_oppfolging(HentOppfolgingRequest) -> HentOppfolgingResponse = oppfolging::rpc::hent;
        read list_oppfolginger(ListOppfolgingerRequest) -> ListOppfolgingerResponse = oppfolging::rpc::list;
    }
}

samspor_chassis::rpc! {
    impl innboks_service_server::InnboksService for Rop {
        read list_oppgaver(ListOppgaverRequest) -> ListOppgaverResponse = innboks::rpc::list;
        write kvitter_oppgave(KvitterOppgaveRequest) -> KvitterOppgaveResponse = innboks::rpc::kvitter;
    }
}

samspor_chassis::rpc! {
    impl behandlingsplan_service_server::BehandlingsplanService for Rop {
        write skriv_behandlingsplan(SkrivBehandlingsplanRequest) -> SkrivBehandlingsplanResponse = behandlingsplan::skriv;
        read hent_behandlingsplan(HentBehandlingsplanRequest) -> HentBehandlingsplanResponse = behandlingsplan::hent;
        read list_behandlingsplaner(ListBehandlingsplanerRequest) -> ListBehandlingsplanerResponse = behandlingsplan::list;
    }
}

samspor_chassis::rpc! {
    impl hovedforlop_service_server::HovedforlopService for Rop {
        write sett_hovedforlop(SettHovedforlopRequest) -> SettHovedforlopResponse = hovedforlop::sett;
        write avslutt_hovedforlop(AvsluttHovedforlopRequest) -> AvsluttHovedforlopResponse = hovedforlop::avslutt_navngitt;
        read list_hovedforlop(ListHovedforlopRequest) -> ListHovedforlopResponse = hovedforlop::list;
    }
}

samspor_chassis::rpc! {
    impl kontaktplan_service_server::KontaktplanService for Rop {
        write opprett_kontaktplan(OpprettKontaktplanRequest) -> OpprettKontaktplanResponse = kontaktplan::opprett;
        write meld_kontaktsteg(MeldKontaktstegRequest) -> MeldKontaktstegResponse = kontaktplan::meld_steg;
        write endre_naklasse(EndreNaklasseRequest) -> EndreNaklasseResponse = kontaktplan::endre_klasse;
        write avslutt_kontaktplan(AvsluttKontaktplanRequest) -> AvsluttKontaktplanResponse = kontaktplan::avslutt;
        read list_kontaktplaner(ListKontaktplanerRequest) -> ListKontaktplanerResponse = kontaktplan::list;
    }
}

samspor_chassis::rpc! {
    impl lavterskel_service_server::LavterskelService for Rop {
        write registrer_lavterskel(RegistrerLavterskelRequest) -> RegistrerLavterskelResponse = lavterskel::registrer;
        read list_lavterskel(ListLavterskelRequest) -> ListLavterskelResponse = lavterskel::list;
    }
}

samspor_chassis::rpc! {
    impl planlegging_service_server::PlanleggingService for Rop {
        write planlegg_kontakt(PlanleggKontaktRequest) -> PlanleggKontaktResponse = planlegging::planlegg;
        write avlys_kontakt(AvlysKontaktRequest) -> AvlysKontaktResponse = planlegging::avlys;
        read list_planlagte_kontakter(ListPlanlagteKontakterRequest) -> ListPlanlagteKontakterResponse = planlegging::list;
    }
}

samspor_chassis::rpc! {
    impl primaerkontakt_service_server::PrimaerkontaktService for Rop {
        write tildel_primaerkontakt(TildelPrimaerkontaktRequest) -> TildelPrimaerkontaktResponse = primaerkontakt::tildel;
        write avslutt_primaerkontakt(AvsluttPrimaerkontaktRequest) -> AvsluttPrimaerkontaktResponse = primaerkontakt::avslutt;
        read list_primaerkontakter(ListPrimaerkontakterRequest) -> ListPrimaerkontakterResponse = primaerkontakt::list;
        read list_belastning(ListBelastningRequest) -> ListBelastningResponse = primaerkontakt::list_belastning;
    }
}

samspor_chassis::rpc! {
    impl tilbakemelding_service_server::TilbakemeldingService for Rop {
        write gi_tilbakemelding(GiTilbakemeldingRequest) -> GiTilbakemeldingResponse = tilbakemelding::gi;
        write besvar_tilbakemelding(BesvarTilbakemeldingRequest) -> BesvarTilbakemeldingResponse = tilbakemelding::besvar;
        read hent_tilbakemelding(HentTilbakemeldingRequest) -> HentTilbakemeldingResponse = tilbakemelding::hent;
        read list_tilbakemeldinger(ListTilbakemeldingerRequest) -> ListTilbakemeldingerResponse = tilbakemelding::list;
        read list_ubesvarte_tilbakemeldinger(ListUbesvarteTilbakemeldingerRequest) -> ListUbesvarteTilbakemeldingerResponse = tilbakemelding::list_ubesvarte;
    }
}

samspor_chassis::rpc! {
    impl aktivitetstilbud_service_server::AktivitetstilbudService for Rop {
        write registrer_aktivitetstilbud(RegistrerAktivitetstilbudRequest) -> RegistrerAktivitetstilbudResponse = aktivitetstilbud::registrer;
        write avslutt_aktivitetstilbud(AvsluttAktivitetstilbudRequest) -> AvsluttAktivitetstilbudResponse = aktivitetstilbud::avslutt;
        read hent_aktivitetstilbud(HentAktivitetstilbudRequest) -> HentAktivitetstilbudResponse = aktivitetstilbud::hent;
        read list_aktivitetstilbud(ListAktivitetstilbudRequest) -> ListAktivitetstilbudResponse = aktivitetstilbud::list;
    }
}

samspor_chassis::rpc! {
    impl plandekning_service_server::PlandekningService for Rop {
        read hent_plandekning(HentPlandekningRequest) -> HentPlandekningResponse = plandekning::hent;
        read list_planmangler(ListPlanmanglerRequest) -> ListPlanmanglerResponse = plandekning::list;
    }
}

samspor_chassis::rpc! {
    impl statistikk_service_server::StatistikkService for Rop {
        read hent_statistikk(HentStatistikkRequest) -> HentStatistikkResponse = statistikk::hent;
        write publiser_statistikk(PubliserStatistikkRequest) -> PubliserStatistikkResponse = statistikk::publiser;
        read hent_publisert_statistikk(HentPublisertStatistikkRequest) -> HentPublisertStatistikkResponse = statistikk::hent_publisert;
    }
}

/// Who acts, for a unit: it owns what is registered.
///
/// # Errors
/// `IKKE_TILLATT` for another unit: a relation to the person does not make it
/// an author here.
fn for_enhet(tx: &Tx) -> Result<Aktor, Refusal> {
    let av = Aktor::from(&tx.call().actor);
    if av.enhet != ENHET {
        return Err(Refusal::new(Feilgrunn::IkkeTillatt)
            .with("regel", "W3")
            .with("rad", "Bare ROP-tjenesten registrerer her."));
    }
    Ok(av)
}

/// Who acts: the unit, or the person (or who represents the person), whom the
/// gateway let through for the records of that person.
///
/// # Errors
/// `IKKE_TILLATT` for another unit.
fn for_person_eller_enhet(tx: &Tx) -> Result<Aktor, Refusal> {
    let av = Aktor::from(&tx.call().actor);
    if av.rolle == Rolle::Innbygger {
        return Ok(av);
    }
    for_enhet(tx)
}

/// The unit that a request names: `own`; another has nothing here.
fn egen_enhet(name: &str, own: &str, faults: &mut FieldFaults) -> String {
    let enhet = navn::les_enhet(name, "parent", faults);
    if !enhet.is_empty() && enhet != own {
        faults.form("parent", format_args!("enheter/{own}"));
    }
    enhet
}
