//! A stay whose provider bars the person: a bed that is no offer.
//!
//! Invariant: until the person is elsewhere, the bar has ended or the stay has,
//! whatever was granted, a task asks for another bed, a deadline of the day and
//! then of each night tells, and the nights are counted ([`crate::natt`]).

use std::collections::BTreeSet;

use samspor_chassis::{
    domene::{Dag, Virkninger},
    error::{Error, FieldFaults},
    lager::{self, Post},
    store::Tx,
    tid::Tid,
};
use samspor_proto::nav::Nattsvar;

use super::Opphold;
use crate::{
    botilbud::{klokke, rules::frist_natt},
    innboks::{self, Type},
    innstillinger::innstillinger,
    natt, utestengelse,
};

/// Deadline: who is barred from where they stay has another bed.
pub(crate) const FRIST_UTESTENGT: &str = "opphold_utestengt";

/// What a stay means for the night, and since when: a bed, money in lieu, or a
/// bed that the person is barred from, until somebody ends it, whatever was
/// granted. None where there is no stay, or what was granted has run out.
pub(crate) async fn i_natt(
    tx: &mut Tx,
    person: &str,
    natt: Dag,
) -> Result<Option<(Nattsvar, Tid)>, Error> {
    let mut barred = None;
    for post in lager::apne::<Opphold>(tx, person).await? {
        if let Some(since) = siden(tx, &post).await? {
            barred = Some((Nattsvar::Utestengt, since));
        } else if post.innhold.gjelder(natt) {
            let answer = match post.innhold.kontanter() {
                true => Nattsvar::Kontanter,
                false => Nattsvar::Tilbud,
            };
            return Ok(Some((answer, post.innhold.startet)));
        }
    }
    Ok(barred)
}

/// Since when and until when the provider of the place keeps out the person who
/// stays there, by each bar that nobody has ended.
async fn bommer(tx: &mut Tx, post: &Post<Opphold>) -> Result<Vec<(Tid, Tid)>, Error> {
    match post.innhold.plasser.last() {
        // No provider: money in lieu.
        Some(place) if !place.leverandor.is_empty() => {
            utestengelse::ute(tx, &post.person, &place.leverandor, place.fra).await
        }
        _ => Ok(Vec::new()),
    }
}

/// Since when the person is barred from where they stay; none where they are not.
async fn siden(tx: &mut Tx, post: &Post<Opphold>) -> Result<Option<Tid>, Error> {
    let now = tx.now();
    let bars = bommer(tx, post).await?.into_iter();
    Ok(bars
        .filter(|(_, until)| *until > now)
        .map(|(since, _)| since)
        .min())
}

/// Nights that began while the person was barred from where they stay, until now.
pub(crate) async fn netter(tx: &mut Tx, post: &Post<Opphold>) -> Result<BTreeSet<Dag>, Error> {
    let (now, settings) = (tx.now(), innstillinger()?);
    let bars = bommer(tx, post).await?.into_iter();
    let nights = bars.flat_map(|(since, until)| klokke::netter(since, until.min(now), settings));
    Ok(nights.map(|(night, _)| night).collect())
}

/// A bar of the person ends: the nights that it took are kept.
pub(crate) async fn skriv(tx: &mut Tx, person: &str) -> Result<(), Error> {
    for post in lager::apne::<Opphold>(tx, person).await? {
        natt::skriv_stengte(tx, &post).await?;
    }
    Ok(())
}

/// A night has begun while the person was barred: the next one has its clock.
pub(crate) async fn natt_brutt(tx: &mut Tx, name: &str) -> Result<(), Error> {
    let settings = innstillinger()?;
    let post = lager::hent_for_endring::<Opphold>(tx, name, FieldFaults::new()).await?;
    if post.innhold.slutt.is_some() {
        return Ok(());
    }
    if let Some(since) = siden(tx, &post).await? {
        let next = klokke::neste_natt(since, tx.now(), settings);
        let mut out = Virkninger::new();
        frist_natt(FRIST_UTESTENGT, &post.emne(), next, settings, &mut out);
        out.utfor(tx);
    }
    Ok(())
}

/// Bars or places of the person have changed: who stays where they are barred
/// gets another bed the same day. The person's records are locked.
pub(crate) async fn steder_endret(tx: &mut Tx, person: &str) -> Result<(), Error> {
    let mut out = Virkninger::new();
    for post in lager::apne::<Opphold>(tx, person).await? {
        let (emne, name) = (post.emne(), post.name());
        if siden(tx, &post).await?.is_none() {
            innboks::ferdig(tx, Type::ForNatten, &name).await?;
            out.slett_frist(FRIST_UTESTENGT, &name);
        } else if !innboks::venter(tx, Type::ForNatten, &name).await? {
            let due = klokke::samme_dag(tx.now(), innstillinger()?);
            out.frist(FRIST_UTESTENGT, &emne, due, None, [post.enhet.clone()]);
            innboks::be_om(tx, Type::ForNatten, &emne, due).await?;
        }
    }
    out.utfor(tx);
    Ok(())
}
