//! Reading what a request says a vedtak shall say.

use std::collections::BTreeSet;

use samspor_chassis::{
    domene::{Hjemmel, felt, navn},
    error::FieldFaults,
};
use samspor_proto::bestillerkontor as proto;

use super::{Andel, Bolig, Innhold, Linje};
use crate::{evaluering, parorende, vedtak::avslag};

/// Most lines of one vedtak.
const MAKS_LINJER: usize = 50;
/// Most units of one line, and parties of one vedtak.
const MAKS_ENHETER: usize = 20;
/// Most conditions of one line.
const MAKS_VILKAR: usize = 20;
/// Hours of a week.
const UKE: f64 = 168.0;
/// A minute in hours: sums of hours are compared no closer.
const MINUTT: f64 = 1.0 / 60.0;

/// Reads what a draft says. Parts may be missing, but what is there is sound.
pub(crate) fn les(request: &proto::Vedtak, faults: &mut FieldFaults) -> Innhold {
    let linjer = linjer(&request.linjer, faults);
    let bolig = request.bolig.as_ref().map(|line| bolig(line, faults));
    let parter = enheter(&request.parter, "vedtak.parter", faults);
    let hovedansvarlig = match request.hovedansvarlig.as_str() {
        "" => String::new(),
        name => navn::les_enhet(name, "vedtak.hovedansvarlig", faults),
    };
    let mut text = |value: &str, field: &str| felt::tekst(value, field, felt::LANG, faults);
    let begrunnelse = text(&request.begrunnelse, "vedtak.begrunnelse");
    let medisinsk_grunnlag = text(&request.medisinsk_grunnlag, "vedtak.medisinsk_grunnlag");
    let funksjonsvurdering = text(&request.funksjonsvurdering, "vedtak.funksjonsvurdering");
    let okonomi_merknad = text(&request.okonomi_merknad, "vedtak.okonomi_merknad");
    let intern_vurdering = text(&request.intern_vurdering, "vedtak.intern_vurdering");
    let delt_vurdering = text(&request.delt_vurdering, "vedtak.delt_vurdering");
    let personens_syn = felt::filter(
        request.personens_syn,
        "vedtak.personens_syn",
        "samspor.bestillerkontor.v1.PersonensSyn",
        faults,
    )
    .unwrap_or_default();
    Innhold {
        linjer,
        bolig,
        hovedansvarlig,
        parter,
        koordinator: felt::tekst(
            &request.koordinator,
            "vedtak.koordinator",
            felt::KORT,
            faults,
        ),
        begrunnelse,
        medisinsk_grunnlag,
        funksjonsvurdering,
        okonomi_merknad,
        intern_vurdering,
        delt_vurdering,
        hjemmel: hjemmel(request.hjemmel.as_ref(), "vedtak.hjemmel", faults),
        parorende: parorende::les(&request.parorende, "vedtak.parorende", faults),
        utskrevet_fra_sykehus: request.utskrevet_fra_sykehus,
        avslag: avslag::les(&request.avslag, faults),
        personens_syn,
        personens_ord: evaluering::ord(
            &request.personens_ord,
            personens_syn,
            "vedtak.personens_ord",
            faults,
        ),
    }
}

/// A draft may lack the legal basis, but not have half of one.
pub(in crate::vedtak) fn hjemmel(
    value: Option<&samspor_proto::felles::Hjemmel>,
    field: &str,
    faults: &mut FieldFaults,
) -> Option<Hjemmel> {
    value
        .filter(|basis| !basis.lov.is_empty() || !basis.paragraf.is_empty())
        .map(|basis| felt::hjemmel(Some(basis), field, faults))
}

fn linjer(lines: &[proto::Tjenestelinje], faults: &mut FieldFaults) -> Vec<Linje> {
    felt::antall(lines.len(), "vedtak.linjer", MAKS_LINJER, faults);
    let mut read: Vec<Linje> = Vec::new();
    for (place, line) in lines.iter().enumerate().take(MAKS_LINJER) {
        let at = format!("vedtak.linjer[{place}]");
        let Some(line) = linje(line, &at, faults) else {
            continue;
        };
        let clash = read.iter().any(|other| {
            other.type_ == line.type_
                && other.enheter.iter().any(|unit| line.enheter.contains(unit))
                && other.overlapper(&line)
        });
        if clash {
            faults.contradicts(
                format!("{at}.fra"),
                "vedtak.linjer",
                "samme tjeneste og enhet kan ikke ha to linjer for samme dag",
            );
        }
        if !line.nr.is_empty() && read.iter().any(|other| other.nr == line.nr) {
            faults.contradicts(
                format!("{at}.linje_id"),
                "vedtak.linjer",
                "to linjer kan ikke ha samme id",
            );
        }
        read.push(line);
    }
    read
}

fn linje(line: &proto::Tjenestelinje, at: &str, faults: &mut FieldFaults) -> Option<Linje> {
    let field = |name: &str| format!("{at}.{name}");
    let nr = felt::tekst(&line.linje_id, &field("linje_id"), 10, faults);
    if !nr.is_empty() && nr.parse::<u32>().is_err() {
        faults.form(field("linje_id"), "et heltall");
    }
    timer(line.min_timer, line.maks_timer, &format!("{at}."), faults);
    if line.enheter.is_empty() {
        faults.missing(field("enheter"));
    }
    let type_ = felt::valg(
        line.r#type,
        &field("type"),
        "samspor.bestillerkontor.v1.Tjenestetype",
        faults,
    );
    let enheter = enheter(&line.enheter, &field("enheter"), faults);
    let fra = felt::pakrevd_dag(&line.fra, &field("fra"), faults);
    let til = felt::dag(&line.til, &field("til"), faults);
    if let (Some(fra), Some(til)) = (fra, til)
        && til < fra
    {
        faults.contradicts(field("til"), field("fra"), "til kan ikke være før fra");
    }
    let hjemmel = hjemmel(line.hjemmel.as_ref(), &field("hjemmel"), faults);
    let andeler = andeler(line, &enheter, at, faults);
    let fra_kortvarig = felt::tekster(
        &line.fra_kortvarig,
        &field("fra_kortvarig"),
        MAKS_ENHETER,
        faults,
    );
    let vilkar = felt::tekster(&line.vilkar, &field("vilkar"), MAKS_VILKAR, faults);
    let mal = felt::tekst(&line.mal, &field("mal"), felt::LANG, faults);
    let leveringssted = felt::tekst(
        &line.leveringssted,
        &field("leveringssted"),
        felt::KORT,
        faults,
    );
    let helsehensyn = felt::tekst(&line.helsehensyn, &field("helsehensyn"), felt::LANG, faults);
    Some(Linje {
        nr,
        type_,
        min_timer: line.min_timer,
        maks_timer: line.maks_timer,
        enheter,
        // Without a first day the fault above is the answer.
        fra: fra?,
        til,
        hjemmel,
        vilkar,
        mal,
        leveringssted,
        helsehensyn,
        andeler,
        fra_kortvarig,
    })
}

/// Reads the shares of a line: one for each of its units, and together within its
/// hours.
fn andeler(
    line: &proto::Tjenestelinje,
    enheter: &[String],
    at: &str,
    faults: &mut FieldFaults,
) -> Vec<Andel> {
    let field = format!("{at}.andeler");
    felt::antall(line.andeler.len(), &field, MAKS_ENHETER, faults);
    let shares = line.andeler.iter().enumerate().take(MAKS_ENHETER);
    let shares: Vec<Andel> = shares
        .map(|(place, share)| {
            let at = format!("{field}[{place}].");
            timer(share.min_timer, share.maks_timer, &at, faults);
            Andel {
                enhet: navn::les_enhet(&share.enhet, &format!("{at}enhet"), faults),
                min_timer: share.min_timer,
                maks_timer: share.maks_timer,
            }
        })
        .collect();
    if shares.is_empty() {
        return shares;
    }
    let named: BTreeSet<&String> = shares.iter().map(|share| &share.enhet).collect();
    let least: f64 = shares.iter().map(|share| share.min_timer).sum();
    let most: f64 = shares.iter().map(|share| share.maks_timer).sum();
    if named.len() != shares.len() || named != enheter.iter().collect() {
        faults.contradicts(
            field,
            format!("{at}.enheter"),
            "én andel for hver enhet i linjen",
        );
    } else if least + MINUTT < line.min_timer || most > line.maks_timer + MINUTT {
        faults.contradicts(
            field,
            format!("{at}.maks_timer"),
            format_args!(
                "andelene gir {least} til {most} timer; linjen {} til {}",
                line.min_timer, line.maks_timer
            ),
        );
    }
    shares
}

/// 0 ≤ min ≤ maks ≤ 168, and maks above 0. Not a number is in no range.
pub(crate) fn timer(min: f64, max: f64, at: &str, faults: &mut FieldFaults) {
    let min_sound = (0.0..=UKE).contains(&min);
    let max_sound = max > 0.0 && max <= UKE;
    if !min_sound {
        faults.range(format!("{at}min_timer"), 0, UKE);
    }
    if !max_sound {
        faults.range(format!("{at}maks_timer"), "over 0", UKE);
    }
    if min_sound && max_sound && min > max {
        faults.contradicts(
            format!("{at}min_timer"),
            format!("{at}maks_timer"),
            "min kan ikke være over maks",
        );
    }
}

fn bolig(line: &proto::Boliglinje, faults: &mut FieldFaults) -> Bolig {
    Bolig {
        rett: felt::valg(
            line.rett,
            "vedtak.bolig.rett",
            "samspor.bestillerkontor.v1.Boligrett",
            faults,
        ),
        enhet: navn::les_enhet(&line.enhet, "vedtak.bolig.enhet", faults),
        fra: felt::pakrevd_dag(&line.fra, "vedtak.bolig.fra", faults),
        krav: felt::tekster(&line.krav, "vedtak.bolig.krav", MAKS_VILKAR, faults),
    }
}

fn enheter(names: &[String], field: &str, faults: &mut FieldFaults) -> Vec<String> {
    felt::antall(names.len(), field, MAKS_ENHETER, faults);
    let mut seen = BTreeSet::new();
    for (place, name) in names.iter().enumerate() {
        let at = format!("{field}[{place}]");
        let unit = navn::les_enhet(name, &at, faults);
        if !unit.is_empty() && !seen.insert(unit) {
            faults.contradicts(at, field, "en enhet kan bare stå én gang");
        }
    }
    seen.into_iter().collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use samspor_proto::felles::Feilgrunn;

    use super::*;
    use crate::proveark;

    fn faults(change: impl FnOnce(&mut proto::Vedtak)) -> Vec<(String, Feilgrunn)> {
        let mut request = proveark::vedtak("s");
        change(&mut request);
        let mut faults = FieldFaults::new();
        les(&request, &mut faults);
        match faults.finish() {
            Ok(()) => Vec::new(),
            Err(refusal) => refusal
                .felt
                .into_iter()
                .map(|fault| (fault.felt, fault.grunn))
                .collect(),
        }
    }

    /// To see a row red, drop the check that it names from `les`.
    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn every_field_is_held_to_its_rule() {
        type Change = fn(&mut proto::Vedtak);
        let table: [(Change, &str, Feilgrunn); 20] = [
            (
                |v| v.personens_ord.clear(),
                "personens_ord",
                Feilgrunn::FeltMangler,
            ),
            (
                |v| v.linjer[0].min_timer = 5.0,
                "linjer[0].min_timer",
                Feilgrunn::FeltMotstrid,
            ),
            (
                |v| v.linjer[0].min_timer = -0.5,
                "linjer[0].min_timer",
                Feilgrunn::FeltOmrade,
            ),
            (
                |v| v.linjer[0].maks_timer = 168.5,
                "linjer[0].maks_timer",
                Feilgrunn::FeltOmrade,
            ),
            (
                |v| v.linjer[0].maks_timer = f64::NAN,
                "linjer[0].maks_timer",
                Feilgrunn::FeltOmrade,
            ),
            (
                |v| {
                    v.linjer[0].min_timer = 0.0;
                    v.linjer[0].maks_timer = 0.0;
                },
                "linjer[0].maks_timer",
                Feilgrunn::FeltOmrade,
            ),
            (
                |v| v.linjer[0].til = "2027-01-31".into(),
                "linjer[0].til",
                Feilgrunn::FeltMotstrid,
            ),
            (
                |v| v.linjer[0].fra.clear(),
                "linjer[0].fra",
                Feilgrunn::FeltMangler,
            ),
            (
                |v| v.linjer[0].fra = "1. februar".into(),
                "linjer[0].fra",
                Feilgrunn::FeltForm,
            ),
            (
                |v| v.linjer[0].r#type = 0,
                "linjer[0].type",
                Feilgrunn::FeltUkjentVerdi,
            ),
            (
                |v| v.linjer[1].enheter.clear(),
                "linjer[1].enheter",
                Feilgrunn::FeltMangler,
            ),
            (
                |v| v.linjer[1].enheter[0] = "ROP".into(),
                "linjer[1].enheter[0]",
                Feilgrunn::FeltForm,
            ),
            (
                |v| v.linjer[0].enheter.push("enheter/rop".into()),
                "linjer[0].enheter[1]",
                Feilgrunn::FeltMotstrid,
            ),
            (
                // The same service and unit from the last day of the first line.
                |v| {
                    v.linjer[0].til = "2027-06-30".into();
                    v.linjer.push(v.linjer[0].clone());
                    v.linjer[2].fra = "2027-06-30".into();
                    v.linjer[2].til.clear();
                },
                "linjer[2].fra",
                Feilgrunn::FeltMotstrid,
            ),
            (
                |v| {
                    v.linjer[0].linje_id = "7".into();
                    v.linjer[1].linje_id = "7".into();
                },
                "linjer[1].linje_id",
                Feilgrunn::FeltMotstrid,
            ),
            (
                |v| v.hovedansvarlig = "nav".into(),
                "hovedansvarlig",
                Feilgrunn::FeltForm,
            ),
            (
                |v| v.parter = vec!["enheter/nav".into(), "enheter/nav".into()],
                "parter[1]",
                Feilgrunn::FeltMotstrid,
            ),
            (
                |v| v.hjemmel.as_mut().unwrap().paragraf.clear(),
                "hjemmel.paragraf",
                Feilgrunn::FeltMangler,
            ),
            (
                |v| v.bolig.as_mut().unwrap().rett = 0,
                "bolig.rett",
                Feilgrunn::FeltUkjentVerdi,
            ),
            (
                |v| v.begrunnelse = "x".repeat(felt::LANG + 1),
                "begrunnelse",
                Feilgrunn::FeltForLangt,
            ),
        ];
        assert_eq!(faults(|_| ()), []);
        for (change, field, reason) in table {
            assert_eq!(faults(change), [(format!("vedtak.{field}"), reason)]);
        }
    }

    #[test]
    fn lines_of_one_service_may_follow_each_other() {
        let found = faults(|v| {
            v.linjer[0].til = "2027-06-30".into();
            v.linjer.push(v.linjer[0].clone());
            v.linjer[2].fra = "2027-07-01".into();
            v.linjer[2].til.clear();
        });
        assert_eq!(found, []);
    }
}
