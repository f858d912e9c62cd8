//! The queue through the contract: places with their reasons, whom a dwelling
//! suits, and how long it takes.

use std::collections::BTreeMap;

use samspor_chassis::{
    domene::{Dag, felt, navn},
    error::{Error, FieldFaults, Refusal},
    lager::{self, Post},
    page::Page,
    store::Tx,
    tid::Tid,
};
use samspor_proto::boligkontor::{
    Egnethet, HentKoplassRequest, HentKoplassResponse, Koplass, RangerKoRequest, RangerKoResponse,
    Tildelingstype,
};

use super::{
    Boligsak, KOPLASSER,
    egnethet::uegnet_fordi,
    ko::{self, Plass},
    store::{self, Koende},
};
use crate::{
    behov::opphold::{self, Midlertidig},
    bolig::{self, Bolig},
    regler::regler,
    reservasjon::Plassering,
};

/// The queue of a type at an instant.
pub(crate) struct Ko {
    type_: Tildelingstype,
    dag: Dag,
    regelversjon: String,
    /// In order, with who it is.
    pub(crate) plasser: Vec<(Plass, Koende)>,
    /// How long half of those who got one lately had waited, in days.
    ventetid: Option<i32>,
}

/// Ranks the queue of a type as it stood at an instant.
pub(crate) async fn ko(tx: &mut Tx, type_: Tildelingstype, at: Tid) -> Result<Ko, Error> {
    let dag = Dag::av(at);
    let rules = regler(tx)?;
    let sett = rules.pa(dag)?;
    let list = store::pa_listen(tx, type_, at).await?;
    let waiting: Vec<ko::Ventende> = list.iter().map(|one| one.ventende.clone()).collect();
    let mut who: BTreeMap<String, Koende> = list
        .into_iter()
        .map(|one| (one.ventende.id.clone(), one))
        .collect();
    let plasser = ko::ranger(sett, type_, &waiting, dag)
        .into_iter()
        .filter_map(|place| {
            let one = who.remove(&place.id)?;
            Some((place, one))
        })
        .collect();
    let year = (dag.pluss_maneder(-12).start(), at);
    let mut waited: Vec<i32> = store::tildelte(tx, type_, year)
        .await?
        .into_iter()
        .map(|(from, to)| Dag::av(Tid(from)).dager_til(Dag::av(Tid(to))).max(0))
        .collect();
    waited.sort_unstable();
    Ok(Ko {
        type_,
        dag,
        regelversjon: sett.versjon.clone(),
        plasser,
        ventetid: waited.get(waited.len().saturating_sub(1) / 2).copied(),
    })
}

impl Ko {
    fn to_proto(
        &self,
        (place, one): &(Plass, Koende),
        unsuited: Option<Vec<String>>,
        stay: Option<Midlertidig>,
    ) -> Koplass {
        let ventetid = match self.ventetid {
            None => "ikke kjent: ingen har fått bolig av typen de siste tolv månedene".to_owned(),
            Some(days) => format!(
                "halvparten av dem som fikk bolig av typen de siste tolv månedene, hadde ventet \
                 i høyst {days} dager"
            ),
        };
        let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
        Koplass {
            name: navn::post(&one.person, KOPLASSER, &place.id),
            ansvarlig_enhet: navn::enhet(&one.enhet),
            tildelingstype: self.type_.into(),
            dag: self.dag.to_string(),
            plass: count(place.plass),
            antall: count(self.plasser.len()),
            venter_siden: Some(one.ventende.siden.into()),
            regelversjon: self.regelversjon.clone(),
            grunner: place.grunner.clone(),
            foran_neste: place.foran_neste.clone(),
            ventetid,
            ventetid_dager: self.ventetid.unwrap_or_default(),
            egnethet: match &unsuited {
                None => Egnethet::Unspecified,
                Some(reasons) if reasons.is_empty() => Egnethet::Egnet,
                Some(_) => Egnethet::Uegnet,
            }
            .into(),
            uegnet_fordi: unsuited.unwrap_or_default(),
            midlertidig_siden: stay.map(|stay| stay.siden.into()),
            over_tre_maneder: stay.is_some_and(|stay| stay.over_tre_maneder),
            skjerming: None,
        }
    }
}

/// Where the person of a case stands now, how many a dwelling for it passes over,
/// and what it lacks. Who has said no to this very dwelling, as it can be had now
/// and as the case is now, is not passed over.
pub(crate) async fn plassering(
    tx: &mut Tx,
    sak: &Post<Boligsak>,
    dwelling: &Bolig,
) -> Result<Plassering, Error> {
    let bolig = &dwelling.innhold.egenskaper;
    let now = tx.now();
    let type_ = sak.innhold.tildelingstype;
    let queue = ko(tx, type_, now).await?;
    let held = store::holdt_for(tx, type_).await?;
    let refused = store::sa_nei(tx, &dwelling.id).await?;
    let mut plass = 0;
    let mut passed = 0;
    for (place, one) in &queue.plasser {
        plass += 1;
        if place.id == sak.id {
            break;
        }
        let name = navn::post(&one.person, super::SAMLING, &place.id);
        let said_no = refused.get(&name).is_some_and(|at| *at >= one.fra);
        let waits = !held.contains(&name) && !said_no;
        if waits && uegnet_fordi(&one.behov()?, bolig).is_empty() {
            passed += 1;
        }
    }
    Ok(Plassering {
        plass,
        forbigatte: passed,
        regelversjon: queue.regelversjon,
        uegnet_fordi: uegnet_fordi(&sak.innhold.soknad.behov, bolig),
    })
}

pub(crate) async fn ranger_ko(
    tx: &mut Tx,
    request: RangerKoRequest,
) -> Result<RangerKoResponse, Error> {
    let mut faults = FieldFaults::new();
    let unit = navn::les_enhet(&request.parent, "parent", &mut faults);
    let type_: Tildelingstype = felt::valg(
        request.tildelingstype,
        "tildelingstype",
        "samspor.boligkontor.v1.Tildelingstype",
        &mut faults,
    );
    let today = Dag::av(tx.now());
    let day = felt::dag(&request.dag, "dag", &mut faults);
    if day.is_some_and(|day| day > today) {
        faults.form("dag", "en dag som har vært, eller tom for nå");
    }
    let asked = (!request.bolig.is_empty())
        .then(|| bolig::rpc::les_navn(&request.bolig, "bolig", &mut faults));
    faults.finish()?;
    let dwelling: Option<Bolig> = match asked {
        Some(id) => Some(bolig::store::hent(tx, &id).await?),
        None => None,
    };
    if dwelling
        .as_ref()
        .is_some_and(|one| one.tildelingstype() != type_)
    {
        let mut faults = FieldFaults::new();
        faults.contradicts("bolig", "tildelingstype", "boligen tildeles i en annen kø");
        faults.finish()?;
    }
    let page = Page::parse(request.page_size, &request.page_token)?;
    let at = match day.filter(|day| *day < today) {
        // The last instant of the day.
        Some(day) => Tid(day.slutt().0 - 1),
        None => tx.now(),
    };
    let queue = ko(tx, type_, at).await?;
    let after: usize = page
        .after()
        .and_then(|place| place.parse().ok())
        .unwrap_or(0);
    let most = usize::try_from(page.limit()).unwrap_or(usize::MAX);
    let own = queue.plasser.iter();
    let found: Vec<&(Plass, Koende)> = own
        .filter(|(place, one)| one.enhet == unit && place.plass > after)
        .take(most)
        .collect();
    let (found, next_page_token) = page.cut(found, |(place, _)| place.plass.to_string());
    let stays = opphold::alle(tx, at).await?;
    let mut koplasser = Vec::new();
    for place in found {
        let unsuited = match &dwelling {
            Some(dwelling) => {
                let needs = place.1.behov()?;
                Some(uegnet_fordi(&needs, &dwelling.innhold.egenskaper))
            }
            None => None,
        };
        let stay = stays.get(&place.1.person).copied();
        koplasser.push(queue.to_proto(place, unsuited, stay));
    }
    Ok(RangerKoResponse {
        koplasser,
        next_page_token,
    })
}

pub(crate) async fn hent_koplass(
    tx: &mut Tx,
    request: HentKoplassRequest,
) -> Result<HentKoplassResponse, Error> {
    let mut faults = FieldFaults::new();
    let (person, id) = navn::les_post(&request.name, KOPLASSER, "name", &mut faults);
    faults.finish()?;
    let post: Post<Boligsak> = lager::hent(tx, &person, &id).await?;
    let now = tx.now();
    let queue = ko(tx, post.innhold.tildelingstype, now).await?;
    let mut places = queue.plasser.iter();
    let place = places.find(|(place, _)| place.id == id);
    let place = place.ok_or_else(Refusal::not_found)?;
    let stay = opphold::na(tx, &person).await?;
    Ok(HentKoplassResponse {
        koplass: Some(queue.to_proto(place, None, stay)),
    })
}
