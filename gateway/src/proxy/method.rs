//! What the gateway knows of one method: its contract, compiled once.

use http::uri::PathAndQuery;
use samspor_proto::{
    klassifisering::{Kontrakter, Metode, Ressurstype},
    tilgang::Tilgang,
};

/// A method of the contracts, ready to be called.
#[derive(Debug)]
pub(super) struct Method {
    pub metode: Metode,
    pub ressurs: Ressurstype,
    pub path: PathAndQuery,
}

impl Method {
    /// All methods that answer with records of some type. The fact feed does
    /// not: it is internal, and the gateway calls it itself.
    ///
    /// # Errors
    /// A path that is none: a fault of the contract.
    pub(super) fn compile(contracts: &Kontrakter) -> Result<Vec<Self>, String> {
        contracts
            .metoder
            .values()
            .filter_map(|metode| {
                let ressurs = contracts.ressurser.get(&metode.tilgang.ressurs)?.clone();
                Some((metode.clone(), ressurs))
            })
            .map(|(metode, ressurs)| {
                let path =
                    PathAndQuery::try_from(metode.sti.as_str()).map_err(|e| e.to_string())?;
                Ok(Self {
                    metode,
                    ressurs,
                    path,
                })
            })
            .collect()
    }

    pub(super) const fn tilgang(&self) -> &Tilgang {
        &self.metode.tilgang
    }
}
