//! What waits for a decision by another than its author, and how that one reads
//! it: whole, so that nobody decides what was not shown.

use samspor_chassis::{
    domene::{Aktor, navn},
    tid::Tid,
};
use samspor_proto::bestillerkontor as proto;
use serde::{Deserialize, Serialize};

use super::{
    Opphor,
    avslag::Avslag,
    innhold::{Bolig, Innhold, Linje},
};
use crate::klage;

/// An amendment that waits for a decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Endring {
    pub(crate) innhold: Innhold,
    pub(crate) begrunnelse: String,
    pub(crate) forfatter: Aktor,
    pub(crate) tid: Tid,
    /// What it ends.
    #[serde(default)]
    pub(crate) slutt: Vec<Linjeslutt>,
    /// Id of the klage that it answers.
    #[serde(default)]
    pub(crate) klage: Option<String>,
    /// It ends the vedtak.
    #[serde(default)]
    pub(crate) opphor: Option<Opphor>,
}

/// Why a unit is to deliver a line no more, and what comes instead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Linjeslutt {
    pub(crate) linje_id: String,
    pub(crate) enhet: String,
    pub(crate) begrunnelse: String,
    pub(crate) alternativ: String,
}

impl Linjeslutt {
    fn to_proto(&self) -> proto::Linjeslutt {
        proto::Linjeslutt {
            linje_id: self.linje_id.clone(),
            enhet: navn::enhet(&self.enhet),
            begrunnelse: self.begrunnelse.clone(),
            alternativ: self.alternativ.clone(),
        }
    }
}

impl Endring {
    /// As the contract carries it. Every field is named: what comes to the
    /// content or to the end of a vedtak is shown to who decides it.
    pub(crate) fn to_proto(&self, person: &str) -> proto::Endringsforslag {
        let Self {
            innhold,
            begrunnelse,
            forfatter,
            tid,
            slutt,
            klage,
            opphor,
        } = self.clone();
        let Innhold {
            linjer,
            bolig,
            hovedansvarlig,
            parter,
            koordinator,
            begrunnelse: vedtak_begrunnelse,
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
        } = innhold;
        let ends = opphor.is_some();
        let (opphor_hjemmel, opphor_alternativ) = match opphor {
            None => (None, String::new()),
            Some(Opphor {
                av: _,
                // The same as that of the proposal.
                begrunnelse: _,
                hjemmel,
                alternativ,
                // Said by who decides.
                varsel: _,
            }) => (Some(hjemmel.to_proto()), alternativ),
        };
        proto::Endringsforslag {
            linjer: linjer.iter().map(Linje::to_proto).collect(),
            bolig: bolig.as_ref().map(Bolig::to_proto),
            hovedansvarlig: navn::enhet(&hovedansvarlig),
            begrunnelse,
            forfatter: Some(forfatter.to_proto()),
            foreslatt: Some(tid.into()),
            linjeslutt: slutt.iter().map(Linjeslutt::to_proto).collect(),
            klage: klage
                .map(|id| navn::post(person, klage::SAMLING, &id))
                .unwrap_or_default(),
            avslag: avslag.iter().map(Avslag::to_proto).collect(),
            opphor: ends,
            opphor_hjemmel,
            opphor_alternativ,
            parter: parter.iter().map(|unit| navn::enhet(unit)).collect(),
            koordinator,
            vedtak_begrunnelse,
            medisinsk_grunnlag,
            funksjonsvurdering,
            okonomi_merknad,
            intern_vurdering,
            delt_vurdering,
            hjemmel: hjemmel.map(|basis| basis.to_proto()),
            parorende: parorende.into_iter().map(Into::into).collect(),
            utskrevet_fra_sykehus,
            personens_syn: personens_syn.into(),
            personens_ord,
        }
    }
}

#[cfg(test)]
mod tests {
    use samspor_chassis::error::FieldFaults;

    use super::*;
    use crate::{
        ENHET,
        proveark::{self, NOW, who},
        vedtak::innhold,
    };

    /// Whoever decides an amendment reads all that it would make so.
    ///
    /// Seen red: with the parties left out of the answer.
    #[test]
    fn who_decides_reads_the_whole_of_what_is_proposed() {
        let request = proveark::vedtak("s");
        let mut faults = FieldFaults::new();
        let innhold = innhold::les(&request, &mut faults);
        assert!(faults.is_empty());
        let proposed = Endring {
            innhold: innhold.clone(),
            begrunnelse: "Nytt behov".into(),
            forfatter: who(ENHET, "a3"),
            tid: NOW,
            slutt: Vec::new(),
            klage: None,
            opphor: None,
        };
        let shown = proposed.to_proto("p");
        let again = proto::Vedtak {
            linjer: shown.linjer,
            bolig: shown.bolig,
            hovedansvarlig: shown.hovedansvarlig,
            parter: shown.parter,
            koordinator: shown.koordinator,
            begrunnelse: shown.vedtak_begrunnelse,
            medisinsk_grunnlag: shown.medisinsk_grunnlag,
            funksjonsvurdering: shown.funksjonsvurdering,
            okonomi_merknad: shown.okonomi_merknad,
            intern_vurdering: shown.intern_vurdering,
            delt_vurdering: shown.delt_vurdering,
            hjemmel: shown.hjemmel,
            parorende: shown.parorende,
            utskrevet_fra_sykehus: shown.utskrevet_fra_sykehus,
            avslag: shown.avslag,
            personens_syn: shown.personens_syn,
            personens_ord: shown.personens_ord,
            ..proto::Vedtak::default()
        };
        assert_eq!(again, innhold.to_proto());
    }
}
