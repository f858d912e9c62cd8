//! Boligsak: a person's application for a dwelling of a type, and the queue that
//! it stands in once it is approved.
//!
//! MOTTATT → UNDER_VURDERING → GODKJENT (on the list) | AVSLATT, TRUKKET from
//! any open state, GODKJENT → TILDELT. The unit that allocates the type here
//! owns it; the register keeps it. Invariants: who assessed does not decide;
//! every stored version can be read again, and a ranking of any past day is that
//! of the versions that held then; no clock ends a case (R11): only the person,
//! a decision or a dwelling does.

pub(crate) mod egnethet;
pub(crate) mod ko;
#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests"
)]
pub(crate) mod prove;
pub(crate) mod rangering;
pub(crate) mod rpc;
pub(crate) mod rules;
pub(crate) mod store;

use samspor_chassis::{
    domene::{
        Aktor, Dag, Hjemmel,
        felles::{Hvem, Relasjon, tall},
        navn,
    },
    lager::{self, Post},
    tabell,
    tid::Tid,
};
use samspor_proto::{
    boligkontor::{
        self as proto, Bemanning, BoligsakTilstand, Boligsituasjon, Kommendearsak, Tildelingstype,
        Vilkarsutfall,
    },
    felles::{Faktum, Faktumtype},
};
use serde::{Deserialize, Serialize};

/// Collection in the resource name.
pub(crate) const SAMLING: &str = "boligsaker";
/// Collection of the places in the queue.
pub(crate) const KOPLASSER: &str = "koplasser";
/// Days for which who refused can still read the case: three weeks to complain
/// (forvaltningsloven § 29), and as long to answer.
const KLAGE_DAGER: i32 = 42;
/// Deadline: a preliminary answer, one month after receipt (fvl § 11 a).
pub(crate) const FRIST_FORELOPIG_SVAR: &str = "boligsak_forelopig_svar";

samspor_chassis::tilstand! {
    /// State of an application.
    pub(crate) enum Tilstand => BoligsakTilstand {
        /// Received.
        Mottatt = "MOTTATT",
        /// The conditions are assessed.
        UnderVurdering = "UNDER_VURDERING",
        /// On the list.
        Godkjent = "GODKJENT",
        /// Refused.
        Avslatt = "AVSLATT",
        /// Taken back.
        Trukket = "TRUKKET",
        /// The person has the dwelling.
        Tildelt = "TILDELT",
    }
}

/// What nothing queries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Boligsak {
    pub(crate) tilstand: Tilstand,
    #[serde(with = "tall")]
    pub(crate) tildelingstype: Tildelingstype,
    pub(crate) mottatt: Tid,
    pub(crate) registrert_av: Aktor,
    pub(crate) fra_personen: bool,
    pub(crate) soknad: Soknad,
    pub(crate) forelopig_svar_frist: Tid,
    /// When the person was told, and what.
    pub(crate) forelopig_svar: Option<(Tid, String)>,
    /// Since when somebody else than who registered it has confirmed the case.
    pub(crate) bekreftet: Option<Tid>,
    pub(crate) vurdering: Option<Vurdering>,
    pub(crate) avgjorelse: Option<Avgjorelse>,
    /// When it was taken back, and how the person said it.
    pub(crate) trukket: Option<(Tid, String)>,
    /// When the person got the dwelling, and the name of the tenancy.
    pub(crate) tildelt: Option<(Tid, String)>,
}

/// What is applied for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Soknad {
    pub(crate) eget_onske: String,
    pub(crate) voksne: i32,
    pub(crate) barn: i32,
    pub(crate) behov: Behov,
    #[serde(with = "tall")]
    pub(crate) boligsituasjon: Boligsituasjon,
    pub(crate) kommende_dag: Option<Dag>,
    #[serde(with = "tall")]
    pub(crate) kommende_arsak: Kommendearsak,
    /// Name of the vedtak that gave the right.
    pub(crate) rett: String,
}

/// What a dwelling must have to suit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Behov {
    pub(crate) omrader: Vec<String>,
    #[serde(with = "tall")]
    pub(crate) bemanning: Bemanning,
    pub(crate) rullestol: bool,
    pub(crate) trappefri: bool,
    pub(crate) rusfritt_miljo: bool,
    pub(crate) soverom: i32,
    pub(crate) meter_tjenester: i32,
    pub(crate) kvinne: bool,
    pub(crate) bare_kvinner: bool,
    pub(crate) funksjon: String,
}

/// How the conditions were assessed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Vurdering {
    pub(crate) tid: Tid,
    pub(crate) av: Aktor,
    pub(crate) regelversjon: String,
    pub(crate) vilkar: Vec<Vilkarsvurdering>,
    /// Keys of the groups that the person belongs to.
    pub(crate) grunner: Vec<String>,
    /// Those of them that only the owner sees.
    pub(crate) skjermede: Vec<String>,
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Vilkarsvurdering {
    pub(crate) nokkel: String,
    #[serde(with = "tall")]
    pub(crate) utfall: Vilkarsutfall,
    pub(crate) begrunnelse: String,
}

/// How it was decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Avgjorelse {
    pub(crate) tid: Tid,
    pub(crate) av: Aktor,
    pub(crate) hjemmel: Hjemmel,
    pub(crate) begrunnelse: String,
    /// Where to complain; empty where there is nothing to complain about.
    pub(crate) klageinstans: String,
}

impl lager::Innhold for Boligsak {
    const SAMLING: &'static str = SAMLING;
    const SQL: &'static lager::Sql = tabell!("boligsak");

    fn apen(&self) -> bool {
        matches!(
            self.tilstand,
            Tilstand::Mottatt | Tilstand::UnderVurdering | Tilstand::Godkjent
        )
    }

    fn fra(&self) -> Tid {
        self.mottatt
    }
}

impl Boligsak {
    /// From when to when nobody had decided.
    pub(crate) fn uavgjort(&self) -> (Tid, Tid) {
        let decided = self.avgjorelse.as_ref().map(|one| one.tid);
        let back = self.trukket.as_ref().map(|(at, _)| *at);
        (self.mottatt, decided.or(back).unwrap_or(lager::APENT))
    }

    /// When nobody works on it any more, if that has come.
    fn slutt(&self) -> Option<Tid> {
        let refused = self.avgjorelse.as_ref().map(|decided| decided.tid);
        match self.tilstand {
            Tilstand::Mottatt | Tilstand::UnderVurdering | Tilstand::Godkjent => None,
            Tilstand::Avslatt => refused.map(|at| Dag::av(at).pluss_dager(KLAGE_DAGER).slutt()),
            Tilstand::Trukket => self.trukket.as_ref().map(|(at, _)| *at),
            Tilstand::Tildelt => self.tildelt.as_ref().map(|(at, _)| *at),
        }
    }
}

/// What access rules build on: SOKER until a second has looked at it, then that
/// the unit allocates to this person. Both for the boligsak alone.
pub(crate) fn fakta(post: &Post<Boligsak>) -> Vec<Faktum> {
    let sak = &post.innhold;
    let end = sak.slutt();
    let fact = |kind: &str, type_, fra, til| {
        Relasjon {
            id: format!("{kind}/{}", post.id),
            subjekt: &post.person,
            part: Hvem::Enhet(&post.enhet),
            type_,
            post: post.name(),
            fra,
            til,
            opprettet_av: &sak.registrert_av.ansatt,
        }
        .faktum()
    };
    let until = sak.bekreftet.or(end);
    let mut facts = vec![fact("soker", Faktumtype::Soker, sak.mottatt, until)];
    if let Some(confirmed) = sak.bekreftet {
        let type_ = Faktumtype::Tildelingsmyndighet;
        facts.push(fact("tildeler", type_, confirmed, end));
    }
    facts
}

/// As the contract carries it.
pub(crate) fn to_proto(post: &Post<Boligsak>) -> proto::Boligsak {
    let Boligsak {
        tilstand,
        tildelingstype,
        mottatt,
        registrert_av,
        fra_personen,
        soknad,
        forelopig_svar_frist,
        forelopig_svar,
        bekreftet: _,
        vurdering,
        avgjorelse,
        trukket,
        tildelt,
    } = post.innhold.clone();
    let mut record = proto::Boligsak {
        name: post.name(),
        etag: post.etag(),
        ansvarlig_enhet: navn::enhet(&post.enhet),
        tilstand: BoligsakTilstand::from(tilstand).into(),
        tildelingstype: tildelingstype.into(),
        mottatt: Some(mottatt.into()),
        registrert_av: Some(registrert_av.to_proto()),
        fra_personen,
        soknad: Some(soknad.into()),
        forelopig_svar_frist: Some(forelopig_svar_frist.into()),
        ..Default::default()
    };
    if let Some((at, told)) = forelopig_svar {
        record.forelopig_svar = Some(at.into());
        record.forelopig_svar_tekst = told;
    }
    if let Some(assessed) = vurdering {
        record.vilkar = assessed.vilkar.into_iter().map(Into::into).collect();
        record.prioritetsgrunner = assessed.grunner;
        record.skjermede_grunner = assessed.skjermede;
        record.regelversjon = assessed.regelversjon;
        record.vurdert_av = Some(assessed.av.to_proto());
        record.vurdert = Some(assessed.tid.into());
    }
    if let Some(decided) = avgjorelse {
        record.avgjort = Some(decided.tid.into());
        record.avgjort_av = Some(decided.av.to_proto());
        record.hjemmel = Some(decided.hjemmel.to_proto());
        record.begrunnelse = decided.begrunnelse;
        record.klageinstans = decided.klageinstans;
    }
    record.trukket_onske = trukket.map(|(_, said)| said).unwrap_or_default();
    record.leieforhold = tildelt.map(|(_, tenancy)| tenancy).unwrap_or_default();
    record
}

impl From<Soknad> for proto::Boligsoknad {
    fn from(soknad: Soknad) -> Self {
        let Soknad {
            eget_onske,
            voksne,
            barn,
            behov,
            boligsituasjon,
            kommende_dag,
            kommende_arsak,
            rett,
        } = soknad;
        Self {
            eget_onske,
            voksne,
            barn,
            behov: Some(behov.into()),
            boligsituasjon: boligsituasjon.into(),
            kommende_dag: kommende_dag.map(|day| day.to_string()).unwrap_or_default(),
            kommende_arsak: kommende_arsak.into(),
            rett,
        }
    }
}

impl From<Behov> for proto::Boligbehov {
    fn from(behov: Behov) -> Self {
        let Behov {
            omrader,
            bemanning,
            rullestol,
            trappefri,
            rusfritt_miljo,
            soverom,
            meter_tjenester,
            kvinne,
            bare_kvinner,
            funksjon,
        } = behov;
        Self {
            omrader,
            bemanning: bemanning.into(),
            rullestol,
            trappefri,
            rusfritt_miljo,
            soverom,
            meter_tjenester,
            kvinne,
            bare_kvinner,
            funksjon,
        }
    }
}

impl From<Vilkarsvurdering> for proto::Vilkarsvurdering {
    fn from(one: Vilkarsvurdering) -> Self {
        Self {
            nokkel: one.nokkel,
            utfall: one.utfall.into(),
            begrunnelse: one.begrunnelse,
        }
    }
}
