//! What takes two persons: proposed by one and confirmed by another, lifted the
//! same way.
//!
//! FORESLATT → GJELDENDE | AVVIST; GJELDENDE → `OPPHEVING_FORESLATT` →
//! OPPHEVET | GJELDENDE. Pure; who may take a step is said where the record is.

use samspor_chassis::{
    error::{Error, FieldFaults, Refusal},
    store::Tx,
    tid::Tid,
};
use sqlx::{Row as _, any::AnyRow};

use crate::{Aktor, kolonne};

/// Who did something, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Steg {
    pub(crate) hvem: Aktor,
    pub(crate) tid: Tid,
}

impl Steg {
    /// What the caller does now.
    pub(crate) fn av(tx: &Tx) -> Self {
        Self {
            hvem: Aktor::from(&tx.call().actor),
            tid: tx.now(),
        }
    }

    /// Whether another employee took it.
    pub(crate) fn av_en_annen(&self, first: &Self) -> bool {
        !self.hvem.ansatt.is_empty() && self.hvem.ansatt != first.hvem.ansatt
    }
}

/// A proposal to lift.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Opphevingsforslag {
    pub(crate) av: Steg,
    pub(crate) begrunnelse: String,
}

/// State, with what each state knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tilstand {
    /// Proposed.
    Foreslatt,
    /// It holds since it was confirmed.
    Gjeldende { bekreftet: Steg },
    /// It holds; lifting is proposed.
    OpphevingForeslatt {
        bekreftet: Steg,
        forslag: Opphevingsforslag,
    },
    /// Lifted.
    Opphevet {
        bekreftet: Steg,
        forslag: Opphevingsforslag,
        opphevet: Steg,
    },
    /// The proposal to set it was rejected.
    Avvist { avvist: Steg },
}

/// The verbs of a record, for the refusal of one out of order.
#[derive(Debug)]
pub(crate) struct Verb {
    pub(crate) foresla: &'static str,
    pub(crate) bekreft: &'static str,
    pub(crate) avvis: &'static str,
    pub(crate) foresla_oppheving: &'static str,
    pub(crate) bekreft_oppheving: &'static str,
}

impl Verb {
    /// Out of order: the state, and the verbs that it allows.
    pub(crate) fn feil(&self, state: &Tilstand) -> Refusal {
        let allowed: &[&str] = match state {
            Tilstand::Foreslatt => &[self.bekreft, self.avvis],
            Tilstand::Gjeldende { .. } => &[self.foresla_oppheving],
            Tilstand::OpphevingForeslatt { .. } => &[self.bekreft_oppheving, self.avvis],
            Tilstand::Opphevet { .. } | Tilstand::Avvist { .. } => &[self.foresla],
        };
        Refusal::transition(state.navn(), allowed)
    }
}

impl Tilstand {
    /// Its name in the contract, without prefix.
    pub(crate) fn navn(&self) -> &'static str {
        match self {
            Self::Foreslatt => "FORESLATT",
            Self::Gjeldende { .. } => "GJELDENDE",
            Self::OpphevingForeslatt { .. } => "OPPHEVING_FORESLATT",
            Self::Opphevet { .. } => "OPPHEVET",
            Self::Avvist { .. } => "AVVIST",
        }
    }

    /// Since when it holds or held, and until when; none while it has had no
    /// effect.
    pub(crate) fn virkning(&self) -> Option<(Tid, Option<Tid>)> {
        match self {
            Self::Foreslatt | Self::Avvist { .. } => None,
            Self::Gjeldende { bekreftet } | Self::OpphevingForeslatt { bekreftet, .. } => {
                Some((bekreftet.tid, None))
            }
            Self::Opphevet {
                bekreftet,
                opphevet,
                ..
            } => Some((bekreftet.tid, Some(opphevet.tid))),
        }
    }

    /// Whether it holds.
    pub(crate) fn virker(&self) -> bool {
        matches!(self.virkning(), Some((_, None)))
    }

    /// Who decided on the proposal.
    pub(crate) fn avgjort(&self) -> Option<&Steg> {
        match self {
            Self::Foreslatt => None,
            Self::Avvist { avvist: step } => Some(step),
            Self::Gjeldende { bekreftet }
            | Self::OpphevingForeslatt { bekreftet, .. }
            | Self::Opphevet { bekreftet, .. } => Some(bekreftet),
        }
    }

    /// The proposal to lift.
    pub(crate) fn forslag(&self) -> Option<&Opphevingsforslag> {
        match self {
            Self::OpphevingForeslatt { forslag, .. } | Self::Opphevet { forslag, .. } => {
                Some(forslag)
            }
            _ => None,
        }
    }

    /// Who confirmed that it is lifted.
    pub(crate) fn opphevet(&self) -> Option<&Steg> {
        match self {
            Self::Opphevet { opphevet, .. } => Some(opphevet),
            _ => None,
        }
    }

    /// Confirms a proposal.
    ///
    /// # Errors
    /// `UGYLDIG_OVERGANG` from another state, as of every step below.
    pub(crate) fn bekreft(self, steg: Steg, verb: &Verb) -> Result<Self, Refusal> {
        match self {
            Self::Foreslatt => Ok(Self::Gjeldende { bekreftet: steg }),
            other => Err(verb.feil(&other)),
        }
    }

    /// Rejects a proposal to set or to lift.
    pub(crate) fn avvis(self, steg: Steg, verb: &Verb) -> Result<Self, Refusal> {
        match self {
            Self::Foreslatt => Ok(Self::Avvist { avvist: steg }),
            Self::OpphevingForeslatt { bekreftet, .. } => Ok(Self::Gjeldende { bekreftet }),
            other => Err(verb.feil(&other)),
        }
    }

    /// Proposes to lift it.
    pub(crate) fn foresla_oppheving(
        self,
        av: Steg,
        begrunnelse: String,
        verb: &Verb,
    ) -> Result<Self, Refusal> {
        match self {
            Self::Gjeldende { bekreftet } => Ok(Self::OpphevingForeslatt {
                bekreftet,
                forslag: Opphevingsforslag { av, begrunnelse },
            }),
            other => Err(verb.feil(&other)),
        }
    }

    /// Confirms that it is lifted.
    pub(crate) fn bekreft_oppheving(self, steg: Steg, verb: &Verb) -> Result<Self, Refusal> {
        match self {
            Self::OpphevingForeslatt { bekreftet, forslag } => Ok(Self::Opphevet {
                bekreftet,
                forslag,
                opphevet: steg,
            }),
            other => Err(verb.feil(&other)),
        }
    }
}

/// A reason in words, 10 to 2000 characters.
pub(crate) fn begrunnelse(text: &str, field: &'static str, faults: &mut FieldFaults) -> String {
    const LONGEST: usize = 2_000;
    let text = text.trim();
    if text.is_empty() {
        faults.missing(field);
    } else if text.chars().count() < 10 {
        faults.form(field, "minst 10 tegn");
    } else if text.chars().count() > LONGEST {
        faults.too_long(field, LONGEST);
    }
    text.to_owned()
}

/// The columns of a state, as they stand; what they mean is read afterwards.
pub(crate) struct Kolonner {
    pub(crate) tilstand: String,
    pub(crate) avgjort: Option<Tid>,
    pub(crate) avgjort_av: Option<String>,
    pub(crate) forslag: Option<Tid>,
    pub(crate) forslag_av: Option<String>,
    pub(crate) forslag_begrunnelse: Option<String>,
    pub(crate) opphevet: Option<Tid>,
    pub(crate) opphevet_av: Option<String>,
}

impl Kolonner {
    pub(crate) fn les(row: &AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            tilstand: row.try_get("tilstand")?,
            avgjort: row.try_get("avgjort")?,
            avgjort_av: row.try_get("avgjort_av")?,
            forslag: row.try_get("forslag")?,
            forslag_av: row.try_get("forslag_av")?,
            forslag_begrunnelse: row.try_get("forslag_begrunnelse")?,
            opphevet: row.try_get("opphevet")?,
            opphevet_av: row.try_get("opphevet_av")?,
        })
    }

    pub(crate) fn av(state: &Tilstand) -> Result<Self, Error> {
        let who = |step: Option<&Steg>| step.map(|step| kolonne::skriv(&step.hvem)).transpose();
        let (decided, lifted) = (state.avgjort(), state.opphevet());
        let proposal = state.forslag();
        Ok(Self {
            tilstand: state.navn().to_owned(),
            avgjort: decided.map(|step| step.tid),
            avgjort_av: who(decided)?,
            forslag: proposal.map(|proposal| proposal.av.tid),
            forslag_av: who(proposal.map(|proposal| &proposal.av))?,
            forslag_begrunnelse: proposal.map(|proposal| proposal.begrunnelse.clone()),
            opphevet: lifted.map(|step| step.tid),
            opphevet_av: who(lifted)?,
        })
    }

    pub(crate) fn tilstand(self) -> Result<Tilstand, Error> {
        let step = |tid: Option<Tid>, av: Option<&String>| {
            let (tid, av) = tid.zip(av).ok_or_else(uleselig)?;
            let hvem = kolonne::les(av)?;
            Ok::<_, Error>(Steg { hvem, tid })
        };
        let decided = || step(self.avgjort, self.avgjort_av.as_ref());
        let proposal = || {
            Ok::<_, Error>(Opphevingsforslag {
                av: step(self.forslag, self.forslag_av.as_ref())?,
                begrunnelse: self.forslag_begrunnelse.clone().ok_or_else(uleselig)?,
            })
        };
        Ok(match self.tilstand.as_str() {
            "FORESLATT" => Tilstand::Foreslatt,
            "GJELDENDE" => Tilstand::Gjeldende {
                bekreftet: decided()?,
            },
            "OPPHEVING_FORESLATT" => Tilstand::OpphevingForeslatt {
                bekreftet: decided()?,
                forslag: proposal()?,
            },
            "OPPHEVET" => Tilstand::Opphevet {
                bekreftet: decided()?,
                forslag: proposal()?,
                opphevet: step(self.opphevet, self.opphevet_av.as_ref())?,
            },
            "AVVIST" => Tilstand::Avvist { avvist: decided()? },
            _ => return Err(uleselig()),
        })
    }
}

fn uleselig() -> Error {
    Error::internal("a stored step cannot be read")
}
