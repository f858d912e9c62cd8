//! A service of at most 14 days, which needs no vedtak.

use samspor_chassis::{
    domene::{Aktor, Dag, Virkninger, felt},
    error::{FieldFaults, Refusal},
    tid::Tid,
};
use samspor_proto::bestillerkontor::BestillKortvarigTjenesteRequest;

use super::{
    Bestilling, Oppdrag, Tilstand,
    rules::{Sted, ny},
};
use crate::vedtak::innhold;

/// Working days before its last day in which a short service is warned of: it is
/// ended, or a vedtak is made.
pub(super) const VARSEL_ARBEIDSDAGER: u16 = 3;
/// Most days of a service without a vedtak (pasient- og brukerrettighetsloven
/// § 2-7: more than two weeks is a vedtak).
const MAKS_DAGER: i32 = 14;

/// So many working days before a day.
pub(super) fn arbeidsdager_for(mut day: Dag, days: u16) -> Dag {
    for _ in 0..days {
        day = day.pluss_dager(-1);
        while !day.er_arbeidsdag() {
            day = day.pluss_dager(-1);
        }
    }
    day
}

/// The days that a short service counts for: those that are planned, and of one
/// that ended those on which it was delivered.
fn dager(kortvarig: &Oppdrag) -> Option<(Dag, Dag)> {
    let Bestilling { fra, til, .. } = kortvarig.innhold.bestilling;
    let til = til?;
    match (&kortvarig.innhold.slutt, kortvarig.innhold.startet) {
        (None, _) => Some((fra, til)),
        (Some((ended, ..)), Some(begun)) => Some((Dag::av(begun), til.min(Dag::av(*ended)))),
        (Some(_), None) => None,
    }
}

/// Reads what a service without a vedtak shall be. None where a fault was
/// noted that leaves no period.
pub(crate) fn les(
    request: &BestillKortvarigTjenesteRequest,
    now: Tid,
    faults: &mut FieldFaults,
) -> Option<Bestilling> {
    innhold::timer(request.min_timer, request.maks_timer, "", faults);
    let type_ = felt::valg(
        request.r#type,
        "type",
        "samspor.bestillerkontor.v1.Tjenestetype",
        faults,
    );
    let mal = felt::tekst(&request.mal, "mal", felt::LANG, faults);
    let hjemmel = felt::hjemmel(request.hjemmel.as_ref(), "hjemmel", faults);
    let fra = felt::pakrevd_dag(&request.fra, "fra", faults);
    let til = felt::pakrevd_dag(&request.til, "til", faults);
    let (fra, til) = (fra?, til?);
    if fra < Dag::av(now) {
        faults.form("fra", "i dag eller senere");
    }
    if til < fra {
        faults.contradicts("til", "fra", "til kan ikke være før fra");
    }
    Some(Bestilling {
        type_,
        min_timer: request.min_timer,
        maks_timer: request.maks_timer,
        fra,
        til: Some(til),
        vilkar: Vec::new(),
        mal,
        leveringssted: String::new(),
        helsehensyn: String::new(),
        hjemmel: Some(hjemmel),
    })
}

/// Orders a service of at most 14 days. What joins on to an earlier one of the
/// same type counts with it, so that a service is not prolonged without a
/// vedtak.
///
/// # Errors
/// `UGYLDIG_FORESPORSEL` (`til`) when it needs a vedtak.
pub(crate) fn bestill(
    sted: Sted,
    bestilling: Bestilling,
    tidligere: &[Oppdrag],
    av: &Aktor,
    now: Tid,
) -> Result<(Oppdrag, Virkninger), Refusal> {
    let mut same: Vec<(Dag, Dag)> = tidligere
        .iter()
        .filter(|other| other.tilstand != Tilstand::Avvist)
        .filter(|other| other.innhold.bestilling.type_ == bestilling.type_)
        .filter_map(dager)
        .collect();
    let last = bestilling.til.unwrap_or(bestilling.fra);
    let (mut first, mut end) = (bestilling.fra, last);
    // Backwards and forwards, as long as something joins on.
    while let Some(at) = same
        .iter()
        .position(|(fra, til)| *fra <= end.pluss_dager(1) && first <= til.pluss_dager(1))
    {
        let (fra, til) = same.swap_remove(at);
        (first, end) = (first.min(fra), end.max(til));
    }
    if end > first.pluss_dager(MAKS_DAGER - 1) {
        let mut faults = FieldFaults::new();
        faults.contradicts(
            "til",
            "fra",
            "mer enn 14 dager, med det tjenesten forlenger, krever vedtak",
        );
        faults.finish()?;
    }
    let mut out = Virkninger::new();
    let oppdrag = ny(sted, bestilling, av, now, &mut out);
    Ok((oppdrag, out))
}
