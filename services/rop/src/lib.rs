//! ROP-tjenesten: delivers services to people with ROP-lidelser, with and
//! without vedtak.
//!
//! Six resources, one folder each: [`kontakt`] (what happened between the
//! service and the person), [`journal`] (open and restricted notes),
//! [`risikovurdering`] (the safety of staff), [`kriseplan`] (what helps in a
//! crisis), [`behandler`] (who treats), [`innboks`] (what has come to the unit
//! and waits). In each, `mod.rs` has the record, `rules.rs` what may happen to
//! it (pure), `rpc.rs` the contract, `store.rs` the SQL. The oppdrag that it
//! delivers are held by bestillerkontor, whose events fill the inbox.
//!
//! A new verb: the contract (`proto/samspor/rop/v1`), a pure function in the
//! resource's `rules.rs`, a thin one in `rpc.rs`, a line in the table below.

mod behandler;
mod innboks;
mod journal;
mod kontakt;
mod kriseplan;
mod risikovurdering;
mod unntak;

use samspor_chassis::{
    domene::Aktor,
    error::{Error, Refusal},
    feeds::Consumer,
    server::{Agency, Chassis},
    store::{Migrations, Tx},
};
use samspor_proto::{
    felles::Feilgrunn,
    rop::{
        AvsluttBehandlerRequest, AvsluttBehandlerResponse, HentAapentNotatRequest,
        HentAapentNotatResponse, HentBegrensetNotatRequest, HentBegrensetNotatResponse,
        HentGjeldendeRisikovurderingRequest, HentGjeldendeRisikovurderingResponse,
        HentKontaktRequest, HentKontaktResponse, HentKriseplanRequest, HentKriseplanResponse,
        HentRisikovurderingRequest, HentRisikovurderingResponse, KvitterOppgaveRequest,
        KvitterOppgaveResponse, ListAapneNotaterRequest, ListAapneNotaterResponse,
        ListBegrensedeNotaterRequest, ListBegrensedeNotaterResponse, ListBehandlereRequest,
        ListBehandlereResponse, ListKontakterRequest, ListKontakterResponse,
        ListKriseplanerRequest, ListKriseplanerResponse, ListOppgaverRequest, ListOppgaverResponse,
        ListRisikovurderingerRequest, ListRisikovurderingerResponse, RegistrerKontaktRequest,
        RegistrerKontaktResponse, RegistrerRisikovurderingRequest,
        RegistrerRisikovurderingResponse, SkrivAapentNotatRequest, SkrivAapentNotatResponse,
        SkrivBegrensetNotatRequest, SkrivBegrensetNotatResponse, SkrivKriseplanRequest,
        SkrivKriseplanResponse, TildelBehandlerRequest, TildelBehandlerResponse,
        behandling_service_server, innboks_service_server, journal_service_server,
        kontakt_service_server, kriseplan_service_server, risikovurdering_service_server,
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
        &[("001_rop", include_str!("../migrations/001_rop.sql"))]
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
        .add_service(innboks_service_server::InnboksServiceServer::new(service))
    }

    fn consumers() -> Vec<Consumer> {
        vec![innboks::FRA_BESTILLERKONTOR]
    }
}

samspor_chassis::rpc! {
    impl kontakt_service_server::KontaktService for Rop {
        write registrer_kontakt(RegistrerKontaktRequest) -> RegistrerKontaktResponse = kontakt::rpc::registrer;
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
    impl innboks_service_server::InnboksService for Rop {
        read list_oppgaver(ListOppgaverRequest) -> ListOppgaverResponse = innboks::rpc::list;
        write kvitter_oppgave(KvitterOppgaveRequest) -> KvitterOppgaveResponse = innboks::rpc::kvitter;
    }
}

/// Changes of one person's records run one after the other: a record looks at
/// those before it.
async fn las_person(tx: &mut Tx, person: &str) -> Result<(), Error> {
    tx.lock(&format!("person/{person}")).await
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
