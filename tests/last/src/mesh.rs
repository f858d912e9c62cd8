//! The mesh under load: every part a process of its own, as in a cluster, and
//! one vedtak to read.

use std::{
    collections::BTreeMap,
    net::TcpListener,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use samspor::{
    desk::Desk,
    mesh::{employee, write_private},
};
use samspor_chassis::tid::{Clock as _, SystemClock};
use samspor_gateway::identity::dev::{Claims, DevIssuer};
use samspor_proto::{
    bestillerkontor::*,
    felles::{Hjemmel, Rolle},
    koordinering::{SikrePersonRequest, SikrePersonResponse},
    tilgang::Formal,
};
use tempfile::TempDir;
use tokio::time::Instant;
use tonic::transport::Endpoint;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::{
    facts,
    load::wait_until,
    proc::{Child, samspor},
};

/// What a mesh is started with.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    /// Collector that the processes export their spans to.
    pub(crate) otlp: Option<String>,
    /// Persons whose facts the gateway has read.
    pub(crate) persons: usize,
}

/// A running mesh of processes.
pub(crate) struct Mesh {
    pub(crate) gateway: Child,
    /// From the start of the gateway's process, on an empty database, until
    /// its health said SERVING.
    pub(crate) cold: Duration,
    pub(crate) services: BTreeMap<&'static str, Child>,
    pub(crate) token: String,
    pub(crate) vedtak: String,
    gateway_part: Part,
    _folder: TempDir,
}

/// One process of the mesh, as it is configured.
struct Part {
    name: &'static str,
    config: PathBuf,
    address: String,
    health: String,
}

impl Part {
    fn write(
        folder: &Path,
        name: &'static str,
        options: &Options,
        address: &str,
        rest: &str,
    ) -> Result<Self> {
        let health = free_address()?;
        let collector = options
            .otlp
            .as_ref()
            .map(|otlp| format!("otlp = \"{otlp}\"\n"))
            .unwrap_or_default();
        // The filter is the one of production: a line for every call would be
        // another measurement.
        let text = format!(
            "adresse = \"{address}\"\nhelseadresse = \"{health}\"\ndatabase_url = \"sqlite:{}\"\n\
             {rest}[telemetri]\nandel = 1.0\nfilter = \"warn\"\n{collector}",
            folder.join(format!("{name}.db")).display(),
        );
        let config = folder.join(format!("{name}.toml"));
        std::fs::write(&config, text)?;
        Ok(Self {
            name,
            config,
            address: address.to_owned(),
            health,
        })
    }

    fn migrate(&self) -> Result<()> {
        let status = std::process::Command::new(samspor()?)
            .args(["migrate", self.name, "--config"])
            .arg(&self.config)
            .stdout(std::process::Stdio::null())
            .status()?;
        ensure!(status.success(), "{} was not migrated", self.name);
        Ok(())
    }

    /// Starts the process, and waits for SERVING; says how long that took.
    async fn start(&self) -> Result<(Child, Duration)> {
        let begin = Instant::now();
        let config = self.config.display().to_string();
        let arguments = ["serve", self.name, "--config", &config];
        let child = Child::silent(&samspor()?, &arguments, self.address.clone())?;
        let endpoint = Endpoint::from_shared(format!("http://{}", self.health))?;
        for turn in 0..60_000_u32 {
            if let Ok(channel) = endpoint.connect().await
                && let Ok(answer) = HealthClient::new(channel)
                    .check(HealthCheckRequest::default())
                    .await
                && answer.into_inner().status() == ServingStatus::Serving
            {
                return Ok((child, begin.elapsed()));
            }
            wait_until(begin + LOOK_AGAIN * turn).await;
        }
        bail!("{} does not serve", self.name)
    }
}

/// How often health is asked while a process starts.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

impl Mesh {
    /// Starts it and seeds the vedtak.
    pub(crate) async fn start(options: &Options) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let at = folder.path();
        let issuer = DevIssuer::generate().map_err(|e| anyhow!("{e}"))?;
        let jwks = issuer.jwks().map_err(|e| anyhow!("{e}"))?;
        std::fs::write(at.join("jwks.json"), serde_json::to_vec(&jwks)?)?;
        let now = SystemClock.now().0 / 1_000_000;
        let sign = |claims: &Claims| {
            issuer
                .token(claims, now, 24 * 3600)
                .map_err(|e| anyhow!("{e}"))
        };

        let gateway = free_address()?;
        let mut services = BTreeMap::new();
        let mut targets = String::new();
        for name in ["koordinering", "bestillerkontor", "rop"] {
            let address = free_address()?;
            key(at, &format!("attestasjon-{name}"), name.len())?;
            let system = Claims {
                enhet: name.to_owned(),
                roller: vec!["SYSTEM".to_owned()],
                client_id: name.to_owned(),
                ..Claims::default()
            };
            write_private(&at.join(format!("{name}.jwt")), sign(&system)?.as_bytes())?;
            let mut config = format!(
                "[tjeneste]\nattestasjon_fil = [\"{}\"]\ngateway = \"http://{gateway}\"\ntoken_fil = \"{}\"\n",
                at.join(format!("attestasjon-{name}")).display(),
                at.join(format!("{name}.jwt")).display(),
            );
            if name == "koordinering" {
                let ring = format!("last:{}", BASE64_STANDARD.encode([9_u8; 32]));
                write_private(&at.join("ring"), ring.as_bytes())?;
                config += &format!(
                    "[koordinering]\nnokkel_fil = \"{}\"\nsyntetiske = true\n",
                    at.join("ring").display()
                );
            }
            let part = Part::write(at, name, options, &address, &config)?;
            if name == "bestillerkontor" && options.persons > 0 {
                part.migrate()?;
                facts::seed(&at.join("bestillerkontor.db"), options.persons).await?;
            }
            services.insert(name, part.start().await?.0);
            targets += &format!(
                "[gateway.tjenester.{name}]\nadresse = \"http://{address}\"\nattestasjon_fil = \"{}\"\n",
                at.join(format!("attestasjon-{name}")).display(),
            );
        }
        key(at, "sidetoken", 1)?;
        key(at, "pseudonym", 2)?;
        let issuers = samspor_gateway::identity::dev::UTSTEDERE.replacen(
            "pseudonymiser = false",
            &format!(
                "pseudonymiser = false\njwks_fil = \"{}\"",
                at.join("jwks.json").display()
            ),
            1,
        );
        std::fs::write(at.join("utstedere.toml"), issuers)?;
        let config = format!(
            "[gateway]\nkommune = \"karmoy\"\nutstedere = \"{}\"\nsidetoken_fil = \"{}\"\npseudonym_fil = \"{}\"\n{targets}",
            at.join("utstedere.toml").display(),
            at.join("sidetoken").display(),
            at.join("pseudonym").display(),
        );
        let gateway_part = Part::write(at, "gateway", options, &gateway, &config)?;
        let (gateway, cold) = gateway_part.start().await?;

        let desk = |unit: &str, role: Rolle, id: &str, formal: Formal| -> Result<Desk> {
            let token = sign(&employee(unit, id, role))?;
            let channel =
                Endpoint::from_shared(format!("http://{}", gateway.address))?.connect_lazy();
            Ok(Desk::new(channel, Arc::new(move || token.clone())).with_purpose(formal))
        };
        let vedtak = seed(
            &desk("nav", Rolle::Inntak, "nav", Formal::Oppfolging)?,
            &desk(
                "bestillerkontor",
                Rolle::Saksbehandler,
                "bk-b",
                Formal::Saksbehandling,
            )?,
        )
        .await?;
        let token = sign(&employee("bestillerkontor", "bk-b", Rolle::Saksbehandler))?;
        Ok(Self {
            gateway,
            cold,
            services,
            token,
            vedtak,
            gateway_part,
            _folder: folder,
        })
    }

    /// The service that answers the load.
    pub(crate) fn service(&self) -> Result<&Child> {
        self.services.get("bestillerkontor").context("no service")
    }

    /// Stops the gateway as an orchestrator does and starts it on the same
    /// database; says how long it took to SERVING.
    pub(crate) async fn restart_gateway(&mut self) -> Result<Duration> {
        self.gateway.stop()?;
        let (gateway, took) = self.gateway_part.start().await?;
        self.gateway = gateway;
        Ok(took)
    }
}

/// A key that only this run uses.
fn key(at: &Path, name: &str, salt: usize) -> Result<()> {
    let mut key = [7_u8; 32];
    if let Some(first) = key.first_mut() {
        *first = u8::try_from(salt).unwrap_or_default();
    }
    write_private(&at.join(name), BASE64_STANDARD.encode(key).as_bytes())
}

fn free_address() -> Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

async fn seed(inntak: &Desk, author: &Desk) -> Result<String> {
    let mut id = 0_u32;
    let mut request_id = || {
        id += 1;
        format!("00000000-0000-4000-8000-{id:012}")
    };
    let told = |status: tonic::Status| anyhow!("{:?}: {}", status.code(), status.message());
    let request = SikrePersonRequest {
        request_id: request_id(),
        fodselsnummer: "01819010001".to_owned(),
    };
    let person = author
        .call::<_, SikrePersonResponse>("koordinering.v1.PersonService/SikrePerson", request)
        .await
        .result
        .map_err(told)?
        .person;
    inntak
        .call::<_, MottaSoknadResponse>(
            "bestillerkontor.v1.SoknadService/MottaSoknad",
            MottaSoknadRequest {
                parent: person.clone(),
                request_id: request_id(),
                eget_onske: "Faste folk.".to_owned(),
                gjelder: vec![Tjenestetype::RopOppfolging.into()],
                kanal: Kanal::Oppmote.into(),
                ..Default::default()
            },
        )
        .await
        .result
        .map_err(told)?;
    let list = ListSoknaderRequest {
        parent: person.clone(),
        ..Default::default()
    };
    let listed: ListSoknaderResponse = author
        .call("bestillerkontor.v1.SoknadService/ListSoknader", list)
        .await
        .result
        .map_err(told)?;
    let soknad = listed
        .soknader
        .first()
        .context("no application")?
        .name
        .clone();
    let start = StartKartleggingRequest {
        name: soknad.clone(),
        request_id: request_id(),
        ..Default::default()
    };
    author
        .call::<_, StartKartleggingResponse>(
            "bestillerkontor.v1.SoknadService/StartKartlegging",
            start,
        )
        .await
        .result
        .map_err(told)?;
    let ready = GjorKlarSoknadRequest {
        name: soknad.clone(),
        request_id: request_id(),
        funksjonsbeskrivelse: "Struktur.".to_owned(),
        helsebeskrivelse: String::new(),
        ..Default::default()
    };
    author
        .call::<_, GjorKlarSoknadResponse>("bestillerkontor.v1.SoknadService/GjorKlarSoknad", ready)
        .await
        .result
        .map_err(told)?;
    let request = OpprettVedtakRequest {
        parent: person,
        request_id: request_id(),
        vedtak: Some(draft(&soknad)),
    };
    let created: OpprettVedtakResponse = author
        .call("bestillerkontor.v1.VedtakService/OpprettVedtak", request)
        .await
        .result
        .map_err(told)?;
    Ok(created.vedtak.context("no draft")?.name)
}

/// A vedtak of ordinary size.
pub(crate) fn draft(soknad: &str) -> Vedtak {
    let basis = |paragraf: &str| {
        Some(Hjemmel {
            lov: "helse- og omsorgstjenesteloven".to_owned(),
            paragraf: paragraf.to_owned(),
        })
    };
    let line = |r#type: Tjenestetype, unit: &str| Tjenestelinje {
        r#type: r#type.into(),
        min_timer: 2.0,
        maks_timer: 4.0,
        enheter: vec![format!("enheter/{unit}")],
        fra: "2027-01-04".to_owned(),
        til: "2027-12-31".to_owned(),
        hjemmel: basis("§ 3-2 nr. 6"),
        mal: "Faste avtaler, mindre rusbruk.".to_owned(),
        ..Default::default()
    };
    Vedtak {
        soknad: soknad.to_owned(),
        linjer: vec![
            line(Tjenestetype::RopOppfolging, "rop"),
            line(Tjenestetype::Boveiledning, "bom"),
        ],
        hovedansvarlig: "enheter/rop".to_owned(),
        parter: vec!["enheter/nav".to_owned()],
        begrunnelse: "Begge tjenester trengs samtidig.".to_owned(),
        medisinsk_grunnlag: "Rusmiddelbruk.".to_owned(),
        funksjonsvurdering: "Trenger struktur i hverdagen.".to_owned(),
        hjemmel: basis("§ 3-1"),
        personens_syn: PersonensSyn::Enig.into(),
        ..Default::default()
    }
}
