//! `samspor gransk` on the command line.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line talks to its user"
)]

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use prost::Message;
use samspor_chassis::{
    domene::Dag,
    id::{Ids as _, RandomIds},
    tid::{SystemClock, Tid},
};
use samspor_proto::{
    avvik::{
        HentAvvikRequest, HentAvvikResponse, HentAvviksdetaljRequest, HentAvviksdetaljResponse,
    },
    felles::Rolle,
    gateway::{
        ApneGranskingRequest, ApneGranskingResponse, AvsluttGranskingRequest,
        AvsluttGranskingResponse, GodkjennGranskingRequest, GodkjennGranskingResponse, Gransking,
        HentGranskingRequest, HentGranskingResponse,
    },
    tilgang::{Dataklasse, Formal},
};
use tonic::{Code, Status};

use super::{hent::Utsnitt, spor::Talmod, visning::Rapport};
use crate::{config::read_text, desk::Desk, mesh};

/// A review, or what is done with its mandate.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Gransk {
    #[command(subcommand)]
    mandatet: Option<Mandatet>,
    /// The mandate: `granskinger/{id}`.
    #[arg(long, required = true)]
    mandat: Option<String>,
    /// From when, YYYY-MM-DD or RFC 3339; none: as the mandate says.
    #[arg(long, value_parser = begynner)]
    fra: Option<Tid>,
    /// Until when, a day included; none: as the mandate says.
    #[arg(long, value_parser = slutter)]
    til: Option<Tid>,
    /// Only what belongs to one trace, 32 hex digits.
    #[arg(long, value_parser = sporings_id)]
    sporings_id: Option<String>,
    /// Trace store that refines the times: http://host:port of Jaeger's query
    /// API, or what `samspor up` tells.
    #[arg(long)]
    spor: Option<String>,
    /// As one file of HTML.
    #[arg(long, value_name = "FIL")]
    html: Option<PathBuf>,
    #[command(flatten)]
    hvem: Hvem,
}

/// Who calls, and where.
#[derive(Args)]
struct Hvem {
    /// The gateway.
    #[arg(long, default_value = "127.0.0.1:7070", global = true)]
    adresse: SocketAddr,
    /// File with an access token; none: of the dev issuer.
    #[arg(long, global = true)]
    token_fil: Option<PathBuf>,
    /// Unit of whom the dev issuer makes a token for.
    #[arg(long, default_value = "personvern", global = true)]
    enhet: String,
    /// Employee id; none: the unit and the role.
    #[arg(long, global = true)]
    ansatt: Option<String>,
    /// Folder of `samspor up`.
    #[arg(long, default_value = "samspor-data", global = true)]
    data_dir: PathBuf,
}

/// Role of whom the dev issuer makes a token for.
#[derive(Clone, Copy, ValueEnum)]
enum Mandatrolle {
    Leder,
    Personvernombud,
}

impl From<Mandatrolle> for Rolle {
    fn from(of: Mandatrolle) -> Self {
        match of {
            Mandatrolle::Leder => Self::Leder,
            Mandatrolle::Personvernombud => Self::Personvernombud,
        }
    }
}

#[derive(Subcommand)]
enum Mandatet {
    /// Opens a mandate, which opens nothing before it is approved.
    Apne(Box<Apne>),
    /// Approves a mandate: another employee, of the other role.
    Godkjenn {
        /// The mandate.
        navn: String,
        /// Role.
        #[arg(long, value_enum, default_value = "personvernombud")]
        rolle: Mandatrolle,
    },
    /// Ends a mandate before its time, or takes it back.
    Avslutt {
        /// The mandate.
        navn: String,
        /// Role.
        #[arg(long, value_enum, default_value = "personvernombud")]
        rolle: Mandatrolle,
    },
}

#[derive(Args)]
struct Apne {
    /// Role.
    #[arg(long, value_enum, default_value = "leder")]
    rolle: Mandatrolle,
    /// Employee who is to review.
    #[arg(long)]
    gransker: String,
    /// Unit of the reviewer.
    #[arg(long, default_value = "personvern")]
    gransker_enhet: String,
    /// Unit that is reviewed; may be repeated.
    #[arg(long, required = true)]
    granskes: Vec<String>,
    /// Person: `personer/{id}`; may be repeated.
    #[arg(long)]
    person: Vec<String>,
    /// Avvik that is reviewed, with its person where none is given.
    #[arg(long)]
    avvik: Option<String>,
    /// Trace whose persons are reviewed.
    #[arg(long, value_parser = sporings_id)]
    sporings_id: Option<String>,
    /// First day that is reviewed, or an instant.
    #[arg(long, value_parser = begynner)]
    fra: Tid,
    /// Last day that is reviewed, or the instant after.
    #[arg(long, value_parser = slutter)]
    til: Tid,
    /// When the mandate ends.
    #[arg(long, value_parser = slutter)]
    utloper: Tid,
    /// HELSE, where it is needed.
    #[arg(long)]
    klasse: Vec<String>,
    /// What is to be found out, and why.
    #[arg(long)]
    hva: String,
}

/// A day from its first instant, or an instant.
fn begynner(text: &str) -> Result<Tid, String> {
    instant(text, Dag::start)
}

/// A day until its last instant, or an instant.
fn slutter(text: &str) -> Result<Tid, String> {
    instant(text, Dag::slutt)
}

fn instant(text: &str, of_day: fn(Dag) -> Tid) -> Result<Tid, String> {
    let day = text.parse::<Dag>().map(of_day);
    day.or_else(|_| text.parse::<Tid>())
        .map_err(|_| "give a day, 2027-01-04, or an instant, 2027-01-04T08:00:00Z".to_owned())
}

fn sporings_id(text: &str) -> Result<String, String> {
    let id = text.to_ascii_lowercase();
    let hex = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    match hex {
        true => Ok(id),
        false => Err("a trace id has 32 hex digits".to_owned()),
    }
}

impl Hvem {
    async fn desk(&self, rolle: Rolle, now: Tid) -> Result<Desk> {
        let token = if let Some(file) = &self.token_fil {
            read_text(file)?
        } else {
            let role = rolle.as_str_name().trim_start_matches("ROLLE_");
            let default = || format!("{}-{}", self.enhet, role.to_lowercase());
            let employee = self.ansatt.clone().unwrap_or_else(default);
            let claims = mesh::employee(&self.enhet, &employee, rolle);
            mesh::issuer_of(&self.data_dir)?.token(&claims, now.0 / 1_000_000, 300)?
        };
        Desk::at(self.adresse, Arc::new(move || token.clone())).await
    }
}

impl Gransk {
    /// Reviews, or does what is asked with the mandate.
    ///
    /// # Errors
    /// When the gateway does not answer, or refuses; a file that cannot be written.
    pub async fn run(self, json: bool, now: Tid) -> Result<()> {
        let Self {
            mandatet,
            mandat,
            fra,
            til,
            sporings_id,
            spor,
            html,
            hvem,
        } = self;
        if let Some(what) = mandatet {
            let mandate = what.utfor(&hvem, now).await?;
            si(&mandate, json);
            return Ok(());
        }
        let mandat = mandat.context("--mandat is missing")?;
        let desk = hvem.desk(Rolle::Gransker, now).await?;
        let report = Rapport::hent(&desk, &mandat, Utsnitt { fra, til }, now).await?;
        let report = match sporings_id {
            Some(id) => kun_spor(report, &id)?,
            None => report,
        };
        let report = match spor {
            Some(store) => report.med_spor(&store, Talmod::default()).await?,
            None => report,
        };
        if let Some(file) = &html {
            mesh::write_private(file, report.side().as_bytes())?;
        }
        match (json, &html) {
            (true, _) => print!("{}", report.json()),
            (false, None) => print!("{}", report.tekst()),
            (false, Some(file)) => println!(
                "{}: {} innslag, {} mangler",
                file.display(),
                report.linje.innslag.len(),
                report.hull().count()
            ),
        }
        Ok(())
    }
}

/// Only what belongs to one trace.
fn kun_spor(report: Rapport, id: &str) -> Result<Rapport> {
    let linje = report.linje.av_spor(id);
    // Where something is missing, it may be just that.
    if linje.innslag.is_empty() && linje.hull.is_empty() {
        bail!(
            "--sporings-id {id}: nothing in the period belongs to this trace; check it, or widen \
             --fra and --til"
        );
    }
    Ok(Rapport { linje, ..report })
}

impl Mandatet {
    async fn utfor(self, hvem: &Hvem, now: Tid) -> Result<Gransking> {
        let gransking = match self {
            Self::Apne(apne) => apne.utfor(hvem, now).await?,
            Self::Godkjenn { navn, rolle } => {
                let desk = hvem
                    .desk(rolle.into(), now)
                    .await?
                    .with_purpose(Formal::Kontroll);
                let request = HentGranskingRequest { name: navn.clone() };
                let read: HentGranskingResponse =
                    kall(&desk, "gateway.v1.GranskingService/HentGransking", request).await?;
                let request = GodkjennGranskingRequest {
                    name: navn,
                    request_id: ny_id(),
                    etag: read.gransking.unwrap_or_default().etag,
                };
                let done: GodkjennGranskingResponse = kall(
                    &desk,
                    "gateway.v1.GranskingService/GodkjennGransking",
                    request,
                )
                .await?;
                done.gransking
            }
            Self::Avslutt { navn, rolle } => {
                let desk = hvem
                    .desk(rolle.into(), now)
                    .await?
                    .with_purpose(Formal::Kontroll);
                let request = AvsluttGranskingRequest {
                    name: navn,
                    request_id: ny_id(),
                };
                let done: AvsluttGranskingResponse = kall(
                    &desk,
                    "gateway.v1.GranskingService/AvsluttGransking",
                    request,
                )
                .await?;
                done.gransking
            }
        };
        gransking.context("an answer without a mandate")
    }
}

impl Apne {
    async fn utfor(self, hvem: &Hvem, now: Tid) -> Result<Option<Gransking>> {
        let desk = hvem.desk(self.rolle.into(), now).await?;
        let avvik = self.avvik.unwrap_or_default();
        let mut personer = self.person;
        if personer.is_empty() && !avvik.is_empty() {
            personer = personen(&desk, &avvik).await?;
        }
        let unit = |id: &String| match id.starts_with("enheter/") {
            true => id.clone(),
            false => format!("enheter/{id}"),
        };
        let mut klasser = Vec::new();
        for name in &self.klasse {
            let class = Dataklasse::from_str_name(&format!("DATAKLASSE_{name}"));
            klasser.push(
                class
                    .with_context(|| format!("--klasse {name} is no class; HELSE is"))?
                    .into(),
            );
        }
        let request = ApneGranskingRequest {
            parent: unit(&hvem.enhet),
            request_id: ny_id(),
            gransker: self.gransker,
            gransker_enhet: unit(&self.gransker_enhet),
            enheter: self.granskes.iter().map(unit).collect(),
            personer,
            avvik,
            sporings_id: self.sporings_id.unwrap_or_default(),
            fra: Some(self.fra.to_proto()),
            til: Some(self.til.to_proto()),
            utloper: Some(self.utloper.to_proto()),
            klasser,
            mandat: self.hva,
        };
        let desk = desk.with_purpose(Formal::Kontroll);
        let done: ApneGranskingResponse =
            kall(&desk, "gateway.v1.GranskingService/ApneGransking", request).await?;
        Ok(done.gransking)
    }
}

/// Whom an avvik is about. To whom it may not be told, the mandate is on the
/// avvik alone, and that is said.
async fn personen(desk: &Desk, avvik: &str) -> Result<Vec<String>> {
    let desk = desk.with_purpose(Formal::Avviksbehandling);
    let read = async {
        let request = HentAvvikRequest {
            name: avvik.to_owned(),
        };
        let one: HentAvvikResponse =
            kall(&desk, "avvik.v1.AvvikService/HentAvvik", request).await?;
        let request = HentAvviksdetaljRequest {
            name: one.avvik.unwrap_or_default().detalj,
        };
        let method = "avvik.v1.AvviksdetaljService/HentAvviksdetalj";
        let detail: HentAvviksdetaljResponse = kall(&desk, method, request).await?;
        anyhow::Ok(detail.detalj.unwrap_or_default().person)
    };
    let person = match read.await {
        Ok(person) => person,
        Err(refused) if lukket(&refused) => {
            eprintln!(
                "samspor: whom {avvik} is about is not yours to read: the mandate reaches the avvik \
                 alone; --person adds whom it is about"
            );
            String::new()
        }
        Err(fault) => return Err(fault),
    };
    Ok([person]
        .into_iter()
        .filter(|person| !person.is_empty())
        .collect())
}

/// Whether it is a refusal that holds when it is asked again.
fn lukket(refused: &anyhow::Error) -> bool {
    use Code::{FailedPrecondition, NotFound, PermissionDenied};
    let code = refused.downcast_ref::<Status>().map(Status::code);
    matches!(code, Some(NotFound | PermissionDenied | FailedPrecondition))
}

async fn kall<Q, A>(desk: &Desk, method: &str, request: Q) -> Result<A>
where
    Q: Message + 'static,
    A: Message + Default + 'static,
{
    let answer = desk.call(method, request).await;
    answer.result.map_err(|refused| {
        let said = format!(
            "{:?}: {} (trace {})",
            refused.code(),
            refused.message(),
            answer.trace_id
        );
        anyhow::Error::new(refused).context(said)
    })
}

fn ny_id() -> String {
    RandomIds::new(Arc::new(SystemClock)).record().to_string()
}

fn si(mandate: &Gransking, json: bool) {
    let state = mandate.tilstand().as_str_name();
    let state = state.strip_prefix("GRANSKING_TILSTAND_").unwrap_or(state);
    match json {
        true => println!(
            "{}",
            serde_json::json!({"gransking": mandate.name, "tilstand": state, "personer": mandate.personer})
        ),
        false => println!(
            "{}  {state}  {} personer",
            mandate.name,
            mandate.personer.len()
        ),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// Seen red: with an error whatever is missing.
    #[test]
    fn a_trace_that_is_not_found_is_an_error_where_nothing_is_missing() {
        use super::super::{grunnlag::Hull, tidslinje::Tidslinje, tidslinjeprove::grunnlag};

        let unknown = "f".repeat(32);
        let mut answers = grunnlag();
        let whole = Rapport::uten_spor(Tidslinje::av(answers.clone()), Tid(0));
        assert!(kun_spor(whole.clone(), &format!("{:032x}", 4)).is_ok());
        let said = kun_spor(whole, &unknown).unwrap_err().to_string();
        assert!(said.contains("--sporings-id"), "{said}");
        answers.hull.push(Hull::default());
        let gaps = Rapport::uten_spor(Tidslinje::av(answers), Tid(0));
        let report = kun_spor(gaps, &unknown).unwrap();
        assert!(report.linje.innslag.is_empty());
        assert_eq!(report.hull().count(), 1);
    }

    #[test]
    fn a_day_is_whole() {
        for (text, from, to) in [
            ("2027-01-04", "2027-01-03T23:00:00Z", "2027-01-04T23:00:00Z"),
            (
                "2027-01-04T08:00:00Z",
                "2027-01-04T08:00:00Z",
                "2027-01-04T08:00:00Z",
            ),
        ] {
            assert_eq!(begynner(text).map(|at| at.to_string()), Ok(from.to_owned()));
            assert_eq!(slutter(text).map(|at| at.to_string()), Ok(to.to_owned()));
        }
        assert!(begynner("i går").is_err());
        assert!(sporings_id("123").is_err());
        assert_eq!(sporings_id(&"AB".repeat(16)), Ok("ab".repeat(16)));
    }

    /// Seen red: with every fault taken for a refusal.
    #[test]
    fn a_refusal_is_not_a_fault() {
        let said = |status: Status| anyhow::Error::new(status).context("NotFound: none (trace 1)");
        assert!(lukket(&said(Status::not_found("none"))));
        assert!(!lukket(&said(Status::unavailable("down"))));
        assert!(!lukket(&anyhow::anyhow!("no token")));
    }
}
