//! An evaluation of services that were given: of a whole vedtak by the unit
//! that decided it, of an order by the unit that delivers it.

use samspor_chassis::{
    domene::{Aktor, Dag, felles::tall, felt},
    error::FieldFaults,
    tid::Tid,
};
use samspor_proto::bestillerkontor::{self as proto, Evalueringsanbefaling, PersonensSyn};
use serde::{Deserialize, Serialize};

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
