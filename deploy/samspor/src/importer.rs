//! `samspor importer`: takes in the history of another system, in chunks
//! (docs/import.md).

use std::{
    collections::HashMap,
    fs::File,
    io::{BufRead, BufReader, BufWriter},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, Result, bail, ensure};
use futures::future::BoxFuture;
use samspor_bestillerkontor::{Bestillerkontor, historie::Vedtakshistorie};
use samspor_boligkontor::{Boligkontor, Regler, historie::Bolighistorie};
use samspor_chassis::{
    error::{Error, FieldFaults, Refusal},
    historie::{self, Framdrift, Historie, Lagret, Ut},
    id::{Ids, RandomIds},
    server::Agency,
    store::{Store, StoreOptions, Tx},
    tid::{Clock, SystemClock, Tid},
};
use samspor_gateway::policy::{Policy, PolicySource};
use samspor_koordinering::{Koordinering, historie::Personhistorie};
use samspor_nav::{Nav, historie::Navhistorie};
use samspor_rop::{Rop, historie::Kontakthistorie};
use serde::Deserialize;
use serde_json::Value;

use crate::serve::Part;

/// What is taken in, and whence.
#[derive(Debug, Clone)]
pub struct Valg {
    /// One JSON object a line.
    pub fil: PathBuf,
    /// Lines of one transaction.
    pub bunke: usize,
    /// What koordinering answered for the persons of the old system: then a
    /// line may name its reference for a person instead of the id.
    pub personer: Option<PathBuf>,
    /// The municipality whose units are known.
    pub kommune: String,
    /// Folder whose policy files stand in for the built-in ones.
    pub policy: Option<PathBuf>,
}

impl Valg {
    fn policy(&self) -> Result<Policy> {
        Ok(Policy::load(&PolicySource {
            kommune: self.kommune.clone(),
            katalog: self.policy.clone(),
        })?)
    }
}

/// What a part is configured with, of the parts that need it.
#[derive(Default)]
pub struct Egne {
    /// Of koordinering.
    pub koordinering: Option<samspor_koordinering::Settings>,
    /// Of boligkontor.
    pub boligregler: Option<Regler>,
}

/// Takes in a file. Lines that are refused are written to `FIL.avvist`, what
/// is answered about lines to `FIL.svar`.
///
/// # Errors
/// One line that says which file or database; what was committed before stays.
pub async fn run(
    part: Part,
    database_url: &str,
    egne: Egne,
    valg: &Valg,
    fortell: impl FnMut(&Framdrift),
) -> Result<Framdrift> {
    match part {
        Part::Gateway | Part::Avvik => bail!("{} has no history to take in", part.name()),
        Part::Nav => {
            let units = valg.policy()?.municipality().holders_of("moter_personen");
            let history = Navhistorie::new(units.into_iter().collect());
            importer::<Nav, _>(database_url, history, valg, fortell).await
        }
        Part::Boligkontor => {
            let rules = egne
                .boligregler
                .context("configuration: [boligkontor] is missing")?;
            ensure!(
                rules.kommune() == valg.kommune,
                "[boligkontor] has the rules of {}, and --kommune is {}",
                rules.kommune(),
                valg.kommune
            );
            let policy = valg.policy()?;
            let allocate = policy.municipality().holders_by("tildelingsmyndighet:");
            let history = Bolighistorie::new(allocate, rules);
            importer::<Boligkontor, _>(database_url, history, valg, fortell).await
        }
        Part::Koordinering => {
            let settings = egne
                .koordinering
                .context("configuration: [koordinering] is missing")?;
            let history = Personhistorie::new(settings);
            importer::<Koordinering, _>(database_url, history, valg, fortell).await
        }
        Part::Bestillerkontor => {
            let policy = valg.policy()?;
            let municipality = policy.municipality();
            let allocate = municipality.holders_by("tildelingsmyndighet:");
            let history = Vedtakshistorie::new(municipality.holders_of("utforer"), allocate);
            importer::<Bestillerkontor, _>(database_url, history, valg, fortell).await
        }
        Part::Rop => importer::<Rop, _>(database_url, Kontakthistorie, valg, fortell).await,
    }
}

async fn importer<A: Agency, H: Historie>(
    database_url: &str,
    historie: H,
    valg: &Valg,
    fortell: impl FnMut(&Framdrift),
) -> Result<Framdrift> {
    let file =
        File::open(&valg.fil).with_context(|| format!("cannot read {}", valg.fil.display()))?;
    let personer = match &valg.personer {
        None => HashMap::new(),
        Some(file) => read_personer(file)?,
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ids: Arc<dyn Ids> = Arc::new(RandomIds::new(Arc::clone(&clock)));
    let options = StoreOptions {
        page_cache: 256_000,
        ..StoreOptions::default()
    };
    let store = Store::open_with(database_url, A::migrations(), options, clock, ids).await?;
    let mut avvist = beside(&valg.fil, "avvist")?;
    let mut svar = beside(&valg.fil, "svar")?;
    let ut = Ut {
        avvist: &mut avvist,
        svar: &mut svar,
    };
    let historie = MedPersoner { historie, personer };
    let file = BufReader::new(file);
    let done = historie::importer(&store, &historie, file, ut, valg.bunke, fortell).await;
    store.close().await;
    done.map_err(|error| match error {
        Error::Storage(cause) => anyhow::Error::new(cause).context("the database failed"),
        other => anyhow::Error::new(other),
    })
    .with_context(|| {
        let file = valg.fil.display();
        format!("{file} was taken in in part: run the same again, nothing is doubled")
    })
}

/// A file beside another, for its owner alone: lines of a history are personal.
fn beside(file: &Path, what: &str) -> Result<BufWriter<File>> {
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".{what}"));
    let mut open = File::options();
    open.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut open, 0o600);
    let path = PathBuf::from(name);
    let made = open
        .open(&path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    // One that was there keeps the rights it had.
    #[cfg(unix)]
    made.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .with_context(|| format!("cannot keep {} from others", path.display()))?;
    Ok(BufWriter::new(made))
}

#[derive(Deserialize)]
struct Kobling {
    #[serde(rename = "ref")]
    referanse: String,
    person: String,
}

fn read_personer(file: &Path) -> Result<HashMap<String, String>> {
    let opened = File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut personer = HashMap::new();
    for (line, number) in BufReader::new(opened).lines().zip(1..) {
        let place = || format!("{} line {number}", file.display());
        let read: Kobling = serde_json::from_str(&line?).with_context(place)?;
        personer.insert(read.referanse, read.person);
    }
    Ok(personer)
}

/// A history whose lines may name persons as the old system did.
struct MedPersoner<H> {
    historie: H,
    personer: HashMap<String, String>,
}

impl<H: Historie> Historie for MedPersoner<H> {
    type Linje = H::Linje;
    const ENHET: &'static str = H::ENHET;
    const NUMMERFELT: Option<&'static str> = H::NUMMERFELT;

    fn les(&self, mut linje: Value, now: Tid) -> Result<H::Linje, Refusal> {
        if !self.personer.is_empty()
            && let Some(person) = linje.get_mut("person")
        {
            let known = person.as_str().and_then(|named| self.personer.get(named));
            let Some(id) = known else {
                let mut faults = FieldFaults::new();
                faults.form("person", "en referanse som står i filen med personer");
                return Err(faults.finish().err().unwrap_or_else(Refusal::not_found));
            };
            *person = Value::String(id.clone());
        }
        self.historie.les(linje, now)
    }

    fn lagre<'t>(
        &'t self,
        tx: &'t mut Tx,
        linjer: Vec<H::Linje>,
    ) -> BoxFuture<'t, Result<Lagret, Error>> {
        self.historie.lagre(tx, linjer)
    }
}
