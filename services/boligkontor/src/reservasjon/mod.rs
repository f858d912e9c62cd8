//! Reservasjon: a dwelling is held for a person, offered, and answered. One
//! protocol for every unit that allocates (K2).
//!
//! RESERVERT → TILBUDT → AKSEPTERT → KONTRAKT; AVSLATT, UTLOPT, OPPHEVET. A
//! tenancy is made of an accepted one, or of one that needs no offer
//! (temporary housing). Invariants: while it is open it alone holds the
//! dwelling (I4); it always runs out, and then the dwelling can be had again;
//! a no, a veto and running out cost the person no place in a queue (R11).

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
        Aktor,
        felles::{Hvem, Relasjon, tall},
        navn,
    },
    lager::{self, Post},
    tabell,
    tid::Tid,
};
use samspor_proto::{
    boligkontor::{self as proto, ReservasjonTilstand, Tildelingstype},
    felles::{Faktum, Faktumtype},
};
use serde::{Deserialize, Serialize};

use crate::{ENHET, bolig};

/// Deadline: it runs out.
pub(crate) const FRIST_UTLOP: &str = "reservasjon_utlop";

samspor_chassis::tilstand! {
    /// State of a reservation.
    pub(crate) enum Tilstand => ReservasjonTilstand {
        /// Held.
        Reservert = "RESERVERT",
        /// Offered.
        Tilbudt = "TILBUDT",
        /// The person said yes.
        Akseptert = "AKSEPTERT",
        /// Became a tenancy.
        Kontrakt = "KONTRAKT",
        /// The person said no.
        Avslatt = "AVSLATT",
        /// Ran out.
        Utlopt = "UTLOPT",
        /// Given up.
        Opphevet = "OPPHEVET",
    }
}

/// What a reservation says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Reservasjon {
    pub(crate) tilstand: Tilstand,
    /// Id of the dwelling.
    pub(crate) bolig: String,
    #[serde(with = "tall")]
    pub(crate) tildelingstype: Tildelingstype,
    /// Name of the boligsak or the stay that it rests on.
    pub(crate) grunnlag: String,
    pub(crate) reservert: (Tid, Aktor),
    pub(crate) utloper: Tid,
    /// Where the person stood; none for temporary housing.
    pub(crate) plassering: Option<Plassering>,
    pub(crate) begrunnelse: String,
    pub(crate) overstyring: String,
    pub(crate) egnethetsunntak: String,
    pub(crate) tilbudt: Option<Tid>,
    pub(crate) svar: Option<Svar>,
    pub(crate) slutt: Option<Slutt>,
    /// Name of the tenancy that it became.
    pub(crate) leieforhold: String,
}

/// Where the person stood in the queue when the dwelling was reserved, and what
/// it lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Plassering {
    /// From 1.
    pub(crate) plass: i32,
    /// How many were passed over.
    pub(crate) forbigatte: i32,
    pub(crate) regelversjon: String,
    pub(crate) uegnet_fordi: Vec<String>,
}

/// What the person said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Svar {
    pub(crate) tid: Tid,
    pub(crate) av: Aktor,
    pub(crate) aksepterer: bool,
    pub(crate) onske: String,
}

/// Why it was given up, and by whom.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Slutt {
    pub(crate) tid: Tid,
    pub(crate) av: Aktor,
    pub(crate) begrunnelse: String,
    pub(crate) veto: bool,
}

impl lager::Innhold for Reservasjon {
    const SAMLING: &'static str = "reservasjoner";
    const SQL: &'static lager::Sql = tabell!("reservasjon");

    fn apen(&self) -> bool {
        matches!(
            self.tilstand,
            Tilstand::Reservert | Tilstand::Tilbudt | Tilstand::Akseptert
        )
    }

    fn nokkel(&self) -> String {
        self.bolig.clone()
    }

    fn frist(&self) -> Option<Tid> {
        Some(self.utloper)
    }

    fn fra(&self) -> Tid {
        self.reservert.0
    }
}

impl Reservasjon {
    /// When it ended, if it has.
    pub(crate) fn sluttet(&self) -> Option<Tid> {
        if lager::Innhold::apen(self) {
            return None;
        }
        let given_up = self.slutt.as_ref().map(|end| end.tid);
        let no = self.svar.as_ref().filter(|answer| !answer.aksepterer);
        let no = no.map(|answer| answer.tid);
        given_up.or(no).or(Some(self.utloper))
    }
}

/// What access rules build on: from the offer on the office that makes the
/// contract has a case with the person.
pub(crate) fn fakta(post: &Post<Reservasjon>) -> Vec<Faktum> {
    let Reservasjon {
        tilbudt, reservert, ..
    } = &post.innhold;
    let Some(fra) = tilbudt else {
        return Vec::new();
    };
    vec![
        Relasjon {
            id: format!("reservasjon/{}", post.id),
            subjekt: &post.person,
            part: Hvem::Enhet(ENHET),
            type_: Faktumtype::Sak,
            post: post.name(),
            fra: *fra,
            til: post.innhold.sluttet(),
            opprettet_av: &reservert.1.ansatt,
        }
        .faktum(),
    ]
}

/// As the contract carries it.
pub(crate) fn to_proto(post: &Post<Reservasjon>) -> proto::Reservasjon {
    let Reservasjon {
        tilstand,
        bolig,
        tildelingstype,
        grunnlag,
        reservert,
        utloper,
        plassering,
        begrunnelse,
        overstyring,
        egnethetsunntak,
        tilbudt,
        svar,
        slutt,
        leieforhold,
    } = post.innhold.clone();
    let place = plassering.unwrap_or(Plassering {
        plass: 0,
        forbigatte: 0,
        regelversjon: String::new(),
        uegnet_fordi: Vec::new(),
    });
    proto::Reservasjon {
        name: post.name(),
        etag: post.etag(),
        ansvarlig_enhet: navn::enhet(&post.enhet),
        tilstand: ReservasjonTilstand::from(tilstand).into(),
        bolig: bolig::navn_pa(&bolig),
        tildelingstype: tildelingstype.into(),
        grunnlag,
        reservert: Some(reservert.0.into()),
        reservert_av: Some(reservert.1.to_proto()),
        utloper: Some(utloper.into()),
        begrunnelse,
        overstyring,
        egnethetsunntak,
        tilbudt: tilbudt.map(Into::into),
        besvart: svar.as_ref().map(|answer| answer.tid.into()),
        onske: svar
            .as_ref()
            .map(|answer| answer.onske.clone())
            .unwrap_or_default(),
        besvart_av: svar.map(|answer| answer.av.to_proto()),
        veto: slutt.as_ref().is_some_and(|end| end.veto),
        avsluttet_av: slutt.as_ref().map(|end| end.av.to_proto()),
        slutt: slutt.map(|end| end.begrunnelse).unwrap_or_default(),
        leieforhold,
        plass: place.plass,
        forbigatte: place.forbigatte,
        regelversjon: place.regelversjon,
        uegnet_fordi: place.uegnet_fordi,
        skjerming: None,
    }
}
