//! A service of one history in a process of its own, and who calls it.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufRead as _, BufReader, Write as _},
    process::{ChildStdin, ChildStdout},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, bail};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use prost::Message;
use samspor::serve::Part;
use samspor_bestillerkontor::Bestillerkontor;
use samspor_boligkontor::{Boligkontor, Regler};
use samspor_chassis::{
    attest::{self, Key},
    client::{MeshClientConfig, TokenSource},
    id::{Ids, RandomIds},
    server::{self, Agency, ServiceConfig},
    tid::{Clock, SystemClock},
};
use samspor_proto::{
    felles::{Aktor, Rolle},
    internt::{Attestasjon, Boligtildeler},
    tilgang::Formal,
};
use samspor_rop::Rop;
use tonic::{
    Request,
    client::Grpc,
    metadata::BinaryMetadataValue,
    transport::{Channel, Endpoint},
};
use tonic_prost::ProstCodec;

use super::sted::Database;
use crate::proc;

/// Answers calls until its input ends. Its first line says where, and under
/// which key; then it says for each line that it reads how often it has
/// committed.
pub(crate) async fn serve(part: Part, url: &str) -> Result<()> {
    match part {
        Part::Bestillerkontor => answer::<Bestillerkontor>(url, |config| config).await,
        Part::Rop => answer::<Rop>(url, |config| config).await,
        Part::Boligkontor => {
            let rules = Regler::innebygd("karmoy")?;
            answer::<Boligkontor>(url, |config| config.with_settings(rules)).await
        }
        _ => bail!("{} is not called", part.name()),
    }
}

async fn answer<A: Agency>(
    url: &str,
    with: impl FnOnce(ServiceConfig) -> ServiceConfig,
) -> Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ids: Arc<dyn Ids> = Arc::new(RandomIds::new(Arc::clone(&clock)));
    let mut secret = [0; 32];
    ids.random(&mut secret);
    let key = Key::new(&secret).context("no key")?;
    let mut config = ServiceConfig::new(url, key);
    // There is none: what others tell is not measured.
    let nobody = TokenSource::Static(String::new());
    config.gateway = Some(MeshClientConfig::new("http://127.0.0.1:9", nobody));
    let running = server::start::<A>(with(config), clock, ids).await?;
    println!("{} {}", running.addr, BASE64_STANDARD.encode(secret));
    loop {
        let asked = tokio::task::spawn_blocking(|| io::stdin().lines().next());
        let Some(line) = asked.await? else {
            break;
        };
        line?;
        println!("{}", running.chassis().store().commits());
    }
    running.shutdown().await;
    Ok(())
}

/// A running service.
pub(super) struct Service {
    part: Part,
    process: proc::Child,
    asks: ChildStdin,
    says: BufReader<ChildStdout>,
    database: Database,
    channel: Channel,
    key: Key,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
}

/// CPU time of threads so far, in nanoseconds, by thread id.
pub(super) type Threads = BTreeMap<u32, u64>;

impl Service {
    pub(super) fn start(part: Part, database: Database) -> Result<Self> {
        let arguments = ["historikktjeneste", part.name(), &database.url];
        let (process, asks, mut says) = proc::Child::talking(&arguments)?;
        let mut line = String::new();
        says.read_line(&mut line)?;
        let (address, secret) = line.trim().split_once(' ').context("no address")?;
        let secret = BASE64_STANDARD.decode(secret)?;
        let secret = secret.first_chunk().context("no key")?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        Ok(Self {
            part,
            process,
            asks,
            says,
            database,
            channel: Endpoint::from_shared(format!("http://{address}"))?.connect_lazy(),
            key: Key::new(secret).context("no key")?,
            ids: Arc::new(RandomIds::new(Arc::clone(&clock))),
            clock,
        })
    }

    /// Reads its file once, so that the machine has it in its memory, as of a
    /// service that has run for a while; else the long history would be read
    /// from the disk, and the short one would not.
    pub(super) fn read_through(&self) -> Result<()> {
        if let Some(file) = self.database.url.strip_prefix("sqlite:") {
            io::copy(&mut File::open(file)?, &mut io::sink())?;
        }
        Ok(())
    }

    pub(super) fn commits(&mut self) -> Result<u64> {
        writeln!(self.asks)?;
        let mut line = String::new();
        self.says.read_line(&mut line)?;
        Ok(line.trim().parse()?)
    }

    /// CPU time of its threads, and of the server's for its database.
    pub(super) fn cpu(&self) -> Result<Threads> {
        let mut found = Threads::new();
        let mut add = |process: &str| -> Result<()> {
            for thread in fs::read_dir(format!("/proc/{process}/task"))? {
                let thread = thread?;
                let told = fs::read_to_string(thread.path().join("schedstat"))?;
                let ran = told.split_whitespace().next().context("schedstat")?;
                let id = thread.file_name().to_string_lossy().parse()?;
                found.insert(id, ran.parse()?);
            }
            Ok(())
        };
        add(&self.process.pid.to_string())?;
        if let Some(name) = &self.database.name {
            for process in fs::read_dir("/proc")? {
                let process = process?;
                // One that has ended meanwhile says nothing.
                let title = fs::read_to_string(process.path().join("cmdline")).unwrap_or_default();
                if title.starts_with("postgres: ") && title.contains(&format!(" {name} ")) {
                    let _ = add(&process.file_name().to_string_lossy());
                }
            }
        }
        Ok(found)
    }

    pub(super) fn request_id(&self) -> String {
        self.ids.record().to_string()
    }

    /// One call of an employee of the unit, as the gateway would attest it.
    pub(super) async fn call<Q, S>(&self, path: &'static str, message: Q) -> Result<S>
    where
        Q: Message + Default + 'static,
        S: Message + Default + 'static,
    {
        let name = self.part.name();
        let (rolle, formal) = match self.part {
            Part::Boligkontor => (Rolle::Boligforvalter, Formal::Tildeling),
            _ => (Rolle::Miljo, Formal::Ytelse),
        };
        // As in Karmøy.
        let allocates = |type_: &str, unit: &str| Boligtildeler {
            boligtype: type_.to_owned(),
            enheter: vec![unit.to_owned()],
        };
        let permit = Attestasjon {
            mottaker: name.to_owned(),
            metode: path.to_owned(),
            innholdssum: attest::body_sum(&message.encode_to_vec()),
            jti: self.request_id(),
            utloper: self.clock.now().plus(Duration::from_secs(20)).0,
            aktor: Some(Aktor {
                enhet: format!("enheter/{name}"),
                ansatt: "r1".to_owned(),
                rolle: rolle.into(),
            }),
            formal: formal.into(),
            kommune: "karmoy".to_owned(),
            boligtildelere: vec![
                allocates("kommunal_utleie", "rop"),
                allocates("hardfor", "rop"),
                allocates("omsorgsbolig", "bestillerkontor"),
            ],
            mandaterte: vec![name.to_owned()],
            ..Attestasjon::default()
        };
        let mut request = Request::new(message);
        let signed = attest::sign(&self.key, &permit);
        let value = BinaryMetadataValue::from_bytes(&signed);
        request
            .metadata_mut()
            .insert_bin("x-samspor-attest-bin", value);
        let mut grpc = Grpc::new(self.channel.clone());
        grpc.ready().await?;
        let codec = ProstCodec::<Q, S>::default();
        let path = tonic::codegen::http::uri::PathAndQuery::from_static(path);
        let answer = grpc.unary(request, path.clone(), codec).await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| anyhow!("{path}: {status:?}"))
    }
}
