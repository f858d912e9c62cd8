//! Tilbakemelding: FIT and brukererfaring, by or for the person (S3).
//!
//! Invariants: every one has a deadline for its answer, which only an answer
//! ends; an answer says what changes. The person reads it. A score below the
//! cut-off of its scale (`data/innstillinger.json`) is a task of its own: it
//! says how the person is, and not what the unit is to answer.

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
        self as proto, BesvarTilbakemeldingRequest, BesvarTilbakemeldingResponse, Fitskjema,
        GiTilbakemeldingRequest, GiTilbakemeldingResponse, HentTilbakemeldingRequest,
        HentTilbakemeldingResponse, ListTilbakemeldingerRequest, ListTilbakemeldingerResponse,
        ListUbesvarteTilbakemeldingerRequest, ListUbesvarteTilbakemeldingerResponse,
        Tilbakemeldingstype,
    },
};
use serde::{Deserialize, Serialize};

use crate::{
    ENHET,
    innboks::{self, Type},
    innstillinger::{Innstillinger, innstillinger},
    lager::{self, Post},
    oppfolging, tabell,
};

/// Deadline: it is answered.
pub(crate) const FRIST_SVAR: &str = "tilbakemelding_svar";
/// Deadline: somebody sees to a person whose score is below the cut-off.
pub(crate) const FRIST_FIT: &str = "fit_under_grensen";
/// Highest score in tenths: four scales of 0 to 10 (ORS, SRS).
const MAKS_TIDELER: i32 = 400;

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
    /// Whole points, from before tenths and the scale were asked for.
    #[serde(default)]
    skar: Option<i32>,
    #[serde(default)]
    skar_tideler: Option<i32>,
    #[serde(default, with = "tall")]
    skjema: Fitskjema,
    #[serde(default)]
    under_grensen: bool,
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
        skar_tideler,
        skjema,
        under_grensen,
        tekst,
        pa_vegne_av,
        svarfrist,
        svar,
        registrert_av,
        registrert,
    } = melding.innhold.clone();
    let tideler = skar_tideler.or(skar.map(|whole| whole.saturating_mul(10)));
    proto::Tilbakemelding {
        name: melding.name(),
        etag: melding.etag(),
        ansvarlig_enhet: navn::enhet(&melding.enhet),
        r#type: type_.into(),
        skar_tideler: tideler.unwrap_or_default(),
        har_skar: tideler.is_some(),
        skjema: skjema.into(),
        under_grensen,
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
    innstillinger: &Innstillinger,
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
    if !(0..=MAKS_TIDELER).contains(&request.skar_tideler) {
        faults.range("skar_tideler", 0, MAKS_TIDELER);
    } else if request.skar_tideler != 0 && !request.har_skar {
        faults.contradicts("skar_tideler", "har_skar", "skår er oppgitt uten har_skar");
    }
    let skjema: Option<Fitskjema> =
        felt::filter(request.skjema, "skjema", "samspor.rop.v1.Fitskjema", faults);
    match (request.har_skar, skjema) {
        (true, None) => faults.missing("skjema"),
        (false, Some(_)) => {
            faults.contradicts("skjema", "har_skar", "skjema er oppgitt uten har_skar");
        }
        _ => {}
    }
    let skjema = skjema.unwrap_or_default();
    let cut_off = match skjema {
        Fitskjema::Ors => innstillinger.fit_ors_tideler,
        Fitskjema::Srs => innstillinger.fit_srs_tideler,
        Fitskjema::Unspecified => 0,
    };
    let tekst = if request.har_skar {
        felt::tekst(&request.tekst, "tekst", felt::LANG, faults)
    } else {
        felt::pakrevd(&request.tekst, "tekst", felt::LANG, faults)
    };
    Melding {
        type_,
        skar: None,
        skar_tideler: request.har_skar.then_some(request.skar_tideler),
        skjema,
        under_grensen: request.har_skar && request.skar_tideler < i32::from(cut_off),
        tekst,
        pa_vegne_av: av.rolle != Rolle::Innbygger,
        svarfrist: kalender::arbeidsdager_etter(now, innstillinger.tilbakemelding_arbeidsdager),
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
    let melding = les(&request, av, tx.now(), innstillinger()?, &mut faults);
    faults.finish()?;
    oppfolging::rpc::folg(tx, &person).await?;
    let melding = Post::ny(ENHET, person, tx.new_id(), melding);
    lager::legg_til(tx, &melding).await?;
    let due = melding.innhold.svarfrist;
    let mut out = Virkninger::new();
    let owner = [melding.enhet.clone()];
    out.hendelse("TilbakemeldingGitt", &melding.emne(), owner.clone());
    out.frist(FRIST_SVAR, &melding.emne(), due, None, owner.clone());
    let mut tasks = vec![(Type::Tilbakemelding, due)];
    if melding.innhold.under_grensen {
        let days = innstillinger()?.oppgave_arbeidsdager;
        let soon = kalender::arbeidsdager_etter(tx.now(), days);
        out.frist(FRIST_FIT, &melding.emne(), soon, None, owner);
        tasks.push((Type::FitUnderGrensen, soon));
    }
    out.utfor(tx);
    let (person, eier) = (melding.person.as_str(), melding.enhet.as_str());
    let name = melding.name();
    for (type_, due) in tasks {
        innboks::rpc::oppgave_om(tx, type_, person, eier, &name, due).await?;
    }
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
    let name = melding.name();
    out.slett_frist(FRIST_SVAR, &name);
    out.slett_frist(FRIST_FIT, &name);
    out.utfor(tx);
    for type_ in [Type::Tilbakemelding, Type::FitUnderGrensen] {
        innboks::rpc::ferdig(tx, &melding.person, type_, &name).await?;
    }
    Ok(BesvarTilbakemeldingResponse {
        tilbakemelding: Some(to_proto(&melding)),
    })
}

/// Whether feedback of the person waits for its answer.
pub(crate) async fn noe_ubesvart(tx: &mut Tx, person: &str) -> Result<bool, Error> {
    Ok(!lager::apne::<Melding>(tx, person).await?.is_empty())
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
        use Fitskjema::{Ors, Srs, Unspecified};
        use Tilbakemeldingstype::{Brukererfaring, Fit};
        let missing = |field| Some((field, Feilgrunn::FeltMangler));
        let contradicts = |field| Some((field, Feilgrunn::FeltMotstrid));
        let range = Some(("skar_tideler", Feilgrunn::FeltOmrade));
        let table = [
            (Fit, Ors, Some(400), "", None),
            (Fit, Srs, Some(0), "", None),
            (Fit, Unspecified, None, "Går bedre", None),
            (Fit, Unspecified, None, "", missing("tekst")),
            (Fit, Unspecified, Some(200), "", missing("skjema")),
            (Fit, Ors, None, "Går bedre", contradicts("skjema")),
            (Fit, Ors, Some(401), "", range),
            (Fit, Ors, Some(-1), "", range),
            (Brukererfaring, Unspecified, None, "Ble hørt", None),
            (Brukererfaring, Ors, Some(300), "", contradicts("har_skar")),
        ];
        for (type_, skjema, score, words, fault) in table {
            let request = GiTilbakemeldingRequest {
                r#type: type_.into(),
                skjema: skjema.into(),
                skar_tideler: score.unwrap_or_default(),
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
            let read = les(&request, by, NOW, innstillinger().unwrap(), &mut faults);
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

    /// Scale, tenths, whether somebody must see to the person.
    ///
    /// Seen red: without a cut-off for one of them.
    #[test]
    fn each_scale_has_its_cut_off() {
        for (skjema, score, below) in [
            (Fitskjema::Ors, 249, true),
            (Fitskjema::Ors, 250, false),
            (Fitskjema::Srs, 359, true),
            (Fitskjema::Srs, 360, false),
        ] {
            let request = GiTilbakemeldingRequest {
                r#type: Tilbakemeldingstype::Fit.into(),
                skjema: skjema.into(),
                skar_tideler: score,
                har_skar: true,
                ..Default::default()
            };
            let by = Aktor {
                enhet: "rop".into(),
                ansatt: "r1".into(),
                rolle: Rolle::Behandler,
            };
            let mut faults = FieldFaults::new();
            let read = les(&request, by, NOW, innstillinger().unwrap(), &mut faults);
            assert!(faults.is_empty());
            assert_eq!(read.under_grensen, below, "{skjema:?} {score}");
        }
    }
}
