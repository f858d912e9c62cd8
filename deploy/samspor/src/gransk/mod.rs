//! `samspor gransk`: one timeline of an incident across all services, under a
//! mandate: what each agency knew, decided, read, was refused and had open.
//!
//! It reads through the gateway as anybody does (`hent`), and each reading is in
//! the persons' own log. The timeline is put together here, from events, runs of
//! deadlines and rows of the access log alone (`tidslinje`); spans say how long a
//! call took, where a trace store has them (`spor`). It is shown as text and rows
//! (`tekst`) and as one page (`html`).
//!
//! A new service, event, deadline or record needs nothing here: names become
//! words, and records are read by their descriptors. What is a decision and what
//! hands something over are tables in `ord`.

mod avvik;
pub mod grunnlag;
mod hent;
mod html;
mod kall;
mod kommando;
mod ord;
mod poster;
pub mod spor;
mod tekst;
pub mod tidslinje;
mod visning;

#[cfg(test)]
mod sideprove;
#[cfg(test)]
mod tidslinjeprove;

use anyhow::Result;
use samspor_chassis::tid::Tid;

pub use self::{hent::Utsnitt, kommando::Gransk, visning::Rapport};
use self::{spor::Talmod, tidslinje::Tidslinje};
use crate::desk::Desk;

/// A text that somebody wrote, on one line: what would move a cursor, forge a
/// line or turn the direction of the text is shown as a sign.
fn synlig(text: &str) -> String {
    let sign = |letter: char| match letter {
        '\n' => '⏎',
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        _ if letter.is_control() => '\u{fffd}',
        _ => letter,
    };
    text.chars().map(sign).collect()
}

impl Rapport {
    /// Asks all sources under a mandate, as the reviewer at a desk, and puts the
    /// timeline together.
    ///
    /// # Errors
    /// When the gateway does not answer, the mandate opens nothing, or the period
    /// is none.
    pub async fn hent(desk: &Desk, mandat: &str, utsnitt: Utsnitt, now: Tid) -> Result<Self> {
        let grunnlag = hent::hent(desk, mandat, utsnitt).await?;
        Ok(Self::uten_spor(Tidslinje::av(grunnlag), now))
    }

    /// The same timeline, with how long its calls took.
    ///
    /// # Errors
    /// When the address is none. A store that does not answer is a gap.
    pub async fn med_spor(self, store: &str, talmod: Talmod) -> Result<Self> {
        let ids = self.linje.sporings_ider();
        let (spor, sporhull) = spor::hent(store, &ids, talmod).await?;
        Ok(Self {
            spor,
            sporhull,
            ..self
        })
    }
}
