//! `samspor-last bolig`: the register of a large municipality and five years of
//! housing cases, taken in, and each read with it beside a small one's.

use anyhow::{Context as _, Result, ensure};
use samspor::serve::Part;
use samspor_boligkontor::som_csv;
use samspor_chassis::domene::Dag;
use samspor_proto::boligkontor::{self as bolig, Tildelingstype};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    KORT, Mengde,
    inntak::{self, write},
    kall::{Comparison, persons, records},
    report,
    sted::Sted,
    tjeneste::Service,
};

/// How much.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Boligmengde {
    /// Dwellings.
    #[arg(long, default_value_t = 15_000)]
    boliger: usize,
    /// Housing cases, a person each.
    #[arg(long, default_value_t = 20_000)]
    saker: usize,
    /// Lines of one transaction of the import.
    #[arg(long, default_value_t = 1000)]
    bunke: usize,
    /// Calls of each kind in a round.
    #[arg(long, default_value_t = 10)]
    kall: usize,
    /// Rounds of each kind of call.
    #[arg(long, default_value_t = 151)]
    runder: usize,
    /// PostgreSQL instead of SQLite: an address with {} in place of the name of
    /// a database. Databases named samspor_historikk_* are made there anew.
    #[arg(long)]
    postgres: Option<String>,
}

impl Boligmengde {
    fn sted(&self) -> Result<Sted> {
        Sted::new(&Mengde {
            personer: self.saker,
            linjer: 0,
            kontakter: 0,
            bunke: self.bunke,
            kall: self.kall,
            runder: self.runder,
            mappe: None,
            postgres: self.postgres.clone(),
        })
    }
}

pub(crate) async fn run(mengde: Boligmengde) -> Result<()> {
    ensure!(mengde.boliger >= KORT, "at least {KORT} dwellings");
    let short = Boligmengde {
        boliger: KORT,
        saker: mengde.saker * KORT / mengde.boliger,
        ..mengde.clone()
    };
    let before = short.sted()?;
    let after = mengde.sted()?;
    let people = [
        take_in(&before, &short).await?,
        take_in(&after, &mengde).await?,
    ];
    let part = Part::Boligkontor;
    let services = [
        Service::start(part, before.database(part))?,
        Service::start(part, after.database(part))?,
    ];
    let mut comparison = Comparison::new(services, &people, mengde.kall, mengde.runder);
    comparison.at_rest().await?;
    comparison.housing().await?;
    report(&comparison.done(), short.boliger, mengde.boliger);
    before.remove().await?;
    after.remove().await
}

/// Takes in the register through the service, and the cases by the import; gives
/// the ids of the persons.
async fn take_in(sted: &Sted, mengde: &Boligmengde) -> Result<Vec<String>> {
    println!("{} dwellings, {} cases", mengde.boliger, mengde.saker);
    sted.prepare().await?;
    let part = Part::Boligkontor;
    let service = Service::start(part, sted.database(part))?;
    let begun = Instant::now();
    // A message holds some thousand rows.
    for first in (0..mengde.boliger).step_by(5_000) {
        let last = (first + 5_000).min(mengde.boliger);
        let rows: Vec<bolig::Bolig> = (first..last).map(dwelling).collect();
        let request = bolig::ImporterBoligerRequest {
            parent: "enheter/boligkontor".to_owned(),
            request_id: service.request_id(),
            csv: som_csv(&rows)?.into(),
            prove: false,
        };
        let path = "/samspor.boligkontor.v1.BoligService/ImporterBoliger";
        let answer: bolig::ImporterBoligerResponse = service.call(path, request).await?;
        ensure!(answer.lagret, "{:?}", answer.rader.first());
    }
    println!("  register: {:.1} s", begun.elapsed().as_secs_f64());
    drop(service);
    let cases = sted.folder().join("boligsaker.ndjson");
    write(&cases, mengde.saker, |n| case(n, mengde.saker))?;
    let historikk = Mengde {
        personer: mengde.saker,
        linjer: 0,
        kontakter: 0,
        bunke: mengde.bunke,
        kall: mengde.kall,
        runder: mengde.runder,
        mappe: None,
        postgres: mengde.postgres.clone(),
    };
    inntak::importer(sted, part, &cases, None, &historikk).await?;
    println!("  both: {:.1} s", begun.elapsed().as_secs_f64());
    sted.settle().await?;
    Ok((0..mengde.saker).map(person).collect())
}

fn person(n: usize) -> String {
    format!("{n:08x}-0000-4000-8000-{n:012x}")
}

fn type_(n: usize) -> Tildelingstype {
    match n % 10 {
        0 => Tildelingstype::Hardfor,
        1..=4 => Tildelingstype::Omsorgsbolig,
        _ => Tildelingstype::KommunalUtleie,
    }
}

fn dwelling(n: usize) -> bolig::Bolig {
    bolig::Bolig {
        nokkel: format!("B-{n:06}"),
        tilstand: bolig::Boligtilstand::Ledig.into(),
        egenskaper: Some(bolig::Boligegenskaper {
            navn: format!("Gate {n}"),
            adresse: format!("Gate {n}, 2. etasje"),
            omrade: format!("Bydel {}", n % 15),
            boligform: bolig::Boligform::Ordinaer.into(),
            tildelingstype: type_(n).into(),
            eierform: bolig::Eierform::Kommunal.into(),
            bemanning: bolig::Bemanning::Ingen.into(),
            soverom: 1,
            kvadratmeter: 45,
            etasje: 1,
            bomiljo: bolig::Bomiljo::Ordinaert.into(),
            meter_butikk: 300,
            meter_buss: 150,
            meter_tjenester: 900,
            standard: bolig::Standard::God.into(),
            husleie: 8_500,
            kostnad_per_dag: 280,
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// The `n`th of `all` cases: of twenty two wait, one each was refused, taken back
/// and is undecided, twelve have a dwelling and three had one.
fn case(n: usize, all: usize) -> Value {
    let today = Dag::av(samspor_chassis::tid::Clock::now(
        &samspor_chassis::tid::SystemClock,
    ));
    let days = i32::try_from(n % 1_825).unwrap_or_default();
    let came = today.pluss_dager(days - 1_900);
    let after = |days: i32| came.pluss_dager(days).to_string();
    let (block, place) = (n / 20, n % 20);
    let decided = |utfall: &str| {
        json!({
            "dag": after(20), "utfall": utfall, "av": "g1", "begrunnelse": "Etter vilkårene",
            "hjemmel": { "lov": "boligsosialloven", "paragraf": "§ 6" },
            "klageinstans": "Klagenemnda, innen tre uker",
        })
    };
    let mut line = json!({
        "ref": format!("s{n}"), "person": person(n), "type": "KOMMUNAL_UTLEIE",
        "mottatt": came.to_string(),
        "soknad": {
            "eget_onske": "En hybel", "voksne": 1, "boligsituasjon": "BOSTEDSLOS",
            "behov": { "omrader": [format!("Bydel {}", n % 15)] },
        },
    });
    let mut set = |key: &str, value: Value| {
        if let Some(fields) = line.as_object_mut() {
            fields.insert(key.to_owned(), value);
        }
    };
    let tenancy = |home: usize, ended: Option<String>| {
        json!({
            "bolig": format!("B-{home:06}"), "fra": after(60), "til": after(60 + 1_095),
            "oppfolgere": ["bom"],
            "avsluttet": ended.map(|dag| json!({ "dag": dag, "begrunnelse": "Flyttet" })),
        })
    };
    match place {
        0 | 1 => set("avgjort", decided("GODKJENT")),
        2 => set("avgjort", decided("AVSLATT")),
        3 => set(
            "trukket",
            json!({ "dag": after(30), "onske": "Fant noe selv" }),
        ),
        4 => {}
        5..=16 => {
            set("avgjort", decided("GODKJENT"));
            let home = block * 12 + place - 5;
            let name = type_(home).as_str_name();
            let key = name.strip_prefix("TILDELINGSTYPE_").unwrap_or(name);
            set("type", json!(key));
            set("leieforhold", tenancy(home, None));
        }
        _ => {
            set("avgjort", decided("GODKJENT"));
            let home = all / 20 * 12 + block * 3 + place - 17;
            set("leieforhold", tenancy(home, Some(after(70))));
        }
    }
    line
}

macro_rules! path {
    ($method:literal) => {
        concat!("/samspor.boligkontor.v1.", $method)
    };
}

async fn stock(service: &Service) -> Result<Vec<bolig::Bolig>> {
    let request = bolig::ListBoligerRequest {
        parent: "enheter/boligkontor".to_owned(),
        tildelingstype: Tildelingstype::KommunalUtleie.into(),
        tilstand: bolig::Boligtilstand::Utleid.into(),
        ..Default::default()
    };
    let path = path!("BoligService/ListBoliger");
    let found: bolig::ListBoligerResponse = service.call(path, request).await?;
    Ok(found.boliger)
}

async fn cases(service: &Service, parent: String) -> Result<Vec<bolig::Boligsak>> {
    let request = bolig::ListBoligsakerRequest {
        parent,
        ..Default::default()
    };
    let path = path!("BoligsakService/ListBoligsaker");
    let found: bolig::ListBoligsakerResponse = service.call(path, request).await?;
    Ok(found.boligsaker)
}

impl Comparison {
    async fn housing(&mut self) -> Result<()> {
        for side in &mut self.sides {
            let found = stock(&side.service).await?;
            side.records = found.into_iter().map(|one| one.name).collect();
        }
        self.compare("read by key: HentBolig", records, async |service, name| {
            let request = bolig::HentBoligRequest { name };
            let path = path!("BoligService/HentBolig");
            let found: bolig::HentBoligResponse = service.call(path, request).await?;
            Ok(usize::from(found.bolig.is_some()))
        })
        .await?;
        self.compare(
            "list of the stock: ListBoliger",
            persons,
            async |service, _| Ok(stock(service).await?.len()),
        )
        .await?;
        for side in &mut self.sides {
            side.records.clear();
            for person in side.some_persons() {
                let found = cases(&side.service, person).await?;
                side.records
                    .push(found.first().context("no case")?.name.clone());
            }
        }
        self.compare(
            "read by key: HentBoligsak",
            records,
            async |service, name| {
                let request = bolig::HentBoligsakRequest { name, versjon: 0 };
                let path = path!("BoligsakService/HentBoligsak");
                let found: bolig::HentBoligsakResponse = service.call(path, request).await?;
                Ok(usize::from(found.boligsak.is_some()))
            },
        )
        .await?;
        self.compare(
            "list of a person: ListBoligsaker",
            persons,
            async |service, parent| Ok(cases(service, parent).await?.len()),
        )
        .await?;
        self.compare(
            "write: RegistrerBoligsoknad",
            persons,
            async |service, parent| {
                let request = bolig::RegistrerBoligsoknadRequest {
                    parent,
                    request_id: service.request_id(),
                    tildelingstype: Tildelingstype::Hardfor.into(),
                    soknad: Some(bolig::Boligsoknad {
                        eget_onske: "Et sted å være i fred".to_owned(),
                        voksne: 1,
                        boligsituasjon: bolig::Boligsituasjon::Bostedslos.into(),
                        ..Default::default()
                    }),
                };
                let path = path!("BoligsakService/RegistrerBoligsoknad");
                let _: bolig::RegistrerBoligsoknadResponse = service.call(path, request).await?;
                Ok(1)
            },
        )
        .await?;
        self.compare(
            "the queue ranked: RangerKo, 200 places shown",
            persons,
            async |service, _| {
                let request = bolig::RangerKoRequest {
                    parent: "enheter/rop".to_owned(),
                    tildelingstype: Tildelingstype::KommunalUtleie.into(),
                    page_size: 200,
                    ..Default::default()
                };
                let path = path!("BoligsakService/RangerKo");
                let found: bolig::RangerKoResponse = service.call(path, request).await?;
                let queue = found.koplasser.first().map_or(0, |one| one.antall);
                Ok(usize::try_from(queue).unwrap_or_default())
            },
        )
        .await
    }
}
