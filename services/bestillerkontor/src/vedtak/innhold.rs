//! What a vedtak says: its lines, parties and reasons; how it is read, and what is
//! asked of it before it is decided.

mod krav;
mod les;

use samspor_chassis::domene::{Dag, Hjemmel, felles::tall, navn};
use samspor_proto::{
    bestillerkontor::{self as proto, Boligrett, PersonensSyn, Tjenestetype},
    klassifisering::Klasser,
    tilgang::Dataklasse,
};
use serde::{Deserialize, Serialize};

pub(super) use self::les::hjemmel;
pub(crate) use self::{
    krav::{
        Nektet, fullstendig, funksjonsnavn, ikke_nektet, krev_fremover, krev_ikke_dobbelt,
        krev_ikke_for, krev_ikke_nektet, krev_ikke_over, krev_ko, krev_koer, krev_myndighet,
        motes_av,
    },
    les::{les, timer},
};
use super::avslag::Avslag;
use crate::parorende::Parorende;

/// What a vedtak says. A draft may lack parts; [`fullstendig`] tells which.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Innhold {
    pub(crate) linjer: Vec<Linje>,
    pub(crate) bolig: Option<Bolig>,
    /// Unit id; empty only in a draft.
    pub(crate) hovedansvarlig: String,
    /// Unit ids of parties besides those of the lines.
    pub(crate) parter: Vec<String>,
    pub(crate) koordinator: String,
    pub(crate) begrunnelse: String,
    pub(crate) medisinsk_grunnlag: String,
    pub(crate) funksjonsvurdering: String,
    pub(crate) okonomi_merknad: String,
    pub(crate) intern_vurdering: String,
    pub(crate) delt_vurdering: String,
    pub(crate) hjemmel: Option<Hjemmel>,
    pub(crate) parorende: Vec<Parorende>,
    #[serde(default)]
    pub(crate) utskrevet_fra_sykehus: bool,
    /// Unspecified only in a draft.
    /// What is refused.
    #[serde(default)]
    pub(crate) avslag: Vec<Avslag>,
    #[serde(default, with = "tall")]
    pub(crate) personens_syn: PersonensSyn,
    #[serde(default)]
    pub(crate) personens_ord: String,
}

/// A service line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Linje {
    /// Number within the vedtak; `linje_id` in the contract.
    pub(crate) nr: String,
    #[serde(with = "tall")]
    pub(crate) type_: Tjenestetype,
    pub(crate) min_timer: f64,
    pub(crate) maks_timer: f64,
    /// Unit ids.
    pub(crate) enheter: Vec<String>,
    /// First day; set wherever a line is stored.
    pub(crate) fra: Dag,
    /// Last day; none: until it is ended.
    pub(crate) til: Option<Dag>,
    pub(crate) hjemmel: Option<Hjemmel>,
    pub(crate) vilkar: Vec<String>,
    pub(crate) mal: String,
    pub(crate) leveringssted: String,
    pub(crate) helsehensyn: String,
    /// The hours of each unit; none: divided equally.
    #[serde(default)]
    pub(crate) andeler: Vec<Andel>,
    /// Names of the short orders that it continues.
    #[serde(default)]
    pub(crate) fra_kortvarig: Vec<String>,
}

/// One unit's part of the hours of a shared line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Andel {
    /// Unit id.
    pub(crate) enhet: String,
    pub(crate) min_timer: f64,
    pub(crate) maks_timer: f64,
}

/// A housing line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bolig {
    #[serde(with = "tall")]
    pub(crate) rett: Boligrett,
    /// Unit id that allocates.
    pub(crate) enhet: String,
    pub(crate) fra: Option<Dag>,
    pub(crate) krav: Vec<String>,
}

impl Innhold {
    /// Last day of the vedtak; none while something in it has no end.
    pub(crate) fn siste_dag(&self) -> Option<Dag> {
        let days: Option<Vec<Dag>> = self.slutter().into_iter().collect();
        days?.into_iter().max()
    }

    /// It grants something, and does not only refuse.
    pub(crate) fn innvilger(&self) -> bool {
        !self.linjer.is_empty() || self.bolig.is_some()
    }

    /// The last day of each thing that it grants; none: until it is ended.
    pub(crate) fn slutter(&self) -> Vec<Option<Dag>> {
        let housing = self.bolig.iter().map(|_| None);
        let lines = self.linjer.iter().map(|line| line.til);
        lines.chain(housing).collect()
    }

    /// Whether a line of it lasts longer in `after`.
    pub(crate) fn forlenges(&self, after: &Self) -> bool {
        after.linjer.iter().any(|line| {
            let mut before = self.linjer.iter().filter(|old| old.nr == line.nr);
            before.any(|old| line.varer_lenger(old))
        })
    }

    /// The fields of the contract that say what the vedtak says.
    pub(crate) fn to_proto(&self) -> proto::Vedtak {
        let Self {
            linjer,
            bolig,
            hovedansvarlig,
            parter,
            koordinator,
            begrunnelse,
            medisinsk_grunnlag,
            funksjonsvurdering,
            okonomi_merknad,
            intern_vurdering,
            delt_vurdering,
            hjemmel,
            parorende,
            utskrevet_fra_sykehus,
            avslag,
            personens_syn,
            personens_ord,
        } = self.clone();
        proto::Vedtak {
            avslag: avslag.iter().map(Avslag::to_proto).collect(),
            utskrevet_fra_sykehus,
            personens_syn: personens_syn.into(),
            personens_ord,
            linjer: linjer.iter().map(Linje::to_proto).collect(),
            bolig: bolig.as_ref().map(Bolig::to_proto),
            hovedansvarlig: navn::enhet(&hovedansvarlig),
            parter: parter.iter().map(|unit| navn::enhet(unit)).collect(),
            koordinator,
            begrunnelse,
            medisinsk_grunnlag,
            funksjonsvurdering,
            okonomi_merknad,
            intern_vurdering,
            delt_vurdering,
            hjemmel: hjemmel.map(|basis| basis.to_proto()),
            parorende: parorende.into_iter().map(Into::into).collect(),
            ..proto::Vedtak::default()
        }
    }

    /// This content, with what `before` had in the classes that the caller may
    /// not write: withheld is not empty, and is not emptied by writing back
    /// what was read.
    pub(crate) fn med_skjermet_fra(mut self, before: &Self, klasser: Klasser) -> Self {
        let may = |class| klasser.har(class);
        if !may(Dataklasse::Helse) {
            self.medisinsk_grunnlag
                .clone_from(&before.medisinsk_grunnlag);
            self.utskrevet_fra_sykehus = before.utskrevet_fra_sykehus;
        }
        if !may(Dataklasse::Funksjon) {
            self.funksjonsvurdering
                .clone_from(&before.funksjonsvurdering);
        }
        if !may(Dataklasse::Okonomi) {
            self.okonomi_merknad.clone_from(&before.okonomi_merknad);
        }
        if !may(Dataklasse::Vurdering) {
            self.intern_vurdering.clone_from(&before.intern_vurdering);
        }
        if !may(Dataklasse::VurderingDelt) {
            self.delt_vurdering.clone_from(&before.delt_vurdering);
        }
        if !may(Dataklasse::Parorende) {
            self.parorende.clone_from(&before.parorende);
        }
        if !may(Dataklasse::Bolig) {
            self.bolig.clone_from(&before.bolig);
            self.avslag.retain(|refused| !refused.om_bolig());
            let withheld = before.avslag.iter().filter(|refused| refused.om_bolig());
            self.avslag.extend(withheld.cloned());
        }
        for line in &mut self.linjer {
            let same = |old: &&Linje| !line.nr.is_empty() && old.nr == line.nr;
            let Some(old) = before.linjer.iter().find(same) else {
                continue;
            };
            if !may(Dataklasse::Helse) {
                line.helsehensyn.clone_from(&old.helsehensyn);
            }
            if !may(Dataklasse::Funksjon) {
                line.mal.clone_from(&old.mal);
            }
            if !may(Dataklasse::Opphold) {
                line.leveringssted.clone_from(&old.leveringssted);
            }
        }
        self
    }

    /// With an id on every line: those given stay, others get the next.
    pub(crate) fn med_linje_id(mut self) -> Self {
        let used = |lines: &[Linje]| lines.iter().filter_map(|l| l.nr.parse().ok()).max();
        let mut last: u32 = used(&self.linjer).unwrap_or_default();
        for line in self.linjer.iter_mut().filter(|l| l.nr.is_empty()) {
            last = last.saturating_add(1);
            line.nr = last.to_string();
        }
        self
    }
}

impl Bolig {
    pub(crate) fn to_proto(&self) -> proto::Boliglinje {
        proto::Boliglinje {
            rett: self.rett.into(),
            enhet: navn::enhet(&self.enhet),
            fra: dag(self.fra),
            krav: self.krav.clone(),
        }
    }
}

impl Linje {
    pub(crate) fn to_proto(&self) -> proto::Tjenestelinje {
        let Self {
            nr,
            type_,
            min_timer,
            maks_timer,
            enheter,
            fra,
            til,
            hjemmel,
            vilkar,
            mal,
            leveringssted,
            helsehensyn,
            andeler,
            fra_kortvarig,
        } = self.clone();
        let andeler = andeler.into_iter().map(|share| proto::Enhetsandel {
            enhet: navn::enhet(&share.enhet),
            min_timer: share.min_timer,
            maks_timer: share.maks_timer,
        });
        proto::Tjenestelinje {
            linje_id: nr,
            r#type: type_.into(),
            min_timer,
            maks_timer,
            enheter: enheter.iter().map(|unit| navn::enhet(unit)).collect(),
            fra: fra.to_string(),
            til: dag(til),
            hjemmel: hjemmel.map(|basis| basis.to_proto()),
            vilkar,
            mal,
            leveringssted,
            helsehensyn,
            andeler: andeler.collect(),
            fra_kortvarig,
        }
    }

    /// Fewest and most hours a week that one of its units delivers: its share, or
    /// an equal part.
    pub(crate) fn timer(&self, enhet: &str) -> (f64, f64) {
        if let Some(share) = self.andeler.iter().find(|share| share.enhet == enhet) {
            return (share.min_timer, share.maks_timer);
        }
        let units = self
            .enheter
            .iter()
            .fold(0.0, |sum, _| sum + 1.0_f64)
            .max(1.0);
        (self.min_timer / units, self.maks_timer / units)
    }

    /// Whether its last day is later than that of the line before it.
    pub(crate) fn varer_lenger(&self, before: &Self) -> bool {
        let was = before.til;
        was.is_some_and(|was| self.til.is_none_or(|til| til > was))
    }

    /// Whether a day is in both lines.
    fn overlapper(&self, other: &Self) -> bool {
        let begins_before_end = |a: &Self, b: &Self| b.til.is_none_or(|til| a.fra <= til);
        begins_before_end(self, other) && begins_before_end(other, self)
    }
}

fn dag(day: Option<Dag>) -> String {
    day.map(|day| day.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use super::*;
    use crate::proveark;

    #[test]
    fn what_was_read_is_what_is_answered() {
        let request = proveark::vedtak("s");
        let mut expected = request.clone();
        expected.soknad.clear();
        expected.linjer[0].linje_id = "1".into();
        expected.linjer[1].linje_id = "2".into();
        assert_eq!(proveark::lest(&request).to_proto(), expected);
    }

    /// To see it red, drop one class from `med_skjermet_fra`.
    #[test]
    fn writing_back_what_was_withheld_does_not_empty_it() {
        let before = proveark::lest(&proveark::vedtak("s"));
        let mut redacted = proveark::vedtak("s");
        redacted.medisinsk_grunnlag.clear();
        redacted.funksjonsvurdering.clear();
        redacted.okonomi_merknad.clear();
        redacted.intern_vurdering.clear();
        redacted.delt_vurdering.clear();
        redacted.parorende.clear();
        redacted.bolig = None;
        for (line, id) in redacted.linjer.iter_mut().zip(["1", "2"]) {
            line.linje_id = id.into();
            line.helsehensyn.clear();
            line.mal.clear();
            line.leveringssted.clear();
        }
        let only = Klasser::av(&[Dataklasse::Tjeneste]);
        let after = proveark::lest(&redacted).med_skjermet_fra(&before, only);
        assert_eq!(after, before);
        // With every class the same request does empty them.
        let after = proveark::lest(&redacted).med_skjermet_fra(&before, Klasser::alle());
        assert_eq!(after, proveark::lest(&redacted));
    }

    #[test]
    fn the_last_day_is_that_of_the_last_line_when_all_end() {
        let mut innhold = proveark::lest(&proveark::vedtak("s"));
        assert_eq!(innhold.siste_dag(), None);
        innhold.bolig = None;
        innhold.linjer[0].til = "2027-06-30".parse().ok();
        innhold.linjer[1].til = None;
        assert_eq!(innhold.siste_dag(), None);
        innhold.linjer[1].til = "2027-12-31".parse().ok();
        assert_eq!(innhold.siste_dag(), "2027-12-31".parse().ok());
    }
}
