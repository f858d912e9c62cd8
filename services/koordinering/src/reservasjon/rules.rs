//! What an objection may say, and when it can be lifted.

use samspor_chassis::{
    error::{FieldFaults, Refusal},
    tid::Tid,
};
use samspor_proto::koordinering::registrer_reservasjon_request;

use super::{Mot, Reservasjon};
use crate::{Aktor, navn};

/// Reads whom an objection is against.
pub(crate) fn les(
    mot: Option<&registrer_reservasjon_request::Mot>,
    faults: &mut FieldFaults,
) -> Mot {
    match mot {
        Some(registrer_reservasjon_request::Mot::AlleEnheter(true)) => Mot::AlleEnheter,
        Some(registrer_reservasjon_request::Mot::Enhet(name)) => {
            Mot::Enhet(navn::les_enhet(name, "enhet", faults))
        }
        // `false` says nothing, so nothing was said.
        Some(registrer_reservasjon_request::Mot::AlleEnheter(false)) | None => {
            faults.missing("mot");
            Mot::AlleEnheter
        }
    }
}

/// Lifts an objection.
///
/// # Errors
/// `UGYLDIG_OVERGANG` when it was lifted already.
pub(crate) fn opphev(
    mut reservasjon: Reservasjon,
    hvem: Aktor,
    now: Tid,
) -> Result<Reservasjon, Refusal> {
    if reservasjon.opphevet.is_some() {
        return Err(Refusal::transition("OPPHEVET", &["RegistrerReservasjon"]));
    }
    reservasjon.opphevet = Some((now, hvem));
    Ok(reservasjon)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use registrer_reservasjon_request::Mot as Wire;
    use samspor_proto::{
        felles::{Feilgrunn, Rolle, part},
        koordinering::Samtykkeform,
    };

    use super::*;
    use crate::vilje::Vilje;

    #[test]
    fn against_one_unit_or_all() {
        type Row = (Option<Wire>, Result<Mot, (&'static str, Feilgrunn)>);
        let table: [Row; 5] = [
            (
                Some(Wire::Enhet("enheter/rop".into())),
                Ok(Mot::Enhet("rop".into())),
            ),
            (Some(Wire::AlleEnheter(true)), Ok(Mot::AlleEnheter)),
            (
                Some(Wire::AlleEnheter(false)),
                Err(("mot", Feilgrunn::FeltMangler)),
            ),
            (None, Err(("mot", Feilgrunn::FeltMangler))),
            (
                Some(Wire::Enhet("enheter/*".into())),
                Err(("enhet", Feilgrunn::FeltForm)),
            ),
        ];
        for (wire, expected) in table {
            let mut faults = FieldFaults::new();
            let mot = les(wire.as_ref(), &mut faults);
            let found = faults.finish().map(|()| mot);
            match (found, expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected),
                (found, expected) => {
                    let fault = &found.unwrap_err().felt[0];
                    assert_eq!((fault.felt.as_str(), fault.grunn), expected.unwrap_err());
                }
            }
        }
    }

    #[test]
    fn lifted_once_and_the_fact_ends_then() {
        let who = Aktor {
            enhet: "rop".into(),
            ansatt: "a1".into(),
            rolle: Rolle::Miljo,
        };
        let objection = Reservasjon {
            id: "r".into(),
            person: "p".into(),
            versjon: 1,
            mot: Mot::AlleEnheter,
            vilje: Vilje {
                form: Samtykkeform::Muntlig,
                innhentet: Tid(5),
                eier: "rop".into(),
                registrert_av: who.clone(),
            },
            fra: Tid(6),
            opphevet: None,
        };
        let before = objection.faktum("p");
        assert_eq!(
            before.part.as_ref().unwrap().hvem,
            Some(part::Hvem::Enhet("*".into()))
        );
        assert_eq!(before.periode.unwrap().til, None);
        let lifted = opphev(objection, who.clone(), Tid(9)).unwrap();
        let after = lifted.faktum("p");
        assert_eq!(
            (after.id, after.periode.unwrap().til),
            (before.id, Some(Tid(9).into()))
        );
        let again = opphev(lifted, who, Tid(10)).unwrap_err();
        assert_eq!(again.nokler["tilstand"], "OPPHEVET");
    }
}
