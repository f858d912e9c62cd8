//! SQL of the stock, of who has a dwelling and of when it stood empty.

use samspor_chassis::{
    domene::dokument,
    error::{Error, Refusal},
    page::Page,
    params,
    store::{Row, Tx, etag},
    tid::Tid,
};
use samspor_proto::boligkontor::{Tildelingstype, Tomgangsarsak};

use super::{Bolig, Tilstand, Tomgang, rules::Tomgangsendring, typenokkel};
use crate::behov;

/// id, versjon, nokkel, tilstand, siden, innhold; and of the open period: id,
/// arsak, merknad, fra, kostnad_per_dag.
type Rad = (
    String,
    i64,
    String,
    String,
    Tid,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<i64>,
    Option<i64>,
);

macro_rules! bolig_der {
    ($where:literal) => {
        concat!(
            "SELECT b.id, b.versjon, b.nokkel, b.tilstand, b.siden, b.innhold, \
             t.id, t.arsak, t.merknad, t.fra, t.kostnad_per_dag \
             FROM bolig b LEFT JOIN tomgang t ON t.bolig = b.id AND t.til IS NULL WHERE ",
            $where
        )
    };
}

pub(crate) fn arsak(code: &str) -> Result<Tomgangsarsak, Error> {
    Tomgangsarsak::from_str_name(&format!("TOMGANGSARSAK_{code}"))
        .ok_or_else(dokument::ukjent_tilstand)
}

fn arsakskode(arsak: Tomgangsarsak) -> &'static str {
    let name = arsak.as_str_name();
    name.strip_prefix("TOMGANGSARSAK_").unwrap_or(name)
}

fn les(
    (id, versjon, nokkel, tilstand, siden, innhold, empty, cause, note, fra, cost): Rad,
) -> Result<Bolig, Error> {
    let tomgang = match (empty, cause, note, fra, cost) {
        (Some(id), Some(cause), Some(merknad), Some(fra), Some(cost)) => Some(Tomgang {
            id,
            arsak: arsak(&cause)?,
            merknad,
            fra: Tid(fra),
            til: None,
            kostnad_per_dag: i32::try_from(cost).unwrap_or(i32::MAX),
        }),
        _ => None,
    };
    Ok(Bolig {
        id,
        versjon,
        nokkel,
        tilstand: Tilstand::fra_kode(&tilstand).ok_or_else(dokument::ukjent_tilstand)?,
        siden,
        innhold: dokument::les(&innhold)?,
        tomgang,
    })
}

/// The dwelling with that number in the register.
pub(crate) async fn med_nokkel(tx: &mut Tx, nokkel: &str) -> Result<Option<Bolig>, Error> {
    let row: Option<Rad> = tx.one(bolig_der!("b.nokkel = $1"), params![nokkel]).await?;
    row.map(les).transpose()
}

/// The dwelling with that id.
pub(crate) async fn hent(tx: &mut Tx, id: &str) -> Result<Bolig, Error> {
    let row: Option<Rad> = tx.one(bolig_der!("b.id = $1"), params![id]).await?;
    les(row.ok_or_else(Refusal::not_found)?)
}

/// The same, for a change: changes of one dwelling run one after the other.
pub(crate) async fn hent_for_endring(tx: &mut Tx, id: &str) -> Result<Bolig, Error> {
    tx.lock(&format!("bolig/{id}")).await?;
    hent(tx, id).await
}

/// Columns of a new dwelling.
pub(crate) const INN: &str = "INSERT INTO bolig \
    (id, versjon, nokkel, tildelingstype, omrade, tilstand, siden, innhold) VALUES ";
/// Columns of a new period of standing empty.
pub(crate) const TOM: &str =
    "INSERT INTO tomgang (id, bolig, arsak, merknad, fra, kostnad_per_dag) VALUES ";

/// The values of a new dwelling.
pub(crate) fn rad(bolig: &Bolig) -> Result<Row, Error> {
    Ok(vec![
        bolig.id.as_str().into(),
        bolig.versjon.into(),
        bolig.nokkel.as_str().into(),
        typenokkel(bolig.tildelingstype()).into(),
        bolig.innhold.egenskaper.omrade.as_str().into(),
        bolig.tilstand.kode().into(),
        bolig.siden.into(),
        dokument::skriv(&bolig.innhold)?.into(),
    ])
}

/// The values of a new period.
pub(crate) fn tomgangsrad(bolig: &str, empty: &Tomgang) -> Row {
    vec![
        empty.id.as_str().into(),
        bolig.into(),
        arsakskode(empty.arsak).into(),
        empty.merknad.as_str().into(),
        empty.fra.into(),
        i64::from(empty.kostnad_per_dag).into(),
    ]
}

/// Stores new dwellings. False where the register has one of the numbers.
pub(crate) async fn sett_inn(tx: &mut Tx, nye: &[Bolig]) -> Result<bool, Error> {
    let rows = nye.iter().map(rad).collect::<Result<Vec<_>, _>>()?;
    let wanted = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    let stored = tx
        .insert(INN, " ON CONFLICT (nokkel) DO NOTHING", rows)
        .await?;
    if stored != wanted {
        return Ok(false);
    }
    let empty = nye
        .iter()
        .filter_map(|bolig| Some(tomgangsrad(&bolig.id, bolig.tomgang.as_ref()?)))
        .collect();
    tx.insert(TOM, "", empty).await?;
    Ok(true)
}

/// Stores a change of the version that was read; the record has the next.
pub(crate) async fn lagre(
    tx: &mut Tx,
    bolig: &mut Bolig,
    change: Tomgangsendring,
) -> Result<(), Error> {
    behov::store::noter_bolig(tx, bolig).await?;
    let affected = tx
        .execute(
            "UPDATE bolig SET versjon = versjon + 1, tildelingstype = $1, omrade = $2, \
             tilstand = $3, siden = $4, innhold = $5 WHERE id = $6 AND versjon = $7",
            params![
                typenokkel(bolig.tildelingstype()),
                bolig.innhold.egenskaper.omrade.as_str(),
                bolig.tilstand.kode(),
                bolig.siden,
                dokument::skriv(&bolig.innhold)?,
                bolig.id.as_str(),
                bolig.versjon
            ],
        )
        .await?;
    etag::ensure_affected(affected)?;
    bolig.versjon += 1;
    if let Some(ended) = change.lukket {
        tx.execute(
            "UPDATE tomgang SET til = CASE WHEN fra > $1 THEN fra ELSE $1 END WHERE id = $2",
            params![tx.now(), ended],
        )
        .await?;
    }
    if let Some(begins) = change.apnet {
        tx.insert(TOM, "", vec![tomgangsrad(&bolig.id, &begins)])
            .await?;
    }
    Ok(())
}

/// Gives the dwelling to a reservation. False when somebody has it (I4).
pub(crate) async fn ta(tx: &mut Tx, bolig: &str, post: &str) -> Result<bool, Error> {
    let taken = tx
        .execute(
            "INSERT INTO belegg (bolig, post, siden) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            params![bolig, post, tx.now()],
        )
        .await?;
    Ok(taken == 1)
}

/// The dwelling goes from one that has it to the next, and is free at no time
/// between.
pub(crate) async fn gi_videre(tx: &mut Tx, bolig: &str, fra: &str, til: &str) -> Result<(), Error> {
    let given = tx
        .execute(
            "UPDATE belegg SET post = $1, siden = $2 WHERE bolig = $3 AND post = $4",
            params![til, tx.now(), bolig, fra],
        )
        .await?;
    en(given)
}

/// Nobody has the dwelling any more.
pub(crate) async fn slipp(tx: &mut Tx, bolig: &str, post: &str) -> Result<(), Error> {
    let freed = tx
        .execute(
            "DELETE FROM belegg WHERE bolig = $1 AND post = $2",
            params![bolig, post],
        )
        .await?;
    en(freed)
}

fn en(rows: u64) -> Result<(), Error> {
    if rows == 1 {
        return Ok(());
    }
    Err(Error::internal("a dwelling is not held by what holds it"))
}

/// Which dwellings a list asks for.
#[derive(Debug, Default)]
pub(crate) struct Utvalg {
    pub(crate) typer: Vec<Tildelingstype>,
    pub(crate) tilstander: Vec<Tilstand>,
    pub(crate) omrade: Option<String>,
}

/// One page, by number in the register. Each type and state is a range of its
/// own in the index, so a page costs the same however large the stock is.
pub(crate) async fn liste(
    tx: &mut Tx,
    utvalg: &Utvalg,
    page: &Page,
) -> Result<(Vec<Bolig>, String), Error> {
    let after = page.after().unwrap_or_default();
    let mut rows: Vec<Rad> = Vec::new();
    for type_ in &utvalg.typer {
        for state in &utvalg.tilstander {
            let (type_, state) = (typenokkel(*type_), state.kode());
            let found: Vec<Rad> = match &utvalg.omrade {
                None => {
                    tx.all(
                        bolig_der!(
                            "b.tildelingstype = $1 AND b.tilstand = $2 AND b.nokkel > $3 \
                             ORDER BY b.nokkel LIMIT $4"
                        ),
                        params![type_, state, after, page.limit()],
                    )
                    .await?
                }
                Some(area) => {
                    tx.all(
                        bolig_der!(
                            "b.tildelingstype = $1 AND b.tilstand = $2 AND b.omrade = $3 \
                             AND b.nokkel > $4 ORDER BY b.nokkel LIMIT $5"
                        ),
                        params![type_, state, area.as_str(), after, page.limit()],
                    )
                    .await?
                }
            };
            rows.extend(found);
        }
    }
    rows.sort_unstable_by(|one, other| one.2.cmp(&other.2));
    rows.truncate(usize::try_from(page.limit()).unwrap_or(usize::MAX));
    let (rows, next) = page.cut(rows, |row| row.2.clone());
    Ok((rows.into_iter().map(les).collect::<Result<_, _>>()?, next))
}

/// Known dwellings between two numbers of the register, by number.
pub(crate) async fn kjente(tx: &mut Tx, fra: &str, til: &str) -> Result<Vec<Bolig>, Error> {
    let rows: Vec<Rad> = tx
        .all(
            bolig_der!("b.nokkel >= $1 AND b.nokkel <= $2 ORDER BY b.nokkel"),
            params![fra, til],
        )
        .await?;
    rows.into_iter().map(les).collect()
}
