//! `ReservasjonService`, and what the clock does.

use samspor_chassis::{
    domene::{Aktor, felt, navn},
    error::{Error, FieldFaults, Refusal},
    lager::{self, Post},
    store::{Tx, etag},
};
use samspor_proto::{
    boligkontor::{
        ForlengReservasjonRequest, ForlengReservasjonResponse, HentReservasjonRequest,
        HentReservasjonResponse, ListReservasjonerRequest, ListReservasjonerResponse,
        NedleggVetoRequest, NedleggVetoResponse, OpphevReservasjonRequest,
        OpphevReservasjonResponse, ReserverBoligRequest, ReserverBoligResponse, SvarTilbudRequest,
        SvarTilbudResponse, TilbyBoligRequest, TilbyBoligResponse, Tildelingstype,
    },
    felles::Feilgrunn,
};

use super::{Reservasjon, Slutt, Svar, rules, to_proto};
use crate::{
    behov::opphold,
    bolig::{self, typenokkel},
    boligsak::{self, Boligsak, rangering},
    innstillinger::innstillinger,
};

const RESERVER: &str = "ReserverBolig";
/// Reservations of a person that are looked through, the latest.
const MANGE: i32 = 200;

fn lengder() -> Result<rules::Lengder, Error> {
    let settings = innstillinger()?;
    Ok(rules::Lengder {
        reservasjon: settings.reservasjon_dager,
        svar: settings.svar_dager,
        lengst: settings.forleng_dager,
    })
}

/// The dwelling of a reservation that ends without a contract can be had again.
async fn frigi(tx: &mut Tx, post: &Post<Reservasjon>) -> Result<(), Error> {
    let dwelling = bolig::store::hent_for_endring(tx, &post.innhold.bolig).await?;
    bolig::store::slipp(tx, &dwelling.id, &post.name()).await?;
    let (verb, to) = (bolig::rules::FRIGI, bolig::Tilstand::Ledig);
    bolig::rpc::flytt(tx, dwelling, verb, to, None).await?;
    Ok(())
}

/// The case that a reservation rests on. Temporary housing rests on a request
/// for a bed or a stay, which are kept by the unit that allocates it.
async fn grunnlag(
    tx: &mut Tx,
    person: &str,
    type_: Tildelingstype,
    name: &str,
) -> Result<Option<Post<Boligsak>>, Error> {
    let mut faults = FieldFaults::new();
    if type_ == Tildelingstype::Midlertidig {
        let of = |collection| navn::krev_post(name, collection).is_ok();
        if !of("botilbud") && !of("opphold") {
            let form = "personer/{person}/botilbud/{botilbud} eller \
                        personer/{person}/opphold/{opphold}";
            faults.form("grunnlag", form);
        }
        faults.finish()?;
        return Ok(None);
    }
    let (_, id) = navn::les_post(name, boligsak::SAMLING, "grunnlag", &mut faults);
    faults.finish()?;
    match lager::hent(tx, person, &id).await {
        Ok(sak) => Ok(Some(sak)),
        Err(error) if error.refusal().is_some() => {
            let mut faults = FieldFaults::new();
            faults.form("grunnlag", "en boligsak som personen har");
            faults.finish()?;
            Err(error)
        }
        Err(error) => Err(error),
    }
}

/// The person is hidden, and the case is with the unit for that reason.
fn skjult_sak(tx: &Tx, sak: &Post<Boligsak>) -> bool {
    let call = tx.call();
    sak.enhet == call.actor.enhet && call.mandaterte.contains(&sak.enhet)
}

/// What is held for a case that was taken back is let go.
pub(crate) async fn slipp_sak(tx: &mut Tx, sak: &Post<Boligsak>) -> Result<(), Error> {
    let open: Vec<Post<Reservasjon>> = lager::apne(tx, &sak.person).await?;
    let name = sak.name();
    for held in open {
        if held.innhold.grunnlag == name {
            slutt(tx, held, "Søknaden er trukket.".to_owned(), false).await?;
        }
    }
    Ok(())
}

/// A dwelling of the type is held for the person, or sought no more: who looks for
/// one in the place of a reservation that came to nothing looks no further. Where
/// one was held after it, that was told of then.
pub(crate) async fn leting_slutt(
    tx: &mut Tx,
    person: &str,
    type_: Tildelingstype,
) -> Result<(), Error> {
    let parent = navn::person(person);
    let (mut all, _) = lager::personens::<Reservasjon>(tx, &parent, MANGE, "").await?;
    all.retain(|held| held.innhold.tildelingstype == type_);
    for nothing in all.iter().filter(|held| rules::lates_det(held)) {
        let ended = nothing.innhold.sluttet();
        let after = |held: &Post<Reservasjon>| {
            held.id > nothing.id && Some(held.innhold.reservert.0) >= ended
        };
        if !all.iter().any(after) {
            rules::leting_slutt(nothing).utfor(tx);
        }
    }
    Ok(())
}

pub(crate) async fn reserver(
    tx: &mut Tx,
    request: ReserverBoligRequest,
) -> Result<ReserverBoligResponse, Error> {
    let av = Aktor::from(&tx.call().actor);
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&request.parent, "parent", &mut faults);
    let wanted = bolig::rpc::les_navn(&request.bolig, "bolig", &mut faults);
    let ground = felt::pakrevd(&request.grunnlag, "grunnlag", felt::KORT, &mut faults);
    if !ground.is_empty() && !ground.starts_with(&format!("{}/", request.parent)) {
        faults.contradicts("grunnlag", "parent", "posten gjelder en annen person");
    }
    let until = felt::tidspunkt(request.utloper, "utloper", &mut faults);
    let reason = felt::pakrevd(&request.begrunnelse, "begrunnelse", felt::LANG, &mut faults);
    let passed = felt::tekst(&request.overstyring, "overstyring", felt::LANG, &mut faults);
    let unsuited = felt::tekst(
        &request.egnethetsunntak,
        "egnethetsunntak",
        felt::LANG,
        &mut faults,
    );
    faults.finish()?;
    lager::las_person(tx, &person).await?;
    let dwelling = bolig::store::hent_for_endring(tx, &wanted).await?;
    let type_ = dwelling.tildelingstype();
    let sak = grunnlag(tx, &person, type_, &ground).await?;
    let own = sak.as_ref().is_some_and(|sak| skjult_sak(tx, sak));
    if !own {
        let key = typenokkel(type_);
        rules::krev_tildeler(&av.enhet, key, tx.call().boligtildelere.get(key))?;
    }
    bolig::rules::krev(RESERVER, dwelling.tilstand)?;
    let plassering = match &sak {
        None => None,
        Some(sak) => {
            let open: Vec<Post<Reservasjon>> = lager::apne(tx, &person).await?;
            rules::krev_sak(sak, type_, &open)?;
            let place = rangering::plassering(tx, sak, &dwelling).await?;
            rules::krev_begrunnet(&place, &passed, &unsuited)?;
            Some(place)
        }
    };
    let onsket = rules::Onsket {
        bolig: dwelling.id.clone(),
        tildelingstype: type_,
        grunnlag: ground,
        plassering,
        utloper: until,
        begrunnelse: reason,
        overstyring: passed,
        egnethetsunntak: unsuited,
    };
    let (id, now) = (tx.new_id(), tx.now());
    let (post, out) = rules::reserver((person, id), onsket, (now, av), lengder()?)?;
    let (verb, to) = (RESERVER, bolig::Tilstand::Reservert);
    let name = dwelling.id.clone();
    bolig::rpc::flytt(tx, dwelling, verb, to, None).await?;
    if !bolig::store::ta(tx, &name, &post.name()).await? {
        return Err(Refusal::conflict("en reservasjon eller et leieforhold for boligen").into());
    }
    leting_slutt(tx, &post.person, type_).await?;
    lager::legg_til(tx, &post).await?;
    out.utfor(tx);
    Ok(ReserverBoligResponse {
        reservasjon: Some(to_proto(&post)),
    })
}

/// The reservation that a request names, for the unit that reserved.
async fn egen(
    tx: &mut Tx,
    name: &str,
    etag: &str,
    faults: FieldFaults,
) -> Result<Post<Reservasjon>, Error> {
    let post: Post<Reservasjon> = lager::hent_for_endring(tx, name, faults).await?;
    if post.enhet != tx.call().actor.enhet {
        return Err(Refusal::new(Feilgrunn::IkkeTillatt)
            .with("regel", "W3")
            .with("rad", "Bare enheten som reserverte, endrer reservasjonen.")
            .into());
    }
    etag::krev(etag, post.versjon)?;
    Ok(post)
}

pub(crate) async fn forleng(
    tx: &mut Tx,
    request: ForlengReservasjonRequest,
) -> Result<ForlengReservasjonResponse, Error> {
    let mut faults = FieldFaults::new();
    let until = felt::tidspunkt(request.utloper, "utloper", &mut faults);
    if request.utloper.is_none() {
        faults.missing("utloper");
    }
    let reason = felt::pakrevd(&request.begrunnelse, "begrunnelse", felt::LANG, &mut faults);
    let post = egen(tx, &request.name, &request.etag, faults).await?;
    let until = until.unwrap_or(post.innhold.utloper);
    let (mut post, out) = rules::forleng(post, until, &reason, tx.now(), lengder()?)?;
    lager::lagre(tx, &mut post).await?;
    out.utfor(tx);
    Ok(ForlengReservasjonResponse {
        reservasjon: Some(to_proto(&post)),
    })
}

pub(crate) async fn tilby(
    tx: &mut Tx,
    request: TilbyBoligRequest,
) -> Result<TilbyBoligResponse, Error> {
    let mut faults = FieldFaults::new();
    let due = felt::tidspunkt(request.svarfrist, "svarfrist", &mut faults);
    let post = egen(tx, &request.name, &request.etag, faults).await?;
    let (mut post, mut out) = rules::tilby(post, due, tx.now(), lengder()?)?;
    opphold::fortell(tx, &post.person, &mut out).await?;
    lager::lagre(tx, &mut post).await?;
    out.utfor(tx);
    Ok(TilbyBoligResponse {
        reservasjon: Some(to_proto(&post)),
    })
}

pub(crate) async fn svar(
    tx: &mut Tx,
    request: SvarTilbudRequest,
) -> Result<SvarTilbudResponse, Error> {
    let mut faults = FieldFaults::new();
    let onske = felt::tekst(&request.onske, "onske", felt::LANG, &mut faults);
    let post: Post<Reservasjon> = lager::hent_for_endring(tx, &request.name, faults).await?;
    let answer = Svar {
        tid: tx.now(),
        av: Aktor::from(&tx.call().actor),
        aksepterer: request.aksepterer,
        onske,
    };
    let (mut post, out) = rules::svar(post, answer, tx.now(), lengder()?)?;
    lager::lagre(tx, &mut post).await?;
    out.utfor(tx);
    if !request.aksepterer {
        frigi(tx, &post).await?;
    }
    Ok(SvarTilbudResponse {
        reservasjon: Some(to_proto(&post)),
    })
}

async fn slutt(
    tx: &mut Tx,
    post: Post<Reservasjon>,
    begrunnelse: String,
    veto: bool,
) -> Result<Post<Reservasjon>, Error> {
    let slutt = Slutt {
        tid: tx.now(),
        av: Aktor::from(&tx.call().actor),
        begrunnelse,
        veto,
    };
    let (mut post, out) = rules::opphev(post, slutt)?;
    lager::lagre(tx, &mut post).await?;
    out.utfor(tx);
    frigi(tx, &post).await?;
    Ok(post)
}

pub(crate) async fn opphev(
    tx: &mut Tx,
    request: OpphevReservasjonRequest,
) -> Result<OpphevReservasjonResponse, Error> {
    let mut faults = FieldFaults::new();
    let reason = felt::pakrevd(&request.begrunnelse, "begrunnelse", felt::LANG, &mut faults);
    let post = egen(tx, &request.name, &request.etag, faults).await?;
    let post = slutt(tx, post, reason, false).await?;
    Ok(OpphevReservasjonResponse {
        reservasjon: Some(to_proto(&post)),
    })
}

pub(crate) async fn nedlegg_veto(
    tx: &mut Tx,
    request: NedleggVetoRequest,
) -> Result<NedleggVetoResponse, Error> {
    crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let reason = felt::pakrevd(&request.begrunnelse, "begrunnelse", felt::LANG, &mut faults);
    let post = lager::hent_for_endring(tx, &request.name, faults).await?;
    let post = slutt(tx, post, reason, true).await?;
    Ok(NedleggVetoResponse {
        reservasjon: Some(to_proto(&post)),
    })
}

/// Its time is over.
pub(crate) async fn utlop(tx: &mut Tx, name: &str) -> Result<(), Error> {
    let post: Post<Reservasjon> = lager::hent_for_endring(tx, name, FieldFaults::new()).await?;
    let Some((mut post, out)) = rules::utlop(post, tx.now()) else {
        return Ok(());
    };
    lager::lagre(tx, &mut post).await?;
    out.utfor(tx);
    frigi(tx, &post).await
}

pub(crate) async fn hent(
    tx: &mut Tx,
    request: HentReservasjonRequest,
) -> Result<HentReservasjonResponse, Error> {
    let post: Post<Reservasjon> = lager::les_navngitt(tx, &request.name).await?;
    Ok(HentReservasjonResponse {
        reservasjon: Some(to_proto(&post)),
    })
}

pub(crate) async fn list(
    tx: &mut Tx,
    request: ListReservasjonerRequest,
) -> Result<ListReservasjonerResponse, Error> {
    let (all, next_page_token) = lager::personens::<Reservasjon>(
        tx,
        &request.parent,
        request.page_size,
        &request.page_token,
    )
    .await?;
    Ok(ListReservasjonerResponse {
        reservasjoner: all.iter().map(to_proto).collect(),
        next_page_token,
    })
}
