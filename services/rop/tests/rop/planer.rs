//! What the statements of the service cost when the history is long.

use samspor_chassis::{
    server::Agency as _,
    testing::{
        self,
        plans::{Allowed, growing},
    },
};
use samspor_rop::Rop;

use crate::{
    arbeidsliste, dekning, historie, kontakter, leveranser, omgjort, oppfolging, rettelser, tall,
};

/// Statements that read more than they give, and why it does no harm.
const ALLOWED: &[Allowed] = &[
    (
        "FROM kontakt k WHERE k.tiltak = t.id",
        "contacts under one tiltak within a period; the index holds their outcome",
    ),
    (
        "COUNT(*) AS BIGINT) FROM hovedforlop",
        "a figure of the unit: counted in the index alone",
    ),
    (
        "COUNT(*) AS BIGINT) FROM plandekning",
        "a figure of the unit: counted in the index alone, from those who had it that day",
    ),
    (
        "tilbud_apent = 1 AND tidspunkt <= $2",
        "what one person waits to be offered again is one thing, or some",
    ),
    (
        "AND k.utfall = 'TAKKET_NEI' AND k.tidspunkt",
        "asked when a contact was wrong: what one person had declined before it",
    ),
    (
        "UPDATE tiltak SET forst_mott = COALESCE",
        "asked when a contact was wrong: contacts under one tiltak, in the index alone",
    ),
    (
        "COUNT(*) AS BIGINT) FROM tiltak",
        "a figure of the unit: counted in the index alone, from the first who waited",
    ),
    (
        "AND (dag, id) < ($4, $5) ORDER BY dag DESC",
        "a page begins within a day and passes over what is before it on that day",
    ),
    (
        "AND (ekskluderer &",
        "the offers of a municipality are some dozens, and are no history",
    ),
    (
        "SELECT CAST(COUNT(*) AS BIGINT) FROM chassis_",
        "a test looks",
    ),
    (
        "SELECT CAST(COUNT(*) AS BIGINT) FROM oppgave",
        "a test looks",
    ),
    ("SELECT CAST(SUM(tilbud_apent)", "a test looks"),
    (
        "SELECT h.type FROM chassis_hendelse_mottaker m",
        "a test looks",
    ),
];

/// Rows of a table of `src/lager.rs`.
macro_rules! lagret {
    ($table:literal, $tilstand:literal) => {
        concat!(
            "INSERT INTO ",
            $table,
            " (id, person, versjon, ansvarlig_enhet, tilstand, nokkel, frist, innhold) \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
             SELECT 'x' || i, 'p' || (i % 500), 1, 'rop', ",
            $tilstand,
            ", '' || i, i, '{}' FROM n"
        )
    };
}

/// Some thousand rows of each table: 500 persons with a long history each.
const SEED: &[&str] = &[
    "INSERT INTO kontakt (id, person, ansvarlig_enhet, utfall, tidspunkt, tilbud_apent, innhold, \
     minutter, tiltak) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n \
     WHERE i < 20000) SELECT 'k' || i, 'p' || (i % 500), 'rop', \
     CASE WHEN i % 10 = 0 THEN 'TAKKET_NEI' WHEN i % 10 = 1 THEN 'IKKE_MOTT' ELSE 'MOTT' END, \
     1700000000000000 + i, CASE WHEN i % 1000 = 0 THEN 1 ELSE 0 END, '{}', 30, \
     CASE WHEN i % 2 = 0 THEN 't' || (i % 1000) ELSE '' END FROM n",
    "INSERT INTO notat (id, person, slag, ansvarlig_enhet, innhold, retter) \
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
     SELECT 'n' || i, 'p' || (i % 500), CASE WHEN i % 2 = 0 THEN 'AAPENT' ELSE 'BEGRENSET' END, \
     'rop', '{}', CASE WHEN i % 100 = 0 THEN 'n' || (i - 1) ELSE '' END FROM n",
    "INSERT INTO risikovurdering (id, person, versjon, ansvarlig_enhet, nyeste, utloper, innhold) \
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) \
     SELECT 'r' || i, 'p' || (i % 500), 1, 'rop', CASE WHEN i > 4500 THEN 1 ELSE 0 END, i, '{}' \
     FROM n",
    "INSERT INTO kriseplan (id, person, versjon, nr, ansvarlig_enhet, nyeste, innhold) \
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) \
     SELECT 'k' || i, 'p' || (i % 500), 1, 1 + i / 500, 'rop', \
     CASE WHEN i > 4500 THEN 1 ELSE 0 END, '{}' FROM n",
    "INSERT INTO behandlerforhold (id, person, versjon, ansvarlig_enhet, ansatt, apent, innhold) \
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) \
     SELECT 'b' || i, 'p' || (i % 500), 1, 'rop', 'a' || (i % 70), \
     CASE WHEN i > 4500 THEN 1 ELSE 0 END, '{}' FROM n",
    "INSERT INTO oppgave (id, person, versjon, ansvarlig_enhet, tilstand, type, post, venter, \
     innhold, frist) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
     SELECT 'o' || i, 'p' || (i % 500), 1, 'rop', CASE WHEN i % 20 = 0 THEN 'APEN' \
     ELSE 'BORTFALT' END, CASE WHEN i % 3 = 0 THEN 'TILBAKEMELDING' ELSE 'EVALUERING' END, \
     'x' || i, CASE WHEN i % 20 = 0 THEN 1 ELSE 0 END, '{}', i FROM n",
    "INSERT INTO lavterskel (id, enhet, dag, type, antall, innhold, rettet) \
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) \
     SELECT 'l' || i, 'rop', '20' || (10 + i % 17) || '-01-01', 1, 1, '{}', CASE WHEN i % 50 = 0 THEN 1 ELSE 0 END FROM n",
    "INSERT INTO aktivitetstilbud (id, enhet, versjon, aktivt, ekskluderer, innhold) \
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) \
     SELECT 'a' || i, 'e' || (i % 20), 1, i % 2, 0, '{}' FROM n",
    "INSERT INTO plandekning (person, plan, enhet, har, fra, til) \
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
     SELECT 'p' || (i / 8), 1 + i % 4, 'rop', CASE WHEN i % 3 = 0 THEN 0 ELSE 1 END, i, \
     CASE WHEN i % 8 < 4 THEN 9223372036854775807 ELSE i + 1 END FROM n",
    "INSERT INTO publisert_statistikk (id, innhold) \
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) \
     SELECT 's' || i, '{}' FROM n",
    lagret!(
        "planlagt_kontakt",
        "CASE WHEN i % 20 = 0 THEN 'APEN' ELSE 'LUKKET' END"
    ),
    lagret!(
        "tilbakemelding",
        "CASE WHEN i % 20 = 0 THEN 'APEN' ELSE 'LUKKET' END"
    ),
    lagret!(
        "tiltak",
        "CASE WHEN i % 20 = 0 THEN 'APEN' ELSE 'LUKKET' END"
    ),
    lagret!(
        "oppfolging",
        "CASE WHEN i > 9500 THEN 'APEN' ELSE 'LUKKET' END"
    ),
    "INSERT INTO kjent_oppdrag (navn, person, apent) \
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
     SELECT 'o' || i, 'p' || (i % 500), CASE WHEN i % 20 = 0 THEN 1 ELSE 0 END FROM n",
    lagret!(
        "behandlingsplan",
        "CASE WHEN i > 9500 THEN 'APEN' ELSE 'LUKKET' END"
    ),
    lagret!(
        "hovedforlop",
        "CASE WHEN i > 9500 THEN 'APEN' ELSE 'LUKKET' END"
    ),
    lagret!(
        "kontaktplan",
        "CASE WHEN i > 9500 THEN 'APEN' ELSE 'LUKKET' END"
    ),
    lagret!(
        "primaerkontakt",
        "CASE WHEN i > 9500 THEN 'APEN' ELSE 'LUKKET' END"
    ),
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

/// Seen red: without `kontakt_ventende`, with which a contact is registered
/// without reading those before it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_statement_grows_with_the_history() {
    crate::hver(testing::sqlite).await;
    kontakter::hver(testing::sqlite).await;
    leveranser::hver(testing::sqlite).await;
    tall::hver(testing::sqlite).await;
    arbeidsliste::hver(testing::sqlite).await;
    historie::hver(testing::sqlite).await;
    dekning::hver(testing::sqlite).await;
    rettelser::hver(testing::sqlite).await;
    omgjort::hver(testing::sqlite).await;
    oppfolging::hver(testing::sqlite).await;
    let mut growing_ones = String::new();
    for database in [Some(testing::sqlite()), testing::postgres()] {
        let Some(database) = database else { continue };
        let store = database.open(Rop::migrations()).await;
        growing_ones += &growing(&store, SEED, ALLOWED).await;
    }
    assert!(growing_ones.is_empty(), "\n{growing_ones}");
}
