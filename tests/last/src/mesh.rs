//! The mesh under load: every part a process of its own, as in a cluster, and
//! one vedtak to read.

use std::{collections::BTreeMap, net::TcpListener, path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, anyhow};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use samspor::{
    desk::Desk,
    mesh::{employee, write_private},
};
use samspor_gateway::identity::dev::{AUD, Claims, DevIssuer, ISS};
use samspor_proto::{
    bestillerkontor::*,
    felles::{Hjemmel, Rolle},
    koordinering::{SikrePersonRequest, SikrePersonResponse},
    tilgang::Formal,
};
use tempfile::TempDir;
use tonic::transport::Endpoint;

use crate::proc::{Child, samspor};

/// A running mesh of processes.
pub(crate) struct Mesh {
    pub(crate) gateway: Child,
    pub(crate) service_pid: u32,
    pub(crate) token: String,
    pub(crate) vedtak: String,
    _services: BTreeMap<&'static str, Child>,
    _folder: TempDir,
}

impl Mesh {
    /// Starts it and seeds the vedtak.
    pub(crate) async fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let at = folder.path();
        let issuer = DevIssuer::generate().map_err(|e| anyhow!("{e}"))?;
        let jwks = issuer.jwks().map_err(|e| anyhow!("{e}"))?;
        std::fs::write(at.join("jwks.json"), serde_json::to_vec(&jwks)?)?;
        let now = i64::try_from(
            std::fs::metadata(at)?
                .modified()?
                .duration_since(std::time::UNIX_EPOCH)?
                .as_secs(),
        )?;
        let sign = |claims: &Claims| {
            issuer
                .token(claims, now, 24 * 3600)
                .map_err(|e| anyhow!("{e}"))
        };

        let gateway = free_port()?;
        let mut services = BTreeMap::new();
        let mut targets = String::new();
        for name in ["koordinering", "bestillerkontor", "rop"] {
            let port = free_port()?;
            key(at, &format!("attestasjon-{name}"), name.len())?;
            let system = Claims {
                enhet: name.to_owned(),
                roller: vec!["SYSTEM".to_owned()],
                client_id: name.to_owned(),
                ..Claims::default()
            };
            write_private(&at.join(format!("{name}.jwt")), sign(&system)?.as_bytes())?;
            let mut config = format!(
                "adresse = \"127.0.0.1:{port}\"\nhelseadresse = \"127.0.0.1:{}\"\ndatabase_url = \"sqlite:{}\"\n\
                 [tjeneste]\nattestasjon_fil = [\"{}\"]\ngateway = \"http://127.0.0.1:{gateway}\"\ntoken_fil = \"{}\"\n",
                free_port()?,
                at.join(format!("{name}.db")).display(),
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
            services.insert(name, part(at, name, &(config + TELEMETRY), port)?);
            targets += &format!(
                "[gateway.tjenester.{name}]\nadresse = \"http://127.0.0.1:{port}\"\nattestasjon_fil = \"{}\"\n",
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
            "adresse = \"127.0.0.1:{gateway}\"\nhelseadresse = \"127.0.0.1:{}\"\ndatabase_url = \"sqlite:{}\"\n\
             [gateway]\nkommune = \"karmoy\"\nutstedere = \"{}\"\nsidetoken_fil = \"{}\"\npseudonym_fil = \"{}\"\n{targets}{TELEMETRY}",
            free_port()?,
            at.join("gateway.db").display(),
            at.join("utstedere.toml").display(),
            at.join("sidetoken").display(),
            at.join("pseudonym").display(),
        );
        let gateway = part(at, "gateway", &config, gateway)?;
        let service_pid = services.get("bestillerkontor").context("no service")?.pid;

        let desk = |role: Rolle, id: &str| -> Result<Desk> {
            let claims = employee(
                if role == Rolle::Inntak {
                    "nav"
                } else {
                    "bestillerkontor"
                },
                id,
                role,
            );
            let token = sign(&claims)?;
            let channel =
                Endpoint::from_shared(format!("http://{}", gateway.address))?.connect_lazy();
            let formal = if role == Rolle::Inntak {
                Formal::Oppfolging
            } else {
                Formal::Saksbehandling
            };
            Ok(Desk::new(channel, Arc::new(move || token.clone())).with_purpose(formal))
        };
        let author = desk(Rolle::Saksbehandler, "bk-b")?;
        let vedtak = seed(
            &desk(Rolle::Saksbehandler, "bk-a")?,
            &desk(Rolle::Inntak, "nav")?,
            &author,
        )
        .await?;
        let token = sign(&employee("bestillerkontor", "bk-b", Rolle::Saksbehandler))?;
        let _ = (ISS, AUD);
        Ok(Self {
            gateway,
            service_pid,
            token,
            vedtak,
            _services: services,
            _folder: folder,
        })
    }
}

const TELEMETRY: &str = "[telemetri]\nandel = 1.0\nfilter = \"warn\"\n";

fn part(at: &Path, name: &str, config: &str, port: u16) -> Result<Child> {
    let file = at.join(format!("{name}.toml"));
    std::fs::write(&file, config)?;
    let file = file.display().to_string();
    Child::silent(
        &samspor()?,
        &["serve", name, "--config", &file],
        format!("127.0.0.1:{port}"),
    )
}

/// A key that only this run uses.
fn key(at: &Path, name: &str, salt: usize) -> Result<()> {
    let mut key = [7_u8; 32];
    if let Some(first) = key.first_mut() {
        *first = u8::try_from(salt).unwrap_or_default();
    }
    write_private(&at.join(name), BASE64_STANDARD.encode(key).as_bytes())
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

async fn seed(registrar: &Desk, inntak: &Desk, author: &Desk) -> Result<String> {
    let mut id = 0_u32;
    let mut request_id = || {
        id += 1;
        format!("00000000-0000-4000-8000-{id:012}")
    };
    // The gateway answers once it has read every feed.
    let mut person = None;
    for _ in 0..200 {
        let request = SikrePersonRequest {
            request_id: request_id(),
            fodselsnummer: "01819010001".to_owned(),
        };
        let answer = registrar
            .call::<_, SikrePersonResponse>("koordinering.v1.PersonService/SikrePerson", request)
            .await;
        match answer.result {
            Ok(answer) => {
                person = Some(answer.person);
                break;
            }
            Err(status) if status.code() == tonic::Code::Unavailable => {
                let _ =
                    tokio::time::timeout(Duration::from_millis(100), std::future::pending::<()>())
                        .await;
            }
            Err(status) => return Err(anyhow!("SikrePerson: {}", status.message())),
        }
    }
    let person = person.context("the mesh did not start")?;
    let told = |status: tonic::Status| anyhow!("{:?}: {}", status.code(), status.message());
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
        ..Default::default()
    }
}
