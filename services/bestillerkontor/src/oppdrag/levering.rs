//! What a unit delivered: reports that follow on each other, and what they are
//! held against.

use samspor_chassis::{
    domene::{Aktor, Dag, Virkninger, felt, kalender},
    error::{FieldFaults, Refusal},
    tid::Tid,
};
use samspor_proto::bestillerkontor::Leveringsrapport;

use super::{
    FRIST_RAPPORT, Innhold, Oppdrag, Rapport,
    rules::{begge, hoerer_om, krev},
};
use crate::evaluering;

/// Months after a day by which it is reported.
const RAPPORT_MANEDER: i32 = 1;
/// Hours of a week.
const UKE: f64 = 168.0;
/// A minute in hours: hours are compared no closer.
const MINUTT: f64 = 1.0 / 60.0;

/// Reads what was delivered in a past period.
pub(crate) fn les_rapport(
    request: Option<&Leveringsrapport>,
    av: Aktor,
    now: Tid,
    faults: &mut FieldFaults,
) -> Option<Rapport> {
    let Some(request) = request else {
        faults.missing("rapport");
        return None;
    };
    let merknad = felt::tekst(&request.merknad, "rapport.merknad", felt::LANG, faults);
    let periode = evaluering::periode(&request.fra, &request.til, "rapport", now, faults);
    let (fra, til) = periode?;
    // Whole weeks, and the one that has begun.
    let mut weeks = 1.0;
    let mut week = fra.pluss_dager(7);
    while week <= til && weeks < 60.0 {
        (week, weeks) = (week.pluss_dager(7), weeks + 1.0);
    }
    if !(0.0..=UKE * weeks).contains(&request.timer) {
        faults.range("rapport.timer", 0, UKE * weeks);
    }
    Some(Rapport {
        fra,
        til,
        timer: request.timer,
        merknad,
        av,
        tid: now,
    })
}

/// The unit reports on the days since the last report, or since it started. The
/// next is due a month after the last day that is reported. What has ended is
/// reported until its last day; then the unit has nothing more to do with it.
pub(crate) fn rapporter(
    mut oppdrag: Oppdrag,
    rapport: Rapport,
) -> Result<(Oppdrag, Virkninger), Refusal> {
    krev(&oppdrag, "RapporterOppdrag", &rapport.av)?;
    let last = siste_dag(&oppdrag.innhold);
    if er_ferdig(&oppdrag) {
        return Err(Refusal::transition(oppdrag.tilstand.kode(), &[]));
    }
    let mut faults = FieldFaults::new();
    if let Some(last) = last.filter(|last| rapport.til > *last) {
        faults.form(
            "rapport.til",
            format_args!("{last} (tjenestens siste dag) eller før"),
        );
    }
    if last.is_some() && rapport.timer < MINUTT && rapport.merknad.is_empty() {
        faults.contradicts(
            "rapport.merknad",
            "rapport.timer",
            "tjenesten er avsluttet; oppgi hvorfor ingenting er levert",
        );
    }
    let started = oppdrag.innhold.startet.map(Dag::av);
    // What was delivered before a history was taken in may be reported.
    let before = started.filter(|_| oppdrag.innhold.rapporter.is_empty());
    match neste_dag(&oppdrag.innhold) {
        None => faults.form("rapport.fra", "en dag etter at tjenesten er gjenopptatt"),
        Some(first) if !(before.unwrap_or(first)..=first).contains(&rapport.fra) => faults.form(
            "rapport.fra",
            format_args!("{first}, den første dagen som ikke er rapportert"),
        ),
        Some(_) => {}
    }
    faults.finish()?;
    let now = rapport.tid;
    oppdrag.innhold.rapporter.push(rapport);
    let mut out = Virkninger::new();
    out.hendelse("OppdragRapportert", &oppdrag.emne(), hoerer_om(&oppdrag));
    frist_for_rapport(&oppdrag, &mut out);
    if er_ferdig(&oppdrag) {
        out.faktum(oppdrag.tilbudsfaktum(Some(now)));
        out.fakta.extend(oppdrag.bestillerfaktum(Some(now)));
    }
    Ok((oppdrag, out))
}

/// It has ended, and nothing is left to report.
pub(super) fn er_ferdig(oppdrag: &Oppdrag) -> bool {
    !oppdrag.er_apent() && urapportert(oppdrag).is_none()
}

/// The last day of what has ended.
fn siste_dag(innhold: &Innhold) -> Option<Dag> {
    let (at, ..) = innhold.slutt.as_ref()?;
    innhold
        .bestilling
        .til
        .into_iter()
        .chain([Dag::av(*at)])
        .min()
}

/// The first day that is to be reported and is not. None where there is none
/// until the service is resumed, and where all is told of what has ended.
fn urapportert(oppdrag: &Oppdrag) -> Option<Dag> {
    let day = neste_dag(&oppdrag.innhold)?;
    let last = siste_dag(&oppdrag.innhold);
    last.is_none_or(|last| day <= last).then_some(day)
}

/// The first day that no report tells of: days of a pause are not waited for.
/// None where there is none until the service is resumed.
fn neste_dag(innhold: &Innhold) -> Option<Dag> {
    let last = innhold.rapporter.last();
    let started = innhold.startet.map(Dag::av)?;
    let first = innhold
        .rapporteres_fra
        .map_or(started, |day| day.max(started));
    let mut day = last.map_or(first, |report| report.til.pluss_dager(1));
    for pause in &innhold.pauser {
        if pause.fra <= day {
            day = day.max(pause.til?.pluss_dager(1));
        }
    }
    Some(day)
}

pub(super) fn frist_for_rapport(oppdrag: &Oppdrag, out: &mut Virkninger) {
    let emne = oppdrag.emne();
    let Some(day) = urapportert(oppdrag) else {
        out.slett_frist(FRIST_RAPPORT, &emne.post);
        return;
    };
    let due = kalender::til_arbeidsdag(kalender::maneder_etter(day.start(), RAPPORT_MANEDER));
    out.frist(FRIST_RAPPORT, &emne, due, None, begge(oppdrag));
}

/// The last two reports tell of less than the fewest hours granted, which
/// somebody looks into.
pub(crate) fn svikter(oppdrag: &Oppdrag) -> bool {
    let mut last = oppdrag.innhold.rapporter.iter().rev().take(2);
    let short = |report: Option<&Rapport>| report.is_some_and(|it| under_min(oppdrag, it));
    short(last.next()) && short(last.next())
}

fn under_min(oppdrag: &Oppdrag, report: &Rapport) -> bool {
    let Innhold {
        bestilling, pauser, ..
    } = &oppdrag.innhold;
    let paused = |day: Dag| {
        let mut pauses = pauser.iter();
        pauses.any(|pause| pause.fra <= day && pause.til.is_none_or(|til| day <= til))
    };
    let (mut day, mut days) = (report.fra, 0.0);
    while day <= report.til {
        if !paused(day) {
            days += 1.0;
        }
        day = day.pluss_dager(1);
    }
    report.timer + MINUTT < bestilling.min_timer * days / 7.0
}
