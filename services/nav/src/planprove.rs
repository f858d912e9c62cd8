//! What the statements of the service cost when the history is long.

#![allow(clippy::unwrap_used, reason = "tests")]

use samspor_chassis::{
    server::Agency as _,
    testing::{
        self,
        plans::{Allowed, growing},
    },
};

use crate::{
    Nav, historie, klokkeprove, nattprove, oppfolgingsprove, oppholdprove, plassprove, stengtprove,
    utestengelseprove,
};

/// Statements that read more than they give, and why it does no harm.
const ALLOWED: &[Allowed] = &[
    (
        "COUNT(*) AS BIGINT) FROM kontanter",
        "a figure of the unit: counted in the index alone",
    ),
    (
        "ROW_NUMBER() OVER (PARTITION BY p.id",
        "a migration, which is run once",
    ),
    ("DELETE FROM seng WHERE nr > 0", "a test forgets"),
    ("SELECT opphold, plass FROM seng", "a test looks"),
    ("SELECT id FROM opphold WHERE tilstand", "a test looks"),
    ("SELECT faktum FROM chassis_faktum", "a test looks"),
    ("SELECT neste FROM chassis_frist WHERE post", "a test looks"),
    (
        "FROM plass p WHERE p.enhet = $1",
        "an import asks what a place is called; dozens of places",
    ),
    (
        "SELECT h.type, h.post, h.tid FROM chassis_hendelse_mottaker m",
        "a test looks",
    ),
    (
        "SELECT h.type FROM chassis_hendelse_mottaker m",
        "a test looks",
    ),
    (
        "SELECT h.post FROM chassis_hendelse_mottaker m",
        "a test looks",
    ),
    (
        "SELECT CAST(COUNT(*) AS BIGINT) FROM chassis_hendelse",
        "a test looks",
    ),
];

/// Rows of a table of records of persons.
macro_rules! lagret {
    ($table:literal) => {
        concat!(
            "INSERT INTO ",
            $table,
            " (id, person, versjon, ansvarlig_enhet, tilstand, nokkel, frist, innhold) \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
             SELECT 'x' || i, 'p' || (i % 500), 1, 'nav', \
             CASE WHEN i > 9500 THEN 'APEN' ELSE 'LUKKET' END, '' || i, i, '{}' FROM n"
        )
    };
}

/// Some thousand rows of each table: 500 persons with a long history each.
const SEED: &[&str] = &[
    lagret!("sak"),
    lagret!("botilbud"),
    lagret!("opphold"),
    lagret!("utestengelse"),
    lagret!("henvendelse"),
    lagret!("rad"),
    lagret!("livsopphold"),
    lagret!("forvaltning"),
    lagret!("brukererfaring"),
    "INSERT INTO natt_uten (botilbud, natt, enhet, person, grunn) \
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
     SELECT 'x' || i, '20' || (10 + i % 17) || '-01-' || (10 + i % 20), 'nav', 'p' || (i % 500), 0 \
     FROM n",
    "INSERT INTO natt_stengt (opphold, natt, enhet, person) \
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
     SELECT 'x' || i, '20' || (10 + i % 17) || '-01-' || (10 + i % 20), 'nav', 'p' || (i % 500) \
     FROM n",
    "INSERT INTO kontanter (botilbud, enhet, dag) \
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) \
     SELECT 'x' || i, 'nav', '20' || (10 + i % 17) || '-01-' || (10 + i % 20) FROM n",
    "INSERT INTO publisert_nattall (id, innhold) \
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) \
     SELECT 's' || i, '{}' FROM n",
    "INSERT INTO plass (id, enhet, versjon, aktiv, leverandor, innhold) \
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) \
     SELECT 'a' || i, 'e' || (i % 20), 1, i % 2, 'l' || i, '{}' FROM n",
    "INSERT INTO seng (opphold, plass, nr) \
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
     SELECT 'x' || i, 'a' || (i % 2000 + 1), i FROM n",
    "INSERT INTO oppgave (id, person, versjon, ansvarlig_enhet, tilstand, type, post, venter, \
     innhold, frist) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
     SELECT 'o' || i, 'p' || (i % 500), 1, 'nav', CASE WHEN i % 20 = 0 THEN 'APEN' \
     ELSE 'BORTFALT' END, CASE WHEN i % 3 = 0 THEN 'BOTILBUD' ELSE 'FOR_NATTEN' END, \
     'x' || i, CASE WHEN i % 20 = 0 THEN 1 ELSE 0 END, '{}', i FROM n",
    "INSERT INTO chassis_frist (post, type, person, eier, mottakere, forfall, neste, traceparent) \
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) \
     SELECT 'x' || i, 't', 'p', 'nav', 'nav', i, i, '' FROM n",
    "INSERT INTO chassis_brukt (nokkel, innholdssum, fakta_nr, utloper) \
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) \
     SELECT 'j/' || i, '', 0, i FROM n",
    "INSERT INTO chassis_hendelse (nr, id, type, person, post, eier, tid, traceparent) \
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
     SELECT i, 'h' || i, 't', 'p' || (i % 500), '', 'nav', i, '' FROM n",
    "INSERT INTO chassis_hendelse_mottaker (mottaker, hendelse) SELECT 'nav', nr FROM chassis_hendelse",
    "INSERT INTO chassis_faktum (nr, faktum, traceparent) SELECT nr, '', '' FROM chassis_hendelse",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_statement_grows_with_the_history() {
    nattprove::hver(testing::sqlite).await;
    plassprove::hver(testing::sqlite).await;
    oppholdprove::hver(testing::sqlite).await;
    klokkeprove::hver(testing::sqlite).await;
    stengtprove::hver(testing::sqlite).await;
    historie::prove::hver(testing::sqlite).await;
    utestengelseprove::hver(testing::sqlite).await;
    oppfolgingsprove::hver(testing::sqlite).await;
    let mut growing_ones = String::new();
    for database in [Some(testing::sqlite()), testing::postgres()] {
        let Some(database) = database else { continue };
        let store = database.open(Nav::migrations()).await;
        growing_ones += &growing(&store, SEED, ALLOWED).await;
    }
    assert!(growing_ones.is_empty(), "\n{growing_ones}");
}
