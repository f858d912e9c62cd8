//! What becomes of a right to a dwelling: the unit that allocates says that the
//! person has one, or when the next word comes. Until then the right waits in
//! its work list.

use samspor_chassis::{
    domene::{Aktor, Dag, Virkninger, felt, navn},
    error::{Error, FieldFaults, Refusal},
    store::Tx,
    tid::Tid,
};
use samspor_proto::{
    bestillerkontor::{self as proto, MeldBoligRequest, MeldBoligResponse},
    felles::Kvittering,
};
use serde::{Deserialize, Serialize};

use super::{FRIST_BOLIG, SAMLING, Vedtak, innhold, klokker, rules, store};
use crate::{frister::frister, innboks};

/// A word about the dwelling.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Melding {
    tid: Tid,
    av: Aktor,
    utfall: Utfall,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Utfall {
    /// The person has a dwelling from that day.
    Tildelt(Dag),
    /// There is none yet; the next word comes by that day, and why.
    Utsatt(Dag, String),
}

impl Melding {
    pub(crate) fn to_proto(&self) -> proto::Boligmelding {
        let (tildelt, utsatt_til, begrunnelse) = match &self.utfall {
            Utfall::Tildelt(day) => (day.to_string(), String::new(), String::new()),
            Utfall::Utsatt(day, why) => (String::new(), day.to_string(), why.clone()),
        };
        proto::Boligmelding {
            tid: Some(self.tid.into()),
            av: Some(self.av.to_proto()),
            tildelt,
            utsatt_til,
            begrunnelse,
        }
    }
}

fn les(request: &MeldBoligRequest, now: Tid, faults: &mut FieldFaults) -> Option<Utfall> {
    let today = Dag::av(now);
    let given = felt::dag(&request.tildelt, "tildelt", faults);
    let later = felt::dag(&request.utsatt_til, "utsatt_til", faults);
    match (request.tildelt.is_empty(), request.utsatt_til.is_empty()) {
        (true, true) => faults.missing("tildelt"),
        (false, false) => {
            faults.contradicts("utsatt_til", "tildelt", "si det ene eller det andre");
        }
        _ => {}
    }
    if given.is_some_and(|day| day > today) {
        faults.form("tildelt", format_args!("{today} eller før"));
    }
    let Some(day) = later else {
        return given.map(Utfall::Tildelt);
    };
    if day <= today {
        faults.form("utsatt_til", format_args!("en dag etter {today}"));
    }
    frister().bolig.krev(day, "utsatt_til", now, faults);
    let why = felt::pakrevd(&request.begrunnelse, "begrunnelse", felt::LANG, faults);
    Some(Utfall::Utsatt(day, why))
}

/// The word is kept, and the right waits no longer, or until that day.
fn meld(vedtak: &mut Vedtak, melding: Melding) -> Virkninger {
    let emne = vedtak.emne();
    let told = rules::hoerer_om(vedtak);
    let mut out = Virkninger::new();
    match &melding.utfall {
        Utfall::Tildelt(_) => {
            out.slett_frist(FRIST_BOLIG, &emne.post);
            out.hendelse("BoligTildelt", &emne, told);
        }
        Utfall::Utsatt(day, _) => {
            let line = vedtak.innhold.bolig.iter().map(|line| line.enhet.clone());
            let waits: Vec<_> = line.chain(rules::myndigheten(vedtak)).collect();
            out.frist(FRIST_BOLIG, &emne, day.slutt(), None, waits);
            out.hendelse("BoligUtsatt", &emne, told);
        }
    }
    vedtak.forlop.boligmeldinger.push(melding);
    out
}

pub(crate) async fn meld_bolig(
    tx: &mut Tx,
    request: MeldBoligRequest,
) -> Result<MeldBoligResponse, Error> {
    let mut faults = FieldFaults::new();
    let (person, id) = navn::les_post(&request.name, SAMLING, "name", &mut faults);
    let utfall = les(&request, tx.now(), &mut faults);
    faults.finish()?;
    let utfall = utfall.ok_or_else(|| Error::internal("a word was read without a fault"))?;
    crate::las_person(tx, &person).await?;
    let mut vedtak = store::hent(tx, &person, &id).await?;
    let line = vedtak.innhold.bolig.as_ref();
    let unit = line.map_or(vedtak.ansvarlig_enhet.as_str(), |line| line.enhet.as_str());
    crate::krev_enhet(tx, unit)?;
    if !innboks::store::venter(tx, &vedtak.name(), FRIST_BOLIG).await? {
        return Err(Refusal::transition("INGEN_BOLIG_VENTER", &["EndreVedtak"]).into());
    }
    let melding = Melding {
        tid: tx.now(),
        av: Aktor::from(&tx.call().actor),
        utfall,
    };
    let virkninger = meld(&mut vedtak, melding);
    store::lagre(tx, &mut vedtak).await?;
    innboks::utfor(tx, virkninger).await?;
    Ok(MeldBoligResponse {
        kvittering: Some(Kvittering {
            referanse: vedtak.name(),
            mottatt: Some(tx.now().into()),
        }),
    })
}

/// The right of a vedtak that an application for a dwelling of a type rests on,
/// where it is one that such a dwelling meets. Who filled the application in may
/// have named any vedtak of the person's.
async fn rett_til(tx: &mut Tx, post: &str, boligtype: &str) -> Result<Option<Vedtak>, Error> {
    let (person, id) = navn::krev_post(post, SAMLING)?;
    let vedtak = match store::hent(tx, &person, &id).await {
        Ok(vedtak) => vedtak,
        Err(error) if error.refusal().is_some() => return Ok(None),
        Err(error) => return Err(error),
    };
    let line = vedtak.innhold.bolig.as_ref();
    let meets = line.is_some_and(|line| innhold::motes_av(line.rett, boligtype));
    Ok(meets.then_some(vedtak))
}

/// Boligkontor says that the person rents a dwelling of a type by that right.
/// Nothing where the right waits no longer; and where it is to another type, it
/// stays in the work list, unmet.
pub(crate) async fn oppfylt(
    tx: &mut Tx,
    post: &str,
    boligtype: &str,
    tid: Tid,
) -> Result<(), Error> {
    if !innboks::store::venter(tx, post, FRIST_BOLIG).await? {
        return Ok(());
    }
    let Some(mut vedtak) = rett_til(tx, post, boligtype).await? else {
        return Ok(());
    };
    let melding = Melding {
        tid: tx.now(),
        av: Aktor::from(&tx.call().actor),
        utfall: Utfall::Tildelt(Dag::av(tid)),
    };
    let virkninger = meld(&mut vedtak, melding);
    store::lagre(tx, &mut vedtak).await?;
    innboks::utfor(tx, virkninger).await
}

/// Boligkontor says that such a dwelling is the person's no more: the right, where
/// it still holds, waits anew, and its clock begins again. Not where another that
/// the person has by it (`annen`) meets it too.
pub(crate) async fn opphort(
    tx: &mut Tx,
    post: &str,
    boligtype: &str,
    annen: Option<&str>,
) -> Result<(), Error> {
    if innboks::store::venter(tx, post, FRIST_BOLIG).await? {
        return Ok(());
    }
    let Some(vedtak) = rett_til(tx, post, boligtype).await? else {
        return Ok(());
    };
    let line = vedtak.innhold.bolig.as_ref();
    let right = line.zip(annen);
    let still_met = right.is_some_and(|(line, other)| innhold::motes_av(line.rett, other));
    if still_met || !rules::I_KRAFT.contains(&vedtak.tilstand) {
        return Ok(());
    }
    let mut virkninger = Virkninger::new();
    klokker::frist_for_bolig(None, &vedtak, tx.now(), &mut virkninger);
    innboks::utfor(tx, virkninger).await
}
