//! Oppdrag: an order to one unit under one line of a vedtak.
//!
//! TILBUDT → AKSEPTERT | AVVIST; AKSEPTERT → STARTET ⇄ PAUSET; AVSLUTTET from
//! everything that was accepted, from an offer when the vedtak ends, and from
//! AVVIST when a service without a vedtak waits for no other place.
//! Invariants: the need has exactly one responsible unit at every instant
//! (I3): the one that ordered until the unit accepts, and again after a
//! decline or an end; nothing is declined, paused or ended without a reason,
//! and nothing waits without a clock (I7): the answer, the start, each report
//! of what was delivered, the evaluation, the end of a pause. What is not reported
//! when it ends is reported after that: until then the unit that delivered, and
//! who ordered without a vedtak, read it. A service of at most 14 days has no
//! vedtak, and its own last day.

pub(crate) mod kortvarig;
pub(crate) mod levering;
pub(crate) mod omfordeling;
pub(crate) mod rpc;
pub(crate) mod rules;
pub(crate) mod store;

use samspor_chassis::{
    domene::{
        Aktor, Dag, Emne, Hjemmel,
        felles::{Hvem, Relasjon, tall},
        navn,
    },
    store::etag,
    tid::Tid,
};
use samspor_proto::{
    bestillerkontor::{
        self as proto, Avslutningsarsak, Avvisningsarsak, OppdragTilstand, Pausearsak, Tjenestetype,
    },
    felles::{Faktum, Faktumtype},
};
use serde::{Deserialize, Serialize};

use crate::{evaluering::Evaluering, vedtak};

/// Collection in the resource name.
pub(crate) const SAMLING: &str = "oppdrag";
/// Deadline: the unit must answer the offer.
pub(crate) const FRIST_SVAR: &str = "svar";
/// Deadline: the accepted service must start.
pub(crate) const FRIST_START: &str = "start";
/// Deadline: the pause must end.
pub(crate) const FRIST_GJENOPPTA: &str = "gjenoppta";
/// Deadline: a declined order must be placed elsewhere.
pub(crate) const FRIST_OMFORDELING: &str = "omfordeling";
/// Deadline: the unit must report what it delivered.
pub(crate) const FRIST_RAPPORT: &str = "rapport";
/// Deadline: the unit must evaluate what it delivers.
pub(crate) const FRIST_EVALUERING: &str = "evaluering";
/// Deadline: the last day of the service passes.
pub(crate) const FRIST_UTLOP: &str = "utlop";

samspor_chassis::tilstand! {
    /// State of an oppdrag.
    pub(crate) enum Tilstand => OppdragTilstand {
        /// Offered.
        Tilbudt = "TILBUDT",
        /// Accepted.
        Akseptert = "AKSEPTERT",
        /// Declined.
        Avvist = "AVVIST",
        /// Delivered.
        Startet = "STARTET",
        /// Paused.
        Pauset = "PAUSET",
        /// Ended.
        Avsluttet = "AVSLUTTET",
    }
}

/// An oppdrag.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Oppdrag {
    pub(crate) person: String,
    pub(crate) id: String,
    pub(crate) versjon: i64,
    pub(crate) tilstand: Tilstand,
    /// Id of the vedtak; none for a service of at most 14 days.
    pub(crate) vedtak: Option<String>,
    pub(crate) linje_id: String,
    /// Unit id that ordered.
    pub(crate) bestiller: String,
    /// Unit id that it is offered to.
    pub(crate) enhet: String,
    /// Unit id that answers for the need now.
    pub(crate) ansvarlig_enhet: String,
    pub(crate) innhold: Innhold,
}

/// What nothing queries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Innhold {
    pub(crate) bestilling: Bestilling,
    pub(crate) tilbudt: Tid,
    /// Employee who decided the vedtak, and so made the relation.
    pub(crate) tilbudt_av: String,
    pub(crate) svarfrist: Tid,
    pub(crate) besvart: Option<(Tid, Aktor)>,
    pub(crate) avvist: Option<Avvisning>,
    /// When it first started.
    pub(crate) startet: Option<Tid>,
    /// First day that must be reported, where it is later than the start: what
    /// was delivered before a history was taken in need not be.
    #[serde(default)]
    pub(crate) rapporteres_fra: Option<Dag>,
    /// Set while it is paused.
    pub(crate) pause: Option<Pause>,
    /// Every pause, oldest first.
    #[serde(default)]
    pub(crate) pauser: Vec<Opphold>,
    pub(crate) slutt: Option<(Tid, Option<Aktor>, Slutt)>,
    /// Why its last day is where it is, where an amendment set it earlier.
    #[serde(default)]
    pub(crate) planlagt_slutt: Option<Slutt>,
    #[serde(default)]
    pub(crate) rapporter: Vec<Rapport>,
    #[serde(default)]
    pub(crate) evalueringer: Vec<Evaluering>,
    /// Why the last step was recorded later than it was taken.
    #[serde(default)]
    pub(crate) etterregistrert_grunn: String,
}

/// Days without delivery, between the day of a pause and that on which the
/// service was resumed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Opphold {
    pub(crate) fra: Dag,
    /// None while it lasts.
    pub(crate) til: Option<Dag>,
}

/// What was delivered in a period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rapport {
    pub(crate) fra: Dag,
    pub(crate) til: Dag,
    pub(crate) timer: f64,
    pub(crate) merknad: String,
    pub(crate) av: Aktor,
    pub(crate) tid: Tid,
}

/// What is ordered: the line as it was decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bestilling {
    #[serde(with = "tall")]
    pub(crate) type_: Tjenestetype,
    pub(crate) min_timer: f64,
    pub(crate) maks_timer: f64,
    /// The hours are an equal part of a shared line that says no shares.
    #[serde(default)]
    pub(crate) likt_delt: bool,
    pub(crate) fra: Dag,
    pub(crate) til: Option<Dag>,
    pub(crate) vilkar: Vec<String>,
    pub(crate) mal: String,
    pub(crate) leveringssted: String,
    pub(crate) helsehensyn: String,
    pub(crate) hjemmel: Option<Hjemmel>,
}

/// Why it was declined.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Avvisning {
    #[serde(with = "tall")]
    pub(crate) arsak: Avvisningsarsak,
    pub(crate) begrunnelse: String,
}

/// Why it is paused, and until when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pause {
    #[serde(with = "tall")]
    pub(crate) arsak: Pausearsak,
    pub(crate) begrunnelse: String,
    pub(crate) gjenopptas: Dag,
}

/// Why it ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Slutt {
    #[serde(with = "tall")]
    pub(crate) arsak: Avslutningsarsak,
    pub(crate) begrunnelse: String,
    /// What the person is offered instead.
    pub(crate) alternativ: String,
}

impl Innhold {
    /// How it ends when its last day has passed.
    pub(crate) fn ved_utlop(&self) -> Slutt {
        self.planlagt_slutt.clone().unwrap_or(Slutt {
            arsak: Avslutningsarsak::Utlopt,
            begrunnelse: String::new(),
            alternativ: String::new(),
        })
    }
}

impl Rapport {
    fn to_proto(&self) -> proto::Leveringsrapport {
        let Self {
            fra,
            til,
            timer,
            merknad,
            av,
            tid,
        } = self.clone();
        proto::Leveringsrapport {
            fra: fra.to_string(),
            til: til.to_string(),
            timer,
            merknad,
            av: Some(av.to_proto()),
            tid: Some(tid.into()),
        }
    }
}

impl Oppdrag {
    /// Neither declined nor ended.
    pub(crate) fn er_apent(&self) -> bool {
        !matches!(self.tilstand, Tilstand::Avvist | Tilstand::Avsluttet)
    }

    /// Resource name.
    pub(crate) fn name(&self) -> String {
        navn::post(&self.person, SAMLING, &self.id)
    }

    /// What events and deadlines are about; its owner is the unit that answers
    /// for the need, so that koordinering can follow who does.
    pub(crate) fn emne(&self) -> Emne {
        Emne {
            person: self.person.clone(),
            post: self.name(),
            eier: self.ansvarlig_enhet.clone(),
        }
    }

    /// The relation of the offer: the unit reads the oppdrag.
    pub(crate) fn tilbudsfaktum(&self, til: Option<Tid>) -> Faktum {
        let id = format!("utforer/{}", self.id);
        let offered = (self.innhold.tilbudt, til);
        self.relasjon(id, &self.enhet, Faktumtype::Utforer, self.name(), offered)
    }

    /// The relation of who ordered a service without a vedtak, limited to the
    /// order, until it ends: no application and no vedtak gives one. None under a
    /// vedtak.
    pub(crate) fn bestillerfaktum(&self, til: Option<Tid>) -> Option<Faktum> {
        let id = format!("bestiller/{}", self.id);
        let offered = (self.innhold.tilbudt, til);
        let fact = self.relasjon(id, &self.bestiller, Faktumtype::Sak, self.name(), offered);
        self.vedtak.is_none().then_some(fact)
    }

    /// The relation of an accepted oppdrag: a case confirmed by two agencies.
    /// What the unit delivers on it reads as the offer said, and no other
    /// vedtak of the person.
    pub(crate) fn leveringsfakta(&self, til: Option<Tid>) -> Option<Faktum> {
        let (accepted, _) = self.innhold.besvart.as_ref()?;
        let id = format!("sak/{}", self.id);
        let accepted = (*accepted, til);
        Some(self.relasjon(id, &self.enhet, Faktumtype::Sak, String::new(), accepted))
    }

    fn relasjon(
        &self,
        id: String,
        enhet: &str,
        type_: Faktumtype,
        post: String,
        (fra, til): (Tid, Option<Tid>),
    ) -> Faktum {
        Relasjon {
            id,
            subjekt: &self.person,
            part: Hvem::Enhet(enhet),
            type_,
            post,
            fra,
            til,
            opprettet_av: &self.innhold.tilbudt_av,
        }
        .faktum()
    }

    /// As the contract carries it.
    pub(crate) fn to_proto(&self) -> proto::Oppdrag {
        let Innhold {
            bestilling,
            tilbudt,
            tilbudt_av: _,
            svarfrist,
            besvart,
            avvist,
            startet,
            rapporteres_fra: _,
            pause,
            pauser: _,
            slutt,
            planlagt_slutt,
            rapporter,
            evalueringer,
            etterregistrert_grunn,
        } = self.innhold.clone();
        let begrunnelse = slutt
            .as_ref()
            .map(|(_, _, end)| end.begrunnelse.clone())
            .filter(|reason| !reason.is_empty())
            .or_else(|| pause.as_ref().map(|pause| pause.begrunnelse.clone()))
            .or_else(|| avvist.as_ref().map(|decline| decline.begrunnelse.clone()))
            .or_else(|| planlagt_slutt.as_ref().map(|end| end.begrunnelse.clone()))
            .unwrap_or_default();
        proto::Oppdrag {
            name: self.name(),
            etag: etag::etag(self.versjon),
            tilstand: OppdragTilstand::from(self.tilstand).into(),
            bestiller: navn::enhet(&self.bestiller),
            enhet: navn::enhet(&self.enhet),
            ansvarlig_enhet: navn::enhet(&self.ansvarlig_enhet),
            vedtak: self
                .vedtak
                .as_ref()
                .map(|id| navn::post(&self.person, vedtak::SAMLING, id))
                .unwrap_or_default(),
            kortvarig: self.vedtak.is_none(),
            rapporter: rapporter.iter().map(Rapport::to_proto).collect(),
            evalueringer: evalueringer.iter().map(Evaluering::to_proto).collect(),
            linje_id: self.linje_id.clone(),
            r#type: bestilling.type_.into(),
            min_timer: bestilling.min_timer,
            maks_timer: bestilling.maks_timer,
            likt_delt: bestilling.likt_delt,
            fra: bestilling.fra.to_string(),
            til: bestilling
                .til
                .map(|day| day.to_string())
                .unwrap_or_default(),
            vilkar: bestilling.vilkar,
            skjerming: None,
            mal: bestilling.mal,
            leveringssted: bestilling.leveringssted,
            helsehensyn: bestilling.helsehensyn,
            hjemmel: bestilling.hjemmel.map(|basis| basis.to_proto()),
            tilbudt: Some(tilbudt.into()),
            svarfrist: Some(svarfrist.into()),
            besvart: besvart.as_ref().map(|(at, _)| (*at).into()),
            besvart_av: besvart.map(|(_, who)| who.to_proto()),
            avvisningsarsak: avvist.map_or(0, |decline| decline.arsak.into()),
            startet: startet.map(Into::into),
            pausearsak: pause.as_ref().map_or(0, |pause| pause.arsak.into()),
            gjenopptas: pause
                .map(|pause| pause.gjenopptas.to_string())
                .unwrap_or_default(),
            avsluttet: slutt.as_ref().map(|(at, _, _)| (*at).into()),
            avsluttet_av: slutt
                .as_ref()
                .and_then(|(_, who, _)| who.as_ref().map(Aktor::to_proto)),
            avslutningsarsak: slutt.as_ref().map_or(0, |(_, _, end)| end.arsak.into()),
            alternativ: slutt
                .map(|(_, _, end)| end)
                .or(planlagt_slutt)
                .map(|end| end.alternativ)
                .unwrap_or_default(),
            begrunnelse,
            etterregistrert_grunn,
        }
    }
}
