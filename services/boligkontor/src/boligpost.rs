//! Records of a dwelling: with a version, whether it is open, what else it is
//! found by, a deadline, and the rest as a document. About no person, so that
//! they are kept beside the chassis's `lager`.

use samspor_chassis::{
    domene::{Emne, dokument},
    error::{Error, FieldFaults, Refusal},
    page::Page,
    params,
    store::{Tx, etag},
    tid::Tid,
};
use samspor_proto::felles::Feilgrunn;
use serde::{Serialize, de::DeserializeOwned};

use crate::{ENHET, bolig};

/// The statements of one table.
pub(crate) struct Sql {
    pub(crate) hent: &'static str,
    pub(crate) apen: &'static str,
    pub(crate) sett_inn: &'static str,
    pub(crate) lagre: &'static str,
    pub(crate) alle_apne: &'static str,
    pub(crate) boligens: &'static str,
    pub(crate) apne: &'static str,
}

/// The statements of a table, by its name.
macro_rules! boligtabell {
    ($table:literal) => {
        &$crate::boligpost::Sql {
            hent: concat!(
                "SELECT id, bolig, versjon, innhold FROM ",
                $table,
                " WHERE id = $1 AND bolig = $2"
            ),
            apen: concat!(
                "SELECT id, bolig, versjon, innhold FROM ",
                $table,
                " WHERE bolig = $1 AND tilstand = 'APEN' AND nokkel = $2"
            ),
            sett_inn: concat!(
                "INSERT INTO ",
                $table,
                " (id, bolig, versjon, tilstand, nokkel, frist, innhold) \
                 VALUES ($1, $2, 1, $3, $4, $5, $6)"
            ),
            lagre: concat!(
                "UPDATE ",
                $table,
                " SET versjon = versjon + 1, tilstand = $1, innhold = $2 \
                 WHERE id = $3 AND versjon = $4"
            ),
            alle_apne: concat!(
                "SELECT id, bolig, versjon, innhold FROM ",
                $table,
                " WHERE bolig = $1 AND tilstand = 'APEN'"
            ),
            boligens: concat!(
                "SELECT id, bolig, versjon, innhold FROM ",
                $table,
                " WHERE bolig = $1 AND id < $2 ORDER BY id DESC LIMIT $3"
            ),
            apne: concat!(
                "SELECT frist, id, bolig, versjon, innhold FROM ",
                $table,
                " WHERE tilstand = 'APEN' AND (frist, id) > ($1, $2) ORDER BY frist, id LIMIT $3"
            ),
        }
    };
}
pub(crate) use boligtabell;

/// What one kind of record holds.
pub(crate) trait Innhold: Clone + Serialize + DeserializeOwned + Send + Sync {
    /// Collection in the resource name.
    const SAMLING: &'static str;
    /// Its table.
    const SQL: &'static Sql;
    /// Whether it stands in the work list.
    fn apen(&self) -> bool;
    /// What else it is found by.
    fn nokkel(&self) -> &'static str {
        ""
    }
    /// By when it must be done.
    fn frist(&self) -> Tid;
}

/// A record.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Post<I> {
    /// Id of the dwelling.
    pub(crate) bolig: String,
    pub(crate) id: String,
    pub(crate) versjon: i64,
    pub(crate) innhold: I,
}

impl<I: Innhold> Post<I> {
    pub(crate) const fn ny(bolig: String, id: String, innhold: I) -> Self {
        Self {
            bolig,
            id,
            versjon: 1,
            innhold,
        }
    }

    /// Resource name.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}/{}", bolig::navn_pa(&self.bolig), I::SAMLING, self.id)
    }

    pub(crate) fn etag(&self) -> String {
        etag::etag(self.versjon)
    }

    /// What events and deadlines are about: the dwelling, and no person.
    pub(crate) fn emne(&self) -> Emne {
        Emne {
            person: String::new(),
            post: self.name(),
            eier: ENHET.to_owned(),
        }
    }
}

const fn tilstand(apen: bool) -> &'static str {
    if apen { "APEN" } else { "LUKKET" }
}

type Rad = (String, String, i64, String);

fn les<I: Innhold>((id, bolig, versjon, innhold): Rad) -> Result<Post<I>, Error> {
    Ok(Post {
        bolig,
        id,
        versjon,
        innhold: dokument::les(&innhold)?,
    })
}

/// Dwelling and id of the record that a request names.
fn les_navn<I: Innhold>(name: &str, mut faults: FieldFaults) -> Result<(String, String), Refusal> {
    let parts: Vec<&str> = name.split('/').collect();
    let found = match parts.as_slice() {
        ["enheter", ENHET, bolig::SAMLING, dwelling, collection, id]
            if *collection == I::SAMLING && !dwelling.is_empty() && !id.is_empty() =>
        {
            ((*dwelling).to_owned(), (*id).to_owned())
        }
        _ if name.is_empty() => {
            faults.missing("name");
            <(String, String)>::default()
        }
        _ => {
            let (dwellings, collection) = (bolig::SAMLING, I::SAMLING);
            faults.form(
                "name",
                format_args!("enheter/{ENHET}/{dwellings}/{{uuid}}/{collection}/{{uuid}}"),
            );
            <(String, String)>::default()
        }
    };
    faults.finish()?;
    Ok(found)
}

async fn finn<I: Innhold>(tx: &mut Tx, bolig: &str, id: &str) -> Result<Post<I>, Error> {
    let row: Option<Rad> = tx.one(I::SQL.hent, params![id, bolig]).await?;
    les(row.ok_or_else(Refusal::not_found)?)
}

/// The record that a request names.
pub(crate) async fn hent<I: Innhold>(tx: &mut Tx, name: &str) -> Result<Post<I>, Error> {
    let (dwelling, id) = les_navn::<I>(name, FieldFaults::new())?;
    finn(tx, &dwelling, &id).await
}

/// The same, for a change: changes of one dwelling run one after the other.
pub(crate) async fn hent_for_endring<I: Innhold>(
    tx: &mut Tx,
    name: &str,
    faults: FieldFaults,
) -> Result<Post<I>, Error> {
    let (dwelling, id) = les_navn::<I>(name, faults)?;
    tx.lock(&format!("bolig/{dwelling}")).await?;
    finn(tx, &dwelling, &id).await
}

/// The open one of a dwelling that is found by that.
pub(crate) async fn apen<I: Innhold>(
    tx: &mut Tx,
    bolig: &str,
    nokkel: &str,
) -> Result<Option<Post<I>>, Error> {
    let row: Option<Rad> = tx.one(I::SQL.apen, params![bolig, nokkel]).await?;
    row.map(les).transpose()
}

/// All that is open of a dwelling.
pub(crate) async fn alle_apne<I: Innhold>(tx: &mut Tx, bolig: &str) -> Result<Vec<Post<I>>, Error> {
    let rows: Vec<Rad> = tx.all(I::SQL.alle_apne, params![bolig]).await?;
    rows.into_iter().map(les).collect()
}

pub(crate) async fn sett_inn<I: Innhold>(tx: &mut Tx, post: &Post<I>) -> Result<(), Error> {
    tx.execute(
        I::SQL.sett_inn,
        params![
            post.id.as_str(),
            post.bolig.as_str(),
            tilstand(post.innhold.apen()),
            post.innhold.nokkel(),
            post.innhold.frist(),
            dokument::skriv(&post.innhold)?
        ],
    )
    .await?;
    Ok(())
}

/// Stores a change of the version that was read; the record has the next.
pub(crate) async fn lagre<I: Innhold>(tx: &mut Tx, post: &mut Post<I>) -> Result<(), Error> {
    let affected = tx
        .execute(
            I::SQL.lagre,
            params![
                tilstand(post.innhold.apen()),
                dokument::skriv(&post.innhold)?,
                post.id.as_str(),
                post.versjon
            ],
        )
        .await?;
    etag::ensure_affected(affected)?;
    post.versjon += 1;
    Ok(())
}

/// One page of a dwelling's, newest first.
pub(crate) async fn boligens<I: Innhold>(
    tx: &mut Tx,
    parent: &str,
    page_size: i32,
    page_token: &str,
) -> Result<(Vec<Post<I>>, String), Error> {
    let mut faults = FieldFaults::new();
    let dwelling = bolig::rpc::les_navn(parent, "parent", &mut faults);
    faults.finish()?;
    let page = Page::parse(page_size, page_token)?;
    let below = dokument::nyeste(&page);
    let rows: Vec<Rad> = tx
        .all(I::SQL.boligens, params![dwelling, below, page.limit()])
        .await?;
    let (rows, next) = page.cut(rows, |row| row.0.clone());
    Ok((rows.into_iter().map(les).collect::<Result<_, _>>()?, next))
}

/// One page of the open ones of the stock, that which breaks next first.
pub(crate) async fn apne<I: Innhold>(
    tx: &mut Tx,
    parent: &str,
    page_size: i32,
    page_token: &str,
) -> Result<(Vec<Post<I>>, String), Error> {
    let mut faults = FieldFaults::new();
    bolig::rpc::krev_kontoret(parent, &mut faults);
    faults.finish()?;
    let page = Page::parse(page_size, page_token)?;
    let (frist, after) = match page.after() {
        None => (i64::MIN, ""),
        Some(key) => key
            .split_once('|')
            .and_then(|(due, id)| Some((due.parse().ok()?, id)))
            .ok_or_else(|| Refusal::new(Feilgrunn::UgyldigSidetoken))?,
    };
    let rows: Vec<(i64, String, String, i64, String)> = tx
        .all(I::SQL.apne, params![frist, after, page.limit()])
        .await?;
    let (rows, next) = page.cut(rows, |row| format!("{}|{}", row.0, row.1));
    let posts = rows
        .into_iter()
        .map(|(_, id, bolig, versjon, innhold)| les((id, bolig, versjon, innhold)));
    Ok((posts.collect::<Result<_, _>>()?, next))
}
