//! SQL of the person index.

use std::slice;

use samspor_chassis::{
    domene::fodselsnummer::Fodselsnummer,
    error::{Error, Refusal},
    params,
    store::{NewDeadline, Tx, etag},
    tid::Tid,
};

use super::{FRIST_UBRUKT, Person, nummer_sted, rules::Kvote};
use crate::{ENHET, navn, nokler::Forseglet, settings::Settings};

/// Persons of a history that are made together.
const SAMMEN: usize = 50;

/// Uses up one call of the quota of whoever acts.
pub(super) async fn bruk_kvote(tx: &mut Tx, kvote: Kvote) -> Result<(), Error> {
    let now = tx.now();
    let actor = &tx.call().actor;
    let who = format!("{}/{}", actor.enhet, actor.ansatt);
    let per_call = i64::try_from(kvote.per_kall().as_micros()).map_err(Error::internal)?;
    let used: Option<(Tid,)> = tx
        .one(
            "INSERT INTO kvote (ansatt, brukt_til) VALUES ($1, $2) \
             ON CONFLICT (ansatt) DO UPDATE SET brukt_til = $3 + \
             CASE WHEN kvote.brukt_til > $4 THEN kvote.brukt_til ELSE $4 END \
             RETURNING brukt_til",
            params![who, now.plus(kvote.per_kall()), per_call, now],
        )
        .await?;
    let (used,) = used.ok_or_else(|| Error::internal("an upsert returned no row"))?;
    Ok(kvote.innenfor(used, now)?)
}

/// The id of whoever has the number, made where there is none.
pub(crate) async fn sikre(
    tx: &mut Tx,
    settings: &Settings,
    nummer: &Fodselsnummer,
) -> Result<String, Error> {
    loop {
        if let Some(person) = finn(tx, settings, nummer).await? {
            return Ok(person);
        }
        let nye = opprett(tx, settings, slice::from_ref(nummer), false).await?;
        if let Some(person) = nye.and_then(|mut nye| nye.pop()) {
            return Ok(person);
        }
        // Somebody else made it at the same moment, and has committed.
    }
}

/// The same for all these, who are in use from now, as those of a history are;
/// and whether nobody had used the id before.
pub(crate) async fn sikre_i_bruk(
    tx: &mut Tx,
    settings: &Settings,
    numre: &[Fodselsnummer],
) -> Result<Vec<(String, bool)>, Error> {
    let mut svar = Vec::with_capacity(numre.len());
    for sammen in numre.chunks(SAMMEN) {
        // Almost always they are all new. With older keys a new row would not
        // meet the one that is there, so each is looked for.
        if !settings.nokler.har_eldre()
            && let Some(nye) = opprett(tx, settings, sammen, true).await?
        {
            svar.extend(nye.into_iter().map(|person| (person, true)));
            continue;
        }
        for nummer in sammen {
            svar.push(sikre_en_i_bruk(tx, settings, nummer).await?);
        }
    }
    Ok(svar)
}

async fn sikre_en_i_bruk(
    tx: &mut Tx,
    settings: &Settings,
    nummer: &Fodselsnummer,
) -> Result<(String, bool), Error> {
    loop {
        if let Some(person) = finn(tx, settings, nummer).await? {
            let first = ta_forst_i_bruk(tx, &person).await?;
            return Ok((person, first));
        }
        let nye = opprett(tx, settings, slice::from_ref(nummer), true).await?;
        if let Some(person) = nye.and_then(|mut nye| nye.pop()) {
            return Ok((person, true));
        }
    }
}

async fn finn(
    tx: &mut Tx,
    settings: &Settings,
    nummer: &Fodselsnummer,
) -> Result<Option<String>, Error> {
    let active = settings.nokler.oppslag(nummer.siffer());
    let mut found = leads_to(tx, &active).await?;
    if found.is_none() {
        for older in settings.nokler.eldre_oppslag(nummer.siffer()) {
            let Some(person) = leads_to(tx, &older).await? else {
                continue;
            };
            // Rotation: what is touched moves to the active key.
            let sealed = forsegl(settings, &person, nummer)?;
            tx.execute(
                "UPDATE identitet SET oppslag = $2, nokkel = $3, nummer = $4 WHERE oppslag = $1",
                params![older, active, sealed.nokkel, sealed.tekst],
            )
            .await?;
            found = Some(person);
            break;
        }
    }
    let Some(person) = found else {
        return Ok(None);
    };
    let now = tx.now();
    // Holds the row, so that the purge cannot take it at the same moment.
    let row: Option<(Option<String>, i64)> = tx
        .one(
            "UPDATE person SET sist_sikret = $2 WHERE id = $1 RETURNING sammenslatt_med, i_bruk",
            params![person.as_str(), now],
        )
        .await?;
    Ok(row.map(|(into, used)| {
        if used == 0 {
            sett_frist(tx, settings, &person);
        }
        into.unwrap_or(person)
    }))
}

async fn leads_to(tx: &mut Tx, oppslag: &str) -> Result<Option<String>, Error> {
    let row: Option<(String,)> = tx
        .one(
            "SELECT person FROM identitet WHERE oppslag = $1",
            params![oppslag],
        )
        .await?;
    Ok(row.map(|(person,)| person))
}

/// Makes persons with these numbers. None where one of the numbers has a person
/// already: then nobody is made.
async fn opprett(
    tx: &mut Tx,
    settings: &Settings,
    numre: &[Fodselsnummer],
    i_bruk: bool,
) -> Result<Option<Vec<String>>, Error> {
    let now = tx.now();
    let (mut ider, mut personer, mut identiteter) = (Vec::new(), Vec::new(), Vec::new());
    for nummer in numre {
        let person = tx.new_person_id();
        let sealed = forsegl(settings, &person, nummer)?;
        personer.push(vec![
            person.as_str().into(),
            1_i64.into(),
            i64::from(i_bruk).into(),
            now.into(),
        ]);
        identiteter.push(vec![
            settings.nokler.oppslag(nummer.siffer()).into(),
            person.as_str().into(),
            sealed.nokkel.into(),
            sealed.tekst.into(),
        ]);
        ider.push(person);
    }
    let into = "INSERT INTO person (id, versjon, i_bruk, sist_sikret) VALUES ";
    tx.insert(into, "", personer).await?;
    let into = "INSERT INTO identitet (oppslag, person, nokkel, nummer) VALUES ";
    let anew = " ON CONFLICT (oppslag) DO NOTHING";
    let inserted = tx.insert(into, anew, identiteter).await?;
    if inserted < ider.len() as u64 {
        for person in ider {
            tx.execute("DELETE FROM person WHERE id = $1", params![person])
                .await?;
        }
        return Ok(None);
    }
    if !i_bruk {
        for person in &ider {
            sett_frist(tx, settings, person);
        }
    }
    Ok(Some(ider))
}

fn forsegl(settings: &Settings, person: &str, nummer: &Fodselsnummer) -> Result<Forseglet, Error> {
    settings
        .nokler
        .forsegl(&nummer_sted(person), nummer.siffer())
        .map_err(Error::internal)
}

fn sett_frist(tx: &mut Tx, settings: &Settings, person: &str) {
    let due = tx.now().plus(settings.ubrukt_etter);
    tx.set_deadline(NewDeadline {
        post: navn::person(person),
        person: person.to_owned(),
        kind: FRIST_UBRUKT,
        due,
        warn: None,
        eier: ENHET.to_owned(),
        mottakere: Vec::new(),
    });
}

/// Forgets an id that nobody used since it was last asked for.
pub(crate) async fn slett_ubrukt(tx: &mut Tx, person: &str) -> Result<(), Error> {
    let settings = tx.settings::<Settings>()?;
    let latest = tx.now().minus(settings.ubrukt_etter);
    tx.execute(
        "DELETE FROM person WHERE id = $1 AND i_bruk = 0 AND sist_sikret <= $2",
        params![person, latest],
    )
    .await?;
    Ok(())
}

/// The person, who is in use from now: its id is not purged any more.
///
/// # Errors
/// `IKKE_FUNNET` when there is none.
pub(crate) async fn ta_i_bruk(tx: &mut Tx, person: &str) -> Result<(), Error> {
    if merk_brukt(tx, person).await? {
        Ok(())
    } else {
        Err(Refusal::not_found().into())
    }
}

/// The person is in use from now; whether nobody had used the id before.
pub(crate) async fn ta_forst_i_bruk(tx: &mut Tx, person: &str) -> Result<bool, Error> {
    let affected = tx
        .execute(
            "UPDATE person SET i_bruk = 1 WHERE id = $1 AND i_bruk = 0",
            params![person],
        )
        .await?;
    if affected > 0 {
        tx.clear_deadline(&navn::person(person), FRIST_UBRUKT);
    }
    Ok(affected > 0)
}

/// Marks an id as used; whether there is such an id.
pub(crate) async fn merk_brukt(tx: &mut Tx, person: &str) -> Result<bool, Error> {
    let affected = tx
        .execute(
            "UPDATE person SET i_bruk = 1 WHERE id = $1",
            params![person],
        )
        .await?;
    if affected > 0 {
        tx.clear_deadline(&navn::person(person), FRIST_UBRUKT);
    }
    Ok(affected > 0)
}

type Row = (String, i64, Option<String>, Option<String>, Option<String>);

/// One person.
///
/// # Errors
/// `IKKE_FUNNET` when there is none.
pub(crate) async fn hent(tx: &mut Tx, person: &str) -> Result<Person, Error> {
    let row: Option<Row> = tx
        .one(
            "SELECT id, versjon, visningsnavn, visningsnavn_nokkel, sammenslatt_med \
             FROM person WHERE id = $1",
            params![person],
        )
        .await?;
    let (id, versjon, tekst, nokkel, sammenslatt_med) = row.ok_or_else(Refusal::not_found)?;
    Ok(Person {
        id,
        versjon,
        visningsnavn: tekst
            .zip(nokkel)
            .map(|(tekst, nokkel)| Forseglet { nokkel, tekst }),
        sammenslatt_med,
    })
}

/// All ids of one person, the one that remains first.
pub(crate) async fn alle_ider(tx: &mut Tx, person: &Person) -> Result<Vec<String>, Error> {
    let rows: Vec<(String,)> = tx
        .all(
            "SELECT id FROM person WHERE sammenslatt_med = $1 ORDER BY id",
            params![person.rot()],
        )
        .await?;
    let merged = rows.into_iter().map(|(id,)| id);
    Ok(std::iter::once(person.rot().to_owned())
        .chain(merged)
        .collect())
}

/// The identity numbers of an id: its own, and of an id that remains also
/// those of the ids that were merged into it. The strongest kind first, then
/// the own.
pub(super) async fn identiteter(
    tx: &mut Tx,
    settings: &Settings,
    person: &Person,
) -> Result<Vec<Fodselsnummer>, Error> {
    let rows: Vec<(String, String, String)> = tx
        .all(
            "SELECT person, nokkel, nummer FROM identitet WHERE person IN \
             (SELECT id FROM person WHERE id = $1 OR sammenslatt_med = $1) ORDER BY oppslag",
            params![person.id.as_str()],
        )
        .await?;
    let mut numbers = Vec::with_capacity(rows.len());
    for (owner, nokkel, tekst) in rows {
        let text = settings
            .nokler
            .apne(&nummer_sted(&owner), &Forseglet { nokkel, tekst })
            .map_err(Error::internal)?;
        let number = Fodselsnummer::fra_lager(text).map_err(Error::internal)?;
        numbers.push((number, owner == person.id));
    }
    numbers.sort_by_key(|(number, own)| (number.identitetstype(), !own));
    Ok(numbers.into_iter().map(|(number, _)| number).collect())
}

/// Sets or removes the name that staff use.
pub(super) async fn sett_visningsnavn(
    tx: &mut Tx,
    person: &Person,
    name: Option<Forseglet>,
) -> Result<i64, Error> {
    let (tekst, nokkel) = name.map(|name| (name.tekst, name.nokkel)).unzip();
    let affected = tx
        .execute(
            "UPDATE person SET visningsnavn = $3, visningsnavn_nokkel = $4, versjon = versjon + 1 \
             WHERE id = $1 AND versjon = $2",
            params![person.id.as_str(), person.versjon, tekst, nokkel],
        )
        .await?;
    etag::ensure_affected(affected)?;
    Ok(person.versjon + 1)
}

/// Points ids to the one that remains of them.
pub(crate) async fn sett_rot(tx: &mut Tx, ider: &[String], rot: &str) -> Result<(), Error> {
    for id in ider {
        let into = Some(rot).filter(|rot| rot != id);
        tx.execute(
            "UPDATE person SET sammenslatt_med = $2, versjon = versjon + 1 WHERE id = $1",
            params![id.as_str(), into],
        )
        .await?;
    }
    Ok(())
}
