//! `OppdragService`: contract ↔ domain.

use samspor_chassis::{
    domene::{Aktor, felt, navn},
    error::{Error, FieldFaults},
    page::Page,
    store::Tx,
};
use samspor_proto::{
    bestillerkontor::{
        AksepterOppdragRequest, AksepterOppdragResponse, AvsluttOppdragRequest,
        AvsluttOppdragResponse, AvvisOppdragRequest, AvvisOppdragResponse,
        BestillKortvarigTjenesteRequest, BestillKortvarigTjenesteResponse, EvaluerOppdragRequest,
        EvaluerOppdragResponse, GjenopptaOppdragRequest, GjenopptaOppdragResponse,
        HentOppdragRequest, HentOppdragResponse, ListEnhetensOppdragRequest,
        ListEnhetensOppdragResponse, ListOppdragRequest, ListOppdragResponse, OppdragTilstand,
        PauseOppdragRequest, PauseOppdragResponse, RapporterOppdragRequest,
        RapporterOppdragResponse, StartOppdragRequest, StartOppdragResponse,
    },
    felles::Kvittering,
};

use super::{Oppdrag, SAMLING, Tilstand, kortvarig, levering, omfordeling, rules, store};
use crate::{
    evaluering, innboks, mottatt, soknad,
    vedtak::{self, hovedansvar, innhold, innhold::Nektet},
};

pub(crate) async fn aksepter(
    tx: &mut Tx,
    request: AksepterOppdragRequest,
) -> Result<AksepterOppdragResponse, Error> {
    let mut faults = FieldFaults::new();
    let akseptert = mottatt::les(
        &request.akseptert,
        &request.etterregistrert_grunn,
        "akseptert",
        false,
        tx.now(),
        &mut faults,
    );
    let oppdrag = les(tx, &request.name, faults).await?;
    let av = Aktor::from(&tx.call().actor);
    let (mut oppdrag, virkninger) = rules::aksepter(oppdrag, av, akseptert)?;
    store::lagre(tx, &mut oppdrag).await?;
    innboks::utfor(tx, virkninger).await?;
    Ok(AksepterOppdragResponse {
        oppdrag: Some(oppdrag.to_proto()),
    })
}

pub(crate) async fn avvis(
    tx: &mut Tx,
    request: AvvisOppdragRequest,
) -> Result<AvvisOppdragResponse, Error> {
    let mut faults = FieldFaults::new();
    let avvisning = rules::les_avvisning(&request, &mut faults);
    let oppdrag = les(tx, &request.name, faults).await?;
    let av = Aktor::from(&tx.call().actor);
    let (mut oppdrag, virkninger) = rules::avvis(oppdrag, avvisning, av, tx.now())?;
    store::lagre(tx, &mut oppdrag).await?;
    innboks::utfor(tx, virkninger).await?;
    slipp_vedtaket(tx, &oppdrag).await?;
    Ok(AvvisOppdragResponse {
        kvittering: Some(kvittering(tx, &oppdrag)),
    })
}

pub(crate) async fn start(
    tx: &mut Tx,
    request: StartOppdragRequest,
) -> Result<StartOppdragResponse, Error> {
    let mut faults = FieldFaults::new();
    let startet = mottatt::les(
        &request.startet,
        &request.etterregistrert_grunn,
        "startet",
        false,
        tx.now(),
        &mut faults,
    );
    let oppdrag = les(tx, &request.name, faults).await?;
    let av = Aktor::from(&tx.call().actor);
    let (mut oppdrag, virkninger) = rules::start(oppdrag, &av, startet)?;
    store::lagre(tx, &mut oppdrag).await?;
    innboks::utfor(tx, virkninger).await?;
    if let Some(vedtak) = &oppdrag.vedtak {
        let decision = vedtak::store::hent(tx, &oppdrag.person, vedtak).await?;
        if let Some((mut decision, virkninger)) = vedtak::rules::iverksett(decision, tx.now()) {
            vedtak::store::lagre(tx, &mut decision).await?;
            innboks::utfor(tx, virkninger).await?;
        }
    }
    Ok(StartOppdragResponse {
        oppdrag: Some(oppdrag.to_proto()),
    })
}

pub(crate) async fn pause(
    tx: &mut Tx,
    request: PauseOppdragRequest,
) -> Result<PauseOppdragResponse, Error> {
    let mut faults = FieldFaults::new();
    let pause = rules::les_pause(&request, tx.now(), &mut faults);
    let oppdrag = les(tx, &request.name, faults).await?;
    // Without a pause there was a fault, which `les` has answered.
    let pause = pause.ok_or_else(|| Error::internal("a pause without a fault"))?;
    let av = Aktor::from(&tx.call().actor);
    let (mut oppdrag, virkninger) = rules::pause(oppdrag, pause, &av, tx.now())?;
    store::lagre(tx, &mut oppdrag).await?;
    innboks::utfor(tx, virkninger).await?;
    Ok(PauseOppdragResponse {
        oppdrag: Some(oppdrag.to_proto()),
    })
}

pub(crate) async fn gjenoppta(
    tx: &mut Tx,
    request: GjenopptaOppdragRequest,
) -> Result<GjenopptaOppdragResponse, Error> {
    let oppdrag = les(tx, &request.name, FieldFaults::new()).await?;
    let av = Aktor::from(&tx.call().actor);
    let (mut oppdrag, virkninger) = rules::gjenoppta(oppdrag, &av, tx.now())?;
    store::lagre(tx, &mut oppdrag).await?;
    innboks::utfor(tx, virkninger).await?;
    Ok(GjenopptaOppdragResponse {
        oppdrag: Some(oppdrag.to_proto()),
    })
}

pub(crate) async fn avslutt(
    tx: &mut Tx,
    request: AvsluttOppdragRequest,
) -> Result<AvsluttOppdragResponse, Error> {
    let mut faults = FieldFaults::new();
    let slutt = rules::les_slutt(&request, &mut faults);
    let avsluttet = mottatt::les(
        &request.avsluttet,
        &request.etterregistrert_grunn,
        "avsluttet",
        false,
        tx.now(),
        &mut faults,
    );
    let oppdrag = les(tx, &request.name, faults).await?;
    let av = Aktor::from(&tx.call().actor);
    let (mut oppdrag, virkninger) = rules::avslutt(oppdrag, slutt, av, avsluttet, tx.now())?;
    store::lagre(tx, &mut oppdrag).await?;
    innboks::utfor(tx, virkninger).await?;
    slipp_vedtaket(tx, &oppdrag).await?;
    if let Some(vedtak) = &oppdrag.vedtak {
        let decision = vedtak::store::hent(tx, &oppdrag.person, vedtak).await?;
        innboks::utfor(tx, hovedansvar::oppfolging(&decision, tx.now())).await?;
    }
    Ok(AvsluttOppdragResponse {
        kvittering: Some(kvittering(tx, &oppdrag)),
    })
}

pub(crate) async fn rapporter(
    tx: &mut Tx,
    request: RapporterOppdragRequest,
) -> Result<RapporterOppdragResponse, Error> {
    let mut faults = FieldFaults::new();
    let av = Aktor::from(&tx.call().actor);
    let rapport = levering::les_rapport(request.rapport.as_ref(), av, tx.now(), &mut faults);
    let oppdrag = les(tx, &request.name, faults).await?;
    let rapport = rapport.ok_or_else(|| Error::internal("no report without a fault"))?;
    let (mut oppdrag, virkninger) = levering::rapporter(oppdrag, rapport)?;
    store::lagre(tx, &mut oppdrag).await?;
    innboks::utfor(tx, virkninger).await?;
    if let Some(vedtak) = oppdrag
        .vedtak
        .as_ref()
        .filter(|_| levering::svikter(&oppdrag))
    {
        let decision = vedtak::store::hent(tx, &oppdrag.person, vedtak).await?;
        let (post, kind) = (decision.name(), vedtak::FRIST_OPPFOLGING);
        if !innboks::store::venter(tx, &post, kind).await? {
            innboks::utfor(tx, hovedansvar::oppfolging(&decision, tx.now())).await?;
        }
    }
    // Its relation ends with the last report of what has ended.
    Ok(RapporterOppdragResponse {
        oppdrag: (!levering::er_ferdig(&oppdrag)).then(|| oppdrag.to_proto()),
    })
}

pub(crate) async fn evaluer(
    tx: &mut Tx,
    request: EvaluerOppdragRequest,
) -> Result<EvaluerOppdragResponse, Error> {
    let mut faults = FieldFaults::new();
    let av = Aktor::from(&tx.call().actor);
    let evaluering = evaluering::les(request.evaluering.as_ref(), av, tx.now(), &mut faults);
    let oppdrag = les(tx, &request.name, faults).await?;
    let evaluering = evaluering.ok_or_else(|| Error::internal("no evaluation without a fault"))?;
    let (mut oppdrag, virkninger) = rules::evaluer(oppdrag, evaluering, tx.now())?;
    store::lagre(tx, &mut oppdrag).await?;
    innboks::utfor(tx, virkninger).await?;
    Ok(EvaluerOppdragResponse {
        oppdrag: Some(oppdrag.to_proto()),
    })
}

pub(crate) async fn bestill_kortvarig(
    tx: &mut Tx,
    request: BestillKortvarigTjenesteRequest,
) -> Result<BestillKortvarigTjenesteResponse, Error> {
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&request.parent, "parent", &mut faults);
    let enhet = navn::les_enhet(&request.enhet, "enhet", &mut faults);
    innhold::krev_ko(&enhet, "enhet", &tx.call().utforere, &mut faults);
    let bestilt = mottatt::les(
        &request.bestilt,
        &request.etterregistrert_grunn,
        "bestilt",
        false,
        tx.now(),
        &mut faults,
    );
    let bestilling = kortvarig::les(&request, &bestilt, tx.now(), &mut faults);
    faults.finish()?;
    let bestilling = bestilling.ok_or_else(|| Error::internal("no order without a fault"))?;
    let mut faults = FieldFaults::new();
    kortvarig::krev_myndighet(bestilling.type_, &tx.call().funksjoner, &mut faults);
    faults.finish()?;
    crate::las_person(tx, &person).await?;
    // What the person said holds until what it was said on has ended.
    let mut soknader = soknad::store::apne(tx, &person).await?;
    for decided in vedtak::store::i_kraft(tx, &person).await? {
        soknader.push(soknad::store::hent(tx, &person, &decided.soknad).await?);
    }
    let nektet = Nektet::av(tx, &soknader);
    let mut faults = FieldFaults::new();
    innhold::ikke_nektet(&enhet, "enhet", &nektet, &mut faults);
    faults.finish()?;
    let tidligere = store::alle(tx, &person).await?;
    let av = Aktor::from(&tx.call().actor);
    let sted = rules::Sted {
        person,
        id: tx.new_id(),
        vedtak: None,
        linje_id: String::new(),
        bestiller: tx.call().actor.enhet.clone(),
        enhet,
    };
    let (oppdrag, virkninger) = kortvarig::bestill(sted, bestilling, &tidligere, &av, bestilt)?;
    let type_ = oppdrag.innhold.bestilling.type_;
    omfordeling::dekket(tx, &oppdrag.person, &[type_].into()).await?;
    store::sett_inn(tx, &oppdrag).await?;
    innboks::utfor(tx, virkninger).await?;
    Ok(BestillKortvarigTjenesteResponse {
        oppdrag: Some(oppdrag.to_proto()),
    })
}

/// The last day of the service of a deadline has passed.
pub(crate) async fn utlop(tx: &mut Tx, post: &str) -> Result<(), Error> {
    let mut faults = FieldFaults::new();
    let (person, id) = navn::les_post(post, SAMLING, "post", &mut faults);
    faults.finish()?;
    crate::las_person(tx, &person).await?;
    let oppdrag = store::hent(tx, &person, &id).await?;
    if let Some((mut oppdrag, virkninger)) = rules::utlop(oppdrag, tx.now()) {
        store::lagre(tx, &mut oppdrag).await?;
        innboks::utfor(tx, virkninger).await?;
        slipp_vedtaket(tx, &oppdrag).await?;
    }
    Ok(())
}

pub(crate) async fn hent(
    tx: &mut Tx,
    request: HentOppdragRequest,
) -> Result<HentOppdragResponse, Error> {
    let mut faults = FieldFaults::new();
    let (person, id) = navn::les_post(&request.name, SAMLING, "name", &mut faults);
    faults.finish()?;
    let oppdrag = store::hent(tx, &person, &id).await?;
    Ok(HentOppdragResponse {
        oppdrag: Some(oppdrag.to_proto()),
    })
}

pub(crate) async fn list(
    tx: &mut Tx,
    request: ListOppdragRequest,
) -> Result<ListOppdragResponse, Error> {
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&request.parent, "parent", &mut faults);
    faults.finish()?;
    let page = Page::parse(request.page_size, &request.page_token)?;
    let (oppdrag, next_page_token) = store::personens(tx, &person, &page).await?;
    Ok(ListOppdragResponse {
        oppdrag: oppdrag.iter().map(Oppdrag::to_proto).collect(),
        next_page_token,
    })
}

pub(crate) async fn list_enhetens(
    tx: &mut Tx,
    request: ListEnhetensOppdragRequest,
) -> Result<ListEnhetensOppdragResponse, Error> {
    let mut faults = FieldFaults::new();
    let enhet = navn::les_enhet(&request.parent, "parent", &mut faults);
    let filter: Option<OppdragTilstand> = felt::filter(
        request.tilstand,
        "tilstand",
        "samspor.bestillerkontor.v1.OppdragTilstand",
        &mut faults,
    );
    faults.finish()?;
    let tilstand = Tilstand::ALLE
        .iter()
        .copied()
        .find(|state| Some(OppdragTilstand::from(*state)) == filter);
    let page = Page::parse(request.page_size, &request.page_token)?;
    let (oppdrag, next_page_token) = store::enhetens(tx, &enhet, tilstand, &page).await?;
    Ok(ListEnhetensOppdragResponse {
        oppdrag: oppdrag.iter().map(Oppdrag::to_proto).collect(),
        next_page_token,
    })
}

/// The oppdrag that a verb names, alone with this transaction.
async fn les(tx: &mut Tx, name: &str, mut faults: FieldFaults) -> Result<Oppdrag, Error> {
    let (person, id) = navn::les_post(name, SAMLING, "name", &mut faults);
    faults.finish()?;
    crate::las_person(tx, &person).await?;
    store::hent(tx, &person, &id).await
}

/// A unit with nothing left to do under a vedtak no longer reads it as one
/// that delivers.
async fn slipp_vedtaket(tx: &mut Tx, oppdrag: &Oppdrag) -> Result<(), Error> {
    let Some(vedtak) = &oppdrag.vedtak else {
        return Ok(());
    };
    let mut open = store::uavsluttede(tx, vedtak).await?;
    open.retain(Oppdrag::er_apent);
    if !open.iter().any(|other| other.enhet == oppdrag.enhet) {
        let decision = vedtak::store::hent(tx, &oppdrag.person, vedtak).await?;
        for fact in decision.slipp(&oppdrag.enhet, tx.now()) {
            tx.fact(fact);
        }
    }
    hovedansvar::folg(tx, &oppdrag.person).await
}

fn kvittering(tx: &Tx, oppdrag: &Oppdrag) -> Kvittering {
    Kvittering {
        referanse: oppdrag.id.clone(),
        mottatt: Some(tx.now().into()),
    }
}
