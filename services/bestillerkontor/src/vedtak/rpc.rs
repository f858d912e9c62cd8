//! `VedtakService`: contract ↔ domain.

use samspor_chassis::{
    domene::{Aktor, felt, navn},
    error::{Error, FieldFaults, Refusal},
    page::Page,
    store::{Tx, etag},
};
use samspor_proto::{
    bestillerkontor::{
        FattVedtakRequest, FattVedtakResponse, HentVedtakRequest, HentVedtakResponse,
        ListVedtakRequest, ListVedtakResponse, OppdaterVedtakRequest, OppdaterVedtakResponse,
        OpphorVedtakRequest, OpphorVedtakResponse, OpprettVedtakRequest, OpprettVedtakResponse,
        ReturnerVedtakRequest, ReturnerVedtakResponse, SendTilGodkjenningRequest,
        SendTilGodkjenningResponse, UnderrettVedtakRequest, UnderrettVedtakResponse,
    },
    felles::Kvittering,
};

use super::{SAMLING, Vedtak, innhold, rules, store};
use crate::{oppdrag, soknad};

pub(crate) async fn opprett(
    tx: &mut Tx,
    request: OpprettVedtakRequest,
) -> Result<OpprettVedtakResponse, Error> {
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&request.parent, "parent", &mut faults);
    let draft = request.vedtak.unwrap_or_default();
    let (owner, soknad) =
        navn::les_post(&draft.soknad, soknad::SAMLING, "vedtak.soknad", &mut faults);
    let innhold = innhold::les(&draft, &mut faults);
    faults.finish()?;
    if owner != person {
        return Err(Refusal::not_found().into());
    }
    crate::krev_eier(tx)?;
    crate::las_person(tx, &person).await?;
    let soknad = soknad::store::hent(tx, &person, &soknad).await?;
    let av = Aktor::from(&tx.call().actor);
    let (vedtak, virkninger) = rules::opprett(&soknad, tx.new_id(), innhold, av, tx.now())?;
    store::sett_inn(tx, &vedtak).await?;
    virkninger.utfor(tx);
    Ok(OpprettVedtakResponse {
        vedtak: Some(vedtak.to_proto()),
    })
}

pub(crate) async fn oppdater(
    tx: &mut Tx,
    request: OppdaterVedtakRequest,
) -> Result<OppdaterVedtakResponse, Error> {
    let mut faults = FieldFaults::new();
    let innhold = innhold::les(&request.vedtak.unwrap_or_default(), &mut faults);
    let vedtak = les_versjon(tx, &request.name, &request.etag, faults).await?;
    let av = Aktor::from(&tx.call().actor);
    let mut vedtak = rules::oppdater(vedtak, innhold, tx.call().klasser, av)?;
    store::lagre(tx, &mut vedtak).await?;
    Ok(OppdaterVedtakResponse {
        vedtak: Some(vedtak.to_proto()),
    })
}

pub(crate) async fn send(
    tx: &mut Tx,
    request: SendTilGodkjenningRequest,
) -> Result<SendTilGodkjenningResponse, Error> {
    let vedtak = les_versjon(tx, &request.name, &request.etag, FieldFaults::new()).await?;
    let av = Aktor::from(&tx.call().actor);
    let (mut vedtak, virkninger) = rules::send(vedtak, av)?;
    store::lagre(tx, &mut vedtak).await?;
    virkninger.utfor(tx);
    Ok(SendTilGodkjenningResponse {
        vedtak: Some(vedtak.to_proto()),
    })
}

pub(crate) async fn returner(
    tx: &mut Tx,
    request: ReturnerVedtakRequest,
) -> Result<ReturnerVedtakResponse, Error> {
    let mut faults = FieldFaults::new();
    let begrunnelse = felt::pakrevd(&request.begrunnelse, "begrunnelse", felt::LANG, &mut faults);
    let vedtak = les(tx, &request.name, faults).await?;
    let (mut vedtak, virkninger) = rules::returner(vedtak, begrunnelse)?;
    store::lagre(tx, &mut vedtak).await?;
    virkninger.utfor(tx);
    Ok(ReturnerVedtakResponse {
        vedtak: Some(vedtak.to_proto()),
    })
}

pub(crate) async fn fatt(
    tx: &mut Tx,
    request: FattVedtakRequest,
) -> Result<FattVedtakResponse, Error> {
    let vedtak = les_versjon(tx, &request.name, &request.etag, FieldFaults::new()).await?;
    let soknad = soknad::store::hent(tx, &vedtak.person, &vedtak.soknad).await?;
    let av = Aktor::from(&tx.call().actor);
    let fattet = rules::fatt(vedtak, soknad, &av, tx.now(), || tx.new_id())?;
    let rules::Fattet {
        mut vedtak,
        mut soknad,
        oppdrag,
        virkninger,
    } = fattet;
    store::ta_hovedansvar(tx, &vedtak).await?;
    store::lagre(tx, &mut vedtak).await?;
    soknad::store::lagre(tx, &mut soknad).await?;
    for order in &oppdrag {
        oppdrag::store::sett_inn(tx, order).await?;
    }
    virkninger.utfor(tx);
    Ok(FattVedtakResponse {
        vedtak: Some(vedtak.to_proto()),
    })
}

pub(crate) async fn underrett(
    tx: &mut Tx,
    request: UnderrettVedtakRequest,
) -> Result<UnderrettVedtakResponse, Error> {
    let mut faults = FieldFaults::new();
    let mate = felt::pakrevd(&request.mate, "mate", felt::KORT, &mut faults);
    let vedtak = les(tx, &request.name, faults).await?;
    let (mut vedtak, virkninger) = rules::underrett(vedtak, mate, tx.now())?;
    store::lagre(tx, &mut vedtak).await?;
    virkninger.utfor(tx);
    Ok(UnderrettVedtakResponse {
        vedtak: Some(vedtak.to_proto()),
    })
}

pub(crate) async fn opphor(
    tx: &mut Tx,
    request: OpphorVedtakRequest,
) -> Result<OpphorVedtakResponse, Error> {
    let mut faults = FieldFaults::new();
    let av = Aktor::from(&tx.call().actor);
    let opphor = rules::les_opphor(&request, av, &mut faults);
    let vedtak = les(tx, &request.name, faults).await?;
    let apne = oppdrag::store::apne_i_vedtak(tx, &vedtak.id).await?;
    let referanse = vedtak.id.clone();
    let avsluttet = rules::opphor(vedtak, apne, opphor, tx.now())?;
    lagre_avsluttet(tx, avsluttet).await?;
    Ok(OpphorVedtakResponse {
        kvittering: Some(Kvittering {
            referanse,
            mottatt: Some(tx.now().into()),
        }),
    })
}

/// The last day of the vedtak of a deadline has passed.
pub(crate) async fn utlop(tx: &mut Tx, post: &str) -> Result<(), Error> {
    let mut faults = FieldFaults::new();
    let (person, id) = navn::les_post(post, SAMLING, "post", &mut faults);
    faults.finish()?;
    crate::las_person(tx, &person).await?;
    let vedtak = store::hent(tx, &person, &id).await?;
    let apne = oppdrag::store::apne_i_vedtak(tx, &id).await?;
    if let Some(avsluttet) = rules::utlop(vedtak, apne, tx.now()) {
        lagre_avsluttet(tx, avsluttet).await?;
    }
    Ok(())
}

async fn lagre_avsluttet(tx: &mut Tx, avsluttet: rules::Avsluttet) -> Result<(), Error> {
    let rules::Avsluttet {
        mut vedtak,
        oppdrag,
        virkninger,
    } = avsluttet;
    store::slipp_hovedansvar(tx, &vedtak.person).await?;
    store::lagre(tx, &mut vedtak).await?;
    for mut order in oppdrag {
        oppdrag::store::lagre(tx, &mut order).await?;
    }
    virkninger.utfor(tx);
    Ok(())
}

pub(crate) async fn hent(
    tx: &mut Tx,
    request: HentVedtakRequest,
) -> Result<HentVedtakResponse, Error> {
    let mut faults = FieldFaults::new();
    let (person, id) = navn::les_post(&request.name, SAMLING, "name", &mut faults);
    faults.finish()?;
    let vedtak = store::hent(tx, &person, &id).await?;
    Ok(HentVedtakResponse {
        vedtak: Some(vedtak.to_proto()),
    })
}

pub(crate) async fn list(
    tx: &mut Tx,
    request: ListVedtakRequest,
) -> Result<ListVedtakResponse, Error> {
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&request.parent, "parent", &mut faults);
    faults.finish()?;
    let page = Page::parse(request.page_size, &request.page_token)?;
    let (vedtak, next_page_token) = store::personens(tx, &person, &page).await?;
    Ok(ListVedtakResponse {
        vedtak: vedtak.iter().map(Vedtak::to_proto).collect(),
        next_page_token,
    })
}

/// The vedtak that a verb names, alone with this transaction.
async fn les(tx: &mut Tx, name: &str, mut faults: FieldFaults) -> Result<Vedtak, Error> {
    let (person, id) = navn::les_post(name, SAMLING, "name", &mut faults);
    faults.finish()?;
    crate::krev_eier(tx)?;
    crate::las_person(tx, &person).await?;
    store::hent(tx, &person, &id).await
}

/// The same in the version that the caller read.
async fn les_versjon(
    tx: &mut Tx,
    name: &str,
    read: &str,
    mut faults: FieldFaults,
) -> Result<Vedtak, Error> {
    if read.is_empty() {
        faults.missing("etag");
    }
    let vedtak = les(tx, name, faults).await?;
    etag::check(read, vedtak.versjon)?;
    Ok(vedtak)
}
