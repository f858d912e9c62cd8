//! What boligkontor's events ask of a unit that allocates dwellings, follows
//! tenants up, or takes part in a joint case about arrears: the same of each.

/// A task about the record of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boligoppgave {
    /// An application for a dwelling is to be decided.
    Boligsak,
    /// A dwelling is to be found: an offer or a reservation came to nothing.
    FinnBolig,
    /// A joint case about arrears is to be answered.
    Restanse,
    /// A concern about a tenant is to be confirmed.
    Bekymring,
    /// A tenant does not want to be followed up.
    OppfolgingAvslatt,
    /// A tenancy was ended by notice.
    LeieforholdOppsagt,
}

/// The task that an event asks for, about its record.
#[must_use]
pub fn ber_om(hendelse: &str) -> Option<Boligoppgave> {
    Some(match hendelse {
        "BoligsakMottatt" => Boligoppgave::Boligsak,
        "TilbudAvslatt" | "VetoNedlagt" | "ReservasjonUtlopt" => Boligoppgave::FinnBolig,
        "RestanseVarslet" => Boligoppgave::Restanse,
        "BekymringMottatt" => Boligoppgave::Bekymring,
        "OppfolgingAvslatt" => Boligoppgave::OppfolgingAvslatt,
        "LeieforholdOppsagt" => Boligoppgave::LeieforholdOppsagt,
        _ => return None,
    })
}

/// Tasks about its record that an event ends.
#[must_use]
pub fn gjort(hendelse: &str) -> &'static [Boligoppgave] {
    use Boligoppgave::{
        Bekymring, Boligsak, FinnBolig, LeieforholdOppsagt, OppfolgingAvslatt, Restanse,
    };
    match hendelse {
        "BoligsakGodkjent" | "BoligsakAvslatt" | "BoligsakTrukket" => &[Boligsak],
        "BoligletingAvsluttet" => &[FinnBolig],
        "RestansesakBesvart" | "RestansesakAvgjort" => &[Restanse],
        "BekymringBekreftet" => &[Bekymring],
        "OppsigelseTrukket" => &[LeieforholdOppsagt],
        "LeieforholdAvsluttet" => &[OppfolgingAvslatt, LeieforholdOppsagt],
        _ => &[],
    }
}

/// The person of a record: `personer/{person}/…`.
#[must_use]
pub fn personen(post: &str) -> Option<&str> {
    post.strip_prefix("personer/")?.split('/').next()
}
