//! SQL of objections.

use samspor_chassis::{
    error::{Error, Refusal},
    page::Page,
    params,
    store::{Tx, etag},
    tid::Tid,
};
use samspor_proto::koordinering::Samtykkeform;

use super::{Mot, Opphevelse, Reservasjon};
use crate::{kolonne, samtykke::store::known, vilje::Vilje};

type Row = (
    String,
    String,
    i64,
    String,
    i64,
    Tid,
    String,
    String,
    Tid,
    Option<Tid>,
    Option<String>,
    Option<i64>,
    Option<Tid>,
);

fn read(row: Row) -> Result<Reservasjon, Error> {
    let (
        id,
        person,
        versjon,
        mot,
        form,
        innhentet,
        eier,
        registrert_av,
        fra,
        opphevet,
        opphevet_av,
        opphevet_form,
        opphevet_innhentet,
    ) = row;
    let onske = opphevet_form
        .zip(opphevet_innhentet)
        .map(|(form, at)| Ok::<_, Error>((known(form, Samtykkeform::try_from)?, at)))
        .transpose()?;
    Ok(Reservasjon {
        id,
        person,
        versjon,
        mot: Mot::fra_enhet(mot),
        vilje: Vilje {
            form: known(form, Samtykkeform::try_from)?,
            innhentet,
            eier,
            registrert_av: kolonne::les(&registrert_av)?,
        },
        fra,
        opphevet: opphevet
            .zip(opphevet_av)
            .map(|(tid, av)| {
                Ok::<_, Error>(Opphevelse {
                    tid,
                    av: kolonne::les(&av)?,
                    onske,
                })
            })
            .transpose()?,
    })
}

/// A new objection.
///
/// # Errors
/// KONFLIKT when one against the same party holds already.
pub(super) async fn opprett(tx: &mut Tx, reservasjon: &Reservasjon) -> Result<(), Error> {
    let Reservasjon {
        id,
        person,
        versjon,
        mot,
        vilje,
        fra,
        opphevet: _,
    } = reservasjon;
    let inserted = tx
        .execute(
            "INSERT INTO reservasjon (id, person, versjon, mot, form, innhentet, eier, \
             registrert_av, fra) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
             ON CONFLICT DO NOTHING",
            params![
                id.as_str(),
                person.as_str(),
                *versjon,
                mot.enhet(),
                i64::from(i32::from(vilje.form)),
                vilje.innhentet,
                vilje.eier.as_str(),
                kolonne::skriv(&vilje.registrert_av)?,
                *fra
            ],
        )
        .await?;
    if inserted == 0 {
        return Err(Refusal::conflict("en gjeldende reservasjon mot samme mottaker").into());
    }
    Ok(())
}

/// One objection of the person.
///
/// # Errors
/// `IKKE_FUNNET` when the person has no such objection.
pub(super) async fn hent(tx: &mut Tx, person: &str, id: &str) -> Result<Reservasjon, Error> {
    let row: Option<Row> = tx
        .one(
            "SELECT id, person, versjon, mot, form, innhentet, eier, registrert_av, fra, \
             opphevet, opphevet_av, opphevet_form, opphevet_innhentet FROM reservasjon WHERE person = $1 AND id = $2",
            params![person, id],
        )
        .await?;
    read(row.ok_or_else(Refusal::not_found)?)
}

/// Stores that an objection was lifted.
pub(super) async fn opphev(tx: &mut Tx, reservasjon: &mut Reservasjon) -> Result<(), Error> {
    let Some(Opphevelse { tid, av, onske }) = &reservasjon.opphevet else {
        return Err(Error::internal("an objection that was not lifted"));
    };
    let (form, innhentet) = onske.unzip();
    let affected = tx
        .execute(
            "UPDATE reservasjon SET opphevet = $3, opphevet_av = $4, opphevet_form = $5, \
             opphevet_innhentet = $6, versjon = versjon + 1 \
             WHERE id = $1 AND versjon = $2 AND opphevet IS NULL",
            params![
                reservasjon.id.as_str(),
                reservasjon.versjon,
                *tid,
                kolonne::skriv(av)?,
                form.map(|form| i64::from(i32::from(form))),
                innhentet
            ],
        )
        .await?;
    etag::ensure_affected(affected)?;
    reservasjon.versjon += 1;
    Ok(())
}

/// Objections of one id that hold.
pub(crate) async fn gjeldende(tx: &mut Tx, person: &str) -> Result<Vec<Reservasjon>, Error> {
    let rows: Vec<Row> = tx
        .all(
            "SELECT id, person, versjon, mot, form, innhentet, eier, registrert_av, fra, \
             opphevet, opphevet_av, opphevet_form, opphevet_innhentet FROM reservasjon \
             WHERE person = $1 AND opphevet IS NULL ORDER BY id",
            params![person],
        )
        .await?;
    rows.into_iter().map(read).collect()
}

/// Objections under all ids that `person` stands for, newest first.
pub(super) async fn list(
    tx: &mut Tx,
    person: &str,
    bare_gjeldende: bool,
    page: &Page,
) -> Result<Vec<Reservasjon>, Error> {
    let rows: Vec<Row> = tx
        .all(
            "SELECT id, person, versjon, mot, form, innhentet, eier, registrert_av, fra, \
             opphevet, opphevet_av, opphevet_form, opphevet_innhentet FROM reservasjon \
             WHERE person IN (SELECT id FROM person WHERE id = $1 OR sammenslatt_med = $1) \
             AND ($2 = '' OR id < $2) AND ($3 = 0 OR opphevet IS NULL) \
             ORDER BY id DESC LIMIT $4",
            params![
                person,
                page.after().unwrap_or_default(),
                i64::from(bare_gjeldende),
                page.limit()
            ],
        )
        .await?;
    rows.into_iter().map(read).collect()
}
