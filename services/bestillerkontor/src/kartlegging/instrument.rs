//! Mapping instruments: data with its sources (`data/instrumenter.toml`), and
//! the scoring that follows from it. Nothing here knows one from another.

use std::sync::LazyLock;

use samspor_chassis::error::FieldFaults;
use samspor_proto::bestillerkontor as proto;
use serde::{Deserialize, Serialize};

/// Collection in the resource name.
const SAMLING: &str = "instrumenter";

/// Every instrument, by id.
static KATALOG: LazyLock<Vec<Instrument>> = LazyLock::new(|| {
    // Compiled in, so that it always reads; a test holds it.
    les_data(include_str!("../../data/instrumenter.toml")).unwrap_or_default()
});

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    instrument: Vec<Instrument>,
}

/// An instrument: how it is answered and scored.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Instrument {
    id: String,
    tittel: String,
    maler: String,
    pub(crate) versjon: String,
    skaring: Skaring,
    min: f64,
    maks: f64,
    /// Allowed values of an item that has none of its own.
    verdier: Vec<i32>,
    kilde: String,
    ledd: Vec<Ledd>,
    grenser: Vec<Grense>,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Skaring {
    Sum,
    Gjennomsnitt,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ledd {
    tema: String,
    #[serde(default)]
    verdier: Vec<i32>,
    #[serde(default)]
    varsel: String,
    #[serde(default)]
    varsel_fra: i32,
}

/// A cut-off: reached at `fra` or above.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Grense {
    pub(crate) fra: f64,
    pub(crate) betydning: String,
    pub(crate) gjelder: String,
    pub(crate) kilde: String,
}

/// What answers amount to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Skar {
    pub(crate) skar: f64,
    /// Cut-offs that it reaches.
    pub(crate) grenser: Vec<Grense>,
    /// What single answers ask to be looked into now.
    pub(crate) varsler: Vec<String>,
}

fn les_data(text: &str) -> Result<Vec<Instrument>, toml::de::Error> {
    let mut found = toml::from_str::<Data>(text)?.instrument;
    found.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(found)
}

/// Every instrument, by name.
pub(crate) fn katalog() -> &'static [Instrument] {
    &KATALOG
}

/// The instrument of a name.
pub(crate) fn les(
    name: &str,
    field: &str,
    faults: &mut FieldFaults,
) -> Option<&'static Instrument> {
    if name.is_empty() {
        faults.missing(field.to_owned());
        return None;
    }
    let found = katalog()
        .iter()
        .find(|instrument| instrument.name() == name);
    if found.is_none() {
        let names: Vec<String> = katalog().iter().map(Instrument::name).collect();
        faults.unknown(field.to_owned(), names.join(", "));
    }
    found
}

impl Instrument {
    /// `instrumenter/audit`.
    pub(crate) fn name(&self) -> String {
        format!("{SAMLING}/{}", self.id)
    }

    fn verdier<'a>(&'a self, ledd: &'a Ledd) -> &'a [i32] {
        if ledd.verdier.is_empty() {
            &self.verdier
        } else {
            &ledd.verdier
        }
    }

    /// Scores answers, one for each item. `oppgitt`: the score on the form,
    /// which must be what the answers give. Neither the answers nor the score
    /// stand in a fault.
    pub(crate) fn skar(
        &self,
        svar: &[i32],
        oppgitt: Option<f64>,
        faults: &mut FieldFaults,
    ) -> Skar {
        let before = svar.len();
        if let Some(oppgitt) = oppgitt
            && !(self.min..=self.maks).contains(&oppgitt)
        {
            faults.range("oppgitt_skar", self.min, self.maks);
            return Skar::default();
        }
        let items = self.ledd.len();
        if before == 0 {
            faults.missing("svar");
            return Skar::default();
        }
        if before != items {
            faults.form("svar", format_args!("{items} svar, ett for hvert ledd"));
            return Skar::default();
        }
        let mut allowed = true;
        for (place, (ledd, value)) in self.ledd.iter().zip(svar).enumerate() {
            let values = self.verdier(ledd);
            if !values.contains(value) {
                let valid: Vec<String> = values.iter().map(ToString::to_string).collect();
                faults.unknown(format!("svar[{place}]"), valid.join(", "));
                allowed = false;
            }
        }
        if !allowed {
            return Skar::default();
        }
        let sum: f64 = svar.iter().copied().map(f64::from).sum();
        let skar = match self.skaring {
            Skaring::Sum => sum,
            Skaring::Gjennomsnitt => sum / items as f64,
        };
        // A mean on paper has two decimals at most.
        if oppgitt.is_some_and(|oppgitt| (oppgitt - skar).abs() > 0.005) {
            faults.contradicts(
                "oppgitt_skar",
                "svar",
                "svarene gir en annen skår; rett svarene, eller utelat oppgitt_skar",
            );
        }
        Skar {
            skar,
            grenser: self
                .grenser
                .iter()
                .filter(|grense| skar >= grense.fra)
                .cloned()
                .collect(),
            varsler: self
                .ledd
                .iter()
                .zip(svar)
                .filter(|(ledd, value)| !ledd.varsel.is_empty() && **value >= ledd.varsel_fra)
                .map(|(ledd, _)| ledd.varsel.clone())
                .collect(),
        }
    }

    /// As the contract carries it.
    pub(crate) fn to_proto(&self) -> proto::Instrument {
        let ledd = (1_i32..).zip(&self.ledd);
        proto::Instrument {
            name: self.name(),
            tittel: self.tittel.clone(),
            maler: self.maler.clone(),
            versjon: self.versjon.clone(),
            skaring: match self.skaring {
                Skaring::Sum => proto::Skaring::Sum,
                Skaring::Gjennomsnitt => proto::Skaring::Gjennomsnitt,
            }
            .into(),
            min: self.min,
            maks: self.maks,
            ledd: ledd
                .map(|(nr, ledd)| proto::Instrumentledd {
                    nr,
                    tema: ledd.tema.clone(),
                    verdier: self.verdier(ledd).to_vec(),
                    varsel: ledd.varsel.clone(),
                    varsel_fra: ledd.varsel_fra,
                })
                .collect(),
            grenser: self.grenser.iter().cloned().map(Into::into).collect(),
            kilde: self.kilde.clone(),
            skjerming: None,
        }
    }
}

impl From<Grense> for proto::Instrumentgrense {
    fn from(grense: Grense) -> Self {
        let Grense {
            fra,
            betydning,
            gjelder,
            kilde,
        } = grense;
        Self {
            fra,
            betydning,
            gjelder,
            kilde,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::float_cmp,
        reason = "tests"
    )]

    use samspor_proto::felles::Feilgrunn;

    use super::*;

    fn instrument(id: &str) -> &'static Instrument {
        let name = format!("{SAMLING}/{id}");
        les(&name, "instrument", &mut FieldFaults::new()).unwrap()
    }

    fn fault(id: &str, svar: &[i32], oppgitt: Option<f64>) -> Vec<(String, Feilgrunn, String)> {
        let mut faults = FieldFaults::new();
        instrument(id).skar(svar, oppgitt, &mut faults);
        let refusal = faults.finish().unwrap_err();
        let said = |f: samspor_chassis::error::FieldFault| {
            let values: Vec<String> = f.nokler.into_values().collect();
            (f.felt, f.grunn, values.join(" "))
        };
        refusal.felt.into_iter().map(said).collect()
    }

    /// The forms as they are published. Seen red: with `maks = 41` in AUDIT,
    /// without `verdier` of an item, and with a key misspelt.
    #[test]
    fn the_data_is_whole_and_agrees_with_itself() {
        les_data(include_str!("../../data/instrumenter.toml")).unwrap();
        let published = [
            ("audit", 10, 0.0, 40.0, 4),
            ("dudit", 11, 0.0, 44.0, 3),
            ("gad7", 7, 0.0, 21.0, 3),
            ("phq9", 9, 0.0, 27.0, 4),
            ("scl10", 10, 1.0, 4.0, 1),
        ];
        assert_eq!(katalog().len(), published.len());
        for (found, (id, items, min, maks, grenser)) in katalog().iter().zip(published) {
            assert_eq!(found.id, id);
            assert_eq!(found.ledd.len(), items, "{id}");
            assert_eq!((found.min, found.maks), (min, maks), "{id}");
            assert_eq!(found.grenser.len(), grenser, "{id}");
            for text in [&found.tittel, &found.maler, &found.versjon, &found.kilde] {
                assert!(!text.is_empty(), "{id}");
            }
            // The lowest and the highest answers give the ends of the range.
            for (end, pick) in [(min, 0), (maks, usize::MAX)] {
                let svar: Vec<i32> = found
                    .ledd
                    .iter()
                    .map(|ledd| {
                        let values = found.verdier(ledd);
                        assert!(values.is_sorted(), "{id}");
                        values[pick.min(values.len() - 1)]
                    })
                    .collect();
                let mut faults = FieldFaults::new();
                assert_eq!(found.skar(&svar, Some(end), &mut faults).skar, end, "{id}");
                assert!(faults.is_empty(), "{id}");
            }
            assert!(found.grenser.is_sorted_by(|a, b| a.fra <= b.fra), "{id}");
            for grense in &found.grenser {
                assert!(min < grense.fra && grense.fra <= maks, "{id}");
                assert!(["alle", "kvinner", "menn"].contains(&grense.gjelder.as_str()));
                assert!(!grense.kilde.is_empty() && !grense.betydning.is_empty());
            }
        }
        for id in ["audit", "dudit"] {
            let last: Vec<&[i32]> = instrument(id)
                .ledd
                .iter()
                .rev()
                .take(3)
                .map(|ledd| instrument(id).verdier(ledd))
                .collect();
            assert_eq!(last, [&[0, 2, 4][..], &[0, 2, 4], &[0, 1, 2, 3, 4]], "{id}");
        }
    }

    /// Seen red: with `>` for `>=` at the cut-offs.
    #[test]
    fn a_score_reaches_what_its_source_says() {
        let table: [(&str, &[i32], f64, &[f64]); 8] = [
            ("audit", &[4, 1, 0, 0, 0, 0, 0, 0, 0, 0], 5.0, &[]),
            ("audit", &[4, 2, 0, 0, 0, 0, 0, 0, 2, 0], 8.0, &[6.0, 8.0]),
            (
                "audit",
                &[4, 4, 4, 4, 0, 0, 0, 0, 4, 0],
                20.0,
                &[6.0, 8.0, 16.0, 20.0],
            ),
            ("dudit", &[2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 2.0, &[2.0]),
            ("scl10", &[2, 2, 2, 2, 2, 2, 2, 2, 1, 1], 1.8, &[]),
            ("scl10", &[2, 2, 2, 2, 2, 2, 2, 2, 2, 1], 1.9, &[1.85]),
            ("phq9", &[1, 1, 1, 1, 1, 0, 0, 0, 0], 5.0, &[5.0]),
            ("gad7", &[3, 3, 3, 3, 3, 0, 0], 15.0, &[5.0, 10.0, 15.0]),
        ];
        for (id, svar, expected, reached) in table {
            let mut faults = FieldFaults::new();
            let found = instrument(id).skar(svar, None, &mut faults);
            assert!(faults.is_empty(), "{id}");
            assert_eq!(found.skar, expected, "{id}");
            let grenser: Vec<f64> = found.grenser.iter().map(|grense| grense.fra).collect();
            assert_eq!(grenser, reached, "{id}");
            assert_eq!(found.varsler, Vec::<String>::new());
        }
        let mut faults = FieldFaults::new();
        let answered = [0, 0, 0, 0, 0, 0, 0, 0, 1];
        let found = instrument("phq9").skar(&answered, None, &mut faults);
        assert_eq!(found.varsler.len(), 1);
    }

    /// Neither an answer nor a score stands in what is refused.
    ///
    /// Seen red: without the comparison with `oppgitt`, with the values of the
    /// instrument for every item, and with answers that are too few scored.
    #[test]
    fn what_the_form_does_not_allow_is_refused_by_field() {
        let clear = [0; 10];
        assert_eq!(
            fault("audit", &[0, 0, 0, 0, 0, 5, 0, 0, 1, 3], None),
            [
                (
                    "svar[5]".into(),
                    Feilgrunn::FeltUkjentVerdi,
                    "0, 1, 2, 3, 4".into()
                ),
                (
                    "svar[8]".into(),
                    Feilgrunn::FeltUkjentVerdi,
                    "0, 2, 4".into()
                ),
                (
                    "svar[9]".into(),
                    Feilgrunn::FeltUkjentVerdi,
                    "0, 2, 4".into()
                ),
            ]
        );
        assert_eq!(
            fault("scl10", &clear, None)[0].2,
            "1, 2, 3, 4",
            "SCL-10 begins at 1"
        );
        let few = fault("audit", &clear[1..], None);
        assert_eq!((few[0].0.as_str(), few[0].1), ("svar", Feilgrunn::FeltForm));
        assert_eq!(few[0].2, "10 svar, ett for hvert ledd");
        assert_eq!(fault("audit", &[], None)[0].1, Feilgrunn::FeltMangler);
        for out in [-1.0, 41.0, f64::NAN] {
            let found = fault("audit", &clear, Some(out));
            let expected = ("oppgitt_skar".into(), Feilgrunn::FeltOmrade, "40 0".into());
            assert_eq!(found, [expected], "{out}");
        }
        let other = fault("audit", &clear, Some(1.0));
        assert_eq!(
            (other[0].0.as_str(), other[0].1),
            ("oppgitt_skar", Feilgrunn::FeltMotstrid)
        );
        let mut faults = FieldFaults::new();
        assert!(les("instrumenter/cage", "instrument", &mut faults).is_none());
        assert!(les("", "instrument", &mut faults).is_none());
        let found = faults.finish().unwrap_err().felt;
        assert_eq!(found[0].grunn, Feilgrunn::FeltUkjentVerdi);
        assert!(found[0].nokler["gyldige"].starts_with("instrumenter/audit, "));
        assert_eq!(found[1].grunn, Feilgrunn::FeltMangler);
    }
}
