//! A person's view of the access log, and the controllers' (P21, P25).

use samspor_chassis::{
    call::Call,
    domene::felt,
    error::{Error, FieldFaults, Refusal},
    page::Page,
    store::Store,
    tid::Tid,
};
use samspor_proto::{
    felles::{Feilgrunn, Rolle},
    gateway::{Innsyn, InnsynPost, ListInnsynRequest, ListInnsynResponse},
    klassifisering::Klasser,
};

use crate::{
    log::{LoggedRow, rows_of},
    redaction::parse_name,
};

/// Rows about one person, newest first.
pub(super) async fn list(
    store: &Store,
    call: &Call,
    request: ListInnsynRequest,
) -> Result<ListInnsynResponse, Error> {
    let person = parse_name("personer/{person}", &request.parent)
        .and_then(|name| name.person)
        .ok_or_else(Refusal::not_found)?;
    let page = Page::parse(request.page_size, &request.page_token)?;
    let before = page
        .after()
        .map(|index| {
            index
                .parse()
                .map_err(|_| Refusal::new(Feilgrunn::UgyldigSidetoken))
        })
        .transpose()?;
    let mut faults = FieldFaults::new();
    let fra = felt::tidspunkt(request.fra, "fra", &mut faults);
    let til = felt::tidspunkt(request.til, "til", &mut faults);
    if let (Some(fra), Some(til)) = (fra, til)
        && til <= fra
    {
        faults.contradicts("til", "fra", "perioden må slutte etter at den begynner");
    }
    faults.finish()?;
    let period = fra.map_or(i64::MIN, |fra| fra.0)..til.map_or(i64::MAX, |til| til.0);
    let rows = rows_of(store.readers(), person, period, before, page.limit()).await?;
    let (rows, next_page_token) = page.cut(rows, |row| row.content.indeks.to_string());
    let whole = call.actor.rolle != Rolle::Innbygger;
    let innsyn = rows.iter().map(|row| shown(person, row, whole)).collect();
    Ok(ListInnsynResponse {
        innsyn,
        next_page_token,
    })
}

/// A row as its reader sees it: the person is not told of a record that is
/// exempt from the person's own access, and so of none that nobody was shown.
fn shown(person: &str, row: &LoggedRow, whole: bool) -> Innsyn {
    let content = &row.content;
    // What became of a call that was not answered is not known.
    let avslatt = !matches!(
        content.utfall(),
        Feilgrunn::Unspecified | Feilgrunn::Utilgjengelig | Feilgrunn::FristUte
    );
    Innsyn {
        name: format!("personer/{person}/innsyn/{}", content.indeks),
        tid: Some(Tid(content.tid).to_proto()),
        aktor: content.aktor.clone(),
        formal: content.formal,
        metode: content.metode.clone(),
        poster: content
            .poster
            .iter()
            .filter(|post| whole || !(post.unntatt_innsyn || avslatt))
            .map(|post| InnsynPost {
                post: post.post.clone(),
                utlevert: Klasser::fra_bits(post.utlevert)
                    .iter()
                    .map(Into::into)
                    .collect(),
                skjermet: Klasser::fra_bits(post.skjermet)
                    .iter()
                    .map(Into::into)
                    .collect(),
            })
            .collect(),
        regler: content.regler.clone(),
        avslatt,
        egen_relasjon: content.egen_relasjon,
        sporings_id: content.sporings_id.clone(),
        representant: content.representant,
        regelversjon: content.regelversjon.clone(),
        sak: content.sak.clone(),
        skjerming: None,
    }
}
