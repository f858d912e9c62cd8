//! The program as it is run: one process for each part, told by files, and the
//! demo.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use samspor::{
    desk::Desk,
    mesh::{Mesh, Options, employee},
};
use samspor_chassis::{
    id::{Ids as _, RandomIds},
    tid::{Clock as _, SystemClock},
    tls::ClientTls,
};
use samspor_gateway::identity::dev::{DevIssuer, UTSTEDERE};
use samspor_proto::{bestillerkontor::*, felles::Rolle, koordinering::*, tilgang::Formal};
use tokio::time::Instant;
use tonic::transport::Endpoint;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_samspor");
const SERVICES: [&str; 6] = [
    "koordinering",
    "bestillerkontor",
    "rop",
    "nav",
    "boligkontor",
    "avvik",
];
/// Longest time that a part may take to start or to stop.
const PATIENCE: Duration = Duration::from_mins(1);

/// The files of one deployment, and the processes that run on them.
struct Deployment {
    folder: tempfile::TempDir,
    issuer: DevIssuer,
    gateway: SocketAddr,
    health: SocketAddr,
    running: Vec<(&'static str, Child)>,
}

impl Drop for Deployment {
    fn drop(&mut self) {
        for (_, child) in &mut self.running {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// An address that nobody has now, and that no connection is given meanwhile:
/// systems give those ports from 32 768 up.
fn free() -> SocketAddr {
    const FIRST: u32 = 15_000;
    const PORTS: u32 = 16_000;
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    // Tests that run beside this one begin elsewhere.
    let begin = std::process::id().wrapping_mul(97);
    let next = || begin.wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed)) % PORTS;
    std::iter::repeat_with(next)
        .map(|port| SocketAddr::from(([127, 0, 0, 1], u16::try_from(FIRST + port).unwrap())))
        .find(|address| TcpListener::bind(address).is_ok())
        .unwrap()
}

impl Deployment {
    /// With TLS between the parts, or without.
    fn new(tls: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let issuer = DevIssuer::generate().unwrap();
        let (gateway, health) = (free(), free());
        let made = Self {
            folder,
            issuer,
            gateway,
            health,
            running: Vec::new(),
        };
        let ids = RandomIds::new(Arc::new(SystemClock));
        let key = |name: &str| {
            let mut bytes = [0; 32];
            ids.random(&mut bytes);
            made.put(name, &BASE64_STANDARD.encode(bytes))
        };
        let jwks = serde_json::to_string(&made.issuer.jwks().unwrap()).unwrap();
        let jwks = made.put("jwks.json", &jwks);
        let issuers = UTSTEDERE.replace(
            "[utsteder.krav]",
            &format!("jwks_fil = '{}'\n[utsteder.krav]", jwks.display()),
        );
        let issuers = made.put("utstedere.toml", &issuers);
        let scheme = if tls { "https" } else { "http" };
        let tls = tls.then(|| made.certificate());
        let tls = tls.unwrap_or_default();
        let mut targets = String::new();
        for name in SERVICES {
            let addr = free();
            let pair = key(name).display().to_string();
            let token = made.token(name, "", Rolle::System);
            let token = made.put(&format!("{name}.token"), &token);
            let mut config = format!(
                "adresse = '{addr}'\nhelseadresse = '{}'\ndatabase_url = 'sqlite:{}'\n\
                 {tls}[tjeneste]\nattestasjon_fil = ['{pair}']\n\
                 gateway = '{scheme}://{gateway}'\ntoken_fil = '{}'\n",
                free(),
                made.path(&format!("{name}.db")).display(),
                token.display(),
            );
            if name == "koordinering" {
                let ring = format!("a:{}", BASE64_STANDARD.encode([7; 32]));
                let ring = made.put("personnokler", &ring);
                config += &format!(
                    "[koordinering]\nnokkel_fil = '{}'\nsyntetiske = true\n",
                    ring.display()
                );
            }
            if name == "boligkontor" {
                config += "[boligkontor]\nkommune = 'karmoy'\n";
            }
            made.put(&format!("{name}.toml"), &config);
            targets += &format!(
                "[gateway.tjenester.{name}]\nadresse = '{scheme}://{addr}'\n\
                 attestasjon_fil = '{pair}'\n"
            );
        }
        let config = format!(
            "adresse = '{gateway}'\nhelseadresse = '{health}'\ndatabase_url = 'sqlite:{}'\n\
             {tls}[gateway]\nkommune = 'karmoy'\nutstedere = '{}'\nsidetoken_fil = '{}'\n\
             pseudonym_fil = '{}'\n{targets}",
            made.path("gateway.db").display(),
            issuers.display(),
            key("sidetoken").display(),
            key("pseudonym").display(),
        );
        made.put("gateway.toml", &config);
        made
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// An authority, and a certificate of it for every part: they all run on
    /// this machine. The section that names the files.
    fn certificate(&self) -> String {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let ca = params.self_signed(&key).unwrap();
        let ca = self.put("ca.pem", &ca.pem());
        let authority = Issuer::new(params, key);
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let own = params.signed_by(&key, &authority).unwrap();
        let own = self.put("part.pem", &own.pem());
        let key = self.put("part.key", &key.serialize_pem());
        let [own, key, ca] = [own, key, ca].map(|file| file.display().to_string());
        format!("[tls]\nsertifikat = '{own}'\nnokkel = '{key}'\nca = '{ca}'\n")
    }

    /// As a caller without a certificate reaches the gateway.
    fn endpoint(&self) -> Endpoint {
        let ca = self.path("ca.pem");
        let tls = ca.exists();
        let scheme = if tls { "https" } else { "http" };
        let endpoint = Endpoint::from_shared(format!("{scheme}://{}", self.gateway)).unwrap();
        let trust = ClientTls {
            ca,
            identity: None,
            domain: None,
        };
        if tls {
            trust.apply(endpoint).unwrap()
        } else {
            endpoint
        }
    }

    fn token(&self, unit: &str, employee_id: &str, rolle: Rolle) -> String {
        let claims = employee(unit, employee_id, rolle);
        let now = SystemClock.now().0 / 1_000_000;
        self.issuer.token(&claims, now, 3600).unwrap()
    }

    /// What the gateway answers to the cluster's probe; none: nothing.
    async fn health(&self) -> Option<ServingStatus> {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.health)).unwrap();
        let mut client = HealthClient::new(endpoint.connect().await.ok()?);
        let answer = client.check(HealthCheckRequest::default()).await.ok()?;
        Some(answer.into_inner().status())
    }

    fn start(&mut self, part: &'static str) {
        let told = fs::File::create(self.path(&format!("{part}.told"))).unwrap();
        let child = Command::new(PROGRAM)
            .args(["serve", part, "--config"])
            .arg(self.path(&format!("{part}.toml")))
            .stdout(told.try_clone().unwrap())
            .stderr(told)
            .spawn();
        self.running.push((part, child.unwrap()));
    }

    /// What the parts told, and whether they still run: why one does not answer.
    fn told(&mut self) -> String {
        let folder = self.folder.path();
        let told = self.running.iter_mut().map(|(part, child)| {
            let ended = child.try_wait().unwrap();
            let told = fs::read_to_string(folder.join(format!("{part}.told"))).unwrap();
            format!("{part}: ended {ended:?}\n{told}\n")
        });
        told.collect()
    }

    /// Asks a part to end, as a cluster does, and waits until it has.
    fn stop(&mut self, part: &str) {
        let at = self.running.iter().position(|(name, _)| *name == part);
        let (_, mut child) = self.running.remove(at.unwrap());
        let asked = Command::new("kill").arg(child.id().to_string()).status();
        assert!(asked.unwrap().success());
        let (end, ended) = mpsc::channel();
        std::thread::spawn(move || end.send(child.wait()));
        let ended = ended.recv_timeout(PATIENCE);
        let status = ended.unwrap_or_else(|_| panic!("{part} does not end"));
        assert!(status.as_ref().unwrap().success(), "{part}: {status:?}");
    }
}

fn run(arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(PROGRAM);
    command
        .args(arguments)
        .current_dir(folder)
        .env_remove("SAMSPOR_CONFIG");
    command.output().unwrap()
}

/// Four processes find one another, answer a caller, and end when asked; what
/// the caller did stands in the log, which is whole.
///
/// Guards against: with the wrong key of one pair.
#[tokio::test(flavor = "multi_thread")]
async fn each_part_runs_as_a_process_of_its_own() {
    a_person_is_known(Deployment::new(false)).await;
}

/// The same with TLS on every connection between them.
///
/// Seen red: with a gateway that shows the services no certificate.
#[tokio::test(flavor = "multi_thread")]
async fn each_part_shows_its_certificate() {
    a_person_is_known(Deployment::new(true)).await;
}

async fn a_person_is_known(mut deployment: Deployment) {
    assert_eq!(deployment.health().await, None);
    for part in [
        "gateway",
        "koordinering",
        "bestillerkontor",
        "rop",
        "nav",
        "boligkontor",
        "avvik",
    ] {
        let config = format!("{part}.toml");
        let migrated = run(
            &["migrate", part, "--config", &config],
            deployment.folder.path(),
        );
        assert!(migrated.status.success(), "{migrated:?}");
        deployment.start(part);
    }

    let token = deployment.token("bestillerkontor", "saksbehandler-1", Rolle::Saksbehandler);
    let channel = deployment.endpoint().connect_lazy();
    let desk =
        Desk::new(channel, Arc::new(move || token.clone())).with_purpose(Formal::Saksbehandling);
    let ids = RandomIds::new(Arc::new(SystemClock));
    let request = SikrePersonRequest {
        request_id: ids.record().to_string(),
        fodselsnummer: "01819010001".to_owned(),
    };
    let since = Instant::now();
    let person = loop {
        let method = "koordinering.v1.PersonService/SikrePerson";
        match desk
            .call::<_, SikrePersonResponse>(method, request.clone())
            .await
            .result
        {
            Ok(answer) => break answer.person,
            Err(status) if since.elapsed() < PATIENCE => drop(status),
            Err(status) => panic!("{status:?}\n{}", deployment.told()),
        }
        // Nothing tells when a process of others is ready.
        let pause = Duration::from_millis(50);
        let _ = tokio::time::timeout(pause, std::future::pending::<()>()).await;
    };
    assert!(person.starts_with("personer/"));
    while deployment.health().await != Some(ServingStatus::Serving) {
        assert!(since.elapsed() < PATIENCE, "{}", deployment.told());
    }

    for part in [
        "gateway",
        "koordinering",
        "bestillerkontor",
        "rop",
        "nav",
        "boligkontor",
        "avvik",
    ] {
        deployment.stop(part);
    }
    let url = format!("sqlite:{}", deployment.path("gateway.db").display());
    let arguments = [
        "verify-log",
        "--database-url",
        &url,
        "--system",
        "fagsystem",
    ];
    let verified = run(&arguments, deployment.folder.path());
    let told = String::from_utf8(verified.stdout).unwrap();
    assert!(verified.status.success(), "{told}");
    assert!(told.contains("PersonService/SikrePerson"), "{told}");
}

/// What a story tells a machine, a line at a time.
fn story(arguments: &[&str]) -> Vec<serde_json::Value> {
    let folder = tempfile::tempdir().unwrap();
    story_in(arguments, folder.path())
}

fn story_in(arguments: &[&str], folder: &Path) -> Vec<serde_json::Value> {
    let played = run(&[&["--json", "demo"], arguments].concat(), folder);
    let told = String::from_utf8(played.stdout).unwrap();
    let fault = String::from_utf8_lossy(&played.stderr);
    assert!(played.status.success(), "{told}{fault}");
    let lines = told.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

/// The first thing that anybody runs tells its story to the end, and what it
/// comes to.
///
/// Guards against: with a step of the story that is refused.
#[test]
fn the_demo_plays_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let told = story_in(&[], folder.path());
    let refused = told.iter().filter(|line| line["avslatt"] == true).count();
    assert!(told.len() > 40 && refused >= 5, "{told:?}");
    // What was decided is shown as a trace.
    let last = told.last().unwrap();
    let trace = last["tittel"].as_str().unwrap();
    assert!(trace.starts_with("The decision as one trace"), "{last}");
    assert!(last["linjer"].as_array().unwrap().len() > 20, "{last}");
    // The review is a page, where it says.
    let mut titles = told
        .iter()
        .filter(|line| line["tittel"] == "The same as a page");
    let path = titles.next().unwrap()["linjer"][0].as_str().unwrap();
    assert!(
        Path::new(path).ends_with("samspor-gransking.html"),
        "{path}"
    );
    let page = std::fs::read_to_string(path).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    assert!(titles.next().is_none());
}

/// `samspor demo | head`: who has seen enough is told of no fault.
///
/// Seen red: without `reader_left`.
#[test]
fn a_reader_that_leaves_ends_the_program_quietly() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(PROGRAM)
        .args(["--json", "demo", "--historie", "kartlagt-en-gang"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!((ended.status.code(), said.as_ref()), (Some(0), ""));
}

/// The same for the two others, and for one municipality of the five.
#[test]
fn each_story_plays_to_its_end() {
    for (arguments, municipalities) in [
        (&["--historie", "kartlagt-en-gang"][..], 1),
        (&["--historie", "vignett"], 5),
        (&["--historie", "vignett", "--kommune", "levanger"], 1),
    ] {
        let told = story(arguments);
        let outcomes = told.iter().filter(|line| !line["utfall"].is_null());
        assert_eq!(outcomes.count(), municipalities, "{arguments:?}");
    }
}

/// The overview of need, as a table, as rows and as a page; a unit that allocates
/// nothing is refused.
fn behov(address: &str, data: &Path, folder: &Path) {
    let data = data.display().to_string();
    let shown = |more: &[&str]| {
        let arguments = ["behov", "--adresse", address, "--data-dir", &data];
        run(&[&arguments, more].concat(), folder)
    };
    let text = |more: &[&str]| {
        let told = shown(more);
        assert!(told.status.success(), "{told:?}");
        String::from_utf8(told.stdout).unwrap()
    };
    assert!(text(&["--enhet", "rop"]).starts_with("Behovsoversikt for boliger "));
    assert!(text(&["--csv"]).starts_with("dag;visning;avsnitt;rad;kolonne;antall\n"));
    let page = folder.join("behov.html");
    assert_eq!(text(&["--html", &page.display().to_string()]), "");
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    assert!(!shown(&["--enhet", "bom"]).status.success());
    assert!(!shown(&["--maned", "2020-01"]).status.success());
    assert!(
        !shown(&["--maned", "2020-01", "--dag", "2020-01-01"])
            .status
            .success()
    );
}

/// The work list of a running mesh, told to a person and to a machine.
///
/// Seen red: with bestillerkontor's list left out.
#[tokio::test(flavor = "multi_thread")]
async fn the_work_list_is_told_by_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(SystemClock);
    let ids = Arc::new(RandomIds::new(clock.clone()));
    let data = folder.path().join("data");
    let mesh = Mesh::start(Options::new(&data, clock, ids.clone())).await;
    let mesh = mesh.unwrap();
    let address = mesh.addr.to_string();
    let list = |more: &[&str]| {
        let data = data.display().to_string();
        let arguments = ["innboks", "--adresse", &address, "--data-dir", &data];
        let told = run(&[&arguments, more].concat(), folder.path());
        assert!(told.status.success(), "{told:?}");
        String::from_utf8(told.stdout).unwrap()
    };
    assert_eq!(list(&["--enhet", "rop"]), "ingenting venter på rop\n");
    assert_eq!(list(&["--json"]), "");
    behov(&address, &data, folder.path());

    let desk = |role: Rolle| mesh.desk(employee("bestillerkontor", &format!("{role:?}"), role));
    let known = desk(Rolle::Saksbehandler).await.unwrap();
    let known = known.with_purpose(Formal::Saksbehandling);
    let request = SikrePersonRequest {
        request_id: ids.record().to_string(),
        fodselsnummer: "01819010001".to_owned(),
    };
    let known =
        known.call::<_, SikrePersonResponse>("koordinering.v1.PersonService/SikrePerson", request);
    let person = known.await.result.unwrap().person;
    let request = MottaSoknadRequest {
        parent: person.clone(),
        request_id: ids.record().to_string(),
        eget_onske: "Faste folk.".to_owned(),
        kanal: Kanal::Telefon.into(),
        ..MottaSoknadRequest::default()
    };
    let counter = desk(Rolle::Inntak).await.unwrap();
    let counter = counter.with_purpose(Formal::Oppfolging);
    let received = counter
        .call::<_, MottaSoknadResponse>("bestillerkontor.v1.SoknadService/MottaSoknad", request);
    received.await.result.unwrap();

    let told = list(&[]);
    assert!(
        told.contains("FORELOPIG_SVAR") && told.contains(&person),
        "{told}"
    );
    let json: serde_json::Value = serde_json::from_str(&list(&["--json"])).unwrap();
    assert_eq!(json["type"], "FORELOPIG_SVAR");
    assert_eq!(json["venter_pa"], "enheter/bestillerkontor");
    assert_eq!(json["brutt"], false);
    mesh.shutdown().await;
}
