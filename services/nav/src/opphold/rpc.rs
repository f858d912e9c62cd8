//! `OppholdService`: contract ↔ domain.

use samspor_chassis::{
    domene::{Aktor, Dag, Virkninger, felt, navn},
    error::{Error, FieldFaults},
    lager::{self, Post},
    page::Page,
    store::Tx,
};
use samspor_proto::nav::{
    AvsluttOppholdRequest, AvsluttOppholdResponse, FlyttOppholdRequest, FlyttOppholdResponse,
    ForlengOppholdRequest, ForlengOppholdResponse, HentOppholdRequest, HentOppholdResponse,
    InnvilgUnntakRequest, InnvilgUnntakResponse, ListLopendeOppholdRequest,
    ListLopendeOppholdResponse, ListOppholdRequest, ListOppholdResponse,
};

use super::{
    Forlengelse, Opphold, Oppholdsplass, Slutt, Unntak, faktum, flytt, fortell, frist_utlop,
    krev_lopende, slett_frister, stengt::steder_endret, to_proto, unntatt,
};
use crate::{
    brukererfaring,
    innboks::{self, Type},
    innstillinger::innstillinger,
    natt, plass, sak,
};

/// The stay that somebody of its unit changes.
async fn les_for_endring(
    tx: &mut Tx,
    name: &str,
    faults: FieldFaults,
) -> Result<Post<Opphold>, Error> {
    let av = Aktor::from(&tx.call().actor);
    let post = lager::hent_for_endring::<Opphold>(tx, name, faults).await?;
    crate::krev_eier(&av, &post.enhet)?;
    krev_lopende(&post)?;
    sak::folg(tx, &post.person, &post.enhet).await?;
    Ok(post)
}

pub(crate) async fn flytt_navngitt(
    tx: &mut Tx,
    request: FlyttOppholdRequest,
) -> Result<FlyttOppholdResponse, Error> {
    let settings = innstillinger()?;
    let mut faults = FieldFaults::new();
    let grunn = felt::pakrevd(&request.grunn, "grunn", felt::LANG, &mut faults);
    let reason = felt::tekst(
        &request.kvalitet_begrunnelse,
        "kvalitet_begrunnelse",
        felt::LANG,
        &mut faults,
    );
    let mut post = les_for_endring(tx, &request.name, faults).await?;
    let place = plass::krev_egnet(tx, &request.plass, &reason, &post.person).await?;
    if post
        .innhold
        .plasser
        .last()
        .is_some_and(|last| last.plass == request.plass)
    {
        let mut faults = FieldFaults::new();
        faults.form("plass", "en annen plass enn der personen er");
        faults.finish()?;
    }
    plass::ta_seng(tx, &place, &post.id).await?;
    let place = Oppholdsplass {
        plass: request.plass,
        leverandor: place.leverandor,
        fra: Dag::av(tx.now()),
        til: None,
        grunn,
        kvalitet_begrunnelse: reason,
    };
    flytt(tx, &mut post, place).await?;
    lager::lagre(tx, &mut post).await?;
    let mut out = Virkninger::new();
    fortell(&post, "OppholdFlyttet", &mut out);
    out.utfor(tx);
    steder_endret(tx, &post.person).await?;
    Ok(FlyttOppholdResponse {
        opphold: Some(to_proto(&post, settings)),
    })
}

pub(crate) async fn forleng(
    tx: &mut Tx,
    request: ForlengOppholdRequest,
) -> Result<ForlengOppholdResponse, Error> {
    let settings = innstillinger()?;
    let mut faults = FieldFaults::new();
    let til = felt::pakrevd_dag(&request.til, "til", &mut faults);
    let begrunnelse = felt::pakrevd(&request.begrunnelse, "begrunnelse", felt::LANG, &mut faults);
    let hjemmel = felt::hjemmel(request.hjemmel.as_ref(), "hjemmel", &mut faults);
    let reason = felt::tekst(
        &request.unntak_begrunnelse,
        "unntak_begrunnelse",
        felt::LANG,
        &mut faults,
    );
    let mut post = les_for_endring(tx, &request.name, faults).await?;
    let til = til.ok_or_else(|| Error::internal("no day and no fault"))?;
    let before = post.innhold.innvilget_til;
    if til <= before || til < Dag::av(tx.now()) {
        let mut faults = FieldFaults::new();
        faults.form(
            "til",
            format_args!("en dag etter {before}, ikke i fortiden"),
        );
        faults.finish()?;
    }
    let (gitt, gitt_av) = (tx.now(), Aktor::from(&tx.call().actor));
    let exception = Unntak {
        begrunnelse: reason,
        hjemmel: hjemmel.clone(),
        til,
        gitt,
        gitt_av: gitt_av.clone(),
    };
    let excepted = post.innhold.unnta(exception, settings)?;
    post.innhold.innvilget_til = til;
    post.innhold.forlengelser.push(Forlengelse {
        til,
        begrunnelse,
        hjemmel,
        gitt,
        gitt_av,
    });
    lager::lagre(tx, &mut post).await?;
    innboks::ferdig(tx, Type::OppholdUtloper, &post.name()).await?;
    let mut out = Virkninger::new();
    out.hendelse("OppholdForlenget", &post.emne(), [post.enhet.clone()]);
    if excepted {
        unntatt(tx, &post, til, &mut out).await?;
    }
    frist_utlop(&post, settings, &mut out);
    out.utfor(tx);
    Ok(ForlengOppholdResponse {
        opphold: Some(to_proto(&post, settings)),
    })
}

pub(crate) async fn unntak(
    tx: &mut Tx,
    request: InnvilgUnntakRequest,
) -> Result<InnvilgUnntakResponse, Error> {
    let settings = innstillinger()?;
    let (now, av) = (tx.now(), Aktor::from(&tx.call().actor));
    let mut faults = FieldFaults::new();
    let begrunnelse = felt::pakrevd(&request.begrunnelse, "begrunnelse", felt::LANG, &mut faults);
    let hjemmel = felt::hjemmel(request.hjemmel.as_ref(), "hjemmel", &mut faults);
    let til = felt::pakrevd_dag(&request.til, "til", &mut faults);
    let mut post = les_for_endring(tx, &request.name, faults).await?;
    let til = til.ok_or_else(|| Error::internal("no day and no fault"))?;
    let months = post.innhold.siste_dag(settings);
    if til <= months || til <= Dag::av(now) {
        let mut faults = FieldFaults::new();
        let form = format_args!("en dag i framtiden, etter at tre måneder er gått ({months})");
        faults.form("til", form);
        faults.finish()?;
    }
    post.innhold.unntak.push(Unntak {
        begrunnelse,
        hjemmel,
        til,
        gitt: now,
        gitt_av: av,
    });
    lager::lagre(tx, &mut post).await?;
    let mut out = Virkninger::new();
    unntatt(tx, &post, til, &mut out).await?;
    out.utfor(tx);
    Ok(InnvilgUnntakResponse {
        opphold: Some(to_proto(&post, settings)),
    })
}

pub(crate) async fn avslutt(
    tx: &mut Tx,
    request: AvsluttOppholdRequest,
) -> Result<AvsluttOppholdResponse, Error> {
    let (now, av) = (tx.now(), Aktor::from(&tx.call().actor));
    let mut faults = FieldFaults::new();
    let grunn = felt::pakrevd(&request.grunn, "grunn", felt::LANG, &mut faults);
    let videre = felt::valg(
        request.videre,
        "videre",
        "samspor.nav.v1.Videre",
        &mut faults,
    );
    let merknad = felt::tekst(
        &request.videre_merknad,
        "videre_merknad",
        felt::KORT,
        &mut faults,
    );
    let mut post = les_for_endring(tx, &request.name, faults).await?;
    natt::skriv_stengte(tx, &post).await?;
    post.innhold.slutt = Some(Slutt {
        tid: now,
        av,
        grunn,
        videre,
        merknad,
    });
    if let Some(last) = post.innhold.plasser.last_mut() {
        last.til = Some(Dag::av(now));
    }
    lager::lagre(tx, &mut post).await?;
    plass::slipp_seng(tx, &post.id).await?;
    for type_ in [
        Type::TreManeder,
        Type::UnntakUtloper,
        Type::OppholdUtloper,
        Type::AvsluttOpphold,
        Type::ForNatten,
    ] {
        innboks::ferdig(tx, type_, &post.name()).await?;
    }
    let mut out = Virkninger::new();
    fortell(&post, "OppholdAvsluttet", &mut out);
    out.faktum(faktum(&post));
    slett_frister(&post, &mut out);
    let settings = innstillinger()?;
    let ask = Dag::av(now).pluss_dager(settings.brukererfaring_slutt_dager.into());
    brukererfaring::spor(&post.emne(), ask, &mut out);
    out.utfor(tx);
    sak::noe_sluttet(tx, &post.person, &post.enhet).await?;
    Ok(AvsluttOppholdResponse {
        opphold: Some(to_proto(&post, settings)),
    })
}

pub(crate) async fn hent(
    tx: &mut Tx,
    request: HentOppholdRequest,
) -> Result<HentOppholdResponse, Error> {
    let post = lager::les_navngitt(tx, &request.name).await?;
    Ok(HentOppholdResponse {
        opphold: Some(to_proto(&post, innstillinger()?)),
    })
}

pub(crate) async fn list(
    tx: &mut Tx,
    request: ListOppholdRequest,
) -> Result<ListOppholdResponse, Error> {
    let (all, next_page_token) =
        lager::personens(tx, &request.parent, request.page_size, &request.page_token).await?;
    let settings = innstillinger()?;
    Ok(ListOppholdResponse {
        opphold: all.iter().map(|post| to_proto(post, settings)).collect(),
        next_page_token,
    })
}

pub(crate) async fn list_lopende(
    tx: &mut Tx,
    request: ListLopendeOppholdRequest,
) -> Result<ListLopendeOppholdResponse, Error> {
    let mut faults = FieldFaults::new();
    let enhet = navn::les_enhet(&request.parent, "parent", &mut faults);
    faults.finish()?;
    let page = Page::parse(request.page_size, &request.page_token)?;
    let (all, next_page_token) = lager::enhetens(tx, &enhet, &page).await?;
    let settings = innstillinger()?;
    Ok(ListLopendeOppholdResponse {
        opphold: all.iter().map(|post| to_proto(post, settings)).collect(),
        next_page_token,
    })
}
