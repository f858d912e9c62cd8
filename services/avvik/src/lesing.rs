//! Reads what requests have in common: texts, names of avvik, names of units.

use samspor_chassis::{
    domene::{felt, navn, vakt},
    error::FieldFaults,
};
use samspor_proto::klassifisering::kontrakter;

/// Reads the texts of a request: each says something, and names nobody.
pub(crate) struct Tekster {
    pub(crate) masker: bool,
    pub(crate) faults: FieldFaults,
}

impl Tekster {
    pub(crate) fn ny(masker: bool) -> Self {
        Self {
            masker,
            faults: FieldFaults::new(),
        }
    }

    /// One that may be empty.
    pub(crate) fn kan(&mut self, text: &str, field: &str) -> String {
        let text = felt::tekst(text, field, felt::LANG, &mut self.faults);
        vakt::vokt(text, field, self.masker, &mut self.faults)
    }

    /// One that may not.
    pub(crate) fn ma(&mut self, text: &str, field: &str) -> String {
        self.hoyst(felt::LANG, text, field)
    }

    /// [`Self::ma`], of fewer characters.
    pub(crate) fn hoyst(&mut self, max: usize, text: &str, field: &str) -> String {
        let text = felt::pakrevd(text, field, max, &mut self.faults);
        vakt::vokt(text, field, self.masker, &mut self.faults)
    }
}

/// The id of `avvik/{uuid}`; else a fault of the field and the empty id, which
/// no row has.
pub(crate) fn les_navn(name: &str, field: &'static str, faults: &mut FieldFaults) -> String {
    match name.split('/').collect::<Vec<_>>().as_slice() {
        ["avvik", id] if !id.is_empty() => return (*id).to_owned(),
        _ if name.is_empty() => faults.missing(field),
        _ => faults.form(field, "avvik/{uuid}"),
    }
    String::new()
}

/// Names of records, of any type of the contracts: what is written in the place
/// of one is no name, and an identity number in it neither.
pub(crate) fn les_poster(
    names: &[String],
    field: &str,
    max: usize,
    faults: &mut FieldFaults,
) -> Vec<String> {
    felt::antall(names.len(), field, max, faults);
    let types = &kontrakter().ressurser;
    for (n, name) in names.iter().take(max).enumerate() {
        let known = types.values().any(|type_| type_.har_navn(name));
        if !known || vakt::har_nummer(name) {
            let form = "navnet på en post, som personer/{uuid}/vedtak/{uuid}";
            faults.form(format!("{field}[{n}]"), form);
        }
    }
    names.to_vec()
}

/// Names of units, each once.
pub(crate) fn les_enheter(names: &[String], field: &str, faults: &mut FieldFaults) -> Vec<String> {
    let mut units: Vec<String> = Vec::new();
    for (n, name) in names.iter().enumerate() {
        let path = format!("{field}[{n}]");
        let unit = navn::les_enhet(name, &path, faults);
        if units.contains(&unit) {
            faults.contradicts(path, field, "enheten står der før; ta bort en");
        }
        units.push(unit);
    }
    units
}
