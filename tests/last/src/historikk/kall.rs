//! The calls, and what they cost with either history.

use anyhow::{Context as _, Result, ensure};
use samspor_proto::{bestillerkontor as bk, felles::Hjemmel, rop};
use tokio::time::{Duration, Instant};

use super::{
    KORT,
    tjeneste::{Service, Threads},
};
use crate::{load::wait_until, median};

/// What one kind of call costs.
pub(super) struct Compared {
    pub(super) name: &'static str,
    pub(super) cpu: Pair,
    pub(super) wall: Pair,
    /// Of a call with the long history.
    pub(super) commits: f64,
}

/// Microseconds with the short history and the long one; medians of the rounds.
pub(super) struct Pair {
    pub(super) short: f64,
    pub(super) long: f64,
    /// Median of the rounds' ratios.
    pub(super) ratio: f64,
}

impl Pair {
    fn of(rounds: &[[Round; 2]], value: impl Fn(&Round) -> f64) -> Self {
        let each = |of: &dyn Fn(&[Round; 2]) -> f64| {
            let mut values: Vec<f64> = rounds.iter().map(of).collect();
            median(&mut values)
        };
        Self {
            short: each(&|[short, _]| value(short)),
            long: each(&|[_, long]| value(long)),
            ratio: each(&|[short, long]| value(long) / value(short)),
        }
    }
}

/// A round with one history: CPU of a call, median of the wall times, commits
/// of a call.
#[derive(Clone, Copy)]
struct Round {
    cpu: f64,
    wall: f64,
    commits: f64,
}

/// A service with one of the histories.
pub(super) struct Side {
    pub(super) service: Service,
    persons: Vec<String>,
    /// A record of each of some persons.
    pub(super) records: Vec<String>,
    state: u64,
}

impl Side {
    /// Another one each time, the same ones in each run.
    fn pick(&mut self, from: fn(&Self) -> &[String]) -> String {
        self.state = self
            .state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let place = usize::try_from(self.state >> 33).unwrap_or(0);
        let all = from(self);
        all.get(place % all.len().max(1))
            .cloned()
            .unwrap_or_default()
    }

    /// As many persons as the short history has, from all over.
    pub(super) fn some_persons(&self) -> Vec<String> {
        let step = (self.persons.len() / KORT).max(1);
        self.persons.iter().step_by(step).cloned().collect()
    }

    async fn round(
        &mut self,
        name: &str,
        calls: usize,
        from: fn(&Self) -> &[String],
        call: &impl AsyncFn(&Service, String) -> Result<usize>,
    ) -> Result<Round> {
        let commits = self.service.commits()?;
        let before = self.service.cpu()?;
        let mut times = Vec::with_capacity(calls);
        for _ in 0..calls {
            let of = self.pick(from);
            let begun = Instant::now();
            let records = call(&self.service, of).await?;
            times.push(begun.elapsed().as_secs_f64() * 1e6);
            ensure!(records > 0, "{name} answered nothing");
        }
        let cpu = spent(&before, &self.service.cpu()?);
        let each = |count: u64| count as f64 / calls as f64;
        Ok(Round {
            cpu: each(cpu) / 1e3,
            wall: median(&mut times),
            commits: each(self.service.commits()? - commits),
        })
    }
}

/// Nanoseconds between two looks. A thread that has ended meanwhile is left
/// out.
fn spent(before: &Threads, after: &Threads) -> u64 {
    let of = |(thread, ran): (&u32, &u64)| ran - before.get(thread).copied().unwrap_or(0).min(*ran);
    after.iter().map(of).sum()
}

/// A service with the short history and with the long one, measured in turn.
pub(super) struct Comparison {
    pub(super) sides: [Side; 2],
    calls: usize,
    rounds: usize,
    rows: Vec<Compared>,
}

impl Comparison {
    pub(super) fn new(
        services: [Service; 2],
        persons: &[Vec<String>; 2],
        calls: usize,
        rounds: usize,
    ) -> Self {
        let [short, long] = services;
        let [few, many] = persons;
        let side = |service, ids: &[String]| Side {
            service,
            persons: ids.iter().map(|id| format!("personer/{id}")).collect(),
            records: Vec::new(),
            state: 0x5eed,
        };
        Self {
            sides: [side(short, few), side(long, many)],
            calls,
            rounds,
            rows: Vec::new(),
        }
    }

    /// Ends the services.
    pub(super) fn done(self) -> Vec<Compared> {
        self.rows
    }

    /// Waits until both do nothing: a history of yesterday has clocks that are
    /// due at the start.
    pub(super) async fn at_rest(&self) -> Result<()> {
        const LOOK: Duration = Duration::from_millis(500);
        let begun = Instant::now();
        for side in &self.sides {
            loop {
                let before = side.service.cpu()?;
                wait_until(Instant::now() + LOOK).await;
                // A twentieth of one processor.
                if spent(&before, &side.service.cpu()?) < 25_000_000 {
                    break;
                }
            }
        }
        println!("  at rest after {:.1} s", begun.elapsed().as_secs_f64());
        Ok(())
    }

    /// Measures one kind of call in turn with either history; a first round of
    /// each warms up. Rounds are short, so that what else the machine does meets
    /// both alike.
    pub(super) async fn compare(
        &mut self,
        name: &'static str,
        from: fn(&Side) -> &[String],
        call: impl AsyncFn(&Service, String) -> Result<usize>,
    ) -> Result<()> {
        let calls = self.calls;
        let [short, long] = &mut self.sides;
        short.service.read_through()?;
        long.service.read_through()?;
        short.round(name, calls, from, &call).await?;
        long.round(name, calls, from, &call).await?;
        let mut rounds = Vec::with_capacity(self.rounds);
        for turn in 0..self.rounds {
            // Neither is always the first.
            rounds.push(if turn % 2 == 0 {
                let first = short.round(name, calls, from, &call).await?;
                [first, long.round(name, calls, from, &call).await?]
            } else {
                let first = long.round(name, calls, from, &call).await?;
                [short.round(name, calls, from, &call).await?, first]
            });
        }
        let row = Compared {
            name,
            cpu: Pair::of(&rounds, |round| round.cpu),
            wall: Pair::of(&rounds, |round| round.wall),
            commits: Pair::of(&rounds, |round| round.commits).long,
        };
        println!("  {name}: {:.2} times the CPU", row.cpu.ratio);
        self.rows.push(row);
        Ok(())
    }

    pub(super) async fn orders(&mut self) -> Result<()> {
        macro_rules! path {
            ($method:literal) => {
                concat!("/samspor.bestillerkontor.v1.", $method)
            };
        }
        let decided = async |service: &Service, parent: String| -> Result<Vec<bk::Vedtak>> {
            let request = bk::ListVedtakRequest {
                parent,
                ..Default::default()
            };
            let found: bk::ListVedtakResponse = service
                .call(path!("VedtakService/ListVedtak"), request)
                .await?;
            Ok(found.vedtak)
        };
        for side in &mut self.sides {
            for person in side.some_persons() {
                let found = decided(&side.service, person).await?;
                let name = found.first().context("no vedtak")?.name.clone();
                side.records.push(name);
            }
        }
        self.compare("read by key: HentVedtak", records, async |service, name| {
            let request = bk::HentVedtakRequest { name, versjon: 0 };
            let found: bk::HentVedtakResponse = service
                .call(path!("VedtakService/HentVedtak"), request)
                .await?;
            Ok(usize::from(found.vedtak.is_some()))
        })
        .await?;
        self.compare(
            "list of a person: ListVedtak",
            persons,
            async |service, parent| Ok(decided(service, parent).await?.len()),
        )
        .await?;
        self.compare(
            "list of a person: ListOppdrag",
            persons,
            async |service, parent| {
                let request = bk::ListOppdragRequest {
                    parent,
                    ..Default::default()
                };
                let found: bk::ListOppdragResponse = service
                    .call(path!("OppdragService/ListOppdrag"), request)
                    .await?;
                Ok(found.oppdrag.len())
            },
        )
        .await?;
        self.compare(
            "list of a unit: ListEnhetensOppdrag",
            persons,
            async |service, _| {
                let request = bk::ListEnhetensOppdragRequest {
                    parent: "enheter/hjemmetjeneste".to_owned(),
                    ..Default::default()
                };
                let path = path!("OppdragService/ListEnhetensOppdrag");
                let found: bk::ListEnhetensOppdragResponse = service.call(path, request).await?;
                Ok(found.oppdrag.len())
            },
        )
        .await?;
        self.compare("work list: ListVenteposter", persons, async |service, _| {
            let request = bk::ListVenteposterRequest {
                parent: "enheter/hjemmetjeneste".to_owned(),
                ..Default::default()
            };
            let path = path!("InnboksService/ListVenteposter");
            let found: bk::ListVenteposterResponse = service.call(path, request).await?;
            Ok(found.venteposter.len())
        })
        .await?;
        self.compare("write: MottaSoknad", persons, async |service, parent| {
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

    pub(super) async fn deliveries(&mut self) -> Result<()> {
        macro_rules! path {
            ($method:literal) => {
                concat!("/samspor.rop.v1.", $method)
            };
        }
        let contacts = async |service: &Service,
                              parent: String,
                              page_size: i32|
               -> Result<Vec<rop::Kontakt>> {
            let request = rop::ListKontakterRequest {
                parent,
                page_size,
                ..Default::default()
            };
            let path = path!("KontaktService/ListKontakter");
            let found: rop::ListKontakterResponse = service.call(path, request).await?;
            Ok(found.kontakter)
        };
        let write = async |service: &Service,
                           parent: String,
                           utfall: rop::Kontaktutfall|
               -> Result<usize> {
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
        for side in &mut self.sides {
            for person in side.some_persons() {
                let found = contacts(&side.service, person, 200).await?;
                let name = found.last().context("no contact")?.name.clone();
                side.records.push(name);
            }
        }
        self.compare(
            "read by key: HentKontakt",
            records,
            async |service, name| {
                let request = rop::HentKontaktRequest { name };
                let path = path!("KontaktService/HentKontakt");
                let found: rop::HentKontaktResponse = service.call(path, request).await?;
                Ok(usize::from(found.kontakt.is_some()))
            },
        )
        .await?;
        self.compare(
            "list of a person: ListKontakter, 50",
            persons,
            async |service, person| Ok(contacts(service, person, 0).await?.len()),
        )
        .await?;
        self.compare(
            "write: RegistrerKontakt",
            persons,
            async |service, person| write(service, person, rop::Kontaktutfall::Mott).await,
        )
        .await?;
        // Something for the work list.
        for side in &self.sides {
            for person in side.some_persons().into_iter().take(100) {
                for _ in 0..3 {
                    let missed = rop::Kontaktutfall::IkkeMott;
                    write(&side.service, person.clone(), missed).await?;
                }
            }
        }
        self.compare("work list: ListOppgaver", persons, async |service, _| {
            let request = rop::ListOppgaverRequest {
                parent: "enheter/rop".to_owned(),
                ..Default::default()
            };
            let path = path!("InnboksService/ListOppgaver");
            let found: rop::ListOppgaverResponse = service.call(path, request).await?;
            Ok(found.oppgaver.len())
        })
        .await?;
        self.compare(
            "figures of a month (grow with the month)",
            persons,
            async |service, _| {
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

pub(super) fn persons(side: &Side) -> &[String] {
    &side.persons
}

pub(super) fn records(side: &Side) -> &[String] {
    &side.records
}
