//! Nav: the municipal social service (sosialtjenesteloven).
//!
//! One folder or file per resource: [`botilbud`] (a request for somewhere to
//! sleep tonight, and its outcome), [`natt`] (who has an offer for tonight, and
//! how many had none), [`opphold`] (a stay, with one clock over all places),
//! [`plass`] (where somebody can stay), [`utestengelse`] (who is barred),
//! [`rad`] (§ 17), [`livsopphold`] (§ 18), [`forvaltning`] (of money, by
//! consent), [`henvendelse`] (enquiries), [`brukererfaring`] (what persons say),
//! [`innboks`] (what waits for the unit), and [`sak`] (that the unit has a case,
//! on which its access rests; no contract). In a folder `mod.rs` has the record, `rules.rs`
//! what may happen to it (pure), `rpc.rs` the contract; a small resource is one
//! file. Records of persons are stored by the chassis' `lager`.
//!
//! Where the person is hidden from this unit, one that still sees the person
//! owns the record and works here through the gateway.
//!
//! A new verb: the contract (`proto/samspor/nav/v1`), a pure function, a thin
//! one for the contract, a line in the table below. A new record of a person
//! that goes on: a line in [`apne`], so that the case does not end before it.
//! What another system kept of nights and stays is taken in by [`historie`].

mod apne;
mod bolig;
mod botilbud;
mod brukererfaring;
mod forvaltning;
mod henvendelse;
pub mod historie;
mod innboks;
mod innstillinger;
#[cfg(test)]
mod klokkeprove;
mod lesing;
mod livsopphold;
mod natt;
#[cfg(test)]
mod nattprove;
#[cfg(test)]
mod oppfolgingsprove;
mod opphold;
#[cfg(test)]
mod oppholdprove;
#[cfg(test)]
mod planprove;
mod plass;
#[cfg(test)]
mod plassprove;
#[cfg(test)]
mod prove;
mod rad;
mod sak;
#[cfg(test)]
mod stengtprove;
mod utestengelse;
#[cfg(test)]
mod utestengelseprove;

use futures::{FutureExt as _, future::BoxFuture};
use samspor_chassis::{
    deadlines::{DueDeadline, Stage, notify},
    domene::{Aktor, navn},
    error::{Error, FieldFaults, Refusal},
    feeds::Consumer,
    server::{Agency, Chassis},
    store::{Migrations, Tx},
};
use samspor_proto::{
    felles::Feilgrunn,
    nav::{
        AvgjorUtestengelsesklageRequest, AvgjorUtestengelsesklageResponse, AvslaBotilbudRequest,
        AvslaBotilbudResponse, AvsluttForvaltningRequest, AvsluttForvaltningResponse,
        AvsluttLivsoppholdRequest, AvsluttLivsoppholdResponse, AvsluttOppholdRequest,
        AvsluttOppholdResponse, AvsluttPlassRequest, AvsluttPlassResponse,
        BekreftHenvendelseRequest, BekreftHenvendelseResponse, BekreftRadRequest,
        BekreftRadResponse, BesvarBrukererfaringRequest, BesvarBrukererfaringResponse,
        BesvarHenvendelseRequest, BesvarHenvendelseResponse, BortfallBotilbudRequest,
        BortfallBotilbudResponse, FlyttOppholdRequest, FlyttOppholdResponse, ForlengOppholdRequest,
        ForlengOppholdResponse, GiBrukererfaringRequest, GiBrukererfaringResponse, GiRadRequest,
        GiRadResponse, GjennomgaUtestengelseRequest, GjennomgaUtestengelseResponse,
        HentBotilbudRequest, HentBotilbudResponse, HentBrukererfaringRequest,
        HentBrukererfaringResponse, HentForvaltningRequest, HentForvaltningResponse,
        HentHenvendelseRequest, HentHenvendelseResponse, HentLivsoppholdRequest,
        HentLivsoppholdResponse, HentNattallRequest, HentNattallResponse, HentNattilbudRequest,
        HentNattilbudResponse, HentOppholdRequest, HentOppholdResponse, HentPlassRequest,
        HentPlassResponse, HentPublisertNattallRequest, HentPublisertNattallResponse,
        HentRadRequest, HentRadResponse, HentUtestengelseRequest, HentUtestengelseResponse,
        InnvilgBotilbudRequest, InnvilgBotilbudResponse, InnvilgLivsoppholdRequest,
        InnvilgLivsoppholdResponse, InnvilgUnntakRequest, InnvilgUnntakResponse,
        KlagUtestengelseRequest, KlagUtestengelseResponse, KontrollerPlassRequest,
        KontrollerPlassResponse, KvitterOppgaveRequest, KvitterOppgaveResponse,
        ListBotilbudRequest, ListBotilbudResponse, ListBrukererfaringerRequest,
        ListBrukererfaringerResponse, ListForvaltningerRequest, ListForvaltningerResponse,
        ListHenvendelserRequest, ListHenvendelserResponse, ListLivsoppholdRequest,
        ListLivsoppholdResponse, ListLopendeOppholdRequest, ListLopendeOppholdResponse,
        ListOppgaverRequest, ListOppgaverResponse, ListOppholdRequest, ListOppholdResponse,
        ListPlasserRequest, ListPlasserResponse, ListRadRequest, ListRadResponse,
        ListUbesvarteBrukererfaringerRequest, ListUbesvarteBrukererfaringerResponse,
        ListUtestengelserRequest, ListUtestengelserResponse, ListVentendeBotilbudRequest,
        ListVentendeBotilbudResponse, MeldBehovRequest, MeldBehovResponse, MeldHenvendelseRequest,
        MeldHenvendelseResponse, MeldIkkeKlartRequest, MeldIkkeKlartResponse,
        PubliserNattallRequest, PubliserNattallResponse, RegistrerPlassRequest,
        RegistrerPlassResponse, RegistrerUtestengelseRequest, RegistrerUtestengelseResponse,
        SamtykkForvaltningRequest, SamtykkForvaltningResponse, TrekkForvaltningRequest,
        TrekkForvaltningResponse, VurderLivsoppholdRequest, VurderLivsoppholdResponse,
        botilbud_service_server, brukererfaring_service_server, forvaltning_service_server,
        henvendelse_service_server, innboks_service_server, livsopphold_service_server,
        natt_service_server, opphold_service_server, plass_service_server, rad_service_server,
        utestengelse_service_server,
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
        &[
            ("001_nav", include_str!("../migrations/001_nav.sql")),
            (
                "002_opphold_og_oppfolging",
                include_str!("../migrations/002_opphold_og_oppfolging.sql"),
            ),
            ("003_bolig", include_str!("../migrations/003_bolig.sql")),
            ("009_senger", include_str!("../migrations/009_senger.sql")),
            (
                "010_stengte_netter",
                include_str!("../migrations/010_stengte_netter.sql"),
            ),
            (
                "011_senger_resten",
                include_str!("../migrations/011_senger_resten.sql"),
            ),
        ]
    }

    fn routes(chassis: Chassis) -> Routes {
        let service = Self { chassis };
        Routes::new(plass_service_server::PlassServiceServer::new(
            service.clone(),
        ))
        .add_service(botilbud_service_server::BotilbudServiceServer::new(
            service.clone(),
        ))
        .add_service(opphold_service_server::OppholdServiceServer::new(
            service.clone(),
        ))
        .add_service(utestengelse_service_server::UtestengelseServiceServer::new(
            service.clone(),
        ))
        .add_service(henvendelse_service_server::HenvendelseServiceServer::new(
            service.clone(),
        ))
        .add_service(rad_service_server::RadServiceServer::new(service.clone()))
        .add_service(livsopphold_service_server::LivsoppholdServiceServer::new(
            service.clone(),
        ))
        .add_service(forvaltning_service_server::ForvaltningServiceServer::new(
            service.clone(),
        ))
        .add_service(
            brukererfaring_service_server::BrukererfaringServiceServer::new(service.clone()),
        )
        .add_service(natt_service_server::NattServiceServer::new(service.clone()))
        .add_service(innboks_service_server::InnboksServiceServer::new(service))
    }

    fn consumers() -> Vec<Consumer> {
        vec![bolig::FRA_BOLIGKONTOR]
    }

    /// A deadline tells the unit, and becomes a task where somebody must act.
    fn on_deadline(tx: &mut Tx, deadline: DueDeadline) -> BoxFuture<'_, Result<(), Error>> {
        async move {
            if deadline.kind == sak::FRIST_SLUTT {
                return sak::slutt(tx, &deadline.person, &deadline.eier).await;
            }
            if deadline.kind == utestengelse::FRIST_UTLOP {
                return utestengelse::utlopt(tx, &deadline.post).await;
            }
            notify(tx, &deadline);
            innboks::fra_frist(tx, &deadline).await?;
            if deadline.kind == botilbud::FRIST_NATT && deadline.stage == Stage::Due {
                botilbud::rpc::natt_brutt(tx, &deadline.post).await?;
            }
            if deadline.kind == opphold::stengt::FRIST_UTESTENGT && deadline.stage == Stage::Due {
                opphold::stengt::natt_brutt(tx, &deadline.post).await?;
            }
            if deadline.kind == opphold::FRIST_TRE_MANEDER && deadline.stage == Stage::Due {
                opphold::over_tre_maneder(tx, &deadline.post).await?;
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
    impl opphold_service_server::OppholdService for Nav {
        write flytt_opphold(FlyttOppholdRequest) -> FlyttOppholdResponse = opphold::rpc::flytt_navngitt;
        write forleng_opphold(ForlengOppholdRequest) -> ForlengOppholdResponse = opphold::rpc::forleng;
        write innvilg_unntak(InnvilgUnntakRequest) -> InnvilgUnntakResponse = opphold::rpc::unntak;
        write avslutt_opphold(AvsluttOppholdRequest) -> AvsluttOppholdResponse = opphold::rpc::avslutt;
        read hent_opphold(HentOppholdRequest) -> HentOppholdResponse = opphold::rpc::hent;
        read list_opphold(ListOppholdRequest) -> ListOppholdResponse = opphold::rpc::list;
        read list_lopende_opphold(ListLopendeOppholdRequest) -> ListLopendeOppholdResponse = opphold::rpc::list_lopende;
    }
}

samspor_chassis::rpc! {
    impl utestengelse_service_server::UtestengelseService for Nav {
        write registrer_utestengelse(RegistrerUtestengelseRequest) -> RegistrerUtestengelseResponse = utestengelse::registrer;
        write gjennomga_utestengelse(GjennomgaUtestengelseRequest) -> GjennomgaUtestengelseResponse = utestengelse::gjennomga;
        write klag_utestengelse(KlagUtestengelseRequest) -> KlagUtestengelseResponse = utestengelse::klag;
        write avgjor_utestengelsesklage(AvgjorUtestengelsesklageRequest) -> AvgjorUtestengelsesklageResponse = utestengelse::avgjor_klage;
        read hent_utestengelse(HentUtestengelseRequest) -> HentUtestengelseResponse = utestengelse::hent;
        read list_utestengelser(ListUtestengelserRequest) -> ListUtestengelserResponse = utestengelse::list;
    }
}

samspor_chassis::rpc! {
    impl henvendelse_service_server::HenvendelseService for Nav {
        write meld_henvendelse(MeldHenvendelseRequest) -> MeldHenvendelseResponse = henvendelse::meld;
        write bekreft_henvendelse(BekreftHenvendelseRequest) -> BekreftHenvendelseResponse = henvendelse::bekreft;
        write besvar_henvendelse(BesvarHenvendelseRequest) -> BesvarHenvendelseResponse = henvendelse::besvar;
        read hent_henvendelse(HentHenvendelseRequest) -> HentHenvendelseResponse = henvendelse::hent;
        read list_henvendelser(ListHenvendelserRequest) -> ListHenvendelserResponse = henvendelse::list;
    }
}

samspor_chassis::rpc! {
    impl rad_service_server::RadService for Nav {
        write gi_rad(GiRadRequest) -> GiRadResponse = rad::gi;
        write bekreft_rad(BekreftRadRequest) -> BekreftRadResponse = rad::bekreft;
        read hent_rad(HentRadRequest) -> HentRadResponse = rad::hent;
        read list_rad(ListRadRequest) -> ListRadResponse = rad::list;
    }
}

samspor_chassis::rpc! {
    impl livsopphold_service_server::LivsoppholdService for Nav {
        write innvilg_livsopphold(InnvilgLivsoppholdRequest) -> InnvilgLivsoppholdResponse = livsopphold::innvilg;
        write vurder_livsopphold(VurderLivsoppholdRequest) -> VurderLivsoppholdResponse = livsopphold::vurder;
        write avslutt_livsopphold(AvsluttLivsoppholdRequest) -> AvsluttLivsoppholdResponse = livsopphold::avslutt;
        read hent_livsopphold(HentLivsoppholdRequest) -> HentLivsoppholdResponse = livsopphold::hent;
        read list_livsopphold(ListLivsoppholdRequest) -> ListLivsoppholdResponse = livsopphold::list;
    }
}

samspor_chassis::rpc! {
    impl forvaltning_service_server::ForvaltningService for Nav {
        write samtykk_forvaltning(SamtykkForvaltningRequest) -> SamtykkForvaltningResponse = forvaltning::samtykk;
        write trekk_forvaltning(TrekkForvaltningRequest) -> TrekkForvaltningResponse = forvaltning::trekk;
        write avslutt_forvaltning(AvsluttForvaltningRequest) -> AvsluttForvaltningResponse = forvaltning::avslutt;
        read hent_forvaltning(HentForvaltningRequest) -> HentForvaltningResponse = forvaltning::hent;
        read list_forvaltninger(ListForvaltningerRequest) -> ListForvaltningerResponse = forvaltning::list;
    }
}

samspor_chassis::rpc! {
    impl brukererfaring_service_server::BrukererfaringService for Nav {
        write gi_brukererfaring(GiBrukererfaringRequest) -> GiBrukererfaringResponse = brukererfaring::gi;
        write besvar_brukererfaring(BesvarBrukererfaringRequest) -> BesvarBrukererfaringResponse = brukererfaring::besvar;
        read hent_brukererfaring(HentBrukererfaringRequest) -> HentBrukererfaringResponse = brukererfaring::hent;
        read list_brukererfaringer(ListBrukererfaringerRequest) -> ListBrukererfaringerResponse = brukererfaring::list;
        read list_ubesvarte_brukererfaringer(ListUbesvarteBrukererfaringerRequest) -> ListUbesvarteBrukererfaringerResponse = brukererfaring::list_ubesvarte;
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
