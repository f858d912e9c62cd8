//! `samspor demo`: stories played on a real mesh, by people at desks.
//!
//! Nothing is scripted but the questions: every answer is what the gateway let
//! through, and every refusal is the rule that refused. A story is a method of
//! `Stage` in a file of its own, made of the steps in `steps.rs`; [`play`] plays
//! one for an audience or for a test.

mod avvik;
mod k4;
mod kartlagt;
mod klokke;
mod levering;
mod natt;
mod oversikt;
mod print;
mod rad;
mod samtykke;
mod seen;
mod stage;
mod steps;
mod tildelt;
mod utskrevet;
mod venter;
mod vignett;
mod waterfall;

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail};
use samspor_chassis::{
    id::RandomIds,
    telemetry::{FinishedSpan, SpanBuffer},
    tid::{Clock, SystemClock},
};
use samspor_gateway::policy::{Municipality, Policy, PolicySource};

use self::{print::Printer, stage::Stage};
use crate::{
    gransk::Rapport,
    karmoy::{self, Tall},
    mesh::{Mesh, Options},
};

pub use self::{
    klokke::Klokke,
    print::{Step, Style},
    rad::Rad,
    seen::Seen,
};

/// Municipalities that the program comes with.
pub const KOMMUNER: [&str; 5] = ["karmoy", "sarpsborg", "levanger", "alesund", "kristiansund"];

/// A story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Historie {
    /// Finding K4 of Karmøy: ROP and BOM share a person, and Nav asks.
    K4,
    /// Sarpsborg: mapped three times, now once.
    KartlagtEnGang,
    /// NTNU's vignette: a woman of 27 loses her private rental.
    Vignett,
    /// Karmøy's stock: an acute night, three months, and a dwelling.
    Natt,
    /// Sarpsborg: an avvik that comes back to who reported it, and the review of
    /// a discharge to the street.
    Avvik,
}

impl Historie {
    /// Where it is played unless another municipality is asked for.
    const fn kommuner(self) -> &'static [&'static str] {
        match self {
            Self::K4 | Self::Natt => &["karmoy"],
            Self::KartlagtEnGang | Self::Avvik => &["sarpsborg"],
            Self::Vignett => &KOMMUNER,
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::K4 => "ROP and BOM share a person, and Nav asks",
            Self::KartlagtEnGang => "Mapped three times, now once",
            Self::Vignett => "One vignette, five municipalities",
            Self::Natt => "An acute night, three months, and a dwelling",
            Self::Avvik => "An avvik that comes back, and a discharge to the street",
        }
    }
}

/// What was told.
#[derive(Debug, Default)]
pub struct Fortalt {
    /// Everything that somebody did, in order.
    pub trinn: Vec<Step>,
    /// What came of it, by municipality; none in K4, whose steps say it.
    pub tabell: Vec<Rad>,
    /// Trace of the (first) decision; empty without telemetry.
    pub sporing: String,
    /// The review of a discharge; none in the other stories.
    pub gransking: Option<Rapport>,
}

/// What came of a story in one municipality.
#[derive(Default)]
struct Utfall {
    sporing: String,
    rad: Option<Rad>,
    gransking: Option<Rapport>,
}

impl From<String> for Utfall {
    fn from(sporing: String) -> Self {
        Self {
            sporing,
            ..Self::default()
        }
    }
}

impl From<(String, Rad)> for Utfall {
    fn from((sporing, rad): (String, Rad)) -> Self {
        Self {
            rad: Some(rad),
            ..sporing.into()
        }
    }
}

impl From<(String, Rapport)> for Utfall {
    fn from((sporing, rapport): (String, Rapport)) -> Self {
        Self {
            gransking: Some(rapport),
            ..sporing.into()
        }
    }
}

/// Plays a story where it belongs, or in one municipality, each on a fresh mesh
/// in a folder of its own, which is removed. With spans, the decision's trace is
/// shown at the end. A review is written as a page to the file `side`, where one
/// is given.
///
/// # Errors
/// When there is no such municipality, the story cannot be played in it, a mesh
/// does not start, or a step that must succeed is refused.
pub async fn play(
    historie: Historie,
    kommune: Option<&str>,
    style: Style,
    spans: Option<&SpanBuffer>,
    side: Option<&Path>,
) -> Result<Fortalt> {
    let mut out = Printer::new(style, historie == Historie::Vignett);
    let mut told = Fortalt::default();
    out.opening(historie.title(), &figures(historie)?);
    let asked_for = kommune.map(|kommune| vec![kommune]);
    for kommune in asked_for.unwrap_or_else(|| historie.kommuner().to_vec()) {
        let policy = Policy::load(&PolicySource::embedded(kommune))?;
        let place = (kommune, policy.municipality());
        let came = Box::pin(play_in(historie, place, &mut out, side)).await?;
        told.tabell.extend(came.rad);
        told.gransking = came.gransking;
        if told.sporing.is_empty() {
            told.sporing = came.sporing;
        }
    }
    if historie == Historie::Vignett {
        let title = "The same case, decided, allocated, read and waiting";
        out.lines(title, &rad::table(&told.tabell));
    }
    for rad in &told.tabell {
        out.row(rad);
    }
    if let Some(spans) = spans {
        let spans = settled(spans, &told.sporing).await;
        if spans.is_empty() {
            bail!("the decision left no trace");
        }
        out.waterfall(&waterfall::waterfall(&spans), &told.sporing);
    }
    out.closing();
    told.trinn = out.steps;
    Ok(told)
}

async fn play_in(
    historie: Historie,
    (kommune, municipality): (&str, &Municipality),
    out: &mut Printer,
    side: Option<&Path>,
) -> Result<Utfall> {
    let begin = match historie {
        Historie::Natt => karmoy::begynnelse(Klokke::begynner()),
        _ => Klokke::begynner(),
    };
    let klokke = Arc::new(Klokke::ved(begin));
    let clock: Arc<dyn Clock> = Arc::<Klokke>::clone(&klokke);
    let folder = tempfile::tempdir().context("cannot make a folder for the demo")?;
    let ids = Arc::new(RandomIds::new(Arc::clone(&clock)));
    let mut options = Options::new(folder.path(), clock, ids);
    kommune.clone_into(&mut options.kommune);
    out.progress("starting the services and the gateway on SQLite");
    let mesh = Mesh::start(options).await?;
    if historie == Historie::Natt {
        out.progress("taking in 479 dwellings, who lives there and who waits");
        Box::pin(karmoy::legg_inn(&mesh, &klokke, Klokke::begynner())).await?;
    }
    let mut stage = Stage::new((&mesh, &klokke), (kommune, municipality), out);
    let played = match historie {
        Historie::K4 => Box::pin(stage.k4()).await.map(Utfall::from),
        Historie::Natt => Box::pin(stage.natt()).await.map(Utfall::from),
        Historie::KartlagtEnGang => Box::pin(stage.kartlagt()).await.map(Utfall::from),
        Historie::Vignett => Box::pin(stage.vignett()).await.map(Utfall::from),
        Historie::Avvik => Box::pin(stage.avvik(side)).await.map(Utfall::from),
    };
    mesh.shutdown().await;
    played
}

fn figures(historie: Historie) -> Result<Vec<String>> {
    if historie == Historie::K4 {
        return Ok(figures_text(&Tall::les()?));
    }
    let text = match historie {
        Historie::Natt => [
            "Karmøy, January 2025 (forvaltningsrevisjon, chapters 2 and 4): three agencies allocate from",
            "one stock, and nobody had all of the list. Here there is one list, and one clock of a stay.",
        ],
        Historie::Avvik => [
            "Sarpsborg 2025: Nav's avvik about Boligkontoret went out of sight (forvaltningsrevisjon,",
            "4.2.1.3). Riksrevisjonen 2025: some are discharged to the street. Who knew, and who had it?",
        ],
        Historie::K4 | Historie::KartlagtEnGang => [
            "Sarpsborg 2025: three units decide, each on its own services, and a patient can be",
            "mapped three times (forvaltningsrevisjon, chapter 4). Here the three read one mapping.",
        ],
        Historie::Vignett => [
            "NTNU 2018, «Et felles ansvar», chapter 3: she is 27, single, without steady work, and",
            "loses the dwelling she rents. She has anxiety, and uses drugs in periods. Who helps?",
        ],
    };
    Ok(text.map(str::to_owned).to_vec())
}

fn figures_text(figures: &Tall) -> Vec<String> {
    let both = figures.brukere_2025.bom_og_aktivitet_med_rop;
    vec![
        format!(
            "Karmøy 2024–2025: {} dwellings, {} waiting with a vedtak ({} of them in temporary housing),",
            figures.boliger_2024.disponert,
            figures.venteliste_januar_2025.kommunal_utleie + figures.venteliste_januar_2025.omsorgsbolig,
            figures.venteliste_januar_2025.bor_i_midlertidig,
        ),
        format!(
            "{} users of ROP ({:.1} full-time posts), {} to {} of them also of BOM or Aktivitet.",
            figures.brukere_2025.hovedforlop_2 + figures.brukere_2025.hovedforlop_3,
            figures.rop_tjenesten_2024.arsverk,
            both.0,
            both.1,
        ),
        "Finding K4: the help came from ROP or from BOM, never from both. This is one of those few.".to_owned(),
    ]
}

/// The spans of a trace, once the consumers' part of it has ended too.
async fn settled(buffer: &SpanBuffer, trace: &str) -> Vec<FinishedSpan> {
    let mut spans = buffer.trace(trace);
    for _ in 0..20 {
        let soon = SystemClock.now().plus(Duration::from_millis(50));
        SystemClock.sleep_until(soon).await;
        let more = buffer.trace(trace);
        if more.len() == spans.len() && more.iter().any(|span| span.kind == "consumer") {
            break;
        }
        spans = more;
    }
    buffer.trace(trace)
}
