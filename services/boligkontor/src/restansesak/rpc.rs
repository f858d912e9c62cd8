//! `RestansesakService`.

use samspor_chassis::{
    domene::{Aktor, Dag, felt, navn},
    error::{Error, FieldFaults, Refusal},
    lager::{self, Post},
    store::{Tx, etag},
};
use samspor_proto::boligkontor::{
    AvgjorRestansesakRequest, AvgjorRestansesakResponse, HentRestansesakRequest,
    HentRestansesakResponse, ListRestansesakerRequest, ListRestansesakerResponse,
    OppdaterRestanseRequest, OppdaterRestanseResponse, RegistrerRestanseRequest,
    RegistrerRestanseResponse, RegistrerRestansemoteRequest, RegistrerRestansemoteResponse,
    SvarRestansesakRequest, SvarRestansesakResponse,
};

use super::{Avgjort, Mote, Restansesak, rules, to_proto};
use crate::{
    innstillinger::innstillinger,
    leieforhold::{self, Leieforhold},
};

/// Units of a case at most.
const MANGE_PARTER: usize = 10;
/// The type whose allocator finds a bed for who loses the dwelling: Nav.
pub(crate) const MIDLERTIDIG: &str = "midlertidig";
/// Kroner that are owed at most.
const MEST: i32 = 1_000_000;

pub(crate) async fn registrer(
    tx: &mut Tx,
    request: RegistrerRestanseRequest,
) -> Result<RegistrerRestanseResponse, Error> {
    let av = crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&request.parent, "parent", &mut faults);
    let (tenant, tenancy) = navn::les_post(
        &request.leieforhold,
        "leieforhold",
        "leieforhold",
        &mut faults,
    );
    if !tenant.is_empty() && tenant != person {
        faults.contradicts("leieforhold", "parent", "posten gjelder en annen person");
    }
    if !(1..=MEST).contains(&request.belop) {
        faults.range("belop", 1, MEST);
    }
    let siden = felt::pakrevd_dag(&request.siden, "siden", &mut faults);
    let parter = leieforhold::rpc::enheter(&request.parter, "parter", MANGE_PARTER, &mut faults);
    rules::krev_parter(
        &parter,
        tx.call().boligtildelere.get(MIDLERTIDIG),
        &mut faults,
    );
    faults.finish()?;
    lager::las_person(tx, &person).await?;
    let tenancy: Post<Leieforhold> = lager::hent(tx, &person, &tenancy).await?;
    leieforhold::rules::krev(&tenancy, "RegistrerRestanse")?;
    let restanse = rules::Restanse {
        leieforhold: tenancy.name(),
        belop: request.belop,
        siden,
        parter,
    };
    let (id, moment) = (tx.new_id(), (tx.now(), av));
    let (post, out) = rules::registrer((person, id), restanse, moment, innstillinger()?)?;
    if !lager::sett_inn(tx, &post).await? {
        return Err(Refusal::conflict(
            "leieforhold: det har en åpen sak; oppdater beløpet i den i stedet",
        )
        .into());
    }
    out.utfor(tx);
    Ok(RegistrerRestanseResponse {
        restansesak: Some(to_proto(&post)),
    })
}

/// The case that a request names, for who lets the dwelling.
async fn egen(
    tx: &mut Tx,
    name: &str,
    etag: &str,
    faults: FieldFaults,
) -> Result<Post<Restansesak>, Error> {
    let post: Post<Restansesak> = lager::hent_for_endring(tx, name, faults).await?;
    etag::krev(etag, post.versjon)?;
    Ok(post)
}

pub(crate) async fn oppdater(
    tx: &mut Tx,
    request: OppdaterRestanseRequest,
) -> Result<OppdaterRestanseResponse, Error> {
    let av = crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    if !(0..=MEST).contains(&request.belop) {
        faults.range("belop", 0, MEST);
    }
    let post = egen(tx, &request.name, &request.etag, faults).await?;
    let (mut post, out) = rules::oppdater(post, request.belop, (tx.now(), av))?;
    lager::lagre(tx, &mut post).await?;
    out.utfor(tx);
    Ok(OppdaterRestanseResponse {
        restansesak: Some(to_proto(&post)),
    })
}

pub(crate) async fn svar(
    tx: &mut Tx,
    request: SvarRestansesakRequest,
) -> Result<SvarRestansesakResponse, Error> {
    let av = Aktor::from(&tx.call().actor);
    let mut faults = FieldFaults::new();
    let tiltak = felt::pakrevd(&request.tiltak, "tiltak", felt::LANG, &mut faults);
    let post = lager::hent_for_endring(tx, &request.name, faults).await?;
    let (mut post, out) = rules::svar(post, tiltak, (tx.now(), av))?;
    lager::lagre(tx, &mut post).await?;
    out.utfor(tx);
    Ok(SvarRestansesakResponse {
        restansesak: Some(to_proto(&post)),
    })
}

pub(crate) async fn mote(
    tx: &mut Tx,
    request: RegistrerRestansemoteRequest,
) -> Result<RegistrerRestansemoteResponse, Error> {
    let av = crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let day = felt::pakrevd_dag(&request.dag, "dag", &mut faults);
    let utfall = felt::pakrevd(&request.utfall, "utfall", felt::LANG, &mut faults);
    let post = egen(tx, &request.name, &request.etag, faults).await?;
    let held = Mote {
        dag: day.unwrap_or(Dag::av(tx.now())),
        leietaker_deltok: request.leietaker_deltok,
        utfall,
        av,
    };
    let (mut post, out) = rules::mote(post, held, tx.now())?;
    lager::lagre(tx, &mut post).await?;
    out.utfor(tx);
    Ok(RegistrerRestansemoteResponse {
        restansesak: Some(to_proto(&post)),
    })
}

pub(crate) async fn avgjor(
    tx: &mut Tx,
    request: AvgjorRestansesakRequest,
) -> Result<AvgjorRestansesakResponse, Error> {
    let av = crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let utfall = felt::valg(
        request.utfall,
        "utfall",
        "samspor.boligkontor.v1.Restanseutfall",
        &mut faults,
    );
    let begrunnelse = felt::pakrevd(&request.begrunnelse, "begrunnelse", felt::LANG, &mut faults);
    let post = egen(tx, &request.name, &request.etag, faults).await?;
    let outcome = Avgjort {
        tid: tx.now(),
        av,
        utfall,
        begrunnelse,
    };
    let (mut post, out) = rules::avgjor(post, outcome)?;
    lager::lagre(tx, &mut post).await?;
    out.utfor(tx);
    Ok(AvgjorRestansesakResponse {
        restansesak: Some(to_proto(&post)),
    })
}

pub(crate) async fn hent(
    tx: &mut Tx,
    request: HentRestansesakRequest,
) -> Result<HentRestansesakResponse, Error> {
    let post: Post<Restansesak> = lager::les_navngitt(tx, &request.name).await?;
    Ok(HentRestansesakResponse {
        restansesak: Some(to_proto(&post)),
    })
}

pub(crate) async fn list(
    tx: &mut Tx,
    request: ListRestansesakerRequest,
) -> Result<ListRestansesakerResponse, Error> {
    let (all, next_page_token) = lager::personens::<Restansesak>(
        tx,
        &request.parent,
        request.page_size,
        &request.page_token,
    )
    .await?;
    Ok(ListRestansesakerResponse {
        restansesaker: all.iter().map(to_proto).collect(),
        next_page_token,
    })
}
