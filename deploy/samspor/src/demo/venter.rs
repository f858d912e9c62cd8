//! The work list: what waits for a unit, and what has broken.

use std::time::Duration;

use anyhow::{Result, bail};
use samspor_chassis::{
    domene::Dag,
    tid::{Clock as _, SystemClock, Tid},
};
use samspor_proto::{bestillerkontor::*, felles::Rolle, tilgang::Formal};

use super::stage::{Stage, short, unit_of};

/// Lines of a work list that are told.
const SHOWN: usize = 4;

impl Stage<'_> {
    /// What waits for a unit, that which breaks next first.
    pub(super) async fn waiting(&mut self, unit: &str) -> Result<Vec<String>> {
        let who = self.employee(unit, Rolle::Saksbehandler).await?;
        let request = ListVenteposterRequest {
            parent: format!("enheter/{unit}"),
            ..Default::default()
        };
        let list = self
            .must(
                &who,
                Formal::Ytelse,
                "opens the work list",
                "bestillerkontor.v1.InnboksService/ListVenteposter",
                request,
                |answer: &ListVenteposterResponse| {
                    let posts: Vec<String> = answer.venteposter.iter().map(post).collect();
                    match posts.get(SHOWN..) {
                        _ if posts.is_empty() => "nothing waits".to_owned(),
                        None | Some([]) => posts.join(" · "),
                        Some(more) => {
                            let first: Vec<String> = posts.iter().take(SHOWN).cloned().collect();
                            format!("{} · and {} more", first.join(" · "), more.len())
                        }
                    }
                },
            )
            .await?;
        Ok(list.venteposter.iter().map(post).collect())
    }

    /// Waits until a unit's work list says that something has broken: deadlines
    /// fall due on their own, and nobody is told when.
    pub(super) async fn until_broken(&self, unit: &str, kind: Ventetype) -> Result<()> {
        const TRIES: u32 = 200;
        const PAUSE: Duration = Duration::from_millis(25);
        let who = self.employee(unit, Rolle::Saksbehandler).await?;
        for _ in 0..TRIES {
            let request = ListVenteposterRequest {
                parent: format!("enheter/{unit}"),
                ..Default::default()
            };
            let method = "bestillerkontor.v1.InnboksService/ListVenteposter";
            let desk = who.desk.with_purpose(Formal::Ytelse);
            let list = desk.call::<_, ListVenteposterResponse>(method, request);
            let list = list.await.result.unwrap_or_default().venteposter;
            if list.iter().any(|post| post.brutt && post.r#type() == kind) {
                return Ok(());
            }
            SystemClock.sleep_until(SystemClock.now().plus(PAUSE)).await;
        }
        bail!("no {} breaks for {unit}", kind.as_str_name())
    }
}

/// `SVAR from bom by 2027-01-14, BROKEN`.
fn post(of: &Ventepost) -> String {
    let due = of.frist.and_then(|due| Tid::try_from(due).ok());
    // A deadline at the end of a day is the first instant after it.
    let due = due.map(|due| Dag::av(Tid(due.0 - 1)).to_string());
    format!(
        "{} from {} by {}{}",
        short(of.r#type().as_str_name()),
        unit_of(&of.venter_pa),
        due.unwrap_or_default(),
        if of.brutt { ", BROKEN" } else { "" }
    )
}
