//! An evaluation of services that were given: of a whole vedtak by the unit
//! that decided it, of an order by the unit that delivers it.

use samspor_chassis::{
    domene::{Aktor, Dag, felles::tall, felt},
    error::FieldFaults,
    tid::Tid,
};
use samspor_proto::bestillerkontor::{self as proto, Evalueringsanbefaling, PersonensSyn};
use serde::{Deserialize, Serialize};

/// Days before a last day by which what ends is evaluated: four weeks, so that
/// what comes after can be decided in time.
const FOR_SLUTT_DAGER: i32 = 28;
/// Days before that day in which an evaluation counts as the one that is due;
/// an earlier one is read, and another is due all the same.
const TIDLIGST_DAGER: i32 = 42;
/// Months after which what has no last day is evaluated: a default.
const UTEN_SLUTT_MANEDER: i32 = 12;

/// The day by which services are evaluated next. `slutter`: the last day of
/// each, none where it has no end; `begynt`: when they were decided or began;
/// `evaluert`: last day of the latest evaluation. Where little is left, it is
/// the last day itself. None when all have ended or are evaluated.
pub(crate) fn neste(
    slutter: impl IntoIterator<Item = Option<Dag>>,
    begynt: Dag,
    evaluert: Option<Dag>,
    today: Dag,
) -> Option<Dag> {
    let due = |slutt: Option<Dag>| {
        let Some(last) = slutt else {
            return Some(evaluert.unwrap_or(begynt).pluss_maneder(UTEN_SLUTT_MANEDER));
        };
        let due = last.pluss_dager(-FOR_SLUTT_DAGER);
        let earliest = due.pluss_dager(-TIDLIGST_DAGER);
        let done = last < today || evaluert.is_some_and(|day| day >= earliest);
        (!done).then_some(if due >= today { due } else { last })
    };
    slutter.into_iter().filter_map(due).min()
}

/// An evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Evaluering {
    pub(crate) fra: Dag,
    pub(crate) til: Dag,
    pub(crate) oppsummering: String,
    #[serde(with = "tall")]
    pub(crate) anbefaling: Evalueringsanbefaling,
    #[serde(with = "tall")]
    pub(crate) personens_syn: PersonensSyn,
    pub(crate) personens_ord: String,
    pub(crate) av: Aktor,
    pub(crate) tid: Tid,
}

impl Evaluering {
    /// As the contract carries it.
    pub(crate) fn to_proto(&self) -> proto::Evaluering {
        let Self {
            fra,
            til,
            oppsummering,
            anbefaling,
            personens_syn,
            personens_ord,
            av,
            tid,
        } = self.clone();
        proto::Evaluering {
            fra: fra.to_string(),
            til: til.to_string(),
            oppsummering,
            anbefaling: anbefaling.into(),
            personens_syn: personens_syn.into(),
            personens_ord,
            av: Some(av.to_proto()),
            tid: Some(tid.into()),
        }
    }
}

/// Reads an evaluation. None where a fault was noted that leaves no period.
pub(crate) fn les(
    request: Option<&proto::Evaluering>,
    av: Aktor,
    now: Tid,
    faults: &mut FieldFaults,
) -> Option<Evaluering> {
    let Some(request) = request else {
        faults.missing("evaluering");
        return None;
    };
    let periode = periode(&request.fra, &request.til, "evaluering", now, faults);
    let oppsummering = felt::pakrevd(
        &request.oppsummering,
        "evaluering.oppsummering",
        felt::LANG,
        faults,
    );
    let anbefaling = felt::valg(
        request.anbefaling,
        "evaluering.anbefaling",
        "samspor.bestillerkontor.v1.Evalueringsanbefaling",
        faults,
    );
    let personens_syn = felt::valg(
        request.personens_syn,
        "evaluering.personens_syn",
        "samspor.bestillerkontor.v1.PersonensSyn",
        faults,
    );
    let personens_ord = ord(
        &request.personens_ord,
        personens_syn,
        "evaluering.personens_ord",
        faults,
    );
    let (fra, til) = periode?;
    Some(Evaluering {
        fra,
        til,
        oppsummering,
        anbefaling,
        personens_syn,
        personens_ord,
        av,
        tid: now,
    })
}

/// The person's words; whoever does not simply agree has some.
pub(crate) fn ord(
    text: &str,
    syn: PersonensSyn,
    field: &'static str,
    faults: &mut FieldFaults,
) -> String {
    match syn {
        PersonensSyn::Unspecified | PersonensSyn::Enig => {
            felt::tekst(text, field, felt::LANG, faults)
        }
        PersonensSyn::DelvisEnig | PersonensSyn::Uenig | PersonensSyn::IkkeUttalt => {
            felt::pakrevd(text, field, felt::LANG, faults)
        }
    }
}

/// A period that is over: what has not happened is neither evaluated nor
/// reported.
pub(crate) fn periode(
    fra: &str,
    til: &str,
    parent: &str,
    now: Tid,
    faults: &mut FieldFaults,
) -> Option<(Dag, Dag)> {
    let (at_fra, at_til) = (format!("{parent}.fra"), format!("{parent}.til"));
    let fra = felt::pakrevd_dag(fra, &at_fra, faults);
    let til = felt::pakrevd_dag(til, &at_til, faults);
    let (fra, til) = (fra?, til?);
    if til < fra {
        faults.contradicts(at_til, at_fra, "til kan ikke være før fra");
    } else if til > Dag::av(now) {
        faults.form(at_til, "en dag som ikke er etter i dag");
    }
    Some((fra, til))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn day(text: &str) -> Dag {
        text.parse().unwrap()
    }

    /// Four weeks in days: the clocks are changed on 28 March and 31 October
    /// 2027.
    ///
    /// Seen red: with four weeks in hours, and without `earliest`.
    #[test]
    fn an_evaluation_is_due_four_weeks_before_the_last_day() {
        let table = [
            ("2027-04-10", None, "2027-03-13", "2027-03-13T23:00:00Z"),
            ("2027-11-20", None, "2027-10-23", "2027-10-23T22:00:00Z"),
            // Little is left: by the last day.
            ("2027-01-20", None, "2027-01-20", "2027-01-20T23:00:00Z"),
            // Evaluated long before, and so due again.
            (
                "2027-04-10",
                Some("2027-01-29"),
                "2027-03-13",
                "2027-03-13T23:00:00Z",
            ),
        ];
        for (last, evaluated, expected, instant) in table {
            let today = day("2027-01-15");
            let due = neste([Some(day(last))], today, evaluated.map(day), today).unwrap();
            assert_eq!(due.to_string(), expected, "{last}");
            assert_eq!(due.slutt().to_string(), instant, "{last}");
        }
        let evaluated = Some(day("2027-01-30"));
        let ends = [Some(day("2027-04-10"))];
        let begun = day("2027-01-15");
        assert_eq!(neste(ends, begun, evaluated, begun), None);
        assert_eq!(neste(ends, begun, None, day("2027-04-11")), None);
        let both = [None, Some(day("2029-01-01"))];
        assert_eq!(neste(both, begun, None, begun), Some(day("2028-01-15")));
        assert_eq!(
            neste(both, begun, evaluated, begun),
            Some(day("2028-01-30"))
        );
    }
}
