//! `samspor-last historikk`: what reads, lists, work lists and writes cost with
//! a long history beside what they cost with a short one, and how fast the
//! history is taken in.
//!
//! Both services run in this process on SQLite files, and are called over
//! loopback with attestations as the gateway would make them: the gateway's
//! own cost does not depend on the history and is left out. The history is
//! taken in by the import that `samspor importer` runs. Each call is for a
//! person drawn by a fixed sequence; the median of the wall times counts.

use std::{
    fs::File,
    future::Future,
    io::{BufWriter, Write as _},
    path::Path,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, ensure};
use prost::Message;
use samspor::{
    importer::{self, Valg},
    serve::Part,
};
use samspor_bestillerkontor::Bestillerkontor;
use samspor_chassis::{
    attest::{self, Key},
    client::{MeshClientConfig, TokenSource},
    id::{Ids, RandomIds},
    server::{self, Agency, Running, ServiceConfig},
    tid::{Clock, SystemClock, Tid},
};
use samspor_koordinering::{Settings, nokler::Nokkelring};
use samspor_proto::{
    bestillerkontor as bk,
    felles::{Aktor, Hjemmel, Rolle},
    internt::Attestasjon,
    rop,
    tilgang::Formal,
};
use samspor_rop::Rop;
use serde_json::json;
use tonic::{
    Request,
    client::Grpc,
    metadata::BinaryMetadataValue,
    transport::{Channel, Endpoint},
};
use tonic_prost::ProstCodec;

use crate::{load::wait_until, proc};

/// How much history.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Mengde {
    /// Persons.
    #[arg(long, default_value_t = 20_000)]
    personer: usize,
    /// Service lines of their vedtak.
    #[arg(long, default_value_t = 60_000)]
    linjer: usize,
    /// Contacts.
    #[arg(long, default_value_t = 2_000_000)]
    kontakter: usize,
    /// Lines of one transaction of the import.
    #[arg(long, default_value_t = 1000)]
    bunke: usize,
    /// Calls of each kind that are measured.
    #[arg(long, default_value_t = 400)]
    kall: usize,
}

/// Persons of the short history; each has as much as in the long one.
const KORT: usize = 1_000;

pub(crate) async fn run(mengde: Mengde) -> Result<()> {
    ensure!(mengde.personer >= KORT, "at least {KORT} persons");
    let short = Mengde {
        personer: KORT,
        linjer: mengde.linjer * KORT / mengde.personer,
        kontakter: mengde.kontakter * KORT / mengde.personer,
        ..mengde
    };
    let before = measure(short).await?;
    let after = measure(mengde).await?;
    println!(
        "\n{:<44} {:>10} {:>10} {:>6} {:>8}",
        "µs a call, median", short.personer, mengde.personer, "ratio", "commits"
    );
    for (short, long) in before.iter().zip(&after) {
        println!(
            "{:<44} {:>10.0} {:>10.0} {:>6.2} {:>8.2}",
            long.name,
            short.micros,
            long.micros,
            long.micros / short.micros,
            long.commits
        );
    }
    Ok(())
}

/// What one kind of call costs.
struct Cost {
    name: &'static str,
    micros: f64,
    commits: f64,
}

async fn measure(mengde: Mengde) -> Result<Vec<Cost>> {
    let folder = tempfile::tempdir()?;
    let at = folder.path();
    println!(
        "{} persons, {} service lines, {} contacts; chunks of {}",
        mengde.personer, mengde.linjer, mengde.kontakter, mengde.bunke
    );
    let persons = take_in(at, mengde).await?;
    let orders = Service::start::<Bestillerkontor>(at).await?;
    let deliveries = Service::start::<Rop>(at).await?;
    let mut bench = Bench {
        persons,
        calls: mengde.kall,
        state: 0x5eed,
        costs: Vec::new(),
    };
    bench.orders(&orders).await?;
    bench.deliveries(&deliveries).await?;
    orders.running.shutdown().await;
    deliveries.running.shutdown().await;
    Ok(bench.costs)
}

// ---- the history ------------------------------------------------------------------

fn url(at: &Path, part: Part) -> String {
    format!(
        "sqlite:{}",
        at.join(part.name()).with_extension("db").display()
    )
}

/// Takes in all of it; gives the ids of the persons.
async fn take_in(at: &Path, mengde: Mengde) -> Result<Vec<String>> {
    let persons = at.join("personer.ndjson");
    write(
        &persons,
        mengde.personer,
        |n| json!({ "ref": format!("p{n}"), "fodselsnummer": number(n) }),
    )?;
    importer(at, Part::Koordinering, &persons, None, mengde).await?;
    let answers = persons.with_extension("ndjson.svar");
    let read: Result<Vec<serde_json::Value>, _> = std::fs::read_to_string(&answers)?
        .lines()
        .map(serde_json::from_str)
        .collect();
    let ids = read?.into_iter().map(|line| {
        line.get("person")
            .and_then(|id| id.as_str())
            .unwrap_or_default()
            .to_owned()
    });

    let decisions = at.join("vedtak.ndjson");
    let each = (mengde.linjer / mengde.personer).max(1);
    write(&decisions, mengde.personer, |n| vedtak(n, each))?;
    importer(
        at,
        Part::Bestillerkontor,
        &decisions,
        Some(&answers),
        mengde,
    )
    .await?;

    let contacts = at.join("kontakter.ndjson");
    write(&contacts, mengde.kontakter, |n| contact(n, mengde))?;
    importer(at, Part::Rop, &contacts, Some(&answers), mengde).await?;
    std::fs::remove_file(contacts)?;
    Ok(ids.collect())
}

async fn importer(
    at: &Path,
    part: Part,
    fil: &Path,
    personer: Option<&Path>,
    mengde: Mengde,
) -> Result<()> {
    let valg = Valg {
        fil: fil.to_owned(),
        bunke: mengde.bunke,
        personer: personer.map(Path::to_owned),
        kommune: "karmoy".to_owned(),
        policy: None,
    };
    let mut settings = Settings::new(Nokkelring::les(&format!("a:{}", "5a".repeat(32)))?);
    settings.syntetiske = true;
    let begun = tokio::time::Instant::now();
    let done = importer::run(part, &url(at, part), Some(settings), &valg, |_| {}).await?;
    ensure!(
        done.avvist == 0 && done.nye == done.lest,
        "{part:?}: {done:?}"
    );
    let time = begun.elapsed().as_secs_f64();
    println!(
        "  {}: {} records in {} commits, {time:.1} s, {:.0} records/s",
        part.name(),
        done.nye,
        done.bunker,
        done.nye as f64 / time
    );
    Ok(())
}

fn write(file: &Path, count: usize, line: impl Fn(usize) -> serde_json::Value) -> Result<()> {
    let mut out = BufWriter::new(File::create(file)?);
    for n in 0..count {
        writeln!(out, "{}", line(n))?;
    }
    Ok(out.flush()?)
}

/// The `n`th well-formed number of a synthetic person (month + 80).
fn number(n: usize) -> String {
    const K1: [usize; 9] = [3, 7, 6, 1, 8, 9, 4, 5, 2];
    const K2: [usize; 10] = [5, 4, 3, 2, 7, 6, 5, 4, 3, 2];
    let control = |digits: &[usize], weights: &[usize]| {
        let sum: usize = digits
            .iter()
            .zip(weights)
            .map(|(digit, weight)| digit * weight)
            .sum();
        (11 - sum % 11) % 11
    };
    // About one number of six has no control digits; a day has enough for 600.
    let mut left = n % 600;
    let day = n / 600;
    let date = format!(
        "{:02}{:02}{:02}",
        day % 28 + 1,
        day / 28 % 12 + 81,
        day / 336 % 40 + 20
    );
    for individual in 0..1_000 {
        let mut digits: Vec<usize> = format!("{date}{individual:03}")
            .bytes()
            .map(|digit| usize::from(digit - b'0'))
            .collect();
        let first = control(&digits, &K1);
        digits.push(first);
        let second = control(&digits, &K2);
        digits.push(second);
        if first == 10 || second == 10 {
            continue;
        }
        if left == 0 {
            return digits.iter().map(ToString::to_string).collect();
        }
        left -= 1;
    }
    // A day that has too few of them; the import refuses the line and tells.
    String::new()
}

fn hjemmel() -> serde_json::Value {
    json!({ "lov": "helse- og omsorgstjenesteloven", "paragraf": "§ 3-2 første ledd nr. 6 b" })
}

/// A vedtak of so many lines, of which the first is still in force.
fn vedtak(n: usize, lines: usize) -> serde_json::Value {
    let year = 2016 + n % 9;
    let line = |number: usize| {
        let (type_, unit) = match number % 3 {
            0 => ("ROP_OPPFOLGING", "rop"),
            1 => ("BOVEILEDNING", "bom"),
            _ => ("HJEMMESYKEPLEIE", "hjemmetjeneste"),
        };
        // Those of one type follow each other.
        let begun = year * 12 + number / 3;
        let day = |months: usize, day| format!("{}-{:02}-{day}", months / 12, months % 12 + 1);
        let open = number == lines - 1;
        json!({
            "type": type_, "min_timer": 1.0, "maks_timer": 4.0, "enheter": [unit],
            "fra": day(begun, "02"), "til": if open { String::new() } else { day(begun, "28") },
        })
    };
    // The last one goes on, and its unit answers for the person.
    let responsible = match (lines - 1) % 3 {
        0 => "rop",
        1 => "bom",
        _ => "hjemmetjeneste",
    };
    json!({
        "ref": format!("v{n}"), "person": format!("p{n}"),
        "sokt": format!("{}-11-02", year - 1), "eget_onske": "Ro til å sove",
        "fattet": format!("{}-12-01", year - 1), "fattet_av": "b1",
        "underrettet": format!("{}-12-05", year - 1),
        "hovedansvarlig": responsible, "hjemmel": hjemmel(),
        "begrunnelse": "Trenger hjelp til å holde på boligen", "personens_syn": "ENIG",
        "linjer": (0..lines).map(line).collect::<Vec<_>>(),
    })
}

/// The contacts of all persons, over ten years, in the order of time.
fn contact(n: usize, mengde: Mengde) -> serde_json::Value {
    const TEN_YEARS: usize = 3_650 * 86_400;
    const FROM: i64 = 1_451_606_400; // 2016-01-01
    let second = n * (TEN_YEARS / mengde.kontakter.max(1)).max(1);
    let at = Tid((FROM + i64::try_from(second).unwrap_or(0)) * 1_000_000);
    json!({
        "ref": format!("k{n}"), "person": format!("p{}", n % mengde.personer),
        "type": if n.is_multiple_of(3) { "TELEFON" } else { "BESOK" },
        "utfall": if n.is_multiple_of(7) { "IKKE_MOTT" } else { "MOTT" },
        "tidspunkt": at.to_string(), "ansatt": format!("r{}", n % 40), "minutter": 45,
        "notat": "Gikk tur og snakket om uken som var. Avtalt ny tid.", "hjemmel": hjemmel(),
    })
}

// ---- the services -----------------------------------------------------------------

struct Service {
    name: &'static str,
    running: Running,
    channel: Channel,
    key: Key,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
}

impl Service {
    async fn start<A: Agency>(at: &Path) -> Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let ids: Arc<dyn Ids> = Arc::new(RandomIds::new(Arc::clone(&clock)));
        let mut secret = [0; 32];
        ids.random(&mut secret);
        let key = Key::new(&secret).context("no key")?;
        let file = at.join(A::NAME).with_extension("db");
        let mut config = ServiceConfig::new(&format!("sqlite:{}", file.display()), key.clone());
        // There is none: what others tell is not measured.
        let nobody = TokenSource::Static(String::new());
        config.gateway = Some(MeshClientConfig::new("http://127.0.0.1:9", nobody));
        let running = server::start::<A>(config, Arc::clone(&clock), Arc::clone(&ids)).await?;
        at_rest().await?;
        let channel = Endpoint::from_shared(format!("http://{}", running.addr))?.connect_lazy();
        Ok(Self {
            name: A::NAME,
            running,
            channel,
            key,
            clock,
            ids,
        })
    }

    fn request_id(&self) -> String {
        self.ids.record().to_string()
    }

    /// One call of an employee of the unit, as the gateway would attest it.
    async fn call<Q, S>(&self, path: &'static str, message: Q) -> Result<S>
    where
        Q: Message + Default + 'static,
        S: Message + Default + 'static,
    {
        let permit = Attestasjon {
            mottaker: self.name.to_owned(),
            metode: path.to_owned(),
            innholdssum: attest::body_sum(&message.encode_to_vec()),
            jti: self.request_id(),
            utloper: self.clock.now().plus(Duration::from_secs(20)).0,
            aktor: Some(Aktor {
                enhet: format!("enheter/{}", self.name),
                ansatt: "r1".to_owned(),
                rolle: Rolle::Miljo.into(),
            }),
            formal: Formal::Ytelse.into(),
            mandaterte: vec![self.name.to_owned()],
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

/// Waits until this process does nothing: a history of yesterday has clocks
/// that are due at the start.
async fn at_rest() -> Result<()> {
    const LOOK: Duration = Duration::from_millis(500);
    let process = std::process::id();
    let begun = tokio::time::Instant::now();
    loop {
        let before = proc::cpu(process)?;
        wait_until(tokio::time::Instant::now() + LOOK).await;
        // In microseconds: a twentieth of one processor.
        if proc::cpu(process)? - before < 25_000 {
            println!("  at rest after {:.1} s", begun.elapsed().as_secs_f64());
            return Ok(());
        }
    }
}

// ---- the calls --------------------------------------------------------------------

struct Bench {
    persons: Vec<String>,
    calls: usize,
    state: u64,
    costs: Vec<Cost>,
}

fn pick(all: &[String], at: usize) -> &str {
    all.get(at % all.len().max(1)).map_or("", String::as_str)
}

impl Bench {
    fn nth(&self, place: usize) -> String {
        format!("personer/{}", pick(&self.persons, place))
    }

    /// Another person each time, the same ones in each run.
    fn person(&mut self) -> String {
        self.state = self
            .state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let place = usize::try_from(self.state >> 33).unwrap_or(0) % self.persons.len();
        self.nth(place)
    }

    /// Calls so many times for persons; the first tenth warms up.
    async fn time<F: Future<Output = Result<usize>>>(
        &mut self,
        name: &'static str,
        service: &Service,
        call: impl Fn(String) -> F,
    ) -> Result<()> {
        let warm = self.calls / 10;
        let (mut times, mut commits) = (Vec::new(), 0);
        for round in 0..warm + self.calls {
            if round == warm {
                commits = service.running.chassis().store().commits();
            }
            let person = self.person();
            let begun = tokio::time::Instant::now();
            let records = call(person).await?;
            let time = begun.elapsed();
            ensure!(records > 0, "{name} answered nothing");
            if round >= warm {
                times.push(time.as_secs_f64() * 1e6);
            }
        }
        let commits = service.running.chassis().store().commits() - commits;
        self.costs.push(Cost {
            name,
            micros: crate::median(&mut times),
            commits: commits as f64 / self.calls as f64,
        });
        Ok(())
    }

    async fn orders(&mut self, service: &Service) -> Result<()> {
        macro_rules! path {
            ($method:literal) => {
                concat!("/samspor.bestillerkontor.v1.", $method)
            };
        }
        let decided = async |person: String| -> Result<Vec<bk::Vedtak>> {
            let request = bk::ListVedtakRequest {
                parent: person,
                ..Default::default()
            };
            let found: bk::ListVedtakResponse = service
                .call(path!("VedtakService/ListVedtak"), request)
                .await?;
            Ok(found.vedtak)
        };
        let mut names = std::collections::BTreeMap::new();
        for place in 0..self.persons.len().min(KORT) {
            let person = self.nth(place);
            let found = decided(person.clone()).await?;
            names.insert(person, found.first().context("no vedtak")?.name.clone());
        }
        let names: Vec<String> = names.into_values().collect();
        let at = std::cell::Cell::new(0);
        self.time("read by key: HentVedtak", service, |_| {
            let name = pick(&names, at.get()).to_owned();
            at.set(at.get() + 1);
            async {
                let request = bk::HentVedtakRequest { name, versjon: 0 };
                let found: bk::HentVedtakResponse = service
                    .call(path!("VedtakService/HentVedtak"), request)
                    .await?;
                Ok(usize::from(found.vedtak.is_some()))
            }
        })
        .await?;
        self.time("list of a person: ListVedtak", service, |person| async {
            Ok(decided(person).await?.len())
        })
        .await?;
        self.time("list of a person: ListOppdrag", service, |parent| async {
            let request = bk::ListOppdragRequest {
                parent,
                ..Default::default()
            };
            let found: bk::ListOppdragResponse = service
                .call(path!("OppdragService/ListOppdrag"), request)
                .await?;
            Ok(found.oppdrag.len())
        })
        .await?;
        self.time("list of a unit: ListEnhetensOppdrag", service, |_| async {
            let request = bk::ListEnhetensOppdragRequest {
                parent: "enheter/hjemmetjeneste".to_owned(),
                ..Default::default()
            };
            let path = path!("OppdragService/ListEnhetensOppdrag");
            let found: bk::ListEnhetensOppdragResponse = service.call(path, request).await?;
            Ok(found.oppdrag.len())
        })
        .await?;
        self.time("work list: ListVenteposter", service, |_| async {
            let request = bk::ListVenteposterRequest {
                parent: "enheter/hjemmetjeneste".to_owned(),
                ..Default::default()
            };
            let path = path!("InnboksService/ListVenteposter");
            let found: bk::ListVenteposterResponse = service.call(path, request).await?;
            Ok(found.venteposter.len())
        })
        .await?;
        self.time("write: MottaSoknad", service, |parent| async {
            let request = bk::MottaSoknadRequest {
                parent,
                request_id: service.request_id(),
                eget_onske: "Ro til å sove".to_owned(),
                kanal: bk::Kanal::Telefon.into(),
                ..Default::default()
            };
            let path = path!("SoknadService/MottaSoknad");
            let _: bk::MottaSoknadResponse = service.call(path, request).await?;
            Ok(1)
        })
        .await
    }

    async fn deliveries(&mut self, service: &Service) -> Result<()> {
        macro_rules! path {
            ($method:literal) => {
                concat!("/samspor.rop.v1.", $method)
            };
        }
        let contacts = async |parent: String, page_size: i32| -> Result<Vec<rop::Kontakt>> {
            let request = rop::ListKontakterRequest {
                parent,
                page_size,
                ..Default::default()
            };
            let path = path!("KontaktService/ListKontakter");
            let found: rop::ListKontakterResponse = service.call(path, request).await?;
            Ok(found.kontakter)
        };
        let mut names = Vec::new();
        for place in 0..self.persons.len().min(KORT) {
            let found = contacts(self.nth(place), 200).await?;
            names.push(found.last().context("no contact")?.name.clone());
        }
        let at = std::cell::Cell::new(0);
        self.time("read by key: HentKontakt", service, |_| {
            let name = pick(&names, at.get()).to_owned();
            at.set(at.get() + 1);
            async {
                let request = rop::HentKontaktRequest { name };
                let path = path!("KontaktService/HentKontakt");
                let found: rop::HentKontaktResponse = service.call(path, request).await?;
                Ok(usize::from(found.kontakt.is_some()))
            }
        })
        .await?;
        self.time(
            "list of a person: ListKontakter, 50",
            service,
            |person| async { Ok(contacts(person, 0).await?.len()) },
        )
        .await?;
        let write = |parent: String, utfall: rop::Kontaktutfall| async move {
            let request = rop::RegistrerKontaktRequest {
                parent,
                request_id: service.request_id(),
                r#type: rop::Kontakttype::Besok.into(),
                utfall: utfall.into(),
                minutter: 30,
                hjemmel: Some(Hjemmel {
                    lov: "helse- og omsorgstjenesteloven".to_owned(),
                    paragraf: "§ 3-2".to_owned(),
                }),
                ..Default::default()
            };
            let path = path!("KontaktService/RegistrerKontakt");
            let _: rop::RegistrerKontaktResponse = service.call(path, request).await?;
            Ok(1)
        };
        self.time("write: RegistrerKontakt", service, |person| {
            write(person, rop::Kontaktutfall::Mott)
        })
        .await?;
        // Something for the work list.
        for place in 0..100 {
            for _ in 0..3 {
                let person = self.nth(place);
                write(person, rop::Kontaktutfall::IkkeMott).await?;
            }
        }
        self.time("work list: ListOppgaver", service, |_| async {
            let request = rop::ListOppgaverRequest {
                parent: "enheter/rop".to_owned(),
                ..Default::default()
            };
            let path = path!("InnboksService/ListOppgaver");
            let found: rop::ListOppgaverResponse = service.call(path, request).await?;
            Ok(found.oppgaver.len())
        })
        .await?;
        self.time(
            "figures of a month (grow with the month)",
            service,
            |_| async {
                let request = rop::HentStatistikkRequest {
                    parent: "enheter/rop".to_owned(),
                    fra: "2020-03-01".to_owned(),
                    til: "2020-03-31".to_owned(),
                };
                let path = path!("StatistikkService/HentStatistikk");
                let found: rop::HentStatistikkResponse = service.call(path, request).await?;
                Ok(usize::from(found.statistikk.is_some()))
            },
        )
        .await
    }
}
