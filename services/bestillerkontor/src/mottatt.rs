//! The day on which something came, or was said, that is recorded later: a
//! letter, a telephone call, a visit. Its clocks run from that day.

use samspor_chassis::{
    domene::{Dag, felt},
    error::FieldFaults,
    tid::Tid,
};

/// Days after which it says why it is recorded so late.
const UTEN_GRUNN_DAGER: i32 = 7;
/// Days after which it is too late to say that it came then.
const TILBAKE_DAGER: i32 = 366;

/// When it came, and why it is recorded later.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mottatt {
    pub(crate) tid: Tid,
    pub(crate) grunn: String,
}

impl Mottatt {
    /// It came as it is recorded.
    pub(crate) fn na(now: Tid) -> Self {
        Self {
            tid: now,
            grunn: String::new(),
        }
    }
}

/// Reads when it came; an empty day is today. `selv`: the person does it now,
/// and no other day is given.
pub(crate) fn les(
    dag: &str,
    grunn: &str,
    field: &'static str,
    selv: bool,
    now: Tid,
    faults: &mut FieldFaults,
) -> Mottatt {
    let grunn = felt::tekst(grunn, "etterregistrert_grunn", felt::LANG, faults);
    let today = Dag::av(now);
    let Some(day) = felt::dag(dag, field, faults).filter(|day| *day != today) else {
        return Mottatt { tid: now, grunn };
    };
    let first = today.pluss_dager(-TILBAKE_DAGER);
    if selv {
        faults.contradicts(field, "aktor", "personen sender det selv i dag");
    } else if day > today {
        faults.form(field, "en dag som ikke er etter i dag");
    } else if day < first {
        faults.form(field, format_args!("{first} eller senere"));
    } else if day < today.pluss_dager(-UTEN_GRUNN_DAGER) && grunn.is_empty() {
        faults.contradicts(
            "etterregistrert_grunn",
            field,
            "det er mer enn en uke siden; oppgi hvorfor det registreres nå",
        );
    }
    Mottatt {
        tid: day.start(),
        grunn,
    }
}
