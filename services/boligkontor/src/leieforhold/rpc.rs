//! `LeieforholdService`.

use samspor_chassis::{
    domene::{Aktor, Dag, felt, navn},
    error::{Error, FieldFaults, Refusal},
    lager::{self, Post},
    store::{Tx, etag},
};
use samspor_proto::boligkontor::{
    AvsluttLeieforholdRequest, AvsluttLeieforholdResponse, ForlengLeieforholdRequest,
    ForlengLeieforholdResponse, HentLeieforholdRequest, HentLeieforholdResponse,
    InngaKontraktRequest, InngaKontraktResponse, ListLeieforholdRequest, ListLeieforholdResponse,
    MeldFlyttingRequest, MeldFlyttingResponse, MeldOppfolgingAvslattRequest,
    MeldOppfolgingAvslattResponse, Oppsigelsesgrunn, SiOppLeieforholdRequest,
    SiOppLeieforholdResponse, Tildelingstype, Tomgangsarsak, TrekkOppsigelseRequest,
    TrekkOppsigelseResponse,
};

use super::{
    Leieforhold, Oppsigelse,
    rules::{self, FellesSaker, Kontrakt, Varsel},
    to_proto,
};
use crate::{
    behov::opphold,
    bolig, boligsak,
    innstillinger::innstillinger,
    reservasjon::{self, Reservasjon},
    restansesak::{self, Restansesak},
};

/// Units that a tenant is followed by at most.
const MANGE_OPPFOLGERE: usize = 20;

/// Ids of units, each once.
pub(crate) fn enheter(
    names: &[String],
    field: &str,
    most: usize,
    faults: &mut FieldFaults,
) -> Vec<String> {
    felt::antall(names.len(), field, most, faults);
    let mut units = Vec::new();
    for (place, name) in names.iter().enumerate() {
        let unit = navn::les_enhet(name, &format!("{field}[{place}]"), faults);
        if !units.contains(&unit) {
            units.push(unit);
        }
    }
    units
}

pub(crate) async fn innga(
    tx: &mut Tx,
    request: InngaKontraktRequest,
) -> Result<InngaKontraktResponse, Error> {
    let av = crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let fra = felt::dag(&request.fra, "fra", &mut faults);
    let til = felt::dag(&request.til, "til", &mut faults);
    let begrunnelse = felt::tekst(&request.begrunnelse, "begrunnelse", felt::LANG, &mut faults);
    let flere = felt::tekst(&request.flere, "flere", felt::LANG, &mut faults);
    let oppfolgere = enheter(
        &request.oppfolgere,
        "oppfolgere",
        MANGE_OPPFOLGERE,
        &mut faults,
    );
    let held: Post<Reservasjon> = lager::hent_for_endring(tx, &request.name, faults).await?;
    reservasjon::rules::krev_kontrakt(&held, tx.now())?;
    let dwelling = bolig::store::hent_for_endring(tx, &held.innhold.bolig).await?;
    let others: Vec<Post<Leieforhold>> = lager::apne(tx, &held.person).await?;
    let kontrakt = Kontrakt {
        fra,
        til,
        begrunnelse,
        flere,
        oppfolgere,
        husleie: dwelling.innhold.egenskaper.husleie,
    };
    let (id, moment) = (tx.new_id(), (tx.now(), av));
    let (post, mut out) = rules::innga(
        id,
        &held,
        kontrakt,
        moment,
        !others.is_empty(),
        innstillinger()?,
    )?;
    opphold::fortell(tx, &post.person, &mut out).await?;
    let (mut held, ended) = reservasjon::rules::kontrakt(held, post.name(), tx.now())?;
    let (verb, to) = (bolig::rules::KONTRAKT, bolig::Tilstand::Utleid);
    bolig::rpc::flytt(tx, dwelling, verb, to, None).await?;
    bolig::store::gi_videre(tx, &post.innhold.bolig, &held.name(), &post.name()).await?;
    if !lager::sett_inn(tx, &post).await? {
        return Err(Refusal::conflict("bolig: noen leier den").into());
    }
    lager::lagre(tx, &mut held).await?;
    boligsak::rpc::tildelt(tx, &held.innhold.grunnlag, &post.name()).await?;
    // Who rents a dwelling, of whatever type, needs no bed meanwhile.
    reservasjon::rpc::leting_slutt(tx, &post.person, Tildelingstype::Midlertidig).await?;
    out.utfor(tx);
    ended.utfor(tx);
    Ok(InngaKontraktResponse {
        reservasjon: Some(reservasjon::to_proto(&held)),
    })
}

pub(crate) async fn forleng(
    tx: &mut Tx,
    request: ForlengLeieforholdRequest,
) -> Result<ForlengLeieforholdResponse, Error> {
    let av = crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let til = felt::dag(&request.til, "til", &mut faults);
    let reason = felt::tekst(&request.begrunnelse, "begrunnelse", felt::LANG, &mut faults);
    let post = lager::hent_for_endring(tx, &request.name, faults).await?;
    etag::krev(&request.etag, post.versjon)?;
    let (mut post, out) = rules::forleng(post, til, reason, (tx.now(), av), innstillinger()?)?;
    lager::lagre(tx, &mut post).await?;
    out.utfor(tx);
    Ok(ForlengLeieforholdResponse {
        leieforhold: Some(to_proto(&post)),
    })
}

/// What the joint cases of the tenancy say, and what the one says that is named.
async fn felles_saker(
    tx: &mut Tx,
    post: &Post<Leieforhold>,
    named: &str,
) -> Result<FellesSaker, Error> {
    let all = restansesak::store::om(tx, &post.person, &post.name()).await?;
    let apen = all.iter().any(|sak| sak.avgjort.is_none());
    let siste = all.into_iter().max_by_key(|sak| sak.apnet.0);
    let mut saker = FellesSaker {
        apen,
        siste: siste.and_then(|sak| sak.avgjort),
        navngitt: None,
    };
    if named.is_empty() {
        return Ok(saker);
    }
    let mut faults = FieldFaults::new();
    let (person, id) = navn::les_post(named, "restansesaker", "restansesak", &mut faults);
    if !person.is_empty() && person != post.person {
        faults.contradicts("restansesak", "name", "saken gjelder en annen person");
    }
    faults.finish()?;
    let sak: Post<Restansesak> = lager::hent(tx, &person, &id).await?;
    let same = sak.innhold.leieforhold == post.name();
    saker.navngitt = sak.innhold.avgjort.filter(|_| same);
    Ok(saker)
}

pub(crate) async fn si_opp(
    tx: &mut Tx,
    request: SiOppLeieforholdRequest,
) -> Result<SiOppLeieforholdResponse, Error> {
    let av = crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let text = |value: &str, field, faults: &mut FieldFaults| {
        felt::pakrevd(value, field, felt::LANG, faults)
    };
    let siste_dag = felt::dag(&request.siste_dag, "siste_dag", &mut faults);
    let notice = Oppsigelse {
        grunn: felt::valg(
            request.grunn,
            "grunn",
            "samspor.boligkontor.v1.Oppsigelsesgrunn",
            &mut faults,
        ),
        begrunnelse: text(&request.begrunnelse, "begrunnelse", &mut faults),
        hjemmel: Some(felt::hjemmel(
            request.hjemmel.as_ref(),
            "hjemmel",
            &mut faults,
        )),
        alternativ: felt::tekst(&request.alternativ, "alternativ", felt::LANG, &mut faults),
        underretning: text(&request.underretning, "underretning", &mut faults),
        tid: tx.now(),
        av,
        siste_dag: siste_dag.unwrap_or(Dag::av(tx.now())),
        protestfrist: None,
        restansesak: request.restansesak.clone(),
        onske: String::new(),
    };
    let post = lager::hent_for_endring(tx, &request.name, faults).await?;
    etag::krev(&request.etag, post.versjon)?;
    let varsel = Varsel {
        oppsigelse: notice,
        siste_dag,
        saker: felles_saker(tx, &post, &request.restansesak).await?,
    };
    let (mut post, out) = rules::si_opp(post, varsel, tx.now(), innstillinger()?)?;
    lager::lagre(tx, &mut post).await?;
    out.utfor(tx);
    Ok(SiOppLeieforholdResponse {
        leieforhold: Some(to_proto(&post)),
    })
}

pub(crate) async fn trekk_oppsigelse(
    tx: &mut Tx,
    request: TrekkOppsigelseRequest,
) -> Result<TrekkOppsigelseResponse, Error> {
    let av = crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let said = (
        felt::pakrevd(&request.begrunnelse, "begrunnelse", felt::LANG, &mut faults),
        felt::tekst(&request.onske, "onske", felt::LANG, &mut faults),
    );
    let post = lager::hent_for_endring(tx, &request.name, faults).await?;
    etag::krev(&request.etag, post.versjon)?;
    let (mut post, out) = rules::trekk_oppsigelse(post, said, (tx.now(), av))?;
    lager::lagre(tx, &mut post).await?;
    out.utfor(tx);
    Ok(TrekkOppsigelseResponse {
        leieforhold: Some(to_proto(&post)),
    })
}

pub(crate) async fn meld_flytting(
    tx: &mut Tx,
    request: MeldFlyttingRequest,
) -> Result<MeldFlyttingResponse, Error> {
    let mut faults = FieldFaults::new();
    let last = felt::pakrevd_dag(&request.siste_dag, "siste_dag", &mut faults);
    let reason = felt::tekst(&request.begrunnelse, "begrunnelse", felt::LANG, &mut faults);
    let onske = felt::tekst(&request.onske, "onske", felt::LANG, &mut faults);
    let post = lager::hent_for_endring(tx, &request.name, faults).await?;
    let notice = Oppsigelse {
        grunn: Oppsigelsesgrunn::Leietaker,
        begrunnelse: reason,
        hjemmel: None,
        alternativ: String::new(),
        underretning: String::new(),
        tid: tx.now(),
        av: Aktor::from(&tx.call().actor),
        siste_dag: last.unwrap_or(Dag::av(tx.now())),
        protestfrist: None,
        restansesak: String::new(),
        onske,
    };
    let saker = felles_saker(tx, &post, "").await?;
    let (mut post, out) = rules::meld_flytting(post, notice, &saker, tx.now(), innstillinger()?)?;
    lager::lagre(tx, &mut post).await?;
    out.utfor(tx);
    Ok(MeldFlyttingResponse {
        leieforhold: Some(to_proto(&post)),
    })
}

pub(crate) async fn avslutt(
    tx: &mut Tx,
    request: AvsluttLeieforholdRequest,
) -> Result<AvsluttLeieforholdResponse, Error> {
    crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let reason = felt::tekst(&request.begrunnelse, "begrunnelse", felt::LANG, &mut faults);
    let post = lager::hent_for_endring(tx, &request.name, faults).await?;
    etag::krev(&request.etag, post.versjon)?;
    let saker = felles_saker(tx, &post, "").await?;
    let (mut post, out) = rules::avslutt(post, reason, &saker, tx.now(), innstillinger()?)?;
    lager::lagre(tx, &mut post).await?;
    out.utfor(tx);
    let dwelling = bolig::store::hent_for_endring(tx, &post.innhold.bolig).await?;
    bolig::store::slipp(tx, &dwelling.id, &post.name()).await?;
    let (verb, to) = (bolig::rules::FRAFLYTT, bolig::Tilstand::Klargjores);
    let cause = Some(Tomgangsarsak::Klargjoring.into());
    bolig::rpc::flytt(tx, dwelling, verb, to, cause).await?;
    boligsak::rpc::opphort(tx, &post.innhold.reservasjon).await?;
    Ok(AvsluttLeieforholdResponse {
        leieforhold: Some(to_proto(&post)),
    })
}

pub(crate) async fn meld_oppfolging_avslatt(
    tx: &mut Tx,
    request: MeldOppfolgingAvslattRequest,
) -> Result<MeldOppfolgingAvslattResponse, Error> {
    let av = Aktor::from(&tx.call().actor);
    let mut faults = FieldFaults::new();
    let said = felt::pakrevd(&request.beskrivelse, "beskrivelse", felt::LANG, &mut faults);
    let post = lager::hent_for_endring(tx, &request.name, faults).await?;
    let (mut post, out) = rules::meld_oppfolging_avslatt(post, said, (tx.now(), av))?;
    lager::lagre(tx, &mut post).await?;
    out.utfor(tx);
    Ok(MeldOppfolgingAvslattResponse {
        leieforhold: Some(to_proto(&post)),
    })
}

pub(crate) async fn hent(
    tx: &mut Tx,
    request: HentLeieforholdRequest,
) -> Result<HentLeieforholdResponse, Error> {
    let post: Post<Leieforhold> = lager::les_navngitt(tx, &request.name).await?;
    Ok(HentLeieforholdResponse {
        leieforhold: Some(to_proto(&post)),
    })
}

pub(crate) async fn list(
    tx: &mut Tx,
    request: ListLeieforholdRequest,
) -> Result<ListLeieforholdResponse, Error> {
    let (all, next_page_token) = lager::personens::<Leieforhold>(
        tx,
        &request.parent,
        request.page_size,
        &request.page_token,
    )
    .await?;
    Ok(ListLeieforholdResponse {
        leieforhold: all.iter().map(to_proto).collect(),
        next_page_token,
    })
}
