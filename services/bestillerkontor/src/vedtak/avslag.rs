//! What was applied for and is refused, whole or in part. It is decided, told and
//! disputed as what is granted.

use std::collections::BTreeSet;

use samspor_chassis::{
    domene::{Hjemmel, felles::tall, felt},
    error::{FieldFaults, Refusal},
};
use samspor_proto::bestillerkontor::{self as proto, Boligrett, Tjenestetype};
use serde::{Deserialize, Serialize};

use super::{
    Vedtak,
    innhold::{Innhold, hjemmel},
};
use crate::soknad::Innsendt;

/// Most refusals of one vedtak.
const MAKS: usize = 50;

/// A service, or a right to a dwelling, that is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Avslag {
    /// Unspecified where it is about a dwelling.
    #[serde(with = "tall")]
    pub(crate) type_: Tjenestetype,
    /// Unspecified where it is about a service.
    #[serde(with = "tall")]
    pub(crate) bolig: Boligrett,
    pub(crate) begrunnelse: String,
    pub(crate) hjemmel: Option<Hjemmel>,
    /// What the person is offered instead.
    pub(crate) alternativ: String,
}

impl Avslag {
    /// It is about a dwelling.
    pub(crate) fn om_bolig(&self) -> bool {
        self.bolig != Boligrett::Unspecified
    }

    /// As the contract carries it.
    pub(crate) fn to_proto(&self) -> proto::Avslag {
        let Self {
            type_,
            bolig,
            begrunnelse,
            hjemmel,
            alternativ,
        } = self.clone();
        proto::Avslag {
            r#type: type_.into(),
            bolig: bolig.into(),
            begrunnelse,
            hjemmel: hjemmel.map(|basis| basis.to_proto()),
            alternativ,
            enheter: Vec::new(),
        }
    }
}

/// Reads what is refused; each is about one thing. Parts may be missing in a
/// draft.
pub(crate) fn les(values: &[proto::Avslag], faults: &mut FieldFaults) -> Vec<Avslag> {
    felt::antall(values.len(), "vedtak.avslag", MAKS, faults);
    let values = values.iter().enumerate().take(MAKS);
    values
        .map(|(place, value)| {
            let at = |field: &str| format!("vedtak.avslag[{place}].{field}");
            let (at_type, at_bolig) = (at("type"), at("bolig"));
            let type_ = felt::filter(
                value.r#type,
                &at_type,
                "samspor.bestillerkontor.v1.Tjenestetype",
                faults,
            );
            let bolig = felt::filter(
                value.bolig,
                &at_bolig,
                "samspor.bestillerkontor.v1.Boligrett",
                faults,
            );
            match (value.r#type, value.bolig) {
                (0, 0) => faults.missing(at_type),
                (0, _) | (_, 0) => {}
                _ => faults.contradicts(at_type, at_bolig, "et avslag gjelder én av dem"),
            }
            Avslag {
                type_: type_.unwrap_or_default(),
                bolig: bolig.unwrap_or_default(),
                begrunnelse: felt::tekst(
                    &value.begrunnelse,
                    &at("begrunnelse"),
                    felt::LANG,
                    faults,
                ),
                hjemmel: hjemmel(value.hjemmel.as_ref(), &at("hjemmel"), faults),
                alternativ: felt::tekst(&value.alternativ, &at("alternativ"), felt::LANG, faults),
            }
        })
        .collect()
}

/// Each has all that a decision needs.
pub(crate) fn fullstendig(avslag: &[Avslag], faults: &mut FieldFaults) {
    for (place, refused) in avslag.iter().enumerate() {
        let parts = [
            ("begrunnelse", refused.begrunnelse.is_empty()),
            ("hjemmel", refused.hjemmel.is_none()),
            ("alternativ", refused.alternativ.is_empty()),
        ];
        for (field, _) in parts.into_iter().filter(|(_, missing)| *missing) {
            faults.missing(format!("vedtak.avslag[{place}].{field}"));
        }
    }
}

/// The types of service that a decision answers.
pub(crate) fn tjenester(vedtak: &Vedtak) -> BTreeSet<Tjenestetype> {
    let answered = besvart([vedtak]).into_iter();
    let services = answered.filter_map(|answered| match answered {
        Ytelse::Tjeneste(type_) => Some(type_),
        Ytelse::Bolig(_) => None,
    });
    services.collect()
}

/// What can be applied for, granted and refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ytelse {
    Tjeneste(Tjenestetype),
    Bolig(Boligrett),
}

/// What an application asks for by name.
pub(crate) fn sokt(innsendt: &Innsendt) -> impl Iterator<Item = Ytelse> {
    let services = innsendt.gjelder.iter().copied().map(Ytelse::Tjeneste);
    let dwellings = innsendt.gjelder_bolig.iter().copied();
    services.chain(dwellings.map(Ytelse::Bolig))
}

/// What decisions answer, with a grant or a refusal.
pub(crate) fn besvart<'a>(vedtak: impl IntoIterator<Item = &'a Vedtak>) -> BTreeSet<Ytelse> {
    let decided = vedtak.into_iter().filter(|v| v.forlop.fattet.is_some());
    decided
        .flat_map(|vedtak| besvarer(&vedtak.innhold))
        .collect()
}

fn besvarer(innhold: &Innhold) -> BTreeSet<Ytelse> {
    let granted = innhold
        .linjer
        .iter()
        .map(|line| Ytelse::Tjeneste(line.type_));
    let dwelling = innhold.bolig.iter().map(|line| Ytelse::Bolig(line.rett));
    let refused = innhold.avslag.iter().map(|refused| {
        if refused.om_bolig() {
            Ytelse::Bolig(refused.bolig)
        } else {
            Ytelse::Tjeneste(refused.type_)
        }
    });
    granted.chain(dwelling).chain(refused).collect()
}

/// Everything that was applied for is answered when the application closes.
///
/// # Errors
/// `UGYLDIG_FORESPORSEL` that names each service and each right to a dwelling
/// without an answer.
pub(crate) fn krev_svar(
    innsendt: &Innsendt,
    innhold: &Innhold,
    besvart: &BTreeSet<Ytelse>,
) -> Result<(), Refusal> {
    let here = besvarer(innhold);
    let mut faults = FieldFaults::new();
    for applied in sokt(innsendt) {
        if here.contains(&applied) || besvart.contains(&applied) {
            continue;
        }
        let (other, name) = match applied {
            Ytelse::Tjeneste(type_) => ("gjelder", type_.as_str_name()),
            Ytelse::Bolig(rett) => ("gjelder_bolig", rett.as_str_name()),
        };
        let rule = format_args!("søknaden gjelder også {name}; innvilg det eller avslå det");
        faults.contradicts("vedtak.avslag", other, rule);
    }
    faults.finish()
}
