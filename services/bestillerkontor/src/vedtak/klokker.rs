//! The clocks of a vedtak that more than one verb sets.

use samspor_chassis::{
    domene::{Dag, Virkninger, kalender},
    tid::Tid,
};

use super::{
    FRIST_BOLIG, FRIST_EVALUERING, FRIST_FERDIGSTILLING, FRIST_REVURDERING, FRIST_UNDERRETNING,
    FRIST_UTLOP, Vedtak,
    innhold::Bolig,
    rules::{GODKJENNING_ARBEIDSDAGER, hoerer_om, myndigheten},
};
use crate::{evaluering, frister::frister};

/// Working days within which the person is told of a decision.
const UNDERRETNING_ARBEIDSDAGER: u16 = 3;
/// Months after which what was decided on a discharge is assessed anew.
const REVURDERING_MANEDER: i32 = 3;
/// Days before the last day in which everyone is warned of it: four weeks.
const UTLOP_VARSEL_DAGER: i32 = 28;

/// The unit that decides, where it is another than drafted, completes the draft:
/// by the day on which the person is answered, or soon where that has passed.
pub(super) fn frist_for_ferdigstilling(vedtak: &Vedtak, by: Tid, now: Tid, out: &mut Virkninger) {
    let soon = kalender::arbeidsdager_etter(now, GODKJENNING_ARBEIDSDAGER);
    let told = myndigheten(vedtak);
    out.frist(
        FRIST_FERDIGSTILLING,
        &vedtak.emne(),
        by.max(soon),
        None,
        told,
    );
}

pub(super) fn frist_for_underretning(vedtak: &Vedtak, now: Tid, out: &mut Virkninger) {
    let told_by = kalender::arbeidsdager_etter(now, UNDERRETNING_ARBEIDSDAGER);
    out.frist(
        FRIST_UNDERRETNING,
        &vedtak.emne(),
        told_by,
        None,
        myndigheten(vedtak),
    );
}

/// The person is told of a new version too. Where the one before was not told
/// yet, its clock runs on: no amendment puts the telling off.
pub(super) fn frist_for_ny_underretning(
    before: &Vedtak,
    after: &mut Vedtak,
    now: Tid,
    out: &mut Virkninger,
) {
    if before.er_underrettet() {
        after.forlop.utsatt = None;
        frist_for_underretning(after, now, out);
    }
}

/// The clock of a right to a dwelling, which the unit that allocates has until
/// the line ends; a line that is as `before` keeps the one that runs.
pub(super) fn frist_for_bolig(
    before: Option<&Bolig>,
    vedtak: &Vedtak,
    now: Tid,
    out: &mut Virkninger,
) {
    let right = |line: &Bolig| (line.rett, line.enhet.clone(), line.fra);
    let after = vedtak.innhold.bolig.as_ref();
    if before.map(right) == after.map(right) {
        return;
    }
    let emne = vedtak.emne();
    out.slett_frist(FRIST_BOLIG, &emne.post);
    if let Some(line) = after {
        let begun = line.fra.map_or(now, |fra| fra.start().max(now));
        let due = kalender::maneder_etter(begun, frister().bolig.maneder);
        let due = kalender::til_arbeidsdag(due);
        let mut told = vec![line.enhet.clone()];
        told.extend(myndigheten(vedtak));
        out.frist(FRIST_BOLIG, &emne, due, None, told);
    }
}

/// The clock of the last day, where it has one, and the one of the evaluation.
pub(super) fn frister_for_slutt(vedtak: &Vedtak, now: Tid, out: &mut Virkninger) {
    let emne = vedtak.emne();
    match vedtak.innhold.siste_dag() {
        None => out.slett_frist(FRIST_UTLOP, &emne.post),
        Some(last) => {
            let warn = last.pluss_dager(-UTLOP_VARSEL_DAGER).slutt();
            let told = hoerer_om(vedtak);
            out.frist(FRIST_UTLOP, &emne, last.slutt(), Some(warn), told);
        }
    }
    frist_for_evaluering(vedtak, now, out);
}

pub(super) fn frist_for_evaluering(vedtak: &Vedtak, now: Tid, out: &mut Virkninger) {
    let decided = vedtak.forlop.fattet.as_ref();
    let begun = Dag::av(decided.map_or(now, |decision| decision.tid));
    let evaluated = vedtak.forlop.evalueringer.iter();
    let evaluated = evaluated.map(|evaluation| evaluation.til).max();
    let slutter = vedtak.innhold.slutter();
    let emne = vedtak.emne();
    match evaluering::neste(slutter, begun, evaluated, Dag::av(now)) {
        None => out.slett_frist(FRIST_EVALUERING, &emne.post),
        Some(due) => {
            let told = hoerer_om(vedtak);
            out.frist(FRIST_EVALUERING, &emne, due.slutt(), None, told);
        }
    }
}

/// What rests on a discharge is assessed anew, three months from `now`.
pub(super) fn frist_for_revurdering(vedtak: &mut Vedtak, now: Tid, out: &mut Virkninger) {
    let due = kalender::til_arbeidsdag(kalender::maneder_etter(now, REVURDERING_MANEDER));
    vedtak.forlop.revurderes = Some(due);
    let emne = vedtak.emne();
    out.frist(FRIST_REVURDERING, &emne, due, None, myndigheten(vedtak));
}
