//! `samspor up`: the whole mesh in this process, and tokens to call it with.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line talks to its user"
)]

use std::{io::IsTerminal as _, path::Path, sync::Arc};

use anyhow::{Context as _, Result, bail};
use samspor_chassis::{
    id::RandomIds,
    telemetry::SpanBuffer,
    tid::{Clock, SystemClock},
};
use samspor_proto::felles::Rolle;

use crate::{
    demo::Klokke,
    gransk::spor::Sporlager,
    karmoy,
    mesh::{self, Mesh, Options},
};

/// Tokens that `up` writes, so that a first call needs nothing else.
const READY_MADE: [(&str, &str, &str, Rolle); 9] = [
    (
        "bestillerkontor-saksbehandler",
        "bestillerkontor",
        "bk-1",
        Rolle::Saksbehandler,
    ),
    (
        "bestillerkontor-beslutter",
        "bestillerkontor",
        "bk-2",
        Rolle::Beslutter,
    ),
    ("rop-saksbehandler", "rop", "rop-1", Rolle::Saksbehandler),
    ("rop-behandler", "rop", "rop-2", Rolle::Behandler),
    ("rop-leder", "rop", "rop-3", Rolle::Leder),
    ("nav-saksbehandler", "nav", "nav-1", Rolle::Saksbehandler),
    ("nav-inntak", "nav", "nav-2", Rolle::Inntak),
    ("nav-beslutter", "nav", "nav-3", Rolle::Beslutter),
    (
        "boligkontor-boligforvalter",
        "boligkontor",
        "bo-1",
        Rolle::Boligforvalter,
    ),
];

/// Runs the mesh in a folder until it is stopped; with Karmøy's data where they
/// are asked for. Its last spans are served as a trace store serves them, on this
/// machine alone.
///
/// # Errors
/// One line that says what did not start, or was refused.
pub async fn run(
    data_dir: &Path,
    addr: std::net::SocketAddr,
    (kommune, data): (&str, bool),
    spans: SpanBuffer,
    json: bool,
) -> Result<()> {
    if data && kommune != karmoy::NAVN {
        bail!("--data {} is of --kommune {}", karmoy::NAVN, karmoy::NAVN);
    }
    let na = SystemClock.now();
    let past = match data && karmoy::mangler(data_dir)? {
        true => Some(Arc::new(Klokke::ved(karmoy::begynnelse(na)))),
        false => None,
    };
    let clock: Arc<dyn Clock> = match &past {
        Some(past) => Arc::<Klokke>::clone(past),
        None => Arc::new(SystemClock),
    };
    let ids = Arc::new(RandomIds::new(Arc::clone(&clock)));
    let mut options = Options::new(data_dir, clock, ids);
    options.addr = addr;
    kommune.clone_into(&mut options.kommune);
    if !json && std::io::stderr().is_terminal() {
        eprintln!("starting the mesh on SQLite in {}", data_dir.display());
    }
    let mesh = Mesh::start(options).await?;
    if let Some(past) = past {
        karmoy::legg_inn(&mesh, &past, na).await?;
        past.innhent();
        karmoy::ferdig(data_dir)?;
        if !json {
            let time = SystemClock.now().since(na).as_secs_f64();
            println!("data      {}, taken in in {time:.1} s", karmoy::NAVN);
        }
    }
    let tokens = data_dir.join("tokens");
    std::fs::create_dir_all(&tokens)
        .with_context(|| format!("cannot make {}", tokens.display()))?;
    for (name, unit, employee, role) in READY_MADE {
        let token = mesh.token(&mesh::employee(unit, employee, role))?;
        mesh::write_private(&tokens.join(format!("{name}.jwt")), token.as_bytes())?;
    }
    let spor = Sporlager::start(spans).await?;
    let health = mesh
        .health_addr
        .map(|addr| addr.to_string())
        .unwrap_or_default();
    if json {
        let ready = serde_json::json!({
            "gateway": mesh.addr.to_string(), "helse": health, "tokens": tokens.display().to_string(),
            "spor": spor.url,
        });
        println!("{ready}");
    } else {
        println!("gateway   {}  (gRPC, reflection on)", mesh.addr);
        println!("health    {health}");
        println!("spans     {}  (samspor gransk --spor)", spor.url);
        println!("tokens    {}/*.jwt, good for 12 hours", tokens.display());
        println!(
            "more      samspor token --enhet rop --rolle BEHANDLER --ansatt rop-9 --data-dir {}",
            data_dir.display()
        );
        println!("stop      Ctrl-C");
    }
    stopped().await;
    mesh.shutdown().await;
    spor.stopp();
    Ok(())
}

/// Ctrl-C, or SIGTERM as an orchestrator sends it.
pub async fn stopped() {
    let interrupted = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminated) = signal(SignalKind::terminate()) else {
            return interrupted.await;
        };
        tokio::select! {
            () = interrupted => {}
            _ = terminated.recv() => {}
        }
    }
    #[cfg(not(unix))]
    interrupted.await;
}
