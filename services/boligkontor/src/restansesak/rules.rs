//! How a joint case goes from arrears to an outcome.

use samspor_chassis::{
    domene::{Aktor, Dag, Virkninger, tilstand::Overganger},
    error::{FieldFaults, Refusal},
    lager::Post,
    tid::Tid,
};
use samspor_proto::{boligkontor::Restanseutfall, felles::Feilgrunn};

use super::{Avgjort, FRIST, Mote, Part, Restansesak, Tilstand, fakta};
use crate::{ENHET, innstillinger::Innstillinger};

/// Which verb is allowed in which state.
pub(crate) const OVERGANGER: Overganger<Tilstand> = Overganger(&[
    ("OppdaterRestanse", &[Tilstand::Apen]),
    ("SvarRestansesak", &[Tilstand::Apen]),
    ("RegistrerRestansemote", &[Tilstand::Apen]),
    ("AvgjorRestansesak", &[Tilstand::Apen]),
]);

fn krev(post: &Post<Restansesak>, verb: &str) -> Result<(), Refusal> {
    let state = post.innhold.tilstand();
    OVERGANGER.krev(verb, state, state.kode())
}

/// Who hears: who lets the dwelling, and the units of the case.
fn mottakere(post: &Post<Restansesak>) -> Vec<String> {
    let units = post.innhold.parter.iter().map(|part| part.enhet.clone());
    std::iter::once(ENHET.to_owned())
        .chain(units.filter(|unit| unit != ENHET))
        .collect()
}

fn med_personen(post: &Post<Restansesak>) -> Vec<String> {
    let mut told = mottakere(post);
    told.push(format!("personer/{}", post.person));
    told
}

/// What is owed on which tenancy, since when, and who answers.
#[derive(Debug, Clone)]
pub(crate) struct Restanse {
    pub(crate) leieforhold: String,
    pub(crate) belop: i32,
    pub(crate) siden: Option<Dag>,
    pub(crate) parter: Vec<String>,
}

/// A joint case is with others than the office that lets the dwelling, and with
/// the unit that would have to find a bed (K7).
pub(crate) fn krev_parter(
    parter: &[String],
    botilbud: Option<&Vec<String>>,
    faults: &mut FieldFaults,
) {
    if let Some(place) = parter.iter().position(|unit| unit == ENHET) {
        let form = "en annen enhet enn boligkontoret, som fører saken";
        faults.form(format!("parter[{place}]"), form);
    }
    let must = botilbud.filter(|units| !units.iter().any(|unit| parter.contains(unit)));
    if let Some(units) = must.filter(|units| !units.is_empty() && !parter.is_empty()) {
        let form = format_args!("parter med {}", units.join(" eller "));
        faults.form("parter", form);
    }
}

/// Arrears open a joint case.
///
/// # Errors
/// Faults of the day and of the units.
pub(crate) fn registrer(
    (person, id): (String, String),
    restanse: Restanse,
    (now, av): (Tid, Aktor),
    innstillinger: &Innstillinger,
) -> Result<(Post<Restansesak>, Virkninger), Refusal> {
    let mut faults = FieldFaults::new();
    let today = Dag::av(now);
    let since = restanse.siden.unwrap_or(today);
    if since > today {
        faults.form("siden", format_args!("{today} eller tidligere"));
    }
    if restanse.parter.is_empty() {
        faults.missing("parter");
    }
    faults.finish()?;
    let answers = today.pluss_arbeidsdager(innstillinger.restanse_svar_dager);
    let days = i32::from(innstillinger.restanse_mote_dager);
    let party = |enhet| Part { enhet, svar: None };
    let innhold = Restansesak {
        leieforhold: restanse.leieforhold,
        belop: restanse.belop,
        siden: since,
        parter: restanse.parter.into_iter().map(party).collect(),
        apnet: (now, av),
        svarfrist: answers.slutt(),
        frist: today.pluss_dager(days).slutt(),
        moter: Vec::new(),
        avgjort: None,
    };
    let post = Post::ny(ENHET, person, id, innhold);
    let mut out = Virkninger::new();
    out.hendelse("RestanseVarslet", &post.emne(), med_personen(&post));
    out.fakta.extend(fakta(&post));
    let Restansesak {
        svarfrist, frist, ..
    } = post.innhold;
    let units = mottakere(&post);
    out.frist(FRIST, &post.emne(), frist, Some(svarfrist), units);
    Ok((post, out))
}

fn avgjort(mut post: Post<Restansesak>, outcome: Avgjort) -> (Post<Restansesak>, Virkninger) {
    post.innhold.avgjort = Some(outcome);
    let mut out = Virkninger::new();
    out.hendelse("RestansesakAvgjort", &post.emne(), med_personen(&post));
    out.fakta.extend(fakta(&post));
    out.slett_frist(FRIST, &post.name());
    (post, out)
}

/// Another amount is owed; nothing: it was paid, which also takes back that
/// notice may be given.
///
/// # Errors
/// `UGYLDIG_OVERGANG`.
pub(crate) fn oppdater(
    mut post: Post<Restansesak>,
    belop: i32,
    (now, av): (Tid, Aktor),
) -> Result<(Post<Restansesak>, Virkninger), Refusal> {
    if belop != 0 || post.innhold.tilstand() == Tilstand::Apen {
        krev(&post, "OppdaterRestanse")?;
    }
    post.innhold.belop = belop;
    if belop == 0 {
        let paid = Avgjort {
            tid: now,
            av,
            utfall: Restanseutfall::Innfridd,
            begrunnelse: String::new(),
        };
        return Ok(avgjort(post, paid));
    }
    let mut out = Virkninger::new();
    out.hendelse("RestanseEndret", &post.emne(), mottakere(&post));
    Ok((post, out))
}

/// A unit of the case says what it does.
///
/// # Errors
/// `UGYLDIG_OVERGANG`; `IKKE_TILLATT` for a unit that the case does not name.
pub(crate) fn svar(
    mut post: Post<Restansesak>,
    tiltak: String,
    (now, av): (Tid, Aktor),
) -> Result<(Post<Restansesak>, Virkninger), Refusal> {
    krev(&post, "SvarRestansesak")?;
    let parties = &mut post.innhold.parter;
    let Some(own) = parties.iter_mut().find(|part| part.enhet == av.enhet) else {
        return Err(Refusal::new(Feilgrunn::IkkeTillatt)
            .with("regel", "W5")
            .with("rad", "Bare enhetene som saken nevner, svarer i den."));
    };
    let mut told = vec![ENHET.to_owned(), av.enhet.clone()];
    told.dedup();
    own.svar = Some((now, av, tiltak));
    let mut out = Virkninger::new();
    out.hendelse("RestansesakBesvart", &post.emne(), told);
    Ok((post, out))
}

/// The units have met.
///
/// # Errors
/// `UGYLDIG_OVERGANG`; a fault of the day.
pub(crate) fn mote(
    mut post: Post<Restansesak>,
    mote: Mote,
    now: Tid,
) -> Result<(Post<Restansesak>, Virkninger), Refusal> {
    krev(&post, "RegistrerRestansemote")?;
    let (first, today) = (Dag::av(post.innhold.apnet.0), Dag::av(now));
    if mote.dag < first || mote.dag > today {
        let mut faults = FieldFaults::new();
        faults.form("dag", format_args!("en dag fra {first} til {today}"));
        faults.finish()?;
    }
    post.innhold.moter.push(mote);
    let mut out = Virkninger::new();
    out.hendelse("RestansemoteHoldt", &post.emne(), mottakere(&post));
    Ok((post, out))
}

/// What comes of it.
///
/// # Errors
/// `UGYLDIG_OVERGANG`; faults where it would let the tenancy be ended before
/// every unit has answered and they have met (K7).
pub(crate) fn avgjor(
    post: Post<Restansesak>,
    outcome: Avgjort,
) -> Result<(Post<Restansesak>, Virkninger), Refusal> {
    krev(&post, "AvgjorRestansesak")?;
    let mut faults = FieldFaults::new();
    if outcome.utfall == Restanseutfall::Innfridd {
        faults.form(
            "utfall",
            "et annet enn INNFRIDD, som følger når ingenting skyldes",
        );
    }
    if outcome.utfall == Restanseutfall::OppsigelseTillatt {
        let silent = post
            .innhold
            .parter
            .iter()
            .filter(|part| part.svar.is_none());
        for part in silent {
            let text = format!("enheter/{} har ikke svart hva den gjør", part.enhet);
            faults.contradicts("utfall", "parter", &text);
        }
        if post.innhold.moter.is_empty() {
            faults.contradicts(
                "utfall",
                "moter",
                "enhetene har ikke møttes; registrer møtet",
            );
        }
    }
    faults.finish()?;
    Ok(avgjort(post, outcome))
}
