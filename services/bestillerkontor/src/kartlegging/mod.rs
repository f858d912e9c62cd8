//! Kartlegging: what the mapping of a need found.
//!
//! Begun with the application (PAGAR) and complete when the application is
//! ready (FERDIG). A complete edition is never changed: what changed since is a
//! new edition of the same record, and the earlier ones stay readable. It is a
//! record of its own, so that the units of a vedtak's lines read what the
//! vedtak stands on, and nothing else that the application told; and so that
//! nobody asks the person twice.
//!
//! Instruments are data, see [`instrument`].

pub(crate) mod instrument;
pub(crate) mod les;
pub(crate) mod rpc;
pub(crate) mod rules;
pub(crate) mod store;

use std::collections::BTreeMap;

use samspor_chassis::{
    domene::{Aktor, Emne, felles::tall, navn},
    store::etag,
    tid::Tid,
};
use samspor_proto::{
    bestillerkontor::{
        self as proto, Behovsniva, Boevneniva, Innhentingsform, KartleggingTilstand,
    },
    felles::Hjemmel,
    tilgang::Dataklasse,
};
use serde::{Deserialize, Serialize};

use self::instrument::Skar;
use crate::soknad;

/// Collection in the resource name.
pub(crate) const SAMLING: &str = "kartlegginger";
/// Deadline: what an answer warned of must be looked into.
pub(crate) const FRIST_VARSEL: &str = "varsel";
/// Collection of consents, which koordinering keeps.
pub(crate) const SAMTYKKER: &str = "samtykker";

samspor_chassis::tilstand! {
    /// State of an edition.
    pub(crate) enum Tilstand => KartleggingTilstand {
        /// Being mapped.
        Pagar = "PAGAR",
        /// Complete.
        Ferdig = "FERDIG",
    }
}

/// A mapping, in one of its editions.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Kartlegging {
    pub(crate) person: String,
    pub(crate) id: String,
    pub(crate) versjon: i64,
    /// Unit id that maps the need.
    pub(crate) ansvarlig_enhet: String,
    /// Id of the application that it was made for.
    pub(crate) soknad: String,
    pub(crate) utgave: Utgave,
}

/// An edition.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Utgave {
    /// Number, from 1.
    pub(crate) nr: i32,
    pub(crate) tilstand: Tilstand,
    pub(crate) innhold: Innhold,
}

/// What nothing queries.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Innhold {
    #[serde(default)]
    pub(crate) beskrivelse: Beskrivelse,
    #[serde(default)]
    pub(crate) boevne: Option<Boevne>,
    /// Who asked about function and boevne.
    #[serde(default)]
    pub(crate) innhenting: Option<Innhenting>,
    /// By when the person was asked.
    #[serde(default)]
    pub(crate) instrumenter: Vec<Resultat>,
    /// Who looked into what answers warned of, oldest first.
    #[serde(default)]
    pub(crate) kvitteringer: Vec<Kvittering>,
    #[serde(default)]
    pub(crate) livsomrader: BTreeMap<Omrade, Livsomrade>,
    /// Why the edition before it no longer fits.
    #[serde(default)]
    pub(crate) revisjonsgrunn: String,
    /// Id of the mapping that it was begun from.
    #[serde(default)]
    pub(crate) bygger_pa: Option<String>,
    /// Why it was begun from nothing, where there was one to begin from.
    #[serde(default)]
    pub(crate) ny_begrunnelse: String,
    /// When it was completed.
    pub(crate) kartlagt: Option<Tid>,
    pub(crate) kartlagt_av: Option<Aktor>,
}

/// Somebody looked into what an answer warned of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Kvittering {
    pub(crate) tid: Tid,
    pub(crate) av: Aktor,
    pub(crate) vurdering: String,
    pub(crate) varslet: String,
}

impl Innhold {
    /// An answer warns, and nobody has looked into it since it was registered.
    pub(crate) fn varsel_venter(&self) -> bool {
        let seen = self.kvitteringer.last().map(|last| last.tid);
        self.instrumenter.iter().any(|result| {
            !result.skar.varsler.is_empty() && seen.is_none_or(|seen| result.registrert > seen)
        })
    }
}

/// The need in words.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Beskrivelse {
    pub(crate) funksjon: String,
    pub(crate) helse: String,
}

/// How the person manages a dwelling.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Boevne {
    #[serde(with = "tall")]
    pub(crate) niva: Boevneniva,
    pub(crate) beskrivelse: String,
}

/// Who asked the person, when, how, and with what consent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Innhenting {
    pub(crate) spurt_av: String,
    pub(crate) spurt: Tid,
    #[serde(with = "tall")]
    pub(crate) form: Innhentingsform,
    /// Id of the consent.
    pub(crate) samtykke: Option<String>,
}

/// An answered instrument.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Resultat {
    /// Name of the instrument.
    pub(crate) instrument: String,
    pub(crate) instrumentversjon: String,
    pub(crate) svar: Vec<i32>,
    pub(crate) skar: Skar,
    pub(crate) innhenting: Innhenting,
    pub(crate) registrert_av: Aktor,
    pub(crate) registrert: Tid,
}

/// An area of life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Omrade {
    Bolig,
    Okonomi,
    ArbeidAktivitet,
    FamilieNettverk,
    FysiskHelse,
    PsykiskHelse,
    Rus,
    Juridisk,
}

impl Omrade {
    /// The class by which it is read.
    pub(crate) const fn klasse(self) -> Dataklasse {
        match self {
            Self::Bolig => Dataklasse::Bolig,
            Self::Okonomi => Dataklasse::Okonomi,
            Self::ArbeidAktivitet => Dataklasse::Funksjon,
            Self::FamilieNettverk => Dataklasse::Parorende,
            Self::FysiskHelse | Self::PsykiskHelse | Self::Rus => Dataklasse::Helse,
            Self::Juridisk => Dataklasse::Straff,
        }
    }
}

/// Need in an area of life.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Livsomrade {
    #[serde(with = "tall")]
    pub(crate) behov: Behovsniva,
    pub(crate) egne_ord: String,
    pub(crate) beskrivelse: String,
    pub(crate) innhenting: Innhenting,
}

impl Innhenting {
    fn to_proto(&self, person: &str) -> proto::Innhenting {
        proto::Innhenting {
            spurt_av: self.spurt_av.clone(),
            spurt: Some(self.spurt.into()),
            form: self.form.into(),
            samtykke: self
                .samtykke
                .as_deref()
                .map(|id| navn::post(person, SAMTYKKER, id))
                .unwrap_or_default(),
        }
    }
}

impl Resultat {
    fn to_proto(&self, person: &str) -> proto::Instrumentresultat {
        let Self {
            instrument,
            instrumentversjon,
            svar,
            skar:
                Skar {
                    skar,
                    grenser,
                    varsler,
                },
            innhenting,
            registrert_av,
            registrert,
        } = self.clone();
        proto::Instrumentresultat {
            instrument,
            instrumentversjon,
            svar,
            skar,
            grenser: grenser.into_iter().map(Into::into).collect(),
            varsler,
            innhenting: Some(innhenting.to_proto(person)),
            registrert_av: Some(registrert_av.to_proto()),
            registrert: Some(registrert.into()),
        }
    }
}

impl Kartlegging {
    /// Resource name.
    pub(crate) fn name(&self) -> String {
        navn::post(&self.person, SAMLING, &self.id)
    }

    /// What events are about.
    pub(crate) fn emne(&self) -> Emne {
        Emne {
            person: self.person.clone(),
            post: self.name(),
            eier: self.ansvarlig_enhet.clone(),
        }
    }

    /// The same mapping in another edition.
    pub(crate) fn i_utgave(&self, utgave: Utgave) -> Self {
        Self {
            utgave,
            ..self.clone()
        }
    }

    /// As the contract carries it.
    pub(crate) fn to_proto(&self) -> proto::Kartlegging {
        let Utgave {
            nr,
            tilstand,
            innhold,
        } = &self.utgave;
        let Innhold {
            beskrivelse,
            boevne,
            innhenting,
            instrumenter,
            kvitteringer,
            livsomrader,
            revisjonsgrunn,
            bygger_pa,
            ny_begrunnelse,
            kartlagt,
            kartlagt_av,
        } = innhold.clone();
        let omrade = |omrade| {
            livsomrader.get(&omrade).map(|found| proto::Livsomrade {
                behov: found.behov.into(),
                egne_ord: found.egne_ord.clone(),
                beskrivelse: found.beskrivelse.clone(),
                innhenting: Some(found.innhenting.to_proto(&self.person)),
            })
        };
        proto::Kartlegging {
            name: self.name(),
            etag: etag::etag(self.versjon),
            ansvarlig_enhet: navn::enhet(&self.ansvarlig_enhet),
            soknad: navn::post(&self.person, soknad::SAMLING, &self.soknad),
            funksjonsbeskrivelse: beskrivelse.funksjon,
            helsebeskrivelse: beskrivelse.helse,
            kartlagt: kartlagt.map(Into::into),
            kartlagt_av: kartlagt_av.map(|who| who.to_proto()),
            hjemmel: Some(Hjemmel {
                lov: "forvaltningsloven".to_owned(),
                paragraf: "§ 17".to_owned(),
            }),
            tilstand: KartleggingTilstand::from(*tilstand).into(),
            utgave: *nr,
            revisjonsgrunn,
            ny_begrunnelse,
            bygger_pa: bygger_pa
                .map(|id| navn::post(&self.person, SAMLING, &id))
                .unwrap_or_default(),
            boevne: boevne.map(|found| proto::Boevne {
                niva: found.niva.into(),
                beskrivelse: found.beskrivelse,
            }),
            skjerming: None,
            instrumenter: instrumenter
                .iter()
                .map(|found| found.to_proto(&self.person))
                .collect(),
            varselkvitteringer: kvitteringer
                .into_iter()
                .map(|seen| proto::Varselkvittering {
                    tid: Some(seen.tid.into()),
                    av: Some(seen.av.to_proto()),
                    vurdering: seen.vurdering,
                    varslet: seen.varslet,
                })
                .collect(),
            livsomrader: Some(proto::Livsomrader {
                bolig: omrade(Omrade::Bolig),
                okonomi: omrade(Omrade::Okonomi),
                arbeid_aktivitet: omrade(Omrade::ArbeidAktivitet),
                familie_nettverk: omrade(Omrade::FamilieNettverk),
                fysisk_helse: omrade(Omrade::FysiskHelse),
                psykisk_helse: omrade(Omrade::PsykiskHelse),
                rus: omrade(Omrade::Rus),
                juridisk: omrade(Omrade::Juridisk),
            }),
            innhenting: innhenting.map(|found| found.to_proto(&self.person)),
        }
    }
}
