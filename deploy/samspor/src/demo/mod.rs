//! `samspor demo`: finding K4 of Karmøy's audit, played on a real mesh.
//!
//! In 2025 a person with developmental disability and substance use got help
//! from ROP or from BOM, never from both. Here both deliver under one vedtak,
//! Nav is a party and asks what it may know, and the person can see who did.
//! Nothing is scripted but the questions: every answer is what the gateway let
//! through, and every refusal is the rule that refused.

mod print;
mod seen;
mod story;
mod waterfall;

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail};
use samspor_chassis::{
    id::RandomIds,
    telemetry::{FinishedSpan, SpanBuffer},
    tid::{Clock, SystemClock},
};
use serde::Deserialize;

use crate::mesh::{Mesh, Options};

pub use print::Style;

/// Karmøy's figures (Karmøy forvaltningsrevisjon 2025, chapters 2 and 4).
const KARMOY: &str = include_str!("../../data/karmoy.json");

#[derive(Deserialize)]
struct Karmoy {
    boliger_2024: Boliger,
    venteliste_januar_2025: Venteliste,
    brukere_2025: Brukere,
    rop_tjenesten_2024: RopTjenesten,
}

#[derive(Deserialize)]
struct Boliger {
    disponert: u32,
}

#[derive(Deserialize)]
struct Venteliste {
    kommunal_utleie: u32,
    omsorgsbolig: u32,
    bor_i_midlertidig: u32,
}

#[derive(Deserialize)]
struct Brukere {
    hovedforlop_2: u32,
    hovedforlop_3: u32,
    bom_og_aktivitet_med_rop: (u32, u32),
}

#[derive(Deserialize)]
struct RopTjenesten {
    arsverk: f64,
}

/// Plays the demo on a fresh mesh in a folder of its own, which is removed.
///
/// # Errors
/// When the mesh does not start, or a step that must succeed is refused.
pub async fn run(style: Style, spans: SpanBuffer) -> Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let folder = tempfile::tempdir().context("cannot make a folder for the demo")?;
    let ids = Arc::new(RandomIds::new(Arc::clone(&clock)));
    let options = Options::new(folder.path(), Arc::clone(&clock), ids);

    let mut out = print::Printer::new(style);
    out.progress("starting koordinering, bestillerkontor, rop and the gateway on SQLite");
    let mesh = Mesh::start(options).await?;
    let figures: Karmoy = serde_json::from_str(KARMOY).context("data/karmoy.json")?;
    out.opening(&figures_text(&figures), &mesh.addr.to_string());

    let told = Box::pin(story::play(&mesh, &mut out)).await;
    if let Ok(trace) = &told {
        let spans = settled(&spans, trace, &*clock).await;
        out.waterfall(&waterfall::waterfall(&spans), trace);
    }
    mesh.shutdown().await;
    let trace = told?;
    if trace.is_empty() {
        bail!("the demo ended without a trace");
    }
    out.closing();
    Ok(())
}

fn figures_text(figures: &Karmoy) -> Vec<String> {
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
async fn settled(buffer: &SpanBuffer, trace: &str, clock: &dyn Clock) -> Vec<FinishedSpan> {
    let mut spans = buffer.trace(trace);
    for _ in 0..20 {
        clock
            .sleep_until(clock.now().plus(Duration::from_millis(50)))
            .await;
        let more = buffer.trace(trace);
        if more.len() == spans.len() && more.iter().any(|span| span.kind == "consumer") {
            break;
        }
        spans = more;
    }
    buffer.trace(trace)
}
