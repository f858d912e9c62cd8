//! How a person's will came to the mesh: consent and objection are given by
//! the person, or recorded by staff on the person's behalf (W6).

use samspor_chassis::{error::FieldFaults, tid::Tid};
use samspor_proto::{felles::Rolle, koordinering::Samtykkeform};

use crate::{Aktor, ENHET};

/// How the person expressed a will, and who recorded it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Vilje {
    /// How.
    pub(crate) form: Samtykkeform,
    /// When.
    pub(crate) innhentet: Tid,
    /// Unit that recorded it; this one when the person did.
    pub(crate) eier: String,
    /// Who recorded it.
    pub(crate) registrert_av: Aktor,
}

/// Reads how a will was expressed. The person's own is digital and now,
/// whatever else is asked for is a contradiction; staff say how and when, so
/// that the will can be proved (pvf art. 7 nr. 1).
pub(crate) fn les(
    hvem: Aktor,
    form: i32,
    innhentet: Option<prost_types::Timestamp>,
    now: Tid,
    faults: &mut FieldFaults,
) -> Vilje {
    let form = Samtykkeform::try_from(form).ok();
    if hvem.rolle == Rolle::Innbygger {
        if !matches!(
            form,
            Some(Samtykkeform::Unspecified | Samtykkeform::Digital)
        ) {
            faults.contradicts("form", "rolle", "innbyggerens egen er DIGITAL");
        }
        return Vilje {
            form: Samtykkeform::Digital,
            innhentet: now,
            eier: ENHET.to_owned(),
            registrert_av: hvem,
        };
    }
    let form = form.filter(|form| *form != Samtykkeform::Unspecified);
    if form.is_none() {
        faults.unknown("form", "MUNTLIG, SKRIFTLIG, DIGITAL");
    }
    let innhentet = match innhentet.map(Tid::try_from) {
        None => {
            faults.missing("innhentet");
            now
        }
        Some(Ok(instant)) if instant <= now => instant,
        Some(Ok(_)) => {
            faults.form("innhentet", "et tidspunkt som ikke er i framtiden");
            now
        }
        Some(Err(_)) => {
            faults.form("innhentet", "et gyldig tidspunkt");
            now
        }
    };
    Vilje {
        form: form.unwrap_or_default(),
        innhentet,
        eier: hvem.enhet.clone(),
        registrert_av: hvem,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const NOW: Tid = Tid(1_800_000_000_000_000);

    fn who(rolle: Rolle) -> Aktor {
        let staff = rolle != Rolle::Innbygger;
        Aktor {
            enhet: if staff { "rop" } else { "" }.to_owned(),
            ansatt: if staff { "a1" } else { "" }.to_owned(),
            rolle,
        }
    }

    fn read(rolle: Rolle, form: Samtykkeform, at: Option<Tid>) -> Result<Vilje, Vec<String>> {
        let mut faults = FieldFaults::new();
        let will = les(
            who(rolle),
            form.into(),
            at.map(Tid::to_proto),
            NOW,
            &mut faults,
        );
        match faults.finish() {
            Ok(()) => Ok(will),
            Err(refusal) => Err(refusal.felt.into_iter().map(|fault| fault.felt).collect()),
        }
    }

    #[test]
    fn the_persons_own_is_digital_and_now() {
        for form in [Samtykkeform::Unspecified, Samtykkeform::Digital] {
            let will = read(Rolle::Innbygger, form, Some(Tid(5))).unwrap();
            assert_eq!(will.form, Samtykkeform::Digital);
            assert_eq!(will.innhentet, NOW);
            assert_eq!(will.eier, "koordinering");
        }
        let fault = read(Rolle::Innbygger, Samtykkeform::Muntlig, None);
        assert_eq!(fault, Err(vec!["form".to_owned()]));
    }

    #[test]
    fn staff_say_how_and_when() {
        let will = read(Rolle::Miljo, Samtykkeform::Muntlig, Some(NOW)).unwrap();
        assert_eq!((will.eier.as_str(), will.innhentet), ("rop", NOW));
        let fault = read(Rolle::Miljo, Samtykkeform::Unspecified, None);
        assert_eq!(fault, Err(vec!["form".to_owned(), "innhentet".to_owned()]));
        let late = Some(NOW.plus(std::time::Duration::from_micros(1)));
        let fault = read(Rolle::Miljo, Samtykkeform::Muntlig, late);
        assert_eq!(fault, Err(vec!["innhentet".to_owned()]));
    }
}
