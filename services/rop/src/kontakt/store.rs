//! SQL of contacts.

use samspor_chassis::{
    domene::dokument,
    error::{Error, Refusal},
    page::Page,
    params,
    store::{self, Tx, etag},
    tid::Tid,
};

use super::{Kontakt, Rettelse, Utfall, rules};

type Row = (String, String, String, String, Tid, String, String);

fn les(row: Row) -> Result<Kontakt, Error> {
    let (id, person, ansvarlig_enhet, utfall, tidspunkt, innhold, rettelse) = row;
    let wrong = !rettelse.is_empty();
    Ok(Kontakt {
        person,
        id,
        ansvarlig_enhet,
        utfall: Utfall::fra_kode(&utfall).ok_or_else(dokument::ukjent_tilstand)?,
        tidspunkt,
        innhold: dokument::les(&innhold)?,
        rettelse: wrong.then(|| dokument::les(&rettelse)).transpose()?,
    })
}

/// The contact of that person with that id.
pub(crate) async fn hent(tx: &mut Tx, person: &str, id: &str) -> Result<Kontakt, Error> {
    let row: Option<Row> = tx
        .one(
            "SELECT id, person, ansvarlig_enhet, utfall, tidspunkt, innhold, rettelse FROM kontakt \
             WHERE id = $1 AND person = $2",
            params![id, person],
        )
        .await?;
    les(row.ok_or_else(Refusal::not_found)?)
}

/// Stores a contact.
pub(crate) async fn sett_inn(tx: &mut Tx, kontakt: &Kontakt) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO kontakt \
         (id, person, ansvarlig_enhet, utfall, tidspunkt, tilbud_apent, innhold, minutter, tiltak) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        params![
            kontakt.id.as_str(),
            kontakt.person.as_str(),
            kontakt.ansvarlig_enhet.as_str(),
            kontakt.utfall.kode(),
            kontakt.tidspunkt,
            i64::from(kontakt.innhold.nytt_tilbud.is_some()),
            dokument::skriv(&kontakt.innhold)?,
            i64::from(kontakt.innhold.minutter),
            kontakt.innhold.tiltak.as_str()
        ],
    )
    .await?;
    Ok(())
}

/// Stores contacts that are not there yet, in the order of the columns of
/// [`sett_inn`]; gives how many.
pub(crate) async fn sett_inn_rader(tx: &mut Tx, rader: Vec<store::Row>) -> Result<u64, Error> {
    tx.insert(
        "INSERT INTO kontakt (id, person, ansvarlig_enhet, utfall, tidspunkt, tilbud_apent, \
         innhold, minutter, tiltak) VALUES ",
        " ON CONFLICT (person, id) DO NOTHING",
        rader,
    )
    .await
}

/// The person's declined contacts that wait to be offered again, and which an
/// answer of that instant settles: it came after them, and under the same
/// tiltak where both name one.
pub(crate) async fn ventende(
    tx: &mut Tx,
    person: &str,
    svar: Tid,
    tiltak: &str,
) -> Result<Vec<Kontakt>, Error> {
    let rows: Vec<Row> = tx
        .all(
            "SELECT id, person, ansvarlig_enhet, utfall, tidspunkt, innhold, rettelse \
             FROM kontakt WHERE person = $1 AND tilbud_apent = 1 AND tidspunkt <= $2 \
             AND (tiltak = $3 OR tiltak = '' OR $3 = '') ORDER BY id",
            params![person, svar, tiltak],
        )
        .await?;
    rows.into_iter().map(les).collect()
}

/// All of the person's declined contacts that wait to be offered again.
pub(crate) async fn alle_ventende(tx: &mut Tx, person: &str) -> Result<Vec<Kontakt>, Error> {
    let rows: Vec<Row> = tx
        .all(
            "SELECT id, person, ansvarlig_enhet, utfall, tidspunkt, innhold, rettelse \
             FROM kontakt WHERE person = $1 AND tilbud_apent = 1 ORDER BY id",
            params![person],
        )
        .await?;
    rows.into_iter().map(les).collect()
}

/// They wait no more.
pub(crate) async fn avgjor(tx: &mut Tx, waiting: &[Kontakt]) -> Result<(), Error> {
    for kontakt in waiting {
        tx.execute(
            "UPDATE kontakt SET tilbud_apent = 0 WHERE person = $1 AND id = $2",
            params![kontakt.person.as_str(), kontakt.id.as_str()],
        )
        .await?;
    }
    Ok(())
}

/// Stores that a contact was wrong: it waits for nothing and counts no more.
pub(crate) async fn rett(tx: &mut Tx, kontakt: &Kontakt, wrong: &Rettelse) -> Result<(), Error> {
    let affected = tx
        .execute(
            "UPDATE kontakt SET rettelse = $1, tilbud_apent = 0 \
             WHERE person = $2 AND id = $3 AND rettelse = ''",
            params![
                dokument::skriv(wrong)?,
                kontakt.person.as_str(),
                kontakt.id.as_str()
            ],
        )
        .await?;
    etag::ensure_affected(affected)
}

/// What the person had declined before a contact that is wrong, and no other
/// answer has settled since.
pub(crate) async fn uavgjorte(tx: &mut Tx, wrong: &Kontakt) -> Result<Vec<Kontakt>, Error> {
    let rows: Vec<Row> = tx
        .all(
            "SELECT k.id, k.person, k.ansvarlig_enhet, k.utfall, k.tidspunkt, k.innhold, \
             k.rettelse FROM kontakt k WHERE k.person = $1 AND k.rettelse = '' \
             AND k.utfall = 'TAKKET_NEI' AND k.tidspunkt <= $2 AND NOT EXISTS ( \
               SELECT 1 FROM kontakt s WHERE s.person = $1 AND s.rettelse = '' \
               AND s.utfall <> 'IKKE_MOTT' AND (s.tidspunkt, s.id) > (k.tidspunkt, k.id) \
               AND (s.tiltak = k.tiltak OR s.tiltak = '' OR k.tiltak = '')) \
             ORDER BY k.tidspunkt, k.id",
            params![wrong.person.as_str(), wrong.tidspunkt],
        )
        .await?;
    rows.into_iter().map(les).collect()
}

/// What was declined waits again to be offered.
pub(crate) async fn vent_igjen(tx: &mut Tx, kontakt: &Kontakt) -> Result<(), Error> {
    tx.execute(
        "UPDATE kontakt SET tilbud_apent = 1 \
         WHERE person = $1 AND id = $2 AND utfall = 'TAKKET_NEI'",
        params![kontakt.person.as_str(), kontakt.id.as_str()],
    )
    .await?;
    Ok(())
}

/// Ids and outcomes of the person's latest contacts, newest first: as many as
/// the rule looks at.
pub(crate) async fn siste(tx: &mut Tx, person: &str) -> Result<Vec<(String, Utfall)>, Error> {
    let count = i64::try_from(rules::OPPSOKENDE_ETTER).unwrap_or(i64::MAX);
    let rows: Vec<(String, String)> = tx
        .all(
            "SELECT id, utfall FROM kontakt WHERE person = $1 AND rettelse = '' \
             ORDER BY tidspunkt DESC, id DESC LIMIT $2",
            params![person, count],
        )
        .await?;
    rows.into_iter()
        .map(|(id, code)| {
            let utfall = Utfall::fra_kode(&code).ok_or_else(dokument::ukjent_tilstand)?;
            Ok((id, utfall))
        })
        .collect()
}

/// One page of a person's contacts, newest first.
pub(crate) async fn personens(
    tx: &mut Tx,
    person: &str,
    page: &Page,
) -> Result<(Vec<Kontakt>, String), Error> {
    let rows: Vec<Row> = tx
        .all(
            "SELECT id, person, ansvarlig_enhet, utfall, tidspunkt, innhold, rettelse FROM kontakt \
             WHERE person = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
            params![person, dokument::nyeste(page), page.limit()],
        )
        .await?;
    let (rows, next) = page.cut(rows, |row| row.0.clone());
    let records = rows.into_iter().map(les).collect::<Result<_, _>>()?;
    Ok((records, next))
}
