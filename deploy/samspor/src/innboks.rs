//! `samspor innboks`: what waits for a unit, since when, and what breaks next,
//! asked through the gateway as any client asks.

#![expect(clippy::print_stdout, reason = "a command line talks to its user")]

use std::{io::IsTerminal as _, net::SocketAddr};

use anyhow::{Context as _, Result, bail};
use samspor_chassis::{domene::Dag, tid::Tid};
use samspor_proto::{
    bestillerkontor::{ListVenteposterRequest, ListVenteposterResponse, Ventepost},
    tilgang::Formal,
};
use tonic::transport::Endpoint;

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
    let channel = Endpoint::from_shared(format!("http://{gateway}"))?
        .connect()
        .await
        .with_context(|| format!("no gateway answers at {gateway}"))?;
    let desk = Desk::new(channel, token).with_purpose(Formal::Ytelse);
    let colour = colour && std::io::stdout().is_terminal();
    let (mut count, mut page_token) = (0_usize, String::new());
    loop {
        let request = ListVenteposterRequest {
            parent: format!("enheter/{enhet}"),
            page_size: PAGE,
            page_token,
        };
        let answer: Answer<ListVenteposterResponse> = desk
            .call("bestillerkontor.v1.InnboksService/ListVenteposter", request)
            .await;
        let page = match answer.result {
            Ok(page) => page,
            Err(refused) => bail!(
                "{:?}: {} (trace {})",
                refused.code(),
                refused.message(),
                answer.trace_id
            ),
        };
        for post in &page.venteposter {
            count += 1;
            println!("{}", line(post, json, colour, now));
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    if count == 0 && !json {
        println!("ingenting venter på {enhet}");
    }
    Ok(())
}

/// One thing that waits, for a person or a machine.
fn line(post: &Ventepost, json: bool, colour: bool, now: Tid) -> String {
    let kind = post.r#type().as_str_name();
    let kind = kind.strip_prefix("VENTETYPE_").unwrap_or(kind);
    let instant = |at: Option<prost_types::Timestamp>| at.and_then(|at| Tid::try_from(at).ok());
    let (since, due) = (instant(post.siden), instant(post.frist));
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
        "{:10}  {mark:5}  {kind:14}  {:20}  siden {:10}  {}",
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

    fn post(frist: &str, brutt: bool) -> Ventepost {
        Ventepost {
            venter_pa: "enheter/rop".to_owned(),
            r#type: Ventetype::Svar.into(),
            post: "personer/p/oppdrag/o".to_owned(),
            siden: Some("2027-01-15T08:00:00Z".parse::<Tid>().unwrap().into()),
            frist: Some(frist.parse::<Tid>().unwrap().into()),
            brutt,
            ..Ventepost::default()
        }
    }

    #[test]
    fn a_line_says_what_breaks_next() {
        let now: Tid = "2027-01-16T10:00:00Z".parse().unwrap();
        // The first instant of 21 January in Norway: the 20th is the last day.
        let far = line(&post("2027-01-20T23:00:00Z", false), false, false, now);
        assert_eq!(
            far,
            "2027-01-20         SVAR            rop                   siden 2027-01-15  \
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
