//! `BehovService`.

use samspor_chassis::{
    domene::{Dag, dokument, felt, navn, periode},
    error::{Error, FieldFaults, Refusal},
    store::Tx,
    tid::Tid,
};
use samspor_proto::boligkontor::{
    Behovsoversikt, HentBehovsoversiktRequest, HentBehovsoversiktResponse,
    HentPublisertBehovRequest, HentPublisertBehovResponse, PubliserBehovRequest,
    PubliserBehovResponse,
};

use super::{
    kube::Publisert,
    opphold, store,
    tall::{self, Tall, tell},
};
use crate::{ENHET, for_enhet};

/// The overview is one, of the whole municipality, kept by the office.
fn les_parent(parent: &str, faults: &mut FieldFaults) {
    let unit = navn::les_enhet(parent, "parent", faults);
    if !unit.is_empty() && unit != ENHET {
        faults.form(
            "parent",
            format_args!("{}: oversikten er én for kommunen", navn::enhet(ENHET)),
        );
    }
}

/// What an instant amounts to.
async fn oversikt(tx: &mut Tx, at: Tid) -> Result<Tall, Error> {
    let wanted = store::onsker(tx, at).await?;
    let stays = opphold::alle(tx, at).await?;
    let dwellings = store::beholdning(tx, at).await?;
    let empty = store::tomgang(tx, tall::tomgang_fra(at), at).await?;
    Ok(tell(&wanted, &stays, &dwellings, &empty, at))
}

/// The last instant of a day.
fn slutten_av(day: Dag) -> Tid {
    Tid(day.slutt().0 - 1)
}

pub(crate) async fn hent(
    tx: &mut Tx,
    request: HentBehovsoversiktRequest,
) -> Result<HentBehovsoversiktResponse, Error> {
    let mut faults = FieldFaults::new();
    les_parent(&request.parent, &mut faults);
    let today = Dag::av(tx.now());
    let day = felt::dag(&request.dag, "dag", &mut faults);
    if day.is_some_and(|day| day >= today) {
        faults.form("dag", "en dag som er over, eller tom for nå");
    }
    faults.finish()?;
    let at = day.map_or(tx.now(), slutten_av);
    let dag = day.unwrap_or(today);
    let Tall {
        celler,
        kommende,
        kommende_pa_listen: _,
        i_midlertidig,
        over_tre_maneder,
        uten_boligsak,
        uten_boligsak_over_tre,
        beholdning,
        tomgang,
    } = oversikt(tx, at).await?;
    Ok(HentBehovsoversiktResponse {
        behovsoversikt: Some(Behovsoversikt {
            name: format!("{}/behovsoversikter/{dag}", navn::enhet(ENHET)),
            etag: String::new(),
            ansvarlig_enhet: navn::enhet(ENHET),
            dag: dag.to_string(),
            tidspunkt: Some(at.into()),
            celler,
            kommende,
            i_midlertidig,
            over_tre_maneder,
            uten_boligsak,
            uten_boligsak_over_tre,
            beholdning,
            tomgang,
            skjerming: None,
        }),
    })
}

pub(crate) async fn publiser(
    tx: &mut Tx,
    request: PubliserBehovRequest,
) -> Result<PubliserBehovResponse, Error> {
    for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    les_parent(&request.parent, &mut faults);
    let month = periode::les_maned(&request.maned, &mut faults);
    if month.is_some_and(|(_, last)| last >= Dag::av(tx.now())) {
        faults.form("maned", "en måned som er over");
    }
    faults.finish()?;
    let (_, last) = month.ok_or_else(|| Error::internal("no month and no fault"))?;
    let exact = oversikt(tx, slutten_av(last)).await?;
    let published = Publisert::av(&exact, last, tx.now());
    let innhold = dokument::skriv(&published)?;
    if !store::publiser(tx, &request.maned, innhold).await? {
        return Err(Refusal::conflict("behovsoversikt for måneden").into());
    }
    Ok(PubliserBehovResponse {
        publisert_behov: Some(published.to_proto(&request.maned)),
    })
}

pub(crate) async fn hent_publisert(
    tx: &mut Tx,
    request: HentPublisertBehovRequest,
) -> Result<HentPublisertBehovResponse, Error> {
    let mut faults = FieldFaults::new();
    les_parent(&request.parent, &mut faults);
    let month = periode::les_maned(&request.maned, &mut faults);
    faults.finish()?;
    let (_, last) = month.ok_or_else(|| Error::internal("no month and no fault"))?;
    let Some(row) = store::publisert(tx, &request.maned).await? else {
        return Err(periode::ikke_publisert(&request.maned, ENHET, last.pluss_dager(1)).into());
    };
    let published: Publisert = dokument::les(&row)?;
    Ok(HentPublisertBehovResponse {
        publisert_behov: Some(published.to_proto(&request.maned)),
    })
}
