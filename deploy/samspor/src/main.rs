//! `samspor`: the whole mesh in one process, one part of it, or an operator's
//! command.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line talks to its user"
)]

use std::{
    panic::{AssertUnwindSafe, resume_unwind},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::{Result, bail};
use clap::{Parser, Subcommand, ValueEnum};
use futures::FutureExt as _;
use samspor::{
    behov::{self, Av, Til},
    boliger,
    config::Config,
    demo,
    desk::Desk,
    gransk::Gransk,
    importer, karmoy, mesh,
    serve::{self, Part},
    up,
};
use samspor_chassis::{
    historie::Framdrift,
    telemetry::{self, SpanBuffer, TelemetryConfig},
    tid::{Clock, SystemClock},
};
use samspor_gateway::identity::dev::Claims;
use samspor_proto::felles::Rolle;

/// Spans that the process keeps for the waterfall.
const KEPT_SPANS: usize = 20_000;

/// A gRPC mesh for a municipality's work with people with ROP-lidelser.
#[derive(Parser)]
#[command(name = "samspor", version, about, max_term_width = 100)]
struct Cli {
    /// Answers as JSON, one object a line.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Boliger {
    /// Writes all of it.
    Eksporter {
        /// Where to; `-` is the terminal.
        #[arg(default_value = "-")]
        fil: PathBuf,
    },
    /// Takes in a file: all rows, or none.
    Importer {
        /// Whence.
        fil: PathBuf,
        /// Only says what would be.
        #[arg(long)]
        prov: bool,
    },
}

#[derive(Subcommand)]
enum Command {
    /// Runs the whole mesh in this process, on SQLite files.
    Up {
        /// Folder for databases, keys and tokens.
        #[arg(long, default_value = "samspor-data")]
        data_dir: PathBuf,
        /// Where the gateway takes calls.
        #[arg(long, default_value = "127.0.0.1:7070")]
        adresse: std::net::SocketAddr,
        /// Municipality: karmoy, sarpsborg, levanger, alesund or kristiansund.
        #[arg(long, default_value = "karmoy")]
        kommune: String,
        /// What it begins with: the dwellings of Karmøy in January 2025, who
        /// waits for one, and the dates of today. None: nothing.
        #[arg(long, value_parser = [karmoy::NAVN])]
        data: Option<String>,
        /// OTLP collector: http://host:4317.
        #[arg(long, env = "SAMSPOR_TELEMETRI__OTLP")]
        otlp: Option<String>,
    },
    /// Runs one part of the mesh.
    Serve {
        /// Which part.
        part: Part,
        /// Configuration file.
        #[arg(long, env = "SAMSPOR_CONFIG")]
        config: Option<PathBuf>,
    },
    /// Plays a story, on a mesh of its own.
    Demo {
        /// Which: K4 of Karmøy, an acute night there and what came of it,
        /// Sarpsborg's person mapped once, NTNU's vignette in five
        /// municipalities, or Sarpsborg's avvik and a review. None: K4, the night
        /// and the avvik, one act after the other.
        #[arg(long, value_enum)]
        historie: Option<Historie>,
        /// Municipality to play it in, instead of where it belongs.
        #[arg(long, value_parser = demo::KOMMUNER)]
        kommune: Option<String>,
        /// Where the review is written as a page.
        #[arg(long, value_name = "FIL", default_value = "samspor-gransking.html")]
        html: PathBuf,
    },
    /// Brings the database of one part up to date.
    Migrate {
        /// Which part.
        part: Part,
        /// Configuration file.
        #[arg(long, env = "SAMSPOR_CONFIG")]
        config: Option<PathBuf>,
    },
    /// Takes in the history of another system, in chunks: one transaction and
    /// one commit each. What broke off is run again; nothing is doubled.
    Importer {
        /// Which part.
        part: Part,
        /// One JSON object a line. Lines that are refused are written to
        /// FIL.avvist, answers to FIL.svar.
        #[arg(long)]
        fil: PathBuf,
        /// Lines of one transaction.
        #[arg(long, default_value_t = 1000)]
        bunke: usize,
        /// FIL.svar of koordinering's import: lines then name the references of
        /// the old system for persons.
        #[arg(long)]
        personer: Option<PathBuf>,
        /// Municipality whose units are known.
        #[arg(long, default_value = "karmoy")]
        kommune: String,
        /// Folder whose policy files stand in for the built-in ones.
        #[arg(long)]
        policy: Option<PathBuf>,
        /// Configuration file.
        #[arg(long, env = "SAMSPOR_CONFIG")]
        config: Option<PathBuf>,
        /// Its database, where no configuration names it: `sqlite:rop.db`.
        #[arg(long)]
        database_url: Option<String>,
    },
    /// Examines the access log of a stopped gateway: dense, unbroken, each leaf
    /// as it was written. Ends with 1 when something is wrong.
    VerifyLog {
        /// Its database: `sqlite:samspor-data/gateway.db` or `postgres://…`.
        #[arg(long)]
        database_url: String,
        /// Prints the rows of one system (client id of its tokens) too.
        #[arg(long)]
        system: Option<String>,
    },
    /// Prints what waits for a unit, that which breaks next first.
    Innboks {
        /// Unit: bestillerkontor, rop …
        #[arg(long, default_value = "bestillerkontor")]
        enhet: String,
        /// The gateway.
        #[arg(long, default_value = "127.0.0.1:7070")]
        adresse: std::net::SocketAddr,
        /// File with an access token; none: the unit's system, by the dev issuer.
        #[arg(long)]
        token_fil: Option<PathBuf>,
        /// Without colour, also on a terminal.
        #[arg(long, env = "NO_COLOR", value_parser = clap::builder::FalseyValueParser::new())]
        uten_farge: bool,
        /// Folder of `samspor up`.
        #[arg(long, default_value = "samspor-data")]
        data_dir: PathBuf,
    },
    /// Shows the figures of a month's avvik: as they are published, or exact for
    /// the unit that keeps them.
    Avvik {
        /// Month, YYYY-MM; it has been over for 30 days.
        #[arg(long)]
        maned: String,
        /// The exact figures; read by koordinering alone.
        #[arg(long)]
        eksakt: bool,
        /// Unit that asks: koordinering, nav, rop …
        #[arg(long, default_value = "koordinering")]
        enhet: String,
        /// The gateway.
        #[arg(long, default_value = "127.0.0.1:7070")]
        adresse: std::net::SocketAddr,
        /// File with an access token; none: a caseworker of the unit, by the dev
        /// issuer.
        #[arg(long)]
        token_fil: Option<PathBuf>,
        /// As CSV, in a file or on the terminal.
        #[arg(long, value_name = "FIL", num_args = 0..=1, conflicts_with = "html")]
        #[expect(clippy::option_option, reason = "given, and given with a file")]
        csv: Option<Option<PathBuf>>,
        /// As one file of HTML with charts.
        #[arg(long, value_name = "FIL")]
        html: Option<PathBuf>,
        /// Folder of `samspor up`.
        #[arg(long, default_value = "samspor-data")]
        data_dir: PathBuf,
    },
    /// Shows who waits for a dwelling, what there is and what stands empty: exact
    /// for a unit that allocates, or a published month.
    Behov {
        /// Unit that asks: rop, nav, boligkontor …
        #[arg(long, default_value = "boligkontor")]
        enhet: String,
        /// The gateway.
        #[arg(long, default_value = "127.0.0.1:7070")]
        adresse: std::net::SocketAddr,
        /// File with an access token; none: a caseworker of the unit, by the dev
        /// issuer.
        #[arg(long)]
        token_fil: Option<PathBuf>,
        /// A day that has passed, YYYY-MM-DD; none: now.
        #[arg(long, conflicts_with = "maned")]
        dag: Option<String>,
        /// A published month, YYYY-MM.
        #[arg(long)]
        maned: Option<String>,
        /// As CSV, in a file or on the terminal.
        #[arg(long, value_name = "FIL", num_args = 0..=1, conflicts_with = "html")]
        #[expect(clippy::option_option, reason = "given, and given with a file")]
        csv: Option<Option<PathBuf>>,
        /// As one file of HTML with charts.
        #[arg(long, value_name = "FIL")]
        html: Option<PathBuf>,
        /// Folder of `samspor up`.
        #[arg(long, default_value = "samspor-data")]
        data_dir: PathBuf,
    },
    /// Reviews an incident under a mandate: one timeline across all services, on
    /// the terminal, as JSON or as a page. Opens, approves and ends mandates.
    Gransk(Gransk),
    /// The register of dwellings as CSV, through the gateway.
    Boliger {
        #[command(subcommand)]
        hva: Boliger,
        /// The gateway.
        #[arg(long, default_value = "127.0.0.1:7070", global = true)]
        adresse: std::net::SocketAddr,
        /// File with an access token; none: an employee of boligkontor, by the
        /// dev issuer.
        #[arg(long, global = true)]
        token_fil: Option<PathBuf>,
        /// Folder of `samspor up`.
        #[arg(long, default_value = "samspor-data", global = true)]
        data_dir: PathBuf,
    },
    /// Makes a token of the dev issuer of `samspor up`.
    Token {
        /// Unit: rop. Not for the person.
        #[arg(long, default_value = "")]
        enhet: String,
        /// Role: SAKSBEHANDLER, BESLUTTER, BEHANDLER, INNBYGGER …
        #[arg(long)]
        rolle: String,
        /// Employee id; not for SYSTEM and INNBYGGER.
        #[arg(long, default_value = "")]
        ansatt: String,
        /// Person id, for INNBYGGER.
        #[arg(long, default_value = "")]
        person: String,
        /// Minutes for which it is good.
        #[arg(long, default_value_t = 60)]
        minutter: i64,
        /// Folder of `samspor up`.
        #[arg(long, default_value = "samspor-data")]
        data_dir: PathBuf,
    },
}

/// Stories of the demo.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Historie {
    K4,
    Natt,
    KartlagtEnGang,
    Vignett,
    Avvik,
}

impl From<Historie> for demo::Historie {
    fn from(of: Historie) -> Self {
        match of {
            Historie::K4 => Self::K4,
            Historie::Natt => Self::Natt,
            Historie::KartlagtEnGang => Self::KartlagtEnGang,
            Historie::Vignett => Self::Vignett,
            Historie::Avvik => Self::Avvik,
        }
    }
}

fn how_far(done: &Framdrift, time: Duration) -> String {
    let Framdrift {
        lest,
        nye,
        fantes,
        avvist,
        bunker,
    } = done;
    let rate = *lest as f64 / time.as_secs_f64();
    format!(
        "{lest} linjer: {nye} nye, {fantes} fantes, {avvist} avvist; {bunker} bunker, {rate:.0} linjer/s"
    )
}

/// A reader that has seen enough ends the command, whatever it prints with, and
/// nothing is said of it.
#[tokio::main]
async fn main() -> ExitCode {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !telemetry::reader_left(panic.payload()) {
            usual(panic);
        }
    }));
    let cli = Cli::parse();
    match AssertUnwindSafe(run(cli)).catch_unwind().await {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(fault)) => {
            // What stands before a status has said what it says.
            let causes = fault.chain().enumerate();
            let said: Vec<String> = causes
                .filter(|(place, cause)| *place == 0 || !cause.is::<tonic::Status>())
                .map(|(_, cause)| cause.to_string())
                .collect();
            eprintln!("samspor: {}", said.join(": "));
            ExitCode::FAILURE
        }
        Err(panic) if telemetry::reader_left(panic.as_ref()) => ExitCode::SUCCESS,
        Err(panic) => resume_unwind(panic),
    }
}

async fn run(cli: Cli) -> Result<()> {
    match cli.command {
        Command::Up {
            data_dir,
            adresse,
            kommune,
            data,
            otlp,
        } => {
            let mut config = TelemetryConfig::new("samspor");
            config.otlp_endpoint = otlp;
            let spans = SpanBuffer::new(KEPT_SPANS);
            config.buffer = Some(spans.clone());
            let _telemetry = telemetry::init(config)?;
            let begins = (kommune.as_str(), data.is_some());
            up::run(&data_dir, adresse, begins, spans, cli.json).await
        }
        Command::Serve { part, config } => {
            let config = Config::load(config.as_deref())?;
            let _telemetry = telemetry::init(telemetry_config(part.name(), &config))?;
            serve::run(part, config, up::stopped()).await
        }
        Command::Demo {
            historie,
            kommune,
            html,
        } => {
            let spans = SpanBuffer::new(KEPT_SPANS);
            let mut config = TelemetryConfig::new("samspor");
            "error".clone_into(&mut config.log_filter);
            config.buffer = Some(spans.clone());
            let _telemetry = telemetry::init(config)?;
            let style = if cli.json {
                demo::Style::Json
            } else {
                demo::Style::Text
            };
            let kommune = kommune.as_deref();
            let acts = match historie {
                Some(one) => vec![one],
                None => vec![Historie::K4, Historie::Natt, Historie::Avvik],
            };
            for act in acts {
                Box::pin(demo::play(
                    act.into(),
                    kommune,
                    style,
                    Some(&spans),
                    Some(&html),
                ))
                .await?;
            }
            Ok(())
        }
        Command::Migrate { part, config } => {
            let config = Config::load(config.as_deref())?;
            serve::migrate(part, &config).await?;
            say(cli.json, "migrert", part.name());
            Ok(())
        }
        Command::Importer {
            part,
            fil,
            bunke,
            personer,
            kommune,
            policy,
            config,
            database_url,
        } => {
            let config = Config::load(config.as_deref())?;
            let url = match database_url {
                Some(url) => url,
                None => config.database()?,
            };
            let mut egne = importer::Egne::default();
            match part {
                Part::Koordinering => egne.koordinering = Some(serve::koordinering(&config)?),
                Part::Boligkontor => egne.boligregler = Some(serve::boligkontor(&config)?),
                _ => {}
            }
            let valg = importer::Valg {
                fil,
                bunke,
                personer,
                kommune,
                policy,
            };
            let begun = tokio::time::Instant::now();
            let tell = |done: &Framdrift| {
                if done.bunker.is_multiple_of(20) {
                    eprintln!("{}", how_far(done, begun.elapsed()));
                }
            };
            let done = importer::run(part, &url, egne, &valg, tell).await?;
            say(cli.json, "importert", &how_far(&done, begun.elapsed()));
            Ok(())
        }
        Command::VerifyLog {
            database_url,
            system,
        } => {
            let report = serve::verify_log(&database_url, |row| {
                if system.as_deref() == Some(row.system.as_str()) {
                    say(cli.json, "rad", &serve::log_line(row));
                }
            })
            .await?;
            for fault in &report.faults {
                say(
                    cli.json,
                    "feil",
                    &format!("{} {:?}", fault.indeks, fault.kind),
                );
            }
            say(cli.json, "rader", &report.rows.to_string());
            if report.faults.is_empty() {
                return Ok(());
            }
            anyhow::bail!("the log is not whole: {} faults", report.faults.len())
        }
        Command::Innboks {
            enhet,
            adresse,
            token_fil,
            uten_farge,
            data_dir,
        } => {
            let now = SystemClock.now();
            let token = token_av(token_fil, &data_dir, (&enhet, "SYSTEM", ""))?;
            let source = Arc::new(move || token.clone());
            let colour = !uten_farge;
            samspor::innboks::run(adresse, source, &enhet, cli.json, colour, now).await
        }
        Command::Avvik {
            maned,
            eksakt,
            enhet,
            adresse,
            token_fil,
            csv,
            html,
            data_dir,
        } => {
            let employee = format!("{enhet}-avvik");
            let asks = (&*enhet, "SAKSBEHANDLER", &*employee);
            let token = token_av(token_fil, &data_dir, asks)?;
            let source = Arc::new(move || token.clone());
            let to = Til::av(csv, html);
            samspor::avvik::run(adresse, source, (maned, eksakt), to).await
        }
        Command::Behov {
            enhet,
            adresse,
            token_fil,
            dag,
            maned,
            csv,
            html,
            data_dir,
        } => {
            let employee = format!("{enhet}-behov");
            let asks = (&*enhet, "SAKSBEHANDLER", &*employee);
            let token = token_av(token_fil, &data_dir, asks)?;
            let of = match (dag, maned) {
                (_, Some(maned)) => Av::Maned(maned),
                (Some(dag), None) => Av::Dag(dag),
                (None, None) => Av::Na,
            };
            let to = Til::av(csv, html);
            behov::run(adresse, Arc::new(move || token.clone()), of, to).await
        }
        Command::Gransk(gransk) => gransk.run(cli.json, SystemClock.now()).await,
        Command::Boliger {
            hva,
            adresse,
            token_fil,
            data_dir,
        } => {
            let keeper = ("boligkontor", "BOLIGFORVALTER", "b1");
            let token = token_av(token_fil, &data_dir, keeper)?;
            let desk = Desk::at(adresse, Arc::new(move || token.clone())).await?;
            match hva {
                Boliger::Eksporter { fil } => boliger::eksporter(&desk, &fil).await,
                Boliger::Importer { fil, prov } => boliger::importer(&desk, &fil, prov).await,
            }
        }
        Command::Token {
            enhet,
            rolle,
            ansatt,
            person,
            minutter,
            data_dir,
        } => {
            let claims = claims(enhet, &rolle, ansatt, person)?;
            let now = SystemClock.now().0 / 1_000_000;
            let token = mesh::issuer_of(&data_dir)?.token(&claims, now, minutter * 60)?;
            say(cli.json, "token", &token);
            Ok(())
        }
    }
}

fn say(json: bool, key: &str, value: &str) {
    if json {
        println!("{}", serde_json::json!({key: value}));
    } else {
        println!("{value}");
    }
}

fn telemetry_config(part: &str, config: &Config) -> TelemetryConfig {
    let mut telemetry = TelemetryConfig::new(part);
    telemetry.otlp_endpoint.clone_from(&config.telemetri.otlp);
    telemetry.sampled = config.telemetri.andel;
    telemetry.log_filter.clone_from(&config.telemetri.filter);
    telemetry
}

/// The token of a file, or one of the dev issuer's for unit, role and employee.
fn token_av(
    token_fil: Option<PathBuf>,
    data_dir: &Path,
    (enhet, rolle, ansatt): (&str, &str, &str),
) -> Result<String> {
    if let Some(file) = token_fil {
        return samspor::config::read_text(&file);
    }
    let asks = claims(enhet.to_owned(), rolle, ansatt.to_owned(), String::new())?;
    let now = SystemClock.now().0 / 1_000_000;
    Ok(mesh::issuer_of(data_dir)?.token(&asks, now, 300)?)
}

fn claims(enhet: String, rolle: &str, sub: String, person: String) -> Result<Claims> {
    let known =
        Rolle::from_str_name(&format!("ROLLE_{rolle}")).filter(|role| *role != Rolle::Unspecified);
    let Some(role) = known else {
        let roles: Vec<_> = (1..100)
            .filter_map(|n| Rolle::try_from(n).ok())
            .filter_map(|role| role.as_str_name().strip_prefix("ROLLE_"))
            .collect();
        bail!("unknown role {rolle}; one of {}", roles.join(", "));
    };
    match role {
        Rolle::Innbygger if person.is_empty() => bail!("INNBYGGER needs --person"),
        Rolle::Innbygger => {}
        _ if enhet.is_empty() => bail!("{rolle} needs --enhet"),
        Rolle::System | Rolle::Inntak => {}
        _ if sub.is_empty() => bail!("{rolle} needs --ansatt"),
        _ => {}
    }
    Ok(Claims {
        enhet,
        sub,
        roller: vec![rolle.to_owned()],
        person,
        client_id: "samspor-token".to_owned(),
    })
}
