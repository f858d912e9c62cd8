//! Innboks: what has come to a unit and waits for someone to take it.
//!
//! APEN → KVITTERT (someone took it) | BORTFALT (there is nothing left to
//! take). The list holds what is not done, taken or not, with what breaks next
//! first. Filled by the events of bestillerkontor and of boligkontor ([`bolig`]),
//! by three missed contacts in a row, and by deadlines of the unit's own records, which become tasks when
//! they are near. Invariants: an event makes one task however often it arrives; the task
//! says which record it is about and nothing of what is in it; taking it does
//! not stop its deadline, only doing what it asks for does.

pub(crate) mod bolig;
pub(crate) mod rpc;
pub(crate) mod rules;
pub(crate) mod store;

use samspor_chassis::{
    domene::{Aktor, Emne, navn},
    feeds::Consumer,
    store::etag,
    tid::Tid,
};
use samspor_proto::rop::{self as proto, OppgaveTilstand, Oppgavetype};
use serde::{Deserialize, Deserializer, Serialize};

use crate::ENHET;

/// Collection in the resource name.
pub(crate) const SAMLING: &str = "oppgaver";

/// Deadline of a task that no other record has a deadline for.
pub(crate) const FRIST_OPPGAVE: &str = "oppgave";

/// What bestillerkontor offers to the unit becomes tasks.
pub(crate) const FRA_BESTILLERKONTOR: Consumer = Consumer {
    from: "bestillerkontor",
    enhet: ENHET,
    apply: rpc::fra_bestillerkontor,
};

samspor_chassis::tilstand! {
    /// State of a task.
    pub(crate) enum Tilstand => OppgaveTilstand {
        /// Waits.
        Apen = "APEN",
        /// Someone took it.
        Kvittert = "KVITTERT",
        /// What it was about was declined or ended.
        Bortfalt = "BORTFALT",
    }
}

samspor_chassis::tilstand! {
    /// Kind of a task.
    pub(crate) enum Type => Oppgavetype {
        /// An oppdrag is offered.
        OppdragTilbudt = "OPPDRAG_TILBUDT",
        /// Look for the person.
        Oppsokende = "OPPSOKENDE",
        /// Offer again what was declined.
        NyttTilbud = "NYTT_TILBUD",
        /// Say what came of a planned contact.
        PlanlagtKontakt = "PLANLAGT_KONTAKT",
        /// Evaluate a plan of treatment.
        Evaluering = "EVALUERING",
        /// Take the next step towards a person.
        Kontaktsteg = "KONTAKTSTEG",
        /// Answer feedback.
        Tilbakemelding = "TILBAKEMELDING",
        /// Assess the risk anew.
        Risikovurdering = "RISIKOVURDERING",
        /// Read again what is granted: the oppdrag was amended.
        OppdaterTiltak = "OPPDATER_TILTAK",
        /// See to a person whose score of FIT is low.
        FitUnderGrensen = "FIT_UNDER_GRENSEN",
        /// Go through a crisis plan.
        Kriseplan = "KRISEPLAN",
        /// Deliver something, or end the oppfølging.
        AvsluttOppfolging = "AVSLUTT_OPPFOLGING",
        /// Confirm an oppfølging.
        BekreftOppfolging = "BEKREFT_OPPFOLGING",
        /// An application for a dwelling is to be assessed.
        Boligsak = "BOLIGSAK",
        /// Find the person another dwelling.
        FinnBolig = "FINN_BOLIG",
        /// Answer a joint case about arrears.
        Restanse = "RESTANSE",
        /// Answer a concern about a tenant.
        Bekymring = "BEKYMRING",
        /// See to a tenant who renounced all follow-up.
        OppfolgingAvslatt = "OPPFOLGING_AVSLATT",
        /// See to where a tenant goes whose tenancy is ended.
        LeieforholdOppsagt = "LEIEFORHOLD_OPPSAGT",
    }
}

impl Type {
    /// Boligkontor asks for it.
    pub(crate) const fn er_bolig(self) -> bool {
        matches!(
            self,
            Self::Boligsak
                | Self::FinnBolig
                | Self::Restanse
                | Self::Bekymring
                | Self::OppfolgingAvslatt
                | Self::LeieforholdOppsagt
        )
    }

    /// There is no record of what is done about it: who takes it does it.
    pub(crate) const fn gjort_nar_tatt(self) -> bool {
        matches!(self, Self::OppfolgingAvslatt | Self::LeieforholdOppsagt)
    }
}

/// A task.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Oppgave {
    pub(crate) person: String,
    pub(crate) id: String,
    pub(crate) versjon: i64,
    /// Unit id whose inbox it is in.
    pub(crate) ansvarlig_enhet: String,
    pub(crate) tilstand: Tilstand,
    pub(crate) type_: Type,
    /// Name of the record that it is about.
    pub(crate) post: String,
    pub(crate) innhold: Innhold,
}

/// What nothing queries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Innhold {
    /// Since when it waits.
    pub(crate) siden: Tid,
    pub(crate) kvittert: Option<(Tid, Aktor)>,
    /// When it must be done; at the beginning of time for tasks from before
    /// every task had a deadline.
    #[serde(default, deserialize_with = "eller_alltid")]
    pub(crate) frist: Tid,
    /// When what it asks for was done.
    #[serde(default)]
    pub(crate) utfort: Option<Tid>,
}

fn eller_alltid<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Tid, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl Oppgave {
    /// Whether it stands in the work list: nobody took it, or what it asks for
    /// was not done.
    pub(crate) fn venter(&self) -> bool {
        self.tilstand != Tilstand::Bortfalt && self.innhold.utfort.is_none()
    }

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

    /// As the contract carries it.
    pub(crate) fn to_proto(&self) -> proto::Oppgave {
        let Innhold {
            siden,
            kvittert,
            frist,
            utfort,
        } = self.innhold.clone();
        proto::Oppgave {
            name: self.name(),
            etag: etag::etag(self.versjon),
            ansvarlig_enhet: navn::enhet(&self.ansvarlig_enhet),
            tilstand: OppgaveTilstand::from(self.tilstand).into(),
            r#type: Oppgavetype::from(self.type_).into(),
            post: self.post.clone(),
            siden: Some(siden.into()),
            kvittert: kvittert.as_ref().map(|(at, _)| (*at).into()),
            kvittert_av: kvittert.map(|(_, who)| who.to_proto()),
            skjerming: None,
            frist: Some(frist.into()),
            utfort: utfort.map(Into::into),
        }
    }
}
