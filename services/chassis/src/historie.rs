//! Taking in a history: what another system kept, line by line, in chunks.
//!
//! A file has one record a line, as JSON. Each chunk of lines is one
//! transaction with one commit. Nothing is doubled: the id of a record follows
//! from its reference in the old system and its time ([`post_id`]), so a file
//! that broke off is run again from its beginning. Nothing is lost: a line
//! that cannot be taken in is written aside with its number, the fields at
//! fault and what it said, while the others go in.
//!
//! What a record of a history leaves behind for others is its service's to
//! say; docs/adr/0013 has the rule: facts of what still holds, no events.

use std::{
    collections::BTreeMap,
    io::{self, BufRead, Write},
    sync::Arc,
};

use futures::future::BoxFuture;
use ring::digest;
use samspor_proto::{felles::Faktum, tilgang::Formal};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Builder;

use crate::{
    call::Call,
    domene::{Virkninger, kalender, vakt, virkning::Fristendring},
    error::{Error, FieldFaults, Refusal},
    store::{Store, Tx},
    tid::Tid,
};

/// Months until a clock that starts anew has run.
const NY_FRIST_MANEDER: i32 = 1;

/// A kind of history that a service takes in.
pub trait Historie: Send + Sync {
    /// A line that has been read.
    type Linje: Send + 'static;

    /// Id of the unit in whose name the history is taken in.
    const ENHET: &'static str;

    /// The one field in which an identity number may stand.
    const NUMMERFELT: Option<&'static str> = None;

    /// Reads a line; everything that needs no look at the store.
    ///
    /// # Errors
    /// With every field at fault.
    fn les(&self, linje: Value, now: Tid) -> Result<Self::Linje, Refusal>;

    /// Stores the lines of a chunk. A line that is refused has changed nothing.
    fn lagre<'t>(
        &'t self,
        tx: &'t mut Tx,
        linjer: Vec<Self::Linje>,
    ) -> BoxFuture<'t, Result<Lagret, Error>>;
}

/// What became of the lines of a chunk.
#[derive(Debug, Default)]
pub struct Lagret {
    /// Records that are new.
    pub nye: u64,
    /// Places in the chunk of lines that were refused, and why.
    pub avvist: Vec<(usize, Refusal)>,
    /// What is told about the lines, one JSON object each.
    pub svar: Vec<Value>,
}

/// How far an import has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Framdrift {
    /// Lines that were read.
    pub lest: u64,
    /// Records that are new.
    pub nye: u64,
    /// Lines that were taken in before.
    pub fantes: u64,
    /// Lines that were written aside.
    pub avvist: u64,
    /// Transactions.
    pub bunker: u64,
}

/// Where an import writes what it says of single lines.
pub struct Ut<'a> {
    /// Lines that were refused.
    pub avvist: &'a mut (dyn Write + Send),
    /// What the service tells about lines.
    pub svar: &'a mut (dyn Write + Send),
}

/// What has followed from the steps of a record so far, and was not taken back.
#[derive(Default)]
pub struct Gjelder {
    fakta: BTreeMap<String, Faktum>,
    frister: BTreeMap<(String, &'static str), Fristendring>,
}

impl Gjelder {
    /// Takes what follows from a step; a later step replaces an earlier one.
    pub fn ta(&mut self, out: Virkninger) {
        for fact in out.fakta {
            self.fakta.insert(fact.id.clone(), fact);
        }
        for change in out.frister {
            let key = match &change {
                Fristendring::Sett(deadline) => (deadline.post.clone(), deadline.kind),
                Fristendring::Slett { post, kind } => (post.clone(), *kind),
            };
            self.frister.insert(key, change);
        }
    }

    /// What holds now: relations that have not ended, and clocks that run; one
    /// that would have run out before starts anew.
    #[must_use]
    pub fn na(self, now: Tid) -> Virkninger {
        let holds = |fact: &Faktum| {
            let period = fact.periode.as_ref();
            let ends = period.and_then(|period| period.til);
            ends.is_none_or(|til| Tid::try_from(til).is_ok_and(|til| til > now))
        };
        let mut out = Virkninger::new();
        out.fakta = self.fakta.into_values().filter(holds).collect();
        for change in self.frister.into_values() {
            let Fristendring::Sett(mut deadline) = change else {
                continue;
            };
            if deadline.due <= now {
                let anew = kalender::maneder_etter(now, NY_FRIST_MANEDER);
                deadline.due = kalender::til_arbeidsdag(anew);
                deadline.warn = None;
            }
            out.frister.push(Fristendring::Sett(deadline));
        }
        out
    }
}

/// Id of a record of a history: UUIDv7 with the time of what happened, so that
/// lists have it in its place, and bits that follow from its reference.
#[must_use]
pub fn post_id(slag: &str, referanse: &str, tid: Tid) -> String {
    let digest = digest::digest(&digest::SHA256, format!("{slag}\0{referanse}").as_bytes());
    let mut bytes = [0; 10];
    for (to, from) in bytes.iter_mut().zip(digest.as_ref()) {
        *to = *from;
    }
    let millis = u64::try_from(tid.0 / 1_000).unwrap_or_default();
    let id = Builder::from_unix_timestamp_millis(millis, &bytes);
    id.into_uuid().to_string()
}

/// Reads a JSON object as the line of a service.
///
/// # Errors
/// A fault of the field `linje` that says what is wrong with its shape.
pub fn som<T: DeserializeOwned>(linje: Value) -> Result<T, Refusal> {
    serde_json::from_value(linje).map_err(|fault| {
        let mut faults = FieldFaults::new();
        faults.form("linje", fault);
        refused(faults)
    })
}

fn refused(faults: FieldFaults) -> Refusal {
    faults.finish().err().unwrap_or_else(Refusal::not_found)
}

/// Takes in a file in chunks of `bunke` lines, and tells after each of them how
/// far it has come.
///
/// # Errors
/// Storage, and when a file cannot be read or written. What was committed
/// before stays; the same file can be run again.
pub async fn importer<H: Historie>(
    store: &Store,
    historie: &H,
    fil: impl BufRead,
    ut: Ut<'_>,
    bunke: usize,
    mut fortell: impl FnMut(&Framdrift),
) -> Result<Framdrift, Error> {
    let method = "/chassis/importer";
    let call = Arc::new(Call::own_work(H::ENHET, Formal::Unspecified, method, ""));
    let mut framdrift = Framdrift::default();
    let mut lines = fil.lines().zip(1_u64..).peekable();
    while lines.peek().is_some() {
        let now = store.clock().now();
        let (mut texts, mut read) = (Vec::new(), Vec::new());
        for (text, number) in lines.by_ref().take(bunke.max(1)) {
            let text = text.map_err(Error::internal)?;
            if text.trim().is_empty() {
                continue;
            }
            framdrift.lest += 1;
            match les_linje(historie, &text, now) {
                Ok(line) => {
                    texts.push((number, text));
                    read.push(line);
                }
                Err(refusal) => {
                    framdrift.avvist += 1;
                    legg_til_side(ut.avvist, number, &text, &refusal).map_err(Error::internal)?;
                }
            }
        }
        let count = texts.len() as u64;
        if count > 0 {
            let mut tx = store.begin(call.clone()).await?;
            let stored = match historie.lagre(&mut tx, read).await {
                Ok(stored) => stored,
                Err(error) => {
                    tx.roll_back().await;
                    return Err(error);
                }
            };
            for (place, refusal) in &stored.avvist {
                let Some((number, text)) = texts.get(*place) else {
                    return Err(Error::internal("a line was refused that was not read"));
                };
                legg_til_side(ut.avvist, *number, text, refusal).map_err(Error::internal)?;
            }
            ut.avvist.flush().map_err(Error::internal)?;
            tx.save().await?;
            for told in &stored.svar {
                writeln!(ut.svar, "{told}").map_err(Error::internal)?;
            }
            let refused = stored.avvist.len() as u64;
            framdrift.bunker += 1;
            framdrift.nye += stored.nye;
            framdrift.avvist += refused;
            framdrift.fantes += count - refused - stored.nye;
        }
        fortell(&framdrift);
    }
    for file in [ut.avvist, ut.svar] {
        file.flush().map_err(Error::internal)?;
    }
    Ok(framdrift)
}

fn les_linje<H: Historie>(historie: &H, text: &str, now: Tid) -> Result<H::Linje, Refusal> {
    let mut faults = FieldFaults::new();
    let line = match serde_json::from_str::<Value>(text) {
        Ok(line) if line.is_object() => line,
        Ok(_) => {
            faults.form("linje", "et JSON-objekt på én linje");
            return Err(refused(faults));
        }
        Err(fault) => {
            let place = format_args!("gyldig JSON; feil ved tegn {}", fault.column());
            faults.form("linje", place);
            return Err(refused(faults));
        }
    };
    uten_nummer(&line, "", H::NUMMERFELT, &mut faults);
    faults.finish()?;
    historie.les(line, now)
}

/// No identity number stands in a text: the gateway would have refused it in a
/// request, and nothing else looks at an import.
fn uten_nummer(value: &Value, path: &str, may: Option<&str>, faults: &mut FieldFaults) {
    match value {
        Value::String(text) if may != Some(path) && vakt::har_nummer(text) => {
            faults.form(path.to_owned(), "en tekst uten fødselsnummer");
        }
        Value::Array(values) => {
            for (place, value) in values.iter().enumerate() {
                uten_nummer(value, &format!("{path}[{place}]"), may, faults);
            }
        }
        Value::Object(fields) => {
            let dot = if path.is_empty() { "" } else { "." };
            for (name, value) in fields {
                uten_nummer(value, &format!("{path}{dot}{name}"), may, faults);
            }
        }
        _ => {}
    }
}

fn legg_til_side(
    file: &mut (dyn Write + Send),
    number: u64,
    text: &str,
    refusal: &Refusal,
) -> io::Result<()> {
    let faults: Vec<Value> = if refusal.felt.is_empty() {
        vec![json!({ "grunn": refusal.grunn.as_str_name(), "detaljer": refusal.nokler })]
    } else {
        let fault = |fault: &crate::error::FieldFault| {
            json!({
                "felt": fault.felt,
                "grunn": fault.grunn.as_str_name(),
                "detaljer": fault.nokler,
            })
        };
        refusal.felt.iter().map(fault).collect()
    };
    let said = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
    writeln!(
        file,
        "{}",
        json!({ "linje": number, "feil": faults, "innhold": said })
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use futures::FutureExt as _;

    use super::*;
    use crate::{params, testing::Database};

    crate::on_both_databases! {
        bad_lines_are_written_aside_and_the_rest_goes_in,
        what_broke_off_is_run_again_and_nothing_is_doubled,
    }

    const TABELL: crate::store::Migrations = &[(
        "001",
        "CREATE TABLE ting (id TEXT PRIMARY KEY, navn TEXT NOT NULL)",
    )];

    struct Ting;

    impl Historie for Ting {
        type Linje = (String, String);
        const ENHET: &'static str = "rop";

        fn les(&self, linje: Value, _: Tid) -> Result<Self::Linje, Refusal> {
            let (referanse, navn): (String, String) = som(json!([linje["ref"], linje["navn"]]))?;
            Ok((post_id("ting", &referanse, Tid(0)), navn))
        }

        fn lagre<'t>(
            &'t self,
            tx: &'t mut Tx,
            linjer: Vec<Self::Linje>,
        ) -> BoxFuture<'t, Result<Lagret, Error>> {
            async move {
                let mut stored = Lagret::default();
                for (place, (id, navn)) in linjer.into_iter().enumerate() {
                    if navn == "stopp" {
                        return Err(Error::internal("the store is gone"));
                    }
                    if navn == "nei" {
                        stored.avvist.push((place, Refusal::conflict("navn")));
                        continue;
                    }
                    let row = vec![vec![id.into(), navn.into()]];
                    let into = "INSERT INTO ting (id, navn) VALUES ";
                    stored.nye += tx.insert(into, " ON CONFLICT DO NOTHING", row).await?;
                }
                Ok(stored)
            }
            .boxed()
        }
    }

    async fn take(store: &Store, text: &str) -> (Result<Framdrift, Error>, Vec<Value>) {
        let (mut aside, mut told) = (Vec::new(), Vec::new());
        let ut = Ut {
            avvist: &mut aside,
            svar: &mut told,
        };
        let done = importer(store, &Ting, text.as_bytes(), ut, 2, |_| {}).await;
        let aside = String::from_utf8(aside).unwrap();
        let aside = aside
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        (done, aside.collect())
    }

    async fn count(store: &Store) -> i64 {
        let call = crate::testing::TestCall::new("rop").build();
        let mut tx = store.begin_read(call).await.unwrap();
        let sql = "SELECT CAST(COUNT(*) AS BIGINT) FROM ting";
        tx.one::<(i64,)>(sql, params![]).await.unwrap().unwrap().0
    }

    /// Guards against: without the look for identity numbers; with numbers of lines
    /// that count only sound ones.
    async fn bad_lines_are_written_aside_and_the_rest_goes_in(database: Database) {
        let store = database.open(TABELL).await;
        let text = "{\"ref\":\"1\",\"navn\":\"a\"}\n\nikke json\n[1]\n\
            {\"ref\":\"2\",\"navn\":\"ring 12908099980\"}\n{\"ref\":3,\"navn\":\"c\"}\n\
            {\"ref\":\"4\",\"navn\":\"nei\"}\n{\"ref\":\"5\",\"navn\":\"e\"}";
        let (done, aside) = take(&store, text).await;
        let expected = Framdrift {
            lest: 7,
            nye: 2,
            fantes: 0,
            avvist: 5,
            bunker: 2,
        };
        assert_eq!(done.unwrap(), expected);
        let told: Vec<(u64, &str)> = aside
            .iter()
            .map(|line| {
                let fault = &line["feil"][0];
                let what = fault["felt"].as_str().or(fault["grunn"].as_str());
                (line["linje"].as_u64().unwrap(), what.unwrap())
            })
            .collect();
        let konflikt = Refusal::conflict("navn").grunn.as_str_name();
        let expected = [
            (3, "linje"),
            (4, "linje"),
            (5, "navn"),
            (6, "linje"),
            (7, konflikt),
        ];
        assert_eq!(told, expected);
        assert_eq!(aside[0]["innhold"], "ikke json");
        assert_eq!(aside[2]["innhold"]["ref"], "2");
        assert_eq!(count(&store).await, 2);
    }

    /// Guards against: with ids that are made anew each time; with a commit for each
    /// line.
    async fn what_broke_off_is_run_again_and_nothing_is_doubled(database: Database) {
        let store = database.open(TABELL).await;
        let line = |n: u32, navn: &str| format!("{{\"ref\":\"{n}\",\"navn\":\"{navn}\"}}\n");
        let mut broken: String = (0..4).map(|n| line(n, "x")).collect();
        broken.push_str(&line(4, "stopp"));
        let (done, _) = take(&store, &broken).await;
        assert!(done.is_err());
        assert_eq!(count(&store).await, 4, "two whole chunks");
        let whole: String = (0..7).map(|n| line(n, "x")).collect();
        let (done, aside) = take(&store, &whole).await;
        let expected = Framdrift {
            lest: 7,
            nye: 3,
            fantes: 4,
            avvist: 0,
            bunker: 4,
        };
        assert_eq!(done.unwrap(), expected);
        assert!(aside.is_empty());
        assert_eq!(count(&store).await, 7);
        assert_eq!(store.commits(), 6, "one for each chunk");
    }

    #[test]
    fn an_id_follows_from_the_reference_and_sorts_by_time() {
        let early = post_id("a", "1", Tid(1_500_000_000_000_000));
        assert_eq!(early, post_id("a", "1", Tid(1_500_000_000_000_000)));
        assert_ne!(early, post_id("b", "1", Tid(1_500_000_000_000_000)));
        assert!(early < post_id("a", "0", Tid(1_600_000_000_000_000)));
    }
}
