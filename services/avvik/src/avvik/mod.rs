//! Avvik: what went wrong, which units answer for which part of it, and what
//! came of it. About a case, whose id tells no time; nothing in it names a
//! person ([`crate::detalj`] does).
//!
//! MELDT → UNDER_BEHANDLING ⇄ PA_VENT → LUKKET → UNDER_BEHANDLING; DUPLIKAT is an
//! end. A part: FORESLATT → AKSEPTERT → FERDIG, or RETURNERT. A measure: PLANLAGT →
//! UTFORT → VIRKET, or VIRKET_IKKE → ERSTATTET.
//! Invariants: exactly one unit answers for it at every step (I3): the first of
//! those that accepted a part, or the reporter's; a unit has at most one part
//! that goes on; closed only when each part is done, each measure had its effect
//! or was taken over from, and the reporter had feedback after that (I6).

mod frister;
#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]
pub(crate) mod prove;
pub(crate) mod rpc;
pub(crate) mod rules;
#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]
mod rulesprove;
pub(crate) mod store;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
pub(crate) mod varselprove;

use std::collections::{BTreeMap, BTreeSet};

use samspor_chassis::{
    domene::{Aktor, Dag, Emne, felles::tall, navn},
    store::etag,
    tid::Tid,
};
use samspor_proto::avvik::{
    self as proto, Alvorlighet, Arsakstype, AvvikTilstand, AvviksdelTilstand, Avvikskategori,
    Avvikskilde, Meldervurdering, TiltakTilstand,
};
use serde::{Deserialize, Serialize};

use crate::{dialog::Melding, sporsmal::Svar};

samspor_chassis::tilstand! {
    /// State of an avvik.
    pub(crate) enum Tilstand => AvvikTilstand {
        /// No unit has accepted a part.
        Meldt = "MELDT",
        /// Handled.
        UnderBehandling = "UNDER_BEHANDLING",
        /// Paused.
        PaVent = "PA_VENT",
        /// Closed.
        Lukket = "LUKKET",
        /// The same as another.
        Duplikat = "DUPLIKAT",
    }
}

samspor_chassis::tilstand! {
    /// State of a part.
    pub(crate) enum Deltilstand => AvviksdelTilstand {
        /// Proposed.
        Foreslatt = "FORESLATT",
        /// Accepted.
        Akseptert = "AKSEPTERT",
        /// Given back.
        Returnert = "RETURNERT",
        /// Done.
        Ferdig = "FERDIG",
    }
}

samspor_chassis::tilstand! {
    /// State of a measure.
    pub(crate) enum Tiltakstilstand => TiltakTilstand {
        /// To be done.
        Planlagt = "PLANLAGT",
        /// Done, not checked.
        Utfort = "UTFORT",
        /// It had its effect.
        Virket = "VIRKET",
        /// It had none.
        VirketIkke = "VIRKET_IKKE",
        /// Another took over.
        Erstattet = "ERSTATTET",
    }
}

/// An avvik.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Avvik {
    /// UUIDv4.
    pub(crate) id: String,
    pub(crate) versjon: i64,
    pub(crate) tilstand: Tilstand,
    pub(crate) melder_enhet: String,
    pub(crate) meldt: Tid,
    /// When the last feedback was given that nothing came after.
    pub(crate) tilbakemeldt: Option<Tid>,
    pub(crate) innhold: Innhold,
}

/// What nothing queries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Innhold {
    pub(crate) sak: Sak,
    /// Id of the detail.
    pub(crate) detalj: String,
    pub(crate) vurdert: Option<Vurdering>,
    pub(crate) deler: Vec<Del>,
    pub(crate) tilbakemeldinger: Vec<Tilbakemelding>,
    /// A reporter does not agree with the last feedback.
    #[serde(default)]
    pub(crate) innvending: bool,
    pub(crate) pause: Option<Pause>,
    /// Id of the avvik that it is the same as.
    pub(crate) duplikat_av: String,
    /// Units that reported the same and are told of every step, since when.
    pub(crate) folgere: BTreeMap<String, Tid>,
    pub(crate) avsluttet: Option<Avslutning>,
    /// Why it was opened again.
    pub(crate) gjenapnet: String,
    /// What was said with whoever reported it anonymously.
    #[serde(default)]
    pub(crate) dialog: Vec<Melding>,
}

/// What was reported.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sak {
    #[serde(with = "tall")]
    pub(crate) kategori: Avvikskategori,
    pub(crate) underkategori: String,
    #[serde(with = "tall")]
    pub(crate) kilde: Avvikskilde,
    pub(crate) anonym: bool,
    pub(crate) hendt: Tid,
    pub(crate) sammendrag: String,
    #[serde(with = "tall")]
    pub(crate) alvorlighet: Alvorlighet,
    pub(crate) svar: Vec<Svar>,
    pub(crate) spor: Vec<String>,
}

/// The assessed severity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Vurdering {
    #[serde(with = "tall")]
    pub(crate) alvorlighet: Alvorlighet,
    pub(crate) begrunnelse: String,
}

/// A unit's part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Del {
    pub(crate) enhet: String,
    pub(crate) tilstand: Deltilstand,
    pub(crate) hva: String,
    pub(crate) foreslatt: Tid,
    pub(crate) kvitteringsfrist: Tid,
    /// It was told that the unit did not answer.
    pub(crate) kvittering_brutt: bool,
    pub(crate) besvart: Option<Tid>,
    pub(crate) begrunnelse: String,
    pub(crate) arsaker: Vec<Arsak>,
    pub(crate) tiltak: Vec<Tiltak>,
    pub(crate) ferdig: Option<Tid>,
    pub(crate) konklusjon: String,
}

/// A cause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Arsak {
    #[serde(with = "tall")]
    pub(crate) type_: Arsakstype,
    pub(crate) beskrivelse: String,
    pub(crate) delt: String,
    pub(crate) eiere: Vec<String>,
}

/// A measure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tiltak {
    pub(crate) nr: i32,
    pub(crate) beskrivelse: String,
    pub(crate) enhet: String,
    pub(crate) tilstand: Tiltakstilstand,
    pub(crate) frist: Dag,
    pub(crate) kontrolldag: Dag,
    /// It was told that it was not done.
    pub(crate) frist_brutt: bool,
    /// It was told that its effect was not checked.
    pub(crate) kontroll_brutt: bool,
    pub(crate) utfort: Option<(Tid, Aktor)>,
    pub(crate) kontrollert: Option<Tid>,
    pub(crate) effekt: String,
    pub(crate) erstatter: i32,
}

/// Feedback to the reporter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tilbakemelding {
    pub(crate) enhet: String,
    pub(crate) tid: Tid,
    pub(crate) tekst: String,
    #[serde(default)]
    pub(crate) svar: Vec<Tilbakemeldingssvar>,
}

/// What a unit that reported it makes of the feedback.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tilbakemeldingssvar {
    pub(crate) enhet: String,
    pub(crate) tid: Tid,
    #[serde(with = "tall")]
    pub(crate) vurdering: Meldervurdering,
    pub(crate) tekst: String,
}

/// A pause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pause {
    pub(crate) til: Dag,
    pub(crate) begrunnelse: String,
    /// It was told that it is over.
    pub(crate) varslet: bool,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Avslutning {
    pub(crate) tid: Tid,
    pub(crate) av: Aktor,
    pub(crate) konklusjon: String,
}

impl Tiltak {
    /// It had its effect, or another took over.
    pub(crate) fn apent(&self) -> bool {
        !matches!(
            self.tilstand,
            Tiltakstilstand::Virket | Tiltakstilstand::Erstattet
        )
    }

    fn to_proto(&self) -> proto::Avvikstiltak {
        proto::Avvikstiltak {
            nr: self.nr,
            beskrivelse: self.beskrivelse.clone(),
            enhet: navn::enhet(&self.enhet),
            tilstand: TiltakTilstand::from(self.tilstand).into(),
            frist: self.frist.to_string(),
            utfort: self.utfort.as_ref().map(|(when, _)| (*when).into()),
            kontrolldag: self.kontrolldag.to_string(),
            kontrollert: self.kontrollert.map(Into::into),
            effekt: self.effekt.clone(),
            erstatter: self.erstatter,
        }
    }
}

impl Del {
    /// The unit has not given it back.
    pub(crate) fn gjelder(&self) -> bool {
        self.tilstand != Deltilstand::Returnert
    }

    /// The unit took it.
    pub(crate) fn tatt(&self) -> bool {
        matches!(self.tilstand, Deltilstand::Akseptert | Deltilstand::Ferdig)
    }

    /// Something in it is to be done.
    pub(crate) fn apen(&self) -> bool {
        matches!(
            self.tilstand,
            Deltilstand::Foreslatt | Deltilstand::Akseptert
        )
    }

    fn to_proto(&self) -> proto::Avviksdel {
        let cause = |cause: &Arsak| proto::Arsak {
            r#type: cause.type_.into(),
            beskrivelse: cause.beskrivelse.clone(),
            delt: cause.delt.clone(),
            eiere: cause.eiere.iter().map(|unit| navn::enhet(unit)).collect(),
        };
        proto::Avviksdel {
            enhet: navn::enhet(&self.enhet),
            tilstand: AvviksdelTilstand::from(self.tilstand).into(),
            foreslatt: Some(self.foreslatt.into()),
            hva: self.hva.clone(),
            kvitteringsfrist: Some(self.kvitteringsfrist.into()),
            kvittering_brutt: self.kvittering_brutt,
            besvart: self.besvart.map(Into::into),
            begrunnelse: self.begrunnelse.clone(),
            arsaker: self.arsaker.iter().map(cause).collect(),
            tiltak: self.tiltak.iter().map(Tiltak::to_proto).collect(),
            ferdig: self.ferdig.map(Into::into),
            konklusjon: self.konklusjon.clone(),
        }
    }
}

impl Avvik {
    /// Resource name.
    pub(crate) fn name(&self) -> String {
        navn_pa(&self.id)
    }

    /// Parts that were not given back.
    pub(crate) fn deler(&self) -> impl Iterator<Item = &Del> {
        self.innhold.deler.iter().filter(|part| part.gjelder())
    }

    /// Measures of those.
    pub(crate) fn tiltak(&self) -> impl Iterator<Item = &Tiltak> {
        self.deler().flat_map(|part| &part.tiltak)
    }

    /// The part of a unit, which it has not given back.
    pub(crate) fn del_hos(&self, enhet: &str) -> Option<&Del> {
        self.deler().filter(|part| part.enhet == enhet).last()
    }

    /// The unit that answers for it (I3). That of an anonymous reporter comes last
    /// of those that took a part: it cannot close what one of its own reported.
    pub(crate) fn ansvarlig(&self) -> &str {
        self.deler()
            .filter(|part| part.tatt())
            .min_by_key(|part| (self.anonymt_fra(&part.enhet), part.besvart))
            .map_or(&self.melder_enhet, |part| &part.enhet)
    }

    /// Reported by somebody of the unit, and nobody knows by whom.
    pub(crate) fn anonymt_fra(&self, enhet: &str) -> bool {
        self.innhold.sak.anonym && self.melder_enhet == enhet
    }

    /// Parts whose units are in dialogue with an anonymous reporter.
    pub(crate) fn i_dialog(&self) -> impl Iterator<Item = &Del> {
        let anonymous = self.innhold.sak.anonym;
        let parts = self.deler().filter(move |part| anonymous && part.tatt());
        parts.filter(|part| !self.anonymt_fra(&part.enhet))
    }

    /// Units that are told of every step as the reporter is.
    pub(crate) fn meldere(&self) -> BTreeSet<&str> {
        let followers = self.innhold.folgere.keys().map(String::as_str);
        followers.chain([self.melder_enhet.as_str()]).collect()
    }

    /// Units that hear that a reporter does not agree: the one that gave the
    /// feedback, while it is party to it, and the one that answers for it.
    pub(crate) fn horer_innvending(&self) -> BTreeSet<&str> {
        let gave = self.innhold.tilbakemeldinger.last();
        let gave = gave.map(|feedback| feedback.enhet.as_str());
        let gave = gave.filter(|unit| self.parter().contains(unit));
        gave.into_iter().chain([self.ansvarlig()]).collect()
    }

    /// Units that are party to it.
    pub(crate) fn parter(&self) -> BTreeSet<&str> {
        let parts = self.deler().map(|part| part.enhet.as_str());
        self.meldere().into_iter().chain(parts).collect()
    }

    /// Which unit may read which of its records, and since when: the avvik for
    /// every party, the detail for those that took a part and for the unit of a
    /// reporter who is known, the dialogue as it is with one who is not.
    pub(crate) fn adgang(&self) -> BTreeMap<(&str, String), Tid> {
        let mut since = BTreeMap::new();
        let mut add = |unit, post: String, from: Tid| {
            let known = since.entry((unit, post)).or_insert(from);
            *known = from.min(*known);
        };
        let (head, detail) = (self.name(), self.detaljnavn());
        for (unit, from) in &self.innhold.folgere {
            add(unit.as_str(), head.clone(), *from);
        }
        for part in self.deler() {
            add(&part.enhet, head.clone(), part.foreslatt);
            if let Some(taken) = part.besvart {
                add(&part.enhet, detail.clone(), taken);
            }
        }
        for part in self.i_dialog() {
            let taken = part.besvart.unwrap_or(part.foreslatt);
            add(&part.enhet, self.dialognavn(), taken);
        }
        add(&self.melder_enhet, head, self.meldt);
        if !self.innhold.sak.anonym {
            add(&self.melder_enhet, detail, self.meldt);
        }
        since
    }

    /// Name of the detail.
    fn detaljnavn(&self) -> String {
        format!("{}/detaljer/{}", self.name(), self.innhold.detalj)
    }

    /// Name of the dialogue; of one with a name there is none.
    pub(crate) fn dialognavn(&self) -> String {
        if !self.innhold.sak.anonym {
            return String::new();
        }
        format!("{}/dialoger/{}", self.name(), self.innhold.detalj)
    }

    /// Whether it goes on.
    pub(crate) fn apent(&self) -> bool {
        !matches!(self.tilstand, Tilstand::Lukket | Tilstand::Duplikat)
    }

    /// Whether it waits for a party to do something.
    pub(crate) fn venter_pa(&self, enhet: &str) -> bool {
        let open = matches!(self.tilstand, Tilstand::Meldt | Tilstand::UnderBehandling);
        open && (self.ansvarlig() == enhet || self.del_hos(enhet).is_some_and(Del::apen))
    }

    /// What events and deadlines are about: no person.
    pub(crate) fn emne(&self) -> Emne {
        Emne {
            person: String::new(),
            post: self.name(),
            eier: self.ansvarlig().to_owned(),
        }
    }

    /// As the contract carries it.
    pub(crate) fn to_proto(&self) -> proto::Avvik {
        let Innhold {
            sak,
            detalj: _,
            vurdert,
            deler,
            tilbakemeldinger,
            innvending: _,
            pause,
            duplikat_av,
            folgere: _,
            avsluttet,
            gjenapnet,
            dialog: _,
        } = self.innhold.clone();
        let answer = |one: Tilbakemeldingssvar| proto::Tilbakemeldingssvar {
            enhet: navn::enhet(&one.enhet),
            tid: Some(one.tid.into()),
            vurdering: one.vurdering.into(),
            tekst: one.tekst,
        };
        let feedback = |one: Tilbakemelding| proto::Tilbakemelding {
            enhet: navn::enhet(&one.enhet),
            tid: Some(one.tid.into()),
            tekst: one.tekst,
            svar: one.svar.into_iter().map(answer).collect(),
        };
        let (assessed, why) = vurdert.map_or((Alvorlighet::Unspecified, String::new()), |one| {
            (one.alvorlighet, one.begrunnelse)
        });
        proto::Avvik {
            name: self.name(),
            etag: etag::etag(self.versjon),
            ansvarlig_enhet: navn::enhet(self.ansvarlig()),
            tilstand: AvvikTilstand::from(self.tilstand).into(),
            kategori: sak.kategori.into(),
            underkategori: sak.underkategori,
            melder_enhet: navn::enhet(&self.melder_enhet),
            kilde: sak.kilde.into(),
            anonym: sak.anonym,
            hendt: Some(sak.hendt.into()),
            meldt: Some(self.meldt.into()),
            sammendrag: sak.sammendrag,
            alvorlighet_meldt: sak.alvorlighet.into(),
            alvorlighet_vurdert: assessed.into(),
            alvorlighet_begrunnelse: why,
            svar: sak.svar.iter().map(Svar::to_proto).collect(),
            spor: sak.spor,
            deler: deler.iter().map(Del::to_proto).collect(),
            tilbakemeldinger: tilbakemeldinger.into_iter().map(feedback).collect(),
            pause_til: pause
                .as_ref()
                .map(|one| one.til.to_string())
                .unwrap_or_default(),
            pause_begrunnelse: pause.map(|one| one.begrunnelse).unwrap_or_default(),
            duplikat_av: if duplikat_av.is_empty() {
                String::new()
            } else {
                navn_pa(&duplikat_av)
            },
            lukket: avsluttet.as_ref().map(|end| end.tid.into()),
            lukket_av: avsluttet.as_ref().map(|end| end.av.to_proto()),
            konklusjon: avsluttet.map(|end| end.konklusjon).unwrap_or_default(),
            mangler: if self.apent() {
                rules::mangler(self)
            } else {
                Vec::new()
            },
            detalj: self.detaljnavn(),
            gjenapnet_begrunnelse: gjenapnet,
            dialog: self.dialognavn(),
            skjerming: None,
        }
    }
}

/// `avvik/{sak}`.
pub(crate) fn navn_pa(id: &str) -> String {
    format!("avvik/{id}")
}
