//! SQL of mandates to represent.

use samspor_chassis::{
    domene::Hjemmel,
    error::{Error, Refusal},
    page::Page,
    params,
    store::{Tx, etag},
    tid::Tid,
};
use samspor_proto::koordinering::Representasjonsgrunnlag;
use sqlx::{FromRow, Row as _, any::AnyRow};

use super::{Innhold, Representasjon};
use crate::{kolonne, tosteg::Steg};

/// A row as it stands; what it means is read afterwards.
struct Row {
    id: String,
    versjon: i64,
    person: String,
    representant: String,
    grunnlag: i64,
    lov: String,
    paragraf: String,
    fra: Tid,
    til: Option<Tid>,
    registrert: Tid,
    registrert_av: String,
    bekreftet: Option<Tid>,
    bekreftet_av: Option<String>,
    avsluttet: Option<Tid>,
    avsluttet_av: Option<String>,
}

impl FromRow<'_, AnyRow> for Row {
    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            versjon: row.try_get("versjon")?,
            person: row.try_get("person")?,
            representant: row.try_get("representant")?,
            grunnlag: row.try_get("grunnlag")?,
            lov: row.try_get("lov")?,
            paragraf: row.try_get("paragraf")?,
            fra: row.try_get("fra")?,
            til: row.try_get("til")?,
            registrert: row.try_get("registrert")?,
            registrert_av: row.try_get("registrert_av")?,
            bekreftet: row.try_get("bekreftet")?,
            bekreftet_av: row.try_get("bekreftet_av")?,
            avsluttet: row.try_get("avsluttet")?,
            avsluttet_av: row.try_get("avsluttet_av")?,
        })
    }
}

fn read(row: Row) -> Result<Representasjon, Error> {
    let step = |tid: Option<Tid>, av: Option<String>| {
        let both = tid.zip(av);
        both.map(|(tid, av)| {
            Ok::<_, Error>(Steg {
                hvem: kolonne::les(&av)?,
                tid,
            })
        })
        .transpose()
    };
    let grunnlag = i32::try_from(row.grunnlag).map_err(Error::internal)?;
    Ok(Representasjon {
        registrert: Steg {
            hvem: kolonne::les(&row.registrert_av)?,
            tid: row.registrert,
        },
        bekreftet: step(row.bekreftet, row.bekreftet_av)?,
        avsluttet: step(row.avsluttet, row.avsluttet_av)?,
        innhold: Innhold {
            representant: row.representant,
            grunnlag: Representasjonsgrunnlag::try_from(grunnlag).map_err(Error::internal)?,
            hjemmel: Hjemmel {
                lov: row.lov,
                paragraf: row.paragraf,
            },
            fra: row.fra,
            til: row.til,
        },
        id: row.id,
        versjon: row.versjon,
        person: row.person,
    })
}

/// A new mandate.
pub(super) async fn opprett(tx: &mut Tx, mandate: &Representasjon) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO representasjon (id, versjon, person, representant, grunnlag, lov, paragraf, \
         fra, til, registrert, registrert_av) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        params![
            mandate.id.as_str(),
            mandate.versjon,
            mandate.person.as_str(),
            mandate.innhold.representant.as_str(),
            i64::from(i32::from(mandate.innhold.grunnlag)),
            mandate.innhold.hjemmel.lov.as_str(),
            mandate.innhold.hjemmel.paragraf.as_str(),
            mandate.innhold.fra,
            mandate.innhold.til,
            mandate.registrert.tid,
            kolonne::skriv(&mandate.registrert.hvem)?
        ],
    )
    .await?;
    Ok(())
}

/// Stores the step that was taken.
pub(super) async fn lagre(tx: &mut Tx, mandate: &mut Representasjon) -> Result<(), Error> {
    let who = |step: Option<&Steg>| step.map(|step| kolonne::skriv(&step.hvem)).transpose();
    let (confirmed, ended) = (mandate.bekreftet.as_ref(), mandate.avsluttet.as_ref());
    let affected = tx
        .execute(
            "UPDATE representasjon SET versjon = versjon + 1, bekreftet = $3, bekreftet_av = $4, \
             avsluttet = $5, avsluttet_av = $6 WHERE id = $1 AND versjon = $2",
            params![
                mandate.id.as_str(),
                mandate.versjon,
                confirmed.map(|step| step.tid),
                who(confirmed)?,
                ended.map(|step| step.tid),
                who(ended)?
            ],
        )
        .await?;
    etag::ensure_affected(affected)?;
    mandate.versjon += 1;
    Ok(())
}

/// One mandate.
///
/// # Errors
/// `IKKE_FUNNET` when the person has no such mandate.
pub(super) async fn hent(tx: &mut Tx, person: &str, id: &str) -> Result<Representasjon, Error> {
    let row: Option<Row> = tx
        .one(
            "SELECT * FROM representasjon WHERE person = $1 AND id = $2",
            params![person, id],
        )
        .await?;
    read(row.ok_or_else(Refusal::not_found)?)
}

/// Mandates that were registered under an id.
pub(crate) async fn om(tx: &mut Tx, person: &str) -> Result<Vec<Representasjon>, Error> {
    let rows: Vec<Row> = tx
        .all(
            "SELECT * FROM representasjon WHERE person = $1 ORDER BY id",
            params![person],
        )
        .await?;
    rows.into_iter().map(read).collect()
}

/// Mandates to represent the person, newest first.
pub(super) async fn list(
    tx: &mut Tx,
    person: &str,
    page: &Page,
) -> Result<Vec<Representasjon>, Error> {
    let rows: Vec<Row> = tx
        .all(
            "SELECT * FROM representasjon WHERE person = $1 AND ($2 = '' OR id < $2) \
             ORDER BY id DESC LIMIT $3",
            params![person, page.after().unwrap_or_default(), page.limit()],
        )
        .await?;
    rows.into_iter().map(read).collect()
}
