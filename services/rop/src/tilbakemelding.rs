//! Tilbakemelding: FIT and brukererfaring, by or for the person (S3).
//!
//! Invariants: every one has a deadline for its answer, which only an answer
//! ends; an answer says what changes. The person reads it.

use samspor_chassis::{
    domene::{Aktor, Virkninger, felles::tall, felt, kalender, navn},
    error::{Error, FieldFaults, Refusal},
    page::Page,
    store::Tx,
    tid::Tid,
};
use samspor_proto::{
    felles::Rolle,
    rop::{
        self as proto, BesvarTilbakemeldingRequest, BesvarTilbakemeldingResponse,
        GiTilbakemeldingRequest, GiTilbakemeldingResponse, HentTilbakemeldingRequest,
        HentTilbakemeldingResponse, ListTilbakemeldingerRequest, ListTilbakemeldingerResponse,
        ListUbesvarteTilbakemeldingerRequest, ListUbesvarteTilbakemeldingerResponse,
        Tilbakemeldingstype,
    },
};
use serde::{Deserialize, Serialize};

use crate::{
    innboks::{self, Type},
    innstillinger::innstillinger,
    lager::{self, Post},
    tabell,
};

/// Deadline: it is answered.
pub(crate) const FRIST_SVAR: &str = "tilbakemelding_svar";
/// Highest score: four scales of 0 to 10 (ORS, SRS).
const MAKS_SKAR: i32 = 40;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Svar {
    svar: String,
    endring: String,
    av: Aktor,
    tid: Tid,
}

/// What was said, and what was answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Melding {
    #[serde(with = "tall")]
    type_: Tilbakemeldingstype,
    skar: Option<i32>,
    tekst: String,
    pa_vegne_av: bool,
    svarfrist: Tid,
    svar: Option<Svar>,
    registrert_av: Aktor,
    registrert: Tid,
}

impl lager::Innhold for Melding {
    const SAMLING: &'static str = "tilbakemeldinger";
    const SQL: &'static lager::Sql = tabell!("tilbakemelding");

    fn apen(&self) -> bool {
        self.svar.is_none()
    }

    fn frist(&self) -> Option<Tid> {
        Some(self.svarfrist)
    }
}

fn to_proto(melding: &Post<Melding>) -> proto::Tilbakemelding {
    let Melding {
        type_,
        skar,
        tekst,
        pa_vegne_av,
        svarfrist,
        svar,
        registrert_av,
        registrert,
    } = melding.innhold.clone();
    proto::Tilbakemelding {
        name: melding.name(),
        etag: melding.etag(),
        ansvarlig_enhet: navn::enhet(&melding.enhet),
        r#type: type_.into(),
        skar: skar.unwrap_or_default(),
        har_skar: skar.is_some(),
        tekst,
        pa_vegne_av,
        svarfrist: Some(svarfrist.into()),
        besvart_av: svar.as_ref().map(|answer| answer.av.to_proto()),
        besvart: svar.as_ref().map(|answer| answer.tid.into()),
        endring: svar.as_ref().map(|a| a.endring.clone()).unwrap_or_default(),
        svar: svar.map(|answer| answer.svar).unwrap_or_default(),
        registrert_av: Some(registrert_av.to_proto()),
        registrert: Some(registrert.into()),
        skjerming: None,
    }
}

/// Reads feedback: a score of FIT, or words, or both.
fn les(
    request: &GiTilbakemeldingRequest,
    av: Aktor,
    now: Tid,
    dager: u16,
    faults: &mut FieldFaults,
) -> Melding {
    let type_ = felt::valg(
        request.r#type,
        "type",
        "samspor.rop.v1.Tilbakemeldingstype",
        faults,
    );
    if request.har_skar && type_ == Tilbakemeldingstype::Brukererfaring {
        faults.contradicts("har_skar", "type", "bare FIT har skår");
    }
    if !(0..=MAKS_SKAR).contains(&request.skar) {
        faults.range("skar", 0, MAKS_SKAR);
    } else if request.skar != 0 && !request.har_skar {
        faults.contradicts("skar", "har_skar", "skår er oppgitt uten har_skar");
    }
    let tekst = if request.har_skar {
        felt::tekst(&request.tekst, "tekst", felt::LANG, faults)
    } else {
        felt::pakrevd(&request.tekst, "tekst", felt::LANG, faults)
    };
    Melding {
        type_,
        skar: request.har_skar.then_some(request.skar),
        tekst,
        pa_vegne_av: av.rolle != Rolle::Innbygger,
        svarfrist: kalender::arbeidsdager_etter(now, dager),
        svar: None,
        registrert_av: av,
        registrert: now,
    }
}

pub(crate) async fn gi(
    tx: &mut Tx,
    request: GiTilbakemeldingRequest,
) -> Result<GiTilbakemeldingResponse, Error> {
    let av = crate::for_person_eller_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&request.parent, "parent", &mut faults);
    let days = innstillinger()?.tilbakemelding_arbeidsdager;
    let melding = les(&request, av, tx.now(), days, &mut faults);
    faults.finish()?;
    crate::las_person(tx, &person).await?;
    let melding = Post::ny(person, tx.new_id(), melding);
    lager::legg_til(tx, &melding).await?;
    let due = melding.innhold.svarfrist;
    let mut out = Virkninger::new();
    let owner = [melding.enhet.clone()];
    out.hendelse("TilbakemeldingGitt", &melding.emne(), owner.clone());
    out.frist(FRIST_SVAR, &melding.emne(), due, None, owner);
    out.utfor(tx);
    let (person, eier) = (melding.person.as_str(), melding.enhet.as_str());
    let name = melding.name();
    innboks::rpc::oppgave_om(tx, Type::Tilbakemelding, person, eier, &name, due).await?;
    Ok(GiTilbakemeldingResponse {
        tilbakemelding: Some(to_proto(&melding)),
    })
}

pub(crate) async fn besvar(
    tx: &mut Tx,
    request: BesvarTilbakemeldingRequest,
) -> Result<BesvarTilbakemeldingResponse, Error> {
    let av = crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let svar = felt::pakrevd(&request.svar, "svar", felt::LANG, &mut faults);
    let endring = felt::pakrevd(&request.endring, "endring", felt::LANG, &mut faults);
    let mut melding = lager::hent_for_endring::<Melding>(tx, &request.name, faults).await?;
    if melding.innhold.svar.is_some() {
        return Err(Refusal::transition("BESVART", &[]).into());
    }
    melding.innhold.svar = Some(Svar {
        svar,
        endring,
        av,
        tid: tx.now(),
    });
    lager::lagre(tx, &mut melding).await?;
    let mut out = Virkninger::new();
    out.hendelse(
        "TilbakemeldingBesvart",
        &melding.emne(),
        [melding.enhet.clone()],
    );
    out.slett_frist(FRIST_SVAR, &melding.name());
    out.utfor(tx);
    innboks::rpc::ferdig(tx, &melding.person, Type::Tilbakemelding, &melding.name()).await?;
    Ok(BesvarTilbakemeldingResponse {
        tilbakemelding: Some(to_proto(&melding)),
    })
}

pub(crate) async fn hent(
    tx: &mut Tx,
    request: HentTilbakemeldingRequest,
) -> Result<HentTilbakemeldingResponse, Error> {
    let melding = lager::les_navngitt(tx, &request.name).await?;
    Ok(HentTilbakemeldingResponse {
        tilbakemelding: Some(to_proto(&melding)),
    })
}

pub(crate) async fn list(
    tx: &mut Tx,
    request: ListTilbakemeldingerRequest,
) -> Result<ListTilbakemeldingerResponse, Error> {
    let (all, next_page_token) =
        lager::personens(tx, &request.parent, request.page_size, &request.page_token).await?;
    Ok(ListTilbakemeldingerResponse {
        tilbakemeldinger: all.iter().map(to_proto).collect(),
        next_page_token,
    })
}

/// The oldest is due first: all have the same time to be answered in.
pub(crate) async fn list_ubesvarte(
    tx: &mut Tx,
    request: ListUbesvarteTilbakemeldingerRequest,
) -> Result<ListUbesvarteTilbakemeldingerResponse, Error> {
    let mut faults = FieldFaults::new();
    let enhet = navn::les_enhet(&request.parent, "parent", &mut faults);
    faults.finish()?;
    let page = Page::parse(request.page_size, &request.page_token)?;
    let (all, next_page_token) = lager::enhetens(tx, &enhet, &page).await?;
    Ok(ListUbesvarteTilbakemeldingerResponse {
        tilbakemeldinger: all.iter().map(to_proto).collect(),
        next_page_token,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use samspor_proto::felles::Feilgrunn;

    use super::*;

    /// Friday 2027-01-15 08:00 UTC.
    const NOW: Tid = Tid(1_800_000_000_000_000);

    /// Kind, score, words, which field is wrong and why.
    #[test]
    fn feedback_is_a_score_or_words() {
        use Tilbakemeldingstype::{Brukererfaring, Fit};
        let table = [
            (Fit, Some(40), "", None),
            (Fit, Some(0), "", None),
            (Fit, None, "Går bedre", None),
            (Fit, None, "", Some(("tekst", Feilgrunn::FeltMangler))),
            (Fit, Some(41), "", Some(("skar", Feilgrunn::FeltOmrade))),
            (Fit, Some(-1), "", Some(("skar", Feilgrunn::FeltOmrade))),
            (Brukererfaring, None, "Ble hørt", None),
            (
                Brukererfaring,
                Some(3),
                "",
                Some(("har_skar", Feilgrunn::FeltMotstrid)),
            ),
        ];
        for (type_, score, words, fault) in table {
            let request = GiTilbakemeldingRequest {
                r#type: type_.into(),
                skar: score.unwrap_or_default(),
                har_skar: score.is_some(),
                tekst: words.into(),
                ..Default::default()
            };
            let by = Aktor {
                enhet: String::new(),
                ansatt: String::new(),
                rolle: Rolle::Innbygger,
            };
            let mut faults = FieldFaults::new();
            let read = les(&request, by, NOW, 10, &mut faults);
            let found = faults.finish().err().map(|refusal| {
                assert_eq!(refusal.felt.len(), 1, "{refusal:?}");
                (refusal.felt[0].felt.clone(), refusal.felt[0].grunn)
            });
            let expected = fault.map(|(field, reason)| (field.to_owned(), reason));
            assert_eq!(found, expected, "{type_:?} {score:?} {words}");
            // Ten working days after a Friday: the end of a Friday.
            assert_eq!(read.svarfrist.to_string(), "2027-01-29T23:00:00Z");
            assert!(!read.pa_vegne_av);
        }
    }
}
