//! Reservasjon mot deling: the person objects to sharing with one unit or with
//! all (helsepersonelloven § 25). Not a reservation of a dwelling.
//!
//! GJELDENDE → OPPHEVET. One holds per person and party at a time. Staff of a
//! unit never lift what the person holds against it.

pub(crate) mod rpc;
pub(crate) mod rules;
pub(crate) mod store;

use samspor_chassis::{store::etag, tid::Tid};
use samspor_proto::{
    felles::{Faktum, Faktumtype, Hjemmel, Part, Periode, part},
    koordinering::{self, ReservasjonMotDelingTilstand, Samtykkeform, reservasjon_mot_deling},
};

use crate::{Aktor, navn, vilje::Vilje};

/// Collection in the resource name.
pub(crate) const SAMLING: &str = "reservasjonerMotDeling";

/// An objection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reservasjon {
    pub(crate) id: String,
    pub(crate) person: String,
    pub(crate) versjon: i64,
    pub(crate) mot: Mot,
    pub(crate) vilje: Vilje,
    /// First instant at which it holds.
    pub(crate) fra: Tid,
    pub(crate) opphevet: Option<Opphevelse>,
}

/// An objection was lifted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Opphevelse {
    /// When.
    pub(crate) tid: Tid,
    /// Who recorded it.
    pub(crate) av: Aktor,
    /// How the person expressed the wish, and when; none where it was lifted
    /// before that was asked for.
    pub(crate) onske: Option<(Samtykkeform, Tid)>,
}

/// Whom an objection is against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mot {
    /// One unit, by id.
    Enhet(String),
    /// Every unit but the one that owns the record that is read.
    AlleEnheter,
}

impl Mot {
    /// The unit id; `*` for every unit, as facts and tables have it.
    pub(crate) fn enhet(&self) -> &str {
        match self {
            Self::Enhet(enhet) => enhet,
            Self::AlleEnheter => "*",
        }
    }

    /// The reverse of [`Mot::enhet`].
    pub(crate) fn fra_enhet(enhet: String) -> Self {
        if enhet == "*" {
            Self::AlleEnheter
        } else {
            Self::Enhet(enhet)
        }
    }
}

impl Reservasjon {
    /// Resource name.
    pub(crate) fn name(&self) -> String {
        navn::post(&self.person, SAMLING, &self.id)
    }

    /// The fact for one id of the person: an objection restricts, so it is
    /// stated for each id that was merged into one.
    pub(crate) fn faktum(&self, subjekt: &str) -> Faktum {
        Faktum {
            id: format!("{SAMLING}/{}@{subjekt}", self.id),
            subjekt: subjekt.to_owned(),
            part: Some(Part {
                hvem: Some(part::Hvem::Enhet(self.mot.enhet().to_owned())),
            }),
            r#type: Faktumtype::Reservasjon.into(),
            periode: Some(self.periode()),
            opprettet_av: self.vilje.registrert_av.ansatt.clone(),
            ..Faktum::default()
        }
    }

    fn periode(&self) -> Periode {
        Periode {
            fra: Some(self.fra.into()),
            til: self.opphevet.as_ref().map(|lifted| lifted.tid.into()),
        }
    }

    /// As the contract carries it.
    pub(crate) fn to_proto(&self) -> koordinering::ReservasjonMotDeling {
        let tilstand = match self.opphevet {
            None => ReservasjonMotDelingTilstand::Gjeldende,
            Some(_) => ReservasjonMotDelingTilstand::Opphevet,
        };
        let wish = self.opphevet.as_ref().and_then(|lifted| lifted.onske);
        let mot = match &self.mot {
            Mot::Enhet(enhet) => reservasjon_mot_deling::Mot::Enhet(navn::enhet(enhet)),
            Mot::AlleEnheter => reservasjon_mot_deling::Mot::AlleEnheter(true),
        };
        koordinering::ReservasjonMotDeling {
            name: self.name(),
            etag: etag::etag(self.versjon),
            tilstand: tilstand.into(),
            mot: Some(mot),
            periode: Some(self.periode()),
            form: self.vilje.form.into(),
            innhentet: Some(self.vilje.innhentet.into()),
            eier: navn::enhet(&self.vilje.eier),
            registrert_av: Some(self.vilje.registrert_av.to_proto()),
            opphevet_av: self.opphevet.as_ref().map(|lifted| lifted.av.to_proto()),
            opphevet_form: wish.map_or(0, |(form, _)| form.into()),
            opphevet_innhentet: wish.map(|(_, at)| at.into()),
            hjemmel: Some(Hjemmel {
                lov: "helsepersonelloven".to_owned(),
                paragraf: "§ 25".to_owned(),
            }),
            skjerming: None,
        }
    }
}
