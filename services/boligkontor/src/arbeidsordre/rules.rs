//! How a works order begins, and what becomes of it.

use std::time::Duration;

use samspor_chassis::{
    domene::{Dag, Virkninger, kalender, tilstand::Overganger},
    error::{FieldFaults, Refusal},
    tid::Tid,
};
use samspor_proto::boligkontor::{Arbeidstype, Hastegrad};

use super::{Arbeidsordre, FRIST, Tilstand};
use crate::{ENHET, boligpost::Post, innstillinger::Innstillinger};

/// Which verb is allowed in which state. The last two are not RPCs of their own:
/// the dwelling is ready, or leaves the stock.
pub(crate) const OVERGANGER: Overganger<Tilstand> = Overganger(&[
    ("BestillArbeid", &[Tilstand::Meldt, Tilstand::Bestilt]),
    ("MeldArbeidUtfort", &[Tilstand::Bestilt]),
    (LUKK, &[Tilstand::Utfort]),
    (AVVIS, &[Tilstand::Meldt, Tilstand::Bestilt]),
    (
        BOLIGEN,
        &[Tilstand::Meldt, Tilstand::Bestilt, Tilstand::Utfort],
    ),
    (
        AVVIKLET,
        &[Tilstand::Meldt, Tilstand::Bestilt, Tilstand::Utfort],
    ),
]);

const LUKK: &str = "LukkArbeidsordre";
const AVVIS: &str = "AvvisArbeidsordre";
pub(crate) const BOLIGEN: &str = "MeldKlargjort";
const AVVIKLET: &str = "AvviklBolig";

type Ordre = (Post<Arbeidsordre>, Virkninger);

fn krev(post: &Post<Arbeidsordre>, verb: &str) -> Result<(), Refusal> {
    let Arbeidsordre {
        type_, tilstand, ..
    } = post.innhold;
    // What the other kind is closed by, and is not to be told of either.
    let others: &[&str] = match type_ {
        Arbeidstype::Klargjoring => &[LUKK, AVVIS],
        _ => &[BOLIGEN],
    };
    let mut allowed = OVERGANGER.tillatt(tilstand);
    allowed.retain(|verb| !others.contains(verb));
    if allowed.contains(&verb) {
        return Ok(());
    }
    // Called for the dwelling, never for the order.
    allowed.retain(|verb| *verb != AVVIKLET);
    Err(Refusal::transition(tilstand.kode(), &allowed))
}

/// By when work that was reported now is done.
pub(crate) fn frist(
    type_: Arbeidstype,
    hastegrad: Hastegrad,
    now: Tid,
    innstillinger: &Innstillinger,
) -> Tid {
    let days = match (type_, hastegrad) {
        (Arbeidstype::Klargjoring, _) => innstillinger.klargjoring_arbeidsdager,
        (_, Hastegrad::Akutt) => {
            let hours = u64::from(innstillinger.arbeid_akutt_timer);
            return now.plus(Duration::from_hours(hours));
        }
        (_, Hastegrad::Haster) => innstillinger.arbeid_haster_arbeidsdager,
        _ => innstillinger.arbeid_vanlig_arbeidsdager,
    };
    kalender::arbeidsdager_etter(now, days)
}

/// Something is broken, or a dwelling is made ready.
pub(crate) fn ny(
    (bolig, id): (String, String),
    (type_, hastegrad): (Arbeidstype, Hastegrad),
    beskrivelse: String,
    now: Tid,
    innstillinger: &Innstillinger,
) -> Ordre {
    let due = frist(type_, hastegrad, now, innstillinger);
    let innhold = Arbeidsordre {
        type_,
        hastegrad,
        tilstand: Tilstand::Meldt,
        beskrivelse,
        meldt: now,
        frist: due,
        planlagt: None,
        utforer: String::new(),
        utfort: None,
        avsluttet: None,
        begrunnelse: String::new(),
    };
    let post = Post::ny(bolig, id, innhold);
    let mut out = Virkninger::new();
    out.frist(FRIST, &post.emne(), due, None, [ENHET]);
    (post, out)
}

/// Somebody is to do it, on a day.
///
/// # Errors
/// `UGYLDIG_OVERGANG`; a fault of the day.
pub(crate) fn bestill(
    mut post: Post<Arbeidsordre>,
    planlagt: Option<Dag>,
    utforer: String,
    now: Tid,
) -> Result<Ordre, Refusal> {
    krev(&post, "BestillArbeid")?;
    let today = Dag::av(now);
    if planlagt.is_some_and(|day| day < today) {
        let mut faults = FieldFaults::new();
        faults.form("planlagt_dag", format_args!("{today} eller senere"));
        faults.finish()?;
    }
    post.innhold.tilstand = Tilstand::Bestilt;
    post.innhold.planlagt = planlagt;
    post.innhold.utforer = utforer;
    Ok((post, Virkninger::new()))
}

/// It is done.
///
/// # Errors
/// `UGYLDIG_OVERGANG`.
pub(crate) fn utfort(mut post: Post<Arbeidsordre>, now: Tid) -> Result<Ordre, Refusal> {
    krev(&post, "MeldArbeidUtfort")?;
    post.innhold.tilstand = Tilstand::Utfort;
    post.innhold.utfort = Some(now);
    let mut out = Virkninger::new();
    out.slett_frist(FRIST, &post.name());
    Ok((post, out))
}

fn slutt(mut post: Post<Arbeidsordre>, til: Tilstand, now: Tid) -> Ordre {
    post.innhold.tilstand = til;
    post.innhold.avsluttet = Some(now);
    let mut out = Virkninger::new();
    out.slett_frist(FRIST, &post.name());
    (post, out)
}

/// It was seen to be done.
///
/// # Errors
/// `UGYLDIG_OVERGANG`.
pub(crate) fn lukk(post: Post<Arbeidsordre>, now: Tid) -> Result<Ordre, Refusal> {
    krev(&post, LUKK)?;
    Ok(slutt(post, Tilstand::Lukket, now))
}

/// It is not done.
///
/// # Errors
/// `UGYLDIG_OVERGANG`.
pub(crate) fn avvis(
    mut post: Post<Arbeidsordre>,
    begrunnelse: String,
    now: Tid,
) -> Result<Ordre, Refusal> {
    krev(&post, AVVIS)?;
    post.innhold.begrunnelse = begrunnelse;
    Ok(slutt(post, Tilstand::Avvist, now))
}

/// The dwelling has left the stock, and the work is not done.
///
/// # Errors
/// `UGYLDIG_OVERGANG`.
pub(crate) fn boligen_borte(
    mut post: Post<Arbeidsordre>,
    begrunnelse: String,
    now: Tid,
) -> Result<Ordre, Refusal> {
    krev(&post, AVVIKLET)?;
    let til = match post.innhold.tilstand {
        Tilstand::Utfort => Tilstand::Lukket,
        _ => Tilstand::Avvist,
    };
    post.innhold.begrunnelse = begrunnelse;
    Ok(slutt(post, til, now))
}

/// The dwelling is ready.
///
/// # Errors
/// `UGYLDIG_OVERGANG`.
pub(crate) fn boligen_klar(post: Post<Arbeidsordre>, now: Tid) -> Result<Ordre, Refusal> {
    krev(&post, BOLIGEN)?;
    Ok(slutt(post, Tilstand::Lukket, now))
}
