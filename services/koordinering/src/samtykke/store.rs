//! SQL of consents.

use samspor_chassis::{
    error::{Error, Refusal},
    page::Page,
    params,
    store::{Tx, etag},
    tid::Tid,
};
use samspor_proto::{
    felles::Rolle, klassifisering::Klasser, koordinering::Samtykkeform, tilgang::Formal,
};

use sqlx::{FromRow, Row as _, any::AnyRow};

use super::{Bekreftelse, Innhold, Samtykke};
use crate::{kolonne, vilje::Vilje};

/// A row as it stands; what it means is read afterwards.
struct Row {
    id: String,
    person: String,
    versjon: i64,
    enhet: String,
    rolle: i64,
    klasser: i64,
    formal: i64,
    post: String,
    fra: Tid,
    til: Tid,
    form: i64,
    innhentet: Tid,
    eier: String,
    registrert_av: String,
    ma_bekreftes: i64,
    bekreftet: Option<Tid>,
    bekreftet_av: Option<String>,
    trukket: Option<Tid>,
    trukket_av: Option<String>,
}

impl FromRow<'_, AnyRow> for Row {
    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            person: row.try_get("person")?,
            versjon: row.try_get("versjon")?,
            enhet: row.try_get("enhet")?,
            rolle: row.try_get("rolle")?,
            klasser: row.try_get("klasser")?,
            formal: row.try_get("formal")?,
            post: row.try_get("post")?,
            fra: row.try_get("fra")?,
            til: row.try_get("til")?,
            form: row.try_get("form")?,
            innhentet: row.try_get("innhentet")?,
            eier: row.try_get("eier")?,
            registrert_av: row.try_get("registrert_av")?,
            ma_bekreftes: row.try_get("ma_bekreftes")?,
            bekreftet: row.try_get("bekreftet")?,
            bekreftet_av: row.try_get("bekreftet_av")?,
            trukket: row.try_get("trukket")?,
            trukket_av: row.try_get("trukket_av")?,
        })
    }
}

fn read(row: Row) -> Result<Samtykke, Error> {
    let bekreftelse = match row.bekreftet.zip(row.bekreftet_av) {
        Some((at, who)) => Bekreftelse::Gitt(at, kolonne::les(&who)?),
        None if row.ma_bekreftes == 0 => Bekreftelse::Unodvendig,
        None => Bekreftelse::Ventes,
    };
    Ok(Samtykke {
        id: row.id,
        person: row.person,
        versjon: row.versjon,
        innhold: Innhold {
            enhet: row.enhet,
            rolle: known(row.rolle, Rolle::try_from)?,
            klasser: Klasser::fra_bits(u32::try_from(row.klasser).map_err(Error::internal)?),
            formal: known(row.formal, Formal::try_from)?,
            post: row.post,
            fra: row.fra,
            til: row.til,
        },
        vilje: Vilje {
            form: known(row.form, Samtykkeform::try_from)?,
            innhentet: row.innhentet,
            eier: row.eier,
            registrert_av: kolonne::les(&row.registrert_av)?,
        },
        bekreftelse,
        trukket: row
            .trukket
            .zip(row.trukket_av)
            .map(|(at, who)| Ok::<_, Error>((at, kolonne::les(&who)?)))
            .transpose()?,
    })
}

/// A value of an enum of the contract, from its number.
pub(crate) fn known<T>(
    number: i64,
    read: impl FnOnce(i32) -> Result<T, prost::UnknownEnumValue>,
) -> Result<T, Error> {
    let number = i32::try_from(number).map_err(Error::internal)?;
    read(number).map_err(Error::internal)
}

/// A new consent.
pub(super) async fn opprett(tx: &mut Tx, samtykke: &Samtykke) -> Result<(), Error> {
    let Samtykke {
        id,
        person,
        versjon,
        innhold,
        vilje,
        bekreftelse,
        trukket: _,
    } = samtykke;
    tx.execute(
        "INSERT INTO samtykke (id, person, versjon, enhet, rolle, klasser, formal, fra, til, \
         form, innhentet, eier, registrert_av, ma_bekreftes, post) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        params![
            id.as_str(),
            person.as_str(),
            *versjon,
            innhold.enhet.as_str(),
            i64::from(i32::from(innhold.rolle)),
            i64::from(innhold.klasser.bits()),
            i64::from(i32::from(innhold.formal)),
            innhold.fra,
            innhold.til,
            i64::from(i32::from(vilje.form)),
            vilje.innhentet,
            vilje.eier.as_str(),
            kolonne::skriv(&vilje.registrert_av)?,
            i64::from(*bekreftelse != Bekreftelse::Unodvendig),
            innhold.post.as_str()
        ],
    )
    .await?;
    Ok(())
}

/// One consent of the person.
///
/// # Errors
/// `IKKE_FUNNET` when the person has no such consent.
pub(super) async fn hent(tx: &mut Tx, person: &str, id: &str) -> Result<Samtykke, Error> {
    let row: Option<Row> = tx
        .one(
            "SELECT id, person, versjon, enhet, rolle, klasser, formal, post, fra, til, form, \
             innhentet, eier, registrert_av, ma_bekreftes, bekreftet, bekreftet_av, trukket, \
             trukket_av FROM samtykke WHERE person = $1 AND id = $2",
            params![person, id],
        )
        .await?;
    read(row.ok_or_else(Refusal::not_found)?)
}

/// Stores a confirmation.
pub(super) async fn bekreft(tx: &mut Tx, samtykke: &mut Samtykke) -> Result<(), Error> {
    let Bekreftelse::Gitt(at, who) = &samtykke.bekreftelse else {
        return Err(Error::internal("a confirmation that was not given"));
    };
    let affected = tx
        .execute(
            "UPDATE samtykke SET bekreftet = $3, bekreftet_av = $4, versjon = versjon + 1 \
             WHERE id = $1 AND versjon = $2 AND bekreftet IS NULL AND trukket IS NULL",
            params![
                samtykke.id.as_str(),
                samtykke.versjon,
                *at,
                kolonne::skriv(who)?
            ],
        )
        .await?;
    etag::ensure_affected(affected)?;
    samtykke.versjon += 1;
    Ok(())
}

/// Stores a withdrawal.
pub(super) async fn trekk(tx: &mut Tx, samtykke: &mut Samtykke) -> Result<(), Error> {
    let (at, who) = samtykke.trukket.clone().unzip();
    let affected = tx
        .execute(
            "UPDATE samtykke SET trukket = $3, trukket_av = $4, versjon = versjon + 1 \
             WHERE id = $1 AND versjon = $2 AND trukket IS NULL",
            params![
                samtykke.id.as_str(),
                samtykke.versjon,
                at,
                who.map(|who| kolonne::skriv(&who)).transpose()?
            ],
        )
        .await?;
    etag::ensure_affected(affected)?;
    samtykke.versjon += 1;
    Ok(())
}

/// Consents under all ids that `person` stands for, newest first.
pub(super) async fn list(
    tx: &mut Tx,
    person: &str,
    bare_gjeldende: bool,
    page: &Page,
) -> Result<Vec<Samtykke>, Error> {
    let now = tx.now();
    let rows: Vec<Row> = tx
        .all(
            "SELECT id, person, versjon, enhet, rolle, klasser, formal, post, fra, til, form, \
             innhentet, eier, registrert_av, ma_bekreftes, bekreftet, bekreftet_av, trukket, \
             trukket_av FROM samtykke \
             WHERE person IN (SELECT id FROM person WHERE id = $1 OR sammenslatt_med = $1) \
             AND ($2 = '' OR id < $2) AND ($3 = 0 OR (trukket IS NULL AND til > $4 \
             AND (ma_bekreftes = 0 OR bekreftet IS NOT NULL))) \
             ORDER BY id DESC LIMIT $5",
            params![
                person,
                page.after().unwrap_or_default(),
                i64::from(bare_gjeldende),
                now,
                page.limit()
            ],
        )
        .await?;
    rows.into_iter().map(read).collect()
}
