//! What an objection may say, and when it can be lifted.

use samspor_chassis::{
    error::{FieldFaults, Refusal},
    tid::Tid,
};
use samspor_proto::{
    felles::{Feilgrunn, Rolle},
    koordinering::registrer_reservasjon_request,
};

use super::{Mot, Opphevelse, Reservasjon};
use crate::{navn, vilje::Vilje};

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

/// Lifts an objection on the person's wish. Staff record the wish, but not where
/// it is against their own unit; where it is against all, only the
/// koordinerende enhet does, which reads nobody's records.
///
/// # Errors
/// `IKKE_TILLATT` (W6) for staff whom it is against; `UGYLDIG_OVERGANG` when it
/// was lifted already.
pub(crate) fn opphev(
    mut reservasjon: Reservasjon,
    onske: Vilje,
    koordinerende: bool,
    now: Tid,
) -> Result<Reservasjon, Refusal> {
    let Vilje {
        form,
        innhentet,
        eier: _,
        registrert_av: av,
    } = onske;
    let against_them = match &reservasjon.mot {
        Mot::Enhet(enhet) => *enhet == av.enhet,
        Mot::AlleEnheter => !koordinerende,
    };
    if av.rolle != Rolle::Innbygger && against_them {
        return Err(Refusal::new(Feilgrunn::IkkeTillatt)
            .with("regel", "W6")
            .with(
                "rad",
                "Reservasjonen oppheves av personen selv, eller av ansatte i en enhet den ikke er rettet mot.",
            ));
    }
    if reservasjon.opphevet.is_some() {
        return Err(Refusal::transition("OPPHEVET", &["RegistrerReservasjon"]));
    }
    reservasjon.opphevet = Some(Opphevelse {
        tid: now,
        av,
        onske: Some((form, innhentet)),
    });
    Ok(reservasjon)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use registrer_reservasjon_request::Mot as Wire;
    use samspor_proto::{felles::part, koordinering::Samtykkeform};

    use super::*;
    use crate::Aktor;

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

    fn wish(enhet: &str, rolle: Rolle) -> Vilje {
        Vilje {
            form: Samtykkeform::Skriftlig,
            innhentet: Tid(8),
            eier: enhet.into(),
            registrert_av: Aktor {
                enhet: enhet.into(),
                ansatt: "a1".into(),
                rolle,
            },
        }
    }

    fn objection(mot: Mot) -> Reservasjon {
        Reservasjon {
            id: "r".into(),
            person: "p".into(),
            versjon: 1,
            mot,
            vilje: wish("rop", Rolle::Miljo),
            fra: Tid(6),
            opphevet: None,
        }
    }

    #[test]
    fn lifted_once_and_the_fact_ends_then() {
        let before = objection(Mot::AlleEnheter).faktum("p");
        assert_eq!(
            before.part.as_ref().unwrap().hvem,
            Some(part::Hvem::Enhet("*".into()))
        );
        assert_eq!(before.periode.unwrap().til, None);
        let own = || wish("", Rolle::Innbygger);
        let lifted = opphev(objection(Mot::AlleEnheter), own(), false, Tid(9)).unwrap();
        let after = lifted.faktum("p");
        assert_eq!(
            (after.id, after.periode.unwrap().til),
            (before.id, Some(Tid(9).into()))
        );
        let again = opphev(lifted, own(), false, Tid(10)).unwrap_err();
        assert_eq!(again.nokler["tilstand"], "OPPHEVET");
    }

    /// Whom it is against, who lifts it, whether as the koordinerende enhet.
    ///
    /// Seen red: without the comparison of units, and with every unit allowed
    /// to lift one against all.
    #[test]
    fn nobody_lifts_what_is_held_against_the_own_unit() {
        let one = || Mot::Enhet("nav".into());
        let table = [
            (one(), "nav", Rolle::Saksbehandler, false, false),
            (one(), "nav", Rolle::Leder, false, false),
            (one(), "rop", Rolle::Saksbehandler, false, true),
            (one(), "", Rolle::Innbygger, false, true),
            (
                Mot::Enhet("koordinering".into()),
                "koordinering",
                Rolle::Koordinator,
                true,
                false,
            ),
            (Mot::AlleEnheter, "rop", Rolle::Saksbehandler, false, false),
            (
                Mot::AlleEnheter,
                "koordinering",
                Rolle::Koordinator,
                true,
                true,
            ),
            (Mot::AlleEnheter, "", Rolle::Innbygger, false, true),
        ];
        for (mot, enhet, rolle, koordinerende, allowed) in table {
            let found = opphev(objection(mot), wish(enhet, rolle), koordinerende, Tid(9));
            match found {
                Ok(lifted) => {
                    assert!(allowed, "{enhet} {rolle:?}");
                    let onske = lifted.opphevet.unwrap().onske;
                    assert_eq!(onske, Some((Samtykkeform::Skriftlig, Tid(8))));
                }
                Err(refusal) => {
                    assert!(!allowed, "{enhet} {rolle:?}");
                    assert_eq!(refusal.grunn, Feilgrunn::IkkeTillatt);
                }
            }
        }
    }
}
