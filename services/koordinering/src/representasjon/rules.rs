//! What a mandate says, and who may register, confirm and end it.

use samspor_chassis::{
    call::Call,
    domene::felt,
    error::{FieldFaults, Refusal},
    tid::Tid,
};
use samspor_proto::{felles::Feilgrunn, koordinering::RegistrerRepresentasjonRequest};

use super::{Innhold, Representasjon};
use crate::{navn, tosteg::Steg};

/// Reads a mandate for a person.
pub(crate) fn les(
    request: &RegistrerRepresentasjonRequest,
    person: &str,
    now: Tid,
    faults: &mut FieldFaults,
) -> Innhold {
    let representant = navn::les_person(&request.representant, "representant", faults);
    if representant == person {
        faults.contradicts("representant", "parent", "ingen representerer seg selv");
    }
    let period = request.periode.unwrap_or_default();
    let mut instant = |at: Option<prost_types::Timestamp>, field: &'static str| {
        let read = at.map(Tid::try_from)?;
        if read.is_err() {
            faults.form(field, "et gyldig tidspunkt");
        }
        read.ok()
    };
    let fra = instant(period.fra, "periode.fra").unwrap_or(now);
    let til = instant(period.til, "periode.til");
    if til.is_some_and(|til| til <= fra) {
        faults.contradicts("periode.til", "periode.fra", "til må være etter fra");
    }
    Innhold {
        representant,
        grunnlag: felt::valg(
            request.grunnlag,
            "grunnlag",
            "samspor.koordinering.v1.Representasjonsgrunnlag",
            faults,
        ),
        hjemmel: felt::hjemmel(request.hjemmel.as_ref(), "hjemmel", faults),
        fra,
        til,
    }
}

/// Who may: the koordinerende enhet, because a mandate opens every unit's
/// records.
///
/// # Errors
/// `IKKE_TILLATT` (W3) for any other unit.
pub(crate) fn kan(call: &Call) -> Result<(), Refusal> {
    if call.har_funksjon("koordinerende_enhet") {
        return Ok(());
    }
    Err(w3("Representanter registreres av koordinerende enhet."))
}

/// Why the person cannot end it: a vergemål ends by who decided it.
pub(crate) fn avsluttes_ikke_av_personen() -> Refusal {
    Refusal::new(Feilgrunn::IkkeTillatt)
        .with("regel", "W6")
        .with(
            "rad",
            "Personen avslutter en fullmakt. Et vergemål opphører ved Statsforvalterens vedtak.",
        )
}

/// Confirms it.
///
/// # Errors
/// `UGYLDIG_OVERGANG` where it does not wait; `IKKE_TILLATT` (W3) by who
/// registered it.
pub(crate) fn bekreft(mandate: Representasjon, steg: Steg) -> Result<Representasjon, Refusal> {
    if mandate.avsluttet.is_some() || mandate.faktum().is_some() {
        return Err(out_of_order(&mandate));
    }
    if !steg.av_en_annen(&mandate.registrert) {
        return Err(w3(
            "Registreringen må bekreftes av en annen ansatt enn den som gjorde den.",
        ));
    }
    Ok(Representasjon {
        bekreftet: Some(steg),
        ..mandate
    })
}

/// Ends it.
///
/// # Errors
/// `UGYLDIG_OVERGANG` when it is ended.
pub(crate) fn avslutt(mandate: Representasjon, steg: Steg) -> Result<Representasjon, Refusal> {
    if mandate.avsluttet.is_some() {
        return Err(out_of_order(&mandate));
    }
    Ok(Representasjon {
        avsluttet: Some(steg),
        ..mandate
    })
}

fn out_of_order(mandate: &Representasjon) -> Refusal {
    let allowed: &[&str] = if mandate.avsluttet.is_some() {
        &["RegistrerRepresentasjon"]
    } else {
        &["AvsluttRepresentasjon"]
    };
    let state = mandate.tilstand().as_str_name();
    let state = state
        .strip_prefix("REPRESENTASJON_TILSTAND_")
        .unwrap_or(state);
    Refusal::transition(state, allowed)
}

fn w3(advice: &str) -> Refusal {
    Refusal::new(Feilgrunn::IkkeTillatt)
        .with("regel", "W3")
        .with("rad", advice)
}
