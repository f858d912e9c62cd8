//! What may happen to an oppdrag.

use std::collections::BTreeSet;

use samspor_chassis::{
    domene::{Aktor, Dag, Overganger, Virkninger, felt, kalender},
    error::{FieldFaults, Refusal},
    tid::Tid,
};
use samspor_proto::{
    bestillerkontor::{
        Avslutningsarsak, AvsluttOppdragRequest, AvvisOppdragRequest, PauseOppdragRequest,
    },
    felles::Feilgrunn,
};

use super::{
    Avvisning, Bestilling, FRIST_EVALUERING, FRIST_GJENOPPTA, FRIST_OMFORDELING, FRIST_RAPPORT,
    FRIST_START, FRIST_SVAR, FRIST_UTLOP, Innhold, Oppdrag, Opphold, Pause, Slutt, Tilstand,
    kortvarig, levering,
};
use crate::{
    KOORDINERING,
    evaluering::{self, Evaluering},
    frister::frister,
    mottatt::Mottatt,
    vedtak::{Vedtak, innhold::Linje},
};

/// Which verb is allowed in which state.
pub(crate) const OVERGANGER: Overganger<Tilstand> = Overganger(&[
    ("AksepterOppdrag", &[Tilstand::Tilbudt]),
    ("AvvisOppdrag", &[Tilstand::Tilbudt]),
    ("StartOppdrag", &[Tilstand::Akseptert]),
    ("PauseOppdrag", &[Tilstand::Startet]),
    ("GjenopptaOppdrag", &[Tilstand::Pauset]),
    (
        "AvsluttOppdrag",
        &[Tilstand::Akseptert, Tilstand::Startet, Tilstand::Pauset],
    ),
    (
        "RapporterOppdrag",
        &[Tilstand::Startet, Tilstand::Pauset, Tilstand::Avsluttet],
    ),
    ("EvaluerOppdrag", I_GANG),
    ("AvsluttOmfordeling", &[Tilstand::Avvist]),
]);

const I_GANG: &[Tilstand] = &[Tilstand::Startet, Tilstand::Pauset];

/// Working days within which a unit answers an offer, and who ordered places a
/// declined one elsewhere (default of the samarbeidsavtale).
const SVAR_ARBEIDSDAGER: u16 = 3;
/// Days after acceptance and the first day within which a service starts:
/// what would have needed no vedtak (hol. § 3-2 a).
const START_DAGER: i32 = 14;
/// Days before its last day in which an order's units are warned of it.
const UTLOP_VARSEL_DAGER: i32 = 3;

/// The verb is allowed in the state, and for the unit: only the one that is
/// named (W5).
pub(super) fn krev(oppdrag: &Oppdrag, verb: &str, av: &Aktor) -> Result<(), Refusal> {
    if av.enhet != oppdrag.enhet {
        return Err(Refusal::new(Feilgrunn::IkkeTillatt)
            .with("regel", "W5")
            .with("rad", "Bare enheten i oppdraget kan dette."));
    }
    OVERGANGER.krev(verb, oppdrag.tilstand, oppdrag.tilstand.kode())
}

/// Offers one line of a vedtak to one of its units.
pub(crate) fn tilby(
    vedtak: &Vedtak,
    line: &Linje,
    enhet: &str,
    id: String,
    av: &Aktor,
    now: Tid,
    out: &mut Virkninger,
) -> Oppdrag {
    let til = Sted {
        person: vedtak.person.clone(),
        id,
        vedtak: Some(vedtak.id.clone()),
        linje_id: line.nr.clone(),
        bestiller: vedtak.ansvarlig_enhet.clone(),
        enhet: enhet.to_owned(),
    };
    ny(til, bestilling(line, enhet), av, now, out)
}

/// What one unit of a line is ordered: the line, with the unit's hours.
fn bestilling(line: &Linje, enhet: &str) -> Bestilling {
    let (min_timer, maks_timer) = line.timer(enhet);
    let Linje {
        nr: _,
        type_,
        min_timer: _,
        maks_timer: _,
        enheter,
        fra,
        til,
        hjemmel,
        vilkar,
        mal,
        leveringssted,
        helsehensyn,
        andeler,
        fra_kortvarig: _,
    } = line.clone();
    Bestilling {
        type_,
        min_timer,
        maks_timer,
        likt_delt: andeler.is_empty() && enheter.len() > 1,
        fra,
        til,
        vilkar,
        mal,
        leveringssted,
        helsehensyn,
        hjemmel,
    }
}

/// A service without a vedtak goes on under a line of one: its unit delivers on,
/// on the terms of the line, and who decided orders it.
pub(crate) fn overta(
    mut oppdrag: Oppdrag,
    vedtak: &Vedtak,
    line: &Linje,
    now: Tid,
    out: &mut Virkninger,
) -> Oppdrag {
    out.fakta.extend(oppdrag.bestillerfaktum(Some(now)));
    let moved = oppdrag.bestiller != vedtak.ansvarlig_enhet;
    let mut told: BTreeSet<String> = hoerer_om(&oppdrag).into();
    oppdrag.bestiller.clone_from(&vedtak.ansvarlig_enhet);
    if oppdrag.tilstand == Tilstand::Tilbudt {
        oppdrag.ansvarlig_enhet.clone_from(&oppdrag.bestiller);
    }
    oppdrag.vedtak = Some(vedtak.id.clone());
    oppdrag.linje_id.clone_from(&line.nr);
    oppdrag.innhold.bestilling = bestilling(line, &oppdrag.enhet);
    told.extend(hoerer_om(&oppdrag));
    out.hendelse("OppdragEndret", &oppdrag.emne(), told);
    frist_for_slutt(&oppdrag, out);
    let Innhold {
        svarfrist,
        besvart,
        pause,
        ..
    } = &oppdrag.innhold;
    let who = begge(&oppdrag);
    match oppdrag.tilstand {
        Tilstand::Tilbudt if moved => {
            out.frist(FRIST_SVAR, &oppdrag.emne(), *svarfrist, None, who);
        }
        Tilstand::Akseptert => {
            let accepted = besvart.as_ref().map_or(now, |(at, _)| *at);
            frist_for_start(&oppdrag, accepted, out);
        }
        Tilstand::Startet | Tilstand::Pauset => {
            frist_for_evaluering(&oppdrag, now, out);
            if moved {
                levering::frist_for_rapport(&oppdrag, out);
            }
            if let Some(pause) = pause.as_ref().filter(|_| moved) {
                let due = pause.gjenopptas.slutt();
                out.frist(FRIST_GJENOPPTA, &oppdrag.emne(), due, None, who);
            }
        }
        Tilstand::Tilbudt | Tilstand::Avvist | Tilstand::Avsluttet => {}
    }
    oppdrag
}

/// To whom an order goes, and from whom.
pub(crate) struct Sted {
    pub(crate) person: String,
    pub(crate) id: String,
    pub(crate) vedtak: Option<String>,
    pub(crate) linje_id: String,
    pub(crate) bestiller: String,
    pub(crate) enhet: String,
}

pub(super) fn ny(
    sted: Sted,
    bestilling: Bestilling,
    av: &Aktor,
    now: Tid,
    out: &mut Virkninger,
) -> Oppdrag {
    let Sted {
        person,
        id,
        vedtak,
        linje_id,
        bestiller,
        enhet,
    } = sted;
    let due = kalender::arbeidsdager_etter(now, SVAR_ARBEIDSDAGER);
    let oppdrag = Oppdrag {
        person,
        id,
        versjon: 1,
        tilstand: Tilstand::Tilbudt,
        vedtak,
        linje_id,
        ansvarlig_enhet: bestiller.clone(),
        bestiller,
        enhet,
        innhold: Innhold {
            bestilling,
            tilbudt: now,
            tilbudt_av: av.ansatt.clone(),
            svarfrist: due,
            besvart: None,
            avvist: None,
            startet: None,
            rapporteres_fra: None,
            pause: None,
            pauser: Vec::new(),
            slutt: None,
            planlagt_slutt: None,
            rapporter: Vec::new(),
            evalueringer: Vec::new(),
            etterregistrert_grunn: String::new(),
        },
    };
    out.hendelse("OppdragTilbudt", &oppdrag.emne(), hoerer_om(&oppdrag));
    out.faktum(oppdrag.tilbudsfaktum(None));
    out.fakta.extend(oppdrag.bestillerfaktum(None));
    out.frist(FRIST_SVAR, &oppdrag.emne(), due, None, begge(&oppdrag));
    if oppdrag.innhold.bestilling.til.is_some() {
        frist_for_slutt(&oppdrag, out);
    }
    oppdrag
}

/// The order's own last day ends it, also where the vedtak goes on.
fn frist_for_slutt(oppdrag: &Oppdrag, out: &mut Virkninger) {
    let emne = oppdrag.emne();
    let Some(last) = oppdrag.innhold.bestilling.til else {
        out.slett_frist(FRIST_UTLOP, &emne.post);
        return;
    };
    let warn = if oppdrag.vedtak.is_some() {
        last.pluss_dager(-UTLOP_VARSEL_DAGER)
    } else {
        kortvarig::arbeidsdager_for(last, kortvarig::VARSEL_ARBEIDSDAGER)
    };
    let warn = warn.slutt();
    let [unit, orderer] = begge(oppdrag);
    // Who ordered decides what comes after, and is named first.
    let told = [orderer, unit];
    out.frist(FRIST_UTLOP, &emne, last.slutt(), Some(warn), told);
}

/// The last day of a service has passed. None when it had ended before.
pub(crate) fn utlop(oppdrag: Oppdrag, now: Tid) -> Option<(Oppdrag, Virkninger)> {
    let passed = oppdrag.innhold.bestilling.til?.slutt() <= now;
    if !passed || !oppdrag.er_apent() {
        return None;
    }
    let end = oppdrag.innhold.ved_utlop();
    let mut out = Virkninger::new();
    let oppdrag = opphor(oppdrag, end, None, now, &mut out);
    Some((oppdrag, out))
}

/// The order follows its line in a new version of the vedtak: what changes is
/// the terms, and the unit goes on.
pub(crate) fn endre(mut oppdrag: Oppdrag, line: &Linje, now: Tid, out: &mut Virkninger) -> Oppdrag {
    let bestilling = bestilling(line, &oppdrag.enhet);
    if oppdrag.innhold.bestilling == bestilling {
        return oppdrag;
    }
    let before = std::mem::replace(&mut oppdrag.innhold.bestilling, bestilling);
    out.hendelse("OppdragEndret", &oppdrag.emne(), hoerer_om(&oppdrag));
    if before.fra != oppdrag.innhold.bestilling.fra && oppdrag.tilstand == Tilstand::Akseptert {
        frist_for_start(&oppdrag, now, out);
    }
    if before.til != oppdrag.innhold.bestilling.til {
        frist_for_slutt(&oppdrag, out);
        if I_GANG.contains(&oppdrag.tilstand) {
            frist_for_evaluering(&oppdrag, now, out);
        }
    }
    oppdrag
}

/// The unit evaluates.
pub(crate) fn evaluer(
    mut oppdrag: Oppdrag,
    evaluering: Evaluering,
    now: Tid,
) -> Result<(Oppdrag, Virkninger), Refusal> {
    krev(&oppdrag, "EvaluerOppdrag", &evaluering.av)?;
    ikke_for_start(&oppdrag, evaluering.fra, "evaluering.fra")?;
    oppdrag.innhold.evalueringer.push(evaluering);
    let mut out = Virkninger::new();
    out.hendelse("OppdragEvaluert", &oppdrag.emne(), hoerer_om(&oppdrag));
    frist_for_evaluering(&oppdrag, now, &mut out);
    Ok((oppdrag, out))
}

/// Nothing was delivered before the start.
fn ikke_for_start(oppdrag: &Oppdrag, fra: Dag, field: &'static str) -> Result<(), Refusal> {
    let mut faults = FieldFaults::new();
    if let Some(started) = oppdrag.innhold.startet.map(Dag::av)
        && fra < started
    {
        faults.form(
            field,
            format_args!("{started} eller senere, da tjenesten startet"),
        );
    }
    faults.finish()
}

fn frist_for_evaluering(oppdrag: &Oppdrag, now: Tid, out: &mut Virkninger) {
    let innhold = &oppdrag.innhold;
    let begun = Dag::av(innhold.startet.unwrap_or(now));
    let evaluated = innhold.evalueringer.iter().map(|held| held.til).max();
    let emne = oppdrag.emne();
    match evaluering::neste([innhold.bestilling.til], begun, evaluated, Dag::av(now)) {
        None => out.slett_frist(FRIST_EVALUERING, &emne.post),
        Some(due) => out.frist(FRIST_EVALUERING, &emne, due.slutt(), None, begge(oppdrag)),
    }
}

/// The unit accepts, and answers for the need from now.
pub(crate) fn aksepter(
    mut oppdrag: Oppdrag,
    av: Aktor,
    akseptert: Mottatt,
) -> Result<(Oppdrag, Virkninger), Refusal> {
    krev(&oppdrag, "AksepterOppdrag", &av)?;
    let offered = oppdrag.innhold.tilbudt;
    let tid = ta_tid(&mut oppdrag, akseptert, "akseptert", offered)?;
    oppdrag.tilstand = Tilstand::Akseptert;
    oppdrag.ansvarlig_enhet.clone_from(&oppdrag.enhet);
    oppdrag.innhold.besvart = Some((tid, av));
    let mut out = Virkninger::new();
    out.hendelse("OppdragAkseptert", &oppdrag.emne(), hoerer_om(&oppdrag));
    out.fakta.extend(oppdrag.leveringsfakta(None));
    out.slett_frist(FRIST_SVAR, &oppdrag.name());
    frist_for_start(&oppdrag, tid, &mut out);
    Ok((oppdrag, out))
}

fn frist_for_start(oppdrag: &Oppdrag, from: Tid, out: &mut Virkninger) {
    let from = Dag::av(from).max(oppdrag.innhold.bestilling.fra);
    let due = from.pluss_dager(START_DAGER).slutt();
    out.frist(FRIST_START, &oppdrag.emne(), due, None, begge(oppdrag));
}

/// When a step was taken, which may be recorded later, and never is before what
/// it follows on.
fn ta_tid(
    oppdrag: &mut Oppdrag,
    steg: Mottatt,
    field: &'static str,
    forst: Tid,
) -> Result<Tid, Refusal> {
    let mut faults = FieldFaults::new();
    let first = Dag::av(forst);
    if Dag::av(steg.tid) < first {
        faults.form(
            field,
            format_args!("{first} eller senere, da oppdraget var kommet så langt"),
        );
    }
    faults.finish()?;
    oppdrag.innhold.etterregistrert_grunn = steg.grunn;
    Ok(steg.tid.max(forst))
}

/// Reads why an offer is declined.
pub(crate) fn les_avvisning(request: &AvvisOppdragRequest, faults: &mut FieldFaults) -> Avvisning {
    Avvisning {
        arsak: felt::valg(
            request.arsak,
            "arsak",
            "samspor.bestillerkontor.v1.Avvisningsarsak",
            faults,
        ),
        begrunnelse: felt::pakrevd(&request.begrunnelse, "begrunnelse", felt::LANG, faults),
    }
}

/// The unit declines; who ordered places the need elsewhere.
pub(crate) fn avvis(
    mut oppdrag: Oppdrag,
    avvisning: Avvisning,
    av: Aktor,
    now: Tid,
) -> Result<(Oppdrag, Virkninger), Refusal> {
    krev(&oppdrag, "AvvisOppdrag", &av)?;
    oppdrag.tilstand = Tilstand::Avvist;
    oppdrag.innhold.besvart = Some((now, av));
    oppdrag.innhold.avvist = Some(avvisning);
    let mut out = Virkninger::new();
    out.hendelse("OppdragAvvist", &oppdrag.emne(), hoerer_om(&oppdrag));
    out.faktum(oppdrag.tilbudsfaktum(Some(now)));
    out.slett_frist(FRIST_SVAR, &oppdrag.name());
    out.slett_frist(FRIST_UTLOP, &oppdrag.name());
    let due = kalender::arbeidsdager_etter(now, SVAR_ARBEIDSDAGER);
    let bestiller = [oppdrag.bestiller.clone()];
    out.frist(FRIST_OMFORDELING, &oppdrag.emne(), due, None, bestiller);
    Ok((oppdrag, out))
}

/// The unit starts to deliver, on the first day of the order or later.
pub(crate) fn start(
    mut oppdrag: Oppdrag,
    av: &Aktor,
    startet: Mottatt,
) -> Result<(Oppdrag, Virkninger), Refusal> {
    krev(&oppdrag, "StartOppdrag", av)?;
    let accepted = oppdrag.innhold.besvart.as_ref().map(|(at, _)| *at);
    let first = oppdrag.innhold.bestilling.fra.start();
    let first = accepted.map_or(first, |at| at.max(first));
    let tid = ta_tid(&mut oppdrag, startet, "startet", first)?;
    oppdrag.tilstand = Tilstand::Startet;
    oppdrag.innhold.startet = Some(tid);
    let mut out = Virkninger::new();
    out.hendelse("OppdragStartet", &oppdrag.emne(), hoerer_om(&oppdrag));
    out.slett_frist(FRIST_START, &oppdrag.name());
    levering::frist_for_rapport(&oppdrag, &mut out);
    frist_for_evaluering(&oppdrag, tid, &mut out);
    Ok((oppdrag, out))
}

/// Reads why a service is paused, and until when: a day after today.
pub(crate) fn les_pause(
    request: &PauseOppdragRequest,
    now: Tid,
    faults: &mut FieldFaults,
) -> Option<Pause> {
    let arsak = felt::valg(
        request.arsak,
        "arsak",
        "samspor.bestillerkontor.v1.Pausearsak",
        faults,
    );
    let begrunnelse = felt::pakrevd(&request.begrunnelse, "begrunnelse", felt::LANG, faults);
    let gjenopptas = felt::pakrevd_dag(&request.gjenopptas, "gjenopptas", faults)?;
    if gjenopptas <= Dag::av(now) {
        faults.form("gjenopptas", "en dag etter i dag");
    }
    frister().pause.krev(gjenopptas, "gjenopptas", now, faults);
    Some(Pause {
        arsak,
        begrunnelse,
        gjenopptas,
    })
}

/// The unit pauses.
pub(crate) fn pause(
    mut oppdrag: Oppdrag,
    pause: Pause,
    av: &Aktor,
    now: Tid,
) -> Result<(Oppdrag, Virkninger), Refusal> {
    krev(&oppdrag, "PauseOppdrag", av)?;
    oppdrag.tilstand = Tilstand::Pauset;
    let due = pause.gjenopptas.slutt();
    oppdrag.innhold.pause = Some(pause);
    let mut out = Virkninger::new();
    out.hendelse("OppdragPauset", &oppdrag.emne(), hoerer_om(&oppdrag));
    oppdrag.innhold.pauser.push(Opphold {
        fra: Dag::av(now).pluss_dager(1),
        til: None,
    });
    levering::frist_for_rapport(&oppdrag, &mut out);
    out.frist(FRIST_GJENOPPTA, &oppdrag.emne(), due, None, begge(&oppdrag));
    Ok((oppdrag, out))
}

/// The unit resumes.
pub(crate) fn gjenoppta(
    mut oppdrag: Oppdrag,
    av: &Aktor,
    now: Tid,
) -> Result<(Oppdrag, Virkninger), Refusal> {
    krev(&oppdrag, "GjenopptaOppdrag", av)?;
    oppdrag.tilstand = Tilstand::Startet;
    oppdrag.innhold.pause = None;
    if let Some(pause) = oppdrag.innhold.pauser.last_mut() {
        pause.til = Some(Dag::av(now).pluss_dager(-1));
    }
    let mut out = Virkninger::new();
    out.hendelse("OppdragGjenopptatt", &oppdrag.emne(), hoerer_om(&oppdrag));
    out.slett_frist(FRIST_GJENOPPTA, &oppdrag.name());
    levering::frist_for_rapport(&oppdrag, &mut out);
    Ok((oppdrag, out))
}

/// Reads why a service ends. The other reasons are the service's own to give.
pub(crate) fn les_slutt(request: &AvsluttOppdragRequest, faults: &mut FieldFaults) -> Slutt {
    let own = [
        Avslutningsarsak::Utlopt,
        Avslutningsarsak::VedtakOpphort,
        Avslutningsarsak::Bortfalt,
    ];
    let arsak = felt::valg(
        request.arsak,
        "arsak",
        "samspor.bestillerkontor.v1.Avslutningsarsak",
        faults,
    );
    if own.contains(&arsak) {
        faults.unknown("arsak", "MAL_NADD, ANNEN_TJENESTE, FLYTTET, DOD");
    }
    Slutt {
        arsak,
        begrunnelse: felt::pakrevd(&request.begrunnelse, "begrunnelse", felt::LANG, faults),
        alternativ: felt::pakrevd(&request.alternativ, "alternativ", felt::LANG, faults),
    }
}

/// The unit ends what it had accepted.
pub(crate) fn avslutt(
    mut oppdrag: Oppdrag,
    slutt: Slutt,
    av: Aktor,
    avsluttet: Mottatt,
    now: Tid,
) -> Result<(Oppdrag, Virkninger), Refusal> {
    krev(&oppdrag, "AvsluttOppdrag", &av)?;
    let Innhold {
        tilbudt,
        besvart,
        startet,
        rapporter,
        ..
    } = &oppdrag.innhold;
    let accepted = besvart.as_ref().map(|(at, _)| *at);
    let reported = rapporter.last().map(|report| report.til.start());
    let first = accepted.into_iter().chain(*startet).chain(reported);
    let first = first.fold(*tilbudt, Tid::max);
    let tid = ta_tid(&mut oppdrag, avsluttet, "avsluttet", first)?;
    let mut out = Virkninger::new();
    let oppdrag = avslutt_fra(oppdrag, (tid, Some(av), slutt), now, &mut out);
    Ok((oppdrag, out))
}

/// It ends now.
pub(crate) fn opphor(
    oppdrag: Oppdrag,
    slutt: Slutt,
    av: Option<Aktor>,
    now: Tid,
    out: &mut Virkninger,
) -> Oppdrag {
    avslutt_fra(oppdrag, (now, av, slutt), now, out)
}

/// It ends, and with it what it opened and what it waited for, but for the
/// report of the days until then. What is left of the need goes back to the unit
/// that ordered.
fn avslutt_fra(
    mut oppdrag: Oppdrag,
    slutt: (Tid, Option<Aktor>, Slutt),
    now: Tid,
    out: &mut Virkninger,
) -> Oppdrag {
    oppdrag.tilstand = Tilstand::Avsluttet;
    oppdrag.ansvarlig_enhet.clone_from(&oppdrag.bestiller);
    oppdrag.innhold.pause = None;
    oppdrag.innhold.slutt = Some(slutt);
    out.hendelse("OppdragAvsluttet", &oppdrag.emne(), hoerer_om(&oppdrag));
    out.fakta.extend(oppdrag.leveringsfakta(Some(now)));
    if levering::er_ferdig(&oppdrag) {
        out.faktum(oppdrag.tilbudsfaktum(Some(now)));
        out.fakta.extend(oppdrag.bestillerfaktum(Some(now)));
        out.slett_frist(FRIST_RAPPORT, &oppdrag.name());
    }
    for kind in [
        FRIST_SVAR,
        FRIST_START,
        FRIST_GJENOPPTA,
        FRIST_EVALUERING,
        FRIST_UTLOP,
    ] {
        out.slett_frist(kind, &oppdrag.name());
    }
    oppdrag
}

/// The need of a declined order waits for no other place.
pub(crate) fn avslutt_omfordeling(
    mut oppdrag: Oppdrag,
    slutt: Slutt,
    av: Option<Aktor>,
    now: Tid,
    out: &mut Virkninger,
) -> Result<Oppdrag, Refusal> {
    let state = oppdrag.tilstand;
    OVERGANGER.krev("AvsluttOmfordeling", state, state.kode())?;
    oppdrag.tilstand = Tilstand::Avsluttet;
    oppdrag.innhold.slutt = Some((now, av, slutt));
    // The unit that declined has no part in it any more.
    let told = [oppdrag.bestiller.clone(), KOORDINERING.to_owned()];
    out.hendelse("OppdragAvsluttet", &oppdrag.emne(), told);
    out.fakta.extend(oppdrag.bestillerfaktum(Some(now)));
    out.slett_frist(FRIST_OMFORDELING, &oppdrag.name());
    Ok(oppdrag)
}

/// Who hears of what happens: the unit, the one that ordered, koordinering.
pub(super) fn hoerer_om(oppdrag: &Oppdrag) -> [String; 3] {
    let [unit, orderer] = begge(oppdrag);
    [unit, orderer, KOORDINERING.to_owned()]
}

pub(super) fn begge(oppdrag: &Oppdrag) -> [String; 2] {
    [oppdrag.enhet.clone(), oppdrag.bestiller.clone()]
}

#[cfg(test)]
mod tests;
