//! `VernService`, one function per RPC.

use samspor_chassis::{
    error::{Error, FieldFaults, Refusal},
    page::Page,
    store::{NewEvent, Tx, etag},
};
use samspor_proto::{
    felles::Feilgrunn,
    koordinering::{
        AvvisForslagOmVernRequest, AvvisForslagOmVernResponse, BekreftOpphevingAvVernRequest,
        BekreftOpphevingAvVernResponse, BekreftVernRequest, BekreftVernResponse,
        ForeslaOpphevingAvVernRequest, ForeslaOpphevingAvVernResponse, ForeslaVernRequest,
        ForeslaVernResponse, HentVernRequest, HentVernResponse, ListVernRequest, ListVernResponse,
    },
};

use super::{SAMLING, Vern, rules, store};
use crate::{
    ENHET,
    krets::Krets,
    navn, person,
    tosteg::{self, Steg, Tilstand},
};

/// Proposes a protection.
pub(crate) async fn foresla(
    tx: &mut Tx,
    request: ForeslaVernRequest,
) -> Result<ForeslaVernResponse, Error> {
    let person = person::finn(tx, &request.parent, "parent").await?.id;
    let step = Steg::av(tx);
    rules::kan_foresla(&step)?;
    let mut faults = FieldFaults::new();
    let proposal = rules::les(&request, &step.hvem.enhet, &mut faults);
    faults.finish()?;
    let proposal = proposal.ok_or_else(|| Refusal::new(Feilgrunn::UgyldigForesporsel))?;
    store::en_om_gangen(tx).await?;
    person::store::ta_i_bruk(tx, &person).await?;
    let vern = Vern {
        id: tx.new_id(),
        person,
        versjon: 1,
        eier: step.hvem.enhet.clone(),
        innhold: proposal.innhold,
        hjemmel: proposal.hjemmel,
        begrunnelse: proposal.begrunnelse,
        foreslatt: step,
        tilstand: Tilstand::Foreslatt,
    };
    let krets = Krets::om(tx, &vern.person).await?;
    krets.med_vern(&vern).ingen_uten_ansvarlig()?;
    store::opprett(tx, &vern).await?;
    emit(tx, "VernForeslatt", &vern);
    Ok(ForeslaVernResponse {
        vern: Some(vern.to_proto()),
    })
}

/// Confirms a protection: it holds from now.
pub(crate) async fn bekreft(
    tx: &mut Tx,
    request: BekreftVernRequest,
) -> Result<BekreftVernResponse, Error> {
    let vern = load(tx, &request.name, &request.etag).await?;
    let mut vern = rules::bekreft(vern, Steg::av(tx))?;
    // Again: a need may have been taken on since the proposal.
    let krets = Krets::om(tx, &vern.person).await?.med_vern(&vern);
    krets.ingen_uten_ansvarlig()?;
    store::lagre(tx, &mut vern).await?;
    krets.si_vern(tx, &vern);
    emit(tx, "VernBekreftet", &vern);
    Ok(BekreftVernResponse {
        vern: Some(vern.to_proto()),
    })
}

/// Rejects a proposal to set or to lift.
pub(crate) async fn avvis(
    tx: &mut Tx,
    request: AvvisForslagOmVernRequest,
) -> Result<AvvisForslagOmVernResponse, Error> {
    let vern = load(tx, &request.name, &request.etag).await?;
    let mut vern = rules::avvis(vern, Steg::av(tx))?;
    store::lagre(tx, &mut vern).await?;
    emit(tx, "VernforslagAvvist", &vern);
    Ok(AvvisForslagOmVernResponse {
        vern: Some(vern.to_proto()),
    })
}

/// Proposes to lift a protection.
pub(crate) async fn foresla_oppheving(
    tx: &mut Tx,
    request: ForeslaOpphevingAvVernRequest,
) -> Result<ForeslaOpphevingAvVernResponse, Error> {
    let vern = load(tx, &request.name, &request.etag).await?;
    let mut faults = FieldFaults::new();
    let why = tosteg::begrunnelse(&request.begrunnelse, "begrunnelse", &mut faults);
    faults.finish()?;
    let mut vern = rules::foresla_oppheving(vern, Steg::av(tx), why)?;
    store::lagre(tx, &mut vern).await?;
    emit(tx, "VernopphevingForeslatt", &vern);
    Ok(ForeslaOpphevingAvVernResponse {
        vern: Some(vern.to_proto()),
    })
}

/// Confirms that a protection is lifted: it ends now.
pub(crate) async fn bekreft_oppheving(
    tx: &mut Tx,
    request: BekreftOpphevingAvVernRequest,
) -> Result<BekreftOpphevingAvVernResponse, Error> {
    let vern = load(tx, &request.name, &request.etag).await?;
    let mut vern = rules::bekreft_oppheving(vern, Steg::av(tx))?;
    store::lagre(tx, &mut vern).await?;
    Krets::om(tx, &vern.person).await?.si_vern(tx, &vern);
    emit(tx, "VernOpphevet", &vern);
    Ok(BekreftOpphevingAvVernResponse {
        vern: Some(vern.to_proto()),
    })
}

/// One protection.
pub(crate) async fn hent(tx: &mut Tx, request: HentVernRequest) -> Result<HentVernResponse, Error> {
    let (person, id) = navn::krev_post(&request.name, SAMLING)?;
    let vern = store::hent(tx, &person, &id).await?;
    Ok(HentVernResponse {
        vern: Some(vern.to_proto()),
    })
}

/// Protections of a person, newest first.
pub(crate) async fn list(tx: &mut Tx, request: ListVernRequest) -> Result<ListVernResponse, Error> {
    let person = person::finn(tx, &request.parent, "parent").await?.id;
    let page = Page::parse(request.page_size, &request.page_token)?;
    let rows = store::list(tx, &person, request.bare_gjeldende, &page).await?;
    let (rows, next_page_token) = page.cut(rows, |vern| vern.id.clone());
    Ok(ListVernResponse {
        vern: rows.iter().map(Vern::to_proto).collect(),
        next_page_token,
    })
}

/// The protection in the version that the caller has seen.
async fn load(tx: &mut Tx, name: &str, etag: &str) -> Result<Vern, Error> {
    let (person, id) = navn::krev_post(name, SAMLING)?;
    store::en_om_gangen(tx).await?;
    let vern = store::hent(tx, &person, &id).await?;
    etag::krev(etag, vern.versjon)?;
    Ok(vern)
}

/// Tells the unit that answers for it and this one; an address protection that
/// holds also the mandated, and nobody else.
fn emit(tx: &mut Tx, type_: &'static str, vern: &Vern) {
    let mut mottakere = vec![vern.eier.clone()];
    if let Some(mandat) = vern.innhold.mandat() {
        if vern.tilstand.virkning().is_some() {
            mottakere.extend(mandat.enheter.iter().cloned());
        }
    } else {
        mottakere.push(ENHET.to_owned());
    }
    tx.emit(NewEvent {
        type_,
        person: &vern.person,
        post: &vern.name(),
        eier: &vern.eier,
        mottakere,
    });
}
