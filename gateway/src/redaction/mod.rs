//! What of a message may pass, worked out on its bytes.
//!
//! [`Plans::compile`] reads the classification of every method from the
//! descriptors once, at the start. After that a call needs no descriptor and
//! no decoding: a [`RequestPlan`] says what a request asks for and which
//! classes it writes, a [`ResponsePlan`] finds the records of an answer and
//! cuts out of its bytes what the caller may not see.
//!
//! The rule: a field leaves only if its class is permitted, and that of every
//! message field around it. Whatever the contract does not know or does not
//! classify is dropped, as is a `Skjerming` that a service wrote, and the
//! owner's page token. A map is governed by the map field's class, as are the
//! fields of the well-known types by the field that holds one.
//!
//! Messages are read strictly: nested at most 64 deep, no field twice that is
//! not repeated, no other wire type than the contract's. An answer that breaks
//! this is a fault of its service, and nothing of it leaves.

mod name;
mod plan;
mod request;
mod response;
#[cfg(test)]
mod tests;
mod wire;

use std::{collections::HashMap, sync::Arc};

use samspor_proto::klassifisering::Kontrakter;

pub use self::{
    name::{Name, is_id, is_person_id, parse_name, person_of, unit_id},
    plan::PlanError,
    request::{FilledField, RequestError, RequestInfo, RequestPlan},
    response::{EncodedSkjerming, FoundRecord, Keep, Outer, ResponsePlan, Verdict},
    wire::{MAX_DEPTH, WireError},
};

/// The plans of all methods.
#[derive(Debug)]
pub struct Plans(HashMap<String, (RequestPlan, ResponsePlan)>);

impl Plans {
    /// Makes the plans.
    ///
    /// # Errors
    /// When an option of the contracts names a field that is not there: a
    /// fault that the tests of the contracts find first.
    pub fn compile(contracts: &Kontrakter) -> Result<Self, PlanError> {
        let mut compiler = plan::Compiler::new(&contracts.utvidelser);
        let mut drafts = Vec::new();
        for (sti, method) in &contracts.metoder {
            let request = request::Draft::compile(&mut compiler, contracts, method)?;
            let response = response::Draft::compile(&mut compiler, method)?;
            drafts.push((sti.clone(), request, response));
        }
        let tables = Arc::new(compiler.finish());
        let plans = drafts.into_iter().map(|(sti, request, response)| {
            (sti, (request.finish(&tables), response.finish(&tables)))
        });
        Ok(Self(plans.collect()))
    }

    /// Plan for the requests of a method, by its path; none: no such method.
    #[must_use]
    pub fn request(&self, sti: &str) -> Option<&RequestPlan> {
        self.0.get(sti).map(|(request, _)| request)
    }

    /// Plan for the answers of a method, by its path; none: no such method.
    #[must_use]
    pub fn response(&self, sti: &str) -> Option<&ResponsePlan> {
        self.0.get(sti).map(|(_, response)| response)
    }
}
