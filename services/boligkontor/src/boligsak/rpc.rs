//! `BoligsakService`, but for the queue ([`super::rangering`]).

use samspor_chassis::{
    domene::{Aktor, Dag, felt, navn},
    error::{Error, FieldFaults, Refusal},
    lager::{self, Post},
    page::Page,
    store::{Tx, etag},
};
use samspor_proto::{
    boligkontor::{
        self as proto, AvslaBoligsakRequest, AvslaBoligsakResponse, BoligsakTilstand,
        EndreBoligsakRequest, EndreBoligsakResponse, GiForelopigBoligsvarRequest,
        GiForelopigBoligsvarResponse, GodkjennBoligsakRequest, GodkjennBoligsakResponse,
        HentBoligsakRequest, HentBoligsakResponse, ListApneBoligsakerRequest,
        ListApneBoligsakerResponse, ListBoligsakerRequest, ListBoligsakerResponse,
        RegistrerBoligsoknadRequest, RegistrerBoligsoknadResponse, Tildelingstype,
        TrekkBoligsakRequest, TrekkBoligsakResponse, VurderVilkarRequest, VurderVilkarResponse,
    },
    felles::{Feilgrunn, Hjemmel, Kvittering, Rolle},
};

use super::{Avgjorelse, Boligsak, SAMLING, rules, store, to_proto};
use crate::{
    behov::opphold::{self, Midlertidig},
    bolig::typenokkel,
    leieforhold::Leieforhold,
    regler::regler,
    reservasjon::{self, Reservasjon},
};

pub(crate) async fn registrer(
    tx: &mut Tx,
    request: RegistrerBoligsoknadRequest,
) -> Result<RegistrerBoligsoknadResponse, Error> {
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&request.parent, "parent", &mut faults);
    let type_: Tildelingstype = felt::valg(
        request.tildelingstype,
        "tildelingstype",
        "samspor.boligkontor.v1.Tildelingstype",
        &mut faults,
    );
    if type_ == Tildelingstype::Midlertidig {
        let form = "en bolig å bo i; et sted å sove i natt meldes til Nav (MeldBehov)";
        faults.form("tildelingstype", form);
    }
    let given = request.soknad.unwrap_or_default();
    let soknad = rules::les((&person, type_), given, &mut faults);
    faults.finish()?;
    let call = tx.call();
    let key = typenokkel(type_);
    let owner = rules::ansvarlig(key, &call.mandaterte, &call.boligtildelere);
    let Some(owner) = owner.map(str::to_owned) else {
        let mut faults = FieldFaults::new();
        faults.form("tildelingstype", "en type som noen tildeler i kommunen");
        return Err(faults
            .finish()
            .err()
            .map_or_else(|| Error::internal("a fault is no refusal"), Into::into));
    };
    let actor = &call.actor;
    let mottak = rules::Mottak {
        id: tx.new_id(),
        ansvarlig: owner,
        tildelingstype: type_,
        fra_personen: actor.rolle == Rolle::Innbygger
            && actor.person.as_deref() == Some(person.as_str()),
        person,
    };
    let moment = (tx.now(), Aktor::from(actor));
    let (post, out) = rules::registrer(mottak, soknad, moment);
    store::sett_inn(tx, &post).await?;
    out.utfor(tx);
    Ok(RegistrerBoligsoknadResponse {
        kvittering: Some(Kvittering {
            referanse: referanse(&post.id),
            mottatt: Some(tx.now().into()),
        }),
    })
}

/// What the receipt calls it; tells nothing to who may not read the case.
fn referanse(id: &str) -> String {
    let tail = id.rsplit('-').next().unwrap_or(id);
    format!("B-{}", tail.to_uppercase())
}

/// As the contract carries it, with what nav's clock says of the person now.
async fn vist(tx: &mut Tx, post: &Post<Boligsak>) -> Result<proto::Boligsak, Error> {
    let stay = opphold::na(tx, &post.person).await?;
    Ok(med_opphold(post, stay))
}

fn med_opphold(post: &Post<Boligsak>, stay: Option<Midlertidig>) -> proto::Boligsak {
    proto::Boligsak {
        midlertidig_siden: stay.map(|stay| stay.siden.into()),
        over_tre_maneder: stay.is_some_and(|stay| stay.over_tre_maneder),
        ..to_proto(post)
    }
}

/// The application that a request names, for the unit that owns it.
async fn egen(
    tx: &mut Tx,
    name: &str,
    faults: FieldFaults,
    rule: &'static str,
) -> Result<Post<Boligsak>, Error> {
    let post: Post<Boligsak> = lager::hent_for_endring(tx, name, faults).await?;
    if post.enhet != tx.call().actor.enhet {
        return Err(Refusal::new(Feilgrunn::IkkeTillatt)
            .with("regel", rule)
            .with("rad", "Bare enheten som tildeler boligtypen, kan dette.")
            .into());
    }
    Ok(post)
}

pub(crate) async fn endre(
    tx: &mut Tx,
    request: EndreBoligsakRequest,
) -> Result<EndreBoligsakResponse, Error> {
    let post = egen(tx, &request.name, FieldFaults::new(), "W3").await?;
    etag::krev(&request.etag, post.versjon)?;
    let mut faults = FieldFaults::new();
    let of = (post.person.as_str(), post.innhold.tildelingstype);
    let soknad = rules::les(of, request.soknad.unwrap_or_default(), &mut faults);
    faults.finish()?;
    let (mut post, out) = rules::endre(post, soknad)?;
    store::lagre(tx, &mut post).await?;
    out.utfor(tx);
    Ok(EndreBoligsakResponse {
        boligsak: Some(vist(tx, &post).await?),
    })
}

pub(crate) async fn gi_forelopig_svar(
    tx: &mut Tx,
    request: GiForelopigBoligsvarRequest,
) -> Result<GiForelopigBoligsvarResponse, Error> {
    let mut faults = FieldFaults::new();
    let told = felt::pakrevd(&request.svar, "svar", felt::LANG, &mut faults);
    let post = egen(tx, &request.name, faults, "W3").await?;
    let (mut post, out) = rules::forelopig_svar(post, told, tx.now())?;
    store::lagre(tx, &mut post).await?;
    out.utfor(tx);
    Ok(GiForelopigBoligsvarResponse {
        boligsak: Some(vist(tx, &post).await?),
    })
}

pub(crate) async fn vurder(
    tx: &mut Tx,
    request: VurderVilkarRequest,
) -> Result<VurderVilkarResponse, Error> {
    let post = egen(tx, &request.name, FieldFaults::new(), "W3").await?;
    etag::krev(&request.etag, post.versjon)?;
    let rules = regler(tx)?;
    let sett = rules.pa(Dag::av(tx.now()))?;
    let given = (
        request.vilkar,
        request.prioritetsgrunner,
        request.skjermede_grunner,
    );
    let moment = (tx.now(), Aktor::from(&tx.call().actor));
    let mut faults = FieldFaults::new();
    let of = (sett, post.innhold.tildelingstype);
    let assessed = rules::les_vurdering(given, of, moment, &mut faults);
    faults.finish()?;
    let (mut post, out) = rules::vurder(post, assessed)?;
    store::lagre(tx, &mut post).await?;
    out.utfor(tx);
    Ok(VurderVilkarResponse {
        boligsak: Some(vist(tx, &post).await?),
    })
}

/// Reads what a decision says.
fn avgjorelse(
    tx: &Tx,
    hjemmel: Option<&Hjemmel>,
    begrunnelse: &str,
    faults: &mut FieldFaults,
) -> Avgjorelse {
    Avgjorelse {
        tid: tx.now(),
        av: Aktor::from(&tx.call().actor),
        hjemmel: felt::hjemmel(hjemmel, "hjemmel", faults),
        begrunnelse: felt::pakrevd(begrunnelse, "begrunnelse", felt::LANG, faults),
        klageinstans: String::new(),
    }
}

pub(crate) async fn godkjenn(
    tx: &mut Tx,
    request: GodkjennBoligsakRequest,
) -> Result<GodkjennBoligsakResponse, Error> {
    let mut faults = FieldFaults::new();
    let hjemmel = request.hjemmel.as_ref();
    let decided = avgjorelse(tx, hjemmel, &request.begrunnelse, &mut faults);
    let post = egen(tx, &request.name, faults, "W4").await?;
    etag::krev(&request.etag, post.versjon)?;
    let (mut post, out) = rules::godkjenn(post, decided)?;
    if store::annen_pa_listen(tx, &post).await? {
        let other = "en godkjent boligsak for personen i samme kø";
        return Err(Refusal::conflict(other).into());
    }
    store::lagre(tx, &mut post).await?;
    out.utfor(tx);
    Ok(GodkjennBoligsakResponse {
        boligsak: Some(vist(tx, &post).await?),
    })
}

pub(crate) async fn avsla(
    tx: &mut Tx,
    request: AvslaBoligsakRequest,
) -> Result<AvslaBoligsakResponse, Error> {
    let mut faults = FieldFaults::new();
    let hjemmel = request.hjemmel.as_ref();
    let mut decided = avgjorelse(tx, hjemmel, &request.begrunnelse, &mut faults);
    let where_to = &request.klageinstans;
    decided.klageinstans = felt::pakrevd(where_to, "klageinstans", felt::KORT, &mut faults);
    let post = egen(tx, &request.name, faults, "W4").await?;
    etag::krev(&request.etag, post.versjon)?;
    let (mut post, out) = rules::avsla(post, decided)?;
    store::lagre(tx, &mut post).await?;
    out.utfor(tx);
    Ok(AvslaBoligsakResponse {
        boligsak: Some(vist(tx, &post).await?),
    })
}

pub(crate) async fn trekk(
    tx: &mut Tx,
    request: TrekkBoligsakRequest,
) -> Result<TrekkBoligsakResponse, Error> {
    let mut faults = FieldFaults::new();
    let onske = felt::tekst(&request.onske, "onske", felt::LANG, &mut faults);
    let post = lager::hent_for_endring(tx, &request.name, faults).await?;
    let av = Aktor::from(&tx.call().actor);
    let (mut post, out) = rules::trekk(post, onske, (tx.now(), &av))?;
    store::lagre(tx, &mut post).await?;
    out.utfor(tx);
    reservasjon::rpc::slipp_sak(tx, &post).await?;
    let type_ = post.innhold.tildelingstype;
    reservasjon::rpc::leting_slutt(tx, &post.person, type_).await?;
    Ok(TrekkBoligsakResponse {
        boligsak: Some(vist(tx, &post).await?),
    })
}

pub(crate) async fn hent(
    tx: &mut Tx,
    request: HentBoligsakRequest,
) -> Result<HentBoligsakResponse, Error> {
    let mut post: Post<Boligsak> = lager::les_navngitt(tx, &request.name).await?;
    if request.versjon != 0 {
        post = store::versjon(tx, post, request.versjon.into()).await?;
    }
    Ok(HentBoligsakResponse {
        boligsak: Some(vist(tx, &post).await?),
    })
}

pub(crate) async fn list(
    tx: &mut Tx,
    request: ListBoligsakerRequest,
) -> Result<ListBoligsakerResponse, Error> {
    let (all, next_page_token) =
        lager::personens::<Boligsak>(tx, &request.parent, request.page_size, &request.page_token)
            .await?;
    // One person, and one clock.
    let stay = match all.first() {
        Some(post) => opphold::na(tx, &post.person).await?,
        None => None,
    };
    let boligsaker = all.iter().map(|post| med_opphold(post, stay)).collect();
    Ok(ListBoligsakerResponse {
        boligsaker,
        next_page_token,
    })
}

pub(crate) async fn list_apne(
    tx: &mut Tx,
    request: ListApneBoligsakerRequest,
) -> Result<ListApneBoligsakerResponse, Error> {
    let mut faults = FieldFaults::new();
    let unit = navn::les_enhet(&request.parent, "parent", &mut faults);
    let wanted: Option<BoligsakTilstand> = felt::filter(
        request.tilstand,
        "tilstand",
        "samspor.boligkontor.v1.BoligsakTilstand",
        &mut faults,
    );
    faults.finish()?;
    let page = Page::parse(request.page_size, &request.page_token)?;
    let mut found: Vec<Post<Boligsak>> = Vec::new();
    // No column says more than that a case is open: read on until the page is
    // full and there is one more.
    let mut from = page.clone();
    loop {
        let (open, next) = lager::enhetens::<Boligsak>(tx, &unit, &from).await?;
        found.extend(open.into_iter().filter(|post| {
            let state = BoligsakTilstand::from(post.innhold.tilstand);
            wanted.is_none_or(|wanted| wanted == state)
        }));
        if next.is_empty() || found.len() > page.size() {
            break;
        }
        from = Page::parse(request.page_size, &next)?;
    }
    let (found, next_page_token) = page.cut(found, |post| post.id.clone());
    let now = tx.now();
    let stays = opphold::alle(tx, now).await?;
    let boligsaker = found
        .iter()
        .map(|post| med_opphold(post, stays.get(&post.person).copied()))
        .collect();
    Ok(ListApneBoligsakerResponse {
        boligsaker,
        next_page_token,
    })
}

/// What a reservation rested on became a tenancy: the person has the dwelling
/// and stands on the list no more. What is no boligsak is left alone.
pub(crate) async fn tildelt(tx: &mut Tx, grunnlag: &str, leieforhold: &str) -> Result<(), Error> {
    if navn::krev_post(grunnlag, SAMLING).is_err() {
        return Ok(());
    }
    let post = lager::hent_for_endring(tx, grunnlag, FieldFaults::new()).await?;
    let (mut post, mut out) = rules::tildel(post, leieforhold, tx.now())?;
    opphold::fortell(tx, &post.person, &mut out).await?;
    store::lagre(tx, &mut post).await?;
    out.utfor(tx);
    Ok(())
}

/// A tenancy that came of a reservation has ended: the right that its case rested
/// on is unmet again, unless by another tenancy of the person. What rested on no
/// boligsak is left alone.
pub(crate) async fn opphort(tx: &mut Tx, reservasjon: &str) -> Result<(), Error> {
    let Some(post) = saken_til(tx, reservasjon).await? else {
        return Ok(());
    };
    let mut others = Vec::new();
    for tenancy in lager::apne::<Leieforhold>(tx, &post.person).await? {
        let other = saken_til(tx, &tenancy.innhold.reservasjon).await?;
        let by_it = other.filter(|other| other.innhold.soknad.rett == post.innhold.soknad.rett);
        others.extend(by_it.map(|other| other.innhold.tildelingstype));
    }
    rules::opphort(&post, &others).utfor(tx);
    Ok(())
}

/// The case that a reservation rests on.
async fn saken_til(tx: &mut Tx, reservasjon: &str) -> Result<Option<Post<Boligsak>>, Error> {
    let held: Post<Reservasjon> = lager::les_navngitt(tx, reservasjon).await?;
    if navn::krev_post(&held.innhold.grunnlag, SAMLING).is_err() {
        return Ok(None);
    }
    Ok(Some(lager::les_navngitt(tx, &held.innhold.grunnlag).await?))
}
