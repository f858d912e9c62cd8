//! Vern: what protects a person against being seen, set and lifted by two
//! persons of a mandated unit (W7).
//!
//! FORESLATT → GJELDENDE | AVVIST; GJELDENDE → `OPPHEVING_FORESLATT` →
//! OPPHEVET | GJELDENDE. Invariants: nobody confirms the own proposal; nothing
//! restricts before it is confirmed nor opens before its lifting is; address
//! protection is never set while an open need would lose its responsible unit.

pub(crate) mod rpc;
pub(crate) mod rules;
pub(crate) mod store;

use samspor_chassis::{domene::Hjemmel, store::etag, tid::Tid};
use samspor_proto::{
    felles::{Faktum, Faktumtype, Part, Periode, part},
    koordinering::{self, VernTilstand, Verntype},
};

use crate::{
    Aktor, navn,
    tosteg::{Steg, Tilstand},
};

/// Collection in the resource name.
pub(crate) const SAMLING: &str = "vern";

/// A protection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Vern {
    pub(crate) id: String,
    pub(crate) person: String,
    pub(crate) versjon: i64,
    /// Unit that answers for it.
    pub(crate) eier: String,
    pub(crate) innhold: Innhold,
    pub(crate) hjemmel: Hjemmel,
    pub(crate) begrunnelse: String,
    pub(crate) foreslatt: Steg,
    pub(crate) tilstand: Tilstand,
}

/// What a protection does, by kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Innhold {
    /// The person's records are blocked for the parties.
    Sperring(Parter),
    /// OPPHOLD is hidden from all but the mandated.
    FortroligAdresse(Mandat),
    /// Existence is hidden from all but the mandated.
    StrengtFortroligAdresse(Mandat),
    /// The employees are disqualified.
    Inhabilitet(Vec<String>),
}

/// Whom a sperring blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Parter {
    /// Every unit.
    AlleEnheter,
    /// These units and these employees; at least one.
    Navngitte {
        /// Unit ids.
        enheter: Vec<String>,
        /// Employee ids.
        ansatte: Vec<String>,
    },
}

/// Who still sees a person under address protection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mandat {
    /// Unit ids, among them the unit that answers for the protection.
    pub(crate) enheter: Vec<String>,
    /// Employees of other units.
    pub(crate) ansatte: Vec<String>,
}

impl Mandat {
    /// Who is named by both.
    pub(crate) fn og(&self, other: &Self) -> Self {
        let both = |ours: &[String], theirs: &[String]| {
            let common = ours.iter().filter(|id| theirs.contains(id));
            common.cloned().collect()
        };
        Self {
            enheter: both(&self.enheter, &other.enheter),
            ansatte: both(&self.ansatte, &other.ansatte),
        }
    }

    fn omfatter(&self, party: &part::Hvem) -> bool {
        match party {
            part::Hvem::Enhet(id) => self.enheter.contains(id),
            part::Hvem::Ansatt(id) => self.ansatte.contains(id),
            part::Hvem::Person(_) => false,
        }
    }
}

impl Innhold {
    /// Kind in the contract.
    pub(crate) fn verntype(&self) -> Verntype {
        match self {
            Self::Sperring(_) => Verntype::Sperring,
            Self::FortroligAdresse(_) => Verntype::FortroligAdresse,
            Self::StrengtFortroligAdresse(_) => Verntype::StrengtFortroligAdresse,
            Self::Inhabilitet(_) => Verntype::Inhabilitet,
        }
    }

    /// The mandate, for address protection.
    pub(crate) fn mandat(&self) -> Option<&Mandat> {
        match self {
            Self::FortroligAdresse(mandate) | Self::StrengtFortroligAdresse(mandate) => {
                Some(mandate)
            }
            Self::Sperring(_) | Self::Inhabilitet(_) => None,
        }
    }
}

impl Vern {
    /// Resource name.
    pub(crate) fn name(&self) -> String {
        navn::post(&self.person, SAMLING, &self.id)
    }

    /// Whether the protection holds and hides the person, or closes the
    /// person's records, from whoever acts. As the rules at the gateway have
    /// it, for a person that a call names beside the one it was authorized for.
    pub(crate) fn skjuler_for(&self, hvem: &Aktor) -> bool {
        if !self.tilstand.virker() {
            return false;
        }
        match &self.innhold {
            Innhold::Sperring(Parter::AlleEnheter) => true,
            Innhold::Sperring(Parter::Navngitte { enheter, ansatte }) => {
                enheter.contains(&hvem.enhet) || ansatte.contains(&hvem.ansatt)
            }
            Innhold::Inhabilitet(ansatte) => ansatte.contains(&hvem.ansatt),
            Innhold::StrengtFortroligAdresse(mandat) => {
                !mandat.enheter.contains(&hvem.enhet) && !mandat.ansatte.contains(&hvem.ansatt)
            }
            // Hides OPPHOLD only.
            Innhold::FortroligAdresse(_) => false,
        }
    }

    /// The facts for one id of the person, none while it has had no effect.
    /// All of it restricts, so it is stated for each id that was merged into
    /// one. The mandates alone open: whoever the protection names but
    /// `felles`, which is what all of its kind name, does not, is mandated no
    /// longer from now on. So a merge shows nobody more than before.
    pub(crate) fn fakta(&self, subjekt: &str, felles: Option<&Mandat>, now: Tid) -> Vec<Faktum> {
        let Some((fra, til)) = self.tilstand.virkning() else {
            return Vec::new();
        };
        let unit = |id: &str| part::Hvem::Enhet(id.to_owned());
        let employee = |id: &String| part::Hvem::Ansatt(id.clone());
        let parties: Vec<(Faktumtype, part::Hvem)> = match &self.innhold {
            Innhold::Sperring(Parter::AlleEnheter) => {
                vec![(Faktumtype::Sperring, unit("*"))]
            }
            Innhold::Sperring(Parter::Navngitte { enheter, ansatte }) => {
                let units = enheter.iter().map(|id| unit(id));
                let all = units.chain(ansatte.iter().map(employee));
                all.map(|party| (Faktumtype::Sperring, party)).collect()
            }
            Innhold::Inhabilitet(ansatte) => {
                let all = ansatte.iter().map(employee);
                all.map(|party| (Faktumtype::Inhabil, party)).collect()
            }
            Innhold::FortroligAdresse(mandat) | Innhold::StrengtFortroligAdresse(mandat) => {
                let (kind, mandate) = match &self.innhold {
                    Innhold::FortroligAdresse(_) => {
                        (Faktumtype::AdresseFortrolig, Faktumtype::Mandat)
                    }
                    _ => (
                        Faktumtype::AdresseStrengtFortrolig,
                        Faktumtype::MandatStrengt,
                    ),
                };
                let units = mandat.enheter.iter().map(|id| unit(id));
                let mandated = units.chain(mandat.ansatte.iter().map(employee));
                std::iter::once((kind, unit("*")))
                    .chain(mandated.map(|party| (mandate, party)))
                    .collect()
            }
        };
        let still = |kind: Faktumtype, party: &part::Hvem| {
            let opens = matches!(kind, Faktumtype::Mandat | Faktumtype::MandatStrengt);
            !opens || felles.is_none_or(|felles| felles.omfatter(party))
        };
        let fact = |(place, (kind, party)): (usize, (Faktumtype, part::Hvem))| Faktum {
            id: format!("{SAMLING}/{}/{place}@{subjekt}", self.id),
            subjekt: subjekt.to_owned(),
            r#type: kind.into(),
            periode: Some(Periode {
                fra: Some(fra.into()),
                til: til
                    .or_else(|| (!still(kind, &party)).then_some(now))
                    .map(Into::into),
            }),
            part: Some(Part { hvem: Some(party) }),
            opprettet_av: self.foreslatt.hvem.ansatt.clone(),
            ..Faktum::default()
        };
        parties.into_iter().enumerate().map(fact).collect()
    }

    /// As the contract carries it.
    pub(crate) fn to_proto(&self) -> koordinering::Vern {
        let (bekreftet, forslag) = (self.tilstand.avgjort(), self.tilstand.forslag());
        let opphevet = self.tilstand.opphevet();
        let (parter, inhabile, mandat) = match &self.innhold {
            Innhold::Sperring(parter) => (Some(parter), None, None),
            Innhold::Inhabilitet(ansatte) => (None, Some(ansatte), None),
            Innhold::FortroligAdresse(mandat) | Innhold::StrengtFortroligAdresse(mandat) => {
                (None, None, Some(mandat))
            }
        };
        let (gjelder_enheter, gjelder_ansatte) = match (parter, inhabile) {
            (Some(Parter::Navngitte { enheter, ansatte }), _) => (names(enheter), ansatte.clone()),
            (_, Some(ansatte)) => (Vec::new(), ansatte.clone()),
            _ => Default::default(),
        };
        koordinering::Vern {
            name: self.name(),
            etag: etag::etag(self.versjon),
            r#type: self.innhold.verntype().into(),
            tilstand: self.vern_tilstand().into(),
            eier: navn::enhet(&self.eier),
            mandaterte_enheter: mandat.map(|m| names(&m.enheter)).unwrap_or_default(),
            mandaterte_ansatte: mandat.map(|m| m.ansatte.clone()).unwrap_or_default(),
            gjelder_enheter,
            gjelder_ansatte,
            gjelder_alle_enheter: matches!(parter, Some(Parter::AlleEnheter)),
            hjemmel: Some(self.hjemmel.to_proto()),
            begrunnelse: self.begrunnelse.clone(),
            periode: self.tilstand.virkning().map(|(fra, til)| Periode {
                fra: Some(fra.into()),
                til: til.map(Into::into),
            }),
            foreslatt_av: Some(self.foreslatt.hvem.to_proto()),
            skjerming: None,
            avgjort_av: bekreftet.map(|step| step.hvem.to_proto()),
            oppheving_foreslatt_av: forslag.map(|forslag| forslag.av.hvem.to_proto()),
            oppheving_begrunnelse: forslag.map(|f| f.begrunnelse.clone()).unwrap_or_default(),
            opphevet_av: opphevet.map(|step| step.hvem.to_proto()),
            foreslatt: Some(self.foreslatt.tid.into()),
        }
    }

    fn vern_tilstand(&self) -> VernTilstand {
        match self.tilstand {
            Tilstand::Foreslatt => VernTilstand::Foreslatt,
            Tilstand::Gjeldende { .. } => VernTilstand::Gjeldende,
            Tilstand::OpphevingForeslatt { .. } => VernTilstand::OpphevingForeslatt,
            Tilstand::Opphevet { .. } => VernTilstand::Opphevet,
            Tilstand::Avvist { .. } => VernTilstand::Avvist,
        }
    }
}

fn names(units: &[String]) -> Vec<String> {
    units.iter().map(|id| navn::enhet(id)).collect()
}
