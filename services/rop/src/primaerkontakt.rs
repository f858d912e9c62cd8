//! Primærkontakt and caseload: who in the unit the person turns to first, and
//! how many persons each employee has. More than the cap warns, never refuses.
//!
//! Invariant: one open primary contact per person.

use futures::{FutureExt as _, future::BoxFuture};
use samspor_chassis::{
    domene::{Aktor, Hjemmel, Virkninger, felt, navn},
    error::{Error, FieldFaults, Refusal},
    page::Page,
    params,
    store::Tx,
    tid::Tid,
};
use samspor_proto::rop::{
    self as proto, AvsluttPrimaerkontaktRequest, AvsluttPrimaerkontaktResponse,
    ListBelastningRequest, ListBelastningResponse, ListPrimaerkontakterRequest,
    ListPrimaerkontakterResponse, TildelPrimaerkontaktRequest, TildelPrimaerkontaktResponse,
};
use serde::{Deserialize, Serialize};

use crate::{
    ENHET,
    innstillinger::innstillinger,
    lager::{self, Post},
    oppfolging, plandekning, tabell,
};

/// Longest id of an employee: it is part of a resource name.
const MAKS_ANSATT: usize = 64;

/// One relation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Forhold {
    ansatt: String,
    fra: Tid,
    til: Option<Tid>,
    tildelt_av: Aktor,
    hjemmel: Hjemmel,
    /// Why it ended, where no other took over.
    #[serde(default)]
    avslutning: String,
    #[serde(default)]
    avsluttet_av: Option<Aktor>,
}

impl lager::Innhold for Forhold {
    const SAMLING: &'static str = "primaerkontakter";
    const SQL: &'static lager::Sql = tabell!("primaerkontakt");

    fn apen(&self) -> bool {
        self.til.is_none()
    }

    fn nokkel(&self) -> String {
        self.ansatt.clone()
    }

    /// The unit counts who has one.
    fn lagret<'t>(tx: &'t mut Tx, person: &'t str) -> BoxFuture<'t, Result<(), Error>> {
        plandekning::oppdater(tx, person).boxed()
    }
}

fn to_proto(forhold: &Post<Forhold>) -> proto::Primaerkontakt {
    let Forhold {
        ansatt,
        fra,
        til,
        tildelt_av,
        hjemmel,
        avslutning,
        avsluttet_av,
    } = forhold.innhold.clone();
    proto::Primaerkontakt {
        name: forhold.name(),
        etag: forhold.etag(),
        ansvarlig_enhet: navn::enhet(&forhold.enhet),
        ansatt,
        fra: Some(fra.into()),
        til: til.map(Into::into),
        tildelt_av: Some(tildelt_av.to_proto()),
        hjemmel: Some(hjemmel.to_proto()),
        avslutning,
        avsluttet_av: avsluttet_av.map(|who| who.to_proto()),
        skjerming: None,
    }
}

/// An employee's id, as it can stand in a name.
fn les_ansatt(ansatt: &str, faults: &mut FieldFaults) -> String {
    let read = felt::pakrevd(ansatt, "ansatt", MAKS_ANSATT, faults);
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    if !read.bytes().all(fits) {
        faults.form("ansatt", "en id av a-z, 0-9, _ og -");
    }
    read
}

async fn antall(tx: &mut Tx, enhet: &str, ansatt: &str) -> Result<i32, Error> {
    let row: Option<(i64,)> = tx
        .one(
            "SELECT CAST(COUNT(*) AS BIGINT) FROM primaerkontakt \
             WHERE ansvarlig_enhet = $1 AND nokkel = $2 AND tilstand = 'APEN'",
            params![enhet, ansatt],
        )
        .await?;
    Ok(row.map_or(0, |(count,)| i32::try_from(count).unwrap_or(i32::MAX)))
}

pub(crate) async fn tildel(
    tx: &mut Tx,
    request: TildelPrimaerkontaktRequest,
) -> Result<TildelPrimaerkontaktResponse, Error> {
    let av = crate::for_enhet(tx)?;
    let now = tx.now();
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&request.parent, "parent", &mut faults);
    let ansatt = les_ansatt(&request.ansatt, &mut faults);
    let hjemmel = felt::hjemmel(request.hjemmel.as_ref(), "hjemmel", &mut faults);
    faults.finish()?;
    oppfolging::rpc::folg(tx, &person).await?;
    if let Some(mut before) = lager::apne::<Forhold>(tx, &person).await?.pop() {
        if before.innhold.ansatt == ansatt {
            return Err(Refusal::conflict("samme primærkontakt").into());
        }
        before.innhold.til = Some(now);
        before.innhold.avsluttet_av = Some(av.clone());
        lager::lagre(tx, &mut before).await?;
    }
    let forhold = Forhold {
        ansatt,
        fra: now,
        til: None,
        tildelt_av: av,
        hjemmel,
        avslutning: String::new(),
        avsluttet_av: None,
    };
    let forhold = Post::ny(ENHET, person, tx.new_id(), forhold);
    lager::legg_til(tx, &forhold).await?;
    let count = antall(tx, &forhold.enhet, &forhold.innhold.ansatt).await?;
    let cap = i32::from(innstillinger()?.brukere_per_ansatt);
    let mut out = Virkninger::new();
    let owner = [forhold.enhet.clone()];
    out.hendelse("PrimaerkontaktTildelt", &forhold.emne(), owner.clone());
    if count > cap {
        out.hendelse("BelastningOverGrensen", &forhold.emne(), owner);
    }
    out.utfor(tx);
    Ok(TildelPrimaerkontaktResponse {
        primaerkontakt: Some(to_proto(&forhold)),
        over_grensen: count > cap,
        antall: count,
        grense: cap,
    })
}

pub(crate) async fn avslutt(
    tx: &mut Tx,
    request: AvsluttPrimaerkontaktRequest,
) -> Result<AvsluttPrimaerkontaktResponse, Error> {
    let av = crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let reason = felt::pakrevd(&request.begrunnelse, "begrunnelse", felt::LANG, &mut faults);
    let mut forhold = lager::hent_for_endring::<Forhold>(tx, &request.name, faults).await?;
    if forhold.innhold.til.is_some() {
        return Err(Refusal::transition("AVSLUTTET", &[]).into());
    }
    ferdig(tx, &mut forhold, reason, av).await?;
    let antall = antall(tx, &forhold.enhet, &forhold.innhold.ansatt).await?;
    Ok(AvsluttPrimaerkontaktResponse {
        primaerkontakt: Some(to_proto(&forhold)),
        antall,
    })
}

async fn ferdig(
    tx: &mut Tx,
    forhold: &mut Post<Forhold>,
    reason: String,
    av: Aktor,
) -> Result<(), Error> {
    forhold.innhold.til = Some(tx.now());
    forhold.innhold.avslutning = reason;
    forhold.innhold.avsluttet_av = Some(av);
    lager::lagre(tx, forhold).await?;
    let mut out = Virkninger::new();
    let owner = [forhold.enhet.clone()];
    out.hendelse("PrimaerkontaktAvsluttet", &forhold.emne(), owner);
    out.utfor(tx);
    Ok(())
}

/// The unit follows the person no more.
pub(crate) async fn avslutt_alle(
    tx: &mut Tx,
    person: &str,
    slutt: &oppfolging::Slutt,
) -> Result<(), Error> {
    for mut forhold in lager::apne(tx, person).await? {
        let (reason, av) = (slutt.begrunnelse.clone(), slutt.av.clone());
        ferdig(tx, &mut forhold, reason, av).await?;
    }
    Ok(())
}

pub(crate) async fn list(
    tx: &mut Tx,
    request: ListPrimaerkontakterRequest,
) -> Result<ListPrimaerkontakterResponse, Error> {
    let (all, next_page_token) =
        lager::personens(tx, &request.parent, request.page_size, &request.page_token).await?;
    Ok(ListPrimaerkontakterResponse {
        primaerkontakter: all.iter().map(to_proto).collect(),
        next_page_token,
    })
}

pub(crate) async fn list_belastning(
    tx: &mut Tx,
    request: ListBelastningRequest,
) -> Result<ListBelastningResponse, Error> {
    let mut faults = FieldFaults::new();
    let enhet = navn::les_enhet(&request.parent, "parent", &mut faults);
    faults.finish()?;
    let page = Page::parse(request.page_size, &request.page_token)?;
    let after = page.after().unwrap_or_default();
    let rows: Vec<(String, i64)> = tx
        .all(
            "SELECT nokkel, CAST(COUNT(*) AS BIGINT) FROM primaerkontakt \
             WHERE ansvarlig_enhet = $1 AND tilstand = 'APEN' AND nokkel > $2 \
             GROUP BY nokkel ORDER BY nokkel LIMIT $3",
            params![enhet.as_str(), after, page.limit()],
        )
        .await?;
    let (rows, next_page_token) = page.cut(rows, |row| row.0.clone());
    let cap = i32::from(innstillinger()?.brukere_per_ansatt);
    let belastninger = rows.into_iter().map(|(ansatt, count)| {
        let antall = i32::try_from(count).unwrap_or(i32::MAX);
        proto::Belastning {
            name: format!("enheter/{enhet}/belastning/{ansatt}"),
            etag: String::new(),
            ansvarlig_enhet: navn::enhet(&enhet),
            ansatt,
            antall,
            grense: cap,
            over_grensen: antall > cap,
            skjerming: None,
        }
    });
    Ok(ListBelastningResponse {
        belastninger: belastninger.collect(),
        next_page_token,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_employee_can_stand_in_a_name() {
        for (ansatt, sound) in [
            ("rop-t1", true),
            ("", false),
            ("Ola", false),
            ("a/b", false),
        ] {
            let mut faults = FieldFaults::new();
            les_ansatt(ansatt, &mut faults);
            assert_eq!(faults.is_empty(), sound, "{ansatt}");
        }
    }
}
