//! How a reservation begins, is offered, answered and ends.

use samspor_chassis::{
    domene::{Aktor, Dag, Virkninger, tilstand::Overganger},
    error::{FieldFaults, Refusal},
    lager::Post,
    tid::Tid,
};
use samspor_proto::{boligkontor::Tildelingstype, felles::Feilgrunn};

use super::{FRIST_UTLOP, Plassering, Reservasjon, Slutt, Svar, Tilstand, fakta};
use crate::{
    ENHET,
    bolig::typenokkel,
    boligsak::{self, Boligsak},
};

/// Which verb is allowed in which state.
pub(crate) const OVERGANGER: Overganger<Tilstand> = Overganger(&[
    (
        "ForlengReservasjon",
        &[Tilstand::Reservert, Tilstand::Tilbudt, Tilstand::Akseptert],
    ),
    ("TilbyBolig", &[Tilstand::Reservert]),
    ("SvarTilbud", &[Tilstand::Tilbudt]),
    (
        "OpphevReservasjon",
        &[Tilstand::Reservert, Tilstand::Tilbudt, Tilstand::Akseptert],
    ),
    (
        "NedleggVeto",
        &[Tilstand::Reservert, Tilstand::Tilbudt, Tilstand::Akseptert],
    ),
    (KONTRAKT, &[Tilstand::Reservert, Tilstand::Akseptert]),
]);

const KONTRAKT: &str = "InngaKontrakt";

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Onsket {
    pub(crate) bolig: String,
    pub(crate) tildelingstype: Tildelingstype,
    pub(crate) grunnlag: String,
    pub(crate) plassering: Option<Plassering>,
    pub(crate) utloper: Option<Tid>,
    pub(crate) begrunnelse: String,
    pub(crate) overstyring: String,
    pub(crate) egnethetsunntak: String,
}

/// Working days that a dwelling is held, and days that it can be held at most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lengder {
    pub(crate) reservasjon: u16,
    pub(crate) svar: u16,
    pub(crate) lengst: u16,
}

/// The case can get a dwelling of the type: on the list of that type, with
/// nothing held for it.
///
/// # Errors
/// A fault of `grunnlag`; `KONFLIKT` where a dwelling is held for it.
pub(crate) fn krev_sak(
    sak: &Post<Boligsak>,
    type_: Tildelingstype,
    apne: &[Post<Reservasjon>],
) -> Result<(), Refusal> {
    let mut faults = FieldFaults::new();
    if sak.innhold.tildelingstype != type_ {
        let (case, dwelling) = (typenokkel(sak.innhold.tildelingstype), typenokkel(type_));
        let told = format_args!("saken gjelder {case}, boligen tildeles som {dwelling}");
        faults.contradicts("grunnlag", "bolig", told);
    } else if sak.innhold.tilstand != boligsak::Tilstand::Godkjent {
        let state = sak.innhold.tilstand.kode();
        faults.form(
            "grunnlag",
            format_args!("en godkjent boligsak; denne er {state}"),
        );
    }
    faults.finish()?;
    let name = sak.name();
    if apne.iter().any(|held| held.innhold.grunnlag == name) {
        let held = "en åpen reservasjon for boligsaken; opphev den først";
        return Err(Refusal::conflict(held));
    }
    Ok(())
}

/// Who is passed over, and what a dwelling lacks, is said with a reason.
///
/// # Errors
/// Faults of `overstyring` and `egnethetsunntak`, which say what is to be
/// reasoned.
pub(crate) fn krev_begrunnet(
    plassering: &Plassering,
    overstyring: &str,
    egnethetsunntak: &str,
) -> Result<(), Refusal> {
    let Plassering {
        plass,
        forbigatte,
        regelversjon,
        uegnet_fordi,
    } = plassering;
    let mut faults = FieldFaults::new();
    if *forbigatte > 0 && overstyring.is_empty() {
        faults.form(
            "overstyring",
            format_args!(
                "en begrunnelse: personen står på plass {plass} etter {regelversjon}, og boligen \
                 passer for {forbigatte} foran (RangerKo med bolig viser dem enheten har sakene til)"
            ),
        );
    }
    if !uegnet_fordi.is_empty() && egnethetsunntak.is_empty() {
        let lacks = uegnet_fordi.join("; ");
        let told = format_args!("en begrunnelse: boligen {lacks}");
        faults.form("egnethetsunntak", told);
    }
    faults.finish()
}

/// The unit allocates the type of dwelling in this municipality; or the case is
/// the unit's own, because the person is hidden from the others.
///
/// # Errors
/// `ENHET_KAN_IKKE`, which names the unit and what it would have to do.
pub(crate) fn krev_tildeler(
    enhet: &str,
    type_: &str,
    tildelere: Option<&Vec<String>>,
) -> Result<(), Refusal> {
    if tildelere.is_some_and(|units| units.iter().any(|unit| unit == enhet)) {
        return Ok(());
    }
    let allocate = tildelere
        .map(|units| units.join(" eller "))
        .unwrap_or_default();
    let feil = match allocate.as_str() {
        "" => format!("ingen enhet tildeler {type_} her"),
        units => format!("{type_} tildeles her av {units}"),
    };
    Err(Refusal::new(Feilgrunn::EnhetKanIkke)
        .with("enhet", format_args!("enheter/{enhet}"))
        .with("feil", feil))
}

/// Until when: later than now, and not longer than a dwelling is held at most.
fn krev_utlop(
    utloper: Tid,
    field: &'static str,
    (fra, now): (Tid, Tid),
    lengst: u16,
) -> Result<(), Refusal> {
    let last = Dag::av(fra).pluss_dager(i32::from(lengst)).slutt();
    let mut faults = FieldFaults::new();
    if utloper <= now || utloper > last {
        faults.form(
            field,
            format_args!(
                "et tidspunkt som kommer, senest {}",
                Dag::av(last).pluss_dager(-1)
            ),
        );
    }
    faults.finish()
}

fn frist(post: &Post<Reservasjon>, now: Tid, out: &mut Virkninger) {
    let due = post.innhold.utloper;
    let warn = Some(Tid(due.0 - (due.0 - now.0) / 4)).filter(|warn| *warn > now);
    out.frist(FRIST_UTLOP, &post.emne(), due, warn, mottakere(post));
}

/// Who hears: who reserved, and the office that keeps the stock.
fn mottakere(post: &Post<Reservasjon>) -> Vec<String> {
    let mut units = vec![post.enhet.clone()];
    if post.enhet != ENHET {
        units.push(ENHET.to_owned());
    }
    units
}

fn med_personen(post: &Post<Reservasjon>) -> Vec<String> {
    let mut told = mottakere(post);
    told.push(format!("personer/{}", post.person));
    told
}

/// The person hears of its end where the dwelling was offered.
fn berorte(post: &Post<Reservasjon>) -> Vec<String> {
    match post.innhold.tilbudt {
        Some(_) => med_personen(post),
        None => mottakere(post),
    }
}

/// A dwelling is held from now on.
///
/// # Errors
/// A fault of the time until when.
pub(crate) fn reserver(
    (person, id): (String, String),
    onsket: Onsket,
    (now, av): (Tid, Aktor),
    lengder: Lengder,
) -> Result<(Post<Reservasjon>, Virkninger), Refusal> {
    let usual = Dag::av(now).pluss_arbeidsdager(lengder.reservasjon).slutt();
    let utloper = onsket.utloper.unwrap_or(usual);
    krev_utlop(utloper, "utloper", (now, now), lengder.lengst)?;
    let unit = av.enhet.clone();
    let innhold = Reservasjon {
        tilstand: Tilstand::Reservert,
        bolig: onsket.bolig,
        tildelingstype: onsket.tildelingstype,
        grunnlag: onsket.grunnlag,
        reservert: (now, av),
        utloper,
        plassering: onsket.plassering,
        begrunnelse: onsket.begrunnelse,
        overstyring: onsket.overstyring,
        egnethetsunntak: onsket.egnethetsunntak,
        tilbudt: None,
        svar: None,
        slutt: None,
        leieforhold: String::new(),
    };
    let post = Post::ny(&unit, person, id, innhold);
    let mut out = Virkninger::new();
    out.hendelse("BoligReservert", &post.emne(), mottakere(&post));
    frist(&post, now, &mut out);
    Ok((post, out))
}

fn krev(post: &Post<Reservasjon>, verb: &str) -> Result<(), Refusal> {
    let state = post.innhold.tilstand;
    OVERGANGER.krev(verb, state, state.kode())
}

/// The same, before its time is over, also where the clock has not said so yet.
fn krev_i_tide(post: &Post<Reservasjon>, verb: &str, now: Tid) -> Result<(), Refusal> {
    krev(post, verb)?;
    if post.innhold.utloper <= now {
        return Err(Refusal::transition(Tilstand::Utlopt.kode(), &[]));
    }
    Ok(())
}

/// It is held longer.
///
/// # Errors
/// `UGYLDIG_OVERGANG`; a fault of the time.
pub(crate) fn forleng(
    mut post: Post<Reservasjon>,
    utloper: Tid,
    begrunnelse: &str,
    now: Tid,
    lengder: Lengder,
) -> Result<(Post<Reservasjon>, Virkninger), Refusal> {
    krev_i_tide(&post, "ForlengReservasjon", now)?;
    let from = post.innhold.reservert.0;
    krev_utlop(utloper, "utloper", (from, now), lengder.lengst)?;
    post.innhold.utloper = utloper;
    post.innhold.begrunnelse = format!("{}\n{begrunnelse}", post.innhold.begrunnelse);
    let mut out = Virkninger::new();
    out.hendelse("ReservasjonForlenget", &post.emne(), mottakere(&post));
    frist(&post, now, &mut out);
    Ok((post, out))
}

/// It is offered to the person.
///
/// # Errors
/// `UGYLDIG_OVERGANG`; a fault of the time to answer.
pub(crate) fn tilby(
    mut post: Post<Reservasjon>,
    svarfrist: Option<Tid>,
    now: Tid,
    lengder: Lengder,
) -> Result<(Post<Reservasjon>, Virkninger), Refusal> {
    krev_i_tide(&post, "TilbyBolig", now)?;
    let usual = Dag::av(now).pluss_arbeidsdager(lengder.svar).slutt();
    let due = svarfrist.unwrap_or(usual);
    let from = post.innhold.reservert.0;
    krev_utlop(due, "svarfrist", (from, now), lengder.lengst)?;
    post.innhold.tilstand = Tilstand::Tilbudt;
    post.innhold.tilbudt = Some(now);
    post.innhold.utloper = due;
    let mut out = Virkninger::new();
    out.hendelse("BoligTilbudt", &post.emne(), med_personen(&post));
    out.fakta.extend(fakta(&post));
    frist(&post, now, &mut out);
    Ok((post, out))
}

/// The person answers. A no ends the reservation and nothing else.
///
/// # Errors
/// `UGYLDIG_OVERGANG`.
pub(crate) fn svar(
    mut post: Post<Reservasjon>,
    svar: Svar,
    now: Tid,
    lengder: Lengder,
) -> Result<(Post<Reservasjon>, Virkninger), Refusal> {
    krev_i_tide(&post, "SvarTilbud", now)?;
    let yes = svar.aksepterer;
    post.innhold.svar = Some(svar);
    let mut out = Virkninger::new();
    if yes {
        post.innhold.tilstand = Tilstand::Akseptert;
        // The contract is made in the time for which a dwelling is held.
        let usual = Dag::av(now).pluss_arbeidsdager(lengder.reservasjon).slutt();
        post.innhold.utloper = post.innhold.utloper.max(usual);
        out.hendelse("TilbudAkseptert", &post.emne(), mottakere(&post));
        frist(&post, now, &mut out);
    } else {
        post.innhold.tilstand = Tilstand::Avslatt;
        out.hendelse("TilbudAvslatt", &post.emne(), med_personen(&post));
        out.slett_frist(FRIST_UTLOP, &post.name());
    }
    out.fakta.extend(fakta(&post));
    Ok((post, out))
}

/// It is given up: by who reserved, or by a veto of who keeps the stock.
///
/// # Errors
/// `UGYLDIG_OVERGANG`.
pub(crate) fn opphev(
    mut post: Post<Reservasjon>,
    slutt: Slutt,
) -> Result<(Post<Reservasjon>, Virkninger), Refusal> {
    let (verb, event) = match slutt.veto {
        true => ("NedleggVeto", "VetoNedlagt"),
        false => ("OpphevReservasjon", "ReservasjonOpphevet"),
    };
    krev(&post, verb)?;
    post.innhold.tilstand = Tilstand::Opphevet;
    post.innhold.slutt = Some(slutt);
    let mut out = Virkninger::new();
    out.hendelse(event, &post.emne(), berorte(&post));
    out.fakta.extend(fakta(&post));
    out.slett_frist(FRIST_UTLOP, &post.name());
    Ok((post, out))
}

/// A contract can be made of it: the person said yes, or it is temporary housing,
/// which is given and not offered.
///
/// # Errors
/// `UGYLDIG_OVERGANG`.
pub(crate) fn krev_kontrakt(post: &Post<Reservasjon>, now: Tid) -> Result<(), Refusal> {
    let state = post.innhold.tilstand;
    let unasked =
        state == Tilstand::Reservert && post.innhold.tildelingstype != Tildelingstype::Midlertidig;
    if unasked {
        let mut allowed = OVERGANGER.tillatt(state);
        allowed.retain(|verb| *verb != KONTRAKT);
        return Err(Refusal::transition(state.kode(), &allowed));
    }
    krev_i_tide(post, KONTRAKT, now)
}

/// It becomes a tenancy.
///
/// # Errors
/// `UGYLDIG_OVERGANG`.
pub(crate) fn kontrakt(
    mut post: Post<Reservasjon>,
    leieforhold: String,
    now: Tid,
) -> Result<(Post<Reservasjon>, Virkninger), Refusal> {
    krev_kontrakt(&post, now)?;
    post.innhold.tilstand = Tilstand::Kontrakt;
    post.innhold.utloper = now;
    post.innhold.leieforhold = leieforhold;
    let mut out = Virkninger::new();
    out.fakta.extend(fakta(&post));
    out.slett_frist(FRIST_UTLOP, &post.name());
    Ok((post, out))
}

/// It came to nothing, and who reserved looks for another dwelling in its place.
pub(crate) fn lates_det(post: &Post<Reservasjon>) -> bool {
    let vetoed = || post.innhold.slutt.as_ref().is_some_and(|end| end.veto);
    match post.innhold.tilstand {
        Tilstand::Avslatt | Tilstand::Utlopt => true,
        Tilstand::Opphevet => vetoed(),
        _ => false,
    }
}

/// Nobody has to look for another dwelling in its place any more.
pub(crate) fn leting_slutt(post: &Post<Reservasjon>) -> Virkninger {
    let mut out = Virkninger::new();
    out.hendelse("BoligletingAvsluttet", &post.emne(), mottakere(post));
    out
}

/// Its time is over. None where it is open no more, or holds longer.
pub(crate) fn utlop(
    mut post: Post<Reservasjon>,
    now: Tid,
) -> Option<(Post<Reservasjon>, Virkninger)> {
    use samspor_chassis::lager::Innhold as _;
    if !post.innhold.apen() || post.innhold.utloper > now {
        return None;
    }
    post.innhold.tilstand = Tilstand::Utlopt;
    let mut out = Virkninger::new();
    out.hendelse("ReservasjonUtlopt", &post.emne(), berorte(&post));
    out.fakta.extend(fakta(&post));
    Some((post, out))
}
