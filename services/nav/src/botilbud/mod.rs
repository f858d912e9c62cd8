//! Botilbud: a request for somewhere to sleep the coming night, and what came
//! of it (sosialtjenesteloven § 27).
//!
//! MOTTATT → INNVILGET | AVSLATT | IKKE_KLART | BORTFALT, and IKKE_KLART → any
//! of these again: it waits until there is a bed.
//!
//! Invariants (I5): one that waits has a deadline of the same day until its
//! outcome is said, and one before every night until there is a bed, a refusal
//! or no need: whoever leaves it, is told of. A person has one that waits at a
//! unit, and who asks again is never turned away. Nights without a bed are
//! counted from the record alone ([`klokke`]), whenever anybody looks.

pub(crate) mod klokke;
pub(crate) mod rpc;
pub(crate) mod rules;

use samspor_chassis::{
    domene::{Aktor, Dag, Hjemmel, felles::tall, navn},
    lager::{self, Post},
    tabell,
    tid::Tid,
};
use samspor_proto::nav::{
    self as proto, Behovsarsak, BotilbudTilstand, IkkeKlartGrunn, Meldekanal,
};
use serde::{Deserialize, Serialize};

use crate::innstillinger::Innstillinger;

/// Collection in the resource name.
pub(crate) const SAMLING: &str = "botilbud";
/// Deadline: the outcome is said the same day.
pub(crate) const FRIST_SAMME_DAG: &str = "botilbud_samme_dag";
/// Deadline: there is a bed before the night begins.
pub(crate) const FRIST_NATT: &str = "botilbud_natt";

samspor_chassis::tilstand! {
    /// State of a request.
    pub(crate) enum Tilstand => BotilbudTilstand {
        /// Waits for its outcome.
        Mottatt = "MOTTATT",
        /// There is a bed, or money in lieu of one.
        Innvilget = "INNVILGET",
        /// Refused.
        Avslatt = "AVSLATT",
        /// There is a right, and no bed was found.
        IkkeKlart = "IKKE_KLART",
        /// Nobody needs it any more.
        Bortfalt = "BORTFALT",
    }
}

/// The state as its text.
mod kode {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use super::Tilstand;

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "the form that serde calls"
    )]
    pub(super) fn serialize<S: Serializer>(
        state: &Tilstand,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(state.kode())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Tilstand, D::Error> {
        let code = String::deserialize(deserializer)?;
        Tilstand::fra_kode(&code).ok_or_else(|| D::Error::custom("an unknown state"))
    }
}

/// Why no bed was found, and from when that holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct IkkeKlart {
    pub(crate) fra: Tid,
    #[serde(with = "tall")]
    pub(crate) grunn: IkkeKlartGrunn,
}

/// What was granted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Innvilgelse {
    /// Name of the place; empty for money in lieu.
    pub(crate) plass: String,
    pub(crate) kvalitet_begrunnelse: String,
    pub(crate) kontanter: bool,
    pub(crate) belop_ore: i64,
    /// Last day for which it was granted.
    pub(crate) til: Dag,
    /// Name of the stay that began or went on with it.
    pub(crate) opphold: String,
}

/// What was said of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Utfall {
    pub(crate) tid: Tid,
    pub(crate) av: Aktor,
    pub(crate) alene: bool,
    pub(crate) begrunnelse: String,
    /// None where nobody decided: the need was gone.
    pub(crate) hjemmel: Option<Hjemmel>,
}

/// Who said that somebody needs a bed, and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Melding {
    /// When it came.
    pub(crate) mottatt: Tid,
    pub(crate) registrert: Tid,
    #[serde(with = "tall")]
    pub(crate) kanal: Meldekanal,
    #[serde(with = "tall")]
    pub(crate) arsak: Behovsarsak,
    pub(crate) eget_onske: String,
    pub(crate) kontaktes: String,
    pub(crate) av: Aktor,
    pub(crate) fra_personen: bool,
}

/// A request and its outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Botilbud {
    #[serde(with = "kode")]
    pub(crate) tilstand: Tilstand,
    pub(crate) melding: Melding,
    /// Who asked again while it waited.
    pub(crate) igjen: Vec<Melding>,
    /// When the outcome is due.
    pub(crate) frist: Tid,
    /// When the first night begins.
    pub(crate) nattfrist: Tid,
    pub(crate) ikke_klart: Vec<IkkeKlart>,
    pub(crate) utfall: Option<Utfall>,
    pub(crate) innvilget: Option<Innvilgelse>,
}

impl lager::Innhold for Botilbud {
    const SAMLING: &'static str = SAMLING;
    const SQL: &'static lager::Sql = tabell!("botilbud");

    fn apen(&self) -> bool {
        self.venter()
    }

    fn frist(&self) -> Option<Tid> {
        Some(self.slutt().unwrap_or(lager::APENT))
    }

    fn fra(&self) -> Tid {
        self.melding.mottatt
    }
}

impl Botilbud {
    /// Whether somebody still waits for a bed or an answer.
    pub(crate) fn venter(&self) -> bool {
        matches!(self.tilstand, Tilstand::Mottatt | Tilstand::IkkeKlart)
    }

    /// From when nobody waits any more.
    pub(crate) fn slutt(&self) -> Option<Tid> {
        let said = self.utfall.as_ref().map(|said| said.tid);
        said.filter(|_| !self.venter())
    }

    /// Nights without a bed, and why, until now.
    pub(crate) fn netter_uten(
        &self,
        now: Tid,
        innstillinger: &Innstillinger,
    ) -> Vec<(Dag, IkkeKlartGrunn)> {
        let end = self.slutt().unwrap_or(now);
        let reason = |at: Tid| {
            let told = self.ikke_klart.iter().rev().find(|told| told.fra <= at);
            told.map_or(IkkeKlartGrunn::Unspecified, |told| told.grunn)
        };
        klokke::netter(self.melding.mottatt, end, innstillinger)
            .map(|(night, at)| (night, reason(at)))
            .collect()
    }
}

fn gjentakelse(again: Melding) -> proto::Gjentakelse {
    proto::Gjentakelse {
        mottatt: Some(again.mottatt.into()),
        kanal: again.kanal.into(),
        arsak: again.arsak.into(),
        eget_onske: again.eget_onske,
        kontaktes: again.kontaktes,
        meldt_av: Some(again.av.to_proto()),
    }
}

/// As the contract carries it.
fn to_proto(post: &Post<Botilbud>, now: Tid, innstillinger: &Innstillinger) -> proto::Botilbud {
    let nights = post.innhold.netter_uten(now, innstillinger).len();
    let Botilbud {
        tilstand: _,
        melding,
        igjen,
        frist,
        nattfrist,
        ikke_klart,
        utfall,
        innvilget,
    } = post.innhold.clone();
    let waits = post.innhold.tilstand == Tilstand::IkkeKlart;
    let reason = ikke_klart.last().filter(|_| waits).map(|told| told.grunn);
    let granted = innvilget.as_ref();
    proto::Botilbud {
        name: post.name(),
        etag: post.etag(),
        ansvarlig_enhet: navn::enhet(&post.enhet),
        tilstand: BotilbudTilstand::from(post.innhold.tilstand).into(),
        mottatt: Some(melding.mottatt.into()),
        registrert: Some(melding.registrert.into()),
        kanal: melding.kanal.into(),
        meldt_av: Some(melding.av.to_proto()),
        fra_personen: melding.fra_personen,
        arsak: melding.arsak.into(),
        eget_onske: melding.eget_onske,
        kontaktes: melding.kontaktes,
        frist: Some(frist.into()),
        nattfrist: Some(nattfrist.into()),
        avgjort: utfall.as_ref().map(|said| said.tid.into()),
        avgjort_av: utfall.as_ref().map(|said| said.av.to_proto()),
        alene: utfall.as_ref().is_some_and(|said| said.alene),
        ikke_klart_grunn: reason.unwrap_or_default().into(),
        hjemmel: utfall
            .as_ref()
            .and_then(|said| said.hjemmel.as_ref().map(Hjemmel::to_proto)),
        begrunnelse: utfall.map(|said| said.begrunnelse).unwrap_or_default(),
        plass: granted.map(|to| to.plass.clone()).unwrap_or_default(),
        kvalitet_begrunnelse: granted
            .map(|to| to.kvalitet_begrunnelse.clone())
            .unwrap_or_default(),
        kontanter: granted.is_some_and(|to| to.kontanter),
        belop_ore: granted.map_or(0, |to| to.belop_ore),
        til: granted.map(|to| to.til.to_string()).unwrap_or_default(),
        opphold: granted.map(|to| to.opphold.clone()).unwrap_or_default(),
        netter_uten: i32::try_from(nights).unwrap_or(i32::MAX),
        gjentakelser: igjen.into_iter().map(gjentakelse).collect(),
        skjerming: None,
    }
}
