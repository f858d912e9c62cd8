//! Vedtak: one samlet decision with a line per service.
//!
//! UTKAST → TIL_GODKJENNING → FATTET → UNDERRETTET → IVERKSATT, and from the
//! last three OPPHORT (by a decision) or UTLOPT (by its last day); a vedtak
//! that waits for a decision can be returned to draft, a draft discarded
//! (FORKASTET), and a klage can bring back a vedtak that has ended. Who was not told of
//! one that has run out still is, and the unit that decided keeps the case for
//! as long as it can be disputed. Invariants: whoever
//! wrote on the draft does not decide it; past the draft it has hjemmel,
//! begrunnelse and exactly one hovedansvarlig among its units; a person has
//! one hovedansvarlig, however many vedtak are in force. Who decides on which
//! types of service is the municipality's file: one unit decides one samlet
//! vedtak, or several units their own lines of one application.
//!
//! A vedtak in force is amended by version: an amendment is proposed, decided
//! by another, and takes force in one step with its orders; then the person is
//! told again. Another unit with the main responsibility is a version too.
//! Nothing is changed backwards in time.

pub(crate) mod avslag;
pub(crate) mod bolig;
pub(crate) mod endring;
pub(crate) mod etterlevelse;
pub(crate) mod forslag;
pub(crate) mod hovedansvar;
pub(crate) mod innhold;
mod klokker;
pub(crate) mod overtakelse;
pub(crate) mod rpc;
pub(crate) mod rules;
pub(crate) mod slutt;
pub(crate) mod store;

use std::collections::BTreeSet;

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
    bestillerkontor::{self as proto, KlageTilstand, Statsforvalterutfall, VedtakTilstand},
    felles::{Faktum, Faktumtype},
};
use serde::{Deserialize, Serialize};

pub(crate) use self::forslag::{Endring, Linjeslutt};
use self::innhold::Innhold;
use crate::{evaluering::Evaluering, kartlegging, klage, soknad};

/// Collection in the resource name.
pub(crate) const SAMLING: &str = "vedtak";
/// Deadline: the person must be told of the decision.
pub(crate) const FRIST_UNDERRETNING: &str = "underretning";
/// Deadline: the last day passes; the warning is the time for evaluation.
pub(crate) const FRIST_UTLOP: &str = "utlop";
/// Deadline: the evaluation before the last day.
pub(crate) const FRIST_EVALUERING: &str = "evaluering";
/// Deadline: what was decided on a discharge from hospital is assessed anew.
pub(crate) const FRIST_REVURDERING: &str = "revurdering";
/// Deadline: a draft that was sent must be decided.
pub(crate) const FRIST_GODKJENNING: &str = "godkjenning";
/// Deadline: a draft must be completed by the unit that decides.
pub(crate) const FRIST_FERDIGSTILLING: &str = "ferdigstilling";
/// Deadline: an amendment that was proposed must be decided.
pub(crate) const FRIST_ENDRING: &str = "endring";
/// Deadline: a right to a dwelling must become one.
pub(crate) const FRIST_BOLIG: &str = "bolig";
/// Deadline: a unit that delivers something must have the main responsibility.
pub(crate) const FRIST_HOVEDANSVAR: &str = "hovedansvar";
/// Deadline: it must be settled what becomes of a service that its unit ended.
pub(crate) const FRIST_OPPFOLGING: &str = "oppfolging";
/// Deadline: what the statsforvalter decided must be carried out.
pub(crate) const FRIST_ETTERLEVELSE: &str = "etterlevelse";

samspor_chassis::tilstand! {
    /// State of a vedtak.
    pub(crate) enum Tilstand => VedtakTilstand {
        /// Draft.
        Utkast = "UTKAST",
        /// Waits for a decision.
        TilGodkjenning = "TIL_GODKJENNING",
        /// Decided.
        Fattet = "FATTET",
        /// The person was told.
        Underrettet = "UNDERRETTET",
        /// The person was told and a service has started.
        Iverksatt = "IVERKSATT",
        /// Ended by a decision.
        Opphort = "OPPHORT",
        /// Ended by its last day.
        Utlopt = "UTLOPT",
        /// A draft that was discarded.
        Forkastet = "FORKASTET",
    }
}

/// A vedtak.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Vedtak {
    pub(crate) person: String,
    pub(crate) id: String,
    pub(crate) versjon: i64,
    pub(crate) tilstand: Tilstand,
    /// Unit id that decides.
    pub(crate) ansvarlig_enhet: String,
    /// Id of the application that it answers.
    pub(crate) soknad: String,
    /// What it says.
    pub(crate) innhold: Innhold,
    /// What has happened to it.
    pub(crate) forlop: Forlop,
}

/// What has happened to a vedtak.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Forlop {
    pub(crate) opprettet: Tid,
    /// Everyone who wrote on the draft.
    pub(crate) forfattere: Vec<Aktor>,
    pub(crate) retur_begrunnelse: String,
    pub(crate) fattet: Option<Fatting>,
    pub(crate) underretning: Option<Underretning>,
    /// When the first service started.
    pub(crate) iverksatt: Option<Tid>,
    pub(crate) avslutning: Option<Avslutning>,
    /// Number of the content: 0 in a draft.
    #[serde(default)]
    pub(crate) innholdsversjon: i32,
    /// Unit id that holds the application; empty: bestillerkontor.
    #[serde(default)]
    pub(crate) soknadens_enhet: String,
    /// Name of the mapping that a deciding unit was given with the draft.
    #[serde(default)]
    pub(crate) kartlegging: Option<String>,
    /// When what a hospital said is assessed anew; none when it was.
    #[serde(default)]
    pub(crate) revurderes: Option<Tid>,
    #[serde(default)]
    pub(crate) utsatt: Option<Utsettelse>,
    /// The amendment that waits.
    #[serde(default)]
    pub(crate) endring: Option<Endring>,
    /// How this content came, where it is an amendment.
    #[serde(default)]
    pub(crate) endret: Option<Endret>,
    /// Why the draft was discarded.
    #[serde(default)]
    pub(crate) forkastet: String,
    #[serde(default)]
    pub(crate) evalueringer: Vec<Evaluering>,
    /// What became of the right to a dwelling, oldest first.
    #[serde(default)]
    pub(crate) boligmeldinger: Vec<bolig::Melding>,
    #[serde(default)]
    pub(crate) klageutfall: Vec<Klageutfall>,
}

/// Telling the person is postponed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Utsettelse {
    pub(crate) til: Dag,
    pub(crate) begrunnelse: String,
}

/// An amendment that took force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Endret {
    pub(crate) tid: Tid,
    pub(crate) av: Aktor,
    pub(crate) begrunnelse: String,
}

/// What came of a klage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Klageutfall {
    /// Id of the klage.
    pub(crate) klage: String,
    pub(crate) tilstand: klage::Tilstand,
    #[serde(with = "tall")]
    pub(crate) avgjorelse: Statsforvalterutfall,
    pub(crate) tid: Tid,
    /// Number of the content that the vedtak had then.
    #[serde(default)]
    pub(crate) versjon: i32,
    /// How it was carried out, where that is not by the next version.
    #[serde(default)]
    pub(crate) etterlevd: Option<etterlevelse::Etterlevelse>,
}

/// A version as it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Utgave {
    pub(crate) innhold: Innhold,
    pub(crate) endret: Option<Endret>,
    /// Set where it had been ended, and came into force again on klage.
    #[serde(default)]
    pub(crate) avslutning: Option<Avslutning>,
}

/// The decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Fatting {
    pub(crate) tid: Tid,
    pub(crate) av: Aktor,
    /// Id of the mapping that it stands on.
    #[serde(default)]
    pub(crate) kartlegging: Option<String>,
}

/// The person was told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Underretning {
    pub(crate) tid: Tid,
    pub(crate) mate: String,
    /// Last day for klage.
    pub(crate) klagefrist: Dag,
    /// Number of the content that the person was told of.
    #[serde(default)]
    pub(crate) versjon: i32,
    #[serde(default)]
    pub(crate) etterregistrert_grunn: String,
}

/// The end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Avslutning {
    pub(crate) tid: Tid,
    /// None when its last day passed.
    pub(crate) vedtatt: Option<Opphor>,
}

/// A decision to end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Opphor {
    pub(crate) av: Aktor,
    pub(crate) begrunnelse: String,
    pub(crate) hjemmel: Hjemmel,
    /// What the person is offered instead.
    pub(crate) alternativ: String,
    /// How the person was told.
    #[serde(default)]
    pub(crate) varsel: String,
}

impl Klageutfall {
    fn to_proto(&self, person: &str) -> proto::Klageutfall {
        let Self {
            klage,
            tilstand,
            avgjorelse,
            tid,
            versjon: _,
            etterlevd,
        } = self.clone();
        proto::Klageutfall {
            klage: navn::post(person, klage::SAMLING, &klage),
            tilstand: KlageTilstand::from(tilstand).into(),
            avgjorelse: avgjorelse.into(),
            tid: Some(tid.into()),
            etterlevd_ved: etterlevd
                .as_ref()
                .map(|met| navn::post(person, SAMLING, &met.vedtak))
                .unwrap_or_default(),
            etterlevd_av: etterlevd.as_ref().map(|met| met.av.to_proto()),
            etterlevd: etterlevd.as_ref().map(|met| met.tid.into()),
            etterlevd_begrunnelse: etterlevd.map(|met| met.begrunnelse).unwrap_or_default(),
        }
    }

    /// What the statsforvalter decided must be carried out.
    pub(crate) fn ma_etterleves(&self) -> bool {
        matches!(
            self.avgjorelse,
            Statsforvalterutfall::Endret | Statsforvalterutfall::Opphevet
        )
    }

    /// It waits to be carried out, while the content is still this. A later
    /// outcome takes nothing of it away.
    pub(super) fn venter(&self, innholdsversjon: i32) -> bool {
        self.ma_etterleves() && self.versjon == innholdsversjon && self.etterlevd.is_none()
    }
}

impl Vedtak {
    /// Resource name.
    pub(crate) fn name(&self) -> String {
        navn::post(&self.person, SAMLING, &self.id)
    }

    /// What events and deadlines are about.
    pub(crate) fn emne(&self) -> Emne {
        Emne {
            person: self.person.clone(),
            post: self.name(),
            eier: self.ansvarlig_enhet.clone(),
        }
    }

    /// It was in force, and is no longer.
    pub(crate) fn er_avsluttet(&self) -> bool {
        matches!(self.tilstand, Tilstand::Opphort | Tilstand::Utlopt)
    }

    /// The person was told of what it says now.
    pub(crate) fn er_underrettet(&self) -> bool {
        let told = self.forlop.underretning.as_ref();
        told.is_some_and(|told| told.versjon >= self.forlop.innholdsversjon)
    }

    /// Unit ids of the lines: those that deliver, each once.
    pub(crate) fn utforere(&self) -> BTreeSet<&str> {
        let lines = self.innhold.linjer.iter();
        lines
            .flat_map(|line| line.enheter.iter().map(String::as_str))
            .collect()
    }

    /// Unit ids of everyone who is party to it.
    pub(crate) fn parter(&self) -> BTreeSet<&str> {
        let named = self.innhold.parter.iter().map(String::as_str);
        let housing = self.innhold.bolig.iter().map(|line| line.enhet.as_str());
        // Whoever has the main responsibility by another vedtak is party to all.
        let responsible = Some(self.innhold.hovedansvarlig.as_str());
        self.utforere()
            .into_iter()
            .chain(named)
            .chain(housing)
            .chain(responsible.filter(|unit| !unit.is_empty()))
            .collect()
    }

    /// The relations that a vedtak in force gives, ended at `til`.
    pub(crate) fn fakta(&self, til: Option<Tid>) -> Vec<Faktum> {
        if self.forlop.fattet.is_none() {
            return Vec::new();
        }
        let mut facts = self.sak(til);
        for enhet in self.parter() {
            facts.extend(self.enhetens_fakta(enhet, til));
        }
        facts.extend(self.boligforvalterens_faktum(til));
        facts
    }

    /// The office that manages dwellings reads what one must have for the right,
    /// whichever unit allocates it.
    fn boligforvalterens_faktum(&self, til: Option<Tid>) -> Option<Faktum> {
        let Fatting { tid, av, .. } = self.forlop.fattet.as_ref()?;
        self.innhold.bolig.as_ref()?;
        let relation = Relasjon {
            id: format!("boligforvalter/{}", self.id),
            subjekt: &self.person,
            part: Hvem::Enhet(crate::BOLIGKONTOR),
            type_: Faktumtype::Utleier,
            post: self.name(),
            fra: *tid,
            til,
            opprettet_av: &av.ansatt,
        };
        Some(relation.faktum())
    }

    /// Who decided it, its last amendment and its end.
    pub(crate) fn besluttet_av(&self) -> impl Iterator<Item = &Aktor> {
        let Forlop {
            fattet,
            endret,
            avslutning,
            ..
        } = &self.forlop;
        let decided = fattet.iter().map(|decision| &decision.av);
        let changed = endret.iter().map(|change| &change.av);
        let ended = avslutning.iter().filter_map(|end| end.vedtatt.as_ref());
        decided.chain(changed).chain(ended.map(|end| &end.av))
    }

    /// Unit id that holds the application.
    pub(crate) fn soknadens_enhet(&self) -> &str {
        match self.forlop.soknadens_enhet.as_str() {
            "" => crate::ENHET,
            unit => unit,
        }
    }

    /// Another unit decides than holds the application.
    pub(crate) fn er_overlatt(&self) -> bool {
        self.ansvarlig_enhet != self.soknadens_enhet()
    }

    /// The relations of the unit that decided, and of the one that holds the
    /// application: it answers for the case as long.
    pub(crate) fn sak(&self, til: Option<Tid>) -> Vec<Faktum> {
        let Some(Fatting { tid, av, .. }) = &self.forlop.fattet else {
            return Vec::new();
        };
        // What another unit was given with the draft goes on: by the same act,
        // and without a gap.
        let (since, by) = match self.forlop.forfattere.first() {
            Some(author) if self.er_overlatt() => (self.forlop.opprettet, author),
            _ => (*tid, av),
        };
        let mut facts = self.myndighetens_fakta(since, til, by, self.kartlegging());
        if self.er_overlatt() {
            let (unit, id) = (self.soknadens_enhet(), format!("{}/soknad", self.id));
            let post = navn::post(&self.person, soknad::SAMLING, &self.soknad);
            facts.extend(crate::sak_hos(
                unit,
                &id,
                &self.person,
                &post,
                (*tid, til),
                av,
            ));
        }
        facts
    }

    /// The relations of the unit that decides: the open case, and the
    /// application and its mapping, where another unit holds them.
    pub(crate) fn myndighetens_fakta(
        &self,
        fra: Tid,
        til: Option<Tid>,
        av: &Aktor,
        kartlegging: Option<String>,
    ) -> Vec<Faktum> {
        let unit = self.ansvarlig_enhet.as_str();
        let mut facts = crate::sak_hos(unit, &self.id, &self.person, &self.name(), (fra, til), av);
        if !self.er_overlatt() {
            return facts;
        }
        let soknad = navn::post(&self.person, soknad::SAMLING, &self.soknad);
        let given = [("soknad", Some(soknad)), ("kartlegging", kartlegging)];
        for (word, post) in given {
            let Some(post) = post else { continue };
            let relation = Relasjon {
                id: format!("myndighet_{word}/{}", self.id),
                subjekt: &self.person,
                part: Hvem::Enhet(unit),
                type_: Faktumtype::Utforer,
                post,
                fra,
                til,
                opprettet_av: &av.ansatt,
            };
            facts.push(relation.faktum());
        }
        facts
    }

    /// Resource name of the mapping that the decision stands on.
    fn kartlegging(&self) -> Option<String> {
        let id = self.forlop.fattet.as_ref()?.kartlegging.as_ref()?;
        Some(navn::post(&self.person, kartlegging::SAMLING, id))
    }

    /// The relations of one unit, ended at `til`. Whoever delivers also reads
    /// the mapping that the vedtak stands on.
    pub(crate) fn enhetens_fakta(&self, enhet: &str, til: Option<Tid>) -> Vec<Faktum> {
        let Some(Fatting { tid, av, .. }) = &self.forlop.fattet else {
            return Vec::new();
        };
        let delivers = self.utforere().contains(enhet);
        let responsible = self.innhold.hovedansvarlig == enhet;
        let allocates = self.innhold.bolig.iter().any(|line| line.enhet == enhet);
        let kinds = [
            (Faktumtype::Part, "part", true, Some(self.name())),
            (Faktumtype::Utforer, "utforer", delivers, Some(self.name())),
            (
                Faktumtype::Utforer,
                "utforer_kartlegging",
                delivers,
                self.kartlegging(),
            ),
            (
                Faktumtype::Hovedansvarlig,
                "hovedansvarlig",
                responsible,
                Some(self.name()),
            ),
            (
                Faktumtype::Tildelingsmyndighet,
                "tildeling",
                allocates,
                Some(self.name()),
            ),
        ];
        kinds
            .into_iter()
            .filter_map(|(type_, word, holds, post)| {
                let post = post.filter(|_| holds)?;
                let relation = Relasjon {
                    id: format!("{word}/{}/{enhet}", self.id),
                    subjekt: &self.person,
                    part: Hvem::Enhet(enhet),
                    type_,
                    post,
                    fra: *tid,
                    til,
                    opprettet_av: &av.ansatt,
                };
                Some(relation.faktum())
            })
            .collect()
    }

    /// The relations that end when a unit has nothing left to deliver. A party
    /// that the vedtak names beside its lines stays one, and so does the unit
    /// with the main responsibility, until another has it.
    pub(crate) fn slipp(&self, enhet: &str, now: Tid) -> Vec<Faktum> {
        let named = self.innhold.parter.iter().any(|party| party == enhet)
            || self.innhold.hovedansvarlig == enhet
            || self.innhold.bolig.iter().any(|line| line.enhet == enhet);
        let mut facts = self.enhetens_fakta(enhet, Some(now));
        facts.retain(|fact| match fact.r#type() {
            Faktumtype::Hovedansvarlig | Faktumtype::Tildelingsmyndighet => false,
            Faktumtype::Part => !named,
            _ => true,
        });
        facts
    }

    /// As the contract carries it.
    pub(crate) fn to_proto(&self) -> proto::Vedtak {
        let Forlop {
            opprettet,
            forfattere,
            retur_begrunnelse,
            fattet,
            underretning,
            iverksatt,
            avslutning,
            innholdsversjon,
            soknadens_enhet: _,
            kartlegging: _,
            revurderes: _,
            utsatt,
            endring,
            endret,
            forkastet,
            evalueringer,
            boligmeldinger,
            klageutfall,
        } = self.forlop.clone();
        let opphor = avslutning.as_ref().and_then(|end| end.vedtatt.clone());
        proto::Vedtak {
            name: self.name(),
            etag: etag::etag(self.versjon),
            tilstand: VedtakTilstand::from(self.tilstand).into(),
            ansvarlig_enhet: navn::enhet(&self.ansvarlig_enhet),
            soknad: navn::post(&self.person, soknad::SAMLING, &self.soknad),
            skjerming: None,
            kartlegging: self.kartlegging().unwrap_or_default(),
            forfattere: forfattere.iter().map(Aktor::to_proto).collect(),
            opprettet: Some(opprettet.into()),
            retur_begrunnelse,
            fattet_av: fattet.as_ref().map(|decision| decision.av.to_proto()),
            fattet: fattet.map(|decision| decision.tid.into()),
            underrettet: underretning.as_ref().map(|notice| notice.tid.into()),
            klagefrist: underretning
                .as_ref()
                .map(|notice| notice.klagefrist.to_string())
                .unwrap_or_default(),
            underrettet_versjon: underretning.as_ref().map_or(0, |notice| notice.versjon),
            underrettet_etterregistrert_grunn: underretning
                .as_ref()
                .map(|notice| notice.etterregistrert_grunn.clone())
                .unwrap_or_default(),
            underrettet_mate: underretning.map(|notice| notice.mate).unwrap_or_default(),
            iverksatt: iverksatt.map(Into::into),
            avsluttet: avslutning.map(|end| end.tid.into()),
            avsluttet_av: opphor.as_ref().map(|end| end.av.to_proto()),
            opphor_hjemmel: opphor.as_ref().map(|end| end.hjemmel.to_proto()),
            opphor_varsel: opphor
                .as_ref()
                .map_or_else(String::new, |end| end.varsel.clone()),
            opphor_alternativ: opphor
                .as_ref()
                .map_or_else(String::new, |end| end.alternativ.clone()),
            opphor_begrunnelse: opphor.map(|end| end.begrunnelse).unwrap_or_default(),
            versjon: innholdsversjon,
            underretning_utsatt_til: utsatt
                .as_ref()
                .map(|postponed| postponed.til.to_string())
                .unwrap_or_default(),
            underretning_utsatt_begrunnelse: utsatt
                .map(|postponed| postponed.begrunnelse)
                .unwrap_or_default(),
            endring: endring.map(|change| Box::new(change.to_proto(&self.person))),
            forkastet_begrunnelse: forkastet,
            endret: endret.as_ref().map(|change| change.tid.into()),
            endret_av: endret.as_ref().map(|change| change.av.to_proto()),
            endring_begrunnelse: endret.map(|change| change.begrunnelse).unwrap_or_default(),
            evalueringer: evalueringer.iter().map(Evaluering::to_proto).collect(),
            boligmeldinger: boligmeldinger
                .iter()
                .map(bolig::Melding::to_proto)
                .collect(),
            klageutfall: klageutfall
                .iter()
                .map(|outcome| outcome.to_proto(&self.person))
                .collect(),
            ..self.innhold.to_proto()
        }
    }
}
