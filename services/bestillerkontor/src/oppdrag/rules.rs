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
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "tests"
    )]

    use samspor_chassis::domene::virkning::Fristendring;
    use samspor_proto::bestillerkontor::{Avvisningsarsak, Pausearsak};

    use super::{super::Rapport, *};
    use crate::{
        ENHET,
        proveark::{self, LATER, NOW, who},
        soknad, vedtak,
    };

    fn offered() -> (Oppdrag, Virkninger) {
        let soknad = proveark::soknad(soknad::Tilstand::Klar);
        let mut vedtak = proveark::utkast(&soknad);
        vedtak.tilstand = vedtak::Tilstand::Fattet;
        vedtak.innhold.linjer[0].fra = Dag::av(NOW);
        let mut out = Virkninger::new();
        let line = &vedtak.innhold.linjer[0];
        let by = who(ENHET, "b1");
        let oppdrag = tilby(&vedtak, line, "rop", "o".into(), &by, NOW, &mut out);
        (oppdrag, out)
    }

    fn in_state(tilstand: Tilstand) -> Oppdrag {
        let (mut oppdrag, _) = offered();
        oppdrag.tilstand = tilstand;
        if tilstand != Tilstand::Tilbudt {
            oppdrag.innhold.besvart = Some((NOW, who("rop", "r1")));
        }
        if I_GANG.contains(&tilstand) {
            oppdrag.innhold.startet = Some(LATER);
        }
        oppdrag
    }

    fn a_pause() -> Pause {
        Pause {
            arsak: Pausearsak::Onske,
            begrunnelse: "Vil vente".into(),
            gjenopptas: "2027-02-01".parse().unwrap(),
        }
    }

    fn an_end() -> Slutt {
        Slutt {
            arsak: Avslutningsarsak::MalNadd,
            begrunnelse: "Klarer seg".into(),
            alternativ: "Kan ta kontakt når som helst".into(),
        }
    }

    fn a_report(av: Aktor) -> Rapport {
        Rapport {
            fra: Dag::av(LATER),
            til: Dag::av(LATER),
            timer: 2.0,
            merknad: String::new(),
            av,
            tid: LATER,
        }
    }

    fn a_decline() -> Avvisning {
        Avvisning {
            arsak: Avvisningsarsak::Kapasitet,
            begrunnelse: "Fullt".into(),
        }
    }

    fn by_unit(name: &str, oppdrag: Oppdrag, unit: &str) -> Result<(Oppdrag, Virkninger), Refusal> {
        let by = who(unit, "r1");
        match name {
            "AksepterOppdrag" => aksepter(oppdrag, by, Mottatt::na(LATER)),
            "AvvisOppdrag" => avvis(oppdrag, a_decline(), by, LATER),
            "StartOppdrag" => start(oppdrag, &by, Mottatt::na(LATER)),
            "PauseOppdrag" => pause(oppdrag, a_pause(), &by, LATER),
            "GjenopptaOppdrag" => gjenoppta(oppdrag, &by, LATER),
            "AvsluttOppdrag" => avslutt(oppdrag, an_end(), by, Mottatt::na(LATER), LATER),
            "RapporterOppdrag" => levering::rapporter(oppdrag, a_report(by)),
            "EvaluerOppdrag" => evaluer(oppdrag, proveark::en_evaluering(by, LATER), LATER),
            "AvsluttOmfordeling" => {
                let mut out = Virkninger::new();
                avslutt_omfordeling(oppdrag, an_end(), Some(by), LATER, &mut out)
                    .map(|oppdrag| (oppdrag, out))
            }
            _ => panic!("{name}"),
        }
    }

    /// Every cell of state × verb: the state after, or `-` for refused. To see
    /// it red, move a state in `OVERGANGER`.
    #[test]
    fn every_cell() {
        proveark::every_cell(
            include_str!("../../tests/data/oppdrag.csv"),
            Tilstand::ALLE,
            |name, state| {
                by_unit(name, in_state(state), "rop").map(|(oppdrag, _)| oppdrag.tilstand.kode())
            },
            Tilstand::kode,
        );
        assert_eq!(OVERGANGER.0.len(), 9);
    }

    /// To see it red, drop the check of the unit from `krev`.
    #[test]
    fn only_the_unit_named_may() {
        let of_orderer = |name: &str| name == "AvsluttOmfordeling";
        for (name, _) in OVERGANGER.0.iter().filter(|(name, _)| !of_orderer(name)) {
            for state in Tilstand::ALLE {
                for unit in ["bom", ENHET, ""] {
                    let refusal = by_unit(name, in_state(*state), unit).unwrap_err();
                    assert_eq!(refusal.grunn, Feilgrunn::IkkeTillatt);
                    assert_eq!(refusal.nokler["regel"], "W5");
                }
            }
        }
    }

    /// I3: the unit answers for the need exactly while it has accepted it.
    #[test]
    fn the_need_is_with_the_unit_from_acceptance_to_the_end() {
        let (oppdrag, _) = offered();
        assert_eq!(oppdrag.ansvarlig_enhet, ENHET);
        let (declined, _) = by_unit("AvvisOppdrag", oppdrag.clone(), "rop").unwrap();
        assert_eq!(declined.ansvarlig_enhet, ENHET);
        let mut oppdrag = oppdrag;
        for verb in [
            "AksepterOppdrag",
            "StartOppdrag",
            "PauseOppdrag",
            "GjenopptaOppdrag",
        ] {
            oppdrag = by_unit(verb, oppdrag, "rop").unwrap().0;
            assert_eq!(oppdrag.ansvarlig_enhet, "rop", "{verb}");
        }
        let (ended, _) = by_unit("AvsluttOppdrag", oppdrag, "rop").unwrap();
        assert_eq!(ended.ansvarlig_enhet, ENHET);
    }

    fn clocks(open: &mut Vec<&'static str>, out: &Virkninger) {
        for change in &out.frister {
            match change {
                Fristendring::Sett(deadline) => {
                    assert!(deadline.mottakere.contains(&ENHET.to_owned()));
                    open.retain(|open| *open != deadline.kind);
                    open.push(deadline.kind);
                }
                Fristendring::Slett { kind, .. } => open.retain(|open| open != kind),
            }
        }
    }

    /// I7: at each step the clocks that run. To see it red, drop a
    /// deadline from the step before.
    #[test]
    fn nothing_waits_without_a_clock() {
        let (oppdrag, out) = offered();
        let mut open = Vec::new();
        clocks(&mut open, &out);
        assert_eq!(open, [FRIST_SVAR]);
        let (_, out) = by_unit("AvvisOppdrag", oppdrag.clone(), "rop").unwrap();
        let mut declined = open.clone();
        clocks(&mut declined, &out);
        assert_eq!(declined, [FRIST_OMFORDELING]);
        let placed = in_state(Tilstand::Avvist);
        let (_, out) = by_unit("AvsluttOmfordeling", placed, ENHET).unwrap();
        clocks(&mut declined, &out);
        assert!(declined.is_empty());

        let mut oppdrag = oppdrag;
        for (verb, expected) in [
            ("AksepterOppdrag", &[FRIST_START][..]),
            ("StartOppdrag", &[FRIST_RAPPORT, FRIST_EVALUERING]),
            ("RapporterOppdrag", &[FRIST_EVALUERING, FRIST_RAPPORT]),
            ("PauseOppdrag", &[FRIST_EVALUERING, FRIST_GJENOPPTA]),
            ("GjenopptaOppdrag", &[FRIST_EVALUERING, FRIST_RAPPORT]),
            ("AvsluttOppdrag", &[]),
        ] {
            let (next, out) = by_unit(verb, oppdrag, "rop").unwrap();
            clocks(&mut open, &out);
            assert_eq!(open, expected, "{verb}");
            assert!(
                out.hendelser[0]
                    .mottakere
                    .contains(&KOORDINERING.to_owned())
            );
            oppdrag = next;
        }
    }

    /// Also when the vedtak gives it another first day, before which it does not
    /// start.
    ///
    /// Seen red: with the clock of the first day kept in `endre`.
    #[test]
    fn a_service_starts_within_two_weeks_of_its_first_day() {
        let (offered, _) = offered();
        let (accepted, out) = by_unit("AksepterOppdrag", offered, "rop").unwrap();
        let due = |out: &Virkninger| {
            let mut set = out.frister.iter().filter_map(|change| match change {
                Fristendring::Sett(deadline) => Some(deadline),
                Fristendring::Slett { .. } => None,
            });
            let start = set.find(|deadline| deadline.kind == FRIST_START);
            start.map(|deadline| deadline.due.to_string())
        };
        assert_eq!(due(&out).as_deref(), Some("2027-01-29T23:00:00Z"));
        let soknad = proveark::soknad(soknad::Tilstand::Klar);
        let mut line = proveark::utkast(&soknad).innhold.linjer.remove(0);
        line.fra = "2027-01-20".parse().unwrap();
        let mut out = Virkninger::new();
        let amended = endre(accepted, &line, LATER, &mut out);
        assert_eq!(due(&out).as_deref(), Some("2027-02-03T23:00:00Z"));
        let refusal = by_unit("StartOppdrag", amended.clone(), "rop").unwrap_err();
        assert_eq!(refusal.felt[0].felt, "startet");
        line.maks_timer = 5.0;
        let mut out = Virkninger::new();
        endre(amended, &line, LATER, &mut out);
        assert_eq!(due(&out), None, "it runs on");
    }

    #[test]
    fn an_offer_is_answered_within_three_working_days() {
        // NOW is a Friday: Monday, Tuesday, Wednesday.
        let (oppdrag, out) = offered();
        assert_eq!(
            oppdrag.innhold.svarfrist.to_string(),
            "2027-01-20T23:00:00Z"
        );
        let [Fristendring::Sett(deadline)] = out.frister.as_slice() else {
            panic!("{:?}", out.frister)
        };
        assert_eq!(deadline.due, oppdrag.innhold.svarfrist);
        assert_eq!(deadline.mottakere, ["rop", ENHET]);
    }

    #[test]
    fn relations_begin_with_the_offer_and_the_acceptance_and_end_with_the_end() {
        let ids = |out: &Virkninger, ended: bool| {
            let mut ids: Vec<String> = out
                .fakta
                .iter()
                .filter(|fact| fact.periode.as_ref().unwrap().til.is_some() == ended)
                .map(|fact| fact.id.clone())
                .collect();
            ids.sort();
            ids
        };
        let (oppdrag, out) = offered();
        assert_eq!(ids(&out, false), ["utforer/o"]);
        assert_eq!(out.fakta[0].post, "personer/p/oppdrag/o");
        let (_, out) = by_unit("AvvisOppdrag", oppdrag.clone(), "rop").unwrap();
        assert_eq!(ids(&out, true), ["utforer/o"]);
        let (accepted, out) = by_unit("AksepterOppdrag", oppdrag, "rop").unwrap();
        // Seen red: with delivery as a relation to every record of the person.
        assert_eq!(ids(&out, false), ["sak/o"]);
        // The relation is bestillerkontor's making, not that of who accepts.
        assert!(out.fakta.iter().all(|fact| fact.opprettet_av == "b1"));
        let (_, out) = by_unit("AvsluttOppdrag", accepted, "rop").unwrap();
        assert_eq!(ids(&out, true), ["sak/o", "utforer/o"]);
    }

    #[test]
    fn reasons_are_required() {
        let fields = |read: &dyn Fn(&mut FieldFaults)| {
            let mut faults = FieldFaults::new();
            read(&mut faults);
            let refusal = faults.finish().unwrap_err();
            let fields: Vec<String> = refusal.felt.into_iter().map(|f| f.felt).collect();
            fields.join(" ")
        };
        let found = fields(&|f| drop(les_avvisning(&AvvisOppdragRequest::default(), f)));
        assert_eq!(found, "arsak begrunnelse");
        let found = fields(&|f| drop(les_pause(&PauseOppdragRequest::default(), NOW, f)));
        assert_eq!(found, "arsak begrunnelse gjenopptas");
        let found = fields(&|f| drop(les_slutt(&AvsluttOppdragRequest::default(), f)));
        assert_eq!(found, "arsak begrunnelse alternativ");
        let today = PauseOppdragRequest {
            arsak: Pausearsak::Onske.into(),
            begrunnelse: "x".into(),
            gjenopptas: Dag::av(NOW).to_string(),
            ..Default::default()
        };
        assert_eq!(fields(&|f| drop(les_pause(&today, NOW, f))), "gjenopptas");
        let own = AvsluttOppdragRequest {
            arsak: Avslutningsarsak::Utlopt.into(),
            begrunnelse: "x".into(),
            alternativ: "x".into(),
            ..Default::default()
        };
        assert_eq!(fields(&|f| drop(les_slutt(&own, f))), "arsak");
    }
}
