//! `SammenslaingService`, one function per RPC.

use samspor_chassis::{
    error::{Error, FieldFaults},
    page::Page,
    store::{NewEvent, Tx, etag},
};
use samspor_proto::koordinering::{
    AvvisForslagOmSammenslaingRequest, AvvisForslagOmSammenslaingResponse,
    BekreftOpphevingAvSammenslaingRequest, BekreftOpphevingAvSammenslaingResponse,
    BekreftSammenslaingRequest, BekreftSammenslaingResponse, ForeslaOpphevingAvSammenslaingRequest,
    ForeslaOpphevingAvSammenslaingResponse, ForeslaSammenslaingRequest,
    ForeslaSammenslaingResponse, HentSammenslaingRequest, HentSammenslaingResponse,
    ListSammenslaingerRequest, ListSammenslaingerResponse,
};

use super::{SAMLING, Sammenslaing, rules, store};
use crate::{
    ENHET,
    krets::Krets,
    navn, person,
    settings::Settings,
    tosteg::{self, Steg, Tilstand},
    vern,
};

/// Proposes that two ids are one person.
pub(crate) async fn foresla(
    tx: &mut Tx,
    request: ForeslaSammenslaingRequest,
) -> Result<ForeslaSammenslaingResponse, Error> {
    let remains = person::finn(tx, &request.parent, "parent").await?;
    rules::kan(tx.call())?;
    let mut faults = FieldFaults::new();
    let duplikat = navn::les_person(&request.duplikat, "duplikat", &mut faults);
    let begrunnelse = tosteg::begrunnelse(&request.begrunnelse, "begrunnelse", &mut faults);
    faults.finish()?;

    vern::store::en_om_gangen(tx).await?;
    // Again: it may have been merged before this one had the lock.
    let remains = person::store::hent(tx, &remains.id).await?;
    let duplikat = person::store::hent(tx, &duplikat).await?;
    let steg = Steg::av(tx);
    let theirs = Krets::les(tx, &duplikat).await?;
    // The gateway has authorized `parent` alone.
    theirs.kan_vites_av(&steg.hvem)?;
    rules::kan_slas_sammen(&remains, &duplikat)?;
    person::store::ta_i_bruk(tx, &remains.id).await?;
    person::store::ta_i_bruk(tx, &duplikat.id).await?;
    let merge = Sammenslaing {
        id: tx.new_id(),
        versjon: 1,
        gjenstar: remains.id.clone(),
        duplikat: duplikat.id,
        begrunnelse,
        foreslatt: steg,
        tilstand: Tilstand::Foreslatt,
        krysser_fra: None,
    };
    store::opprett(tx, &merge).await?;
    let both = Krets::les(tx, &remains).await?;
    both.ingen_uten_ansvarlig()?;
    both.si_alt(tx);
    emit(tx, "SammenslaingForeslatt", &merge);
    Ok(ForeslaSammenslaingResponse {
        sammenslaing: Some(merge.to_proto()),
    })
}

/// Confirms that the two are one.
pub(crate) async fn bekreft(
    tx: &mut Tx,
    request: BekreftSammenslaingRequest,
) -> Result<BekreftSammenslaingResponse, Error> {
    let merge = load(tx, &request.name, &request.etag).await?;
    let mut merge = rules::bekreft(merge, Steg::av(tx))?;
    // Again: a need may have been taken on since the proposal.
    let both = Krets::om(tx, &merge.gjenstar).await?;
    both.ingen_uten_ansvarlig()?;
    store::lagre(tx, &mut merge).await?;
    person::store::sett_rot(tx, &both.ider, &merge.gjenstar).await?;
    cross(tx, &merge);
    tell(tx, "PersonSammenslatt", &merge)?;
    Ok(BekreftSammenslaingResponse {
        sammenslaing: Some(merge.to_proto()),
    })
}

/// Rejects a proposal to merge or to undo.
pub(crate) async fn avvis(
    tx: &mut Tx,
    request: AvvisForslagOmSammenslaingRequest,
) -> Result<AvvisForslagOmSammenslaingResponse, Error> {
    let merge = load(tx, &request.name, &request.etag).await?;
    let before = Krets::om(tx, &merge.gjenstar).await?;
    let mut merge = rules::avvis(merge, Steg::av(tx))?;
    store::lagre(tx, &mut merge).await?;
    if merge.er_ett() {
        cross(tx, &merge);
    } else {
        part(tx, &before, &merge).await?;
    }
    emit(tx, "SammenslaingsforslagAvvist", &merge);
    Ok(AvvisForslagOmSammenslaingResponse {
        sammenslaing: Some(merge.to_proto()),
    })
}

/// Says that it was wrong: nothing but what restricts crosses from now.
pub(crate) async fn foresla_oppheving(
    tx: &mut Tx,
    request: ForeslaOpphevingAvSammenslaingRequest,
) -> Result<ForeslaOpphevingAvSammenslaingResponse, Error> {
    let merge = load(tx, &request.name, &request.etag).await?;
    let mut faults = FieldFaults::new();
    let why = tosteg::begrunnelse(&request.begrunnelse, "begrunnelse", &mut faults);
    faults.finish()?;
    let mut merge = rules::foresla_oppheving(merge, Steg::av(tx), why)?;
    store::lagre(tx, &mut merge).await?;
    cross(tx, &merge);
    emit(tx, "SammenslaingsopphevingForeslatt", &merge);
    Ok(ForeslaOpphevingAvSammenslaingResponse {
        sammenslaing: Some(merge.to_proto()),
    })
}

/// Confirms that it is undone: each is a person again.
pub(crate) async fn bekreft_oppheving(
    tx: &mut Tx,
    request: BekreftOpphevingAvSammenslaingRequest,
) -> Result<BekreftOpphevingAvSammenslaingResponse, Error> {
    let merge = load(tx, &request.name, &request.etag).await?;
    let before = Krets::om(tx, &merge.gjenstar).await?;
    let mut merge = rules::bekreft_oppheving(merge, Steg::av(tx))?;
    store::lagre(tx, &mut merge).await?;
    let holding = store::av(tx, &before.ider).await?;
    for (id, root) in rules::rotter(&before.ider, &holding) {
        person::store::sett_rot(tx, &[id.to_owned()], root).await?;
    }
    cross(tx, &merge);
    part(tx, &before, &merge).await?;
    tell(tx, "PersonsammenslaingOpphevet", &merge)?;
    Ok(BekreftOpphevingAvSammenslaingResponse {
        sammenslaing: Some(merge.to_proto()),
    })
}

/// One merge.
pub(crate) async fn hent(
    tx: &mut Tx,
    request: HentSammenslaingRequest,
) -> Result<HentSammenslaingResponse, Error> {
    let (person, id) = navn::krev_post(&request.name, SAMLING)?;
    let merge = store::hent(tx, &person, &id).await?;
    Ok(HentSammenslaingResponse {
        sammenslaing: Some(merge.to_proto()),
    })
}

/// Merges into a person, newest first.
pub(crate) async fn list(
    tx: &mut Tx,
    request: ListSammenslaingerRequest,
) -> Result<ListSammenslaingerResponse, Error> {
    let person = person::finn(tx, &request.parent, "parent").await?.id;
    let page = Page::parse(request.page_size, &request.page_token)?;
    let rows = store::list(tx, &person, &page).await?;
    let (rows, next_page_token) = page.cut(rows, |merge| merge.id.clone());
    Ok(ListSammenslaingerResponse {
        sammenslainger: rows.iter().map(Sammenslaing::to_proto).collect(),
        next_page_token,
    })
}

/// The merge in the version that the caller has seen.
async fn load(tx: &mut Tx, name: &str, etag: &str) -> Result<Sammenslaing, Error> {
    let (person, id) = navn::krev_post(name, SAMLING)?;
    vern::store::en_om_gangen(tx).await?;
    let merge = store::hent(tx, &person, &id).await?;
    rules::kan(tx.call())?;
    etag::krev(etag, merge.versjon)?;
    let both = Krets::om(tx, &merge.gjenstar).await?;
    both.kan_vites_av(&Steg::av(tx).hvem)?;
    Ok(merge)
}

/// States whether what opens crosses.
fn cross(tx: &mut Tx, merge: &Sammenslaing) {
    if let Some(fact) = merge.faktum() {
        tx.fact(fact);
    }
}

/// The two sides are two persons again: each keeps its own restrictions.
async fn part(tx: &mut Tx, before: &Krets, merge: &Sammenslaing) -> Result<(), Error> {
    for id in [&merge.gjenstar, &merge.duplikat] {
        let side = Krets::om(tx, id).await?;
        side.slipp(tx, &before.ider);
        side.si_alt(tx);
    }
    Ok(())
}

/// Tells whoever decides on a person's behalf elsewhere, about both ids.
fn tell(tx: &mut Tx, type_: &'static str, merge: &Sammenslaing) -> Result<(), Error> {
    let settings = tx.settings::<Settings>()?;
    for id in [&merge.duplikat, &merge.gjenstar] {
        tx.emit(NewEvent {
            type_,
            person: id,
            post: &navn::person(id),
            eier: ENHET,
            mottakere: settings.varslede.clone(),
        });
    }
    Ok(())
}

/// Tells this unit, whose second person must act.
fn emit(tx: &mut Tx, type_: &'static str, merge: &Sammenslaing) {
    tx.emit(NewEvent {
        type_,
        person: &merge.gjenstar,
        post: &merge.name(),
        eier: ENHET,
        mottakere: vec![ENHET.to_owned()],
    });
}
