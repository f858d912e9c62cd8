//! What a line of the file says.

use serde::Deserialize;

/// A line of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Linje {
    /// Reference in the old system.
    #[serde(rename = "ref")]
    pub(super) referanse: String,
    /// Person id.
    pub(super) person: String,
    pub(super) r#type: String,
    /// Id of the unit that answers for it, where that is not the first that
    /// allocates the type: of a person who is hidden, one that has the mandate.
    #[serde(default)]
    pub(super) ansvarlig: String,
    /// Day on which it was applied for.
    pub(super) mottatt: String,
    pub(super) soknad: Sokt,
    /// Keys of the groups that the person belongs to.
    #[serde(default)]
    pub(super) grunner: Vec<String>,
    #[serde(default)]
    pub(super) avgjort: Option<Avgjort>,
    #[serde(default)]
    pub(super) trukket: Option<Trukket>,
    #[serde(default)]
    pub(super) leieforhold: Option<Leid>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sokt {
    pub(super) eget_onske: String,
    pub(super) voksne: i32,
    #[serde(default)]
    pub(super) barn: i32,
    pub(super) boligsituasjon: String,
    #[serde(default)]
    pub(super) behov: Trenger,
    #[serde(default)]
    pub(super) kommende_dag: String,
    #[serde(default)]
    pub(super) kommende_arsak: String,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Trenger {
    pub(super) omrader: Vec<String>,
    pub(super) bemanning: String,
    pub(super) rullestol: bool,
    pub(super) trappefri: bool,
    pub(super) rusfritt_miljo: bool,
    pub(super) soverom: i32,
    pub(super) meter_tjenester: i32,
    pub(super) kvinne: bool,
    pub(super) bare_kvinner: bool,
    pub(super) funksjon: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Avgjort {
    pub(super) dag: String,
    /// GODKJENT or AVSLATT.
    pub(super) utfall: String,
    /// Employee id of whoever decided.
    pub(super) av: String,
    pub(super) begrunnelse: String,
    pub(super) hjemmel: Basis,
    #[serde(default)]
    pub(super) klageinstans: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Basis {
    pub(super) lov: String,
    pub(super) paragraf: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Trukket {
    pub(super) dag: String,
    pub(super) onske: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Leid {
    /// Number of the dwelling in the municipality's register.
    pub(super) bolig: String,
    pub(super) fra: String,
    pub(super) til: String,
    #[serde(default)]
    pub(super) husleie: i32,
    /// Ids of the units that follow the tenant.
    #[serde(default)]
    pub(super) oppfolgere: Vec<String>,
    #[serde(default)]
    pub(super) avsluttet: Option<Slutt>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Slutt {
    pub(super) dag: String,
    pub(super) begrunnelse: String,
}
