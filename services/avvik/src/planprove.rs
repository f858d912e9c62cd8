//! What the statements of the service cost when there are many avvik.

use samspor_chassis::{
    server::Agency as _,
    testing::{
        self,
        plans::{Allowed, growing},
    },
};

use crate::{Avvik, anonymprove, avvik, kilderprove, statistikk};

/// Statements that read more than they give, and why it does no harm.
const ALLOWED: &[Allowed] = &[
    (
        "FROM avvikholdt WHERE kodesum >= $1",
        "what one reporter said on one day, of which the report is one row",
    ),
    ("SELECT CAST(count(*)", "a test looks"),
    (
        "SELECT id, kodesum, nr, dag, innhold FROM avvikholdt",
        "once a day, all of the days before: there is no history of what is held",
    ),
    ("SELECT innhold FROM avviksdetalj ORDER", "a test looks"),
    ("SELECT faktum FROM chassis_faktum", "a test looks"),
    (
        "SELECT h.type FROM chassis_hendelse_mottaker m",
        "a test looks",
    ),
];

/// Ten thousand avvik of fifty units.
const SEED: &[&str] = &[
    "INSERT INTO avvik (id, versjon, tilstand, melder_enhet, ansvarlig_enhet, meldt, apne_deler, \
     apne_tiltak, tilbakemeldt, innhold) \
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
     SELECT 'a' || i, 1, CASE WHEN i > 9500 THEN 'MELDT' ELSE 'LUKKET' END, 'e' || (i % 50), \
     'e' || (i % 50), i, 0, 0, i, '{}' FROM n",
    "INSERT INTO avvikskilde (arsak, avvik) SELECT 'k' || id, id FROM avvik",
    "INSERT INTO avvikspart (avvik, enhet, meldt, tilstand, venter) \
     SELECT id, melder_enhet, meldt, tilstand, CASE WHEN tilstand = 'MELDT' THEN 1 ELSE 0 END \
     FROM avvik",
    "INSERT INTO avvikspart (avvik, enhet, meldt, tilstand, venter) \
     SELECT id, 'nav', meldt, tilstand, CASE WHEN tilstand = 'MELDT' THEN 1 ELSE 0 END FROM avvik",
    "INSERT INTO avviksdetalj (id, avvik, melder_enhet, innhold) \
     SELECT 'd' || id, id, melder_enhet, '{}' FROM avvik",
    "INSERT INTO avviksvedlegg (detalj, nr, helse, navn, innhold) \
     SELECT id, 1, 0, 'a.txt', '' FROM avviksdetalj",
    "INSERT INTO avvikstall (tid, avvik, versjon, nr, innhold) \
     SELECT meldt, id, 1, 0, '{}' FROM avvik",
    "INSERT INTO publisert_avvikstall (maned, innhold) \
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) \
     SELECT 'm' || i, '' FROM n",
    "INSERT INTO avvikskode (kodesum, avvik) SELECT 's' || id, id FROM avvik",
    "INSERT INTO avvikholdt (id, kodesum, nr, dag, innhold) \
     SELECT 'h' || id, 's' || id, 1, 5, '' FROM avvik WHERE tilstand = 'MELDT'",
    "INSERT INTO avviksmelding (id, mottaker, avvik, steg, enhet, tid, kvittert) \
     SELECT 'm' || id, melder_enhet, id, 'AvvikMeldt', 'nav', meldt, \
     CASE WHEN tilstand = 'MELDT' THEN NULL ELSE 1 END FROM avvik",
    "INSERT INTO chassis_frist (post, type, person, eier, mottakere, forfall, neste, traceparent) \
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) \
     SELECT 'x' || i, 't', '', 'rop', 'rop', i, i, '' FROM n",
    "INSERT INTO chassis_brukt (nokkel, innholdssum, fakta_nr, utloper) \
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) \
     SELECT 'j/' || i, '', 0, i FROM n",
    "INSERT INTO chassis_hendelse (nr, id, type, person, post, eier, tid, traceparent) \
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
     SELECT i, 'h' || i, 't', '', '', 'rop', i, '' FROM n",
    "INSERT INTO chassis_hendelse_mottaker (mottaker, hendelse) SELECT 'rop', nr FROM chassis_hendelse",
    "INSERT INTO chassis_faktum (nr, faktum, traceparent) SELECT nr, '', '' FROM chassis_hendelse",
];

/// Seen red: without the index of what waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_statement_grows_with_the_history() {
    avvik::prove::hver(testing::sqlite).await;
    avvik::varselprove::hver(testing::sqlite).await;
    kilderprove::hver(testing::sqlite).await;
    anonymprove::hver(testing::sqlite).await;
    statistikk::prove::hver(testing::sqlite).await;
    let mut growing_ones = String::new();
    for database in [Some(testing::sqlite()), testing::postgres()] {
        let Some(database) = database else { continue };
        let store = database.open(Avvik::migrations()).await;
        growing_ones += &growing(&store, SEED, ALLOWED).await;
    }
    assert!(growing_ones.is_empty(), "\n{growing_ones}");
}
