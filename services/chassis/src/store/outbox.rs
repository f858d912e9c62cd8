//! What a transaction leaves for others: events, facts and deadlines, written
//! last, with numbers that are dense and in the order of commits.
//!
//! The counters are rows of `chassis_sekvens`, raised inside the transaction.
//! On PostgreSQL the row stays locked until the commit, so a reader that has
//! seen number n has seen every number below it: no late commit can hide.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Mutex, OnceLock, PoisonError},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use prost::Message as _;
use samspor_proto::felles::Faktum;

use super::{Params, Tx};
use crate::{error::Error, params, tid::Tid};

/// Sequence of all events of the service.
pub(crate) const EVENTS: &str = "hendelse";
/// Sequence of the facts.
pub(crate) const FACTS: &str = "faktum";

/// Rows of one INSERT at most.
const ROWS: usize = 50;

/// A thin event: what happened to which record, and whom it concerns.
#[derive(Debug, Clone)]
pub struct NewEvent<'a> {
    /// Type: `VedtakFattet`.
    pub type_: &'static str,
    /// The person, as id or as `personer/{id}`.
    pub person: &'a str,
    /// Name of the record; empty when it is about none.
    pub post: &'a str,
    /// Unit that owns the record, as id or as `enheter/{id}`.
    pub eier: &'a str,
    /// Units that it is addressed to, as ids or as names. One that occurs
    /// twice gets it once. `personer/{id}` is the person, who otherwise hears
    /// of what another unit than the owner was told.
    pub mottakere: Vec<String>,
}

/// A deadline of a record.
#[derive(Debug, Clone)]
pub struct NewDeadline {
    /// Name of the record.
    pub post: String,
    /// The person, as id or as `personer/{id}`.
    pub person: String,
    /// Kind: `evaluering`. A record has one deadline of a kind.
    pub kind: &'static str,
    /// When it is due.
    pub due: Tid,
    /// When to warn; none for no warning.
    pub warn: Option<Tid>,
    /// Unit that owns the record, as id or as `enheter/{id}`.
    pub eier: String,
    /// Units that hear of it.
    pub mottakere: Vec<String>,
}

pub(super) enum DeadlineChange {
    Set(NewDeadline),
    Clear { post: String, kind: &'static str },
}

pub(super) struct StoredEvent {
    id: String,
    type_: &'static str,
    person: String,
    post: String,
    eier: String,
    mottakere: BTreeSet<String>,
    tid: Tid,
}

fn id<'a>(name: &'a str, collection: &str) -> &'a str {
    name.strip_prefix(collection).unwrap_or(name)
}

fn unit_id(name: &str) -> String {
    id(name, "enheter/").to_owned()
}

fn person_id(name: &str) -> String {
    id(name, "personer/").to_owned()
}

impl StoredEvent {
    pub(super) fn new(id: String, event: NewEvent<'_>, tid: Tid) -> Self {
        let NewEvent {
            type_,
            person,
            post,
            eier,
            mottakere,
        } = event;
        Self {
            id,
            type_,
            person: person_id(person),
            post: post.to_owned(),
            eier: unit_id(eier),
            mottakere: mottakere.iter().map(|unit| unit_id(unit)).collect(),
            tid,
        }
    }
}

/// What a transaction will emit.
#[derive(Default)]
pub(super) struct Outbox {
    pub(super) events: Vec<StoredEvent>,
    pub(super) facts: Vec<Faktum>,
    pub(super) deadlines: Vec<DeadlineChange>,
}

impl Outbox {
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty() && self.facts.is_empty() && self.deadlines.is_empty()
    }

    /// Writes all of it; gives the number of the last fact, 0 for none.
    pub(super) async fn write(self, tx: &mut Tx) -> Result<i64, Error> {
        let Self {
            events,
            facts,
            deadlines,
        } = self;
        let traceparent = tx.traceparent();
        write_deadlines(tx, deadlines, &traceparent).await?;
        if events.is_empty() && facts.is_empty() {
            return Ok(0);
        }
        let mut numbers = Numbers::take(tx, &events, facts.len()).await?;

        let (mut event_rows, mut recipient_rows) = (Vec::new(), Vec::new());
        for event in events {
            let nr = numbers.next(EVENTS)?;
            for mottaker in event.mottakere {
                recipient_rows.push(vec![mottaker.into(), nr.into()]);
            }
            event_rows.push(vec![
                nr.into(),
                event.id.into(),
                event.type_.to_owned().into(),
                event.person.into(),
                event.post.into(),
                event.eier.into(),
                event.tid.0.into(),
                traceparent.clone().into(),
            ]);
        }
        let (mut fact_rows, mut last_fact) = (Vec::new(), 0);
        for fact in facts {
            last_fact = numbers.next(FACTS)?;
            fact_rows.push(vec![
                last_fact.into(),
                BASE64_STANDARD.encode(fact.encode_to_vec()).into(),
                traceparent.clone().into(),
            ]);
        }
        insert(tx, "INSERT INTO chassis_hendelse (nr, id, type, person, post, eier, tid, traceparent) VALUES ", "", event_rows).await?;
        insert(
            tx,
            "INSERT INTO chassis_hendelse_mottaker (mottaker, hendelse) VALUES ",
            "",
            recipient_rows,
        )
        .await?;
        insert(
            tx,
            "INSERT INTO chassis_faktum (nr, faktum, traceparent) VALUES ",
            "",
            fact_rows,
        )
        .await?;
        Ok(last_fact)
    }
}

/// Writes what became of each deadline in the end: of several changes of one,
/// the last counts. In the order of their keys, so that two transactions never
/// wait for each other. One that is set again as it was goes on running.
async fn write_deadlines(
    tx: &mut Tx,
    changes: Vec<DeadlineChange>,
    traceparent: &str,
) -> Result<(), Error> {
    let mut last = BTreeMap::new();
    for change in changes {
        match change {
            DeadlineChange::Set(deadline) => {
                last.insert((deadline.post.clone(), deadline.kind), Some(deadline));
            }
            DeadlineChange::Clear { post, kind } => {
                last.insert((post, kind), None);
            }
        }
    }
    let now = tx.now();
    let (mut rows, mut runs) = (Vec::new(), Vec::new());
    for ((post, kind), set) in last {
        let Some(deadline) = set else {
            tx.execute(
                "DELETE FROM chassis_frist WHERE post = $1 AND type = $2",
                params![post.as_str(), kind],
            )
            .await?;
            tx.execute(
                "UPDATE chassis_fristlop SET avsluttet = $1 \
                 WHERE post = $2 AND type = $3 AND avsluttet IS NULL",
                params![now, post, kind],
            )
            .await?;
            continue;
        };
        let eier = unit_id(&deadline.eier);
        tx.execute(
            "UPDATE chassis_fristlop SET avsluttet = $1 WHERE post = $2 AND type = $3 \
             AND avsluttet IS NULL AND (forfall <> $4 OR eier <> $5)",
            params![now, post.as_str(), kind, deadline.due, eier.as_str()],
        )
        .await?;
        let mottakere: BTreeSet<_> = deadline.mottakere.iter().map(|u| unit_id(u)).collect();
        let mottakere = mottakere.into_iter().collect::<Vec<_>>().join(" ");
        let due = deadline.due;
        // A warning that would come with or after the due time is none.
        let next = deadline.warn.filter(|warn| *warn < due).unwrap_or(due);
        let person = person_id(&deadline.person);
        runs.push(vec![
            tx.new_id().into(),
            post.as_str().into(),
            kind.into(),
            person.as_str().into(),
            eier.as_str().into(),
            mottakere.as_str().into(),
            now.into(),
            due.into(),
            traceparent.into(),
        ]);
        rows.push(vec![
            post.into(),
            kind.into(),
            person.into(),
            eier.into(),
            mottakere.into(),
            due.into(),
            next.into(),
            traceparent.into(),
        ]);
    }
    insert(
        tx,
        "INSERT INTO chassis_frist (post, type, person, eier, mottakere, forfall, neste, traceparent) VALUES ",
        " ON CONFLICT (post, type) DO UPDATE SET person = excluded.person, \
         eier = excluded.eier, mottakere = excluded.mottakere, forfall = excluded.forfall, \
         neste = excluded.neste, varslet = NULL, brutt = NULL, traceparent = excluded.traceparent",
        rows,
    )
    .await?;
    insert(
        tx,
        "INSERT INTO chassis_fristlop (id, post, type, person, eier, mottakere, satt, forfall, traceparent) VALUES ",
        " ON CONFLICT (post, type) WHERE avsluttet IS NULL DO NOTHING",
        runs,
    )
    .await?;
    Ok(())
}

/// Numbers taken from the sequences for this transaction.
struct Numbers(HashMap<String, std::ops::RangeInclusive<i64>>);

impl Numbers {
    /// Raises every sequence that is needed, in one statement. In the order of
    /// names, so that two transactions never wait for each other.
    async fn take(tx: &mut Tx, events: &[StoredEvent], facts: usize) -> Result<Self, Error> {
        let mut wanted = BTreeMap::<String, i64>::new();
        if !events.is_empty() {
            let count = i64::try_from(events.len()).map_err(Error::internal)?;
            wanted.insert(EVENTS.to_owned(), count);
        }
        if facts > 0 {
            let count = i64::try_from(facts).map_err(Error::internal)?;
            wanted.insert(FACTS.to_owned(), count);
        }
        let mut taken = HashMap::new();
        let sql = statement(
            "INSERT INTO chassis_sekvens (navn, nr) VALUES ",
            2,
            wanted.len(),
            " ON CONFLICT (navn) DO UPDATE SET nr = chassis_sekvens.nr + excluded.nr RETURNING navn, nr",
        );
        let values = wanted.iter().fold(Params::new(), |values, (name, count)| {
            values.and(name.as_str()).and(*count)
        });
        for (name, last) in tx.all::<(String, i64)>(sql, values).await? {
            let count = wanted.get(&name).copied().unwrap_or_default();
            taken.insert(name, last - count + 1..=last);
        }
        Ok(Self(taken))
    }

    fn next(&mut self, sequence: &str) -> Result<i64, Error> {
        self.0
            .get_mut(sequence)
            .and_then(Iterator::next)
            .ok_or_else(|| Error::internal("a sequence gave too few numbers"))
    }
}

/// One value of a row to insert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A TEXT column.
    Text(String),
    /// A BIGINT column.
    Number(i64),
    /// A TEXT column that is empty.
    Null,
    /// No number.
    NoNumber,
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Option<&str>> for Value {
    fn from(text: Option<&str>) -> Self {
        text.map_or(Self::Null, Self::from)
    }
}

impl From<Option<Tid>> for Value {
    fn from(at: Option<Tid>) -> Self {
        at.map_or(Self::NoNumber, Self::from)
    }
}

impl From<Tid> for Value {
    fn from(at: Tid) -> Self {
        Self::Number(at.0)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

/// A row to insert.
pub type Row = Vec<Value>;

/// Inserts rows of one width, several in a statement; gives the number of rows
/// that were inserted.
pub(super) async fn insert(
    tx: &mut Tx,
    into: &'static str,
    tail: &'static str,
    rows: Vec<Row>,
) -> Result<u64, Error> {
    let width = rows.first().map_or(0, Vec::len);
    let mut inserted = 0;
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let mut count = 0;
        let mut values = Params::new();
        for row in rows.by_ref().take(ROWS) {
            count += 1;
            values = row.into_iter().fold(values, |values, value| match value {
                Value::Text(text) => values.and(text),
                Value::Number(number) => values.and(number),
                Value::Null => values.and(None::<String>),
                Value::NoNumber => values.and(None::<i64>),
            });
        }
        let sql = statement(into, width, count, tail);
        inserted += tx.execute(sql, values).await?;
    }
    Ok(inserted)
}

/// What makes a statement's text: head, tail and number of rows.
type Text = (&'static str, &'static str, usize);

/// The text of a statement with `rows` times `width` placeholders. Each text is
/// made once and kept for good; there are at most [`ROWS`] of each kind.
fn statement(head: &'static str, width: usize, rows: usize, tail: &'static str) -> &'static str {
    static TEXTS: OnceLock<Mutex<HashMap<Text, &'static str>>> = OnceLock::new();
    let mut texts = TEXTS
        .get_or_init(Mutex::default)
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    texts.entry((head, tail, rows)).or_insert_with(|| {
        let row = |row: usize| {
            let columns: Vec<_> = (1..=width)
                .map(|column| format!("${}", row * width + column))
                .collect();
            format!("({})", columns.join(", "))
        };
        let rows: Vec<_> = (0..rows).map(row).collect();
        format!("{head}{}{tail}", rows.join(", ")).leak()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Guards against: with texts that are kept by their head alone.
    #[test]
    fn a_text_is_kept_with_its_tail() {
        let head = "INSERT INTO t (a) VALUES ";
        assert_eq!(statement(head, 1, 1, ""), "INSERT INTO t (a) VALUES ($1)");
        let tail = " ON CONFLICT DO NOTHING";
        let text = "INSERT INTO t (a) VALUES ($1) ON CONFLICT DO NOTHING";
        assert_eq!(statement(head, 1, 1, tail), text);
    }

    #[test]
    fn placeholders_are_numbered_through() {
        assert_eq!(
            statement("INSERT INTO t (a, b) VALUES ", 2, 3, " RETURNING a"),
            "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4), ($5, $6) RETURNING a"
        );
    }
}
