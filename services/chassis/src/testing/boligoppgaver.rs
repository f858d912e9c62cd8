//! What each consumer of boligkontor's events must do with them.

use crate::domene::boligoppgaver::Boligoppgave;

/// An event that asks for a task about a record, and one that ends it.
pub const RUNDER: [(&str, &str, &str, Boligoppgave); 8] = {
    use Boligoppgave::{Bekymring, Boligsak, FinnBolig, LeieforholdOppsagt, Restanse};
    [
        (
            "BoligsakMottatt",
            "boligsaker/1",
            "BoligsakGodkjent",
            Boligsak,
        ),
        (
            "TilbudAvslatt",
            "reservasjoner/1",
            "BoligletingAvsluttet",
            FinnBolig,
        ),
        (
            "VetoNedlagt",
            "reservasjoner/2",
            "BoligletingAvsluttet",
            FinnBolig,
        ),
        (
            "ReservasjonUtlopt",
            "reservasjoner/3",
            "BoligletingAvsluttet",
            FinnBolig,
        ),
        (
            "RestanseVarslet",
            "restansesaker/1",
            "RestansesakBesvart",
            Restanse,
        ),
        (
            "BekymringMottatt",
            "bekymringer/1",
            "BekymringBekreftet",
            Bekymring,
        ),
        (
            "LeieforholdOppsagt",
            "leieforhold/2",
            "OppsigelseTrukket",
            LeieforholdOppsagt,
        ),
        (
            "LeieforholdOppsagt",
            "leieforhold/1",
            "LeieforholdAvsluttet",
            LeieforholdOppsagt,
        ),
    ]
};

/// Events that ask for nothing and end nothing, with their records.
pub const UTEN_VIRKNING: [(&str, &str); 3] = [
    ("BoligTilbudt", "boligsaker/1"),
    ("BoligReservert", "boligsaker/1"),
    ("BoligletingAvsluttet", "reservasjoner/9"),
];
