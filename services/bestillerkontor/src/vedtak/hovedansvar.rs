//! The main responsibility for a person: one unit has it, however many vedtak
//! are in force, and it delivers something, or a clock runs until another has
//! it.

use samspor_chassis::{
    domene::{Virkninger, kalender},
    error::Error,
    store::Tx,
    tid::Tid,
};

use super::{
    FRIST_HOVEDANSVAR, FRIST_OPPFOLGING, Vedtak,
    rules::{I_KRAFT, hoerer_om, myndigheten},
    store,
};
use crate::{innboks, oppdrag};

/// Working days within which another unit has the main responsibility, and
/// within which it is settled what becomes of a service that its unit ended: as
/// the answer to an offer.
const ARBEIDSDAGER: u16 = 3;

/// Lets the clocks follow who delivers, after each change of an order or a
/// vedtak of the person.
pub(crate) async fn folg(tx: &mut Tx, person: &str) -> Result<(), Error> {
    let in_force = store::i_kraft(tx, person).await?;
    let delivering = oppdrag::store::enheter_med_apne(tx, person).await?;
    for vedtak in &in_force {
        let unit = &vedtak.innhold.hovedansvarlig;
        let allocates = |other: &Vedtak| {
            let mut housing = other.innhold.bolig.iter();
            housing.any(|line| line.enhet == *unit)
        };
        let has_work = delivering.contains(unit) || in_force.iter().any(allocates);
        let waits = innboks::store::venter(tx, &vedtak.name(), FRIST_HOVEDANSVAR).await?;
        if has_work == waits {
            let virkninger = skift(vedtak, has_work, tx.now());
            innboks::utfor(tx, virkninger).await?;
        }
    }
    Ok(())
}

fn skift(vedtak: &Vedtak, has_work: bool, now: Tid) -> Virkninger {
    let mut out = Virkninger::new();
    let emne = vedtak.emne();
    if has_work || vedtak.innhold.hovedansvarlig.is_empty() {
        out.slett_frist(FRIST_HOVEDANSVAR, &emne.post);
    } else {
        out.hendelse("HovedansvarLedig", &emne, hoerer_om(vedtak));
        let due = kalender::arbeidsdager_etter(now, ARBEIDSDAGER);
        out.frist(FRIST_HOVEDANSVAR, &emne, due, None, myndigheten(vedtak));
    }
    out
}

/// A unit ended what it delivered while the vedtak is in force: what is left of
/// the need is with who ordered, who amends, ends or evaluates the vedtak.
pub(crate) fn oppfolging(vedtak: &Vedtak, now: Tid) -> Virkninger {
    let mut out = Virkninger::new();
    if I_KRAFT.contains(&vedtak.tilstand) {
        let due = kalender::arbeidsdager_etter(now, ARBEIDSDAGER);
        let told = myndigheten(vedtak);
        out.frist(FRIST_OPPFOLGING, &vedtak.emne(), due, None, told);
    }
    out
}
