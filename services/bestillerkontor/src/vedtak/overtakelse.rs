//! A service without a vedtak goes on by one: a line names the short order that
//! it continues, so that the unit delivers without a gap, and nothing twice.

use std::collections::BTreeSet;

use samspor_chassis::{
    domene::Dag,
    error::{FieldFaults, Refusal},
};

use super::innhold::{Innhold, Linje};
use crate::oppdrag::Oppdrag;

/// Each short order that a line names can go on under it, and no line is for days
/// that its unit delivers without a vedtak. `before`: what the vedtak says now,
/// where it is in force; `korte`: the person's open short orders.
///
/// # Errors
/// `UGYLDIG_FORESPORSEL` with every line that overlaps a short order, leaves a
/// gap after it, or names another.
pub(crate) fn krev(
    innhold: &Innhold,
    before: Option<&Innhold>,
    korte: &[Oppdrag],
) -> Result<(), Refusal> {
    let mut faults = FieldFaults::new();
    let mut taken = BTreeSet::new();
    for (place, line) in innhold.linjer.iter().enumerate() {
        let lines = before.iter().flat_map(|before| &before.linjer);
        let mut same = lines.filter(|had| had.nr == line.nr);
        // What was taken over before stays named.
        let had = same.next().map_or(&[][..], |had| &had.fra_kortvarig);
        for (at, name) in line.fra_kortvarig.iter().enumerate() {
            if had.contains(name) {
                continue;
            }
            let field = format!("vedtak.linjer[{place}].fra_kortvarig[{at}]");
            let Some(order) = korte.iter().find(|order| order.name() == *name) else {
                faults.contradicts(
                    field,
                    "oppdrag",
                    "ingen åpen tjeneste uten vedtak til personen har dette navnet; ta det bort",
                );
                continue;
            };
            if !taken.insert(name) {
                faults.contradicts(field, "vedtak.linjer", "oppdraget kan bare stå én gang");
            } else if order.innhold.bestilling.type_ != line.type_
                || !line.enheter.contains(&order.enhet)
            {
                faults.contradicts(
                    field,
                    format!("vedtak.linjer[{place}]"),
                    "oppdraget gjelder en annen tjeneste eller enhet enn linjen",
                );
            } else {
                krev_uten_opphold(line, order, place, &mut faults);
            }
        }
    }
    for (place, line) in innhold.linjer.iter().enumerate() {
        for order in korte.iter().filter(|order| !taken.contains(&order.name())) {
            let unit = line.enheter.iter().position(|unit| *unit == order.enhet);
            let Some(at) = unit.filter(|_| overlapper(line, order)) else {
                continue;
            };
            faults.contradicts(
                format!("vedtak.linjer[{place}].enheter[{at}]"),
                "oppdrag",
                format_args!(
                    "enheten leverer tjenesten i samme tid uten vedtak ved {}; nevn det i \
                     fra_kortvarig, eller la linjen begynne når det slutter",
                    order.name()
                ),
            );
        }
    }
    faults.finish()
}

/// The line begins while the order runs or on the day after, and does not end it.
fn krev_uten_opphold(line: &Linje, order: &Oppdrag, place: usize, faults: &mut FieldFaults) {
    let (first, last) = dager(order);
    let latest = last.pluss_dager(1);
    if line.fra < first || line.fra > latest {
        faults.contradicts(
            format!("vedtak.linjer[{place}].fra"),
            format!("vedtak.linjer[{place}].fra_kortvarig"),
            format_args!("fra {first} til {latest}, så tjenesten fortsetter uten opphold"),
        );
    }
    if line.til.is_some_and(|til| til < last) {
        faults.contradicts(
            format!("vedtak.linjer[{place}].til"),
            format!("vedtak.linjer[{place}].fra_kortvarig"),
            format_args!("{last} eller senere, den siste dagen som er bestilt"),
        );
    }
}

/// First and last day; a short service has both.
fn dager(order: &Oppdrag) -> (Dag, Dag) {
    let ordered = &order.innhold.bestilling;
    (ordered.fra, ordered.til.unwrap_or(ordered.fra))
}

fn overlapper(line: &Linje, order: &Oppdrag) -> bool {
    let (first, last) = dager(order);
    order.innhold.bestilling.type_ == line.type_
        && line.fra <= last
        && line.til.is_none_or(|til| first <= til)
}

/// The short order that a line continues with one of its units.
pub(super) fn finn<'a>(korte: &'a [Oppdrag], line: &Linje, enhet: &str) -> Option<&'a Oppdrag> {
    let mut orders = korte.iter();
    orders.find(|order| order.enhet == enhet && line.fra_kortvarig.contains(&order.name()))
}
