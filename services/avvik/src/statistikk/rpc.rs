//! `AvvikstallService`.

use samspor_chassis::{
    domene::{Dag, dokument, navn, periode},
    error::{Error, FieldFaults, Refusal},
    store::Tx,
};
use samspor_proto::{
    avvik::{
        Avvikstall, HentAvvikstallRequest, HentAvvikstallResponse, HentPublisertAvvikstallRequest,
        HentPublisertAvvikstallResponse, PubliserAvvikstallRequest, PubliserAvvikstallResponse,
    },
    felles::Feilgrunn,
};

use super::{kube::Publisert, store, tall::Tall};
use crate::innstillinger::{Innstillinger, innstillinger};

/// The figures are of the whole municipality, kept by one unit.
fn les_parent(parent: &str, settings: &Innstillinger, faults: &mut FieldFaults) {
    let unit = navn::les_enhet(parent, "parent", faults);
    let keeper = &settings.melder_enhet;
    if !unit.is_empty() && unit != *keeper {
        faults.form(
            "parent",
            format_args!("{}: tallene er for hele kommunen", navn::enhet(keeper)),
        );
    }
}

/// The first day on which nothing more can come of a month.
fn telles_fra((_, last): (Dag, Dag), settings: &Innstillinger) -> Dag {
    last.pluss_dager(i32::from(settings.tilbakemelding_dager) + 1)
}

/// Counts a month of which nothing more can come: the days for feedback on the
/// last report have passed.
async fn tell(
    tx: &mut Tx,
    maned: &str,
    settings: &Innstillinger,
    mut faults: FieldFaults,
) -> Result<Tall, Error> {
    let days = i32::from(settings.tilbakemelding_dager);
    let month = periode::les_maned(maned, &mut faults);
    let from = month.map(|month| telles_fra(month, settings));
    if let Some(from) = from.filter(|from| Dag::av(tx.now()) < *from) {
        let expected =
            format!("en måned som har vært over i {days} dager; {maned} telles fra {from}");
        faults.form("maned", expected);
    }
    faults.finish()?;
    let (first, last) = month.ok_or_else(|| Error::internal("no month and no fault"))?;
    let all = store::i_perioden(tx, (first.start(), last.slutt())).await?;
    Ok(Tall::av(all))
}

pub(crate) async fn hent(
    tx: &mut Tx,
    request: HentAvvikstallRequest,
) -> Result<HentAvvikstallResponse, Error> {
    let settings = innstillinger()?;
    let mut faults = FieldFaults::new();
    les_parent(&request.parent, settings, &mut faults);
    let tall = tell(tx, &request.maned, settings, faults).await?;
    let keeper = navn::enhet(&settings.melder_enhet);
    Ok(HentAvvikstallResponse {
        avvikstall: Some(Avvikstall {
            name: format!("{keeper}/avvikstall/{}", request.maned),
            etag: String::new(),
            ansvarlig_enhet: keeper,
            maned: request.maned,
            retning: tall.retninger(),
            enheter: tall.enhetstall(),
            meldt: tall.meldt,
            lukket: tall.lukket,
            vurdert: tall.vurdert,
            skjerming: None,
        }),
    })
}

pub(crate) async fn publiser(
    tx: &mut Tx,
    request: PubliserAvvikstallRequest,
) -> Result<PubliserAvvikstallResponse, Error> {
    let settings = innstillinger()?;
    let keeper = &settings.melder_enhet;
    if tx.call().actor.enhet != *keeper {
        let row = format!("Bare {} publiserer avvikstall.", navn::enhet(keeper));
        return Err(Refusal::new(Feilgrunn::IkkeTillatt)
            .with("regel", "W3")
            .with("rad", row)
            .into());
    }
    let mut faults = FieldFaults::new();
    les_parent(&request.parent, settings, &mut faults);
    let tall = tell(tx, &request.maned, settings, faults).await?;
    let published = Publisert::av(&tall, settings, tx.now());
    let innhold = dokument::skriv(&published)?;
    if !store::publiser(tx, &request.maned, innhold).await? {
        return Err(Refusal::conflict("avvikstall for måneden").into());
    }
    Ok(PubliserAvvikstallResponse {
        publisert_avvikstall: Some(published.to_proto(&request.maned, keeper)),
    })
}

pub(crate) async fn hent_publisert(
    tx: &mut Tx,
    request: HentPublisertAvvikstallRequest,
) -> Result<HentPublisertAvvikstallResponse, Error> {
    let settings = innstillinger()?;
    let mut faults = FieldFaults::new();
    les_parent(&request.parent, settings, &mut faults);
    let month = periode::les_maned(&request.maned, &mut faults);
    faults.finish()?;
    let month = month.ok_or_else(|| Error::internal("no month and no fault"))?;
    let keeper = &settings.melder_enhet;
    let Some(row) = store::publisert(tx, &request.maned).await? else {
        let earliest = telles_fra(month, settings);
        return Err(periode::ikke_publisert(&request.maned, keeper, earliest).into());
    };
    let published: Publisert = dokument::les(&row)?;
    Ok(HentPublisertAvvikstallResponse {
        publisert_avvikstall: Some(published.to_proto(&request.maned, keeper)),
    })
}
