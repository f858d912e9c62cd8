//! The dialogue with a reporter who is not known: read by the units that took a
//! part, never by the reporter's own, where what is said could be recognised.

use samspor_chassis::{
    domene::{felles::tall, navn},
    error::{Error, FieldFaults, Refusal},
    store::Tx,
    tid::Tid,
};
use samspor_proto::avvik::{
    Avviksdialog, Dialogmelding, HentAvviksdialogRequest, HentAvviksdialogResponse, Meldervurdering,
};
use serde::{Deserialize, Serialize};

use crate::avvik::store;

/// Characters of a question and of an answer.
pub(crate) const TEGN: usize = 2_000;

/// What was said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Melding {
    /// Of the reporter: by it a repeat is known. Of a unit: empty.
    pub(crate) id: String,
    /// Unit; empty: the reporter.
    enhet: String,
    tid: Tid,
    tekst: String,
    /// Of the reporter: what is made of the feedback.
    #[serde(default, with = "tall")]
    vurdering: Meldervurdering,
}

impl Melding {
    /// By the reporter, on a day.
    pub(crate) fn av_melder(
        id: String,
        tid: Tid,
        (vurdering, tekst): (Meldervurdering, String),
    ) -> Self {
        Self {
            id,
            enhet: String::new(),
            tid,
            tekst,
            vurdering,
        }
    }

    /// By a unit.
    pub(crate) fn av_enhet(enhet: &str, tid: Tid, tekst: String) -> Self {
        Self {
            id: String::new(),
            enhet: enhet.to_owned(),
            tid,
            tekst,
            vurdering: Meldervurdering::Unspecified,
        }
    }

    pub(crate) fn fra_melder(&self) -> bool {
        self.enhet.is_empty()
    }

    pub(crate) fn vurdering(&self) -> Meldervurdering {
        self.vurdering
    }

    pub(crate) fn to_proto(&self) -> Dialogmelding {
        Dialogmelding {
            fra_melder: self.fra_melder(),
            enhet: navn::enhet(&self.enhet),
            tid: Some(self.tid.into()),
            tekst: self.tekst.clone(),
            vurdering: self.vurdering.into(),
        }
    }
}

pub(crate) async fn hent(
    tx: &mut Tx,
    request: HentAvviksdialogRequest,
) -> Result<HentAvviksdialogResponse, Error> {
    let parts: Vec<&str> = request.name.split('/').collect();
    let ["avvik", avvik, "dialoger", _] = parts.as_slice() else {
        let mut faults = FieldFaults::new();
        faults.form("name", "avvik/{uuid}/dialoger/{uuid}");
        faults.finish()?;
        return Err(Refusal::not_found().into());
    };
    let avvik = store::hent(tx, avvik).await?;
    // Of one with a name there is no dialogue.
    if avvik.dialognavn() != request.name {
        return Err(Refusal::not_found().into());
    }
    Ok(HentAvviksdialogResponse {
        dialog: Some(Avviksdialog {
            name: request.name,
            meldinger: avvik.innhold.dialog.iter().map(Melding::to_proto).collect(),
            skjerming: None,
        }),
    })
}
