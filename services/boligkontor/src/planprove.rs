//! What the statements of the service cost when the stock is large and the
//! history long.

use samspor_chassis::{
    server::Agency as _,
    testing::{
        self,
        plans::{Allowed, growing},
    },
};

use crate::{
    Boligkontor, arbeidsordre, behov, beleggprove, bolig, boligsak, driftprove, historie,
    leieforhold, reservasjon, restansesak,
};

/// Statements that read more than they give, and why it does no harm.
const ALLOWED: &[Allowed] = &[
    (
        "WHERE b.nokkel >= $1 AND b.nokkel <= $2",
        "a register that is taken in, held against the one that is there",
    ),
    (
        "FROM ko WHERE tildelingstype = $1 AND til > $2",
        "who stands on the list now; of a past day, those who came off it since too",
    ),
    (
        "b.tildelingstype = $1 AND b.tilstand = $2 AND b.nokkel > $3 ORDER BY",
        "PostgreSQL may walk the numbers instead, past those of another type or state",
    ),
    ("UPDATE ko SET til = CASE", "the versions of one case"),
    (
        "FROM leieforhold WHERE nokkel = $1 AND fra < $2",
        "the tenancies of one dwelling",
    ),
    (
        "SELECT r.innhold FROM bolig b JOIN reservasjon r",
        "reservations that are open: as many as dwellings that are held",
    ),
    (
        "FROM restansesak WHERE person = $1 AND nokkel = $2",
        "the joint cases of one tenant",
    ),
    ("SELECT CAST(COUNT(*) AS BIGINT) FROM bolig", "a test looks"),
    ("SELECT CAST(forfall AS TEXT)", "a test looks"),
    (
        "UPDATE boligbehov SET til = CASE",
        "the versions of one case",
    ),
    (
        "INSERT INTO boligtilstand (bolig, tildelingstype",
        "what one dwelling was",
    ),
    (
        "FROM tomgang t JOIN bolig b ON b.id = t.bolig",
        "the overview: a year of what stood empty",
    ),
    (
        "FROM opphold WHERE person = $1 AND til > $2",
        "the stays of one person",
    ),
    (
        "FROM opphold WHERE person = $1 AND startet",
        "the stays of one person",
    ),
    (
        "FROM opphold WHERE til > $1 AND fra <= $1",
        "the overview: who was in temporary housing",
    ),
    (
        "FROM boligbehov WHERE til > $1 AND fra <= $1",
        "the overview: who waited",
    ),
    (
        "FROM bolig WHERE siden <= $1 AND NOT EXISTS",
        "the overview: the stock",
    ),
    (
        "FROM boligtilstand WHERE til > $1 AND fra <= $1",
        "the overview: the stock as it was",
    ),
    ("SELECT id FROM arbeidsordre", "a test looks"),
    ("SELECT innhold FROM arbeidsordre UNION", "a test looks"),
    ("SELECT fra, til FROM ko", "a test looks"),
    ("SELECT status FROM boligbehov", "a test looks"),
    ("SELECT post FROM chassis_frist", "a test looks"),
    ("SELECT type FROM chassis_frist", "a test looks"),
    ("SELECT ansvarlig_enhet FROM boligsak", "a test looks"),
    (
        "SELECT innhold FROM reservasjon WHERE nokkel = $1",
        "who had one dwelling held",
    ),
    ("SELECT arsak, fra, til FROM tomgang", "a test looks"),
    ("SELECT b.nokkel FROM belegg k", "a test looks"),
    ("SELECT b.nokkel, b.tilstand, (SELECT", "a test looks"),
    ("SELECT b.tilstand, k.post, t.arsak", "a test looks"),
    ("SELECT faktum FROM chassis_faktum", "a test looks"),
    ("SELECT nokkel || ' ' || tilstand", "a test looks"),
    ("SELECT tilstand FROM leieforhold", "a test looks"),
    (
        "SELECT h.post FROM chassis_hendelse_mottaker m",
        "a test looks",
    ),
    (
        "SELECT h.type FROM chassis_hendelse_mottaker m",
        "a test looks",
    ),
];

/// Rows of a table of records of persons.
macro_rules! lagret {
    ($table:literal) => {
        concat!(
            "INSERT INTO ",
            $table,
            " (id, person, versjon, ansvarlig_enhet, tilstand, nokkel, frist, innhold, fra) \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
             SELECT 'x' || i, 'p' || (i % 500), 1, 'rop', \
             CASE WHEN i > 9500 THEN 'APEN' ELSE 'LUKKET' END, 'b' || i, i, '{}', i FROM n"
        )
    };
}

/// Rows of a table of records of dwellings.
macro_rules! boligpost {
    ($table:literal) => {
        concat!(
            "INSERT INTO ",
            $table,
            " (id, bolig, versjon, tilstand, nokkel, frist, innhold) \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
             SELECT 'y' || i, 'b' || i, 1, CASE WHEN i > 9500 THEN 'APEN' ELSE 'LUKKET' END, \
             'FEILMELDING', i, '{}' FROM n"
        )
    };
}

/// Some thousand dwellings, and 500 persons with a long history each.
const SEED: &[&str] = &[
    "INSERT INTO bolig (id, versjon, nokkel, tildelingstype, omrade, tilstand, siden, innhold) \
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
     SELECT 'b' || i, 1, 'k' || i, CASE i % 4 WHEN 0 THEN 'hardfor' WHEN 1 THEN 'omsorgsbolig' \
     WHEN 2 THEN 'midlertidig' ELSE 'kommunal_utleie' END, 'o' || (i % 20), \
     CASE i % 37 WHEN 0 THEN 'RESERVERT' WHEN 1 THEN 'LEDIG' WHEN 2 THEN 'KLARGJORES' \
     WHEN 3 THEN 'UTE_AV_DRIFT' WHEN 4 THEN 'AVVIKLET' ELSE 'UTLEID' END, i, '{}' FROM n",
    "INSERT INTO belegg (bolig, post, siden) \
     SELECT id, 'post/' || id, siden FROM bolig WHERE tilstand IN ('UTLEID', 'RESERVERT')",
    "INSERT INTO tomgang (id, bolig, arsak, merknad, fra, til, kostnad_per_dag) \
     SELECT 't' || id, id, 'KLARGJORING', '', siden, siden + 1, 1 FROM bolig",
    "INSERT INTO tomgang (id, bolig, arsak, merknad, fra, til, kostnad_per_dag) \
     SELECT 'u' || id, id, 'KLARGJORING', '', siden + 2, NULL, 1 FROM bolig \
     WHERE tilstand NOT IN ('UTLEID', 'AVVIKLET')",
    lagret!("reservasjon"),
    lagret!("leieforhold"),
    lagret!("restansesak"),
    lagret!("boligsak"),
    lagret!("bekymring"),
    boligpost!("arbeidsordre"),
    boligpost!("nabohenvendelse"),
    "INSERT INTO boligsak_versjon (sak, versjon, innhold) SELECT id, 1, '{}' FROM boligsak",
    "INSERT INTO ko (sak, versjon, person, enhet, tildelingstype, fra, til, siden, grunner, behov, \
     tildelt) SELECT id, 1, person, 'rop', 'kommunal_utleie', fra, \
     CASE WHEN tilstand = 'APEN' THEN 9223372036854775807 ELSE fra + 1 END, fra, '[]', '{}', \
     CASE WHEN tilstand = 'APEN' THEN 0 ELSE 1 END FROM boligsak",
    "INSERT INTO boligbehov (sak, versjon, person, tildelingstype, status, siden, fra, til, onsket) \
     SELECT sak, versjon, person, tildelingstype, 'PA_LISTEN', siden, fra, til, '{}' FROM ko",
    "INSERT INTO opphold (post, person, startet, slutt, fra, til, klokke_fra) \
     SELECT 'n' || id, person, fra, CASE WHEN tilstand = 'APEN' THEN NULL ELSE fra + 1 END, fra, \
     CASE WHEN tilstand = 'APEN' THEN 9223372036854775807 ELSE fra + 1 END, fra FROM boligsak",
    "INSERT INTO boligtilstand (bolig, tildelingstype, tilstand, fra, til) \
     SELECT id, tildelingstype, 'LEDIG', siden - 1, siden FROM bolig",
    "INSERT INTO publisert_behov (maned, innhold) \
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) \
     SELECT 'm' || i, '{}' FROM n",
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

/// Seen red: without the index of when a dwelling stood empty.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_statement_grows_with_the_stock_or_the_history() {
    beleggprove::hver(testing::sqlite).await;
    reservasjon::prove::hver(testing::sqlite).await;
    bolig::prove::hver(testing::sqlite).await;
    boligsak::prove::hver(testing::sqlite).await;
    boligsak::prove::ko::hver(testing::sqlite).await;
    leieforhold::prove::hver(testing::sqlite).await;
    leieforhold::prove::oppsigelse::hver(testing::sqlite).await;
    restansesak::prove::hver(testing::sqlite).await;
    historie::prove::hver(testing::sqlite).await;
    driftprove::hver(testing::sqlite).await;
    arbeidsordre::prove::hver(testing::sqlite).await;
    behov::prove::hver(testing::sqlite).await;
    behov::prove::vandring::hver(testing::sqlite).await;
    let mut growing_ones = String::new();
    for database in [Some(testing::sqlite()), testing::postgres()] {
        let Some(database) = database else { continue };
        let store = database.open(Boligkontor::migrations()).await;
        growing_ones += &growing(&store, SEED, ALLOWED).await;
    }
    assert!(growing_ones.is_empty(), "\n{growing_ones}");
}
