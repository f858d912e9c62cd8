//! A stay of another system, played from its first day to today.

use samspor_chassis::{
    domene::{Aktor, Dag, Hjemmel, Virkninger, navn},
    error::{Error, FieldFaults},
    historie::Gjelder,
    lager::{self, Post},
    store::Tx,
    tid::Tid,
};
use samspor_proto::nav::Videre;

use super::{
    Opphold, Oppholdsplass, Slutt, Unntak, begynn, begynt, fortsatt_av, fortsetter, frist_unntak,
    frist_utlop, stengt,
};
use crate::{
    BOLIGKONTOR,
    innstillinger::innstillinger,
    plass::{self, Plass},
    sak,
};

/// Where the person was, from that day on.
pub(crate) struct Sted {
    /// Name of the place; empty for money in lieu.
    pub(crate) navn: String,
    /// Who runs it, where several places have the name.
    pub(crate) leverandor: String,
    pub(crate) fra: Dag,
    pub(crate) grunn: String,
    pub(crate) kvalitet_begrunnelse: String,
}

/// Why it was to last longer than three months, and until when.
pub(crate) struct Unntatt {
    pub(crate) begrunnelse: String,
    pub(crate) til: Dag,
    pub(crate) gitt: Tid,
    pub(crate) gitt_av: Aktor,
}

pub(crate) struct Avsluttet {
    pub(crate) tid: Tid,
    pub(crate) av: Aktor,
    pub(crate) grunn: String,
    pub(crate) videre: Videre,
    pub(crate) merknad: String,
}

/// What a line says of a stay.
pub(crate) struct Bodd {
    pub(crate) id: String,
    pub(crate) startet: (Tid, Aktor),
    /// Where, the first first; at least one.
    pub(crate) steder: Vec<Sted>,
    /// Last day for which it was granted.
    pub(crate) til: Dag,
    pub(crate) hjemmel: Hjemmel,
    pub(crate) unntak: Vec<Unntatt>,
    pub(crate) slutt: Option<Avsluttet>,
}

/// Stores the stay, with what goes on of it. Its name, and that of its first
/// place. The person's records are locked.
///
/// # Errors
/// A refusal that has changed nothing: a place that is not known or has no bed
/// left, another stay at the time, three months that go on without an exception.
pub(crate) async fn ta(
    tx: &mut Tx,
    person: &str,
    enhet: &str,
    bodd: Bodd,
) -> Result<(String, String), Error> {
    let (settings, now) = (innstillinger()?, tx.now());
    let mut faults = FieldFaults::new();
    let mut places = Vec::new();
    for (n, sted) in bodd.steder.iter().enumerate() {
        places.push(finn(tx, sted, n, &mut faults).await?);
    }
    let (start, _) = bodd.startet;
    let others = alle(tx, person).await?;
    krev_plass_i_tid(&others, &bodd, enhet, &mut faults)?;
    faults.finish()?;
    let before = fortsatt_av(others, start, settings);
    let stay = spill(&bodd, &places, enhet, before.as_ref())?;
    let id = bodd.id.clone();
    let mut post = Post::ny(enhet, person.to_owned(), id, stay);
    let months = post.innhold.tre_maneder(settings);
    let until = bodd.slutt.as_ref().map_or(now, |end| end.tid);
    if post.innhold.over.is_none() && months <= until {
        post.innhold.over = Some(months);
    }
    let mut out = Virkninger::new();
    if let Some(end) = bodd.slutt {
        let Avsluttet {
            tid,
            av,
            grunn,
            videre,
            merknad,
        } = end;
        if let Some(last) = post.innhold.plasser.last_mut() {
            last.til = Some(Dag::av(tid));
        }
        post.innhold.slutt = Some(Slutt {
            tid,
            av,
            grunn,
            videre,
            merknad,
        });
    } else {
        krev_unntatt(&post.innhold)?;
        if let Some(place) = places.pop().flatten() {
            ta_seng(tx, &place, &post.id, bodd.steder.len() - 1).await?;
        }
        sak::inntatt(tx, person, enhet, bodd.startet).await?;
        let mut holds = Virkninger::new();
        begynt(&post, settings, &mut holds);
        frist_utlop(&post, settings, &mut holds);
        if let Some(held) = post.innhold.unntak.iter().map(|held| held.til).max() {
            frist_unntak(&post, held, settings, &mut holds);
        }
        let mut runs_on = Gjelder::default();
        runs_on.ta(holds);
        out = runs_on.na(now);
        // Who counts is told since when, and of nothing that has ended.
        let emne = post.emne();
        let clock = post.innhold.klokke_fra.start();
        out.hendte("OppholdStartet", &emne, clock, BOLIGKONTOR);
        if post.innhold.over.is_some() {
            out.hendte("OppholdOverTreManeder", &emne, months, BOLIGKONTOR);
        }
    }
    lager::legg_til(tx, &post).await?;
    out.utfor(tx);
    if post.innhold.slutt.is_none() {
        stengt::steder_endret(tx, person).await?;
    }
    let first = post.innhold.plasser.first();
    let first = first.map(|place| place.plass.clone()).unwrap_or_default();
    Ok((post.name(), first))
}

/// The one place that is called so; none for money in lieu.
async fn finn(
    tx: &mut Tx,
    sted: &Sted,
    n: usize,
    faults: &mut FieldFaults,
) -> Result<Option<Plass>, Error> {
    if sted.navn.is_empty() {
        return Ok(None);
    }
    let mut found = plass::kalt(tx, &sted.navn, &sted.leverandor).await?;
    let form = match found.len() {
        1 => return Ok(found.pop()),
        0 => "navnet på en plass i registeret; registrer den først, også om den er ute av bruk",
        _ => "én plass: flere heter dette; oppgi leverandøren, som bare én av dem har",
    };
    faults.form(format!("opphold.plasser[{n}].plass"), form);
    Ok(None)
}

/// All stays of the person, of any unit.
async fn alle(tx: &mut Tx, person: &str) -> Result<Vec<Post<Opphold>>, Error> {
    let (parent, mut all, mut token) = (navn::person(person), Vec::new(), String::new());
    loop {
        let (page, next) = lager::personens::<Opphold>(tx, &parent, 0, &token).await?;
        all.extend(page);
        if next.is_empty() {
            return Ok(all);
        }
        token = next;
    }
}

/// No other stay of the unit at the time, and none that goes on with this one and
/// was taken in before it, without its clock.
fn krev_plass_i_tid(
    others: &[Post<Opphold>],
    bodd: &Bodd,
    enhet: &str,
    faults: &mut FieldFaults,
) -> Result<(), Error> {
    let settings = innstillinger()?;
    let (start, _) = bodd.startet;
    let end = bodd.slutt.as_ref().map(|end| end.tid);
    let until = |end: Option<Tid>| end.unwrap_or(lager::APENT);
    for other in others {
        let other_ends = other.innhold.slutt.as_ref().map(|end| end.tid);
        let apart = until(end) <= other.innhold.startet || until(other_ends) <= start;
        if other.enhet == enhet && !apart {
            let told = "personen hadde et annet opphold i denne tiden";
            faults.contradicts("opphold", "avgjort.dag", told);
        } else if other.innhold.startet > start && fortsetter(end, other.innhold.startet, settings)
        {
            let told = "et opphold som fortsetter dette, er lest inn før det; sett linjene til en \
                        person i den rekkefølgen de begynte";
            faults.contradicts("opphold", "avgjort.dag", told);
        }
    }
    Ok(())
}

/// The stay from its first place to its last.
fn spill(
    bodd: &Bodd,
    places: &[Option<Plass>],
    enhet: &str,
    before: Option<&Post<Opphold>>,
) -> Result<Opphold, Error> {
    let lived = bodd.steder.iter().zip(places);
    let mut lived = lived.map(|(sted, place)| Oppholdsplass {
        plass: place.as_ref().map(Plass::name).unwrap_or_default(),
        leverandor: place
            .as_ref()
            .map(|place| place.leverandor.clone())
            .unwrap_or_default(),
        fra: sted.fra,
        til: None,
        grunn: sted.grunn.clone(),
        kvalitet_begrunnelse: sted.kvalitet_begrunnelse.clone(),
    });
    let first = lived.next();
    let first = first.ok_or_else(|| Error::internal("a stay without a place"))?;
    let mut stay = begynn(bodd.startet.clone(), first, bodd.til, enhet, before);
    for place in lived {
        stay.flytt(place);
    }
    let last = stay.siste_dag(innstillinger()?);
    let mut faults = FieldFaults::new();
    for (n, given) in bodd.unntak.iter().enumerate() {
        if given.til <= last {
            let form = format_args!("en dag etter at tre måneder er gått ({last})");
            faults.form(format!("opphold.unntak[{n}].til"), form);
        }
        stay.unntak.push(Unntak {
            begrunnelse: given.begrunnelse.clone(),
            hjemmel: bodd.hjemmel.clone(),
            til: given.til,
            gitt: given.gitt,
            gitt_av: given.gitt_av.clone(),
        });
    }
    faults.finish()?;
    Ok(stay)
}

/// What goes on past three months has an exception that says why. Of what has
/// ended, only its own day could ask.
fn krev_unntatt(stay: &Opphold) -> Result<(), Error> {
    let (last, til) = (stay.siste_dag(innstillinger()?), stay.innvilget_til);
    if til > last && !stay.unntak.iter().any(|held| held.til >= til) {
        let mut faults = FieldFaults::new();
        let form = format_args!("et unntak som varer til {til}: tre måneder er gått {last}");
        faults.form("opphold.unntak", form);
        faults.finish()?;
    }
    Ok(())
}

/// A bed of the place, as any stay has one.
async fn ta_seng(tx: &mut Tx, place: &Plass, opphold: &str, n: usize) -> Result<(), Error> {
    match plass::ta_seng(tx, place, opphold).await {
        Err(Error::Refused(mut refusal)) => {
            for fault in &mut refusal.felt {
                fault.felt = format!("opphold.plasser[{n}].{}", fault.felt);
            }
            Err(Error::Refused(refusal))
        }
        taken => taken,
    }
}
