//! What each category is asked about: data with its sources
//! (`data/sporsmal.toml`), how answers are held against it, and
//! `SporsmalService`. A new question is a few lines of data.

use std::{collections::BTreeSet, sync::LazyLock};

use samspor_chassis::{
    domene::{Dag, felt, navn, vakt},
    error::{Error, FieldFaults},
    page::Page,
    store::Tx,
};
use samspor_proto::{
    avvik::{
        self as proto, Avvikskategori, ListSporsmalssettRequest, ListSporsmalssettResponse,
        Svartype,
    },
    tilgang::Dataklasse,
};
use serde::{Deserialize, Serialize};

/// Collection in the resource name.
const SAMLING: &str = "sporsmalssett";
/// Characters of an answer.
const SVAR: usize = 2_000;

/// Every set.
static KATALOG: LazyLock<Vec<Sett>> = LazyLock::new(|| {
    // Compiled in, so that it always reads; a test holds it.
    les_data(include_str!("../data/sporsmal.toml")).unwrap_or_default()
});

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    kategori: Vec<Sett>,
}

/// The questions of a category.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sett {
    id: String,
    navn: String,
    kilde: String,
    underkategorier: Vec<String>,
    sporsmal: Vec<Sporsmal>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sporsmal {
    id: String,
    tekst: String,
    #[serde(rename = "type")]
    type_: Type,
    pakrevd: bool,
    klasse: Klasse,
    #[serde(default)]
    valg: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Type {
    Tekst,
    JaNei,
    Valg,
    Dato,
    Tall,
}

/// Who may read an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Klasse {
    VurderingDelt,
    Tredjepart,
    Helse,
}

impl Klasse {
    /// The field of the request that takes its answers.
    const fn felt(self) -> &'static str {
        match self {
            Self::VurderingDelt => "svar",
            Self::Tredjepart => "svar_tredjepart",
            Self::Helse => "svar_helse",
        }
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Svar {
    sporsmal: String,
    svar: String,
}

impl Svar {
    pub(crate) fn to_proto(&self) -> proto::Avvikssvar {
        proto::Avvikssvar {
            sporsmal: self.sporsmal.clone(),
            svar: self.svar.clone(),
        }
    }
}

/// The id of a category: `vold_trusler`.
pub(crate) fn id_for(kategori: Avvikskategori) -> String {
    let name = kategori.as_str_name();
    name.trim_start_matches("AVVIKSKATEGORI_").to_lowercase()
}

/// Reads the data. An error names the line, or the question.
fn les_data(text: &str) -> Result<Vec<Sett>, String> {
    let Data { kategori: mut sets } = toml::from_str(text).map_err(|e| e.to_string())?;
    sets.sort_by(|one, other| one.id.cmp(&other.id));
    for number in 1.. {
        let Ok(category) = Avvikskategori::try_from(number) else {
            break;
        };
        let id = id_for(category);
        if sets.iter().filter(|set| set.id == id).count() != 1 {
            return Err(format!("kategori {id} must stand once"));
        }
    }
    for Sett {
        id,
        kilde,
        underkategorier,
        sporsmal,
        ..
    } in &sets
    {
        let mut ids = BTreeSet::new();
        if kilde.is_empty() || underkategorier.is_empty() {
            return Err(format!("kategori {id} needs kilde and underkategorier"));
        }
        for question in sporsmal {
            let choice = question.type_ == Type::Valg;
            if choice == question.valg.is_empty() {
                return Err(format!(
                    "{id}.{}: VALG has valg, others do not",
                    question.id
                ));
            }
            if !ids.insert(&question.id) {
                return Err(format!("{id}.{}: stands twice", question.id));
            }
        }
    }
    Ok(sets)
}

impl Sett {
    /// That of a category; none of the contract is without.
    pub(crate) fn av(kategori: Avvikskategori) -> Option<&'static Self> {
        let id = id_for(kategori);
        KATALOG.iter().find(|set| set.id == id)
    }

    /// The subcategory, which is one of the category's.
    pub(crate) fn underkategori(&self, given: &str, faults: &mut FieldFaults) -> String {
        if !self.underkategorier.iter().any(|known| known == given) {
            faults.unknown("underkategori", self.underkategorier.join(", "));
        }
        given.to_owned()
    }

    /// The answers of one class, each to a question of that class and as its type
    /// asks; each question that must be answered is.
    pub(crate) fn svar(
        &self,
        klasse: Klasse,
        given: &[proto::Avvikssvar],
        masker: bool,
        faults: &mut FieldFaults,
    ) -> Vec<Svar> {
        let field = klasse.felt();
        let of_class = || self.sporsmal.iter().filter(|one| one.klasse == klasse);
        let mut read: Vec<Svar> = Vec::new();
        for (n, answer) in given.iter().enumerate() {
            let path = format!("{field}[{n}]");
            let Some(question) = of_class().find(|one| one.id == answer.sporsmal) else {
                let valid: Vec<&str> = of_class().map(|one| one.id.as_str()).collect();
                faults.unknown(format!("{path}.sporsmal"), valid.join(", "));
                continue;
            };
            if read.iter().any(|earlier| earlier.sporsmal == question.id) {
                let rule = "spørsmålet er svart på før; ta bort ett";
                faults.contradicts(format!("{path}.sporsmal"), field, rule);
            }
            let path = format!("{path}.svar");
            let svar = felt::pakrevd(&answer.svar, &path, SVAR, faults);
            let svar = vakt::vokt(svar, &path, masker, faults);
            question.krev(&svar, &path, faults);
            read.push(Svar {
                sporsmal: question.id.clone(),
                svar,
            });
        }
        for question in of_class().filter(|question| question.pakrevd) {
            if !read.iter().any(|answer| answer.sporsmal == question.id) {
                faults.missing(format!("{field}.{}", question.id));
            }
        }
        read
    }

    fn to_proto(&self) -> proto::Sporsmalssett {
        let question = |question: &Sporsmal| proto::Avvikssporsmal {
            id: question.id.clone(),
            tekst: question.tekst.clone(),
            r#type: match question.type_ {
                Type::Tekst => Svartype::Tekst,
                Type::JaNei => Svartype::JaNei,
                Type::Valg => Svartype::Valg,
                Type::Dato => Svartype::Dato,
                Type::Tall => Svartype::Tall,
            }
            .into(),
            pakrevd: question.pakrevd,
            klasse: match question.klasse {
                Klasse::VurderingDelt => Dataklasse::VurderingDelt,
                Klasse::Tredjepart => Dataklasse::Tredjepart,
                Klasse::Helse => Dataklasse::Helse,
            }
            .into(),
            valg: question.valg.clone(),
        };
        proto::Sporsmalssett {
            name: format!("{SAMLING}/{}", self.id),
            navn: self.navn.clone(),
            underkategorier: self.underkategorier.clone(),
            sporsmal: self.sporsmal.iter().map(question).collect(),
            kilde: self.kilde.clone(),
            skjerming: None,
        }
    }
}

impl Sporsmal {
    /// The answer is as the type asks; an empty one was told of already.
    fn krev(&self, svar: &str, path: &str, faults: &mut FieldFaults) {
        let fits = match self.type_ {
            _ if svar.is_empty() => return,
            Type::Tekst => true,
            Type::JaNei => ["ja", "nei"].contains(&svar),
            Type::Valg => self.valg.iter().any(|choice| choice == svar),
            Type::Dato => svar.parse::<Dag>().is_ok(),
            Type::Tall => svar.parse::<u32>().is_ok(),
        };
        if fits {
            return;
        }
        let path = path.to_owned();
        match self.type_ {
            Type::Tekst => {}
            Type::JaNei => faults.unknown(path, "ja, nei"),
            Type::Valg => faults.unknown(path, self.valg.join(", ")),
            Type::Dato => faults.form(path, "YYYY-MM-DD"),
            Type::Tall => faults.form(path, "et helt tall som ikke er negativt"),
        }
    }
}

pub(crate) async fn list(
    _tx: &mut Tx,
    request: ListSporsmalssettRequest,
) -> Result<ListSporsmalssettResponse, Error> {
    let mut faults = FieldFaults::new();
    navn::les_enhet(&request.parent, "parent", &mut faults);
    faults.finish()?;
    let page = Page::parse(request.page_size, &request.page_token)?;
    let after = page.after().unwrap_or_default();
    let most = usize::try_from(page.limit()).unwrap_or_default();
    let sets = KATALOG.iter().filter(|set| *set.id > *after);
    let (rows, next_page_token) = page.cut(sets.take(most).collect(), |set: &&Sett| set.id.clone());
    Ok(ListSporsmalssettResponse {
        sporsmalssett: rows.into_iter().map(Sett::to_proto).collect(),
        next_page_token,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const DATA: &str = include_str!("../data/sporsmal.toml");

    #[test]
    fn the_data_reads_and_a_fault_in_it_is_named() {
        assert_eq!(les_data(DATA).unwrap(), *KATALOG);
        for (from, to, told) in [
            ("type = \"TALL\"", "type = \"TALE\"", "line "),
            (
                "id = \"hms\"",
                "id = \"hsm\"",
                "kategori hms must stand once",
            ),
            (
                "valg = [\"ja\", \"nei\", \"vurderes\"]",
                "",
                "vold_trusler.politi",
            ),
            ("id = \"alene\"", "id = \"politi\"", "stands twice"),
        ] {
            assert!(DATA.contains(from), "{from}");
            let fault = les_data(&DATA.replacen(from, to, 1)).unwrap_err();
            assert!(fault.contains(told), "{fault}");
        }
    }
}
