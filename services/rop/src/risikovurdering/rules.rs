//! What a risk assessment may say, and how a newer one replaces it.

use std::time::Duration;

use samspor_chassis::{
    domene::{Aktor, Dag, Virkninger, felt},
    error::FieldFaults,
    tid::Tid,
};
use samspor_proto::rop::{RegistrerRisikovurderingRequest, Risikoniva, Risikotiltak};

use super::{Bemanning, FRIST_UTLOP, Innhold, Risikovurdering};
use crate::{innstillinger::Innstillinger, unntak};

/// Longest time that an assessment holds.
const MAKS_MANEDER: i32 = 12;
/// How long before the expiry the unit is warned.
const VARSEL: Duration = Duration::from_hours(14 * 24);

/// What was registered.
#[derive(Debug, PartialEq)]
pub(crate) struct Registrering {
    pub(crate) utloper: Tid,
    pub(crate) innhold: Innhold,
}

/// Reads an assessment. None only where there is a fault.
pub(crate) fn les(
    request: &RegistrerRisikovurderingRequest,
    av: Aktor,
    now: Tid,
    innstillinger: &Innstillinger,
    faults: &mut FieldFaults,
) -> Option<Registrering> {
    let niva = felt::valg(request.niva, "niva", "samspor.rop.v1.Risikoniva", faults);
    let tiltak = felt::flere_valg(
        &request.tiltak,
        "tiltak",
        "samspor.rop.v1.Risikotiltak",
        faults,
    );
    if tiltak.is_empty() && matches!(niva, Risikoniva::Gul | Risikoniva::Rod) {
        faults.missing("tiltak");
    } else {
        for always in innstillinger.tiltak_for(niva) {
            if !tiltak.contains(always) {
                let (niva, always) = (niva.as_str_name(), always.as_str_name());
                let rule = format_args!("{niva} krever {always}; legg det til");
                faults.contradicts("tiltak", "niva", rule);
            }
        }
    }
    let innhold = Innhold {
        niva,
        tiltak,
        tiltak_merknad: felt::tekst(
            &request.tiltak_merknad,
            "tiltak_merknad",
            felt::LANG,
            faults,
        ),
        kilde: felt::valg(request.kilde, "kilde", "samspor.rop.v1.Risikokilde", faults),
        grunnlag: felt::pakrevd(&request.grunnlag, "grunnlag", felt::LANG, faults),
        tidligere_dom: felt::tekst(&request.tidligere_dom, "tidligere_dom", felt::LANG, faults),
        erstatter: None,
        vurdert_av: av,
        vurdert: now,
        unntatt: unntak::les(request.unntatt_innsyn, &request.unntatt_begrunnelse, faults),
        hjemmel: felt::hjemmel(request.hjemmel.as_ref(), "hjemmel", faults),
    };
    if request.utloper.is_none() {
        faults.missing("utloper");
    }
    let utloper = felt::tidspunkt(request.utloper, "utloper", faults)?;
    let latest = Dag::av(now).pluss_maneder(MAKS_MANEDER).slutt();
    if utloper <= now || utloper > latest {
        faults.form("utloper", "et tidspunkt i framtiden og innen ett år");
    }
    Some(Registrering { utloper, innhold })
}

/// How many employees an assessment that is not replaced asks for. What was
/// chosen beyond its level lapses with it, what the level always asks for does
/// not.
pub(crate) fn bemanning(
    vurdering: &Risikovurdering,
    always: &[Risikotiltak],
    now: Tid,
) -> Bemanning {
    let two = &Risikotiltak::ToAnsatte;
    let holds = vurdering.gjelder(now);
    let chosen = vurdering.innhold.tiltak.contains(two);
    match (always.contains(two), holds) {
        (true, false) => Bemanning::ToUtlopt,
        (by_level, true) if by_level || chosen => Bemanning::To,
        _ => Bemanning::En,
    }
}

/// Registers an assessment; the one before (if any) ends now.
pub(crate) fn registrer(
    registrering: Registrering,
    person: String,
    id: String,
    before: Option<Risikovurdering>,
    now: Tid,
) -> (Risikovurdering, Option<Risikovurdering>, Virkninger) {
    let Registrering {
        utloper,
        mut innhold,
    } = registrering;
    let mut out = Virkninger::new();
    let replaced = before.map(|mut before| {
        before.nyeste = false;
        before.utloper = before.utloper.min(now);
        out.slett_frist(FRIST_UTLOP, &before.name());
        before
    });
    innhold.erstatter = replaced.as_ref().map(|before| before.id.clone());
    let vurdering = Risikovurdering {
        person,
        id,
        versjon: 1,
        ansvarlig_enhet: innhold.vurdert_av.enhet.clone(),
        nyeste: true,
        utloper,
        innhold,
    };
    let emne = vurdering.emne();
    let owner = [vurdering.ansvarlig_enhet.clone()];
    out.hendelse("RisikovurderingRegistrert", &emne, owner);
    frist(&vurdering, &mut out);
    (vurdering, replaced, out)
}

/// The clock of one that is not replaced; where it has expired, it is due now.
pub(crate) fn frist(vurdering: &Risikovurdering, out: &mut Virkninger) {
    let utloper = vurdering.utloper;
    let warn = Some(utloper.minus(VARSEL));
    let owner = [vurdering.ansvarlig_enhet.clone()];
    out.frist(FRIST_UTLOP, &vurdering.emne(), utloper, warn, owner);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use samspor_chassis::domene::virkning::Fristendring;
    use samspor_proto::{
        felles::{Feilgrunn, Hjemmel, Rolle},
        rop::Risikokilde,
    };

    use super::*;
    use crate::innstillinger::innstillinger;

    /// Friday 2027-01-15 08:00 UTC.
    const NOW: Tid = Tid(1_800_000_000_000_000);
    const DAY: Duration = Duration::from_hours(24);

    fn request() -> RegistrerRisikovurderingRequest {
        RegistrerRisikovurderingRequest {
            niva: Risikoniva::Rod.into(),
            tiltak: vec![Risikotiltak::ToAnsatte.into()],
            kilde: Risikokilde::EgenErfaring.into(),
            grunnlag: "Truet ansatt".into(),
            utloper: Some(NOW.plus(DAY * 90).into()),
            hjemmel: Some(Hjemmel {
                lov: "arbeidsmiljøloven".into(),
                paragraf: "§ 4-3".into(),
            }),
            ..Default::default()
        }
    }

    fn read(
        change: impl FnOnce(&mut RegistrerRisikovurderingRequest),
    ) -> Result<Registrering, Vec<(String, Feilgrunn)>> {
        let mut request = request();
        change(&mut request);
        let by = Aktor {
            enhet: "rop".into(),
            ansatt: "r1".into(),
            rolle: Rolle::Miljo,
        };
        let mut faults = FieldFaults::new();
        let read = les(&request, by, NOW, innstillinger().unwrap(), &mut faults);
        match faults.finish() {
            Ok(()) => Ok(read.unwrap()),
            Err(refusal) => Err(refusal
                .felt
                .into_iter()
                .map(|fault| (fault.felt, fault.grunn))
                .collect()),
        }
    }

    #[test]
    fn every_field_is_held_to_its_rule() {
        type Change = fn(&mut RegistrerRisikovurderingRequest);
        let table: [(Change, &str, Feilgrunn); 10] = [
            (|r| r.niva = 0, "niva", Feilgrunn::FeltUkjentVerdi),
            (|r| r.tiltak.clear(), "tiltak", Feilgrunn::FeltMangler),
            (
                |r| r.tiltak = vec![Risikotiltak::Alarm.into()],
                "tiltak",
                Feilgrunn::FeltMotstrid,
            ),
            (
                |r| r.tiltak = vec![99, Risikotiltak::ToAnsatte.into()],
                "tiltak[0]",
                Feilgrunn::FeltUkjentVerdi,
            ),
            (|r| r.kilde = 0, "kilde", Feilgrunn::FeltUkjentVerdi),
            (|r| r.grunnlag.clear(), "grunnlag", Feilgrunn::FeltMangler),
            (|r| r.hjemmel = None, "hjemmel", Feilgrunn::FeltMangler),
            (|r| r.utloper = None, "utloper", Feilgrunn::FeltMangler),
            (
                |r| r.utloper = Some(NOW.into()),
                "utloper",
                Feilgrunn::FeltForm,
            ),
            (
                |r| r.utloper = Some(NOW.plus(DAY * 366).into()),
                "utloper",
                Feilgrunn::FeltForm,
            ),
        ];
        assert!(read(|_| ()).is_ok());
        for (change, field, reason) in table {
            assert_eq!(read(change), Err(vec![(field.to_owned(), reason)]));
        }
        let green_without_measures = read(|r| {
            r.niva = Risikoniva::Gronn.into();
            r.tiltak.clear();
        });
        assert!(green_without_measures.is_ok());
        let yellow_with_an_alarm = read(|r| {
            r.niva = Risikoniva::Gul.into();
            r.tiltak = vec![Risikotiltak::Alarm.into()];
        });
        assert!(yellow_with_an_alarm.is_ok());
    }

    /// Measures of the level, measures chosen, and how many go while it holds
    /// and after it expired.
    ///
    /// Seen red: with a level that lapses with its assessment.
    #[test]
    fn two_by_the_level_outlasts_the_expiry() {
        let two = Risikotiltak::ToAnsatte;
        for (always, chosen, holds, expired) in [
            (&[two][..], &[two][..], Bemanning::To, Bemanning::ToUtlopt),
            // From before the level asked.
            (
                &[two],
                &[Risikotiltak::Alarm],
                Bemanning::To,
                Bemanning::ToUtlopt,
            ),
            (&[], &[two], Bemanning::To, Bemanning::En),
            (&[], &[Risikotiltak::Alarm], Bemanning::En, Bemanning::En),
        ] {
            let new = read(|_| ()).unwrap();
            let (mut one, _, _) = registrer(new, "p".into(), "1".into(), None, NOW);
            one.innhold.tiltak = chosen.to_vec();
            assert_eq!(bemanning(&one, always, NOW), holds, "{always:?} {chosen:?}");
            let after = bemanning(&one, always, one.utloper);
            assert_eq!(after, expired, "{always:?} {chosen:?}");
        }
    }

    #[test]
    fn a_newer_one_replaces_the_older_and_its_clock() {
        let new = || read(|_| ()).unwrap();
        let (first, none, out) = registrer(new(), "p".into(), "1".into(), None, NOW);
        assert!(none.is_none());
        let [Fristendring::Sett(deadline)] = out.frister.as_slice() else {
            panic!("{:?}", out.frister)
        };
        assert_eq!(deadline.due, first.utloper);
        assert_eq!(deadline.warn, Some(first.utloper.minus(DAY * 14)));

        let later = NOW.plus(DAY);
        let (second, replaced, out) = registrer(new(), "p".into(), "2".into(), Some(first), later);
        let replaced = replaced.unwrap();
        assert!(!replaced.gjelder(later) && replaced.utloper == later);
        assert!(second.gjelder(later));
        assert_eq!(second.innhold.erstatter.as_deref(), Some("1"));
        assert!(matches!(
            out.frister.as_slice(),
            [Fristendring::Slett { .. }, Fristendring::Sett(_)]
        ));
    }

    #[test]
    fn an_expired_one_does_not_hold() {
        let new = read(|_| ()).unwrap();
        let (only, _, _) = registrer(new, "p".into(), "1".into(), None, NOW);
        assert!(only.gjelder(Tid(only.utloper.0 - 1)));
        assert!(!only.gjelder(only.utloper));
    }
}
