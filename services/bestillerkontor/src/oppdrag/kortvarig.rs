//! A service of at most 14 days, which needs no vedtak.

use samspor_chassis::{
    domene::{Aktor, Dag, Virkninger, felt},
    error::{FieldFaults, Refusal},
    tid::Tid,
};
use samspor_proto::bestillerkontor::{BestillKortvarigTjenesteRequest, Tjenestetype};

use super::{
    Bestilling, Oppdrag,
    rules::{Sted, ny},
};
use crate::{frister::frister, mottatt::Mottatt, vedtak::innhold};

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

/// The days of a service, its last one open where it has none: those planned of
/// a short one, and of what a vedtak grants and of what ended those on which it
/// was delivered. None where it never was, so that what nobody delivers yet can
/// be bridged.
fn dager(oppdrag: &Oppdrag) -> Option<(Dag, Option<Dag>)> {
    let Bestilling { fra, til, .. } = oppdrag.innhold.bestilling;
    let begun = oppdrag.innhold.startet.map(Dag::av);
    let ended = oppdrag.innhold.slutt.as_ref().map(|(at, ..)| Dag::av(*at));
    let planned = oppdrag.vedtak.is_none() && oppdrag.er_apent();
    let first = if planned { fra } else { begun? };
    Some((first, til.into_iter().chain(ended).min()))
}

/// Reads what a service without a vedtak shall be. None where a fault was
/// noted that leaves no period.
pub(crate) fn les(
    request: &BestillKortvarigTjenesteRequest,
    bestilt: &Mottatt,
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
    if fra < Dag::av(bestilt.tid) {
        faults.contradicts(
            "fra",
            "bestilt",
            "tjenesten begynner ikke før den er bestilt",
        );
    }
    if til < fra {
        faults.contradicts("til", "fra", "til kan ikke være før fra");
    } else if til < Dag::av(now) {
        faults.form("til", "i dag eller senere");
    }
    Some(Bestilling {
        type_,
        min_timer: request.min_timer,
        maks_timer: request.maks_timer,
        likt_delt: false,
        fra,
        til: Some(til),
        vilkar: Vec::new(),
        mal,
        leveringssted: String::new(),
        helsehensyn: String::new(),
        hjemmel: Some(hjemmel),
    })
}

/// Who would decide on it with a vedtak is who orders it without one.
pub(crate) fn krev_myndighet(type_: Tjenestetype, funksjoner: &[String], faults: &mut FieldFaults) {
    let function = format!("vedtaksmyndighet:{}", innhold::funksjonsnavn(type_));
    if !funksjoner.contains(&function) {
        faults.contradicts(
            "type",
            function,
            "enheten har ikke denne funksjonen; den som har den, bestiller tjenesten",
        );
    }
}

/// Orders a service of at most 14 days. All that was given of the same type some
/// weeks before counts with it, with a vedtak and without, so that a service is
/// not prolonged without a vedtak by a day in between. What a vedtak grants
/// afterwards does not.
///
/// # Errors
/// `UGYLDIG_FORESPORSEL`: `til` when it needs a vedtak, `fra` when the unit has
/// the same to deliver on one of the days.
pub(crate) fn bestill(
    sted: Sted,
    bestilling: Bestilling,
    tidligere: &[Oppdrag],
    av: &Aktor,
    bestilt: Mottatt,
) -> Result<(Oppdrag, Virkninger), Refusal> {
    let same = |other: &&Oppdrag| other.innhold.bestilling.type_ == bestilling.type_;
    let same: Vec<&Oppdrag> = tidligere.iter().filter(same).collect();
    let mut faults = FieldFaults::new();
    let (first, last) = (bestilling.fra, bestilling.til.unwrap_or(bestilling.fra));
    for other in same.iter().filter(|other| other.er_apent()) {
        let Bestilling { fra, til, .. } = other.innhold.bestilling;
        if other.enhet == sted.enhet && fra <= last && til.is_none_or(|til| first <= til) {
            faults.contradicts(
                "fra",
                "enhet",
                format_args!("enheten har tjenesten i samme tid ved {}", other.name()),
            );
        }
    }
    let mut given: Vec<(Dag, Option<Dag>)> = vec![(first, Some(last))];
    given.extend(same.iter().filter_map(|other| dager(other)));
    // It is counted by the last day of each short one that it can be near.
    let short = same.iter().filter(|other| other.vedtak.is_none());
    let ends = short.filter_map(|other| dager(other)?.1);
    let ends = ends.filter(|end| *end > last).chain([last]);
    if ends
        .map(|end| gitt(&given, end))
        .any(|days| days > MAKS_DAGER)
    {
        faults.contradicts(
            "til",
            "fra",
            format_args!(
                "mer enn {MAKS_DAGER} dager på {} dager, med det som er gitt av samme \
                 tjeneste, krever vedtak",
                frister().kortvarig.dager
            ),
        );
    }
    faults.finish()?;
    let mut out = Virkninger::new();
    let mut oppdrag = ny(sted, bestilling, av, bestilt.tid, &mut out);
    oppdrag.innhold.etterregistrert_grunn = bestilt.grunn;
    Ok((oppdrag, out))
}

/// On how many days a service is given of those that are counted by a day.
fn gitt(given: &[(Dag, Option<Dag>)], end: Dag) -> i32 {
    let counted = (0..frister().kortvarig.dager).map(|back| end.pluss_dager(-back));
    let within = |day: &Dag| {
        let mut given = given.iter();
        given.any(|(fra, til)| fra <= day && til.is_none_or(|til| *day <= til))
    };
    counted.filter(within).fold(0, |days, _| days + 1)
}
