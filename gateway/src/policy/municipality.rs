//! The municipality's file: its units and agencies, and which unit holds
//! which function.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    files::{File, LoadError, Toml},
    vocabulary::Functions,
};

/// A unit (`enheter/{id}`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Id: `rop`.
    pub id: Arc<str>,
    /// Name as people know it.
    pub navn: String,
    /// Agency (etat) that it belongs to.
    pub etat: Arc<str>,
    /// Service of the mesh that keeps its own records; empty: none.
    pub tjeneste: String,
    /// Functions that it holds, in the order of `funksjoner.toml`.
    pub funksjoner: Vec<String>,
    /// The same as a bit set: bit `n` is the n-th function.
    pub(super) funksjonsbits: u64,
}

/// An agency (etat), which may have several units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agency {
    /// Id: `nav`.
    pub id: Arc<str>,
    /// Name as people know it.
    pub navn: String,
}

/// A municipality.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Municipality {
    /// Id, which is that of its file: `karmoy`.
    pub id: String,
    /// Name: `Karmøy`.
    pub navn: String,
    units: BTreeMap<Arc<str>, Unit>,
    agencies: BTreeMap<Arc<str>, Agency>,
}

impl Municipality {
    pub(super) fn read(file: &File, functions: &Functions) -> Result<Self, LoadError> {
        let doc = Toml::parse(file)?;
        let root = doc.root();
        root.only(&["navn", "etater", "enheter", "funksjoner"])?;
        let navn = root.text("navn")?.text.to_owned();

        let mut agencies = BTreeMap::new();
        let etater = root.table("etater")?;
        for key in etater.keys() {
            let etat = etater.table(key.text)?;
            etat.only(&["navn"])?;
            let id: Arc<str> = Arc::from(key.text);
            let navn = etat.text("navn")?.text.to_owned();
            agencies.insert(Arc::clone(&id), Agency { id, navn });
        }

        let mut units = BTreeMap::new();
        let enheter = root.table("enheter")?;
        for key in enheter.keys() {
            let enhet = enheter.table(key.text)?;
            enhet.only(&["navn", "etat", "tjeneste"])?;
            if key.text.is_empty() || !key.text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'_')) {
                return Err(enheter.fault(key.line, "a unit id must have the form [a-z_]+"));
            }
            let etat = enhet.text("etat")?;
            let Some((agency, _)) = agencies.get_key_value(etat.text) else {
                let known: Vec<&str> = agencies.keys().map(AsRef::as_ref).collect();
                let fault = format!("unknown etat {}; known: {}", etat.text, known.join(", "));
                return Err(enhet.fault(etat.line, fault));
            };
            let id: Arc<str> = Arc::from(key.text);
            let unit = Unit {
                id: Arc::clone(&id),
                navn: enhet.text("navn")?.text.to_owned(),
                etat: Arc::clone(agency),
                tjeneste: enhet
                    .optional_text("tjeneste")?
                    .map_or_else(String::new, |service| service.text.to_owned()),
                funksjoner: Vec::new(),
                funksjonsbits: 0,
            };
            units.insert(id, unit);
        }

        let holders = root.table("funksjoner")?;
        let known: Vec<&str> = functions.names().collect();
        holders.only(&known)?;
        let known_units: Vec<String> = units.keys().map(ToString::to_string).collect();
        for (bit, function) in known.iter().copied().enumerate() {
            // Rules that speak of the whole must reach who holds a part of it.
            let whole = function.split_once(':').map(|(whole, _)| whole);
            let whole = whole.filter(|whole| known.contains(whole));
            let holds_whole = match whole {
                Some(whole) => holders.texts(whole)?,
                None => Vec::new(),
            };
            for holder in holders.texts(function)? {
                if let Some(whole) = whole
                    && !holds_whole.iter().any(|unit| unit.text == holder.text)
                {
                    let fault = format!("{} holds {function} without {whole}", holder.text);
                    return Err(holders.fault(holder.line, fault));
                }
                let Some(unit) = units.get_mut(holder.text) else {
                    let fault = format!(
                        "unknown unit {} for {function}; known: {}",
                        holder.text,
                        known_units.join(", ")
                    );
                    return Err(holders.fault(holder.line, fault));
                };
                unit.funksjoner.push(function.to_owned());
                unit.funksjonsbits |= 1 << bit;
            }
        }
        let id = file.name.trim_start_matches("kommuner/");
        Ok(Self {
            id: id.trim_end_matches(".toml").to_owned(),
            navn,
            units,
            agencies,
        })
    }

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

    /// Ids of the units that hold a function.
    #[must_use]
    pub fn holders_of(&self, function: &str) -> Vec<String> {
        self.units()
            .filter(|unit| unit.funksjoner.iter().any(|held| held == function))
            .map(|unit| unit.id.to_string())
            .collect()
    }

    /// Who holds the functions whose names begin so, by the rest of the name.
    #[must_use]
    pub fn holders_by(&self, beginning: &str) -> BTreeMap<String, Vec<String>> {
        let mut holders = BTreeMap::<String, Vec<String>>::new();
        for unit in self.units() {
            let held = unit.funksjoner.iter();
            for rest in held.filter_map(|function| function.strip_prefix(beginning)) {
                holders
                    .entry(rest.to_owned())
                    .or_default()
                    .push(unit.id.to_string());
            }
        }
        holders
    }

    /// Functions of a unit; none for an unknown one.
    #[must_use]
    pub fn functions_of(&self, unit: &str) -> &[String] {
        self.units
            .get(unit)
            .map_or(&[], |unit| unit.funksjoner.as_slice())
    }
}
