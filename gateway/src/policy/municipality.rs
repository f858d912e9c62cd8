//! The municipality's file: its units and agencies, and which unit holds
//! which function.

use std::{collections::BTreeMap, sync::Arc};

/// A unit (`enheter/{id}`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Id: `rop`.
    pub id: Arc<str>,
    /// Name as people know it.
    pub navn: String,
    /// Agency (etat) it belongs to.
    pub etat: Arc<str>,
    /// Functions that it holds, in the order of `funksjoner.toml`.
    pub funksjoner: Vec<String>,
}

/// An agency (etat), which may have several units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agency {
    /// Id: `rop`.
    pub id: Arc<str>,
    /// Name as people know it.
    pub navn: String,
    /// Service of the mesh that keeps its records; empty: none of its own.
    pub tjeneste: String,
}

/// A municipality.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Municipality {
    /// Name: `Karmøy`.
    pub navn: String,
    units: BTreeMap<Arc<str>, Unit>,
    agencies: BTreeMap<Arc<str>, Agency>,
}

impl Municipality {
    /// A unit by id.
    #[must_use]
    pub fn unit(&self, id: &str) -> Option<&Unit> {
        self.units.get(id)
    }

    /// All units, by id.
    pub fn units(&self) -> impl Iterator<Item = &Unit> {
        self.units.values()
    }

    /// All agencies, by id.
    pub fn agencies(&self) -> impl Iterator<Item = &Agency> {
        self.agencies.values()
    }

    /// Functions of a unit; none for an unknown one.
    #[must_use]
    pub fn functions_of(&self, unit: &str) -> &[String] {
        self.units
            .get(unit)
            .map_or(&[], |unit| unit.funksjoner.as_slice())
    }
}
