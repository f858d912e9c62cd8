//! `samspor up --data karmoy`: Karmøy as of January 2025, with today's dates.
//!
//! Everything goes in as it does elsewhere: dwellings, places and stays through
//! the gateway, persons, vedtak, waiting lists and tenancies as a history is
//! taken in. What happened over months happens on the mesh's clock, which
//! begins so many days back and is let go to today: so the three months of a
//! stay and the days of an empty dwelling are counted, not told.

mod boliger;
mod folk;
mod opphold;
mod tall;

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context as _, Result, bail, ensure};
use prost::Message;
use samspor_bestillerkontor::{Bestillerkontor, historie::Vedtakshistorie};
use samspor_boligkontor::{Boligkontor, historie::Bolighistorie};
use samspor_chassis::{
    domene::Dag,
    historie::{Historie, Ut, importer},
    server::Agency as _,
    tid::Tid,
};
use samspor_gateway::policy::{Policy, PolicySource};
use samspor_koordinering::{Koordinering, historie::Personhistorie};
use samspor_proto::{
    boligkontor::{ImporterBoligerRequest, ImporterBoligerResponse},
    felles::Rolle,
    tilgang::Formal,
};
use serde_json::{Value, json};

pub use self::tall::Tall;
use self::{boliger::Bolig, folk::Ventende, opphold::Opphold};
use crate::{
    demo::Klokke,
    desk::Desk,
    mesh::{Mesh, employee},
};

/// Municipality whose data these are, and their name.
pub const NAVN: &str = "karmoy";
/// Days before today on which they begin.
const FOR: i32 = 140;
/// File of a folder that holds all of them.
const MERKE: &str = "datasett";
/// Lines of an import that are one transaction.
const BUNKE: usize = 1_000;

/// Where the clock of a mesh stands that takes them in.
#[must_use]
pub fn begynnelse(na: Tid) -> Tid {
    dagen(na, FOR)
}

/// So many days before today, at eleven in the morning.
fn dagen(na: Tid, siden: i32) -> Tid {
    Dag::av(na).pluss_dager(-siden).klokken(11)
}

/// Whether they are to be taken in to a folder; not again where they are.
///
/// # Errors
/// Where another mesh is in the folder, or one that did not take all of them in.
pub fn mangler(folder: &Path) -> Result<bool> {
    if folder.join(MERKE).exists() {
        return Ok(false);
    }
    ensure!(
        !folder.join("gateway.db").exists(),
        "{} holds a mesh without the whole of these data; give another --data-dir",
        folder.display()
    );
    Ok(true)
}

/// All of them are in the folder.
///
/// # Errors
/// When that cannot be written there.
pub fn ferdig(folder: &Path) -> Result<()> {
    let mark = folder.join(MERKE);
    std::fs::write(&mark, NAVN).with_context(|| format!("cannot write {}", mark.display()))
}

/// What is done on a day.
enum Hendelse<'d> {
    /// Nobody has these dwellings any more, or they are new.
    Tomme(Vec<&'d Bolig>),
    /// Somebody has nowhere to sleep, and gets a place.
    Inn(usize),
    /// A stay nears three months, and goes on.
    Videre(usize),
}

/// Takes them in. The clock stands at [`begynnelse`], and is let go to `na`.
///
/// # Errors
/// When something is refused: the data are held to the rules, as all others.
pub async fn legg_inn(mesh: &Mesh, klokke: &Klokke, na: Tid) -> Result<()> {
    let tall = Tall::les()?;
    let stock = boliger::alle(&tall)?;
    let inntak = Inntak::new(mesh, na)?;
    let today = Dag::av(na);

    let lived_in = stock.iter().filter(|one| one.tom.is_none());
    inntak.boliger(lived_in.clone()).await?;
    let tenants = lived_in.filter(|one| one.tildelingstype != "MIDLERTIDIG");
    let tenants: Vec<&Bolig> = tenants.collect();
    let waiting = folk::ventende();
    let persons = inntak.personer(tenants.len() + waiting.len()).await?;
    let (waits, lives) = persons.split_at(waiting.len());
    let tenancies = lives.iter().zip(tenants).zip(0..);
    let tenancies = tenancies.map(|((person, dwelling), n)| folk::leie(n, person, dwelling, today));
    inntak.boligsaker(tenancies.collect()).await?;

    let mut stays = Opphold::new(mesh, na, waits).await?;
    let mut days: BTreeMap<i32, Vec<Hendelse<'_>>> = BTreeMap::new();
    for dwelling in &stock {
        if let Some((_, since)) = dwelling.tom {
            let on = days.entry(since).or_default();
            on.push(Hendelse::Tomme(vec![dwelling]));
        }
    }
    for (n, one) in waiting.iter().enumerate() {
        let Some(since) = one.opphold else { continue };
        days.entry(since).or_default().push(Hendelse::Inn(n));
        if since > opphold::TRE_MANEDER {
            let near = since - opphold::TRE_MANEDER;
            days.entry(near).or_default().push(Hendelse::Videre(n));
        }
    }
    for (since, events) in days.into_iter().rev() {
        klokke.til(dagen(na, since));
        for event in events {
            match event {
                Hendelse::Tomme(dwellings) => inntak.boliger(dwellings.into_iter()).await?,
                Hendelse::Inn(n) => stays.inn(n).await?,
                Hendelse::Videre(n) => stays.videre(n).await?,
            }
        }
    }
    klokke.til(na);
    inntak.venteliste(waits, &waiting).await?;
    let long = tall.midlertidig.husholdninger_over_3_mnd.i_2023;
    stays.til_over_tre_maneder(long).await
}

/// Takes histories and files in, in a mesh that runs.
struct Inntak<'m> {
    mesh: &'m Mesh,
    policy: Policy,
    today: Dag,
}

impl<'m> Inntak<'m> {
    fn new(mesh: &'m Mesh, na: Tid) -> Result<Self> {
        Ok(Self {
            mesh,
            policy: Policy::load(&PolicySource::embedded(NAVN))?,
            today: Dag::av(na),
        })
    }

    /// Dwellings through the gateway, all of them or none.
    async fn boliger<'b>(&self, boliger: impl Iterator<Item = &'b Bolig>) -> Result<()> {
        let keeper = employee("boligkontor", "bo-data", Rolle::Boligforvalter);
        let keeper = self.mesh.desk(keeper).await?;
        let request = ImporterBoligerRequest {
            parent: "enheter/boligkontor".to_owned(),
            request_id: self.mesh.new_id(),
            csv: boliger::csv(boliger).into(),
            prove: false,
        };
        let method = "boligkontor.v1.BoligService/ImporterBoliger";
        let report: ImporterBoligerResponse =
            ring(&keeper, Formal::Tildeling, method, request).await?;
        ensure!(report.lagret, "{:?}", report.rader);
        Ok(())
    }

    /// Ids of so many persons.
    async fn personer(&self, antall: usize) -> Result<Vec<String>> {
        let lines = (0..antall).map(|n| {
            let number = folk::nummer(n);
            json!({ "ref": format!("karmoy-{n:04}"), "fodselsnummer": number })
        });
        let history = Personhistorie::new(self.mesh.koordinering()?);
        let told = self
            .ta(Koordinering::NAME, &history, lines.collect())
            .await?;
        let id = |answer: &Value| {
            let person = answer.get("person").and_then(Value::as_str);
            person
                .map(str::to_owned)
                .context("an import answered no id")
        };
        told.iter().map(id).collect()
    }

    /// Housing cases with what came of them.
    async fn boligsaker(&self, linjer: Vec<Value>) -> Result<()> {
        let allocate = self
            .policy
            .municipality()
            .holders_by("tildelingsmyndighet:");
        let history = Bolighistorie::new(allocate, self.mesh.boligregler()?);
        self.ta(Boligkontor::NAME, &history, linjer).await?;
        Ok(())
    }

    /// Those on the list, with the vedtak of those whom ROP follows.
    async fn venteliste(&self, personer: &[String], ventende: &[Ventende]) -> Result<()> {
        let all = || personer.iter().zip(ventende).enumerate();
        let municipality = self.policy.municipality();
        let history = Vedtakshistorie::new(
            municipality.holders_of("utforer"),
            municipality.holders_by("tildelingsmyndighet:"),
        );
        let decided =
            all().filter_map(|(n, (person, one))| folk::vedtak(n, person, one, self.today));
        self.ta(Bestillerkontor::NAME, &history, decided.collect())
            .await?;
        let cases = all().map(|(n, (person, one))| folk::sak(n, person, one, self.today));
        self.boligsaker(cases.collect()).await
    }

    /// A history, in the store of the service that keeps it. What it answers.
    async fn ta<H: Historie>(
        &self,
        tjeneste: &str,
        historie: &H,
        linjer: Vec<Value>,
    ) -> Result<Vec<Value>> {
        let store = self.mesh.store(tjeneste);
        let store = store.with_context(|| format!("{tjeneste} does not run"))?;
        let text: Vec<String> = linjer.iter().map(Value::to_string).collect();
        let (mut avvist, mut svar) = (Vec::new(), Vec::new());
        let ut = Ut {
            avvist: &mut avvist,
            svar: &mut svar,
        };
        let text = text.join("\n");
        importer(store, historie, text.as_bytes(), ut, BUNKE, |_| {}).await?;
        if !avvist.is_empty() {
            bail!("{tjeneste} refused: {}", String::from_utf8_lossy(&avvist));
        }
        let lines = String::from_utf8(svar)?;
        lines
            .lines()
            .map(|line| Ok(serde_json::from_str(line)?))
            .collect()
    }
}

/// A call that must be answered.
async fn ring<Q, A>(desk: &Desk, formal: Formal, method: &str, request: Q) -> Result<A>
where
    Q: Message + 'static,
    A: Message + Default + 'static,
{
    let desk = desk.with_purpose(formal);
    let answer = Box::pin(desk.call(method, request)).await;
    answer
        .result
        .with_context(|| format!("{method} was refused"))
}
