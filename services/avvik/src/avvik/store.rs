//! SQL of avvik.

use samspor_chassis::{
    domene::dokument,
    error::{Error, Refusal},
    page::Page,
    params,
    store::{Tx, etag},
    tid::Tid,
};
use samspor_proto::felles::Feilgrunn;

use super::{Avvik, Tilstand, Tiltak};

type Row = (String, i64, String, String, Tid, Option<Tid>, String);

fn les(
    (id, versjon, tilstand, melder_enhet, meldt, tilbakemeldt, innhold): Row,
) -> Result<Avvik, Error> {
    Ok(Avvik {
        id,
        versjon,
        tilstand: Tilstand::fra_kode(&tilstand).ok_or_else(dokument::ukjent_tilstand)?,
        melder_enhet,
        meldt,
        tilbakemeldt,
        innhold: dokument::les(&innhold)?,
    })
}

/// The avvik with an id.
///
/// # Errors
/// `IKKE_FUNNET`; or the database is not available.
pub(crate) async fn hent(tx: &mut Tx, id: &str) -> Result<Avvik, Error> {
    let row: Option<Row> = tx
        .one(
            "SELECT id, versjon, tilstand, melder_enhet, meldt, tilbakemeldt, innhold \
             FROM avvik WHERE id = $1",
            params![id],
        )
        .await?;
    les(row.ok_or_else(Refusal::not_found)?)
}

/// Changes of one avvik run one after the other.
pub(crate) async fn hent_for_endring(tx: &mut Tx, id: &str) -> Result<Avvik, Error> {
    tx.lock(&format!("avvik/{id}")).await?;
    hent(tx, id).await
}

fn antall<T>(all: impl Iterator<Item = T>) -> Result<i64, Error> {
    i64::try_from(all.count()).map_err(Error::internal)
}

/// Stores a new one.
pub(crate) async fn sett_inn(tx: &mut Tx, avvik: &Avvik) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO avvik (id, versjon, tilstand, melder_enhet, ansvarlig_enhet, meldt, \
         apne_deler, apne_tiltak, tilbakemeldt, innhold) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, 0, NULL, $8)",
        params![
            avvik.id.as_str(),
            avvik.versjon,
            avvik.tilstand.kode(),
            avvik.melder_enhet.as_str(),
            avvik.ansvarlig(),
            avvik.meldt,
            antall(avvik.deler().filter(|part| part.apen()))?,
            dokument::skriv(&avvik.innhold)?
        ],
    )
    .await?;
    parter(tx, avvik).await
}

/// Stores a change of the version that was read.
pub(crate) async fn lagre(tx: &mut Tx, avvik: &mut Avvik) -> Result<(), Error> {
    let affected = tx
        .execute(
            "UPDATE avvik SET versjon = versjon + 1, tilstand = $1, ansvarlig_enhet = $2, \
             apne_deler = $3, apne_tiltak = $4, tilbakemeldt = $5, innhold = $6 \
             WHERE id = $7 AND versjon = $8",
            params![
                avvik.tilstand.kode(),
                avvik.ansvarlig(),
                antall(avvik.deler().filter(|part| part.apen()))?,
                antall(avvik.tiltak().filter(|measure| Tiltak::apent(measure)))?,
                avvik.tilbakemeldt,
                dokument::skriv(&avvik.innhold)?,
                avvik.id.as_str(),
                avvik.versjon
            ],
        )
        .await?;
    etag::ensure_affected(affected)?;
    avvik.versjon += 1;
    tx.execute(
        "DELETE FROM avvikspart WHERE avvik = $1",
        params![avvik.id.as_str()],
    )
    .await?;
    parter(tx, avvik).await
}

async fn parter(tx: &mut Tx, avvik: &Avvik) -> Result<(), Error> {
    let row = |unit: &str| {
        vec![
            avvik.id.as_str().into(),
            unit.into(),
            avvik.meldt.into(),
            avvik.tilstand.kode().into(),
            i64::from(avvik.venter_pa(unit)).into(),
        ]
    };
    let rows = avvik.parter().into_iter().map(row).collect();
    let into = "INSERT INTO avvikspart (avvik, enhet, meldt, tilstand, venter) VALUES ";
    tx.insert(into, "", rows).await?;
    Ok(())
}

/// Which of a unit's avvik a list asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Utvalg {
    Alle,
    Tilstand(Tilstand),
    Venter,
}

/// One page of a unit's avvik, newest first.
pub(crate) async fn enhetens(
    tx: &mut Tx,
    enhet: &str,
    utvalg: Utvalg,
    page: &Page,
) -> Result<(Vec<Avvik>, String), Error> {
    // Ids are lower-case UUIDs, so `z` is above all of them.
    let (meldt, id) = match page.after() {
        None => (i64::MAX, "z"),
        Some(key) => key
            .split_once('|')
            .and_then(|(when, id)| Some((when.parse().ok()?, id)))
            .ok_or_else(|| Refusal::new(Feilgrunn::UgyldigSidetoken))?,
    };
    let rows: Vec<Row> = match utvalg {
        Utvalg::Alle => {
            tx.all(
                "SELECT a.id, a.versjon, a.tilstand, a.melder_enhet, a.meldt, a.tilbakemeldt, \
                 a.innhold FROM avvikspart p JOIN avvik a ON a.id = p.avvik \
                 WHERE p.enhet = $1 AND (p.meldt, p.avvik) < ($2, $3) \
                 ORDER BY p.meldt DESC, p.avvik DESC LIMIT $4",
                params![enhet, meldt, id, page.limit()],
            )
            .await?
        }
        Utvalg::Tilstand(state) => {
            tx.all(
                "SELECT a.id, a.versjon, a.tilstand, a.melder_enhet, a.meldt, a.tilbakemeldt, \
                 a.innhold FROM avvikspart p JOIN avvik a ON a.id = p.avvik \
                 WHERE p.enhet = $1 AND p.tilstand = $2 AND (p.meldt, p.avvik) < ($3, $4) \
                 ORDER BY p.meldt DESC, p.avvik DESC LIMIT $5",
                params![enhet, state.kode(), meldt, id, page.limit()],
            )
            .await?
        }
        Utvalg::Venter => {
            tx.all(
                "SELECT a.id, a.versjon, a.tilstand, a.melder_enhet, a.meldt, a.tilbakemeldt, \
                 a.innhold FROM avvikspart p JOIN avvik a ON a.id = p.avvik \
                 WHERE p.enhet = $1 AND p.venter = 1 AND (p.meldt, p.avvik) < ($2, $3) \
                 ORDER BY p.meldt DESC, p.avvik DESC LIMIT $4",
                params![enhet, meldt, id, page.limit()],
            )
            .await?
        }
    };
    let (rows, next) = page.cut(rows, |row| format!("{}|{}", row.4.0, row.0));
    Ok((rows.into_iter().map(les).collect::<Result<_, _>>()?, next))
}
