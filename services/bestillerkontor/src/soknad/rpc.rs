//! `SoknadService`: contract ↔ domain.

use samspor_chassis::{
    domene::{Aktor, felt, navn},
    error::{Error, FieldFaults, Refusal},
    page::Page,
    store::{Tx, etag},
    tid::Tid,
};
use samspor_proto::{
    bestillerkontor::{
        AvvisHenleggelseRequest, AvvisHenleggelseResponse, ForeslaHenleggelseRequest,
        ForeslaHenleggelseResponse, GiForelopigSvarRequest, GiForelopigSvarResponse,
        GjorKlarSoknadRequest, GjorKlarSoknadResponse, HenleggSoknadRequest, HenleggSoknadResponse,
        HentSoknadRequest, HentSoknadResponse, ListEnhetensSoknaderRequest,
        ListEnhetensSoknaderResponse, ListSoknaderRequest, ListSoknaderResponse,
        MottaSoknadRequest, MottaSoknadResponse, SettKontaktsamtykkeRequest,
        SettKontaktsamtykkeResponse, SoknadTilstand, StartKartleggingRequest,
        StartKartleggingResponse, TrekkSoknadRequest, TrekkSoknadResponse,
    },
    felles::{Kvittering, Rolle},
};

use super::{SAMLING, Soknad, Tilstand, kontakt, rules, store};
use crate::{
    kartlegging::{self, les::Kall},
    mottatt,
    vedtak::{Vedtak, rules::Myndighet},
};

/// Characters of a reference on a receipt: 48 bits of chance.
const REFERANSE: usize = 12;

pub(crate) async fn motta(
    tx: &mut Tx,
    request: MottaSoknadRequest,
) -> Result<MottaSoknadResponse, Error> {
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&request.parent, "parent", &mut faults);
    let actor = &tx.call().actor;
    let fra_personen =
        actor.rolle == Rolle::Innbygger && actor.person.as_deref() == Some(person.as_str());
    let av = Aktor::from(actor);
    let mottatt = mottatt::les(
        &request.mottatt,
        &request.etterregistrert_grunn,
        "mottatt",
        fra_personen,
        tx.now(),
        &mut faults,
    );
    let funksjoner = tx.call().funksjoner.clone();
    let innsendt = rules::les(request, fra_personen, &funksjoner, &mut faults);
    faults.finish()?;

    let chance: String = tx
        .new_person_id()
        .chars()
        .filter(|c| *c != '-')
        .take(REFERANSE)
        .collect();
    let mottak = rules::Mottak {
        person,
        id: tx.new_id(),
        referanse: format!("S-{}", chance.to_uppercase()),
        av,
        fra_personen,
        ansvarlig: rules::ansvarlig(&tx.call().mandaterte, &tx.call().utforere),
        mottatt,
    };
    let (soknad, virkninger) = rules::motta(mottak, innsendt, tx.now());
    store::sett_inn(tx, &soknad).await?;
    crate::innboks::utfor(tx, virkninger).await?;
    Ok(MottaSoknadResponse {
        kvittering: Some(kvittering(&soknad, tx.now())),
    })
}

pub(crate) async fn start(
    tx: &mut Tx,
    request: StartKartleggingRequest,
) -> Result<StartKartleggingResponse, Error> {
    let mut faults = FieldFaults::new();
    let earlier = (!request.bygger_pa.is_empty()).then(|| {
        let collection = kartlegging::SAMLING;
        navn::les_post(&request.bygger_pa, collection, "bygger_pa", &mut faults)
    });
    let ny_begrunnelse = felt::tekst(
        &request.ny_begrunnelse,
        "ny_begrunnelse",
        felt::LANG,
        &mut faults,
    );
    let soknad = les(tx, &request.name, faults).await?;
    let known = kartlegging::store::siste_ferdige(tx, &soknad.person).await?;
    rules::krev_grunnlag(earlier.is_some(), &ny_begrunnelse, known.as_ref())?;
    let bygger_pa = match earlier {
        Some((person, id)) if person == soknad.person => {
            Some(kartlegging::store::hent(tx, &person, &id).await?)
        }
        Some(_) => return Err(Refusal::not_found().into()),
        None => None,
    };
    let av = Aktor::from(&tx.call().actor);
    let (mut soknad, mut begun, virkninger) =
        rules::start(soknad, tx.new_id(), bygger_pa.as_ref(), av, tx.now())?;
    begun.utgave.innhold.ny_begrunnelse = ny_begrunnelse;
    store::lagre(tx, &mut soknad).await?;
    kartlegging::store::sett_inn(tx, &begun).await?;
    crate::innboks::utfor(tx, virkninger).await?;
    Ok(StartKartleggingResponse {
        soknad: Some(soknad.to_proto()),
    })
}

pub(crate) async fn gjor_klar(
    tx: &mut Tx,
    request: GjorKlarSoknadRequest,
) -> Result<GjorKlarSoknadResponse, Error> {
    let mut faults = FieldFaults::new();
    let av = Aktor::from(&tx.call().actor);
    let (person, _) = navn::les_post(&request.name, SAMLING, "name", &mut FieldFaults::new());
    let kall = Kall {
        person: &person,
        av: &av,
        now: tx.now(),
        samtykker: &tx.call().samtykker,
    };
    let funn = kartlegging::les::klar(&request, &kall, &mut faults);
    let mut soknad = les(tx, &request.name, faults).await?;
    let begun = if let Some(id) = &soknad.innhold.kartlegging {
        kartlegging::store::hent(tx, &person, id).await?
    } else {
        // Begun before a mapping was a record from its first day.
        let id = tx.new_id();
        soknad.innhold.kartlegging = Some(id.clone());
        let begun = kartlegging::rules::ny(&soknad, id, None);
        kartlegging::store::sett_inn(tx, &begun).await?;
        begun
    };
    let (mut soknad, mut found, virkninger) = rules::gjor_klar(soknad, &begun, funn, av, tx.now())?;
    store::lagre(tx, &mut soknad).await?;
    kartlegging::store::lagre(tx, &mut found).await?;
    crate::innboks::utfor(tx, virkninger).await?;
    Ok(GjorKlarSoknadResponse {
        soknad: Some(soknad.to_proto()),
    })
}

pub(crate) async fn gi_forelopig_svar(
    tx: &mut Tx,
    request: GiForelopigSvarRequest,
) -> Result<GiForelopigSvarResponse, Error> {
    let mut faults = FieldFaults::new();
    let ventet = rules::les_forelopig_svar(&request, tx.now(), &mut faults);
    let soknad = les(tx, &request.name, faults).await?;
    let ventet = ventet.ok_or_else(|| Error::internal("a day was read without a fault"))?;
    let (mut soknad, virkninger) = rules::gi_forelopig_svar(soknad, ventet, tx.now())?;
    store::lagre(tx, &mut soknad).await?;
    crate::innboks::utfor(tx, virkninger).await?;
    Ok(GiForelopigSvarResponse {
        soknad: Some(soknad.to_proto()),
    })
}

pub(crate) async fn sett_kontaktsamtykke(
    tx: &mut Tx,
    request: SettKontaktsamtykkeRequest,
) -> Result<SettKontaktsamtykkeResponse, Error> {
    let mut faults = FieldFaults::new();
    let said = kontakt::les(
        request.reservert_kontakt,
        &request.kontaktsamtykker,
        &mut faults,
    );
    let soknad = les_for_personen(tx, &request.name, faults).await?;
    let (mut soknad, virkninger) = rules::sett_kontakt(soknad, said, tx.now())?;
    store::lagre(tx, &mut soknad).await?;
    crate::innboks::utfor(tx, virkninger).await?;
    crate::vedtak::rpc::forkast_hos_nektede(tx, &soknad).await?;
    Ok(SettKontaktsamtykkeResponse {
        kvittering: Some(kvittering(&soknad, tx.now())),
    })
}

pub(crate) async fn trekk(
    tx: &mut Tx,
    request: TrekkSoknadRequest,
) -> Result<TrekkSoknadResponse, Error> {
    let mut faults = FieldFaults::new();
    let onske = crate::personens_onske(tx, &request.personens_onske, &mut faults);
    let soknad = les_for_personen(tx, &request.name, faults).await?;
    let rest = rules::Rest {
        vedtatt: vedtatte(tx, &soknad).await?.is_some(),
        varsel: varsel_venter(tx, &soknad).await?,
    };
    let av = Aktor::from(&tx.call().actor);
    let (mut soknad, virkninger) = rules::trekk(soknad, onske, rest, av, tx.now())?;
    store::lagre(tx, &mut soknad).await?;
    crate::innboks::utfor(tx, virkninger).await?;
    crate::vedtak::rpc::bortfall(tx, &soknad.id).await?;
    crate::oppdrag::omfordeling::bortfalt(tx, &soknad).await?;
    Ok(TrekkSoknadResponse {
        kvittering: Some(kvittering(&soknad, tx.now())),
    })
}

pub(crate) async fn foresla_henleggelse(
    tx: &mut Tx,
    request: ForeslaHenleggelseRequest,
) -> Result<ForeslaHenleggelseResponse, Error> {
    let mut faults = FieldFaults::new();
    let henleggelse = rules::les_henleggelse(&request, &mut faults);
    let soknad = les(tx, &request.name, faults).await?;
    let av = Aktor::from(&tx.call().actor);
    let (mut soknad, virkninger) = rules::foresla_henleggelse(soknad, henleggelse, av, tx.now())?;
    store::lagre(tx, &mut soknad).await?;
    crate::innboks::utfor(tx, virkninger).await?;
    Ok(ForeslaHenleggelseResponse {
        soknad: Some(soknad.to_proto()),
    })
}

pub(crate) async fn avvis_henleggelse(
    tx: &mut Tx,
    request: AvvisHenleggelseRequest,
) -> Result<AvvisHenleggelseResponse, Error> {
    let mut faults = FieldFaults::new();
    let begrunnelse = felt::pakrevd(&request.begrunnelse, "begrunnelse", felt::LANG, &mut faults);
    let soknad = les(tx, &request.name, faults).await?;
    let (mut soknad, virkninger) = rules::avvis_henleggelse(soknad, begrunnelse)?;
    store::lagre(tx, &mut soknad).await?;
    crate::innboks::utfor(tx, virkninger).await?;
    Ok(AvvisHenleggelseResponse {
        soknad: Some(soknad.to_proto()),
    })
}

pub(crate) async fn henlegg(
    tx: &mut Tx,
    request: HenleggSoknadRequest,
) -> Result<HenleggSoknadResponse, Error> {
    let soknad = les(tx, &request.name, FieldFaults::new()).await?;
    etag::krev(&request.etag, soknad.versjon)?;
    if let Some(decided) = vedtatte(tx, &soknad).await? {
        let mut faults = FieldFaults::new();
        let rule = format_args!("det er fattet vedtak på søknaden ({decided}); avgjør resten");
        faults.contradicts("name", "vedtak", rule);
        faults.finish()?;
    }
    if varsel_venter(tx, &soknad).await? {
        let mut faults = FieldFaults::new();
        let rule = "et svar i kartleggingen må ses nærmere på i dag; si hva som ble sett \
                    (KvitterVarsel)";
        faults.contradicts("name", "varselkvitteringer", rule);
        faults.finish()?;
    }
    let av = Aktor::from(&tx.call().actor);
    let funksjoner = tx.call().funksjoner.clone();
    let myndighet = Myndighet::alene(&funksjoner);
    let (mut soknad, virkninger) = rules::henlegg(soknad, &myndighet, av, tx.now())?;
    store::lagre(tx, &mut soknad).await?;
    crate::innboks::utfor(tx, virkninger).await?;
    crate::vedtak::rpc::bortfall(tx, &soknad.id).await?;
    crate::oppdrag::omfordeling::bortfalt(tx, &soknad).await?;
    Ok(HenleggSoknadResponse {
        kvittering: Some(kvittering(&soknad, tx.now())),
    })
}

pub(crate) async fn hent(
    tx: &mut Tx,
    request: HentSoknadRequest,
) -> Result<HentSoknadResponse, Error> {
    let mut faults = FieldFaults::new();
    let (person, id) = navn::les_post(&request.name, SAMLING, "name", &mut faults);
    faults.finish()?;
    let soknad = store::hent(tx, &person, &id).await?;
    Ok(HentSoknadResponse {
        soknad: Some(soknad.to_proto()),
    })
}

pub(crate) async fn list(
    tx: &mut Tx,
    request: ListSoknaderRequest,
) -> Result<ListSoknaderResponse, Error> {
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&request.parent, "parent", &mut faults);
    faults.finish()?;
    let page = Page::parse(request.page_size, &request.page_token)?;
    let (soknader, next_page_token) = store::personens(tx, &person, &page).await?;
    Ok(ListSoknaderResponse {
        soknader: soknader.iter().map(Soknad::to_proto).collect(),
        next_page_token,
    })
}

pub(crate) async fn list_enhetens(
    tx: &mut Tx,
    request: ListEnhetensSoknaderRequest,
) -> Result<ListEnhetensSoknaderResponse, Error> {
    let mut faults = FieldFaults::new();
    let enhet = navn::les_enhet(&request.parent, "parent", &mut faults);
    let filter: Option<SoknadTilstand> = felt::filter(
        request.tilstand,
        "tilstand",
        "samspor.bestillerkontor.v1.SoknadTilstand",
        &mut faults,
    );
    faults.finish()?;
    let tilstand = Tilstand::ALLE
        .iter()
        .copied()
        .find(|state| Some(SoknadTilstand::from(*state)) == filter);
    let page = Page::parse(request.page_size, &request.page_token)?;
    let (soknader, next_page_token) = store::enhetens(tx, &enhet, tilstand, &page).await?;
    Ok(ListEnhetensSoknaderResponse {
        soknader: soknader.iter().map(Soknad::to_proto).collect(),
        next_page_token,
    })
}

/// Whether an answer in its mapping warns, and nobody has looked into it.
async fn varsel_venter(tx: &mut Tx, soknad: &Soknad) -> Result<bool, Error> {
    match &soknad.innhold.kartlegging {
        Some(id) => kartlegging::rpc::varsel_venter(tx, &soknad.person, id).await,
        None => Ok(false),
    }
}

/// Name of a vedtak that was decided on the application.
async fn vedtatte(tx: &mut Tx, soknad: &Soknad) -> Result<Option<String>, Error> {
    use crate::vedtak::Tilstand::{Forkastet, TilGodkjenning, Utkast};
    let all = crate::vedtak::store::pa_soknad(tx, &soknad.id).await?;
    let mut decided = all
        .iter()
        .filter(|vedtak| !matches!(vedtak.tilstand, Utkast | TilGodkjenning | Forkastet));
    Ok(decided.next().map(Vedtak::name))
}

/// The application that a verb of the unit names, alone with this transaction.
async fn les(tx: &mut Tx, name: &str, mut faults: FieldFaults) -> Result<Soknad, Error> {
    let (person, id) = navn::les_post(name, SAMLING, "name", &mut faults);
    faults.finish()?;
    crate::las_person(tx, &person).await?;
    let soknad = store::hent(tx, &person, &id).await?;
    crate::krev_enhet(tx, &soknad.ansvarlig_enhet)?;
    Ok(soknad)
}

/// The application that a verb of the person names (W6); the gateway has
/// decided whose. Staff of the unit say it on the person's behalf.
async fn les_for_personen(
    tx: &mut Tx,
    name: &str,
    mut faults: FieldFaults,
) -> Result<Soknad, Error> {
    let (person, id) = navn::les_post(name, SAMLING, "name", &mut faults);
    faults.finish()?;
    crate::las_person(tx, &person).await?;
    let soknad = store::hent(tx, &person, &id).await?;
    if tx.call().actor.person.is_none() {
        crate::krev_enhet(tx, &soknad.ansvarlig_enhet)?;
    }
    Ok(soknad)
}

fn kvittering(soknad: &Soknad, now: Tid) -> Kvittering {
    Kvittering {
        referanse: soknad.innhold.referanse.clone(),
        mottatt: Some(now.into()),
    }
}
