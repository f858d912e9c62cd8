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

use super::{Innhold, Samtykke};
use crate::{kolonne, vilje::Vilje};

type Row = (
    String,
    String,
    i64,
    String,
    i64,
    i64,
    i64,
    Tid,
    Tid,
    i64,
    Tid,
    String,
    String,
    Option<Tid>,
    Option<String>,
);

fn read(row: Row) -> Result<Samtykke, Error> {
    let (
        id,
        person,
        versjon,
        enhet,
        rolle,
        klasser,
        formal,
        fra,
        til,
        form,
        innhentet,
        eier,
        registrert_av,
        trukket,
        trukket_av,
    ) = row;
    Ok(Samtykke {
        id,
        person,
        versjon,
        innhold: Innhold {
            enhet,
            rolle: known(rolle, Rolle::try_from)?,
            klasser: Klasser::fra_bits(u32::try_from(klasser).map_err(Error::internal)?),
            formal: known(formal, Formal::try_from)?,
            fra,
            til,
        },
        vilje: Vilje {
            form: known(form, Samtykkeform::try_from)?,
            innhentet,
            eier,
            registrert_av: kolonne::les(&registrert_av)?,
        },
        trukket: trukket
            .zip(trukket_av)
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
        trukket: _,
    } = samtykke;
    tx.execute(
        "INSERT INTO samtykke (id, person, versjon, enhet, rolle, klasser, formal, fra, til, \
         form, innhentet, eier, registrert_av) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
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
            kolonne::skriv(&vilje.registrert_av)?
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
            "SELECT id, person, versjon, enhet, rolle, klasser, formal, fra, til, form, \
             innhentet, eier, registrert_av, trukket, trukket_av \
             FROM samtykke WHERE person = $1 AND id = $2",
            params![person, id],
        )
        .await?;
    read(row.ok_or_else(Refusal::not_found)?)
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
            "SELECT id, person, versjon, enhet, rolle, klasser, formal, fra, til, form, \
             innhentet, eier, registrert_av, trukket, trukket_av FROM samtykke \
             WHERE person IN (SELECT id FROM person WHERE id = $1 OR sammenslatt_med = $1) \
             AND ($2 = '' OR id < $2) AND ($3 = 0 OR (trukket IS NULL AND til > $4)) \
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
