//! What may happen to a dwelling.

use samspor_chassis::{
    domene::tilstand::Overganger,
    error::{FieldFaults, Refusal},
    tid::Tid,
};
use samspor_proto::boligkontor::Tomgangsarsak;

use super::{Bolig, Egenskaper, Innhold, Tilstand, Tomgang};

/// Which verb is allowed in which state. The last three are not RPCs of their
/// own: a reservation ends, a contract is made, a tenant moves out.
pub(crate) const OVERGANGER: Overganger<Tilstand> = Overganger(&[
    ("ReserverBolig", &[Tilstand::Ledig]),
    (
        "EndreBolig",
        &[
            Tilstand::Ledig,
            Tilstand::Reservert,
            Tilstand::Utleid,
            Tilstand::Klargjores,
            Tilstand::UteAvDrift,
        ],
    ),
    ("MeldKlargjort", &[Tilstand::Klargjores]),
    ("TaUtAvDrift", &[Tilstand::Ledig, Tilstand::Klargjores]),
    ("SettIDrift", &[Tilstand::UteAvDrift]),
    (
        "AvviklBolig",
        &[Tilstand::Ledig, Tilstand::Klargjores, Tilstand::UteAvDrift],
    ),
    (FRIGI, &[Tilstand::Reservert]),
    (KONTRAKT, &[Tilstand::Reservert]),
    (FRAFLYTT, &[Tilstand::Utleid]),
]);

/// The verb is allowed in the state of the dwelling.
///
/// # Errors
/// `UGYLDIG_OVERGANG` with the verbs that are called for a dwelling: what else
/// moves it is done to the reservation or the tenancy.
pub(crate) fn krev(verb: &str, tilstand: Tilstand) -> Result<(), Refusal> {
    let mut allowed = OVERGANGER.tillatt(tilstand);
    if allowed.contains(&verb) {
        return Ok(());
    }
    allowed.retain(|verb| ![FRIGI, KONTRAKT, FRAFLYTT].contains(verb));
    Err(Refusal::transition(tilstand.kode(), &allowed))
}

/// A reservation ends without a contract.
pub(crate) const FRIGI: &str = "Frigi";
/// A reservation becomes a tenancy.
pub(crate) const KONTRAKT: &str = "InngaKontrakt";
/// A tenant has moved out.
pub(crate) const FRAFLYTT: &str = "AvsluttLeieforhold";

/// Why it stands empty, and what a day costs; 0: as the dwelling says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arsak {
    pub(crate) arsak: Tomgangsarsak,
    pub(crate) merknad: String,
    pub(crate) kostnad_per_dag: i32,
}

impl From<Tomgangsarsak> for Arsak {
    fn from(arsak: Tomgangsarsak) -> Self {
        Self {
            arsak,
            merknad: String::new(),
            kostnad_per_dag: 0,
        }
    }
}

/// What changes in the periods of standing empty: one ends, one begins, both
/// now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tomgangsendring {
    /// Id of the period that ends.
    pub(crate) lukket: Option<String>,
    pub(crate) apnet: Option<Tomgang>,
}

/// A new dwelling, in a state in which nobody has it.
pub(crate) fn ny(
    id: String,
    nokkel: String,
    egenskaper: Egenskaper,
    tilstand: Tilstand,
    (tomgang, now): (String, Tid),
) -> Bolig {
    let arsak = match tilstand {
        Tilstand::Ledig => Tomgangsarsak::VenterTildeling,
        Tilstand::UteAvDrift => Tomgangsarsak::Vedlikehold,
        _ => Tomgangsarsak::Klargjoring,
    };
    let tomgang = Tomgang {
        id: tomgang,
        arsak,
        merknad: String::new(),
        fra: now,
        til: None,
        kostnad_per_dag: egenskaper.kostnad_per_dag,
    };
    Bolig {
        id,
        versjon: 1,
        nokkel,
        tilstand,
        siden: now,
        innhold: Innhold {
            egenskaper,
            klar: None,
            avviklet: String::new(),
        },
        tomgang: Some(tomgang),
    }
}

/// The dwelling goes to another state by a verb. `arsak` says why it stands
/// empty from now on; none: nobody asks any more, or the cause is as before.
///
/// # Errors
/// `UGYLDIG_OVERGANG`.
pub(crate) fn flytt(
    mut bolig: Bolig,
    verb: &str,
    til: Tilstand,
    arsak: Option<Arsak>,
    (id, now): (String, Tid),
) -> Result<(Bolig, Tomgangsendring), Refusal> {
    krev(verb, bolig.tilstand)?;
    bolig.tilstand = til;
    bolig.siden = now;
    bolig.innhold.klar = None;
    let mut change = Tomgangsendring::default();
    let lives = matches!(til, Tilstand::Utleid | Tilstand::Avviklet);
    if lives || arsak.is_some() {
        change.lukket = bolig.tomgang.take().map(|open| open.id);
    }
    if let Some(Arsak {
        arsak,
        merknad,
        kostnad_per_dag,
    }) = arsak
    {
        let cost = match kostnad_per_dag {
            0 => bolig.innhold.egenskaper.kostnad_per_dag,
            stated => stated,
        };
        let begins = Tomgang {
            id,
            arsak,
            merknad,
            fra: now,
            til: None,
            kostnad_per_dag: cost,
        };
        change.apnet = Some(begins.clone());
        bolig.tomgang = Some(begins);
    }
    Ok((bolig, change))
}

/// What it is like changes.
///
/// # Errors
/// `UGYLDIG_OVERGANG` for one that has left the stock; a fault where its type
/// would change while somebody has it: it was allocated by who allocates that.
pub(crate) fn endre(mut bolig: Bolig, egenskaper: Egenskaper) -> Result<Bolig, Refusal> {
    krev("EndreBolig", bolig.tilstand)?;
    let held = matches!(bolig.tilstand, Tilstand::Reservert | Tilstand::Utleid);
    if held && egenskaper.tildelingstype != bolig.tildelingstype() {
        let mut faults = FieldFaults::new();
        faults.contradicts(
            "egenskaper.tildelingstype",
            "tilstand",
            "boligen er reservert eller utleid; endre typen når den er ledig",
        );
        faults.finish()?;
    }
    bolig.innhold.egenskaper = egenskaper;
    Ok(bolig)
}
