//! `ArbeidsordreService`, and what the dwelling and the tenancy bring about.

use samspor_chassis::{
    domene::{Virkninger, felt},
    error::{Error, FieldFaults},
    lager,
    store::Tx,
};
use samspor_proto::{
    boligkontor::{
        Arbeidstype, AvvisArbeidsordreRequest, AvvisArbeidsordreResponse, BestillArbeidRequest,
        BestillArbeidResponse, Hastegrad, HentArbeidsordreRequest, HentArbeidsordreResponse,
        ListApneArbeidsordrerRequest, ListApneArbeidsordrerResponse, ListArbeidsordrerRequest,
        ListArbeidsordrerResponse, LukkArbeidsordreRequest, LukkArbeidsordreResponse,
        MeldArbeidUtfortRequest, MeldArbeidUtfortResponse, MeldFeilILeieforholdRequest,
        MeldFeilILeieforholdResponse, MeldFeilRequest, MeldFeilResponse,
    },
    felles::Kvittering,
};

use super::{Arbeidsordre, KLARGJORING, rules, to_proto};
use crate::{
    bolig,
    boligpost::{self, Post},
    innstillinger::innstillinger,
    leieforhold::{self, Leieforhold},
};

async fn legg_inn(
    tx: &mut Tx,
    bolig: &str,
    kind: (Arbeidstype, Hastegrad),
    beskrivelse: String,
) -> Result<Post<Arbeidsordre>, Error> {
    let ids = (bolig.to_owned(), tx.new_id());
    let (post, out) = rules::ny(ids, kind, beskrivelse, tx.now(), innstillinger()?);
    boligpost::sett_inn(tx, &post).await?;
    out.utfor(tx);
    Ok(post)
}

/// Something in the dwelling is broken.
pub(crate) async fn feil_i(
    tx: &mut Tx,
    bolig: &str,
    hastegrad: Hastegrad,
    beskrivelse: String,
) -> Result<Post<Arbeidsordre>, Error> {
    let kind = (Arbeidstype::Feilmelding, hastegrad);
    legg_inn(tx, bolig, kind, beskrivelse).await
}

fn les_feil(beskrivelse: &str, hastegrad: i32, faults: &mut FieldFaults) -> (String, Hastegrad) {
    (
        felt::pakrevd(beskrivelse, "beskrivelse", felt::LANG, faults),
        felt::valg(
            hastegrad,
            "hastegrad",
            "samspor.boligkontor.v1.Hastegrad",
            faults,
        ),
    )
}

pub(crate) async fn meld_feil(
    tx: &mut Tx,
    request: MeldFeilRequest,
) -> Result<MeldFeilResponse, Error> {
    crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let dwelling = bolig::rpc::les_navn(&request.parent, "parent", &mut faults);
    let (said, urgency) = les_feil(&request.beskrivelse, request.hastegrad, &mut faults);
    faults.finish()?;
    let dwelling = bolig::store::hent_for_endring(tx, &dwelling).await?;
    let post = feil_i(tx, &dwelling.id, urgency, said).await?;
    Ok(MeldFeilResponse {
        arbeidsordre: Some(to_proto(&post, tx.now())),
    })
}

/// By the tenant, or by staff on behalf. Who it was is not kept: the order would
/// say who lives there.
pub(crate) async fn meld_feil_i_leieforhold(
    tx: &mut Tx,
    request: MeldFeilILeieforholdRequest,
) -> Result<MeldFeilILeieforholdResponse, Error> {
    let mut faults = FieldFaults::new();
    let (said, urgency) = les_feil(&request.beskrivelse, request.hastegrad, &mut faults);
    let tenancy: lager::Post<Leieforhold> =
        lager::hent_for_endring(tx, &request.name, faults).await?;
    leieforhold::rules::krev(&tenancy, "MeldFeilILeieforhold")?;
    let post = feil_i(tx, &tenancy.innhold.bolig, urgency, said).await?;
    Ok(MeldFeilILeieforholdResponse {
        frist: Some(post.innhold.frist.into()),
        kvittering: Some(Kvittering {
            referanse: post.id,
            mottatt: Some(tx.now().into()),
        }),
    })
}

async fn lagre(
    tx: &mut Tx,
    (mut post, out): (Post<Arbeidsordre>, Virkninger),
) -> Result<Post<Arbeidsordre>, Error> {
    boligpost::lagre(tx, &mut post).await?;
    out.utfor(tx);
    Ok(post)
}

/// The dwelling has gone to another state: one that is made ready has an order
/// for that, which goes on, with its clock, while the dwelling is out of use. One
/// that leaves the stock takes what is to be done in it along.
pub(crate) async fn folg_bolig(tx: &mut Tx, bolig: &bolig::Bolig) -> Result<(), Error> {
    use bolig::Tilstand as State;
    let id = bolig.id.as_str();
    if bolig.tilstand == State::Avviklet {
        let why = format!("Boligen er avviklet: {}", bolig.innhold.avviklet);
        let open: Vec<Post<Arbeidsordre>> = boligpost::alle_apne(tx, id).await?;
        for order in open {
            let closed = rules::boligen_borte(order, why.clone(), tx.now())?;
            lagre(tx, closed).await?;
        }
        return Ok(());
    }
    // None where it came into the stock like that.
    let open: Option<Post<Arbeidsordre>> = boligpost::apen(tx, id, KLARGJORING).await?;
    match (bolig.tilstand, open) {
        (State::Klargjores | State::UteAvDrift, Some(_)) => {}
        (_, Some(order)) => {
            let closed = rules::boligen_klar(order, tx.now())?;
            lagre(tx, closed).await?;
        }
        (State::Klargjores, None) => {
            let kind = (Arbeidstype::Klargjoring, Hastegrad::Vanlig);
            let what = "Boligen klargjøres for utleie".to_owned();
            legg_inn(tx, id, kind, what).await?;
        }
        (_, None) => {}
    }
    Ok(())
}

pub(crate) async fn bestill(
    tx: &mut Tx,
    request: BestillArbeidRequest,
) -> Result<BestillArbeidResponse, Error> {
    crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let day = felt::pakrevd_dag(&request.planlagt_dag, "planlagt_dag", &mut faults);
    let who = felt::pakrevd(&request.utforer, "utforer", felt::KORT, &mut faults);
    let post = boligpost::hent_for_endring(tx, &request.name, faults).await?;
    let ordered = rules::bestill(post, day, who, tx.now())?;
    let post = lagre(tx, ordered).await?;
    Ok(BestillArbeidResponse {
        arbeidsordre: Some(to_proto(&post, tx.now())),
    })
}

pub(crate) async fn meld_utfort(
    tx: &mut Tx,
    request: MeldArbeidUtfortRequest,
) -> Result<MeldArbeidUtfortResponse, Error> {
    crate::for_enhet(tx)?;
    let post = boligpost::hent_for_endring(tx, &request.name, FieldFaults::new()).await?;
    let done = rules::utfort(post, tx.now())?;
    let post = lagre(tx, done).await?;
    Ok(MeldArbeidUtfortResponse {
        arbeidsordre: Some(to_proto(&post, tx.now())),
    })
}

pub(crate) async fn lukk(
    tx: &mut Tx,
    request: LukkArbeidsordreRequest,
) -> Result<LukkArbeidsordreResponse, Error> {
    crate::for_enhet(tx)?;
    let post = boligpost::hent_for_endring(tx, &request.name, FieldFaults::new()).await?;
    let closed = rules::lukk(post, tx.now())?;
    let post = lagre(tx, closed).await?;
    Ok(LukkArbeidsordreResponse {
        arbeidsordre: Some(to_proto(&post, tx.now())),
    })
}

pub(crate) async fn avvis(
    tx: &mut Tx,
    request: AvvisArbeidsordreRequest,
) -> Result<AvvisArbeidsordreResponse, Error> {
    crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let why = felt::pakrevd(&request.begrunnelse, "begrunnelse", felt::LANG, &mut faults);
    let post = boligpost::hent_for_endring(tx, &request.name, faults).await?;
    let rejected = rules::avvis(post, why, tx.now())?;
    let post = lagre(tx, rejected).await?;
    Ok(AvvisArbeidsordreResponse {
        arbeidsordre: Some(to_proto(&post, tx.now())),
    })
}

pub(crate) async fn hent(
    tx: &mut Tx,
    request: HentArbeidsordreRequest,
) -> Result<HentArbeidsordreResponse, Error> {
    let post = boligpost::hent(tx, &request.name).await?;
    Ok(HentArbeidsordreResponse {
        arbeidsordre: Some(to_proto(&post, tx.now())),
    })
}

pub(crate) async fn list(
    tx: &mut Tx,
    request: ListArbeidsordrerRequest,
) -> Result<ListArbeidsordrerResponse, Error> {
    let (all, next_page_token) =
        boligpost::boligens(tx, &request.parent, request.page_size, &request.page_token).await?;
    let now = tx.now();
    Ok(ListArbeidsordrerResponse {
        arbeidsordrer: all.iter().map(|post| to_proto(post, now)).collect(),
        next_page_token,
    })
}

pub(crate) async fn list_apne(
    tx: &mut Tx,
    request: ListApneArbeidsordrerRequest,
) -> Result<ListApneArbeidsordrerResponse, Error> {
    let (all, next_page_token) =
        boligpost::apne(tx, &request.parent, request.page_size, &request.page_token).await?;
    let now = tx.now();
    Ok(ListApneArbeidsordrerResponse {
        arbeidsordrer: all.iter().map(|post| to_proto(post, now)).collect(),
        next_page_token,
    })
}
