//! Records of one shape: a person's, with a version, a state, one key to look
//! for, perhaps a deadline, and the rest as a document. What differs between
//! them is the table, so the SQL is written once ([`tabell!`](crate::tabell)).

use std::future::ready;

use futures::{FutureExt as _, future::BoxFuture};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    domene::{Emne, dokument, navn},
    error::{Error, FieldFaults, Refusal},
    page::Page,
    params,
    store::{self, Tx, etag},
    tid::Tid,
};

/// Where the end of what goes on is kept: after everything.
pub const APENT: Tid = Tid(i64::MAX);

/// The statements of one table.
pub struct Sql {
    /// Columns of a new record, for rows of [`rad`].
    pub inn: &'static str,
    hent: &'static str,
    lagre: &'static str,
    personens: &'static str,
    apne: &'static str,
    enhetens: &'static str,
}

impl Sql {
    /// As [`tabell!`](crate::tabell) writes them.
    #[must_use]
    pub const fn new(
        inn: &'static str,
        hent: &'static str,
        lagre: &'static str,
        personens: &'static str,
        apne: &'static str,
        enhetens: &'static str,
    ) -> Self {
        Self {
            inn,
            hent,
            lagre,
            personens,
            apne,
            enhetens,
        }
    }
}

/// The statements of a table, by its name.
#[macro_export]
macro_rules! tabell {
    ($table:literal) => {
        &$crate::lager::Sql::new(
            concat!(
                "INSERT INTO ",
                $table,
                " (id, person, versjon, ansvarlig_enhet, tilstand, nokkel, frist, innhold, fra) \
                 VALUES "
            ),
            concat!(
                "SELECT id, person, versjon, ansvarlig_enhet, innhold FROM ",
                $table,
                " WHERE id = $1 AND person = $2"
            ),
            concat!(
                "UPDATE ",
                $table,
                " SET versjon = versjon + 1, tilstand = $1, nokkel = $2, frist = $3, innhold = $4 \
                 WHERE id = $5 AND versjon = $6"
            ),
            concat!(
                "SELECT id, person, versjon, ansvarlig_enhet, innhold FROM ",
                $table,
                " WHERE person = $1 AND id < $2 ORDER BY id DESC LIMIT $3"
            ),
            concat!(
                "SELECT id, person, versjon, ansvarlig_enhet, innhold FROM ",
                $table,
                " WHERE person = $1 AND tilstand = 'APEN'"
            ),
            concat!(
                "SELECT id, person, versjon, ansvarlig_enhet, innhold FROM ",
                $table,
                " WHERE ansvarlig_enhet = $1 AND tilstand = 'APEN' AND id > $2 ORDER BY id LIMIT $3"
            ),
        )
    };
}

/// What one kind of record holds.
pub trait Innhold: Clone + Serialize + DeserializeOwned + Send + Sync {
    /// Collection in the resource name.
    const SAMLING: &'static str;
    /// Its table.
    const SQL: &'static Sql;
    /// Whether it goes on; open records are found by person and by unit.
    fn apen(&self) -> bool;
    /// What else it is found by.
    fn nokkel(&self) -> String {
        String::new()
    }
    /// When it must be seen to, or when it ended ([`APENT`] while it goes on).
    fn frist(&self) -> Option<Tid> {
        None
    }
    /// From when it holds, where figures of past periods need it.
    fn fra(&self) -> Tid {
        Tid(0)
    }
    /// What follows in the same transaction once one of the person's is stored.
    fn lagret<'t>(_tx: &'t mut Tx, _person: &'t str) -> BoxFuture<'t, Result<(), Error>> {
        ready(Ok(())).boxed()
    }
}

/// A record.
#[derive(Debug, Clone, PartialEq)]
pub struct Post<I> {
    /// Person id.
    pub person: String,
    /// Id.
    pub id: String,
    /// Version that was read.
    pub versjon: i64,
    /// Unit id that owns it.
    pub enhet: String,
    /// The rest.
    pub innhold: I,
}

impl<I: Innhold> Post<I> {
    /// A new record of a unit.
    #[must_use]
    pub fn ny(enhet: &str, person: String, id: String, innhold: I) -> Self {
        Self {
            person,
            id,
            versjon: 1,
            enhet: enhet.to_owned(),
            innhold,
        }
    }

    /// Resource name.
    #[must_use]
    pub fn name(&self) -> String {
        navn::post(&self.person, I::SAMLING, &self.id)
    }

    /// Version, as the contract carries it.
    #[must_use]
    pub fn etag(&self) -> String {
        etag::etag(self.versjon)
    }

    /// What events and deadlines are about.
    #[must_use]
    pub fn emne(&self) -> Emne {
        Emne {
            person: self.person.clone(),
            post: self.name(),
            eier: self.enhet.clone(),
        }
    }

    const fn tilstand(apen: bool) -> &'static str {
        if apen { "APEN" } else { "LUKKET" }
    }
}

type Row = (String, String, i64, String, String);

fn les<I: Innhold>((id, person, versjon, enhet, innhold): Row) -> Result<Post<I>, Error> {
    Ok(Post {
        person,
        id,
        versjon,
        enhet,
        innhold: dokument::les(&innhold)?,
    })
}

/// Changes of one person's records run one after the other: a record looks at
/// those before it.
///
/// # Errors
/// When the database is not available.
pub async fn las_person(tx: &mut Tx, person: &str) -> Result<(), Error> {
    tx.lock(&format!("person/{person}")).await
}

/// The record of that person with that id.
///
/// # Errors
/// `IKKE_FUNNET`; or the database is not available.
pub async fn hent<I: Innhold>(tx: &mut Tx, person: &str, id: &str) -> Result<Post<I>, Error> {
    let row: Option<Row> = tx.one(I::SQL.hent, params![id, person]).await?;
    les(row.ok_or_else(Refusal::not_found)?)
}

/// The record that a request names; the person's records are locked for a
/// change.
///
/// # Errors
/// Faults of the name; `IKKE_FUNNET`; or the database is not available.
pub async fn hent_for_endring<I: Innhold>(
    tx: &mut Tx,
    name: &str,
    mut faults: FieldFaults,
) -> Result<Post<I>, Error> {
    let (person, id) = navn::les_post(name, I::SAMLING, "name", &mut faults);
    faults.finish()?;
    las_person(tx, &person).await?;
    hent(tx, &person, &id).await
}

/// The record that a request names.
///
/// # Errors
/// Faults of the name; `IKKE_FUNNET`; or the database is not available.
pub async fn les_navngitt<I: Innhold>(tx: &mut Tx, name: &str) -> Result<Post<I>, Error> {
    let mut faults = FieldFaults::new();
    let (person, id) = navn::les_post(name, I::SAMLING, "name", &mut faults);
    faults.finish()?;
    hent(tx, &person, &id).await
}

/// The values of a record's columns, in the order of [`Sql::inn`].
///
/// # Errors
/// A defect, where the record cannot be written.
pub fn rad<I: Innhold>(post: &Post<I>) -> Result<store::Row, Error> {
    Ok(vec![
        post.id.as_str().into(),
        post.person.as_str().into(),
        post.versjon.into(),
        post.enhet.as_str().into(),
        Post::<I>::tilstand(post.innhold.apen()).into(),
        post.innhold.nokkel().into(),
        post.innhold.frist().into(),
        dokument::skriv(&post.innhold)?.into(),
        post.innhold.fra().into(),
    ])
}

/// Stores a new record. False when an index of its table refuses it.
///
/// # Errors
/// When the database is not available.
pub async fn sett_inn<I: Innhold>(tx: &mut Tx, post: &Post<I>) -> Result<bool, Error> {
    let inserted = tx
        .insert(I::SQL.inn, " ON CONFLICT DO NOTHING", vec![rad(post)?])
        .await?;
    I::lagret(tx, &post.person).await?;
    Ok(inserted == 1)
}

/// Stores a new record that no index may refuse: what was open before it is
/// closed by then.
///
/// # Errors
/// A defect, where an index refused it.
pub async fn legg_til<I: Innhold>(tx: &mut Tx, post: &Post<I>) -> Result<(), Error> {
    if sett_inn(tx, post).await? {
        return Ok(());
    }
    Err(Error::internal("a new record stands beside an open one"))
}

/// Stores a change of the version that was read; the record has the next.
///
/// # Errors
/// `ETAG_UTDATERT` where somebody else stored another version meanwhile.
pub async fn lagre<I: Innhold>(tx: &mut Tx, post: &mut Post<I>) -> Result<(), Error> {
    let affected = tx
        .execute(
            I::SQL.lagre,
            params![
                Post::<I>::tilstand(post.innhold.apen()),
                post.innhold.nokkel(),
                post.innhold.frist(),
                dokument::skriv(&post.innhold)?,
                post.id.as_str(),
                post.versjon
            ],
        )
        .await?;
    etag::ensure_affected(affected)?;
    post.versjon += 1;
    I::lagret(tx, &post.person).await?;
    Ok(())
}

/// Open records of a person, oldest first.
///
/// # Errors
/// When the database is not available.
pub async fn apne<I: Innhold>(tx: &mut Tx, person: &str) -> Result<Vec<Post<I>>, Error> {
    let mut rows: Vec<Row> = tx.all(I::SQL.apne, params![person]).await?;
    // Here, and not in the statement: PostgreSQL would walk all records of the
    // person in that order rather than sort the few that are open.
    rows.sort_unstable();
    rows.into_iter().map(les).collect()
}

/// One page of a person's records, newest first.
///
/// # Errors
/// Faults of the parent and the page.
pub async fn personens<I: Innhold>(
    tx: &mut Tx,
    parent: &str,
    page_size: i32,
    page_token: &str,
) -> Result<(Vec<Post<I>>, String), Error> {
    let mut faults = FieldFaults::new();
    let person = navn::les_person(parent, "parent", &mut faults);
    faults.finish()?;
    let page = Page::parse(page_size, page_token)?;
    let below = dokument::nyeste(&page);
    let rows: Vec<Row> = tx
        .all(I::SQL.personens, params![person, below, page.limit()])
        .await?;
    let (rows, next) = page.cut(rows, |row| row.0.clone());
    Ok((rows.into_iter().map(les).collect::<Result<_, _>>()?, next))
}

/// One page of a unit's open records, oldest first.
///
/// # Errors
/// When the database is not available.
pub async fn enhetens<I: Innhold>(
    tx: &mut Tx,
    enhet: &str,
    page: &Page,
) -> Result<(Vec<Post<I>>, String), Error> {
    let after = page.after().unwrap_or_default();
    let rows: Vec<Row> = tx
        .all(I::SQL.enhetens, params![enhet, after, page.limit()])
        .await?;
    let (rows, next) = page.cut(rows, |row| row.0.clone());
    Ok((rows.into_iter().map(les).collect::<Result<_, _>>()?, next))
}
