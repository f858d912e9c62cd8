//! `KlageService`: contract ↔ domain.

use samspor_chassis::{
    domene::{Aktor, felt, navn},
    error::{Error, FieldFaults, Refusal},
    page::Page,
    store::Tx,
};
use samspor_proto::{
    bestillerkontor::{
        AvgjorKlageRequest, AvgjorKlageResponse, HentKlageRequest, HentKlageResponse,
        ListKlagerRequest, ListKlagerResponse, OmgjorKlageRequest, OmgjorKlageResponse,
        OpprettholdKlageRequest, OpprettholdKlageResponse, OversendKlageRequest,
        OversendKlageResponse, RegistrerKlageRequest, RegistrerKlageResponse, TrekkKlageRequest,
        TrekkKlageResponse,
    },
    felles::{Kvittering, Rolle},
};

use super::{Klage, SAMLING, rules, store};
use crate::{
    innboks,
    vedtak::{self, Klageutfall, endring::Forslag},
};

pub(crate) async fn registrer(
    tx: &mut Tx,
    request: RegistrerKlageRequest,
) -> Result<RegistrerKlageResponse, Error> {
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&request.parent, "parent", &mut faults);
    let (owner, id) = navn::les_post(&request.vedtak, vedtak::SAMLING, "vedtak", &mut faults);
    let actor = &tx.call().actor;
    let by_citizen = actor.rolle == Rolle::Innbygger;
    // Who represents the person files it for another, too.
    let on_behalf = actor.person.as_deref() != Some(person.as_str());
    let onske = crate::personens_onske(tx, &request.personens_onske, &mut faults);
    let innsendt = rules::les(&request, onske, by_citizen, tx.now(), &mut faults);
    faults.finish()?;
    if owner != person {
        return Err(Refusal::not_found().into());
    }
    crate::las_person(tx, &person).await?;
    let decision = vedtak::store::hent(tx, &person, &id).await?;
    let av = Aktor::from(&tx.call().actor);
    let new_id = tx.new_id();
    let (klage, virkninger) =
        rules::registrer(&decision, new_id, innsendt, av, on_behalf, tx.now())?;
    store::sett_inn(tx, &klage).await?;
    innboks::utfor(tx, virkninger).await?;
    Ok(RegistrerKlageResponse {
        kvittering: Some(kvittering(tx, &klage)),
    })
}

/// Proposes what the klage leads to; another makes it so (GodkjennEndring).
pub(crate) async fn omgjor(
    tx: &mut Tx,
    request: OmgjorKlageRequest,
) -> Result<OmgjorKlageResponse, Error> {
    let mut faults = FieldFaults::new();
    let content = request.vedtak.as_ref();
    if content.is_none() {
        faults.missing("vedtak");
    }
    let av = Aktor::from(&tx.call().actor);
    let content = content.cloned().unwrap_or_default();
    let forslag = Forslag {
        innhold: vedtak::rpc::les_innhold(tx, &content, &mut faults),
        begrunnelse: felt::pakrevd(&request.begrunnelse, "begrunnelse", felt::LANG, &mut faults),
        slutt: vedtak::endring::les_linjeslutt(&request.linjeslutt, &mut faults),
        av,
    };
    let klage = les(tx, &request.name, faults).await?;
    rules::krev(&klage, "OmgjorKlage")?;
    let decision = vedtak::store::hent(tx, &klage.person, &klage.vedtak).await?;
    let nektet = vedtak::rpc::nektet(tx, &decision).await?;
    let funksjoner = tx.call().funksjoner.clone();
    let myndighet = vedtak::rules::Myndighet::alene(&funksjoner);
    let klasser = tx.call().klasser;
    let (mut decision, virkninger) = vedtak::endring::omgjor(
        decision,
        forslag,
        klage.id.clone(),
        &nektet,
        klasser,
        &myndighet,
        tx.now(),
    )?;
    vedtak::store::lagre(tx, &mut decision).await?;
    innboks::utfor(tx, virkninger).await?;
    Ok(OmgjorKlageResponse {
        klage: Some(klage.to_proto()),
    })
}

/// What was proposed for the klage is decided.
pub(crate) async fn omgjort(
    tx: &mut Tx,
    person: &str,
    id: &str,
    begrunnelse: String,
    av: Aktor,
) -> Result<Klageutfall, Error> {
    let klage = store::hent(tx, person, id).await?;
    let (mut klage, utfall, virkninger) = rules::omgjor(klage, begrunnelse, av, tx.now())?;
    store::lagre(tx, &mut klage).await?;
    innboks::utfor(tx, virkninger).await?;
    Ok(utfall)
}

pub(crate) async fn oppretthold(
    tx: &mut Tx,
    request: OpprettholdKlageRequest,
) -> Result<OpprettholdKlageResponse, Error> {
    let mut faults = FieldFaults::new();
    let begrunnelse = felt::pakrevd(&request.begrunnelse, "begrunnelse", felt::LANG, &mut faults);
    let klage = les(tx, &request.name, faults).await?;
    let decision = vedtak::store::hent(tx, &klage.person, &klage.vedtak).await?;
    vedtak::endring::krev_ubesvart(&decision, &klage.id)?;
    let av = Aktor::from(&tx.call().actor);
    let (mut klage, virkninger) = rules::oppretthold(klage, begrunnelse, av, tx.now())?;
    store::lagre(tx, &mut klage).await?;
    innboks::utfor(tx, virkninger).await?;
    Ok(OpprettholdKlageResponse {
        klage: Some(klage.to_proto()),
    })
}

pub(crate) async fn oversend(
    tx: &mut Tx,
    request: OversendKlageRequest,
) -> Result<OversendKlageResponse, Error> {
    let klage = les(tx, &request.name, FieldFaults::new()).await?;
    let (mut klage, virkninger) = rules::oversend(klage, tx.now())?;
    store::lagre(tx, &mut klage).await?;
    innboks::utfor(tx, virkninger).await?;
    Ok(OversendKlageResponse {
        klage: Some(klage.to_proto()),
    })
}

pub(crate) async fn avgjor(
    tx: &mut Tx,
    request: AvgjorKlageRequest,
) -> Result<AvgjorKlageResponse, Error> {
    let mut faults = FieldFaults::new();
    let avgjorelse = rules::les_avgjorelse(&request, tx.now(), &mut faults);
    let klage = les(tx, &request.name, faults).await?;
    let avgjorelse = avgjorelse.ok_or_else(|| Error::internal("no outcome without a fault"))?;
    let (mut klage, utfall, virkninger) = rules::avgjor(klage, avgjorelse, tx.now())?;
    let decision = vedtak::store::hent(tx, &klage.person, &klage.vedtak).await?;
    let (mut decision, outcome) = vedtak::rules::klageutfall(decision, utfall);
    vedtak::store::lagre(tx, &mut decision).await?;
    store::lagre(tx, &mut klage).await?;
    innboks::utfor(tx, virkninger).await?;
    innboks::utfor(tx, outcome).await?;
    Ok(AvgjorKlageResponse {
        klage: Some(klage.to_proto()),
    })
}

/// The person's will, so it is taken from whoever may say it (W6), but for the
/// employee whose decision it disputes.
pub(crate) async fn trekk(
    tx: &mut Tx,
    request: TrekkKlageRequest,
) -> Result<TrekkKlageResponse, Error> {
    let mut faults = FieldFaults::new();
    let (person, id) = navn::les_post(&request.name, SAMLING, "name", &mut faults);
    let onske = crate::personens_onske(tx, &request.personens_onske, &mut faults);
    faults.finish()?;
    crate::las_person(tx, &person).await?;
    let klage = store::hent(tx, &person, &id).await?;
    let decision = vedtak::store::hent(tx, &person, &klage.vedtak).await?;
    if tx.call().actor.rolle != Rolle::Innbygger {
        let av = Aktor::from(&tx.call().actor);
        let funksjoner = tx.call().funksjoner.clone();
        let myndighet = vedtak::rules::Myndighet::alene(&funksjoner);
        myndighet.krev_en_annen(&av, decision.besluttet_av())?;
    }
    let (mut klage, virkninger) = rules::trekk(klage, onske, tx.now())?;
    store::lagre(tx, &mut klage).await?;
    innboks::utfor(tx, virkninger).await?;
    if let Some((mut decision, virkninger)) = vedtak::endring::klage_trukket(decision, &klage.id) {
        vedtak::store::lagre(tx, &mut decision).await?;
        innboks::utfor(tx, virkninger).await?;
    }
    Ok(TrekkKlageResponse {
        kvittering: Some(kvittering(tx, &klage)),
    })
}

pub(crate) async fn hent(
    tx: &mut Tx,
    request: HentKlageRequest,
) -> Result<HentKlageResponse, Error> {
    let mut faults = FieldFaults::new();
    let (person, id) = navn::les_post(&request.name, SAMLING, "name", &mut faults);
    faults.finish()?;
    let klage = store::hent(tx, &person, &id).await?;
    Ok(HentKlageResponse {
        klage: Some(klage.to_proto()),
    })
}

pub(crate) async fn list(
    tx: &mut Tx,
    request: ListKlagerRequest,
) -> Result<ListKlagerResponse, Error> {
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&request.parent, "parent", &mut faults);
    faults.finish()?;
    let page = Page::parse(request.page_size, &request.page_token)?;
    let (klager, next_page_token) = store::personens(tx, &person, &page).await?;
    Ok(ListKlagerResponse {
        klager: klager.iter().map(Klage::to_proto).collect(),
        next_page_token,
    })
}

/// The klage that a verb names, alone with this transaction.
async fn les(tx: &mut Tx, name: &str, mut faults: FieldFaults) -> Result<Klage, Error> {
    let (person, id) = navn::les_post(name, SAMLING, "name", &mut faults);
    faults.finish()?;
    crate::las_person(tx, &person).await?;
    let klage = store::hent(tx, &person, &id).await?;
    crate::krev_enhet(tx, &klage.ansvarlig_enhet)?;
    Ok(klage)
}

fn kvittering(tx: &Tx, klage: &Klage) -> Kvittering {
    Kvittering {
        referanse: klage.id.clone(),
        mottatt: Some(tx.now().into()),
    }
}
