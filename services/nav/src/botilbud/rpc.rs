//! `BotilbudService`: contract ↔ domain.

use samspor_chassis::{
    domene::{Aktor, Dag, Virkninger, felt, navn},
    error::{Error, FieldFaults},
    lager::{self, Post},
    page::Page,
    store::Tx,
};
use samspor_proto::{
    felles::{Kvittering, Rolle},
    nav::{
        AvslaBotilbudRequest, AvslaBotilbudResponse, BortfallBotilbudRequest,
        BortfallBotilbudResponse, HentBotilbudRequest, HentBotilbudResponse,
        InnvilgBotilbudRequest, InnvilgBotilbudResponse, ListBotilbudRequest, ListBotilbudResponse,
        ListVentendeBotilbudRequest, ListVentendeBotilbudResponse, MeldBehovRequest,
        MeldBehovResponse, MeldIkkeKlartRequest, MeldIkkeKlartResponse,
    },
};

use super::{Botilbud, FRIST_NATT, Innvilgelse, Utfall, klokke, rules, to_proto};
use crate::{
    innboks::{self, Type},
    innstillinger::innstillinger,
    natt, opphold, plass, sak,
};

/// Largest sum that is no slip of the hand: a hundred thousand kroner.
pub(crate) const MAKS_BELOP_ORE: i64 = 10_000_000;

pub(crate) async fn meld(
    tx: &mut Tx,
    request: MeldBehovRequest,
) -> Result<MeldBehovResponse, Error> {
    let settings = innstillinger()?;
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&request.parent, "parent", &mut faults);
    let actor = &tx.call().actor;
    let own = actor.rolle == Rolle::Innbygger;
    let (av, now) = (Aktor::from(actor), tx.now());
    let told = rules::les(&request, av, own, now, settings, &mut faults);
    faults.finish()?;

    let enhet = crate::ansvarlig(tx);
    lager::las_person(tx, &person).await?;
    sak::folg(tx, &person, &enhet).await?;
    let id = tx.new_id();
    if let Some(post) = apent(tx, &person, &enhet).await? {
        let (mut post, out) = rules::meld_igjen(post, told);
        lager::lagre(tx, &mut post).await?;
        out.utfor(tx);
    } else {
        let (post, out) = rules::meld(person, id.clone(), &enhet, told, settings);
        lager::legg_til(tx, &post).await?;
        out.utfor(tx);
        innboks::be_om(tx, Type::Botilbud, &post.emne(), post.innhold.frist).await?;
    }
    Ok(MeldBehovResponse {
        kvittering: Some(Kvittering {
            referanse: id,
            mottatt: Some(now.into()),
        }),
    })
}

async fn apent(tx: &mut Tx, person: &str, enhet: &str) -> Result<Option<Post<Botilbud>>, Error> {
    let mut open = lager::apne::<Botilbud>(tx, person).await?.into_iter();
    Ok(open.find(|post| post.enhet == enhet))
}

/// The request that somebody of its unit is to decide.
async fn les_for_avgjorelse(
    tx: &mut Tx,
    name: &str,
    faults: FieldFaults,
) -> Result<Post<Botilbud>, Error> {
    let av = Aktor::from(&tx.call().actor);
    let post = lager::hent_for_endring::<Botilbud>(tx, name, faults).await?;
    crate::krev_eier(&av, &post.enhet)?;
    sak::folg(tx, &post.person, &post.enhet).await?;
    Ok(post)
}

/// Stores what was decided, with what follows from it.
async fn lagre(
    tx: &mut Tx,
    (mut post, out): (Post<Botilbud>, Virkninger),
) -> Result<Post<Botilbud>, Error> {
    lager::lagre(tx, &mut post).await?;
    out.utfor(tx);
    innboks::ferdig(tx, Type::Botilbud, &post.name()).await?;
    if post.innhold.venter() {
        return Ok(post);
    }
    innboks::ferdig(tx, Type::ForNatten, &post.name()).await?;
    natt::skriv(tx, &post).await?;
    sak::noe_sluttet(tx, &post.person, &post.enhet).await?;
    Ok(post)
}

fn utfall(
    tx: &Tx,
    begrunnelse: &str,
    hjemmel: Option<&samspor_proto::felles::Hjemmel>,
    faults: &mut FieldFaults,
) -> Utfall {
    Utfall {
        tid: tx.now(),
        av: Aktor::from(&tx.call().actor),
        alene: false,
        begrunnelse: felt::pakrevd(begrunnelse, "begrunnelse", felt::LANG, faults),
        hjemmel: Some(felt::hjemmel(hjemmel, "hjemmel", faults)),
    }
}

/// Reads what is granted, but for the place. None only where there is a fault.
fn les_innvilgelse(
    request: &InnvilgBotilbudRequest,
    today: Dag,
    faults: &mut FieldFaults,
) -> Option<Innvilgelse> {
    match (request.kontanter, request.plass.is_empty()) {
        (false, true) => faults.missing("plass"),
        (true, false) => {
            faults.contradicts("plass", "kontanter", "kontanter gis i stedet for en plass");
        }
        _ => {}
    }
    if request.kontanter && !(1..=MAKS_BELOP_ORE).contains(&request.belop_ore) {
        faults.range("belop_ore", 1, MAKS_BELOP_ORE);
    } else if !request.kontanter && request.belop_ore != 0 {
        faults.contradicts("belop_ore", "kontanter", "beløpet gjelder bare kontanter");
    }
    let reason = felt::tekst(
        &request.kvalitet_begrunnelse,
        "kvalitet_begrunnelse",
        felt::LANG,
        faults,
    );
    let til = felt::pakrevd_dag(&request.til, "til", faults)?;
    if til < today {
        faults.form("til", format_args!("en dag som ikke er før {today}"));
    }
    Some(Innvilgelse {
        plass: request.plass.clone(),
        kvalitet_begrunnelse: reason,
        kontanter: request.kontanter,
        belop_ore: request.belop_ore,
        til,
        opphold: String::new(),
    })
}

pub(crate) async fn innvilg(
    tx: &mut Tx,
    request: InnvilgBotilbudRequest,
) -> Result<InnvilgBotilbudResponse, Error> {
    let settings = innstillinger()?;
    let now = tx.now();
    let mut faults = FieldFaults::new();
    let tonight = klokke::natt_av(now, settings);
    let granted = les_innvilgelse(&request, tonight, &mut faults);
    let utfall = utfall(
        tx,
        &request.begrunnelse,
        request.hjemmel.as_ref(),
        &mut faults,
    );
    let unntak_begrunnelse = felt::tekst(
        &request.unntak_begrunnelse,
        "unntak_begrunnelse",
        felt::LANG,
        &mut faults,
    );
    let post = les_for_avgjorelse(tx, &request.name, faults).await?;
    let granted = granted.ok_or_else(|| Error::internal("nothing granted and no fault"))?;
    rules::krev(&post, "InnvilgBotilbud")?;
    let plass = if granted.kontanter {
        None
    } else {
        let reason = &granted.kvalitet_begrunnelse;
        Some(plass::krev_egnet(tx, &granted.plass, reason, &post.person).await?)
    };
    let grunnlag = opphold::Grunnlag {
        plass,
        grunn: utfall.begrunnelse.clone(),
        hjemmel: utfall.hjemmel.clone().unwrap_or_default(),
        unntak_begrunnelse,
    };
    let functions = tx.call().funksjoner.clone();
    let avgjorelse = rules::Avgjorelse {
        utfall,
        funksjoner: &functions,
        innstillinger: settings,
    };
    let (mut post, out) = rules::innvilg(post, granted, avgjorelse)?;
    if let Some(granted) = post.innhold.innvilget.as_mut() {
        let begun = opphold::innvilget(tx, &post.person, &post.enhet, granted, grunnlag);
        granted.opphold = begun.await?;
    }
    let post = lagre(tx, (post, out)).await?;
    Ok(InnvilgBotilbudResponse {
        botilbud: Some(to_proto(&post, now, settings)),
    })
}

pub(crate) async fn avsla(
    tx: &mut Tx,
    request: AvslaBotilbudRequest,
) -> Result<AvslaBotilbudResponse, Error> {
    let settings = innstillinger()?;
    let mut faults = FieldFaults::new();
    let utfall = utfall(
        tx,
        &request.begrunnelse,
        request.hjemmel.as_ref(),
        &mut faults,
    );
    let post = les_for_avgjorelse(tx, &request.name, faults).await?;
    let functions = tx.call().funksjoner.clone();
    let avgjorelse = rules::Avgjorelse {
        utfall,
        funksjoner: &functions,
        innstillinger: settings,
    };
    let post = lagre(tx, rules::avsla(post, avgjorelse)?).await?;
    Ok(AvslaBotilbudResponse {
        botilbud: Some(to_proto(&post, tx.now(), settings)),
    })
}

pub(crate) async fn ikke_klart(
    tx: &mut Tx,
    request: MeldIkkeKlartRequest,
) -> Result<MeldIkkeKlartResponse, Error> {
    let settings = innstillinger()?;
    let mut faults = FieldFaults::new();
    let reason = felt::valg(
        request.grunn,
        "grunn",
        "samspor.nav.v1.IkkeKlartGrunn",
        &mut faults,
    );
    let utfall = utfall(
        tx,
        &request.begrunnelse,
        request.hjemmel.as_ref(),
        &mut faults,
    );
    let post = les_for_avgjorelse(tx, &request.name, faults).await?;
    let functions = tx.call().funksjoner.clone();
    let avgjorelse = rules::Avgjorelse {
        utfall,
        funksjoner: &functions,
        innstillinger: settings,
    };
    let post = lagre(tx, rules::ikke_klart(post, reason, avgjorelse)?).await?;
    let next = klokke::neste_natt(post.innhold.melding.mottatt, tx.now(), settings);
    innboks::be_om(tx, Type::ForNatten, &post.emne(), next).await?;
    Ok(MeldIkkeKlartResponse {
        botilbud: Some(to_proto(&post, tx.now(), settings)),
    })
}

pub(crate) async fn bortfall(
    tx: &mut Tx,
    request: BortfallBotilbudRequest,
) -> Result<BortfallBotilbudResponse, Error> {
    let (av, now) = (Aktor::from(&tx.call().actor), tx.now());
    let mut faults = FieldFaults::new();
    let said = felt::pakrevd(&request.begrunnelse, "begrunnelse", felt::LANG, &mut faults);
    let post = lager::hent_for_endring::<Botilbud>(tx, &request.name, faults).await?;
    if av.rolle != Rolle::Innbygger {
        crate::krev_eier(&av, &post.enhet)?;
    }
    let post = lagre(tx, rules::bortfall(post, av, said, now)?).await?;
    Ok(BortfallBotilbudResponse {
        kvittering: Some(Kvittering {
            referanse: post.id,
            mottatt: Some(now.into()),
        }),
    })
}

/// A night has begun without a bed: the next one has its clock.
pub(crate) async fn natt_brutt(tx: &mut Tx, name: &str) -> Result<(), Error> {
    let settings = innstillinger()?;
    let post = lager::hent_for_endring::<Botilbud>(tx, name, FieldFaults::new()).await?;
    if !post.innhold.venter() {
        return Ok(());
    }
    let next = klokke::neste_natt(post.innhold.melding.mottatt, tx.now(), settings);
    let mut out = Virkninger::new();
    rules::frist_natt(FRIST_NATT, &post.emne(), next, settings, &mut out);
    out.utfor(tx);
    Ok(())
}

pub(crate) async fn hent(
    tx: &mut Tx,
    request: HentBotilbudRequest,
) -> Result<HentBotilbudResponse, Error> {
    let post = lager::les_navngitt(tx, &request.name).await?;
    Ok(HentBotilbudResponse {
        botilbud: Some(to_proto(&post, tx.now(), innstillinger()?)),
    })
}

pub(crate) async fn list(
    tx: &mut Tx,
    request: ListBotilbudRequest,
) -> Result<ListBotilbudResponse, Error> {
    let (all, next_page_token) =
        lager::personens(tx, &request.parent, request.page_size, &request.page_token).await?;
    let (now, settings) = (tx.now(), innstillinger()?);
    Ok(ListBotilbudResponse {
        botilbud: all
            .iter()
            .map(|post| to_proto(post, now, settings))
            .collect(),
        next_page_token,
    })
}

pub(crate) async fn list_ventende(
    tx: &mut Tx,
    request: ListVentendeBotilbudRequest,
) -> Result<ListVentendeBotilbudResponse, Error> {
    let mut faults = FieldFaults::new();
    let enhet = navn::les_enhet(&request.parent, "parent", &mut faults);
    faults.finish()?;
    let page = Page::parse(request.page_size, &request.page_token)?;
    let (all, next_page_token) = lager::enhetens(tx, &enhet, &page).await?;
    let (now, settings) = (tx.now(), innstillinger()?);
    Ok(ListVentendeBotilbudResponse {
        botilbud: all
            .iter()
            .map(|post| to_proto(post, now, settings))
            .collect(),
        next_page_token,
    })
}
