//! Leieforhold: a person rents a dwelling of the stock.
//!
//! LOPENDE → OPPSAGT → AVSLUTTET; a renewal adds a period, and a notice that is
//! taken back makes it LOPENDE again. Invariants: a
//! dwelling is let once, which its index and `belegg` keep (I4); whether it is
//! renewed is asked well before it ends; nobody is given notice because of
//! arrears before the joint case has said so (K7); that the tenant wants no
//! follow-up changes nothing in it (N4).

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests"
)]
pub(crate) mod prove;
pub(crate) mod rpc;
pub(crate) mod rules;

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
    boligkontor::{self as proto, LeieforholdTilstand, Oppsigelsesgrunn},
    felles::{Faktum, Faktumtype, Rolle},
};
use serde::{Deserialize, Serialize};

use crate::{ENHET, bolig, innstillinger::Innstillinger};

/// Deadline: it is decided whether it is renewed.
pub(crate) const FRIST_FORNYING: &str = "leieforhold_fornying";
/// Deadline: the tenant has moved out.
pub(crate) const FRIST_FRAFLYTTING: &str = "leieforhold_fraflytting";

samspor_chassis::tilstand! {
    /// State of a tenancy.
    pub(crate) enum Tilstand => LeieforholdTilstand {
        /// Goes on.
        Lopende = "LOPENDE",
        /// Notice was given.
        Oppsagt = "OPPSAGT",
        /// The tenant has moved out.
        Avsluttet = "AVSLUTTET",
    }
}

/// What a tenancy says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Leieforhold {
    pub(crate) tilstand: Tilstand,
    /// Id of the dwelling.
    pub(crate) bolig: String,
    /// Name of the reservation.
    pub(crate) reservasjon: String,
    /// Id of the unit that allocated it.
    pub(crate) tildelt_av: String,
    pub(crate) forste: Periode,
    pub(crate) fornyet: Vec<Periode>,
    pub(crate) husleie: i32,
    /// Ids of the units that follow the tenant up.
    pub(crate) oppfolgere: Vec<String>,
    pub(crate) flere: String,
    pub(crate) fornyes_innen: Tid,
    pub(crate) oppsigelse: Option<Oppsigelse>,
    #[serde(default)]
    pub(crate) trukne: Vec<TrukketOppsigelse>,
    pub(crate) oppfolging_avslatt: Option<(Tid, Aktor, String)>,
    pub(crate) avsluttet: Option<Tid>,
    pub(crate) slutt: String,
}

/// A period of the contract.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Periode {
    pub(crate) fra: Dag,
    pub(crate) til: Dag,
    pub(crate) begrunnelse: String,
    pub(crate) tid: Tid,
    pub(crate) av: Aktor,
}

/// Notice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Oppsigelse {
    #[serde(with = "tall")]
    pub(crate) grunn: Oppsigelsesgrunn,
    pub(crate) begrunnelse: String,
    pub(crate) hjemmel: Option<Hjemmel>,
    pub(crate) alternativ: String,
    pub(crate) underretning: String,
    pub(crate) tid: Tid,
    pub(crate) av: Aktor,
    pub(crate) siste_dag: Dag,
    /// None where the tenant ends it.
    pub(crate) protestfrist: Option<Dag>,
    /// Name of the joint case.
    pub(crate) restansesak: String,
    /// How the tenant said it, where staff wrote it down.
    #[serde(default)]
    pub(crate) onske: String,
}

impl Oppsigelse {
    /// Said by the tenant, or by who represents the tenant.
    pub(crate) fn egen(&self) -> bool {
        self.av.rolle == Rolle::Innbygger
    }
}

/// A notice that was taken back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TrukketOppsigelse {
    pub(crate) oppsigelse: Oppsigelse,
    pub(crate) tid: Tid,
    pub(crate) av: Aktor,
    pub(crate) begrunnelse: String,
    /// How the tenant said it, where the notice was the tenant's.
    pub(crate) onske: String,
}

impl Leieforhold {
    /// The period that holds.
    pub(crate) fn periode(&self) -> &Periode {
        self.fornyet.last().unwrap_or(&self.forste)
    }

    /// Last day.
    pub(crate) fn siste_dag(&self) -> Dag {
        let notice = self.oppsigelse.as_ref().map(|notice| notice.siste_dag);
        notice.unwrap_or(self.periode().til)
    }
}

impl lager::Innhold for Leieforhold {
    const SAMLING: &'static str = "leieforhold";
    const SQL: &'static lager::Sql = tabell!("leieforhold");

    fn apen(&self) -> bool {
        self.tilstand != Tilstand::Avsluttet
    }

    fn nokkel(&self) -> String {
        self.bolig.clone()
    }

    fn frist(&self) -> Option<Tid> {
        Some(self.avsluttet.unwrap_or(self.siste_dag().slutt()))
    }

    fn fra(&self) -> Tid {
        self.forste.fra.start()
    }
}

/// What access rules build on: the municipality lets a dwelling to the person
/// while it runs, and has the case until what follows of it is settled; who
/// allocated it and who follows the tenant up read it while it runs.
pub(crate) fn fakta(post: &Post<Leieforhold>, innstillinger: &Innstillinger) -> Vec<Faktum> {
    let Leieforhold {
        forste,
        avsluttet,
        tildelt_av,
        oppfolgere,
        ..
    } = &post.innhold;
    let settled = avsluttet.map(|end| {
        let days = i32::from(innstillinger.oppgjor_dager);
        Dag::av(end).pluss_dager(days).slutt()
    });
    let fact = |key: String, unit: &str, type_, til| {
        Relasjon {
            id: format!("leieforhold/{}/{key}", post.id),
            subjekt: &post.person,
            part: Hvem::Enhet(unit),
            type_,
            post: post.name(),
            fra: forste.tid,
            til,
            opprettet_av: &forste.av.ansatt,
        }
        .faktum()
    };
    let mut facts = vec![
        fact("utleier".into(), ENHET, Faktumtype::Utleier, *avsluttet),
        fact("sak".into(), ENHET, Faktumtype::Sak, settled),
    ];
    if tildelt_av != ENHET {
        let allocates = Faktumtype::Tildelingsmyndighet;
        facts.push(fact("tildelt".into(), tildelt_av, allocates, *avsluttet));
    }
    for unit in oppfolgere.iter().filter(|unit| *unit != ENHET) {
        let key = format!("oppfolger/{unit}");
        facts.push(fact(key, unit, Faktumtype::PartIBolig, *avsluttet));
    }
    facts
}

impl Periode {
    fn to_proto(&self) -> proto::Leieperiode {
        let Self {
            fra,
            til,
            begrunnelse,
            tid,
            av,
        } = self;
        proto::Leieperiode {
            fra: fra.to_string(),
            til: til.to_string(),
            begrunnelse: begrunnelse.clone(),
            tid: Some((*tid).into()),
            av: Some(av.to_proto()),
        }
    }
}

impl Oppsigelse {
    fn to_proto(&self) -> proto::Oppsigelse {
        let Self {
            grunn,
            begrunnelse,
            hjemmel,
            alternativ,
            underretning,
            tid,
            av,
            siste_dag,
            protestfrist,
            restansesak,
            onske,
        } = self.clone();
        proto::Oppsigelse {
            grunn: grunn.into(),
            begrunnelse,
            hjemmel: hjemmel.map(|basis| basis.to_proto()),
            alternativ,
            underretning,
            tid: Some(tid.into()),
            av: Some(av.to_proto()),
            siste_dag: siste_dag.to_string(),
            protestfrist: protestfrist.map(|day| day.to_string()).unwrap_or_default(),
            restansesak,
            onske,
        }
    }
}

impl TrukketOppsigelse {
    fn to_proto(&self) -> proto::TrukketOppsigelse {
        let Self {
            oppsigelse,
            tid,
            av,
            begrunnelse,
            onske,
        } = self;
        proto::TrukketOppsigelse {
            oppsigelse: Some(oppsigelse.to_proto()),
            tid: Some((*tid).into()),
            av: Some(av.to_proto()),
            begrunnelse: begrunnelse.clone(),
            onske: onske.clone(),
        }
    }
}

/// As the contract carries it.
pub(crate) fn to_proto(post: &Post<Leieforhold>) -> proto::Leieforhold {
    let Leieforhold {
        tilstand,
        bolig,
        reservasjon,
        tildelt_av,
        forste,
        fornyet,
        husleie,
        oppfolgere,
        flere,
        fornyes_innen,
        oppsigelse,
        trukne,
        oppfolging_avslatt,
        avsluttet,
        slutt,
    } = post.innhold.clone();
    let asked = tilstand == Tilstand::Lopende;
    proto::Leieforhold {
        name: post.name(),
        etag: post.etag(),
        ansvarlig_enhet: navn::enhet(&post.enhet),
        tilstand: LeieforholdTilstand::from(tilstand).into(),
        bolig: bolig::navn_pa(&bolig),
        reservasjon,
        tildelt_av: navn::enhet(&tildelt_av),
        perioder: std::iter::once(&forste)
            .chain(&fornyet)
            .map(Periode::to_proto)
            .collect(),
        husleie,
        oppfolgere: oppfolgere.iter().map(|unit| navn::enhet(unit)).collect(),
        flere,
        oppsigelse: oppsigelse.as_ref().map(Oppsigelse::to_proto),
        oppfolging_avslatt: oppfolging_avslatt.map(|(tid, av, beskrivelse)| {
            proto::OppfolgingAvslatt {
                tid: Some(tid.into()),
                av: Some(av.to_proto()),
                beskrivelse,
            }
        }),
        fornyes_innen: asked.then(|| fornyes_innen.into()),
        skjerming: None,
        avsluttet: avsluttet.map(Into::into),
        slutt,
        trukne_oppsigelser: trukne.iter().map(TrukketOppsigelse::to_proto).collect(),
    }
}
