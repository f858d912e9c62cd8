//! How the databases carry out what the handlers really run.
//!
//! Every statement of a [`Tx`](crate::store::Tx) leaves its text here. A
//! service runs its own scenarios and then has each text planned, on SQLite
//! and on PostgreSQL: no table is read as a whole, nothing is sorted, and
//! nothing is read only to be passed over, so that what a statement costs does
//! not grow with the history beside what it asks for. What does so anyway
//! stands in one list, with the reason.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::{Mutex, PoisonError},
};

use sqlx::{AnyConnection, AssertSqlSafe, Executor as _, Row as _};

use crate::store::{Backend, Store};

static RAN: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

pub(crate) fn ran(sql: &'static str) {
    RAN.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(sql);
}

/// Texts of the statements that this process has run.
#[must_use]
pub fn statements() -> BTreeSet<&'static str> {
    RAN.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// A statement that may do what a statement must not: a part of its text, and
/// why it does no harm.
pub type Allowed = (&'static str, &'static str);

/// What the statements of the chassis may do.
const CHASSIS: &[Allowed] = &[(
    "DELETE FROM chassis_brukt WHERE nokkel IN",
    "PostgreSQL may read the whole table, which holds what has not expired",
)];

/// Has every statement of the scenarios planned by the database of the store:
/// empty, and filled by `seed` and analysed. `seed` is SQL that both databases
/// know. Gives a line for every statement whose cost grows and that `allowed`
/// does not name; empty when all is well.
///
/// # Panics
/// When a table of the store occurs in no statement, or `allowed` names one
/// that never ran.
pub async fn growing(store: &Store, seed: &[&'static str], allowed: &[Allowed]) -> String {
    let allowed: Vec<Allowed> = CHASSIS.iter().chain(allowed).copied().collect();
    let mut examiner = Examiner::new(store).await;
    let statements: Vec<&str> = statements()
        .into_iter()
        .filter(|sql| !sql.contains("pg_advisory"))
        .collect();
    for table in examiner
        .tables
        .keys()
        .filter(|t| !t.starts_with("chassis_"))
    {
        let named = statements
            .iter()
            .any(|sql| words(sql).any(|word| word == table));
        assert!(named, "no scenario reaches the table {table}");
    }
    let mut report = String::new();
    for filled in [false, true] {
        if !filled && store.backend() == Backend::Postgres {
            // It measures its tables by itself, and plans nothing in empty ones.
            continue;
        }
        if filled {
            for sql in seed {
                examiner.run(sql).await;
            }
            examiner.run("ANALYZE").await;
        }
        for sql in &statements {
            let faults = examiner.faults(sql).await;
            if faults.is_empty() {
                continue;
            }
            if !allowed.iter().any(|(part, _)| sql.contains(part)) {
                let state = if filled { "filled" } else { "empty" };
                let (backend, faults) = (store.backend(), faults.join("\n    "));
                let _ = writeln!(report, "{backend:?}, {state}: {sql}\n    {faults}");
            }
        }
    }
    for (part, reason) in allowed.iter().skip(CHASSIS.len()) {
        let ran = statements.iter().any(|sql| sql.contains(part));
        assert!(ran && !reason.is_empty(), "allowed, and never ran: {part}");
    }
    report
}

/// A column of an index, or what a partial index demands.
#[derive(Debug, Default)]
struct Index {
    table: String,
    unique: bool,
    columns: Vec<String>,
    /// What follows WHERE.
    predicate: String,
}

struct Examiner {
    backend: Backend,
    connection: sqlx::pool::PoolConnection<sqlx::Any>,
    /// Columns by table.
    tables: BTreeMap<String, BTreeSet<String>>,
    indexes: BTreeMap<String, Index>,
}

impl Examiner {
    async fn new(store: &Store) -> Self {
        let connection = store.writers().acquire().await.expect("a connection");
        let mut examiner = Self {
            backend: store.backend(),
            connection,
            tables: BTreeMap::new(),
            indexes: BTreeMap::new(),
        };
        let (columns, indexes) = match examiner.backend {
            Backend::Sqlite => (
                "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c \
                 WHERE m.type = 'table'",
                "SELECT m.name, i.name, CAST(i.\"unique\" AS TEXT), c.name, COALESCE(x.sql, '') \
                 FROM sqlite_master m, pragma_index_list(m.name) i, pragma_index_info(i.name) c, \
                 sqlite_master x WHERE m.type = 'table' AND x.name = i.name ORDER BY i.name, c.seqno",
            ),
            Backend::Postgres => {
                // Plans for any value, as a prepared statement has after a while.
                examiner
                    .run("SET plan_cache_mode = force_generic_plan")
                    .await;
                examiner.run("SET enable_seqscan = off").await;
                (
                    "SELECT table_name::text, column_name::text FROM information_schema.columns \
                     WHERE table_schema = 'public'",
                    "SELECT c.relname::text, i.relname::text, \
                     CASE WHEN x.indisunique THEN '1' ELSE '0' END, a.attname::text, \
                     pg_get_indexdef(x.indexrelid) FROM pg_index x \
                     JOIN pg_class i ON i.oid = x.indexrelid \
                     JOIN pg_class c ON c.oid = x.indrelid \
                     JOIN pg_attribute a ON a.attrelid = i.oid \
                     JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' \
                     ORDER BY i.relname, a.attnum",
                )
            }
        };
        for row in examiner.texts(columns).await {
            if let [table, column] = row.as_slice() {
                let columns = examiner.tables.entry(table.clone()).or_default();
                columns.insert(column.clone());
            }
        }
        examiner
            .tables
            .retain(|table, _| !table.ends_with("migrering"));
        for row in examiner.texts(indexes).await {
            let [table, name, unique, column, sql] = row.as_slice() else {
                continue;
            };
            let index = examiner.indexes.entry(name.clone()).or_default();
            index.table.clone_from(table);
            index.unique = unique == "1";
            index.columns.push(column.clone());
            let predicate = sql.split_once(" WHERE ").map(|(_, rest)| rest);
            predicate
                .unwrap_or_default()
                .clone_into(&mut index.predicate);
        }
        examiner
    }

    async fn run(&mut self, sql: &str) {
        let text = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        let connection: &mut AnyConnection = &mut self.connection;
        if let Err(fault) = connection.execute(text).await {
            panic!("{fault}: {sql}");
        }
    }

    async fn texts(&mut self, sql: &str) -> Vec<Vec<String>> {
        let connection: &mut AnyConnection = &mut self.connection;
        let rows = connection
            .fetch_all(sqlx::raw_sql(AssertSqlSafe(sql.to_owned())))
            .await
            .unwrap_or_else(|fault| panic!("{fault}: {sql}"));
        let row = |row: &sqlx::any::AnyRow| (0..row.len()).map(|n| row.get(n)).collect();
        rows.iter().map(row).collect()
    }

    /// What makes the statement cost more than what it asks for.
    async fn faults(&mut self, sql: &str) -> Vec<String> {
        match self.backend {
            Backend::Sqlite => self.faults_sqlite(sql).await,
            Backend::Postgres => self.faults_postgres(sql).await,
        }
    }

    async fn faults_sqlite(&mut self, sql: &str) -> Vec<String> {
        let plan = format!("EXPLAIN QUERY PLAN {sql}");
        let connection: &mut AnyConnection = &mut self.connection;
        let rows = connection
            .fetch_all(sqlx::raw_sql(AssertSqlSafe(plan)))
            .await
            .unwrap_or_else(|fault| panic!("{fault}: {sql}"));
        let steps: Vec<String> = rows.iter().map(|row| row.get::<String, _>(3)).collect();
        let mut faults = Vec::new();
        // Columns that are looked for, by table; none where one row is found.
        let mut sought = BTreeMap::<&str, Option<String>>::new();
        for step in &steps {
            let values = step.contains("CONSTANT ROW") || step.contains("VALUES CLAUSE");
            if step.starts_with("SCAN") && !values {
                faults.push(step.clone());
            }
            if step.contains("TEMP B-TREE") {
                faults.push(step.clone());
            }
            let used = step.split_once(" INDEX ").map(|(_, rest)| rest);
            let Some((name, terms)) = used.and_then(|rest| rest.split_once(" (")) else {
                continue;
            };
            let Some(index) = self.indexes.get(name) else {
                continue;
            };
            let equal = |column: &String| {
                words(terms).any(|word| word == column) && terms.contains(&format!("{column}=?"))
            };
            let entry = sought.entry(&index.table).or_insert(Some(String::new()));
            if index.unique
                && index.columns.iter().all(equal)
                && entry.as_ref().is_none_or(String::is_empty)
            {
                *entry = None;
            } else if let Some(text) = entry {
                let _ = write!(text, " {terms} {}", index.predicate);
            }
        }
        let asked = self.asked(sql);
        for (table, found) in sought {
            let Some(found) = found else { continue };
            let columns = self.tables.get(table);
            let missing = columns.into_iter().flatten().filter(|column| {
                asked.contains(&(table, column.as_str()))
                    && !words(&found).any(|word| word == column.as_str())
            });
            for column in missing {
                faults.push(format!(
                    "{table}.{column} is read and passed over: {}",
                    steps.join("; ")
                ));
            }
        }
        faults
    }

    /// Columns that a statement compares, each with its table.
    fn asked<'a>(&'a self, sql: &'a str) -> BTreeSet<(&'a str, &'a str)> {
        let tokens: Vec<&str> = sql.split_whitespace().collect();
        let mut alias = BTreeMap::new();
        for triple in tokens.windows(3) {
            let [word, table, name] = triple else {
                continue;
            };
            if ["FROM", "JOIN", "UPDATE", "INTO"].contains(word) {
                let name = name.trim_end_matches([',', ')']);
                if let Some((table, _)) = self.tables.get_key_value(*table) {
                    alias.insert(name, table.as_str());
                }
            }
        }
        let mut asked = BTreeSet::new();
        for part in condition(sql) {
            for word in part.split(|c: char| !(c.is_alphanumeric() || "_$.".contains(c))) {
                if let Some((name, column)) = word.split_once('.') {
                    asked.extend(alias.get(name).map(|table| (*table, column)));
                    continue;
                }
                let with = self
                    .tables
                    .iter()
                    .filter(|(_, columns)| columns.contains(word));
                asked.extend(with.map(|(table, _)| (table.as_str(), word)));
            }
        }
        asked
    }

    async fn faults_postgres(&mut self, sql: &str) -> Vec<String> {
        let values = (1..).take_while(|n| words(sql).any(|word| word == format!("${n}")));
        let nulls: Vec<&str> = values.map(|_| "NULL").collect();
        self.run(&format!("PREPARE undersokt AS {sql}")).await;
        let arguments = match nulls.as_slice() {
            [] => String::new(),
            nulls => format!("({})", nulls.join(", ")),
        };
        let plan = format!("EXPLAIN (COSTS OFF) EXECUTE undersokt{arguments}");
        let lines: Vec<String> = self.texts(&plan).await.into_iter().flatten().collect();
        self.run("DEALLOCATE undersokt").await;
        let mut faults = Vec::new();
        let (mut node, mut cond) = (String::new(), String::new());
        let mut open = false;
        for line in lines.iter().map(|line| line.trim()) {
            let step = line.strip_prefix("->  ").or_else(|| {
                let first = line == lines.first().map_or("", |first| first.trim());
                first.then_some(line)
            });
            if let Some(step) = step {
                if open {
                    faults.push(format!("no condition: {node}"));
                }
                step.clone_into(&mut node);
                cond.clear();
                open = step.contains("Index Scan") || step.contains("Index Only Scan");
                if step.starts_with("Seq Scan") || step.starts_with("Sort") {
                    faults.push(step.to_owned());
                }
            } else if line.starts_with("Index Cond") {
                line.clone_into(&mut cond);
                open = false;
            } else if let Some(filter) = line.strip_prefix("Filter: ")
                && !self.finds_one(&node, &cond)
                && !self.says(&node, filter)
            {
                faults.push(format!("{node}: {cond}: {line}"));
            }
        }
        if open {
            faults.push(format!("no condition: {node}"));
        }
        faults
    }

    /// Whether the partial index of a step says what a filter asks again.
    fn says(&self, node: &str, filter: &str) -> bool {
        let used = words(node).find_map(|word| self.indexes.get(word));
        used.is_some_and(|used| used.predicate.contains(filter))
    }

    /// Whether a condition on the index of a step finds at most one row: it
    /// names all columns of a unique index of the table.
    fn finds_one(&self, node: &str, cond: &str) -> bool {
        let equal = |column: &String| {
            cond.contains(&format!("({column} = ")) || cond.contains(&format!(".{column} = "))
        };
        let used = words(node).find_map(|word| self.indexes.get(word));
        used.is_some_and(|used| {
            let whole = |index: &Index| index.unique && index.predicate.is_empty();
            let unique = self.indexes.values().filter(|index| whole(index));
            (used.unique && used.columns.iter().all(equal))
                || unique
                    .filter(|index| index.table == used.table)
                    .any(|index| index.columns.iter().all(equal))
        })
    }
}

/// What follows each WHERE, up to what orders and cuts the answer.
fn condition(sql: &str) -> impl Iterator<Item = &str> {
    sql.split("WHERE ").skip(1).map(|part| {
        let end = ["ORDER BY", "GROUP BY", "LIMIT", "RETURNING"]
            .iter()
            .filter_map(|word| part.find(word))
            .min();
        part.get(..end.unwrap_or(part.len())).unwrap_or_default()
    })
}

/// Words of a text, names and placeholders alike.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'))
        .filter(|word| !word.is_empty())
}
