//! What the statements of the service cost when the history is long.

use samspor_chassis::testing::{
    self,
    plans::{Allowed, growing},
};

use crate::{
    MIGRATIONS, ansvarsprove, avslagsprove, eierprove, forlopsprove, fristprove, historie,
    kartleggingsprove, kortvarigprove, leveringsprove, rettsprove, saksprove, soknadprove,
    statistikkprove,
};

/// Statements that read more than they give, and why it does no harm.
const ALLOWED: &[Allowed] = &[
    (
        "FROM vedtak WHERE soknad = $1 ORDER BY id",
        "an application has a vedtak for each unit that decides on it",
    ),
    (
        "SELECT DISTINCT o.enhet FROM vedtak v JOIN oppdrag o",
        "the units of one application, each once",
    ),
    (
        "WHERE bestiller = $1 AND startet >= $2",
        "the own orders of a unit that also orders are few",
    ),
    (
        "WHERE bestiller = $1 AND (slutt, id)",
        "the own orders of a unit that also orders are few",
    ),
    (
        "SELECT id FROM oppdrag WHERE enhet = 'rop' AND person = $1",
        "a test looks",
    ),
    ("SELECT tilstand FROM vedtak", "a test looks"),
    (
        "SELECT enhet || ' ' || tilstand FROM oppdrag",
        "a test looks",
    ),
    ("SELECT enhet FROM hovedansvar", "a test looks"),
    ("SELECT enhet, antall FROM hovedansvar", "a test looks"),
    ("SELECT h.type || ' ' || h.eier", "a test looks"),
    ("SELECT faktum FROM chassis_faktum", "a test looks"),
    (
        "SELECT CAST(forfall AS TEXT) FROM chassis_frist",
        "a test looks",
    ),
    ("SELECT DISTINCT enhet FROM ventepost", "a test looks"),
    ("SELECT id FROM kartlegging", "a test looks"),
    ("SELECT id FROM soknad", "a test looks"),
    ("SELECT slutt FROM oppdrag", "a test looks"),
    ("SELECT id, versjon FROM soknad UNION ALL", "a test looks"),
    (
        "SELECT h.type FROM chassis_hendelse_mottaker m",
        "a test looks",
    ),
    (
        "SELECT m.mottaker FROM chassis_hendelse_mottaker m",
        "a test looks",
    ),
];

/// Some thousand rows of each table: 500 persons with a long history each.
const SEED: &[&str] = &[
    "INSERT INTO publiserte_tall (id, innhold) WITH RECURSIVE n(i) AS (SELECT 1 \
     UNION ALL SELECT i + 1 FROM n WHERE i < 2000) SELECT 's' || i, '{}' FROM n",
    "INSERT INTO soknad (id, person, versjon, tilstand, ansvarlig_enhet, innhold) \
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
     SELECT 's' || i, 'p' || (i % 500), 1, CASE WHEN i % 20 = 0 THEN 'KLAR' ELSE 'VEDTATT' END, \
     'bestillerkontor', '{}' FROM n",
    "INSERT INTO kartlegging (id, person, versjon, ansvarlig_enhet, soknad, innhold, tilstand, \
     utgave) SELECT 'k' || id, person, 1, ansvarlig_enhet, id, '{}', 'FERDIG', 1 FROM soknad",
    "INSERT INTO kartlegging_utgave (kartlegging, utgave, tilstand, innhold) \
     SELECT id, 2, CASE WHEN soknad < 's2' THEN 'PAGAR' ELSE 'FERDIG' END, '{}' FROM kartlegging",
    "INSERT INTO vedtak (id, person, versjon, tilstand, ansvarlig_enhet, soknad, hovedansvarlig, \
     innhold) SELECT 'v' || id, person, 1, 'IVERKSATT', ansvarlig_enhet, id, 'rop', '{}' FROM soknad",
    "INSERT INTO vedtak_versjon (vedtak, nr, innhold) SELECT id, 1, '{}' FROM vedtak",
    "INSERT INTO hovedansvar (person, enhet, antall) \
     SELECT person, 'rop', COUNT(*) FROM vedtak GROUP BY person",
    "INSERT INTO oppdrag (id, person, versjon, tilstand, vedtak, linje_id, bestiller, enhet, \
     ansvarlig_enhet, innhold) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n \
     WHERE i < 20000) SELECT 'o' || i, 'p' || (i % 500), 1, \
     CASE WHEN i % 20 = 0 THEN 'STARTET' ELSE 'AVSLUTTET' END, \
     CASE WHEN i % 50 = 1 THEN NULL ELSE 'vs' || (1 + i % 10000) END, 'l' || i, \
     'bestillerkontor', 'rop', 'rop', '{}' FROM n",
    "UPDATE oppdrag SET tilbudt = LENGTH(id), startet = LENGTH(id) * 1000000 + LENGTH(person), \
     slutt = CASE WHEN tilstand = 'STARTET' THEN 9223372036854775807 \
     ELSE LENGTH(linje_id) * 100000 + LENGTH(person) END",
    "INSERT INTO klage (id, person, versjon, tilstand, ansvarlig_enhet, vedtak, innhold) \
     SELECT 'k' || id, person, 1, CASE WHEN id < 'vs2' THEN 'MOTTATT' ELSE 'AVGJORT' END, \
     ansvarlig_enhet, id, '{}' FROM vedtak",
    "INSERT INTO ventepost (id, enhet, post, type, person, venter_pa, siden, frist, brutt) \
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
     SELECT 'w' || i, 'rop', 'x' || i, 'SVAR', 'p' || (i % 500), 'rop', i, i, 0 FROM n",
    "INSERT INTO chassis_frist (post, type, person, eier, mottakere, forfall, neste, traceparent) \
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) \
     SELECT 'x' || i, 't', 'p', 'rop', 'rop', i, i, '' FROM n",
    "INSERT INTO chassis_brukt (nokkel, innholdssum, fakta_nr, utloper) \
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) \
     SELECT 'j/' || i, '', 0, i FROM n",
    "INSERT INTO chassis_hendelse (nr, id, type, person, post, eier, tid, traceparent) \
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
     SELECT i, 'h' || i, 't', 'p' || (i % 500), '', 'rop', i, '' FROM n",
    "INSERT INTO chassis_hendelse_mottaker (mottaker, hendelse) SELECT 'rop', nr FROM chassis_hendelse",
    "INSERT INTO chassis_faktum (nr, faktum, traceparent) SELECT nr, '', '' FROM chassis_hendelse",
];

/// Seen red: without `oppdrag_uavsluttet`, with which what goes on under a
/// vedtak is found without reading what has ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_statement_grows_with_the_history() {
    eierprove::hver(testing::sqlite).await;
    forlopsprove::hver(testing::sqlite).await;
    ansvarsprove::hver(testing::sqlite).await;
    rettsprove::hver(testing::sqlite).await;
    avslagsprove::hver(testing::sqlite).await;
    kartleggingsprove::hver(testing::sqlite).await;
    fristprove::hver(testing::sqlite).await;
    saksprove::hver(testing::sqlite).await;
    soknadprove::hver(testing::sqlite).await;
    kortvarigprove::hver(testing::sqlite).await;
    leveringsprove::hver(testing::sqlite).await;
    historie::tests::hver(testing::sqlite).await;
    statistikkprove::hver(testing::sqlite).await;
    let mut growing_ones = String::new();
    for database in [Some(testing::sqlite()), testing::postgres()] {
        let Some(database) = database else { continue };
        let store = database.open(MIGRATIONS).await;
        growing_ones += &growing(&store, SEED, ALLOWED).await;
    }
    assert!(growing_ones.is_empty(), "\n{growing_ones}");
}
