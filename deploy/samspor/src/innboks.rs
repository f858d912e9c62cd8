//! `samspor innboks`: what waits for a unit, since when, and what breaks next,
//! asked through the gateway as any client asks, of every service that has a
//! work list: bestillerkontor, rop, nav, and with the token of a leader the
//! gateway's break-glass sessions that wait for review.

#![expect(clippy::print_stdout, reason = "a command line talks to its user")]

use std::{collections::BTreeSet, io::IsTerminal as _, net::SocketAddr};

use anyhow::Result;
use samspor_chassis::{domene::Dag, tid::Tid};
use samspor_proto::{
    bestillerkontor::{ListVenteposterRequest, ListVenteposterResponse, Ventepost},
    gateway::{ListNodtilgangerRequest, ListNodtilgangerResponse, Nodtilgang},
    nav,
    rop::{ListOppgaverRequest, ListOppgaverResponse, Oppgave},
    tilgang::Formal,
};
use tonic::{Code, Status};

use crate::desk::{Answer, Desk, TokenSource};

/// Largest page that the gateway gives.
const PAGE: i32 = 200;
/// Days ahead in which a deadline is near.
const NEAR: i32 = 3;

/// Prints the work list of a unit, a line for each thing that waits; in colour
/// where that is wanted and the output is a terminal.
///
/// # Errors
/// When the gateway does not answer, or refuses.
pub async fn run(
    gateway: SocketAddr,
    token: TokenSource,
    enhet: &str,
    json: bool,
    colour: bool,
    now: Tid,
) -> Result<()> {
    let waiting = liste(&Desk::at(gateway, token).await?, enhet, now).await?;
    let colour = colour && std::io::stdout().is_terminal();
    for post in &waiting {
        println!("{}", line(post, json, colour, now));
    }
    if waiting.is_empty() && !json {
        println!("ingenting venter på {enhet}");
    }
    Ok(())
}

/// What waits for a unit in every service that has a work list, that which
/// breaks next first.
///
/// # Errors
/// When the gateway does not answer, or refuses.
pub async fn liste(desk: &Desk, enhet: &str, now: Tid) -> Result<Vec<Venter>> {
    let parent = format!("enheter/{enhet}");
    let desk = desk.with_purpose(Formal::Ytelse);
    let mut waiting = venteposter(&desk, &parent).await?;
    let orders: BTreeSet<String> = waiting.iter().map(|post| post.post.clone()).collect();
    let tasks = if_shown(oppgaver(&desk, &parent, now).await)?.into_iter();
    // An offer waits at bestillerkontor, and once is enough.
    waiting.extend(tasks.filter(|task| task.type_ != OFFER || !orders.contains(&task.post)));
    waiting.extend(if_shown(navoppgaver(&desk, &parent, now).await)?);
    let control = desk.with_purpose(Formal::Kontroll);
    waiting.extend(if_shown(nodtilganger(&control, &parent, now).await)?);
    let rest = Tid(i64::MAX);
    waiting.sort_by(|a, b| {
        let due = |of: &Venter| of.frist.unwrap_or(rest);
        (due(a), &a.post).cmp(&(due(b), &b.post))
    });
    Ok(waiting)
}

/// ROP's task about an offer.
const OFFER: &str = "OPPDRAG_TILBUDT";

/// A list that is not for this unit or this role is empty to it: break-glass is
/// the leader's to review. That a service does not answer is a fault.
fn if_shown(list: Result<Vec<Venter>>) -> Result<Vec<Venter>> {
    match list {
        Err(fault) if fault.downcast_ref::<Status>().is_some_and(not_shown) => Ok(Vec::new()),
        list => list,
    }
}

fn not_shown(refused: &Status) -> bool {
    matches!(refused.code(), Code::NotFound | Code::PermissionDenied)
}

/// One thing that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Venter {
    /// What is waited for: `SVAR`, `OPPSOKENDE`, `NODTILGANG` …
    pub type_: String,
    /// Unit that must act: `enheter/rop`.
    pub venter_pa: String,
    /// The record.
    pub post: String,
    /// Since when.
    pub siden: Option<Tid>,
    /// When it must be done.
    pub frist: Option<Tid>,
    /// That time has passed.
    pub brutt: bool,
}

fn instant(at: Option<prost_types::Timestamp>) -> Option<Tid> {
    at.and_then(|at| Tid::try_from(at).ok())
}

impl From<Ventepost> for Venter {
    fn from(post: Ventepost) -> Self {
        let kind = post.r#type().as_str_name();
        Self {
            type_: kind.strip_prefix("VENTETYPE_").unwrap_or(kind).to_owned(),
            venter_pa: post.venter_pa,
            post: post.post,
            siden: instant(post.siden),
            frist: instant(post.frist),
            brutt: post.brutt,
        }
    }
}

impl Venter {
    /// A task of ROP's, taken or not, that is not done.
    fn oppgave(task: Oppgave, now: Tid) -> Self {
        let kind = task.r#type().as_str_name();
        let due = instant(task.frist);
        Self {
            type_: kind.strip_prefix("OPPGAVETYPE_").unwrap_or(kind).to_owned(),
            venter_pa: task.ansvarlig_enhet,
            post: task.post,
            siden: instant(task.siden),
            frist: due,
            brutt: due.is_some_and(|due| due <= now),
        }
    }

    /// A task of nav's, taken or not, that is not done.
    fn navoppgave(task: nav::Oppgave, now: Tid) -> Self {
        let kind = task.r#type().as_str_name();
        let due = instant(task.frist);
        Self {
            type_: kind.strip_prefix("OPPGAVETYPE_").unwrap_or(kind).to_owned(),
            venter_pa: task.ansvarlig_enhet,
            post: task.post,
            siden: instant(task.siden),
            frist: due,
            brutt: due.is_some_and(|due| due <= now),
        }
    }

    /// A session that waits for review.
    fn nodtilgang(session: Nodtilgang, now: Tid) -> Self {
        let due = instant(session.gjennomgang_frist);
        Self {
            type_: "NODTILGANG".to_owned(),
            venter_pa: session.enhet,
            post: session.name,
            siden: instant(session.startet),
            frist: due,
            brutt: due.is_some_and(|due| due <= now),
        }
    }
}

fn result<A>(answer: Answer<A>) -> Result<A> {
    answer.result.map_err(|refused| {
        let said = format!(
            "{:?}: {} (trace {})",
            refused.code(),
            refused.message(),
            answer.trace_id
        );
        anyhow::Error::new(refused).context(said)
    })
}

async fn venteposter(desk: &Desk, parent: &str) -> Result<Vec<Venter>> {
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListVenteposterRequest {
            parent: parent.to_owned(),
            page_size: PAGE,
            page_token,
        };
        let method = "bestillerkontor.v1.InnboksService/ListVenteposter";
        let page: ListVenteposterResponse = result(desk.call(method, request).await)?;
        all.extend(page.venteposter.into_iter().map(Venter::from));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(all);
        }
    }
}

async fn oppgaver(desk: &Desk, parent: &str, now: Tid) -> Result<Vec<Venter>> {
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListOppgaverRequest {
            parent: parent.to_owned(),
            page_size: PAGE,
            page_token,
            ..ListOppgaverRequest::default()
        };
        let method = "rop.v1.InnboksService/ListOppgaver";
        let page: ListOppgaverResponse = result(desk.call(method, request).await)?;
        let tasks = page.oppgaver.into_iter();
        all.extend(tasks.map(|task| Venter::oppgave(task, now)));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(all);
        }
    }
}

async fn navoppgaver(desk: &Desk, parent: &str, now: Tid) -> Result<Vec<Venter>> {
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = nav::ListOppgaverRequest {
            parent: parent.to_owned(),
            page_size: PAGE,
            page_token,
            ..Default::default()
        };
        let method = "nav.v1.InnboksService/ListOppgaver";
        let page: nav::ListOppgaverResponse = result(desk.call(method, request).await)?;
        let tasks = page.oppgaver.into_iter();
        all.extend(tasks.map(|task| Venter::navoppgave(task, now)));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(all);
        }
    }
}

async fn nodtilganger(desk: &Desk, parent: &str, now: Tid) -> Result<Vec<Venter>> {
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListNodtilgangerRequest {
            parent: parent.to_owned(),
            page_size: PAGE,
            page_token,
            bare_ventende: true,
        };
        let method = "gateway.v1.NodtilgangService/ListNodtilganger";
        let page: ListNodtilgangerResponse = result(desk.call(method, request).await)?;
        let sessions = page.nodtilganger.into_iter();
        all.extend(sessions.map(|session| Venter::nodtilgang(session, now)));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(all);
        }
    }
}

/// One thing that waits, for a person or a machine.
fn line(post: &Venter, json: bool, colour: bool, now: Tid) -> String {
    let (kind, since, due) = (&post.type_, post.siden, post.frist);
    if json {
        let told = |at: Option<Tid>| at.map(|at| at.to_string());
        return serde_json::json!({
            "frist": told(due), "siden": told(since), "brutt": post.brutt, "type": kind,
            "venter_pa": post.venter_pa, "post": post.post,
        })
        .to_string();
    }
    // A deadline at the end of a day is the first instant after it.
    let last = due.map(|at| Dag::av(Tid(at.0.saturating_sub(1))));
    let day = |day: Option<Dag>| day.map_or_else(String::new, |day| day.to_string());
    let near = last.is_some_and(|last| last <= Dag::av(now).pluss_dager(NEAR));
    let (mark, code) = match (post.brutt, near) {
        (true, _) => ("BRUTT", "31"),
        (false, true) => ("snart", "33"),
        (false, false) => ("", "0"),
    };
    let unit = post.venter_pa.strip_prefix("enheter/");
    let text = format!(
        "{:10}  {mark:5}  {kind:15}  {:20}  siden {:10}  {}",
        day(last),
        unit.unwrap_or_default(),
        day(since.map(Dag::av)),
        post.post
    );
    match colour {
        true => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use samspor_proto::bestillerkontor::Ventetype;

    use super::*;

    fn post(frist: &str, brutt: bool) -> Venter {
        Venter::from(Ventepost {
            venter_pa: "enheter/rop".to_owned(),
            r#type: Ventetype::Svar.into(),
            post: "personer/p/oppdrag/o".to_owned(),
            siden: Some("2027-01-15T08:00:00Z".parse::<Tid>().unwrap().into()),
            frist: Some(frist.parse::<Tid>().unwrap().into()),
            brutt,
            ..Ventepost::default()
        })
    }

    #[test]
    fn a_session_waits_for_review() {
        let at = |text: &str| Some(text.parse::<Tid>().unwrap().into());
        let session = Nodtilgang {
            name: "personer/p/nodtilganger/n".to_owned(),
            enhet: "enheter/rop".to_owned(),
            startet: at("2027-01-15T08:00:00Z"),
            gjennomgang_frist: at("2027-01-22T08:00:00Z"),
            ..Nodtilgang::default()
        };
        let now: Tid = "2027-01-22T08:00:00Z".parse().unwrap();
        let text = line(&Venter::nodtilgang(session, now), false, false, now);
        assert_eq!(
            text,
            "2027-01-22  BRUTT  NODTILGANG       rop                   siden 2027-01-15  \
             personer/p/nodtilganger/n"
        );
    }

    #[test]
    fn a_line_says_what_breaks_next() {
        let now: Tid = "2027-01-16T10:00:00Z".parse().unwrap();
        // The first instant of 21 January in Norway: the 20th is the last day.
        let far = line(&post("2027-01-20T23:00:00Z", false), false, false, now);
        assert_eq!(
            far,
            "2027-01-20         SVAR             rop                   siden 2027-01-15  \
             personer/p/oppdrag/o"
        );
        let near = line(&post("2027-01-19T23:00:00Z", false), false, true, now);
        assert!(
            near.starts_with("\u{1b}[33m2027-01-19  snart  SVAR"),
            "{near}"
        );
        let broken = line(&post("2027-01-15T23:00:00Z", true), false, true, now);
        assert!(
            broken.starts_with("\u{1b}[31m2027-01-15  BRUTT  SVAR"),
            "{broken}"
        );
        let json = line(&post("2027-01-15T23:00:00Z", true), true, true, now);
        let read: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(read.get("brutt"), Some(&serde_json::Value::Bool(true)));
        assert_eq!(read.get("type"), Some(&"SVAR".into()));
    }
}
