//! Nav: the municipal social service (sosialtjenesteloven).
//!
//! One folder or file per resource: [`botilbud`] (a request for somewhere to
//! sleep tonight, and its outcome), [`natt`] (who has an offer for tonight, and
//! how many had none), [`plass`] (where somebody can stay), [`innboks`] (what
//! waits for the unit), and [`sak`] (that the unit has a case, on which its
//! access rests; no contract). In a folder `mod.rs` has the record, `rules.rs`
//! what may happen to it (pure), `rpc.rs` the contract; a small resource is one
//! file. Records of persons are stored by the chassis' `lager`.
//!
//! Where the person is hidden from this unit, one that still sees the person
//! owns the record and works here through the gateway.
//!
//! A new verb: the contract (`proto/samspor/nav/v1`), a pure function, a thin
//! one for the contract, a line in the table below. A new record of a person
//! that goes on: a line in [`apne`], so that the case does not end before it.

mod apne;
mod botilbud;
mod innboks;
mod innstillinger;
mod natt;
#[cfg(test)]
mod nattprove;
#[cfg(test)]
mod planprove;
mod plass;
#[cfg(test)]
mod prove;
mod sak;

use futures::{FutureExt as _, future::BoxFuture};
use samspor_chassis::{
    deadlines::{DueDeadline, Stage, notify},
    domene::{Aktor, navn},
    error::{Error, FieldFaults, Refusal},
    server::{Agency, Chassis},
    store::{Migrations, Tx},
};
use samspor_proto::{
    felles::Feilgrunn,
    nav::{
        AvslaBotilbudRequest, AvslaBotilbudResponse, AvsluttPlassRequest, AvsluttPlassResponse,
        BortfallBotilbudRequest, BortfallBotilbudResponse, HentBotilbudRequest,
        HentBotilbudResponse, HentNattallRequest, HentNattallResponse, HentNattilbudRequest,
        HentNattilbudResponse, HentPlassRequest, HentPlassResponse, HentPublisertNattallRequest,
        HentPublisertNattallResponse, InnvilgBotilbudRequest, InnvilgBotilbudResponse,
        KontrollerPlassRequest, KontrollerPlassResponse, KvitterOppgaveRequest,
        KvitterOppgaveResponse, ListBotilbudRequest, ListBotilbudResponse, ListOppgaverRequest,
        ListOppgaverResponse, ListPlasserRequest, ListPlasserResponse, ListVentendeBotilbudRequest,
        ListVentendeBotilbudResponse, MeldBehovRequest, MeldBehovResponse, MeldIkkeKlartRequest,
        MeldIkkeKlartResponse, PubliserNattallRequest, PubliserNattallResponse,
        RegistrerPlassRequest, RegistrerPlassResponse, botilbud_service_server,
        innboks_service_server, natt_service_server, plass_service_server,
    },
};
use tonic::service::Routes;

/// Id of the unit that this service is.
pub(crate) const ENHET: &str = "nav";
/// Id of the unit that counts who waits for a dwelling.
pub(crate) const BOLIGKONTOR: &str = "boligkontor";

/// The service.
#[derive(Clone)]
pub struct Nav {
    chassis: Chassis,
}

impl Agency for Nav {
    const NAME: &'static str = ENHET;

    fn migrations() -> Migrations {
        &[("001_nav", include_str!("../migrations/001_nav.sql"))]
    }

    fn routes(chassis: Chassis) -> Routes {
        let service = Self { chassis };
        Routes::new(plass_service_server::PlassServiceServer::new(
            service.clone(),
        ))
        .add_service(botilbud_service_server::BotilbudServiceServer::new(
            service.clone(),
        ))
        .add_service(natt_service_server::NattServiceServer::new(service.clone()))
        .add_service(innboks_service_server::InnboksServiceServer::new(service))
    }

    /// A deadline tells the unit, and becomes a task where somebody must act.
    fn on_deadline(tx: &mut Tx, deadline: DueDeadline) -> BoxFuture<'_, Result<(), Error>> {
        async move {
            if deadline.kind == sak::FRIST_SLUTT {
                return sak::slutt(tx, &deadline.person, &deadline.eier).await;
            }
            notify(tx, &deadline);
            innboks::fra_frist(tx, &deadline).await?;
            if deadline.kind == botilbud::FRIST_NATT && deadline.stage == Stage::Due {
                botilbud::rpc::natt_brutt(tx, &deadline.post).await?;
            }
            Ok(())
        }
        .boxed()
    }
}

samspor_chassis::rpc! {
    impl plass_service_server::PlassService for Nav {
        write registrer_plass(RegistrerPlassRequest) -> RegistrerPlassResponse = plass::registrer;
        write kontroller_plass(KontrollerPlassRequest) -> KontrollerPlassResponse = plass::kontroller;
        write avslutt_plass(AvsluttPlassRequest) -> AvsluttPlassResponse = plass::avslutt;
        read hent_plass(HentPlassRequest) -> HentPlassResponse = plass::hent;
        read list_plasser(ListPlasserRequest) -> ListPlasserResponse = plass::list;
    }
}

samspor_chassis::rpc! {
    impl botilbud_service_server::BotilbudService for Nav {
        write meld_behov(MeldBehovRequest) -> MeldBehovResponse = botilbud::rpc::meld;
        write innvilg_botilbud(InnvilgBotilbudRequest) -> InnvilgBotilbudResponse = botilbud::rpc::innvilg;
        write avsla_botilbud(AvslaBotilbudRequest) -> AvslaBotilbudResponse = botilbud::rpc::avsla;
        write meld_ikke_klart(MeldIkkeKlartRequest) -> MeldIkkeKlartResponse = botilbud::rpc::ikke_klart;
        write bortfall_botilbud(BortfallBotilbudRequest) -> BortfallBotilbudResponse = botilbud::rpc::bortfall;
        read hent_botilbud(HentBotilbudRequest) -> HentBotilbudResponse = botilbud::rpc::hent;
        read list_botilbud(ListBotilbudRequest) -> ListBotilbudResponse = botilbud::rpc::list;
        read list_ventende_botilbud(ListVentendeBotilbudRequest) -> ListVentendeBotilbudResponse = botilbud::rpc::list_ventende;
    }
}

samspor_chassis::rpc! {
    impl natt_service_server::NattService for Nav {
        read hent_nattilbud(HentNattilbudRequest) -> HentNattilbudResponse = natt::hent_tilbud;
        read hent_nattall(HentNattallRequest) -> HentNattallResponse = natt::hent_tall;
        write publiser_nattall(PubliserNattallRequest) -> PubliserNattallResponse = natt::publiser;
        read hent_publisert_nattall(HentPublisertNattallRequest) -> HentPublisertNattallResponse = natt::hent_publisert;
    }
}

samspor_chassis::rpc! {
    impl innboks_service_server::InnboksService for Nav {
        read list_oppgaver(ListOppgaverRequest) -> ListOppgaverResponse = innboks::list;
        write kvitter_oppgave(KvitterOppgaveRequest) -> KvitterOppgaveResponse = innboks::kvitter;
    }
}

/// Whose record something becomes that is registered about a person: this
/// unit's, unless the person is hidden from it. Then that of a unit that still
/// sees the person: first of one that gives beds, then any.
fn ansvarlig(tx: &Tx) -> String {
    let call = tx.call();
    if call.mandaterte.is_empty() || call.mandaterte.iter().any(|unit| unit == ENHET) {
        return ENHET.to_owned();
    }
    let gives = |unit: &&String| {
        call.boligtildelere
            .values()
            .flatten()
            .any(|held| held == *unit)
    };
    let first = call
        .mandaterte
        .iter()
        .find(gives)
        .or(call.mandaterte.first());
    first.map_or_else(|| ENHET.to_owned(), Clone::clone)
}

/// Only the unit that owns a record changes it.
///
/// # Errors
/// `IKKE_TILLATT` for another unit.
fn krev_eier(av: &Aktor, enhet: &str) -> Result<(), Refusal> {
    if av.enhet == enhet {
        return Ok(());
    }
    Err(Refusal::new(Feilgrunn::IkkeTillatt)
        .with("regel", "W3")
        .with("rad", "Bare enheten som eier posten, kan dette."))
}

/// Who acts, for this unit: it owns what is registered.
///
/// # Errors
/// `IKKE_TILLATT` for another unit.
fn for_enhet(tx: &Tx) -> Result<Aktor, Refusal> {
    let av = Aktor::from(&tx.call().actor);
    krev_eier(&av, ENHET)?;
    Ok(av)
}

/// The unit that a request names: this one; another has nothing here.
fn egen_enhet(name: &str, faults: &mut FieldFaults) -> String {
    let enhet = navn::les_enhet(name, "parent", faults);
    if !enhet.is_empty() && enhet != ENHET {
        faults.form("parent", format_args!("enheter/{ENHET}"));
    }
    enhet
}
