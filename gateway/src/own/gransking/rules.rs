//! The life of a mandate, as pure functions.

use std::time::Duration;

use samspor_chassis::{
    domene::{
        felles::Aktor,
        felt,
        navn::{les_enhet, les_person},
        vakt,
    },
    error::{FieldFaults, Refusal},
    tid::Tid,
};
use samspor_proto::{
    felles::Feilgrunn,
    gateway::{ApneGranskingRequest, GranskingTilstand},
    klassifisering::{Klasser, kortnavn},
    tilgang::Dataklasse,
};

use super::{Gransking, Innhold};
use crate::redaction::parse_name;

/// Units, and persons, that one mandate names.
pub(super) const MOST: usize = 20;
/// Longest period that is reviewed.
const LONGEST_PERIOD: Duration = Duration::from_hours(24 * 731);
/// Longest life of a mandate.
const LONGEST_LIFE: Duration = Duration::from_hours(24 * 366);
/// Length of its text, in characters.
const TEXT: (usize, usize) = (10, 4_000);

/// Classes that every review needs, and the one that the mandate may add (P17).
const ALWAYS: Klasser = Klasser::av(&[Dataklasse::Teknisk, Dataklasse::Tjeneste]);
const MAY: Klasser = Klasser::av(&[Dataklasse::Teknisk, Dataklasse::Tjeneste, Dataklasse::Helse]);

/// Reads and holds a proposal against the rules. Persons whom a trace names are
/// added by who can look them up.
pub(super) fn apne(
    request: &ApneGranskingRequest,
    av: Aktor,
    now: Tid,
) -> Result<Innhold, Refusal> {
    let mut faults = FieldFaults::new();
    if les_enhet(&request.parent, "parent", &mut faults) != av.enhet {
        faults.form("parent", format!("egen enhet: enheter/{}", av.enhet));
    }
    let units = units(&request.enheter, &mut faults);
    let gransker_enhet = les_enhet(&request.gransker_enhet, "gransker_enhet", &mut faults);
    let gransker = felt::pakrevd(&request.gransker, "gransker", 64, &mut faults);
    felt::antall(request.personer.len(), "personer", MOST, &mut faults);
    let mut personer = Vec::new();
    for name in &request.personer {
        let person = les_person(name, "personer", &mut faults);
        if !personer.contains(&person) {
            personer.push(person);
        }
    }
    if !request.avvik.is_empty() && !is_avvik(&request.avvik) {
        faults.form("avvik", "avvik/{uuid}");
    }
    let trace = request.sporings_id.to_ascii_lowercase();
    let hex = trace.len() == 32 && trace.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !trace.is_empty() && !hex {
        faults.form("sporings_id", "32 heksadesimale siffer");
    }
    if request.personer.is_empty() && request.avvik.is_empty() && trace.is_empty() {
        faults.missing("personer");
    }
    let (fra, til) = period(request, &mut faults);
    let utloper = life(request, now, &mut faults);
    let asked: Klasser = request.klasser().collect();
    if !asked.uten(MAY).er_tom() {
        let valid: Vec<_> = MAY.iter().map(kortnavn).collect();
        faults.unknown("klasser", valid.join(", "));
    }
    let text = felt::pakrevd(&request.mandat, "mandat", TEXT.1, &mut faults);
    if !text.is_empty() && text.chars().count() < TEXT.0 {
        faults.form("mandat", "hva som skal finnes ut, i minst 10 tegn");
    }
    vakt::krev_ingen(&text, "mandat", &mut faults);
    if units.contains(&gransker_enhet) {
        let rule = "granskeren kan ikke arbeide i en enhet som granskes";
        faults.contradicts("gransker_enhet", "enheter", rule);
    }
    faults.finish()?;
    if gransker == av.ansatt {
        return Err(refused(
            "the reviewer is neither who opens nor who approves",
        ));
    }
    outside(&units, &av)?;
    Ok(Innhold {
        tilstand: GranskingTilstand::Foreslatt,
        apnet_av: av,
        apnet: now,
        godkjent_av: None,
        godkjent: None,
        avsluttet: None,
        gransker,
        gransker_enhet,
        enheter: units,
        personer,
        avvik: request.avvik.clone(),
        sporings_id: trace,
        fra,
        til,
        utloper,
        klasser: (asked | ALWAYS).bits(),
        mandat: text,
    })
}

fn units(names: &[String], faults: &mut FieldFaults) -> Vec<String> {
    if names.is_empty() {
        faults.missing("enheter");
    }
    felt::antall(names.len(), "enheter", MOST, faults);
    let mut units = Vec::new();
    for (place, name) in names.iter().enumerate() {
        let unit = les_enhet(name, &format!("enheter[{place}]"), faults);
        if !units.contains(&unit) {
            units.push(unit);
        }
    }
    units
}

fn is_avvik(name: &str) -> bool {
    parse_name("avvik/{sak}", name).is_some()
}

fn period(request: &ApneGranskingRequest, faults: &mut FieldFaults) -> (Tid, Tid) {
    let mut instant = |value: Option<prost_types::Timestamp>, field: &'static str| {
        if value.is_none() {
            faults.missing(field);
        }
        felt::tidspunkt(value, field, faults)
    };
    let (fra, til) = (instant(request.fra, "fra"), instant(request.til, "til"));
    let (Some(fra), Some(til)) = (fra, til) else {
        return Default::default();
    };
    if til <= fra {
        faults.contradicts("til", "fra", "perioden må slutte etter at den begynner");
    } else if til > fra.plus(LONGEST_PERIOD) {
        faults.contradicts("til", "fra", "perioden er høyst to år");
    }
    (fra, til)
}

fn life(request: &ApneGranskingRequest, now: Tid, faults: &mut FieldFaults) -> Tid {
    if request.utloper.is_none() {
        faults.missing("utloper");
    }
    let Some(end) = felt::tidspunkt(request.utloper, "utloper", faults) else {
        return Tid::default();
    };
    if end <= now || end > now.plus(LONGEST_LIFE) {
        faults.form("utloper", "et tidspunkt fra nå til om ett år");
    }
    end
}

/// Nobody reviews the own unit (P17).
fn outside(units: &[String], av: &Aktor) -> Result<(), Refusal> {
    match units.contains(&av.enhet) {
        true => Err(refused(
            "a mandate is opened and approved outside the units that are reviewed",
        )),
        false => Ok(()),
    }
}

fn refused(row: &str) -> Refusal {
    Refusal::new(Feilgrunn::IkkeTillatt)
        .with("regel", "W8")
        .with("rad", row)
}

/// Approves it: another employee of the other role, outside the units reviewed.
pub(super) fn godkjenn(gransking: Gransking, av: Aktor, now: Tid) -> Result<Gransking, Refusal> {
    krev(&gransking, &[GranskingTilstand::Foreslatt])?;
    let content = gransking.innhold;
    if av.ansatt == content.apnet_av.ansatt || av.rolle == content.apnet_av.rolle {
        return Err(refused(
            "a mandate opened by a LEDER is approved by a PERSONVERNOMBUD, and the other way round",
        ));
    }
    if av.ansatt == content.gransker {
        return Err(refused(
            "the reviewer is neither who opens nor who approves",
        ));
    }
    outside(&content.enheter, &av)?;
    if now >= content.utloper {
        return Err(Refusal::transition("AVSLUTTET", &[]));
    }
    Ok(Gransking {
        versjon: gransking.versjon + 1,
        innhold: Innhold {
            tilstand: GranskingTilstand::Aktiv,
            godkjent_av: Some(av),
            godkjent: Some(now),
            ..content
        },
        ..gransking
    })
}

/// Ends it, or takes it back.
pub(super) fn avslutt(gransking: Gransking, now: Tid) -> Result<Gransking, Refusal> {
    use GranskingTilstand::{Aktiv, Foreslatt};
    krev(&gransking, &[Foreslatt, Aktiv])?;
    let content = gransking.innhold;
    Ok(Gransking {
        versjon: gransking.versjon + 1,
        innhold: Innhold {
            tilstand: GranskingTilstand::Avsluttet,
            avsluttet: Some(now.min(content.utloper)),
            ..content
        },
        ..gransking
    })
}

fn krev(gransking: &Gransking, states: &[GranskingTilstand]) -> Result<(), Refusal> {
    let state = gransking.innhold.tilstand;
    if states.contains(&state) {
        return Ok(());
    }
    let name = state.as_str_name();
    let name = name.strip_prefix("GRANSKING_TILSTAND_").unwrap_or_default();
    let allowed: &[&str] = match state {
        GranskingTilstand::Foreslatt => &["GodkjennGransking", "AvsluttGransking"],
        GranskingTilstand::Aktiv => &["AvsluttGransking"],
        GranskingTilstand::Avsluttet | GranskingTilstand::Unspecified => &[],
    };
    Err(Refusal::transition(name, allowed))
}
