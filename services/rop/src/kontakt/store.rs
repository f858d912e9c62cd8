//! SQL of contacts.

use samspor_chassis::{
    domene::{dokument, navn},
    error::{Error, Refusal},
    page::Page,
    params,
    store::{self, Tx, etag},
    tid::Tid,
};

use super::{Kontakt, Rettelse, SAMLING, Utfall, rules};

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

/// Names of the person's declined contacts that wait to be offered again.
pub(crate) async fn ventende(tx: &mut Tx, person: &str) -> Result<Vec<String>, Error> {
    let rows: Vec<(String,)> = tx
        .all(
            "SELECT id FROM kontakt WHERE person = $1 AND tilbud_apent = 1 ORDER BY id",
            params![person],
        )
        .await?;
    let names = rows.iter().map(|(id,)| navn::post(person, SAMLING, id));
    Ok(names.collect())
}

/// None of them waits any more.
pub(crate) async fn avgjor_ventende(tx: &mut Tx, person: &str) -> Result<(), Error> {
    tx.execute(
        "UPDATE kontakt SET tilbud_apent = 0 WHERE person = $1 AND tilbud_apent = 1",
        params![person],
    )
    .await?;
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

/// The latest contact with the person that settled something, or left something
/// to be offered again.
pub(crate) async fn siste_svar(tx: &mut Tx, person: &str) -> Result<Option<Kontakt>, Error> {
    let row: Option<Row> = tx
        .one(
            "SELECT id, person, ansvarlig_enhet, utfall, tidspunkt, innhold, rettelse \
             FROM kontakt WHERE person = $1 AND rettelse = '' AND utfall <> 'IKKE_MOTT' \
             ORDER BY tidspunkt DESC, id DESC LIMIT 1",
            params![person],
        )
        .await?;
    row.map(les).transpose()
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

/// The latest outcomes of the person's contacts, newest first: as many as the
/// rule looks at.
pub(crate) async fn siste_utfall(tx: &mut Tx, person: &str) -> Result<Vec<Utfall>, Error> {
    let count = i64::try_from(rules::OPPSOKENDE_ETTER).unwrap_or(i64::MAX);
    let rows: Vec<(String,)> = tx
        .all(
            "SELECT utfall FROM kontakt WHERE person = $1 AND rettelse = '' \
             ORDER BY tidspunkt DESC, id DESC LIMIT $2",
            params![person, count],
        )
        .await?;
    rows.iter()
        .map(|(code,)| Utfall::fra_kode(code).ok_or_else(dokument::ukjent_tilstand))
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
