//! The person index: the only place in the mesh with identity numbers.
//!
//! A person is a random id. Identity numbers lead to it by a keyed look-up and
//! rest sealed; a name that staff use may be sealed beside them. An id is in
//! force, or was merged into another for good; an id that nobody ever used is
//! purged. Invariants: a number leads to exactly one id; a merge is one step
//! deep; no number and no name stands in clear in the database, nor in an
//! answer that is kept for repeats.

pub(crate) mod rpc;
pub mod rules;
pub(crate) mod store;

use samspor_chassis::{
    domene::fodselsnummer::{Fodselsnummer, Identitetstype},
    error::{Error, FieldFaults},
    store::Tx,
};
use samspor_proto::koordinering;

use crate::{navn, nokler::Forseglet};

/// Deadline: the id was never used.
pub(crate) const FRIST_UBRUKT: &str = "person_ubrukt";

/// A person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) versjon: i64,
    /// Name that staff use, sealed.
    pub(crate) visningsnavn: Option<Forseglet>,
    /// The id that remains, when this one was merged.
    pub(crate) sammenslatt_med: Option<String>,
}

impl Person {
    /// The id that remains: the own, or the one that it was merged into.
    pub(crate) fn rot(&self) -> &str {
        self.sammenslatt_med.as_deref().unwrap_or(&self.id)
    }
}

/// The person that a request names. Asked before any field is judged: of
/// whoever is hidden the gateway says that there is none, and no answer about
/// an id that is unknown may differ from that.
///
/// # Errors
/// `IKKE_FUNNET` when there is none.
pub(crate) async fn finn(tx: &mut Tx, name: &str, field: &'static str) -> Result<Person, Error> {
    let mut faults = FieldFaults::new();
    let id = navn::les_person(name, field, &mut faults);
    faults.finish()?;
    store::hent(tx, &id).await
}

/// Where a person's number is sealed for. Follows the id under which the
/// number was first ensured, also after a merge.
fn nummer_sted(person: &str) -> String {
    format!("personer/{person}/nummer")
}

/// Where a person's name is sealed for.
fn visningsnavn_sted(person: &str) -> String {
    format!("personer/{person}/visningsnavn")
}

/// As the contract carries it.
fn identitet(nummer: &Fodselsnummer) -> koordinering::Identitet {
    let kind = match nummer.identitetstype() {
        Identitetstype::Fodselsnummer => koordinering::Identitetstype::Fodselsnummer,
        Identitetstype::DNummer => koordinering::Identitetstype::DNummer,
        Identitetstype::HNummer => koordinering::Identitetstype::HNummer,
        Identitetstype::FhNummer => koordinering::Identitetstype::FhNummer,
    };
    koordinering::Identitet {
        nummer: nummer.siffer().to_owned(),
        r#type: kind.into(),
        syntetisk: nummer.er_syntetisk(),
    }
}
