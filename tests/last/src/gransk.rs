//! `samspor-last gransk`: what a review costs in a municipality with a long
//! history beside one with none, and with an incident that is ten times as long.
//!
//! The mesh runs here, so that the CPU time of this process is that of the whole
//! review: who asks, the gateway with its decisions and its log, and every
//! service. The history is copied into the databases of a stopped mesh: events
//! and runs of deadlines of other persons, events of the same person before the
//! incident, and avvik. The sides take turns, round by round.

use std::{path::Path, sync::Arc};

use anyhow::{Context as _, Result, anyhow, ensure};
use prost::Message;
use samspor::{
    desk::Desk,
    gransk::{Rapport, Utsnitt},
    mesh::{Mesh, Options, SERVICES, employee},
};
use samspor_chassis::{
    id::{Ids, RandomIds},
    tid::{Clock, SystemClock, Tid},
};
use samspor_proto::{
    avvik::{Alvorlighet, Avvikskategori, Avvikssvar, MeldAvvikRequest, MeldAvvikResponse},
    felles::{Hjemmel, Rolle},
    gateway::{
        ApneGranskingRequest, ApneGranskingResponse, GodkjennGranskingRequest,
        GodkjennGranskingResponse,
    },
    koordinering::{SikrePersonRequest, SikrePersonResponse},
    nav::{
        Behovsarsak, HentNattilbudRequest, HentNattilbudResponse, IkkeKlartGrunn,
        ListBotilbudRequest, ListBotilbudResponse, MeldBehovRequest, MeldBehovResponse,
        MeldIkkeKlartRequest, MeldIkkeKlartResponse, Meldekanal,
    },
    tilgang::Formal,
};
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};
use tempfile::TempDir;

use crate::proc;

/// How much.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Granskmengde {
    /// Avvik of the long history.
    #[arg(long, default_value_t = 10_000)]
    avvik: u32,
    /// Events of the long history, over all services.
    #[arg(long, default_value_t = 1_000_000)]
    hendelser: u32,
    /// Events of the same person before the incident, in each service.
    #[arg(long, default_value_t = 1_000)]
    egne: u32,
    /// Times that somebody read the person's records in the incident.
    #[arg(long, default_value_t = 20)]
    lesninger: usize,
    /// Reviews of a round.
    #[arg(long, default_value_t = 5)]
    kall: u32,
    /// Rounds.
    #[arg(long, default_value_t = 21)]
    runder: usize,
}

/// A municipality with an incident and a mandate to review it.
struct Side {
    name: &'static str,
    mesh: Mesh,
    gransker: Desk,
    mandat: String,
    entries: usize,
    /// CPU microseconds of a review, of each round.
    took: Vec<u64>,
    _folder: TempDir,
}

pub(crate) async fn run(mengde: Granskmengde) -> Result<()> {
    ensure!(mengde.runder > 0 && mengde.kall > 0, "at least one of each");
    let none = Granskmengde {
        avvik: 0,
        hendelser: 0,
        egne: 0,
        ..mengde.clone()
    };
    let longer = Granskmengde {
        lesninger: mengde.lesninger * 10,
        ..none.clone()
    };
    let mut sides = [
        Side::start("no history", &none).await?,
        Side::start("the long history", &mengde).await?,
        Side::start("no history, ten times the readings", &longer).await?,
    ];
    for _ in 0..mengde.runder {
        for side in &mut sides {
            side.round(mengde.kall).await?;
        }
    }
    println!(
        "{:<38} {:>8} {:>14} {:>10}",
        "a review of a person and a period", "entries", "ms of CPU", "ratio"
    );
    let base = sides.first().map_or(0.0, Side::median);
    for side in &sides {
        let median = side.median();
        println!(
            "{:<38} {:>8} {:>14.1} {:>10.2}",
            side.name,
            side.entries,
            median / 1e3,
            median / base
        );
    }
    for side in sides {
        side.mesh.shutdown().await;
    }
    Ok(())
}

impl Side {
    async fn start(name: &'static str, mengde: &Granskmengde) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mesh = start(folder.path()).await?;
        let (person, begun) = incident(&mesh, mengde.lesninger).await?;
        let mandat = mandate(&mesh, &person, begun).await?;
        mesh.shutdown().await;
        if mengde.hendelser > 0 {
            copy(folder.path(), &person, mengde).await?;
        }
        let mesh = start(folder.path()).await?;
        let gransker = desk(&mesh, "personvern", Rolle::Gransker, Formal::Gransking).await?;
        let mut side = Self {
            name,
            mesh,
            gransker,
            mandat,
            entries: 0,
            took: Vec::new(),
            _folder: folder,
        };
        // What followed from it, in other services, has come when two are equal.
        loop {
            let (before, after) = (side.review().await?, side.review().await?);
            if before.linje == after.linje {
                ensure!(after.linje.hull.is_empty(), "{:?}", after.linje.hull);
                side.entries = after.linje.innslag.len();
                return Ok(side);
            }
        }
    }

    async fn review(&self) -> Result<Rapport> {
        let now = self.mesh.now();
        Rapport::hent(&self.gransker, &self.mandat, Utsnitt::default(), now).await
    }

    async fn round(&mut self, calls: u32) -> Result<()> {
        let own = std::process::id();
        let before = proc::cpu(own)?;
        for _ in 0..calls {
            let found = self.review().await?.linje.innslag.len();
            ensure!(
                found == self.entries,
                "{found} entries, not {}",
                self.entries
            );
        }
        self.took
            .push((proc::cpu(own)? - before) / u64::from(calls));
        Ok(())
    }

    fn median(&self) -> f64 {
        let mut took = self.took.clone();
        took.sort_unstable();
        took.get(took.len() / 2).copied().unwrap_or_default() as f64
    }
}

async fn start(folder: &Path) -> Result<Mesh> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ids: Arc<dyn Ids> = Arc::new(RandomIds::new(Arc::clone(&clock)));
    Mesh::start(Options::new(folder, clock, ids)).await
}

async fn desk(mesh: &Mesh, unit: &str, rolle: Rolle, formal: Formal) -> Result<Desk> {
    let id = format!("{unit}-{}", i32::from(rolle));
    let desk = mesh.desk(employee(unit, &id, rolle)).await?;
    Ok(desk.with_purpose(formal))
}

async fn ask<Q, A>(desk: &Desk, method: &str, request: Q) -> Result<A>
where
    Q: Message + Default + 'static,
    A: Message + Default + 'static,
{
    let answer = desk.call(method, request).await.result;
    answer.map_err(|status| anyhow!("{method}: {status:?}"))
}

/// A night without a bed, looked up again and again, and an avvik about it: the
/// person, and when it began.
async fn incident(mesh: &Mesh, readings: usize) -> Result<(String, Tid)> {
    let begun = mesh.now();
    let id = || mesh.new_id();
    let author = desk(
        mesh,
        "bestillerkontor",
        Rolle::Saksbehandler,
        Formal::Saksbehandling,
    )
    .await?;
    let request = SikrePersonRequest {
        request_id: id(),
        fodselsnummer: "01819010001".to_owned(),
    };
    let known: SikrePersonResponse = ask(
        &author,
        "koordinering.v1.PersonService/SikrePerson",
        request,
    )
    .await?;
    let person = known.person;
    let police = desk(mesh, "politi", Rolle::Inntak, Formal::Sikkerhet).await?;
    let request = MeldBehovRequest {
        parent: person.clone(),
        request_id: id(),
        kanal: Meldekanal::AnnenEnhet.into(),
        arsak: Behovsarsak::Brudd.into(),
        eget_onske: "Et rolig sted".to_owned(),
        ..Default::default()
    };
    let _: MeldBehovResponse = ask(&police, "nav.v1.BotilbudService/MeldBehov", request).await?;
    let nav = desk(mesh, "nav", Rolle::Saksbehandler, Formal::Oppfolging).await?;
    let request = ListBotilbudRequest {
        parent: person.clone(),
        ..Default::default()
    };
    let asked: ListBotilbudResponse =
        ask(&nav, "nav.v1.BotilbudService/ListBotilbud", request).await?;
    let need = asked.botilbud.first().context("no request")?.name.clone();
    for _ in 0..readings {
        let request = HentNattilbudRequest {
            parent: person.clone(),
        };
        let _: HentNattilbudResponse =
            ask(&nav, "nav.v1.NattService/HentNattilbud", request).await?;
    }
    let decider = desk(mesh, "nav", Rolle::Beslutter, Formal::Tildeling).await?;
    let request = MeldIkkeKlartRequest {
        name: need,
        request_id: id(),
        grunn: IkkeKlartGrunn::IngenLedig.into(),
        begrunnelse: "Ringte alle".to_owned(),
        hjemmel: Some(Hjemmel {
            lov: "sosialtjenesteloven".to_owned(),
            paragraf: "§ 27".to_owned(),
        }),
    };
    let _: MeldIkkeKlartResponse =
        ask(&decider, "nav.v1.BotilbudService/MeldIkkeKlart", request).await?;
    let reporter = desk(mesh, "nav", Rolle::Inntak, Formal::Avviksbehandling).await?;
    let answer = |sporsmal: &str, svar: &str| Avvikssvar {
        sporsmal: sporsmal.to_owned(),
        svar: svar.to_owned(),
    };
    let request = MeldAvvikRequest {
        request_id: id(),
        kategori: Avvikskategori::Bolig.into(),
        underkategori: "utskrevet_uten_bolig".to_owned(),
        hendt: Some(mesh.now().to_proto()),
        sammendrag: "Utskrevet uten et sted å sove".to_owned(),
        alvorlighet: Alvorlighet::Alvorlig.into(),
        enheter: vec!["enheter/bestillerkontor".to_owned()],
        svar: vec![
            answer("natt_uten_seng", "1"),
            answer("varslet_pa_forhand", "ja"),
        ],
        person: person.clone(),
        ..Default::default()
    };
    let _: MeldAvvikResponse = ask(&reporter, "avvik.v1.AvvikService/MeldAvvik", request).await?;
    Ok((person, begun))
}

/// Of what happened until now.
async fn mandate(mesh: &Mesh, person: &str, begun: Tid) -> Result<String> {
    let leader = desk(mesh, "personvern", Rolle::Leder, Formal::Kontroll).await?;
    let now = mesh.now();
    let request = ApneGranskingRequest {
        parent: "enheter/personvern".to_owned(),
        request_id: mesh.new_id(),
        gransker: format!("personvern-{}", i32::from(Rolle::Gransker)),
        gransker_enhet: "enheter/personvern".to_owned(),
        enheter: ["bestillerkontor", "nav"]
            .map(|unit| format!("enheter/{unit}"))
            .to_vec(),
        personer: vec![person.to_owned()],
        fra: Some(begun.to_proto()),
        til: Some(now.to_proto()),
        utloper: Some(now.plus(std::time::Duration::from_hours(48)).to_proto()),
        mandat: "Hvorfor personen sto uten et sted å sove".to_owned(),
        ..Default::default()
    };
    let method = "gateway.v1.GranskingService/ApneGransking";
    let opened: ApneGranskingResponse = ask(&leader, method, request).await?;
    let proposed = opened.gransking.context("no mandate")?;
    let officer = desk(mesh, "personvern", Rolle::Personvernombud, Formal::Kontroll).await?;
    let request = GodkjennGranskingRequest {
        name: proposed.name.clone(),
        request_id: mesh.new_id(),
        etag: proposed.etag,
    };
    let method = "gateway.v1.GranskingService/GodkjennGransking";
    let _: GodkjennGranskingResponse = ask(&officer, method, request).await?;
    Ok(proposed.name)
}

/// Numbers from 1 to $1.
const NUMBERS: &str =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)";

/// Copies the history into the databases of a stopped mesh: it is older than the
/// incident, and numbered before it.
async fn copy(folder: &Path, person: &str, mengde: &Granskmengde) -> Result<()> {
    let others = "printf('%08x-0000-4000-8000-%012x', i % 10000, i % 10000)";
    let own = format!("'{}'", person.trim_start_matches("personer/"));
    let each = mengde.hendelser / u32::try_from(SERVICES.len())?;
    for service in SERVICES {
        let file = folder.join(format!("{service}.db"));
        let mut database = SqliteConnection::connect(&format!("sqlite:{}", file.display())).await?;
        let parts = [(others, each, 0), (&own, mengde.egne, each)];
        for (of, count, after) in parts {
            let events = format!(
                "{NUMBERS} INSERT INTO chassis_hendelse \
                 (nr, id, type, person, post, eier, tid, traceparent) \
                 SELECT -i - {after}, 'gammel-' || (i + {after}), 'OppgaveOpprettet', {of}, \
                 'personer/' || {of} || '/oppgaver/gammel-' || (i + {after}), '{service}', \
                 1600000000000000 + i, '' FROM n"
            );
            fill(&mut database, events, count).await?;
            let runs = format!(
                "{NUMBERS} INSERT INTO chassis_fristlop \
                 (id, post, type, person, eier, mottakere, satt, forfall, avsluttet, traceparent) \
                 SELECT 'gammel-' || (i + {after}), 'personer/' || {of} || '/oppgaver/' || i, \
                 'OPPGAVE', {of}, '{service}', '', 1600000000000000 + i, 1600100000000000 + i, \
                 1600050000000000 + i, '' FROM n"
            );
            fill(&mut database, runs, count / 5).await?;
        }
        let told = "INSERT INTO chassis_hendelse_mottaker (mottaker, hendelse) \
                    SELECT 'koordinering', nr FROM chassis_hendelse WHERE nr < 0";
        sqlx::query(told).execute(&mut database).await?;
        if service == "avvik" {
            avvik(&mut database, mengde.avvik).await?;
        }
        sqlx::query("ANALYZE").execute(&mut database).await?;
        database.close().await?;
    }
    Ok(())
}

async fn fill(database: &mut SqliteConnection, insert: String, count: u32) -> Result<()> {
    let sql = AssertSqlSafe(insert);
    sqlx::query(sql).bind(count).execute(database).await?;
    Ok(())
}

/// Copies of the one avvik that there is, with its parts and its detail.
async fn avvik(database: &mut SqliteConnection, count: u32) -> Result<()> {
    let id = "printf('%08x-0000-4000-8000-%012x', i, i)";
    for insert in [
        format!(
            "INSERT INTO avvik SELECT {id}, versjon, tilstand, melder_enhet, ansvarlig_enhet, \
             meldt - i, apne_deler, apne_tiltak, tilbakemeldt, innhold FROM n, \
             (SELECT * FROM avvik LIMIT 1)"
        ),
        format!(
            "INSERT INTO avvikspart SELECT {id}, enhet, meldt - i, tilstand, venter FROM n, \
             (SELECT * FROM avvikspart LIMIT 1)"
        ),
        format!(
            "INSERT INTO avviksdetalj SELECT {id}, {id}, melder_enhet, innhold FROM n, \
             (SELECT * FROM avviksdetalj LIMIT 1)"
        ),
    ] {
        let sql = format!("{NUMBERS} {insert}");
        fill(&mut *database, sql, count).await?;
    }
    Ok(())
}
